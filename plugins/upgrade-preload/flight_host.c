/* flight_host.c: evidence from this host's disk. */
#include "plugins/upgrade-preload/flight.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define NS_PER_S INT64_C(1000000000)
#define BLOCK 512 /* bytes of st_blocks' unit */

/* Bytes on disk below a folder; files that go meanwhile do not count. 0, or -errno: not all of it could be seen. */
static int
measure(const struct up_work *work, char *path, uint64_t *ret)
{
    char *const roots[] = {path, NULL};
    FTS        *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    FTSENT     *entry;
    int         r = tree ? 0 : -errno;

    *ret = 0;
    while (tree && (entry = fts_read(tree))) {
        if (work->host->cancelled(work->run))
            r = -ECANCELED;
        if ((entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) &&
            (entry->fts_errno != ENOENT || entry->fts_level == FTS_ROOTLEVEL))
            r = entry->fts_errno ? -entry->fts_errno : -EIO;
        if (r < 0)
            break;
        if (entry->fts_info != FTS_DP && entry->fts_info != FTS_NS && entry->fts_info != FTS_DNR)
            *ret += (uint64_t)entry->fts_statp->st_blocks * BLOCK;
    }
    if (tree)
        (void)fts_close(tree);
    return r;
}

static void
see_disk(struct up_work *work, const char *home, struct up_flight *flight)
{
    uint64_t       margin = (uint64_t)work->host->num(work->run, "margin");
    uint64_t       data = 0;
    char           path[PATH_MAX];
    struct statvfs fs;
    int            r = 0;

    (void)snprintf(path, sizeof(path), "%s/data", home);
    if (work->host->num(work->run, "backup"))
        r = measure(work, path, &data);
    if (r < 0)
        up_line_add(flight, "disk", UP_LIGHT_UNKNOWN, "%.200s cannot be measured: %s", path, strerrordesc_np(-r));
    else if (statvfs(home, &fs) < 0)
        up_line_add(flight, "disk", UP_LIGHT_UNKNOWN, "free space at %.200s: %s", home, strerrordesc_np(errno));
    else
        up_judge_disk(flight, (uint64_t)fs.f_bavail * fs.f_frsize, data, margin);
}

/* When the newest of data/snapshots/<height> was written; 0 when there is none. -errno when it cannot be seen. */
static int
newest_snapshot(const char *home, int64_t *ret_ns)
{
    char           path[PATH_MAX];
    DIR           *dir;
    struct dirent *entry;

    *ret_ns = 0;
    (void)snprintf(path, sizeof(path), "%s/data/snapshots", home);
    dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir(dir))) {
        struct stat st;

        if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
            continue;
        if (st.st_mtim.tv_sec * NS_PER_S > *ret_ns)
            *ret_ns = st.st_mtim.tv_sec * NS_PER_S;
    }
    (void)closedir(dir);
    return 0;
}

static void
see_snapshot(struct up_work *work, const char *home, struct up_flight *flight, int64_t now_ns)
{
    int64_t newest;
    int     r = newest_snapshot(home, &newest);

    if (r < 0)
        up_line_add(flight, "snapshot", UP_LIGHT_WARN, "%.200s/data/snapshots: %s", home, strerrordesc_np(-r));
    else
        up_judge_snapshot(flight, newest, now_ns, work->host->num(work->run, "max_snapshot_age"));
}

/* The program is run where it lies: that it could be run elsewhere once is no proof. */
static void
see_program(struct up_work *work, struct up_program *program, struct up_target *target, struct up_flight *flight)
{
    struct up_wish  wish = up_work_wish(work, program);
    struct up_place place = {program->home, target->folder, program->kind->daemon};
    char            path[PATH_MAX];
    char            why[UP_WHY] = "";
    int             tried = GA_UNKNOWN;

    if (target->step == UP_STEP_NONE) {
        tried = up_stage_try(&wish, up_place_path(&place, path, sizeof(path)), work->host->cancel_fd(work->run),
                             &program->staged, why, sizeof(why));
        if (tried == GA_OK)
            (void)snprintf(why, sizeof(why), "%s",
                           *program->staged.said ? program->staged.said : program->staged.not_run);
    }
    up_judge_program(flight, program, target, tried, why);
}

void
up_see_host(struct up_work *work, struct up_flight *flight, int64_t now_ns)
{
    const char *home = work->programs[0].home;

    for (size_t i = 0; i < UP_PROGRAMS; i++)
        for (size_t k = 0; work->programs[i].home && k < work->programs[i].n_targets; k++)
            see_program(work, &work->programs[i], &work->programs[i].targets[k], flight);
    if (!home)
        return;
    see_disk(work, home, flight);
    see_snapshot(work, home, flight, now_ns);
}

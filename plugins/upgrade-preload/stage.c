/* stage.c: a program of an upgrade in the work folder: fetched, unpacked, verified, tried. */
#include "plugins/upgrade-preload/stage.h"
#include "plugins/upgrade-preload/program.h"

#include "kit/clean.h"
#include "kit/download.h"
#include "kit/http.h"
#include "kit/remove.h"
#include "kit/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "preload-" /* of all files of ours in the work folder */
#define HOME_PREFIX PREFIX "home-"
#define HOME_AGE_S 3600 /* longer than any trial lasts */

struct teller {
    struct ga_run        *run;
    const struct ga_host *host;
    char                  what[160];
};

static void
tell(uint64_t done, uint64_t total, void *userdata)
{
    struct teller *teller = userdata;

    teller->host->progress(teller->run, teller->what, done, total);
}

static int
outcome_of(int r)
{
    switch (r) {
    case 0:
        return GA_OK;
    case -ECANCELED:
    case -EIO:
    case -EREMOTEIO:
        return GA_UNKNOWN;
    case -EBADMSG:
    case -EFBIG:
    case -EINVAL:
    case -EPERM:
    case -ENOENT:
    case -EEXIST:
    case -ENOEXEC:
        return GA_REFUSED;
    default:
        return GA_FAILED;
    }
}

/* The work folder; it must be ours alone, since what lies in it is executed. -1 with a sentence. */
static int
open_work(const char *path, char *why, size_t len)
{
    int         fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)snprintf(why, len, "work_dir %s: %s; make it: install -d -m 0700 %s", path, strerrordesc_np(errno), path);
    } else if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        (void)snprintf(why, len,
                       "work_dir %s belongs to others or may be written by others: chown it to the agent's "
                       "user and chmod 0700 it",
                       path);
    } else {
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* "preload-inferenced-fab7be9bcdb4e21f.archive": another archive has another name, so nothing of it is resumed. */
static char *
file_name(const struct up_wish *wish, const char *kind, char *buf, size_t len)
{
    (void)snprintf(buf, len, PREFIX "%s-%.16s.%s", wish->daemon,
                   *wish->archive_sha256 ? wish->archive_sha256 : "unverified", kind);
    return buf;
}

static int
fetch(struct ga_run *run, const struct ga_host *host, const struct up_wish *wish, int fd, struct up_staged *ret,
      char *why, size_t len)
{
    struct teller        teller = {.run = run, .host = host};
    struct ga_downloaded got;
    char                *url = ga_upgrade_plain_url(wish->url);
    struct ga_download   download = {.url = url,
                                     .fd = fd,
                                     .sha256 = wish->archive_sha256,
                                     .max_bytes = wish->max_archive,
                                     .cancel_fd = host->cancel_fd(run),
                                     .progress = tell,
                                     .userdata = &teller};
    int                  r;

    if (!url) {
        (void)snprintf(why, len, "there is not enough memory");
        return -ENOMEM;
    }
    (void)snprintf(teller.what, sizeof(teller.what), "fetching %s", wish->daemon);
    r = ga_download(&download, &got);
    free(url);
    ret->fetched = got.fetched;
    ret->resumed = got.resumed;
    (void)snprintf(ret->archive_sha256, sizeof(ret->archive_sha256), "%s", got.sha256);
    if (r < 0) {
        (void)snprintf(why, len, "%s", got.error);
        (void)ga_clean(why);
    }
    return r;
}

/* The program out of the archive into a file of its own, synced. */
static int
extract(const struct ga_host *host, struct ga_run *run, const struct up_wish *wish, int archive, int work,
        struct up_staged *ret, char *why, size_t len)
{
    char             name[NAME_MAX];
    struct ga_unpack unpack = {
        .fd = archive, .name = wish->daemon, .max_bytes = wish->max_extracted, .cancel_fd = host->cancel_fd(run)};
    int r;

    (void)file_name(wish, "program", name, sizeof(name));
    unpack.out_fd = openat(work, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0700);
    if (unpack.out_fd < 0) {
        (void)snprintf(why, len, "work_dir %s: %s cannot be made: %s", wish->work_dir, name, strerrordesc_np(errno));
        return -EACCES;
    }
    r = ga_unpack_one(&unpack, &ret->bytes, why, len);
    if (r == 0 && fsync(unpack.out_fd) < 0) {
        r = -ENOSPC;
        (void)snprintf(why, len, "work_dir %s: %s cannot be synced", wish->work_dir, name);
    }
    (void)close(unpack.out_fd); /* what is open for writing cannot be executed */
    if (r == 0) {
        ret->fd = openat(work, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        r = ret->fd < 0 ? -EACCES : up_hash(ret->fd, host->cancel_fd(run), ret->sha256);
        if (r < 0)
            (void)snprintf(why, len, "work_dir %s: %s cannot be read back", wish->work_dir, name);
    }
    return r;
}

/* --- trying --------------------------------------------------------------------------------------------------------
 */

static int
check_platform(const struct up_wish *wish, int fd, struct up_elf *elf, char *why, size_t len)
{
    char what[120];
    int  r = up_elf_read(fd, elf, what, sizeof(what));

    if (r < 0)
        (void)snprintf(why, len, "the file %s %s", wish->daemon, r == -ENOEXEC ? what : "cannot be read");
    else if (strcmp(elf->platform, wish->platform) != 0)
        (void)snprintf(why, len, "the file %s is a program for %s, not for %s", wish->daemon,
                       *elf->platform ? elf->platform : "another kind of machine", wish->platform);
    return r < 0 ? r : strcmp(elf->platform, wish->platform) == 0 ? 0 : -ENOEXEC;
}

/* Can it be tried on this machine at all? 1, or 0 with the reason in not_run. */
static int
can_try(const struct up_elf *elf, struct up_staged *ret)
{
    if (!*elf->loader || access(elf->loader, X_OK) == 0)
        return 1;
    (void)snprintf(ret->not_run, sizeof(ret->not_run), "it needs the loader %s, which this machine does not have",
                   elf->loader);
    return 0;
}

static int
run_it(const struct up_wish *wish, const char *path, int cancel_fd, struct up_staged *ret, char *why, size_t len)
{
    char              home[PATH_MAX];
    char              what[400] = "";
    struct ga_removed removed;
    struct up_try     attempt = {.path = path,
                                 .argument = wish->argument,
                                 .may_fail = wish->may_fail,
                                 .home = home,
                                 .timeout_ns = wish->try_timeout_ns,
                                 .cancel_fd = cancel_fd};
    int               work = open_work(wish->work_dir, why, len);
    int               r;

    if (work < 0)
        return -EPERM;
    (void)snprintf(home, sizeof(home), "%s/" HOME_PREFIX "XXXXXX", wish->work_dir);
    if (!mkdtemp(home)) {
        (void)snprintf(why, len, "work_dir %s: no folder can be made in it: %s", wish->work_dir,
                       strerrordesc_np(errno));
        r = -EACCES;
    } else {
        r = up_try_program(&attempt, ret->said, sizeof(ret->said), what, sizeof(what));
        if (r < 0)
            (void)snprintf(why, len, "the program %s does not run (`%s %s`): %s", wish->daemon, wish->daemon,
                           wish->argument, what);
        (void)ga_remove_tree(work, strrchr(home, '/') + 1, NULL, &removed);
    }
    (void)close(work);
    return r;
}

int
up_stage_try(const struct up_wish *wish, const char *path, int cancel_fd, struct up_staged *ret, char *why, size_t len)
{
    int           fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct up_elf elf;
    int           r;

    if (fd < 0) {
        (void)snprintf(why, len, "%s cannot be opened: %s", path, strerrordesc_np(errno));
        return GA_UNKNOWN;
    }
    r = check_platform(wish, fd, &elf, why, len);
    (void)close(fd);
    if (r == 0 && can_try(&elf, ret))
        return outcome_of(run_it(wish, path, cancel_fd, ret, why, len));
    if (r == 0 && wish->must_run) {
        (void)snprintf(why, len, "the program %s was not tried: %s; with run_check: try it is installed all the same",
                       wish->daemon, ret->not_run);
        return GA_REFUSED;
    }
    return outcome_of(r);
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static int
compare(const struct up_wish *wish, const struct up_staged *staged, char *why, size_t len)
{
    if (!*wish->file_sha256 || strcmp(wish->file_sha256, staged->sha256) == 0)
        return GA_OK;
    (void)snprintf(why, len, "the program %s in the archive has the sha256 %s, but %s was given", wish->daemon,
                   staged->sha256, wish->file_sha256);
    return GA_REFUSED;
}

int
up_stage(struct ga_run *run, const struct ga_host *host, const struct up_wish *wish, struct up_staged *ret, char *why,
         size_t len)
{
    char name[NAME_MAX];
    char path[PATH_MAX];
    int  work = open_work(wish->work_dir, why, len);
    int  archive = -1;
    int  r;

    *ret = (struct up_staged){.fd = -1};
    if (work < 0)
        return GA_REFUSED;
    archive =
        openat(work, file_name(wish, "archive", name, sizeof(name)), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (archive < 0) {
        (void)snprintf(why, len, "work_dir %s: %s cannot be made: %s", wish->work_dir, name, strerrordesc_np(errno));
        r = GA_FAILED;
    } else {
        r = fetch(run, host, wish, archive, ret, why, len);
        if (r == 0)
            r = extract(host, run, wish, archive, work, ret, why, len);
        r = outcome_of(r);
        (void)close(archive);
    }
    (void)close(work);
    if (r == GA_OK)
        r = compare(wish, ret, why, len);
    (void)snprintf(path, sizeof(path), "%s/%s", wish->work_dir, file_name(wish, "program", name, sizeof(name)));
    return r == GA_OK ? up_stage_try(wish, path, host->cancel_fd(run), ret, why, len) : r;
}

void
up_staged_done(struct up_staged *staged)
{
    if (staged->fd >= 0)
        (void)close(staged->fd);
    staged->fd = -1;
}

static int
ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t k = strlen(end);

    return n > k && strcmp(name + n - k, end) == 0;
}

/* A folder of a trial whose run was killed; one that is in use is young. */
static int
is_old_home(int work, const char *name)
{
    struct stat st;

    return strncmp(name, HOME_PREFIX, sizeof(HOME_PREFIX) - 1) == 0 &&
           fstatat(work, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec < time(NULL) - HOME_AGE_S;
}

void
up_stage_clear(const char *work_dir)
{
    DIR              *dir = opendir(work_dir);
    struct dirent    *entry;
    struct ga_removed removed;

    while (dir && (entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0)
            continue;
        if (ends_in(name, ".archive") || ends_in(name, ".program"))
            (void)unlinkat(dirfd(dir), name, 0);
        else if (is_old_home(dirfd(dir), name))
            (void)ga_remove_tree(dirfd(dir), name, NULL, &removed);
    }
    if (dir)
        (void)closedir(dir);
}

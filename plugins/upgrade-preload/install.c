/* install.c: puts a verified program into a home, in one step that a crash cannot halve. */
#include "plugins/upgrade-preload/home.h"
#include "plugins/upgrade-preload/program.h"

#include "kit/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE ".gonka-agent-preload"
#define CHUNK ((size_t)1 << 20)
#define FOLDER_MODE 0755
#define PROGRAM_MODE 0755

struct job {
    const struct up_place *place;
    int                    from_fd;
    const char            *sha256;
    int                    cancel_fd;
    struct stat            owner; /* of cosmovisor/: what is made here gets the same */
    int                    cosmovisor;
    int                    upgrades;
    int                    stage;
    int                    bin; /* in the stage */
    char                  *why;
    size_t                 len;
};

static int
say(const struct job *job, int r, const char *what)
{
    (void)snprintf(job->why, job->len, "%s/cosmovisor: %s: %s", job->place->home, what, strerrordesc_np(-r));
    return r;
}

static int
give_away(const struct job *job, int fd, mode_t mode)
{
    if (fchown(fd, job->owner.st_uid, job->owner.st_gid) < 0)
        return say(job, -errno,
                   "what is new cannot be given to the owner of cosmovisor/; run the agent as that owner or as root");
    return fchmod(fd, mode) < 0 ? say(job, -errno, "the mode cannot be set") : 0;
}

/* A folder of ours, made when it is not there; a descriptor in *ret. */
static int
make_folder(const struct job *job, int at, const char *name, int *ret)
{
    int made = mkdirat(at, name, FOLDER_MODE) == 0;

    if (!made && errno != EEXIST)
        return say(job, -errno, "a folder cannot be made");
    *ret = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret < 0)
        return say(job, -errno, "a folder cannot be opened");
    return made ? give_away(job, *ret, FOLDER_MODE) : 0;
}

static int
copy(const struct job *job, int to)
{
    char *chunk = malloc(CHUNK);
    int   r = chunk ? 0 : -ENOMEM;

    for (off_t at = 0; r == 0;) {
        struct pollfd cancel = {.fd = job->cancel_fd, .events = POLLIN};
        ssize_t       n = pread(job->from_fd, chunk, CHUNK, at);

        if (n == 0)
            break;
        if (n < 0)
            r = errno == EINTR ? 0 : -errno;
        for (ssize_t done = 0; n > 0 && done < n && r == 0;) {
            ssize_t w = write(to, chunk + done, (size_t)(n - done));

            if (w < 0 && errno != EINTR)
                r = -errno;
            done += w > 0 ? w : 0;
        }
        at += n > 0 ? n : 0;
        if (r == 0 && job->cancel_fd > 0 && poll(&cancel, 1, 0) > 0)
            r = -ECANCELED;
    }
    free(chunk);
    return r < 0 ? say(job, r, "the program cannot be copied") : 0;
}

/* The program in the stage: copied, synced, read back and compared, given away. */
static int
write_program(const struct job *job)
{
    char found[UP_SHA256];
    int  fd = openat(job->bin, job->place->daemon, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int  r;

    if (fd < 0)
        return say(job, -errno, "the program cannot be written");
    r = copy(job, fd);
    if (r == 0 && fsync(fd) < 0)
        r = say(job, -errno, "the program cannot be synced");
    if (r == 0 && (r = up_hash(fd, job->cancel_fd, found)) < 0)
        r = say(job, r, "the program cannot be read back");
    if (r == 0 && strcmp(found, job->sha256) != 0)
        r = say(job, -EBADMSG, "the copy on the disk is not what was verified");
    if (r == 0)
        r = give_away(job, fd, PROGRAM_MODE);
    (void)close(fd);
    return r;
}

/* An empty stage: what a run that was killed has left there goes. */
static int
open_stage(struct job *job)
{
    struct ga_removed removed;
    int               r = ga_remove_tree(job->cosmovisor, STAGE, NULL, &removed);

    if (r < 0 && r != -ENOENT)
        return say(job, r, STAGE " of an earlier run cannot be removed");
    if (mkdirat(job->cosmovisor, STAGE, 0700) < 0)
        return say(job, -errno, STAGE " cannot be made");
    job->stage = openat(job->cosmovisor, STAGE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job->stage < 0)
        return say(job, -errno, STAGE " cannot be opened");
    r = make_folder(job, job->stage, "bin", &job->bin);
    return r < 0 ? r : give_away(job, job->stage, FOLDER_MODE);
}

static int
sync_folder(const struct job *job, int fd)
{
    return fsync(fd) < 0 ? say(job, -errno, "a folder cannot be synced") : 0;
}

/* There is no upgrades/<name>: the stage becomes it. */
static int
publish_folder(const struct job *job)
{
    int r = sync_folder(job, job->bin);

    if (r == 0)
        r = sync_folder(job, job->stage);
    if (r == 0 && renameat2(job->cosmovisor, STAGE, job->upgrades, job->place->folder, RENAME_NOREPLACE) < 0)
        r = say(job, -errno, "the upgrade's folder cannot be put in its place");
    return r == 0 ? sync_folder(job, job->upgrades) : r;
}

/* There is upgrades/<name>, without the program or with another: the program goes into it. */
static int
publish_program(const struct job *job, int folder)
{
    int bin = -1;
    int r = make_folder(job, folder, "bin", &bin);

    if (r == 0 && renameat(job->bin, job->place->daemon, bin, job->place->daemon) < 0)
        r = say(job, -errno, "the program cannot be put in its place");
    if (r == 0)
        r = sync_folder(job, bin);
    if (r == 0)
        r = sync_folder(job, folder);
    if (bin >= 0)
        (void)close(bin);
    return r;
}

static int
publish(const struct job *job)
{
    struct ga_removed removed;
    int folder = openat(job->upgrades, job->place->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r;

    if (folder < 0 && errno == ENOENT)
        return publish_folder(job);
    if (folder < 0)
        return say(job, -errno, "the upgrade's folder cannot be opened");
    r = publish_program(job, folder);
    (void)close(folder);
    if (r == 0)
        (void)ga_remove_tree(job->cosmovisor, STAGE, NULL, &removed); /* empty by now; the next run would do it, too */
    return r;
}

int
up_install(const struct up_place *place, int from_fd, const char *sha256, int cancel_fd, char *why, size_t len)
{
    struct job job = {.place = place,
                      .from_fd = from_fd,
                      .sha256 = sha256,
                      .cancel_fd = cancel_fd,
                      .cosmovisor = -1,
                      .upgrades = -1,
                      .stage = -1,
                      .bin = -1,
                      .why = why,
                      .len = len};
    char       path[PATH_MAX];
    int        r = 0;

    (void)snprintf(path, sizeof(path), "%s/cosmovisor", place->home);
    job.cosmovisor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job.cosmovisor < 0 || fstat(job.cosmovisor, &job.owner) < 0)
        r = say(&job, -errno, "it cannot be opened");
    if (r == 0)
        r = make_folder(&job, job.cosmovisor, "upgrades", &job.upgrades);
    if (r == 0)
        r = open_stage(&job);
    if (r == 0)
        r = write_program(&job);
    if (r == 0)
        r = publish(&job);
    for (int *fd = (int[]){job.bin, job.stage, job.upgrades, job.cosmovisor, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    return r;
}

int
up_make_runnable(const struct up_place *place, char *why, size_t len)
{
    char path[PATH_MAX];
    int  fd = open(up_place_path(place, path, sizeof(path)), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int  r = fd < 0 || fchmod(fd, PROGRAM_MODE) < 0 ? -errno : 0;

    if (r < 0)
        (void)snprintf(why, len, "%s: its mode cannot be set: %s", path, strerrordesc_np(-r));
    if (fd >= 0)
        (void)close(fd);
    return r;
}

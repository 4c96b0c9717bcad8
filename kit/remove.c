/* remove.c: removes a directory tree by handle. */
#include "kit/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kit/remove_walk.h"

#define LOOK_NS 10000000       /* how often to ask whether to stop */
#define TELL_NS 250000000      /* how often to report progress */
#define SLEEP_LEAST_NS 5000000 /* shorter debts are carried on: sleeping for them would cost more than it saves */
#define ATTEMPTS 16            /* for a directory that others still fill */

/* linux/ioprio.h is not in the headers of Debian 12 */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE (3 << 13)

/* A removal under way. */
struct removal {
    const struct ga_remove_options *options;
    struct ga_removed              *done;
    int64_t                         looked_ns; /* when cancel_fd was last asked */
    int64_t                         told_ns;
    int64_t                         due_ns; /* the limits allow the next file from then on */
};

static int64_t
now_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Waits for cancel_fd, at most wait_ns. -ECANCELED when the removal should stop. */
static int
look_at_cancel(const struct removal *removal, int64_t wait_ns)
{
    struct pollfd   cancel = {.fd = removal->options->cancel_fd, .events = POLLIN};
    struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};

    if (cancel.fd < 0 && wait_ns == 0)
        return 0;
    return ppoll(&cancel, 1, &wait, NULL) > 0 ? -ECANCELED : 0;
}

/* Before each file: should the removal stop, wait, tell? */
static int
breathe(struct removal *removal)
{
    int64_t now = now_ns(CLOCK_MONOTONIC_COARSE);
    int     r;

    if (now - removal->looked_ns >= LOOK_NS) {
        removal->looked_ns = now;
        r = look_at_cancel(removal, 0);
        if (r < 0)
            return r;
    }
    if (removal->options->progress && now - removal->told_ns >= TELL_NS) {
        removal->told_ns = now;
        removal->options->progress(removal->options->context, removal->done);
    }
    while (removal->due_ns > 0) {
        int64_t wait = removal->due_ns - now_ns(CLOCK_MONOTONIC);

        if (wait < SLEEP_LEAST_NS)
            break;
        r = look_at_cancel(removal, wait < TELL_NS ? wait : TELL_NS);
        if (r < 0)
            return r;
        if (removal->options->progress && wait >= TELL_NS)
            removal->options->progress(removal->options->context, removal->done);
    }
    return 0;
}

/* Books a file against the limits. */
static void
charge(struct removal *removal, uint64_t bytes)
{
    const struct ga_remove_options *options = removal->options;
    double                          cost = 0;
    int64_t                         now;

    if (options->max_files_per_s > 0)
        cost = 1e9 / (double)options->max_files_per_s;
    if (options->max_bytes_per_s > 0 && (double)bytes * 1e9 / (double)options->max_bytes_per_s > cost)
        cost = (double)bytes * 1e9 / (double)options->max_bytes_per_s;
    if (cost <= 0)
        return;
    now = now_ns(CLOCK_MONOTONIC);
    if (removal->due_ns < now)
        removal->due_ns = now; /* time not used is not saved up for a burst */
    removal->due_ns += cost < 9e17 ? (int64_t)cost : INT64_C(900000000000000000);
}

/* Notes what stays: the first with its place. */
static void
note_left(struct removal *removal, const struct ga_walk *walk, const char *name, int error)
{
    struct ga_removed *done = removal->done;

    if (done->left++ > 0)
        return;
    done->error = error;
    (void)ga_walk_path(walk, name, done->where, sizeof(done->where));
}

static int
remove_entry(void *context, struct ga_walk *walk, int dir_fd, const char *name)
{
    struct removal                 *removal = context;
    const struct ga_remove_options *options = removal->options;
    uint64_t                        bytes = 0;
    struct stat                     st;
    int                             r = breathe(removal);

    if (r < 0)
        return r;
    /* of a file with other names the disk gets nothing back; one that cannot be looked at frees what is not known */
    if ((options->count_bytes || options->max_bytes_per_s > 0) && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        bytes = st.st_nlink == 1 ? (uint64_t)st.st_blocks * 512 : 0;
    if (unlinkat(dir_fd, name, 0) == 0) {
        removal->done->files++;
        removal->done->bytes += bytes;
        charge(removal, bytes);
    } else if (errno != ENOENT) {
        note_left(removal, walk, name, -errno);
    }
    return 0;
}

static int
remove_directory(void *context, struct ga_walk *walk, int parent_fd, const char *name, unsigned attempt)
{
    struct removal *removal = context;
    int             r = breathe(removal);

    if (r < 0)
        return r;
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0) {
        removal->done->directories++;
        return 0;
    }
    if (errno == ENOENT)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        note_left(removal, walk, NULL, -errno);
    else if (removal->done->left == 0 && attempt < ATTEMPTS)
        return GA_WALK_AGAIN; /* somebody put something in, or the filesystem skipped entries while we removed */
    else if (removal->done->left == 0)
        note_left(removal, walk, NULL, -ENOTEMPTY);
    return 0;
}

static int
skip_blocked(void *context, struct ga_walk *walk, const char *name, int error)
{
    note_left(context, walk, name, error);
    return 0;
}

int
ga_remove_tree(int parent_fd, const char *name, const struct ga_remove_options *options, struct ga_removed *ret)
{
    static const struct ga_remove_options none = {.cancel_fd = -1};
    static const struct ga_walk_calls     calls = {
            .entry = remove_entry, .leave = remove_directory, .blocked = skip_blocked};
    struct removal removal = {.options = options ? options : &none, .done = ret};
    int            r;

    *ret = (struct ga_removed){.files = 0};
    if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    r = look_at_cancel(&removal, 0);
    if (r == 0)
        r = ga_walk_tree(parent_fd, name, &calls, &removal);
    if (r == 0 && ret->left > 0)
        r = -ENOTEMPTY;
    if (removal.options->progress)
        removal.options->progress(removal.options->context, ret);
    return r;
}

int
ga_disk_idle(void)
{
    return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE) < 0 ? -errno : 0;
}

/* reseed_data.c: the node's data: is it in use, and out of its place and back into it. */
#include "plugins/seed-manager/reseed.h"

#include "kit/json.h"
#include "kit/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* --- who uses it? --------------------------------------------------------------------------------------------------
 */

/* Databases lock a file while they are open, goleveldb by flock(), others by fcntl(). It is asked, and let go at once.
 */
static enum reseed_use
lock_use(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (flock(fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? RESEED_IN_USE : RESEED_UNSEEN;
    (void)flock(fd, LOCK_UN);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return RESEED_UNSEEN;
    return lock.l_type == F_UNLCK ? RESEED_FREE : RESEED_IN_USE;
}

enum reseed_use
reseed_data_use(const struct place *place, char *why)
{
    static const char *const databases[] = {"application.db", "blockstore.db", "state.db",
                                            "evidence.db",    "tx_index.db",   "snapshots/metadata.db"};

    for (size_t i = 0; i < sizeof(databases) / sizeof(*databases); i++) {
        char            path[128];
        enum reseed_use use;
        int             fd;

        (void)snprintf(path, sizeof(path), RESEED_DATA "/%s/LOCK", databases[i]);
        fd = openat(place->home_fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        use = fd < 0 ? RESEED_UNSEEN : lock_use(fd);
        if (fd >= 0)
            (void)close(fd);
        if (use == RESEED_UNSEEN)
            (void)snprintf(why, EDIT_WHY_MAX, "whether .inference/%s is locked cannot be seen", path);
        else if (use == RESEED_IN_USE)
            (void)snprintf(why, EDIT_WHY_MAX, ".inference/%s is locked: the node runs", path);
        if (use != RESEED_FREE)
            return use;
    }
    return RESEED_FREE;
}

int
reseed_stopped(struct reseed *reseed)
{
    watch_done(&reseed->look);
    if (watch_ask(reseed->run, reseed->host, reseed->now_ns, &reseed->look) != GA_OK) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "%s", reseed->look.why);
        return GA_REFUSED;
    }
    if (reseed->look.answered) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "the node runs: it answers");
        return GA_REFUSED;
    }
    switch (reseed_data_use(&reseed->place, reseed->why)) {
    case RESEED_FREE:
        return GA_OK;
    case RESEED_IN_USE:
        return GA_REFUSED;
    case RESEED_UNSEEN:
        break;
    }
    return GA_UNKNOWN;
}

/* --- moving --------------------------------------------------------------------------------------------------------
 */

static int
failed(struct reseed *reseed, const char *what, const char *name)
{
    (void)snprintf(reseed->why, sizeof(reseed->why), "%.300s/.inference/%s cannot be %s: %s", reseed->place.deploy_dir,
                   name, what, strerrordesc_np(errno));
    return GA_FAILED;
}

static int
is_old_data(const struct reseed *reseed, const char *name, struct stat *st)
{
    return fstatat(reseed->place.home_fd, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st->st_mode) &&
           (uint64_t)st->st_dev == reseed->state.dev && (uint64_t)st->st_ino == reseed->state.ino;
}

static int
is_there(const struct reseed *reseed, const char *name)
{
    struct stat st;

    return fstatat(reseed->place.home_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
rename_to(struct reseed *reseed, const char *from, const char *to)
{
    int home = reseed->place.home_fd;

    return renameat2(home, from, home, to, RENAME_NOREPLACE) == 0 ? GA_OK : failed(reseed, "moved", from);
}

/* An empty folder with the old one's owner and mode. */
static int
make_data(struct reseed *reseed, const struct stat *old)
{
    int home = reseed->place.home_fd;

    if (mkdirat(home, RESEED_DATA, 0700) < 0)
        return failed(reseed, "made", RESEED_DATA);
    if (fchownat(home, RESEED_DATA, old->st_uid, old->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(home, RESEED_DATA, old->st_mode & 07777, 0) < 0)
        return failed(reseed, "given its owner and mode", RESEED_DATA);
    return GA_OK;
}

/* The flag goes first: a node that is started in between finds its data and only sets up its seeds again. */
static int
move_all(struct reseed *reseed)
{
    const struct reseed_state *state = &reseed->state;
    struct stat                old;
    int                        r = GA_OK;

    if (is_there(reseed, RESEED_FLAG) && !is_there(reseed, state->flag))
        r = rename_to(reseed, RESEED_FLAG, state->flag);
    if (r == GA_OK && is_old_data(reseed, RESEED_DATA, &old))
        r = rename_to(reseed, RESEED_DATA, state->data);
    if (r == GA_OK && !is_old_data(reseed, state->data, &old)) {
        errno = ENOENT;
        r = failed(reseed, "found", state->data);
    }
    if (r == GA_OK && !is_there(reseed, RESEED_DATA))
        r = make_data(reseed, &old);
    return r == GA_OK && fsync(reseed->place.home_fd) < 0 ? failed(reseed, "synced", "") : r;
}

/* What has come into being since then stays, too: under a name of its own. */
static int
move_all_back(struct reseed *reseed)
{
    const struct reseed_state *state = &reseed->state;
    char                       dropped[PLACE_NAME_MAX + 16];
    struct stat                old;
    int                        r = GA_OK;

    if (is_old_data(reseed, state->data, &old)) {
        (void)snprintf(dropped, sizeof(dropped), RESEED_DATA "-dropped-%s",
                       state->data + strlen(RESEED_DATA "-before-reseed-"));
        if (is_there(reseed, RESEED_DATA))
            r = rename_to(reseed, RESEED_DATA, dropped);
        if (r == GA_OK)
            r = rename_to(reseed, state->data, RESEED_DATA);
    } else if (!is_old_data(reseed, RESEED_DATA, &old)) {
        errno = ENOENT;
        return failed(reseed, "found", state->data);
    }
    if (r == GA_OK && is_there(reseed, state->flag) && !is_there(reseed, RESEED_FLAG))
        r = rename_to(reseed, state->flag, RESEED_FLAG);
    return r == GA_OK && fsync(reseed->place.home_fd) < 0 ? failed(reseed, "synced", "") : r;
}

/* Asks for an act about the data. */
static int
ask(struct reseed *reseed, const char *verb, const char *key)
{
    cJSON *details = cJSON_CreateObject();
    char   object[PLACE_PATH_MAX + 64];
    char  *text;
    int    answer;

    (void)cJSON_AddStringToObject(details, key, reseed->state.data);
    text = ga_json_print(details);
    cJSON_Delete(details);
    (void)snprintf(object, sizeof(object), "%s/.inference/" RESEED_DATA, reseed->place.deploy_dir);
    answer = reseed->host->act(reseed->run, verb, object, text);
    free(text);
    if (answer == GA_ACT_REFUSED)
        (void)snprintf(reseed->why, sizeof(reseed->why), "%.400s", reseed->host->act_why(reseed->run));
    return answer;
}

int
reseed_move_aside(struct reseed *reseed)
{
    int answer = ask(reseed, "move-data-aside", "to");
    int r;

    if (answer != GA_ACT_DO)
        return answer == GA_ACT_DRY ? GA_CHANGED : GA_REFUSED;
    reseed->state.stage = RESEED_MOVING;
    r = reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
    if (r == GA_OK)
        r = move_all(reseed);
    if (r == GA_OK) {
        reseed->state.stage = RESEED_SYNCING;
        r = reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
    }
    reseed->host->acted(reseed->run, r == GA_OK,
                        r == GA_OK ? "the data lies aside, an empty folder in its place" : reseed->why);
    return r == GA_OK ? GA_CHANGED : r;
}

int
reseed_move_back(struct reseed *reseed)
{
    int answer = ask(reseed, "move-data-back", "from");
    int r;

    if (answer != GA_ACT_DO)
        return answer == GA_ACT_DRY ? GA_CHANGED : GA_REFUSED;
    r = move_all_back(reseed);
    if (r == GA_OK) {
        memset(&reseed->state, 0, sizeof(reseed->state));
        r = reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
    }
    reseed->host->acted(reseed->run, r == GA_OK, r == GA_OK ? "the old data is in its place" : reseed->why);
    return r == GA_OK ? GA_CHANGED : r;
}

/* --- deleting ------------------------------------------------------------------------------------------------------
 */

static void
tell_progress(void *context, const struct ga_removed *so_far)
{
    const struct reseed *reseed = context;

    reseed->host->progress(reseed->run, "deleting the old data", so_far->files, 0);
}

static int
remove_old(struct reseed *reseed)
{
    struct ga_remove_options options = {
        .cancel_fd = reseed->host->cancel_fd(reseed->run), .progress = tell_progress, .context = reseed};
    struct ga_removed done;
    struct stat       st;
    int               r = 0;

    if (is_old_data(reseed, reseed->state.data, &st))
        r = ga_remove_tree(reseed->place.home_fd, reseed->state.data, &options, &done);
    else if (is_there(reseed, reseed->state.data))
        r = -ESTALE; /* somebody else's folder by now */
    if (r < 0) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "%s in .inference is not deleted: %s; run `reseed` again",
                       reseed->state.data, r == -ECANCELED ? "it was stopped" : strerrordesc_np(-r));
        return GA_FAILED;
    }
    if (unlinkat(reseed->place.home_fd, reseed->state.flag, 0) < 0 && errno != ENOENT)
        return failed(reseed, "removed", reseed->state.flag);
    memset(&reseed->state, 0, sizeof(reseed->state));
    return reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
}

int
reseed_delete_old(struct reseed *reseed)
{
    int answer = ask(reseed, "delete-old-data", "deletes");
    int r;

    if (answer != GA_ACT_DO)
        return answer == GA_ACT_DRY ? GA_CHANGED : GA_REFUSED;
    r = remove_old(reseed);
    reseed->host->acted(reseed->run, r == GA_OK, r == GA_OK ? "the old data is gone" : reseed->why);
    return r == GA_OK ? GA_CHANGED : r;
}

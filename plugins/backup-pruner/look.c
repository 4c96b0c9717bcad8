/* look.c: observing a home. */
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kit/remove_walk.h"

/* --- the home ------------------------------------------------------------------------------------------------------
 */

static void see(struct bp_home *home, enum bp_sight sight, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
see(struct bp_home *home, enum bp_sight sight, const char *format, ...)
{
    va_list args;

    home->sight = sight;
    va_start(args, format);
    (void)vsnprintf(home->sight_why, sizeof(home->sight_why), format, args);
    va_end(args);
    if (sight != BP_SEEN && home->fd >= 0) {
        (void)close(home->fd);
        home->fd = -1;
    }
}

/* Copies a path without trailing slashes: with one, the last link would be followed. -1 when it is too long. */
static int
trim(const char *path, char *ret, size_t size)
{
    size_t len = strlen(path);

    while (len > 1 && (path[len - 1] == '/' || (path[len - 1] == '.' && path[len - 2] == '/')))
        len--;
    return snprintf(ret, size, "%.*s", (int)len, path) >= (int)size ? -1 : 0;
}

void
bp_look_free(struct bp_home *home)
{
    struct statvfs fs;

    home->has_free = fstatvfs(home->fd, &fs) == 0;
    if (!home->has_free)
        return;
    home->free = (uint64_t)fs.f_bavail * fs.f_frsize; /* what is left to those who are not root */
    home->total = (uint64_t)fs.f_blocks * fs.f_frsize;
}

static int64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * BP_SECOND_NS + now.tv_nsec;
}

void
bp_open_home(const char *path, struct bp_home *ret)
{
    char        trimmed[4096];
    struct stat st;

    *ret = (struct bp_home){.path = path, .fd = -1, .now_ns = now_ns(), .sight = BP_SEEN};
    if (trim(path, trimmed, sizeof(trimmed)) < 0) {
        see(ret, BP_REFUSED, "its path is too long");
        return;
    }
    if (lstat(trimmed, &st) < 0) {
        see(ret, BP_UNSEEN, "%s (is it mounted, is the path right?)",
            errno == ENOENT ? "there is no such folder" : strerrordesc_np(errno));
        return;
    }
    if (S_ISLNK(st.st_mode)) {
        see(ret, BP_REFUSED, "it is a symlink: name the folder that it leads to");
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        see(ret, BP_REFUSED, "it is not a folder");
        return;
    }
    ret->fd = open(trimmed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (ret->fd < 0 || fstat(ret->fd, &st) < 0) {
        see(ret, BP_UNSEEN, "it cannot be opened: %s", strerrordesc_np(errno));
        return;
    }
    if (st.st_mode & S_IWOTH) {
        see(ret, BP_REFUSED, "everybody can write to it: run chmod o-w");
        return;
    }
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    ret->uid = st.st_uid;
    bp_look_free(ret);
}

static void
copies_done(struct bp_copy *copies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(copies[i].name);
        bp_tree_done(&copies[i].tree);
    }
    free(copies);
}

void
bp_home_done(struct bp_home *home)
{
    copies_done(home->copies, home->n_copies);
    copies_done(home->tombs, home->n_tombs);
    bp_tree_done(&home->source);
    if (home->fd >= 0)
        (void)close(home->fd);
    *home = (struct bp_home){.fd = -1};
}

/* --- data/ and the upgrade -----------------------------------------------------------------------------------------
 */

static void source_unseen(struct bp_home *home, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
source_unseen(struct bp_home *home, const char *format, ...)
{
    va_list args;

    home->source_sight = BP_UNSEEN;
    va_start(args, format);
    (void)vsnprintf(home->source_why, sizeof(home->source_why), format, args);
    va_end(args);
}

int
bp_look_source(struct bp_home *home, const struct bp_looking *looking)
{
    struct bp_looking quiet = {.cancel_fd = looking->cancel_fd}; /* data/ is in use, of course */
    struct stat       st;
    int               data = -1;
    int               r;

    home->source_sight = BP_SEEN;
    r = bp_look_tree(home->fd, "data", &quiet, &home->source);
    if (r == -EXDEV) { /* data/ on a volume of its own is common: only its inside must not cross mounts */
        bp_tree_done(&home->source);
        data = openat(home->fd, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = data < 0 || fstat(data, &st) < 0 ? -errno : bp_look_tree(data, ".", &quiet, &home->source);
        if (data >= 0)
            (void)close(data);
    }
    if (r == -ECANCELED || r == -ENOMEM)
        return r;
    if (r == -ELOOP)
        source_unseen(home, "data is a symlink, and links are not followed: mount the folder at data/ instead");
    else if (r < 0)
        source_unseen(home, "data/ cannot be opened: %s", strerrordesc_np(-r));
    else if (home->source.error)
        source_unseen(home, "data/ cannot be read in full: '%s': %s", home->source.where,
                      strerrordesc_np(-home->source.error));
    return 0;
}

static int64_t
changed_ns(const struct stat *st)
{
    return bp_time_ns(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static void
print_time(int64_t ns, char *buf, size_t len)
{
    time_t    seconds = (time_t)(ns / BP_SECOND_NS);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(buf, len, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(buf, len, "?");
}

/*
 * The chain writes data/upgrade-info.json when the height is reached; cosmovisor then copies data/ and, last of all,
 * makes the link cosmovisor/current anew. In between the file is newer than the link.
 */
void
bp_look_upgrade(struct bp_home *home)
{
    struct stat info;
    struct stat link;
    char        written[32];
    char        made[32];

    home->upgrade = BP_UPGRADE_NONE;
    if (fstatat(home->fd, "data/upgrade-info.json", &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return;
        home->upgrade = BP_UPGRADE_UNSEEN;
        (void)snprintf(home->upgrade_why, sizeof(home->upgrade_why), "data/upgrade-info.json cannot be looked at: %s",
                       strerrordesc_np(errno));
        return;
    }
    if (fstatat(home->fd, "cosmovisor/current", &link, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(link.st_mode)) {
        home->upgrade = BP_UPGRADE_UNSEEN;
        (void)snprintf(home->upgrade_why, sizeof(home->upgrade_why),
                       "whether an upgrade is running cannot be seen: there is data/upgrade-info.json, but "
                       "cosmovisor/current is no link that could be compared with it");
        return;
    }
    if (changed_ns(&info) <= changed_ns(&link))
        return;
    print_time(changed_ns(&info), written, sizeof(written));
    print_time(changed_ns(&link), made, sizeof(made));
    home->upgrade = BP_UPGRADE_RUNNING;
    (void)snprintf(
        home->upgrade_why, sizeof(home->upgrade_why),
        "an upgrade is running: data/upgrade-info.json (%s) is newer than cosmovisor/current (%s); if it has "
        "long ended, run touch -h on the link",
        written, made);
}

int
bp_look_binaries(const struct bp_home *home, uint64_t *ret)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
    struct bp_tree  tree;
    int             fd = (int)syscall(SYS_openat2, home->fd, "cosmovisor/current", &how, sizeof(how));
    int             r;

    if (fd < 0)
        return -errno;
    r = bp_look_tree(fd, "bin", &(struct bp_looking){.cancel_fd = -1}, &tree);
    if (r == 0)
        *ret = tree.bytes;
    bp_tree_done(&tree);
    (void)close(fd);
    return r;
}

/* --- the copies ----------------------------------------------------------------------------------------------------
 */

/* Looks at one directory entry whose name was taken already. 0, -ECANCELED, -ENOMEM. */
static int
look_copy(const struct bp_home *home, const struct bp_looking *looking, struct bp_copy *copy, int inside)
{
    struct statx st;
    int          r;

    if (statx(home->fd, copy->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) < 0) {
        copy->kind = BP_KIND_UNSEEN;
        copy->tree.error = -errno;
        return 0;
    }
    copy->uid = st.stx_uid;
    copy->ino = (ino_t)st.stx_ino;
    copy->dev = home->dev;
    if (S_ISLNK(st.stx_mode))
        copy->kind = BP_KIND_LINK;
    else if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
        copy->kind = BP_KIND_MOUNT;
    else
        copy->kind = S_ISDIR(st.stx_mode) ? BP_KIND_FOLDER : BP_KIND_FILE;
    if (copy->kind != BP_KIND_FOLDER || copy->uid != home->uid || !inside)
        return 0;
    r = bp_look_tree(home->fd, copy->name, looking, &copy->tree);
    if (r == 0 || r == -ECANCELED || r == -ENOMEM)
        return r;
    copy->kind = r == -EXDEV ? BP_KIND_MOUNT : BP_KIND_UNSEEN;
    copy->tree.error = r;
    return 0;
}

static struct bp_copy *
add_copy(struct bp_copy **copies, size_t *n, const char *name, const char *dated)
{
    struct bp_copy *bigger = reallocarray(*copies, *n + 1, sizeof(*bigger));
    struct bp_copy *copy;

    if (!bigger)
        return NULL;
    *copies = bigger;
    copy = &bigger[*n];
    *copy = (struct bp_copy){.name = strdup(name)};
    if (!copy->name)
        return NULL;
    *n += 1;
    copy->has_date = bp_parse_name(copy->name + (dated - name), &copy->date) == 0;
    (void)ga_show_name(name, copy->shown, sizeof(copy->shown));
    return copy;
}

/* Takes one name of the home: a copy, a tombstone, or nothing of ours. */
static int
take_name(struct bp_home *home, const struct bp_looking *looking, const char *name)
{
    const char *below = strncmp(name, BP_TOMBSTONE, strlen(BP_TOMBSTONE)) == 0 ? name + strlen(BP_TOMBSTONE) : name;
    int         is_tomb = below != name;
    struct bp_looking condemned = {.cancel_fd = looking->cancel_fd}; /* it goes, open or not */
    struct bp_copy   *copy;

    if (strncmp(below, BP_PREFIX, strlen(BP_PREFIX)) != 0)
        return 0;
    if (is_tomb)
        copy = add_copy(&home->tombs, &home->n_tombs, name, below);
    else
        copy = add_copy(&home->copies, &home->n_copies, name, name);
    if (!copy)
        return -ENOMEM;
    /* what has no date is not looked into: it is not ours */
    return look_copy(home, is_tomb ? &condemned : looking, copy, copy->has_date);
}

static int
look_copies(struct bp_home *home, const struct bp_looking *looking)
{
    const struct dirent *entry;
    DIR                 *folder;
    int                  fd = openat(home->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int                  r = 0;

    folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        see(home, BP_UNSEEN, "it cannot be listed: %s", strerrordesc_np(errno));
        if (fd >= 0)
            (void)close(fd);
        return 0;
    }
    errno = 0;
    while (r == 0 && (entry = readdir(folder)) != NULL) {
        r = take_name(home, looking, entry->d_name);
        errno = 0;
    }
    if (r == 0 && errno != 0)
        see(home, BP_UNSEEN, "it cannot be listed in full: %s", strerrordesc_np(errno));
    (void)closedir(folder);
    return r;
}

int
bp_look_home(struct bp_home *home, const struct bp_looking *looking)
{
    int r;

    if (home->sight != BP_SEEN)
        return 0;
    bp_look_upgrade(home);
    r = look_copies(home, looking);
    if (r < 0 || home->sight != BP_SEEN || home->n_copies == 0)
        return r; /* without copies there is nothing to compare data/ with */
    return bp_look_source(home, looking);
}

void
bp_compare_looks(const struct bp_home *before, struct bp_home *after)
{
    for (size_t i = 0; i < after->n_copies; i++) {
        struct bp_copy *copy = &after->copies[i];

        copy->differs = copy->kind == BP_KIND_FOLDER && copy->uid == after->uid && copy->has_date;
        for (size_t k = 0; k < before->n_copies && copy->differs; k++)
            if (strcmp(before->copies[k].name, copy->name) == 0)
                copy->differs = before->copies[k].ino != copy->ino || before->copies[k].tree.print != copy->tree.print;
    }
}

/* tree.c: what a tree holds, seen once. */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kit/remove_walk.h"

#define ASK_EVERY 512u /* entries between two looks at cancel_fd */

/* A look under way. */
struct look {
    const struct bp_looking *looking;
    struct bp_tree          *tree;
    struct bp_holders        holders;
    ino_t                    held; /* the first file that somebody has open */
    unsigned                 since_asked;
};

/* --- summing up ----------------------------------------------------------------------------------------------------
 */

static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

int64_t
bp_time_ns(int64_t seconds, int64_t ns)
{
    const int64_t most = INT64_C(9000000000); /* the year 2255: filesystems keep stranger times than 64 bits of ns do */

    return (seconds > most ? most : seconds < -most ? -most : seconds) * BP_SECOND_NS + ns;
}

static int64_t
time_of(const struct statx_timestamp *time)
{
    return bp_time_ns(time->tv_sec, time->tv_nsec);
}

/* Adds an entry's marks. A sum does not depend on the order in which a filesystem lists entries. */
static void
add_print(struct bp_tree *tree, const char *name, const struct statx *st)
{
    int64_t  times[] = {time_of(&st->stx_mtime), time_of(&st->stx_ctime)};
    uint64_t marks[] = {st->stx_ino, st->stx_size, st->stx_blocks, st->stx_mode, st->stx_nlink};
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), name, strlen(name));

    hash = mix(hash, times, sizeof(times));
    tree->print += mix(hash, marks, sizeof(marks));
    if (times[0] > tree->newest_ns)
        tree->newest_ns = times[0];
}

static void
note_error(struct look *look, const struct ga_walk *walk, const char *name, int error)
{
    if (look->tree->error)
        return;
    look->tree->error = error;
    (void)ga_walk_path(walk, name, look->tree->where, sizeof(look->tree->where));
}

static void
note_mount(struct look *look, const struct ga_walk *walk, const char *name)
{
    if (look->tree->mounts++ == 0)
        (void)ga_walk_path(walk, name, look->tree->mount, sizeof(look->tree->mount));
}

/* A new part. NULL without memory. */
static struct bp_part *
add_part(struct bp_tree *tree, const char *name, int is_folder)
{
    struct bp_part *part;

    if (tree->n_parts == tree->parts_cap) {
        size_t          cap = tree->parts_cap ? tree->parts_cap * 2 : 16;
        struct bp_part *parts = reallocarray(tree->parts, cap, sizeof(*parts));

        if (!parts)
            return NULL;
        tree->parts = parts;
        tree->parts_cap = cap;
    }
    part = &tree->parts[tree->n_parts];
    *part = (struct bp_part){.name = strdup(name), .is_folder = is_folder};
    if (!part->name)
        return NULL;
    tree->n_parts++;
    return part;
}

/* The part that a file belongs to: itself at the top, else the folder that the walk entered there last. */
static struct bp_part *
part_of(struct look *look, const struct ga_walk *walk, const char *name)
{
    struct bp_tree *tree = look->tree;

    return ga_walk_depth(walk) == 0 ? add_part(tree, name, 0) : &tree->parts[tree->n_parts - 1];
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct bp_part *)a)->name, ((const struct bp_part *)b)->name);
}

/* --- databases -----------------------------------------------------------------------------------------------------
 */

/*
 * A LevelDB folder is whole when its file CURRENT names a MANIFEST that is there. A copy in the order of names brings
 * both after the tables, so an interrupted one lacks them.
 */
static int
is_database(int dir_fd, const char *name)
{
    char        text[64] = "";
    struct stat st;
    int         fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t     n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return strncmp(text, "MANIFEST-", 9) == 0 && !strchr(text, '/') &&
           fstatat(dir_fd, text, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* --- callbacks of the walk -----------------------------------------------------------------------------------------
 */

static int
should_stop(struct look *look)
{
    struct pollfd cancel = {.fd = look->looking->cancel_fd, .events = POLLIN};

    if (cancel.fd < 0 || ++look->since_asked < ASK_EVERY)
        return 0;
    look->since_asked = 0;
    return poll(&cancel, 1, 0) > 0;
}

static int
ask_open(struct look *look, int dir_fd, const char *name, const struct statx *st)
{
    struct bp_tree *tree = look->tree;
    int             r;

    look->holders.dev = makedev(st->stx_dev_major, st->stx_dev_minor);
    r = bp_ask_lease(&look->holders, dir_fd, name, (ino_t)st->stx_ino);
    if (r == -ENOMEM)
        return r;
    if (r == 1 && tree->open != BP_OPEN_YES) {
        tree->open = BP_OPEN_YES;
        look->held = (ino_t)st->stx_ino;
    }
    return 0;
}

static int
look_entry(void *context, struct ga_walk *walk, int dir_fd, const char *name)
{
    struct look    *look = context;
    struct bp_tree *tree = look->tree;
    struct bp_part *part;
    struct statx    st;

    if (should_stop(look))
        return -ECANCELED;
    if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) < 0) {
        if (errno != ENOENT)
            note_error(look, walk, name, -errno);
        return 0;
    }
    part = part_of(look, walk, name);
    if (!part)
        return -ENOMEM;
    add_print(tree, name, &st);
    tree->files++;
    part->files++;
    if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
        note_mount(look, walk, name);
        return 0;
    }
    if (st.stx_nlink == 1)
        tree->frees += st.stx_blocks * 512; /* a file with other names frees nothing */
    if (!S_ISREG(st.stx_mode))
        return 0;
    tree->bytes += st.stx_size;
    part->bytes += st.stx_size;
    if (ga_walk_depth(walk) > 0 && strcmp(name, "CURRENT") == 0)
        *(is_database(dir_fd, name) ? &part->databases : &part->broken) += 1;
    /* one file that is open decides */
    return look->looking->holders && tree->open != BP_OPEN_YES ? ask_open(look, dir_fd, name, &st) : 0;
}

static int
look_folder(void *context, struct ga_walk *walk, int fd)
{
    struct look *look = context;
    struct statx st;

    if (should_stop(look))
        return -ECANCELED;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0) {
        note_error(look, walk, NULL, -errno);
        return 0;
    }
    add_print(look->tree, "", &st);
    look->tree->frees += st.stx_blocks * 512;
    /* an empty folder at the top is a part too */
    return ga_walk_depth(walk) == 1 && !add_part(look->tree, ga_walk_name(walk, 1), 1) ? -ENOMEM : 0;
}

static int
look_blocked(void *context, struct ga_walk *walk, const char *name, int error)
{
    if (error == -EXDEV)
        note_mount(context, walk, name);
    else
        note_error(context, walk, name, error);
    return 0;
}

/* Puts together what the kernel and /proc said about open files. */
static void
conclude_open(struct look *look)
{
    struct bp_tree    *tree = look->tree;
    struct bp_holders *holders = &look->holders;
    char               who[160] = "";
    int                r;

    if (tree->open == BP_OPEN_YES) {
        struct bp_holders one = {.dev = holders->dev, .inos = &look->held, .n = 1};

        (void)snprintf(tree->open_why, sizeof(tree->open_why), "%s",
                       bp_ask_proc(&one, who, sizeof(who)) == 1 ? who : "another process has a file of it open");
        return;
    }
    if (holders->n == 0)
        return;
    r = bp_ask_proc(holders, who, sizeof(who));
    tree->open = r == 1 ? BP_OPEN_YES : r == 0 ? BP_OPEN_NO : BP_OPEN_UNSEEN;
    if (r == 1)
        (void)snprintf(tree->open_why, sizeof(tree->open_why), "%s", who);
    else if (r < 0)
        (void)snprintf(tree->open_why, sizeof(tree->open_why), "lease: %s; %s", strerrordesc_np(-holders->nothing_seen),
                       who);
}

int
bp_look_tree(int dir_fd, const char *name, const struct bp_looking *looking, struct bp_tree *ret)
{
    static const struct ga_walk_calls calls = {.entry = look_entry, .enter = look_folder, .blocked = look_blocked};
    struct look                       look = {.looking = looking, .tree = ret};
    struct sigaction                  ignore = {.sa_handler = SIG_IGN};
    struct sigaction                  before;
    int                               r;

    *ret = (struct bp_tree){.files = 0};
    /* who opens a file in the moment that we hold a lease on it makes the kernel tell us; we let go at once anyway */
    (void)sigaction(SIGIO, &ignore, &before);
    r = ga_walk_tree(dir_fd, name, &calls, &look);
    (void)sigaction(SIGIO, &before, NULL);
    if (ret->n_parts > 1)
        qsort(ret->parts, ret->n_parts, sizeof(*ret->parts), by_name);
    if (r == 0 && looking->holders)
        conclude_open(&look);
    free(look.holders.inos);
    return r;
}

void
bp_tree_done(struct bp_tree *tree)
{
    for (size_t i = 0; i < tree->n_parts; i++)
        free(tree->parts[i].name);
    free(tree->parts);
    *tree = (struct bp_tree){.parts = NULL};
}

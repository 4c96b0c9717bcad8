/* remove_walk.c: walks a directory tree beneath a handle, and never leaves it. */
#include "kit/remove_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_SIZE (256u << 10) /* of one getdents64(): few calls for large directories */
#define BATCH 65536u           /* entries held before they are shown: bounds the memory for a directory of millions */

/* What getdents64() writes. glibc has no name for it without _GNU_SOURCE. */
struct record {
    uint64_t       ino;
    int64_t        offset;
    unsigned short len;
    unsigned char  type;
    char           name[];
};

struct item {
    uint64_t ino;
    size_t   at; /* of its name in `text` */
};

/* Names with their inode numbers. */
struct names {
    struct item *items;
    size_t       n, cap;
    char        *text;
    size_t       len, text_cap;
    size_t       next; /* the first that was not used yet */
};

/* One directory on the way from the root to where the walk is. */
struct frame {
    int          fd; /* -1: closed for now, opened again from its child */
    int          unread;
    char        *name;
    dev_t        dev;
    ino_t        ino;
    unsigned     attempt;
    struct names folders; /* below it, still to be entered */
};

struct ga_walk {
    const struct ga_walk_calls *calls;
    void                       *context;
    int                         parent_fd;
    struct frame               *frames;
    size_t                      n, cap;
    size_t                      first_open; /* frames before this one are closed */
    struct names                batch;
    char                       *records;
};

/* --- names ---------------------------------------------------------------------------------------------------------
 */

/* Makes room for `want` elements of `size` bytes. 0 or -ENOMEM. */
static int
reserve(void **array, size_t *cap, size_t want, size_t size)
{
    size_t more = *cap ? *cap : 16;
    void  *bigger;

    if (want <= *cap)
        return 0;
    while (more < want)
        more *= 2;
    bigger = reallocarray(*array, more, size);
    if (!bigger)
        return -ENOMEM;
    *array = bigger;
    *cap = more;
    return 0;
}

static int
names_add(struct names *names, const char *name, uint64_t ino)
{
    size_t size = strlen(name) + 1;
    void  *items = names->items;
    void  *text = names->text;
    int    r = reserve(&items, &names->cap, names->n + 1, sizeof(*names->items));

    names->items = items;
    if (r == 0)
        r = reserve(&text, &names->text_cap, names->len + size, 1);
    names->text = text;
    if (r < 0)
        return r;
    memcpy(names->text + names->len, name, size);
    names->items[names->n++] = (struct item){.ino = ino, .at = names->len};
    names->len += size;
    return 0;
}

static void
names_clear(struct names *names)
{
    names->n = 0;
    names->len = 0;
    names->next = 0;
}

static void
names_done(struct names *names)
{
    free(names->items);
    free(names->text);
}

static int
by_inode(const void *a, const void *b)
{
    uint64_t left = ((const struct item *)a)->ino;
    uint64_t right = ((const struct item *)b)->ino;

    return (left > right) - (left < right);
}

/* Inodes lie on the disk in the order of their numbers: fewer seeks. */
static void
names_sort(struct names *names)
{
    if (names->n > 1)
        qsort(names->items, names->n, sizeof(*names->items), by_inode);
}

/* --- reading one directory -----------------------------------------------------------------------------------------
 */

int
ga_open_beneath(int dir_fd, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    long            fd;

    do
        fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return fd < 0 ? -errno : (int)fd;
}

static int
is_folder(int dir_fd, const struct record *record)
{
    struct stat st;

    if (record->type != DT_UNKNOWN)
        return record->type == DT_DIR;
    return fstatat(dir_fd, record->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Shows the batch of entries to the caller. */
static int
show_batch(struct ga_walk *walk, int fd)
{
    struct names *batch = &walk->batch;
    int           r = 0;

    names_sort(batch);
    for (size_t i = 0; i < batch->n && r >= 0 && walk->calls->entry; i++)
        r = walk->calls->entry(walk->context, walk, fd, batch->text + batch->items[i].at);
    names_clear(batch);
    return r < 0 ? r : 0;
}

/* Sorts what getdents64() gave into files (the batch) and folders (of the frame). */
static int
take_records(struct ga_walk *walk, struct frame *frame, size_t len)
{
    for (size_t at = 0; at < len;) {
        const struct record *record = (const void *)(walk->records + at);
        int                  r;

        at += record->len;
        if (strcmp(record->name, ".") == 0 || strcmp(record->name, "..") == 0)
            continue;
        r = names_add(is_folder(frame->fd, record) ? &frame->folders : &walk->batch, record->name, record->ino);
        if (r < 0)
            return r;
    }
    return walk->batch.n >= BATCH ? show_batch(walk, frame->fd) : 0;
}

/* Reads the directory that the walk is in: shows its entries, notes its folders. */
static int
read_directory(struct ga_walk *walk)
{
    struct frame *frame = &walk->frames[walk->n - 1];
    int           r = 0;

    for (;;) {
        long len = syscall(SYS_getdents64, frame->fd, walk->records, READ_SIZE);

        if (len == 0)
            break;
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0) {
            frame->unread = 1;
            r = walk->calls->blocked ? walk->calls->blocked(walk->context, walk, NULL, -errno) : 0;
            break;
        }
        r = take_records(walk, frame, (size_t)len);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    r = show_batch(walk, frame->fd);
    names_sort(&frame->folders);
    return r;
}

/* --- down and up ---------------------------------------------------------------------------------------------------
 */

/* Enters an opened directory; takes fd. */
static int
push(struct ga_walk *walk, int fd, const char *name)
{
    struct frame frame = {.fd = fd, .name = strdup(name)};
    void        *frames = walk->frames;
    struct stat  st;
    int          r = frame.name ? reserve(&frames, &walk->cap, walk->n + 1, sizeof(*walk->frames)) : -ENOMEM;

    walk->frames = frames;
    if (r == 0 && fstat(fd, &st) < 0)
        r = -errno;
    if (r < 0) {
        (void)close(fd);
        free(frame.name);
        return r;
    }
    frame.dev = st.st_dev;
    frame.ino = st.st_ino;
    walk->frames[walk->n++] = frame;
    if (walk->n - walk->first_open > GA_WALK_OPEN) {
        (void)close(walk->frames[walk->first_open].fd);
        walk->frames[walk->first_open++].fd = -1;
    }
    if (walk->calls->enter)
        r = walk->calls->enter(walk->context, walk, fd);
    return r < 0 ? r : read_directory(walk);
}

static int
descend(struct ga_walk *walk)
{
    struct frame *frame = &walk->frames[walk->n - 1];
    const char   *name = frame->folders.text + frame->folders.items[frame->folders.next++].at;
    int           fd = ga_open_beneath(frame->fd, name);

    if (fd >= 0)
        return push(walk, fd, name);
    if (fd == -ENOENT)
        return 0; /* somebody else removed it: nothing to see */
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        return fd;
    return walk->calls->blocked ? walk->calls->blocked(walk->context, walk, name, fd) : 0;
}

/* Opens the parent of the directory that the walk is in, when it was closed: it must be the one that we came from. */
static int
reopen_parent(struct ga_walk *walk)
{
    struct frame *parent = &walk->frames[walk->n - 2];
    struct stat   st;
    int           fd;

    if (parent->fd >= 0)
        return 0;
    fd = openat(walk->frames[walk->n - 1].fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || st.st_dev != parent->dev || st.st_ino != parent->ino) {
        (void)close(fd);
        return -ESTALE;
    }
    parent->fd = fd;
    walk->first_open = walk->n - 2;
    return 0;
}

static void
drop_frame(struct ga_walk *walk)
{
    struct frame *frame = &walk->frames[--walk->n];

    if (frame->fd >= 0)
        (void)close(frame->fd);
    free(frame->name);
    names_done(&frame->folders);
    if (walk->first_open > walk->n)
        walk->first_open = walk->n;
}

static int
ascend(struct ga_walk *walk)
{
    struct frame *frame = &walk->frames[walk->n - 1];
    int           r = 0;

    if (walk->n > 1)
        r = reopen_parent(walk);
    if (r == 0 && walk->calls->leave && !frame->unread)
        r = walk->calls->leave(walk->context, walk, walk->n > 1 ? walk->frames[walk->n - 2].fd : walk->parent_fd,
                               frame->name, frame->attempt);
    if (r == GA_WALK_AGAIN) {
        frame->attempt++;
        names_clear(&frame->folders);
        return lseek(frame->fd, 0, SEEK_SET) < 0 ? -errno : read_directory(walk);
    }
    if (r < 0)
        return r;
    drop_frame(walk);
    return 0;
}

int
ga_walk_tree(int parent_fd, const char *name, const struct ga_walk_calls *calls, void *context)
{
    struct ga_walk walk = {.calls = calls, .context = context, .parent_fd = parent_fd};
    int            fd = ga_open_beneath(parent_fd, name);
    int            r;

    if (fd < 0)
        return fd;
    walk.records = malloc(READ_SIZE);
    if (!walk.records) {
        (void)close(fd);
        return -ENOMEM;
    }
    r = push(&walk, fd, name);
    while (r >= 0 && walk.n > 0) {
        const struct names *folders = &walk.frames[walk.n - 1].folders;

        r = folders->next < folders->n ? descend(&walk) : ascend(&walk);
    }
    while (walk.n > 0)
        drop_frame(&walk);
    free(walk.frames);
    names_done(&walk.batch);
    free(walk.records);
    return r < 0 ? r : 0;
}

size_t
ga_walk_depth(const struct ga_walk *walk)
{
    return walk->n - 1;
}

const char *
ga_walk_name(const struct ga_walk *walk, size_t level)
{
    return level >= 1 && level < walk->n ? walk->frames[level].name : NULL;
}

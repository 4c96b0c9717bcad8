/*
 * kit/remove_walk.h: walks a directory tree beneath a handle, and never leaves it.
 *
 * Every directory is opened with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV): no symlink is
 * followed, no mount is entered, a bind mount of the same filesystem included. Depth is limited by memory only: at most
 * GA_WALK_OPEN directories are open at a time. Entries of one directory are seen in the order of their inode numbers,
 * files before folders.
 *
 * One thread per walk. Nothing is global.
 */
#ifndef GA_KIT_REMOVE_WALK_H
#define GA_KIT_REMOVE_WALK_H

#include <stddef.h>
#include <stdint.h>

#define GA_WALK_OPEN 64u /* directories held open by one walk */
#define GA_WALK_AGAIN 1  /* answer of leave(): read this directory once more */

struct ga_walk; /* a walk under way; valid in callbacks */

/*
 * What a walk calls. Members may be NULL. A negative answer ends the walk, which returns it; 0 goes on. Names are bytes
 * as the filesystem has them: of any encoding, never with a slash.
 */
struct ga_walk_calls {
    /* Something that is no directory: file, symlink, socket. `dir_fd` is the directory that holds it. */
    int (*entry)(void *context, struct ga_walk *walk, int dir_fd, const char *name);
    /* A directory was opened (the root of the walk too); `fd` stays the walk's. */
    int (*enter)(void *context, struct ga_walk *walk, int fd);
    /* All below a directory was seen. `parent_fd` holds it under `name`; `attempt` counts from 0 and rises with every
     * GA_WALK_AGAIN. Not called for directories that blocked() was told of. */
    int (*leave)(void *context, struct ga_walk *walk, int parent_fd, const char *name, unsigned attempt);
    /* A directory that could not be entered or read: -EXDEV a mount, -EACCES no right, -EIO, ... The walk goes on when
     * the answer is 0. */
    int (*blocked)(void *context, struct ga_walk *walk, const char *name, int error);
};

/*
 * Walks the directory `name` of `parent_fd`. 0; the first negative answer of a callback; -ELOOP, -ENOTDIR, -EXDEV,
 * -ENOENT ... when the root itself cannot be opened; -ENOSYS on a kernel without openat2 (before 5.6); -ESTALE when
 * somebody moved a directory of the tree away while the walk was in it; -ENOMEM.
 */
int ga_walk_tree(int parent_fd, const char *name, const struct ga_walk_calls *calls, void *context);

/* Folders between the root of the walk and the directory it is in: 0 in the root. */
size_t ga_walk_depth(const struct ga_walk *walk);

/*
 * Name number `level` below the root on the way to where the walk is (1 ... depth). Borrowed until the callback
 * returns. NULL when there is none.
 */
const char *ga_walk_name(const struct ga_walk *walk, size_t level);

/*
 * Writes where the walk is, with `name` behind it when not NULL, for people: relative to the root, bytes that do not
 * print or are not UTF-8 as \xNN. A short buffer cuts the front off. Returns buf.
 */
char *ga_walk_path(const struct ga_walk *walk, const char *name, char *buf, size_t len);

/* Opens a directory beneath `dir_fd` as the walk does. A descriptor (the caller's), or -errno. */
int ga_open_beneath(int dir_fd, const char *name);

/*
 * Writes a name for people and for JSON: valid UTF-8 stays, a backslash becomes \\, control characters and bytes that
 * are not UTF-8 become \xNN. A short buffer cuts the end off, never within a character. Returns buf.
 */
char *ga_show_name(const char *name, char *buf, size_t len);

#endif

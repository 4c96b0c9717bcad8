/*
 * kit/remove.h: removes a directory tree by handle, never anything outside it.
 *
 * No symlink is followed and no mount is entered (see kit/remove_walk.h); what cannot be removed is left, counted and
 * named, and all the rest goes. Between any two files the removal can be cancelled. It can be slowed down, so that the
 * disk has time for others.
 *
 * Functions are thread-safe; one removal belongs to one thread.
 */
#ifndef GA_KIT_REMOVE_H
#define GA_KIT_REMOVE_H

#include <stddef.h>
#include <stdint.h>

/* What a removal has done so far. */
struct ga_removed {
    uint64_t files;       /* entries that were no directories */
    uint64_t directories; /* the root included */
    uint64_t bytes;      /* of disk given back, as far as it is known: 0 unless max_bytes_per_s or count_bytes is set */
    uint64_t left;       /* entries that could not be removed, directories that hold them not counted */
    int      error;      /* -errno of the first of them, else 0 */
    char     where[512]; /* the first of them: path below the root, made printable */
};

struct ga_remove_options {
    int      cancel_fd;       /* -1, or a descriptor that becomes readable when the removal should stop */
    int      count_bytes;     /* 1: look at every file before it goes, to count what it frees (slower) */
    uint64_t max_files_per_s; /* 0: no limit */
    uint64_t max_bytes_per_s; /* 0: no limit; bytes on disk of the files that go */
    /* Called at most a few times a second. May be NULL. */
    void (*progress)(void *context, const struct ga_removed *so_far);
    void *context;
};

/*
 * Removes the directory `name` of `parent_fd` and all below it. `name` is one name, not a path. *ret is always written.
 * 0: it is gone. -ECANCELED: stopped, call again to go on. -ENOTEMPTY: something is left, see ret. Others, with nothing
 * removed: -ENOENT, -ENOTDIR, -ELOOP (a symlink), -EXDEV (a mount), -EINVAL (`name` is a path, "." or ".."), -ENOSYS (a
 * kernel without openat2). `options` may be NULL: no limits.
 */
int ga_remove_tree(int parent_fd, const char *name, const struct ga_remove_options *options, struct ga_removed *ret);

/*
 * Sets the calling thread's disk priority to idle: it is served when nobody else wants the disk. 0 or -errno (-EPERM
 * where a seccomp filter forbids it).
 */
int ga_disk_idle(void);

#endif

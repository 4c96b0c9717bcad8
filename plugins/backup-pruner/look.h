/*
 * look.h: observing a home. Nothing here changes anything but access times.
 *
 * Everything is reached by handle from the home's folder, so that what was looked at is what is acted on.
 */
#ifndef BACKUP_PRUNER_LOOK_H
#define BACKUP_PRUNER_LOOK_H

#include "model.h"

/* What a look needs beside the home. */
struct bp_looking {
    int cancel_fd; /* readable: stop looking; -1: never */
    int holders;   /* 1: ask for every file of a copy whether somebody has it open */
};

/* Opens the home and judges it fit to work in: sets path, fd, sight, identity, owner, free space. Never fails: what
 * went wrong is in sight and sight_why. */
void bp_open_home(const char *path, struct bp_home *ret);

/*
 * Looks at everything that planning needs: data/, the copies, half-deleted ones, a running upgrade. The home must have
 * been opened; when it is not fit, nothing is looked at. 0, -ECANCELED or -ENOMEM.
 */
int bp_look_home(struct bp_home *home, const struct bp_looking *looking);

/* Looks at data/ only: sets source, source_sight, source_why. 0, -ECANCELED or -ENOMEM. */
int bp_look_source(struct bp_home *home, const struct bp_looking *looking);

/* Is an upgrade running? Sets upgrade and upgrade_why. */
void bp_look_upgrade(struct bp_home *home);

/* Free space of the home's filesystem as it is now. */
void bp_look_free(struct bp_home *home);

/* Bytes of the program that cosmovisor runs, links within the home followed. 0, or -errno when it cannot be seen. */
int bp_look_binaries(const struct bp_home *home, uint64_t *ret);

/* Marks what differs from an earlier look at the same home. */
void bp_compare_looks(const struct bp_home *before, struct bp_home *after);

/* Frees all of a home and closes it. Accepts one that was never opened (fd -1, all else 0). */
void bp_home_done(struct bp_home *home);

/*
 * Looks at the tree `name` of dir_fd: sums, parts, prints. 0 when it was walked (what could not be seen is in
 * ret->error), -ECANCELED, -ENOMEM, or the -errno of opening it: -ELOOP, -EXDEV, -ENOTDIR, -EACCES ...
 * ret is to be freed with bp_tree_done in every case.
 */
int  bp_look_tree(int dir_fd, const char *name, const struct bp_looking *looking, struct bp_tree *ret);
void bp_tree_done(struct bp_tree *tree);

/* Nanoseconds since the epoch; times outside of +-285 years are cut off. */
int64_t bp_time_ns(int64_t seconds, int64_t ns);

/* --- open files ------------------------------------------------------------------------------------------------- */

/* What was asked about the files of one tree. */
struct bp_holders {
    int    nothing_seen; /* -errno why the kernel could not be asked, else 0 */
    int    fs_known;
    int    fs_remote; /* a filesystem whose leases say nothing about others */
    dev_t  dev;
    ino_t *inos; /* of files that the kernel could not be asked about */
    size_t n, cap;
};

/*
 * Asks the kernel whether anybody has a regular file open, by trying to take a lease on it: that works in a sandbox
 * that hides other processes, and across containers. 1 somebody has, 0 nobody, -errno could not ask (then its inode
 * number is noted for bp_ask_proc).
 */
int bp_ask_lease(struct bp_holders *holders, int dir_fd, const char *name, ino_t ino);

/*
 * Looks for inodes among the open files of all processes, as /proc shows them. 1 found, with the process in `who`;
 * 0 nobody has one; -errno when not every process could be looked at (`who` says so).
 */
int bp_ask_proc(struct bp_holders *holders, char *who, size_t len);

#endif

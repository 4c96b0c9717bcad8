/*
 * prop_backup_pruner.h: random homes for the property test, and pictures of them. Any failure to build a tree ends the
 * program: it says nothing about the plugin.
 */
#ifndef PROP_BACKUP_PRUNER_H
#define PROP_BACKUP_PRUNER_H

#include <stddef.h>
#include <stdint.h>

#define THINGS_MAX 12u

/* What a directory entry of a home can be. */
enum sort {
    GOOD,
    LACKING,     /* half a copy: a part of data/ is missing */
    THIN,        /* much smaller than data/ */
    EMPTIED,     /* a database folder without files */
    NO_MANIFEST, /* broke off within a database */
    FUTURE,      /* dated in the future */
    MOUNT_INSIDE,
    IS_MOUNT,
    IS_FILE,
    IS_LINK,
    NO_DATE,
    OTHER_OWNER,
    TOMB,     /* half-deleted by an earlier run */
    TOMB_BAD, /* named like that, but no folder */
    RECENT,   /* changed just now */
    OPEN,     /* a file of it is open */
    GROWING,  /* changes while it is looked at */
    N_SORTS,
};

struct thing {
    char      name[256];
    enum sort sort;
    int64_t   day;   /* since the epoch */
    int64_t   age;   /* seconds since its last change */
    uint64_t  frees; /* bytes on disk, counted by the generator */
    int       goes;  /* written by the model */
};

struct tree {
    uint64_t     seed;
    uint64_t     number;
    uint64_t     random; /* state of the generator */
    int          mounts; /* permitted */
    char         place[64];
    char         home[128];
    int64_t      now; /* seconds */
    struct thing things[THINGS_MAX];
    size_t       n_things;
    unsigned     n_parts; /* of data/ */
    unsigned     part_size;
    unsigned     n_shared; /* files outside with a second name in a copy */
    uint64_t     keep;
    int64_t      max_age;  /* seconds, 0: none */
    uint64_t     min_free; /* 0: none */
    uint64_t     free;
    int          upgrading;
    int          dry_run;
    char         opened[512];  /* a file to hold open */
    char         growing[512]; /* a file to write to */
};

/* Builds the tree of this seed and number. */
void grow_tree(struct tree *tree);
void fell_tree(const struct tree *tree);
void describe_tree(const struct tree *tree);

_Noreturn void die(const struct tree *tree, const char *what);

/* --- pictures ------------------------------------------------------------------------------------------------------
 */

struct snapshot {
    char **lines; /* sorted: path, kind, owner, size, time, contents */
    size_t n, cap;
};

/* Everything below the tree's place. What is written to meanwhile is left out. */
void snapshot_take(const struct tree *tree, struct snapshot *ret);
void snapshot_done(struct snapshot *snapshot);

/* Prints what is gone and should not be, or is there and should not, or is different. Returns how many. */
int snapshot_compare(const struct tree *tree, const struct snapshot *before, const struct snapshot *after);

#endif

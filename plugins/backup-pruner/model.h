/*
 * model.h: what was observed of one home, and what the rules make of it.
 *
 * Observation (look.h) fills these structures, judgement (bp_plan_home) reads them and writes verdicts and fates,
 * acting (act.h) carries the fates out. Judgement does no input or output: the same model and rules give the same plan.
 *
 * Words: a home holds data/ (the source) and copies of it, data-backup-Y-M-D. All times are nanoseconds since the
 * epoch.
 */
#ifndef BACKUP_PRUNER_MODEL_H
#define BACKUP_PRUNER_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BP_SECOND_NS INT64_C(1000000000)
#define BP_DAY_NS (86400 * BP_SECOND_NS)
#define BP_PREFIX "data-backup-"
#define BP_TOMBSTONE ".ga-tombstone-" /* followed by the name that the copy had */
#define BP_WHY 384
#define BP_SHOWN 256

/* What the operator wants. Lists are borrowed. */
struct bp_rules {
    int64_t            keep;         /* good copies that always stay, at least 1 */
    int                has_max_age;  /* 0: age does not matter */
    int64_t            max_age_ns;   /* counted from the end of the day in the name */
    int                has_min_free; /* 0: free space does not matter */
    uint64_t           min_free;
    int64_t            settle_ns;     /* a copy changed more recently may still be growing */
    int64_t            min_complete;  /* percent of the source's size that a copy has at least */
    int                accept_unseen; /* 1: a copy whose open files cannot be seen has none */
    const char *const *may_lack;      /* names at the top of data/ that a copy may do without */
    size_t             n_may_lack;
};

/* An entry at the top of data/ or of a copy, with all below it. */
struct bp_part {
    char    *name; /* bytes as on disk */
    int      is_folder;
    uint64_t files;
    uint64_t bytes;     /* apparent size */
    uint64_t databases; /* files CURRENT whose MANIFEST is there */
    uint64_t broken;    /* files CURRENT whose MANIFEST is not */
};

enum bp_open {
    BP_OPEN_NO,
    BP_OPEN_YES,
    BP_OPEN_UNSEEN, /* could not ask */
};

/* A tree as it was found. */
struct bp_tree {
    struct bp_part *parts; /* sorted by name */
    size_t          n_parts;
    size_t          parts_cap;
    uint64_t        files;
    uint64_t        bytes;     /* apparent size, which copying would write */
    uint64_t        frees;     /* bytes on disk that removing it gives back */
    int64_t         newest_ns; /* latest change of any file or folder */
    uint64_t        print;     /* differs when any name, size, time or inode does */
    unsigned        mounts;    /* mount points inside */
    char            mount[BP_SHOWN];
    int             error; /* -errno of the first thing that could not be seen, else 0 */
    char            where[BP_SHOWN];
    enum bp_open    open;
    char            open_why[BP_SHOWN]; /* who has what open, or why that cannot be seen */
};

enum bp_kind {
    BP_KIND_FOLDER,
    BP_KIND_FILE,
    BP_KIND_LINK,
    BP_KIND_MOUNT,
    BP_KIND_UNSEEN, /* could not be looked at; tree.error says why */
};

/* The day in a name. */
struct bp_date {
    int         year;
    int         month;
    int         day;
    int64_t     days;   /* since the epoch */
    const char *suffix; /* within the name: "" or ".old", "-2" */
};

enum bp_verdict {
    BP_FOREIGN,  /* not a copy as cosmovisor makes it: named, untouched */
    BP_DOUBTFUL, /* perhaps a copy: never counts, never goes */
    BP_CHANGING, /* still growing: the home is left alone */
    BP_IN_USE,   /* something is open in it: the home is left alone */
    BP_GOOD,
};

enum bp_fate {
    BP_UNTOUCHED, /* not good */
    BP_KEPT,      /* one of the `keep` newest good ones */
    BP_STAYS,     /* good, beyond `keep`, but neither old enough nor in the way, or the home is left alone */
    BP_GOES,      /* to be deleted */
    BP_GONE,
    BP_STUCK, /* deletion was refused, or did not end */
};

/* One directory entry named data-backup-... */
struct bp_copy {
    char           *name;            /* bytes as on disk */
    char            shown[BP_SHOWN]; /* for people and JSON */
    enum bp_kind    kind;
    int             has_date;
    struct bp_date  date;
    uid_t           uid;
    dev_t           dev;
    ino_t           ino;
    struct bp_tree  tree;    /* only of a folder */
    int             differs; /* from what it was at the look before */
    enum bp_verdict verdict;
    enum bp_fate    fate;
    int             for_space; /* goes because of min_free, not of its age */
    char            why[BP_WHY];
};

enum bp_sight {
    BP_SEEN,
    BP_REFUSED, /* seen, and not fit to work in */
    BP_UNSEEN,  /* could not be seen */
};

enum bp_upgrade {
    BP_UPGRADE_NONE,
    BP_UPGRADE_RUNNING,
    BP_UPGRADE_UNSEEN,
};

/* A home as it was found. */
struct bp_home {
    const char     *path; /* borrowed */
    int             fd;   /* -1 unless seen */
    enum bp_sight   sight;
    char            sight_why[BP_WHY];
    dev_t           dev;
    ino_t           ino;
    uid_t           uid;
    int64_t         now_ns;
    int             has_free;
    uint64_t        free;
    uint64_t        total;
    enum bp_sight   source_sight;
    char            source_why[BP_WHY];
    struct bp_tree  source; /* of data/ */
    enum bp_upgrade upgrade;
    char            upgrade_why[BP_WHY];
    struct bp_copy *copies; /* any order; bp_plan_home sorts them, newest first */
    size_t          n_copies;
    struct bp_copy *tombs; /* half-deleted copies of an earlier run, renamed to BP_TOMBSTONE and their name */
    size_t          n_tombs;

    /* written by bp_plan_home */
    int      outcome; /* GA_... as far as the plan goes */
    char     why[BP_WHY];
    int      left_alone; /* nothing is deleted in it, tombstones neither */
    uint64_t short_of;   /* bytes that min_free still misses when all that goes is gone */
    uint64_t last;       /* bytes that the kept copies would free */
};

/*
 * Reads the date of a name `data-backup-Y-M-D[suffix]`: year of four digits, month and day of one or two, a suffix of
 * letters, digits and ".-_" that begins with one of ".-_". 0, or -EINVAL; ret->suffix points into name.
 */
int bp_parse_name(const char *name, struct bp_date *ret);

/* Writes copy->verdict and, unless it is good, copy->why. */
void bp_judge_copy(const struct bp_home *home, const struct bp_rules *rules, struct bp_copy *copy);

/* Judges all copies of a home, sorts them (newest first) and decides what becomes of each. */
void bp_plan_home(struct bp_home *home, const struct bp_rules *rules);

/* May the rest of a half-deleted copy be removed? 0 writes tomb->why. */
int bp_judge_tomb(const struct bp_home *home, struct bp_copy *tomb);

/* How many copies of a home have a fate. */
size_t bp_n_fated(const struct bp_home *home, enum bp_fate fate);

/* The worse of two outcomes: failed, unknown, refused, changed, ok. */
int bp_worse(int a, int b);

#endif

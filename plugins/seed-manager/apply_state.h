/*
 * apply_state.h: what `apply` remembers between runs, as the state document "apply": how often the seeds were found bad
 * in a row, and the change that is being written or watched. No secrets: of config.env only the three SEED_ variables.
 */
#ifndef SEED_APPLY_STATE_H
#define SEED_APPLY_STATE_H

#include "plugins/seed-manager/place.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>
#include <stdint.h>

#define APPLY_KEYS_MAX 8

enum apply_stage {
    APPLY_IDLE,     /* no change is under way */
    APPLY_WRITING,  /* the files are being replaced: a run that finds this was preceded by a crash */
    APPLY_WATCHING, /* written; it is not yet known whether it helped */
    APPLY_UNDOING,  /* the old content is being put back: as APPLY_WRITING */
};

/* One file of a change. */
struct apply_file {
    int  used;                      /* 0: the change leaves this file alone */
    char copy[PLACE_NAME_MAX];      /* what it was, kept beside it */
    char aside[PLACE_NAME_MAX];     /* what it becomes, until it is renamed */
    char was[PLACE_DIGEST_MAX];     /* digest before */
    char becomes[PLACE_DIGEST_MAX]; /* digest after */
};

/* One variable of a change. Strings are owned by the state. */
struct apply_key {
    enum place_which which;
    char            *key;
    char            *old_value; /* NULL: it was not there */
    char            *new_value;
};

/* What this host's node said: before a change, or now. */
struct apply_health {
    int     known;
    int64_t peers;
    int64_t height;
    int     has_lag;
    int64_t lag; /* blocks behind the agreed height */
};

struct apply_state {
    int64_t             survey_ns; /* the survey that was counted last */
    int64_t             bad;       /* surveys in a row that found the seeds bad */
    enum apply_stage    stage;
    int64_t             began_ns;     /* when the change was made */
    int64_t             restarted_ns; /* when the node's restart after it was made or noticed; 0: not yet */
    int64_t             worse;        /* looks in a row that found it worse */
    struct apply_health before;
    struct apply_file   files[PLACE_FILES];
    size_t              n_keys;
    struct apply_key    keys[APPLY_KEYS_MAX];
};

/* Loads it: an empty one when there is none. GA_OK; GA_UNKNOWN: it cannot be read or understood, `why` names the next
 * step. apply_state_done() in any case. */
int  apply_state_load(struct ga_run *run, const struct ga_host *host, struct apply_state *ret, char *why);
void apply_state_done(struct apply_state *state);

/* Stores it. GA_OK or GA_FAILED. */
int apply_state_store(struct ga_run *run, const struct ga_host *host, const struct apply_state *state, char *why);

/* Forgets the change: back to APPLY_IDLE, with no bad surveys counted. */
void apply_state_forget(struct apply_state *state);

/* Notes a variable; old_value may be NULL. 0; -1: no room or memory. */
int apply_state_add_key(struct apply_state *state, enum place_which which, const char *key, const char *old_value,
                        const char *new_value);

#endif

/*
 * reseed.h: the full re-initialisation of a chain node, step by step: what the parts of the task share.
 *
 * The old data is moved aside under a name of its own and stays there until the node is in sync again; `undo` puts it
 * back. The state document "reseed" says how far the procedure is; every step is proven by looking, not by the state.
 */
#ifndef SEED_RESEED_H
#define SEED_RESEED_H

#include "plugins/seed-manager/apply_choose.h"
#include "plugins/seed-manager/apply_files.h"
#include "plugins/seed-manager/watch.h"

#define RESEED_DATA "data"
#define RESEED_FLAG ".node_initialized"

enum reseed_stage {
    RESEED_IDLE,
    RESEED_MOVING,  /* the data is being moved aside, or back: a run that finds this goes on */
    RESEED_SYNCING, /* moved; the node is to be started and to sync */
};

struct reseed_state {
    enum reseed_stage stage;
    int64_t           began_ns;
    int64_t           started_ns;           /* when start_command was run; 0: it was not */
    char              data[PLACE_NAME_MAX]; /* the old data's name in .inference */
    char              flag[PLACE_NAME_MAX]; /* the old .node_initialized's */
    uint64_t          dev;                  /* the old data's identity */
    uint64_t          ino;
};

struct reseed {
    struct ga_run        *run;
    const struct ga_host *host;
    int64_t               now_ns;
    struct place          place;
    struct reseed_state   state;
    struct watch_look     look;
    char                  next[EDIT_WHY_MAX]; /* what the operator is to type; "": nothing */
    char                  why[EDIT_WHY_MAX];
};

/* The state document; functions as those of apply_state.h. */
int reseed_state_load(struct ga_run *run, const struct ga_host *host, struct reseed_state *ret, char *why);
int reseed_state_store(struct ga_run *run, const struct ga_host *host, const struct reseed_state *state, char *why);

/* Who uses a data folder. */
enum reseed_use {
    RESEED_FREE,   /* no database in it is locked */
    RESEED_IN_USE, /* one is: a node runs on it */
    RESEED_UNSEEN  /* a lock cannot be looked at: `why` */
};
enum reseed_use reseed_data_use(const struct place *place, char *why);

/* Nothing answers and no database is locked: GA_OK; GA_REFUSED: the node runs; GA_UNKNOWN. */
int reseed_stopped(struct reseed *reseed);

/* All that must hold before a node's data is moved. GA_OK: reseed->look and *choice are filled; else why not. */
int reseed_check(struct reseed *reseed, struct apply_files *files, struct choose_choice *choice);

/* config.env and config.toml get the chosen seeds, as an act; GA_OK, also when they have them. */
int reseed_write_seeds(struct reseed *reseed, struct apply_files *files, const struct choose_choice *choice);

/* Moves data and flag aside, or back, each proven; goes on where a run that died stopped. GA_CHANGED or why not. */
int reseed_move_aside(struct reseed *reseed);
int reseed_move_back(struct reseed *reseed);

/* Deletes the old data, as an act. GA_CHANGED or why not. */
int reseed_delete_old(struct reseed *reseed);

#endif

/*
 * watch.h: what chain-watch has seen of the chain, what it has told, and what is new.
 *
 * epoch.c, plan.c, judge.c, news.c and report.c are pure: no host, no network. Threads: a value belongs to one.
 */
#ifndef CHAIN_WATCH_H
#define CHAIN_WATCH_H

#include "kit/chain.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

/* --- epochs (epoch.c) ------------------------------------------------------------------------------------------------
 */

/* The newest epoch, from the chain's own parameters. Heights are those of its boundaries. */
struct cw_epoch {
    int64_t index; /* -1: not known */
    int64_t start; /* poc_start_block_height; 0 in epoch 0, which has no PoC */
    int64_t generation_wind_down;
    int64_t generation_end;
    int64_t validation_start;
    int64_t validation_wind_down;
    int64_t validation_end;
    int64_t set_new_validators;
    int64_t claim_money;
    int64_t cutoff; /* inference_validation_cutoff: validations of inferences that come later do not count */
    int64_t next_start;
    int64_t length;
};

/* A boundary of an epoch: at this height this becomes true. */
struct cw_boundary {
    int64_t     height;
    const char *topic; /* the event's; static text */
    int phase; /* 1: it begins a phase, which is over when the next one begins; 0: it is a thing that was done */
};

#define CW_BOUNDARIES 9

/* From the answer of .../epoch_info. 0, or -1 with a sentence: a member is missing, or no number that can be one. */
int cw_epoch_read(const cJSON *answer, struct cw_epoch *ret, char *why, size_t len);

/* As the network calls it: "PoCGenerate", "PoCGenerateWindDown", "PoCValidate", "PoCValidateWindDown", "Inference"; ""
 * when the epoch is not known. Static text. */
const char *cw_phase(const struct cw_epoch *epoch, int64_t height);

/* The boundaries of the epoch in their order. Returns how many: 0 when it is not known, and in epoch 0. */
size_t cw_boundaries(const struct cw_epoch *epoch, struct cw_boundary ret[CW_BOUNDARIES]);

/* The next boundary behind `height`; the last one is the next epoch's start. 0, or -1: not known. */
int cw_next_boundary(const struct cw_epoch *epoch, int64_t height, struct cw_boundary *ret);

/* --- what was seen ---------------------------------------------------------------------------------------------------
 */

enum cw_state {
    CW_UNKNOWN = 0,  /* could not ask, or sources do not agree */
    CW_FOLLOWING,    /* the chain goes on, and this host's node with it */
    CW_CATCHING_UP,  /* this host's node says that it is syncing */
    CW_BEHIND,       /* the chain goes on without this host's node: that one is sick */
    CW_DOWN,         /* the chain goes on, this host's node does not answer */
    CW_HALTED,       /* several nodes agree: the chain stands */
    CW_STANDS_ALONE, /* this host's node stands, and there is no other to compare it with */
    CW_STATES
};

const char *cw_state_name(enum cw_state state);

struct cw_plan {
    int     known;  /* 1: asked and answered */
    int64_t height; /* 0: no upgrade is planned */
    char    name[128];
};

/* From the answer of .../current_plan (plan.c). 0, or -1 with a sentence, and *ret is not known then. */
int cw_plan_read(const cJSON *answer, struct cw_plan *ret, char *why, size_t len);

struct cw_seen {
    int64_t         now_ns;
    enum cw_state   state;
    char            text[512]; /* the state in a sentence */
    int64_t         height;    /* agreed, or with one source that node's; 0: not known */
    int64_t         block_time_ns;
    int64_t         block_ns; /* how long a block takes, of late; 0: not known */
    int             has_own;
    int             own_answered;
    int64_t         own_height;
    int64_t         peers; /* of this host's node; -1: not known */
    size_t          healthy;
    size_t          sources;
    int             looks; /* at all sources, one after another, that found this state */
    struct cw_epoch epoch;
    struct cw_plan  plan;
};

/* From a quorum over all sources. `has_own`: looks[0] is this host's node. Fills state, text, heights, healthy,
 * sources. */
void cw_judge(const struct ga_chain_quorum *quorum, int has_own, int64_t max_lag, struct cw_seen *ret);

/* What looks one after another add to a single one. Start with zeros. */
struct cw_watched {
    int64_t       height;   /* the newest that was seen */
    int64_t       since_ns; /* when it was new, by a clock that nobody sets */
    int           moved;    /* blocks came that were old by this host's clock */
    enum cw_state state;
    int           looks;
};

/*
 * After each look: a chain, or a node, that is said to stand because of its block's time stands only when no block
 * came for `still_ns` either: a clock of this host that is wrong makes every block look old. Else *seen becomes
 * CW_UNKNOWN and says why. `looked`: all sources were asked. Fills in seen->looks.
 */
void cw_watch(struct cw_watched *watched, int64_t clock_ns, int64_t still_ns, int looked, struct cw_seen *seen);

/* --- what was told (news.c)
 * -------------------------------------------------------------------------------------------
 */

/* Kept between runs, so that no fact is told twice. */
struct cw_told {
    char          chain_id[64];
    int           any;   /* 0: nothing was ever told */
    enum cw_state state; /* the last one but CW_UNKNOWN */
    int64_t       since_ns;
    int64_t       epoch;     /* index; -1: none */
    int64_t       boundary;  /* height of the last boundary that was passed */
    int64_t       block_ns;  /* when chain.block was told last */
    int64_t       plan;      /* height of the upgrade that was told; 0: none */
    int           plan_near; /* upgrade.near was told of it */
    char          plan_name[128];
};

struct cw_rules {
    int64_t near_ns;        /* upgrade.near: so long before its height */
    int64_t block_every_ns; /* chain.block: not more often */
};

struct cw_news {
    const char *topic;
    cJSON      *payload;
};

#define CW_NEWS_MAX 16

/*
 * What is new. Changes *told to what has been told once the news are out. Returns how many of ret were filled; the
 * caller deletes their payloads. A payload is NULL without memory.
 */
size_t cw_news(const struct cw_seen *seen, const struct cw_rules *rules, struct cw_told *told,
               struct cw_news ret[CW_NEWS_MAX]);

/* What was told of another chain is forgotten. 1: there was such. */
int cw_told_of(struct cw_told *told, const char *chain_id);

/* The document that is kept. write: NULL without memory; free() it. read: what is of no use counts as nothing told. */
char *cw_told_write(const struct cw_told *told);
void  cw_told_read(const char *text, size_t len, struct cw_told *ret);

/* --- for people and scripts (report.c)
 * --------------------------------------------------------------------------------
 */

/* NULL without memory. */
cJSON *cw_report(const struct cw_seen *seen);
/* Lines of text; NULL without memory; free() it. */
char *cw_report_text(const struct cw_seen *seen);
/* One line for `status`: height, lag, peers, epoch, phase, time to the next one. */
void cw_line(const struct cw_seen *seen, char *ret, size_t len);
/* Blocks by which this host's node is behind; -1: not known. */
int64_t cw_lag(const struct cw_seen *seen);
/* When the chain will be at this height; 0: not known. */
int64_t cw_time_of(const struct cw_seen *seen, int64_t height);

/* --- asking (look.c)
 * --------------------------------------------------------------------------------------------------
 */

struct cw_look;

/* NULL with a sentence: options, or memory. */
struct cw_look *cw_look_new(struct ga_run *run, const struct ga_host *host, char *why, size_t len);
void            cw_look_free(struct cw_look *look);
/* Asks all sources, and what changes seldom (epoch, plan, peers). */
void cw_look_all(struct cw_look *look, struct cw_seen *seen);
/* Again and again, from a *seen of zeros on: asks one source for its newest block, and all where that one has no new
 * one in time, or where it is time to compare. */
void cw_look_quick(struct cw_look *look, struct cw_seen *seen);

/* --- tasks
 * ------------------------------------------------------------------------------------------------------------
 */

int cw_follow(struct ga_run *run, const struct ga_host *host);
int cw_show(struct ga_run *run, const struct ga_host *host);

#endif

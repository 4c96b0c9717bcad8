/*
 * apply_choose.h: what a survey says about the configured seeds, and which are to take their place. Pure: no files, no
 * network. Thread-safe.
 */
#ifndef SEED_APPLY_CHOOSE_H
#define SEED_APPLY_CHOOSE_H

#include "plugins/seed-manager/edit_bytes.h"

#include <stddef.h>
#include <stdint.h>

#define CHOOSE_ID_LEN 40 /* of a node id: lower-case hex */
#define CHOOSE_HOST_MAX 256
#define CHOOSE_URL_MAX 512
#define CHOOSE_P2P_MAX (CHOOSE_ID_LEN + CHOOSE_HOST_MAX + 12)
#define CHOOSE_SEEDS_MAX 4096 /* of one survey or list */
#define CHOOSE_LIST_MAX 65536 /* bytes of a list of seeds */

/* One node. Plain values. */
struct choose_seed {
    char id[CHOOSE_ID_LEN + 1];
    char address[CHOOSE_HOST_MAX + 8]; /* host:port */
    char api[CHOOSE_URL_MAX];          /* no slash at the end; "": not known */
    char rpc[CHOOSE_URL_MAX];
    int  healthy;
};

/* A survey as apply needs it; ranked, the best first. */
struct choose_survey {
    int64_t             taken_ns; /* when it ended */
    int                 known;    /* enough healthy nodes agreed about the chain */
    size_t              n;
    struct choose_seed *seeds; /* freed by choose_survey_done() */
};

/*
 * Reads the state document "survey" that the task survey wrote, its seeds ranked, the best first:
 *   {"taken_ns": 1700000000000000000,      when it ended
 *    "known": true,                        enough healthy nodes agreed about the chain
 *    "seeds": [{"p2p": "id@host:port", "api": "http://host:8000", "rpc": "http://host:8000/chain-rpc",
 *               "healthy": true}, ...]}    those that were asked and are not healthy are there, too, with false
 * Other members are not looked at. What is no usable address is left out, an URL that is none becomes "".
 * 0; -1: not such a document: `why`. choose_survey_done() in any case.
 */
int  choose_survey_parse(const char *text, size_t len, struct choose_survey *ret, char *why);
void choose_survey_done(struct choose_survey *survey);

/* Node ids that this host's node is connected to, or that are otherwise known to work. */
struct choose_ids {
    size_t n;
    char (*id)[CHOOSE_ID_LEN + 1];
};

/* What is known about the seeds that are configured now. */
struct choose_judged {
    size_t n;
    size_t healthy;
    size_t unseen; /* neither surveyed nor connected: nothing is known */
};

/* Judges a list "id@host:port,..." as config.toml has it. */
void choose_judge_list(const struct choose_survey *survey, const struct choose_ids *connected, const char *list,
                       struct choose_judged *ret);

/* Judges the three variables of config.env; any may be NULL. One seed, or none. */
void choose_judge_env(const struct choose_survey *survey, const char *api_url, const char *p2p_url,
                      struct choose_judged *ret);

struct choose_rules {
    const char *own_id; /* never chosen; "": not known */
    size_t      write_seeds;
    size_t      write_peers;      /* 0: persistent_peers stays */
    size_t      min_replacements; /* fewer healthy ones: refused */
};

/* What to write. Strings are the caller's: choose_done(). */
struct choose_choice {
    char              *seeds;
    char              *peers;     /* NULL: stays */
    struct choose_seed first;     /* for config.env: the best one whose API is known */
    int                has_first; /* 0: config.env is left alone; the caller may clear it */
    size_t             n_seeds;
};

/* Healthy seeds that are configured stay; the best of the survey fill up; then, where there is room, those follow of
 * which nothing is known.
 * 0; 1: fewer than min_replacements are healthy, or none has an API; -1: no memory. `why` for both. */
int  choose_seeds(const struct choose_survey *survey, const struct choose_ids *connected, const char *seeds_now,
                  const char *peers_now, const struct choose_rules *rules, struct choose_choice *ret, char *why);
void choose_done(struct choose_choice *choice);

/* Whether these bytes are a node id; whether they are a host (a name, IPv4, or IPv6 in brackets) and a port. */
int choose_is_id(const char *text, size_t len);
int choose_is_address(const char *text, size_t len);

#endif

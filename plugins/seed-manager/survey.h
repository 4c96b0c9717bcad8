/*
 * survey.h: one run of `survey`, as its parts share it, and what it leaves.
 *
 * It leaves two state documents. "survey" is what `apply` reads (apply_choose.h):
 *   {"version": 1,
 *    "taken_ns": 1700000000000000000,   when it ended
 *    "known": true,                     enough nodes that are not strangers agreed about the chain
 *    "chain_id": "gonka-mainnet", "height": 1510000,
 *    "own_id": "6140...",               of this host's node; "" when it never answered
 *    "seeds": [                         ranked, the best first; healthy and sick ones
 *      {"p2p": "id@host:port", "api": "http://host:8000", "rpc": "http://host:8000/chain-rpc", "healthy": true}]}
 * A seed of which nothing can be said is not in it, and neither is a sick one that only strangers named: what they say
 * about a node must not make it sick. `api` is "" where nothing spoke HTTP there.
 *
 * "survey-history" is what survey itself reads (reputation.h).
 */
#ifndef SEED_SURVEY_H
#define SEED_SURVEY_H

#include "plugins/seed-manager/candidate.h"
#include "plugins/seed-manager/probe.h"
#include "plugins/seed-manager/rank.h"
#include "plugins/seed-manager/reputation.h"

#include "kit/chain.h"
#include "kit/chain_options.h"

#include <gonka-agent/plugin.h>

#define SURVEY_DOCUMENT "survey"
#define SURVEY_HISTORY "survey-history"
#define SURVEY_WHY_MAX 512

struct survey {
    struct ga_run         *run;
    const struct ga_host  *host;
    struct ga_chain_setup  setup;
    struct ga_chain_quorum quorum;
    struct ga_chain_rules  rules;
    struct probe_rules     probing;
    struct candidates      candidates;
    struct probe          *probes; /* of candidates.at[], by index */
    struct rank_row       *rows;   /* the same, ranked; without this host's node */
    size_t                 n_rows;
    size_t                 n_learned;   /* candidates that came from net_info */
    size_t                 n_lists;     /* nodes whose net_info was read */
    size_t                 own_removed; /* candidates that are this host's node */
    struct reputations     history;
    char                   own_id[CANDIDATE_ID_LEN + 1];
    int64_t                began_ns; /* since 1970 UTC */
    int64_t                ended_ns;
    int64_t                took_ns;
    char                   note[SURVEY_WHY_MAX]; /* what could not be read, for people; "": nothing */
    char                   why[SURVEY_WHY_MAX];
};

/* Fills the list: the shipped one, the operator's, sources, and what this host has configured. 0, -1: why. */
int survey_gather(struct survey *survey);

/* The entries of config.env and config.toml, when deploy_dir is given; what cannot be read is noted. */
void survey_configured(struct survey *survey);

/* What enough nodes agree on: the sources and candidates that are not strangers vote. */
void survey_quorum(struct survey *survey, const struct ga_chain_look *own);

/* Adds the peers of healthy nodes to the list. Returns how many are new. */
size_t survey_learn(struct survey *survey);

/* Verdicts, one row for each node, reputation, order. 0, -1: no memory. */
int survey_rank(struct survey *survey);

/* The two documents. 0, -1: why. */
int survey_store(struct survey *survey);

/* --json, the table, the event. */
void survey_report(const struct survey *survey);

/* Counts rows with this verdict; of those that this host has configured only, with configured. */
size_t survey_count(const struct survey *survey, enum rank_verdict verdict, int configured);

#endif

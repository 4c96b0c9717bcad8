/*
 * rank.h: what is to be thought of a candidate that was probed, and which is better. Pure.
 */
#ifndef SEED_RANK_H
#define SEED_RANK_H

#include "plugins/seed-manager/candidate.h"
#include "plugins/seed-manager/probe.h"

#include <stdint.h>

enum rank_verdict {
    RANK_HEALTHY,
    RANK_UNCLEAR, /* could not be asked enough: neither healthy nor sick */
    RANK_SICK
};

#define RANK_WHY_MAX 400
#define RANK_SCORE_MAX 1000

struct rank_row {
    const struct candidate *candidate;
    const struct probe     *probe;
    unsigned                origin; /* of all candidates that turned out to be this node */
    enum rank_verdict       verdict;
    const char             *reason; /* one word that does not change, for --json: "healthy", "wrong-chain", ... */
    char                    why[RANK_WHY_MAX]; /* one sentence; "" when healthy */
    int64_t                 lag;               /* blocks behind the agreed height; 0 when not known */
    int                     reputation;        /* 0 to 1000: how often it was healthy, of late; 500: unknown */
    int                     score;             /* 0 to RANK_SCORE_MAX, the higher the better */
    int                     crowded;           /* healthy ones of the same network before it in the table */
};

/* What the verdict is made from. */
struct rank_rules {
    const char *chain_id; /* agreed */
    int64_t     height;   /* agreed; 0: nothing is known of the chain */
    int64_t     max_lag;
    int64_t     now_ns; /* since 1970 UTC */
    int64_t     max_age_ns;
};

/* Fills verdict, reason, why and lag. */
void rank_judge(const struct rank_rules *rules, struct rank_row *row);

/* Leaves one row for each node: among those of the same proven or told id the one with the strongest proof stays, then
 * the one of the more trusted list; origins are joined. Returns how many are left. */
size_t rank_join(struct rank_row *rows, size_t n);

/* Scores and sorts: healthy ones first, then unclear ones, then sick ones; among healthy ones those of a network that
 * is in the table already step back. 0, -1: no memory. */
int rank_sort(struct rank_row *rows, size_t n);

/* "85.234" of "85.234.78.106", the first three groups of an IPv6 address; the host where no address is known.
 * Returns buf. */
char *rank_network(const struct rank_row *row, char *buf, size_t len);

#endif

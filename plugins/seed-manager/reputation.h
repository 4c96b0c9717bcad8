/*
 * reputation.h: how nodes did in earlier surveys, so that one good or bad moment is not the whole truth.
 *
 * The document: {"version": 1, "nodes": [{"key": "id@host", "first_ns": ..., "last_ns": ..., "recent": "hhshu"}]}, the
 * newest survey's letter last: h healthy, s sick, u unclear. Pure but for memory.
 */
#ifndef SEED_REPUTATION_H
#define SEED_REPUTATION_H

#include "plugins/seed-manager/rank.h"

#include <stddef.h>
#include <stdint.h>

#define REPUTATION_KEY_MAX 320
#define REPUTATION_RECENT 24 /* surveys that are remembered of one node */
#define REPUTATIONS_MAX 4096 /* nodes; those that were not seen for longest are forgotten */

struct reputation {
    char    key[REPUTATION_KEY_MAX];
    int64_t first_ns;
    int64_t last_ns;
    char    recent[REPUTATION_RECENT + 1];
};

struct reputations {
    struct reputation *at; /* sorted by key */
    size_t             n;
};

/* Reads the document. 0; -1: it cannot be used (then it is empty: nothing is known), a sentence in why. */
int  reputations_parse(struct reputations *ret, const char *text, size_t len, char *why, size_t why_len);
void reputations_done(struct reputations *reputations);

/* The document; the caller frees it. NULL without memory. */
char *reputations_print(const struct reputations *reputations);

/* "id@host" of a node whose id is known to be its own, else its name. Returns buf. */
char *reputation_key(const struct rank_row *row, char *buf, size_t len);

/* NULL: never seen. */
const struct reputation *reputation_find(const struct reputations *reputations, const char *key);

/* 0 to 1000: of the surveys in which something could be said, how many found it healthy; newer ones count more. 500
 * when nothing is known, and near it when little is. */
int reputation_score(const struct reputation *reputation);

/* Notes the verdicts of n rows, at this time. 0, -1: no memory (nothing is noted). */
int reputations_note(struct reputations *reputations, const struct rank_row *rows, size_t n, int64_t now_ns);

#endif

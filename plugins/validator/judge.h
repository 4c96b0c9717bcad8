/*
 * judge.h: what is wrong with the validator, from what was seen. Pure.
 *
 * A finding is fine, bad, or unknown. Unknown is never bad and never fine: an open alert stays open, none is raised.
 */
#ifndef VALIDATOR_JUDGE_H
#define VALIDATOR_JUDGE_H

#include "plugins/validator/look.h"

#include <stddef.h>
#include <stdint.h>

#define VAL_FINDINGS_MAX 12
#define VAL_STEPS_MAX 8
#define VAL_DETAIL_MAX 160

enum val_state { VAL_STATE_UNKNOWN, VAL_STATE_FINE, VAL_STATE_BAD };

struct val_finding {
    const char    *what;  /* "jailed": the alert's name */
    const char    *topic; /* the event when it is bad */
    enum val_state state;
    int            level;                  /* of a bad one: 1 and up; a higher one is told anew */
    char           detail[VAL_DETAIL_MAX]; /* of a bad one: another one on the same level is told anew; "" not known */
    char           text[700];              /* what was seen, or why it is not known */
    char           next[700];              /* what to do; "" nothing */
};

struct val_findings {
    struct val_finding list[VAL_FINDINGS_MAX];
    size_t             n;
};

struct val_rules {
    int64_t     missing_at;                 /* percent of the misses that are allowed: from here on it is told */
    int         missing_open;               /* it was told and is not over */
    const char *min_balance;                /* ngonka */
    int64_t     warn_before[VAL_STEPS_MAX]; /* ns before an end; falling */
    size_t      n_warn;
    int64_t     again_ns; /* a validator that could be unjailed is told of again after so long; 0: once */
};

void val_judge(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *ret);

/* The finding of that name; NULL. */
const struct val_finding *val_finding(const struct val_findings *findings, const char *what);

/* How the three places where the consensus key stands compare. */
enum val_keys {
    VAL_KEYS_UNKNOWN, /* this host's key, or staking's, is not known */
    VAL_KEYS_SAME,    /* this host signs with the key that staking has; the inference module's is the same or unknown */
    VAL_KEYS_LOST,    /* this host has another key than both modules: a new one, or the node signs with a wrong one */
    VAL_KEYS_PENDING, /* registered anew, but staking still has the old one */
    VAL_KEYS_SPLIT,   /* this host and staking agree, the inference module has another one */
    VAL_KEYS_ALL,     /* three different ones */
    VAL_KEYS_SELF,    /* this host's own words differ: node, file, signer */
};

/* `why` (VAL_WHY bytes) says it in a sentence. */
enum val_keys val_compare_keys(const struct val_seen *seen, char *why);

/* Tells "we are sick" from "everybody is": a sentence. */
void val_explain_misses(const struct val_seen *seen, char *buf, size_t len);

#endif

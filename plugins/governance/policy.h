/*
 * policy.h: how a proposal is voted on by rule.
 *
 * A policy is a list of rules in the order in which they are asked; the first that matches decides. As JSON:
 *
 *   [{"name": "small steps of the epoch",        for people; optional
 *     "type": "*.MsgUpdateParams",               type of every message; a text or a list of texts
 *     "params": [{"path": "epoch_params.*",      every changed parameter is in one of these, and within its bounds
 *                 "min": "1", "max": "20000",    of the new value
 *                 "max_change": "10%"}],         of the old value
 *     "proposer": "gonka1...",                   a text or a list of texts; exact
 *     "title": "*epoch*",                        capitals do not matter
 *     "expedited": false,
 *     "undecoded": false,                        true: votes on what could not be decoded, too
 *     "vote": "yes",                             yes, no, no_with_veto, abstain, ask; required
 *     "not_before_end": "6h"}]                   the vote is cast when less than this is left
 *
 * In patterns "*" stands for any text and "?" for one byte. What a rule leaves out does not matter to it. A rule with
 * type or params matches only when there are messages, and all of them match.
 *
 * Doubt is never decided by a later rule: when a rule might match, but a message is undecoded, the module's current
 * parameters are not known or a value cannot be compared with a bound, the answer is "ask".
 *
 * Pure; functions may be called from any thread. A policy may be shared by threads that only ask it.
 */
#ifndef GOVERNANCE_POLICY_H
#define GOVERNANCE_POLICY_H

#include "plugins/governance/exact.h"
#include "plugins/governance/proposal.h"

#include <stddef.h>
#include <stdint.h>

enum gov_choice {
    GOV_CHOICE_ASK, /* a person decides */
    GOV_CHOICE_YES,
    GOV_CHOICE_NO,
    GOV_CHOICE_NO_WITH_VETO,
    GOV_CHOICE_ABSTAIN,
};

struct gov_texts {
    const char **list;
    size_t       n;
};

struct gov_bound {
    const char        *path; /* pattern */
    int                has_min;
    int                has_max;
    int                has_max_change;
    struct gov_decimal min;
    struct gov_decimal max;
    struct gov_decimal max_change; /* 0.1 for "10%" */
};

struct gov_rule {
    const char       *name; /* "" for none */
    struct gov_texts  types;
    struct gov_bound *bounds;
    size_t            n_bounds;
    struct gov_texts  proposers;
    const char       *title;     /* NULL: does not matter */
    int               expedited; /* 0, 1; -1: does not matter */
    int               undecoded;
    enum gov_choice   choice;
    int64_t           not_before_end_ns; /* 0: at once */
};

/* Texts are borrowed from `json`, which the policy owns. */
struct gov_policy {
    cJSON           *json;
    struct gov_rule *rules;
    size_t           n;
};

struct gov_verdict {
    enum gov_choice choice;
    int             rule;       /* counted from 0; -1: none matched */
    int             in_doubt;   /* 1: "ask" because something could not be told; the rule is the one in question */
    int64_t         vote_at_ns; /* earliest time of the vote; never before the voting starts. 0 with "ask" */
    char            why[500];   /* which rule, and why; fit to be shown */
};

/*
 * Reads a policy. 0; -EBADMSG with what is wrong, and in which rule, in `why`: an unknown member is an error, so that a
 * misspelt condition does not make a rule match more; -ENOMEM. Free *ret with gov_policy_free() after 0.
 */
int gov_policy_read(const char *text, size_t text_len, struct gov_policy *ret, char *why, size_t len);

void gov_policy_free(struct gov_policy *policy);

/*
 * Asks the policy. Changes of parameters should have been compared (gov_params_compare()) before. The verdict does not
 * depend on time or on the proposal's status.
 */
void gov_policy_ask(const struct gov_policy *policy, const struct gov_proposal *proposal, struct gov_verdict *ret);

/* 1 when the pattern stands for all of the text. */
int gov_matches(const char *pattern, const char *text, int any_capitals);

/* "yes", "no_with_veto", ... as `inferenced tx gov vote` wants it, and "ask". Never NULL. */
const char *gov_choice_text(enum gov_choice choice);

/* The choice that is written like this. 0 or -EINVAL. */
int gov_choice_parse(const char *text, enum gov_choice *ret);

#endif

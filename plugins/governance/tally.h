/*
 * tally.h: what the votes so far make of a proposal, as the chain's gov module computes it.
 *
 * Pure: no input or output, no allocation; functions may be called from any thread.
 */
#ifndef GOVERNANCE_TALLY_H
#define GOVERNANCE_TALLY_H

#include "plugins/governance/exact.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* The rules of counting. Ratios are in units of 10^-18. */
struct gov_tally_rules {
    gov_u128 quorum;
    gov_u128 threshold;
    gov_u128 expedited_threshold;
    gov_u128 veto_threshold;
    int      burn_vote_veto;
    int      burn_vote_quorum;
};

/* Voting power per option, and all of it that is bonded. */
struct gov_votes {
    gov_u128 yes;
    gov_u128 no;
    gov_u128 no_with_veto;
    gov_u128 abstain;
    gov_u128 bonded;
};

/* Why the vote would end as it would, in the order in which the chain asks. */
enum gov_outcome {
    GOV_OUTCOME_NO_POWER,    /* nothing is bonded: rejected */
    GOV_OUTCOME_NO_QUORUM,   /* rejected */
    GOV_OUTCOME_ALL_ABSTAIN, /* nobody said anything else: rejected */
    GOV_OUTCOME_VETO,        /* rejected */
    GOV_OUTCOME_PASSES,      /* accepted */
    GOV_OUTCOME_TOO_FEW_YES, /* rejected */
};

/* How much power would have to move for one of the three to turn round. */
struct gov_gap {
    int      never; /* no amount would do it */
    gov_u128 power;
};

struct gov_tally {
    gov_u128 voted;     /* all four options */
    gov_u128 not_voted; /* of the bonded power; 0 when more voted than is bonded */
    /* The three ratios, rounded as the chain rounds them. A ratio of nothing to nothing is 0. */
    gov_u128 turnout;    /* voted / bonded, against quorum */
    gov_u128 yes_share;  /* yes / (voted - abstain), against the threshold in force */
    gov_u128 veto_share; /* no_with_veto / voted, against the veto threshold */
    gov_u128 threshold;  /* the one in force: the expedited one for an expedited proposal */

    int has_quorum;
    int has_yes;
    int is_vetoed;
    /* Missing is what must be added to what was voted, everything else as it is. Votes may also change sides. */
    struct gov_gap quorum_missing; /* power of any option until the quorum is there; 0 when it is */
    struct gov_gap yes_missing;    /* yes votes until the threshold is passed; 0 when it is */
    struct gov_gap veto_missing;   /* no_with_veto votes until it is vetoed; 0 when it is */
    struct gov_gap veto_excess;    /* votes other than a veto until it is vetoed no more; 0 when it is not */

    enum gov_outcome outcome;
    int              converts; /* expedited and not passing: goes on as a regular proposal, with a longer clock */
    int              burns;    /* the deposits would be burned */
};

/*
 * Reads the `params` object of /cosmos/gov/v1/params/..., or an answer that has it as its member. 0, -EBADMSG (a ratio
 * is missing, no decimal, or not between 0 and 1), with the member and what is wrong in `why`.
 */
int gov_tally_rules_read(const cJSON *params, struct gov_tally_rules *ret, char *why, size_t len);

/*
 * Reads {"yes_count":...}, or an answer that has it as its member `tally`. Leaves bonded alone. A missing count is 0 as
 * long as yes_count is there. 0, -EBADMSG (no counts, or one that is no integer of at most 38 digits), with the member
 * and what is wrong in `why`.
 */
int gov_votes_read(const cJSON *tally, struct gov_votes *ret, char *why, size_t len);

/*
 * The tally as it stands. 0, or -ERANGE when the votes add up to more than 38 digits, with a sentence in `why`.
 */
int gov_tally_count(const struct gov_votes *votes, const struct gov_tally_rules *rules, int expedited,
                    struct gov_tally *ret, char *why, size_t len);

/* "passes", "rejected: ..." and so on: what the end of the vote would bring now. Never NULL. */
const char *gov_outcome_text(enum gov_outcome outcome);

#endif

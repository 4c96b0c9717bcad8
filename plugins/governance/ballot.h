/* ballot.h: one vote, from the guards to its proof on chain; what voting by hand and by policy share. */
#ifndef GOVERNANCE_BALLOT_H
#define GOVERNANCE_BALLOT_H

#include "plugins/governance/tasks.h"

#define GOV_BALLOT_WHY 700

struct gov_ballot {
    struct gov_chain  *chain;
    struct gov_case    one;
    enum gov_choice    choice;
    struct gov_verdict verdict; /* of a policy; rule is -1 by hand */
    int                by_hand;
    int                signer_known; /* 1: the key is the account's */
    struct gov_memory  memory;
    int                forgets; /* 1: the memory could not be read, and is left as it is */
    char               command[1600];
    char               node[GA_CHAIN_URL_MAX + 2];
    char              *unsigned_text; /* sign: offline */
    char               hash[72];
    char               why[GOV_BALLOT_WHY]; /* how it ended, in a sentence */
};

/* Keeps the sentence as ballot->why; returns the outcome. */
int gov_ballot_end(struct gov_ballot *ballot, int outcome, const char *text);

/* May there be a vote at all, with this node and this key? GA_OK, or an outcome with a sentence. */
int gov_ballot_means(struct gov_ballot *ballot);

/* Does the proposal take votes now? As above. */
int gov_ballot_period(struct gov_ballot *ballot);

/* Reads which votes were a person's. GA_OK, or GA_FAILED with a sentence: no policy can tell its own votes from a
 * person's then. */
int gov_ballot_recall(struct gov_ballot *ballot);

/* Keeps that. 0, or -1: it could not be kept. */
int gov_ballot_remember(const struct gov_ballot *ballot);

/* The guards are behind us, but for act(): asks it, sends, and looks at the chain for the vote. An outcome with a
 * sentence. */
int gov_ballot_cast(struct gov_ballot *ballot);

/* The two ways to vote. An outcome; the run has ended with it. */
int gov_vote_by_hand(struct gov_chain *chain);
int gov_vote_by_policy(struct gov_chain *chain, struct gov_policy *rules);

#endif

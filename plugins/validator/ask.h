/*
 * ask.h: a question to several nodes, whose answer counts when enough of them say the same.
 *
 * kit/chain.h's ga_chain_ask() believes the first healthy source. Here as many as must agree (`agree`) have to say the
 * same in what matters: a single node that lies, or is patched, cannot make this host send a transaction.
 */
#ifndef VALIDATOR_ASK_H
#define VALIDATOR_ASK_H

#include "kit/chain_options.h"
#include "plugins/validator/facts.h"

enum val_known {
    VAL_UNKNOWN = 0, /* could not ask, not understood, or the nodes say different things */
    VAL_ABSENT,      /* enough nodes say that it does not exist */
    VAL_KNOWN,
};

/* About 170 KiB: static, one per process. */
struct val_chain {
    struct ga_chain_setup  setup;
    struct ga_chain_quorum quorum;
};

/* What one answer says. */
union val_fact {
    struct val_params      params;
    struct val_validator   validator;
    struct val_signing     signing;
    struct val_participant participant;
    char                   balance[GA_AMOUNT_MAX];
    struct val_grants      grants;
    struct val_allowance   allowance;
};

struct val_question {
    const char *what; /* "the signing info", for messages */
    const char *path;
    const char *about; /* the address that the answer must be about */
    /* Reads one answer. 0, or -1 with a sentence. */
    int (*read)(const cJSON *answer, const char *about, union val_fact *ret, char *why);
    /* Do two answers say the same in what matters? Counters that grow with each block do not. */
    int (*same)(const union val_fact *a, const union val_fact *b);
};

/* Asks the healthy sources in their order until enough agree. Unless VAL_KNOWN there is a sentence in `why` (VAL_WHY
 * bytes). */
enum val_known val_ask(const struct val_chain *chain, const struct val_question *question, union val_fact *ret,
                       char *why);

#endif

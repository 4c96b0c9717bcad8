/* look.h: all that is seen of this host's validator: on the chain, on its node, at its signer. */
#ifndef VALIDATOR_LOOK_H
#define VALIDATOR_LOOK_H

#include "plugins/validator/ask.h"

#include "kit/bech32.h"

#include <gonka-agent/plugin.h>

#define VAL_COMMITS_MAX 100

/* Something that was looked for. */
struct val_item {
    enum val_known known;
    int            wanted;       /* 0: the options do not name it: nothing is said about it */
    char           why[VAL_WHY]; /* unless VAL_KNOWN */
};

/* The newest blocks, as one healthy node has them. */
struct val_recent {
    int n;       /* looked at */
    int missed;  /* by this validator, which was in the set */
    int outside; /* blocks whose signature of ours is missing while nobody's place is empty: we were not in the set */
    int others;  /* places of others, all blocks together */
    int others_absent;
};

struct val_seen {
    /* who */
    char account[GA_BECH32_MAX];
    char operator_address[GA_BECH32_MAX];
    char valcons[GA_BECH32_MAX]; /* of the key on the chain; "" not known */
    char hex[48];

    /* the chain */
    enum ga_chain_known chain;
    char                chain_text[512];
    char                chain_id[64];
    int64_t             height;
    int64_t             now_ns; /* chain time: the newest block's */
    size_t              n_sources;
    size_t              n_healthy;
    struct val_item     validator_item;
    struct val_item     signing_item;
    struct val_item     params_item;
    struct val_item     participant_item;
    struct val_item     balance_item;
    struct val_item     grants_item;
    struct val_item     allowance_item;
    struct val_item     recent_item;

    struct val_validator   validator;
    struct val_signing     signing;
    struct val_params      params;
    struct val_participant participant;
    char                   balance[GA_AMOUNT_MAX];
    struct val_grants      grants;
    struct val_allowance   allowance;
    struct val_recent      recent;

    /* this host */
    struct val_item node_item; /* known: it answered */
    int             node_good; /* it is healthy by the quorum's judgement */
    int64_t         node_height;
    int64_t         voting_power;
    char            node_key[VAL_KEY_MAX]; /* what the node says that it signs with; "" not said */
    struct val_item file_item;             /* priv_validator_key.json, where the node signs by itself */
    char            file_key[VAL_KEY_MAX];
    struct val_item log_item; /* the signer's log */
    char            log_key[VAL_KEY_MAX];

    /* for unjail */
    struct val_item signer_item; /* known: it is reachable (VAL_ABSENT: it is not) */
    struct val_item state_item;  /* the height that the signer signed last */
    int64_t         state_height;
    struct val_item blocks_item; /* known: a new block was seen to come (VAL_ABSENT: none came) */
};

/* What is looked at beside the validator, its signing info and the keys. */
#define VAL_LOOK_MONEY 0x1u  /* balance, grants */
#define VAL_LOOK_RECENT 0x2u /* the newest blocks */
#define VAL_LOOK_SIGNER 0x4u /* signer, its state */
#define VAL_LOOK_BLOCKS 0x8u /* waits for a new block */

/*
 * Reads the options that say who this is. 0, or -EINVAL with a sentence (VAL_WHY bytes): account or warm are no
 * addresses, an amount is none, a source no URL.
 */
int val_look_start(struct ga_run *run, const struct ga_host *host, struct val_chain *chain, struct val_seen *ret,
                   char *why);

/* Asks the sources and fills the rest, `parts` of it. What could not be asked is VAL_UNKNOWN and says why. */
void val_look(struct ga_run *run, const struct ga_host *host, struct val_chain *chain, unsigned int parts,
              struct val_seen *ret);

/* The validator's entry alone, asked anew (after a transaction). */
enum val_known val_look_validator(struct val_chain *chain, struct val_seen *ret);

/* Of this host's signer; look_signer.c. */
void val_look_keys(struct ga_run *run, const struct ga_host *host, struct val_seen *ret);
void val_look_signer(struct ga_run *run, const struct ga_host *host, struct val_seen *ret);
void val_look_blocks(struct ga_run *run, const struct ga_host *host, const struct val_chain *chain,
                     struct val_seen *ret);

/* Of the newest blocks; look_recent.c. */
void val_look_recent(const struct val_chain *chain, int n, struct val_seen *ret);

#endif

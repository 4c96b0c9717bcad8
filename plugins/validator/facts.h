/*
 * facts.h: what nodes say about one validator, read from their answers. Pure: no network, no clock.
 *
 * Each function reads one answer of the REST gateway (val_read_commit(): of the RPC) and returns 0, or -1 with a
 * sentence in `why` (VAL_WHY bytes): an answer that cannot be understood is no evidence of anything. What decides about
 * a transaction (jailed, tombstoned) must be said in so many words: a member that is missing is not taken for false.
 */
#ifndef VALIDATOR_FACTS_H
#define VALIDATOR_FACTS_H

#include "kit/amount.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define VAL_WHY 600
#define VAL_KEY_MAX 64 /* a public key in base64 has 44 characters */
#define VAL_URL_MAX 256

/* The rule of /cosmos/slashing/v1beta1/params. */
struct val_params {
    int64_t window;      /* blocks */
    int64_t most_missed; /* so many of the window may be missed; one more is jail */
    int64_t jail_ns;     /* how long it lasts */
};

enum val_bond { VAL_BOND_UNSPECIFIED, VAL_BOND_UNBONDED, VAL_BOND_UNBONDING, VAL_BOND_BONDED };

struct val_validator {
    int           jailed;
    enum val_bond bond;
    char          key[VAL_KEY_MAX]; /* what consensus counts */
    char          tokens[GA_AMOUNT_MAX];
};

struct val_signing {
    int64_t until_ns; /* end of the jail time by chain time; INT64_MIN or 1970: never jailed; INT64_MAX: for ever */
    int     tombstoned;
    int64_t missed; /* blocks of the window */
    int64_t start_height;
};

/* Of the inference module. */
struct val_participant {
    char key[VAL_KEY_MAX]; /* "" when it has none */
    char status[24];
    char url[VAL_URL_MAX];
};

struct val_grants {
    size_t  n;
    int64_t first_ns;       /* end of the one that ends first; INT64_MAX: none ends */
    char    first_msg[128]; /* its message type */
};

struct val_allowance {
    size_t  n;       /* of this granter: 0 or 1 */
    int64_t ends_ns; /* INT64_MAX: it does not */
};

/* Who signed one block. */
struct val_commit {
    int64_t height; /* of the block that was signed */
    int     n;      /* validators in the set */
    int     absent;
    int     own; /* 1: its signature is there */
};

/* Of Docker's API. */
struct val_container {
    int     running;
    int     restarting;
    int64_t started_ns; /* when it was started last */
};

int val_read_params(const cJSON *answer, struct val_params *ret, char *why);
int val_read_validator(const cJSON *answer, const char *operator_address, struct val_validator *ret, char *why);
int val_read_signing(const cJSON *answer, const char *valcons, struct val_signing *ret, char *why);
int val_read_participant(const cJSON *answer, const char *account, struct val_participant *ret, char *why);
int val_read_balance(const cJSON *answer, char ret[GA_AMOUNT_MAX], char *why);
int val_read_grants(const cJSON *answer, struct val_grants *ret, char *why);
int val_read_allowance(const cJSON *answer, const char *granter, struct val_allowance *ret, char *why);
/* Docker's GET /containers/NAME/json. */
int val_read_container(const cJSON *answer, struct val_container *ret, char *why);
/* `hex`: own consensus address; the answer is that of "block?height=N". */
int val_read_commit(const cJSON *answer, const char *hex, struct val_commit *ret, char *why);

/* Takes a public key when it is one (base64 of 32 bytes). 0, -1. */
int val_take_key(const char *text, char ret[VAL_KEY_MAX]);

#endif

/* recover.h: the FAQ's procedures for a lost key, with this host's values. Pure: it prints. */
#ifndef VALIDATOR_RECOVER_H
#define VALIDATOR_RECOVER_H

#include "plugins/validator/look.h"

#include <stdio.h>

/* Values that stand in the commands; what is not known is a word in capitals that a person replaces. */
struct val_site {
    const char *deploy_dir; /* NULL: not given */
    const char *key;        /* the cold key's name; NULL */
    const char *backend;    /* its keyring */
    const char *node;       /* RPC for --node, as seen from where the cold key is */
    const char *chain_id;
    const char *container; /* the signer's */
    const char *warm;      /* NULL: not given */
};

enum val_light { VAL_LIGHT_OK, VAL_LIGHT_WARN, VAL_LIGHT_UNKNOWN, VAL_LIGHT_NO };

struct val_check {
    enum val_light light;
    char           text[700];
};

#define VAL_CHECKS_MAX 8

struct val_checks {
    struct val_check list[VAL_CHECKS_MAX];
    size_t           n;
};

/* Preconditions. */
void val_check_consensus(const struct val_seen *seen, struct val_checks *ret);
void val_check_warm(const struct val_seen *seen, struct val_checks *ret);

/* The steps, numbered, each with its command. */
void val_print_consensus(FILE *out, const struct val_seen *seen, const struct val_site *site);
void val_print_warm(FILE *out, const struct val_seen *seen, const struct val_site *site);

/* GA_OK: may be followed; GA_REFUSED: a check says no; GA_UNKNOWN. */
int val_checks_verdict(const struct val_checks *checks);

const char *val_light_name(enum val_light light);

/* A word as a shell takes it: as it is, or in quotes. Returns buf. */
char *val_quote(const char *word, char *buf, size_t len);

#endif

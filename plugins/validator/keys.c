/* keys.c: the three places where a consensus key stands. */
#include "plugins/validator/judge.h"

#include <stdio.h>
#include <string.h>

/* Keys are public; their beginnings are enough to tell them apart by eye. */
#define SHOWN 12

/* What this host says about its own key: the signer's word before the node's, which keeps what it heard at its start.
 * NULL when it is not known, or when its words differ (*ret_differ). */
static const char *
own_key(const struct val_seen *seen, int *ret_differ)
{
    const char *said[] = {seen->log_item.known == VAL_KNOWN ? seen->log_key : "",
                          seen->file_item.known == VAL_KNOWN ? seen->file_key : "",
                          seen->node_item.known == VAL_KNOWN ? seen->node_key : ""};
    const char *key = NULL;

    *ret_differ = 0;
    for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
        if (!*said[i])
            continue;
        if (key && strcmp(key, said[i]) != 0)
            *ret_differ = 1;
        if (!key)
            key = said[i];
    }
    return key;
}

/* Something that would have to be read, and could not be: the key is not known then, whatever the others say. */
static const char *
unread(const struct val_seen *seen)
{
    if (seen->log_item.wanted && seen->log_item.known != VAL_KNOWN)
        return seen->log_item.why;
    if (seen->file_item.wanted && seen->file_item.known != VAL_KNOWN)
        return seen->file_item.why;
    if (seen->node_item.known != VAL_KNOWN)
        return seen->node_item.why;
    return *seen->node_key ? NULL : "the node does not say which key it signs with";
}

static enum val_keys
differ(const struct val_seen *seen, char *why)
{
    (void)snprintf(why, VAL_WHY,
                   "this host contradicts itself: the node says that it signs with %.*s..., %s has %.*s...: the signer "
                   "was changed and the node not restarted, or the node asks another signer",
                   SHOWN, *seen->node_key ? seen->node_key : "(nothing)",
                   seen->log_item.known == VAL_KNOWN ? "the signer's log" : "the key file", SHOWN,
                   seen->log_item.known == VAL_KNOWN ? seen->log_key : seen->file_key);
    return VAL_KEYS_SELF;
}

static enum val_keys
compare_three(const struct val_seen *seen, const char *own, char *why)
{
    const char *staking = seen->validator.key;
    const char *inference = seen->participant_item.known == VAL_KNOWN ? seen->participant.key : "";

    if (strcmp(own, staking) == 0 && seen->participant_item.known == VAL_UNKNOWN) {
        (void)snprintf(why, VAL_WHY, "staking has this host's key, but the inference module's is not known: %.400s",
                       seen->participant_item.why);
        return VAL_KEYS_UNKNOWN;
    }
    if (strcmp(own, staking) == 0 && (!*inference || strcmp(inference, staking) == 0)) {
        (void)snprintf(why, VAL_WHY, "this host signs with the key that the chain has (%.*s...)", SHOWN, own);
        return VAL_KEYS_SAME;
    }
    if (strcmp(own, staking) == 0) {
        (void)snprintf(
            why, VAL_WHY,
            "the modules disagree: this host signs with %.*s..., which staking has, but the inference module "
            "has %.*s...: at the next choice of validators the chain will expect a key that is not here",
            SHOWN, own, SHOWN, inference);
        return VAL_KEYS_SPLIT;
    }
    if (*inference && strcmp(own, inference) == 0) {
        (void)snprintf(
            why, VAL_WHY,
            "the modules disagree: this host signs with %.*s..., which the inference module has, but staking "
            "still has %.*s...: what this host signs does not count until the next choice of validators",
            SHOWN, own, SHOWN, staking);
        return VAL_KEYS_PENDING;
    }
    if (*inference && strcmp(inference, staking) != 0) {
        (void)snprintf(why, VAL_WHY,
                       "three different keys: this host signs with %.*s..., staking has %.*s..., the inference module "
                       "%.*s...",
                       SHOWN, own, SHOWN, staking, SHOWN, inference);
        return VAL_KEYS_ALL;
    }
    (void)snprintf(
        why, VAL_WHY,
        "this host signs with %.*s..., the chain has %.*s...%s: nothing that it signs counts, and it is "
        "jailed for missed blocks",
        SHOWN, own, SHOWN, staking,
        seen->participant_item.known == VAL_UNKNOWN ? " (in staking; the inference module could not be asked)" : "");
    return VAL_KEYS_LOST;
}

enum val_keys
val_compare_keys(const struct val_seen *seen, char *why)
{
    int         words_differ = 0;
    const char *own = own_key(seen, &words_differ);
    const char *missing = unread(seen);

    if (words_differ)
        return differ(seen, why);
    if (!own || missing) {
        (void)snprintf(why, VAL_WHY, "the key that this host signs with is not known: %.500s",
                       missing ? missing : "nobody says it");
        return VAL_KEYS_UNKNOWN;
    }
    if (seen->validator_item.known != VAL_KNOWN) {
        (void)snprintf(why, VAL_WHY, "the key on the chain is not known: %.500s", seen->validator_item.why);
        return VAL_KEYS_UNKNOWN;
    }
    return compare_three(seen, own, why);
}

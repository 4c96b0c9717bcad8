/* validator_seen.h: a validator that is jailed, whose time is over, and with which all else is well. */
#ifndef VALIDATOR_SEEN_H
#define VALIDATOR_SEEN_H

#include "plugins/validator/look.h"

#include <stdio.h>

#define SEEN_KEY "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps="
#define SEEN_OTHER "YHtcky8VaH0qQNhYJkN61RPf83oKWsCPXdaewvDEYLo="
#define SEEN_THIRD "ljvRT9VScsxQKKX4S91yJRNppbz691ceD4sBYBRrAys="
#define SEEN_SECOND INT64_C(1000000000)
#define SEEN_NOW (INT64_C(1763640000) * SEEN_SECOND)

static inline void
seen_known(struct val_item *item)
{
    *item = (struct val_item){.known = VAL_KNOWN, .wanted = 1};
}

static inline void
seen_not(struct val_item *item, enum val_known known)
{
    *item = (struct val_item){.known = known, .wanted = 1};
    (void)snprintf(item->why, sizeof(item->why), "it did not answer");
}

static inline void
seen_key(char *where, const char *key)
{
    (void)snprintf(where, VAL_KEY_MAX, "%s", key);
}

static inline struct val_seen
seen_jailed(void)
{
    struct val_seen        seen = {.chain = GA_CHAIN_KNOWN,
                                   .chain_text = "3 of 3 sources agree",
                                   .height = 1000,
                                   .now_ns = SEEN_NOW,
                                   .n_sources = 3,
                                   .n_healthy = 3,
                                   .validator = {.jailed = 1, .bond = VAL_BOND_UNBONDING, .key = SEEN_KEY},
                                   .signing = {.until_ns = SEEN_NOW - 10 * SEEN_SECOND, .missed = 3},
                                   .params = {.window = 100, .most_missed = 50, .jail_ns = 600 * SEEN_SECOND},
                                   .participant = {.key = SEEN_KEY},
                                   .balance = "200000000000",
                                   .grants = {.n = 8, .first_ns = SEEN_NOW + 365 * 86400 * SEEN_SECOND},
                                   .allowance = {.n = 1, .ends_ns = SEEN_NOW + 365 * 86400 * SEEN_SECOND},
                                   .recent = {.n = 10, .others = 30},
                                   .node_good = 1,
                                   .node_height = 1000,
                                   .node_key = SEEN_KEY,
                                   .log_key = SEEN_KEY,
                                   .state_height = 900};
    struct val_item *const items[] = {
        &seen.validator_item, &seen.signing_item,   &seen.params_item, &seen.participant_item, &seen.balance_item,
        &seen.grants_item,    &seen.allowance_item, &seen.recent_item, &seen.node_item,        &seen.log_item,
        &seen.signer_item,    &seen.state_item,     &seen.blocks_item};

    for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
        seen_known(items[i]);
    return seen;
}

#endif

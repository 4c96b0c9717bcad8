/*
 * kit/chain_options.h: the options that every plugin of the chain has, in the same words, and what becomes of them.
 *
 * Put GA_CHAIN_OPTIONS into the plugin's table of options, and call ga_chain_setup() at the start of a task.
 * Link: libkit-chain.
 */
#ifndef GA_KIT_CHAIN_OPTIONS_H
#define GA_KIT_CHAIN_OPTIONS_H

#include "kit/chain.h"

#include <gonka-agent/plugin.h>

/* clang-format off */
#define GA_CHAIN_OPTIONS                                                                                          \
    {.key = "node", .type = GA_T_URL, .choices = "http:80|https:443",                                             \
     .help = "this host's proxy, with /chain-rpc/ and /chain-api/ below it (http://127.0.0.1:8000)"},             \
    {.key = "node_rpc", .type = GA_T_URL, .choices = "http:80|https:443",                                         \
     .help = "this host's CometBFT RPC at a port of its own (http://127.0.0.1:26657), instead of node's"},        \
    {.key = "node_rest", .type = GA_T_URL, .choices = "http:80|https:443",                                        \
     .help = "this host's REST gateway at a port of its own (http://127.0.0.1:1317), instead of node's"},         \
    {.key = "sources", .type = GA_T_URL | GA_T_LIST, .choices = "http:80|https:443",                              \
     .help = "proxies of other hosts that are asked, too; without any, this host's node is believed alone"},      \
    {.key = "chain_id", .type = GA_T_STRING, .dflt = "gonka-mainnet", .help = "chain id that sources must have"}, \
    {.key = "agree", .type = GA_T_INT, .dflt = "0", .min = 0, .max = GA_CHAIN_SOURCES_MAX,                        \
     .help = "so many nodes must agree; 0: two, or one when only one is named"},                                  \
    {.key = "max_lag", .type = GA_T_INT, .dflt = "5", .min = 1, .max = 100000,                                    \
     .help = "blocks that the heights of nodes which agree may lie apart"},                                       \
    {.key = "max_age", .type = GA_T_DURATION, .dflt = "60s", .min = INT64_C(1000000000),                          \
     .max = INT64_C(86400000000000), .help = "a node whose newest block is older does not count"},                \
    {.key = "ask_timeout", .type = GA_T_DURATION, .dflt = "15s", .min = INT64_C(100000000),                       \
     .max = INT64_C(600000000000), .help = "how long a node has to answer a question"}
/* clang-format on */

/* Plain values; nothing to free. About 70 KiB: keep it off small stacks. */
struct ga_chain_setup {
    struct ga_chain_source sources[GA_CHAIN_SOURCES_MAX];
    size_t                 n;
    int                    has_own; /* 1: sources[0] is this host's node (named "node") */
    struct ga_chain_rules  rules;   /* chain_id is borrowed from the run; now_ns is 0 */
};

/*
 * Reads them. Sources are cancelled with the run. 0, or -EINVAL with a sentence in `why`: no source at all, too many,
 * node_rest without any RPC, more to agree than there are, a URL that cannot be one.
 */
int ga_chain_setup(struct ga_run *run, const struct ga_host *host, struct ga_chain_setup *ret, char *why, size_t len);

#endif

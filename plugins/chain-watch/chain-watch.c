/* chain-watch.c: the descriptor. */
#include "plugins/chain-watch/watch.h"

#include "kit/chain_options.h"

#define VERSION "1.0"
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static const struct ga_option options[] = {
    GA_CHAIN_OPTIONS,
    {.key = "compare",
     .type = GA_T_DURATION,
     .dflt = "30s",
     .min = INT64_C(100000000),
     .max = INT64_C(3600000000000),
     .help = "so often all sources are asked and compared; in between only the first one, for its newest block"},
    {.key = "poll",
     .type = GA_T_DURATION,
     .min = INT64_C(20000000),
     .max = INT64_C(3600000000000),
     .help = "so often the first source is asked; absent: when its next block is to be expected, 1 to 10 s"},
    {.key = "block_every",
     .type = GA_T_DURATION,
     .dflt = "1m",
     .max = INT64_C(86400000000000),
     .help = "chain.block is told at most so often"},
    {.key = "near",
     .type = GA_T_DURATION,
     .dflt = "2h",
     .max = INT64_C(2592000000000000),
     .help = "upgrade.near is told so long before the upgrade's height"},
};

static const struct ga_task tasks[] = {
    {.name = "follow",
     .summary = "follow the chain: its blocks, epochs, phases and upgrades, and whether it or this host's node stands",
     .flags = GA_TASK_READ_ONLY | GA_TASK_RESIDENT,
     .function = cw_follow},
    {.name = "show",
     .summary = "where the chain is: height, lag, peers, epoch, phase, the next one, and the next upgrade",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .function = cw_show},
};

static const struct ga_topic topics[] = {
    {.name = "chain.block",
     .summary = "a new block, at most once in block_every: height, block_time, epoch, phase, next"},
    {.name = "chain.stalled",
     .summary = "no new blocks: several nodes agree (state chain-halted), or there is no other to compare (stands)"},
    {.name = "chain.catching_up", .summary = "this host's node is syncing"},
    {.name = "chain.node.behind", .summary = "the chain goes on, this host's node does not"},
    {.name = "chain.node.down", .summary = "the chain goes on, this host's node does not answer"},
    {.name = "chain.resumed", .summary = "all is well again: was (the state before), for (how long)"},
    {.name = "epoch.started", .summary = "a new epoch: epoch, start, length"},
    {.name = "poc.generate.started", .summary = "the proof of compute begins: generate"},
    {.name = "poc.generate.winding_down", .summary = "proofs that are begun now come too late"},
    {.name = "poc.validate.started", .summary = "others' proofs are validated from here on"},
    {.name = "poc.validate.winding_down", .summary = "validations that are begun now come too late"},
    {.name = "inference.started", .summary = "the proof of compute is over"},
    {.name = "epoch.validators.set", .summary = "the epoch's validators and weights are in force"},
    {.name = "epoch.claim.started", .summary = "rewards of the epoch before can be claimed"},
    {.name = "epoch.cutoff", .summary = "validations of inferences that come later do not count for this epoch"},
    {.name = "upgrade.scheduled", .summary = "the chain has a plan: upgrade (name, height, blocks, time, when)"},
    {.name = "upgrade.near", .summary = "it is less than `near` away"},
    {.name = "upgrade.done", .summary = "the chain went on behind its height"},
    {.name = "upgrade.cancelled", .summary = "the plan went before its height"},
};

GA_EXPORT const struct ga_plugin ga_plugin_v1 = {
    .size = sizeof(struct ga_plugin),
    .abi_major = GA_ABI_MAJOR,
    .abi_minor = 0,
    .name = "chain-watch",
    .version = VERSION,
    .summary = "follows the chain and tells its epochs, phases, upgrades and stalls, so that others need not poll",
    .options = options,
    .n_options = COUNT(options),
    .option_stride = sizeof(struct ga_option),
    .tasks = tasks,
    .n_tasks = COUNT(tasks),
    .task_stride = sizeof(struct ga_task),
    .topics = topics,
    .n_topics = COUNT(topics),
    .topic_stride = sizeof(struct ga_topic),
};

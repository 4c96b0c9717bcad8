/* seed-manager.c: the descriptor. */
#include "plugins/seed-manager/apply.h"
#include "plugins/seed-manager/survey_options.h"
#include "plugins/seed-manager/tasks.h"

#include "kit/chain_options.h"

#include <gonka-agent/plugin.h>

#define N(array) (uint32_t)(sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {GA_CHAIN_OPTIONS, SEED_SURVEY_OPTIONS, SEED_APPLY_OPTIONS};

static const struct ga_option apply_args[] = {SEED_APPLY_ARGS};

static const struct ga_option reseed_args[] = {SEED_RESEED_ARGS};

static const struct ga_task tasks[] = {
    {.name = "survey",
     .summary = "asks candidates and ranks them as seeds",
     .every = "1h",
     .timeout = "3m",
     .flags = GA_TASK_READ_ONLY,
     .function = survey_task},
    {.name = "apply",
     .summary = "replaces bad seeds, watches whether that helped, and puts the old ones back if it did not",
     .every = "10m",
     .on = "seed.survey.done",
     .timeout = "10m",
     .n_args = N(apply_args),
     .args = apply_args,
     .function = apply_task},
    {.name = "reseed",
     .summary = "fetches the node's data anew from good seeds, step by step",
     .timeout = "30m",
     .flags = GA_TASK_BY_HAND,
     .n_args = N(reseed_args),
     .args = reseed_args,
     .function = reseed_task},
};

static const struct ga_topic topics[] = {
    {.name = "seed.survey.done",
     .summary = "a survey was made: known, candidates, healthy, unclear, sick, configured, configured_healthy"},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "seed-manager",
                                       .version = "1.0.0",
                                       .summary = "finds good seed nodes and keeps the node's configuration on them",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks),
                                       .topics = topics,
                                       .n_topics = N(topics),
                                       .topic_stride = sizeof(*topics),
                                       .needs = GA_NEEDS_NETWORK};

/* bad-stride.c: a frozen layout from before 1.0, whose options had no range. Does not include plugin.h's options. */
#include <gonka-agent/plugin.h>

struct early_option {
    const char *key;
    uint32_t    type;
    uint32_t    flags;
    const char *dflt;
    const char *help;
    const char *choices;
};

static const struct early_option options[] = {
    {.key = "one", .type = GA_T_INT, .help = "a number"},
    {.key = "two", .type = GA_T_INT, .help = "a number"},
};

static int
nothing(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "nothing done");
}

static const struct ga_task tasks[] = {{.name = "nothing", .summary = "does nothing", .function = nothing}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-stride",
                                       .version = "0.1.0",
                                       .summary = "options that are too short",
                                       .options = (const struct ga_option *)(const void *)options,
                                       .n_options = 2,
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = 1,
                                       .task_stride = sizeof(*tasks)};

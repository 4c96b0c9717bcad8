/* bad-options.c: a plugin that lists the same option twice. */
#include <gonka-agent/plugin.h>

static const struct ga_option options[] = {
    {.key = "one", .type = GA_T_INT, .help = "a number"},
    {.key = "one", .type = GA_T_STRING, .help = "a text"},
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
                                       .name = "bad-options",
                                       .version = "0.1.0",
                                       .summary = "lists an option twice",
                                       .options = options,
                                       .n_options = 2,
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = 1,
                                       .task_stride = sizeof(*tasks)};

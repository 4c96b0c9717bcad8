/* bad-library.c: a plugin that wants a function which no library has. */
#include <gonka-agent/plugin.h>

void gonka_agent_no_such_function(void);
void (*const bad_library_wants)(void) = gonka_agent_no_such_function;

static int
nothing(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "nothing done");
}

static const struct ga_task tasks[] = {{.name = "nothing", .summary = "does nothing", .function = nothing}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-library",
                                       .version = "0.1.0",
                                       .summary = "does nothing",
                                       .tasks = tasks,
                                       .n_tasks = sizeof(tasks) / sizeof(*tasks),
                                       .task_stride = sizeof(*tasks)};

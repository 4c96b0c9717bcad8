/* bad-constructor-crash.c: a plugin whose constructor ends the process. */
#include <gonka-agent/plugin.h>

#include <stdio.h>
#include <unistd.h>

static void __attribute__((constructor)) leave(void)
{
    (void)fprintf(stderr, "the constructor gives up\n");
    _exit(7);
}

static int
nothing(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "nothing done");
}

static const struct ga_task tasks[] = {{.name = "nothing", .summary = "does nothing", .function = nothing}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-constructor-crash",
                                       .version = "0.1.0",
                                       .summary = "does nothing",
                                       .tasks = tasks,
                                       .n_tasks = sizeof(tasks) / sizeof(*tasks),
                                       .task_stride = sizeof(*tasks)};

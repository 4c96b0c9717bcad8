/* sample-silent.c: an essential task that serves and gives no heartbeat. */
#include <gonka-agent/plugin.h>

static int
serve(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event = {.size = sizeof(event)};

    host->ready(run);
    while (host->next_event(run, -1, &event) >= 0)
        ;
    return host->end(run, GA_OK, "ended when told to");
}

static const struct ga_task tasks[] = {
    {.name = "serve",
     .summary = "says that it is ready, then nothing",
     .on = "agent.>",
     .flags = GA_TASK_RESIDENT | GA_TASK_ESSENTIAL,
     .function = serve},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-silent",
                                       .version = "0.1.0",
                                       .summary = "gives no heartbeat",
                                       .option_stride = sizeof(struct ga_option),
                                       .tasks = tasks,
                                       .n_tasks = 1,
                                       .task_stride = sizeof(struct ga_task),
                                       .topic_stride = sizeof(struct ga_topic)};

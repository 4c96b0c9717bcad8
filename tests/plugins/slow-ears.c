/* slow-ears.c: listens to everything and takes its time. */
#include <gonka-agent/plugin.h>

#include <unistd.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static int
listen_slowly(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event;

    host->ready(run);
    while (host->next_event(run, 1000, &event) >= 0) {
        host->beat(run);
        (void)usleep(100000);
    }
    return host->end(run, GA_OK, "heard enough");
}

static const struct ga_task tasks[] = {
    {.name = "listen", .summary = "hears everything", .on = ">", .flags = GA_TASK_RESIDENT, .function = listen_slowly},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "slow-ears",
                                       .version = "0.1.0",
                                       .summary = "listens to everything and takes its time",
                                       .option_stride = sizeof(struct ga_option),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

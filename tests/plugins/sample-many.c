/* sample-many.c: several tasks that do nothing but be on time, and one that always fails. */
#include <gonka-agent/plugin.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static int
succeed(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "ran");
}

static int
fail(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_FAILED, "fails always");
}

#define TASK(task_name, task_function)                                                           \
    {                                                                                            \
        .name = (task_name), .summary = "is on time", .every = "1h", .flags = GA_TASK_READ_ONLY, \
        .function = (task_function)                                                              \
    }

static const struct ga_task tasks[] = {TASK("t1", succeed), TASK("t2", succeed), TASK("t3", succeed),
                                       TASK("t4", succeed), TASK("t5", succeed), TASK("t6", succeed),
                                       TASK("t7", succeed), TASK("t8", succeed), TASK("fail", fail)};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-many",
                                       .version = "0.1.0",
                                       .summary = "several tasks that are on time",
                                       .option_stride = sizeof(struct ga_option),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

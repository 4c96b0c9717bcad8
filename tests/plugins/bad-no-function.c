/* bad-no-function.c: a plugin with a task that has no function. */
#include <gonka-agent/plugin.h>

static const struct ga_task tasks[] = {{.name = "nothing", .summary = "does not even do nothing"}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-no-function",
                                       .version = "0.1.0",
                                       .summary = "a task without a function",
                                       .tasks = tasks,
                                       .n_tasks = 1,
                                       .task_stride = sizeof(*tasks)};

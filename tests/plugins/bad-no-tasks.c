/* bad-no-tasks.c: a plugin that offers nothing to do. */
#include <gonka-agent/plugin.h>

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-no-tasks",
                                       .version = "0.1.0",
                                       .summary = "offers nothing to do"};

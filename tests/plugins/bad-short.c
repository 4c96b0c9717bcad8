/* bad-short.c: a frozen layout from before 1.0, whose descriptor ended after the tasks. Does not include plugin.h. */
#include <stdint.h>

struct early_plugin {
    uint32_t    size;
    uint16_t    abi_major;
    uint16_t    abi_minor;
    const char *name;
    const char *version;
    const char *summary;
    const void *options;
    uint32_t    n_options;
    uint32_t    option_stride;
    const void *tasks;
    uint32_t    n_tasks;
    uint32_t    task_stride;
};

extern __attribute__((visibility("default"))) const struct early_plugin ga_plugin_v1;

const struct early_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                          .abi_major = 1,
                                          .abi_minor = 0,
                                          .name = "bad-short",
                                          .version = "0.0.1",
                                          .summary = "a descriptor that ends too early"};

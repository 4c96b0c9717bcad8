/* bad-lying-size.c: a descriptor that claims more bytes than its symbol has. */
#include <gonka-agent/plugin.h>

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1) + 64,
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-lying-size",
                                       .version = "0.1.0",
                                       .summary = "claims more than it has"};

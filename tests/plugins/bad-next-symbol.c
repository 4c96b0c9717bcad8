/* bad-next-symbol.c: a plugin of a future major: the symbol's name carries the number. */
#include <gonka-agent/plugin.h>

extern GA_EXPORT const struct ga_plugin ga_plugin_v2;

const struct ga_plugin ga_plugin_v2 = {
    .size = sizeof(ga_plugin_v2), .abi_major = 2, .name = "bad-next-symbol", .version = "1", .summary = "future"};

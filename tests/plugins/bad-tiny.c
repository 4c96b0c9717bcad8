/* bad-tiny.c: the right symbol with four bytes behind it, and a size that lies. */
#include <stdint.h>

extern __attribute__((visibility("default"))) const uint32_t ga_plugin_v1;

const uint32_t ga_plugin_v1 = 104;

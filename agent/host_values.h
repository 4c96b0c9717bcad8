/* host_values.h: numbers as the wire carries them. The getters themselves are in host.h. */
#ifndef AGENT_HOST_VALUES_H
#define AGENT_HOST_VALUES_H

#include <stdint.h>

/* Parses a whole decimal text. 0, -EINVAL or -ERANGE. */
int host_parse_number(const char *text, int64_t *ret);

#endif

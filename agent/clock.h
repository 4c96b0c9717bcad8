/* clock.h: the two clocks. The real one is for people, the boot-time one (it counts suspended time) for everything
 * else. */
#ifndef AGENT_CLOCK_H
#define AGENT_CLOCK_H

#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define CLOCK_ISO_LEN 32

int64_t clock_real_ns(void);
int64_t clock_boot_ns(void);
int64_t clock_monotonic_ns(void); /* for the service manager, who asks for this one */

/* "2026-11-23T12:00:00.123456Z" into buf, which is returned. */
char *clock_iso(int64_t real_ns, char buf[CLOCK_ISO_LEN]);

/* A number from 0 up to below, for jitter: not for secrets. */
int64_t clock_random_below(int64_t below);

#endif

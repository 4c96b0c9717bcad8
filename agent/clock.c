/* clock.c: the two clocks. */
#include "agent/clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static int64_t
now(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts); /* cannot fail: both clocks exist on every kernel we run on */
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
clock_real_ns(void)
{
    return now(CLOCK_REALTIME);
}

int64_t
clock_boot_ns(void)
{
    return now(CLOCK_BOOTTIME);
}

int64_t
clock_monotonic_ns(void)
{
    return now(CLOCK_MONOTONIC);
}

char *
clock_iso(int64_t real_ns, char buf[CLOCK_ISO_LEN])
{
    time_t    seconds = (time_t)(real_ns / NS_PER_S);
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    (void)snprintf(buf, CLOCK_ISO_LEN, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)(tm.tm_year + 1900) % 10000u,
                   (unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
                   (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u,
                   (unsigned)(real_ns % NS_PER_S / NS_PER_US) % 1000000u);
    return buf;
}

int64_t
clock_random_below(int64_t below)
{
    uint64_t bits = 0;

    if (below <= 0)
        return 0;
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
        bits = (uint64_t)clock_boot_ns();
    return (int64_t)(bits % (uint64_t)below);
}

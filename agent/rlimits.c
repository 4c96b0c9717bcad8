/* rlimits.c: what the process of a run may use up. */
#include "agent/rlimits.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OPEN_FILES 256

/* Bytes of private memory that the process has: what the limit is on top of (a sanitizer's shadow is much). */
static uint64_t
private_memory(void)
{
    char    text[256] = "";
    char   *at = text;
    int     fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

    if (fd >= 0)
        (void)close(fd);
    for (int field = 1; n > 0 && field < 6; field++)
        (void)strtoull(at, &at, 10);
    return n > 0 ? strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int
limit(__rlimit_resource_t resource, uint64_t value, const char *what, char *reterr, size_t len)
{
    struct rlimit now;
    int           r;

    if (getrlimit(resource, &now) < 0)
        return -errno;
    if (value > now.rlim_max)
        value = now.rlim_max; /* what holds already is tighter */
    if (setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value}) == 0)
        return 0;
    r = -errno;
    (void)snprintf(reterr, len, "the limit of %s cannot be set to %" PRIu64 ": %s", what, value, strerrordesc_np(-r));
    return r;
}

static int
limit_of(const cJSON *limits, const char *key, uint64_t dflt, uint64_t *ret, char *reterr, size_t len)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(limits, key));
    char       *end;

    *ret = dflt;
    if (!text)
        return 0;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (isdigit((unsigned char)text[0]) && !*end && errno == 0)
        return 0;
    (void)snprintf(reterr, len, "the limit '%s' is '%.40s', which is no number", key, text);
    return -EINVAL;
}

int
rlimits_set(const cJSON *limits, char *reterr, size_t len)
{
    uint64_t memory;
    uint64_t files;
    int      r = limit_of(limits, "memory", 0, &memory, reterr, len);

    if (r == 0)
        r = limit_of(limits, "open_files", OPEN_FILES, &files, reterr, len);
    if (r == 0)
        r = limit(RLIMIT_CORE, 0, "core files", reterr, len);
    if (r == 0 && files > 0)
        r = limit(RLIMIT_NOFILE, files, "open files", reterr, len);
    if (r == 0 && memory > 0) {
        if (__builtin_add_overflow(memory, private_memory(), &memory))
            memory = UINT64_MAX;
        r = limit(RLIMIT_DATA, memory, "memory", reterr, len);
    }
    return r;
}

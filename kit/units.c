/* units.c: durations and sizes as people write them. */
#include "kit/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t     factor;
};

static const struct unit duration_units[] = {
    {"w", INT64_C(604800000000000)}, {"d", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},   {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},      {"ms", INT64_C(1000000)},
    {"us", INT64_C(1000)},           {"ns", INT64_C(1)},
};

static const struct unit size_units[] = {
    {"B", INT64_C(1)},
    {"kB", INT64_C(1000)},
    {"KB", INT64_C(1000)},
    {"MB", INT64_C(1000000)},
    {"GB", INT64_C(1000000000)},
    {"TB", INT64_C(1000000000000)},
    {"PB", INT64_C(1000000000000000)},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"PiB", INT64_C(1) << 50},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads digits at *text; moves *text behind them. -EINVAL without a digit, -ERANGE past 2^63-1. */
static int
read_digits(const char **text, int64_t *ret)
{
    const char *p = *text;
    int64_t     value = 0;

    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, INT64_C(10), &value) || __builtin_add_overflow(value, *p - '0', &value))
            return -ERANGE;
    *text = p;
    *ret = value;
    return 0;
}

int
ga_parse_duration(const char *text, int64_t *ret_ns)
{
    int64_t total = 0;
    size_t  next_unit = 0; /* units must fall: 1h30m, never 30m1h */

    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    do {
        int64_t value;
        size_t  len;
        size_t  i;
        int     r = read_digits(&text, &value);

        if (r < 0)
            return r;
        len = strspn(text, "wdhmsun");
        for (i = next_unit; i < COUNT(duration_units); i++)
            if (strlen(duration_units[i].name) == len && strncmp(text, duration_units[i].name, len) == 0)
                break;
        if (i == COUNT(duration_units))
            return -EINVAL;
        if (__builtin_mul_overflow(value, duration_units[i].factor, &value) ||
            __builtin_add_overflow(total, value, &total))
            return -ERANGE;
        next_unit = i + 1;
        text += len;
    } while (*text);
    *ret_ns = total;
    return 0;
}

int
ga_parse_size(const char *text, uint64_t *ret_bytes)
{
    int64_t whole;
    int64_t fraction = 0;
    int64_t scale = 1;
    int64_t factor = 1;
    int64_t bytes;
    int     r = read_digits(&text, &whole);

    if (r < 0)
        return r;
    if (*text == '.') {
        const char *start = ++text;

        if (strspn(text, "0123456789") > 6)
            return -EINVAL;
        r = read_digits(&text, &fraction);
        if (r < 0 || !*text)
            return -EINVAL; /* "1.5" of what? */
        for (; start < text; start++)
            scale *= 10;
    }
    if (*text) {
        size_t i;

        for (i = 0; i < COUNT(size_units) && strcmp(text, size_units[i].name) != 0; i++)
            ;
        if (i == COUNT(size_units))
            return -EINVAL;
        factor = size_units[i].factor;
    }
    if (__builtin_mul_overflow(whole, factor, &bytes))
        return -ERANGE;
    /* fraction < scale <= 10^6 and factor <= 2^50: the product needs 70 bits at most */
    if (__builtin_add_overflow(bytes, (int64_t)((__int128)fraction * factor / scale), &bytes))
        return -ERANGE;
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

char *
ga_format_duration(int64_t ns, char *buf, size_t len)
{
    size_t at = 0;

    if (ns <= 0) {
        (void)snprintf(buf, len, "0s");
        return buf;
    }
    for (size_t i = 1; i < COUNT(duration_units); i++) { /* weeks are read, not written: "14d" is plainer */
        int64_t value = ns / duration_units[i].factor;
        int     n;

        if (value == 0)
            continue;
        ns %= duration_units[i].factor;
        n = snprintf(buf + at, len - at, "%" PRId64 "%s", value, duration_units[i].name);
        if (n < 0 || (size_t)n >= len - at)
            break;
        at += (size_t)n;
    }
    return buf;
}

char *
ga_format_size(uint64_t bytes, char *buf, size_t len)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double                   value = (double)bytes;
    size_t                   i = 0;

    while (value >= 999.5 && i + 1 < COUNT(names)) {
        value /= 1000;
        i++;
    }
    (void)snprintf(buf, len, i == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, names[i]);
    return buf;
}

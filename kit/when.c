/* when.c: moments and durations as chain nodes write them and as people read them. */
#include "kit/when.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define FRACTION_DIGITS 9

struct civil {
    int year;
    int month;
    int day;
};

/* --- the calendar --------------------------------------------------------------------------------------------------
 * Years are counted from March: then the leap day is the last of a year, and months follow one formula.
 */

static int64_t
days_of_civil(struct civil date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static struct civil
civil_of_days(int64_t days)
{
    int64_t      shifted = days + 719468;
    int64_t      era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t      day_of_era = shifted - era * 146097;
    int64_t      year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t      day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t      month = (5 * day_of_year + 2) / 153;
    struct civil date;

    date.day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    date.month = (int)(month < 10 ? month + 3 : month - 9);
    date.year = (int)(year_of_era + era * 400 + (date.month <= 2));
    return date;
}

static int
days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int              leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

/* Exactly n digits between lowest and highest, followed by `then` (0: anything). Moves *at behind it. */
static int
take(const char **at, int n, int lowest, int highest, char then, int *ret)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return -EINVAL;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += n;
    if (value < lowest || value > highest || (then && tolower((unsigned char)**at) != then))
        return -EINVAL;
    *at += then != 0;
    *ret = value;
    return 0;
}

/* ".345" as ns, if there is one. */
static int
take_fraction(const char **at, int64_t *ret_ns)
{
    int64_t value = 0;
    int     digits = 0;

    *ret_ns = 0;
    if (**at != '.')
        return 0;
    for ((*at)++; isdigit((unsigned char)**at) && digits < FRACTION_DIGITS; digits++)
        value = value * 10 + (*(*at)++ - '0');
    if (digits == 0 || isdigit((unsigned char)**at))
        return -EINVAL;
    for (; digits < FRACTION_DIGITS; digits++)
        value *= 10;
    *ret_ns = value;
    return 0;
}

/* "Z" or "+02:00" as seconds, and nothing after it. */
static int
take_zone(const char *at, int *ret_s)
{
    int sign = *at == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;

    *ret_s = 0;
    if (tolower((unsigned char)*at) == 'z')
        return at[1] ? -EINVAL : 0;
    if (*at != '+' && *at != '-')
        return -EINVAL;
    at++;
    if (take(&at, 2, 0, 23, ':', &hours) < 0 || take(&at, 2, 0, 59, 0, &minutes) < 0 || *at)
        return -EINVAL;
    *ret_s = sign * (int)(hours * HOUR + minutes * MINUTE);
    return 0;
}

/* seconds, and 0 to 999999999 ns more, as one number. */
static int
to_ns(int64_t seconds, int64_t more, int64_t *ret_ns)
{
    /* A negative number of seconds may itself be just out of range: what is added brings it back. */
    int64_t whole = seconds < 0 && more > 0 ? seconds + 1 : seconds;
    int64_t rest = whole == seconds ? more : more - NS_PER_S;
    int64_t ns;

    if (__builtin_mul_overflow(whole, NS_PER_S, &ns) || __builtin_add_overflow(ns, rest, &ns)) {
        *ret_ns = seconds < 0 ? INT64_MIN : INT64_MAX;
        return -ERANGE;
    }
    *ret_ns = ns;
    return 0;
}

int
ga_when_parse(const char *text, int64_t *ret_ns)
{
    struct civil date;
    int          hour;
    int          minute;
    int          second;
    int          zone;
    int64_t      fraction;

    if (take(&text, 4, 0, 9999, '-', &date.year) < 0 || take(&text, 2, 1, 12, '-', &date.month) < 0)
        return -EINVAL;
    if (take(&text, 2, 1, days_of_month(date.year, date.month), 't', &date.day) < 0)
        return -EINVAL;
    if (take(&text, 2, 0, 23, ':', &hour) < 0 || take(&text, 2, 0, 59, ':', &minute) < 0)
        return -EINVAL;
    if (take(&text, 2, 0, 59, 0, &second) < 0 || take_fraction(&text, &fraction) < 0 || take_zone(text, &zone) < 0)
        return -EINVAL;
    return to_ns(days_of_civil(date) * DAY + hour * HOUR + minute * MINUTE + second - zone, fraction, ret_ns);
}

int
ga_when_duration_parse(const char *text, int64_t *ret_ns)
{
    int     negative = *text == '-';
    int     far = 0;
    int64_t seconds = 0;
    int64_t fraction;
    int     r;

    text += negative;
    if (!isdigit((unsigned char)*text))
        return -EINVAL;
    for (; isdigit((unsigned char)*text); text++)
        far = far || __builtin_mul_overflow(seconds, 10, &seconds) ||
              __builtin_add_overflow(seconds, *text - '0', &seconds);
    if (take_fraction(&text, &fraction) < 0 || strcmp(text, "s") != 0)
        return -EINVAL;
    if (far) {
        *ret_ns = negative ? INT64_MIN : INT64_MAX;
        return -ERANGE;
    }
    r = negative ? to_ns(fraction ? -seconds - 1 : -seconds, fraction ? NS_PER_S - fraction : 0, ret_ns)
                 : to_ns(seconds, fraction, ret_ns);
    return r;
}

/* --- writing -------------------------------------------------------------------------------------------------------
 */

static int64_t
floor_seconds(int64_t ns)
{
    return ns / NS_PER_S - (ns % NS_PER_S < 0);
}

char *
ga_when_format(int64_t ns, char *buf, size_t len)
{
    int64_t      seconds = floor_seconds(ns);
    int64_t      days = seconds / DAY - (seconds % DAY < 0);
    int64_t      of_day = seconds - days * DAY;
    int64_t      fraction = ns % NS_PER_S < 0 ? ns % NS_PER_S + NS_PER_S : ns % NS_PER_S;
    struct civil date = civil_of_days(days);
    int          digits = fraction ? FRACTION_DIGITS : 0;
    char         dot_and_digits[16] = "";

    for (; fraction && fraction % 10 == 0; digits--)
        fraction /= 10;
    if (fraction)
        (void)snprintf(dot_and_digits, sizeof(dot_and_digits), ".%0*" PRId64, digits, fraction);
    (void)snprintf(buf, len, "%04d-%02d-%02dT%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%sZ", date.year, date.month,
                   date.day, of_day / HOUR, of_day % HOUR / MINUTE, of_day % MINUTE, dot_and_digits);
    return buf;
}

char *
ga_when_show(int64_t ns, int64_t now_ns, char *buf, size_t len)
{
    char moment[GA_WHEN_MAX];
    char distance[48];

    if (ns == INT64_MAX || ns == INT64_MIN) {
        (void)snprintf(buf, len, "%s", ns == INT64_MAX ? "never" : "not set");
        return buf;
    }
    (void)ga_when_format(ns, moment, sizeof(moment));
    (void)snprintf(buf, len, "%.10s %.5s UTC (%s)", moment, moment + 11,
                   ga_when_relative(ns, now_ns, distance, sizeof(distance)));
    return buf;
}

static char *
span_of_seconds(uint64_t seconds, char *buf, size_t len)
{
    static const struct {
        uint64_t    s;
        const char *name;
        uint64_t    smaller_s; /* the unit shown beside it; 0: none */
        const char *smaller;
    } units[] = {
        {(uint64_t)DAY, "d", (uint64_t)HOUR, "h"},
        {(uint64_t)HOUR, "h", (uint64_t)MINUTE, "min"},
        {(uint64_t)MINUTE, "min", 0, NULL},
        {1, "s", 0, NULL},
    };
    size_t   i = 0;
    uint64_t rest;

    while (i < 3 && seconds < units[i].s)
        i++;
    rest = units[i].smaller_s ? seconds % units[i].s / units[i].smaller_s : 0;
    if (rest > 0)
        (void)snprintf(buf, len, "%" PRIu64 " %s %" PRIu64 " %s", seconds / units[i].s, units[i].name, rest,
                       units[i].smaller);
    else
        (void)snprintf(buf, len, "%" PRIu64 " %s", seconds / units[i].s, units[i].name);
    return buf;
}

char *
ga_when_span(int64_t ns, char *buf, size_t len)
{
    return span_of_seconds((ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns) / (uint64_t)NS_PER_S, buf, len);
}

char *
ga_when_relative(int64_t ns, int64_t now_ns, char *buf, size_t len)
{
    /* Unsigned: two moments may lie further apart than int64 can say. */
    uint64_t apart = ns > now_ns ? (uint64_t)ns - (uint64_t)now_ns : (uint64_t)now_ns - (uint64_t)ns;
    char     span[48];

    if (apart < (uint64_t)NS_PER_S) {
        (void)snprintf(buf, len, "now");
        return buf;
    }
    (void)span_of_seconds(apart / (uint64_t)NS_PER_S, span, sizeof(span));
    (void)snprintf(buf, len, ns > now_ns ? "in %s" : "%s ago", span);
    return buf;
}

char *
ga_when_duration_format(int64_t ns, char *buf, size_t len)
{
    uint64_t    value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t    fraction = value % (uint64_t)NS_PER_S;
    const char *sign = ns < 0 ? "-" : "";

    value /= (uint64_t)NS_PER_S;
    if (fraction == 0)
        (void)snprintf(buf, len, "%s%" PRIu64 "s", sign, value);
    else if (fraction % 1000000 == 0)
        (void)snprintf(buf, len, "%s%" PRIu64 ".%03" PRIu64 "s", sign, value, fraction / 1000000);
    else if (fraction % 1000 == 0)
        (void)snprintf(buf, len, "%s%" PRIu64 ".%06" PRIu64 "s", sign, value, fraction / 1000);
    else
        (void)snprintf(buf, len, "%s%" PRIu64 ".%09" PRIu64 "s", sign, value, fraction);
    return buf;
}

/* name.c: the day in the name of a copy. */
#include "model.h"

#include <errno.h>
#include <string.h>

#define NAME_MAX_LEN 200 /* a tombstone's name is longer, and has to fit into 255 */

static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Days since the epoch of a day in the Gregorian calendar. */
static int64_t
days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int
days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int              leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* A number of `least` to `most` digits. -1 when there is none. */
static int
read_number(const char **text, int least, int most)
{
    int value = 0;
    int n = 0;

    for (; n < most && is_digit(**text); n++)
        value = value * 10 + (*(*text)++ - '0');
    return n >= least ? value : -1;
}

static int
is_suffix(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (*text == '\0')
        return 1;
    return strchr("._-", *text) && text[1] != '\0' && text[strspn(text, letters)] == '\0';
}

int
bp_parse_name(const char *name, struct bp_date *ret)
{
    struct bp_date date;
    const char    *at = name + strlen(BP_PREFIX);

    if (strncmp(name, BP_PREFIX, strlen(BP_PREFIX)) != 0 || strlen(name) > NAME_MAX_LEN)
        return -EINVAL;
    date.year = read_number(&at, 4, 4);
    if (date.year < 1970 || *at++ != '-')
        return -EINVAL;
    date.month = read_number(&at, 1, 2);
    if (date.month < 1 || date.month > 12 || *at++ != '-')
        return -EINVAL;
    date.day = read_number(&at, 1, 2);
    if (date.day < 1 || date.day > days_in(date.year, date.month) || !is_suffix(at))
        return -EINVAL;
    date.days = days_of(date.year, date.month, date.day);
    date.suffix = at;
    *ret = date;
    return 0;
}

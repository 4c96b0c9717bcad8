/* exact.c: integers of up to 38 digits and decimals with 18 places. */
#include "plugins/governance/exact.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_DIGITS 38 /* 10^38 - 1 is the largest row of nines that 128 bits hold */
#define PLACES 18
#define WHOLE_MAX ((gov_u128)GOV_ONE * 150) /* twice this in units of 10^-18 still fits 128 bits */

int
gov_integer_parse(const char *text, gov_u128 *ret)
{
    gov_u128 value = 0;
    size_t   n = strspn(text, "0123456789");

    if (n == 0 || text[n])
        return -EINVAL;
    if (n > INTEGER_DIGITS)
        return -ERANGE;
    for (; *text; text++)
        value = value * 10 + (unsigned)(*text - '0');
    *ret = value;
    return 0;
}

char *
gov_integer_format(gov_u128 value, char buf[GOV_DIGITS])
{
    char   digits[GOV_DIGITS];
    size_t at = sizeof(digits);

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    memcpy(buf, digits + at, sizeof(digits) - at);
    return buf;
}

/* The digits at *text, which move on: *value takes them up, *n counts them. -ERANGE beyond WHOLE_MAX * 10^PLACES. */
static int
take_digits(const char **text, gov_u128 *value, size_t *n)
{
    for (*n = 0; isdigit((unsigned char)**text); (*text)++, (*n)++) {
        if (*value > WHOLE_MAX * GOV_ONE / 10 - 1)
            return -ERANGE;
        *value = *value * 10 + (unsigned)(**text - '0');
    }
    return 0;
}

int
gov_decimal_parse(const char *text, struct gov_decimal *ret)
{
    return gov_decimal_scale(text, 0, ret);
}

int
gov_decimal_scale(const char *value, int64_t exponent, struct gov_decimal *ret)
{
    struct gov_decimal d = {0};
    size_t             whole = 0;
    size_t             places = 0;
    int64_t            shift;
    int                r;

    d.negative = *value == '-';
    value += d.negative;
    r = take_digits(&value, &d.units, &whole);
    if (r == 0 && *value == '.') {
        value++;
        r = take_digits(&value, &d.units, &places);
        if (r == 0 && places == 0)
            return -EINVAL;
    }
    if (r < 0)
        return r;
    d.seconds = *value == 's';
    if (whole == 0 || value[d.seconds])
        return -EINVAL;
    if (exponent > 100 || exponent < -100 || places > PLACES)
        return -ERANGE;
    for (shift = PLACES - (int64_t)places + exponent; shift > 0 && d.units > 0; shift--) {
        if (d.units > WHOLE_MAX * GOV_ONE / 10)
            return -ERANGE;
        d.units *= 10;
    }
    for (; shift < 0 && d.units > 0; shift++) {
        if (d.units % 10)
            return -ERANGE;
        d.units /= 10;
    }
    d.negative = d.negative && d.units > 0;
    *ret = d;
    return 0;
}

char *
gov_decimal_format(const struct gov_decimal *value, char *buf, size_t len)
{
    char whole[GOV_DIGITS];
    char places[PLACES + 1];
    int  n;

    (void)snprintf(places, sizeof(places), "%018llu", (unsigned long long)(value->units % GOV_ONE));
    for (n = PLACES; n > 0 && places[n - 1] == '0'; n--)
        places[n - 1] = '\0';
    (void)snprintf(buf, len, "%s%s%s%s%s", value->negative ? "-" : "",
                   gov_integer_format(value->units / GOV_ONE, whole), n > 0 ? "." : "", places,
                   value->seconds ? "s" : "");
    return buf;
}

int
gov_decimal_compare(const struct gov_decimal *a, const struct gov_decimal *b)
{
    int larger = a->units > b->units ? 1 : a->units < b->units ? -1 : 0;

    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? -larger : larger;
}

/* a * b in 256 bits. */
static void
product(gov_u128 a, gov_u128 b, gov_u128 *ret_high, gov_u128 *ret_low)
{
    const gov_u128 half = UINT64_MAX;
    gov_u128       low = (a & half) * (b & half);
    gov_u128       cross = (a >> 64) * (b & half) + (low >> 64); /* no carry: (2^64-1)^2 + 2^64-1 < 2^128 */
    gov_u128       other = (a & half) * (b >> 64) + (cross & half);

    *ret_low = (other << 64) | (low & half);
    *ret_high = (a >> 64) * (b >> 64) + (cross >> 64) + (other >> 64);
}

int
gov_decimal_within(const struct gov_decimal *from, const struct gov_decimal *to, const struct gov_decimal *factor)
{
    gov_u128 distance = from->negative != to->negative ? from->units + to->units
                        : from->units > to->units      ? from->units - to->units
                                                       : to->units - from->units;
    gov_u128 high[2];
    gov_u128 low[2];

    product(distance, GOV_ONE, &high[0], &low[0]);
    product(factor->units, from->units, &high[1], &low[1]);
    return high[0] < high[1] || (high[0] == high[1] && low[0] <= low[1]);
}

/* The next decimal digit of *rest / b, by adding: *rest * 10 may not fit 128 bits. */
static unsigned
next_digit(gov_u128 *rest, gov_u128 b)
{
    gov_u128 sum = 0;
    unsigned digit = 0;

    for (int i = 0; i < 10; i++) {
        if (sum >= b - *rest) {
            sum -= b - *rest;
            digit++;
        } else {
            sum += *rest;
        }
    }
    *rest = sum;
    return digit;
}

gov_u128
gov_quotient(gov_u128 a, gov_u128 b)
{
    gov_u128 units = a / b;
    gov_u128 rest = a % b;
    uint64_t beyond = 0;

    if (units >= GOV_ONE)
        return (gov_u128)GOV_ONE * GOV_ONE;
    for (int i = 0; i < PLACES; i++)
        units = units * 10 + next_digit(&rest, b);
    for (int i = 0; i < PLACES; i++)
        beyond = beyond * 10 + next_digit(&rest, b);
    if (beyond > GOV_ONE / 2 || (beyond == GOV_ONE / 2 && units % 2))
        units++;
    return units;
}

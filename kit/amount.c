/* amount.c: amounts of the chain, exact. */
#include "kit/amount.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DECIMALS 9
#define NGONKA_PER_GNK 1000000000u

typedef unsigned __int128 amount; /* 38 digits, and the sum of two such, fit */

__attribute__((format(printf, 4, 5))) static int
wrong(int r, char *reterr, size_t reterr_len, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reterr, reterr_len, format, args);
    va_end(args);
    return r;
}

static amount
lowest_too_large(void)
{
    amount value = 1;

    for (int i = 0; i < GA_AMOUNT_DIGITS_MAX; i++)
        value *= 10;
    return value;
}

/* Digits from *at on, at least one, added behind those that *value has. Moves *at behind them. */
static int
take_digits(const char **at, amount *value)
{
    const char *start = *at;
    int         far = 0;

    for (; isdigit((unsigned char)**at); (*at)++) {
        far = far || *value >= lowest_too_large() / 10;
        *value = far ? 0 : *value * 10 + (unsigned)(**at - '0');
    }
    if (*at == start)
        return -EINVAL;
    return far ? -ERANGE : 0;
}

/* The whole text as ngonka. 0, -EINVAL, -ERANGE. */
static int
read_ngonka(const char *text, amount *ret)
{
    const char *at = text;
    int         r;

    *ret = 0;
    r = take_digits(&at, ret);
    return *at ? -EINVAL : r;
}

static int
read_or_say(const char *text, amount *ret, char *reterr, size_t reterr_len)
{
    int r = read_ngonka(text, ret);

    if (r == -EINVAL)
        return wrong(r, reterr, reterr_len, "'%.60s' is no amount of %s: only digits are", text, GA_DENOM);
    if (r == -ERANGE)
        return wrong(r, reterr, reterr_len, "'%.60s' is no amount of %s: more than %d digits", text, GA_DENOM,
                     GA_AMOUNT_DIGITS_MAX);
    return 0;
}

static int
finish(const char *text, char *buf, size_t len)
{
    int n = snprintf(buf, len, "%s", text);

    if ((size_t)n < len)
        return 0;
    if (len > 0)
        *buf = '\0';
    return -ENOSPC;
}

/* Digits of the value, at least `least` of them with zeros in front. Returns where they begin in `digits`. */
static const char *
digits_of(amount value, int least, char digits[GA_AMOUNT_MAX])
{
    char *at = digits + GA_AMOUNT_MAX - 1;

    *at = '\0';
    for (int n = 0; value > 0 || n < least; n++, value /= 10)
        *--at = (char)('0' + (int)(value % 10));
    return at;
}

static int
write_ngonka(amount value, char *buf, size_t len)
{
    char digits[GA_AMOUNT_MAX];

    return finish(digits_of(value, 1, digits), buf, len);
}

static void
empty(char *buf, size_t len)
{
    if (len > 0)
        *buf = '\0';
}

/* --- for people ----------------------------------------------------------------------------------------------------
 */

static int
show(const char *ngonka, int cut_zeros, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    char        digits[GA_AMOUNT_MAX];
    char        text[GA_AMOUNT_MAX + 8]; /* a point and " GNK" more */
    amount      value;
    const char *first;
    int         whole;
    int         decimals = DECIMALS;
    int         r = read_or_say(ngonka, &value, reterr, reterr_len);

    empty(buf, len);
    if (r < 0)
        return r;
    first = digits_of(value, DECIMALS + 1, digits);
    whole = (int)strlen(first) - DECIMALS;
    while (cut_zeros && decimals > 0 && first[whole + decimals - 1] == '0')
        decimals--;
    (void)snprintf(text, sizeof(text), "%.*s%s%.*s GNK", whole, first, decimals ? "." : "", decimals, first + whole);
    r = finish(text, buf, len);
    return r < 0 ? wrong(r, reterr, reterr_len, "no room for the amount '%s'", text) : 0;
}

int
ga_amount_show(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    return show(ngonka, 0, buf, len, reterr, reterr_len);
}

int
ga_amount_show_short(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    return show(ngonka, 1, buf, len, reterr, reterr_len);
}

/* ".5" behind the whole GNK: nine decimals, the missing ones zero. *ret_given: how many were written. */
static int
take_decimals(const char **at, amount *value, int *ret_given)
{
    const char *start = ++*at;
    int         r;

    *ret_given = (int)strspn(start, "0123456789");
    if (*ret_given == 0 || *ret_given > DECIMALS)
        return -EINVAL;
    r = take_digits(at, value);
    for (int i = *ret_given; r == 0 && i < DECIMALS; i++) {
        *value *= 10;
        r = *value >= lowest_too_large() ? -ERANGE : 0;
    }
    return r;
}

static int
too_much(const char *text, char *reterr, size_t reterr_len)
{
    return wrong(-ERANGE, reterr, reterr_len, "'%.60s' is more than %d digits of %s", text, GA_AMOUNT_DIGITS_MAX,
                 GA_DENOM);
}

/* What stands behind the number. 1: GNK, 0: ngonka, -EINVAL. */
static int
read_denomination(const char *text, const char *at, char *reterr, size_t reterr_len)
{
    at += *at == ' ';
    if (!*at)
        return wrong(-EINVAL, reterr, reterr_len, "'%.60s' has no denomination: write GNK or %s after it", text,
                     GA_DENOM);
    if (strcmp(at, GA_DENOM) != 0 && strcasecmp(at, "GNK") != 0)
        return wrong(-EINVAL, reterr, reterr_len, "'%.60s' has a denomination that is neither GNK nor %s", text,
                     GA_DENOM);
    return strcmp(at, GA_DENOM) != 0;
}

static int
read_text(const char *text, amount *ret, char *reterr, size_t reterr_len)
{
    const char *at = text;
    int         decimals = -1; /* -1: no point */
    int         is_gnk;
    int         r;

    *ret = 0;
    r = take_digits(&at, ret);
    if (r == 0 && *at == '.')
        r = take_decimals(&at, ret, &decimals);
    if (r == -EINVAL)
        return wrong(r, reterr, reterr_len, "'%.60s' is no amount: digits are expected, of GNK with up to %d decimals",
                     text, DECIMALS);
    if (r == -ERANGE)
        return too_much(text, reterr, reterr_len);
    is_gnk = read_denomination(text, at, reterr, reterr_len);
    if (is_gnk < 0)
        return is_gnk;
    if (!is_gnk && decimals >= 0)
        return wrong(-EINVAL, reterr, reterr_len, "'%.60s' is no amount: there are no parts of a %s", text, GA_DENOM);
    if (!is_gnk || decimals >= 0)
        return 0;
    if (*ret >= lowest_too_large() / NGONKA_PER_GNK)
        return too_much(text, reterr, reterr_len);
    *ret *= NGONKA_PER_GNK;
    return 0;
}

int
ga_amount_parse(const char *text, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    amount value;
    int    r = read_text(text, &value, reterr, reterr_len);

    empty(buf, len);
    if (r < 0)
        return r;
    r = write_ngonka(value, buf, len);
    return r < 0 ? wrong(r, reterr, reterr_len, "no room for the amount '%.60s'", text) : 0;
}

/* --- coins ---------------------------------------------------------------------------------------------------------
 */

int
ga_amount_clean(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    amount value;
    int    r = read_or_say(ngonka, &value, reterr, reterr_len);

    empty(buf, len);
    if (r < 0)
        return r;
    r = write_ngonka(value, buf, len);
    return r < 0 ? wrong(r, reterr, reterr_len, "no room for the amount '%.60s'", ngonka) : 0;
}

int
ga_amount_of_coin(const cJSON *coin, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    const char  *denom = ga_json_str(coin, "denom");
    const cJSON *value = ga_json_get(coin, "amount");
    char         digits[32];
    uint64_t     number;

    empty(buf, len);
    if (!denom || strcmp(denom, GA_DENOM) != 0)
        return wrong(-EINVAL, reterr, reterr_len, "a coin has the denomination '%.40s' where %s is expected",
                     denom ? denom : "", GA_DENOM);
    if (cJSON_IsString(value) || cJSON_IsRaw(value)) /* a number of many digits is raw */
        return ga_amount_clean(value->valuestring, buf, len, reterr, reterr_len);
    if (!value || ga_json_value_u64(value, &number) < 0)
        return wrong(-EINVAL, reterr, reterr_len, "a coin of %s has no amount", GA_DENOM);
    (void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    return ga_amount_clean(digits, buf, len, reterr, reterr_len);
}

int
ga_amount_of_coins(const cJSON *coins, char *buf, size_t len, char *reterr, size_t reterr_len)
{
    const cJSON *found = NULL;
    const cJSON *coin;

    empty(buf, len);
    if (!cJSON_IsArray(coins))
        return wrong(-EINVAL, reterr, reterr_len, "a list of coins is expected");
    cJSON_ArrayForEach(coin, coins)
    {
        const char *denom = ga_json_str(coin, "denom");

        if (!denom)
            return wrong(-EINVAL, reterr, reterr_len, "a list of coins has one without denomination");
        if (strcmp(denom, GA_DENOM) != 0)
            continue;
        if (found)
            return wrong(-EINVAL, reterr, reterr_len, "a list of coins has %s twice", GA_DENOM);
        found = coin;
    }
    if (!found)
        return ga_amount_clean("0", buf, len, reterr, reterr_len);
    return ga_amount_of_coin(found, buf, len, reterr, reterr_len);
}

/* --- arithmetic ----------------------------------------------------------------------------------------------------
 */

static int
read_two(const char *a, const char *b, amount *ret_a, amount *ret_b)
{
    int r = read_ngonka(a, ret_a);

    return r < 0 ? r : read_ngonka(b, ret_b);
}

int
ga_amount_compare(const char *a, const char *b, int *ret)
{
    amount left;
    amount right;
    int    r = read_two(a, b, &left, &right);

    if (r == 0)
        *ret = (left > right) - (left < right);
    return r;
}

int
ga_amount_add(const char *a, const char *b, char *buf, size_t len)
{
    amount left;
    amount right;
    int    r = read_two(a, b, &left, &right);

    empty(buf, len);
    if (r == 0 && left + right >= lowest_too_large())
        r = -ERANGE;
    return r < 0 ? r : write_ngonka(left + right, buf, len);
}

int
ga_amount_subtract(const char *a, const char *b, char *buf, size_t len)
{
    amount left;
    amount right;
    int    r = read_two(a, b, &left, &right);

    empty(buf, len);
    if (r == 0 && left < right)
        r = -ERANGE;
    return r < 0 ? r : write_ngonka(left - right, buf, len);
}

/*
 * exact.h: integers of up to 38 digits and decimals with 18 places, without rounding that the chain does not do.
 *
 * The chain counts power and money in integers beyond 64 bits and keeps ratios as decimals with 18 places. Everything
 * here is pure, allocates nothing and may be called from any thread.
 */
#ifndef GOVERNANCE_EXACT_H
#define GOVERNANCE_EXACT_H

#include <stddef.h>
#include <stdint.h>

#define GOV_ONE UINT64_C(1000000000000000000) /* 1 as a decimal with 18 places */
#define GOV_DIGITS 40                         /* bytes of an integer of 39 digits with its NUL */

__extension__ typedef unsigned __int128 gov_u128;

/* A decimal with 18 places: minus or plus units of 10^-18. `seconds`: it was written with a unit ("172800s"). */
struct gov_decimal {
    gov_u128 units;
    int      negative; /* never set for 0 */
    int      seconds;
};

/* Digits only, at most 38 of them. 0, -EINVAL (no digits), -ERANGE (more). *ret is written on success only. */
int gov_integer_parse(const char *text, gov_u128 *ret);

/* Writes the digits; returns buf. */
char *gov_integer_format(gov_u128 value, char buf[GOV_DIGITS]);

/*
 * A sign, digits, a point and digits, an "s" for seconds: "12", "-0.05", "172800s". 0, -EINVAL (none of these), -ERANGE
 * (more places than 18 or a whole part above 1.5*10^20). *ret is written on success only.
 */
int gov_decimal_parse(const char *text, struct gov_decimal *ret);

/* value * 10^exponent as gov_decimal_parse() would give it; errors are the same. */
int gov_decimal_scale(const char *value, int64_t exponent, struct gov_decimal *ret);

/* Writes it without trailing zeros. Returns buf, which should have 48 bytes. */
char *gov_decimal_format(const struct gov_decimal *value, char *buf, size_t len);

/* -1, 0, 1. The unit is not looked at. */
int gov_decimal_compare(const struct gov_decimal *a, const struct gov_decimal *b);

/* 1 when |to - from| <= factor * |from|, without rounding. factor is not negative. */
int gov_decimal_within(const struct gov_decimal *from, const struct gov_decimal *to, const struct gov_decimal *factor);

/*
 * a / b in units of 10^-18, rounded as the chain's LegacyDec.Quo() does: 36 places cut off, then 18 places with halves
 * to the even. Thresholds are compared with this and not with the fraction: 1/3 is not greater than
 * 0.333333333333333333 there. b is not 0; a quotient above 10^18 counts as 10^18.
 */
gov_u128 gov_quotient(gov_u128 a, gov_u128 b);

#endif

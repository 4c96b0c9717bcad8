/*
 * kit/amount.h: amounts of the chain, exact. 1 GNK = 1000000000 ngonka; the chain writes ngonka, people read GNK.
 *
 * An amount is text: digits without sign, up to 38 of them, zeros in front not counted. No function rounds.
 *
 * Errors: -EINVAL or -ERANGE (more than 38 digits), with a sentence in reterr; -ENOSPC. buf is "" then.
 * Thread-safe, allocates nothing.
 */
#ifndef GA_KIT_AMOUNT_H
#define GA_KIT_AMOUNT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define GA_DENOM "ngonka"
#define GA_AMOUNT_DIGITS_MAX 38
#define GA_AMOUNT_MAX 64 /* bytes that any result here needs at most */

/* "1500000000" -> "1.500000000 GNK": always nine decimals. */
int ga_amount_show(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len);

/* The same for people: no zeros at the end, "1.5 GNK", "0 GNK". */
int ga_amount_show_short(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len);

/* "1.5 GNK", "1.5GNK", "1.5 gnk" -> "1500000000"; "1500000000ngonka" and "1500000000 ngonka" too. Without a
 * denomination it is -EINVAL: nobody knows which was meant. So are more than nine decimals. */
int ga_amount_parse(const char *text, char *buf, size_t len, char *reterr, size_t reterr_len);

/* A coin as nodes give it, {"denom":"ngonka","amount":"123"} (or a number): its digits. Another denomination is
 * -EINVAL and named. */
int ga_amount_of_coin(const cJSON *coin, char *buf, size_t len, char *reterr, size_t reterr_len);

/* The ngonka among a list of coins; "0" when the list is empty or has other denominations only; two are -EINVAL. */
int ga_amount_of_coins(const cJSON *coins, char *buf, size_t len, char *reterr, size_t reterr_len);

/* Without zeros in front: "007" -> "7". Checks that it is an amount. */
int ga_amount_clean(const char *ngonka, char *buf, size_t len, char *reterr, size_t reterr_len);

/* *ret: -1, 0 or 1: a less than, equal to or greater than b. 0, or -EINVAL or -ERANGE: one of them is no amount. */
int ga_amount_compare(const char *a, const char *b, int *ret);

/* a + b, and a - b. 0, -EINVAL (one of them is no amount), -ERANGE (more than 38 digits, or below zero), -ENOSPC. */
int ga_amount_add(const char *a, const char *b, char *buf, size_t len);
int ga_amount_subtract(const char *a, const char *b, char *buf, size_t len);

#endif

/* Amounts, exact at every length. */
#include "kit/amount.h"

#include "kit/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST "99999999999999999999999999999999999999"      /* 38 digits */
#define TOO_MUCH "100000000000000000000000000000000000000" /* 39 */

static char why[256];
static char buf[GA_AMOUNT_MAX];

static void
check_shown(const char *ngonka, const char *full, const char *brief)
{
    assert_int_equal(ga_amount_show(ngonka, buf, sizeof(buf), why, sizeof(why)), 0);
    assert_string_equal(buf, full);
    assert_int_equal(ga_amount_show_short(ngonka, buf, sizeof(buf), why, sizeof(why)), 0);
    assert_string_equal(buf, brief);
}

static void
test_show(void **state)
{
    (void)state;
    check_shown("0", "0.000000000 GNK", "0 GNK");
    check_shown("1", "0.000000001 GNK", "0.000000001 GNK");
    check_shown("1500000000", "1.500000000 GNK", "1.5 GNK");
    check_shown("323000000000000", "323000.000000000 GNK", "323000 GNK");
    check_shown("0000000000000000000000000000000000000000000007", "0.000000007 GNK", "0.000000007 GNK");
    check_shown(MOST, "99999999999999999999999999999.999999999 GNK", "99999999999999999999999999999.999999999 GNK");
}

static void
test_show_bad(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", "1.5", "1e9", "0x1", " 1", "1 ", "12a", "ngonka"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ga_amount_show(bad[i], buf, sizeof(buf), why, sizeof(why)), -EINVAL);
        assert_string_equal(buf, "");
        assert_non_null(strstr(why, "only digits are"));
    }
    assert_int_equal(ga_amount_show(TOO_MUCH, buf, sizeof(buf), why, sizeof(why)), -ERANGE);
    assert_non_null(strstr(why, "more than 38 digits"));
    assert_int_equal(ga_amount_show("1500000000", buf, 15, why, sizeof(why)), -ENOSPC);
    assert_string_equal(buf, "");
    assert_int_equal(ga_amount_show("1500000000", buf, 16, why, sizeof(why)), 0);
}

static void
check_parsed(const char *text, const char *ngonka)
{
    assert_int_equal(ga_amount_parse(text, buf, sizeof(buf), why, sizeof(why)), 0);
    assert_string_equal(buf, ngonka);
}

static void
test_parse(void **state)
{
    (void)state;
    check_parsed("1.5 GNK", "1500000000");
    check_parsed("1.5GNK", "1500000000");
    check_parsed("1.5 gnk", "1500000000");
    check_parsed("0.000000001 GNK", "1");
    check_parsed("0 GNK", "0");
    check_parsed("25 GNK", "25000000000");
    check_parsed("25ngonka", "25");
    check_parsed("0025 ngonka", "25");
    check_parsed(MOST "ngonka", MOST);
    check_parsed("99999999999999999999999999999.999999999 GNK", MOST);
    check_parsed("99999999999999999999999999999 GNK", "99999999999999999999999999999000000000");
}

static void
test_parse_bad(void **state)
{
    static const struct {
        const char *text;
        int         r;
        const char *named;
    } bad[] = {
        {"", -EINVAL, "digits are expected"},
        {"GNK", -EINVAL, "digits are expected"},
        {"-1 GNK", -EINVAL, "digits are expected"},
        {".5 GNK", -EINVAL, "digits are expected"},
        {"1. GNK", -EINVAL, "digits are expected"},
        {"1.0000000001 GNK", -EINVAL, "up to 9 decimals"},
        {"1", -EINVAL, "no denomination"},
        {"1.5 ", -EINVAL, "no denomination"},
        {"1.5.5 GNK", -EINVAL, "neither"},
        {"1,5 GNK", -EINVAL, "neither"},
        {"1e9 GNK", -EINVAL, "neither"},
        {"1  GNK", -EINVAL, "neither"},
        {"1 GNK ", -EINVAL, "neither"},
        {"1 gonka", -EINVAL, "neither"},
        {"1 uatom", -EINVAL, "neither"},
        {"1 NGONKA", -EINVAL, "neither"},
        {"1.5ngonka", -EINVAL, "no parts"},
        {TOO_MUCH "ngonka", -ERANGE, "more than 38 digits"},
        {TOO_MUCH ".5 GNK", -ERANGE, "more than 38 digits"},
        {"100000000000000000000000000000 GNK", -ERANGE, "more than 38 digits"},
        {"100000000000000000000000000000.0 GNK", -ERANGE, "more than 38 digits"},
        {"100000000000000000000000000000.000000001 GNK", -ERANGE, "more than 38 digits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ga_amount_parse(bad[i].text, buf, sizeof(buf), why, sizeof(why)), bad[i].r);
        assert_string_equal(buf, "");
        if (!strstr(why, bad[i].named))
            print_error("%s: %s\n", bad[i].text, why);
        assert_non_null(strstr(why, bad[i].named));
    }
    assert_int_equal(ga_amount_parse("1 GNK", buf, 10, why, sizeof(why)), -ENOSPC);
    assert_string_equal(buf, "");
}

/* What is shown reads back as what it was, at every length. */
static void
test_there_and_back(void **state)
{
    char ngonka[GA_AMOUNT_DIGITS_MAX + 1] = "";
    char shown[GA_AMOUNT_MAX];

    (void)state;
    for (size_t n = 0; n < GA_AMOUNT_DIGITS_MAX; n++) {
        ngonka[n] = (char)('1' + n % 9);
        assert_int_equal(ga_amount_show(ngonka, shown, sizeof(shown), why, sizeof(why)), 0);
        check_parsed(shown, ngonka);
        assert_int_equal(ga_amount_show_short(ngonka, shown, sizeof(shown), why, sizeof(why)), 0);
        check_parsed(shown, ngonka);
    }
}

/* --- coins ---------------------------------------------------------------------------------------------------------
 */

typedef int (*of_json)(const cJSON *json, char *text, size_t len, char *reterr, size_t reterr_len);

static int
read_json(of_json of, const char *text)
{
    cJSON *json = ga_json_parse(text, strlen(text), why, sizeof(why));
    int    r;

    assert_non_null(json);
    r = of(json, buf, sizeof(buf), why, sizeof(why));
    cJSON_Delete(json);
    return r;
}

static void
test_coin(void **state)
{
    (void)state;
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":\"" MOST "\"}"), 0);
    assert_string_equal(buf, MOST);
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":123}"), 0);
    assert_string_equal(buf, "123");
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":" MOST "}"), 0);
    assert_string_equal(buf, MOST);
}

static void
test_coin_bad(void **state)
{
    (void)state;
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"icoin\",\"amount\":\"1\"}"), -EINVAL);
    assert_non_null(strstr(why, "'icoin' where ngonka is expected"));
    assert_int_equal(read_json(ga_amount_of_coin, "{\"amount\":\"1\"}"), -EINVAL);
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\"}"), -EINVAL);
    assert_non_null(strstr(why, "has no amount"));
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":1.5}"), -EINVAL);
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":-1}"), -EINVAL);
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":\"-1\"}"), -EINVAL);
    assert_int_equal(read_json(ga_amount_of_coin, "{\"denom\":\"ngonka\",\"amount\":\"1.000\"}"), -EINVAL);
    assert_int_equal(read_json(ga_amount_of_coin, "7"), -EINVAL);
    assert_string_equal(buf, "");
}

static void
test_coins(void **state)
{
    (void)state;
    assert_int_equal(read_json(ga_amount_of_coins, "[]"), 0);
    assert_string_equal(buf, "0");
    assert_int_equal(read_json(ga_amount_of_coins, "[{\"denom\":\"ibc/AB\",\"amount\":\"5\"}]"), 0);
    assert_string_equal(buf, "0");
    assert_int_equal(read_json(ga_amount_of_coins, "[{\"denom\":\"ibc/AB\",\"amount\":\"5\"},{\"denom\":\"ngonka\","
                                                   "\"amount\":\"6\"}]"),
                     0);
    assert_string_equal(buf, "6");
}

static void
test_coins_bad(void **state)
{
    (void)state;
    assert_int_equal(read_json(ga_amount_of_coins, "{}"), -EINVAL);
    assert_non_null(strstr(why, "a list of coins is expected"));
    assert_int_equal(read_json(ga_amount_of_coins, "[{\"amount\":\"5\"}]"), -EINVAL);
    assert_non_null(strstr(why, "without denomination"));
    assert_int_equal(read_json(ga_amount_of_coins,
                               "[{\"denom\":\"ngonka\",\"amount\":\"5\"},{\"denom\":\"ngonka\",\"amount\":\"5\"}]"),
                     -EINVAL);
    assert_non_null(strstr(why, "twice"));
}

static void
test_clean(void **state)
{
    (void)state;
    assert_int_equal(ga_amount_clean("007", buf, sizeof(buf), why, sizeof(why)), 0);
    assert_string_equal(buf, "7");
    assert_int_equal(ga_amount_clean("000", buf, sizeof(buf), why, sizeof(why)), 0);
    assert_string_equal(buf, "0");
    assert_int_equal(ga_amount_clean("1 ", buf, sizeof(buf), why, sizeof(why)), -EINVAL);
    assert_int_equal(ga_amount_clean("12345", buf, 5, why, sizeof(why)), -ENOSPC);
}

/* --- arithmetic ----------------------------------------------------------------------------------------------------
 */

static void
test_compare(void **state)
{
    int order = 9;

    (void)state;
    assert_int_equal(ga_amount_compare("9", "10", &order), 0);
    assert_int_equal(order, -1);
    assert_int_equal(ga_amount_compare(MOST, "99999999999999999999999999999999999998", &order), 0);
    assert_int_equal(order, 1);
    assert_int_equal(ga_amount_compare("007", "7", &order), 0);
    assert_int_equal(order, 0);
    assert_int_equal(ga_amount_compare("7", "x", &order), -EINVAL);
    assert_int_equal(ga_amount_compare(TOO_MUCH, "7", &order), -ERANGE);
}

static void
test_add(void **state)
{
    (void)state;
    assert_int_equal(ga_amount_add("18446744073709551615", "1", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "18446744073709551616");
    assert_int_equal(ga_amount_add("99999999999999999999999999999999999998", "1", buf, sizeof(buf)), 0);
    assert_string_equal(buf, MOST);
    assert_int_equal(ga_amount_add(MOST, "1", buf, sizeof(buf)), -ERANGE);
    assert_string_equal(buf, "");
    assert_int_equal(ga_amount_add(MOST, MOST, buf, sizeof(buf)), -ERANGE);
    assert_int_equal(ga_amount_add("", "1", buf, sizeof(buf)), -EINVAL);
    assert_int_equal(ga_amount_add("9", "1", buf, 2), -ENOSPC);
}

static void
test_subtract(void **state)
{
    (void)state;
    assert_int_equal(ga_amount_subtract("18446744073709551616", "1", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "18446744073709551615");
    assert_int_equal(ga_amount_subtract(MOST, MOST, buf, sizeof(buf)), 0);
    assert_string_equal(buf, "0");
    assert_int_equal(ga_amount_subtract("1", "2", buf, sizeof(buf)), -ERANGE);
    assert_string_equal(buf, "");
    assert_int_equal(ga_amount_subtract("1", "-2", buf, sizeof(buf)), -EINVAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show),      cmocka_unit_test(test_show_bad),       cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_bad), cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_coin),
        cmocka_unit_test(test_coin_bad),  cmocka_unit_test(test_coins),          cmocka_unit_test(test_coins_bad),
        cmocka_unit_test(test_clean),     cmocka_unit_test(test_compare),        cmocka_unit_test(test_add),
        cmocka_unit_test(test_subtract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Moments and durations, read and written. */
#include "kit/when.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define S INT64_C(1000000000)
#define NOW (INT64_C(1763633472) * S) /* 2025-11-20T10:11:12Z */

static void
check_moment(const char *text, int64_t ns)
{
    int64_t got = 1;

    assert_int_equal(ga_when_parse(text, &got), 0);
    assert_true(got == ns);
}

static void
test_parse(void **state)
{
    (void)state;
    check_moment("1970-01-01T00:00:00Z", 0);
    check_moment("2025-11-20T10:11:12.345678901Z", NOW + 345678901);
    check_moment("2025-11-20t10:11:12.3z", NOW + 300000000);
    check_moment("2025-11-20T12:11:12+02:00", NOW);
    check_moment("2025-11-20T04:41:12-05:30", NOW);
    check_moment("1969-12-31T23:59:59.999999999Z", -1);
    check_moment("2000-02-29T00:00:00Z", 951782400 * S);
}

static void
test_parse_the_ends(void **state)
{
    int64_t ns = 0;

    (void)state;
    check_moment("2262-04-11T23:47:16.854775807Z", INT64_MAX);
    check_moment("1677-09-21T00:12:43.145224192Z", INT64_MIN);
    assert_int_equal(ga_when_parse("2262-04-11T23:47:16.854775808Z", &ns), -ERANGE);
    assert_true(ns == INT64_MAX);
    assert_int_equal(ga_when_parse("1677-09-21T00:12:43.145224191Z", &ns), -ERANGE);
    assert_true(ns == INT64_MIN);
    assert_int_equal(ga_when_parse("9999-12-31T23:59:59Z", &ns), -ERANGE); /* tombstoned */
    assert_true(ns == INT64_MAX);
    assert_int_equal(ga_when_parse("0001-01-01T00:00:00Z", &ns), -ERANGE); /* Go's zero */
    assert_true(ns == INT64_MIN);
}

static void
test_parse_bad(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "2025-11-20",
        "2025-11-20T10:11:12",
        "2025-11-20 10:11:12Z",
        "2025-11-20T10:11:12Zx",
        "2025-11-20T10:11:12.Z",
        "2025-11-20T10:11:12.1234567890Z",
        "2025-13-20T10:11:12Z",
        "2025-00-20T10:11:12Z",
        "2025-11-31T10:11:12Z",
        "2025-02-29T10:11:12Z",
        "1900-02-29T10:11:12Z",
        "2025-11-00T10:11:12Z",
        "2025-11-20T24:11:12Z",
        "2025-11-20T10:60:12Z",
        "2025-11-20T10:11:60Z",
        "2025-11-20T10:11:12+2:00",
        "2025-11-20T10:11:12+24:00",
        "2025-11-20T10:11:12+02:60",
        "2025-11-20T10:11:12+02:00Z",
        "2025-11-20T10:11:12+02",
        "+025-11-20T10:11:12Z",
        " 2025-11-20T10:11:12Z",
    };
    int64_t ns = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(ga_when_parse(bad[i], &ns), -EINVAL);
    assert_int_equal(ns, 7);
}

static void
check_format(int64_t ns, const char *text)
{
    char buf[GA_WHEN_MAX];

    assert_string_equal(ga_when_format(ns, buf, sizeof(buf)), text);
}

static void
test_format(void **state)
{
    (void)state;
    check_format(0, "1970-01-01T00:00:00Z");
    check_format(NOW + 345678901, "2025-11-20T10:11:12.345678901Z");
    check_format(NOW + 300000000, "2025-11-20T10:11:12.3Z");
    check_format(NOW + 10, "2025-11-20T10:11:12.00000001Z");
    check_format(-1, "1969-12-31T23:59:59.999999999Z");
    check_format(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
    check_format(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
}

/* Against the C library's calendar, and back again: days spread over all the years. */
static void
test_calendar(void **state)
{
    char buf[GA_WHEN_MAX];
    char other[GA_WHEN_MAX];

    (void)state;
    for (int64_t s = -9223372036; s < 9223372036; s += 86400 * 11 + 4567) {
        time_t    clock = (time_t)s;
        struct tm tm;
        int64_t   back = 0;

        assert_non_null(gmtime_r(&clock, &tm));
        assert_true(strftime(other, sizeof(other), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_string_equal(ga_when_format(s * S, buf, sizeof(buf)), other);
        assert_int_equal(ga_when_parse(buf, &back), 0);
        assert_true(back == s * S);
    }
}

static void
check_span(int64_t seconds, const char *text)
{
    char buf[48];

    assert_string_equal(ga_when_span(seconds * S, buf, sizeof(buf)), text);
}

static void
test_span(void **state)
{
    char buf[48];

    (void)state;
    check_span(0, "0 s");
    check_span(42, "42 s");
    check_span(59, "59 s");
    check_span(60, "1 min");
    check_span(3599, "59 min");
    check_span(3600, "1 h");
    check_span(3 * 3600 + 12 * 60 + 59, "3 h 12 min");
    check_span(86400, "1 d");
    check_span(2 * 86400 + 3 * 3600 + 3599, "2 d 3 h");
    check_span(-90, "1 min");
    assert_string_equal(ga_when_span(INT64_MIN, buf, sizeof(buf)), "106751 d 23 h");
}

static void
check_relative(int64_t ns, const char *text)
{
    char buf[48];

    assert_string_equal(ga_when_relative(ns, NOW, buf, sizeof(buf)), text);
}

static void
test_relative(void **state)
{
    (void)state;
    check_relative(NOW + (3 * 3600 + 12 * 60) * S, "in 3 h 12 min");
    check_relative(NOW - 5 * 60 * S, "5 min ago");
    check_relative(NOW, "now");
    check_relative(NOW + S - 1, "now");
    check_relative(NOW - S + 1, "now");
    check_relative(NOW - S, "1 s ago");
    check_relative(INT64_MIN, "127164 d 9 h ago");
}

static void
test_show(void **state)
{
    char buf[96];

    (void)state;
    assert_string_equal(ga_when_show(NOW + 3600 * S, NOW, buf, sizeof(buf)), "2025-11-20 11:11 UTC (in 1 h)");
    assert_string_equal(ga_when_show(INT64_MAX, NOW, buf, sizeof(buf)), "never");
    assert_string_equal(ga_when_show(INT64_MIN, NOW, buf, sizeof(buf)), "not set");
}

static void
check_duration(const char *text, int64_t ns)
{
    int64_t got = 1;

    assert_int_equal(ga_when_duration_parse(text, &got), 0);
    assert_true(got == ns);
}

static void
test_duration(void **state)
{
    (void)state;
    check_duration("86400s", 86400 * S);
    check_duration("1.5s", 1500000000);
    check_duration("-0.25s", -250000000);
    check_duration("-3s", -3 * S);
    check_duration("0s", 0);
    check_duration("0.000000001s", 1);
    check_duration("9223372036.854775807s", INT64_MAX);
    check_duration("-9223372036.854775808s", INT64_MIN);
}

static void
test_duration_bad(void **state)
{
    static const char *const bad[] = {"",    "s",   "1",    "1m",  "1h0s", "1.s",  ".5s",           "--1s", "+1s",
                                      "1s ", " 1s", "1e3s", "1.5", "0x1s", "1,5s", "1.1234567890s", "-s"};
    int64_t                  ns = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(ga_when_duration_parse(bad[i], &ns), -EINVAL);
    assert_int_equal(ns, 7);
    assert_int_equal(ga_when_duration_parse("9223372036.854775808s", &ns), -ERANGE);
    assert_true(ns == INT64_MAX);
    assert_int_equal(ga_when_duration_parse("-99999999999999999999999s", &ns), -ERANGE);
    assert_true(ns == INT64_MIN);
}

static void
check_duration_format(int64_t ns, const char *text)
{
    char    buf[40];
    int64_t back = 0;

    assert_string_equal(ga_when_duration_format(ns, buf, sizeof(buf)), text);
    assert_int_equal(ga_when_duration_parse(buf, &back), 0);
    assert_true(back == ns);
}

static void
test_duration_format(void **state)
{
    (void)state;
    check_duration_format(0, "0s");
    check_duration_format(86400 * S, "86400s");
    check_duration_format(1500000000, "1.500s");
    check_duration_format(1000001000, "1.000001s");
    check_duration_format(-1, "-0.000000001s");
    check_duration_format(INT64_MAX, "9223372036.854775807s");
    check_duration_format(INT64_MIN, "-9223372036.854775808s");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),           cmocka_unit_test(test_parse_the_ends),
        cmocka_unit_test(test_parse_bad),       cmocka_unit_test(test_format),
        cmocka_unit_test(test_calendar),        cmocka_unit_test(test_span),
        cmocka_unit_test(test_relative),        cmocka_unit_test(test_show),
        cmocka_unit_test(test_duration),        cmocka_unit_test(test_duration_bad),
        cmocka_unit_test(test_duration_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

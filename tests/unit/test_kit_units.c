/* test_kit_units.c: durations and sizes as people write them. */
#include "kit/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t
duration(const char *text)
{
    int64_t ns = -1;
    int     r = ga_parse_duration(text, &ns);

    return r < 0 ? r : ns;
}

static int64_t
size(const char *text)
{
    uint64_t bytes = 0;
    int      r = ga_parse_size(text, &bytes);

    return r < 0 ? r : (int64_t)bytes;
}

static void
a_duration_is_a_number_with_a_unit(void **state)
{
    (void)state;
    assert_int_equal(duration("250ms"), 250000000);
    assert_int_equal(duration("30s"), INT64_C(30000000000));
    assert_int_equal(duration("24h"), INT64_C(86400000000000));
    assert_int_equal(duration("2w"), INT64_C(14) * 86400 * 1000000000);
    assert_int_equal(duration("1h30m"), INT64_C(5400) * 1000000000);
    assert_int_equal(duration("0"), 0);
}

static void
what_could_be_read_in_two_ways_is_no_duration(void **state)
{
    static const char *const bad[] = {"",   "30",    "s",    "30 s", "-5m",  "+5m",
                                      "5M", "30m1h", "1h1h", "1.5h", "5min", "1e3s"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(duration(bad[i]), -EINVAL);
}

static void
a_duration_past_the_range_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(duration("999999w"), -ERANGE);
    assert_int_equal(duration("99999999999999999999s"), -ERANGE);
    assert_int_equal(duration("15250w99999999h"), -ERANGE);
}

static void
a_size_has_units_of_ten_and_of_two(void **state)
{
    (void)state;
    assert_int_equal(size("512"), 512);
    assert_int_equal(size("10KiB"), 10240);
    assert_int_equal(size("10kB"), 10000);
    assert_int_equal(size("250GB"), INT64_C(250000000000));
    assert_int_equal(size("1.5GiB"), INT64_C(1610612736));
    assert_int_equal(size("8191PiB"), INT64_C(8191) << 50);
}

static void
what_is_no_size_is_refused(void **state)
{
    static const char *const bad[] = {"",    "GB",   "1.GB",    "1.5",         "-1",  "10 GB",
                                      "10G", "10gb", "1.2.3GB", "1.0000000GB", "0x10"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(size(bad[i]), -EINVAL);
    assert_int_equal(size("9999PiB"), -ERANGE);
}

static void
a_written_duration_reads_back_as_itself(void **state)
{
    static const int64_t values[] = {1, 999, 1000000, 86400000000000, 5400000000000, 90061001002003, INT64_MAX};
    char                 buf[64];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(duration(ga_format_duration(values[i], buf, sizeof(buf))), values[i]);
}

static void
sizes_are_shown_rounded(void **state)
{
    char buf[32];

    (void)state;
    assert_string_equal(ga_format_size(0, buf, sizeof(buf)), "0 B");
    assert_string_equal(ga_format_size(999, buf, sizeof(buf)), "999 B");
    assert_string_equal(ga_format_size(1500, buf, sizeof(buf)), "1.5 kB");
    assert_string_equal(ga_format_size(999999, buf, sizeof(buf)), "1.0 MB");
    assert_string_equal(ga_format_size(UINT64_C(250000000000), buf, sizeof(buf)), "250 GB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_a_number_with_a_unit),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_no_duration),
        cmocka_unit_test(a_duration_past_the_range_is_told_apart),
        cmocka_unit_test(a_size_has_units_of_ten_and_of_two),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(a_written_duration_reads_back_as_itself),
        cmocka_unit_test(sizes_are_shown_rounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

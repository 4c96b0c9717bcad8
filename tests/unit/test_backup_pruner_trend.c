/* test_backup_pruner_trend.c: growth and what it means, on samples made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/backup-pruner/trend.h"
#include "test_backup_pruner_models.h"

/* --- trends --------------------------------------------------------------------------------------------------------
 */

static void
growth_is_the_median_slope_so_a_backup_that_comes_and_goes_does_not_count(void **state)
{
    struct bp_history *history = calloc(1, sizeof(*history));
    double             data = 0;
    double             used = 0;

    (void)state;
    assert_non_null(history);
    for (int i = 0; i < 48; i++) {
        uint64_t         backup = i >= 20 && i < 25 ? 100 * GB : 0;
        struct bp_sample sample = {.time_ns = NOW_NS + i * HOUR_NS,
                                   .data = 100 * GB + (uint64_t)i * GB / 24,
                                   .free = 500 * GB - (uint64_t)i * GB / 12 - backup};

        bp_history_add(history, &sample, 14 * BP_DAY_NS);
    }
    assert_int_equal(history->n, 48);
    assert_int_equal(bp_growth(history, &data, &used), 0);
    assert_true(data > 0.99e9 && data < 1.01e9);
    assert_true(used > 1.9e9 && used < 2.1e9);
    free(history);
}

static void
growth_is_not_known_from_few_samples_or_a_short_time(void **state)
{
    struct bp_history *history = calloc(1, sizeof(*history));
    double             data;
    double             used;

    (void)state;
    assert_non_null(history);
    for (int i = 0; i < 5; i++) {
        struct bp_sample sample = {.time_ns = NOW_NS + i * HOUR_NS, .data = GB, .free = GB};

        bp_history_add(history, &sample, 14 * BP_DAY_NS);
        assert_int_equal(bp_growth(history, &data, &used), -1);
    }
    free(history);
}

static void
a_history_stays_bounded_and_forgets_what_says_nothing_any_more(void **state)
{
    struct bp_history *history = calloc(1, sizeof(*history));
    struct bp_sample   sample = {.data = 100 * GB, .free = GB};

    (void)state;
    assert_non_null(history);
    for (int i = 0; i < 100000; i++) {
        sample.time_ns = NOW_NS + i * 60 * BP_SECOND_NS;
        bp_history_add(history, &sample, 14 * BP_DAY_NS);
        assert_true(history->n <= BP_SAMPLES_MAX);
    }
    assert_true(history->n > 300);
    assert_true(sample.time_ns - history->samples[0].time_ns <= 14 * BP_DAY_NS);
    assert_true(sample.time_ns - history->samples[0].time_ns > 13 * BP_DAY_NS);
    sample.time_ns -= 7 * BP_DAY_NS; /* the clock was set back */
    bp_history_add(history, &sample, 14 * BP_DAY_NS);
    assert_true(history->samples[history->n - 2].time_ns <= sample.time_ns);
    sample.time_ns += HOUR_NS;
    sample.data = 50 * GB; /* synchronised anew */
    bp_history_add(history, &sample, 14 * BP_DAY_NS);
    assert_int_equal(history->n, 1);
    free(history);
}

static void
a_disk_is_low_below_low_and_recovers_only_at_recovered(void **state)
{
    struct bp_disk disk = {
        .needed = 160 * GB, .has_low = 1, .low = 100 * GB, .has_recovered = 1, .recovered = 150 * GB};
    struct bp_outlook outlook;

    (void)state;
    disk.free = 100 * GB;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.is_low, 0);
    assert_int_equal(outlook.fits, 0);
    disk.free = 100 * GB - 1;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.is_low, 1);
    disk.was_low = 1;
    disk.free = 150 * GB - 1;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.is_low, 1);
    disk.free = 150 * GB;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.is_low, 0);
}

static void
without_thresholds_low_is_what_the_next_upgrade_needs(void **state)
{
    struct bp_disk    disk = {.needed = 160 * GB, .free = 160 * GB - 1, .has_growth = 1, .growth = 2e9};
    struct bp_outlook outlook;

    (void)state;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.is_low, 1);
    assert_int_equal(outlook.fits, 0);
    assert_int_equal(outlook.low_at, 160 * GB);
    assert_int_equal(outlook.recovered_at, 176 * GB);
    assert_true(outlook.has_days && outlook.days > 79.9 && outlook.days < 80.1);
    disk.free = 160 * GB;
    disk.growth = -1e9;
    bp_look_ahead(&disk, &outlook);
    assert_int_equal(outlook.fits, 1);
    assert_int_equal(outlook.has_days, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_the_median_slope_so_a_backup_that_comes_and_goes_does_not_count),
        cmocka_unit_test(growth_is_not_known_from_few_samples_or_a_short_time),
        cmocka_unit_test(a_history_stays_bounded_and_forgets_what_says_nothing_any_more),
        cmocka_unit_test(a_disk_is_low_below_low_and_recovers_only_at_recovered),
        cmocka_unit_test(without_thresholds_low_is_what_the_next_upgrade_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

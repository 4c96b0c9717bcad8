/* test_backup_pruner_plan.c: names of copies, and which copies go, on models made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "test_backup_pruner_models.h"

/* --- names ---------------------------------------------------------------------------------------------------------
 */

static void
a_date_is_read_without_zero_padding(void **state)
{
    struct bp_date date;

    (void)state;
    assert_int_equal(bp_parse_name("data-backup-2025-9-5", &date), 0);
    assert_int_equal(date.year, 2025);
    assert_int_equal(date.month, 9);
    assert_int_equal(date.day, 5);
    assert_int_equal(date.days, 20336);
    assert_string_equal(date.suffix, "");
    assert_int_equal(bp_parse_name("data-backup-2025-09-05", &date), 0);
    assert_int_equal(date.days, 20336);
    assert_int_equal(bp_parse_name("data-backup-1970-1-1", &date), 0);
    assert_int_equal(date.days, 0);
    assert_int_equal(bp_parse_name("data-backup-2024-2-29", &date), 0);
    assert_int_equal(date.days, 19782);
}

static void
a_suffix_is_told_from_the_day(void **state)
{
    static const char *const suffixes[] = {".old", "-2", "_v0.2.5", ".a-b_c", "-12-31"};
    struct bp_date           date;

    (void)state;
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char name[64] = "data-backup-2025-11-9";

        memcpy(name + strlen(name), suffixes[i], strlen(suffixes[i]) + 1);
        assert_int_equal(bp_parse_name(name, &date), 0);
        assert_int_equal(date.day, 9);
        assert_string_equal(date.suffix, suffixes[i]);
    }
}

static void
a_name_that_holds_no_date_is_refused(void **state)
{
    static const char *const names[] = {
        "data-backup-",
        "data-backup",
        "data-backup-2025",
        "data-backup-2025-11",
        "data-backup-2025-13-45",
        "data-backup-2025-2-29",
        "data-backup-2025-0-1",
        "data-backup-2025-1-0",
        "data-backup-2025-4-31",
        "data-backup-25-1-1",
        "data-backup-12025-1-1",
        "data-backup-2025-001-1",
        "data-backup-2025-1-100",
        "data-backup-2025--1",
        "data-backup-2025-1-1\n",
        "data-backup-2025-1-1.",
        "data-backup-2025-1-1x",
        "data-backup-+2025-1-1",
        "data-backup- 2025-1-1",
        "data-backup-2025-1-1 (copy)",
        "data-backup-2025-1-1-\xff",
        "Data-backup-2025-1-1",
        "xdata-backup-2025-1-1",
        "data-backup-2025-1-1/..",
        "",
    };
    struct bp_date date;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (bp_parse_name(names[i], &date) == 0)
            fail_msg("'%s' was taken for a date", names[i]);
}

static void
a_name_too_long_for_a_tombstone_is_refused(void **state)
{
    char           name[260] = "data-backup-2025-1-1-";
    struct bp_date date;

    (void)state;
    memset(name + strlen(name), 'x', 229);
    assert_int_not_equal(bp_parse_name(name, &date), 0);
    name[150] = '\0';
    assert_int_equal(bp_parse_name(name, &date), 0);
}

/* --- which goes ----------------------------------------------------------------------------------------------------
 */

static void
the_newest_by_date_stays_not_the_last_by_text(void **state)
{
    static const char *const names[] = {"data-backup-2025-9-5", "data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    plan(model);
    assert_int_equal(model->home.outcome, GA_CHANGED);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_KEPT);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_GOES);
    assert_int_equal(fate_of(model, "data-backup-2025-9-5"), BP_GOES);
    model_free(model);
}

static void
of_one_day_the_one_changed_last_is_newer_then_the_suffix_decides(void **state)
{
    static const char *const names[] = {"data-backup-2025-12-1-10", "data-backup-2025-12-1", "data-backup-2025-12-1-9",
                                        NULL};
    struct model            *model = model_make(names);

    (void)state;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1-10"), BP_KEPT);
    for (size_t i = 0; i < model->home.n_copies; i++)
        if (strcmp(model->copies[i].name, "data-backup-2025-12-1") == 0)
            model->copies[i].tree.newest_ns += HOUR_NS;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_KEPT);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1-9"), BP_GOES);
    model_free(model);
}

static void
as_many_stay_as_keep_says(void **state)
{
    static const char *const names[] = {"data-backup-2025-9-5", "data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    model->rules.keep = 2;
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_KEPT), 2);
    assert_int_equal(fate_of(model, "data-backup-2025-9-5"), BP_GOES);
    model->rules.keep = 5;
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_KEPT), 3);
    assert_int_equal(model->home.outcome, GA_OK);
    model_free(model);
}

static void
a_copy_goes_by_age_only_when_its_whole_day_is_older(void **state)
{
    static const char *const names[] = {"data-backup-2025-12-30", "data-backup-2025-12-1", "data-backup-2025-11-30",
                                        NULL};
    struct model            *model = model_make(names);

    (void)state;
    model->rules.has_max_age = 1;
    model->rules.max_age_ns = 30 * BP_DAY_NS; /* the end of 1 December is 29.5 days ago, of 30 November 30.5 */
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_STAYS);
    assert_int_equal(fate_of(model, "data-backup-2025-11-30"), BP_GOES);
    model_free(model);
}

static void
for_space_the_oldest_go_and_no_more_than_needed(void **state)
{
    static const char *const names[] = {"data-backup-2025-9-5", "data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    model->rules.has_min_free = 1;
    model->rules.min_free = 150 * GB;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-9-5"), BP_GOES);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_STAYS);
    assert_int_equal(model->home.outcome, GA_CHANGED);
    model->rules.min_free = 150 * GB + 1;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_GOES);
    model->rules.min_free = 50 * GB;
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_GOES), 0);
    assert_int_equal(model->home.outcome, GA_OK);
    model_free(model);
}

static void
never_past_keep_and_the_outcome_says_what_the_last_copy_would_free(void **state)
{
    static const char *const names[] = {"data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    model->rules.has_min_free = 1;
    model->rules.min_free = 250 * GB;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_KEPT);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_GOES);
    assert_int_equal(model->home.outcome, GA_REFUSED);
    assert_int_equal(model->home.short_of, 100 * GB);
    assert_int_equal(model->home.last, 100 * GB);
    assert_non_null(strstr(model->home.why, "only by deleting the last"));
    assert_non_null(strstr(model->home.why, "100 GB"));
    model_free(model);
}

static void
nothing_goes_for_space_when_free_space_is_unknown(void **state)
{
    static const char *const names[] = {"data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    model->rules.has_min_free = 1;
    model->rules.min_free = 250 * GB;
    model->home.has_free = 0;
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_GOES), 0);
    assert_int_equal(model->home.outcome, GA_UNKNOWN);
    model_free(model);
}

static void
a_half_deleted_copy_goes_first_and_its_space_counts(void **state)
{
    static const char *const names[] = {"data-backup-2025-12-1", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);
    struct bp_copy           tomb = good_copy("data-backup-2025-9-5");

    (void)state;
    model->home.tombs = &tomb;
    model->home.n_tombs = 1;
    model->rules.has_min_free = 1;
    model->rules.min_free = 150 * GB;
    plan(model);
    assert_int_equal(tomb.fate, BP_GOES);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_STAYS);
    tomb.uid = 7;
    plan(model);
    assert_int_equal(tomb.fate, BP_UNTOUCHED); /* somebody else made it */
    free(tomb.name);
    model_free(model);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_read_without_zero_padding),
        cmocka_unit_test(a_suffix_is_told_from_the_day),
        cmocka_unit_test(a_name_that_holds_no_date_is_refused),
        cmocka_unit_test(a_name_too_long_for_a_tombstone_is_refused),
        cmocka_unit_test(the_newest_by_date_stays_not_the_last_by_text),
        cmocka_unit_test(of_one_day_the_one_changed_last_is_newer_then_the_suffix_decides),
        cmocka_unit_test(as_many_stay_as_keep_says),
        cmocka_unit_test(a_copy_goes_by_age_only_when_its_whole_day_is_older),
        cmocka_unit_test(for_space_the_oldest_go_and_no_more_than_needed),
        cmocka_unit_test(never_past_keep_and_the_outcome_says_what_the_last_copy_would_free),
        cmocka_unit_test(nothing_goes_for_space_when_free_space_is_unknown),
        cmocka_unit_test(a_half_deleted_copy_goes_first_and_its_space_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

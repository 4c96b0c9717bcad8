/* When a worker that should generate counts as stalled. */
#include "plugins/poc-worker/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_a_minute_without_a_nonce_is_told_once(void **state)
{
    struct poc_progress progress = {0};

    (void)state;
    poc_progress_begin(&progress, 1000);
    assert_false(poc_progress_has_stalled(&progress, 1000 + POC_STALL_MS - 1));
    assert_true(poc_progress_has_stalled(&progress, 1000 + POC_STALL_MS));
    assert_false(poc_progress_has_stalled(&progress, 1000 + 2 * POC_STALL_MS));
}

static void
test_the_same_count_again_is_no_progress(void **state)
{
    struct poc_progress progress = {0};

    (void)state;
    poc_progress_take(&progress, 5, 1000);
    poc_progress_take(&progress, 5, 1000 + POC_STALL_MS - 1);
    assert_true(poc_progress_has_stalled(&progress, 1000 + POC_STALL_MS));
    poc_progress_take(&progress, 6, 2 * POC_STALL_MS);
    assert_false(poc_progress_has_stalled(&progress, 3 * POC_STALL_MS - 1));
    assert_true(poc_progress_has_stalled(&progress, 3 * POC_STALL_MS));
}

static void
test_the_time_counts_anew_from_where_a_phase_begins_or_its_model_is_there(void **state)
{
    struct poc_progress progress = {0};

    (void)state;
    poc_progress_begin(&progress, 0);
    poc_progress_begin(&progress, 2 * POC_STALL_MS);
    assert_false(poc_progress_has_stalled(&progress, 2 * POC_STALL_MS + 1));
    assert_true(poc_progress_has_stalled(&progress, 3 * POC_STALL_MS));
    poc_progress_begin(&progress, 3 * POC_STALL_MS);
    assert_true(poc_progress_has_stalled(&progress, 4 * POC_STALL_MS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minute_without_a_nonce_is_told_once),
        cmocka_unit_test(test_the_same_count_again_is_no_progress),
        cmocka_unit_test(test_the_time_counts_anew_from_where_a_phase_begins_or_its_model_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

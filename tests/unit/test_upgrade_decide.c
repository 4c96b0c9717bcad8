/* test_upgrade_decide.c: what is to be done about a program in a folder, and the flight's verdict from evidence. */
#include "plugins/upgrade-preload/decide.h"
#include "plugins/upgrade-preload/flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HOUR INT64_C(3600000000000)

static char why[400];

static enum up_step
decide(enum up_there there, const char *sha256, int runnable, int is_current, const char *wanted, int replace)
{
    struct up_look look = {.there = there, .runnable = runnable, .is_current = is_current, .odd = "it is odd"};

    (void)snprintf(look.sha256, sizeof(look.sha256), "%s", sha256);
    return up_decide(&look, wanted, replace, why, sizeof(why));
}

static void
test_nothing_or_a_bare_folder_is_filled(void **state)
{
    (void)state;
    assert_int_equal(decide(UP_THERE_NOTHING, "", 0, 0, A, 0), UP_STEP_INSTALL);
    assert_int_equal(decide(UP_THERE_NOTHING, "", 0, 0, "", 0), UP_STEP_INSTALL);
    assert_int_equal(decide(UP_THERE_FOLDER, "", 0, 0, A, 0), UP_STEP_INSTALL);
    assert_non_null(strstr(why, "cosmovisor fail"));
}

static void
test_the_right_program_stays(void **state)
{
    (void)state;
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 0, A, 0), UP_STEP_NONE);
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 1, A, 1), UP_STEP_NONE);
    assert_int_equal(decide(UP_THERE_FILE, A, 0, 0, A, 0), UP_STEP_MODE);
}

static void
test_a_program_of_an_unknown_sum_is_compared(void **state)
{
    (void)state;
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 0, "", 0), UP_STEP_COMPARE);
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 0, "", 1), UP_STEP_COMPARE);
}

static void
test_another_program_is_replaced_on_request_only_and_never_while_it_runs(void **state)
{
    (void)state;
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 0, B, 0), UP_STEP_REFUSE);
    assert_non_null(strstr(why, "replace=true"));
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 0, B, 1), UP_STEP_INSTALL);
    assert_int_equal(decide(UP_THERE_FILE, A, 1, 1, B, 1), UP_STEP_REFUSE);
    assert_non_null(strstr(why, "runs it now"));
}

static void
test_what_is_odd_is_refused_and_what_cannot_be_seen_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(decide(UP_THERE_ODD, "", 0, 0, A, 1), UP_STEP_REFUSE);
    assert_non_null(strstr(why, "it is odd"));
    assert_int_equal(decide(UP_THERE_UNKNOWN, "", 0, 0, A, 1), UP_STEP_UNKNOWN);
}

static void
test_only_an_entry_with_a_checksum_is_fetched(void **state)
{
    struct ga_upgrade_binary entry = {.platform = "linux/amd64", .url = "https://x/y.zip", .sha256 = A};

    (void)state;
    assert_true(up_may_fetch(&entry, "linux/amd64", 0, why, sizeof(why)));
    entry.sha256[0] = '\0';
    assert_false(up_may_fetch(&entry, "linux/amd64", 0, why, sizeof(why)));
    assert_non_null(strstr(why, "allow_unverified"));
    assert_true(up_may_fetch(&entry, "linux/amd64", 1, why, sizeof(why)));
    (void)snprintf(entry.why, sizeof(entry.why), "bad");
    assert_false(up_may_fetch(&entry, "linux/amd64", 1, why, sizeof(why)));
    assert_false(up_may_fetch(NULL, "linux/amd64", 1, why, sizeof(why)));
}

static void
test_only_http_is_fetched(void **state)
{
    static const char *const bad[] = {"file:///etc/passwd", "ftp://x/y", "", "s3::https://x/y", "//x/y"};
    struct ga_upgrade_binary entry = {.platform = "linux/amd64", .sha256 = A};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        entry.url = bad[i];
        assert_false(up_may_fetch(&entry, "linux/amd64", 1, why, sizeof(why)));
    }
}

static void
test_names_that_can_be_folders(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "../x",
                                      "a/b",
                                      ".x",
                                      "a b",
                                      "a\n",
                                      "a%2f",
                                      "v\xc3\xa9",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    assert_true(up_name_ok("v0.2.5"));
    assert_true(up_name_ok("v0.2.10-post7"));
    assert_true(up_name_ok("V1_a+b"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(up_name_ok(bad[i]));
}

static void
test_folders_of_a_name(void **state)
{
    char folders[2][UP_NAME_MAX];

    (void)state;
    assert_int_equal(up_folders("v0.2.5", "both", folders), 1);
    assert_string_equal(folders[0], "v0.2.5");
    assert_int_equal(up_folders("V1", "both", folders), 2);
    assert_string_equal(folders[0], "V1");
    assert_string_equal(folders[1], "v1");
    assert_int_equal(up_folders("V1", "chain", folders), 1);
    assert_string_equal(folders[0], "V1");
    assert_int_equal(up_folders("V1", "lower", folders), 1);
    assert_string_equal(folders[0], "v1");
}

static void
test_platforms(void **state)
{
    (void)state;
    assert_string_equal(up_platform_of("x86_64"), "linux/amd64");
    assert_string_equal(up_platform_of("aarch64"), "linux/arm64");
    assert_string_equal(up_platform_of("riscv64"), "");
}

/* --- the flight ----------------------------------------------------------------------------------------------------
 */

static enum up_light
verdict(enum up_light a, enum up_light b)
{
    struct up_flight flight = {0};

    up_line_add(&flight, "a", a, "x");
    up_line_add(&flight, "b", b, "x");
    return up_flight_verdict(&flight);
}

static void
test_one_no_is_no_and_one_unknown_is_no_go_ahead(void **state)
{
    (void)state;
    assert_int_equal(verdict(UP_LIGHT_GO, UP_LIGHT_GO), UP_LIGHT_GO);
    assert_int_equal(verdict(UP_LIGHT_GO, UP_LIGHT_WARN), UP_LIGHT_GO);
    assert_int_equal(verdict(UP_LIGHT_UNKNOWN, UP_LIGHT_GO), UP_LIGHT_UNKNOWN);
    assert_int_equal(verdict(UP_LIGHT_UNKNOWN, UP_LIGHT_NO_GO), UP_LIGHT_NO_GO);
    assert_int_equal(verdict(UP_LIGHT_NO_GO, UP_LIGHT_UNKNOWN), UP_LIGHT_NO_GO);
    assert_int_equal(up_flight_verdict(&(struct up_flight){0}), UP_LIGHT_UNKNOWN);
}

static enum up_light
disk(uint64_t free_bytes, uint64_t data, uint64_t margin)
{
    struct up_flight flight = {0};

    up_judge_disk(&flight, free_bytes, data, margin);
    assert_int_equal(flight.n, 1);
    return flight.lines[0].light;
}

static void
test_disk(void **state)
{
    (void)state;
    assert_int_equal(disk(160, 150, 10), UP_LIGHT_GO);
    assert_int_equal(disk(159, 150, 10), UP_LIGHT_NO_GO);
    assert_int_equal(disk(UINT64_MAX - 1, UINT64_MAX - 1, 10), UP_LIGHT_NO_GO);
}

static void
test_height(void **state)
{
    struct up_flight flight = {0};
    struct up_plan   plan = {.height = 1000};

    (void)state;
    up_judge_height(&flight, &plan, 400, HOUR / 600, HOUR);
    assert_non_null(strstr(flight.lines[0].text, "600 blocks to go, 1970-01-01 02:00 UTC (in 1 h"));
    up_judge_height(&flight, &plan, 400, 0, HOUR);
    assert_int_equal(flight.lines[1].light, UP_LIGHT_WARN);
    up_judge_height(&flight, &plan, 1000, 5, HOUR);
    assert_non_null(strstr(flight.lines[2].text, "now"));
    plan.height = INT64_MAX;
    up_judge_height(&flight, &plan, 1, HOUR, HOUR);
    assert_int_equal(flight.lines[3].light, UP_LIGHT_WARN);
}

static void
test_snapshot_and_peers(void **state)
{
    struct up_flight flight = {0};

    (void)state;
    up_judge_snapshot(&flight, 10 * HOUR, 12 * HOUR, 2 * HOUR);
    up_judge_snapshot(&flight, 10 * HOUR, 12 * HOUR + 1, 2 * HOUR);
    up_judge_snapshot(&flight, 0, 12 * HOUR, 2 * HOUR);
    up_judge_peers(&flight, 3, 3);
    up_judge_peers(&flight, 2, 3);
    assert_int_equal(flight.lines[0].light, UP_LIGHT_GO);
    assert_int_equal(flight.lines[1].light, UP_LIGHT_WARN);
    assert_int_equal(flight.lines[2].light, UP_LIGHT_WARN);
    assert_int_equal(flight.lines[3].light, UP_LIGHT_GO);
    assert_int_equal(flight.lines[4].light, UP_LIGHT_NO_GO);
}

static void
test_signer(void **state)
{
    struct up_flight flight = {0};

    (void)state;
    up_judge_signer(&flight, 10, 1, 5);
    up_judge_signer(&flight, 10, 0, 5);
    up_judge_signer(&flight, 10, 0, 0);
    up_judge_signer(&flight, 0, 0, 0);
    assert_int_equal(flight.lines[0].light, UP_LIGHT_GO);
    assert_int_equal(flight.lines[1].light, UP_LIGHT_NO_GO);
    assert_int_equal(flight.lines[2].light, UP_LIGHT_UNKNOWN);
    assert_int_equal(flight.lines[3].light, UP_LIGHT_WARN);
}

static void
test_phases_of_the_network(void **state)
{
    const struct up_epoch epoch = {
        .start = 2089140, .length = 15391, .generation_end = 60, .validation_start = 65, .validation_end = 85};

    (void)state;
    assert_string_equal(up_phase_at(&epoch, 2089139), "Inference");
    assert_string_equal(up_phase_at(&epoch, 2089140), "PoCGenerate");
    assert_string_equal(up_phase_at(&epoch, 2089204), "PoCGenerate");
    assert_string_equal(up_phase_at(&epoch, 2089205), "PoCValidate");
    assert_string_equal(up_phase_at(&epoch, 2089224), "PoCValidate");
    assert_string_equal(up_phase_at(&epoch, 2089225), "Inference");
    assert_string_equal(up_phase_at(&epoch, 2089140 + 2 * 15391), "PoCGenerate");
    assert_null(up_phase_at(&(struct up_epoch){.start = 1}, 5));
}

static void
test_more_lines_than_fit_are_dropped(void **state)
{
    struct up_flight flight = {0};

    (void)state;
    for (int i = 0; i < UP_LINES_MAX + 3; i++)
        up_line_add(&flight, "x", UP_LIGHT_GO, "%d", i);
    assert_int_equal(flight.n, UP_LINES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_or_a_bare_folder_is_filled),
        cmocka_unit_test(test_the_right_program_stays),
        cmocka_unit_test(test_a_program_of_an_unknown_sum_is_compared),
        cmocka_unit_test(test_another_program_is_replaced_on_request_only_and_never_while_it_runs),
        cmocka_unit_test(test_what_is_odd_is_refused_and_what_cannot_be_seen_is_unknown),
        cmocka_unit_test(test_only_an_entry_with_a_checksum_is_fetched),
        cmocka_unit_test(test_only_http_is_fetched),
        cmocka_unit_test(test_names_that_can_be_folders),
        cmocka_unit_test(test_folders_of_a_name),
        cmocka_unit_test(test_platforms),
        cmocka_unit_test(test_one_no_is_no_and_one_unknown_is_no_go_ahead),
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_height),
        cmocka_unit_test(test_snapshot_and_peers),
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_phases_of_the_network),
        cmocka_unit_test(test_more_lines_than_fit_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

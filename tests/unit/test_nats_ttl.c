/* test_nats_ttl.c: enforce gives streams their age and proves it. A real nats-server, real runners. */
#include "tests/unit/ttl_drive.h"

#include "kit/json.h"

#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY INT64_C(86400000000000)

static struct world world;

static int
begin(void **state)
{
    (void)state;
    world_start(&world, NULL, NULL);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static void
two_streams(void)
{
    world_stream(&world, "txs_to_send", NULL);
    world_stream(&world, "txs_to_observe", NULL);
}

static void
unlimited_streams_get_their_age(void **state)
{
    struct drive run = {0};

    (void)state;
    two_streams();
    world_publish(&world, "txs_to_send", 1000);
    ttl_enforce(&world, &run, NULL, NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_int_equal(drive_count(&run, "act"), 2);
    assert_true(world_number(&world, "txs_to_send", "config.max_age") == DAY);
    assert_true(world_number(&world, "txs_to_observe", "config.max_age") == DAY);
    assert_int_equal(world_number(&world, "txs_to_send", "state.messages"), 1000);
    drive_done(&run);
}

static void
a_second_run_has_nothing_to_do(void **state)
{
    struct drive first = {0};
    struct drive second = {0};

    (void)state;
    two_streams();
    ttl_enforce(&world, &first, NULL, NULL);
    ttl_expect(&first, GA_CHANGED);
    ttl_enforce(&world, &second, NULL, NULL);
    ttl_expect(&second, GA_OK);
    assert_int_equal(drive_count(&second, "act"), 0);
    drive_done(&first);
    drive_done(&second);
}

static void
every_other_member_stays_as_it_was(void **state)
{
    struct drive run = {0};
    cJSON       *before;
    cJSON       *after;
    char        *left;
    char        *right;

    (void)state;
    world_stream(&world, "txs_to_send",
                 "\"description\":\"made elsewhere\",\"max_msgs\":9007199254740993,\"max_msgs_per_subject\":7,"
                 "\"subjects\":[\"txs_to_send\",\"other.>\"],\"deny_delete\":true,\"allow_direct\":true,"
                 "\"allow_rollup_hdrs\":true,\"republish\":{\"src\":\">\",\"dest\":\"copy.>\"}");
    before = world_config(&world, "txs_to_send");
    ttl_enforce(&world, &run, "\"streams\":{\"txs_to_send\":\"31536000000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    after = world_config(&world, "txs_to_send");
    assert_int_equal(ga_json_add_i64(before, "max_age", INT64_C(31536000000000000)), 0);
    left = ga_json_print(before);
    right = ga_json_print(after);
    assert_string_equal(left, right);
    free(left);
    free(right);
    cJSON_Delete(before);
    cJSON_Delete(after);
    drive_done(&run);
}

static void
the_duplicate_window_is_lowered_with_a_short_age(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    ttl_enforce(&world, &run, "\"streams\":{\"txs_to_send\":\"60000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_true(world_number(&world, "txs_to_send", "config.max_age") == INT64_C(60000000000));
    assert_true(world_number(&world, "txs_to_send", "config.duplicate_window") == INT64_C(60000000000));
    ttl_contains(drive_str(drive_packet(&run, "act", 0), "verb"), "set-max-age");
    drive_done(&run);
}

static void
the_act_carries_old_new_and_diff(void **state)
{
    struct drive run = {0};
    const cJSON *details;
    int64_t      age = -1;

    (void)state;
    world_stream(&world, "txs_to_send", "\"max_age\":172800000000000");
    ttl_enforce(&world, &run, "\"streams\":{\"txs_to_send\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    details = ga_json_get(drive_packet(&run, "act", 0), "details");
    assert_string_equal(drive_str(drive_packet(&run, "act", 0), "object"), "stream txs_to_send");
    assert_int_equal(ga_json_i64(ga_json_path(details, "old"), "max_age", &age), 0);
    assert_true(age == 2 * DAY);
    assert_int_equal(ga_json_i64(ga_json_path(details, "new"), "max_age", &age), 0);
    assert_true(age == DAY);
    ttl_contains(ga_json_str(details, "diff"), "+ max_age: 86400000000000 (1d)\n");
    drive_done(&run);
}

static void
a_dry_run_changes_nothing(void **state)
{
    struct drive run = {.answer = 0, .sync_fd = -1, .job = "\"dry_run\":true"};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    ttl_drive(&world, &run, "enforce", "\"streams\":{\"txs_to_send\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    ttl_contains(drive_summary(&run), "would change");
    assert_int_equal(world_number(&world, "txs_to_send", "config.max_age"), 0);
    drive_done(&run);
}

static void
an_act_that_the_agent_refuses_is_not_done(void **state)
{
    struct drive run = {.answer = -1, .sync_fd = -1};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    ttl_drive(&world, &run, "enforce", "\"streams\":{\"txs_to_send\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "no more than 0 acts");
    assert_int_equal(world_number(&world, "txs_to_send", "config.max_age"), 0);
    drive_done(&run);
}

static void
patterns_choose_streams(void **state)
{
    struct drive run = {0};

    (void)state;
    two_streams();
    world_stream(&world, "orders", NULL);
    world_stream(&world, "KV_settings", "\"subjects\":[\"$KV.settings.>\"]");
    ttl_enforce(&world, &run, "\"streams\":{\"txs_*\":\"86400000000000\",\"txs_to_send\":\"3600000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_true(world_number(&world, "txs_to_send", "config.max_age") == DAY / 24);
    assert_true(world_number(&world, "txs_to_observe", "config.max_age") == DAY);
    assert_int_equal(world_number(&world, "orders", "config.max_age"), 0);
    drive_done(&run);
}

static void
a_pattern_for_all_spares_buckets(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "orders", NULL);
    world_stream(&world, "KV_settings", "\"subjects\":[\"$KV.settings.>\"]");
    ttl_enforce(&world, &run, "\"streams\":{\">\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_true(world_number(&world, "orders", "config.max_age") == DAY);
    assert_int_equal(world_number(&world, "KV_settings", "config.max_age"), 0);
    drive_done(&run);
}

/* Expired messages go within the run, and the act's note tells how many. */
static void
old_messages_go_at_once(void **state)
{
    struct drive    run = {0};
    struct timespec pause = {.tv_nsec = 300000000};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    world_publish(&world, "txs_to_send", 500);
    (void)nanosleep(&pause, NULL); /* the messages' age is the point */
    ttl_enforce(&world, &run, "\"streams\":{\"txs_to_send\":\"200000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    ttl_contains(drive_str(drive_packet(&run, "acted", 0), "note"), "500 messages");
    assert_int_equal(world_number(&world, "txs_to_send", "state.messages"), 0);
    drive_done(&run);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Pages of the list: 256 streams each. */
static void
a_thousand_streams_within_two_seconds(void **state)
{
    struct drive run = {0};
    int64_t      start;
    int64_t      took;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "stream_%04d", i);
        world_stream(&world, name, "\"storage\":\"memory\",\"max_age\":86400000000000");
    }
    start = now_ms();
    ttl_enforce(&world, &run, "\"streams\":{\"stream_*\":\"86400000000000\"}", NULL);
    took = now_ms() - start;
    ttl_expect(&run, GA_OK);
    ttl_contains(drive_summary(&run), "1000 streams");
    if (took > 2000)
        fail_msg("1000 streams took %" PRId64 " ms", took);
    print_message("             1000 streams: %" PRId64 " ms\n", took);
    drive_done(&run);
}

static void
a_stream_on_a_later_page_is_changed(void **state)
{
    struct drive run = {0};

    (void)state;
    for (int i = 0; i < 300; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "stream_%04d", i);
        world_stream(&world, name,
                     i == 299 ? "\"storage\":\"memory\"" : "\"storage\":\"memory\",\"max_age\":86400000000000");
    }
    ttl_enforce(&world, &run, "\"streams\":{\"stream_*\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_int_equal(drive_count(&run, "act"), 1);
    assert_true(world_number(&world, "stream_0299", "config.max_age") == DAY);
    drive_done(&run);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(unlimited_streams_get_their_age),           EACH(a_second_run_has_nothing_to_do),
        EACH(every_other_member_stays_as_it_was),        EACH(the_duplicate_window_is_lowered_with_a_short_age),
        EACH(the_act_carries_old_new_and_diff),          EACH(a_dry_run_changes_nothing),
        EACH(an_act_that_the_agent_refuses_is_not_done), EACH(patterns_choose_streams),
        EACH(a_pattern_for_all_spares_buckets),          EACH(old_messages_go_at_once),
        EACH(a_thousand_streams_within_two_seconds),     EACH(a_stream_on_a_later_page_is_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_nats_ttl_guards.c: what enforce leaves alone, and what it refuses to drop. A real nats-server, real runners. */
#include "tests/unit/ttl_drive.h"

#include "kit/json.h"

#include <gonka-agent/plugin.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include <cmocka.h>

#define DAY INT64_C(86400000000000)
#define SEND "\"streams\":{\"txs_to_send\":\"86400000000000\"}"
#define SHORT "\"streams\":{\"txs_to_send\":\"200000000\"}" /* 200 ms: so that a test can have old messages */

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

/* A stream whose messages are older than 200 ms. */
static void
old_stream(unsigned n, const char *more)
{
    struct timespec pause = {.tv_nsec = 250000000};

    world_stream(&world, "txs_to_send", more);
    world_publish(&world, "txs_to_send", n);
    (void)nanosleep(&pause, NULL); /* the messages' age is the point */
}

static void
a_missing_stream_is_unknown_and_not_made(void **state)
{
    struct drive run = {0};
    cJSON       *info;
    int64_t      n = -1;

    (void)state;
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_UNKNOWN);
    ttl_contains(drive_summary(&run), "txs_to_send: there is no such stream");
    info = world_ask(&world, "INFO", NULL);
    assert_int_equal(ga_json_i64(info, "streams", &n), 0);
    assert_int_equal(n, 0);
    cJSON_Delete(info);
    drive_done(&run);
}

static void
a_missing_stream_is_fine_when_the_manifest_says_so(void **state)
{
    struct drive run = {0};

    (void)state;
    ttl_enforce(&world, &run, SEND ",\"missing\":\"ok\"", NULL);
    ttl_expect(&run, GA_OK);
    drive_done(&run);
}

static void
a_missing_stream_does_not_keep_the_others_from_their_age(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_observe", NULL);
    ttl_enforce(&world, &run, NULL, NULL);
    ttl_expect(&run, GA_UNKNOWN);
    assert_true(world_number(&world, "txs_to_observe", "config.max_age") == DAY);
    drive_done(&run);
}

static void
a_name_missing_from_the_list_is_told_too(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_observe", NULL);
    ttl_enforce(&world, &run, "\"streams\":{\"txs_to_send\":\"86400000000000\",\"*observe\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_UNKNOWN);
    assert_string_equal(ttl_row(&run, "txs_to_send", "verdict"), "\"missing\"");
    drive_done(&run);
}

static void
a_shorter_age_is_left_alone(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", "\"max_age\":3600000000000");
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_OK);
    assert_string_equal(ttl_row(&run, "txs_to_send", "verdict"), "\"shorter-kept\"");
    assert_true(world_number(&world, "txs_to_send", "config.max_age") == DAY / 24);
    drive_done(&run);
}

static void
a_shorter_age_is_lengthened_when_exact(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", "\"max_age\":3600000000000");
    ttl_enforce(&world, &run, SEND ",\"exact\":\"1\"", NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_true(world_number(&world, "txs_to_send", "config.max_age") == DAY);
    drive_done(&run);
}

static void
seal(void)
{
    cJSON *config = world_config(&world, "txs_to_send");
    char  *text;

    cJSON_ReplaceItemInObjectCaseSensitive(config, "sealed", cJSON_CreateTrue());
    text = ga_json_print(config);
    cJSON_Delete(world_ask(&world, "STREAM.UPDATE.txs_to_send", text));
    free(text);
    cJSON_Delete(config);
}

static void
a_sealed_stream_is_reported(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    seal();
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "sealed");
    assert_int_equal(drive_count(&run, "act"), 0);
    drive_done(&run);
}

static void
a_mirror_is_reported(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "origin", NULL);
    world_stream(&world, "txs_to_send", "\"subjects\":null,\"mirror\":{\"name\":\"origin\"}");
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "mirrors 'origin'");
    assert_int_equal(world_number(&world, "txs_to_send", "config.max_age"), 0);
    drive_done(&run);
}

static void
a_mirror_that_a_pattern_matches_is_no_trouble(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "origin", NULL);
    world_stream(&world, "txs_to_send", "\"subjects\":null,\"mirror\":{\"name\":\"origin\"}");
    ttl_enforce(&world, &run, "\"streams\":{\"txs_*\":\"86400000000000\"}", NULL);
    ttl_expect(&run, GA_OK);
    assert_string_equal(ttl_row(&run, "txs_to_send", "verdict"), "\"mirror\"");
    drive_done(&run);
}

static void
unprocessed_messages_are_not_dropped(void **state)
{
    struct drive run = {0};

    (void)state;
    old_stream(10, NULL);
    world_consumer(&world, "txs_to_send", "tx-sender");
    world_fetch(&world, "txs_to_send", "tx-sender", 4);
    ttl_enforce(&world, &run, SHORT, NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "10 of 10 messages");
    ttl_contains(drive_summary(&run), "10 of them unprocessed (tx-sender: 6 pending, 4 unacknowledged)");
    ttl_contains(drive_summary(&run), "allow_drop=true");
    assert_int_equal(drive_count(&run, "act"), 0);
    assert_int_equal(world_number(&world, "txs_to_send", "state.messages"), 10);
    drive_done(&run);
}

static void
the_report_holds_what_would_be_dropped(void **state)
{
    struct drive run = {0};

    (void)state;
    old_stream(10, NULL);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_enforce(&world, &run, SHORT, NULL);
    ttl_contains(ttl_row(&run, "txs_to_send", "drops"), "\"messages\":10");
    ttl_contains(ttl_row(&run, "txs_to_send", "drops"), "\"unprocessed\":10");
    ttl_contains(ttl_row(&run, "txs_to_send", "drops"), "\"name\":\"tx-sender\",\"pending\":10,\"unacknowledged\":0");
    assert_true(strlen(ttl_row(&run, "txs_to_send", "oldest_ns")) >= strlen("250000000"));
    drive_done(&run);
}

/* Old servers drop at once what has outlived its age, newer ones a little later. */
static void
assert_gone(void)
{
    for (int i = 0; i < 5000 && world_number(&world, "txs_to_send", "state.messages") != 0; i++)
        (void)usleep(2000);
    assert_int_equal(world_number(&world, "txs_to_send", "state.messages"), 0);
}

static void
allow_drop_lets_them_go(void **state)
{
    struct drive run = {0};

    (void)state;
    old_stream(10, NULL);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_enforce(&world, &run, SHORT, "{\"allow_drop\":\"1\"}");
    ttl_expect(&run, GA_CHANGED);
    assert_gone();
    drive_done(&run);
}

static void
max_drop_is_the_limit(void **state)
{
    struct drive over = {0};
    struct drive within = {0};

    (void)state;
    old_stream(10, NULL);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_enforce(&world, &over, SHORT ",\"max_drop\":\"9\"", NULL);
    ttl_expect(&over, GA_REFUSED);
    ttl_enforce(&world, &within, SHORT ",\"max_drop\":\"10\"", NULL);
    ttl_expect(&within, GA_CHANGED);
    drive_done(&over);
    drive_done(&within);
}

static void
processed_messages_may_go(void **state)
{
    struct drive run = {0};

    (void)state;
    old_stream(10, NULL);
    ttl_enforce(&world, &run, SHORT, NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_gone();
    drive_done(&run);
}

static void
only_messages_older_than_the_age_count(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    world_publish(&world, "txs_to_send", 10);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_CHANGED);
    assert_int_equal(world_number(&world, "txs_to_send", "state.messages"), 10);
    drive_done(&run);
}

static void
everything_in_a_work_queue_is_unprocessed(void **state)
{
    struct drive run = {0};

    (void)state;
    old_stream(10, "\"retention\":\"workqueue\"");
    ttl_enforce(&world, &run, SHORT, NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "10 of them unprocessed");
    drive_done(&run);
}

/* Deleted messages leave gaps in the numbers, over which the search for the first message that stays must jump. */
static void
gaps_do_not_hide_old_messages(void **state)
{
    struct drive run = {0};
    char         body[32];

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    world_publish(&world, "txs_to_send", 20);
    for (int i = 3; i < 18; i++) {
        (void)snprintf(body, sizeof(body), "{\"seq\":%d}", i);
        cJSON_Delete(world_ask(&world, "STREAM.MSG.DELETE.txs_to_send", body));
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_enforce(&world, &run, SHORT, NULL);
    ttl_expect(&run, GA_REFUSED);
    ttl_contains(drive_summary(&run), "5 of 5 messages");
    drive_done(&run);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_missing_stream_is_unknown_and_not_made),
        EACH(a_missing_stream_is_fine_when_the_manifest_says_so),
        EACH(a_missing_stream_does_not_keep_the_others_from_their_age),
        EACH(a_name_missing_from_the_list_is_told_too),
        EACH(a_shorter_age_is_left_alone),
        EACH(a_shorter_age_is_lengthened_when_exact),
        EACH(a_sealed_stream_is_reported),
        EACH(a_mirror_is_reported),
        EACH(a_mirror_that_a_pattern_matches_is_no_trouble),
        EACH(unprocessed_messages_are_not_dropped),
        EACH(the_report_holds_what_would_be_dropped),
        EACH(allow_drop_lets_them_go),
        EACH(max_drop_is_the_limit),
        EACH(processed_messages_may_go),
        EACH(only_messages_older_than_the_age_count),
        EACH(everything_in_a_work_queue_is_unprocessed),
        EACH(gaps_do_not_hide_old_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

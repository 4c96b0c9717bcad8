/* test_nats_ttl_judge.c: the decision about one stream, from texts. */
#include "kit/json.h"
#include "plugins/nats-ttl/ttl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000000000)
#define INFO(config, state) "{\"config\":{\"name\":\"s\"," config "},\"state\":{" state "}}"
#define OLD "\"messages\":5,\"bytes\":50,\"first_seq\":1,\"last_seq\":5,\"first_ts\":\"2025-06-01T00:00:00Z\""

/* 2025-06-01T02:00:00Z: two hours after OLD's first message */
static const struct judge_rules rules = {.now_ns = INT64_C(1748743200) * 1000000000, .slack_ns = HOUR / 60};

static cJSON *
parse(const char *text)
{
    char   why[128];
    cJSON *json = ga_json_parse(text, strlen(text), why, sizeof(why));

    if (!json)
        fail_msg("%s: %s", text, why);
    return json;
}

static enum verdict
verdict_of(const char *text, int64_t want_ns)
{
    struct judgement judgement;
    cJSON           *info = parse(text);

    judge(info, want_ns, &rules, &judgement);
    judgement_done(&judgement);
    cJSON_Delete(info);
    return judgement.verdict;
}

static void
messages_older_than_age_and_slack_are_a_finding(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(INFO("\"max_age\":3600000000000", OLD), HOUR), V_NOT_EFFECTIVE);
}

static void
messages_within_the_age_are_fine(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(INFO("\"max_age\":7200000000000", OLD), 2 * HOUR), V_FINE);
}

static void
the_time_of_an_emptied_stream_counts_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(INFO("\"max_age\":3600000000000", "\"first_ts\":\"1970-01-01T00:00:00Z\""), HOUR),
                     V_FINE);
    assert_int_equal(
        verdict_of(INFO("\"max_age\":3600000000000", "\"messages\":1,\"first_ts\":\"0001-01-01T00:00:00Z\""), HOUR),
        V_FINE);
}

static void
an_age_that_is_no_number_is_unreadable(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(INFO("\"max_age\":\"1h\"", OLD), HOUR), V_UNREADABLE);
    assert_int_equal(verdict_of("{}", HOUR), V_UNREADABLE);
}

static void
times_are_read_with_fraction_and_offset(void **state)
{
    int64_t ns = 0;

    (void)state;
    assert_int_equal(parse_time("2025-06-01T02:00:00.000000001+02:00", &ns), 0);
    assert_true(ns == INT64_C(1748736000000000001));
    assert_int_equal(parse_time("2025-13-01T02:00:00Z", &ns), -1);
    assert_int_equal(parse_time("yesterday", &ns), -1);
}

static void
a_change_of_another_member_is_named(void **state)
{
    char   names[64];
    cJSON *sent = parse("{\"a\":1,\"compression\":\"s2\",\"metadata\":{\"_nats.ver\":\"1\"}}");
    cJSON *now = parse("{\"a\":1,\"compression\":\"none\",\"new\":2}");

    (void)state;
    assert_true(sent && now);
    assert_int_equal(config_differs(sent, now, names, sizeof(names)), 1);
    assert_string_equal(names, "compression");
    cJSON_Delete(sent);
    cJSON_Delete(now);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_older_than_age_and_slack_are_a_finding),
        cmocka_unit_test(messages_within_the_age_are_fine),
        cmocka_unit_test(the_time_of_an_emptied_stream_counts_for_nothing),
        cmocka_unit_test(an_age_that_is_no_number_is_unreadable),
        cmocka_unit_test(times_are_read_with_fraction_and_offset),
        cmocka_unit_test(a_change_of_another_member_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

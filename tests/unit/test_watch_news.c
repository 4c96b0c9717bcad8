/* What chain-watch tells, and that it tells it once. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define START 1000

static struct cw_seen  seen;
static struct cw_told  told;
static struct cw_rules rules;
static char            topics[512]; /* what was told last, each with a blank behind it */
static char            last[2048];  /* the last payload */

static int
fresh(void **state)
{
    (void)state;
    seen = (struct cw_seen){
        .now_ns = 5000 * SECOND,
        .state = CW_FOLLOWING,
        .height = START + 50,
        .block_time_ns = 5000 * SECOND,
        .block_ns = 5 * SECOND,
        .has_own = 1,
        .own_answered = 1,
        .own_height = START + 50,
        .epoch = {.index = 7,
                  .start = START,
                  .generation_wind_down = START + 8,
                  .generation_end = START + 10,
                  .validation_start = START + 11,
                  .validation_wind_down = START + 15,
                  .validation_end = START + 16,
                  .set_new_validators = START + 20,
                  .claim_money = START + 21,
                  .cutoff = START + 90,
                  .next_start = START + 100,
                  .length = 100},
        .plan = {.known = 1},
    };
    told = (struct cw_told){0};
    rules = (struct cw_rules){.near_ns = 100 * SECOND, .block_every_ns = 60 * SECOND};
    return 0;
}

static const char *
tell(void)
{
    struct cw_news news[CW_NEWS_MAX];
    const size_t   n = cw_news(&seen, &rules, &told, news);

    topics[0] = last[0] = 0;
    for (size_t i = 0; i < n; i++) {
        char *text = ga_json_print(news[i].payload);

        assert_non_null(text);
        if (strcmp(news[i].topic, "chain.block") != 0) {
            strncat(topics, news[i].topic, sizeof(topics) - strlen(topics) - 2);
            strncat(topics, " ", 2);
            (void)snprintf(last, sizeof(last), "%s", text);
        }
        free(text);
        cJSON_Delete(news[i].payload);
    }
    return topics;
}

/* The next epoch begins. */
static void
next_epoch(void)
{
    int64_t *heights = &seen.epoch.start;

    seen.epoch.index++;
    for (int i = 0; i < 10; i++)
        heights[i] += 100;
}

static void
the_past_is_no_news_at_the_first_look(void **state)
{
    (void)state;
    assert_string_equal(tell(), "");
    assert_string_equal(tell(), "");
}

static void
each_phase_of_an_epoch_is_told_once_when_it_begins(void **state)
{
    static const char *const wanted[] = {
        [0] = "epoch.started poc.generate.started ",
        [8] = "poc.generate.winding_down ",
        [11] = "poc.validate.started ",
        [15] = "poc.validate.winding_down ",
        [16] = "inference.started ",
        [20] = "epoch.validators.set ",
        [21] = "epoch.claim.started ",
        [90] = "epoch.cutoff ",
    };

    (void)state;
    (void)tell();
    seen.height = START + 95;
    assert_string_equal(tell(), "epoch.cutoff ");
    next_epoch();
    for (int64_t i = 0; i < 100; i++) {
        const char *now = (size_t)i < sizeof(wanted) / sizeof(*wanted) && wanted[i] ? wanted[i] : "";

        seen.height = START + 100 + i;
        assert_string_equal(tell(), now);
        assert_string_equal(tell(), "");
    }
}

static void
the_start_is_told_when_the_height_was_there_before_the_epochs_number(void **state)
{
    (void)state;
    (void)tell();
    seen.height = START + 103; /* the node that was asked for the epoch is behind */
    assert_string_equal(tell(), "epoch.cutoff ");
    next_epoch();
    assert_string_equal(tell(), "epoch.started poc.generate.started ");
    assert_string_equal(tell(), "");
}

static void
a_phase_that_is_over_is_not_told(void **state)
{
    (void)state;
    (void)tell();
    next_epoch();
    seen.height = START + 112;
    assert_string_equal(tell(), "epoch.started poc.validate.started ");
}

static void
the_payload_says_when_the_next_phase_begins(void **state)
{
    (void)state;
    (void)tell();
    next_epoch();
    seen.height = START + 100;
    seen.block_time_ns = seen.now_ns = 6000 * SECOND;
    (void)tell();
    assert_non_null(strstr(last, "\"at\":1100"));
    assert_non_null(strstr(last, "\"epoch\":8"));
    assert_non_null(strstr(last, "\"phase\":\"PoCGenerate\""));
    assert_non_null(strstr(last, "\"next\":{\"what\":\"poc.generate.winding_down\",\"height\":1108,\"blocks\":8,"
                                 "\"time\":\"1970-01-01T01:40:40Z\""));
}

static void
a_restart_tells_nothing_again(void **state)
{
    char *document;

    (void)state;
    (void)tell();
    seen.state = CW_HALTED;
    seen.plan = (struct cw_plan){.known = 1, .height = START + 60, .name = "v9"};
    assert_string_equal(tell(), "chain.stalled upgrade.scheduled upgrade.near ");
    document = cw_told_write(&told);
    assert_non_null(document);
    told = (struct cw_told){0};
    cw_told_read(document, strlen(document), &told);
    assert_string_equal(tell(), "");
    free(document);
}

static void
what_was_told_of_another_chain_is_forgotten(void **state)
{
    char *document;

    (void)state;
    assert_int_equal(cw_told_of(&told, "gonka-testnet"), 0);
    seen.epoch.index = 900;
    (void)tell();
    document = cw_told_write(&told);
    assert_non_null(document);
    cw_told_read(document, strlen(document), &told);
    assert_int_equal(cw_told_of(&told, "gonka-testnet"), 0);
    assert_int_equal(told.epoch, 900);
    assert_int_equal(cw_told_of(&told, "gonka-mainnet"), 1);
    seen.epoch.index = 7;
    (void)tell();
    next_epoch();
    seen.height = START + 100;
    assert_string_equal(tell(), "epoch.started poc.generate.started ");
    free(document);
}

static void
a_node_that_is_sick_for_one_look_alone_is_no_news(void **state)
{
    (void)state;
    (void)tell();
    seen.state = CW_DOWN;
    seen.looks = 1;
    assert_string_equal(tell(), "");
    seen.state = CW_FOLLOWING;
    assert_string_equal(tell(), "");
    seen.state = CW_DOWN;
    assert_string_equal(tell(), "");
    seen.looks = 2;
    assert_string_equal(tell(), "chain.node.down ");
}

static void
a_height_that_is_not_known_is_not_told_as_a_number(void **state)
{
    (void)state;
    seen.state = CW_CATCHING_UP;
    seen.looks = 2;
    seen.height = 0;
    seen.own_height = 40;
    assert_string_equal(tell(), "chain.catching_up ");
    assert_null(strstr(last, "\"height\""));
    assert_non_null(strstr(last, "\"node_height\":40"));
}

static void
a_document_of_no_use_is_as_none(void **state)
{
    static const char *const documents[] = {
        "", "{", "[]", "{\"version\":2}",
        ("{\"version\":1,\"chain_id\":\"c\",\"state\":\"odd\",\"since_ns\":1,\"epoch\":1,\"boundary\":1,"
         "\"block_ns\":1,\"plan\":0,\"plan_near\":false,\"plan_name\":\"\"}")};

    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        cw_told_read(documents[i], strlen(documents[i]), &told);
        assert_int_equal(told.any, 0);
        assert_string_equal(tell(), "");
    }
}

static void
what_could_not_be_asked_is_no_news(void **state)
{
    (void)state;
    (void)tell();
    seen.state = CW_UNKNOWN;
    seen.height = 0;
    assert_string_equal(tell(), "");
    seen.state = CW_FOLLOWING;
    seen.height = START + 51;
    assert_string_equal(tell(), "");
}

static void
a_stall_and_its_end_are_told_with_how_long_it_was(void **state)
{
    (void)state;
    (void)tell();
    seen.state = CW_HALTED;
    assert_string_equal(tell(), "chain.stalled ");
    assert_non_null(strstr(last, "\"state\":\"chain-halted\""));
    seen.state = CW_FOLLOWING;
    seen.now_ns += 300 * SECOND;
    assert_string_equal(tell(), "chain.resumed ");
    assert_non_null(strstr(last, "\"was\":\"chain-halted\",\"for\":\"5 min\""));
}

static void
a_chain_that_stands_for_an_upgrade_says_so(void **state)
{
    (void)state;
    seen.plan = (struct cw_plan){.known = 1, .height = START + 51, .name = "v9"};
    (void)tell();
    seen.state = CW_HALTED;
    (void)tell();
    assert_non_null(strstr(last, "\"upgrade\":\"v9\""));
}

static void
an_upgrade_is_scheduled_near_and_done_once_each(void **state)
{
    (void)state;
    (void)tell();
    seen.plan = (struct cw_plan){.known = 1, .height = START + 80, .name = "v9"};
    assert_string_equal(tell(), "upgrade.scheduled ");
    assert_non_null(strstr(last, "\"upgrade\":{\"name\":\"v9\",\"height\":1080,\"blocks\":30"));
    assert_string_equal(tell(), "");
    seen.height = START + 60; /* 20 blocks of 5 s */
    assert_string_equal(tell(), "upgrade.near ");
    seen.height = START + 80; /* the chain stands at it, its plan is still there */
    assert_string_equal(tell(), "");
    seen.plan = (struct cw_plan){.known = 1};
    seen.height = START + 81;
    assert_string_equal(tell(), "upgrade.done ");
    assert_string_equal(tell(), "");
}

static void
a_plan_that_could_not_be_asked_is_neither_done_nor_cancelled(void **state)
{
    (void)state;
    seen.plan = (struct cw_plan){.known = 1, .height = START + 80, .name = "v9"};
    (void)tell();
    seen.plan = (struct cw_plan){0};
    assert_string_equal(tell(), "");
    seen.height = START + 81;
    assert_string_equal(tell(), "");
}

static void
a_plan_that_goes_early_is_cancelled_and_another_is_scheduled(void **state)
{
    (void)state;
    seen.plan = (struct cw_plan){.known = 1, .height = START + 80, .name = "v9"};
    (void)tell();
    seen.plan = (struct cw_plan){.known = 1};
    assert_string_equal(tell(), "upgrade.cancelled ");
    seen.plan = (struct cw_plan){.known = 1, .height = START + 90, .name = "v9"};
    assert_string_equal(tell(), "upgrade.scheduled ");
    seen.plan.height = START + 95; /* moved */
    assert_string_equal(tell(), "upgrade.scheduled ");
}

static void
blocks_are_told_no_more_often_than_asked_for(void **state)
{
    struct cw_news news[CW_NEWS_MAX];
    int            told_of = 0;

    (void)state;
    for (int i = 0; i < 13; i++) { /* 60 s, and the moment at their end */
        size_t n = cw_news(&seen, &rules, &told, news);

        for (size_t k = 0; k < n; k++) {
            told_of += strcmp(news[k].topic, "chain.block") == 0;
            cJSON_Delete(news[k].payload);
        }
        seen.height++;
        seen.now_ns += 5 * SECOND;
    }
    assert_int_equal(told_of, 2);
}

/* --- the plan -------------------------------------------------------------------------------------------------------
 */

static void
a_plan_is_known_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *text;
        int         known;
        int64_t     height;
    } cases[] = {
        {"{\"plan\":null}", 1, 0},
        {"{\"plan\":{\"name\":\"v1\",\"height\":\"12\"}}", 1, 12},
        {"{\"plan\":{\"name\":\"v1\",\"height\":12}}", 1, 12},
        {"{}", 0, 0},
        {"{\"plan\":[]}", 0, 0},
        {"{\"plan\":{\"name\":\"\",\"height\":12}}", 0, 0},
        {"{\"plan\":{\"name\":\"v1\",\"height\":0}}", 0, 0},
        {"{\"plan\":{\"name\":\"v1\",\"height\":\"1e3\"}}", 0, 0},
        {"{\"plan\":{\"height\":12}}", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char           why[256] = "";
        cJSON         *json = ga_json_parse(cases[i].text, strlen(cases[i].text), why, sizeof(why));
        struct cw_plan plan;

        assert_non_null(json);
        assert_int_equal(cw_plan_read(json, &plan, why, sizeof(why)), cases[i].known ? 0 : -1);
        assert_int_equal(plan.known, cases[i].known);
        assert_int_equal(plan.height, cases[i].height);
        assert_int_equal(why[0] != 0, !cases[i].known);
        cJSON_Delete(json);
    }
}

static void
a_name_that_a_terminal_would_obey_is_shown_without_that(void **state)
{
    char *text;

    (void)state;
    seen.plan = (struct cw_plan){.known = 1, .height = START + 80, .name = "v\x1b[2J"};
    text = cw_report_text(&seen);
    assert_non_null(strstr(text, "upgrade   v?[2J:"));
    free(text);
}

static void
status_says_why_nothing_is_known(void **state)
{
    char line[400];

    (void)state;
    seen = (struct cw_seen){.peers = -1, .epoch = {.index = -1}, .text = "unknown: 0 of 3 sources agree"};
    cw_line(&seen, line, sizeof(line));
    assert_string_equal(line, "unknown: 0 of 3 sources agree");
}

static void
a_state_that_nobody_could_see_is_not_shown_as_numbers(void **state)
{
    char  *text;
    char  *json;
    cJSON *report;

    (void)state;
    seen = (struct cw_seen){.peers = -1, .sources = 3, .epoch = {.index = -1}, .text = "nobody answers"};
    report = cw_report(&seen);
    json = ga_json_print(report);
    text = cw_report_text(&seen);
    assert_null(strstr(json, "height"));
    assert_null(strstr(json, "epoch"));
    assert_null(strstr(json, "peers"));
    assert_null(strstr(json, "lag"));
    assert_non_null(strstr(text, "upgrade   could not be asked"));
    cJSON_Delete(report);
    free(json);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_past_is_no_news_at_the_first_look, fresh),
        cmocka_unit_test_setup(each_phase_of_an_epoch_is_told_once_when_it_begins, fresh),
        cmocka_unit_test_setup(the_start_is_told_when_the_height_was_there_before_the_epochs_number, fresh),
        cmocka_unit_test_setup(a_phase_that_is_over_is_not_told, fresh),
        cmocka_unit_test_setup(the_payload_says_when_the_next_phase_begins, fresh),
        cmocka_unit_test_setup(a_restart_tells_nothing_again, fresh),
        cmocka_unit_test_setup(what_was_told_of_another_chain_is_forgotten, fresh),
        cmocka_unit_test_setup(a_node_that_is_sick_for_one_look_alone_is_no_news, fresh),
        cmocka_unit_test_setup(a_height_that_is_not_known_is_not_told_as_a_number, fresh),
        cmocka_unit_test_setup(a_document_of_no_use_is_as_none, fresh),
        cmocka_unit_test_setup(what_could_not_be_asked_is_no_news, fresh),
        cmocka_unit_test_setup(a_stall_and_its_end_are_told_with_how_long_it_was, fresh),
        cmocka_unit_test_setup(a_chain_that_stands_for_an_upgrade_says_so, fresh),
        cmocka_unit_test_setup(an_upgrade_is_scheduled_near_and_done_once_each, fresh),
        cmocka_unit_test_setup(a_plan_that_could_not_be_asked_is_neither_done_nor_cancelled, fresh),
        cmocka_unit_test_setup(a_plan_that_goes_early_is_cancelled_and_another_is_scheduled, fresh),
        cmocka_unit_test_setup(blocks_are_told_no_more_often_than_asked_for, fresh),
        cmocka_unit_test(a_plan_is_known_whole_or_not_at_all),
        cmocka_unit_test_setup(a_name_that_a_terminal_would_obey_is_shown_without_that, fresh),
        cmocka_unit_test(status_says_why_nothing_is_known),
        cmocka_unit_test(a_state_that_nobody_could_see_is_not_shown_as_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

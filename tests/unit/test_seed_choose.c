/* test_seed_choose.c: what a survey says of configured seeds, which take their place, and whether a change helped. */
#include "plugins/seed-manager/apply_choose.h"
#include "plugins/seed-manager/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccc"
#define ID_D "dddddddddddddddddddddddddddddddddddddddd"
#define NODE(id, host, healthy)                                                                 \
    "{\"p2p\":\"" id "@" host ":5000\",\"api\":\"http://" host ":8000\",\"rpc\":\"http://" host \
    ":8000/chain-rpc\",\"healthy\":" healthy "}"
#define SURVEY(nodes) "{\"taken_ns\":\"1700000000000000001\",\"known\":true,\"seeds\":[" nodes "]}"
#define TWO SURVEY(NODE(ID_A, "a", "true") "," NODE(ID_B, "b", "true") "," NODE(ID_C, "c", "false"))

static struct choose_survey
parse(const char *text)
{
    struct choose_survey survey;
    char                 why[EDIT_WHY_MAX] = "";

    assert_int_equal(choose_survey_parse(text, strlen(text), &survey, why), 0);
    return survey;
}

/* --- the survey's document -----------------------------------------------------------------------------------------
 */

static void
a_survey_is_read_with_all_digits_of_its_time(void **state)
{
    struct choose_survey survey = parse(TWO);

    (void)state;
    assert_int_equal(survey.taken_ns, INT64_C(1700000000000000001));
    assert_int_equal(survey.known, 1);
    assert_int_equal(survey.n, 3);
    assert_string_equal(survey.seeds[0].id, ID_A);
    assert_string_equal(survey.seeds[0].address, "a:5000");
    assert_string_equal(survey.seeds[0].api, "http://a:8000");
    assert_int_equal(survey.seeds[2].healthy, 0);
    choose_survey_done(&survey);
}

static void
addresses_that_no_file_should_hold_are_left_out(void **state)
{
    static const char *const bad[] = {
        "\"p2p\":\"" ID_A "@a\"",
        "\"p2p\":\"" ID_A "@a:0\"",
        "\"p2p\":\"" ID_A "@a:65536\"",
        "\"p2p\":\"" ID_A "@a b:1\"",
        "\"p2p\":\"" ID_A "@a,b:1\"",
        "\"p2p\":\"" ID_A "@a\\\"\\nx=1:1\"",
        "\"p2p\":\"AAAA" ID_A "@a:1\"",
        "\"p2p\":\"tcp://a:1\"",
        "\"p2p\":5",
        "\"p2p\":\"" ID_A "@[::1:1\"",
        "\"p2p\":\"" ID_A "@:5000\"",
        "\"p2p\":\"" ID_A "@a:5000:x\"",
        "\"p2p\":\"" ID_A "@a:\"",
        "\"p2p\":\"" ID_A "@$(x):1\"",
        "\"p2p\":\"" ID_A "#a:5000\"",
        "\"healthy\":true",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct choose_survey survey;
        char                 text[512];

        (void)snprintf(text, sizeof(text), "{\"taken_ns\":1,\"known\":true,\"seeds\":[{%s,\"healthy\":true}]}", bad[i]);
        survey = parse(text);
        assert_int_equal(survey.n, 0);
        choose_survey_done(&survey);
    }
}

static void
an_url_that_a_shell_would_read_otherwise_is_left_out(void **state)
{
    struct choose_survey survey =
        parse(SURVEY("{\"p2p\":\"" ID_A "@a:1\",\"api\":\"http://a/$(id)\",\"rpc\":\"ftp://a\",\"healthy\":true}"));

    (void)state;
    assert_int_equal(survey.n, 1);
    assert_string_equal(survey.seeds[0].api, "");
    assert_string_equal(survey.seeds[0].rpc, "");
    choose_survey_done(&survey);
}

static void
what_is_no_survey_is_refused_in_a_sentence(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"taken_ns\":1}", "{\"taken_ns\":\"x\",\"seeds\":[]}", "{\"taken_ns\":1,\"seeds\":{}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct choose_survey survey;
        char                 why[EDIT_WHY_MAX] = "";

        assert_int_equal(choose_survey_parse(bad[i], strlen(bad[i]), &survey, why), -1);
        assert_non_null(strstr(why, "run `survey` again"));
        choose_survey_done(&survey);
    }
}

/* --- judging -------------------------------------------------------------------------------------------------------
 */

struct list_case {
    const char *list;
    size_t      n, healthy, unseen;
};

static void
a_list_is_judged_by_node_ids(void **state)
{
    static const struct list_case cases[] = {
        {"", 0, 0, 0},
        {ID_A "@a:5000", 1, 1, 0},
        {ID_A "@elsewhere:1", 1, 1, 0}, /* the id counts */
        {ID_C "@c:5000", 1, 0, 0},
        {ID_D "@d:5000", 1, 0, 1},
        {ID_D "@a:5000", 1, 0, 0}, /* another node is there */
        {"a:5000", 1, 0, 0},       /* without an id it can never be reached */
        {"zz@a:5000", 1, 0, 0},
        {ID_A "@a:5000, " ID_B "@b:5000,," ID_C "@c:5000", 3, 2, 0},
    };
    struct choose_survey survey = parse(TWO);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct choose_judged judged;

        choose_judge_list(&survey, NULL, cases[i].list, &judged);
        assert_int_equal(judged.n, cases[i].n);
        assert_int_equal(judged.healthy, cases[i].healthy);
        assert_int_equal(judged.unseen, cases[i].unseen);
    }
    choose_survey_done(&survey);
}

static void
config_env_is_healthy_when_its_urls_belong_to_one_healthy_node(void **state)
{
    struct choose_survey survey = parse(TWO);
    struct choose_judged judged;

    (void)state;
    choose_judge_env(&survey, "http://a:8000/", "tcp://a:5000", &judged);
    assert_int_equal(judged.healthy, 1);
    choose_judge_env(&survey, "http://a:8000", "tcp://b:5000", &judged);
    assert_int_equal(judged.healthy + judged.unseen, 0);
    choose_judge_env(&survey, "http://d:8000", "tcp://d:5000", &judged);
    assert_int_equal(judged.unseen, 1);
    choose_judge_env(&survey, NULL, NULL, &judged);
    assert_int_equal(judged.n, 0);
    choose_survey_done(&survey);
}

/* --- choosing ------------------------------------------------------------------------------------------------------
 */

static void
assert_choice(const char *now, const char *own_id, size_t write, const char *wanted)
{
    const struct choose_rules rules = {.own_id = own_id, .write_seeds = write, .min_replacements = 1};
    struct choose_survey      survey = parse(TWO);
    struct choose_choice      choice;
    char                      why[EDIT_WHY_MAX] = "";

    assert_int_equal(choose_seeds(&survey, NULL, now, "", &rules, &choice, why), 0);
    assert_string_equal(choice.seeds, wanted);
    assert_null(choice.peers);
    choose_done(&choice);
    choose_survey_done(&survey);
}

static void
healthy_ones_stay_sick_ones_go_and_unknown_ones_come_last(void **state)
{
    (void)state;
    assert_choice("", "", 5, ID_A "@a:5000," ID_B "@b:5000");
    assert_choice(ID_B "@mine:1", "", 5, ID_B "@mine:1," ID_A "@a:5000");
    assert_choice(ID_C "@c:5000", "", 5, ID_A "@a:5000," ID_B "@b:5000");
    assert_choice(ID_D "@d:5000", "", 5, ID_A "@a:5000," ID_B "@b:5000," ID_D "@d:5000");
    assert_choice(ID_D "@d:5000", "", 2, ID_A "@a:5000," ID_B "@b:5000");
    assert_choice(ID_A "@a:5000," ID_A "@a:5001", "", 1, ID_A "@a:5000");
    assert_choice("", ID_A, 5, ID_B "@b:5000");
}

static void
without_an_api_nothing_is_chosen(void **state)
{
    const struct choose_rules rules = {.own_id = "", .write_seeds = 5, .min_replacements = 1};
    struct choose_survey      survey = parse(SURVEY("{\"p2p\":\"" ID_A "@a:1\",\"healthy\":true}"));
    struct choose_choice      choice;
    char                      why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(choose_seeds(&survey, NULL, "", "", &rules, &choice, why), 1);
    assert_non_null(strstr(why, "none with a known API"));
    choose_done(&choice);
    choose_survey_done(&survey);
}

/* --- the watch -----------------------------------------------------------------------------------------------------
 */

struct watch_case {
    int64_t            peers_before, peers, lag_before, lag;
    enum watch_verdict verdict;
};

static void
a_few_peers_or_blocks_more_or_less_mean_nothing(void **state)
{
    static const struct watch_case cases[] = {
        {40, 38, 0, 0, WATCH_FINE},   {40, 19, 0, 0, WATCH_WORSE},   {40, 20, 0, 0, WATCH_FINE},
        {3, 1, 0, 0, WATCH_WORSE},    {2, 1, 0, 0, WATCH_WORSE},     {1, 1, 0, 0, WATCH_FINE},
        {0, 0, 0, 0, WATCH_FINE},     {5, 5, 0, 5, WATCH_FINE},      {5, 5, 0, 6, WATCH_WORSE},
        {5, 5, 100, 100, WATCH_FINE}, {5, 5, 100, 101, WATCH_WORSE},
    };
    const struct watch_rules rules = {.min_peers = 2, .max_lag = 5, .settle_ns = 0, .watch_ns = 1000};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct apply_state change = {.stage = APPLY_WATCHING, .began_ns = 100, .restarted_ns = 100};
        struct watch_look  look = {.answered = 1};
        char               why[EDIT_WHY_MAX];

        change.before = (struct apply_health){1, cases[i].peers_before, 10, 1, cases[i].lag_before};
        look.health = (struct apply_health){1, cases[i].peers, 10, 1, cases[i].lag};
        assert_int_equal(watch_judge(&change, &look, &rules, 200, why), cases[i].verdict);
    }
}

static void
a_node_that_had_no_health_before_cannot_get_worse(void **state)
{
    const struct watch_rules rules = {.min_peers = 2, .max_lag = 5, .settle_ns = 0, .watch_ns = 1000};
    struct apply_state       change = {.stage = APPLY_WATCHING, .began_ns = 100, .restarted_ns = 100};
    struct watch_look        look = {.answered = 1, .health = {1, 0, 10, 1, 5000}};
    char                     why[EDIT_WHY_MAX];

    (void)state;
    assert_int_equal(watch_judge(&change, &look, &rules, 200, why), WATCH_FINE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_survey_is_read_with_all_digits_of_its_time),
        cmocka_unit_test(addresses_that_no_file_should_hold_are_left_out),
        cmocka_unit_test(an_url_that_a_shell_would_read_otherwise_is_left_out),
        cmocka_unit_test(what_is_no_survey_is_refused_in_a_sentence),
        cmocka_unit_test(a_list_is_judged_by_node_ids),
        cmocka_unit_test(config_env_is_healthy_when_its_urls_belong_to_one_healthy_node),
        cmocka_unit_test(healthy_ones_stay_sick_ones_go_and_unknown_ones_come_last),
        cmocka_unit_test(without_an_api_nothing_is_chosen),
        cmocka_unit_test(a_few_peers_or_blocks_more_or_less_mean_nothing),
        cmocka_unit_test(a_node_that_had_no_health_before_cannot_get_worse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

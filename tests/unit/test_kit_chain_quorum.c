/* What several nodes together say: the rule, and the rule on nodes that answer as they are told. */
#include "kit/chain.h"
#include "kit/json.h"

#include "chain_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHAIN "gonka-mainnet"
#define S INT64_C(1000000000)
#define NOW (INT64_C(1763633480) * S) /* 2025-11-20T10:11:20Z */
#define FRESH "2025-11-20T10:11:12.345678901Z"
#define OLD "2025-11-20T09:11:12Z"
#define SERVERS 4

/* --- the rule ------------------------------------------------------------------------------------------------------
 */

/* What nodes said, judged. Names are a, b, c ... */
struct bench {
    struct ga_chain_source sources[GA_CHAIN_SOURCES_MAX];
    struct ga_chain_rules  rules;
    struct ga_chain_quorum quorum;
};

static struct bench bench;

static void
reset(int agree)
{
    memset(&bench, 0, sizeof(bench));
    bench.rules = (struct ga_chain_rules){.chain_id = CHAIN, .agree = agree, .now_ns = NOW};
}

/* One that answered: on the chain, in sync, its block of `age` seconds ago. */
static struct ga_chain_status *
add(int64_t height, int64_t age)
{
    size_t                i = bench.quorum.n++;
    struct ga_chain_look *look = &bench.quorum.looks[i];

    (void)snprintf(bench.sources[i].name, sizeof(bench.sources[i].name), "node-%c", (char)('a' + i));
    look->answered = 1;
    look->status.height = height;
    look->status.block_time_ns = NOW - age * S;
    (void)snprintf(look->status.chain_id, sizeof(look->status.chain_id), "%s", CHAIN);
    (void)snprintf(look->status.node_id, sizeof(look->status.node_id), "%040zx", i);
    return &look->status;
}

static void
add_failed(enum ga_chain_why why)
{
    struct ga_chain_look *look;

    (void)add(0, 0);
    look = &bench.quorum.looks[bench.quorum.n - 1];
    *look = (struct ga_chain_look){.verdict = {.why = why, .text = "node-x: /status: cannot be asked"}};
}

static enum ga_chain_known
judge(void)
{
    return ga_chain_judge(bench.sources, &bench.rules, &bench.quorum);
}

static void
check_verdict(size_t i, enum ga_chain_why why, const char *words)
{
    const struct ga_chain_error *verdict = &bench.quorum.looks[i].verdict;

    if (verdict->why != why || !strstr(verdict->text, words))
        print_error("%zu: %s: %s\n", i, ga_chain_why_name(verdict->why), verdict->text);
    assert_int_equal(verdict->why, why);
    assert_non_null(strstr(verdict->text, words));
    if (why != GA_CHAIN_OK)
        assert_non_null(strstr(verdict->text, bench.sources[i].name));
}

static void
test_all_agree(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    (void)add(102, 5);
    (void)add(101, 8);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 101); /* two have it; only one has 102 */
    assert_true(bench.quorum.block_time_ns == NOW - 5 * S);
    assert_int_equal(bench.quorum.n_healthy, 3);
    assert_string_equal(bench.quorum.chain_id, CHAIN);
    assert_non_null(strstr(bench.quorum.text, "3 of 3 sources agree on height 101"));
}

static void
test_wrong_chain(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    (void)snprintf(add(100, 10)->chain_id, 64, "gonka-testnet");
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(1, GA_CHAIN_WRONG_CHAIN, "is on the chain gonka-testnet, not on " CHAIN);
    assert_non_null(strstr(bench.quorum.text, "unknown: 1 of 2 sources agree, 2 must: node-b"));
}

static void
test_no_chain_id_expected(void **state)
{
    (void)state;
    reset(2);
    bench.rules.chain_id = NULL;
    (void)add(100, 10);
    (void)add(100, 10);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_string_equal(bench.quorum.chain_id, CHAIN);
    (void)snprintf(add(100, 10)->chain_id, 64, "other");
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(0, GA_CHAIN_WRONG_CHAIN, CHAIN);
    check_verdict(2, GA_CHAIN_WRONG_CHAIN, "other");
    assert_non_null(strstr(bench.quorum.text, "say which chain id is expected"));
    assert_int_equal(bench.quorum.height, 0);
}

static void
test_catching_up(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    add(100, 10)->catching_up = 1;
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(1, GA_CHAIN_CATCHING_UP, "at height 100");
}

static void
test_old_block(void **state)
{
    (void)state;
    reset(1);
    (void)add(100, 60);
    (void)add(100, 61);
    add(100, 0)->block_time_ns = INT64_MIN;
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    check_verdict(0, GA_CHAIN_OK, "");
    check_verdict(1, GA_CHAIN_STALE, "1 min ago");
    check_verdict(2, GA_CHAIN_STALE, "ago");
}

static void
test_block_from_the_future(void **state)
{
    (void)state;
    reset(1);
    (void)add(100, -61);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(0, GA_CHAIN_AHEAD, "is the clock of this host right?");
    add(100, 0)->block_time_ns = INT64_MAX;
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(1, GA_CHAIN_AHEAD, "node-b");
}

static void
test_behind_and_ahead(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    (void)add(94, 10);
    (void)add(99, 10);
    (void)add(1000000, 10); /* alone it cannot move the others */
    (void)add(95, 10);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 99);
    assert_int_equal(bench.quorum.n_healthy, 3);
    check_verdict(1, GA_CHAIN_STALE, "at height 94, 6 behind");
    check_verdict(3, GA_CHAIN_AHEAD, "says height 1000000, 999900 more");
    check_verdict(4, GA_CHAIN_OK, "");
}

static void
test_larger_group_wins(void **state)
{
    (void)state;
    reset(2);
    (void)add(5000, 10);
    (void)add(5000, 10);
    for (int i = 0; i < 3; i++)
        (void)add(100, 10);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 100);
}

static void
test_two_groups_of_one_size(void **state)
{
    (void)state;
    reset(2);
    (void)add(5000, 10);
    (void)add(5000, 10);
    (void)add(100, 10);
    (void)add(100, 10);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    assert_non_null(strstr(bench.quorum.text, "as many say another"));
    assert_int_equal(bench.quorum.n_healthy, 0);
}

/* 92, 96 and 100 with a lag of 5 are no contradiction: groups that overlap. */
static void
test_groups_that_overlap(void **state)
{
    (void)state;
    reset(2);
    (void)add(92, 10);
    (void)add(96, 10);
    (void)add(100, 10);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 96);
    check_verdict(0, GA_CHAIN_STALE, "behind");
}

static void
test_same_node_counts_once(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    memcpy(add(100, 10)->node_id, bench.quorum.looks[0].status.node_id, 41);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    check_verdict(1, GA_CHAIN_SAME_NODE, "the same node as node-a");
}

static void
test_could_not_ask(void **state)
{
    (void)state;
    reset(2);
    (void)add(100, 10);
    add_failed(GA_CHAIN_TIMEOUT);
    add_failed(GA_CHAIN_UNREACHABLE);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    assert_non_null(strstr(bench.quorum.text, "1 of 3 sources agree, 2 must: node-x: /status: cannot be asked (and"));
    reset(1);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    assert_non_null(strstr(bench.quorum.text, "no source was given"));
    reset(3);
    (void)add(100, 10);
    (void)add(100, 10);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    assert_non_null(strstr(bench.quorum.text, "give more sources"));
    reset(2);
    (void)add(100, 10);
    (void)add(200, 10);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
    assert_non_null(strstr(bench.quorum.text, "different heights"));
}

static void
test_halted(void **state)
{
    (void)state;
    reset(1);
    (void)add(100, 3600);
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN); /* one alone may just be sick */
    (void)add(99, 3606);
    add_failed(GA_CHAIN_TIMEOUT);
    assert_int_equal(judge(), GA_CHAIN_HALTED);
    assert_int_equal(bench.quorum.height, 99);
    assert_true(bench.quorum.block_time_ns == NOW - 3600 * S);
    assert_non_null(strstr(bench.quorum.text, "the chain stands: 2 of 3 sources agree on height 99, made 1 h ago"));
}

/* One that still makes blocks: the chain does not stand, the others are sick. */
static void
test_sick_is_not_halted(void **state)
{
    (void)state;
    reset(1);
    (void)add(100, 3600);
    (void)add(100, 3600);
    (void)add(700, 5);
    assert_int_equal(judge(), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 700);
    bench.rules.agree = 2;
    assert_int_equal(judge(), GA_CHAIN_UNKNOWN);
}

/* --- real questions ------------------------------------------------------------------------------------------------
 */

#define GONE "{\"code\":5,\"message\":\"proposal 12 doesn't exist\"}"

static const char *const ids[SERVERS] = {
    "aa40f7090137d93c272ff5ccd863484d1592949d", "bb40f7090137d93c272ff5ccd863484d1592949d",
    "cc40f7090137d93c272ff5ccd863484d1592949d", "dd40f7090137d93c272ff5ccd863484d1592949d"};
static struct chain_server servers[SERVERS];

/* A node that is in sync and answers to /p/12 so. */
static void
start_healthy(size_t i, int status, const char *proposal)
{
    const struct chain_server_reply replies[] = {
        {.target = "/status", .body = chain_server_status(CHAIN, ids[i], "\"100\"", FRESH, "false")},
        {.target = "/p/12", .status = status, .body = proposal},
        {0},
    };

    chain_server_start(&servers[i], replies);
}

static void
start_with_status(size_t i, const char *body, enum chain_server_manner manner)
{
    const struct chain_server_reply replies[] = {{.target = "/status", .body = body, .manner = manner}, {0}};

    chain_server_start(&servers[i], replies);
}

/* Asks the first n servers for what they say together. */
static enum ga_chain_known
ask_all(size_t n, int agree)
{
    struct ga_chain_error error;

    reset(agree);
    for (size_t i = 0; i < n; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "node-%c", (char)('a' + i));
        assert_int_equal(ga_chain_source_direct(&bench.sources[i], name, servers[i].url, servers[i].url, &error),
                         GA_CHAIN_OK);
        bench.sources[i].total_ms = 1500;
    }
    return ga_chain_quorum(bench.sources, n, &bench.rules, &bench.quorum);
}

static void
stop_all(size_t n)
{
    for (size_t i = 0; i < n; i++)
        chain_server_stop(&servers[i]);
}

static void
test_quorum_of_nodes(void **state)
{
    (void)state;
    start_healthy(0, 200, "{}");
    start_with_status(1, chain_server_status("other", ids[1], "100", FRESH, "false"), CHAIN_SERVER_WHOLE);
    start_with_status(2, chain_server_status(CHAIN, ids[2], "100", FRESH, "true"), CHAIN_SERVER_WHOLE);
    start_healthy(3, 200, "{}");
    assert_int_equal(ask_all(4, 2), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.height, 100);
    assert_int_equal(bench.quorum.n_healthy, 2);
    check_verdict(1, GA_CHAIN_WRONG_CHAIN, "other");
    check_verdict(2, GA_CHAIN_CATCHING_UP, "catching up");
    assert_true(bench.quorum.looks[0].took_ns > 0);
    stop_all(4);
}

static void
test_quorum_of_nodes_in_trouble(void **state)
{
    (void)state;
    start_with_status(0, "{}", CHAIN_SERVER_SILENT);
    start_with_status(1, "<html>", CHAIN_SERVER_WHOLE);
    start_with_status(2, chain_server_status(CHAIN, ids[2], "100", OLD, "false"), CHAIN_SERVER_WHOLE);
    start_with_status(3, chain_server_status(CHAIN, ids[3], "100", FRESH, "false"), CHAIN_SERVER_HALF);
    assert_int_equal(ask_all(4, 1), GA_CHAIN_UNKNOWN);
    check_verdict(0, GA_CHAIN_TIMEOUT, "/status");
    check_verdict(1, GA_CHAIN_NOT_JSON, "web page");
    check_verdict(2, GA_CHAIN_STALE, "1 h ago");
    check_verdict(3, GA_CHAIN_UNREACHABLE, "/status");
    stop_all(4);
}

/* More sources than threads, and than can be asked. */
static void
test_quorum_of_many(void **state)
{
    static struct ga_chain_source many[GA_CHAIN_SOURCES_MAX + 1];
    struct ga_chain_error         error;

    (void)state;
    reset(1);
    start_healthy(0, 200, "{}");
    for (size_t i = 0; i <= GA_CHAIN_SOURCES_MAX; i++)
        assert_int_equal(ga_chain_source_direct(&many[i], "many", servers[0].url, NULL, &error), GA_CHAIN_OK);
    assert_int_equal(ga_chain_quorum(many, GA_CHAIN_SOURCES_MAX + 1, &bench.rules, &bench.quorum), GA_CHAIN_KNOWN);
    assert_int_equal(bench.quorum.n, GA_CHAIN_SOURCES_MAX);
    assert_int_equal(bench.quorum.n_healthy, 1);
    assert_int_equal(bench.quorum.looks[GA_CHAIN_SOURCES_MAX - 1].verdict.why, GA_CHAIN_SAME_NODE);
    assert_non_null(strstr(bench.quorum.text, "only the first 64"));
    stop_all(1);
}

/* --- does it exist? ------------------------------------------------------------------------------------------------
 */

/* Asks for /p/12 after the quorum of the first n servers; ends them. */
static enum ga_chain_why
ask_for_proposal(size_t n, int agree, cJSON **json, size_t *source, struct ga_chain_error *error)
{
    enum ga_chain_why why;

    (void)ask_all(n, agree);
    why = ga_chain_ask(bench.sources, &bench.quorum, &bench.rules, "/p/12", json, source, error);
    assert_int_equal(error->why, why);
    assert_true((*json != NULL) == (why == GA_CHAIN_OK));
    stop_all(n);
    return why;
}

static void
test_ask_one_has_it(void **state)
{
    struct ga_chain_error error;
    cJSON                *json;
    size_t                source = 9;

    (void)state;
    start_healthy(0, 503, "<html>");
    start_healthy(1, 404, GONE);
    start_healthy(2, 200, "{\"a\":1}");
    assert_int_equal(ask_for_proposal(3, 1, &json, &source, &error), GA_CHAIN_OK);
    assert_int_equal(source, 2);
    assert_non_null(ga_json_get(json, "a"));
    cJSON_Delete(json);
}

static void
test_ask_none_has_it(void **state)
{
    struct ga_chain_error error;
    cJSON                *json;

    (void)state;
    start_healthy(0, 404, GONE);
    start_healthy(1, 503, "<html>");
    start_healthy(2, 404, GONE);
    assert_int_equal(ask_for_proposal(3, 2, &json, NULL, &error), GA_CHAIN_NOT_FOUND);
    assert_non_null(strstr(error.text, "doesn't exist"));
}

/* A node that does not count is not asked, though it has an answer. */
static void
test_ask_healthy_ones_only(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/status", .body = chain_server_status("other", ids[0], "100", FRESH, "false")},
        {.target = "/p/12", .body = "{\"a\":1}"},
        {0},
    };
    struct ga_chain_error error;
    cJSON                *json;

    (void)state;
    chain_server_start(&servers[0], replies);
    start_healthy(1, 404, GONE);
    assert_int_equal(ask_for_proposal(2, 1, &json, NULL, &error), GA_CHAIN_NOT_FOUND);
}

/* One of two says no, the other cannot be asked: that is no "no". */
static void
test_ask_too_few_say_no(void **state)
{
    struct ga_chain_error error;
    cJSON                *json;

    (void)state;
    start_healthy(0, 404, GONE);
    start_healthy(1, 503, "<html>");
    assert_int_equal(ask_for_proposal(2, 2, &json, NULL, &error), GA_CHAIN_NO_QUORUM);
    assert_non_null(strstr(error.text, "only 1 of the sources said that it does not exist, 2 must"));
    assert_non_null(strstr(error.text, "node-b"));
}

static void
test_ask_all_fail(void **state)
{
    struct ga_chain_error error;
    cJSON                *json;

    (void)state;
    start_healthy(0, 500, "{\"code\":13,\"message\":\"broken\"}");
    assert_int_equal(ask_for_proposal(1, 1, &json, NULL, &error), GA_CHAIN_REFUSED);
    assert_non_null(strstr(error.text, "broken"));
}

/* The only node that would say "not found" catches up: nobody knows. */
static void
test_ask_without_quorum(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/status", .body = chain_server_status(CHAIN, ids[0], "100", FRESH, "true")},
        {.target = "/p/12", .status = 404, .body = GONE},
        {0},
    };
    struct ga_chain_error error;
    cJSON                *json;

    (void)state;
    chain_server_start(&servers[0], replies);
    assert_int_equal(ask_for_proposal(1, 1, &json, NULL, &error), GA_CHAIN_NO_QUORUM);
    assert_non_null(strstr(error.text, "/p/12 cannot be asked: unknown"));
    assert_non_null(strstr(error.text, "catching up"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_agree),
        cmocka_unit_test(test_wrong_chain),
        cmocka_unit_test(test_no_chain_id_expected),
        cmocka_unit_test(test_catching_up),
        cmocka_unit_test(test_old_block),
        cmocka_unit_test(test_block_from_the_future),
        cmocka_unit_test(test_behind_and_ahead),
        cmocka_unit_test(test_larger_group_wins),
        cmocka_unit_test(test_two_groups_of_one_size),
        cmocka_unit_test(test_groups_that_overlap),
        cmocka_unit_test(test_same_node_counts_once),
        cmocka_unit_test(test_could_not_ask),
        cmocka_unit_test(test_halted),
        cmocka_unit_test(test_sick_is_not_halted),
        cmocka_unit_test(test_quorum_of_nodes),
        cmocka_unit_test(test_quorum_of_nodes_in_trouble),
        cmocka_unit_test(test_quorum_of_many),
        cmocka_unit_test(test_ask_one_has_it),
        cmocka_unit_test(test_ask_none_has_it),
        cmocka_unit_test(test_ask_healthy_ones_only),
        cmocka_unit_test(test_ask_too_few_say_no),
        cmocka_unit_test(test_ask_all_fail),
        cmocka_unit_test(test_ask_without_quorum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

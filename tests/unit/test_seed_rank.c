/* test_seed_rank.c: verdicts, one row for each node, order, diversity, and what earlier surveys weigh. */
#include "plugins/seed-manager/rank.h"
#include "plugins/seed-manager/reputation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define NOW (1700000000 * SECOND)
#define N 5

static const struct rank_rules rules = {
    .chain_id = "gonka-mainnet", .height = 1000, .max_lag = 5, .now_ns = NOW, .max_age_ns = 60 * SECOND};

/* N healthy nodes: "h0" ..., each in a network of its own, each 10 ms slower than the one before it. */
struct world {
    struct candidate candidates[N];
    struct probe     probes[N];
    struct rank_row  rows[N];
};

static int
set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    if (!world)
        return -1;
    for (int i = 0; i < N; i++) {
        struct probe *probe = &world->probes[i];

        (void)snprintf(world->candidates[i].host, sizeof(world->candidates[i].host), "h%d", i);
        (void)snprintf(world->candidates[i].api, sizeof(world->candidates[i].api), "http://h%d:8000", i);
        world->candidates[i].origin = CANDIDATE_OPERATOR;
        probe->asked = probe->answered = probe->api_up = 1;
        probe->took_ns = (10 + 10 * i) * MS;
        (void)snprintf(probe->status.chain_id, sizeof(probe->status.chain_id), "gonka-mainnet");
        probe->status.height = 1000;
        probe->status.block_time_ns = NOW - SECOND;
        probe->port = PROBE_PORT_OPEN;
        probe->p2p_port = 5000;
        (void)snprintf(probe->ip, sizeof(probe->ip), "9.%d.0.1", i);
        (void)snprintf(probe->id, sizeof(probe->id), "%040d", i);
        probe->id_from = PROBE_ID_RPC;
        world->rows[i] = (struct rank_row){
            .candidate = &world->candidates[i], .probe = probe, .origin = CANDIDATE_OPERATOR, .reputation = 500};
    }
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    free(*state);
    return 0;
}

static void
expect(struct rank_row *row, enum rank_verdict verdict, const char *reason)
{
    rank_judge(&rules, row);
    assert_string_equal(row->reason, reason);
    assert_int_equal(row->verdict, verdict);
    assert_int_equal(row->why[0] == '\0', verdict == RANK_HEALTHY);
}

/* --- verdicts ------------------------------------------------------------------------------------------------------
 */

static void
a_lag_up_to_the_limit_is_healthy(void **state)
{
    struct world *world = *state;

    world->probes[0].status.height = 995;
    expect(&world->rows[0], RANK_HEALTHY, "healthy");
    assert_int_equal(world->rows[0].lag, 5);
    world->probes[0].status.height = 994;
    expect(&world->rows[0], RANK_SICK, "stale");
}

static void
a_height_that_nobody_confirms_is_sick(void **state)
{
    struct world *world = *state;

    world->probes[0].status.height = 1065;
    expect(&world->rows[0], RANK_HEALTHY, "healthy");
    world->probes[0].status.height = 1066;
    expect(&world->rows[0], RANK_SICK, "ahead");
}

static void
the_age_of_the_newest_block_counts(void **state)
{
    struct world *world = *state;

    world->probes[0].status.block_time_ns = NOW - 61 * SECOND;
    expect(&world->rows[0], RANK_SICK, "stale");
    world->probes[0].status.block_time_ns = NOW + 61 * SECOND;
    expect(&world->rows[0], RANK_SICK, "ahead");
    world->probes[0].status.block_time_ns = INT64_MAX;
    expect(&world->rows[0], RANK_SICK, "ahead");
}

static void
numbers_that_no_node_can_mean_are_sick(void **state)
{
    struct world *world = *state;

    world->probes[0].status.height = INT64_MIN;
    expect(&world->rows[0], RANK_SICK, "stale");
    world->probes[0].status.height = INT64_MAX;
    expect(&world->rows[0], RANK_SICK, "ahead");
    world->probes[1].status.block_time_ns = INT64_MIN;
    expect(&world->rows[1], RANK_SICK, "stale");
}

static void
what_could_not_be_asked_is_unclear(void **state)
{
    struct world *world = *state;

    world->probes[0].asked = 0;
    expect(&world->rows[0], RANK_UNCLEAR, "not-asked");
    world->probes[1].answered = 0;
    world->probes[1].error.why = GA_CHAIN_TIMEOUT;
    (void)snprintf(world->probes[1].error.text, sizeof(world->probes[1].error.text), "slow");
    expect(&world->rows[1], RANK_UNCLEAR, "timeout");
    world->probes[1].port = PROBE_PORT_UNKNOWN;
    world->probes[1].error.why = GA_CHAIN_CANCELLED;
    expect(&world->rows[1], RANK_UNCLEAR, "cancelled");
}

static void
without_a_known_chain_nobody_is_sick_or_healthy(void **state)
{
    struct world     *world = *state;
    struct rank_rules blind = rules;

    blind.height = 0;
    rank_judge(&blind, &world->rows[0]);
    assert_int_equal(world->rows[0].verdict, RANK_UNCLEAR);
    world->probes[1].answered = 0;
    world->probes[1].port = PROBE_PORT_SHUT;
    rank_judge(&blind, &world->rows[1]);
    assert_int_equal(world->rows[1].verdict, RANK_UNCLEAR);
}

static void
where_no_chain_is_named_none_is_wrong(void **state)
{
    struct world     *world = *state;
    struct rank_rules any = rules;

    any.chain_id = "";
    rank_judge(&any, &world->rows[0]);
    assert_int_equal(world->rows[0].verdict, RANK_HEALTHY);
}

/* --- one row for each node -----------------------------------------------------------------------------------------
 */

static void
same_id(struct world *world, int a, int b)
{
    memcpy(world->probes[b].id, world->probes[a].id, sizeof(world->probes[b].id));
}

static void
a_proof_outdoes_a_claim(void **state)
{
    struct world *world = *state;

    same_id(world, 0, 1);
    world->rows[1].origin = CANDIDATE_LEARNED;
    world->probes[1].id_from = PROBE_ID_HANDSHAKE;
    assert_int_equal(rank_join(world->rows, 2), 1);
    assert_ptr_equal(world->rows[0].probe, &world->probes[1]);
    assert_int_equal(world->rows[0].origin, CANDIDATE_OPERATOR | CANDIDATE_LEARNED);
}

static void
a_trusted_list_outdoes_a_strangers_word(void **state)
{
    struct world *world = *state;

    same_id(world, 0, 1);
    world->rows[0].origin = CANDIDATE_LEARNED;
    world->probes[0].took_ns = 1;
    assert_int_equal(rank_join(world->rows, 2), 1);
    assert_ptr_equal(world->rows[0].probe, &world->probes[1]);
}

static void
claims_that_nobody_backs_are_not_joined(void **state)
{
    struct world *world = *state;

    same_id(world, 0, 1);
    world->probes[0].id_from = world->probes[1].id_from = PROBE_ID_LIST;
    assert_int_equal(rank_join(world->rows, 2), 2);
}

static void
an_entry_with_a_wrong_id_stays_a_row_of_its_own(void **state)
{
    struct world *world = *state;

    same_id(world, 0, 1);
    world->probes[1].wrong_id = 1;
    world->probes[1].id_from = PROBE_ID_HANDSHAKE;
    assert_int_equal(rank_join(world->rows, 2), 2);
}

static void
rows_without_an_id_are_not_one_node(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < N; i++) {
        world->probes[i].id[0] = '\0';
        world->probes[i].id_from = PROBE_ID_NONE;
    }
    assert_int_equal(rank_join(world->rows, N), N);
}

/* --- order ---------------------------------------------------------------------------------------------------------
 */

static void
judge_and_sort(struct world *world)
{
    for (int i = 0; i < N; i++)
        rank_judge(&rules, &world->rows[i]);
    assert_int_equal(rank_sort(world->rows, N), 0);
}

static void
the_faster_one_is_first(void **state)
{
    struct world *world = *state;

    world->probes[3].took_ns = MS;
    judge_and_sort(world);
    assert_ptr_equal(world->rows[0].probe, &world->probes[3]);
    assert_ptr_equal(world->rows[1].probe, &world->probes[0]);
}

static void
healthy_ones_come_before_unclear_ones_before_sick_ones(void **state)
{
    struct world *world = *state;

    world->probes[0].status.catching_up = 1;
    world->probes[1].asked = 0;
    world->rows[0].reputation = world->rows[1].reputation = 1000;
    judge_and_sort(world);
    assert_ptr_equal(world->rows[N - 1].probe, &world->probes[0]);
    assert_ptr_equal(world->rows[N - 2].probe, &world->probes[1]);
}

static void
a_good_reputation_outdoes_a_few_milliseconds(void **state)
{
    struct world *world = *state;

    world->rows[4].reputation = 900;
    judge_and_sort(world);
    assert_ptr_equal(world->rows[0].probe, &world->probes[4]);
}

static void
those_of_one_network_step_back(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 3; i++)
        (void)snprintf(world->probes[i].ip, sizeof(world->probes[i].ip), "9.9.%d.1", i);
    judge_and_sort(world);
    assert_ptr_equal(world->rows[0].probe, &world->probes[0]);
    assert_ptr_equal(world->rows[1].probe, &world->probes[3]);
    assert_ptr_equal(world->rows[2].probe, &world->probes[4]);
    assert_int_equal(world->rows[3].crowded, 1);
    assert_int_equal(world->rows[4].crowded, 2);
}

static void
networks_are_told(void **state)
{
    struct world *world = *state;
    char          buf[CANDIDATE_HOST_MAX];

    assert_string_equal(rank_network(&world->rows[1], buf, sizeof(buf)), "9.1");
    (void)snprintf(world->probes[1].ip, sizeof(world->probes[1].ip), "2a01:4f8:1:2::1");
    assert_string_equal(rank_network(&world->rows[1], buf, sizeof(buf)), "2a01:04f8:0001");
    world->probes[1].ip[0] = '\0';
    assert_string_equal(rank_network(&world->rows[1], buf, sizeof(buf)), "h1");
}

/* --- reputation ----------------------------------------------------------------------------------------------------
 */

static int
score_of(const char *recent)
{
    struct reputation one = {.first_ns = 0};

    (void)snprintf(one.recent, sizeof(one.recent), "%s", recent);
    return reputation_score(&one);
}

static void
a_score_tells_how_often_and_how_lately(void **state)
{
    (void)state;
    assert_int_equal(reputation_score(NULL), 500);
    assert_int_equal(score_of(""), 500);
    assert_int_equal(score_of("uuu"), 500);
    assert_true(score_of("h") > 500 && score_of("s") < 500);
    assert_true(score_of("hhhhhh") > score_of("h"));
    assert_true(score_of("sssh") > score_of("hsss"));
    assert_true(score_of("hhhhhhhhs") > 500);
    assert_true(score_of("hhhhhhhhhhhhhhhhhhhhhhhh") < 1000);
}

static void
verdicts_are_noted_kept_and_read_again(void **state)
{
    struct world            *world = *state;
    struct reputations       history = {.at = NULL};
    struct reputations       again;
    const struct reputation *one;
    char                     why[200];
    char                    *text;

    for (int i = 0; i < 30; i++) {
        world->rows[1].verdict = i < 28 ? RANK_SICK : RANK_UNCLEAR;
        assert_int_equal(reputations_note(&history, world->rows, 2, NOW + i), 0);
    }
    text = reputations_print(&history);
    assert_int_equal(reputations_parse(&again, text, strlen(text), why, sizeof(why)), 0);
    one = reputation_find(&again, "0000000000000000000000000000000000000001@h1");
    assert_non_null(one);
    assert_string_equal(one->recent, "ssssssssssssssssssssssuu");
    assert_int_equal(one->first_ns, NOW);
    assert_int_equal(one->last_ns, NOW + 29);
    assert_int_equal(again.n, 2);
    free(text);
    reputations_done(&history);
    reputations_done(&again);
}

static void
a_claimed_id_does_not_touch_the_nodes_own_history(void **state)
{
    struct world *world = *state;
    char          own[REPUTATION_KEY_MAX];
    char          liar[REPUTATION_KEY_MAX];

    same_id(world, 0, 1);
    (void)reputation_key(&world->rows[0], own, sizeof(own));
    assert_string_not_equal(own, reputation_key(&world->rows[1], liar, sizeof(liar)));
    world->probes[0].id_from = PROBE_ID_LIST;
    assert_string_equal(reputation_key(&world->rows[0], own, sizeof(own)), "http://h0:8000");
}

static void
those_not_seen_for_longest_are_forgotten(void **state)
{
    struct world      *world = *state;
    struct reputations history = {.at = calloc(REPUTATIONS_MAX, sizeof(*history.at)), .n = REPUTATIONS_MAX};

    assert_non_null(history.at);
    for (size_t i = 0; i < REPUTATIONS_MAX; i++) {
        (void)snprintf(history.at[i].key, sizeof(history.at[i].key), "key%05zu", i);
        history.at[i].last_ns = NOW + (int64_t)i;
    }
    assert_int_equal(reputations_note(&history, world->rows, 1, NOW + 2 * REPUTATIONS_MAX), 0);
    assert_int_equal(history.n, REPUTATIONS_MAX);
    assert_null(reputation_find(&history, "key00000"));
    assert_non_null(reputation_find(&history, "key00001"));
    reputations_done(&history);
}

static void
a_document_that_is_none_is_told(void **state)
{
    static const char *const bad[] = {"", "[]", "{}", "{\"nodes\":7}"};
    struct reputations       history;
    char                     why[200];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        why[0] = '\0';
        assert_int_equal(reputations_parse(&history, bad[i], strlen(bad[i]), why, sizeof(why)), -1);
        assert_non_null(strstr(why, "anew"));
        assert_int_equal(history.n, 0);
        reputations_done(&history);
    }
}

static void
nodes_of_a_document_that_are_none_are_passed_over(void **state)
{
    static const char  text[] = "{\"nodes\":[7,{},{\"key\":\"\",\"first_ns\":1,\"last_ns\":1,\"recent\":\"\"},"
                                "{\"key\":\"a\",\"first_ns\":1,\"last_ns\":1,\"recent\":\"hx\"},"
                                "{\"key\":\"b\",\"first_ns\":1,\"last_ns\":1,\"recent\":\"hhhhhhhhhhhhhhhhhhhhhhhhh\"},"
                                "{\"key\":\"c\",\"first_ns\":1,\"last_ns\":1,\"recent\":\"h\"},"
                                "{\"key\":\"c\",\"first_ns\":1,\"last_ns\":2,\"recent\":\"s\"}]}";
    struct reputations history;
    char               why[200];

    (void)state;
    assert_int_equal(reputations_parse(&history, text, sizeof(text) - 1, why, sizeof(why)), 0);
    assert_int_equal(history.n, 1);
    assert_string_equal(reputation_find(&history, "c")->recent, "s");
    reputations_done(&history);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lag_up_to_the_limit_is_healthy),
        TEST(a_height_that_nobody_confirms_is_sick),
        TEST(the_age_of_the_newest_block_counts),
        TEST(numbers_that_no_node_can_mean_are_sick),
        TEST(what_could_not_be_asked_is_unclear),
        TEST(without_a_known_chain_nobody_is_sick_or_healthy),
        TEST(where_no_chain_is_named_none_is_wrong),
        TEST(a_proof_outdoes_a_claim),
        TEST(a_trusted_list_outdoes_a_strangers_word),
        TEST(claims_that_nobody_backs_are_not_joined),
        TEST(an_entry_with_a_wrong_id_stays_a_row_of_its_own),
        TEST(rows_without_an_id_are_not_one_node),
        TEST(the_faster_one_is_first),
        TEST(healthy_ones_come_before_unclear_ones_before_sick_ones),
        TEST(a_good_reputation_outdoes_a_few_milliseconds),
        TEST(those_of_one_network_step_back),
        TEST(networks_are_told),
        TEST(a_score_tells_how_often_and_how_lately),
        TEST(verdicts_are_noted_kept_and_read_again),
        TEST(a_claimed_id_does_not_touch_the_nodes_own_history),
        TEST(those_not_seen_for_longest_are_forgotten),
        TEST(a_document_that_is_none_is_told),
        TEST(nodes_of_a_document_that_are_none_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

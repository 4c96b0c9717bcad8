/* What a node posts in a rehearsal, against what it was asked for. */
#include "plugins/poc-worker/rehearse_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Node 1 of 3, every nonce below the target. */
static const struct rehearse_want want = {
    .block_hash = "AB12", .block_height = 7, .public_key = "02ff", .node_id = 1, .node_count = 3, .r_target = 10};

static char why[REHEARSE_WHY];

static enum rehearse_finding
check(const struct rehearse_want *wanted, const char *body, struct rehearse_got *got)
{
    why[0] = 0;
    return rehearse_check_body(wanted, body, strlen(body), got, why, sizeof(why));
}

/* A right batch with these two members in place of the right ones. */
static enum rehearse_finding
check_numbers(const char *nonces, const char *dist, struct rehearse_got *got)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"public_key\":\"02ff\",\"block_hash\":\"AB12\",\"block_height\":7,\"nonces\":[%s],\"dist\":[%s],"
                   "\"node_id\":1}",
                   nonces, dist);
    return check(&want, body, got);
}

/* A right batch, but for its names. */
static void
assert_named(const char *key, const char *hash, int height, int node, enum rehearse_finding expected, const char *words)
{
    struct rehearse_got got = {0};
    char                body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"public_key\":\"%s\",\"block_hash\":\"%s\",\"block_height\":%d,\"nonces\":[1],\"dist\":[1.4],"
                   "\"node_id\":%d}",
                   key, hash, height, node);
    assert_int_equal(check(&want, body, &got), expected);
    assert_non_null(strstr(why, words));
    assert_int_equal(got.n, 0);
    rehearse_got_done(&got);
}

static void
right_batches_are_kept_in_the_order_of_their_coming(void **state)
{
    struct rehearse_got got = {0};

    (void)state;
    assert_int_equal(check_numbers("7,1", "1.1,1.2", &got), REHEARSE_WELL);
    assert_int_equal(check_numbers("4", "1.3", &got), REHEARSE_WELL);
    assert_int_equal(got.n, 3);
    assert_int_equal(got.batches, 2);
    assert_int_equal(got.highest, 2); /* 1, 4, 7 */
    assert_int_equal(got.nonces[0], 7);
    assert_true(got.dist[2] == 1.3);
    rehearse_got_done(&got);
}

static void
an_empty_batch_counts_for_nothing(void **state)
{
    struct rehearse_got got = {0};

    (void)state;
    assert_int_equal(check_numbers("", "", &got), REHEARSE_WELL);
    assert_int_equal(got.batches, 0);
    rehearse_got_done(&got);
}

static void
what_is_no_batch_is_rubbish(void **state)
{
    static const char *const bodies[] = {"", "<html>", "[]", "{}", "{\"public_key\":\"02ff\"}", "{\"nonces\":[1]} x"};
    struct rehearse_got      got = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        assert_int_equal(check(&want, bodies[i], &got), REHEARSE_RUBBISH);
    assert_int_equal(check_numbers("1,4", "1.4", &got), REHEARSE_RUBBISH); /* a distance is missing */
    assert_int_equal(check_numbers("-2", "1.4", &got), REHEARSE_RUBBISH);
    assert_int_equal(got.n, 0);
    rehearse_got_done(&got);
}

static void
a_batch_of_another_request_is_named(void **state)
{
    (void)state;
    assert_named("03ee", "AB12", 7, 1, REHEARSE_WRONG_KEY, "'03ee'");
    assert_named("02ff", "CD34", 7, 1, REHEARSE_WRONG_BLOCK, "'CD34'");
    assert_named("02ff", "AB12", 8, 1, REHEARSE_WRONG_BLOCK, "height 8");
    assert_named("02ff", "AB12", 7, 2, REHEARSE_WRONG_SEQUENCE, "node_id 2");
}

static void
a_nonce_of_another_node_is_named(void **state)
{
    struct rehearse_got got = {0};

    (void)state;
    assert_int_equal(check_numbers("4,5", "1.4,1.4", &got), REHEARSE_WRONG_SEQUENCE);
    assert_non_null(strstr(why, "nonce 5 is none of this node's: node 1 of 3 computes 1, 4, 7"));
    assert_int_equal(check_numbers("0", "1.4", &got), REHEARSE_WRONG_SEQUENCE); /* below its first */
    rehearse_got_done(&got);
}

static void
the_last_of_all_nonces_is_one_like_any_other(void **state)
{
    struct rehearse_got got = {0};

    (void)state;
    assert_int_equal(check_numbers("9223372036854775807", "1.4", &got), REHEARSE_WELL); /* 1 + 3 * ... */
    assert_true(got.highest == (INT64_MAX - 1) / 3);
    rehearse_got_done(&got);
}

static void
a_nonce_that_comes_twice_is_named(void **state)
{
    struct rehearse_got got = {0};

    (void)state;
    assert_int_equal(check_numbers("1,4,7", "1.4,1.4,1.4", &got), REHEARSE_WELL);
    assert_int_equal(check_numbers("10,4", "1.4,1.4", &got), REHEARSE_WRONG_SEQUENCE);
    assert_non_null(strstr(why, "nonce 4 came twice"));
    rehearse_got_done(&got);
}

static void
distances_are_below_the_target_and_possible(void **state)
{
    struct rehearse_want strict = want;
    struct rehearse_got  got = {0};

    (void)state;
    strict.r_target = 1.4;
    assert_int_equal(check_numbers("1", "2.1", &got), REHEARSE_WRONG_DISTANCE);
    assert_int_equal(check_numbers("1", "-0.1", &got), REHEARSE_WRONG_DISTANCE);
    assert_int_equal(check(&strict,
                           "{\"public_key\":\"02ff\",\"block_hash\":\"AB12\",\"block_height\":7,\"nonces\":[1,4],"
                           "\"dist\":[1.39,1.4],\"node_id\":1}",
                           &got),
                     REHEARSE_OVER_TARGET);
    assert_non_null(strstr(why, "nonce 4"));
    rehearse_got_done(&got);
}

/* 16 nonces of node 1 of 3, `step` places of its sequence apart. */
static enum rehearse_finding
gaps_of(int step, double r_target)
{
    struct rehearse_want  wanted = want;
    struct rehearse_got   got = {0};
    char                  nonce[32];
    enum rehearse_finding finding;

    wanted.r_target = r_target;
    for (int i = 0; i < 16; i++) {
        (void)snprintf(nonce, sizeof(nonce), "%d", 1 + 3 * i * step);
        assert_int_equal(check_numbers(nonce, "1.3", &got), REHEARSE_WELL);
    }
    finding = rehearse_check_gaps(&wanted, &got, why, sizeof(why));
    rehearse_got_done(&got);
    return finding;
}

static void
nonces_left_out_are_found_where_all_are_sent(void **state)
{
    (void)state;
    assert_int_equal(gaps_of(1, 10), REHEARSE_WELL);
    assert_int_equal(gaps_of(8, 10), REHEARSE_WELL); /* eight device groups, of which seven are slow */
    assert_int_equal(gaps_of(100, 10), REHEARSE_WRONG_SEQUENCE);
    assert_int_equal(gaps_of(100, 1.4), REHEARSE_WELL); /* the others were over the target */
}

static void
a_sample_is_spread_over_all_and_has_none_twice(void **state)
{
    struct rehearse_got got = {0};
    int64_t             nonces[5];
    double              dist[5];

    (void)state;
    assert_int_equal(check_numbers("1,4,7,10,13,16,19", "1,1.1,1.2,1.3,1.4,1.5,1.6", &got), REHEARSE_WELL);
    for (uint64_t start = 0; start < 12; start++) {
        assert_int_equal(rehearse_sample(&got, 3, start, nonces, dist), 3);
        assert_true(nonces[0] <= 4 && nonces[1] > 4 && nonces[1] <= 10 && nonces[2] > 10);
        assert_true(dist[1] == got.dist[(nonces[1] - 1) / 3]);
    }
    rehearse_got_done(&got);
    assert_int_equal(check_numbers("1,4", "1,1.1", &got), REHEARSE_WELL);
    assert_int_equal(rehearse_sample(&got, 5, UINT64_MAX, nonces, dist), 2);
    assert_int_equal(nonces[1], 4);
    rehearse_got_done(&got);
}

static void
distances_agree_within_roundings_only(void **state)
{
    const int64_t nonces[] = {1, 4, 7};
    const double  claimed[] = {1.4, 1.3, 1.2};
    const double  near[] = {1.40001, 1.3, 1.2};
    const double  far[] = {1.4, 1.3, 1.201};
    double        largest;
    size_t        disagree;

    (void)state;
    assert_int_equal(rehearse_check_distances(nonces, claimed, near, 3, &largest, &disagree, why, sizeof(why)),
                     REHEARSE_WELL);
    assert_true(largest > 0.9e-5 && largest < 1.1e-5);
    assert_int_equal(rehearse_check_distances(nonces, claimed, far, 3, &largest, &disagree, why, sizeof(why)),
                     REHEARSE_WRONG_DISTANCE);
    assert_int_equal(disagree, 1);
    assert_non_null(strstr(why, "nonce 7 has 1.2 by the node, 1.201 by our computation"));
}

static void
every_finding_has_a_name_of_its_own_and_something_to_look_at(void **state)
{
    (void)state;
    for (int i = 0; i < REHEARSE_FINDINGS; i++) {
        assert_non_null(rehearse_finding_name((enum rehearse_finding)i));
        assert_non_null(rehearse_finding_advice((enum rehearse_finding)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(rehearse_finding_name((enum rehearse_finding)i),
                                    rehearse_finding_name((enum rehearse_finding)j));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_batches_are_kept_in_the_order_of_their_coming),
        cmocka_unit_test(an_empty_batch_counts_for_nothing),
        cmocka_unit_test(what_is_no_batch_is_rubbish),
        cmocka_unit_test(a_batch_of_another_request_is_named),
        cmocka_unit_test(a_nonce_of_another_node_is_named),
        cmocka_unit_test(the_last_of_all_nonces_is_one_like_any_other),
        cmocka_unit_test(a_nonce_that_comes_twice_is_named),
        cmocka_unit_test(distances_are_below_the_target_and_possible),
        cmocka_unit_test(nonces_left_out_are_found_where_all_are_sent),
        cmocka_unit_test(a_sample_is_spread_over_all_and_has_none_twice),
        cmocka_unit_test(distances_agree_within_roundings_only),
        cmocka_unit_test(every_finding_has_a_name_of_its_own_and_something_to_look_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

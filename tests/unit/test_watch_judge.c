/* Whose fault it is when there are no blocks. */
#include "plugins/chain-watch/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static struct ga_chain_quorum quorum;

static enum cw_state
judge(enum ga_chain_known known, size_t n, enum ga_chain_why own, int answered)
{
    struct cw_seen ret = {0};

    memset(&quorum, 0, sizeof(quorum));
    quorum.known = known;
    quorum.height = known == GA_CHAIN_UNKNOWN ? 0 : 100;
    quorum.n = n;
    quorum.looks[0].answered = answered;
    quorum.looks[0].verdict.why = own;
    (void)snprintf(quorum.looks[0].verdict.text, sizeof(quorum.looks[0].verdict.text), "node: why it does not count");
    quorum.looks[0].status.height = 100;
    (void)snprintf(quorum.text, sizeof(quorum.text), "what the sources say");
    cw_judge(&quorum, 1, 5, &ret);
    assert_true(ret.text[0]);
    return ret.state;
}

static void
a_halted_chain_is_told_apart_from_a_sick_node(void **state)
{
    (void)state;
    assert_int_equal(judge(GA_CHAIN_HALTED, 3, GA_CHAIN_STALE, 1), CW_HALTED);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_STALE, 1), CW_BEHIND);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_WRONG_CHAIN, 1), CW_BEHIND);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_CATCHING_UP, 1), CW_CATCHING_UP);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_TIMEOUT, 0), CW_DOWN);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_OK, 1), CW_FOLLOWING);
}

static void
without_others_little_is_known(void **state)
{
    (void)state;
    assert_int_equal(judge(GA_CHAIN_UNKNOWN, 1, GA_CHAIN_STALE, 1), CW_STANDS_ALONE);
    assert_int_equal(judge(GA_CHAIN_UNKNOWN, 3, GA_CHAIN_STALE, 1), CW_UNKNOWN);
    assert_int_equal(judge(GA_CHAIN_UNKNOWN, 1, GA_CHAIN_CATCHING_UP, 1), CW_CATCHING_UP);
    assert_int_equal(judge(GA_CHAIN_UNKNOWN, 1, GA_CHAIN_UNREACHABLE, 0), CW_UNKNOWN);
    assert_int_equal(judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_AHEAD, 1), CW_UNKNOWN);
}

static void
a_node_that_stands_alone_is_told_with_its_height(void **state)
{
    struct cw_seen ret = {0};

    (void)state;
    (void)judge(GA_CHAIN_UNKNOWN, 1, GA_CHAIN_STALE, 1);
    quorum.looks[0].status.block_time_ns = 77;
    cw_judge(&quorum, 1, 5, &ret);
    assert_int_equal(ret.height, 100);
    assert_int_equal(ret.block_time_ns, 77);
}

static void
a_node_of_another_chain_is_named_as_such(void **state)
{
    struct cw_seen ret = {0};

    (void)state;
    (void)judge(GA_CHAIN_KNOWN, 3, GA_CHAIN_WRONG_CHAIN, 1);
    (void)snprintf(quorum.looks[0].verdict.text, sizeof(quorum.looks[0].verdict.text), "node: is on the chain x");
    cw_judge(&quorum, 1, 5, &ret);
    assert_string_equal(ret.text, "node: is on the chain x");
}

/* --- looks one after another ---------------------------------------------------------------------------------------
 */

static struct cw_watched watched;
static struct cw_seen    seen;

static enum cw_state
watch(int64_t clock_s, enum cw_state found, int64_t height)
{
    seen = (struct cw_seen){.now_ns = 5000 * SECOND, .block_time_ns = 1000 * SECOND, .state = found, .height = height};
    cw_watch(&watched, clock_s * SECOND, 30 * SECOND, 1, &seen);
    return seen.state;
}

static void
a_chain_stands_only_when_no_block_came_while_it_was_watched(void **state)
{
    (void)state;
    watched = (struct cw_watched){0};
    assert_int_equal(watch(1000, CW_HALTED, 100), CW_UNKNOWN);
    assert_non_null(strstr(seen.text, "it is watched for 30 s"));
    assert_int_equal(watch(1029, CW_HALTED, 100), CW_UNKNOWN);
    assert_int_equal(watch(1030, CW_HALTED, 100), CW_HALTED);
    assert_int_equal(watch(1031, CW_FOLLOWING, 101), CW_FOLLOWING);
    assert_int_equal(watch(1061, CW_HALTED, 101), CW_HALTED); /* it was seen to stand all the time */
}

static void
a_clock_that_is_wrong_is_no_standstill(void **state)
{
    (void)state;
    watched = (struct cw_watched){0};
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(watch(1000 + 5 * i, i % 2 ? CW_HALTED : CW_STANDS_ALONE, 100 + i), CW_UNKNOWN);
    assert_non_null(strstr(seen.text, "is the clock right?"));
    assert_non_null(strstr(seen.text, "1 h 6 min ago"));
    assert_int_equal(watch(1501, CW_FOLLOWING, 201), CW_FOLLOWING);
    assert_int_equal(watched.moved, 0);
}

static void
looks_that_find_the_same_are_counted(void **state)
{
    (void)state;
    watched = (struct cw_watched){0};
    (void)watch(1, CW_DOWN, 100);
    assert_int_equal(seen.looks, 1);
    (void)watch(2, CW_DOWN, 101);
    assert_int_equal(seen.looks, 2);
    (void)watch(3, CW_BEHIND, 102);
    assert_int_equal(seen.looks, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_halted_chain_is_told_apart_from_a_sick_node),
        cmocka_unit_test(without_others_little_is_known),
        cmocka_unit_test(a_node_that_stands_alone_is_told_with_its_height),
        cmocka_unit_test(a_node_of_another_chain_is_named_as_such),
        cmocka_unit_test(a_chain_stands_only_when_no_block_came_while_it_was_watched),
        cmocka_unit_test(a_clock_that_is_wrong_is_no_standstill),
        cmocka_unit_test(looks_that_find_the_same_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

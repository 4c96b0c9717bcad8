/* Topics, patterns, and the queue that events wait in. */
#include "agent/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
a_pattern_without_wildcards_matches_its_topic_only(void **state)
{
    (void)state;
    assert_true(topic_matches("disk.low", "disk.low"));
    assert_false(topic_matches("disk.low", "disk.lower"));
    assert_false(topic_matches("disk.low", "disk"));
    assert_false(topic_matches("disk", "disk.low"));
}

static void
a_star_stands_for_exactly_one_word(void **state)
{
    (void)state;
    assert_true(topic_matches("nats.stream.*", "nats.stream.created"));
    assert_true(topic_matches("*.stream.created", "nats.stream.created"));
    assert_true(topic_matches("nats.*.created", "nats.stream.created"));
    assert_false(topic_matches("nats.stream.*", "nats.stream"));
    assert_false(topic_matches("nats.*", "nats.stream.created"));
}

static void
a_final_angle_stands_for_one_word_or_more(void **state)
{
    (void)state;
    assert_true(topic_matches(">", "disk"));
    assert_true(topic_matches("nats.>", "nats.stream.created"));
    assert_false(topic_matches("nats.>", "nats"));
    assert_false(topic_matches("nats.>", "natsy.stream"));
}

static void
only_dotted_lower_case_words_are_topics(void **state)
{
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "A.b", "a b", "a.*", "a.>", "a\n"};

    (void)state;
    assert_true(topic_valid("chain.upgrade.scheduled"));
    assert_true(topic_valid("poc_v2.gpu-0.hot"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(topic_valid(bad[i]));
}

static void
an_angle_that_is_not_last_is_no_pattern(void **state)
{
    (void)state;
    assert_true(topic_pattern_valid(">"));
    assert_true(topic_pattern_valid("*.low"));
    assert_true(topic_pattern_valid("a.>"));
    assert_false(topic_pattern_valid(">.a"));
    assert_false(topic_pattern_valid("a*"));
    assert_false(topic_pattern_valid(""));
}

static struct event *
numbered(unsigned i)
{
    return event_new("test.count", "agent", "{}", i);
}

static void
a_queue_gives_events_in_their_order(void **state)
{
    struct event_queue queue = {.count = 0};

    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        struct event *event = numbered(i);

        event_queue_push(&queue, event);
        event_unref(event);
    }
    for (unsigned i = 1; i <= 3; i++) {
        struct event *event = event_queue_pop(&queue);

        assert_int_equal(event->sequence, i);
        event_unref(event);
    }
    assert_null(event_queue_pop(&queue));
}

static void
a_full_queue_drops_the_oldest_and_counts_it(void **state)
{
    struct event_queue queue = {.count = 0};
    struct event      *event;

    (void)state;
    for (unsigned i = 1; i <= BUS_QUEUE_MAX + 5; i++) {
        event = numbered(i);
        event_queue_push(&queue, event);
        event_unref(event);
    }
    assert_int_equal(queue.count, BUS_QUEUE_MAX);
    assert_int_equal(queue.dropped, 5);
    event = event_queue_pop(&queue);
    assert_int_equal(event->sequence, 6);
    event_unref(event);
    event_queue_clear(&queue);
    assert_int_equal(queue.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_without_wildcards_matches_its_topic_only),
        cmocka_unit_test(a_star_stands_for_exactly_one_word),
        cmocka_unit_test(a_final_angle_stands_for_one_word_or_more),
        cmocka_unit_test(only_dotted_lower_case_words_are_topics),
        cmocka_unit_test(an_angle_that_is_not_last_is_no_pattern),
        cmocka_unit_test(a_queue_gives_events_in_their_order),
        cmocka_unit_test(a_full_queue_drops_the_oldest_and_counts_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

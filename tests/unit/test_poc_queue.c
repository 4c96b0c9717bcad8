/* The queue of batches: what goes in, what is due, what became of it. */
#include "tests/unit/poc_queue_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
expect_none(struct poc_queue *queue, int64_t now_ms)
{
    struct poc_letter batch;

    assert_int_equal(poc_queue_peek_next(queue, now_ms, &batch, queue_err, sizeof(queue_err)), 0);
    assert_null(batch.body);
}

static void
fail_batch(struct poc_queue *queue, int64_t id, int64_t not_before_ms, int64_t hold_receiver_ms)
{
    struct poc_failure failure = {
        .not_before_ms = not_before_ms, .hold_receiver_ms = hold_receiver_ms, .why = "it did not answer"};

    assert_int_equal(poc_queue_failed(queue, id, &failure, queue_err, sizeof(queue_err)), 0);
}

/* --- what goes in comes out ------------------------------------------------------------------------------------------
 */

static void
test_batch_comes_out_as_it_went_in(void **state)
{
    struct poc_queue *queue = open_queue();
    struct poc_letter in = batch_of("http://a", 9007199254740993, "{\"dist\":[1.3978]}");
    struct poc_letter out;

    (void)state;
    in.kind = POC_LETTER_VALIDATED;
    assert_int_equal(poc_queue_put(queue, &in, queue_err, sizeof(queue_err)), 0);
    poc_queue_close(queue);
    queue = open_queue();
    assert_int_equal(poc_queue_peek_next(queue, 0, &out, queue_err, sizeof(queue_err)), 1);
    assert_int_equal(out.kind, POC_LETTER_VALIDATED);
    assert_string_equal(out.url, "http://a");
    assert_string_equal(out.block_hash, "8F2DB4C5");
    assert_int_equal(out.block_height, 9007199254740993);
    assert_string_equal(out.public_key, "02a1b290");
    assert_int_equal(out.node_id, 3);
    assert_string_equal(out.body, "{\"dist\":[1.3978]}");
    assert_int_equal(out.created_ms, 1700000000123);
    assert_int_equal(out.attempts, 0);
    assert_int_equal(out.receiver_failures, 0);
    poc_letter_done(&out);
    poc_queue_close(queue);
}

static void
test_oldest_comes_first(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "1");
    put(queue, "http://b", 1, "2");
    put(queue, "http://a", 1, "3");
    take_out(queue, expect_next(queue, 0, "1"));
    take_out(queue, expect_next(queue, 0, "2"));
    take_out(queue, expect_next(queue, 0, "3"));
    expect_none(queue, INT64_MAX);
    poc_queue_close(queue);
}

static void
test_depth_counts_batches_and_bytes_of_bodies(void **state)
{
    struct poc_queue      *queue = open_queue();
    struct poc_queue_depth ret;

    (void)state;
    put(queue, "http://a", 1, "{}");
    put(queue, "http://a", 1, "\"\xc3\xa4\""); /* four bytes, three characters */
    fail_batch(queue, expect_next(queue, 0, "{}"), 1, 0);
    assert_int_equal(poc_queue_depth(queue, &ret, queue_err, sizeof(queue_err)), 0);
    assert_int_equal(ret.batches, 2);
    assert_int_equal(ret.bytes, 6);
    assert_int_equal(ret.refused, 1);
    poc_queue_close(queue);
}

static void
test_sent_batch_does_not_come_back_after_a_restart(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "1");
    put(queue, "http://a", 1, "2");
    take_out(queue, expect_next(queue, 0, "1"));
    poc_queue_close(queue);
    queue = open_queue();
    (void)expect_next(queue, 0, "2");
    assert_int_equal(depth(queue), 1);
    poc_queue_close(queue);
}

static void
test_ids_are_never_given_twice(void **state)
{
    struct poc_queue *queue = open_queue();
    int64_t           first;

    (void)state;
    put(queue, "http://a", 1, "1");
    first = expect_next(queue, 0, "1");
    take_out(queue, first);
    put(queue, "http://a", 1, "2");
    take_out(queue, first); /* late: it must not hit the new one */
    assert_true(expect_next(queue, 0, "2") > first);
    poc_queue_close(queue);
}

static void
test_expiry_takes_old_stages_of_one_kind_only(void **state)
{
    struct poc_queue *queue = open_queue();
    struct poc_letter validated = batch_of("http://a", 10, "validated at 10");

    (void)state;
    validated.kind = POC_LETTER_VALIDATED;
    put(queue, "http://a", 10, "at 10");
    put(queue, "http://a", 19, "at 19");
    put(queue, "http://a", 20, "at 20");
    assert_int_equal(poc_queue_put(queue, &validated, queue_err, sizeof(queue_err)), 0);
    assert_int_equal(poc_queue_expire_below(queue, 20, POC_LETTER_GENERATED, queue_err, sizeof(queue_err)), 2);
    assert_int_equal(poc_queue_expire_below(queue, 20, POC_LETTER_GENERATED, queue_err, sizeof(queue_err)), 0);
    take_out(queue, expect_next(queue, 0, "at 20"));
    take_out(queue, expect_next(queue, 0, "validated at 10"));
    poc_queue_close(queue);
}

/* --- attempts --------------------------------------------------------------------------------------------------------
 */

static void
test_refused_batch_waits_and_others_of_its_url_do_not(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "1");
    put(queue, "http://a", 1, "2");
    fail_batch(queue, expect_next(queue, 0, "1"), 1000, 0);
    take_out(queue, expect_next(queue, 0, "2"));
    expect_none(queue, 999);
    (void)expect_next(queue, 1000, "1");
    poc_queue_close(queue);
}

/* A receiver answers 500 to a batch that it will never take, and is held up for longer and longer. */
static void
test_batch_that_always_fails_lets_others_of_its_url_pass(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "bad");
    put(queue, "http://a", 1, "good");
    fail_batch(queue, expect_next(queue, 0, "bad"), 100, 100);
    expect_none(queue, 99);
    take_out(queue, expect_next(queue, 100, "good"));
    (void)expect_next(queue, 100, "bad");
    poc_queue_close(queue);
}

static void
test_url_that_fails_waits_and_others_do_not(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "a1");
    put(queue, "http://a", 1, "a2");
    put(queue, "http://b", 1, "b1");
    fail_batch(queue, expect_next(queue, 0, "a1"), 2000, 1000);
    take_out(queue, expect_next(queue, 0, "b1"));
    expect_none(queue, 999);
    (void)expect_next(queue, 1000, "a2"); /* the batch that failed waits longer than its url */
    (void)expect_next(queue, 2000, "a2"); /* and comes behind what was not tried yet */
    poc_queue_close(queue);
}

static void
test_url_that_fails_comes_after_those_that_do_not(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "a1");
    put(queue, "http://b", 1, "b1");
    fail_batch(queue, expect_next(queue, 0, "a1"), 1000, 1000);
    take_out(queue, expect_next(queue, 5000, "b1"));
    (void)expect_next(queue, 5000, "a1");
    poc_queue_close(queue);
}

static void
test_failures_are_counted_over_a_restart(void **state)
{
    struct poc_queue *queue = open_queue();
    struct poc_letter batch;

    (void)state;
    put(queue, "http://a", 1, "1");
    fail_batch(queue, expect_next(queue, 0, "1"), 1000, 1000);
    fail_batch(queue, expect_next(queue, 1000, "1"), 3000, 3000);
    poc_queue_close(queue);
    queue = open_queue();
    expect_none(queue, 2999);
    assert_int_equal(poc_queue_peek_next(queue, 3000, &batch, queue_err, sizeof(queue_err)), 1);
    assert_int_equal(batch.attempts, 2);
    assert_int_equal(batch.receiver_failures, 2);
    poc_letter_done(&batch);
    poc_queue_close(queue);
}

static void
test_acknowledgement_frees_what_waited_for_the_receiver(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "1");
    put(queue, "http://a", 1, "2");
    put(queue, "http://a", 1, "3");
    fail_batch(queue, expect_next(queue, 0, "1"), 9000, 0); /* refused: stays where it is */
    fail_batch(queue, expect_next(queue, 0, "2"), 9000, 1000);
    take_out(queue, expect_next(queue, 1000, "3"));
    take_out(queue, expect_next(queue, 1000, "2"));
    expect_none(queue, 8999);
    (void)expect_next(queue, 9000, "1");
    poc_queue_close(queue);
}

static void
test_what_became_of_a_batch_that_is_gone_is_no_error(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    fail_batch(queue, 7, 1000, 1000);
    take_out(queue, 7);
    assert_int_equal(depth(queue), 0);
    poc_queue_close(queue);
}

/* --- progress --------------------------------------------------------------------------------------------------------
 */

static void
test_progress_is_kept_by_key(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    expect_progress(queue, "next/1", NULL);
    assert_int_equal(poc_queue_put_progress(queue, "next/1", "41", queue_err, sizeof(queue_err)), 0);
    assert_int_equal(poc_queue_put_progress(queue, "next/1", "42", queue_err, sizeof(queue_err)), 0);
    assert_int_equal(poc_queue_put_progress(queue, "next/2", "7", queue_err, sizeof(queue_err)), 0);
    poc_queue_close(queue);
    queue = open_queue();
    expect_progress(queue, "next/1", "42");
    expect_progress(queue, "next/2", "7");
    poc_queue_close(queue);
}

static void
test_batch_is_not_kept_without_its_progress(void **state)
{
    struct poc_queue *queue = open_queue();
    struct poc_letter batch = batch_of("http://a", 1, "1");

    (void)state;
    assert_true(poc_queue_put_with_progress(queue, &batch, "next", NULL, queue_err, sizeof(queue_err)) < 0);
    assert_int_equal(depth(queue), 0);
    assert_int_equal(poc_queue_put_with_progress(queue, &batch, "next", "2", queue_err, sizeof(queue_err)), 0);
    assert_int_equal(depth(queue), 1);
    expect_progress(queue, "next", "2");
    poc_queue_close(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, queue_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_batch_comes_out_as_it_went_in),
        TEST(test_oldest_comes_first),
        TEST(test_depth_counts_batches_and_bytes_of_bodies),
        TEST(test_sent_batch_does_not_come_back_after_a_restart),
        TEST(test_ids_are_never_given_twice),
        TEST(test_expiry_takes_old_stages_of_one_kind_only),
        TEST(test_refused_batch_waits_and_others_of_its_url_do_not),
        TEST(test_batch_that_always_fails_lets_others_of_its_url_pass),
        TEST(test_url_that_fails_waits_and_others_do_not),
        TEST(test_url_that_fails_comes_after_those_that_do_not),
        TEST(test_failures_are_counted_over_a_restart),
        TEST(test_acknowledgement_frees_what_waited_for_the_receiver),
        TEST(test_what_became_of_a_batch_that_is_gone_is_no_error),
        TEST(test_progress_is_kept_by_key),
        TEST(test_batch_is_not_kept_without_its_progress),
    };

    return cmocka_run_group_tests_name("poc_queue", tests, NULL, NULL);
}

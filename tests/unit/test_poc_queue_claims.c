/* Batches that wait to be validated: kept until their result is, over kills, once each. */
#include "tests/unit/poc_queue_world.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CLAIMS 60
#define KILLS 6

/* 1: it is new. */
static int
put_claim(struct poc_queue *queue, const char *body)
{
    int64_t id = 0;
    int     r = poc_queue_put_claim(queue, body, 1700000000123, &id, queue_err, sizeof(queue_err));

    if (r < 0)
        fail_msg("%s", queue_err);
    assert_true(id > 0);
    return r;
}

/* The oldest is this one (NULL: there is none); its id. */
static int64_t
expect_claim(struct poc_queue *queue, const char *body)
{
    char   *text = NULL;
    int64_t id = 0;

    assert_int_equal(poc_queue_next_claim(queue, &id, &text, queue_err, sizeof(queue_err)), body ? 1 : 0);
    if (body)
        assert_string_equal(text, body);
    free(text);
    return id;
}

static int64_t
claims(struct poc_queue *queue)
{
    struct poc_queue_depth ret;

    assert_int_equal(poc_queue_depth(queue, &ret, queue_err, sizeof(queue_err)), 0);
    return ret.claims;
}

static int
settle(struct poc_queue *queue, int64_t id, const char *result)
{
    struct poc_letter letter = batch_of("http://a", 1, result);

    letter.kind = POC_LETTER_VALIDATED;
    return poc_queue_settle_claim(queue, id, result ? &letter : NULL, queue_err, sizeof(queue_err));
}

static int64_t
begin_model(struct poc_queue *queue, const char *model)
{
    int64_t dropped = poc_queue_begin_model(queue, model, queue_err, sizeof(queue_err));

    if (dropped < 0)
        fail_msg("%s", queue_err);
    return dropped;
}

static void
test_claims_come_out_oldest_first_after_a_restart(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    assert_int_equal(put_claim(queue, "first"), 1);
    assert_int_equal(put_claim(queue, "second"), 1);
    poc_queue_close(queue);
    queue = open_queue();
    assert_int_equal(settle(queue, expect_claim(queue, "first"), NULL), 0);
    assert_int_equal(settle(queue, expect_claim(queue, "second"), NULL), 0);
    (void)expect_claim(queue, NULL);
    assert_int_equal(depth(queue), 0);
    poc_queue_close(queue);
}

static void
test_claim_that_waits_is_not_kept_twice(void **state)
{
    struct poc_queue *queue = open_queue();
    int64_t           id = 0;

    (void)state;
    assert_int_equal(put_claim(queue, "same"), 1);
    assert_int_equal(put_claim(queue, "other"), 1);
    assert_int_equal(poc_queue_put_claim(queue, "same", 0, &id, queue_err, sizeof(queue_err)), 0);
    assert_int_equal(id, expect_claim(queue, "same"));
    assert_int_equal(claims(queue), 2);
    assert_int_equal(settle(queue, id, NULL), 0);
    assert_int_equal(put_claim(queue, "same"), 1); /* that one is done */
    poc_queue_close(queue);
}

static void
test_claim_goes_as_its_result_comes(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    (void)put_claim(queue, "claim");
    assert_int_equal(settle(queue, expect_claim(queue, "claim"), "result"), 0);
    assert_int_equal(claims(queue), 0);
    (void)expect_next(queue, 0, "result");
    poc_queue_close(queue);
}

static void
test_claim_stays_when_its_result_cannot_be_kept(void **state)
{
    struct poc_queue *queue = open_queue();
    struct poc_letter letter = batch_of(NULL, 1, "result"); /* the table takes no batch without a receiver */
    int64_t           id;

    (void)state;
    (void)put_claim(queue, "claim");
    id = expect_claim(queue, "claim");
    assert_true(poc_queue_settle_claim(queue, id, &letter, queue_err, sizeof(queue_err)) < 0);
    assert_int_equal(expect_claim(queue, "claim"), id);
    assert_int_equal(depth(queue), 0);
    poc_queue_close(queue);
}

static void
test_result_of_a_claim_that_is_gone_is_not_kept(void **state)
{
    struct poc_queue *queue = open_queue();
    int64_t           id;

    (void)state;
    (void)put_claim(queue, "claim");
    id = expect_claim(queue, "claim");
    assert_int_equal(poc_queue_drop_claims(queue, queue_err, sizeof(queue_err)), 1);
    assert_int_equal(settle(queue, id, "result"), 0);
    assert_int_equal(depth(queue), 0);
    poc_queue_close(queue);
}

static void
test_claims_of_another_model_go(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    assert_int_equal(begin_model(queue, "one"), 0);
    (void)put_claim(queue, "claim");
    put(queue, "http://a", 1, "batch");
    assert_int_equal(begin_model(queue, "one"), 0);
    (void)expect_claim(queue, "claim");
    assert_int_equal(begin_model(queue, "two"), 1);
    (void)expect_claim(queue, NULL);
    assert_int_equal(depth(queue), 1); /* what is to be sent has nothing to do with it */
    poc_queue_close(queue);
}

static void
sql(const char *text)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
test_no_more_claims_are_taken_than_there_may_be(void **state)
{
    struct poc_queue *queue = open_queue();
    int64_t           id = 0;

    (void)state;
    sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
        " INSERT INTO claims (created_ms, digest, body) SELECT 0, i, 'claim ' || i FROM n");
    assert_int_equal(claims(queue), POC_CLAIMS_MAX);
    assert_int_equal(poc_queue_put_claim(queue, "more", 0, &id, queue_err, sizeof(queue_err)), -ENOBUFS);
    assert_non_null(strstr(queue_err, "no more are taken"));
    assert_int_equal(claims(queue), POC_CLAIMS_MAX);
    poc_queue_close(queue);
}

/* What was there before claims were kept: batches that wait are still sent. */
static void
test_queue_of_the_first_version_gets_room_for_claims(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    put(queue, "http://a", 1, "batch");
    poc_queue_close(queue);
    sql("DROP TABLE claims; PRAGMA user_version = 1");
    queue = open_queue();
    (void)expect_next(queue, 0, "batch");
    assert_int_equal(put_claim(queue, "claim"), 1);
    poc_queue_close(queue);
}

/* --- kills -----------------------------------------------------------------------------------------------------------
 */

/* Child: settles claim after claim, each with its own text as the result, and tells each. Never returns. */
static void
settle_until_killed(int told)
{
    struct poc_queue *queue = NULL;
    char             *body = NULL;
    int64_t           id;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)) != 0)
        _exit(1);
    while (poc_queue_next_claim(queue, &id, &body, queue_err, sizeof(queue_err)) == 1) {
        if (settle(queue, id, body) != 0 || write(told, "x", 1) != 1)
            _exit(1);
        free(body);
    }
    (void)close(told);
    (void)pause();
    _exit(1);
}

/* Kills it after so many were told, in whatever it is at then. */
static void
kill_settler(int after)
{
    char  byte;
    int   ends[2];
    int   status = 0;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        settle_until_killed(ends[1]);
    (void)close(ends[1]);
    while (after-- > 0 && read(ends[0], &byte, 1) == 1)
        ;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* else it had an error of its own */
    (void)close(ends[0]);
}

static void
test_killed_validator_loses_and_doubles_nothing(void **state)
{
    struct poc_queue *queue = open_queue();
    char              body[32];

    (void)state;
    for (int i = 0; i < CLAIMS; i++) {
        (void)snprintf(body, sizeof(body), "%d", i);
        assert_int_equal(put_claim(queue, body), 1);
    }
    for (int i = 1; i <= KILLS; i++) {
        poc_queue_close(queue);
        kill_settler(i == KILLS ? CLAIMS : i);
        queue = open_queue();
        assert_int_equal(depth(queue) + claims(queue), CLAIMS);
    }
    for (int i = 0; i < CLAIMS; i++) {
        (void)snprintf(body, sizeof(body), "%d", i);
        take_out(queue, expect_next(queue, 0, body));
    }
    assert_int_equal(depth(queue) + claims(queue), 0);
    poc_queue_close(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, queue_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_claims_come_out_oldest_first_after_a_restart),
        TEST(test_claim_that_waits_is_not_kept_twice),
        TEST(test_claim_goes_as_its_result_comes),
        TEST(test_claim_stays_when_its_result_cannot_be_kept),
        TEST(test_result_of_a_claim_that_is_gone_is_not_kept),
        TEST(test_claims_of_another_model_go),
        TEST(test_no_more_claims_are_taken_than_there_may_be),
        TEST(test_queue_of_the_first_version_gets_room_for_claims),
        TEST(test_killed_validator_loses_and_doubles_nothing),
    };

    return cmocka_run_group_tests_name("poc_queue_claims", tests, NULL, NULL);
}

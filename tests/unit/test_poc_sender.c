/* The sender against a real HTTP server with prepared answers. */
#include "plugins/poc-worker/sender.h"
#include "tests/unit/poc_queue_world.h"
#include "tests/unit/scripted_http.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)
#define ANSWER_MS 300   /* where the server hangs */
#define SLACK_MS 20000  /* an attempt on a slow machine: waits count from its end */
#define REFUSED_MS 4000 /* the same at a refused port, which answers at once */

#define ANSWER(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

static struct poc_sender    sender;
static struct scripted_http server;
static struct scripted_http other;
static int                  refused = -1; /* the port of refused_url() */

static int
setup(void **state)
{
    server = (struct scripted_http){0};
    other = (struct scripted_http){0};
    if (queue_setup(state) < 0)
        return -1;
    sender = (struct poc_sender){.cancel_fd = -1};
    sender.queue = open_queue();
    return 0;
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int
teardown(void **state)
{
    limit_files(RLIM_INFINITY); /* when the test failed in between */
    scripted_http_stop(&server);
    scripted_http_stop(&other);
    if (refused >= 0)
        (void)close(refused);
    refused = -1;
    poc_queue_close(sender.queue);
    return queue_teardown(state);
}

static void
start(struct scripted_http *which, const char *first, const char *then)
{
    const char *answers[] = {first, then, NULL};

    scripted_http_start(which, answers);
}

static void
step_at(int64_t now_ms)
{
    assert_int_equal(poc_sender_step(&sender, now_ms), 0);
}

/* The server was asked this, in order. */
static void
expect_body(struct scripted_http *which, const char *body)
{
    char *request = scripted_http_request(which);

    assert_non_null(strstr(request, "\r\n\r\n"));
    assert_string_equal(strstr(request, "\r\n\r\n") + 4, body);
    free(request);
}

static void
expect_counts(uint64_t sent, uint64_t retries, uint64_t rejected)
{
    assert_int_equal(sender.sent, sent);
    assert_int_equal(sender.retries, retries);
    assert_int_equal(sender.rejected, rejected);
}

static void
expect_error(const char *words)
{
    if (!strstr(sender.last_error, words))
        fail_msg("\"%s\" does not say \"%s\"", sender.last_error, words);
}

/* --- acknowledged ----------------------------------------------------------------------------------------------------
 */

static void
test_acknowledged_batch_is_gone(void **state)
{
    (void)state;
    start(&server, SCRIPTED_OK, NULL);
    put(sender.queue, server.url, 1, "{\"nonces\":[1]}");
    put(sender.queue, server.url, 1, "{\"nonces\":[2]}");
    step_at(NOW);
    expect_body(&server, "{\"nonces\":[1]}");
    expect_body(&server, "{\"nonces\":[2]}");
    expect_counts(2, 0, 0);
    assert_int_equal(depth(sender.queue), 0);
    assert_string_equal(sender.last_error, "");
}

static void
expect_request_line(enum poc_letter_kind kind, const char *end, const char *line)
{
    struct poc_letter batch;
    char              url[96];
    char             *request;

    start(&server, SCRIPTED_OK, NULL);
    (void)snprintf(url, sizeof(url), "%s%s", server.url, end);
    batch = batch_of(url, 1, "{}");
    batch.kind = kind;
    assert_int_equal(poc_queue_put(sender.queue, &batch, queue_err, sizeof(queue_err)), 0);
    step_at(NOW);
    request = scripted_http_request(&server);
    assert_memory_equal(request, line, strlen(line));
    assert_non_null(strcasestr(request, "\r\nContent-Type: application/json\r\n"));
    free(request);
}

static void
test_generated_batch_is_posted_as_json_to_generated(void **state)
{
    (void)state;
    expect_request_line(POC_LETTER_GENERATED, "/v1", "POST /v1/generated HTTP/1.1\r\n");
}

static void
test_validated_batch_is_posted_to_validated(void **state)
{
    (void)state;
    expect_request_line(POC_LETTER_VALIDATED, "/v1", "POST /v1/validated HTTP/1.1\r\n");
}

static void
test_url_may_end_with_a_slash(void **state)
{
    (void)state;
    expect_request_line(POC_LETTER_GENERATED, "/v1/", "POST /v1/generated HTTP/1.1\r\n");
}

static void
test_acknowledged_batch_is_not_sent_again_after_a_restart(void **state)
{
    (void)state;
    start(&server, SCRIPTED_OK, NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_body(&server, "1");
    poc_queue_close(sender.queue);
    sender = (struct poc_sender){.queue = open_queue(), .cancel_fd = -1};
    step_at(NOW + POC_SENDER_WAIT_MAX_MS);
    scripted_http_expect_no_request(&server);
}

static void
test_any_2xx_acknowledges(void **state)
{
    (void)state;
    start(&server, ANSWER("204 No Content", ""), NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_counts(1, 0, 0);
}

/* The status is what counts, whatever comes after it. */
static void
test_2xx_with_an_endless_answer_acknowledges(void **state)
{
    static char answer[200000];

    (void)state;
    memset(answer, 'x', sizeof(answer) - 1);
    memcpy(answer, ANSWER("200 OK", ""), sizeof(ANSWER("200 OK", "")) - 1);
    start(&server, answer, NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_counts(1, 0, 0);
    assert_int_equal(depth(sender.queue), 0);
}

static void
test_acknowledged_batch_that_cannot_be_taken_out_is_not_sent_twice(void **state)
{
    void (*was)(int) = signal(SIGXFSZ, SIG_IGN);

    (void)state;
    start(&server, SCRIPTED_OK, NULL);
    put(sender.queue, server.url, 1, "1");
    limit_files(0);
    assert_int_equal(poc_sender_step(&sender, NOW), -ENOSPC);
    expect_error("free some space");
    assert_int_equal(poc_sender_step(&sender, NOW + POC_SENDER_WAIT_MAX_MS), -ENOSPC);
    limit_files(RLIM_INFINITY);
    (void)signal(SIGXFSZ, was);
    step_at(NOW + POC_SENDER_WAIT_MAX_MS);
    expect_body(&server, "1");
    scripted_http_expect_no_request(&server);
    expect_counts(1, 0, 0);
    assert_int_equal(depth(sender.queue), 0);
}

/* --- the receiver's fault --------------------------------------------------------------------------------------------
 */

/* A batch that was answered so is sent again after five seconds, and not before. */
static void
expect_retry_after(const char *answer, const char *words)
{
    start(&server, answer, SCRIPTED_OK);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_body(&server, "1");
    expect_counts(0, 1, 0);
    expect_error(words);
    step_at(NOW + POC_SENDER_WAIT_MS * 3 / 4 - 1);
    scripted_http_expect_no_request(&server);
    step_at(NOW + POC_SENDER_WAIT_MS + SLACK_MS);
    expect_body(&server, "1");
    expect_counts(1, 1, 0);
    assert_int_equal(depth(sender.queue), 0);
}

static void
test_500_is_tried_again(void **state)
{
    (void)state;
    expect_retry_after(ANSWER("500 Internal Server Error", "no database"), "status 500: no database");
}

static void
test_408_is_tried_again(void **state)
{
    (void)state;
    expect_retry_after(ANSWER("408 Request Timeout", ""), "status 408");
}

static void
test_429_is_tried_again(void **state)
{
    (void)state;
    expect_retry_after(ANSWER("429 Too Many Requests", "slowly"), "status 429: slowly");
}

static void
test_hanging_receiver_is_tried_again(void **state)
{
    (void)state;
    sender.answer_ms = ANSWER_MS;
    expect_retry_after(SCRIPTED_HANG, "did not answer in time");
}

static void
test_cut_connection_is_tried_again(void **state)
{
    (void)state;
    expect_retry_after("HTTP/1.1 ", "generated: ");
}

static void
test_refused_port_is_tried_again(void **state)
{
    char url[64];

    (void)state;
    refused = refused_url(url, sizeof(url));
    put(sender.queue, url, 1, "1");
    step_at(NOW);
    expect_counts(0, 1, 0);
    expect_error("is it running");
    assert_int_equal(depth(sender.queue), 1);
}

/* While this one fails, the batches of another go out in the same step. */
static void
expect_others_go_on(const char *dead_url)
{
    start(&other, SCRIPTED_OK, NULL);
    put(sender.queue, dead_url, 1, "dead 1");
    put(sender.queue, dead_url, 1, "dead 2");
    put(sender.queue, other.url, 1, "alive 1");
    put(sender.queue, other.url, 1, "alive 2");
    step_at(NOW);
    expect_body(&other, "alive 1");
    expect_body(&other, "alive 2");
    expect_counts(2, 1, 0); /* one attempt at the dead one, not one for each of its batches */
    assert_int_equal(depth(sender.queue), 2);
}

static void
test_hanging_receiver_does_not_hold_up_others(void **state)
{
    (void)state;
    sender.answer_ms = ANSWER_MS;
    start(&server, SCRIPTED_HANG, NULL);
    expect_others_go_on(server.url);
}

static void
test_refused_port_does_not_hold_up_others(void **state)
{
    char url[64];

    (void)state;
    refused = refused_url(url, sizeof(url));
    expect_others_go_on(url);
}

static void
test_receiver_that_is_back_gets_all_that_waits(void **state)
{
    (void)state;
    start(&server, ANSWER("503 Service Unavailable", ""), SCRIPTED_OK);
    put(sender.queue, server.url, 1, "1");
    put(sender.queue, server.url, 1, "2");
    step_at(NOW);
    expect_counts(0, 1, 0);
    step_at(NOW + POC_SENDER_WAIT_MS + SLACK_MS);
    expect_counts(2, 1, 0);
    expect_body(&server, "1");
    expect_body(&server, "2"); /* what was not tried yet comes first */
    expect_body(&server, "1");
}

/* Waits are drawn by chance: many of the longest are looked at. */
static void
test_wait_doubles_up_to_five_minutes(void **state)
{
    char    url[64];
    int64_t now_ms = NOW;
    int64_t wait_ms = POC_SENDER_WAIT_MS;

    (void)state;
    refused = refused_url(url, sizeof(url));
    put(sender.queue, url, 1, "1");
    for (uint64_t failed = 1; failed <= 30; failed++) {
        step_at(now_ms);
        expect_counts(0, failed, 0);
        step_at(now_ms + wait_ms * 3 / 4 - 1);
        expect_counts(0, failed, 0);
        now_ms += wait_ms + REFUSED_MS;
        wait_ms = wait_ms * 2 < POC_SENDER_WAIT_MAX_MS ? wait_ms * 2 : POC_SENDER_WAIT_MAX_MS;
    }
}

/* However long it is dead, a receiver is looked at every minute as long as there is a batch that may be tried. */
static void
test_receiver_is_left_alone_for_a_minute_at_most(void **state)
{
    char    url[64];
    int64_t now_ms = NOW;

    (void)state;
    refused = refused_url(url, sizeof(url));
    for (int i = 0; i < 8; i++)
        put(sender.queue, url, 1, "1");
    for (uint64_t i = 1; i <= 8; i++) {
        step_at(now_ms);
        expect_counts(0, i, 0);
        now_ms += POC_SENDER_HOLD_MAX_MS + SLACK_MS;
    }
}

/* --- the batch's fault -----------------------------------------------------------------------------------------------
 */

static void
test_400_is_rejected_and_tried_again_after_longer_and_longer_waits(void **state)
{
    (void)state;
    start(&server, ANSWER("400 Bad Request", "unknown public key"), ANSWER("404 Not Found", ""));
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_body(&server, "1");
    expect_counts(0, 0, 1);
    expect_error("/generated: rejected a batch with status 400: unknown public key");
    step_at(NOW + POC_SENDER_WAIT_MS * 3 / 4 - 1);
    scripted_http_expect_no_request(&server);
    step_at(NOW + POC_SENDER_WAIT_MS + SLACK_MS);
    expect_body(&server, "1");
    expect_counts(0, 0, 2);
    step_at(NOW + POC_SENDER_WAIT_MS + SLACK_MS + POC_SENDER_WAIT_MS * 2 * 3 / 4 - 1);
    scripted_http_expect_no_request(&server);
    step_at(NOW + POC_SENDER_WAIT_MS * 3 + SLACK_MS * 2);
    expect_body(&server, "1");
    expect_counts(0, 0, 3);
}

static void
test_rejected_batch_does_not_hold_up_others_of_its_url(void **state)
{
    (void)state;
    start(&server, ANSWER("400 Bad Request", ""), SCRIPTED_OK);
    put(sender.queue, server.url, 1, "1");
    put(sender.queue, server.url, 1, "2");
    step_at(NOW);
    expect_counts(1, 0, 1);
    assert_int_equal(expect_next(sender.queue, INT64_MAX, "1"), 1);
}

static void
test_rejected_batch_goes_with_its_stage(void **state)
{
    struct poc_queue_depth ret;

    (void)state;
    start(&server, ANSWER("400 Bad Request", ""), NULL);
    put(sender.queue, server.url, 10, "1");
    step_at(NOW);
    assert_int_equal(poc_queue_depth(sender.queue, &ret, queue_err, sizeof(queue_err)), 0);
    assert_int_equal(ret.refused, 1);
    assert_int_equal(poc_queue_expire_below(sender.queue, 11, POC_LETTER_GENERATED, queue_err, sizeof(queue_err)), 1);
    assert_int_equal(depth(sender.queue), 0);
}

static void
test_redirect_is_rejected_and_not_followed(void **state)
{
    char answer[256];

    (void)state;
    start(&other, SCRIPTED_OK, NULL);
    (void)snprintf(answer, sizeof(answer), "HTTP/1.1 302 Found\r\nLocation: %s/\r\nConnection: close\r\n\r\n",
                   other.url);
    start(&server, answer, NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_counts(0, 0, 1);
    expect_error("status 302");
    scripted_http_expect_no_request(&other);
}

static void
test_url_that_is_none_is_rejected(void **state)
{
    (void)state;
    put(sender.queue, "ftp://127.0.0.1", 1, "1");
    step_at(NOW);
    expect_counts(0, 0, 1);
    expect_error("check the URL");
}

static void
test_first_words_are_one_clean_line(void **state)
{
    (void)state;
    start(&server, ANSWER("422 Unprocessable", "\n bad\r\n\x01\xff  nonces \xc3\xa4\x1b[31m\n"), NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_error("status 422: bad nonces \xc3\xa4 [31m");
    assert_string_equal(strstr(sender.last_error, "[31m"), "[31m");
}

static void
test_only_the_first_words_of_a_long_answer_are_kept(void **state)
{
    static char answer[200000];

    (void)state;
    memset(answer, 'x', sizeof(answer) - 1);
    memcpy(answer, ANSWER("400 Bad Request", "too long "), sizeof(ANSWER("400 Bad Request", "too long ")) - 1);
    start(&server, answer, NULL);
    put(sender.queue, server.url, 1, "1");
    step_at(NOW);
    expect_counts(0, 0, 1);
    expect_error("status 400: too long xxx");
    assert_true(strlen(sender.last_error) < 400);
}

static void
test_password_in_a_url_is_not_shown(void **state)
{
    char url[96];

    (void)state;
    start(&server, ANSWER("400 Bad Request", "no"), NULL);
    (void)snprintf(url, sizeof(url), "http://user:secret@127.0.0.1:%d", server.port);
    put(sender.queue, url, 1, "1");
    step_at(NOW);
    expect_error("status 400");
    assert_null(strstr(sender.last_error, "secret"));
}

/* --- given up --------------------------------------------------------------------------------------------------------
 */

static void
test_cancelled_before_a_step_nothing_is_sent(void **state)
{
    int ends[2];

    (void)state;
    start(&server, SCRIPTED_OK, NULL);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    sender.cancel_fd = ends[0];
    put(sender.queue, server.url, 1, "1");
    assert_int_equal(poc_sender_step(&sender, NOW), -ECANCELED);
    scripted_http_expect_no_request(&server);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
test_cancelled_attempt_counts_for_nothing(void **state)
{
    time_t start_s = time(NULL);

    (void)state;
    start(&server, SCRIPTED_HANG, NULL);
    put(sender.queue, server.url, 1, "1");
    sender.cancel_fd = server.told; /* readable as soon as the server has the request */
    sender.answer_ms = 60000;
    assert_int_equal(poc_sender_step(&sender, NOW), -ECANCELED);
    assert_true(time(NULL) - start_s < 30);
    expect_counts(0, 0, 0);
    assert_int_equal(expect_next(sender.queue, NOW, "1"), 1); /* still due */
}

static void
test_failure_that_cannot_be_kept_is_named(void **state)
{
    void (*was)(int) = signal(SIGXFSZ, SIG_IGN);

    (void)state;
    start(&server, ANSWER("500 Internal Server Error", ""), NULL);
    put(sender.queue, server.url, 1, "1");
    limit_files(0);
    assert_int_equal(poc_sender_step(&sender, NOW), -ENOSPC);
    expect_error("free some space");
    limit_files(RLIM_INFINITY);
    (void)signal(SIGXFSZ, was);
    assert_int_equal(depth(sender.queue), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_acknowledged_batch_is_gone),
        TEST(test_generated_batch_is_posted_as_json_to_generated),
        TEST(test_validated_batch_is_posted_to_validated),
        TEST(test_url_may_end_with_a_slash),
        TEST(test_acknowledged_batch_is_not_sent_again_after_a_restart),
        TEST(test_any_2xx_acknowledges),
        TEST(test_2xx_with_an_endless_answer_acknowledges),
        TEST(test_acknowledged_batch_that_cannot_be_taken_out_is_not_sent_twice),
        TEST(test_500_is_tried_again),
        TEST(test_408_is_tried_again),
        TEST(test_429_is_tried_again),
        TEST(test_hanging_receiver_is_tried_again),
        TEST(test_cut_connection_is_tried_again),
        TEST(test_refused_port_is_tried_again),
        TEST(test_hanging_receiver_does_not_hold_up_others),
        TEST(test_refused_port_does_not_hold_up_others),
        TEST(test_receiver_that_is_back_gets_all_that_waits),
        TEST(test_wait_doubles_up_to_five_minutes),
        TEST(test_receiver_is_left_alone_for_a_minute_at_most),
        TEST(test_400_is_rejected_and_tried_again_after_longer_and_longer_waits),
        TEST(test_rejected_batch_does_not_hold_up_others_of_its_url),
        TEST(test_rejected_batch_goes_with_its_stage),
        TEST(test_redirect_is_rejected_and_not_followed),
        TEST(test_url_that_is_none_is_rejected),
        TEST(test_first_words_are_one_clean_line),
        TEST(test_only_the_first_words_of_a_long_answer_are_kept),
        TEST(test_password_in_a_url_is_not_shown),
        TEST(test_cancelled_before_a_step_nothing_is_sent),
        TEST(test_cancelled_attempt_counts_for_nothing),
        TEST(test_failure_that_cannot_be_kept_is_named),
    };

    return cmocka_run_group_tests_name("poc_sender", tests, NULL, NULL);
}

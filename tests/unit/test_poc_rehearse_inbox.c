/* Where a node in rehearsal posts its batches. */
#include "plugins/poc-worker/rehearse_inbox.h"

#include "kit/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LETTERS 256 /* that wait at most */

static char url[64];

/* A URL with a port that is free. */
static void
find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

/* The status of the answer. */
static long
post(const char *path, const char *body)
{
    char                   to[128];
    struct ga_http_request request = {.url = to, .method = "POST", .body = body, .body_len = strlen(body)};
    struct ga_http_answer  answer;
    long                   status;

    (void)snprintf(to, sizeof(to), "%s%s", url, path);
    assert_int_equal(ga_http(&request, &answer), GA_HTTP_OK);
    status = answer.status;
    ga_http_done(&answer);
    return status;
}

static int
is_readable(const struct rehearse_inbox *inbox)
{
    struct pollfd poller = {.fd = rehearse_inbox_fd(inbox), .events = POLLIN};

    return poll(&poller, 1, 0) == 1;
}

static int
open_inbox(void **state)
{
    char why[256] = "";

    find_port();
    return rehearse_inbox_open(url, "ours", (struct rehearse_inbox **)state, why, sizeof(why));
}

static int
close_inbox(void **state)
{
    rehearse_inbox_close(*state);
    return 0;
}

static void
what_is_posted_is_taken_in_its_order(void **state)
{
    struct rehearse_inbox *inbox = *state;
    struct rehearse_letter letter;

    assert_false(is_readable(inbox));
    assert_int_equal(post("/ours/generated", "one"), 200);
    assert_int_equal(post("/v1/poc-batches/ours/generated", "two"), 200);
    assert_true(is_readable(inbox));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rehearse_inbox_take(inbox, &letter), 1);
        assert_string_equal(letter.body, i == 0 ? "one" : "two");
        assert_int_equal(letter.len, 3);
        free(letter.body);
    }
    assert_int_equal(rehearse_inbox_take(inbox, &letter), 0);
    assert_false(is_readable(inbox));
}

static void
other_paths_are_counted_and_not_kept(void **state)
{
    struct rehearse_inbox *inbox = *state;
    struct rehearse_letter letter;

    assert_int_equal(post("/ours", "{}"), 404);
    assert_int_equal(post("/", "{}"), 404);
    assert_int_equal(rehearse_inbox_strays(inbox), 2);
    assert_int_equal(rehearse_inbox_take(inbox, &letter), 0);
}

static void
what_a_node_still_has_of_another_rehearsal_is_acknowledged_and_not_taken(void **state)
{
    struct rehearse_inbox *inbox = *state;
    struct rehearse_letter letter;

    assert_int_equal(post("/theirs/generated", "{}"), 200);
    assert_int_equal(post("/generated", "{}"), 200);
    assert_int_equal(post("/ours/validated", "{}"), 200);
    assert_int_equal(rehearse_inbox_strays(inbox), 3);
    assert_int_equal(rehearse_inbox_take(inbox, &letter), 0);
}

static void
a_flood_is_put_off_and_what_waits_is_kept(void **state)
{
    struct rehearse_inbox *inbox = *state;
    struct rehearse_letter letter;

    for (int i = 0; i < LETTERS; i++)
        assert_int_equal(post("/ours/generated", "x"), 200);
    assert_int_equal(post("/ours/generated", "late"), 503);
    assert_int_equal(rehearse_inbox_take(inbox, &letter), 1);
    free(letter.body);
    assert_int_equal(post("/ours/generated", "late"), 200);
    for (int i = 0; i < LETTERS; i++) {
        assert_int_equal(rehearse_inbox_take(inbox, &letter), 1);
        assert_string_equal(letter.body, i < LETTERS - 1 ? "x" : "late");
        free(letter.body);
    }
}

static void
an_address_that_is_taken_or_none_is_named(void **state)
{
    struct rehearse_inbox *inbox = NULL;
    char                   why[256] = "";

    (void)state;
    assert_true(rehearse_inbox_open(url, "ours", &inbox, why, sizeof(why)) < 0);
    assert_non_null(strstr(why, "cannot listen on 127.0.0.1"));
    assert_true(rehearse_inbox_open("http://localhost:9111", "ours", &inbox, why, sizeof(why)) < 0);
    assert_non_null(strstr(why, "in figures"));
    assert_null(inbox);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_posted_is_taken_in_its_order, open_inbox, close_inbox),
        cmocka_unit_test_setup_teardown(other_paths_are_counted_and_not_kept, open_inbox, close_inbox),
        cmocka_unit_test_setup_teardown(what_a_node_still_has_of_another_rehearsal_is_acknowledged_and_not_taken,
                                        open_inbox, close_inbox),
        cmocka_unit_test_setup_teardown(a_flood_is_put_off_and_what_waits_is_kept, open_inbox, close_inbox),
        cmocka_unit_test_setup_teardown(an_address_that_is_taken_or_none_is_named, open_inbox, close_inbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Lists in pages, from a node that answers as it is told. */
#include "kit/chain.h"
#include "kit/json.h"

#include "chain_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One question to a server with one reply. */
struct talk {
    struct chain_server    server;
    struct ga_chain_source source;
    struct ga_chain_error  error;
    cJSON                 *json;
};

static void
begin(struct talk *talk, const struct chain_server_reply *replies)
{
    memset(talk, 0, sizeof(*talk));
    chain_server_start(&talk->server, replies);
    assert_int_equal(ga_chain_source_direct(&talk->source, "node-a", talk->server.url, talk->server.url, &talk->error),
                     0);
    talk->source.total_ms = 20000;
}

static void
end(struct talk *talk)
{
    cJSON_Delete(talk->json);
    chain_server_stop(&talk->server);
}

/* The error is of that kind and names the source, and what else is said. */
static void
check_error(const struct talk *talk, enum ga_chain_why why, const char *words)
{
    if (talk->error.why != why || !strstr(talk->error.text, words))
        print_error("%s: %s\n", ga_chain_why_name(talk->error.why), talk->error.text);
    assert_int_equal(talk->error.why, why);
    assert_non_null(strstr(talk->error.text, "node-a"));
    assert_non_null(strstr(talk->error.text, words));
    assert_null(talk->json);
}

/* --- pages ---------------------------------------------------------------------------------------------------------
 */

struct seen {
    int n;
    int sum;
    int stop_at;
};

static int
on_element(const cJSON *element, void *userdata)
{
    struct seen *seen = userdata;
    int64_t      value = 0;

    assert_int_equal(ga_json_value_i64(element, &value), 0);
    seen->sum += (int)value;
    return ++seen->n == seen->stop_at;
}

/* Asks the list "l" of `path` for all pages. */
static void
get_pages(struct talk *talk, const struct chain_server_reply *replies, const char *path, int max_pages,
          struct seen *seen)
{
    begin(talk, replies);
    (void)ga_chain_rest_paged(&talk->source, path, "l", max_pages, on_element, seen, &talk->error);
}

static void
test_pages_followed(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l", .body = "{\"l\":[1,2],\"pagination\":{\"next_key\":\"a+/=\",\"total\":\"5\"}}"},
        {.target = "/l?pagination.key=a%2B%2F%3D", .body = "{\"l\":[\"3\"],\"pagination\":{\"next_key\":\"b\"}}"},
        {.target = "/l?pagination.key=b", .body = "{\"l\":null,\"pagination\":{\"next_key\":null}}"},
        {0}};
    struct talk talk;
    struct seen seen = {0};

    (void)state;
    get_pages(&talk, replies, "/l", 0, &seen);
    assert_int_equal(talk.error.why, GA_CHAIN_OK);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.sum, 6);
    end(&talk);
}

static void
test_pages_keep_the_query(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l?status=2", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {.target = "/l?status=2&pagination.key=a", .body = "{\"l\":[2]}"},
        {0}};
    struct talk talk;
    struct seen seen = {0};

    (void)state;
    get_pages(&talk, replies, "/l?status=2", 0, &seen);
    assert_int_equal(talk.error.why, GA_CHAIN_OK);
    assert_int_equal(seen.sum, 3);
    end(&talk);
}

static void
test_pages_stop_when_told(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l", .body = "{\"l\":[1,2,3],\"pagination\":{\"next_key\":\"a\"}}"}, {0}};
    struct talk talk;
    struct seen seen = {.stop_at = 2};

    (void)state;
    get_pages(&talk, replies, "/l", 0, &seen);
    assert_int_equal(talk.error.why, GA_CHAIN_OK);
    assert_int_equal(seen.n, 2);
    end(&talk);
}

static void
test_pages_in_a_circle(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {.target = "/l?pagination.key=a", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {0}};
    struct talk talk;
    struct seen seen = {0};

    (void)state;
    get_pages(&talk, replies, "/l", 0, &seen);
    check_error(&talk, GA_CHAIN_BAD_ANSWER, "no end");
    end(&talk);
}

/* A circle of two pages: the cap ends it. */
static void
test_pages_capped(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {.target = "/l?pagination.key=a", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"b\"}}"},
        {.target = "/l?pagination.key=b", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {0}};
    struct talk talk;
    struct seen seen = {0};

    (void)state;
    get_pages(&talk, replies, "/l", 5, &seen);
    check_error(&talk, GA_CHAIN_TOO_LARGE, "more than 5 pages");
    assert_int_equal(seen.n, 5);
    end(&talk);
}

static void
test_pages_that_fail(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/l", .body = "{\"l\":[1],\"pagination\":{\"next_key\":\"a\"}}"},
        {.target = "/l?pagination.key=a", .status = 503, .body = "<html>"},
        {.target = "/no-list", .body = "{\"l\":{}}"},
        {0}};
    struct talk talk;
    struct seen seen = {0};

    (void)state;
    get_pages(&talk, replies, "/l", 0, &seen);
    check_error(&talk, GA_CHAIN_HTTP_STATUS, "503");
    (void)ga_chain_rest_paged(&talk.source, "/no-list", "l", 0, on_element, &seen, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_ANSWER, "a list is expected");
    end(&talk);
}

static void
test_pages_with_a_huge_key(void **state)
{
    char                      body[4096] = "{\"l\":[],\"pagination\":{\"next_key\":\"";
    size_t                    len = strlen(body);
    struct chain_server_reply replies[] = {{.target = "/l", .body = body}, {0}};
    struct talk               talk;
    struct seen               seen = {0};

    (void)state;
    memset(body + len, 'A', 2000);
    (void)snprintf(body + len + 2000, sizeof(body) - len - 2000, "\"}}");
    get_pages(&talk, replies, "/l", 0, &seen);
    check_error(&talk, GA_CHAIN_BAD_ANSWER, "too long");
    end(&talk);
}

static void
test_escape(void **state)
{
    char buf[16];

    (void)state;
    assert_int_equal(ga_chain_escape("a-_.~9/+ \xc3", buf, sizeof(buf)), -ENOSPC);
    assert_string_equal(buf, "");
    assert_int_equal(ga_chain_escape("a-_.~9/+", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "a-_.~9%2F%2B");
    assert_int_equal(ga_chain_escape("\xc3\xb6", buf, 7), 0);
    assert_string_equal(buf, "%C3%B6");
    assert_int_equal(ga_chain_escape("\xc3\xb6", buf, 6), -ENOSPC);
    assert_int_equal(ga_chain_escape("", buf, 0), -ENOSPC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_followed),        cmocka_unit_test(test_pages_keep_the_query),
        cmocka_unit_test(test_pages_stop_when_told),  cmocka_unit_test(test_pages_in_a_circle),
        cmocka_unit_test(test_pages_capped),          cmocka_unit_test(test_pages_that_fail),
        cmocka_unit_test(test_pages_with_a_huge_key), cmocka_unit_test(test_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

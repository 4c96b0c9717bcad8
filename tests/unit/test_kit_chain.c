/* Questions to a node that answers as it is told. */
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
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE "<html><head><title>502 Bad Gateway</title></head></html>"

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

/* What a RPC question to that one reply comes to. */
static void
expect_rpc(int status, const char *body, enum ga_chain_why why, const char *words)
{
    const struct chain_server_reply replies[] = {{.target = "/status", .status = status, .body = body}, {0}};
    struct talk                     talk;

    begin(&talk, replies);
    assert_int_equal(ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error), why);
    check_error(&talk, why, words);
    end(&talk);
}

static void
expect_rest(int status, const char *body, enum ga_chain_why why, const char *words)
{
    const struct chain_server_reply replies[] = {{.target = "/p/12", .status = status, .body = body}, {0}};
    struct talk                     talk;

    begin(&talk, replies);
    assert_int_equal(ga_chain_rest(&talk.source, "/p/12", &talk.json, &talk.error), why);
    check_error(&talk, why, words);
    end(&talk);
}

/* --- sources -------------------------------------------------------------------------------------------------------
 */

static void
test_source_direct(void **state)
{
    struct ga_chain_source source;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(ga_chain_source_direct(&source, "mine", "http://node:26657/", "https://node:1317//", &error), 0);
    assert_string_equal(source.name, "mine");
    assert_string_equal(source.rpc, "http://node:26657");
    assert_string_equal(source.api, "https://node:1317");
    assert_int_equal(source.cancel_fd, -1);
}

static void
test_source_below(void **state)
{
    struct ga_chain_source source;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(ga_chain_source_below(&source, NULL, "http://host:8000/", &error), 0);
    assert_string_equal(source.rpc, "http://host:8000/chain-rpc");
    assert_string_equal(source.api, "http://host:8000/chain-api");
    assert_string_equal(source.name, "host:8000");
}

static void
test_source_name_hides_password(void **state)
{
    struct ga_chain_source source;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(ga_chain_source_direct(&source, "", "http://me:secret@node:1/x", NULL, &error), 0);
    assert_string_equal(source.name, "node:1");
    assert_int_equal(ga_chain_source_direct(&source, "", "ftp://me:secret@node:1/x", NULL, &error),
                     GA_CHAIN_BAD_REQUEST);
    assert_null(strstr(error.text, "secret"));
}

/* Control characters become blanks, and a name that is cut ends with a whole character. */
static void
test_source_name_is_cleaned(void **state)
{
    struct ga_chain_source source;
    struct ga_chain_error  error;
    char                   name[GA_CHAIN_NAME_MAX + 8];

    (void)state;
    assert_int_equal(ga_chain_source_direct(&source, "a\x1b[1m\xc3\xb6\xff", "http://node", NULL, &error), 0);
    assert_string_equal(source.name, "a [1m\xc3\xb6 ");
    memset(name, 'a', sizeof(name));
    memcpy(name + GA_CHAIN_NAME_MAX - 2, "\xc3\xb6", 3);
    assert_int_equal(ga_chain_source_direct(&source, name, "http://node", NULL, &error), 0);
    assert_int_equal(strlen(source.name), GA_CHAIN_NAME_MAX - 2);
}

static void
test_source_bad(void **state)
{
    static const char *const bad[] = {"node:26657",   "ftp://node",     "http://",
                                      "http:///",     "http://a b",     "http://node/?a=b",
                                      "http://no#de", "http://node\n/", "http://n\xc3\xb6"};
    struct ga_chain_source   source;
    struct ga_chain_error    error;
    char                     url[GA_CHAIN_URL_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ga_chain_source_direct(&source, "x", bad[i], NULL, &error), GA_CHAIN_BAD_REQUEST);
        assert_non_null(strstr(error.text, "http://"));
    }
    memset(url, 'a', sizeof(url));
    memcpy(url, "http://", 7);
    url[GA_CHAIN_URL_MAX - 5] = '\0'; /* fits, but not with /chain-rpc behind it */
    assert_int_equal(ga_chain_source_direct(&source, "x", url, NULL, &error), 0);
    assert_int_equal(ga_chain_source_below(&source, "x", url, &error), GA_CHAIN_BAD_REQUEST);
    assert_int_equal(ga_chain_source_direct(&source, "x", "", NULL, &error), GA_CHAIN_BAD_REQUEST);
}

static void
test_source_without_that_url(void **state)
{
    struct talk talk = {0};

    (void)state;
    assert_int_equal(ga_chain_source_direct(&talk.source, "node-a", "http://node:26657", NULL, &talk.error), 0);
    (void)ga_chain_rest(&talk.source, "/p/12", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_REQUEST, "no REST API URL");
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

static void
test_rpc_envelope(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/block?height=5", .body = "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{\"a\":\"7\"}}"}, {0}};
    struct talk talk;
    int64_t     a = 0;

    (void)state;
    begin(&talk, replies);
    assert_int_equal(ga_chain_rpc(&talk.source, "block?height=5", &talk.json, &talk.error), GA_CHAIN_OK);
    assert_int_equal(ga_json_i64(talk.json, "a", &a), 0);
    assert_int_equal(a, 7);
    assert_string_equal(talk.error.text, "");
    end(&talk);
}

static void
test_rpc_bare(void **state)
{
    const struct chain_server_reply replies[] = {{.target = "/status", .body = "{\"a\":7}"}, {0}};
    struct talk                     talk;
    int64_t                         a = 0;

    (void)state;
    begin(&talk, replies);
    assert_int_equal(ga_chain_rpc(&talk.source, "/status", &talk.json, &talk.error), GA_CHAIN_OK);
    assert_int_equal(ga_json_i64(talk.json, "a", &a), 0);
    assert_int_equal(a, 7);
    end(&talk);
}

static void
test_below_proxy(void **state)
{
    const struct chain_server_reply replies[] = {{.target = "/chain-rpc/status", .body = "{\"result\":{\"a\":1}}"},
                                                 {.target = "/chain-api/p/12", .body = "{\"b\":2}"},
                                                 {0}};
    struct talk                     talk;

    (void)state;
    begin(&talk, replies);
    assert_int_equal(ga_chain_source_below(&talk.source, "node-a", talk.server.url, &talk.error), 0);
    assert_int_equal(ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error), GA_CHAIN_OK);
    assert_non_null(ga_json_get(talk.json, "a"));
    cJSON_Delete(talk.json);
    assert_int_equal(ga_chain_rest(&talk.source, "/p/12", &talk.json, &talk.error), GA_CHAIN_OK);
    assert_non_null(ga_json_get(talk.json, "b"));
    end(&talk);
}

static void
test_rpc_error_object(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/status",
         .status = 500,
         .body = "{\"jsonrpc\":\"2.0\",\"id\":-1,\"error\":{\"code\":-32603,\"message\":\"Internal error\",\"data\":"
                 "\"height 5 is not\\navailable\"}}"},
        {0}};
    struct talk talk;

    (void)state;
    begin(&talk, replies);
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_REFUSED, "Internal error: height 5 is not available");
    assert_int_equal(talk.error.code, -32603);
    assert_int_equal(talk.error.status, 500);
    end(&talk);
}

static void
test_rpc_error_with_status_200(void **state)
{
    (void)state;
    expect_rpc(200, "{\"jsonrpc\":\"2.0\",\"error\":\"too busy\"}", GA_CHAIN_REFUSED, "too busy");
}

static void
test_rpc_not_rpc(void **state)
{
    (void)state;
    expect_rpc(200, "[1]", GA_CHAIN_BAD_ANSWER, "not that of a node's RPC");
    expect_rpc(200, "{\"jsonrpc\":\"2.0\",\"id\":1}", GA_CHAIN_BAD_ANSWER, "not that of a node's RPC");
    expect_rpc(200, "{\"jsonrpc\":\"2.0\",\"result\":null}", GA_CHAIN_BAD_ANSWER, "not that of a node's RPC");
    expect_rpc(503, "{\"a\":1}", GA_CHAIN_HTTP_STATUS, "status 503");
}

static void
test_rest_not_found(void **state)
{
    (void)state;
    expect_rest(404, "{\"code\":5,\"message\":\"proposal 12 doesn't exist\",\"details\":[]}", GA_CHAIN_NOT_FOUND,
                "proposal 12 doesn't exist");
    expect_rest(404, "{\"code\":\"5\",\"message\":\"as a string\"}", GA_CHAIN_NOT_FOUND, "as a string");
}

/* Nothing but the gateway's own words is evidence that something is not there. */
static void
test_rest_other_404(void **state)
{
    (void)state;
    expect_rest(404, "<html>404</html>", GA_CHAIN_HTTP_STATUS, "switched off");
    expect_rest(404, "{\"error\":\"not found\"}", GA_CHAIN_HTTP_STATUS, "status 404");
    expect_rest(404, "{\"code\":5}", GA_CHAIN_HTTP_STATUS, "status 404");
    expect_rest(200, "{\"code\":5,\"message\":\"not found\"}", GA_CHAIN_REFUSED, "code 5");
    expect_rest(500, "{\"code\":5,\"message\":\"not found\"}", GA_CHAIN_REFUSED, "code 5");
}

static void
test_rest_refused(void **state)
{
    (void)state;
    expect_rest(400, "{\"code\":3,\"message\":\"invalid id\"}", GA_CHAIN_REFUSED, "code 3 (status 400): invalid id");
    expect_rest(501, "{\"code\":12,\"message\":\"Not Implemented\"}", GA_CHAIN_REFUSED, "does not know the question");
    expect_rest(200, "[]", GA_CHAIN_BAD_ANSWER, "not that of a node's REST gateway");
}

static void
test_no_json(void **state)
{
    (void)state;
    expect_rpc(200, PAGE, GA_CHAIN_NOT_JSON, "web page");
    expect_rest(200, "", GA_CHAIN_NOT_JSON, "empty answer");
    expect_rest(200, "{\"a\":", GA_CHAIN_NOT_JSON, "no JSON (byte 4");
    expect_rpc(502, PAGE, GA_CHAIN_HTTP_STATUS, "is it running?");
    expect_rpc(301, PAGE, GA_CHAIN_HTTP_STATUS, "leads elsewhere");
    expect_rpc(429, "slow down", GA_CHAIN_HTTP_STATUS, "less often");
    expect_rpc(500, "", GA_CHAIN_HTTP_STATUS, "look into the log");
}

/* --- a node in trouble ---------------------------------------------------------------------------------------------
 */

static void
test_half_an_answer(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/p/12", .body = "{\"code\":5,\"message\":\"x\"}", .manner = CHAIN_SERVER_HALF}, {0}};
    struct talk talk;

    (void)state;
    begin(&talk, replies);
    (void)ga_chain_rest(&talk.source, "p/12", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_UNREACHABLE, "/p/12");
    end(&talk);
}

static void
test_slow(void **state)
{
    const struct chain_server_reply replies[] = {{.target = "/status", .body = "{}", .manner = CHAIN_SERVER_SILENT},
                                                 {0}};
    struct talk                     talk;

    (void)state;
    begin(&talk, replies);
    talk.source.total_ms = 300;
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_TIMEOUT, "/status");
    end(&talk);
}

static void
test_cancelled(void **state)
{
    const struct chain_server_reply replies[] = {{.target = "/status", .body = "{}", .manner = CHAIN_SERVER_SILENT},
                                                 {0}};
    struct talk                     talk;

    (void)state;
    begin(&talk, replies);
    talk.source.cancel_fd = eventfd(1, EFD_CLOEXEC);
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_CANCELLED, "/status");
    (void)close(talk.source.cancel_fd);
    end(&talk);
}

static void
test_oversized(void **state)
{
    const struct chain_server_reply replies[] = {
        {.target = "/status", .body = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", .manner = CHAIN_SERVER_ENDLESS}, {0}};
    struct talk talk;

    (void)state;
    begin(&talk, replies);
    talk.source.max_answer = 100000;
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_TOO_LARGE, "/status");
    end(&talk);
}

static void
test_nobody_there(void **state)
{
    struct talk talk = {0};
    char        url[64];

    (void)state;
    chain_server_nobody(url, sizeof(url));
    assert_int_equal(ga_chain_source_direct(&talk.source, "node-a", url, NULL, &talk.error), 0);
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_UNREACHABLE, url + 7);
    assert_int_equal(talk.error.status, 0);
}

static void
test_bad_paths(void **state)
{
    struct talk talk = {0};
    char        path[4096];

    (void)state;
    assert_int_equal(ga_chain_source_direct(&talk.source, "node-a", "http://n", "http://n", &talk.error), 0);
    (void)ga_chain_rest(&talk.source, "/a b", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_REQUEST, "percent-encoded");
    (void)ga_chain_rpc(&talk.source, "a\r\nHost: b", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_REQUEST, "percent-encoded");
    assert_null(strchr(talk.error.text, '\n'));
    assert_int_equal(ga_chain_source_direct(&talk.source, "node-a", "http://n:99999", NULL, &talk.error), 0);
    (void)ga_chain_rpc(&talk.source, "status", &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_REQUEST, "/status");
    assert_int_equal(ga_chain_source_direct(&talk.source, "node-a", "http://n", "http://n", &talk.error), 0);
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    (void)ga_chain_rest(&talk.source, path, &talk.json, &talk.error);
    check_error(&talk, GA_CHAIN_BAD_REQUEST, "longer than");
}

/* Every reason has a name of its own. */
static void
test_names_of_reasons(void **state)
{
    (void)state;
    for (int a = GA_CHAIN_OK; a <= GA_CHAIN_NO_MEMORY; a++) {
        assert_string_not_equal(ga_chain_why_name((enum ga_chain_why)a), "unknown");
        for (int b = GA_CHAIN_OK; b < a; b++)
            assert_string_not_equal(ga_chain_why_name((enum ga_chain_why)a), ga_chain_why_name((enum ga_chain_why)b));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_direct),
        cmocka_unit_test(test_source_below),
        cmocka_unit_test(test_source_name_hides_password),
        cmocka_unit_test(test_source_name_is_cleaned),
        cmocka_unit_test(test_source_bad),
        cmocka_unit_test(test_source_without_that_url),
        cmocka_unit_test(test_rpc_envelope),
        cmocka_unit_test(test_rpc_bare),
        cmocka_unit_test(test_below_proxy),
        cmocka_unit_test(test_rpc_error_object),
        cmocka_unit_test(test_rpc_error_with_status_200),
        cmocka_unit_test(test_rpc_not_rpc),
        cmocka_unit_test(test_rest_not_found),
        cmocka_unit_test(test_rest_other_404),
        cmocka_unit_test(test_rest_refused),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_half_an_answer),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_names_of_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

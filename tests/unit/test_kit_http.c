/* HTTP against a server that misbehaves on demand, in a process of its own. */
#include "kit/http.h"
#include "kit/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct server {
    pid_t pid;
    int   input; /* closing it ends the server */
    int   port;
    char  socket[80];
};

static struct server tcp;
static struct server local;
static char          folder[64] = "/tmp/test_kit_http.XXXXXX";

static int
start(struct server *server)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char        path[512];
    char        line[16] = "";
    int         in[2];
    int         out[2];

    (void)snprintf(path, sizeof(path), "%s/tests/unit/http_server.py", srcdir);
    if (pipe(in) < 0 || pipe(out) < 0)
        return -1;
    server->pid = fork();
    if (server->pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            (void)close(fd);
        (void)execl("/usr/bin/python3", "python3", path, *server->socket ? server->socket : NULL, NULL);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    server->input = in[1];
    if (read(out[0], line, sizeof(line) - 1) <= 0)
        return -1;
    server->port = (int)strtol(line, NULL, 10);
    return close(out[0]);
}

static int
start_servers(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(local.socket, sizeof(local.socket), "%s/socket", folder);
    return start(&tcp) < 0 || start(&local) < 0 ? -1 : 0;
}

static int
end_servers(void **state)
{
    (void)state;
    (void)close(tcp.input);
    (void)close(local.input);
    (void)waitpid(tcp.pid, NULL, 0);
    (void)waitpid(local.pid, NULL, 0);
    (void)unlink(local.socket);
    return rmdir(folder);
}

static const char *
url(const char *path)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", tcp.port, path);
    return text;
}

static enum ga_http_kind
get(const char *path, struct ga_http_answer *answer)
{
    return ga_http(&(struct ga_http_request){.url = url(path), .max_redirects = 5}, answer);
}

static void
an_answer_comes_with_status_type_and_body(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    assert_int_equal(get("/json", &answer), GA_HTTP_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(answer.body, "{\"height\":\"9007199254740993\"}");
    ga_http_done(&answer);
    assert_int_equal(get("/500", &answer), GA_HTTP_OK);
    assert_int_equal(answer.status, 500);
    ga_http_done(&answer);
}

static void
body_headers_and_bearer_arrive(void **state)
{
    static const char *const headers[] = {"X-Test: yes", NULL};
    struct ga_http_answer    answer;

    (void)state;
    (void)ga_http(
        &(struct ga_http_request){
            .url = url("/echo"), .body = "{\"a\":1}", .body_len = 7, .headers = headers, .bearer = "s3cret"},
        &answer);
    assert_int_equal(answer.kind, GA_HTTP_OK);
    assert_non_null(strstr(answer.body, "POST /echo"));
    assert_non_null(strstr(answer.body, "X-Test: yes"));
    assert_non_null(strstr(answer.body, "Authorization: Bearer s3cret"));
    assert_non_null(strstr(answer.body, "{\"a\":1}"));
    ga_http_done(&answer);
}

static void
a_header_with_a_line_break_is_refused(void **state)
{
    static const char *const headers[] = {"X-Test: a\r\nX-Evil: b", NULL};
    struct ga_http_answer    answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/echo"), .headers = headers}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_BAD_REQUEST);
    ga_http_done(&answer);
}

static void
a_closed_port_a_wrong_name_and_a_wrong_scheme_are_told_apart(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = "http://127.0.0.1:1/x"}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_CONNECT);
    assert_non_null(strstr(answer.error, "http://127.0.0.1:1/x"));
    ga_http_done(&answer);
    (void)ga_http(&(struct ga_http_request){.url = "http://no-such-host.invalid/"}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_RESOLVE);
    ga_http_done(&answer);
    (void)ga_http(&(struct ga_http_request){.url = "file:///etc/passwd"}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_BAD_REQUEST);
    ga_http_done(&answer);
}

static void
a_redirect_is_followed_within_its_host_only(void **state)
{
    static const char *const away[] = {"/ftp", "/https", "/file", "/elsewhere", "/round"};
    struct ga_http_answer    answer;

    (void)state;
    assert_int_equal(get("/here", &answer), GA_HTTP_OK);
    assert_int_equal(answer.status, 200);
    ga_http_done(&answer);
    for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
        assert_int_equal(get(away[i], &answer), GA_HTTP_REDIRECT);
        assert_non_null(strstr(answer.error, "redirects"));
        ga_http_done(&answer);
    }
}

static void
without_leave_no_redirect_is_followed(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/here")}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_OK);
    assert_int_equal(answer.status, 302);
    ga_http_done(&answer);
}

static void
an_answer_without_end_is_cut_at_the_cap(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/large"), .max_answer = 50000}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_TOO_LARGE);
    assert_true(answer.len <= 50000);
    ga_http_done(&answer);
}

static void
a_broken_connection_is_no_answer(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    assert_int_equal(get("/cut", &answer), GA_HTTP_CUT);
    ga_http_done(&answer);
}

static void
a_server_that_stalls_runs_into_the_limit(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/stall"), .total_ms = 200}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_TIMEOUT);
    ga_http_done(&answer);
    (void)ga_http(&(struct ga_http_request){.url = url("/stall"), .total_ms = -1, .low_speed = 100, .low_speed_s = 1},
                  &answer);
    assert_int_equal(answer.kind, GA_HTTP_TIMEOUT);
    ga_http_done(&answer);
}

static void
a_request_can_be_cancelled(void **state)
{
    int                   cancel = eventfd(1, EFD_CLOEXEC);
    struct ga_http_answer answer;
    struct timespec       before;
    struct timespec       after;

    (void)state;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    (void)ga_http(&(struct ga_http_request){.url = url("/stall"), .cancel_fd = cancel}, &answer);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(answer.kind, GA_HTTP_CANCELLED);
    assert_true(after.tv_sec - before.tv_sec < 5); /* and not after the 30 s that are its limit */
    ga_http_done(&answer);
    (void)close(cancel);
}

static int
take_three(const void *data, size_t len, void *userdata)
{
    size_t *seen = userdata;

    (void)data;
    *seen += len;
    return *seen >= 3;
}

static void
a_receiver_can_end_a_download(void **state)
{
    struct ga_http_answer answer;
    size_t                seen = 0;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/large"), .on_data = take_three, .userdata = &seen}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_STOPPED);
    assert_null(answer.body);
    ga_http_done(&answer);
}

static void
a_download_goes_on_where_it_was_cut(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = url("/range"), .from = 4}, &answer);
    assert_int_equal(answer.status, 206);
    assert_string_equal(answer.body, "456789");
    ga_http_done(&answer);
}

static void
a_unix_socket_is_spoken_to(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    (void)ga_http(&(struct ga_http_request){.url = "http://docker/json", .unix_socket = local.socket}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_OK);
    assert_int_equal(answer.status, 200);
    ga_http_done(&answer);
}

static void
json_a_web_page_and_an_error_status_are_told_apart(void **state)
{
    cJSON   *json = NULL;
    char     why[512];
    uint64_t height = 0;
    long     status;

    (void)state;
    assert_int_equal(ga_http_json(&(struct ga_http_request){.url = url("/json")}, &json, &status, why, sizeof(why)), 0);
    assert_int_equal(ga_json_u64(json, "height", &height), 0);
    assert_true(height == UINT64_C(9007199254740993));
    cJSON_Delete(json);
    assert_int_equal(ga_http_json(&(struct ga_http_request){.url = url("/html")}, &json, NULL, why, sizeof(why)),
                     -EBADMSG);
    assert_non_null(strstr(why, "web page"));
    assert_int_equal(ga_http_json(&(struct ga_http_request){.url = url("/500")}, &json, &status, why, sizeof(why)),
                     -EREMOTEIO);
    assert_int_equal(status, 500);
    assert_non_null(strstr(why, "no such block"));
    assert_int_equal(
        ga_http_json(&(struct ga_http_request){.url = "http://127.0.0.1:1/"}, &json, &status, why, sizeof(why)), -EIO);
    assert_int_equal(status, 0);
}

static void
messages_show_no_password_and_no_query(void **state)
{
    char shown[128];

    (void)state;
    assert_string_equal(ga_http_show_url("https://user:pass@host:1/a?token=x#y", shown, sizeof(shown)),
                        "https://host:1/a");
    assert_string_equal(ga_http_show_url("http://host/a@b", shown, sizeof(shown)), "http://host/a@b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_status_type_and_body),
        cmocka_unit_test(body_headers_and_bearer_arrive),
        cmocka_unit_test(a_header_with_a_line_break_is_refused),
        cmocka_unit_test(a_closed_port_a_wrong_name_and_a_wrong_scheme_are_told_apart),
        cmocka_unit_test(a_redirect_is_followed_within_its_host_only),
        cmocka_unit_test(without_leave_no_redirect_is_followed),
        cmocka_unit_test(an_answer_without_end_is_cut_at_the_cap),
        cmocka_unit_test(a_broken_connection_is_no_answer),
        cmocka_unit_test(a_server_that_stalls_runs_into_the_limit),
        cmocka_unit_test(a_request_can_be_cancelled),
        cmocka_unit_test(a_receiver_can_end_a_download),
        cmocka_unit_test(a_download_goes_on_where_it_was_cut),
        cmocka_unit_test(a_unix_socket_is_spoken_to),
        cmocka_unit_test(json_a_web_page_and_an_error_status_are_told_apart),
        cmocka_unit_test(messages_show_no_password_and_no_query),
    };

    return cmocka_run_group_tests(tests, start_servers, end_servers);
}

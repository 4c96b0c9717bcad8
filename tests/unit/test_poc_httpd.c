/* The worker's REST API over real sockets. */
#include "kit/http.h"
#include "plugins/poc-worker/httpd.h"
#include "tests/unit/poc_fake_engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_BODY 2000
#define WAIT_S 20 /* more than a slow machine takes */

static struct poc_fake  *fake;
static struct poc_httpd *httpd;

static int
setup(void **state)
{
    struct poc_httpd_config config = {.address = "127.0.0.1", .max_body = MAX_BODY};
    char                    err[256];

    (void)state;
    if (poc_fake_setup((void **)&fake) < 0)
        return -1;
    config.ops = &fake->ops;
    return poc_httpd_start(&config, &httpd, err, sizeof(err));
}

static int
teardown(void **state)
{
    (void)state;
    poc_httpd_stop(httpd);
    httpd = NULL;
    return poc_fake_teardown((void **)&fake);
}

/* --- requests by curl ------------------------------------------------------------------------------------------------
 */

/* Sends a request; the answer ends with ga_http_done(). */
static void
ask(const char *method, const char *path, const char *body, size_t len, struct ga_http_answer *ret)
{
    char                   url[128];
    struct ga_http_request request = {.url = url, .method = method, .body = body, .body_len = len, .cancel_fd = -1};

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", poc_httpd_port(httpd), path);
    request.total_ms = WAIT_S * 1000;
    (void)ga_http(&request, ret);
}

static void
expect(const char *method, const char *path, const char *body, long status, const char *answer)
{
    struct ga_http_answer got;

    ask(method, path, body, body ? strlen(body) : 0, &got);
    assert_string_equal(got.error, "");
    assert_string_equal(got.body, answer);
    assert_int_equal(got.status, status);
    assert_string_equal(got.content_type, "application/json");
    ga_http_done(&got);
}

/* --- requests byte by byte ------------------------------------------------------------------------------------------
 */

static int
dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval     limit = {.tv_sec = WAIT_S};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void
say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes until the other side closes, as a text of at most `size`; 0, or -errno: it did not end well. */
static int
hear(int fd, char *buf, size_t size)
{
    size_t  n = 0;
    ssize_t got = 0;

    while (n + 1 < size && (got = recv(fd, buf + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    buf[n] = '\0';
    return got < 0 ? -errno : 0;
}

/* --- tests: requests ------------------------------------------------------------------------------------------------
 */

static void
a_body_comes_to_the_engine(void **state)
{
    (void)state;
    expect("POST", POW "/init/generate", INIT, 200, NOW("GENERATING", "false"));
    assert_string_equal(fake->calls, "generate ");
}

static void
no_content_type_is_needed(void **state)
{
    char head[128];
    char got[1024];
    int  fd = dial(poc_httpd_port(httpd));

    (void)state;
    (void)snprintf(head, sizeof(head),
                   "POST " POW "/init HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                   strlen(INIT));
    say(fd, head);
    say(fd, INIT);
    assert_int_equal(hear(fd, got, sizeof(got)), 0);
    assert_non_null(strstr(got, " 200 "));
    assert_non_null(strstr(got, NOW("LOADING", "false")));
    (void)close(fd);
}

static void
bad_json_changes_nothing(void **state)
{
    struct ga_http_answer got;

    (void)state;
    expect("POST", POW "/init/generate", INIT, 200, NOW("GENERATING", "false"));
    ask("POST", POW "/init", "{\"node_id\":", 11, &got);
    assert_int_equal(got.status, 422);
    assert_non_null(strstr(got.body, "json_invalid"));
    ga_http_done(&got);
    assert_string_equal(fake->calls, "generate ");
    expect("GET", POW "/status", NULL, 200, "{\"status\":\"GENERATING\",\"is_model_initialized\":false}");
}

static void
a_query_is_not_part_of_the_path(void **state)
{
    (void)state;
    expect("GET", "/v3.0.8/api/v1/state?x=1", NULL, 200, "{\"state\":\"STOPPED\"}");
}

static void
a_wrong_method_is_told_the_right_one(void **state)
{
    char got[1024];
    int  fd = dial(poc_httpd_port(httpd));

    (void)state;
    say(fd, "DELETE " POW "/init HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
    assert_int_equal(hear(fd, got, sizeof(got)), 0);
    assert_non_null(strstr(got, " 405 "));
    assert_non_null(strstr(got, "\r\nAllow: POST\r\n"));
    (void)close(fd);
}

/* --- tests: sizes ----------------------------------------------------------------------------------------------------
 */

#define TOO_LARGE DETAIL("the body is larger than 2000 bytes, which is the limit of this worker")

/* INIT with blanks to a length. */
static char *
init_of_length(size_t len)
{
    char *body = malloc(len + 1);

    assert_non_null(body);
    memset(body, ' ', len);
    memcpy(body, INIT, strlen(INIT));
    body[len] = '\0';
    return body;
}

static void
a_body_may_be_as_large_as_the_limit(void **state)
{
    char *body = init_of_length(MAX_BODY);

    (void)state;
    expect("POST", POW "/init", body, 200, NOW("LOADING", "false"));
    free(body);
}

static void
a_larger_body_is_refused(void **state)
{
    char *body = init_of_length(MAX_BODY + 1);

    (void)state;
    expect("POST", POW "/init", body, 413, TOO_LARGE);
    assert_string_equal(fake->calls, "");
    free(body);
}

static void
a_much_larger_body_is_refused(void **state)
{
    char *body = init_of_length(8u << 20);

    (void)state;
    expect("POST", POW "/init", body, 413, TOO_LARGE);
    assert_string_equal(fake->calls, "");
    free(body);
}

static void
chunks_count_too(void **state)
{
    char  got[1024];
    char *chunk = init_of_length(1001);
    int   fd = dial(poc_httpd_port(httpd));

    (void)state;
    say(fd, "POST " POW "/init HTTP/1.1\r\nHost: w\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        say(fd, "3e9\r\n");
        say(fd, chunk);
        say(fd, "\r\n");
    }
    say(fd, "0\r\n\r\n");
    assert_int_equal(hear(fd, got, sizeof(got)), 0);
    assert_non_null(strstr(got, " 413 "));
    assert_non_null(strstr(got, TOO_LARGE));
    assert_string_equal(fake->calls, "");
    free(chunk);
    (void)close(fd);
}

/* Sends a piece again and again until the other side closes; 0: it took a GiB. */
static int
send_without_end(int fd, const char *piece, size_t len)
{
    size_t  n = 0;
    ssize_t sent = 1;

    while (sent > 0 && n < 1u << 30) {
        sent = send(fd, piece, len, MSG_NOSIGNAL);
        n += len;
    }
    return sent > 0 ? 0 : -errno;
}

static void
chunks_without_end_are_cut_off(void **state)
{
    static char chunk[7 + 0x10000 + 2] = "10000\r\n";
    int         fd = dial(poc_httpd_port(httpd));
    int         r;

    (void)state;
    memset(chunk + 7, 'x', 0x10000);
    memcpy(chunk + 7 + 0x10000, "\r\n", 2);
    say(fd, "POST " POW "/init HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n");
    r = send_without_end(fd, chunk, sizeof(chunk));
    assert_true(r == -EPIPE || r == -ECONNRESET);
    assert_string_equal(fake->calls, "");
    (void)close(fd);
}

static void
a_huge_body_is_refused_by_its_header(void **state)
{
    char got[1024];
    int  fd = dial(poc_httpd_port(httpd));

    (void)state;
    say(fd, "POST " POW "/init HTTP/1.1\r\nHost: w\r\nContent-Length: 1099511627776\r\n\r\n");
    assert_int_equal(hear(fd, got, sizeof(got)), 0);
    assert_non_null(strstr(got, " 413 "));
    assert_non_null(strstr(got, TOO_LARGE));
    (void)close(fd);
}

/* --- tests: side by side ---------------------------------------------------------------------------------------------
 */

static void
a_slow_request_holds_up_nobody(void **state)
{
    char head[128];
    char got[1024];
    int  slow[8];

    (void)state;
    (void)snprintf(head, sizeof(head),
                   "POST " POW "/init HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n{",
                   strlen(INIT));
    for (size_t i = 0; i < 8; i++) {
        slow[i] = dial(poc_httpd_port(httpd));
        say(slow[i], head);
    }
    for (int i = 0; i < 16; i++)
        expect("GET", "/api/v1/state", NULL, 200, "{\"state\":\"STOPPED\"}");
    for (size_t i = 0; i < 8; i++) {
        say(slow[i], &INIT[1]);
        assert_int_equal(hear(slow[i], got, sizeof(got)), 0);
        assert_non_null(strstr(got, NOW("LOADING", "false")));
        (void)close(slow[i]);
    }
}

/* How many calls of the engine are under way, and whether it was ever more than one. */
static int inside;
static int overlapped;

static int
busy_status(void *userdata, struct poc_status *ret, char *err, size_t err_len)
{
    (void)userdata;
    (void)err;
    (void)err_len;
    if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) > 1)
        overlapped = 1;
    for (int i = 0; i < 200; i++)
        (void)sched_yield(); /* lets the others come */
    (void)__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    *ret = (struct poc_status){0};
    return 0;
}

static void *
ask_often(void *userdata)
{
    int *good = userdata;

    for (int i = 0; i < 20; i++) {
        struct ga_http_answer got;

        ask("GET", "/api/v1/state", NULL, 0, &got);
        *good += got.status == 200;
        ga_http_done(&got);
    }
    return NULL;
}

static void
the_engine_is_called_for_one_at_a_time(void **state)
{
    pthread_t threads[6];
    int       good[6] = {0};

    (void)state;
    fake->ops.status = busy_status;
    ga_http_setup();
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &good[i]), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(good[i], 20);
    }
    assert_int_equal(overlapped, 0);
}

static void
one_connection_too_many_waits_for_its_turn(void **state)
{
    int           fds[POC_HTTPD_CONNECTIONS];
    int           late;
    char          got[1024];
    struct pollfd answer = {.events = POLLIN};

    (void)state;
    for (size_t i = 0; i < POC_HTTPD_CONNECTIONS; i++)
        fds[i] = dial(poc_httpd_port(httpd));
    late = dial(poc_httpd_port(httpd));
    say(late, "GET /health HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
    answer.fd = late;
    assert_int_equal(poll(&answer, 1, 300), 0);
    (void)close(fds[7]);
    assert_int_equal(hear(late, got, sizeof(got)), 0);
    assert_non_null(strstr(got, " 200 "));
    for (size_t i = 0; i < POC_HTTPD_CONNECTIONS; i++)
        if (i != 7)
            (void)close(fds[i]);
    (void)close(late);
}

/* The API container does so with every batch that it has validated. */
static void
clients_that_keep_their_connections_keep_nobody_out(void **state)
{
    enum { CLIENTS = POC_HTTPD_CONNECTIONS + 8 };
    int    fds[CLIENTS];
    char   got[1024];
    size_t n;

    (void)state;
    for (n = 0; n < CLIENTS; n++) {
        fds[n] = dial(poc_httpd_port(httpd));
        say(fds[n], "GET /health HTTP/1.1\r\nHost: w\r\n\r\n");
        assert_int_equal(hear(fds[n], got, sizeof(got)), 0);
        assert_non_null(strstr(got, "Connection: close"));
    }
    expect("GET", "/health", NULL, 200, "{\"status\":\"OK\"}");
    while (n > 0)
        (void)close(fds[--n]);
}

/* --- tests: begin and end --------------------------------------------------------------------------------------------
 */

static void
stop_closes_all_connections(void **state)
{
    uint16_t port = poc_httpd_port(httpd);
    char     got[16];
    int      waiting = dial(port);
    int      sending = dial(port);

    (void)state;
    say(sending, "POST " POW "/init HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n{\"node_id\"");
    expect("GET", "/health", NULL, 200, "{\"status\":\"OK\"}");
    poc_httpd_stop(httpd);
    httpd = NULL;
    (void)hear(waiting, got, sizeof(got));
    assert_string_equal(got, "");
    (void)hear(sending, got, sizeof(got));
    assert_string_equal(got, "");
    assert_int_equal(dial(port), -1);
    assert_string_equal(fake->calls, "");
    (void)close(waiting);
    (void)close(sending);
}

static int entered[2]; /* pipe: the engine was called */
static int let_go[2];  /* pipe: closing it ends that call */

static int
waiting_status(void *userdata, struct poc_status *ret, char *err, size_t err_len)
{
    char none;

    (void)userdata;
    (void)err;
    (void)err_len;
    *ret = (struct poc_status){0};
    assert_int_equal(write(entered[1], "e", 1), 1);
    return read(let_go[0], &none, 1) == 0 ? 0 : -EIO;
}

static void *
stop_server(void *userdata)
{
    poc_httpd_stop(userdata);
    return NULL;
}

static void
stop_waits_for_the_engine(void **state)
{
    int             fd = dial(poc_httpd_port(httpd));
    char            byte;
    pthread_t       stopper;
    struct timespec soon;

    (void)state;
    assert_int_equal(pipe(entered) + pipe(let_go), 0);
    fake->ops.status = waiting_status;
    say(fd, "GET /health HTTP/1.1\r\nHost: w\r\n\r\n");
    assert_int_equal(read(entered[0], &byte, 1), 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, httpd), 0);
    httpd = NULL;
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec++;
    assert_int_equal(pthread_timedjoin_np(stopper, NULL, &soon), ETIMEDOUT);
    (void)close(let_go[1]);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    (void)close(let_go[0]);
    (void)close(entered[0]);
    (void)close(entered[1]);
    (void)close(fd);
}

/* Starts another one; its error in err, which is "" if there is none. */
static int
start_another(const char *address, uint16_t port, struct poc_httpd **ret, char err[256])
{
    struct poc_httpd_config config = {.address = address, .port = port, .ops = &fake->ops};

    *err = '\0';
    return poc_httpd_start(&config, ret, err, 256);
}

static void
a_port_in_use_is_told(void **state)
{
    struct poc_httpd *other = NULL;
    char              err[256];
    char              wanted[256];

    (void)state;
    assert_int_equal(start_another("127.0.0.1", poc_httpd_port(httpd), &other, err), -EADDRINUSE);
    (void)snprintf(wanted, sizeof(wanted),
                   "cannot listen on 127.0.0.1, port %u: Address already in use; choose another address or port",
                   poc_httpd_port(httpd));
    assert_string_equal(err, wanted);
    assert_null(other);
}

static void
an_address_is_in_figures(void **state)
{
    struct poc_httpd *other = NULL;
    char              err[256];

    (void)state;
    assert_int_equal(start_another("localhost", 0, &other, err), -EINVAL);
    assert_string_equal(err, "'localhost' is no address to listen on; give one in figures, like 0.0.0.0");
    assert_null(other);
}

static void
ipv6_is_listened_on_too(void **state)
{
    struct poc_httpd      *other = NULL;
    struct ga_http_answer  got;
    char                   url[64];
    char                   err[256];
    struct ga_http_request request = {.url = url, .cancel_fd = -1};

    (void)state;
    assert_int_equal(start_another("::1", 0, &other, err), 0);
    (void)snprintf(url, sizeof(url), "http://[::1]:%u/health", poc_httpd_port(other));
    assert_int_equal(ga_http(&request, &got), GA_HTTP_OK);
    assert_int_equal(got.status, 200);
    ga_http_done(&got);
    poc_httpd_stop(other);
}

static void
the_limit_of_a_body_is_16_mib_unless_told(void **state)
{
    struct poc_httpd *first = httpd;
    char             *body = init_of_length(POC_HTTPD_BODY_MAX);
    char              err[256];

    (void)state;
    assert_int_equal(start_another("127.0.0.1", 0, &httpd, err), 0);
    poc_httpd_stop(first);
    expect("POST", POW "/init", body, 200, NOW("LOADING", "false"));
    free(body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_body_comes_to_the_engine),
        TEST(no_content_type_is_needed),
        TEST(bad_json_changes_nothing),
        TEST(a_query_is_not_part_of_the_path),
        TEST(a_wrong_method_is_told_the_right_one),
        TEST(a_body_may_be_as_large_as_the_limit),
        TEST(a_larger_body_is_refused),
        TEST(a_much_larger_body_is_refused),
        TEST(chunks_count_too),
        TEST(chunks_without_end_are_cut_off),
        TEST(a_huge_body_is_refused_by_its_header),
        TEST(a_slow_request_holds_up_nobody),
        TEST(the_engine_is_called_for_one_at_a_time),
        TEST(one_connection_too_many_waits_for_its_turn),
        TEST(clients_that_keep_their_connections_keep_nobody_out),
        TEST(stop_closes_all_connections),
        TEST(stop_waits_for_the_engine),
        TEST(a_port_in_use_is_told),
        TEST(an_address_is_in_figures),
        TEST(ipv6_is_listened_on_too),
        TEST(the_limit_of_a_body_is_16_mib_unless_told),
    };

    return cmocka_run_group_tests_name("poc_httpd", tests, NULL, NULL);
}

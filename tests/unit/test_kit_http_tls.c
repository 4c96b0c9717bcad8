/* HTTPS against real TLS servers with good and bad certificates, and connections that never come about. */
#include "kit/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOOD, UNKNOWN_ISSUER, OTHER_NAME, EXPIRED, PLAIN, SERVERS };

static int   ports[SERVERS];
static pid_t server;
static int   server_input = -1; /* closing it ends the server */
static char  folder[64] = "/tmp/test_kit_http_tls.XXXXXX";
static char  ca_file[96];

static void
be_server(int input, int output)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char        path[512];

    (void)snprintf(path, sizeof(path), "%s/tests/unit/tls_server.py", srcdir);
    (void)dup2(input, 0);
    (void)dup2(output, 1);
    for (int fd = 3; fd < 64; fd++)
        (void)close(fd);
    (void)execl("/usr/bin/python3", "python3", path, folder, NULL);
    _exit(127);
}

static int
read_ports(int fd)
{
    char  line[64] = "";
    char *at = line;

    if (read(fd, line, sizeof(line) - 1) <= 0)
        return -1;
    for (int i = 0; i < SERVERS; i++)
        ports[i] = (int)strtol(at, &at, 10);
    return ports[SERVERS - 1] > 0 ? 0 : -1;
}

static int
start_server(void **state)
{
    int in[2];
    int out[2];
    int r;

    (void)state;
    if (!mkdtemp(folder) || pipe(in) < 0 || pipe(out) < 0)
        return -1;
    (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
    server = fork();
    if (server == 0)
        be_server(in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    server_input = in[1];
    r = read_ports(out[0]);
    (void)close(out[0]);
    return r;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static int
end_server(void **state)
{
    (void)state;
    (void)close(server_input);
    (void)waitpid(server, NULL, 0);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *
url(int which, const char *path)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s://127.0.0.1:%d%s", which == PLAIN ? "http" : "https", ports[which], path);
    return text;
}

static enum ga_http_kind
get(int which, const char *path, struct ga_http_answer *answer)
{
    return ga_http(&(struct ga_http_request){.url = url(which, path), .ca_file = ca_file, .max_redirects = 5}, answer);
}

/* The requests that got as far as this server. */
static long
hits(int which)
{
    struct ga_http_answer answer;
    long                  n;

    assert_int_equal(get(which, "/hits", &answer), GA_HTTP_OK);
    n = strtol(answer.body, NULL, 10);
    ga_http_done(&answer);
    return n;
}

static void
assert_refused(int which, const char *because)
{
    struct ga_http_answer answer;

    assert_int_equal(get(which, "/", &answer), GA_HTTP_TLS);
    assert_int_equal(answer.status, 0);
    assert_null(answer.body);
    assert_non_null(strstr(answer.error, url(which, "/")));
    assert_non_null(strstr(answer.error, because));
    assert_non_null(strstr(answer.error, "is its certificate valid for this name"));
    ga_http_done(&answer);
}

static void
a_certificate_of_the_given_authority_is_accepted(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    assert_int_equal(get(GOOD, "/", &answer), GA_HTTP_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "secret answer");
    ga_http_done(&answer);
}

static void
without_the_authority_the_same_server_is_refused(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    assert_int_equal(ga_http(&(struct ga_http_request){.url = url(GOOD, "/")}, &answer), GA_HTTP_TLS);
    assert_non_null(strstr(answer.error, "issuer"));
    assert_null(answer.body);
    ga_http_done(&answer);
}

static void
an_authority_file_that_is_missing_is_not_passed_over(void **state)
{
    struct ga_http_answer answer;

    (void)state;
    assert_int_equal(
        ga_http(&(struct ga_http_request){.url = url(GOOD, "/"), .ca_file = "/nonexistent/ca.pem"}, &answer),
        GA_HTTP_TLS);
    assert_non_null(strstr(answer.error, "/nonexistent/ca.pem"));
    ga_http_done(&answer);
}

static void
an_unknown_issuer_is_refused(void **state)
{
    (void)state;
    assert_refused(UNKNOWN_ISSUER, "issuer");
}

static void
a_certificate_for_another_name_is_refused(void **state)
{
    (void)state;
    assert_refused(OTHER_NAME, "127.0.0.1'");
}

static void
an_expired_certificate_is_refused(void **state)
{
    (void)state;
    assert_refused(EXPIRED, "expired");
}

static void
plain_http_where_https_is_asked_is_refused(void **state)
{
    struct ga_http_answer answer;
    char                  text[64];

    (void)state;
    (void)snprintf(text, sizeof(text), "https://127.0.0.1:%d/", ports[PLAIN]);
    assert_int_equal(ga_http(&(struct ga_http_request){.url = text, .ca_file = ca_file}, &answer), GA_HTTP_TLS);
    assert_non_null(strstr(answer.error, "is it https at all?"));
    ga_http_done(&answer);
}

static void
a_redirect_to_plain_http_is_not_followed(void **state)
{
    struct ga_http_answer answer;
    long                  before = hits(PLAIN);

    (void)state;
    assert_int_equal(get(GOOD, "/to-plain", &answer), GA_HTTP_REDIRECT);
    assert_non_null(strstr(answer.error, url(GOOD, "/to-plain")));
    assert_non_null(strstr(answer.error, url(PLAIN, "/secret"))); /* where it leads is said, too */
    ga_http_done(&answer);
    assert_int_equal(hits(PLAIN), before);
}

/* Same host, same port: the scheme alone is what keeps a secret from going over the wire in the clear. */
static void
a_redirect_that_only_drops_tls_is_not_followed(void **state)
{
    struct ga_http_answer answer;
    char                  there[64];

    (void)state;
    (void)snprintf(there, sizeof(there), "http://127.0.0.1:%d/secret", ports[GOOD]);
    assert_int_equal(get(GOOD, "/to-http", &answer), GA_HTTP_REDIRECT);
    assert_non_null(strstr(answer.error, there));
    ga_http_done(&answer);
}

/* --- connections that never come about ------------------------------------------------------------------------------
 */

struct crowd {
    int listener;
    int port;
    int waiting[16];
    int n;
};

/* 1: the kernel took the connection in; 0: it lets it wait, the backlog is full. */
static int
joins_backlog(struct crowd *crowd, const struct sockaddr_in *address)
{
    int           fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd connected = {.fd = fd, .events = POLLOUT};

    assert_true(fd >= 0);
    crowd->waiting[crowd->n++] = fd;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 1;
    assert_int_equal(errno, EINPROGRESS);
    return poll(&connected, 1, 100);
}

/* A listener that never accepts, its backlog full: from here on nobody is answered, as behind a firewall that drops. */
static void
crowd_gathers(struct crowd *crowd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(address);

    *crowd = (struct crowd){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(crowd->listener >= 0);
    assert_int_equal(bind(crowd->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(crowd->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(crowd->listener, 0), 0);
    crowd->port = ntohs(address.sin_port);
    while (joins_backlog(crowd, &address))
        assert_true(crowd->n < 16);
}

static void
crowd_leaves(struct crowd *crowd)
{
    for (int i = 0; i < crowd->n; i++)
        (void)close(crowd->waiting[i]);
    (void)close(crowd->listener);
}

static long
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void
a_connection_that_never_comes_ends_with_the_limit_for_connecting(void **state)
{
    struct ga_http_answer answer;
    struct crowd          crowd;
    char                  text[64];
    long                  took;

    (void)state;
    crowd_gathers(&crowd);
    (void)snprintf(text, sizeof(text), "http://127.0.0.1:%d/status", crowd.port);
    took = now_ms();
    (void)ga_http(&(struct ga_http_request){.url = text, .connect_ms = 300, .total_ms = 20000}, &answer);
    took = now_ms() - took;
    assert_int_equal(answer.kind, GA_HTTP_TIMEOUT);
    assert_non_null(strstr(answer.error, text));
    assert_non_null(strstr(answer.error, "no connection in time"));
    assert_non_null(strstr(answer.error, "firewall"));
    assert_true(took >= 290 && took < 5000); /* far from the 20 s for all of it */
    ga_http_done(&answer);
    crowd_leaves(&crowd);
}

/* The backlog takes the connection in, but nobody ever answers the TLS handshake. */
static void
a_handshake_that_never_comes_ends_with_the_limit_for_connecting(void **state)
{
    struct sockaddr_in    address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t             len = sizeof(address);
    int                   listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ga_http_answer answer;
    char                  text[64];
    long                  took;

    (void)state;
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(text, sizeof(text), "https://127.0.0.1:%d/", ntohs(address.sin_port));
    took = now_ms();
    (void)ga_http(&(struct ga_http_request){.url = text, .connect_ms = 300, .total_ms = 20000}, &answer);
    took = now_ms() - took;
    assert_int_equal(answer.kind, GA_HTTP_TIMEOUT);
    assert_non_null(strstr(answer.error, "no connection in time"));
    assert_true(took < 5000);
    ga_http_done(&answer);
    (void)close(listener);
}

/* The other kind of waiting keeps its own words: connected, and then silence. */
static void
an_answer_that_never_comes_is_not_called_a_missing_connection(void **state)
{
    struct sockaddr_in    address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t             len = sizeof(address);
    int                   listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ga_http_answer answer;
    char                  text[64];

    (void)state;
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(text, sizeof(text), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    (void)ga_http(&(struct ga_http_request){.url = text, .connect_ms = 5000, .total_ms = 300}, &answer);
    assert_int_equal(answer.kind, GA_HTTP_TIMEOUT);
    assert_non_null(strstr(answer.error, "did not answer in time"));
    assert_null(strstr(answer.error, "firewall"));
    ga_http_done(&answer);
    (void)close(listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_of_the_given_authority_is_accepted),
        cmocka_unit_test(without_the_authority_the_same_server_is_refused),
        cmocka_unit_test(an_authority_file_that_is_missing_is_not_passed_over),
        cmocka_unit_test(an_unknown_issuer_is_refused),
        cmocka_unit_test(a_certificate_for_another_name_is_refused),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(plain_http_where_https_is_asked_is_refused),
        cmocka_unit_test(a_redirect_to_plain_http_is_not_followed),
        cmocka_unit_test(a_redirect_that_only_drops_tls_is_not_followed),
        cmocka_unit_test(a_connection_that_never_comes_ends_with_the_limit_for_connecting),
        cmocka_unit_test(a_handshake_that_never_comes_ends_with_the_limit_for_connecting),
        cmocka_unit_test(an_answer_that_never_comes_is_not_called_a_missing_connection),
    };

    return cmocka_run_group_tests(tests, start_server, end_server);
}

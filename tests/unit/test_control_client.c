/* The client side of the control socket, against daemons that answer, do not, or talk rubbish. */
#include "agent/control_client.h"
#include "agent/print.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A daemon that takes one client: reads its request, writes `answer` and, unless `stay`, closes. */
struct daemon {
    char        folder[64];
    char        path[96];
    int         fd;
    int         client_fd;
    const char *answer;
    size_t      answer_len;
    bool        stay;
    bool        running;
    char        request[256];
    pthread_t   thread;
};

static int
make_place(void **state)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));

    daemon->fd = daemon->client_fd = -1;
    (void)snprintf(daemon->folder, sizeof(daemon->folder), "/tmp/test_control_client.XXXXXX");
    *state = daemon;
    if (!mkdtemp(daemon->folder))
        return -1;
    (void)snprintf(daemon->path, sizeof(daemon->path), "%s/control.sock", daemon->folder);
    return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int
remove_place(void **state)
{
    struct daemon *daemon = *state;
    int            r;

    if (daemon->running)
        (void)pthread_join(daemon->thread, NULL);
    if (daemon->client_fd >= 0)
        (void)close(daemon->client_fd);
    if (daemon->fd >= 0)
        (void)close(daemon->fd);
    r = nftw(daemon->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(daemon);
    return r;
}

static void
listen_at(struct daemon *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->path);
    daemon->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(daemon->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(daemon->fd, 4), 0);
}

static void *
serve(void *argument)
{
    struct daemon *daemon = argument;
    size_t         sent = 0;
    ssize_t        n;

    daemon->client_fd = accept(daemon->fd, NULL, NULL);
    n = recv(daemon->client_fd, daemon->request, sizeof(daemon->request) - 1, 0);
    while (n > 0 && sent < daemon->answer_len) {
        ssize_t put = send(daemon->client_fd, daemon->answer + sent, daemon->answer_len - sent, MSG_NOSIGNAL);

        if (put < 0)
            break;
        sent += (size_t)put;
    }
    if (!daemon->stay)
        (void)shutdown(daemon->client_fd, SHUT_RDWR);
    return NULL;
}

static void
start(struct daemon *daemon, const char *answer, size_t len, bool stay)
{
    listen_at(daemon);
    daemon->answer = answer;
    daemon->answer_len = len;
    daemon->stay = stay;
    assert_int_equal(pthread_create(&daemon->thread, NULL, serve, daemon), 0);
    daemon->running = true;
}

static int
ask(const char *path, int timeout_ms, cJSON **ret, char *why, size_t len)
{
    cJSON *request = cJSON_CreateObject();
    int    r;

    assert_non_null(cJSON_AddStringToObject(request, "cmd", "status"));
    r = client_ask(path, request, timeout_ms, ret, why, len);
    cJSON_Delete(request);
    return r;
}

static void
assert_fails(const char *path, int timeout_ms, int error, const char *words)
{
    cJSON *answer = NULL;
    char   why[512] = "";

    assert_int_equal(ask(path, timeout_ms, &answer, why, sizeof(why)), error);
    assert_null(answer);
    if (!strstr(why, words) || !strstr(why, path))
        fail_msg("%s", why);
}

static void
a_request_is_one_line_and_so_is_its_answer(void **state)
{
    struct daemon *daemon = *state;
    cJSON         *answer = NULL;
    char           why[512];
    const char     line[] = "{\"ok\":true,\"n\":\"1\"}\n{\"more\":1}\n";

    start(daemon, line, sizeof(line) - 1, false);
    assert_int_equal(ask(daemon->path, 10000, &answer, why, sizeof(why)), 0);
    assert_string_equal(print_str(answer, "n"), "1");
    assert_int_equal(pthread_join(daemon->thread, NULL), 0);
    daemon->running = false;
    assert_string_equal(daemon->request, "{\"cmd\":\"status\"}\n");
    cJSON_Delete(answer);
}

static void
no_socket_means_that_no_daemon_is_there(void **state)
{
    struct daemon *daemon = *state;

    assert_fails(daemon->path, 1000, -ENOENT, "no daemon answers at");
    assert_true(client_absent(-ENOENT));
}

static void
a_socket_that_nobody_listens_at_means_that_no_daemon_is_there(void **state)
{
    struct daemon *daemon = *state;

    listen_at(daemon);
    (void)close(daemon->fd);
    daemon->fd = -1;
    assert_fails(daemon->path, 1000, -ECONNREFUSED, "no daemon answers at");
    assert_true(client_absent(-ECONNREFUSED));
}

static void
a_socket_that_may_not_be_used_is_no_proof_of_absence(void **state)
{
    struct daemon *daemon = *state;
    cJSON         *answer = NULL;
    char           why[512] = "";
    int            r;

    if (geteuid() != 0)
        skip(); /* needs a second user */
    listen_at(daemon);
    assert_int_equal(chmod(daemon->folder, 0755), 0);
    assert_int_equal(chmod(daemon->path, 0600), 0);
    assert_int_equal(seteuid(65534), 0);
    r = ask(daemon->path, 1000, &answer, why, sizeof(why));
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(r, -EACCES);
    assert_false(client_absent(r));
    assert_non_null(strstr(why, "be root, or join the group"));
}

static void
a_name_that_no_socket_can_have_is_said(void **state)
{
    char path[200];

    (void)state;
    (void)snprintf(path, sizeof(path), "/%0150d", 1);
    assert_fails(path, 1000, -ENAMETOOLONG, "too long");
}

static void
a_daemon_that_closes_without_a_word_is_unknown(void **state)
{
    struct daemon *daemon = *state;

    start(daemon, "", 0, false);
    assert_fails(daemon->path, 10000, -ENODATA, "closed the connection without an answer");
    assert_false(client_absent(-ENODATA));
}

static void
a_daemon_that_dies_within_a_line_is_unknown(void **state)
{
    struct daemon *daemon = *state;

    start(daemon, "{\"ok\":tr", 8, false);
    assert_fails(daemon->path, 10000, -ENODATA, "closed the connection without an answer");
}

static void
a_daemon_that_does_not_answer_in_time_is_unknown(void **state)
{
    struct daemon *daemon = *state;

    start(daemon, "{\"ok\":tr", 8, true);
    assert_fails(daemon->path, 50, -ETIMEDOUT, "its state is unknown");
}

static void
what_is_no_json_object_is_refused(void **state)
{
    struct daemon *daemon = *state;

    start(daemon, "HTTP/1.1 400 Bad Request\r\n", 26, true);
    assert_fails(daemon->path, 10000, -EBADMSG, "is it the socket of gonka-agent?");
}

static void
an_array_is_no_answer(void **state)
{
    struct daemon *daemon = *state;

    start(daemon, "[1]\n", 4, true);
    assert_fails(daemon->path, 10000, -EBADMSG, "what is not JSON");
}

static void
long_lines_and_many_lines_arrive_whole(void **state)
{
    struct daemon *daemon = *state;
    const size_t   text_len = 3 << 20;
    char          *lines = malloc(text_len + 65536);
    size_t         len = 0;
    struct client *client = NULL;
    cJSON         *line = NULL;
    char           why[512];

    assert_non_null(lines);
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(lines + len, 64, "{\"n\":\"%d\"}\n", i);
    len += (size_t)snprintf(lines + len, 64, "{\"text\":\"");
    memset(lines + len, 'x', text_len);
    len += text_len;
    len += (size_t)snprintf(lines + len, 64, "\"}\n");
    start(daemon, lines, len, false);
    assert_int_equal(client_connect(daemon->path, &client, why, sizeof(why)), 0);
    line = cJSON_CreateObject();
    assert_int_equal(client_send(client, line), 0);
    cJSON_Delete(line);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(client_next(client, 10000, &line), 0);
        assert_int_equal(strtol(print_str(line, "n"), NULL, 10), i);
        cJSON_Delete(line);
    }
    assert_int_equal(client_next(client, 20000, &line), 0);
    assert_int_equal(strlen(print_str(line, "text")), text_len);
    cJSON_Delete(line);
    assert_int_equal(client_next(client, 10000, &line), -ENODATA);
    client_close(client);
    free(lines);
}

int
main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    static const struct CMUnitTest tests[] = {
        WITH_PLACE(a_request_is_one_line_and_so_is_its_answer),
        WITH_PLACE(no_socket_means_that_no_daemon_is_there),
        WITH_PLACE(a_socket_that_nobody_listens_at_means_that_no_daemon_is_there),
        WITH_PLACE(a_socket_that_may_not_be_used_is_no_proof_of_absence),
        WITH_PLACE(a_name_that_no_socket_can_have_is_said),
        WITH_PLACE(a_daemon_that_closes_without_a_word_is_unknown),
        WITH_PLACE(a_daemon_that_dies_within_a_line_is_unknown),
        WITH_PLACE(a_daemon_that_does_not_answer_in_time_is_unknown),
        WITH_PLACE(what_is_no_json_object_is_refused),
        WITH_PLACE(an_array_is_no_answer),
        WITH_PLACE(long_lines_and_many_lines_arrive_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

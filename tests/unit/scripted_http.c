/* scripted_http.c: an HTTP server that gives prepared answers. */
#include "tests/unit/scripted_http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST_MAX 65536
#define WAIT_MS 30000 /* more than a slow machine takes */

/* A bound socket on a free port. */
static int
bind_free(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* --- the server's process: it has no test to fail, it exits ----------------------------------------------------------
 */

/* Is this all of a request, by its Content-Length? */
static int
is_whole(const char *text, size_t len)
{
    const char *body = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");

    if (!body)
        return 0;
    return len >= (size_t)(body + 4 - text) + (length ? strtoul(length + 17, NULL, 10) : 0);
}

static size_t
read_request(int fd, char *text)
{
    size_t len = 0;

    *text = '\0';
    while (!is_whole(text, len) && len < REQUEST_MAX - 1) {
        ssize_t n = read(fd, text + len, REQUEST_MAX - 1 - len);

        if (n <= 0)
            _exit(1);
        len += (size_t)n;
        text[len] = '\0';
    }
    return len;
}

static void
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n <= 0)
            return; /* the other side has heard enough */
        data += n;
        len -= (size_t)n;
    }
}

static void
serve(int listener, int tell, const char *const *answers)
{
    static char text[REQUEST_MAX];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int    fd = accept(listener, NULL, NULL);
        size_t len;

        if (fd < 0)
            _exit(1);
        len = read_request(fd, text);
        write_all(tell, (const char *)&len, sizeof(len));
        write_all(tell, text, len);
        if (**answers) { /* else it hangs, and the descriptor stays open */
            write_all(fd, *answers, strlen(*answers));
            (void)shutdown(fd, SHUT_WR);
            while (read(fd, text, sizeof(text)) > 0)
                ; /* a close with unread bytes would cut the answer */
            (void)close(fd);
        }
        if (answers[1])
            answers++;
    }
}

/* --- the test's side -------------------------------------------------------------------------------------------------
 */

void
scripted_http_start(struct scripted_http *server, const char *const *answers)
{
    int ends[2];
    int listener = bind_free(&server->port);

    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        serve(listener, ends[1], answers);
    (void)close(listener);
    (void)close(ends[1]);
    server->told = ends[0];
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d", server->port);
}

void
scripted_http_stop(struct scripted_http *server)
{
    if (server->pid <= 0)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    (void)close(server->told);
    server->pid = 0;
}

static void
read_all(int fd, char *data, size_t len)
{
    while (len > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t       n;

        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        n = read(fd, data, len);
        assert_true(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

char *
scripted_http_request(struct scripted_http *server)
{
    size_t len = 0;
    char  *text;

    read_all(server->told, (char *)&len, sizeof(len));
    assert_true(len < REQUEST_MAX);
    text = calloc(1, len + 1);
    assert_non_null(text);
    read_all(server->told, text, len);
    return text;
}

void
scripted_http_expect_no_request(struct scripted_http *server)
{
    struct pollfd ready = {.fd = server->told, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, 0), 0);
}

int
refused_url(char *ret, size_t len)
{
    int port;
    int fd = bind_free(&port);

    (void)snprintf(ret, len, "http://127.0.0.1:%d", port);
    return fd;
}

/* chain_server.c: a node that answers as it is told, in a process of its own. */
#include "chain_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STATUS_TEXTS 8
#define FDS 256

/* 1: `fd` has something to read (or its end); 0: the server shall end. */
static int
wait_for(int fd, int life)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = life, .events = POLLIN}};

    return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static int
send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads up to the blank line and keeps the target of the first. */
static int
read_target(int fd, int life, char *target, size_t size)
{
    char   head[8192] = "";
    size_t len = 0;
    char  *end;

    while (!strstr(head, "\r\n\r\n")) {
        ssize_t n = wait_for(fd, life) ? recv(fd, head + len, sizeof(head) - 1 - len, 0) : 0;

        if (n <= 0)
            return -1;
        len += (size_t)n;
        head[len] = '\0';
    }
    if (strncmp(head, "GET ", 4) != 0)
        return -1;
    end = strchr(head + 4, ' ');
    (void)snprintf(target, size, "%.*s", end ? (int)(end - head - 4) : 0, head + 4);
    return 0;
}

static void
answer(int fd, int life, const struct chain_server_reply *reply)
{
    size_t len = strlen(reply->body);
    char   head[256];

    if (reply->manner == CHAIN_SERVER_SILENT) {
        (void)wait_for(fd, life); /* the other side gives up */
        return;
    }
    (void)snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nConnection: close\r\n", reply->status ? reply->status : 200);
    if (send_all(fd, head, strlen(head)) < 0)
        return;
    if (reply->manner == CHAIN_SERVER_ENDLESS) {
        if (send_all(fd, "\r\n", 2) == 0)
            while (send_all(fd, reply->body, len) == 0)
                ;
        return;
    }
    (void)snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", len);
    if (send_all(fd, head, strlen(head)) == 0)
        (void)send_all(fd, reply->body, reply->manner == CHAIN_SERVER_HALF ? len / 2 : len);
}

static void
serve(int listener, int life, const struct chain_server_reply *replies)
{
    static const struct chain_server_reply none = {"", 404, "<html><body>404 Not Found</body></html>", 0};
    char                                   target[4096];

    while (wait_for(listener, life)) {
        int                              fd = accept(listener, NULL, NULL);
        const struct chain_server_reply *reply = replies;

        if (fd >= 0 && read_target(fd, life, target, sizeof(target)) == 0) {
            while (reply->target && strcmp(reply->target, target) != 0)
                reply++;
            answer(fd, life, reply->target ? reply : &none);
        }
        (void)close(fd);
    }
}

static int
listen_somewhere(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t          len = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void
chain_server_start(struct chain_server *server, const struct chain_server_reply *replies)
{
    int life[2];
    int listener = listen_somewhere(&server->port);

    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(pipe(life), 0);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d", server->port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        for (int fd = 3; fd < FDS; fd++) /* the life of other servers too: it must end with the test's end of it */
            if (fd != life[0] && fd != listener)
                (void)close(fd);
        serve(listener, life[0], replies);
        _exit(0);
    }
    server->life = life[1];
    (void)close(life[0]);
    (void)close(listener);
}

void
chain_server_stop(struct chain_server *server)
{
    int status = -1;

    (void)close(server->life);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void
chain_server_nobody(char *url, size_t len)
{
    int port;
    int fd = listen_somewhere(&port); /* bound, never listening; closed it stays unused long enough */

    (void)close(fd);
    (void)snprintf(url, len, "http://127.0.0.1:%d", port);
}

const char *
chain_server_status(const char *chain_id, const char *node_id, const char *height, const char *time,
                    const char *catching_up)
{
    static char   texts[STATUS_TEXTS][1024];
    static size_t turn;
    char         *text = texts[turn++ % STATUS_TEXTS];

    (void)snprintf(text, sizeof(texts[0]),
                   "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{\"node_info\":{\"id\":\"%s\",\"listen_addr\":"
                   "\"tcp://0.0.0.0:5000\",\"network\":\"%s\",\"moniker\":\"my-node\"},\"sync_info\":{"
                   "\"latest_block_height\":%s,\"latest_block_time\":\"%s\",\"earliest_block_height\":\"1498001\","
                   "\"catching_up\":%s},\"validator_info\":{\"address\":"
                   "\"139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8\",\"pub_key\":{\"type\":\"tendermint/PubKeyEd25519\","
                   "\"value\":\"OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps=\"},\"voting_power\":\"1000\"}}}",
                   node_id, chain_id, height, time, catching_up);
    return text;
}

/* control_client.c: the client side of the control socket. */
#include "agent/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/clock.h"
#include "kit/json.h"

struct client {
    int    fd;
    char  *buf;
    size_t len;
    size_t room;
    size_t seen; /* no line break before this place */
};

int
client_absent(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED;
}

static void
explain(int error, const char *path, char *reterr, size_t reterr_len)
{
    switch (-error) {
    case ENOENT:
    case ECONNREFUSED:
        errno = -error;
        (void)snprintf(reterr, reterr_len,
                       "no daemon answers at %s (%m): start it with systemctl start gonka-agent, or see why it ended "
                       "with systemctl status gonka-agent",
                       path);
        break;
    case EACCES:
    case EPERM:
        (void)snprintf(reterr, reterr_len,
                       "not allowed to talk to the daemon at %s: be root, or join the group that owns this socket",
                       path);
        break;
    case ENAMETOOLONG:
        (void)snprintf(reterr, reterr_len, "the name of the control socket is too long (107 bytes at most): %s", path);
        break;
    default:
        errno = -error;
        (void)snprintf(reterr, reterr_len, "cannot talk to the daemon at %s: %m", path);
    }
}

int
client_connect(const char *path, struct client **ret, char *reterr, size_t reterr_len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client     *client = NULL;
    int                r = 0;

    if (strlen(path) >= sizeof(address.sun_path)) {
        r = -ENAMETOOLONG;
        goto fail;
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    client = calloc(1, sizeof(*client));
    if (!client) {
        r = -ENOMEM;
        goto fail;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        r = -errno;
        goto fail;
    }
    *ret = client;
    return 0;
fail:
    client_close(client);
    explain(r, path, reterr, reterr_len);
    return r;
}

int
client_send(struct client *client, const cJSON *request)
{
    char  *text = ga_json_print(request);
    size_t len = text ? strlen(text) : 0;
    size_t sent = 0;
    int    r = 0;

    if (!text) {
        return -ENOMEM;
    }
    text[len++] = '\n'; /* in place of the NUL: only len counts from here */
    while (sent < len) {
        ssize_t n = send(client->fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            r = -errno;
            break;
        }
        sent += (size_t)n;
    }
    free(text);
    return r;
}

/* Takes the first line out of the buffer. -EAGAIN when there is none yet. */
static int
take_line(struct client *client, cJSON **ret)
{
    char *end = client->buf ? memchr(client->buf + client->seen, '\n', client->len - client->seen) : NULL;
    char  error[160];

    if (!end) {
        client->seen = client->len;
        return client->len > CLIENT_LINE_MAX ? -EBADMSG : -EAGAIN;
    }
    size_t len = (size_t)(end - client->buf);
    cJSON *json = ga_json_parse(client->buf, len, error, sizeof(error));
    client->len -= len + 1;
    client->seen = 0;
    memmove(client->buf, end + 1, client->len);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return -EBADMSG;
    }
    *ret = json;
    return 0;
}

static int
fill(struct client *client)
{
    if (client->room - client->len < 4096) {
        size_t room = client->room ? client->room * 2 : 16384;
        char  *buf = realloc(client->buf, room);
        if (!buf) {
            return -ENOMEM;
        }
        client->buf = buf;
        client->room = room;
    }
    ssize_t n = recv(client->fd, client->buf + client->len, client->room - client->len, 0);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    if (n == 0) {
        return -ENODATA;
    }
    client->len += (size_t)n;
    return 0;
}

int
client_next(struct client *client, int timeout_ms, cJSON **ret)
{
    int64_t deadline = timeout_ms < 0 ? 0 : clock_boot_ns() + timeout_ms * NS_PER_MS;

    for (;;) {
        int r = take_line(client, ret);
        if (r != -EAGAIN) {
            return r;
        }
        struct pollfd p = {.fd = client->fd, .events = POLLIN};
        int64_t       left = timeout_ms < 0 ? -1 : (deadline - clock_boot_ns()) / NS_PER_MS;
        if (timeout_ms >= 0 && left < 0) {
            return -ETIMEDOUT;
        }
        int n = poll(&p, 1, (int)left);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            return -ETIMEDOUT;
        }
        r = n > 0 ? fill(client) : 0;
        if (r < 0) {
            return r;
        }
    }
}

int
client_fd(const struct client *client)
{
    return client->fd;
}

void
client_close(struct client *client)
{
    if (!client) {
        return;
    }
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    free(client->buf);
    free(client);
}

int
client_ask(const char *path, const cJSON *request, int timeout_ms, cJSON **ret, char *reterr, size_t reterr_len)
{
    struct client *client = NULL;
    int            r = client_connect(path, &client, reterr, reterr_len);

    if (r < 0) {
        return r;
    }
    r = client_send(client, request);
    if (r == 0) {
        r = client_next(client, timeout_ms, ret);
    }
    if (r == -ENODATA) {
        (void)snprintf(reterr, reterr_len, "the daemon at %s closed the connection without an answer: its log says why",
                       path);
    } else if (r == -ETIMEDOUT) {
        (void)snprintf(reterr, reterr_len, "the daemon at %s did not answer within %d s: its state is unknown", path,
                       timeout_ms / 1000);
    } else if (r == -EBADMSG) {
        (void)snprintf(reterr, reterr_len, "%s answered what is not JSON: is it the socket of gonka-agent?", path);
    } else if (r < 0) {
        explain(r, path, reterr, reterr_len);
    }
    client_close(client);
    return r;
}

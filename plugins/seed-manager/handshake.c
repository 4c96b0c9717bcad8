/* handshake.c: the messages of CometBFT's secret connection, over a socket, within a limit of time. */
#include "plugins/seed-manager/handshake.h"

#include "plugins/seed-manager/probe.h"
#include "plugins/seed-manager/secret.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_MS INT64_C(1000000)
#define INFO_MAX 10240 /* bytes of what a node says of itself: CometBFT's own limit */

/* A protobuf BytesValue of 32 bytes with its length in front. */
static const uint8_t key_head[3] = {0x22, 0x0a, 0x20};
/* AuthSigMessage: its length, pub_key {ed25519: 32 bytes}; then sig: 64 bytes. */
static const uint8_t auth_head[5] = {0x66, 0x0a, 0x22, 0x0a, 0x20};
static const uint8_t auth_middle[2] = {0x12, 0x40};

#define KEY_MESSAGE (sizeof(key_head) + SECRET_KEY)
#define AUTH_KEY sizeof(auth_head)
#define AUTH_SIGNATURE (AUTH_KEY + SECRET_KEY + sizeof(auth_middle))
#define AUTH_MESSAGE (AUTH_SIGNATURE + SECRET_SIGNATURE)

struct talk {
    int               fd;
    int               cancel_fd;
    int64_t           end_ns; /* CLOCK_MONOTONIC */
    struct secret     secret;
    struct handshake *ret;
    size_t            len; /* of data: what came, opened, not yet read */
    uint8_t           data[INFO_MAX + 2 * SECRET_DATA];
};

static int
fail(const struct talk *talk, const char *why)
{
    (void)snprintf(talk->ret->why, sizeof(talk->ret->why), "%s", why);
    return -1;
}

/* --- bytes ---------------------------------------------------------------------------------------------------------
 */

/* 0 when the socket may be ready. */
static int
wait_for(const struct talk *talk, short events)
{
    struct pollfd fds[2] = {{.fd = talk->fd, .events = events}, {.fd = talk->cancel_fd, .events = POLLIN}};
    int64_t       left_ms = (talk->end_ns - probe_now()) / NS_PER_MS;

    if (left_ms <= 0 || poll(fds, talk->cancel_fd > 0 ? 2 : 1, (int)left_ms) == 0)
        return fail(talk, "open, but it says nothing as peers do");
    if (talk->cancel_fd > 0 && fds[1].revents)
        return fail(talk, "was cancelled");
    return 0;
}

static int
is_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int
send_all(const struct talk *talk, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(talk->fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && !is_again())
            return fail(talk, "open, but it hangs up on strangers");
        if (n < 0 && wait_for(talk, POLLOUT) < 0)
            return -1;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int
receive_all(const struct talk *talk, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(talk->fd, data, len, 0);

        if (n == 0 || (n < 0 && !is_again()))
            return fail(talk, "open, but it hangs up on strangers");
        if (n < 0 && wait_for(talk, POLLIN) < 0)
            return -1;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* At least `need` bytes of opened data; need is at most INFO_MAX + SECRET_DATA. */
static int
fill(struct talk *talk, size_t need)
{
    uint8_t frame[SECRET_FRAME];
    size_t  len = 0;

    while (talk->len < need) {
        if (receive_all(talk, frame, sizeof(frame)) < 0)
            return -1;
        if (secret_open(&talk->secret, frame, talk->data + talk->len, &len) < 0)
            return fail(talk, "open, but what it sends is not sealed as peers do");
        if (len == 0)
            return fail(talk, "open, but it sends empty frames");
        talk->len += len;
    }
    return 0;
}

static void
drop(struct talk *talk, size_t len)
{
    talk->len -= len;
    memmove(talk->data, talk->data + len, talk->len);
}

/* --- messages ------------------------------------------------------------------------------------------------------
 */

static int
exchange_keys(struct talk *talk)
{
    uint8_t message[KEY_MESSAGE];

    if (secret_init(&talk->secret) < 0)
        return fail(talk, "there is not enough memory for keys");
    memcpy(message, key_head, sizeof(key_head));
    memcpy(message + sizeof(key_head), talk->secret.own_public, SECRET_KEY);
    if (send_all(talk, message, sizeof(message)) < 0 || receive_all(talk, message, sizeof(message)) < 0)
        return -1;
    if (memcmp(message, key_head, sizeof(key_head)) != 0 || secret_agree(&talk->secret, message + sizeof(key_head)) < 0)
        return fail(talk, "open, but it does not speak the protocol of peers");
    return 0;
}

static int
send_auth(struct talk *talk)
{
    uint8_t message[AUTH_MESSAGE];
    uint8_t frame[SECRET_FRAME];

    memcpy(message, auth_head, sizeof(auth_head));
    memcpy(message + AUTH_KEY + SECRET_KEY, auth_middle, sizeof(auth_middle));
    if (secret_sign(&talk->secret, message + AUTH_KEY, message + AUTH_SIGNATURE) < 0 ||
        secret_seal(&talk->secret, message, sizeof(message), frame) < 0)
        return fail(talk, "there is not enough memory for keys");
    return send_all(talk, frame, sizeof(frame));
}

static int
receive_auth(struct talk *talk)
{
    if (fill(talk, AUTH_MESSAGE) < 0)
        return -1;
    if (memcmp(talk->data, auth_head, sizeof(auth_head)) != 0 ||
        memcmp(talk->data + AUTH_KEY + SECRET_KEY, auth_middle, sizeof(auth_middle)) != 0)
        return fail(talk, "open, but it does not prove who it is");
    if (!secret_verify(&talk->secret, talk->data + AUTH_KEY, talk->data + AUTH_SIGNATURE))
        return fail(talk, "open, but it pretends to be a node that it is not: its signature is wrong");
    if (secret_id(talk->data + AUTH_KEY, talk->ret->id) < 0)
        return fail(talk, "there is not enough memory for keys");
    drop(talk, AUTH_MESSAGE);
    return 0;
}

/* --- what a node says of itself ------------------------------------------------------------------------------------
 */

/* A number of protobuf at *at. 0; -1: cut off or longer than 63 bits. */
static int
read_number(const uint8_t *data, size_t len, size_t *at, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 63 && *at < len; shift += 7) {
        uint8_t byte = data[(*at)++];

        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return 0;
    }
    return -1;
}

int
handshake_network(const uint8_t *message, size_t len, char ret[64])
{
    size_t   at = 0;
    uint64_t tag;
    uint64_t n;

    ret[0] = '\0';
    while (at < len) {
        if (read_number(message, len, &at, &tag) < 0 || read_number(message, len, &at, &n) < 0)
            return -1;
        if ((tag & 7) == 0)
            continue; /* a number: n is its value */
        if ((tag & 7) != 2 || n > len - at)
            return -1;
        if (tag >> 3 == 4 && n > 0 && n < 64 && !memchr(message + at, '\0', (size_t)n)) {
            memcpy(ret, message + at, (size_t)n);
            ret[n] = '\0';
            return 0;
        }
        at += (size_t)n;
    }
    return -1;
}

/* A node that went away by now has proven its id all the same. */
static void
receive_info(struct talk *talk)
{
    size_t   at = 0;
    uint64_t len = 0;

    if (fill(talk, 2) < 0 || read_number(talk->data, talk->len, &at, &len) < 0 || len == 0 || len > INFO_MAX)
        return;
    if (fill(talk, at + (size_t)len) == 0)
        (void)handshake_network(talk->data + at, (size_t)len, talk->ret->network);
}

int
handshake_do(int fd, int timeout_ms, int cancel_fd, struct handshake *ret)
{
    struct talk talk = {.fd = fd, .cancel_fd = cancel_fd, .end_ns = probe_now() + timeout_ms * NS_PER_MS, .ret = ret};
    int         r;

    memset(ret, 0, sizeof(*ret));
    r = exchange_keys(&talk);
    if (r == 0)
        r = send_auth(&talk);
    if (r == 0)
        r = receive_auth(&talk);
    if (r == 0) {
        receive_info(&talk);
        ret->why[0] = '\0';
    }
    secret_clear(&talk.secret);
    return r;
}

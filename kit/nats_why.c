/* nats_why.c: what a failed connection means, in words that tell the next step. */
#include "kit/nats_parts.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
nats_say(struct ga_nats_error *err, enum ga_nats_why why, const char *format, ...)
{
    va_list args;

    err->why = why;
    err->api_code = 0;
    err->err_code = 0;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
}

void
nats_redact(const char *url, char *ret, size_t len)
{
    const char *host = strstr(url, "://");
    const char *at;

    host = host ? host + 3 : url;
    at = strrchr(host, '@');
    (void)snprintf(ret, len, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
}

/* Host and port out of a URL without a login. 0, or -1 when they are not there. */
static int
split(const char *url, char host[256], char port[8])
{
    const char *start = strstr(url, "://");
    const char *end;
    const char *colon;

    start = start ? start + 3 : url;
    if (*start == '[') {
        start++;
        end = strchr(start, ']');
        colon = end ? end + 1 : NULL;
    } else {
        end = start + strcspn(start, ":/");
        colon = end;
    }
    if (!end || end == start)
        return -1;
    (void)snprintf(host, 256, "%.*s", (int)(end - start), start);
    (void)snprintf(port, 8, "%.*s", *colon == ':' ? (int)strspn(colon + 1, "0123456789") : 4,
                   *colon == ':' ? colon + 1 : "4222");
    return 0;
}

/* Waits for events on fd, at most until the deadline. 0, ETIMEDOUT, ECANCELED, or another errno. */
static int
wait_fd(int fd, short events, int cancel_fd, int64_t deadline_ms)
{
    struct pollfd pollers[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
    int64_t       left = deadline_ms - nats_now_ms();
    int           n;

    do
        n = poll(pollers, 2, left > 0 ? (int)left : 0);
    while (n < 0 && errno == EINTR && (left = deadline_ms - nats_now_ms()) > 0);
    if (n < 0)
        return errno;
    if (pollers[1].revents)
        return ECANCELED;
    return n == 0 ? ETIMEDOUT : 0;
}

/* Connected, and the server greets. 0, or the errno; EPROTO: connected, but what came is no greeting of NATS. */
static int
greeting(int fd, int cancel_fd, int64_t deadline_ms)
{
    char      text[5];
    int       problem = 0;
    socklen_t len = sizeof(problem);
    int       r = wait_fd(fd, POLLOUT, cancel_fd, deadline_ms);

    if (r != 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) < 0)
        return errno;
    if (problem != 0)
        return problem;
    r = wait_fd(fd, POLLIN, cancel_fd, deadline_ms);
    if (r == ETIMEDOUT)
        return EPROTO;
    if (r != 0)
        return r;
    return recv(fd, text, sizeof(text), MSG_PEEK) == sizeof(text) && memcmp(text, "INFO ", sizeof(text)) == 0 ? 0
                                                                                                              : EPROTO;
}

/* One TCP connection to the address, closed again. 0, or the errno. */
static int
try_address(const struct addrinfo *address, int cancel_fd, int64_t timeout_ms)
{
    int problem = 0;
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);

    if (fd < 0)
        return errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        problem = errno;
    else
        problem = greeting(fd, cancel_fd, nats_now_ms() + timeout_ms);
    (void)close(fd);
    return problem;
}

static void
say_errno(struct ga_nats_error *err, const char *url, int problem, int64_t timeout_ms)
{
    switch (problem) {
    case ECONNREFUSED:
        nats_say(err, GA_NATS_REFUSED,
                 "%s: connection refused: nothing listens there; is the server up and the port right and published",
                 url);
        break;
    case ETIMEDOUT:
        nats_say(err, GA_NATS_TIMEOUT, "%s: no connection within %lld ms: check the address, and firewalls on the way",
                 url, (long long)timeout_ms);
        break;
    case ECANCELED:
        nats_say(err, GA_NATS_CANCELLED, "%s: cancelled while connecting", url);
        break;
    case EPROTO:
        nats_say(err, GA_NATS_NOT_SERVER,
                 "%s: takes connections but does not greet as a NATS server does: is this the port of NATS, and is the "
                 "server well",
                 url);
        break;
    case EACCES:
    case EPERM:
        nats_say(err, GA_NATS_REFUSED,
                 "%s: this machine forbids the connection (%s): the port must be part of the URL in the manifest, "
                 "and local firewalls must let it pass",
                 url, strerrorname_np(problem));
        break;
    default:
        nats_say(err, GA_NATS_REFUSED, "%s: no way there (%s): check the address and the network", url,
                 strerrorname_np(problem));
        break;
    }
}

int
nats_probe(struct ga_nats_error *err, const struct ga_nats_config *config, const char *url)
{
    struct addrinfo  hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int64_t          timeout_ms = config->connect_timeout_ms > 0 ? config->connect_timeout_ms : 5000;
    char             host[256];
    char             port[8];
    int              problem = EADDRNOTAVAIL;
    int              r;

    if (split(url, host, port) < 0) {
        nats_say(err, GA_NATS_CONFIG, "%s: no host in it: write nats://HOST:PORT", url);
        return -1;
    }
    r = getaddrinfo(host, port, &hints, &list);
    if (r != 0) {
        nats_say(err, GA_NATS_RESOLVE, "%s: cannot resolve %s (%s): check the name, or give an address", url, host,
                 gai_strerror(r));
        return -1;
    }
    for (const struct addrinfo *at = list; at && problem != 0 && problem != ECANCELED; at = at->ai_next)
        problem = try_address(at, config->cancel_fd > 0 ? config->cancel_fd : -1, timeout_ms);
    freeaddrinfo(list);
    if (problem == 0)
        return 0;
    say_errno(err, url, problem, timeout_ms);
    return -1;
}

/* A server that does not like our certificate says so after the handshake only, by ending the connection. */
static int
ended_after_tls(const char *url, natsStatus status)
{
    return strncmp(url, "tls://", 6) == 0 &&
           (status == NATS_PROTOCOL_ERROR || status == NATS_IO_ERROR || status == NATS_CONNECTION_CLOSED);
}

void
nats_why_connect(struct ga_nats_error *err, const struct ga_nats_config *config, const char *url, natsStatus status)
{
    const char *detail = nats_GetLastError(NULL);
    char        words[256];

    /* libnats begins with "(file.c:line): ". */
    if (detail && *detail == '(' && strstr(detail, "): "))
        detail = strstr(detail, "): ") + 3;
    (void)snprintf(words, sizeof(words), "%s", detail && *detail ? detail : natsStatus_GetText(status));
    if (ended_after_tls(url, status)) {
        nats_say(err, GA_NATS_TLS, "%s: the server ended the connection after the TLS handshake (%s): %s", url, words,
                 config->cert_file ? "does it accept the certificate of `cert`, and is that still valid"
                                   : "does it ask for a certificate? then give `cert` and `key`");
        return;
    }
    switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        nats_say(err, GA_NATS_AUTH, "%s: not authorised (%s): %s", url, words,
                 config->user || config->token || config->nkey || config->creds
                     ? "check the user, password, token, nkey or credentials of the manifest"
                     : "this server wants a login: give user and password, token, nkey or creds");
        break;
    case NATS_SSL_ERROR:
        nats_say(err, GA_NATS_TLS,
                 "%s: TLS failed (%s): check that the host name is in the certificate and that `ca` holds its issuer",
                 url, words);
        break;
    case NATS_SECURE_CONNECTION_WANTED:
        nats_say(err, GA_NATS_TLS, "%s: the server speaks no TLS: write nats:// or switch TLS on there", url);
        break;
    case NATS_SECURE_CONNECTION_REQUIRED:
        nats_say(err, GA_NATS_TLS, "%s: the server wants TLS: write tls://, and give `ca` and a certificate if it asks",
                 url);
        break;
    case NATS_NO_SERVER:
    case NATS_TIMEOUT:
        nats_say(err, GA_NATS_TIMEOUT, "%s: greeted, then did not let us in (%s): is the server overloaded or ending",
                 url, words);
        break;
    case NATS_PROTOCOL_ERROR:
    case NATS_LINE_TOO_LONG:
        nats_say(err, GA_NATS_NOT_SERVER, "%s: what answers there is no NATS server (%s): is this the port of NATS",
                 url, words);
        break;
    default:
        nats_say(err, GA_NATS_OTHER, "%s: cannot connect (%s)", url, words);
        break;
    }
}

/* candidate.c: entries of lists, read and made alike. */
#include "plugins/seed-manager/candidate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RPC_PORT 26657 /* CometBFT's own, for the older form of an entry */

/* The parts of an entry; they point into its text. */
struct parts {
    const char *text;
    const char *host;
    size_t      host_len;
    const char *rest; /* behind host and port */
    int         port; /* 0: none was given */
};

static int
refuse(char *why, const char *what)
{
    (void)snprintf(why, CANDIDATE_WHY_MAX, "%s", what);
    return -1;
}

/* --- host and port -------------------------------------------------------------------------------------------------
 */

/* Digits up to `len`; -1: no port. */
static int
port_of(const char *text, size_t len)
{
    int port = 0;

    if (len == 0 || len > 5)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        port = port * 10 + (text[i] - '0');
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

static int
is_host(const char *host, size_t len)
{
    static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char ipv6_bytes[] = "0123456789abcdefABCDEF:.";
    int               brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';

    if (len == 0 || len >= CANDIDATE_HOST_MAX || host[0] == '-' || host[0] == '.')
        return 0;
    for (size_t i = brackets ? 1 : 0; i < (brackets ? len - 1 : len); i++)
        if (!strchr(brackets ? ipv6_bytes : name_bytes, host[i]))
            return 0;
    return 1;
}

/* Reads "host", "host:port" or "[v6]:port" at `at`. 0, -1. */
static int
read_address(const char *at, struct parts *parts, char *why)
{
    size_t      len = strcspn(at, "/?#");
    const char *close = *at == '[' ? memchr(at, ']', len) : NULL;
    const char *colon = close ? (close[1] == ':' ? close + 1 : NULL) : memchr(at, ':', len);

    parts->host = at;
    parts->host_len = colon ? (size_t)(colon - at) : len;
    parts->rest = at + len;
    parts->port = 0;
    if (!is_host(parts->host, parts->host_len))
        return refuse(why, "its host is neither a name nor an address");
    if (colon && (parts->port = port_of(colon + 1, (size_t)(parts->rest - colon - 1))) < 0)
        return refuse(why, "its port is not a number from 1 to 65535");
    return 0;
}

static void
copy_host(const struct parts *parts, struct candidate *ret)
{
    for (size_t i = 0; i < parts->host_len; i++)
        ret->host[i] = (char)tolower((unsigned char)parts->host[i]);
    ret->host[parts->host_len] = '\0';
}

int
candidate_port_of(const char *listen_addr)
{
    const char *colon = listen_addr ? strrchr(listen_addr, ':') : NULL;
    int         port = colon ? port_of(colon + 1, strlen(colon + 1)) : 0;

    return port > 0 ? port : 0;
}

/* --- entries -------------------------------------------------------------------------------------------------------
 */

static void
print_url(char *buf, const char *scheme, const char *host, int port)
{
    int standard = strcmp(scheme, "https") == 0 ? 443 : 80;

    if (port == 0 || port == standard)
        (void)snprintf(buf, CANDIDATE_URL_MAX, "%s://%s", scheme, host);
    else
        (void)snprintf(buf, CANDIDATE_URL_MAX, "%s://%s:%d", scheme, host, port);
}

char *
candidate_url(const struct candidate *candidate, int port, char *buf)
{
    print_url(buf, "http", candidate->host, port);
    return buf;
}

/* The paths that people append to an API's URL. */
static int
is_known_path(const char *path)
{
    static const char *const known[] = {"", "/", "/chain-rpc", "/chain-rpc/", "/chain-rpc/status"};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(path, known[i]) == 0)
            return 1;
    return 0;
}

static int
parse_url(const char *text, const char *scheme, struct candidate *ret, char *why)
{
    const char  *at = text + strlen(scheme) + 3;
    struct parts parts;

    if (memchr(at, '@', strcspn(at, "/?#")))
        return refuse(why, "user names and passwords have no place in a public list");
    if (read_address(at, &parts, why) < 0)
        return -1;
    copy_host(&parts, ret);
    if (parts.port == RPC_PORT && (is_known_path(parts.rest) || strcmp(parts.rest, "/status") == 0)) {
        print_url(ret->rpc, scheme, ret->host, parts.port);
        return 0;
    }
    if (!is_known_path(parts.rest))
        return refuse(why, "it has a path: give the API's URL alone (http://host:8000)");
    print_url(ret->api, scheme, ret->host, parts.port);
    return 0;
}

static int
parse_id(const char *text, size_t len, struct candidate *ret, char *why)
{
    if (len != CANDIDATE_ID_LEN)
        return refuse(why, "its node id has not 40 hexadecimal digits");
    for (size_t i = 0; i < len; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return refuse(why, "its node id has not 40 hexadecimal digits");
        ret->id[i] = (char)tolower((unsigned char)text[i]);
    }
    ret->id[len] = '\0';
    return 0;
}

/* [id@]host:port */
static int
parse_peer(const char *text, struct candidate *ret, char *why)
{
    const char  *at = strchr(text, '@');
    struct parts parts;

    if (at && parse_id(text, (size_t)(at - text), ret, why) < 0)
        return -1;
    if (read_address(at ? at + 1 : text, &parts, why) < 0)
        return -1;
    if (parts.port == 0 || *parts.rest)
        return refuse(why, "an address for peers is host:port and nothing more");
    copy_host(&parts, ret);
    ret->p2p_port = parts.port;
    return 0;
}

int
candidate_parse(const char *text, unsigned origin, struct candidate *ret, char *why)
{
    memset(ret, 0, sizeof(*ret));
    ret->origin = origin;
    if (!*text)
        return refuse(why, "it is empty");
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return refuse(why, "it has blanks, control characters or letters that no address has");
    if (strncasecmp(text, "http://", 7) == 0)
        return parse_url(text, "http", ret, why);
    if (strncasecmp(text, "https://", 8) == 0)
        return parse_url(text, "https", ret, why);
    if (strncasecmp(text, "tcp://", 6) == 0)
        return parse_peer(text + 6, ret, why);
    if (strstr(text, "://"))
        return refuse(why, "its scheme is none of http, https and tcp");
    if (!strchr(text, '@'))
        return refuse(why, "it says neither http:// (an API) nor id@host:port (a peer)");
    return parse_peer(text, ret, why);
}

char *
candidate_name(const struct candidate *candidate, char *buf, size_t len)
{
    if (candidate->api[0] || candidate->rpc[0])
        (void)snprintf(buf, len, "%s", candidate->api[0] ? candidate->api : candidate->rpc);
    else if (candidate->id[0])
        (void)snprintf(buf, len, "%.8s@%s:%d", candidate->id, candidate->host, candidate->p2p_port);
    else
        (void)snprintf(buf, len, "%s:%d", candidate->host, candidate->p2p_port);
    return buf;
}

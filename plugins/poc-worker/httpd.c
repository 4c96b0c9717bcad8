/* httpd.c: collects bodies, calls poc_api_handle() under a lock, sends what it says. */
#include "plugins/poc-worker/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define THREADS 4

/* Bytes over the limit that are read and dropped: a client that is cut off while it sends would not see its answer. */
#define DROP_MAX (64u << 20)

struct poc_httpd {
    struct MHD_Daemon      *daemon;
    struct poc_httpd_config config;
    size_t                  max_body;
    pthread_mutex_t         lock; /* held while the engine is called */
};

/* The body of a request as far as it came. */
struct upload {
    char  *data;
    size_t len; /* more than max_body: it is not kept any more */
    size_t size;
};

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* Queues a response, which is consumed. */
static enum MHD_Result
send_response(struct MHD_Connection *connection, int status, const char *allow, struct MHD_Response *response)
{
    enum MHD_Result r = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");

    /* The API container leaves answers to /validate unread and their connections open: kept alive, 64 of them would
     * keep everybody else out. */
    if (r == MHD_YES)
        r = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (r == MHD_YES && allow)
        r = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    if (r == MHD_YES)
        r = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return r;
}

/* Sends a reply, which is consumed. error: there is none, no memory was left. MHD_NO closes the connection. */
static enum MHD_Result
send_reply(struct MHD_Connection *connection, int error, struct poc_reply *reply)
{
    static char          no_memory[] = "{\"detail\":\"no memory is left on this machine; try again later\"}";
    struct MHD_Response *response;

    if (error < 0) {
        response = MHD_create_response_from_buffer(sizeof(no_memory) - 1, no_memory, MHD_RESPMEM_PERSISTENT);
        return response ? send_response(connection, 500, NULL, response) : MHD_NO;
    }
    response = MHD_create_response_from_buffer(reply->len, reply->body, MHD_RESPMEM_MUST_FREE);
    if (response)
        return send_response(connection, reply->status, reply->allow, response);
    poc_reply_done(reply);
    return MHD_NO;
}

static enum MHD_Result
send_too_large(const struct poc_httpd *httpd, struct MHD_Connection *connection)
{
    struct poc_reply reply = {0};
    char             sentence[128];
    int              r;

    (void)snprintf(sentence, sizeof(sentence), "the body is larger than %zu bytes, which is the limit of this worker",
                   httpd->max_body);
    r = poc_reply_detail(&reply, 413, sentence);
    return send_reply(connection, r, &reply);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* 1 for a body that is not even worth dropping. */
static int
is_endless(const struct poc_httpd *httpd, unsigned long long len)
{
    return len > httpd->max_body && len - httpd->max_body > DROP_MAX;
}

/* What the header says, bytes; 0: nothing. What is no number libmicrohttpd refuses itself. */
static unsigned long long
announced_length(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return length ? strtoull(length, NULL, 10) : 0;
}

/* Keeps a piece of the body; one that grows too large is dropped, its length counts on. 0 or -ENOMEM. */
static int
keep(struct upload *upload, size_t max_body, const char *piece, size_t len)
{
    size_t size = upload->size ? upload->size : 4096;
    char  *data;

    upload->len += len;
    if (upload->len > max_body) {
        free(upload->data);
        upload->data = NULL;
        upload->size = 0;
        return 0;
    }
    while (size < upload->len)
        size *= 2;
    data = size > upload->size ? realloc(upload->data, size) : upload->data;
    if (!data)
        return -ENOMEM;
    memcpy(data + upload->len - len, piece, len);
    upload->data = data;
    upload->size = size;
    return 0;
}

/* The request is complete. */
static enum MHD_Result
answer(struct poc_httpd *httpd, struct MHD_Connection *connection, const char *method, const char *path,
       const struct upload *upload)
{
    struct poc_reply reply = {0};
    int              r;

    (void)pthread_mutex_lock(&httpd->lock);
    if (httpd->config.handle)
        r = httpd->config.handle(httpd->config.userdata, method, path, upload->data, upload->len, &reply);
    else
        r = poc_api_handle(httpd->config.ops, method, path, upload->data, upload->len, &reply);
    (void)pthread_mutex_unlock(&httpd->lock);
    return send_reply(connection, r, &reply);
}

/* Called by libmicrohttpd: once with the headers, once for each piece of the body, once at the end. */
static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
           const char *piece, size_t *piece_len, void **request)
{
    struct poc_httpd *httpd = cls;
    struct upload    *upload = *request;

    (void)version;
    if (!upload) {
        *request = calloc(1, sizeof(*upload));
        if (!*request)
            return MHD_NO;
        return is_endless(httpd, announced_length(connection)) ? send_too_large(httpd, connection) : MHD_YES;
    }
    if (*piece_len > 0) {
        if (keep(upload, httpd->max_body, piece, *piece_len) < 0 || is_endless(httpd, upload->len))
            return MHD_NO; /* no memory, or a body without end */
        *piece_len = 0;
        return MHD_YES;
    }
    if (upload->len > httpd->max_body)
        return send_too_large(httpd, connection);
    return answer(httpd, connection, method, url, upload);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
    struct upload *upload = *request;

    (void)cls;
    (void)connection;
    (void)why;
    if (upload)
        free(upload->data);
    free(upload);
    *request = NULL;
}

/* --- the server --------------------------------------------------------------------------------------------------- */

/* The socket address of figures. Returns its family, or AF_UNSPEC: they are no address. */
static int
socket_address(const char *figures, uint16_t port, struct sockaddr_storage *ret)
{
    struct sockaddr_in  *four = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, figures, &four->sin_addr) == 1) {
        four->sin_port = htons(port);
        return four->sin_family = AF_INET;
    }
    if (inet_pton(AF_INET6, figures, &six->sin6_addr) == 1) {
        six->sin6_port = htons(port);
        return six->sin6_family = AF_INET6;
    }
    return AF_UNSPEC;
}

/* 0, or a negative errno. */
static int
listen_on(struct poc_httpd *httpd, int family, uint16_t port, const struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | (family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0u);

    errno = 0;
    httpd->daemon = MHD_start_daemon(flags, port, NULL, NULL, on_request, httpd, MHD_OPTION_SOCK_ADDR,
                                     (const struct sockaddr *)address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                     MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
                                     (unsigned)POC_HTTPD_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                                     (unsigned)POC_HTTPD_IDLE_S, MHD_OPTION_END);
    if (httpd->daemon)
        return 0;
    return errno ? -errno : -EIO;
}

int
poc_httpd_start(const struct poc_httpd_config *config, struct poc_httpd **ret, char *reterr, size_t reterr_len)
{
    struct sockaddr_storage address;
    int                     family = socket_address(config->address, config->port, &address);
    struct poc_httpd       *httpd;
    int                     r;

    if (family == AF_UNSPEC) {
        (void)snprintf(reterr, reterr_len, "'%s' is no address to listen on; give one in figures, like 0.0.0.0",
                       config->address);
        return -EINVAL;
    }
    httpd = calloc(1, sizeof(*httpd));
    if (!httpd) {
        (void)snprintf(reterr, reterr_len, "no memory for the API's server");
        return -ENOMEM;
    }
    httpd->config = *config;
    httpd->max_body = config->max_body ? config->max_body : POC_HTTPD_BODY_MAX;
    (void)pthread_mutex_init(&httpd->lock, NULL);
    r = listen_on(httpd, family, config->port, &address);
    if (r < 0) {
        errno = -r;
        (void)snprintf(reterr, reterr_len, "cannot listen on %s, port %u: %m; choose another address or port",
                       config->address, config->port);
        poc_httpd_stop(httpd);
        return r;
    }
    *ret = httpd;
    return 0;
}

uint16_t
poc_httpd_port(const struct poc_httpd *httpd)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info ? info->port : 0;
}

void
poc_httpd_stop(struct poc_httpd *httpd)
{
    if (!httpd)
        return;
    if (httpd->daemon)
        MHD_stop_daemon(httpd->daemon);
    (void)pthread_mutex_destroy(&httpd->lock);
    free(httpd);
}

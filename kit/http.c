/* http.c: one HTTP request, one call. */
#include "kit/http.h"

#include "kit/json.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 5000
#define TOTAL_MS 30000
#define ANSWER_MAX ((size_t)8 << 20)

struct transfer {
    const struct ga_http_request *request;
    struct ga_http_answer        *answer;
    CURL                         *easy;
    struct curl_slist            *headers;
    size_t                        room;
    size_t                        max;
    int                           too_large;
    int                           stopped;
    int                           no_memory;
    int                           connected; /* and through the TLS handshake, where there is one */
    char                          curl_error[CURL_ERROR_SIZE];
};

static void
set_up(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void
ga_http_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, set_up);
}

char *
ga_http_show_url(const char *url, char *buf, size_t len)
{
    const char *at = strstr(url, "://");
    size_t      scheme = at ? (size_t)(at - url) + 3 : 0;
    const char *rest = url + scheme;
    const char *user = memchr(rest, '@', strcspn(rest, "/?#"));

    if (user)
        rest = user + 1;
    (void)snprintf(buf, len, "%.*s%.*s", (int)scheme, url, (int)strcspn(rest, "?#"), rest);
    return buf;
}

/* --- what comes ----------------------------------------------------------------------------------------------------
 */

static int
keep(struct transfer *transfer, const char *data, size_t len)
{
    struct ga_http_answer *answer = transfer->answer;

    if (answer->len + len + 1 > transfer->room) {
        size_t room = (answer->len + len + 1) * 2;
        char  *body = realloc(answer->body, room);

        if (!body) {
            transfer->no_memory = 1;
            return -1;
        }
        answer->body = body;
        transfer->room = room;
    }
    memcpy(answer->body + answer->len, data, len);
    answer->body[answer->len + len] = '\0';
    return 0;
}

static size_t
on_body(char *data, size_t size, size_t n, void *userdata)
{
    struct transfer *transfer = userdata;
    size_t           len = size * n;

    if (len > transfer->max - transfer->answer->len) {
        transfer->too_large = 1;
        return 0;
    }
    if (transfer->request->on_data) {
        transfer->stopped = transfer->request->on_data(data, len, transfer->request->userdata) != 0;
        if (transfer->stopped)
            return 0;
    } else if (keep(transfer, data, len) < 0) {
        return 0;
    }
    transfer->answer->len += len;
    return len;
}

/* --- what is asked -------------------------------------------------------------------------------------------------
 */

static int
add_header(struct transfer *transfer, const char *header)
{
    struct curl_slist *longer;

    if (strpbrk(header, "\r\n"))
        return -EINVAL;
    longer = curl_slist_append(transfer->headers, header);
    if (!longer)
        return -ENOMEM;
    transfer->headers = longer;
    return 0;
}

static int
set_headers(struct transfer *transfer)
{
    const struct ga_http_request *request = transfer->request;
    int                           r = add_header(transfer, "Expect:");

    for (const char *const *header = request->headers; r == 0 && header && *header; header++)
        r = add_header(transfer, *header);
    if (r == 0 && request->bearer) {
        char *text = NULL;

        r = asprintf(&text, "Authorization: Bearer %s", request->bearer) < 0 ? -ENOMEM : add_header(transfer, text);
        if (text)
            explicit_bzero(text, strlen(text));
        free(text);
    }
    if (r == 0)
        (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    return r;
}

static void
set_limits(struct transfer *transfer)
{
    const struct ga_http_request *request = transfer->request;
    CURL                         *easy = transfer->easy;

    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(request->connect_ms ? request->connect_ms : CONNECT_MS));
    if (request->total_ms >= 0)
        (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(request->total_ms ? request->total_ms : TOTAL_MS));
    if (request->low_speed > 0 && request->low_speed_s > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, request->low_speed);
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, request->low_speed_s);
    }
    (void)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->max);
}

static void
set_safety(CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* we look at each redirect ourselves */
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static int
set_request(struct transfer *transfer, const char *url)
{
    const struct ga_http_request *request = transfer->request;
    CURL                         *easy = transfer->easy;

    set_safety(easy);
    set_limits(transfer);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "gonka-agent");
    if (request->unix_socket)
        (void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    if (request->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (request->body) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    }
    if (request->method)
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->from > 0)
        (void)curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)request->from);
    if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return -ENOMEM;
    return set_headers(transfer);
}

/* --- the transfer --------------------------------------------------------------------------------------------------
 */

static int
is_cancelled(const struct curl_waitfd *cancel)
{
    return cancel->fd > 0 && cancel->revents != 0;
}

/* Drives the one transfer; curl's verdict, or -1 when it was cancelled. */
static int
perform(CURLM *multi, CURL *easy, int cancel_fd)
{
    int running = 1;

    while (running) {
        struct curl_waitfd cancel = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};
        CURLMcode          r = curl_multi_perform(multi, &running);

        if (r == CURLM_OK && running)
            r = curl_multi_poll(multi, &cancel, cancel_fd > 0 ? 1 : 0, 1000, NULL);
        if (r != CURLM_OK)
            return CURLE_FAILED_INIT;
        if (is_cancelled(&cancel))
            return -1;
    }
    for (;;) {
        int      left;
        CURLMsg *message = curl_multi_info_read(multi, &left);

        if (!message)
            return CURLE_FAILED_INIT;
        if (message->msg == CURLMSG_DONE && message->easy_handle == easy)
            return (int)message->data.result;
    }
}

static enum ga_http_kind
kind_of(const struct transfer *transfer, int r)
{
    if (transfer->no_memory)
        return GA_HTTP_NO_MEMORY;
    if (transfer->stopped)
        return GA_HTTP_STOPPED;
    if (transfer->too_large)
        return GA_HTTP_TOO_LARGE;
    switch (r) {
    case -1:
        return GA_HTTP_CANCELLED;
    case CURLE_OK:
        return GA_HTTP_OK;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return GA_HTTP_BAD_REQUEST;
    case CURLE_COULDNT_RESOLVE_HOST:
        return GA_HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return GA_HTTP_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return GA_HTTP_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return GA_HTTP_TOO_LARGE;
    case CURLE_OUT_OF_MEMORY:
        return GA_HTTP_NO_MEMORY;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return GA_HTTP_TLS;
    default:
        return GA_HTTP_CUT;
    }
}

/* Waiting for a connection and waiting for an answer have different remedies. */
static int
is_connected(CURL *easy)
{
    curl_off_t ready_us = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us > 0;
}

static void
explain(const struct transfer *transfer, const char *url)
{
    static const char *const unreached =
        "no connection in time: is it running, and does a firewall let this machine through?";
    static const char *const steps[] = {
        [GA_HTTP_BAD_REQUEST] = "is not a request that can be made: check the URL",
        [GA_HTTP_RESOLVE] = "its name has no address: check the spelling and the DNS",
        [GA_HTTP_CONNECT] = "nothing answers there: is it running, and is the port right?",
        [GA_HTTP_TIMEOUT] = "did not answer in time",
        [GA_HTTP_TLS] = "TLS failed: is its certificate valid for this name, and is it https at all?",
        [GA_HTTP_TOO_LARGE] = "its answer is larger than is allowed",
        [GA_HTTP_REDIRECT] = "redirects to where we do not follow",
        [GA_HTTP_CUT] = "the connection ended before the answer was complete",
        [GA_HTTP_CANCELLED] = "was cancelled",
        [GA_HTTP_NO_MEMORY] = "there is not enough memory",
        [GA_HTTP_STOPPED] = "was ended by the receiver",
    };
    struct ga_http_answer *answer = transfer->answer;
    const char            *step = steps[answer->kind];
    char                   shown[256];

    if (answer->kind == GA_HTTP_TIMEOUT && !transfer->connected)
        step = unreached;
    (void)ga_http_show_url(url, shown, sizeof(shown));
    (void)snprintf(answer->error, sizeof(answer->error), "%s: %s%s%s%s", shown, step,
                   *transfer->curl_error && answer->kind != GA_HTTP_REDIRECT ? " (" : "",
                   answer->kind != GA_HTTP_REDIRECT ? transfer->curl_error : "",
                   *transfer->curl_error && answer->kind != GA_HTTP_REDIRECT ? ")" : "");
}

/* One request, no redirect followed. *ret_next: where it redirects to, the caller's; NULL when it does not. */
static void
one_request(struct transfer *transfer, const char *url, char **ret_next)
{
    struct ga_http_answer *answer = transfer->answer;
    CURLM                 *multi = curl_multi_init();
    const char            *type = NULL;
    char                  *next = NULL;
    int                    r;

    transfer->easy = curl_easy_init();
    transfer->headers = NULL;
    transfer->connected = 0;
    *transfer->curl_error = '\0';
    r = multi && transfer->easy ? set_request(transfer, url) : -ENOMEM;
    if (r < 0) {
        answer->kind = r == -EINVAL ? GA_HTTP_BAD_REQUEST : GA_HTTP_NO_MEMORY;
    } else {
        (void)curl_multi_add_handle(multi, transfer->easy);
        answer->kind = kind_of(transfer, perform(multi, transfer->easy, transfer->request->cancel_fd));
        transfer->connected = is_connected(transfer->easy);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &next);
        (void)snprintf(answer->content_type, sizeof(answer->content_type), "%s", type ? type : "");
        *ret_next = answer->kind == GA_HTTP_OK && next ? strdup(next) : NULL;
        (void)curl_multi_remove_handle(multi, transfer->easy);
    }
    if (answer->kind != GA_HTTP_OK)
        explain(transfer, url);
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->easy);
    if (multi)
        (void)curl_multi_cleanup(multi);
}

/* Same scheme, same host, same port? Then secrets may go along. */
static int
same_place(const char *a, const char *b)
{
    const char *authority = strstr(a, "://");
    size_t      n;

    if (!authority)
        return 0;
    n = (size_t)(authority + 3 - a) + strcspn(authority + 3, "/?#");
    return strncasecmp(a, b, n) == 0 && (b[n] == '\0' || strchr("/?#", b[n]));
}

enum ga_http_kind
ga_http(const struct ga_http_request *request, struct ga_http_answer *answer)
{
    struct transfer transfer = {
        .request = request, .answer = answer, .max = request->max_answer ? request->max_answer : ANSWER_MAX};
    char *url = strdup(request->url);
    char *next = NULL;

    ga_http_setup();
    *answer = (struct ga_http_answer){.kind = GA_HTTP_NO_MEMORY};
    for (int hops = 0; url; hops++) {
        next = NULL;
        one_request(&transfer, url, &next);
        if (!next || hops >= request->max_redirects) {
            if (next && request->max_redirects > 0)
                answer->kind = GA_HTTP_REDIRECT;
            break;
        }
        if (!same_place(url, next)) {
            answer->kind = GA_HTTP_REDIRECT;
            break;
        }
        free(url);
        url = next;
        answer->len = 0;
    }
    if (answer->kind == GA_HTTP_REDIRECT) {
        char shown[200];

        explain(&transfer, url);
        (void)snprintf(answer->error + strlen(answer->error), sizeof(answer->error) - strlen(answer->error), " (%s)",
                       ga_http_show_url(next ? next : "?", shown, sizeof(shown)));
    }
    free(next);
    free(url);
    return answer->kind;
}

void
ga_http_done(struct ga_http_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

/* --- JSON ----------------------------------------------------------------------------------------------------------
 */

static int
error_of(enum ga_http_kind kind)
{
    switch (kind) {
    case GA_HTTP_CANCELLED:
        return -ECANCELED;
    case GA_HTTP_NO_MEMORY:
        return -ENOMEM;
    case GA_HTTP_BAD_REQUEST:
        return -EINVAL;
    default:
        return -EIO;
    }
}

/* What a body that is no JSON looks like, for the sentence. */
static const char *
looks_like(const struct ga_http_answer *answer)
{
    if (answer->len == 0)
        return "an empty answer";
    if (strcasestr(answer->content_type, "html") || answer->body[strspn(answer->body, " \t\r\n")] == '<')
        return "a web page (an error page of a proxy?)";
    return "something else";
}

int
ga_http_json(const struct ga_http_request *request, cJSON **ret, long *ret_status, char *reterr, size_t reterr_len)
{
    struct ga_http_answer answer;
    char                  shown[256];
    char                  why[128];
    int                   r = 0;

    (void)ga_http(request, &answer);
    (void)ga_http_show_url(request->url, shown, sizeof(shown));
    if (ret_status)
        *ret_status = answer.status;
    if (answer.kind != GA_HTTP_OK) {
        r = error_of(answer.kind);
        (void)snprintf(reterr, reterr_len, "%s", answer.error);
    } else if (answer.status < 200 || answer.status > 299) {
        r = -EREMOTEIO;
        (void)snprintf(reterr, reterr_len, "%s: answered with status %ld%s%.120s", shown, answer.status,
                       answer.len > 0 && *answer.body != '<' ? ": " : "",
                       answer.len > 0 && *answer.body != '<' ? answer.body : "");
    } else {
        *ret = answer.len ? ga_json_parse(answer.body, answer.len, why, sizeof(why)) : NULL;
        if (!*ret) {
            r = -EBADMSG;
            (void)snprintf(reterr, reterr_len, "%s: sent %s where JSON was expected", shown, looks_like(&answer));
        }
    }
    ga_http_done(&answer);
    return r;
}

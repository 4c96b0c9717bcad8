/* chain.c: sources and requests. */
#include "kit/chain.h"

#include "kit/chain_parts.h"
#include "kit/http.h"
#include "kit/json.h"
#include "kit/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MS 15000
#define PAGES_MAX 100
#define PATH_MAX_LEN 2048
#define KEY_MAX 1024 /* bytes of the key of a page, escaped */
#define PATH_SHOWN 160
#define WORDS_MAX 240 /* bytes of a node's own words that are repeated */
#define CODE_NOT_FOUND 5
#define CODE_UNIMPLEMENTED 12

/* --- errors --------------------------------------------------------------------------------------------------------
 */

const char *
ga_chain_why_name(enum ga_chain_why why)
{
    static const char *const names[] = {
        [GA_CHAIN_OK] = "ok",
        [GA_CHAIN_UNREACHABLE] = "unreachable",
        [GA_CHAIN_TIMEOUT] = "timeout",
        [GA_CHAIN_NOT_JSON] = "not-json",
        [GA_CHAIN_TOO_LARGE] = "too-large",
        [GA_CHAIN_HTTP_STATUS] = "http-status",
        [GA_CHAIN_REFUSED] = "refused",
        [GA_CHAIN_NOT_FOUND] = "not-found",
        [GA_CHAIN_BAD_ANSWER] = "bad-answer",
        [GA_CHAIN_WRONG_CHAIN] = "wrong-chain",
        [GA_CHAIN_CATCHING_UP] = "catching-up",
        [GA_CHAIN_STALE] = "stale",
        [GA_CHAIN_AHEAD] = "ahead",
        [GA_CHAIN_SAME_NODE] = "same-node",
        [GA_CHAIN_NO_QUORUM] = "no-quorum",
        [GA_CHAIN_BAD_REQUEST] = "bad-request",
        [GA_CHAIN_CANCELLED] = "cancelled",
        [GA_CHAIN_NO_MEMORY] = "no-memory",
    };

    return (size_t)why < sizeof(names) / sizeof(*names) ? names[why] : "unknown";
}

enum ga_chain_why
ga_chain_fine(struct ga_chain_error *error)
{
    *error = (struct ga_chain_error){0};
    return GA_CHAIN_OK;
}

enum ga_chain_why
ga_chain_fail(struct ga_chain_error *error, enum ga_chain_why why, const char *format, ...)
{
    va_list args;

    error->why = why;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return why;
}

char *
ga_chain_clean(const char *words, char *buf, size_t len)
{
    size_t n = 0;

    while (words[n] && n + 1 < len) {
        size_t left = strnlen(words + n, 4);
        size_t size = ga_utf8_len(words + n, left);

        if (size > 1 && n + size + 1 > len)
            break;
        if (size > 1)
            memcpy(buf + n, words + n, size);
        else
            buf[n] = (char)(size == 0 || iscntrl((unsigned char)words[n]) ? ' ' : words[n]);
        n += size > 1 ? size : 1;
    }
    buf[n] = '\0';
    return buf;
}

/* --- sources -------------------------------------------------------------------------------------------------------
 */

/* Checks a base URL and keeps it without slashes at the end and with `below` behind it. */
static enum ga_chain_why
take_url(const char *url, const char *below, char ret[GA_CHAIN_URL_MAX], struct ga_chain_error *error)
{
    size_t      len = url ? strnlen(url, GA_CHAIN_URL_MAX) : 0;
    char        plain[PATH_SHOWN];
    char        shown[PATH_SHOWN];
    const char *host;

    ret[0] = '\0';
    if (len == 0)
        return ga_chain_fine(error);
    if (len + strlen(below) >= GA_CHAIN_URL_MAX)
        return ga_chain_fail(error, GA_CHAIN_BAD_REQUEST,
                             "a node's URL is longer than %d characters: give it as "
                             "http://host:port",
                             GA_CHAIN_URL_MAX - 1);
    (void)ga_chain_clean(ga_http_show_url(url, plain, sizeof(plain)), shown, sizeof(shown)); /* no user, no password */
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return ga_chain_fail(error, GA_CHAIN_BAD_REQUEST,
                             "'%s' is no URL of a node: it must begin with http:// or https://", shown);
    host = strstr(url, "://") + 3;
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '?' || *at == '#')
            return ga_chain_fail(error, GA_CHAIN_BAD_REQUEST,
                                 "the URL %s of a node has a blank, a query or a fragment in it: "
                                 "give it as http://host:port",
                                 shown);
    while (len > 0 && url[len - 1] == '/')
        len--;
    if (url + len <= host)
        return ga_chain_fail(error, GA_CHAIN_BAD_REQUEST,
                             "the URL '%s' of a node has no host: give it as http://host:port", shown);
    (void)snprintf(ret, GA_CHAIN_URL_MAX, "%.*s%s", (int)len, url, below);
    return ga_chain_fine(error);
}

/* The name given, or the host and port of the URL. */
static void
take_name(struct ga_chain_source *source, const char *name, const char *url)
{
    char        shown[GA_CHAIN_URL_MAX];
    const char *host = strstr(ga_http_show_url(url, shown, sizeof(shown)), "://");

    if (name && *name)
        (void)ga_chain_clean(name, source->name, sizeof(source->name));
    else if (host)
        (void)snprintf(source->name, sizeof(source->name), "%.*s", (int)strcspn(host + 3, "/"), host + 3);
}

static enum ga_chain_why
make_source(struct ga_chain_source *ret, const char *name, const char *rpc_url, const char *rpc_below,
            const char *api_url, const char *api_below, struct ga_chain_error *error)
{
    enum ga_chain_why why;

    *ret = (struct ga_chain_source){.cancel_fd = -1};
    *error = (struct ga_chain_error){0};
    why = take_url(rpc_url, rpc_below, ret->rpc, error);
    if (why == GA_CHAIN_OK)
        why = take_url(api_url, api_below, ret->api, error);
    if (why != GA_CHAIN_OK)
        return why;
    if (!*ret->rpc && !*ret->api)
        return ga_chain_fail(error, GA_CHAIN_BAD_REQUEST, "a node has no URL at all: give it as http://host:port");
    take_name(ret, name, *ret->rpc ? ret->rpc : ret->api);
    return GA_CHAIN_OK;
}

enum ga_chain_why
ga_chain_source_direct(struct ga_chain_source *ret, const char *name, const char *rpc_url, const char *api_url,
                       struct ga_chain_error *error)
{
    return make_source(ret, name, rpc_url, "", api_url, "", error);
}

enum ga_chain_why
ga_chain_source_below(struct ga_chain_source *ret, const char *name, const char *base_url, struct ga_chain_error *error)
{
    return make_source(ret, name, base_url, "/chain-rpc", base_url, "/chain-api", error);
}

/* --- one request ---------------------------------------------------------------------------------------------------
 */

/* One question, for those who make its error. */
struct ask {
    const struct ga_chain_source *source;
    char                          path[PATH_SHOWN]; /* as shown */
    char                          url[GA_CHAIN_URL_MAX + PATH_MAX_LEN];
    struct ga_chain_error        *error;
};

static enum ga_chain_why
make_url(struct ask *ask, const char *base, const char *kind, const char *path)
{
    const char *source = ask->source->name;

    path += *path == '/';
    (void)ga_chain_clean(path, ask->path, sizeof(ask->path));
    if (!*base)
        return ga_chain_fail(ask->error, GA_CHAIN_BAD_REQUEST,
                             "%s: /%s cannot be asked: the source has no %s URL; give it one", source, ask->path, kind);
    if (strnlen(path, PATH_MAX_LEN) == PATH_MAX_LEN)
        return ga_chain_fail(ask->error, GA_CHAIN_BAD_REQUEST, "%s: /%s...: the question is longer than %d characters",
                             source, ask->path, PATH_MAX_LEN - 1);
    for (const char *at = path; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '#')
            return ga_chain_fail(ask->error, GA_CHAIN_BAD_REQUEST,
                                 "%s: /%s: the question has a character that must be "
                                 "percent-encoded",
                                 source, ask->path);
    (void)snprintf(ask->url, sizeof(ask->url), "%s/%s", base, path);
    return ga_chain_fine(ask->error);
}

/* No answer came, or not the whole of it. */
static enum ga_chain_why
no_answer(struct ask *ask, const struct ga_http_answer *answer)
{
    enum ga_chain_why why = GA_CHAIN_UNREACHABLE;

    switch (answer->kind) {
    case GA_HTTP_TIMEOUT:
        why = GA_CHAIN_TIMEOUT;
        break;
    case GA_HTTP_TOO_LARGE:
        why = GA_CHAIN_TOO_LARGE;
        break;
    case GA_HTTP_BAD_REQUEST:
        why = GA_CHAIN_BAD_REQUEST;
        break;
    case GA_HTTP_CANCELLED:
        why = GA_CHAIN_CANCELLED;
        break;
    case GA_HTTP_NO_MEMORY:
        why = GA_CHAIN_NO_MEMORY;
        break;
    default: /* name, connection, TLS, redirect, cut: nothing to be had there now */
        break;
    }
    return ga_chain_fail(ask->error, why, "%s: /%s: %s", ask->source->name, ask->path, answer->error);
}

/* The node's own words: a "message", a JSON-RPC error's "message" and "data". */
static void
words_of(const cJSON *error, char *buf, size_t len)
{
    const char *message = ga_json_str(error, "message");
    const char *data = ga_json_str(error, "data");
    char        all[2 * WORDS_MAX];

    (void)snprintf(all, sizeof(all), "%.*s%s%.*s", WORDS_MAX - 1, message ? message : "no message",
                   data && *data ? ": " : "", WORDS_MAX - 1, data ? data : "");
    (void)ga_chain_clean(all, buf, len);
}

/* {"code":5,"message":"..."}: what the gateway says when it has no answer. */
static enum ga_chain_why
gateway_error(struct ask *ask, const cJSON *json)
{
    char        words[WORDS_MAX];
    const char *source = ask->source->name;

    words_of(json, words, sizeof(words));
    if (ask->error->code == CODE_NOT_FOUND && ask->error->status == 404)
        return ga_chain_fail(ask->error, GA_CHAIN_NOT_FOUND, "%s: /%s: not found on this node: %s", source, ask->path,
                             words);
    if (ask->error->code == CODE_UNIMPLEMENTED)
        return ga_chain_fail(ask->error, GA_CHAIN_REFUSED,
                             "%s: /%s: this node does not know the question (%s): is its version "
                             "older, or the path mistyped?",
                             source, ask->path, words);
    return ga_chain_fail(ask->error, GA_CHAIN_REFUSED,
                         "%s: /%s: the node refused with code %lld (status %ld): %s; look into "
                         "its log",
                         source, ask->path, (long long)ask->error->code, ask->error->status, words);
}

/* {"error":{"code":-32603,"message":"Internal error","data":"..."}}, or a plain string as error. */
static enum ga_chain_why
rpc_error(struct ask *ask, const cJSON *error)
{
    char words[WORDS_MAX];

    if (cJSON_IsString(error))
        (void)ga_chain_clean(error->valuestring, words, sizeof(words));
    else
        words_of(error, words, sizeof(words));
    (void)ga_json_i64(error, "code", &ask->error->code);
    return ga_chain_fail(ask->error, GA_CHAIN_REFUSED,
                         "%s: /%s: the node answered with an error: %s; look into its log", ask->source->name,
                         ask->path, words);
}

/* A status other than 2xx, and no words of the node in what came. */
static enum ga_chain_why
bad_status(struct ask *ask)
{
    long        status = ask->error->status;
    const char *next = "look into the log of the node, or of the proxy before it";

    if (status >= 300 && status <= 399)
        next = "it leads elsewhere: give the URL that it leads to";
    else if (status == 401 || status == 403 || status == 404)
        next = "the host's proxy may have its chain routes switched off: ask the node's own port";
    else if (status == 429)
        next = "too many questions: ask less often";
    else if (status == 502 || status == 503 || status == 504)
        next = "the proxy answers, but the node behind it does not: is it running?";
    return ga_chain_fail(ask->error, GA_CHAIN_HTTP_STATUS,
                         "%s: /%s: answered with status %ld and no words of the node; %s", ask->source->name, ask->path,
                         status, next);
}

/* 200, but no JSON. */
static enum ga_chain_why
not_json(struct ask *ask, const struct ga_http_answer *answer, const char *why)
{
    const char *body = answer->body ? answer->body : "";

    body += strspn(body, " \t\r\n");
    if (!*body)
        return ga_chain_fail(ask->error, GA_CHAIN_NOT_JSON, "%s: /%s: sent an empty answer; is a node behind this URL?",
                             ask->source->name, ask->path);
    if (*body == '<')
        return ga_chain_fail(ask->error, GA_CHAIN_NOT_JSON,
                             "%s: /%s: sent a web page where JSON was expected; does the URL "
                             "lead to a node, and not to a site or a proxy's error page?",
                             ask->source->name, ask->path);
    return ga_chain_fail(ask->error, GA_CHAIN_NOT_JSON,
                         "%s: /%s: what it sent is no JSON (%s); is a node behind this URL?", ask->source->name,
                         ask->path, why);
}

/* The parsed answer, whatever it says and whatever its status, or why there is none. */
static enum ga_chain_why
get_json(struct ask *ask, cJSON **ret)
{
    const struct ga_chain_source *source = ask->source;
    static const char *const      headers[] = {"Accept: application/json", NULL};
    struct ga_http_request        request = {.url = ask->url,
                                             .headers = headers,
                                             .connect_ms = source->connect_ms,
                                             .total_ms = source->total_ms > 0 ? source->total_ms : TOTAL_MS,
                                             .max_answer = source->max_answer,
                                             .cancel_fd = source->cancel_fd};
    struct ga_http_answer         answer;
    char                          problem[160] = "";
    enum ga_chain_why             why = GA_CHAIN_OK;

    (void)ga_http(&request, &answer);
    ask->error->status = answer.status;
    if (answer.kind != GA_HTTP_OK) {
        why = no_answer(ask, &answer);
    } else {
        *ret = answer.len ? ga_json_parse(answer.body, answer.len, problem, sizeof(problem)) : NULL;
        if (!*ret && answer.len && errno == ENOMEM)
            why = ga_chain_fail(ask->error, GA_CHAIN_NO_MEMORY, "%s: /%s: no memory for the answer", source->name,
                                ask->path);
        else if (!*ret && (answer.status < 200 || answer.status > 299))
            why = bad_status(ask);
        else if (!*ret)
            why = not_json(ask, &answer, problem);
    }
    ga_http_done(&answer);
    return why;
}

static int
status_is_fine(const struct ask *ask)
{
    return ask->error->status >= 200 && ask->error->status <= 299;
}

/* What the JSON of a RPC answer says. Takes `json`, or what of it is asked for, to *ret. */
static enum ga_chain_why
read_rpc(struct ask *ask, cJSON *json, cJSON **ret)
{
    const cJSON *error = ga_json_get(json, "error");
    cJSON       *result = cJSON_GetObjectItemCaseSensitive(json, "result");

    if (error && !cJSON_IsNull(error))
        return rpc_error(ask, error);
    if (!status_is_fine(ask))
        return bad_status(ask);
    if (!cJSON_IsObject(json) || (ga_json_get(json, "jsonrpc") && !result) || (result && cJSON_IsNull(result)))
        return ga_chain_fail(ask->error, GA_CHAIN_BAD_ANSWER,
                             "%s: /%s: the answer is JSON, but not that of a node's RPC; does "
                             "the URL lead to one?",
                             ask->source->name, ask->path);
    *ret = result ? cJSON_DetachItemViaPointer(json, result) : json;
    return ga_chain_fine(ask->error);
}

enum ga_chain_why
ga_chain_rpc(const struct ga_chain_source *source, const char *path, cJSON **ret, struct ga_chain_error *error)
{
    struct ask        ask = {.source = source, .error = error};
    cJSON            *json = NULL;
    enum ga_chain_why why = make_url(&ask, source->rpc, "RPC", path);

    *ret = NULL;
    if (why == GA_CHAIN_OK)
        why = get_json(&ask, &json);
    if (why == GA_CHAIN_OK)
        why = read_rpc(&ask, json, ret);
    if (json != *ret)
        cJSON_Delete(json);
    return why;
}

static enum ga_chain_why
read_rest(struct ask *ask, const cJSON *json)
{
    const cJSON *message = ga_json_get(json, "message");

    if (message && ga_json_i64(json, "code", &ask->error->code) == 0 && ask->error->code != 0)
        return gateway_error(ask, json);
    ask->error->code = 0;
    if (!status_is_fine(ask))
        return bad_status(ask);
    if (!cJSON_IsObject(json))
        return ga_chain_fail(ask->error, GA_CHAIN_BAD_ANSWER,
                             "%s: /%s: the answer is JSON, but not that of a node's REST "
                             "gateway; does the URL lead to one?",
                             ask->source->name, ask->path);
    return ga_chain_fine(ask->error);
}

enum ga_chain_why
ga_chain_rest(const struct ga_chain_source *source, const char *path, cJSON **ret, struct ga_chain_error *error)
{
    struct ask        ask = {.source = source, .error = error};
    enum ga_chain_why why = make_url(&ask, source->api, "REST API", path);

    *ret = NULL;
    if (why == GA_CHAIN_OK)
        why = get_json(&ask, ret);
    if (why == GA_CHAIN_OK)
        why = read_rest(&ask, *ret);
    if (why != GA_CHAIN_OK) {
        cJSON_Delete(*ret);
        *ret = NULL;
    }
    return why;
}

/* --- lists in pages ------------------------------------------------------------------------------------------------
 */

int
ga_chain_escape(const char *text, char *buf, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t            n = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        int           plain = c < 0x80 && (isalnum(c) || strchr("-._~", c));

        if (n + (plain ? 1 : 3) >= len) {
            if (len > 0)
                buf[0] = '\0';
            return -ENOSPC;
        }
        if (!plain) {
            buf[n++] = '%';
            buf[n++] = digits[c >> 4];
        }
        buf[n++] = plain ? (char)c : digits[c & 15];
    }
    if (len == 0)
        return -ENOSPC;
    buf[n] = '\0';
    return 0;
}

/* A list that is asked for page by page. */
struct pages {
    const struct ga_chain_source *source;
    const char                   *path;
    const char                   *list_key;
    char                          key[KEY_MAX]; /* of the page to get, escaped; "": the first */
    int                           stopped;      /* `each` wants no more */
    ga_chain_each                 each;
    void                         *userdata;
    struct ga_chain_error        *error;
};

static enum ga_chain_why
bad_page(const struct pages *pages, const char *what)
{
    char path[PATH_SHOWN];

    return ga_chain_fail(pages->error, GA_CHAIN_BAD_ANSWER, "%s: %s: %s; look into the log of the node",
                         pages->source->name, ga_chain_clean(pages->path, path, sizeof(path)), what);
}

static enum ga_chain_why
read_page(struct pages *pages, const cJSON *json)
{
    const cJSON *list = ga_json_get(json, pages->list_key);
    const cJSON *element;

    if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list))
        return bad_page(pages, "a list is expected, and the node sent something else");
    cJSON_ArrayForEach(element, list)
    {
        pages->stopped = pages->each(element, pages->userdata) != 0;
        if (pages->stopped)
            break;
    }
    return GA_CHAIN_OK;
}

/* Makes pages->key that of the next page, "" when this was the last. */
static enum ga_chain_why
next_page(struct pages *pages, const cJSON *json)
{
    const char *next = ga_json_str(ga_json_get(json, "pagination"), "next_key");
    char        key[KEY_MAX];

    if (ga_chain_escape(next ? next : "", key, sizeof(key)) < 0)
        return bad_page(pages, "the key of the next page is too long");
    if (*key && strcmp(key, pages->key) == 0)
        return bad_page(pages, "the next page has the key of this one, so the list has no end");
    (void)snprintf(pages->key, sizeof(pages->key), "%s", key);
    return GA_CHAIN_OK;
}

static enum ga_chain_why
get_page(struct pages *pages)
{
    char              path[PATH_MAX_LEN + KEY_MAX + 32];
    cJSON            *json = NULL;
    enum ga_chain_why why;

    (void)snprintf(path, sizeof(path), "%.*s%s%s%s", PATH_MAX_LEN, pages->path,
                   !*pages->key                    ? ""
                   : strchr(pages->path, '?') != 0 ? "&"
                                                   : "?",
                   *pages->key ? "pagination.key=" : "", pages->key);
    why = ga_chain_rest(pages->source, path, &json, pages->error);
    if (why == GA_CHAIN_OK)
        why = read_page(pages, json);
    if (why == GA_CHAIN_OK)
        why = next_page(pages, json);
    cJSON_Delete(json);
    return why;
}

enum ga_chain_why
ga_chain_rest_paged(const struct ga_chain_source *source, const char *path, const char *list_key, int max_pages,
                    ga_chain_each each, void *userdata, struct ga_chain_error *error)
{
    struct pages pages = {
        .source = source, .path = path, .list_key = list_key, .each = each, .userdata = userdata, .error = error};
    int               most = max_pages > 0 ? max_pages : PAGES_MAX;
    enum ga_chain_why why = GA_CHAIN_OK;
    char              shown[PATH_SHOWN];

    for (int n = 0; n < most; n++) {
        why = get_page(&pages);
        if (why != GA_CHAIN_OK || pages.stopped || !*pages.key)
            return why;
    }
    return ga_chain_fail(error, GA_CHAIN_TOO_LARGE, "%s: %s: the list has more than %d pages; ask for a part of it",
                         source->name, ga_chain_clean(path, shown, sizeof(shown)), most);
}

/* nats_js.c: the JetStream API as JSON documents. */
#include "kit/nats_parts.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 100000 /* a server that never comes to an end must not hold a run for ever */

int
ga_nats_is_token(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > 255)
        return 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c <= ' ' || c == 0x7f || strchr(".*>/\\", c))
            return 0;
    }
    return 1;
}

/* What to do about an error of the API. */
static const char *
next_step(int api_code, int err_code)
{
    if (err_code == GA_NATS_STREAM_NOT_FOUND)
        return "check the stream's name and the account";
    if (err_code == GA_NATS_NO_JETSTREAM)
        return "enable JetStream for this account, or log in with another";
    if (api_code == 503)
        return "JetStream is not available there at present: look at the server's log";
    if (api_code == 400)
        return "the server does not take this request: its log names the field";
    return "look at the server's log";
}

/* Keeps the error of an answer. 0 when it holds none. */
static int
api_error(const struct ga_nats *nats, const char *call, const cJSON *answer, struct ga_nats_error *err)
{
    const cJSON *error = ga_json_get(answer, "error");
    const char  *text;
    int64_t      api_code = 0;
    int64_t      err_code = 0;

    if (!error || cJSON_IsNull(error))
        return 0;
    text = ga_json_str(error, "description");
    (void)ga_json_i64(error, "code", &api_code);
    (void)ga_json_i64(error, "err_code", &err_code);
    nats_say(err, GA_NATS_API, "%s: %s: JetStream answers '%s' (code %" PRId64 ", %" PRId64 "): %s", nats->url, call,
             text ? text : "error", api_code, err_code, next_step((int)api_code, (int)err_code));
    err->api_code = (int)api_code;
    err->err_code = (int)err_code;
    return -1;
}

cJSON *
ga_nats_js(struct ga_nats *nats, const char *call, const cJSON *body, int64_t timeout_ms, struct ga_nats_error *reterr)
{
    char   subject[512];
    char   why[160];
    char  *text = body ? ga_json_print(body) : NULL;
    char  *answer = NULL;
    size_t len = 0;
    cJSON *json = NULL;

    if (body && !text) {
        nats_say(reterr, GA_NATS_OTHER, "out of memory");
        return NULL;
    }
    (void)snprintf(subject, sizeof(subject), "%s.%s", nats->prefix, call);
    if (ga_nats_request(nats, subject, text, timeout_ms, &answer, &len, reterr) == 0) {
        json = ga_json_parse(answer, len, why, sizeof(why));
        if (!json || !cJSON_IsObject(json)) {
            nats_say(reterr, GA_NATS_NOT_JSON,
                     "%s: the answer to %s is no JSON object (%s): something else answers this subject: check "
                     "api_prefix, and who may subscribe to it",
                     nats->url, subject, json ? "another value" : why);
            cJSON_Delete(json);
            json = NULL;
        } else if (api_error(nats, call, json, reterr) < 0) {
            cJSON_Delete(json);
            json = NULL;
        }
    }
    free(answer);
    free(text);
    return json;
}

/* One page. The number of its elements in *ret_n, of all in *ret_total. As ga_nats_js_list(). */
static int
page(struct ga_nats *nats, const char *call, const char *member, int64_t offset, ga_nats_each_fn each, void *userdata,
     int64_t *ret_n, int64_t *ret_total, struct ga_nats_error *err)
{
    cJSON *body = cJSON_CreateObject();
    cJSON *answer = NULL;
    cJSON *list;
    cJSON *next;
    int    r = 0;

    *ret_n = 0;
    *ret_total = 0;
    if (body && ga_json_add_i64(body, "offset", offset) == 0)
        answer = ga_nats_js(nats, call, body, 0, err);
    else
        nats_say(err, GA_NATS_OTHER, "out of memory");
    cJSON_Delete(body);
    if (!answer)
        return -1;
    list = cJSON_GetObjectItemCaseSensitive(answer, member);
    if (ga_json_i64(answer, "total", ret_total) < 0 || (list && !cJSON_IsArray(list) && !cJSON_IsNull(list))) {
        nats_say(err, GA_NATS_NOT_JSON, "%s: the answer to %s is no page of '%s': check api_prefix", nats->url, call,
                 member);
        r = -1;
    }
    for (cJSON *at = list && r == 0 ? list->child : NULL; at && r == 0; at = next) {
        next = at->next;
        ++*ret_n;
        r = each(at, userdata);
    }
    cJSON_Delete(answer);
    return r;
}

int
ga_nats_js_list(struct ga_nats *nats, const char *call, const char *member, ga_nats_each_fn each, void *userdata,
                struct ga_nats_error *reterr)
{
    int64_t offset = 0;

    for (int i = 0; i < PAGES_MAX; i++) {
        int64_t n;
        int64_t total;
        int     r = page(nats, call, member, offset, each, userdata, &n, &total, reterr);

        if (r != 0)
            return r;
        offset += n;
        if (n == 0 || offset >= total)
            return 0;
    }
    nats_say(reterr, GA_NATS_OTHER, "%s: %s has no end: the server's paging is broken", nats->url, call);
    return -1;
}

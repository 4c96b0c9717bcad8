/* spec.c: reading the arguments of the tasks. */
#include "plugins/poc-worker/spec.h"

#include "plugins/poc-worker/lane.h"

#include "kit/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the model -----------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *key;
    size_t      offset;
    int         is_double;
} members[] = {
    {"dim", offsetof(struct poc_params, dim), 0},
    {"n_layers", offsetof(struct poc_params, n_layers), 0},
    {"n_heads", offsetof(struct poc_params, n_heads), 0},
    {"n_kv_heads", offsetof(struct poc_params, n_kv_heads), 0},
    {"vocab_size", offsetof(struct poc_params, vocab_size), 0},
    {"multiple_of", offsetof(struct poc_params, multiple_of), 0},
    {"seq_len", offsetof(struct poc_params, seq_len), 0},
    {"use_scaled_rope", offsetof(struct poc_params, use_scaled_rope), 0},
    {"ffn_dim_multiplier", offsetof(struct poc_params, ffn_dim_multiplier), 1},
    {"norm_eps", offsetof(struct poc_params, norm_eps), 1},
    {"rope_theta", offsetof(struct poc_params, rope_theta), 1},
};

/* One member into its place. 0, or -1: of the wrong type. */
static int
put_member(size_t i, const cJSON *value, struct poc_params *ret)
{
    char    *at = (char *)ret + members[i].offset;
    int64_t  whole;
    double   number;
    uint32_t narrow;

    if (members[i].is_double) {
        if (!cJSON_IsNumber(value))
            return -1;
        number = value->valuedouble;
        memcpy(at, &number, sizeof(number));
        return 0;
    }
    if (cJSON_IsBool(value))
        whole = cJSON_IsTrue(value);
    else if (ga_json_value_i64(value, &whole) < 0 || whole < 0 || whole > UINT32_MAX)
        return -1;
    narrow = (uint32_t)whole;
    memcpy(at, &narrow, sizeof(narrow));
    return 0;
}

int
poc_spec_params_json(const cJSON *json, struct poc_params *ret, char *reterr, size_t reterr_len)
{
    const size_t n = sizeof(members) / sizeof(*members);
    const cJSON *member;

    (void)poc_params_named("default", ret);
    if (!cJSON_IsObject(json)) {
        (void)snprintf(reterr, reterr_len, "params must be v1, v2, default, or a JSON object such as {\"dim\": 1024}");
        return -1;
    }
    cJSON_ArrayForEach(member, json)
    {
        size_t i = 0;

        while (i < n && strcmp(members[i].key, member->string) != 0)
            i++;
        if (i == n) {
            (void)snprintf(reterr, reterr_len, "params has no member '%.64s'", member->string);
            return -1;
        }
        if (put_member(i, member, ret) < 0) {
            (void)snprintf(reterr, reterr_len, "params.%s must be a number%s", members[i].key,
                           members[i].is_double ? "" : " without fraction, 0 or more");
            return -1;
        }
    }
    return poc_params_check(ret, reterr, reterr_len) < 0 ? -1 : 0;
}

int
poc_spec_params(const char *text, struct poc_params *ret, char *reterr, size_t reterr_len)
{
    char   why[160];
    cJSON *json;
    int    r;

    while (*text == ' ' || *text == '\n' || *text == '\t')
        text++;
    if (*text != '{') {
        if (poc_params_named(text, ret) == 0)
            return 0;
        (void)snprintf(reterr, reterr_len, "there is no model '%.64s': take v1, v2, default, {...}, or @FILE with JSON",
                       text);
        return -1;
    }
    json = ga_json_parse(text, strlen(text), why, sizeof(why));
    if (!json) {
        (void)snprintf(reterr, reterr_len, "params is no JSON: %s", why);
        return -1;
    }
    r = poc_spec_params_json(json, ret, reterr, reterr_len);
    cJSON_Delete(json);
    return r;
}

/* --- nonces --------------------------------------------------------------------------------------------------------
 */

/* Digits at *at, up to 2^63-1. 0, or -1. */
static int
read_nonce(const char **at, int64_t *ret)
{
    char              *end;
    unsigned long long value;

    if (**at < '0' || **at > '9')
        return -1;
    errno = 0;
    value = strtoull(*at, &end, 10);
    if (errno != 0 || value > INT64_MAX)
        return -1;
    *ret = (int64_t)value;
    *at = end;
    return 0;
}

/* One "5" or "5-9". 0, or -1 with a sentence. */
static int
read_range(const char **at, int64_t *first, int64_t *last, char *reterr, size_t reterr_len)
{
    const char *begin = *at;

    if (read_nonce(at, first) == 0) {
        *last = *first;
        if (**at != '-')
            return 0;
        (*at)++;
        if (read_nonce(at, last) == 0 && *last >= *first)
            return 0;
    }
    (void)snprintf(reterr, reterr_len,
                   "nonces: '%.40s' is neither a number from 0 to 9223372036854775807 nor a range such as 5-9", begin);
    return -1;
}

int
poc_spec_nonces(const char *text, int64_t **ret, size_t *ret_n, char *reterr, size_t reterr_len)
{
    int64_t *list = NULL;
    size_t   n = 0;

    for (const char *at = text;; at++) {
        int64_t  first;
        int64_t  last;
        int64_t *more;

        if (read_range(&at, &first, &last, reterr, reterr_len) < 0)
            break;
        if (last - first >= (int64_t)(POC_NONCES_MAX - n)) {
            (void)snprintf(reterr, reterr_len, "nonces: more than %zu are asked for at once", POC_NONCES_MAX);
            break;
        }
        more = reallocarray(list, n + (size_t)(last - first) + 1, sizeof(*list));
        if (!more) {
            (void)snprintf(reterr, reterr_len, "out of memory");
            break;
        }
        list = more;
        for (int64_t i = 0; i <= last - first; i++)
            list[n++] = first + i;
        if (*at == 0) {
            *ret = list;
            *ret_n = n;
            return 0;
        }
        if (*at != ',') {
            (void)snprintf(reterr, reterr_len, "nonces: '%.40s': numbers and ranges are separated by commas", at);
            break;
        }
    }
    free(list);
    return -1;
}

/* --- devices -------------------------------------------------------------------------------------------------------
 */

static int
choose_all(const struct poc_device_info *infos, int n, struct poc_chosen *ret)
{
    for (int i = 0; i < n && ret->n < POC_CHOSEN_MAX; i++)
        if (!infos[i].test_only)
            ret->devices[ret->n++] = i;
    if (ret->n == 0)
        ret->devices[ret->n++] = 0;
    return 0;
}

/* A number or "plain", behind which *at stands then. 0 or -1. */
static int
read_device(const char **at, int64_t *ret)
{
    size_t len = strlen("plain");

    if (strncmp(*at, "plain", len) != 0)
        return read_nonce(at, ret);
    *at += len;
    *ret = POC_PLAIN;
    return 0;
}

int
poc_spec_devices(const char *text, const struct poc_device_info *infos, int n, struct poc_chosen *ret, char *reterr,
                 size_t reterr_len)
{
    ret->n = 0;
    if (strcmp(text, "auto") == 0)
        return choose_all(infos, n, ret);
    for (const char *at = text;; at++) {
        int64_t device;

        if (read_device(&at, &device) < 0 || (*at && *at != ',')) {
            (void)snprintf(reterr, reterr_len,
                           "device '%.40s': take auto, plain, or numbers as `gonka-agent run poc-worker devices` lists "
                           "them",
                           text);
            return -1;
        }
        if (device >= n && device != POC_PLAIN) {
            (void)snprintf(reterr, reterr_len,
                           "there is no device %" PRId64 ", only %d: `gonka-agent run poc-worker devices` lists them",
                           device, n);
            return -1;
        }
        for (size_t i = 0; i < ret->n; i++)
            if (ret->devices[i] == (int)device || ret->n == POC_CHOSEN_MAX) {
                (void)snprintf(reterr, reterr_len, "'%.80s' names a device twice, or too many", text);
                return -1;
            }
        ret->devices[ret->n++] = (int)device;
        if (*at == 0)
            return 0;
    }
}

int
poc_spec_listen(const char *url, char *address, size_t len, uint16_t *port)
{
    const char *at = strstr(url, "://");
    const char *colon = at ? strrchr(at + 3, ':') : NULL;
    long        number = colon ? strtol(colon + 1, NULL, 10) : 0;
    size_t      n;

    if (!at || !colon || number <= 0 || number > 65535)
        return -1;
    at += 3;
    n = (size_t)(colon - at);
    if (*at == '[' && n > 2 && at[n - 1] == ']') {
        at++;
        n -= 2;
    }
    if (n == 0 || n >= len)
        return -1;
    (void)snprintf(address, len, "%.*s", (int)n, at);
    *port = (uint16_t)number;
    return 0;
}

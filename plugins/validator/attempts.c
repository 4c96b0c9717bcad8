/* attempts.c: pauses and an end. */
#include "plugins/validator/attempts.h"

#include "kit/json.h"
#include "kit/when.h"

#include <stdio.h>
#include <string.h>

#define DOUBLINGS_MAX 20

/* Attempts within the window, and when the last one was. */
static int64_t
counting(const struct val_attempts *attempts, const struct val_attempt_rules *rules, int64_t now_ns, int64_t *ret_last,
         int64_t *ret_first)
{
    int64_t n = 0;

    *ret_last = 0;
    *ret_first = 0;
    for (size_t i = 0; i < attempts->n; i++) {
        int64_t at = attempts->list[i].at_ns < now_ns ? attempts->list[i].at_ns : now_ns;

        if (now_ns - at >= rules->window_ns)
            continue;
        if (n++ == 0 || at < *ret_first)
            *ret_first = at;
        if (at > *ret_last)
            *ret_last = at;
    }
    return n;
}

/* The pause after so many attempts, at most the window. */
static int64_t
pause_after(const struct val_attempt_rules *rules, int64_t n)
{
    int64_t pause = rules->pause_ns;

    for (int64_t i = 1; i < n && i < DOUBLINGS_MAX && pause < rules->window_ns; i++)
        pause *= 2;
    return pause < rules->window_ns ? pause : rules->window_ns;
}

enum val_may
val_attempts_may(const struct val_attempts *attempts, const struct val_attempt_rules *rules, int64_t now_ns, char *why,
                 size_t len)
{
    int64_t last = 0;
    int64_t first = 0;
    int64_t n = counting(attempts, rules, now_ns, &last, &first);
    char    span[48];
    char    window[48];

    if (n >= rules->most) {
        (void)snprintf(why, len,
                       "%lld attempts in the last %s: stopped until %s from now; find out why it is not unjailed or "
                       "jailed again, then gonka-agent run validator unjail again=true",
                       (long long)n, ga_when_span(rules->window_ns, window, sizeof(window)),
                       ga_when_span(first + rules->window_ns - now_ns, span, sizeof(span)));
        return VAL_MAY_STOPPED;
    }
    if (n > 0 && now_ns - last < pause_after(rules, n)) {
        (void)snprintf(why, len, "the last attempt was %s ago: the next one is due in %s (or by hand: again=true)",
                       ga_when_span(now_ns - last, window, sizeof(window)),
                       ga_when_span(last + pause_after(rules, n) - now_ns, span, sizeof(span)));
        return VAL_MAY_LATER;
    }
    return VAL_MAY;
}

void
val_attempts_add(struct val_attempts *attempts, int64_t now_ns)
{
    if (attempts->n == VAL_ATTEMPTS_MAX) {
        memmove(&attempts->list[0], &attempts->list[1], (VAL_ATTEMPTS_MAX - 1) * sizeof(attempts->list[0]));
        attempts->n--;
    }
    attempts->list[attempts->n++] = (struct val_attempt){.at_ns = now_ns};
}

/* --- the document --------------------------------------------------------------------------------------------------
 */

static int
read_attempt(struct val_attempts *attempts, const cJSON *json)
{
    struct val_attempt *attempt = &attempts->list[attempts->n];
    const char         *hash = ga_json_str(json, "hash");

    if (attempts->n == VAL_ATTEMPTS_MAX || !hash || strlen(hash) >= sizeof(attempt->hash))
        return -1;
    *attempt = (struct val_attempt){.ended = ga_json_bool(json, "ended", 0), .ok = ga_json_bool(json, "ok", 0)};
    if (ga_json_i64(json, "at_ns", &attempt->at_ns) < 0 || attempt->at_ns < 0)
        return -1;
    (void)snprintf(attempt->hash, sizeof(attempt->hash), "%s", hash);
    attempts->n++;
    return 0;
}

int
val_attempts_read(struct val_attempts *attempts, const char *text, size_t len)
{
    char         why[160];
    cJSON       *json = ga_json_parse(text, len, why, sizeof(why));
    const cJSON *entry;
    int          r = cJSON_IsArray(ga_json_get(json, "attempts")) ? 0 : -1;

    *attempts = (struct val_attempts){.n = 0};
    cJSON_ArrayForEach(entry, ga_json_get(json, "attempts"))
    {
        if (r == 0)
            r = read_attempt(attempts, entry);
    }
    attempts->stopped = ga_json_bool(json, "stopped", 0);
    if (r < 0)
        *attempts = (struct val_attempts){.n = 0};
    cJSON_Delete(json);
    return r;
}

char *
val_attempts_write(const struct val_attempts *attempts)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "attempts");
    char  *text;

    (void)cJSON_AddBoolToObject(json, "stopped", attempts->stopped);
    for (size_t i = 0; i < attempts->n; i++) {
        const struct val_attempt *attempt = &attempts->list[i];
        cJSON                    *entry = cJSON_CreateObject();

        (void)ga_json_add_i64(entry, "at_ns", attempt->at_ns);
        (void)cJSON_AddBoolToObject(entry, "ended", attempt->ended);
        (void)cJSON_AddBoolToObject(entry, "ok", attempt->ok);
        (void)cJSON_AddStringToObject(entry, "hash", attempt->hash);
        (void)cJSON_AddItemToArray(list, entry);
    }
    text = list ? ga_json_print(json) : NULL;
    cJSON_Delete(json);
    return text;
}

/* change.c: one stream gets its age: what it would cost, the guards, the act, the proof. */
#include "plugins/nats-ttl/enforce.h"

#include "kit/json.h"
#include "kit/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

cJSON *
stream_info(struct ga_nats *nats, const char *stream, struct ga_nats_error *err)
{
    char call[300];

    (void)snprintf(call, sizeof(call), "STREAM.INFO.%s", stream);
    return ga_nats_js(nats, call, NULL, 0, err);
}

/* "24h", or "unlimited". */
static const char *
age_text(int64_t ns, char *buf, size_t len)
{
    return ns == 0 ? "unlimited" : ga_format_duration(ns, buf, len);
}

/* The change as lines with '-' and '+'. */
static void
put_diff(const struct judgement *judgement, char *ret, size_t len)
{
    char old[64];
    char new[64];
    int n = snprintf(ret, len, "- max_age: %" PRId64 " (%s)\n+ max_age: %" PRId64 " (%s)\n", judgement->have_ns,
                     age_text(judgement->have_ns, old, sizeof(old)), judgement->want_ns,
                     age_text(judgement->want_ns, new, sizeof(new)));

    if (n > 0 && (size_t)n < len && judgement->window_new != judgement->window_ns)
        (void)snprintf(ret + n, len - (size_t)n,
                       "- duplicate_window: %" PRId64 " (%s)\n+ duplicate_window: %" PRId64 " (%s)\n",
                       judgement->window_ns, age_text(judgement->window_ns, old, sizeof(old)), judgement->window_new,
                       age_text(judgement->window_new, new, sizeof(new)));
}

/* {"max_age": ..., "duplicate_window": ...} below `key`. 0, or -1. */
static int
add_values(cJSON *details, const char *key, int64_t age_ns, int64_t window_ns)
{
    cJSON *object = cJSON_AddObjectToObject(details, key);

    return object && ga_json_add_i64(object, "max_age", age_ns) == 0 &&
                   ga_json_add_i64(object, "duplicate_window", window_ns) == 0
               ? 0
               : -1;
}

/* The text for act(). NULL without memory; the caller frees it. */
static char *
details_of(const struct work *work, const struct judgement *judgement, const struct backlog *backlog)
{
    cJSON *details = cJSON_CreateObject();
    char   diff[400];
    char  *text = NULL;

    put_diff(judgement, diff, sizeof(diff));
    if (details && cJSON_AddStringToObject(details, "server", ga_nats_url(work->nats)) &&
        add_values(details, "old", judgement->have_ns, judgement->window_ns) == 0 &&
        add_values(details, "new", judgement->want_ns, judgement->window_new) == 0 &&
        ga_json_add_i64(details, "drops_messages", backlog->messages) == 0 &&
        ga_json_add_i64(details, "drops_bytes", backlog->bytes) == 0 &&
        ga_json_add_i64(details, "drops_unprocessed", backlog->unprocessed) == 0 &&
        cJSON_AddStringToObject(details, "diff", diff))
        text = ga_json_print(details);
    cJSON_Delete(details);
    return text;
}

/* "12 of 34 messages (5.6 MB, the oldest 3d old) would go, 7 of them unprocessed (tx-sender: 4 pending, 3 unacked)". */
static void
describe(const struct judgement *judgement, const struct backlog *backlog, char *ret, size_t len)
{
    char         size[32];
    char         age[64] = "of unknown age";
    size_t       used;
    const cJSON *at;

    if (judgement->oldest_ns >= 0)
        (void)ga_format_duration(judgement->oldest_ns - judgement->oldest_ns % SECOND, age, sizeof(age));
    (void)snprintf(ret, len,
                   "%" PRId64 " of %" PRId64 " messages (%s, the oldest %s) would go, %" PRId64 " of them unprocessed",
                   backlog->messages, judgement->messages, ga_format_size((uint64_t)backlog->bytes, size, sizeof(size)),
                   age, backlog->unprocessed);
    cJSON_ArrayForEach(at, backlog->consumers)
    {
        int64_t pending = 0;
        int64_t unacknowledged = 0;

        (void)ga_json_i64(at, "pending", &pending);
        (void)ga_json_i64(at, "unacknowledged", &unacknowledged);
        used = strlen(ret);
        (void)snprintf(ret + used, len - used, "%s%s: %" PRId64 " pending, %" PRId64 " unacknowledged",
                       at->prev == NULL || at == backlog->consumers->child ? " (" : "; ", ga_json_str(at, "name"),
                       pending, unacknowledged);
    }
    used = strlen(ret);
    if (backlog->consumers->child)
        (void)snprintf(ret + used, len - used, ")");
}

/* The guards about what would be lost. 1 go on, 0 concluded. */
static int
may_drop(struct work *work, const struct todo *todo, const struct judgement *judgement, const char *retention,
         struct backlog *backlog)
{
    struct ga_nats_error err;
    char                 words[384];

    if (judgement->have_ns != 0 && judgement->have_ns <= judgement->want_ns) {
        backlog->consumers = cJSON_CreateArray();
        return 1; /* a longer life drops nothing */
    }
    if (backlog_find(work->nats, todo->stream, retention, judgement, work->rules.now_ns, backlog, &err) < 0) {
        if (work->allow_drop && err.why != GA_NATS_CANCELLED) {
            work->host->log(work->run, GA_LOG_WARNING, "%s: what the change drops is not known (%s); allow_drop is set",
                            todo->stream, err.text);
            return 1;
        }
        conclude(work, todo->stream, GA_UNKNOWN, "unknown", judgement, NULL,
                 "cannot tell what its new age would drop, so it was left alone: %s", err.text);
        return 0;
    }
    if (backlog->messages == 0)
        return 1;
    describe(judgement, backlog, words, sizeof(words));
    work->host->log(work->run, backlog->unprocessed > 0 ? GA_LOG_WARNING : GA_LOG_NOTICE, "%s: %s", todo->stream,
                    words);
    if (backlog->unprocessed <= work->max_drop || work->allow_drop)
        return 1;
    conclude(work, todo->stream, GA_REFUSED, "refused", judgement, backlog,
             "%s, max_drop allows %" PRId64 ": gonka-agent run nats-ttl enforce allow_drop=true", words,
             work->max_drop);
    return 0;
}

/* Sends the configuration. 0 accepted, 1 not known (no answer in time), -1 denied, with *err. */
static int
send_update(struct work *work, const char *stream, const cJSON *config, struct ga_nats_error *err)
{
    /* Expiry runs inside the request: some 1.5 us for each message that goes. */
    int64_t timeout_ms = work->host->num(work->run, "update_timeout") / 1000000;
    char    call[300];
    cJSON  *answer;

    (void)snprintf(call, sizeof(call), "STREAM.UPDATE.%s", stream);
    answer = ga_nats_js(work->nats, call, config, timeout_ms, err);
    cJSON_Delete(answer);
    if (answer)
        return 0;
    return err->why == GA_NATS_TIMEOUT ? 1 : -1;
}

/* Reads again and says what is in force now. `sent` 1: nobody knows whether the server took it. */
static void
prove(struct work *work, const struct todo *todo, const struct judgement *old, const struct backlog *backlog, int sent)
{
    struct ga_nats_error err;
    struct judgement     now;
    char                 others[160];
    char                 words[300];
    char                 age[64];
    cJSON               *info = stream_info(work->nats, todo->stream, &err);
    struct judge_rules   rules = work->rules;

    if (!info) {
        work->host->acted(work->run, 0, err.text);
        conclude(work, todo->stream, GA_UNKNOWN, "unknown", NULL, backlog,
                 "max_age was sent, but whether it is in force cannot be seen: %s", err.text);
        return;
    }
    rules.now_ns = real_now_ns();
    judge(info, todo->entry->age_ns, &rules, &now);
    if (now.verdict == V_FINE && now.window_ns <= now.have_ns) {
        /* The only other members that may differ are those that we changed. */
        (void)config_differs(old->config, ga_json_get(info, "config"), others, sizeof(others));
        (void)snprintf(words, sizeof(words), "max_age is %s, %" PRId64 " messages and %" PRId64 " bytes went%s%s",
                       ga_format_duration(now.have_ns, age, sizeof(age)),
                       old->messages > now.messages ? old->messages - now.messages : 0,
                       old->bytes > now.bytes ? old->bytes - now.bytes : 0,
                       *others ? "; the server also changed: " : "", others);
        if (*others)
            work->host->log(work->run, GA_LOG_WARNING, "%s: after the change these members differ from before: %s",
                            todo->stream, others);
        work->host->acted(work->run, 1, words);
        conclude(work, todo->stream, GA_CHANGED, "set", &now, backlog, "%s", words);
    } else {
        work->host->acted(work->run, 0, now.why);
        conclude(work, todo->stream, GA_FAILED, sent ? "timeout" : "not-effective", &now, backlog, "%s: %s",
                 sent ? "no answer in time and the age is not in force" : "accepted but not effective", now.why);
    }
    judgement_done(&now);
    cJSON_Delete(info);
}

/* After the guards: the act and the change. */
static void
do_change(struct work *work, const struct todo *todo, const struct judgement *judgement, const struct backlog *backlog)
{
    struct ga_nats_error err = {0};
    char                 object[280];
    char                *details = details_of(work, judgement, backlog);
    int                  answer;
    int                  sent;

    if (!details) {
        work->no_memory = 1;
        return;
    }
    (void)snprintf(object, sizeof(object), "stream %s", todo->stream);
    answer = work->host->act(work->run, "set-max-age", object, details);
    free(details);
    if (answer == GA_ACT_REFUSED) {
        conclude(work, todo->stream, GA_REFUSED, "refused", judgement, backlog, "%s", work->host->act_why(work->run));
        return;
    }
    if (answer == GA_ACT_DRY) {
        work->n_dry++;
        conclude(work, todo->stream, GA_CHANGED, "would-set", judgement, backlog, "%s", judgement->why);
        return;
    }
    sent = send_update(work, todo->stream, judgement->config, &err);
    if (sent < 0) {
        work->host->acted(work->run, 0, err.text);
        conclude(work, todo->stream, err.why == GA_NATS_API || err.why == GA_NATS_AUTH ? GA_FAILED : GA_UNKNOWN,
                 "denied", judgement, backlog, "the change was not made: %s", err.text);
        return;
    }
    prove(work, todo, judgement, backlog, sent);
}

void
change_stream(struct work *work, const struct todo *todo)
{
    struct ga_nats_error err;
    struct judgement     judgement;
    struct backlog       backlog = {0};
    cJSON               *info = stream_info(work->nats, todo->stream, &err);

    /* There is no compare-and-set on a configuration: judge what is in force at this moment, not what a list said. */
    if (!info) {
        conclude(work, todo->stream, GA_UNKNOWN, "unknown", NULL, NULL, "%s", err.text);
        return;
    }
    work->rules.now_ns = real_now_ns();
    judge(info, todo->entry->age_ns, &work->rules, &judgement);
    if (judgement.verdict != V_SET)
        conclude_verdict(work, todo->stream, todo->entry, &judgement);
    else if (may_drop(work, todo, &judgement, ga_json_str(judgement.config, "retention"), &backlog))
        do_change(work, todo, &judgement, &backlog);
    backlog_done(&backlog);
    judgement_done(&judgement);
    cJSON_Delete(info);
}

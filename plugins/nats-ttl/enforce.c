/* enforce.c: looks at all streams, has those changed that need it, and sums up. */
#include "plugins/nats-ttl/enforce.h"

#include "kit/json.h"
#include "kit/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EACH_MAX 16 /* so many names are asked one by one, which needs fewer permissions than a list */

/* --- concluding ----------------------------------------------------------------------------------------------------
 */

static int
add_facts(cJSON *row, const struct judgement *judgement)
{
    return ga_json_add_i64(row, "max_age_ns", judgement->have_ns) < 0 ||
                   ga_json_add_i64(row, "messages", judgement->messages) < 0 ||
                   ga_json_add_i64(row, "bytes", judgement->bytes) < 0 ||
                   (judgement->oldest_ns >= 0 && ga_json_add_i64(row, "oldest_ns", judgement->oldest_ns) < 0)
               ? -1
               : 0;
}

static int
add_backlog(cJSON *row, const struct backlog *backlog)
{
    cJSON *object = cJSON_AddObjectToObject(row, "drops");
    cJSON *consumers = cJSON_Duplicate(backlog->consumers, 1);

    if (!object || ga_json_add_i64(object, "messages", backlog->messages) < 0 ||
        ga_json_add_i64(object, "bytes", backlog->bytes) < 0 ||
        ga_json_add_i64(object, "unprocessed", backlog->unprocessed) < 0) {
        cJSON_Delete(consumers);
        return -1;
    }
    if (consumers)
        (void)cJSON_AddItemToObject(object, "consumers", consumers);
    return 0;
}

static void
add_row(struct work *work, const char *stream, int outcome, const char *verdict, const struct judgement *judgement,
        const struct backlog *backlog, const char *why)
{
    static const char *const names[] = {"ok", "changed", "refused", "unknown", "failed"};
    cJSON                   *row = cJSON_CreateObject();

    if (!row || !cJSON_AddStringToObject(row, "stream", stream) ||
        !cJSON_AddStringToObject(row, "outcome", names[outcome]) || !cJSON_AddStringToObject(row, "verdict", verdict) ||
        !cJSON_AddStringToObject(row, "why", why) || (judgement && add_facts(row, judgement) < 0) ||
        (backlog && add_backlog(row, backlog) < 0) || !cJSON_AddItemToArray(work->rows, row)) {
        cJSON_Delete(row);
        work->no_memory = 1;
    }
}

void
conclude(struct work *work, const char *stream, int outcome, const char *verdict, const struct judgement *judgement,
         const struct backlog *backlog, const char *format, ...)
{
    static const uint32_t levels[] = {GA_LOG_DEBUG, GA_LOG_NOTICE, GA_LOG_WARNING, GA_LOG_WARNING, GA_LOG_ERR};
    char                  why[1100];
    va_list               args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    work->n_by_outcome[outcome]++;
    if (!work->first[outcome][0])
        (void)snprintf(work->first[outcome], sizeof(work->first[outcome]), "%.120s: %.350s", stream, why);
    if (outcome != GA_OK)
        work->host->log(work->run, levels[outcome], "%s: %s", stream, why);
    add_row(work, stream, outcome, verdict, judgement, backlog, why);
}

void
conclude_verdict(struct work *work, const char *stream, const struct wanted_entry *entry,
                 const struct judgement *judgement)
{
    int outcome = GA_OK;

    switch (judgement->verdict) {
    case V_SEALED:
    case V_MIRROR:
        /* Whoever names a stream wants its age; a pattern may well match what cannot have one. */
        outcome = wanted_is_pattern(entry->pattern) ? GA_OK : GA_REFUSED;
        break;
    case V_NOT_EFFECTIVE:
        outcome = GA_FAILED;
        break;
    case V_UNREADABLE:
        outcome = GA_UNKNOWN;
        break;
    case V_FINE:
    case V_SHORTER:
    case V_SET:
        break;
    }
    conclude(work, stream, outcome, verdict_name(judgement->verdict), judgement, NULL, "%s", judgement->why);
}

/* --- looking -------------------------------------------------------------------------------------------------------
 */

static void
remember(struct work *work, const char *stream, const struct wanted_entry *entry)
{
    struct todo *grown = work->todo;

    /* 0, 16, 32, 64, ...: doubled when full */
    if (work->n_todo == 0 || (work->n_todo >= 16 && (work->n_todo & (work->n_todo - 1)) == 0))
        grown = reallocarray(work->todo, work->n_todo ? work->n_todo * 2 : 16, sizeof(*work->todo));
    if (grown) {
        work->todo = grown;
        grown[work->n_todo].entry = entry;
        grown[work->n_todo].stream = strdup(stream);
        if (grown[work->n_todo].stream) {
            work->n_todo++;
            return;
        }
    }
    work->no_memory = 1;
}

/* One stream's info: an element of a list, or an answer. */
static int
look_at(cJSON *info, void *userdata)
{
    struct work               *work = userdata;
    const char                *stream = ga_json_str(ga_json_get(info, "config"), "name");
    const struct wanted_entry *entry;
    struct judgement           judgement;

    if (!stream || !ga_nats_is_token(stream))
        return 0; /* not a stream's info, and nothing that the API could be asked about */
    entry = wanted_for(&work->wanted, stream);
    if (!entry)
        return 0;
    work->seen[entry - work->wanted.entries] = 1;
    work->n_streams++;
    judge(info, entry->age_ns, &work->rules, &judgement);
    if (judgement.verdict != V_UNREADABLE)
        history_note(work->history, stream, work->rules.now_ns, &judgement);
    if (judgement.verdict == V_SET)
        remember(work, stream, entry);
    else
        conclude_verdict(work, stream, entry, &judgement);
    judgement_done(&judgement);
    return work->host->cancelled(work->run) ? 1 : 0;
}

/* A stream that is named is not there. */
static void
conclude_missing(struct work *work, const char *stream)
{
    int outcome = strcmp(work->host->str(work->run, "missing"), "ok") == 0 ? GA_OK : GA_UNKNOWN;

    conclude(work, stream, outcome, "missing", NULL, NULL,
             "there is no such stream on %s: is it the right server, and has its owner made it yet (nats-ttl makes "
             "none)",
             ga_nats_url(work->nats));
}

/* One by one. 0, or -1 when the connection is of no more use. */
static int
ask_each(struct work *work, struct ga_nats_error *err)
{
    for (size_t i = 0; i < work->wanted.n; i++) {
        const struct wanted_entry *entry = &work->wanted.entries[i];
        cJSON                     *info = NULL;

        if (ga_nats_is_token(entry->pattern))
            info = stream_info(work->nats, entry->pattern, err);
        else
            conclude(work, entry->pattern, GA_FAILED, "bad-name", NULL, NULL,
                     "no stream can have this name: correct `streams` in the manifest");
        if (info) {
            (void)look_at(info, work);
            cJSON_Delete(info);
            continue;
        }
        if (!ga_nats_is_token(entry->pattern))
            continue;
        if (err->why == GA_NATS_API && err->err_code == GA_NATS_STREAM_NOT_FOUND) {
            conclude_missing(work, entry->pattern);
        } else if (err->why == GA_NATS_API || err->why == GA_NATS_AUTH || err->why == GA_NATS_NOT_JSON) {
            conclude(work, entry->pattern, GA_UNKNOWN, "unknown", NULL, NULL, "%s", err->text);
        } else {
            return -1;
        }
    }
    return 0;
}

static int
survey(struct work *work, struct ga_nats_error *err)
{
    int has_pattern = 0;

    for (size_t i = 0; i < work->wanted.n; i++)
        has_pattern = has_pattern || wanted_is_pattern(work->wanted.entries[i].pattern);
    if (!has_pattern && work->wanted.n <= ASK_EACH_MAX)
        return ask_each(work, err);
    if (ga_nats_js_list(work->nats, "STREAM.LIST", "streams", look_at, work, err) < 0)
        return -1;
    for (size_t i = 0; i < work->wanted.n && !work->host->cancelled(work->run); i++)
        if (!work->seen[i] && !wanted_is_pattern(work->wanted.entries[i].pattern))
            conclude_missing(work, work->wanted.entries[i].pattern);
    return 0;
}

/* --- summing up ----------------------------------------------------------------------------------------------------
 */

static void
report_result(struct work *work)
{
    cJSON *result = cJSON_CreateObject();
    char  *text = NULL;

    if (result && cJSON_AddStringToObject(result, "server", ga_nats_url(work->nats)) &&
        cJSON_AddItemToObject(result, "streams", work->rows)) {
        work->rows = NULL;
        text = ga_json_print(result);
    }
    if (text)
        (void)work->host->result(work->run, text);
    free(text);
    cJSON_Delete(result);
    work->host->metric(work->run, "streams", work->n_streams);
    work->host->metric(work->run, "streams_with_problems",
                       work->n_by_outcome[GA_REFUSED] + work->n_by_outcome[GA_UNKNOWN] + work->n_by_outcome[GA_FAILED]);
}

/* The worst outcome decides, and its first sentence is the summary. */
static int
sum_up(struct work *work)
{
    static const int worst_first[] = {GA_FAILED, GA_UNKNOWN, GA_REFUSED};
    const int       *n = work->n_by_outcome;

    if (work->no_memory)
        return work->host->end(work->run, GA_FAILED, "out of memory after %d streams", work->n_streams);
    for (size_t i = 0; i < sizeof(worst_first) / sizeof(*worst_first); i++) {
        int  outcome = worst_first[i];
        int  others = n[GA_FAILED] + n[GA_UNKNOWN] + n[GA_REFUSED] - 1;
        char more[96] = "";

        if (n[outcome] == 0)
            continue;
        if (others > 0 || n[GA_CHANGED] > 0)
            (void)snprintf(more, sizeof(more), " (and %d other stream%s with problems, %d changed)", others,
                           others == 1 ? "" : "s", n[GA_CHANGED]);
        return work->host->end(work->run, outcome, "%s%s", work->first[outcome], more);
    }
    if (n[GA_CHANGED] == 1)
        return work->host->end(work->run, GA_CHANGED, "%s%s", work->n_dry ? "would change " : "",
                               work->first[GA_CHANGED]);
    if (n[GA_CHANGED] > 1)
        return work->host->end(work->run, GA_CHANGED, "%d of %d streams %s their age, the first: %s", n[GA_CHANGED],
                               work->n_streams, work->n_dry ? "would get" : "got", work->first[GA_CHANGED]);
    return work->host->end(work->run, GA_OK, "%d streams looked at, nothing to change", work->n_streams);
}

static int
enforce(struct work *work)
{
    struct ga_nats_error err = {0};

    if (survey(work, &err) < 0)
        return work->host->end(work->run, GA_UNKNOWN, "%s", err.text);
    history_save(work->run, work->host, work->history);
    for (size_t i = 0; i < work->n_todo && !work->host->cancelled(work->run); i++) {
        work->host->progress(work->run, work->todo[i].stream, i, work->n_todo);
        change_stream(work, &work->todo[i]);
    }
    report_result(work);
    if (work->host->cancelled(work->run))
        return work->host->end(work->run, GA_UNKNOWN, "cancelled: %d streams were changed, the rest was not looked at",
                               work->n_by_outcome[GA_CHANGED]);
    return sum_up(work);
}

/* A run cannot begin without memory and a connection. */
static int
prepare(struct work *work, struct ga_nats_error *err)
{
    work->rows = cJSON_CreateArray();
    if (!work->rows || wanted_load(work->run, work->host, &work->wanted) < 0)
        return work->host->end(work->run, GA_FAILED, "out of memory");
    work->seen = calloc(work->wanted.n + 1, 1);
    work->history = history_load(work->run, work->host);
    if (!work->seen || !work->history)
        return work->host->end(work->run, GA_FAILED, "out of memory");
    work->rules.exact = work->host->num(work->run, "exact") != 0;
    work->rules.slack_ns = work->host->num(work->run, "slack");
    work->rules.now_ns = real_now_ns();
    work->max_drop = work->host->num(work->run, "max_drop");
    work->allow_drop = work->host->num(work->run, "allow_drop") != 0;
    work->nats = connect_server(work->run, work->host, err);
    if (!work->nats)
        return work->host->end(work->run, err->why == GA_NATS_CONFIG ? GA_FAILED : GA_UNKNOWN, "%s", err->text);
    return GA_OK;
}

int
enforce_task(struct ga_run *run, const struct ga_host *host)
{
    struct work          work = {.run = run, .host = host};
    struct ga_nats_error err = {0};
    int                  outcome = prepare(&work, &err);

    if (work.nats)
        outcome = enforce(&work);
    ga_nats_close(work.nats);
    for (size_t i = 0; i < work.n_todo; i++)
        free(work.todo[i].stream);
    free(work.todo);
    free(work.seen);
    free((void *)(uintptr_t)work.wanted.entries);
    cJSON_Delete(work.rows);
    cJSON_Delete(work.history);
    return outcome;
}

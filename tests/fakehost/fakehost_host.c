/* fakehost_host.c: the host functions by which a task speaks and acts. */
#include "tests/fakehost/fakehost_parts.h"

#include "kit/json.h"
#include "kit/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 4096      /* bytes of a line, a summary, a note */
#define REPORT_MAX (16u << 20) /* bytes of result and text */
#define VERB_MAX 64
#define METRIC_NAME_MAX 64
#define SECRET_MIN 4 /* bytes: shorter ones would be found in harmless text */

/* --- secrets -------------------------------------------------------------------------------------------------------
 */

static int
value_in(const struct fh_value *value, const char *text)
{
    if (value->text && strlen(value->text) >= SECRET_MIN && strstr(text, value->text))
        return 1;
    for (size_t i = 0; i < value->n; i++)
        if (value_in(&value->items[i], text))
            return 1;
    return 0;
}

/* The key of the secret of this table that is in the text, or NULL. */
static const char *
secret_in(const struct fh_table *table, const char *text)
{
    for (size_t i = 0; table && i < table->n; i++) {
        const struct fh_slot *slot = &table->slots[i];

        if (GA_T_BASE(slot->option->type) == GA_T_SECRET && slot->value && value_in(slot->value, text))
            return slot->option->key;
    }
    return NULL;
}

void
fh_check_leak(struct fakehost *fh, const char *what, const char *text)
{
    const char *key = secret_in(&fh->options, text);

    if (!key)
        key = secret_in(fh->task_args, text);
    if (key)
        fh_breach(fh, "%s of task '%s' has the secret '%s' in it", what, fh->task ? fh->task->name : "", key);
}

void
fh_check_leak_json(struct fakehost *fh, const char *what, const cJSON *doc)
{
    const cJSON *child;

    if (!doc)
        return;
    if (doc->string)
        fh_check_leak(fh, what, doc->string);
    if (cJSON_IsString(doc))
        fh_check_leak(fh, what, doc->valuestring);
    for (child = doc->child; child; child = child->next)
        fh_check_leak_json(fh, what, child);
}

/* --- lines ---------------------------------------------------------------------------------------------------------
 */

/* As the agent makes one: valid UTF-8, no control characters, cut between characters. */
static void
make_line(char *text)
{
    size_t len = strlen(text);
    size_t i = 0;

    while (i < len) {
        size_t n = ga_utf8_len(text + i, len - i);

        if (i + (n ? n : 1) > LINE_MAX_LEN)
            break;
        if (n == 0)
            text[i] = '?';
        else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
        i += n ? n : 1;
    }
    text[i] = '\0';
}

static const char *keep_line(struct fakehost *fh, const char *what, const char *format, va_list args) GA_PRINTF(3, 0);

/* The run keeps it. `what` for leaks. */
static const char *
keep_line(struct fakehost *fh, const char *what, const char *format, va_list args)
{
    char       *text;
    const char *kept;

    if (vasprintf(&text, format, args) < 0) {
        fh_breach(fh, "no memory");
        return "";
    }
    fh_check_leak(fh, what, text);
    make_line(text);
    kept = fh_keep(fh, text);
    free(text);
    return kept;
}

static const char *keep_linef(struct fakehost *fh, const char *what, const char *format, ...) GA_PRINTF(3, 4);

static const char *
keep_linef(struct fakehost *fh, const char *what, const char *format, ...)
{
    const char *kept;
    va_list     args;

    va_start(args, format);
    kept = keep_line(fh, what, format, args);
    va_end(args);
    return kept;
}

static void
add_line(struct fakehost *fh, uint32_t level, const char *text)
{
    struct fakehost_line *line = fh_piece(fh, sizeof(*line));

    if (!line)
        return;
    *line = (struct fakehost_line){.level = level, .text = text};
    (void)fh_push(fh, &fh->lines, line);
}

void
fh_note(struct fakehost *fh, uint32_t level, const char *text)
{
    add_line(fh, level, fh_keep(fh, text));
}

static void host_log(struct ga_run *run, uint32_t level, const char *format, ...) GA_PRINTF(3, 4);

static void
host_log(struct ga_run *run, uint32_t level, const char *format, ...)
{
    const char *text;
    va_list     args;

    if (!format) {
        fh_leave(run->fh, "task '%s' called log() with no text", run->fh->task->name);
        return;
    }
    if (level < GA_LOG_ERR || level > GA_LOG_DEBUG) {
        fh_breach(run->fh, "task '%s' called log() with the level %u, which is none", run->fh->task->name, level);
        level = GA_LOG_INFO;
    }
    va_start(args, format);
    text = keep_line(run->fh, "the log", format, args);
    va_end(args);
    add_line(run->fh, level, text);
}

static int host_end(struct ga_run *run, int outcome, const char *format, ...) GA_PRINTF(3, 4);

static int
host_end(struct ga_run *run, int outcome, const char *format, ...)
{
    va_list args;

    if (!fh_own_thread(run->fh, "end"))
        return outcome;
    if (!format)
        fh_leave(run->fh, "task '%s' called end() with no text", run->fh->task->name);
    va_start(args, format);
    run->fh->summary = keep_line(run->fh, "the summary", format, args);
    va_end(args);
    return outcome;
}

/* --- acts ----------------------------------------------------------------------------------------------------------
 */

static struct fakehost_act *
last_act(struct fakehost *fh)
{
    return fh->acts.n ? fh->acts.items[fh->acts.n - 1] : NULL;
}

static void
check_act(struct fakehost *fh, const char *verb, const char *object)
{
    const struct fakehost_act *last = last_act(fh);
    const char                *shown = verb ? verb : "";
    size_t                     len = verb ? strnlen(verb, VERB_MAX + 1) : 0;

    if (fh->task->flags & GA_TASK_READ_ONLY)
        fh_leave(fh, "task '%s' says that it is read-only and called act(\"%.64s\")", fh->task->name, shown);
    if (last && last->answer == GA_ACT_DO && last->ok < 0)
        fh_leave(fh, "task '%s' called act(\"%.64s\") before it closed the last act with acted()", fh->task->name,
                 shown);
    if (len == 0 || len > VERB_MAX || strcspn(verb, " \t\r\n") != len)
        fh_leave(fh, "task '%s' called act(\"%.64s\"), a verb is one word", fh->task->name, shown);
    if (!object || !*object)
        fh_leave(fh, "task '%s' called act(\"%s\") on nothing", fh->task->name, shown);
}

static void
check_details(struct fakehost *fh, const char *verb, const char *details)
{
    char   why[160] = "it is another value";
    cJSON *doc = details ? ga_json_parse(details, strlen(details), why, sizeof(why)) : NULL;
    int    good = !details || cJSON_IsObject(doc);

    fh_check_leak_json(fh, "an act", doc);
    cJSON_Delete(doc);
    if (!good)
        fh_leave(fh, "task '%s' called act(\"%s\") with details that are no JSON object: %s", fh->task->name, verb,
                 why);
}

/* What the test has to say to act number i. */
static int
answer_of(struct fakehost *fh, size_t i, const struct fakehost_act *act, const char **ret_why)
{
    int answer = GA_ACT_DO;

    if (fh->answer)
        answer = fh->answer(fh->answer_user, i, act->verb, act->object, act->details, ret_why);
    else if (fh->refuses && i >= fh->refuse_after) {
        answer = GA_ACT_REFUSED;
        *ret_why = fh->refuse_why;
    }
    if (answer != GA_ACT_DO && answer != GA_ACT_DRY && answer != GA_ACT_REFUSED) {
        (void)fh_mistake(fh, "the test answered an act with %d", answer);
        answer = GA_ACT_REFUSED;
    }
    return answer == GA_ACT_DO && fh->dry_run ? GA_ACT_DRY : answer;
}

static int
host_act(struct ga_run *run, const char *verb, const char *object, const char *details)
{
    struct fakehost     *fh = run->fh;
    struct fakehost_act *act;
    const char          *why = NULL;
    size_t               i = fh->acts.n;

    if (!fh_own_thread(fh, "act"))
        return GA_ACT_REFUSED;
    check_act(fh, verb, object);
    check_details(fh, verb, details);
    act = fh_piece(fh, sizeof(*act));
    if (!act)
        return GA_ACT_REFUSED;
    *act = (struct fakehost_act){.verb = fh_keep(fh, verb),
                                 .object = keep_linef(fh, "an act", "%s", object),
                                 .details = details ? fh_keep(fh, details) : NULL,
                                 .answer = GA_ACT_REFUSED,
                                 .why = "",
                                 .ok = -1,
                                 .note = ""};
    if (fh_push(fh, &fh->acts, act) < 0)
        return GA_ACT_REFUSED;
    act->answer = answer_of(fh, i, act, &why);
    if (act->answer == GA_ACT_REFUSED)
        act->why = fh_keep(fh, why ? why : "");
    return act->answer;
}

static const char *
host_act_why(struct ga_run *run)
{
    const struct fakehost_act *last;

    if (!fh_own_thread(run->fh, "act_why"))
        return "";
    last = last_act(run->fh);
    return last ? last->why : "";
}

/* After a dry answer there is nothing to close: the task carries on as if it had been done. */
static void
host_acted(struct ga_run *run, int ok, const char *note)
{
    struct fakehost     *fh = run->fh;
    struct fakehost_act *last;

    if (!fh_own_thread(fh, "acted"))
        return;
    last = last_act(fh);
    if (!last) {
        fh_leave(fh, "task '%s' called acted() without an act", fh->task->name);
        return;
    }
    if (last->answer == GA_ACT_REFUSED)
        fh_breach(fh, "task '%s' called acted() on its act '%s', which was refused", fh->task->name, last->verb);
    else if (last->ok >= 0)
        fh_breach(fh, "task '%s' called acted() on its act '%s', which is closed", fh->task->name, last->verb);
    else if (last->answer == GA_ACT_DO) {
        last->note = keep_linef(fh, "an act", "%s", note ? note : "");
        last->ok = ok != 0;
    }
}

static int
host_dry_run(struct ga_run *run)
{
    return run->fh->dry_run;
}

/* --- reports -------------------------------------------------------------------------------------------------------
 */

static int
host_result(struct ga_run *run, const char *json)
{
    struct fakehost *fh = run->fh;
    char             why[160] = "it is none";
    cJSON           *doc = NULL;

    if (!fh_own_thread(fh, "result"))
        return -1;
    if (json && strlen(json) > REPORT_MAX)
        (void)snprintf(why, sizeof(why), "it has more than 16 MiB");
    else if (json)
        doc = ga_json_parse(json, strlen(json), why, sizeof(why));
    if (!doc) {
        fh_breach(fh, "task '%s' called result() with what is not one JSON document: %s", fh->task->name, why);
        return -1;
    }
    fh_check_leak_json(fh, "the result", doc);
    cJSON_Delete(doc);
    fh->result = fh_keep(fh, json);
    return 0;
}

static void
host_text(struct ga_run *run, const char *text)
{
    if (!fh_own_thread(run->fh, "text"))
        return;
    text = text ? text : "";
    fh_check_leak(run->fh, "the text", text);
    if (strlen(text) > REPORT_MAX)
        fh_breach(run->fh, "task '%s' called text() with more than 16 MiB", run->fh->task->name);
    else
        run->fh->text = fh_keep(run->fh, text);
}

static void
host_metric(struct ga_run *run, const char *name, double value)
{
    struct fakehost  *fh = run->fh;
    size_t            len = name ? strnlen(name, METRIC_NAME_MAX + 1) : 0;
    struct fh_metric *metric;

    if (len == 0 || len > METRIC_NAME_MAX || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len) {
        fh_breach(fh, "the metric '%.64s' has a name that is not lower snake_case", name ? name : "");
        return;
    }
    if (!isfinite(value)) {
        fh_breach(fh, "the metric '%s' has a value that is no number", name);
        return;
    }
    metric = fh_piece(fh, sizeof(*metric));
    if (!metric)
        return;
    *metric = (struct fh_metric){.name = fh_keep(fh, name), .value = value};
    (void)fh_push(fh, &fh->metrics, metric);
}

static void
host_progress(struct ga_run *run, const char *what, uint64_t done, uint64_t total)
{
    struct fakehost *fh = run->fh;
    const char      *kept = keep_linef(fh, "the progress", "%s", what ? what : "");

    (void)pthread_mutex_lock(&fh->lock);
    fh->progress = kept;
    fh->done = done;
    fh->total = total;
    (void)pthread_mutex_unlock(&fh->lock);
}

/* --- cancelling, readiness -----------------------------------------------------------------------------------------
 */

static int
host_cancelled(struct ga_run *run)
{
    return run->fh->cancelled;
}

static int
host_cancel_fd(struct ga_run *run)
{
    return run->fh->cancel_fd;
}

void
fakehost_cancel(struct fakehost *fh)
{
    const uint64_t one = 1;

    (void)pthread_mutex_lock(&fh->lock);
    fh->cancelled = 1;
    if (write(fh->cancel_fd, &one, sizeof(one)) < 0)
        fh_note(fh, GA_LOG_WARNING, "the test cancelled more often than can be counted");
    (void)pthread_cond_broadcast(&fh->changed);
    (void)pthread_mutex_unlock(&fh->lock);
}

static void
host_ready(struct ga_run *run)
{
    if (fh_own_thread(run->fh, "ready"))
        run->fh->n_ready++;
}

static void
host_beat(struct ga_run *run)
{
    if (fh_own_thread(run->fh, "beat"))
        run->fh->n_beats++;
}

/* --- settings ------------------------------------------------------------------------------------------------------
 */

void
fakehost_dry_run(struct fakehost *fh, int on)
{
    fh->dry_run = on != 0;
}

void
fakehost_refuse(struct fakehost *fh, size_t after, const char *why)
{
    free(fh->refuse_why);
    fh->refuse_why = why ? strdup(why) : NULL;
    fh->refuses = why != NULL;
    fh->refuse_after = after;
}

void
fakehost_answer(struct fakehost *fh, fakehost_answer_fn answer, void *user)
{
    fh->answer = answer;
    fh->answer_user = user;
}

const struct ga_host fh_host_table = {.size = sizeof(struct ga_host),
                                      .abi_major = GA_ABI_MAJOR,
                                      .abi_minor = GA_ABI_MINOR,
                                      .has = fh_has,
                                      .str = fh_str,
                                      .num = fh_num,
                                      .count = fh_count,
                                      .map_key = fh_map_key,
                                      .str_at = fh_str_at,
                                      .num_at = fh_num_at,
                                      .log = host_log,
                                      .end = host_end,
                                      .act = host_act,
                                      .act_why = host_act_why,
                                      .acted = host_acted,
                                      .dry_run = host_dry_run,
                                      .emit = fh_emit,
                                      .next_event = fh_next_event,
                                      .state_get = fh_state_get,
                                      .state_put = fh_state_put,
                                      .metric = host_metric,
                                      .result = host_result,
                                      .text = host_text,
                                      .progress = host_progress,
                                      .cancelled = host_cancelled,
                                      .cancel_fd = host_cancel_fd,
                                      .ready = host_ready,
                                      .beat = host_beat};

/* deed.c: answers what a run says: log lines, acts, events, its end. */
#include "agent/supervisor.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_BURST 200     /* lines a plugin may write at once */
#define LOG_PER_SECOND 20 /* and on and on */
#define METRICS_MAX 256
#define METRIC_NAME_MAX 64
#define OPEN_ACTS_MAX 64
#define DROPPED_TOLD_EVERY_NS (10 * NS_PER_S)

static struct start *
start_of(void *userdata)
{
    return userdata;
}

static struct log_from
from_of(const struct start *start, const struct run *run)
{
    return (struct log_from){
        .plugin = start->task->plugin->name, .task = start->task->name, .run = run ? run_id(run) : NULL};
}

static cJSON *
record_new(const struct start *start, const struct run *run, const char *rec)
{
    cJSON *record = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(record, "rec", rec);
    if (run)
        (void)cJSON_AddStringToObject(record, "run", run_id(run));
    (void)cJSON_AddStringToObject(record, "plugin", start->task->plugin->name);
    (void)cJSON_AddStringToObject(record, "task", start->task->name);
    return record;
}

static void
copy_fields(cJSON *to, const cJSON *from, const char *const *keys)
{
    for (; *keys; keys++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, *keys);

        if (item)
            (void)cJSON_AddItemToObject(to, *keys, cJSON_Duplicate(item, 1));
    }
}

static void
to_client(struct start *start, const char *type, const cJSON *packet, const char *const *keys)
{
    cJSON *line;

    if (!start->client)
        return;
    line = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(line, "t", type);
    copy_fields(line, packet, keys);
    control_run_line(start->client, line);
}

/* --- log -----------------------------------------------------------------------------------------------------------
 */

/* A token bucket per plugin: a flood of one costs the others nothing. */
static int
may_log(struct plugin *plugin)
{
    int64_t now = clock_boot_ns();

    plugin->log_tokens += (now - plugin->log_at_ns) / NS_PER_MS * LOG_PER_SECOND;
    if (plugin->log_at_ns == 0 || plugin->log_tokens > LOG_BURST * 1000)
        plugin->log_tokens = LOG_BURST * 1000;
    plugin->log_at_ns = now;
    if (plugin->log_tokens < 1000) {
        plugin->log_dropped++;
        plugin->log_untold++;
        return 0;
    }
    plugin->log_tokens -= 1000;
    return 1;
}

/* Says now and then, and at the end of a run, how many lines were left out. */
static void
tell_dropped(struct plugin *plugin, const struct log_from *from, int at_once)
{
    int64_t now = clock_boot_ns();

    if (plugin->log_untold == 0 || (!at_once && now - plugin->log_told_ns < DROPPED_TOLD_EVERY_NS))
        return;
    plugin->log_told_ns = now;
    log_line(LOG_WARNING, from, "%" PRIu64 " lines of this plugin were left out, it wrote too many",
             plugin->log_untold);
    plugin->log_untold = 0;
}

static void
on_log(struct run *run, int level, const char *text, void *userdata)
{
    struct start   *start = start_of(userdata);
    struct plugin  *plugin = start->task->plugin;
    struct log_from from = from_of(start, run);

    if (start->client) {
        cJSON *line = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(line, "t", "log");
        (void)cJSON_AddNumberToObject(line, "level", level);
        (void)cJSON_AddStringToObject(line, "text", text);
        control_run_line(start->client, line);
    }
    if (!may_log(plugin))
        return;
    tell_dropped(plugin, &from, 0);
    log_line(level, &from, "%s", text);
}

/* --- acts ----------------------------------------------------------------------------------------------------------
 */

static const char *
act_refusal(const struct start *start)
{
    const struct plugin *plugin = start->task->plugin;
    const cJSON         *limits = cJSON_GetObjectItemCaseSensitive(plugin->spec, "limits");
    const char          *most = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(limits, "acts"));

    if (start->task->read_only)
        return "the task is declared read-only";
    if (plugin->supervisor->ending)
        return "the agent is ending";
    if (plugin->retiring)
        return "the manifest was changed";
    if (plugin->paused_until_ns && start->trigger != TRIGGER_HAND)
        return "the plugin is paused";
    if (most && strtoul(most, NULL, 10) > 0 && start->acts >= strtoul(most, NULL, 10))
        return "the run has made as many acts as limits.acts allows";
    if (cJSON_GetArraySize(start->open_acts) >= OPEN_ACTS_MAX)
        return "too many acts were begun and not confirmed";
    return NULL;
}

static const char *
act_key(const cJSON *packet, char *buf, size_t len)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(packet, "id");

    (void)snprintf(buf, len, "%d", cJSON_IsNumber(id) ? id->valueint : 0);
    return buf;
}

static void
open_act(struct start *start, const cJSON *packet)
{
    static const char *const keys[] = {"verb", "object", NULL};
    cJSON                   *act = cJSON_CreateObject();
    char                     key[24];

    copy_fields(act, packet, keys);
    (void)cJSON_AddItemToObject(start->open_acts, act_key(packet, key, sizeof(key)), act);
}

static int
on_act(struct run *run, const cJSON *packet, int *ret_sync_fd, char *why, size_t why_len, void *userdata)
{
    static const char *const keys[] = {"verb", "object", "details", NULL};
    struct start            *start = start_of(userdata);
    struct supervisor       *supervisor = start->task->plugin->supervisor;
    const char              *refusal = start->dry_run ? NULL : act_refusal(start);
    int                      answer = refusal ? GA_ACT_REFUSED : start->dry_run ? GA_ACT_DRY : GA_ACT_DO;
    cJSON                   *record = record_new(start, run, "act");
    const cJSON             *id = cJSON_GetObjectItemCaseSensitive(packet, "id");

    to_client(start, "act", packet, keys);
    (void)cJSON_AddNumberToObject(record, "act", cJSON_IsNumber(id) ? id->valueint : 0);
    (void)cJSON_AddBoolToObject(record, "dry_run", start->dry_run);
    if (refusal)
        (void)cJSON_AddStringToObject(record, "refused", refusal);
    copy_fields(record, packet, keys);
    if (journal_append(supervisor->journal, record) < 0 && answer == GA_ACT_DO) {
        answer = GA_ACT_REFUSED;
        refusal = "the journal cannot be written (is the disk full?)";
    }
    if (refusal) {
        struct log_from from = from_of(start, run);

        (void)snprintf(why, why_len, "%s", refusal);
        log_line(LOG_NOTICE, &from, "act refused: %s", refusal);
    }
    if (answer == GA_ACT_DO) {
        start->acts++;
        open_act(start, packet);
        *ret_sync_fd = journal_sync_fd(supervisor->journal);
    }
    return answer;
}

static void
on_acted(struct run *run, const cJSON *packet, void *userdata)
{
    static const char *const keys[] = {"ok", "note", NULL};
    struct start            *start = start_of(userdata);
    struct plugin           *plugin = start->task->plugin;
    cJSON                   *record = record_new(start, run, "acted");
    const cJSON             *id = cJSON_GetObjectItemCaseSensitive(packet, "id");
    char                     key[24];
    cJSON *payload = cJSON_DetachItemFromObjectCaseSensitive(start->open_acts, act_key(packet, key, sizeof(key)));

    (void)cJSON_AddNumberToObject(record, "act", cJSON_IsNumber(id) ? id->valueint : 0);
    copy_fields(record, packet, keys);
    (void)journal_append(plugin->supervisor->journal, record);
    to_client(start, "acted", packet, keys);
    if (!payload)
        return; /* nobody asked for it: the journal has it */
    (void)cJSON_AddStringToObject(payload, "plugin", plugin->name);
    (void)cJSON_AddStringToObject(payload, "task", start->task->name);
    (void)cJSON_AddStringToObject(payload, "run", run_id(run));
    copy_fields(payload, packet, keys);
    publish_json(plugin->supervisor, "act.done", "agent", payload);
}

/* --- events and state ----------------------------------------------------------------------------------------------
 */

static void
on_emit(struct run *run, const char *topic, const char *payload, void *userdata)
{
    struct start *start = start_of(userdata);
    char          origin[256];

    (void)run;
    if (start->dry_run)
        return; /* a dry run tells nobody: others would act on it */
    (void)snprintf(origin, sizeof(origin), "%s/%s", start->task->plugin->name, start->task->name);
    publish(start->task->plugin->supervisor, topic, origin, payload);
}

static void
on_next(struct run *run, void *userdata)
{
    struct task  *task = start_of(userdata)->task;
    struct event *event = task->events ? event_queue_pop(task->events) : NULL;

    if (event)
        run_send_event(run, event);
    else
        task->wants_event = 1;
    event_unref(event);
}

static void
on_metric(struct run *run, const char *name, double value, void *userdata)
{
    cJSON *metrics = start_of(userdata)->task->plugin->metrics;

    (void)run;
    cJSON_DeleteItemFromObjectCaseSensitive(metrics, name);
    if (cJSON_GetArraySize(metrics) < METRICS_MAX && strlen(name) <= METRIC_NAME_MAX && topic_valid(name))
        (void)cJSON_AddNumberToObject(metrics, name, value);
}

static void
on_progress(struct run *run, const cJSON *packet, void *userdata)
{
    static const char *const keys[] = {"what", "done", "total", NULL};
    struct start            *start = start_of(userdata);

    (void)run;
    cJSON_Delete(start->task->progress);
    start->task->progress = cJSON_CreateObject();
    copy_fields(start->task->progress, packet, keys);
    to_client(start, "progress", packet, keys);
}

static void
on_sandbox(struct run *run, const char *text, void *userdata)
{
    struct start   *start = start_of(userdata);
    struct plugin  *plugin = start->task->plugin;
    struct log_from from = from_of(start, run);

    if (!plugin->sandbox || strcmp(plugin->sandbox, text) != 0)
        log_line(LOG_INFO, &from, "sandbox: %s", text);
    free(plugin->sandbox);
    plugin->sandbox = strdup(text);
}

static void
on_ready(struct run *run, void *userdata)
{
    struct task *task = start_of(userdata)->task;

    (void)run;
    task->settled = 1;
    task->beat_boot_ns = clock_boot_ns();
    supervisor_check_ready(task->plugin->supervisor);
}

static void
on_beat(struct run *run, void *userdata)
{
    (void)run;
    start_of(userdata)->task->beat_boot_ns = clock_boot_ns();
}

/* --- begin and end -------------------------------------------------------------------------------------------------
 */

void
deed_begun(struct start *start)
{
    struct supervisor *supervisor = start->task->plugin->supervisor;
    cJSON             *record = record_new(start, start->run, "run.start");

    supervisor->n_runs++;
    start->task->n_runs++;
    start->task->beat_boot_ns = clock_boot_ns();
    (void)cJSON_AddStringToObject(record, "trigger", trigger_name(start->trigger));
    if (start->event)
        (void)cJSON_AddStringToObject(record, "topic", start->event->topic);
    (void)cJSON_AddBoolToObject(record, "dry_run", start->dry_run);
    (void)journal_append(supervisor->journal, record);
}

static cJSON *
end_line(const struct start *start, enum run_outcome outcome, const char *summary)
{
    cJSON *line = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(line, "t", "end");
    (void)cJSON_AddStringToObject(line, "plugin", start->task->plugin->name);
    (void)cJSON_AddStringToObject(line, "task", start->task->name);
    (void)cJSON_AddStringToObject(line, "outcome", run_outcome_name(outcome));
    (void)cJSON_AddStringToObject(line, "summary", summary);
    return line;
}

void
deed_not_begun(struct start *start, const char *why)
{
    struct log_from from = from_of(start, NULL);

    if (start->trigger == TRIGGER_HAND || start->task->plugin->retiring == 0)
        log_line(LOG_WARNING, &from, "not started: %s", why);
    if (start->client)
        control_run_end(start->client, end_line(start, RUN_FAILED, why));
    start->client = NULL;
}

static void
remember_last(struct start *start, const struct run_end *end)
{
    struct task *task = start->task;
    char        *summary = strdup(end->summary);

    task->last_outcome = end->outcome;
    task->last_at_ns = clock_real_ns();
    task->last_ns = end->ns;
    if (summary) {
        free(task->last_summary);
        task->last_summary = summary;
    }
    task->n_failed += end->outcome == RUN_FAILED;
    cJSON_Delete(task->progress);
    task->progress = NULL;
}

static void
tell_change(struct start *start, const struct run_end *end)
{
    struct task *task = start->task;
    const char  *topic = NULL;
    cJSON       *payload;

    if (end->outcome == RUN_FAILED && !task->told_failed)
        topic = "task.failed";
    else if (end->outcome != RUN_FAILED && end->outcome != RUN_UNKNOWN && task->told_failed)
        topic = "task.recovered";
    if (topic)
        task->told_failed = end->outcome == RUN_FAILED;
    for (int i = 0; i < 2; i++, topic = end->outcome == RUN_CHANGED ? "task.changed" : NULL) {
        if (!topic)
            continue;
        payload = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(payload, "plugin", task->plugin->name);
        (void)cJSON_AddStringToObject(payload, "task", task->name);
        (void)cJSON_AddStringToObject(payload, "outcome", run_outcome_name(end->outcome));
        (void)cJSON_AddStringToObject(payload, "summary", end->summary);
        publish_json(task->plugin->supervisor, topic, "agent", payload);
    }
}

static void
journal_end(struct start *start, const struct run *run, const struct run_end *end)
{
    cJSON *record = record_new(start, run, "run.end");

    (void)cJSON_AddStringToObject(record, "outcome", run_outcome_name(end->outcome));
    (void)cJSON_AddStringToObject(record, "summary", end->summary);
    (void)cJSON_AddNumberToObject(record, "ms", (double)(end->ns / NS_PER_MS));
    (void)cJSON_AddBoolToObject(record, "dry_run", start->dry_run);
    (void)journal_append(start->task->plugin->supervisor->journal, record);
}

static void
answer_client(struct start *start, struct run_end *end)
{
    cJSON *line;

    if (!start->client)
        return;
    line = end_line(start, end->outcome, end->summary);
    (void)cJSON_AddItemToObject(line, "acts", end->acts);
    end->acts = NULL;
    if (end->result)
        (void)cJSON_AddItemToObject(line, "result", end->result);
    else
        (void)cJSON_AddNullToObject(line, "result");
    end->result = NULL;
    if (end->text)
        (void)cJSON_AddStringToObject(line, "text", end->text);
    control_run_end(start->client, line);
    start->client = NULL;
}

static void
unlink_start(struct start *start)
{
    struct task   *task = start->task;
    struct plugin *plugin = task->plugin;
    struct start **at = &plugin->running;

    while (*at && *at != start)
        at = &(*at)->next;
    if (*at)
        *at = start->next;
    if (plugin->exclusive == start)
        plugin->exclusive = NULL;
    if (task->running == start)
        task->running = NULL;
    if (!task->resident)
        plugin->supervisor->n_running--;
    task->wants_event = 0;
}

static int
is_live(const char *id, void *userdata)
{
    const struct supervisor *supervisor = userdata;
    const struct plugin     *lists[] = {supervisor->plugins, supervisor->retired};

    for (size_t i = 0; i < 2; i++)
        for (const struct plugin *plugin = lists[i]; plugin; plugin = plugin->next)
            for (const struct start *start = plugin->running; start; start = start->next)
                if (strcmp(run_id(start->run), id) == 0)
                    return 1;
    return 0;
}

unsigned
supervisor_end_strays(struct supervisor *supervisor)
{
    unsigned strays = run_kill_strays(is_live, supervisor);

    supervisor->n_strays += strays;
    return strays;
}

static void
on_end(struct run *run, struct run_end *end, void *userdata)
{
    struct start      *start = start_of(userdata);
    struct task       *task = start->task;
    struct plugin     *plugin = task->plugin;
    struct supervisor *supervisor = plugin->supervisor;
    int                failed = end->outcome == RUN_FAILED;
    struct log_from    from = from_of(start, run);
    unsigned           strays;

    tell_dropped(plugin, &from, 1);
    log_line(failed                   ? LOG_WARNING
             : end->outcome == RUN_OK ? LOG_INFO
                                      : LOG_NOTICE,
             &from, "%s in %" PRId64 " ms%s: %s", run_outcome_name(end->outcome), end->ns / NS_PER_MS,
             start->dry_run ? " (dry run)" : "", end->summary);
    supervisor->n_rubbish += end->rubbish != 0;
    journal_end(start, run, end);
    unlink_start(start);
    strays = supervisor_end_strays(supervisor);
    if (strays)
        log_line(LOG_WARNING, &from, "killed %u process(es) that the run had left behind", strays);
    if (!start->dry_run)
        remember_last(start, end);
    if (start->trigger != TRIGGER_HAND) {
        task->settled = 1;
        schedule_after(task, failed, end->ns);
        if (!end->cancelled && !plugin->retiring)
            tell_change(start, end);
    }
    answer_client(start, end);
    start_free(start);
    house_sweep(supervisor);
    for (plugin = supervisor->plugins; plugin; plugin = plugin->next)
        schedule_turn(plugin);
    supervisor_check_ready(supervisor);
    supervisor_end_turn(supervisor);
}

const struct run_ops deed_ops = {
    .log = on_log,
    .act = on_act,
    .acted = on_acted,
    .emit = on_emit,
    .next = on_next,
    .metric = on_metric,
    .progress = on_progress,
    .sandbox = on_sandbox,
    .ready = on_ready,
    .beat = on_beat,
    .end = on_end,
};

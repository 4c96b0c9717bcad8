/* status.c: what the daemon is doing, as one document. */
#include "agent/supervisor.h"

#include "agent/clock.h"

#include "kit/units.h"

#include <stdio.h>
#include <unistd.h>

static void
add_count(cJSON *object, const char *key, uint64_t count)
{
    (void)cJSON_AddNumberToObject(object, key, (double)count);
}

static void
add_time(cJSON *object, const char *key, int64_t real_ns)
{
    char iso[CLOCK_ISO_LEN];

    if (real_ns > 0)
        (void)cJSON_AddStringToObject(object, key, clock_iso(real_ns, iso));
    else
        (void)cJSON_AddNullToObject(object, key);
}

static int
queued(const struct task *task)
{
    for (const struct start *start = task->plugin->queue; start; start = start->next)
        if (start->task == task)
            return 1;
    return 0;
}

static int
running(const struct task *task)
{
    for (const struct start *start = task->plugin->running; start; start = start->next)
        if (start->task == task)
            return 1;
    return 0;
}

static const char *
state_of(const struct task *task)
{
    if (running(task))
        return "running";
    if (task->plugin->paused_until_ns)
        return "paused";
    if (task->failures > 0 && task->next_boot_ns > 0)
        return "backoff";
    return queued(task) ? "waiting" : "idle";
}

/* Why it runs, in words: "every 5m, on nats.stream.*". */
static void
add_trigger(cJSON *report, const struct task *task)
{
    const cJSON *pattern;
    char         every[64] = "";
    char         text[512];
    size_t       len;

    if (task->every_ns > 0)
        (void)ga_format_duration(task->every_ns, every, sizeof(every));
    len = (size_t)snprintf(text, sizeof(text), "%s%s", task->resident ? "always" : *every ? "every " : "", every);
    cJSON_ArrayForEach(pattern, cJSON_GetObjectItemCaseSensitive(task->spec, "on")) if (len < sizeof(text)) len +=
        (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", on " : "on ", cJSON_GetStringValue(pattern));
    (void)cJSON_AddStringToObject(report, "trigger", len ? text : "by hand");
}

static cJSON *
task_report(const struct task *task)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *last;

    (void)cJSON_AddStringToObject(report, "name", task->name);
    add_trigger(report, task);
    (void)cJSON_AddStringToObject(report, "state", state_of(task));
    add_count(report, "runs", task->n_runs);
    add_count(report, "failed", task->n_failed);
    add_count(report, "failures_in_a_row", task->failures);
    add_count(report, "coalesced", task->n_coalesced);
    if (task->events)
        add_count(report, "events_dropped", task->events->dropped);
    if (task->last_summary) {
        last = cJSON_AddObjectToObject(report, "last");
        (void)cJSON_AddStringToObject(last, "outcome", run_outcome_name(task->last_outcome));
        (void)cJSON_AddStringToObject(last, "summary", task->last_summary);
        add_time(last, "at", task->last_at_ns);
        (void)cJSON_AddNumberToObject(last, "ms", (double)(task->last_ns / NS_PER_MS));
    } else {
        (void)cJSON_AddNullToObject(report, "last");
    }
    add_time(report, "next", task->next_boot_ns ? clock_real_ns() + task->next_boot_ns - clock_boot_ns() : 0);
    if (task->progress)
        (void)cJSON_AddItemToObject(report, "progress", cJSON_Duplicate(task->progress, 1));
    return report;
}

static cJSON *
plugin_report(const struct plugin *plugin)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(plugin->spec, "version");
    cJSON       *report = cJSON_CreateObject();
    cJSON       *tasks;

    (void)cJSON_AddStringToObject(report, "name", plugin->name);
    (void)cJSON_AddItemToObject(report, "version", cJSON_Duplicate(version, 1));
    (void)cJSON_AddBoolToObject(report, "paused", plugin->paused_until_ns != 0);
    add_time(report, "paused_until", plugin->paused_until_ns == INT64_MAX ? 0 : plugin->paused_until_ns);
    if (plugin->sandbox)
        (void)cJSON_AddStringToObject(report, "sandbox", plugin->sandbox);
    else
        (void)cJSON_AddNullToObject(report, "sandbox");
    add_count(report, "log_lines_dropped", plugin->log_dropped);
    tasks = cJSON_AddArrayToObject(report, "tasks");
    for (size_t i = 0; i < plugin->n_tasks; i++)
        (void)cJSON_AddItemToArray(tasks, task_report(&plugin->tasks[i]));
    (void)cJSON_AddItemToObject(report, "metrics", cJSON_Duplicate(plugin->metrics, 1));
    return report;
}

static cJSON *
counters(const struct supervisor *supervisor)
{
    cJSON *report = cJSON_CreateObject();

    add_count(report, "runs", supervisor->n_runs);
    add_count(report, "running", supervisor->n_running);
    add_count(report, "events", supervisor->n_events);
    add_count(report, "events_unjournalled", supervisor->n_events_unjournalled);
    add_count(report, "journal_lost", journal_lost(supervisor->journal));
    add_count(report, "strays_killed", supervisor->n_strays);
    add_count(report, "rubbish_packets", supervisor->n_rubbish);
    add_count(report, "reloads", supervisor->n_reloads);
    add_count(report, "reloads_failed", supervisor->n_reloads_failed);
    return report;
}

cJSON *
status_report(struct supervisor *supervisor)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *reload = cJSON_CreateObject();
    cJSON *plugins = cJSON_CreateArray();

    (void)cJSON_AddBoolToObject(report, "ok", 1);
    (void)cJSON_AddNumberToObject(report, "pid", getpid());
    (void)cJSON_AddStringToObject(report, "version", PACKAGE_VERSION);
    add_time(report, "since", supervisor->since_ns);
    (void)cJSON_AddStringToObject(report, "manifest", supervisor->manifest);
    add_time(report, "manifest_read", supervisor->manifest_read_ns);
    (void)cJSON_AddBoolToObject(report, "ready", supervisor->ready);
    (void)cJSON_AddBoolToObject(report, "ending", supervisor->ending);
    (void)cJSON_AddBoolToObject(reload, "ok", supervisor->reload_error == NULL);
    if (supervisor->reload_error)
        (void)cJSON_AddStringToObject(reload, "error", supervisor->reload_error);
    (void)cJSON_AddItemToObject(report, "reload", reload);
    (void)cJSON_AddItemToObject(report, "counters", counters(supervisor));
    for (const struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        (void)cJSON_AddItemToArray(plugins, plugin_report(plugin));
    (void)cJSON_AddItemToObject(report, "plugins", plugins);
    return report;
}

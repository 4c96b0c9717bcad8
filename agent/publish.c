/* publish.c: spreads events to tasks, to the journal and to those who watch. */
#include "agent/supervisor.h"
#include "kit/json.h"

#include "agent/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNALLED_PER_SECOND 100 /* a flood of events must not push the acts out of the journal */

static void
to_journal(struct supervisor *supervisor, const struct event *event)
{
    int64_t second = clock_boot_ns() / NS_PER_S;
    cJSON  *record;

    /* runs and acts have records of their own */
    if (strncmp(event->topic, "task.", 5) == 0 || strncmp(event->topic, "act.", 4) == 0)
        return;
    if (second != supervisor->event_second) {
        supervisor->event_second = second;
        supervisor->events_this_second = 0;
    }
    if (++supervisor->events_this_second > JOURNALLED_PER_SECOND) {
        supervisor->n_events_unjournalled++;
        return;
    }
    record = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(record, "rec", "event");
    (void)cJSON_AddStringToObject(record, "topic", event->topic);
    (void)cJSON_AddStringToObject(record, "origin", event->origin);
    (void)cJSON_AddRawToObject(record, "payload", event->payload);
    (void)journal_append(supervisor->journal, record);
}

static int
listens(const struct task *task, const char *topic)
{
    const cJSON *pattern;

    cJSON_ArrayForEach(
        pattern, cJSON_GetObjectItemCaseSensitive(task->spec, "on")) if (topic_matches(cJSON_GetStringValue(pattern),
                                                                                       topic)) return 1;
    return 0;
}

/* A task does not hear itself: its own events would keep it running for ever. */
static int
is_own(const struct task *task, const char *origin)
{
    size_t len = strlen(task->plugin->name);

    return strncmp(origin, task->plugin->name, len) == 0 && origin[len] == '/' &&
           strcmp(origin + len + 1, task->name) == 0;
}

/* Nor does it run because it ended: task.* and act.done tell of it under the agent's name. */
static int
is_about(const struct task *task, const struct event *event)
{
    char plugin[128];
    char name[128];

    if (strcmp(event->origin, "agent") != 0)
        return 0;
    (void)snprintf(plugin, sizeof(plugin), "\"plugin\":\"%s\"", task->plugin->name);
    (void)snprintf(name, sizeof(name), "\"task\":\"%s\"", task->name);
    return strstr(event->payload, plugin) && strstr(event->payload, name);
}

void
publish(struct supervisor *supervisor, const char *topic, const char *origin, const char *payload)
{
    struct event *event = event_new(topic, origin, payload, supervisor->sequence + 1);

    if (!event)
        return;
    supervisor->sequence++;
    supervisor->n_events++;
    to_journal(supervisor, event);
    for (struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        for (size_t i = 0; plugin->armed && i < plugin->n_tasks; i++) {
            struct task *task = &plugin->tasks[i];

            if (task->has_on && listens(task, topic) && !is_own(task, origin) && !is_about(task, event))
                schedule_event(task, event);
        }
    if (supervisor->control)
        control_event(supervisor->control, event);
    event_unref(event);
}

void
publish_json(struct supervisor *supervisor, const char *topic, const char *origin, cJSON *payload)
{
    char *text = ga_json_print(payload);

    if (text && strlen(text) <= BUS_PAYLOAD_MAX)
        publish(supervisor, topic, origin, text);
    free(text);
    cJSON_Delete(payload);
}

/* publish.c: spreads events to tasks, to the journal and to those who watch. */
#include "agent/supervisor.h"
#include "kit/json.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNALLED_PER_SECOND 100 /* a flood of events must not push the acts out of the journal */
#define CUT_MARK "…"

static void
to_journal(struct supervisor *supervisor, const struct event *event)
{
    int64_t second = clock_boot_ns() / NS_PER_S;
    cJSON  *record;
    char    sequence[24];

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
    (void)snprintf(sequence, sizeof(sequence), "%" PRIu64, event->sequence);
    (void)cJSON_AddStringToObject(record, "sequence", sequence);
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

/* Cuts texts of more than `most` bytes, never within a character. 1 something was cut, 0 nothing, -1 no memory. */
static int
cut_texts(cJSON *payload, size_t most)
{
    cJSON *member;
    int    cut = 0;

    cJSON_ArrayForEach(member, payload)
    {
        const char *text = cJSON_GetStringValue(member);
        char       *shorter;
        size_t      len = most;

        if (!text || strlen(text) <= most + strlen(CUT_MARK))
            continue;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
        shorter = malloc(len + sizeof(CUT_MARK));
        if (!shorter)
            return -1;
        memcpy(shorter, text, len);
        memcpy(shorter + len, CUT_MARK, sizeof(CUT_MARK));
        cJSON_free(member->valuestring);
        member->valuestring = shorter;
        cut = 1;
    }
    return cut;
}

/* As JSON that an event can carry: with long texts cut and "cut": true if need be. NULL: no memory, or it cannot be. */
static char *
print_to_fit(cJSON *payload)
{
    static const size_t most[] = {4096, 1024, 256, 64};
    char               *text = ga_json_print(payload);

    for (size_t i = 0; text && strlen(text) > BUS_PAYLOAD_MAX; i++) {
        free(text);
        if (i == sizeof(most) / sizeof(*most) || cut_texts(payload, most[i]) < 0)
            return NULL;
        if (!cJSON_HasObjectItem(payload, "cut"))
            (void)cJSON_AddBoolToObject(payload, "cut", 1);
        text = ga_json_print(payload);
    }
    return text;
}

void
publish_json(struct supervisor *supervisor, const char *topic, const char *origin, cJSON *payload)
{
    char *text = print_to_fit(payload);

    if (text)
        publish(supervisor, topic, origin, text);
    else
        log_err("an event %s was left out: no memory, or more than an event can carry (%u bytes)", topic,
                BUS_PAYLOAD_MAX);
    free(text);
    cJSON_Delete(payload);
}

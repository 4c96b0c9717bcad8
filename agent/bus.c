/* bus.c: events and the queues they wait in. */
#include "agent/bus.h"

#include "agent/clock.h"

#include <stdlib.h>
#include <string.h>

struct event *
event_new(const char *topic, const char *origin, const char *payload, uint64_t sequence)
{
    struct event *event = calloc(1, sizeof(*event));

    if (!event)
        return NULL;
    event->refs = 1;
    event->time_ns = clock_real_ns();
    event->sequence = sequence;
    event->topic = strdup(topic);
    event->origin = strdup(origin);
    event->payload = strdup(payload);
    if (event->topic && event->origin && event->payload)
        return event;
    event_unref(event);
    return NULL;
}

struct event *
event_ref(struct event *event)
{
    event->refs++;
    return event;
}

void
event_unref(struct event *event)
{
    if (!event || --event->refs > 0)
        return;
    free(event->topic);
    free(event->origin);
    free(event->payload);
    free(event);
}

static size_t
word_len(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

static int
dotted_valid(const char *text, int is_pattern)
{
    for (;;) {
        size_t len = word_len(text);

        if (len == 0 && is_pattern && *text == '>')
            return text[1] == '\0';
        if (len == 0 && is_pattern && *text == '*')
            len = 1;
        if (len == 0)
            return 0;
        text += len;
        if (*text == '\0')
            return 1;
        if (*text++ != '.')
            return 0;
    }
}

int
topic_valid(const char *topic)
{
    return dotted_valid(topic, 0);
}

int
topic_pattern_valid(const char *pattern)
{
    return dotted_valid(pattern, 1);
}

int
topic_matches(const char *pattern, const char *topic)
{
    for (;;) {
        size_t len = strcspn(topic, ".");

        if (strcmp(pattern, ">") == 0)
            return *topic != '\0';
        if (pattern[0] == '*' && (pattern[1] == '.' || pattern[1] == '\0'))
            pattern++;
        else if (strcspn(pattern, ".") == len && strncmp(pattern, topic, len) == 0)
            pattern += len;
        else
            return 0;
        topic += len;
        if (*pattern == '\0' || *topic == '\0')
            return *pattern == *topic;
        pattern++;
        topic++;
    }
}

void
event_queue_push(struct event_queue *queue, struct event *event)
{
    if (queue->count == BUS_QUEUE_MAX) {
        event_unref(event_queue_pop(queue));
        queue->dropped++;
    }
    queue->events[(queue->first + queue->count) % BUS_QUEUE_MAX] = event_ref(event);
    queue->count++;
}

struct event *
event_queue_pop(struct event_queue *queue)
{
    struct event *event;

    if (queue->count == 0)
        return NULL;
    event = queue->events[queue->first];
    queue->first = (queue->first + 1) % BUS_QUEUE_MAX;
    queue->count--;
    return event;
}

void
event_queue_clear(struct event_queue *queue)
{
    struct event *event;

    while ((event = event_queue_pop(queue)))
        event_unref(event);
}

/*
 * bus.h: events and the queues they wait in.
 *
 * A topic is dotted words ("upgrade.scheduled"). In a pattern `*` stands for one word and a final `>` for the
 * rest. A queue holds at most its limit; when it is full the oldest event goes and is counted. One thread.
 */
#ifndef AGENT_BUS_H
#define AGENT_BUS_H

#include <stddef.h>
#include <stdint.h>

#define BUS_PAYLOAD_MAX 16384 /* bytes of JSON in one event */
#define BUS_QUEUE_MAX 256     /* events waiting for one receiver */

/* Shared by its receivers; immutable. */
struct event {
    unsigned refs;
    int64_t  time_ns;  /* real time */
    uint64_t sequence; /* counts from 1 since the agent started */
    char    *topic;
    char    *origin;  /* "plugin/task" or "agent" */
    char    *payload; /* a JSON object as text */
};

struct event *event_new(const char *topic, const char *origin, const char *payload, uint64_t sequence);
struct event *event_ref(struct event *event);
void          event_unref(struct event *event); /* accepts NULL */

/* Is `topic` made of dotted words of [a-z0-9_-]? 1 or 0. */
int topic_valid(const char *topic);
/* The same for a pattern. */
int topic_pattern_valid(const char *pattern);
int topic_matches(const char *pattern, const char *topic);

struct event_queue {
    struct event *events[BUS_QUEUE_MAX];
    unsigned      first;
    unsigned      count;
    uint64_t      dropped;
};

/* Takes a reference of its own. */
void event_queue_push(struct event_queue *queue, struct event *event);
/* The oldest, whose reference is the caller's; NULL when there is none. */
struct event *event_queue_pop(struct event_queue *queue);
void          event_queue_clear(struct event_queue *queue);

#endif

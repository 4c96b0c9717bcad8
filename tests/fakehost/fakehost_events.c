/* fakehost_events.c: events that a task emits and receives, and the documents that it keeps. */
#include "tests/fakehost/fakehost_parts.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAYLOAD_MAX (16u << 10) /* bytes of an event's payload */
#define DOCUMENT_MAX (16u << 20)
#define NAME_LEN_MAX 100
#define NS_PER_S 1000000000LL

/* --- emitting ------------------------------------------------------------------------------------------------------
 */

static int
has_topic(const struct ga_plugin *plugin, const char *topic)
{
    for (uint32_t i = 0; topic && i < plugin->n_topics; i++)
        if (strcmp(fh_topic_at(plugin, i)->name, topic) == 0)
            return 1;
    return 0;
}

static int
refuse_event(struct fakehost *fh, const char *topic, const char *why)
{
    fh_breach(fh, "the event '%.64s' of task '%s' was refused: %s", topic ? topic : "", fh->task->name, why);
    return -1;
}

/* What is wrong with a payload, or NULL. `doc` is the caller's to delete. */
static const char *
payload_fault(const char *payload, cJSON **ret_doc, char *buf, size_t len)
{
    char why[160];

    *ret_doc = NULL;
    if (strlen(payload) > PAYLOAD_MAX)
        return "its payload has more than 16 KiB";
    *ret_doc = ga_json_parse(payload, strlen(payload), why, sizeof(why));
    if (cJSON_IsObject(*ret_doc))
        return NULL;
    (void)snprintf(buf, len, "its payload is no JSON object%s%s", *ret_doc ? "" : ": ", *ret_doc ? "" : why);
    return buf;
}

int
fh_emit(struct ga_run *run, const char *topic, const char *payload)
{
    struct fakehost         *fh = run->fh;
    struct fakehost_emitted *emitted;
    char                     buf[256];
    const char              *fault;
    cJSON                   *doc;

    if (!fh_own_thread(fh, "emit"))
        return -1;
    if (!has_topic(fh->plugin, topic))
        return refuse_event(fh, topic, "the plugin's descriptor does not list the topic");
    payload = payload ? payload : "{}";
    fault = payload_fault(payload, &doc, buf, sizeof(buf));
    if (!fault)
        fh_check_leak_json(fh, "an event", doc);
    cJSON_Delete(doc);
    if (fault)
        return refuse_event(fh, topic, fault);
    emitted = fh_piece(fh, sizeof(*emitted));
    if (!emitted)
        return -1;
    *emitted = (struct fakehost_emitted){.topic = fh_keep(fh, topic), .payload = fh_keep(fh, payload)};
    return fh_push(fh, &fh->emitted, emitted);
}

/* --- receiving -----------------------------------------------------------------------------------------------------
 */

void
fh_event_free(struct fh_event *event)
{
    if (!event)
        return;
    free(event->topic);
    free(event->payload);
    free(event->origin);
    free(event);
}

/* Takes the event. */
static int
enqueue(struct fakehost *fh, struct fh_event *event)
{
    struct fh_event **end = &fh->queue;

    (void)pthread_mutex_lock(&fh->lock);
    while (*end)
        end = &(*end)->next;
    *end = event;
    if (event->topic)
        event->sequence = ++fh->sequence;
    (void)pthread_cond_broadcast(&fh->changed);
    (void)pthread_mutex_unlock(&fh->lock);
    return 0;
}

int
fakehost_event_from(struct fakehost *fh, const char *topic, const char *payload, const char *origin, int64_t time_ns)
{
    struct fh_event *event;
    char             buf[256];
    const char      *fault;
    cJSON           *doc;

    payload = payload ? payload : "{}";
    fault = payload_fault(payload, &doc, buf, sizeof(buf));
    cJSON_Delete(doc);
    if (!topic || !*topic || fault)
        return fh_mistake(fh, "the test's event '%.64s' cannot be: %s", topic ? topic : "", fault ? fault : "no topic");
    event = calloc(1, sizeof(*event));
    if (event) {
        event->topic = strdup(topic);
        event->payload = strdup(payload);
        event->origin = strdup(origin ? origin : "agent");
        event->time_ns = time_ns;
    }
    if (event && event->topic && event->payload && event->origin)
        return enqueue(fh, event);
    fh_event_free(event);
    return fh_mistake(fh, "no memory for an event");
}

int
fakehost_event(struct fakehost *fh, const char *topic, const char *payload)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return fakehost_event_from(fh, topic, payload, "test/test", now.tv_sec * NS_PER_S + now.tv_nsec);
}

int
fakehost_silence(struct fakehost *fh)
{
    struct fh_event *event = calloc(1, sizeof(*event));

    return event ? enqueue(fh, event) : fh_mistake(fh, "no memory for a silence");
}

size_t
fakehost_n_queued(struct fakehost *fh)
{
    size_t n = 0;

    (void)pthread_mutex_lock(&fh->lock);
    for (const struct fh_event *event = fh->queue; event; event = event->next)
        n++;
    (void)pthread_mutex_unlock(&fh->lock);
    return n;
}

void
fakehost_wait(struct fakehost *fh, int on)
{
    fh->waits = on != 0;
}

/* Locked. The first in the queue; NULL: it is empty. */
static struct fh_event *
dequeue(struct fakehost *fh)
{
    struct fh_event *event = fh->queue;

    if (event)
        fh->queue = event->next;
    return event;
}

/* Hands an event to the task. Takes it. A silence is nothing. */
static int
deliver(struct fakehost *fh, struct fh_event *event, struct ga_event *ret)
{
    fh_event_free(fh->delivered);
    fh->delivered = event;
    if (!event || !event->topic)
        return 0;
    *ret = (struct ga_event){.size = sizeof(*ret),
                             .topic = event->topic,
                             .origin = event->origin,
                             .payload = event->payload,
                             .time_ns = event->time_ns,
                             .sequence = event->sequence};
    return 1;
}

/* The event that started the run, once. Silences are for resident tasks. */
static int
starting_event(struct fakehost *fh, struct ga_event *ret)
{
    struct fh_event *event = NULL;

    if (fh->event_fetched)
        return 0;
    fh->event_fetched = 1;
    (void)pthread_mutex_lock(&fh->lock);
    while ((event = dequeue(fh)) != NULL && !event->topic)
        fh_event_free(event);
    (void)pthread_mutex_unlock(&fh->lock);
    return deliver(fh, event, ret);
}

/* Locked. Waits until there is an event, the time is up or the run is cancelled. */
static void
await(struct fakehost *fh, int32_t timeout_ms)
{
    struct timespec until;
    int             r = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_nsec -= NS_PER_S;
        until.tv_sec++;
    }
    while (!fh->queue && !fh->cancelled && r == 0)
        r = timeout_ms < 0 ? pthread_cond_wait(&fh->changed, &fh->lock)
                           : pthread_cond_timedwait(&fh->changed, &fh->lock, &until);
}

int
fh_next_event(struct ga_run *run, int32_t timeout_ms, struct ga_event *ret)
{
    struct fakehost *fh = run->fh;
    struct fh_event *event = NULL;

    if (!fh_own_thread(fh, "next_event"))
        return -1;
    if (!ret)
        fh_leave(fh, "task '%s' called next_event() with no place for it", fh->task->name);
    if (!(fh->task->flags & GA_TASK_RESIDENT))
        return starting_event(fh, ret);
    (void)pthread_mutex_lock(&fh->lock);
    if (fh->waits)
        await(fh, timeout_ms);
    else if (!fh->queue && !fh->cancelled)
        fakehost_cancel(fh);
    if (!fh->cancelled)
        event = dequeue(fh);
    (void)pthread_mutex_unlock(&fh->lock);
    return fh->cancelled && !event ? -1 : deliver(fh, event, ret);
}

/* --- documents -----------------------------------------------------------------------------------------------------
 */

static int
good_name(const char *name)
{
    size_t len = name ? strnlen(name, NAME_LEN_MAX + 1) : 0;

    return len > 0 && len <= NAME_LEN_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/* Where the document hangs, or where it would. */
static struct fh_document **
find_document(struct fakehost *fh, const char *name)
{
    struct fh_document **at = &fh->documents;

    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void
document_free(struct fh_document *document)
{
    if (!document)
        return;
    free(document->name);
    free(document->data);
    free(document);
}

/* 0, or -1 without memory: then nothing is changed. */
static int
put_document(struct fakehost *fh, const char *name, const void *data, size_t len)
{
    struct fh_document **at = find_document(fh, name);
    struct fh_document  *old = *at;
    struct fh_document  *document = calloc(1, sizeof(*document));

    if (document) {
        document->name = strdup(name);
        document->data = malloc(len + 1);
    }
    if (!document || !document->name || !document->data) {
        document_free(document);
        return -1;
    }
    if (len > 0)
        memcpy(document->data, data, len);
    document->data[len] = '\0';
    document->len = len;
    document->next = old ? old->next : NULL;
    *at = document;
    document_free(old);
    return 0;
}

int
fakehost_state_put(struct fakehost *fh, const char *name, const void *data, size_t len)
{
    struct fh_document **at;
    struct fh_document  *old;

    if (!good_name(name))
        return fh_mistake(fh, "the test's document '%.100s' has a name that none can have", name ? name : "");
    if (data)
        return put_document(fh, name, data, len) == 0 ? 0 : fh_mistake(fh, "no memory for a document");
    at = find_document(fh, name);
    old = *at;
    if (old)
        *at = old->next;
    document_free(old);
    return 0;
}

const void *
fakehost_state_get(struct fakehost *fh, const char *name, size_t *ret_len)
{
    const struct fh_document *document = *find_document(fh, name);

    if (document && ret_len)
        *ret_len = document->len;
    return document ? document->data : NULL;
}

void
fakehost_state_broken(struct fakehost *fh, int on)
{
    fh->state_broken = on != 0;
}

/* 1 when the task may go on. */
static int
check_name(struct fakehost *fh, const char *what, const char *name)
{
    if (!fh_own_thread(fh, what))
        return 0;
    if (!good_name(name))
        fh_leave(fh, "task '%s' called %s(\"%.100s\"), a name is made of [a-z0-9._-] and does not begin with '.'",
                 fh->task->name, what, name ? name : "");
    return 1;
}

static int
broken(struct fakehost *fh, const char *what, const char *name, const char *why)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "cannot %s the state '%s': %s", what, name, why);
    fh_note(fh, GA_LOG_ERR, text);
    return -1;
}

int
fh_state_get(struct ga_run *run, const char *name, const void **ret, size_t *ret_len)
{
    struct fakehost          *fh = run->fh;
    const struct fh_document *document;
    char                     *copy;

    if (!check_name(fh, "state_get", name))
        return -1;
    if (fh->state_broken)
        return broken(fh, "read", name, "the test has broken it");
    document = *find_document(fh, name);
    if (!document)
        return 1;
    copy = fh_piece(fh, document->len + 1); /* a later put must not change what was lent */
    if (!copy)
        return -1;
    memcpy(copy, document->data, document->len);
    *ret = copy;
    *ret_len = document->len;
    return 0;
}

int
fh_state_put(struct ga_run *run, const char *name, const void *data, size_t len)
{
    struct fakehost *fh = run->fh;

    if (!check_name(fh, "state_put", name))
        return -1;
    if (!data && len > 0)
        fh_leave(fh, "task '%s' called state_put(\"%s\") with no data", fh->task->name, name);
    if (fh->dry_run)
        return 0;
    if (fh->state_broken)
        return broken(fh, "write", name, "the test has broken it");
    if (len > DOCUMENT_MAX)
        return broken(fh, "write", name, "it has more than 16 MiB");
    return put_document(fh, name, data, len) == 0 ? 0 : broken(fh, "write", name, "no memory");
}

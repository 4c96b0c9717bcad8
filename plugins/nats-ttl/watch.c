/* watch.c: resident: advisories about streams, losses and reconnects become events, on which enforce runs. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_MS 3000
#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 30000

struct watch {
    struct ga_run        *run;
    const struct ga_host *host;
    struct wanted         wanted;
    struct ga_nats       *nats;
    int                   told_down; /* nats.disconnected is out: not again until connected */
    int                   was_up;
    uint64_t              n_events;
};

/* Emits an object of one or two strings. */
static void
emit(struct watch *watch, const char *topic, const char *key1, const char *value1, const char *key2, const char *value2)
{
    cJSON *payload = cJSON_CreateObject();
    char  *text = NULL;

    if (payload && cJSON_AddStringToObject(payload, key1, value1) &&
        (!key2 || cJSON_AddStringToObject(payload, key2, value2)))
        text = ga_json_print(payload);
    if (text && watch->host->emit(watch->run, topic, text) == 0)
        watch->n_events++;
    watch->host->metric(watch->run, "events_emitted", (double)watch->n_events);
    free(text);
    cJSON_Delete(payload);
}

/* Waits and beats. -1 cancelled, else 0. */
static int
pause_ms(struct watch *watch, int64_t ms)
{
    struct pollfd poller = {.fd = watch->host->cancel_fd(watch->run), .events = POLLIN};

    while (ms > 0) {
        int slice = ms > BEAT_MS ? BEAT_MS : (int)ms;

        if (watch->host->cancelled(watch->run) || poll(&poller, 1, slice) > 0)
            return -1;
        watch->host->beat(watch->run);
        ms -= slice;
    }
    return watch->host->cancelled(watch->run) ? -1 : 0;
}

static void
tell_down(struct watch *watch, const struct ga_nats_error *err, const char *server)
{
    if (watch->told_down)
        return;
    watch->told_down = 1;
    watch->host->log(watch->run, GA_LOG_WARNING, "%s", err->text);
    emit(watch, "nats.disconnected", "server", server, "reason", err->text);
}

/* What is heard. Not the API's own advisories ($JS.EVENT.ADVISORY.>): those copy every request of every client. */
static int
subscribe(struct watch *watch, struct ga_nats_error *err)
{
    static const char *const kinds[] = {"CREATED", "UPDATED", "DELETED"};
    char                     subject[64];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        (void)snprintf(subject, sizeof(subject), "$JS.EVENT.ADVISORY.STREAM.%s.>", kinds[i]);
        if (ga_nats_subscribe(watch->nats, subject, err) < 0)
            return -1;
    }
    return 0;
}

/* 1 connected and subscribed, 0 not, -1 cancelled. */
static int
try_connect(struct watch *watch)
{
    struct ga_nats_error err = {0};

    watch->nats = connect_server(watch->run, watch->host, &err);
    watch->host->beat(watch->run);
    if (!watch->nats) {
        if (err.why == GA_NATS_CANCELLED)
            return -1;
        tell_down(watch, &err, watch->host->str_at(watch->run, "servers", 0));
        return 0;
    }
    if (subscribe(watch, &err) < 0) {
        tell_down(watch, &err, ga_nats_url(watch->nats));
        ga_nats_close(watch->nats);
        watch->nats = NULL;
        return 0;
    }
    /* Advisories are lost while nobody listens, so a connection is itself a reason to look at all streams. */
    emit(watch, "nats.connected", "server", ga_nats_url(watch->nats), "reconnect", watch->was_up ? "true" : "false");
    watch->told_down = 0;
    watch->was_up = 1;
    return 1;
}

/* "$JS.EVENT.ADVISORY.STREAM.UPDATED.name" -> an event, when the stream has an age. */
static void
heard(struct watch *watch, const struct ga_nats_message *message)
{
    static const char prefix[] = "$JS.EVENT.ADVISORY.STREAM.";
    const char       *kind = message->subject + sizeof(prefix) - 1;
    const char       *stream;

    if (strncmp(message->subject, prefix, sizeof(prefix) - 1) != 0 || !(stream = strchr(kind, '.')))
        return;
    stream++;
    if (!wanted_for(&watch->wanted, stream))
        return;
    if (strncmp(kind, "CREATED.", 8) == 0)
        emit(watch, "nats.stream.created", "stream", stream, "server", ga_nats_url(watch->nats));
    else if (strncmp(kind, "UPDATED.", 8) == 0)
        emit(watch, "nats.stream.updated", "stream", stream, "server", ga_nats_url(watch->nats));
    else if (strncmp(kind, "DELETED.", 8) == 0)
        watch->host->log(watch->run, GA_LOG_NOTICE, "stream %s was deleted on %s", stream, ga_nats_url(watch->nats));
}

/* Until the connection is lost (0) or the run is cancelled (-1). */
static int
listen_on(struct watch *watch)
{
    struct ga_nats_error   err = {0};
    struct ga_nats_message message;
    int                    r;

    while ((r = ga_nats_next(watch->nats, BEAT_MS, &message, &err)) >= 0) {
        watch->host->beat(watch->run);
        if (watch->host->cancelled(watch->run))
            return -1;
        if (r == 0)
            continue;
        heard(watch, &message);
        ga_nats_message_free(&message);
    }
    if (err.why == GA_NATS_CANCELLED)
        return -1;
    tell_down(watch, &err, ga_nats_url(watch->nats));
    return 0;
}

int
watch_task(struct ga_run *run, const struct ga_host *host)
{
    struct watch watch = {.run = run, .host = host};
    int64_t      backoff_ms = BACKOFF_FIRST_MS;
    int          r = 0;

    if (wanted_load(run, host, &watch.wanted) < 0)
        return host->end(run, GA_FAILED, "out of memory");
    host->ready(run); /* a server that is down is no reason to hold up the agent */
    while (r >= 0) {
        r = try_connect(&watch);
        if (r == 1) {
            backoff_ms = BACKOFF_FIRST_MS;
            r = listen_on(&watch);
            ga_nats_close(watch.nats);
            watch.nats = NULL;
        }
        if (r == 0)
            r = pause_ms(&watch, backoff_ms);
        backoff_ms = backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
    }
    free((void *)(uintptr_t)watch.wanted.entries);
    return host->end(run, GA_OK, "watched until it was told to end");
}

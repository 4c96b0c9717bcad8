/* host_acts.c: what a task asks the supervisor and waits for: acts and events. */
#include "agent/host.h"
#include "kit/json.h"
#include "agent/host_values.h"
#include "agent/load.h"
#include "agent/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERB_MAX 64

/* --- what comes back -----------------------------------------------------------------------------------------------
 */

static const char *
text_of(const cJSON *packet, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(packet, key));

    return text ? text : "";
}

/* Receives one packet; events are kept for next_event(). 0 with another packet, 1 it was an event, or -errno: gone. */
static int
receive(struct ga_run *run, cJSON **ret, int *ret_fd)
{
    int r = wire_recv(run->wire_fd, ret, ret_fd);

    if (r < 0) {
        host_cancel();
        return r;
    }
    if (strcmp(text_of(*ret, "t"), "event") != 0)
        return 0;
    if (*ret_fd >= 0)
        (void)close(*ret_fd);
    cJSON_Delete(run->pending); /* only one is asked for at a time */
    run->pending = *ret;
    run->wants_event = 0;
    return 1;
}

/* --- acts ----------------------------------------------------------------------------------------------------------
 */

static void send_acted(struct ga_run *run, int ok, const char *note, ...) __attribute__((format(printf, 3, 4)));

static void
send_acted(struct ga_run *run, int ok, const char *note, ...)
{
    cJSON  *packet = host_packet("acted");
    va_list args;
    char   *text;

    va_start(args, note);
    text = host_line(run, note, args);
    va_end(args);
    (void)cJSON_AddNumberToObject(packet, "id", run->act_id);
    (void)cJSON_AddBoolToObject(packet, "ok", ok);
    (void)cJSON_AddStringToObject(packet, "note", text ? text : "");
    (void)host_send(run, packet);
    free(text);
}

static int
refused(struct ga_run *run, const char *why)
{
    (void)snprintf(run->act_why, sizeof(run->act_why), "%s", why);
    return GA_ACT_REFUSED;
}

/* The intent must be on disk before the world changes. Takes the journal's descriptor. */
static int
sync_journal(struct ga_run *run, int fd)
{
    int r = fd < 0 || fdatasync(fd) == 0 ? 0 : -errno;

    if (fd >= 0)
        (void)close(fd);
    if (r == 0)
        return 0;
    send_acted(run, 0, "journal could not be synced: %s", strerrordesc_np(-r));
    (void)snprintf(run->act_why, sizeof(run->act_why), "journal could not be synced: %s", strerrordesc_np(-r));
    return r;
}

static int
await_answer(struct ga_run *run)
{
    for (;;) {
        cJSON       *packet = NULL;
        const cJSON *id;
        int          fd = -1;
        int          answer;
        int          r = receive(run, &packet, &fd);

        if (r < 0)
            return refused(run, "the agent is gone");
        if (r > 0)
            continue;
        id = cJSON_GetObjectItemCaseSensitive(packet, "id");
        if (strcmp(text_of(packet, "t"), "act") != 0 || !cJSON_IsNumber(id) || id->valueint != run->act_id) {
            cJSON_Delete(packet);
            if (fd >= 0)
                (void)close(fd);
            continue;
        }
        id = cJSON_GetObjectItemCaseSensitive(packet, "answer");
        answer = cJSON_IsNumber(id) ? id->valueint : GA_ACT_REFUSED;
        (void)refused(run, text_of(packet, "why"));
        cJSON_Delete(packet);
        if (answer == GA_ACT_DO)
            return sync_journal(run, fd) < 0 ? GA_ACT_REFUSED : GA_ACT_DO;
        if (fd >= 0)
            (void)close(fd);
        return answer == GA_ACT_DRY ? GA_ACT_DRY : GA_ACT_REFUSED;
    }
}

/* Details as JSON; what is more than a packet holds is left out and said. NULL: none were given, or no memory. */
static cJSON *
parse_details(struct ga_run *run, const char *details)
{
    size_t len = details ? strlen(details) : 0;
    cJSON *doc = len ? wire_parse(details, len) : NULL;
    char   number[24];
    char  *text;

    if (details && !cJSON_IsObject(doc))
        host_fail(run, "contract", "task '%s' called act() with details that are no JSON object", run->task->name);
    if (len <= WIRE_MAX / 8)
        return doc;
    text = ga_json_print(doc);
    if (text && strlen(text) <= WIRE_MAX * 3 / 4) {
        free(text);
        return doc;
    }
    free(text);
    cJSON_Delete(doc);
    doc = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(doc, "left_out", "the details are more than a packet holds");
    (void)snprintf(number, sizeof(number), "%zu", len);
    (void)cJSON_AddStringToObject(doc, "bytes", number);
    return doc;
}

static void
check_act(struct ga_run *run, const char *verb, const char *object)
{
    size_t len = verb ? strnlen(verb, VERB_MAX + 1) : 0;

    host_own_thread(run, "act");
    if (run->task->flags & GA_TASK_READ_ONLY)
        host_fail(run, "contract", "task '%s' says that it is read-only and called act(\"%.64s\")", run->task->name,
                  verb ? verb : "");
    if (run->act_open)
        host_fail(run, "contract", "task '%s' called act(\"%.64s\") before it closed the last act with acted()",
                  run->task->name, verb ? verb : "");
    if (len == 0 || len > VERB_MAX || strcspn(verb, " \t\r\n") != len)
        host_fail(run, "contract", "task '%s' called act(\"%.64s\"), a verb is one word", run->task->name,
                  verb ? verb : "");
    if (!object || !*object)
        host_fail(run, "contract", "task '%s' called act(\"%s\") on nothing", run->task->name, verb);
}

static void add_line(struct ga_run *run, cJSON *packet, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
add_line(struct ga_run *run, cJSON *packet, const char *key, const char *format, ...)
{
    va_list args;
    char   *text;

    va_start(args, format);
    text = host_line(run, format, args);
    va_end(args);
    (void)cJSON_AddStringToObject(packet, key, text ? text : "");
    free(text);
}

int
host_act(struct ga_run *run, const char *verb, const char *object, const char *details)
{
    cJSON *packet;
    cJSON *doc;
    int    answer;

    check_act(run, verb, object);
    doc = parse_details(run, details);
    packet = host_packet("act");
    run->act_id++;
    (void)cJSON_AddNumberToObject(packet, "id", run->act_id);
    (void)cJSON_AddStringToObject(packet, "verb", verb);
    add_line(run, packet, "object", "%s", object);
    if (!cJSON_AddItemToObject(packet, "details", doc ? doc : cJSON_CreateNull()))
        cJSON_Delete(doc);
    answer = host_send(run, packet);
    if (answer < 0)
        return refused(run, answer == -ECONNRESET ? "the agent is gone" : "the act could not be sent to the agent");
    answer = await_answer(run);
    run->act_open = answer == GA_ACT_DO;
    return answer;
}

const char *
host_act_why(struct ga_run *run)
{
    host_own_thread(run, "act_why");
    return run->act_why;
}

/* After a dry answer there is nothing to close: the task carries on as if it had been done. */
void
host_acted(struct ga_run *run, int ok, const char *note)
{
    host_own_thread(run, "acted");
    if (run->act_id == 0)
        host_fail(run, "contract", "task '%s' called acted() without an act", run->task->name);
    if (!run->act_open)
        return;
    run->act_open = 0;
    send_acted(run, ok != 0, "%s", note ? note : "");
}

/* --- events --------------------------------------------------------------------------------------------------------
 */

static int
refuse_event(struct ga_run *run, const char *topic, const char *why)
{
    host_log(run, GA_LOG_ERR, "the event '%.64s' was not emitted: %s", topic ? topic : "", why);
    return -1;
}

/* Bytes of what the supervisor will see. */
static size_t
printed_len(const cJSON *doc)
{
    char  *text = ga_json_print(doc);
    size_t len = text ? strlen(text) : SIZE_MAX;

    free(text);
    return len;
}

int
host_emit(struct ga_run *run, const char *topic, const char *payload)
{
    cJSON *packet;
    cJSON *doc;

    host_own_thread(run, "emit");
    if (!topic || !load_has_topic(run->plugin, topic))
        return refuse_event(run, topic, "the plugin's descriptor does not list the topic");
    if (payload && strlen(payload) > HOST_PAYLOAD_MAX)
        return refuse_event(run, topic, "its payload has more than 16 KiB");
    doc = payload ? wire_parse(payload, strlen(payload)) : cJSON_CreateObject();
    if (!cJSON_IsObject(doc) || mask_json(&run->mask, doc) < 0) {
        cJSON_Delete(doc);
        return refuse_event(run, topic, "its payload is no JSON object");
    }
    packet = printed_len(doc) <= HOST_PAYLOAD_MAX ? host_packet("emit") : NULL;
    if (!packet) {
        cJSON_Delete(doc);
        return refuse_event(run, topic, "its payload has more than 16 KiB");
    }
    (void)cJSON_AddStringToObject(packet, "topic", topic);
    (void)cJSON_AddItemToObject(packet, "payload", doc);
    return host_send(run, packet) < 0 ? refuse_event(run, topic, "the agent is gone") : 0;
}

/* Hands an event to the task. Takes `packet` (may be NULL when `event` is part of the job). */
static int
deliver(struct ga_run *run, const cJSON *event, cJSON *packet, struct ga_event *ret)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(event, "payload");
    char        *text = cJSON_IsObject(payload) ? ga_json_print(payload) : strdup("{}");
    int64_t      time = 0;

    cJSON_Delete(run->event_packet);
    free(run->event_payload);
    run->event_packet = packet;
    run->event_payload = text;
    (void)host_parse_number(text_of(event, "time_ns"), &time);
    *ret = (struct ga_event){.size = sizeof(*ret),
                             .topic = text_of(event, "topic"),
                             .origin = text_of(event, "origin"),
                             .payload = text ? text : "{}",
                             .time_ns = time,
                             .sequence = strtoull(text_of(event, "sequence"), NULL, 10)};
    return 1;
}

/* Waits for the wire. 1 readable, 0 time is up, -1 cancelled. until_ns < 0: for ever. */
static int
await_wire(struct ga_run *run, int64_t until_ns)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = run->wire_fd, .events = POLLIN}, {.fd = run->cancel_fd, .events = POLLIN}};
        int64_t       left_ns = until_ns < 0 ? -1 : until_ns - host_now_ns();
        int           left_ms = left_ns < 0 ? 0 : (int)((left_ns + 999999) / 1000000);
        int           n = poll(fds, 2, until_ns < 0 ? -1 : left_ms);

        if (host_cancelled(run))
            return -1;
        if (n > 0 && fds[0].revents)
            return 1;
        if (n == 0 && left_ns <= 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -1;
    }
}

int
host_next_event(struct ga_run *run, int32_t timeout_ms, struct ga_event *ret)
{
    int64_t until_ns = timeout_ms < 0 ? -1 : host_now_ns() + timeout_ms * 1000000LL;

    host_own_thread(run, "next_event");
    if (!ret)
        host_fail(run, "contract", "task '%s' called next_event() with no place for it", run->task->name);
    if (!run->resident) {
        const cJSON *event = run->event;

        run->event = NULL;
        return event ? deliver(run, event, NULL, ret) : 0;
    }
    if (!run->pending && !run->wants_event && !host_cancelled(run))
        run->wants_event = host_send(run, host_packet("next")) == 0;
    while (!run->pending && !host_cancelled(run)) {
        cJSON *packet = NULL;
        int    fd = -1;
        int    r = await_wire(run, until_ns);

        if (r <= 0)
            return r;
        if (receive(run, &packet, &fd) == 0) {
            cJSON_Delete(packet); /* an answer that nobody waits for */
            if (fd >= 0)
                (void)close(fd);
        }
    }
    if (host_cancelled(run))
        return -1;
    cJSON *packet = run->pending;

    run->pending = NULL;
    return deliver(run, packet, packet, ret);
}

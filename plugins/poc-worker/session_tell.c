/* session_tell.c: what a session tells its parent. */
#include "plugins/poc-worker/session_parts.h"

#include "plugins/poc-worker/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <syslog.h>

#define TELL_MS 15000 /* between lines about progress */

static void
tell(struct session *session, cJSON *json)
{
    if (!json || message_send(session->fd, json) < 0)
        session->over = 1;
    cJSON_Delete(json);
}

static cJSON *
message(const char *op)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "op", op);
    return json;
}

void
session_note(void *userdata, unsigned level, const char *text)
{
    cJSON *json = message("note");

    (void)cJSON_AddNumberToObject(json, "level", level);
    (void)cJSON_AddStringToObject(json, "text", text);
    tell(userdata, json);
}

void
session_fail(struct session *session, const char *why)
{
    cJSON *json = message("failed");

    (void)cJSON_AddStringToObject(json, "why", why);
    tell(session, json);
    session->over = 1;
}

/* How hot the cards are that say it: [{"device", "celsius"}]. */
static cJSON *
heat_of(const struct poc_crew *crew)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < crew->n; i++) {
        cJSON *one;

        if (!crew->lanes[i].ready || isnan(crew->lanes[i].celsius))
            continue;
        one = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(one, "device", crew->lanes[i].lane.device);
        (void)cJSON_AddNumberToObject(one, "celsius", crew->lanes[i].celsius);
        (void)cJSON_AddItemToArray(list, one);
    }
    return list;
}

/* How fast it went since the last look. At the first one what counts is how long the devices say it took. */
static void
take_rates(struct session *session, int64_t now)
{
    double seconds = 0;
    double waited = 0;
    double passed;

    for (size_t i = 0; i < session->crew.n; i++) {
        seconds += session->crew.lanes[i].seconds;
        waited += session->crew.lanes[i].waited;
    }
    passed = session->told_ms ? (double)(now - session->told_ms) * 1e-3 : seconds;
    if (passed > 0)
        session->rate = (double)(session->computed - session->told_computed) / passed;
    if (seconds > session->told_seconds)
        session->waited = (waited - session->told_waited) / (seconds - session->told_seconds);
    session->told_seconds = seconds;
    session->told_waited = waited;
    session->told_computed = session->computed;
}

void
session_tell_progress(struct session *session)
{
    cJSON  *json;
    char    text[160];
    int64_t now = poc_now_ms();
    double  share;

    if (session->told_ms ? now - session->told_ms >= TELL_MS : session->computed > 0) {
        take_rates(session, now);
        session->told_ms = now;
    } else if (session->told_checked == session->crew.checked) {
        return;
    }
    session->told_checked = session->crew.checked;
    share = session->computed ? (double)session->valid / (double)session->computed : 0;
    (void)snprintf(text, sizeof(text), "Generated: %" PRIu64 " / %" PRIu64 " (%.2f valid/min, %.2f raw/min)",
                   session->valid, session->computed, session->rate * 60 * share, session->rate * 60);
    if (session->phase == GENERATE)
        session_note(session, LOG_INFO, text);
    json = message("rate");
    (void)cJSON_AddNumberToObject(json, "computed", (double)session->computed);
    (void)cJSON_AddNumberToObject(json, "valid", (double)session->valid);
    (void)cJSON_AddNumberToObject(json, "nonces_per_second", session->rate);
    (void)cJSON_AddNumberToObject(json, "lanes", (double)session->crew.n);
    (void)cJSON_AddNumberToObject(json, "valid_per_second", session->rate * share);
    (void)cJSON_AddNumberToObject(json, "waited_share", session->waited);
    (void)cJSON_AddNumberToObject(json, "checked", (double)session->crew.checked);
    (void)cJSON_AddItemToObject(json, "heat", heat_of(&session->crew));
    tell(session, json);
}

void
session_tell_lost(struct session *session)
{
    size_t lost = 0;

    for (size_t i = 0; i < session->crew.n; i++)
        lost += session->crew.lanes[i].failure[0] != 0;
    if (lost == session->lost)
        return;
    session->lost = lost;
    for (size_t i = 0; i < session->crew.n; i++) {
        struct poc_crew_lane *lane = &session->crew.lanes[i];
        cJSON                *json;

        if (!lane->failure[0] || lane->told)
            continue;
        lane->told = 1;
        json = message("lost");
        (void)cJSON_AddNumberToObject(json, "device", lane->lane.device);
        (void)cJSON_AddStringToObject(json, "name", lane->info.name);
        (void)cJSON_AddStringToObject(json, "why", lane->failure);
        tell(session, json);
    }
}

void
session_tell_ready(struct session *session)
{
    if (session->told_ready)
        return;
    session->told_ready = 1;
    tell(session, message("ready"));
}

void
session_tell_idle(struct session *session)
{
    if (session->told_idle)
        return;
    session->told_idle = 1;
    tell(session, message("idle"));
}

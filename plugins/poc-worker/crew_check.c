/* crew_check.c: one nonce at a time, computed again on another path. */
#include "plugins/poc-worker/crew_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define PORTABLE "portable"
#define PATIENCE 6 /* times the limit of a lane: it has less of the processors */
#define SHARE 50   /* of the time is what a check may take */

static const char *
path_of(const struct poc_check *check)
{
    return check->is_plain ? "plain C" : "path " PORTABLE;
}

int
poc_check_fd(const struct poc_crew *crew)
{
    return crew->check.runs ? crew->check.lane.fd : -1;
}

void
poc_check_end(struct poc_crew *crew)
{
    if (crew->check.runs)
        poc_lane_end(&crew->check.lane);
    crew->check.runs = 0;
}

/* It is over; when is this lane's turn again? */
static void
finish(struct poc_crew *crew)
{
    struct poc_crew_lane *lane = &crew->lanes[crew->check.of];
    int64_t               now = poc_now_ms();
    int64_t               wait = crew->check_wait_ms > 0 ? crew->check_wait_ms : POC_CHECK_WAIT_MS;
    int64_t               share = (now - crew->check.begun_ms) * SHARE;

    poc_check_end(crew);
    lane->check_ms = now + (crew->check_wait_ms == 0 && share > wait ? share : wait);
}

/* A process of its own begins with the nonce. */
static int
start(struct poc_crew *crew, char *reterr, size_t reterr_len)
{
    struct poc_check    *check = &crew->check;
    struct poc_lane_spec spec = crew->spec;

    spec.device = check->is_plain ? POC_PLAIN : crew->lanes[check->of].lane.device;
    spec.path = check->is_plain ? NULL : PORTABLE;
    spec.max_batch = 1;
    spec.tune = 0;
    spec.measure = 0;
    spec.gentle = 1;
    check->heard_ms = poc_now_ms();
    check->runs = poc_lane_start(&spec, &check->lane, reterr, reterr_len) == 0;
    return check->runs ? 0 : -1;
}

/* This way of checking does not work: plain C does the same nonce, and without that the lane goes unchecked. */
static void
give_up(struct poc_crew *crew, const char *why)
{
    struct poc_check     *check = &crew->check;
    struct poc_crew_lane *lane = &crew->lanes[check->of];
    char                  text[1200];
    char                  next[256];

    for (;;) {
        (void)snprintf(text, sizeof(text), "its results cannot be checked on %s%s: %.1000s", path_of(check),
                       check->is_plain ? "" : ", plain C does it", why);
        poc_crew_note(crew, LOG_WARNING, lane, text);
        poc_check_end(crew);
        if (check->is_plain) {
            lane->unchecked = 1;
            return;
        }
        lane->check_plain = 1;
        check->is_plain = 1;
        if (start(crew, next, sizeof(next)) == 0)
            return;
        why = next;
    }
}

/* --- beginning -----------------------------------------------------------------------------------------------------
 */

void
poc_check_offer(struct poc_crew *crew, size_t of, const char *public_key, const int64_t *nonces,
                const double *distances, uint32_t n)
{
    struct poc_crew_lane *lane = &crew->lanes[of];
    struct poc_check     *check = &crew->check;
    int64_t               now = poc_now_ms();
    char                  why[256];

    if (!crew->checks || check->runs || n == 0 || now < lane->check_ms || lane->unchecked ||
        lane->lane.device == POC_PLAIN)
        return;
    *check = (struct poc_check){.is_plain = lane->check_plain || strcmp(lane->path, PORTABLE) == 0,
                                .of = of,
                                .nonce = nonces[(uint64_t)now % n],
                                .distance = distances[(uint64_t)now % n],
                                .has_key = public_key != NULL,
                                .begun_ms = now};
    (void)snprintf(check->key, sizeof(check->key), "%s", public_key ? public_key : "");
    if (start(crew, why, sizeof(why)) < 0)
        give_up(crew, why);
}

/* --- the answer ----------------------------------------------------------------------------------------------------
 */

static int
judge(struct poc_crew *crew, double distance, char *reterr, size_t reterr_len)
{
    const struct poc_check *check = &crew->check;
    struct poc_crew_lane   *lane = &crew->lanes[check->of];
    char                    text[200];

    if (!(fabs(distance - check->distance) <= POC_CHECK_TOLERANCE)) {
        (void)snprintf(reterr, reterr_len,
                       "%s computes wrong: nonce %" PRId64 " is %.7f on path %s and %.7f on %s: it is taken out, and "
                       "proofs of it since the last check may be wrong; look at its clocks, memory and driver",
                       lane->info.name[0] ? lane->info.name : "it", check->nonce, check->distance,
                       lane->path[0] ? lane->path : "of its own", distance, path_of(check));
        return 1;
    }
    if (lane->checked++ == 0) {
        (void)snprintf(text, sizeof(text),
                       "a nonce was computed again on %s and agrees; this goes on from time to time", path_of(check));
        poc_crew_note(crew, LOG_INFO, lane, text);
    }
    crew->checked++;
    return 0;
}

int
poc_check_hear(struct poc_crew *crew, struct poc_lane_message *news, size_t *ret_of, char *reterr, size_t reterr_len)
{
    struct poc_check *check = &crew->check;
    int               wrong = 0;

    if (check->runs && crew->lanes[check->of].lane.fd < 0)
        poc_check_end(crew); /* whose nonce it was is gone */
    while (check->runs && poc_lane_read(&check->lane, 0, -1, news) == 1) {
        check->heard_ms = poc_now_ms();
        if (news->news == POC_LANE_READY) {
            (void)poc_lane_ask(&check->lane, check->has_key ? check->key : NULL, &check->nonce, 1);
        } else if (news->news == POC_LANE_DISTANCES) {
            *ret_of = check->of;
            wrong = judge(crew, news->distances[0], reterr, reterr_len);
            finish(crew);
        } else if (news->news == POC_LANE_FAILED) {
            give_up(crew, news->text);
        }
    }
    if (check->runs && poc_now_ms() - check->heard_ms >= (int64_t)crew->answer_ms * PATIENCE)
        give_up(crew, "no answer within its time");
    return wrong;
}

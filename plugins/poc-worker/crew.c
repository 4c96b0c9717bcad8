/* crew.c: handing nonces out to lanes. */
#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/crew_check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define PIECE_SECONDS 2.0

/* One list of nonces under way. */
struct hand_out {
    struct poc_crew *crew;
    const char      *public_key;
    const int64_t   *nonces;
    double          *ret;
    size_t           n;
    size_t           next;                   /* the first that was never given out */
    size_t           returned[POC_CREW_MAX]; /* first and count of what failed lanes left */
    size_t           returned_n[POC_CREW_MAX];
    size_t           n_returned;
    size_t           done;
    int64_t          budget_ms; /* 0: none */
    int64_t          stop_ms;   /* 0: the clock has not begun */
};

int64_t
poc_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
poc_crew_note(const struct poc_crew *crew, unsigned level, const struct poc_crew_lane *lane, const char *text)
{
    char line[1200];

    if (!crew->note)
        return;
    if (lane->lane.device == POC_PLAIN)
        (void)snprintf(line, sizeof(line), "plain C: %s", text);
    else
        (void)snprintf(line, sizeof(line), "device %d: %s", lane->lane.device, text);
    crew->note(crew->userdata, level, line);
}

int
poc_crew_start(struct poc_crew *crew, const struct poc_lane_spec *spec, const int *devices, size_t n, char *reterr,
               size_t reterr_len)
{
    size_t started = 0;

    crew->spec = *spec;
    crew->n = n < POC_CREW_MAX ? n : POC_CREW_MAX;
    for (size_t i = 0; i < crew->n; i++) {
        struct poc_crew_lane *lane = &crew->lanes[i];
        struct poc_lane_spec  own = *spec;

        own.device = devices[i];
        lane->asked_ms = poc_now_ms();
        if (poc_lane_start(&own, &lane->lane, lane->failure, sizeof(lane->failure)) == 0)
            started++;
        else
            (void)snprintf(reterr, reterr_len, "%s", lane->failure);
    }
    return started > 0 ? 0 : -1;
}

/* --- handing out ---------------------------------------------------------------------------------------------------
 */

/* The next piece of work: what a failed lane left first. 0: there is none. */
static size_t
take_piece(struct hand_out *hand, size_t most, size_t *ret_first)
{
    size_t n;

    if (hand->n_returned > 0) {
        hand->n_returned--;
        *ret_first = hand->returned[hand->n_returned];
        return hand->returned_n[hand->n_returned];
    }
    if (hand->budget_ms && !hand->stop_ms)
        hand->stop_ms = poc_now_ms() + hand->budget_ms;
    if (hand->stop_ms && poc_now_ms() >= hand->stop_ms)
        return 0;
    n = hand->n - hand->next < most ? hand->n - hand->next : most;
    *ret_first = hand->next;
    hand->next += n;
    return n;
}

/* Some seconds of work, in whole batches: a lane makes the next batch's inputs while it computes, and progress is seen.
 */
static size_t
good_piece(const struct poc_crew_lane *lane)
{
    size_t batches = 1;

    if (lane->done > 0 && lane->seconds > 0)
        batches = (size_t)((double)lane->done / lane->seconds * PIECE_SECONDS / lane->max_batch);
    if (batches * lane->max_batch > POC_LANE_NONCES)
        batches = POC_LANE_NONCES / lane->max_batch;
    return (batches > 0 ? batches : 1) * lane->max_batch;
}

static void
give_work(struct hand_out *hand, struct poc_crew_lane *lane)
{
    size_t first;
    size_t n = take_piece(hand, good_piece(lane), &first);

    if (n == 0)
        return;
    lane->first = first;
    lane->asked_ms = poc_now_ms();
    (void)poc_lane_ask(&lane->lane, hand->public_key, hand->nonces + first,
                       (uint32_t)n); /* a dead lane's last news say it */
}

static void
lane_failed(struct hand_out *hand, struct poc_crew_lane *lane, const char *why)
{
    (void)snprintf(lane->failure, sizeof(lane->failure), "%s", why);
    lane->ready = 0;
    if (lane->lane.n > 0 && !lane->stale) {
        hand->returned[hand->n_returned] = lane->first;
        hand->returned_n[hand->n_returned++] = lane->lane.n;
    }
    lane->lane.n = 0;
    lane->stale = 0;
    poc_crew_note(hand->crew, LOG_ERR, lane, why);
}

static void
take_news(struct hand_out *hand, struct poc_crew_lane *lane, const struct poc_lane_message *news)
{
    switch (news->news) {
    case POC_LANE_NOTE:
        lane->asked_ms = poc_now_ms(); /* it lives */
        poc_crew_note(hand->crew, LOG_INFO, lane, news->text);
        return;
    case POC_LANE_READY:
        lane->ready = 1;
        lane->info = news->info;
        lane->work_memory = news->work_memory;
        lane->peak = news->peak;
        lane->core_peak = news->core_peak;
        lane->max_batch = news->max_batch > 0 && news->max_batch <= POC_LANE_NONCES ? news->max_batch : 1;
        (void)snprintf(lane->path, sizeof(lane->path), "%s", news->path);
        (void)snprintf(lane->options, sizeof(lane->options), "%.150s", news->text);
        give_work(hand, lane);
        return;
    case POC_LANE_DISTANCES:
        if (lane->stale) {
            lane->stale = 0;
            give_work(hand, lane);
            return;
        }
        memcpy(hand->ret + lane->first, news->distances, news->n * sizeof(*news->distances));
        poc_check_offer(hand->crew, (size_t)(lane - hand->crew->lanes), hand->public_key, hand->nonces + lane->first,
                        news->distances, news->n);
        hand->done += news->n;
        lane->done += news->n;
        lane->seconds += news->seconds;
        lane->waited += news->waited;
        lane->processor += news->processor;
        memcpy(lane->stages, news->stages, sizeof(lane->stages));
        lane->operations = news->operations;
        if (hand->crew->progress)
            hand->crew->progress(hand->crew->userdata, hand->done, hand->n);
        give_work(hand, lane);
        return;
    default:
        lane_failed(hand, lane, news->text);
    }
}

/* --- waiting -------------------------------------------------------------------------------------------------------
 */

/* Lanes that have been silent for too long are ended. */
static void
end_silent(struct hand_out *hand)
{
    int64_t now = poc_now_ms();

    for (size_t i = 0; i < hand->crew->n; i++) {
        struct poc_crew_lane *lane = &hand->crew->lanes[i];
        char                  why[200];

        if (lane->lane.fd < 0 || (lane->ready && lane->lane.n == 0) || now - lane->asked_ms < hand->crew->answer_ms)
            continue;
        poc_lane_end(&lane->lane);
        (void)snprintf(why, sizeof(why),
                       "it has not answered within %d s and was ended: the card or its driver hangs, or "
                       "device_timeout is too short for this model",
                       hand->crew->answer_ms / 1000);
        lane_failed(hand, lane, why);
    }
}

/* Waits until a lane has news, at most a second. How many lanes are busy or getting ready; -1 cancelled. */
static int
wait_news(struct hand_out *hand)
{
    struct pollfd pollers[POC_CREW_MAX + 2];
    nfds_t        n = 0;

    for (size_t i = 0; i < hand->crew->n; i++) {
        const struct poc_crew_lane *lane = &hand->crew->lanes[i];

        if (lane->lane.fd >= 0 && (!lane->ready || lane->lane.n > 0) && !(lane->stale && hand->done == hand->n))
            pollers[n++] = (struct pollfd){.fd = lane->lane.fd, .events = POLLIN};
    }
    if (n == 0)
        return 0;
    pollers[n] = (struct pollfd){.fd = hand->crew->cancel_fd, .events = POLLIN};
    pollers[n + 1] = (struct pollfd){.fd = poc_check_fd(hand->crew), .events = POLLIN};
    (void)poll(pollers, n + 2, 1000);
    return pollers[n].revents ? -1 : (int)n;
}

/* What all lanes have told meanwhile. */
static void
read_news(struct hand_out *hand, struct poc_lane_message *news)
{
    for (size_t i = 0; i < hand->crew->n; i++) {
        struct poc_crew_lane *lane = &hand->crew->lanes[i];

        while (lane->lane.fd >= 0 && poc_lane_read(&lane->lane, 0, -1, news) == 1)
            take_news(hand, lane, news);
    }
}

/* A lane that computes wrong goes, and with it all of this list: who computed which of it is not asked. */
static void
read_check(struct hand_out *hand, struct poc_lane_message *news)
{
    struct poc_crew      *crew = hand->crew;
    struct poc_crew_lane *lane;
    char                  why[sizeof(lane->failure)];
    size_t                of;

    if (poc_check_hear(crew, news, &of, why, sizeof(why)) == 0)
        return;
    lane = &crew->lanes[of];
    crew->wrong++;
    poc_lane_end(&lane->lane);
    lane_failed(hand, lane, why);
    hand->next = 0;
    hand->done = 0;
    hand->n_returned = 0;
    for (size_t i = 0; i < crew->n; i++)
        crew->lanes[i].stale = crew->lanes[i].lane.n > 0;
}

/* Lanes that were ready before get their first piece; work that came back goes to whoever is idle. */
static void
employ_idle(struct hand_out *hand)
{
    for (size_t i = 0; i < hand->crew->n; i++)
        if (hand->crew->lanes[i].lane.fd >= 0 && hand->crew->lanes[i].ready && hand->crew->lanes[i].lane.n == 0)
            give_work(hand, &hand->crew->lanes[i]);
}

static void
explain_loss(const struct poc_crew *crew, char *reterr, size_t reterr_len)
{
    size_t used = (size_t)snprintf(reterr, reterr_len, "no device is left to compute on");

    for (size_t i = 0; i < crew->n && used < reterr_len; i++)
        if (crew->lanes[i].failure[0])
            used += (size_t)snprintf(reterr + used, reterr_len - used, "; device %d: %s", crew->lanes[i].lane.device,
                                     crew->lanes[i].failure);
}

int
poc_crew_compute(struct poc_crew *crew, const char *public_key, const int64_t *nonces, size_t n, double *ret,
                 int64_t budget_ms, size_t *ret_n, char *reterr, size_t reterr_len)
{
    struct hand_out hand = {
        .crew = crew, .public_key = public_key, .nonces = nonces, .ret = ret, .n = n, .budget_ms = budget_ms};
    struct poc_lane_message *news = malloc(sizeof(*news));
    int                      busy;
    int                      r = 0;

    if (!news) {
        (void)snprintf(reterr, reterr_len, "out of memory");
        return -EIO;
    }
    for (;;) {
        employ_idle(&hand);
        busy = wait_news(&hand);
        if (busy <= 0)
            break;
        read_news(&hand, news);
        read_check(&hand, news);
        end_silent(&hand);
    }
    free(news);
    if (ret_n)
        *ret_n = hand.done;
    if (busy < 0) {
        for (size_t i = 0; i < crew->n; i++)
            crew->lanes[i].stale = crew->lanes[i].lane.n > 0;
        r = -ECANCELED;
    } else if (hand.done < hand.n && !(budget_ms && hand.n_returned == 0 && hand.done == hand.next && hand.done > 0)) {
        explain_loss(crew, reterr, reterr_len);
        r = -EIO;
    }
    return r;
}

void
poc_crew_end(struct poc_crew *crew)
{
    poc_check_end(crew);
    for (size_t i = 0; i < crew->n; i++)
        poc_lane_end(&crew->lanes[i].lane);
    crew->n = 0;
}

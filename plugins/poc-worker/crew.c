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

#define PIECE_SECONDS 1.0
#define NEWS_MAX 16 /* of one lane before the others are heard */

/* One call under way. */
struct hand_out {
    struct poc_crew            *crew;
    const struct poc_crew_work *work;
    int64_t                     stop_ms; /* when the budget is over; 0: it has not begun */
    int                         has_taken;
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
        lane->heard_ms = poc_now_ms();
        if (poc_lane_start(&own, &lane->lane, lane->failure, sizeof(lane->failure)) == 0)
            started++;
        else
            (void)snprintf(reterr, reterr_len, "%s", lane->failure);
    }
    return started > 0 ? 0 : -1;
}

/* --- handing out ---------------------------------------------------------------------------------------------------
 */

static int
is_over_budget(struct hand_out *hand)
{
    if (hand->work->budget_ms == 0)
        return 0;
    if (hand->stop_ms == 0)
        hand->stop_ms = poc_now_ms() + hand->work->budget_ms;
    return poc_now_ms() >= hand->stop_ms;
}

/* A second of work, in whole batches: it has the next one, too, and progress is seen. */
static uint32_t
good_piece(const struct poc_crew_lane *lane)
{
    uint32_t most = POC_LANE_NONCES / lane->max_batch;
    double   batches = 1;

    if (lane->done > 0 && lane->seconds > 0)
        batches = (double)lane->done / lane->seconds * PIECE_SECONDS / lane->max_batch;
    return (batches < 1 ? 1 : batches < most ? (uint32_t)batches : most) * lane->max_batch;
}

/* Is there so much left that a lane may have a second piece, and leave none of the others without? */
static int
is_plenty(const struct hand_out *hand, uint32_t piece)
{
    return poc_pieces_rest(hand->work->pieces) > (int64_t)(piece * hand->crew->n);
}

/* Gives it what it has hands for. */
static void
give_work(struct hand_out *hand, struct poc_crew_lane *lane)
{
    const struct poc_crew_work *work = hand->work;
    int64_t                     nonces[POC_LANE_NONCES];
    uint32_t                    piece = good_piece(lane);

    while (lane->lane.n_open < POC_LANE_QUESTIONS && (lane->lane.n_open == 0 || is_plenty(hand, piece)) &&
           !is_over_budget(hand)) {
        int64_t *first = &lane->first[lane->lane.n_open];
        uint32_t n = poc_pieces_take(work->pieces, piece, first);

        if (n == 0)
            return;
        for (uint32_t i = 0; i < n; i++)
            nonces[i] = work->nonce(work->userdata, *first + i);
        if (lane->lane.n_open == 0)
            lane->heard_ms = poc_now_ms();
        if (poc_lane_ask(&lane->lane, work->public_key, nonces, n) < 0) { /* its last news say why */
            poc_pieces_back(work->pieces, *first);
            return;
        }
    }
}

/* The answers that are still to come are nobody's any more. */
static void
give_up_all(struct hand_out *hand)
{
    poc_pieces_all_back(hand->work->pieces);
    for (size_t i = 0; i < hand->crew->n; i++)
        hand->crew->lanes[i].stale = hand->crew->lanes[i].lane.n_open;
}

static void
lane_failed(struct hand_out *hand, struct poc_crew_lane *lane, const char *why)
{
    (void)snprintf(lane->failure, sizeof(lane->failure), "%s", why);
    lane->ready = 0;
    for (unsigned i = lane->stale; i < lane->lane.n_open; i++)
        poc_pieces_back(hand->work->pieces, lane->first[i]);
    lane->lane.n_open = 0;
    lane->stale = 0;
    poc_crew_note(hand->crew, LOG_ERR, lane, why);
}

/* --- news ----------------------------------------------------------------------------------------------------------
 */

/* The lines that operators of the network's own node look for: its groups of cards are single devices here. */
static void
note_ready(const struct poc_crew *crew, const struct poc_crew_lane *lane)
{
    const int device = lane->lane.device;
    char      text[400];

    if (device == POC_PLAIN)
        return;
    (void)snprintf(text, sizeof(text), "GpuGroup(devices=[%d], primary=%d) (VRAM: %.1fGB): %s, path %s", device, device,
                   (double)lane->info.memory / (1u << 30), lane->info.name, lane->path);
    poc_crew_note(crew, LOG_INFO, lane, text);
    (void)snprintf(text, sizeof(text), "Using batch size: %u for GPU group [%d]", lane->max_batch, device);
    poc_crew_note(crew, LOG_INFO, lane, text);
}

static void
take_ready(struct poc_crew_lane *lane, const struct poc_lane_message *news)
{
    lane->ready = 1;
    lane->info = news->info;
    lane->work_memory = news->work_memory;
    lane->peak = news->peak;
    lane->core_peak = news->core_peak;
    lane->celsius = news->celsius;
    lane->max_batch = news->max_batch > 0 && news->max_batch <= POC_LANE_NONCES ? news->max_batch : 1;
    (void)snprintf(lane->path, sizeof(lane->path), "%s", news->path);
    (void)snprintf(lane->options, sizeof(lane->options), "%.150s", news->text);
}

static void
take_distances(struct hand_out *hand, struct poc_crew_lane *lane, const struct poc_lane_message *news)
{
    const struct poc_crew_work *work = hand->work;
    int64_t                     nonces[POC_LANE_NONCES];
    int64_t                     first = lane->first[0];

    memmove(lane->first, lane->first + 1, lane->lane.n_open * sizeof(*lane->first));
    if (lane->stale > 0) {
        lane->stale--;
        return;
    }
    lane->celsius = news->celsius;
    lane->done += news->n;
    lane->seconds += news->seconds;
    lane->waited += news->waited;
    lane->processor += news->processor;
    memcpy(lane->stages, news->stages, sizeof(lane->stages));
    lane->operations = news->operations;
    for (uint32_t i = 0; i < news->n; i++)
        nonces[i] = work->nonce(work->userdata, first + i);
    poc_check_offer(hand->crew, (size_t)(lane - hand->crew->lanes), work->public_key, nonces, news->distances, news->n);
    poc_pieces_done(work->pieces, first);
    work->take(work->userdata, first, news->distances, news->n);
    hand->has_taken = 1;
}

static void
take_news(struct hand_out *hand, struct poc_crew_lane *lane, const struct poc_lane_message *news)
{
    lane->heard_ms = poc_now_ms();
    if (news->news == POC_LANE_NOTE) {
        poc_crew_note(hand->crew, LOG_INFO, lane, news->text);
    } else if (news->news == POC_LANE_FAILED) {
        lane_failed(hand, lane, news->text);
    } else {
        if (news->news == POC_LANE_READY) {
            take_ready(lane, news);
            note_ready(hand->crew, lane);
        } else {
            take_distances(hand, lane, news);
        }
        give_work(hand, lane);
    }
}

/* What all lanes have told meanwhile. */
static void
read_news(struct hand_out *hand, struct poc_lane_message *news)
{
    for (size_t i = 0; i < hand->crew->n; i++) {
        struct poc_crew_lane *lane = &hand->crew->lanes[i];

        for (int n = 0; n < NEWS_MAX && lane->lane.fd >= 0 && poc_lane_read(&lane->lane, 0, -1, news) == 1; n++)
            take_news(hand, lane, news);
    }
}

/* A lane that computes wrong goes. 1: one went. */
static int
read_check(struct hand_out *hand, struct poc_lane_message *news)
{
    struct poc_crew      *crew = hand->crew;
    struct poc_crew_lane *lane;
    char                  why[sizeof(lane->failure)];
    size_t                of;

    if (poc_check_hear(crew, news, &of, why, sizeof(why)) == 0)
        return 0;
    lane = &crew->lanes[of];
    crew->wrong++;
    poc_lane_end(&lane->lane);
    lane_failed(hand, lane, why);
    return 1;
}

/* --- waiting -------------------------------------------------------------------------------------------------------
 */

/* It is getting ready, or works on something that is still wanted. */
static int
is_awaited(const struct poc_crew_lane *lane)
{
    return lane->lane.fd >= 0 && (!lane->ready || lane->lane.n_open > lane->stale);
}

/* Lanes that have been silent for too long are ended. */
static void
end_silent(struct hand_out *hand)
{
    int64_t now = poc_now_ms();

    for (size_t i = 0; i < hand->crew->n; i++) {
        struct poc_crew_lane *lane = &hand->crew->lanes[i];
        char                  why[200];

        if (lane->lane.fd < 0 || (lane->ready && lane->lane.n_open == 0) ||
            now - lane->heard_ms < hand->crew->answer_ms)
            continue;
        poc_lane_end(&lane->lane);
        (void)snprintf(why, sizeof(why),
                       "it has not answered within %d s and was ended: the card or its driver hangs, or "
                       "device_timeout is too short for this model",
                       hand->crew->answer_ms / 1000);
        lane_failed(hand, lane, why);
    }
}

/* Waits until a lane has news, at most a second. 1; 0: there is nobody to wait for; -1 cancelled. */
static int
wait_news(struct hand_out *hand)
{
    struct pollfd pollers[POC_CREW_MAX + 2];
    nfds_t        n = 0;
    int           awaited = 0;

    for (size_t i = 0; i < hand->crew->n; i++) {
        const struct poc_crew_lane *lane = &hand->crew->lanes[i];

        awaited |= is_awaited(lane) || (lane->stale > 0 && poc_pieces_rest(hand->work->pieces) > 0);
        pollers[n++] = (struct pollfd){.fd = lane->lane.fd, .events = POLLIN};
    }
    if (!awaited)
        return 0;
    pollers[n] = (struct pollfd){.fd = hand->crew->cancel_fd, .events = POLLIN};
    pollers[n + 1] = (struct pollfd){.fd = poc_check_fd(hand->crew), .events = POLLIN};
    (void)poll(pollers, n + 2, 1000);
    return pollers[n].revents ? -1 : 1;
}

/* Lanes that were ready before get their first piece; work that came back goes to whoever is idle. */
static void
employ_idle(struct hand_out *hand)
{
    for (size_t i = 0; i < hand->crew->n; i++)
        if (hand->crew->lanes[i].lane.fd >= 0 && hand->crew->lanes[i].ready)
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

/* --- a list --------------------------------------------------------------------------------------------------------
 */

static int
end_work(struct hand_out *hand, char *reterr, size_t reterr_len)
{
    const struct poc_pieces *pieces = hand->work->pieces;

    if (pieces->n_open == 0 && (pieces->next == pieces->end || (hand->work->budget_ms && hand->has_taken)))
        return 0;
    explain_loss(hand->crew, reterr, reterr_len);
    return -EIO;
}

int
poc_crew_work(struct poc_crew *crew, const struct poc_crew_work *work, char *reterr, size_t reterr_len)
{
    struct hand_out          hand = {.crew = crew, .work = work};
    struct poc_lane_message *news = malloc(sizeof(*news));
    int                      r = 0;

    if (!news) {
        (void)snprintf(reterr, reterr_len, "out of memory");
        return -EIO;
    }
    for (;;) {
        int awaited;

        employ_idle(&hand);
        awaited = wait_news(&hand);
        if (awaited <= 0) {
            r = awaited < 0 ? -ECANCELED : end_work(&hand, reterr, reterr_len);
            break;
        }
        read_news(&hand, news);
        r = read_check(&hand, news);
        end_silent(&hand);
        if (r == 0 && work->turn && work->turn(work->userdata) != 0)
            r = -ECANCELED;
        if (r != 0)
            break;
    }
    free(news);
    give_up_all(&hand);
    return r;
}

/* Nonces in an array, distances to another. */
struct listed {
    struct poc_crew *crew;
    const int64_t   *nonces;
    double          *ret;
    size_t           n;
    size_t           done;
};

static int64_t
listed_nonce(void *userdata, int64_t place)
{
    return ((const struct listed *)userdata)->nonces[place];
}

static void
take_listed(void *userdata, int64_t first, const double *distances, uint32_t n)
{
    struct listed *list = userdata;

    memcpy(list->ret + first, distances, n * sizeof(*distances));
    list->done += n;
    if (list->crew->progress)
        list->crew->progress(list->crew->userdata, list->done, list->n);
}

int
poc_crew_compute(struct poc_crew *crew, const char *public_key, const int64_t *nonces, size_t n, double *ret,
                 int64_t budget_ms, size_t *ret_n, char *reterr, size_t reterr_len)
{
    struct poc_pieces    pieces;
    struct listed        list = {.crew = crew, .nonces = nonces, .ret = ret, .n = n};
    struct poc_crew_work work = {.public_key = public_key,
                                 .pieces = &pieces,
                                 .budget_ms = budget_ms,
                                 .nonce = listed_nonce,
                                 .take = take_listed,
                                 .userdata = &list};
    int                  r;

    do { /* all of it again when a lane was wrong: who computed which is not asked */
        pieces = (struct poc_pieces){.end = (int64_t)n};
        list.done = 0;
        r = poc_crew_work(crew, &work, reterr, reterr_len);
    } while (r == 1);
    if (ret_n)
        *ret_n = list.done;
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

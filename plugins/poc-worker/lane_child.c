/* lane_child.c: the device's side of a lane. */
#include "plugins/poc-worker/lane_child.h"

#include "plugins/poc-worker/heat.h"
#include "plugins/poc-worker/peak.h"
#include "plugins/poc-worker/selftest.h"
#include "plugins/poc-worker/tune.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAT_SECONDS 5 /* between looks how hot the card is */

struct child {
    const struct poc_lane_spec *spec;
    int                         fd;
    struct poc_device           device;
    struct poc_path             path;
    struct poc_heat             heat;
    double                      heat_time; /* of the last look */
    struct poc_prover          *prover;
    struct poc_lane_question    question; /* worked on */
    struct poc_lane_question    next;     /* worked on after it, if has_next */
    int                         has_next;
    unsigned                    slot;     /* of the prover: inputs that are computed next */
    int                         is_ahead; /* 1: those of the question's first batch are there already */
    struct poc_lane_message     message;  /* built here, it is large */
};

static double
seconds_of(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double
seconds_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static int
tell(struct child *child, enum poc_lane_news news)
{
    child->message.news = news;
    return send(child->fd, &child->message, sizeof(child->message), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void
note(void *userdata, const char *text)
{
    struct child *child = userdata;

    (void)snprintf(child->message.text, sizeof(child->message.text), "%s", text);
    (void)tell(child, POC_LANE_NOTE);
}

static int
fail(struct child *child, const char *why)
{
    (void)snprintf(child->message.text, sizeof(child->message.text), "%s", why);
    (void)tell(child, POC_LANE_FAILED);
    return -1;
}

static void
look_at_heat(struct child *child)
{
    double now = seconds_now();

    if (now - child->heat_time < HEAT_SECONDS)
        return;
    child->heat_time = now;
    child->message.celsius = poc_heat_read(&child->heat);
}

/* --- getting ready -------------------------------------------------------------------------------------------------
 */

static int
open_device(struct child *child)
{
    const struct poc_lane_spec *spec = child->spec;
    char                        why[1024] = "";

    if (spec->device == POC_PLAIN) {
        (void)snprintf(child->message.path, sizeof(child->message.path), "plain");
        (void)snprintf(child->message.info.name, sizeof(child->message.info.name), "plain C, one thread");
        return 0;
    }
    if (poc_device_open((unsigned)spec->device, spec->cache_dir, &child->device, why, sizeof(why)) < 0)
        return fail(child, why);
    child->message.info = child->device.info;
    if (poc_selftest_choose(&child->device, spec->path, &child->path, note, child, why, sizeof(why)) < 0)
        return fail(child, why);
    if (spec->tune && spec->work.block_hash)
        poc_tune(&child->device, &spec->work.params, &child->path, note, child);
    (void)snprintf(child->message.path, sizeof(child->message.path), "%s", child->path.name);
    return 0;
}

/* A batch that keeps the device busy and fits: a processor wants its registers full, a card all of its units. */
static uint32_t
good_batch(const struct child *child)
{
    const struct poc_params *params = &child->spec->work.params;
    uint32_t                 batch = 1;
    uint32_t                 columns = child->device.info.is_cpu ? 256 : 16384;
    uint64_t                 room = child->device.info.memory / 10 * 8;
    uint64_t                 pool = poc_pool_size(params) * sizeof(uint16_t);

    if (child->spec->device == POC_PLAIN)
        return 1;
    while (batch < POC_LANE_NONCES && 2 * batch * params->seq_len <= columns &&
           pool + poc_engine_work_memory(&child->path, params, 2 * batch) <= room)
        batch *= 2;
    return batch;
}

static void
measure_peak(struct child *child)
{
    char   why[1024];
    double peak = poc_peak(&child->device, &child->path, &child->message.core_peak, why, sizeof(why));

    if (peak < 0)
        note(child, why);
    child->message.peak = peak > 0 ? peak : 0;
}

static int
get_ready(struct child *child)
{
    const struct poc_lane_spec *spec = child->spec;
    const int                   plain = spec->device == POC_PLAIN;
    const uint32_t              wanted = spec->max_batch;
    char                        why[1024] = "";

    if (open_device(child) < 0)
        return -1;
    if (spec->work.block_hash) {
        if (poc_prover_make(&spec->work, plain ? NULL : &child->device, &child->path,
                            wanted ? wanted : good_batch(child), &child->prover, why, sizeof(why)) < 0)
            return fail(child, why);
        child->message.max_batch = poc_prover_max_batch(child->prover);
        if (!plain) {
            child->message.work_memory =
                poc_engine_work_memory(&child->path, &spec->work.params, poc_prover_max_batch(child->prover));
            poc_engine_measure(poc_prover_engine(child->prover), spec->measure);
            if (spec->measure)
                measure_peak(child);
        }
    }
    if (!plain && !spec->gentle)
        poc_heat_open(&child->device.info, POC_HEAT_ROOT, POC_HEAT_NVML, &child->heat);
    child->message.celsius = poc_heat_read(&child->heat);
    (void)snprintf(child->message.text, sizeof(child->message.text), "%s", child->path.options);
    return tell(child, POC_LANE_READY);
}

/* --- questions -----------------------------------------------------------------------------------------------------
 */

/* The next one, waited for if need be. 0, or -1: nobody asks any more. */
static int
next_question(struct child *child)
{
    ssize_t got;

    if (child->has_next) {
        child->question = child->next;
        child->has_next = 0;
        return 0;
    }
    while ((got = recv(child->fd, &child->question, sizeof(child->question), 0)) < 0 && errno == EINTR)
        continue;
    return got > 0 ? 0 : -1;
}

static const char *
key_of(const struct child *child, const struct poc_lane_question *question)
{
    return question->has_key ? question->key : child->spec->work.public_key;
}

/* Has another one come, about the same key, so that its inputs can be made in advance? */
static int
look_ahead(struct child *child)
{
    if (!child->has_next)
        child->has_next = recv(child->fd, &child->next, sizeof(child->next), MSG_DONTWAIT) > 0;
    return child->has_next && strcmp(key_of(child, &child->question), key_of(child, &child->next)) == 0;
}

/* --- work ----------------------------------------------------------------------------------------------------------
 */

/* Inputs of the next batch, of this question or the one after it, are made on a thread while the device is busy. */
struct ahead {
    struct poc_prover *prover;
    const int64_t     *nonces;
    uint32_t           n; /* 0: there is none */
    unsigned           slot;
    int                r;
};

static void *
prepare_ahead(void *userdata)
{
    struct ahead *ahead = userdata;

    ahead->r = poc_prover_prepare(ahead->prover, ahead->slot, ahead->nonces, ahead->n);
    return NULL;
}

static uint32_t
lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What comes after the first `done` nonces of the question. */
static struct ahead
batch_after(struct child *child, uint32_t done)
{
    uint32_t     batch = poc_prover_max_batch(child->prover);
    struct ahead ahead = {.prover = child->prover, .slot = 1 - child->slot};

    if (done < child->question.n) {
        ahead.nonces = child->question.nonces + done;
        ahead.n = lesser(child->question.n - done, batch);
    } else if (look_ahead(child)) {
        ahead.nonces = child->next.nonces;
        ahead.n = lesser(child->next.n, batch);
    }
    return ahead;
}

/* The batch whose inputs are there, while those of the next are made. 0 or -1; *ret_ahead: is there a next? */
static int
compute(struct child *child, uint32_t done, int *ret_ahead, char *why, size_t len)
{
    struct ahead ahead = batch_after(child, lesser(child->question.n, done + poc_prover_max_batch(child->prover)));
    pthread_t    thread;
    int          threaded = 0;
    int          r;

    if (ahead.n > 0) {
        threaded = pthread_create(&thread, NULL, prepare_ahead, &ahead) == 0;
        if (!threaded)
            (void)prepare_ahead(&ahead);
    }
    r = poc_prover_compute(child->prover, child->slot, child->message.distances + done, NULL, NULL, why, len);
    if (threaded) {
        double waiting = seconds_now();

        (void)pthread_join(thread, NULL);
        child->message.waited += seconds_now() - waiting;
    }
    if (r == 0 && ahead.r < 0)
        (void)snprintf(why, len, "out of memory");
    child->slot = ahead.slot;
    *ret_ahead = ahead.n > 0;
    return r == 0 && ahead.r == 0 ? 0 : -1;
}

/* All of the question's nonces in batches. */
static int
answer(struct child *child)
{
    uint32_t batch = poc_prover_max_batch(child->prover);
    uint32_t n = child->question.n;
    double   begun = seconds_now();
    double   processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    char     why[1024] = "";

    child->message.waited = 0;
    poc_prover_set_key(child->prover, key_of(child, &child->question));
    if (!child->is_ahead) {
        if (poc_prover_prepare(child->prover, child->slot, child->question.nonces, lesser(n, batch)) < 0)
            return fail(child, "out of memory");
        child->message.waited = seconds_now() - begun;
    }
    for (uint32_t done = 0; done < n; done += batch)
        if (compute(child, done, &child->is_ahead, why, sizeof(why)) < 0)
            return fail(child, why);
    child->message.seconds = seconds_now() - begun;
    child->message.processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    child->message.n = n;
    look_at_heat(child);
    if (poc_prover_engine(child->prover))
        poc_engine_measured(poc_prover_engine(child->prover), child->message.stages, &child->message.operations);
    return tell(child, POC_LANE_DISTANCES);
}

void
lane_child(const struct poc_lane_spec *spec, int fd)
{
    struct child *child = calloc(1, sizeof(*child));

    if (!child)
        return;
    child->spec = spec;
    child->fd = fd;
    if (get_ready(child) < 0)
        return;
    while (next_question(child) == 0 && answer(child) == 0)
        continue;
    poc_heat_close(&child->heat);
}

/* session.c: generating and validating. */
#include "plugins/poc-worker/session_parts.h"

#include "plugins/poc-worker/letter_body.h"
#include "plugins/poc-worker/message.h"
#include "plugins/poc-worker/pool.h"
#include "plugins/poc-worker/queue.h"

#include "kit/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>

#define RETRY_MS 5000 /* after what could not be kept */

/* --- words from the parent -----------------------------------------------------------------------------------------
 */

static void
take_order(struct session *session, const cJSON *json)
{
    const char *op = ga_json_str(json, "op");
    const char *phase = ga_json_str(json, "phase");
    char        text[64];

    session->told_idle = 0;
    if (op && strcmp(op, "phase") == 0 && phase) {
        session->phase = strcmp(phase, "generate") == 0 ? GENERATE : strcmp(phase, "validate") == 0 ? VALIDATE : IDLE;
        (void)snprintf(text, sizeof(text), "Phase changed to: %d", (int)session->phase);
        session_note(session, LOG_INFO, text);
    }
}

/* Takes all orders that are there; waits at most wait_ms for the first. */
static void
take_orders(struct session *session, int wait_ms)
{
    struct pollfd poller = {.fd = session->fd, .events = POLLIN};

    while (!session->over && poll(&poller, 1, wait_ms) == 1) {
        cJSON *json = NULL;

        if (message_receive(session->fd, &json) < 0)
            session->over = 1;
        else
            take_order(session, json);
        cJSON_Delete(json);
        wait_ms = 0;
    }
}

/* --- getting ready -------------------------------------------------------------------------------------------------
 */

/* Another model or another target makes other proofs of the same nonces. */
char *
session_key_of(const struct poc_init *init)
{
    cJSON *json = message_of_init(init);
    char  *text;
    char  *key = NULL;

    cJSON_DeleteItemFromObject(json, "batch_size"); /* these change no proof */
    cJSON_DeleteItemFromObject(json, "fraud_threshold");
    text = json ? ga_json_print(json) : NULL;
    if (text && asprintf(&key, "next|%" PRId64 "|%s", init->block_height, text) < 0)
        key = NULL;
    free(text);
    cJSON_Delete(json);
    return key;
}

/* Where this request left off: a nonce is proved once, whatever was killed in between. */
static int
find_progress(struct session *session, char *why, size_t why_len)
{
    char *kept;

    session->key = session_key_of(session->init);
    if (!session->key) {
        (void)snprintf(why, why_len, "out of memory");
        return -1;
    }
    if (poc_queue_get_progress(session->queue, session->key, &kept, why, why_len) < 0)
        return -1;
    session->pieces = (struct poc_pieces){.end = INT64_MAX};
    if (kept && poc_pieces_parse(kept, &session->pieces) < 0)
        session_note(session, LOG_ERR, "how far this request has come cannot be read in the queue: it begins anew");
    session->kept = session->pieces;
    free(kept);
    return 0;
}

static const uint16_t *
make_pool(const struct session *session)
{
    uint64_t  numbers = poc_pool_size(&session->init->params);
    uint16_t *pool = mmap(NULL, numbers * sizeof(*pool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (pool == MAP_FAILED)
        return NULL;
    return poc_pool_fill(session->init->block_hash, pool, numbers, 0, NULL, NULL) == 0 ? pool : NULL;
}

static int
get_ready(struct session *session)
{
    struct poc_lane_spec spec = {.work = {.params = session->init->params,
                                          .block_hash = session->init->block_hash,
                                          .public_key = session->init->public_key},
                                 .path = session->config->path,
                                 .cache_dir = session->config->cache_dir,
                                 .tune = session->config->tune,
                                 .serve = session->config->serve};
    char                 why[1200] = "";
    int                  r = poc_queue_open(session->config->queue, &session->queue, why, sizeof(why));

    if (r == 1)
        session_note(session, LOG_ERR, why);
    if (r >= 0)
        r = find_progress(session, why, sizeof(why));
    if (r >= 0) {
        spec.work.pool = make_pool(session);
        if (!spec.work.pool) {
            (void)snprintf(why, sizeof(why), "no memory for the model's pool of weights");
            r = -1;
        }
    }
    session->crew.answer_ms = session->config->answer_ms;
    session->crew.cancel_fd = session->fd;
    session->crew.note = session_note;
    session->crew.checks = 1;
    session->crew.userdata = session;
    if (r >= 0 && poc_crew_start(&session->crew, &spec, session->config->devices->devices, session->config->devices->n,
                                 why, sizeof(why)) < 0)
        r = -1;
    if (r < 0)
        session_fail(session, why);
    return r < 0 ? -1 : 0;
}

/* --- computing -----------------------------------------------------------------------------------------------------
 */

/* What a device that computes wrong has found may be no proof: what is not in the queue yet is computed again. */
static void
distrust(struct session *session)
{
    if (session->wrong == session->crew.wrong)
        return;
    session->wrong = session->crew.wrong;
    session->valid -= (uint64_t)cJSON_GetArraySize(session->nonces);
    session->computed -= session->unkept;
    if (session->told_computed > session->computed)
        session->told_computed = session->computed;
    cJSON_Delete(session->nonces);
    cJSON_Delete(session->dist);
    session->nonces = cJSON_CreateArray();
    session->dist = cJSON_CreateArray();
    session->pieces = session->kept;
    session->unkept = 0;
}

/* As poc_crew_compute(), and tells which devices were lost by it. */
static int
compute(struct session *session, const char *public_key, const int64_t *nonces, size_t n, double *ret, char *why,
        size_t why_len)
{
    int r = poc_crew_compute(&session->crew, public_key, nonces, n, ret, 0, NULL, why, why_len);

    session_tell_lost(session);
    distrust(session);
    return r;
}

/* --- generating ----------------------------------------------------------------------------------------------------
 */

/* What is common to all letters of this request. */
static struct poc_letter
letter_of(const struct session *session, enum poc_letter_kind kind, const char *body)
{
    const struct poc_init *init = session->init;
    struct timespec        now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct poc_letter){.kind = kind,
                               .url = init->url,
                               .block_hash = init->block_hash,
                               .block_height = init->block_height,
                               .public_key = init->public_key,
                               .node_id = init->node_id,
                               .body = body,
                               .created_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

/* The proofs since the last time, and how far it went, in one step. 0, or -1: not now. */
static int
flush(struct session *session)
{
    char             *body = poc_body_generated(session->init, session->nonces, session->dist);
    struct poc_letter letter = letter_of(session, POC_LETTER_GENERATED, body);
    char              value[POC_PIECES_TEXT];
    char              why[512] = "out of memory";
    int               r = -ENOMEM;

    (void)poc_pieces_print(&session->pieces, value);
    if (body && cJSON_GetArraySize(session->nonces) > 0)
        r = poc_queue_put_with_progress(session->queue, &letter, session->key, value, why, sizeof(why));
    else if (body)
        r = poc_queue_put_progress(session->queue, session->key, value, why, sizeof(why));
    free(body);
    session->flushed_ms = poc_now_ms();
    if (r < 0) {
        session_note(session, LOG_ERR, why);
        return -1;
    }
    cJSON_Delete(session->nonces);
    cJSON_Delete(session->dist);
    session->nonces = cJSON_CreateArray();
    session->dist = cJSON_CreateArray();
    session->kept = session->pieces;
    poc_pieces_all_back(&session->kept);
    session->unkept = 0;
    return 0;
}

static int64_t
nonce_at(void *userdata, int64_t place)
{
    const struct poc_init *init = ((const struct session *)userdata)->init;

    return poc_nonce((uint32_t)init->node_id, (uint32_t)init->node_count, 0, 1, place);
}

static void
keep_proofs(void *userdata, int64_t first, const double *distances, uint32_t n)
{
    struct session *session = userdata;

    session_tell_ready(session);
    for (uint32_t i = 0; i < n; i++)
        if (distances[i] < session->init->r_target) {
            session->valid++;
            if (!cJSON_AddItemToArray(session->nonces, ga_json_new_i64(nonce_at(session, first + i))) ||
                !cJSON_AddItemToArray(session->dist, cJSON_CreateNumber(distances[i])))
                session_fail(session, "out of memory for proofs");
        }
    session->computed += n;
    session->unkept += n;
}

/* Nothing more is computed while what was cannot be kept. Other than 0: it cannot, or it is over. */
static int
keep_up(void *userdata)
{
    struct session *session = userdata;

    session_tell_lost(session);
    session_tell_progress(session);
    if (!session->over && session->unkept > 0 && poc_now_ms() - session->flushed_ms >= session->config->flush_ms &&
        flush(session) < 0)
        return 1;
    return session->over;
}

/* Until an order comes, or it cannot go on. */
static void
generate(struct session *session)
{
    const struct poc_crew_work work = {
        .pieces = &session->pieces, .nonce = nonce_at, .take = keep_proofs, .turn = keep_up, .userdata = session};
    char why[2048];
    int  r = poc_crew_work(&session->crew, &work, why, sizeof(why));

    session_tell_lost(session);
    distrust(session);
    if (r < 0 && r != -ECANCELED)
        session_fail(session, why);
    while (!session->over && session->phase == GENERATE && keep_up(session) != 0)
        take_orders(session, RETRY_MS); /* a full disk */
}

/* --- validating ----------------------------------------------------------------------------------------------------
 */

/* What became of computing a batch. 0: its result is kept in its place; -EAGAIN: it could not be. */
static int
keep_result(struct session *session, int64_t id, const struct poc_batch *batch, const double *distances, char *why,
            size_t why_len)
{
    char             *body = poc_body_validated(session->init, batch, distances);
    struct poc_letter letter = letter_of(session, POC_LETTER_VALIDATED, body);
    int               r = -ENOMEM;

    letter.block_height = batch->block_height;
    if (body)
        r = poc_queue_settle_claim(session->queue, id, &letter, why, why_len);
    free(body);
    return r < 0 ? -EAGAIN : 0;
}

/* Computes a batch. It stays in the queue until its result is there. 0, -ECANCELED, -EAGAIN or -EIO with a sentence. */
static int
validate(struct session *session, int64_t id, const struct poc_batch *batch, char *why, size_t why_len)
{
    double *distances = calloc(batch->n + 1, sizeof(*distances));
    int     r = distances ? 0 : -EIO;

    (void)snprintf(why, why_len, "out of memory");
    if (r == 0 && batch->n > 0)
        r = compute(session, batch->public_key, batch->nonces, batch->n, distances, why, why_len);
    if (r >= 0) {
        session_tell_ready(session);
        session->computed += batch->n;
        r = keep_result(session, id, batch, distances, why, why_len);
    }
    free(distances);
    return r;
}

/* 0, or -1 with why this text is no batch for this model. */
static int
read_claim(const struct session *session, const char *body, struct poc_batch *ret, const char **why)
{
    cJSON *detail = NULL;
    int    r = poc_batch_parse(body, strlen(body), ret, &detail);

    cJSON_Delete(detail);
    *why = "a batch to validate in the queue is damaged: dropped";
    if (r == 0 && (strcmp(ret->block_hash, session->init->block_hash) != 0 || strlen(ret->public_key) >= POC_KEY_MAX)) {
        *why = "a batch of another block hash cannot be validated by this model: dropped";
        poc_batch_done(ret);
        r = -1;
    }
    return r < 0 ? -1 : 0;
}

/* The oldest batch of the queue; 0: none waits. */
static int
validate_next(struct session *session)
{
    struct poc_batch batch;
    const char      *unfit;
    char            *body = NULL;
    int64_t          id = 0;
    char             why[2048];
    int              found = poc_queue_next_claim(session->queue, &id, &body, why, sizeof(why));
    int              r = found < 0 ? -EAGAIN : 0;

    if (found == 1 && read_claim(session, body, &batch, &unfit) < 0) {
        session_note(session, LOG_WARNING, unfit);
        r = poc_queue_settle_claim(session->queue, id, NULL, why, sizeof(why)) < 0 ? -EAGAIN : 0;
    } else if (found == 1) {
        r = validate(session, id, &batch, why, sizeof(why));
        poc_batch_done(&batch);
    }
    free(body);
    if (r == -EAGAIN) {
        session_note(session, LOG_ERR, why);
        take_orders(session, RETRY_MS);
    } else if (r < 0 && r != -ECANCELED) {
        session_fail(session, why);
    }
    return found != 0;
}

/* --- the process ---------------------------------------------------------------------------------------------------
 */

/* Until every device has passed its self-test or failed: then the model counts as made. */
static void
warm_up(struct session *session)
{
    const int64_t nonce = 0;
    double        distance;
    char          why[2048];
    int           r;

    r = compute(session, NULL, &nonce, 1, &distance, why, sizeof(why));
    if (r >= 0)
        session_tell_ready(session);
    else if (r != -ECANCELED)
        session_fail(session, why);
}

static void
step(struct session *session)
{
    if (session->phase == GENERATE)
        generate(session);
    else if (session->phase == VALIDATE && validate_next(session))
        return;
    else if (!session->told_ready)
        warm_up(session);
    else {
        if (session->phase == VALIDATE)
            session_tell_idle(session);
        take_orders(session, RETRY_MS);
    }
}

void
session_child(const struct session_config *config, int fd)
{
    struct session *session = calloc(1, sizeof(*session));

    if (!session)
        return;
    session->config = config;
    session->init = config->init;
    session->fd = fd;
    session->nonces = cJSON_CreateArray();
    session->dist = cJSON_CreateArray();
    session->flushed_ms = poc_now_ms();
    if (get_ready(session) < 0)
        return;
    while (!session->over) {
        take_orders(session, 0);
        /* What was found before the phase ended is still worth sending. */
        if (session->phase != GENERATE && session->unkept > 0)
            (void)flush(session);
        if (!session->over)
            step(session);
        session_tell_progress(session);
    }
    poc_crew_end(&session->crew);
}

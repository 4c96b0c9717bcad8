/* rehearse_check.c: names of findings, and the checks of batches and distances. */
#include "plugins/poc-worker/rehearse_check.h"

#include "kit/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGREES 3e-4      /* as for the task `verify`: roundings of another device move a distance by less */
#define FURTHEST 2.00001 /* two vectors of norm 1 are no further apart, but for roundings */
#define GAPS_FROM 16     /* nonces; with fewer a slow device group looks like a gap */
#define GAPS_MOST 64 /* places of the sequence for one nonce: more than device groups that differ in speed explain */

/* --- findings ------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *advice;
} findings[REHEARSE_FINDINGS] = {
    [REHEARSE_WELL] = {"well", "nothing"},
    [REHEARSE_CANCELLED] = {"cancelled", "run it again"},
    [REHEARSE_UNREACHABLE] = {"node_unreachable", "is the node's container up (docker ps), are host and port right "
                                                  "(8080 inside its compose file), does a firewall stand between"},
    [REHEARSE_SLOW] = {"node_slow",
                       "is the node overloaded or stopping something (its log; try again in a minute), does a "
                       "firewall swallow what is sent to it"},
    [REHEARSE_CONFLICT] = {"node_conflict",
                           "something started inference or training in between, most likely the API container: name it "
                           "in pause_container, or disable the node there first"},
    [REHEARSE_ERROR] = {"node_error", "the node's own log (docker logs of its container): the exception stands there; "
                                      "GPU memory, driver and CUDA are the usual causes"},
    [REHEARSE_REFUSED] = {"node_refused", "is this a machine-learning node with proof of compute of version 1 (later "
                                          "releases have version 2 only), and is a version in "
                                          "front of its paths needed (http://NODE:8080/v3.0.8)"},
    [REHEARSE_NONSENSE] = {"node_nonsense",
                           "what else answers at this address: a proxy, an error page, another service"},
    [REHEARSE_NO_MODEL] = {"model_not_built",
                           "the node's log: which device groups were found and whether the model fits; give more time "
                           "(wait) where the disk or the card is slow"},
    [REHEARSE_NO_CALLBACK] =
        {"no_callback", "can the node reach the callback from inside its container (curl it there): set `callback` "
                        "to this machine's address as the node sees it, `listen` to one that is not the loopback, "
                        "and look for a firewall; then whether its log says that it sends"},
    [REHEARSE_TOO_FEW] = {"too_few_batches",
                          "the node's log: whether it goes on sending, and whether somebody else gave it "
                          "another request; give more time (wait) or ask for fewer (batches)"},
    [REHEARSE_GAVE_UP] = {"node_gave_up", "the node's log: its workers died or somebody stopped it; GPU memory, and an "
                                          "API container that was not paused, are the usual causes"},
    [REHEARSE_RUBBISH] = {"rubbish_body", "what else posts to the callback, and the version of the node's software"},
    [REHEARSE_WRONG_KEY] = {"wrong_public_key",
                            "is an earlier request still at work: stop the node; is the node's software unchanged"},
    [REHEARSE_WRONG_BLOCK] = {"wrong_block",
                              "is an earlier request still at work: stop the node; is the node's software unchanged"},
    [REHEARSE_WRONG_SEQUENCE] =
        {"wrong_sequence", "the node's software: such nonces belong to other nodes or come twice, and the network "
                           "does not count them"},
    [REHEARSE_OVER_TARGET] = {"over_target", "the node's software: distances over the target are no proofs"},
    [REHEARSE_WRONG_DISTANCE] = {"wrong_distance",
                                 "memory, clocks and driver of the node's cards (ECC errors in nvidia-smi -q), an "
                                 "undervolted or overclocked card first; is `params` the model that it computes; "
                                 "validators would count this as fraud"},
    [REHEARSE_NOT_COMPUTED] = {"not_computed", "a device of this machine for its own computation: device=plain needs "
                                               "none; sample=0 leaves it out"},
    [REHEARSE_NOT_STOPPED] = {"not_stopped",
                              "stop it: curl -X POST NODE/api/v1/stop; it may go on generating until then"},
    [REHEARSE_NOT_UNPAUSED] = {"not_unpaused",
                               "at once: docker unpause CONTAINER; a paused API container earns nothing. "
                               "The next run of this task tries it again, too"},
    [REHEARSE_NOT_RESTORED] = {"not_restored", "the node's log: why its model does not load; then POST "
                                               "/api/v1/inference/up by hand, or let the API container do it"},
};

const char *
rehearse_finding_name(enum rehearse_finding finding)
{
    return findings[finding].name;
}

const char *
rehearse_finding_advice(enum rehearse_finding finding)
{
    return findings[finding].advice;
}

/* --- batches -------------------------------------------------------------------------------------------------------
 */

void
rehearse_got_done(struct rehearse_got *got)
{
    free(got->nonces);
    free(got->dist);
    free(got->sorted);
    *got = (struct rehearse_got){0};
}

static int
by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static int
make_room(struct rehearse_got *got, size_t n)
{
    size_t   size = got->size ? got->size : 256;
    int64_t *nonces;
    int64_t *sorted;
    double  *dist;

    while (size < n)
        size *= 2;
    if (size == got->size)
        return 0;
    nonces = realloc(got->nonces, size * sizeof(*nonces));
    if (nonces)
        got->nonces = nonces;
    sorted = realloc(got->sorted, size * sizeof(*sorted));
    if (sorted)
        got->sorted = sorted;
    dist = realloc(got->dist, size * sizeof(*dist));
    if (dist)
        got->dist = dist;
    if (!nonces || !sorted || !dist)
        return -1;
    got->size = size;
    return 0;
}

static enum rehearse_finding
check_names(const struct rehearse_want *want, const struct poc_batch *batch, char *why, size_t len)
{
    if (strcmp(batch->public_key, want->public_key) != 0) {
        (void)snprintf(why, len, "a batch is of public key '%.200s', asked for was '%.200s'", batch->public_key,
                       want->public_key);
        return REHEARSE_WRONG_KEY;
    }
    if (strcmp(batch->block_hash, want->block_hash) != 0) {
        (void)snprintf(why, len, "a batch is of block hash '%.200s', asked for was '%.200s'", batch->block_hash,
                       want->block_hash);
        return REHEARSE_WRONG_BLOCK;
    }
    if (batch->block_height != want->block_height) {
        (void)snprintf(why, len, "a batch is of block height %" PRId64 ", asked for was %" PRId64, batch->block_height,
                       want->block_height);
        return REHEARSE_WRONG_BLOCK;
    }
    if (batch->node_id != want->node_id) {
        (void)snprintf(why, len, "a batch is of node_id %" PRId64 ", asked for was %" PRId64, batch->node_id,
                       want->node_id);
        return REHEARSE_WRONG_SEQUENCE;
    }
    return REHEARSE_WELL;
}

static enum rehearse_finding
check_numbers(const struct rehearse_want *want, const struct poc_batch *batch, char *why, size_t len)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->nonces[i] < want->node_id || (batch->nonces[i] - want->node_id) % want->node_count != 0) {
            (void)snprintf(why, len,
                           "nonce %" PRId64 " is none of this node's: node %" PRId64 " of %" PRId64 " computes %" PRId64
                           ", %" PRId64 ", %" PRId64 " and so on",
                           batch->nonces[i], want->node_id, want->node_count, want->node_id,
                           want->node_id + want->node_count, want->node_id + 2 * want->node_count);
            return REHEARSE_WRONG_SEQUENCE;
        }
        if (!(batch->dist[i] >= 0 && batch->dist[i] <= FURTHEST)) {
            (void)snprintf(why, len, "nonce %" PRId64 " has distance %.9g, which no two vectors of norm 1 can have",
                           batch->nonces[i], batch->dist[i]);
            return REHEARSE_WRONG_DISTANCE;
        }
        if (!(batch->dist[i] < want->r_target)) {
            (void)snprintf(why, len, "nonce %" PRId64 " has distance %.9g, not below the target %.17g",
                           batch->nonces[i], batch->dist[i], want->r_target);
            return REHEARSE_OVER_TARGET;
        }
    }
    return REHEARSE_WELL;
}

/* Keeps the batch; nonces that came before are a finding. */
static enum rehearse_finding
keep(const struct rehearse_want *want, const struct poc_batch *batch, struct rehearse_got *got, char *why, size_t len)
{
    size_t n = got->n;

    if (batch->n == 0)
        return REHEARSE_WELL;
    got->batches++;
    if (n + batch->n > REHEARSE_NONCES_MAX)
        return REHEARSE_WELL;
    if (make_room(got, n + batch->n) < 0) {
        (void)snprintf(why, len, "no memory is left for what the node sends");
        return REHEARSE_NOT_COMPUTED;
    }
    memcpy(got->nonces + n, batch->nonces, batch->n * sizeof(*got->nonces));
    memcpy(got->sorted + n, batch->nonces, batch->n * sizeof(*got->sorted));
    memcpy(got->dist + n, batch->dist, batch->n * sizeof(*got->dist));
    got->n += batch->n;
    qsort(got->sorted, got->n, sizeof(*got->sorted), by_number);
    got->highest = (got->sorted[got->n - 1] - want->node_id) / want->node_count;
    for (size_t i = 1; i < got->n; i++)
        if (got->sorted[i] == got->sorted[i - 1]) {
            (void)snprintf(why, len, "nonce %" PRId64 " came twice, although its batch was taken the first time",
                           got->sorted[i]);
            return REHEARSE_WRONG_SEQUENCE;
        }
    return REHEARSE_WELL;
}

enum rehearse_finding
rehearse_check_body(const struct rehearse_want *want, const char *body, size_t len, struct rehearse_got *got, char *why,
                    size_t why_len)
{
    struct poc_batch      batch = {0};
    cJSON                *detail = NULL;
    enum rehearse_finding finding;
    char                 *text;

    if (poc_batch_parse(body, len, &batch, &detail) < 0) {
        text = detail ? ga_json_print(detail) : NULL;
        (void)snprintf(why, why_len, "a body that is no ProofBatch came to the callback: %.500s",
                       text ? text : "no memory for more");
        free(text);
        cJSON_Delete(detail);
        return REHEARSE_RUBBISH;
    }
    finding = check_names(want, &batch, why, why_len);
    if (finding == REHEARSE_WELL)
        finding = check_numbers(want, &batch, why, why_len);
    if (finding == REHEARSE_WELL)
        finding = keep(want, &batch, got, why, why_len);
    poc_batch_done(&batch);
    return finding;
}

enum rehearse_finding
rehearse_check_gaps(const struct rehearse_want *want, const struct rehearse_got *got, char *why, size_t why_len)
{
    if (want->r_target <= FURTHEST || got->n < GAPS_FROM || got->highest / GAPS_MOST < (int64_t)got->n)
        return REHEARSE_WELL;
    (void)snprintf(why, why_len,
                   "%zu nonces came, but the highest, %" PRId64 ", is number %" PRId64
                   " of this node's: it leaves most of its nonces out",
                   got->n, got->sorted[got->n - 1], got->highest + 1);
    return REHEARSE_WRONG_SEQUENCE;
}

/* --- distances -----------------------------------------------------------------------------------------------------
 */

size_t
rehearse_sample(const struct rehearse_got *got, size_t n, uint64_t start, int64_t *nonces, double *dist)
{
    n = n < got->n ? n : got->n;
    for (size_t i = 0; i < n; i++) {
        /* The i-th of n parts of equal length, moved on by the same number in each. */
        size_t begin = (size_t)((unsigned __int128)got->n * i / n);
        size_t end = (size_t)((unsigned __int128)got->n * (i + 1) / n);
        size_t at = begin + (size_t)(start % (end - begin));

        nonces[i] = got->nonces[at];
        dist[i] = got->dist[at];
    }
    return n;
}

enum rehearse_finding
rehearse_check_distances(const int64_t *nonces, const double *dist, const double *computed, size_t n,
                         double *ret_largest, size_t *ret_disagree, char *why, size_t why_len)
{
    size_t worst = 0;

    *ret_largest = 0;
    *ret_disagree = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs(dist[i] - computed[i]);

        *ret_disagree += !(difference <= AGREES);
        if (!(difference <= *ret_largest)) {
            *ret_largest = difference;
            worst = i;
        }
    }
    if (*ret_disagree == 0)
        return REHEARSE_WELL;
    (void)snprintf(why, why_len,
                   "%zu of %zu distances are not those of the rules: nonce %" PRId64 " has %.9g by the node, %.9g by "
                   "our computation",
                   *ret_disagree, n, nonces[worst], dist[worst], computed[worst]);
    return REHEARSE_WRONG_DISTANCE;
}

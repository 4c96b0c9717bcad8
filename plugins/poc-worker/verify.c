/* verify.c: the task `verify`: a batch computed again, and the fraud test. */
#include "plugins/poc-worker/api_body.h"
#include "plugins/poc-worker/tasks.h"

#include "kit/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Roundings of another device move a distance by less than this; what moves more was not computed as the rules say. */
#define AGREES 3e-4

struct verdict {
    size_t n_invalid;  /* computed again, not below the target */
    size_t n_disagree; /* further from the claim than roundings go */
    double probability;
    int    fraud;
};

/* Every `step`-th nonce, so that at most `sample` are left. */
static size_t
take_sample(struct poc_batch *batch, size_t sample)
{
    size_t step = sample > 0 && batch->n > sample ? (batch->n + sample - 1) / sample : 1;
    size_t n = 0;

    for (size_t i = 0; i < batch->n; i += step) {
        batch->nonces[n] = batch->nonces[i];
        batch->dist[n++] = batch->dist[i];
    }
    return n;
}

static struct verdict
judge(const struct poc_batch *batch, const double *distances, size_t n, double target, double threshold)
{
    struct verdict verdict = {0};

    for (size_t i = 0; i < n; i++) {
        verdict.n_invalid += distances[i] > target;
        verdict.n_disagree += !(fabs(distances[i] - batch->dist[i]) <= AGREES);
    }
    verdict.probability = poc_fraud_probability(n, verdict.n_invalid);
    verdict.fraud = verdict.probability < threshold;
    return verdict;
}

/* As the network's ValidatedBatch, and what disagrees. NULL without memory. */
static cJSON *
result_of(const struct poc_batch *batch, const double *distances, size_t n, const struct verdict *verdict,
          double target, double threshold)
{
    cJSON *result = cJSON_CreateObject();
    cJSON *nonces = cJSON_AddArrayToObject(result, "nonces");
    cJSON *dist = cJSON_AddArrayToObject(result, "dist");
    cJSON *received = cJSON_AddArrayToObject(result, "received_dist");
    cJSON *disagree = cJSON_AddArrayToObject(result, "disagree");
    int    ok = nonces && dist && received && disagree && cJSON_AddNumberToObject(result, "r_target", target) &&
             cJSON_AddNumberToObject(result, "fraud_threshold", threshold) &&
             cJSON_AddNumberToObject(result, "n_invalid", (double)verdict->n_invalid) &&
             cJSON_AddNumberToObject(result, "probability_honest", verdict->probability) &&
             cJSON_AddBoolToObject(result, "fraud_detected", verdict->fraud);

    for (size_t i = 0; ok && i < n; i++) {
        ok = cJSON_AddItemToArray(nonces, ga_json_new_i64(batch->nonces[i])) &&
             cJSON_AddItemToArray(dist, cJSON_CreateNumber(distances[i])) &&
             cJSON_AddItemToArray(received, cJSON_CreateNumber(batch->dist[i]));
        if (ok && !(fabs(distances[i] - batch->dist[i]) <= AGREES))
            ok = cJSON_AddItemToArray(disagree, ga_json_new_i64(batch->nonces[i]));
    }
    if (ok)
        return result;
    cJSON_Delete(result);
    return NULL;
}

static int
report(struct bout *bout, const struct poc_batch *batch, const double *distances, size_t n, double target,
       double threshold)
{
    struct verdict verdict = judge(batch, distances, n, target, threshold);
    cJSON         *result = result_of(batch, distances, n, &verdict, target, threshold);
    char          *json = result ? ga_json_print(result) : NULL;
    char          *text = NULL;
    size_t         len = 0;
    FILE          *out = open_memstream(&text, &len);
    int            ok = json && out;

    if (out) {
        (void)fprintf(out, "%20s  %-12s %-12s\n", "NONCE", "CLAIMED", "COMPUTED");
        for (size_t i = 0; i < n; i++)
            (void)fprintf(out, "%20" PRId64 "  %.9f  %.9f%s%s\n", batch->nonces[i], batch->dist[i], distances[i],
                          fabs(distances[i] - batch->dist[i]) <= AGREES ? "" : "  disagrees",
                          distances[i] > target ? "  over the target" : "");
        ok = fclose(out) == 0 && ok;
    }
    if (ok) {
        (void)bout->host->result(bout->run, json);
        bout->host->text(bout->run, text);
    }
    free(text);
    free(json);
    cJSON_Delete(result);
    if (!ok)
        return bout->host->end(bout->run, GA_FAILED, "out of memory");
    if (verdict.n_disagree == 0 && !verdict.fraud)
        return bout->host->end(bout->run, GA_OK, "all %zu distances agree, %zu over the target", n, verdict.n_invalid);
    return bout->host->end(bout->run, GA_REFUSED,
                           "%zu of %zu distances disagree, %zu over the target: an honest worker would have so many "
                           "with probability %.3g%s",
                           verdict.n_disagree, n, verdict.n_invalid, verdict.probability,
                           verdict.fraud ? ", which counts as fraud" : "");
}

/* The argument's sentence about what is wrong with a batch. */
static int
refuse_batch(struct ga_run *run, const struct ga_host *host, cJSON *detail)
{
    char *text = detail ? ga_json_print(detail) : NULL;
    int   outcome = host->end(run, GA_FAILED, "batch is no ProofBatch: %.600s", text ? text : "out of memory");

    free(text);
    cJSON_Delete(detail);
    return outcome;
}

/* An argument that is a number. 0, or -1: it is none. */
static int
number_arg(struct ga_run *run, const struct ga_host *host, const char *key, double *ret)
{
    const char *text = host->str(run, key);
    char       *end;

    *ret = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*ret) ? 0 : -1;
}

int
verify_task(struct ga_run *run, const struct ga_host *host)
{
    struct bout      bout = {0};
    struct poc_batch batch = {0};
    cJSON           *detail = NULL;
    const char      *body = host->str(run, "batch");
    double           target;
    double           threshold;
    double          *distances;
    size_t           n;
    int              outcome;

    if (number_arg(run, host, "r_target", &target) < 0 || number_arg(run, host, "fraud_threshold", &threshold) < 0)
        return host->end(run, GA_FAILED, "r_target and fraud_threshold must be numbers, such as 1.4 and 1e-7");
    if (poc_batch_parse(body, strlen(body), &batch, &detail) < 0)
        return refuse_batch(run, host, detail);
    n = take_sample(&batch, (size_t)host->num(run, "sample"));
    distances = calloc(n + 1, sizeof(*distances));
    if (n == 0 || !distances)
        outcome = host->end(run, n == 0 ? GA_OK : GA_FAILED, n == 0 ? "the batch is empty" : "out of memory");
    else
        outcome = bout_begin(&bout, run, host, batch.block_hash, batch.public_key, 0);
    if (n > 0 && outcome == GA_OK)
        outcome = bout_compute(&bout, batch.nonces, n, distances);
    if (n > 0 && outcome == GA_OK)
        outcome = report(&bout, &batch, distances, n, target, threshold);
    bout_end(&bout);
    free(distances);
    poc_batch_done(&batch);
    return outcome;
}

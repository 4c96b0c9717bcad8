/* rehearse_report.c: what a rehearsal found, for scripts and for people. */
#include "plugins/poc-worker/rehearse.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double
minutes(int64_t from_ms, int64_t to_ms)
{
    return (double)(to_ms - from_ms) / 60000;
}

/* Nonces computed and proofs posted per minute, from the first batch to the last, so without the time in which the
 * model is built. With one batch from the answer on: at least so many. */
static void
rates(const struct rehearse *self, double *ret_nonces, double *ret_proofs)
{
    int64_t from = self->got.batches > 1 ? self->first_ms : self->begun_ms;
    double  time = minutes(from, self->last_ms);

    *ret_nonces = *ret_proofs = 0;
    if (self->got.batches == 0 || time <= 0)
        return;
    *ret_nonces = (double)(self->got.highest - (self->got.batches > 1 ? self->first_highest : -1)) / time;
    *ret_proofs = (double)(self->got.n - (self->got.batches > 1 ? self->first_n : 0)) / time;
    if (self->want.r_target > 2) /* all are proofs; groups of devices do not come equally far in the sequence */
        *ret_nonces = *ret_proofs;
}

static int
add_findings(const struct rehearse *self, cJSON *result)
{
    cJSON *list = cJSON_AddArrayToObject(result, "findings");
    int    ok = list != NULL;

    for (size_t i = 0; ok && i < self->n_told; i++) {
        cJSON *one = cJSON_CreateObject();

        ok = one && cJSON_AddItemToArray(list, one) &&
             cJSON_AddStringToObject(one, "finding", rehearse_finding_name(self->told[i].finding)) &&
             cJSON_AddStringToObject(one, "why", self->told[i].why) &&
             cJSON_AddStringToObject(one, "look_at", rehearse_finding_advice(self->told[i].finding));
    }
    return ok;
}

static int
add_seconds(cJSON *result, const char *key, int64_t from_ms, int64_t to_ms)
{
    return to_ms == 0 || from_ms == 0 || cJSON_AddNumberToObject(result, key, (double)(to_ms - from_ms) * 1e-3);
}

static char *
result_of(const struct rehearse *self)
{
    cJSON *result = cJSON_CreateObject();
    double nonces;
    double proofs;
    char  *text = NULL;

    rates(self, &nonces, &proofs);
    if (result && cJSON_AddStringToObject(result, "url", self->url) && add_findings(self, result) &&
        cJSON_AddStringToObject(result, "state_before", self->state_before) &&
        cJSON_AddStringToObject(result, "state_after", self->state_after) &&
        cJSON_AddStringToObject(result, "repaired", self->repaired) &&
        cJSON_AddStringToObject(result, "block_hash", self->block_hash) &&
        cJSON_AddStringToObject(result, "public_key", self->public_key) &&
        cJSON_AddStringToObject(result, "callback", self->callback) &&
        cJSON_AddNumberToObject(result, "batches", (double)self->got.batches) &&
        cJSON_AddNumberToObject(result, "nonces", (double)self->got.n) &&
        cJSON_AddNumberToObject(result, "strays", (double)self->strays) &&
        cJSON_AddNumberToObject(result, "nonces_per_minute", nonces) &&
        cJSON_AddNumberToObject(result, "proofs_per_minute", proofs) &&
        add_seconds(result, "model_seconds", self->begun_ms, self->model_ms) &&
        add_seconds(result, "first_batch_seconds", self->begun_ms, self->first_ms) &&
        cJSON_AddNumberToObject(result, "sampled", (double)self->sampled) &&
        cJSON_AddNumberToObject(result, "disagree", (double)self->disagree) &&
        cJSON_AddNumberToObject(result, "largest_difference", self->largest) &&
        cJSON_AddStringToObject(result, "computed_on", self->devices) &&
        cJSON_AddNumberToObject(result, "computed_seconds", self->seconds))
        text = ga_json_print(result);
    cJSON_Delete(result);
    return text;
}

/* 1: it did something before and does nothing now. */
static int
is_unlike(const struct rehearse *self)
{
    return self->is_stopped && strcmp(self->state_before, self->state_after) != 0;
}

static void
write_text(const struct rehearse *self, FILE *out)
{
    double nonces;
    double proofs;

    rates(self, &nonces, &proofs);
    (void)fprintf(out, "node       %s: %s before, %s now\n", self->url,
                  self->state_before[0] ? self->state_before : "state unknown",
                  self->state_after[0] ? self->state_after : "state unknown");
    if (self->repaired[0])
        (void)fprintf(out, "repaired   %s\n", self->repaired);
    if (self->begun_ms)
        (void)fprintf(out, "asked for  block hash %s, public key %s, node %" PRId64 " of %" PRId64 "\n",
                      self->block_hash, self->public_key, self->want.node_id, self->want.node_count);
    if (self->model_ms)
        (void)fprintf(out, "model      built within %.1f s\n", (double)(self->model_ms - self->begun_ms) * 1e-3);
    if (self->got.batches > 0)
        (void)fprintf(out, "batches    %zu with %zu proofs\n", self->got.batches, self->got.n);
    if (nonces > 0)
        (void)fprintf(out, "rate       %s%.1f nonces and %.1f proofs per minute\n",
                      self->got.batches > 1 ? "" : "at least ", nonces, proofs);
    if (self->strays > 0)
        (void)fprintf(out, "strays     %zu requests at the callback that were no proofs\n", self->strays);
    if (self->sampled > 0)
        (void)fprintf(out, "distances  %zu of %zu agree with ours on %s, in %.1f s; largest difference %.2g\n",
                      self->sampled - self->disagree, self->sampled, self->devices, self->seconds, self->largest);
    for (size_t i = 0; i < self->n_told; i++)
        (void)fprintf(out, "FINDING    %s: %s\nlook at    %s\n", rehearse_finding_name(self->told[i].finding),
                      self->told[i].why, rehearse_finding_advice(self->told[i].finding));
    if (is_unlike(self))
        (void)fprintf(out,
                      "restore    it was in state %s: the API container brings that back within a minute when it runs, "
                      "otherwise start it as it was\n",
                      self->state_before);
}

/* One line of how it went. */
static int
say(const struct rehearse *self)
{
    char   repaired[300] = "";
    char   unlike[200] = "";
    int    unknown;
    double nonces;
    double proofs;

    rates(self, &nonces, &proofs);
    if (self->repaired[0])
        (void)snprintf(repaired, sizeof(repaired), "%s; ", self->repaired);
    if (is_unlike(self))
        (void)snprintf(unlike, sizeof(unlike),
                       "; it was in state %s before and is not now: the API container brings it "
                       "back, or start it again",
                       self->state_before);
    if (self->n_told == 0 && self->host->dry_run(self->run))
        return self->host->end(self->run, GA_CHANGED, "%sit would be rehearsed: the node answers, in state %s",
                               repaired, self->state_before);
    if (self->n_told == 0)
        return self->host->end(self->run, GA_CHANGED,
                               "%sall is well with the node: %zu proofs in %zu batches, %.1f nonces per minute, %zu "
                               "distances of %zu computed again agree%s",
                               repaired, self->got.n, self->got.batches, nonces, self->sampled, self->sampled, unlike);
    unknown = self->told[0].finding == REHEARSE_CANCELLED ||
              ((self->told[0].finding == REHEARSE_UNREACHABLE || self->told[0].finding == REHEARSE_SLOW) &&
               !self->state_before[0]);
    return self->host->end(self->run, unknown ? GA_UNKNOWN : GA_FAILED, "%s%s: %s; look at: %.300s%s", repaired,
                           rehearse_finding_name(self->told[0].finding), self->told[0].why,
                           rehearse_finding_advice(self->told[0].finding), unlike);
}

int
rehearse_report(struct rehearse *self, int said)
{
    char  *json = result_of(self);
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (out)
        write_text(self, out);
    if (out && fclose(out) == 0)
        self->host->text(self->run, text);
    if (json)
        (void)self->host->result(self->run, json);
    free(text);
    free(json);
    return said == GA_OK ? say(self) : said;
}

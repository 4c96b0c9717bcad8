/* distances.c: the task `distances`: nonces and what they are worth. */
#include "plugins/poc-worker/tasks.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* {"nonces": [...], "dist": [...], "device": ..., "seconds": ...}. NULL without memory. */
static cJSON *
result_of(const char *devices, const int64_t *nonces, const double *distances, size_t n, double seconds)
{
    cJSON *result = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(result, "nonces");
    cJSON *dist = cJSON_AddArrayToObject(result, "dist");
    int    ok = list && dist && cJSON_AddStringToObject(result, "device", devices) &&
             cJSON_AddNumberToObject(result, "seconds", seconds);

    for (size_t i = 0; ok && i < n; i++)
        ok = cJSON_AddItemToArray(list, ga_json_new_i64(nonces[i])) &&
             cJSON_AddItemToArray(dist, cJSON_CreateNumber(distances[i]));
    if (ok)
        return result;
    cJSON_Delete(result);
    return NULL;
}

static int
report(struct bout *bout, const int64_t *nonces, const double *distances, size_t n, double seconds)
{
    char   devices[1024];
    cJSON *result = result_of(bout_devices(bout, devices, sizeof(devices)), nonces, distances, n, seconds);
    char  *json = result ? ga_json_print(result) : NULL;
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);
    int    ok = json && out;

    if (out) {
        (void)fprintf(out, "%20s  %s\n", "NONCE", "DISTANCE");
        for (size_t i = 0; i < n; i++)
            (void)fprintf(out, "%20" PRId64 "  %.9f\n", nonces[i], distances[i]);
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
    return bout->host->end(bout->run, GA_OK, "%zu nonce%s in %.1f s on %s; the pool took %.1f s", n, n == 1 ? "" : "s",
                           seconds, devices, bout->pool_seconds);
}

int
distances_task(struct ga_run *run, const struct ga_host *host)
{
    struct bout bout;
    int64_t    *nonces = NULL;
    double     *distances;
    size_t      n = 0;
    char        why[256];
    int64_t     begin;
    int         outcome;

    if (poc_spec_nonces(host->str(run, "nonces"), &nonces, &n, why, sizeof(why)) < 0)
        return host->end(run, GA_FAILED, "%s", why);
    distances = calloc(n, sizeof(*distances));
    if (!distances) {
        free(nonces);
        return host->end(run, GA_FAILED, "out of memory");
    }
    outcome = bout_begin(&bout, run, host, host->str(run, "block_hash"), host->str(run, "public_key"), 0);
    begin = poc_now_ms();
    if (outcome == GA_OK)
        outcome = bout_compute(&bout, nonces, n, distances);
    if (outcome == GA_OK)
        outcome = report(&bout, nonces, distances, n, (double)(poc_now_ms() - begin) * 1e-3);
    bout_end(&bout);
    free(distances);
    free(nonces);
    return outcome;
}

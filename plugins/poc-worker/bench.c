/* bench.c: the task `bench`: how fast each device is. */
#include "plugins/poc-worker/tasks.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NONCES_MAX 65536

static cJSON *
row_of(const struct poc_crew_lane *lane)
{
    cJSON *row = cJSON_CreateObject();
    double device_seconds = 0;

    for (int i = 0; i < POC_STAGES; i++)
        device_seconds += lane->stages[i];
    (void)cJSON_AddNumberToObject(row, "index", lane->lane.device);
    (void)cJSON_AddStringToObject(row, "name", lane->info.name);
    (void)cJSON_AddStringToObject(row, "path", lane->path);
    (void)cJSON_AddStringToObject(row, "options", lane->options);
    (void)cJSON_AddNumberToObject(row, "batch", lane->max_batch);
    (void)cJSON_AddNumberToObject(row, "nonces", (double)lane->done);
    (void)cJSON_AddNumberToObject(row, "seconds", lane->seconds);
    (void)cJSON_AddNumberToObject(row, "processor_seconds", lane->processor);
    (void)cJSON_AddNumberToObject(row, "operations", lane->operations);
    (void)cJSON_AddNumberToObject(row, "nonces_per_minute",
                                  lane->seconds > 0 ? (double)lane->done * 60 / lane->seconds : 0);
    (void)cJSON_AddNumberToObject(row, "work_memory", (double)lane->work_memory);
    (void)cJSON_AddNumberToObject(row, "waited_share", lane->seconds > 0 ? lane->waited / lane->seconds : 0);
    if (device_seconds > 0) {
        (void)cJSON_AddNumberToObject(row, "products_share", lane->stages[POC_STAGE_PRODUCT] / device_seconds);
        (void)cJSON_AddNumberToObject(row, "attention_share", lane->stages[POC_STAGE_ATTEND] / device_seconds);
        (void)cJSON_AddNumberToObject(row, "other_share", lane->stages[POC_STAGE_OTHER] / device_seconds);
        (void)cJSON_AddNumberToObject(row, "products_tflops",
                                      lane->operations / lane->stages[POC_STAGE_PRODUCT] * 1e-12);
    }
    if (lane->peak > 0 && device_seconds > 0) {
        (void)cJSON_AddNumberToObject(row, "peak_tflops", lane->peak * 1e-12);
        (void)cJSON_AddNumberToObject(row, "core_peak_tflops", lane->core_peak * 1e-12);
        (void)cJSON_AddNumberToObject(row, "products_of_peak",
                                      lane->operations / lane->stages[POC_STAGE_PRODUCT] / lane->peak);
    }
    return row;
}

static int
report(struct bout *bout, size_t n)
{
    cJSON *result = cJSON_CreateObject();
    cJSON *rows = cJSON_AddArrayToObject(result, "devices");
    char  *json = NULL;
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);
    double rate = 0;
    int    ok = rows && out && cJSON_AddNumberToObject(result, "pool_seconds", bout->pool_seconds) &&
             cJSON_AddNumberToObject(result, "pool_processor_seconds", bout->pool_processor);

    if (out)
        (void)fprintf(out, "%-6s %-40s %-9s %6s %10s %9s %8s %9s %8s\n", "DEVICE", "NAME", "PATH", "BATCH",
                      "NONCES/MIN", "TFLOP/S", "OF PEAK", "PRODUCTS", "WAITED");
    for (size_t i = 0; ok && i < bout->crew.n; i++) {
        cJSON *row = row_of(&bout->crew.lanes[i]);
        double number[5] = {0};

        ok = row && cJSON_AddItemToArray(rows, row);
        (void)ga_json_double(row, "nonces_per_minute", &number[0]);
        (void)ga_json_double(row, "products_tflops", &number[1]);
        (void)ga_json_double(row, "products_share", &number[2]);
        (void)ga_json_double(row, "waited_share", &number[3]);
        (void)ga_json_double(row, "products_of_peak", &number[4]);
        rate += number[0];
        (void)fprintf(out, "%-6d %-40.40s %-9s %6u %10.2f %9.3f %7.1f%% %8.1f%% %7.1f%%\n",
                      bout->crew.lanes[i].lane.device, bout->crew.lanes[i].info.name, bout->crew.lanes[i].path,
                      bout->crew.lanes[i].max_batch, number[0], number[1], number[4] * 100, number[2] * 100,
                      number[3] * 100);
    }
    ok = ok && cJSON_AddNumberToObject(result, "nonces_per_minute", rate);
    json = ok ? ga_json_print(result) : NULL;
    if (out)
        ok = fclose(out) == 0 && json;
    if (ok) {
        (void)bout->host->result(bout->run, json);
        bout->host->text(bout->run, text);
    }
    free(text);
    free(json);
    cJSON_Delete(result);
    if (!ok)
        return bout->host->end(bout->run, GA_FAILED, "out of memory");
    return bout->host->end(bout->run, GA_OK, "%.2f nonces a minute (%zu computed); the pool took %.1f s", rate, n,
                           bout->pool_seconds);
}

int
bench_task(struct ga_run *run, const struct ga_host *host)
{
    struct bout bout;
    int64_t    *nonces = calloc(NONCES_MAX, sizeof(*nonces));
    double     *distances = calloc(NONCES_MAX, sizeof(*distances));
    size_t      n = 0;
    char        why[2048];
    int         outcome;

    if (!nonces || !distances) {
        free(nonces);
        free(distances);
        return host->end(run, GA_FAILED, "out of memory");
    }
    for (int64_t i = 0; i < NONCES_MAX; i++)
        nonces[i] = i;
    outcome = bout_begin(&bout, run, host, "EXAMPLE_BLOCK_HASH", "EXAMPLE_PUBLIC_KEY", 1);
    if (outcome == GA_OK) {
        int r = poc_crew_compute(&bout.crew, NULL, nonces, NONCES_MAX, distances, host->num(run, "seconds") / 1000000,
                                 &n, why, sizeof(why));

        if (r == -ECANCELED)
            outcome = host->end(run, GA_UNKNOWN, "cancelled");
        else
            outcome = r < 0 ? host->end(run, GA_FAILED, "%s", why) : report(&bout, n);
    }
    bout_end(&bout);
    free(distances);
    free(nonces);
    return outcome;
}

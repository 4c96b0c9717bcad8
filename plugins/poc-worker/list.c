/* list.c: the task `devices`: what there is, and which paths compute right on it. */
#include "plugins/poc-worker/tasks.h"

#include "kit/json.h"
#include "kit/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct ga_run        *run;
    const struct ga_host *host;
    cJSON                *rows;
    FILE                 *text;
    int                   n_failed;
};

/* The self-test of one path in a process of its own: "" passed, else why not. */
static void
try_path(struct listing *listing, int device, const char *path, char *ret, size_t len)
{
    struct poc_lane          lane;
    struct poc_lane_spec     spec = {.device = device, .path = path, .cache_dir = bout_cache_dir()};
    struct poc_lane_message *news = malloc(sizeof(*news));
    int64_t                  timeout_ms = listing->host->num(listing->run, "device_timeout") / 1000000;
    int                      cancel_fd = listing->host->cancel_fd(listing->run);

    ret[0] = 0;
    if (!news || poc_lane_start(&spec, &lane, ret, len) < 0) {
        free(news);
        return;
    }
    for (;;) {
        int r = poc_lane_read(&lane, (int)timeout_ms, cancel_fd, news);

        if (r == 1 && news->news == POC_LANE_NOTE)
            continue;
        if (r == 0)
            (void)snprintf(ret, len, "no answer within %lld s", (long long)(timeout_ms / 1000));
        else if (r < 0)
            (void)snprintf(ret, len, "cancelled");
        else if (news->news == POC_LANE_FAILED)
            (void)snprintf(ret, len, "%s", news->text);
        break;
    }
    poc_lane_end(&lane);
    free(news);
}

/* Tries every path by name. Writes those that passed, blank-separated. */
static cJSON *
try_paths(struct listing *listing, int device, const struct poc_device_info *info, char *ret_passed, size_t len)
{
    struct poc_path paths[16];
    unsigned        n = poc_paths(info, paths, sizeof(paths) / sizeof(*paths));
    cJSON          *json = cJSON_CreateObject();
    size_t          used = 0;

    ret_passed[0] = 0;
    for (unsigned i = 0; json && i < n; i++) {
        char why[1024];

        if (cJSON_GetObjectItemCaseSensitive(json, paths[i].name))
            continue; /* another size of the same */
        try_path(listing, device, paths[i].name, why, sizeof(why));
        (void)cJSON_AddStringToObject(json, paths[i].name, why[0] ? why : "passed");
        if (!why[0] && used < len)
            used += (size_t)snprintf(ret_passed + used, len - used, "%s%s", used ? " " : "", paths[i].name);
        else if (why[0])
            listing->host->log(listing->run, GA_LOG_ERR, "device %d, path %s: %s", device, paths[i].name, why);
    }
    if (used == 0)
        listing->n_failed++;
    return json;
}

static void
add_device(struct listing *listing, int index, const struct poc_device_info *info)
{
    cJSON *row = cJSON_CreateObject();
    cJSON *paths;
    char   passed[128];
    char   memory[32];

    listing->host->progress(listing->run, info->name, (uint64_t)index, 0);
    paths = try_paths(listing, index, info, passed, sizeof(passed));
    (void)cJSON_AddNumberToObject(row, "index", index);
    (void)cJSON_AddStringToObject(row, "name", info->name);
    (void)cJSON_AddStringToObject(row, "vendor", info->vendor);
    (void)cJSON_AddStringToObject(row, "driver", info->driver);
    (void)cJSON_AddStringToObject(row, "platform", info->platform);
    (void)ga_json_add_u64(row, "memory", info->memory);
    (void)cJSON_AddNumberToObject(row, "units", info->units);
    (void)cJSON_AddNumberToObject(row, "megahertz", info->megahertz);
    (void)cJSON_AddBoolToObject(row, "fp16", (cJSON_bool)info->has_fp16);
    (void)cJSON_AddBoolToObject(row, "test_only", (cJSON_bool)info->test_only);
    if (!paths || !cJSON_AddItemToObject(row, "paths", paths))
        cJSON_Delete(paths);
    (void)cJSON_AddItemToArray(listing->rows, row);
    (void)fprintf(listing->text, "%-5d %-40.40s %-20.20s %-16.16s %10s %5u %-4s %s%s\n", index, info->name,
                  info->vendor, info->driver, ga_format_size(info->memory, memory, sizeof(memory)), info->units,
                  info->has_fp16 ? "yes" : "no", passed[0] ? passed : "NONE PASSED",
                  info->test_only ? " (test only)" : "");
}

static int
hand_over(struct listing *listing, int n, char *text)
{
    cJSON *result = cJSON_CreateObject();
    char  *json = NULL;

    if (result && cJSON_AddItemToObject(result, "devices", listing->rows)) {
        listing->rows = NULL;
        json = ga_json_print(result);
    }
    if (json)
        (void)listing->host->result(listing->run, json);
    listing->host->text(listing->run, text);
    free(json);
    cJSON_Delete(result);
    if (listing->n_failed > 0)
        return listing->host->end(listing->run, GA_FAILED, "%d of %d devices failed the self-test", listing->n_failed,
                                  n);
    return listing->host->end(listing->run, GA_OK, "%d device%s, all of them compute right", n, n == 1 ? "" : "s");
}

int
devices_task(struct ga_run *run, const struct ga_host *host)
{
    struct listing    listing = {.run = run, .host = host, .rows = cJSON_CreateArray()};
    struct bout_found found;
    char              why[1200];
    char             *text = NULL;
    size_t            len = 0;
    int               outcome;

    if (bout_find(&found, why, sizeof(why)) < 0) {
        cJSON_Delete(listing.rows);
        return host->end(run, GA_FAILED, "%s", why);
    }
    listing.text = open_memstream(&text, &len);
    if (!listing.rows || !listing.text) {
        cJSON_Delete(listing.rows);
        return host->end(run, GA_FAILED, "out of memory");
    }
    (void)fprintf(listing.text, "%-5s %-40s %-20s %-16s %10s %5s %-4s %s\n", "INDEX", "NAME", "VENDOR", "DRIVER",
                  "MEMORY", "UNITS", "FP16", "PATHS");
    for (int i = 0; i < found.n && !host->cancelled(run); i++)
        add_device(&listing, i, &found.infos[i]);
    (void)fclose(listing.text);
    outcome = hand_over(&listing, found.n, text);
    free(text);
    cJSON_Delete(listing.rows);
    return outcome;
}

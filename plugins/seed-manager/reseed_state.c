/* reseed_state.c: the state document "reseed". */
#include "plugins/seed-manager/reseed.h"

#include "plugins/seed-manager/apply_task.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "reseed"
#define VERSION 1

static const char *const stages[] = {"idle", "moving", "syncing"};

/* The names of what was moved all begin alike: no other folder can ever be deleted or moved by them. */
static int
read_name(const cJSON *json, const char *key, const char *prefix, char *ret)
{
    const char *name = ga_json_str(json, key);

    if (!name || strncmp(name, prefix, strlen(prefix)) != 0 || strchr(name, '/') || strlen(name) >= PLACE_NAME_MAX)
        return -1;
    (void)snprintf(ret, PLACE_NAME_MAX, "%s", name);
    return 0;
}

static int
read_state(const cJSON *json, struct reseed_state *ret)
{
    const char *stage = ga_json_str(json, "stage");
    int64_t     version = 0;
    size_t      i = 0;

    if (ga_json_i64(json, "version", &version) < 0 || version != VERSION)
        return -1;
    while (i < sizeof(stages) / sizeof(*stages) && (!stage || strcmp(stage, stages[i]) != 0))
        i++;
    if (i == sizeof(stages) / sizeof(*stages))
        return -1;
    ret->stage = (enum reseed_stage)i;
    if (ret->stage == RESEED_IDLE)
        return 0;
    return ga_json_i64(json, "began_ns", &ret->began_ns) < 0 || ga_json_i64(json, "started_ns", &ret->started_ns) < 0 ||
                   ga_json_u64(json, "dev", &ret->dev) < 0 || ga_json_u64(json, "ino", &ret->ino) < 0 ||
                   read_name(json, "data", RESEED_DATA "-before-reseed-", ret->data) < 0 ||
                   read_name(json, "flag", RESEED_FLAG "-before-reseed-", ret->flag) < 0
               ? -1
               : 0;
}

int
reseed_state_load(struct ga_run *run, const struct ga_host *host, struct reseed_state *ret, char *why)
{
    const void *data = NULL;
    size_t      len = 0;
    char        error[160];
    cJSON      *json;
    int         r = host->state_get(run, DOCUMENT, &data, &len);

    memset(ret, 0, sizeof(*ret));
    if (r == 1)
        return GA_OK;
    json = r == 0 ? ga_json_parse(data, len, error, sizeof(error)) : NULL;
    r = json ? read_state(json, ret) : -1;
    cJSON_Delete(json);
    if (r == 0)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX,
                   "the plugin's state document '" DOCUMENT
                   "' cannot be used: whether a re-initialisation is under way "
                   "is unknown; look for data-before-reseed-* in .inference, then remove the document");
    return GA_UNKNOWN;
}

int
reseed_state_store(struct ga_run *run, const struct ga_host *host, const struct reseed_state *state, char *why)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;
    int    ok = json && ga_json_add_i64(json, "version", VERSION) == 0 &&
             cJSON_AddStringToObject(json, "stage", stages[state->stage]) &&
             ga_json_add_i64(json, "began_ns", state->began_ns) == 0 &&
             ga_json_add_i64(json, "started_ns", state->started_ns) == 0 &&
             ga_json_add_u64(json, "dev", state->dev) == 0 && ga_json_add_u64(json, "ino", state->ino) == 0 &&
             cJSON_AddStringToObject(json, "data", state->data) && cJSON_AddStringToObject(json, "flag", state->flag);

    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    ok = text && host->state_put(run, DOCUMENT, text, strlen(text)) == 0;
    free(text);
    if (ok)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX, "the plugin's state cannot be written, see the log: nothing is moved without it");
    return GA_FAILED;
}

int
reseed_check_idle(struct ga_run *run, const struct ga_host *host, char *why)
{
    struct reseed_state state;
    int                 r = reseed_state_load(run, host, &state, why);

    if (r != GA_OK || state.stage == RESEED_IDLE)
        return r;
    (void)snprintf(why, EDIT_WHY_MAX, "a re-initialisation is under way: run `reseed` until it is done");
    return GA_REFUSED;
}

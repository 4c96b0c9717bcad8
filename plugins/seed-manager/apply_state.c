/* apply_state.c: the state document "apply". */
#include "plugins/seed-manager/apply_state.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "apply"
#define VERSION 1

static const char *const stages[] = {"idle", "writing", "watching", "undoing"};

static void
free_keys(struct apply_state *state)
{
    for (size_t i = 0; i < state->n_keys; i++) {
        free(state->keys[i].key);
        free(state->keys[i].old_value);
        free(state->keys[i].new_value);
    }
    state->n_keys = 0;
}

void
apply_state_done(struct apply_state *state)
{
    free_keys(state);
}

void
apply_state_forget(struct apply_state *state)
{
    int64_t survey_ns = state->survey_ns;

    free_keys(state);
    memset(state, 0, sizeof(*state));
    state->survey_ns = survey_ns;
}

int
apply_state_add_key(struct apply_state *state, enum place_which which, const char *key, const char *old_value,
                    const char *new_value)
{
    struct apply_key *slot;

    if (state->n_keys == APPLY_KEYS_MAX)
        return -1;
    slot = &state->keys[state->n_keys++];
    slot->which = which;
    slot->key = strdup(key);
    slot->old_value = old_value ? strdup(old_value) : NULL;
    slot->new_value = strdup(new_value);
    return slot->key && slot->new_value && (slot->old_value || !old_value) ? 0 : -1;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

/* A name in the file's own folder, made by an earlier run: anything else would lead elsewhere. 0, -1. */
static int
read_name(const cJSON *json, const char *key, char *ret)
{
    const char *name = ga_json_str(json, key);

    if (!name || !*name || strchr(name, '/') || strlen(name) >= PLACE_NAME_MAX)
        return -1;
    (void)snprintf(ret, PLACE_NAME_MAX, "%s", name);
    return 0;
}

static int
read_digest(const cJSON *json, const char *key, char *ret)
{
    const char *digest = ga_json_str(json, key);

    if (!digest || strlen(digest) != PLACE_DIGEST_MAX - 1)
        return -1;
    (void)snprintf(ret, PLACE_DIGEST_MAX, "%s", digest);
    return 0;
}

static int
read_file(const cJSON *json, struct apply_file *file)
{
    if (!json || cJSON_IsNull(json))
        return 0;
    file->used = 1;
    return read_name(json, "copy", file->copy) < 0 || read_name(json, "aside", file->aside) < 0 ||
                   read_digest(json, "was", file->was) < 0 || read_digest(json, "becomes", file->becomes) < 0
               ? -1
               : 0;
}

static int
read_keys(const cJSON *json, struct apply_state *state)
{
    const cJSON *element;

    cJSON_ArrayForEach(element, json)
    {
        const char *key = ga_json_str(element, "key");
        const char *value = ga_json_str(element, "new");
        int         is_env = ga_json_bool(element, "env", -1);

        if (!key || !value || is_env < 0 ||
            apply_state_add_key(state, is_env ? PLACE_ENV : PLACE_TOML, key, ga_json_str(element, "old"), value) < 0)
            return -1;
    }
    return 0;
}

static void
read_health(const cJSON *json, struct apply_health *health)
{
    health->known =
        ga_json_i64(json, "peers", &health->peers) == 0 && ga_json_i64(json, "height", &health->height) == 0;
    health->has_lag = ga_json_i64(json, "lag", &health->lag) == 0;
}

static int
read_change(const cJSON *json, struct apply_state *state)
{
    const char *stage = ga_json_str(json, "stage");
    size_t      i = 0;

    while (i < sizeof(stages) / sizeof(*stages) && (!stage || strcmp(stage, stages[i]) != 0))
        i++;
    if (i == sizeof(stages) / sizeof(*stages))
        return -1;
    state->stage = (enum apply_stage)i;
    if (state->stage == APPLY_IDLE)
        return 0;
    read_health(ga_json_get(json, "before"), &state->before);
    (void)ga_json_i64(json, "restarted_ns", &state->restarted_ns);
    (void)ga_json_i64(json, "worse", &state->worse);
    return ga_json_i64(json, "began_ns", &state->began_ns) < 0 ||
                   read_file(ga_json_get(json, "env"), &state->files[PLACE_ENV]) < 0 ||
                   read_file(ga_json_get(json, "toml"), &state->files[PLACE_TOML]) < 0 ||
                   read_keys(ga_json_get(json, "keys"), state) < 0
               ? -1
               : 0;
}

int
apply_state_load(struct ga_run *run, const struct ga_host *host, struct apply_state *ret, char *why)
{
    const void *data = NULL;
    size_t      len = 0;
    char        error[160] = "not what an earlier run wrote";
    cJSON      *json;
    int         r = host->state_get(run, DOCUMENT, &data, &len);
    int64_t     version = 0;

    memset(ret, 0, sizeof(*ret));
    if (r == 1)
        return GA_OK;
    json = r == 0 ? ga_json_parse(data, len, error, sizeof(error)) : NULL;
    if (json && ga_json_i64(json, "version", &version) == 0 && version == VERSION) {
        (void)ga_json_i64(json, "survey_ns", &ret->survey_ns);
        (void)ga_json_i64(json, "bad", &ret->bad);
        r = read_change(json, ret);
    } else {
        r = -1;
    }
    cJSON_Delete(json);
    if (r == 0)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX,
                   "the plugin's state document '%s' cannot be used (%s): whether a change is half done is unknown; "
                   "compare config.env and config.toml with the copies beside them, then remove the document",
                   DOCUMENT, error);
    return GA_UNKNOWN;
}

/* --- writing -------------------------------------------------------------------------------------------------------
 */

static int
put_file(cJSON *json, const char *name, const struct apply_file *file)
{
    cJSON *object;

    if (!file->used)
        return 1;
    object = cJSON_AddObjectToObject(json, name);
    return object && cJSON_AddStringToObject(object, "copy", file->copy) &&
           cJSON_AddStringToObject(object, "aside", file->aside) && cJSON_AddStringToObject(object, "was", file->was) &&
           cJSON_AddStringToObject(object, "becomes", file->becomes);
}

static int
put_keys(cJSON *json, const struct apply_state *state)
{
    cJSON *array = cJSON_AddArrayToObject(json, "keys");

    for (size_t i = 0; i < state->n_keys; i++) {
        const struct apply_key *key = &state->keys[i];
        cJSON                  *object = cJSON_CreateObject();

        if (!object || !cJSON_AddBoolToObject(object, "env", key->which == PLACE_ENV) ||
            !cJSON_AddStringToObject(object, "key", key->key) ||
            !cJSON_AddStringToObject(object, "new", key->new_value) ||
            (key->old_value && !cJSON_AddStringToObject(object, "old", key->old_value)) ||
            !cJSON_AddItemToArray(array, object)) {
            cJSON_Delete(object);
            return 0;
        }
    }
    return array != NULL;
}

static int
put_health(cJSON *json, const struct apply_health *health)
{
    cJSON *object = cJSON_AddObjectToObject(json, "before");
    int    ok = object != NULL;

    if (ok && health->known)
        ok = ga_json_add_i64(object, "peers", health->peers) == 0 &&
             ga_json_add_i64(object, "height", health->height) == 0;
    if (ok && health->has_lag)
        ok = ga_json_add_i64(object, "lag", health->lag) == 0;
    return ok;
}

int
apply_state_store(struct ga_run *run, const struct ga_host *host, const struct apply_state *state, char *why)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;
    int    ok = json && ga_json_add_i64(json, "version", VERSION) == 0 &&
             ga_json_add_i64(json, "survey_ns", state->survey_ns) == 0 &&
             ga_json_add_i64(json, "bad", state->bad) == 0 &&
             cJSON_AddStringToObject(json, "stage", stages[state->stage]);

    if (ok && state->stage != APPLY_IDLE)
        ok = ga_json_add_i64(json, "began_ns", state->began_ns) == 0 &&
             ga_json_add_i64(json, "restarted_ns", state->restarted_ns) == 0 &&
             ga_json_add_i64(json, "worse", state->worse) == 0 && put_health(json, &state->before) &&
             put_file(json, "env", &state->files[PLACE_ENV]) && put_file(json, "toml", &state->files[PLACE_TOML]) &&
             put_keys(json, state);
    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    ok = text && host->state_put(run, DOCUMENT, text, strlen(text)) == 0;
    free(text);
    if (ok)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX,
                   "the plugin's state cannot be written, see the log: nothing is changed without it");
    return GA_FAILED;
}

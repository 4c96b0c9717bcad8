/* apply_report.c: what a run of `apply` saw and did, for scripts and for people. */
#include "plugins/seed-manager/apply_task.h"

#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stages[] = {"idle", "writing", "watching", "undoing"};

static int
put_node(cJSON *json, const struct apply_health *health)
{
    cJSON *node = cJSON_AddObjectToObject(json, "node");
    int    ok = node && cJSON_AddBoolToObject(node, "known", health->known);

    if (ok && health->known)
        ok = ga_json_add_i64(node, "peers", health->peers) == 0 && ga_json_add_i64(node, "height", health->height) == 0;
    if (ok && health->known && health->has_lag)
        ok = ga_json_add_i64(node, "lag", health->lag) == 0;
    return ok;
}

static int
put_judged(cJSON *json, const struct choose_judged *judged)
{
    cJSON *seeds = cJSON_AddObjectToObject(json, "configured");

    return seeds && ga_json_add_u64(seeds, "seeds", judged->n) == 0 &&
           ga_json_add_u64(seeds, "healthy", judged->healthy) == 0 &&
           ga_json_add_u64(seeds, "not_surveyed", judged->unseen) == 0;
}

/* What is, or would be, written: the new values. */
static int
put_keys(cJSON *json, const struct apply_state *state)
{
    cJSON *change = cJSON_AddObjectToObject(json, "change");

    for (size_t i = 0; i < state->n_keys; i++)
        if (!cJSON_AddStringToObject(change, state->keys[i].key, state->keys[i].new_value))
            return 0;
    return change != NULL;
}

static char *
as_json(const struct apply *apply)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;
    int    ok = json && cJSON_AddStringToObject(json, "phase", apply->phase) &&
             cJSON_AddStringToObject(json, "stage", stages[apply->state.stage]) &&
             cJSON_AddBoolToObject(json, "initialized", apply->place.initialized) &&
             ga_json_add_i64(json, "bad_surveys", apply->state.bad) == 0 && put_node(json, &apply->look.health) &&
             put_judged(json, &apply->judged) && put_keys(json, &apply->state) &&
             cJSON_AddStringToObject(json, "why", apply->why) &&
             cJSON_AddStringToObject(json, "restart_needed", apply->restart);

    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

static void
put_text(FILE *out, const struct apply *apply)
{
    const struct apply_health *health = &apply->look.health;
    char                       age[64];

    (void)fprintf(out, "what counts   %s\n",
                  apply->place.initialized ? "config.toml (the node has started before)"
                                           : "config.env (the node never started)");
    if (apply->survey.taken_ns)
        (void)fprintf(out, "survey        %s\n",
                      ga_when_relative(apply->survey.taken_ns, apply->now_ns, age, sizeof(age)));
    if (apply->judged.n)
        (void)fprintf(out, "configured    %zu seeds, %zu healthy, %zu not surveyed\n", apply->judged.n,
                      apply->judged.healthy, apply->judged.unseen);
    if (health->known)
        (void)fprintf(out, "node          %" PRId64 " peers, height %" PRId64 "\n", health->peers, health->height);
    (void)fprintf(out, "change        %s\n", stages[apply->state.stage]);
    for (int i = 0; i < PLACE_FILES; i++)
        if (apply->files.edit[i].diff.len)
            (void)fprintf(out, "\n%s", apply->files.edit[i].diff.data);
    if (apply->restart[0])
        (void)fprintf(out, "\nThe change takes effect with the node's restart:\n  %s\n", apply->restart);
}

void
apply_report(const struct apply *apply)
{
    char  *json = as_json(apply);
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (json)
        (void)apply->host->result(apply->run, json);
    free(json);
    if (!out)
        return;
    put_text(out, apply);
    if (fclose(out) == 0)
        apply->host->text(apply->run, text);
    free(text);
}

/* apply_consider.c: are the configured seeds bad, and what takes their place? */
#include "plugins/seed-manager/apply_task.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum seeds { SEEDS_GOOD, SEEDS_BAD, SEEDS_UNKNOWN };

/* Judges what counts: config.toml once the node has started, config.env before. */
static enum seeds
judge(struct apply *apply)
{
    const struct watch_look *look = &apply->look;
    size_t                   floor = (size_t)apply->host->num(apply->run, "min_healthy");
    int64_t                  min_peers = apply->host->num(apply->run, "min_peers");
    struct choose_judged    *judged = &apply->judged;

    if (apply->place.initialized)
        choose_judge_list(&apply->survey, &look->connected, apply->files.seeds ? apply->files.seeds : "", judged);
    else
        choose_judge_env(&apply->survey, apply->files.api_url, apply->files.p2p_url, judged);
    if (judged->healthy + judged->unseen < floor) {
        (void)snprintf(apply->why, sizeof(apply->why), "%zu of %zu configured seeds are healthy, min_healthy is %zu",
                       judged->healthy, judged->n, floor);
        return SEEDS_BAD;
    }
    if (apply->place.initialized && look->health.known && look->health.peers < min_peers) {
        (void)snprintf(apply->why, sizeof(apply->why), "the node has %" PRId64 " peers, min_peers is %" PRId64,
                       look->health.peers, min_peers);
        return SEEDS_BAD;
    }
    if (judged->healthy < floor) {
        (void)snprintf(apply->why, sizeof(apply->why),
                       "%zu of %zu configured seeds were not surveyed: whether they are healthy is unknown; name their "
                       "API as a candidate for the survey",
                       judged->unseen, judged->n);
        return SEEDS_UNKNOWN;
    }
    if (apply->place.initialized && !look->health.known) {
        (void)snprintf(apply->why, sizeof(apply->why), "the seeds are healthy; the node's peers are unknown: %.300s",
                       look->why);
        return SEEDS_UNKNOWN;
    }
    (void)snprintf(apply->why, sizeof(apply->why), "%zu of %zu configured seeds are healthy", judged->healthy,
                   judged->n);
    return SEEDS_GOOD;
}

static int
store(struct apply *apply, int outcome)
{
    char why[EDIT_WHY_MAX];
    int  r = apply_state_store(apply->run, apply->host, &apply->state, why);

    if (r == GA_OK)
        return outcome;
    (void)snprintf(apply->why, sizeof(apply->why), "%s", why);
    return r;
}

/* Each survey counts once, however often apply runs. GA_OK: bad for long enough; GA_REFUSED: not yet. */
static int
count_bad(struct apply *apply, int *ret_enough)
{
    int64_t enough = apply->host->num(apply->run, "bad_surveys");
    char    finding[EDIT_WHY_MAX];

    if (apply->survey.taken_ns > apply->state.survey_ns) {
        apply->state.survey_ns = apply->survey.taken_ns;
        apply->state.bad++;
    }
    *ret_enough = apply->state.bad >= enough;
    if (!*ret_enough) {
        (void)snprintf(finding, sizeof(finding), "%s", apply->why);
        (void)snprintf(apply->why, sizeof(apply->why),
                       "%.350s; found by %" PRId64 " of the %" PRId64 " surveys in a row that bad_surveys asks for",
                       finding, apply->state.bad, enough);
    }
    return store(apply, GA_OK);
}

/* --- the change ----------------------------------------------------------------------------------------------------
 */

static int
choose(struct apply *apply)
{
    const struct choose_rules rules = {.own_id = apply->look.own_id,
                                       .write_seeds = (size_t)apply->host->num(apply->run, "write_seeds"),
                                       .write_peers = (size_t)apply->host->num(apply->run, "write_peers"),
                                       .min_replacements = (size_t)apply->host->num(apply->run, "min_replacements")};
    struct choose_judged      env;
    int r = choose_seeds(&apply->survey, &apply->look.connected, apply->files.seeds ? apply->files.seeds : "",
                         apply->files.peers ? apply->files.peers : "", &rules, &apply->choice, apply->why);

    if (r != 0)
        return r > 0 ? GA_REFUSED : GA_FAILED;
    choose_judge_env(&apply->survey, apply->files.api_url, apply->files.p2p_url, &env);
    if (env.healthy)
        apply->choice.has_first = 0; /* what is good stays */
    return GA_OK;
}

/* The act's details: why, and both diffs. */
static char *
details(const struct apply *apply, const char *reason)
{
    cJSON            *json = cJSON_CreateObject();
    struct edit_bytes diff = {.len = 0};
    char             *text;

    for (int i = 0; i < PLACE_FILES; i++)
        if (apply->files.edit[i].diff.data)
            edit_bytes_text(&diff, apply->files.edit[i].diff.data);
    (void)cJSON_AddStringToObject(json, "why", reason);
    (void)cJSON_AddStringToObject(json, "diff", diff.data ? diff.data : "");
    text = ga_json_print(json);
    cJSON_Delete(json);
    edit_bytes_free(&diff);
    return text;
}

static int
write_files(struct apply *apply)
{
    int r = apply_files_write(&apply->job, &apply->files, apply->why);

    apply->host->acted(apply->run, r == GA_OK, r == GA_OK ? "the files hold the new seeds" : apply->why);
    if (r != GA_OK)
        return r;
    (void)snprintf(apply->why, sizeof(apply->why), "%zu seeds were written, copies are kept beside the files",
                   apply->choice.n_seeds);
    return apply_restart(apply, GA_CHANGED);
}

static int
change(struct apply *apply)
{
    char  reason[EDIT_WHY_MAX];
    char *text;
    int   answer;

    (void)snprintf(reason, sizeof(reason), "%s", apply->why);
    text = details(apply, reason);
    answer = apply->host->act(apply->run, "change-seeds", apply->place.deploy_dir, text);
    free(text);
    apply->state.began_ns = apply->now_ns;
    apply->state.before = apply->look.health;
    switch (answer) {
    case GA_ACT_DRY:
        (void)snprintf(apply->why, sizeof(apply->why), "%zu seeds would be written: %.300s", apply->choice.n_seeds,
                       reason);
        return apply_restart(apply, GA_CHANGED);
    case GA_ACT_DO:
        return write_files(apply);
    default:
        (void)snprintf(apply->why, sizeof(apply->why), "%.400s", apply->host->act_why(apply->run));
        return GA_REFUSED;
    }
}

/* The seeds are bad, and have been for long enough. */
static int
replace(struct apply *apply)
{
    char reason[EDIT_WHY_MAX];
    int  r;

    (void)snprintf(reason, sizeof(reason), "%s", apply->why);
    if (apply->place.initialized && !apply->look.health.known) {
        (void)snprintf(apply->why, sizeof(apply->why),
                       "%.200s; but the node cannot be asked, so a change could not be judged afterwards: %.200s",
                       reason, apply->look.why);
        return GA_UNKNOWN;
    }
    r = choose(apply);
    if (r == GA_OK)
        r = apply_files_plan(&apply->files, &apply->choice, apply->now_ns, &apply->state, apply->why);
    if (r != GA_OK)
        return r;
    if (apply->state.n_keys == 0) {
        (void)snprintf(apply->why, sizeof(apply->why),
                       "%.300s; but the best known seeds are configured already: look for the cause elsewhere", reason);
        return GA_REFUSED;
    }
    (void)snprintf(apply->why, sizeof(apply->why), "%s", reason);
    return change(apply);
}

int
apply_consider(struct apply *apply)
{
    int enough = 0;
    int r;

    apply->phase = "consider";
    r = apply_survey_load(apply->run, apply->host, apply->now_ns, &apply->survey, apply->why);
    if (r == GA_OK)
        r = apply_files_read(&apply->place, &apply->files, apply->why);
    if (r != GA_OK)
        return r;
    if (watch_ask(apply->run, apply->host, apply->now_ns, &apply->look) != GA_OK) {
        (void)snprintf(apply->why, sizeof(apply->why), "%s", apply->look.why);
        return GA_REFUSED;
    }
    switch (judge(apply)) {
    case SEEDS_GOOD:
        apply->state.bad = 0;
        apply->state.survey_ns = apply->survey.taken_ns;
        return store(apply, GA_OK);
    case SEEDS_UNKNOWN:
        return GA_UNKNOWN;
    case SEEDS_BAD:
        break;
    }
    r = count_bad(apply, &enough);
    return r == GA_OK && enough ? replace(apply) : r;
}

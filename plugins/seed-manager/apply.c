/* apply.c: the task `apply`: what an earlier run left, then the watch, then whether the seeds are to be changed. */
#include "plugins/seed-manager/apply.h"
#include "plugins/seed-manager/apply_task.h"

#include "plugins/seed-manager/apply_command.h"

#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SURVEY_DOCUMENT "survey"
#define CLOCK_SLACK_NS INT64_C(300000000000) /* a survey so far in the future was taken by another clock */

int64_t
apply_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* --- the survey ----------------------------------------------------------------------------------------------------
 */

int
apply_survey_load(struct ga_run *run, const struct ga_host *host, int64_t now_ns, struct choose_survey *ret, char *why)
{
    const void *data = NULL;
    size_t      len = 0;
    char        age[64];
    char        allowed[64];
    int         r = host->state_get(run, SURVEY_DOCUMENT, &data, &len);

    memset(ret, 0, sizeof(*ret));
    if (r != 0) {
        (void)snprintf(why, EDIT_WHY_MAX, "%s: run `survey` first",
                       r == 1 ? "there is no survey yet" : "the survey's document cannot be read, see the log");
        return GA_UNKNOWN;
    }
    if (choose_survey_parse(data, len, ret, why) < 0)
        return GA_UNKNOWN;
    if (now_ns - ret->taken_ns > host->num(run, "survey_max_age")) {
        (void)snprintf(why, EDIT_WHY_MAX, "the survey is %s old, survey_max_age allows %s: run `survey`",
                       ga_when_span(now_ns - ret->taken_ns, age, sizeof(age)),
                       ga_when_span(host->num(run, "survey_max_age"), allowed, sizeof(allowed)));
        return GA_UNKNOWN;
    }
    if (ret->taken_ns - now_ns > CLOCK_SLACK_NS) {
        (void)snprintf(why, EDIT_WHY_MAX, "the survey is from the future: check the clock, then run `survey`");
        return GA_UNKNOWN;
    }
    if (ret->known)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX,
                   "the survey was taken without a quorum: which seeds are healthy is unknown; run `survey` again");
    return GA_UNKNOWN;
}

/* --- the restart ---------------------------------------------------------------------------------------------------
 */

int
apply_restart(struct apply *apply, int outcome)
{
    char why[EDIT_WHY_MAX];
    char by_hand[EDIT_WHY_MAX];
    int  r;

    if (!apply_command_given(apply->run, apply->host, APPLY_RESTART)) {
        (void)snprintf(apply->restart, sizeof(apply->restart), "%s",
                       apply_command_by_hand(APPLY_RESTART, &apply->place, by_hand, sizeof(by_hand)));
        return outcome;
    }
    r = apply_command_run(apply->run, apply->host, APPLY_RESTART, apply->place.deploy_dir, why);
    if (r != GA_CHANGED) {
        (void)snprintf(apply->restart, sizeof(apply->restart), "%s",
                       apply_command_by_hand(APPLY_RESTART, &apply->place, by_hand, sizeof(by_hand)));
        (void)snprintf(apply->why, sizeof(apply->why), "the files are changed, the node is not restarted: %.300s", why);
        return r;
    }
    if (apply->state.stage != APPLY_WATCHING)
        return outcome;
    apply->state.restarted_ns = apply_now();
    r = apply_state_store(apply->run, apply->host, &apply->state, apply->why);
    return r == GA_OK ? outcome : r;
}

/* --- the watch -----------------------------------------------------------------------------------------------------
 */

/* Puts the old seeds back. `what` is why. */
static int
undo(struct apply *apply, const char *what)
{
    char reason[EDIT_WHY_MAX];
    int  r;

    (void)snprintf(reason, sizeof(reason), "%s", what);
    r = apply_files_undo(&apply->job, reason, apply->why);
    if (r != GA_CHANGED)
        return r;
    (void)snprintf(apply->why, sizeof(apply->why), "the old seeds %s put back: %.400s",
                   apply->host->dry_run(apply->run) ? "would be" : "were", reason);
    return apply_restart(apply, GA_CHANGED);
}

/* The change needs no more watching. */
static int
end_watch(struct apply *apply, const char *what)
{
    char seen[EDIT_WHY_MAX];
    int  r;

    (void)snprintf(seen, sizeof(seen), "%s", apply->why);
    apply_state_forget(&apply->state);
    r = apply_state_store(apply->run, apply->host, &apply->state, apply->why);
    if (r == GA_OK)
        (void)snprintf(apply->why, sizeof(apply->why), "%s: %.400s", what, seen);
    return r;
}

/* Remembers what this look found, for the next one. */
static int
keep_watching(struct apply *apply, int64_t worse, int outcome)
{
    char why[EDIT_WHY_MAX];

    apply->state.worse = worse;
    if (apply_state_store(apply->run, apply->host, &apply->state, why) == GA_OK)
        return outcome;
    (void)snprintf(apply->why, sizeof(apply->why), "%s", why);
    return GA_FAILED;
}

static int
judge(struct apply *apply)
{
    const struct watch_rules rules = {.min_peers = apply->host->num(apply->run, "min_peers"),
                                      .max_lag = apply->host->num(apply->run, "max_lag"),
                                      .settle_ns = apply->host->num(apply->run, "settle"),
                                      .watch_ns = apply->host->num(apply->run, "watch")};

    if (apply->state.restarted_ns == 0 && apply->look.health.known && apply->look.restart == WATCH_RESTARTED)
        apply->state.restarted_ns = apply->now_ns;
    switch (watch_judge(&apply->state, &apply->look, &rules, apply->now_ns, apply->why)) {
    case WATCH_UNTAKEN:
        (void)apply_command_by_hand(APPLY_RESTART, &apply->place, apply->restart, sizeof(apply->restart));
        return GA_OK;
    case WATCH_SETTLING:
    case WATCH_FINE:
        return keep_watching(apply, 0, GA_OK);
    case WATCH_UNKNOWN:
        return keep_watching(apply, apply->state.worse, GA_UNKNOWN);
    case WATCH_PASSED:
        return end_watch(apply, "the change of seeds is confirmed");
    case WATCH_WORSE:
        return keep_watching(apply, apply->state.worse + 1, GA_OK);
    case WATCH_FAILED:
        break;
    }
    return undo(apply, apply->why);
}

int
apply_watch(struct apply *apply)
{
    int stand = apply_files_stand(&apply->place, &apply->state, apply->why);

    apply->phase = "watch";
    if (stand < 0)
        return GA_UNKNOWN;
    if (stand == 0) {
        (void)snprintf(apply->why, sizeof(apply->why), "somebody else changed the seeds since");
        return end_watch(apply, "the watch of the change ends");
    }
    if (watch_ask(apply->run, apply->host, apply->state.began_ns, &apply->look) != GA_OK) {
        (void)snprintf(apply->why, sizeof(apply->why), "%s", apply->look.why);
        return GA_REFUSED;
    }
    return judge(apply);
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static int
go(struct apply *apply)
{
    int r;

    if (!apply->host->has(apply->run, "deploy_dir")) {
        (void)snprintf(apply->why, sizeof(apply->why),
                       "no deploy_dir: set it to the folder with config.env and .inference/ (deploy/join)");
        return GA_REFUSED;
    }
    r = place_open(&apply->place, apply->host->str(apply->run, "deploy_dir"), apply->why);
    if (r == GA_OK)
        r = apply_state_load(apply->run, apply->host, &apply->state, apply->why);
    if (r == GA_OK)
        r = reseed_check_idle(apply->run, apply->host, apply->why);
    apply->phase = "recover";
    if (r == GA_OK)
        r = apply_files_recover(&apply->job, apply->why);
    if (r == GA_CHANGED && apply->state.stage == APPLY_WATCHING)
        return apply_restart(apply, r);
    if (r != GA_OK)
        return r;
    if (!apply->host->num(apply->run, "undo"))
        return apply->state.stage == APPLY_WATCHING ? apply_watch(apply) : apply_consider(apply);
    apply->phase = "undo";
    if (apply->state.stage == APPLY_WATCHING)
        return undo(apply, "asked for by the operator");
    (void)snprintf(apply->why, sizeof(apply->why),
                   "no change is being watched: older ones are put back by hand, from the copies *.seeds-*");
    return GA_REFUSED;
}

int
apply_task(struct ga_run *run, const struct ga_host *host)
{
    struct apply *apply = calloc(1, sizeof(*apply));
    int           outcome;

    if (!apply)
        return host->end(run, GA_FAILED, "no memory");
    apply->run = run;
    apply->host = host;
    apply->now_ns = apply_now();
    apply->phase = "start";
    apply->place.deploy_fd = apply->place.home_fd = apply->place.config_fd = -1;
    apply->job = (struct apply_job){.run = run, .host = host, .place = &apply->place, .state = &apply->state};
    outcome = go(apply);
    apply_report(apply);
    (void)host->end(run, outcome, "%s%s%s", apply->why, apply->restart[0] ? "; restart the node: " : "",
                    apply->restart);
    choose_done(&apply->choice);
    watch_done(&apply->look);
    apply_files_done(&apply->files);
    choose_survey_done(&apply->survey);
    apply_state_done(&apply->state);
    place_close(&apply->place);
    free(apply);
    return outcome;
}

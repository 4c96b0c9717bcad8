/* reseed.c: the task `reseed`: a node's data is moved aside and fetched anew. Each run goes as far as it can. */
#include "plugins/seed-manager/apply.h"
#include "plugins/seed-manager/apply_command.h"
#include "plugins/seed-manager/apply_task.h"
#include "plugins/seed-manager/reseed.h"

#include "kit/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_MS 500 /* between two looks whether the node has stopped */

static const char *const stages[] = {"idle", "moving", "syncing"};

static void
by_hand(struct reseed *reseed, enum apply_command command)
{
    (void)apply_command_by_hand(command, &reseed->place, reseed->next, sizeof(reseed->next));
}

/* --- stopping and starting -----------------------------------------------------------------------------------------
 */

/* Looks until the node has stopped, as long as a command may take. */
static int
wait_stopped(struct reseed *reseed)
{
    int64_t       until = apply_now() + reseed->host->num(reseed->run, "command_timeout");
    struct pollfd cancel = {.fd = reseed->host->cancel_fd(reseed->run), .events = POLLIN};
    int           r = reseed_stopped(reseed);

    while (r != GA_OK && apply_now() < until && poll(&cancel, 1, POLL_MS) == 0)
        r = reseed_stopped(reseed);
    return r;
}

/* GA_OK once it is proven to have stopped; in a dry run also when it would be. */
static int
stop_node(struct reseed *reseed)
{
    char seen[EDIT_WHY_MAX];
    int  r = reseed_stopped(reseed);

    if (r != GA_REFUSED)
        return r;
    if (apply_command_given(reseed->run, reseed->host, APPLY_STOP)) {
        r = apply_command_run(reseed->run, reseed->host, APPLY_STOP, reseed->place.deploy_dir, reseed->why);
        if (r != GA_CHANGED)
            return r;
        return reseed->host->dry_run(reseed->run) ? GA_OK : wait_stopped(reseed);
    }
    if (reseed->host->dry_run(reseed->run))
        return GA_OK; /* the plan shows what comes after it */
    by_hand(reseed, APPLY_STOP);
    (void)snprintf(seen, sizeof(seen), "%s", reseed->why);
    (void)snprintf(reseed->why, sizeof(reseed->why), "%.300s; stop it, then run `reseed` again", seen);
    return GA_REFUSED;
}

/* After the move: `outcome` unless the command fails. */
static int
start_node(struct reseed *reseed, int outcome)
{
    char why[EDIT_WHY_MAX];
    int  r;

    if (!apply_command_given(reseed->run, reseed->host, APPLY_START)) {
        by_hand(reseed, APPLY_START);
        return outcome;
    }
    r = apply_command_run(reseed->run, reseed->host, APPLY_START, reseed->place.deploy_dir, why);
    if (r != GA_CHANGED) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "the node is not started: %.300s", why);
        by_hand(reseed, APPLY_START);
        return r;
    }
    if (reseed->state.stage != RESEED_SYNCING)
        return outcome;
    reseed->state.started_ns = apply_now();
    r = reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
    return r == GA_OK ? outcome : r;
}

/* --- the steps -----------------------------------------------------------------------------------------------------
 */

static void
name_old(struct reseed *reseed)
{
    time_t    now = (time_t)(reseed->now_ns / INT64_C(1000000000));
    struct tm tm = {.tm_sec = 0};
    char      stamp[32] = "";

    (void)gmtime_r(&now, &tm);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    (void)snprintf(reseed->state.data, sizeof(reseed->state.data), RESEED_DATA "-before-reseed-%s", stamp);
    (void)snprintf(reseed->state.flag, sizeof(reseed->state.flag), RESEED_FLAG "-before-reseed-%s", stamp);
    reseed->state.began_ns = reseed->now_ns;
}

static int
move_and_start(struct reseed *reseed)
{
    int r = reseed_move_aside(reseed);

    if (r != GA_CHANGED)
        return r;
    (void)snprintf(reseed->why, sizeof(reseed->why),
                   "the old data %s .inference/%s until the node is in sync: then run `reseed` again",
                   reseed->host->dry_run(reseed->run) ? "would lie in" : "lies in", reseed->state.data);
    return start_node(reseed, GA_CHANGED);
}

static int
begin(struct reseed *reseed)
{
    struct apply_files   files;
    struct choose_choice choice;
    int                  r;

    memset(&files, 0, sizeof(files));
    memset(&choice, 0, sizeof(choice));
    r = reseed_check(reseed, &files, &choice);
    if (r == GA_OK && !apply_command_given(reseed->run, reseed->host, APPLY_STOP))
        r = stop_node(reseed); /* before anything is written: the operator has to stop it */
    if (r == GA_OK)
        r = reseed_write_seeds(reseed, &files, &choice);
    if (r == GA_OK)
        r = stop_node(reseed);
    choose_done(&choice);
    apply_files_done(&files);
    if (r != GA_OK)
        return r;
    name_old(reseed);
    return move_and_start(reseed);
}

/* A run that died while it moved. */
static int
go_on(struct reseed *reseed)
{
    int r = stop_node(reseed);

    return r == GA_OK ? move_and_start(reseed) : r;
}

static int
undo(struct reseed *reseed)
{
    int r;

    if (reseed->state.stage == RESEED_IDLE) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "no re-initialisation is under way: there is nothing to undo");
        return GA_REFUSED;
    }
    r = stop_node(reseed);
    if (r == GA_OK)
        r = reseed_move_back(reseed);
    if (r != GA_CHANGED)
        return r;
    (void)snprintf(reseed->why, sizeof(reseed->why),
                   "the old data %s in its place; what the node fetched meanwhile lies beside it as data-dropped-*",
                   reseed->host->dry_run(reseed->run) ? "would be" : "is");
    return start_node(reseed, GA_CHANGED);
}

/* --- until it is in sync -------------------------------------------------------------------------------------------
 */

/* The data in its place is the old one: somebody moved it back. */
static int
is_back(const struct reseed *reseed)
{
    struct stat st;

    return fstatat(reseed->place.home_fd, RESEED_DATA, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)st.st_dev == reseed->state.dev && (uint64_t)st.st_ino == reseed->state.ino;
}

static int
end_procedure(struct reseed *reseed, const char *what)
{
    (void)snprintf(reseed->why, sizeof(reseed->why), "%s; the old data is .inference/%s", what, reseed->state.data);
    memset(&reseed->state, 0, sizeof(reseed->state));
    return reseed_state_store(reseed->run, reseed->host, &reseed->state, reseed->why);
}

static int
finish(struct reseed *reseed)
{
    int r;

    if (reseed->host->num(reseed->run, "keep_old"))
        return end_procedure(reseed, "the node is in sync, the procedure is done");
    r = reseed_delete_old(reseed);
    if (r == GA_CHANGED)
        (void)snprintf(reseed->why, sizeof(reseed->why), "the node is in sync, and the old data %s",
                       reseed->host->dry_run(reseed->run) ? "would be deleted" : "is deleted");
    return r;
}

static int
follow(struct reseed *reseed)
{
    const struct watch_look *look = &reseed->look;

    if (is_back(reseed))
        return end_procedure(reseed, "somebody moved the old data back: the procedure ends");
    if (watch_ask(reseed->run, reseed->host, reseed->now_ns, &reseed->look) != GA_OK) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "%s", look->why);
        return GA_REFUSED;
    }
    if (!look->answered) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "the node does not answer yet: %.300s", look->why);
        if (reseed->state.started_ns == 0 && apply_command_given(reseed->run, reseed->host, APPLY_START))
            return start_node(reseed, GA_CHANGED);
        by_hand(reseed, APPLY_START);
        return GA_UNKNOWN;
    }
    if (!look->health.has_lag) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "whether the node is in sync is unknown: %.300s", look->why);
        return GA_UNKNOWN;
    }
    if (look->catching_up || look->health.lag > reseed->host->num(reseed->run, "max_lag") ||
        !reseed->place.initialized) {
        (void)snprintf(reseed->why, sizeof(reseed->why), "the node is syncing, %" PRId64 " blocks are left",
                       look->health.lag > 0 ? look->health.lag : 0);
        return GA_OK;
    }
    return finish(reseed);
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static int
go(struct reseed *reseed)
{
    struct ga_event event;
    int             r;

    if (reseed->host->next_event(reseed->run, 0, &event) == 1) {
        (void)snprintf(reseed->why, sizeof(reseed->why),
                       "a node is re-initialised by hand only, never by an event: take `on` from the manifest");
        return GA_REFUSED;
    }
    if (!reseed->host->has(reseed->run, "deploy_dir")) {
        (void)snprintf(reseed->why, sizeof(reseed->why),
                       "no deploy_dir: set it to the folder with config.env and .inference/ (deploy/join)");
        return GA_REFUSED;
    }
    r = place_open(&reseed->place, reseed->host->str(reseed->run, "deploy_dir"), reseed->why);
    if (r == GA_OK)
        r = reseed_state_load(reseed->run, reseed->host, &reseed->state, reseed->why);
    if (r != GA_OK)
        return r;
    if (reseed->host->num(reseed->run, "undo"))
        return undo(reseed);
    switch (reseed->state.stage) {
    case RESEED_IDLE:
        return begin(reseed);
    case RESEED_MOVING:
        return go_on(reseed);
    case RESEED_SYNCING:
        break;
    }
    return follow(reseed);
}

static void
report(const struct reseed *reseed)
{
    cJSON *json = cJSON_CreateObject();
    char   text[PLACE_PATH_MAX + 3 * EDIT_WHY_MAX];
    char  *printed = NULL;

    if (json && cJSON_AddStringToObject(json, "stage", stages[reseed->state.stage]) &&
        cJSON_AddStringToObject(json, "old_data", reseed->state.data) &&
        cJSON_AddBoolToObject(json, "node_answers", reseed->look.answered) &&
        cJSON_AddStringToObject(json, "why", reseed->why) && cJSON_AddStringToObject(json, "next", reseed->next))
        printed = ga_json_print(json);
    cJSON_Delete(json);
    if (printed)
        (void)reseed->host->result(reseed->run, printed);
    free(printed);
    (void)snprintf(text, sizeof(text), "stage     %s\nold data  %s%s\nnode      %s\n%s%s%s",
                   stages[reseed->state.stage], reseed->state.data[0] ? ".inference/" : "-", reseed->state.data,
                   reseed->look.answered ? "answers" : "does not answer", reseed->next[0] ? "\nNext, by hand:\n  " : "",
                   reseed->next, reseed->next[0] ? "\n" : "");
    reseed->host->text(reseed->run, text);
}

int
reseed_task(struct ga_run *run, const struct ga_host *host)
{
    struct reseed *reseed = calloc(1, sizeof(*reseed));
    int            outcome;

    if (!reseed)
        return host->end(run, GA_FAILED, "no memory");
    reseed->run = run;
    reseed->host = host;
    reseed->now_ns = apply_now();
    reseed->place.deploy_fd = reseed->place.home_fd = reseed->place.config_fd = -1;
    outcome = go(reseed);
    report(reseed);
    (void)host->end(run, outcome, "%s%s%s", reseed->why, reseed->next[0] ? "; by hand: " : "", reseed->next);
    watch_done(&reseed->look);
    place_close(&reseed->place);
    free(reseed);
    return outcome;
}

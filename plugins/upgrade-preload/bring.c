/* bring.c: brings one program into its home, as far as that is needed and allowed. */
#include "plugins/upgrade-preload/preload.h"

#include "kit/http.h"
#include "kit/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OBJECT_MAX (PATH_MAX + 64)

static void
conclude(struct up_program *program, int outcome, const char *why)
{
    program->outcome = up_worse(program->outcome, outcome);
    if (program->outcome == outcome || !*program->why)
        (void)snprintf(program->why, sizeof(program->why), "%s", why);
}

static void
settle(struct up_target *target, int outcome, const char *why)
{
    target->outcome = outcome;
    if (why != target->why)
        (void)snprintf(target->why, sizeof(target->why), "%s", why);
}

static struct up_place
place_of(const struct up_program *program, const struct up_target *target)
{
    return (struct up_place){program->home, target->folder, program->kind->daemon};
}

/* {"url","archive_sha256",...} of an act. The caller's; NULL without memory (the act does without then). */
static char *
details_of(const struct up_work *work, const struct up_program *program)
{
    cJSON *json = cJSON_CreateObject();
    char   url[512];
    char  *text;

    (void)cJSON_AddStringToObject(json, "upgrade", work->plan.name);
    (void)cJSON_AddStringToObject(json, "url", ga_http_show_url(program->entry->url, url, sizeof(url)));
    (void)cJSON_AddStringToObject(json, "archive_sha256", program->entry->sha256);
    if (*program->staged.sha256)
        (void)cJSON_AddStringToObject(json, "sha256", program->staged.sha256);
    (void)cJSON_AddBoolToObject(json, "unverified", !*program->entry->sha256);
    text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

static int
ask(const struct up_work *work, const struct up_program *program, const char *verb, const char *object)
{
    char *details = details_of(work, program);
    int   answer = work->host->act(work->run, verb, object, details);

    cJSON_free(details);
    return answer;
}

/* --- one folder ----------------------------------------------------------------------------------------------------
 */

/* Looks again after a change: what counts is what lies there, not that nothing failed. */
static int
is_right_now(const struct up_work *work, const struct up_program *program, struct up_target *target)
{
    struct up_place place = place_of(program, target);
    char            why[UP_WHY];

    return up_look(&place, work->host->cancel_fd(work->run), &target->look) == 0 &&
           up_decide(&target->look, program->wanted, 0, why, sizeof(why)) == UP_STEP_NONE;
}

static void
finish(struct up_work *work, struct up_program *program, struct up_target *target, int r, const char *done)
{
    int ok = r == 0 && is_right_now(work, program, target);

    if (ok) {
        settle(target, GA_CHANGED, done);
        target->step = UP_STEP_NONE;
    } else if (r == 0) {
        settle(target, GA_FAILED, "the program was put there, but what lies there now is something else");
    } else {
        settle(target, r == -ECANCELED ? GA_UNKNOWN : GA_FAILED, target->why);
    }
    work->host->acted(work->run, ok, target->why);
}

static void
install(struct up_work *work, struct up_program *program, struct up_target *target)
{
    struct up_place place = place_of(program, target);
    char            path[PATH_MAX];
    int             r;

    switch (ask(work, program, "install", up_place_path(&place, path, sizeof(path)))) {
    case GA_ACT_DO:
        r = up_install(&place, program->staged.fd, program->staged.sha256, work->host->cancel_fd(work->run),
                       target->why, sizeof(target->why));
        finish(work, program, target, r, "installed");
        break;
    case GA_ACT_DRY:
        settle(target, GA_CHANGED, "would be installed");
        break;
    default:
        settle(target, GA_REFUSED, work->host->act_why(work->run));
        break;
    }
}

static void
fix_mode(struct up_work *work, struct up_program *program, struct up_target *target)
{
    struct up_place place = place_of(program, target);
    char            path[PATH_MAX];

    switch (work->host->act(work->run, "make-executable", up_place_path(&place, path, sizeof(path)), NULL)) {
    case GA_ACT_DO:
        finish(work, program, target, up_make_runnable(&place, target->why, sizeof(target->why)), "made executable");
        break;
    case GA_ACT_DRY:
        settle(target, GA_CHANGED, "would be made executable");
        break;
    default:
        settle(target, GA_REFUSED, work->host->act_why(work->run));
        break;
    }
}

/* What has been decided about a folder is done, as far as it does not need the archive. */
static void
do_step(struct up_work *work, struct up_program *program, struct up_target *target)
{
    switch (target->step) {
    case UP_STEP_NONE:
        settle(target, GA_OK, target->why);
        break;
    case UP_STEP_INSTALL:
        install(work, program, target);
        break;
    case UP_STEP_COMPARE:
        settle(target, GA_CHANGED, "would be compared with the archive");
        break;
    case UP_STEP_MODE:
        fix_mode(work, program, target);
        break;
    case UP_STEP_REFUSE:
        settle(target, GA_REFUSED, target->why);
        break;
    case UP_STEP_UNKNOWN:
        settle(target, GA_UNKNOWN, target->why);
        break;
    }
}

static void
do_steps(struct up_work *work, struct up_program *program)
{
    for (size_t i = 0; i < program->n_targets; i++) {
        struct up_target *target = &program->targets[i];

        do_step(work, program, target);
        conclude(program, target->outcome, target->why);
    }
}

/* --- one program ---------------------------------------------------------------------------------------------------
 */

static int
needs_archive(const struct up_program *program)
{
    for (size_t i = 0; i < program->n_targets; i++)
        if (program->targets[i].step == UP_STEP_INSTALL || program->targets[i].step == UP_STEP_COMPARE)
            return 1;
    return 0;
}

static void
warn_unverified(const struct up_work *work, const struct up_program *program)
{
    if (!*program->entry->sha256)
        work->host->log(work->run, GA_LOG_WARNING,
                        "the %s of upgrade %s is NOT VERIFIED: its URL names no checksum and allow_unverified is set",
                        program->kind->daemon, work->plan.name);
}

/* The program in the work folder, verified; then each folder is decided anew, as its checksum is known now. */
static int
stage(struct up_work *work, struct up_program *program)
{
    struct up_wish wish = up_work_wish(work, program);
    char           why[UP_WHY] = "";
    int            outcome;

    warn_unverified(work, program);
    outcome = up_stage(work->run, work->host, &wish, &program->staged, why, sizeof(why));
    work->host->acted(work->run, outcome == GA_OK, outcome == GA_OK ? "fetched, verified and tried" : why);
    if (outcome != GA_OK) {
        conclude(program, outcome, why);
        return outcome;
    }
    (void)snprintf(program->wanted, sizeof(program->wanted), "%s", program->staged.sha256);
    up_known_put(work, program);
    for (size_t i = 0; i < program->n_targets; i++) {
        struct up_target *target = &program->targets[i];

        if (target->step == UP_STEP_COMPARE)
            target->step = up_decide(&target->look, program->wanted, work->replace, target->why, sizeof(target->why));
    }
    return GA_OK;
}

static void
fetch_and_do(struct up_work *work, struct up_program *program)
{
    char object[OBJECT_MAX];

    (void)snprintf(object, sizeof(object), "%s of upgrade %s", program->kind->daemon, work->plan.name);
    switch (ask(work, program, "fetch", object)) {
    case GA_ACT_DO:
        if (stage(work, program) == GA_OK)
            do_steps(work, program);
        up_staged_done(&program->staged);
        break;
    case GA_ACT_DRY:
        do_steps(work, program);
        break;
    default:
        conclude(program, GA_REFUSED, work->host->act_why(work->run));
        break;
    }
}

void
up_bring(struct up_work *work, struct up_program *program)
{
    char why[UP_WHY] = "";

    if (program->left_out) {
        conclude(program, GA_OK, "the upgrade does not bring it");
    } else if (!needs_archive(program)) {
        do_steps(work, program);
    } else if (!up_may_fetch(program->entry, work->platform, work->allow_unverified, why, sizeof(why))) {
        conclude(program, GA_REFUSED, why);
    } else {
        fetch_and_do(work, program);
    }
}

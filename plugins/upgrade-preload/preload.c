/* preload.c: the task that has the programs in place before the upgrade's height. */
#include "plugins/upgrade-preload/preload.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A checksum given by hand. 0, or -EINVAL with a sentence. */
static int
read_sum(const struct up_work *work, struct up_program *program, char *why, size_t len)
{
    const char *text =
        work->host->has(work->run, program->kind->sum_key) ? work->host->str(work->run, program->kind->sum_key) : "";

    if (!*text)
        return 0;
    if (strlen(text) != UP_SHA256 - 1 || strspn(text, "0123456789abcdef") != UP_SHA256 - 1) {
        (void)snprintf(why, len, "%s is no sha256: 64 digits 0-9 and a-f", program->kind->sum_key);
        return -EINVAL;
    }
    (void)snprintf(program->wanted, sizeof(program->wanted), "%s", text);
    return 0;
}

static int
read_settings(struct up_work *work, char *why, size_t len)
{
    work->replace = work->host->num(work->run, "replace") != 0;
    for (size_t i = 0; i < UP_PROGRAMS; i++)
        if (read_sum(work, &work->programs[i], why, len) < 0)
            return -EINVAL;
    return 0;
}

/* The plan that was given by hand. */
static enum up_found
take_given(struct up_work *work, char *why, size_t len)
{
    const struct ga_host *host = work->host;
    const char           *name = host->has(work->run, "name") ? host->str(work->run, "name") : "";
    const char           *info = host->has(work->run, "info") ? host->str(work->run, "info") : "";

    if (!*name || !*info) {
        (void)snprintf(why, len, "an upgrade given by hand needs both name= and info=@file");
        return UP_FOUND_BAD;
    }
    if (!up_name_ok(name)) {
        (void)snprintf(why, len, "the name of the upgrade cannot be a folder's: letters, digits and ._-+ only");
        return UP_FOUND_BAD;
    }
    (void)snprintf(work->plan.name, sizeof(work->plan.name), "%s", name);
    (void)snprintf(work->plan.from, sizeof(work->plan.from), "given by hand");
    work->by_hand = 1;
    work->plan.height = host->has(work->run, "height") ? host->num(work->run, "height") : 0;
    work->plan.info = strdup(info);
    return work->plan.info ? UP_FOUND_PLAN : UP_FOUND_UNKNOWN;
}

static enum up_found
find_plan(struct up_work *work, char *why, size_t len)
{
    static struct up_chain chain; /* too large for a stack */
    int                    r;

    if (work->host->has(work->run, "name") || work->host->has(work->run, "info"))
        return take_given(work, why, len);
    r = up_chain_look(work->run, work->host, &chain, why, len);
    if (r < 0)
        return r == -EINVAL ? UP_FOUND_BAD : UP_FOUND_UNKNOWN;
    return up_find_plan(&chain, &work->plan, why, len);
}

static void
tell_all(struct up_work *work)
{
    cJSON *payload = cJSON_CreateObject();
    char  *text;

    (void)cJSON_AddStringToObject(payload, "name", work->plan.name);
    (void)ga_json_add_i64(payload, "height", work->plan.height);
    (void)cJSON_AddItemToObject(payload, "programs", up_report_programs(work));
    text = ga_json_print(payload);
    if (text)
        (void)work->host->emit(work->run, "upgrade.preloaded", text);
    cJSON_free(text);
    cJSON_Delete(payload);
}

/* The sentence for the whole: the worst program's. */
static int
conclude(struct up_work *work, char *summary, size_t len)
{
    const struct up_program *worst = NULL;
    int                      outcome = GA_OK;

    for (size_t i = 0; i < UP_PROGRAMS; i++) {
        const struct up_program *program = &work->programs[i];

        if (!program->home)
            continue;
        if (!worst || program->outcome > worst->outcome)
            worst = program;
        outcome = up_worse(outcome, program->outcome);
    }
    if (outcome == GA_OK)
        (void)snprintf(summary, len, "upgrade %s: its programs are in place", work->plan.name);
    else if (outcome == GA_CHANGED)
        (void)snprintf(summary, len, "upgrade %s: its programs %s", work->plan.name,
                       work->host->dry_run(work->run) ? "would be fetched, verified and installed"
                                                      : "were verified and installed");
    else
        (void)snprintf(summary, len, "upgrade %s: %s: %s", work->plan.name, worst->kind->daemon, worst->why);
    return outcome;
}

static int
bring_all(struct up_work *work)
{
    char summary[UP_WHY + 200];
    int  outcome;

    for (size_t i = 0; i < UP_PROGRAMS; i++)
        if (work->programs[i].home)
            up_bring(work, &work->programs[i]);
    outcome = conclude(work, summary, sizeof(summary));
    if (outcome <= GA_CHANGED && !work->host->dry_run(work->run))
        up_stage_clear(work->host->str(work->run, "work_dir"));
    if (outcome == GA_CHANGED && !work->host->dry_run(work->run))
        tell_all(work);
    up_report(work, outcome, summary);
    return work->host->end(work->run, outcome, "%s", summary);
}

int
up_preload(struct ga_run *run, const struct ga_host *host)
{
    static struct up_work work;
    char                  why[UP_WHY] = "";
    enum up_found         found;
    int                   outcome;

    if (up_work_start(run, host, &work, why, sizeof(why)) < 0 || read_settings(&work, why, sizeof(why)) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    found = find_plan(&work, why, sizeof(why));
    if (found == UP_FOUND_NONE) {
        up_report(&work, GA_OK, "no upgrade is scheduled");
        outcome = host->end(run, GA_OK, "no upgrade is scheduled");
    } else if (found != UP_FOUND_PLAN) {
        outcome = host->end(run, found == UP_FOUND_BAD ? GA_REFUSED : GA_UNKNOWN, "%s", why);
    } else {
        outcome = up_work_look(&work, why, sizeof(why));
        outcome = outcome == GA_OK ? bring_all(&work) : host->end(run, outcome, "%s", why);
    }
    up_work_done(&work);
    return outcome;
}

/* apply_files.c: two files as one transaction. */
#include "plugins/seed-manager/apply_files.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file holds, by its digest. */
enum holds { HOLDS_OLD, HOLDS_NEW, HOLDS_OTHER };

static enum holds
holds(const struct apply_file *wanted, const char *digest)
{
    if (strcmp(digest, wanted->becomes) == 0)
        return HOLDS_NEW;
    return strcmp(digest, wanted->was) == 0 ? HOLDS_OLD : HOLDS_OTHER;
}

static void
remove_asides(const struct apply_files *files, const struct apply_state *state)
{
    for (int i = 0; i < PLACE_FILES; i++)
        if (state->files[i].used)
            place_remove_beside(&files->edit[i].file, state->files[i].aside);
}

static void
remove_copies(const struct apply_files *files, const struct apply_state *state)
{
    for (int i = 0; i < PLACE_FILES; i++)
        if (state->files[i].used)
            place_remove_beside(&files->edit[i].file, state->files[i].copy);
}

/* --- writing -------------------------------------------------------------------------------------------------------
 */

/* Copies, unless with_copies is 0, and the new contents, beside the files. */
static int
put_all_beside(const struct apply_files *files, const struct apply_state *state, int with_copies, char *why)
{
    int r = GA_OK;

    for (int i = 0; i < PLACE_FILES && r == GA_OK && with_copies; i++)
        if (state->files[i].used)
            r = place_put_beside(&files->edit[i].file, state->files[i].copy, files->edit[i].file.data,
                                 files->edit[i].file.len, why);
    for (int i = 0; i < PLACE_FILES && r == GA_OK; i++)
        if (state->files[i].used)
            r = place_put_beside(&files->edit[i].file, state->files[i].aside, files->edit[i].after.data,
                                 files->edit[i].after.len, why);
    return r;
}

/* A file that was renamed already gets its old bytes again, since the other one cannot follow. */
static int
take_back(const struct apply_job *job, enum place_which which, const struct apply_edit *edit, char *why)
{
    struct place_file now;
    char              dropped[EDIT_WHY_MAX];
    int               r = place_read(job->place, which, &now, dropped);

    if (r == GA_OK)
        r = place_put_beside(&now, job->state->files[which].aside, edit->file.data, edit->file.len, dropped);
    if (r == GA_OK)
        r = place_rename(&now, job->state->files[which].aside, dropped);
    place_file_done(&now);
    if (r != GA_OK)
        (void)snprintf(why, EDIT_WHY_MAX, "%.300s stays changed alone (%.150s): run `apply` again", edit->file.path,
                       dropped);
    return r;
}

/* Renames all. On an error none is renamed, unless taking back failed, too: then *ret_half is 1. */
static int
rename_all(const struct apply_job *job, const struct apply_files *files, int *ret_half, char *why)
{
    int r = GA_OK;
    int n = 0;

    *ret_half = 0;
    for (int i = 0; i < PLACE_FILES && r == GA_OK; i++)
        if (job->state->files[i].used)
            r = place_unchanged(&files->edit[i].file, why);
    for (; n < PLACE_FILES && r == GA_OK; n++)
        if (job->state->files[n].used)
            r = place_rename(&files->edit[n].file, job->state->files[n].aside, why);
    for (int i = 0; r != GA_OK && i < n - 1; i++)
        if (job->state->files[i].used && take_back(job, (enum place_which)i, &files->edit[i], why) != GA_OK)
            *ret_half = 1;
    return r;
}

/* Reads the files again: do they hold what they are to hold? */
static int
observe(const struct apply_job *job, char *why)
{
    for (int i = 0; i < PLACE_FILES; i++) {
        struct place_file now;
        int               r = GA_OK;

        if (!job->state->files[i].used)
            continue;
        r = place_read(job->place, (enum place_which)i, &now, why);
        if (r == GA_OK && holds(&job->state->files[i], now.digest) != HOLDS_NEW) {
            (void)snprintf(why, EDIT_WHY_MAX, "%.300s does not hold what was written to it", now.path);
            r = GA_FAILED;
        }
        place_file_done(&now);
        if (r != GA_OK)
            return r;
    }
    return GA_OK;
}

/* The whole transaction: `stage` while it is under way. */
int
apply_files_replace(const struct apply_job *job, struct apply_files *files, enum apply_stage stage, char *why)
{
    struct apply_state *state = job->state;
    char                dropped[EDIT_WHY_MAX];
    int                 half = 0;
    int                 r;

    state->stage = stage;
    r = apply_state_store(job->run, job->host, state, why);
    if (r != GA_OK)
        return r;
    r = put_all_beside(files, state, stage == APPLY_WRITING, why);
    if (r == GA_OK)
        r = rename_all(job, files, &half, why);
    if (r == GA_OK)
        return observe(job, why);
    if (half)
        return GA_FAILED;
    remove_asides(files, state);
    if (stage == APPLY_WRITING) {
        remove_copies(files, state);
        apply_state_forget(state);
    } else {
        state->stage = APPLY_WATCHING;
    }
    (void)apply_state_store(job->run, job->host, state, dropped); /* else the next run finds out */
    return r;
}

int
apply_files_write(const struct apply_job *job, struct apply_files *files, char *why)
{
    int r = apply_files_replace(job, files, APPLY_WRITING, why);

    if (r != GA_OK)
        return r;
    job->state->stage = APPLY_WATCHING;
    return apply_state_store(job->run, job->host, job->state, why);
}

/* --- what a crash left ---------------------------------------------------------------------------------------------
 */

struct found {
    struct apply_files files; /* edit[].file only */
    enum holds         holds[PLACE_FILES];
    unsigned           n;
    unsigned           n_new;
    unsigned           n_old;
};

static int
find(const struct apply_job *job, struct found *found, char *why)
{
    memset(found, 0, sizeof(*found));
    for (int i = 0; i < PLACE_FILES; i++) {
        int r;

        if (!job->state->files[i].used)
            continue;
        r = place_read(job->place, (enum place_which)i, &found->files.edit[i].file, why);
        if (r != GA_OK)
            return r;
        found->holds[i] = holds(&job->state->files[i], found->files.edit[i].file.digest);
        found->n++;
        found->n_new += found->holds[i] == HOLDS_NEW;
        found->n_old += found->holds[i] == HOLDS_OLD;
    }
    return GA_OK;
}

/* Whether what lies aside is whole for every file that is still old. */
static int
can_finish(const struct apply_job *job, const struct found *found)
{
    char digest[PLACE_DIGEST_MAX];

    for (int i = 0; i < PLACE_FILES; i++) {
        const struct apply_file *file = &job->state->files[i];

        if (!file->used || found->holds[i] == HOLDS_NEW)
            continue;
        place_digest_beside(&found->files.edit[i].file, file->aside, digest);
        if (strcmp(digest, file->becomes) != 0)
            return 0;
    }
    return 1;
}

/* Asks for an act that takes no details but a sentence. */
static int
ask(const struct apply_job *job, const char *verb, const char *reason)
{
    cJSON *details = cJSON_CreateObject();
    char  *text;
    int    answer;

    (void)cJSON_AddStringToObject(details, "why", reason);
    text = ga_json_print(details);
    cJSON_Delete(details);
    answer = job->host->act(job->run, verb, job->place->deploy_dir, text);
    free(text);
    return answer;
}

/* Where a change goes once it is complete. */
static int
settle_stage(const struct apply_job *job, char *why)
{
    if (job->state->stage == APPLY_UNDOING)
        apply_state_forget(job->state);
    else
        job->state->stage = APPLY_WATCHING;
    return apply_state_store(job->run, job->host, job->state, why);
}

static int
finish(const struct apply_job *job, const struct found *found, char *why)
{
    int r = GA_OK;

    switch (ask(job, "finish-change", "an earlier run ended between the two files of its change")) {
    case GA_ACT_DRY:
        (void)snprintf(why, EDIT_WHY_MAX, "an earlier run ended between two files: its change would be finished");
        return GA_CHANGED;
    case GA_ACT_DO:
        break;
    default:
        (void)snprintf(why, EDIT_WHY_MAX, "a half-made change stays: %.300s", job->host->act_why(job->run));
        return GA_REFUSED;
    }
    for (int i = 0; i < PLACE_FILES && r == GA_OK; i++)
        if (job->state->files[i].used && found->holds[i] == HOLDS_OLD)
            r = place_rename(&found->files.edit[i].file, job->state->files[i].aside, why);
    if (r == GA_OK)
        r = observe(job, why);
    if (r == GA_OK)
        r = settle_stage(job, why);
    job->host->acted(job->run, r == GA_OK, r == GA_OK ? "both files hold the change" : why);
    if (r != GA_OK)
        return r;
    (void)snprintf(why, EDIT_WHY_MAX, "an earlier run ended between two files: its change was finished");
    return GA_CHANGED;
}

/* Nothing was renamed yet: what lies beside the files goes, and the change is as if it never was. */
static int
clear(const struct apply_job *job, const struct found *found, char *why)
{
    int was_undoing = job->state->stage == APPLY_UNDOING;
    int r;

    switch (ask(job, "clear-unfinished-change", "an earlier run ended before it renamed a file")) {
    case GA_ACT_DRY:
        (void)snprintf(why, EDIT_WHY_MAX, "an earlier run ended before it renamed a file: its leftovers would go");
        return GA_CHANGED;
    case GA_ACT_DO:
        break;
    default:
        (void)snprintf(why, EDIT_WHY_MAX, "leftovers of a change stay: %.300s", job->host->act_why(job->run));
        return GA_REFUSED;
    }
    remove_asides(&found->files, job->state);
    if (was_undoing) {
        job->state->stage = APPLY_WATCHING;
    } else {
        remove_copies(&found->files, job->state);
        apply_state_forget(job->state);
    }
    r = apply_state_store(job->run, job->host, job->state, why);
    job->host->acted(job->run, r == GA_OK, r == GA_OK ? "nothing is left beside the files" : why);
    if (r != GA_OK)
        return r;
    (void)snprintf(why, EDIT_WHY_MAX, "an earlier run ended before it renamed a file: its leftovers were removed");
    return GA_CHANGED;
}

/* Somebody else's content is never overwritten: the change is given up, the copies stay. */
static int
give_up(const struct apply_job *job, const struct found *found, char *why)
{
    char text[EDIT_WHY_MAX];

    (void)snprintf(text, sizeof(text),
                   "a change to %.150s was cut off, and a file of it was changed since or lacks its new content: "
                   "compare config.env and config.toml with their copies *.seeds-*; apply forgets that change",
                   job->place->deploy_dir);
    if (!job->host->dry_run(job->run))
        remove_asides(&found->files, job->state); /* this plugin's own names, which nobody needs any more */
    apply_state_forget(job->state);
    if (apply_state_store(job->run, job->host, job->state, why) != GA_OK)
        return GA_FAILED;
    (void)snprintf(why, EDIT_WHY_MAX, "%s", text);
    return GA_REFUSED;
}

int
apply_files_recover(const struct apply_job *job, char *why)
{
    struct found found;
    int          r;

    if (job->state->stage != APPLY_WRITING && job->state->stage != APPLY_UNDOING)
        return GA_OK;
    r = find(job, &found, why);
    if (r == GA_OK) {
        if (found.n_new + found.n_old < found.n)
            r = give_up(job, &found, why);
        else if (found.n_new == found.n && settle_stage(job, why) != GA_OK)
            r = GA_FAILED;
        else if (found.n_new == found.n)
            r = GA_OK; /* it had got as far as the files: only its note was missing */
        else if (found.n_old == found.n)
            r = clear(job, &found, why);
        else
            r = can_finish(job, &found) ? finish(job, &found, why) : give_up(job, &found, why);
    }
    apply_files_done(&found.files);
    return r;
}

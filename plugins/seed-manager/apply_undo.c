/* apply_undo.c: puts back what a change replaced, and looks whether a change still stands. */
#include "plugins/seed-manager/apply_files.h"

#include "kit/files.h"
#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- does it still stand? ------------------------------------------------------------------------------------------
 */

/* 1, 0: a value of the change is another one by now, -1. */
static int
file_stands(const struct place *place, enum place_which which, const struct apply_state *state, char *why)
{
    struct place_file file;
    int               stands = place_read(place, which, &file, why) == GA_OK ? 1 : -1;

    for (size_t i = 0; i < state->n_keys && stands == 1; i++) {
        char *value = NULL;

        if (state->keys[i].which != which)
            continue;
        if (apply_value(&file, which, state->keys[i].key, &value, why) != GA_OK)
            stands = -1;
        else
            stands = value && strcmp(value, state->keys[i].new_value) == 0;
        free(value);
    }
    place_file_done(&file);
    return stands;
}

int
apply_files_stand(const struct place *place, const struct apply_state *state, char *why)
{
    int stands = 1;

    for (int i = 0; i < PLACE_FILES && stands == 1; i++)
        if (state->files[i].used)
            stands = file_stands(place, (enum place_which)i, state, why);
    return stands;
}

/* --- putting back --------------------------------------------------------------------------------------------------
 */

/* The copy's bytes, proven to be what the file held before. GA_OK, GA_REFUSED. */
static int
read_copy(const struct place_file *file, const struct apply_file *change, struct edit_bytes *ret, char *why)
{
    char   path[PLACE_PATH_MAX + PLACE_NAME_MAX + 64];
    char   digest[PLACE_DIGEST_MAX];
    char   error[256];
    char  *data = NULL;
    size_t len = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", file->dir_fd, change->copy);
    place_digest_beside(file, change->copy, digest);
    if (strcmp(digest, change->was) == 0 &&
        ga_file_read(path, PLACE_FILE_CAP, &data, &len, error, sizeof(error)) == 0) {
        place_digest(data, len, digest);
        if (strcmp(digest, change->was) == 0)
            edit_bytes_put(ret, data, len);
    }
    free(data);
    if (ret->data && !ret->failed)
        return GA_OK;
    (void)snprintf(why, EDIT_WHY_MAX,
                   "the copy %s beside %.250s is gone or was changed: put the old seeds back by hand", change->copy,
                   file->path);
    return GA_REFUSED;
}

/* Whether the old values can be set: a variable that was not there cannot be set to that. */
static int
can_set_old(const struct apply_state *state, enum place_which which)
{
    for (size_t i = 0; i < state->n_keys; i++)
        if (state->keys[i].which == which && !state->keys[i].old_value)
            return 0;
    return 1;
}

/* What the file is to hold again. A file that others changed beside our values (the node's start script does) keeps
 * their changes. */
static int
plan_file(const struct apply_job *job, enum place_which which, struct apply_edit *edit, char *why)
{
    struct apply_file *change = &job->state->files[which];
    int                r = place_read(job->place, which, &edit->file, why);

    if (r == GA_OK)
        r = place_writable(&edit->file, why);
    if (r != GA_OK)
        return r;
    if (strcmp(edit->file.digest, change->becomes) == 0) {
        r = read_copy(&edit->file, change, &edit->after, why);
    } else if (can_set_old(job->state, which)) {
        r = apply_set(&edit->file, which, job->state->keys, job->state->n_keys, 1, &edit->after, why);
    } else {
        (void)snprintf(why, EDIT_WHY_MAX, "%.250s was changed by somebody else since: compare it with %s beside it",
                       edit->file.path, change->copy);
        r = GA_REFUSED;
    }
    if (r != GA_OK)
        return r;
    (void)snprintf(change->was, sizeof(change->was), "%s", edit->file.digest);
    place_digest(edit->after.data, edit->after.len, change->becomes);
    return GA_OK;
}

/* Restores what plan_file() has changed in the state: the undoing did not happen. */
static int
refuse(const struct apply_job *job, const struct apply_file *was, int outcome)
{
    memcpy(job->state->files, was, sizeof(job->state->files));
    return outcome;
}

static int
ask(const struct apply_job *job, const char *reason)
{
    cJSON *details = cJSON_CreateObject();
    char  *text;
    int    answer;

    (void)cJSON_AddStringToObject(details, "why", reason);
    for (size_t i = 0; i < job->state->n_keys; i++)
        if (job->state->keys[i].which == PLACE_TOML && job->state->keys[i].old_value)
            (void)cJSON_AddStringToObject(details, job->state->keys[i].key, job->state->keys[i].old_value);
    text = ga_json_print(details);
    cJSON_Delete(details);
    answer = job->host->act(job->run, "undo-change", job->place->deploy_dir, text);
    free(text);
    return answer;
}

/* Writes it; a failure before the first rename leaves the change watched as it was. */
static int
put_back(const struct apply_job *job, struct apply_files *files, const struct apply_file *was, char *why)
{
    int r = apply_files_replace(job, files, APPLY_UNDOING, why);

    if (r == GA_OK) {
        apply_state_forget(job->state);
        r = apply_state_store(job->run, job->host, job->state, why);
    } else if (job->state->stage == APPLY_WATCHING) {
        char dropped[EDIT_WHY_MAX];

        (void)refuse(job, was, r);
        (void)apply_state_store(job->run, job->host, job->state, dropped);
    }
    job->host->acted(job->run, r == GA_OK, r == GA_OK ? "the files hold the old seeds again" : why);
    return r == GA_OK ? GA_CHANGED : r;
}

int
apply_files_undo(const struct apply_job *job, const char *reason, char *why)
{
    struct apply_files files;
    struct apply_file  was[PLACE_FILES];
    int                r = GA_OK;

    memset(&files, 0, sizeof(files));
    memcpy(was, job->state->files, sizeof(was));
    for (int i = 0; i < PLACE_FILES && r == GA_OK; i++)
        if (job->state->files[i].used)
            r = plan_file(job, (enum place_which)i, &files.edit[i], why);
    if (r != GA_OK) {
        r = refuse(job, was, r);
    } else {
        switch (ask(job, reason)) {
        case GA_ACT_DRY:
            r = refuse(job, was, GA_CHANGED);
            break;
        case GA_ACT_DO:
            r = put_back(job, &files, was, why);
            break;
        default:
            (void)snprintf(why, EDIT_WHY_MAX, "%.400s", job->host->act_why(job->run));
            r = refuse(job, was, GA_REFUSED);
            break;
        }
    }
    apply_files_done(&files);
    return r;
}

/* report.c: what the task says, for scripts and for people. */
#include "plugins/upgrade-preload/preload.h"

#include "kit/clean.h"
#include "kit/http.h"
#include "kit/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *
targets_json(const struct up_program *program)
{
    cJSON *list = cJSON_CreateArray();
    char   path[PATH_MAX];

    for (size_t i = 0; i < program->n_targets; i++) {
        const struct up_target *target = &program->targets[i];
        const struct up_place   place = {program->home, target->folder, program->kind->daemon};
        cJSON                  *json = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(json, "path", up_place_path(&place, path, sizeof(path)));
        (void)cJSON_AddStringToObject(json, "outcome", up_outcome_name(target->outcome));
        (void)cJSON_AddStringToObject(json, "why", target->why);
        (void)cJSON_AddStringToObject(json, "sha256", target->look.sha256);
        (void)cJSON_AddItemToArray(list, json);
    }
    return list;
}

static cJSON *
program_json(const struct up_program *program)
{
    cJSON *json = cJSON_CreateObject();
    char   url[512] = "";

    if (program->entry)
        (void)ga_clean(ga_http_show_url(program->entry->url, url, sizeof(url)));
    (void)cJSON_AddStringToObject(json, "program", program->kind->daemon);
    (void)cJSON_AddStringToObject(json, "outcome", up_outcome_name(program->outcome));
    (void)cJSON_AddStringToObject(json, "why", program->why);
    (void)cJSON_AddStringToObject(json, "url", url);
    (void)cJSON_AddStringToObject(json, "archive_sha256", program->entry ? program->entry->sha256 : "");
    (void)cJSON_AddStringToObject(json, "sha256", program->wanted);
    (void)cJSON_AddBoolToObject(json, "unverified", program->entry && !*program->entry->sha256);
    (void)cJSON_AddStringToObject(json, "said", program->staged.said);
    (void)cJSON_AddStringToObject(json, "not_run", program->staged.not_run);
    (void)ga_json_add_u64(json, "fetched", program->staged.fetched);
    (void)cJSON_AddBoolToObject(json, "resumed", program->staged.resumed);
    (void)cJSON_AddItemToObject(json, "targets", targets_json(program));
    return json;
}

cJSON *
up_report_programs(const struct up_work *work)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < UP_PROGRAMS; i++)
        if (work->programs[i].home)
            (void)cJSON_AddItemToArray(list, program_json(&work->programs[i]));
    return list;
}

static void
give_json(struct up_work *work, int outcome, const char *summary)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;

    (void)cJSON_AddStringToObject(json, "outcome", up_outcome_name(outcome));
    (void)cJSON_AddStringToObject(json, "summary", summary);
    (void)cJSON_AddStringToObject(json, "platform", work->platform);
    if (*work->plan.name) {
        cJSON *plan = cJSON_AddObjectToObject(json, "plan");

        (void)cJSON_AddStringToObject(plan, "name", work->plan.name);
        (void)ga_json_add_i64(plan, "height", work->plan.height);
        (void)cJSON_AddStringToObject(plan, "from", work->plan.from);
        (void)cJSON_AddItemToObject(json, "programs", up_report_programs(work));
    }
    text = ga_json_print(json);
    if (text)
        (void)work->host->result(work->run, text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static void
print_program(FILE *out, const struct up_program *program)
{
    char path[PATH_MAX];

    (void)fprintf(out, "%s: %s\n", program->kind->daemon, up_outcome_name(program->outcome));
    if (program->entry && !*program->entry->sha256)
        (void)fprintf(out, "  NOT VERIFIED: the plan names no checksum for it\n");
    if (*program->why)
        (void)fprintf(out, "  %s\n", program->why);
    if (*program->wanted)
        (void)fprintf(out, "  sha256 %s\n", program->wanted);
    if (*program->staged.said)
        (void)fprintf(out, "  `%s %s` said: %s\n", program->kind->daemon, program->kind->argument,
                      program->staged.said);
    if (*program->staged.not_run)
        (void)fprintf(out, "  not tried: %s\n", program->staged.not_run);
    for (size_t i = 0; i < program->n_targets; i++) {
        const struct up_place place = {program->home, program->targets[i].folder, program->kind->daemon};

        (void)fprintf(out, "  %s: %s\n", up_place_path(&place, path, sizeof(path)), program->targets[i].why);
    }
}

static void
give_text(struct up_work *work, const char *summary)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return;
    (void)fprintf(out, "%s\n", summary);
    if (*work->plan.name) {
        (void)fprintf(out, "%s, from %s", work->plan.name, work->plan.from);
        if (work->plan.height > 0)
            (void)fprintf(out, ", at height %lld", (long long)work->plan.height);
        (void)fprintf(out, ", for %s\n", work->platform);
        for (size_t i = 0; i < UP_PROGRAMS; i++)
            if (work->programs[i].home)
                print_program(out, &work->programs[i]);
    }
    if (fclose(out) == 0)
        work->host->text(work->run, text);
    free(text);
}

void
up_report(struct up_work *work, int outcome, const char *summary)
{
    give_json(work, outcome, summary);
    give_text(work, summary);
}

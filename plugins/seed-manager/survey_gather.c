/* survey_gather.c: where candidates come from, before anybody is asked. */
#include "plugins/seed-manager/survey.h"

#include "plugins/seed-manager/edit_env.h"
#include "plugins/seed-manager/edit_toml.h"
#include "plugins/seed-manager/place.h"
#include "plugins/seed-manager/seeds.h"

#include "kit/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_CAP ((size_t)4 * 1024 * 1024) /* bytes of a file of candidates */

static void
note(struct survey *survey, const char *what)
{
    if (!survey->note[0])
        (void)snprintf(survey->note, sizeof(survey->note), "%.*s", SURVEY_WHY_MAX - 1, what);
}

/* --- what this host has configured ---------------------------------------------------------------------------------
 */

static void
add_toml(struct survey *survey, const struct place_file *file)
{
    static const char *const keys[] = {"seeds", "persistent_peers"};
    const struct edit_text   text = {.name = file->path, .data = file->data, .len = file->len};
    char                     why[EDIT_WHY_MAX] = "";

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        char *list = NULL;
        int   r = edit_toml_get(&text, "p2p", keys[i], &list, why);

        if (r < 0)
            note(survey, why);
        else if (r > 0)
            candidates_add_list(&survey->candidates, list, CANDIDATE_CONFIGURED);
        free(list);
    }
}

static void
add_env(struct survey *survey, const struct place_file *file)
{
    static const char *const keys[] = {"SEED_API_URL", "SEED_NODE_RPC_URL", "SEED_NODE_P2P_URL"};
    const struct edit_text   text = {.name = file->path, .data = file->data, .len = file->len};
    char                    *values[3] = {NULL, NULL, NULL};
    char                     why[EDIT_WHY_MAX] = "";

    if (edit_env_get(&text, keys, 3, values, why) < 0)
        note(survey, why);
    for (size_t i = 0; i < 3; i++) {
        if (values[i] && *values[i])
            candidates_add_text(&survey->candidates, values[i], CANDIDATE_CONFIGURED);
        free(values[i]);
    }
}

void
survey_configured(struct survey *survey)
{
    struct place place;
    char         why[EDIT_WHY_MAX] = "";

    if (!survey->host->has(survey->run, "deploy_dir"))
        return;
    if (place_open(&place, survey->host->str(survey->run, "deploy_dir"), why) != GA_OK) {
        note(survey, why);
    } else {
        enum place_which  which = place.initialized ? PLACE_TOML : PLACE_ENV;
        struct place_file file;

        if (place_read(&place, which, &file, why) != GA_OK)
            note(survey, why);
        else if (which == PLACE_TOML)
            add_toml(survey, &file);
        else
            add_env(survey, &file);
        place_file_done(&file);
    }
    place_close(&place);
}

/* --- lists ---------------------------------------------------------------------------------------------------------
 */

static void
add_sources(struct survey *survey)
{
    for (size_t i = 0; i < survey->host->count(survey->run, "sources"); i++)
        candidates_add_text(&survey->candidates, survey->host->str_at(survey->run, "sources", i), CANDIDATE_SOURCE);
}

static void
add_operator(struct survey *survey)
{
    for (size_t i = 0; i < survey->host->count(survey->run, "candidates"); i++)
        candidates_add_text(&survey->candidates, survey->host->str_at(survey->run, "candidates", i),
                            CANDIDATE_OPERATOR);
}

static void
add_file(struct survey *survey)
{
    char  *text = NULL;
    size_t len = 0;
    char   why[SURVEY_WHY_MAX];

    if (!survey->host->has(survey->run, "candidates_file"))
        return;
    if (ga_file_read(survey->host->str(survey->run, "candidates_file"), FILE_CAP, &text, &len, why, sizeof(why)) < 0)
        note(survey, why);
    else
        candidates_add_lines(&survey->candidates, text, len, CANDIDATE_OPERATOR);
    free(text);
}

/* What counts most comes first, since a list that is too long is cut. */
int
survey_gather(struct survey *survey)
{
    if (candidates_init(&survey->candidates, (size_t)survey->host->num(survey->run, "max_candidates")) < 0) {
        (void)snprintf(survey->why, sizeof(survey->why), "there is not enough memory for the candidates");
        return -1;
    }
    survey_configured(survey);
    add_sources(survey);
    if (survey->host->num(survey->run, "use_public_list"))
        for (const char *const *entry = seeds_public; *entry; entry++)
            candidates_add_text(&survey->candidates, *entry, CANDIDATE_PUBLIC);
    add_operator(survey);
    add_file(survey);
    return 0;
}

/* survey_rank.c: from what was seen to the ranked table, and to the documents that are kept. */
#include "plugins/seed-manager/survey.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
is_own(const struct survey *survey, const struct rank_row *row)
{
    return survey->own_id[0] && row->probe->id[0] && strcmp(row->probe->id, survey->own_id) == 0;
}

static void
judge_all(struct survey *survey)
{
    const struct rank_rules rules = {.chain_id = survey->quorum.known == GA_CHAIN_KNOWN ? survey->quorum.chain_id
                                                                                        : survey->rules.chain_id,
                                     .height = survey->quorum.known == GA_CHAIN_KNOWN ? survey->quorum.height : 0,
                                     .max_lag = survey->rules.max_lag,
                                     .now_ns = survey->began_ns,
                                     .max_age_ns = survey->rules.max_age_ns};

    for (size_t i = 0; i < survey->candidates.n; i++) {
        struct rank_row *row = &survey->rows[survey->n_rows];

        *row = (struct rank_row){.candidate = &survey->candidates.at[i],
                                 .probe = &survey->probes[i],
                                 .origin = survey->candidates.at[i].origin};
        rank_judge(&rules, row);
        if (is_own(survey, row))
            survey->own_removed++;
        else
            survey->n_rows++;
    }
}

static void
load_history(struct survey *survey)
{
    const void *data = NULL;
    size_t      len = 0;
    char        why[SURVEY_WHY_MAX] = "";

    if (survey->host->state_get(survey->run, SURVEY_HISTORY, &data, &len) == 0 &&
        reputations_parse(&survey->history, data, len, why, sizeof(why)) < 0)
        survey->host->log(survey->run, GA_LOG_WARNING, "%s", why);
}

/* An earlier survey's verdict counts together with this one's: so this one is noted first. */
int
survey_rank(struct survey *survey)
{
    char key[REPUTATION_KEY_MAX];

    survey->rows = calloc(survey->candidates.n + 1, sizeof(*survey->rows));
    if (!survey->rows)
        return -1;
    judge_all(survey);
    survey->n_rows = rank_join(survey->rows, survey->n_rows);
    load_history(survey);
    if (reputations_note(&survey->history, survey->rows, survey->n_rows, survey->ended_ns) < 0)
        return -1;
    for (size_t i = 0; i < survey->n_rows; i++) {
        (void)reputation_key(&survey->rows[i], key, sizeof(key));
        survey->rows[i].reputation = reputation_score(reputation_find(&survey->history, key));
    }
    return rank_sort(survey->rows, survey->n_rows);
}

size_t
survey_count(const struct survey *survey, enum rank_verdict verdict, int configured)
{
    size_t n = 0;

    for (size_t i = 0; i < survey->n_rows; i++)
        n += survey->rows[i].verdict == verdict && (!configured || (survey->rows[i].origin & CANDIDATE_CONFIGURED));
    return n;
}

/* --- documents -----------------------------------------------------------------------------------------------------
 */

/* A sick node that only strangers named is left out, and so is what is unclear. */
static int
is_kept(const struct rank_row *row)
{
    return row->verdict == RANK_HEALTHY || (row->verdict == RANK_SICK && (row->origin & ~CANDIDATE_LEARNED));
}

/* A sick one stands under the address that its list has, for that is what is written somewhere. */
static int
print_p2p(const struct rank_row *row, char *buf, size_t len)
{
    int         listed = row->verdict == RANK_SICK && row->candidate->p2p_port != 0 && row->candidate->id[0];
    const char *id = listed ? row->candidate->id : row->probe->id;
    int         port = listed ? row->candidate->p2p_port : row->probe->p2p_port;

    (void)snprintf(buf, len, "%s@%s:%d", id, row->candidate->host, port);
    return id[0] && port > 0;
}

static int
put_seed(cJSON *seeds, const struct rank_row *row)
{
    char   p2p[CANDIDATE_ID_LEN + CANDIDATE_HOST_MAX + 16];
    cJSON *seed;

    if (!is_kept(row) || !print_p2p(row, p2p, sizeof(p2p)))
        return 1;
    seed = cJSON_CreateObject();
    return cJSON_AddItemToArray(seeds, seed) && cJSON_AddStringToObject(seed, "p2p", p2p) &&
           cJSON_AddStringToObject(seed, "api", row->probe->api_up ? row->probe->api : "") &&
           cJSON_AddStringToObject(seed, "rpc", row->probe->rpc) &&
           cJSON_AddBoolToObject(seed, "healthy", row->verdict == RANK_HEALTHY);
}

static char *
print_survey(const struct survey *survey)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *seeds = NULL;
    char  *text = NULL;
    int ok = cJSON_AddNumberToObject(json, "version", 1) && ga_json_add_i64(json, "taken_ns", survey->ended_ns) == 0 &&
             cJSON_AddBoolToObject(json, "known", survey->quorum.known == GA_CHAIN_KNOWN) &&
             cJSON_AddStringToObject(json, "chain_id", survey->quorum.chain_id) &&
             ga_json_add_i64(json, "height", survey->quorum.height) == 0 &&
             cJSON_AddStringToObject(json, "own_id", survey->own_id) && (seeds = cJSON_AddArrayToObject(json, "seeds"));

    for (size_t i = 0; ok && i < survey->n_rows; i++)
        ok = put_seed(seeds, &survey->rows[i]);
    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

static int
put(struct survey *survey, const char *name, char *text)
{
    int r = text ? survey->host->state_put(survey->run, name, text, strlen(text)) : -1;

    if (r < 0)
        (void)snprintf(survey->why, sizeof(survey->why), "the document %s cannot be kept: %s", name,
                       text ? "see the log; is the state folder's disk full?" : "there is not enough memory");
    free(text);
    return r;
}

int
survey_store(struct survey *survey)
{
    if (survey->host->dry_run(survey->run))
        return 0;
    if (put(survey, SURVEY_HISTORY, reputations_print(&survey->history)) < 0)
        return -1;
    return put(survey, SURVEY_DOCUMENT, print_survey(survey));
}

/* survey_report.c: what a survey saw: for scripts, for people, and as an event. */
#include "plugins/seed-manager/survey.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)

static const char *const verdicts[] = {[RANK_HEALTHY] = "healthy", [RANK_UNCLEAR] = "unclear", [RANK_SICK] = "sick"};
static const char *const proofs[] = {
    [PROBE_ID_NONE] = "none", [PROBE_ID_LIST] = "list", [PROBE_ID_RPC] = "rpc", [PROBE_ID_HANDSHAKE] = "handshake"};

/* Networks that healthy seeds are in. */
static size_t
count_networks(const struct survey *survey)
{
    size_t n = 0;

    for (size_t i = 0; i < survey->n_rows; i++)
        n += survey->rows[i].verdict == RANK_HEALTHY && survey->rows[i].crowded == 0;
    return n;
}

static const char *
recent_of(const struct survey *survey, const struct rank_row *row)
{
    char                     key[REPUTATION_KEY_MAX];
    const struct reputation *one = reputation_find(&survey->history, reputation_key(row, key, sizeof(key)));

    return one ? one->recent : "";
}

/* --- for scripts ---------------------------------------------------------------------------------------------------
 */

static int
put_origin(cJSON *json, unsigned origin)
{
    static const struct {
        unsigned    bit;
        const char *name;
    } names[] = {{CANDIDATE_PUBLIC, "public"},
                 {CANDIDATE_OPERATOR, "operator"},
                 {CANDIDATE_SOURCE, "source"},
                 {CANDIDATE_CONFIGURED, "configured"},
                 {CANDIDATE_LEARNED, "learned"}};
    cJSON *array = cJSON_AddArrayToObject(json, "origin");
    int    ok = array != NULL;

    for (size_t i = 0; ok && i < sizeof(names) / sizeof(*names); i++)
        if (origin & names[i].bit)
            ok = cJSON_AddItemToArray(array, cJSON_CreateString(names[i].name));
    return ok;
}

static int
put_status(cJSON *json, const struct probe *probe)
{
    return cJSON_AddStringToObject(json, "chain_id", probe->status.chain_id) &&
           cJSON_AddStringToObject(json, "moniker", probe->status.moniker) &&
           ga_json_add_i64(json, "height", probe->status.height) == 0 &&
           cJSON_AddBoolToObject(json, "catching_up", probe->status.catching_up) &&
           ga_json_add_i64(json, "latency_ms", probe->took_ns / MS) == 0;
}

static int
put_peer(cJSON *json, const struct rank_row *row)
{
    static const char *const ports[] = {
        [PROBE_PORT_UNKNOWN] = "unknown", [PROBE_PORT_OPEN] = "open", [PROBE_PORT_SHUT] = "shut"};
    char network[CANDIDATE_HOST_MAX];

    return ga_json_add_i64(json, "p2p_port", row->probe->p2p_port) == 0 &&
           cJSON_AddStringToObject(json, "p2p", ports[row->probe->port]) &&
           cJSON_AddStringToObject(json, "p2p_why", row->probe->p2p_why) &&
           cJSON_AddStringToObject(json, "node_id", row->probe->id) &&
           cJSON_AddStringToObject(json, "node_id_from", proofs[row->probe->id_from]) &&
           cJSON_AddStringToObject(json, "ip", row->probe->ip) &&
           cJSON_AddStringToObject(json, "network", rank_network(row, network, sizeof(network)));
}

static int
put_row(cJSON *rows, const struct survey *survey, const struct rank_row *row)
{
    cJSON *json = cJSON_CreateObject();
    char   name[CANDIDATE_URL_MAX];

    return cJSON_AddItemToArray(rows, json) &&
           cJSON_AddStringToObject(json, "name", candidate_name(row->candidate, name, sizeof(name))) &&
           cJSON_AddStringToObject(json, "verdict", verdicts[row->verdict]) &&
           cJSON_AddStringToObject(json, "reason", row->reason) && cJSON_AddStringToObject(json, "why", row->why) &&
           cJSON_AddStringToObject(json, "host", row->candidate->host) &&
           cJSON_AddStringToObject(json, "listed_id", row->candidate->id) &&
           cJSON_AddStringToObject(json, "api", row->probe->api) &&
           cJSON_AddBoolToObject(json, "api_up", row->probe->api_up) &&
           cJSON_AddStringToObject(json, "rpc", row->probe->rpc) && put_origin(json, row->origin) &&
           put_peer(json, row) && (!row->probe->answered || put_status(json, row->probe)) &&
           ga_json_add_i64(json, "lag", row->lag) == 0 && ga_json_add_i64(json, "score", row->score) == 0 &&
           ga_json_add_i64(json, "reputation", row->reputation) == 0 &&
           cJSON_AddStringToObject(json, "recent", recent_of(survey, row)) &&
           ga_json_add_i64(json, "crowded", row->crowded) == 0;
}

static int
put_lists(cJSON *json, const struct candidates *list)
{
    cJSON *bad = cJSON_AddArrayToObject(json, "bad_entries");
    int    ok = bad && ga_json_add_u64(json, "bad", list->n_bad) == 0 &&
             ga_json_add_u64(json, "duplicates", list->duplicates) == 0 &&
             ga_json_add_u64(json, "left_out", list->left_out) == 0;

    for (size_t i = 0; ok && i < list->n_bad && i < CANDIDATE_BAD_MAX; i++) {
        cJSON *entry = cJSON_CreateObject();

        ok = cJSON_AddItemToArray(bad, entry) && cJSON_AddStringToObject(entry, "entry", list->bad[i].text) &&
             cJSON_AddStringToObject(entry, "why", list->bad[i].why);
    }
    return ok;
}

static int
put_counts(cJSON *json, const struct survey *survey)
{
    return ga_json_add_u64(json, "candidates", survey->candidates.n) == 0 &&
           ga_json_add_u64(json, "learned", survey->n_learned) == 0 &&
           ga_json_add_u64(json, "healthy", survey_count(survey, RANK_HEALTHY, 0)) == 0 &&
           ga_json_add_u64(json, "unclear", survey_count(survey, RANK_UNCLEAR, 0)) == 0 &&
           ga_json_add_u64(json, "sick", survey_count(survey, RANK_SICK, 0)) == 0 &&
           ga_json_add_u64(json, "configured",
                           survey_count(survey, RANK_HEALTHY, 1) + survey_count(survey, RANK_UNCLEAR, 1) +
                               survey_count(survey, RANK_SICK, 1)) == 0 &&
           ga_json_add_u64(json, "configured_healthy", survey_count(survey, RANK_HEALTHY, 1)) == 0;
}

static char *
as_json(const struct survey *survey)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *rows = NULL;
    char  *text = NULL;
    int    ok = cJSON_AddBoolToObject(json, "known", survey->quorum.known == GA_CHAIN_KNOWN) &&
             cJSON_AddStringToObject(json, "chain", survey->quorum.text) &&
             cJSON_AddStringToObject(json, "chain_id", survey->quorum.chain_id) &&
             ga_json_add_i64(json, "height", survey->quorum.height) == 0 && put_counts(json, survey) &&
             put_lists(json, &survey->candidates) && cJSON_AddStringToObject(json, "own_id", survey->own_id) &&
             ga_json_add_u64(json, "own_removed", survey->own_removed) == 0 &&
             ga_json_add_u64(json, "networks", count_networks(survey)) == 0 &&
             ga_json_add_i64(json, "took_ms", survey->took_ns / MS) == 0 &&
             cJSON_AddStringToObject(json, "note", survey->note) && (rows = cJSON_AddArrayToObject(json, "nodes"));

    for (size_t i = 0; ok && i < survey->n_rows; i++)
        ok = put_row(rows, survey, &survey->rows[i]);
    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

/* --- for people ----------------------------------------------------------------------------------------------------
 */

/* Where to connect, as config.toml has it; "-" when that is not known. */
static const char *
peer_of(const struct rank_row *row, char *buf, size_t len)
{
    if (!row->probe->id[0] || row->probe->p2p_port == 0)
        return "-";
    (void)snprintf(buf, len, "%s@%s:%d", row->probe->id, row->candidate->host, row->probe->p2p_port);
    return buf;
}

static void
put_healthy(FILE *out, const struct survey *survey)
{
    char   peer[CANDIDATE_ID_LEN + CANDIDATE_HOST_MAX + 16];
    char   name[CANDIDATE_URL_MAX];
    size_t i = 0;

    if (survey->n_rows > 0 && survey->rows[0].verdict == RANK_HEALTHY)
        (void)fprintf(out, "\n%4s %5s %6s %4s  %-9s  %-24s  %s\n", "", "score", "ms", "lag", "id from", "lately",
                      "node");
    for (; i < survey->n_rows && survey->rows[i].verdict == RANK_HEALTHY; i++) {
        const struct rank_row *row = &survey->rows[i];

        (void)fprintf(out, "%4zu %5d %6" PRId64 " %4" PRId64 "  %-9s  %-24s  %s\n%45s%s%s\n", i + 1, row->score,
                      row->probe->took_ns / MS, row->lag, proofs[row->probe->id_from], recent_of(survey, row),
                      candidate_name(row->candidate, name, sizeof(name)), "", peer_of(row, peer, sizeof(peer)),
                      row->origin & CANDIDATE_CONFIGURED ? "  (configured)" : "");
    }
}

static void
put_others(FILE *out, const struct survey *survey)
{
    char name[CANDIDATE_URL_MAX];
    int  any = 0;

    for (size_t i = 0; i < survey->n_rows; i++) {
        const struct rank_row *row = &survey->rows[i];

        if (row->verdict == RANK_HEALTHY)
            continue;
        (void)fprintf(out, "%s%-7s  %s%s: %s\n", any ? "" : "\n", verdicts[row->verdict],
                      candidate_name(row->candidate, name, sizeof(name)),
                      row->origin & CANDIDATE_CONFIGURED ? " (configured)" : "", row->why);
        any = 1;
    }
}

static void
put_lists_text(FILE *out, const struct candidates *list)
{
    if (list->n_bad > 0)
        (void)fprintf(out, "\n%zu entries are not usable:\n", list->n_bad);
    for (size_t i = 0; i < list->n_bad && i < CANDIDATE_BAD_MAX; i++)
        (void)fprintf(out, "  %s: %s\n", list->bad[i].text, list->bad[i].why);
    if (list->left_out > 0)
        (void)fprintf(out, "\n%zu entries were left out: raise max_candidates (%zu)\n", list->left_out, list->max);
}

static void
put_text(FILE *out, const struct survey *survey)
{
    (void)fprintf(out, "chain        %s\n", survey->quorum.text);
    (void)fprintf(out, "candidates   %zu, %zu of them learned from the peers of %zu nodes, in %.1f s\n",
                  survey->candidates.n, survey->n_learned, survey->n_lists, (double)survey->took_ns / 1e9);
    (void)fprintf(out, "seeds        %zu healthy in %zu networks, %zu unclear, %zu sick\n",
                  survey_count(survey, RANK_HEALTHY, 0), count_networks(survey), survey_count(survey, RANK_UNCLEAR, 0),
                  survey_count(survey, RANK_SICK, 0));
    if (survey->own_removed > 0)
        (void)fprintf(out, "own node     %.8s: never a seed of its own\n", survey->own_id);
    if (survey->note[0])
        (void)fprintf(out, "note         %s\n", survey->note);
    put_healthy(out, survey);
    put_others(out, survey);
    put_lists_text(out, &survey->candidates);
}

static void
tell_others(const struct survey *survey)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;

    if (cJSON_AddBoolToObject(json, "known", survey->quorum.known == GA_CHAIN_KNOWN) && put_counts(json, survey))
        text = ga_json_print(json);
    if (text)
        (void)survey->host->emit(survey->run, "seed.survey.done", text);
    free(text);
    cJSON_Delete(json);
}

void
survey_report(const struct survey *survey)
{
    char  *json = as_json(survey);
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    survey->host->metric(survey->run, "healthy_seeds", (double)survey_count(survey, RANK_HEALTHY, 0));
    survey->host->metric(survey->run, "survey_s", (double)survey->took_ns / 1e9);
    if (json)
        (void)survey->host->result(survey->run, json);
    free(json);
    tell_others(survey);
    if (!out)
        return;
    put_text(out, survey);
    if (fclose(out) == 0)
        survey->host->text(survey->run, text);
    free(text);
}

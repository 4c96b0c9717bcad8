/* survey.c: one survey from its beginning to its end. Changes nothing but its own documents. */
#include "plugins/seed-manager/survey.h"

#include "plugins/seed-manager/tasks.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000000)

static int64_t
wall_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
read_rules(struct survey *survey)
{
    const struct ga_host *host = survey->host;
    struct ga_run        *run = survey->run;

    survey->probing = (struct probe_rules){.timeout_ms = (int)(host->num(run, "probe_timeout") / MS),
                                           .p2p_ms = (int)(host->num(run, "p2p_timeout") / MS),
                                           .guess_port = (int)host->num(run, "guess_port"),
                                           .handshake = host->num(run, "handshake") != 0,
                                           .parallel = (int)host->num(run, "parallel"),
                                           .deadline_ns = probe_now() + host->num(run, "deadline")};
}

/* The id that this host's node had when it last answered. */
static void
recall_own_id(struct survey *survey)
{
    const void *data = NULL;
    size_t      len = 0;
    char        why[160];
    cJSON      *json;
    const char *id;

    if (survey->host->state_get(survey->run, SURVEY_DOCUMENT, &data, &len) != 0)
        return;
    json = ga_json_parse(data, len, why, sizeof(why));
    id = ga_json_str(json, "own_id");
    if (id && strlen(id) == CANDIDATE_ID_LEN)
        (void)snprintf(survey->own_id, sizeof(survey->own_id), "%s", id);
    cJSON_Delete(json);
}

/* This host's node, whose id is never a seed of its own. It gets no more time than a candidate. */
static void
ask_own(struct survey *survey, struct ga_chain_look *own)
{
    struct ga_chain_source *source = &survey->setup.sources[0];
    int64_t                 began = probe_now();

    memset(own, 0, sizeof(*own));
    recall_own_id(survey);
    if (!survey->setup.has_own)
        return;
    if (source->total_ms > survey->probing.timeout_ms)
        source->total_ms = survey->probing.timeout_ms;
    own->answered = ga_chain_status(source, &own->status, &own->verdict) == GA_CHAIN_OK;
    own->took_ns = probe_now() - began;
    if (own->answered && strlen(own->status.node_id) == CANDIDATE_ID_LEN)
        (void)snprintf(survey->own_id, sizeof(survey->own_id), "%.*s", CANDIDATE_ID_LEN, own->status.node_id);
}

static int
probe_from(struct survey *survey, size_t first)
{
    int r = probe_all(survey->run, survey->host, &survey->probing, survey->candidates.at + first,
                      survey->probes + first, survey->candidates.n - first);

    if (r < 0)
        (void)snprintf(survey->why, sizeof(survey->why),
                       "no thread could be started to ask candidates: %s; free memory or lower parallel",
                       r == -EAGAIN ? "too many are running" : "there is not enough memory");
    return r;
}

/* Those that are named, then the peers that the healthy ones among them tell of. 0, -1: why. */
static int
ask_all(struct survey *survey)
{
    struct ga_chain_look own;
    size_t               named = survey->candidates.n;

    survey->probes = calloc(survey->candidates.max + 1, sizeof(*survey->probes));
    if (!survey->probes) {
        (void)snprintf(survey->why, sizeof(survey->why), "there is not enough memory; lower max_candidates");
        return -1;
    }
    ask_own(survey, &own);
    if (probe_from(survey, 0) < 0)
        return -1;
    survey_quorum(survey, survey->setup.has_own ? &own : NULL);
    if (survey->host->num(survey->run, "learn"))
        survey->n_learned = survey_learn(survey);
    return survey->n_learned > 0 ? probe_from(survey, named) : 0;
}

static int
finish(struct survey *survey)
{
    size_t healthy = survey_count(survey, RANK_HEALTHY, 0);
    int    outcome = survey->quorum.known == GA_CHAIN_KNOWN ? GA_OK : GA_UNKNOWN;

    survey_report(survey);
    if (outcome == GA_UNKNOWN)
        return survey->host->end(survey->run, outcome, "%s", survey->quorum.text);
    return survey->host->end(survey->run, outcome,
                             "%zu of %zu nodes are healthy seeds, %zu unclear, %zu sick; of the configured ones %zu",
                             healthy, survey->n_rows, survey_count(survey, RANK_UNCLEAR, 0),
                             survey_count(survey, RANK_SICK, 0), survey_count(survey, RANK_HEALTHY, 1));
}

static int
make(struct survey *survey)
{
    const struct ga_host *host = survey->host;
    int64_t               began = probe_now();

    if (ga_chain_setup(survey->run, host, &survey->setup, survey->why, sizeof(survey->why)) < 0)
        return host->end(survey->run, GA_REFUSED, "%s", survey->why);
    read_rules(survey);
    survey->began_ns = wall_now();
    if (survey_gather(survey) < 0 || ask_all(survey) < 0)
        return host->end(survey->run, GA_FAILED, "%s", survey->why);
    if (host->cancelled(survey->run))
        return host->end(survey->run, GA_UNKNOWN, "was cancelled after %zu candidates; nothing was kept",
                         survey->candidates.n);
    survey->ended_ns = wall_now();
    survey->took_ns = probe_now() - began;
    if (survey_rank(survey) < 0)
        return host->end(survey->run, GA_FAILED, "there is not enough memory to rank; lower max_candidates");
    if (survey_store(survey) < 0)
        return host->end(survey->run, GA_FAILED, "%s", survey->why);
    return finish(survey);
}

int
survey_task(struct ga_run *run, const struct ga_host *host)
{
    struct survey *survey = calloc(1, sizeof(*survey));
    int            outcome;

    if (!survey)
        return host->end(run, GA_FAILED, "there is not enough memory for a survey");
    survey->run = run;
    survey->host = host;
    outcome = make(survey);
    candidates_done(&survey->candidates);
    reputations_done(&survey->history);
    free(survey->probes);
    free(survey->rows);
    free(survey);
    return outcome;
}

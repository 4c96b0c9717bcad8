/* survey_chain.c: what the chain's state is, and which peers healthy nodes have. */
#include "plugins/seed-manager/survey.h"

#include "kit/clean.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET_INFO_MAX ((size_t)2 * 1024 * 1024) /* bytes: a node with 100 peers needs a fifth of that */
#define VOTERS (CANDIDATE_PUBLIC | CANDIDATE_OPERATOR | CANDIDATE_SOURCE)

/* --- the quorum ----------------------------------------------------------------------------------------------------
 */

/* What strangers name does not vote; what the operator or the network's documentation names does. */
static int
may_vote(const struct candidate *candidate)
{
    return (candidate->origin & VOTERS) != 0;
}

static void
add_voter(struct survey *survey, struct ga_chain_source *sources, const struct candidate *candidate,
          const struct probe *probe)
{
    struct ga_chain_quorum *quorum = &survey->quorum;
    struct ga_chain_look   *look = &quorum->looks[quorum->n];
    char                    name[CANDIDATE_URL_MAX];

    (void)snprintf(sources[quorum->n].name, sizeof(sources->name), "%.63s",
                   candidate_name(candidate, name, sizeof(name)));
    look->answered = probe->answered;
    look->took_ns = probe->took_ns;
    look->status = probe->status;
    look->verdict = probe->error;
    quorum->n++;
}

void
survey_quorum(struct survey *survey, const struct ga_chain_look *own)
{
    struct ga_chain_quorum *quorum = &survey->quorum;
    struct ga_chain_source *sources = calloc(GA_CHAIN_SOURCES_MAX, sizeof(*sources));

    memset(quorum, 0, sizeof(*quorum));
    (void)snprintf(quorum->text, sizeof(quorum->text), "there is not enough memory to judge");
    if (!sources)
        return;
    if (own) {
        (void)snprintf(sources[0].name, sizeof(sources->name), "node");
        quorum->looks[quorum->n++] = *own;
    }
    for (size_t i = 0; i < survey->candidates.n && quorum->n < GA_CHAIN_SOURCES_MAX; i++)
        if (may_vote(&survey->candidates.at[i]) && survey->probes[i].asked)
            add_voter(survey, sources, &survey->candidates.at[i], &survey->probes[i]);
    survey->rules = survey->setup.rules;
    if (survey->host->num(survey->run, "agree") == 0)
        survey->rules.agree = quorum->n > 1 ? 2 : 1;
    survey->rules.now_ns = 0;
    (void)ga_chain_judge(sources, &survey->rules, quorum);
    (void)ga_clean(quorum->text);
    free(sources);
}

/* --- peers of healthy nodes ----------------------------------------------------------------------------------------
 */

struct lesson {
    char   rpc[CANDIDATE_URL_MAX + 16];
    char   name[GA_CHAIN_NAME_MAX];
    cJSON *net_info;
};

struct lessons {
    const struct survey *survey;
    struct lesson       *at;
    size_t               n;
    int                  cancel_fd;
    atomic_size_t        next;
};

#define LEARN_THREADS 4

static void *
learn_work(void *userdata)
{
    struct lessons *lessons = userdata;
    size_t          i;

    while (probe_now() < lessons->survey->probing.deadline_ns &&
           (i = atomic_fetch_add(&lessons->next, 1)) < lessons->n) {
        struct lesson         *lesson = &lessons->at[i];
        struct ga_chain_source source;
        struct ga_chain_error  error;

        if (ga_chain_source_direct(&source, lesson->name, lesson->rpc, NULL, &error) != GA_CHAIN_OK)
            continue;
        source.connect_ms = lessons->survey->probing.timeout_ms;
        source.total_ms = lessons->survey->probing.timeout_ms;
        source.max_answer = NET_INFO_MAX;
        source.cancel_fd = lessons->cancel_fd;
        (void)ga_chain_rpc(&source, "net_info", &lesson->net_info, &error);
    }
    return NULL;
}

/* Those that are healthy so far: on the chain, in sync, not behind. */
static void
choose_teachers(struct survey *survey, struct lessons *lessons, size_t most)
{
    const struct rank_rules rules = {.chain_id = survey->quorum.chain_id,
                                     .height = survey->quorum.height,
                                     .max_lag = survey->rules.max_lag,
                                     .now_ns = survey->began_ns,
                                     .max_age_ns = survey->rules.max_age_ns};

    for (size_t i = 0; i < survey->candidates.n && lessons->n < most; i++) {
        struct rank_row row = {.candidate = &survey->candidates.at[i], .probe = &survey->probes[i]};
        struct lesson  *lesson = &lessons->at[lessons->n];

        rank_judge(&rules, &row);
        if (row.verdict == RANK_SICK || !row.probe->answered)
            continue;
        memcpy(lesson->rpc, row.probe->rpc, sizeof(lesson->rpc));
        (void)snprintf(lesson->name, sizeof(lesson->name), "%.60s", row.candidate->host);
        lessons->n++;
    }
}

static void
add_own_teacher(const struct survey *survey, struct lessons *lessons)
{
    if (!survey->setup.has_own)
        return;
    (void)snprintf(lessons->at[0].rpc, sizeof(lessons->at[0].rpc), "%.*s", (int)sizeof(lessons->at[0].rpc) - 1,
                   survey->setup.sources[0].rpc);
    (void)snprintf(lessons->at[0].name, sizeof(lessons->at[0].name), "node");
    lessons->n = 1;
}

size_t
survey_learn(struct survey *survey)
{
    size_t                       most = (size_t)survey->host->num(survey->run, "learn_from");
    const struct candidate_learn rules = {
        .chain_id = survey->quorum.chain_id,
        .most = (size_t)survey->host->num(survey->run, "learn_each"),
        .private_too = survey->host->num(survey->run, "private_peers") != 0,
    };
    struct lessons lessons = {.survey = survey,
                              .at = calloc(most + 1, sizeof(*lessons.at)),
                              .cancel_fd = survey->host->cancel_fd(survey->run)};
    size_t         added = 0;

    if (!lessons.at || survey->quorum.known != GA_CHAIN_KNOWN) {
        free(lessons.at);
        return 0;
    }
    add_own_teacher(survey, &lessons);
    choose_teachers(survey, &lessons, most);
    (void)probe_threads(learn_work, &lessons, LEARN_THREADS);
    for (size_t i = 0; i < lessons.n; i++) {
        if (!lessons.at[i].net_info)
            continue;
        survey->n_lists++;
        added += candidates_add_net_info(&survey->candidates, lessons.at[i].net_info, &rules);
        cJSON_Delete(lessons.at[i].net_info);
    }
    free(lessons.at);
    return added;
}

/* poll.c: what is open, what is missing, and what has become of it. */
#include "plugins/governance/tasks.h"

#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE "told"

struct poll {
    struct gov_chain      *chain;
    struct gov_tally_rules rules;
    int                    has_rules;
    struct gov_tolds       tolds;
    struct gov_steps       steps;
    struct gov_cases       cases;
    int64_t                now_ns;
    int                    problems;
};

static const struct {
    unsigned    bit;
    const char *topic;
} topics[] = {
    {GOV_NEW_DEPOSIT, "gov.proposal.deposit"},     {GOV_NEW_OPENED, "gov.proposal.opened"},
    {GOV_NEW_CONVERTED, "gov.proposal.converted"}, {GOV_NEW_MISSING, "gov.vote.missing"},
    {GOV_NEW_PASSED, "gov.proposal.passed"},       {GOV_NEW_REJECTED, "gov.proposal.rejected"},
    {GOV_NEW_FAILED, "gov.proposal.failed"},
};

static void
emit(struct poll *poll, const char *topic, const struct gov_case *one)
{
    const struct gov_proposal *proposal = &one->proposal;
    const struct ga_host      *host = poll->chain->host;
    cJSON                     *json = cJSON_CreateObject();
    cJSON                     *kinds;
    char                       text[400];
    char                      *payload;

    (void)ga_json_add_u64(json, "id", proposal->id);
    (void)snprintf(text, sizeof(text), "%s", proposal->title);
    (void)cJSON_AddStringToObject(json, "title", text);
    (void)cJSON_AddStringToObject(json, "status", gov_status_text(proposal->status));
    (void)cJSON_AddBoolToObject(json, "expedited", proposal->expedited);
    kinds = cJSON_AddArrayToObject(json, "messages");
    for (size_t i = 0; i < proposal->n_messages && i < 16; i++)
        (void)cJSON_AddItemToArray(kinds, cJSON_CreateString(gov_kind_text(proposal->messages[i].kind)));
    if (proposal->status == GOV_STATUS_VOTING_PERIOD) {
        (void)cJSON_AddStringToObject(json, "ends",
                                      ga_when_show(proposal->voting_end_ns, poll->now_ns, text, sizeof(text)));
        gov_tally_line(one, text, sizeof(text));
        (void)cJSON_AddStringToObject(json, "tally", text);
    }
    if (one->vote_known == GOV_KNOWN)
        (void)cJSON_AddStringToObject(json, "vote", one->vote);
    else if (one->vote_known == GOV_ABSENT)
        (void)cJSON_AddNullToObject(json, "vote");
    payload = ga_json_print(json);
    if (payload)
        (void)host->emit(poll->chain->run, topic, payload);
    free(payload);
    cJSON_Delete(json);
}

static void
tell(struct poll *poll, const struct gov_case *one)
{
    const struct gov_seen seen = {.id = one->proposal.id,
                                  .status = one->proposal.status,
                                  .expedited = one->proposal.expedited,
                                  .voting_end_ns = one->proposal.voting_end_ns,
                                  .has_not_voted = one->vote_known == GOV_ABSENT};
    const unsigned        news = gov_news(&poll->tolds, &seen, &poll->steps, poll->now_ns);

    for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++)
        if (news & topics[i].bit)
            emit(poll, topics[i].topic, one);
    if (one->proposal.status > GOV_STATUS_VOTING_PERIOD)
        (void)gov_news_gone(&poll->tolds, one->proposal.id); /* there will be no more news of it */
}

static int
is_open(const struct poll *poll, uint64_t id)
{
    for (size_t i = 0; i < poll->cases.n; i++)
        if (poll->cases.list[i].proposal.id == id)
            return 1;
    return 0;
}

/* Those that were open and are not any more: how did they end? */
static void
tell_ended(struct poll *poll)
{
    uint64_t ids[GOV_TOLD_MAX];
    size_t   n = 0;

    for (size_t i = 0; i < poll->tolds.n; i++)
        if (!is_open(poll, poll->tolds.list[i].id))
            ids[n++] = poll->tolds.list[i].id;
    for (size_t i = 0; i < n; i++) {
        struct gov_case one;
        char            why[400];
        char            payload[64];
        enum gov_known  known = gov_look_one(poll->chain, ids[i], &one, why, sizeof(why));

        if (known == GOV_KNOWN) {
            tell(poll, &one);
            gov_case_done(&one);
        } else if (known == GOV_ABSENT && gov_news_gone(&poll->tolds, ids[i])) {
            (void)snprintf(payload, sizeof(payload), "{\"id\":\"%" PRIu64 "\"}", ids[i]);
            (void)poll->chain->host->emit(poll->chain->run, "gov.proposal.expired", payload);
        } else if (known == GOV_UNKNOWN) {
            poll->problems++;
            poll->chain->host->log(poll->chain->run, GA_LOG_WARNING, "%s", why);
        }
    }
}

static int
longest_first(const void *a, const void *b)
{
    const int64_t one = *(const int64_t *)a;
    const int64_t other = *(const int64_t *)b;

    return one > other ? -1 : one < other;
}

static void
prepare(struct poll *poll)
{
    const struct ga_host *host = poll->chain->host;
    const void           *data = NULL;
    size_t                len = 0;
    char                  why[400];

    for (size_t i = 0; i < host->count(poll->chain->run, "remind") && poll->steps.n < GOV_STEPS_MAX; i++)
        poll->steps.ns[poll->steps.n++] = host->num_at(poll->chain->run, "remind", i);
    qsort(poll->steps.ns, poll->steps.n, sizeof(*poll->steps.ns), longest_first);
    if (host->state_get(poll->chain->run, STATE, &data, &len) == 0)
        gov_tolds_read(data, len, &poll->tolds);
    poll->has_rules = gov_look_rules(poll->chain, &poll->rules, NULL, why, sizeof(why)) == GOV_KNOWN;
    if (!poll->has_rules) {
        poll->problems++;
        host->log(poll->chain->run, GA_LOG_WARNING, "%s", why);
    }
}

static void
report(struct poll *poll)
{
    const struct ga_host *host = poll->chain->host;
    cJSON                *json = cJSON_CreateObject();
    cJSON                *list = cJSON_AddArrayToObject(json, "proposals");
    char                 *text = NULL;
    size_t                len = 0;
    FILE                 *out = open_memstream(&text, &len);

    for (size_t i = 0; i < poll->cases.n; i++) {
        (void)cJSON_AddItemToArray(list, gov_report_case(&poll->cases.list[i], poll->now_ns));
        if (out)
            gov_print_case(out, &poll->cases.list[i], poll->now_ns);
    }
    (void)cJSON_AddNumberToObject(json, "unknown", poll->cases.n_unknown);
    if (poll->cases.n_unknown > 0)
        (void)cJSON_AddStringToObject(json, "why", poll->cases.why);
    if (out && poll->cases.n_unknown > 0)
        (void)fprintf(out, "! %d could not be told: %s\n", poll->cases.n_unknown, poll->cases.why);
    (void)ga_json_add_i64(json, "height", poll->chain->quorum.height);
    gov_give(poll->chain->run, host, json);
    if (out && fclose(out) == 0 && text)
        host->text(poll->chain->run, text);
    free(text);
}

static void
keep(struct poll *poll)
{
    char *text;

    poll->tolds.any = 1;
    text = gov_tolds_write(&poll->tolds);
    if (text && !poll->chain->host->dry_run(poll->chain->run))
        (void)poll->chain->host->state_put(poll->chain->run, STATE, text, strlen(text));
    free(text);
}

static int
summarise(struct poll *poll)
{
    const struct ga_host *host = poll->chain->host;
    int                   voting = 0;
    int                   missing = 0;

    for (size_t i = 0; i < poll->cases.n; i++) {
        const struct gov_case *one = &poll->cases.list[i];

        if (one->proposal.status != GOV_STATUS_VOTING_PERIOD)
            continue;
        voting++;
        missing += one->vote_known == GOV_ABSENT;
        poll->problems += *one->problem != '\0';
    }
    host->metric(poll->chain->run, "open_proposals", (double)poll->cases.n);
    host->metric(poll->chain->run, "votes_missing", missing);
    if (poll->problems > 0)
        return host->end(
            poll->chain->run, GA_UNKNOWN,
            "%zu open proposals, %d in voting, %d without this account's vote; %d things could not be asked",
            poll->cases.n, voting, missing, poll->problems);
    return host->end(poll->chain->run, GA_OK, "%zu open proposals, %d in voting, %d without this account's vote",
                     poll->cases.n, voting, missing);
}

int
gov_poll(struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    static struct poll      poll;
    char                    why[400];
    int                     outcome = gov_chain_open(&chain, run, host);

    if (outcome != GA_OK)
        return outcome;
    poll.chain = &chain;
    poll.now_ns = chain.quorum.block_time_ns;
    prepare(&poll);
    if (gov_look_open(&chain, &poll.cases, why, sizeof(why)) < 0)
        return host->end(run, GA_UNKNOWN, "%s", why);
    poll.problems += poll.cases.n_unknown;
    for (size_t i = 0; i < poll.cases.n; i++) {
        if (poll.cases.list[i].proposal.status == GOV_STATUS_VOTING_PERIOD)
            gov_look_votes(&chain, poll.has_rules ? &poll.rules : NULL, &poll.cases.list[i]);
        if (host->cancelled(run))
            break;
        tell(&poll, &poll.cases.list[i]);
    }
    if (host->cancelled(run)) {
        gov_cases_done(&poll.cases);
        return host->end(run, GA_UNKNOWN, "the run was cancelled");
    }
    tell_ended(&poll);
    keep(&poll);
    report(&poll);
    outcome = summarise(&poll);
    gov_cases_done(&poll.cases);
    return outcome;
}

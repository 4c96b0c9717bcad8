/* replay.c: what the policy would have done with proposals of the past, or says of those in a file. */
#include "plugins/governance/tasks.h"

#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
    struct gov_policy policy;
    cJSON            *list;
    FILE             *out;
    int               counts[GOV_CHOICE_ABSTAIN + 1];
    int               n;
};

static void
ask(struct replay *replay, const struct gov_case *one)
{
    struct gov_verdict verdict;
    cJSON             *entry = gov_report_case(one, 0);
    char               when[80] = "";

    gov_policy_ask(&replay->policy, &one->proposal, &verdict);
    (void)cJSON_DeleteItemFromObject(entry, "ends");
    (void)cJSON_AddItemToObject(entry, "verdict", gov_report_verdict(&verdict, 0));
    (void)cJSON_AddItemToArray(replay->list, entry);
    replay->counts[verdict.choice]++;
    replay->n++;
    if (verdict.vote_at_ns > 0)
        (void)ga_when_format(verdict.vote_at_ns, when, sizeof(when));
    if (replay->out)
        (void)fprintf(replay->out, "%6" PRIu64 "  %-14s %-13s %-22s %s\n", one->proposal.id,
                      gov_status_text(one->proposal.status), gov_choice_text(verdict.choice), when, verdict.why);
}

/* What modules had before, when the file says so: {"params": {"inference.inference": {...}}}. Else such rules are in
 * doubt. */
static void
compare(struct gov_proposal *proposal, const cJSON *params)
{
    for (size_t i = 0; i < proposal->n_messages; i++)
        if (proposal->messages[i].kind == GOV_KIND_PARAMS && !proposal->messages[i].undecoded)
            (void)gov_params_compare(&proposal->messages[i],
                                     ga_json_get(params, proposal->messages[i].u.params.module));
}

static int
ask_element(struct replay *replay, const cJSON *element, const cJSON *params, char *why, size_t len)
{
    struct gov_case one = {.upgrade_ns = 0};
    int             r = gov_proposal_decode(element, &one.proposal, why, len);

    if (r < 0)
        return r;
    compare(&one.proposal, params);
    ask(replay, &one);
    gov_case_done(&one);
    return 0;
}

/* {"proposals":[...]}, {"proposal":{...}}, or a list. */
static int
ask_file(struct replay *replay, const char *text, char *why, size_t len)
{
    cJSON       *json = ga_json_parse(text, strlen(text), why, len);
    const cJSON *list = ga_json_get(json, "proposals");
    const cJSON *params = ga_json_get(json, "params");
    const cJSON *element;
    int          r = 0;

    if (!json)
        return -1;
    if (!cJSON_IsArray(list))
        list = cJSON_IsArray(json) ? json : NULL;
    if (!list && ga_json_get(json, "proposals")) {
        (void)snprintf(why, len, "its member proposals is no list");
        r = -1;
    } else if (!list) {
        r = ask_element(replay, json, params, why, len);
    }
    cJSON_ArrayForEach(element, list)
    {
        if (r == 0)
            r = ask_element(replay, element, params, why, len);
    }
    cJSON_Delete(json);
    return r < 0 ? -1 : 0;
}

/* Their changes of parameters are compared with what the chain has now, not with what it had then. An outcome. */
static int
ask_chain(struct replay *replay, struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    struct gov_cases        cases;
    char                    why[400];
    int                     outcome = gov_chain_open(&chain, run, host);

    if (outcome != GA_OK)
        return outcome;
    if (gov_look_ended(&chain, (size_t)host->num(run, "most"), &cases, why, sizeof(why)) < 0)
        return host->end(run, GA_UNKNOWN, "%s", why);
    for (size_t i = 0; i < cases.n; i++)
        ask(replay, &cases.list[i]);
    if (cases.n_unknown > 0)
        outcome = host->end(run, GA_UNKNOWN, "%d proposals could not be told: %s", cases.n_unknown, cases.why);
    gov_cases_done(&cases);
    return outcome;
}

int
gov_replay(struct ga_run *run, const struct ga_host *host)
{
    struct replay replay = {.n = 0};
    cJSON        *json = cJSON_CreateObject();
    char         *text = NULL;
    size_t        len = 0;
    char          why[400] = "";
    int           outcome = GA_OK;

    if (gov_policy_of(run, host, &replay.policy, why, sizeof(why)) < 0) {
        cJSON_Delete(json);
        return host->end(run, GA_REFUSED, "%s", why);
    }
    replay.list = cJSON_AddArrayToObject(json, "proposals");
    replay.out = open_memstream(&text, &len);
    if (replay.policy.n == 0)
        outcome = host->end(run, GA_REFUSED, "there is no policy: give option policy or policy_file");
    else if (host->has(run, "file"))
        outcome = ask_file(&replay, host->str(run, "file"), why, sizeof(why)) < 0
                      ? host->end(run, GA_REFUSED, "the file has no proposals that can be read: %s", why)
                      : GA_OK;
    else
        outcome = ask_chain(&replay, run, host);
    gov_give(run, host, json);
    if (replay.out && fclose(replay.out) == 0)
        host->text(run, text);
    free(text);
    gov_policy_free(&replay.policy);
    if (outcome != GA_OK)
        return outcome;
    return host->end(run, GA_OK, "%d proposals: %d yes, %d no, %d no_with_veto, %d abstain, %d for a person", replay.n,
                     replay.counts[GOV_CHOICE_YES], replay.counts[GOV_CHOICE_NO],
                     replay.counts[GOV_CHOICE_NO_WITH_VETO], replay.counts[GOV_CHOICE_ABSTAIN],
                     replay.counts[GOV_CHOICE_ASK]);
}

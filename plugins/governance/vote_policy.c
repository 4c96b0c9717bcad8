/* vote_policy.c: votes by policy. A person's vote is never overridden. */
#include "plugins/governance/ballot.h"

#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_run {
    struct gov_chain *chain;
    struct gov_policy policy;
    struct gov_ballot ballot;
    cJSON            *list;
    FILE             *out;
    int               voted;
    int               waiting;
    int               asked;
    int               worst; /* outcome of one that did not go well; GA_OK */
    char              worst_why[GOV_BALLOT_WHY];
};

static void
note(struct policy_run *policy, uint64_t id, const char *state, const char *text)
{
    cJSON *entry = cJSON_CreateObject();

    (void)ga_json_add_u64(entry, "id", id);
    (void)cJSON_AddStringToObject(entry, "state", state);
    (void)cJSON_AddStringToObject(entry, "text", text);
    (void)cJSON_AddItemToObject(entry, "verdict",
                                gov_report_verdict(&policy->ballot.verdict, policy->chain->quorum.block_time_ns));
    (void)cJSON_AddItemToArray(policy->list, entry);
    if (policy->out)
        (void)fprintf(policy->out, "%" PRIu64 "  %-9s %s\n", id, state, text);
}

static void
worse(struct policy_run *policy, int outcome, const char *text)
{
    if (policy->worst == GA_OK || policy->worst == GA_UNKNOWN) {
        policy->worst = outcome;
        (void)snprintf(policy->worst_why, sizeof(policy->worst_why), "%s", text);
    }
}

/* Has the account voted? Then nothing more is done: a person's vote is never overridden, and the policy's is cast. */
static enum gov_known
has_voted(struct policy_run *policy, uint64_t id)
{
    struct gov_ballot *ballot = &policy->ballot;
    char               text[GOV_BALLOT_WHY];
    enum gov_known     known = gov_look_own(policy->chain, id, &ballot->one, text, sizeof(text));

    if (known == GOV_UNKNOWN) {
        note(policy, id, "unknown", text);
        worse(policy, GA_UNKNOWN, text);
    } else if (known == GOV_KNOWN) {
        if (gov_memory_saw(&ballot->memory, id, ballot->one.vote))
            (void)gov_ballot_remember(ballot);
        (void)snprintf(text, sizeof(text), "this account has voted %s", ballot->one.vote);
        note(policy, id, "voted", text);
    }
    return known;
}

/* Is it a person's to decide, or too early? 1: yes, and that is noted. */
static int
must_wait(struct policy_run *policy, uint64_t id)
{
    struct gov_ballot *ballot = &policy->ballot;
    const int64_t      now = policy->chain->quorum.block_time_ns;
    const char        *of_person = gov_memory_of_person(&ballot->memory, id);
    char               text[GOV_BALLOT_WHY];
    char               when[80];

    if (ballot->verdict.choice == GOV_CHOICE_ASK || of_person) {
        policy->asked++;
        if (of_person)
            (void)snprintf(text, sizeof(text), "a person voted %s, which is not on chain (any more): vote by hand",
                           of_person);
        else
            (void)snprintf(text, sizeof(text), "%s", ballot->verdict.why);
        note(policy, id, "ask", text);
        return 1;
    }
    if (now >= ballot->verdict.vote_at_ns)
        return 0;
    policy->waiting++;
    (void)snprintf(text, sizeof(text), "votes %s %s: %.400s", gov_choice_text(ballot->verdict.choice),
                   ga_when_show(ballot->verdict.vote_at_ns, now, when, sizeof(when)), ballot->verdict.why);
    note(policy, id, "waits", text);
    return 1;
}

/* One proposal in voting period, as enough nodes have it. */
static void
decide(struct policy_run *policy, uint64_t id)
{
    struct gov_ballot *ballot = &policy->ballot;
    int                outcome;

    gov_policy_ask(&policy->policy, &ballot->one.proposal, &ballot->verdict);
    if (has_voted(policy, id) != GOV_ABSENT || must_wait(policy, id))
        return;
    ballot->choice = ballot->verdict.choice;
    outcome = gov_ballot_period(ballot);
    if (outcome == GA_OK)
        outcome = gov_ballot_means(ballot);
    if (outcome == GA_OK && has_voted(policy, id) != GOV_ABSENT)
        return; /* that took its time, and meanwhile somebody has */
    if (outcome == GA_OK)
        outcome = gov_ballot_cast(ballot);
    policy->voted += outcome == GA_CHANGED;
    note(policy, id, outcome == GA_CHANGED ? "votes" : "not voted", ballot->why);
    if (outcome != GA_CHANGED && outcome != GA_OK)
        worse(policy, outcome, ballot->why);
}

static void
decide_all(struct policy_run *policy, const struct gov_ids *ids)
{
    char why[GOV_BALLOT_WHY];

    for (size_t i = 0; i < ids->n && !policy->chain->host->cancelled(policy->chain->run); i++) {
        const uint64_t id = ids->list[i];
        enum gov_known known;

        policy->ballot.unsigned_text = NULL;
        policy->ballot.command[0] = policy->ballot.hash[0] = '\0';
        known = gov_look_one(policy->chain, id, &policy->ballot.one, why, sizeof(why));
        if (known == GOV_UNKNOWN)
            worse(policy, GA_UNKNOWN, why);
        if (known != GOV_KNOWN || policy->ballot.one.proposal.status != GOV_STATUS_VOTING_PERIOD) {
            if (known == GOV_KNOWN)
                gov_case_done(&policy->ballot.one);
            continue; /* one node alone tells of it, or its end has come since */
        }
        decide(policy, id);
        if (policy->ballot.unsigned_text && policy->out)
            (void)fprintf(policy->out, "%s\n%s\n", policy->ballot.unsigned_text, policy->ballot.command);
        free(policy->ballot.unsigned_text);
        gov_case_done(&policy->ballot.one);
    }
}

static int
end_policy(struct policy_run *policy)
{
    const struct ga_host *host = policy->chain->host;
    struct ga_run        *run = policy->chain->run;

    if (host->cancelled(run))
        return host->end(run, GA_UNKNOWN, "the run was cancelled");
    if (policy->worst != GA_OK)
        return host->end(run, policy->worst, "%s", policy->worst_why);
    return host->end(run, policy->voted ? GA_CHANGED : GA_OK, "%d voted, %d wait for their time, %d are for a person",
                     policy->voted, policy->waiting, policy->asked);
}

int
gov_vote_by_policy(struct gov_chain *chain, struct gov_policy *rules)
{
    static struct policy_run policy;
    struct gov_ids           ids;
    cJSON                   *json = cJSON_CreateObject();
    char                    *text = NULL;
    size_t                   len = 0;
    char                     why[GOV_BALLOT_WHY];
    int                      outcome;

    policy.chain = policy.ballot.chain = chain;
    policy.policy = *rules;
    policy.worst = GA_OK;
    policy.list = cJSON_AddArrayToObject(json, "proposals");
    outcome = gov_ballot_recall(&policy.ballot);
    if (outcome != GA_OK) {
        cJSON_Delete(json);
        return chain->host->end(chain->run, outcome, "%s", policy.ballot.why);
    }
    if (gov_look_voting(chain, &ids, why, sizeof(why)) < 0) {
        cJSON_Delete(json);
        return chain->host->end(chain->run, GA_UNKNOWN, "%s", why);
    }
    policy.out = open_memstream(&text, &len);
    decide_all(&policy, &ids);
    if (ids.left_out)
        worse(&policy, GA_UNKNOWN, "there are more proposals than are looked at: vote on the others by hand");
    gov_give(chain->run, chain->host, json);
    if (policy.out && fclose(policy.out) == 0)
        chain->host->text(chain->run, text);
    free(text);
    return end_policy(&policy);
}

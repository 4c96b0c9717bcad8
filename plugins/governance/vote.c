/* vote.c: votes by hand and by policy. A vote counts as cast when enough nodes have it on chain. */
#include "plugins/governance/tasks.h"

#include "kit/clean.h"
#include "kit/json.h"
#include "kit/sign.h"
#include "kit/when.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WHY 700
#define LOOK_AGAIN_MS 300
#define MEMORY "votes"

struct ballot {
    struct gov_chain  *chain;
    struct gov_case    one;
    enum gov_choice    choice;
    struct gov_verdict verdict; /* of a policy; rule is -1 by hand */
    int                by_hand;
    int                signer_known; /* 1: the key is the account's */
    struct gov_memory  memory;
    char               command[1600];
    char               node[GA_CHAIN_URL_MAX + 2];
    char              *unsigned_text; /* sign: offline */
    char               hash[72];
    char               why[WHY]; /* how it ended, in a sentence */
};

/* --- guards ---------------------------------------------------------------------------------------------------------
 */

static int
end_with(struct ballot *ballot, int outcome, const char *text)
{
    (void)snprintf(ballot->why, sizeof(ballot->why), "%.690s", text);
    (void)ga_clean(ballot->why);
    return outcome;
}

/* May there be a vote at all, now, with this key? GA_OK, or an outcome with a sentence. */
static int
check_means(struct ballot *ballot)
{
    struct gov_chain     *chain = ballot->chain;
    const struct ga_host *host = chain->host;
    char                  why[WHY];
    int                   r;

    if (!host->has(chain->run, "account"))
        return end_with(ballot, GA_REFUSED, "option account is not given: whose vote is it");
    if (chain->setup.has_own && chain->quorum.looks[0].verdict.why != GA_CHAIN_OK)
        return end_with(ballot, GA_UNKNOWN, chain->quorum.looks[0].verdict.text);
    if (ga_sign_check(chain->run, host, why, sizeof(why)) < 0)
        return end_with(ballot, GA_REFUSED, why);
    if (ballot->signer_known || strcmp(host->str(chain->run, "sign"), "offline") == 0)
        return GA_OK;
    r = ga_sign_key_of(chain->run, host, host->str(chain->run, "account"), why, sizeof(why) - 64);
    if (r > 0)
        strncat(why, ": the account's own key must sign", sizeof(why) - strlen(why) - 1);
    if (r != 0)
        return end_with(ballot, r > 0 ? GA_REFUSED : GA_UNKNOWN, why);
    ballot->signer_known = 1;
    return GA_OK;
}

static int
check_period(struct ballot *ballot)
{
    const struct gov_proposal *proposal = &ballot->one.proposal;
    char                       text[WHY];

    if (proposal->status == GOV_STATUS_VOTING_PERIOD && proposal->voting_end_ns > ballot->chain->quorum.block_time_ns)
        return GA_OK;
    (void)snprintf(text, sizeof(text), "proposal %" PRIu64 " takes no votes: it is in %s%s", proposal->id,
                   gov_status_text(proposal->status),
                   proposal->status == GOV_STATUS_VOTING_PERIOD ? ", and its end has come" : "");
    return end_with(ballot, GA_REFUSED, text);
}

/* --- what is remembered ---------------------------------------------------------------------------------------------
 */

/* An outcome: without the memory no policy can tell its own votes from a person's. */
static int
recall(struct ballot *ballot)
{
    const struct ga_host *host = ballot->chain->host;
    const void           *data = NULL;
    size_t                len = 0;
    int                   r = host->state_get(ballot->chain->run, MEMORY, &data, &len);

    if (r == 1 || (r == 0 && gov_memory_read(data, len, &ballot->memory) == 0))
        return GA_OK;
    return end_with(ballot, GA_FAILED,
                    "which votes were a person's cannot be read (" MEMORY " in the plugin's state): remove it when "
                    "no person has voted on what is open");
}

/* 0, or -1: it could not be kept, and there shall be no vote. */
static int
remember(const struct ballot *ballot)
{
    const struct gov_chain *chain = ballot->chain;
    char                   *text = gov_memory_write(&ballot->memory);
    int                     r = text ? 0 : -1;

    if (text && !chain->host->dry_run(chain->run))
        r = chain->host->state_put(chain->run, MEMORY, text, strlen(text));
    free(text);
    return r;
}

/* --- the transaction ------------------------------------------------------------------------------------------------
 */

static char *
details(const struct ballot *ballot)
{
    cJSON *json = cJSON_CreateObject();
    char   line[400];
    char   title[256];
    char  *text;

    (void)snprintf(title, sizeof(title), "%s", ballot->one.proposal.title);
    (void)cJSON_AddStringToObject(json, "title", ga_clean(title));
    (void)cJSON_AddStringToObject(json, "option", gov_choice_text(ballot->choice));
    if (ballot->one.vote_known == GOV_KNOWN)
        (void)cJSON_AddStringToObject(json, "was", ballot->one.vote);
    (void)cJSON_AddStringToObject(json, "why", ballot->by_hand ? "by hand" : ballot->verdict.why);
    if (ballot->one.tally_known == GOV_KNOWN) {
        gov_tally_line(&ballot->one, line, sizeof(line));
        (void)cJSON_AddStringToObject(json, "tally", line);
    }
    (void)cJSON_AddStringToObject(json, "command", ballot->command);
    text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

static int64_t
steady_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Looks until the vote is on chain. GOV_KNOWN: it is; GOV_ABSENT: it is not, or another; GOV_UNKNOWN: could not ask. */
static enum gov_known
wait_for_vote(struct ballot *ballot, char *why, size_t len)
{
    struct gov_chain *chain = ballot->chain;
    const int64_t     until = steady_ns() + chain->host->num(chain->run, "confirm_wait");
    struct pollfd     cancel = {.fd = chain->host->cancel_fd(chain->run), .events = POLLIN};
    enum gov_known    known;

    do {
        gov_chain_again(chain);
        known = gov_look_own(chain, ballot->one.proposal.id, &ballot->one, why, len);
        if (known == GOV_KNOWN && ballot->one.choice == ballot->choice)
            return GOV_KNOWN;
    } while (steady_ns() < until && poll(&cancel, 1, LOOK_AGAIN_MS) == 0);
    return known == GOV_UNKNOWN ? GOV_UNKNOWN : GOV_ABSENT;
}

static void
emit_voted(const struct ballot *ballot)
{
    const struct gov_chain *chain = ballot->chain;
    cJSON                  *json = cJSON_CreateObject();
    char                   *text;

    (void)ga_json_add_u64(json, "id", ballot->one.proposal.id);
    (void)cJSON_AddStringToObject(json, "option", gov_choice_text(ballot->choice));
    (void)cJSON_AddStringToObject(json, "why", ballot->by_hand ? "by hand" : ballot->verdict.why);
    (void)cJSON_AddStringToObject(json, "hash", ballot->hash);
    text = ga_json_print(json);
    if (text)
        (void)chain->host->emit(chain->run, "gov.voted", text);
    free(text);
    cJSON_Delete(json);
}

/* It was sent, or may have been: only the chain can tell. */
static int
prove(struct ballot *ballot, const struct ga_signed *result)
{
    const struct ga_host *host = ballot->chain->host;
    const uint64_t        id = ballot->one.proposal.id;
    const char           *hash = *ballot->hash ? ballot->hash : "(no hash)";
    char                  why[WHY - 100] = "";
    char                  text[WHY];
    const enum gov_known  seen = wait_for_vote(ballot, why, sizeof(why));

    if (seen == GOV_KNOWN) {
        host->acted(ballot->chain->run, 1, "the vote is on chain");
        emit_voted(ballot);
        (void)snprintf(text, sizeof(text), "voted %s on proposal %" PRIu64 ": it is on chain (transaction %s)",
                       gov_choice_text(ballot->choice), id, hash);
        return end_with(ballot, GA_CHANGED, text);
    }
    host->acted(ballot->chain->run, 0,
                seen == GOV_ABSENT ? "the vote is not on chain" : "the vote could not be looked for");
    if (seen == GOV_ABSENT && result->end == GA_SIGN_SENT) {
        (void)snprintf(text, sizeof(text),
                       "the node took transaction %s, but the vote on proposal %" PRIu64
                       " is not on chain: inferenced query tx %s says what became of it",
                       hash, id, hash);
        return end_with(ballot, GA_FAILED, text);
    }
    (void)snprintf(text, sizeof(text), "whether the vote on proposal %" PRIu64 " was cast is not known: %.400s", id,
                   result->end == GA_SIGN_SENT ? why : result->why);
    return end_with(ballot, GA_UNKNOWN, text);
}

static int
send_vote(struct ballot *ballot, const struct ga_transaction *transaction)
{
    const struct ga_host *host = ballot->chain->host;
    struct ga_signed      result;
    char                  text[WHY];
    int                   outcome;

    (void)ga_sign(ballot->chain->run, host, transaction, &result);
    (void)snprintf(ballot->hash, sizeof(ballot->hash), "%s", result.hash);
    if (result.end == GA_SIGN_WRITTEN) {
        ballot->unsigned_text = result.text;
        result.text = NULL;
        host->acted(ballot->chain->run, 1, "the unsigned transaction was made; nothing was sent");
        (void)snprintf(text, sizeof(text), "not voted yet: sign and send it where the cold key is: %.500s",
                       ballot->command);
        outcome = end_with(ballot, GA_OK, text);
    } else if (result.end == GA_SIGN_REFUSED) {
        host->acted(ballot->chain->run, 0, result.why);
        (void)snprintf(text, sizeof(text), "not voted: %.600s", result.why);
        outcome = end_with(ballot, GA_FAILED, text);
    } else {
        outcome = prove(ballot, &result);
    }
    ga_signed_done(&result);
    return outcome;
}

/* The guards are behind us, but for act(). */
static int
cast(struct ballot *ballot)
{
    static const char *const flags[] = {"--unordered", "--timeout-duration=60s", "--gas=2000000",
                                        "--gas-adjustment=5.0", NULL};
    static const char *const unasked[] = {"--gas=2000000", NULL};
    struct gov_chain        *chain = ballot->chain;
    const struct ga_host    *host = chain->host;
    char                     id[24];
    char                     object[64];
    char                     text[WHY];
    const char *const        words[] = {"tx", "gov", "vote", id, gov_choice_text(ballot->choice), NULL};
    const int                offline = strcmp(host->str(chain->run, "sign"), "offline") == 0;
    struct ga_transaction    transaction = {
           .words = words, .flags = offline ? unasked : flags, .node = ballot->node, .chain_id = chain->quorum.chain_id};
    char *json;
    int   answer;

    (void)snprintf(id, sizeof(id), "%" PRIu64, ballot->one.proposal.id);
    (void)snprintf(object, sizeof(object), "proposal %s: %s", id, gov_choice_text(ballot->choice));
    (void)snprintf(ballot->node, sizeof(ballot->node), "%s/", chain->setup.sources[0].rpc);
    (void)ga_sign_command(chain->run, host, &transaction, ballot->command, sizeof(ballot->command));
    json = details(ballot);
    answer = host->act(chain->run, "vote", object, json);
    free(json);
    if (answer == GA_ACT_REFUSED) {
        (void)snprintf(text, sizeof(text), "not voted: %.600s", host->act_why(chain->run));
        return end_with(ballot, GA_REFUSED, text);
    }
    if (answer == GA_ACT_DRY) {
        (void)snprintf(text, sizeof(text), "would vote %s on proposal %s", gov_choice_text(ballot->choice), id);
        return end_with(ballot, GA_CHANGED, text);
    }
    gov_memory_cast(&ballot->memory, ballot->one.proposal.id, gov_choice_text(ballot->choice), !ballot->by_hand);
    if (remember(ballot) < 0) {
        host->acted(chain->run, 0, "nothing was sent");
        return end_with(ballot, GA_FAILED, "not voted: whose vote it is could not be written down (see the log)");
    }
    return send_vote(ballot, &transaction);
}

/* --- by hand --------------------------------------------------------------------------------------------------------
 */

static void
give(struct ballot *ballot, cJSON *json, const char *text)
{
    if (ballot->unsigned_text)
        (void)cJSON_AddStringToObject(json, "unsigned", ballot->unsigned_text);
    if (*ballot->command)
        (void)cJSON_AddStringToObject(json, "command", ballot->command);
    if (*ballot->hash)
        (void)cJSON_AddStringToObject(json, "hash", ballot->hash);
    gov_give(ballot->chain->run, ballot->chain->host, json);
    if (text)
        ballot->chain->host->text(ballot->chain->run, text);
}

static void
give_one(struct ballot *ballot)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (out) {
        gov_print_case(out, &ballot->one, ballot->chain->quorum.block_time_ns);
        if (ballot->unsigned_text)
            (void)fprintf(out,
                          "\nput this into unsigned.json on the machine that has the cold key:\n%s\nand there:\n%s\n",
                          ballot->unsigned_text, ballot->command);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    give(ballot, gov_report_case(&ballot->one, ballot->chain->quorum.block_time_ns), text);
    free(text);
}

static int
vote_on(struct ballot *ballot)
{
    struct gov_tally_rules rules;
    char                   why[WHY];
    int                    outcome = check_period(ballot);
    const int              have = gov_look_rules(ballot->chain, &rules, NULL, why, sizeof(why)) == GOV_KNOWN;

    gov_look_votes(ballot->chain, have ? &rules : NULL, &ballot->one);
    if (outcome == GA_OK)
        outcome = check_means(ballot);
    if (outcome == GA_OK)
        outcome = recall(ballot);
    if (outcome != GA_OK)
        return outcome;
    if (ballot->one.vote_known == GOV_UNKNOWN)
        return end_with(ballot, GA_UNKNOWN, ballot->one.problem);
    if (ballot->one.vote_known == GOV_KNOWN && ballot->one.choice == ballot->choice)
        return end_with(ballot, GA_OK, "this is how the account has voted already");
    return cast(ballot);
}

static int
vote_by_hand(struct gov_chain *chain)
{
    static struct ballot  ballot;
    const struct ga_host *host = chain->host;
    const uint64_t        id = (uint64_t)host->num(chain->run, "proposal");
    char                  why[WHY];
    enum gov_known        known;
    int                   outcome;

    if (!host->has(chain->run, "option"))
        return host->end(chain->run, GA_REFUSED, "option is not given: option=yes, no, no_with_veto or abstain");
    ballot.chain = chain;
    ballot.by_hand = 1;
    ballot.verdict.rule = -1;
    (void)gov_choice_parse(host->str(chain->run, "option"), &ballot.choice);
    known = gov_look_one(chain, id, &ballot.one, why, sizeof(why));
    if (known != GOV_KNOWN)
        return host->end(chain->run, known == GOV_ABSENT ? GA_REFUSED : GA_UNKNOWN, "%s", why);
    outcome = vote_on(&ballot);
    give_one(&ballot);
    free(ballot.unsigned_text);
    gov_case_done(&ballot.one);
    return host->end(chain->run, outcome, "%s", ballot.why);
}

/* --- by policy ------------------------------------------------------------------------------------------------------
 */

struct policy_run {
    struct gov_chain *chain;
    struct gov_policy policy;
    struct ballot     ballot;
    cJSON            *list;
    FILE             *out;
    int               voted;
    int               waiting;
    int               asked;
    int               worst; /* outcome of one that did not go well; GA_OK */
    char              worst_why[WHY];
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
    struct ballot *ballot = &policy->ballot;
    char           text[WHY];
    enum gov_known known = gov_look_own(policy->chain, id, &ballot->one, text, sizeof(text));

    if (known == GOV_UNKNOWN) {
        note(policy, id, "unknown", text);
        worse(policy, GA_UNKNOWN, text);
    } else if (known == GOV_KNOWN) {
        if (gov_memory_saw(&ballot->memory, id, ballot->one.vote))
            (void)remember(ballot);
        (void)snprintf(text, sizeof(text), "this account has voted %s", ballot->one.vote);
        note(policy, id, "voted", text);
    }
    return known;
}

/* Is it a person's to decide, or too early? 1: yes, and that is noted. */
static int
must_wait(struct policy_run *policy, uint64_t id)
{
    struct ballot *ballot = &policy->ballot;
    const int64_t  now = policy->chain->quorum.block_time_ns;
    const char    *of_person = gov_memory_of_person(&ballot->memory, id);
    char           text[WHY];
    char           when[80];

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
    struct ballot *ballot = &policy->ballot;
    int            outcome;

    gov_policy_ask(&policy->policy, &ballot->one.proposal, &ballot->verdict);
    if (has_voted(policy, id) != GOV_ABSENT || must_wait(policy, id))
        return;
    ballot->choice = ballot->verdict.choice;
    outcome = check_period(ballot);
    if (outcome == GA_OK)
        outcome = check_means(ballot);
    if (outcome == GA_OK && has_voted(policy, id) != GOV_ABSENT)
        return; /* that took its time, and meanwhile somebody has */
    if (outcome == GA_OK)
        outcome = cast(ballot);
    policy->voted += outcome == GA_CHANGED;
    note(policy, id, outcome == GA_CHANGED ? "votes" : "not voted", ballot->why);
    if (outcome != GA_CHANGED && outcome != GA_OK)
        worse(policy, outcome, ballot->why);
}

static void
decide_all(struct policy_run *policy, const struct gov_cases *cases)
{
    char why[WHY];

    for (size_t i = 0; i < cases->n && !policy->chain->host->cancelled(policy->chain->run); i++) {
        const uint64_t id = cases->list[i].proposal.id;

        if (cases->list[i].proposal.status != GOV_STATUS_VOTING_PERIOD)
            continue;
        policy->ballot.unsigned_text = NULL;
        policy->ballot.command[0] = policy->ballot.hash[0] = '\0';
        if (gov_look_one(policy->chain, id, &policy->ballot.one, why, sizeof(why)) != GOV_KNOWN) {
            worse(policy, GA_UNKNOWN, why);
            continue;
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

static int
vote_by_policy(struct gov_chain *chain, struct gov_policy *rules)
{
    static struct policy_run policy;
    struct gov_cases         cases;
    cJSON                   *json = cJSON_CreateObject();
    char                    *text = NULL;
    size_t                   len = 0;
    char                     why[WHY];
    int                      outcome;

    policy.chain = policy.ballot.chain = chain;
    policy.policy = *rules;
    policy.worst = GA_OK;
    policy.list = cJSON_AddArrayToObject(json, "proposals");
    outcome = recall(&policy.ballot);
    if (outcome != GA_OK) {
        cJSON_Delete(json);
        return chain->host->end(chain->run, outcome, "%s", policy.ballot.why);
    }
    if (gov_look_open(chain, &cases, why, sizeof(why)) < 0) {
        cJSON_Delete(json);
        return chain->host->end(chain->run, GA_UNKNOWN, "%s", why);
    }
    policy.out = open_memstream(&text, &len);
    decide_all(&policy, &cases);
    gov_cases_done(&cases);
    gov_give(chain->run, chain->host, json);
    if (policy.out && fclose(policy.out) == 0)
        chain->host->text(chain->run, text);
    free(text);
    return end_policy(&policy);
}

int
gov_vote(struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    struct gov_policy       policy;
    char                    why[WHY];
    const int               by_hand = host->has(run, "proposal");
    int                     outcome;

    if (!by_hand && host->has(run, "option"))
        return host->end(run, GA_REFUSED, "proposal is not given: proposal=12 option=yes");
    if (!by_hand) {
        if (gov_policy_of(run, host, &policy, why, sizeof(why)) < 0)
            return host->end(run, GA_FAILED, "%s", why);
        if (policy.n == 0) {
            gov_policy_free(&policy);
            return host->end(run, GA_OK, "there is no policy: votes are cast by hand (proposal=12 option=yes)");
        }
        if (!host->has(run, "account")) {
            gov_policy_free(&policy);
            return host->end(run, GA_REFUSED, "option account is not given: whose vote is it");
        }
    }
    outcome = gov_chain_open(&chain, run, host);
    if (outcome == GA_OK)
        outcome = by_hand ? vote_by_hand(&chain) : vote_by_policy(&chain, &policy);
    if (!by_hand)
        gov_policy_free(&policy);
    return outcome;
}

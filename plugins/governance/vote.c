/* vote.c: votes by hand. */
#include "plugins/governance/ballot.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
give(struct gov_ballot *ballot, cJSON *json, const char *text)
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
give_one(struct gov_ballot *ballot)
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
vote_on(struct gov_ballot *ballot)
{
    struct gov_tally_rules rules;
    char                   why[GOV_BALLOT_WHY];
    int                    outcome = gov_ballot_period(ballot);
    const int              have = gov_look_rules(ballot->chain, &rules, NULL, why, sizeof(why)) == GOV_KNOWN;

    gov_look_votes(ballot->chain, have ? &rules : NULL, &ballot->one);
    if (outcome == GA_OK)
        outcome = gov_ballot_means(ballot);
    if (outcome != GA_OK)
        return outcome;
    ballot->forgets = gov_ballot_recall(ballot) != GA_OK;
    if (ballot->forgets) /* a person's vote does not wait for it */
        ballot->chain->host->log(ballot->chain->run, GA_LOG_WARNING, "%s", ballot->why);
    if (ballot->one.vote_known == GOV_UNKNOWN)
        return gov_ballot_end(ballot, GA_UNKNOWN, ballot->one.problem);
    if (ballot->one.vote_known == GOV_KNOWN && ballot->one.choice == ballot->choice)
        return gov_ballot_end(ballot, GA_OK, "this is how the account has voted already");
    return gov_ballot_cast(ballot);
}

int
gov_vote_by_hand(struct gov_chain *chain)
{
    static struct gov_ballot ballot;
    const struct ga_host    *host = chain->host;
    const uint64_t           id = (uint64_t)host->num(chain->run, "proposal");
    char                     why[GOV_BALLOT_WHY];
    enum gov_known           known;
    int                      outcome;

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

int
gov_vote(struct ga_run *run, const struct ga_host *host)
{
    static struct gov_chain chain;
    struct gov_policy       policy;
    char                    why[GOV_BALLOT_WHY];
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
        outcome = by_hand ? gov_vote_by_hand(&chain) : gov_vote_by_policy(&chain, &policy);
    if (!by_hand)
        gov_policy_free(&policy);
    return outcome;
}

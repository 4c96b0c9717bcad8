/* ballot.c: one vote. It counts as cast when enough nodes have it on chain. */
#include "plugins/governance/ballot.h"

#include "kit/clean.h"
#include "kit/json.h"
#include "kit/sign.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_AGAIN_MS 300
#define MEMORY "votes"

/* --- guards ---------------------------------------------------------------------------------------------------------
 */

int
gov_ballot_end(struct gov_ballot *ballot, int outcome, const char *text)
{
    (void)snprintf(ballot->why, sizeof(ballot->why), "%.690s", text);
    (void)ga_clean(ballot->why);
    return outcome;
}

/* May there be a vote at all, now, with this key? GA_OK, or an outcome with a sentence. */
int
gov_ballot_means(struct gov_ballot *ballot)
{
    struct gov_chain     *chain = ballot->chain;
    const struct ga_host *host = chain->host;
    char                  why[GOV_BALLOT_WHY];
    int                   r;

    if (!host->has(chain->run, "account"))
        return gov_ballot_end(ballot, GA_REFUSED, "option account is not given: whose vote is it");
    if (chain->setup.has_own && chain->quorum.looks[0].verdict.why != GA_CHAIN_OK)
        return gov_ballot_end(ballot, GA_UNKNOWN, chain->quorum.looks[0].verdict.text);
    if (ga_sign_check(chain->run, host, why, sizeof(why)) < 0)
        return gov_ballot_end(ballot, GA_REFUSED, why);
    if (ballot->signer_known || strcmp(host->str(chain->run, "sign"), "offline") == 0)
        return GA_OK;
    r = ga_sign_key_of(chain->run, host, host->str(chain->run, "account"), why, sizeof(why) - 64);
    if (r > 0)
        strncat(why, ": the account's own key must sign", sizeof(why) - strlen(why) - 1);
    if (r != 0)
        return gov_ballot_end(ballot, r > 0 ? GA_REFUSED : GA_UNKNOWN, why);
    ballot->signer_known = 1;
    return GA_OK;
}

int
gov_ballot_period(struct gov_ballot *ballot)
{
    const struct gov_proposal *proposal = &ballot->one.proposal;
    char                       text[GOV_BALLOT_WHY];

    if (proposal->status == GOV_STATUS_VOTING_PERIOD && proposal->voting_end_ns > ballot->chain->quorum.block_time_ns)
        return GA_OK;
    (void)snprintf(text, sizeof(text), "proposal %" PRIu64 " takes no votes: it is in %s%s", proposal->id,
                   gov_status_text(proposal->status),
                   proposal->status == GOV_STATUS_VOTING_PERIOD ? ", and its end has come" : "");
    return gov_ballot_end(ballot, GA_REFUSED, text);
}

/* --- what is remembered ---------------------------------------------------------------------------------------------
 */

/* An outcome: without the memory no policy can tell its own votes from a person's. */
int
gov_ballot_recall(struct gov_ballot *ballot)
{
    const struct ga_host *host = ballot->chain->host;
    const void           *data = NULL;
    size_t                len = 0;
    int                   r = host->state_get(ballot->chain->run, MEMORY, &data, &len);

    if (r == 1 || (r == 0 && gov_memory_read(data, len, &ballot->memory) == 0))
        return GA_OK;
    return gov_ballot_end(ballot, GA_FAILED,
                          "which votes were a person's cannot be read (" MEMORY
                          " in the plugin's state): remove it when "
                          "no person has voted on what is open");
}

/* 0, or -1: it could not be kept, and there shall be no vote. */
int
gov_ballot_remember(const struct gov_ballot *ballot)
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
details(const struct gov_ballot *ballot)
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
wait_for_vote(struct gov_ballot *ballot, char *why, size_t len)
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
emit_voted(const struct gov_ballot *ballot)
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
prove(struct gov_ballot *ballot, const struct ga_signed *result)
{
    const struct ga_host *host = ballot->chain->host;
    const uint64_t        id = ballot->one.proposal.id;
    const char           *hash = *ballot->hash ? ballot->hash : "(no hash)";
    char                  why[GOV_BALLOT_WHY - 100] = "";
    char                  text[GOV_BALLOT_WHY];
    const enum gov_known  seen = wait_for_vote(ballot, why, sizeof(why));

    if (seen == GOV_KNOWN) {
        host->acted(ballot->chain->run, 1, "the vote is on chain");
        emit_voted(ballot);
        (void)snprintf(text, sizeof(text), "voted %s on proposal %" PRIu64 ": it is on chain (transaction %s)",
                       gov_choice_text(ballot->choice), id, hash);
        return gov_ballot_end(ballot, GA_CHANGED, text);
    }
    host->acted(ballot->chain->run, 0,
                seen == GOV_ABSENT ? "the vote is not on chain" : "the vote could not be looked for");
    if (seen == GOV_ABSENT && result->end == GA_SIGN_SENT) {
        (void)snprintf(text, sizeof(text),
                       "the node took transaction %s, but the vote on proposal %" PRIu64
                       " is not on chain: inferenced query tx %s says what became of it",
                       hash, id, hash);
        return gov_ballot_end(ballot, GA_FAILED, text);
    }
    (void)snprintf(text, sizeof(text), "whether the vote on proposal %" PRIu64 " was cast is not known: %.400s", id,
                   result->end == GA_SIGN_SENT ? why : result->why);
    return gov_ballot_end(ballot, GA_UNKNOWN, text);
}

static int
send_vote(struct gov_ballot *ballot, const struct ga_transaction *transaction)
{
    const struct ga_host *host = ballot->chain->host;
    struct ga_signed      result;
    char                  text[GOV_BALLOT_WHY];
    int                   outcome;

    (void)ga_sign(ballot->chain->run, host, transaction, &result);
    (void)snprintf(ballot->hash, sizeof(ballot->hash), "%s", result.hash);
    if (result.end == GA_SIGN_WRITTEN) {
        ballot->unsigned_text = result.text;
        result.text = NULL;
        host->acted(ballot->chain->run, 1, "the unsigned transaction was made; nothing was sent");
        (void)snprintf(text, sizeof(text), "not voted yet: sign and send it where the cold key is: %.500s",
                       ballot->command);
        outcome = gov_ballot_end(ballot, GA_OK, text);
    } else if (result.end == GA_SIGN_REFUSED) {
        host->acted(ballot->chain->run, 0, result.why);
        (void)snprintf(text, sizeof(text), "not voted: %.600s", result.why);
        outcome = gov_ballot_end(ballot, GA_FAILED, text);
    } else {
        outcome = prove(ballot, &result);
    }
    ga_signed_done(&result);
    return outcome;
}

/* The guards are behind us, but for act(). */
int
gov_ballot_cast(struct gov_ballot *ballot)
{
    static const char *const flags[] = {"--unordered", "--timeout-duration=60s", "--gas=2000000",
                                        "--gas-adjustment=5.0", NULL};
    static const char *const unasked[] = {"--gas=2000000", NULL};
    struct gov_chain        *chain = ballot->chain;
    const struct ga_host    *host = chain->host;
    char                     id[24];
    char                     object[64];
    char                     text[GOV_BALLOT_WHY];
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
        return gov_ballot_end(ballot, GA_REFUSED, text);
    }
    if (answer == GA_ACT_DRY) {
        (void)snprintf(text, sizeof(text), "would vote %s on proposal %s", gov_choice_text(ballot->choice), id);
        return gov_ballot_end(ballot, GA_CHANGED, text);
    }
    gov_memory_cast(&ballot->memory, ballot->one.proposal.id, gov_choice_text(ballot->choice), !ballot->by_hand);
    if (!ballot->forgets && gov_ballot_remember(ballot) < 0 && !ballot->by_hand) {
        host->acted(chain->run, 0, "nothing was sent");
        return gov_ballot_end(ballot, GA_FAILED, "not voted: whose vote it is could not be written down (see the log)");
    }
    return send_vote(ballot, &transaction);
}

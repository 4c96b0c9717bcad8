/* look.c: questions about one validator. */
#include "plugins/validator/look.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INFERENCE "/productscience/inference/inference"

/* --- the questions -------------------------------------------------------------------------------------------------
 */

static int
read_validator(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    return val_read_validator(answer, about, &ret->validator, why);
}

static int
same_validator(const union val_fact *a, const union val_fact *b)
{
    return a->validator.jailed == b->validator.jailed && a->validator.bond == b->validator.bond &&
           strcmp(a->validator.key, b->validator.key) == 0;
}

static int
read_signing(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    return val_read_signing(answer, about, &ret->signing, why);
}

static int
same_signing(const union val_fact *a, const union val_fact *b)
{
    return a->signing.tombstoned == b->signing.tombstoned && a->signing.until_ns == b->signing.until_ns;
}

static int
read_params(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    (void)about;
    return val_read_params(answer, &ret->params, why);
}

static int
same_params(const union val_fact *a, const union val_fact *b)
{
    return a->params.window == b->params.window && a->params.most_missed == b->params.most_missed &&
           a->params.jail_ns == b->params.jail_ns;
}

static int
read_participant(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    return val_read_participant(answer, about, &ret->participant, why);
}

static int
same_participant(const union val_fact *a, const union val_fact *b)
{
    return strcmp(a->participant.key, b->participant.key) == 0;
}

static int
read_balance(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    (void)about;
    return val_read_balance(answer, ret->balance, why);
}

static int
same_balance(const union val_fact *a, const union val_fact *b)
{
    return strcmp(a->balance, b->balance) == 0;
}

static int
read_grants(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    (void)about;
    return val_read_grants(answer, &ret->grants, why);
}

static int
same_grants(const union val_fact *a, const union val_fact *b)
{
    return a->grants.n == b->grants.n && a->grants.first_ns == b->grants.first_ns;
}

static int
read_allowance(const cJSON *answer, const char *about, union val_fact *ret, char *why)
{
    return val_read_allowance(answer, about, &ret->allowance, why);
}

static int
same_allowance(const union val_fact *a, const union val_fact *b)
{
    return a->allowance.n == b->allowance.n && a->allowance.ends_ns == b->allowance.ends_ns;
}

static enum val_known
ask(const struct val_chain *chain, const struct val_question *question, struct val_item *item, union val_fact *fact)
{
    item->wanted = 1;
    item->known = val_ask(chain, question, fact, item->why);
    return item->known;
}

/* --- parts ---------------------------------------------------------------------------------------------------------
 */

enum val_known
val_look_validator(struct val_chain *chain, struct val_seen *ret)
{
    char                      path[256];
    union val_fact            fact;
    const struct val_question question = {.what = "the validator's entry",
                                          .path = path,
                                          .about = ret->operator_address,
                                          .read = read_validator,
                                          .same = same_validator};

    (void)snprintf(path, sizeof(path), "/cosmos/staking/v1beta1/validators/%s", ret->operator_address);
    if (ask(chain, &question, &ret->validator_item, &fact) == VAL_KNOWN)
        ret->validator = fact.validator;
    return ret->validator_item.known;
}

/* The signing info stands under the address of the key that the chain has. */
static void
look_at_signing(const struct val_chain *chain, struct val_seen *ret)
{
    char                path[256];
    char                why[VAL_WHY];
    union val_fact      fact;
    struct val_question question = {
        .what = "the signing info", .path = path, .about = ret->valcons, .read = read_signing, .same = same_signing};

    ret->signing_item.wanted = 1;
    if (ret->validator_item.known != VAL_KNOWN) {
        (void)snprintf(ret->signing_item.why, VAL_WHY, "the validator's key on the chain is not known");
        return;
    }
    (void)ga_consensus_of_base64(ret->validator.key, ret->valcons, sizeof(ret->valcons), ret->hex, sizeof(ret->hex),
                                 why, sizeof(why));
    (void)snprintf(path, sizeof(path), "/cosmos/slashing/v1beta1/signing_infos/%s", ret->valcons);
    if (ask(chain, &question, &ret->signing_item, &fact) == VAL_KNOWN)
        ret->signing = fact.signing;
    question = (struct val_question){.what = "the slashing parameters",
                                     .path = "/cosmos/slashing/v1beta1/params",
                                     .read = read_params,
                                     .same = same_params};
    if (ask(chain, &question, &ret->params_item, &fact) == VAL_KNOWN)
        ret->params = fact.params;
}

static void
look_at_participant(const struct val_chain *chain, struct val_seen *ret)
{
    char                      path[256];
    union val_fact            fact;
    const struct val_question question = {.what = "the participant's entry",
                                          .path = path,
                                          .about = ret->account,
                                          .read = read_participant,
                                          .same = same_participant};

    (void)snprintf(path, sizeof(path), INFERENCE "/participant/%s", ret->account);
    if (ask(chain, &question, &ret->participant_item, &fact) == VAL_KNOWN)
        ret->participant = fact.participant;
}

static void
look_at_money(struct ga_run *run, const struct ga_host *host, const struct val_chain *chain, struct val_seen *ret)
{
    const char         *warm = host->has(run, "warm") ? host->str(run, "warm") : NULL;
    char                path[384];
    union val_fact      fact;
    struct val_question question = {
        .what = "the balance", .path = path, .about = ret->account, .read = read_balance, .same = same_balance};

    (void)snprintf(path, sizeof(path), "/cosmos/bank/v1beta1/balances/%s/by_denom?denom=" GA_DENOM, ret->account);
    if (ask(chain, &question, &ret->balance_item, &fact) == VAL_KNOWN)
        memcpy(ret->balance, fact.balance, sizeof(ret->balance));
    if (!warm)
        return;
    question.what = "the warm key's grants";
    question.read = read_grants;
    question.same = same_grants;
    (void)snprintf(path, sizeof(path), "/cosmos/authz/v1beta1/grants?granter=%s&grantee=%s&pagination.limit=200",
                   ret->account, warm);
    if (ask(chain, &question, &ret->grants_item, &fact) == VAL_KNOWN)
        ret->grants = fact.grants;
    if (!host->num(run, "fee_grant"))
        return;
    question.what = "the warm key's fee allowance";
    question.read = read_allowance;
    question.same = same_allowance;
    (void)snprintf(path, sizeof(path), "/cosmos/feegrant/v1beta1/allowances/%s?pagination.limit=200", warm);
    if (ask(chain, &question, &ret->allowance_item, &fact) == VAL_KNOWN)
        ret->allowance = fact.allowance;
}

/* What the node says of itself came with the quorum. */
static void
look_at_node(const struct val_chain *chain, struct val_seen *ret)
{
    const struct ga_chain_look *own = &chain->quorum.looks[0];

    ret->node_item.wanted = chain->setup.has_own;
    if (!chain->setup.has_own) {
        (void)snprintf(ret->node_item.why, VAL_WHY, "this host's node is not named: set the option node");
        return;
    }
    if (!own->answered) {
        (void)snprintf(ret->node_item.why, VAL_WHY, "%.590s", own->verdict.text);
        return;
    }
    ret->node_item.known = VAL_KNOWN;
    ret->node_good = own->verdict.why == GA_CHAIN_OK && chain->quorum.known == GA_CHAIN_KNOWN;
    (void)snprintf(ret->node_item.why, VAL_WHY, "%.590s", own->verdict.why == GA_CHAIN_OK ? "" : own->verdict.text);
    ret->node_height = own->status.height;
    ret->voting_power = own->status.voting_power;
    (void)val_take_key(own->status.validator_pubkey, ret->node_key);
}

void
val_look(struct ga_run *run, const struct ga_host *host, struct val_chain *chain, unsigned int parts,
         struct val_seen *ret)
{
    host->progress(run, "asking nodes", 0, 0);
    ret->chain = ga_chain_quorum(chain->setup.sources, chain->setup.n, &chain->setup.rules, &chain->quorum);
    (void)snprintf(ret->chain_text, sizeof(ret->chain_text), "%s", chain->quorum.text);
    (void)snprintf(ret->chain_id, sizeof(ret->chain_id), "%s", chain->setup.rules.chain_id);
    ret->height = chain->quorum.height;
    ret->now_ns = chain->quorum.block_time_ns;
    ret->n_sources = chain->quorum.n;
    ret->n_healthy = chain->quorum.n_healthy;
    look_at_node(chain, ret);
    (void)val_look_validator(chain, ret);
    look_at_signing(chain, ret);
    look_at_participant(chain, ret);
    val_look_keys(run, host, ret);
    if (parts & VAL_LOOK_MONEY)
        look_at_money(run, host, chain, ret);
    if (parts & VAL_LOOK_RECENT)
        val_look_recent(chain, (int)host->num(run, "commits"), ret);
    if (parts & VAL_LOOK_SIGNER)
        val_look_signer(run, host, ret);
    if (parts & VAL_LOOK_BLOCKS)
        val_look_blocks(run, host, chain, ret);
}

/* --- who -----------------------------------------------------------------------------------------------------------
 */

int
val_look_start(struct ga_run *run, const struct ga_host *host, struct val_chain *chain, struct val_seen *ret, char *why)
{
    const char *account = host->str(run, "account");
    char        problem[300];

    memset(ret, 0, sizeof(*ret));
    if (ga_address_convert(account, GA_PREFIX_ACCOUNT, ret->account, sizeof(ret->account), problem, sizeof(problem)) <
            0 ||
        ga_address_convert(account, GA_PREFIX_OPERATOR, ret->operator_address, sizeof(ret->operator_address), problem,
                           sizeof(problem)) < 0) {
        (void)snprintf(why, VAL_WHY, "option account must be the cold account (gonka1...): %.250s", problem);
        return -EINVAL;
    }
    if (host->has(run, "warm") &&
        ga_address_check(host->str(run, "warm"), GA_PREFIX_ACCOUNT, problem, sizeof(problem)) < 0) {
        (void)snprintf(why, VAL_WHY, "option warm must be the warm key's address (gonka1...): %.250s", problem);
        return -EINVAL;
    }
    if (ga_amount_parse(host->str(run, "min_balance"), ret->balance, sizeof(ret->balance), problem, sizeof(problem)) <
        0) {
        (void)snprintf(why, VAL_WHY, "option min_balance must be an amount (100 GNK): %.250s", problem);
        return -EINVAL;
    }
    ret->balance[0] = '\0';
    return ga_chain_setup(run, host, &chain->setup, why, VAL_WHY);
}

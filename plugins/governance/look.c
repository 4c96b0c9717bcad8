/* look.c: proposals, their tallies and this account's votes, as the chain has them. */
#include "plugins/governance/tasks.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_PATH "/cosmos/gov/v1/params/voting"
#define POOL_PATH "/cosmos/staking/v1beta1/pool"
#define BLOCKS_BACK 1000

/* --- rules ---------------------------------------------------------------------------------------------------------
 */

static char *
params_matter(const cJSON *answer, char *why, size_t len)
{
    struct gov_tally_rules rules;

    if (gov_tally_rules_read(answer, &rules, why, len) < 0)
        return NULL;
    return gov_all_matters(ga_json_get(answer, "params") ? ga_json_get(answer, "params") : answer, why, len);
}

enum gov_known
gov_look_rules(const struct gov_chain *chain, struct gov_tally_rules *ret, cJSON **ret_params, char *why, size_t len)
{
    cJSON         *answer = NULL;
    enum gov_known known = gov_ask(chain, "the rules of governance", PARAMS_PATH, params_matter, &answer, why, len);

    if (known == GOV_KNOWN && gov_tally_rules_read(answer, ret, why, len) < 0)
        known = GOV_UNKNOWN;
    if (known == GOV_KNOWN && ret_params)
        *ret_params = answer;
    else
        cJSON_Delete(answer);
    return known == GOV_KNOWN ? GOV_KNOWN : GOV_UNKNOWN;
}

/* --- a proposal ----------------------------------------------------------------------------------------------------
 */

int
gov_params_path(const char *module, char *buf, size_t len)
{
    char        words[64];
    const char *dot;
    char       *version;

    (void)snprintf(words, sizeof(words), "%s", module);
    dot = strchr(words, '.');
    if (!dot || strspn(words, "abcdefghijklmnopqrstuvwxyz0123456789.") != strlen(words))
        return -1;
    if (strcmp(words, "cosmos.gov.v1") == 0)
        (void)snprintf(buf, len, "%s", PARAMS_PATH);
    else if (strncmp(words, "inference.", 10) == 0 && !strchr(dot + 1, '.'))
        (void)snprintf(buf, len, "/productscience/inference/%s/params", dot + 1);
    else if (strncmp(words, "cosmos.", 7) == 0 && (version = strrchr(words, '.')) > dot) {
        *version++ = '\0';
        (void)snprintf(buf, len, "/cosmos/%s/%s/params", dot + 1, version);
    } else
        return -1;
    return 0;
}

/* What the chain has now of what a message would change. What cannot be asked stays not compared: nobody votes on it by
 * rule. */
static void
compare(const struct gov_chain *chain, struct gov_message *message, struct gov_case *ret)
{
    char   path[160];
    char   why[300];
    cJSON *answer = NULL;

    if (message->kind != GOV_KIND_PARAMS || message->undecoded)
        return;
    if (gov_params_path(message->u.params.module, path, sizeof(path)) < 0)
        (void)snprintf(ret->problem, sizeof(ret->problem), "where the parameters of %.60s are asked for is not known",
                       message->u.params.module);
    else if (gov_ask(chain, "the parameters of now", path, gov_all_matters, &answer, why, sizeof(why)) != GOV_KNOWN)
        (void)snprintf(ret->problem, sizeof(ret->problem), "%s", why);
    else if (gov_params_compare(message, answer) < 0)
        (void)snprintf(ret->problem, sizeof(ret->problem), "the parameters of %.60s cannot be compared",
                       message->u.params.module);
    cJSON_Delete(answer);
}

/* When will a height come, if blocks go on as the last thousand? 0: cannot be told. */
static int64_t
time_of(const struct gov_chain *chain, int64_t height)
{
    const int64_t now = chain->quorum.block_time_ns;
    const int64_t blocks = chain->quorum.height > BLOCKS_BACK ? BLOCKS_BACK : chain->quorum.height - 1;
    const int64_t ahead = height - chain->quorum.height;
    int64_t       then;
    int64_t       each;

    if (blocks < 1 || ahead < 0)
        return 0;
    then = ga_chain_block_time(chain->setup.sources, &chain->quorum, chain->quorum.height - blocks);
    each = then > 0 && then < now ? (now - then) / blocks : 0;
    return each > 0 && ahead < (INT64_MAX - now) / each ? now + ahead * each : 0;
}

/* Of what is still to come. */
static void
foresee(const struct gov_chain *chain, struct gov_case *ret)
{
    const struct gov_proposal *proposal = &ret->proposal;

    if (proposal->status > GOV_STATUS_VOTING_PERIOD)
        return;
    for (size_t i = 0; i < proposal->n_messages && ret->upgrade_ns == 0; i++)
        if (!proposal->messages[i].undecoded &&
            (proposal->messages[i].kind == GOV_KIND_UPGRADE || proposal->messages[i].kind == GOV_KIND_PARTIAL_UPGRADE))
            ret->upgrade_ns = time_of(chain, proposal->messages[i].u.upgrade.height);
}

int
gov_look_proposal(const struct gov_chain *chain, const cJSON *answer, struct gov_case *ret, char *why, size_t len)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = gov_proposal_decode(answer, &ret->proposal, why, len);
    if (r < 0) {
        if (r == -ENOMEM)
            (void)snprintf(why, len, "there is not enough memory");
        return -1;
    }
    for (size_t i = 0; i < ret->proposal.n_messages; i++)
        compare(chain, &ret->proposal.messages[i], ret);
    foresee(chain, ret);
    return 0;
}

/* Deposits grow and final results come; what a vote is about does not change. */
static char *
proposal_matters(const cJSON *answer, char *why, size_t len)
{
    static const char *const keys[] = {"id",        "status", "messages", "voting_start_time", "voting_end_time",
                                       "expedited", "title",  "proposer"};
    const cJSON             *inner = ga_json_get(answer, "proposal");
    cJSON                   *picked = cJSON_CreateObject();
    char                    *text = NULL;

    if (!cJSON_IsObject(inner) || !picked) {
        (void)snprintf(why, len, "the answer has no member proposal");
    } else {
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
            (void)cJSON_AddItemToObject(picked, keys[i], cJSON_Duplicate(ga_json_get(inner, keys[i]), 1));
        text = gov_all_matters(picked, why, len);
    }
    cJSON_Delete(picked);
    return text;
}

enum gov_known
gov_look_one(const struct gov_chain *chain, uint64_t id, struct gov_case *ret, char *why, size_t len)
{
    cJSON         *answer = NULL;
    char           path[80];
    char           what[40];
    enum gov_known known;

    (void)snprintf(path, sizeof(path), "/cosmos/gov/v1/proposals/%" PRIu64, id);
    (void)snprintf(what, sizeof(what), "proposal %" PRIu64, id);
    known = gov_ask(chain, what, path, proposal_matters, &answer, why, len);
    if (known == GOV_KNOWN && gov_look_proposal(chain, answer, ret, why, len) < 0)
        known = GOV_UNKNOWN;
    if (known == GOV_KNOWN && ret->proposal.id != id) {
        (void)snprintf(why, len, "asked for proposal %" PRIu64 ", got %" PRIu64, id, ret->proposal.id);
        gov_case_done(ret);
        known = GOV_UNKNOWN;
    }
    cJSON_Delete(answer);
    return known;
}

/* --- lists
 * ------------------------------------------------------------------------------------------------------------ */

struct gather {
    struct gov_ids *ids;
    size_t          most;
};

static int
take(const cJSON *element, void *userdata)
{
    struct gather *gather = userdata;
    uint64_t       id;

    if (ga_json_u64(element, "id", &id) < 0)
        return 0; /* nothing that could be asked for */
    for (size_t i = 0; i < gather->ids->n; i++)
        if (gather->ids->list[i] == id)
            return 0; /* another node told of it */
    if (gather->ids->n == gather->most) {
        gather->ids->left_out = 1;
        return 1;
    }
    gather->ids->list[gather->ids->n++] = id;
    return 0;
}

/* Numbers of one status, as enough nodes tell of them together: one that leaves a proposal out hides nothing. */
static int
gather_status(const struct gov_chain *chain, struct gather *gather, const char *query, char *why, size_t len)
{
    const int             need = chain->setup.rules.agree > 0 ? chain->setup.rules.agree : 1;
    int                   answered = 0;
    struct ga_chain_error error = {0};
    char                  path[160];

    (void)snprintf(path, sizeof(path), "/cosmos/gov/v1/proposals?%s", query);
    for (size_t i = 0; i < chain->quorum.n && answered < need; i++)
        if (chain->quorum.looks[i].verdict.why == GA_CHAIN_OK &&
            ga_chain_rest_paged(&chain->setup.sources[i], path, "proposals", 0, take, gather, &error) == GA_CHAIN_OK)
            answered++;
    if (answered >= need)
        return 0;
    (void)snprintf(why, len, "the list of proposals: %d must answer: %s", need, error.text);
    (void)ga_clean(why);
    return -1;
}

int
gov_look_voting(const struct gov_chain *chain, struct gov_ids *ret, char *why, size_t len)
{
    struct gather gather = {.ids = ret, .most = GOV_CASES_MAX};

    *ret = (struct gov_ids){.n = 0};
    return gather_status(chain, &gather, "proposal_status=2&pagination.limit=50", why, len);
}

/* Each of them as enough nodes have it. What one node alone tells of is not there; what cannot be told is counted. */
static int
look_at_each(const struct gov_chain *chain, const struct gov_ids *ids, struct gov_cases *ret, char *why, size_t len)
{
    char problem[sizeof(ret->why)];

    *ret = (struct gov_cases){.list = calloc(ids->n + 1, sizeof(*ret->list))};
    if (!ret->list) {
        (void)snprintf(why, len, "there is not enough memory");
        return -1;
    }
    if (ids->left_out) {
        ret->n_unknown++;
        (void)snprintf(ret->why, sizeof(ret->why), "there are more than %d proposals: not all were looked at",
                       GOV_CASES_MAX);
    }
    for (size_t i = 0; i < ids->n && !chain->host->cancelled(chain->run); i++) {
        enum gov_known known = gov_look_one(chain, ids->list[i], &ret->list[ret->n], problem, sizeof(problem));

        if (known == GOV_KNOWN)
            ret->n++;
        else if (known == GOV_UNKNOWN && ret->n_unknown++ == 0)
            (void)snprintf(ret->why, sizeof(ret->why), "%s", problem);
    }
    return 0;
}

static int
by_id(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a;
    const uint64_t other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

int
gov_look_open(const struct gov_chain *chain, struct gov_cases *ret, char *why, size_t len)
{
    struct gov_ids ids = {.n = 0};
    struct gather  gather = {.ids = &ids, .most = GOV_CASES_MAX};

    /* those that are voted on first: whoever floods the others hides nothing of them */
    if (gather_status(chain, &gather, "proposal_status=2&pagination.limit=50", why, len) < 0 ||
        gather_status(chain, &gather, "proposal_status=1&pagination.limit=50", why, len) < 0)
        return -1;
    qsort(ids.list, ids.n, sizeof(*ids.list), by_id);
    return look_at_each(chain, &ids, ret, why, len);
}

int
gov_look_ended(const struct gov_chain *chain, size_t most, struct gov_cases *ret, char *why, size_t len)
{
    static const char *const queries[] = {"proposal_status=3&pagination.limit=50&pagination.reverse=true",
                                          "proposal_status=4&pagination.limit=50&pagination.reverse=true",
                                          "proposal_status=5&pagination.limit=50&pagination.reverse=true"};
    struct gov_ids           ids = {.n = 0};
    struct gather            gather = {.ids = &ids, .most = 0};

    for (size_t i = 0; i < 3; i++) {
        gather.most = ids.n + most < GOV_CASES_MAX ? ids.n + most : GOV_CASES_MAX;
        if (gather_status(chain, &gather, queries[i], why, len) < 0)
            return -1;
    }
    qsort(ids.list, ids.n, sizeof(*ids.list), by_id);
    for (size_t i = 0; i < ids.n / 2; i++) {
        const uint64_t id = ids.list[i];

        ids.list[i] = ids.list[ids.n - 1 - i];
        ids.list[ids.n - 1 - i] = id;
    }
    ids.n = ids.n < most ? ids.n : most;
    ids.left_out = 0; /* that there are older ones is no wonder */
    return look_at_each(chain, &ids, ret, why, len);
}

/* --- votes ---------------------------------------------------------------------------------------------------------
 */

static char *
vote_matters(const cJSON *answer, char *why, size_t len)
{
    const cJSON *options = ga_json_path(answer, "vote.options");

    if (!cJSON_IsArray(options)) {
        (void)snprintf(why, len, "the answer has no vote.options");
        return NULL;
    }
    return gov_all_matters(options, why, len);
}

/* "VOTE_OPTION_NO_WITH_VETO", or its number, to "no_with_veto". */
static const char *
option_text(const cJSON *option, char *buf, size_t len)
{
    static const char *const names[] = {"unspecified", "yes", "abstain", "no", "no_with_veto"};
    static const char        prefix[] = "VOTE_OPTION_";
    int64_t                  number;

    if (cJSON_IsString(option) && strncmp(option->valuestring, prefix, sizeof(prefix) - 1) == 0) {
        (void)snprintf(buf, len, "%s", option->valuestring + sizeof(prefix) - 1);
        for (char *at = buf; *at; at++)
            if (*at >= 'A' && *at <= 'Z')
                *at = (char)(*at - 'A' + 'a');
        return buf;
    }
    if (ga_json_value_i64(option, &number) == 0 && number >= 0 && number < 5)
        return names[number];
    return "?";
}

/* "0.700000000000000000" to "0.7". */
static const char *
weight_text(const cJSON *option, char *buf, size_t len)
{
    const char        *weight = ga_json_str(option, "weight");
    struct gov_decimal decimal;

    return weight && gov_decimal_parse(weight, &decimal) == 0 ? gov_decimal_format(&decimal, buf, len) : "?";
}

static void
read_vote(const cJSON *answer, struct gov_case *ret)
{
    char         weight[48];
    const cJSON *options = ga_json_path(answer, "vote.options");
    const cJSON *entry;
    const int    one = cJSON_GetArraySize(options) == 1;
    size_t       used = 0;
    char         buf[24];

    ret->vote[0] = '\0';
    ret->choice = GOV_CHOICE_ASK;
    cJSON_ArrayForEach(entry, options)
    {
        const char *option = option_text(ga_json_get(entry, "option"), buf, sizeof(buf));

        used += (size_t)snprintf(ret->vote + used, sizeof(ret->vote) - used, "%s%s%s%.6s", used ? ", " : "", option,
                                 one ? "" : " ", one ? "" : weight_text(entry, weight, sizeof(weight)));
        if (one && gov_choice_parse(option, &ret->choice) < 0)
            ret->choice = GOV_CHOICE_ASK;
        if (used >= sizeof(ret->vote))
            break;
    }
    (void)ga_clean(ret->vote);
}

enum gov_known
gov_look_own(const struct gov_chain *chain, uint64_t id, struct gov_case *ret, char *why, size_t len)
{
    const char *account = chain->host->str(chain->run, "account");
    cJSON      *answer = NULL;
    char        path[200];
    char        escaped[160];

    ret->vote_known = GOV_UNKNOWN;
    ret->vote[0] = '\0';
    ret->choice = GOV_CHOICE_ASK;
    if (!account || ga_chain_escape(account, escaped, sizeof(escaped)) < 0) {
        (void)snprintf(why, len, "option account is not given: whose vote is it");
        return GOV_UNKNOWN;
    }
    (void)snprintf(path, sizeof(path), "/cosmos/gov/v1/proposals/%" PRIu64 "/votes/%s", id, escaped);
    ret->vote_known = gov_ask(chain, "this account's vote", path, vote_matters, &answer, why, len);
    if (ret->vote_known == GOV_KNOWN)
        read_vote(answer, ret);
    cJSON_Delete(answer);
    return ret->vote_known;
}

/* The digits of {"pool":{"bonded_tokens":...}}, which the caller frees; NULL with a sentence. */
static char *
pool_matters(const cJSON *answer, char *why, size_t len)
{
    const cJSON *bonded = ga_json_path(answer, "pool.bonded_tokens");
    gov_u128     power;
    char        *text = cJSON_IsString(bonded) ? strdup(bonded->valuestring) : bonded ? ga_json_print(bonded) : NULL;

    if (text && gov_integer_parse(text, &power) == 0)
        return text;
    free(text);
    (void)snprintf(why, len, "the answer has no pool.bonded_tokens that is a number");
    return NULL;
}

/* 0, or -1 with a sentence. */
static int
look_at_pool(const struct gov_chain *chain, gov_u128 *ret, char *why, size_t len)
{
    cJSON *pool = NULL;
    char  *text = gov_ask(chain, "the bonded power", POOL_PATH, pool_matters, &pool, why, len) == GOV_KNOWN
                      ? pool_matters(pool, why, len)
                      : NULL;
    int    r = text ? gov_integer_parse(text, ret) : -1;

    free(text);
    cJSON_Delete(pool);
    return r;
}

/* Tallies grow: one node's word, of the moment. */
static int
look_at_tally(const struct gov_chain *chain, const struct gov_tally_rules *rules, struct gov_case *ret, char *why,
              size_t len)
{
    struct ga_chain_error error;
    cJSON                *tally = NULL;
    char                  path[80];
    int                   r = -1;

    (void)snprintf(path, sizeof(path), "/cosmos/gov/v1/proposals/%" PRIu64 "/tally", ret->proposal.id);
    if (ga_chain_ask(chain->setup.sources, &chain->quorum, &chain->setup.rules, path, &tally, NULL, &error) !=
        GA_CHAIN_OK)
        (void)snprintf(why, len, "%s", ga_clean(error.text));
    else if (look_at_pool(chain, &ret->votes.bonded, why, len) == 0 &&
             gov_votes_read(tally, &ret->votes, why, len) == 0 &&
             gov_tally_count(&ret->votes, rules, ret->proposal.expedited, &ret->tally, why, len) == 0)
        r = 0;
    cJSON_Delete(tally);
    return r;
}

void
gov_look_votes(const struct gov_chain *chain, const struct gov_tally_rules *rules, struct gov_case *ret)
{
    char why[400] = "";

    ret->tally_known = GOV_UNKNOWN;
    if (rules)
        ret->rules = *rules;
    if (rules && look_at_tally(chain, rules, ret, why, sizeof(why)) == 0)
        ret->tally_known = GOV_KNOWN;
    else if (*why)
        (void)snprintf(ret->problem, sizeof(ret->problem), "%s", why);
    if (!chain->host->has(chain->run, "account"))
        return;
    if (gov_look_own(chain, ret->proposal.id, ret, why, sizeof(why)) == GOV_UNKNOWN)
        (void)snprintf(ret->problem, sizeof(ret->problem), "%s", why);
}

void
gov_case_done(struct gov_case *one)
{
    gov_proposal_free(&one->proposal);
    memset(one, 0, sizeof(*one));
}

void
gov_cases_done(struct gov_cases *cases)
{
    for (size_t i = 0; i < cases->n; i++)
        gov_case_done(&cases->list[i]);
    free(cases->list);
    *cases = (struct gov_cases){0};
}

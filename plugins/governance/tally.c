/* tally.c: what the votes so far make of a proposal. */
#include "plugins/governance/tally.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define POWER_MAX ((gov_u128)1 << 127) /* more than any 38 digits; two of them still fit */

/* A question whose answer turns from no to yes once, as `more` grows. */
typedef int (*question)(const struct gov_votes *votes, const struct gov_tally *tally,
                        const struct gov_tally_rules *rules, gov_u128 more);

static int
read_ratio(const cJSON *params, const char *key, gov_u128 *ret, char *why, size_t len)
{
    const char        *text = ga_json_str(params, key);
    struct gov_decimal ratio;

    if (!text) {
        (void)snprintf(why, len, "governance parameters: %s is missing or no text: ask /cosmos/gov/v1/params/tallying",
                       key);
        return -EBADMSG;
    }
    if (gov_decimal_parse(text, &ratio) < 0 || ratio.seconds || ratio.negative || ratio.units > GOV_ONE) {
        (void)snprintf(why, len,
                       "governance parameters: %s is \"%.40s\", which is no ratio from 0 to 1: ask another node", key,
                       text);
        return -EBADMSG;
    }
    *ret = ratio.units;
    return 0;
}

int
gov_tally_rules_read(const cJSON *params, struct gov_tally_rules *ret, char *why, size_t len)
{
    struct gov_tally_rules rules = {0};
    const cJSON           *inner = ga_json_get(params, "params");
    int                    r;

    if (inner)
        params = inner;
    r = read_ratio(params, "quorum", &rules.quorum, why, len);
    if (r == 0)
        r = read_ratio(params, "threshold", &rules.threshold, why, len);
    if (r == 0)
        r = read_ratio(params, "veto_threshold", &rules.veto_threshold, why, len);
    if (r == 0)
        r = read_ratio(params, "expedited_threshold", &rules.expedited_threshold, why, len);
    if (r < 0)
        return r;
    rules.burn_vote_veto = ga_json_bool(params, "burn_vote_veto", 0);
    rules.burn_vote_quorum = ga_json_bool(params, "burn_vote_quorum", 0);
    *ret = rules;
    return 0;
}

static int
read_count(const cJSON *tally, const char *key, gov_u128 *ret, char *why, size_t len)
{
    const cJSON *value = ga_json_get(tally, key);
    uint64_t     small = 0;
    int          r;

    *ret = 0;
    if (!value || cJSON_IsNull(value))
        return 0;
    if (cJSON_IsString(value) || cJSON_IsRaw(value)) {
        r = gov_integer_parse(value->valuestring, ret);
    } else {
        r = ga_json_value_u64(value, &small);
        *ret = small;
    }
    if (r == 0)
        return 0;
    (void)snprintf(why, len, "tally: %s is no whole number of at most 38 digits: ask another node", key);
    return -EBADMSG;
}

int
gov_votes_read(const cJSON *tally, struct gov_votes *ret, char *why, size_t len)
{
    struct gov_votes votes = {.bonded = ret->bonded};
    const cJSON     *inner = ga_json_get(tally, "tally");
    int              r;

    if (inner)
        tally = inner;
    if (!ga_json_get(tally, "yes_count")) {
        (void)snprintf(why, len, "tally: yes_count is missing: this is no answer of .../proposals/{id}/tally");
        return -EBADMSG;
    }
    r = read_count(tally, "yes_count", &votes.yes, why, len);
    if (r == 0)
        r = read_count(tally, "no_count", &votes.no, why, len);
    if (r == 0)
        r = read_count(tally, "no_with_veto_count", &votes.no_with_veto, why, len);
    if (r == 0)
        r = read_count(tally, "abstain_count", &votes.abstain, why, len);
    if (r == 0)
        *ret = votes;
    return r;
}

/* --- the questions ---------------------------------------------------------------------------------------------- */

static gov_u128
share(gov_u128 part, gov_u128 whole)
{
    return whole > 0 ? gov_quotient(part, whole) : 0;
}

static int
quorum_with(const struct gov_votes *votes, const struct gov_tally *tally, const struct gov_tally_rules *rules,
            gov_u128 more)
{
    return votes->bonded > 0 && share(tally->voted + more, votes->bonded) >= rules->quorum;
}

static int
yes_with(const struct gov_votes *votes, const struct gov_tally *tally, const struct gov_tally_rules *rules,
         gov_u128 more)
{
    (void)rules;
    return share(votes->yes + more, tally->voted - votes->abstain + more) > tally->threshold;
}

static int
veto_with(const struct gov_votes *votes, const struct gov_tally *tally, const struct gov_tally_rules *rules,
          gov_u128 more)
{
    return share(votes->no_with_veto + more, tally->voted + more) > rules->veto_threshold;
}

static int
no_veto_with(const struct gov_votes *votes, const struct gov_tally *tally, const struct gov_tally_rules *rules,
             gov_u128 more)
{
    return share(votes->no_with_veto, tally->voted + more) <= rules->veto_threshold;
}

/* The least amount that turns the answer into yes. Asked and not calculated, so that it agrees with the rounding. */
static struct gov_gap
least(question asks, const struct gov_votes *votes, const struct gov_tally *tally, const struct gov_tally_rules *rules)
{
    gov_u128 low = 0;
    gov_u128 high = POWER_MAX;

    if (!asks(votes, tally, rules, high))
        return (struct gov_gap){.never = 1};
    while (low < high) {
        gov_u128 middle = low + (high - low) / 2;

        if (asks(votes, tally, rules, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return (struct gov_gap){.power = low};
}

static enum gov_outcome
outcome_of(const struct gov_votes *votes, const struct gov_tally *tally)
{
    if (votes->bonded == 0)
        return GOV_OUTCOME_NO_POWER;
    if (!tally->has_quorum)
        return GOV_OUTCOME_NO_QUORUM;
    if (tally->voted == votes->abstain)
        return GOV_OUTCOME_ALL_ABSTAIN;
    if (tally->is_vetoed)
        return GOV_OUTCOME_VETO;
    return tally->has_yes ? GOV_OUTCOME_PASSES : GOV_OUTCOME_TOO_FEW_YES;
}

static int
add(gov_u128 *sum, gov_u128 value)
{
    if (*sum >= POWER_MAX || value >= POWER_MAX)
        return -ERANGE;
    *sum += value;
    return *sum >= POWER_MAX ? -ERANGE : 0;
}

int
gov_tally_count(const struct gov_votes *votes, const struct gov_tally_rules *rules, int expedited,
                struct gov_tally *ret, char *why, size_t len)
{
    struct gov_tally tally = {.voted = votes->yes};

    if (add(&tally.voted, votes->no) < 0 || add(&tally.voted, votes->no_with_veto) < 0 ||
        add(&tally.voted, votes->abstain) < 0) {
        (void)snprintf(why, len, "tally: the votes add up to more than 38 digits: ask another node");
        return -ERANGE;
    }
    tally.not_voted = votes->bonded > tally.voted ? votes->bonded - tally.voted : 0;
    tally.threshold = expedited ? rules->expedited_threshold : rules->threshold;
    tally.turnout = share(tally.voted, votes->bonded);
    tally.yes_share = share(votes->yes, tally.voted - votes->abstain);
    tally.veto_share = share(votes->no_with_veto, tally.voted);
    tally.has_quorum = quorum_with(votes, &tally, rules, 0);
    tally.has_yes = yes_with(votes, &tally, rules, 0);
    tally.is_vetoed = veto_with(votes, &tally, rules, 0);
    tally.quorum_missing = least(quorum_with, votes, &tally, rules);
    tally.yes_missing = least(yes_with, votes, &tally, rules);
    tally.veto_missing = least(veto_with, votes, &tally, rules);
    tally.veto_excess = least(no_veto_with, votes, &tally, rules);
    tally.outcome = outcome_of(votes, &tally);
    tally.converts = expedited && tally.outcome != GOV_OUTCOME_PASSES;
    tally.burns = !tally.converts && ((tally.outcome == GOV_OUTCOME_VETO && rules->burn_vote_veto) ||
                                      (tally.outcome == GOV_OUTCOME_NO_QUORUM && rules->burn_vote_quorum));
    *ret = tally;
    return 0;
}

const char *
gov_outcome_text(enum gov_outcome outcome)
{
    switch (outcome) {
    case GOV_OUTCOME_NO_POWER:
        return "rejected: no power is bonded";
    case GOV_OUTCOME_NO_QUORUM:
        return "rejected: the quorum is not reached";
    case GOV_OUTCOME_ALL_ABSTAIN:
        return "rejected: nobody voted anything but abstain";
    case GOV_OUTCOME_VETO:
        return "rejected: vetoed";
    case GOV_OUTCOME_TOO_FEW_YES:
        return "rejected: too few yes";
    case GOV_OUTCOME_PASSES:
        break;
    }
    return "passes";
}

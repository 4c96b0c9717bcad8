/* draft.c: what every proposal file has, and whether the chain would take it. */
#include "plugins/governance/draft.h"

#include "plugins/governance/draft_parts.h"
#include "plugins/governance/exact.h"
#include "plugins/governance/message.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The SDK's limits, which no parameter shows. */
#define TITLE_MAX 255
#define METADATA_MAX 255
#define SUMMARY_MAX 10200

/* The governance parameters that a deposit is measured by. */
struct deposit_rules {
    gov_u128 whole;   /* for the vote to begin */
    gov_u128 initial; /* with the proposal; the larger one of two minimums */
};

static int
check_texts(const struct gov_draft *draft, char *why, size_t len)
{
    size_t title = strlen(draft->title);
    size_t summary = strlen(draft->summary);
    size_t metadata = draft->metadata ? strlen(draft->metadata) : 0;

    if (title > 0 && title <= TITLE_MAX && summary > 0 && summary <= SUMMARY_MAX && metadata <= METADATA_MAX)
        return 0;
    if (title == 0 || title > TITLE_MAX)
        (void)snprintf(why, len, "title: it has %zu bytes: give it 1 to %d", title, TITLE_MAX);
    else if (summary == 0 || summary > SUMMARY_MAX)
        (void)snprintf(why, len, "summary: it has %zu bytes: give it 1 to %d", summary, SUMMARY_MAX);
    else
        (void)snprintf(why, len, "metadata: it has %zu bytes: keep it to %d", metadata, METADATA_MAX);
    return -EINVAL;
}

/* "25000000ngonka": the amount, and where the denomination begins. */
static int
split_coin(const char *coin, gov_u128 *ret_amount, const char **ret_denom, char *why, size_t len)
{
    char   amount[GOV_DIGITS];
    size_t n = strspn(coin, "0123456789");

    if (n > 0 && n < sizeof(amount) && coin[n]) {
        memcpy(amount, coin, n);
        amount[n] = '\0';
        if (gov_integer_parse(amount, ret_amount) == 0) {
            *ret_denom = coin + n;
            return 0;
        }
    }
    (void)snprintf(why, len, "deposit: \"%.60s\" is no amount with its denomination: write it as 25000000ngonka", coin);
    return -EINVAL;
}

/* A ratio of the whole, rounded up: what the chain asks for is this or less. A missing ratio is 0. */
static int
read_part(const cJSON *params, const char *key, gov_u128 whole, gov_u128 *ret, char *why, size_t len)
{
    const char        *text = ga_json_str(params, key);
    struct gov_decimal ratio = {0};
    gov_u128           part = 0;

    if ((text || ga_json_get(params, key)) &&
        (!text || gov_decimal_parse(text, &ratio) < 0 || ratio.negative || ratio.seconds || ratio.units > GOV_ONE ||
         __builtin_mul_overflow(whole, ratio.units, &part))) {
        (void)snprintf(why, len, "governance parameters: %s is no ratio from 0 to 1: ask another node", key);
        return -EBADMSG;
    }
    *ret = part / GOV_ONE + (part % GOV_ONE > 0);
    return 0;
}

/* The amount of the denomination in a list of coins. */
static int
read_whole(const cJSON *params, const char *key, const char *denom, gov_u128 *ret, char *why, size_t len)
{
    struct gov_coins coins;
    int              r = gov_coins_read(ga_json_get(params, key), key, &coins, why, len);
    int              found = 0;

    if (r < 0)
        return r;
    for (size_t i = 0; i < coins.n && !found; i++)
        found = strcmp(coins.list[i].denom, denom) == 0 && gov_integer_parse(coins.list[i].amount, ret) == 0;
    if (!found && coins.n > 0)
        (void)snprintf(why, len, "deposit: the chain takes no %.40s: give it in %.40s", denom, coins.list[0].denom);
    else if (!found)
        (void)snprintf(why, len, "governance parameters: %s is missing: ask /cosmos/gov/v1/params/deposit", key);
    r = found ? 0 : coins.n > 0 ? -EINVAL : -EBADMSG;
    free(coins.list);
    return r;
}

static int
read_deposit_rules(const cJSON *params, int expedited, const char *denom, struct deposit_rules *ret, char *why,
                   size_t len)
{
    const char *key = expedited ? "expedited_min_deposit" : "min_deposit";
    gov_u128    each = 0;
    int         r = read_whole(params, key, denom, &ret->whole, why, len);

    if (r == 0)
        r = read_part(params, "min_initial_deposit_ratio", ret->whole, &ret->initial, why, len);
    if (r == 0)
        r = read_part(params, "min_deposit_ratio", ret->whole, &each, why, len);
    if (r == 0 && each > ret->initial)
        ret->initial = each;
    return r;
}

int
gov_draft_check(const struct gov_draft *draft, const cJSON *gov_params, char *note, size_t note_len, char *why,
                size_t len)
{
    const cJSON         *inner = ga_json_get(gov_params, "params");
    struct deposit_rules rules = {0};
    gov_u128             amount = 0;
    const char          *denom = "";
    char                 digits[GOV_DIGITS];
    int                  r = check_texts(draft, why, len);

    note[0] = '\0';
    if (r == 0)
        r = split_coin(draft->deposit, &amount, &denom, why, len);
    if (r == 0)
        r = read_deposit_rules(inner ? inner : gov_params, draft->expedited, denom, &rules, why, len);
    if (r < 0)
        return r;
    if (amount < rules.initial) {
        (void)snprintf(why, len, "deposit: %s is less than the chain takes with a proposal: give at least %s%.40s",
                       draft->deposit, gov_integer_format(rules.initial, digits), denom);
        return -EINVAL;
    }
    if (amount < rules.whole)
        (void)snprintf(note, note_len, "the vote begins when %s%.40s more are deposited%s",
                       gov_integer_format(rules.whole - amount, digits), denom,
                       draft->expedited ? " (an expedited proposal needs the larger deposit)" : "");
    return 0;
}

int
gov_draft_file(const struct gov_draft *draft, const char *type_url, const char *member, cJSON *value, cJSON **ret)
{
    cJSON *file = cJSON_CreateObject();
    cJSON *messages = cJSON_AddArrayToObject(file, "messages");
    cJSON *message = cJSON_CreateObject();
    int    r = 0;

    if (!cJSON_AddStringToObject(message, "@type", type_url) ||
        !cJSON_AddStringToObject(message, "authority", draft->authority ? draft->authority : GOV_AUTHORITY))
        r = -ENOMEM;
    if (!cJSON_AddItemToObject(message, member, value)) {
        cJSON_Delete(value);
        r = -ENOMEM;
    }
    if (!cJSON_AddItemToArray(messages, message)) {
        cJSON_Delete(message);
        r = -ENOMEM;
    }
    if (!cJSON_AddStringToObject(file, "metadata", draft->metadata ? draft->metadata : "") ||
        !cJSON_AddStringToObject(file, "deposit", draft->deposit) ||
        !cJSON_AddStringToObject(file, "title", draft->title) ||
        !cJSON_AddStringToObject(file, "summary", draft->summary) ||
        !cJSON_AddBoolToObject(file, "expedited", draft->expedited))
        r = -ENOMEM;
    if (r < 0)
        cJSON_Delete(file);
    else
        *ret = file;
    return r;
}

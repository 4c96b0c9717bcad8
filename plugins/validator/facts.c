/* facts.c: answers of nodes become facts. */
#include "plugins/validator/facts.h"

#include "kit/bech32.h"
#include "kit/clean.h"
#include "kit/json.h"
#include "kit/when.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DECIMALS 18
#define ONE INT64_C(1000000000000000000) /* 1 with DECIMALS decimals */
#define WINDOW_MAX INT64_C(100000000)

__attribute__((format(printf, 2, 3))) static int
bad(char *why, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, VAL_WHY, format, list);
    va_end(list);
    (void)ga_clean(why);
    return -1;
}

static void
copy(char *ret, size_t len, const char *text)
{
    (void)snprintf(ret, len, "%s", text ? text : "");
    (void)ga_clean(ret);
}

int
val_take_key(const char *text, char ret[VAL_KEY_MAX])
{
    char why[VAL_WHY];

    ret[0] = '\0';
    if (!text || strlen(text) >= VAL_KEY_MAX || ga_consensus_of_base64(text, NULL, 0, NULL, 0, why, sizeof(why)) < 0)
        return -1;
    (void)snprintf(ret, VAL_KEY_MAX, "%s", text);
    return 0;
}

/* --- slashing ------------------------------------------------------------------------------------------------------
 */

/* "0.500000000000000000": a part of one, with DECIMALS decimals. 0, -1. */
static int
read_part(const char *text, int64_t *ret)
{
    int64_t value = 0;
    int     decimals = 0;

    if (!text || (text[0] != '0' && text[0] != '1') || (text[1] && text[1] != '.'))
        return -1;
    value = text[0] - '0';
    for (text += text[1] ? 2 : 1; *text; text++) {
        if (*text < '0' || *text > '9' || ++decimals > DECIMALS)
            return -1;
        value = value * 10 + (*text - '0');
        if (value > ONE)
            return -1;
    }
    for (; decimals < DECIMALS; decimals++) {
        value *= 10;
        if (value > ONE)
            return -1;
    }
    *ret = value;
    return 0;
}

/* part * window, rounded as the chain does: half to even. */
static int64_t
part_of(int64_t part, int64_t window)
{
    __int128 product = (__int128)part * window;
    int64_t  whole = (int64_t)(product / ONE);
    int64_t  rest = (int64_t)(product % ONE);

    if (rest > ONE / 2 || (rest == ONE / 2 && whole % 2 == 1))
        whole++;
    return whole;
}

int
val_read_params(const cJSON *answer, struct val_params *ret, char *why)
{
    const cJSON *params = ga_json_get(answer, "params");
    const char  *duration = ga_json_str(params, "downtime_jail_duration");
    int64_t      part = 0;

    *ret = (struct val_params){0};
    if (ga_json_i64(params, "signed_blocks_window", &ret->window) < 0 || ret->window <= 0 || ret->window > WINDOW_MAX)
        return bad(why, "the slashing parameters have no signed_blocks_window");
    if (read_part(ga_json_str(params, "min_signed_per_window"), &part) < 0)
        return bad(why, "the slashing parameters have no min_signed_per_window between 0 and 1");
    if (!duration || ga_when_duration_parse(duration, &ret->jail_ns) < 0 || ret->jail_ns < 0)
        return bad(why, "the slashing parameters have no downtime_jail_duration");
    ret->most_missed = ret->window - part_of(part, ret->window);
    return 0;
}

int
val_read_signing(const cJSON *answer, const char *valcons, struct val_signing *ret, char *why)
{
    const cJSON *info = ga_json_get(answer, "val_signing_info");
    const char  *address = ga_json_str(info, "address");
    const char  *until = ga_json_str(info, "jailed_until");
    int          r;

    *ret = (struct val_signing){.tombstoned = ga_json_bool(info, "tombstoned", -1)};
    if (!address || strcmp(address, valcons) != 0)
        return bad(why, "the signing info is not that of %s", valcons);
    if (ret->tombstoned < 0)
        return bad(why, "the signing info does not say whether the validator is tombstoned");
    r = until ? ga_when_parse(until, &ret->until_ns) : -EINVAL;
    if (r == -EINVAL)
        return bad(why, "the signing info has no jailed_until that is a time");
    if (ga_json_i64(info, "missed_blocks_counter", &ret->missed) < 0 || ret->missed < 0)
        return bad(why, "the signing info has no missed_blocks_counter");
    (void)ga_json_i64(info, "start_height", &ret->start_height);
    return 0;
}

/* --- staking and the inference module ------------------------------------------------------------------------------
 */

static int
read_bond(const cJSON *validator, enum val_bond *ret)
{
    static const char *const names[] = {"BOND_STATUS_UNSPECIFIED", "BOND_STATUS_UNBONDED", "BOND_STATUS_UNBONDING",
                                        "BOND_STATUS_BONDED"};
    const char              *name = ga_json_str(validator, "status");
    int64_t                  number = 0;

    for (int i = 0; name && i < 4; i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum val_bond)i;
            return 0;
        }
    if (ga_json_i64(validator, "status", &number) < 0 || number < 0 || number > 3)
        return -1;
    *ret = (enum val_bond)number;
    return 0;
}

int
val_read_validator(const cJSON *answer, const char *operator_address, struct val_validator *ret, char *why)
{
    const cJSON *validator = ga_json_get(answer, "validator");
    const cJSON *pubkey = ga_json_get(validator, "consensus_pubkey");
    const char  *address = ga_json_str(validator, "operator_address");
    const char  *key = ga_json_str(pubkey, "key");
    char         problem[160];
    int64_t      tokens = 0;

    *ret = (struct val_validator){.jailed = ga_json_bool(validator, "jailed", -1)};
    if (!address || strcmp(address, operator_address) != 0)
        return bad(why, "the validator is not %s", operator_address);
    if (ret->jailed < 0)
        return bad(why, "the validator's entry does not say whether it is jailed");
    if (read_bond(validator, &ret->bond) < 0)
        return bad(why, "the validator's entry has no status");
    if (val_take_key(key ? key : ga_json_str(pubkey, "value"), ret->key) < 0)
        return bad(why, "the validator's entry has no consensus_pubkey that is an ed25519 key");
    if (ga_json_str(validator, "tokens"))
        (void)ga_amount_clean(ga_json_str(validator, "tokens"), ret->tokens, sizeof(ret->tokens), problem,
                              sizeof(problem));
    else if (ga_json_i64(validator, "tokens", &tokens) == 0)
        (void)snprintf(ret->tokens, sizeof(ret->tokens), "%lld", (long long)tokens);
    return 0;
}

int
val_read_participant(const cJSON *answer, const char *account, struct val_participant *ret, char *why)
{
    const cJSON *participant = ga_json_get(answer, "participant");
    const char  *address = ga_json_str(participant, "address");
    const char  *key = ga_json_str(participant, "validator_key");

    *ret = (struct val_participant){.key = ""};
    if (!address || strcmp(address, account) != 0)
        return bad(why, "the participant is not %s", account);
    if (key && *key && val_take_key(key, ret->key) < 0)
        return bad(why, "the participant's validator_key is no ed25519 key");
    copy(ret->status, sizeof(ret->status), ga_json_str(participant, "status"));
    copy(ret->url, sizeof(ret->url), ga_json_str(participant, "inference_url"));
    return 0;
}

/* --- money and grants ----------------------------------------------------------------------------------------------
 */

int
val_read_balance(const cJSON *answer, char ret[GA_AMOUNT_MAX], char *why)
{
    const cJSON *coin = ga_json_get(answer, "balance");
    char         problem[200] = "there is no member balance";

    ret[0] = '\0';
    if (!cJSON_IsObject(coin) || ga_amount_of_coin(coin, ret, GA_AMOUNT_MAX, problem, sizeof(problem)) < 0)
        return bad(why, "the balance cannot be read: %.200s", problem);
    return 0;
}

/* The end of a grant or an allowance; none is INT64_MAX. 0, -1. */
static int
read_end(const cJSON *object, int64_t *ret)
{
    const cJSON *end = ga_json_get(object, "expiration");

    *ret = INT64_MAX;
    if (!end || cJSON_IsNull(end))
        return 0;
    return cJSON_IsString(end) && ga_when_parse(end->valuestring, ret) != -EINVAL ? 0 : -1;
}

int
val_read_grants(const cJSON *answer, struct val_grants *ret, char *why)
{
    const cJSON *list = ga_json_get(answer, "grants");
    const cJSON *grant;
    const cJSON *authorization;

    *ret = (struct val_grants){.first_ns = INT64_MAX};
    if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list))
        return bad(why, "the grants are no list");
    if (!list && !ga_json_get(answer, "pagination"))
        return bad(why, "the answer about grants has neither grants nor pagination");
    cJSON_ArrayForEach(grant, list)
    {
        int64_t end = 0;

        if (read_end(grant, &end) < 0)
            return bad(why, "a grant's expiration is no time");
        authorization = ga_json_get(grant, "authorization");
        ret->n++;
        if (ret->n > 1 && end >= ret->first_ns)
            continue;
        ret->first_ns = end;
        copy(ret->first_msg, sizeof(ret->first_msg),
             ga_json_str(authorization, "msg") ? ga_json_str(authorization, "msg")
                                               : ga_json_str(authorization, "@type"));
    }
    return 0;
}

/* An allowance may be wrapped: AllowedMsgAllowance has one inside, PeriodicAllowance a "basic". */
static const cJSON *
basic_of(const cJSON *allowance)
{
    for (int depth = 0; depth < 4; depth++) {
        const cJSON *inner = ga_json_get(allowance, "allowance");

        if (!cJSON_IsObject(inner))
            inner = ga_json_get(allowance, "basic");
        if (!cJSON_IsObject(inner))
            break;
        allowance = inner;
    }
    return allowance;
}

int
val_read_allowance(const cJSON *answer, const char *granter, struct val_allowance *ret, char *why)
{
    const cJSON *list = ga_json_get(answer, "allowances");
    const cJSON *entry;

    *ret = (struct val_allowance){.ends_ns = INT64_MAX};
    if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list))
        return bad(why, "the fee allowances are no list");
    if (!list && !ga_json_get(answer, "pagination"))
        return bad(why, "the answer about fee allowances has neither allowances nor pagination");
    cJSON_ArrayForEach(entry, list)
    {
        const char *from = ga_json_str(entry, "granter");

        if (!from || strcmp(from, granter) != 0)
            continue;
        if (read_end(basic_of(ga_json_get(entry, "allowance")), &ret->ends_ns) < 0)
            return bad(why, "the fee allowance's expiration is no time");
        ret->n = 1;
        break;
    }
    return 0;
}

/* --- the signer's container ----------------------------------------------------------------------------------------
 */

int
val_read_container(const cJSON *answer, struct val_container *ret, char *why)
{
    const cJSON *state = ga_json_get(answer, "State");
    const char  *started = ga_json_str(state, "StartedAt");

    *ret = (struct val_container){.running = ga_json_bool(state, "Running", -1),
                                  .restarting = ga_json_bool(state, "Restarting", 0)};
    if (ret->running < 0)
        return bad(why, "the answer does not say whether it runs");
    if (!started || ga_when_parse(started, &ret->started_ns) == -EINVAL)
        return bad(why, "the answer does not say since when it runs");
    return 0;
}

/* --- commits -------------------------------------------------------------------------------------------------------
 */

/* 1 absent, 0 it was there (a vote for nil counts as there: so does the chain), -1 not understood. */
static int
is_absent(const cJSON *signature)
{
    const char *name = ga_json_str(signature, "block_id_flag");
    int64_t     flag = 0;

    if (ga_json_i64(signature, "block_id_flag", &flag) == 0)
        return flag < 1 || flag > 3 ? -1 : flag == 1;
    if (!name || strncmp(name, "BLOCK_ID_FLAG_", 14) != 0)
        return -1;
    return strcmp(name, "BLOCK_ID_FLAG_ABSENT") == 0;
}

int
val_read_commit(const cJSON *answer, const char *hex, struct val_commit *ret, char *why)
{
    const cJSON *commit = ga_json_path(answer, "block.last_commit");
    const cJSON *list = ga_json_get(commit, "signatures");
    const cJSON *signature;

    *ret = (struct val_commit){0};
    if (!cJSON_IsArray(list) || ga_json_i64(commit, "height", &ret->height) < 0)
        return bad(why, "the block has no last_commit with signatures");
    cJSON_ArrayForEach(signature, list)
    {
        const char *address = ga_json_str(signature, "validator_address");
        int         absent = is_absent(signature);

        if (absent < 0 || ret->n == INT32_MAX)
            return bad(why, "a signature of the commit has no block_id_flag");
        ret->n++;
        ret->absent += absent;
        if (!absent && address && strcasecmp(address, hex) == 0)
            ret->own = 1;
    }
    return 0;
}

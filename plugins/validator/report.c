/* report.c: what was seen, for scripts. */
#include "plugins/validator/tasks.h"

#include "kit/json.h"
#include "kit/when.h"

#include <string.h>
#include <time.h>

int64_t
val_clock(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void
add_time(cJSON *json, const char *key, int64_t ns)
{
    char text[GA_WHEN_MAX];

    if (ns == INT64_MAX)
        (void)cJSON_AddStringToObject(json, key, "never");
    else if (ns > 0)
        (void)cJSON_AddStringToObject(json, key, ga_when_format(ns, text, sizeof(text)));
}

static void
add_validator(cJSON *json, const struct val_seen *seen)
{
    static const char *const bonds[] = {"unspecified", "unbonded", "unbonding", "bonded"};

    if (seen->validator_item.known == VAL_KNOWN) {
        (void)cJSON_AddBoolToObject(json, "jailed", seen->validator.jailed);
        (void)cJSON_AddStringToObject(json, "bond", bonds[seen->validator.bond]);
        (void)cJSON_AddStringToObject(json, "tokens", seen->validator.tokens);
    }
    if (seen->signing_item.known == VAL_KNOWN) {
        (void)cJSON_AddBoolToObject(json, "tombstoned", seen->signing.tombstoned);
        add_time(json, "jailed_until", seen->signing.until_ns);
        (void)ga_json_add_i64(json, "missed", seen->signing.missed);
    }
    if (seen->params_item.known == VAL_KNOWN) {
        (void)ga_json_add_i64(json, "window", seen->params.window);
        (void)ga_json_add_i64(json, "most_missed", seen->params.most_missed);
    }
    if (seen->recent_item.known == VAL_KNOWN) {
        (void)ga_json_add_i64(json, "blocks_looked_at", seen->recent.n);
        (void)ga_json_add_i64(json, "blocks_missed", seen->recent.missed);
        (void)ga_json_add_i64(json, "others_places", seen->recent.others);
        (void)ga_json_add_i64(json, "others_absent", seen->recent.others_absent);
    }
}

static void
add_keys(cJSON *json, const struct val_seen *seen)
{
    cJSON *keys = cJSON_AddObjectToObject(json, "keys");

    if (seen->validator_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(keys, "staking", seen->validator.key);
    if (seen->participant_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(keys, "inference", seen->participant.key);
    if (seen->node_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(keys, "node", seen->node_key);
    if (seen->file_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(keys, "key_file", seen->file_key);
    if (seen->log_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(keys, "signer", seen->log_key);
}

static void
add_money(cJSON *json, const struct val_seen *seen)
{
    if (seen->balance_item.known == VAL_KNOWN)
        (void)cJSON_AddStringToObject(json, "balance_ngonka", seen->balance);
    if (seen->grants_item.known == VAL_KNOWN) {
        (void)ga_json_add_i64(json, "grants", (int64_t)seen->grants.n);
        if (seen->grants.n > 0)
            add_time(json, "grants_end", seen->grants.first_ns);
    }
    if (seen->allowance_item.known == VAL_KNOWN && seen->allowance.n > 0)
        add_time(json, "fee_grant_ends", seen->allowance.ends_ns);
}

void
val_report_seen(cJSON *json, const struct val_seen *seen)
{
    (void)cJSON_AddStringToObject(json, "account", seen->account);
    (void)cJSON_AddStringToObject(json, "operator", seen->operator_address);
    (void)cJSON_AddStringToObject(json, "consensus_address", seen->valcons);
    (void)cJSON_AddStringToObject(json, "chain", seen->chain_text);
    (void)ga_json_add_i64(json, "height", seen->height);
    add_time(json, "chain_time", seen->now_ns);
    add_validator(json, seen);
    add_keys(json, seen);
    add_money(json, seen);
}

void
val_report_give(struct ga_run *run, const struct ga_host *host, cJSON *json)
{
    char *text = ga_json_print(json);

    if (text)
        (void)host->result(run, text);
    cJSON_free(text);
    cJSON_Delete(json);
}

/*
 * fuzz_gov_proposal.c: any JSON as a proposal. Decoding takes it or says why not; what is not decoded in full is marked
 * and no policy votes on it; parameters compared with themselves do not change; what was decoded is decoded again from
 * its own text.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "kit/json.h"
#include "kit/clean.h"
#include "plugins/governance/policy.h"
#include "plugins/governance/proposal.h"
#include "plugins/governance/tally.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_clean(const char *text)
{
    char *copy = strdup(text);

    if (!copy || strcmp(ga_clean(copy), text) != 0)
        abort(); /* a sentence that cannot be shown */
    free(copy);
}

static void
check_binaries(const struct gov_binaries *binaries)
{
    for (size_t i = 0; i < binaries->n; i++) {
        size_t n = strlen(binaries->list[i].sha256);

        if (!binaries->list[i].platform || !binaries->list[i].url || (n != 0 && n != GOV_SHA256 - 1))
            abort();
    }
}

/* Parameters against themselves, and against none. */
static void
check_params(struct gov_message *message)
{
    struct gov_params *params = &message->u.params;
    char              *text;

    if (!params->wanted)
        return;
    if (gov_params_compare(message, params->wanted) == 0 && params->changes.n > 0 &&
        !ga_json_get(params->wanted, "params"))
        abort(); /* a change from a value to itself */
    gov_changes_free(&params->changes);
    if (gov_changes_find(NULL, params->wanted, &params->changes) < 0)
        abort();
    for (size_t i = 0; i < params->changes.n; i++)
        if (params->changes.list[i].before || !params->changes.list[i].after)
            abort(); /* there was nothing before */
    text = gov_changes_text(&params->changes);
    if (!text)
        abort();
    free(text);
}

static void
check_message(struct gov_message *message)
{
    char *raw = gov_message_raw(message);

    if (!raw || !message->type_url[0] || (message->kind == GOV_KIND_OTHER && !message->undecoded))
        abort();
    if (message->undecoded != (message->why[0] != '\0'))
        abort(); /* undecoded without a reason, or the other way round */
    check_clean(message->why);
    free(raw);
    if (message->kind == GOV_KIND_UPGRADE || message->kind == GOV_KIND_PARTIAL_UPGRADE) {
        if (message->u.upgrade.height <= 0 || !message->u.upgrade.name || !message->u.upgrade.node_version)
            abort();
        check_binaries(&message->u.upgrade.node);
        check_binaries(&message->u.upgrade.api);
    }
    if (message->kind == GOV_KIND_PARAMS)
        check_params(message);
}

/* A policy that votes on all that it may vote on. */
static void
check_policy(const struct gov_proposal *proposal)
{
    static const char  rules[] = "[{\"params\":[{\"path\":\"*\",\"max\":5,\"max_change\":\"10%\"}],\"vote\":\"no\"},"
                                 "{\"vote\":\"yes\"}]";
    struct gov_policy  policy;
    struct gov_verdict verdict;
    char               why[160];

    if (gov_policy_read(rules, sizeof(rules) - 1, &policy, why, sizeof(why)) < 0)
        abort();
    gov_policy_ask(&policy, proposal, &verdict);
    check_clean(verdict.why);
    for (size_t i = 0; i < proposal->n_messages; i++)
        if (proposal->messages[i].undecoded && verdict.choice == GOV_CHOICE_YES)
            abort();
    gov_policy_free(&policy);
}

static void
check_again(const struct gov_proposal *proposal)
{
    char               *text = ga_json_print(proposal->json);
    char                why[300] = "";
    cJSON              *json = text ? ga_json_parse(text, strlen(text), why, sizeof(why)) : NULL;
    struct gov_proposal again;

    if (!json || ga_json_get(json, "proposal")) {
        if (!json)
            abort();
    } else if (gov_proposal_decode(json, &again, why, sizeof(why)) < 0 || again.id != proposal->id ||
               again.voting_end_ns != proposal->voting_end_ns || again.n_messages != proposal->n_messages) {
        abort();
    } else {
        gov_proposal_free(&again);
    }
    free(text);
    cJSON_Delete(json);
}

static void
check_tally(const cJSON *json)
{
    struct gov_votes votes = {.bonded = 1000};
    char             why[300] = "";

    if (gov_votes_read(json, &votes, why, sizeof(why)) < 0 && !*why)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char                why[300] = "";
    cJSON              *json = len <= INPUT_MAX ? ga_json_parse((const char *)data, len, why, sizeof(why)) : NULL;
    struct gov_proposal proposal;

    if (!json)
        return 0;
    check_tally(json);
    why[0] = '\0';
    if (gov_proposal_decode(json, &proposal, why, sizeof(why)) == 0) {
        check_policy(&proposal);
        for (size_t i = 0; i < proposal.n_messages; i++)
            check_message(&proposal.messages[i]);
        check_again(&proposal);
        gov_proposal_free(&proposal);
    } else if (!strstr(why, "proposal")) {
        abort(); /* no words */
    }
    cJSON_Delete(json);
    return 0;
}

#include "tests/fuzz/replay.h"

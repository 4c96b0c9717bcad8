/* unjail.c: the guards before a transaction that unjails. */
#include "plugins/validator/tasks.h"

#include "kit/json.h"
#include "kit/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "attempts.json"

/* --- the report ----------------------------------------------------------------------------------------------------
 */

static void
give_json(struct val_try *attempt)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list;

    val_report_seen(json, &attempt->seen);
    list = cJSON_AddArrayToObject(json, "yeses");
    for (size_t i = 0; i < VAL_YESES; i++) {
        const struct val_answer *answer = &attempt->five.answers[i];
        cJSON                   *entry = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(entry, "name", answer->name);
        (void)cJSON_AddStringToObject(entry, "answer", val_yes_name(answer->yes));
        (void)cJSON_AddStringToObject(entry, "text", answer->text);
        (void)cJSON_AddStringToObject(entry, "fix", answer->fix);
        (void)cJSON_AddItemToArray(list, entry);
    }
    (void)cJSON_AddStringToObject(json, "command", attempt->command);
    (void)ga_json_add_i64(json, "attempts", (int64_t)attempt->attempts.n);
    if (*attempt->hash)
        (void)cJSON_AddStringToObject(json, "hash", attempt->hash);
    if (attempt->unsigned_text)
        (void)cJSON_AddStringToObject(json, "unsigned", attempt->unsigned_text);
    val_report_give(attempt->run, attempt->host, json);
}

static void
give_text(struct val_try *attempt)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return;
    for (size_t i = 0; i < VAL_YESES; i++) {
        const struct val_answer *answer = &attempt->five.answers[i];

        (void)fprintf(out, "  %-8s %-15s %s\n", val_yes_name(answer->yes), answer->name, answer->text);
        if (*answer->fix)
            (void)fprintf(out, "  %-8s %-15s %s\n", "", "fix:", answer->fix);
    }
    if (attempt->unsigned_text)
        (void)fprintf(out, "\nput this into unsigned.json on the machine that has the cold key:\n%s\nand there:\n%s\n",
                      attempt->unsigned_text, attempt->command);
    if (fclose(out) == 0)
        attempt->host->text(attempt->run, text);
    free(text);
}

/* --- the guards ----------------------------------------------------------------------------------------------------
 */

int
val_attempts_keep(struct val_try *attempt)
{
    char *text = val_attempts_write(&attempt->attempts);
    int   r = text ? attempt->host->state_put(attempt->run, DOCUMENT, text, strlen(text)) : -1;

    cJSON_free(text);
    return r;
}

/* 0; -1 with a sentence: what was tried before cannot be read, so it is not known what may be tried. */
static int
recall(struct val_try *attempt, char *why)
{
    const void *data;
    size_t      len;
    int         r = attempt->host->state_get(attempt->run, DOCUMENT, &data, &len);

    attempt->attempts = (struct val_attempts){.n = 0};
    if (r == 0 && val_attempts_read(&attempt->attempts, data, len) < 0)
        r = -1;
    if (r < 0)
        (void)snprintf(why, VAL_WHY,
                       "what was tried before cannot be read: look at %s in the plugin's state, and remove it when it "
                       "is of no use",
                       DOCUMENT);
    return r < 0 ? -1 : 0;
}

/* Pauses and the end of attempts. An outcome, or GA_OK to go on. */
static int
check_attempts(struct val_try *attempt, char *why)
{
    const struct ga_host          *host = attempt->host;
    const struct val_attempt_rules rules = {.most = host->num(attempt->run, "max_attempts"),
                                            .pause_ns = host->num(attempt->run, "attempt_pause"),
                                            .window_ns = host->num(attempt->run, "attempt_window")};
    enum val_may                   may;

    if (recall(attempt, why) < 0)
        return GA_FAILED;
    may = val_attempts_may(&attempt->attempts, &rules, val_clock(), why, VAL_WHY);
    if (may == VAL_MAY || (host->has(attempt->run, "again") && host->num(attempt->run, "again")))
        return GA_OK;
    if (may == VAL_MAY_STOPPED && !attempt->attempts.stopped && !host->dry_run(attempt->run)) {
        cJSON *json = cJSON_CreateObject();
        char  *text;

        (void)cJSON_AddStringToObject(json, "operator", attempt->seen.operator_address);
        (void)cJSON_AddStringToObject(json, "text", why);
        text = ga_json_print(json);
        attempt->attempts.stopped = text && host->emit(attempt->run, "validator.unjail.stopped", text) == 0;
        (void)val_attempts_keep(attempt);
        cJSON_free(text);
        cJSON_Delete(json);
    }
    return GA_REFUSED;
}

/* Is the key that signs the account's own? Another one would unjail another validator, unguarded. An outcome, or GA_OK.
 */
static int
check_signer(struct val_try *attempt, char *why)
{
    char problem[VAL_WHY - 64];
    int  r = ga_sign_key_of(attempt->run, attempt->host, attempt->seen.account, problem, sizeof(problem));

    if (r != 0)
        (void)snprintf(why, VAL_WHY, "%s%s", problem, r > 0 ? ": the validator's own key must sign" : "");
    return r == 0 ? GA_OK : r > 0 ? GA_REFUSED : GA_UNKNOWN;
}

/* All that must be true beside the five yeses. An outcome, or GA_OK. */
static int
check_rest(struct val_try *attempt, char *why)
{
    int outcome;

    if (ga_sign_check(attempt->run, attempt->host, why, VAL_WHY) < 0)
        return GA_REFUSED;
    outcome = check_attempts(attempt, why);
    return outcome == GA_OK ? check_signer(attempt, why) : outcome;
}

static int
decide(struct val_try *attempt)
{
    const struct val_answer *against;
    char                     why[VAL_WHY] = "";
    int                      outcome;

    val_five_judge(&attempt->seen, &attempt->five);
    outcome = val_five_verdict(&attempt->five);
    if (outcome != GA_OK) {
        against = val_five_decisive(&attempt->five);
        return attempt->host->end(attempt->run, outcome, "not unjailed: %s %s: %s; next: %s", against->name,
                                  against->yes == VAL_NO ? "is a no" : "is not known", against->text, against->fix);
    }
    outcome = check_rest(attempt, why);
    if (outcome != GA_OK)
        return attempt->host->end(attempt->run, outcome, "not unjailed: %s", why);
    return val_attempt(attempt);
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static int
try_it(struct val_try *attempt, char *why)
{
    const struct ga_host *host = attempt->host;
    int                   outcome;

    val_look(attempt->run, host, attempt->chain, 0, &attempt->seen);
    if (attempt->seen.validator_item.known != VAL_KNOWN)
        return host->end(attempt->run, attempt->seen.validator_item.known == VAL_ABSENT ? GA_REFUSED : GA_UNKNOWN,
                         "not unjailed: whether %s is jailed is not known: %s", attempt->seen.operator_address,
                         attempt->seen.validator_item.why);
    if (!attempt->seen.validator.jailed)
        return host->end(attempt->run, GA_OK, "the validator is not jailed: nothing to do");
    (void)snprintf(why, VAL_WHY, "%s", "");
    val_look_signer(attempt->run, host, &attempt->seen);
    val_look_blocks(attempt->run, host, attempt->chain, &attempt->seen);
    if (host->cancelled(attempt->run))
        return host->end(attempt->run, GA_UNKNOWN, "the run was cancelled");
    (void)snprintf(attempt->node, sizeof(attempt->node), "%s/", attempt->chain->setup.sources[0].rpc);
    outcome = decide(attempt);
    give_json(attempt);
    give_text(attempt);
    free(attempt->unsigned_text);
    return outcome;
}

int
val_unjail(struct ga_run *run, const struct ga_host *host)
{
    static struct val_chain chain;
    static struct val_try   attempt;
    char                    why[VAL_WHY] = "";

    attempt = (struct val_try){.run = run, .host = host, .chain = &chain};
    if (val_look_start(run, host, &chain, &attempt.seen, why) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    return try_it(&attempt, why);
}

int
val_auto_unjail(struct ga_run *run, const struct ga_host *host)
{
    if (!host->num(run, "auto_unjail"))
        return host->end(run, GA_OK, "auto_unjail is off: by hand with gonka-agent run validator unjail");
    return val_unjail(run, host);
}

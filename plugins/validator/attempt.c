/* attempt.c: one transaction, and the proof that it helped. */
#include "plugins/validator/tasks.h"

#include "kit/json.h"
#include "kit/sign.h"
#include "kit/when.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define CONFIRM_POLL_MS 300
#define OFFLINE_GAS "2000000" /* without a key it cannot be estimated */

static int64_t
steady(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

static struct ga_chain_quorum *
fresh_quorum(struct val_chain *chain)
{
    (void)ga_chain_quorum(chain->setup.sources, chain->setup.n, &chain->setup.rules, &chain->quorum);
    return &chain->quorum;
}

/* Looks at the chain until the validator is not jailed. VAL_KNOWN: seen; VAL_ABSENT: it is still jailed;
 * VAL_UNKNOWN: could not ask. */
static enum val_known
wait_for_effect(struct val_try *attempt)
{
    int64_t        until = steady() + attempt->host->num(attempt->run, "confirm_wait");
    struct pollfd  cancel = {.fd = attempt->host->cancel_fd(attempt->run), .events = POLLIN};
    enum val_known known = VAL_UNKNOWN;

    attempt->host->progress(attempt->run, "looking for the effect", 0, 0);
    do {
        (void)fresh_quorum(attempt->chain);
        known = val_look_validator(attempt->chain, &attempt->seen);
        if (known == VAL_KNOWN && !attempt->seen.validator.jailed)
            return VAL_KNOWN;
    } while (steady() < until && poll(&cancel, 1, CONFIRM_POLL_MS) == 0);
    return known == VAL_KNOWN ? VAL_ABSENT : VAL_UNKNOWN;
}

static void
emit_unjailed(struct val_try *attempt)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;

    (void)cJSON_AddStringToObject(json, "operator", attempt->seen.operator_address);
    (void)cJSON_AddStringToObject(json, "hash", attempt->hash);
    text = ga_json_print(json);
    if (text)
        (void)attempt->host->emit(attempt->run, "validator.unjailed", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

/* Before anything is sent: a run that dies with it has tried, too. 0, -1. */
static int
note_begin(struct val_try *attempt)
{
    val_attempts_add(&attempt->attempts, val_clock());
    attempt->attempts.stopped = 0;
    attempt->noted = 1;
    return val_attempts_keep(attempt);
}

static void
note_end(struct val_try *attempt, int ok)
{
    struct val_attempt *last = &attempt->attempts.list[attempt->attempts.n - 1];

    if (!attempt->noted)
        return;
    last->ended = 1;
    last->ok = ok;
    (void)snprintf(last->hash, sizeof(last->hash), "%s", attempt->hash);
    (void)val_attempts_keep(attempt);
}

/* It was sent, or may have been: only the chain can tell. */
static int
prove(struct val_try *attempt, const struct ga_signed *result)
{
    const struct ga_host *host = attempt->host;
    enum val_known        seen = wait_for_effect(attempt);
    const char           *hash = *attempt->hash ? attempt->hash : "(no hash)";

    note_end(attempt, seen == VAL_KNOWN);
    if (seen == VAL_KNOWN) {
        host->acted(attempt->run, 1, "the validator is not jailed any more");
        emit_unjailed(attempt);
        return host->end(attempt->run, GA_CHANGED, "unjailed: %s is not jailed any more (transaction %s)",
                         attempt->seen.operator_address, hash);
    }
    host->acted(attempt->run, 0, seen == VAL_ABSENT ? "the validator is still jailed" : "the effect could not be seen");
    if (seen == VAL_ABSENT && result->end == GA_SIGN_SENT)
        return host->end(attempt->run, GA_FAILED,
                         "the node took transaction %s, but the validator is still jailed: inferenced query tx %s says "
                         "what became of it",
                         hash, hash);
    return host->end(attempt->run, GA_UNKNOWN, "whether it was unjailed is not known: %s",
                     result->end == GA_SIGN_SENT ? attempt->seen.validator_item.why : result->why);
}

static int
send(struct val_try *attempt, const struct ga_transaction *transaction)
{
    const struct ga_host *host = attempt->host;
    struct ga_signed      result;
    int                   outcome;

    (void)ga_sign(attempt->run, host, transaction, &result);
    (void)snprintf(attempt->hash, sizeof(attempt->hash), "%s", result.hash);
    switch (result.end) {
    case GA_SIGN_WRITTEN:
        attempt->unsigned_text = result.text;
        result.text = NULL;
        host->acted(attempt->run, 1, "the unsigned transaction was made; nothing was sent");
        outcome = host->end(attempt->run, GA_OK, "not unjailed yet: sign and send it where the cold key is: %s",
                            attempt->command);
        break;
    case GA_SIGN_REFUSED:
        note_end(attempt, 0);
        host->acted(attempt->run, 0, result.why);
        outcome = host->end(attempt->run, GA_FAILED, "not unjailed: %s", result.why);
        break;
    default:
        outcome = prove(attempt, &result);
        break;
    }
    ga_signed_done(&result);
    return outcome;
}

static char *
details(const struct val_try *attempt)
{
    cJSON *json = cJSON_CreateObject();
    char   until[GA_WHEN_MAX];
    char  *text;

    (void)cJSON_AddStringToObject(json, "command", attempt->command);
    (void)cJSON_AddStringToObject(json, "jailed_until",
                                  ga_when_format(attempt->seen.signing.until_ns, until, sizeof(until)));
    (void)cJSON_AddStringToObject(json, "key", attempt->seen.validator.key);
    (void)ga_json_add_i64(json, "height", attempt->seen.height);
    text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

int
val_attempt(struct val_try *attempt)
{
    static const char *const    words[] = {"tx", "slashing", "unjail", NULL};
    const struct ga_host       *host = attempt->host;
    const char                 *fees = host->str(attempt->run, "fees");
    const char *const           flags[] = {"--gas", "auto", "--gas-adjustment", "1.5", "--fees", fees, NULL};
    const char *const           unasked[] = {"--gas", OFFLINE_GAS, "--fees", fees, NULL};
    const int                   offline = strcmp(host->str(attempt->run, "sign"), "offline") == 0;
    const struct ga_transaction transaction = {
        .words = words, .flags = offline ? unasked : flags, .node = attempt->node, .chain_id = attempt->seen.chain_id};
    char *text;
    int   answer;

    (void)ga_sign_command(attempt->run, host, &transaction, attempt->command, sizeof(attempt->command));
    text = details(attempt);
    answer = host->act(attempt->run, "unjail", attempt->seen.operator_address, text);
    cJSON_free(text);
    if (answer == GA_ACT_REFUSED)
        return host->end(attempt->run, GA_REFUSED, "not unjailed: %s", host->act_why(attempt->run));
    if (answer == GA_ACT_DRY)
        return host->end(attempt->run, GA_CHANGED, "five yeses: it would be unjailed with %s", attempt->command);
    if (!offline && note_begin(attempt) < 0) { /* an attempt that is forgotten would be made again and again */
        host->acted(attempt->run, 0, "nothing was sent");
        return host->end(attempt->run, GA_FAILED,
                         "not unjailed: the attempt could not be noted in the plugin's state: is the disk full?");
    }
    return send(attempt, &transaction);
}

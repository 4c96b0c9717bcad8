/* watch.c: the task that looks, and tells what has changed. */
#include "plugins/validator/tasks.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "alerts.json"

struct watching {
    struct ga_run        *run;
    const struct ga_host *host;
    struct val_seen       seen;
    struct val_rules      rules;
    struct val_findings   findings;
    struct val_alerts     alerts;
    char                  least[GA_AMOUNT_MAX];
};

/* --- the memory ----------------------------------------------------------------------------------------------------
 */

static int
recall(struct watching *watching)
{
    const void *data;
    size_t      len;
    int         r = watching->host->state_get(watching->run, DOCUMENT, &data, &len);

    watching->alerts.n = 0;
    if (r == 0 && val_alerts_read(&watching->alerts, data, len) < 0)
        watching->host->log(watching->run, GA_LOG_WARNING, "%s cannot be understood: open alerts are told anew",
                            DOCUMENT);
    return r < 0 ? -1 : 0;
}

static void
remember(struct watching *watching)
{
    char *text = watching->host->dry_run(watching->run) ? NULL : val_alerts_write(&watching->alerts);

    if (text)
        (void)watching->host->state_put(watching->run, DOCUMENT, text, strlen(text));
    cJSON_free(text);
}

/* --- events --------------------------------------------------------------------------------------------------------
 */

static int
emit(struct watching *watching, const struct val_finding *finding, const char *topic, int64_t since_ns)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;
    int    r = -1;

    (void)cJSON_AddStringToObject(json, "what", finding->what);
    (void)cJSON_AddStringToObject(json, "text", finding->text);
    if (*finding->next)
        (void)cJSON_AddStringToObject(json, "next", finding->next);
    if (finding->state == VAL_STATE_BAD)
        (void)ga_json_add_i64(json, "level", finding->level);
    if (since_ns > 0)
        (void)ga_json_add_i64(json, "since_ns", since_ns);
    val_report_seen(json, &watching->seen);
    text = ga_json_print(json);
    if (text)
        r = watching->host->emit(watching->run, topic, text);
    cJSON_free(text);
    cJSON_Delete(json);
    return r;
}

/* What could not be told is not remembered as told. */
static void
tell(struct watching *watching, const struct val_finding *finding)
{
    struct val_alerts       after = watching->alerts;
    const struct val_alert *before = val_alert(&watching->alerts, finding->what);
    int64_t                 since_ns = before ? before->since_ns : 0;
    enum val_tell           what = val_alerts_step(&after, finding, val_clock());

    if (watching->host->dry_run(watching->run))
        return;
    if (what == VAL_TELL_RAISED && emit(watching, finding, finding->topic, since_ns) < 0)
        return;
    if (what == VAL_TELL_RECOVERED && emit(watching, finding, "validator.recovered", since_ns) < 0)
        return;
    watching->alerts = after;
}

/* --- the report ----------------------------------------------------------------------------------------------------
 */

static const char *
state_name(enum val_state state)
{
    return state == VAL_STATE_BAD ? "bad" : state == VAL_STATE_FINE ? "fine" : "unknown";
}

static void
give_json(struct watching *watching)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list;

    val_report_seen(json, &watching->seen);
    list = cJSON_AddArrayToObject(json, "findings");
    for (size_t i = 0; i < watching->findings.n; i++) {
        const struct val_finding *finding = &watching->findings.list[i];
        cJSON                    *entry = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(entry, "what", finding->what);
        (void)cJSON_AddStringToObject(entry, "state", state_name(finding->state));
        (void)cJSON_AddStringToObject(entry, "text", finding->text);
        (void)cJSON_AddStringToObject(entry, "next", finding->next);
        (void)cJSON_AddItemToArray(list, entry);
    }
    val_report_give(watching->run, watching->host, json);
}

static void
give_text(struct watching *watching)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return;
    (void)fprintf(out, "%s\n%s\n", watching->seen.operator_address, watching->seen.chain_text);
    for (size_t i = 0; i < watching->findings.n; i++) {
        const struct val_finding *finding = &watching->findings.list[i];

        (void)fprintf(out, "  %-8s %-16s %s\n", state_name(finding->state), finding->what, finding->text);
        if (*finding->next)
            (void)fprintf(out, "  %-8s %-16s %s\n", "", "next:", finding->next);
    }
    if (fclose(out) == 0)
        watching->host->text(watching->run, text);
    free(text);
}

static void
give_metrics(struct watching *watching)
{
    const struct val_seen *seen = &watching->seen;

    if (seen->validator_item.known == VAL_KNOWN)
        watching->host->metric(watching->run, "jailed", seen->validator.jailed);
    if (seen->signing_item.known == VAL_KNOWN)
        watching->host->metric(watching->run, "missed_blocks", (double)seen->signing.missed);
    watching->host->metric(watching->run, "open_alerts", (double)watching->alerts.n);
}

/* The first of that state. */
static const struct val_finding *
first(const struct val_findings *findings, enum val_state state)
{
    for (size_t i = 0; i < findings->n; i++)
        if (findings->list[i].state == state)
            return &findings->list[i];
    return NULL;
}

static int
conclude(struct watching *watching)
{
    const struct val_finding *bad = first(&watching->findings, VAL_STATE_BAD);
    const struct val_finding *unknown = first(&watching->findings, VAL_STATE_UNKNOWN);
    int                       outcome = unknown ? GA_UNKNOWN : GA_OK;

    give_json(watching);
    give_text(watching);
    give_metrics(watching);
    if (bad)
        return watching->host->end(watching->run, outcome, "%s: %s%s%s", bad->what, bad->text,
                                   unknown ? "; not all could be looked at: " : "", unknown ? unknown->what : "");
    if (unknown)
        return watching->host->end(watching->run, outcome, "%s %s", unknown->what, unknown->text);
    return watching->host->end(watching->run, outcome, "the validator signs, all is well at height %lld",
                               (long long)watching->seen.height);
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static int
later_first(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? 1 : left > right ? -1 : 0;
}

static int
read_rules(struct watching *watching, char *why)
{
    struct ga_run        *run = watching->run;
    const struct ga_host *host = watching->host;
    struct val_rules     *rules = &watching->rules;
    char                  problem[200];

    rules->missing_at = host->num(run, "missing_at");
    rules->missing_open = val_alert(&watching->alerts, "missing") != NULL;
    rules->again_ns = host->num(run, "auto_unjail") ? host->num(run, "attempt_pause") : 0;
    rules->min_balance = watching->least;
    if (ga_amount_parse(host->str(run, "min_balance"), watching->least, sizeof(watching->least), problem,
                        sizeof(problem)) < 0) {
        (void)snprintf(why, VAL_WHY, "option min_balance: %.200s", problem);
        return -1;
    }
    rules->n_warn = host->count(run, "warn_before");
    if (rules->n_warn > VAL_STEPS_MAX) {
        (void)snprintf(why, VAL_WHY, "option warn_before has more than %d steps", VAL_STEPS_MAX);
        return -1;
    }
    for (size_t i = 0; i < rules->n_warn; i++)
        rules->warn_before[i] = host->num_at(run, "warn_before", i);
    qsort(rules->warn_before, rules->n_warn, sizeof(rules->warn_before[0]), later_first);
    return 0;
}

int
val_watch(struct ga_run *run, const struct ga_host *host)
{
    static struct val_chain chain;
    static struct watching  watching;
    char                    why[VAL_WHY] = "";

    watching = (struct watching){.run = run, .host = host};
    if (val_look_start(run, host, &chain, &watching.seen, why) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    if (recall(&watching) < 0)
        return host->end(run, GA_FAILED, "the open alerts cannot be read: see the log; nothing was told");
    if (read_rules(&watching, why) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    val_look(run, host, &chain, VAL_LOOK_MONEY | VAL_LOOK_RECENT, &watching.seen);
    if (host->cancelled(run))
        return host->end(run, GA_UNKNOWN, "the run was cancelled");
    val_judge(&watching.seen, &watching.rules, &watching.findings);
    for (size_t i = 0; i < watching.findings.n; i++)
        tell(&watching, &watching.findings.list[i]);
    remember(&watching);
    return conclude(&watching);
}

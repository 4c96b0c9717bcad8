/* report.c: proposals for people and for scripts. */
#include "plugins/governance/tasks.h"

#include "kit/amount.h"
#include "kit/clean.h"
#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERCENT_TEXT 32
#define PERCENT (GOV_ONE / 10000) /* a hundredth of a percent, of ratios in units of 10^-18 */

void
gov_give(struct ga_run *run, const struct ga_host *host, cJSON *json)
{
    char *text = json ? ga_json_print(json) : NULL;

    if (text)
        (void)host->result(run, text);
    free(text);
    cJSON_Delete(json);
}

/* "40.12 %" */
static const char *
percent(gov_u128 ratio, char buf[PERCENT_TEXT])
{
    const unsigned long long hundredths = (unsigned long long)(ratio / PERCENT);

    (void)snprintf(buf, PERCENT_TEXT, "%llu.%02llu %%", hundredths / 100, hundredths % 100);
    return buf;
}

static const char *
power(gov_u128 value, char buf[GOV_DIGITS])
{
    return gov_integer_format(value, buf);
}

void
gov_tally_line(const struct gov_case *one, char *ret, size_t len)
{
    const struct gov_tally *tally = &one->tally;
    char                    texts[6][PERCENT_TEXT];
    char                    missing[GOV_DIGITS];
    size_t                  used;

    if (one->tally_known != GOV_KNOWN) {
        (void)snprintf(ret, len, "the tally could not be asked");
        return;
    }
    used = (size_t)snprintf(
        ret, len, "%s%s%s: turnout %s of %s needed, yes %s of %s, veto %s of %s",
        one->proposal.status == GOV_STATUS_VOTING_PERIOD ? "as it stands " : "", gov_outcome_text(tally->outcome),
        tally->converts ? " (goes on as a regular one, its votes lost)" : "", percent(tally->turnout, texts[0]),
        percent(one->rules.quorum, texts[1]), percent(tally->yes_share, texts[2]), percent(tally->threshold, texts[3]),
        percent(tally->veto_share, texts[4]), percent(one->rules.veto_threshold, texts[5]));
    if (!tally->has_quorum && !tally->quorum_missing.never && used < len)
        used += (size_t)snprintf(ret + used, len - used, ", %s power missing to the quorum",
                                 power(tally->quorum_missing.power, missing));
    if (!tally->has_yes && !tally->yes_missing.never && used < len)
        used += (size_t)snprintf(ret + used, len - used, ", %s yes missing", power(tally->yes_missing.power, missing));
}

/* --- JSON
 * ------------------------------------------------------------------------------------------------------------- */

static void
add_power(cJSON *json, const char *key, gov_u128 value)
{
    char buf[GOV_DIGITS];

    (void)cJSON_AddStringToObject(json, key, power(value, buf));
}

/* "0.334" */
static void
add_ratio(cJSON *json, const char *key, gov_u128 ratio)
{
    const struct gov_decimal decimal = {.units = ratio};
    char                     buf[48];

    (void)cJSON_AddStringToObject(json, key, gov_decimal_format(&decimal, buf, sizeof(buf)));
}

static void
add_gap(cJSON *json, const char *key, const struct gov_gap *gap)
{
    if (gap->never)
        (void)cJSON_AddStringToObject(json, key, "never");
    else
        add_power(json, key, gap->power);
}

static void
add_tally(cJSON *json, const struct gov_case *one)
{
    const struct gov_tally *tally = &one->tally;
    cJSON                  *object = cJSON_AddObjectToObject(json, "tally");
    char                    line[400];

    add_power(object, "yes", one->votes.yes);
    add_power(object, "no", one->votes.no);
    add_power(object, "no_with_veto", one->votes.no_with_veto);
    add_power(object, "abstain", one->votes.abstain);
    add_power(object, "bonded", one->votes.bonded);
    add_power(object, "not_voted", tally->not_voted);
    add_ratio(object, "turnout", tally->turnout);
    add_ratio(object, "quorum", one->rules.quorum);
    add_ratio(object, "yes_share", tally->yes_share);
    add_ratio(object, "threshold", tally->threshold);
    add_ratio(object, "veto_share", tally->veto_share);
    add_ratio(object, "veto_threshold", one->rules.veto_threshold);
    (void)cJSON_AddStringToObject(object, "outcome", gov_outcome_text(tally->outcome));
    (void)cJSON_AddBoolToObject(object, "has_quorum", tally->has_quorum);
    add_gap(object, "quorum_missing", &tally->quorum_missing);
    add_gap(object, "yes_missing", &tally->yes_missing);
    add_gap(object, "veto_missing", &tally->veto_missing);
    (void)cJSON_AddBoolToObject(object, "converts", tally->converts);
    gov_tally_line(one, line, sizeof(line));
    (void)cJSON_AddStringToObject(object, "text", line);
}

static void
add_changes(cJSON *json, const struct gov_params *params)
{
    cJSON *list = cJSON_AddArrayToObject(json, "changes");

    for (size_t i = 0; i < params->changes.n; i++) {
        const struct gov_change *change = &params->changes.list[i];
        cJSON                   *entry = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(entry, "path", change->path);
        if (change->before)
            (void)cJSON_AddStringToObject(entry, "before", change->before);
        if (change->after)
            (void)cJSON_AddStringToObject(entry, "after", change->after);
        (void)cJSON_AddItemToArray(list, entry);
    }
}

static void
add_time(cJSON *json, const char *key, int64_t ns)
{
    char text[GA_WHEN_MAX];

    if (ns > 0)
        (void)cJSON_AddStringToObject(json, key, ga_when_format(ns, text, sizeof(text)));
}

static void
add_upgrade(cJSON *json, const struct gov_upgrade *upgrade)
{
    const struct gov_binaries *const both[] = {&upgrade->node, &upgrade->api};
    static const char *const         names[] = {"binaries", "api_binaries"};

    (void)cJSON_AddStringToObject(json, "name", upgrade->name);
    (void)ga_json_add_i64(json, "height", upgrade->height);
    (void)cJSON_AddStringToObject(json, "node_version", upgrade->node_version);
    for (int b = 0; b < 2; b++) {
        cJSON *list = cJSON_AddArrayToObject(json, names[b]);

        for (size_t i = 0; i < both[b]->n; i++) {
            cJSON *entry = cJSON_CreateObject();

            (void)cJSON_AddStringToObject(entry, "platform", both[b]->list[i].platform);
            (void)cJSON_AddStringToObject(entry, "url", both[b]->list[i].url);
            (void)cJSON_AddStringToObject(entry, "sha256", both[b]->list[i].sha256);
            (void)cJSON_AddItemToArray(list, entry);
        }
    }
}

static cJSON *
report_message(const struct gov_case *one, const struct gov_message *message, int64_t now_ns)
{
    cJSON *json = cJSON_CreateObject();
    char   when[80];

    (void)cJSON_AddStringToObject(json, "type", message->type_url);
    (void)cJSON_AddStringToObject(json, "kind", gov_kind_text(message->kind));
    (void)cJSON_AddBoolToObject(json, "decoded", !message->undecoded);
    if (message->undecoded) {
        (void)cJSON_AddStringToObject(json, "why", message->why);
        (void)cJSON_AddItemToObject(json, "raw", cJSON_Duplicate(message->json, 1));
    } else if (message->kind == GOV_KIND_PARAMS) {
        (void)cJSON_AddStringToObject(json, "module", message->u.params.module);
        (void)cJSON_AddBoolToObject(json, "compared", message->u.params.compared);
        if (message->u.params.compared)
            add_changes(json, &message->u.params);
    } else if (message->kind == GOV_KIND_UPGRADE || message->kind == GOV_KIND_PARTIAL_UPGRADE) {
        add_upgrade(json, &message->u.upgrade);
        add_time(json, "time", one->upgrade_ns);
        if (one->upgrade_ns > 0)
            (void)cJSON_AddStringToObject(json, "when", ga_when_show(one->upgrade_ns, now_ns, when, sizeof(when)));
    } else {
        (void)cJSON_AddItemToObject(json, "raw", cJSON_Duplicate(message->json, 1));
    }
    return json;
}

cJSON *
gov_report_case(const struct gov_case *one, int64_t now_ns)
{
    const struct gov_proposal *proposal = &one->proposal;
    cJSON                     *json = cJSON_CreateObject();
    cJSON                     *list;
    char                       text[80];

    if (!json)
        return NULL;
    (void)ga_json_add_u64(json, "id", proposal->id);
    (void)cJSON_AddStringToObject(json, "title", proposal->title);
    (void)cJSON_AddStringToObject(json, "status", gov_status_text(proposal->status));
    (void)cJSON_AddBoolToObject(json, "expedited", proposal->expedited);
    (void)cJSON_AddStringToObject(json, "proposer", proposal->proposer);
    (void)cJSON_AddStringToObject(json, "summary", proposal->summary);
    if (*proposal->failed_reason)
        (void)cJSON_AddStringToObject(json, "failed_reason", proposal->failed_reason);
    add_time(json, "deposit_end", proposal->deposit_end_ns);
    add_time(json, "voting_start", proposal->voting_start_ns);
    add_time(json, "voting_end", proposal->voting_end_ns);
    if (proposal->status == GOV_STATUS_VOTING_PERIOD)
        (void)cJSON_AddStringToObject(json, "ends", ga_when_show(proposal->voting_end_ns, now_ns, text, sizeof(text)));
    list = cJSON_AddArrayToObject(json, "messages");
    for (size_t i = 0; i < proposal->n_messages; i++)
        (void)cJSON_AddItemToArray(list, report_message(one, &proposal->messages[i], now_ns));
    if (one->tally_known == GOV_KNOWN)
        add_tally(json, one);
    if (one->vote_known == GOV_KNOWN)
        (void)cJSON_AddStringToObject(json, "vote", one->vote);
    else if (one->vote_known == GOV_ABSENT)
        (void)cJSON_AddNullToObject(json, "vote");
    if (*one->problem)
        (void)cJSON_AddStringToObject(json, "problem", one->problem);
    return json;
}

cJSON *
gov_report_verdict(const struct gov_verdict *verdict, int64_t now_ns)
{
    cJSON *json = cJSON_CreateObject();
    char   text[80];

    (void)cJSON_AddStringToObject(json, "choice", gov_choice_text(verdict->choice));
    (void)cJSON_AddNumberToObject(json, "rule", verdict->rule);
    (void)cJSON_AddBoolToObject(json, "in_doubt", verdict->in_doubt);
    (void)cJSON_AddStringToObject(json, "why", verdict->why);
    if (verdict->vote_at_ns > 0) {
        add_time(json, "vote_at", verdict->vote_at_ns);
        (void)cJSON_AddStringToObject(json, "when", ga_when_show(verdict->vote_at_ns, now_ns, text, sizeof(text)));
    }
    return json;
}

/* --- text
 * ------------------------------------------------------------------------------------------------------------- */

static void
print_binaries(FILE *out, const char *what, const struct gov_binaries *binaries)
{
    for (size_t i = 0; i < binaries->n; i++)
        (void)fprintf(out, "      %s %s: %s%s\n", what, binaries->list[i].platform,
                      *binaries->list[i].sha256 ? "sha256 " : "NO CHECKSUM: ",
                      *binaries->list[i].sha256 ? binaries->list[i].sha256 : binaries->list[i].url);
}

static void
print_raw(FILE *out, const struct gov_message *message)
{
    char *raw = gov_message_raw(message);

    (void)fprintf(out, "      %.4000s\n", raw ? ga_clean(raw) : "");
    free(raw);
}

static void
print_message(FILE *out, const struct gov_case *one, const struct gov_message *message, int64_t now_ns)
{
    char  when[80];
    char *changes;

    (void)fprintf(out, "    %s (%s)\n", gov_kind_text(message->kind), message->type_url);
    if (message->undecoded) {
        (void)fprintf(out, "      not understood: %s\n", message->why);
        print_raw(out, message);
    } else if (message->kind == GOV_KIND_PARAMS) {
        changes = message->u.params.compared ? gov_changes_text(&message->u.params.changes) : NULL;
        (void)fprintf(out, "      module %s%s\n", message->u.params.module,
                      !message->u.params.compared        ? ": what it has now could not be asked"
                      : message->u.params.changes.n == 0 ? ": nothing changes"
                                                         : "");
        for (char *save = NULL, *line = changes ? strtok_r(changes, "\n", &save) : NULL; line;
             line = strtok_r(NULL, "\n", &save))
            (void)fprintf(out, "      %s\n", line);
        free(changes);
    } else if (message->kind == GOV_KIND_UPGRADE || message->kind == GOV_KIND_PARTIAL_UPGRADE) {
        (void)fprintf(out, "      %s at height %" PRId64 "%s%s%s%s\n", message->u.upgrade.name,
                      message->u.upgrade.height, one->upgrade_ns > 0 ? ", about " : "",
                      one->upgrade_ns > 0 ? ga_when_show(one->upgrade_ns, now_ns, when, sizeof(when)) : "",
                      *message->u.upgrade.node_version ? ", node_version " : "", message->u.upgrade.node_version);
        print_binaries(out, "inferenced", &message->u.upgrade.node);
        print_binaries(out, "decentralized-api", &message->u.upgrade.api);
    } else {
        print_raw(out, message);
    }
}

static void
print_deposit(FILE *out, const struct gov_proposal *proposal, int64_t now_ns)
{
    char when[80];
    char amount[GA_AMOUNT_MAX];
    char why[128];

    for (size_t i = 0; i < proposal->deposit.n; i++)
        if (strcmp(proposal->deposit.list[i].denom, "ngonka") == 0 &&
            ga_amount_show(proposal->deposit.list[i].amount, amount, sizeof(amount), why, sizeof(why)) == 0)
            (void)fprintf(out, "  deposit  %s so far\n", amount);
    (void)fprintf(out, "  until    %s\n", ga_when_show(proposal->deposit_end_ns, now_ns, when, sizeof(when)));
}

void
gov_print_case(FILE *out, const struct gov_case *one, int64_t now_ns)
{
    const struct gov_proposal *proposal = &one->proposal;
    char                       title[256];
    char                       line[400];

    (void)snprintf(title, sizeof(title), "%s", proposal->title);
    (void)fprintf(out, "%" PRIu64 "  %s%s  %s\n", proposal->id, gov_status_text(proposal->status),
                  proposal->expedited ? ", expedited" : "", ga_clean(title));
    for (size_t i = 0; i < proposal->n_messages; i++)
        print_message(out, one, &proposal->messages[i], now_ns);
    if (proposal->status == GOV_STATUS_DEPOSIT_PERIOD)
        print_deposit(out, proposal, now_ns);
    if (proposal->status != GOV_STATUS_VOTING_PERIOD && one->tally_known != GOV_KNOWN)
        return;
    gov_tally_line(one, line, sizeof(line));
    (void)fprintf(out, "  tally    %s\n", line);
    if (proposal->status == GOV_STATUS_VOTING_PERIOD)
        (void)fprintf(out, "  ends     %s\n", ga_when_show(proposal->voting_end_ns, now_ns, line, sizeof(line)));
    if (one->vote_known != GOV_UNKNOWN)
        (void)fprintf(out, "  my vote  %s\n", one->vote_known == GOV_KNOWN ? one->vote : "none yet");
    if (*one->problem)
        (void)fprintf(out, "  !        %s\n", one->problem);
}

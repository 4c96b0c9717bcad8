/* judge.c: findings, one by one. */
#include "plugins/validator/judge.h"

#include "kit/when.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PERCENT 100
#define LEVEL_HALF 50
#define LEVEL_MOST 80
#define UNJAIL "gonka-agent run validator unjail"
#define RECOVER "gonka-agent run validator recover-key"

static struct val_finding *
add(struct val_findings *findings, const char *what, const char *topic, enum val_state state)
{
    struct val_finding *finding = &findings->list[findings->n++];

    *finding = (struct val_finding){.what = what, .topic = topic, .state = state, .level = state == VAL_STATE_BAD};
    return finding;
}

static void
unknown(struct val_findings *findings, const char *what, const char *topic, const char *why)
{
    struct val_finding *finding = add(findings, what, topic, VAL_STATE_UNKNOWN);

    (void)snprintf(finding->text, sizeof(finding->text), "not known: %.650s", why);
}

__attribute__((format(printf, 2, 3))) static void
say(struct val_finding *finding, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(finding->text, sizeof(finding->text), format, list);
    va_end(list);
}

__attribute__((format(printf, 2, 3))) static void
advise(struct val_finding *finding, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(finding->next, sizeof(finding->next), format, list);
    va_end(list);
}

const struct val_finding *
val_finding(const struct val_findings *findings, const char *what)
{
    for (size_t i = 0; i < findings->n; i++)
        if (strcmp(findings->list[i].what, what) == 0)
            return &findings->list[i];
    return NULL;
}

/* --- misses --------------------------------------------------------------------------------------------------------
 */

void
val_explain_misses(const struct val_seen *seen, char *buf, size_t len)
{
    const struct val_recent *recent = &seen->recent;
    int64_t                  own;
    int64_t                  others;

    if (seen->recent_item.known != VAL_KNOWN) {
        (void)snprintf(buf, len, "whether others miss blocks, too, is not known");
        return;
    }
    own = (int64_t)recent->missed * PERCENT / recent->n;
    others = recent->others > 0 ? (int64_t)recent->others_absent * PERCENT / recent->others : 0;
    if (recent->missed == 0)
        (void)snprintf(buf, len, "it signed the last %d blocks", recent->n - recent->outside);
    else if (others * 2 >= own)
        (void)snprintf(
            buf, len,
            "of the last %d blocks it missed %d, and the others miss %lld %% of theirs: the network is sick, "
            "not this host alone",
            recent->n, recent->missed, (long long)others);
    else
        (void)snprintf(buf, len,
                       "of the last %d blocks it missed %d, while the others miss %lld %% of theirs: this host is sick",
                       recent->n, recent->missed, (long long)others);
}

static void
judge_missing(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *findings)
{
    static const char   what[] = "missing";
    static const char   topic[] = "validator.missing";
    int64_t             missed = seen->signing.missed;
    int64_t             most = seen->params.most_missed;
    int64_t             part;
    struct val_finding *finding;
    char                who[300];

    if (seen->signing_item.known != VAL_KNOWN || seen->params_item.known != VAL_KNOWN) {
        unknown(findings, what, topic,
                seen->signing_item.known != VAL_KNOWN ? seen->signing_item.why : seen->params_item.why);
        return;
    }
    if (seen->validator.jailed)
        return; /* the counter of a validator that is out means nothing */
    part = most > 0 ? missed * PERCENT / most : PERCENT;
    val_explain_misses(seen, who, sizeof(who));
    finding =
        add(findings, what, topic,
            missed > 0 && part >= (rules->missing_open ? rules->missing_at / 2 : rules->missing_at) ? VAL_STATE_BAD
                                                                                                    : VAL_STATE_FINE);
    say(finding, "%lld of the last %lld blocks missed, %lld more and it is jailed; %s", (long long)missed,
        (long long)seen->params.window, (long long)(missed > most ? 0 : most - missed + 1), who);
    if (finding->state != VAL_STATE_BAD)
        return;
    finding->level = part >= LEVEL_MOST ? 3 : part >= LEVEL_HALF ? 2 : 1;
    advise(finding, "docker compose logs --tail 100 tmkms node: is the signer connected, is the machine busy, is the "
                    "disk full? " RECOVER " compares the keys");
}

/* --- jail ----------------------------------------------------------------------------------------------------------
 */

/* What is known of the cause, for an alert. */
static void
explain_jail(const struct val_seen *seen, char *buf, size_t len)
{
    char          why[VAL_WHY];
    enum val_keys keys = val_compare_keys(seen, why);

    if (keys != VAL_KEYS_SAME && keys != VAL_KEYS_UNKNOWN)
        (void)snprintf(buf, len, "the cause: %.400s", why);
    else if (seen->node_item.known != VAL_KNOWN)
        (void)snprintf(buf, len, "this host's node does not answer: %.300s", seen->node_item.why);
    else if (!seen->node_good && *seen->node_item.why)
        (void)snprintf(buf, len, "this host's node is not in step: %.300s", seen->node_item.why);
    else if (keys == VAL_KEYS_SAME)
        (void)snprintf(buf, len,
                       "the keys match and the node is in step: it was the signer, the network or the machine");
    else
        (void)snprintf(buf, len, "the cause is not known (%.300s)", why);
}

static void
judge_jailed(const struct val_seen *seen, struct val_findings *findings)
{
    struct val_finding *finding;
    char                when[64];
    char                cause[500];

    if (seen->validator_item.known == VAL_UNKNOWN) {
        unknown(findings, "jailed", "validator.jailed", seen->validator_item.why);
        return;
    }
    finding = add(findings, "jailed", "validator.jailed",
                  seen->validator_item.known == VAL_KNOWN && seen->validator.jailed ? VAL_STATE_BAD : VAL_STATE_FINE);
    if (finding->state == VAL_STATE_FINE) {
        say(finding, "not jailed");
        return;
    }
    explain_jail(seen, cause, sizeof(cause));
    if (seen->signing_item.known != VAL_KNOWN) {
        say(finding, "jailed; until when is not known (%.100s); %s", seen->signing_item.why, cause);
    } else {
        (void)ga_when_format(seen->signing.until_ns, finding->detail, sizeof(finding->detail));
        say(finding, "jailed until %s; %s", ga_when_show(seen->signing.until_ns, seen->now_ns, when, sizeof(when)),
            cause);
    }
    advise(finding,
           "find and mend the cause, then " UNJAIL " (it checks five things first, and says which is missing)");
}

static void
judge_tombstoned(const struct val_seen *seen, struct val_findings *findings)
{
    struct val_finding *finding;

    if (seen->signing_item.known != VAL_KNOWN) {
        unknown(findings, "tombstoned", "validator.tombstoned", seen->signing_item.why);
        return;
    }
    finding =
        add(findings, "tombstoned", "validator.tombstoned", seen->signing.tombstoned ? VAL_STATE_BAD : VAL_STATE_FINE);
    say(finding, seen->signing.tombstoned ? "tombstoned: two signatures for one height were seen; it is out for ever"
                                          : "not tombstoned");
    if (seen->signing.tombstoned)
        advise(finding, "stop every signer that holds this key now; it cannot be unjailed: a new consensus key must be "
                        "registered (" RECOVER ")");
}

/* A jail whose time is over: something can be done now. */
static void
judge_due(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *findings)
{
    struct val_finding *finding;
    int64_t             over;

    if (seen->validator_item.known != VAL_KNOWN || seen->signing_item.known != VAL_KNOWN || seen->now_ns <= 0) {
        unknown(findings, "unjail-possible", "validator.unjail.possible",
                seen->validator_item.known != VAL_KNOWN ? seen->validator_item.why : seen->signing_item.why);
        return;
    }
    over = seen->signing.until_ns < seen->now_ns
               ? seen->now_ns - (seen->signing.until_ns > 0 ? seen->signing.until_ns : 0)
               : -1;
    finding = add(findings, "unjail-possible", "validator.unjail.possible",
                  seen->validator.jailed && !seen->signing.tombstoned && over >= 0 ? VAL_STATE_BAD : VAL_STATE_FINE);
    if (finding->state != VAL_STATE_BAD) {
        say(finding, "there is nothing to unjail now");
        return;
    }
    if (rules->again_ns > 0 && over / rules->again_ns < INT32_MAX)
        finding->level = 1 + (int)(over / rules->again_ns);
    say(finding, "the jail time is over: the validator can be unjailed once its cause is gone");
    advise(finding, UNJAIL);
}

static void
judge_bonded(const struct val_seen *seen, struct val_findings *findings)
{
    struct val_finding *finding;
    int                 bonded;

    if (seen->validator_item.known == VAL_UNKNOWN) {
        unknown(findings, "unbonded", "validator.unbonded", seen->validator_item.why);
        return;
    }
    if (seen->validator_item.known == VAL_KNOWN && seen->validator.jailed)
        return; /* that is told already */
    bonded = seen->validator_item.known == VAL_KNOWN && seen->validator.bond == VAL_BOND_BONDED;
    finding = add(findings, "unbonded", "validator.unbonded", bonded ? VAL_STATE_FINE : VAL_STATE_BAD);
    if (bonded) {
        say(finding, "bonded with a weight of %s", *seen->validator.tokens ? seen->validator.tokens : "unknown");
        return;
    }
    if (seen->validator_item.known == VAL_ABSENT)
        say(finding, "the chain has no validator %s", seen->operator_address);
    else
        say(finding, "not bonded: the validator is not among those that sign in this epoch");
    advise(finding, "did this host take part in the last proof of compute, is the account right? curl -s %s",
           "http://127.0.0.1:8000/v1/epochs/current/participants");
}

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

static void
judge_keys(const struct val_seen *seen, struct val_findings *findings)
{
    static const char *const names[] = {"unknown", "same", "lost", "pending", "split", "all-different", "self"};
    char                     why[VAL_WHY];
    enum val_keys            keys = val_compare_keys(seen, why);
    struct val_finding      *finding;

    if (keys == VAL_KEYS_UNKNOWN) {
        unknown(findings, "key", "validator.key.mismatch", why);
        return;
    }
    finding = add(findings, "key", "validator.key.mismatch", keys == VAL_KEYS_SAME ? VAL_STATE_FINE : VAL_STATE_BAD);
    say(finding, "%s", why);
    if (keys == VAL_KEYS_SAME)
        return;
    if (seen->participant_item.known != VAL_UNKNOWN) /* else it may be the same as before */
        (void)snprintf(finding->detail, sizeof(finding->detail), "%s %.12s %.12s %.12s", names[keys], seen->node_key,
                       seen->validator.key, seen->participant.key);
    if (keys == VAL_KEYS_SELF)
        advise(finding,
               "restart the node so that it asks its signer anew (docker compose restart node), and look again");
    else if (keys == VAL_KEYS_PENDING)
        advise(finding, "wait for the next choice of validators (set_new_validators of this epoch or the next); if "
                        "staking has the old key still after it, ask the network's developers: this is a known fault "
                        "with jailed validators");
    else
        advise(finding, "put the old key back from its backup if there is one (never run two signers), else register "
                        "the new one: " RECOVER " prints how");
}

/* --- money and grants ----------------------------------------------------------------------------------------------
 */

static void
judge_balance(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *findings)
{
    struct val_finding *finding;
    char                have[GA_AMOUNT_MAX];
    char                least[GA_AMOUNT_MAX];
    char                why[200];
    int                 order = 0;

    if (!seen->balance_item.wanted)
        return;
    if (seen->balance_item.known == VAL_UNKNOWN ||
        (seen->balance_item.known == VAL_KNOWN && ga_amount_compare(seen->balance, rules->min_balance, &order) < 0)) {
        unknown(findings, "balance", "validator.balance.low", seen->balance_item.why);
        return;
    }
    if (seen->balance_item.known == VAL_ABSENT)
        order = -1;
    (void)ga_amount_show_short(seen->balance_item.known == VAL_KNOWN ? seen->balance : "0", have, sizeof(have), why,
                               sizeof(why));
    (void)ga_amount_show_short(rules->min_balance, least, sizeof(least), why, sizeof(why));
    finding = add(findings, "balance", "validator.balance.low", order < 0 ? VAL_STATE_BAD : VAL_STATE_FINE);
    say(finding, "the account holds %s, at least %s are wanted", have, least);
    if (order < 0)
        advise(finding, "send some to %s: fees of votes, of unjail and of the warm key are paid from it",
               seen->account);
}

/* Steps: 0 far enough, then one more for each that is passed, the last one for an end that lies behind. */
static int
step_of(const struct val_rules *rules, int64_t end_ns, int64_t now_ns)
{
    int step = 0;

    if (end_ns == INT64_MAX)
        return 0;
    if (end_ns <= now_ns)
        return VAL_STEPS_MAX + 1;
    for (size_t i = 0; i < rules->n_warn; i++)
        step += end_ns - now_ns <= rules->warn_before[i];
    return step;
}

static void
judge_end(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *findings, const char *what,
          int64_t end_ns, const char *thing)
{
    int                 step = step_of(rules, end_ns, seen->now_ns);
    struct val_finding *finding =
        add(findings, what, "validator.grant.expiring", step > 0 ? VAL_STATE_BAD : VAL_STATE_FINE);
    char when[64];

    finding->level = step;
    say(finding, "%s ends %s", thing, ga_when_show(end_ns, seen->now_ns, when, sizeof(when)));
    if (step > 0)
        advise(finding, "grant anew with the cold key: " RECOVER " which=warm prints the command");
}

static void
judge_gone(struct val_findings *findings, const char *what, const char *thing)
{
    struct val_finding *finding = add(findings, what, "validator.grant.missing", VAL_STATE_BAD);

    finding->level = VAL_STEPS_MAX + 2;
    say(finding, "%s: there is none: what the host sends with the warm key is refused", thing);
    advise(finding,
           "is the option warm right? else grant with the cold key: " RECOVER " which=warm prints the command");
}

static void
judge_grants(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *findings)
{
    char thing[200];

    if (seen->grants_item.wanted) {
        (void)snprintf(thing, sizeof(thing), "of the warm key's %zu permissions, the first (%s)", seen->grants.n,
                       seen->grants.first_msg);
        if (seen->grants_item.known == VAL_UNKNOWN || seen->now_ns <= 0)
            unknown(findings, "grants", "validator.grant.expiring", seen->grants_item.why);
        else if (seen->grants_item.known == VAL_ABSENT || seen->grants.n == 0)
            judge_gone(findings, "grants", "the warm key's permissions");
        else
            judge_end(seen, rules, findings, "grants", seen->grants.first_ns, thing);
    }
    if (seen->allowance_item.wanted) {
        if (seen->allowance_item.known == VAL_UNKNOWN || seen->now_ns <= 0)
            unknown(findings, "fee-grant", "validator.grant.expiring", seen->allowance_item.why);
        else if (seen->allowance_item.known == VAL_ABSENT || seen->allowance.n == 0)
            judge_gone(findings, "fee-grant", "the warm key's fee allowance");
        else
            judge_end(seen, rules, findings, "fee-grant", seen->allowance.ends_ns, "the warm key's fee allowance");
    }
}

void
val_judge(const struct val_seen *seen, const struct val_rules *rules, struct val_findings *ret)
{
    ret->n = 0;
    judge_jailed(seen, ret);
    judge_tombstoned(seen, ret);
    judge_due(seen, rules, ret);
    judge_bonded(seen, ret);
    judge_missing(seen, rules, ret);
    judge_keys(seen, ret);
    judge_balance(seen, rules, ret);
    judge_grants(seen, rules, ret);
}

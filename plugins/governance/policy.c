/* policy.c: asking a policy how to vote. Reading one is in policy_read.c. */
#include "plugins/governance/policy.h"

#include "kit/clean.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does a rule match? In this order the worse of two answers is the larger one. */
enum match {
    MATCH_YES,
    MATCH_DOUBT, /* cannot be told */
    MATCH_NO,
};

/* What is asked of a rule, and what was found in the way of it. */
struct question {
    const struct gov_proposal *proposal;
    enum match                 match;
    char                       why[300];
};

static const char *const CHOICES[] = {"ask", "yes", "no", "no_with_veto", "abstain"};

#define CHOICES_N (sizeof(CHOICES) / sizeof(CHOICES[0]))

/* Takes up an answer when it is worse than what is known; the first reason of its kind stands. */
__attribute__((format(printf, 3, 4))) static void
found(struct question *question, enum match match, const char *format, ...)
{
    va_list args;

    if (match <= question->match)
        return;
    question->match = match;
    va_start(args, format);
    (void)vsnprintf(question->why, sizeof(question->why), format, args);
    va_end(args);
}

static int
same_byte(char a, char b, int any_capitals)
{
    return any_capitals ? tolower((unsigned char)a) == tolower((unsigned char)b) : a == b;
}

int
gov_matches(const char *pattern, const char *text, int any_capitals)
{
    const char *star = NULL; /* the last one, and the text that it leaves to what follows it */
    const char *rest = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            rest = text;
        } else if (*pattern && (*pattern == '?' || same_byte(*pattern, *text, any_capitals))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++rest;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

static int
comparable(const char *text, const struct gov_decimal *bound, struct gov_decimal *ret)
{
    return text && gov_decimal_parse(text, ret) == 0 && (!bound || ret->seconds == bound->seconds);
}

static void
ask_range(struct question *question, const struct gov_bound *bound, const struct gov_change *change)
{
    const struct gov_decimal *unit = bound->has_min ? &bound->min : &bound->max;
    struct gov_decimal        after;

    if (!bound->has_min && !bound->has_max)
        return;
    if (!comparable(change->after, unit, &after))
        found(question, MATCH_DOUBT, "%.100s would be %.60s, which cannot be compared with min and max", change->path,
              change->after ? change->after : "missing");
    else if (bound->has_min && gov_decimal_compare(&after, &bound->min) < 0)
        found(question, MATCH_NO, "%.100s would be %.60s, less than min", change->path, change->after);
    else if (bound->has_max && gov_decimal_compare(&after, &bound->max) > 0)
        found(question, MATCH_NO, "%.100s would be %.60s, more than max", change->path, change->after);
}

static void
ask_distance(struct question *question, const struct gov_bound *bound, const struct gov_change *change)
{
    struct gov_decimal before;
    struct gov_decimal after;

    if (!bound->has_max_change)
        return;
    if (!comparable(change->before, NULL, &before) || !comparable(change->after, &before, &after))
        found(question, MATCH_DOUBT, "how much %.100s changes cannot be told (%.60s to %.60s)", change->path,
              change->before ? change->before : "missing", change->after ? change->after : "missing");
    else if (!gov_decimal_within(&before, &after, &bound->max_change))
        found(question, MATCH_NO, "%.100s would change from %.60s to %.60s, by more than max_change", change->path,
              change->before, change->after);
}

static void
ask_change(struct question *question, const struct gov_rule *rule, const struct gov_change *change)
{
    for (size_t i = 0; i < rule->n_bounds; i++) {
        const struct gov_bound *bound = &rule->bounds[i];

        if (gov_matches(bound->path, change->path, 0)) {
            ask_range(question, bound, change);
            ask_distance(question, bound, change);
            return;
        }
    }
    found(question, MATCH_NO, "%.100s is not in its params", change->path);
}

static void
ask_params(struct question *question, const struct gov_rule *rule, const struct gov_message *message, size_t n)
{
    const struct gov_params *params = &message->u.params;

    if (rule->n_bounds == 0)
        return;
    if (message->kind != GOV_KIND_PARAMS) {
        found(question, MATCH_NO, "message %zu changes no parameters", n);
        return;
    }
    if (!params->compared) {
        found(question, MATCH_DOUBT, "the present parameters of %s are not known", params->module);
        return;
    }
    if (params->changes.n == 0)
        found(question, MATCH_NO, "message %zu leaves all parameters as they are", n);
    for (size_t i = 0; i < params->changes.n; i++)
        ask_change(question, rule, &params->changes.list[i]);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static int
is_in(const struct gov_texts *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (gov_matches(patterns->list[i], text, 0))
            return 1;
    return 0;
}

static int
is_one_of(const struct gov_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->n; i++)
        if (strcmp(texts->list[i], text) == 0)
            return 1;
    return 0;
}

static void
ask_message(struct question *question, const struct gov_rule *rule, const struct gov_message *message, size_t n)
{
    if (rule->types.n > 0 && !is_in(&rule->types, message->type_url))
        found(question, MATCH_NO, "message %zu is a %.100s", n, message->type_url);
    ask_params(question, rule, message, n);
    if (message->undecoded && !rule->undecoded)
        found(question, MATCH_DOUBT, "message %zu, %.80s, is not decoded: %.100s", n, message->type_url, message->why);
}

static void
ask_rule(struct question *question, const struct gov_rule *rule)
{
    const struct gov_proposal *p = question->proposal;

    question->match = MATCH_YES;
    question->why[0] = '\0';
    if (rule->proposers.n > 0 && !is_one_of(&rule->proposers, p->proposer))
        found(question, MATCH_NO, "another proposer");
    if (rule->title && !gov_matches(rule->title, p->title, 1))
        found(question, MATCH_NO, "another title");
    if (rule->expedited >= 0 && rule->expedited != p->expedited)
        found(question, MATCH_NO, "%s", p->expedited ? "expedited" : "not expedited");
    if (p->n_messages == 0 && (rule->types.n > 0 || rule->n_bounds > 0))
        found(question, MATCH_NO, "no messages");
    for (size_t i = 0; i < p->n_messages && question->match != MATCH_NO; i++)
        ask_message(question, rule, &p->messages[i], i);
}

static int64_t
vote_time(const struct gov_proposal *proposal, const struct gov_rule *rule)
{
    int64_t at = proposal->voting_start_ns;

    if (rule->not_before_end_ns > 0 && proposal->voting_end_ns - rule->not_before_end_ns > at)
        at = proposal->voting_end_ns - rule->not_before_end_ns;
    return at;
}

/* "rule 2 (small steps)", counted from 1 as people do. */
static void
name_rule(const struct gov_rule *rule, size_t n, char *buf, size_t len)
{
    if (*rule->name)
        (void)snprintf(buf, len, "rule %zu (%.60s)", n + 1, rule->name);
    else
        (void)snprintf(buf, len, "rule %zu", n + 1);
}

static void
decide(const struct question *question, const struct gov_rule *rule, size_t n, struct gov_verdict *ret)
{
    char name[100];

    name_rule(rule, n, name, sizeof(name));
    ret->rule = (int)n;
    if (question->match == MATCH_DOUBT) {
        ret->in_doubt = 1;
        (void)snprintf(ret->why, sizeof(ret->why), "%s may match, but %s: a person should look", name, question->why);
        return;
    }
    ret->choice = rule->choice;
    ret->vote_at_ns = rule->choice == GOV_CHOICE_ASK ? 0 : vote_time(question->proposal, rule);
    (void)snprintf(ret->why, sizeof(ret->why), "%s matches: %s", name, gov_choice_text(rule->choice));
}

void
gov_policy_ask(const struct gov_policy *policy, const struct gov_proposal *proposal, struct gov_verdict *ret)
{
    struct question question = {.proposal = proposal};
    size_t          used = 0;

    *ret = (struct gov_verdict){.choice = GOV_CHOICE_ASK, .rule = -1};
    (void)snprintf(ret->why, sizeof(ret->why), "there are no rules");
    for (size_t i = 0; i < policy->n; i++) {
        ask_rule(&question, &policy->rules[i]);
        if (question.match != MATCH_NO) {
            decide(&question, &policy->rules[i], i, ret);
            break;
        }
        /* what is too long is cut off: the first rules are the likelier ones */
        if (used < sizeof(ret->why))
            used += (size_t)snprintf(ret->why + used, sizeof(ret->why) - used, "%s%zu: %.80s",
                                     i == 0 ? "no rule matches: " : "; ", i + 1, question.why);
    }
    (void)ga_clean(ret->why);
}

const char *
gov_choice_text(enum gov_choice choice)
{
    return CHOICES[choice];
}

int
gov_choice_parse(const char *text, enum gov_choice *ret)
{
    for (size_t i = 0; i < CHOICES_N; i++) {
        if (strcmp(text, CHOICES[i]) == 0) {
            *ret = (enum gov_choice)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* policy_read.c: reading a policy. */
#include "kit/clean.h"
#include "plugins/governance/policy.h"

#include "kit/json.h"
#include "kit/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 1000

/* Where reading is, and where to say what is wrong. */
struct place {
    const cJSON *object;
    size_t       rule;
    char        *why;
    size_t       len;
};

static const char *const RULE_MEMBERS[] = {"name",      "type",      "params", "proposer",       "title",
                                           "expedited", "undecoded", "vote",   "not_before_end", NULL};
static const char *const BOUND_MEMBERS[] = {"path", "min", "max", "max_change", NULL};

__attribute__((format(printf, 2, 3))) static int
wrong(const struct place *place, const char *format, ...)
{
    char    what[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(place->why, place->len, "policy, rule %zu: %s", place->rule + 1, ga_clean(what));
    return -EBADMSG;
}

/* 0 when the object has only these members, each once. */
static int
check_members(const struct place *place, const char *const *known)
{
    for (const cJSON *member = place->object->child; member; member = member->next) {
        size_t i = 0;

        while (known[i] && strcmp(known[i], member->string) != 0)
            i++;
        if (!known[i])
            return wrong(place, "\"%.40s\" is no member of a rule: see \"policy\" in the plugin's manual",
                         member->string);
        if (ga_json_get(place->object, known[i]) != member)
            return wrong(place, "%s is there twice: keep one", known[i]);
    }
    return 0;
}

static int
read_text(const struct place *place, const char *key, const char **ret)
{
    const cJSON *value = ga_json_get(place->object, key);

    if (!value)
        return 0;
    if (!cJSON_IsString(value) || !*value->valuestring)
        return wrong(place, "%s is no text, or an empty one", key);
    *ret = value->valuestring;
    return 0;
}

static int
read_flag(const struct place *place, const char *key, int *ret)
{
    const cJSON *value = ga_json_get(place->object, key);

    if (!value)
        return 0;
    if (!cJSON_IsBool(value))
        return wrong(place, "%s is neither true nor false", key);
    *ret = cJSON_IsTrue(value);
    return 0;
}

/* A text, or a list of texts that is not empty. */
static int
read_texts(const struct place *place, const char *key, struct gov_texts *ret)
{
    const cJSON *value = ga_json_get(place->object, key);
    const cJSON *text = cJSON_IsArray(value) ? value->child : value;

    if (!value)
        return 0;
    if (!text)
        return wrong(place, "%s is an empty list, which would match nothing", key);
    ret->list = calloc(cJSON_IsArray(value) ? (size_t)cJSON_GetArraySize(value) : 1, sizeof(*ret->list));
    if (!ret->list)
        return -ENOMEM;
    for (; text; text = cJSON_IsArray(value) ? text->next : NULL) {
        if (!cJSON_IsString(text) || !*text->valuestring)
            return wrong(place, "%s is no text, nor a list of texts", key);
        ret->list[ret->n++] = text->valuestring;
    }
    return 0;
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

static int
read_limit(const struct place *place, const char *key, int *ret_has, struct gov_decimal *ret)
{
    const cJSON *value = ga_json_get(place->object, key);
    char        *text;
    int          r;

    if (!value)
        return 0;
    text = gov_value_text(value);
    if (!text)
        return -ENOMEM;
    r = gov_decimal_parse(text, ret);
    free(text);
    if (r < 0)
        return wrong(place, "params: %s is no number such as \"12\", \"0.05\" or \"3600s\"", key);
    *ret_has = 1;
    return 0;
}

/* "10%" as 0.1 */
static int
read_max_change(const struct place *place, struct gov_bound *ret)
{
    const cJSON *value = ga_json_get(place->object, "max_change");
    const char  *text = cJSON_GetStringValue(value);
    char         number[32];
    size_t       n = text ? strlen(text) : 0;

    if (!value)
        return 0;
    if (n < 2 || n > sizeof(number) || text[n - 1] != '%')
        return wrong(place, "params: max_change is no percentage such as \"10%%\"");
    memcpy(number, text, n - 1);
    number[n - 1] = '\0';
    if (gov_decimal_scale(number, -2, &ret->max_change) < 0 || ret->max_change.negative || ret->max_change.seconds)
        return wrong(place, "params: max_change is no percentage such as \"10%%\"");
    ret->has_max_change = 1;
    return 0;
}

static int
read_bound(const struct place *place, struct gov_bound *ret)
{
    int r = cJSON_IsObject(place->object) ? check_members(place, BOUND_MEMBERS)
                                          : wrong(place, "params: an entry is no object with a path");

    if (r == 0)
        r = read_text(place, "path", &ret->path);
    if (r == 0 && !ret->path)
        r = wrong(place, "params: an entry has no path");
    if (r == 0)
        r = read_limit(place, "min", &ret->has_min, &ret->min);
    if (r == 0)
        r = read_limit(place, "max", &ret->has_max, &ret->max);
    if (r == 0)
        r = read_max_change(place, ret);
    if (r < 0 || !ret->has_min || !ret->has_max)
        return r;
    if (ret->min.seconds != ret->max.seconds || gov_decimal_compare(&ret->min, &ret->max) > 0)
        return wrong(place, "params: %.60s: min is above max, or only one is in seconds", ret->path);
    return 0;
}

static int
read_bounds(const struct place *place, struct gov_rule *ret)
{
    const cJSON *list = ga_json_get(place->object, "params");
    struct place below = *place;
    int          r = 0;

    if (!list)
        return 0;
    if (!cJSON_IsArray(list) || !list->child)
        return wrong(place, "params is no list of paths, or an empty one");
    ret->bounds = calloc((size_t)cJSON_GetArraySize(list), sizeof(*ret->bounds));
    if (!ret->bounds)
        return -ENOMEM;
    for (const cJSON *entry = list->child; entry && r == 0; entry = entry->next) {
        below.object = entry;
        r = read_bound(&below, &ret->bounds[ret->n_bounds++]);
    }
    return r;
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static int
read_outcome(const struct place *place, struct gov_rule *ret)
{
    const char *vote = NULL;
    const char *delay = NULL;
    int         r = read_text(place, "vote", &vote);

    if (r == 0 && !vote)
        return wrong(place, "vote is missing: yes, no, no_with_veto, abstain or ask");
    if (r == 0 && gov_choice_parse(vote, &ret->choice) < 0)
        return wrong(place, "vote is \"%.40s\": yes, no, no_with_veto, abstain or ask", vote);
    if (r == 0)
        r = read_text(place, "not_before_end", &delay);
    if (r == 0 && delay && (ga_parse_duration(delay, &ret->not_before_end_ns) < 0 || ret->not_before_end_ns <= 0))
        return wrong(place, "not_before_end is \"%.40s\", which is no duration such as 6h", delay);
    return r;
}

static int
read_rule(const struct place *place, struct gov_rule *ret)
{
    int r = cJSON_IsObject(place->object) ? check_members(place, RULE_MEMBERS) : wrong(place, "it is no object");

    ret->name = "";
    ret->expedited = -1;
    if (r == 0)
        r = read_text(place, "name", &ret->name);
    if (r == 0)
        r = read_texts(place, "type", &ret->types);
    if (r == 0)
        r = read_texts(place, "proposer", &ret->proposers);
    if (r == 0)
        r = read_bounds(place, ret);
    if (r == 0)
        r = read_text(place, "title", &ret->title);
    if (r == 0)
        r = read_flag(place, "expedited", &ret->expedited);
    if (r == 0)
        r = read_flag(place, "undecoded", &ret->undecoded);
    if (r == 0)
        r = read_outcome(place, ret);
    return r;
}

static int
read_rules(struct gov_policy *ret, char *why, size_t len)
{
    struct place place = {.why = why, .len = len};
    int          r = 0;

    if (!cJSON_IsArray(ret->json) || cJSON_GetArraySize(ret->json) > RULES_MAX) {
        (void)snprintf(why, len, "policy: it is no list of at most %d rules", RULES_MAX);
        return -EBADMSG;
    }
    ret->rules = calloc((size_t)cJSON_GetArraySize(ret->json) + 1, sizeof(*ret->rules));
    if (!ret->rules)
        return -ENOMEM;
    for (const cJSON *rule = ret->json->child; rule && r == 0; rule = rule->next) {
        place.object = rule;
        place.rule = ret->n;
        r = read_rule(&place, &ret->rules[ret->n++]);
    }
    return r;
}

int
gov_policy_read(const char *text, size_t text_len, struct gov_policy *ret, char *why, size_t len)
{
    char reason[160];
    int  r;

    *ret = (struct gov_policy){0};
    ret->json = ga_json_parse(text, text_len, reason, sizeof(reason));
    if (!ret->json && errno == ENOMEM)
        return -ENOMEM;
    if (!ret->json) {
        (void)snprintf(why, len, "policy: %s", reason);
        return -EBADMSG;
    }
    r = read_rules(ret, why, len);
    if (r < 0)
        gov_policy_free(ret);
    return r;
}

void
gov_policy_free(struct gov_policy *policy)
{
    for (size_t i = 0; i < policy->n; i++) {
        free(policy->rules[i].types.list);
        free(policy->rules[i].proposers.list);
        free(policy->rules[i].bounds);
    }
    free(policy->rules);
    cJSON_Delete(policy->json);
    *policy = (struct gov_policy){0};
}

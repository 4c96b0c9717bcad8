/* value.c: values checked against options: scalars of every type. */
#include "agent/value.h"

#include "agent/value_parts.h"
#include "kit/units.h"

#include <gonka-agent/plugin.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static cJSON *
number(int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return cJSON_CreateString(text);
}

/* How a bound is written for people. */
static const char *
bound(const struct option_desc *option, int64_t value, char *buf, size_t len)
{
    if (GA_T_BASE(option->type) == GA_T_DURATION)
        (void)ga_format_duration(value, buf, len);
    else if (GA_T_BASE(option->type) == GA_T_SIZE && value >= 0)
        (void)ga_format_size((uint64_t)value, buf, len);
    else
        (void)snprintf(buf, len, "%" PRId64, value);
    return buf;
}

static cJSON *
ranged(const struct value_context *context, const struct option_desc *option, const struct node *node, int64_t value)
{
    char least[64];
    char most[64];

    if (option->min == option->max || (value >= option->min && value <= option->max))
        return number(value);
    diagnose(context->diagnostics, node->place, "'%s' %s must be from %s to %s", option->key, context->owner,
             bound(option, option->min, least, sizeof(least)), bound(option, option->max, most, sizeof(most)));
    return NULL;
}

static cJSON *
check_int(const struct value_context *context, const struct option_desc *option, const struct node *node,
          const char *text)
{
    char   *end;
    int64_t value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (*end || !isdigit((unsigned char)text[*text == '-']) || errno == ERANGE) {
        diagnose(context->diagnostics, node->place, "'%s' %s must be a whole number, not '%s'", option->key,
                 context->owner, text);
        return NULL;
    }
    return ranged(context, option, node, value);
}

static cJSON *
check_bool(const struct value_context *context, const struct option_desc *option, const struct node *node,
           const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return cJSON_CreateString(*text == 't' ? "1" : "0");
    diagnose(context->diagnostics, node->place, "'%s' %s must be true or false, not '%s'", option->key, context->owner,
             text);
    return NULL;
}

static cJSON *
check_duration(const struct value_context *context, const struct option_desc *option, const struct node *node,
               const char *text)
{
    int64_t ns;
    int     r = ga_parse_duration(text, &ns);

    if (r == 0)
        return ranged(context, option, node, ns);
    diagnose(context->diagnostics, node->place, "'%s' %s must be a duration such as 30s, 5m or 24h, not '%s'%s",
             option->key, context->owner, text, r == -ERANGE ? " (too long)" : "");
    return NULL;
}

static cJSON *
check_size(const struct value_context *context, const struct option_desc *option, const struct node *node,
           const char *text)
{
    uint64_t bytes;
    int      r = ga_parse_size(text, &bytes);

    if (r == 0 && bytes <= INT64_MAX)
        return ranged(context, option, node, (int64_t)bytes);
    diagnose(context->diagnostics, node->place, "'%s' %s must be a size such as 512MiB or 250GB, not '%s'%s",
             option->key, context->owner, text, r == -EINVAL ? "" : " (too large)");
    return NULL;
}

static cJSON *
check_enum(const struct value_context *context, const struct option_desc *option, const struct node *node,
           const char *text)
{
    char hint[128];
    char all[512] = "";

    for (size_t i = 0; i < option->n_choices; i++) {
        size_t used = strlen(all);

        if (strcmp(text, option->choices[i]) == 0)
            return cJSON_CreateString(text);
        (void)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", option->choices[i]);
    }
    diagnose(context->diagnostics, node->place, "'%s' %s cannot be '%s', it is one of: %s%s", option->key,
             context->owner, text, all,
             suggestion(text, (const char *const *)option->choices, option->n_choices, hint, sizeof(hint)));
    return NULL;
}

static cJSON *
check_scalar(const struct value_context *context, const struct option_desc *option, const struct node *node,
             const char *text)
{
    switch (GA_T_BASE(option->type)) {
    case GA_T_INT:
        return check_int(context, option, node, text);
    case GA_T_BOOL:
        return check_bool(context, option, node, text);
    case GA_T_DURATION:
        return check_duration(context, option, node, text);
    case GA_T_SIZE:
        return check_size(context, option, node, text);
    case GA_T_ENUM:
        return check_enum(context, option, node, text);
    case GA_T_PATH:
        return value_path(context, option, node, text);
    case GA_T_URL:
        return value_url(context, option, node, text);
    default:
        return cJSON_CreateString(text);
    }
}

/* One value, not a list or map of them. */
static cJSON *
check_one(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    char  *text;
    cJSON *value;

    if (GA_T_BASE(option->type) == GA_T_SECRET)
        return value_secret(context, option, node);
    if (node->type != NODE_SCALAR) {
        diagnose(context->diagnostics, node->place, "'%s' %s must be one value, not %s", option->key, context->owner,
                 node_kind(node));
        return NULL;
    }
    if (node_is_null(node)) {
        diagnose(context->diagnostics, node->place, "'%s' %s has no value: give one or leave the line out", option->key,
                 context->owner);
        return NULL;
    }
    text = value_expand(context, node);
    value = text ? check_scalar(context, option, node, text) : NULL;
    free(text);
    return value;
}

/* An empty list or map is as good as none. Diagnosed when that will not do. */
static bool
required(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    if (!(option->flags & GA_REQUIRED) || context->partly)
        return false;
    diagnose(context->diagnostics, node->place, "'%s' %s is empty: %s", option->key, context->owner, option->help);
    return true;
}

static cJSON *
check_list(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    cJSON *list = cJSON_CreateArray();
    bool   good = true;

    for (size_t i = 0; list && i < node->count; i++) {
        cJSON *value = check_one(context, option, node->items[i]);

        good = good && value;
        if (value)
            (void)cJSON_AddItemToArray(list, value);
    }
    if (good && node->count == 0 && required(context, option, node))
        good = false;
    if (good)
        return list;
    cJSON_Delete(list);
    return NULL;
}

static cJSON *
check_map(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    cJSON *map = cJSON_CreateObject();
    bool   good = true;

    for (size_t i = 0; map && i < node->count; i++) {
        cJSON *value = check_one(context, option, node->items[i]);

        good = good && value;
        if (value)
            (void)cJSON_AddItemToObject(map, node->keys[i]->text, value);
    }
    if (good && node->count == 0 && required(context, option, node))
        good = false;
    if (good)
        return map;
    cJSON_Delete(map);
    return NULL;
}

cJSON *
value_check(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    bool wants_list = option->type & GA_T_LIST;
    bool wants_map = option->type & GA_T_MAP;

    if (wants_list && node->type == NODE_LIST)
        return check_list(context, option, node);
    if (wants_map && node->type == NODE_MAP)
        return check_map(context, option, node);
    if (!wants_list && !wants_map)
        return check_one(context, option, node);
    diagnose(context->diagnostics, node->place, "'%s' %s must be a %s, not %s: write %s", option->key, context->owner,
             wants_list ? "list" : "map", node_kind(node), wants_list ? "[a, b]" : "{name: value}");
    return NULL;
}

/* The default is in the manifest's own syntax. What is wrong with it is the plugin's fault and said so. */
static cJSON *
default_of(const struct value_context *context, const struct option_desc *option, struct place place)
{
    struct diagnostics   faults;
    struct value_context quiet = *context;
    struct node         *node;
    cJSON               *value = NULL;

    diagnostics_init(&faults, "default");
    quiet.diagnostics = &faults;
    quiet.vars = NULL;
    node = manifest_parse(option->dflt, strlen(option->dflt), &faults);
    if (node)
        value = value_check(&quiet, option, node);
    for (size_t i = 0; value && i < faults.count; i++) { /* what the host lacks is no fault of the plugin's */
        if (faults.items[i].warning)
            diagnose_warning(context->diagnostics, place, "%s (the default)", faults.items[i].text);
        else
            diagnose(context->diagnostics, place, "%s (the default)", faults.items[i].text);
    }
    if (!value)
        diagnose(context->diagnostics, place,
                 "the default of '%s' %s is wrong (%s): report this to the plugin's author", option->key,
                 context->owner, faults.count ? faults.items[0].text : option->dflt);
    node_free(node);
    diagnostics_done(&faults);
    return value;
}

static const struct option_desc *
find(const struct option_desc *options, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].key, key) == 0)
            return &options[i];
    return NULL;
}

static void
unknown_key(const struct value_context *context, const struct option_desc *options, size_t n, const struct node *key,
            const char *what)
{
    const char *words[256];
    char        hint[128];

    for (size_t i = 0; i < n && i < 256; i++)
        words[i] = options[i].key;
    diagnose(context->diagnostics, key->place, "unknown %s '%s' %s%s", what, key->text, context->owner,
             suggestion(key->text, words, n < 256 ? n : 256, hint, sizeof(hint)));
}

cJSON *
values_check(const struct value_context *context, const struct option_desc *options, size_t n, const struct node *given,
             struct place place, const char *what)
{
    cJSON *values = cJSON_CreateObject();

    if (given && given->type != NODE_MAP && !node_is_null(given))
        diagnose(context->diagnostics, given->place, "%ss %s must be a map, not %s", what, context->owner,
                 node_kind(given));
    for (size_t i = 0; given && given->type == NODE_MAP && i < given->count; i++)
        if (!find(options, n, given->keys[i]->text))
            unknown_key(context, options, n, given->keys[i], what);
    for (size_t i = 0; values && i < n; i++) {
        const struct node *node = node_get(given, options[i].key);
        cJSON             *value = NULL;

        if (node)
            value = value_check(context, &options[i], node);
        else if (options[i].dflt)
            value = default_of(context, &options[i], place);
        else if (options[i].flags & GA_REQUIRED && !context->partly)
            diagnose(context->diagnostics, place, "%s '%s' %s is missing: %s", what, options[i].key, context->owner,
                     options[i].help);
        if (value)
            (void)cJSON_AddItemToObject(values, options[i].key, value);
    }
    return values;
}

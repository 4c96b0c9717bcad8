/* compile_args.c: arguments of a run by hand. */
#include "agent/compile.h"

#include "agent/value.h"
#include "kit/files.h"
#include "kit/json.h"

#include <gonka-agent/plugin.h>

#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)512 << 10) /* of an argument from a file: a request to the daemon holds 1 MiB */

static const cJSON *
named(const cJSON *list, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item,
                       list) if (ga_json_str(item, "name") && strcmp(ga_json_str(item, "name"), name) == 0) return item;
    return NULL;
}

static struct node *
scalar(const char *text)
{
    struct node *node = calloc(1, sizeof(*node));

    if (node) {
        *node = (struct node){.type = NODE_SCALAR, .text = strdup(text), .quoted = true};
        if (!node->text) {
            free(node);
            node = NULL;
        }
    }
    return node;
}

/* "a,b,c" as a list of scalars. */
static struct node *
comma_list(const char *text)
{
    struct node *list = calloc(1, sizeof(*list));
    char        *copy = strdup(text);
    char        *rest = copy;

    if (!list || !copy)
        goto out;
    list->type = NODE_LIST;
    list->items = calloc(strlen(text) + 1, sizeof(*list->items));
    for (char *word; list->items && (word = strsep(&rest, ",")) != NULL;) {
        struct node *item = scalar(word);

        if (item)
            list->items[list->count++] = item;
    }
out:
    free(copy);
    return list;
}

/* The value as it stands on the command line. */
static struct node *
node_of(const struct option_desc *option, const char *text, struct diagnostics *diagnostics)
{
    if (option->type & GA_T_LIST && *text != '[')
        return comma_list(text);
    if (option->type & (GA_T_LIST | GA_T_MAP) || GA_T_BASE(option->type) == GA_T_SECRET)
        return manifest_parse(text, strlen(text), diagnostics);
    return scalar(text);
}

static const struct option_desc *
arg_named(const struct task_desc *task, const char *key, size_t len)
{
    for (size_t i = 0; i < task->n_args; i++)
        if (strlen(task->args[i].key) == len && strncmp(task->args[i].key, key, len) == 0)
            return &task->args[i];
    return NULL;
}

static void
unknown_arg(const struct value_context *context, const struct task_desc *task, const char *key)
{
    const char *words[256];
    size_t      n = 0;
    char        hint[128];

    for (; n < task->n_args && n < 256; n++)
        words[n] = task->args[n].key;
    diagnose(context->diagnostics, (struct place){.line = 0}, "unknown argument '%s' %s%s", key, context->owner,
             suggestion(key, words, n, hint, sizeof(hint)));
}

/* "key=@FILE": what the file holds, "key=@@text": a text that begins with @. NULL when it cannot be read, and said so;
 * else the caller frees *ret_file (may be NULL) after use. */
static const char *
text_of_file(const struct value_context *context, const struct option_desc *option, const char *text, char **ret_file)
{
    char   why[512];
    size_t len;

    *ret_file = NULL;
    if (option->type != GA_T_STRING || *text != '@')
        return text;
    if (text[1] == '@')
        return text + 1;
    if (ga_file_read(text + 1, FILE_MAX, ret_file, &len, why, sizeof(why)) < 0) {
        diagnose(context->diagnostics, (struct place){.line = 0}, "argument '%s': %s", option->key, why);
        return NULL;
    }
    if (strlen(*ret_file) != len) {
        diagnose(context->diagnostics, (struct place){.line = 0}, "argument '%s': %s is no text: it holds a NUL",
                 option->key, text + 1);
        return NULL;
    }
    return *ret_file;
}

/* One "key=value". */
static void
take_word(const struct value_context *context, const struct task_desc *task, const char *word, cJSON *args)
{
    const char               *equals = strchr(word, '=');
    const struct option_desc *option;
    struct node              *node;
    const char               *text;
    char                     *file;
    cJSON                    *value;
    char                      key[80];

    if (!equals || equals == word) {
        diagnose(context->diagnostics, (struct place){.line = 0}, "'%s' is no argument: write key=value", word);
        return;
    }
    option = arg_named(task, word, (size_t)(equals - word));
    (void)snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
    if (!option) {
        unknown_arg(context, task, key);
        return;
    }
    text = text_of_file(context, option, equals + 1, &file);
    node = text ? node_of(option, text, context->diagnostics) : NULL;
    value = node ? value_check(context, option, node) : NULL;
    node_free(node);
    free(file);
    if (!value)
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(args, key);
    (void)cJSON_AddItemToObject(args, key, value);
}

static void
check_required(const struct value_context *context, const struct task_desc *task, const cJSON *args)
{
    for (size_t i = 0; i < task->n_args; i++)
        if (task->args[i].flags & GA_REQUIRED && !ga_json_get(args, task->args[i].key))
            diagnose(context->diagnostics, (struct place){.line = 0}, "argument '%s' %s is missing: %s",
                     task->args[i].key, context->owner, task->args[i].help);
}

static int
overlay(const struct task_desc *task, const cJSON *spec, const char *plugin, char *const *words, int n_words,
        cJSON **ret_args, cJSON **ret_rules, char *reterr, size_t reterr_len)
{
    struct diagnostics         diagnostics;
    char                       owner[160];
    cJSON                     *rules = rules_new();
    cJSON                     *args = cJSON_Duplicate(ga_json_get(spec, "args"), 1);
    const struct value_context context = {.diagnostics = &diagnostics, .rules = rules, .owner = owner, .look = true};
    int                        r = 0;

    diagnostics_init(&diagnostics, "arguments");
    (void)snprintf(owner, sizeof(owner), "of %s %s", plugin, task->name);
    rules_add(rules, ga_json_get(spec, "rules"));
    for (int i = 0; i < n_words; i++)
        take_word(&context, task, words[i], args);
    check_required(&context, task, args);
    if (diagnostics.errors > 0) {
        (void)snprintf(reterr, reterr_len, "%s", diagnostics.count ? diagnostics.items[0].text : "no memory");
        cJSON_Delete(args);
        cJSON_Delete(rules);
        r = -1;
    } else {
        *ret_args = args;
        *ret_rules = rules;
    }
    diagnostics_done(&diagnostics);
    return r;
}

int
compile_args(const cJSON *compiled, const char *plugin, const char *task, char *const *words, int n_words,
             cJSON **ret_args, cJSON **ret_rules, char *reterr, size_t reterr_len)
{
    const cJSON            *plugin_spec = named(ga_json_get(compiled, "plugins"), plugin);
    const cJSON            *spec = named(ga_json_get(plugin_spec, "tasks"), task);
    struct desc_request     request = {.name = plugin, .file = ga_json_str(plugin_spec, "file")};
    const struct task_desc *described;
    int                     r = -1;

    if (!spec) {
        (void)snprintf(reterr, reterr_len, plugin_spec ? "%s has no task '%s'" : "the manifest has no plugin '%s'",
                       plugin, task);
        return -1;
    }
    desc_ask(&request, 1, ga_json_str(ga_json_get(compiled, "agent"), "sandbox"));
    described = request.desc ? desc_task(request.desc, task) : NULL;
    if (described)
        r = overlay(described, spec, plugin, words, n_words, ret_args, ret_rules, reterr, reterr_len);
    else
        (void)snprintf(reterr, reterr_len, "%s", *request.error ? request.error : "the plugin has just been replaced");
    desc_free(request.desc);
    return r;
}

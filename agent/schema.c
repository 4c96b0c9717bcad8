/* schema.c: one plugin's part of the manifest against its descriptor. */
#include "agent/schema.h"

#include "agent/bus.h"
#include "agent/value.h"
#include "kit/json.h"
#include "kit/units.h"

#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEFAULT_TIMEOUT "60s"
#define DEFAULT_MEMORY "1GiB"
#define DEFAULT_OPEN_FILES "1024"
#define LEAST_PERIOD_NS INT64_C(10000000)

/* Keys of `map` that are none of `words`. What is an option or an argument was put one level too high. */
static void
check_keys(const struct schema_request *request, const struct node *map, const char *const *words, size_t n,
           const char *where, const struct option_desc *options, size_t n_options, const char *below)
{
    for (size_t i = 0; map && map->type == NODE_MAP && i < map->count; i++) {
        const struct node *key = map->keys[i];
        char               hint[128];
        size_t             k = 0;
        size_t             o = 0;

        while (k < n && strcmp(words[k], key->text) != 0)
            k++;
        while (o < n_options && strcmp(options[o].key, key->text) != 0)
            o++;
        if (k < n)
            continue;
        if (o < n_options)
            diagnose(request->diagnostics, key->place, "'%s' of %s must stand below '%s'", key->text, where, below);
        else
            diagnose(request->diagnostics, key->place, "unknown key '%s' in %s%s", key->text, where,
                     suggestion(key->text, words, n, hint, sizeof(hint)));
    }
}

void
schema_keys(struct diagnostics *diagnostics, const struct node *map, const char *const *words, size_t n,
            const char *where)
{
    const struct schema_request request = {.diagnostics = diagnostics};

    check_keys(&request, map, words, n, where, NULL, 0, NULL);
}

/* A map, or nothing: 1 when there is one to look into. */
static int
is_map(const struct schema_request *request, const struct node *node, const char *what)
{
    if (!node || node_is_null(node))
        return 0;
    if (node->type == NODE_MAP)
        return 1;
    diagnose(request->diagnostics, node->place, "%s of %s must be a map, not %s", what, request->name, node_kind(node));
    return 0;
}

/* Reads a flag that is in `map` or not. */
static bool
flag(const struct schema_request *request, const struct node *map, const char *key, bool fallback)
{
    const struct node *node = node_get(map, key);

    if (!node)
        return fallback;
    if (node->type == NODE_SCALAR && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
        return *node->text == 't';
    diagnose(request->diagnostics, node->place, "'%s' of %s must be true or false", key, request->name);
    return fallback;
}

/* --- limits and grants ---------------------------------------------------------------------------------------------
 */

static void
check_limits(const struct schema_request *request, cJSON *plugin)
{
    static char              memory[] = "memory";
    static char              open_files[] = "open_files";
    static char              acts[] = "acts";
    static char              default_memory[] = DEFAULT_MEMORY;
    static char              no_memory_limit[] = "0";
    static char              default_files[] = DEFAULT_OPEN_FILES;
    static char              no_acts_limit[] = "0";
    static char              help[] = "";
    bool                     gpu = request->desc->needs & GA_NEEDS_GPU;
    const struct option_desc table[] = {
        {.key = memory, .type = GA_T_SIZE, .dflt = gpu ? no_memory_limit : default_memory, .help = help},
        {.key = open_files, .type = GA_T_INT, .dflt = default_files, .help = help, .min = 16, .max = 1048576},
        {.key = acts, .type = GA_T_INT, .dflt = no_acts_limit, .help = help, .min = 0, .max = INT32_MAX},
    };
    char                       owner[96];
    const struct value_context context = {.diagnostics = request->diagnostics, .vars = request->vars, .owner = owner};

    (void)snprintf(owner, sizeof(owner), "in the limits of %s", request->name);
    (void)cJSON_AddItemToObject(
        plugin, "limits",
        values_check(&context, table, COUNT(table), node_get(request->given, "limits"), request->place, "limit"));
}

static const struct grant {
    const char *name; /* in `allow`, and in the rules */
    uint32_t    need;
    const char *what;
} grants[] = {
    {"gpu", GA_NEEDS_GPU, "a GPU"},
    {"network", GA_NEEDS_NETWORK, "connections to ports that nobody can name beforehand"},
};

/* Which grants `allow` names: their GA_NEEDS_... */
static uint32_t
granted_by(const struct schema_request *request, const struct node *allow)
{
    uint32_t granted = 0;

    if (allow && allow->type != NODE_LIST)
        diagnose(request->diagnostics, allow->place, "'allow' of %s must be a list: [gpu]", request->name);
    for (size_t i = 0; allow && allow->type == NODE_LIST && i < allow->count; i++) {
        const struct node *item = allow->items[i];
        uint32_t           need = 0;

        for (size_t g = 0; g < COUNT(grants); g++)
            if (item->type == NODE_SCALAR && strcmp(item->text, grants[g].name) == 0)
                need = grants[g].need;
        if (!need)
            diagnose(request->diagnostics, item->place, "'allow' of %s knows 'gpu' and 'network' only", request->name);
        granted |= need;
    }
    return granted;
}

/* What the plugin needs must be granted, by name; it becomes part of the rules. */
static void
check_allow(const struct schema_request *request, cJSON *rules)
{
    const struct node *allow = node_get(request->given, "allow");
    uint32_t           granted = granted_by(request, allow);

    for (size_t g = 0; g < COUNT(grants); g++) {
        int needed = (request->desc->needs & grants[g].need) != 0;

        if (needed && !(granted & grants[g].need))
            diagnose(request->diagnostics, request->place, "%s needs %s: grant it with 'allow: [%s]'", request->name,
                     grants[g].what, grants[g].name);
        if (!needed && (granted & grants[g].need))
            diagnose_warning(request->diagnostics, allow->place, "%s does not need %s: 'allow: [%s]' grants nothing",
                             request->name, grants[g].what, grants[g].name);
        if (needed && (granted & grants[g].need))
            (void)cJSON_ReplaceItemInObjectCaseSensitive(rules, grants[g].name, cJSON_CreateBool(1));
    }
}

/* --- triggers ------------------------------------------------------------------------------------------------------
 */

static void
add_ns(cJSON *object, const char *key, int64_t ns)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, ns);
    (void)cJSON_AddStringToObject(object, key, text);
}

/* A duration of the manifest, or -1 (then diagnosed). */
static int64_t
duration(const struct schema_request *request, const struct node *node, const char *key, const char *task)
{
    int64_t ns = -1;

    if (node->type == NODE_SCALAR && ga_parse_duration(node->text, &ns) == 0 && ns >= 0)
        return ns;
    diagnose(request->diagnostics, node->place, "'%s' of %s %s must be a duration such as 30s, 5m or 24h%s", key,
             request->name, task, strcmp(key, "every") == 0 ? ", or never" : "");
    return -1;
}

/* Nanoseconds, 0: no timer */
static int64_t
period(const struct schema_request *request, const struct task_desc *task, const struct node *given)
{
    const struct node *node = node_get(given, "every");
    int64_t            ns = 0;

    if (!node) {
        if (task->every && !(task->flags & GA_TASK_BY_HAND))
            (void)ga_parse_duration(task->every, &ns);
        return ns;
    }
    if (node->type == NODE_SCALAR && strcmp(node->text, "never") == 0)
        return 0;
    ns = duration(request, node, "every", task->name);
    if (ns >= 0 && ns < LEAST_PERIOD_NS)
        diagnose(request->diagnostics, node->place, "'every' of %s %s is shorter than 10ms: write never for no timer",
                 request->name, task->name);
    return ns > 0 ? ns : 0;
}

static void
add_pattern(const struct schema_request *request, cJSON *on, const char *pattern, struct place place, const char *task)
{
    if (!topic_pattern_valid(pattern))
        diagnose(request->diagnostics, place,
                 "'on' of %s %s: '%s' is no topic pattern (dotted lower-case words, * for one, a final > for the rest)",
                 request->name, task, pattern);
    else
        (void)cJSON_AddItemToArray(on, cJSON_CreateString(pattern));
}

static void
topics(const struct schema_request *request, const struct task_desc *task, const struct node *given, cJSON *on)
{
    const struct node *node = node_get(given, "on");
    char              *copy;
    char              *rest;

    if (node && node->type == NODE_LIST) {
        for (size_t i = 0; i < node->count; i++)
            if (node->items[i]->type == NODE_SCALAR)
                add_pattern(request, on, node->items[i]->text, node->items[i]->place, task->name);
            else
                diagnose(request->diagnostics, node->items[i]->place, "'on' of %s %s must be a list of topic patterns",
                         request->name, task->name);
    } else if (node) {
        diagnose(request->diagnostics, node->place, "'on' of %s %s must be a list of topic patterns: [disk.low]",
                 request->name, task->name);
    } else if (task->on) {
        copy = rest = strdup(task->on);
        for (char *word; copy && (word = strsep(&rest, " ")) != NULL;)
            if (*word)
                add_pattern(request, on, word, request->place, task->name);
        free(copy);
    }
}

static void
deadline(const struct schema_request *request, const struct task_desc *task, const struct node *given, bool always,
         cJSON *out)
{
    const struct node *node = node_get(given, "timeout");
    int64_t            ns = 0;

    if (node)
        ns = duration(request, node, "timeout", task->name);
    else if (!always)
        (void)ga_parse_duration(task->timeout ? task->timeout : DEFAULT_TIMEOUT, &ns);
    if (node && ns == 0)
        diagnose(request->diagnostics, node->place, "'timeout' of %s %s must be longer than nothing", request->name,
                 task->name);
    if (node && always)
        diagnose_warning(request->diagnostics, node->place, "%s %s runs always: its 'timeout' is not used",
                         request->name, task->name);
    add_ns(out, "timeout_ns", ns);
}

/* --- tasks ---------------------------------------------------------------------------------------------------------
 */

static void
add_triggers(const struct schema_request *request, const struct task_desc *task, const struct node *given, cJSON *out)
{
    bool    enabled = flag(request, given, "enabled", true);
    bool    always = flag(request, given, "always", task->flags & GA_TASK_RESIDENT && !(task->flags & GA_TASK_BY_HAND));
    int64_t every = period(request, task, given);
    cJSON  *on = cJSON_AddArrayToObject(out, "on");

    topics(request, task, given, on);
    deadline(request, task, given, always, out);
    if (node_get(given, "delay")) {
        int64_t ns = duration(request, node_get(given, "delay"), "delay", task->name);

        if (ns >= 0)
            add_ns(out, "delay_ns", ns);
    }
    if (!enabled) { /* still there for runs by hand */
        every = 0;
        always = false;
        (void)cJSON_ReplaceItemInObjectCaseSensitive(out, "on", cJSON_CreateArray());
    }
    if (every > 0)
        add_ns(out, "every_ns", every);
    (void)cJSON_AddBoolToObject(out, "always", always);
    (void)cJSON_AddBoolToObject(out, "resident", (task->flags & GA_TASK_RESIDENT) != 0);
    (void)cJSON_AddBoolToObject(out, "read_only", (task->flags & GA_TASK_READ_ONLY) != 0);
    (void)cJSON_AddBoolToObject(out, "essential", (task->flags & GA_TASK_ESSENTIAL) != 0);
    (void)cJSON_AddBoolToObject(out, "by_hand", !always && every == 0 && !cJSON_GetArraySize(ga_json_get(out, "on")));
}

static void
add_args(const struct schema_request *request, const struct task_desc *task, const struct node *given,
         struct place place, const cJSON *plugin_rules, cJSON *out)
{
    char                       owner[160];
    cJSON                     *rules = rules_new();
    const struct value_context context = {
        .diagnostics = request->diagnostics,
        .vars = request->vars,
        .rules = rules,
        .owner = owner,
        .look = request->look,
        .partly = cJSON_IsTrue(ga_json_get(out, "by_hand")),
    };

    (void)snprintf(owner, sizeof(owner), "of %s %s", request->name, task->name);
    rules_add(rules, plugin_rules);
    (void)cJSON_AddItemToObject(
        out, "args", values_check(&context, task->args, task->n_args, node_get(given, "args"), place, "argument"));
    (void)cJSON_AddItemToObject(out, "rules", rules);
}

static cJSON *
check_task(const struct schema_request *request, const struct task_desc *task, const cJSON *plugin_rules)
{
    static const char *const keys[] = {"every", "on", "always", "timeout", "delay", "args", "enabled"};
    const struct node       *tasks = node_get(request->given, "tasks");
    const struct node       *given = node_get(tasks, task->name);
    cJSON                   *out = cJSON_CreateObject();
    char                     where[160];

    if (!is_map(request, given, task->name))
        given = NULL;
    (void)snprintf(where, sizeof(where), "%s %s", request->name, task->name);
    check_keys(request, given, keys, COUNT(keys), where, task->args, task->n_args, "args");
    (void)cJSON_AddStringToObject(out, "name", task->name);
    add_triggers(request, task, given, out);
    add_args(request, task, given, given ? given->place : request->place, plugin_rules, out);
    return out;
}

static void
check_task_names(const struct schema_request *request, const struct node *tasks)
{
    const char *words[64];
    size_t      n = 0;

    for (; n < request->desc->n_tasks && n < COUNT(words); n++)
        words[n] = request->desc->tasks[n].name;
    for (size_t i = 0; i < tasks->count; i++) {
        const char *name = tasks->keys[i]->text;
        char        hint[128];

        if (!desc_task(request->desc, name))
            diagnose(request->diagnostics, tasks->keys[i]->place, "%s has no task '%s'%s", request->name, name,
                     suggestion(name, words, n, hint, sizeof(hint)));
    }
}

/* --- the plugin ----------------------------------------------------------------------------------------------------
 */

static void
add_options(const struct schema_request *request, cJSON *rules, cJSON *plugin)
{
    char                       owner[96];
    const struct value_context context = {.diagnostics = request->diagnostics,
                                          .vars = request->vars,
                                          .rules = rules,
                                          .owner = owner,
                                          .look = request->look};

    (void)snprintf(owner, sizeof(owner), "of %s", request->name);
    (void)cJSON_AddItemToObject(plugin, "options",
                                values_check(&context, request->desc->options, request->desc->n_options,
                                             node_get(request->given, "options"), request->place, "option"));
}

cJSON *
schema_plugin(const struct schema_request *request)
{
    static const char *const keys[] = {"enabled", "options", "allow", "limits", "tasks"};
    cJSON                   *plugin = cJSON_CreateObject();
    cJSON                   *rules = rules_new();
    const struct node       *tasks = node_get(request->given, "tasks");
    cJSON                   *list;

    check_keys(request, request->given, keys, COUNT(keys), request->name, request->desc->options,
               request->desc->n_options, "options");
    (void)cJSON_AddStringToObject(plugin, "name", request->name);
    (void)cJSON_AddStringToObject(plugin, "file", request->file);
    (void)cJSON_AddStringToObject(plugin, "version", request->desc->version);
    (void)cJSON_AddStringToObject(plugin, "summary", request->desc->summary);
    add_options(request, rules, plugin);
    check_allow(request, rules);
    (void)cJSON_AddBoolToObject(plugin, "needs_gpu", (request->desc->needs & GA_NEEDS_GPU) != 0);
    (void)cJSON_AddBoolToObject(plugin, "needs_network", (request->desc->needs & GA_NEEDS_NETWORK) != 0);
    (void)cJSON_AddItemToObject(plugin, "rules", rules);
    check_limits(request, plugin);
    list = cJSON_AddArrayToObject(plugin, "topics");
    for (size_t i = 0; i < request->desc->n_topics; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(request->desc->topics[i].name));
    if (is_map(request, tasks, "'tasks'"))
        check_task_names(request, tasks);
    list = cJSON_AddArrayToObject(plugin, "tasks");
    for (size_t i = 0; i < request->desc->n_tasks; i++)
        (void)cJSON_AddItemToArray(list, check_task(request, &request->desc->tasks[i], rules));
    return plugin;
}

/* compile.c: from a manifest to the compiled manifest. */
#include "agent/compile.h"

#include "agent/bus.h"
#include "agent/schema.h"
#include "agent/value.h"
#include "agent/wire.h"
#include "kit/json.h"

#include <gonka-agent/plugin.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EXIT_BAD_MANIFEST 78
#define INSTALLED_MAX 256

/* --- the agent's part ----------------------------------------------------------------------------------------------
 */

/* Its options in the form of a plugin's, so that the same code checks them. */
static const struct {
    const char *key;
    uint32_t    type;
    const char *dflt;
    const char *choices; /* blank-separated */
    int64_t     min;
    int64_t     max;
} agent_table[] = {
    {"state_dir", GA_T_PATH, "/var/lib/gonka-agent", NULL, 0, 0},
    {"socket", GA_T_PATH, "/run/gonka-agent/control.sock", NULL, 0, 0},
    {"plugin_dir", GA_T_PATH, PLUGIN_DIR, NULL, 0, 0},
    {"sandbox", GA_T_ENUM, "best-effort", "required best-effort off", 0, 0},
    {"log_level", GA_T_ENUM, "info", "err warning notice info debug", 0, 0},
    {"max_runs", GA_T_INT, "16", NULL, 1, 1024},
};

static const struct {
    const char *key;
    const char *compiled; /* name in the compiled manifest */
    uint32_t    type;
    const char *dflt;
    int64_t     min;
    int64_t     max;
} journal_table[] = {
    {"max_size", "journal_max_size", GA_T_SIZE, "64MiB", 4096, INT64_C(1) << 40},
    {"files", "journal_files", GA_T_INT, "8", 1, 1000},
};

static char *
owned(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void
option_set(struct option_desc *option, const char *key, uint32_t type, const char *dflt, const char *choices,
           int64_t min, int64_t max)
{
    char *rest = owned(choices);
    char *copy = rest;

    *option = (struct option_desc){.key = owned(key), .type = type, .dflt = owned(dflt), .min = min, .max = max};
    for (char *word; rest && (word = strsep(&rest, " ")) != NULL;) {
        char **more = reallocarray(option->choices, option->n_choices + 1, sizeof(*more));

        if (!more)
            break;
        option->choices = more;
        more[option->n_choices++] = owned(word);
    }
    free(copy);
}

static void
options_done(struct option_desc *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < options[i].n_choices; k++)
            free(options[i].choices[k]);
        free(options[i].choices);
        free(options[i].key);
        free(options[i].dflt);
    }
}

/* The keys of the table plus one name that is looked at elsewhere. */
static const struct node *
without(const struct node *map, const char *key, struct node *copy, struct node **keys, struct node **items)
{
    if (!map || map->type != NODE_MAP)
        return map;
    *copy = *map;
    copy->count = 0;
    copy->keys = keys;
    copy->items = items;
    for (size_t i = 0; i < map->count && copy->count < 64; i++) {
        if (strcmp(map->keys[i]->text, key) == 0)
            continue;
        keys[copy->count] = map->keys[i];
        items[copy->count++] = map->items[i];
    }
    return copy;
}

static void
add_journal_part(const struct value_context *context, const struct node *given, cJSON *agent)
{
    struct value_context journal = *context;
    struct option_desc   options[COUNT(journal_table)];
    cJSON               *values;

    journal.owner = "in 'agent.journal'";
    for (size_t i = 0; i < COUNT(options); i++)
        option_set(&options[i], journal_table[i].key, journal_table[i].type, journal_table[i].dflt, NULL,
                   journal_table[i].min, journal_table[i].max);
    values =
        values_check(&journal, options, COUNT(options), node_get(given, "journal"), (struct place){.line = 0}, "key");
    for (size_t i = 0; i < COUNT(options); i++) {
        cJSON *value = cJSON_DetachItemFromObjectCaseSensitive(values, journal_table[i].key);

        if (value)
            (void)cJSON_AddItemToObject(agent, journal_table[i].compiled, value);
    }
    cJSON_Delete(values);
    options_done(options, COUNT(options));
}

/* The kernel's limit, found now and not when the daemon starts. */
static void
check_socket(const struct value_context *context, const struct node *given, const cJSON *agent)
{
    const struct node *node = node_get(given, "socket");
    const char        *path = ga_json_str(agent, "socket");

    if (node && path && strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        diagnose(context->diagnostics, node->place,
                 "'socket' in 'agent' is longer than the %zu bytes that a socket's "
                 "name can have",
                 sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
}

static cJSON *
agent_part(const struct node *root, const char *plugin_dir, struct diagnostics *diagnostics)
{
    static const struct node   no_vars = {.type = NODE_MAP};
    const struct node         *given = node_get(root, "agent");
    const struct node         *vars = node_get(root, "node");
    const struct value_context context = {
        .diagnostics = diagnostics, .vars = vars ? vars : &no_vars, .owner = "in 'agent'"};
    struct option_desc options[COUNT(agent_table)];
    struct node        copy;
    struct node       *keys[64];
    struct node       *items[64];
    cJSON             *agent;

    for (size_t i = 0; i < COUNT(options); i++)
        option_set(&options[i], agent_table[i].key, agent_table[i].type, agent_table[i].dflt, agent_table[i].choices,
                   agent_table[i].min, agent_table[i].max);
    agent = values_check(&context, options, COUNT(options), without(given, "journal", &copy, keys, items),
                         (struct place){.line = 0}, "key");
    options_done(options, COUNT(options));
    add_journal_part(&context, given, agent);
    check_socket(&context, given, agent);
    if (plugin_dir)
        (void)cJSON_AddStringToObject(agent, "first_plugin_dir", plugin_dir);
    return agent;
}

/* --- finding plugins -----------------------------------------------------------------------------------------------
 */

char *
compile_find_plugin(const char *name, const char *plugin_dir, const char *installed_dir)
{
    const char *dirs[] = {plugin_dir, installed_dir};

    for (size_t i = 0; i < COUNT(dirs); i++) {
        char       *path = NULL;
        struct stat st;

        if (!dirs[i])
            continue;
        if (asprintf(&path, "%s/%s.so", dirs[i], name) < 0)
            return NULL;
        if (lstat(path, &st) == 0) /* what it is and whether it may be loaded is the runner's to say */
            return path;
        free(path);
    }
    return NULL;
}

static void
collect_installed(const char *path, char **names, size_t *n)
{
    DIR           *dir = path ? opendir(path) : NULL;
    struct dirent *entry;

    while (dir && *n < INSTALLED_MAX && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0 &&
            (names[*n] = strndup(entry->d_name, len - 3)) != NULL)
            (*n)++;
    }
    if (dir)
        (void)closedir(dir);
}

char *
compile_missing_plugin(const char *name, const char *plugin_dir, const char *installed_dir, char *buf, size_t len)
{
    char  *names[INSTALLED_MAX];
    size_t n = 0;
    char   hint[128];

    collect_installed(plugin_dir, names, &n);
    collect_installed(installed_dir, names, &n);
    (void)snprintf(buf, len, "there is no plugin '%s' in %s%s%s%s", name, plugin_dir ? plugin_dir : "",
                   plugin_dir ? " or " : "", installed_dir,
                   n ? suggestion(name, (const char *const *)names, n, hint, sizeof(hint))
                     : " (nor any other: name the folder with --plugin-dir or 'plugin_dir' in 'agent')");
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    return buf;
}

static bool
good_name(const char *name)
{
    return *name && strlen(name) <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

/* --- the plugins' part ---------------------------------------------------------------------------------------------
 */

struct named {
    const struct node *key;
    const struct node *given;
};

/* Those that are enabled, with their files. Returns how many. */
static size_t
collect_named(const struct node *plugins, const char *plugin_dir, const char *installed_dir, struct named *named,
              struct desc_request *requests, struct diagnostics *diagnostics)
{
    size_t n = 0;

    for (size_t i = 0; i < plugins->count; i++) {
        const struct node *key = plugins->keys[i];
        const struct node *enabled = node_get(plugins->items[i], "enabled");
        char               missing[3 * PATH_MAX];
        char              *file;

        if (enabled && enabled->type == NODE_SCALAR && strcmp(enabled->text, "false") == 0)
            continue;
        if (enabled && (enabled->type != NODE_SCALAR || strcmp(enabled->text, "true") != 0))
            diagnose(diagnostics, enabled->place, "'enabled' of %s must be true or false", key->text);
        if (plugins->items[i]->type == NODE_LIST ||
            (plugins->items[i]->type == NODE_SCALAR && !node_is_null(plugins->items[i])))
            diagnose(diagnostics, plugins->items[i]->place, "%s must have a map of settings, not %s", key->text,
                     node_kind(plugins->items[i]));
        if (!good_name(key->text)) {
            diagnose(diagnostics, key->place, "'%s' is no name of a plugin (lower-case letters, digits and -)",
                     key->text);
            continue;
        }
        file = compile_find_plugin(key->text, plugin_dir, installed_dir);
        if (!file) {
            diagnose(diagnostics, key->place, "%s",
                     compile_missing_plugin(key->text, plugin_dir, installed_dir, missing, sizeof(missing)));
            continue;
        }
        named[n] = (struct named){.key = key, .given = plugins->items[i]};
        requests[n++] = (struct desc_request){.name = key->text, .file = file};
    }
    return n;
}

/* Topics that the agent itself emits. */
static const char *const own_topics[] = {"agent.started",  "agent.ready",   "agent.reloaded",
                                         "agent.paused",   "agent.resumed", "task.failed",
                                         "task.recovered", "task.changed",  "act.done"};

#define TOPICS_MAX 1024

/* All topics that there can be. False: not known, since a plugin could not be asked. */
static bool
collect_topics(const struct desc_request *requests, size_t n, const char **topics, size_t *n_topics)
{
    for (size_t i = 0; i < COUNT(own_topics); i++)
        topics[(*n_topics)++] = own_topics[i];
    for (size_t i = 0; i < n; i++) {
        if (!requests[i].desc)
            return false;
        for (size_t k = 0; k < requests[i].desc->n_topics && *n_topics < TOPICS_MAX; k++)
            topics[(*n_topics)++] = requests[i].desc->topics[k].name;
    }
    return true;
}

/* A pattern that was written and that nothing can match is a slip, most likely. */
static void
check_pattern(const struct node *node, const char *const *topics, size_t n, struct diagnostics *diagnostics)
{
    char hint[128];

    if (node->type != NODE_SCALAR || !topic_pattern_valid(node->text))
        return;
    for (size_t i = 0; i < n; i++)
        if (topic_matches(node->text, topics[i]))
            return;
    diagnose_warning(diagnostics, node->place, "no plugin of this manifest emits '%s'%s", node->text,
                     suggestion(node->text, topics, n, hint, sizeof(hint)));
}

static void
check_listening(const struct named *named, const struct desc_request *requests, size_t n,
                struct diagnostics *diagnostics)
{
    const char *topics[TOPICS_MAX];
    size_t      n_topics = 0;

    if (!collect_topics(requests, n, topics, &n_topics))
        return;
    for (size_t i = 0; i < n; i++) {
        const struct node *tasks = node_get(named[i].given, "tasks");

        for (size_t t = 0; tasks && tasks->type == NODE_MAP && t < tasks->count; t++) {
            const struct node *on = node_get(tasks->items[t], "on");

            for (size_t k = 0; on && on->type == NODE_LIST && k < on->count; k++)
                check_pattern(on->items[k], topics, n_topics, diagnostics);
        }
    }
}

static void
add_plugins(const struct node *root, const cJSON *agent, const char *plugin_dir, cJSON *list,
            struct diagnostics *diagnostics)
{
    static const struct node no_vars = {.type = NODE_MAP};
    const struct node       *plugins = node_get(root, "plugins");
    const struct node       *vars = node_get(root, "node");
    const char              *installed_dir = ga_json_str(agent, "plugin_dir");
    struct named            *named = plugins ? calloc(plugins->count + 1, sizeof(*named)) : NULL;
    struct desc_request     *requests = plugins ? calloc(plugins->count + 1, sizeof(*requests)) : NULL;
    size_t                   errors = diagnostics->errors;
    size_t                   n = 0;
    bool                     all; /* every plugin that is named is there */

    if (named && requests && plugins->type == NODE_MAP)
        n = collect_named(plugins, plugin_dir, installed_dir ? installed_dir : PLUGIN_DIR, named, requests,
                          diagnostics);
    else if (plugins && plugins->type == NODE_MAP)
        diagnose(diagnostics, plugins->place, "no memory");
    all = diagnostics->errors == errors;
    if (n == 0 && all)
        diagnose_warning(diagnostics, (struct place){.line = 0},
                         "no plugin is named and enabled below 'plugins': there is nothing to do");
    desc_ask(requests, n, ga_json_str(agent, "sandbox") ? ga_json_str(agent, "sandbox") : "best-effort");
    for (size_t i = 0; i < n; i++) {
        const struct schema_request request = {.diagnostics = diagnostics,
                                               .name = requests[i].name,
                                               .file = requests[i].file,
                                               .place = named[i].key->place,
                                               .given = named[i].given,
                                               .vars = vars ? vars : &no_vars,
                                               .desc = requests[i].desc,
                                               .look = true};

        if (requests[i].desc)
            (void)cJSON_AddItemToArray(list, schema_plugin(&request));
        else
            diagnose(diagnostics, named[i].key->place, "%s", requests[i].error);
    }
    if (all)
        check_listening(named, requests, n, diagnostics);
    for (size_t i = 0; i < n; i++) {
        desc_free(requests[i].desc);
        free((char *)(uintptr_t)requests[i].file);
    }
    free(requests);
    free(named);
}

/* Facts about the host: values, and maps of values. */
static void
check_node_part(const struct node *vars, bool outermost, struct diagnostics *diagnostics)
{
    for (size_t i = 0; vars && vars->type == NODE_MAP && i < vars->count; i++) {
        const struct node *item = vars->items[i];

        if (item->type == NODE_MAP && outermost)
            check_node_part(item, false, diagnostics);
        else if (item->type != NODE_SCALAR)
            diagnose(diagnostics, item->place, "'%s' in 'node' must be %s, not %s", vars->keys[i]->text,
                     outermost ? "a value or a map of values" : "a value", node_kind(item));
    }
}

static void
check_root(const struct node *root, struct diagnostics *diagnostics)
{
    static const char *const keys[] = {"agent", "node", "plugins"};

    if (root->type != NODE_MAP && !node_is_null(root))
        diagnose(diagnostics, root->place, "a manifest is a map with the keys agent, node and plugins, not %s",
                 node_kind(root));
    schema_keys(diagnostics, root, keys, COUNT(keys), "the manifest");
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct node *part = node_get(root, keys[i]);

        if (part && part->type != NODE_MAP && !node_is_null(part))
            diagnose(diagnostics, part->place, "'%s' must be a map, not %s", keys[i], node_kind(part));
    }
    check_node_part(node_get(root, "node"), true, diagnostics);
}

int
compile_agent_part(const char *path, const char *plugin_dir, cJSON **ret, struct diagnostics *diagnostics)
{
    struct node *root = manifest_read_partly(path, diagnostics);
    bool         whole = diagnostics->errors == 0;
    cJSON       *agent = NULL;
    size_t       errors;

    /* Without an `agent` that came before the error nobody knows whether there is one after it. */
    if (root && (whole || node_get(root, "agent"))) {
        const struct node *given = node_get(root, "agent");

        errors = diagnostics->errors;
        agent = agent_part(root, plugin_dir, diagnostics);
        if (given && given->type != NODE_MAP && !node_is_null(given))
            diagnose(diagnostics, given->place, "'agent' must be a map, not %s", node_kind(given));
        if (diagnostics->errors > errors) {
            cJSON_Delete(agent);
            agent = NULL;
        }
    }
    node_free(root);
    *ret = agent;
    return agent ? 0 : -1;
}

int
compile_manifest(const char *path, const char *plugin_dir, cJSON **ret, struct diagnostics *diagnostics)
{
    struct node *root = manifest_read(path, diagnostics);
    char        *absolute = realpath(path, NULL);
    cJSON       *compiled = cJSON_CreateObject();
    cJSON       *agent = NULL;

    if (root) {
        check_root(root, diagnostics);
        (void)cJSON_AddStringToObject(compiled, "manifest", absolute ? absolute : path);
        agent = agent_part(root, plugin_dir, diagnostics);
        (void)cJSON_AddItemToObject(compiled, "agent", agent);
        add_plugins(root, agent, plugin_dir, cJSON_AddArrayToObject(compiled, "plugins"), diagnostics);
    }
    free(absolute);
    node_free(root);
    if (root && diagnostics->errors == 0) {
        *ret = compiled;
        return 0;
    }
    cJSON_Delete(compiled);
    return -1;
}

/* --- the internal command ------------------------------------------------------------------------------------------
 */

static int
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
hand_over(const cJSON *compiled, struct diagnostics *diagnostics)
{
    char  *text = compiled ? ga_json_print(compiled) : NULL;
    char  *said = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&said, &len);
    int    r = compiled && !text ? -ENOMEM : 0;

    if (out) {
        diagnostics_print(diagnostics, out);
        (void)fclose(out);
    }
    if (r == 0 && text)
        r = write_all(3, text, strlen(text));
    if (r == 0 && said)
        r = write_all(4, said, len);
    free(text);
    free(said);
    return r;
}

int
compile_main(int argc, char **argv)
{
    const char        *path = argc > 3 ? argv[3] : "";
    const char        *plugin_dir = argc > 5 ? argv[5] : NULL;
    struct diagnostics diagnostics;
    cJSON             *compiled = NULL;
    int                r;

    diagnostics_init(&diagnostics, path);
    r = compile_manifest(path, plugin_dir, &compiled, &diagnostics);
    if (hand_over(compiled, &diagnostics) < 0)
        return EXIT_FAILURE;
    cJSON_Delete(compiled);
    diagnostics_done(&diagnostics);
    return r == 0 ? EXIT_SUCCESS : EXIT_BAD_MANIFEST;
}

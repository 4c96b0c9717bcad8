/* plugin_page.c: a plugin's reference from its descriptor. */
#include "agent/plugin_page.h"

#include "agent/print.h"
#include "kit/json.h"
#include "kit/units.h"

#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const base_names[] = {"",     "string", "int",  "bool", "duration",
                                         "size", "enum",   "path", "url",  "secret"};

/* "list of url", "int from 1 to 5", "one of: a, b" */
static char *
type_text(const struct option_desc *option, char *buf, size_t len)
{
    uint32_t base = GA_T_BASE(option->type);
    char     from[64];
    char     to[64];
    size_t   used = (size_t)snprintf(buf, len, "%s%s",
                                   option->type & GA_T_LIST  ? "list of "
                                     : option->type & GA_T_MAP ? "map of name to "
                                                               : "",
                                     base_names[base]);

    for (size_t i = 0; i < option->n_choices && used < len; i++)
        used += (size_t)snprintf(buf + used, len - used, "%s%.*s", i ? "|" : " ",
                                 base == GA_T_URL ? (int)strcspn(option->choices[i], ":") : 64, option->choices[i]);
    if (option->min == option->max || used >= len)
        return buf;
    if (base == GA_T_DURATION) {
        (void)ga_format_duration(option->min, from, sizeof(from));
        (void)ga_format_duration(option->max, to, sizeof(to));
    } else if (base == GA_T_SIZE) {
        (void)ga_format_size((uint64_t)option->min, from, sizeof(from));
        (void)ga_format_size((uint64_t)option->max, to, sizeof(to));
    } else {
        (void)snprintf(from, sizeof(from), "%" PRId64, option->min);
        (void)snprintf(to, sizeof(to), "%" PRId64, option->max);
    }
    (void)snprintf(buf + used, len - used, " from %s to %s", from, to);
    return buf;
}

/* " required", ", default x", ", the sandbox opens it for reading" */
static char *
traits_text(const struct option_desc *option, char *buf, size_t len)
{
    (void)snprintf(buf, len, "%s%s%s%s%s%s%s%s", option->flags & GA_REQUIRED ? ", required" : "",
                   option->dflt ? ", default " : "", option->dflt ? option->dflt : "",
                   option->flags & GA_READ ? ", read" : "", option->flags & GA_WRITE ? ", written" : "",
                   option->flags & GA_EXEC ? ", executed" : "", option->flags & GA_SOCKET ? ", connected to" : "",
                   option->flags & GA_LISTEN ? ", listened at" : "");
    return buf;
}

/* "every 5m, on disk.low, within 60s" */
static char *
trigger_text(const struct task_desc *task, char *buf, size_t len)
{
    size_t used = 0;

    *buf = '\0';
    if (task->flags & GA_TASK_RESIDENT)
        used += (size_t)snprintf(buf, len, "always");
    if (task->every && used < len)
        used += (size_t)snprintf(buf + used, len - used, "%severy %s", used ? ", " : "", task->every);
    if (task->on && used < len)
        used += (size_t)snprintf(buf + used, len - used, "%son %s", used ? ", " : "", task->on);
    if (!used)
        used = (size_t)snprintf(buf, len, "by hand");
    if (task->timeout && used < len)
        used += (size_t)snprintf(buf + used, len - used, ", within %s", task->timeout);
    if (used < len)
        (void)snprintf(buf + used, len - used, "%s%s", task->flags & GA_TASK_READ_ONLY ? ", changes nothing" : "",
                       task->flags & GA_TASK_ESSENTIAL ? ", essential" : "");
    return buf;
}

/* --- text ----------------------------------------------------------------------------------------------------------
 */

static void
options_text(const char *indent, const struct option_desc *options, size_t n, FILE *out)
{
    char type[512];
    char traits[512];

    for (size_t i = 0; i < n; i++) {
        (void)fputs(indent, out);
        print_colored(out, PRINT_BOLD, options[i].key);
        (void)fprintf(out, "  %s%s\n%s    %s\n", type_text(&options[i], type, sizeof(type)),
                      traits_text(&options[i], traits, sizeof(traits)), indent, options[i].help);
    }
}

static void
rules_text(const char *indent, const cJSON *rules, FILE *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, ga_json_get(rules, "paths"))
    {
        const char *access = print_str(item, "access");

        (void)fprintf(out, "%s%s%s%s%s ", indent, strchr(access, 'r') ? "read " : "",
                      strchr(access, 'w') ? "write " : "", strchr(access, 'x') ? "execute " : "",
                      strchr(access, 's') ? "connect to" : "at and below");
        print_safe(out, print_str(item, "path"), false);
        (void)fputc('\n', out);
    }
    cJSON_ArrayForEach(item, ga_json_get(rules, "connect"))(void)
        fprintf(out, "%sconnect to TCP port %s\n", indent, item->valuestring);
    cJSON_ArrayForEach(item, ga_json_get(rules, "bind"))(void)
        fprintf(out, "%slisten at TCP port %s\n", indent, item->valuestring);
    if (ga_json_bool(rules, "gpu", 0))
        (void)fprintf(out, "%sGPU device nodes\n", indent);
    if (ga_json_bool(rules, "network", 0))
        (void)fprintf(out, "%sconnect to any TCP port\n", indent);
}

static void
sandbox_text(const cJSON *compiled, FILE *out)
{
    const cJSON *task;

    if (!compiled) {
        (void)fputs("\nsandbox: the manifest does not name this plugin, so it has no rules yet\n", out);
        return;
    }
    (void)fputs("\nsandbox, besides the system's libraries and the plugin's own state folder:\n", out);
    rules_text("  ", ga_json_get(compiled, "rules"), out);
    cJSON_ArrayForEach(task, ga_json_get(compiled, "tasks"))
    {
        if (cJSON_Compare(ga_json_get(task, "rules"), ga_json_get(compiled, "rules"), 1))
            continue;
        (void)fprintf(out, "  %s, in all:\n", print_str(task, "name"));
        rules_text("    ", ga_json_get(task, "rules"), out);
    }
}

void
plugin_page_text(const struct plugin_desc *desc, const char *file, const cJSON *compiled, FILE *out)
{
    char trigger[512];

    (void)fprintf(out, "%s %s: %s\n%s\n", desc->name, desc->version, desc->summary, file);
    if (desc->needs & GA_NEEDS_GPU)
        (void)fputs("needs a GPU: grant it with 'allow: [gpu]'\n", out);
    if (desc->needs & GA_NEEDS_NETWORK)
        (void)fputs("connects to ports that nobody can name beforehand: grant it with 'allow: [network]'\n", out);
    if (desc->n_options > 0)
        (void)fputs("\noptions:\n", out);
    options_text("  ", desc->options, desc->n_options, out);
    (void)fputs("\ntasks:\n", out);
    for (size_t i = 0; i < desc->n_tasks; i++) {
        (void)fputs("  ", out);
        print_colored(out, PRINT_BOLD, desc->tasks[i].name);
        (void)fprintf(out, "  %s\n    %s\n", trigger_text(&desc->tasks[i], trigger, sizeof(trigger)),
                      desc->tasks[i].summary);
        options_text("      ", desc->tasks[i].args, desc->tasks[i].n_args, out);
    }
    if (desc->n_topics > 0)
        (void)fputs("\ntopics:\n", out);
    for (size_t i = 0; i < desc->n_topics; i++)
        (void)fprintf(out, "  %s  %s\n", desc->topics[i].name, desc->topics[i].summary);
    sandbox_text(compiled, out);
}

/* --- JSON ----------------------------------------------------------------------------------------------------------
 */

static void
add_text(cJSON *object, const char *key, const char *text)
{
    if (text)
        (void)cJSON_AddStringToObject(object, key, text);
    else
        (void)cJSON_AddNullToObject(object, key);
}

static cJSON *
options_json(const struct option_desc *options, size_t n)
{
    cJSON *list = cJSON_CreateArray();
    char   type[512];

    for (size_t i = 0; i < n; i++) {
        cJSON *json = cJSON_CreateObject();

        add_text(json, "key", options[i].key);
        add_text(json, "type", type_text(&options[i], type, sizeof(type)));
        (void)cJSON_AddBoolToObject(json, "required", (options[i].flags & GA_REQUIRED) != 0);
        add_text(json, "default", options[i].dflt);
        add_text(json, "help", options[i].help);
        (void)cJSON_AddItemToArray(list, json);
    }
    return list;
}

void
plugin_page_json(const struct plugin_desc *desc, const char *file, const cJSON *compiled, FILE *out)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list;
    char   trigger[512];

    add_text(json, "name", desc->name);
    add_text(json, "version", desc->version);
    add_text(json, "summary", desc->summary);
    add_text(json, "file", file);
    (void)cJSON_AddBoolToObject(json, "needs_gpu", (desc->needs & GA_NEEDS_GPU) != 0);
    (void)cJSON_AddBoolToObject(json, "needs_network", (desc->needs & GA_NEEDS_NETWORK) != 0);
    (void)cJSON_AddItemToObject(json, "options", options_json(desc->options, desc->n_options));
    list = cJSON_AddArrayToObject(json, "tasks");
    for (size_t i = 0; i < desc->n_tasks; i++) {
        const struct task_desc *task = &desc->tasks[i];
        cJSON                  *item = cJSON_CreateObject();

        add_text(item, "name", task->name);
        add_text(item, "summary", task->summary);
        add_text(item, "trigger", trigger_text(task, trigger, sizeof(trigger)));
        (void)cJSON_AddItemToObject(item, "args", options_json(task->args, task->n_args));
        (void)cJSON_AddItemToArray(list, item);
    }
    list = cJSON_AddArrayToObject(json, "topics");
    for (size_t i = 0; i < desc->n_topics; i++) {
        cJSON *item = cJSON_CreateObject();

        add_text(item, "name", desc->topics[i].name);
        add_text(item, "summary", desc->topics[i].summary);
        (void)cJSON_AddItemToArray(list, item);
    }
    if (compiled)
        (void)cJSON_AddItemToObject(json, "compiled", cJSON_Duplicate(compiled, 1));
    print_json(out, json);
    cJSON_Delete(json);
}

/* --- Markdown and roff ---------------------------------------------------------------------------------------------
 */

static void
options_markdown(const struct option_desc *options, size_t n, FILE *out)
{
    char type[512];
    char traits[512];

    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "- `%s` (%s%s): %s\n", options[i].key, type_text(&options[i], type, sizeof(type)),
                      traits_text(&options[i], traits, sizeof(traits)), options[i].help);
}

void
plugin_page_markdown(const struct plugin_desc *desc, FILE *out)
{
    char trigger[512];

    (void)fprintf(out, "# %s\n\n%s\n", desc->name, desc->summary);
    (void)fputs("\n<!-- printed by `gonka-agent plugins NAME --markdown`: change the plugin, not this file -->\n", out);
    if (desc->n_options > 0)
        (void)fputs("\n## Options\n\n", out);
    options_markdown(desc->options, desc->n_options, out);
    (void)fputs("\n## Tasks\n", out);
    for (size_t i = 0; i < desc->n_tasks; i++) {
        (void)fprintf(out, "\n### %s\n\n%s (%s)\n", desc->tasks[i].name, desc->tasks[i].summary,
                      trigger_text(&desc->tasks[i], trigger, sizeof(trigger)));
        if (desc->tasks[i].n_args > 0)
            (void)fputs("\n", out);
        options_markdown(desc->tasks[i].args, desc->tasks[i].n_args, out);
    }
    if (desc->n_topics > 0)
        (void)fputs("\n## Topics\n\n", out);
    for (size_t i = 0; i < desc->n_topics; i++)
        (void)fprintf(out, "- `%s`: %s\n", desc->topics[i].name, desc->topics[i].summary);
}

/* Text of a descriptor within roff: backslashes and leading dots mean something there. */
static void
roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", out);
    for (; *text; text++)
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(*text, out);
    (void)fputc('\n', out);
}

static void
options_man(const struct option_desc *options, size_t n, FILE *out)
{
    char type[512];
    char traits[512];
    char line[1200];

    for (size_t i = 0; i < n; i++) {
        (void)fprintf(out, ".TP\n.B ");
        roff(out, options[i].key);
        (void)snprintf(line, sizeof(line), "%s%s", type_text(&options[i], type, sizeof(type)),
                       traits_text(&options[i], traits, sizeof(traits)));
        roff(out, line);
        (void)fputs(".br\n", out);
        roff(out, options[i].help);
    }
}

void
plugin_page_man(const struct plugin_desc *desc, FILE *out)
{
    char trigger[512];

    (void)fprintf(out, ".TH GONKA\\-AGENT\\-%s 7 \"\" \"%s %s\"\n.SH NAME\n", desc->name, desc->name, desc->version);
    (void)fprintf(out, "gonka\\-agent\\-%s \\- ", desc->name);
    roff(out, desc->summary);
    if (desc->n_options > 0)
        (void)fputs(".SH OPTIONS\n", out);
    options_man(desc->options, desc->n_options, out);
    (void)fputs(".SH TASKS\n", out);
    for (size_t i = 0; i < desc->n_tasks; i++) {
        (void)fputs(".SS ", out);
        roff(out, desc->tasks[i].name);
        roff(out, desc->tasks[i].summary);
        (void)fputs(".br\n", out);
        roff(out, trigger_text(&desc->tasks[i], trigger, sizeof(trigger)));
        options_man(desc->tasks[i].args, desc->tasks[i].n_args, out);
    }
    if (desc->n_topics > 0)
        (void)fputs(".SH TOPICS\n", out);
    for (size_t i = 0; i < desc->n_topics; i++) {
        (void)fputs(".TP\n.B ", out);
        roff(out, desc->topics[i].name);
        roff(out, desc->topics[i].summary);
    }
    (void)fputs(".SH SEE ALSO\n.BR gonka\\-agent (1)\n", out);
}

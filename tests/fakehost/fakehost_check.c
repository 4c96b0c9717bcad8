/* fakehost_check.c: a descriptor, checked as the agent checks it when it loads a plugin. */
#include "tests/fakehost/fakehost_parts.h"

#include "kit/text.h"
#include "kit/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MAX 1024
#define NAME_LEN_MAX 64
#define TEXT_LEN_MAX 4096

/* Where the structs of 1.0 end: what is shorter was built against something else. */
#define PLUGIN_1_0 (offsetof(struct ga_plugin, reserved) + sizeof(uint32_t))
#define OPTION_1_0 (offsetof(struct ga_option, max) + sizeof(int64_t))
#define TASK_1_0 (offsetof(struct ga_task, function) + sizeof(ga_task_fn))
#define TOPIC_1_0 (offsetof(struct ga_topic, summary) + sizeof(const char *))

struct fault {
    char  *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static int
wrong(const struct fault *fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault->text, fault->len, format, args);
    va_end(args);
    return -1;
}

const struct ga_option *
fh_option_at(const struct ga_plugin *plugin, const struct ga_option *table, uint32_t i)
{
    return (const void *)((const char *)table + (size_t)i * plugin->option_stride);
}

const struct ga_task *
fh_task_at(const struct ga_plugin *plugin, uint32_t i)
{
    return (const void *)((const char *)plugin->tasks + (size_t)i * plugin->task_stride);
}

const struct ga_topic *
fh_topic_at(const struct ga_plugin *plugin, uint32_t i)
{
    return (const void *)((const char *)plugin->topics + (size_t)i * plugin->topic_stride);
}

/* Lower-case letters, digits and `extra`, beginning with a letter. */
static int
good_name(const char *name, const char *extra)
{
    size_t len = name ? strnlen(name, NAME_LEN_MAX + 1) : 0;

    if (len == 0 || len > NAME_LEN_MAX || name[0] < 'a' || name[0] > 'z')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || strchr(extra, name[i])))
            return 0;
    return 1;
}

/* NULL is good: the text is optional. */
static int
good_text(const char *text)
{
    size_t len = text ? strnlen(text, TEXT_LEN_MAX + 1) : 0;

    if (len > TEXT_LEN_MAX)
        return 0;
    for (size_t i = 0; i < len;) {
        size_t n = ga_utf8_len(text + i, len - i);

        if (n == 0)
            return 0;
        i += n;
    }
    return 1;
}

/* Dotted words; in a pattern a word may be `*`, and the last one `>`. */
static int
good_topic(const char *text, size_t len, int is_pattern)
{
    size_t i = 0;

    while (i < len) {
        size_t n = strspn(text + i, "abcdefghijklmnopqrstuvwxyz0123456789_-");

        if (n == 0 && is_pattern && text[i] == '>')
            return i + 1 == len;
        if (n == 0 && is_pattern && text[i] == '*')
            n = 1;
        i += n;
        if (n == 0 || i > len || (i < len && text[i] != '.'))
            return 0;
        if (i == len)
            return 1;
        i++;
    }
    return 0;
}

static int
good_patterns(const char *on)
{
    while (*on) {
        size_t n = strcspn(on, " ");

        if (n > 0 && !good_topic(on, n, 1))
            return 0;
        on += n + (on[n] == ' ');
    }
    return 1;
}

static int
check_table(const void *table, uint32_t n, uint32_t stride, size_t least, const char *what, const struct fault *fault)
{
    if (n == 0)
        return 0;
    if (!table)
        return wrong(fault, "has %u %s but no table of them", n, what);
    if (n > ROWS_MAX)
        return wrong(fault, "has %u %s, at most %d can be", n, what, ROWS_MAX);
    if (stride < least || stride % sizeof(void *))
        return wrong(fault, "%s are %u bytes each, ABI %d.0 wants %zu", what, stride, GA_ABI_MAJOR, least);
    return 0;
}

/* What is wrong with an option, or NULL. */
static const char *
option_fault(const struct ga_option *option)
{
    uint32_t base = GA_T_BASE(option->type);

    if (!good_name(option->key, "_"))
        return "has no key in lower snake_case";
    if (base < GA_T_STRING || base > GA_T_SECRET || (option->type & ~(0xffu | GA_T_LIST | GA_T_MAP)))
        return "has a type that plugin.h does not know";
    if ((option->type & GA_T_LIST) && (option->type & GA_T_MAP))
        return "is both a list and a map";
    if ((base == GA_T_ENUM || base == GA_T_URL) && (!option->choices || !*option->choices))
        return "is an enum or a URL without choices";
    if (base == GA_T_SECRET && option->dflt)
        return "is a secret with a default";
    if (option->min > option->max)
        return "has a least value above its greatest";
    if (!good_text(option->dflt) || !good_text(option->help) || !good_text(option->choices))
        return "has a text that is too long or not UTF-8";
    return NULL;
}

static int
is_twice(const struct ga_plugin *plugin, const struct ga_option *table, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(fh_option_at(plugin, table, k)->key, fh_option_at(plugin, table, i)->key) == 0)
            return 1;
    return 0;
}

/* Options of the plugin (task NULL) or arguments of a task. */
static int
check_options(const struct ga_plugin *plugin, const struct ga_task *task, const struct fault *fault)
{
    const struct ga_option *table = task ? task->args : plugin->options;
    uint32_t                n = task ? task->n_args : plugin->n_options;
    const char             *what = task ? "arguments" : "options";

    if (check_table(table, n, plugin->option_stride, OPTION_1_0, what, fault) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const struct ga_option *option = fh_option_at(plugin, table, i);
        const char             *why = option_fault(option);

        if (!why && is_twice(plugin, table, i))
            why = "is there twice";
        if (why)
            return wrong(fault, "%s%s%s %u (%.64s) %s", task ? "task " : "", task ? task->name : "",
                         task ? ": argument" : "option", i, good_name(option->key, "_") ? option->key : "?", why);
    }
    return 0;
}

static int
check_task(const struct ga_plugin *plugin, uint32_t i, const struct fault *fault)
{
    const struct ga_task *task = fh_task_at(plugin, i);
    int64_t               ns;

    if (!good_name(task->name, "-"))
        return wrong(fault, "task %u has no name in lower kebab-case", i);
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(fh_task_at(plugin, k)->name, task->name) == 0)
            return wrong(fault, "task %s is there twice", task->name);
    if (!task->function)
        return wrong(fault, "task %s has no function", task->name);
    if (!good_text(task->summary) || !good_text(task->every) || !good_text(task->on) || !good_text(task->timeout))
        return wrong(fault, "task %s has a text that is too long or not UTF-8", task->name);
    if ((task->every && ga_parse_duration(task->every, &ns) < 0) ||
        (task->timeout && ga_parse_duration(task->timeout, &ns) < 0))
        return wrong(fault, "task %s has a period or timeout that is no duration", task->name);
    if (task->on && !good_patterns(task->on))
        return wrong(fault, "task %s runs on '%s', which are no topic patterns", task->name, task->on);
    return check_options(plugin, task, fault);
}

static int
check_tables(const struct ga_plugin *plugin, const struct fault *fault)
{
    if (check_options(plugin, NULL, fault) < 0 ||
        check_table(plugin->tasks, plugin->n_tasks, plugin->task_stride, TASK_1_0, "tasks", fault) < 0)
        return -1;
    if (plugin->n_tasks == 0)
        return wrong(fault, "has no tasks, a plugin has at least one");
    for (uint32_t i = 0; i < plugin->n_tasks; i++)
        if (check_task(plugin, i, fault) < 0)
            return -1;
    if (check_table(plugin->topics, plugin->n_topics, plugin->topic_stride, TOPIC_1_0, "topics", fault) < 0)
        return -1;
    for (uint32_t i = 0; i < plugin->n_topics; i++) {
        const struct ga_topic *topic = fh_topic_at(plugin, i);

        if (!topic->name || strlen(topic->name) > NAME_LEN_MAX || !good_topic(topic->name, strlen(topic->name), 0) ||
            !good_text(topic->summary))
            return wrong(fault, "topic %u is not made of dotted lower-case words", i);
    }
    return 0;
}

int
fh_check_plugin(const struct ga_plugin *plugin, char *reterr, size_t reterr_len)
{
    const struct fault fault = {.text = reterr, .len = reterr_len};

    if (plugin->abi_major != GA_ABI_MAJOR || plugin->abi_minor > GA_ABI_MINOR)
        return wrong(&fault, "wants ABI %u.%u, this fakehost offers %d.0 to %d.%d", plugin->abi_major,
                     plugin->abi_minor, GA_ABI_MAJOR, GA_ABI_MAJOR, GA_ABI_MINOR);
    if (plugin->size < PLUGIN_1_0)
        return wrong(&fault, "its descriptor has %u bytes, ABI %d.0 wants %zu", plugin->size, GA_ABI_MAJOR, PLUGIN_1_0);
    if (!good_name(plugin->name, "-"))
        return wrong(&fault, "has no name in lower kebab-case");
    if (!plugin->version || !good_text(plugin->version) || !plugin->summary || !good_text(plugin->summary))
        return wrong(&fault, "has no version or no summary, or they are not UTF-8");
    if ((plugin->needs & ~(GA_NEEDS_GPU | GA_NEEDS_NETWORK)) || plugin->reserved)
        return wrong(&fault, "needs what plugin.h does not know (0x%x)", plugin->needs | plugin->reserved);
    return check_tables(plugin, &fault);
}

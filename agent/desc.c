/* desc.c: a descriptor from JSON, every field of it checked. */
#include "agent/desc.h"

#include "agent/bus.h"
#include "kit/json.h"
#include "kit/units.h"

#include <gonka-agent/plugin.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 256
#define TASKS_MAX 64
#define TOPICS_MAX 256
#define TEXT_MAX 4096
#define SCHEME_MAX 31

struct read {
    char  *reterr;
    size_t reterr_len;
};

__attribute__((format(printf, 2, 3))) static int
wrong(const struct read *read, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(read->reterr, read->reterr_len, format, args);
    va_end(args);
    return -1;
}

/* A word of [a-z0-9] and one joiner, beginning with a letter. */
static int
is_word(const char *text, char joiner)
{
    if (!islower((unsigned char)*text) || strlen(text) > 64)
        return 0;
    for (; *text; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != joiner)
            return 0;
    return 1;
}

/* Control characters, those of two bytes (U+0080 to U+009F) too. */
static int
has_controls(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            return 1;
    return 0;
}

/* A copy of a text member; NULL when it is null and may be. 0 or -1. */
static int
take_text(const struct read *read, const cJSON *json, const char *key, int may_be_null, char **ret)
{
    const cJSON *item = ga_json_get(json, key);
    const char  *text = cJSON_GetStringValue(item);

    if (may_be_null && (!item || cJSON_IsNull(item)))
        return 0;
    if (!text || strlen(text) > TEXT_MAX)
        return wrong(read, "its descriptor has no '%s', or one that is too long", key);
    if (has_controls(text)) /* it is printed on terminals, and in lists of one line each */
        return wrong(read, "its descriptor has a '%s' with a line break or another control character", key);
    *ret = strdup(text);
    return *ret ? 0 : wrong(read, "no memory");
}

static int
take_u32(const struct read *read, const cJSON *json, const char *key, uint32_t *ret)
{
    uint64_t value;

    if (ga_json_u64(json, key, &value) < 0 || value > UINT32_MAX)
        return wrong(read, "its descriptor has no number '%s'", key);
    *ret = (uint32_t)value;
    return 0;
}

static int
split_choices(const struct read *read, const char *text, struct option_desc *option)
{
    while (*text) {
        size_t n = strcspn(text, "|");
        char **more = reallocarray(option->choices, option->n_choices + 1, sizeof(*more));
        char  *choice = strndup(text, n);

        if (more)
            option->choices = more;
        if (!more || !choice) {
            free(choice);
            return wrong(read, "no memory");
        }
        option->choices[option->n_choices++] = choice;
        if (!*choice || strchr(choice, ' '))
            return wrong(read, "its option '%s' has the choice '%.64s', which is no word", option->key, choice);
        text += n + (text[n] == '|');
    }
    return 0;
}

/* "scheme" or "scheme:port" */
static int
check_scheme(const struct read *read, const struct option_desc *option, const char *choice)
{
    size_t        n = strcspn(choice, ":");
    const char   *port = choice + n;
    unsigned long number = *port ? strtoul(port + 1, NULL, 10) : 1;

    if (n == 0 || n > SCHEME_MAX || strspn(choice, "abcdefghijklmnopqrstuvwxyz0123456789+.-") != n ||
        (*port && (port[1 + strspn(port + 1, "0123456789")] || number < 1 || number > 65535)))
        return wrong(read, "its option '%s' takes URLs of '%.64s', which is no scheme or scheme:port", option->key,
                     choice);
    return 0;
}

static int
check_option(const struct read *read, const struct option_desc *option)
{
    uint32_t base = GA_T_BASE(option->type);
    uint32_t shape = option->type & ~0xffu;

    if (!is_word(option->key, '_'))
        return wrong(read, "its option '%.64s' has a key that is no lower snake_case", option->key);
    if (base < GA_T_STRING || base > GA_T_SECRET || (shape & ~(GA_T_LIST | GA_T_MAP)) ||
        shape == (GA_T_LIST | GA_T_MAP))
        return wrong(read, "its option '%s' has the unknown type 0x%x", option->key, option->type);
    if ((base == GA_T_ENUM || base == GA_T_URL) && option->n_choices == 0)
        return wrong(read, "its option '%s' is an enum or URL without choices", option->key);
    for (size_t i = 0; base == GA_T_URL && i < option->n_choices; i++)
        if (check_scheme(read, option, option->choices[i]) < 0)
            return -1;
    if (option->min > option->max)
        return wrong(read, "its option '%s' has an empty range", option->key);
    if (base == GA_T_SECRET && option->dflt)
        return wrong(read, "its option '%s' is a secret with a default", option->key);
    return 0;
}

static int
read_option(const struct read *read, const cJSON *json, struct option_desc *option)
{
    char *choices = NULL;
    int   r = take_text(read, json, "key", 0, &option->key);

    if (r == 0)
        r = take_u32(read, json, "type", &option->type);
    if (r == 0)
        r = take_u32(read, json, "flags", &option->flags);
    if (r == 0)
        r = take_text(read, json, "dflt", 1, &option->dflt);
    if (r == 0)
        r = take_text(read, json, "help", 0, &option->help);
    if (r == 0)
        r = take_text(read, json, "choices", 1, &choices);
    if (r == 0 && choices)
        r = split_choices(read, choices, option);
    if (r == 0 && (ga_json_i64(json, "min", &option->min) < 0 || ga_json_i64(json, "max", &option->max) < 0))
        r = wrong(read, "its option '%s' has no range", option->key);
    free(choices);
    return r < 0 ? r : check_option(read, option);
}

static int
read_options(const struct read *read, const cJSON *list, struct option_desc **ret, size_t *ret_n)
{
    int          n = cJSON_GetArraySize(list);
    const cJSON *json;

    if (!cJSON_IsArray(list) || n > OPTIONS_MAX)
        return wrong(read, "its descriptor has no list of options, or more than %d", OPTIONS_MAX);
    *ret = calloc((size_t)n + 1, sizeof(**ret));
    if (!*ret)
        return wrong(read, "no memory");
    cJSON_ArrayForEach(json, list)
    {
        struct option_desc *option = &(*ret)[(*ret_n)++];

        if (read_option(read, json, option) < 0)
            return -1;
        for (size_t i = 0; i + 1 < *ret_n; i++)
            if (strcmp((*ret)[i].key, option->key) == 0)
                return wrong(read, "its option '%s' is there twice", option->key);
    }
    return 0;
}

static int
check_triggers(const struct read *read, const struct task_desc *task)
{
    int64_t ns;
    char   *copy;
    char   *rest;
    int     good = 1;

    if ((task->every && (ga_parse_duration(task->every, &ns) < 0 || ns == 0)) ||
        (task->timeout && (ga_parse_duration(task->timeout, &ns) < 0 || ns == 0)))
        return wrong(read, "its task '%s' has a period or timeout that is no duration", task->name);
    if (!task->on)
        return 0;
    copy = rest = strdup(task->on);
    for (char *word; copy && good && (word = strsep(&rest, " ")) != NULL;)
        good = !*word || topic_pattern_valid(word);
    free(copy);
    return copy && good
               ? 0
               : wrong(read, "its task '%s' listens to what is no topic pattern: '%.80s'", task->name, task->on);
}

static int
read_task(const struct read *read, const cJSON *json, struct task_desc *task)
{
    int r = take_text(read, json, "name", 0, &task->name);

    if (r == 0 && !is_word(task->name, '-'))
        r = wrong(read, "its task '%.64s' has a name that is no lower kebab-case", task->name);
    if (r == 0)
        r = take_text(read, json, "summary", 0, &task->summary);
    if (r == 0)
        r = take_text(read, json, "every", 1, &task->every);
    if (r == 0)
        r = take_text(read, json, "on", 1, &task->on);
    if (r == 0)
        r = take_text(read, json, "timeout", 1, &task->timeout);
    if (r == 0)
        r = take_u32(read, json, "flags", &task->flags);
    if (r == 0)
        r = read_options(read, ga_json_get(json, "args"), &task->args, &task->n_args);
    return r < 0 ? r : check_triggers(read, task);
}

static int
read_tasks(const struct read *read, const cJSON *list, struct plugin_desc *desc)
{
    int          n = cJSON_GetArraySize(list);
    const cJSON *json;

    if (!cJSON_IsArray(list) || n < 1 || n > TASKS_MAX)
        return wrong(read, "its descriptor has no tasks, or more than %d", TASKS_MAX);
    desc->tasks = calloc((size_t)n, sizeof(*desc->tasks));
    if (!desc->tasks)
        return wrong(read, "no memory");
    cJSON_ArrayForEach(json, list)
    {
        struct task_desc *task = &desc->tasks[desc->n_tasks++];

        if (read_task(read, json, task) < 0)
            return -1;
        if (desc_task(desc, task->name) != task)
            return wrong(read, "its task '%s' is there twice", task->name);
    }
    return 0;
}

static int
read_topics(const struct read *read, const cJSON *list, struct plugin_desc *desc)
{
    int          n = cJSON_GetArraySize(list);
    const cJSON *json;

    if (!cJSON_IsArray(list) || n > TOPICS_MAX)
        return wrong(read, "its descriptor has no list of topics, or more than %d", TOPICS_MAX);
    desc->topics = calloc((size_t)n + 1, sizeof(*desc->topics));
    if (!desc->topics)
        return wrong(read, "no memory");
    cJSON_ArrayForEach(json, list)
    {
        struct topic_desc *topic = &desc->topics[desc->n_topics++];

        if (take_text(read, json, "name", 0, &topic->name) < 0 ||
            take_text(read, json, "summary", 0, &topic->summary) < 0)
            return -1;
        if (!topic_valid(topic->name))
            return wrong(read, "its topic '%.64s' is not made of dotted lower-case words", topic->name);
    }
    return 0;
}

static int
check_plugin(const struct read *read, const struct plugin_desc *desc)
{
    if (!is_word(desc->name, '-'))
        return wrong(read, "its name '%.64s' is no lower kebab-case", desc->name);
    if (desc->needs & ~(GA_NEEDS_GPU | GA_NEEDS_NETWORK))
        return wrong(read, "it needs what this agent does not know (0x%x): use a newer agent", desc->needs);
    return 0;
}

struct plugin_desc *
desc_from_json(const cJSON *json, char *reterr, size_t reterr_len)
{
    const struct read   read = {.reterr = reterr, .reterr_len = reterr_len};
    struct plugin_desc *desc = calloc(1, sizeof(*desc));

    if (!desc) {
        (void)wrong(&read, "no memory");
        return NULL;
    }
    if (take_text(&read, json, "name", 0, &desc->name) == 0 &&
        take_text(&read, json, "version", 0, &desc->version) == 0 &&
        take_text(&read, json, "summary", 0, &desc->summary) == 0 &&
        take_u32(&read, json, "needs", &desc->needs) == 0 && check_plugin(&read, desc) == 0 &&
        read_options(&read, ga_json_get(json, "options"), &desc->options, &desc->n_options) == 0 &&
        read_tasks(&read, ga_json_get(json, "tasks"), desc) == 0 &&
        read_topics(&read, ga_json_get(json, "topics"), desc) == 0)
        return desc;
    desc_free(desc);
    return NULL;
}

static void
options_free(struct option_desc *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < options[i].n_choices; k++)
            free(options[i].choices[k]);
        free(options[i].choices);
        free(options[i].key);
        free(options[i].dflt);
        free(options[i].help);
    }
    free(options);
}

void
desc_free(struct plugin_desc *desc)
{
    if (!desc)
        return;
    for (size_t i = 0; i < desc->n_tasks; i++) {
        struct task_desc *task = &desc->tasks[i];

        options_free(task->args, task->n_args);
        free(task->name);
        free(task->summary);
        free(task->every);
        free(task->on);
        free(task->timeout);
    }
    for (size_t i = 0; i < desc->n_topics; i++) {
        free(desc->topics[i].name);
        free(desc->topics[i].summary);
    }
    options_free(desc->options, desc->n_options);
    free(desc->tasks);
    free(desc->topics);
    free(desc->name);
    free(desc->version);
    free(desc->summary);
    free(desc);
}

const struct task_desc *
desc_task(const struct plugin_desc *desc, const char *name)
{
    for (size_t i = 0; i < desc->n_tasks; i++)
        if (strcmp(desc->tasks[i].name, name) == 0)
            return &desc->tasks[i];
    return NULL;
}

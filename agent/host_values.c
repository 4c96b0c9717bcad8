/* host_values.c: the values of options and arguments, as a task asks for them. */
#include "agent/host_values.h"

#include "agent/host.h"
#include "agent/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AS_STRING 1u
#define AS_NUMBER 2u

static const char *
type_name(uint32_t type)
{
    static const char *const names[] = {"?",    "string", "int",  "bool", "duration",
                                        "size", "enum",   "path", "URL",  "secret"};

    return GA_T_BASE(type) <= GA_T_SECRET ? names[GA_T_BASE(type)] : names[0];
}

static const char *
shape_name(uint32_t type)
{
    return type & GA_T_LIST ? "list of " : type & GA_T_MAP ? "map of " : "";
}

static uint32_t
family(uint32_t type)
{
    switch (GA_T_BASE(type)) {
    case GA_T_INT:
    case GA_T_BOOL:
    case GA_T_DURATION:
    case GA_T_SIZE:
        return AS_NUMBER;
    default:
        return AS_STRING;
    }
}

/* --- before the task starts ----------------------------------------------------------------------------------------
 */

int
host_parse_number(const char *text, int64_t *ret)
{
    char     *end;
    long long number;

    if (!text || !(*text == '-' || (*text >= '0' && *text <= '9')))
        return -EINVAL;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (*end || end == text || errno)
        return errno ? -errno : -EINVAL;
    *ret = number;
    return 0;
}

/* Takes up one secret; a reference that could not be resolved ends the run. */
static void
take_secret(struct ga_run *run, const char *key, const cJSON *value)
{
    const struct secret *secret = secrets_find(&run->secrets, value);

    if (!secret)
        host_fail(run, "load", "option '%s' of %s is a secret, it must be {file: ...}, {credential: ...} or {env: ...}",
                  key, run->plugin->name);
    if (!secret->value)
        host_fail(run, "load", "option '%s' of %s: %s", key, run->plugin->name, secret->error);
    if (mask_add(&run->mask, secret->value) < 0)
        host_fail(run, "load", "no memory for the secret of option '%s'", key);
    secrets_forget_variable(secret);
}

static void
check_scalar(struct ga_run *run, const struct ga_option *option, const cJSON *value)
{
    int64_t number;

    if (GA_T_BASE(option->type) == GA_T_SECRET)
        take_secret(run, option->key, value);
    else if (!cJSON_IsString(value) ||
             (family(option->type) == AS_NUMBER && host_parse_number(value->valuestring, &number) < 0))
        host_fail(run, "load",
                  "the value of option '%s' is no %s%s: %s was replaced after the manifest was checked, run "
                  "gonka-agent reload",
                  option->key, shape_name(option->type), type_name(option->type), run->plugin->name);
}

static void
check_option(struct ga_run *run, const struct ga_option *option, const cJSON *values)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(values, option->key);
    const cJSON *child;

    if (!value && (option->flags & GA_REQUIRED) && !option->dflt)
        host_fail(run, "load", "option '%s' of %s must be given: add it to the manifest and run gonka-agent reload",
                  option->key, run->plugin->name);
    if (!value)
        return;
    if (!(option->type & (GA_T_LIST | GA_T_MAP))) {
        check_scalar(run, option, value);
        return;
    }
    if (option->type & GA_T_LIST ? !cJSON_IsArray(value) : !cJSON_IsObject(value))
        host_fail(run, "load",
                  "the value of option '%s' is no %s%s: %s was replaced after the manifest was checked, run "
                  "gonka-agent reload",
                  option->key, shape_name(option->type), type_name(option->type), run->plugin->name);
    cJSON_ArrayForEach(child, value) check_scalar(run, option, child);
}

void
host_values_check(struct ga_run *run)
{
    for (uint32_t i = 0; i < run->plugin->n_options; i++) {
        const struct ga_option *option = load_option_at(run->plugin, i);

        check_option(run, option, run->options);
        if (option->dflt && !cJSON_GetObjectItemCaseSensitive(run->options, option->key))
            host_log(run, GA_LOG_WARNING,
                     "option '%s' of %s has a default that the running manifest does not know, run gonka-agent reload",
                     option->key, run->plugin->name);
    }
    for (uint32_t i = 0; i < run->task->n_args; i++)
        check_option(run, load_arg_at(run->plugin, run->task, i), run->args);
}

/* --- the getters ---------------------------------------------------------------------------------------------------
 */

/* What a key stands for: its row and its value (NULL: absent). Arguments hide options of the same key. */
static const cJSON *
look_up(struct ga_run *run, const char *what, const char *key, const struct ga_option **ret_option)
{
    const struct ga_option *arg;
    const struct ga_option *option;
    const cJSON            *value = NULL;

    host_own_thread(run, what);
    if (!key)
        host_fail(run, "contract", "task '%s' called %s() with no key", run->task->name, what);
    arg = load_arg(run->plugin, run->task, key);
    option = load_option(run->plugin, key);
    if (!arg && !option)
        host_fail(run, "contract", "task '%s' asked %s(\"%.80s\"), which is no option and no argument of it",
                  run->task->name, what, key);
    *ret_option = arg ? arg : option;
    if (arg)
        value = cJSON_GetObjectItemCaseSensitive(run->args, key);
    if (!value && option) {
        value = cJSON_GetObjectItemCaseSensitive(run->options, key);
        if (value)
            *ret_option = option;
    }
    return value;
}

/* Ends the run unless the key was asked for as what it is. */
static void
demand(struct ga_run *run, const char *what, const struct ga_option *option, int ok)
{
    if (!ok)
        host_fail(run, "contract", "task '%s' asked %s(\"%s\"), which is of type %s%s", run->task->name, what,
                  option->key, shape_name(option->type), type_name(option->type));
}

int
host_has(struct ga_run *run, const char *key)
{
    const struct ga_option *option;
    const cJSON            *value = look_up(run, "has", key, &option);

    if (!value)
        return 0;
    return option->type & (GA_T_LIST | GA_T_MAP) ? value->child != NULL : 1;
}

static const char *
string_of(struct ga_run *run, const struct ga_option *option, const cJSON *value)
{
    const struct secret *secret;

    if (GA_T_BASE(option->type) != GA_T_SECRET)
        return cJSON_GetStringValue(value);
    secret = secrets_find(&run->secrets, value);
    return secret ? secret->value : NULL;
}

static int64_t
number_of(const cJSON *value)
{
    int64_t number = 0;

    (void)host_parse_number(cJSON_GetStringValue(value), &number); /* was checked before the task started */
    return number;
}

const char *
host_str(struct ga_run *run, const char *key)
{
    const struct ga_option *option;
    const cJSON            *value = look_up(run, "str", key, &option);

    demand(run, "str", option, !(option->type & (GA_T_LIST | GA_T_MAP)) && family(option->type) == AS_STRING);
    return value ? string_of(run, option, value) : NULL;
}

int64_t
host_num(struct ga_run *run, const char *key)
{
    const struct ga_option *option;
    const cJSON            *value = look_up(run, "num", key, &option);

    demand(run, "num", option, !(option->type & (GA_T_LIST | GA_T_MAP)) && family(option->type) == AS_NUMBER);
    return value ? number_of(value) : 0;
}

size_t
host_count(struct ga_run *run, const char *key)
{
    const struct ga_option *option;
    const cJSON            *value = look_up(run, "count", key, &option);

    demand(run, "count", option, (option->type & (GA_T_LIST | GA_T_MAP)) != 0);
    return value ? (size_t)cJSON_GetArraySize(value) : 0;
}

/* Element i, which must be there. */
static const cJSON *
element(struct ga_run *run, const char *what, const char *key, size_t i, const struct ga_option **ret_option)
{
    const cJSON *value = look_up(run, what, key, ret_option);
    const cJSON *child = NULL;
    size_t       n = 0;

    demand(run, what, *ret_option, ((*ret_option)->type & (GA_T_LIST | GA_T_MAP)) != 0);
    for (child = value ? value->child : NULL; child && n < i; child = child->next)
        n++;
    if (!child)
        host_fail(run, "contract", "task '%s' asked %s(\"%s\", %zu), which has %d elements", run->task->name, what, key,
                  i, value ? cJSON_GetArraySize(value) : 0);
    return child;
}

const char *
host_map_key(struct ga_run *run, const char *key, size_t i)
{
    const struct ga_option *option;
    const cJSON            *child = element(run, "map_key", key, i, &option);

    demand(run, "map_key", option, (option->type & GA_T_MAP) != 0);
    return child->string;
}

const char *
host_str_at(struct ga_run *run, const char *key, size_t i)
{
    const struct ga_option *option;
    const cJSON            *child = element(run, "str_at", key, i, &option);

    demand(run, "str_at", option, family(option->type) == AS_STRING);
    return string_of(run, option, child);
}

int64_t
host_num_at(struct ga_run *run, const char *key, size_t i)
{
    const struct ga_option *option;
    const cJSON            *child = element(run, "num_at", key, i, &option);

    demand(run, "num_at", option, family(option->type) == AS_NUMBER);
    return number_of(child);
}

/* load.c: opens a plugin's file, loads it, and checks that it is what this agent can live with. */
#include "agent/load.h"

#include "agent/wire.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOL "ga_plugin_v1"
#define NEWEST_GUESS 9 /* majors to look for when there is no SYMBOL, for a better sentence */
#define ROWS_MAX 1000u /* of one table: more is garbage */
#define NAME_MAX_LEN 64
#define TEXT_MAX_LEN 4096

/* Where the structs of 1.0 end. What is appended later is looked at only where sizes and strides reach it. */
#define PLUGIN_1_0 (offsetof(struct ga_plugin, reserved) + sizeof(uint32_t))
#define OPTION_1_0 (offsetof(struct ga_option, max) + sizeof(int64_t))
#define TASK_1_0 (offsetof(struct ga_task, function) + sizeof(ga_task_fn))
#define TOPIC_1_0 (offsetof(struct ga_topic, summary) + sizeof(const char *))

/* Where a sentence about the file goes. */
struct refusal {
    const char *path;
    char       *text;
    size_t      len;
};

/* Writes "path: sentence" and returns `error`. */
static int refuse(const struct refusal *refusal, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
refuse(const struct refusal *refusal, int error, const char *format, ...)
{
    int     n = snprintf(refusal->text, refusal->len, "%s: ", refusal->path);
    va_list args;

    if (n >= 0 && (size_t)n < refusal->len) {
        va_start(args, format);
        (void)vsnprintf(refusal->text + n, refusal->len - (size_t)n, format, args);
        va_end(args);
    }
    return error;
}

/* --- the file ------------------------------------------------------------------------------------------------------
 */

static int
check_file(int fd, const struct refusal *refusal)
{
    struct stat st;
    unsigned    mode;

    if (fstat(fd, &st) < 0)
        return refuse(refusal, -errno, "cannot be looked at: %m");
    mode = (unsigned)(st.st_mode & 07777);
    if (!S_ISREG(st.st_mode))
        return refuse(refusal, -EINVAL, "is %s, a plugin must be a regular file",
                      S_ISDIR(st.st_mode)    ? "a directory"
                      : S_ISFIFO(st.st_mode) ? "a pipe"
                      : S_ISSOCK(st.st_mode) ? "a socket"
                                             : "a device");
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return refuse(refusal, -EPERM,
                      "belongs to user %u, a plugin must belong to root or to the agent's user (%u): chown it",
                      (unsigned)st.st_uid, (unsigned)geteuid());
    if (mode & (S_IWGRP | S_IWOTH))
        return refuse(refusal, -EPERM, "has mode %04o, a plugin must not be writable by group or others: chmod go-w it",
                      mode);
    return 0;
}

int
load_open(const char *path, int *ret_fd, char *reterr, size_t reterr_len)
{
    struct refusal refusal = {.path = path, .text = reterr, .len = reterr_len};
    int            fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    int            r;

    if (fd < 0 && errno == ELOOP)
        return refuse(&refusal, -ELOOP,
                      "is a symbolic link, a plugin must be a regular file: name the file it leads to");
    if (fd < 0 && errno == ENXIO)
        return refuse(&refusal, -EINVAL, "is a socket or a device, a plugin must be a regular file");
    if (fd < 0)
        return refuse(&refusal, -errno, "cannot be opened: %m");
    r = check_file(fd, &refusal);
    if (r < 0)
        (void)close(fd);
    else
        *ret_fd = fd;
    return r;
}

/* --- the tables ----------------------------------------------------------------------------------------------------
 */

const struct ga_option *
load_option_at(const struct ga_plugin *plugin, uint32_t i)
{
    const char *table = (const char *)plugin->options;

    return (const void *)(table + (size_t)i * plugin->option_stride);
}

const struct ga_option *
load_arg_at(const struct ga_plugin *plugin, const struct ga_task *task, uint32_t i)
{
    const char *table = (const char *)task->args;

    return (const void *)(table + (size_t)i * plugin->option_stride);
}

static const struct ga_task *
task_at(const struct ga_plugin *plugin, uint32_t i)
{
    const char *table = (const char *)plugin->tasks;

    return (const void *)(table + (size_t)i * plugin->task_stride);
}

static const struct ga_topic *
topic_at(const struct ga_plugin *plugin, uint32_t i)
{
    const char *table = (const char *)plugin->topics;

    return (const void *)(table + (size_t)i * plugin->topic_stride);
}

const struct ga_task *
load_task(const struct ga_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->n_tasks; i++)
        if (strcmp(task_at(plugin, i)->name, name) == 0)
            return task_at(plugin, i);
    return NULL;
}

const struct ga_option *
load_option(const struct ga_plugin *plugin, const char *key)
{
    for (uint32_t i = 0; i < plugin->n_options; i++)
        if (strcmp(load_option_at(plugin, i)->key, key) == 0)
            return load_option_at(plugin, i);
    return NULL;
}

const struct ga_option *
load_arg(const struct ga_plugin *plugin, const struct ga_task *task, const char *key)
{
    for (uint32_t i = 0; task && i < task->n_args; i++)
        if (strcmp(load_arg_at(plugin, task, i)->key, key) == 0)
            return load_arg_at(plugin, task, i);
    return NULL;
}

int
load_has_topic(const struct ga_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->n_topics; i++)
        if (strcmp(topic_at(plugin, i)->name, name) == 0)
            return 1;
    return 0;
}

/* --- the descriptor ------------------------------------------------------------------------------------------------
 */

/* Lower-case letters, digits and `extra`, beginning with a letter. */
static int
name_valid(const char *name, char extra)
{
    size_t len = name ? strnlen(name, NAME_MAX_LEN + 1) : 0;

    if (len == 0 || len > NAME_MAX_LEN || name[0] < 'a' || name[0] > 'z')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == extra))
            return 0;
    return 1;
}

/* Dotted lower-case words. */
static int
topic_valid(const char *name)
{
    size_t len = name ? strnlen(name, NAME_MAX_LEN + 1) : 0;

    if (len == 0 || len > NAME_MAX_LEN || name[len - 1] == '.')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || strchr("-_", name[i]) ||
              (name[i] == '.' && i > 0 && name[i - 1] != '.')))
            return 0;
    return 1;
}

/* NULL is fine: optional. */
static int
text_valid(const char *text)
{
    size_t len = text ? strnlen(text, TEXT_MAX_LEN + 1) : 0;

    return len <= TEXT_MAX_LEN && (!text || wire_text_valid(text, len));
}

static int
check_table(const void *table, uint32_t n, uint32_t stride, size_t least, const char *what,
            const struct refusal *refusal)
{
    if (n == 0)
        return 0;
    if (!table)
        return refuse(refusal, -EPROTO, "has %u %s but no table of them", n, what);
    if (n > ROWS_MAX)
        return refuse(refusal, -EPROTO, "has %u %s, at most %u can be", n, what, ROWS_MAX);
    if (stride < least || stride % sizeof(void *))
        return refuse(refusal, -EPROTO, "%s are %u bytes each, ABI %d.0 wants %zu", what, stride, GA_ABI_MAJOR, least);
    return 0;
}

/* What is wrong with an option, or NULL. */
static const char *
option_fault(const struct ga_option *option)
{
    uint32_t base = GA_T_BASE(option->type);

    if (!name_valid(option->key, '_'))
        return "has no key in lower snake_case";
    if (base < GA_T_STRING || base > GA_T_SECRET || (option->type & ~(0xffu | GA_T_LIST | GA_T_MAP)))
        return "has a type that this agent does not know";
    if ((option->type & GA_T_LIST) && (option->type & GA_T_MAP))
        return "is both a list and a map";
    if ((base == GA_T_ENUM || base == GA_T_URL) && (!option->choices || !*option->choices))
        return "is an enum or a URL without choices";
    if (base == GA_T_SECRET && option->dflt)
        return "is a secret with a default";
    if (option->min > option->max)
        return "has a least value above its greatest";
    if (!text_valid(option->dflt) || !text_valid(option->help) || !text_valid(option->choices))
        return "has a text that is too long or not UTF-8";
    return NULL;
}

/* Options of the plugin (task NULL) or arguments of a task. */
static int
check_options(const struct ga_plugin *plugin, const struct ga_task *task, const struct refusal *refusal)
{
    uint32_t n = task ? task->n_args : plugin->n_options;
    int      r = check_table(task ? task->args : plugin->options, n, plugin->option_stride, OPTION_1_0,
                        task ? "arguments" : "options", refusal);

    for (uint32_t i = 0; r == 0 && i < n; i++) {
        const struct ga_option *option = task ? load_arg_at(plugin, task, i) : load_option_at(plugin, i);
        const char             *fault = option_fault(option);

        if (!fault && (task ? load_arg(plugin, task, option->key) : load_option(plugin, option->key)) != option)
            fault = "is there twice";
        if (fault)
            r = refuse(refusal, -EPROTO, "%s%s%s %u (%.64s) %s", task ? "task " : "", task ? task->name : "",
                       task ? ": argument" : "option", i, name_valid(option->key, '_') ? option->key : "?", fault);
    }
    return r;
}

static int
check_tasks(const struct ga_plugin *plugin, const struct refusal *refusal)
{
    int r = check_table(plugin->tasks, plugin->n_tasks, plugin->task_stride, TASK_1_0, "tasks", refusal);

    if (r == 0 && plugin->n_tasks == 0)
        return refuse(refusal, -EPROTO, "has no tasks, a plugin has at least one");
    for (uint32_t i = 0; r == 0 && i < plugin->n_tasks; i++) {
        const struct ga_task *task = task_at(plugin, i);

        if (!name_valid(task->name, '-'))
            return refuse(refusal, -EPROTO, "task %u has no name in lower kebab-case", i);
        if (load_task(plugin, task->name) != task)
            return refuse(refusal, -EPROTO, "task %s is there twice", task->name);
        if (!task->function)
            return refuse(refusal, -EPROTO, "task %s has no function", task->name);
        if (!text_valid(task->summary) || !text_valid(task->every) || !text_valid(task->on) ||
            !text_valid(task->timeout))
            return refuse(refusal, -EPROTO, "task %s has a text that is too long or not UTF-8", task->name);
        r = check_options(plugin, task, refusal);
    }
    return r;
}

static int
check_topics(const struct ga_plugin *plugin, const struct refusal *refusal)
{
    int r = check_table(plugin->topics, plugin->n_topics, plugin->topic_stride, TOPIC_1_0, "topics", refusal);

    for (uint32_t i = 0; r == 0 && i < plugin->n_topics; i++)
        if (!topic_valid(topic_at(plugin, i)->name) || !text_valid(topic_at(plugin, i)->summary))
            r = refuse(refusal, -EPROTO, "topic %u is not made of dotted lower-case words", i);
    return r;
}

/* The file's name without ".so"; not ended by a NUL. */
static size_t
stem(const char *path, const char **ret)
{
    const char *slash = strrchr(path, '/');
    size_t      len;

    *ret = slash ? slash + 1 : path;
    len = strlen(*ret);
    return len > 3 && strcmp(*ret + len - 3, ".so") == 0 ? len - 3 : len;
}

/* Members are read in the order in which they can be trusted: version, size, then what the size covers. */
static int
check_plugin(const struct ga_plugin *plugin, uint64_t symbol_size, const struct refusal *refusal)
{
    const char *name;
    size_t      len = stem(refusal->path, &name);
    int         r;

    if (symbol_size < offsetof(struct ga_plugin, name))
        return refuse(refusal, -EPROTO, SYMBOL " has %" PRIu64 " bytes, ABI %d.0 wants %zu", symbol_size, GA_ABI_MAJOR,
                      PLUGIN_1_0);
    if (plugin->abi_major != GA_ABI_MAJOR || plugin->abi_minor > GA_ABI_MINOR)
        return refuse(refusal, -EPROTO, "wants ABI %u.%u, this agent offers %d.0 to %d.%d: %s", plugin->abi_major,
                      plugin->abi_minor, GA_ABI_MAJOR, GA_ABI_MAJOR, GA_ABI_MINOR,
                      plugin->abi_major < GA_ABI_MAJOR ? "rebuild the plugin" : "use a newer agent");
    if (plugin->size < PLUGIN_1_0 || symbol_size < plugin->size)
        return refuse(refusal, -EPROTO, "its descriptor has %u bytes (its symbol %" PRIu64 "), ABI %d.0 wants %zu",
                      plugin->size, symbol_size, GA_ABI_MAJOR, PLUGIN_1_0);
    if (!name_valid(plugin->name, '-'))
        return refuse(refusal, -EPROTO, "has no name in lower kebab-case");
    if (strlen(plugin->name) != len || strncmp(plugin->name, name, len) != 0)
        return refuse(refusal, -EPROTO, "calls itself '%s', its file must be named '%s.so'", plugin->name,
                      plugin->name);
    if (!plugin->version || !text_valid(plugin->version) || !plugin->summary || !text_valid(plugin->summary))
        return refuse(refusal, -EPROTO, "has no version or no summary, or they are not UTF-8");
    if ((plugin->needs & ~(GA_NEEDS_GPU | GA_NEEDS_NETWORK)) || plugin->reserved)
        return refuse(refusal, -EPROTO, "needs what this agent does not know (0x%x)", plugin->needs | plugin->reserved);
    r = check_options(plugin, NULL, refusal);
    if (r == 0)
        r = check_tasks(plugin, refusal);
    return r == 0 ? check_topics(plugin, refusal) : r;
}

/* --- loading -------------------------------------------------------------------------------------------------------
 */

static int
refuse_symbol(void *so, const struct refusal *refusal)
{
    for (int major = 0; major <= NEWEST_GUESS; major++) {
        char symbol[32];

        (void)snprintf(symbol, sizeof(symbol), "ga_plugin_v%d", major);
        if (dlsym(so, symbol))
            return refuse(refusal, -EPROTO,
                          "exports %s and not " SYMBOL ": wants ABI %d.x, this agent offers %d.0 to %d.%d", symbol,
                          major, GA_ABI_MAJOR, GA_ABI_MAJOR, GA_ABI_MINOR);
    }
    return refuse(refusal, -ENOENT,
                  "exports no symbol " SYMBOL ": it is no plugin, or was built with hidden symbols "
                  "and without GA_EXPORT");
}

int
load_plugin(int fd, const char *path, const struct ga_plugin **ret, char *reterr, size_t reterr_len)
{
    struct refusal          refusal = {.path = path, .text = reterr, .len = reterr_len};
    const struct ga_plugin *plugin;
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;
    char    link[64];
    void   *so;
    int     r;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    so = dlopen(link, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so) {
        const char *why = dlerror();
        size_t      n = strlen(link);

        /* the loader knows it by a number only */
        if (why && strncmp(why, link, n) == 0 && strncmp(why + n, ": ", 2) == 0)
            why += n + 2;
        return refuse(&refusal, -ENOEXEC, "cannot be loaded: %s", why ? why : "the loader does not say why");
    }
    plugin = dlsym(so, SYMBOL);
    if (!plugin)
        r = refuse_symbol(so, &refusal);
    else if (!dladdr1(plugin, &info, (void **)(uintptr_t)&symbol, RTLD_DL_SYMENT) || !symbol ||
             ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
        r = refuse(&refusal, -EPROTO, SYMBOL " is no constant");
    else
        r = check_plugin(plugin, symbol->st_size, &refusal);
    if (r == 0)
        *ret = plugin;
    return r;
}

/* --- as JSON -------------------------------------------------------------------------------------------------------
 */

static int
add_text(cJSON *object, const char *key, const char *text)
{
    return (text ? cJSON_AddStringToObject(object, key, text) : cJSON_AddNullToObject(object, key)) != NULL;
}

static int
add_number(cJSON *object, const char *key, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

/* A new object at the end of the list, or NULL. */
static cJSON *
add_object(cJSON *list)
{
    cJSON *object = cJSON_CreateObject();

    if (!list || !object || !cJSON_AddItemToArray(list, object)) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static int
describe_option(cJSON *list, const struct ga_option *option)
{
    cJSON *object = add_object(list);

    return object && add_text(object, "key", option->key) && add_number(object, "type", option->type) &&
           add_number(object, "flags", option->flags) && add_text(object, "dflt", option->dflt) &&
           add_text(object, "help", option->help ? option->help : "") && add_text(object, "choices", option->choices) &&
           add_number(object, "min", option->min) && add_number(object, "max", option->max);
}

static int
describe_task(cJSON *list, const struct ga_plugin *plugin, const struct ga_task *task)
{
    cJSON *object = add_object(list);
    cJSON *args;
    int    ok = object && add_text(object, "name", task->name) &&
             add_text(object, "summary", task->summary ? task->summary : "") &&
             add_text(object, "every", task->every) && add_text(object, "on", task->on) &&
             add_text(object, "timeout", task->timeout) && add_number(object, "flags", task->flags);

    args = ok ? cJSON_AddArrayToObject(object, "args") : NULL;
    ok = args != NULL;
    for (uint32_t i = 0; ok && i < task->n_args; i++)
        ok = describe_option(args, load_arg_at(plugin, task, i));
    return ok;
}

static int
describe_topic(cJSON *list, const struct ga_topic *topic)
{
    cJSON *object = add_object(list);

    return object && add_text(object, "name", topic->name) &&
           add_text(object, "summary", topic->summary ? topic->summary : "");
}

cJSON *
load_describe(const struct ga_plugin *plugin)
{
    cJSON *doc = cJSON_CreateObject();
    int    ok = add_text(doc, "name", plugin->name) && add_text(doc, "version", plugin->version) &&
             add_text(doc, "summary", plugin->summary) &&
             cJSON_AddNumberToObject(doc, "abi_major", plugin->abi_major) &&
             cJSON_AddNumberToObject(doc, "abi_minor", plugin->abi_minor) &&
             cJSON_AddNumberToObject(doc, "needs", plugin->needs);
    cJSON *options = cJSON_AddArrayToObject(doc, "options");
    cJSON *tasks = cJSON_AddArrayToObject(doc, "tasks");
    cJSON *topics = cJSON_AddArrayToObject(doc, "topics");

    ok = ok && options && tasks && topics;
    for (uint32_t i = 0; ok && i < plugin->n_options; i++)
        ok = describe_option(options, load_option_at(plugin, i));
    for (uint32_t i = 0; ok && i < plugin->n_tasks; i++)
        ok = describe_task(tasks, plugin, task_at(plugin, i));
    for (uint32_t i = 0; ok && i < plugin->n_topics; i++)
        ok = describe_topic(topics, topic_at(plugin, i));
    if (!ok) {
        cJSON_Delete(doc);
        return NULL;
    }
    return doc;
}

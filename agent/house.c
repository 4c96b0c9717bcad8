/* house.c: plugins and tasks made from a compiled manifest, and the switch to a new one. */
#include "agent/supervisor.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETIRE_GRACE_NS (5 * NS_PER_S)

static const char *
spec_str(const cJSON *spec, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec, key));
}

static int64_t
spec_ns(const cJSON *spec, const char *key)
{
    const char *text = spec_str(spec, key);

    return text ? strtoll(text, NULL, 10) : 0;
}

static int
spec_flag(const cJSON *spec, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(spec, key));
}

static int
task_init(struct task *task, struct plugin *plugin, const cJSON *spec)
{
    *task = (struct task){
        .plugin = plugin,
        .spec = spec,
        .name = spec_str(spec, "name"),
        .every_ns = spec_ns(spec, "every_ns"),
        .timeout_ns = spec_ns(spec, "timeout_ns"),
        .resident = spec_flag(spec, "always"),
        .read_only = spec_flag(spec, "read_only"),
        .essential = spec_flag(spec, "essential"),
        .has_on = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(spec, "on")) > 0,
    };
    if (!task->name)
        return -EINVAL;
    if (task->resident) {
        task->timeout_ns = 0;
        task->events = calloc(1, sizeof(*task->events));
        if (!task->events)
            return -ENOMEM;
    }
    return 0;
}

static void
plugin_free(struct plugin *plugin)
{
    if (!plugin)
        return;
    schedule_disarm(plugin);
    for (size_t i = 0; i < plugin->n_tasks; i++) {
        struct task *task = &plugin->tasks[i];

        if (task->events)
            event_queue_clear(task->events);
        free(task->events);
        free(task->last_summary);
        cJSON_Delete(task->progress);
    }
    plugin->pause_timer = sd_event_source_disable_unref(plugin->pause_timer);
    free(plugin->tasks);
    free(plugin->sandbox);
    cJSON_Delete(plugin->metrics);
    cJSON_Delete(plugin->spec);
    free(plugin);
}

void
house_free(struct plugin *plugins)
{
    while (plugins) {
        struct plugin *next = plugins->next;

        plugin_free(plugins);
        plugins = next;
    }
}

static struct plugin *
plugin_new(struct supervisor *supervisor, const cJSON *spec)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    const cJSON   *tasks;
    const cJSON   *task;

    if (!plugin)
        return NULL;
    plugin->supervisor = supervisor;
    plugin->spec = cJSON_Duplicate(spec, 1);
    plugin->metrics = cJSON_CreateObject();
    plugin->name = spec_str(plugin->spec, "name");
    tasks = cJSON_GetObjectItemCaseSensitive(plugin->spec, "tasks");
    plugin->tasks = calloc((size_t)cJSON_GetArraySize(tasks) + 1, sizeof(*plugin->tasks));
    if (!plugin->name || !plugin->tasks || !plugin->metrics)
        goto fail;
    cJSON_ArrayForEach(task, tasks)
    {
        if (task_init(&plugin->tasks[plugin->n_tasks], plugin, task) < 0)
            goto fail;
        plugin->n_tasks++;
    }
    return plugin;
fail:
    plugin_free(plugin);
    return NULL;
}

int
house_build(struct supervisor *supervisor, const cJSON *compiled, struct plugin **ret)
{
    struct plugin  *first = NULL;
    struct plugin **end = &first;
    const cJSON    *spec;

    cJSON_ArrayForEach(spec, cJSON_GetObjectItemCaseSensitive(compiled, "plugins"))
    {
        *end = plugin_new(supervisor, spec);
        if (!*end) {
            house_free(first);
            return -ENOMEM;
        }
        end = &(*end)->next;
    }
    *ret = first;
    return 0;
}

struct plugin *
house_find(const struct supervisor *supervisor, const char *name)
{
    struct plugin *plugin = supervisor->plugins;

    while (plugin && strcmp(plugin->name, name) != 0)
        plugin = plugin->next;
    return plugin;
}

struct task *
house_find_task(struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->n_tasks; i++)
        if (strcmp(plugin->tasks[i].name, name) == 0)
            return &plugin->tasks[i];
    return NULL;
}

static void
retire(struct supervisor *supervisor, struct plugin *plugin)
{
    plugin->retiring = 1;
    schedule_disarm(plugin);
    for (struct start *start = plugin->running; start; start = start->next)
        run_cancel(start->run, RETIRE_GRACE_NS, "the manifest was changed");
    plugin->next = supervisor->retired;
    supervisor->retired = plugin;
}

/* Takes the plugin of that name and the very same settings out of the old house. */
static struct plugin *
take_same(struct plugin **old, const struct plugin *wanted)
{
    for (; *old; old = &(*old)->next) {
        struct plugin *plugin = *old;

        if (strcmp(plugin->name, wanted->name) != 0 || !cJSON_Compare(plugin->spec, wanted->spec, 1))
            continue;
        *old = plugin->next;
        return plugin;
    }
    return NULL;
}

/* A pause that a person asked for outlives a change of the manifest. */
static void
inherit_pause(struct plugin *plugin, const struct plugin *old)
{
    for (; old; old = old->next)
        if (strcmp(old->name, plugin->name) == 0 && old->paused_until_ns)
            schedule_pause(plugin, old->paused_until_ns == INT64_MAX ? 0 : old->paused_until_ns - clock_real_ns());
}

int
house_former_runs(const struct supervisor *supervisor, const char *name)
{
    for (const struct plugin *plugin = supervisor->retired; plugin; plugin = plugin->next)
        if (plugin->running && strcmp(plugin->name, name) == 0)
            return 1;
    return 0;
}

int
house_switch(struct supervisor *supervisor, cJSON *compiled, cJSON **ret_changed)
{
    struct plugin *fresh = NULL;
    struct plugin *old = supervisor->plugins;
    struct plugin *plugin;
    cJSON         *changed = cJSON_CreateArray();
    int            r = changed ? house_build(supervisor, compiled, &fresh) : -ENOMEM;

    if (r < 0) {
        cJSON_Delete(changed);
        return r;
    }
    supervisor->plugins = NULL;
    for (struct plugin **end = &supervisor->plugins; fresh; end = &(*end)->next) {
        struct plugin *next = fresh->next;
        struct plugin *same = take_same(&old, fresh);

        fresh->next = NULL;
        if (same) {
            plugin_free(fresh);
            same->next = NULL;
        } else {
            cJSON_AddItemToArray(changed, cJSON_CreateString(fresh->name));
        }
        *end = same ? same : fresh;
        fresh = next;
    }
    for (plugin = supervisor->plugins; plugin; plugin = plugin->next)
        inherit_pause(plugin, old);
    while (old) {
        plugin = old;
        old = old->next;
        if (!house_find(supervisor, plugin->name))
            cJSON_AddItemToArray(changed, cJSON_CreateString(plugin->name));
        retire(supervisor, plugin);
    }
    cJSON_Delete(compiled);
    *ret_changed = changed;
    return 0;
}

void
house_sweep(struct supervisor *supervisor)
{
    struct plugin **at = &supervisor->retired;

    while (*at) {
        struct plugin *plugin = *at;

        if (plugin->running) {
            at = &plugin->next;
            continue;
        }
        *at = plugin->next;
        plugin_free(plugin);
    }
}

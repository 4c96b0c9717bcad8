/* schedule.c: decides when a task runs, and starts it. */
#include "agent/supervisor.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_CAP_NS (300 * NS_PER_S)
#define BACKOFF_FIRST_NS NS_PER_S
#define STAGGER_MAX_NS (2 * NS_PER_S) /* first triggers spread over this, so that a boot does not start all at once */
#define STEADY_NS (60 * NS_PER_S)     /* a resident task that served this long starts anew without a grudge */

const char *
trigger_name(enum trigger trigger)
{
    static const char *const names[] = {"every", "on", "always", "hand"};

    return names[trigger];
}

void
start_free(struct start *start)
{
    if (!start)
        return;
    event_unref(start->event);
    cJSON_Delete(start->args);
    cJSON_Delete(start->rules);
    cJSON_Delete(start->open_acts);
    free(start);
}

static struct start *
start_new(struct task *task, enum trigger trigger)
{
    struct start *start = calloc(1, sizeof(*start));

    if (!start)
        return NULL;
    start->task = task;
    start->trigger = trigger;
    start->open_acts = cJSON_CreateObject();
    return start;
}

static void
enqueue(struct plugin *plugin, struct start *start)
{
    struct start **end = &plugin->queue;

    while (*end)
        end = &(*end)->next;
    *end = start;
}

/* Timers and events ask for a run; one that is asked for again before it began is remembered once. */
static void
ask(struct task *task, enum trigger trigger, struct event *event)
{
    if (!task->pending) {
        task->pending = start_new(task, trigger);
        if (!task->pending) {
            log_err("no memory to start %s %s", task->plugin->name, task->name);
            return;
        }
        enqueue(task->plugin, task->pending);
    } else {
        task->n_coalesced++;
    }
    if (event) {
        event_unref(task->pending->event);
        task->pending->event = event_ref(event);
        task->pending->trigger = TRIGGER_ON;
    }
    schedule_turn(task->plugin);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct task *task = userdata;

    (void)source;
    (void)usec;
    task->next_boot_ns = 0;
    if (task->resident && task->running)
        return 0;
    ask(task, task->resident ? TRIGGER_ALWAYS : TRIGGER_EVERY, NULL);
    return 0;
}

static void
arm_timer(struct task *task, int64_t delay_ns)
{
    uint64_t accuracy_us = (uint64_t)(delay_ns / NS_PER_US / 100);
    uint64_t at;

    task->next_boot_ns = clock_boot_ns() + delay_ns;
    at = (uint64_t)(task->next_boot_ns / NS_PER_US);
    if (accuracy_us < 1000)
        accuracy_us = 1000;
    if (accuracy_us > 1000000)
        accuracy_us = 1000000;
    if (!task->timer) {
        (void)sd_event_add_time(task->plugin->supervisor->loop, &task->timer, CLOCK_BOOTTIME, at, accuracy_us, on_timer,
                                task);
        return;
    }
    (void)sd_event_source_set_time(task->timer, at);
    (void)sd_event_source_set_time_accuracy(task->timer, accuracy_us);
    (void)sd_event_source_set_enabled(task->timer, SD_EVENT_ONESHOT);
}

/* Up to a tenth more, so that hosts and tasks do not march in step. */
static int64_t
jittered(int64_t ns)
{
    return ns + clock_random_below(ns / 10);
}

void
schedule_arm(struct plugin *plugin)
{
    plugin->armed = 1;
    for (size_t i = 0; i < plugin->n_tasks; i++) {
        struct task *task = &plugin->tasks[i];
        const char  *delay = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(task->spec, "delay_ns"));
        int64_t      stagger = task->every_ns / 10;

        if (!task->resident && task->every_ns == 0)
            continue;
        if (stagger > STAGGER_MAX_NS)
            stagger = STAGGER_MAX_NS;
        if (delay)
            arm_timer(task, strtoll(delay, NULL, 10));
        else if (task->resident)
            ask(task, TRIGGER_ALWAYS, NULL);
        else
            arm_timer(task, clock_random_below(stagger));
    }
}

void
schedule_disarm(struct plugin *plugin)
{
    plugin->armed = 0;
    for (size_t i = 0; i < plugin->n_tasks; i++) {
        plugin->tasks[i].timer = sd_event_source_disable_unref(plugin->tasks[i].timer);
        plugin->tasks[i].pending = NULL;
        plugin->tasks[i].next_boot_ns = 0;
    }
    while (plugin->queue) {
        struct start *start = plugin->queue;

        plugin->queue = start->next;
        deed_not_begun(start, "the manifest was changed or the agent ends");
        start_free(start);
    }
}

void
schedule_event(struct task *task, struct event *event)
{
    if (task->resident) {
        if (task->wants_event && task->running && task->running->run) {
            task->wants_event = 0;
            run_send_event(task->running->run, event);
        } else {
            event_queue_push(task->events, event);
        }
        return;
    }
    ask(task, TRIGGER_ON, event);
}

struct start *
schedule_hand(struct task *task, cJSON *args, cJSON *rules, int dry_run, struct control_client *client)
{
    struct start *start;
    unsigned      waiting = 0;

    for (start = task->plugin->queue; start; start = start->next)
        waiting += start->trigger == TRIGGER_HAND;
    start = waiting < HAND_QUEUE_MAX ? start_new(task, TRIGGER_HAND) : NULL;
    if (!start)
        return NULL;
    start->args = args;
    start->rules = rules;
    start->dry_run = dry_run;
    start->client = client;
    enqueue(task->plugin, start);
    return start;
}

static int
in_backoff(const struct task *task)
{
    return task->failures > 0 && task->next_boot_ns > clock_boot_ns();
}

/* May it start now? A run by hand does not wait for a pause or a backoff: a person decided. */
static int
may_start(const struct start *start)
{
    const struct task       *task = start->task;
    const struct plugin     *plugin = task->plugin;
    const struct supervisor *supervisor = plugin->supervisor;

    if (supervisor->ending || plugin->retiring)
        return 0;
    if (start->trigger != TRIGGER_HAND && (plugin->paused_until_ns || in_backoff(task) || task->running))
        return 0;
    if (!task->resident && supervisor->n_running >= supervisor->max_runs)
        return 0;
    if (task->resident || task->read_only || start->dry_run)
        return 1;
    return !plugin->exclusive && !house_former_runs(supervisor, plugin->name);
}

static void
begin(struct plugin *plugin, struct start *start)
{
    struct task       *task = start->task;
    struct supervisor *supervisor = plugin->supervisor;
    struct run_request request = {
        .state_dir = supervisor->state_dir,
        .sandbox = supervisor->sandbox,
        .plugin = plugin->spec,
        .task = task->spec,
        .args = start->args,
        .rules = start->rules,
        .event = start->event,
        .timeout_ns = task->timeout_ns,
        .dry_run = start->dry_run,
        .resident = task->resident,
    };
    char why[256];

    if (task->pending == start)
        task->pending = NULL;
    start->started_boot_ns = clock_boot_ns();
    if (run_start(supervisor->loop, &request, &deed_ops, start, &start->run, why, sizeof(why)) < 0) {
        deed_not_begun(start, why);
        if (start->trigger != TRIGGER_HAND)
            schedule_after(task, 1, 0);
        start_free(start);
        return;
    }
    start->next = plugin->running;
    plugin->running = start;
    if (start->trigger != TRIGGER_HAND)
        task->running = start;
    if (!task->resident && !task->read_only && !start->dry_run)
        plugin->exclusive = start;
    if (!task->resident)
        supervisor->n_running++;
    deed_begun(start);
}

void
schedule_turn(struct plugin *plugin)
{
    struct start **at = &plugin->queue;

    while (*at) {
        struct start *start = *at;

        if (!may_start(start)) {
            at = &start->next;
            continue;
        }
        *at = start->next;
        start->next = NULL;
        begin(plugin, start);
        at = &plugin->queue; /* a failed start may have changed the queue */
    }
}

static int64_t
backoff_ns(const struct task *task)
{
    int64_t wait = task->every_ns ? task->every_ns : BACKOFF_FIRST_NS;
    int64_t cap = task->every_ns > BACKOFF_CAP_NS ? task->every_ns : BACKOFF_CAP_NS;

    for (unsigned i = task->every_ns ? 0 : 1; i < task->failures && wait < cap; i++)
        wait *= 2;
    return wait < cap ? wait : cap;
}

void
schedule_after(struct task *task, int failed, int64_t run_ns)
{
    struct plugin *plugin = task->plugin;

    if (task->resident && run_ns > STEADY_NS)
        task->failures = 0;
    task->failures = failed ? task->failures + 1 : 0;
    if (plugin->retiring || plugin->supervisor->ending)
        return;
    if (failed)
        arm_timer(task, jittered(backoff_ns(task)));
    else if (task->resident)
        arm_timer(task, jittered(BACKOFF_FIRST_NS));
    else if (task->every_ns)
        arm_timer(task, jittered(task->every_ns));
}

static int
on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    schedule_resume(userdata);
    return 0;
}

void
schedule_pause(struct plugin *plugin, int64_t for_ns)
{
    plugin->pause_timer = sd_event_source_disable_unref(plugin->pause_timer);
    plugin->paused_until_ns = for_ns > 0 ? clock_real_ns() + for_ns : INT64_MAX;
    if (for_ns > 0)
        (void)sd_event_add_time(plugin->supervisor->loop, &plugin->pause_timer, CLOCK_REALTIME,
                                (uint64_t)(plugin->paused_until_ns / NS_PER_US), 0, on_pause_over, plugin);
}

void
schedule_resume(struct plugin *plugin)
{
    plugin->pause_timer = sd_event_source_disable_unref(plugin->pause_timer);
    plugin->paused_until_ns = 0;
    schedule_turn(plugin);
}

/* supervisor.c: the daemon: sets up, tells the service manager how it goes, ends. */
#include "agent/supervisor.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define END_GRACE_NS (5 * NS_PER_S) /* SIGTERM to SIGKILL: all has ended within 10 s */
#define BEAT_MAX_NS (30 * NS_PER_S)
#define EXIT_BAD_MANIFEST 78

static const char *
agent_str(const struct supervisor *supervisor, const char *key, const char *fallback)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(supervisor->agent, key));

    return text ? text : fallback;
}

/* --- readiness and watchdog ----------------------------------------------------------------------------------------
 */

void
supervisor_check_ready(struct supervisor *supervisor)
{
    unsigned failing = 0;

    if (supervisor->ready || supervisor->ending)
        return;
    for (struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        for (size_t i = 0; i < plugin->n_tasks; i++) {
            const struct task *task = &plugin->tasks[i];

            if (task->resident && !task->settled)
                return;
            failing += task->resident && task->failures > 0;
        }
    supervisor->ready = 1;
    if (failing)
        (void)sd_notifyf(0, "READY=1\nSTATUS=serving, %u resident task(s) failing", failing);
    else
        (void)sd_notify(0, "READY=1\nSTATUS=serving");
    log_notice("ready in %" PRId64 " ms", (clock_real_ns() - supervisor->since_ns) / NS_PER_MS);
    publish(supervisor, "agent.ready", "agent", "{}");
}

/* An essential task that serves and does not beat any more withholds the ping: the service manager restarts us. */
static const struct task *
silent_essential(const struct supervisor *supervisor)
{
    int64_t now = clock_boot_ns();

    for (struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        for (size_t i = 0; i < plugin->n_tasks; i++) {
            const struct task *task = &plugin->tasks[i];

            if (task->resident && task->essential && task->running && now - task->beat_boot_ns > BEAT_MAX_NS)
                return task;
        }
    return NULL;
}

static int
on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct supervisor *supervisor = userdata;
    const struct task *silent = silent_essential(supervisor);

    (void)usec;
    if (silent)
        log_err("essential task %s %s gives no heartbeat, withholding the watchdog ping", silent->plugin->name,
                silent->name);
    else
        (void)sd_notify(0, "WATCHDOG=1");
    (void)sd_event_source_set_time_relative(source, supervisor->watchdog_usec / 2);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

/* --- reload --------------------------------------------------------------------------------------------------------
 */

static void
warn_restart_needed(const struct supervisor *supervisor, const cJSON *agent)
{
    static const char *const keys[] = {"state_dir", "socket", "journal_max_size", "journal_files"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!cJSON_Compare(cJSON_GetObjectItemCaseSensitive(supervisor->agent, keys[i]),
                           cJSON_GetObjectItemCaseSensitive(agent, keys[i]), 1))
            log_warning("agent.%s was changed: that needs a restart, keeping the old value", keys[i]);
}

/* What may change while we run. */
static void
adopt_agent(struct supervisor *supervisor, const cJSON *agent)
{
    static const char *const keys[] = {"sandbox", "max_runs", "log_level"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(agent, keys[i]);

        if (item)
            cJSON_ReplaceItemInObjectCaseSensitive(supervisor->agent, keys[i], cJSON_Duplicate(item, 1));
    }
    supervisor->sandbox = agent_str(supervisor, "sandbox", "best-effort");
    supervisor->max_runs = (unsigned)strtoul(agent_str(supervisor, "max_runs", "16"), NULL, 10);
    log_open(log_level_from(agent_str(supervisor, "log_level", "info")));
}

static void
arm_new(struct supervisor *supervisor)
{
    for (struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        if (!plugin->armed)
            schedule_arm(plugin);
}

static void
journal_note(struct supervisor *supervisor, const char *rec, const char *key, const char *value)
{
    cJSON *record = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(record, "rec", rec);
    if (key)
        (void)cJSON_AddStringToObject(record, key, value);
    (void)journal_append(supervisor->journal, record);
}

static void
reload_failed(struct supervisor *supervisor, const char *diagnostics)
{
    free(supervisor->reload_error);
    supervisor->reload_error = strdup(diagnostics);
    supervisor->n_reloads_failed++;
    log_err("the manifest was not reloaded, the old one goes on: %s", diagnostics);
    journal_note(supervisor, "reload", "error", diagnostics);
    (void)sd_notify(0, "READY=1\nSTATUS=serving with the old manifest: the new one has errors");
    control_reload_end(supervisor->control, 0, diagnostics, NULL);
}

static void
on_reloaded(cJSON *compiled, const char *diagnostics, void *userdata)
{
    struct supervisor *supervisor = userdata;
    cJSON             *changed = NULL;
    cJSON             *agent;

    supervisor->reload = NULL;
    if (!compiled) {
        reload_failed(supervisor, diagnostics);
        return;
    }
    agent = cJSON_DetachItemFromObjectCaseSensitive(compiled, "agent");
    if (house_switch(supervisor, compiled, &changed) < 0) {
        cJSON_Delete(compiled);
        cJSON_Delete(agent);
        reload_failed(supervisor, "no memory");
        return;
    }
    supervisor->manifest_read_ns = supervisor->read_begun_ns;
    warn_restart_needed(supervisor, agent);
    adopt_agent(supervisor, agent);
    cJSON_Delete(agent);
    free(supervisor->reload_error);
    supervisor->reload_error = NULL;
    house_sweep(supervisor);
    arm_new(supervisor);
    supervisor->n_reloads++;
    log_notice("manifest reloaded, %d plugin(s) changed", cJSON_GetArraySize(changed));
    journal_note(supervisor, "reload", NULL, NULL);
    (void)sd_notify(0, "READY=1\nSTATUS=serving");
    control_reload_end(supervisor->control, 1, NULL, changed);
    publish(supervisor, "agent.reloaded", "agent", "{}");
    cJSON_Delete(changed);
}

void
supervisor_reload(struct supervisor *supervisor)
{
    if (supervisor->reload || supervisor->ending)
        return; /* the one under way reads the newest file, or nobody needs it any more */
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=checking the manifest",
                     (uint64_t)(clock_monotonic_ns() / NS_PER_US));
    supervisor->read_begun_ns = clock_real_ns();
    if (reload_begin(supervisor->loop, supervisor->manifest, supervisor->plugin_dir, on_reloaded, supervisor,
                     &supervisor->reload) < 0)
        reload_failed(supervisor, "cannot start the process that checks the manifest");
}

/* --- the end -------------------------------------------------------------------------------------------------------
 */

void
supervisor_end_turn(struct supervisor *supervisor)
{
    if (!supervisor->ending)
        return;
    for (struct plugin *plugin = supervisor->plugins; plugin; plugin = plugin->next)
        if (plugin->running)
            return;
    if (!supervisor->retired)
        (void)sd_event_exit(supervisor->loop, 0);
}

static int
on_too_late(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct supervisor *supervisor = userdata;

    (void)source;
    (void)usec;
    log_err("some runs did not end, leaving all the same");
    (void)sd_event_exit(supervisor->loop, 1);
    return 0;
}

static void
begin_end(struct supervisor *supervisor)
{
    struct plugin *lists[] = {supervisor->plugins, supervisor->retired};

    if (supervisor->ending)
        return;
    (void)sd_notify(0, "STOPPING=1\nSTATUS=ending runs");
    log_notice("ending");
    supervisor->ending = 1;
    reload_abort(supervisor->reload);
    supervisor->reload = NULL;
    for (size_t i = 0; i < 2; i++)
        for (struct plugin *plugin = lists[i]; plugin; plugin = plugin->next) {
            schedule_disarm(plugin);
            for (struct start *start = plugin->running; start; start = start->next)
                run_cancel(start->run, END_GRACE_NS, "the agent ends");
        }
    (void)sd_event_add_time_relative(supervisor->loop, &supervisor->end_timer, CLOCK_MONOTONIC,
                                     (uint64_t)((END_GRACE_NS + 3 * NS_PER_S) / NS_PER_US), 0, on_too_late, supervisor);
    supervisor_end_turn(supervisor);
}

static int
on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    (void)source;
    if (info->ssi_signo == SIGCHLD) /* perhaps an orphan that was dying when its run ended */
        (void)supervisor_end_strays(userdata);
    else if (info->ssi_signo == SIGHUP)
        supervisor_reload(userdata);
    else
        begin_end(userdata);
    return 0;
}

/* --- the start -----------------------------------------------------------------------------------------------------
 */

static int
listen_to_signals(struct supervisor *supervisor)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    const size_t     n = sizeof(signals) / sizeof(*signals);
    sigset_t         set;
    int              r = 0;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        (void)sigaddset(&set, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = sd_event_add_signal(supervisor->loop, NULL, signals[i], on_signal, supervisor);
    return r;
}

static void
on_unfinished(const cJSON *start, void *userdata)
{
    static const char *const keys[] = {"run", "plugin", "task"};
    struct supervisor       *supervisor = userdata;
    cJSON                   *record = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(record, "rec", "run.end");
    for (size_t i = 0; i < 3; i++)
        (void)cJSON_AddItemToObject(record, keys[i],
                                    cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(start, keys[i]), 1));
    (void)cJSON_AddStringToObject(record, "outcome", "unknown");
    (void)cJSON_AddStringToObject(record, "summary",
                                  "the agent ended before the run did: what it changed is observed anew");
    (void)journal_append(supervisor->journal, record);
}

static int
make_dirs(const char *state_dir)
{
    char path[4096];

    if (mkdir(state_dir, 0750) < 0 && errno != EEXIST) {
        log_err("cannot make agent.state_dir '%s': %m; make it, or name another in the manifest", state_dir);
        return -errno;
    }
    (void)snprintf(path, sizeof(path), "%s/plugins", state_dir);
    if (mkdir(path, 0750) < 0 && errno != EEXIST) {
        log_err("cannot make '%s': %m; is the state_dir writable for the agent's user?", path);
        return -errno;
    }
    return 0;
}

static int
start_serving(struct supervisor *supervisor)
{
    char why[512];

    supervisor->state_dir = agent_str(supervisor, "state_dir", "/var/lib/gonka-agent");
    if (make_dirs(supervisor->state_dir) < 0)
        return EXIT_FAILURE;
    if (journal_open(supervisor->state_dir, strtoull(agent_str(supervisor, "journal_max_size", "67108864"), NULL, 10),
                     (unsigned)strtoul(agent_str(supervisor, "journal_files", "8"), NULL, 10), &supervisor->journal,
                     why, sizeof(why)) < 0 ||
        control_open(supervisor, agent_str(supervisor, "socket", "/run/gonka-agent/control.sock"), &supervisor->control,
                     why, sizeof(why)) < 0) {
        log_err("%s", why);
        return EXIT_FAILURE;
    }
    journal_unfinished(supervisor->journal, on_unfinished, supervisor);
    journal_note(supervisor, "agent.start", "version", PACKAGE_VERSION);
    publish(supervisor, "agent.started", "agent", "{}");
    arm_new(supervisor);
    supervisor_check_ready(supervisor);
    return EXIT_SUCCESS;
}

static void
on_first_compiled(cJSON *compiled, const char *diagnostics, void *userdata)
{
    struct supervisor *supervisor = userdata;
    int                status = EXIT_BAD_MANIFEST;

    supervisor->reload = NULL;
    if (!compiled) {
        fprintf(stderr, "%s%s", diagnostics, *diagnostics && diagnostics[strlen(diagnostics) - 1] == '\n' ? "" : "\n");
        (void)sd_notify(0, "STATUS=the manifest has errors");
    } else if (house_build(supervisor, compiled, &supervisor->plugins) < 0) {
        log_err("no memory for the manifest");
        status = EXIT_FAILURE;
    } else {
        supervisor->agent = cJSON_DetachItemFromObjectCaseSensitive(compiled, "agent");
        adopt_agent(supervisor, supervisor->agent);
        supervisor->manifest_read_ns = supervisor->since_ns;
        status = start_serving(supervisor);
    }
    cJSON_Delete(compiled);
    if (status != EXIT_SUCCESS)
        (void)sd_event_exit(supervisor->loop, status);
}

static void
supervisor_done(struct supervisor *supervisor)
{
    if (supervisor->journal)
        journal_note(supervisor, "agent.stop", NULL, NULL);
    control_close(supervisor->control);
    house_free(supervisor->plugins);
    house_free(supervisor->retired);
    journal_close(supervisor->journal);
    cJSON_Delete(supervisor->agent);
    free(supervisor->reload_error);
    sd_event_source_disable_unref(supervisor->watchdog);
    sd_event_source_disable_unref(supervisor->end_timer);
    sd_event_unref(supervisor->loop);
}

int
supervisor_main(const char *manifest, const char *plugin_dir)
{
    struct supervisor supervisor = {.manifest = manifest, .plugin_dir = plugin_dir, .since_ns = clock_real_ns()};
    int               r;

    log_open(LOG_INFO);
    (void)run_adopt_orphans();
    r = sd_event_new(&supervisor.loop);
    if (r >= 0)
        r = listen_to_signals(&supervisor);
    if (r >= 0)
        r = reload_begin(supervisor.loop, manifest, plugin_dir, on_first_compiled, &supervisor, &supervisor.reload);
    if (r >= 0 && sd_watchdog_enabled(0, &supervisor.watchdog_usec) > 0)
        r = sd_event_add_time_relative(supervisor.loop, &supervisor.watchdog, CLOCK_MONOTONIC,
                                       supervisor.watchdog_usec / 2, 0, on_watchdog, &supervisor);
    if (r >= 0)
        r = sd_event_loop(supervisor.loop);
    else
        log_err("cannot set up the event loop: error %d", -r);
    supervisor_done(&supervisor);
    return r < 0 ? EXIT_FAILURE : r;
}

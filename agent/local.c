/* local.c: one run without a daemon. */
#include "agent/local.h"

#include "agent/clock.h"
#include "agent/journal.h"
#include "agent/run.h"
#include "kit/json.h"

#include <gonka-agent/plugin.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CANCEL_GRACE_NS (5 * NS_PER_S)

struct local {
    const struct local_request *request;
    local_line_fn               line;
    void                       *userdata;
    sd_event                   *loop;
    struct run                 *run;
    struct journal             *journal;
    char                        no_journal[512]; /* why there is none */
    const cJSON                *task;
    const cJSON                *limits;
    unsigned                    acts;
    cJSON                      *end;
};

static const char *
text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const cJSON *
named(const cJSON *list, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list) if (text_of(item, "name") && strcmp(text_of(item, "name"), name) == 0) return item;
    return NULL;
}

static cJSON *
record_new(const struct local *local, const char *rec)
{
    cJSON *record = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(record, "rec", rec);
    if (local->run)
        (void)cJSON_AddStringToObject(record, "run", run_id(local->run));
    (void)cJSON_AddStringToObject(record, "plugin", local->request->plugin);
    (void)cJSON_AddStringToObject(record, "task", local->request->task);
    (void)cJSON_AddBoolToObject(record, "dry_run", local->request->dry_run);
    return record;
}

/* Taken. 0 or -errno. */
static int
record_in_journal(const struct local *local, cJSON *record)
{
    if (local->journal)
        return journal_append(local->journal, record);
    cJSON_Delete(record);
    return -EBADF;
}

static void
copy_fields(cJSON *to, const cJSON *from)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, from) if (strcmp(item->string, "t") != 0)(void)
        cJSON_AddItemToObject(to, strcmp(item->string, "id") == 0 ? "act" : item->string, cJSON_Duplicate(item, 1));
}

static void
on_log(struct run *run, int level, const char *text, void *userdata)
{
    const struct local *local = userdata;
    cJSON              *line = cJSON_CreateObject();

    (void)run;
    (void)cJSON_AddStringToObject(line, "t", "log");
    (void)cJSON_AddNumberToObject(line, "level", level);
    (void)cJSON_AddStringToObject(line, "text", text);
    local->line(line, local->userdata);
    cJSON_Delete(line);
}

static const char *
act_refusal(const struct local *local)
{
    const char *most = text_of(local->limits, "acts");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(local->task, "read_only")))
        return "the task is declared read-only";
    if (most && strtoul(most, NULL, 10) > 0 && local->acts >= strtoul(most, NULL, 10))
        return "the run has made as many acts as limits.acts allows";
    return local->journal ? NULL : local->no_journal;
}

static int
on_act(struct run *run, const cJSON *packet, int *ret_sync_fd, char *why, size_t why_len, void *userdata)
{
    struct local *local = userdata;
    const char   *refusal = local->request->dry_run ? NULL : act_refusal(local);
    cJSON        *record = record_new(local, "act");

    (void)run;
    local->line(packet, local->userdata);
    copy_fields(record, packet);
    if (refusal)
        (void)cJSON_AddStringToObject(record, "refused", refusal);
    if (record_in_journal(local, record) < 0 && !local->request->dry_run && !refusal)
        refusal = "the journal cannot be written (is the disk full?)";
    if (refusal) {
        (void)snprintf(why, why_len, "%s", refusal);
        return GA_ACT_REFUSED;
    }
    if (local->request->dry_run)
        return GA_ACT_DRY;
    local->acts++;
    *ret_sync_fd = journal_sync_fd(local->journal);
    return GA_ACT_DO;
}

static void
on_acted(struct run *run, const cJSON *packet, void *userdata)
{
    const struct local *local = userdata;
    cJSON              *record = record_new(local, "acted");

    (void)run;
    copy_fields(record, packet);
    (void)record_in_journal(local, record);
    local->line(packet, local->userdata);
}

static void
on_emit(struct run *run, const char *topic, const char *payload, void *userdata)
{
    const struct local *local = userdata;
    cJSON              *line = cJSON_CreateObject();
    cJSON              *record = record_new(local, "event");

    (void)run;
    (void)cJSON_AddStringToObject(record, "topic", topic);
    (void)cJSON_AddRawToObject(record, "payload", payload);
    (void)record_in_journal(local, record);
    (void)cJSON_AddStringToObject(line, "t", "event");
    (void)cJSON_AddStringToObject(line, "topic", topic);
    (void)cJSON_AddRawToObject(line, "payload", payload);
    local->line(line, local->userdata);
    cJSON_Delete(line);
}

static void
on_progress(struct run *run, const cJSON *packet, void *userdata)
{
    const struct local *local = userdata;

    (void)run;
    local->line(packet, local->userdata);
}

/* What only a daemon has a use for. */
static void
ignore(struct run *run, void *userdata)
{
    (void)run;
    (void)userdata;
}

static void
ignore_metric(struct run *run, const char *name, double value, void *userdata)
{
    (void)run;
    (void)name;
    (void)value;
    (void)userdata;
}

static void
on_sandbox(struct run *run, const char *text, void *userdata)
{
    char line[1024];

    (void)snprintf(line, sizeof(line), "sandbox: %s", text);
    on_log(run, 7, line, userdata);
}

static void
set_end(struct local *local, const char *outcome, const char *summary)
{
    cJSON *end = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(end, "t", "end");
    (void)cJSON_AddStringToObject(end, "plugin", local->request->plugin);
    (void)cJSON_AddStringToObject(end, "task", local->request->task);
    (void)cJSON_AddStringToObject(end, "outcome", outcome);
    (void)cJSON_AddStringToObject(end, "summary", summary);
    local->end = end;
}

/* The acts as a client of the daemon would read them: their details are text so far. */
static cJSON *
parsed(const cJSON *acts)
{
    char  *text = ga_json_print(acts);
    char   why[128];
    cJSON *list = text ? ga_json_parse(text, strlen(text), why, sizeof(why)) : NULL;

    free(text);
    return list ? list : cJSON_CreateArray();
}

static int
none_live(const char *id, void *userdata)
{
    (void)id;
    (void)userdata;
    return 0;
}

static void
on_end(struct run *run, struct run_end *end, void *userdata)
{
    struct local *local = userdata;
    cJSON        *record = record_new(local, "run.end");

    (void)run;
    set_end(local, run_outcome_name(end->outcome), end->summary);
    (void)cJSON_AddItemToObject(local->end, "acts", parsed(end->acts));
    (void)cJSON_AddItemToObject(local->end, "result", end->result ? end->result : cJSON_CreateNull());
    end->result = NULL;
    if (end->text)
        (void)cJSON_AddStringToObject(local->end, "text", end->text);
    (void)cJSON_AddStringToObject(record, "outcome", run_outcome_name(end->outcome));
    (void)cJSON_AddStringToObject(record, "summary", end->summary);
    (void)cJSON_AddNumberToObject(record, "ms", (double)(end->ns / NS_PER_MS));
    (void)record_in_journal(local, record);
    local->run = NULL;
    (void)run_kill_strays(none_live, NULL);
    (void)sd_event_exit(local->loop, 0);
}

static const struct run_ops local_ops = {
    .log = on_log,
    .act = on_act,
    .acted = on_acted,
    .emit = on_emit,
    .next = ignore,
    .metric = ignore_metric,
    .progress = on_progress,
    .sandbox = on_sandbox,
    .ready = ignore,
    .beat = ignore,
    .end = on_end,
};

static int
on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct local *local = userdata;

    (void)source;
    (void)info;
    if (local->run)
        run_cancel(local->run, CANCEL_GRACE_NS, "cancelled by hand");
    return 0;
}

static void
open_journal(struct local *local, const cJSON *agent)
{
    const char *state_dir = text_of(agent, "state_dir");
    const char *max_size = text_of(agent, "journal_max_size");
    const char *files = text_of(agent, "journal_files");
    char        why[384] = "";

    if (local->request->dry_run)
        return;
    (void)mkdir(state_dir, 0750); /* the journal tells when it is missing */
    if (journal_open(state_dir, max_size ? strtoull(max_size, NULL, 10) : 64 << 20,
                     files ? (unsigned)strtoul(files, NULL, 10) : 8, &local->journal, why, sizeof(why)) < 0)
        (void)snprintf(local->no_journal, sizeof(local->no_journal), "acts cannot be recorded: %s", why);
}

static int
begin(struct local *local, const cJSON *plugin, char *why, size_t why_len)
{
    const struct local_request *request = local->request;
    const cJSON                *agent = cJSON_GetObjectItemCaseSensitive(request->compiled, "agent");
    const char                 *timeout = text_of(local->task, "timeout_ns");
    struct run_request          run_request = {
                 .state_dir = text_of(agent, "state_dir"),
                 .sandbox = text_of(agent, "sandbox"),
                 .plugin = plugin,
                 .task = local->task,
                 .args = request->args,
                 .rules = request->rules,
                 .timeout_ns = timeout ? strtoll(timeout, NULL, 10) : 0,
                 .dry_run = request->dry_run,
    };
    cJSON *record;
    int    r;

    open_journal(local, agent);
    r = run_start(local->loop, &run_request, &local_ops, local, &local->run, why, why_len);
    if (r < 0)
        return r;
    record = record_new(local, "run.start");
    (void)cJSON_AddStringToObject(record, "trigger", "hand");
    (void)record_in_journal(local, record);
    return 0;
}

static int
cancel_on_signals(struct local *local, sigset_t *ret_before)
{
    sigset_t set;
    int      r;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, ret_before);
    r = sd_event_add_signal(local->loop, NULL, SIGINT, on_signal, local);
    return r < 0 ? r : sd_event_add_signal(local->loop, NULL, SIGTERM, on_signal, local);
}

void
local_run(const struct local_request *request, local_line_fn line, void *userdata, cJSON **ret_end)
{
    struct local local = {.request = request, .line = line, .userdata = userdata};
    const cJSON *plugin = named(cJSON_GetObjectItemCaseSensitive(request->compiled, "plugins"), request->plugin);
    char         why[640] = "";
    sigset_t     before;
    int          r = sd_event_new(&local.loop);

    (void)run_adopt_orphans();
    local.task = named(cJSON_GetObjectItemCaseSensitive(plugin, "tasks"), request->task);
    local.limits = cJSON_GetObjectItemCaseSensitive(plugin, "limits");
    (void)sigprocmask(SIG_BLOCK, NULL, &before);
    if (!local.task) {
        (void)snprintf(why, sizeof(why), "the manifest has no task %s %s", request->plugin, request->task);
        r = -ENOENT;
    }
    if (r >= 0)
        r = cancel_on_signals(&local, &before);
    if (r >= 0)
        r = begin(&local, plugin, why, sizeof(why));
    if (r >= 0)
        (void)sd_event_loop(local.loop);
    if (!local.end)
        set_end(&local, "failed", *why ? why : "cannot set up the event loop");
    journal_close(local.journal);
    sd_event_unref(local.loop);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_end = local.end;
}

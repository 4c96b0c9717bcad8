/* runner.c: the process of one run. */
#include "agent/runner.h"
#include "kit/json.h"

#include "agent/host.h"
#include "agent/load.h"
#include "agent/rlimits.h"
#include "agent/sandbox.h"
#include "agent/secrets.h"
#include "agent/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WIRE_FD 3
#define JOB_FD 4
#define RESULT_FD 5
#define TEXT_FD 6
#define JOB_MAX (16u << 20)
#define EXIT_USAGE 2
#define DESCRIBE_LIMITS "{\"memory\":\"1073741824\"}" /* a constructor is a stranger's, too */
#define SENTENCE_MAX 1024

static const char *
text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* A member that the supervisor always writes. */
static const char *
demand_text(struct ga_run *run, const cJSON *job, const char *key)
{
    const char *text = text_of(job, key);

    if (!text)
        host_fail(run, "load", "the job names no '%s'", key);
    return text;
}

/* Was this process started by a supervisor? What it starts itself must not inherit its descriptors. */
static int
is_runner(void)
{
    int       type = 0;
    socklen_t len = sizeof(type);

    if (getsockopt(WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
        return 0;
    for (int fd = WIRE_FD; fd <= RESULT_FD; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return 0;
    (void)fcntl(TEXT_FD, F_SETFD, FD_CLOEXEC); /* there is none in mode "describe" */
    return 1;
}

static cJSON *
read_job(struct ga_run *run)
{
    char  *text = NULL;
    size_t len = 0;
    cJSON *job = NULL;
    int    r = fd_read_all(JOB_FD, JOB_MAX, &text, &len);

    if (r < 0)
        host_fail(run, "load", "the job cannot be read: %s", strerrordesc_np(-r));
    job = wire_parse(text, len);
    explicit_bzero(text, len);
    free(text);
    (void)close(JOB_FD);
    if (!cJSON_IsObject(job))
        host_fail(run, "load", "the job is no JSON object");
    return job;
}

/* The plugin's own folder; without it the run goes on, and what needs it says so. */
static void
open_state(struct ga_run *run, const char *path)
{
    if (!path)
        return;
    run->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    run->never_ran = run->state_fd < 0 && errno == ENOENT && run->dry_run; /* a dry run makes no folder either */
    if (run->never_ran)
        return;
    if (run->state_fd < 0)
        host_log(run, GA_LOG_ERR, "cannot open the plugin's folder '%s': %m", path);
    else
        host_state_tidy(run->state_fd);
}

static void
say_sandbox(struct ga_run *run, const char *text)
{
    cJSON *packet = host_packet("sandbox");

    (void)cJSON_AddStringToObject(packet, "text", text);
    if (packet)
        (void)host_send(run, packet);
}

/* From here on the process can do only what the rules say. */
static void
close_sandbox(struct ga_run *run, const cJSON *job, const cJSON *limits, const char *state_dir, int plugin_fd)
{
    const char            *mode = text_of(job, "sandbox");
    struct sandbox_request request = {.mode = mode ? mode : "best-effort",
                                      .rules = cJSON_GetObjectItemCaseSensitive(job, "rules"),
                                      .state_dir = state_dir,
                                      .plugin_fd = plugin_fd};
    char                   text[SENTENCE_MAX] = "";

    if (rlimits_set(limits, text, sizeof(text)) < 0)
        host_fail(run, "sandbox", "%s", text);
    if (sandbox_enter(&request, sandbox_abi(), text, sizeof(text)) < 0)
        host_fail(run, "sandbox", "%s", text);
    say_sandbox(run, text);
}

static void
load(struct ga_run *run, int fd, const char *path)
{
    char text[SENTENCE_MAX] = "";

    if (load_plugin(fd, path, &run->plugin, text, sizeof(text)) < 0)
        host_fail(run, "load", "%s", text);
    (void)close(fd);
}

/* The descriptor goes where the result would. */
static _Noreturn void
describe(struct ga_run *run)
{
    cJSON *doc = load_describe(run->plugin);
    char  *text = doc ? ga_json_print(doc) : NULL;
    size_t len = text ? strlen(text) : 0;

    if (!text)
        host_fail(run, "load", "no memory for the descriptor of %s", run->plugin->name);
    for (size_t at = 0; at < len;) {
        ssize_t n = pwrite(run->result_fd, text + at, len - at, (off_t)at);

        if (n < 0 && errno != EINTR)
            host_fail(run, "load", "cannot write the descriptor of %s: %m", run->plugin->name);
        at += n > 0 ? (size_t)n : 0;
    }
    host_send_end(run, GA_OK, run->plugin->summary, "task");
    _exit(0);
}

static _Noreturn void
call(struct ga_run *run)
{
    int outcome = run->task->function(run, &host_table);

    if (getpid() != run->pid)
        _exit(1); /* a child that the task forked came back here */
    if (outcome < GA_OK || outcome > GA_FAILED)
        host_fail(run, "contract", "task '%s' returned %d, which is no outcome", run->task->name, outcome);
    (void)fflush(stdout);
    host_send_end(run, outcome, run->summary ? run->summary : "", "task");
    _exit(0);
}

static _Noreturn void
run_job(struct ga_run *run, const cJSON *job)
{
    const char  *path = demand_text(run, job, "file");
    const char  *mode = demand_text(run, job, "mode");
    int          describing = strcmp(mode, "describe") == 0;
    const char  *task = describing ? NULL : demand_text(run, job, "task");
    const char  *state_dir = describing ? NULL : text_of(job, "state_dir");
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(job, "limits");
    char         text[SENTENCE_MAX] = "";
    int          fd = -1;

    run->options = cJSON_GetObjectItemCaseSensitive(job, "options");
    run->args = cJSON_GetObjectItemCaseSensitive(job, "args");
    if (!describing &&
        (secrets_resolve(&run->secrets, run->options) < 0 || secrets_resolve(&run->secrets, run->args) < 0))
        host_fail(run, "load", "no memory for the secrets");
    open_state(run, state_dir);
    if (load_open(path, &fd, text, sizeof(text)) < 0)
        host_fail(run, "load", "%s", text);
    if (describing && !limits)
        limits = cJSON_Parse(DESCRIBE_LIMITS);
    close_sandbox(run, job, limits, state_dir, fd);
    load(run, fd, path);
    if (describing)
        describe(run);
    run->task = load_task(run->plugin, task);
    if (!run->task)
        host_fail(run, "load", "%s: has no task '%s' (any more), run gonka-agent check", path, task);
    host_values_check(run);
    call(run);
}

int
runner_main(void)
{
    static struct ga_run run = {.wire_fd = WIRE_FD,
                                .result_fd = RESULT_FD,
                                .text_fd = TEXT_FD,
                                .state_fd = -1,
                                .cancel_fd = -1,
                                .lock = PTHREAD_MUTEX_INITIALIZER};
    const cJSON         *job;
    int                  r;

    if (!is_runner()) {
        (void)fprintf(stderr, "gonka-agent: --runner is for the agent itself: use gonka-agent run PLUGIN TASK\n");
        return EXIT_USAGE;
    }
    run.pid = getpid();
    run.thread = pthread_self();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that hangs up is an error of write(), not the end of a task */
    r = host_catch_cancel(&run);
    if (r < 0)
        host_fail(&run, "load", "cannot prepare to be cancelled: %s", strerrordesc_np(-r));
    job = read_job(&run);
    run.dry_run = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(job, "dry_run"));
    run.resident = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(job, "resident"));
    if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(job, "event")))
        run.event = cJSON_GetObjectItemCaseSensitive(job, "event");
    run_job(&run, job);
}

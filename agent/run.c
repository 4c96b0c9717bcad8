/* run.c: one run, seen from the supervisor. */
#include "agent/run.h"
#include "kit/json.h"

#include "agent/clock.h"
#include "agent/run_job.h"
#include "agent/spawn.h"
#include "agent/wire.h"

#include <gonka-agent/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKETS_A_TURN 64 /* then others have their turn of the loop */
#define GRACE_NS (5 * NS_PER_S)
#define REPORT_MAX (16 << 20)
#define OUTPUT_LINE_MAX 1024
#define DETAILS_KEPT ((size_t)8 << 20) /* bytes of the details of acts in the report */
#define ACTS_KEPT 10000                /* in the report; all are in the journal */

struct run {
    sd_event             *loop;
    const struct run_ops *ops;
    void                 *userdata;
    struct run_end        end;
    char                  id[40];
    char                 *summary;
    char                 *text;
    char                  output[OUTPUT_LINE_MAX + 1];
    size_t                output_len;
    int64_t               started_ns;
    int64_t               timeout_ns;
    pid_t                 pid;
    int                   pidfd;
    int                   wire_fd;
    int                   output_fd;
    int                   result_fd;
    int                   text_fd;
    sd_event_source      *pidfd_source;
    sd_event_source      *wire_source;
    sd_event_source      *output_source;
    sd_event_source      *deadline_source;
    const char           *stopped_by; /* why it was asked to end, or NULL */
    int                   over_deadline;
    int                   killed; /* SIGKILL was needed */
    int                   told_end;
    int                   open_acts;
    int                   answered_acts;
    uint64_t              memory_limit;
    size_t                details_kept;
};

const char *
run_outcome_name(enum run_outcome outcome)
{
    static const char *const names[] = {"ok", "changed", "refused", "unknown", "failed"};

    return outcome <= RUN_FAILED ? names[outcome] : "failed";
}

const char *
run_id(const struct run *run)
{
    return run->id;
}

void *
run_userdata(const struct run *run)
{
    return run->userdata;
}

static void
set_summary(struct run *run, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return;
    free(run->summary);
    run->summary = copy;
}

static void
fail_with(struct run *run, const char *text)
{
    run->end.outcome = RUN_FAILED;
    set_summary(run, text);
}

static void
close_source(sd_event_source **source, int *fd)
{
    *source = sd_event_source_disable_unref(*source);
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void
run_free(struct run *run)
{
    close_source(&run->pidfd_source, &run->pidfd);
    close_source(&run->wire_source, &run->wire_fd);
    close_source(&run->output_source, &run->output_fd);
    run->deadline_source = sd_event_source_disable_unref(run->deadline_source);
    if (run->result_fd >= 0)
        (void)close(run->result_fd);
    if (run->text_fd >= 0)
        (void)close(run->text_fd);
    cJSON_Delete(run->end.acts);
    cJSON_Delete(run->end.result);
    free(run->summary);
    free(run->text);
    free(run);
}

static void
kill_group(struct run *run)
{
    run->killed = 1;
    (void)kill(-run->pid, SIGKILL); /* its number is ours until we reap it */
}

static int
on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct run *run = userdata;

    (void)source;
    (void)usec;
    if (run->stopped_by) {
        kill_group(run);
        return 0;
    }
    run->over_deadline = 1;
    run_cancel(run, GRACE_NS, "deadline");
    return 0;
}

static void
arm_deadline(struct run *run, int64_t ns)
{
    uint64_t at = (uint64_t)((clock_boot_ns() + ns) / NS_PER_US);

    if (run->deadline_source) {
        (void)sd_event_source_set_time(run->deadline_source, at);
        (void)sd_event_source_set_enabled(run->deadline_source, SD_EVENT_ONESHOT);
        return;
    }
    (void)sd_event_add_time(run->loop, &run->deadline_source, CLOCK_BOOTTIME, at, 1000, on_deadline, run);
}

void
run_cancel(struct run *run, int64_t grace_ns, const char *why)
{
    if (!run->stopped_by) {
        run->stopped_by = why;
        (void)syscall(SYS_pidfd_send_signal, run->pidfd, SIGTERM, NULL, 0);
    }
    arm_deadline(run, grace_ns);
}

/* --- packets -------------------------------------------------------------------------------------------------------
 */

static const char *
packet_str(const cJSON *packet, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(packet, key));

    return text ? text : "";
}

static int
packet_int(const cJSON *packet, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(packet, key);

    return cJSON_IsNumber(item) ? item->valueint : -1;
}

/* As text, and only so much of all of them: what a task says must not fill our memory. The journal has the rest. */
static void
keep_details(struct run *run, cJSON *entry, const cJSON *details)
{
    char  *text = cJSON_IsObject(details) ? ga_json_print(details) : NULL;
    size_t len = text ? strlen(text) : 0;

    if (text && run->details_kept + len <= DETAILS_KEPT) {
        run->details_kept += len;
        (void)cJSON_AddRawToObject(entry, "details", text);
    } else if (text) {
        (void)cJSON_AddBoolToObject(entry, "details_left_out", 1);
    }
    free(text);
}

static void
on_act(struct run *run, const cJSON *packet)
{
    cJSON *entry = cJSON_CreateObject();
    char   why[256] = "";
    int    sync_fd = -1;
    int    answer = run->ops->act(run, packet, &sync_fd, why, sizeof(why), run->userdata);
    cJSON *reply = cJSON_CreateObject();

    if (cJSON_GetArraySize(run->end.acts) < ACTS_KEPT && entry) {
        (void)cJSON_AddNumberToObject(entry, "id", packet_int(packet, "id"));
        (void)cJSON_AddStringToObject(entry, "verb", packet_str(packet, "verb"));
        (void)cJSON_AddStringToObject(entry, "object", packet_str(packet, "object"));
        keep_details(run, entry, cJSON_GetObjectItemCaseSensitive(packet, "details"));
        (void)cJSON_AddBoolToObject(entry, "done", 0);
        if (answer == GA_ACT_REFUSED)
            (void)cJSON_AddStringToObject(entry, "refused", why);
        (void)cJSON_AddItemToArray(run->end.acts, entry);
    } else {
        cJSON_Delete(entry);
    }
    if (answer == GA_ACT_DO) {
        run->open_acts++;
        run->answered_acts++;
    }
    (void)cJSON_AddStringToObject(reply, "t", "act");
    (void)cJSON_AddNumberToObject(reply, "id", packet_int(packet, "id"));
    (void)cJSON_AddNumberToObject(reply, "answer", answer);
    (void)cJSON_AddStringToObject(reply, "why", why);
    (void)wire_send(run->wire_fd, reply, sync_fd); /* a runner that is gone is seen by its pidfd */
    cJSON_Delete(reply);
}

static void
on_acted(struct run *run, const cJSON *packet)
{
    int    id = packet_int(packet, "id");
    int    ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(packet, "ok"));
    cJSON *entry;

    if (run->open_acts > 0)
        run->open_acts--;
    run->ops->acted(run, packet, run->userdata);
    cJSON_ArrayForEach(entry, run->end.acts)
    {
        if (packet_int(entry, "id") != id)
            continue;
        cJSON_ReplaceItemInObjectCaseSensitive(entry, "done", cJSON_CreateBool(1));
        (void)cJSON_AddBoolToObject(entry, "ok", ok);
        (void)cJSON_AddStringToObject(entry, "note", packet_str(packet, "note"));
        return;
    }
}

static void
on_emit(struct run *run, const cJSON *packet)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(packet, "payload");
    char        *text = cJSON_IsObject(payload) ? ga_json_print(payload) : strdup("{}");

    if (text && strlen(text) <= BUS_PAYLOAD_MAX && topic_valid(packet_str(packet, "topic")))
        run->ops->emit(run, packet_str(packet, "topic"), text, run->userdata);
    else
        run->end.events_refused++;
    free(text);
}

static void
on_end_packet(struct run *run, const cJSON *packet)
{
    int outcome = packet_int(packet, "outcome");

    run->told_end = 1;
    run->end.outcome = outcome >= RUN_OK && outcome <= RUN_FAILED ? (enum run_outcome)outcome : RUN_FAILED;
    set_summary(run, packet_str(packet, "summary"));
}

static void
on_log_packet(struct run *run, const cJSON *packet)
{
    int level = packet_int(packet, "level");

    run->ops->log(run, level >= 3 && level <= 7 ? level : 6, packet_str(packet, "text"), run->userdata);
}

/* 0, or -EBADMSG: no packet that a runner sends. */
static int
dispatch(struct run *run, const cJSON *packet)
{
    const char *type = packet_str(packet, "t");

    if (strcmp(type, "log") == 0)
        on_log_packet(run, packet);
    else if (strcmp(type, "act") == 0)
        on_act(run, packet);
    else if (strcmp(type, "acted") == 0)
        on_acted(run, packet);
    else if (strcmp(type, "emit") == 0)
        on_emit(run, packet);
    else if (strcmp(type, "next") == 0)
        run->ops->next(run, run->userdata);
    else if (strcmp(type, "metric") == 0)
        run->ops->metric(run, packet_str(packet, "name"), strtod(packet_str(packet, "value"), NULL), run->userdata);
    else if (strcmp(type, "progress") == 0)
        run->ops->progress(run, packet, run->userdata);
    else if (strcmp(type, "sandbox") == 0)
        run->ops->sandbox(run, packet_str(packet, "text"), run->userdata);
    else if (strcmp(type, "ready") == 0)
        run->ops->ready(run, run->userdata);
    else if (strcmp(type, "beat") == 0)
        run->ops->beat(run, run->userdata);
    else if (strcmp(type, "end") == 0)
        on_end_packet(run, packet);
    else
        return -EBADMSG;
    return 0;
}

/* Reads at most `most` packets. 0 nothing left, 1 there may be more, -errno closed or rubbish. */
static int
read_packets(struct run *run, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        cJSON *packet = NULL;
        int    passed = -1;
        int    r = wire_recv(run->wire_fd, &packet, &passed);

        if (passed >= 0)
            (void)close(passed); /* runners pass nothing */
        if (r == -EAGAIN)
            return 0;
        if (r == 0)
            r = dispatch(run, packet);
        cJSON_Delete(packet);
        if (r < 0)
            return r;
    }
    return 1;
}

static int
on_wire(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct run *run = userdata;
    int         r = read_packets(run, PACKETS_A_TURN);

    (void)source;
    (void)fd;
    (void)revents;
    if (r == -EBADMSG) {
        run->end.rubbish = 1;
        kill_group(run);
    }
    if (r < 0)
        run->wire_source = sd_event_source_disable_unref(run->wire_source);
    return 0;
}

static void
flush_output(struct run *run)
{
    if (run->output_len == 0)
        return;
    run->output[run->output_len] = '\0';
    run->output_len = 0;
    wire_text_repair(run->output); /* a library may print anything, and what follows is JSON */
    run->ops->log(run, 6, run->output, run->userdata);
}

/* 0 nothing left for now, 1 there may be more, -1 closed. */
static int
read_output(struct run *run)
{
    char    buf[4096];
    ssize_t n = read(run->output_fd, buf, sizeof(buf));

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return -1;
    if (n < 0)
        return 0;
    for (ssize_t i = 0; i < n; i++) {
        if (buf[i] == '\n' || run->output_len == OUTPUT_LINE_MAX)
            flush_output(run);
        if (buf[i] != '\n' && buf[i] != '\0')
            run->output[run->output_len++] = buf[i];
    }
    return 1;
}

static int
on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct run *run = userdata;

    (void)source;
    (void)fd;
    (void)revents;
    if (read_output(run) < 0)
        run->output_source = sd_event_source_disable_unref(run->output_source);
    return 0;
}

/* --- the end -------------------------------------------------------------------------------------------------------
 */

static void
judge_death(struct run *run, const siginfo_t *info)
{
    char text[256];
    char limit[96] = "";
    int  crashed = info->si_code != CLD_EXITED && (info->si_status == SIGABRT || info->si_status == SIGSEGV ||
                                                  info->si_status == SIGBUS || info->si_status == SIGKILL);

    if (run->memory_limit && crashed) /* what a library makes of a refused allocation looks like this */
        (void)snprintf(limit, sizeof(limit),
                       " (its memory limit is %" PRIu64 " MiB, see limits.memory in the manifest)",
                       run->memory_limit >> 20);
    if (info->si_code == CLD_EXITED)
        (void)snprintf(text, sizeof(text), "the task's process exited with status %d before the task returned",
                       info->si_status);
    else
        (void)snprintf(text, sizeof(text), "the task's process was killed by SIG%s%s",
                       sigabbrev_np(info->si_status) ? sigabbrev_np(info->si_status) : "?", limit);
    fail_with(run, text);
}

static void
judge_end(struct run *run, const siginfo_t *info)
{
    char text[256];

    run->end.cancelled = run->stopped_by && !run->over_deadline;
    if (run->end.rubbish) {
        fail_with(run, "sent what is no packet to the agent and was killed");
    } else if (run->over_deadline) {
        (void)snprintf(text, sizeof(text), "did not end within its timeout of %.3g s, ended by %s%s%.120s",
                       (double)run->timeout_ns / 1e9, run->killed ? "SIGKILL" : "SIGTERM",
                       run->told_end && *run->summary ? ": " : "", run->told_end ? run->summary : "");
        fail_with(run, text);
    } else if (!run->told_end && run->end.cancelled) {
        (void)snprintf(text, sizeof(text), "ended: %s", run->stopped_by);
        run->end.outcome = RUN_UNKNOWN;
        set_summary(run, text);
    } else if (!run->told_end || info->si_code != CLD_EXITED || info->si_status != 0) {
        judge_death(run, info);
    } else if (run->open_acts > 0) {
        (void)snprintf(text, sizeof(text), "%d act(s) begun and never confirmed: %.150s", run->open_acts,
                       run->summary ? run->summary : "");
        fail_with(run, text);
    }
}

static void
read_reports(struct run *run)
{
    char  *json = NULL;
    size_t len = 0;

    if (fd_read_all(run->result_fd, REPORT_MAX, &json, &len) == 0 && len > 0) {
        run->end.result = wire_parse(json, len);
        if (!run->end.result)
            run->ops->log(run, 4, "the task's result is no JSON and was left out", run->userdata);
    }
    free(json);
    if (fd_read_all(run->text_fd, REPORT_MAX, &run->text, &len) == 0 && len > 0) {
        wire_text_repair(run->text);
        run->end.text = run->text;
    }
}

static int
on_death(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct run *run = userdata;
    siginfo_t   info = {.si_pid = 0};

    (void)source;
    (void)fd;
    (void)revents;
    /* the group first: as long as the leader is not reaped its number cannot be anybody else's */
    (void)kill(-run->pid, SIGKILL);
    while (waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    for (unsigned turns = 0; run->wire_source && turns < 1000; turns++) {
        int r = read_packets(run, PACKETS_A_TURN);

        if (r == -EBADMSG)
            run->end.rubbish = 1;
        if (r <= 0)
            break;
    }
    for (unsigned turns = 0; run->output_source && turns < 1000 && read_output(run) == 1; turns++)
        ;
    flush_output(run);
    judge_end(run, &info);
    read_reports(run);
    run->end.summary = run->summary ? run->summary : "";
    run->end.ns = clock_boot_ns() - run->started_ns;
    run->ops->end(run, &run->end, run->userdata);
    run_free(run);
    return 0;
}

void
run_send_event(struct run *run, const struct event *event)
{
    cJSON *packet = cJSON_CreateObject();

    if (packet && job_add_event(packet, event) == 0 && cJSON_AddStringToObject(packet, "t", "event"))
        (void)wire_send(run->wire_fd, packet, -1);
    cJSON_Delete(packet);
}

/* --- the start -----------------------------------------------------------------------------------------------------
 */

static int
watch(struct run *run)
{
    int r = sd_event_add_io(run->loop, &run->pidfd_source, run->pidfd, EPOLLIN, on_death, run);

    if (r >= 0)
        r = sd_event_add_io(run->loop, &run->wire_source, run->wire_fd, EPOLLIN, on_wire, run);
    if (r >= 0)
        r = sd_event_add_io(run->loop, &run->output_source, run->output_fd, EPOLLIN, on_output, run);
    if (r < 0)
        return r;
    /* the end is looked at after what was said before it */
    (void)sd_event_source_set_priority(run->pidfd_source, SD_EVENT_PRIORITY_NORMAL + 10);
    if (run->timeout_ns > 0)
        arm_deadline(run, run->timeout_ns);
    return 0;
}

static int
spawn_runner(struct run *run, const struct run_request *request)
{
    static const char *const argv[] = {"gonka-agent", "--runner", NULL};
    char                     mark[64];
    const char              *extra_env[] = {mark, NULL};
    const char              *pass_env[JOB_ENV_MAX + 1] = {NULL};
    int                      wire[2] = {-1, -1};
    int                      output[2] = {-1, -1};
    int                      job_fd = -1;
    int                      r = job_make(request, &job_fd, pass_env);

    if (r == 0 && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wire) < 0 || pipe2(output, O_CLOEXEC) < 0))
        r = -errno;
    if (r == 0) {
        struct spawn spawn = {.argv = argv,
                              .extra_env = extra_env,
                              .pass_env = pass_env,
                              .output_fd = output[1],
                              .fds = {wire[1], job_fd, run->result_fd, run->text_fd},
                              .n_fds = 4};

        (void)fcntl(wire[0], F_SETFL, O_NONBLOCK);
        (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
        (void)snprintf(mark, sizeof(mark), "GONKA_AGENT_RUN=%s", run->id);
        r = spawn_self(&spawn, &run->pid, &run->pidfd);
    }
    run->wire_fd = wire[0];
    run->output_fd = output[0];
    if (wire[1] >= 0)
        (void)close(wire[1]);
    if (output[1] >= 0)
        (void)close(output[1]);
    if (job_fd >= 0)
        (void)close(job_fd);
    return r;
}

int
run_start(sd_event *loop, const struct run_request *request, const struct run_ops *ops, void *userdata,
          struct run **ret, char *reterr, size_t reterr_len)
{
    static unsigned counter;
    struct run     *run = calloc(1, sizeof(*run));
    int             r;

    if (!run)
        return -ENOMEM;
    *run = (struct run){.loop = loop,
                        .ops = ops,
                        .userdata = userdata,
                        .started_ns = clock_boot_ns(),
                        .timeout_ns = request->timeout_ns,
                        .pidfd = -1,
                        .wire_fd = -1,
                        .output_fd = -1,
                        .memory_limit = job_memory_limit(request->plugin)};
    (void)snprintf(run->id, sizeof(run->id), "%" PRIx64 "-%x", (uint64_t)(clock_real_ns() / NS_PER_US), ++counter);
    run->end.acts = cJSON_CreateArray();
    run->result_fd = memfd_from("result", NULL, 0);
    run->text_fd = memfd_from("text", NULL, 0);
    r = run->result_fd < 0 ? run->result_fd : run->text_fd < 0 ? run->text_fd : 0;
    if (r == 0)
        r = spawn_runner(run, request);
    if (r == 0)
        r = watch(run);
    if (r == 0) {
        *ret = run;
        return 0;
    }
    errno = -r;
    (void)snprintf(reterr, reterr_len, "cannot start a runner: %m");
    if (run->pid > 0) {
        (void)kill(-run->pid, SIGKILL);
        (void)waitpid(run->pid, NULL, 0);
    }
    run_free(run);
    return r;
}

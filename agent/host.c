/* host.c: the host functions, in terms of the wire. */
#include "agent/host.h"
#include "kit/json.h"

#include "agent/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define METRIC_MAX 64
#define WHAT_MAX 256
#define NS_PER_S 1000000000LL
#define ORPHAN_GRACE_S 5       /* for a run whose supervisor is gone */
#define BEAT_EVERY_NS NS_PER_S /* more of them say nothing more */
#define PROGRESS_EVERY_NS (NS_PER_S / 10)

/* The handler of SIGTERM has no other way to know. Written once, by host_catch_cancel(). */
static _Atomic int cancel_flag;
static int         cancel_event = -1;
static int         cancel_wire = -1;

int64_t
host_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- cancelling ----------------------------------------------------------------------------------------------------
 */

void
host_cancel(void)
{
    const uint64_t one = 1;

    cancel_flag = 1;
    if (write(cancel_event, &one, sizeof(one)) < 0)
        return; /* full: it is readable */
}

/* Also sent by the kernel when the supervisor dies; then nobody is left to end a task that does not listen. */
static void
on_sigterm(int signum)
{
    struct pollfd wire = {.fd = cancel_wire, .events = POLLRDHUP};
    int           saved = errno;

    (void)signum;
    host_cancel();
    if (poll(&wire, 1, 0) == 1 && (wire.revents & (POLLRDHUP | POLLHUP))) {
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(ORPHAN_GRACE_S);
    }
    errno = saved;
}

int
host_catch_cancel(struct ga_run *run)
{
    /* no SA_RESTART: blocking calls of the task return */
    struct sigaction action = {.sa_handler = on_sigterm};
    struct pollfd    wire = {.fd = run->wire_fd, .events = POLLRDHUP};

    run->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->cancel_fd < 0)
        return -errno;
    cancel_event = run->cancel_fd;
    cancel_wire = run->wire_fd;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
        return -errno;
    if (poll(&wire, 1, 0) == 1 && (wire.revents & (POLLRDHUP | POLLHUP)))
        (void)raise(SIGTERM); /* it died before it could be waited for */
    return 0;
}

int
host_cancelled(struct ga_run *run)
{
    (void)run;
    return cancel_flag;
}

static int
host_cancel_fd(struct ga_run *run)
{
    return run->cancel_fd;
}

/* --- packets -------------------------------------------------------------------------------------------------------
 */

cJSON *
host_packet(const char *type)
{
    cJSON *packet = cJSON_CreateObject();

    if (packet && !cJSON_AddStringToObject(packet, "t", type)) {
        cJSON_Delete(packet);
        return NULL;
    }
    return packet;
}

int
host_send(struct ga_run *run, cJSON *packet)
{
    int r = packet ? mask_json(&run->mask, packet) : -ENOMEM;

    if (r >= 0) {
        (void)pthread_mutex_lock(&run->lock);
        r = wire_send(run->wire_fd, packet, -1);
        (void)pthread_mutex_unlock(&run->lock);
    }
    cJSON_Delete(packet);
    if (r == -ECONNRESET)
        host_cancel();
    return r;
}

static void
add_number(cJSON *packet, const char *key, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    (void)cJSON_AddStringToObject(packet, key, text);
}

/* A line: no control characters, at most HOST_LOG_MAX bytes, cut between characters. */
static void
make_line(char *text)
{
    size_t len = strlen(text);

    if (len > HOST_LOG_MAX) {
        len = HOST_LOG_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
        text[len] = '\0';
    }
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
}

/* One line without secrets, the caller's to free; NULL: no memory. Masked before it is cut: half a secret is one, too.
 */
char *
host_line(struct ga_run *run, const char *format, va_list args)
{
    char *text;
    char *masked;

    if (vasprintf(&text, format, args) < 0)
        return NULL;
    masked = mask_text(&run->mask, text);
    free(text);
    if (masked) {
        wire_text_repair(masked);
        make_line(masked);
    }
    return masked;
}

__attribute__((format(printf, 3, 0))) static void
send_log(struct ga_run *run, uint32_t level, const char *format, va_list args)
{
    char  *text = host_line(run, format, args);
    cJSON *packet = text ? host_packet("log") : NULL;

    if (level < GA_LOG_ERR || level > GA_LOG_DEBUG)
        level = GA_LOG_INFO;
    (void)cJSON_AddNumberToObject(packet, "level", level);
    (void)cJSON_AddStringToObject(packet, "text", text ? text : "");
    if (packet)
        (void)host_send(run, packet);
    free(text);
}

void
host_log(struct ga_run *run, uint32_t level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_log(run, level, format, args);
    va_end(args);
}

void
host_send_end(struct ga_run *run, int outcome, const char *summary, const char *kind)
{
    cJSON *packet = host_packet("end");

    (void)cJSON_AddNumberToObject(packet, "outcome", outcome);
    (void)cJSON_AddStringToObject(packet, "summary", summary);
    (void)cJSON_AddStringToObject(packet, "kind", kind);
    if (packet)
        (void)host_send(run, packet);
}

void
host_fail(struct ga_run *run, const char *kind, const char *format, ...)
{
    va_list args;
    char   *text;

    va_start(args, format);
    text = host_line(run, format, args);
    va_end(args);
    host_send_end(run, GA_FAILED, text ? text : "no memory", kind);
    (void)fflush(stdout);
    _exit(0); /* the end packet says it all */
}

void
host_own_thread(struct ga_run *run, const char *what)
{
    if (getpid() != run->pid)
        _exit(1); /* a child that was forked and not executed: the run is not its own */
    if (!pthread_equal(pthread_self(), run->thread))
        host_fail(run, "contract", "task '%s' called %s() from a thread of its own", run->task->name, what);
}

/* --- what a task says ----------------------------------------------------------------------------------------------
 */

static void host_log_public(struct ga_run *run, uint32_t level, const char *format, ...) GA_PRINTF(3, 4);

static void
host_log_public(struct ga_run *run, uint32_t level, const char *format, ...)
{
    va_list args;

    if (!format)
        host_fail(run, "contract", "task '%s' called log() with no text", run->task->name);
    va_start(args, format);
    send_log(run, level, format, args);
    va_end(args);
}

static int host_end(struct ga_run *run, int outcome, const char *format, ...) GA_PRINTF(3, 4);

static int
host_end(struct ga_run *run, int outcome, const char *format, ...)
{
    va_list args;
    char   *text;

    host_own_thread(run, "end");
    if (!format)
        host_fail(run, "contract", "task '%s' called end() with no text", run->task->name);
    va_start(args, format);
    text = host_line(run, format, args);
    va_end(args);
    if (text) {
        free(run->summary);
        run->summary = text;
    }
    return outcome;
}

/* Lower snake_case. */
static int
metric_valid(const char *name)
{
    size_t len = name ? strnlen(name, METRIC_MAX + 1) : 0;

    return len > 0 && len <= METRIC_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static void
host_metric(struct ga_run *run, const char *name, double value)
{
    char   text[40];
    cJSON *packet;

    if (!metric_valid(name) || !isfinite(value)) {
        host_log(run, GA_LOG_WARNING, "the metric '%.64s' was left out: %s", name ? name : "",
                 metric_valid(name) ? "its value is no number" : "its name is not in lower snake_case");
        return;
    }
    (void)snprintf(text, sizeof(text), "%.17g", value);
    packet = host_packet("metric");
    (void)cJSON_AddStringToObject(packet, "name", name);
    (void)cJSON_AddStringToObject(packet, "value", text);
    (void)host_send(run, packet);
}

static void
host_progress(struct ga_run *run, const char *what, uint64_t done, uint64_t total)
{
    int64_t now = host_now_ns();
    cJSON  *packet;
    int     due;

    (void)pthread_mutex_lock(&run->lock);
    due = done == total || now - run->progress_ns >= PROGRESS_EVERY_NS;
    if (due)
        run->progress_ns = now;
    (void)pthread_mutex_unlock(&run->lock);
    packet = due ? host_packet("progress") : NULL;
    if (!packet)
        return;
    (void)cJSON_AddItemToObject(packet, "what", cJSON_CreateString(what ? what : ""));
    add_number(packet, "done", done);
    add_number(packet, "total", total);
    if (what && strlen(what) > WHAT_MAX)
        (void)cJSON_ReplaceItemInObjectCaseSensitive(packet, "what", cJSON_CreateString("(too long a text)"));
    (void)host_send(run, packet);
}

static void
host_ready(struct ga_run *run)
{
    host_own_thread(run, "ready");
    (void)host_send(run, host_packet("ready"));
}

static void
host_beat(struct ga_run *run)
{
    int64_t now = host_now_ns();

    host_own_thread(run, "beat");
    if (run->beat_ns && now - run->beat_ns < BEAT_EVERY_NS)
        return;
    run->beat_ns = now;
    (void)host_send(run, host_packet("beat"));
}

static int
host_dry_run(struct ga_run *run)
{
    return run->dry_run;
}

/* --- reports -------------------------------------------------------------------------------------------------------
 */

static int
write_report(struct ga_run *run, int fd, const char *what, const char *text)
{
    size_t len = strlen(text);
    size_t at = 0;

    if (len > HOST_REPORT_MAX) {
        host_log(run, GA_LOG_ERR, "the task's %s was left out: %zu bytes, at most %u can be", what, len,
                 HOST_REPORT_MAX);
        return -1;
    }
    if (ftruncate(fd, 0) < 0)
        goto fail;
    while (at < len) {
        ssize_t n = pwrite(fd, text + at, len - at, (off_t)at);

        if (n < 0 && errno != EINTR)
            goto fail;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
fail:
    host_log(run, GA_LOG_ERR, "the task's %s was left out: %m", what);
    return -1;
}

static int
host_result(struct ga_run *run, const char *json)
{
    cJSON *doc;
    char  *text = NULL;
    int    r;

    host_own_thread(run, "result");
    doc = json && strlen(json) <= HOST_REPORT_MAX ? wire_parse(json, strlen(json)) : NULL;
    if (!doc) {
        host_log(run, GA_LOG_ERR, "the task's result was left out: it is not one JSON document of at most %u bytes",
                 HOST_REPORT_MAX);
        return -1;
    }
    r = mask_json(&run->mask, doc);
    if (r > 0)
        text = ga_json_print(doc);
    cJSON_Delete(doc);
    if (r < 0 || (r > 0 && !text)) {
        host_log(run, GA_LOG_ERR, "the task's result was left out: no memory");
        return -1;
    }
    r = write_report(run, run->result_fd, "result", text ? text : json);
    free(text);
    return r;
}

static void
host_text(struct ga_run *run, const char *text)
{
    char *masked;

    host_own_thread(run, "text");
    masked = mask_text(&run->mask, text ? text : "");
    if (!masked) {
        host_log(run, GA_LOG_ERR, "the task's text was left out: no memory");
        return;
    }
    wire_text_repair(masked);
    (void)write_report(run, run->text_fd, "text", masked);
    free(masked);
}

const struct ga_host host_table = {.size = sizeof(struct ga_host),
                                   .abi_major = GA_ABI_MAJOR,
                                   .abi_minor = GA_ABI_MINOR,
                                   .has = host_has,
                                   .str = host_str,
                                   .num = host_num,
                                   .count = host_count,
                                   .map_key = host_map_key,
                                   .str_at = host_str_at,
                                   .num_at = host_num_at,
                                   .log = host_log_public,
                                   .end = host_end,
                                   .act = host_act,
                                   .act_why = host_act_why,
                                   .acted = host_acted,
                                   .dry_run = host_dry_run,
                                   .emit = host_emit,
                                   .next_event = host_next_event,
                                   .state_get = host_state_get,
                                   .state_put = host_state_put,
                                   .metric = host_metric,
                                   .result = host_result,
                                   .text = host_text,
                                   .progress = host_progress,
                                   .cancelled = host_cancelled,
                                   .cancel_fd = host_cancel_fd,
                                   .ready = host_ready,
                                   .beat = host_beat};

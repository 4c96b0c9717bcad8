/* desc_ask.c: has plugins describe themselves, each in a runner of its own, all at once. */
#include "agent/desc.h"

#include "agent/clock.h"
#include "agent/spawn.h"
#include "agent/wire.h"
#include "kit/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (5 * NS_PER_S)
#define AT_ONCE 32
#define DESCRIPTOR_MAX (4u << 20)

struct asked {
    struct desc_request *request;
    pid_t                pid;
    int                  pidfd;
    int                  wire_fd;
    int                  result_fd;
    int                  output_fd;
};

static cJSON *
job_of(const struct desc_request *request, const char *sandbox)
{
    cJSON *job = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(job, "mode", "describe");
    (void)cJSON_AddStringToObject(job, "plugin", request->name);
    (void)cJSON_AddStringToObject(job, "file", request->file);
    (void)cJSON_AddStringToObject(job, "sandbox", sandbox);
    (void)cJSON_AddObjectToObject(job, "rules");
    return job;
}

static int
start(struct asked *asked, const char *sandbox)
{
    static const char *const argv[] = {"gonka-agent", "--runner", NULL};
    cJSON                   *job = job_of(asked->request, sandbox);
    char                    *text = ga_json_print(job);
    int                      wire[2] = {-1, -1};
    int                      job_fd = text ? memfd_from("job", text, strlen(text)) : -ENOMEM;
    int                      text_fd = memfd_from("text", NULL, 0);
    const struct rlimit      most = {.rlim_cur = DESCRIPTOR_MAX, .rlim_max = DESCRIPTOR_MAX};
    int                      r = 0;

    cJSON_Delete(job);
    free(text);
    asked->result_fd = memfd_from("descriptor", NULL, 0);
    asked->output_fd = memfd_from("output", NULL, 0);
    if (job_fd < 0 || text_fd < 0 || asked->result_fd < 0 || asked->output_fd < 0)
        r = -EMFILE;
    else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wire) < 0)
        r = -errno;
    if (r == 0)
        r = spawn_self(&(struct spawn){.argv = argv,
                                       .output_fd = asked->output_fd,
                                       .fds = {wire[1], job_fd, asked->result_fd, text_fd},
                                       .n_fds = 4},
                       &asked->pid, &asked->pidfd);
    if (r == 0) /* what it prints and reports lies in memory: not without end */
        (void)prlimit(asked->pid, RLIMIT_FSIZE, &most, NULL);
    asked->wire_fd = wire[0];
    if (wire[0] >= 0)
        (void)fcntl(wire[0], F_SETFL, O_NONBLOCK);
    if (wire[1] >= 0)
        (void)close(wire[1]);
    if (job_fd >= 0)
        (void)close(job_fd);
    if (text_fd >= 0)
        (void)close(text_fd);
    return r;
}

/* What the runner said at its end: 1 good, 0 with the reason in the request's error. */
static int
read_verdict(struct asked *asked)
{
    struct desc_request *request = asked->request;
    int                  good = 0;

    for (;;) {
        cJSON *packet = NULL;
        int    passed = -1;

        if (wire_recv(asked->wire_fd, &packet, &passed) < 0)
            return good;
        if (passed >= 0)
            (void)close(passed);
        if (ga_json_str(packet, "t") && strcmp(ga_json_str(packet, "t"), "end") == 0) {
            const cJSON *outcome = ga_json_get(packet, "outcome");
            const char  *summary = ga_json_str(packet, "summary");

            good = cJSON_IsNumber(outcome) && outcome->valueint == 0;
            if (!good)
                (void)snprintf(request->error, sizeof(request->error), "%s", summary ? summary : "failed");
        }
        cJSON_Delete(packet);
    }
}

/* The first line that it wrote, for a process that said nothing on the wire. */
static void
last_words(const struct asked *asked, char *buf, size_t len)
{
    char    line[200];
    ssize_t n = pread(asked->output_fd, line, sizeof(line) - 1, 0);

    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    if (*line)
        wire_text_repair(line);
    (void)snprintf(buf, len, "%s%s", *line ? ": " : "", line);
}

/* The reason why there is no descriptor, where its process gave none. */
static void
explain(const struct asked *asked, const siginfo_t *info, const char *why)
{
    struct desc_request *request = asked->request;
    char                 words[256];
    const char          *name = sigdescr_np(info->si_status);

    last_words(asked, words, sizeof(words));
    if (why)
        (void)snprintf(request->error, sizeof(request->error), "%s: what it says of itself is no descriptor: %s",
                       request->file, why);
    else if (info->si_code == CLD_EXITED)
        (void)snprintf(request->error, sizeof(request->error),
                       "%s cannot be loaded: its process ended with status %d before it had described itself%s",
                       request->file, info->si_status, words);
    else
        (void)snprintf(request->error, sizeof(request->error),
                       "%s cannot be loaded: its process was ended by signal %d (%s)%s", request->file, info->si_status,
                       name ? name : "unknown", words);
}

static void
read_descriptor(struct asked *asked, const siginfo_t *info)
{
    struct desc_request *request = asked->request;
    char                *text = NULL;
    size_t               len = 0;
    char                 why[256] = "";
    cJSON               *json;

    if (fd_read_all(asked->result_fd, DESCRIPTOR_MAX, &text, &len) < 0) {
        explain(asked, info, "more than 4 MiB");
        return;
    }
    json = ga_json_parse(text, len, why, sizeof(why));
    free(text);
    request->desc = json ? desc_from_json(json, why, sizeof(why)) : NULL;
    cJSON_Delete(json);
    if (request->desc && strcmp(request->desc->name, request->name) != 0) {
        (void)snprintf(why, sizeof(why), "it calls itself '%s'", request->desc->name);
        desc_free(request->desc);
        request->desc = NULL;
    }
    if (!request->desc)
        explain(asked, info, why);
}

static void
judge(struct asked *asked, const siginfo_t *info, int late)
{
    struct desc_request *request = asked->request;

    if (late)
        (void)snprintf(request->error, sizeof(request->error),
                       "%s did not describe itself within 5 s (does it wait for something when it is loaded?)",
                       request->file);
    else if (read_verdict(asked))
        read_descriptor(asked, info);
    else if (!*request->error)
        explain(asked, info, NULL);
}

static void
finish(struct asked *asked, int late)
{
    siginfo_t info = {.si_pid = 0};

    (void)kill(-asked->pid, SIGKILL);
    while (waitid(P_PIDFD, (id_t)asked->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    judge(asked, &info, late);
    (void)close(asked->pidfd);
    asked->pidfd = -1;
}

static void
close_rest(const struct asked *asked)
{
    if (asked->wire_fd >= 0)
        (void)close(asked->wire_fd);
    if (asked->result_fd >= 0)
        (void)close(asked->result_fd);
    if (asked->output_fd >= 0)
        (void)close(asked->output_fd);
}

static void
wait_for(struct asked *asked, size_t n)
{
    int64_t until = clock_boot_ns() + DEADLINE_NS;

    for (;;) {
        struct pollfd fds[AT_ONCE];
        size_t        live = 0;
        int64_t       left = until - clock_boot_ns();

        for (size_t i = 0; i < n; i++) {
            fds[i] = (struct pollfd){.fd = asked[i].pidfd, .events = POLLIN};
            live += asked[i].pidfd >= 0;
        }
        if (live == 0)
            return;
        if (left > 0 && poll(fds, n, (int)(left / NS_PER_MS) + 1) < 0 && errno != EINTR)
            left = 0;
        for (size_t i = 0; i < n; i++)
            if (asked[i].pidfd >= 0 && (left <= 0 || fds[i].revents))
                finish(&asked[i], !fds[i].revents);
    }
}

void
desc_ask(struct desc_request *requests, size_t n, const char *sandbox)
{
    for (size_t from = 0; from < n; from += AT_ONCE) {
        struct asked asked[AT_ONCE];
        size_t       some = n - from < AT_ONCE ? n - from : AT_ONCE;

        for (size_t i = 0; i < some; i++) {
            int r;

            asked[i] = (struct asked){
                .request = &requests[from + i], .pidfd = -1, .wire_fd = -1, .result_fd = -1, .output_fd = -1};
            r = start(&asked[i], sandbox);
            if (r < 0) {
                errno = -r;
                (void)snprintf(requests[from + i].error, sizeof(requests[from + i].error), "cannot start a runner: %m");
            }
        }
        wait_for(asked, some);
        for (size_t i = 0; i < some; i++)
            close_rest(&asked[i]);
    }
}

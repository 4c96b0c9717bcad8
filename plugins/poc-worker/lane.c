/* lane.c: the parent's side of a lane. */
#include "plugins/poc-worker/lane.h"

#include "plugins/poc-worker/child.h"
#include "plugins/poc-worker/lane_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GENTLE 5 /* nice value: a quarter of what others get */

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
serve_lane(const void *arg, int fd)
{
    const struct poc_lane_spec *spec = arg;

    if (spec->gentle)
        (void)setpriority(PRIO_PROCESS, 0, GENTLE);
    (spec->serve ? spec->serve : lane_child)(spec, fd);
}

int
poc_lane_start(const struct poc_lane_spec *spec, struct poc_lane *ret, char *reterr, size_t reterr_len)
{
    *ret = (struct poc_lane){.pid = -1, .fd = -1, .device = spec->device};
    ret->pid = poc_child_start(SOCK_SEQPACKET, serve_lane, spec, &ret->fd);
    if (ret->pid > 0)
        return 0;
    (void)snprintf(reterr, reterr_len, "cannot start a process for the device: %s", strerrorname_np(errno));
    return -1;
}

int
poc_lane_ask(struct poc_lane *lane, const char *public_key, const int64_t *nonces, uint32_t n)
{
    struct poc_lane_question question = {.n = n, .has_key = public_key != NULL};

    if (lane->fd < 0 || lane->n_open == POC_LANE_QUESTIONS || n == 0 || n > POC_LANE_NONCES ||
        (public_key && strlen(public_key) >= POC_KEY_MAX))
        return -1;
    memcpy(question.nonces, nonces, n * sizeof(*nonces));
    (void)snprintf(question.key, sizeof(question.key), "%s", public_key ? public_key : "");
    lane->n[lane->n_open++] = n;
    return send(lane->fd, &question, sizeof(question), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Takes its leave: how did it end? */
static void
bury(struct poc_lane *lane, struct poc_lane_message *ret)
{
    char how[256];
    int  status = 0;

    (void)close(lane->fd);
    lane->fd = -1;
    while (waitpid(lane->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    lane->pid = -1;
    if (ret->news == POC_LANE_FAILED && ret->text[0])
        return; /* it has said why */
    memset(ret, 0, sizeof(*ret));
    ret->news = POC_LANE_FAILED;
    (void)snprintf(ret->text, sizeof(ret->text), "its process %s", poc_child_end(status, how, sizeof(how)));
}

int
poc_lane_read(struct poc_lane *lane, int timeout_ms, int cancel_fd, struct poc_lane_message *ret)
{
    struct pollfd pollers[2] = {{.fd = lane->fd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
    int64_t       deadline = now_ms() + timeout_ms;
    ssize_t       got;

    for (;;) {
        int64_t left = timeout_ms < 0 ? -1 : deadline - now_ms();

        if (timeout_ms >= 0 && left < 0)
            left = 0;
        if (poll(pollers, 2, (int)left) >= 0)
            break;
        if (errno != EINTR)
            return -1;
    }
    if (pollers[1].revents)
        return -1;
    if (!pollers[0].revents)
        return 0;
    memset(ret, 0, sizeof(*ret));
    got = recv(lane->fd, ret, sizeof(*ret), 0);
    if (got != (ssize_t)sizeof(*ret) || ret->news > POC_LANE_FAILED || ret->n > POC_LANE_NONCES ||
        (ret->news == POC_LANE_DISTANCES && (lane->n_open == 0 || ret->n != lane->n[0]))) {
        if (got > 0)
            (void)kill(lane->pid, SIGKILL);
        ret->news = POC_LANE_DISTANCES; /* whatever it sent does not count */
        bury(lane, ret);
        return 1;
    }
    ret->text[sizeof(ret->text) - 1] = 0;
    ret->path[sizeof(ret->path) - 1] = 0;
    if (ret->news == POC_LANE_FAILED) {
        (void)kill(lane->pid, SIGKILL);
        bury(lane, ret);
    } else if (ret->news == POC_LANE_DISTANCES) {
        lane->n_open--;
        memmove(lane->n, lane->n + 1, lane->n_open * sizeof(*lane->n));
    }
    return 1;
}

void
poc_lane_end(struct poc_lane *lane)
{
    if (lane->fd >= 0)
        (void)close(lane->fd);
    lane->fd = -1;
    poc_child_kill(lane->pid);
    lane->pid = -1;
}

/* --- one answer from a child ---------------------------------------------------------------------------------------
 */

struct trial {
    int  done; /* 1: what follows is the answer, -1: the sentence */
    char why[1024];
    _Alignas(max_align_t) char answer[];
};

/* What the child gets: its work, and where the answer goes. */
struct trial_work {
    int (*work)(void *ret, char *reterr, size_t reterr_len);
    struct trial *trial;
};

static void
run_trial(const void *arg, int fd)
{
    const struct trial_work *work = arg;
    int                      r = work->work(work->trial->answer, work->trial->why, sizeof(work->trial->why));

    (void)fd;
    work->trial->done = r == 0 ? 1 : -1;
}

/* Waits for the child's end. Its wait status, or -1: it was too slow and is killed. */
static int
wait_trial(pid_t pid, int fd, int timeout_ms)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int           status = 0;
    int           in_time = poll(&poller, 1, timeout_ms) != 0; /* the socket ends with the child */

    if (!in_time)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return in_time ? status : -1;
}

int
poc_lane_try(int (*work)(void *ret, char *reterr, size_t reterr_len), void *ret, size_t len, int timeout_ms,
             char *reterr, size_t reterr_len)
{
    size_t            bytes = sizeof(struct trial) + len;
    struct trial     *trial = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct trial_work own = {.work = work, .trial = trial};
    int               fd = -1;
    pid_t             pid = trial == MAP_FAILED ? -1 : poc_child_start(SOCK_SEQPACKET, run_trial, &own, &fd);
    char              how[256];
    int               status;
    int               r = -1;

    if (pid < 0) {
        (void)snprintf(reterr, reterr_len, "cannot start a process for the drivers: %s", strerrorname_np(errno));
    } else {
        status = wait_trial(pid, fd, timeout_ms);
        (void)close(fd);
        if (trial->done == 1) {
            memcpy(ret, trial->answer, len);
            r = 0;
        } else if (trial->done == -1) {
            (void)snprintf(reterr, reterr_len, "%.1000s", trial->why);
        } else if (status == -1) {
            (void)snprintf(reterr, reterr_len, "the OpenCL drivers did not answer within %d s", timeout_ms / 1000);
        } else {
            (void)snprintf(reterr, reterr_len, "the OpenCL drivers were asked for their devices: the process %s",
                           poc_child_end(status, how, sizeof(how)));
        }
    }
    if (trial != MAP_FAILED)
        (void)munmap(trial, bytes);
    return r;
}

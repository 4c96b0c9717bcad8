/* lane.c: the parent's side of a lane. */
#include "plugins/poc-worker/lane.h"

#include "plugins/poc-worker/lane_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: nothing of the parent's is kept but `fd`, and it does not outlive the parent. */
static void
become_child(int fd, pid_t parent)
{
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd > 3)
        (void)close_range(3, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, ~0u, 0);
}

static void
explain_end(int status, char *ret, size_t len)
{
    if (WIFSIGNALED(status))
        (void)snprintf(ret, len,
                       "its process was killed by signal %d (SIG%s)%s: the driver is at fault, or memory; see the "
                       "kernel's log",
                       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        (void)snprintf(ret, len, "its process ended by itself with status %d: the driver called exit()",
                       WEXITSTATUS(status));
}

int
poc_lane_start(const struct poc_lane_spec *spec, struct poc_lane *ret, char *reterr, size_t reterr_len)
{
    const pid_t parent = getpid();
    int         ends[2];

    *ret = (struct poc_lane){.pid = -1, .fd = -1, .device = spec->device};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        (void)snprintf(reterr, reterr_len, "cannot make a socket for the device's process: %s", strerrorname_np(errno));
        return -1;
    }
    ret->pid = fork();
    if (ret->pid == 0) {
        become_child(ends[1], parent);
        (spec->serve ? spec->serve : lane_child)(spec, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    if (ret->pid < 0) {
        (void)snprintf(reterr, reterr_len, "cannot start a process for the device: %s", strerrorname_np(errno));
        (void)close(ends[0]);
        return -1;
    }
    ret->fd = ends[0];
    return 0;
}

int
poc_lane_ask(struct poc_lane *lane, const int64_t *nonces, uint32_t n)
{
    if (lane->fd < 0 || n == 0 || n > POC_LANE_NONCES)
        return -1;
    memcpy(lane->nonces, nonces, n * sizeof(*nonces));
    lane->n = n;
    return send(lane->fd, nonces, n * sizeof(*nonces), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Takes its leave: how did it end? */
static void
bury(struct poc_lane *lane, struct poc_lane_message *ret)
{
    int status = 0;

    (void)close(lane->fd);
    lane->fd = -1;
    while (waitpid(lane->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    lane->pid = -1;
    if (ret->news == POC_LANE_FAILED && ret->text[0])
        return; /* it has said why */
    memset(ret, 0, sizeof(*ret));
    ret->news = POC_LANE_FAILED;
    explain_end(status, ret->text, sizeof(ret->text));
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
        (ret->news == POC_LANE_DISTANCES && ret->n != lane->n)) {
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
        lane->n = 0;
    }
    return 1;
}

void
poc_lane_end(struct poc_lane *lane)
{
    if (lane->fd >= 0)
        (void)close(lane->fd);
    lane->fd = -1;
    if (lane->pid > 0) {
        (void)kill(lane->pid, SIGKILL);
        while (waitpid(lane->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    lane->pid = -1;
}

/* --- one answer from a child ---------------------------------------------------------------------------------------
 */

struct trial {
    int  done; /* 1: what follows is the answer, -1: the sentence */
    char why[1024];
    _Alignas(max_align_t) char answer[];
};

static void
run_trial(int (*work)(void *ret, char *reterr, size_t reterr_len), struct trial *trial)
{
    int r = work(trial->answer, trial->why, sizeof(trial->why));

    trial->done = r == 0 ? 1 : -1;
}

/* Waits for the child's end. Its wait status, or -1: it was too slow and is killed. */
static int
wait_trial(pid_t pid, int fd, int timeout_ms)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int           status = 0;
    int           in_time = poll(&poller, 1, timeout_ms) != 0; /* the pipe ends with the child */

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
    const pid_t   parent = getpid();
    size_t        bytes = sizeof(struct trial) + len;
    struct trial *trial = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int           ends[2] = {-1, -1};
    pid_t         pid = -1;
    int           status;
    int           r = -1;

    if (trial != MAP_FAILED && pipe2(ends, O_CLOEXEC) == 0)
        pid = fork();
    if (pid == 0) {
        become_child(ends[1], parent);
        run_trial(work, trial);
        _exit(0);
    }
    if (pid < 0) {
        (void)snprintf(reterr, reterr_len, "cannot start a process for the drivers: %s", strerrorname_np(errno));
    } else {
        (void)close(ends[1]);
        ends[1] = -1;
        status = wait_trial(pid, ends[0], timeout_ms);
        if (trial->done == 1) {
            memcpy(ret, trial->answer, len);
            r = 0;
        } else if (trial->done == -1) {
            (void)snprintf(reterr, reterr_len, "%.1000s", trial->why);
        } else if (status == -1) {
            (void)snprintf(reterr, reterr_len, "the OpenCL drivers did not answer within %d s", timeout_ms / 1000);
        } else {
            char how[256];

            explain_end(status, how, sizeof(how));
            (void)snprintf(reterr, reterr_len, "the OpenCL drivers were asked for their devices: %s", how);
        }
    }
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    if (trial != MAP_FAILED)
        (void)munmap(trial, bytes);
    return r;
}

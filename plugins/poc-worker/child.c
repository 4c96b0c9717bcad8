/* child.c: starting and ending processes. */
#include "plugins/poc-worker/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

pid_t
poc_child_start(int type, void (*work)(const void *arg, int fd), const void *arg, int *ret_fd)
{
    const pid_t parent = getpid();
    int         ends[2];
    pid_t       pid;

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        become_child(ends[1], parent);
        work(arg, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    if (pid < 0)
        (void)close(ends[0]);
    else
        *ret_fd = ends[0];
    return pid;
}

char *
poc_child_end(int status, char *buf, size_t len)
{
    if (WIFSIGNALED(status))
        (void)snprintf(buf, len,
                       "was killed by signal %d (SIG%s)%s: the driver is at fault, or memory; see the kernel's log",
                       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        (void)snprintf(buf, len, "ended by itself with status %d: the driver called exit()", WEXITSTATUS(status));
    return buf;
}

void
poc_child_kill(pid_t pid)
{
    if (pid <= 0)
        return;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

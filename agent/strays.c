/* strays.c: ends processes that runs have left behind outside their process group. */
#include "agent/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK "GONKA_AGENT_RUN="

int
run_adopt_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static ssize_t
read_proc(const char *path, char *buf, size_t len)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = read(fd, buf, len - 1);
    (void)close(fd);
    if (n >= 0)
        buf[n] = '\0';
    return n;
}

/* The run that a process was started in, from the mark in its environment; NULL when it bears none. */
static const char *
run_of(pid_t pid, char *buf, size_t len)
{
    char        path[64];
    ssize_t     n;
    const char *var = buf;

    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    n = read_proc(path, buf, len);
    if (n <= 0)
        return NULL;
    for (; var < buf + n; var += strlen(var) + 1)
        if (strncmp(var, MARK, sizeof(MARK) - 1) == 0)
            return var + sizeof(MARK) - 1;
    return NULL;
}

/*
 * A child that is dead bears no mark any more. Those that this process has started itself lead a group of their own in
 * its session, and are waited for by whoever started them; any other was left behind by a run.
 */
static int
is_dead_orphan(pid_t pid)
{
    char        path[64];
    char        stat[1024];
    const char *after;
    char        state = 0;
    int         parent = 0;
    int         group = 0;
    int         session = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_proc(path, stat, sizeof(stat)) <= 0)
        return 0;
    after = strrchr(stat, ')'); /* the name before it may hold anything */
    if (!after || sscanf(after + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
        return 0;
    return (state == 'Z' || state == 'X') && (group != pid || session != getsid(0));
}

/*
 * A live child without the mark that is no runner: what this process starts itself is its own program. It was started
 * by a run with an environment of its own (commands are), and its parent is gone.
 */
static int
is_foreign(pid_t pid)
{
    char    path[64];
    char    own[4096];
    char    its[4096];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
    ssize_t m;

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    m = readlink(path, its, sizeof(its) - 1);
    return n > 0 && m > 0 && (n != m || memcmp(own, its, (size_t)n) != 0);
}

/* Ends one child if a run has left it behind: 1, else 0. */
static unsigned
end_stray(pid_t pid, int (*live)(const char *run_id, void *userdata), void *userdata)
{
    char        environ_buf[8192];
    const char *run = run_of(pid, environ_buf, sizeof(environ_buf));
    unsigned    killed;

    if (!run && is_dead_orphan(pid))
        (void)waitpid(pid, NULL, WNOHANG);
    if (run ? live(run, userdata) : !is_foreign(pid))
        return 0;
    killed = kill(pid, SIGKILL) == 0;
    (void)waitpid(pid, NULL, 0);
    return killed;
}

unsigned
run_kill_strays(int (*live)(const char *run_id, void *userdata), void *userdata)
{
    char     children[8192];
    char     path[64];
    unsigned killed = 0;
    unsigned before;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    do { /* what they leave behind in turn, and what did not fit */
        char *at = children;

        before = killed;
        if (read_proc(path, children, sizeof(children)) <= 0)
            return killed;
        for (;;) {
            char *end;
            pid_t pid = (pid_t)strtol(at, &end, 10);

            if (end == at || pid <= 0)
                break;
            if (*end == ' ') /* else the number may be cut */
                killed += end_stray(pid, live, userdata);
            at = end;
        }
    } while (killed > before);
    return killed;
}

/* exec.c: runs a command. */
#include "kit/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OUTPUT_MAX ((size_t)1 << 20)

/* Ours: input is a socket so that writing to a child that has closed it is an error and no SIGPIPE. */
struct child {
    pid_t  pid;
    int    pidfd;
    int    fds[3];
    size_t sent;
    size_t rooms[2];
};

static int64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* --- the start -----------------------------------------------------------------------------------------------------
 */

static const char *const *
environment(const struct ga_exec *exec)
{
    static const char *const plain[] = {DEFAULT_PATH, "LANG=C.UTF-8", NULL};

    return exec->env ? exec->env : plain;
}

/* The program's path: the caller's own PATH plays no part. Owned by the caller; NULL with errno. */
static char *
find_program(const struct ga_exec *exec)
{
    const char *name = exec->argv[0];
    const char *path = NULL;
    char       *found = NULL;

    if (strchr(name, '/')) {
        if (*name != '/')
            errno = EINVAL; /* relative names depend on where we are */
        return *name == '/' ? strdup(name) : NULL;
    }
    for (const char *const *var = environment(exec); *var; var++)
        if (strncmp(*var, "PATH=", 5) == 0)
            path = *var + 5;
    errno = ENOENT;
    while (path && *path) {
        size_t n = strcspn(path, ":");

        if (*path == '/' && asprintf(&found, "%.*s/%s", (int)n, path, name) < 0)
            return NULL;
        if (*path == '/' && access(found, X_OK) == 0)
            return found;
        free(found);
        found = NULL;
        path += n + (path[n] == ':');
    }
    errno = ENOENT;
    return NULL;
}

static int
file_actions(posix_spawn_file_actions_t *actions, const struct ga_exec *exec, const int ends[3])
{
    int r = 0;

    for (int i = 0; r == 0 && i < 3; i++)
        r = posix_spawn_file_actions_adddup2(actions, ends[i], i);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(actions, exec->cwd ? exec->cwd : "/");
    return r;
}

static int
attributes(posix_spawnattr_t *attr)
{
    sigset_t all;
    sigset_t none;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    if (posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) != 0 ||
        posix_spawnattr_setpgroup(attr, 0) != 0 || posix_spawnattr_setsigdefault(attr, &all) != 0)
        return EINVAL;
    return posix_spawnattr_setsigmask(attr, &none);
}

static int
spawn(const struct ga_exec *exec, const char *program, const int ends[3], pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attr;
    int                        r;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attr);
    r = file_actions(&actions, exec, ends);
    if (r == 0)
        r = attributes(&attr);
    if (r == 0)
        r = posix_spawn(ret, program, &actions, &attr, (char *const *)(uintptr_t)exec->argv,
                        (char *const *)(uintptr_t)environment(exec));
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    return -r;
}

/* Descriptors above 2, so that no dup2() of the child treads on another. */
static int
high(int fd)
{
    int copy;

    if (fd > 2)
        return fd;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    (void)close(fd);
    return copy;
}

static int
make_channels(struct child *child, int ends[3])
{
    int pair[2];

    for (int i = 0; i < 3; i++) {
        if (i == 0 ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 : pipe2(pair, O_CLOEXEC) < 0)
            return -errno;
        child->fds[i] = high(pair[0]);
        ends[i] = high(pair[1]);
        if (child->fds[i] < 0 || ends[i] < 0)
            return -EMFILE;
        (void)fcntl(child->fds[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static int
begin(const struct ga_exec *exec, struct child *child)
{
    int   ends[3] = {-1, -1, -1};
    char *program = find_program(exec);
    int   r = program ? make_channels(child, ends) : -errno;

    if (r == 0)
        r = spawn(exec, program, ends, &child->pid);
    if (r == 0) {
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        if (child->pidfd < 0) {
            r = -errno;
            (void)kill(-child->pid, SIGKILL);
            (void)waitpid(child->pid, NULL, 0);
        }
    }
    for (int i = 0; i < 3; i++)
        close_fd(&ends[i]);
    free(program);
    return r;
}

/* --- while it runs -------------------------------------------------------------------------------------------------
 */

static void
feed(const struct ga_exec *exec, struct child *child)
{
    ssize_t n = 0;

    if (child->fds[0] < 0)
        return;
    if (child->sent < exec->input_len) {
        n = send(child->fds[0], (const char *)exec->input + child->sent, exec->input_len - child->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
    }
    if (n > 0)
        child->sent += (size_t)n;
    if (n < 0 || child->sent >= exec->input_len)
        close_fd(&child->fds[0]); /* all is in, or nobody reads it any more */
}

static void
collect(struct child *child, int i, char **text, size_t *len, size_t most, int *cut)
{
    char    buf[16384];
    ssize_t n = read(child->fds[i], buf, sizeof(buf));
    size_t  keep;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_fd(&child->fds[i]);
        return;
    }
    keep = (size_t)n < most - *len ? (size_t)n : most - *len;
    if (keep < (size_t)n)
        *cut = 1; /* read on and throw away: a full pipe would stop it */
    if (*len + keep + 1 > child->rooms[i - 1]) {
        size_t room = (*len + keep + 1) * 2;
        char  *more = realloc(*text, room);

        if (!more) {
            *cut = 1;
            return;
        }
        *text = more;
        child->rooms[i - 1] = room;
    }
    memcpy(*text + *len, buf, keep);
    *len += keep;
    (*text)[*len] = '\0';
}

static void
collect_all(const struct ga_exec *exec, struct child *child, struct ga_exec_result *ret)
{
    size_t most = exec->max_output ? exec->max_output : OUTPUT_MAX;

    if (child->fds[1] >= 0)
        collect(child, 1, &ret->output, &ret->output_len, most, &ret->cut);
    if (child->fds[2] >= 0)
        collect(child, 2, &ret->errors, &ret->errors_len, most, &ret->cut);
}

/* Asks it to end, once; SIGKILL when it was asked before. */
static void
stop(struct child *child, int *asked, int64_t grace_ns, int64_t *until)
{
    (void)kill(-child->pid, *asked ? SIGKILL : SIGTERM);
    *asked = 1;
    *until = now_ns() + (grace_ns ? grace_ns : 5 * NS_PER_S);
}

/* Until the process has ended: what its grandchildren still write is not waited for. */
static void
attend(const struct ga_exec *exec, struct child *child, struct ga_exec_result *ret)
{
    int64_t until = now_ns() + (exec->timeout_ns ? exec->timeout_ns : 60 * NS_PER_S);
    int     cancel_fd = exec->cancel_fd > 0 ? exec->cancel_fd : -1;
    int     asked = 0;

    for (;;) {
        struct pollfd fds[] = {{.fd = child->pidfd, .events = POLLIN},
                               {.fd = cancel_fd, .events = POLLIN},
                               {.fd = child->fds[0], .events = POLLOUT},
                               {.fd = child->fds[1], .events = POLLIN},
                               {.fd = child->fds[2], .events = POLLIN}};
        int64_t       left = until - now_ns();

        if (left > 0 && poll(fds, 5, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
            left = 0;
        feed(exec, child);
        collect_all(exec, child, ret);
        if (fds[0].revents)
            return;
        if (fds[1].revents) {
            ret->end = GA_EXEC_CANCELLED;
            cancel_fd = -1;
            stop(child, &asked, exec->grace_ns, &until);
        } else if (left <= 0) {
            if (!asked)
                ret->end = GA_EXEC_TIMEOUT;
            stop(child, &asked, exec->grace_ns, &until);
        }
    }
}

static void
reap(struct child *child, struct ga_exec_result *ret)
{
    siginfo_t info = {.si_pid = 0};

    (void)kill(-child->pid, SIGKILL); /* its group: the number is ours until it is reaped */
    while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    ret->code = info.si_status;
    if (ret->end == GA_EXEC_EXITED && info.si_code != CLD_EXITED)
        ret->end = GA_EXEC_SIGNALLED;
}

int
ga_exec_run(const struct ga_exec *exec, struct ga_exec_result *ret)
{
    struct child child = {.pidfd = -1, .fds = {-1, -1, -1}};
    int          r;

    *ret = (struct ga_exec_result){.end = GA_EXEC_EXITED, .output = calloc(1, 1), .errors = calloc(1, 1)};
    child.rooms[0] = child.rooms[1] = 1;
    r = ret->output && ret->errors ? begin(exec, &child) : -ENOMEM;
    if (r < 0) {
        ret->end = GA_EXEC_NOT_STARTED;
        ret->code = r;
    } else {
        attend(exec, &child, ret);
        for (size_t before = SIZE_MAX; before != ret->output_len + ret->errors_len;) { /* what is still in the pipes */
            before = ret->output_len + ret->errors_len;
            collect_all(exec, &child, ret);
        }
        reap(&child, ret);
    }
    for (int i = 0; i < 3; i++)
        close_fd(&child.fds[i]);
    close_fd(&child.pidfd);
    return ret->end == GA_EXEC_EXITED && ret->code == 0 ? 0 : -1;
}

void
ga_exec_done(struct ga_exec_result *result)
{
    free(result->output);
    free(result->errors);
    result->output = result->errors = NULL;
}

char *
ga_exec_explain(const struct ga_exec *exec, const struct ga_exec_result *result, char *buf, size_t len)
{
    const char *said = result->errors && *result->errors ? result->errors : result->output ? result->output : "";
    const char *program = exec->argv[0];
    size_t      used = 0;

    switch (result->end) {
    case GA_EXEC_EXITED:
        used = (size_t)snprintf(buf, len, "%s exited with status %d", program, result->code);
        break;
    case GA_EXEC_SIGNALLED:
        used = (size_t)snprintf(buf, len, "%s was killed by SIG%s", program,
                                sigabbrev_np(result->code) ? sigabbrev_np(result->code) : "?");
        break;
    case GA_EXEC_TIMEOUT:
        used = (size_t)snprintf(buf, len, "%s did not end within %.3g s and was ended", program,
                                (double)(exec->timeout_ns ? exec->timeout_ns : 60 * NS_PER_S) / 1e9);
        break;
    case GA_EXEC_CANCELLED:
        used = (size_t)snprintf(buf, len, "%s was cancelled", program);
        break;
    case GA_EXEC_NOT_STARTED:
        used = (size_t)snprintf(buf, len, "%s cannot be started: %s", program, strerrordesc_np(-result->code));
        break;
    }
    if (*said && used < len)
        (void)snprintf(buf + used, len - used, ": %.*s", (int)strcspn(said, "\r\n"), said);
    return buf;
}

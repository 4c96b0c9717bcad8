/* sandbox-probe.c: tries one thing each that the sandbox is there to stop, and says what errno came of it. Targets are
 * plain texts and numbers, so that no rule follows from them. */
#include <gonka-agent/plugin.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {
    {.key = "folder", .type = GA_T_PATH, .flags = GA_READ | GA_WRITE, .help = "a folder that is allowed"},
    {.key = "program", .type = GA_T_PATH, .flags = GA_EXEC, .help = "a program that is allowed"},
    {.key = "server", .type = GA_T_URL, .choices = "http:80", .help = "a port that is allowed"},
};

#define TARGET(text)                                                                      \
    {                                                                                     \
        .key = "target", .type = GA_T_STRING, .dflt = (text), .help = "what to try it on" \
    }
static const struct ga_option read_args[] = {TARGET("/etc/shadow")};
static const struct ga_option write_args[] = {TARGET("/tmp/gonka-agent-probe")};
static const struct ga_option exec_args[] = {TARGET("/bin/true")};
static const struct ga_option port_args[] = {
    {.key = "port", .type = GA_T_INT, .flags = GA_REQUIRED, .help = "the port to try", .min = 1, .max = 65535},
};

/* Outcome and summary of one try: "open '/etc/shadow': EACCES". */
static int
tell(struct ga_run *run, const struct ga_host *host, const char *what, const char *target, int error)
{
    int outcome = error == 0 ? GA_OK : error == EACCES || error == EPERM ? GA_REFUSED : GA_UNKNOWN;

    return host->end(run, outcome, "%s '%s': %s", what, target, error ? strerrorname_np(error) : "done");
}

static int
try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

static int
read_file(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");

    return tell(run, host, "read", target, try_open(target, O_RDONLY));
}

static int
write_file(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");

    return tell(run, host, "write", target, try_open(target, O_WRONLY | O_CREAT));
}

static int
truncate_file(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");

    return tell(run, host, "truncate", target, truncate(target, 0) < 0 ? errno : 0);
}

static int
remove_file(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");

    return tell(run, host, "remove", target, unlink(target) < 0 ? errno : 0);
}

/* A link in the folder that is allowed, to something that is not. */
static int
follow_link(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");
    char        link[512];

    (void)snprintf(link, sizeof(link), "%s/way-out", host->str(run, "folder"));
    (void)unlink(link);
    if (symlink(target, link) < 0)
        return host->end(run, GA_UNKNOWN, "cannot make the link: %s", strerrorname_np(errno));
    return tell(run, host, "follow", target, try_open(link, O_RDONLY));
}

/* A file of the folder that is allowed gets a second name outside. */
static int
link_out(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");
    char        inside[512];
    int         error;

    (void)snprintf(inside, sizeof(inside), "%s/inside", host->str(run, "folder"));
    error = try_open(inside, O_WRONLY | O_CREAT);
    if (error)
        return host->end(run, GA_UNKNOWN, "cannot make the file: %s", strerrorname_np(error));
    return tell(run, host, "link", target, link(inside, target) < 0 ? errno : 0);
}

static int
use_port(struct ga_run *run, const struct ga_host *host, const char *what,
         int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)host->num(run, "port")),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char               target[16];
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int                error = fd < 0 || call(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;

    if (fd >= 0)
        (void)close(fd);
    (void)snprintf(target, sizeof(target), "%" PRId64, host->num(run, "port"));
    return tell(run, host, what, target, error);
}

static int
connect_port(struct ga_run *run, const struct ga_host *host)
{
    return use_port(run, host, "connect", connect);
}

static int
bind_port(struct ga_run *run, const struct ga_host *host)
{
    return use_port(run, host, "bind", bind);
}

static int
exec_program(struct ga_run *run, const struct ga_host *host)
{
    const char *target = host->str(run, "target");
    char       *argv[] = {(char *)(uintptr_t)target, NULL};
    char       *envp[] = {NULL};
    pid_t       pid;
    int         status = 0;
    int         error = posix_spawn(&pid, target, NULL, NULL, argv, envp);

    if (error == 0 && (waitpid(pid, &status, 0) < 0 || status != 0))
        return host->end(run, GA_FAILED, "exec '%s': status %d", target, status);
    return tell(run, host, "exec", target, error);
}

/* The process that started this one is outside. */
static int
signal_parent(struct ga_run *run, const struct ga_host *host)
{
    return tell(run, host, "signal", "parent", kill(getppid(), 0) < 0 ? errno : 0);
}

/* What the process itself says about its limits. */
static int
limits(struct ga_run *run, const struct ga_host *host)
{
    struct rlimit files = {0};
    struct rlimit core = {0};

    (void)getrlimit(RLIMIT_NOFILE, &files);
    (void)getrlimit(RLIMIT_CORE, &core);
    return host->end(run, GA_OK, "open files %" PRIu64 ", core %" PRIu64, (uint64_t)files.rlim_cur,
                     (uint64_t)core.rlim_cur);
}

#define TASK(task_name, text, task_args, task_function)                                                                \
    {                                                                                                                  \
        .name = (task_name), .summary = (text), .flags = GA_TASK_BY_HAND, .n_args = N(task_args), .args = (task_args), \
        .function = (task_function)                                                                                    \
    }

static const struct ga_task tasks[] = {
    TASK("read-file", "reads a file", read_args, read_file),
    TASK("write-file", "makes or opens a file", write_args, write_file),
    TASK("truncate-file", "empties a file", write_args, truncate_file),
    TASK("remove-file", "removes a file", write_args, remove_file),
    TASK("follow-link", "leaves its folder by a symbolic link", read_args, follow_link),
    TASK("link-out", "leaves its folder by a hard link", write_args, link_out),
    TASK("connect-port", "connects to a port", port_args, connect_port),
    TASK("bind-port", "binds a port", port_args, bind_port),
    TASK("exec-program", "executes a program", exec_args, exec_program),
    {.name = "signal-parent", .summary = "signals the agent", .flags = GA_TASK_BY_HAND, .function = signal_parent},
    {.name = "limits", .summary = "says its limits", .flags = GA_TASK_BY_HAND, .function = limits},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sandbox-probe",
                                       .version = "0.1.0",
                                       .summary = "tries to leave the sandbox",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

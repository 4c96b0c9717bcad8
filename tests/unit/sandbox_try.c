/* sandbox_try.c: children that sandbox themselves and then try one thing. */
#include "tests/unit/sandbox_try.h"

#include "tests/unit/runner_drive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char folder[64];
char beside[64];

int
make_folders(void **state)
{
    (void)state;
    drive_folder(folder);
    drive_folder(beside);
    return 0;
}

int
remove_folders(void **state)
{
    struct drive both[2] = {{.plugin = NULL}, {.plugin = NULL}};

    (void)state;
    memcpy(both[0].state_dir, folder, sizeof(folder));
    memcpy(both[1].state_dir, beside, sizeof(beside));
    drive_done(&both[0]);
    drive_done(&both[1]);
    return 0;
}

const char *
below(const char *where, const char *name)
{
    static char paths[4][128];
    static int  next;
    char       *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", where, name);
    return path;
}

void
make_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

/* RULES with one path (the test's folder, NULL: none) and one port to connect to (0: none). The caller deletes it. */
static cJSON *
make_rules(const char *path, const char *access, int port)
{
    cJSON *rules = cJSON_CreateObject();
    cJSON *rule = cJSON_CreateObject();
    cJSON *ports = cJSON_AddArrayToObject(rules, "connect");
    char   number[8];

    (void)snprintf(number, sizeof(number), "%d", port);
    if (port)
        (void)cJSON_AddItemToArray(ports, cJSON_CreateString(number));
    (void)cJSON_AddStringToObject(rule, "path", path ? path : "");
    (void)cJSON_AddStringToObject(rule, "access", access ? access : "");
    if (path)
        (void)cJSON_AddItemToArray(cJSON_AddArrayToObject(rules, "paths"), rule);
    else
        cJSON_Delete(rule);
    return rules;
}

static _Noreturn void
be_child(int report, const struct sandbox_request *request, int abi, try_fn attempt, const char *target)
{
    struct tried tried = {.entered = sandbox_enter(request, abi, tried.text, sizeof(tried.text))};

    if (tried.entered == 0 && attempt)
        tried.error = attempt(target);
    _exit(write(report, &tried, sizeof(tried)) == (ssize_t)sizeof(tried) ? 0 : 1);
}

struct tried
try_with(const struct sandbox_request *request, int abi, try_fn attempt, const char *target)
{
    struct tried tried = {.entered = 1};
    int          fds[2];
    int          status = -1;
    pid_t        pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_child(fds[1], request, abi, attempt, target);
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &tried, sizeof(tried)), (ssize_t)sizeof(tried));
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return tried;
}

/* With the kernel's own ABI. Skips the test where there is none. */
int
try_inside(const char *path, const char *access, int port, try_fn attempt, const char *target)
{
    cJSON                 *rules;
    struct sandbox_request request = {.mode = "best-effort", .plugin_fd = -1};
    struct tried           tried;
    int                    abi = sandbox_abi();

    if (abi < (port ? 4 : 3)) {
        print_message("skipped: this kernel offers landlock abi %d\n", abi);
        skip();
    }
    rules = make_rules(path, access, port);
    request.rules = rules;
    tried = try_with(&request, abi, attempt, target);
    cJSON_Delete(rules);
    if (tried.entered < 0)
        fail_msg("%s", tried.text);
    return tried.error;
}

/* --- tries ---------------------------------------------------------------------------------------------------------
 */

static int
try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

int
try_read(const char *path)
{
    return try_open(path, O_RDONLY);
}

int
try_write(const char *path)
{
    return try_open(path, O_WRONLY | O_CREAT);
}

int
try_truncate(const char *path)
{
    return truncate(path, 0) < 0 ? errno : 0;
}

int
try_remove(const char *path)
{
    return unlink(path) < 0 ? errno : 0;
}

/* Moves it to the folder that a rule names. */
int
try_move_in(const char *path)
{
    return rename(path, below(folder, "moved")) < 0 ? errno : 0;
}

int
try_exec(const char *path)
{
    char *argv[] = {(char *)(uintptr_t)path, NULL};
    char *envp[] = {NULL};
    pid_t pid;
    int   status = -1;
    int   error = posix_spawn(&pid, path, NULL, NULL, argv, envp);

    if (error)
        return error;
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : ECHILD;
}

static int
use_port(const char *port, int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int                error = call(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;

    (void)close(fd);
    return error;
}

int
try_connect(const char *port)
{
    return use_port(port, connect);
}

int
try_bind(const char *port)
{
    return use_port(port, bind);
}

int
try_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

int
try_signal(const char *nothing)
{
    (void)nothing;
    return kill(getppid(), 0) < 0 ? errno : 0;
}

int
try_new_privileges(const char *nothing)
{
    (void)nothing;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EPERM;
}

/* test_sandbox.c: what a process may touch once the sandbox is closed. Each try is a child that sandboxes itself. */
#include "tests/unit/runner_drive.h"
#include "tests/unit/sandbox_try.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* --- files ---------------------------------------------------------------------------------------------------------
 */

static void
a_file_that_no_rule_names_cannot_be_read(void **state)
{
    (void)state;
    make_file(below(beside, "file"), "x", 0644);
    assert_int_equal(try_inside(folder, "rw", 0, try_read, below(beside, "file")), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_read, "/etc/shadow"), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_read, beside), EACCES);
}

static void
reading_is_not_writing(void **state)
{
    (void)state;
    make_file(below(folder, "file"), "x", 0644);
    assert_int_equal(try_inside(folder, "r", 0, try_read, below(folder, "file")), 0);
    assert_int_equal(try_inside(folder, "r", 0, try_write, below(folder, "file")), EACCES);
    assert_int_equal(try_inside(folder, "r", 0, try_write, below(folder, "new")), EACCES);
    assert_int_equal(try_inside(folder, "r", 0, try_truncate, below(folder, "file")), EACCES);
    assert_int_equal(try_inside(folder, "r", 0, try_remove, below(folder, "file")), EACCES);
}

static void
writing_is_not_reading(void **state)
{
    (void)state;
    assert_int_equal(try_inside(folder, "w", 0, try_write, below(folder, "new")), 0);
    assert_int_equal(try_inside(folder, "w", 0, try_read, below(folder, "new")), EACCES);
    assert_int_equal(try_inside(folder, "w", 0, try_truncate, below(folder, "new")), 0);
    assert_int_equal(try_inside(folder, "w", 0, try_remove, below(folder, "new")), 0);
}

static void
nothing_beside_the_folder_can_be_changed(void **state)
{
    (void)state;
    make_file(below(beside, "file"), "x", 0644);
    assert_int_equal(try_inside(folder, "rw", 0, try_write, below(beside, "new")), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_truncate, below(beside, "file")), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_remove, below(beside, "file")), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_move_in, below(beside, "file")), EACCES);
}

static void
a_symbolic_link_does_not_lead_out(void **state)
{
    (void)state;
    make_file(below(beside, "file"), "x", 0644);
    assert_int_equal(symlink(below(beside, "file"), below(folder, "way-out")), 0);
    assert_int_equal(try_inside(folder, "rw", 0, try_read, below(folder, "way-out")), EACCES);
    assert_int_equal(try_inside(folder, "rw", 0, try_write, below(folder, "way-out")), EACCES);
}

static void
a_rule_for_a_file_does_not_open_its_folder(void **state)
{
    (void)state;
    make_file(below(folder, "one"), "x", 0644);
    make_file(below(folder, "two"), "x", 0644);
    assert_int_equal(try_inside(below(folder, "one"), "rw", 0, try_read, below(folder, "one")), 0);
    assert_int_equal(try_inside(below(folder, "one"), "rw", 0, try_write, below(folder, "one")), 0);
    assert_int_equal(try_inside(below(folder, "one"), "rw", 0, try_read, below(folder, "two")), EACCES);
    assert_int_equal(try_inside(below(folder, "one"), "rw", 0, try_write, below(folder, "three")), EACCES);
}

static void
what_the_system_needs_can_be_read_and_not_changed(void **state)
{
    (void)state;
    assert_int_equal(try_inside(NULL, NULL, 0, try_read, "/etc/hosts"), 0);
    assert_int_equal(try_inside(NULL, NULL, 0, try_read, "/usr/lib"), 0);
    assert_int_equal(try_inside(NULL, NULL, 0, try_read, "/proc/self/status"), 0);
    assert_int_equal(try_inside(NULL, NULL, 0, try_write, "/dev/null"), 0);
    assert_int_equal(try_inside(NULL, NULL, 0, try_write, "/etc/hosts"), EACCES);
    assert_int_equal(try_inside(NULL, NULL, 0, try_write, "/usr/lib/gonka-agent-test"), EACCES);
    assert_int_equal(try_inside(NULL, NULL, 0, try_read, "/proc/1/status"), EACCES);
}

static void
only_what_a_rule_names_can_be_executed(void **state)
{
    (void)state;
    assert_int_equal(try_inside(NULL, NULL, 0, try_exec, "/bin/true"), EACCES);
    assert_int_equal(try_inside("/bin/true", "r", 0, try_exec, "/bin/true"), EACCES);
    assert_int_equal(try_inside("/bin/true", "x", 0, try_exec, "/bin/true"), 0);
    assert_int_equal(try_inside("/bin/true", "x", 0, try_exec, "/bin/cat"), EACCES);
}

static void
a_script_is_executed_with_its_interpreter(void **state)
{
    (void)state;
    make_file(below(folder, "script"), "#!/bin/sh\nexit 0\n", 0755);
    make_file(below(folder, "other"), "#! /usr/bin/env sh\nexit 0\n", 0755);
    assert_int_equal(try_inside(below(folder, "script"), "r", 0, try_exec, below(folder, "script")), EACCES);
    assert_int_equal(try_inside(below(folder, "script"), "x", 0, try_exec, below(folder, "script")), 0);
    assert_int_equal(try_inside(below(folder, "other"), "x", 0, try_exec, below(folder, "other")), 0);
}

static void
the_own_folder_can_be_written(void **state)
{
    struct sandbox_request request = {.mode = "best-effort", .state_dir = folder, .plugin_fd = -1};

    (void)state;
    if (sandbox_abi() < 3)
        skip();
    assert_int_equal(try_with(&request, sandbox_abi(), try_write, below(folder, "state")).error, 0);
    assert_int_equal(try_with(&request, sandbox_abi(), try_write, below(beside, "state")).error, EACCES);
}

static void
the_plugins_file_can_be_read_wherever_it_is(void **state)
{
    struct sandbox_request request = {.mode = "best-effort"};

    (void)state;
    if (sandbox_abi() < 3)
        skip();
    make_file(below(beside, "plugin.so"), "x", 0644);
    request.plugin_fd = open(below(beside, "plugin.so"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(try_with(&request, sandbox_abi(), try_read, below(beside, "plugin.so")).error, 0);
    assert_int_equal(try_with(&request, sandbox_abi(), try_write, below(beside, "plugin.so")).error, EACCES);
    assert_int_equal(try_with(&request, sandbox_abi(), try_read, beside).error, EACCES);
    (void)close(request.plugin_fd);
}

static void
a_declared_unix_socket_can_be_connected_to(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/s", folder);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(try_inside(address.sun_path, "s", 0, try_unix, address.sun_path), 0);
    (void)close(fd);
}

static void
processes_outside_cannot_be_signalled(void **state)
{
    (void)state;
    if (sandbox_abi() < 6)
        skip();
    assert_int_equal(try_inside(NULL, NULL, 0, try_signal, ""), EPERM);
}

/* --- ports ---------------------------------------------------------------------------------------------------------
 */

/* Listens on a free port. */
static int
listen_somewhere(char text[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t          len = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(text, 8, "%u", ntohs(address.sin_port));
    return fd;
}

static void
only_a_declared_port_can_be_connected_to(void **state)
{
    char declared[8];
    char other[8];
    int  fds[] = {listen_somewhere(declared), listen_somewhere(other)};
    int  port = (int)strtol(declared, NULL, 10);

    (void)state;
    assert_int_equal(try_inside(NULL, NULL, port, try_connect, declared), 0);
    assert_int_equal(try_inside(NULL, NULL, port, try_connect, other), EACCES);
    assert_int_equal(try_inside(NULL, NULL, port, try_bind, declared), EACCES);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
any_port_can_be_connected_to_when_the_network_is_granted_and_none_bound(void **state)
{
    cJSON                 *rules = cJSON_Parse("{\"paths\":[],\"connect\":[\"4222\"],\"bind\":[],\"network\":true}");
    struct sandbox_request request = {.mode = "best-effort", .rules = rules, .plugin_fd = -1};
    char                   port[8];
    int                    fd = listen_somewhere(port);
    struct tried           tried = {.entered = 0};

    (void)state;
    if (sandbox_abi() < 4)
        skip();
    tried = try_with(&request, sandbox_abi(), try_connect, port);
    assert_int_equal(tried.error, 0);
    assert_non_null(strstr(tried.text, "any port"));
    assert_int_equal(try_with(&request, sandbox_abi(), try_bind, port).error, EACCES);
    (void)close(fd);
    cJSON_Delete(rules);
}

/* A driver asks about its own process, which may be one that the run has started. */
static int
try_read_in_a_child(const char *path)
{
    int   status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(try_read(path));
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static int
try_environment(const char *path)
{
    char buf[64];
    int  fd = open(path, O_RDONLY | O_CLOEXEC);
    int  error = fd < 0 || read(fd, buf, sizeof(buf)) < 0 ? errno : 0;

    if (fd >= 0)
        (void)close(fd);
    return error;
}

static void
a_gpu_grant_shows_a_runs_own_processes_and_no_others_memory_or_environment(void **state)
{
    cJSON                 *rules = cJSON_Parse("{\"paths\":[],\"connect\":[],\"bind\":[],\"gpu\":true}");
    struct sandbox_request request = {.mode = "best-effort", .rules = rules, .plugin_fd = -1};
    char                   environment[64];
    char                   memory[64];

    (void)state;
    if (sandbox_abi() < 1)
        skip();
    (void)snprintf(environment, sizeof(environment), "/proc/%d/environ", (int)getpid());
    (void)snprintf(memory, sizeof(memory), "/proc/%d/mem", (int)getpid());
    assert_int_equal(try_with(&request, sandbox_abi(), try_read_in_a_child, "/proc/self/maps").error, 0);
    assert_int_not_equal(try_with(&request, sandbox_abi(), try_environment, environment).error, 0);
    assert_int_not_equal(try_with(&request, sandbox_abi(), try_environment, memory).error, 0);
    assert_int_equal(try_environment(environment), 0);
    cJSON_Delete(rules);
}

int
main(void)
{
#define WITH_FOLDERS(test) cmocka_unit_test_setup_teardown(test, make_folders, remove_folders)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDERS(a_file_that_no_rule_names_cannot_be_read),
        WITH_FOLDERS(reading_is_not_writing),
        WITH_FOLDERS(writing_is_not_reading),
        WITH_FOLDERS(nothing_beside_the_folder_can_be_changed),
        WITH_FOLDERS(a_symbolic_link_does_not_lead_out),
        WITH_FOLDERS(a_rule_for_a_file_does_not_open_its_folder),
        cmocka_unit_test(what_the_system_needs_can_be_read_and_not_changed),
        cmocka_unit_test(only_what_a_rule_names_can_be_executed),
        WITH_FOLDERS(a_script_is_executed_with_its_interpreter),
        WITH_FOLDERS(the_own_folder_can_be_written),
        WITH_FOLDERS(the_plugins_file_can_be_read_wherever_it_is),
        WITH_FOLDERS(a_declared_unix_socket_can_be_connected_to),
        cmocka_unit_test(processes_outside_cannot_be_signalled),
        cmocka_unit_test(only_a_declared_port_can_be_connected_to),
        cmocka_unit_test(any_port_can_be_connected_to_when_the_network_is_granted_and_none_bound),
        cmocka_unit_test(a_gpu_grant_shows_a_runs_own_processes_and_no_others_memory_or_environment),
    };

    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}

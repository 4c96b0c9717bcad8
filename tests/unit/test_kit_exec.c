/* Commands are run with real programs of the system. */
#include "kit/exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static int
shell(const char *script, struct ga_exec exec, struct ga_exec_result *ret)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};

    exec.argv = argv;
    return ga_exec_run(&exec, ret);
}

static unsigned
open_descriptors(void)
{
    DIR     *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static void
output_errors_and_status_come_back(void **state)
{
    struct ga_exec_result result;
    char                  text[128];
    const struct ga_exec  exec = {.argv = (const char *const[]){"/bin/sh", NULL}};

    (void)state;
    assert_int_equal(shell("echo out; echo err >&2; exit 3", (struct ga_exec){.cancel_fd = -1}, &result), -1);
    assert_int_equal(result.end, GA_EXEC_EXITED);
    assert_int_equal(result.code, 3);
    assert_string_equal(result.output, "out\n");
    assert_string_equal(result.errors, "err\n");
    assert_string_equal(ga_exec_explain(&exec, &result, text, sizeof(text)), "/bin/sh exited with status 3: err");
    ga_exec_done(&result);
}

static void
a_secret_goes_in_by_standard_input_and_shows_nowhere(void **state)
{
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(
        shell("read x; tr '\\0' ' ' < /proc/self/cmdline; tr '\\0' ' ' < /proc/self/environ; echo; echo got:$x",
              (struct ga_exec){.input = "s3cret\n", .input_len = 7}, &result),
        0);
    assert_non_null(strstr(result.output, "got:s3cret"));
    assert_ptr_equal(strstr(result.output, "s3cret"), strstr(result.output, "got:s3cret") + 4);
    ga_exec_done(&result);
}

static void
the_environment_is_the_given_one_only(void **state)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};
    static const char *const argv[] = {"env", NULL};
    struct ga_exec_result    result;

    (void)state;
    (void)setenv("LEAK", "yes", 1);
    assert_int_equal(ga_exec_run(&(struct ga_exec){.argv = argv, .env = env}, &result), 0);
    assert_string_equal(result.output, "PATH=/usr/bin:/bin\nONLY=this\n");
    ga_exec_done(&result);
}

static void
no_descriptor_leaks_in_either_direction(void **state)
{
    int                   leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library might */
    unsigned              before = open_descriptors();
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(shell("ls /proc/self/fd | wc -l", (struct ga_exec){.cancel_fd = -1}, &result), 0);
    assert_int_equal(strtol(result.output, NULL, 10), 4); /* 0, 1, 2 and the one that ls reads the folder with */
    ga_exec_done(&result);
    assert_int_equal(open_descriptors(), before);
    (void)close(leak);
}

static void
a_command_that_ignores_the_deadline_is_killed_with_its_children(void **state)
{
    struct ga_exec_result result;
    pid_t                 grandchild;
    struct timespec       pause = {.tv_nsec = 1000000};

    (void)state;
    assert_int_equal(shell("trap '' TERM; (trap '' TERM; sleep 100) & echo $!; while :; do sleep 1; done",
                           (struct ga_exec){.timeout_ns = 200 * MS, .grace_ns = 100 * MS}, &result),
                     -1);
    assert_int_equal(result.end, GA_EXEC_TIMEOUT);
    grandchild = (pid_t)strtol(result.output, NULL, 10);
    assert_true(grandchild > 1);
    for (int i = 0; i < 5000 && kill(grandchild, 0) == 0; i++) { /* the system's first process reaps it */
        char path[64];
        char stat[256] = "";
        int  fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0 || strstr(stat, ") Z")) {
            if (fd >= 0)
                (void)close(fd);
            ga_exec_done(&result);
            return;
        }
        (void)close(fd);
        (void)nanosleep(&pause, NULL);
    }
    assert_int_not_equal(kill(grandchild, 0), 0);
    ga_exec_done(&result);
}

static void
a_grandchild_that_keeps_the_pipe_open_is_not_waited_for(void **state)
{
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(shell("sleep 50 & echo done", (struct ga_exec){.timeout_ns = 20000 * MS}, &result), 0);
    assert_string_equal(result.output, "done\n");
    ga_exec_done(&result);
}

static void
output_without_end_is_cut_and_said_so(void **state)
{
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(shell("yes | head -c 1000000", (struct ga_exec){.max_output = 1000}, &result), 0);
    assert_int_equal(result.output_len, 1000);
    assert_int_equal(result.cut, 1);
    ga_exec_done(&result);
}

static void
input_that_nobody_reads_is_no_broken_pipe(void **state)
{
    char                 *much = calloc(1, 1 << 20);
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(shell("exec 0<&-; exit 0", (struct ga_exec){.input = much, .input_len = 1 << 20}, &result), 0);
    ga_exec_done(&result);
    free(much);
}

static void
a_signal_is_named(void **state)
{
    struct ga_exec_result result;
    char                  text[128];
    const struct ga_exec  exec = {.argv = (const char *const[]){"/bin/sh", NULL}};

    (void)state;
    assert_int_equal(shell("kill -SEGV $$", (struct ga_exec){.cancel_fd = -1}, &result), -1);
    assert_int_equal(result.end, GA_EXEC_SIGNALLED);
    assert_string_equal(ga_exec_explain(&exec, &result, text, sizeof(text)), "/bin/sh was killed by SIGSEGV");
    ga_exec_done(&result);
}

static void
it_can_be_cancelled(void **state)
{
    int                   cancel = eventfd(1, EFD_CLOEXEC);
    struct ga_exec_result result;

    (void)state;
    assert_int_equal(shell("sleep 50", (struct ga_exec){.cancel_fd = cancel}, &result), -1);
    assert_int_equal(result.end, GA_EXEC_CANCELLED);
    ga_exec_done(&result);
    (void)close(cancel);
}

static void
what_cannot_be_started_is_named(void **state)
{
    static const struct {
        const char *program;
        int         error;
    } cases[] = {{"/no/such/program", -ENOENT},
                 {"no-such-program-anywhere", -ENOENT},
                 {"./relative", -EINVAL},
                 {"/etc/passwd", -EACCES}};
    char text[160];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const     argv[] = {cases[i].program, NULL};
        const struct ga_exec  exec = {.argv = argv};
        struct ga_exec_result result;

        assert_int_equal(ga_exec_run(&exec, &result), -1);
        assert_int_equal(result.end, GA_EXEC_NOT_STARTED);
        assert_int_equal(result.code, cases[i].error);
        assert_non_null(strstr(ga_exec_explain(&exec, &result, text, sizeof(text)), cases[i].program));
        ga_exec_done(&result);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_errors_and_status_come_back),
        cmocka_unit_test(a_secret_goes_in_by_standard_input_and_shows_nowhere),
        cmocka_unit_test(the_environment_is_the_given_one_only),
        cmocka_unit_test(no_descriptor_leaks_in_either_direction),
        cmocka_unit_test(a_command_that_ignores_the_deadline_is_killed_with_its_children),
        cmocka_unit_test(a_grandchild_that_keeps_the_pipe_open_is_not_waited_for),
        cmocka_unit_test(output_without_end_is_cut_and_said_so),
        cmocka_unit_test(input_that_nobody_reads_is_no_broken_pipe),
        cmocka_unit_test(a_signal_is_named),
        cmocka_unit_test(it_can_be_cancelled),
        cmocka_unit_test(what_cannot_be_started_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

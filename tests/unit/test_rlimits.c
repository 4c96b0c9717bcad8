/* test_rlimits.c: what a process may use up. */
#include "agent/rlimits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Sets limits in a child and has it try. */
static int
limited(const char *limits_text, int (*attempt)(const char *))
{
    int   status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        char   text[256];
        cJSON *limits = cJSON_Parse(limits_text);

        if (rlimits_set(limits, text, sizeof(text)) < 0)
            _exit(200);
        _exit(attempt(NULL));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Takes 256 MiB, one by one. */
static int
try_memory(const char *nothing)
{
    (void)nothing;
    for (int i = 0; i < 256; i++)
        if (mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            return errno;
    return 0;
}

static int
try_files(const char *nothing)
{
    int n = 0;

    (void)nothing;
    while (n < 250 && dup(0) >= 0)
        n++;
    return n < 40 ? EMFILE : 0;
}

static int
try_core(const char *nothing)
{
    struct rlimit core = {.rlim_cur = 1};

    (void)nothing;
    (void)getrlimit(RLIMIT_CORE, &core);
    return core.rlim_max == 0 ? 0 : EPERM;
}

static void
memory_ends_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(limited("{\"memory\":\"67108864\"}", try_memory), ENOMEM);
    assert_int_equal(limited("{\"memory\":\"1073741824\"}", try_memory), 0);
    assert_int_equal(limited("{\"memory\":\"0\"}", try_memory), 0);
    assert_int_equal(limited("{}", try_memory), 0);
}

static void
open_files_end_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(limited("{\"open_files\":\"32\"}", try_files), EMFILE);
    assert_int_equal(limited("{\"open_files\":\"200\"}", try_files), 0);
    assert_int_equal(limited("{}", try_files), 0);
}

static void
there_are_no_core_files(void **state)
{
    (void)state;
    assert_int_equal(limited("{}", try_core), 0);
}

static void
a_limit_that_is_no_number_is_refused(void **state)
{
    cJSON *limits = cJSON_Parse("{\"memory\":\"64MiB\"}");
    char   text[256] = "";

    (void)state;
    assert_int_equal(rlimits_set(limits, text, sizeof(text)), -EINVAL);
    assert_string_equal(text, "the limit 'memory' is '64MiB', which is no number");
    cJSON_Delete(limits);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(open_files_end_at_the_limit),
        cmocka_unit_test(there_are_no_core_files),
        cmocka_unit_test(a_limit_that_is_no_number_is_refused),
    };

    return cmocka_run_group_tests_name("rlimits", tests, NULL, NULL);
}

/* try.c: runs a program that nobody has run here before, and lets it do next to nothing. */
#include "plugins/upgrade-preload/program.h"

#include "kit/clean.h"
#include "kit/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU_S 120
#define FILE_MAX ((rlim_t)64 << 20)
#define DATA_MAX ((rlim_t)8 << 30)
#define OUTPUT_MAX ((size_t)64 << 10)
#define SAID_MAX 200

/* Landlock's numbers, which older headers lack. */
#define LL_VERSION 1u
#define LL_RULE_PATH 1
#define LL_WRITE_FILE (UINT64_C(1) << 1)
#define LL_WRITES_1 (LL_WRITE_FILE | UINT64_C(0x1ff0)) /* write, remove and make whatever */
#define LL_REFER (UINT64_C(1) << 13)
#define LL_TRUNCATE (UINT64_C(1) << 14)
#define LL_NET UINT64_C(3) /* bind and connect TCP */

struct ll_ruleset {
    uint64_t fs;
    uint64_t net;
};

struct ll_path {
    uint64_t allowed;
    int32_t  fd;
} __attribute__((packed));

/* What the process in the middle tells. */
struct verdict {
    int  r;
    char said[SAID_MAX];
    char why[400];
};

/* --- in the process in the middle ----------------------------------------------------------------------------------
 */

static int
allow(int ruleset, const char *path, uint64_t access)
{
    struct ll_path rule = {.allowed = access, .fd = open(path, O_PATH | O_CLOEXEC)};
    int            r;

    if (rule.fd < 0)
        return -errno;
    r = syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH, &rule, 0u) < 0 ? -errno : 0;
    (void)close(rule.fd);
    return r;
}

/* No writing but below `home`, no TCP. A kernel without Landlock confines nothing here: whether that is acceptable is
 * decided by the agent's own `sandbox` setting, before this run has begun. */
static int
confine(const char *home)
{
    long              abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LL_VERSION);
    struct ll_ruleset rules = {.fs = LL_WRITES_1};
    int               ruleset;
    int               r;

    if (abi < 1)
        return 0;
    if (abi >= 2)
        rules.fs |= LL_REFER;
    if (abi >= 3)
        rules.fs |= LL_TRUNCATE;
    if (abi >= 4)
        rules.net = LL_NET;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, abi >= 4 ? sizeof(rules) : sizeof(rules.fs), 0u);
    if (ruleset < 0)
        return -errno;
    r = allow(ruleset, home, rules.fs);
    if (r == 0)
        r = allow(ruleset, "/dev/null", rules.fs & (LL_WRITE_FILE | LL_TRUNCATE));
    if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0u) < 0))
        r = -errno;
    (void)close(ruleset);
    return r;
}

static int
limit(int resource, rlim_t value)
{
    const struct rlimit most = {.rlim_cur = value, .rlim_max = value};
    struct rlimit       now;

    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max <= value)
        return 0; /* what is there already is as strict */
    return setrlimit((__rlimit_resource_t)resource, &most) < 0 ? -errno : 0;
}

/* A sanitizer's shadow of the memory is more than any limit: such a build goes without this one. */
static int
limit_memory(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    return limit(RLIMIT_DATA, DATA_MAX);
#endif
}

static int
set_limits(const char *home)
{
    int r = limit(RLIMIT_CORE, 0);

    if (r == 0)
        r = limit(RLIMIT_CPU, CPU_S);
    if (r == 0)
        r = limit(RLIMIT_FSIZE, FILE_MAX);
    if (r == 0)
        r = limit_memory();
    return r < 0 ? r : confine(home);
}

/* The first line of what it wrote, fit to be shown. */
static void
first_line(const char *text, char *ret, size_t len)
{
    (void)snprintf(ret, len, "%.*s", (int)strcspn(text, "\r\n"), text);
    (void)ga_clean(ret);
}

static void
judge(const struct up_try *attempt, const struct ga_exec *exec, const struct ga_exec_result *result,
      struct verdict *verdict)
{
    const char *text = result->output && *result->output ? result->output : result->errors;

    if (result->end == GA_EXEC_EXITED && (result->code == 0 || (result->code == 1 && attempt->may_fail))) {
        first_line(text ? text : "", verdict->said, sizeof(verdict->said));
        return;
    }
    verdict->r = result->end == GA_EXEC_CANCELLED ? -ECANCELED : -ENOEXEC;
    (void)ga_clean(ga_exec_explain(exec, result, verdict->why, sizeof(verdict->why)));
}

static void
run_confined(const struct up_try *attempt, struct verdict *verdict)
{
    const char *const     argv[] = {attempt->path, attempt->argument, NULL};
    char                  home[512];
    const char *const     env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", home, NULL};
    const struct ga_exec  exec = {.argv = argv,
                                  .env = env,
                                  .cwd = attempt->home,
                                  .timeout_ns = attempt->timeout_ns,
                                  .grace_ns = INT64_C(1000000000),
                                  .max_output = OUTPUT_MAX,
                                  .cancel_fd = attempt->cancel_fd};
    struct ga_exec_result result;

    (void)snprintf(home, sizeof(home), "HOME=%s", attempt->home);
    verdict->r = set_limits(attempt->home);
    if (verdict->r < 0) {
        (void)snprintf(verdict->why, sizeof(verdict->why), "cannot be confined, so it is not run: %s",
                       strerrordesc_np(-verdict->r));
        return;
    }
    (void)ga_exec_run(&exec, &result);
    judge(attempt, &exec, &result, verdict);
    ga_exec_done(&result);
}

/* --- in the run ----------------------------------------------------------------------------------------------------
 */

/* Reads all of the verdict. 0 when the process in the middle told it. */
static int
hear(int fd, struct verdict *verdict)
{
    char  *at = (char *)verdict;
    size_t left = sizeof(*verdict);

    while (left > 0) {
        ssize_t n = read(fd, at, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -EIO;
        at += n;
        left -= (size_t)n;
    }
    return 0;
}

static void
be_middle(const struct up_try *attempt, int fd)
{
    struct verdict verdict = {0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_confined(attempt, &verdict);
    _exit(write(fd, &verdict, sizeof(verdict)) == (ssize_t)sizeof(verdict) ? 0 : 1);
}

int
up_try_program(const struct up_try *attempt, char *ret_said, size_t said_len, char *why, size_t len)
{
    struct verdict verdict = {0};
    int            ends[2];
    pid_t          pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        be_middle(attempt, ends[1]);
    (void)close(ends[1]);
    if (pid < 0 || hear(ends[0], &verdict) < 0) {
        verdict = (struct verdict){.r = -EIO};
        (void)snprintf(verdict.why, sizeof(verdict.why), "could not be tried: its process ended without a word");
    }
    (void)close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)snprintf(ret_said, said_len, "%s", verdict.said);
    if (verdict.r < 0)
        (void)snprintf(why, len, "%s", verdict.why);
    return verdict.r;
}

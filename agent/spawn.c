/* spawn.c: starts this very program again as a child. */
#include "agent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENV_MAX 64
#define FIRST_FD 3

static const char *const kept_env[] = {"PATH",         "HOME",          "TZ", "CREDENTIALS_DIRECTORY",
                                       "ASAN_OPTIONS", "UBSAN_OPTIONS", NULL};

struct environment {
    char  *vars[ENV_MAX + 1];
    size_t n;
};

static int
env_keep(struct environment *env, const char *name)
{
    const char *value = getenv(name);
    size_t      len;
    char       *var;

    if (!value)
        return 0;
    len = strlen(name);
    for (size_t i = 0; i < env->n; i++)
        if (strncmp(env->vars[i], name, len) == 0 && env->vars[i][len] == '=')
            return 0;
    if (env->n == ENV_MAX)
        return -E2BIG;
    var = malloc(len + strlen(value) + 2);
    if (!var)
        return -ENOMEM;
    memcpy(var, name, len);
    var[len] = '=';
    memcpy(var + len + 1, value, strlen(value) + 1);
    env->vars[env->n++] = var;
    return 0;
}

static int
env_build(struct environment *env, const struct spawn *spawn)
{
    int r = 0;

    for (size_t i = 0; r == 0 && kept_env[i]; i++)
        r = env_keep(env, kept_env[i]);
    for (size_t i = 0; r == 0 && spawn->pass_env && spawn->pass_env[i]; i++)
        r = env_keep(env, spawn->pass_env[i]);
    for (size_t i = 0; r == 0 && spawn->extra_env && spawn->extra_env[i]; i++) {
        if (env->n == ENV_MAX || !(env->vars[env->n] = strdup(spawn->extra_env[i])))
            return -ENOMEM;
        env->n++;
    }
    if (r == 0 && (env->n == ENV_MAX || !(env->vars[env->n] = strdup("LANG=C.UTF-8"))))
        return -ENOMEM;
    if (r == 0)
        env->n++;
    return r;
}

/* The targets 3, 4, ... may be in use by what is to be passed: work on copies well above them. */
static int
actions_build(posix_spawn_file_actions_t *actions, const struct spawn *spawn, int copies[SPAWN_FDS_MAX])
{
    int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (r == 0 && spawn->output_fd >= 0)
        r = posix_spawn_file_actions_adddup2(actions, spawn->output_fd, 1);
    if (r == 0 && spawn->output_fd >= 0)
        r = posix_spawn_file_actions_adddup2(actions, spawn->output_fd, 2);
    for (size_t i = 0; r == 0 && i < spawn->n_fds; i++) {
        copies[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + SPAWN_FDS_MAX);
        r = copies[i] < 0 ? errno : posix_spawn_file_actions_adddup2(actions, copies[i], FIRST_FD + (int)i);
    }
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FD + (int)spawn->n_fds);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(actions, "/");
    return -r;
}

static int
attributes_build(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigset_t none;
    int      r;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (r == 0)
        r = posix_spawnattr_setpgroup(attributes, 0);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attributes, &all);
    if (r == 0)
        r = posix_spawnattr_setsigmask(attributes, &none);
    return -r;
}

int
spawn_self(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attributes;
    struct environment         env = {.n = 0};
    int                        copies[SPAWN_FDS_MAX] = {-1, -1, -1, -1};
    pid_t                      pid = -1;
    int                        pidfd;
    int                        r = env_build(&env, spawn);

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    if (r == 0)
        r = actions_build(&actions, spawn, copies);
    if (r == 0)
        r = attributes_build(&attributes);
    if (r == 0)
        r = -posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, (char *const *)(uintptr_t)spawn->argv,
                         env.vars);
    for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
        if (copies[i] >= 0)
            (void)close(copies[i]);
    for (size_t i = 0; i < env.n; i++)
        free(env.vars[i]);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    if (r < 0)
        return r;
    /* no race: only this process reaps the child, and it has not yet */
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        r = -errno;
        (void)kill(-pid, SIGKILL);
        return r;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}

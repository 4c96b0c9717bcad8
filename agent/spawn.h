/*
 * spawn.h: starts this very program again as a child: a runner, or the manifest's compiler.
 *
 * The child gets a process group of its own, default signals, a scrubbed environment, `/` as its folder, an empty
 * standard input, the given descriptors from 3 on, and nothing else.
 */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FDS_MAX 4

struct spawn {
    const char *const *argv;               /* argv[0] and the rest, NULL at the end */
    const char *const *extra_env;          /* "NAME=value" besides the scrubbed ones, or NULL */
    const char *const *pass_env;           /* names of variables handed down as they are, or NULL */
    int                output_fd;          /* standard output and error; -1: inherited */
    int                fds[SPAWN_FDS_MAX]; /* become 3, 4, ...; borrowed */
    size_t             n_fds;
};

/* 0 with the child's pid and a pidfd (close-on-exec, the caller's), or -errno. */
int spawn_self(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd);

#endif

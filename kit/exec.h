/*
 * kit/exec.h: runs a command: argv, never a shell.
 *
 * The environment is exactly what the caller gives; secrets go in by standard input. There is a deadline (SIGTERM, then
 * SIGKILL to the whole process group), output is capped, and every wait can be cancelled. The child has default
 * signals, no descriptor but 0, 1 and 2, and a process group of its own. Thread-safe.
 */
#ifndef GA_KIT_EXEC_H
#define GA_KIT_EXEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ga_exec {
    const char *const
        *argv; /* argv[0]: an absolute path, or a name that is looked up in the PATH of env; NULL at the end */
    const char *const *env;   /* "NAME=value", NULL at the end; NULL: PATH and LANG=C.UTF-8 only */
    const char        *cwd;   /* NULL: / */
    const void        *input; /* standard input; NULL: empty */
    size_t             input_len;
    int64_t            timeout_ns; /* 0: 60 s */
    int64_t            grace_ns;   /* SIGTERM to SIGKILL; 0: 5 s */
    size_t             max_output; /* bytes kept of each of standard output and error; 0: 1 MiB */
    int                cancel_fd;  /* readable: end it; 0 or -1: cannot be cancelled */
};

enum ga_exec_end {
    GA_EXEC_EXITED,    /* code: its exit status */
    GA_EXEC_SIGNALLED, /* code: the signal that killed it */
    GA_EXEC_TIMEOUT,
    GA_EXEC_CANCELLED,
    GA_EXEC_NOT_STARTED /* code: -errno */
};

struct ga_exec_result {
    enum ga_exec_end end;
    int              code;
    char            *output; /* NUL-terminated; never NULL but for GA_EXEC_NOT_STARTED */
    size_t           output_len;
    char            *errors;
    size_t           errors_len;
    int              cut; /* 1: it wrote more than was kept */
};

/* Runs it to its end. 0 when it exited with status 0, else -1; `ret` is always filled, give it to ga_exec_done(). */
int  ga_exec_run(const struct ga_exec *exec, struct ga_exec_result *ret);
void ga_exec_done(struct ga_exec_result *result);

/* One sentence: "/usr/bin/x exited with status 3: first line of what it wrote". No arguments: they may be private.
 * Returns buf. */
char *ga_exec_explain(const struct ga_exec *exec, const struct ga_exec_result *result, char *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif

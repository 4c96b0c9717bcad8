/*
 * sandbox_try.h: children that sandbox themselves and then try one thing.
 */
#ifndef TESTS_SANDBOX_TRY_H
#define TESTS_SANDBOX_TRY_H

#include "agent/sandbox.h"

#include <sys/types.h>

#define ABI_KNOWN 7 /* the newest that the sandbox was written for */

/* A child's report. */
struct tried {
    int  entered; /* of sandbox_enter() */
    int  error;   /* of the try: errno, or 0 */
    char text[SANDBOX_TEXT_MAX];
};

/* What is tried inside; returns errno or 0. */
typedef int (*try_fn)(const char *target);

extern char folder[64]; /* a rule names it */
extern char beside[64]; /* none does */

/* Setup and teardown of a test: the two folders. */
int make_folders(void **state);
int remove_folders(void **state);

/* A path. Static storage, good for four calls. */
const char *below(const char *where, const char *name);
void        make_file(const char *path, const char *text, mode_t mode);

/* attempt may be NULL. */
struct tried try_with(const struct sandbox_request *request, int abi, try_fn attempt, const char *target);

/* With the kernel's own ABI, and one rule for a path (NULL: none) and one for a port to connect to (0: none). Skips the
 * test where the kernel has too little. Returns what the attempt returned. */
int try_inside(const char *path, const char *access, int port, try_fn attempt, const char *target);

/* Attempts. */
int try_read(const char *path);
int try_write(const char *path);
int try_truncate(const char *path);
int try_remove(const char *path);
int try_move_in(const char *path);
int try_exec(const char *path);
int try_connect(const char *port);
int try_bind(const char *port);
int try_unix(const char *path);
int try_signal(const char *nothing);
int try_new_privileges(const char *nothing);

#endif

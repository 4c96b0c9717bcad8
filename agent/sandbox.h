/*
 * sandbox.h: what the process of a run may touch, from the rules that the manifest yields.
 *
 * Landlock confines files and, from ABI 4 (Linux 6.7), TCP ports; from ABI 6 signals and abstract sockets stay inside,
 * too. Best effort: what the kernel does not offer is left open and said. Not confined by any kernel so far: UDP,
 * connecting to a Unix socket by its path, and memory that is shared with nobody but not private (tmpfs, MAP_SHARED).
 * Nothing in the environment switches it off. One thread, before any other is started.
 */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define SANDBOX_TEXT_MAX 512
#define SANDBOX_ABI_REQUIRED 4 /* `sandbox: required` promises files (truncation included) and ports */

/* What a run may touch. All borrowed. */
struct sandbox_request {
    const char  *mode;      /* "required", "best-effort" or "off" */
    const cJSON *rules;     /* RULES of the job: paths, connect, bind, gpu; or NULL: the system's libraries only */
    const char  *state_dir; /* the plugin's own folder, or NULL */
    int          plugin_fd; /* the file that will be loaded, or -1 */
};

/* The Landlock ABI that the kernel offers: 1 and up. 0: it has none. -EOPNOTSUPP: it has, but started without it. */
int sandbox_abi(void);

/*
 * Confines the calling thread (and what it starts) for good. `abi` is what sandbox_abi() said; tests give less.
 * rettext (SANDBOX_TEXT_MAX bytes are enough) gets what is in force, or why it is refused. 0; -EOPNOTSUPP: required,
 * and the kernel does not offer enough; -EINVAL: the rules are none; or another -errno.
 */
int sandbox_enter(const struct sandbox_request *request, int abi, char *rettext, size_t len);

/* The rules for people, a line each ("read write  /var/lib/x"), the system's part in one line. The caller frees it. */
char *sandbox_describe(const cJSON *rules, const char *state_dir);

#endif

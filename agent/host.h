/*
 * host.h: the host functions of plugin.h, as the runner offers them: struct ga_host in terms of the wire.
 *
 * host.c says things, host_acts.c asks and waits, host_values.c answers for options and arguments, host_state.c keeps
 * documents. A task
 * that breaks the contract (an unknown key, a wrong type, an act within an act, ...) ends the process at once, with an
 * end packet of kind "contract" that names what it did.
 */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include "agent/mask.h"
#include "agent/secrets.h"

#include <gonka-agent/plugin.h>

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOST_LOG_MAX 4096            /* bytes of one line, of a summary, of a note */
#define HOST_PAYLOAD_MAX (16u << 10) /* bytes of an event's payload */
#define HOST_REPORT_MAX (16u << 20)  /* bytes of result and text */
#define HOST_STATE_MAX (16u << 20)   /* bytes of one document of the plugin's state */

/* What state_get() handed out: borrowed by the task until it returns. */
struct host_document {
    struct host_document *next;
    char                  data[];
};

/* One execution of one task, on the runner's side. Set up by runner.c; `lock` guards the wire's sending side and
 * nothing else; everything else belongs to the thread of the task. */
struct ga_run {
    const struct ga_plugin *plugin;
    const struct ga_task   *task;
    const cJSON            *options; /* of the job */
    const cJSON            *args;
    const cJSON            *event; /* what started the run, until it was fetched; or NULL */
    struct secrets          secrets;
    struct mask             mask;
    int                     wire_fd;
    int                     result_fd;
    int                     text_fd;
    int                     state_fd;  /* the plugin's folder, or -1 */
    int                     never_ran; /* a dry run, and the plugin has no folder yet */
    int                     cancel_fd;
    int                     dry_run;
    int                     resident;

    pthread_mutex_t       lock;
    pthread_t             thread;
    pid_t                 pid;
    char                 *summary;
    int                   act_id;   /* of the last act */
    int                   act_open; /* it was allowed and not closed yet */
    char                  act_why[512];
    int                   wants_event; /* "next" was sent and not answered */
    cJSON                *pending;     /* an event that came while something else was waited for */
    char                 *event_payload;
    cJSON                *event_packet; /* what the last ga_event borrows from */
    struct host_document *documents;
    int64_t               beat_ns;     /* when the last one was sent */
    int64_t               progress_ns; /* likewise; guarded by lock, too */
};

/* The table that a task is given. */
extern const struct ga_host host_table;

/* From now on SIGTERM cancels the run. 0, or -errno. Call once. */
int host_catch_cancel(struct ga_run *run);

/* Sends a packet, masked and made valid; takes it. When the supervisor is gone the run is cancelled. 0, or -errno.
 * [any] */
int host_send(struct ga_run *run, cJSON *packet);

/* A packet of that type, or NULL. */
cJSON *host_packet(const char *type);

/* Writes a line to the agent's log. [any] */
void host_log(struct ga_run *run, uint32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One line without secrets and control characters, the caller's to free; NULL: no memory. [any] */
char *host_line(struct ga_run *run, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Cancels the run (the supervisor is gone), or asks whether it is. [any] */
void host_cancel(void);
int  host_cancelled(struct ga_run *run);

/* CLOCK_MONOTONIC. */
int64_t host_now_ns(void);

/* Tells the end of the run. kind: "task", "load", "sandbox", "contract". */
void host_send_end(struct ga_run *run, int outcome, const char *summary, const char *kind);

/* Ends the process: the run failed. kind as above. */
_Noreturn void host_fail(struct ga_run *run, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the process unless the caller is on the task's thread. `what` is the host function. */
void host_own_thread(struct ga_run *run, const char *what);

/*
 * Compares the job's values with the descriptor and takes up the secrets. What does not fit (the file was replaced
 * after the manifest was checked, a secret cannot be read) ends the process as a failed load.
 */
void host_values_check(struct ga_run *run);

/* Members of host_table, in host_values.c. */
int         host_has(struct ga_run *run, const char *key);
const char *host_str(struct ga_run *run, const char *key);
int64_t     host_num(struct ga_run *run, const char *key);
size_t      host_count(struct ga_run *run, const char *key);
const char *host_map_key(struct ga_run *run, const char *key, size_t i);
const char *host_str_at(struct ga_run *run, const char *key, size_t i);
int64_t     host_num_at(struct ga_run *run, const char *key, size_t i);

/* Members of host_table, in host_acts.c. */
int         host_act(struct ga_run *run, const char *verb, const char *object, const char *details);
const char *host_act_why(struct ga_run *run);
void        host_acted(struct ga_run *run, int ok, const char *note);
int         host_emit(struct ga_run *run, const char *topic, const char *payload);
int         host_next_event(struct ga_run *run, int32_t timeout_ms, struct ga_event *ret);

/* Members of host_table, in host_state.c. */
int host_state_get(struct ga_run *run, const char *name, const void **ret, size_t *ret_len);
int host_state_put(struct ga_run *run, const char *name, const void *data, size_t len);

/* Removes what runs that died left half written in the folder. Before the sandbox. */
void host_state_tidy(int state_fd);

#endif

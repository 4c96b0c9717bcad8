/*
 * run.h: one run, seen from the supervisor: its process, its wire, its deadline, its end.
 *
 * The owner (the daemon, or a run by hand without a daemon) gives a table of callbacks and decides about acts. All
 * callbacks come from the owner's sd-event loop; run_end is the last one, after it the run is gone.
 */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include "agent/bus.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct run;

/* What a run is to do. Everything is borrowed for the call of run_start(). */
struct run_request {
    const char         *state_dir;  /* the agent's; the plugin's own folder is made below it */
    const char         *sandbox;    /* "required", "best-effort", "off" */
    const cJSON        *plugin;     /* of the compiled manifest */
    const cJSON        *task;       /* likewise, one of the plugin's tasks */
    const cJSON        *args;       /* instead of the task's, or NULL */
    const cJSON        *rules;      /* instead of the task's, or NULL */
    const struct event *event;      /* what started it, or NULL */
    int64_t             timeout_ns; /* 0: none */
    int                 dry_run;
    int                 resident;
};

enum run_outcome { RUN_OK, RUN_CHANGED, RUN_REFUSED, RUN_UNKNOWN, RUN_FAILED };
const char *run_outcome_name(enum run_outcome outcome);

/* How a run ended. Borrowed for the callback. */
struct run_end {
    enum run_outcome outcome;
    const char      *summary;
    int64_t          ns;        /* start to end */
    int              cancelled; /* ended because run_cancel() was called */
    int              rubbish;   /* sent what is no packet */
    uint64_t         events_refused;
    cJSON           *acts;   /* array of {verb, object, details, done, ok, note}; may be detached by the owner */
    cJSON           *result; /* the task's report, or NULL; may be detached */
    const char      *text;   /* the report for people, or NULL */
};

struct run_ops {
    void (*log)(struct run *run, int level, const char *text, void *userdata);
    /* Decides about one act: GA_ACT_* of plugin.h. On DO the intent is in the journal and *ret_sync_fd is a descriptor
     * that the runner syncs. why is a buffer for the reason of a refusal. */
    int (*act)(struct run *run, const cJSON *packet, int *ret_sync_fd, char *why, size_t why_len, void *userdata);
    void (*acted)(struct run *run, const cJSON *packet, void *userdata);
    void (*emit)(struct run *run, const char *topic, const char *payload, void *userdata);
    void (*next)(struct run *run,
                 void       *userdata); /* a resident task waits for an event: answer with run_send_event() */
    void (*metric)(struct run *run, const char *name, double value, void *userdata);
    void (*progress)(struct run *run, const cJSON *packet, void *userdata);
    void (*sandbox)(struct run *run, const char *text, void *userdata);
    void (*ready)(struct run *run, void *userdata);
    void (*beat)(struct run *run, void *userdata);
    void (*end)(struct run *run, struct run_end *end, void *userdata);
};

/* Starts it. 0, or -errno with the reason in reterr (then no callback comes). */
int run_start(sd_event *loop, const struct run_request *request, const struct run_ops *ops, void *userdata,
              struct run **ret, char *reterr, size_t reterr_len);

/* Asks it to end: SIGTERM and, after grace_ns, SIGKILL to its process group. `why` becomes the summary of a run that
 * does not say anything itself; borrowed text that lives for ever. Asking again may shorten the grace. */
void run_cancel(struct run *run, int64_t grace_ns, const char *why);

/* Answers run_ops.next. */
void run_send_event(struct run *run, const struct event *event);

const char *run_id(const struct run *run); /* unique over restarts */
void       *run_userdata(const struct run *run);

/* Ends processes that runs have left behind and that became children of this one. `live` says whether a run id is still
 * under way. Returns how many were killed. Needs run_adopt_orphans() once at start. */
unsigned run_kill_strays(int (*live)(const char *run_id, void *userdata), void *userdata);
int      run_adopt_orphans(void);

#endif

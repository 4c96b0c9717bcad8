/*
 * supervisor.h: the daemon's state. One thread, one sd-event loop; nothing here blocks.
 *
 * supervisor.c sets up and ends; house.c makes plugins and tasks from a compiled manifest and switches to a new one;
 * schedule.c decides when a task runs and starts it; deed.c answers what a run says (acts, events, its end); publish.c
 * spreads events; control.c serves the control socket; reload.c has the manifest compiled in a child.
 */
#ifndef AGENT_SUPERVISOR_H
#define AGENT_SUPERVISOR_H

#include "agent/bus.h"
#include "agent/journal.h"
#include "agent/run.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define HAND_QUEUE_MAX 32 /* runs by hand that wait for one plugin */

struct supervisor;
struct plugin;
struct control_client;

enum trigger { TRIGGER_EVERY, TRIGGER_ON, TRIGGER_ALWAYS, TRIGGER_HAND };

/* A task that is due and waits for its plugin to be free, or runs. */
struct start {
    struct start          *next; /* in its plugin's queue */
    struct task           *task;
    enum trigger           trigger;
    struct event          *event;  /* or NULL */
    cJSON                 *args;   /* by hand: instead of the manifest's, or NULL */
    cJSON                 *rules;  /* likewise */
    struct control_client *client; /* by hand: who listens; NULL when gone */
    struct run            *run;    /* once it runs */
    int                    dry_run;
    int64_t                started_boot_ns;
    unsigned               acts;
    cJSON                 *open_acts; /* id as key: "verb object", for act.done */
};

struct task {
    struct plugin      *plugin;
    const cJSON        *spec; /* of the compiled manifest; borrowed from the plugin */
    const char         *name;
    int64_t             every_ns; /* 0: no timer */
    int64_t             timeout_ns;
    int                 resident;
    int                 read_only;
    int                 essential;
    int                 has_on;
    sd_event_source    *timer;
    struct start       *pending;      /* by timer or event, in the plugin's queue: at most one */
    struct start       *running;      /* by timer, event or always; runs by hand are only in the plugin's list */
    int64_t             next_boot_ns; /* when the timer is due; 0: none */
    unsigned            failures;     /* one after the other */
    int                 told_failed;  /* task.failed was emitted and task.recovered not yet */
    uint64_t            n_runs;
    uint64_t            n_failed;
    uint64_t            n_coalesced;
    enum run_outcome    last_outcome;
    char               *last_summary; /* NULL: never ran */
    int64_t             last_at_ns;
    int64_t             last_ns;
    cJSON              *progress;
    int                 settled; /* resident: said ready, or its first run ended */
    int64_t             beat_boot_ns;
    struct event_queue *events; /* resident: waiting for it */
    int                 wants_event;
};

struct plugin {
    struct plugin     *next;
    struct supervisor *supervisor;
    cJSON             *spec; /* owned */
    const char        *name;
    struct task       *tasks;
    size_t             n_tasks;
    struct start      *queue;           /* waits */
    struct start      *running;         /* runs, read-only and resident ones included */
    struct start      *exclusive;       /* the one of them that keeps others out, or NULL */
    int                armed;           /* its triggers are set */
    int                retiring;        /* of a manifest before: only its last runs end */
    int64_t            paused_until_ns; /* real time; 0 not paused, INT64_MAX until resumed */
    sd_event_source   *pause_timer;
    char              *sandbox; /* what is in force, as the last run said */
    cJSON             *metrics;
    int64_t            log_tokens; /* lines it may write now, times 1000 */
    int64_t            log_at_ns;
    uint64_t           log_dropped; /* lines that were left out */
    uint64_t           log_untold;  /* of them, those that the log does not tell of yet */
    int64_t            log_told_ns; /* when the number of left-out lines was last told */
};

struct supervisor {
    sd_event        *loop;
    struct journal  *journal;
    const char      *manifest;   /* path */
    const char      *plugin_dir; /* of the command line, or NULL */
    cJSON           *agent;      /* of the compiled manifest */
    const char      *state_dir;
    const char      *sandbox;
    struct plugin   *plugins;
    struct plugin   *retired; /* of manifests before; go when their last run has ended */
    struct control  *control;
    struct reload   *reload;
    int64_t          since_ns;
    int64_t          read_begun_ns;    /* when the reading of a manifest was last begun */
    int64_t          manifest_read_ns; /* the same of the manifest in force */
    uint64_t         sequence;         /* of events */
    uint64_t         n_runs;
    uint64_t         n_events;
    uint64_t         n_events_unjournalled;
    uint64_t         n_strays;
    uint64_t         n_rubbish;
    uint64_t         n_reloads;        /* that took effect */
    uint64_t         n_reloads_failed; /* after which the old manifest went on */
    int64_t          event_second;
    unsigned         events_this_second;
    unsigned         n_running; /* resident ones aside */
    unsigned         max_runs;
    int              ready;
    int              ending;
    char            *reload_error; /* of the last reload; NULL when it worked */
    sd_event_source *watchdog;
    uint64_t         watchdog_usec;
    sd_event_source *end_timer;
};

/* house.c */
int            house_build(struct supervisor *supervisor, const cJSON *compiled, struct plugin **ret);
void           house_free(struct plugin *plugins);
struct plugin *house_find(const struct supervisor *supervisor, const char *name);
struct task   *house_find_task(struct plugin *plugin, const char *name);
/* Switches to `compiled` (taken): same plugins go on, changed ones end and start anew. ret_changed: their names. */
int house_switch(struct supervisor *supervisor, cJSON *compiled, cJSON **ret_changed);
/* Do runs of a plugin of that name, as an earlier manifest had it, still end? 1 or 0. */
int  house_former_runs(const struct supervisor *supervisor, const char *name);
void house_sweep(struct supervisor *supervisor); /* frees retired plugins whose runs have ended */

/* schedule.c */
void          schedule_arm(struct plugin *plugin); /* first triggers of all its tasks */
void          schedule_disarm(struct plugin *plugin);
void          schedule_event(struct task *task, struct event *event);
struct start *schedule_hand(struct task *task, cJSON *args, cJSON *rules, int dry_run, struct control_client *client);
void          schedule_turn(struct plugin *plugin);                          /* starts what may start */
void          schedule_after(struct task *task, int failed, int64_t run_ns); /* next trigger once a run has ended */
void          schedule_pause(struct plugin *plugin, int64_t for_ns);
void          schedule_resume(struct plugin *plugin);
void          start_free(struct start *start);
const char   *trigger_name(enum trigger trigger);

/* deed.c */
extern const struct run_ops deed_ops;
void                        deed_begun(struct start *start);
/* Ends processes that runs which are over have left behind, and waits for those that are dead. How many it ended. */
unsigned supervisor_end_strays(struct supervisor *supervisor);
void     deed_not_begun(struct start *start, const char *why);

/* publish.c: payload is a JSON object as text */
void publish(struct supervisor *supervisor, const char *topic, const char *origin, const char *payload);
void publish_json(struct supervisor *supervisor, const char *topic, const char *origin, cJSON *payload); /* taken */

/* control.c */
int  control_open(struct supervisor *supervisor, const char *path, struct control **ret, char *reterr, size_t len);
void control_close(struct control *control);
void control_event(struct control *control, const struct event *event);
void control_run_line(struct control_client *client, cJSON *line); /* taken */
void control_run_end(struct control_client *client, cJSON *line);  /* taken; the client is done */
void control_reload_end(struct control *control, int ok, const char *error, const cJSON *details);

/* status.c */
cJSON *status_report(struct supervisor *supervisor);

/* reload.c: has the manifest compiled; done() gets the compiled manifest (taken) or NULL and diagnostics (borrowed). */
struct reload;
int  reload_begin(sd_event *loop, const char *manifest, const char *plugin_dir,
                  void (*done)(cJSON *compiled, const char *diagnostics, void *userdata), void *userdata,
                  struct reload **ret);
void reload_abort(struct reload *reload);

/* supervisor.c */
int  supervisor_main(const char *manifest, const char *plugin_dir);
void supervisor_check_ready(struct supervisor *supervisor);
void supervisor_reload(struct supervisor *supervisor);
void supervisor_end_turn(struct supervisor *supervisor); /* a run has ended: may we end too? */

#endif

/*
 * gonka-agent/plugin.h: the whole contract between gonka-agent and a plugin.
 *
 * A plugin is one shared object that exports one constant, `ga_plugin_v1`. It says as data what the plugin offers:
 * options, tasks, topics. From that table the agent checks manifests, prints help and derives the sandbox.
 *
 * Every run of a task is a process of its own (the runner). It is sandboxed first, then loads this one plugin, calls
 * one task function, and exits. So a task may block, keep global state and use any library: nothing outlives the run.
 *
 * Words used for ownership: "borrowed" is valid until the task function returns; "copied" means the agent keeps a copy
 * and the caller may free its own at once. Nothing is ever freed across this border.
 *
 * Threads: host functions are called from the thread that the task function was called on, except those marked [any],
 * which are free for a plugin's own threads; such threads must have ended before the task function returns.
 *
 * Strings are UTF-8. Durations are nanoseconds, sizes are bytes, times are nanoseconds since the epoch (UTC).
 *
 * Changes: 1.0 first version.
 */
#ifndef GONKA_AGENT_PLUGIN_H
#define GONKA_AGENT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_ABI_MAJOR 1 /* raised when members move or change meaning: the symbol becomes ga_plugin_v2 */
#define GA_ABI_MINOR 0 /* raised when members are appended */

#if defined(__GNUC__)
#define GA_EXPORT __attribute__((visibility("default")))
#define GA_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define GA_EXPORT
#define GA_PRINTF(format_index, first_argument)
#endif

struct ga_run;  /* one execution of one task; the agent owns it */
struct ga_host; /* what the agent offers to a run, below */

/* --- Outcomes: how a run ended, the task function's return value ------------------------------------------------- */

#define GA_OK 0      /* looked, nothing to do */
#define GA_CHANGED 1 /* at least one act was made (or, in a dry run, would be) and its effect was observed */
#define GA_REFUSED 2 /* a guard said no; the summary names it and the next step */
#define GA_UNKNOWN 3 /* could not observe: never evidence that something is missing */
#define GA_FAILED 4  /* tried and failed */

/* --- Options and arguments -----------------------------------------------------------------------------------------
 */

/* Types. In the manifest: 30s 5m 24h for a duration; 250GB 64MiB for a size; true|false for a bool. */
#define GA_T_STRING 1u
#define GA_T_INT 2u      /* range in min and max when they differ */
#define GA_T_BOOL 3u     /* true or false only */
#define GA_T_DURATION 4u /* nanoseconds in int_*(); range as GA_T_INT */
#define GA_T_SIZE 5u     /* bytes in int_*(); range as GA_T_INT */
#define GA_T_ENUM 6u     /* `choices` holds the names: "yes|no|abstain" */
#define GA_T_PATH 7u     /* absolute; access in flags; the sandbox opens exactly this */
#define GA_T_URL 8u      /* `choices` holds the schemes and their ports: "nats:4222|tls:4222|docker" */
#define GA_T_SECRET 9u   /* a reference in the manifest ({file: ...}, {credential: ...}, {env: ...}); never logged */

#define GA_T_LIST 0x100u /* or-ed to a type: a list of it */
#define GA_T_MAP 0x200u  /* or-ed to a type: a map from string to it */
#define GA_T_BASE(type) ((type)&0xffu)

/* Flags of an option. The access of a path becomes a rule of the sandbox. */
#define GA_REQUIRED 0x1u    /* must be given; without it and without a default the value is absent */
#define GA_READ 0x2u        /* path: read files and list folders, at it and below */
#define GA_WRITE 0x4u       /* path: create, change and remove, below it */
#define GA_EXEC 0x8u        /* path: may be executed; sandbox covers the child too */
#define GA_MUST_EXIST 0x10u /* path: `check` reports it when it is not there */
#define GA_SOCKET 0x20u     /* path: a Unix socket to connect to */
#define GA_LISTEN 0x40u     /* url: the port is bound, not connected to */

/*
 * One option of a plugin or one argument of a task. The table is an array with `*_stride` bytes from one element to the
 * next, so the struct may grow. All pointers live as long as the plugin is loaded.
 */
struct ga_option {
    const char *key;     /* lower snake_case */
    uint32_t    type;    /* GA_T_... */
    uint32_t    flags;   /* GA_REQUIRED | GA_READ | ... */
    const char *dflt;    /* default in the manifest's own syntax (YAML flow style), or NULL: absent */
    const char *help;    /* one line, what it does and its unit */
    const char *choices; /* GA_T_ENUM and GA_T_URL, else NULL */
    int64_t     min;     /* least value of int, duration, size; min == max: no range */
    int64_t     max;     /* greatest value, inclusive */
};

/* --- Tasks ---------------------------------------------------------------------------------------------------------
 */

#define GA_TASK_READ_ONLY 0x1u /* makes no acts: may overlap other runs of the plugin */
#define GA_TASK_ESSENTIAL 0x2u /* resident: its heartbeat feeds the watchdog */
#define GA_TASK_BY_HAND 0x4u   /* never by a trigger unless the manifest gives it one */
#define GA_TASK_RESIDENT 0x8u  /* default trigger `always`: restarted whenever it ends */

/*
 * A task function. Called once in a process of its own. Returns an outcome (GA_OK ... GA_FAILED); any other value is
 * reported as failed. On SIGTERM cancelled() turns to 1 and interruptible waits return; the task should then return
 * soon.
 */
typedef int (*ga_task_fn)(struct ga_run *run, const struct ga_host *host);

struct ga_task {
    const char             *name;    /* lower kebab-case verb: "enforce" */
    const char             *summary; /* one line */
    const char             *every;   /* default period ("5m"), or NULL: no timer */
    const char             *on;      /* default topic patterns, blank-separated, or NULL */
    const char             *timeout; /* default deadline of a run ("2m"); NULL: 60s; resident tasks have none */
    uint32_t                flags;   /* GA_TASK_... */
    uint32_t                n_args;  /* elements in args */
    const struct ga_option *args;    /* arguments: `run PLUGIN TASK key=value`, or `args:` in the manifest */
    ga_task_fn              function;
};

/* A topic that the plugin emits: documentation and a check, since emit() refuses what is not listed here. */
struct ga_topic {
    const char *name;    /* dotted lower-case words: "disk.low" */
    const char *summary; /* what the payload says */
};

/* What a plugin needs beyond its options; the manifest must grant it by name. */
#define GA_NEEDS_GPU 0x1u     /* GPU device nodes: `allow: [gpu]` */
#define GA_NEEDS_NETWORK 0x2u /* TCP connections to ports that no option can name beforehand: `allow: [network]` */

/* What a plugin is. NULL or 0 where marked optional. */
struct ga_plugin {
    uint32_t                size;      /* sizeof(struct ga_plugin) */
    uint16_t                abi_major; /* GA_ABI_MAJOR */
    uint16_t                abi_minor; /* the least minor of the agent that this plugin can live with */
    const char             *name;      /* lower kebab-case, equals the file's name without ".so" */
    const char             *version;
    const char             *summary;
    const struct ga_option *options; /* optional */
    uint32_t                n_options;
    uint32_t                option_stride; /* sizeof(struct ga_option) */
    const struct ga_task   *tasks;
    uint32_t                n_tasks;
    uint32_t                task_stride; /* sizeof(struct ga_task) */
    const struct ga_topic  *topics;      /* optional */
    uint32_t                n_topics;
    uint32_t                topic_stride; /* sizeof(struct ga_topic) */
    uint32_t                needs;        /* GA_NEEDS_... */
    uint32_t                reserved;     /* 0 */
};

/* The one symbol a plugin exports. Its name carries the major number. */
extern GA_EXPORT const struct ga_plugin ga_plugin_v1;

/* --- Host functions ------------------------------------------------------------------------------------------------
 */

/* An event as a task receives it. Borrowed: valid until the next next_event() or the return of the task. */
struct ga_event {
    uint32_t    size;
    uint32_t    reserved;
    const char *topic;
    const char *origin;  /* "plugin/task", or "agent" */
    const char *payload; /* a JSON object */
    int64_t     time_ns; /* when it was emitted */
    uint64_t    sequence;
};

/* Answers of act(). */
#define GA_ACT_DO 1         /* the intent is in the journal and on disk: do it, then call acted() */
#define GA_ACT_DRY 0        /* dry run: it was noted; carry on as if done, change nothing */
#define GA_ACT_REFUSED (-1) /* limits, paused, journal not writable: do not; why with act_why() */

/* Levels of log(): those of syslog(3). */
#define GA_LOG_ERR 3u
#define GA_LOG_WARNING 4u
#define GA_LOG_NOTICE 5u
#define GA_LOG_INFO 6u
#define GA_LOG_DEBUG 7u

/*
 * What the agent offers. Values of options and arguments were checked before the run started, so getters cannot fail:
 * a key that the descriptor does not list, or one asked with the wrong type, ends the run as failed and names the key.
 * Keys are looked up among the task's arguments first, then among the plugin's options.
 */
struct ga_host {
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* Is there a value (given or default)? 1 or 0. For lists and maps: is it non-empty? */
    int (*has)(struct ga_run *run, const char *key);
    /* string, enum, path, URL, secret. Borrowed. NULL when absent. */
    const char *(*str)(struct ga_run *run, const char *key);
    /* int, bool (0/1), duration (ns), size (bytes). 0 when absent: ask has() where that matters. */
    int64_t (*num)(struct ga_run *run, const char *key);
    /* Elements of a list or map; 0 when absent. */
    size_t (*count)(struct ga_run *run, const char *key);
    /* Element i < count() of a list or map, as str() and num(); map_key() gives its key. Borrowed. */
    const char *(*map_key)(struct ga_run *run, const char *key, size_t i);
    const char *(*str_at)(struct ga_run *run, const char *key, size_t i);
    int64_t (*num_at)(struct ga_run *run, const char *key, size_t i);

    /* One sentence to the log, lower case, no full stop, no secrets. Copied, rate-limited per plugin. [any] */
    void (*log)(struct ga_run *run, uint32_t level, const char *format, ...) GA_PRINTF(3, 4);
    /* The run's one-line summary: what was seen, or why not and the next step. The last call counts. Copied. Returns
     * `outcome`, so that a task can end with `return host->end(run, GA_UNKNOWN, "...")`. */
    int (*end)(struct ga_run *run, int outcome, const char *format, ...) GA_PRINTF(3, 4);

    /*
     * Asks before one change to the world. `verb` is one word ("set-max-age"), `object` what it changes ("stream x"),
     * `details` a JSON object (old and new values, a diff in "diff") or NULL. Returns GA_ACT_*. With GA_ACT_DO the
     * intent has been synced to disk: make the change, observe it, then call acted(). Copied.
     */
    int (*act)(struct ga_run *run, const char *verb, const char *object, const char *details);
    /* Why the last act() was refused. Borrowed until the next act(). */
    const char *(*act_why)(struct ga_run *run);
    /* Closes the last act that answered GA_ACT_DO: ok is 1 when its effect was observed, else 0; note says what was
     * seen. */
    void (*acted)(struct ga_run *run, int ok, const char *note);
    /* 1 in a dry run. Needed rarely: act() answers for itself. */
    int (*dry_run)(struct ga_run *run);

    /* Emits an event; topic must be listed in the descriptor, payload is a JSON object of at most 16 KiB or NULL.
     * 0, or -1 when refused (the log says why). Copied. */
    int (*emit)(struct ga_run *run, const char *topic, const char *payload);
    /* Resident tasks: waits at most timeout_ms (-1: for ever) for an event of the task's `on` patterns.
     * 1 event in *ret, 0 time is up, -1 cancelled. In other tasks: the event that started the run, once; then 0. */
    int (*next_event)(struct ga_run *run, int32_t timeout_ms, struct ga_event *ret);

    /*
     * The plugin's own small documents, kept between runs. Names are [a-z0-9._-]. get: bytes stored in *ret (borrowed,
     * followed by a NUL that is not counted) and *ret_len; 0 found, 1 no such document, -1 unreadable (logged).
     * put: replaces as one step (written aside, synced, renamed); 0, or -1 (logged). A dry run does not put.
     */
    int (*state_get)(struct ga_run *run, const char *name, const void **ret, size_t *ret_len);
    int (*state_put)(struct ga_run *run, const char *name, const void *data, size_t len);

    /* A gauge of this plugin, shown by `status --json`: lower snake_case name with its unit. [any] */
    void (*metric)(struct ga_run *run, const char *name, double value);
    /* The task's report: a JSON document for scripts. The last call counts, at most 16 MiB. 0, or -1 (logged). Copied.
     */
    int (*result)(struct ga_run *run, const char *json);
    /* The same report for people: plain text, printed by `gonka-agent run`. Copied. */
    void (*text)(struct ga_run *run, const char *text);
    /* What the run is doing now, for `status`; done of total, total 0 when unknown. [any] */
    void (*progress)(struct ga_run *run, const char *what, uint64_t done, uint64_t total);

    /* 1 once the run should end (SIGTERM, deadline). [any] */
    int (*cancelled)(struct ga_run *run);
    /* A descriptor that becomes readable when cancelled, for poll(2). Do not read or close it. [any] */
    int (*cancel_fd)(struct ga_run *run);
    /* Resident tasks: ready() once, when serving; beat() at least every 10 s from the thread that does the work. */
    void (*ready)(struct ga_run *run);
    void (*beat)(struct ga_run *run);

    /* 1.1 appends here; ask GA_HOST_HAS before using a later member. */
};

#define GA_HOST_HAS(host, member) ((host)->size >= offsetof(struct ga_host, member) + sizeof((host)->member))

#ifdef __cplusplus
}
#endif

#endif

/*
 * frozen-1-0.c: the contract 1.0 as it was on the day it was frozen, written out. Never change it: every agent of major
 * 1 must load it and offer it these host functions at these places. Does not include plugin.h.
 */
#include <stddef.h>
#include <stdint.h>

struct ga_run;
struct frozen_host;
typedef int (*frozen_task_fn)(struct ga_run *run, const struct frozen_host *host);

struct frozen_option {
    const char *key;
    uint32_t    type;
    uint32_t    flags;
    const char *dflt;
    const char *help;
    const char *choices;
    int64_t     min;
    int64_t     max;
};

struct frozen_task {
    const char                 *name;
    const char                 *summary;
    const char                 *every;
    const char                 *on;
    const char                 *timeout;
    uint32_t                    flags;
    uint32_t                    n_args;
    const struct frozen_option *args;
    frozen_task_fn              function;
};

struct frozen_topic {
    const char *name;
    const char *summary;
};

struct frozen_plugin {
    uint32_t                    size;
    uint16_t                    abi_major;
    uint16_t                    abi_minor;
    const char                 *name;
    const char                 *version;
    const char                 *summary;
    const struct frozen_option *options;
    uint32_t                    n_options;
    uint32_t                    option_stride;
    const struct frozen_task   *tasks;
    uint32_t                    n_tasks;
    uint32_t                    task_stride;
    const struct frozen_topic  *topics;
    uint32_t                    n_topics;
    uint32_t                    topic_stride;
    uint32_t                    needs;
    uint32_t                    reserved;
};

struct frozen_event {
    uint32_t    size;
    uint32_t    reserved;
    const char *topic;
    const char *origin;
    const char *payload;
    int64_t     time_ns;
    uint64_t    sequence;
};

struct frozen_host {
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;
    int (*has)(struct ga_run *run, const char *key);
    const char *(*str)(struct ga_run *run, const char *key);
    int64_t (*num)(struct ga_run *run, const char *key);
    size_t (*count)(struct ga_run *run, const char *key);
    const char *(*map_key)(struct ga_run *run, const char *key, size_t i);
    const char *(*str_at)(struct ga_run *run, const char *key, size_t i);
    int64_t (*num_at)(struct ga_run *run, const char *key, size_t i);
    void (*log)(struct ga_run *run, uint32_t level, const char *format, ...);
    int (*end)(struct ga_run *run, int outcome, const char *format, ...);
    int (*act)(struct ga_run *run, const char *verb, const char *object, const char *details);
    const char *(*act_why)(struct ga_run *run);
    void (*acted)(struct ga_run *run, int ok, const char *note);
    int (*dry_run)(struct ga_run *run);
    int (*emit)(struct ga_run *run, const char *topic, const char *payload);
    int (*next_event)(struct ga_run *run, int32_t timeout_ms, struct frozen_event *ret);
    int (*state_get)(struct ga_run *run, const char *name, const void **ret, size_t *ret_len);
    int (*state_put)(struct ga_run *run, const char *name, const void *data, size_t len);
    void (*metric)(struct ga_run *run, const char *name, double value);
    int (*result)(struct ga_run *run, const char *json);
    void (*text)(struct ga_run *run, const char *text);
    void (*progress)(struct ga_run *run, const char *what, uint64_t done, uint64_t total);
    int (*cancelled)(struct ga_run *run);
    int (*cancel_fd)(struct ga_run *run);
    void (*ready)(struct ga_run *run);
    void (*beat)(struct ga_run *run);
};

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct frozen_option options[] = {
    {.key = "word", .type = 1u, .dflt = "frozen", .help = "a word"},
    {.key = "number", .type = 2u, .dflt = "7", .help = "a number", .min = 0, .max = 100},
};

/* Calls a member near the start, in the middle and at the end of the table. */
static int
thaw(struct ga_run *run, const struct frozen_host *host)
{
    const char *word = host->str(run, "word");

    if (host->size < sizeof(*host) || host->abi_major != 1)
        return 4;
    host->metric(run, "frozen_number", (double)host->num(run, "number"));
    if (host->emit(run, "frozen.thawed", "{}") < 0 || host->cancelled(run) || host->cancel_fd(run) < 0)
        return host->end(run, 4, "a member is not where it was");
    host->beat(run);
    return host->end(run, 0, "%s %d", word ? word : "?", (int)host->num(run, "number"));
}

static const struct frozen_task tasks[] = {
    {.name = "thaw", .summary = "says its word", .every = "1h", .function = thaw},
};

static const struct frozen_topic topics[] = {{.name = "frozen.thawed", .summary = "nothing"}};

extern __attribute__((visibility("default"))) const struct frozen_plugin ga_plugin_v1;

const struct frozen_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                           .abi_major = 1,
                                           .abi_minor = 0,
                                           .name = "frozen-1-0",
                                           .version = "1.0.0",
                                           .summary = "the contract 1.0, written out",
                                           .options = options,
                                           .n_options = N(options),
                                           .option_stride = sizeof(*options),
                                           .tasks = tasks,
                                           .n_tasks = N(tasks),
                                           .task_stride = sizeof(*tasks),
                                           .topics = topics,
                                           .n_topics = N(topics),
                                           .topic_stride = sizeof(*topics)};

/* bench-probe.c: the plugin that measures the agent from inside: its tasks do next to nothing and say when. */
#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int
noop(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "nothing to do");
}

static int
emit(struct ga_run *run, const struct ga_host *host)
{
    int64_t count = host->num(run, "count");
    int64_t from = now_ns();
    char    json[128];

    for (int64_t i = 0; i < count; i++) {
        (void)snprintf(json, sizeof(json), "{\"n\":%" PRId64 "}", i);
        if (host->emit(run, host->str(run, "topic"), json) < 0)
            return host->end(run, GA_FAILED, "event %" PRId64 " was refused", i);
    }
    (void)snprintf(json, sizeof(json), "{\"count\":%" PRId64 ",\"ns\":%" PRId64 "}", count, now_ns() - from);
    (void)host->result(run, json);
    return host->end(run, GA_OK, "emitted %" PRId64 " events", count);
}

/* Says its pid as an event, then waits for its end. */
static int
hold(struct ga_run *run, const struct ga_host *host)
{
    struct pollfd end = {.fd = host->cancel_fd(run), .events = POLLIN};
    char          json[64];

    (void)snprintf(json, sizeof(json), "{\"pid\":%d}", (int)getpid());
    (void)host->emit(run, "bench.held", json);
    (void)poll(&end, 1, -1);
    return host->end(run, GA_OK, "told to end");
}

/* Its summary is the time from the event to the task's first line. */
static int
latency(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event = {.size = sizeof(event)};
    int64_t         started = now_ns();

    if (host->next_event(run, 0, &event) != 1)
        return host->end(run, GA_UNKNOWN, "run without an event");
    return host->end(run, GA_OK, "%" PRId64, started - event.time_ns);
}

static int
sink(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event = {.size = sizeof(event)};
    uint64_t        count = 0;
    int             r;

    host->ready(run);
    while ((r = host->next_event(run, 5000, &event)) >= 0) {
        count += r == 1;
        host->beat(run);
    }
    return host->end(run, GA_OK, "received %" PRIu64 " events", count);
}

static const struct ga_option emit_args[] = {
    {.key = "count", .type = GA_T_INT, .dflt = "1", .help = "events to emit", .min = 1, .max = 10000000},
    {.key = "topic", .type = GA_T_ENUM, .dflt = "bench.tick", .choices = "bench.tick|bench.flood", .help = "the topic"},
};

static const struct ga_task tasks[] = {
    {.name = "noop", .summary = "does nothing", .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND, .function = noop},
    {.name = "hold", .summary = "waits", .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND, .function = hold},
    {.name = "emit",
     .summary = "emits events",
     .timeout = "5m",
     .flags = GA_TASK_READ_ONLY | GA_TASK_BY_HAND,
     .args = emit_args,
     .n_args = 2,
     .function = emit},
    {.name = "latency",
     .summary = "times an event",
     .on = "bench.tick",
     .flags = GA_TASK_READ_ONLY,
     .function = latency},
    {.name = "sink", .summary = "counts events", .on = "bench.flood", .flags = GA_TASK_RESIDENT, .function = sink},
};

static const struct ga_topic topics[] = {
    {"bench.tick", "one event, to be timed"},
    {"bench.flood", "one of many"},
    {"bench.held", "a process that waits"},
};

GA_EXPORT const struct ga_plugin ga_plugin_v1 = {
    .size = sizeof(struct ga_plugin),
    .abi_major = GA_ABI_MAJOR,
    .abi_minor = GA_ABI_MINOR,
    .name = "bench-probe",
    .version = "1",
    .summary = "measures the agent from inside",
    .tasks = tasks,
    .n_tasks = 5,
    .task_stride = sizeof(struct ga_task),
    .option_stride = sizeof(struct ga_option),
    .topics = topics,
    .n_topics = 3,
    .topic_stride = sizeof(struct ga_topic),
};

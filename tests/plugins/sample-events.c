/* sample-events.c: one task emits, one runs on an event, one is resident and answers events. */
#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <stdio.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option ping_args[] = {
    {.key = "count", .type = GA_T_INT, .dflt = "1", .help = "events to emit", .min = 1, .max = 1000000},
};

static int
ping(struct ga_run *run, const struct ga_host *host)
{
    int64_t n = host->num(run, "count");
    char    payload[64];

    for (int64_t i = 0; i < n; i++) {
        (void)snprintf(payload, sizeof(payload), "{\"n\":%" PRId64 ",\"height\":9007199254740993}", i);
        if (host->emit(run, "sample.ping", payload) < 0)
            return host->end(run, GA_FAILED, "event %" PRId64 " was refused", i);
    }
    return host->end(run, GA_OK, "%" PRId64 " emitted", n);
}

static int
on_ping(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event;

    if (host->next_event(run, 0, &event) != 1)
        return host->end(run, GA_UNKNOWN, "started without an event");
    if (host->next_event(run, 0, &event) != 0)
        return host->end(run, GA_FAILED, "there was a second event");
    return host->end(run, GA_OK, "%s from %s number %" PRIu64 " at %" PRId64 ": %s", event.topic, event.origin,
                     event.sequence, event.time_ns, event.payload);
}

static int
echo(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event;
    uint64_t        n = 0;
    int             r;

    host->ready(run);
    while ((r = host->next_event(run, 1000, &event)) >= 0) {
        host->beat(run);
        if (r == 0)
            continue;
        n++;
        host->metric(run, "events_echoed", (double)n);
        if (host->emit(run, "sample.echo", event.payload) < 0)
            return host->end(run, GA_FAILED, "an echo was refused");
    }
    return host->end(run, GA_OK, "%" PRIu64 " echoed", n);
}

static const struct ga_task tasks[] = {
    {.name = "ping",
     .summary = "emits sample.ping",
     .flags = GA_TASK_BY_HAND,
     .n_args = N(ping_args),
     .args = ping_args,
     .function = ping},
    {.name = "on-ping", .summary = "runs on sample.ping", .on = "sample.ping", .function = on_ping},
    {.name = "echo",
     .summary = "answers every sample.ping with sample.echo",
     .on = "sample.ping",
     .flags = GA_TASK_RESIDENT | GA_TASK_ESSENTIAL,
     .function = echo},
};

static const struct ga_topic topics[] = {
    {.name = "sample.ping", .summary = "n: which one; height: a number that a double cannot hold"},
    {.name = "sample.echo", .summary = "the payload that was heard"},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-events",
                                       .version = "0.1.0",
                                       .summary = "emits and answers events",
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .option_stride = sizeof(struct ga_option),
                                       .task_stride = sizeof(*tasks),
                                       .topics = topics,
                                       .n_topics = N(topics),
                                       .topic_stride = sizeof(*topics)};

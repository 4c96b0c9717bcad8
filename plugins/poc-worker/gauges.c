/* gauges.c: figures of `serve`. */
#include "plugins/poc-worker/gauges.h"

#include "plugins/poc-worker/lane.h"

#include "kit/json.h"

#include <inttypes.h>
#include <stdio.h>

/* A figure of a message, and its name in `status`. */
struct figure {
    const char *key;
    const char *metric;
};

static void
show(struct ga_run *run, const struct ga_host *host, const cJSON *message, const struct figure *figures, size_t n)
{
    double value;

    for (size_t i = 0; i < n; i++)
        if (ga_json_double(message, figures[i].key, &value) == 0)
            host->metric(run, figures[i].metric, value);
}

static void
show_heat(struct ga_run *run, const struct ga_host *host, const cJSON *heat)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, heat)
    {
        int64_t device;
        double  celsius;
        char    name[64];

        if (ga_json_i64(one, "device", &device) < 0 || ga_json_double(one, "celsius", &celsius) < 0)
            continue;
        (void)snprintf(name, sizeof(name), "device_%" PRId64 "_celsius", device);
        host->metric(run, name, celsius);
    }
}

void
poc_gauges_of_rate(struct ga_run *run, const struct ga_host *host, const cJSON *message)
{
    static const struct figure figures[] = {{"nonces_per_second", "nonces_per_second"},
                                            {"valid_per_second", "proofs_per_second"},
                                            {"valid", "proofs"},
                                            {"waited_share", "waited_share"},
                                            {"checked", "results_checked"}};

    show(run, host, message, figures, sizeof(figures) / sizeof(*figures));
    show_heat(run, host, ga_json_get(message, "heat"));
}

void
poc_gauges_of_letters(struct ga_run *run, const struct ga_host *host, const cJSON *message)
{
    static const struct figure figures[] = {{"waiting", "batches_waiting"},
                                            {"refused", "batches_refused"},
                                            {"to_validate", "batches_to_validate"},
                                            {"sent", "batches_sent"}};

    show(run, host, message, figures, sizeof(figures) / sizeof(*figures));
}

void
poc_gauge_of_device(struct ga_run *run, const struct ga_host *host, int device, int works)
{
    char name[64];

    if (device == POC_PLAIN)
        (void)snprintf(name, sizeof(name), "plain_works");
    else
        (void)snprintf(name, sizeof(name), "device_%d_works", device);
    host->metric(run, name, works);
}

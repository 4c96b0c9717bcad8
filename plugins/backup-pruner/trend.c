/* trend.c: how fast a disk fills. */
#include "trend.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define LEAST_SAMPLES 3u
#define LEAST_SPAN_NS (6 * 3600 * BP_SECOND_NS)

static void
drop_front(struct bp_history *history, size_t n)
{
    history->n -= n;
    memmove(history->samples, history->samples + n, history->n * sizeof(*history->samples));
}

void
bp_history_add(struct bp_history *history, const struct bp_sample *sample, int64_t window_ns)
{
    struct bp_sample *samples = history->samples;
    size_t            old = 0;

    while (history->n > 0 && samples[history->n - 1].time_ns > sample->time_ns)
        history->n--;
    while (old < history->n && samples[old].time_ns < sample->time_ns - window_ns)
        old++;
    if (history->n > old && sample->data < samples[history->n - 1].data / 10 * 7)
        old = history->n;
    drop_front(history, old);
    /* the newest is always the last look; it gives way to the next one until a full step lies behind it */
    if (history->n >= 2 &&
        samples[history->n - 1].time_ns - samples[history->n - 2].time_ns < window_ns / (int64_t)(BP_SAMPLES_MAX - 10))
        history->n--;
    if (history->n == BP_SAMPLES_MAX)
        drop_front(history, 1);
    samples[history->n++] = *sample;
}

static int
by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double
median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int
bp_growth(const struct bp_history *history, double *ret_data, double *ret_used)
{
    const struct bp_sample *samples = history->samples;
    size_t                  n = history->n;
    size_t                  pairs = 0;
    double                 *data;
    double                 *used;

    if (n < LEAST_SAMPLES || samples[n - 1].time_ns - samples[0].time_ns < LEAST_SPAN_NS)
        return -1;
    data = calloc(n * (n - 1) / 2, sizeof(*data));
    used = calloc(n * (n - 1) / 2, sizeof(*used));
    for (size_t i = 0; i < n && data && used; i++)
        for (size_t k = i + 1; k < n; k++) {
            double days = (double)(samples[k].time_ns - samples[i].time_ns) / (double)BP_DAY_NS;

            if (days <= 0)
                continue;
            data[pairs] = ((double)samples[k].data - (double)samples[i].data) / days;
            used[pairs++] = ((double)samples[i].free - (double)samples[k].free) / days;
        }
    if (pairs > 0) {
        *ret_data = median(data, pairs);
        *ret_used = median(used, pairs);
    }
    free(data);
    free(used);
    return pairs > 0 ? 0 : -1;
}

void
bp_look_ahead(const struct bp_disk *disk, struct bp_outlook *ret)
{
    struct bp_outlook look = {.fits = disk->free >= disk->needed};

    look.low_at = disk->has_low ? disk->low : disk->needed;
    look.recovered_at = disk->has_recovered ? disk->recovered : look.low_at + look.low_at / 10;
    if (look.recovered_at < look.low_at)
        look.recovered_at = look.low_at;
    look.is_low = disk->free < look.low_at || (disk->was_low && disk->free < look.recovered_at);
    look.has_days = disk->has_growth && disk->growth > 0;
    if (look.has_days)
        look.days = (double)disk->free / disk->growth;
    *ret = look;
}

/* history.c: a few samples of each stream, kept between runs, to tell how fast it grows. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT "growth.json"
#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)
#define SAMPLE_EVERY (6 * 3600 * SECOND) /* runs are more frequent: not each look is kept */
#define SAMPLES_MAX 120                  /* 30 days of them */
#define SPAN_MIN (600 * SECOND)          /* less tells nothing about a day */

static int64_t
at_index(const cJSON *array, int i)
{
    int64_t n = 0;

    (void)ga_json_value_i64(cJSON_GetArrayItem(array, i), &n);
    return n;
}

/* --- growth --------------------------------------------------------------------------------------------------------
 */

int
history_growth(const cJSON *history, const char *stream, const char *created, int64_t now_ns,
               const struct judgement *facts, double *ret_messages, double *ret_bytes)
{
    const cJSON *samples = cJSON_GetObjectItemCaseSensitive(history, stream);
    const cJSON *at;
    int64_t      born_ns = 0;

    (void)parse_time(created, &born_ns);
    cJSON_ArrayForEach(at, samples)
    {
        int64_t span = now_ns - at_index(at, 0);

        /* A stream that was made anew counts from one again. */
        if (at_index(at, 0) < born_ns || at_index(at, 1) > facts->last_seq)
            continue;
        if (span < SPAN_MIN)
            return -1;
        *ret_messages = (double)(facts->last_seq - at_index(at, 1)) * ((double)DAY / (double)span);
        *ret_bytes = (double)(facts->bytes - at_index(at, 2)) * ((double)DAY / (double)span);
        return 0;
    }
    return -1;
}

void
history_note(cJSON *history, const char *stream, int64_t now_ns, const struct judgement *facts)
{
    cJSON *samples = cJSON_GetObjectItemCaseSensitive(history, stream);
    cJSON *sample;
    int    n;

    if (!cJSON_IsArray(samples)) {
        cJSON_DeleteItemFromObjectCaseSensitive(history, stream);
        samples = cJSON_AddArrayToObject(history, stream);
    }
    n = cJSON_GetArraySize(samples);
    if (!samples || (n > 0 && now_ns - at_index(cJSON_GetArrayItem(samples, n - 1), 0) < SAMPLE_EVERY))
        return;
    sample = cJSON_CreateArray();
    if (!sample || !cJSON_AddItemToArray(sample, ga_json_new_i64(now_ns)) ||
        !cJSON_AddItemToArray(sample, ga_json_new_i64(facts->last_seq)) ||
        !cJSON_AddItemToArray(sample, ga_json_new_i64(facts->bytes)) || !cJSON_AddItemToArray(samples, sample)) {
        cJSON_Delete(sample); /* one sample less */
        return;
    }
    while (cJSON_GetArraySize(samples) > SAMPLES_MAX)
        cJSON_DeleteItemFromArray(samples, 0);
}

cJSON *
history_load(struct ga_run *run, const struct ga_host *host)
{
    cJSON      *history = NULL;
    const void *data;
    size_t      len;
    char        why[128];

    if (host->state_get(run, DOCUMENT, &data, &len) == 0)
        history = ga_json_parse(data, len, why, sizeof(why));
    if (cJSON_IsObject(history))
        return history;
    cJSON_Delete(history);
    return cJSON_CreateObject(); /* the first time, or unreadable: growth is told from now on */
}

void
history_save(struct ga_run *run, const struct ga_host *host, const cJSON *history)
{
    char *text = ga_json_print(history);

    if (text)
        (void)host->state_put(run, DOCUMENT, text, strlen(text));
    free(text);
}

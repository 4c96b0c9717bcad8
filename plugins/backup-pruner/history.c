/* history.c: what forecast remembers between runs. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "kit/json.h"
#include "model.h"

#define DOCUMENT "forecast.json"

static int
take_sample(struct bp_history *history, const cJSON *array)
{
    struct bp_sample sample;
    int64_t          seconds;

    if (cJSON_GetArraySize(array) != 3 || ga_json_value_i64(cJSON_GetArrayItem(array, 0), &seconds) < 0 ||
        ga_json_value_u64(cJSON_GetArrayItem(array, 1), &sample.data) < 0 ||
        ga_json_value_u64(cJSON_GetArrayItem(array, 2), &sample.free) < 0)
        return -1;
    if (seconds < 0 || seconds > INT64_MAX / BP_SECOND_NS || history->n == BP_SAMPLES_MAX)
        return -1;
    sample.time_ns = seconds * BP_SECOND_NS;
    if (history->n > 0 && history->samples[history->n - 1].time_ns > sample.time_ns)
        return -1; /* not in order: not ours */
    history->samples[history->n++] = sample;
    return 0;
}

static int
take_memory(struct bp_memory *memory, const cJSON *object)
{
    const cJSON *sample;

    if (!object)
        return 0; /* a home that is new */
    memory->low = ga_json_bool(object, "low", 0);
    cJSON_ArrayForEach(sample, ga_json_get(object, "samples"))
    {
        if (take_sample(&memory->history, sample) < 0)
            return -1;
    }
    return 0;
}

int
bp_recall(struct ga_run *run, const struct ga_host *host, struct bp_memory *memories, size_t n)
{
    const void *data;
    size_t      len;
    char        error[160] = "an entry is not as this plugin writes it";
    cJSON      *document;
    int         damaged = 0;
    int         r = host->state_get(run, DOCUMENT, &data, &len);

    if (r != 0)
        return r < 0 ? -1 : 0;
    document = ga_json_parse(data, len, error, sizeof(error));
    for (size_t i = 0; i < n && document; i++)
        if (take_memory(&memories[i], ga_json_get(ga_json_get(document, "homes"), memories[i].path)) < 0) {
            memories[i].history.n = 0;
            damaged = 1;
        }
    if (!document || damaged)
        host->log(run, GA_LOG_WARNING, "the history in '%s' is damaged, starting a new one: %s", DOCUMENT, error);
    cJSON_Delete(document);
    return 0;
}

static void
add_memory(cJSON *homes, const struct bp_memory *memory)
{
    cJSON *object = cJSON_AddObjectToObject(homes, memory->path);
    cJSON *samples;

    (void)cJSON_AddBoolToObject(object, "low", memory->low);
    samples = cJSON_AddArrayToObject(object, "samples");
    for (size_t i = 0; i < memory->history.n; i++) {
        const struct bp_sample *sample = &memory->history.samples[i];
        cJSON                  *array = cJSON_CreateArray();

        (void)cJSON_AddItemToArray(array, ga_json_new_i64(sample->time_ns / BP_SECOND_NS));
        (void)cJSON_AddItemToArray(array, ga_json_new_u64(sample->data));
        (void)cJSON_AddItemToArray(array, ga_json_new_u64(sample->free));
        (void)cJSON_AddItemToArray(samples, array);
    }
}

int
bp_remember(struct ga_run *run, const struct ga_host *host, const struct bp_memory *memories, size_t n)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *homes = cJSON_AddObjectToObject(document, "homes");
    char  *text;
    int    r = -1;

    for (size_t i = 0; i < n; i++)
        add_memory(homes, &memories[i]);
    text = ga_json_print(document);
    if (text)
        r = host->state_put(run, DOCUMENT, text, strlen(text));
    free(text);
    cJSON_Delete(document);
    return r;
}

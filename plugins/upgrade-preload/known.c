/* known.c: what the programs in archives were. */
#include "plugins/upgrade-preload/preload.h"

#include "kit/json.h"

#include <stdio.h>
#include <string.h>

#define DOCUMENT "known.json"
#define KNOWN_MAX 16 /* the oldest are forgotten: they cost a download, not more */

/* The document: [{"archive","program","sha256"}], the oldest first. The caller's; NULL without memory. */
static cJSON *
load(struct up_work *work)
{
    const void *data;
    size_t      len;
    char        why[120];
    cJSON      *list = NULL;

    if (work->host->state_get(work->run, DOCUMENT, &data, &len) == 0)
        list = ga_json_parse(data, len, why, sizeof(why));
    if (cJSON_IsArray(list))
        return list;
    cJSON_Delete(list);
    return cJSON_CreateArray();
}

static int
is_it(const cJSON *entry, const char *archive, const char *daemon)
{
    const char *a = ga_json_str(entry, "archive");
    const char *p = ga_json_str(entry, "program");

    return a && p && strcmp(a, archive) == 0 && strcmp(p, daemon) == 0;
}

/* What an entry's archive is known by; NULL when it is not to be known. */
static const char *
key_of(const struct up_work *work, const struct up_program *program)
{
    if (!program->entry)
        return NULL;
    if (*program->entry->sha256)
        return program->entry->sha256;
    return work->allow_unverified && *program->entry->url ? program->entry->url : NULL;
}

void
up_known_get(struct up_work *work, struct up_program *program)
{
    const char  *key = key_of(work, program);
    cJSON       *list = key ? load(work) : NULL;
    const cJSON *entry;

    cJSON_ArrayForEach(entry, list)
    {
        const char *sha256 = ga_json_str(entry, "sha256");

        if (is_it(entry, key, program->kind->daemon) && sha256 && strlen(sha256) == UP_SHA256 - 1)
            (void)snprintf(program->wanted, UP_SHA256, "%s", sha256);
    }
    cJSON_Delete(list);
}

static void
store(struct up_work *work, const cJSON *list)
{
    char *text = ga_json_print(list);

    if (text)
        (void)work->host->state_put(work->run, DOCUMENT, text, strlen(text));
    cJSON_free(text);
}

void
up_known_put(struct up_work *work, const struct up_program *program)
{
    const char *key = key_of(work, program);
    const char *daemon = program->kind->daemon;
    cJSON      *list = key ? load(work) : NULL;
    cJSON      *entry = key ? cJSON_CreateObject() : NULL;

    if (!list || !entry) {
        cJSON_Delete(list);
        cJSON_Delete(entry);
        return; /* it is only a download saved */
    }
    (void)cJSON_AddStringToObject(entry, "archive", key);
    (void)cJSON_AddStringToObject(entry, "program", daemon);
    (void)cJSON_AddStringToObject(entry, "sha256", program->wanted);
    for (int i = cJSON_GetArraySize(list) - 1; i >= 0; i--)
        if (is_it(cJSON_GetArrayItem(list, i), key, daemon))
            cJSON_DeleteItemFromArray(list, i);
    while (cJSON_GetArraySize(list) >= KNOWN_MAX)
        cJSON_DeleteItemFromArray(list, 0);
    if (!cJSON_AddItemToArray(list, entry))
        cJSON_Delete(entry);
    store(work, list);
    cJSON_Delete(list);
}

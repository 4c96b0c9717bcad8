/* memory.c: which votes were a person's. */
#include "plugins/governance/memory.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1

static struct gov_remembered *
find(struct gov_memory *memory, uint64_t id)
{
    for (size_t i = 0; i < memory->n; i++)
        if (memory->list[i].id == id)
            return &memory->list[i];
    return NULL;
}

void
gov_memory_cast(struct gov_memory *memory, uint64_t id, const char *vote, int by_policy)
{
    struct gov_remembered *entry = find(memory, id);

    if (!entry && memory->n == GOV_MEMORY_MAX)
        memmove(memory->list, memory->list + 1, --memory->n * sizeof(*memory->list));
    if (!entry)
        entry = &memory->list[memory->n++];
    *entry = (struct gov_remembered){.id = id, .by_policy = by_policy};
    (void)snprintf(entry->vote, sizeof(entry->vote), "%s", vote);
    (void)ga_clean(entry->vote);
}

int
gov_memory_saw(struct gov_memory *memory, uint64_t id, const char *vote)
{
    const struct gov_remembered *entry = find(memory, id);

    if (entry && strcmp(entry->vote, vote) == 0)
        return 0;
    gov_memory_cast(memory, id, vote, 0);
    return 1;
}

const char *
gov_memory_of_person(const struct gov_memory *memory, uint64_t id)
{
    for (size_t i = 0; i < memory->n; i++)
        if (memory->list[i].id == id && !memory->list[i].by_policy)
            return memory->list[i].vote;
    return NULL;
}

char *
gov_memory_write(const struct gov_memory *memory)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = json ? cJSON_AddArrayToObject(json, "votes") : NULL;
    char  *text = NULL;
    int    ok = list && cJSON_AddNumberToObject(json, "version", VERSION);

    for (size_t i = 0; ok && i < memory->n; i++) {
        const struct gov_remembered *entry = &memory->list[i];
        cJSON                       *object = cJSON_CreateObject();

        ok = object && cJSON_AddItemToArray(list, object) && ga_json_add_u64(object, "id", entry->id) == 0 &&
             cJSON_AddStringToObject(object, "vote", entry->vote) &&
             cJSON_AddBoolToObject(object, "by_policy", entry->by_policy);
    }
    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

/* 0, or -EBADMSG. */
static int
read_entry(const cJSON *object, struct gov_memory *ret)
{
    const char  *vote = ga_json_str(object, "vote");
    const cJSON *by_policy = ga_json_get(object, "by_policy");
    uint64_t     id;

    if (ga_json_u64(object, "id", &id) < 0 || !vote || !*vote || strlen(vote) >= GOV_MEMORY_VOTE ||
        !cJSON_IsBool(by_policy) || find(ret, id) || ret->n == GOV_MEMORY_MAX)
        return -EBADMSG;
    gov_memory_cast(ret, id, vote, cJSON_IsTrue(by_policy));
    return 0;
}

int
gov_memory_read(const char *text, size_t len, struct gov_memory *ret)
{
    char         why[128];
    cJSON       *json = ga_json_parse(text, len, why, sizeof(why));
    const cJSON *list = ga_json_get(json, "votes");
    const cJSON *object;
    int64_t      version = 0;
    int          r = 0;

    memset(ret, 0, sizeof(*ret));
    if (!cJSON_IsArray(list) || ga_json_i64(json, "version", &version) < 0 || version != VERSION)
        r = -EBADMSG;
    cJSON_ArrayForEach(object, list)
    {
        if (r == 0)
            r = read_entry(object, ret);
    }
    cJSON_Delete(json);
    if (r < 0)
        memset(ret, 0, sizeof(*ret));
    return r;
}

/* news.c: what is new of proposals. */
#include "plugins/governance/news.h"

#include "kit/json.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 1

struct gov_told *
gov_told_of(struct gov_tolds *tolds, uint64_t id)
{
    for (size_t i = 0; i < tolds->n; i++)
        if (tolds->list[i].id == id)
            return &tolds->list[i];
    return NULL;
}

struct gov_told *
gov_told_make(struct gov_tolds *tolds, uint64_t id)
{
    struct gov_told *told = gov_told_of(tolds, id);

    if (told)
        return told;
    if (tolds->n == GOV_TOLD_MAX)
        memmove(tolds->list, tolds->list + 1, --tolds->n * sizeof(*tolds->list));
    told = &tolds->list[tolds->n++];
    *told = (struct gov_told){.id = id};
    return told;
}

static unsigned
of_status(const struct gov_told *told, const struct gov_seen *seen)
{
    if (told->status == (int)seen->status)
        return 0;
    switch (seen->status) {
    case GOV_STATUS_DEPOSIT_PERIOD:
        return GOV_NEW_DEPOSIT;
    case GOV_STATUS_VOTING_PERIOD:
        return GOV_NEW_OPENED;
    case GOV_STATUS_PASSED:
        return GOV_NEW_PASSED;
    case GOV_STATUS_REJECTED:
        return GOV_NEW_REJECTED;
    case GOV_STATUS_FAILED:
        return GOV_NEW_FAILED;
    default:
        return 0;
    }
}

/* One reminder at a time: steps that were missed are over. */
static unsigned
of_reminders(struct gov_told *told, const struct gov_seen *seen, const struct gov_steps *steps, int64_t now_ns)
{
    int due = 0;

    if (seen->status != GOV_STATUS_VOTING_PERIOD || seen->voting_end_ns <= now_ns)
        return 0;
    for (size_t i = 0; i < steps->n; i++)
        due += seen->voting_end_ns - now_ns <= steps->ns[i];
    if (due <= told->reminded)
        return 0;
    if (!seen->has_not_voted)
        return 0; /* it is told when that is known */
    told->reminded = due;
    return GOV_NEW_MISSING;
}

unsigned
gov_news(struct gov_tolds *tolds, const struct gov_seen *seen, const struct gov_steps *steps, int64_t now_ns)
{
    const int        is_new = gov_told_of(tolds, seen->id) == NULL;
    struct gov_told *told = gov_told_make(tolds, seen->id);
    unsigned         news = of_status(told, seen);

    /* of one that was never told of, its end is no news when it had ended before anybody looked */
    if (is_new && !tolds->any)
        news &= GOV_NEW_DEPOSIT | GOV_NEW_OPENED;
    if (!is_new && told->expedited && !seen->expedited && seen->status == GOV_STATUS_VOTING_PERIOD) {
        news |= GOV_NEW_CONVERTED;
        told->reminded = 0; /* a new voting period */
    }
    told->status = (int)seen->status;
    told->expedited = seen->expedited;
    return news | of_reminders(told, seen, steps, now_ns);
}

int
gov_news_gone(struct gov_tolds *tolds, uint64_t id)
{
    struct gov_told *told = gov_told_of(tolds, id);

    if (!told)
        return 0;
    memmove(told, told + 1, (size_t)(&tolds->list[tolds->n] - told - 1) * sizeof(*told));
    tolds->n--;
    return 1;
}

char *
gov_tolds_write(const struct gov_tolds *tolds)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = json ? cJSON_AddArrayToObject(json, "proposals") : NULL;
    char  *text = NULL;
    int    ok = list && cJSON_AddNumberToObject(json, "version", VERSION);

    for (size_t i = 0; ok && i < tolds->n; i++) {
        const struct gov_told *told = &tolds->list[i];
        cJSON                 *entry = cJSON_CreateObject();

        ok = entry && cJSON_AddItemToArray(list, entry) && ga_json_add_u64(entry, "id", told->id) == 0 &&
             cJSON_AddNumberToObject(entry, "status", told->status) &&
             cJSON_AddBoolToObject(entry, "expedited", told->expedited) &&
             cJSON_AddNumberToObject(entry, "reminded", told->reminded);
    }
    if (ok)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

static int
read_small(const cJSON *entry, const char *key, int most, int *ret)
{
    int64_t value;

    if (ga_json_i64(entry, key, &value) < 0 || value < 0 || value > most)
        return -1;
    *ret = (int)value;
    return 0;
}

void
gov_tolds_read(const char *text, size_t len, struct gov_tolds *ret)
{
    char         why[128];
    cJSON       *json = ga_json_parse(text, len, why, sizeof(why));
    const cJSON *entry;
    int          version = 0;

    memset(ret, 0, sizeof(*ret));
    if (read_small(json, "version", VERSION, &version) == 0 && version == VERSION) {
        ret->any = 1;
        cJSON_ArrayForEach(entry, ga_json_get(json, "proposals"))
        {
            struct gov_told told = {0};

            if (ga_json_u64(entry, "id", &told.id) < 0 ||
                read_small(entry, "status", GOV_STATUS_FAILED, &told.status) < 0 ||
                read_small(entry, "reminded", GOV_STEPS_MAX, &told.reminded) < 0 || gov_told_of(ret, told.id))
                continue;
            told.expedited = ga_json_bool(entry, "expedited", 0);
            *gov_told_make(ret, told.id) = told;
        }
    }
    cJSON_Delete(json);
}

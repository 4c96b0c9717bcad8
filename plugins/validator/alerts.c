/* alerts.c: what has been told. */
#include "plugins/validator/alerts.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <stdio.h>
#include <string.h>

static struct val_alert *
find(struct val_alerts *alerts, const char *what)
{
    for (size_t i = 0; i < alerts->n; i++)
        if (strcmp(alerts->list[i].what, what) == 0)
            return &alerts->list[i];
    return NULL;
}

const struct val_alert *
val_alert(const struct val_alerts *alerts, const char *what)
{
    for (size_t i = 0; i < alerts->n; i++)
        if (strcmp(alerts->list[i].what, what) == 0)
            return &alerts->list[i];
    return NULL;
}

/* A detail that is not known is no other one; on a lower level it does not matter. */
static int
is_same(const struct val_alert *alert, const struct val_finding *finding)
{
    return finding->level < alert->level || !*finding->detail || !*alert->detail ||
           strcmp(finding->detail, alert->detail) == 0;
}

static enum val_tell
raise(struct val_alerts *alerts, const struct val_finding *finding, int64_t now_ns)
{
    struct val_alert *alert = find(alerts, finding->what);

    if (alert && finding->level <= alert->level && is_same(alert, finding)) {
        if (!*alert->detail)
            (void)snprintf(alert->detail, sizeof(alert->detail), "%s", finding->detail);
        return VAL_TELL_NOTHING;
    }
    if (!alert && alerts->n == VAL_ALERTS_MAX)
        return VAL_TELL_NOTHING;
    if (!alert) {
        alert = &alerts->list[alerts->n++];
        *alert = (struct val_alert){.since_ns = now_ns};
        (void)snprintf(alert->what, sizeof(alert->what), "%s", finding->what);
    }
    alert->level = finding->level;
    (void)snprintf(alert->detail, sizeof(alert->detail), "%s", finding->detail);
    return VAL_TELL_RAISED;
}

enum val_tell
val_alerts_step(struct val_alerts *alerts, const struct val_finding *finding, int64_t now_ns)
{
    struct val_alert *alert;

    if (finding->state == VAL_STATE_BAD)
        return raise(alerts, finding, now_ns);
    alert = find(alerts, finding->what);
    if (finding->state == VAL_STATE_UNKNOWN || !alert)
        return VAL_TELL_NOTHING;
    *alert = alerts->list[--alerts->n];
    return VAL_TELL_RECOVERED;
}

/* --- the document --------------------------------------------------------------------------------------------------
 */

static void
read_alert(struct val_alerts *alerts, const cJSON *json)
{
    const char       *what = ga_json_str(json, "what");
    const char       *detail = ga_json_str(json, "detail");
    int64_t           level = 0;
    struct val_alert *alert = &alerts->list[alerts->n];

    if (!what || !*what || strlen(what) >= sizeof(alert->what) || !detail || strlen(detail) >= sizeof(alert->detail) ||
        ga_json_i64(json, "level", &level) < 0 || level < 1 || level > INT32_MAX || find(alerts, what))
        return;
    *alert = (struct val_alert){.level = (int)level};
    (void)ga_json_i64(json, "since_ns", &alert->since_ns);
    (void)snprintf(alert->what, sizeof(alert->what), "%s", what);
    (void)snprintf(alert->detail, sizeof(alert->detail), "%s", detail);
    alerts->n++;
}

int
val_alerts_read(struct val_alerts *alerts, const char *text, size_t len)
{
    char         why[160];
    cJSON       *json = ga_json_parse(text, len, why, sizeof(why));
    const cJSON *entry;
    int          r = cJSON_IsArray(ga_json_get(json, "alerts")) ? 0 : -1;

    alerts->n = 0;
    cJSON_ArrayForEach(entry, ga_json_get(json, "alerts"))
    {
        if (alerts->n < VAL_ALERTS_MAX)
            read_alert(alerts, entry);
    }
    cJSON_Delete(json);
    return r;
}

char *
val_alerts_write(const struct val_alerts *alerts)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "alerts");
    char  *text;

    for (size_t i = 0; i < alerts->n; i++) {
        const struct val_alert *alert = &alerts->list[i];
        cJSON                  *entry = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(entry, "what", alert->what);
        (void)ga_json_add_i64(entry, "level", alert->level);
        (void)cJSON_AddStringToObject(entry, "detail", alert->detail);
        (void)ga_json_add_i64(entry, "since_ns", alert->since_ns);
        (void)cJSON_AddItemToArray(list, entry);
    }
    text = list ? ga_json_print(json) : NULL;
    cJSON_Delete(json);
    return text;
}

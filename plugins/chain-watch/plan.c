/* plan.c: the next upgrade, from the chain's answer. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <stdio.h>
#include <string.h>

int
cw_plan_read(const cJSON *answer, struct cw_plan *ret, char *why, size_t len)
{
    const cJSON   *object = ga_json_get(answer, "plan");
    const char    *name = ga_json_str(object, "name");
    struct cw_plan plan = {.known = 1};

    *ret = (struct cw_plan){0};
    if (!object) { /* with none planned it is null */
        (void)snprintf(why, len, "the answer about the upgrade plan has no member plan");
        return -1;
    }
    if (!cJSON_IsNull(object)) {
        if (!name || !*name || strlen(name) >= sizeof(plan.name) || ga_json_i64(object, "height", &plan.height) < 0 ||
            plan.height <= 0) {
            (void)snprintf(why, len, "the upgrade plan on the chain has no name or height that can be one");
            return -1;
        }
        (void)snprintf(plan.name, sizeof(plan.name), "%s", name);
    }
    *ret = plan;
    return 0;
}

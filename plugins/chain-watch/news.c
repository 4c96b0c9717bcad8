/* news.c: what has changed since it was told last. Each fact is told once, also over restarts. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"
#include "kit/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define LOOKS_AGREE 2 /* looks in a row that say the same of this host's node before it is told */

struct news {
    const struct cw_seen *seen;
    struct cw_news       *list;
    size_t                n;
};

static void
add_when(cJSON *json, const struct cw_seen *seen, int64_t height)
{
    const int64_t when = cw_time_of(seen, height);
    char          text[80];

    if (when == 0)
        return;
    (void)cJSON_AddStringToObject(json, "time", ga_when_format(when, text, sizeof(text)));
    (void)cJSON_AddStringToObject(json, "when", ga_when_show(when, seen->now_ns, text, sizeof(text)));
}

/* A payload with where the chain is. */
static cJSON *
tell(struct news *news, const char *topic)
{
    const struct cw_seen *seen = news->seen;
    struct cw_boundary    next;
    cJSON                *json = cJSON_CreateObject();
    cJSON                *object;

    if (news->n == CW_NEWS_MAX) {
        cJSON_Delete(json);
        return NULL;
    }
    news->list[news->n++] = (struct cw_news){topic, json};
    if (seen->height > 0)
        (void)ga_json_add_i64(json, "height", seen->height);
    if (seen->epoch.index < 0 || seen->height == 0)
        return json;
    (void)ga_json_add_i64(json, "epoch", seen->epoch.index);
    (void)cJSON_AddStringToObject(json, "phase", cw_phase(&seen->epoch, seen->height));
    if (cw_next_boundary(&seen->epoch, seen->height, &next) == 0 && (object = cJSON_AddObjectToObject(json, "next"))) {
        (void)cJSON_AddStringToObject(object, "what", next.topic);
        (void)ga_json_add_i64(object, "height", next.height);
        (void)ga_json_add_i64(object, "blocks", next.height - seen->height);
        add_when(object, seen, next.height);
    }
    return json;
}

/* --- the chain and this host's node
 * ------------------------------------------------------------------------------------
 */

static const char *
topic_of(enum cw_state state)
{
    static const char *const topics[CW_STATES] = {
        [CW_FOLLOWING] = "chain.resumed", [CW_CATCHING_UP] = "chain.catching_up", [CW_BEHIND] = "chain.node.behind",
        [CW_DOWN] = "chain.node.down",    [CW_HALTED] = "chain.stalled",          [CW_STANDS_ALONE] = "chain.stalled",
    };

    return topics[state];
}

static void
state_news(struct news *news, struct cw_told *told)
{
    const struct cw_seen *seen = news->seen;
    char                  text[64];
    cJSON                *json;

    if (seen->state == CW_UNKNOWN || (told->any && seen->state == told->state))
        return;
    /* one answer that is late or lost is no sick node */
    if ((seen->state == CW_BEHIND || seen->state == CW_DOWN || seen->state == CW_CATCHING_UP) &&
        seen->looks < LOOKS_AGREE)
        return;
    /* that all is well need not be said when nothing else was */
    if (told->any || seen->state != CW_FOLLOWING) {
        json = tell(news, topic_of(seen->state));
        (void)cJSON_AddStringToObject(json, "state", cw_state_name(seen->state));
        (void)cJSON_AddStringToObject(json, "text", seen->text);
        if (seen->own_answered)
            (void)ga_json_add_i64(json, "node_height", seen->own_height);
        if (cw_lag(seen) >= 0)
            (void)ga_json_add_i64(json, "lag", cw_lag(seen));
        if (told->any) {
            (void)cJSON_AddStringToObject(json, "was", cw_state_name(told->state));
            (void)cJSON_AddStringToObject(json, "for", ga_when_span(seen->now_ns - told->since_ns, text, sizeof(text)));
        }
        if (seen->state == CW_HALTED && seen->plan.height > 0 && seen->height + 1 >= seen->plan.height)
            (void)cJSON_AddStringToObject(json, "upgrade", seen->plan.name);
    }
    told->state = seen->state;
    told->since_ns = seen->now_ns;
}

static void
block_news(struct news *news, const struct cw_rules *rules, struct cw_told *told)
{
    const struct cw_seen *seen = news->seen;
    char                  text[GA_WHEN_MAX];
    cJSON                *json;

    if (seen->state != CW_FOLLOWING ||
        (told->block_ns > 0 && seen->now_ns >= told->block_ns && seen->now_ns - told->block_ns < rules->block_every_ns))
        return;
    told->block_ns = seen->now_ns;
    json = tell(news, "chain.block");
    (void)cJSON_AddStringToObject(json, "block_time", ga_when_format(seen->block_time_ns, text, sizeof(text)));
}

/* --- epochs
 * ------------------------------------------------------------------------------------------------------------
 */

/* A phase that is over is not told any more: whoever acts on its start would come too late. */
static int
is_over(const struct cw_boundary *boundaries, size_t n, size_t i, int64_t height)
{
    if (!boundaries[i].phase)
        return 0;
    for (size_t k = i + 1; k < n; k++)
        if (boundaries[k].phase)
            return boundaries[k].height <= height;
    return 0;
}

static void
epoch_news(struct news *news, struct cw_told *told)
{
    const struct cw_seen *seen = news->seen;
    struct cw_boundary    boundaries[CW_BOUNDARIES];
    const size_t          n = cw_boundaries(&seen->epoch, boundaries);

    if (seen->epoch.index < 0 || seen->height == 0)
        return;
    if (told->epoch >= 0 && seen->epoch.index > told->epoch) {
        cJSON *json = tell(news, "epoch.started");

        (void)ga_json_add_i64(json, "start", seen->epoch.start);
        (void)ga_json_add_i64(json, "length", seen->epoch.length);
    }
    /* the last one, the next epoch's start, is told when the chain itself says that it has begun */
    for (size_t i = 0; i < n && told->epoch >= 0; i++)
        if (boundaries[i].height > told->boundary && boundaries[i].height <= seen->height &&
            boundaries[i].height != seen->epoch.next_start && !is_over(boundaries, n, i, seen->height)) {
            cJSON *json = tell(news, boundaries[i].topic);

            (void)ga_json_add_i64(json, "at", boundaries[i].height);
        }
    told->epoch = seen->epoch.index > told->epoch ? seen->epoch.index : told->epoch;
    /* not beyond what is known of: the next epoch's boundaries come with its number */
    if (seen->height > told->boundary)
        told->boundary = seen->height < seen->epoch.next_start ? seen->height : seen->epoch.next_start - 1;
}

/* --- upgrades
 * -----------------------------------------------------------------------------------------------------------
 */

static void
plan_details(cJSON *json, const struct cw_seen *seen, const char *name, int64_t height)
{
    cJSON *object = cJSON_AddObjectToObject(json, "upgrade");

    (void)cJSON_AddStringToObject(object, "name", name);
    (void)ga_json_add_i64(object, "height", height);
    if (height > seen->height) {
        (void)ga_json_add_i64(object, "blocks", height - seen->height);
        add_when(object, seen, height);
    }
}

static void
plan_news(struct news *news, const struct cw_rules *rules, struct cw_told *told)
{
    const struct cw_seen *seen = news->seen;
    const struct cw_plan *plan = &seen->plan;
    int64_t               when;

    if (!plan->known || seen->height == 0)
        return;
    if (told->plan > 0 && (plan->height != told->plan || strcmp(plan->name, told->plan_name) != 0)) {
        /* the chain forgets a plan when it has done it */
        if (seen->height >= told->plan)
            plan_details(tell(news, "upgrade.done"), seen, told->plan_name, told->plan);
        else if (plan->height == 0)
            plan_details(tell(news, "upgrade.cancelled"), seen, told->plan_name, told->plan);
        told->plan = 0;
    }
    if (plan->height == 0)
        return;
    if (told->plan == 0) {
        plan_details(tell(news, "upgrade.scheduled"), seen, plan->name, plan->height);
        told->plan = plan->height;
        told->plan_near = 0;
        (void)snprintf(told->plan_name, sizeof(told->plan_name), "%s", plan->name);
    }
    when = cw_time_of(seen, plan->height);
    if (!told->plan_near && when > 0 && when - seen->now_ns <= rules->near_ns) {
        plan_details(tell(news, "upgrade.near"), seen, plan->name, plan->height);
        told->plan_near = 1;
    }
}

size_t
cw_news(const struct cw_seen *seen, const struct cw_rules *rules, struct cw_told *told, struct cw_news ret[CW_NEWS_MAX])
{
    struct news news = {.seen = seen, .list = ret};

    if (!told->any)
        told->epoch = -1;
    state_news(&news, told);
    if (seen->state == CW_UNKNOWN && seen->height == 0)
        return news.n;
    epoch_news(&news, told);
    plan_news(&news, rules, told);
    block_news(&news, rules, told);
    told->any = told->any || told->state != CW_UNKNOWN;
    return news.n;
}

int
cw_told_of(struct cw_told *told, const char *chain_id)
{
    const int other = told->any && strcmp(told->chain_id, chain_id) != 0;

    if (other)
        *told = (struct cw_told){.epoch = -1};
    (void)snprintf(told->chain_id, sizeof(told->chain_id), "%s", chain_id);
    return other;
}

/* --- the document
 * -------------------------------------------------------------------------------------------------------
 */

char *
cw_told_write(const struct cw_told *told)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;

    if (json && ga_json_add_i64(json, "version", VERSION) == 0 &&
        cJSON_AddStringToObject(json, "chain_id", told->chain_id) &&
        cJSON_AddStringToObject(json, "state", cw_state_name(told->state)) &&
        ga_json_add_i64(json, "since_ns", told->since_ns) == 0 && ga_json_add_i64(json, "epoch", told->epoch) == 0 &&
        ga_json_add_i64(json, "boundary", told->boundary) == 0 &&
        ga_json_add_i64(json, "block_ns", told->block_ns) == 0 && ga_json_add_i64(json, "plan", told->plan) == 0 &&
        cJSON_AddBoolToObject(json, "plan_near", told->plan_near) &&
        cJSON_AddStringToObject(json, "plan_name", told->plan_name))
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

void
cw_told_read(const char *text, size_t len, struct cw_told *ret)
{
    char        why[128];
    cJSON      *json = ga_json_parse(text, len, why, sizeof(why));
    const char *state = ga_json_str(json, "state");
    const char *name = ga_json_str(json, "plan_name");
    const char *chain = ga_json_str(json, "chain_id");
    int64_t     version = 0;

    *ret = (struct cw_told){.epoch = -1};
    if (state && name && chain && ga_json_i64(json, "version", &version) == 0 && version == VERSION &&
        ga_json_i64(json, "since_ns", &ret->since_ns) == 0 && ga_json_i64(json, "epoch", &ret->epoch) == 0 &&
        ga_json_i64(json, "boundary", &ret->boundary) == 0 && ga_json_i64(json, "block_ns", &ret->block_ns) == 0 &&
        ga_json_i64(json, "plan", &ret->plan) == 0)
        for (int i = CW_UNKNOWN + 1; i < CW_STATES; i++)
            if (strcmp(state, cw_state_name((enum cw_state)i)) == 0) {
                ret->state = (enum cw_state)i;
                ret->any = 1;
            }
    if (ret->any) {
        ret->plan_near = ga_json_bool(json, "plan_near", 0);
        (void)snprintf(ret->plan_name, sizeof(ret->plan_name), "%s", name);
        (void)snprintf(ret->chain_id, sizeof(ret->chain_id), "%s", chain);
    } else {
        *ret = (struct cw_told){.epoch = -1};
    }
    cJSON_Delete(json);
}

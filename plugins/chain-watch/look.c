/* look.c: asking the chain, no more often than what is asked can have changed. */
#include "plugins/chain-watch/watch.h"

#include "kit/chain_options.h"
#include "kit/clean.h"
#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EPOCH_PATH "/productscience/inference/inference/epoch_info"
#define PLAN_PATH "/cosmos/upgrade/v1beta1/current_plan"
#define EPOCH_AGAIN_NS INT64_C(600000000000) /* parameters change by governance alone */
#define BLOCKS_MEASURED 200
#define AGAIN_NS INT64_C(4000000000) /* all sources, while something is wrong or could not be asked */

struct cw_look {
    struct ga_run         *run;
    const struct ga_host  *host;
    struct ga_chain_setup  setup;
    struct ga_chain_quorum quorum;
    int64_t                compare_ns; /* all sources are asked again after so long */
    int64_t                all_ns;     /* when they were asked, by the clock that nobody sets */
    int64_t                epoch_ns;
    struct cw_watched      watched;
    struct cw_epoch        epoch;
    struct cw_plan         plan;
    int64_t                peers;
    int64_t                anchor_height; /* a block that is a while ago, to measure how long one takes */
    int64_t                anchor_time_ns;
    char                   complaint[256]; /* logged last */
};

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What could not be asked is said once, until something else is. */
static void
complain(struct cw_look *look, const char *text)
{
    char clean[sizeof(look->complaint)];

    (void)snprintf(clean, sizeof(clean), "%s", text);
    (void)ga_clean(clean);
    if (strcmp(clean, look->complaint) == 0)
        return;
    (void)snprintf(look->complaint, sizeof(look->complaint), "%s", clean);
    look->host->log(look->run, GA_LOG_WARNING, "%s", clean);
}

struct cw_look *
cw_look_new(struct ga_run *run, const struct ga_host *host, char *why, size_t len)
{
    struct cw_look *look = calloc(1, sizeof(*look));

    if (!look) {
        (void)snprintf(why, len, "out of memory");
        return NULL;
    }
    look->run = run;
    look->host = host;
    look->epoch.index = -1;
    look->peers = -1;
    look->compare_ns = host->num(run, "compare");
    if (ga_chain_setup(run, host, &look->setup, why, len) == 0)
        return look;
    free(look);
    return NULL;
}

void
cw_look_free(struct cw_look *look)
{
    free(look);
}

/* --- what changes seldom --------------------------------------------------------------------------------------------
 */

static void
look_at_epoch(struct cw_look *look)
{
    struct ga_chain_error error;
    struct cw_epoch       epoch;
    cJSON                *answer = NULL;
    char                  why[256];

    if (ga_chain_ask(look->setup.sources, &look->quorum, &look->setup.rules, EPOCH_PATH, &answer, NULL, &error) !=
        GA_CHAIN_OK) {
        complain(look, error.text);
        return;
    }
    if (cw_epoch_read(answer, &epoch, why, sizeof(why)) < 0)
        complain(look, why);
    else if (epoch.index >= look->epoch.index) { /* a source that is a block behind may still be in the last one */
        look->epoch = epoch;
        look->epoch_ns = clock_ns(CLOCK_MONOTONIC);
    }
    cJSON_Delete(answer);
}

static void
look_at_plan(struct cw_look *look)
{
    struct ga_chain_error error;
    struct cw_plan        plan;
    cJSON                *answer = NULL;
    char                  why[256];

    look->plan.known = 0; /* its height stays: a chain that stands at it cannot be asked */
    if (ga_chain_ask(look->setup.sources, &look->quorum, &look->setup.rules, PLAN_PATH, &answer, NULL, &error) !=
        GA_CHAIN_OK)
        complain(look, error.text);
    else if (cw_plan_read(answer, &plan, why, sizeof(why)) < 0)
        complain(look, why);
    else
        look->plan = plan;
    cJSON_Delete(answer);
}

static void
look_at_peers(struct cw_look *look)
{
    struct ga_chain_error error;
    cJSON                *answer = NULL;
    int64_t               peers;

    look->peers = -1;
    if (!look->setup.has_own || !look->quorum.looks[0].answered)
        return;
    if (ga_chain_rpc(&look->setup.sources[0], "net_info", &answer, &error) != GA_CHAIN_OK)
        complain(look, error.text);
    else if (ga_json_i64(answer, "n_peers", &peers) == 0 && peers >= 0)
        look->peers = peers;
    cJSON_Delete(answer);
}

/* --- how long a block takes ------------------------------------------------------------------------------------------
 */

static void
measure(struct cw_look *look, struct cw_seen *seen)
{
    if (seen->height <= 1)
        return;
    if (look->anchor_height == 0 || seen->height - look->anchor_height > 2 * BLOCKS_MEASURED) {
        const int64_t back = seen->height > BLOCKS_MEASURED ? BLOCKS_MEASURED : seen->height - 1;

        look->anchor_height = seen->height - back;
        look->anchor_time_ns = ga_chain_block_time(look->setup.sources, &look->quorum, look->anchor_height);
        if (look->anchor_time_ns == 0) { /* pruned: from here on, then */
            look->anchor_height = seen->height;
            look->anchor_time_ns = seen->block_time_ns;
        }
    }
    if (seen->height > look->anchor_height && seen->block_time_ns > look->anchor_time_ns)
        seen->block_ns = (seen->block_time_ns - look->anchor_time_ns) / (seen->height - look->anchor_height);
}

/* --- looks
 * ------------------------------------------------------------------------------------------------------------ */

static void
fill(struct cw_look *look, struct cw_seen *seen)
{
    seen->epoch = look->epoch;
    seen->plan = look->plan;
    seen->peers = look->peers;
    measure(look, seen);
}

static void
epoch_if_due(struct cw_look *look, const struct cw_seen *seen)
{
    if (look->epoch.index < 0 || seen->height >= look->epoch.next_start ||
        clock_ns(CLOCK_MONOTONIC) - look->epoch_ns > EPOCH_AGAIN_NS)
        look_at_epoch(look);
}

void
cw_look_all(struct cw_look *look, struct cw_seen *seen)
{
    *seen = (struct cw_seen){.now_ns = clock_ns(CLOCK_REALTIME)};
    (void)ga_chain_quorum(look->setup.sources, look->setup.n, &look->setup.rules, &look->quorum);
    look->all_ns = clock_ns(CLOCK_MONOTONIC);
    cw_judge(&look->quorum, look->setup.has_own, look->setup.rules.max_lag, seen);
    (void)ga_clean(seen->text);
    if (look->quorum.n_healthy > 0) {
        epoch_if_due(look, seen);
        look_at_plan(look);
    } else {
        look->plan.known = 0;
    }
    look_at_peers(look);
    fill(look, seen);
}

/* The newest block of the first source, when all is as it was with it. */
static int
goes_on(struct cw_look *look, const struct cw_seen *before, struct cw_seen *seen)
{
    const struct ga_chain_source *source = &look->setup.sources[0];
    struct ga_chain_status        status;
    struct ga_chain_error         error;

    if (before->state != CW_FOLLOWING || clock_ns(CLOCK_MONOTONIC) - look->all_ns >= look->compare_ns ||
        ga_chain_status(source, &status, &error) != GA_CHAIN_OK || status.catching_up ||
        strcmp(status.chain_id, look->quorum.chain_id) != 0 || status.height < before->height ||
        seen->now_ns - status.block_time_ns > look->setup.rules.max_age_ns)
        return 0;
    seen->height = status.height;
    seen->block_time_ns = status.block_time_ns;
    if (seen->has_own)
        seen->own_height = status.height;
    return 1;
}

void
cw_look_quick(struct cw_look *look, struct cw_seen *seen)
{
    const struct cw_seen before = *seen;
    const int64_t        clock = clock_ns(CLOCK_MONOTONIC);
    const int64_t        still_ns = look->setup.rules.max_age_ns / 2;

    seen->now_ns = clock_ns(CLOCK_REALTIME);
    if (goes_on(look, &before, seen)) {
        epoch_if_due(look, seen);
        fill(look, seen);
        cw_watch(&look->watched, clock, still_ns, 0, seen);
    } else if (before.state == CW_FOLLOWING || look->all_ns == 0 || clock - look->all_ns >= AGAIN_NS ||
               clock - look->all_ns >= look->compare_ns) {
        cw_look_all(look, seen);
        cw_watch(&look->watched, clock, still_ns, 1, seen);
        if (look->watched.moved)
            complain(look, "blocks come, but by this host's clock they are too old: is the clock right?");
    }
}

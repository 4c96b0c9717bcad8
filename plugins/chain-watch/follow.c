/* follow.c: resident: looks at every block, and tells what is new. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"
#include "kit/settle.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define STATE "told"
#define BEAT_MS 3000
#define SETTLED_AFTER 2 /* turns: all that is done again has been done once */
#define WAIT_LEAST_NS INT64_C(1000000000)
#define WAIT_MOST_NS INT64_C(10000000000)
#define BEHIND_THE_BLOCK_NS INT64_C(300000000) /* a block needs a moment to come here */

struct follow {
    struct ga_run        *run;
    const struct ga_host *host;
    struct cw_look       *look;
    struct cw_rules       rules;
    struct cw_seen        seen;
    struct cw_told        told;
};

/* What is out must not be told again, so the document is written after it: the other way round it could be lost. */
static void
tell(struct follow *follow)
{
    struct cw_news news[CW_NEWS_MAX];
    const int      any = follow->told.any;
    size_t         n = cw_news(&follow->seen, &follow->rules, &follow->told, news);
    char          *document;
    int            lasting;

    lasting = any != follow->told.any; /* from here on there is something to compare with */
    for (size_t i = 0; i < n; i++) {
        char *payload = ga_json_print(news[i].payload);

        if (payload)
            (void)follow->host->emit(follow->run, news[i].topic, payload);
        lasting |= strcmp(news[i].topic, "chain.block") != 0;
        free(payload);
        cJSON_Delete(news[i].payload);
    }
    if (!lasting)
        return;
    document = cw_told_write(&follow->told);
    if (document)
        (void)follow->host->state_put(follow->run, STATE, document, strlen(document));
    free(document);
}

static void
show(const struct follow *follow)
{
    const struct cw_seen *seen = &follow->seen;
    struct cw_boundary    next;
    char                  line[400];
    const int64_t         into = seen->epoch.index >= 0 && seen->height > 0 ? seen->height - seen->epoch.start : 0;

    cw_line(seen, line, sizeof(line));
    follow->host->progress(follow->run, line, into > 0 ? (uint64_t)into : 0,
                           seen->epoch.index >= 0 ? (uint64_t)seen->epoch.length : 0);
    if (seen->height > 0)
        follow->host->metric(follow->run, "height", (double)seen->height);
    follow->host->metric(follow->run, "state", (double)seen->state);
    follow->host->metric(follow->run, "healthy_sources", (double)seen->healthy);
    if (cw_lag(seen) >= 0)
        follow->host->metric(follow->run, "lag_blocks", (double)cw_lag(seen));
    if (seen->peers >= 0)
        follow->host->metric(follow->run, "peers", (double)seen->peers);
    if (seen->block_ns > 0)
        follow->host->metric(follow->run, "block_seconds", (double)seen->block_ns * 1e-9);
    if (seen->epoch.index >= 0 && seen->height > 0) {
        follow->host->metric(follow->run, "epoch", (double)seen->epoch.index);
        if (cw_next_boundary(&seen->epoch, seen->height, &next) == 0)
            follow->host->metric(follow->run, "blocks_to_next_phase", (double)(next.height - seen->height));
    }
}

/* When the next block is to be expected. */
static int64_t
wait_ns(const struct follow *follow)
{
    const struct cw_seen *seen = &follow->seen;
    int64_t               wait = seen->block_time_ns + seen->block_ns + BEHIND_THE_BLOCK_NS - seen->now_ns;

    if (follow->host->has(follow->run, "poll"))
        return follow->host->num(follow->run, "poll");
    if (seen->state != CW_FOLLOWING || seen->block_ns == 0)
        return WAIT_MOST_NS / 2;
    if (wait < WAIT_LEAST_NS)
        return WAIT_LEAST_NS;
    return wait < WAIT_MOST_NS ? wait : WAIT_MOST_NS;
}

/* 0, or -1: cancelled. */
static int
pause_ns(struct follow *follow, int64_t ns)
{
    struct pollfd poller = {.fd = follow->host->cancel_fd(follow->run), .events = POLLIN};
    int64_t       ms = ns / 1000000;

    do {
        int slice = ms > BEAT_MS ? BEAT_MS : (int)ms;

        if (follow->host->cancelled(follow->run) || poll(&poller, 1, slice) > 0)
            return -1;
        follow->host->beat(follow->run);
        ms -= slice;
    } while (ms > 0);
    return follow->host->cancelled(follow->run) ? -1 : 0;
}

int
cw_follow(struct ga_run *run, const struct ga_host *host)
{
    struct follow follow = {.run = run, .host = host};
    const void   *document = NULL;
    size_t        len = 0;
    char          why[512];
    enum cw_state was = CW_STATES;
    uint64_t      turn = 0;

    follow.look = cw_look_new(run, host, why, sizeof(why));
    if (!follow.look)
        return host->end(run, GA_REFUSED, "%s", why);
    follow.rules =
        (struct cw_rules){.near_ns = host->num(run, "near"), .block_every_ns = host->num(run, "block_every")};
    if (host->state_get(run, STATE, &document, &len) == 0)
        cw_told_read(document, len, &follow.told);
    if (cw_told_of(&follow.told, host->str(run, "chain_id")))
        host->log(run, GA_LOG_NOTICE, "what was told of another chain than %s is forgotten",
                  host->str(run, "chain_id"));
    host->ready(run); /* a chain that cannot be asked is no reason to hold up the agent */
    cw_look_quick(follow.look, &follow.seen);
    while (!host->cancelled(run)) {
        if (follow.seen.state != was)
            host->log(run, follow.seen.state == CW_FOLLOWING ? GA_LOG_INFO : GA_LOG_WARNING, "%s: %s",
                      cw_state_name(follow.seen.state), follow.seen.text);
        was = follow.seen.state;
        tell(&follow);
        show(&follow);
        host->beat(run);
        if (turn++ == SETTLED_AFTER)
            ga_settle();
        if (pause_ns(&follow, wait_ns(&follow)) < 0)
            break;
        cw_look_quick(follow.look, &follow.seen);
    }
    cw_look_free(follow.look);
    return host->end(run, GA_OK, "followed until it was told to end");
}

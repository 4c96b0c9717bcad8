/* watch.c: how this host's node fares. */
#include "plugins/seed-manager/watch.h"

#include "kit/chain.h"
#include "kit/chain_options.h"
#include "kit/json.h"
#include "kit/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEERS_MAX 4096 /* connections of one node that are read */

/* --- asking --------------------------------------------------------------------------------------------------------
 */

/* What one peer says of the restart; its id is kept. */
static void
read_peer(const cJSON *peer, int64_t age_of_change, struct watch_look *ret, int *ret_old, int *ret_said)
{
    const char *id = ga_json_str(ga_json_get(peer, "node_info"), "id");
    int64_t     age;

    if (id && choose_is_id(id, strlen(id)) && ret->connected.id)
        memcpy(ret->connected.id[ret->connected.n++], id, CHOOSE_ID_LEN + 1);
    if (ga_json_i64(ga_json_get(peer, "connection_status"), "Duration", &age) < 0)
        return;
    *ret_said += 1;
    *ret_old += age > age_of_change;
}

static void
read_peers(const cJSON *result, int64_t since_ns, struct watch_look *ret)
{
    struct timespec now;
    const cJSON    *peers = ga_json_get(result, "peers");
    const cJSON    *peer;
    int             n = cJSON_GetArraySize(peers);
    int             old = 0;
    int             said = 0;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (n > PEERS_MAX)
        n = PEERS_MAX;
    ret->connected.id = calloc((size_t)n + 1, sizeof(*ret->connected.id));
    cJSON_ArrayForEach(peer, peers)
    {
        if (n-- == 0)
            break;
        read_peer(peer, (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec - since_ns, ret, &old, &said);
    }
    if (old > 0)
        ret->restart = WATCH_NOT_RESTARTED;
    else if (said > 0)
        ret->restart = WATCH_RESTARTED;
}

static void
ask_peers(const struct ga_chain_source *own, int64_t since_ns, struct watch_look *ret)
{
    struct ga_chain_error error = {.why = GA_CHAIN_OK};
    cJSON                *result = NULL;

    if (ga_chain_rpc(own, "net_info", &result, &error) != GA_CHAIN_OK)
        (void)snprintf(ret->why, sizeof(ret->why), "%.500s", error.text);
    else if (ga_json_i64(result, "n_peers", &ret->health.peers) < 0)
        (void)snprintf(ret->why, sizeof(ret->why), "node does not say how many peers it has (net_info, n_peers)");
    else
        ret->health.known = 1;
    if (ret->health.known)
        read_peers(result, since_ns, ret);
    cJSON_Delete(result);
}

int
watch_ask(struct ga_run *run, const struct ga_host *host, int64_t since_ns, struct watch_look *ret)
{
    struct ga_chain_setup      *setup = calloc(1, sizeof(*setup));
    struct ga_chain_quorum     *quorum = calloc(1, sizeof(*quorum));
    const struct ga_chain_look *own;
    int                         r = GA_OK;

    memset(ret, 0, sizeof(*ret));
    if (!setup || !quorum) {
        (void)snprintf(ret->why, sizeof(ret->why), "no memory to ask the nodes");
        r = GA_REFUSED;
    } else if (ga_chain_setup(run, host, setup, ret->why, sizeof(ret->why)) < 0) {
        r = GA_REFUSED;
    } else if (!setup->has_own) {
        (void)snprintf(ret->why, sizeof(ret->why),
                       "no node of this host is named: set the option node (http://127.0.0.1:8000) or node_rpc, else a "
                       "change could not be watched");
        r = GA_REFUSED;
    }
    if (r == GA_OK) {
        (void)ga_chain_quorum(setup->sources, setup->n, &setup->rules, quorum);
        own = &quorum->looks[0];
        if (!own->answered) {
            (void)snprintf(ret->why, sizeof(ret->why), "%.500s", own->verdict.text);
        } else {
            ret->answered = 1;
            ret->catching_up = own->status.catching_up;
            ret->health.height = own->status.height;
            (void)snprintf(ret->own_id, sizeof(ret->own_id), "%.*s", CHOOSE_ID_LEN, own->status.node_id);
            ask_peers(&setup->sources[0], since_ns, ret);
            ret->health.has_lag = quorum->known == GA_CHAIN_KNOWN;
            ret->health.lag = quorum->height - own->status.height;
        }
        if (ret->health.known && !ret->health.has_lag)
            (void)snprintf(ret->why, sizeof(ret->why), "%.500s", quorum->text);
    }
    free(setup);
    free(quorum);
    return r;
}

void
watch_done(struct watch_look *look)
{
    free(look->connected.id);
    look->connected.id = NULL;
    look->connected.n = 0;
}

/* --- judging -------------------------------------------------------------------------------------------------------
 */

/* Fewer than half of the peers, or below the floor that it was not below before. A few more or less mean nothing. */
static int
has_lost_peers(const struct apply_health *before, const struct apply_health *now, int64_t floor)
{
    if (now->peers >= before->peers)
        return 0;
    return now->peers * 2 < before->peers || now->peers < floor;
}

static int
lags_more(const struct apply_health *before, const struct apply_health *now, int64_t max_lag)
{
    int64_t allowed = before->has_lag && before->lag > max_lag ? before->lag : max_lag;

    return now->has_lag && now->lag > allowed;
}

/* Worse or not, of a node that answered. -1: the height could not be compared. */
static int
is_worse(const struct apply_health *before, const struct watch_look *look, const struct watch_rules *rules, char *why)
{
    if (before->known && has_lost_peers(before, &look->health, rules->min_peers)) {
        (void)snprintf(why, EDIT_WHY_MAX, "the node has %" PRId64 " peers, before the change it had %" PRId64,
                       look->health.peers, before->peers);
        return 1;
    }
    if (before->known && lags_more(before, &look->health, rules->max_lag)) {
        (void)snprintf(why, EDIT_WHY_MAX, "the node is %" PRId64 " blocks behind", look->health.lag);
        return 1;
    }
    if (!look->health.has_lag) {
        (void)snprintf(why, EDIT_WHY_MAX, "the height cannot be compared: %.400s", look->why);
        return -1;
    }
    (void)snprintf(why, EDIT_WHY_MAX, "the node has %" PRId64 " peers and is %" PRId64 " blocks behind",
                   look->health.peers, look->health.lag > 0 ? look->health.lag : 0);
    return 0;
}

enum watch_verdict
watch_judge(const struct apply_state *state, const struct watch_look *look, const struct watch_rules *rules,
            int64_t now_ns, char *why)
{
    int64_t since = state->restarted_ns;
    char    left[64];
    int     at_end;
    int     worse;

    if (!look->health.known) {
        (void)snprintf(why, EDIT_WHY_MAX, "the node cannot be asked (%.400s), and silence undoes nothing", look->why);
        return WATCH_UNKNOWN;
    }
    if (since == 0 && look->restart == WATCH_NOT_RESTARTED) {
        (void)snprintf(why, EDIT_WHY_MAX, "the node has connections from before the change: it was not restarted yet");
        return WATCH_UNTAKEN;
    }
    if (since == 0)
        since = state->began_ns; /* no peers: nothing says when, and none is what the watch is there for */
    if (now_ns - since < rules->settle_ns) {
        (void)snprintf(why, EDIT_WHY_MAX, "the node's restart is too recent to judge: wait %s",
                       ga_when_span(rules->settle_ns - (now_ns - since), left, sizeof(left)));
        return WATCH_SETTLING;
    }
    at_end = now_ns - since >= rules->watch_ns;
    worse = is_worse(&state->before, look, rules, why);
    if (worse < 0)
        return WATCH_UNKNOWN;
    if (worse)
        return at_end || state->worse + 1 >= WATCH_WORSE_LOOKS ? WATCH_FAILED : WATCH_WORSE;
    return at_end ? WATCH_PASSED : WATCH_FINE;
}

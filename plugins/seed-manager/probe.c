/* probe.c: the questions to one candidate. */
#include "plugins/seed-manager/probe.h"

#include "plugins/seed-manager/handshake.h"

#include "kit/clean.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define RPC_PORT 26657             /* the older rule: CometBFT's RPC at a port of its own */
#define STATUS_MAX ((size_t)16384) /* bytes of an answer: a real one has less than 2,000 */
#define NS_PER_MS INT64_C(1000000)
#define LEAST_MS 200 /* a question that has less time left is not asked */

/* One place where a candidate's RPC may be. */
struct place_of_rpc {
    char url[CANDIDATE_URL_MAX + 16]; /* of the RPC */
    char api[CANDIDATE_URL_MAX];      /* whose proxy it is behind; "": none */
    int  guessed;                     /* nobody named it */
};

#define PLACES_MAX 3

int64_t
probe_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- where to ask --------------------------------------------------------------------------------------------------
 */

static void
add_proxy(struct place_of_rpc *place, const char *api, int guessed)
{
    (void)snprintf(place->api, sizeof(place->api), "%s", api);
    (void)snprintf(place->url, sizeof(place->url), "%s/chain-rpc", api);
    place->guessed = guessed;
}

/* The newer rule first: behind the proxy of the API, on its scheme, host and port. Then the older one. */
static size_t
places_of(const struct probe_rules *rules, const struct candidate *candidate, struct place_of_rpc places[PLACES_MAX])
{
    char   url[CANDIDATE_URL_MAX];
    size_t n = 0;

    memset(places, 0, PLACES_MAX * sizeof(*places));
    if (candidate->api[0])
        add_proxy(&places[n++], candidate->api, 0);
    if (candidate->rpc[0])
        (void)snprintf(places[n++].url, sizeof(places->url), "%s", candidate->rpc);
    if (!candidate->api[0])
        add_proxy(&places[n++], candidate_url(candidate, rules->guess_port, url), 1);
    if (!candidate->rpc[0]) {
        places[n].guessed = !candidate->api[0];
        (void)snprintf(places[n++].url, sizeof(places->url), "%s", candidate_url(candidate, RPC_PORT, url));
    }
    return n;
}

/* --- its RPC -------------------------------------------------------------------------------------------------------
 */

/* A guessed address of the same host may lead to another of its nodes. When that one's port for peers is the one that
 * the list has, the list has the wrong id; else the answer says nothing of the candidate. */
static int
is_neighbour(const struct candidate *candidate, const struct place_of_rpc *place, const struct ga_chain_status *status)
{
    return place->guessed && candidate->id[0] && strcmp(candidate->id, status->node_id) != 0 &&
           candidate_port_of(status->listen_addr) != candidate->p2p_port;
}

static void
take(const struct place_of_rpc *place, struct probe *probe)
{
    probe->answered = 1;
    probe->error.why = GA_CHAIN_OK;
    probe->error.text[0] = '\0';
    (void)ga_clean(probe->status.moniker);
    (void)ga_clean(probe->status.chain_id);
    memcpy(probe->rpc, place->url, sizeof(probe->rpc));
    if (place->api[0]) {
        memcpy(probe->api, place->api, sizeof(probe->api));
        probe->api_up = 1;
    }
}

/* The first question's error is kept, since that one was the likeliest; 1 when there is nothing more to be asked. */
static int
ask(const struct candidate *candidate, const struct place_of_rpc *place, int total_ms, int cancel_fd,
    struct probe *probe)
{
    struct ga_chain_source source;
    struct ga_chain_error  error = {.why = GA_CHAIN_OK};
    struct ga_chain_status status;
    int64_t                began = probe_now();
    char                   name[GA_CHAIN_NAME_MAX];

    (void)snprintf(name, sizeof(name), "%.60s", candidate->host);
    if (ga_chain_source_direct(&source, name, place->url, NULL, &error) == GA_CHAIN_OK) {
        source.connect_ms = total_ms;
        source.total_ms = total_ms;
        source.max_answer = STATUS_MAX;
        source.cancel_fd = cancel_fd;
        (void)ga_chain_status(&source, &status, &error);
    }
    probe->took_ns = probe_now() - began;
    if (place->api[0] && !place->guessed && error.status > 0)
        probe->api_up = 1;
    if (error.why == GA_CHAIN_OK && is_neighbour(candidate, place, &status)) {
        error.why = GA_CHAIN_UNREACHABLE;
        (void)snprintf(error.text, sizeof(error.text), "%s: its RPC is not public; what answers there is another node",
                       candidate->host);
    }
    if (error.why == GA_CHAIN_OK) {
        probe->status = status;
        take(place, probe);
    } else if (probe->error.why == GA_CHAIN_OK) {
        probe->error = error;
        (void)ga_clean(probe->error.text);
    }
    return error.why == GA_CHAIN_OK || error.why == GA_CHAIN_CANCELLED;
}

/* Of the time that is left, the likelier place has the larger part. */
static void
ask_rpc(const struct probe_rules *rules, int cancel_fd, const struct candidate *candidate, struct probe *probe)
{
    struct place_of_rpc places[PLACES_MAX];
    size_t              n = places_of(rules, candidate, places);
    int64_t             end = probe_now() + rules->timeout_ms * NS_PER_MS;

    for (size_t i = 0; i < n; i++) {
        int64_t left_ms = (end - probe_now()) / NS_PER_MS;

        if (i > 0 && left_ms < LEAST_MS)
            return;
        if (i + 1 < n)
            left_ms = left_ms * 2 / 3;
        if (ask(candidate, &places[i], left_ms > LEAST_MS ? (int)left_ms : LEAST_MS, cancel_fd, probe))
            return;
    }
}

/* --- its port for peers --------------------------------------------------------------------------------------------
 */

/* An RPC may say anything; "" unless it is an id. */
static const char *
id_of(const struct ga_chain_status *status)
{
    size_t digits = strspn(status->node_id, "0123456789abcdef");

    return digits == CANDIDATE_ID_LEN && !status->node_id[digits] ? status->node_id : "";
}

static void
learn_id(const struct candidate *candidate, struct probe *probe)
{
    const char *said = probe->answered ? id_of(&probe->status) : "";

    probe->wrong_id = candidate->id[0] && said[0] && strcmp(candidate->id, said) != 0;
    probe->id_from = said[0] ? PROBE_ID_RPC : candidate->id[0] ? PROBE_ID_LIST : PROBE_ID_NONE;
    memcpy(probe->id, said[0] ? said : candidate->id, sizeof(probe->id));
}

/* What the node proves outdoes what anybody says. */
static void
take_proof(const struct candidate *candidate, const struct handshake *proof, struct probe *probe)
{
    if (probe->id[0] && strcmp(probe->id, proof->id) != 0)
        probe->wrong_id = 1;
    if (candidate->id[0])
        probe->wrong_id = strcmp(candidate->id, proof->id) != 0;
    (void)snprintf(probe->id, sizeof(probe->id), "%s", proof->id);
    probe->id_from = PROBE_ID_HANDSHAKE;
    (void)snprintf(probe->network, sizeof(probe->network), "%s", proof->network);
    (void)ga_clean(probe->network);
}

static int
try_port(const struct probe_rules *rules, int cancel_fd, const struct candidate *candidate, int port,
         struct probe *probe)
{
    struct probe_dial dial;
    struct handshake  proof;
    int64_t           began = probe_now();
    int               r = probe_dial(candidate->host, port, rules->p2p_ms, cancel_fd, &dial);

    probe->p2p_port = port;
    probe->p2p_ns = probe_now() - began;
    probe->port = r == 0 ? PROBE_PORT_OPEN : PROBE_PORT_SHUT;
    (void)snprintf(probe->p2p_why, sizeof(probe->p2p_why), "%s", dial.why);
    (void)snprintf(probe->ip, sizeof(probe->ip), "%s", dial.ip);
    if (r == 0 && rules->handshake) {
        if (handshake_do(dial.fd, rules->p2p_ms, cancel_fd, &proof) == 0)
            take_proof(candidate, &proof, probe);
        else
            (void)snprintf(probe->p2p_why, sizeof(probe->p2p_why), "%s", proof.why);
    }
    probe_hang_up(&dial);
    return r;
}

/* The port that the node itself names; should that one be shut (a port that a router maps), the list's. */
static void
ask_port(const struct probe_rules *rules, int cancel_fd, const struct candidate *candidate, struct probe *probe)
{
    int said = probe->answered ? candidate_port_of(probe->status.listen_addr) : 0;
    int listed = candidate->p2p_port;

    if (said > 0 && (try_port(rules, cancel_fd, candidate, said, probe) == 0 || listed == 0 || listed == said))
        return;
    if (listed > 0)
        (void)try_port(rules, cancel_fd, candidate, listed, probe);
}

void
probe_one(const struct probe_rules *rules, int cancel_fd, const struct candidate *candidate, struct probe *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)snprintf(ret->api, sizeof(ret->api), "%s", candidate->api);
    ask_rpc(rules, cancel_fd, candidate, ret);
    learn_id(candidate, ret);
    ask_port(rules, cancel_fd, candidate, ret);
    ret->asked = 1;
}

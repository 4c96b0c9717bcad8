/* flight_chain.c: evidence from the chain. */
#include "plugins/upgrade-preload/flight.h"

#include "kit/clean.h"
#include "kit/json.h"
#include "kit/when.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_PATH "/productscience/inference/inference/epoch_info"
#define BLOCKS_MEASURED 200 /* blocks over which the time of one is measured */
#define COMMITS 5

static void
see_height(struct up_work *work, const struct up_chain *chain, struct up_flight *flight, int64_t now_ns)
{
    int64_t blocks = chain->quorum.height > BLOCKS_MEASURED ? BLOCKS_MEASURED : chain->quorum.height - 1;
    int64_t then =
        blocks > 0 ? ga_chain_block_time(chain->setup.sources, &chain->quorum, chain->quorum.height - blocks) : 0;
    int64_t block_ns = then > 0 ? (chain->quorum.block_time_ns - then) / blocks : 0;

    if (chain->quorum.known == GA_CHAIN_HALTED)
        up_line_add(flight, "chain", UP_LIGHT_WARN, "%s", chain->quorum.text);
    up_judge_height(flight, &work->plan, chain->quorum.height, block_ns, now_ns);
}

/* The numbers of the newest epoch. 0, or -1 with a sentence. */
static int
read_epoch(const cJSON *answer, struct up_epoch *ret)
{
    const cJSON *params = ga_json_path(answer, "params.epoch_params");
    const cJSON *nested = ga_json_get(params, "epoch_params");
    int64_t      duration;
    int64_t      delay;
    int64_t      validation;

    if (nested)
        params = nested; /* release v0.2.15 has them a level deeper */
    if (ga_json_i64(ga_json_get(answer, "latest_epoch"), "poc_start_block_height", &ret->start) < 0 ||
        ga_json_i64(params, "epoch_length", &ret->length) < 0 ||
        ga_json_i64(params, "poc_stage_duration", &duration) < 0 ||
        ga_json_i64(params, "poc_validation_delay", &delay) < 0 ||
        ga_json_i64(params, "poc_validation_duration", &validation) < 0)
        return -1;
    ret->generation_end = duration;
    ret->validation_start = duration + delay;
    ret->validation_end = duration + delay + validation;
    return 0;
}

static void
see_phase(struct up_work *work, const struct up_chain *chain, struct up_flight *flight)
{
    struct ga_chain_error error;
    struct up_epoch       epoch = {0};
    cJSON                *answer = NULL;

    if (ga_chain_ask(chain->setup.sources, &chain->quorum, &chain->setup.rules, EPOCH_PATH, &answer, NULL, &error) !=
        GA_CHAIN_OK) {
        up_line_add(flight, "phase", UP_LIGHT_WARN, "could not be predicted: %.300s", error.text);
        return;
    }
    if (read_epoch(answer, &epoch) < 0)
        epoch.length = 0;
    up_judge_phase(flight, &epoch, work->plan.height);
    cJSON_Delete(answer);
}

static void
see_peers(struct up_work *work, const struct up_chain *chain, struct up_flight *flight)
{
    struct ga_chain_error error;
    cJSON                *answer = NULL;
    int64_t               peers = 0;

    if (ga_chain_rpc(&chain->setup.sources[0], "net_info", &answer, &error) != GA_CHAIN_OK)
        up_line_add(flight, "peers", UP_LIGHT_UNKNOWN, "%.380s", error.text);
    else if (ga_json_i64(answer, "n_peers", &peers) < 0)
        up_line_add(flight, "peers", UP_LIGHT_UNKNOWN, "the node's answer does not say how many there are");
    else
        up_judge_peers(flight, peers, work->host->num(work->run, "min_peers"));
    cJSON_Delete(answer);
}

/* 1 signed, 0 not, -1 could not look. */
static int
signed_commit(const struct ga_chain_source *source, int64_t height, const char *address)
{
    struct ga_chain_error error;
    cJSON                *answer = NULL;
    const cJSON          *list;
    const cJSON          *entry;
    char                  path[64];
    int                   found = 0;

    (void)snprintf(path, sizeof(path), "block?height=%lld", (long long)height);
    if (ga_chain_rpc(source, path, &answer, &error) != GA_CHAIN_OK)
        return -1;
    list = ga_json_path(answer, "block.last_commit.signatures");
    if (!cJSON_IsArray(list))
        found = -1;
    cJSON_ArrayForEach(entry, list)
    {
        const char *who = ga_json_str(entry, "validator_address");

        if (who && strcmp(who, address) == 0)
            found = 1;
    }
    cJSON_Delete(answer);
    return found;
}

static void
see_signer(const struct up_chain *chain, struct up_flight *flight)
{
    const struct ga_chain_status *status = &chain->quorum.looks[0].status;
    int                           looked = 0;
    int                           has_signed = 0;

    if (!*status->validator_address) {
        up_line_add(flight, "signer", UP_LIGHT_UNKNOWN, "the node does not say who its validator is");
        return;
    }
    for (int64_t height = status->height; status->voting_power > 0 && height > 1 && looked < COMMITS; height--) {
        int r = signed_commit(&chain->setup.sources[0], height, status->validator_address);

        if (r < 0)
            break;
        looked++;
        has_signed += r;
    }
    up_judge_signer(flight, status->voting_power, has_signed, looked);
}

/* This host's own node: is it up and in step with the others? 1 when it can be asked more. */
static int
see_node(const struct up_chain *chain, struct up_flight *flight)
{
    const struct ga_chain_look *own = &chain->quorum.looks[0];

    if (!chain->setup.has_own) {
        up_line_add(flight, "node", UP_LIGHT_WARN, "none is named (node): its peers and its signer were not looked at");
        return 0;
    }
    if (!own->answered)
        up_line_add(flight, "node", UP_LIGHT_UNKNOWN, "%.380s", own->verdict.text);
    else if (own->verdict.why != GA_CHAIN_OK && chain->quorum.known == GA_CHAIN_KNOWN)
        up_line_add(flight, "node", UP_LIGHT_NO_GO, "%.380s", own->verdict.text);
    else
        up_line_add(flight, "node", UP_LIGHT_GO, "in step with the chain at %lld", (long long)own->status.height);
    return own->answered;
}

void
up_see_chain(struct up_work *work, const struct up_chain *chain, struct up_flight *flight, int64_t now_ns)
{
    see_height(work, chain, flight, now_ns);
    see_phase(work, chain, flight);
    if (see_node(chain, flight)) {
        see_peers(work, chain, flight);
        see_signer(chain, flight);
    }
    for (size_t i = 0; i < flight->n; i++)
        (void)ga_clean(flight->lines[i].text);
}

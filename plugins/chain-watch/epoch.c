/* epoch.c: epochs and their phases, from the chain's own parameters. Boundaries as the network's node computes them. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <stdio.h>

#define PARAM_MAX INT64_C(1000000000) /* blocks; more is no number of this kind */

struct param {
    const char *key;
    int         needed; /* parameters that are zero may be absent */
    int64_t     value;
};

enum { LENGTH, SHIFT, STAGE, DELAY, VALIDATION, SET, CUTOFF, PARAMS };

static int
read_params(const cJSON *answer, struct param params[PARAMS], char *why, size_t len)
{
    const cJSON *from = ga_json_path(answer, "params.epoch_params");
    const cJSON *nested = ga_json_get(from, "epoch_params");

    if (nested)
        from = nested; /* later releases have them a level deeper */
    if (!cJSON_IsObject(from)) {
        (void)snprintf(why, len, "the answer has no params.epoch_params");
        return -1;
    }
    for (int i = 0; i < PARAMS; i++) {
        const cJSON *value = ga_json_get(from, params[i].key);

        if (!value && !params[i].needed)
            continue;
        if (ga_json_value_i64(value, &params[i].value) < 0 || params[i].value < 0 || params[i].value > PARAM_MAX) {
            (void)snprintf(why, len, "epoch_params.%s is %s", params[i].key, value ? "no number of blocks" : "missing");
            return -1;
        }
    }
    return 0;
}

static void
place(struct cw_epoch *epoch, const struct param *params)
{
    if (epoch->index == 0) {
        epoch->next_start = params[LENGTH].value - params[SHIFT].value;
        return;
    }
    epoch->generation_wind_down = epoch->start + params[STAGE].value * 8 / 10;
    epoch->generation_end = epoch->start + params[STAGE].value;
    epoch->validation_start = epoch->generation_end + params[DELAY].value;
    epoch->validation_wind_down = epoch->validation_start + params[VALIDATION].value * 8 / 10;
    epoch->validation_end = epoch->validation_start + params[VALIDATION].value;
    epoch->set_new_validators = epoch->validation_end + params[SET].value;
    epoch->claim_money = epoch->set_new_validators + 1;
    epoch->next_start = epoch->start + params[LENGTH].value;
    epoch->cutoff = epoch->next_start - params[CUTOFF].value;
}

int
cw_epoch_read(const cJSON *answer, struct cw_epoch *ret, char *why, size_t len)
{
    struct param params[PARAMS] = {
        [LENGTH] = {"epoch_length", 1, 0},
        [SHIFT] = {"epoch_shift", 0, 0},
        [STAGE] = {"poc_stage_duration", 1, 0},
        [DELAY] = {"poc_validation_delay", 0, 0},
        [VALIDATION] = {"poc_validation_duration", 1, 0},
        [SET] = {"set_new_validators_delay", 0, 0},
        [CUTOFF] = {"inference_validation_cutoff", 0, 0},
    };
    const cJSON    *latest = ga_json_get(answer, "latest_epoch");
    const cJSON    *start = ga_json_get(latest, "poc_start_block_height");
    struct cw_epoch epoch = {0};

    *ret = (struct cw_epoch){.index = -1};
    if (!cJSON_IsObject(latest)) {
        (void)snprintf(why, len, "the answer has no latest_epoch");
        return -1;
    }
    /* zero is absent in some dialects */
    if ((ga_json_get(latest, "index") && ga_json_i64(latest, "index", &epoch.index) < 0) || epoch.index < 0 ||
        (start && ga_json_value_i64(start, &epoch.start) < 0) || epoch.start < 0 ||
        epoch.start > INT64_MAX / 2 - 10 * PARAM_MAX || (epoch.index > 0 && epoch.start == 0)) {
        (void)snprintf(why, len,
                       "latest_epoch.index or latest_epoch.poc_start_block_height is no number that can be one");
        return -1;
    }
    if (read_params(answer, params, why, len) < 0)
        return -1;
    if (params[LENGTH].value == 0) {
        (void)snprintf(why, len, "epoch_params.epoch_length is 0");
        return -1;
    }
    epoch.length = params[LENGTH].value;
    place(&epoch, params);
    *ret = epoch;
    return 0;
}

const char *
cw_phase(const struct cw_epoch *epoch, int64_t height)
{
    if (epoch->index < 0)
        return "";
    if (epoch->index == 0 || height < epoch->start)
        return "Inference";
    if (height < epoch->generation_wind_down)
        return "PoCGenerate";
    if (height < epoch->validation_start)
        return "PoCGenerateWindDown";
    if (height < epoch->validation_wind_down)
        return "PoCValidate";
    return height < epoch->validation_end ? "PoCValidateWindDown" : "Inference";
}

size_t
cw_boundaries(const struct cw_epoch *epoch, struct cw_boundary ret[CW_BOUNDARIES])
{
    const struct cw_boundary all[CW_BOUNDARIES] = {
        {epoch->start, "poc.generate.started", 1},
        {epoch->generation_wind_down, "poc.generate.winding_down", 1},
        {epoch->validation_start, "poc.validate.started", 1},
        {epoch->validation_wind_down, "poc.validate.winding_down", 1},
        {epoch->validation_end, "inference.started", 1},
        {epoch->set_new_validators, "epoch.validators.set", 0},
        {epoch->claim_money, "epoch.claim.started", 0},
        {epoch->cutoff, "epoch.cutoff", 0},
        {epoch->next_start, "epoch.started", 0},
    };

    if (epoch->index <= 0)
        return 0;
    for (size_t i = 0; i < CW_BOUNDARIES; i++) {
        size_t at = i;

        /* parameters of an odd network may put the cutoff before what stands before it here */
        for (; at > 0 && ret[at - 1].height > all[i].height; at--)
            ret[at] = ret[at - 1];
        ret[at] = all[i];
    }
    return CW_BOUNDARIES;
}

int
cw_next_boundary(const struct cw_epoch *epoch, int64_t height, struct cw_boundary *ret)
{
    struct cw_boundary all[CW_BOUNDARIES];
    const size_t       n = cw_boundaries(epoch, all);

    for (size_t i = 0; i < n; i++)
        if (all[i].height > height) {
            *ret = all[i];
            return 0;
        }
    if (epoch->index != 0 || epoch->next_start <= height)
        return -1;
    *ret = (struct cw_boundary){epoch->next_start, "epoch.started", 0};
    return 0;
}

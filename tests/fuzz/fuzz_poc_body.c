/*
 * fuzz_poc_body.c: any bytes as the body of a request to the worker's REST API. What is taken must keep the promises of
 * api_body.h, and survive being written as JSON and read again; what is refused must say why.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "kit/json.h"
#include "plugins/poc-worker/api_body.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is told of a refused body; consumed. */
static void
check_detail(cJSON *detail, size_t len)
{
    const cJSON *item = NULL;
    int          n = cJSON_GetArraySize(detail);

    if (n < 1 || n > POC_DETAILS_MAX)
        abort();
    cJSON_ArrayForEach(item, detail)
    {
        const char *body = cJSON_GetStringValue(ga_json_path(item, "loc.0"));

        if (!ga_json_str(item, "type") || !ga_json_str(item, "msg") || !body || strcmp(body, "body") != 0)
            abort();
        if (len > POC_ECHO_MAX && ga_json_get(item, "input"))
            abort();
    }
    cJSON_Delete(detail);
}

static void
check_init(const struct poc_init *init)
{
    char why[256];

    if (init->node_id < POC_UNSET || init->node_id > UINT32_MAX)
        abort();
    if (init->node_count < POC_UNSET || init->node_count == 0 || init->node_count > UINT32_MAX)
        abort();
    if (!init->block_hash || !init->public_key || !init->url)
        abort();
    if (!isfinite(init->r_target) || !isfinite(init->fraud_threshold))
        abort();
    if (init->params.use_scaled_rope > 1 || poc_params_check(&init->params, why, sizeof(why)) != 0)
        abort();
}

static void
check_batch(const struct poc_batch *batch)
{
    if (!batch->block_hash || !batch->public_key || (batch->n > 0) != (batch->nonces != NULL))
        abort();
    for (size_t i = 0; i < batch->n; i++)
        if (batch->nonces[i] < 0 || !isfinite(batch->dist[i]))
            abort();
}

/* The same document printed by the kit asks for the same. */
static void
check_again(const struct poc_init *init, const char *body, size_t len)
{
    cJSON          *json = ga_json_parse(body, len, NULL, 0);
    cJSON          *detail = NULL;
    char           *text = json ? ga_json_print(json) : NULL;
    struct poc_init again;

    if (!text || poc_init_parse(text, strlen(text), &again, &detail) != 0 || !poc_init_equal(init, &again))
        abort();
    poc_init_done(&again);
    free(text);
    cJSON_Delete(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct poc_init  init;
    struct poc_batch batch;
    cJSON           *detail = NULL;
    const char      *body = (const char *)data;
    int              r = len <= INPUT_MAX ? poc_init_parse(body, len, &init, &detail) : -ENOMEM;

    if (r == -ENOMEM)
        return 0;
    if (r == 0) {
        check_init(&init);
        check_again(&init, body, len);
        poc_init_done(&init);
    } else {
        check_detail(detail, len);
    }
    r = poc_batch_parse(body, len, &batch, &detail);
    if (r == 0) {
        check_batch(&batch);
        poc_batch_done(&batch);
    } else if (r == -EINVAL) {
        check_detail(detail, len);
    }
    return 0;
}

#include "tests/fuzz/replay.h"

/* letter_body.c: proofs and results of validation as JSON. */
#include "plugins/poc-worker/letter_body.h"

#include "kit/json.h"

char *
poc_body_generated(const struct poc_init *init, cJSON *nonces, cJSON *dist)
{
    cJSON *json = cJSON_CreateObject();
    char  *body = NULL;

    if (json && cJSON_AddStringToObject(json, "public_key", init->public_key) &&
        cJSON_AddStringToObject(json, "block_hash", init->block_hash) &&
        ga_json_add_i64(json, "block_height", init->block_height) == 0 &&
        cJSON_AddItemReferenceToObject(json, "nonces", nonces) && cJSON_AddItemReferenceToObject(json, "dist", dist) &&
        ga_json_add_i64(json, "node_id", init->node_id) == 0)
        body = ga_json_print(json);
    cJSON_Delete(json);
    return body;
}

char *
poc_body_validated(const struct poc_init *init, const struct poc_batch *batch, const double *distances)
{
    cJSON   *json = cJSON_CreateObject();
    cJSON   *nonces;
    cJSON   *dist;
    cJSON   *received;
    char    *text = NULL;
    uint64_t invalid = 0;
    double   honest;

    if (!json || !cJSON_AddStringToObject(json, "public_key", batch->public_key) ||
        !cJSON_AddStringToObject(json, "block_hash", batch->block_hash) ||
        ga_json_add_i64(json, "block_height", batch->block_height) < 0)
        goto out;
    nonces = cJSON_AddArrayToObject(json, "nonces");
    dist = cJSON_AddArrayToObject(json, "dist");
    if (ga_json_add_i64(json, "node_id", batch->node_id) < 0)
        goto out;
    received = cJSON_AddArrayToObject(json, "received_dist");
    for (size_t i = 0; i < batch->n; i++) {
        if (!cJSON_AddItemToArray(nonces, ga_json_new_i64(batch->nonces[i])) ||
            !cJSON_AddItemToArray(dist, cJSON_CreateNumber(distances[i])) ||
            !cJSON_AddItemToArray(received, cJSON_CreateNumber(batch->dist[i])))
            goto out;
        invalid += distances[i] > init->r_target;
    }
    honest = poc_fraud_probability(batch->n, invalid);
    if (cJSON_AddNumberToObject(json, "r_target", init->r_target) &&
        cJSON_AddNumberToObject(json, "fraud_threshold", init->fraud_threshold) &&
        cJSON_AddNumberToObject(json, "n_invalid", (double)invalid) &&
        cJSON_AddNumberToObject(json, "probability_honest", honest) &&
        cJSON_AddBoolToObject(json, "fraud_detected", honest < init->fraud_threshold))
        text = ga_json_print(json);
out:
    cJSON_Delete(json);
    return text;
}

/* message.c: messages with their length before them. */
#include "plugins/poc-worker/message.h"

#include "kit/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX (64u << 20) /* a body of 16 MiB, escaped */

int
message_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

static int
send_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
receive_all(int fd, void *data, size_t len)
{
    char *at = data;

    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? -EPIPE : -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int
message_send(int fd, const cJSON *message)
{
    char    *text = ga_json_print(message);
    uint32_t len = text ? (uint32_t)strlen(text) : 0;
    int      r = text ? send_all(fd, &len, sizeof(len)) : -ENOMEM;

    if (r == 0)
        r = send_all(fd, text, len);
    free(text);
    return r;
}

int
message_receive(int fd, cJSON **ret)
{
    uint32_t len = 0;
    char     why[128];
    char    *text;
    int      r = receive_all(fd, &len, sizeof(len));

    if (r < 0)
        return r;
    text = len <= MESSAGE_MAX ? malloc((size_t)len + 1) : NULL;
    if (!text)
        return -EBADMSG;
    r = receive_all(fd, text, len);
    *ret = r == 0 ? ga_json_parse(text, len, why, sizeof(why)) : NULL;
    free(text);
    if (r < 0)
        return r;
    return *ret ? 0 : -EBADMSG;
}

/* --- requests ------------------------------------------------------------------------------------------------------
 */

static int
add_params(cJSON *json, const struct poc_params *params)
{
    cJSON *object = cJSON_AddObjectToObject(json, "params");

    return object && cJSON_AddNumberToObject(object, "dim", params->dim) &&
           cJSON_AddNumberToObject(object, "n_layers", params->n_layers) &&
           cJSON_AddNumberToObject(object, "n_heads", params->n_heads) &&
           cJSON_AddNumberToObject(object, "n_kv_heads", params->n_kv_heads) &&
           cJSON_AddNumberToObject(object, "vocab_size", params->vocab_size) &&
           cJSON_AddNumberToObject(object, "ffn_dim_multiplier", params->ffn_dim_multiplier) &&
           cJSON_AddNumberToObject(object, "multiple_of", params->multiple_of) &&
           cJSON_AddNumberToObject(object, "norm_eps", params->norm_eps) &&
           cJSON_AddNumberToObject(object, "rope_theta", params->rope_theta) &&
           cJSON_AddBoolToObject(object, "use_scaled_rope", params->use_scaled_rope != 0) &&
           cJSON_AddNumberToObject(object, "seq_len", params->seq_len);
}

cJSON *
message_of_init(const struct poc_init *init)
{
    cJSON *json = cJSON_CreateObject();

    if (json && ga_json_add_i64(json, "node_id", init->node_id) == 0 &&
        ga_json_add_i64(json, "node_count", init->node_count) == 0 &&
        cJSON_AddStringToObject(json, "block_hash", init->block_hash) &&
        ga_json_add_i64(json, "block_height", init->block_height) == 0 &&
        cJSON_AddStringToObject(json, "public_key", init->public_key) &&
        ga_json_add_i64(json, "batch_size", init->batch_size) == 0 &&
        cJSON_AddNumberToObject(json, "r_target", init->r_target) &&
        cJSON_AddNumberToObject(json, "fraud_threshold", init->fraud_threshold) && add_params(json, &init->params) &&
        cJSON_AddStringToObject(json, "url", init->url))
        return json;
    cJSON_Delete(json);
    return NULL;
}

cJSON *
message_of_batch(const struct poc_batch *batch)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *nonces;
    cJSON *dist;
    int    ok = json && cJSON_AddStringToObject(json, "public_key", batch->public_key) &&
             cJSON_AddStringToObject(json, "block_hash", batch->block_hash) &&
             ga_json_add_i64(json, "block_height", batch->block_height) == 0;

    nonces = ok ? cJSON_AddArrayToObject(json, "nonces") : NULL;
    dist = nonces ? cJSON_AddArrayToObject(json, "dist") : NULL;
    ok = dist != NULL;
    for (size_t i = 0; ok && i < batch->n; i++)
        ok = cJSON_AddItemToArray(nonces, ga_json_new_i64(batch->nonces[i])) &&
             cJSON_AddItemToArray(dist, cJSON_CreateNumber(batch->dist[i]));
    if (ok && ga_json_add_i64(json, "node_id", batch->node_id) == 0)
        return json;
    cJSON_Delete(json);
    return NULL;
}

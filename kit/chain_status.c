/* chain_status.c: what a node says of itself. */
#include "kit/chain.h"

#include "kit/chain_parts.h"
#include "kit/json.h"
#include "kit/when.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NODE_ID_DIGITS 40

/* A string member, made fit for showing. */
static void
take(const cJSON *object, const char *key, char *buf, size_t len)
{
    const char *text = ga_json_str(object, key);

    (void)ga_chain_clean(text ? text : "", buf, len);
}

/* Forty hex digits in one case, so that they can be compared; "" when they are none. */
static void
take_node_id(const cJSON *node_info, struct ga_chain_status *status)
{
    const char *id = ga_json_str(node_info, "id");
    size_t      len = id ? strlen(id) : 0;

    if (len != NODE_ID_DIGITS || strspn(id, "0123456789abcdefABCDEF") != len)
        return;
    for (size_t i = 0; i < len; i++)
        status->node_id[i] = (char)tolower((unsigned char)id[i]);
}

static enum ga_chain_why
lacks(struct ga_chain_error *error, const char *source_name, const char *what)
{
    return ga_chain_fail(error, GA_CHAIN_BAD_ANSWER,
                         "%s: /status: the answer has no usable %s; is a Gonka node "
                         "behind this URL?",
                         source_name, what);
}

/* false and true as such, or as words; -1: neither. */
static int
take_flag(const cJSON *object, const char *key)
{
    const char *word = ga_json_str(object, key);

    if (word)
        return strcmp(word, "true") == 0 ? 1 : strcmp(word, "false") == 0 ? 0 : -1;
    return ga_json_bool(object, key, -1);
}

enum ga_chain_why
ga_chain_status_parse(const char *source_name, const cJSON *result, struct ga_chain_status *ret,
                      struct ga_chain_error *error)
{
    const cJSON *node = ga_json_get(result, "node_info");
    const cJSON *sync = ga_json_get(result, "sync_info");
    const cJSON *validator = ga_json_get(result, "validator_info");
    const char  *time = ga_json_str(sync, "latest_block_time");

    *ret = (struct ga_chain_status){0};
    take(node, "network", ret->chain_id, sizeof(ret->chain_id));
    take(node, "moniker", ret->moniker, sizeof(ret->moniker));
    take(node, "listen_addr", ret->listen_addr, sizeof(ret->listen_addr));
    take_node_id(node, ret);
    take(validator, "address", ret->validator_address, sizeof(ret->validator_address));
    take(ga_json_get(validator, "pub_key"), "value", ret->validator_pubkey, sizeof(ret->validator_pubkey));
    (void)ga_json_i64(validator, "voting_power", &ret->voting_power);
    (void)ga_json_i64(sync, "earliest_block_height", &ret->earliest_height);
    if (!*ret->chain_id)
        return lacks(error, source_name, "node_info.network");
    if (ga_json_i64(sync, "latest_block_height", &ret->height) < 0 || ret->height < 0)
        return lacks(error, source_name, "sync_info.latest_block_height");
    /* A node without blocks says year 1: out of range, and older than anything. */
    if (!time || ga_when_parse(time, &ret->block_time_ns) == -EINVAL)
        return lacks(error, source_name, "sync_info.latest_block_time");
    ret->catching_up = take_flag(sync, "catching_up");
    if (ret->catching_up < 0)
        return lacks(error, source_name, "sync_info.catching_up");
    return ga_chain_fine(error);
}

enum ga_chain_why
ga_chain_status(const struct ga_chain_source *source, struct ga_chain_status *ret, struct ga_chain_error *error)
{
    cJSON            *result = NULL;
    enum ga_chain_why why = ga_chain_rpc(source, "status", &result, error);

    *ret = (struct ga_chain_status){0};
    if (why == GA_CHAIN_OK)
        why = ga_chain_status_parse(source->name, result, ret, error);
    cJSON_Delete(result);
    return why;
}

int64_t
ga_chain_block_time(const struct ga_chain_source *sources, const struct ga_chain_quorum *quorum, int64_t height)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "block?height=%" PRId64, height);
    for (size_t i = 0; i < quorum->n; i++) {
        struct ga_chain_error error;
        cJSON                *answer = NULL;
        int64_t               ns = 0;
        const char           *time;

        if (quorum->looks[i].verdict.why != GA_CHAIN_OK ||
            ga_chain_rpc(&sources[i], path, &answer, &error) != GA_CHAIN_OK)
            continue;
        time = ga_json_str(ga_json_path(answer, "block.header"), "time");
        if (!time || ga_when_parse(time, &ns) < 0)
            ns = 0;
        cJSON_Delete(answer);
        if (ns > 0)
            return ns;
    }
    return 0;
}

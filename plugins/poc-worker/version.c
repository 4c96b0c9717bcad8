/* version.c: one question to the chain. */
#include "plugins/poc-worker/version.h"

#include "kit/chain.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 3000 /* the caller has other things to do */
#define DEPTH_MAX 6

/* The member of that name, wherever it stands: releases have moved it. */
static const cJSON *
find(const cJSON *json, const char *name, int depth)
{
    const cJSON *child;

    cJSON_ArrayForEach(child, json)
    {
        const cJSON *found;

        if (child->string && strcmp(child->string, name) == 0)
            return child;
        found = depth < DEPTH_MAX ? find(child, name, depth + 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

int
poc_chain_version(const char *node, int cancel_fd, char *reterr, size_t reterr_len)
{
    struct ga_chain_source source;
    struct ga_chain_error  error = {.why = GA_CHAIN_OK};
    cJSON                 *answer = NULL;
    int                    version = -1;

    if (ga_chain_source_below(&source, "the chain's node", node, &error) == GA_CHAIN_OK) {
        source.total_ms = ANSWER_MS;
        source.cancel_fd = cancel_fd;
        if (ga_chain_rest(&source, "/productscience/inference/inference/params", &answer, &error) == GA_CHAIN_OK)
            version = cJSON_IsTrue(find(answer, "poc_v2_enabled", 0)) ? 2 : 1;
    }
    cJSON_Delete(answer);
    if (version < 0)
        (void)snprintf(reterr, reterr_len, "%s", error.text);
    return version;
}

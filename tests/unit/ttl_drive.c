/* ttl_drive.c: runs of the real nats-ttl plugin. */
#include "tests/unit/ttl_drive.h"

#include "kit/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEFAULTS                                                                                                 \
    "{\"streams\":{\"txs_to_send\":\"86400000000000\",\"txs_to_observe\":\"86400000000000\"},\"exact\":\"0\","   \
    "\"missing\":\"unknown\",\"max_drop\":\"0\",\"slack\":\"120000000000\",\"api_prefix\":\"$JS.API\","          \
    "\"connect_timeout\":\"1000000000\",\"request_timeout\":\"5000000000\",\"docker_socket\":\"/nowhere.sock\"," \
    "\"docker_api\":\"v1.41\"}"

static cJSON *
parse(const char *text)
{
    char   why[128];
    cJSON *json = ga_json_parse(text, strlen(text), why, sizeof(why));

    if (!json)
        fail_msg("%s: %s", text, why);
    return json;
}

/* The defaults, the server, and what the test adds. The caller frees it. */
static char *
options_of(const struct world *world, const char *more)
{
    cJSON *options = parse(DEFAULTS);
    cJSON *servers = cJSON_AddArrayToObject(options, "servers");
    cJSON *extra;
    char  *text;

    (void)cJSON_AddItemToArray(servers, cJSON_CreateString(world->url));
    assert_true(asprintf(&text, "{%s}", more ? more : "") > 0);
    extra = parse(text);
    free(text);
    while (extra->child) {
        cJSON *member = cJSON_DetachItemViaPointer(extra, extra->child);

        cJSON_DeleteItemFromObjectCaseSensitive(options, member->string);
        (void)cJSON_AddItemToObject(options, member->string, member);
    }
    text = ga_json_print(options);
    cJSON_Delete(extra);
    cJSON_Delete(options);
    assert_non_null(text);
    return text;
}

void
ttl_drive(struct world *world, struct drive *run, const char *task, const char *options, const char *args)
{
    char *text = options_of(world, options);

    world_leave(world);
    run->plugin = "nats-ttl";
    run->task = task;
    run->options = text;
    run->args = args ? args : strcmp(task, "enforce") == 0 ? "{\"allow_drop\":\"0\"}" : "{}";
    if (!run->rules)
        run->rules = world->rules;
    drive(run);
    run->options = NULL;
    free(text);
}

void
ttl_enforce(struct world *world, struct drive *run, const char *options, const char *args)
{
    run->answer = 1;
    run->sync_fd = -1;
    ttl_drive(world, run, "enforce", options, args);
}

void
ttl_expect(const struct drive *run, int outcome)
{
    if (drive_outcome(run) != outcome)
        fail_msg("outcome %d, not %d: %s\n%s", drive_outcome(run), outcome, drive_summary(run),
                 run->output ? run->output : "");
}

void
ttl_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text ? text : "(nothing)");
}

const char *
ttl_row(const struct drive *run, const char *stream, const char *member)
{
    static char  found[1200];
    cJSON       *result = parse(run->result && *run->result ? run->result : "{}");
    const cJSON *row;

    found[0] = 0;
    cJSON_ArrayForEach(row, ga_json_get(result, "streams"))
    {
        const char *name = ga_json_str(row, "stream");
        char       *text;

        if (!name || strcmp(name, stream) != 0 || !ga_json_get(row, member))
            continue;
        text = ga_json_print(ga_json_get(row, member));
        (void)snprintf(found, sizeof(found), "%s", text ? text : "");
        free(text);
    }
    cJSON_Delete(result);
    return found;
}

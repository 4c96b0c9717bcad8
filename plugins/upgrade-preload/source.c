/* source.c: which upgrade comes next. */
#include "plugins/upgrade-preload/source.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_PATH "/cosmos/upgrade/v1beta1/current_plan"
#define PASSED_PATH "/cosmos/gov/v1/proposals?proposal_status=3&pagination.limit=30&pagination.reverse=true"
#define TYPE_UPGRADE "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade"
#define TYPE_CANCEL "/cosmos.upgrade.v1beta1.MsgCancelUpgrade"

/* What one answer says: the plan in it, if any. */
typedef enum up_found (*up_reader)(const cJSON *answer, int64_t height, struct up_plan *ret, char *why, size_t len);

int
up_chain_look(struct ga_run *run, const struct ga_host *host, struct up_chain *ret, char *why, size_t len)
{
    int r = ga_chain_setup(run, host, &ret->setup, why, len);

    if (r < 0)
        return r;
    if (ga_chain_quorum(ret->setup.sources, ret->setup.n, &ret->setup.rules, &ret->quorum) == GA_CHAIN_UNKNOWN) {
        (void)snprintf(why, len, "%s", ret->quorum.text);
        return -EAGAIN;
    }
    return 0;
}

void
up_plan_free(struct up_plan *plan)
{
    free(plan->info);
    plan->info = NULL;
}

static enum up_found
bad(char *why, size_t len, const char *what, const char *detail)
{
    (void)snprintf(why, len, "%s%.80s", what, detail);
    (void)ga_clean(why);
    return UP_FOUND_BAD;
}

/* {"name","height","info"} */
static enum up_found
read_plan(const cJSON *plan, const char *from, struct up_plan *ret, char *why, size_t len)
{
    const char *name = ga_json_str(plan, "name");
    const char *info = ga_json_str(plan, "info");

    if (!name || !up_name_ok(name))
        return bad(why, len, "the upgrade's name cannot be a folder's; install it by hand: ", name ? name : "(none)");
    if (ga_json_i64(plan, "height", &ret->height) < 0 || ret->height <= 0)
        return bad(why, len, "the upgrade's height is no number: ", name);
    (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
    (void)snprintf(ret->from, sizeof(ret->from), "%s", from);
    ret->info = strdup(info ? info : "");
    if (!ret->info) {
        (void)snprintf(why, len, "there is not enough memory");
        return UP_FOUND_UNKNOWN;
    }
    return UP_FOUND_PLAN;
}

static enum up_found
read_current(const cJSON *answer, int64_t height, struct up_plan *ret, char *why, size_t len)
{
    const cJSON *plan = ga_json_get(answer, "plan");

    (void)height;
    if (cJSON_IsObject(plan))
        return read_plan(plan, "the plan on the chain", ret, why, len);
    if (cJSON_HasObjectItem(answer, "plan"))
        return UP_FOUND_NONE;
    (void)snprintf(why, len, "the answer about the plan has no member plan");
    return UP_FOUND_UNKNOWN;
}

/* Looks through the messages of a passed proposal. *ret_decided: it is about an upgrade, so older ones do not count. */
static enum up_found
read_proposal(const cJSON *proposal, int64_t height, struct up_plan *ret, int *ret_decided, char *why, size_t len)
{
    const cJSON *message;
    char         from[80];
    const char  *id = ga_json_str(proposal, "id");

    (void)snprintf(from, sizeof(from), "proposal %.20s, which has passed", id ? id : "?");
    cJSON_ArrayForEach(message, ga_json_get(proposal, "messages"))
    {
        const char  *type = ga_json_str(message, "@type");
        const cJSON *plan = ga_json_get(message, "plan");
        int64_t      at = 0;

        if (type && strcmp(type, TYPE_CANCEL) == 0)
            *ret_decided = 1;
        if (!type || strcmp(type, TYPE_UPGRADE) != 0)
            continue;
        *ret_decided = 1;
        if (ga_json_i64(plan, "height", &at) == 0 && at > height)
            return read_plan(plan, from, ret, why, len);
    }
    return UP_FOUND_NONE;
}

static enum up_found
read_passed(const cJSON *answer, int64_t height, struct up_plan *ret, char *why, size_t len)
{
    const cJSON  *proposal;
    int           decided = 0;
    enum up_found found = UP_FOUND_NONE;

    cJSON_ArrayForEach(proposal, ga_json_get(answer, "proposals"))
    {
        found = read_proposal(proposal, height, ret, &decided, why, len);
        if (decided)
            break;
    }
    return found;
}

static int
same(const struct up_plan *a, const struct up_plan *b)
{
    return strcmp(a->name, b->name) == 0 && a->height == b->height &&
           strcmp(a->info ? a->info : "", b->info ? b->info : "") == 0;
}

/* What was said so far, and by how many. */
struct poll {
    enum up_found  found;
    struct up_plan plan;
    int            n;
};

/* One more answer. 0; -EBADMSG when it contradicts what others said. */
static int
count(struct poll *poll, enum up_found found, struct up_plan *plan)
{
    if (poll->n > 0 && (poll->found != found || !same(&poll->plan, plan)))
        return -EBADMSG;
    if (poll->n++ == 0) {
        poll->found = found;
        poll->plan = *plan;
        *plan = (struct up_plan){0};
    }
    return 0;
}

static enum up_found
unknown(struct poll *poll, char *why, size_t len, const char *what)
{
    up_plan_free(&poll->plan);
    (void)snprintf(why, len, "%s", what);
    return UP_FOUND_UNKNOWN;
}

/* Is the node one to believe? When the chain stands still (at the upgrade's height, perhaps) those that stand with it.
 */
static int
counts(const struct up_chain *chain, size_t i)
{
    enum ga_chain_why why = chain->quorum.looks[i].verdict.why;

    return why == GA_CHAIN_OK || (chain->quorum.known == GA_CHAIN_HALTED && why == GA_CHAIN_STALE);
}

/* Asks healthy nodes until enough have said the same. */
static enum up_found
ask(const struct up_chain *chain, const char *path, up_reader reader, struct up_plan *ret, char *why, size_t len)
{
    int         wanted = chain->setup.rules.agree > 0 ? chain->setup.rules.agree : 1;
    struct poll poll = {0};
    char        last[UP_WHY] = "too few healthy nodes could be asked";

    for (size_t i = 0; i < chain->setup.n && poll.n < wanted; i++) {
        struct ga_chain_error error;
        struct up_plan        plan = {0};
        cJSON                *answer = NULL;
        enum up_found         found;
        int                   r = 0;

        if (!counts(chain, i))
            continue;
        if (ga_chain_rest(&chain->setup.sources[i], path, &answer, &error) != GA_CHAIN_OK) {
            (void)snprintf(last, sizeof(last), "%.*s", UP_WHY - 1, error.text);
            continue;
        }
        found = reader(answer, chain->quorum.height, &plan, last, sizeof(last));
        if (found != UP_FOUND_UNKNOWN)
            r = count(&poll, found, &plan);
        up_plan_free(&plan);
        cJSON_Delete(answer);
        if (r < 0)
            return unknown(&poll, why, len, "the nodes do not agree which upgrade is scheduled: nothing is fetched");
    }
    if (poll.n < wanted)
        return unknown(&poll, why, len, last);
    if (poll.found == UP_FOUND_BAD)
        (void)snprintf(why, len, "%s", last);
    *ret = poll.plan;
    return poll.found;
}

enum up_found
up_find_plan(const struct up_chain *chain, struct up_plan *ret, char *why, size_t len)
{
    enum up_found found;

    *ret = (struct up_plan){0};
    found = ask(chain, PLAN_PATH, read_current, ret, why, len);
    return found == UP_FOUND_NONE ? ask(chain, PASSED_PATH, read_passed, ret, why, len) : found;
}

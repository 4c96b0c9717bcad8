/* chain_quorum.c: what several nodes together say. */
#include "kit/chain.h"

#include "kit/chain_parts.h"
#include "kit/http.h"
#include "kit/when.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGREE 1
#define MAX_LAG 5
#define MAX_AGE_NS (60 * INT64_C(1000000000))
#define HALTED_LEAST 2
#define AT_ONCE 16
#define STACK_SIZE ((size_t)256 << 10) /* of a thread that asks one node */

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct ga_chain_rules
with_defaults(const struct ga_chain_rules *rules)
{
    struct ga_chain_rules full = *rules;

    full.chain_id = full.chain_id ? full.chain_id : "";
    full.agree = full.agree > 0 ? full.agree : AGREE;
    full.max_lag = full.max_lag > 0 ? full.max_lag : MAX_LAG;
    full.max_age_ns = full.max_age_ns > 0 ? full.max_age_ns : MAX_AGE_NS;
    full.now_ns = full.now_ns ? full.now_ns : clock_ns(CLOCK_REALTIME);
    return full;
}

/* --- one source at a time ------------------------------------------------------------------------------------------
 */

struct judging {
    const struct ga_chain_source *sources;
    struct ga_chain_rules         rules;
    struct ga_chain_quorum       *quorum;
};

static enum ga_chain_why
judge_chain_id(const struct judging *judging, size_t i)
{
    struct ga_chain_look *look = &judging->quorum->looks[i];

    if (!*judging->rules.chain_id || strcmp(look->status.chain_id, judging->rules.chain_id) == 0)
        return ga_chain_fine(&look->verdict);
    return ga_chain_fail(&look->verdict, GA_CHAIN_WRONG_CHAIN,
                         "%s: is on the chain %s, not on %s: give the URL of a "
                         "node of %s",
                         judging->sources[i].name, look->status.chain_id, judging->rules.chain_id,
                         judging->rules.chain_id);
}

/* Is its newest block of now? */
static enum ga_chain_why
judge_age(const struct judging *judging, size_t i)
{
    struct ga_chain_look         *look = &judging->quorum->looks[i];
    const struct ga_chain_status *status = &look->status;
    const char                   *name = judging->sources[i].name;
    int64_t                       now = judging->rules.now_ns;
    int64_t                       age;
    char                          when[96];

    (void)ga_when_relative(status->block_time_ns, now, when, sizeof(when));
    if (__builtin_sub_overflow(now, status->block_time_ns, &age))
        age = status->block_time_ns < now ? INT64_MAX : INT64_MIN;
    if (age < -judging->rules.max_age_ns)
        return ga_chain_fail(&look->verdict, GA_CHAIN_AHEAD,
                             "%s: the time of its newest block, %" PRId64 ", is %s: "
                             "is the clock of this host right?",
                             name, status->height, when);
    if (age > judging->rules.max_age_ns)
        return ga_chain_fail(&look->verdict, GA_CHAIN_STALE,
                             "%s: its newest block, %" PRId64 ", was made %s: has the "
                             "node lost its peers, or does the chain stand?",
                             name, status->height, when);
    return GA_CHAIN_OK;
}

/* Was this node asked already, at another address? Only one that counts takes the place. */
static enum ga_chain_why
judge_same(const struct judging *judging, size_t i)
{
    struct ga_chain_look *look = &judging->quorum->looks[i];

    for (size_t j = 0; j < i && *look->status.node_id; j++) {
        const struct ga_chain_look *other = &judging->quorum->looks[j];

        if (other->verdict.why == look->verdict.why && strcmp(other->status.node_id, look->status.node_id) == 0)
            return ga_chain_fail(&look->verdict, GA_CHAIN_SAME_NODE,
                                 "%s: is the same node as %s (%s): counts once; "
                                 "give another node",
                                 judging->sources[i].name, judging->sources[j].name, look->status.node_id);
    }
    return GA_CHAIN_OK;
}

static void
judge_alone(const struct judging *judging, size_t i)
{
    struct ga_chain_look *look = &judging->quorum->looks[i];

    if (!look->answered || judge_chain_id(judging, i) != GA_CHAIN_OK)
        return;
    if (look->status.catching_up)
        (void)ga_chain_fail(&look->verdict, GA_CHAIN_CATCHING_UP,
                            "%s: is catching up, at height %" PRId64 ": wait "
                            "until it is in sync",
                            judging->sources[i].name, look->status.height);
    else
        (void)judge_age(judging, i);
    if (look->verdict.why == GA_CHAIN_OK || look->verdict.why == GA_CHAIN_STALE)
        (void)judge_same(judging, i);
}

/* With no chain id expected: all that answered must be on the same one. 1: they are, and it is noted. */
static int
one_chain(const struct judging *judging)
{
    struct ga_chain_quorum *quorum = judging->quorum;
    size_t                  first = quorum->n;

    for (size_t i = 0; i < quorum->n; i++) {
        if (!quorum->looks[i].answered)
            continue;
        if (first == quorum->n)
            first = i;
        if (*judging->rules.chain_id ||
            strcmp(quorum->looks[i].status.chain_id, quorum->looks[first].status.chain_id) == 0)
            continue;
        (void)snprintf(quorum->text, sizeof(quorum->text),
                       "unknown: %s is on the chain %s, %s on %s: say which chain "
                       "id is expected",
                       judging->sources[first].name, quorum->looks[first].status.chain_id, judging->sources[i].name,
                       quorum->looks[i].status.chain_id);
        return 0;
    }
    (void)snprintf(quorum->chain_id, sizeof(quorum->chain_id), "%s",
                   *judging->rules.chain_id ? judging->rules.chain_id
                   : first < quorum->n      ? quorum->looks[first].status.chain_id
                                            : "");
    return 1;
}

static void
all_on_wrong_chain(const struct judging *judging)
{
    for (size_t i = 0; i < judging->quorum->n; i++)
        if (judging->quorum->looks[i].answered)
            (void)ga_chain_fail(&judging->quorum->looks[i].verdict, GA_CHAIN_WRONG_CHAIN,
                                "%s: is on the chain %s, and others are on another: say which chain id is expected",
                                judging->sources[i].name, judging->quorum->looks[i].status.chain_id);
}

/* --- all together --------------------------------------------------------------------------------------------------
 */

/* Sources whose heights lie within max_lag below `top`. */
struct group {
    int64_t top;
    size_t  members;
    int     contested; /* another group apart from this one has as many */
};

static int
is_in(const struct group *group, int64_t height, int64_t max_lag)
{
    return height <= group->top && group->top - height <= max_lag; /* heights are not negative */
}

/* Members of the group that have the verdict `why` and at least `height`. */
static int
members_at(const struct judging *judging, enum ga_chain_why why, const struct group *group, int64_t height)
{
    int n = 0;

    for (size_t i = 0; i < judging->quorum->n; i++) {
        const struct ga_chain_look *look = &judging->quorum->looks[i];

        n += look->answered && look->verdict.why == why && look->status.height >= height &&
             is_in(group, look->status.height, judging->rules.max_lag);
    }
    return n;
}

/* The largest group among the sources that have the verdict `why`; of those that overlap, the higher one. */
static struct group
largest_group(const struct judging *judging, enum ga_chain_why why)
{
    struct group best = {.top = 0};

    for (int pass = 0; pass < 2; pass++) /* the second finds out whether another is as large */
        for (size_t i = 0; i < judging->quorum->n; i++) {
            const struct ga_chain_look *look = &judging->quorum->looks[i];
            struct group                group = {.top = look->status.height};
            int64_t                     apart = group.top > best.top ? group.top - best.top : best.top - group.top;

            if (!look->answered || look->verdict.why != why)
                continue;
            group.members = (size_t)members_at(judging, why, &group, 0);
            if (pass == 0 && (group.members > best.members || (group.members == best.members && group.top > best.top)))
                best = group;
            if (pass == 1 && group.members == best.members && apart > judging->rules.max_lag)
                best.contested = 1;
        }
    return best;
}

/* The highest height that `need` members have, and the newest block's time. */
static void
note_agreed(const struct judging *judging, enum ga_chain_why why, const struct group *group, int need)
{
    struct ga_chain_quorum *quorum = judging->quorum;

    for (size_t i = 0; i < quorum->n; i++) {
        const struct ga_chain_look *look = &quorum->looks[i];
        int64_t                     height = look->status.height;

        if (!look->answered || look->verdict.why != why || !is_in(group, height, judging->rules.max_lag))
            continue;
        if (height > quorum->height && members_at(judging, why, group, height) >= need)
            quorum->height = height;
        if (quorum->block_time_ns == 0 || look->status.block_time_ns > quorum->block_time_ns)
            quorum->block_time_ns = look->status.block_time_ns;
    }
}

/* Those outside the group do not count, and are told by how much. */
static void
judge_heights(const struct judging *judging, const struct group *group)
{
    struct ga_chain_quorum *quorum = judging->quorum;

    for (size_t i = 0; i < quorum->n; i++) {
        struct ga_chain_look *look = &quorum->looks[i];
        int64_t               height = look->status.height;

        if (look->verdict.why != GA_CHAIN_OK)
            continue;
        if (is_in(group, height, judging->rules.max_lag))
            quorum->n_healthy++;
        else if (height < group->top)
            (void)ga_chain_fail(&look->verdict, GA_CHAIN_STALE,
                                "%s: is at height %" PRId64 ", %" PRId64 " behind "
                                "the others: has the node lost its peers?",
                                judging->sources[i].name, height, group->top - height);
        else
            (void)ga_chain_fail(&look->verdict, GA_CHAIN_AHEAD,
                                "%s: says height %" PRId64 ", %" PRId64 " more than "
                                "the others confirm: do not trust it",
                                judging->sources[i].name, height, height - group->top);
    }
}

static size_t
count(const struct ga_chain_quorum *quorum, enum ga_chain_why why)
{
    size_t n = 0;

    for (size_t i = 0; i < quorum->n; i++)
        n += quorum->looks[i].verdict.why == why;
    return n;
}

/* Why there is no quorum: how many count, how many are needed, and the first that does not count. */
static enum ga_chain_known
too_few(const struct judging *judging, size_t members)
{
    struct ga_chain_quorum *quorum = judging->quorum;
    const char             *first = "no source was given";
    const char             *more = "";

    for (size_t i = 0; i < quorum->n; i++)
        if (quorum->looks[i].verdict.why != GA_CHAIN_OK) {
            first = quorum->looks[i].verdict.text;
            break;
        }
    if (quorum->n > 0 && count(quorum, GA_CHAIN_OK) == quorum->n)
        first = members < quorum->n ? "they say different heights" : "give more sources, or let fewer agree";
    if (quorum->n - count(quorum, GA_CHAIN_OK) > 1)
        more = " (and others)";
    (void)snprintf(quorum->text, sizeof(quorum->text), "unknown: %zu of %zu sources agree, %d must: %.380s%s", members,
                   quorum->n, judging->rules.agree, first, more);
    return GA_CHAIN_UNKNOWN;
}

static enum ga_chain_known
contested(const struct judging *judging, const struct group *group)
{
    (void)snprintf(judging->quorum->text, sizeof(judging->quorum->text),
                   "unknown: %zu sources are near height %" PRId64 ", and as many say another: give one more source",
                   group->members, group->top);
    return GA_CHAIN_UNKNOWN;
}

/* None is fresh: does the chain stand? */
static enum ga_chain_known
judge_halted(const struct judging *judging)
{
    struct ga_chain_quorum *quorum = judging->quorum;
    int                     need = judging->rules.agree > HALTED_LEAST ? judging->rules.agree : HALTED_LEAST;
    struct group            group = largest_group(judging, GA_CHAIN_STALE);
    char                    when[64];

    if (group.members < (size_t)need || group.contested)
        return too_few(judging, 0);
    note_agreed(judging, GA_CHAIN_STALE, &group, need);
    (void)snprintf(quorum->text, sizeof(quorum->text),
                   "the chain stands: %zu of %zu sources agree on height %" PRId64 ", made %s", group.members,
                   quorum->n, quorum->height,
                   ga_when_relative(quorum->block_time_ns, judging->rules.now_ns, when, sizeof(when)));
    return GA_CHAIN_HALTED;
}

static enum ga_chain_known
judge_all(const struct judging *judging)
{
    struct ga_chain_quorum *quorum = judging->quorum;
    struct group            group;
    char                    when[64];

    for (size_t i = 0; i < quorum->n; i++)
        judge_alone(judging, i);
    if (!one_chain(judging)) {
        all_on_wrong_chain(judging);
        return GA_CHAIN_UNKNOWN;
    }
    if (count(quorum, GA_CHAIN_OK) == 0)
        return judge_halted(judging);
    group = largest_group(judging, GA_CHAIN_OK);
    if (group.members < (size_t)judging->rules.agree)
        return too_few(judging, group.members);
    if (group.contested)
        return contested(judging, &group);
    note_agreed(judging, GA_CHAIN_OK, &group, judging->rules.agree);
    judge_heights(judging, &group);
    (void)snprintf(quorum->text, sizeof(quorum->text), "%zu of %zu sources agree on height %" PRId64 " of %s, made %s",
                   quorum->n_healthy, quorum->n, quorum->height, quorum->chain_id,
                   ga_when_relative(quorum->block_time_ns, judging->rules.now_ns, when, sizeof(when)));
    return GA_CHAIN_KNOWN;
}

enum ga_chain_known
ga_chain_judge(const struct ga_chain_source *sources, const struct ga_chain_rules *rules, struct ga_chain_quorum *ret)
{
    struct judging judging = {.sources = sources, .rules = with_defaults(rules), .quorum = ret};

    ret->chain_id[0] = '\0';
    ret->height = 0;
    ret->block_time_ns = 0;
    ret->n_healthy = 0;
    ret->text[0] = '\0';
    ret->known = judge_all(&judging);
    return ret->known;
}

/* --- asking --------------------------------------------------------------------------------------------------------
 */

/* What the threads that ask share. */
struct looking {
    const struct ga_chain_source *sources;
    struct ga_chain_quorum       *quorum;
    atomic_size_t                 next;
};

static void *
look_at_next(void *userdata)
{
    struct looking *looking = userdata;
    size_t          i;

    while ((i = atomic_fetch_add(&looking->next, 1)) < looking->quorum->n) {
        struct ga_chain_look *look = &looking->quorum->looks[i];
        int64_t               start = clock_ns(CLOCK_MONOTONIC);

        look->answered = ga_chain_status(&looking->sources[i], &look->status, &look->verdict) == GA_CHAIN_OK;
        look->took_ns = clock_ns(CLOCK_MONOTONIC) - start;
    }
    return NULL;
}

/* Asks with some threads; this one asks too, so that it works where none can be made. */
static void
look_at_all(struct looking *looking)
{
    pthread_t      threads[AT_ONCE];
    pthread_attr_t attr;
    size_t         n = 0;

    ga_http_setup();
    if (pthread_attr_init(&attr) == 0) {
        (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
        while (n + 1 < looking->quorum->n && n < AT_ONCE &&
               pthread_create(&threads[n], &attr, look_at_next, looking) == 0)
            n++;
        (void)pthread_attr_destroy(&attr);
    }
    (void)look_at_next(looking);
    while (n > 0)
        (void)pthread_join(threads[--n], NULL);
}

enum ga_chain_known
ga_chain_quorum(const struct ga_chain_source *sources, size_t n, const struct ga_chain_rules *rules,
                struct ga_chain_quorum *ret)
{
    struct looking looking = {.sources = sources, .quorum = ret};

    memset(ret, 0, sizeof(*ret));
    ret->n = n < GA_CHAIN_SOURCES_MAX ? n : GA_CHAIN_SOURCES_MAX;
    look_at_all(&looking);
    (void)ga_chain_judge(sources, rules, ret);
    if (n > GA_CHAIN_SOURCES_MAX) {
        size_t len = strlen(ret->text);

        (void)snprintf(ret->text + len, sizeof(ret->text) - len, "; only the first %d sources were asked",
                       GA_CHAIN_SOURCES_MAX);
    }
    return ret->known;
}

enum ga_chain_why
ga_chain_ask(const struct ga_chain_source *sources, const struct ga_chain_quorum *quorum,
             const struct ga_chain_rules *rules, const char *path, cJSON **ret, size_t *ret_source,
             struct ga_chain_error *error)
{
    struct ga_chain_error missing = {0};
    struct ga_chain_error failed = {0};
    int                   n_missing = 0;
    int                   agree = with_defaults(rules).agree;

    *ret = NULL;
    *error = (struct ga_chain_error){0};
    if (quorum->known != GA_CHAIN_KNOWN)
        return ga_chain_fail(error, GA_CHAIN_NO_QUORUM, "%s cannot be asked: %s", path, quorum->text);
    for (size_t i = 0; i < quorum->n; i++) {
        enum ga_chain_why why;

        if (quorum->looks[i].verdict.why != GA_CHAIN_OK)
            continue;
        why = ga_chain_rest(&sources[i], path, ret, error);
        if (ret_source)
            *ret_source = i;
        if (why == GA_CHAIN_OK || why == GA_CHAIN_CANCELLED)
            return why;
        n_missing += why == GA_CHAIN_NOT_FOUND;
        *(why == GA_CHAIN_NOT_FOUND ? &missing : &failed) = *error;
    }
    *error = n_missing > 0 ? missing : failed;
    if (n_missing > 0 && n_missing < agree)
        return ga_chain_fail(error, GA_CHAIN_NO_QUORUM,
                             "%s: only %d of the sources said that it does not exist, %d "
                             "must: %.300s",
                             path, n_missing, agree, failed.text);
    return error->why;
}

/* reputation.c: how nodes did in earlier surveys. */
#include "plugins/seed-manager/reputation.h"

#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN 500

static int
by_key(const void *a, const void *b)
{
    return strcmp(((const struct reputation *)a)->key, ((const struct reputation *)b)->key);
}

/* The newest first. */
static int
by_age(const void *a, const void *b)
{
    int64_t left = ((const struct reputation *)a)->last_ns;
    int64_t right = ((const struct reputation *)b)->last_ns;

    return left > right ? -1 : left < right;
}

/* --- the document --------------------------------------------------------------------------------------------------
 */

static int
read_one(const cJSON *json, struct reputation *ret)
{
    const char *key = ga_json_str(json, "key");
    const char *recent = ga_json_str(json, "recent");

    memset(ret, 0, sizeof(*ret));
    if (!key || !*key || strlen(key) >= sizeof(ret->key) || !recent || strlen(recent) > REPUTATION_RECENT ||
        recent[strspn(recent, "hsu")] || ga_json_i64(json, "first_ns", &ret->first_ns) < 0 ||
        ga_json_i64(json, "last_ns", &ret->last_ns) < 0)
        return -1;
    (void)snprintf(ret->key, sizeof(ret->key), "%s", key);
    (void)snprintf(ret->recent, sizeof(ret->recent), "%s", recent);
    return 0;
}

/* Sorted by key, no key twice (the newer one stays), and not too many. */
static void
tidy(struct reputations *reputations)
{
    size_t kept = 0;

    qsort(reputations->at, reputations->n, sizeof(*reputations->at), by_age);
    if (reputations->n > REPUTATIONS_MAX)
        reputations->n = REPUTATIONS_MAX;
    qsort(reputations->at, reputations->n, sizeof(*reputations->at), by_key);
    for (size_t i = 0; i < reputations->n; i++) {
        struct reputation *last = kept > 0 ? &reputations->at[kept - 1] : NULL;

        if (!last || strcmp(last->key, reputations->at[i].key) != 0)
            reputations->at[kept++] = reputations->at[i];
        else if (last->last_ns < reputations->at[i].last_ns)
            *last = reputations->at[i];
    }
    reputations->n = kept;
}

int
reputations_parse(struct reputations *ret, const char *text, size_t len, char *why, size_t why_len)
{
    char         error[160];
    cJSON       *json = ga_json_parse(text, len, error, sizeof(error));
    const cJSON *nodes = ga_json_get(json, "nodes");
    const cJSON *node;
    int          r = -1;

    memset(ret, 0, sizeof(*ret));
    if (!json)
        (void)snprintf(why, why_len, "the history of surveys cannot be read, it begins anew: %s", error);
    else if (!cJSON_IsArray(nodes))
        (void)snprintf(why, why_len, "the history of surveys has no nodes, it begins anew");
    else if (!(ret->at = calloc((size_t)cJSON_GetArraySize(nodes) + 1, sizeof(*ret->at))))
        (void)snprintf(why, why_len, "there is not enough memory for the history of surveys");
    else
        r = 0;
    if (r == 0) {
        cJSON_ArrayForEach(node, nodes) ret->n += (size_t)(read_one(node, &ret->at[ret->n]) == 0);
        tidy(ret);
    }
    cJSON_Delete(json);
    return r;
}

void
reputations_done(struct reputations *reputations)
{
    free(reputations->at);
    memset(reputations, 0, sizeof(*reputations));
}

static cJSON *
print_one(const struct reputation *one)
{
    cJSON *json = cJSON_CreateObject();

    if (cJSON_AddStringToObject(json, "key", one->key) && ga_json_add_i64(json, "first_ns", one->first_ns) == 0 &&
        ga_json_add_i64(json, "last_ns", one->last_ns) == 0 && cJSON_AddStringToObject(json, "recent", one->recent))
        return json;
    cJSON_Delete(json);
    return NULL;
}

char *
reputations_print(const struct reputations *reputations)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *nodes = cJSON_AddNumberToObject(json, "version", 1) ? cJSON_AddArrayToObject(json, "nodes") : NULL;
    char  *text = NULL;
    size_t i = 0;

    while (nodes && i < reputations->n && cJSON_AddItemToArray(nodes, print_one(&reputations->at[i])))
        i++;
    if (nodes && i == reputations->n)
        text = ga_json_print(json);
    cJSON_Delete(json);
    return text;
}

/* --- what it says --------------------------------------------------------------------------------------------------
 */

char *
reputation_key(const struct rank_row *row, char *buf, size_t len)
{
    char name[CANDIDATE_URL_MAX];

    if (row->probe->id[0] && row->probe->id_from >= PROBE_ID_RPC && !row->probe->wrong_id)
        (void)snprintf(buf, len, "%s@%s", row->probe->id, row->candidate->host);
    else if (row->candidate->api[0] || row->candidate->rpc[0])
        (void)snprintf(buf, len, "%s", candidate_name(row->candidate, name, sizeof(name)));
    else
        (void)snprintf(buf, len, "%s@%s:%d", row->candidate->id, row->candidate->host, row->candidate->p2p_port);
    return buf;
}

const struct reputation *
reputation_find(const struct reputations *reputations, const char *key)
{
    struct reputation wanted;

    if (reputations->n == 0 || strlen(key) >= sizeof(wanted.key))
        return NULL;
    (void)snprintf(wanted.key, sizeof(wanted.key), "%s", key);
    return bsearch(&wanted, reputations->at, reputations->n, sizeof(*reputations->at), by_key);
}

/* Weights 1, 2, 3, ... towards the newest, and one good and one bad survey more than there were, as heavy as the
 * newest: of little evidence the score is near the middle. */
int
reputation_score(const struct reputation *reputation)
{
    int good = 0;
    int all = 0;
    int weight = 0;

    for (const char *at = reputation ? reputation->recent : ""; *at; at++) {
        weight++;
        if (*at == 'u')
            continue;
        all += weight;
        good += *at == 'h' ? weight : 0;
    }
    if (all == 0)
        return UNKNOWN;
    return (good + weight) * 1000 / (all + 2 * weight);
}

/* --- the next survey -----------------------------------------------------------------------------------------------
 */

static void
note_one(struct reputation *one, enum rank_verdict verdict, int64_t now_ns)
{
    static const char letters[] = {[RANK_HEALTHY] = 'h', [RANK_UNCLEAR] = 'u', [RANK_SICK] = 's'};
    size_t            len = strlen(one->recent);

    if (len == REPUTATION_RECENT) {
        memmove(one->recent, one->recent + 1, len);
        len--;
    }
    one->recent[len] = letters[verdict];
    one->recent[len + 1] = '\0';
    one->last_ns = now_ns;
}

int
reputations_note(struct reputations *reputations, const struct rank_row *rows, size_t n, int64_t now_ns)
{
    size_t             old = reputations->n;
    struct reputation *grown = realloc(reputations->at, (old + n + 1) * sizeof(*grown));
    struct reputations before;

    if (!grown)
        return -1;
    reputations->at = grown;
    before = (struct reputations){.at = grown, .n = old};
    for (size_t i = 0; i < n; i++) {
        char                     key[REPUTATION_KEY_MAX];
        const struct reputation *known = reputation_find(&before, reputation_key(&rows[i], key, sizeof(key)));
        struct reputation       *one = known ? &grown[known - grown] : &grown[reputations->n];

        if (!known) {
            memset(one, 0, sizeof(*one));
            (void)snprintf(one->key, sizeof(one->key), "%s", key);
            one->first_ns = now_ns;
            reputations->n++;
        }
        note_one(one, rows[i].verdict, now_ns);
    }
    tidy(reputations);
    return 0;
}

/* rank.c: one row for each node, and their order. */
#include "plugins/seed-manager/rank.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define SLOWEST_MS 1500 /* slower than that is all the same */
#define CROWD_STEP 150  /* what each healthy one of the same network before it costs */

/* --- one row for each node -----------------------------------------------------------------------------------------
 */

static int
is_told(const struct rank_row *row)
{
    return row->probe->id[0] && row->probe->id_from >= PROBE_ID_RPC && !row->probe->wrong_id;
}

static int
is_trusted(unsigned origin)
{
    return (origin & ~CANDIDATE_LEARNED) != 0;
}

/* Of two rows of one node: whether a is the better one to keep. */
static int
is_stronger(const struct rank_row *a, const struct rank_row *b)
{
    if (a->probe->id_from != b->probe->id_from)
        return a->probe->id_from > b->probe->id_from;
    if (is_trusted(a->origin) != is_trusted(b->origin))
        return is_trusted(a->origin);
    if (a->verdict != b->verdict)
        return a->verdict < b->verdict;
    if (a->probe->api_up != b->probe->api_up)
        return a->probe->api_up;
    return a->probe->took_ns < b->probe->took_ns;
}

static int
by_id(const void *a, const void *b)
{
    const struct rank_row *left = a;
    const struct rank_row *right = b;
    int                    r = strcmp(left->probe->id, right->probe->id);

    if (r == 0 && left->probe->wrong_id != right->probe->wrong_id)
        return left->probe->wrong_id - right->probe->wrong_id;
    if (r == 0)
        return is_stronger(left, right) ? -1 : is_stronger(right, left) ? 1 : 0;
    return r;
}

size_t
rank_join(struct rank_row *rows, size_t n)
{
    size_t kept = 0;

    qsort(rows, n, sizeof(*rows), by_id);
    for (size_t i = 0; i < n; i++) {
        struct rank_row *last = kept > 0 ? &rows[kept - 1] : NULL;

        if (last && is_told(last) && !rows[i].probe->wrong_id && strcmp(last->probe->id, rows[i].probe->id) == 0)
            last->origin |= rows[i].origin;
        else
            rows[kept++] = rows[i];
    }
    return kept;
}

/* --- order ---------------------------------------------------------------------------------------------------------
 */

static int
score_of(const struct rank_row *row)
{
    int64_t ms = row->probe->took_ns / MS;
    int     score = row->reputation * 400 / 1000;

    if (ms < 0 || ms > SLOWEST_MS)
        ms = SLOWEST_MS;
    if (row->probe->answered)
        score += (int)((SLOWEST_MS - ms) * 300 / SLOWEST_MS);
    score += is_trusted(row->origin) ? 200 : 0;
    score += row->probe->id_from == PROBE_ID_HANDSHAKE ? 100 : 0;
    return score;
}

static int
by_score(const void *a, const void *b)
{
    const struct rank_row *left = a;
    const struct rank_row *right = b;

    if (left->verdict != right->verdict)
        return left->verdict < right->verdict ? -1 : 1;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    if (strcmp(left->candidate->host, right->candidate->host) != 0)
        return strcmp(left->candidate->host, right->candidate->host);
    return strcmp(left->probe->id, right->probe->id);
}

char *
rank_network(const struct rank_row *row, char *buf, size_t len)
{
    unsigned char ip[16];

    if (inet_pton(AF_INET, row->probe->ip, ip) == 1)
        (void)snprintf(buf, len, "%u.%u", ip[0], ip[1]);
    else if (inet_pton(AF_INET6, row->probe->ip, ip) == 1)
        (void)snprintf(buf, len, "%02x%02x:%02x%02x:%02x%02x", ip[0], ip[1], ip[2], ip[3], ip[4], ip[5]);
    else
        (void)snprintf(buf, len, "%s", row->candidate->host);
    return buf;
}

struct crowd {
    char name[CANDIDATE_HOST_MAX];
    int  n;
};

/* Rows are sorted: each steps back by as many as are of its network and better. */
static int
step_back(struct rank_row *rows, size_t n)
{
    struct crowd *crowds = calloc(n + 1, sizeof(*crowds));
    size_t        n_crowds = 0;
    char          name[CANDIDATE_HOST_MAX];

    if (!crowds)
        return -ENOMEM;
    for (size_t i = 0; i < n && rows[i].verdict == RANK_HEALTHY; i++) {
        size_t k = 0;

        (void)rank_network(&rows[i], name, sizeof(name));
        while (k < n_crowds && strcmp(crowds[k].name, name) != 0)
            k++;
        if (k == n_crowds)
            memcpy(crowds[n_crowds++].name, name, sizeof(name));
        rows[i].crowded = crowds[k].n++;
        rows[i].score -= CROWD_STEP * rows[i].crowded;
        if (rows[i].score < 0)
            rows[i].score = 0;
    }
    free(crowds);
    return 0;
}

int
rank_sort(struct rank_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rows[i].crowded = 0;
        rows[i].score = score_of(&rows[i]);
    }
    qsort(rows, n, sizeof(*rows), by_score);
    if (step_back(rows, n) < 0)
        return -1;
    qsort(rows, n, sizeof(*rows), by_score);
    return 0;
}

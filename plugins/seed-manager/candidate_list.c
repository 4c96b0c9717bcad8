/* candidate_list.c: a list of candidates without duplicates, from entries and from net_info. */
#include "plugins/seed-manager/candidate.h"

#include "kit/clean.h"
#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
candidates_init(struct candidates *list, size_t max)
{
    memset(list, 0, sizeof(*list));
    list->at = calloc(max, sizeof(*list->at));
    list->max = list->at ? max : 0;
    return list->at ? 0 : -ENOMEM;
}

void
candidates_done(struct candidates *list)
{
    free(list->at);
    memset(list, 0, sizeof(*list));
}

/* Different ids at one address are two claims: one of them must be wrong, and both are looked at. */
int
candidate_same(const struct candidate *a, const struct candidate *b)
{
    if (a->api[0] && strcmp(a->api, b->api) == 0)
        return 1;
    if (a->rpc[0] && strcmp(a->rpc, b->rpc) == 0)
        return 1;
    return a->p2p_port != 0 && a->p2p_port == b->p2p_port && strcmp(a->host, b->host) == 0 && strcmp(a->id, b->id) == 0;
}

int
candidates_add(struct candidates *list, const struct candidate *candidate)
{
    for (size_t i = 0; i < list->n; i++)
        if (candidate_same(&list->at[i], candidate)) {
            list->duplicates++;
            list->at[i].origin |= candidate->origin;
            return 0;
        }
    if (list->n == list->max) {
        list->left_out++;
        return 0;
    }
    list->at[list->n++] = *candidate;
    return 1;
}

static void
note_bad(struct candidates *list, const char *text, const char *why)
{
    if (list->n_bad < CANDIDATE_BAD_MAX) {
        struct candidate_bad *bad = &list->bad[list->n_bad];

        (void)snprintf(bad->text, sizeof(bad->text), "%s", text);
        (void)ga_clean(bad->text);
        (void)snprintf(bad->why, sizeof(bad->why), "%s", why);
    }
    list->n_bad++;
}

void
candidates_add_text(struct candidates *list, const char *text, unsigned origin)
{
    struct candidate candidate;
    char             why[CANDIDATE_WHY_MAX];

    if (candidate_parse(text, origin, &candidate, why) < 0)
        note_bad(list, text, why);
    else
        (void)candidates_add(list, &candidate);
}

/* An entry that does not end with a NUL. A NUL within it ends it, too: then it is none. */
static void
add_piece(struct candidates *list, const char *text, size_t len, unsigned origin)
{
    char entry[CANDIDATE_HOST_MAX + CANDIDATE_ID_LEN + 64];

    (void)snprintf(entry, sizeof(entry), "%.*s", (int)(len < sizeof(entry) ? len : sizeof(entry) - 1), text);
    if (len >= sizeof(entry) || memchr(text, '\0', len))
        note_bad(list, entry, "it is too long for an address, or no text");
    else
        candidates_add_text(list, entry, origin);
}

void
candidates_add_list(struct candidates *list, const char *text, unsigned origin)
{
    while (*(text += strspn(text, ", \t"))) {
        size_t len = strcspn(text, ", \t");

        add_piece(list, text, len, origin);
        text += len;
    }
}

static int
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void
candidates_add_lines(struct candidates *list, const char *text, size_t len, unsigned origin)
{
    const char *end = text + len;

    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        const char *comment;
        const char *to;

        if (!line_end)
            line_end = end;
        comment = memchr(text, '#', (size_t)(line_end - text));
        to = comment ? comment : line_end;
        while (text < to && is_blank(*text))
            text++;
        while (to > text && is_blank(to[-1]))
            to--;
        if (to > text)
            add_piece(list, text, (size_t)(to - text), origin);
        text = line_end + 1;
    }
}

/* One peer of net_info as an entry of a list. 0; -1: it is of no use. */
static int
read_peer(const cJSON *peer, const char *chain_id, struct candidate *ret)
{
    const cJSON *info = ga_json_get(peer, "node_info");
    const char  *id = ga_json_str(info, "id");
    const char  *ip = ga_json_str(peer, "remote_ip");
    const char  *network = ga_json_str(info, "network");
    int          port = candidate_port_of(ga_json_str(info, "listen_addr"));
    char         entry[CANDIDATE_HOST_MAX + CANDIDATE_ID_LEN + 32];
    char         why[CANDIDATE_WHY_MAX];

    if (!id || !ip || port == 0 || strlen(ip) >= CANDIDATE_HOST_MAX - 2 || strlen(id) != CANDIDATE_ID_LEN)
        return -1;
    if (chain_id && *chain_id && (!network || strcmp(network, chain_id) != 0))
        return -1;
    (void)snprintf(entry, sizeof(entry), strchr(ip, ':') ? "%s@[%s]:%d" : "%s@%s:%d", id, ip, port);
    return candidate_parse(entry, CANDIDATE_LEARNED, ret, why);
}

size_t
candidates_add_net_info(struct candidates *list, const cJSON *net_info, const struct candidate_learn *rules)
{
    const cJSON     *peer;
    struct candidate candidate;
    size_t           seen = 0;
    size_t           added = 0;

    cJSON_ArrayForEach(peer, ga_json_get(net_info, "peers"))
    {
        if (seen++ >= rules->most)
            break;
        if (read_peer(peer, rules->chain_id, &candidate) == 0 &&
            (rules->private_too || candidate_is_public(candidate.host)))
            added += (size_t)candidates_add(list, &candidate);
    }
    return added;
}

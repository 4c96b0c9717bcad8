/* apply_choose.c: configured seeds against a survey, and their replacements. */
#include "plugins/seed-manager/apply_choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lists ---------------------------------------------------------------------------------------------------------
 */

/* One entry of a list: "id@host:port" between commas and blanks. */
struct entry {
    const char *text;
    size_t      len;
    size_t      id_len; /* 0: no '@' in it */
};

/* The next entry at *at. 1; 0 at the end. */
static int
next_entry(const char **at, struct entry *entry)
{
    const char *sign;

    *at += strspn(*at, ", \t");
    entry->text = *at;
    entry->len = strcspn(*at, ", \t");
    *at += entry->len;
    sign = memchr(entry->text, '@', entry->len);
    entry->id_len = sign ? (size_t)(sign - entry->text) : 0;
    return entry->len > 0;
}

static int
is_id(const struct entry *entry, const char *id)
{
    return entry->id_len == CHOOSE_ID_LEN && memcmp(entry->text, id, CHOOSE_ID_LEN) == 0;
}

int
choose_is_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'f'))
            return 0;
    return len == CHOOSE_ID_LEN;
}

static int
is_port(const char *text, size_t len)
{
    unsigned port = 0;

    for (size_t i = 0; i < len && i < 6; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return len >= 1 && len <= 5 && port >= 1 && port <= 65535;
}

int
choose_is_address(const char *text, size_t len)
{
    static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char ipv6_bytes[] = "0123456789abcdefABCDEF:.";
    const char       *colon = memrchr(text, ':', len);
    size_t            host = colon ? (size_t)(colon - text) : 0;
    int               brackets = host > 2 && text[0] == '[' && text[host - 1] == ']';

    if (host == 0 || host >= CHOOSE_HOST_MAX || !is_port(colon + 1, len - host - 1))
        return 0;
    for (size_t i = brackets ? 1 : 0; i < (brackets ? host - 1 : host); i++)
        if (text[i] == '\0' || !strchr(brackets ? ipv6_bytes : name_bytes, text[i]))
            return 0;
    return 1;
}

/* --- judging -------------------------------------------------------------------------------------------------------
 */

static int
is_connected(const struct choose_ids *connected, const struct entry *entry)
{
    for (size_t i = 0; connected && i < connected->n; i++)
        if (is_id(entry, connected->id[i]))
            return 1;
    return 0;
}

enum known { UNSEEN, HEALTHY, SICK };

/* A node is the same only with the same id: at its address somebody else may be by now. */
static enum known
judge_entry(const struct choose_survey *survey, const struct choose_ids *connected, const struct entry *entry)
{
    enum known known = UNSEEN;

    if (entry->id_len != CHOOSE_ID_LEN || !choose_is_id(entry->text, entry->id_len))
        return SICK; /* no node can ever be reached under it */
    if (is_connected(connected, entry))
        return HEALTHY;
    for (size_t i = 0; i < survey->n && known != HEALTHY; i++) {
        const struct choose_seed *seed = &survey->seeds[i];
        size_t                    address_len = entry->len - entry->id_len - 1;
        int                       same_address = strlen(seed->address) == address_len &&
                           memcmp(seed->address, entry->text + entry->id_len + 1, address_len) == 0;

        if (is_id(entry, seed->id))
            known = seed->healthy ? HEALTHY : SICK;
        else if (same_address)
            known = SICK;
    }
    return known;
}

void
choose_judge_list(const struct choose_survey *survey, const struct choose_ids *connected, const char *list,
                  struct choose_judged *ret)
{
    struct entry entry;

    memset(ret, 0, sizeof(*ret));
    while (ret->n < CHOOSE_SEEDS_MAX && next_entry(&list, &entry)) {
        enum known known = judge_entry(survey, connected, &entry);

        ret->n++;
        ret->healthy += known == HEALTHY;
        ret->unseen += known == UNSEEN;
    }
}

/* Whether two URLs are the same but for a slash at the end. */
static int
same_url(const char *one, const char *other)
{
    size_t n = one ? strlen(one) : 0;
    size_t m = other ? strlen(other) : 0;

    while (n > 0 && one[n - 1] == '/')
        n--;
    while (m > 0 && other[m - 1] == '/')
        m--;
    return n > 0 && n == m && memcmp(one, other, n) == 0;
}

void
choose_judge_env(const struct choose_survey *survey, const char *api_url, const char *p2p_url,
                 struct choose_judged *ret)
{
    const char *address = p2p_url && strncmp(p2p_url, "tcp://", 6) == 0 ? p2p_url + 6 : p2p_url;
    int         seen = 0;

    memset(ret, 0, sizeof(*ret));
    if ((!api_url || !*api_url) && (!address || !*address))
        return;
    ret->n = 1;
    for (size_t i = 0; i < survey->n; i++) {
        const struct choose_seed *seed = &survey->seeds[i];

        if (!same_url(seed->api, api_url) && !same_url(seed->address, address))
            continue;
        seen = 1;
        if (seed->healthy && same_url(seed->api, api_url) && same_url(seed->address, address))
            ret->healthy = 1;
    }
    ret->unseen = !seen;
}

/* --- choosing ------------------------------------------------------------------------------------------------------
 */

/* A list under construction. */
struct list {
    struct edit_bytes text;
    size_t            n;
    size_t            max;
};

static int
list_has(const struct list *list, const char *id)
{
    const char  *at = list->text.data ? list->text.data : "";
    struct entry entry;

    while (next_entry(&at, &entry))
        if (is_id(&entry, id))
            return 1;
    return 0;
}

static void
list_put(struct list *list, const char *text, size_t len)
{
    if (list->text.len > 0)
        edit_bytes_text(&list->text, ",");
    edit_bytes_put(&list->text, text, len);
    list->n++;
}

/* Appends those of a configured list of which this is known. */
static void
put_known(struct list *list, const struct choose_survey *survey, const struct choose_ids *connected, const char *now,
          enum known wanted)
{
    struct entry entry;

    while (list->n < list->max && next_entry(&now, &entry)) {
        char id[CHOOSE_ID_LEN + 1];

        if (judge_entry(survey, connected, &entry) != wanted)
            continue;
        (void)snprintf(id, sizeof(id), "%.*s", CHOOSE_ID_LEN, entry.text);
        if (!list_has(list, id))
            list_put(list, entry.text, entry.len);
    }
}

static int
is_usable(const struct choose_seed *seed, const struct choose_rules *rules)
{
    return seed->healthy && strcmp(seed->id, rules->own_id) != 0;
}

static void
put_best(struct list *list, const struct choose_survey *survey, const struct choose_rules *rules)
{
    for (size_t i = 0; i < survey->n && list->n < list->max; i++) {
        char text[CHOOSE_P2P_MAX];

        if (!is_usable(&survey->seeds[i], rules) || list_has(list, survey->seeds[i].id))
            continue;
        (void)snprintf(text, sizeof(text), "%s@%s", survey->seeds[i].id, survey->seeds[i].address);
        list_put(list, text, strlen(text));
    }
}

static size_t
count_usable(const struct choose_survey *survey, const struct choose_rules *rules, struct choose_choice *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < survey->n; i++) {
        const struct choose_seed *seed = &survey->seeds[i];
        int                       repeated = 0;

        if (!is_usable(seed, rules))
            continue;
        for (size_t k = 0; k < i && !repeated; k++)
            repeated = survey->seeds[k].healthy && strcmp(survey->seeds[k].id, seed->id) == 0;
        n += !repeated;
        if (!ret->has_first && seed->api[0] && seed->rpc[0]) {
            ret->first = *seed;
            ret->has_first = 1;
        }
    }
    return n;
}

/* The operator's persistent peers all stay as they are written: who they are is not for a survey to say. */
static int
choose_peers(const struct choose_survey *survey, const char *peers_now, const struct choose_rules *rules,
             struct choose_choice *ret)
{
    struct list  list = {.max = rules->write_peers};
    struct entry entry;

    if (rules->write_peers == 0)
        return 0;
    while (next_entry(&peers_now, &entry))
        list_put(&list, entry.text, entry.len);
    put_best(&list, survey, rules);
    edit_bytes_text(&list.text, "");
    ret->peers = list.text.data;
    return list.text.failed ? -1 : 0;
}

int
choose_seeds(const struct choose_survey *survey, const struct choose_ids *connected, const char *seeds_now,
             const char *peers_now, const struct choose_rules *rules, struct choose_choice *ret, char *why)
{
    struct list list = {.max = rules->write_seeds};
    size_t      usable;

    memset(ret, 0, sizeof(*ret));
    usable = count_usable(survey, rules, ret);
    if (usable < rules->min_replacements || !ret->has_first) {
        (void)snprintf(why, EDIT_WHY_MAX,
                       "the survey has %zu healthy seeds%s, min_replacements is %zu: nothing is changed; name more "
                       "candidates for the survey",
                       usable, ret->has_first ? "" : " and none with a known API", rules->min_replacements);
        return 1;
    }
    put_known(&list, survey, connected, seeds_now, HEALTHY);
    put_best(&list, survey, rules);
    put_known(&list, survey, connected, seeds_now, UNSEEN);
    edit_bytes_text(&list.text, "");
    ret->seeds = list.text.data;
    ret->n_seeds = list.n;
    if (!list.text.failed && choose_peers(survey, peers_now, rules, ret) == 0)
        return 0;
    (void)snprintf(why, EDIT_WHY_MAX, "no memory for the list of seeds");
    return -1;
}

void
choose_done(struct choose_choice *choice)
{
    free(choice->seeds);
    free(choice->peers);
    choice->seeds = choice->peers = NULL;
}

/*
 * fuzz_seed_candidates.c: what strangers hand to a survey: lists of candidates, net_info, what a peer says of itself;
 * and the history that an earlier survey left. What comes out must be fit to be connected to, shown and kept.
 *
 * The first byte chooses: 'l' a list, 'n' net_info, 'p' a peer, else a history.
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "plugins/seed-manager/candidate.h"
#include "plugins/seed-manager/handshake.h"
#include "plugins/seed-manager/reputation.h"

#include "kit/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)
#define MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(int holds)
{
    if (!holds)
        abort();
}

static void
check_list(const struct candidates *list)
{
    struct candidate again;
    char             name[CANDIDATE_URL_MAX];
    char             why[CANDIDATE_WHY_MAX];

    must(list->n <= list->max);
    for (size_t i = 0; i < list->n; i++) {
        const struct candidate *one = &list->at[i];

        must(one->host[0] && strlen(one->host) < CANDIDATE_HOST_MAX && !strpbrk(one->host, "/@ ,'\"\n\033"));
        must(one->id[0] == '\0' || strspn(one->id, "0123456789abcdef") == CANDIDATE_ID_LEN);
        must(one->p2p_port >= 0 && one->p2p_port <= 65535);
        must((one->api[0] != '\0') + (one->rpc[0] != '\0') + (one->p2p_port > 0) == 1);
        if (one->api[0] || one->rpc[0]) { /* what was made alike is read as the same */
            must(candidate_parse(candidate_name(one, name, sizeof(name)), one->origin, &again, why) == 0);
            must(candidate_same(one, &again));
        }
    }
    for (size_t i = 0; i < list->n_bad && i < CANDIDATE_BAD_MAX; i++)
        must(list->bad[i].why[0] && !strpbrk(list->bad[i].text, "\033\n\r"));
}

static void
try_list(const char *text, size_t len)
{
    struct candidates list;

    if (candidates_init(&list, MOST) == 0) {
        candidates_add_lines(&list, text, len, CANDIDATE_OPERATOR);
        candidates_add_list(&list, text, CANDIDATE_CONFIGURED);
        check_list(&list);
    }
    candidates_done(&list);
}

static void
try_net_info(const char *text, size_t len)
{
    const struct candidate_learn rules = {.chain_id = "", .most = 100};
    struct candidates            list;
    char                         why[160];
    cJSON                       *json = ga_json_parse(text, len, why, sizeof(why));

    if (json && candidates_init(&list, MOST) == 0) {
        must(candidates_add_net_info(&list, json, &rules) == list.n);
        check_list(&list);
        for (size_t i = 0; i < list.n; i++)
            must(list.at[i].id[0] && candidate_is_public(list.at[i].host));
        candidates_done(&list);
    }
    cJSON_Delete(json);
}

static void
try_history(const char *text, size_t len)
{
    struct reputations history;
    char               why[200] = "";

    if (reputations_parse(&history, text, len, why, sizeof(why)) == 0) {
        for (size_t i = 0; i < history.n; i++) {
            int score = reputation_score(&history.at[i]);

            must(score >= 0 && score <= 1000 && reputation_find(&history, history.at[i].key) == &history.at[i]);
        }
        free(reputations_print(&history));
    } else {
        must(why[0] != '\0');
    }
    reputations_done(&history);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char  network[64];
    char *text;

    if (len == 0 || len > INPUT_MAX || !(text = malloc(len)))
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    if (data[0] == 'l')
        try_list(text, len - 1);
    else if (data[0] == 'n')
        try_net_info(text, len - 1);
    else if (data[0] == 'p')
        must((handshake_network((const uint8_t *)text, len - 1, network) == 0) == (network[0] != '\0'));
    else
        try_history(text, len - 1);
    free(text);
    return 0;
}

#include "tests/fuzz/replay.h"

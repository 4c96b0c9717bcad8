/*
 * fuzz_seed_survey.c: any bytes as the survey's document. What is read from it must be fit for config.env and
 * config.toml: addresses with a node id, URLs that neither a shell nor TOML reads otherwise; a choice from it must be
 * a list that is judged healthy by the same survey.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "plugins/seed-manager/apply_choose.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_seed(const struct choose_seed *seed)
{
    if (!choose_is_id(seed->id, strlen(seed->id)) || !choose_is_address(seed->address, strlen(seed->address)))
        abort();
    if (strpbrk(seed->api, "'\"`$\\ \t\n") || strpbrk(seed->rpc, "'\"`$\\ \t\n"))
        abort();
    if (strpbrk(seed->address, "'\"`$\\, \t\n"))
        abort();
}

static void
check_choice(const struct choose_survey *survey)
{
    const struct choose_rules rules = {.own_id = "", .write_seeds = 5, .min_replacements = 1};
    struct choose_choice      choice;
    struct choose_judged      judged;
    char                      why[EDIT_WHY_MAX] = "";
    int                       r = choose_seeds(survey, NULL, "", "", &rules, &choice, why);

    if (r == 0) {
        choose_judge_list(survey, NULL, choice.seeds, &judged);
        if (judged.n != choice.n_seeds || judged.healthy != judged.n || judged.n > 5)
            abort();
    } else if (!why[0]) {
        abort();
    }
    choose_done(&choice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct choose_survey survey;
    char                 why[EDIT_WHY_MAX] = "";
    char                *text;

    if (len > INPUT_MAX || !(text = malloc(len + 1)))
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (choose_survey_parse(text, len, &survey, why) == 0) {
        for (size_t i = 0; i < survey.n; i++)
            check_seed(&survey.seeds[i]);
        check_choice(&survey);
    } else if (!why[0]) {
        abort();
    }
    choose_survey_done(&survey);
    free(text);
    return 0;
}

#include "tests/fuzz/replay.h"

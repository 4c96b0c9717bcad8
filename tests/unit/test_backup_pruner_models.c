/* test_backup_pruner_models.c: models of homes. */
#include "test_backup_pruner_models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bp_part model_parts[MODEL_PARTS] = {
    {.name = (char[]){"application.db"}, .is_folder = 1, .files = 10, .bytes = 90 * GB, .databases = 1},
    {.name = (char[]){"blockstore.db"}, .is_folder = 1, .files = 10, .bytes = 10 * GB, .databases = 1},
    {.name = (char[]){"priv_validator_state.json"}, .files = 1, .bytes = 300},
    {.name = (char[]){"upgrade-info.json"}, .files = 1, .bytes = 100},
};

struct bp_tree
whole_tree(void)
{
    return (struct bp_tree){.parts = model_parts,
                            .n_parts = MODEL_PARTS,
                            .files = 22,
                            .bytes = 100 * GB,
                            .frees = 100 * GB,
                            .newest_ns = NOW_NS - 48 * HOUR_NS};
}

struct bp_copy
good_copy(const char *name)
{
    struct bp_copy copy = {.name = strdup(name), .kind = BP_KIND_FOLDER, .tree = whole_tree()};

    assert_non_null(copy.name);
    copy.has_date = bp_parse_name(copy.name, &copy.date) == 0;
    memcpy(copy.shown, name, strlen(name) + 1);
    return copy;
}

struct model *
model_make(const char *const *names)
{
    static const char *const optional[] = {"upgrade-info.json"};
    struct model            *model = calloc(1, sizeof(*model));

    assert_non_null(model);
    for (size_t i = 0; names[i]; i++)
        model->copies[model->home.n_copies++] = good_copy(names[i]);
    model->home.path = "/home";
    model->home.now_ns = NOW_NS;
    model->home.has_free = 1;
    model->home.free = 50 * GB;
    model->home.source = whole_tree();
    model->home.copies = model->copies;
    model->rules = (struct bp_rules){
        .keep = 1, .settle_ns = 600 * BP_SECOND_NS, .min_complete = 50, .may_lack = optional, .n_may_lack = 1};
    return model;
}

void
model_free(struct model *model)
{
    for (size_t i = 0; i < model->home.n_copies; i++)
        free(model->copies[i].name);
    free(model);
}

enum bp_fate
fate_of(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->home.n_copies; i++)
        if (strcmp(model->copies[i].name, name) == 0)
            return model->copies[i].fate;
    fail_msg("no copy '%s'", name);
    return BP_UNTOUCHED;
}

void
plan(struct model *model)
{
    bp_plan_home(&model->home, &model->rules);
}

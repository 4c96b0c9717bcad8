/* test_backup_pruner_judge.c: which copies are good, and when a home is left alone, on models made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "test_backup_pruner_models.h"

/* --- what is doubtful ----------------------------------------------------------------------------------------------
 */

/* Plans two copies of which the newer one was spoilt: it must be reported with `word`, and the older one kept. */
static void
expect_doubt(struct model *model, enum bp_verdict verdict, const char *word)
{
    struct bp_copy *newest = NULL;

    plan(model);
    for (size_t i = 0; i < model->home.n_copies; i++)
        if (strcmp(model->copies[i].name, "data-backup-2025-12-1") == 0)
            newest = &model->copies[i];
    assert_non_null(newest);
    assert_int_equal(newest->verdict, verdict);
    assert_int_equal(newest->fate, BP_UNTOUCHED);
    if (!strstr(newest->why, word))
        fail_msg("'%s' does not say '%s'", newest->why, word);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_KEPT);
    assert_int_equal(bp_n_fated(&model->home, BP_GOES), 0);
    model_free(model);
}

static struct model *
two_copies(void)
{
    static const char *const names[] = {"data-backup-2025-12-1", "data-backup-2025-10-2", NULL};

    return model_make(names);
}

static void
a_copy_that_lacks_a_part_of_the_source_is_doubtful(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.parts = model_parts + 1; /* no application.db */
    model->copies[0].tree.n_parts = MODEL_PARTS - 1;
    expect_doubt(model, BP_DOUBTFUL, "application.db");
}

static void
a_copy_may_lack_what_the_option_names(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.n_parts = MODEL_PARTS - 1; /* no upgrade-info.json */
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_KEPT);
    model_free(model);
}

static void
a_copy_that_is_too_small_is_doubtful(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.bytes = 50 * GB - 1;
    expect_doubt(model, BP_DOUBTFUL, "50 %");
}

static void
a_copy_with_an_empty_database_folder_is_doubtful(void **state)
{
    struct model  *model = two_copies();
    struct bp_part own[MODEL_PARTS];

    (void)state;
    memcpy(own, model_parts, sizeof(own));
    own[1].files = 0;
    model->copies[0].tree.parts = own;
    expect_doubt(model, BP_DOUBTFUL, "blockstore.db");
}

static void
a_copy_whose_database_lacks_its_manifest_is_doubtful(void **state)
{
    struct model  *model = two_copies();
    struct bp_part own[MODEL_PARTS];

    (void)state;
    memcpy(own, model_parts, sizeof(own));
    own[0].databases = 0;
    own[0].broken = 1;
    model->copies[0].tree.parts = own;
    expect_doubt(model, BP_DOUBTFUL, "MANIFEST");
}

static void
a_copy_whose_database_lacks_its_file_current_is_doubtful(void **state)
{
    struct model  *model = two_copies();
    struct bp_part own[MODEL_PARTS];

    (void)state;
    memcpy(own, model_parts, sizeof(own));
    own[0].databases = 0;
    model->copies[0].tree.parts = own;
    expect_doubt(model, BP_DOUBTFUL, "CURRENT");
}

static void
a_file_where_the_source_has_a_folder_is_doubtful(void **state)
{
    struct model  *model = two_copies();
    struct bp_part own[MODEL_PARTS];

    (void)state;
    memcpy(own, model_parts, sizeof(own));
    own[0].is_folder = 0;
    model->copies[0].tree.parts = own;
    expect_doubt(model, BP_DOUBTFUL, "folder");
}

static void
a_copy_that_cannot_be_read_in_full_is_doubtful(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.error = -13;
    memcpy(model->copies[0].tree.where, "secret", 7);
    expect_doubt(model, BP_DOUBTFUL, "secret");
}

static void
a_copy_with_a_mount_inside_is_doubtful(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.mounts = 1;
    memcpy(model->copies[0].tree.mount, "wasm", 5);
    expect_doubt(model, BP_DOUBTFUL, "'wasm'");
}

static void
a_copy_from_the_future_is_doubtful(void **state)
{
    static const char *const names[] = {"data-backup-2026-1-2", "data-backup-2025-10-2", NULL};
    struct model            *model = model_make(names);

    (void)state;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2026-1-2"), BP_UNTOUCHED);
    assert_int_equal(fate_of(model, "data-backup-2025-10-2"), BP_KEPT);
    model_free(model);
    model = two_copies();
    model->copies[0].tree.newest_ns = NOW_NS + 2 * BP_DAY_NS;
    expect_doubt(model, BP_DOUBTFUL, "future");
}

static void
open_files_that_cannot_be_seen_are_a_doubt_unless_accepted(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.open = BP_OPEN_UNSEEN;
    model->rules.accept_unseen = 1;
    plan(model);
    assert_int_equal(fate_of(model, "data-backup-2025-12-1"), BP_KEPT);
    model_free(model);
    model = two_copies();
    model->copies[0].tree.open = BP_OPEN_UNSEEN;
    expect_doubt(model, BP_DOUBTFUL, "open_files");
}

static void
what_cosmovisor_does_not_make_is_foreign(void **state)
{
    static const enum bp_kind kinds[] = {BP_KIND_FILE, BP_KIND_LINK, BP_KIND_MOUNT};
    struct model             *model;

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        model = two_copies();
        model->copies[0].kind = kinds[i];
        expect_doubt(model, BP_FOREIGN, "it is a");
    }
    model = two_copies();
    model->copies[0].uid = 1000;
    expect_doubt(model, BP_FOREIGN, "user 1000");
}

static void
with_an_empty_or_unseen_source_nothing_goes(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->home.source = (struct bp_tree){.files = 0};
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_UNTOUCHED), 2);
    assert_int_equal(model->home.outcome, GA_OK);
    model->home.source_sight = BP_UNSEEN;
    memcpy(model->home.source_why, "data/ cannot be opened", 23);
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_UNTOUCHED), 2);
    assert_int_equal(model->home.outcome, GA_UNKNOWN);
    model_free(model);
}

/* --- when a home is left alone -------------------------------------------------------------------------------------
 */

static void
expect_left_alone(struct model *model, int outcome, const char *word)
{
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_GOES), 0);
    assert_int_equal(model->home.left_alone, 1);
    assert_int_equal(model->home.outcome, outcome);
    if (!strstr(model->home.why, word))
        fail_msg("'%s' does not say '%s'", model->home.why, word);
    model_free(model);
}

static void
a_home_with_a_running_upgrade_is_left_alone(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->home.upgrade = BP_UPGRADE_RUNNING;
    memcpy(model->home.upgrade_why, "an upgrade is running", 22);
    expect_left_alone(model, GA_REFUSED, "upgrade is running");
    model = two_copies();
    model->home.upgrade = BP_UPGRADE_UNSEEN;
    memcpy(model->home.upgrade_why, "cannot be seen", 15);
    expect_left_alone(model, GA_UNKNOWN, "cannot be seen");
}

static void
a_home_with_a_growing_copy_is_left_alone(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.newest_ns = NOW_NS - 599 * BP_SECOND_NS;
    expect_left_alone(model, GA_REFUSED, "changed 9m59s ago");
    model = two_copies();
    model->copies[1].differs = 1;
    expect_left_alone(model, GA_REFUSED, "data-backup-2025-10-2");
    model = two_copies();
    model->copies[0].tree.newest_ns = NOW_NS - 600 * BP_SECOND_NS;
    plan(model);
    assert_int_equal(bp_n_fated(&model->home, BP_GOES), 1);
    model_free(model);
}

static void
a_growing_half_copy_counts_as_growing(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[0].tree.newest_ns = NOW_NS;
    model->copies[0].tree.n_parts = 1;
    expect_left_alone(model, GA_REFUSED, "changed 0s ago");
}

static void
a_home_with_open_files_in_a_copy_is_left_alone(void **state)
{
    struct model *model = two_copies();

    (void)state;
    model->copies[1].tree.open = BP_OPEN_YES;
    memcpy(model->copies[1].tree.open_why, "process 7 (cp)", 15);
    expect_left_alone(model, GA_REFUSED, "process 7 (cp)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_lacks_a_part_of_the_source_is_doubtful),
        cmocka_unit_test(a_copy_may_lack_what_the_option_names),
        cmocka_unit_test(a_copy_that_is_too_small_is_doubtful),
        cmocka_unit_test(a_copy_with_an_empty_database_folder_is_doubtful),
        cmocka_unit_test(a_copy_whose_database_lacks_its_manifest_is_doubtful),
        cmocka_unit_test(a_copy_whose_database_lacks_its_file_current_is_doubtful),
        cmocka_unit_test(a_file_where_the_source_has_a_folder_is_doubtful),
        cmocka_unit_test(a_copy_that_cannot_be_read_in_full_is_doubtful),
        cmocka_unit_test(a_copy_with_a_mount_inside_is_doubtful),
        cmocka_unit_test(a_copy_from_the_future_is_doubtful),
        cmocka_unit_test(open_files_that_cannot_be_seen_are_a_doubt_unless_accepted),
        cmocka_unit_test(what_cosmovisor_does_not_make_is_foreign),
        cmocka_unit_test(with_an_empty_or_unseen_source_nothing_goes),
        cmocka_unit_test(a_home_with_a_running_upgrade_is_left_alone),
        cmocka_unit_test(a_home_with_a_growing_copy_is_left_alone),
        cmocka_unit_test(a_growing_half_copy_counts_as_growing),
        cmocka_unit_test(a_home_with_open_files_in_a_copy_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_backup_pruner_prune.c: the task prune on real trees. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "kit/json.h"
#include "test_backup_pruner_world.h"

#define SAYS(text, word)                                                           \
    do {                                                                           \
        const char *text_ = (text);                                                \
        if (!text_ || !strstr(text_, word))                                        \
            fail_msg("'%s' does not say '%s'", text_ ? text_ : "(nothing)", word); \
    } while (0)

/* --- what goes and what stays --------------------------------------------------------------------------------------
 */

static void
deletes_all_but_the_newest_good_copy_and_reports_each(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    put_copy(world, "home", "data-backup-2025-9-12.old");
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_true(is_there(world, "home/data-backup-2025-10-2/application.db/CURRENT"));
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_false(is_there(world, "home/data-backup-2025-9-12.old"));
    assert_true(is_there(world, "home/data/application.db/CURRENT"));
    assert_int_equal(n_acts(world), 2);
    assert_string_equal(act_verb(world, 0), "delete-backup");
    SAYS(act_object(world, 0), "data-backup-2025-9-5"); /* the oldest first */
    assert_int_equal(act_closed_ok(world, 0), 1);
    assert_string_equal(said_of_copy(world, "data-backup-2025-10-2", "fate"), "kept");
    assert_string_equal(said_of_copy(world, "data-backup-2025-9-5", "fate"), "deleted");
    SAYS(summary(world), "deleted 2 copies, freed ");
}

static void
a_dry_run_plans_the_same_and_changes_nothing(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    put_folder(world, "home/.ga-tombstone-data-backup-2025-1-1/x");
    world->dry_run = 1;
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_true(is_there(world, "home/data-backup-2025-9-5/application.db/CURRENT"));
    assert_true(is_there(world, "home/.ga-tombstone-data-backup-2025-1-1/x"));
    assert_int_equal(n_acts(world), 2);
    assert_string_equal(said_of_copy(world, "data-backup-2025-9-5", "fate"), "would go");
    SAYS(summary(world), "2 copies would go");
}

static void
nothing_to_do_is_ok(void **state)
{
    struct world *world = *state;

    assert_int_equal(run_task(world, "prune"), GA_OK);
    put_copy(world, "home", "data-backup-2025-10-2");
    assert_int_equal(run_task(world, "prune"), GA_OK);
    assert_int_equal(n_acts(world), 0);
    SAYS(summary(world), "nothing deleted");
}

static void
copies_younger_than_max_age_stay(void **state)
{
    struct world *world = *state;
    char          names[3][64];

    for (int i = 0; i < 3; i++)
        put_copy(world, "home", name_of_day(5 + 10 * i, names[i], sizeof(names[i])));
    set(world, "max_age", "20d");
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_string_equal(said_of_copy(world, names[0], "fate"), "kept");
    assert_string_equal(said_of_copy(world, names[1], "fate"), "stays");
    assert_string_equal(said_of_copy(world, names[2], "fate"), "deleted");
}

static void
enough_free_space_keeps_all(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    set(world, "min_free", "1B");
    assert_int_equal(run_task(world, "prune"), GA_OK);
    assert_true(is_there(world, "home/data-backup-2025-9-5"));
}

static void
too_little_free_space_deletes_down_to_keep_and_says_what_the_last_copy_holds(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    set(world, "min_free", "8000TB");
    assert_int_equal(run_task(world, "prune"), GA_REFUSED);
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_true(is_there(world, "home/data-backup-2025-10-2"));
    SAYS(summary(world), "only by deleting the last good copy");
    SAYS(summary(world), "deleted 1 copy");
    assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(world->result, "homes"), 0), "last_copies_bytes")));
}

static void
a_half_copy_is_reported_and_neither_kept_nor_deleted(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    put_copy(world, "home", "data-backup-2025-11-9");
    take_away(world, "home/data-backup-2025-11-9/state.db");
    put_age(world, "home/data-backup-2025-11-9", 7200);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_string_equal(said_of_copy(world, "data-backup-2025-11-9", "verdict"), "doubtful");
    SAYS(said_of_copy(world, "data-backup-2025-11-9", "why"), "state.db");
    assert_true(is_there(world, "home/data-backup-2025-11-9/application.db"));
    assert_string_equal(said_of_copy(world, "data-backup-2025-10-2", "fate"), "kept");
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
}

static void
a_copy_that_broke_off_before_the_manifest_is_doubtful(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-10-2");
    put_copy(world, "home", "data-backup-2025-11-9");
    take_away(world, "home/data-backup-2025-11-9/state.db/MANIFEST-000001");
    put_age(world, "home/data-backup-2025-11-9", 7200);
    assert_int_equal(run_task(world, "prune"), GA_OK);
    SAYS(said_of_copy(world, "data-backup-2025-11-9", "why"), "MANIFEST");
    assert_true(is_there(world, "home/data-backup-2025-10-2"));
}

static void
with_data_emptied_no_copy_goes(void **state)
{
    struct world *world = *state;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    take_away(world, "home/data");
    put_folder(world, "home/data");
    assert_int_equal(run_task(world, "prune"), GA_OK);
    assert_int_equal(n_acts(world), 0);
    SAYS(said_of_copy(world, "data-backup-2025-9-5", "why"), "data/ is empty");
    take_away(world, "home/data");
    assert_int_equal(run_task(world, "prune"), GA_UNKNOWN);
    assert_int_equal(n_acts(world), 0);
}

/* --- when a home is left alone -------------------------------------------------------------------------------------
 */

static void
put_two_copies(struct world *world)
{
    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
}

static void
expect_untouched(struct world *world, int outcome, const char *word)
{
    assert_int_equal(run_task(world, "prune"), outcome);
    assert_int_equal(n_acts(world), 0);
    assert_true(is_there(world, "home/data-backup-2025-9-5/state.db/CURRENT"));
    assert_true(is_there(world, "home/data-backup-2025-10-2/state.db/CURRENT"));
    SAYS(summary(world), word);
}

static void
stays_out_while_upgrade_info_is_newer_than_the_link(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_age(world, "home/data/upgrade-info.json", 60);
    expect_untouched(world, GA_REFUSED, "an upgrade is running");
    put_age(world, "home/cosmovisor/current", 59);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
}

static void
stays_out_when_the_link_cannot_be_compared(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    take_away(world, "home/cosmovisor/current");
    expect_untouched(world, GA_UNKNOWN, "cosmovisor/current");
    take_away(world, "home/data/upgrade-info.json"); /* no upgrade was ever announced */
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
}

static void
stays_out_while_a_copy_was_changed_lately(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_age(world, "home/data-backup-2025-10-2/state.db/000002.ldb", 30);
    expect_untouched(world, GA_REFUSED, "it changed 30s ago");
}

static void
stays_out_while_a_file_of_a_copy_is_open(void **state)
{
    struct world *world = *state;
    char          path[256];
    int           fd;

    put_two_copies(world);
    full_path(world, "home/data-backup-2025-9-5/state.db/000002.ldb", path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    expect_untouched(world, GA_REFUSED, "open");
    (void)close(fd);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
}

/* Writes into a copy without end, times set back each time, so that only the second look can tell. */
static void
keep_growing(const char *path)
{
    for (;;) {
        struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
        int             fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

        if (fd < 0 || write(fd, "x", 1) != 1)
            _exit(1);
        (void)close(fd);
        if (utimensat(AT_FDCWD, path, times, 0) < 0)
            _exit(1);
    }
}

static void
stays_out_when_a_copy_differs_at_the_second_look(void **state)
{
    struct world *world = *state;
    char          path[256];
    int           status;
    pid_t         pid;

    put_two_copies(world);
    full_path(world, "home/data-backup-2025-9-5/state.db/000002.ldb", path, sizeof(path));
    set(world, "settle", "0s");
    set(world, "look_again", "100ms");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        keep_growing(path);
    expect_untouched(world, GA_REFUSED, "an upgrade or a backup may be running"); /* changed, or caught open */
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* As a user who may read the copies and nothing else. */
static int
prune_as_nobody(struct world *world)
{
    char home[256];

    full_path(world, ".", home, sizeof(home));
    if (chmod(home, 0755) < 0 || setresuid(65534, 65534, 65534) < 0)
        return 77;
    world->dry_run = 1;
    if (run_task(world, "prune") != GA_OK || n_acts(world) != 0)
        return 1;
    if (!strstr(said_of_copy(world, "data-backup-2025-10-2", "why"), "cannot be seen"))
        return 2;
    set(world, "open_files", "accept");
    return run_task(world, "prune") == GA_CHANGED && n_acts(world) == 1 ? 0 : 3;
}

static void
open_files_that_cannot_be_seen_are_a_doubt_that_an_option_lifts(void **state)
{
    struct world *world = *state;
    int           status;
    pid_t         pid;

    if (geteuid() != 0)
        skip(); /* needs another user's files */
    put_two_copies(world);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(prune_as_nobody(world));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- bad input -----------------------------------------------------------------------------------------------------
 */

static void
names_what_is_no_copy_and_touches_none_of_it(void **state)
{
    static const char *const bad[][2] = {
        {"data-backup-", "data-backup-"},
        {"data-backup-2025-13-45", "data-backup-2025-13-45"},
        {"data-backup-2025-1\n-1", "data-backup-2025-1\\x0a-1"},
        {"data-backup-\xff\xfe", "data-backup-\\xff\\xfe"},
        {"data-backup-2025-1-1 (copy)", "data-backup-2025-1-1 (copy)"},
    };
    struct world *world = *state;
    char          where[128];

    put_two_copies(world);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        (void)snprintf(where, sizeof(where), "home/%s", bad[i][0]);
        put_folder(world, where);
    }
    put_file(world, "home/data-backup-2024-1-1", 10);
    put_link(world, "home/data-backup-2024-1-2", "data-backup-2025-10-2");
    put_link(world, "home/data-backup-2024-1-3", "/etc");
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        (void)snprintf(where, sizeof(where), "home/%s", bad[i][0]);
        assert_true(is_there(world, where));
        SAYS(said_of_copy(world, bad[i][1], "why"), "holds no date");
        assert_string_equal(said_of_copy(world, bad[i][1], "fate"), "untouched");
    }
    SAYS(said_of_copy(world, "data-backup-2024-1-1", "why"), "file");
    SAYS(said_of_copy(world, "data-backup-2024-1-2", "why"), "symlink");
    SAYS(said_of_copy(world, "data-backup-2024-1-3", "why"), "symlink");
    assert_true(is_there(world, "home/data-backup-2024-1-1"));
    assert_true(is_there(world, "home/data-backup-2024-1-2"));
    assert_false(is_there(world, "home/data-backup-2025-9-5")); /* the good work goes on */
}

static void
a_copy_of_another_user_is_named_and_untouched(void **state)
{
    struct world *world = *state;
    char          path[256];

    put_two_copies(world);
    full_path(world, "home/data-backup-2025-9-5", path, sizeof(path));
    if (chown(path, 12345, (gid_t)-1) < 0)
        skip(); /* not root */
    assert_int_equal(run_task(world, "prune"), GA_OK);
    SAYS(said_of_copy(world, "data-backup-2025-9-5", "why"), "belongs to user 12345");
    assert_true(is_there(world, "home/data-backup-2025-9-5/state.db/CURRENT"));
}

static void
a_bad_home_is_named_and_the_others_are_pruned(void **state)
{
    struct world *world = *state;
    char          homes[768];
    char          path[256];

    put_two_copies(world);
    put_file(world, "a-file", 1);
    put_link(world, "a-link", "home");
    put_home(world, "open");
    full_path(world, "open", path, sizeof(path));
    assert_int_equal(chmod(path, 0777), 0);
    (void)snprintf(homes, sizeof(homes), "[%s/absent, %s/a-file, %s/a-link/, %s/open, %s/home, %s/home/.]", world->path,
                   world->path, world->path, world->path, world->path, world->path);
    set(world, "homes", homes);
    assert_int_equal(run_task(world, "prune"), GA_UNKNOWN); /* the worst of them */
    SAYS(said_of_home(world, "/absent", "why"), "no such folder");
    SAYS(said_of_home(world, "/a-file", "why"), "not a folder");
    SAYS(said_of_home(world, "/a-link", "why"), "symlink");
    SAYS(said_of_home(world, "/open", "why"), "chmod o-w");
    SAYS(ga_json_str(cJSON_GetArrayItem(ga_json_get(world->result, "homes"), 5), "why"), "same folder");
    assert_string_equal(said_of_home(world, "/open", "outcome"), "refused");
    assert_string_equal(said_of_home(world, "/home", "outcome"), "changed");
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    SAYS(summary(world), "/absent");
}

/* In a process with mounts of its own: a mount in a copy, a copy that is a mount. */
static int
prune_with_mounts(struct world *world)
{
    char from[256];
    char to[256];

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    full_path(world, "outside", from, sizeof(from));
    full_path(world, "home/data-backup-2025-9-5/state.db/mounted", to, sizeof(to));
    if (mount(from, to, NULL, MS_BIND, NULL) < 0)
        return 77;
    full_path(world, "home/data-backup-2025-9-6", to, sizeof(to));
    if (mount(from, to, NULL, MS_BIND, NULL) < 0)
        return 77;
    if (run_task(world, "prune") != GA_CHANGED || n_acts(world) != 1)
        return 1;
    if (!strstr(said_of_copy(world, "data-backup-2025-9-5", "why"), "mount point, 'state.db/mounted'"))
        return 2;
    if (!strstr(said_of_copy(world, "data-backup-2025-9-6", "why"), "mount point"))
        return 3;
    return is_there(world, "home/data-backup-2025-9-4") ? 4 : 0;
}

static void
mounts_are_named_and_never_entered(void **state)
{
    struct world *world = *state;
    int           status;
    pid_t         pid;

    put_two_copies(world);
    put_copy(world, "home", "data-backup-2025-9-4");
    put_folder(world, "home/data-backup-2025-9-5/state.db/mounted");
    put_age(world, "home/data-backup-2025-9-5", 7200);
    put_folder(world, "home/data-backup-2025-9-6");
    put_file(world, "outside/precious", 100);
    put_age(world, "outside", 7200);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(prune_with_mounts(world));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(is_there(world, "outside/precious"));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
links_in_a_copy_go_and_what_they_lead_to_stays(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_file(world, "outside/precious", 100);
    put_link(world, "home/data-backup-2025-9-5/up", "../data");
    put_link(world, "home/data-backup-2025-9-5/out", "../../outside");
    put_age(world, "home/data-backup-2025-9-5", 7200);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_true(is_there(world, "outside/precious"));
    assert_true(is_there(world, "home/data/state.db/CURRENT"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deletes_all_but_the_newest_good_copy_and_reports_each),
        TEST(a_dry_run_plans_the_same_and_changes_nothing),
        TEST(nothing_to_do_is_ok),
        TEST(copies_younger_than_max_age_stay),
        TEST(enough_free_space_keeps_all),
        TEST(too_little_free_space_deletes_down_to_keep_and_says_what_the_last_copy_holds),
        TEST(a_half_copy_is_reported_and_neither_kept_nor_deleted),
        TEST(a_copy_that_broke_off_before_the_manifest_is_doubtful),
        TEST(with_data_emptied_no_copy_goes),
        TEST(stays_out_while_upgrade_info_is_newer_than_the_link),
        TEST(stays_out_when_the_link_cannot_be_compared),
        TEST(stays_out_while_a_copy_was_changed_lately),
        TEST(stays_out_while_a_file_of_a_copy_is_open),
        TEST(stays_out_when_a_copy_differs_at_the_second_look),
        TEST(open_files_that_cannot_be_seen_are_a_doubt_that_an_option_lifts),
        TEST(names_what_is_no_copy_and_touches_none_of_it),
        TEST(a_copy_of_another_user_is_named_and_untouched),
        TEST(a_bad_home_is_named_and_the_others_are_pruned),
        TEST(mounts_are_named_and_never_entered),
        TEST(links_in_a_copy_go_and_what_they_lead_to_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

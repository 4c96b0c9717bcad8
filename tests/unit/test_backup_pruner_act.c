/* test_backup_pruner_act.c: how the task prune deletes: tombstones, refusals, crashes, a world that changes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "test_backup_pruner_world.h"
#include "tests/fakehost/fakehost.h"

#define SAYS(text, word)                                                           \
    do {                                                                           \
        const char *text_ = (text);                                                \
        if (!text_ || !strstr(text_, word))                                        \
            fail_msg("'%s' does not say '%s'", text_ ? text_ : "(nothing)", word); \
    } while (0)

static void
put_two_copies(struct world *world)
{
    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
}

/* --- acting --------------------------------------------------------------------------------------------------------
 */

static void
goes_on_with_what_a_run_that_died_left(void **state)
{
    struct world *world = *state;

    put_file(world, "home/.ga-tombstone-data-backup-2025-1-1/state.db/1.ldb", 4096);
    put_file(world, "home/.ga-tombstone-of-something-else/file", 1);
    put_link(world, "home/.ga-tombstone-data-backup-2025-1-2", "data");
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_false(is_there(world, "home/.ga-tombstone-data-backup-2025-1-1"));
    assert_true(is_there(world, "home/.ga-tombstone-of-something-else/file"));
    assert_true(is_there(world, "home/.ga-tombstone-data-backup-2025-1-2"));
    assert_true(is_there(world, "home/data/state.db/CURRENT"));
    assert_int_equal(n_acts(world), 1);
    assert_string_equal(act_verb(world, 0), "resume-delete");
    SAYS(said_of_copy(world, ".ga-tombstone-data-backup-2025-1-2", "why"), "symlink");
}

static void
a_run_killed_in_the_middle_is_finished_by_the_next(void **state)
{
    struct world   *world = *state;
    struct timespec nap = {.tv_nsec = 1000000};
    int             status = 0;
    pid_t           pid;

    put_two_copies(world);
    set(world, "delete_rate", "1"); /* slow enough to be met on the way */
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(run_task(world, "prune"));
    while (!is_there(world, "home/.ga-tombstone-data-backup-2025-9-5") && waitpid(pid, &status, WNOHANG) == 0)
        (void)nanosleep(&nap, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_false(is_there(world, "home/data-backup-2025-9-5")); /* never half a copy under its own name */
    assert_true(is_there(world, "home/.ga-tombstone-data-backup-2025-9-5"));
    set(world, "delete_rate", "1000000");
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_false(is_there(world, "home/.ga-tombstone-data-backup-2025-9-5"));
    assert_true(is_there(world, "home/data-backup-2025-10-2/state.db/CURRENT"));
}

static void
finds_another_name_when_a_tombstone_is_in_the_way(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_file(world, "home/.ga-tombstone-data-backup-2025-9-5", 1); /* a file: not ours to remove */
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_false(is_there(world, "home/.ga-tombstone-data-backup-2025-9-5.1"));
    assert_true(is_there(world, "home/.ga-tombstone-data-backup-2025-9-5"));
}

static void
a_refused_act_leaves_the_copy_and_names_the_reason(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    world->refuse_acts = "paused until noon";
    assert_int_equal(run_task(world, "prune"), GA_REFUSED);
    assert_true(is_there(world, "home/data-backup-2025-9-5/state.db/CURRENT"));
    SAYS(summary(world), "paused until noon");
    assert_string_equal(said_of_copy(world, "data-backup-2025-9-5", "fate"), "stuck");
}

static void
a_cancelled_run_deletes_nothing_more(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    world->cancelled = 1;
    assert_int_equal(run_task(world, "prune"), GA_UNKNOWN);
    assert_true(is_there(world, "home/data-backup-2025-9-5/state.db/CURRENT"));
    assert_true(is_there(world, "home/data-backup-2025-10-2/state.db/CURRENT"));
    SAYS(summary(world), "stopped");
}

/* --- a world that changes behind its back --------------------------------------------------------------------------
 */

/* Called in the middle of an act. */
static int
swap_the_copy(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    struct world *world = user;
    char          from[256];
    char          to[256];

    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    full_path(world, "home/data-backup-2025-9-5", from, sizeof(from));
    full_path(world, "away", to, sizeof(to));
    assert_int_equal(rename(from, to), 0);
    put_file(world, "home/data-backup-2025-9-5/precious", 10);
    return GA_ACT_DO;
}

static void
a_folder_that_took_the_copys_name_is_not_deleted(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    fakehost_answer(world->host, swap_the_copy, world);
    assert_int_equal(run_task(world, "prune"), GA_FAILED);
    assert_true(is_there(world, "home/data-backup-2025-9-5/precious"));
    assert_true(is_there(world, "away/state.db/CURRENT"));
    assert_int_equal(act_closed_ok(world, 0), 0);
}

static int
start_an_upgrade(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    put_age(user, "home/data/upgrade-info.json", 0);
    return GA_ACT_DO;
}

static void
an_upgrade_that_starts_meanwhile_stops_the_next_deletion(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_copy(world, "home", "data-backup-2025-11-9");
    fakehost_answer(world->host, start_an_upgrade, world);
    assert_int_equal(run_task(world, "prune"), GA_REFUSED);
    assert_int_equal(n_acts(world), 1);
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_true(is_there(world, "home/data-backup-2025-10-2/state.db/CURRENT"));
    SAYS(summary(world), "an upgrade is running");
}

static int
lose_the_kept_copy(void *user, size_t i, const char *verb, const char *object, const char *details,
                   const char **ret_why)
{
    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    take_away(user, "home/data-backup-2025-11-9");
    return GA_ACT_DO;
}

static void
when_the_kept_copy_is_lost_meanwhile_the_next_one_stays(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_copy(world, "home", "data-backup-2025-11-9");
    fakehost_answer(world->host, lose_the_kept_copy, world);
    assert_int_equal(run_task(world, "prune"), GA_REFUSED);
    assert_true(is_there(world, "home/data-backup-2025-10-2/state.db/CURRENT"));
    SAYS(summary(world), "data-backup-2025-11-9, which is to be kept, is gone");
}

static int
stop_the_run(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    struct world *world = user;

    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    fakehost_cancel(world->host);
    return GA_ACT_DO;
}

static void
a_run_stopped_on_the_way_leaves_a_tombstone_for_the_next(void **state)
{
    struct world *world = *state;

    put_two_copies(world);
    put_copy(world, "home", "data-backup-2025-8-1");
    fakehost_answer(world->host, stop_the_run, world);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_int_equal(n_acts(world), 1);
    assert_int_equal(act_closed_ok(world, 0), 0);
    assert_true(is_there(world, "home/.ga-tombstone-data-backup-2025-8-1"));
    assert_true(is_there(world, "home/data-backup-2025-9-5/state.db/CURRENT"));
    SAYS(summary(world), "the next run goes on");
    fakehost_answer(world->host, NULL, NULL);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_int_equal(n_acts(world), 2);
    assert_string_equal(act_verb(world, 0), "resume-delete");
    assert_false(is_there(world, "home/.ga-tombstone-data-backup-2025-8-1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(goes_on_with_what_a_run_that_died_left),
        TEST(a_run_killed_in_the_middle_is_finished_by_the_next),
        TEST(finds_another_name_when_a_tombstone_is_in_the_way),
        TEST(a_refused_act_leaves_the_copy_and_names_the_reason),
        TEST(a_cancelled_run_deletes_nothing_more),
        TEST(a_folder_that_took_the_copys_name_is_not_deleted),
        TEST(an_upgrade_that_starts_meanwhile_stops_the_next_deletion),
        TEST(when_the_kept_copy_is_lost_meanwhile_the_next_one_stays),
        TEST(a_run_stopped_on_the_way_leaves_a_tombstone_for_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_backup_pruner_look.c: what a look sees of real trees: sums, open files, changes, what cannot be entered. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugins/backup-pruner/look.h"
#include "test_backup_pruner_world.h"

static const struct bp_looking plain = {.cancel_fd = -1};
static const struct bp_looking with_holders = {.cancel_fd = -1, .holders = 1};

static int
open_world(const struct world *world)
{
    int fd = open(world->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void
sums_up_a_tree_by_the_names_at_its_top(void **state)
{
    struct world  *world = *state;
    int            fd = open_world(world);
    struct bp_tree tree;

    put_file(world, "t/b.db/x", 3000);
    put_file(world, "t/b.db/deep/y", 500);
    put_text(world, "t/b.db/CURRENT", "MANIFEST-000007\n");
    put_text(world, "t/b.db/MANIFEST-000007", "m");
    put_text(world, "t/c.db/CURRENT", "MANIFEST-000007\n");
    put_file(world, "t/a", 10);
    put_folder(world, "t/empty");
    assert_int_equal(bp_look_tree(fd, "t", &plain, &tree), 0);
    assert_int_equal(tree.error, 0);
    assert_int_equal(tree.files, 6);
    assert_int_equal(tree.bytes, 3000 + 500 + 16 + 1 + 16 + 10);
    assert_int_equal(tree.n_parts, 4);
    assert_string_equal(tree.parts[0].name, "a");
    assert_int_equal(tree.parts[0].is_folder, 0);
    assert_string_equal(tree.parts[1].name, "b.db");
    assert_int_equal(tree.parts[1].files, 4);
    assert_int_equal(tree.parts[1].bytes, 3517);
    assert_int_equal(tree.parts[1].databases, 1);
    assert_int_equal(tree.parts[2].broken, 1); /* c.db: its MANIFEST is missing */
    assert_string_equal(tree.parts[3].name, "empty");
    assert_int_equal(tree.parts[3].files, 0);
    bp_tree_done(&tree);
    (void)close(fd);
}

static void
counts_what_deletion_frees_not_what_sizes_promise(void **state)
{
    struct world  *world = *state;
    int            fd = open_world(world);
    char           path[256];
    char           other[256];
    struct stat    st;
    struct bp_tree tree;

    put_file(world, "t/sparse", 0);
    put_file(world, "t/shared", 40000);
    full_path(world, "t/sparse", path, sizeof(path));
    assert_int_equal(truncate(path, 1 << 30), 0);
    full_path(world, "t/shared", path, sizeof(path));
    full_path(world, "other", other, sizeof(other));
    assert_int_equal(link(path, other), 0);
    full_path(world, "t", path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(bp_look_tree(fd, "t", &plain, &tree), 0);
    assert_int_equal(tree.bytes, (1 << 30) + 40000);
    assert_int_equal(tree.frees, (uint64_t)st.st_blocks * 512); /* the folder's own */
    bp_tree_done(&tree);
    (void)close(fd);
}

static enum bp_open
open_state(int fd, char *why, size_t len)
{
    struct bp_tree tree;
    enum bp_open   open;

    assert_int_equal(bp_look_tree(fd, "t", &with_holders, &tree), 0);
    (void)snprintf(why, len, "%s", tree.open_why);
    open = tree.open;
    bp_tree_done(&tree);
    return open;
}

static void
sees_who_has_a_file_open_for_reading_or_writing(void **state)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    struct world    *world = *state;
    int              fd = open_world(world);
    char             path[256];
    char             why[256];
    char             self[32];

    put_file(world, "t/a/one", 10);
    put_file(world, "t/b/two", 10);
    assert_int_equal(open_state(fd, why, sizeof(why)), BP_OPEN_NO);
    full_path(world, "t/b/two", path, sizeof(path));
    (void)snprintf(self, sizeof(self), "process %d (", (int)getpid());
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        int held = open(path, modes[i] | O_CLOEXEC);

        assert_true(held >= 0);
        assert_int_equal(open_state(fd, why, sizeof(why)), BP_OPEN_YES);
        assert_non_null(strstr(why, self));
        (void)close(held);
    }
    assert_int_equal(open_state(fd, why, sizeof(why)), BP_OPEN_NO);
    (void)close(fd);
}

static void
leaves_no_lease_behind(void **state)
{
    struct world *world = *state;
    int           fd = open_world(world);
    char          path[256];
    char          why[256];
    int           held;

    put_file(world, "t/file", 10);
    assert_int_equal(open_state(fd, why, sizeof(why)), BP_OPEN_NO);
    full_path(world, "t/file", path, sizeof(path));
    held = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* EWOULDBLOCK if there were one */
    assert_true(held >= 0);
    assert_int_equal(fcntl(held, F_GETLEASE), F_UNLCK);
    (void)close(held);
    (void)close(fd);
}

static void
finds_open_files_in_proc_too(void **state)
{
    struct world     *world = *state;
    struct bp_holders holders = {.nothing_seen = -EINVAL};
    ino_t             inos[3] = {0, 1, 2};
    char              path[256];
    char              who[160] = "";
    struct stat       st;
    int               held;
    int               r;

    put_file(world, "t/file", 10);
    full_path(world, "t/file", path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    inos[0] = st.st_ino;
    holders.dev = st.st_dev;
    holders.inos = inos;
    holders.n = 3;
    r = bp_ask_proc(&holders, who, sizeof(who));
    assert_true(r == 0 || (r < 0 && strstr(who, "process"))); /* nobody has it, or not all could be asked */
    held = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(bp_ask_proc(&holders, who, sizeof(who)), 1);
    assert_non_null(strstr(who, "has a file of it open"));
    (void)close(held);
}

static uint64_t
print_of(int fd)
{
    struct bp_tree tree;
    uint64_t       print;

    assert_int_equal(bp_look_tree(fd, "t", &plain, &tree), 0);
    print = tree.print;
    bp_tree_done(&tree);
    return print;
}

static void
notices_every_change_between_two_looks(void **state)
{
    struct world *world = *state;
    int           fd = open_world(world);
    char          path[256];
    char          moved[256];
    uint64_t      before;

    put_file(world, "t/a", 10);
    put_file(world, "t/sub/b", 10);
    before = print_of(fd);
    assert_int_equal(print_of(fd), before);
    put_age(world, "t/a", 5000); /* only times */
    assert_int_not_equal(print_of(fd), before);
    before = print_of(fd);
    full_path(world, "t/a", path, sizeof(path));
    full_path(world, "t/c", moved, sizeof(moved));
    assert_int_equal(rename(path, moved), 0); /* only a name */
    assert_int_not_equal(print_of(fd), before);
    before = print_of(fd);
    put_file(world, "t/sub/new", 0);
    assert_int_not_equal(print_of(fd), before);
    (void)close(fd);
}

static void
tells_apart_why_a_tree_cannot_be_looked_at(void **state)
{
    struct world  *world = *state;
    int            fd = open_world(world);
    struct bp_tree tree;

    put_file(world, "file", 1);
    put_link(world, "link", "home");
    assert_int_equal(bp_look_tree(fd, "absent", &plain, &tree), -ENOENT);
    bp_tree_done(&tree);
    assert_int_equal(bp_look_tree(fd, "file", &plain, &tree), -ENOTDIR);
    bp_tree_done(&tree);
    assert_int_equal(bp_look_tree(fd, "link", &plain, &tree), -ELOOP);
    bp_tree_done(&tree);
    (void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_up_a_tree_by_the_names_at_its_top),
        TEST(counts_what_deletion_frees_not_what_sizes_promise),
        TEST(sees_who_has_a_file_open_for_reading_or_writing),
        TEST(leaves_no_lease_behind),
        TEST(finds_open_files_in_proc_too),
        TEST(notices_every_change_between_two_looks),
        TEST(tells_apart_why_a_tree_cannot_be_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

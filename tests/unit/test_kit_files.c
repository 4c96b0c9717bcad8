/* Files read whole and replaced in one step, in a folder of the test's own. */
#include "kit/files.h"

#include <dirent.h>
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

static char folder[64];
static char path[96];
static char why[256];

static int
make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_kit_files.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* fails when anything was left lying about */
}

static void
assert_content(const char *expected)
{
    char  *text = NULL;
    size_t len = 0;

    assert_int_equal(ga_file_read(path, 1000, &text, &len, why, sizeof(why)), 0);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
    free(text);
}

static void
a_new_file_gets_the_mode_and_the_content(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(ga_file_write(path, "one", 3, 0640, why, sizeof(why)), 0);
    assert_content("one");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void
an_old_file_keeps_its_mode_and_owner(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(ga_file_write(path, "one", 3, 0600, why, sizeof(why)), 0);
    assert_int_equal(chmod(path, 0604), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 12, 34), 0);
    assert_int_equal(ga_file_write(path, "two", 3, 0600, why, sizeof(why)), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    if (geteuid() == 0)
        assert_int_equal(st.st_uid, 12);
    assert_content("two");
}

static void
a_symlink_is_replaced_and_its_target_left_alone(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(ga_file_write(path, "mine", 4, 0600, why, sizeof(why)), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void
what_is_larger_than_the_cap_or_no_file_is_not_read(void **state)
{
    char  *text = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(ga_file_write(path, "0123456789", 10, 0600, why, sizeof(why)), 0);
    assert_int_equal(ga_file_read(path, 9, &text, &len, why, sizeof(why)), -EFBIG);
    assert_non_null(strstr(why, path));
    assert_int_equal(ga_file_read(folder, 9, &text, &len, why, sizeof(why)), -EINVAL);
    assert_int_equal(ga_file_read("/no/such/file", 9, &text, &len, why, sizeof(why)), -ENOENT);
}

static void
a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
    char long_name[400];

    (void)state;
    assert_int_equal(ga_file_write(path, "old", 3, 0600, why, sizeof(why)), 0);
    memset(long_name, 'x', sizeof(long_name));
    (void)snprintf(long_name, sizeof(long_name), "%s/", folder);
    memset(long_name + strlen(long_name), 'x', 250);
    long_name[strlen(folder) + 251] = '\0';
    assert_int_equal(ga_file_write(long_name, "new", 3, 0600, why, sizeof(why)), -ENAMETOOLONG);
    assert_int_equal(ga_file_write("/no/such/folder/file", "new", 3, 0600, why, sizeof(why)), -ENOENT);
    assert_content("old");
}

static void
what_somebody_else_wrote_is_not_lost(void **state)
{
    (void)state;
    assert_int_equal(ga_file_write(path, "theirs", 6, 0600, why, sizeof(why)), 0);
    assert_int_equal(ga_file_replace(path, "mine", 4, "new", 3, why, sizeof(why)), -ESTALE);
    assert_content("theirs");
    assert_int_equal(ga_file_replace(path, "theirs", 6, "new", 3, why, sizeof(why)), 0);
    assert_content("new");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_file_gets_the_mode_and_the_content, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_old_file_keeps_its_mode_and_owner, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_symlink_is_replaced_and_its_target_left_alone, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_larger_than_the_cap_or_no_file_is_not_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file_and_nothing_else, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_somebody_else_wrote_is_not_lost, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

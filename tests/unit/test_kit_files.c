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
    (void)umask(022);
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

static void
a_mode_does_not_depend_on_the_umask(void **state)
{
    struct stat st;

    (void)state;
    (void)umask(077);
    assert_int_equal(ga_file_write(path, "one", 3, 0644, why, sizeof(why)), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static void
a_file_that_tells_no_size_is_read_whole(void **state)
{
    char  *text = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(ga_file_read("/proc/self/status", 100000, &text, &len, why, sizeof(why)), 0);
    assert_non_null(strstr(text, "VmRSS"));
    assert_int_equal(len, strlen(text));
    free(text);
    assert_int_equal(ga_file_read("/proc/self/status", 100, &text, &len, why, sizeof(why)), -EFBIG);
    assert_non_null(strstr(why, "/proc/self/status cannot be read: it has more than 100 bytes"));
}

static void
an_empty_file_is_read_as_nothing(void **state)
{
    (void)state;
    assert_int_equal(ga_file_write(path, "", 0, 0600, why, sizeof(why)), 0);
    assert_content("");
}

static void
a_file_of_just_the_cap_is_read(void **state)
{
    char  *text = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(ga_file_write(path, "0123456789", 10, 0600, why, sizeof(why)), 0);
    assert_int_equal(ga_file_read(path, 10, &text, &len, why, sizeof(why)), 0);
    assert_int_equal(len, 10);
    free(text);
}

static void
a_pipe_is_no_file_and_nobody_waits_for_it(void **state)
{
    char  *text = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ga_file_read(path, 10, &text, &len, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "no regular file"));
}

static void
a_file_that_is_gone_is_not_written_again(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(ga_file_replace(path, "old", 3, "new", 3, why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, path));
    assert_int_equal(lstat(path, &st), -1);
}

static void
missing_folders_are_made_with_their_mode(void **state)
{
    char        deep[128];
    struct stat st;

    (void)state;
    (void)umask(077);
    (void)snprintf(deep, sizeof(deep), "%s/file//b/c/", folder); /* what teardown calls the file is a folder here */
    assert_int_equal(ga_folder_make(deep, 0750, why, sizeof(why)), 0);
    assert_int_equal(ga_folder_make(deep, 0700, why, sizeof(why)), 0); /* is there: left as it is */
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(rmdir(deep), 0);
    (void)snprintf(deep, sizeof(deep), "%s/file/b", folder);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(rmdir(path), 0);
}

static void
a_file_in_the_way_of_a_folder_is_named(void **state)
{
    char deep[128];

    (void)state;
    assert_int_equal(ga_file_write(path, "x", 1, 0600, why, sizeof(why)), 0);
    (void)snprintf(deep, sizeof(deep), "%s/file/b", folder);
    assert_int_equal(ga_folder_make(deep, 0700, why, sizeof(why)), -ENOTDIR);
    assert_non_null(strstr(why, "'file': Not a directory"));
    assert_int_equal(ga_folder_make(path, 0700, why, sizeof(why)), -ENOTDIR);
    assert_content("x");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_gets_the_mode_and_the_content),
        TEST(an_old_file_keeps_its_mode_and_owner),
        TEST(a_symlink_is_replaced_and_its_target_left_alone),
        TEST(what_is_larger_than_the_cap_or_no_file_is_not_read),
        TEST(a_failed_write_leaves_the_old_file_and_nothing_else),
        TEST(what_somebody_else_wrote_is_not_lost),
        TEST(a_mode_does_not_depend_on_the_umask),
        TEST(a_file_that_tells_no_size_is_read_whole),
        TEST(an_empty_file_is_read_as_nothing),
        TEST(a_file_of_just_the_cap_is_read),
        TEST(a_pipe_is_no_file_and_nobody_waits_for_it),
        TEST(a_file_that_is_gone_is_not_written_again),
        TEST(missing_folders_are_made_with_their_mode),
        TEST(a_file_in_the_way_of_a_folder_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

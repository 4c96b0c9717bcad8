/* test_seed_place.c: files of a deploy folder: what is replaced is what was read, and nothing else is touched. */
#include "plugins/seed-manager/place.h"

#include <fcntl.h>
#include <gonka-agent/plugin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OLD "export A=1\n"
#define NEW "export A=2\n"

struct world {
    char              dir[64];
    struct place      place;
    struct place_file file;
    char              why[EDIT_WHY_MAX];
};

static void
put(const struct world *world, const char *name, const char *text)
{
    char path[128];
    int  fd;

    (void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void
assert_holds(const struct world *world, const char *name, const char *text)
{
    char digest[PLACE_DIGEST_MAX];
    char wanted[PLACE_DIGEST_MAX];

    place_digest(text, strlen(text), wanted);
    place_digest_beside(&world->file, name, digest);
    assert_string_equal(digest, wanted);
}

static int
setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/seed-place-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    put(world, "config.env", OLD);
    assert_int_equal(place_open(&world->place, world->dir, world->why), GA_OK);
    assert_int_equal(place_read(&world->place, PLACE_ENV, &world->file, world->why), GA_OK);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;

    place_remove_beside(&world->file, "config.env");
    place_remove_beside(&world->file, "aside");
    place_file_done(&world->file);
    place_close(&world->place);
    assert_int_equal(rmdir(world->dir), 0);
    free(world);
    return 0;
}

static void
a_file_is_replaced_by_what_lies_beside_it(void **state)
{
    struct world *world = *state;

    assert_int_equal(place_put_beside(&world->file, "aside", NEW, strlen(NEW), world->why), GA_OK);
    assert_int_equal(place_rename(&world->file, "aside", world->why), GA_OK);
    assert_holds(world, "config.env", NEW);
}

static void
what_was_written_meanwhile_is_not_replaced(void **state)
{
    struct world *world = *state;

    assert_int_equal(place_put_beside(&world->file, "aside", NEW, strlen(NEW), world->why), GA_OK);
    put(world, "config.env", "export A=3\n"); /* the same inode and size */
    assert_int_equal(place_rename(&world->file, "aside", world->why), GA_REFUSED);
    assert_holds(world, "config.env", "export A=3\n");
}

static void
another_file_with_the_same_content_is_not_replaced(void **state)
{
    struct world *world = *state;

    assert_int_equal(place_put_beside(&world->file, "aside", NEW, strlen(NEW), world->why), GA_OK);
    assert_int_equal(renameat(world->place.deploy_fd, "config.env", world->place.deploy_fd, "was"), 0);
    put(world, "config.env", OLD);
    assert_int_equal(place_rename(&world->file, "aside", world->why), GA_REFUSED);
    assert_holds(world, "config.env", OLD);
    place_remove_beside(&world->file, "was");
}

static void
a_symlink_that_took_its_place_is_not_replaced(void **state)
{
    struct world *world = *state;

    assert_int_equal(place_put_beside(&world->file, "aside", NEW, strlen(NEW), world->why), GA_OK);
    assert_int_equal(renameat(world->place.deploy_fd, "config.env", world->place.deploy_fd, "was"), 0);
    assert_int_equal(symlinkat("was", world->place.deploy_fd, "config.env"), 0);
    assert_int_equal(place_rename(&world->file, "aside", world->why), GA_REFUSED);
    assert_holds(world, "was", OLD);
    place_remove_beside(&world->file, "was");
}

static void
a_name_that_is_taken_is_not_overwritten(void **state)
{
    struct world *world = *state;

    put(world, "aside", "somebody's");
    assert_int_equal(place_put_beside(&world->file, "aside", NEW, strlen(NEW), world->why), GA_FAILED);
    assert_holds(world, "aside", "somebody's");
}

/* As another user; in a process of its own. Gives the outcome, or 99 when that user cannot be taken on. */
static int
writable_as_nobody(const struct world *world, char *why)
{
    int    pipes[2];
    int    status = 0;
    pid_t  pid;
    size_t n;

    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        if (setegid(65534) < 0 || seteuid(65534) < 0)
            _exit(99);
        status = place_writable(&world->file, why);
        n = strlen(why);
        _exit(write(pipes[1], why, n) == (ssize_t)n ? status : 98);
    }
    assert_true(pid > 0);
    assert_int_equal(close(pipes[1]), 0);
    memset(why, 0, EDIT_WHY_MAX);
    assert_true(read(pipes[0], why, EDIT_WHY_MAX - 1) >= 0);
    assert_int_equal(close(pipes[0]), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
a_folder_that_cannot_be_written_is_named(void **state)
{
    struct world *world = *state;

    if (geteuid() != 0)
        skip();
    assert_int_equal(writable_as_nobody(world, world->why), GA_REFUSED);
    assert_non_null(strstr(world->why, "cannot be written by user 65534"));
}

static void
a_foreign_owner_that_cannot_be_kept_is_named(void **state)
{
    struct world *world = *state;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(world->dir, 0777), 0);
    assert_int_equal(writable_as_nobody(world, world->why), GA_REFUSED);
    assert_non_null(strstr(world->why, "belongs to user 0"));
}

static void
a_huge_file_is_not_read(void **state)
{
    struct world     *world = *state;
    struct place_file file;
    char              path[128];

    (void)snprintf(path, sizeof(path), "%s/config.env", world->dir);
    assert_int_equal(truncate(path, PLACE_FILE_CAP + 1), 0);
    assert_int_equal(place_read(&world->place, PLACE_ENV, &file, world->why), GA_REFUSED);
    place_file_done(&file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_by_what_lies_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_written_meanwhile_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_with_the_same_content_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_symlink_that_took_its_place_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_taken_is_not_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_owner_that_cannot_be_kept_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_huge_file_is_not_read, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

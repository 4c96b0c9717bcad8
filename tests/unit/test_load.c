/* test_load.c: what the loader refuses, and in what words. */
#include "agent/load.h"
#include "tests/unit/runner_drive.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void
assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

/* What loading the file comes to; `text` gets the sentence of a refusal. */
static int
load_file(const char *path, char text[1024], const struct ga_plugin **ret)
{
    int fd = -1;
    int r = load_open(path, &fd, text, 1024);

    if (r < 0)
        return r;
    /* stays open: the loader knows libraries by name, and the name is the descriptor's number */
    return load_plugin(fd, path, ret, text, 1024);
}

static void
assert_refused(const char *name, const char *says)
{
    const struct ga_plugin *plugin = NULL;
    char                    text[1024] = "";
    const char             *path = drive_plugin(name);

    assert_true(load_file(path, text, &plugin) < 0);
    assert_null(plugin);
    assert_int_equal(strncmp(text, path, strlen(path)), 0); /* it names the file */
    assert_contains(text, says);
}

static void
another_major_is_refused_and_both_are_named(void **state)
{
    (void)state;
    assert_refused("bad-major", "wants ABI 2.0, this agent offers 1.0 to 1.0: use a newer agent");
}

static void
a_newer_minor_is_refused_and_both_are_named(void **state)
{
    (void)state;
    assert_refused("bad-minor", "wants ABI 1.1, this agent offers 1.0 to 1.0: use a newer agent");
}

static void
the_symbol_of_a_later_major_is_named(void **state)
{
    (void)state;
    assert_refused("bad-next-symbol",
                   "exports ga_plugin_v2 and not ga_plugin_v1: wants ABI 2.x, this agent offers 1.0");
}

static void
a_missing_symbol_is_named(void **state)
{
    (void)state;
    assert_refused("bad-no-symbol", "exports no symbol ga_plugin_v1");
}

static void
a_short_descriptor_is_refused_with_both_sizes(void **state)
{
    (void)state;
    assert_refused("bad-short", "its descriptor has 64 bytes (its symbol 64), ABI 1.0 wants 88");
    assert_refused("bad-tiny", "ga_plugin_v1 has 4 bytes, ABI 1.0 wants 88");
}

static void
a_descriptor_that_claims_more_than_its_symbol_has_is_refused(void **state)
{
    (void)state;
    assert_refused("bad-lying-size", "its descriptor has 152 bytes (its symbol 88)");
}

static void
short_elements_of_a_table_are_refused_with_both_sizes(void **state)
{
    (void)state;
    assert_refused("bad-stride", "options are 40 bytes each, ABI 1.0 wants 56");
}

static void
tables_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    assert_refused("bad-options", "option 1 (one) is there twice");
    assert_refused("bad-no-tasks", "has no tasks");
    assert_refused("bad-no-function", "task nothing has no function");
}

static void
a_plugin_is_named_like_its_file(void **state)
{
    (void)state;
    assert_refused("bad-name", "calls itself 'other-name', its file must be named 'other-name.so'");
}

static void
what_the_loader_cannot_resolve_is_named(void **state)
{
    (void)state;
    assert_refused("bad-library", "cannot be loaded: undefined symbol: gonka_agent_no_such_function");
}

static void
an_honest_plugin_is_loaded(void **state)
{
    const struct ga_plugin *plugin = NULL;
    const struct ga_task   *task;
    char                    text[1024] = "";

    (void)state;
    if (load_file(drive_plugin("sample-good"), text, &plugin) < 0)
        fail_msg("%s", text);
    task = load_task(plugin, "echo");
    assert_non_null(task);
    assert_null(load_task(plugin, "ech"));
    assert_non_null(load_option(plugin, "ages"));
    assert_null(load_option(plugin, "times"));
    assert_non_null(load_arg(plugin, task, "times"));
    assert_null(load_arg(plugin, task, "ages"));
    assert_false(load_has_topic(plugin, "any"));
}

static void
a_plugin_of_the_frozen_contract_is_loaded(void **state)
{
    const struct ga_plugin *plugin = NULL;
    char                    text[1024] = "";

    (void)state;
    if (load_file(drive_plugin("frozen-1-0"), text, &plugin) < 0)
        fail_msg("%s", text);
    assert_true(load_has_topic(plugin, "frozen.thawed"));
    assert_string_equal(load_option_at(plugin, 1)->key, "number");
    assert_int_equal(load_option_at(plugin, 1)->max, 100);
}

/* --- the file ------------------------------------------------------------------------------------------------------
 */

static char folder[64];
static char file[100];

static int
make_folder(void **state)
{
    (void)state;
    drive_folder(folder);
    (void)snprintf(file, sizeof(file), "%s/sample-good.so", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    (void)remove(file);
    return rmdir(folder);
}

/* A copy of an honest plugin. */
static void
copy_plugin(void)
{
    char    buf[4096];
    int     from = open(drive_plugin("sample-good"), O_RDONLY | O_CLOEXEC);
    int     to = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ssize_t n;

    assert_true(from >= 0 && to >= 0);
    while ((n = read(from, buf, sizeof(buf))) > 0)
        assert_int_equal(write(to, buf, (size_t)n), n);
    (void)close(from);
    (void)close(to);
}

static void
assert_file_refused(const char *says)
{
    const struct ga_plugin *plugin = NULL;
    char                    text[1024] = "";

    assert_true(load_file(file, text, &plugin) < 0);
    assert_int_equal(strncmp(text, file, strlen(file)), 0);
    assert_contains(text, says);
}

static void
a_file_that_others_may_write_is_refused_with_its_mode(void **state)
{
    (void)state;
    copy_plugin();
    assert_int_equal(chmod(file, 0664), 0);
    assert_file_refused("has mode 0664, a plugin must not be writable by group or others: chmod go-w it");
    assert_int_equal(chmod(file, 0646), 0);
    assert_file_refused("has mode 0646");
}

static void
a_file_of_another_user_is_refused_with_both_users(void **state)
{
    (void)state;
    copy_plugin();
    if (chown(file, 4711, (gid_t)-1) < 0)
        skip(); /* only root can give files away */
    assert_file_refused("belongs to user 4711, a plugin must belong to root or to the agent's user");
}

static void
a_symbolic_link_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink(drive_plugin("sample-good"), file), 0);
    assert_file_refused("is a symbolic link");
}

static void
a_folder_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(file, 0755), 0);
    assert_file_refused("is a directory, a plugin must be a regular file");
}

static void
a_pipe_is_refused_and_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_file_refused("is a pipe");
}

static void
a_socket_is_refused(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", file);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_file_refused("is a socket");
    (void)close(fd);
}

static void
a_missing_file_is_named(void **state)
{
    (void)state;
    assert_file_refused("cannot be opened: No such file or directory");
}

static void
a_file_that_is_no_library_is_refused(void **state)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "not a library at all, sorry\n", 28), 28);
    (void)close(fd);
    assert_file_refused("cannot be loaded: invalid ELF header");
}

int
main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_major_is_refused_and_both_are_named),
        cmocka_unit_test(a_newer_minor_is_refused_and_both_are_named),
        cmocka_unit_test(the_symbol_of_a_later_major_is_named),
        cmocka_unit_test(a_missing_symbol_is_named),
        cmocka_unit_test(a_short_descriptor_is_refused_with_both_sizes),
        cmocka_unit_test(a_descriptor_that_claims_more_than_its_symbol_has_is_refused),
        cmocka_unit_test(short_elements_of_a_table_are_refused_with_both_sizes),
        cmocka_unit_test(tables_that_cannot_be_used_are_refused),
        cmocka_unit_test(a_plugin_is_named_like_its_file),
        cmocka_unit_test(what_the_loader_cannot_resolve_is_named),
        cmocka_unit_test(an_honest_plugin_is_loaded),
        cmocka_unit_test(a_plugin_of_the_frozen_contract_is_loaded),
        WITH_FILE(a_file_that_others_may_write_is_refused_with_its_mode),
        WITH_FILE(a_file_of_another_user_is_refused_with_both_users),
        WITH_FILE(a_symbolic_link_is_refused),
        WITH_FILE(a_folder_is_refused),
        WITH_FILE(a_pipe_is_refused_and_not_waited_for),
        WITH_FILE(a_socket_is_refused),
        WITH_FILE(a_missing_file_is_named),
        WITH_FILE(a_file_that_is_no_library_is_refused),
    };

    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}

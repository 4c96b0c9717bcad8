/* test_sandbox_kernels.c: kernels that offer much, little and nothing, and what the sandbox says of itself. */
#include "tests/unit/runner_drive.h"
#include "tests/unit/sandbox_try.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- kernels of all kinds ------------------------------------------------------------------------------------------
 */

static void
a_kernel_without_landlock_is_said_and_the_run_goes_on(void **state)
{
    struct sandbox_request request = {.mode = "best-effort", .plugin_fd = -1};
    struct tried           tried = try_with(&request, 0, try_write, below(beside, "file"));

    (void)state;
    assert_int_equal(tried.entered, 0);
    assert_int_equal(tried.error, 0); /* nothing stops it */
    assert_string_equal(tried.text, "none: this kernel has no landlock");
    tried = try_with(&request, -EOPNOTSUPP, NULL, NULL);
    assert_int_equal(tried.entered, 0);
    assert_string_equal(tried.text, "none: landlock is not switched on, add it to lsm= on the kernel's command line");
}

static void
required_refuses_a_kernel_that_offers_too_little(void **state)
{
    struct sandbox_request request = {.mode = "required", .plugin_fd = -1};
    struct tried           tried;

    (void)state;
    for (int abi = 0; abi < SANDBOX_ABI_REQUIRED; abi++) {
        char offered[32];

        tried = try_with(&request, abi, try_write, below(beside, "file"));
        assert_int_equal(tried.entered, -EOPNOTSUPP);
        (void)snprintf(offered, sizeof(offered), abi ? "offers %d" : "offers none", abi);
        assert_non_null(strstr(tried.text, "wants landlock abi 4"));
        assert_non_null(strstr(tried.text, offered));
        assert_int_equal(access(below(beside, "file"), F_OK), -1);
    }
    assert_int_equal(try_with(&request, -EOPNOTSUPP, NULL, NULL).entered, -EOPNOTSUPP);
}

static void
every_older_abi_is_used_as_far_as_it_goes(void **state)
{
    struct sandbox_request request = {.mode = "best-effort", .plugin_fd = -1};
    int                    offered = sandbox_abi();

    (void)state;
    if (offered < 1)
        skip();
    make_file(below(beside, "file"), "x", 0644);
    for (int abi = 1; abi <= offered && abi <= ABI_KNOWN; abi++) {
        struct tried tried = try_with(&request, abi, try_read, below(beside, "file"));
        char         begin[80];

        assert_int_equal(tried.entered, 0);
        assert_int_equal(tried.error, EACCES);
        (void)snprintf(begin, sizeof(begin), "landlock abi %d: files%s%s", abi, abi < 3 ? " (but truncation)" : "",
                       abi < 4 ? ", no tcp ports" : " and tcp ports");
        assert_int_equal(strncmp(tried.text, begin, strlen(begin)), 0);
        if (abi < offered)
            assert_int_equal(try_with(&request, abi, try_truncate, below(beside, "file")).error, abi < 3 ? 0 : EACCES);
    }
}

static void
switched_off_is_said(void **state)
{
    struct sandbox_request request = {.mode = "off", .plugin_fd = -1};
    struct tried           tried = try_with(&request, sandbox_abi(), try_write, below(beside, "file"));

    (void)state;
    assert_int_equal(tried.entered, 0);
    assert_int_equal(tried.error, 0);
    assert_string_equal(tried.text, "off: switched off in the manifest");
}

static void
no_mode_lets_privileges_grow(void **state)
{
    static const char *const modes[] = {"off", "best-effort"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sandbox_request request = {.mode = modes[i], .plugin_fd = -1};

        assert_int_equal(try_with(&request, 0, try_new_privileges, NULL).error, 0);
    }
}

static void
rules_that_are_none_are_refused(void **state)
{
    static const char *const texts[] = {"{\"paths\":[{\"path\":\"relative\",\"access\":\"r\"}]}",
                                        "{\"paths\":[{\"path\":\"/x\",\"access\":\"q\"}]}",
                                        "{\"paths\":[{\"path\":\"/x\",\"access\":\"\"}]}",
                                        "{\"paths\":[\"/x\"]}",
                                        "{\"connect\":[\"70000\"]}",
                                        "{\"connect\":[\"0\"]}",
                                        "{\"connect\":[4222]}",
                                        "{\"bind\":[\"x\"]}"};

    (void)state;
    if (sandbox_abi() < 4)
        skip();
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        cJSON                 *rules = cJSON_Parse(texts[i]);
        struct sandbox_request request = {.mode = "best-effort", .rules = rules, .plugin_fd = -1};

        assert_non_null(rules);
        assert_int_equal(try_with(&request, sandbox_abi(), NULL, NULL).entered, -EINVAL);
        cJSON_Delete(rules);
    }
    assert_int_equal(try_with(&(struct sandbox_request){.mode = "perhaps", .plugin_fd = -1}, 0, NULL, NULL).entered,
                     -EINVAL);
}

static void
the_text_counts_what_is_in_force_and_names_what_is_not(void **state)
{
    cJSON *rules = cJSON_Parse("{\"paths\":[{\"path\":\"/etc\",\"access\":\"r\"},{\"path\":\"/no/where\",\"access\":"
                               "\"r\"},{\"path\":\"/not/there\",\"access\":\"r\"}],\"connect\":[\"4222\",\"80\"],"
                               "\"bind\":[\"8080\"],\"gpu\":false}");
    struct sandbox_request request = {.mode = "best-effort", .rules = rules, .plugin_fd = -1};

    (void)state;
    if (sandbox_abi() < ABI_KNOWN)
        skip();
    assert_string_equal(try_with(&request, ABI_KNOWN, NULL, NULL).text,
                        "landlock abi 7: files and tcp ports, 1 path, ports 4222 80 listening on 8080; not there: "
                        "'/no/where' (No such file or directory) and 1 more");
    cJSON_Delete(rules);
}

static void
the_rules_are_printed_for_people(void **state)
{
    cJSON *rules = cJSON_Parse("{\"paths\":[{\"path\":\"/no/where\",\"access\":\"rwxs\"}],\"connect\":[\"4222\"],"
                               "\"bind\":[\"8080\"],\"gpu\":true}");
    char  *text = sandbox_describe(rules, folder);

    (void)state;
    assert_non_null(text);
    assert_non_null(strstr(text, "read write execute connect  /no/where (not there)\n"));
    assert_non_null(strstr(text, folder));
    assert_non_null(strstr(text, "connect            tcp port 4222\n"));
    assert_non_null(strstr(text, "listen             tcp port 8080\n"));
    assert_non_null(strstr(text, "/dev/kfd"));
    free(text);
    cJSON_Delete(rules);
    text = sandbox_describe(NULL, NULL);
    assert_non_null(strstr(text, "system, read"));
    assert_null(strstr(text, "/dev/kfd"));
    free(text);
}

int
main(void)
{
#define WITH_FOLDERS(test) cmocka_unit_test_setup_teardown(test, make_folders, remove_folders)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDERS(a_kernel_without_landlock_is_said_and_the_run_goes_on),
        WITH_FOLDERS(required_refuses_a_kernel_that_offers_too_little),
        WITH_FOLDERS(every_older_abi_is_used_as_far_as_it_goes),
        WITH_FOLDERS(switched_off_is_said),
        cmocka_unit_test(no_mode_lets_privileges_grow),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(the_text_counts_what_is_in_force_and_names_what_is_not),
        WITH_FOLDERS(the_rules_are_printed_for_people),
    };

    return cmocka_run_group_tests_name("sandbox kernels", tests, NULL, NULL);
}

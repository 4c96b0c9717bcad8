/* test_secrets.c: references to secrets become values, or a sentence that says why not. */
#include "agent/secrets.h"
#include "tests/unit/runner_drive.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int
make_folder(void **state)
{
    (void)state;
    drive_folder(folder);
    return unsetenv("CREDENTIALS_DIRECTORY");
}

static int
remove_folder(void **state)
{
    struct drive holder = {.plugin = NULL};

    (void)state;
    memcpy(holder.state_dir, folder, sizeof(folder));
    drive_done(&holder);
    return unsetenv("CREDENTIALS_DIRECTORY");
}

static const char *
make_secret(const char *name, const void *data, size_t len, mode_t mode)
{
    static char path[128];
    int         fd;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
    return path;
}

/* Resolves one reference and copies value or error. 1 a value, 0 an error. */
static int
resolve(const char *kind, const char *name, char text[1024])
{
    cJSON               *options = cJSON_CreateObject();
    cJSON               *ref = cJSON_AddObjectToObject(options, "password");
    struct secrets       secrets = {.items = NULL};
    const struct secret *secret;
    int                  found;

    (void)cJSON_AddStringToObject(ref, kind, name);
    assert_int_equal(secrets_resolve(&secrets, options), 0);
    secret = secrets_find(&secrets, ref);
    assert_non_null(secret);
    assert_true(!secret->value != !secret->error);
    found = secret->value != NULL;
    (void)snprintf(text, 1024, "%s", found ? secret->value : secret->error);
    secrets_done(&secrets);
    cJSON_Delete(options);
    return found;
}

static void
assert_value(const char *kind, const char *name, const char *value)
{
    char text[1024];

    if (!resolve(kind, name, text))
        fail_msg("%s", text);
    assert_string_equal(text, value);
}

static void
assert_error(const char *kind, const char *name, const char *says)
{
    char text[1024];

    if (resolve(kind, name, text))
        fail_msg("there is a value");
    assert_non_null(strstr(text, name));
    if (!strstr(text, says))
        fail_msg("'%s' is not in: %s", says, text);
}

static void
a_file_is_read_without_its_last_newline(void **state)
{
    (void)state;
    assert_value("file", make_secret("a", "hunter2\n", 8, 0600), "hunter2");
    assert_value("file", make_secret("b", "hunter2\r\n", 9, 0640), "hunter2");
    assert_value("file", make_secret("c", " two\nlines \n\n", 13, 0400), " two\nlines \n");
}

static void
a_file_that_others_may_read_is_refused_with_its_mode(void **state)
{
    (void)state;
    assert_error("file", make_secret("a", "hunter2", 7, 0644), "has mode 0644, others may use it: chmod o-rwx /");
    assert_error("file", make_secret("a", "hunter2", 7, 0602), "has mode 0602");
}

static void
what_is_no_regular_file_is_refused(void **state)
{
    char path[128];

    (void)state;
    assert_error("file", folder, "is a directory");
    assert_error("file", "/dev/null", "is a device");
    (void)snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_error("file", path, "is a device, a pipe or a socket"); /* and is not waited for */
}

static void
a_file_that_holds_no_text_is_refused(void **state)
{
    char *big = calloc(1, SECRETS_MAX + 1);

    (void)state;
    memset(big, 'x', SECRETS_MAX + 1);
    assert_error("file", make_secret("empty", "", 0, 0600), "is empty");
    assert_error("file", make_secret("blank", "\n", 1, 0600), "is empty");
    assert_error("file", make_secret("zero", "a\0b", 3, 0600), "holds a zero byte");
    assert_error("file", make_secret("big", big, SECRETS_MAX + 1, 0600), "has more than 64 KiB");
    free(big);
}

static void
a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_error("file", "/nowhere/at/all", "cannot be opened: No such file or directory");
    assert_error("file", "relative/path", "must be an absolute path");
}

static void
a_credential_is_a_file_of_its_folder(void **state)
{
    (void)state;
    (void)make_secret("token", "hunter2\n", 8, 0400);
    assert_error("credential", "token", "there is no $CREDENTIALS_DIRECTORY: add LoadCredential=token:");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_value("credential", "token", "hunter2");
    assert_error("credential", "missing", "cannot be opened");
    assert_error("credential", "../token", "a name without '/'");
    assert_error("credential", "..", "a name without '/'");
}

static void
a_variable_is_read_and_can_be_forgotten(void **state)
{
    cJSON         *options = cJSON_Parse("{\"a\":{\"env\":\"GA_TEST_SECRET\"}}");
    struct secrets secrets = {.items = NULL};

    (void)state;
    assert_int_equal(setenv("GA_TEST_SECRET", "hunter2", 1), 0);
    assert_value("env", "GA_TEST_SECRET", "hunter2");
    assert_error("env", "GA_TEST_NOT_SET", "is not set in the agent's environment");
    assert_int_equal(secrets_resolve(&secrets, options), 0);
    secrets_forget_variable(&secrets.items[0]);
    assert_null(getenv("GA_TEST_SECRET"));
    assert_string_equal(secrets.items[0].value, "hunter2");
    secrets_done(&secrets);
    cJSON_Delete(options);
}

static void
references_are_found_in_lists_and_maps(void **state)
{
    cJSON         *options = cJSON_Parse("{\"list\":[{\"env\":\"GA_TEST_SECRET\"},{\"env\":\"GA_TEST_SECRET\"}],"
                                                 "\"map\":{\"file\":{\"env\":\"GA_TEST_SECRET\"}},\"text\":\"env\","
                                                 "\"more\":{\"env\":\"x\",\"file\":\"y\"}}");
    struct secrets secrets = {.items = NULL};

    (void)state;
    assert_int_equal(setenv("GA_TEST_SECRET", "hunter2", 1), 0);
    assert_int_equal(secrets_resolve(&secrets, options), 0);
    assert_int_equal(secrets.n, 3);
    for (size_t i = 0; i < secrets.n; i++)
        assert_string_equal(secrets.items[i].value, "hunter2");
    assert_null(secrets_find(&secrets, cJSON_GetObjectItemCaseSensitive(options, "more")));
    secrets_done(&secrets);
    cJSON_Delete(options);
}

/* --- masking -------------------------------------------------------------------------------------------------------
 */

static void
assert_masked(const struct mask *mask, const char *text, const char *expected)
{
    char *masked = mask_text(mask, text);

    assert_string_equal(masked, expected);
    free(masked);
}

static void
every_place_of_every_secret_is_masked(void **state)
{
    struct mask mask = {.needles = NULL};

    (void)state;
    assert_int_equal(mask_add(&mask, "hunter2"), 0);
    assert_int_equal(mask_add(&mask, "hunter2-and-more"), 0);
    assert_int_equal(mask_add(&mask, "other"), 0);
    assert_masked(&mask, "hunter2", "***");
    assert_masked(&mask, "a hunter2hunter2 b other", "a ****** b ***");
    assert_masked(&mask, "hunter2-and-more!", "***!"); /* the longer one wins */
    assert_masked(&mask, "hunter hunte2 HUNTER2", "hunter hunte2 HUNTER2");
    assert_masked(&mask, "", "");
    mask_done(&mask);
}

static void
short_secrets_are_not_masked(void **state)
{
    struct mask mask = {.needles = NULL};

    (void)state;
    assert_int_equal(mask_add(&mask, "abc"), 0);
    assert_masked(&mask, "abcabc", "abcabc");
    assert_int_equal(mask_add(&mask, "abcd"), 0);
    assert_masked(&mask, "abcd abc", "*** abc");
    mask_done(&mask);
}

static void
a_line_of_a_long_secret_is_masked_too(void **state)
{
    struct mask mask = {.needles = NULL};

    (void)state;
    assert_int_equal(mask_add(&mask, "-----BEGIN-----\r\nSEEDSEEDSEED\nabc\n"), 0);
    assert_masked(&mask, "it is SEEDSEEDSEED, abc", "it is ***, abc");
    assert_masked(&mask, "-----BEGIN-----\r\nSEEDSEEDSEED\nabc\n", "***");
    mask_done(&mask);
}

static void
strings_and_keys_of_a_document_are_masked(void **state)
{
    struct mask mask = {.needles = NULL};
    cJSON      *doc = cJSON_Parse("{\"a\":[\"x-hunter\\\"2-y\",{\"hunter\\\"2\":1}],\"n\":5}");
    char       *text;

    (void)state;
    assert_int_equal(mask_add(&mask, "hunter\"2"), 0); /* escaped in JSON: a search in the printed text would miss it */
    assert_int_equal(mask_json(&mask, doc), 1);
    text = cJSON_PrintUnformatted(doc);
    assert_string_equal(text, "{\"a\":[\"x-***-y\",{\"***\":1}],\"n\":5}");
    assert_int_equal(mask_json(&mask, doc), 0);
    free(text);
    cJSON_Delete(doc);
    mask_done(&mask);
}

int
main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_file_is_read_without_its_last_newline),
        WITH_FOLDER(a_file_that_others_may_read_is_refused_with_its_mode),
        WITH_FOLDER(what_is_no_regular_file_is_refused),
        WITH_FOLDER(a_file_that_holds_no_text_is_refused),
        WITH_FOLDER(a_file_that_is_not_there_is_named),
        WITH_FOLDER(a_credential_is_a_file_of_its_folder),
        cmocka_unit_test(a_variable_is_read_and_can_be_forgotten),
        cmocka_unit_test(references_are_found_in_lists_and_maps),
        cmocka_unit_test(every_place_of_every_secret_is_masked),
        cmocka_unit_test(short_secrets_are_not_masked),
        cmocka_unit_test(a_line_of_a_long_secret_is_masked_too),
        cmocka_unit_test(strings_and_keys_of_a_document_are_masked),
    };

    return cmocka_run_group_tests_name("secrets and masks", tests, NULL, NULL);
}

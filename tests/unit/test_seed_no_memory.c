/*
 * test_seed_no_memory.c: the seed-manager's editors when memory runs out, at each place where they ask for some: an
 * error in words, nothing half-done handed out, nothing lost (the sanitizers see that). All of their memory is asked
 * for in two files, which are compiled here with allocators that fail when they are told to.
 */
#include "plugins/seed-manager/edit_env.h"
#include "plugins/seed-manager/edit_toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t left; /* requests that are granted before one fails */

static int
granted(void)
{
    return left-- > 0;
}

static void *
test_realloc_or_none(void *data, size_t size)
{
    return granted() ? realloc(data, size) : NULL;
}

static void *
test_calloc_or_none(size_t n, size_t size)
{
    return granted() ? calloc(n, size) : NULL;
}

static void *
test_malloc_or_none(size_t size)
{
    return granted() ? malloc(size) : NULL;
}

#define realloc test_realloc_or_none
#define calloc test_calloc_or_none
#define malloc test_malloc_or_none
#include "plugins/seed-manager/diff.c"
#include "plugins/seed-manager/edit_bytes.c"
#undef realloc
#undef calloc
#undef malloc

static const char toml[] =
    "\"x\" = 1\n[p2p]\nlong = \"12345678901234567890123456789012345678901234567890123456789012345\"\n"
    "# 12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    "# 12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    "seeds = \"old\"\n";

/* What is tried: 0; -1: refused, with the reason in why and nothing else. */
typedef int (*attempt)(char *why);

static int
get_toml(char *why)
{
    struct edit_text in = {"file", toml, strlen(toml)};
    char            *value = NULL;
    int              r = edit_toml_get(&in, "p2p", "seeds", &value, why);

    assert_int_equal(value != NULL, r == 1);
    free(value);
    return r < 0 ? -1 : 0;
}

static int
end_set(struct edit_bytes *out, int r)
{
    assert_int_equal(out->data != NULL, r == 0);
    edit_bytes_free(out);
    return r;
}

static int
set_toml(char *why)
{
    struct edit_text         in = {"file", toml, strlen(toml)};
    const struct toml_change changes[] = {{"seeds", "new"}, {"persistent_peers", "new"}};
    struct edit_bytes        out = {0};

    return end_set(&out, edit_toml_set(&in, "p2p", changes, 2, &out, why));
}

static int
set_nothing_in_toml(char *why)
{
    struct edit_text  in = {"file", toml, strlen(toml)};
    struct edit_bytes out = {0};

    return end_set(&out, edit_toml_set(&in, "p2p", NULL, 0, &out, why));
}

static int
get_env(char *why)
{
    static const char *const keys[] = {"A", "B"};
    struct edit_text         in = {"file", "A=1\nB=2\n", 8};
    char                    *values[2];
    int                      r = edit_env_get(&in, keys, 2, values, why);

    assert_int_equal(values[0] != NULL, r == 0);
    assert_int_equal(values[1] != NULL, r == 0);
    free(values[0]);
    free(values[1]);
    return r;
}

static int
set_env(char *why)
{
    const struct env_change changes[] = {{"A", "new"}, {"NONE", "new"}};
    struct edit_text        in = {"file", "A=1\nB=2\n", 8};
    struct edit_bytes       out = {0};

    return end_set(&out, edit_env_set(&in, changes, 2, &out, why));
}

static int
set_nothing_in_env(char *why)
{
    struct edit_text  in = {"file", "A=1\n", 4};
    struct edit_bytes out = {0};

    return end_set(&out, edit_env_set(&in, NULL, 0, &out, why));
}

static int
show_difference(char *why)
{
    struct edit_text    before = {"file", "a\n", 2};
    struct edit_text    after = {"file", "b\n", 2};
    struct diff_options options = {.context = 3};
    struct edit_bytes   out = {0};
    int                 r = diff_unified(&before, &after, &options, &out, why);

    edit_bytes_free(&out);
    return r;
}

/* Fails the first request, then the second, and so on, until none is left to fail. Returns how many there were. */
static size_t
fail_each(attempt try_it)
{
    for (size_t n = 0;; n++) {
        char why[EDIT_WHY_MAX] = "";

        left = n;
        if (try_it(why) == 0) {
            left = 0;
            return n;
        }
        if (strncmp(why, "file: no memory to ", 19) != 0)
            fail_msg("request %zu: \"%s\"", n + 1, why);
        assert_in_range(n, 0, 1000);
    }
}

static void
each_request_that_fails_is_said(void **state)
{
    (void)state;
    assert_true(fail_each(get_toml) >= 2);
    assert_true(fail_each(set_toml) >= 6);
    assert_true(fail_each(set_nothing_in_toml) >= 1);
    assert_true(fail_each(get_env) >= 2);
    assert_true(fail_each(set_env) >= 4);
    assert_true(fail_each(set_nothing_in_env) >= 1);
    assert_true(fail_each(show_difference) >= 6);
}

static void
more_bytes_than_memory_has_addresses_are_refused(void **state)
{
    struct edit_bytes bytes = {0};

    (void)state;
    left = 10;
    edit_bytes_put(&bytes, "a", 1);
    edit_bytes_put(&bytes, "", SIZE_MAX / 2 + 2);
    assert_true(bytes.failed);
    edit_bytes_free(&bytes);
    edit_bytes_put(&bytes, "a", 1);
    edit_bytes_put(&bytes, "", SIZE_MAX);
    assert_true(bytes.failed);
    edit_bytes_put(&bytes, "b", 1);
    assert_string_equal(bytes.data, "a"); /* what was put since is lost, and `failed` says so */
    edit_bytes_free(&bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_that_fails_is_said),
        cmocka_unit_test(more_bytes_than_memory_has_addresses_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_fakehost_values.c: options, arguments and secrets as a task gets them from the fakehost. */
#include "tests/unit/fakehost_player.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- values --------------------------------------------------------------------------------------------------------
 */

static int
see_defaults(struct ga_run *r, const struct ga_host *host)
{
    assert_string_equal(host->str(r, "text"), "a: text");
    assert_int_equal(host->num(r, "number"), 42);
    assert_int_equal(host->num(r, "period"), 90000000000);
    assert_true(host->num(r, "room") == INT64_C(3) << 30);
    assert_int_equal(host->count(r, "names"), 2);
    assert_string_equal(host->str_at(r, "names", 1), "b");
    assert_string_equal(host->map_key(r, "ages", 1), "two");
    assert_int_equal(host->num_at(r, "ages", 1), 2000000000);
    return host->end(r, GA_OK, "seen");
}

static void
a_task_gets_the_defaults_of_the_descriptor(void **state)
{
    (void)state;
    assert_fine(run(see_defaults, "play"), GA_OK);
    assert_string_equal(fakehost_summary(fh), "seen");
}

static int
see_absence(struct ga_run *r, const struct ga_host *host)
{
    assert_int_equal(host->has(r, "flag"), 0);
    assert_int_equal(host->num(r, "flag"), 0);
    assert_int_equal(host->has(r, "folder"), 0);
    assert_null(host->str(r, "folder"));
    assert_int_equal(host->has(r, "names"), 0);
    assert_int_equal(host->count(r, "names"), 0);
    return GA_OK;
}

static void
what_is_not_given_is_absent_and_an_empty_list_too(void **state)
{
    (void)state;
    assert_int_equal(fakehost_set(fh, "names", "[]"), 0);
    assert_fine(run(see_absence, "play"), GA_OK);
}

static int
see_given(struct ga_run *r, const struct ga_host *host)
{
    assert_int_equal(host->num(r, "flag"), 1);
    assert_int_equal(host->num(r, "number"), -10);
    assert_int_equal(host->num(r, "period"), 5400000000000);
    assert_int_equal(host->num(r, "room"), 250000000000);
    assert_string_equal(host->str(r, "vote"), "no");
    assert_string_equal(host->str(r, "folder"), "/srv/data");
    assert_string_equal(host->str(r, "server"), "nats://h");
    assert_int_equal(host->count(r, "names"), 3);
    assert_string_equal(host->str_at(r, "names", 2), "c d");
    assert_int_equal(host->count(r, "ages"), 1);
    assert_string_equal(host->map_key(r, "ages", 0), "txs");
    assert_int_equal(host->num_at(r, "ages", 0), 86400000000000);
    return GA_OK;
}

static void
a_task_gets_what_was_set_in_the_manifests_syntax(void **state)
{
    static const char *const given[][2] = {
        {"flag", "true"},       {"number", "-10"},        {"period", "1h30m"},    {"room", "250GB"},
        {"vote", "no"},         {"folder", "/srv/data/"}, {"server", "nats://h"}, {"names", "[a, 'b', \"c d\"]"},
        {"ages", "{txs: 24h}"},
    };

    (void)state;
    for (size_t i = 0; i < N(given); i++)
        assert_int_equal(fakehost_set(fh, given[i][0], given[i][1]), 0);
    assert_fine(run(see_given, "play"), GA_OK);
}

static void
a_value_that_its_type_does_not_take_is_refused_and_stops_every_run(void **state)
{
    static const struct {
        const char *key;
        const char *text;
        const char *says;
    } wrong[] = {
        {"number", "1.5", "'number' must be a whole number, not '1.5'"},
        {"number", "101", "'number' must be from -10 to 100"},
        {"number", "99999999999999999999", "whole number"},
        {"flag", "yes", "'flag' must be true or false"},
        {"period", "30", "'period' must be a duration"},
        {"period", "0s", "must be from 1ns to"},
        {"room", "3 GB", "'room' must be a size"},
        {"vote", "ye", "cannot be 'ye', it is one of yes|no|abstain"},
        {"vote", "yes|no", "cannot be 'yes|no'"},
        {"folder", "srv", "'folder' must be an absolute path"},
        {"folder", "/srv/../etc", "without '..'"},
        {"server", "http://h:1", "must be a URL of nats:4222|docker"},
        {"server", "docker://h", "needs a port"},
        {"server", "nats://h:70000", "port is none"},
        {"server", "nats://u:p@h", "user or password"},
        {"server", "nats://", "without a host"},
        {"names", "a", "'names' must be a list"},
        {"names", "[a, [b]]", "must be one value, not a list"},
        {"ages", "{a: 1s, a: 2s}", "has the key 'a' twice"},
        {"ages", "{a: x}", "must be a duration"},
        {"text", "", "has no value"},
        {"text", "null", "has no value"},
        {"text", "'open", "is not YAML"},
        {"text", "!!int 5", "has a tag"},
        {"names", "[&x a, *x]", "has an alias"},
        {"text", "a\n--- \nb", "behind its value"},
    };

    (void)state;
    for (size_t i = 0; i < N(wrong); i++) {
        assert_int_equal(fakehost_set(fh, wrong[i].key, wrong[i].text), -1);
        assert_violation(wrong[i].says);
        assert_int_equal(run(see_defaults, "play"), GA_FAILED);
        assert_violation(wrong[i].says);
        assert_int_equal(fakehost_set(fh, wrong[i].key, NULL), 0);
        assert_null(fakehost_violation(fh));
    }
}

static void
a_value_can_be_taken_back(void **state)
{
    (void)state;
    assert_int_equal(fakehost_set(fh, "number", "7"), 0);
    assert_int_equal(fakehost_set(fh, "number", NULL), 0);
    assert_fine(run(see_defaults, "play"), GA_OK);
}

static void
an_option_that_the_plugin_has_not_stops_every_run(void **state)
{
    (void)state;
    assert_int_equal(fakehost_set(fh, "nmaes", "[a]"), -1);
    assert_int_equal(run(see_defaults, "play"), GA_FAILED);
    assert_violation("the option 'nmaes', which 'player' has not");
}

static int
see_argument(struct ga_run *r, const struct ga_host *host)
{
    return host->end(r, GA_OK, "%d %d", (int)host->num(r, "must"), (int)host->num(r, "number"));
}

static void
an_argument_hides_the_option_of_the_same_name(void **state)
{
    (void)state;
    assert_int_equal(fakehost_arg(fh, "demand", "must", "1"), 0);
    assert_fine(run(see_argument, "demand"), GA_OK);
    assert_string_equal(fakehost_summary(fh), "1 42");
    assert_int_equal(fakehost_arg(fh, "demand", "number", "7"), 0);
    assert_fine(run(see_argument, "demand"), GA_OK);
    assert_string_equal(fakehost_summary(fh), "1 7");
}

static void
an_argument_that_must_be_given_is_missed(void **state)
{
    (void)state;
    assert_int_equal(run(see_argument, "demand"), GA_FAILED);
    assert_violation("'must' of player must be given");
}

static void
an_argument_of_no_task_or_of_no_such_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(fakehost_arg(fh, "sing", "must", "1"), -1);
    assert_violation("the task 'sing', which there is not");
    fakehost_free(fh);
    fh = fakehost_new(&plugin);
    assert_int_equal(fakehost_arg(fh, "demand", "text", "1"), -1);
    assert_violation("the argument 'text', which task 'demand' has not");
}

static void
a_task_that_is_not_there_fails(void **state)
{
    (void)state;
    assert_int_equal(fakehost_run(fh, "sing"), GA_FAILED);
    assert_violation("plugin 'player' has no task 'sing'");
}

/* --- secrets -------------------------------------------------------------------------------------------------------
 */

static int
see_secret(struct ga_run *r, const struct ga_host *host)
{
    assert_string_equal(host->str(r, "token"), "s3cret");
    return GA_OK;
}

static void
a_secret_is_taken_as_it_is_or_by_reference(void **state)
{
    char path[64] = "/tmp/test_fakehost.XXXXXX";
    char reference[128];
    int  fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    assert_int_equal(close(fd), 0);
    (void)snprintf(reference, sizeof(reference), "{file: %s}", path);
    assert_int_equal(fakehost_set(fh, "token", reference), 0);
    assert_int_equal(unlink(path), 0);
    assert_fine(run(see_secret, "play"), GA_OK);
    assert_int_equal(setenv("TEST_FAKEHOST_TOKEN", "s3cret", 1), 0);
    assert_int_equal(fakehost_set(fh, "token", "{env: TEST_FAKEHOST_TOKEN}"), 0);
    assert_fine(run(see_secret, "play"), GA_OK);
    assert_int_equal(fakehost_set(fh, "token", "s3cret"), 0);
    assert_fine(run(see_secret, "play"), GA_OK);
    assert_int_equal(fakehost_set(fh, "token", "{file: /no/such/secret}"), -1);
    assert_violation("/no/such/secret");
    assert_int_equal(fakehost_set(fh, "token", "{vault: x}"), -1);
    assert_violation("not {vault: ...}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_gets_the_defaults_of_the_descriptor),
        TEST(what_is_not_given_is_absent_and_an_empty_list_too),
        TEST(a_task_gets_what_was_set_in_the_manifests_syntax),
        TEST(a_value_that_its_type_does_not_take_is_refused_and_stops_every_run),
        TEST(a_value_can_be_taken_back),
        TEST(an_option_that_the_plugin_has_not_stops_every_run),
        TEST(an_argument_hides_the_option_of_the_same_name),
        TEST(an_argument_that_must_be_given_is_missed),
        TEST(an_argument_of_no_task_or_of_no_such_name_is_refused),
        TEST(a_task_that_is_not_there_fails),
        TEST(a_secret_is_taken_as_it_is_or_by_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

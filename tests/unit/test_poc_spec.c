/* Arguments of the worker's tasks: models, nonces, devices. */
#include "plugins/poc-worker/lane.h"
#include "plugins/poc-worker/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_refused(const char *params, const char *words)
{
    struct poc_params ret;
    char              why[256] = "";

    assert_int_equal(poc_spec_params(params, &ret, why, sizeof(why)), -1);
    if (!strstr(why, words))
        fail_msg("'%s' is refused with '%s', which lacks '%s'", params, why, words);
}

static void
models_have_names(void **state)
{
    struct poc_params params;
    char              why[256];

    (void)state;
    assert_int_equal(poc_spec_params("v2", &params, why, sizeof(why)), 0);
    assert_int_equal(params.dim, 1792);
    assert_int_equal(poc_spec_params("v1", &params, why, sizeof(why)), 0);
    assert_int_equal(params.dim, 1024);
    assert_refused("v3", "there is no model 'v3'");
}

static void
a_model_is_json_with_the_defaults_of_a_request(void **state)
{
    struct poc_params params;
    char              why[256];

    (void)state;
    assert_int_equal(
        poc_spec_params(" {\"dim\": 256, \"use_scaled_rope\": true, \"norm_eps\": 1e-6}", &params, why, sizeof(why)),
        0);
    assert_int_equal(params.dim, 256);
    assert_int_equal(params.use_scaled_rope, 1);
    assert_true(params.norm_eps == 1e-6);
    assert_int_equal(params.n_layers, 16);
}

static void
a_model_that_is_none_is_refused_in_words(void **state)
{
    (void)state;
    assert_refused("{\"dim\": 256", "no JSON");
    assert_refused("{\"dims\": 256}", "no member 'dims'");
    assert_refused("{\"dim\": \"wide\"}", "params.dim must be a number");
    assert_refused("{\"dim\": -1}", "params.dim must be a number");
    assert_refused("{\"rope_theta\": \"x\"}", "params.rope_theta must be a number");
    assert_refused("{\"n_heads\": 3}", "params.dim");
}

static void
nonces_are_numbers_and_ranges(void **state)
{
    int64_t *nonces = NULL;
    size_t   n = 0;
    char     why[256];

    (void)state;
    assert_int_equal(poc_spec_nonces("0,1,5-9,9223372036854775807", &nonces, &n, why, sizeof(why)), 0);
    assert_int_equal(n, 8);
    assert_int_equal(nonces[2], 5);
    assert_int_equal(nonces[6], 9);
    assert_true(nonces[7] == INT64_MAX);
    free(nonces);
}

static void
nonces_that_are_none_are_refused_in_words(void **state)
{
    static const char *const wrong[] = {"", "a", "1,", "-1", "5-", "9-5", "1;2", "1 2", "9223372036854775808", "0x1"};
    int64_t                 *nonces = NULL;
    size_t                   n = 0;
    char                     why[256];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        why[0] = 0;
        if (poc_spec_nonces(wrong[i], &nonces, &n, why, sizeof(why)) != -1)
            fail_msg("'%s' was taken", wrong[i]);
        assert_non_null(strstr(why, "nonces: "));
    }
    assert_int_equal(poc_spec_nonces("0-9223372036854775807", &nonces, &n, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "more than"));
}

static void
devices_for_tests_are_taken_only_when_there_is_no_other(void **state)
{
    struct poc_device_info infos[3] = {{.test_only = 1}, {.test_only = 0}, {.test_only = 0}};
    struct poc_chosen      chosen;
    char                   why[256];

    (void)state;
    assert_int_equal(poc_spec_devices("auto", infos, 3, &chosen, why, sizeof(why)), 0);
    assert_int_equal(chosen.n, 2);
    assert_int_equal(chosen.devices[0], 1);
    assert_int_equal(poc_spec_devices("auto", infos, 1, &chosen, why, sizeof(why)), 0);
    assert_int_equal(chosen.n, 1);
    assert_int_equal(chosen.devices[0], 0);
}

static void
devices_are_named_by_number(void **state)
{
    struct poc_device_info infos[3] = {0};
    struct poc_chosen      chosen;
    char                   why[256];

    (void)state;
    assert_int_equal(poc_spec_devices("2,0", infos, 3, &chosen, why, sizeof(why)), 0);
    assert_int_equal(chosen.n, 2);
    assert_int_equal(chosen.devices[0], 2);
    assert_int_equal(poc_spec_devices("plain", NULL, 0, &chosen, why, sizeof(why)), 0);
    assert_int_equal(chosen.devices[0], POC_PLAIN);
    assert_int_equal(poc_spec_devices("1,plain", infos, 3, &chosen, why, sizeof(why)), 0);
    assert_int_equal(chosen.n, 2);
    assert_int_equal(chosen.devices[1], POC_PLAIN);
    assert_int_equal(poc_spec_devices("plain,plain", infos, 3, &chosen, why, sizeof(why)), -1);
    assert_int_equal(poc_spec_devices("plainly", infos, 3, &chosen, why, sizeof(why)), -1);
    assert_int_equal(poc_spec_devices("3", infos, 3, &chosen, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "no device 3"));
    assert_int_equal(poc_spec_devices("1,1", infos, 3, &chosen, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "twice"));
    assert_int_equal(poc_spec_devices("gpu", infos, 3, &chosen, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "'gpu'"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_have_names),
        cmocka_unit_test(a_model_is_json_with_the_defaults_of_a_request),
        cmocka_unit_test(a_model_that_is_none_is_refused_in_words),
        cmocka_unit_test(nonces_are_numbers_and_ranges),
        cmocka_unit_test(nonces_that_are_none_are_refused_in_words),
        cmocka_unit_test(devices_for_tests_are_taken_only_when_there_is_no_other),
        cmocka_unit_test(devices_are_named_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

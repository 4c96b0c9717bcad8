/* test_poc_version.c: which version of the proof of compute a network asks for. */
#include "plugins/poc-worker/version.h"

#include "chain_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PARAMS "/chain-api/productscience/inference/inference/params"

/* What a node's answer comes to. */
static int
version_of(int status, const char *body, char *why, size_t len)
{
    const struct chain_server_reply replies[] = {{.target = PARAMS, .status = status, .body = body}, {0}};
    struct chain_server             server;
    int                             version;

    chain_server_start(&server, replies);
    why[0] = '\0';
    version = poc_chain_version(server.url, -1, why, len);
    chain_server_stop(&server);
    return version;
}

static void
the_flag_decides_wherever_it_stands(void **state)
{
    char why[800];

    (void)state;
    assert_int_equal(version_of(200, "{\"params\":{\"poc_params\":{\"poc_v2_enabled\":true}}}", why, sizeof(why)), 2);
    assert_int_equal(version_of(200, "{\"params\":{\"poc_v2_enabled\":true}}", why, sizeof(why)), 2);
    assert_int_equal(version_of(200, "{\"params\":{\"poc_params\":{\"poc_v2_enabled\":false}}}", why, sizeof(why)), 1);
}

static void
a_network_without_the_flag_has_version_1(void **state)
{
    char why[800];

    (void)state;
    assert_int_equal(version_of(200, "{\"params\":{\"poc_params\":{\"default_difficulty\":5}}}", why, sizeof(why)), 1);
}

static void
what_could_not_be_asked_is_no_version(void **state)
{
    char why[800];
    char nobody[64];

    (void)state;
    assert_int_equal(version_of(502, "<html>", why, sizeof(why)), -1);
    assert_non_null(strstr(why, "the chain's node"));
    assert_int_equal(version_of(200, "[]", why, sizeof(why)), -1);
    chain_server_nobody(nobody, sizeof(nobody));
    why[0] = '\0';
    assert_int_equal(poc_chain_version(nobody, -1, why, sizeof(why)), -1);
    assert_true(why[0] != '\0');
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_flag_decides_wherever_it_stands),
        cmocka_unit_test(a_network_without_the_flag_has_version_1),
        cmocka_unit_test(what_could_not_be_asked_is_no_version),
    };

    return cmocka_run_group_tests_name("poc version", tests, NULL, NULL);
}

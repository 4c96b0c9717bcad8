/* What a node says of itself, read. */
#include "kit/chain.h"
#include "kit/json.h"

#include "chain_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CHAIN "gonka-mainnet"
#define FRESH "2025-11-20T10:11:12.345678901Z"

static enum ga_chain_why
parse(const char *text, struct ga_chain_status *status, struct ga_chain_error *error)
{
    cJSON            *json = ga_json_parse(text, strlen(text), error->text, sizeof(error->text));
    const cJSON      *result = ga_json_get(json, "result");
    enum ga_chain_why why;

    assert_non_null(json);
    why = ga_chain_status_parse("node-a", result, status, error);
    cJSON_Delete(json);
    return why;
}

static void
test_status(void **state)
{
    struct ga_chain_status status;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(
        parse(chain_server_status(CHAIN, "6140F7090137d93c272ff5ccd863484d1592949d", "\"1510000\"", FRESH, "false"),
              &status, &error),
        GA_CHAIN_OK);
    assert_string_equal(status.chain_id, CHAIN);
    assert_string_equal(status.node_id, "6140f7090137d93c272ff5ccd863484d1592949d");
    assert_string_equal(status.moniker, "my-node");
    assert_string_equal(status.listen_addr, "tcp://0.0.0.0:5000");
    assert_int_equal(status.height, 1510000);
    assert_true(status.block_time_ns == INT64_C(1763633472345678901));
    assert_int_equal(status.earliest_height, 1498001);
    assert_int_equal(status.catching_up, 0);
    assert_string_equal(status.validator_address, "139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8");
    assert_string_equal(status.validator_pubkey, "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps=");
    assert_int_equal(status.voting_power, 1000);
}

static void
test_status_with_numbers(void **state)
{
    struct ga_chain_status status;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(parse(chain_server_status(CHAIN, "", "9007199254740993", FRESH, "\"true\""), &status, &error), 0);
    assert_true(status.height == INT64_C(9007199254740993));
    assert_int_equal(status.catching_up, 1);
    assert_string_equal(status.node_id, "");
}

/* A node that has no block yet says the year 1. */
static void
test_status_before_the_first_block(void **state)
{
    struct ga_chain_status status;
    struct ga_chain_error  error;

    (void)state;
    assert_int_equal(parse(chain_server_status(CHAIN, "", "0", "0001-01-01T00:00:00Z", "true"), &status, &error), 0);
    assert_true(status.block_time_ns == INT64_MIN);
}

static void
test_status_that_lacks_something(void **state)
{
    static const struct {
        const char *chain_id;
        const char *height;
        const char *time;
        const char *catching_up;
        const char *named;
    } cases[] = {
        {"", "\"5\"", FRESH, "false", "network"},         {CHAIN, "\"\"", FRESH, "false", "height"},
        {CHAIN, "-1", FRESH, "false", "height"},          {CHAIN, "1.5", FRESH, "false", "height"},
        {CHAIN, "5", "yesterday", "false", "block_time"}, {CHAIN, "5", FRESH, "null", "catching_up"},
        {CHAIN, "5", FRESH, "\"no\"", "catching_up"},
    };
    struct ga_chain_status status;
    struct ga_chain_error  error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(
            parse(chain_server_status(cases[i].chain_id, "x", cases[i].height, cases[i].time, cases[i].catching_up),
                  &status, &error),
            GA_CHAIN_BAD_ANSWER);
        assert_non_null(strstr(error.text, cases[i].named));
        assert_non_null(strstr(error.text, "node-a"));
    }
    assert_int_equal(parse("{\"result\":7}", &status, &error), GA_CHAIN_BAD_ANSWER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_with_numbers),
        cmocka_unit_test(test_status_before_the_first_block),
        cmocka_unit_test(test_status_that_lacks_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

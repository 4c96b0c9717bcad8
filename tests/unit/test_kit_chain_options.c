/* test_kit_chain_options.c: the options of plugins of the chain become sources and rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/chain_options.h"
#include "tests/fakehost/fakehost.h"

static struct ga_chain_setup setup_read;
static int                   answer;
static char                  why[512];

static int
read_task(struct ga_run *run, const struct ga_host *host)
{
    answer = ga_chain_setup(run, host, &setup_read, why, sizeof(why));
    return GA_OK;
}

static const struct ga_option options[] = {GA_CHAIN_OPTIONS};
static const struct ga_task   tasks[] = {{.name = "read", .summary = "reads", .function = read_task}};
static const struct ga_plugin plugin = {.size = sizeof(plugin),
                                        .abi_major = GA_ABI_MAJOR,
                                        .name = "reader",
                                        .version = "1",
                                        .summary = "reads options",
                                        .options = options,
                                        .n_options = sizeof(options) / sizeof(*options),
                                        .option_stride = sizeof(*options),
                                        .tasks = tasks,
                                        .n_tasks = 1,
                                        .task_stride = sizeof(*tasks)};

static struct fakehost *host;

static int
setup(void **state)
{
    (void)state;
    host = fakehost_new(&plugin);
    return host ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    fakehost_free(host);
    return 0;
}

static void
set(const char *key, const char *value)
{
    if (fakehost_set(host, key, value) < 0)
        fail_msg("%s", fakehost_violation(host));
}

static int
read_options(void)
{
    assert_int_equal(fakehost_run(host, "read"), GA_OK);
    return answer;
}

static void
the_own_node_comes_first_below_its_proxy(void **state)
{
    (void)state;
    set("node", "http://127.0.0.1:8000");
    set("sources", "[http://a:8000, https://b]");
    assert_int_equal(read_options(), 0);
    assert_int_equal(setup_read.n, 3);
    assert_int_equal(setup_read.has_own, 1);
    assert_string_equal(setup_read.sources[0].name, "node");
    assert_string_equal(setup_read.sources[0].rpc, "http://127.0.0.1:8000/chain-rpc");
    assert_string_equal(setup_read.sources[0].api, "http://127.0.0.1:8000/chain-api");
    assert_string_equal(setup_read.sources[2].rpc, "https://b/chain-rpc");
    assert_int_equal(setup_read.rules.agree, 2);
    assert_string_equal(setup_read.rules.chain_id, "gonka-mainnet");
}

static void
a_port_of_its_own_goes_before_the_proxy(void **state)
{
    (void)state;
    set("node", "http://127.0.0.1:8000");
    set("node_rpc", "http://127.0.0.1:26657");
    assert_int_equal(read_options(), 0);
    assert_string_equal(setup_read.sources[0].rpc, "http://127.0.0.1:26657");
    assert_string_equal(setup_read.sources[0].api, "http://127.0.0.1:8000/chain-api");
    assert_int_equal(setup_read.rules.agree, 1);
}

static void
without_an_own_node_the_others_do(void **state)
{
    (void)state;
    set("sources", "[http://a:8000]");
    set("agree", "1");
    set("ask_timeout", "250ms");
    set("max_lag", "9");
    set("max_age", "2m");
    assert_int_equal(read_options(), 0);
    assert_int_equal(setup_read.has_own, 0);
    assert_int_equal(setup_read.sources[0].total_ms, 250);
    assert_int_equal(setup_read.rules.max_lag, 9);
    assert_int_equal(setup_read.rules.max_age_ns, 120000000000);
}

static void
what_cannot_work_is_said(void **state)
{
    (void)state;
    assert_int_equal(read_options(), -22);
    assert_non_null(strstr(why, "no node to ask: set the option node"));
    set("node_rest", "http://127.0.0.1:1317");
    assert_int_equal(read_options(), -22);
    assert_non_null(strstr(why, "node_rest is given without node_rpc or node"));
    set("node_rpc", "http://127.0.0.1:26657");
    set("agree", "2");
    assert_int_equal(read_options(), -22);
    assert_non_null(strstr(why, "agree is 2, but only 1 node is named"));
    set("sources", "['http://a:8000/?x=1']");
    assert_int_equal(read_options(), -22);
    assert_non_null(strstr(why, "sources[0]: "));
}

static void
more_sources_than_can_be_asked_are_refused(void **state)
{
    char   list[4096] = "[";
    size_t used = 1;

    (void)state;
    for (int i = 0; i <= GA_CHAIN_SOURCES_MAX; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%shttp://h%d:8000", i ? ", " : "", i);
    (void)snprintf(list + used, sizeof(list) - used, "]");
    set("sources", list);
    assert_int_equal(read_options(), -22);
    assert_non_null(strstr(why, "sources has 65 entries, 64 nodes can be asked at most"));
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    static const struct CMUnitTest tests[] = {
        WITH(the_own_node_comes_first_below_its_proxy),   WITH(a_port_of_its_own_goes_before_the_proxy),
        WITH(without_an_own_node_the_others_do),          WITH(what_cannot_work_is_said),
        WITH(more_sources_than_can_be_asked_are_refused),
    };

    return cmocka_run_group_tests_name("kit chain options", tests, NULL, NULL);
}

/* test_kit_upgrade_info.c: the info of an upgrade's plan. */
#include "kit/upgrade_info.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SUM "fab7be9bcdb4e21f058e6d19cfd698b6862bf6f5a8aeecbf9165907fc7edcc64"
#define SUM_CAPITALS "FAB7BE9BCDB4E21F058E6D19CFD698B6862BF6F5A8AEECBF9165907FC7EDCC64"

static struct ga_upgrade_info info;
static char                   why[300];

static int
decode(const char *text)
{
    why[0] = '\0';
    return ga_upgrade_info_decode(text, &info, why, sizeof(why));
}

static void
test_both_maps_of_a_real_plan(void **state)
{
    const struct ga_upgrade_binary *binary;

    (void)state;
    assert_int_equal(decode("{\"binaries\":{\"linux/amd64\":\"https://x/inferenced-amd64.zip?checksum=sha256:" SUM
                            "\"},"
                            "\"api_binaries\":{\"linux/amd64\":\"https://x/api.zip?checksum=sha256:" SUM_CAPITALS "\"},"
                            "\"node_version\":\"v3.0.9\",\"later\":1}"),
                     0);
    binary = ga_upgrade_info_choose(&info.node, "linux/amd64");
    assert_string_equal(binary->sha256, SUM);
    assert_string_equal(binary->why, "");
    assert_string_equal(ga_upgrade_info_choose(&info.api, "linux/amd64")->sha256, SUM);
    assert_string_equal(info.node_version, "v3.0.9");
    assert_null(ga_upgrade_info_choose(&info.node, "linux/arm64"));
    ga_upgrade_info_free(&info);
}

static void
test_an_empty_text_and_empty_maps_name_nothing(void **state)
{
    static const char *const texts[] = {"", "{}", "{\"binaries\":null,\"node_version\":null}", "{\"binaries\":{}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(decode(texts[i]), 0);
        assert_int_equal(info.node.n + info.api.n, 0);
        assert_string_equal(info.node_version, "");
        ga_upgrade_info_free(&info);
    }
}

static void
test_what_could_be_read_in_two_ways_is_an_error(void **state)
{
    static const char *const texts[] = {
        "https://x/info.json",
        "[]",
        "{\"binaries\":[]}",
        "{\"binaries\":{},\"binaries\":{}}",
        "{\"binaries\":{},\"Binaries\":{}}",
        "{\"api_binaries\":\"x\"}",
        "{\"node_version\":3}",
        "{\"node_version\":\"a\",\"node_version\":\"b\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(decode(texts[i]), -EBADMSG);
        assert_non_null(strstr(why, "plan.info"));
        assert_null(info.json);
    }
}

static void
test_a_bad_entry_is_bad_alone(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"binaries\":{\"linux/arm64\":7,\"darwin/arm64\":\"https://x/y?checksum=md5:1\","
                            "\"linux/riscv\":\"a\",\"LINUX/riscv\":\"b\",\"linux/amd64\":\"https://x/z\"}}"),
                     0);
    assert_string_not_equal(ga_upgrade_info_choose(&info.node, "linux/arm64")->why, "");
    assert_string_not_equal(ga_upgrade_info_choose(&info.node, "darwin/arm64")->why, "");
    assert_string_not_equal(ga_upgrade_info_choose(&info.node, "linux/riscv")->why, "");
    assert_string_equal(ga_upgrade_info_choose(&info.node, "linux/amd64")->why, "");
    ga_upgrade_info_free(&info);
}

static void
test_any_is_taken_where_the_platform_is_not_named(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"binaries\":{\"any\":\"https://x/any\",\"linux/amd64\":\"https://x/amd64\"}}"), 0);
    assert_string_equal(ga_upgrade_info_choose(&info.node, "linux/amd64")->url, "https://x/amd64");
    assert_string_equal(ga_upgrade_info_choose(&info.node, "linux/arm64")->url, "https://x/any");
    ga_upgrade_info_free(&info);
}

static void
test_more_platforms_than_there_can_be(void **state)
{
    char   text[4096] = "{\"binaries\":{";
    size_t n = strlen(text);

    (void)state;
    for (int i = 0; i <= GA_UPGRADE_PLATFORMS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"p%d\":\"u\"", i ? "," : "", i);
    (void)snprintf(text + n, sizeof(text) - n, "}}");
    assert_int_equal(decode(text), -EBADMSG);
}

static void
test_checksums(void **state)
{
    static const char *const bad[] = {
        "https://x?checksum=md5:" SUM,     "https://x?checksum=sha256:" SUM "0",
        "https://x?checksum=sha256:12",    "https://x?checksum=sha256:" SUM "&checksum=sha256:" SUM,
        "https://x?xchecksum=sha256:" SUM, "https://x?checksum=file:sums.txt",
    };
    char sum[GA_UPGRADE_SHA256];

    (void)state;
    assert_int_equal(ga_upgrade_checksum("https://x/y", sum), -ENOENT);
    assert_int_equal(ga_upgrade_checksum("https://x/y?a=b", sum), -ENOENT);
    assert_int_equal(ga_upgrade_checksum("https://x/checksum=sha256:" SUM, sum), -ENOENT);
    assert_int_equal(ga_upgrade_checksum("https://x/y?a=b&checksum=sha256:" SUM "&c=d", sum), 0);
    assert_string_equal(sum, SUM);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ga_upgrade_checksum(bad[i], sum), -EINVAL);
        assert_string_equal(sum, "");
    }
}

static void
assert_plain(const char *url, const char *plain)
{
    char *found = ga_upgrade_plain_url(url);

    assert_string_equal(found, plain);
    free(found);
}

static void
test_the_checksum_is_not_part_of_what_is_asked_for(void **state)
{
    (void)state;
    assert_plain("https://x/y?checksum=sha256:" SUM, "https://x/y");
    assert_plain("https://x/y?a=b&checksum=sha256:" SUM, "https://x/y?a=b");
    assert_plain("https://x/y?checksum=sha256:" SUM "&a=b", "https://x/y?a=b");
    assert_plain("https://x/release%2Fv0.2.5/y", "https://x/release%2Fv0.2.5/y");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_maps_of_a_real_plan),
        cmocka_unit_test(test_an_empty_text_and_empty_maps_name_nothing),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_an_error),
        cmocka_unit_test(test_a_bad_entry_is_bad_alone),
        cmocka_unit_test(test_any_is_taken_where_the_platform_is_not_named),
        cmocka_unit_test(test_more_platforms_than_there_can_be),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_the_checksum_is_not_part_of_what_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

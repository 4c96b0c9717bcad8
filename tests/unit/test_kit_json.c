/* JSON without cJSON's losses. */
#include "kit/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cJSON *
parse(const char *text)
{
    char   why[160] = "";
    cJSON *json = ga_json_parse(text, strlen(text), why, sizeof(why));

    if (!json)
        print_error("%s: %s\n", text, why);
    return json;
}

static void
assert_refused(const char *text, const char *because)
{
    char   why[160] = "";
    cJSON *json = ga_json_parse(text, strlen(text), why, sizeof(why));

    assert_null(json);
    assert_int_equal(errno, EBADMSG);
    if (!strstr(why, because))
        fail_msg("%s: said '%s', expected '%s'", text, why, because);
}

static void
a_document_comes_back_with_all_its_digits(void **state)
{
    static const char *const documents[] = {
        "{\"max_age\":86400000000000,\"max_bytes\":-1,\"seq\":18446744073709551615,\"big\":"
        "123456789012345678901234567890}",
        "[9007199254740993,-9223372036854775808,1000000000000000,999999999999999,0.1,1.5e+300,\"12345678901234567\"]",
        "{\"nested\":{\"list\":[{\"n\":9007199254740993}]},\"text\":\"\\u0001x\",\"empty\":{},\"none\":null}",
        "-9007199254740993",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        cJSON *json = parse(documents[i]);
        char  *text = ga_json_print(json);

        assert_string_equal(text, documents[i]);
        free(text);
        cJSON_Delete(json);
    }
}

static void
one_member_can_be_changed_and_the_rest_stays(void **state)
{
    cJSON *json = parse("{\"name\":\"x\",\"unheard_of\":9007199254740993,\"max_age\":0,\"last\":true}");
    char  *text;

    (void)state;
    assert_int_equal(ga_json_add_i64(json, "max_age", 86400000000000), 0);
    text = ga_json_print(json);
    assert_string_equal(text,
                        "{\"name\":\"x\",\"unheard_of\":9007199254740993,\"max_age\":86400000000000,\"last\":true}");
    free(text);
    cJSON_Delete(json);
}

static void
what_is_not_json_is_refused_and_the_place_named(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused("{} x", "something follows");
    assert_refused("{\"a\":1}{", "something follows");
    assert_refused("<html>", "byte 0");
    assert_refused("{\"a\":01}", "byte 5");
    assert_refused("[1.]", "not a number");
    assert_refused("[+1]", "not JSON");
    assert_refused("[1e999]", "beyond what a double can hold");
    assert_refused("[\"\t\"]", "control character");
    assert_refused("[\"\\u0000\"]", "NUL");
    assert_refused("[\"\xc0\x80\"]", "not UTF-8");
    assert_refused("[\"\xed\xa0\x80\"]", "not UTF-8");
    assert_refused("[\"open", "ends within a string");
    assert_refused("{12345678901234567:1}", "key");
}

static void
deep_nesting_is_refused_and_all_that_is_allowed_parses(void **state)
{
    char   text[2 * GA_JSON_DEPTH_MAX + 8];
    cJSON *json;

    (void)state;
    memset(text, '[', GA_JSON_DEPTH_MAX);
    memset(text + GA_JSON_DEPTH_MAX, ']', GA_JSON_DEPTH_MAX);
    text[2 * GA_JSON_DEPTH_MAX] = '\0';
    json = parse(text);
    assert_non_null(json);
    cJSON_Delete(json);
    memset(text, '[', GA_JSON_DEPTH_MAX + 1);
    text[GA_JSON_DEPTH_MAX + 1] = '\0';
    assert_refused(text, "deep");
}

static void
integers_are_read_from_numbers_and_strings_alike(void **state)
{
    cJSON *json =
        parse("{\"n\":5,\"s\":\"7\",\"big\":18446744073709551615,\"bs\":\"18446744073709551615\",\"neg\":-3}");
    int64_t  i = 0;
    uint64_t u = 0;

    (void)state;
    assert_int_equal(ga_json_i64(json, "n", &i), 0);
    assert_int_equal(i, 5);
    assert_int_equal(ga_json_i64(json, "s", &i), 0);
    assert_int_equal(i, 7);
    assert_int_equal(ga_json_u64(json, "big", &u), 0);
    assert_true(u == UINT64_MAX);
    u = 0;
    assert_int_equal(ga_json_u64(json, "bs", &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(ga_json_i64(json, "neg", &i), 0);
    assert_int_equal(i, -3);
    cJSON_Delete(json);
}

static void
what_is_no_integer_is_told_apart(void **state)
{
    cJSON *json =
        parse("{\"f\":1.5,\"t\":\"x\",\"e\":\"\",\"sp\":\" 1\",\"b\":true,\"null\":null,\"big\":9223372036854775808}");
    int64_t  i = 42;
    uint64_t u = 42;

    (void)state;
    assert_int_equal(ga_json_i64(json, "missing", &i), -ENOENT);
    assert_int_equal(ga_json_i64(json, "null", &i), -ENOENT);
    assert_int_equal(ga_json_i64(json, "f", &i), -EINVAL);
    assert_int_equal(ga_json_i64(json, "t", &i), -EINVAL);
    assert_int_equal(ga_json_i64(json, "e", &i), -EINVAL);
    assert_int_equal(ga_json_i64(json, "sp", &i), -EINVAL);
    assert_int_equal(ga_json_i64(json, "b", &i), -EINVAL);
    assert_int_equal(ga_json_i64(json, "big", &i), -ERANGE);
    assert_int_equal(i, 42);
    assert_int_equal(ga_json_u64(json, "big", &u), 0);
    assert_true(u == UINT64_C(9223372036854775808));
    cJSON_Delete(json);
}

static void
keys_are_case_sensitive_and_paths_lead_into_lists(void **state)
{
    cJSON *json = parse("{\"A\":1,\"a\":{\"b\":[{\"c\":\"deep\"}]}}");

    (void)state;
    assert_null(ga_json_get(json, "B"));
    assert_string_equal(ga_json_str(ga_json_path(json, "a.b.0"), "c"), "deep");
    assert_string_equal(cJSON_GetStringValue(ga_json_path(json, "a.b.0.c")), "deep");
    assert_null(ga_json_path(json, "a.b.1.c"));
    assert_null(ga_json_path(json, "a.x.c"));
    cJSON_Delete(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_comes_back_with_all_its_digits),
        cmocka_unit_test(one_member_can_be_changed_and_the_rest_stays),
        cmocka_unit_test(what_is_not_json_is_refused_and_the_place_named),
        cmocka_unit_test(deep_nesting_is_refused_and_all_that_is_allowed_parses),
        cmocka_unit_test(integers_are_read_from_numbers_and_strings_alike),
        cmocka_unit_test(what_is_no_integer_is_told_apart),
        cmocka_unit_test(keys_are_case_sensitive_and_paths_lead_into_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

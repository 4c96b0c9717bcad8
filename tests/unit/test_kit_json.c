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
        ("{\"max_age\":86400000000000,\"max_bytes\":-1,\"seq\":18446744073709551615,\"big\":"
         "123456789012345678901234567890}"),
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
    assert_refused("{12345678901234567:1}", "byte 1: a number in the place of a key");
    assert_refused("{\"a\":[1],0.30000000000000004:1}", "byte 9: a number in the place of a key");
    assert_refused("]", "byte 0: ']' closes nothing");
    assert_refused("[1}", "byte 2");
    assert_refused("[1,]", "byte 3");
    assert_refused("\xef\xbb\xbf{}", "byte 0: an unexpected byte (0xef)");
    assert_refused("[\"\xf4\x90\x80\x80\"]", "not UTF-8");
    assert_refused("[\"\xe0\x80\xaf\"]", "not UTF-8");
    assert_refused("[12345678901234567,12345678901234567,x]", "byte 37");
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

static void
fractions_come_back_with_their_value(void **state)
{
    static const char document[] = "[0.30000000000000004,0.1,-0,1.7976931348623157e308,5e-324,0.1234567890123456789]";
    cJSON            *json = parse(document);
    char             *text = ga_json_print(json);
    cJSON            *again = parse(text);
    const cJSON      *a;
    const cJSON      *b = again->child;

    (void)state;
    cJSON_ArrayForEach(a, json)
    {
        assert_memory_equal(&a->valuedouble, &b->valuedouble, sizeof(double));
        assert_true(cJSON_IsNumber(a));
        b = b->next;
    }
    free(text);
    cJSON_Delete(json);
    cJSON_Delete(again);
}

static void
a_fraction_that_was_changed_is_printed_as_changed(void **state)
{
    cJSON *json = parse("{\"a\":0.30000000000000004}");
    char  *text;

    (void)state;
    (void)cJSON_SetNumberValue(json->child, 0.5);
    text = ga_json_print(json);
    assert_string_equal(text, "{\"a\":0.5}");
    free(text);
    cJSON_Delete(json);
}

static void
members_of_the_same_name_all_come_back(void **state)
{
    cJSON  *json = parse("{\"a\":1,\"a\":2,\"A\":3}");
    char   *text = ga_json_print(json);
    int64_t first = 0;

    (void)state;
    assert_string_equal(text, "{\"a\":1,\"a\":2,\"A\":3}");
    assert_int_equal(ga_json_i64(json, "a", &first), 0);
    assert_int_equal(first, 1);
    free(text);
    cJSON_Delete(json);
}

static void
escapes_are_checked(void **state)
{
    cJSON *json = parse("[\"\\ud83d\\ude00\\u00e9\\/\\n\"]");

    (void)state;
    assert_string_equal(json->child->valuestring, "\xf0\x9f\x98\x80\xc3\xa9/\n");
    cJSON_Delete(json);
    assert_refused("[\"\\ud800\"]", "byte 2: half of a surrogate pair");
    assert_refused("[\"\\udc00\"]", "half of a surrogate pair");
    assert_refused("[\"\\ud800\\u0041\"]", "half of a surrogate pair");
    assert_refused("[\"a\\q\"]", "byte 3: an escape that is none");
    assert_refused("[\"\\u00zz\"]", "an escape that is none");
    assert_refused("[\"\\u00", "ends within a string");
}

static void
the_length_counts_and_no_nul_is_needed(void **state)
{
    char   why[160];
    cJSON *json = ga_json_parse("[1]2", 3, why, sizeof(why));

    (void)state;
    assert_non_null(json);
    cJSON_Delete(json);
    assert_null(ga_json_parse("[1]\0", 4, why, sizeof(why)));
    assert_non_null(strstr(why, "byte 3: an unexpected byte (0x00)"));
}

static void
a_fraction_or_an_exponent_is_an_integer_only_when_it_is_exact(void **state)
{
    cJSON  *json = parse("{\"point\":5.0,\"exp\":1e3,\"huge\":1e18,\"near\":9007199254740993.0,\"negzero\":-0}");
    int64_t i = 42;

    (void)state;
    assert_int_equal(ga_json_i64(json, "point", &i), 0);
    assert_int_equal(i, 5);
    assert_int_equal(ga_json_i64(json, "exp", &i), 0);
    assert_int_equal(i, 1000);
    assert_int_equal(ga_json_i64(json, "huge", &i), -ERANGE);
    assert_int_equal(ga_json_i64(json, "near", &i), -ERANGE);
    assert_int_equal(i, 1000);
    assert_int_equal(ga_json_i64(json, "negzero", &i), 0);
    assert_int_equal(i, 0);
    cJSON_Delete(json);
}

static void
doubles_are_read_from_every_kind_of_number(void **state)
{
    cJSON *json = parse("{\"n\":1.5,\"s\":\"-2.5e1\",\"big\":12345678901234567,\"hex\":\"0x10\",\"inf\":\"inf\","
                        "\"e\":\"\",\"far\":\"1e999\"}");
    double d = 0;

    (void)state;
    assert_int_equal(ga_json_double(json, "n", &d), 0);
    assert_true(d == 1.5);
    assert_int_equal(ga_json_double(json, "s", &d), 0);
    assert_true(d == -25);
    assert_int_equal(ga_json_double(json, "big", &d), 0);
    assert_true(d == 12345678901234567.0);
    assert_int_equal(ga_json_double(json, "hex", &d), -EINVAL);
    assert_int_equal(ga_json_double(json, "inf", &d), -EINVAL);
    assert_int_equal(ga_json_double(json, "e", &d), -EINVAL);
    assert_int_equal(ga_json_double(json, "far", &d), -ERANGE);
    assert_int_equal(ga_json_double(json, "gone", &d), -ENOENT);
    assert_true(d == 12345678901234567.0);
    cJSON_Delete(json);
}

static void
an_unsigned_integer_is_never_negative(void **state)
{
    cJSON   *json = parse("{\"a\":-1,\"b\":\"-1\",\"c\":18446744073709551616,\"d\":-9223372036854775808,\"z\":\"-0\"}");
    uint64_t u = 42;

    (void)state;
    assert_int_equal(ga_json_u64(json, "a", &u), -ERANGE);
    assert_int_equal(ga_json_u64(json, "b", &u), -ERANGE);
    assert_int_equal(ga_json_u64(json, "c", &u), -ERANGE);
    assert_int_equal(ga_json_u64(json, "d", &u), -ERANGE);
    assert_int_equal(u, 42);
    assert_int_equal(ga_json_u64(json, "z", &u), 0);
    assert_int_equal(u, 0);
    cJSON_Delete(json);
}

static void
a_boolean_is_true_false_or_what_was_asked_for(void **state)
{
    cJSON *json = parse("{\"t\":true,\"f\":false,\"n\":1}");

    (void)state;
    assert_int_equal(ga_json_bool(json, "t", 0), 1);
    assert_int_equal(ga_json_bool(json, "f", 1), 0);
    assert_int_equal(ga_json_bool(json, "n", 7), 7);
    assert_int_equal(ga_json_bool(json, "gone", 7), 7);
    cJSON_Delete(json);
}

static void
a_path_takes_no_index_that_is_none(void **state)
{
    cJSON *json = parse("{\"a\":[5]}");

    (void)state;
    assert_non_null(ga_json_path(json, "a.0"));
    assert_null(ga_json_path(json, "a.4294967296"));
    assert_null(ga_json_path(json, "a.0x"));
    assert_null(ga_json_path(json, "a.-1"));
    assert_null(ga_json_path(json, "a.x"));
    assert_ptr_equal(ga_json_path(json, ""), json);
    cJSON_Delete(json);
}

static void
nodes_of_64_bits_print_all_digits(void **state)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;

    (void)state;
    assert_int_equal(ga_json_add_u64(json, "u", UINT64_MAX), 0);
    assert_int_equal(ga_json_add_i64(json, "i", INT64_MIN), 0);
    assert_int_equal(ga_json_add_i64(json, "u", 1000000000000000), 0);
    text = ga_json_print(json);
    assert_string_equal(text, "{\"u\":1000000000000000,\"i\":-9223372036854775808}");
    free(text);
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
        cmocka_unit_test(fractions_come_back_with_their_value),
        cmocka_unit_test(a_fraction_that_was_changed_is_printed_as_changed),
        cmocka_unit_test(members_of_the_same_name_all_come_back),
        cmocka_unit_test(escapes_are_checked),
        cmocka_unit_test(the_length_counts_and_no_nul_is_needed),
        cmocka_unit_test(a_fraction_or_an_exponent_is_an_integer_only_when_it_is_exact),
        cmocka_unit_test(doubles_are_read_from_every_kind_of_number),
        cmocka_unit_test(an_unsigned_integer_is_never_negative),
        cmocka_unit_test(a_boolean_is_true_false_or_what_was_asked_for),
        cmocka_unit_test(a_path_takes_no_index_that_is_none),
        cmocka_unit_test(nodes_of_64_bits_print_all_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_seed_edit_toml.c: the editor of config.toml, case by case. Its properties are in test_seed_prop_toml.c. */
#include "plugins/seed-manager/edit_toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct edit_text
text_of(const char *text)
{
    return (struct edit_text){"config.toml", text, strlen(text)};
}

struct set_case {
    const char *what;
    const char *before;
    const char *value; /* of [p2p] seeds */
    const char *after;
};

static const struct set_case sets[] = {
    {"a value, and nothing else", "a = 1\n[p2p]\nladdr = \"x\"\nseeds = \"old\"\n\n[rpc]\nseeds = \"not this\"\n",
     "new", "a = 1\n[p2p]\nladdr = \"x\"\nseeds = \"new\"\n\n[rpc]\nseeds = \"not this\"\n"},
    {"spacing and a comment behind it", "[p2p] # peers\n\tseeds=  \"old\"   # \"seeds\" = 1\n", "new",
     "[p2p] # peers\n\tseeds=  \"new\"   # \"seeds\" = 1\n"},
    {"CR LF", "[p2p]\r\nseeds = \"old\"\r\n\r\n[rpc]\r\n", "new", "[p2p]\r\nseeds = \"new\"\r\n\r\n[rpc]\r\n"},
    {"no last line end", "[p2p]\nseeds = \"old\"", "new", "[p2p]\nseeds = \"new\""},
    {"a quoted key", "[\"p2p\"]\n\"seeds\" = \"old\"\n", "new", "[\"p2p\"]\n\"seeds\" = \"new\"\n"},
    {"a key quoted with escapes", "[ 'p2p' ]\n\"s\\u0065eds\" = \"old\"\n", "new",
     "[ 'p2p' ]\n\"s\\u0065eds\" = \"new\"\n"},
    {"a literal string", "[p2p]\nseeds = 'old'\n", "a\\b", "[p2p]\nseeds = 'a\\b'\n"},
    {"a literal string that cannot hold it", "[p2p]\nseeds = 'old'\n", "it's", "[p2p]\nseeds = \"it's\"\n"},
    {"a literal string and a line end", "[p2p]\nseeds = 'old'\n", "a\nb\x7f", "[p2p]\nseeds = \"a\\nb\\u007f\"\n"},
    {"escapes", "[p2p]\nseeds = \"\"\n", "\"\\\b\t\n\f\r\x01\xc3\xa9",
     "[p2p]\nseeds = \"\\\"\\\\\\b\\t\\n\\f\\r\\u0001\xc3\xa9\"\n"},
    {"a multi-line string", "[p2p]\nseeds = \"\"\"\nold,\n[rpc]\nolder\"\"\" # c\nx = 1\n", "new",
     "[p2p]\nseeds = \"new\" # c\nx = 1\n"},
    {"a multi-line literal string", "[p2p]\nseeds = '''a''''' # c\n", "new", "[p2p]\nseeds = 'new' # c\n"},
    {"the same value in other words", "[p2p]\nseeds = \"\"\"\\\n   n\\u0065w\"\"\"\n", "new",
     "[p2p]\nseeds = \"\"\"\\\n   n\\u0065w\"\"\"\n"},
    {"a dotted key", "p2p.laddr = 1\np2p . seeds = \"old\"\n[rpc]\np2p.seeds = \"not this\"\n", "new",
     "p2p.laddr = 1\np2p . seeds = \"new\"\n[rpc]\np2p.seeds = \"not this\"\n"},
    {"strings that look like tables",
     "x = \"\"\"\n[p2p]\nseeds = \"no\"\n\"\"\"\ny = '''\n[p2p]\nseeds = 'no'\n'''\n[p2p]\nseeds = \"old\"\n", "new",
     "x = \"\"\"\n[p2p]\nseeds = \"no\"\n\"\"\"\ny = '''\n[p2p]\nseeds = 'no'\n'''\n[p2p]\nseeds = \"new\"\n"},
    {"an array over lines", "x = [ # ]\n  \"[p2p]\", 1, # \"\n  [2, 3],\n]\n[p2p]\nseeds = \"old\"\n", "new",
     "x = [ # ]\n  \"[p2p]\", 1, # \"\n  [2, 3],\n]\n[p2p]\nseeds = \"new\"\n"},
    {"inline tables elsewhere", "x = {p2p = {seeds = \"no\"}, y.z = [1], w = {}}\n[p2p]\nseeds = \"old\"\n", "new",
     "x = {p2p = {seeds = \"no\"}, y.z = [1], w = {}}\n[p2p]\nseeds = \"new\"\n"},
    {"tables below it and arrays of tables",
     "[p2p.sub]\nseeds = \"no\"\n[[x]]\nseeds = \"no\"\n[p2p]\nseeds = \"old\"\n[[p2p.more]]\nseeds = \"no\"\n", "new",
     "[p2p.sub]\nseeds = \"no\"\n[[x]]\nseeds = \"no\"\n[p2p]\nseeds = \"new\"\n[[p2p.more]]\nseeds = \"no\"\n"},
    {"dates, numbers and a commented-out key",
     "d = 1979-05-27 07:32:00Z # x\nf = -1.5e+3\n[p2p]\n# seeds = \"no\"\nseeds = \"old\"\n", "new",
     "d = 1979-05-27 07:32:00Z # x\nf = -1.5e+3\n[p2p]\n# seeds = \"no\"\nseeds = \"new\"\n"},
    {"a byte order mark", "\xef\xbb\xbf[p2p]\nseeds = \"old\"\n", "new", "\xef\xbb\xbf[p2p]\nseeds = \"new\"\n"},
    {"a new key behind the last own line", "[p2p]\n  laddr='x' # c\n\n# about rpc\n[rpc]\n", "new",
     "[p2p]\n  laddr='x' # c\n  seeds='new'\n\n# about rpc\n[rpc]\n"},
    {"a new key in an empty table", "[p2p]\n[rpc]\nseeds = 1\n", "new", "[p2p]\nseeds = \"new\"\n[rpc]\nseeds = 1\n"},
    {"a new key at the end without a line end", "a = 1\r\n[p2p]", "new", "a = 1\r\n[p2p]\r\nseeds = \"new\""},
    {"a new key in a file of one line", "[p2p]", "new", "[p2p]\nseeds = \"new\""},
    {"a new key among CR LF", "[p2p]\r\nx = [\r\n1]\r\n", "new", "[p2p]\r\nx = [\r\n1]\r\nseeds = \"new\"\r\n"},
    {"a new key among dotted keys", "\tp2p.sub.laddr =1\n[rpc]\n", "new",
     "\tp2p.sub.laddr =1\n\tp2p.seeds =\"new\"\n[rpc]\n"},
};

static void
sets_a_value_and_keeps_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct edit_text   in = text_of(sets[i].before);
        struct toml_change change = {"seeds", sets[i].value};
        struct edit_bytes  out = {0};
        char               why[EDIT_WHY_MAX] = "";

        if (edit_toml_set(&in, "p2p", &change, 1, &out, why) != 0)
            fail_msg("%s: %s", sets[i].what, why);
        if (strcmp(out.data, sets[i].after) != 0 || out.len != strlen(sets[i].after))
            fail_msg("%s: got\n%s", sets[i].what, out.data);
        edit_bytes_free(&out);
    }
}

static void
sets_several_keys_at_once(void **state)
{
    struct edit_text   in = text_of("[p2p]\npersistent_peers = \"\"\n[x]\n");
    struct toml_change changes[] = {{"seeds", "a@b:1"}, {"persistent_peers", "c@d:2"}, {"seeds", "e@f:3"}};
    struct edit_bytes  out = {0};
    char               why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(edit_toml_set(&in, "p2p", changes, 3, &out, why), 0);
    assert_string_equal(out.data, "[p2p]\npersistent_peers = \"c@d:2\"\nseeds = \"e@f:3\"\n[x]\n");
    edit_bytes_free(&out);
}

struct get_case {
    const char *text;
    const char *value; /* NULL: it is not there */
};

static const struct get_case gets[] = {
    {"[p2p]\nseeds = \"a\\tb\\u00e9\\U0001F600\\\"\"\n", "a\tb\xc3\xa9\xf0\x9f\x98\x80\""},
    {"[p2p]\nseeds = 'a\\tb'\n", "a\\tb"},
    {"[p2p]\nseeds = \"\"\"\r\na\r\nb \\\r\n\r\n  c\"\"\"\r\n", "a\nb c"},
    {"[p2p]\nseeds = \"\"\"\"a\"\" \"\"\"\"\"\n", "\"a\"\" \"\""},
    {"[p2p]\nseeds = '''\n\n'a''b'''\n", "\n'a''b"},
    {"[p2p]\nseeds = \"\"", ""},
    {"[p2p]\n", NULL},
    {"", NULL},
    {"[p2p.seeds2]\nseeds = \"x\"\n", NULL},
    {"# [p2p]\n# seeds = \"x\"\n", NULL},
    {"[a]\np2p = \"x\"\n[a.p2p]\nseeds = \"x\"\n", NULL},
    {"[\"p2p.seeds\"]\nseeds = \"x\"\n[\"p2p\\u00002\"]\nseeds = \"x\"\n", NULL},
};

static void
gets_a_value_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gets); i++) {
        struct edit_text in = text_of(gets[i].text);
        char             why[EDIT_WHY_MAX] = "";
        char            *value = NULL;
        int              r = edit_toml_get(&in, "p2p", "seeds", &value, why);

        if (r != (gets[i].value != NULL))
            fail_msg("%s: %d %s", gets[i].text, r, why);
        if (gets[i].value)
            assert_string_equal(value, gets[i].value);
        free(value);
    }
}

struct refusal {
    const char *text;
    const char *why; /* part of it, with the place */
};

static const struct refusal refusals[] = {
    {"[p2p]\nx = 1\n[rpc]\n[p2p]\n", "config.toml:4: the table [p2p] is given twice, in lines 1 and 4"},
    {"p2p.x = 1\n[p2p]\n", "config.toml:2: the table [p2p] is given twice, in lines 1 and 2"},
    {"[p2p]\nseeds = \"a\"\nx = [\n1]\n'seeds' = \"b\"\n",
     "config.toml:5: seeds is given twice in the table [p2p], in lines 2 and 5"},
    {"a = 1\np2p = {seeds = \"x\"}\n", "config.toml:2: p2p is given as a value here, not as the table [p2p]"},
    {"[[p2p]]\nseeds = \"x\"\n", "config.toml:1: [[p2p]] is an array of tables"},
    {"[p2p]\nseeds = [\"a\"]\n", "config.toml:2: seeds in the table [p2p] is an array, not a string"},
    {"[p2p]\nseeds = {}\n", "config.toml:2: seeds in the table [p2p] is a table, not a string"},
    {"[p2p]\nseeds = true\n", "config.toml:2: seeds in the table [p2p] is a bare word, not a string"},
    {"[p2p]\nseeds.a = \"x\"\n", "config.toml:2: seeds in the table [p2p] is a table"},
    {"[p2p]\n[p2p.seeds]\n", "config.toml:2: seeds in the table [p2p] is a table"},
    {"[p2p]\nseeds = \"a\n", "config.toml:2: a string without its closing quote"},
    {"[p2p]\nseeds = 'a\r\n", "config.toml:2: a string without its closing quote"},
    {"[p2p]\nseeds = \"\"\"a\n\n", "config.toml:2: a multi-line string without its closing quotes"},
    {"[p2p]\nx = \"\"\"\"\"\"\"\"\"\n", "config.toml:2: the line goes on"},
    {"[p2p]\nseeds = \"\\x\"\n", "config.toml:2: a backslash in a string that begins no escape"},
    {"[p2p]\nseeds = \"a\\", "config.toml:2: a backslash in a string that begins no escape"},
    {"[p2p]\nseeds = \"\"\"a\\ b\"\"\"\n", "config.toml:2: a backslash before blanks"},
    {"[p2p]\nseeds = \"\\u12g4\"\n", "config.toml:2: a \\u or \\U without its 4 or 8 hex digits"},
    {"[p2p]\nseeds = \"\\ud800\"\n", "config.toml:2: a \\u or \\U that names no character"},
    {"[p2p]\nseeds = \"\\U00110000\"\n", "config.toml:2: a \\u or \\U that names no character"},
    {"[p2p]\nseeds = \"a\" \"b\"\n", "config.toml:2: the line goes on"},
    {"[p2p]\nseeds\n", "config.toml:2: a key without its ="},
    {"[p2p]\nseeds =\n", "config.toml:2: a value is missing"},
    {"[p2p]\n= 1\n", "config.toml:2: a key is missing"},
    {"[p2p]\n\"\"\"a\"\"\" = 1\n", "config.toml:2: a multi-line string cannot be a key"},
    {"[p2p]\n\"a = 1\n", "config.toml:2: a string without its closing quote"},
    {"[p2p\nx = 1\n", "config.toml:1: a table's header without its closing bracket"},
    {"[[p2p]\n", "config.toml:1: a table's header without its closing bracket"},
    {"[p2p] x\n", "config.toml:1: the line goes on"},
    {"[]\n", "config.toml:1: a key is missing"},
    {"x = [1 2]\n", "config.toml:1: an array without a comma"},
    {"x = [1,\n", "config.toml:2: a value is missing"},
    {"x = [1\n", "config.toml:2: an array without a comma"},
    {"x = {a = 1\n}\n", "config.toml:1: an inline table without a comma"},
    {"x = {a 1}\n", "config.toml:1: a key without its = in an inline table"},
    {"x = {a = 1,}\n", "config.toml:1: a key is missing"},
    {"x = {a = }\n", "config.toml:1: a value is missing"},
    {"a = 1\n# \x01\n", "config.toml:2: the byte 0x01 may not stand in a TOML file"},
    {"a = 1\rb = 2\n", "config.toml:1: the byte 0x0d may not stand"},
    {"a = 1\r", "config.toml:1: the byte 0x0d may not stand"},
    {"a = 1\n# \xff\n", "config.toml:2: the byte 0xff may not stand"},
};

static void
refuses_with_the_line_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct edit_text   in = text_of(refusals[i].text);
        struct toml_change changes[] = {{"other", "y"}, {"seeds", "x"}};
        struct edit_bytes  out = {0};
        char               why[EDIT_WHY_MAX] = "";
        char              *value = NULL;

        assert_int_equal(edit_toml_set(&in, "p2p", changes, 2, &out, why), -1);
        if (strncmp(why, refusals[i].why, strlen(refusals[i].why)) != 0)
            fail_msg("%s: %s", refusals[i].text, why);
        assert_null(out.data);
        why[0] = '\0';
        assert_int_equal(edit_toml_get(&in, "p2p", "seeds", &value, why), -1);
        assert_non_null(strstr(why, refusals[i].why));
    }
}

static void
refuses_a_missing_table(void **state)
{
    struct edit_text   in = text_of("seeds = \"\"\n[p2p.sub]\n[P2P]\n");
    struct toml_change change = {"seeds", "x"};
    struct edit_bytes  out = {0};
    char               why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(edit_toml_set(&in, "p2p", &change, 1, &out, why), -1);
    assert_string_equal(why, "config.toml: there is no table [p2p] to write seeds into; is this the right file?");
}

static void
refuses_what_nests_too_deeply(void **state)
{
    enum { DEPTH = 100000 };
    char            *text = malloc(DEPTH + 3);
    struct edit_text in = {"config.toml", text, DEPTH + 2};
    char             why[EDIT_WHY_MAX] = "";
    char            *value = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, '[', DEPTH + 2);
    text[0] = 'x';
    text[1] = '=';
    assert_int_equal(edit_toml_get(&in, "p2p", "seeds", &value, why), -1);
    assert_non_null(strstr(why, "config.toml:1: arrays or tables are nested too deeply"));
    free(text);
}

static void
refuses_a_name_that_is_no_bare_key(void **state)
{
    static const char *const names[] = {"", "a b", "a.b", "se\"eds"};
    struct edit_text         in = text_of("[p2p]\n");
    char                     why[EDIT_WHY_MAX] = "";
    char                    *value = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(edit_toml_get(&in, "p2p", names[i], &value, why), -1);
        assert_non_null(strstr(why, "names are of letters, digits, _ and -"));
        assert_int_equal(edit_toml_get(&in, names[i], "seeds", &value, why), -1);
    }
}

static void
refuses_a_value_that_is_not_utf8(void **state)
{
    struct edit_text   in = text_of("[p2p]\n");
    struct toml_change change = {"seeds", "a\xff"};
    struct edit_bytes  out = {0};
    char               why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(edit_toml_set(&in, "p2p", &change, 1, &out, why), -1);
    assert_string_equal(why, "config.toml: the new value of seeds is not UTF-8, which TOML needs");
}

static void
a_value_with_a_nul_is_refused_when_read_but_can_be_replaced(void **state)
{
    struct edit_text   in = text_of("[p2p]\nseeds = \"a\\u0000b\"\n");
    struct toml_change change = {"seeds", "a"};
    struct edit_bytes  out = {0};
    char               why[EDIT_WHY_MAX] = "";
    char              *value = NULL;

    (void)state;
    assert_int_equal(edit_toml_get(&in, "p2p", "seeds", &value, why), -1);
    assert_string_equal(why, "config.toml:2: the value of seeds holds a NUL character; correct it by hand");
    assert_int_equal(edit_toml_set(&in, "p2p", &change, 1, &out, why), 0);
    assert_string_equal(out.data, "[p2p]\nseeds = \"a\"\n");
    edit_bytes_free(&out);
}

static void
a_long_key_and_a_long_file_are_read(void **state)
{
    enum { LINES = 20000 };
    struct edit_bytes text = {0};
    struct edit_text  in = {.name = "config.toml"};
    char              why[EDIT_WHY_MAX] = "";
    char             *value = NULL;

    (void)state;
    for (size_t i = 0; i < 3000; i++)
        edit_bytes_text(&text, "p2p");
    edit_bytes_text(&text, " = 1\n[p2p]\n");
    for (size_t i = 0; i < LINES; i++)
        edit_bytes_text(&text, "x = 'the same key, which nobody asked for'\n");
    edit_bytes_text(&text, "seeds = 1");
    in.data = text.data;
    in.len = text.len;
    assert_int_equal(edit_toml_get(&in, "p2p", "seeds", &value, why), -1);
    assert_non_null(strstr(why, "config.toml:20003: "));
    edit_bytes_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_a_value_and_keeps_the_rest),
        cmocka_unit_test(sets_several_keys_at_once),
        cmocka_unit_test(gets_a_value_decoded),
        cmocka_unit_test(refuses_with_the_line_and_changes_nothing),
        cmocka_unit_test(refuses_a_missing_table),
        cmocka_unit_test(refuses_what_nests_too_deeply),
        cmocka_unit_test(refuses_a_name_that_is_no_bare_key),
        cmocka_unit_test(refuses_a_value_that_is_not_utf8),
        cmocka_unit_test(a_value_with_a_nul_is_refused_when_read_but_can_be_replaced),
        cmocka_unit_test(a_long_key_and_a_long_file_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

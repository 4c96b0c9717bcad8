/* test_seed_edit_env.c: the editor of config.env, case by case. Its properties are in test_seed_prop_env.c. */
#include "plugins/seed-manager/edit_env.h"

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
    return (struct edit_text){"config.env", text, strlen(text)};
}

struct set_case {
    const char *before;
    const char *value; /* of KEY */
    const char *after;
};

static const struct set_case sets[] = {
    /* the value, and nothing else */
    {"# a\nexport A=1\nexport KEY=old\nexport B=2\n", "new", "# a\nexport A=1\nexport KEY=new\nexport B=2\n"},
    {"KEY=\"old\"", "new", "KEY=\"new\""},
    {"\t export   KEY='old'   # KEY=x\n", "new", "\t export   KEY='new'   # KEY=x\n"},
    {"KEY= # none\n", "new", "KEY=new # none\n"},
    {"KEY=#none\n", "new", "KEY=new\n"},
    {"KEY=a\\\nb \\\n # c\nA=1\n", "new", "KEY=new \\\n # c\nA=1\n"},
    {"export \\\nKEY=old\n", "new", "export \\\nKEY=new\n"},
    {"KEY='a\nA=1\n'\nB=2\n", "new", "KEY='new'\nB=2\n"},
    /* the same value in other words */
    {"KEY=a\"b\"'c'\\d\n", "abcd", "KEY=a\"b\"'c'\\d\n"},
    {"KEY=ab\\\ncd\n", "abcd", "KEY=ab\\\ncd\n"},
    /* quotes */
    {"KEY=old\n", "a b", "KEY=\"a b\"\n"},
    {"KEY=old\n", "a$b", "KEY='a$b'\n"},
    {"KEY=old\n", "", "KEY=\n"},
    {"KEY=\"old\"\n", "", "KEY=\"\"\n"},
    {"KEY=\"old\"\n", "a\\b`c\"", "KEY='a\\b`c\"'\n"},
    {"KEY='old'\n", "it's", "KEY=\"it's\"\n"},
    {"KEY=\"a\"b\n", "a&b", "KEY=\"a&b\"\n"},
    /* a new key */
    {"", "new", "export KEY=new\n"},
    {"# c", "new", "# c\nexport KEY=new"},
    {"# KEY=x\n#export KEY=x\n", "new", "# KEY=x\n#export KEY=x\nexport KEY=new\n"},
    {"export A=1\n  export B='2'\nexport KEY2\n\n", "new",
     "export A=1\n  export B='2'\nexport KEY2\n\n  export KEY='new'\n"},
    {"export A=1\nB=2\n", "new", "export A=1\nB=2\nexport KEY=new\n"},
    {"set -a\nA=\"1\"\nset +a\n", "new", "set -a\nA=\"1\"\nset +a\nKEY=\"new\"\n"},
    {"export \\\nA=1\n", "new", "export \\\nA=1\nexport KEY=new\n"},
    {"export A=1 \\\n", "new", "export A=1 \\\n\nexport KEY=new\n"},
    {"A='KEY=x\n# KEY=y'\n", "new", "A='KEY=x\n# KEY=y'\nKEY='new'\n"},
    {"\n", "new", "\nexport KEY=new\n"},
    /* what the shell computes for other keys */
    {"A=$B:${C:-d#e}\nD=\"$(id -u '\"' \"x y\")\"\nE=`id -u`$((1+(2)))\nF=~/x\nG=\"`id`\\\n\\$\\x\"\nKEY=old\n", "new",
     "A=$B:${C:-d#e}\nD=\"$(id -u '\"' \"x y\")\"\nE=`id -u`$((1+(2)))\nF=~/x\nG=\"`id`\\\n\\$\\x\"\nKEY=new\n"},
    {"export A B # c\nexport KEY \\\n\nKEY=old\n", "new", "export A B # c\nexport KEY \\\n\nKEY=new\n"},
    {"KEY2=x\nMY_KEY=x\nkey=x\nKEY=old\n", "new", "KEY2=x\nMY_KEY=x\nkey=x\nKEY=new\n"},
};

static void
sets_a_value_and_keeps_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct edit_text  in = text_of(sets[i].before);
        struct env_change change = {"KEY", sets[i].value};
        struct edit_bytes out = {0};
        char              why[EDIT_WHY_MAX] = "";

        if (edit_env_set(&in, &change, 1, &out, why) != 0)
            fail_msg("%s: %s", sets[i].before, why);
        assert_string_equal(out.data, sets[i].after);
        assert_int_equal(out.len, strlen(sets[i].after));
        edit_bytes_free(&out);
    }
}

static void
gets_and_sets_several_keys_at_once(void **state)
{
    static const char *const       keys[] = {"A", "NONE", "B"};
    static const struct env_change changes[] = {{"B", "3"}, {"NONE", "4"}, {"A", "5"}, {"NONE", "6"}};
    struct edit_text               in = text_of("export A=1\nexport B=\"a\\\"\\\\\\$\\`\\\nb\\c\"\n");
    struct edit_bytes              out = {0};
    char                           why[EDIT_WHY_MAX] = "";
    char                          *values[3];

    (void)state;
    assert_int_equal(edit_env_get(&in, keys, 3, values, why), 0);
    assert_string_equal(values[0], "1");
    assert_null(values[1]);
    assert_string_equal(values[2], "a\"\\$`b\\c");
    free(values[0]);
    free(values[2]);
    assert_int_equal(edit_env_set(&in, changes, 4, &out, why), 0);
    assert_string_equal(out.data, "export A=5\nexport B=\"3\"\nexport NONE=\"6\"\n");
    edit_bytes_free(&out);
}

struct refusal {
    const char *text;
    const char *why; /* its start, with the place */
};

static const struct refusal refusals[] = {
    {"KEY=1\n# c\nexport KEY=2\n", "config.env:3: KEY is set twice, in lines 1 and 3"},
    {"A=1\nKEY=$A\n", "config.env:2: KEY is computed by the shell"},
    {"KEY=\"x`id`\"\n", "config.env:1: KEY is computed by the shell"},
    {"KEY=~/x\n", "config.env:1: KEY is computed by the shell"},
    {"KEY={a,b}\n", "config.env:1: KEY is computed by the shell"},
    {"A=1\r\nB=2\r\n", "config.env:1: a carriage return"},
    {"A='\nexport B=1 C=2\n'\nexport B=1 C=2\n", "config.env:4: there is more here than one KEY=value"},
    {"export C B=1\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1 B=2\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1 \\\nB=2\n", "config.env:1: there is more here than one KEY=value"},
    {"A= id\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1; B=2\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1&\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1 # c\n\nA=(1 2)\n", "config.env:3: there is more here than one KEY=value"},
    {"set -a\\\n# c\n", "config.env:1: there is more here than one KEY=value"},
    {"A=1\nunset KEY\n", "config.env:2: this is not KEY=value"},
    {". ./other.env\n", "config.env:1: this is not KEY=value"},
    {"if true; then\n", "config.env:1: this is not KEY=value"},
    {"export\n", "config.env:1: this is not KEY=value"},
    {"export # c\n", "config.env:1: this is not KEY=value"},
    {"export -n KEY\n", "config.env:1: this is not KEY=value"},
    {"export\\\nKEY=1\n", "config.env:1: this is not KEY=value"},
    {"export A\\\n#c\n", "config.env:1: this is not KEY=value"},
    {"export 1A=1\n", "config.env:1: this is not KEY=value"},
    {"A =1\n", "config.env:1: this is not KEY=value"},
    {"A+=1\n", "config.env:1: this is not KEY=value"},
    {"A[0]=1\n", "config.env:1: this is not KEY=value"},
    {"set -e\n", "config.env:1: this is not KEY=value"},
    {"set\n", "config.env:1: this is not KEY=value"},
    {"set-a\n", "config.env:1: this is not KEY=value"},
    {"A=1\nKEY='a\n\n", "config.env:2: the ' has no closing '"},
    {"A=1\nKEY=\"a\n\\\"\n", "config.env:2: the \" has no closing \""},
    {"KEY=\"a\\", "config.env:1: the \" has no closing \""},
    {"A=1\nKEY=a\\", "config.env:2: the file ends in a backslash"},
    {"A=$'a\\'b'\n", "config.env:1: $' and $\" mean different things"},
    {"A=$\"a\"\n", "config.env:1: $' and $\" mean different things"},
    {"A=$(id\n)\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(id", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo # )\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(cat <<B)\n", "config.env:1: what the shell computes here is too involved"},
    {"A=\"$(case x in x) echo '\"';; esac)\"\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo \\))\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo `id`)\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo ${B})\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo \"$B\")\n", "config.env:1: what the shell computes here is too involved"},
    {"A=$(echo 'a\n')\n", "config.env:1: what the shell computes here is too involved"},
    {"A=\"$(echo \"a", "config.env:1: what the shell computes here is too involved"},
    {"A=${B:-'}'}\n", "config.env:1: what the shell computes here is too involved"},
    {"A=${B", "config.env:1: what the shell computes here is too involved"},
    {"A=`echo\n`\n", "config.env:1: what the shell computes here is too involved"},
    {"A=`echo \\`id\\``\n", "config.env:1: what the shell computes here is too involved"},
    {"A=`id", "config.env:1: what the shell computes here is too involved"},
};

static void
refuses_with_the_line_and_changes_nothing(void **state)
{
    static const char *const keys[] = {"OTHER", "KEY"};

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct edit_text  in = text_of(refusals[i].text);
        struct env_change changes[] = {{"OTHER", "y"}, {"KEY", "x"}};
        struct edit_bytes out = {0};
        char              why[EDIT_WHY_MAX] = "";
        char             *values[2];

        assert_int_equal(edit_env_set(&in, changes, 2, &out, why), -1);
        if (strncmp(why, refusals[i].why, strlen(refusals[i].why)) != 0)
            fail_msg("%s: %s", refusals[i].text, why);
        assert_null(out.data);
        why[0] = '\0';
        assert_int_equal(edit_env_get(&in, keys, 2, values, why), -1);
        assert_non_null(strstr(why, refusals[i].why));
        assert_null(values[0]);
        assert_null(values[1]);
    }
}

static void
refuses_a_nul_byte(void **state)
{
    static const char *const keys[] = {"KEY"};
    struct edit_text         in = {"config.env", "A=1\nKEY=a\0b\n", 12};
    char                     why[EDIT_WHY_MAX] = "";
    char                    *values[1];

    (void)state;
    assert_int_equal(edit_env_get(&in, keys, 1, values, why), -1);
    assert_string_equal(why, "config.env:2: a NUL byte; is this the right file?");
}

static void
frees_the_values_that_it_had_when_a_later_key_is_refused(void **state)
{
    static const char *const keys[] = {"A", "B"};
    struct edit_text         in = text_of("A=1\nB=$A\n");
    char                     why[EDIT_WHY_MAX] = "";
    char                    *values[2];

    (void)state;
    assert_int_equal(edit_env_get(&in, keys, 2, values, why), -1);
    assert_null(values[0]);
    assert_string_equal(why,
                        "config.env:2: B is computed by the shell ($, `, ~ or { in its value); change this line by "
                        "hand");
}

static void
refuses_a_value_that_cannot_be_written(void **state)
{
    static const struct refusal values[] = {
        {"a\nb", "config.env: the new value of KEY holds a control character"},
        {"a\tb", "config.env: the new value of KEY holds a control character"},
        {"a\x7f", "config.env: the new value of KEY holds a control character"},
        {"a\xff", "config.env: the new value of KEY holds a control character or is not UTF-8"},
        {"it's $1", "config.env: the new value of KEY has no form that a shell and docker compose read alike"},
        {"it's \"", "config.env: the new value of KEY has no form"},
        {"a\\", "config.env: the new value of KEY has no form"},
    };
    struct edit_text in = text_of("KEY=old\n");

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct env_change change = {"KEY", values[i].text};
        struct edit_bytes out = {0};
        char              why[EDIT_WHY_MAX] = "";

        assert_int_equal(edit_env_set(&in, &change, 1, &out, why), -1);
        if (strncmp(why, values[i].why, strlen(values[i].why)) != 0)
            fail_msg("%s", why);
        assert_null(out.data);
    }
}

static void
refuses_to_write_back_what_only_stood_there(void **state)
{
    static const struct env_change changes[] = {{"KEY", "a\nb"}, {"KEY", "c"}, {"KEY", "a\nb"}};
    struct edit_text               in = text_of("KEY='a\nb'\n");
    struct edit_bytes              out = {0};
    char                           why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(edit_env_set(&in, changes, 1, &out, why), 0);
    assert_string_equal(out.data, in.data);
    edit_bytes_free(&out);
    assert_int_equal(edit_env_set(&in, changes, 3, &out, why), -1);
    assert_string_equal(why, "config.env: the new value of KEY holds a control character or is not UTF-8");
    assert_null(out.data);
}

static void
refuses_what_is_no_name(void **state)
{
    static const char *const names[] = {"", "1A", "A-B", "A=B"};
    struct edit_text         in = text_of("KEY=old\n");
    char                     why[EDIT_WHY_MAX] = "";
    char                    *value;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(edit_env_get(&in, &names[i], 1, &value, why), -1);
        assert_non_null(strstr(why, "is not a shell variable's name"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_a_value_and_keeps_the_rest),
        cmocka_unit_test(gets_and_sets_several_keys_at_once),
        cmocka_unit_test(refuses_with_the_line_and_changes_nothing),
        cmocka_unit_test(refuses_a_nul_byte),
        cmocka_unit_test(frees_the_values_that_it_had_when_a_later_key_is_refused),
        cmocka_unit_test(refuses_a_value_that_cannot_be_written),
        cmocka_unit_test(refuses_to_write_back_what_only_stood_there),
        cmocka_unit_test(refuses_what_is_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

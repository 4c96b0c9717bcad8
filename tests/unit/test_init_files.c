/* `init`: how it reads config.env and compose files. */
#include "agent/deploy.h"
#include "agent/deploy_compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
config_env_is_read_as_a_shell_would(void **state)
{
    static const struct {
        const char *text;
        const char *value; /* of X; NULL: not there */
    } cases[] = {
        {"X=1", "1"},
        {"export X=1\n", "1"},
        {"  export \t X=1 # ours\n", "1"},
        {"X=1\nX=2\n", "2"},
        {"X=1\r\n", "1"},
        {"X=\n", ""},
        {"X=a#b", "a#b"},
        {"X='a b'", "a b"},
        {"X=\"a # b\" # c", "a # b"},
        {"X=\"say \\\"hi\\\" \\$5 \\n\"", "say \"hi\" $5 \\n"},
        {"X='back\\slash'", "back\\slash"},
        {"X=a\\ b", "a b"},
        {"X=a;Y=b", "a"},
        {"X=$(rm -rf /tmp/x)", "$(rm"},
        {"X='no end\nY=1", NULL},
        {"X=goes \\\n", "goes"},
        {"X=goes\\\non", NULL},
        {"#X=1", NULL},
        {"XY=1", NULL},
        {"X =1", NULL},
        {"exportX=1", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *value = deploy_env(cases[i].text, "X");

        if (!value != !cases[i].value || (value && strcmp(value, cases[i].value) != 0))
            fail_msg("%s: %s", cases[i].text, value ? value : "not there");
        free(value);
    }
}

static void
variables_of_a_compose_file_come_from_config_env(void **state)
{
    static const char *const cases[][2] = {
        {"${A}", "1"},  {"x$A-", "x1-"},    {"${N:-9}", "9"}, {"${N-9}", "9"},      {"${E:-9}", "9"},
        {"${E-9}", ""}, {"$$A", "$A"},      {"${N}", ""},     {"${A:-9}x", "1x"},   {"$", "$"},
        {"${A", "1"},   {"100$%", "100$%"}, {"", ""},         {"${N:-a:b}", "a:b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *value = compose_expand(cases[i][0], "A=1\nE=\n");

        assert_string_equal(value, cases[i][1]);
        free(value);
    }
}

static struct compose
compose(const char *text)
{
    const struct compose_place place = {.env = "", .project = "My.Join", .nats_port = "4222"};
    struct compose             found = {.api_container = NULL};
    char                       why[200] = "";

    if (compose_read(text, strlen(text), &place, &found, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    return found;
}

static void
published_ports_are_read_in_every_form(void **state)
{
    static const char *const cases[][3] = {
        {"4222:4222", "127.0.0.1", "4222"},
        {"0.0.0.0:1:4222", "127.0.0.1", "1"},
        {"10.0.0.7:14222:4222/tcp", "10.0.0.7", "14222"},
        {"[::1]:14222:4222", "[::1]", "14222"},
        {"4222", "", ""},
        {"4222:4223", "", ""},
        {"{target: 4222, published: 14222}", "127.0.0.1", "14222"},
        {"{target: 4222, published: '7', host_ip: 127.0.0.2}", "127.0.0.2", "7"},
        {"{target: 4222}", "", ""},
        {"[1, 2]", "", ""},
        {"nonsense:nonsense", "", ""},
        {"123456789:4222", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char           text[200];
        bool           flow = cases[i][0][0] == '{' || (cases[i][0][0] == '[' && cases[i][0][1] != ':');
        struct compose found;

        (void)snprintf(text, sizeof(text), "services: {api: {ports: [%s%s%s]}}", flow ? "" : "\"", cases[i][0],
                       flow ? "" : "\"");
        found = compose(text);
        assert_string_equal(found.nats_host, cases[i][1]);
        assert_string_equal(found.nats_port, cases[i][2]);
        compose_done(&found);
    }
}

static void
a_container_without_a_name_gets_the_one_compose_would_give(void **state)
{
    struct compose found = compose("services: {api: {image: x}}");

    (void)state;
    assert_string_equal(found.api_container, "myjoin-api-1");
    compose_done(&found);
    found = compose("name: other\nservices: {api: {image: x}}");
    assert_string_equal(found.api_container, "other-api-1");
    compose_done(&found);
}

static void
what_is_no_compose_file_is_said(void **state)
{
    static const char *const   bad[] = {"",         "- list",      "services: 1", "a: b", "services: {a: &x [*x, *y]}",
                                        "\xff\xfe", "services: {", "{}"};
    const struct compose_place place = {.env = "", .project = "x", .nats_port = "4222"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct compose found = {.api_container = NULL};
        char           why[200] = "";

        assert_int_equal(compose_read(bad[i], strlen(bad[i]), &place, &found, why, sizeof(why)), -1);
        assert_true(why[0] != '\0');
        compose_done(&found);
    }
}

static void
merges_that_lead_into_themselves_come_to_an_end(void **state)
{
    struct compose found = compose("services:\n  api: &a\n    <<: [*a, *a, *a]\n");

    (void)state;
    assert_string_equal(found.nats_port, "");
    compose_done(&found);
}

/* Whatever the bytes, a value is at most one line, and nothing is read where nothing is (the sanitizers look). */
static void
any_bytes_can_stand_in_the_files(void **state)
{
    static const char alphabet[] = "export X=${}'\"\\#;: -\n\r\tservices:api:ports:&*<>[]{}4222\xff\xc3";
    char              text[120];
    uint64_t          random = 88172645463325252u;

    (void)state;
    for (int turn = 0; turn < 20000; turn++) {
        const struct compose_place place = {.env = text, .project = text, .nats_port = "4222"};
        struct compose             found = {.api_container = NULL};
        char                       why[200];
        size_t                     len;
        char                      *value;

        for (len = 0; len < sizeof(text) - 1; len++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text[len] = alphabet[random % (sizeof(alphabet) - 1)];
            if (random >> 32 & 1 && len > 60)
                break;
        }
        text[len] = '\0';
        value = deploy_env(text, "X");
        assert_true(!value || !strchr(value, '\n'));
        free(value);
        free(compose_expand(text, text));
        (void)compose_read(text, len, &place, &found, why, sizeof(why));
        compose_done(&found);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_env_is_read_as_a_shell_would),
        cmocka_unit_test(variables_of_a_compose_file_come_from_config_env),
        cmocka_unit_test(published_ports_are_read_in_every_form),
        cmocka_unit_test(a_container_without_a_name_gets_the_one_compose_would_give),
        cmocka_unit_test(what_is_no_compose_file_is_said),
        cmocka_unit_test(merges_that_lead_into_themselves_come_to_an_end),
        cmocka_unit_test(any_bytes_can_stand_in_the_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

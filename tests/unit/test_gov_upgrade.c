/* test_gov_upgrade.c: which programs an upgrade names, and when that cannot be told. */
#include "kit/json.h"
#include "plugins/governance/proposal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AUTHORITY "'authority':'gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33'"
#define SUM_A "fab7be9bcdb4e21f058e6d19cfd698b6862bf6f5a8aeecbf9165907fc7edcc64"
#define SUM_B "6fd12cd92e8226866be76a5e63a57e1b0041c7679db047af75e764e98668cb91"

static char why[300];

/* JSON written with ' for ", ` for the \" of a JSON text within a text. The caller deletes it. */
static cJSON *
json(const char *text)
{
    char  *copy = calloc(2, strlen(text) + 1);
    char  *at = copy;
    cJSON *parsed;

    assert_non_null(copy);
    for (; *text; text++) {
        if (*text == '`')
            *at++ = '\\';
        *at++ = *text == '\'' || *text == '`' ? '"' : *text;
    }
    parsed = ga_json_parse(copy, strlen(copy), why, sizeof(why));
    if (!parsed)
        fail_msg("%s in %s", why, copy);
    free(copy);
    return parsed;
}

/* Proposal 12 with this one message. */
static void
decode_message(const char *message, struct gov_proposal *ret)
{
    char   text[4096];
    cJSON *answer;

    assert_true((size_t)snprintf(text, sizeof(text), "{'id':'12','messages':[%s]}", message) < sizeof(text));
    answer = json(text);
    if (gov_proposal_decode(answer, ret, why, sizeof(why)) < 0)
        fail_msg("%s: %s", message, why);
    cJSON_Delete(answer);
}

#define UPGRADE(info)                                                                              \
    "{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade'," AUTHORITY ",'plan':{'name':'v0.2.5'," \
    "'time':'0001-01-01T00:00:00Z','height':'1501000','info':'" info "','upgraded_client_state':null}}"

static void
an_upgrade_shows_both_maps_and_their_checksums(void **state)
{
    struct gov_proposal       p;
    const struct gov_upgrade *u;

    (void)state;
    decode_message(UPGRADE("{`binaries`:{`linux/amd64`:`https://e.invalid/n.zip?checksum=sha256:" SUM_A "`,"
                           "`linux/arm64`:`https://e.invalid/n2.zip`},"
                           "`api_binaries`:{`linux/amd64`:`https://e.invalid/a.zip?checksum=sha256:" SUM_B
                           "`},`node_version`:`v3.0.9`}"),
                   &p);
    u = &p.messages[0].u.upgrade;
    assert_int_equal(p.messages[0].kind, GOV_KIND_UPGRADE);
    assert_false(p.messages[0].undecoded);
    assert_string_equal(p.messages[0].authority, "gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33");
    assert_string_equal(u->name, "v0.2.5");
    assert_int_equal(u->height, 1501000);
    assert_int_equal(u->node.n, 2);
    assert_string_equal(u->node.list[0].platform, "linux/amd64");
    assert_string_equal(u->node.list[0].url, "https://e.invalid/n.zip?checksum=sha256:" SUM_A);
    assert_string_equal(u->node.list[0].sha256, SUM_A);
    assert_string_equal(u->node.list[1].sha256, "");
    assert_int_equal(u->api.n, 1);
    assert_string_equal(u->api.list[0].sha256, SUM_B);
    assert_string_equal(u->node_version, "v3.0.9");
    gov_proposal_free(&p);
}

static void
a_checksum_is_64_digits_of_sha256_once(void **state)
{
    static const struct {
        const char *query;
        const char *sum;
    } rows[] = {{"?checksum=sha256:" SUM_A, SUM_A},
                {"?a=b&checksum=sha256:" SUM_A "&c=d", SUM_A},
                {"?checksum=sha256:FAB7BE9BCDB4E21F058E6D19CFD698B6862BF6F5A8AEECBF9165907FC7EDCC64", SUM_A},
                {"?checksum=sha256:" SUM_A "0", ""},
                {"?checksum=sha256:fab7", ""},
                {"?checksum=md5:" SUM_A, ""},
                {"?nochecksum=sha256:" SUM_A, ""},
                {"?checksum=sha256:" SUM_A "&checksum=sha256:" SUM_B, ""},
                {"#checksum=sha256:" SUM_A, ""},
                {"", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;
        char                text[600];

        (void)snprintf(text, sizeof(text), UPGRADE("{`binaries`:{`linux/amd64`:`https://e.invalid/n.zip%s`}}"),
                       rows[i].query);
        decode_message(text, &p);
        assert_string_equal(p.messages[0].u.upgrade.node.list[0].sha256, rows[i].sum);
        gov_proposal_free(&p);
    }
}

static void
an_info_that_could_be_read_in_two_ways_is_undecoded(void **state)
{
    static const struct {
        const char *message;
        const char *says;
    } rows[] = {
        {UPGRADE("https://e.invalid/info.json"), "plan.info is no JSON: "},
        {UPGRADE("[]"), "plan.info is no JSON object"},
        {UPGRADE("{`binaries`:7}"), "plan.info: binaries is no map"},
        {UPGRADE("{`binaries`:{`linux/amd64`:7}}"), "plan.info: binaries: linux/amd64 is no text"},
        {UPGRADE("{`binaries`:{`linux/amd64`:`a`,`linux/amd64`:`b`}}"),
         "plan.info: binaries: linux/amd64 is no text, or"},
        {UPGRADE("{`binaries`:{},`binaries`:{}}"), "plan.info: binaries is there twice"},
        {UPGRADE("{`binaries`:{},`Binaries`:{}}"), "plan.info: binaries is there twice or in other capitals"},
        {UPGRADE("{`API_binaries`:{}}"), "plan.info: api_binaries is there twice or in other capitals"},
        {UPGRADE("{`node_version`:3}"), "plan.info: node_version is no text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;

        decode_message(rows[i].message, &p);
        assert_true(p.messages[0].undecoded);
        if (strncmp(p.messages[0].why, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s: %s", rows[i].message, p.messages[0].why);
        assert_int_equal(p.messages[0].u.upgrade.height, 1501000);
        assert_int_equal(p.messages[0].u.upgrade.node.n, 0);
        gov_proposal_free(&p);
    }
}

static void
an_upgrade_without_info_names_no_programs(void **state)
{
    struct gov_proposal p;

    (void)state;
    decode_message(UPGRADE(""), &p);
    assert_false(p.messages[0].undecoded);
    assert_int_equal(p.messages[0].u.upgrade.node.n, 0);
    assert_string_equal(p.messages[0].u.upgrade.node_version, "");
    gov_proposal_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_shows_both_maps_and_their_checksums),
        cmocka_unit_test(a_checksum_is_64_digits_of_sha256_once),
        cmocka_unit_test(an_info_that_could_be_read_in_two_ways_is_undecoded),
        cmocka_unit_test(an_upgrade_without_info_names_no_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_gov_changes.c: what a change of parameters changes. */
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

static char why[300];

/* JSON written with ' for ". The caller deletes it. */
static cJSON *
json(const char *text)
{
    char  *copy = strdup(text);
    cJSON *parsed;

    assert_non_null(copy);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
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

/* What changes when `wanted` replaces `current`, as text. The caller frees it. */
static char *
changes(const char *current, const char *wanted)
{
    struct gov_proposal p;
    char                text[2000];
    cJSON              *now = json(current);
    char               *shown;

    (void)snprintf(text, sizeof(text), "{'@type':'/inference.inference.MsgUpdateParams','params':%s}", wanted);
    decode_message(text, &p);
    assert_string_equal(p.messages[0].u.params.module, "inference.inference");
    assert_false(p.messages[0].u.params.compared);
    assert_int_equal(gov_params_compare(&p.messages[0], now), 0);
    assert_true(p.messages[0].u.params.compared);
    shown = gov_changes_text(&p.messages[0].u.params.changes);
    cJSON_Delete(now);
    gov_proposal_free(&p);
    return shown;
}

static void
a_change_shows_the_place_and_both_values(void **state)
{
    static const struct {
        const char *current;
        const char *wanted;
        const char *shown;
    } rows[] = {
        {"{'params':{'epoch_params':{'epoch_length':'17280','x':1}}}",
         "{'epoch_params':{'epoch_length':'15391','x':1}}", "epoch_params.epoch_length: 17280 -> 15391\n"},
        {"{'a':{'value':'2','exponent':-1}}", "{'a':{'value':'25','exponent':-2}}", "a: 0.2 -> 0.25\n"},
        {"{'a':{'value':'475','exponent':-6}}", "{'a':{'value':'-475','exponent':-6}}", "a: 0.000475 -> -0.000475\n"},
        {"{'l':['a','b']}", "{'l':['a','c','d']}", "l.1: b -> c\nl.2: (none) -> d\n"},
        {"{'l':[1,2]}", "{'l':[1]}", "l.1: 2 -> (none)\n"},
        {"{'l':[]}", "{'l':['']}", "l.0: (none) -> \n"},
        {"{'min_deposit':[{'denom':'ngonka','amount':'5'}]}", "{'min_deposit':[{'denom':'ngonka','amount':'6'}]}",
         "min_deposit.0.amount: 5 -> 6\n"},
        {"{'a':5,'b':1}", "{'b':1}", "a: 5 -> (none)\n"},
        {"{'b':1}", "{'a':5,'b':1}", "a: (none) -> 5\n"},
        {"{'a':null}", "{'a':{'x':0}}", "a: (none) -> {\"x\":0}\n"},
        {"{'a':null}", "{'a':{'x':0,'y':3}}", "a.y: (none) -> 3\n"},
        {"{'a':true}", "{'a':false}", "a: true -> false\n"},
        {"{'a':true}", "{'a':'true'}", "a: true -> true\n"},
        {"{'a':'007'}", "{'a':'7'}", "a: 007 -> 7\n"},
        {"{'a':0.12345678901234567}", "{'a':0.1234567890123456}", "a: 0.12345678901234567 -> 0.1234567890123456\n"},
        {"{'a':{'value':'x','exponent':1}}", "{'a':{'value':'5','exponent':1}}",
         "a: {\"value\":\"x\",\"exponent\":1} -> 50\n"},
        {"{'a':{'value':'5','exponent':900}}", "{'a':{'value':'5','exponent':901}}",
         "a: {\"value\":\"5\",\"exponent\":900} -> {\"value\":\"5\",\"exponent\":901}\n"},
        {"{'a':'48s'}", "{'a':'48'}", "a: 48s -> 48\n"},
        {"{'a':[]}", "{'a':{}}", "a: [] -> {}\n"},
        {"{'a.b':1,'a':{'b':1}}", "{'a.b':2,'a':{'b':1}}", "a\\.b: 1 -> 2\n"},
        {"{'n':18446744073709551615}", "{'n':18446744073709551614}",
         "n: 18446744073709551615 -> 18446744073709551614\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *shown = changes(rows[i].current, rows[i].wanted);

        assert_string_equal(shown, rows[i].shown);
        free(shown);
    }
}

static void
the_same_value_written_in_two_ways_is_no_change(void **state)
{
    static const struct {
        const char *current;
        const char *wanted;
    } rows[] = {
        {"{'a':'5'}", "{'a':5}"},
        {"{'a':'0.334000000000000000'}", "{'a':'0.334'}"},
        {"{'a':{'value':'20','exponent':-2}}", "{'a':{'value':2,'exponent':-1}}"},
        {"{'a':0,'b':'','c':false,'d':[],'e':null,'f':'0'}", "{}"},
        {"{}", "{'a':0,'b':'','c':false,'d':[],'e':null,'f':{'value':'0','exponent':0}}"},
        {"{'x':1,'y':2}", "{'y':2,'x':1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *shown = changes(rows[i].current, rows[i].wanted);

        assert_string_equal(shown, "");
        free(shown);
    }
}

static void
comparing_needs_parameters_on_both_sides(void **state)
{
    struct gov_proposal p;
    cJSON              *current = json("{'params':'none'}");
    cJSON              *fine = json("{'params':{}}");

    (void)state;
    decode_message("{'@type':'/cosmos.gov.v1.MsgUpdateParams','params':{'a':1}}", &p);
    assert_int_equal(gov_params_compare(&p.messages[0], current), -EBADMSG);
    assert_int_equal(gov_params_compare(&p.messages[0], NULL), -EBADMSG);
    assert_false(p.messages[0].u.params.compared);
    gov_proposal_free(&p);
    decode_message("{'@type':'/cosmos.gov.v1.MsgUpdateParams'}", &p);
    assert_int_equal(gov_params_compare(&p.messages[0], fine), -EINVAL);
    gov_proposal_free(&p);
    decode_message("{'@type':'/cosmos.upgrade.v1beta1.MsgCancelUpgrade'}", &p);
    assert_int_equal(gov_params_compare(&p.messages[0], fine), -EINVAL);
    gov_proposal_free(&p);
    cJSON_Delete(current);
    cJSON_Delete(fine);
}

static void
comparing_again_replaces_what_was_found(void **state)
{
    struct gov_proposal p;
    cJSON              *first = json("{'a':2}");
    cJSON              *second = json("{'a':1}");

    (void)state;
    decode_message("{'@type':'/cosmos.gov.v1.MsgUpdateParams','params':{'a':1}}", &p);
    assert_int_equal(gov_params_compare(&p.messages[0], first), 0);
    assert_int_equal(p.messages[0].u.params.changes.n, 1);
    assert_int_equal(gov_params_compare(&p.messages[0], second), 0);
    assert_int_equal(p.messages[0].u.params.changes.n, 0);
    gov_proposal_free(&p);
    cJSON_Delete(first);
    cJSON_Delete(second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_shows_the_place_and_both_values),
        cmocka_unit_test(the_same_value_written_in_two_ways_is_no_change),
        cmocka_unit_test(comparing_needs_parameters_on_both_sides),
        cmocka_unit_test(comparing_again_replaces_what_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

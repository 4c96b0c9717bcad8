/* test_gov_policy.c: which rule matches a proposal, and when none may decide. */
#include "kit/json.h"
#include "kit/clean.h"
#include "plugins/governance/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define START_NS (INT64_C(1763632800) * 1000000000) /* 2025-11-20T10:00:00Z */
#define END_NS (START_NS + 48 * HOUR_NS)

#define SEND "{'@type':'/cosmos.bank.v1beta1.MsgSend'}"
#define CANCEL "{'@type':'/cosmos.upgrade.v1beta1.MsgCancelUpgrade'}"
#define UPDATE "{'@type':'/inference.inference.MsgUpdateParams','params':"
#define ANY "{'type':'*','undecoded':true,'vote':'yes'}"

static char why[300];

/* The text with " for '. The caller frees it. */
static char *
quoted(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    return copy;
}

static cJSON *
json(const char *text)
{
    char  *copy = quoted(text);
    cJSON *parsed = ga_json_parse(copy, strlen(copy), why, sizeof(why));

    assert_non_null(parsed);
    free(copy);
    return parsed;
}

static int
read_policy(const char *text, struct gov_policy *ret)
{
    char *copy = quoted(text);
    int   r = gov_policy_read(copy, strlen(copy), ret, why, sizeof(why));

    free(copy);
    return r;
}

/* What the rules say about a proposal with these members; `current`: the modules' present parameters, or NULL. */
static struct gov_verdict
ask_about(const char *rules, const char *members, const char *current)
{
    struct gov_policy   policy;
    struct gov_proposal proposal;
    struct gov_verdict  verdict;
    char                text[2000];
    cJSON              *answer;
    cJSON              *now = current ? json(current) : NULL;

    (void)snprintf(text, sizeof(text),
                   "{'id':'12','status':2,'voting_start_time':'2025-11-20T10:00:00Z',"
                   "'voting_end_time':'2025-11-22T10:00:00Z',%s}",
                   members);
    answer = json(text);
    assert_int_equal(gov_proposal_decode(answer, &proposal, why, sizeof(why)), 0);
    if (read_policy(rules, &policy) < 0)
        fail_msg("%s: %s", rules, why);
    for (size_t i = 0; now && i < proposal.n_messages; i++)
        (void)gov_params_compare(&proposal.messages[i], now);
    gov_policy_ask(&policy, &proposal, &verdict);
    gov_policy_free(&policy);
    gov_proposal_free(&proposal);
    cJSON_Delete(answer);
    cJSON_Delete(now);
    return verdict;
}

struct row {
    const char     *rules;
    const char     *members;
    const char     *current;
    int             rule;
    enum gov_choice choice;
};

static void
check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct gov_verdict v = ask_about(rows[i].rules, rows[i].members, rows[i].current);

        if (v.rule != rows[i].rule || v.choice != rows[i].choice)
            fail_msg("row %zu: rule %d, %s: %s", i, v.rule, gov_choice_text(v.choice), v.why);
    }
}

static void
the_first_rule_that_matches_decides(void **state)
{
    static const struct row rows[] = {
        {"[{'title':'x','vote':'no'},{'title':'t','vote':'yes'},{'vote':'abstain'}]", "'title':'t'", NULL, 1,
         GOV_CHOICE_YES},
        {"[{'title':'x','vote':'no'},{'vote':'abstain'}]", "'title':'t'", NULL, 1, GOV_CHOICE_ABSTAIN},
        {"[{'vote':'no_with_veto'},{'vote':'yes'}]", "'title':'t'", NULL, 0, GOV_CHOICE_NO_WITH_VETO},
        {"[{'title':'t','vote':'ask'},{'vote':'yes'}]", "'title':'t'", NULL, 0, GOV_CHOICE_ASK},
        {"[{'title':'x','vote':'no'}]", "'title':'t'", NULL, -1, GOV_CHOICE_ASK},
        {"[]", "'title':'t'", NULL, -1, GOV_CHOICE_ASK},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
conditions_on_the_proposal_all_hold(void **state)
{
    static const struct row rows[] = {
        {"[{'title':'*UPGRADE*','vote':'yes'}]", "'title':'An upgrade to v3'", NULL, 0, GOV_CHOICE_YES},
        {"[{'proposer':'gonka1a','vote':'yes'}]", "'proposer':'gonka1a'", NULL, 0, GOV_CHOICE_YES},
        {"[{'proposer':'gonka1*','vote':'yes'}]", "'proposer':'gonka1a'", NULL, -1, GOV_CHOICE_ASK},
        {"[{'proposer':'gonka1A','vote':'yes'}]", "'proposer':'gonka1a'", NULL, -1, GOV_CHOICE_ASK},
        {"[{'proposer':['gonka1b','gonka1a'],'vote':'yes'}]", "'proposer':'gonka1a'", NULL, 0, GOV_CHOICE_YES},
        {"[{'proposer':'gonka1a','vote':'yes'}]", "'title':'no proposer'", NULL, -1, GOV_CHOICE_ASK},
        {"[{'expedited':true,'vote':'no'}]", "'expedited':true", NULL, 0, GOV_CHOICE_NO},
        {"[{'expedited':true,'vote':'no'}]", "'expedited':false", NULL, -1, GOV_CHOICE_ASK},
        {"[{'expedited':false,'vote':'no'}]", "'expedited':true", NULL, -1, GOV_CHOICE_ASK},
        {"[{'title':'a','proposer':'p','vote':'no'}]", "'title':'a','proposer':'q'", NULL, -1, GOV_CHOICE_ASK},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
every_message_must_be_of_the_type(void **state)
{
    static const struct row rows[] = {
        {"[{'type':'/cosmos.upgrade.*','vote':'yes'}]", "'messages':[" CANCEL "," CANCEL "]", NULL, 0, GOV_CHOICE_YES},
        {"[{'type':'/cosmos.upgrade.*','vote':'yes'}]", "'messages':[" CANCEL "," SEND "]", NULL, -1, GOV_CHOICE_ASK},
        {"[{'type':'/cosmos.upgrade.*','undecoded':true,'vote':'yes'}]", "'messages':[" SEND "," CANCEL "]", NULL, -1,
         GOV_CHOICE_ASK},
        {"[{'type':['/cosmos.bank.*','/cosmos.upgrade.*'],'undecoded':true,'vote':'yes'}]",
         "'messages':[" SEND "," CANCEL "]", NULL, 0, GOV_CHOICE_YES},
        {"[{'type':'/COSMOS.upgrade.*','vote':'yes'}]", "'messages':[" CANCEL "]", NULL, -1, GOV_CHOICE_ASK},
        {"[{'type':'*','vote':'yes'}]", "'messages':[]", NULL, -1, GOV_CHOICE_ASK},
        {"[{'vote':'yes'}]", "'messages':[]", NULL, 0, GOV_CHOICE_YES},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
what_is_not_decoded_is_asked_about(void **state)
{
    static const struct row rows[] = {
        {"[{'vote':'yes'}," ANY "]", "'messages':[" SEND "]", NULL, 0, GOV_CHOICE_ASK},
        {"[{'type':'*','vote':'no'}]", "'messages':[" CANCEL "," SEND "]", NULL, 0, GOV_CHOICE_ASK},
        {"[{'title':'x','vote':'yes'}," ANY "]", "'title':'t','messages':[" SEND "]", NULL, 1, GOV_CHOICE_YES},
        {"[" ANY "]", "'messages':[" SEND "]", NULL, 0, GOV_CHOICE_YES},
    };
    struct gov_verdict v = ask_about("[{'name':'all','vote':'yes'}]", "'messages':[" SEND "]", NULL);

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
    assert_true(v.in_doubt);
    assert_string_equal(v.why,
                        "rule 1 (all) may match, but message 0, /cosmos.bank.v1beta1.MsgSend, is not decoded: its "
                        "type is not known here: a person should look");
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

#define BOUND(bounds) "[{'params':[{'path':'e.l'" bounds "}],'vote':'yes'}]"
#define TO(value) "'messages':[" UPDATE "{'e':{'l':" value "}}}]"
#define FROM(value) "{'e':{'l':" value "}}"

static void
changed_parameters_keep_their_bounds(void **state)
{
    static const struct row rows[] = {
        {BOUND(""), TO("'6'"), FROM("'5'"), 0, GOV_CHOICE_YES},
        {BOUND(",'min':6"), TO("'6'"), FROM("'5'"), 0, GOV_CHOICE_YES},
        {BOUND(",'min':'6.1'"), TO("'6'"), FROM("'5'"), -1, GOV_CHOICE_ASK},
        {BOUND(",'max':'6'"), TO("'6'"), FROM("'5'"), 0, GOV_CHOICE_YES},
        {BOUND(",'max':'5.9'"), TO("'6'"), FROM("'5'"), -1, GOV_CHOICE_ASK},
        {BOUND(",'max_change':'20%'"), TO("'6'"), FROM("'5'"), 0, GOV_CHOICE_YES},
        {BOUND(",'max_change':'19.9%'"), TO("'6'"), FROM("'5'"), -1, GOV_CHOICE_ASK},
        {BOUND(",'max_change':'20%'"), TO("4"), FROM("5"), 0, GOV_CHOICE_YES},
        {BOUND(",'max_change':'20%'"), TO("3"), FROM("5"), -1, GOV_CHOICE_ASK},
        {BOUND(",'max_change':'500%'"), TO("1"), FROM("0"), -1, GOV_CHOICE_ASK},
        {BOUND(",'min':'0.1','max':'0.3'"), TO("{'value':'25','exponent':-2}"), FROM("{'value':'2','exponent':-1}"), 0,
         GOV_CHOICE_YES},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
every_change_must_be_in_the_list(void **state)
{
    static const struct row rows[] = {
        {"[{'params':[{'path':'e.*'}],'vote':'yes'}]", "'messages':[" UPDATE "{'e':{'a':1},'f':1}}]",
         "{'e':{'a':2},'f':1}", 0, GOV_CHOICE_YES},
        {"[{'params':[{'path':'e.*'}],'vote':'yes'}]", "'messages':[" UPDATE "{'e':{'a':1},'f':1}}]",
         "{'e':{'a':2},'f':2}", -1, GOV_CHOICE_ASK},
        {"[{'params':[{'path':'e.*'},{'path':'f'}],'vote':'yes'}]", "'messages':[" UPDATE "{'e':{'a':1},'f':1}}]",
         "{'e':{'a':2},'f':2}", 0, GOV_CHOICE_YES},
        /* the first path that fits has the bounds */
        {"[{'params':[{'path':'f','max':0},{'path':'*'}],'vote':'yes'}]", "'messages':[" UPDATE "{'f':1}}]", "{'f':2}",
         -1, GOV_CHOICE_ASK},
        /* changing nothing, or something that is no parameter */
        {"[{'params':[{'path':'*'}],'vote':'yes'}]", "'messages':[" UPDATE "{'f':1}}]", "{'f':1}", -1, GOV_CHOICE_ASK},
        {"[{'params':[{'path':'*'}],'vote':'yes'}]", "'messages':[" CANCEL "]", "{}", -1, GOV_CHOICE_ASK},
        {"[{'params':[{'path':'*'}],'vote':'yes'}]", "'messages':[" UPDATE "{'f':1}}," CANCEL "]", "{'f':2}", -1,
         GOV_CHOICE_ASK},
        {"[{'params':[{'path':'*'}],'vote':'yes'}]", "'messages':[]", "{}", -1, GOV_CHOICE_ASK},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
what_cannot_be_compared_is_asked_about_and_not_left_to_later_rules(void **state)
{
    static const struct {
        const char *rules;
        const char *members;
        const char *current;
    } rows[] = {
        {"[{'params':[{'path':'e.l','min':9}],'vote':'no'}," ANY "]", TO("'6'"), NULL},
        {"[{'params':[{'path':'e.l','min':9}],'vote':'no'}," ANY "]", TO("'ten'"), FROM("'5'")},
        {"[{'params':[{'path':'e.l','min':9}],'vote':'no'}," ANY "]", TO("'6s'"), FROM("'5s'")},
        {"[{'params':[{'path':'e.l','max':9}],'vote':'no'}," ANY "]", "'messages':[" UPDATE "{'e':{}}}]", FROM("'5'")},
        {"[{'params':[{'path':'e.l','max_change':'1%'}],'vote':'no'}," ANY "]", TO("'6s'"), FROM("'6'")},
        {"[{'params':[{'path':'e.l','max_change':'1%'}],'vote':'no'}," ANY "]", TO("'6'"), "{'e':{}}"},
        {"[{'params':[{'path':'e.l','max_change':'1%'}],'vote':'no'}," ANY "]", TO("'999999999999999999999999'"),
         FROM("'6'")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_verdict v = ask_about(rows[i].rules, rows[i].members, rows[i].current);

        if (v.rule != 0 || v.choice != GOV_CHOICE_ASK || !v.in_doubt || v.vote_at_ns != 0)
            fail_msg("row %zu: rule %d, %s: %s", i, v.rule, gov_choice_text(v.choice), v.why);
    }
}

static void
what_certainly_does_not_match_is_no_doubt(void **state)
{
    static const struct row rows[] = {
        /* another message settles it */
        {"[{'params':[{'path':'e.l','max':9}],'vote':'no'}," ANY "]",
         "'messages':[" UPDATE "{'e':{'l':'x'}}}," CANCEL "]", FROM("1"), 1, GOV_CHOICE_YES},
        {"[{'type':'/cosmos.bank.*','vote':'no'}," ANY "]", "'messages':[" SEND "," CANCEL "]", NULL, 1,
         GOV_CHOICE_YES},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
seconds_are_compared_with_seconds(void **state)
{
    static const struct row rows[] = {
        {BOUND(",'min':'3600s','max':'7200s'"), TO("'3600s'"), FROM("'60s'"), 0, GOV_CHOICE_YES},
        {BOUND(",'min':'3600s','max':'7200s'"), TO("'7201s'"), FROM("'60s'"), -1, GOV_CHOICE_ASK},
        {BOUND(",'max_change':'50%'"), TO("'90s'"), FROM("'60s'"), 0, GOV_CHOICE_YES},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

/* --- times and reasons -------------------------------------------------------------------------------------------- */

static void
a_vote_waits_until_the_end_is_near(void **state)
{
    (void)state;
    assert_int_equal(ask_about("[{'vote':'yes','not_before_end':'6h'}]", "'title':''", NULL).vote_at_ns,
                     END_NS - 6 * HOUR_NS);
    assert_int_equal(ask_about("[{'vote':'yes','not_before_end':'7d'}]", "'title':''", NULL).vote_at_ns, START_NS);
    assert_int_equal(ask_about("[{'vote':'yes'}]", "'title':''", NULL).vote_at_ns, START_NS);
    assert_int_equal(ask_about("[{'vote':'ask','not_before_end':'6h'}]", "'title':''", NULL).vote_at_ns, 0);
}

static void
the_verdict_says_why(void **state)
{
    static const struct {
        const char *rules;
        const char *members;
        const char *current;
        const char *says;
    } rows[] = {
        {"[{'name':'all','vote':'yes'}]", "'title':''", NULL, "rule 1 (all) matches: yes"},
        {"[{'vote':'no_with_veto'}]", "'title':''", NULL, "rule 1 matches: no_with_veto"},
        {"[]", "'title':''", NULL, "there are no rules"},
        {"[{'title':'x','proposer':'p','vote':'no'}]", "'title':''", NULL, "no rule matches: 1: another proposer"},
        {"[{'title':'x','vote':'no'},{'proposer':'p','vote':'no'},{'expedited':true,'vote':'no'},{'type':'x','vote':'"
         "no'}]",
         "'title':''", NULL,
         "no rule matches: 1: another title; 2: another proposer; 3: not expedited; 4: no messages"},
        {"[{'type':'x','vote':'no'}]", "'messages':[" CANCEL "]", NULL,
         "no rule matches: 1: message 0 is a /cosmos.upgrade.v1beta1.MsgCancelUpgrade"},
        {BOUND(",'max':1"), TO("2"), FROM("1"), "no rule matches: 1: e.l would be 2, more than max"},
        {BOUND(",'min':3"), TO("2"), FROM("1"), "no rule matches: 1: e.l would be 2, less than min"},
        {BOUND(",'max_change':'1%'"), TO("2"), FROM("1"),
         "no rule matches: 1: e.l would change from 1 to 2, by more than max_change"},
        {BOUND(",'min':1"), TO("'a\\u001bb'"), FROM("1"),
         "rule 1 may match, but e.l would be a?b, which cannot be compared with min and max: a person should look"},
        {BOUND(""), TO("2"), NULL,
         "rule 1 may match, but the present parameters of inference.inference are not known: a person should look"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(ask_about(rows[i].rules, rows[i].members, rows[i].current).why, rows[i].says);
}

static void
many_rules_do_not_make_the_reason_overflow(void **state)
{
    char               rules[4000] = "[{'title':'x','vote':'no'}";
    struct gov_verdict v;

    (void)state;
    for (int i = 0; i < 100; i++)
        (void)snprintf(rules + strlen(rules), sizeof(rules) - strlen(rules), ",{'title':'x','vote':'no'}");
    (void)snprintf(rules + strlen(rules), sizeof(rules) - strlen(rules), "]");
    v = ask_about(rules, "'title':'t'", NULL);
    assert_int_equal(v.rule, -1);
    assert_int_equal(strlen(v.why), sizeof(v.why) - 1);
}

static void
patterns_match_all_of_a_text(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        int         any_capitals;
        int         matches;
    } rows[] = {
        {"", "", 0, 1},
        {"", "a", 0, 0},
        {"*", "", 0, 1},
        {"*", "abc", 0, 1},
        {"a*c", "abbc", 0, 1},
        {"a*c", "abcd", 0, 0},
        {"a*b*c", "aXbYbZc", 0, 1},
        {"?", "", 0, 0},
        {"a?c", "abc", 0, 1},
        {"a?c", "ac", 0, 0},
        {"ABC", "abc", 0, 0},
        {"ABC", "abc", 1, 1},
        {"a[b]", "a[b]", 0, 1},
        {"a[b]", "ab", 0, 0},
        {"**a", "bca", 0, 1},
        {"abc", "ab", 0, 0},
        {"*.a", "x.a.b.a", 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (gov_matches(rows[i].pattern, rows[i].text, rows[i].any_capitals) != rows[i].matches)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
}

static void
a_malformed_policy_is_an_error_with_words(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"[", "policy: byte "},
        {"{}", "policy: it is no list of at most 1000 rules"},
        {"[7]", "policy, rule 1: it is no object"},
        {"[{}]", "policy, rule 1: vote is missing"},
        {"[{'vote':'yes'},{'vote':'maybe'}]",
         "policy, rule 2: vote is \"maybe\": yes, no, no_with_veto, abstain or ask"},
        {"[{'vote':'yes','tilte':'x'}]", "policy, rule 1: \"tilte\" is no member of a rule"},
        {"[{'vote':'yes','vote':'no'}]", "policy, rule 1: vote is there twice"},
        {"[{'vote':'yes','name':7}]", "policy, rule 1: name is no text"},
        {"[{'vote':'yes','title':''}]", "policy, rule 1: title is no text, or an empty one"},
        {"[{'vote':'yes','type':[]}]", "policy, rule 1: type is an empty list"},
        {"[{'vote':'yes','type':['a',1]}]", "policy, rule 1: type is no text, nor a list of texts"},
        {"[{'vote':'yes','proposer':{}}]", "policy, rule 1: proposer is no text, nor a list of texts"},
        {"[{'vote':'yes','expedited':'true'}]", "policy, rule 1: expedited is neither true nor false"},
        {"[{'vote':'yes','undecoded':1}]", "policy, rule 1: undecoded is neither true nor false"},
        {"[{'vote':'yes','not_before_end':'6'}]", "policy, rule 1: not_before_end is \"6\", which is no duration"},
        {"[{'vote':'yes','not_before_end':'0s'}]", "policy, rule 1: not_before_end is \"0s\""},
        {"[{'vote':'yes','params':[]}]", "policy, rule 1: params is no list of paths, or an empty one"},
        {"[{'vote':'yes','params':{}}]", "policy, rule 1: params is no list of paths"},
        {"[{'vote':'yes','params':['e.l']}]", "policy, rule 1: params: an entry is no object with a path"},
        {"[{'vote':'yes','params':[{}]}]", "policy, rule 1: params: an entry has no path"},
        {"[{'vote':'yes','params':[{'path':'a','mx':1}]}]", "policy, rule 1: \"mx\" is no member of a rule"},
        {"[{'vote':'yes','params':[{'path':'a','min':'x'}]}]", "policy, rule 1: params: min is no number"},
        {"[{'vote':'yes','params':[{'path':'a','max':null}]}]", "policy, rule 1: params: max is no number"},
        {"[{'vote':'yes','params':[{'path':'a','min':2,'max':1}]}]", "policy, rule 1: params: a: min is above max"},
        {"[{'vote':'yes','params':[{'path':'a','min':'1s','max':2}]}]",
         "policy, rule 1: params: a: min is above max, or"},
        {"[{'vote':'yes','params':[{'path':'a','max_change':'10'}]}]",
         "policy, rule 1: params: max_change is no percentage"},
        {"[{'vote':'yes','params':[{'path':'a','max_change':10}]}]",
         "policy, rule 1: params: max_change is no percentage"},
        {"[{'vote':'yes','params':[{'path':'a','max_change':'-1%'}]}]",
         "policy, rule 1: params: max_change is no percentage"},
        {"[{'vote':'yes','params':[{'path':'a','max_change':'1s%'}]}]",
         "policy, rule 1: params: max_change is no percentage"},
        {"[{'vote':'yes','params':[{'path':'a','max_change':'%'}]}]",
         "policy, rule 1: params: max_change is no percentage"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_policy policy;

        assert_int_equal(read_policy(rows[i].text, &policy), -EBADMSG);
        if (strncmp(why, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s: %s", rows[i].text, why);
    }
}

static void
choices_are_written_as_the_chain_wants_them(void **state)
{
    static const char *const names[] = {"ask", "yes", "no", "no_with_veto", "abstain"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum gov_choice choice = GOV_CHOICE_ASK;

        assert_int_equal(gov_choice_parse(names[i], &choice), 0);
        assert_int_equal(choice, i);
        assert_string_equal(gov_choice_text(choice), names[i]);
    }
    assert_int_equal(gov_choice_parse("Yes", &(enum gov_choice){0}), -EINVAL);
}

static void
what_strangers_wrote_is_shown_without_tricks(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"plain", "plain"},
        {"a\nb\x1b[2J\x7f", "a?b?[2J?"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"}, /* letters are letters */
        {"a\xc2\x9b"
         "b",
         "a?b"}, /* C1 */
        {"a\xe2\x80\xae"
         "b\xe2\x81\xa6\xe2\x80\xa8\xe2\x80\x8f",
         "a?b???"},                                               /* direction, line */
        {"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"}, /* their neighbours */
        {"cut \xe2\x82", "cut ??"},
        {"\xff\xc0\x80", "???"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *copy = strdup(rows[i].text);

        assert_non_null(copy);
        assert_string_equal(ga_clean(copy), rows[i].shown);
        free(copy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(conditions_on_the_proposal_all_hold),
        cmocka_unit_test(every_message_must_be_of_the_type),
        cmocka_unit_test(what_is_not_decoded_is_asked_about),
        cmocka_unit_test(changed_parameters_keep_their_bounds),
        cmocka_unit_test(every_change_must_be_in_the_list),
        cmocka_unit_test(what_cannot_be_compared_is_asked_about_and_not_left_to_later_rules),
        cmocka_unit_test(what_certainly_does_not_match_is_no_doubt),
        cmocka_unit_test(seconds_are_compared_with_seconds),
        cmocka_unit_test(a_vote_waits_until_the_end_is_near),
        cmocka_unit_test(the_verdict_says_why),
        cmocka_unit_test(many_rules_do_not_make_the_reason_overflow),
        cmocka_unit_test(patterns_match_all_of_a_text),
        cmocka_unit_test(a_malformed_policy_is_an_error_with_words),
        cmocka_unit_test(choices_are_written_as_the_chain_wants_them),
        cmocka_unit_test(what_strangers_wrote_is_shown_without_tricks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

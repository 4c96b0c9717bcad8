/* test_gov_proposal.c: proposals as the chain's gateway gives them, and as nobody should give them. */
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

static int
decode(const char *text, struct gov_proposal *ret)
{
    cJSON *answer = json(text);
    int    r;

    why[0] = '\0';
    r = gov_proposal_decode(answer, ret, why, sizeof(why));
    cJSON_Delete(answer);
    return r;
}

/* Proposal 12 with these members besides its id. */
static int
decode_with(const char *members, struct gov_proposal *ret)
{
    char text[4096];

    assert_true((size_t)snprintf(text, sizeof(text), "{'proposal':{'id':'12',%s}}", members) < sizeof(text));
    return decode(text, ret);
}

/* Proposal 12 with this one message. */
static int
decode_message(const char *message, struct gov_proposal *ret)
{
    char text[4096];

    assert_true((size_t)snprintf(text, sizeof(text), "'messages':[%s]", message) < sizeof(text));
    return decode_with(text, ret);
}

static void
a_proposal_is_read_in_full(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(decode("{'proposal':{'id':'2','messages':[],'status':'PROPOSAL_STATUS_VOTING_PERIOD',"
                            "'submit_time':'2025-11-20T10:00:00Z','deposit_end_time':'2025-11-22T10:00:00.5Z',"
                            "'total_deposit':[{'denom':'ngonka','amount':'25000000'}],"
                            "'voting_start_time':'2025-11-20T10:00:00.000000001Z',"
                            "'voting_end_time':'2025-11-22T10:00:00+00:00',"
                            "'metadata':'m','title':'Upgrade to v0.2.5','summary':'s','proposer':'gonka1abc',"
                            "'expedited':true,'failed_reason':'f'}}",
                            &p),
                     0);
    assert_int_equal(p.id, 2);
    assert_int_equal(p.status, GOV_STATUS_VOTING_PERIOD);
    assert_int_equal(p.submit_ns, INT64_C(1763632800000000000));
    assert_int_equal(p.deposit_end_ns, INT64_C(1763805600500000000));
    assert_int_equal(p.voting_start_ns, INT64_C(1763632800000000001));
    assert_int_equal(p.voting_end_ns, INT64_C(1763805600000000000));
    assert_int_equal(p.deposit.n, 1);
    assert_string_equal(p.deposit.list[0].denom, "ngonka");
    assert_string_equal(p.deposit.list[0].amount, "25000000");
    assert_string_equal(p.metadata, "m");
    assert_string_equal(p.title, "Upgrade to v0.2.5");
    assert_string_equal(p.summary, "s");
    assert_string_equal(p.proposer, "gonka1abc");
    assert_string_equal(p.failed_reason, "f");
    assert_true(p.expedited);
    assert_int_equal(p.n_messages, 0);
    gov_proposal_free(&p);
}

static void
what_is_missing_is_empty(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(
        decode("{'id':7,'status':1,'voting_start_time':null,'deposit_end_time':'0001-01-01T00:00:00Z'}", &p), 0);
    assert_int_equal(p.id, 7);
    assert_int_equal(p.status, GOV_STATUS_DEPOSIT_PERIOD);
    assert_string_equal(p.title, "");
    assert_string_equal(p.proposer, "");
    assert_false(p.expedited);
    assert_int_equal(p.voting_start_ns, 0);
    assert_int_equal(p.deposit_end_ns, 0);
    assert_int_equal(p.deposit.n, 0);
    gov_proposal_free(&p);
}

static void
the_answer_may_go_before_the_proposal(void **state)
{
    cJSON              *answer = json("{'id':'3','title':'a title'}");
    struct gov_proposal p;

    (void)state;
    assert_int_equal(gov_proposal_decode(answer, &p, why, sizeof(why)), 0);
    cJSON_Delete(answer);
    assert_string_equal(p.title, "a title");
    gov_proposal_free(&p);
}

static void
status_may_be_a_name_or_a_number(void **state)
{
    static const struct {
        const char     *text;
        enum gov_status status;
        const char     *shown;
    } rows[] = {{"'PROPOSAL_STATUS_UNSPECIFIED'", GOV_STATUS_UNSPECIFIED, "unspecified"},
                {"'PROPOSAL_STATUS_DEPOSIT_PERIOD'", GOV_STATUS_DEPOSIT_PERIOD, "deposit period"},
                {"'PROPOSAL_STATUS_PASSED'", GOV_STATUS_PASSED, "passed"},
                {"4", GOV_STATUS_REJECTED, "rejected"},
                {"'5'", GOV_STATUS_FAILED, "failed"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;
        char                text[100];

        (void)snprintf(text, sizeof(text), "'status':%s", rows[i].text);
        assert_int_equal(decode_with(text, &p), 0);
        assert_int_equal(p.status, rows[i].status);
        assert_string_equal(gov_status_text(p.status), rows[i].shown);
        gov_proposal_free(&p);
    }
}

static void
a_malformed_proposal_is_an_error_with_words(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"[]", "no proposal: an object was expected"},
        {"{}", "a proposal whose id is missing"},
        {"{'id':'0'}", "a proposal whose id is no number from 1 on"},
        {"{'id':'twelve'}", "a proposal whose id is no number from 1 on"},
        {"{'id':'-1'}", "a proposal whose id is no number from 1 on"},
        {"{'proposal':null}", "no proposal: an object was expected"},
        {"{'id':'12','status':9}", "proposal 12: status is none that is known here"},
        {"{'id':'12','status':'VOTING_PERIOD'}", "proposal 12: status is none"},
        {"{'id':'12','status':'PROPOSAL_STATUS_NEW'}", "proposal 12: status is none"},
        {"{'id':'12','status':2}", "proposal 12: voting_end_time is missing, though the vote is on"},
        {"{'id':'12','title':5}", "proposal 12: title is no text"},
        {"{'id':'12','proposer':{}}", "proposal 12: proposer is no text"},
        {"{'id':'12','expedited':'yes'}", "proposal 12: expedited is neither true nor false"},
        {"{'id':'12','total_deposit':{}}", "proposal 12: total_deposit is no list"},
        {"{'id':'12','total_deposit':[{'denom':'x','amount':'1.5'}]}",
         "proposal 12: total_deposit.0.amount is no whole"},
        {"{'id':'12','total_deposit':[{'amount':'1'}]}", "proposal 12: total_deposit.0.denom is missing"},
        {"{'id':'12','id':'13'}", "a proposal in which the member id is there twice"},
        {"{'id':'12','messages':[{'@type':'/a.MsgUpdateParams','params':{'a':1,'a':2}}]}",
         "a proposal in which the member a is there twice"},
        {"{'id':'12','messages':{}}", "proposal 12: messages is no list"},
        {"{'id':'12','messages':[7]}", "proposal 12: messages.0 is no object"},
        {"{'id':'12','messages':[{}]}", "proposal 12: messages.0.@type is missing"},
        {"{'id':'12','messages':[{'@type':1}]}", "proposal 12: messages.0.@type is no text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;

        assert_int_equal(decode(rows[i].text, &p), -EBADMSG);
        if (strncmp(why, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s: %s", rows[i].text, why);
    }
}

static void
an_object_with_very_many_members_is_refused(void **state)
{
    struct gov_proposal p;
    char                key[24];
    cJSON              *answer = json("{'id':'12'}");

    (void)state;
    for (int i = 0; i < 1024; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_non_null(cJSON_AddNullToObject(answer, key));
    }
    assert_int_equal(gov_proposal_decode(answer, &p, why, sizeof(why)), -EBADMSG);
    assert_string_equal(why, "a proposal in which an object has more than 1024 members: ask another node");
    cJSON_DeleteItemFromObjectCaseSensitive(answer, "k0");
    assert_int_equal(gov_proposal_decode(answer, &p, why, sizeof(why)), 0);
    gov_proposal_free(&p);
    cJSON_Delete(answer);
}

static void
what_is_no_time_is_an_error(void **state)
{
    static const char *const bad[] = {"yesterday",
                                      "2025-11-20",
                                      "2025-11-20T10:00:00",
                                      "2025-11-20 10:00:00Z",
                                      "2025-11-20T10:00:00+01:00",
                                      "2025-13-01T10:00:00Z",
                                      "2025-02-29T10:00:00Z",
                                      "2025-11-00T10:00:00Z",
                                      "2025-11-20T24:00:00Z",
                                      "2025-11-20T10:60:00Z",
                                      "2025-11-20T10:00:00.Z",
                                      "2025-11-20T10:00:00Zz",
                                      "2300-01-01T00:00:00Z",
                                      "1960-01-01T00:00:00Z"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct gov_proposal p;
        char                text[100];

        (void)snprintf(text, sizeof(text), "'submit_time':'%s'", bad[i]);
        assert_int_equal(decode_with(text, &p), -EBADMSG);
        assert_non_null(strstr(why, "proposal 12: submit_time is no time in UTC"));
    }
}

static void
leap_days_count(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(decode_with("'submit_time':'2024-02-29T00:00:00Z','voting_end_time':'2100-03-01T00:00:00Z'", &p),
                     0);
    assert_int_equal(p.submit_ns, INT64_C(1709164800) * 1000000000);
    assert_int_equal(p.voting_end_ns, INT64_C(4107542400) * 1000000000);
    gov_proposal_free(&p);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void
a_type_that_is_not_known_stays_raw(void **state)
{
    struct gov_proposal p;
    char               *raw;

    (void)state;
    assert_int_equal(decode_message("{'@type':'/cosmos.bank.v1beta1.MsgSend','from':'x','n':12345678901234567890}", &p),
                     0);
    assert_int_equal(p.messages[0].kind, GOV_KIND_OTHER);
    assert_true(p.messages[0].undecoded);
    assert_string_equal(p.messages[0].why, "its type is not known here");
    raw = gov_message_raw(&p.messages[0]);
    assert_string_equal(raw, "{\"@type\":\"/cosmos.bank.v1beta1.MsgSend\",\"from\":\"x\",\"n\":12345678901234567890}");
    free(raw);
    gov_proposal_free(&p);
}

static void
the_older_form_of_messages_is_undecoded(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(decode_message("{'type':'cosmos-sdk/MsgSoftwareUpgrade','value':{}}", &p), 0);
    assert_string_equal(p.messages[0].type_url, "cosmos-sdk/MsgSoftwareUpgrade");
    assert_true(p.messages[0].undecoded);
    gov_proposal_free(&p);
}

static void
other_kinds_are_decoded(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(
        decode_with(
            "'messages':[{'@type':'/cosmos.upgrade.v1beta1.MsgCancelUpgrade'," AUTHORITY "},"
            "{'@type':'/cosmos.distribution.v1beta1.MsgCommunityPoolSpend'," AUTHORITY ",'recipient':'gonka1x',"
            "'amount':[{'denom':'ngonka','amount':'99999999999999999999999999999999999999'}]},"
            "{'@type':'/inference.inference.MsgCreatePartialUpgrade'," AUTHORITY ",'height':'77',"
            "'nodeVersion':'v3.0.9','apiBinariesJson':''},"
            "{'@type':'/inference.inference.MsgRegisterModel'," AUTHORITY ",'proposed_by':'gonka1y',"
            "'id':'Qwen/QwQ-32B','units_of_compute_per_token':'1000','hf_repo':'Qwen/QwQ-32B','hf_commit':'976055f8',"
            "'model_args':['--quantization','fp8'],'v_ram':80,'throughput_per_nonce':'1500',"
            "'validation_threshold':{'value':'98','exponent':-2}}]",
            &p),
        0);
    assert_int_equal(p.n_messages, 4);
    for (size_t i = 0; i < p.n_messages; i++)
        assert_string_equal(p.messages[i].why, "");
    assert_int_equal(p.messages[0].kind, GOV_KIND_CANCEL_UPGRADE);
    assert_int_equal(p.messages[1].kind, GOV_KIND_POOL_SPEND);
    assert_string_equal(p.messages[1].u.spend.recipient, "gonka1x");
    assert_string_equal(p.messages[1].u.spend.amount.list[0].amount, "99999999999999999999999999999999999999");
    assert_int_equal(p.messages[2].kind, GOV_KIND_PARTIAL_UPGRADE);
    assert_int_equal(p.messages[2].u.upgrade.height, 77);
    assert_string_equal(p.messages[2].u.upgrade.node_version, "v3.0.9");
    assert_int_equal(p.messages[3].kind, GOV_KIND_MODEL);
    assert_string_equal(p.messages[3].u.model.id, "Qwen/QwQ-32B");
    assert_string_equal(p.messages[3].u.model.proposed_by, "gonka1y");
    assert_string_equal(p.messages[3].u.model.hf_commit, "976055f8");
    assert_int_equal(p.messages[3].u.model.units_of_compute_per_token, 1000);
    assert_int_equal(p.messages[3].u.model.v_ram, 80);
    assert_int_equal(p.messages[3].u.model.throughput_per_nonce, 1500);
    assert_string_equal(p.messages[3].u.model.validation_threshold, "0.98");
    gov_proposal_free(&p);
}

static void
a_member_that_is_not_known_makes_a_message_undecoded(void **state)
{
    static const char *const rows[] = {
        "{'@type':'/cosmos.upgrade.v1beta1.MsgCancelUpgrade','extra':1}",
        "{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','extra':1,'plan':{'name':'a','height':'1'}}",
        "{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a','height':'1','extra':1}}",
        "{'@type':'/inference.inference.MsgRegisterModel','id':'m','extra':1}",
        "{'@type':'/inference.inference.MsgCreatePartialUpgrade','height':1,'extra':1}",
        "{'@type':'/cosmos.distribution.v1beta1.MsgCommunityPoolSpend','recipient':'r','extra':1}",
        "{'@type':'/cosmos.gov.v1.MsgUpdateParams','params':{},'extra':1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;

        assert_int_equal(decode_message(rows[i], &p), 0);
        assert_string_equal(p.messages[0].why, "its member extra is not known here");
        assert_true(p.messages[0].undecoded);
        gov_proposal_free(&p);
    }
}

static void
members_that_say_more_than_is_decoded_are_said(void **state)
{
    static const struct {
        const char *message;
        const char *says;
    } rows[] = {
        {"{'@type':'/inference.inference.MsgCreatePartialUpgrade','height':1,'apiBinariesJson':'{}'}",
         "apiBinariesJson is set"},
        {"{'@type':'/"
         "cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a','height':'1','upgraded_client_state':{}}}",
         "plan.upgraded_client_state is set"},
        {"{'@type':'/cosmos.consensus.v1.MsgUpdateParams'," AUTHORITY "}", "it has no member params"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;

        assert_int_equal(decode_message(rows[i].message, &p), 0);
        assert_true(p.messages[0].undecoded);
        assert_non_null(strstr(p.messages[0].why, rows[i].says));
        gov_proposal_free(&p);
    }
}

static void
a_malformed_message_is_an_error_that_names_its_member(void **state)
{
    static const struct {
        const char *message;
        const char *says;
    } rows[] = {
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade'}", "messages.0.plan is no object"},
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'height':'1'}}",
         "messages.0.plan.name is missing"},
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a'}}",
         "messages.0.plan.height is no height"},
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a','height':'9e3'}}",
         "messages.0.plan.height is no whole number"},
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a','height':'9223372036854775808'}}",
         "messages.0.plan.height is no height"},
        {"{'@type':'/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade','plan':{'name':'a','height':'1','info':{}}}",
         "messages.0.plan.info is no text"},
        {"{'@type':'/cosmos.gov.v1.MsgUpdateParams','params':[]}", "messages.0.params is no object"},
        {"{'@type':'/cosmos.gov.v1.MsgUpdateParams','authority':1}", "messages.0.authority is no text"},
        {"{'@type':'/inference.inference.MsgRegisterModel'}", "messages.0.id is missing"},
        {"{'@type':'/inference.inference.MsgRegisterModel','id':'m','v_ram':-1}",
         "messages.0.v_ram is no whole number"},
        {"{'@type':'/inference.inference.MsgRegisterModel','id':'m','validation_threshold':'0.9'}",
         "messages.0.validation_threshold is no decimal"},
        {"{'@type':'/inference.inference.MsgCreatePartialUpgrade'}", "messages.0.height is no height from 1 on"},
        {"{'@type':'/cosmos.distribution.v1beta1.MsgCommunityPoolSpend'}", "messages.0.recipient is missing"},
        {"{'@type':'/cosmos.distribution.v1beta1.MsgCommunityPoolSpend','recipient':'r','amount':['x']}",
         "messages.0.amount.0.denom is missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_proposal p;

        assert_int_equal(decode_message(rows[i].message, &p), -EBADMSG);
        if (strncmp(why, "proposal 12: ", 13) != 0 || strncmp(why + 13, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s: %s", rows[i].message, why);
    }
}

static void
the_first_reason_for_not_decoding_stands(void **state)
{
    struct gov_proposal p;

    (void)state;
    assert_int_equal(decode_message("{'@type':'/a.MsgUpdateParams','extra':1,'other':2}", &p), 0);
    assert_string_equal(p.messages[0].why, "its member extra is not known here");
    gov_proposal_free(&p);
}

static void *
no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void
without_memory_nothing_is_decoded(void **state)
{
    cJSON              *answer = json("{'id':'12'}");
    struct gov_proposal p;
    cJSON_Hooks         hooks = {no_memory, free};

    (void)state;
    cJSON_InitHooks(&hooks);
    assert_int_equal(gov_proposal_decode(answer, &p, why, sizeof(why)), -ENOMEM);
    cJSON_InitHooks(NULL);
    cJSON_Delete(answer);
}

static void
every_kind_has_a_name(void **state)
{
    static const char *const names[] = {"unknown",
                                        "parameters",
                                        "software upgrade",
                                        "cancel the software upgrade",
                                        "partial upgrade",
                                        "spend from the community pool",
                                        "model"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(gov_kind_text((enum gov_kind)i), names[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_is_read_in_full),
        cmocka_unit_test(what_is_missing_is_empty),
        cmocka_unit_test(the_answer_may_go_before_the_proposal),
        cmocka_unit_test(status_may_be_a_name_or_a_number),
        cmocka_unit_test(a_malformed_proposal_is_an_error_with_words),
        cmocka_unit_test(an_object_with_very_many_members_is_refused),
        cmocka_unit_test(what_is_no_time_is_an_error),
        cmocka_unit_test(leap_days_count),
        cmocka_unit_test(a_type_that_is_not_known_stays_raw),
        cmocka_unit_test(the_older_form_of_messages_is_undecoded),
        cmocka_unit_test(other_kinds_are_decoded),
        cmocka_unit_test(a_member_that_is_not_known_makes_a_message_undecoded),
        cmocka_unit_test(members_that_say_more_than_is_decoded_are_said),
        cmocka_unit_test(a_malformed_message_is_an_error_that_names_its_member),
        cmocka_unit_test(the_first_reason_for_not_decoding_stands),
        cmocka_unit_test(without_memory_nothing_is_decoded),
        cmocka_unit_test(every_kind_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_gov_draft.c: proposal files, and what the chain would refuse. */
#include "kit/json.h"
#include "plugins/governance/draft.h"
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

#define SUM_A "fab7be9bcdb4e21f058e6d19cfd698b6862bf6f5a8aeecbf9165907fc7edcc64"
#define SUM_B "6fd12cd92e8226866be76a5e63a57e1b0041c7679db047af75e764e98668cb91"
#define UPDATE "/inference.inference.MsgUpdateParams"

static const struct gov_draft DRAFT = {.title = "Shorter epochs", .summary = "Why", .deposit = "500000000000ngonka"};

static char why[300];
static char note[200];

static cJSON *
json(const char *text)
{
    char  *copy = strdup(text);
    cJSON *parsed;

    assert_non_null(copy);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    parsed = ga_json_parse(copy, strlen(copy), why, sizeof(why));
    assert_non_null(parsed);
    free(copy);
    return parsed;
}

/* The JSON with ' for ". Deletes it; the caller frees the text. */
static char *
text_of(cJSON *value)
{
    char *text = ga_json_print(value);

    assert_non_null(text);
    for (char *at = text; *at; at++)
        if (*at == '"')
            *at = '\'';
    cJSON_Delete(value);
    return text;
}

/* --- deposits and texts ------------------------------------------------------------------------------------------- */

#define DEPOSITS                                                  \
    "'min_deposit':[{'denom':'ngonka','amount':'500000000000'}]," \
    "'expedited_min_deposit':[{'denom':'ngonka','amount':'1000000000000'}]"
#define RATIOS(initial, each) ",'min_initial_deposit_ratio':'" initial "','min_deposit_ratio':'" each "'"

static int
check_draft(const struct gov_draft *draft, const char *params)
{
    cJSON *parsed = json(params);
    int    r = gov_draft_check(draft, parsed, note, sizeof(note), why, sizeof(why));

    cJSON_Delete(parsed);
    return r;
}

static int
check_deposit(const char *deposit, int expedited, const char *params)
{
    struct gov_draft draft = DRAFT;

    draft.deposit = deposit;
    draft.expedited = expedited;
    return check_draft(&draft, params);
}

static void
a_deposit_is_measured_by_the_parameters(void **state)
{
    static const struct {
        const char *deposit;
        int         expedited;
        const char *params;
        int         r;
        const char *says; /* the note, or why not */
    } rows[] = {
        {"500000000000ngonka", 0, "{" DEPOSITS "}", 0, ""},
        {"1ngonka", 0, "{'params':{" DEPOSITS "}}", 0, "the vote begins when 499999999999ngonka more are deposited"},
        {"500000000000ngonka", 1, "{" DEPOSITS "}", 0,
         "the vote begins when 500000000000ngonka more are deposited (an expedited proposal needs the larger deposit)"},
        {"1000000000000ngonka", 1, "{" DEPOSITS "}", 0, ""},
        {"5000000000ngonka", 0, "{" DEPOSITS RATIOS("0.000000000000000000", "0.01") "}", 0,
         "the vote begins when 495000000000ngonka more are deposited"},
        {"4999999999ngonka", 0, "{" DEPOSITS RATIOS("0", "0.01") "}", -EINVAL,
         "deposit: 4999999999ngonka is less than the chain takes with a proposal: give at least 5000000000ngonka"},
        {"9999999999ngonka", 1, "{" DEPOSITS RATIOS("0", "0.01") "}", -EINVAL,
         "deposit: 9999999999ngonka is less than the chain takes with a proposal: give at least 10000000000ngonka"},
        {"124999999999ngonka", 0, "{" DEPOSITS RATIOS("0.25", "0.01") "}", -EINVAL,
         "deposit: 124999999999ngonka is less than the chain takes with a proposal: give at least 125000000000ngonka"},
        {"0ngonka", 0, "{'min_deposit':[{'denom':'ngonka','amount':'3'}]" RATIOS("0.5", "0") "}", -EINVAL,
         "deposit: 0ngonka is less than the chain takes with a proposal: give at least 2ngonka"},
        {"500gonka", 0, "{" DEPOSITS "}", -EINVAL, "deposit: the chain takes no gonka: give it in ngonka"},
        {"500", 0, "{" DEPOSITS "}", -EINVAL,
         "deposit: \"500\" is no amount with its denomination: write it as 25000000ngonka"},
        {"ngonka", 0, "{" DEPOSITS "}", -EINVAL,
         "deposit: \"ngonka\" is no amount with its denomination: write it as 25000000ngonka"},
        {"999999999999999999999999999999999999999x", 0, "{" DEPOSITS "}", -EINVAL,
         "deposit: \"999999999999999999999999999999999999999x\" is no amount with its denomination: write it as "
         "25000000ngonka"},
        {"5ngonka", 0, "{}", -EBADMSG,
         "governance parameters: min_deposit is missing: ask /cosmos/gov/v1/params/deposit"},
        {"5ngonka", 1, "{'min_deposit':[]}", -EBADMSG,
         "governance parameters: expedited_min_deposit is missing: ask /cosmos/gov/v1/params/deposit"},
        {"5ngonka", 0, "{'min_deposit':[{'denom':'ngonka','amount':'25_000_000'}]}", -EBADMSG,
         "min_deposit.0.amount is no whole number of at most 38 digits"},
        {"5ngonka", 0, "{" DEPOSITS RATIOS("2", "0") "}", -EBADMSG,
         "governance parameters: min_initial_deposit_ratio is no ratio from 0 to 1: ask another node"},
        {"5ngonka", 0, "{" DEPOSITS ",'min_deposit_ratio':0.01}", -EBADMSG,
         "governance parameters: min_deposit_ratio is no ratio from 0 to 1: ask another node"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int r = check_deposit(rows[i].deposit, rows[i].expedited, rows[i].params);

        if (r != rows[i].r || strcmp(r == 0 ? note : why, rows[i].says) != 0)
            fail_msg("row %zu: %d %s", i, r, r == 0 ? note : why);
    }
}

static void
texts_that_the_chain_refuses_are_refused(void **state)
{
    char             longer[10300];
    struct gov_draft draft = DRAFT;

    (void)state;
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    draft.title = "";
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), -EINVAL);
    assert_string_equal(why, "title: it has 0 bytes: give it 1 to 255");
    draft.title = longer + sizeof(longer) - 257;
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), -EINVAL);
    assert_string_equal(why, "title: it has 256 bytes: give it 1 to 255");
    draft.title++;
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), 0);
    draft.summary = "";
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), -EINVAL);
    assert_string_equal(why, "summary: it has 0 bytes: give it 1 to 10200");
    draft.summary = longer + sizeof(longer) - 10202;
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), -EINVAL);
    draft.summary++;
    draft.metadata = longer + sizeof(longer) - 257;
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), -EINVAL);
    assert_string_equal(why, "metadata: it has 256 bytes: keep it to 255");
    draft.metadata++;
    assert_int_equal(check_draft(&draft, "{" DEPOSITS "}"), 0);
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

static const char CURRENT[] =
    "{'params':{'epoch_params':{'epoch_length':'17280','poc.stage':'5'},'rate':{'value':'2',"
    "'exponent':-1},'small':{'value':5,'exponent':'-3'},'period':'172800s','ratio':'0.334','on':false,"
    "'count':3,'big':18446744073709551615,'name':'x','empty':'','list':['a','b'],'none':null,"
    "'coins':[{'denom':'ngonka','amount':'5'}]}}";

static int
draft_one(const char *path, const char *value, cJSON **ret, struct gov_changes *changes)
{
    struct gov_setting setting = {path, value};
    cJSON             *current = json(CURRENT);
    int                r = gov_draft_params(&DRAFT, UPDATE, current, &setting, 1, ret, changes, why, sizeof(why));

    cJSON_Delete(current);
    return r;
}

static void
a_draft_has_all_parameters_and_the_new_value(void **state)
{
    struct gov_changes changes = {0};
    cJSON             *file = NULL;
    char              *text;

    (void)state;
    assert_int_equal(draft_one("epoch_params.epoch_length", "15391", &file, &changes), 0);
    gov_changes_free(&changes);
    text = text_of(file);
    assert_string_equal(text, "{'messages':[{'@type':'/inference.inference.MsgUpdateParams',"
                              "'authority':'gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33','params':{'epoch_params':{"
                              "'epoch_length':'15391','poc.stage':'5'},'rate':{'value':'2','exponent':-1},"
                              "'small':{'value':5,'exponent':'-3'},'period':'172800s','ratio':'0.334','on':false,"
                              "'count':3,'big':18446744073709551615,'name':'x','empty':'','list':['a','b'],'none':null,"
                              "'coins':[{'denom':'ngonka','amount':'5'}]}}],"
                              "'metadata':'','deposit':'500000000000ngonka','title':'Shorter epochs','summary':'Why',"
                              "'expedited':false}");
    free(text);
}

static void
a_new_value_keeps_the_kind_of_the_old_one(void **state)
{
    static const struct {
        const char *path;
        const char *value;
        const char *written; /* what stands there then; NULL: refused */
        const char *change;
    } rows[] = {
        {"epoch_params.epoch_length", "15391", "'15391'", "epoch_params.epoch_length: 17280 -> 15391\n"},
        {"epoch_params.poc\\.stage", "6", "'6'", "epoch_params.poc\\.stage: 5 -> 6\n"},
        {"rate", "0.25", "{'value':'25','exponent':-2}", "rate: 0.2 -> 0.25\n"},
        {"rate", "3", "{'value':'3','exponent':0}", "rate: 0.2 -> 3\n"},
        {"rate", "-0.000475", "{'value':'-475','exponent':-6}", NULL},
        {"small", "0.006", "{'value':6,'exponent':'-3'}", "small: 0.005 -> 0.006\n"},
        {"period", "86400s", "'86400s'", "period: 172800s -> 86400s\n"},
        {"ratio", "0.25", "'0.25'", "ratio: 0.334 -> 0.25\n"},
        {"on", "true", "true", "on: false -> true\n"},
        {"count", "4", "4", "count: 3 -> 4\n"},
        {"big", "18446744073709551614", "18446744073709551614", NULL},
        {"name", "y", "'y'", "name: x -> y\n"},
        {"empty", "any text", "'any text'", NULL},
        {"list", "[\"a\"]", "['a']", "list.1: b -> (none)\n"},
        {"list.1", "c", "'c'", "list.1: b -> c\n"},
        {"coins.0.amount", "6", "'6'", "coins.0.amount: 5 -> 6\n"},
        {"none", "{\"a\":1}", "{'a':1}", "none.a: (none) -> 1\n"},
        {"epoch_params.epoch_length", "long", NULL, NULL},
        {"epoch_params", "{\"epoch_length\":\"1\"}", NULL, NULL},
        {"rate", "2/3", NULL, NULL},
        {"rate", "5s", NULL, NULL},
        {"rate", "{\"value\":\"5\",\"exponent\":0}", NULL, NULL},
        {"rate", "99999999999999999999", NULL, NULL},
        {"period", "86400", NULL, NULL},
        {"ratio", "1s", NULL, NULL},
        {"on", "1", NULL, NULL},
        {"on", "yes", NULL, NULL},
        {"count", "\"4\"", NULL, NULL},
        {"list", "{}", NULL, NULL},
        {"list", "a", NULL, NULL},
        {"none", "{", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_changes changes = {0};
        cJSON             *file = NULL;
        char              *written;
        char              *shown;
        int                r = draft_one(rows[i].path, rows[i].value, &file, &changes);

        if (!rows[i].written) {
            assert_int_equal(r, -EINVAL);
            assert_non_null(strstr(why, "cannot stand in the place of its present value"));
            assert_null(file);
            continue;
        }
        assert_int_equal(r, 0);
        shown = gov_changes_text(&changes);
        if (rows[i].change)
            assert_string_equal(shown, rows[i].change);
        assert_int_equal(changes.n, 1);
        free(shown);
        gov_changes_free(&changes);
        if (!strchr(rows[i].path, '\\')) {
            const cJSON *params = ga_json_path(file, "messages.0.params");

            written = ga_json_print(ga_json_path(params, rows[i].path));
            for (char *at = written; *at; at++)
                *at = *at == '"' ? '\'' : *at;
            assert_string_equal(written, rows[i].written);
            free(written);
        }
        cJSON_Delete(file);
    }
}

static void
a_place_that_is_not_there_is_refused(void **state)
{
    static const char *const paths[] = {
        "epoch_params.length",
        "Epoch_params",
        "",
        "epoch_params..epoch_length",
        "list.2",
        "list.x",
        "name.x",
        "list.-1",
        ".name",
        "epoch_params.poc.stage",
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct gov_changes changes = {0};
        cJSON             *file = NULL;

        assert_int_equal(draft_one(paths[i], "1", &file, &changes), -EINVAL);
        assert_non_null(strstr(why, ": the module has no such parameter"));
    }
}

static void
several_settings_are_put_in_together(void **state)
{
    static const struct gov_setting settings[] = {{"count", "4"}, {"name", "y"}};
    struct gov_changes              changes = {0};
    cJSON                          *current = json(CURRENT);
    cJSON                          *file = NULL;
    char                           *shown;

    (void)state;
    assert_int_equal(gov_draft_params(&DRAFT, UPDATE, current, settings, 2, &file, &changes, why, sizeof(why)), 0);
    shown = gov_changes_text(&changes);
    assert_string_equal(shown, "count: 3 -> 4\nname: x -> y\n");
    free(shown);
    gov_changes_free(&changes);
    cJSON_Delete(file);
    cJSON_Delete(current);
}

static void
a_draft_that_changes_nothing_is_refused(void **state)
{
    struct gov_changes changes = {0};
    cJSON             *file = NULL;

    (void)state;
    assert_int_equal(draft_one("rate", "0.20", &file, &changes), -EINVAL);
    assert_string_equal(why, "all values are as they are now: a proposal would change nothing");
    assert_null(changes.list);
}

static void
drafts_need_parameters_and_a_type_of_theirs(void **state)
{
    static const struct gov_setting setting = {"count", "4"};
    struct gov_changes              changes = {0};
    cJSON                          *bad = json("{'params':[]}");
    cJSON                          *file = NULL;

    (void)state;
    assert_int_equal(gov_draft_params(&DRAFT, UPDATE, bad, &setting, 1, &file, &changes, why, sizeof(why)), -EBADMSG);
    assert_non_null(strstr(why, "present parameters: an object was expected"));
    assert_int_equal(
        gov_draft_params(&DRAFT, "/cosmos.bank.v1beta1.MsgSend", bad, &setting, 1, &file, &changes, why, sizeof(why)),
        -EINVAL);
    assert_non_null(strstr(why, "MsgSend is no type such as /inference.inference.MsgUpdateParams"));
    cJSON_Delete(bad);
}

/* --- upgrades ----------------------------------------------------------------------------------------------------- */

static const struct gov_archive NODE[] = {{"linux/amd64", "https://e.invalid/n.zip", SUM_A},
                                          {"linux/arm64", "https://e.invalid/n.zip?a=b", SUM_B}};
static const struct gov_archive API[] = {{"any", "http://e.invalid/a.zip", SUM_B}};

static struct gov_upgrade_plan
usual_plan(void)
{
    return (struct gov_upgrade_plan){
        .name = "v0.2.5", .height = 1501000, .current_height = 1500000, .node = {NODE, 2}, .api = {API, 1}};
}

static void
an_upgrade_is_written_so_that_it_is_read_again(void **state)
{
    struct gov_upgrade_plan plan = usual_plan();
    struct gov_draft        draft = DRAFT;
    struct gov_proposal     p;
    cJSON                  *file = NULL;

    (void)state;
    plan.node_version = "v3.0.9";
    draft.expedited = 1;
    draft.authority = "gonka1other";
    draft.metadata = "m";
    assert_int_equal(gov_draft_upgrade(&draft, &plan, &file, why, sizeof(why)), 0);
    assert_string_equal(ga_json_str(file, "deposit"), "500000000000ngonka");
    assert_true(ga_json_bool(file, "expedited", 0));
    assert_int_equal(ga_json_add_i64(file, "id", 1), 0);
    assert_int_equal(gov_proposal_decode(file, &p, why, sizeof(why)), 0);
    assert_string_equal(p.metadata, "m");
    assert_string_equal(p.messages[0].why, "");
    assert_string_equal(p.messages[0].authority, "gonka1other");
    assert_string_equal(p.messages[0].u.upgrade.name, "v0.2.5");
    assert_int_equal(p.messages[0].u.upgrade.height, 1501000);
    assert_string_equal(p.messages[0].u.upgrade.node.list[0].url, "https://e.invalid/n.zip?checksum=sha256:" SUM_A);
    assert_string_equal(p.messages[0].u.upgrade.node.list[1].url, "https://e.invalid/n.zip?a=b&checksum=sha256:" SUM_B);
    assert_string_equal(p.messages[0].u.upgrade.node.list[1].sha256, SUM_B);
    assert_string_equal(p.messages[0].u.upgrade.api.list[0].platform, "any");
    assert_string_equal(p.messages[0].u.upgrade.api.list[0].sha256, SUM_B);
    assert_string_equal(p.messages[0].u.upgrade.node_version, "v3.0.9");
    gov_proposal_free(&p);
    cJSON_Delete(file);
}

static void
an_upgrade_needs_no_node_version(void **state)
{
    struct gov_upgrade_plan plan = usual_plan();
    cJSON                  *file = NULL;
    const char             *info;

    (void)state;
    assert_int_equal(gov_draft_upgrade(&DRAFT, &plan, &file, why, sizeof(why)), 0);
    info = cJSON_GetStringValue(ga_json_path(file, "messages.0.plan.info"));
    assert_non_null(strstr(info, "api_binaries"));
    assert_null(strstr(info, "node_version"));
    cJSON_Delete(file);
}

static void
refused(const struct gov_upgrade_plan *plan, const char *says)
{
    cJSON *file = NULL;

    assert_int_equal(gov_draft_upgrade(&DRAFT, plan, &file, why, sizeof(why)), -EINVAL);
    assert_null(file);
    if (!strstr(why, says))
        fail_msg("%s, and not: %s", why, says);
}

static void
a_name_that_is_no_folder_is_refused(void **state)
{
    static const char *const bad[] = {"", "v1/2", "..", ".hidden", "v 1", "v1\n", "v\xc3\xa9"};
    struct gov_upgrade_plan  plan = usual_plan();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        plan.name = bad[i];
        refused(&plan, "becomes a folder's name");
    }
}

static void
a_height_that_has_passed_is_refused(void **state)
{
    static const struct {
        int64_t height;
        int64_t current;
    } rows[] = {{100, 100}, {99, 100}, {0, 100}, {-5, -10}, {100, 0}};
    struct gov_upgrade_plan plan = usual_plan();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plan.height = rows[i].height;
        plan.current_height = rows[i].current;
        refused(&plan, "is not after the chain's height");
    }
}

static void
an_archive_that_hosts_could_not_fetch_is_refused(void **state)
{
    static const struct {
        struct gov_archive archive;
        const char        *says;
    } rows[] = {
        {{"linux", "https://e.invalid/n.zip", SUM_A}, "platform \"linux\" is none such as linux/amd64"},
        {{"linux/amd64/v2", "https://e.invalid/n.zip", SUM_A}, "is none such as linux/amd64"},
        {{"Linux/amd64", "https://e.invalid/n.zip", SUM_A}, "is none such as linux/amd64"},
        {{"/", "https://e.invalid/n.zip", SUM_A}, "is none such as linux/amd64"},
        {{"linux/amd64", "ftp://e.invalid/n.zip", SUM_A}, "is no http or https URL"},
        {{"linux/amd64", "https://e.invalid/n zip", SUM_A}, "is no http or https URL"},
        {{"linux/amd64", "https://e.invalid/n.zip#a", SUM_A}, "is no http or https URL"},
        {{"linux/amd64", "https://e.invalid/n.zip?checksum=md5:00", SUM_A}, "is no http or https URL"},
        {{"linux/amd64", "https://e.invalid/n.zip", "fab7"}, "is no sha256 of 64 hex digits"},
        {{"linux/amd64", "https://e.invalid/n.zip", SUM_A "0"}, "is no sha256 of 64 hex digits"},
        {{"linux/amd64", "https://e.invalid/n.zip", "gab7be9bcdb4e21f058e6d19cfd698b6862bf6f5a8aeecbf9165907fc7edcc64"},
         "is no sha256 of 64 hex digits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_upgrade_plan plan = usual_plan();

        plan.node = (struct gov_archives){&rows[i].archive, 1};
        refused(&plan, rows[i].says);
        plan = usual_plan();
        plan.api = (struct gov_archives){&rows[i].archive, 1};
        refused(&plan, rows[i].says);
    }
}

static void
both_maps_are_needed_and_no_platform_twice(void **state)
{
    static const struct gov_archive twice[] = {{"linux/amd64", "https://e.invalid/1.zip", SUM_A},
                                               {"linux/amd64", "https://e.invalid/2.zip", SUM_B}};
    struct gov_upgrade_plan         plan = usual_plan();

    (void)state;
    plan.node.n = 0;
    refused(&plan, "binaries: no archive is given");
    plan = usual_plan();
    plan.api.n = 0;
    refused(&plan, "api_binaries: no archive is given");
    plan.api = (struct gov_archives){twice, 2};
    refused(&plan, "api_binaries: platform \"linux/amd64\" is there twice");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static int allocations_left;

static void *
little_memory(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* One draft of each kind with so few allocations of JSON; 0 when both succeeded. */
static int
draft_with(int allocations, const cJSON *current)
{
    static const struct gov_setting settings[] = {{"rate", "0.25"}, {"name", "y"}, {"list.0", "c"}};
    struct gov_upgrade_plan         plan = usual_plan();
    struct gov_changes              changes = {0};
    cJSON_Hooks                     hooks = {little_memory, free};
    cJSON                          *file = NULL;
    int                             r;

    plan.node_version = "v3";
    allocations_left = allocations;
    cJSON_InitHooks(&hooks);
    r = gov_draft_params(&DRAFT, UPDATE, current, settings, 3, &file, &changes, why, sizeof(why));
    cJSON_Delete(file);
    file = NULL;
    gov_changes_free(&changes);
    if (r == 0)
        r = gov_draft_upgrade(&DRAFT, &plan, &file, why, sizeof(why));
    cJSON_Delete(file);
    cJSON_InitHooks(NULL);
    return r;
}

static void
without_memory_there_is_no_draft(void **state)
{
    cJSON *current = json(CURRENT);
    int    n;
    int    r = -ENOMEM;

    (void)state;
    for (n = 0; n < 1000 && r != 0; n++) {
        r = draft_with(n, current);
        assert_true(r == 0 || r == -ENOMEM);
    }
    assert_int_equal(r, 0);
    assert_true(n > 100); /* and each of those before failed */
    cJSON_Delete(current);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deposit_is_measured_by_the_parameters),
        cmocka_unit_test(texts_that_the_chain_refuses_are_refused),
        cmocka_unit_test(a_draft_has_all_parameters_and_the_new_value),
        cmocka_unit_test(a_new_value_keeps_the_kind_of_the_old_one),
        cmocka_unit_test(a_place_that_is_not_there_is_refused),
        cmocka_unit_test(several_settings_are_put_in_together),
        cmocka_unit_test(a_draft_that_changes_nothing_is_refused),
        cmocka_unit_test(drafts_need_parameters_and_a_type_of_theirs),
        cmocka_unit_test(an_upgrade_is_written_so_that_it_is_read_again),
        cmocka_unit_test(an_upgrade_needs_no_node_version),
        cmocka_unit_test(a_name_that_is_no_folder_is_refused),
        cmocka_unit_test(a_height_that_has_passed_is_refused),
        cmocka_unit_test(an_archive_that_hosts_could_not_fetch_is_refused),
        cmocka_unit_test(both_maps_are_needed_and_no_platform_twice),
        cmocka_unit_test(without_memory_there_is_no_draft),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

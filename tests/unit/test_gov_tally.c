/* test_gov_tally.c: votes against quorum, threshold and veto threshold, at their edges above all. */
#include "kit/json.h"
#include "plugins/governance/tally.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NINES "99999999999999999999999999999999999999" /* 38 digits */

static char why[200];

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

static struct gov_tally_rules
rules_with(const char *quorum, const char *threshold, const char *veto, const char *expedited)
{
    struct gov_tally_rules rules;
    char                   text[400];
    cJSON                 *params;

    (void)snprintf(text, sizeof(text),
                   "{'quorum':'%s','threshold':'%s','veto_threshold':'%s','expedited_threshold':'%s',"
                   "'burn_vote_veto':true,'burn_vote_quorum':false}",
                   quorum, threshold, veto, expedited);
    params = json(text);
    assert_int_equal(gov_tally_rules_read(params, &rules, why, sizeof(why)), 0);
    cJSON_Delete(params);
    return rules;
}

/* The network's rules of mid 2026. */
static struct gov_tally_rules
usual_rules(void)
{
    return rules_with("0.250000000000000000", "0.500000000000000000", "0.334000000000000000", "0.667000000000000000");
}

static gov_u128
integer(const char *text)
{
    gov_u128 value = 0;

    assert_int_equal(gov_integer_parse(text, &value), 0);
    return value;
}

struct row {
    const char      *yes;
    const char      *no;
    const char      *veto;
    const char      *abstain;
    const char      *bonded;
    int              expedited;
    enum gov_outcome outcome;
};

static struct gov_tally
count_with(const struct row *row, const struct gov_tally_rules *rules)
{
    struct gov_votes votes = {integer(row->yes), integer(row->no), integer(row->veto), integer(row->abstain),
                              integer(row->bonded)};
    struct gov_tally tally;

    assert_int_equal(gov_tally_count(&votes, rules, row->expedited, &tally, why, sizeof(why)), 0);
    return tally;
}

static struct gov_tally
count(const struct row *row)
{
    struct gov_tally_rules rules = usual_rules();

    return count_with(row, &rules);
}

static void
the_outcome_turns_exactly_at_the_thresholds(void **state)
{
    static const struct row rows[] = {
        /* quorum: a quarter is enough, one less is not */
        {"250", "0", "0", "0", "1000", 0, GOV_OUTCOME_PASSES},
        {"249", "0", "0", "0", "1000", 0, GOV_OUTCOME_NO_QUORUM},
        {"1", "0", "0", "249", "1000", 0, GOV_OUTCOME_PASSES},
        {"0", "0", "0", "0", "1000", 0, GOV_OUTCOME_NO_QUORUM},
        /* half is not more than half; abstain does not count */
        {"500", "500", "0", "0", "1000", 0, GOV_OUTCOME_TOO_FEW_YES},
        {"501", "499", "0", "0", "1000", 0, GOV_OUTCOME_PASSES},
        {"100", "100", "0", "800", "1000", 0, GOV_OUTCOME_TOO_FEW_YES},
        {"101", "100", "0", "799", "1000", 0, GOV_OUTCOME_PASSES},
        /* the veto counts as a no, and of all votes, abstain included */
        {"500", "166", "334", "0", "1000", 0, GOV_OUTCOME_TOO_FEW_YES},
        {"666", "0", "334", "0", "1000", 0, GOV_OUTCOME_PASSES},
        {"665", "0", "335", "0", "1000", 0, GOV_OUTCOME_VETO},
        {"400", "0", "334", "266", "1000", 0, GOV_OUTCOME_PASSES},
        {"0", "0", "1000", "0", "1000", 0, GOV_OUTCOME_VETO},
        /* the expedited threshold */
        {"667", "333", "0", "0", "1000", 1, GOV_OUTCOME_TOO_FEW_YES},
        {"668", "332", "0", "0", "1000", 1, GOV_OUTCOME_PASSES},
        {"667", "333", "0", "0", "1000", 0, GOV_OUTCOME_PASSES},
        /* nobody, or nobody with an opinion */
        {"0", "0", "0", "1000", "1000", 0, GOV_OUTCOME_ALL_ABSTAIN},
        {"0", "0", "0", "249", "1000", 0, GOV_OUTCOME_NO_QUORUM},
        {"0", "0", "0", "0", "0", 0, GOV_OUTCOME_NO_POWER},
        {"5", "0", "0", "0", "0", 0, GOV_OUTCOME_NO_POWER},
        /* power that is bonded no more may have voted */
        {"2000", "0", "0", "0", "1000", 0, GOV_OUTCOME_PASSES},
        {"20000000000000000000000000000000000000", "20000000000000000000000000000000000000", "0", "0", NINES, 0,
         GOV_OUTCOME_TOO_FEW_YES},
        {"20000000000000000000000000000000000001", "20000000000000000000000000000000000000", "0", "0", NINES, 0,
         GOV_OUTCOME_TOO_FEW_YES}, /* 0.5 when rounded to 18 places, as on the chain */
        {"1", "0", "0", "0", NINES, 0, GOV_OUTCOME_NO_QUORUM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (count(&rows[i]).outcome != rows[i].outcome)
            fail_msg("row %zu: %s", i, gov_outcome_text(count(&rows[i]).outcome));
}

static void
ratios_are_rounded_as_the_chain_rounds(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        const char *quotient; /* in units of 10^-18 */
    } rows[] = {
        {"1", "3", "333333333333333333"},
        {"2", "3", "666666666666666667"},
        {"0", "7", "0"},
        {"7", "7", "1000000000000000000"},
        {"3", "2", "1500000000000000000"},
        {"1", "2000000000000000000", "0"}, /* half a unit: to the even one */
        {"3", "2000000000000000000", "2"},
        {"5", "2000000000000000000", "2"},
        {"500000000000000001", "1000000000000000000000000000000000000", "1"},
        /* beyond 36 places nothing is seen */
        {"50000000000000000000", "99999999999999999999999999999999999999", "0"},
        {"50000000000000000100", "99999999999999999999999999999999999999", "1"},
        {NINES, "1", "1000000000000000000000000000000000000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[GOV_DIGITS];

        (void)gov_integer_format(gov_quotient(integer(rows[i].a), integer(rows[i].b)), text);
        if (strcmp(text, rows[i].quotient) != 0)
            fail_msg("%s / %s: %s", rows[i].a, rows[i].b, text);
    }
}

static void
a_third_is_not_more_than_the_threshold_of_a_third(void **state)
{
    static const struct row third = {"2", "0", "1", "0", "3", 0, GOV_OUTCOME_PASSES};
    struct gov_tally_rules  rules = rules_with("0.333333333333333333", "0.5", "0.333333333333333333", "0.667");

    (void)state;
    assert_int_equal(count_with(&third, &rules).outcome, GOV_OUTCOME_PASSES);
}

/* --- what is missing ---------------------------------------------------------------------------------------------- */

static void
what_is_missing_is_just_enough(void **state)
{
    static const struct {
        struct row  row;
        const char *quorum;
        const char *yes;
        const char *veto;
        const char *excess;
    } rows[] = {
        {{"100", "50", "0", "0", "1000", 0, 0}, "100", "0", "76", "0"},
        {{"100", "100", "0", "0", "1000", 0, 0}, "50", "1", "101", "0"},
        {{"100", "300", "0", "0", "1000", 0, 0}, "0", "201", "201", "0"},
        {{"0", "0", "0", "0", "1000", 0, 0}, "250", "1", "1", "0"},
        {{"0", "0", "0", "300", "1000", 0, 0}, "0", "1", "151", "0"},
        {{"600", "0", "400", "0", "1000", 0, 0}, "0", "0", "0", "198"},
        {{"100", "100", "0", "0", "1000", 1, 0}, "50", "101", "101", "0"},
        {{"0", "0", "0", "0", "1001", 0, 0}, "251", "1", "1", "0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_tally tally = count(&rows[i].row);
        char             text[4][GOV_DIGITS];

        assert_false(tally.quorum_missing.never || tally.yes_missing.never || tally.veto_missing.never);
        assert_string_equal(gov_integer_format(tally.quorum_missing.power, text[0]), rows[i].quorum);
        assert_string_equal(gov_integer_format(tally.yes_missing.power, text[1]), rows[i].yes);
        assert_string_equal(gov_integer_format(tally.veto_missing.power, text[2]), rows[i].veto);
        assert_string_equal(gov_integer_format(tally.veto_excess.power, text[3]), rows[i].excess);
    }
}

static void
what_no_vote_can_bring_is_said(void **state)
{
    static const struct row row = {"1", "0", "1", "0", "10", 0, 0};
    struct gov_tally_rules  rules = rules_with("0.25", "1.0", "1.0", "1.0");
    struct gov_tally_rules  strict = rules_with("0.25", "0.5", "0.0", "0.5");
    static const struct row nothing_bonded = {"0", "0", "0", "0", "0", 0, 0};

    (void)state;
    assert_true(count_with(&row, &rules).yes_missing.never);
    assert_true(count_with(&row, &rules).veto_missing.never);
    assert_true(count(&nothing_bonded).quorum_missing.never);
    assert_false(count_with(&row, &strict).veto_missing.never);
    assert_int_equal(count_with(&row, &strict).outcome, GOV_OUTCOME_NO_QUORUM);
    assert_true(count_with(&row, &strict).is_vetoed);
}

static void
the_three_are_told_apart_from_the_outcome(void **state)
{
    static const struct row row = {"100", "0", "50", "50", "1000", 0, 0};
    struct gov_tally        tally = count(&row);
    struct gov_decimal      shown = {0};
    char                    text[48];

    (void)state;
    assert_int_equal(tally.outcome, GOV_OUTCOME_NO_QUORUM);
    assert_false(tally.has_quorum);
    assert_true(tally.has_yes);
    assert_false(tally.is_vetoed);
    assert_true(tally.voted == 200 && tally.not_voted == 800);
    shown.units = tally.turnout;
    assert_string_equal(gov_decimal_format(&shown, text, sizeof(text)), "0.2");
    shown.units = tally.yes_share;
    assert_string_equal(gov_decimal_format(&shown, text, sizeof(text)), "0.666666666666666667");
    shown.units = tally.veto_share;
    assert_string_equal(gov_decimal_format(&shown, text, sizeof(text)), "0.25");
    shown.units = tally.threshold;
    assert_string_equal(gov_decimal_format(&shown, text, sizeof(text)), "0.5");
}

static void
more_votes_than_bonded_power_leave_none_to_vote(void **state)
{
    static const struct row row = {"2000", "0", "0", "0", "1000", 0, 0};

    (void)state;
    assert_true(count(&row).not_voted == 0);
    assert_true(count(&row).quorum_missing.power == 0);
}

static void
an_expedited_proposal_that_fails_goes_on_and_burns_nothing(void **state)
{
    static const struct row vetoed = {"0", "0", "1000", "0", "1000", 1, 0};
    static const struct row regular = {"0", "0", "1000", "0", "1000", 0, 0};
    static const struct row passing = {"1000", "0", "0", "0", "1000", 1, 0};

    (void)state;
    assert_true(count(&vetoed).converts);
    assert_false(count(&vetoed).burns);
    assert_false(count(&regular).converts);
    assert_true(count(&regular).burns);
    assert_false(count(&passing).converts);
    assert_false(count(&passing).burns);
}

static void
deposits_burn_only_where_the_rules_say(void **state)
{
    static const struct row vetoed = {"0", "0", "1000", "0", "1000", 0, 0};
    static const struct row missed = {"1", "0", "0", "0", "1000", 0, 0};
    struct gov_tally_rules  rules = usual_rules();

    (void)state;
    assert_false(count_with(&missed, &rules).burns);
    rules.burn_vote_quorum = 1;
    rules.burn_vote_veto = 0;
    assert_true(count_with(&missed, &rules).burns);
    assert_false(count_with(&vetoed, &rules).burns);
}

static void
votes_beyond_38_digits_are_refused(void **state)
{
    struct gov_tally_rules rules = usual_rules();
    struct gov_votes       votes = {integer(NINES), integer(NINES), 0, 0, 1};
    struct gov_tally       tally;

    (void)state;
    assert_int_equal(gov_tally_count(&votes, &rules, 0, &tally, why, sizeof(why)), -ERANGE);
    votes = (struct gov_votes){.abstain = ~(gov_u128)0, .bonded = 1};
    assert_int_equal(gov_tally_count(&votes, &rules, 0, &tally, why, sizeof(why)), -ERANGE);
    assert_non_null(strstr(why, "more than 38 digits"));
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void
votes_are_read_wrapped_or_not_as_texts_or_numbers(void **state)
{
    static const char *const texts[] = {
        "{'tally':{'yes_count':'1000','abstain_count':'3','no_count':'10','no_with_veto_count':'2'}}",
        "{'yes_count':1000,'abstain_count':3,'no_count':10,'no_with_veto_count':2}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gov_votes votes = {.bonded = 77};
        cJSON           *tally = json(texts[i]);

        assert_int_equal(gov_votes_read(tally, &votes, why, sizeof(why)), 0);
        assert_true(votes.yes == 1000 && votes.abstain == 3 && votes.no == 10 && votes.no_with_veto == 2);
        assert_true(votes.bonded == 77);
        cJSON_Delete(tally);
    }
}

static void
counts_of_38_digits_are_read(void **state)
{
    struct gov_votes votes = {0};
    cJSON           *tally = json("{'yes_count':'" NINES "','no_count':99999999999999999999}");
    char             text[GOV_DIGITS];

    (void)state;
    assert_int_equal(gov_votes_read(tally, &votes, why, sizeof(why)), 0);
    assert_string_equal(gov_integer_format(votes.yes, text), NINES);
    assert_string_equal(gov_integer_format(votes.no, text), "99999999999999999999");
    assert_true(votes.abstain == 0);
    cJSON_Delete(tally);
}

static void
a_malformed_tally_is_an_error_with_words(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"{}", "yes_count is missing"},
        {"{'tally':{'no_count':'1'}}", "yes_count is missing"},
        {"{'yes_count':'-1'}", "yes_count is no whole number"},
        {"{'yes_count':'1.0'}", "yes_count is no whole number"},
        {"{'yes_count':''}", "yes_count is no whole number"},
        {"{'yes_count':1.5}", "yes_count is no whole number"},
        {"{'yes_count':'1" NINES "'}", "yes_count is no whole number of at most 38 digits"},
        {"{'yes_count':'1','no_count':true}", "no_count is no whole number"},
        {"{'yes_count':'1','no_with_veto_count':[]}", "no_with_veto_count is no whole number"},
        {"{'yes_count':'1','abstain_count':'many'}", "abstain_count is no whole number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_votes votes = {.yes = 5};
        cJSON           *tally = json(rows[i].text);

        assert_int_equal(gov_votes_read(tally, &votes, why, sizeof(why)), -EBADMSG);
        assert_non_null(strstr(why, rows[i].says));
        assert_true(votes.yes == 5);
        cJSON_Delete(tally);
    }
}

static void
rules_are_read_from_the_answer_too(void **state)
{
    struct gov_tally_rules rules;
    cJSON *answer = json("{'tally_params':null,'params':{'quorum':'0.25','threshold':'0.5','veto_threshold':'0.334',"
                         "'expedited_threshold':'1','burn_vote_quorum':true}}");

    (void)state;
    assert_int_equal(gov_tally_rules_read(answer, &rules, why, sizeof(why)), 0);
    assert_true(rules.quorum == GOV_ONE / 4 && rules.threshold == GOV_ONE / 2 && rules.expedited_threshold == GOV_ONE);
    assert_true(rules.burn_vote_quorum && !rules.burn_vote_veto);
    cJSON_Delete(answer);
}

static void
malformed_rules_are_an_error_with_words(void **state)
{
    static const struct {
        const char *quorum;
        const char *says;
    } rows[] = {
        {"'0,25'", "quorum is \"0,25\""},         {"'1.000000000000000001'", "no ratio from 0 to 1"},
        {"'-0.1'", "no ratio from 0 to 1"},       {"'0.5s'", "no ratio from 0 to 1"},
        {"''", "no ratio from 0 to 1"},           {"'0.1234567890123456789'", "no ratio from 0 to 1"},
        {"0.25", "quorum is missing or no text"}, {"null", "quorum is missing or no text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_tally_rules rules;
        char                   text[200];
        cJSON                 *params;

        (void)snprintf(text, sizeof(text),
                       "{'quorum':%s,'threshold':'0.5','veto_threshold':'0.3','expedited_threshold':'0.6'}",
                       rows[i].quorum);
        params = json(text);
        assert_int_equal(gov_tally_rules_read(params, &rules, why, sizeof(why)), -EBADMSG);
        assert_non_null(strstr(why, rows[i].says));
        cJSON_Delete(params);
    }
}

/* --- decimals ----------------------------------------------------------------------------------------------------- */

static void
decimals_are_read_and_written(void **state)
{
    static const struct {
        const char *value;
        int         exponent;
        const char *shown; /* NULL: refused */
        int         error;
    } rows[] = {
        {"12", 0, "12", 0},
        {"-0.050", 0, "-0.05", 0},
        {"-0", 0, "0", 0},
        {"172800s", 0, "172800s", 0},
        {"5", -1, "0.5", 0},
        {"25", 2, "2500", 0},
        {"2500", -2, "25", 0},
        {"2500", -20, "0.000000000000000025", 0},
        {"0", 99, "0", 0},
        {"0.000000000000000001", 0, "0.000000000000000001", 0},
        {"150000000000000000000", 0, "150000000000000000000", 0},
        {"-475", -6, "-0.000475", 0},
        {"1", -19, NULL, -ERANGE},
        {"0.0000000000000000001", 0, NULL, -ERANGE},
        {"150000000000000000001", 0, NULL, -ERANGE},
        {"99999999999999999999999999999999999999999", 0, NULL, -ERANGE},
        {"1", 21, NULL, -ERANGE},
        {"1", 101, NULL, -ERANGE},
        {"", 0, NULL, -EINVAL},
        {"-", 0, NULL, -EINVAL},
        {"s", 0, NULL, -EINVAL},
        {".5", 0, NULL, -EINVAL},
        {"5.", 0, NULL, -EINVAL},
        {"+5", 0, NULL, -EINVAL},
        {"1e3", 0, NULL, -EINVAL},
        {"5m", 0, NULL, -EINVAL},
        {"5ss", 0, NULL, -EINVAL},
        {"0x5", 0, NULL, -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_decimal d;
        char               text[64] = "";
        int                r = gov_decimal_scale(rows[i].value, rows[i].exponent, &d);

        if (r != rows[i].error || (r == 0 && strcmp(gov_decimal_format(&d, text, sizeof(text)), rows[i].shown) != 0))
            fail_msg("%s: %d %s", rows[i].value, r, text);
    }
}

static struct gov_decimal
decimal(const char *text)
{
    struct gov_decimal d = {0};

    assert_int_equal(gov_decimal_parse(text, &d), 0);
    return d;
}

static void
decimals_are_compared_with_their_sign(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        int         order;
    } rows[] = {{"1", "1.0", 0},  {"-1", "1", -1}, {"1", "-1", 1},
                {"-2", "-1", -1}, {"-1", "-2", 1}, {"0.1", "0.11", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_decimal a = decimal(rows[i].a);
        struct gov_decimal b = decimal(rows[i].b);

        assert_int_equal(gov_decimal_compare(&a, &b), rows[i].order);
    }
}

static void
a_distance_is_compared_without_rounding(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *factor;
        int         within;
    } rows[] = {
        {"100", "110", "0.1", 1},
        {"100", "110.000000000000000001", "0.1", 0},
        {"100", "90", "0.1", 1},
        {"100", "89.999999999999999999", "0.1", 0},
        {"-100", "-110", "0.1", 1},
        {"1", "-1", "2", 1},
        {"1", "-1.1", "2", 0},
        {"0", "0", "0.1", 1},
        {"0", "0.000000000000000001", "1000", 0},
        {"150000000000000000000", "-150000000000000000000", "2", 1},
        {"150000000000000000000", "-150000000000000000000", "1.999999999999999999", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gov_decimal from = decimal(rows[i].from);
        struct gov_decimal to = decimal(rows[i].to);
        struct gov_decimal factor = decimal(rows[i].factor);

        if (gov_decimal_within(&from, &to, &factor) != rows[i].within)
            fail_msg("%s to %s within %s", rows[i].from, rows[i].to, rows[i].factor);
    }
}

static void
every_outcome_has_words(void **state)
{
    static const char *const texts[] = {"rejected: no power is bonded",
                                        "rejected: the quorum is not reached",
                                        "rejected: nobody voted anything but abstain",
                                        "rejected: vetoed",
                                        "passes",
                                        "rejected: too few yes"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_string_equal(gov_outcome_text((enum gov_outcome)i), texts[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outcome_turns_exactly_at_the_thresholds),
        cmocka_unit_test(ratios_are_rounded_as_the_chain_rounds),
        cmocka_unit_test(a_third_is_not_more_than_the_threshold_of_a_third),
        cmocka_unit_test(what_is_missing_is_just_enough),
        cmocka_unit_test(what_no_vote_can_bring_is_said),
        cmocka_unit_test(the_three_are_told_apart_from_the_outcome),
        cmocka_unit_test(more_votes_than_bonded_power_leave_none_to_vote),
        cmocka_unit_test(an_expedited_proposal_that_fails_goes_on_and_burns_nothing),
        cmocka_unit_test(deposits_burn_only_where_the_rules_say),
        cmocka_unit_test(votes_beyond_38_digits_are_refused),
        cmocka_unit_test(votes_are_read_wrapped_or_not_as_texts_or_numbers),
        cmocka_unit_test(counts_of_38_digits_are_read),
        cmocka_unit_test(a_malformed_tally_is_an_error_with_words),
        cmocka_unit_test(rules_are_read_from_the_answer_too),
        cmocka_unit_test(malformed_rules_are_an_error_with_words),
        cmocka_unit_test(decimals_are_read_and_written),
        cmocka_unit_test(decimals_are_compared_with_their_sign),
        cmocka_unit_test(a_distance_is_compared_without_rounding),
        cmocka_unit_test(every_outcome_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

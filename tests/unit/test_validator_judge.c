/* test_validator_judge.c: what is wrong with a validator, and what of it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

#include "plugins/validator/alerts.h"
#include "plugins/validator/judge.h"
#include "plugins/validator/recover.h"
#include "tests/unit/validator_seen.h"

#define DAY (86400 * SEEN_SECOND)

static struct val_findings findings;
static struct val_rules    rules;

static int
setup(void **state)
{
    (void)state;
    rules = (struct val_rules){
        .missing_at = 20, .min_balance = "100000000000", .warn_before = {30 * DAY, 7 * DAY, DAY}, .n_warn = 3};
    return 0;
}

static struct val_seen
well(void)
{
    struct val_seen seen = seen_jailed();

    seen.validator.jailed = 0;
    seen.validator.bond = VAL_BOND_BONDED;
    return seen;
}

static const struct val_finding *
judged(const struct val_seen *seen, const char *what)
{
    const struct val_finding *finding;

    val_judge(seen, &rules, &findings);
    finding = val_finding(&findings, what);
    if (!finding)
        fail_msg("there is no finding %s", what);
    return finding;
}

/* --- findings ------------------------------------------------------------------------------------------------------
 */

static void
a_validator_that_is_well_has_no_bad_finding(void **state)
{
    struct val_seen seen = well();

    (void)state;
    val_judge(&seen, &rules, &findings);
    assert_int_equal(findings.n, 9);
    for (size_t i = 0; i < findings.n; i++)
        assert_int_equal(findings.list[i].state, VAL_STATE_FINE);
}

static void
what_could_not_be_asked_is_neither_bad_nor_fine(void **state)
{
    struct val_seen seen;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    seen.balance_item.wanted = seen.grants_item.wanted = seen.allowance_item.wanted = 1;
    val_judge(&seen, &rules, &findings);
    assert_int_equal(findings.n, 9);
    for (size_t i = 0; i < findings.n; i++)
        assert_int_equal(findings.list[i].state, VAL_STATE_UNKNOWN);
}

static void
what_the_options_do_not_name_is_not_spoken_of(void **state)
{
    struct val_seen seen = well();

    (void)state;
    seen.grants_item.wanted = seen.allowance_item.wanted = seen.balance_item.wanted = 0;
    val_judge(&seen, &rules, &findings);
    assert_null(val_finding(&findings, "grants"));
    assert_null(val_finding(&findings, "fee-grant"));
    assert_null(val_finding(&findings, "balance"));
}

static void
misses_rise_in_levels_and_are_over_at_half(void **state)
{
    static const struct {
        int64_t        missed;
        int            open;
        enum val_state state;
        int            level;
    } cases[] = {{9, 0, VAL_STATE_FINE, 0}, {10, 0, VAL_STATE_BAD, 1}, {9, 1, VAL_STATE_BAD, 1},
                 {5, 1, VAL_STATE_BAD, 1},  {4, 1, VAL_STATE_FINE, 0}, {25, 0, VAL_STATE_BAD, 2},
                 {40, 0, VAL_STATE_BAD, 3}, {50, 0, VAL_STATE_BAD, 3}, {0, 1, VAL_STATE_FINE, 0}};
    struct val_seen seen = well();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct val_finding *finding;

        seen.signing.missed = cases[i].missed;
        rules.missing_open = cases[i].open;
        finding = judged(&seen, "missing");
        if (finding->state != cases[i].state || finding->level != cases[i].level)
            fail_msg("%d missed, open %d: state %d level %d", (int)cases[i].missed, cases[i].open, finding->state,
                     finding->level);
    }
    seen.signing.missed = 50;
    assert_non_null(strstr(judged(&seen, "missing")->text, "1 more and it is jailed"));
    seen.params.most_missed = 0; /* none is allowed */
    assert_int_equal(judged(&seen, "missing")->level, 3);
}

static void
a_sick_host_is_told_from_a_sick_network(void **state)
{
    struct val_seen seen = well();
    char            text[300];

    (void)state;
    seen.recent = (struct val_recent){.n = 10, .missed = 5, .others = 90, .others_absent = 9};
    val_explain_misses(&seen, text, sizeof(text));
    assert_non_null(strstr(text, "this host is sick"));
    seen.recent.others_absent = 30;
    val_explain_misses(&seen, text, sizeof(text));
    assert_non_null(strstr(text, "the network is sick"));
    seen.recent.others = 0; /* alone in the set */
    val_explain_misses(&seen, text, sizeof(text));
    assert_non_null(strstr(text, "this host is sick"));
    seen.recent_item.known = VAL_UNKNOWN;
    val_explain_misses(&seen, text, sizeof(text));
    assert_non_null(strstr(text, "not known"));
}

static void
a_jailing_says_what_is_known_of_its_cause(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    assert_non_null(strstr(judged(&seen, "jailed")->text, "the keys match"));
    seen_key(seen.node_key, SEEN_OTHER);
    seen_key(seen.log_key, SEEN_OTHER);
    assert_non_null(strstr(judged(&seen, "jailed")->text, "the cause: this host signs with"));
    seen = seen_jailed();
    seen.node_good = 0;
    (void)snprintf(seen.node_item.why, VAL_WHY, "catching up");
    assert_non_null(strstr(judged(&seen, "jailed")->text, "not in step: catching up"));
    seen_not(&seen.node_item, VAL_UNKNOWN);
    assert_non_null(strstr(judged(&seen, "jailed")->text, "does not answer"));
}

static void
a_validator_that_the_chain_does_not_have_is_not_jailed_but_unbonded(void **state)
{
    struct val_seen seen = well();

    (void)state;
    seen_not(&seen.validator_item, VAL_ABSENT);
    assert_int_equal(judged(&seen, "jailed")->state, VAL_STATE_FINE);
    assert_int_equal(judged(&seen, "unbonded")->state, VAL_STATE_BAD);
    seen_not(&seen.validator_item, VAL_UNKNOWN);
    assert_int_equal(judged(&seen, "jailed")->state, VAL_STATE_UNKNOWN);
    assert_int_equal(judged(&seen, "unbonded")->state, VAL_STATE_UNKNOWN);
}

static void
an_unjail_that_is_possible_is_told_again_when_it_is_to_be_tried(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    assert_int_equal(judged(&seen, "unjail-possible")->level, 1);
    seen.signing.until_ns = SEEN_NOW - DAY;
    assert_int_equal(judged(&seen, "unjail-possible")->level, 1);
    rules.again_ns = DAY / 4;
    assert_int_equal(judged(&seen, "unjail-possible")->level, 5);
    seen.signing.until_ns = SEEN_NOW + 1;
    assert_int_equal(judged(&seen, "unjail-possible")->state, VAL_STATE_FINE);
    seen.signing.until_ns = INT64_MIN;
    assert_int_equal(judged(&seen, "unjail-possible")->state, VAL_STATE_BAD);
}

static void
ends_are_judged_by_steps(void **state)
{
    static const struct {
        int64_t left;
        int     level;
    } cases[] = {{31 * DAY, 0}, {30 * DAY, 1}, {7 * DAY, 2}, {DAY, 3}, {1, 3}, {0, VAL_STEPS_MAX + 1}};
    struct val_seen seen = well();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        seen.grants.first_ns = seen.now_ns + cases[i].left;
        assert_int_equal(judged(&seen, "grants")->level, cases[i].level);
    }
    seen.grants.first_ns = INT64_MAX;
    assert_int_equal(judged(&seen, "grants")->state, VAL_STATE_FINE);
    seen.grants.n = 0;
    assert_string_equal(judged(&seen, "grants")->topic, "validator.grant.missing");
    seen_not(&seen.allowance_item, VAL_ABSENT);
    assert_string_equal(judged(&seen, "fee-grant")->topic, "validator.grant.missing");
}

/* All combinations of three keys, as equal or not. */
static void
each_way_in_which_keys_differ_has_its_name(void **state)
{
    static const struct {
        const char   *own;
        const char   *staking;
        const char   *inference;
        enum val_keys keys;
    } cases[] = {{SEEN_KEY, SEEN_KEY, SEEN_KEY, VAL_KEYS_SAME},        {SEEN_KEY, SEEN_KEY, "", VAL_KEYS_SAME},
                 {SEEN_OTHER, SEEN_KEY, SEEN_KEY, VAL_KEYS_LOST},      {SEEN_OTHER, SEEN_KEY, "", VAL_KEYS_LOST},
                 {SEEN_OTHER, SEEN_KEY, SEEN_OTHER, VAL_KEYS_PENDING}, {SEEN_KEY, SEEN_KEY, SEEN_OTHER, VAL_KEYS_SPLIT},
                 {SEEN_OTHER, SEEN_KEY, SEEN_THIRD, VAL_KEYS_ALL}};
    struct val_seen seen = well();
    char            why[VAL_WHY];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        seen_key(seen.node_key, cases[i].own);
        seen_key(seen.log_key, cases[i].own);
        seen_key(seen.validator.key, cases[i].staking);
        seen_key(seen.participant.key, cases[i].inference);
        if (val_compare_keys(&seen, why) != cases[i].keys)
            fail_msg("case %zu: %s", i, why);
        assert_int_equal(judged(&seen, "key")->state, cases[i].keys == VAL_KEYS_SAME ? VAL_STATE_FINE : VAL_STATE_BAD);
    }
}

/* --- alerts --------------------------------------------------------------------------------------------------------
 */

static enum val_tell
step(struct val_alerts *alerts, enum val_state state, int level, const char *detail)
{
    struct val_finding finding = {.what = "thing", .topic = "t", .state = state, .level = level};

    (void)snprintf(finding.detail, sizeof(finding.detail), "%s", detail);
    return val_alerts_step(alerts, &finding, 7);
}

static void
each_change_is_told_once(void **state)
{
    struct val_alerts alerts = {.n = 0};

    (void)state;
    assert_int_equal(step(&alerts, VAL_STATE_FINE, 0, ""), VAL_TELL_NOTHING);
    assert_int_equal(step(&alerts, VAL_STATE_UNKNOWN, 0, ""), VAL_TELL_NOTHING);
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, ""), VAL_TELL_RAISED);
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, ""), VAL_TELL_NOTHING);
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, "a"), VAL_TELL_NOTHING); /* now it is known which */
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, ""), VAL_TELL_NOTHING);  /* and now it is not */
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, "b"), VAL_TELL_RAISED);  /* another one */
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 2, "b"), VAL_TELL_RAISED);
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 1, "c"), VAL_TELL_NOTHING); /* it gets better */
    assert_int_equal(step(&alerts, VAL_STATE_BAD, 2, "b"), VAL_TELL_NOTHING); /* and back */
    assert_int_equal(step(&alerts, VAL_STATE_UNKNOWN, 0, ""), VAL_TELL_NOTHING);
    assert_int_equal(step(&alerts, VAL_STATE_FINE, 0, ""), VAL_TELL_RECOVERED);
    assert_int_equal(step(&alerts, VAL_STATE_FINE, 0, ""), VAL_TELL_NOTHING);
    assert_int_equal(alerts.n, 0);
}

static void
open_alerts_outlive_the_run(void **state)
{
    struct val_alerts alerts = {.n = 0};
    struct val_alerts back;
    const char       *half = "{\"alerts\":[{\"what\":\"x\"},7]}";
    char             *text;

    (void)state;
    (void)step(&alerts, VAL_STATE_BAD, 3, "a \"b\"");
    text = val_alerts_write(&alerts);
    assert_int_equal(val_alerts_read(&back, text, strlen(text)), 0);
    cJSON_free(text);
    assert_int_equal(back.n, 1);
    assert_true(back.list[0].level == 3 && back.list[0].since_ns == 7);
    assert_int_equal(step(&back, VAL_STATE_BAD, 3, "a \"b\""), VAL_TELL_NOTHING);
    assert_int_equal(val_alerts_read(&back, "nonsense", 8), -1);
    assert_int_equal(back.n, 0);
    assert_int_equal(val_alerts_read(&back, half, strlen(half)), 0);
    assert_int_equal(back.n, 0);
}

/* --- procedures ----------------------------------------------------------------------------------------------------
 */

static void
a_procedure_is_advised_only_where_a_key_is_lost(void **state)
{
    struct val_seen   seen = well();
    struct val_checks checks;

    (void)state;
    val_check_consensus(&seen, &checks);
    assert_int_equal(val_checks_verdict(&checks), GA_REFUSED);
    seen_key(seen.node_key, SEEN_OTHER);
    seen_key(seen.log_key, SEEN_OTHER);
    val_check_consensus(&seen, &checks);
    assert_int_equal(val_checks_verdict(&checks), GA_OK);
    seen_not(&seen.log_item, VAL_UNKNOWN);
    val_check_consensus(&seen, &checks);
    assert_int_equal(val_checks_verdict(&checks), GA_UNKNOWN);
    seen_not(&seen.participant_item, VAL_ABSENT);
    val_check_warm(&seen, &checks);
    assert_int_equal(val_checks_verdict(&checks), GA_REFUSED);
}

static void
what_stands_in_a_printed_command_is_quoted_for_a_shell(void **state)
{
    static const struct {
        const char *word;
        const char *quoted;
    } cases[] = {{"plain-1.2/x", "plain-1.2/x"},
                 {"", "''"},
                 {"a b", "'a b'"},
                 {"$(reboot)", "'$(reboot)'"},
                 {"it's", "'it'\\''s'"}};
    char buf[64];
    char small[10];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(val_quote(cases[i].word, buf, sizeof(buf)), cases[i].quoted);
    (void)val_quote("''''''''''", small, sizeof(small)); /* stays within */
    assert_true(strlen(small) < sizeof(small) && small[strlen(small) - 1] == '\'');
}

static void
a_url_from_the_chain_cannot_become_a_command(void **state)
{
    struct val_seen       seen = well();
    const struct val_site site = {
        .backend = "file", .node = "http://n/", .chain_id = "gonka-mainnet", .container = "tmkms"};
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    (void)state;
    (void)snprintf(seen.participant.url, sizeof(seen.participant.url), "http://x/;reboot");
    val_print_consensus(out, &seen, &site);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "submit-new-participant 'http://x/;reboot' --validator-key"));
    free(text);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup(test, setup)
    static const struct CMUnitTest tests[] = {
        WITH(a_validator_that_is_well_has_no_bad_finding),
        WITH(what_could_not_be_asked_is_neither_bad_nor_fine),
        WITH(what_the_options_do_not_name_is_not_spoken_of),
        WITH(misses_rise_in_levels_and_are_over_at_half),
        WITH(a_sick_host_is_told_from_a_sick_network),
        WITH(a_jailing_says_what_is_known_of_its_cause),
        WITH(a_validator_that_the_chain_does_not_have_is_not_jailed_but_unbonded),
        WITH(an_unjail_that_is_possible_is_told_again_when_it_is_to_be_tried),
        WITH(ends_are_judged_by_steps),
        WITH(each_way_in_which_keys_differ_has_its_name),
        WITH(each_change_is_told_once),
        WITH(open_alerts_outlive_the_run),
        WITH(a_procedure_is_advised_only_where_a_key_is_lost),
        WITH(what_stands_in_a_printed_command_is_quoted_for_a_shell),
        WITH(a_url_from_the_chain_cannot_become_a_command),
    };

    return cmocka_run_group_tests_name("validator judge", tests, NULL, NULL);
}

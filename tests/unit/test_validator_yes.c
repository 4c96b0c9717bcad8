/* test_validator_yes.c: five yeses, each with its own evidence; and how often one may try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

#include "plugins/validator/attempts.h"
#include "plugins/validator/yes.h"
#include "tests/unit/validator_seen.h"

#define MINUTE (60 * SEEN_SECOND)

static const char *const names[] = {"jail-time", "not-tombstoned", "synced", "key", "cause"};

static struct val_five five;

/* Judges; only the answer of that name may be no yes. */
static void
only(const struct val_seen *seen, const char *name, enum val_yes yes)
{
    val_five_judge(seen, &five);
    for (size_t i = 0; i < VAL_YESES; i++) {
        enum val_yes expected = strcmp(five.answers[i].name, name) == 0 ? yes : VAL_YES;

        assert_string_equal(five.answers[i].name, names[i]);
        if (five.answers[i].yes != expected)
            fail_msg("%s is %s: %s", names[i], val_yes_name(five.answers[i].yes), five.answers[i].text);
        if (expected != VAL_YES && (!*five.answers[i].fix || !*five.answers[i].text))
            fail_msg("%s has no way out", names[i]);
    }
    assert_int_equal(val_five_verdict(&five), yes == VAL_NO ? GA_REFUSED : GA_UNKNOWN);
    assert_string_equal(val_five_decisive(&five)->name, name);
}

static void
with_all_evidence_there_are_five(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    val_five_judge(&seen, &five);
    assert_int_equal(val_five_verdict(&five), GA_OK);
    assert_null(val_five_decisive(&five));
}

static void
nothing_that_was_seen_is_nothing_that_is_known(void **state)
{
    struct val_seen seen;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    val_five_judge(&seen, &five);
    for (size_t i = 0; i < VAL_YESES; i++)
        assert_int_equal(five.answers[i].yes, VAL_CANNOT_TELL);
    assert_int_equal(val_five_verdict(&five), GA_UNKNOWN);
}

/* All 3^5 answers: the verdict is a yes for one of them. */
static void
any_no_refuses_and_anything_unknown_is_unknown(void **state)
{
    static const enum val_yes all[] = {VAL_CANNOT_TELL, VAL_NO, VAL_YES};
    int                       n_ok = 0;

    (void)state;
    for (int code = 0; code < 243; code++) {
        int rest = code;
        int no = 0;
        int yes = 0;

        memset(&five, 0, sizeof(five));
        for (size_t i = 0; i < VAL_YESES; i++, rest /= 3) {
            five.answers[i].yes = all[rest % 3];
            no += all[rest % 3] == VAL_NO;
            yes += all[rest % 3] == VAL_YES;
        }
        assert_int_equal(val_five_verdict(&five), no ? GA_REFUSED : yes == VAL_YESES ? GA_OK : GA_UNKNOWN);
        n_ok += val_five_verdict(&five) == GA_OK;
    }
    assert_int_equal(n_ok, 1);
}

static void
the_jail_time_is_that_of_the_chain(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    seen.signing.until_ns = SEEN_NOW;
    only(&seen, "jail-time", VAL_NO);
    seen.signing.until_ns = INT64_MAX;
    only(&seen, "jail-time", VAL_NO);
    seen.signing.until_ns = INT64_MIN;
    val_five_judge(&seen, &five);
    assert_int_equal(five.answers[0].yes, VAL_YES);
    seen.now_ns = 0;
    only(&seen, "jail-time", VAL_CANNOT_TELL);
}

static void
a_tombstone_is_for_ever(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    seen.signing.tombstoned = 1;
    only(&seen, "not-tombstoned", VAL_NO);
}

static void
the_node_must_be_in_step_with_others(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    seen.node_good = 0;
    (void)snprintf(seen.node_item.why, VAL_WHY, "it is catching up");
    only(&seen, "synced", VAL_NO);
    seen.n_healthy = 1;
    only(&seen, "synced", VAL_CANNOT_TELL);
}

static void
each_other_key_is_a_no_and_each_unknown_one_is_unknown(void **state)
{
    struct val_seen seen = seen_jailed();

    (void)state;
    seen_key(seen.node_key, SEEN_OTHER);
    only(&seen, "key", VAL_NO);
    seen_key(seen.log_key, SEEN_OTHER);
    only(&seen, "key", VAL_NO);
    seen = seen_jailed();
    seen_key(seen.participant.key, SEEN_OTHER);
    only(&seen, "key", VAL_NO);
    seen = seen_jailed();
    seen_known(&seen.file_item);
    seen_key(seen.file_key, SEEN_OTHER);
    only(&seen, "key", VAL_NO);
    seen_not(&seen.file_item, VAL_UNKNOWN);
    only(&seen, "key", VAL_CANNOT_TELL);
    seen = seen_jailed();
    seen_not(&seen.log_item, VAL_UNKNOWN);
    only(&seen, "key", VAL_CANNOT_TELL);
    seen = seen_jailed();
    seen_not(&seen.participant_item, VAL_UNKNOWN);
    only(&seen, "key", VAL_CANNOT_TELL);
    seen_not(&seen.participant_item, VAL_ABSENT);
    val_five_judge(&seen, &five);
    assert_int_equal(val_five_verdict(&five), GA_OK);
    seen.node_key[0] = '\0';
    only(&seen, "key", VAL_CANNOT_TELL);
}

static void
the_cause_is_gone_when_signer_state_and_blocks_say_so(void **state)
{
    struct val_seen seen;

    (void)state;
    for (int which = 0; which < 2; which++)
        for (int known = VAL_UNKNOWN; known <= VAL_ABSENT; known++) {
            seen = seen_jailed();
            seen_not(which ? &seen.blocks_item : &seen.signer_item, (enum val_known)known);
            only(&seen, "cause", known == VAL_ABSENT ? VAL_NO : VAL_CANNOT_TELL);
        }
    seen = seen_jailed();
    seen_not(&seen.state_item, VAL_UNKNOWN);
    only(&seen, "cause", VAL_CANNOT_TELL);
    seen_known(&seen.state_item);
    seen.state_height = seen.node_height + 2;
    only(&seen, "cause", VAL_NO);
    seen.state_height = seen.node_height + 1; /* it signs the next block already */
    val_five_judge(&seen, &five);
    assert_int_equal(val_five_verdict(&five), GA_OK);
    seen.state_item = (struct val_item){.wanted = 0};
    val_five_judge(&seen, &five);
    assert_int_equal(val_five_verdict(&five), GA_OK);
}

/* --- attempts ------------------------------------------------------------------------------------------------------
 */

static const struct val_attempt_rules rules = {.most = 3, .pause_ns = 10 * MINUTE, .window_ns = 24 * 60 * MINUTE};

static enum val_may
may(const struct val_attempts *attempts, int64_t now_ns)
{
    char text[400] = "";

    enum val_may answer = val_attempts_may(attempts, &rules, now_ns, text, sizeof(text));

    assert_true((answer == VAL_MAY) == !*text);
    return answer;
}

static void
the_pause_doubles_and_then_it_stops_until_the_window_is_over(void **state)
{
    struct val_attempts attempts = {.n = 0};
    int64_t             t = SEEN_NOW;

    (void)state;
    assert_int_equal(may(&attempts, t), VAL_MAY);
    val_attempts_add(&attempts, t);
    assert_int_equal(may(&attempts, t), VAL_MAY_LATER);
    assert_int_equal(may(&attempts, t + 10 * MINUTE - 1), VAL_MAY_LATER);
    assert_int_equal(may(&attempts, t + 10 * MINUTE), VAL_MAY);
    val_attempts_add(&attempts, t + 10 * MINUTE);
    assert_int_equal(may(&attempts, t + 30 * MINUTE - 1), VAL_MAY_LATER);
    assert_int_equal(may(&attempts, t + 30 * MINUTE), VAL_MAY);
    val_attempts_add(&attempts, t + 30 * MINUTE);
    assert_int_equal(may(&attempts, t + 23 * 60 * MINUTE), VAL_MAY_STOPPED);
    assert_int_equal(may(&attempts, t + 24 * 60 * MINUTE), VAL_MAY);
}

static void
a_clock_that_was_turned_back_allows_nothing_more(void **state)
{
    struct val_attempts attempts = {.n = 0};

    (void)state;
    val_attempts_add(&attempts, SEEN_NOW);
    assert_int_equal(may(&attempts, SEEN_NOW - 3600 * MINUTE), VAL_MAY_LATER);
    val_attempts_add(&attempts, INT64_MAX);
    val_attempts_add(&attempts, SEEN_NOW);
    assert_int_equal(may(&attempts, SEEN_NOW), VAL_MAY_STOPPED);
}

static void
what_was_tried_comes_back_whole_or_is_refused(void **state)
{
    struct val_attempts attempts = {.n = 0};
    struct val_attempts back;
    static const char  *bad[] = {"",
                                 "{}",
                                 "[]",
                                 "{\"attempts\":[{}]}",
                                 "{\"attempts\":[{\"at_ns\":-1,\"hash\":\"\"}]}",
                                 "{\"attempts\":[{\"at_ns\":1}]}",
                                 "{\"attempts\":7}"};
    char               *text;

    (void)state;
    for (int i = 0; i < VAL_ATTEMPTS_MAX + 5; i++)
        val_attempts_add(&attempts, INT64_C(9007199254740993) + i);
    attempts.list[0] = (struct val_attempt){.at_ns = 5, .ended = 1, .ok = 1, .hash = "AB"};
    attempts.stopped = 1;
    text = val_attempts_write(&attempts);
    assert_int_equal(val_attempts_read(&back, text, strlen(text)), 0);
    assert_int_equal(back.n, VAL_ATTEMPTS_MAX);
    assert_true(back.stopped && back.list[0].ok && back.list[0].ended && back.list[0].at_ns == 5);
    assert_string_equal(back.list[0].hash, "AB");
    assert_int_equal(back.list[VAL_ATTEMPTS_MAX - 1].at_ns, INT64_C(9007199254740993) + VAL_ATTEMPTS_MAX + 4);
    cJSON_free(text);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(val_attempts_read(&back, bad[i], strlen(bad[i])), -1);
        assert_int_equal(back.n, 0);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_all_evidence_there_are_five),
        cmocka_unit_test(nothing_that_was_seen_is_nothing_that_is_known),
        cmocka_unit_test(any_no_refuses_and_anything_unknown_is_unknown),
        cmocka_unit_test(the_jail_time_is_that_of_the_chain),
        cmocka_unit_test(a_tombstone_is_for_ever),
        cmocka_unit_test(the_node_must_be_in_step_with_others),
        cmocka_unit_test(each_other_key_is_a_no_and_each_unknown_one_is_unknown),
        cmocka_unit_test(the_cause_is_gone_when_signer_state_and_blocks_say_so),
        cmocka_unit_test(the_pause_doubles_and_then_it_stops_until_the_window_is_over),
        cmocka_unit_test(a_clock_that_was_turned_back_allows_nothing_more),
        cmocka_unit_test(what_was_tried_comes_back_whole_or_is_refused),
    };

    return cmocka_run_group_tests_name("validator yes", tests, NULL, NULL);
}

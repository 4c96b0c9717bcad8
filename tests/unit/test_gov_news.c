/* test_gov_news.c: what has become of proposals is told once; which votes were a person's is not forgotten. */
#include "plugins/governance/memory.h"
#include "plugins/governance/news.h"

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
#define START_NS (INT64_C(1763632800) * 1000000000)
#define END_NS (START_NS + 48 * HOUR_NS)

static struct gov_tolds  tolds;
static struct gov_memory memory;

static const struct gov_steps day_and_hour = {.ns = {24 * HOUR_NS, HOUR_NS}, .n = 2};
static const struct gov_seen  open_one = {
     .id = 12, .status = GOV_STATUS_VOTING_PERIOD, .voting_end_ns = END_NS, .has_not_voted = 1};

static int
fresh(void **state)
{
    (void)state;
    memset(&tolds, 0, sizeof(tolds));
    memset(&memory, 0, sizeof(memory));
    tolds.any = 1;
    return 0;
}

/* What is new of it so long before its end. */
static unsigned
before_end(struct gov_seen seen, int64_t left_ns)
{
    return gov_news(&tolds, &seen, &day_and_hour, END_NS - left_ns);
}

static unsigned
with_status(enum gov_status status)
{
    struct gov_seen seen = open_one;

    seen.status = status;
    return before_end(seen, 30 * HOUR_NS);
}

/* A restart: what was told is read from its document. */
static void
restart(void)
{
    char *text = gov_tolds_write(&tolds);

    assert_non_null(text);
    memset(&tolds, 0xff, sizeof(tolds));
    gov_tolds_read(text, strlen(text), &tolds);
    free(text);
}

static void
each_status_is_told_once(void **state)
{
    static const struct {
        enum gov_status status;
        unsigned        news;
    } steps[] = {{GOV_STATUS_DEPOSIT_PERIOD, GOV_NEW_DEPOSIT},
                 {GOV_STATUS_VOTING_PERIOD, GOV_NEW_OPENED},
                 {GOV_STATUS_PASSED, GOV_NEW_PASSED},
                 {GOV_STATUS_REJECTED, GOV_NEW_REJECTED},
                 {GOV_STATUS_FAILED, GOV_NEW_FAILED}};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        assert_int_equal(with_status(steps[i].status), steps[i].news);
        assert_int_equal(with_status(steps[i].status), 0);
        restart();
        assert_int_equal(with_status(steps[i].status), 0);
    }
}

static void
a_reminder_comes_at_each_step_once(void **state)
{
    (void)state;
    assert_int_equal(before_end(open_one, 30 * HOUR_NS), GOV_NEW_OPENED);
    assert_int_equal(before_end(open_one, 24 * HOUR_NS + 1), 0);
    assert_int_equal(before_end(open_one, 24 * HOUR_NS), GOV_NEW_MISSING);
    assert_int_equal(before_end(open_one, 2 * HOUR_NS), 0);
    restart();
    assert_int_equal(before_end(open_one, HOUR_NS), GOV_NEW_MISSING);
    assert_int_equal(before_end(open_one, HOUR_NS / 2), 0);
}

static void
steps_that_were_slept_through_are_one_reminder(void **state)
{
    (void)state;
    assert_int_equal(before_end(open_one, HOUR_NS / 2), GOV_NEW_OPENED | GOV_NEW_MISSING);
    assert_int_equal(before_end(open_one, 1), 0);
}

static void
nobody_is_reminded_after_the_end(void **state)
{
    (void)state;
    assert_int_equal(before_end(open_one, 0), GOV_NEW_OPENED);
    assert_int_equal(before_end(open_one, -HOUR_NS), 0);
}

static void
a_vote_that_is_not_known_to_be_missing_is_reminded_of_when_it_is(void **state)
{
    struct gov_seen unsure = open_one;

    (void)state;
    unsure.has_not_voted = 0;
    assert_int_equal(before_end(unsure, 2 * HOUR_NS), GOV_NEW_OPENED);
    assert_int_equal(before_end(open_one, 2 * HOUR_NS), GOV_NEW_MISSING);
}

static void
a_conversion_is_told_and_reminders_begin_anew(void **state)
{
    struct gov_seen expedited = open_one;

    (void)state;
    expedited.expedited = 1;
    assert_int_equal(before_end(expedited, HOUR_NS), GOV_NEW_OPENED | GOV_NEW_MISSING);
    restart();
    assert_int_equal(before_end(open_one, 36 * HOUR_NS), GOV_NEW_CONVERTED);
    assert_int_equal(before_end(open_one, 36 * HOUR_NS), 0);
    assert_int_equal(before_end(open_one, 24 * HOUR_NS), GOV_NEW_MISSING);
}

static void
an_expedited_one_that_ends_is_no_conversion(void **state)
{
    struct gov_seen seen = open_one;

    (void)state;
    seen.expedited = 1;
    (void)before_end(seen, 30 * HOUR_NS);
    seen.expedited = 0;
    seen.status = GOV_STATUS_PASSED;
    assert_int_equal(before_end(seen, -1), GOV_NEW_PASSED);
}

static void
what_ended_before_anybody_looked_is_no_news(void **state)
{
    struct gov_seen other = open_one;

    (void)state;
    tolds.any = 0;
    assert_int_equal(with_status(GOV_STATUS_PASSED), 0);
    other.id = 13;
    assert_int_equal(before_end(other, 30 * HOUR_NS), GOV_NEW_OPENED);
}

static void
one_that_is_gone_is_forgotten_and_the_others_stay(void **state)
{
    struct gov_seen other = open_one;

    (void)state;
    (void)before_end(open_one, 30 * HOUR_NS);
    other.id = 13;
    (void)before_end(other, 30 * HOUR_NS);
    assert_int_equal(gov_news_gone(&tolds, 12), 1);
    assert_int_equal(gov_news_gone(&tolds, 12), 0);
    assert_int_equal(before_end(other, 30 * HOUR_NS), 0);
}

static void
the_oldest_goes_when_there_are_too_many(void **state)
{
    struct gov_seen seen = open_one;

    (void)state;
    for (seen.id = 1; seen.id <= GOV_TOLD_MAX + 1; seen.id++)
        assert_int_equal(before_end(seen, 30 * HOUR_NS), GOV_NEW_OPENED);
    assert_int_equal(tolds.n, GOV_TOLD_MAX);
    assert_null(gov_told_of(&tolds, 1));
    assert_non_null(gov_told_of(&tolds, 2));
    assert_non_null(gov_told_of(&tolds, GOV_TOLD_MAX + 1));
}

static void
a_document_that_is_none_counts_as_nothing_told(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "{\"version\":2,\"proposals\":[]}",
                                        "{\"proposals\":[{\"id\":1}]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        gov_tolds_read(texts[i], strlen(texts[i]), &tolds);
        assert_int_equal(tolds.any, 0);
        assert_int_equal(tolds.n, 0);
    }
}

static void
entries_of_no_use_are_left_out(void **state)
{
    static const char text[] =
        "{\"version\":1,\"proposals\":[{\"id\":1,\"status\":2,\"expedited\":true,\"reminded\":1},"
        "{\"id\":1,\"status\":3,\"reminded\":0},{\"id\":2,\"status\":77,\"reminded\":0},"
        "{\"id\":3,\"status\":2,\"reminded\":-1},{\"id\":18446744073709551615,\"status\":2,\"reminded\":0}]}";

    (void)state;
    gov_tolds_read(text, sizeof(text) - 1, &tolds);
    assert_int_equal(tolds.n, 2);
    assert_int_equal(tolds.list[0].status, GOV_STATUS_VOTING_PERIOD);
    assert_int_equal(tolds.list[0].expedited, 1);
    assert_true(tolds.list[1].id == UINT64_MAX);
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

/* A restart. */
static void
remember(void)
{
    char *text = gov_memory_write(&memory);

    assert_non_null(text);
    memset(&memory, 0xff, sizeof(memory));
    assert_int_equal(gov_memory_read(text, strlen(text), &memory), 0);
    free(text);
}

static void
a_persons_vote_is_remembered_and_a_policys_is_not_taken_for_one(void **state)
{
    (void)state;
    gov_memory_cast(&memory, 1, "no", 0);
    gov_memory_cast(&memory, 2, "yes", 1);
    remember();
    assert_string_equal(gov_memory_of_person(&memory, 1), "no");
    assert_null(gov_memory_of_person(&memory, 2));
    assert_null(gov_memory_of_person(&memory, 3));
}

static void
a_vote_on_chain_is_a_persons_unless_the_policy_has_cast_it(void **state)
{
    (void)state;
    gov_memory_cast(&memory, 2, "yes", 1);
    assert_int_equal(gov_memory_saw(&memory, 2, "yes"), 0);
    assert_null(gov_memory_of_person(&memory, 2));
    assert_int_equal(gov_memory_saw(&memory, 2, "yes 0.7, no 0.3"), 1);
    assert_string_equal(gov_memory_of_person(&memory, 2), "yes 0.7, no 0.3");
    assert_int_equal(gov_memory_saw(&memory, 9, "abstain"), 1);
    assert_int_equal(gov_memory_saw(&memory, 9, "abstain"), 0);
    assert_string_equal(gov_memory_of_person(&memory, 9), "abstain");
}

static void
the_last_vote_counts(void **state)
{
    (void)state;
    gov_memory_cast(&memory, 1, "yes", 1);
    gov_memory_cast(&memory, 1, "no", 0);
    assert_int_equal(memory.n, 1);
    assert_string_equal(gov_memory_of_person(&memory, 1), "no");
}

static void
the_oldest_vote_is_forgotten_when_there_are_too_many(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= GOV_MEMORY_MAX + 1; id++)
        gov_memory_cast(&memory, id, "no", 0);
    remember();
    assert_int_equal(memory.n, GOV_MEMORY_MAX);
    assert_null(gov_memory_of_person(&memory, 1));
    assert_string_equal(gov_memory_of_person(&memory, GOV_MEMORY_MAX + 1), "no");
}

static void
a_memory_with_a_mistake_is_not_relied_on(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"version\":1}",
        "{\"version\":2,\"votes\":[]}",
        "{\"version\":1,\"votes\":[{\"id\":1,\"vote\":\"no\"}]}",
        "{\"version\":1,\"votes\":[{\"id\":-1,\"vote\":\"no\",\"by_policy\":false}]}",
        "{\"version\":1,\"votes\":[{\"id\":1,\"vote\":\"\",\"by_policy\":false}]}",
        "{\"version\":1,\"votes\":[{\"id\":1,\"vote\":\"no\",\"by_policy\":false},{\"id\":1,\"vote\":\"no\",\"by_"
        "policy\":true}]}",
        "{\"version\":1,\"votes\":[{\"id\":1,\"vote\":"
        "\"0123456789012345678901234567890123456789012345678901234567890123\",\"by_policy\":false}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        gov_memory_cast(&memory, 5, "no", 0);
        assert_int_equal(gov_memory_read(texts[i], strlen(texts[i]), &memory), -EBADMSG);
        assert_int_equal(memory.n, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_status_is_told_once, fresh),
        cmocka_unit_test_setup(a_reminder_comes_at_each_step_once, fresh),
        cmocka_unit_test_setup(steps_that_were_slept_through_are_one_reminder, fresh),
        cmocka_unit_test_setup(nobody_is_reminded_after_the_end, fresh),
        cmocka_unit_test_setup(a_vote_that_is_not_known_to_be_missing_is_reminded_of_when_it_is, fresh),
        cmocka_unit_test_setup(a_conversion_is_told_and_reminders_begin_anew, fresh),
        cmocka_unit_test_setup(an_expedited_one_that_ends_is_no_conversion, fresh),
        cmocka_unit_test_setup(what_ended_before_anybody_looked_is_no_news, fresh),
        cmocka_unit_test_setup(one_that_is_gone_is_forgotten_and_the_others_stay, fresh),
        cmocka_unit_test_setup(the_oldest_goes_when_there_are_too_many, fresh),
        cmocka_unit_test_setup(a_document_that_is_none_counts_as_nothing_told, fresh),
        cmocka_unit_test_setup(entries_of_no_use_are_left_out, fresh),
        cmocka_unit_test_setup(a_persons_vote_is_remembered_and_a_policys_is_not_taken_for_one, fresh),
        cmocka_unit_test_setup(a_vote_on_chain_is_a_persons_unless_the_policy_has_cast_it, fresh),
        cmocka_unit_test_setup(the_last_vote_counts, fresh),
        cmocka_unit_test_setup(the_oldest_vote_is_forgotten_when_there_are_too_many, fresh),
        cmocka_unit_test_setup(a_memory_with_a_mistake_is_not_relied_on, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

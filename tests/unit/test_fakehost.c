/* test_fakehost.c: what the fakehost keeps of a run, and that no breach of contract gets past it. */
#include "tests/unit/fakehost_player.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <pthread.h>

#include <cmocka.h>

/* --- breaches of contract ------------------------------------------------------------------------------------------
 */

static int
say_nothing(struct ga_run *r, const struct ga_host *host)
{
    (void)r;
    (void)host;
    return GA_OK;
}

static int went_on; /* the task came behind its breach */

#define BREACH(name, call)                                        \
    static int name(struct ga_run *r, const struct ga_host *host) \
    {                                                             \
        call;                                                     \
        went_on = 1;                                              \
        return GA_OK;                                             \
    }

BREACH(unknown_key, (void)host->str(r, "nmae"))
BREACH(no_key, (void)host->has(r, NULL))
BREACH(str_of_int, (void)host->str(r, "number"))
BREACH(num_of_list, (void)host->num(r, "ages"))
BREACH(count_of_one, (void)host->count(r, "text"))
BREACH(map_key_of_list, (void)host->map_key(r, "names", 0))
BREACH(beyond_the_end, (void)host->str_at(r, "names", 2))
BREACH(act_in_act, (void)host->act(r, "a", "x", NULL); (void)host->act(r, "b", "x", NULL))
BREACH(two_words, (void)host->act(r, "set age", "x", NULL))
BREACH(no_object, (void)host->act(r, "set", "", NULL))
BREACH(bad_details, (void)host->act(r, "set", "x", "[1]"))
BREACH(cut_details, (void)host->act(r, "set", "x", "{\"a\":"))
BREACH(acted_without_act, host->acted(r, 1, "done"))
BREACH(bad_name, (void)host->state_put(r, "../out", "x", 1))
BREACH(no_data, (void)host->state_put(r, "x", NULL, 1))
BREACH(no_place, (void)host->next_event(r, 0, NULL))
BREACH(no_text, (void)host->end(r, GA_OK, NULL))

static void
a_breach_that_ends_the_run_leaves_the_task_and_is_named(void **state)
{
    static const struct {
        play_fn     function;
        const char *says;
    } breaches[] = {
        {unknown_key, "task 'play' asked str(\"nmae\"), which is no option and no argument"},
        {no_key, "asked has(\"\"), which is no option"},
        {str_of_int, "asked str(\"number\"), which is of type int"},
        {num_of_list, "asked num(\"ages\"), which is of type map of duration"},
        {count_of_one, "asked count(\"text\"), which is of type string"},
        {map_key_of_list, "asked map_key(\"names\"), which is of type list of string"},
        {beyond_the_end, "asked str_at(\"names\", 2), which has 2 elements"},
        {act_in_act, "act(\"b\") before it closed the last act"},
        {two_words, "act(\"set age\"), a verb is one word"},
        {no_object, "act(\"set\") on nothing"},
        {bad_details, "details that are no JSON object: it is another value"},
        {cut_details, "details that are no JSON object: byte"},
        {acted_without_act, "called acted() without an act"},
        {bad_name, "state_put(\"../out\"), a name is made of"},
        {no_data, "state_put(\"x\") with no data"},
        {no_place, "next_event() with no place"},
        {no_text, "end() with no text"},
    };

    (void)state;
    for (size_t i = 0; i < N(breaches); i++) {
        went_on = 0;
        assert_int_equal(run(breaches[i].function, "play"), GA_FAILED);
        assert_int_equal(went_on, 0);
        assert_violation(breaches[i].says);
    }
    assert_fine(run(say_nothing, "play"), GA_OK);
}

BREACH(bad_topic, assert_int_equal(host->emit(r, "disk.lwo", NULL), -1))
BREACH(bad_payload, assert_int_equal(host->emit(r, "disk.low", "{\"a\":1}x"), -1))
BREACH(array_payload, assert_int_equal(host->emit(r, "disk.low", "[]"), -1))
BREACH(bad_result, assert_int_equal(host->result(r, "{'a':1}"), -1))
BREACH(bad_metric, host->metric(r, "Free-Bytes", 1))
BREACH(no_number, host->metric(r, "free_bytes", NAN))
BREACH(bad_level, host->log(r, 9, "x"))
BREACH(act_left_open, (void)host->act(r, "set", "x", NULL))
BREACH(acted_twice, (void)host->act(r, "set", "x", NULL); host->acted(r, 1, ""); host->acted(r, 1, ""))

static void
a_breach_that_is_answered_goes_on_and_fails_the_run_in_the_end(void **state)
{
    static const struct {
        play_fn     function;
        const char *says;
    } breaches[] = {
        {bad_topic, "'disk.lwo' of task 'play' was refused: the plugin's descriptor does not list the topic"},
        {bad_payload, "payload is no JSON object: byte 7"},
        {array_payload, "payload is no JSON object"},
        {bad_result, "result() with what is not one JSON document"},
        {bad_metric, "'Free-Bytes' has a name that is not lower snake_case"},
        {no_number, "'free_bytes' has a value that is no number"},
        {bad_level, "the level 9, which is none"},
        {act_left_open, "left its act 'set' on 'x' open"},
        {acted_twice, "acted() on its act 'set', which is closed"},
    };

    (void)state;
    for (size_t i = 0; i < N(breaches); i++) {
        went_on = 0;
        assert_int_equal(run(breaches[i].function, "play"), GA_FAILED);
        assert_int_equal(went_on, 1);
        assert_violation(breaches[i].says);
        assert_int_equal(fakehost_n_events(fh), 0);
    }
}

BREACH(any_act, (void)host->act(r, "set", "x", NULL))

static void
an_act_of_a_read_only_task_is_a_breach(void **state)
{
    (void)state;
    assert_int_equal(run(any_act, "look"), GA_FAILED);
    assert_violation("task 'look' says that it is read-only and called act(\"set\")");
}

static int
return_17(struct ga_run *r, const struct ga_host *host)
{
    (void)r;
    (void)host;
    return 17;
}

static void
a_value_that_is_no_outcome_is_a_breach(void **state)
{
    (void)state;
    assert_int_equal(run(return_17, "play"), GA_FAILED);
    assert_violation("returned 17, which is no outcome");
}

struct thread_call {
    struct ga_run        *run;
    const struct ga_host *host;
};

static void *
call_from_a_thread(void *arg)
{
    const struct thread_call *call = arg;

    call->host->log(call->run, GA_LOG_INFO, "allowed");
    assert_int_equal(call->host->cancelled(call->run), 0);
    assert_int_equal(call->host->num(call->run, "number"), 0);
    return NULL;
}

static int
use_a_thread(struct ga_run *r, const struct ga_host *host)
{
    struct thread_call call = {.run = r, .host = host};
    pthread_t          thread;

    assert_int_equal(pthread_create(&thread, NULL, call_from_a_thread, &call), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return GA_OK;
}

static void
a_getter_called_from_another_thread_is_a_breach_and_a_log_line_is_none(void **state)
{
    (void)state;
    assert_int_equal(run(use_a_thread, "play"), GA_FAILED);
    assert_violation("called num() from a thread of its own");
    assert_string_equal(fakehost_line(fh, 0)->text, "allowed");
}

/* --- secrets
 * ---------------------------------------------------------------------------------------------------------- */

BREACH(leak_in_log, host->log(r, GA_LOG_INFO, "the token is %s", host->str(r, "token")))
BREACH(leak_in_summary, (void)host->end(r, GA_OK, "<%s>", host->str(r, "token")))
BREACH(leak_in_event, (void)host->emit(r, "disk.low", "{\"a\":[{\"s3cr\\\"et\":1}]}"))
BREACH(leak_in_result, (void)host->result(r, "{\"a\":\"my s3cr\\\"et\"}"))
BREACH(leak_in_text, host->text(r, host->str(r, "token")))
BREACH(leak_in_act, (void)host->act(r, "tell", host->str(r, "token"), NULL); host->acted(r, 1, ""))
BREACH(leak_in_note, (void)host->act(r, "tell", "x", NULL); host->acted(r, 1, host->str(r, "token")))
BREACH(leak_in_progress, host->progress(r, host->str(r, "token"), 0, 0))

static void
a_secret_that_leaves_the_run_is_a_breach(void **state)
{
    static const play_fn leaks[] = {leak_in_log,  leak_in_summary, leak_in_event, leak_in_result,
                                    leak_in_text, leak_in_act,     leak_in_note,  leak_in_progress};

    (void)state;
    assert_int_equal(fakehost_set(fh, "token", "'s3cr\"et'"), 0);
    for (size_t i = 0; i < N(leaks); i++) {
        assert_int_equal(run(leaks[i], "play"), GA_FAILED);
        assert_violation("has the secret 'token' in it");
    }
}

/* --- acts ----------------------------------------------------------------------------------------------------------
 */

static int
act_thrice(struct ga_run *r, const struct ga_host *host)
{
    int done = 0;

    for (int i = 0; i < 3; i++) {
        char object[24];
        int  answer;

        (void)snprintf(object, sizeof(object), "file %d", i);
        answer = host->act(r, "make", object, i == 0 ? "{\"old\":null}" : NULL);
        if (answer == GA_ACT_REFUSED)
            return host->end(r, GA_REFUSED, "%d done, then: %s", done, host->act_why(r));
        done++;
        if (answer == GA_ACT_DO)
            host->acted(r, i != 1, "seen");
    }
    return host->end(r, GA_CHANGED, "%d done, dry %d", done, host->dry_run(r));
}

static void
acts_are_kept_with_what_became_of_them(void **state)
{
    (void)state;
    assert_fine(run(act_thrice, "play"), GA_CHANGED);
    assert_int_equal(fakehost_n_acts(fh), 3);
    assert_string_equal(fakehost_act(fh, 0)->verb, "make");
    assert_string_equal(fakehost_act(fh, 0)->object, "file 0");
    assert_string_equal(fakehost_act(fh, 0)->details, "{\"old\":null}");
    assert_null(fakehost_act(fh, 1)->details);
    assert_int_equal(fakehost_act(fh, 0)->answer, GA_ACT_DO);
    assert_int_equal(fakehost_act(fh, 0)->ok, 1);
    assert_int_equal(fakehost_act(fh, 1)->ok, 0);
    assert_string_equal(fakehost_act(fh, 2)->note, "seen");
    assert_null(fakehost_act(fh, 3));
}

static void
in_a_dry_run_acts_are_dry_and_nothing_has_to_be_closed(void **state)
{
    (void)state;
    fakehost_dry_run(fh, 1);
    assert_fine(run(act_thrice, "play"), GA_CHANGED);
    assert_string_equal(fakehost_summary(fh), "3 done, dry 1");
    assert_int_equal(fakehost_act(fh, 2)->answer, GA_ACT_DRY);
    assert_int_equal(fakehost_act(fh, 2)->ok, -1);
    fakehost_dry_run(fh, 0);
    assert_fine(run(act_thrice, "play"), GA_CHANGED);
    assert_string_equal(fakehost_summary(fh), "3 done, dry 0");
}

static void
acts_beyond_a_number_are_refused_with_the_reason(void **state)
{
    (void)state;
    fakehost_refuse(fh, 2, "paused until noon");
    assert_fine(run(act_thrice, "play"), GA_REFUSED);
    assert_string_equal(fakehost_summary(fh), "2 done, then: paused until noon");
    assert_string_equal(fakehost_act(fh, 2)->why, "paused until noon");
    fakehost_refuse(fh, 0, NULL);
    assert_fine(run(act_thrice, "play"), GA_CHANGED);
}

BREACH(acted_on_refused, (void)host->act(r, "set", "x", NULL); host->acted(r, 1, ""))

static void
closing_an_act_that_was_refused_is_a_breach(void **state)
{
    (void)state;
    fakehost_refuse(fh, 0, "no");
    assert_int_equal(run(acted_on_refused, "play"), GA_FAILED);
    assert_violation("acted() on its act 'set', which was refused");
}

static int
answer_by_object(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    size_t *seen = user;

    assert_string_equal(verb, "make");
    assert_int_equal(i, *seen);
    assert_true((details != NULL) == (i == 0));
    (*seen)++;
    if (strcmp(object, "file 1") != 0)
        return GA_ACT_DO;
    *ret_why = "not that one";
    return GA_ACT_REFUSED;
}

static void
a_function_of_the_test_can_answer_acts(void **state)
{
    size_t seen = 0;

    (void)state;
    fakehost_answer(fh, answer_by_object, &seen);
    assert_fine(run(act_thrice, "play"), GA_REFUSED);
    assert_int_equal(seen, 2);
    assert_string_equal(fakehost_summary(fh), "1 done, then: not that one");
}

/* --- what a task says ----------------------------------------------------------------------------------------------
 */

static int
say_all(struct ga_run *r, const struct ga_host *host)
{
    host->log(r, GA_LOG_WARNING, "line %d\nof two \xff", 1);
    assert_int_equal(host->emit(r, "disk.low", "{\"free\":9007199254740993}"), 0);
    assert_int_equal(host->emit(r, "disk.low", NULL), 0);
    assert_int_equal(host->result(r, "{\"big\":18446744073709551615}"), 0);
    assert_int_equal(host->result(r, "[1]"), 0);
    host->text(r, "a\ttable\n");
    host->metric(r, "free_bytes", 1.5);
    host->metric(r, "free_bytes", 2.5);
    host->progress(r, "copying", 3, 7);
    host->ready(r);
    host->beat(r);
    host->beat(r);
    (void)host->end(r, GA_OK, "first");
    return host->end(r, GA_UNKNOWN, "last");
}

static void
what_a_task_says_is_kept(void **state)
{
    double   value = 0;
    uint64_t done = 0;
    uint64_t total = 0;

    (void)state;
    assert_fine(run(say_all, "serve"), GA_UNKNOWN);
    assert_int_equal(fakehost_n_lines(fh), 1);
    assert_int_equal(fakehost_line(fh, 0)->level, GA_LOG_WARNING);
    assert_string_equal(fakehost_line(fh, 0)->text, "line 1 of two ?");
    assert_int_equal(fakehost_logged(fh, "of two"), 1);
    assert_int_equal(fakehost_logged(fh, "of three"), 0);
    assert_int_equal(fakehost_n_events(fh), 2);
    assert_string_equal(fakehost_emitted(fh, 0)->topic, "disk.low");
    assert_string_equal(fakehost_emitted(fh, 0)->payload, "{\"free\":9007199254740993}");
    assert_string_equal(fakehost_emitted(fh, 1)->payload, "{}");
    assert_string_equal(fakehost_result(fh), "[1]");
    assert_string_equal(fakehost_text(fh), "a\ttable\n");
    assert_int_equal(fakehost_metric(fh, "free_bytes", &value), 0);
    assert_true(value == 2.5);
    assert_int_equal(fakehost_metric(fh, "size_bytes", &value), -1);
    assert_string_equal(fakehost_progress(fh, &done, &total), "copying");
    assert_int_equal(done, 3);
    assert_int_equal(total, 7);
    assert_int_equal(fakehost_n_ready(fh), 1);
    assert_int_equal(fakehost_n_beats(fh), 2);
    assert_string_equal(fakehost_summary(fh), "last");
}

static void
a_run_begins_with_nothing_of_the_run_before(void **state)
{
    (void)state;
    (void)run(say_all, "serve");
    assert_fine(run(say_nothing, "play"), GA_OK);
    assert_string_equal(fakehost_summary(fh), "");
    assert_null(fakehost_result(fh));
    assert_null(fakehost_text(fh));
    assert_null(fakehost_progress(fh, NULL, NULL));
    assert_int_equal(fakehost_n_lines(fh) + fakehost_n_events(fh) + fakehost_n_acts(fh) + fakehost_n_beats(fh), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_breach_that_ends_the_run_leaves_the_task_and_is_named),
        TEST(a_breach_that_is_answered_goes_on_and_fails_the_run_in_the_end),
        TEST(an_act_of_a_read_only_task_is_a_breach),
        TEST(a_value_that_is_no_outcome_is_a_breach),
        TEST(a_getter_called_from_another_thread_is_a_breach_and_a_log_line_is_none),
        TEST(a_secret_that_leaves_the_run_is_a_breach),
        TEST(acts_are_kept_with_what_became_of_them),
        TEST(in_a_dry_run_acts_are_dry_and_nothing_has_to_be_closed),
        TEST(acts_beyond_a_number_are_refused_with_the_reason),
        TEST(closing_an_act_that_was_refused_is_a_breach),
        TEST(a_function_of_the_test_can_answer_acts),
        TEST(what_a_task_says_is_kept),
        TEST(a_run_begins_with_nothing_of_the_run_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_fakehost_events.c: events, cancelling, documents and descriptors of the fakehost. */
#include "tests/unit/fakehost_player.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- events ------------------------------------------------------------------------------------------------------- */

static char heard[256];

/* Notes the topic and payload of all events, and a dot for each time that was up. */
static int
hear(struct ga_run *r, const struct ga_host *host)
{
    struct ga_event event;
    int             answer;

    heard[0] = '\0';
    while ((answer = host->next_event(r, 1000, &event)) >= 0) {
        size_t used = strlen(heard);

        if (answer == 0)
            (void)snprintf(heard + used, sizeof(heard) - used, ".");
        else
            (void)snprintf(heard + used, sizeof(heard) - used, "%s%s;", event.topic, event.payload);
    }
    assert_int_equal(host->cancelled(r), 1);
    return GA_OK;
}

static void
a_resident_task_hears_all_events_and_is_cancelled_behind_the_last(void **state)
{
    (void)state;
    assert_int_equal(fakehost_event(fh, "disk.low", "{\"a\":1}"), 0);
    assert_int_equal(fakehost_silence(fh), 0);
    assert_int_equal(fakehost_silence(fh), 0);
    assert_int_equal(fakehost_event(fh, "chain.halted", NULL), 0);
    assert_int_equal(fakehost_n_queued(fh), 4);
    assert_fine(run(hear, "serve"), GA_OK);
    assert_string_equal(heard, "disk.low{\"a\":1};..chain.halted{};");
    assert_int_equal(fakehost_n_queued(fh), 0);
}

static int
hear_the_start(struct ga_run *r, const struct ga_host *host)
{
    struct ga_event event = {.size = 0};
    int             first = host->next_event(r, -1, &event);

    heard[0] = '\0';
    if (first == 1)
        (void)snprintf(heard, sizeof(heard), "%s from %s at %d number %d", event.topic, event.origin,
                       (int)event.time_ns, (int)event.sequence);
    assert_int_equal(host->next_event(r, -1, &event), 0);
    return first == 1 ? GA_OK : GA_UNKNOWN;
}

static void
any_other_task_gets_the_event_that_started_it_once(void **state)
{
    (void)state;
    assert_int_equal(fakehost_event_from(fh, "disk.low", NULL, "backup-pruner/forecast", 77), 0);
    assert_int_equal(fakehost_event_from(fh, "disk.recovered", NULL, NULL, 78), 0);
    assert_fine(run(hear_the_start, "play"), GA_OK);
    assert_string_equal(heard, "disk.low from backup-pruner/forecast at 77 number 1");
    assert_fine(run(hear_the_start, "play"), GA_OK);
    assert_string_equal(heard, "disk.recovered from agent at 78 number 2");
    assert_fine(run(hear_the_start, "play"), GA_UNKNOWN);
}

static void
an_event_of_the_test_that_cannot_be_stops_every_run(void **state)
{
    (void)state;
    assert_int_equal(fakehost_event(fh, "disk.low", "{\"a\":}"), -1);
    assert_int_equal(run(hear, "serve"), GA_FAILED);
    assert_violation("the test's event 'disk.low' cannot be: its payload is no JSON object");
}

static void *
send_and_cancel(void *arg)
{
    (void)arg;
    assert_int_equal(fakehost_event(fh, "disk.low", NULL), 0);
    while (fakehost_n_queued(fh) > 0)
        (void)sched_yield();
    fakehost_cancel(fh);
    return NULL;
}

static int
wait_and_hear(struct ga_run *r, const struct ga_host *host)
{
    struct ga_event event;
    pthread_t       thread;

    assert_int_equal(host->next_event(r, 1, &event), 0); /* nobody sends yet: its time is up */
    assert_int_equal(pthread_create(&thread, NULL, send_and_cancel, NULL), 0);
    assert_int_equal(host->next_event(r, -1, &event), 1);
    assert_int_equal(host->next_event(r, -1, &event), -1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return GA_OK;
}

static void
a_resident_task_can_wait_for_another_thread(void **state)
{
    (void)state;
    fakehost_wait(fh, 1);
    assert_fine(run(wait_and_hear, "serve"), GA_OK);
}

/* --- cancelling ----------------------------------------------------------------------------------------------------
 */

static int
see_cancel(struct ga_run *r, const struct ga_host *host)
{
    struct pollfd fd = {.fd = host->cancel_fd(r), .events = POLLIN};
    int           readable = poll(&fd, 1, 0) == 1;

    assert_int_equal(readable, host->cancelled(r));
    return host->cancelled(r) ? GA_UNKNOWN : GA_OK;
}

static void
a_run_can_be_cancelled_before_it_starts_and_the_next_one_is_not(void **state)
{
    (void)state;
    fakehost_cancel(fh);
    assert_fine(run(see_cancel, "play"), GA_UNKNOWN);
    assert_fine(run(see_cancel, "play"), GA_OK);
}

static void
a_cancelled_task_hears_no_more_events(void **state)
{
    (void)state;
    assert_int_equal(fakehost_event(fh, "disk.low", NULL), 0);
    fakehost_cancel(fh);
    assert_fine(run(hear, "serve"), GA_OK);
    assert_string_equal(heard, "");
    assert_int_equal(fakehost_n_queued(fh), 1);
}

static int
cancel_at_once(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    fakehost_cancel(user);
    return GA_ACT_DO;
}

static int
act_until_cancelled(struct ga_run *r, const struct ga_host *host)
{
    for (int i = 0; i < 9 && !host->cancelled(r); i++)
        if (host->act(r, "make", "x", NULL) == GA_ACT_DO)
            host->acted(r, 1, "");
    return GA_CHANGED;
}

static void
a_run_can_be_cancelled_in_the_middle_of_an_act(void **state)
{
    (void)state;
    fakehost_answer(fh, cancel_at_once, fh);
    assert_fine(run(act_until_cancelled, "play"), GA_CHANGED);
    assert_int_equal(fakehost_n_acts(fh), 1);
}

static int
run_within(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    (void)cancel_at_once(user, i, verb, object, details, ret_why);
    return fakehost_run(user, "play") == GA_FAILED ? GA_ACT_DO : GA_ACT_REFUSED;
}

static void
a_run_within_a_run_is_refused(void **state)
{
    (void)state;
    fakehost_answer(fh, run_within, fh);
    assert_int_equal(run(act_until_cancelled, "play"), GA_FAILED);
    assert_violation("fakehost_run() within a run");
}

/* --- documents -----------------------------------------------------------------------------------------------------
 */

static int
count_runs(struct ga_run *r, const struct ga_host *host)
{
    const void *data = "0";
    size_t      len = 1;
    char        text[32];
    int         found = host->state_get(r, "runs.txt", &data, &len);

    if (found < 0)
        return host->end(r, GA_UNKNOWN, "unreadable");
    (void)snprintf(text, sizeof(text), "%ld", strtol(data, NULL, 10) + 1);
    if (host->state_put(r, "runs.txt", text, strlen(text)) < 0)
        return host->end(r, GA_FAILED, "unwritable");
    return host->end(r, GA_OK, "%s, was %.*s", text, (int)len, (const char *)data);
}

static void
documents_are_kept_from_run_to_run(void **state)
{
    size_t len = 0;

    (void)state;
    assert_null(fakehost_state_get(fh, "runs.txt", NULL));
    assert_fine(run(count_runs, "play"), GA_OK);
    assert_fine(run(count_runs, "play"), GA_OK);
    assert_string_equal(fakehost_summary(fh), "2, was 1"); /* what was lent is not what was put since */
    assert_string_equal(fakehost_state_get(fh, "runs.txt", &len), "2");
    assert_int_equal(len, 1);
}

static void
a_document_can_be_put_and_removed_by_the_test(void **state)
{
    (void)state;
    assert_int_equal(fakehost_state_put(fh, "other", "x", 1), 0);
    assert_int_equal(fakehost_state_put(fh, "runs.txt", "41", 2), 0);
    assert_fine(run(count_runs, "play"), GA_OK);
    assert_string_equal(fakehost_state_get(fh, "runs.txt", NULL), "42");
    assert_int_equal(fakehost_state_put(fh, "runs.txt", NULL, 0), 0);
    assert_null(fakehost_state_get(fh, "runs.txt", NULL));
    assert_string_equal(fakehost_state_get(fh, "other", NULL), "x");
    assert_int_equal(fakehost_state_put(fh, ".hidden", "x", 1), -1);
    assert_violation("'.hidden' has a name that none can have");
}

static void
a_dry_run_keeps_no_document(void **state)
{
    (void)state;
    fakehost_dry_run(fh, 1);
    assert_fine(run(count_runs, "play"), GA_OK);
    assert_null(fakehost_state_get(fh, "runs.txt", NULL));
}

static void
a_broken_state_can_neither_be_read_nor_written(void **state)
{
    (void)state;
    fakehost_state_broken(fh, 1);
    assert_fine(run(count_runs, "play"), GA_UNKNOWN);
    assert_int_equal(fakehost_logged(fh, "cannot read the state 'runs.txt'"), 1);
    fakehost_state_broken(fh, 0);
    assert_fine(run(count_runs, "play"), GA_OK);
}

/* --- the descriptor ------------------------------------------------------------------------------------------------
 */

/* Makes a fakehost for a changed descriptor, which must be refused. */
static void
assert_refused(const struct ga_plugin *changed, const char *says)
{
    fakehost_free(fh);
    fh = fakehost_new(changed);
    assert_non_null(fh);
    assert_violation(says);
    assert_int_equal(fakehost_run(fh, "play"), GA_FAILED);
    assert_int_equal(fakehost_set(fh, "text", "x"), -1);
    assert_violation(says);
}

static void
a_descriptor_that_the_agent_would_refuse_is_refused(void **state)
{
    struct ga_plugin changed = plugin;
    struct ga_topic  topic = {.name = "Disk Low"};

    (void)state;
    changed.abi_minor = 99;
    assert_refused(&changed, "wants ABI 1.99, this fakehost offers 1.0 to 1.0");
    changed = plugin;
    changed.size = 8;
    assert_refused(&changed, "its descriptor has 8 bytes");
    changed = plugin;
    changed.name = "Player";
    assert_refused(&changed, "no name in lower kebab-case");
    changed = plugin;
    changed.option_stride = 8;
    assert_refused(&changed, "options are 8 bytes each");
    changed = plugin;
    changed.n_tasks = 0;
    assert_refused(&changed, "has no tasks");
    changed = plugin;
    changed.topics = &topic;
    changed.n_topics = 1;
    assert_refused(&changed, "topic 0 is not made of dotted lower-case words");
}

static void
an_option_that_the_agent_would_refuse_is_refused(void **state)
{
    static const struct {
        struct ga_option option;
        const char      *says;
    } bad[] = {
        {{.key = "Text", .type = GA_T_STRING}, "option 0 (?) has no key in lower snake_case"},
        {{.key = "text", .type = 77}, "option 0 (text) has a type that plugin.h does not know"},
        {{.key = "text", .type = GA_T_STRING | GA_T_LIST | GA_T_MAP}, "is both a list and a map"},
        {{.key = "text", .type = GA_T_ENUM}, "without choices"},
        {{.key = "text", .type = GA_T_SECRET, .dflt = "x"}, "is a secret with a default"},
        {{.key = "text", .type = GA_T_INT, .min = 2, .max = 1}, "least value above its greatest"},
        {{.key = "text", .type = GA_T_STRING, .help = "\xff"}, "not UTF-8"},
        {{.key = "text", .type = GA_T_DURATION, .dflt = "5"}, "the default of 'text' must be a duration"},
    };
    struct ga_plugin changed = plugin;

    (void)state;
    changed.n_options = 1;
    for (size_t i = 0; i < N(bad); i++) {
        changed.options = &bad[i].option;
        fakehost_free(fh);
        fh = fakehost_new(&changed);
        assert_violation(bad[i].says);
        assert_int_equal(fakehost_run(fh, "play"), GA_FAILED);
    }
}

static void
a_task_that_the_agent_would_refuse_is_refused(void **state)
{
    static const struct {
        struct ga_task task;
        const char    *says;
    } bad[] = {
        {{.name = "Play"}, "task 0 has no name in lower kebab-case"},
        {{.name = "play"}, "task play has no function"},
        {{.name = "play", .every = "5", .function = see_cancel}, "a period or timeout that is no duration"},
        {{.name = "play", .on = "disk.low Disk", .function = see_cancel}, "'disk.low Disk', which are no topic"},
        {{.name = "play", .n_args = 1, .function = see_cancel}, "has 1 arguments but no table of them"},
    };
    struct ga_plugin changed = plugin;

    (void)state;
    changed.n_tasks = 1;
    for (size_t i = 0; i < N(bad); i++) {
        changed.tasks = &bad[i].task;
        assert_refused(&changed, bad[i].says);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_resident_task_hears_all_events_and_is_cancelled_behind_the_last),
        TEST(any_other_task_gets_the_event_that_started_it_once),
        TEST(an_event_of_the_test_that_cannot_be_stops_every_run),
        TEST(a_resident_task_can_wait_for_another_thread),
        TEST(a_run_can_be_cancelled_before_it_starts_and_the_next_one_is_not),
        TEST(a_cancelled_task_hears_no_more_events),
        TEST(a_run_can_be_cancelled_in_the_middle_of_an_act),
        TEST(a_run_within_a_run_is_refused),
        TEST(documents_are_kept_from_run_to_run),
        TEST(a_document_can_be_put_and_removed_by_the_test),
        TEST(a_dry_run_keeps_no_document),
        TEST(a_broken_state_can_neither_be_read_nor_written),
        TEST(a_descriptor_that_the_agent_would_refuse_is_refused),
        TEST(an_option_that_the_agent_would_refuse_is_refused),
        TEST(a_task_that_the_agent_would_refuse_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

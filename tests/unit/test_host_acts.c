/* test_host_acts.c: what a task asks the supervisor and waits for: acts and events. Real runners, real plugins. */
#include "tests/unit/runner_drive.h"

#include <gonka-agent/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BAD_OPTIONS "{\"number\":\"1\",\"names\":[\"a\",\"b\"]}"

static void
assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

/* A path below the plugin's folder. Static storage. */
static const char *
in_state(const struct drive *run, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", run->state_dir, name);
    return path;
}

/* --- acts ----------------------------------------------------------------------------------------------------------
 */

/* A run of `sample-acts touch` on a folder of its own. */
static void
touch(struct drive *run, const char *args)
{
    static char options[160];
    static char rules[200];

    run->plugin = "sample-acts";
    run->task = "touch";
    run->args = args;
    drive_folder(run->state_dir);
    (void)snprintf(options, sizeof(options), "{\"folder\":\"%s\"}", run->state_dir);
    (void)snprintf(rules, sizeof(rules), "{\"paths\":[{\"path\":\"%s\",\"access\":\"rw\"}]}", run->state_dir);
    run->options = options;
    run->rules = rules;
    drive(run);
}

static void
an_allowed_act_is_done_and_closed(void **state)
{
    struct drive run = {.answer = 1, .sync_fd = -1};

    (void)state;
    touch(&run, "{\"count\":\"2\",\"padding\":\"0\"}");
    assert_int_equal(drive_outcome(&run), GA_CHANGED);
    assert_int_equal(drive_count(&run, "act"), 2);
    assert_int_equal(drive_count(&run, "acted"), 2);
    assert_string_equal(drive_str(drive_packet(&run, "act", 0), "verb"), "create-file");
    assert_string_equal(drive_str(drive_packet(&run, "act", 0), "object"), in_state(&run, "file-0"));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(drive_packet(&run, "acted", 1), "ok")));
    assert_int_equal(access(in_state(&run, "file-1"), F_OK), 0);
    drive_done(&run);
}

static void
a_dry_act_changes_nothing(void **state)
{
    struct drive run = {.answer = 0};

    (void)state;
    touch(&run, "{\"count\":\"2\",\"padding\":\"0\"}");
    assert_int_equal(drive_outcome(&run), GA_CHANGED);
    assert_int_equal(drive_count(&run, "act"), 2);
    assert_int_equal(drive_count(&run, "acted"), 0);
    assert_int_equal(access(in_state(&run, "file-0"), F_OK), -1);
    drive_done(&run);
}

static void
a_refused_act_says_why(void **state)
{
    struct drive run = {.answer = -1};

    (void)state;
    touch(&run, "{\"count\":\"2\",\"padding\":\"0\"}");
    assert_int_equal(drive_outcome(&run), GA_REFUSED);
    assert_string_equal(drive_summary(&run), "0 made, then refused: no more than 0 acts");
    assert_int_equal(access(in_state(&run, "file-0"), F_OK), -1);
    drive_done(&run);
}

static void
an_act_whose_intent_cannot_be_synced_is_refused(void **state)
{
    struct drive run = {.answer = 1};
    int          fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0); /* a pipe cannot be synced */
    run.sync_fd = fds[0];
    touch(&run, "{\"count\":\"1\",\"padding\":\"0\"}");
    assert_int_equal(drive_outcome(&run), GA_REFUSED);
    assert_contains(drive_summary(&run), "journal could not be synced: Invalid argument");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(drive_packet(&run, "acted", 0), "ok")));
    assert_int_equal(access(in_state(&run, "file-0"), F_OK), -1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    drive_done(&run);
}

static void
an_act_is_refused_when_the_agent_is_gone(void **state)
{
    struct drive run = {.answer = 1, .sync_fd = -1, .hang_up_at = "act"};

    (void)state;
    touch(&run, "{\"count\":\"1\",\"padding\":\"0\"}");
    assert_int_equal(access(in_state(&run, "file-0"), F_OK), -1);
    assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
    drive_done(&run);
}

static void
details_that_no_packet_holds_are_left_out_and_the_act_is_made(void **state)
{
    struct drive run = {.answer = 1, .sync_fd = -1};

    (void)state;
    touch(&run, "{\"count\":\"1\",\"padding\":\"1000000\"}");
    assert_int_equal(drive_outcome(&run), GA_CHANGED);
    assert_string_equal(drive_str(cJSON_GetObjectItemCaseSensitive(drive_packet(&run, "act", 0), "details"), "bytes"),
                        "1000014");
    drive_done(&run);
}

/* --- events --------------------------------------------------------------------------------------------------------
 */

static void
an_event_payload_keeps_its_digits(void **state)
{
    struct drive run = {.plugin = "sample-events", .task = "ping", .args = "{\"count\":\"1\"}"};
    char        *payload;

    (void)state;
    drive(&run);
    payload = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(drive_packet(&run, "emit", 0), "payload"));
    assert_string_equal(payload, "{\"n\":0,\"height\":9007199254740993}");
    free(payload);
    drive_done(&run);
}

static void
the_event_that_started_a_run_is_there_once(void **state)
{
    struct drive run = {.plugin = "sample-events",
                        .task = "on-ping",
                        .job = "\"event\":{\"topic\":\"sample.ping\",\"origin\":\"a/b\",\"payload\":{\"h\":"
                               "9007199254740993},\"time_ns\":\"5\",\"sequence\":\"18446744073709551615\"}"};

    (void)state;
    drive(&run);
    assert_string_equal(drive_summary(&run),
                        "sample.ping from a/b number 18446744073709551615 at 5: {\"h\":9007199254740993}");
    drive_done(&run);
}

static void
a_resident_task_is_given_events_until_it_is_cancelled(void **state)
{
    struct drive run = {.plugin = "sample-events",
                        .task = "echo",
                        .job = "\"resident\":true",
                        .event = "{\"t\":\"event\",\"topic\":\"sample.ping\",\"origin\":\"a/b\",\"payload\":{\"n\":7},"
                                 "\"time_ns\":\"5\",\"sequence\":\"1\"}",
                        .n_events = 1,
                        .cancel_at = "emit"};

    (void)state;
    drive(&run);
    assert_int_equal(drive_count(&run, "ready"), 1);
    assert_int_equal(drive_count(&run, "emit"), 1);
    assert_int_equal(drive_outcome(&run), GA_OK);
    assert_string_equal(drive_summary(&run), "1 echoed");
    drive_done(&run);
}

static void
a_resident_task_ends_when_the_agent_is_gone(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "wait", .job = "\"resident\":true", .hang_up_at = "next"};

    (void)state;
    drive(&run);
    assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
    drive_done(&run);
}

static void
a_task_that_does_not_listen_dies_after_the_agent(void **state)
{
    struct drive run = {
        .plugin = "bad-tasks", .task = "hang", .options = BAD_OPTIONS, .hang_up_at = "sandbox", .cancel_after = 1};

    (void)state;
    drive(&run);
    assert_true(WIFSIGNALED(run.status));
    assert_int_equal(WTERMSIG(run.status), SIGALRM);
    drive_done(&run);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allowed_act_is_done_and_closed),
        cmocka_unit_test(a_dry_act_changes_nothing),
        cmocka_unit_test(a_refused_act_says_why),
        cmocka_unit_test(an_act_whose_intent_cannot_be_synced_is_refused),
        cmocka_unit_test(an_act_is_refused_when_the_agent_is_gone),
        cmocka_unit_test(details_that_no_packet_holds_are_left_out_and_the_act_is_made),
        cmocka_unit_test(an_event_payload_keeps_its_digits),
        cmocka_unit_test(the_event_that_started_a_run_is_there_once),
        cmocka_unit_test(a_resident_task_is_given_events_until_it_is_cancelled),
        cmocka_unit_test(a_resident_task_ends_when_the_agent_is_gone),
        cmocka_unit_test(a_task_that_does_not_listen_dies_after_the_agent),
    };

    return cmocka_run_group_tests_name("host acts", tests, NULL, NULL);
}

/* test_host.c: what a task is offered, and what becomes of one that breaks the contract. Real runners, real plugins. */
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

static void
values_of_every_type_reach_the_task(void **state)
{
    struct drive run = {.plugin = "sample-good",
                        .task = "echo",
                        .options = "{\"text\":\"q\\\"x\",\"number\":\"1\",\"flag\":\"1\",\"period\":\"90000000000\","
                                   "\"room\":\"9223372036854775807\",\"vote\":\"no\",\"folder\":\"/srv\","
                                   "\"server\":\"nats://h:4222\",\"names\":[\"a\",\"b\"],\"periods\":[\"5\"],"
                                   "\"ages\":{\"z\":\"1\",\"a\":\"-2\"},\"labels\":{}}",
                        .args = "{\"times\":\"3\"}"};

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_OK);
    assert_string_equal(run.result,
                        "{\"times\":\"3\",\"text\":\"q\\\"x\",\"number\":\"1\",\"flag\":\"1\","
                        "\"period\":\"90000000000\",\"room\":\"9223372036854775807\",\"vote\":\"no\","
                        "\"folder\":\"/srv\",\"server\":\"nats://h:4222\",\"names\":[\"a\",\"b\"],\"periods\":[\"5\"],"
                        "\"ages\":{\"z\":\"1\",\"a\":\"-2\"}}");
    assert_string_equal(run.text, "the options were echoed\n");
    assert_string_equal(drive_str(drive_packet(&run, "metric", 0), "value"), "11");
    assert_string_equal(drive_str(drive_packet(&run, "progress", 0), "what"), "echoing");
    drive_done(&run);
}

static void
an_argument_hides_the_option_of_the_same_name(void **state)
{
    struct drive run = {.plugin = "sample-good",
                        .task = "echo",
                        .options = "{\"number\":\"1\"}",
                        .args = "{\"times\":\"1\",\"number\":\"-5\"}"};

    (void)state;
    drive(&run);
    assert_contains(run.result, "\"number\":\"-5\"");
    drive_done(&run);
}

static void
a_map_with_one_member_called_like_a_reference_is_a_map(void **state)
{
    struct drive run = {.plugin = "sample-good",
                        .task = "echo",
                        .options = "{\"labels\":{\"env\":\"NO_SUCH_VARIABLE\"}}",
                        .args = "{\"times\":\"1\"}"};

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_OK);
    assert_contains(run.result, "\"labels\":{\"env\":\"NO_SUCH_VARIABLE\"}");
    drive_done(&run);
}

static void
a_value_that_does_not_fit_the_plugin_any_more_is_a_failed_load(void **state)
{
    static const char *const options[] = {"{\"number\":\"x\"}", "{\"number\":[\"1\"]}", "{\"names\":\"a\"}",
                                          "{\"number\":\"99999999999999999999\"}", "{\"ages\":{\"a\":\"x\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct drive run = {
            .plugin = "sample-good", .task = "echo", .options = options[i], .args = "{\"times\":\"1\"}"};

        drive(&run);
        assert_int_equal(drive_outcome(&run), GA_FAILED);
        assert_string_equal(drive_kind(&run), "load");
        assert_contains(drive_summary(&run), "gonka-agent reload");
        drive_done(&run);
    }
}

static void
a_task_that_is_not_there_is_a_failed_load(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "nope"};

    (void)state;
    drive(&run);
    assert_string_equal(drive_kind(&run), "load");
    assert_contains(drive_summary(&run), "sample-good.so: has no task 'nope'");
    drive_done(&run);
}

static void
a_breach_of_contract_ends_the_run_and_is_named(void **state)
{
    static const struct {
        const char *task;
        const char *says;
    } breaches[] = {
        {"unknown-key", "task 'unknown-key' asked str(\"nmae\"), which is no option"},
        {"wrong-type", "asked str(\"number\"), which is of type int"},
        {"beyond-end", "asked str_at(\"names\", 2), which has 2 elements"},
        {"act-in-act", "before it closed the last act"},
        {"act-in-thread", "called act() from a thread of its own"},
        {"read-only-act", "says that it is read-only"},
        {"bad-details", "details that are no JSON object"},
        {"bad-state-name", "state_put(\"../out\")"},
        {"no-outcome", "returned 17"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(breaches) / sizeof(*breaches); i++) {
        struct drive run = {
            .plugin = "bad-tasks", .task = breaches[i].task, .options = BAD_OPTIONS, .answer = 1, .sync_fd = -1};

        drive(&run);
        assert_int_equal(drive_outcome(&run), GA_FAILED);
        assert_string_equal(drive_kind(&run), "contract");
        assert_contains(drive_summary(&run), breaches[i].says);
        assert_int_equal(drive_count(&run, "end"), 1);
        assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
        drive_done(&run);
    }
}

static void
what_emit_does_not_take_is_refused_and_logged(void **state)
{
    struct drive listed = {.plugin = "bad-tasks", .task = "bad-payloads", .options = BAD_OPTIONS};
    struct drive unlisted = {.plugin = "bad-tasks", .task = "unlisted-topic", .options = BAD_OPTIONS};

    (void)state;
    drive(&listed);
    assert_int_equal(drive_outcome(&listed), GA_REFUSED);
    assert_int_equal(drive_count(&listed, "emit"), 1);
    assert_int_equal(drive_count(&listed, "log"), 4);
    drive_done(&listed);
    drive(&unlisted);
    assert_string_equal(drive_summary(&unlisted), "emit() said -1");
    assert_contains(drive_str(drive_packet(&unlisted, "log", 0), "text"), "does not list the topic");
    drive_done(&unlisted);
}

static void
a_result_that_is_no_json_is_refused_and_logged(void **state)
{
    struct drive run = {.plugin = "bad-tasks", .task = "bad-result", .options = BAD_OPTIONS};

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_REFUSED);
    assert_string_equal(run.result, "");
    assert_contains(drive_str(drive_packet(&run, "log", 0), "text"), "result was left out");
    drive_done(&run);
}

static void
text_that_is_not_utf8_is_repaired_and_kept_on_one_line(void **state)
{
    struct drive run = {.plugin = "bad-tasks", .task = "bad-utf8", .options = BAD_OPTIONS};

    (void)state;
    drive(&run);
    assert_string_equal(drive_str(drive_packet(&run, "log", 0), "text"),
                        "half a character: ?, overlong: ??, a line break");
    assert_string_equal(drive_summary(&run), "summary ???");
    assert_string_equal(run.text, "text ?\n");
    drive_done(&run);
}

static void
what_a_library_prints_comes_out(void **state)
{
    struct drive run = {.plugin = "bad-tasks", .task = "print", .options = BAD_OPTIONS};

    (void)state;
    drive(&run);
    assert_contains(run.output, "printed to standard output\n");
    assert_contains(run.output, "printed to standard error\n");
    assert_contains(run.output, "no newline at the end");
    drive_done(&run);
}

static void
a_forked_child_cannot_speak_for_the_run(void **state)
{
    struct drive run = {.plugin = "bad-tasks", .task = "fork-return", .options = BAD_OPTIONS};

    (void)state;
    drive(&run);
    assert_int_equal(drive_count(&run, "end"), 1);
    assert_string_equal(drive_summary(&run), "this is the parent speaking");
    drive_done(&run);
}

/* --- state ---------------------------------------------------------------------------------------------------------
 */

static void
a_document_is_kept_between_runs(void **state)
{
    struct drive first = {.plugin = "sample-good", .task = "count"};
    struct drive second = {.plugin = "sample-good", .task = "count"};

    (void)state;
    drive(&first);
    assert_string_equal(drive_summary(&first), "run 1");
    memcpy(second.state_dir, first.state_dir, sizeof(second.state_dir));
    drive(&second);
    assert_string_equal(drive_summary(&second), "run 2");
    first.state_dir[0] = '\0';
    drive_done(&first);
    drive_done(&second);
}

static void
a_dry_run_keeps_nothing(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "count", .job = "\"dry_run\":true"};

    (void)state;
    drive(&run);
    assert_string_equal(drive_summary(&run), "run 1");
    assert_int_equal(access(in_state(&run, "runs.txt"), F_OK), -1);
    drive_done(&run);
}

static void
a_document_that_is_no_file_is_unreadable_and_not_missing(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "count"};

    (void)state;
    drive_folder(run.state_dir);
    assert_int_equal(mkdir(in_state(&run, "runs.txt"), 0700), 0);
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_FAILED);
    assert_string_equal(drive_summary(&run), "the state cannot be read");
    drive_done(&run);
}

static void
a_link_in_the_state_is_not_followed(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "count"};

    (void)state;
    drive_folder(run.state_dir);
    assert_int_equal(symlink("/etc/hostname", in_state(&run, "runs.txt")), 0);
    drive(&run);
    assert_string_equal(drive_summary(&run), "the state cannot be read");
    drive_done(&run);
}

static void
what_a_dead_run_left_half_written_is_removed(void **state)
{
    struct drive run = {.plugin = "sample-good", .task = "count"};
    int          fd;

    (void)state;
    drive_folder(run.state_dir);
    fd = open(in_state(&run, ".runs.txt.2147483646"), O_WRONLY | O_CREAT, 0600); /* no process has that number */
    assert_true(fd >= 0);
    (void)close(fd);
    drive(&run);
    assert_int_equal(access(in_state(&run, ".runs.txt.2147483646"), F_OK), -1);
    assert_int_equal(access(in_state(&run, "runs.txt"), F_OK), 0);
    drive_done(&run);
}

/* --- secrets -------------------------------------------------------------------------------------------------------
 */

static void
a_secret_never_leaves_the_run(void **state)
{
    struct drive run = {.plugin = "sample-secret",
                        .task = "leak",
                        .options =
                            "{\"password\":{\"env\":\"GA_TEST_SECRET\"},\"more\":[{\"env\":\"GA_TEST_SECRET\"}]}",
                        .env = "GA_TEST_SECRET=correct horse",
                        .answer = 1,
                        .sync_fd = -1};
    char        *all;

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_CHANGED);
    all = cJSON_PrintUnformatted(run.packets);
    assert_null(strstr(all, "corr")); /* not even a part of it */
    assert_contains(all, "the password is ***, really ***");
    assert_contains(all, "told '***' and 13 bytes");
    assert_contains(all, "\"object\":\"***\"");
    assert_string_equal(run.result, "{\"password\":\"***\",\"***\":[1,{\"deep\":\"<***>\"}]}");
    assert_string_equal(run.text, run.result);
    free(all);
    drive_done(&run);
}

static void
a_secret_variable_is_not_inherited(void **state)
{
    struct drive run = {.plugin = "sample-secret",
                        .task = "look",
                        .options = "{\"password\":{\"env\":\"GA_TEST_SECRET\"}}",
                        .env = "GA_TEST_SECRET=correct horse"};

    (void)state;
    drive(&run);
    assert_string_equal(drive_summary(&run), "0 variables hold the secret of 13 bytes");
    drive_done(&run);
}

static void
a_secret_that_cannot_be_resolved_is_a_failed_load(void **state)
{
    static const char *const options[] = {
        "{\"password\":{\"env\":\"GA_TEST_NOT_SET\"}}", "{\"password\":{\"file\":\"/nowhere/secret\"}}",
        "{\"password\":{\"credential\":\"../x\"}}", "{\"password\":\"in the open\"}", "{}"};

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct drive run = {.plugin = "sample-secret", .task = "look", .options = options[i]};

        drive(&run);
        assert_int_equal(drive_outcome(&run), GA_FAILED);
        assert_string_equal(drive_kind(&run), "load");
        assert_contains(drive_summary(&run), "option 'password' of sample-secret");
        assert_null(strstr(drive_summary(&run), "in the open"));
        drive_done(&run);
    }
}

static void
a_plugin_of_the_frozen_contract_finds_everything_where_it_was(void **state)
{
    struct drive run = {.plugin = "frozen-1-0", .task = "thaw", .options = "{\"word\":\"ice\",\"number\":\"3\"}"};

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_OK);
    assert_string_equal(drive_summary(&run), "ice 3");
    assert_int_equal(drive_count(&run, "beat"), 1);
    drive_done(&run);
}

static void
a_descriptor_is_written_where_the_result_would_be(void **state)
{
    struct drive run = {.plugin = "sample-events"};
    cJSON       *doc;
    const cJSON *tasks;

    (void)state;
    drive(&run);
    assert_int_equal(drive_outcome(&run), GA_OK);
    doc = cJSON_Parse(run.result);
    tasks = cJSON_GetObjectItemCaseSensitive(doc, "tasks");
    assert_string_equal(drive_str(doc, "name"), "sample-events");
    assert_int_equal(cJSON_GetArraySize(tasks), 3);
    assert_string_equal(drive_str(cJSON_GetArrayItem(tasks, 2), "flags"), "10");
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(tasks, 0), "every")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(doc, "topics")), 2);
    cJSON_Delete(doc);
    drive_done(&run);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_reach_the_task),
        cmocka_unit_test(an_argument_hides_the_option_of_the_same_name),
        cmocka_unit_test(a_map_with_one_member_called_like_a_reference_is_a_map),
        cmocka_unit_test(a_value_that_does_not_fit_the_plugin_any_more_is_a_failed_load),
        cmocka_unit_test(a_task_that_is_not_there_is_a_failed_load),
        cmocka_unit_test(a_breach_of_contract_ends_the_run_and_is_named),
        cmocka_unit_test(what_emit_does_not_take_is_refused_and_logged),
        cmocka_unit_test(a_result_that_is_no_json_is_refused_and_logged),
        cmocka_unit_test(text_that_is_not_utf8_is_repaired_and_kept_on_one_line),
        cmocka_unit_test(what_a_library_prints_comes_out),
        cmocka_unit_test(a_forked_child_cannot_speak_for_the_run),
        cmocka_unit_test(a_document_is_kept_between_runs),
        cmocka_unit_test(a_dry_run_keeps_nothing),
        cmocka_unit_test(a_document_that_is_no_file_is_unreadable_and_not_missing),
        cmocka_unit_test(a_link_in_the_state_is_not_followed),
        cmocka_unit_test(what_a_dead_run_left_half_written_is_removed),
        cmocka_unit_test(a_secret_never_leaves_the_run),
        cmocka_unit_test(a_secret_variable_is_not_inherited),
        cmocka_unit_test(a_secret_that_cannot_be_resolved_is_a_failed_load),
        cmocka_unit_test(a_plugin_of_the_frozen_contract_finds_everything_where_it_was),
        cmocka_unit_test(a_descriptor_is_written_where_the_result_would_be),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}

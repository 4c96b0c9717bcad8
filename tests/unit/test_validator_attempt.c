/* test_validator_attempt.c: what stands between the evidence and the transaction. A script stands for inferenced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/files.h"
#include "kit/sign.h"
#include "plugins/validator/tasks.h"
#include "tests/fakehost/fakehost.h"
#include "tests/unit/validator_seen.h"

static struct {
    char             folder[64];
    char             program[96];
    char             calls[96]; /* a line for each time that the program ran */
    struct fakehost *host;
    struct val_chain chain; /* no node can be asked */
    struct val_try   attempt;
} t;

static int
attempt_task(struct ga_run *run, const struct ga_host *host)
{
    t.attempt =
        (struct val_try){.run = run, .host = host, .chain = &t.chain, .seen = seen_jailed(), .node = "http://n/"};
    (void)snprintf(t.attempt.seen.operator_address, sizeof(t.attempt.seen.operator_address), "gonkavaloper1x");
    (void)snprintf(t.attempt.seen.chain_id, sizeof(t.attempt.seen.chain_id), "gonka-mainnet");
    return val_attempt(&t.attempt);
}

static const struct ga_option options[] = {
    {.key = "fees", .type = GA_T_STRING, .dflt = "7ngonka", .help = "fees"},
    {.key = "confirm_wait", .type = GA_T_DURATION, .dflt = "1ms", .help = "wait"},
    GA_SIGN_OPTIONS,
};
static const struct ga_task   tasks[] = {{.name = "attempt", .summary = "tries", .function = attempt_task}};
static const struct ga_topic  topics[] = {{.name = "validator.unjailed", .summary = "it is"}};
static const struct ga_plugin plugin = {.size = sizeof(plugin),
                                        .abi_major = GA_ABI_MAJOR,
                                        .name = "trier",
                                        .version = "1",
                                        .summary = "tries",
                                        .options = options,
                                        .n_options = sizeof(options) / sizeof(*options),
                                        .option_stride = sizeof(*options),
                                        .tasks = tasks,
                                        .n_tasks = 1,
                                        .task_stride = sizeof(*tasks),
                                        .topics = topics,
                                        .n_topics = 1,
                                        .topic_stride = sizeof(*topics)};

static void
program_does(const char *script)
{
    char text[512];
    char why[256];

    (void)snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >>%s\n%s\n", t.calls, script);
    assert_int_equal(ga_file_write(t.program, text, strlen(text), 0755, why, sizeof(why)), 0);
}

static int
setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    (void)snprintf(t.folder, sizeof(t.folder), "/tmp/attempt-XXXXXX");
    assert_non_null(mkdtemp(t.folder));
    (void)snprintf(t.program, sizeof(t.program), "%s/inferenced", t.folder);
    (void)snprintf(t.calls, sizeof(t.calls), "%s/calls", t.folder);
    program_does("echo '{\"txhash\":\"ABCD\",\"code\":0}'");
    t.host = fakehost_new(&plugin);
    assert_non_null(t.host);
    assert_int_equal(fakehost_set(t.host, "sign", "inferenced"), 0);
    assert_int_equal(fakehost_set(t.host, "inferenced", t.program), 0);
    assert_int_equal(fakehost_set(t.host, "key", "cold"), 0);
    assert_int_equal(fakehost_set(t.host, "key_password", "correct-horse"), 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fakehost_free(t.host);
    (void)unlink(t.program);
    (void)unlink(t.calls);
    (void)rmdir(t.folder);
    return 0;
}

/* Attempts that are remembered; -1: the document is none. */
static int
remembered(struct val_attempts *ret)
{
    size_t      len = 0;
    const char *text = fakehost_state_get(t.host, "attempts.json", &len);

    *ret = (struct val_attempts){.n = 0};
    return text && val_attempts_read(ret, text, len) < 0 ? -1 : (int)ret->n;
}

/* --- tests ---------------------------------------------------------------------------------------------------------
 */

static int
disk_breaks_in_between(void *user, size_t i, const char *verb, const char *object, const char *details,
                       const char **ret_why)
{
    (void)user;
    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    fakehost_state_broken(t.host, 1);
    return GA_ACT_DO;
}

static void
an_attempt_that_cannot_be_noted_is_not_made(void **state)
{
    (void)state;
    fakehost_answer(t.host, disk_breaks_in_between, NULL);
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_FAILED);
    assert_non_null(strstr(fakehost_summary(t.host), "could not be noted"));
    assert_int_equal(access(t.calls, F_OK), -1);
    assert_int_equal(fakehost_act(t.host, 0)->ok, 0);
}

static void
an_act_that_is_refused_sends_and_notes_nothing(void **state)
{
    struct val_attempts attempts;

    (void)state;
    fakehost_refuse(t.host, 0, "the plugin is paused");
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_REFUSED);
    assert_non_null(strstr(fakehost_summary(t.host), "paused"));
    assert_int_equal(access(t.calls, F_OK), -1);
    assert_int_equal(remembered(&attempts), 0);
}

static void
a_transaction_whose_effect_cannot_be_seen_is_unknown_and_counts(void **state)
{
    struct val_attempts attempts;

    (void)state;
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_UNKNOWN);
    assert_null(fakehost_violation(t.host));
    assert_int_equal(access(t.calls, F_OK), 0);
    assert_int_equal(remembered(&attempts), 1);
    assert_true(attempts.list[0].ended && !attempts.list[0].ok);
    assert_string_equal(attempts.list[0].hash, "ABCD");
    assert_int_equal(fakehost_n_events(t.host), 0);
}

static void
an_end_that_tells_nothing_is_unknown_too(void **state)
{
    struct val_attempts attempts;

    (void)state;
    program_does("kill -9 $$");
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_UNKNOWN);
    assert_int_equal(remembered(&attempts), 1);
}

static void
what_was_refused_for_certain_is_a_failure_and_counts(void **state)
{
    struct val_attempts attempts;

    (void)state;
    program_does(
        "echo 'Error: rpc error: failed to execute message; message index: 0: validator still jailed; cannot be "
        "unjailed' >&2; exit 1");
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_FAILED);
    assert_non_null(strstr(fakehost_summary(t.host), "still jailed; cannot be unjailed; nothing was sent"));
    assert_int_equal(remembered(&attempts), 1);
}

static void
a_dry_run_runs_no_program(void **state)
{
    struct val_attempts attempts;

    (void)state;
    fakehost_dry_run(t.host, 1);
    assert_int_equal(fakehost_run(t.host, "attempt"), GA_CHANGED);
    assert_int_equal(access(t.calls, F_OK), -1);
    assert_int_equal(remembered(&attempts), 0);
    assert_non_null(strstr(fakehost_act(t.host, 0)->details, "tx slashing unjail"));
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    static const struct CMUnitTest tests[] = {
        WITH(an_attempt_that_cannot_be_noted_is_not_made),
        WITH(an_act_that_is_refused_sends_and_notes_nothing),
        WITH(a_transaction_whose_effect_cannot_be_seen_is_unknown_and_counts),
        WITH(an_end_that_tells_nothing_is_unknown_too),
        WITH(what_was_refused_for_certain_is_a_failure_and_counts),
        WITH(a_dry_run_runs_no_program),
    };

    return cmocka_run_group_tests_name("validator attempt", tests, NULL, NULL);
}

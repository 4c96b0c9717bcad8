/* test_kit_sign.c: command lines of inferenced, and what its ends mean. A script stands for the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/exec.h"
#include "kit/files.h"
#include "kit/sign.h"
#include "tests/fakehost/fakehost.h"

#define SENT "echo '{\"height\":\"0\",\"txhash\":\"ABCD\",\"code\":0,\"raw_log\":\"\"}'"

static struct {
    char             folder[64];
    char             program[96];
    struct fakehost *host;
    struct ga_signed result;
    char             why[1024];
    char             command[1024];
    int              checked;
} t;

/* --- a plugin that signs one transaction ---------------------------------------------------------------------------
 */

static const char *const           words[] = {"tx", "gov", "vote", "12", "yes", NULL};
static const char *const           flags[] = {"--unordered", "--timeout-duration=60s", "--gas=2000000", NULL};
static const struct ga_transaction vote = {
    .words = words, .flags = flags, .node = "http://127.0.0.1:8000/chain-rpc/", .chain_id = "gonka-mainnet"};

static int
sign_task(struct ga_run *run, const struct ga_host *host)
{
    t.checked = ga_sign_check(run, host, t.why, sizeof(t.why));
    (void)ga_sign_command(run, host, &vote, t.command, sizeof(t.command));
    (void)ga_sign(run, host, &vote, &t.result);
    return GA_OK;
}

static int
ask_task(struct ga_run *run, const struct ga_host *host)
{
    static const char *const asked[] = {"keys", "show", "cold", "-a", NULL};
    char                    *output;

    t.checked = ga_inferenced_ask(run, host, asked, 1, &output, t.why, sizeof(t.why));
    if (t.checked == 0)
        (void)snprintf(t.why, sizeof(t.why), "%s", output);
    free(output);
    return GA_OK;
}

static const struct ga_option options[] = {GA_SIGN_OPTIONS};
static const struct ga_task   tasks[] = {
      {.name = "sign", .summary = "signs", .function = sign_task},
      {.name = "ask", .summary = "asks", .function = ask_task},
};
static const struct ga_plugin plugin = {.size = sizeof(plugin),
                                        .abi_major = GA_ABI_MAJOR,
                                        .name = "signer",
                                        .version = "1",
                                        .summary = "signs",
                                        .options = options,
                                        .n_options = sizeof(options) / sizeof(*options),
                                        .option_stride = sizeof(*options),
                                        .tasks = tasks,
                                        .n_tasks = 2,
                                        .task_stride = sizeof(*tasks)};

/* --- its world -----------------------------------------------------------------------------------------------------
 */

static void
set(const char *key, const char *value)
{
    if (fakehost_set(t.host, key, value) < 0)
        fail_msg("%s", fakehost_violation(t.host));
}

/* The program notes its words, a line each, and what it read; then it does what the test says. */
static void
program_does(const char *script)
{
    char text[2048];
    char why[256];

    (void)snprintf(text, sizeof(text),
                   "#!/bin/sh\nfor w; do echo \"$w\"; done >%s/argv\nenv >%s/env\ncat >%s/stdin\n%s\n", t.folder,
                   t.folder, t.folder, script);
    assert_int_equal(ga_file_write(t.program, text, strlen(text), 0755, why, sizeof(why)), 0);
}

/* What it noted; borrowed until the next call. */
static const char *
noted(const char *name)
{
    static char *text;
    char         path[128];
    char         why[256];
    size_t       len;

    free(text);
    text = NULL;
    (void)snprintf(path, sizeof(path), "%s/%s", t.folder, name);
    if (ga_file_read(path, 1 << 20, &text, &len, why, sizeof(why)) < 0)
        return "";
    return text;
}

static enum ga_sign_end
sign(void)
{
    ga_signed_done(&t.result);
    assert_int_equal(fakehost_run(t.host, "sign"), GA_OK);
    return t.result.end;
}

static int
setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    (void)snprintf(t.folder, sizeof(t.folder), "/tmp/sign-XXXXXX");
    assert_non_null(mkdtemp(t.folder));
    (void)snprintf(t.program, sizeof(t.program), "%s/inferenced", t.folder);
    program_does(SENT);
    t.host = fakehost_new(&plugin);
    assert_non_null(t.host);
    set("sign", "inferenced");
    set("inferenced", t.program);
    set("key", "cold");
    set("key_password", "correct-horse");
    return 0;
}

static int
teardown(void **state)
{
    const char *const     argv[] = {"/bin/rm", "-rf", t.folder, NULL};
    const struct ga_exec  exec = {.argv = argv};
    struct ga_exec_result result;

    (void)state;
    (void)noted("none");
    ga_signed_done(&t.result);
    fakehost_free(t.host);
    (void)ga_exec_run(&exec, &result);
    ga_exec_done(&result);
    return 0;
}

/* --- tests ---------------------------------------------------------------------------------------------------------
 */

static void
the_command_line_is_the_published_one(void **state)
{
    (void)state;
    assert_int_equal(sign(), GA_SIGN_SENT);
    assert_string_equal(t.result.hash, "ABCD");
    assert_string_equal(noted("argv"),
                        "tx\ngov\nvote\n12\nyes\n--unordered\n--timeout-duration=60s\n--gas=2000000\n--from\ncold\n"
                        "--keyring-backend\nfile\n--node\nhttp://127.0.0.1:8000/chain-rpc/\n--chain-id\n"
                        "gonka-mainnet\n--output\njson\n--yes\n");
}

static void
the_password_goes_in_by_standard_input_only(void **state)
{
    (void)state;
    assert_int_equal(sign(), GA_SIGN_SENT);
    assert_string_equal(noted("stdin"), "correct-horse\n");
    assert_null(strstr(noted("argv"), "correct-horse"));
    assert_null(strstr(noted("env"), "correct-horse"));
    assert_null(strstr(t.command, "correct-horse"));
    assert_null(fakehost_violation(t.host));
}

static void
a_container_is_reached_with_words_before_it(void **state)
{
    (void)state;
    set("inferenced_args", "[exec, -i, node, inferenced]");
    set("sign_node", "http://node:26657");
    assert_int_equal(sign(), GA_SIGN_SENT);
    assert_memory_equal(noted("argv"), "exec\n-i\nnode\ninferenced\ntx\ngov\n", 31);
    assert_non_null(strstr(noted("argv"), "--node\nhttp://node:26657\n"));
}

static void
a_home_and_a_keyring_of_their_own_are_named(void **state)
{
    (void)state;
    set("inferenced_home", t.folder);
    set("keyring_dir", "/tmp");
    assert_int_equal(sign(), GA_SIGN_SENT);
    assert_non_null(strstr(noted("argv"), "--keyring-dir\n/tmp\n--home\n/tmp/sign-"));
    assert_non_null(strstr(noted("env"), "HOME=/tmp/sign-"));
}

static void
the_command_as_text_can_be_typed(void **state)
{
    char expected[512];

    (void)state;
    set("key", "'it''s mine'");
    (void)sign();
    (void)snprintf(expected, sizeof(expected),
                   "%s tx gov vote 12 yes --unordered --timeout-duration=60s --gas=2000000 "
                   "--from 'it'\\''s mine' --keyring-backend file ",
                   t.program);
    assert_memory_equal(t.command, expected, strlen(expected));
}

static void
offline_an_ordered_transaction_is_written_and_nothing_unlocked(void **state)
{
    (void)state;
    program_does("echo '{\"body\":{\"messages\":[]}}'");
    set("sign", "offline");
    set("key", "gonka1abc");
    assert_int_equal(sign(), GA_SIGN_WRITTEN);
    assert_string_equal(t.result.text, "{\"body\":{\"messages\":[]}}\n");
    assert_non_null(strstr(noted("argv"), "--generate-only\n"));
    assert_null(strstr(noted("argv"), "--unordered"));
    assert_null(strstr(noted("argv"), "--timeout-duration"));
    assert_null(strstr(noted("argv"), "--yes"));
    assert_string_equal(noted("stdin"), "");
    assert_non_null(strstr(t.command, "tx sign unsigned.json --from gonka1abc "));
    assert_non_null(strstr(t.command, " && inferenced tx broadcast signed.json "));
}

static void
what_is_printed_offline_must_be_a_transaction(void **state)
{
    (void)state;
    program_does("echo hello");
    set("sign", "offline");
    set("key", "gonka1abc");
    assert_int_equal(sign(), GA_SIGN_REFUSED);
    assert_non_null(strstr(t.result.why, "no unsigned transaction"));
}

static void
nothing_is_signed_unless_all_options_are_there(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *says;
    } cases[] = {
        {"sign", "off", "sign is off"},           {"inferenced", NULL, "option inferenced is not given"},
        {"key", NULL, "option key is not given"}, {"key_password", NULL, "option key_password is not given"},
        {"sign", "offline", "give its address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        set(cases[i].key, cases[i].value);
        assert_int_equal(sign(), GA_SIGN_REFUSED);
        assert_int_equal(t.checked, -22);
        assert_non_null(strstr(t.why, cases[i].says));
        assert_string_equal(t.result.why, t.why);
        assert_string_equal(noted("argv"), "");
        set("sign", "inferenced");
        set("inferenced", t.program);
        set("key", "cold");
        set("key_password", "correct-horse");
    }
}

static void
each_end_of_the_program_has_its_meaning(void **state)
{
    static const struct {
        const char      *script;
        enum ga_sign_end end;
        const char      *says;
    } cases[] = {
        {"echo '{\"txhash\":\"AA\",\"code\":\"0\"}'", GA_SIGN_SENT, ""},
        {"echo '{\"txhash\":\"AA\",\"code\":19,\"raw_log\":\"tx already in mempool\"}'", GA_SIGN_SENT, ""},
        {"echo '{\"txhash\":\"AA\",\"code\":13,\"raw_log\":\"insufficient fee\"}'", GA_SIGN_REFUSED,
         "code 13: insufficient fee"},
        {"echo '{\"txhash\":\"AA\"}'", GA_SIGN_UNKNOWN, "no txhash and code"},
        {"echo '<html>'", GA_SIGN_UNKNOWN, "may have been sent"},
        {"echo 'Error: cold.info: key not found' >&2; exit 1", GA_SIGN_REFUSED, "key not found; nothing was sent"},
        {"echo 'Enter keyring passphrase (attempt 1/3):' >&2; echo 'Error: EOF' >&2; exit 1", GA_SIGN_REFUSED,
         "see option key_password"},
        {"echo 'Error: post failed: Post \"http://x\": dial tcp: connect: connection refused' >&2; exit 1",
         GA_SIGN_REFUSED, "nothing was sent"},
        {"echo 'Error: post failed: Post \"http://x\": EOF' >&2; exit 1", GA_SIGN_UNKNOWN, "may have been sent"},
        {"echo 'Error: context deadline exceeded' >&2; exit 1", GA_SIGN_UNKNOWN, "may have been sent"},
        {"echo 'Enter keyring passphrase (attempt 1/3):' >&2; echo 'Error: error in json rpc client' >&2; exit 1",
         GA_SIGN_UNKNOWN, "status 1: Error: error in json rpc client; it may have been sent"},
        {"echo 'Enter keyring passphrase (attempt 1/3):' >&2; echo 'incorrect passphrase' >&2; echo 'Error: too many "
         "failed passphrase attempts' >&2; exit 1",
         GA_SIGN_REFUSED, "the keyring's password is wrong"},
        {"echo 'Error: rpc error: failed to execute message; message index: 0: validator still jailed' >&2; exit 1",
         GA_SIGN_REFUSED, "still jailed; nothing was sent"},
        {"kill -9 $$", GA_SIGN_UNKNOWN, "may have been sent"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        program_does(cases[i].script);
        if (sign() != cases[i].end || !strstr(t.result.why, cases[i].says))
            fail_msg("%s: end %d, %s", cases[i].script, (int)t.result.end, t.result.why);
    }
}

static void
a_program_that_cannot_start_sent_nothing(void **state)
{
    (void)state;
    set("inferenced", "/no/such/inferenced");
    assert_int_equal(sign(), GA_SIGN_REFUSED);
    assert_non_null(strstr(t.result.why, "/no/such/inferenced"));
}

static void
a_question_unlocks_the_keyring_when_it_must(void **state)
{
    (void)state;
    program_does("echo gonka1abc");
    assert_int_equal(fakehost_run(t.host, "ask"), GA_OK);
    assert_int_equal(t.checked, 0);
    assert_string_equal(t.why, "gonka1abc\n");
    assert_string_equal(noted("argv"), "keys\nshow\ncold\n-a\n--keyring-backend\nfile\n");
    assert_string_equal(noted("stdin"), "correct-horse\n");
    program_does("echo 'Error: no' >&2; exit 1");
    assert_int_equal(fakehost_run(t.host, "ask"), GA_OK);
    assert_int_equal(t.checked, -5);
    assert_non_null(strstr(t.why, "Error: no"));
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    static const struct CMUnitTest tests[] = {
        WITH(the_command_line_is_the_published_one),
        WITH(the_password_goes_in_by_standard_input_only),
        WITH(a_container_is_reached_with_words_before_it),
        WITH(a_home_and_a_keyring_of_their_own_are_named),
        WITH(the_command_as_text_can_be_typed),
        WITH(offline_an_ordered_transaction_is_written_and_nothing_unlocked),
        WITH(what_is_printed_offline_must_be_a_transaction),
        WITH(nothing_is_signed_unless_all_options_are_there),
        WITH(each_end_of_the_program_has_its_meaning),
        WITH(a_program_that_cannot_start_sent_nothing),
        WITH(a_question_unlocks_the_keyring_when_it_must),
    };

    return cmocka_run_group_tests_name("kit sign", tests, NULL, NULL);
}

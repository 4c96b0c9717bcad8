/* The queue of proofs: what was put is there whatever dies, what was sent never comes again. */
#include "plugins/poc-worker/outbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/poc-outbox-XXXXXX";
static char path[sizeof(folder) + 16];

static struct poc_outbox *
open_outbox(int expected)
{
    struct poc_outbox *outbox = NULL;
    char               why[512] = "";

    if (poc_outbox_open(path, &outbox, why, sizeof(why)) != expected)
        fail_msg("%s", why);
    return outbox;
}

static void
put(struct poc_outbox *outbox, const char *url, const char *body, int64_t height)
{
    struct poc_letter letter = {
        .height = height, .url = (char *)(uintptr_t)url, .body = (char *)(uintptr_t)body, .kind = POC_GENERATED};
    char why[512] = "";

    if (poc_outbox_put(outbox, &letter, "next", body, why, sizeof(why)) < 0)
        fail_msg("%s", why);
}

/* The next letter's body must be this one (NULL: there is none). Its id. */
static int64_t
assert_next(struct poc_outbox *outbox, int64_t now_ms, const char *body)
{
    struct poc_letter letter = {0};
    char              why[512];
    int64_t           id;

    assert_int_equal(poc_outbox_next(outbox, now_ms, &letter, why, sizeof(why)), body ? 1 : 0);
    if (body)
        assert_string_equal(letter.body, body);
    id = letter.id;
    poc_letter_done(&letter);
    return id;
}

static int
new_file(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".damaged"};
    char                     part[sizeof(path) + 16];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(part, sizeof(part), "%s%s", path, ends[i]);
        (void)unlink(part);
    }
    return 0;
}

static void
letters_go_out_in_their_order_and_once(void **state)
{
    struct poc_outbox *outbox = open_outbox(0);
    char               why[256];

    (void)state;
    put(outbox, "http://a/generated", "1", 10);
    put(outbox, "http://a/generated", "2", 10);
    assert_int_equal(poc_outbox_sent(outbox, assert_next(outbox, 1, "1"), why, sizeof(why)), 0);
    poc_outbox_close(outbox);
    outbox = open_outbox(0);
    assert_int_equal(poc_outbox_depth(outbox), 1);
    assert_int_equal(poc_outbox_sent(outbox, assert_next(outbox, 1, "2"), why, sizeof(why)), 0);
    (void)assert_next(outbox, 1, NULL);
    poc_outbox_close(outbox);
}

static void
a_receiver_that_fails_does_not_hold_up_another(void **state)
{
    struct poc_outbox *outbox = open_outbox(0);
    struct poc_letter  letter = {0};
    char               why[256];

    (void)state;
    put(outbox, "http://dead/generated", "1", 10);
    put(outbox, "http://dead/generated", "2", 10);
    put(outbox, "http://alive/generated", "3", 10);
    assert_int_equal(poc_outbox_next(outbox, 1000, &letter, why, sizeof(why)), 1);
    assert_int_equal(poc_outbox_failed(outbox, &letter, 6000, why, sizeof(why)), 0);
    poc_letter_done(&letter);
    (void)assert_next(outbox, 1000, "3");
    (void)assert_next(outbox, 6000, "2"); /* the one that was never tried comes first */
    poc_outbox_close(outbox);
}

static void
letters_of_earlier_blocks_expire(void **state)
{
    struct poc_outbox *outbox = open_outbox(0);

    (void)state;
    put(outbox, "http://a", "old", 10);
    put(outbox, "http://a", "new", 20);
    assert_int_equal(poc_outbox_expire(outbox, 20), 1);
    (void)assert_next(outbox, 1, "new");
    assert_int_equal(poc_outbox_depth(outbox), 1);
    poc_outbox_close(outbox);
}

static void
progress_is_kept_with_the_letter(void **state)
{
    struct poc_outbox *outbox = open_outbox(0);
    char              *value;
    char               why[256];

    (void)state;
    assert_null(poc_outbox_get(outbox, "next"));
    put(outbox, "http://a", "7", 10);
    assert_int_equal(poc_outbox_put(outbox, NULL, "other", "x", why, sizeof(why)), 0);
    value = poc_outbox_get(outbox, "next");
    assert_string_equal(value, "7");
    free(value);
    assert_int_equal(poc_outbox_depth(outbox), 1);
    poc_outbox_close(outbox);
}

/* Puts letters until it is killed, and says after each that it is there. */
static void
write_until_killed(int fd)
{
    struct poc_outbox *outbox = open_outbox(0);
    char               body[32];

    for (int i = 1;; i++) {
        (void)snprintf(body, sizeof(body), "%d", i);
        put(outbox, "http://a", body, 10);
        if (write(fd, &i, sizeof(i)) != sizeof(i))
            _exit(1);
    }
}

static void
what_was_put_is_there_after_a_kill_at_any_time(void **state)
{
    for (int round = 1; round <= 10; round++) {
        struct poc_outbox *outbox;
        int                ends[2];
        int                last = 0;
        char              *value;
        pid_t              pid;
        int64_t            depth;

        (void)new_file(state);
        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0)
            write_until_killed(ends[1]);
        (void)close(ends[1]);
        while (last < 3 * round && read(ends[0], &last, sizeof(last)) == sizeof(last))
            continue;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        while (read(ends[0], &last, sizeof(last)) == sizeof(last))
            continue;
        (void)close(ends[0]);
        outbox = open_outbox(0);
        depth = poc_outbox_depth(outbox);
        assert_true(depth == last || depth == last + 1);
        value = poc_outbox_get(outbox, "next");
        assert_int_equal(strtol(value, NULL, 10), depth); /* never one without the other */
        free(value);
        poc_outbox_close(outbox);
    }
}

static void
a_full_disk_is_named_and_nothing_is_kept_by_halves(void **state)
{
    struct poc_outbox *outbox = open_outbox(0);
    struct rlimit      old;
    struct rlimit      small;
    struct poc_letter  letter = {.url = (char *)(uintptr_t) "http://a", .height = 1};
    char               why[512] = "";
    int                r;

    (void)state;
    letter.body = malloc(1 << 20);
    assert_non_null(letter.body);
    memset(letter.body, 'x', (1 << 20) - 1);
    letter.body[(1 << 20) - 1] = 0;
    put(outbox, "http://a", "1", 10);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 256 << 10; /* files grow no further, as on a full disk */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    r = poc_outbox_put(outbox, &letter, "next", "2", why, sizeof(why));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(r, -1);
    assert_non_null(strstr(why, "the queue of proofs cannot be written"));
    assert_int_equal(poc_outbox_depth(outbox), 1);
    letter.body[5] = 0;
    assert_int_equal(poc_outbox_put(outbox, &letter, "next", "2", why, sizeof(why)), 0); /* there is room again */
    assert_int_equal(poc_outbox_depth(outbox), 2);
    free(letter.body);
    poc_outbox_close(outbox);
}

static void
a_damaged_file_is_moved_aside(void **state)
{
    static const char  rubbish[] = "this is no database, and long enough that nobody takes it for an empty one";
    char               aside[sizeof(path) + 16];
    struct poc_outbox *outbox = NULL;
    char               why[512] = "";
    int                fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    (void)state;
    assert_true(write(fd, rubbish, sizeof(rubbish)) == (ssize_t)sizeof(rubbish));
    (void)close(fd);
    assert_int_equal(poc_outbox_open(path, &outbox, why, sizeof(why)), 1);
    (void)snprintf(aside, sizeof(aside), "%s.damaged", path);
    assert_non_null(strstr(why, aside));
    assert_int_equal(access(aside, F_OK), 0);
    put(outbox, "http://a", "1", 10);
    assert_int_equal(poc_outbox_depth(outbox), 1);
    poc_outbox_close(outbox);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(letters_go_out_in_their_order_and_once, new_file),
        cmocka_unit_test_setup(a_receiver_that_fails_does_not_hold_up_another, new_file),
        cmocka_unit_test_setup(letters_of_earlier_blocks_expire, new_file),
        cmocka_unit_test_setup(progress_is_kept_with_the_letter, new_file),
        cmocka_unit_test(what_was_put_is_there_after_a_kill_at_any_time),
        cmocka_unit_test_setup(a_full_disk_is_named_and_nothing_is_kept_by_halves, new_file),
        cmocka_unit_test_setup(a_damaged_file_is_moved_aside, new_file),
    };
    int failed;

    if (!mkdtemp(folder))
        return 99;
    (void)snprintf(path, sizeof(path), "%s/outbox.db", folder);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)new_file(NULL);
    (void)rmdir(folder);
    return failed;
}

/* test_wire.c: packets between supervisor and runner, honest and not. */
#include "agent/wire.h"
#include "kit/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct wire {
    int ours;
    int theirs;
};

static int
setup(void **state)
{
    static struct wire wire;
    int                fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return -1;
    wire = (struct wire){.ours = fds[0], .theirs = fds[1]};
    *state = &wire;
    return 0;
}

static int
teardown(void **state)
{
    struct wire *wire = *state;

    (void)close(wire->ours);
    if (wire->theirs >= 0)
        (void)close(wire->theirs);
    return 0;
}

/* What comes of bytes that somebody sent. */
static int
receive_raw(const struct wire *wire, const void *bytes, size_t len)
{
    cJSON *packet = NULL;
    int    r;

    assert_int_equal(send(wire->theirs, bytes, len, 0), (ssize_t)len);
    r = wire_recv(wire->ours, &packet, NULL);
    cJSON_Delete(packet);
    return r;
}

static int
receive_text(const struct wire *wire, const char *text)
{
    return receive_raw(wire, text, strlen(text));
}

static int
open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int  n = 0;

    assert_non_null(folder);
    while (readdir(folder))
        n++;
    (void)closedir(folder);
    return n;
}

/* The document as it is printed after it was parsed; the caller frees it. NULL: it is none. */
static char *
through(const char *text)
{
    cJSON *doc = wire_parse(text, strlen(text));
    char  *printed = doc ? cJSON_PrintUnformatted(doc) : NULL;

    cJSON_Delete(doc);
    return printed;
}

static void
assert_through(const char *text, const char *expected)
{
    char *printed = through(text);

    assert_non_null(printed);
    assert_string_equal(printed, expected);
    free(printed);
}

static void
a_packet_arrives_as_it_was_sent(void **state)
{
    const struct wire *wire = *state;
    cJSON             *sent = cJSON_CreateObject();
    cJSON             *got = NULL;

    (void)cJSON_AddStringToObject(sent, "t", "log");
    (void)cJSON_AddStringToObject(sent, "text", "caf\xc3\xa9 \"quoted\"\n");
    assert_int_equal(wire_send(wire->theirs, sent, -1), 0);
    assert_int_equal(wire_recv(wire->ours, &got, NULL), 0);
    assert_true(cJSON_Compare(sent, got, 1));
    cJSON_Delete(sent);
    cJSON_Delete(got);
}

static void
a_descriptor_travels_with_a_packet(void **state)
{
    const struct wire *wire = *state;
    cJSON             *packet = cJSON_CreateObject();
    cJSON             *got = NULL;
    int                memory = memfd_from("passed", "hello", 5);
    int                passed = -1;
    char              *text = NULL;
    size_t             len = 0;

    assert_int_equal(wire_send(wire->theirs, packet, memory), 0);
    assert_int_equal(wire_recv(wire->ours, &got, &passed), 0);
    assert_true(passed >= 0);
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fd_read_all(passed, 100, &text, &len), 0);
    assert_string_equal(text, "hello");
    free(text);
    (void)close(passed);
    (void)close(memory);
    cJSON_Delete(packet);
    cJSON_Delete(got);
}

static void
a_descriptor_that_nobody_asked_for_is_closed(void **state)
{
    const struct wire *wire = *state;
    cJSON             *packet = cJSON_CreateObject();
    cJSON             *got = NULL;
    int                before = open_fds();

    assert_int_equal(wire_send(wire->theirs, packet, 0), 0);
    assert_int_equal(wire_recv(wire->ours, &got, NULL), 0);
    assert_int_equal(open_fds(), before);
    cJSON_Delete(packet);
    cJSON_Delete(got);
}

/* Sends "{}" with n copies of a descriptor. */
static void
send_fds(int wire, unsigned n)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec  iov = {.iov_base = (char[]){"{}"}, .iov_len = 2};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(n * sizeof(int)); /* all of them are descriptor 0 */
    assert_int_equal(sendmsg(wire, &msg, 0), 2);
}

static void
more_than_one_descriptor_is_rubbish_and_none_is_kept(void **state)
{
    const struct wire *wire = *state;
    int                before = open_fds();

    for (unsigned n = 2; n <= 8; n++) {
        cJSON *packet = NULL;
        int    passed = -1;

        send_fds(wire->theirs, n);
        assert_int_equal(wire_recv(wire->ours, &packet, &passed), -EBADMSG);
        assert_int_equal(passed, -1);
        assert_null(packet);
        assert_int_equal(open_fds(), before);
    }
}

static void
a_packet_that_is_too_long_is_not_sent(void **state)
{
    const struct wire *wire = *state;
    cJSON             *packet = cJSON_CreateObject();
    char              *text = malloc(WIRE_MAX + 1);

    memset(text, 'x', WIRE_MAX);
    text[WIRE_MAX] = '\0';
    (void)cJSON_AddStringToObject(packet, "x", text);
    assert_int_equal(wire_send(wire->theirs, packet, -1), -EMSGSIZE);
    text[WIRE_MAX - strlen("{\"x\":\"\"}")] = '\0';
    cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(packet, "x"), text);
    assert_int_equal(wire_send(wire->theirs, packet, -1), 0);
    cJSON_Delete(packet);
    packet = NULL;
    assert_int_equal(wire_recv(wire->ours, &packet, NULL), 0);
    cJSON_Delete(packet);
    free(text);
}

static void
a_packet_that_is_too_long_is_rubbish(void **state)
{
    size_t len = WIRE_MAX + 1;
    char  *text = malloc(len);

    memset(text, ' ', len);
    text[0] = '{';
    text[1] = '}'; /* what fits would be a packet */
    assert_int_equal(receive_raw(*state, text, len), -EBADMSG);
    free(text);
}

static void
what_is_not_one_json_object_is_rubbish(void **state)
{
    static const char *const texts[] = {
        "x",     "[]",  "\"text\"", "1",          "null",  "{",  "{\"a\"", "{\"a\":}",
        "{} {}", "{}x", "\n",       "{\"a\":1,}", "{a:1}", "{]", "\xff",   "{\"a\":\"\\ud800\"}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(receive_text(*state, texts[i]), -EBADMSG);
}

static void
bytes_that_are_not_utf8_are_rubbish(void **state)
{
    static const char *const texts[] = {"{\"a\":\"\xff\"}",         "{\"a\":\"\xc0\xaf\"}",
                                        "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}",
                                        "{\"a\":\"\xe2\x82\"}",     "{\"a\":\"\xf8\x88\x80\x80\x80\"}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(receive_text(*state, texts[i]), -EBADMSG);
    assert_int_equal(receive_text(*state, "{\"a\":\"\xf0\x9f\x98\x80 \xe2\x82\xac \xef\xbf\xbd\"}"), 0);
}

static void
a_zero_byte_is_rubbish(void **state)
{
    assert_int_equal(receive_raw(*state, "{}\0", 3), -EBADMSG);
    assert_int_equal(receive_raw(*state, "\0{}", 3), -EBADMSG);
}

static void
an_empty_packet_is_rubbish_and_not_the_end(void **state)
{
    const struct wire *wire = *state;

    assert_int_equal(receive_raw(wire, "", 0), -EBADMSG);
    assert_int_equal(receive_text(wire, "{}"), 0);
}

static void
nothing_to_read_is_no_end(void **state)
{
    const struct wire *wire = *state;
    cJSON             *packet = NULL;

    assert_int_equal(wire_recv(wire->ours, &packet, NULL), -EAGAIN);
    assert_null(packet);
}

static void
the_end_comes_after_what_was_said_before_it(void **state)
{
    struct wire *wire = *state;
    cJSON       *packet = NULL;

    assert_int_equal(send(wire->theirs, "{}", 2, 0), 2);
    (void)close(wire->theirs);
    wire->theirs = -1;
    assert_int_equal(wire_recv(wire->ours, &packet, NULL), 0);
    assert_int_equal(wire_recv(wire->ours, &packet, NULL), -ECONNRESET);
    assert_int_equal(wire_send(wire->ours, packet, -1), -ECONNRESET);
    cJSON_Delete(packet);
}

static void
a_full_socket_is_said_and_does_not_block(void **state)
{
    const struct wire *wire = *state;
    cJSON             *packet = cJSON_CreateObject();
    int                r = 0;

    for (int i = 0; r == 0 && i < 1000000; i++)
        r = wire_send(wire->theirs, packet, -1);
    assert_int_equal(r, -EAGAIN);
    cJSON_Delete(packet);
}

static void
long_integers_keep_their_digits(void **state)
{
    (void)state;
    assert_through("{\"a\":9007199254740993,\"b\":[-9223372036854775808,18446744073709551615]}",
                   "{\"a\":9007199254740993,\"b\":[-9223372036854775808,18446744073709551615]}");
    assert_through("1000000000000000", "1000000000000000");
    assert_through("999999999999999", "999999999999999");
    assert_through("[-7, 0, 1.5, 1234567890123456.5, 1e3]", "[-7,0,1.5,1234567890123456.5,1000]");
}

static void
digits_in_a_string_are_no_integer(void **state)
{
    (void)state;
    assert_through("{\"12345678901234567890\":\"12345678901234567890 \\\" 12345678901234567890\"}",
                   "{\"12345678901234567890\":\"12345678901234567890 \\\" 12345678901234567890\"}");
}

static void
a_long_integer_is_no_key(void **state)
{
    (void)state;
    assert_null(through("{12345678901234567890:1}"));
    assert_null(through("[{\"a\":{12345678901234567890:1}}]"));
}

static void
what_is_nested_too_deep_is_no_document(void **state)
{
    char  text[2 * GA_JSON_DEPTH_MAX + 3];
    char *printed;

    (void)state;
    memset(text, '[', GA_JSON_DEPTH_MAX);
    memset(text + GA_JSON_DEPTH_MAX, ']', GA_JSON_DEPTH_MAX);
    text[2 * GA_JSON_DEPTH_MAX] = '\0';
    printed = through(text);
    assert_non_null(printed);
    free(printed);
    memset(text, '[', GA_JSON_DEPTH_MAX + 1);
    memset(text + GA_JSON_DEPTH_MAX + 1, ']', GA_JSON_DEPTH_MAX + 1);
    text[2 * GA_JSON_DEPTH_MAX + 2] = '\0';
    assert_null(through(text));
}

static void
text_is_repaired_byte_by_byte(void **state)
{
    char text[] = "a\xff"
                  "b\xc3\xa9"
                  "c\xe2\x82"
                  "d\xed\xa0\x80"
                  "e\xf0\x9f\x98\x80\xc3";

    (void)state;
    assert_false(wire_text_valid(text, strlen(text)));
    wire_text_repair(text);
    assert_string_equal(text, "a?b\xc3\xa9"
                              "c??d???e\xf0\x9f\x98\x80?");
    assert_true(wire_text_valid(text, strlen(text)));
}

static void
a_file_in_memory_with_data_cannot_be_changed(void **state)
{
    int    fd = memfd_from("job", "{}", 2);
    char  *text = NULL;
    size_t len = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(fd_read_all(fd, 2, &text, &len), 0);
    assert_int_equal(len, 2);
    assert_string_equal(text, "{}");
    free(text);
    (void)close(fd);
}

static void
an_empty_file_in_memory_can_be_written_and_read_from_its_start(void **state)
{
    int    fd = memfd_from("result", NULL, 0);
    char  *text = NULL;
    size_t len = 1;

    (void)state;
    assert_int_equal(fd_read_all(fd, 10, &text, &len), 0);
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(write(fd, "0123456789", 10), 10); /* moves the offset */
    assert_int_equal(fd_read_all(fd, 10, &text, &len), 0);
    assert_string_equal(text, "0123456789");
    free(text);
    assert_int_equal(fd_read_all(fd, 9, &text, &len), -EFBIG);
    (void)close(fd);
}

static void
a_pipe_is_read_to_its_end_and_not_beyond_the_cap(void **state)
{
    static char big[20000];
    char       *text = NULL;
    size_t      len = 0;
    int         fds[2];

    (void)state;
    memset(big, 'y', sizeof(big));
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], big, sizeof(big)), (ssize_t)sizeof(big));
    (void)close(fds[1]);
    assert_int_equal(fd_read_all(fds[0], sizeof(big), &text, &len), 0);
    assert_int_equal(len, sizeof(big));
    assert_memory_equal(text, big, sizeof(big));
    free(text);
    (void)close(fds[0]);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], big, sizeof(big)), (ssize_t)sizeof(big));
    (void)close(fds[1]);
    assert_int_equal(fd_read_all(fds[0], sizeof(big) - 1, &text, &len), -EFBIG);
    (void)close(fds[0]);
}

int
main(void)
{
#define WITH_WIRE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    static const struct CMUnitTest tests[] = {
        WITH_WIRE(a_packet_arrives_as_it_was_sent),
        WITH_WIRE(a_descriptor_travels_with_a_packet),
        WITH_WIRE(a_descriptor_that_nobody_asked_for_is_closed),
        WITH_WIRE(more_than_one_descriptor_is_rubbish_and_none_is_kept),
        WITH_WIRE(a_packet_that_is_too_long_is_not_sent),
        WITH_WIRE(a_packet_that_is_too_long_is_rubbish),
        WITH_WIRE(what_is_not_one_json_object_is_rubbish),
        WITH_WIRE(bytes_that_are_not_utf8_are_rubbish),
        WITH_WIRE(a_zero_byte_is_rubbish),
        WITH_WIRE(an_empty_packet_is_rubbish_and_not_the_end),
        WITH_WIRE(nothing_to_read_is_no_end),
        WITH_WIRE(the_end_comes_after_what_was_said_before_it),
        WITH_WIRE(a_full_socket_is_said_and_does_not_block),
        cmocka_unit_test(long_integers_keep_their_digits),
        cmocka_unit_test(digits_in_a_string_are_no_integer),
        cmocka_unit_test(a_long_integer_is_no_key),
        cmocka_unit_test(what_is_nested_too_deep_is_no_document),
        cmocka_unit_test(text_is_repaired_byte_by_byte),
        cmocka_unit_test(a_file_in_memory_with_data_cannot_be_changed),
        cmocka_unit_test(an_empty_file_in_memory_can_be_written_and_read_from_its_start),
        cmocka_unit_test(a_pipe_is_read_to_its_end_and_not_beyond_the_cap),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

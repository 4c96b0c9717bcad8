/* test_kit_download.c: downloads from a server that misbehaves (tests/unit/download_server.py). */
#include "kit/download.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* sha256 of the server's file, the 26 letters 4000 times; and its size. */
static char     sum[GA_DOWNLOAD_SHA256];
static unsigned port;
static int      to_server;
static pid_t    server;
#define SIZE 104000

static int
start_server(void **state)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char        path[512];
    int         in[2];
    int         out[2];
    char        line[128] = "";

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/tests/unit/download_server.py", srcdir);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        return -1;
    server = fork();
    if (server == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)execl("/usr/bin/python3", "python3", path, (char *)NULL);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    to_server = in[1];
    for (size_t n = 0; n < sizeof(line) - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n'; n++)
        ;
    (void)close(out[0]);
    return server > 0 && sscanf(line, "%u %64s", &port, sum) == 2 ? 0 : -1;
}

static int
end_server(void **state)
{
    (void)state;
    (void)close(to_server);
    return waitpid(server, NULL, 0) == server ? 0 : -1;
}

static struct ga_downloaded got;
static int                  fd;

static int
set_up(void **state)
{
    (void)state;
    fd = memfd_create("file", MFD_CLOEXEC);
    return fd < 0;
}

static int
tear_down(void **state)
{
    (void)state;
    return close(fd);
}

static void
put_part(const char *text)
{
    assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static off_t
size_now(void)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_size;
}

/* One download of a path with the limits that most tests have. */
static int
download_with(const char *path, const char *sha256, uint64_t max, int cancel_fd)
{
    char               url[128];
    struct ga_download download = {
        .url = url, .fd = fd, .sha256 = sha256, .max_bytes = max, .low_speed_s = 1, .cancel_fd = cancel_fd};

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    return ga_download(&download, &got);
}

static int
download(const char *path)
{
    return download_with(path, sum, SIZE, 0);
}

static void
test_the_whole_file_and_its_sum(void **state)
{
    (void)state;
    assert_int_equal(download("/good"), 0);
    assert_string_equal(got.sha256, sum);
    assert_int_equal(got.bytes, SIZE);
    assert_int_equal(got.fetched, SIZE);
    assert_int_equal(size_now(), SIZE);
    assert_false(got.resumed);
    assert_string_equal(got.error, "");
}

static void
test_without_an_expected_sum_it_is_told(void **state)
{
    (void)state;
    put_part("abc");
    assert_int_equal(download_with("/good", NULL, SIZE, 0), 0);
    assert_string_equal(got.sha256, sum);
    assert_false(got.resumed);
    assert_int_equal(got.fetched, SIZE);
}

static void
test_only_the_rest_of_a_part_is_fetched(void **state)
{
    (void)state;
    put_part("abcdefghij");
    assert_int_equal(download("/good"), 0);
    assert_true(got.resumed);
    assert_int_equal(got.fetched, SIZE - 10);
}

static void
test_a_complete_part_needs_no_request(void **state)
{
    (void)state;
    assert_int_equal(download("/good"), 0);
    assert_int_equal(download("/status/500"), 0);
    assert_int_equal(got.fetched, 0);
    assert_string_equal(got.sha256, sum);
}

static void
test_a_cut_keeps_what_came_and_goes_on(void **state)
{
    int rounds = 0;

    (void)state;
    while (download("/cut") == -EIO && rounds++ < 10)
        assert_true(size_now() > 0 && got.bytes == (uint64_t)size_now());
    assert_int_equal(rounds, 3);
    assert_string_equal(got.sha256, sum);
}

static void
test_a_part_of_something_else_costs_a_second_fetch(void **state)
{
    (void)state;
    put_part("this is no part of it");
    assert_int_equal(download("/good"), 0);
    assert_int_equal(size_now(), SIZE);
    assert_true(got.fetched > SIZE);
}

static void
test_a_part_that_is_longer_than_the_file(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(fd, SIZE), 0);
    assert_int_equal(download_with("/good", sum, SIZE + 10, 0), 0);
    assert_int_equal(ftruncate(fd, SIZE + 5), 0);
    assert_int_equal(download_with("/good", sum, SIZE + 10, 0), 0);
    assert_int_equal(size_now(), SIZE);
}

static void
test_lies_about_ranges(void **state)
{
    static const char *const paths[] = {"/no_ranges", "/range_lie", "/range_silent", "/range_garbage"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        put_part("abcdefghij");
        assert_int_equal(download(paths[i]), 0);
        assert_int_equal(size_now(), SIZE);
    }
}

static void
test_another_sum_empties_the_file(void **state)
{
    char wrong[GA_DOWNLOAD_SHA256];

    (void)state;
    (void)snprintf(wrong, sizeof(wrong), "%s", sum);
    wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
    assert_int_equal(download_with("/good", wrong, SIZE, 0), -EBADMSG);
    assert_non_null(strstr(got.error, sum));
    assert_string_equal(got.sha256, "");
    assert_int_equal(size_now(), 0);
}

static void
test_too_large(void **state)
{
    (void)state;
    assert_int_equal(download_with("/good", sum, SIZE - 1, 0), -EFBIG);
    assert_int_equal(size_now(), 0);
    assert_int_equal(download_with("/endless", sum, SIZE - 1, 0), -EFBIG);
    assert_int_equal(size_now(), 0);
}

static void
test_another_status_writes_nothing(void **state)
{
    (void)state;
    put_part("abcdefghij");
    assert_int_equal(download("/status/404"), -EREMOTEIO);
    assert_non_null(strstr(got.error, "404"));
    assert_int_equal(size_now(), 10);
    assert_int_equal(download("/status/416"), -EREMOTEIO);
}

static void
test_redirects(void **state)
{
    (void)state;
    assert_int_equal(download("/elsewhere"), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(download("/round"), -EINVAL);
    assert_int_equal(download("/ftp"), -EINVAL);
    assert_non_null(strstr(got.error, "weaker"));
    assert_int_equal(size_now(), 0);
}

static void
test_other_schemes(void **state)
{
    struct ga_download download = {.url = "file:///etc/passwd", .fd = fd, .max_bytes = SIZE};

    (void)state;
    assert_int_equal(ga_download(&download, &got), -EINVAL);
    download.url = "https-not";
    assert_int_equal(ga_download(&download, &got), -EINVAL);
    assert_int_equal(size_now(), 0);
}

static void
test_nobody_there(void **state)
{
    struct ga_download download = {.url = "http://127.0.0.1:1/x", .fd = fd, .max_bytes = SIZE};

    (void)state;
    assert_int_equal(ga_download(&download, &got), -EIO);
    assert_non_null(strstr(got.error, "127.0.0.1:1"));
}

static void
test_a_server_that_falls_asleep(void **state)
{
    (void)state;
    assert_int_equal(download("/asleep"), -EIO);
    assert_int_equal(size_now(), 26);
}

static void
test_cancelled(void **state)
{
    int cancel = eventfd(1, EFD_CLOEXEC);

    (void)state;
    assert_int_equal(download_with("/asleep", sum, SIZE, cancel), -ECANCELED);
    (void)close(cancel);
}

static void
test_a_file_that_cannot_grow(void **state)
{
    (void)state;
    (void)close(fd);
    fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    assert_int_equal(download("/good"), -EPERM);
    assert_non_null(strstr(got.error, "cannot be kept"));
}

static void
test_a_file_without_an_end_is_no_part(void **state)
{
    (void)state;
    (void)close(fd);
    fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    assert_true(download("/good") < 0);
    assert_non_null(strstr(got.error, "cannot be kept"));
}

static uint64_t told_done;
static uint64_t told_total;

static void
note(uint64_t done, uint64_t total, void *userdata)
{
    (void)userdata;
    told_done = done;
    told_total = total;
}

static void
test_progress_counts_the_part(void **state)
{
    char               url[64];
    struct ga_download download = {.url = url, .fd = fd, .sha256 = sum, .max_bytes = SIZE, .progress = note};

    (void)state;
    put_part("abcdefghij");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/good", port);
    assert_int_equal(ga_download(&download, &got), 0);
    assert_int_equal(told_done, SIZE);
    assert_int_equal(told_total, SIZE);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_the_whole_file_and_its_sum),
        UNIT(test_without_an_expected_sum_it_is_told),
        UNIT(test_only_the_rest_of_a_part_is_fetched),
        UNIT(test_a_complete_part_needs_no_request),
        UNIT(test_a_cut_keeps_what_came_and_goes_on),
        UNIT(test_a_part_of_something_else_costs_a_second_fetch),
        UNIT(test_a_part_that_is_longer_than_the_file),
        UNIT(test_lies_about_ranges),
        UNIT(test_another_sum_empties_the_file),
        UNIT(test_too_large),
        UNIT(test_another_status_writes_nothing),
        UNIT(test_redirects),
        UNIT(test_other_schemes),
        UNIT(test_nobody_there),
        UNIT(test_a_server_that_falls_asleep),
        UNIT(test_cancelled),
        UNIT(test_a_file_that_cannot_grow),
        UNIT(test_a_file_without_an_end_is_no_part),
        UNIT(test_progress_counts_the_part),
    };

    return cmocka_run_group_tests(tests, start_server, end_server);
}

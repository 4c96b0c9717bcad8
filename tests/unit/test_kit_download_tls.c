/* test_kit_download_tls.c: downloads over HTTPS from servers with good and bad certificates. */
#include "kit/download.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOOD, UNKNOWN_ISSUER, OTHER_NAME, EXPIRED, PLAIN, SERVERS };

static int   ports[SERVERS];
static pid_t server;
static int   server_input = -1; /* closing it ends the server */
static char  folder[64] = "/tmp/test_kit_download_tls.XXXXXX";
static char  ca_file[96];

static void
be_server(int input, int output)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char        path[512];

    (void)snprintf(path, sizeof(path), "%s/tests/unit/tls_server.py", srcdir);
    (void)dup2(input, 0);
    (void)dup2(output, 1);
    for (int fd = 3; fd < 64; fd++)
        (void)close(fd);
    (void)execl("/usr/bin/python3", "python3", path, folder, NULL);
    _exit(127);
}

static int
read_ports(int fd)
{
    char  line[64] = "";
    char *at = line;

    if (read(fd, line, sizeof(line) - 1) <= 0)
        return -1;
    for (int i = 0; i < SERVERS; i++)
        ports[i] = (int)strtol(at, &at, 10);
    return ports[SERVERS - 1] > 0 ? 0 : -1;
}

static int
start_server(void **state)
{
    int in[2];
    int out[2];
    int r;

    (void)state;
    if (!mkdtemp(folder) || pipe(in) < 0 || pipe(out) < 0)
        return -1;
    (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
    server = fork();
    if (server == 0)
        be_server(in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    server_input = in[1];
    r = read_ports(out[0]);
    (void)close(out[0]);
    return r;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static int
end_server(void **state)
{
    (void)state;
    (void)close(server_input);
    (void)waitpid(server, NULL, 0);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *
url(int which, const char *path)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s://127.0.0.1:%d%s", which == PLAIN ? "http" : "https", ports[which], path);
    return text;
}

static struct ga_downloaded got;

/* Downloads into a file in memory; *ret_text gets its beginning. */
static int
download(int which, const char *path, const char *ca, char ret_text[32])
{
    const struct ga_download job = {
        .url = url(which, path), .fd = memfd_create("file", MFD_CLOEXEC), .max_bytes = 1000, .ca_file = ca};
    int r = ga_download(&job, &got);

    memset(ret_text, 0, 32);
    assert_true(pread(job.fd, ret_text, 31, 0) >= 0);
    (void)close(job.fd);
    return r;
}

static void
test_a_good_certificate(void **state)
{
    char text[32];

    (void)state;
    assert_int_equal(download(GOOD, "/x", ca_file, text), 0);
    assert_string_equal(text, "secret answer");
}

static void
test_bad_certificates(void **state)
{
    static const int bad[] = {UNKNOWN_ISSUER, OTHER_NAME, EXPIRED};
    char             text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(download(bad[i], "/x", ca_file, text), -EIO);
        assert_string_equal(text, "");
    }
    assert_int_equal(download(GOOD, "/x", NULL, text), -EIO);
}

static void
test_no_way_back_from_https_to_http(void **state)
{
    char text[32];
    char before[32];
    char after[32];

    (void)state;
    assert_int_equal(download(PLAIN, "/hits", NULL, before), 0);
    assert_int_equal(download(GOOD, "/to-plain", ca_file, text), -EINVAL);
    assert_non_null(strstr(got.error, "weaker"));
    assert_string_equal(text, "");
    assert_int_equal(download(PLAIN, "/hits", NULL, after), 0);
    assert_string_equal(before, after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_certificate),
        cmocka_unit_test(test_bad_certificates),
        cmocka_unit_test(test_no_way_back_from_https_to_http),
    };

    return cmocka_run_group_tests(tests, start_server, end_server);
}

/* test_sample.c: log-trim alone, on fakehost: no agent, no sandbox, no other process. */
#include <gonka-agent/fakehost.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/log-trim.XXXXXX";
static char file[64];

/* A log file of that many bytes, and a host that is told of it. */
static struct fakehost *
with_file(int bytes)
{
    struct fakehost *host = fakehost_new(&ga_plugin_v1);
    FILE            *out = fopen(file, "w");

    assert(out && host);
    for (int i = 0; i < bytes; i++)
        assert(fputc('x', out) == 'x');
    assert(fclose(out) == 0);
    assert(fakehost_set(host, "file", file) == 0);
    assert(fakehost_set(host, "max_size", "1kB") == 0);
    return host;
}

static long
size_now(void)
{
    struct stat st;

    assert(stat(file, &st) == 0);
    return (long)st.st_size;
}

static void
a_small_file_is_left_alone(void)
{
    struct fakehost *host = with_file(1000);

    assert(fakehost_run(host, "trim") == GA_OK);
    assert(fakehost_n_acts(host) == 0);
    assert(size_now() == 1000);
    fakehost_free(host);
}

static void
a_large_file_is_emptied_by_one_act_and_told(void)
{
    struct fakehost *host = with_file(1001);

    assert(fakehost_run(host, "trim") == GA_CHANGED);
    assert(!fakehost_violation(host));
    assert(fakehost_n_acts(host) == 1);
    assert(fakehost_act(host, 0)->ok == 1);
    assert(strcmp(fakehost_emitted(host, 0)->topic, "log.trimmed") == 0);
    assert(size_now() == 0);
    fakehost_free(host);
}

static void
a_dry_run_changes_nothing(void)
{
    struct fakehost *host = with_file(1001);

    fakehost_dry_run(host, 1);
    assert(fakehost_run(host, "trim") == GA_CHANGED);
    assert(fakehost_n_acts(host) == 1);
    assert(size_now() == 1001);
    fakehost_free(host);
}

static void
a_refused_act_is_not_made(void)
{
    struct fakehost *host = with_file(1001);

    fakehost_refuse(host, 0, "paused");
    assert(fakehost_run(host, "trim") == GA_REFUSED);
    assert(strstr(fakehost_summary(host), "paused"));
    assert(size_now() == 1001);
    fakehost_free(host);
}

static void
a_file_that_cannot_be_seen_is_unknown(void)
{
    struct fakehost *host = with_file(1001);

    assert(unlink(file) == 0);
    assert(fakehost_run(host, "trim") == GA_UNKNOWN);
    fakehost_free(host);
}

static void
a_symlink_is_refused(void)
{
    struct fakehost *host = with_file(1001);

    assert(unlink(file) == 0);
    assert(symlink("/dev/null", file) == 0);
    assert(fakehost_run(host, "trim") == GA_REFUSED);
    assert(unlink(file) == 0);
    fakehost_free(host);
}

int
main(void)
{
    assert(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/app.log", folder);
    a_small_file_is_left_alone();
    a_large_file_is_emptied_by_one_act_and_told();
    a_dry_run_changes_nothing();
    a_refused_act_is_not_made();
    a_file_that_cannot_be_seen_is_unknown();
    a_symlink_is_refused();
    (void)unlink(file);
    assert(rmdir(folder) == 0);
    (void)puts("all passed");
    return 0;
}

/* The journal: lines, rotation, what a crash leaves behind. */
#include "agent/journal.h"
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

struct folder {
    char path[64];
};

static int
make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/test_journal.XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int
remove_folder(void **state)
{
    struct folder *folder = *state;
    int            r = nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(folder);
    return r;
}

static struct journal *
opened(const struct folder *folder, uint64_t max_size, unsigned files)
{
    struct journal *journal = NULL;
    char            why[256];

    assert_int_equal(journal_open(folder->path, max_size, files, &journal, why, sizeof(why)), 0);
    return journal;
}

static cJSON *
record(const char *rec, const char *run)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "rec", rec);
    (void)cJSON_AddStringToObject(object, "run", run);
    return object;
}

static char *
content(const struct folder *folder, const char *name, char *buf, size_t len)
{
    char    path[128];
    int     fd;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "%s/journal/%s", folder->path, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    n = read(fd, buf, len - 1);
    (void)close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static void
append_raw(const struct folder *folder, const char *text)
{
    char  path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/journal/journal.jsonl", folder->path);
    file = fopen(path, "a");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
a_record_is_one_line_with_time_and_sequence(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    char            buf[512];
    cJSON          *line;

    assert_int_equal(journal_append(journal, record("run.start", "r1")), 0);
    journal_close(journal);
    line = cJSON_Parse(content(*state, "journal.jsonl", buf, sizeof(buf)));
    assert_non_null(line);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "seq")), "1");
    assert_non_null(cJSON_GetObjectItem(line, "time"));
    assert_int_equal(buf[strlen(buf) - 1], '\n');
    cJSON_Delete(line);
}

static void
the_sequence_goes_on_after_a_restart(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    char            buf[512];

    assert_int_equal(journal_append(journal, record("a", "r1")), 0);
    journal_close(journal);
    journal = opened(*state, 1 << 20, 3);
    assert_int_equal(journal_append(journal, record("b", "r1")), 0);
    journal_close(journal);
    assert_non_null(strstr(content(*state, "journal.jsonl", buf, sizeof(buf)), "\"seq\":\"2\""));
}

static void
a_torn_last_line_does_not_spoil_the_next_record(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    char            buf[512];
    char           *second;

    assert_int_equal(journal_append(journal, record("a", "r1")), 0);
    journal_close(journal);
    append_raw(*state, "{\"rec\":\"act\",\"ver");
    journal = opened(*state, 1 << 20, 3);
    assert_int_equal(journal_append(journal, record("b", "r2")), 0);
    journal_close(journal);
    second = strstr(content(*state, "journal.jsonl", buf, sizeof(buf)), "\"ver\n");
    assert_non_null(second);
    assert_int_equal(second[5], '{');
}

static void
a_full_file_is_put_aside_and_the_oldest_goes(void **state)
{
    struct journal *journal = opened(*state, 200, 3);
    char            buf[1024];

    for (int i = 0; i < 40; i++)
        assert_int_equal(journal_append(journal, record("run.start", "some-run-with-a-name")), 0);
    journal_close(journal);
    assert_non_null(content(*state, "journal.jsonl", buf, sizeof(buf)));
    assert_non_null(content(*state, "journal.1.jsonl", buf, sizeof(buf)));
    assert_non_null(content(*state, "journal.2.jsonl", buf, sizeof(buf)));
    assert_null(content(*state, "journal.3.jsonl", buf, sizeof(buf)));
}

static void
a_second_writer_is_refused_and_told_why(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    struct journal *second = NULL;
    char            why[256] = "";

    assert_int_equal(journal_open(((struct folder *)*state)->path, 1 << 20, 3, &second, why, sizeof(why)),
                     -EWOULDBLOCK);
    assert_null(second);
    assert_non_null(strstr(why, "another gonka-agent"));
    journal_close(journal);
}

static void
count(const cJSON *start, void *userdata)
{
    char *names = userdata;

    (void)strncat(names, cJSON_GetStringValue(cJSON_GetObjectItem(start, "run")), 32);
}

static void
runs_without_an_end_are_found(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    char            names[256] = "";

    assert_int_equal(journal_append(journal, record("run.start", "ended")), 0);
    assert_int_equal(journal_append(journal, record("run.start", "cut-off")), 0);
    assert_int_equal(journal_append(journal, record("run.end", "ended")), 0);
    journal_unfinished(journal, count, names);
    assert_string_equal(names, "cut-off");
    journal_close(journal);
}

static void
a_sync_descriptor_sees_what_was_written(void **state)
{
    struct journal *journal = opened(*state, 1 << 20, 3);
    struct stat     st;

    assert_int_equal(journal_append(journal, record("act", "r1")), 0);
    assert_int_equal(fstat(journal_sync_fd(journal), &st), 0);
    assert_true(st.st_size > 0);
    assert_int_equal(fdatasync(journal_sync_fd(journal)), 0);
    assert_int_equal(write(journal_sync_fd(journal), "x", 1), -1);
    journal_close(journal);
}

static void
a_folder_that_cannot_be_made_is_named(void **state)
{
    struct journal *journal = NULL;
    char            why[256] = "";

    (void)state;
    assert_int_equal(journal_open("/dev/null", 1 << 20, 3, &journal, why, sizeof(why)), -ENOTDIR);
    assert_non_null(strstr(why, "/dev/null/journal"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_one_line_with_time_and_sequence, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_sequence_goes_on_after_a_restart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_torn_last_line_does_not_spoil_the_next_record, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_full_file_is_put_aside_and_the_oldest_goes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused_and_told_why, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(runs_without_an_end_are_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_sync_descriptor_sees_what_was_written, make_folder, remove_folder),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
    };

    log_open(LOG_ERR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The reader of the journal, beside the writer that the agent uses. */
#include "agent/clock.h"
#include "agent/journal.h"
#include "agent/journal_reader.h"
#include "agent/print.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
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

#define ROTATE_NEVER (1u << 30)

struct folder {
    char path[64];
};

static int
make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/test_journal_reader.XXXXXX");
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
writer(const struct folder *folder, uint64_t max_size, unsigned files)
{
    struct journal *journal = NULL;
    char            why[256];

    assert_int_equal(journal_open(folder->path, max_size, files, &journal, why, sizeof(why)), 0);
    return journal;
}

static void
append(struct journal *journal)
{
    cJSON *record = cJSON_CreateObject();

    assert_non_null(cJSON_AddStringToObject(record, "rec", "event"));
    assert_non_null(cJSON_AddStringToObject(record, "topic", "a.rather.long.topic"));
    assert_int_equal(journal_append(journal, record), 0);
}

static struct journal_reader *
reader(const struct folder *folder, int64_t since_ns)
{
    struct journal_reader *opened = NULL;
    char                   why[512] = "";

    assert_int_equal(journal_reader_open(folder->path, since_ns, &opened, why, sizeof(why)), 0);
    return opened;
}

/* Reads the next record, which must be this one. */
static void
assert_next(struct journal_reader *from, uint64_t seq)
{
    cJSON *record = NULL;

    assert_int_equal(journal_reader_next(from, &record), 0);
    assert_int_equal(strtoull(print_str(record, "seq"), NULL, 10), seq);
    cJSON_Delete(record);
}

static void
assert_no_more(struct journal_reader *from)
{
    cJSON *record = NULL;

    assert_int_equal(journal_reader_next(from, &record), -ENODATA);
    assert_null(record);
}

static FILE *
open_file(const struct folder *folder, const char *name, const char *mode)
{
    char  path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/journal", folder->path);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof(path), "%s/journal/%s", folder->path, name);
    file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

static void
put_file(const struct folder *folder, const char *name, const char *text)
{
    FILE *file = open_file(folder, name, "a");

    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
records_come_oldest_first_over_all_files(void **state)
{
    struct journal        *journal = writer(*state, 4096, 100);
    struct journal_reader *from;

    for (int i = 0; i < 500; i++)
        append(journal);
    journal_close(journal);
    from = reader(*state, 0);
    for (uint64_t seq = 1; seq <= 500; seq++)
        assert_next(from, seq);
    assert_no_more(from);
    assert_int_equal(journal_reader_skipped(from), 0);
    journal_reader_close(from);
}

static void
a_torn_line_is_skipped_and_counted(void **state)
{
    struct journal_reader *from;

    put_file(*state, "journal.jsonl", "{\"seq\":\"1\"}\n{\"seq\":\"2\",\"rec\":\"ac\n{\"seq\":\"3\"}\n[4]\n\n");
    from = reader(*state, 0);
    assert_next(from, 1);
    assert_next(from, 3);
    assert_no_more(from);
    assert_int_equal(journal_reader_skipped(from), 2); /* the empty line is nothing lost */
    journal_reader_close(from);
}

static void
a_line_that_is_still_written_comes_once_it_is_whole(void **state)
{
    struct journal_reader *from;

    put_file(*state, "journal.jsonl", "{\"seq\":\"1\"}\n{\"seq\":");
    from = reader(*state, 0);
    assert_next(from, 1);
    assert_no_more(from);
    put_file(*state, "journal.jsonl", "\"2\"}\n");
    assert_int_equal(journal_reader_wait(from, 10000), 0);
    assert_next(from, 2);
    assert_int_equal(journal_reader_skipped(from), 0);
    journal_reader_close(from);
}

static void
the_torn_end_of_an_older_file_does_not_spoil_the_next(void **state)
{
    struct journal_reader *from;

    put_file(*state, "journal.1.jsonl", "{\"seq\":\"1\"}\n{\"se");
    put_file(*state, "journal.jsonl", "{\"seq\":\"2\"}\n");
    from = reader(*state, 0);
    assert_next(from, 1);
    assert_next(from, 2);
    assert_no_more(from);
    assert_int_equal(journal_reader_skipped(from), 1);
    journal_reader_close(from);
}

static void
a_line_without_end_takes_no_memory_without_end(void **state)
{
    struct journal_reader *from;
    FILE                  *file = open_file(*state, "journal.jsonl", "w");

    for (int i = 0; i < 40 * 1024; i++)
        assert_int_equal(fprintf(file, "%01023d ", 0), 1024);
    assert_true(fputs("\n{\"seq\":\"2\"}\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    from = reader(*state, 0);
    assert_next(from, 2);
    assert_no_more(from);
    assert_true(journal_reader_skipped(from) > 0);
    journal_reader_close(from);
}

static void
files_that_were_written_before_the_wanted_time_are_left_out(void **state)
{
    const struct folder   *folder = *state;
    const struct timespec  old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct journal_reader *from;
    char                   path[128];

    put_file(folder, "journal.1.jsonl", "{\"seq\":\"1\"}\n");
    put_file(folder, "journal.jsonl", "{\"seq\":\"2\"}\n");
    (void)snprintf(path, sizeof(path), "%s/journal/journal.1.jsonl", folder->path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    from = reader(folder, 2000 * NS_PER_S);
    assert_next(from, 2);
    assert_no_more(from);
    journal_reader_close(from);
}

static void
waiting_ends_when_the_time_is_over(void **state)
{
    struct journal_reader *from;

    put_file(*state, "journal.jsonl", "{\"seq\":\"1\"}\n");
    from = reader(*state, 0);
    assert_next(from, 1);
    assert_int_equal(journal_reader_wait(from, 1), -ETIMEDOUT);
    assert_no_more(from);
    journal_reader_close(from);
}

static void
a_rotation_is_followed(void **state)
{
    struct journal        *journal = writer(*state, 4096, 100);
    struct journal_reader *from = reader(*state, 0);
    uint64_t               seq = 0;

    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 60; i++) /* more than one file each turn */
            append(journal);
        assert_int_equal(journal_reader_wait(from, 10000), 0);
        for (int i = 0; i < 60; i++)
            assert_next(from, ++seq);
        assert_no_more(from);
    }
    journal_reader_close(from);
    journal_close(journal);
}

#define AT_ONCE 20000

static void *
write_much(void *argument)
{
    struct journal *journal = argument;

    for (int i = 0; i < AT_ONCE; i++)
        append(journal);
    return NULL;
}

/* A reader that starts while the writer rotates at full speed misses nothing from its first record on. */
static void
nothing_is_missed_or_told_twice_beside_a_busy_writer(void **state)
{
    struct journal        *journal = writer(*state, 65536, 1000);
    struct journal_reader *from = reader(*state, 0);
    cJSON                 *record = NULL;
    uint64_t               seq = 0;
    pthread_t              thread;

    assert_int_equal(pthread_create(&thread, NULL, write_much, journal), 0);
    while (seq < AT_ONCE) {
        int r = journal_reader_next(from, &record);

        if (r == 0) {
            assert_int_equal(strtoull(print_str(record, "seq"), NULL, 10), seq + 1);
            seq++;
            cJSON_Delete(record);
        } else {
            assert_int_equal(r, -ENODATA);
            assert_int_equal(journal_reader_wait(from, 10000), 0);
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(journal_reader_skipped(from), 0);
    journal_reader_close(from);
    journal_close(journal);
}

static void
a_journal_that_is_not_there_is_named_with_what_that_means(void **state)
{
    const struct folder   *folder = *state;
    struct journal_reader *from = NULL;
    char                   why[512];

    assert_int_equal(journal_reader_open(folder->path, 0, &from, why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, folder->path));
    assert_non_null(strstr(why, "nothing was run with this state_dir yet"));
}

static void
a_journal_that_may_not_be_read_is_named_with_the_next_step(void **state)
{
    const struct folder   *folder = *state;
    struct journal_reader *from = NULL;
    char                   why[512];
    int                    r;

    if (geteuid() != 0)
        skip(); /* needs a second user */
    put_file(folder, "journal.jsonl", "{}\n");
    assert_int_equal(seteuid(65534), 0);
    r = journal_reader_open(folder->path, 0, &from, why, sizeof(why));
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(r, -EACCES);
    assert_non_null(strstr(why, "be root, or join the group"));
}

static void
a_journal_file_that_is_a_link_is_refused(void **state)
{
    const struct folder   *folder = *state;
    struct journal_reader *from = NULL;
    char                   path[128];
    char                   why[512];

    put_file(folder, "other", "{\"seq\":\"1\"}\n");
    (void)snprintf(path, sizeof(path), "%s/journal/journal.jsonl", folder->path);
    assert_int_equal(symlink("other", path), 0);
    assert_int_equal(journal_reader_open(folder->path, 0, &from, why, sizeof(why)), -ELOOP);
}

static void
a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(void **state)
{
    const struct folder   *folder = *state;
    struct journal_reader *from = NULL;
    char                   path[128];
    char                   why[512];

    put_file(folder, "other", "");
    (void)snprintf(path, sizeof(path), "%s/journal/journal.jsonl", folder->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(journal_reader_open(folder->path, 0, &from, why, sizeof(why)), -EINVAL);
}

int
main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    static const struct CMUnitTest tests[] = {
        WITH_FOLDER(records_come_oldest_first_over_all_files),
        WITH_FOLDER(a_torn_line_is_skipped_and_counted),
        WITH_FOLDER(a_line_that_is_still_written_comes_once_it_is_whole),
        WITH_FOLDER(the_torn_end_of_an_older_file_does_not_spoil_the_next),
        WITH_FOLDER(a_line_without_end_takes_no_memory_without_end),
        WITH_FOLDER(files_that_were_written_before_the_wanted_time_are_left_out),
        WITH_FOLDER(waiting_ends_when_the_time_is_over),
        WITH_FOLDER(a_rotation_is_followed),
        WITH_FOLDER(nothing_is_missed_or_told_twice_beside_a_busy_writer),
        WITH_FOLDER(a_journal_that_is_not_there_is_named_with_what_that_means),
        WITH_FOLDER(a_journal_that_may_not_be_read_is_named_with_the_next_step),
        WITH_FOLDER(a_journal_file_that_is_a_link_is_refused),
        WITH_FOLDER(a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

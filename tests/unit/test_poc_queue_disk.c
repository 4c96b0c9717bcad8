/* The queue of batches on a real disk: kills, full disks, damaged files. */
#include "tests/unit/poc_queue_world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLS 12
#define WAIT_MS 30000 /* more than a slow machine takes */

static void
write_file(const char *name, const char *text, size_t len, off_t at)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, len, at), (ssize_t)len);
    (void)close(fd);
}

static void
sql(const char *text)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A child that does not outlive the test, even one that fails. */
static pid_t
fork_child(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* --- kills -----------------------------------------------------------------------------------------------------------
 */

/* Child: puts batches 0, 1, 2 ... from where the file says, and tells each that is kept. Never returns. */
static void
put_until_killed(int told)
{
    struct poc_queue *queue = NULL;
    char             *next = NULL;

    if (poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)) != 0 ||
        poc_queue_get_progress(queue, "next", &next, queue_err, sizeof(queue_err)) < 0)
        _exit(1);
    for (int64_t n = next ? strtoll(next, NULL, 10) : 0;; n++) {
        char              body[32];
        char              value[32];
        struct poc_letter batch = batch_of("http://a", 1, body);

        (void)snprintf(body, sizeof(body), "%lld", (long long)n);
        (void)snprintf(value, sizeof(value), "%lld", (long long)n + 1);
        if (poc_queue_put_with_progress(queue, &batch, "next", value, queue_err, sizeof(queue_err)) != 0 ||
            write(told, &n, sizeof(n)) != sizeof(n))
            _exit(1);
    }
}

/* Child: takes batch after batch out as sent, and tells each that is gone. Never returns. */
static void
take_out_until_killed(int told)
{
    struct poc_queue *queue = NULL;
    struct poc_letter batch;

    if (poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)) != 0)
        _exit(1);
    while (poc_queue_peek_next(queue, 0, &batch, queue_err, sizeof(queue_err)) == 1) {
        int64_t id = batch.id;

        poc_letter_done(&batch);
        if (poc_queue_sent(queue, id, queue_err, sizeof(queue_err)) != 0 || write(told, &id, sizeof(id)) != sizeof(id))
            _exit(1);
    }
    (void)pause();
    _exit(1);
}

/* The next number of the child. 0 when there are no more. */
static int
hear(int fd, int64_t *ret)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
    return read(fd, ret, sizeof(*ret)) == sizeof(*ret);
}

/* Lets the child tell `count` numbers, kills it in whatever it is at, and hears the rest. The last number told. */
static int64_t
kill_after(void (*child)(int), int count)
{
    int     ends[2];
    int     status = 0;
    int64_t last = -1;
    pid_t   pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork_child();
    if (pid == 0)
        child(ends[1]);
    (void)close(ends[1]);
    for (int i = 0; i < count; i++)
        if (!hear(ends[0], &last))
            break;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* else it had an error of its own */
    while (hear(ends[0], &last))
        ;
    (void)close(ends[0]);
    return last;
}

/* The bodies in the file are 0, 1, 2 ... without a gap and none twice. How many. */
static int64_t
count_in_order(void)
{
    sqlite3      *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t       n = 0;

    assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT body FROM batches ORDER BY id", -1, &statement, NULL), SQLITE_OK);
    for (; sqlite3_step(statement) == SQLITE_ROW; n++)
        assert_int_equal(strtoll((const char *)sqlite3_column_text(statement, 0), NULL, 10), n);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void
test_killed_writer_loses_and_doubles_nothing(void **state)
{
    unsigned seed = (unsigned)getpid();

    (void)state;
    print_message("seed %u\n", seed);
    for (int i = 0; i < KILLS; i++) {
        int64_t           last = kill_after(put_until_killed, 1 + rand_r(&seed) % 40);
        struct poc_queue *queue = open_queue();
        int64_t           kept = count_in_order();
        char              next[32];

        /* the last one may be kept and the kill came before it could be told */
        assert_in_range(kept, last + 1, last + 2);
        (void)snprintf(next, sizeof(next), "%lld", (long long)kept);
        expect_progress(queue, "next", next);
        poc_queue_close(queue);
    }
}

static void
test_killed_sender_leaves_nothing_it_had_taken_out(void **state)
{
    struct poc_queue *queue = open_queue();
    unsigned          seed = (unsigned)getpid();

    (void)state;
    print_message("seed %u\n", seed);
    for (int i = 0; i < 200; i++)
        put(queue, "http://a", 1, "x");
    poc_queue_close(queue);
    for (int i = 0; i < 4; i++) {
        int64_t last = kill_after(take_out_until_killed, 1 + rand_r(&seed) % 40);

        queue = open_queue();
        assert_in_range(expect_next(queue, 0, "x"), last + 1, last + 2);
        assert_in_range(depth(queue), 200 - last - 1, 200 - last);
        poc_queue_close(queue);
    }
}

/* Several open the same new file at once and put into it. */
static void
test_many_processes_share_one_file(void **state)
{
    pid_t             pids[6];
    struct poc_queue *queue;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        pids[i] = fork_child();
        if (pids[i] == 0) {
            struct poc_letter batch = batch_of("http://a", 1, "1");
            int               r = poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err));

            for (int n = 0; r == 0 && n < 5; n++)
                r = poc_queue_put(queue, &batch, queue_err, sizeof(queue_err));
            _exit(r == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        int status = 0;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    queue = open_queue();
    assert_int_equal(depth(queue), 30);
    poc_queue_close(queue);
}

/* Nobody looks at a file, and perhaps moves it aside, that another is just making. */
static void
test_opening_waits_for_another_that_opens(void **state)
{
    char    name[160];
    int     ends[2];
    int     lock;
    int     status = 0;
    int64_t done = 0;
    pid_t   pid;

    (void)state;
    (void)snprintf(name, sizeof(name), "%s.lock", queue_path);
    lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork_child();
    if (pid == 0) {
        struct poc_queue *queue = NULL;

        done = poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)) == 0;
        _exit(write(ends[1], &done, sizeof(done)) == sizeof(done) ? 0 : 1);
    }
    assert_int_equal(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 200), 0);
    assert_int_equal(flock(lock, LOCK_UN), 0);
    assert_int_equal(hear(ends[0], &done), 1);
    assert_int_equal(done, 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(lock);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* --- full disks ------------------------------------------------------------------------------------------------------
 */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Puts 4 KiB batches until the disk is full; how many were kept. */
static int64_t
put_until_full(struct poc_queue *queue)
{
    static char       body[4096];
    struct poc_letter batch = batch_of("http://a", 1, body);
    int64_t           kept = 0;
    int               r;

    memset(body, 'x', sizeof(body) - 1);
    while ((r = poc_queue_put_with_progress(queue, &batch, "next", "n", queue_err, sizeof(queue_err))) == 0 &&
           kept < 1000)
        kept++;
    assert_int_equal(r, -ENOSPC);
    assert_non_null(strstr(queue_err, queue_path));
    assert_non_null(strstr(queue_err, "free some space"));
    return kept;
}

static void
test_full_disk_is_named_and_loses_nothing(void **state)
{
    struct poc_queue *queue = open_queue();
    void (*was)(int) = signal(SIGXFSZ, SIG_IGN);
    int64_t kept;

    (void)state;
    limit_files(256 << 10);
    kept = put_until_full(queue);
    limit_files(RLIM_INFINITY);
    (void)signal(SIGXFSZ, was);
    assert_true(kept > 0);
    assert_int_equal(depth(queue), kept);
    put(queue, "http://a", 1, "there is room again");
    poc_queue_close(queue);
    queue = open_queue();
    assert_int_equal(depth(queue), kept + 1);
    poc_queue_close(queue);
}

static void
test_full_file_system_is_named_and_loses_nothing(void **state)
{
    struct poc_queue *queue;
    int64_t           kept;

    (void)state;
    if (mount("tmpfs", queue_folder, "tmpfs", 0, "size=512k") < 0) {
        print_message("left out: a tmpfs cannot be mounted here (error %d); it needs CAP_SYS_ADMIN\n", errno);
        skip();
    }
    queue = open_queue();
    kept = put_until_full(queue);
    assert_int_equal(mount("tmpfs", queue_folder, "tmpfs", MS_REMOUNT, "size=4m"), 0);
    put(queue, "http://a", 1, "there is room again");
    assert_int_equal(depth(queue), kept + 1);
    poc_queue_close(queue);
    assert_int_equal(umount(queue_folder), 0);
}

/* When the test failed in between, those after it have no limit either. */
static int
teardown_limit(void **state)
{
    limit_files(RLIM_INFINITY);
    return queue_teardown(state);
}

static int
teardown_mount(void **state)
{
    (void)umount2(queue_folder, MNT_DETACH); /* when the test failed in between */
    return queue_teardown(state);
}

/* --- files that are not as they should be ----------------------------------------------------------------------------
 */

/* The file is moved aside under this name with what is in it, and an empty one is there. */
static void
expect_moved_to(const char *suffix)
{
    struct poc_queue *queue = NULL;
    struct stat       before;
    struct stat       after;
    char              away[160];

    (void)snprintf(away, sizeof(away), "%s%s", queue_path, suffix);
    assert_int_equal(stat(queue_path, &before), 0);
    assert_int_equal(poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)), 1);
    assert_non_null(strstr(queue_err, away));
    assert_int_equal(stat(away, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(depth(queue), 0);
    put(queue, "http://a", 1, "1");
    poc_queue_close(queue);
    queue = open_queue();
    assert_int_equal(depth(queue), 1);
    poc_queue_close(queue);
}

static void
test_garbage_is_moved_aside(void **state)
{
    (void)state;
    write_file(queue_path, "no database, surely, for it has no header and is long enough", 60, 0);
    expect_moved_to(".damaged-1");
}

static void
test_second_damage_does_not_replace_the_first(void **state)
{
    (void)state;
    write_file(queue_path, "no database, surely, for it has no header and is long enough", 60, 0);
    expect_moved_to(".damaged-1");
    write_file(queue_path, "no database again, but another one than the one before it ...", 60, 0);
    expect_moved_to(".damaged-2");
}

static void
test_damaged_page_is_moved_aside(void **state)
{
    struct poc_queue *queue = open_queue();
    char              noise[4096];

    (void)state;
    for (int i = 0; i < 200; i++)
        put(queue, "http://a", 1, "{\"nonces\":[1,5,41,73],\"dist\":[1.3978,1.2115,1.4002,1.3999]}");
    poc_queue_close(queue);
    memset(noise, 0x5a, sizeof(noise));
    write_file(queue_path, noise, sizeof(noise), 4096); /* the second page: the root of the batches */
    expect_moved_to(".damaged-1");
}

/* A killed process leaves its last batches in the WAL: what is left to be saved of them goes along. */
static void
test_wal_goes_along_with_a_damaged_file(void **state)
{
    struct stat status;
    char        name[160];

    (void)state;
    (void)kill_after(put_until_killed, 10);
    write_file(queue_path, "garbage", 7, 0);
    expect_moved_to(".damaged-1");
    (void)snprintf(name, sizeof(name), "%s.damaged-1-wal", queue_path);
    assert_int_equal(stat(name, &status), 0);
    assert_true(status.st_size > 4096);
}

/* Whoever was killed between the two renames has moved a WAL and no file. */
static void
test_wal_that_was_moved_before_is_not_replaced(void **state)
{
    struct stat status;
    char        name[160];

    (void)state;
    (void)snprintf(name, sizeof(name), "%s.damaged-1-wal", queue_path);
    write_file(name, "older", 5, 0);
    (void)kill_after(put_until_killed, 10);
    write_file(queue_path, "garbage", 7, 0);
    expect_moved_to(".damaged-2");
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_size, 5);
}

static void
expect_left_alone(int error, const char *words)
{
    struct poc_queue *queue = NULL;
    char              away[160];

    assert_int_equal(poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)), error);
    assert_null(queue);
    assert_non_null(strstr(queue_err, queue_path));
    assert_non_null(strstr(queue_err, words));
    (void)snprintf(away, sizeof(away), "%s.damaged-1", queue_path);
    assert_int_equal(access(away, F_OK), -1);
}

static void
test_newer_version_is_left_alone(void **state)
{
    (void)state;
    poc_queue_close(open_queue());
    sql("PRAGMA user_version = 99");
    expect_left_alone(-EPROTO, "another version");
}

static void
test_database_of_another_program_is_left_alone(void **state)
{
    (void)state;
    sql("CREATE TABLE theirs (a)");
    expect_left_alone(-EPROTO, "another program");
}

static void
test_what_cannot_be_opened_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(queue_path, 0700), 0);
    expect_left_alone(-EIO, "cannot open it");
}

static void
test_missing_folder_is_named(void **state)
{
    (void)state;
    (void)snprintf(queue_path, sizeof(queue_path), "%s/none/queue.db", queue_folder);
    expect_left_alone(-ENOENT, "look at the folder");
}

static void
test_damage_met_later_is_named(void **state)
{
    struct poc_queue *queue = open_queue();

    (void)state;
    sql("PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 999 WHERE name = 'batches';"
        "PRAGMA schema_version = 99");
    assert_int_equal(poc_queue_expire_below(queue, 1, POC_LETTER_GENERATED, queue_err, sizeof(queue_err)), -EUCLEAN);
    assert_non_null(strstr(queue_err, "damaged"));
    poc_queue_close(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, queue_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_killed_writer_loses_and_doubles_nothing),
        TEST(test_killed_sender_leaves_nothing_it_had_taken_out),
        TEST(test_many_processes_share_one_file),
        TEST(test_opening_waits_for_another_that_opens),
        cmocka_unit_test_setup_teardown(test_full_disk_is_named_and_loses_nothing, queue_setup, teardown_limit),
        cmocka_unit_test_setup_teardown(test_full_file_system_is_named_and_loses_nothing, queue_setup, teardown_mount),
        TEST(test_garbage_is_moved_aside),
        TEST(test_second_damage_does_not_replace_the_first),
        TEST(test_damaged_page_is_moved_aside),
        TEST(test_wal_goes_along_with_a_damaged_file),
        TEST(test_wal_that_was_moved_before_is_not_replaced),
        TEST(test_newer_version_is_left_alone),
        TEST(test_database_of_another_program_is_left_alone),
        TEST(test_what_cannot_be_opened_is_left_alone),
        TEST(test_missing_folder_is_named),
        TEST(test_damage_met_later_is_named),
    };

    return cmocka_run_group_tests_name("poc_queue_disk", tests, NULL, NULL);
}

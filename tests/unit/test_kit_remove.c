/* test_kit_remove.c: removing and walking trees by handle, on real trees in a folder of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/remove.h"
#include "kit/remove_walk.h"

struct place {
    char path[64];
    int  fd;
};

static int
place_make(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    (void)snprintf(place->path, sizeof(place->path), "/tmp/ga-remove-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

/* What the tests leave is removed by rm, so that a fault of ours shows as what it is. */
static int
place_clear(void **state)
{
    struct place *place = *state;
    char          command[96];
    pid_t         pid;

    (void)close(place->fd);
    (void)snprintf(command, sizeof(command), "%s", place->path);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    free(place);
    return 0;
}

static void
put_file(int dir, const char *name, size_t size)
{
    char block[4096] = "x";
    int  fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    for (size_t at = 0; at < size; at += sizeof(block))
        assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    assert_int_equal(fsync(fd), 0); /* so that it has blocks */
    (void)close(fd);
}

static void
put_empty(int dir, const char *name)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    (void)close(fd);
}

static int
put_folder(int dir, const char *name)
{
    int fd;

    assert_int_equal(mkdirat(dir, name, 0755), 0);
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int
is_there(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A chain of `depth` folders named "d" below `name`, a file in the last. */
static void
put_chain(int dir, const char *name, unsigned depth)
{
    int fd = put_folder(dir, name);

    for (unsigned i = 0; i < depth; i++) {
        int next = put_folder(fd, "d");

        (void)close(fd);
        fd = next;
    }
    put_empty(fd, "bottom");
    (void)close(fd);
}

static unsigned
open_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* --- removing ------------------------------------------------------------------------------------------------------
 */

static void
removes_files_links_fifos_and_folders_and_counts_them(void **state)
{
    struct place     *place = *state;
    int               fd = put_folder(place->fd, "tree");
    int               inner = put_folder(fd, "inner");
    struct ga_removed done;

    put_file(fd, "file", 1);
    put_file(inner, "caf\xe9\n", 1); /* neither UTF-8 nor one line */
    assert_int_equal(symlinkat("nowhere", inner, "link"), 0);
    assert_int_equal(mkfifoat(inner, "fifo", 0600), 0);
    (void)close(inner);
    (void)close(fd);
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), 0);
    assert_false(is_there(place->fd, "tree"));
    assert_int_equal(done.files, 4);
    assert_int_equal(done.directories, 2);
    assert_int_equal(done.left, 0);
}

static void
removes_a_link_but_not_what_it_leads_to(void **state)
{
    struct place     *place = *state;
    int               fd = put_folder(place->fd, "tree");
    int               outside = put_folder(place->fd, "outside");
    char              target[96];
    struct ga_removed done;

    put_file(outside, "precious", 1);
    (void)snprintf(target, sizeof(target), "%s/outside", place->path);
    assert_int_equal(symlinkat(target, fd, "absolute"), 0);
    assert_int_equal(symlinkat("../outside", fd, "relative"), 0);
    assert_int_equal(symlinkat("../outside/precious", fd, "to-file"), 0);
    (void)close(fd);
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), 0);
    assert_true(is_there(outside, "precious"));
    (void)close(outside);
}

static void
refuses_a_root_that_is_no_folder_of_its_own(void **state)
{
    struct place     *place = *state;
    struct ga_removed done;

    put_file(place->fd, "file", 1);
    (void)close(put_folder(place->fd, "real"));
    assert_int_equal(symlinkat("real", place->fd, "link"), 0);
    assert_int_equal(ga_remove_tree(place->fd, "file", NULL, &done), -ENOTDIR);
    assert_int_equal(ga_remove_tree(place->fd, "link", NULL, &done), -ELOOP);
    assert_int_equal(ga_remove_tree(place->fd, "absent", NULL, &done), -ENOENT);
    assert_true(is_there(place->fd, "file"));
    assert_true(is_there(place->fd, "link"));
    assert_true(is_there(place->fd, "real"));
}

static void
refuses_paths_and_dots(void **state)
{
    static const char *const names[] = {"", ".", "..", "tree/inner", "/tmp", "../x"};
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    struct ga_removed        done;

    (void)close(put_folder(fd, "inner"));
    (void)close(fd);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_int_equal(ga_remove_tree(place->fd, names[i], NULL, &done), -EINVAL);
    assert_true(is_there(place->fd, "tree/inner"));
}

static void
removes_a_tree_deeper_than_any_path(void **state)
{
    struct place     *place = *state;
    unsigned          before;
    struct ga_removed done;

    put_chain(place->fd, "tree", 3000);
    before = open_descriptors();
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), 0);
    assert_int_equal(done.directories, 3001);
    assert_false(is_there(place->fd, "tree"));
    assert_int_equal(open_descriptors(), before);
}

static void
removes_a_folder_of_more_entries_than_one_batch(void **state)
{
    struct place     *place = *state;
    int               fd = put_folder(place->fd, "tree");
    struct ga_removed done;

    for (unsigned i = 0; i < 70000; i++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "%06u.ldb", i);
        put_empty(fd, name);
    }
    (void)close(fd);
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), 0);
    assert_int_equal(done.files, 70000);
}

static void
counts_the_bytes_that_the_disk_gets_back(void **state)
{
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    struct ga_remove_options options = {.cancel_fd = -1, .count_bytes = 1};
    struct ga_removed        done;
    struct stat              st;

    put_file(fd, "data", 65536);
    put_file(fd, "shared", 65536);
    assert_int_equal(linkat(fd, "shared", place->fd, "other-name", 0), 0);
    assert_int_equal(fstatat(fd, "data", &st, 0), 0);
    (void)close(fd);
    assert_true(st.st_blocks > 0);
    assert_int_equal(ga_remove_tree(place->fd, "tree", &options, &done), 0);
    assert_int_equal(done.bytes, st.st_blocks * 512); /* the shared file gives nothing back */
}

static void
leaves_an_immutable_file_names_it_and_removes_the_rest(void **state)
{
    struct place     *place = *state;
    int               fd = put_folder(place->fd, "tree");
    int               inner = put_folder(fd, "in\xffner");
    int               flags = 0;
    int               file;
    struct ga_removed done;

    put_file(inner, "stuck", 1);
    put_file(inner, "free", 1);
    put_file(fd, "also-free", 1);
    file = openat(inner, "stuck", O_RDONLY | O_CLOEXEC);
    if (ioctl(file, FS_IOC_GETFLAGS, &flags) < 0) {
        (void)close(file);
        (void)close(inner);
        (void)close(fd);
        skip(); /* this filesystem knows no such flag */
    }
    flags |= FS_IMMUTABLE_FL;
    if (ioctl(file, FS_IOC_SETFLAGS, &flags) < 0) {
        (void)close(file);
        (void)close(inner);
        (void)close(fd);
        skip(); /* not root */
    }
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), -ENOTEMPTY);
    flags &= ~FS_IMMUTABLE_FL;
    assert_int_equal(ioctl(file, FS_IOC_SETFLAGS, &flags), 0);
    assert_int_equal(done.left, 1);
    assert_int_equal(done.error, -EPERM);
    assert_string_equal(done.where, "in\\xffner/stuck");
    assert_true(is_there(inner, "stuck"));
    assert_false(is_there(inner, "free"));
    assert_false(is_there(fd, "also-free"));
    (void)close(file);
    (void)close(inner);
    (void)close(fd);
}

/* Runs in a process with mounts of its own. Exit 0: as it should be; 77: mounts are not permitted. */
static int
with_mount_inside(const struct place *place, const char *source, const char *where)
{
    struct ga_removed done;
    int               r;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    if (mount(source, where, NULL, MS_BIND, NULL) < 0)
        return 77;
    r = ga_remove_tree(place->fd, "tree", NULL, &done);
    if (r != -ENOTEMPTY || done.left != 1 || strcmp(done.where, "a/mounted") != 0)
        return 1;
    if (done.error != -EXDEV && done.error != -EBUSY)
        return 2;
    return is_there(place->fd, "tree/b") ? 3 : 0; /* the rest is gone */
}

static void
never_enters_a_mount(void **state, int of_a_file)
{
    struct place *place = *state;
    int           fd = put_folder(place->fd, "tree");
    int           a = put_folder(fd, "a");
    int           outside = put_folder(place->fd, "outside");
    char          source[96];
    char          where[96];
    int           status;
    pid_t         pid;

    put_file(outside, "precious", 1);
    put_empty(fd, "b");
    if (of_a_file)
        put_empty(a, "mounted");
    else
        (void)close(put_folder(a, "mounted"));
    (void)close(a);
    (void)close(fd);
    (void)snprintf(source, sizeof(source), "%s/outside%s", place->path, of_a_file ? "/precious" : "");
    (void)snprintf(where, sizeof(where), "%s/tree/a/mounted", place->path);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(with_mount_inside(place, source, where));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(is_there(outside, "precious"));
    (void)close(outside);
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
never_enters_a_bind_mount_of_the_same_filesystem(void **state)
{
    never_enters_a_mount(state, 0);
}

static void
leaves_a_file_that_is_a_mount_point(void **state)
{
    never_enters_a_mount(state, 1);
}

/* --- stopping and slowing down -------------------------------------------------------------------------------------
 */

static void
stop_after_first_report(void *context, const struct ga_removed *so_far)
{
    const int *pipe_fd = context;

    if (so_far->files > 0)
        assert_true(write(*pipe_fd, "x", 1) == 1);
}

static void
stops_between_files_and_goes_on_when_called_again(void **state)
{
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    int                      ends[2];
    struct ga_remove_options options = {.max_files_per_s = 100, .progress = stop_after_first_report};
    struct ga_removed        done;

    for (unsigned i = 0; i < 200; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "f%u", i);
        put_empty(fd, name);
    }
    (void)close(fd);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    options.cancel_fd = ends[0];
    options.context = &ends[1];
    assert_int_equal(ga_remove_tree(place->fd, "tree", &options, &done), -ECANCELED);
    assert_in_range(done.files, 1, 199);
    assert_true(is_there(place->fd, "tree"));
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(ga_remove_tree(place->fd, "tree", NULL, &done), 0);
    assert_false(is_there(place->fd, "tree"));
}

static void
removes_nothing_when_cancelled_before_it_starts(void **state)
{
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    int                      ends[2];
    struct ga_remove_options options = {.cancel_fd = -1};
    struct ga_removed        done;

    put_empty(fd, "file");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    options.cancel_fd = ends[0];
    assert_int_equal(ga_remove_tree(place->fd, "tree", &options, &done), -ECANCELED);
    assert_int_equal(done.files + done.directories, 0);
    assert_true(is_there(fd, "file"));
    (void)close(fd);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static int64_t
monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
keeps_to_the_limit_of_files_per_second(void **state)
{
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    struct ga_remove_options options = {.cancel_fd = -1, .max_files_per_s = 200};
    struct ga_removed        done;
    int64_t                  start;

    for (unsigned i = 0; i < 60; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "f%u", i);
        put_empty(fd, name);
    }
    (void)close(fd);
    start = monotonic_ms();
    assert_int_equal(ga_remove_tree(place->fd, "tree", &options, &done), 0);
    assert_true(monotonic_ms() - start >= 280); /* 60 files, 5 ms each, the last one's not waited for */
}

static void
keeps_to_the_limit_of_bytes_per_second(void **state)
{
    struct place            *place = *state;
    int                      fd = put_folder(place->fd, "tree");
    struct ga_remove_options options = {.cancel_fd = -1, .max_bytes_per_s = 1 << 20};
    struct ga_removed        done;
    int64_t                  start;

    for (unsigned i = 0; i < 5; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "f%u", i);
        put_file(fd, name, 65536);
    }
    (void)close(fd);
    start = monotonic_ms();
    assert_int_equal(ga_remove_tree(place->fd, "tree", &options, &done), 0);
    assert_true(done.bytes >= 5 * 65536);
    assert_true(monotonic_ms() - start >= 200); /* 64 KiB at 1 MiB/s is 62 ms, four of them waited for */
}

/* --- walking -------------------------------------------------------------------------------------------------------
 */

struct watched {
    unsigned entries;
    unsigned left;
    int      home; /* for callbacks that change the tree */
    char     path[64];
};

static int
count_entry(void *context, struct ga_walk *walk, int dir_fd, const char *name)
{
    struct watched *watched = context;

    (void)dir_fd;
    watched->entries++;
    (void)ga_walk_path(walk, name, watched->path, sizeof(watched->path));
    return 0;
}

static int
fill_once_and_read_again(void *context, struct ga_walk *walk, int parent_fd, const char *name, unsigned attempt)
{
    struct watched *watched = context;

    (void)walk;
    (void)parent_fd;
    (void)name;
    watched->left++;
    if (attempt > 0)
        return 0;
    put_empty(watched->home, "late");
    return GA_WALK_AGAIN;
}

static void
reads_a_folder_again_when_asked(void **state)
{
    struct place        *place = *state;
    struct ga_walk_calls calls = {.entry = count_entry, .leave = fill_once_and_read_again};
    struct watched       watched = {.entries = 0};

    watched.home = put_folder(place->fd, "tree");
    put_empty(watched.home, "early");
    assert_int_equal(ga_walk_tree(place->fd, "tree", &calls, &watched), 0);
    (void)close(watched.home);
    assert_int_equal(watched.entries, 3); /* early; early and late */
    assert_int_equal(watched.left, 2);
}

static int
move_away_at_the_bottom(void *context, struct ga_walk *walk, int parent_fd, const char *name, unsigned attempt)
{
    struct watched *watched = context;
    char            from[128] = "tree";

    (void)parent_fd;
    (void)name;
    (void)attempt;
    watched->left++;
    if (ga_walk_depth(walk) != 100)
        return 0;
    for (unsigned i = 0; i < 30; i++)
        (void)snprintf(from + strlen(from), sizeof(from) - strlen(from), "/d");
    return renameat(watched->home, from, watched->home, "moved") < 0 ? -errno : 0;
}

static void
stops_when_the_tree_is_moved_from_under_it(void **state)
{
    struct place        *place = *state;
    struct ga_walk_calls calls = {.leave = move_away_at_the_bottom};
    struct watched       watched = {.home = place->fd};
    unsigned             before;

    put_chain(place->fd, "tree", 100);
    before = open_descriptors();
    assert_int_equal(ga_walk_tree(place->fd, "tree", &calls, &watched), -ESTALE);
    assert_int_equal(watched.left, 70); /* levels 100 ... 31; the parent of level 30 is another folder now */
    assert_int_equal(open_descriptors(), before);
}

static void
shows_the_end_of_a_path_that_is_too_long(void **state)
{
    struct place        *place = *state;
    struct ga_walk_calls calls = {.entry = count_entry};
    struct watched       watched = {.entries = 0};

    put_chain(place->fd, "tree", 60);
    assert_int_equal(ga_walk_tree(place->fd, "tree", &calls, &watched), 0);
    assert_int_equal(strncmp(watched.path, "...", 3), 0);
    assert_string_equal(watched.path + strlen(watched.path) - 11, "/d/d/bottom");
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

static void
shows_names_that_are_no_text_with_their_bytes(void **state)
{
    static const char *const cases[][2] = {
        {"plain name.ldb", "plain name.ldb"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},               /* UTF-8 stays */
        {"caf\xe9", "caf\\xe9"},                      /* Latin-1 */
        {"a\nb\tc\x1b[2J", "a\\x0ab\\x09c\\x1b[2J"},  /* nothing moves the cursor */
        {"back\\slash", "back\\\\slash"},             /* so that \x41 and a real A differ */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* half a surrogate pair */
        {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong */
        {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},          /* cut off */
        {"x\xe2\x80\xaey", "x\\xe2\\x80\\xaey"},      /* turns the text around */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond Unicode */
        {"", ""},
    };
    char shown[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(ga_show_name(cases[i][0], shown, sizeof(shown)), cases[i][1]);
}

static void
cuts_a_shown_name_between_characters(void **state)
{
    char shown[6];

    (void)state;
    assert_string_equal(ga_show_name("abcd\xc3\xa9", shown, sizeof(shown)), "abcd");
    assert_string_equal(ga_show_name("abc\xff", shown, sizeof(shown)), "abc");
    assert_string_equal(ga_show_name("abc", shown, 1), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(removes_files_links_fifos_and_folders_and_counts_them),
        TEST(removes_a_link_but_not_what_it_leads_to),
        TEST(refuses_a_root_that_is_no_folder_of_its_own),
        TEST(refuses_paths_and_dots),
        TEST(removes_a_tree_deeper_than_any_path),
        TEST(removes_a_folder_of_more_entries_than_one_batch),
        TEST(counts_the_bytes_that_the_disk_gets_back),
        TEST(leaves_an_immutable_file_names_it_and_removes_the_rest),
        TEST(never_enters_a_bind_mount_of_the_same_filesystem),
        TEST(leaves_a_file_that_is_a_mount_point),
        TEST(stops_between_files_and_goes_on_when_called_again),
        TEST(removes_nothing_when_cancelled_before_it_starts),
        TEST(keeps_to_the_limit_of_files_per_second),
        TEST(keeps_to_the_limit_of_bytes_per_second),
        TEST(reads_a_folder_again_when_asked),
        TEST(stops_when_the_tree_is_moved_from_under_it),
        TEST(shows_the_end_of_a_path_that_is_too_long),
        cmocka_unit_test(shows_names_that_are_no_text_with_their_bytes),
        cmocka_unit_test(cuts_a_shown_name_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

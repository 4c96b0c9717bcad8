/* test_kit_unpack.c: one file out of archives of all kinds. */
#include "kit/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define LARGE ((size_t)1 << 20)

/* One archive, and what came out of it. */
struct bench {
    int             fd;
    int             out_fd;
    struct archive *archive;
    uint64_t        bytes;
    uint64_t        max;
    int             cancel_fd;
    char            why[300];
};

static int
set_up(void **state)
{
    static struct bench bench;

    bench = (struct bench){
        .fd = memfd_create("archive", MFD_CLOEXEC), .out_fd = memfd_create("out", MFD_CLOEXEC), .max = 2 * LARGE};
    *state = &bench;
    return bench.fd < 0 || bench.out_fd < 0;
}

static int
tear_down(void **state)
{
    struct bench *bench = *state;

    (void)close(bench->fd);
    return close(bench->out_fd);
}

static void
begin(struct bench *bench, int zip)
{
    bench->archive = archive_write_new();
    assert_non_null(bench->archive);
    assert_int_equal(zip ? archive_write_set_format_zip(bench->archive)
                         : archive_write_set_format_pax_restricted(bench->archive),
                     ARCHIVE_OK);
    if (!zip)
        assert_int_equal(archive_write_add_filter_gzip(bench->archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_fd(bench->archive, bench->fd), ARCHIVE_OK);
}

static void
put(struct bench *bench, const char *name, unsigned int type, const char *link, const char *data, size_t len)
{
    struct archive_entry *entry = archive_entry_new();

    assert_non_null(entry);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0755);
    archive_entry_set_size(entry, (la_int64_t)len);
    if (link && type == AE_IFLNK)
        archive_entry_set_symlink(entry, link);
    else if (link)
        archive_entry_set_hardlink(entry, link);
    assert_int_equal(archive_write_header(bench->archive, entry), ARCHIVE_OK);
    if (len > 0)
        assert_int_equal(archive_write_data(bench->archive, data, len), (la_ssize_t)len);
    archive_entry_free(entry);
}

static void
end(struct bench *bench)
{
    assert_int_equal(archive_write_close(bench->archive), ARCHIVE_OK);
    assert_int_equal(archive_write_free(bench->archive), ARCHIVE_OK);
}

static int
unpack(struct bench *bench)
{
    const struct ga_unpack job = {.fd = bench->fd,
                                  .name = "wanted",
                                  .out_fd = bench->out_fd,
                                  .max_bytes = bench->max,
                                  .cancel_fd = bench->cancel_fd};

    return ga_unpack_one(&job, &bench->bytes, bench->why, sizeof(bench->why));
}

/* An archive with one more entry beside the wanted one. */
static int
unpack_with(struct bench *bench, const char *name, unsigned int type, const char *link)
{
    begin(bench, 0);
    put(bench, "wanted", AE_IFREG, NULL, "data", 4);
    put(bench, name, type, link, "", 0);
    end(bench);
    return unpack(bench);
}

static void
assert_data(struct bench *bench, const char *data)
{
    char   found[64] = "";
    size_t n = strlen(data);

    assert_int_equal(bench->bytes, n);
    assert_int_equal(pread(bench->out_fd, found, sizeof(found), 0), (ssize_t)n);
    assert_memory_equal(found, data, n);
}

static void
test_the_file_of_the_name_in_whatever_folder(void **state)
{
    struct bench *bench = *state;

    begin(bench, 1);
    put(bench, "wanted.txt", AE_IFREG, NULL, "no", 2);
    put(bench, "build/wanted", AE_IFREG, NULL, "data", 4);
    end(bench);
    assert_int_equal(unpack(bench), 0);
    assert_data(bench, "data");
}

static void
test_a_tar_of_it(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(unpack_with(bench, "folder/", AE_IFDIR, NULL), 0);
    assert_data(bench, "data");
}

static void
test_a_bare_program_is_copied(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(write(bench->fd, "\177ELF and so on", 14), 14);
    assert_int_equal(unpack(bench), 0);
    assert_data(bench, "\177ELF and so on");
}

static void
test_a_bare_program_that_is_too_large(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(write(bench->fd, "\177ELF and so on", 14), 14);
    bench->max = 13;
    assert_int_equal(unpack(bench), -EFBIG);
}

static void
test_names_that_lead_out(void **state)
{
    static const char *const names[] = {"../x", "a/../../x", "/etc/x", "a/..", "..", "a\\..\\x"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(set_up(state), 0);
        assert_int_equal(unpack_with(*state, names[i], AE_IFREG, NULL), -EPERM);
        assert_non_null(strstr(((struct bench *)*state)->why, "leads out"));
        if (i + 1 < sizeof(names) / sizeof(*names))
            (void)tear_down(state);
    }
}

static void
test_dots_in_names_are_no_harm(void **state)
{
    assert_int_equal(unpack_with(*state, "..a/b../...", AE_IFREG, NULL), 0);
}

static void
test_a_symlink(void **state)
{
    assert_int_equal(unpack_with(*state, "x", AE_IFLNK, "/etc/shadow"), -EPERM);
}

static void
test_a_hard_link(void **state)
{
    assert_int_equal(unpack_with(*state, "x", AE_IFREG, "wanted"), -EPERM);
}

static void
test_a_pipe(void **state)
{
    assert_int_equal(unpack_with(*state, "x", AE_IFIFO, NULL), -EPERM);
}

static void
test_twice(void **state)
{
    assert_int_equal(unpack_with(*state, "again/wanted", AE_IFREG, NULL), -EEXIST);
}

static void
test_not_at_all(void **state)
{
    struct bench *bench = *state;

    begin(bench, 1);
    put(bench, "wanted/other", AE_IFREG, NULL, "data", 4);
    end(bench);
    assert_int_equal(unpack(bench), -ENOENT);
    assert_non_null(strstr(bench->why, "no file wanted"));
}

static void
test_control_characters_of_a_name_are_not_shown(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(unpack_with(bench, "\033[2J/../x", AE_IFREG, NULL), -EPERM);
    assert_null(strchr(bench->why, '\033'));
}

static void
test_too_much_in_the_wanted_or_beside_it(void **state)
{
    static char   zeros[LARGE];
    struct bench *bench = *state;

    begin(bench, 1);
    put(bench, "beside", AE_IFREG, NULL, zeros, sizeof(zeros));
    put(bench, "wanted", AE_IFREG, NULL, zeros, sizeof(zeros));
    end(bench);
    bench->max = 2 * LARGE - 1;
    assert_int_equal(unpack(bench), -EFBIG);
    bench->max = 2 * LARGE;
    assert_int_equal(ftruncate(bench->out_fd, 0), 0);
    assert_int_equal(lseek(bench->out_fd, 0, SEEK_SET), 0);
    assert_int_equal(unpack(bench), 0);
    assert_int_equal(bench->bytes, LARGE);
}

static void
test_too_many_entries(void **state)
{
    struct bench *bench = *state;
    char          name[16];

    begin(bench, 0);
    for (int i = 0; i <= GA_UNPACK_ENTRIES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        put(bench, name, AE_IFREG, NULL, "", 0);
    }
    end(bench);
    assert_int_equal(unpack(bench), -EFBIG);
    assert_non_null(strstr(bench->why, "too many"));
}

static void
test_what_is_no_archive(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(unpack(bench), -EBADMSG);
    assert_int_equal(write(bench->fd, "<html>", 6), 6);
    assert_int_equal(unpack(bench), -EBADMSG);
}

static void
test_a_damaged_archive(void **state)
{
    struct bench *bench = *state;
    static char   data[LARGE];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * i % 251);
    begin(bench, 1);
    put(bench, "wanted", AE_IFREG, NULL, data, sizeof(data));
    end(bench);
    assert_int_equal(pwrite(bench->fd, "damage", 6, 300), 6);
    assert_int_equal(unpack(bench), -EBADMSG);
}

static void
test_a_disk_that_takes_nothing(void **state)
{
    struct bench *bench = *state;

    (void)close(bench->out_fd);
    bench->out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(unpack_with(bench, "x", AE_IFREG, NULL), -ENOSPC);
}

static void
test_cancelled(void **state)
{
    struct bench *bench = *state;

    bench->cancel_fd = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(unpack_with(bench, "x", AE_IFREG, NULL), -ECANCELED);
    (void)close(bench->cancel_fd);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_the_file_of_the_name_in_whatever_folder),
        UNIT(test_a_tar_of_it),
        UNIT(test_a_bare_program_is_copied),
        UNIT(test_a_bare_program_that_is_too_large),
        UNIT(test_names_that_lead_out),
        UNIT(test_dots_in_names_are_no_harm),
        UNIT(test_a_symlink),
        UNIT(test_a_hard_link),
        UNIT(test_a_pipe),
        UNIT(test_twice),
        UNIT(test_not_at_all),
        UNIT(test_control_characters_of_a_name_are_not_shown),
        UNIT(test_too_much_in_the_wanted_or_beside_it),
        UNIT(test_too_many_entries),
        UNIT(test_what_is_no_archive),
        UNIT(test_a_damaged_archive),
        UNIT(test_a_disk_that_takes_nothing),
        UNIT(test_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

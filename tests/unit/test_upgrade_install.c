/* test_upgrade_install.c: looking at a home, installing into it, and programs' heads. */
#include "kit/remove.h"
#include "plugins/upgrade-preload/home.h"
#include "plugins/upgrade-preload/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char            home[64];
static char            sum[UP_SHA256];
static int             from_fd;
static char            why[400];
static struct up_place place = {.home = home, .folder = "v1", .daemon = "inferenced"};

static char *
path_of(const char *below, char buf[256])
{
    (void)snprintf(buf, 256, "%s/%s", home, below);
    return buf;
}

static void
make(const char *below)
{
    char path[256];

    assert_int_equal(mkdir(path_of(below, path), 0755), 0);
}

static int
is_there(const char *below)
{
    char path[256];

    return access(path_of(below, path), F_OK) == 0;
}

static int
set_up(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/test_upgrade_install.XXXXXX");
    if (!mkdtemp(home))
        return -1;
    make("cosmovisor");
    from_fd = memfd_create("program", MFD_CLOEXEC);
    return write(from_fd, "program", 7) == 7 ? up_hash(from_fd, 0, sum) : -1;
}

static int
tear_down(void **state)
{
    struct ga_removed removed;
    int               tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int               r = ga_remove_tree(tmp, strrchr(home, '/') + 1, NULL, &removed);

    (void)state;
    (void)close(from_fd);
    (void)close(tmp);
    return r;
}

static struct up_look
look(void)
{
    struct up_look found;

    assert_int_equal(up_look(&place, 0, &found), 0);
    return found;
}

static int
install(void)
{
    return up_install(&place, from_fd, sum, 0, why, sizeof(why));
}

static void
test_a_home_without_the_upgrade(void **state)
{
    (void)state;
    assert_int_equal(look().there, UP_THERE_NOTHING);
    make("cosmovisor/upgrades");
    assert_int_equal(look().there, UP_THERE_NOTHING);
    make("cosmovisor/upgrades/v1");
    assert_int_equal(look().there, UP_THERE_FOLDER);
    make("cosmovisor/upgrades/v1/bin");
    assert_int_equal(look().there, UP_THERE_FOLDER);
    make("cosmovisor/upgrades/v1/bin/inferenced");
    assert_int_equal(look().there, UP_THERE_ODD);
}

static void
test_no_home_of_cosmovisor_is_unknown_not_empty(void **state)
{
    struct up_look  found;
    struct up_place other = {.home = "/tmp/test_upgrade_install.none", .folder = "v1", .daemon = "inferenced"};

    (void)state;
    assert_int_equal(up_look(&other, 0, &found), 0);
    assert_int_equal(found.there, UP_THERE_UNKNOWN);
    assert_non_null(strstr(found.odd, "home of cosmovisor"));
    assert_int_equal(up_install(&other, from_fd, sum, 0, why, sizeof(why)), -ENOENT);
}

static void
test_installed_and_seen(void **state)
{
    (void)state;
    assert_int_equal(install(), 0);
    assert_int_equal(look().there, UP_THERE_FILE);
    assert_string_equal(look().sha256, sum);
    assert_true(look().runnable);
    assert_false(is_there("cosmovisor/.gonka-agent-preload"));
}

static void
test_into_a_folder_that_lacks_it(void **state)
{
    (void)state;
    make("cosmovisor/upgrades");
    make("cosmovisor/upgrades/v1");
    assert_int_equal(install(), 0);
    assert_int_equal(look().there, UP_THERE_FILE);
    assert_false(is_there("cosmovisor/.gonka-agent-preload"));
}

static void
test_what_is_not_what_was_verified_is_not_published(void **state)
{
    (void)state;
    sum[0] = sum[0] == 'a' ? 'b' : 'a';
    assert_int_equal(install(), -EBADMSG);
    assert_int_equal(look().there, UP_THERE_NOTHING);
    make("cosmovisor/upgrades/v1");
    assert_int_equal(install(), -EBADMSG);
    assert_int_equal(look().there, UP_THERE_FOLDER);
}

static void
test_what_a_killed_run_has_left_is_removed(void **state)
{
    (void)state;
    make("cosmovisor/.gonka-agent-preload");
    make("cosmovisor/.gonka-agent-preload/bin");
    make("cosmovisor/.gonka-agent-preload/bin/half");
    assert_int_equal(install(), 0);
    assert_int_equal(look().there, UP_THERE_FILE);
    assert_false(is_there("cosmovisor/upgrades/v1/bin/half"));
}

static void
test_cancelled_before_it_is_published(void **state)
{
    int cancel = eventfd(1, EFD_CLOEXEC);

    (void)state;
    assert_int_equal(up_install(&place, from_fd, sum, cancel, why, sizeof(why)), -ECANCELED);
    assert_int_equal(look().there, UP_THERE_NOTHING);
    (void)close(cancel);
}

static void
test_a_file_in_the_way(void **state)
{
    char path[256];

    (void)state;
    assert_int_equal(close(open(path_of("cosmovisor/upgrades", path), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
    assert_int_equal(look().there, UP_THERE_ODD);
    assert_int_equal(install(), -ENOTDIR);
}

static void
test_what_runs_now_is_known(void **state)
{
    char path[256];

    (void)state;
    assert_int_equal(install(), 0);
    assert_false(look().is_current);
    assert_int_equal(symlink("upgrades/v1/", path_of("cosmovisor/current", path)), 0);
    assert_true(look().is_current);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/root/.inference/cosmovisor/upgrades/v1", path), 0);
    assert_true(look().is_current);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("upgrades/v11", path), 0);
    assert_false(look().is_current);
}

static void
test_made_executable(void **state)
{
    char path[256];

    (void)state;
    assert_int_equal(install(), 0);
    assert_int_equal(chmod(up_place_path(&place, path, sizeof(path)), 0600), 0);
    assert_false(look().runnable);
    assert_int_equal(up_make_runnable(&place, why, sizeof(why)), 0);
    assert_true(look().runnable);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(up_make_runnable(&place, why, sizeof(why)), -ENOENT);
}

/* --- heads of programs ---------------------------------------------------------------------------------------------
 */

static int
read_head(const void *data, size_t len, struct up_elf *ret)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    int r;

    assert_int_equal(write(fd, data, len), (ssize_t)len);
    r = up_elf_read(fd, ret, why, sizeof(why));
    (void)close(fd);
    return r;
}

static void
test_this_program_itself(void **state)
{
    int           fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct up_elf elf;

    (void)state;
    assert_int_equal(up_elf_read(fd, &elf, why, sizeof(why)), 0);
    assert_int_equal(strncmp(elf.platform, "linux/", 6), 0);
    assert_int_equal(access(elf.loader, X_OK), 0);
    (void)close(fd);
}

static void
test_broken_heads(void **state)
{
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr part;
    } good = {.head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB},
                       .e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_phoff = sizeof(Elf64_Ehdr),
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 1},
              .part = {.p_type = PT_INTERP, .p_offset = 1u << 30, .p_filesz = 20}},
      bad;
    struct up_elf elf;

    (void)state;
    assert_int_equal(read_head(&good, sizeof(good), &elf), 0);
    assert_string_equal(elf.platform, "linux/amd64");
    assert_string_equal(elf.loader, "");
    assert_int_equal(read_head(&good, sizeof(good) - 1, &elf), -ENOEXEC);
    assert_int_equal(read_head(&good, 10, &elf), -ENOEXEC);
    assert_int_equal(read_head("#!/bin/sh\n", 10, &elf), -ENOEXEC);
    bad = good;
    bad.head.e_ident[EI_CLASS] = ELFCLASS32;
    assert_int_equal(read_head(&bad, sizeof(bad), &elf), -ENOEXEC);
    bad = good;
    bad.head.e_type = ET_REL;
    assert_int_equal(read_head(&bad, sizeof(bad), &elf), -ENOEXEC);
    bad = good;
    bad.head.e_phnum = 60000;
    assert_int_equal(read_head(&bad, sizeof(bad), &elf), -ENOEXEC);
    bad = good;
    bad.head.e_machine = EM_RISCV;
    assert_int_equal(read_head(&bad, sizeof(bad), &elf), 0);
    assert_string_equal(elf.platform, "");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_a_home_without_the_upgrade),
        UNIT(test_no_home_of_cosmovisor_is_unknown_not_empty),
        UNIT(test_installed_and_seen),
        UNIT(test_into_a_folder_that_lacks_it),
        UNIT(test_what_is_not_what_was_verified_is_not_published),
        UNIT(test_what_a_killed_run_has_left_is_removed),
        UNIT(test_cancelled_before_it_is_published),
        UNIT(test_a_file_in_the_way),
        UNIT(test_what_runs_now_is_known),
        UNIT(test_made_executable),
        cmocka_unit_test(test_this_program_itself),
        cmocka_unit_test(test_broken_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

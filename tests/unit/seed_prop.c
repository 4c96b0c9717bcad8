/* seed_prop.c: what the property tests of the seed-manager's editors share, see seed_prop.h. */
#include "tests/unit/seed_prop.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

size_t
chance_below(struct chance *chance, size_t n)
{
    chance->state ^= chance->state << 13;
    chance->state ^= chance->state >> 7;
    chance->state ^= chance->state << 17;
    return (size_t)((chance->state >> 11) % n);
}

const char *
chance_text(struct chance *chance, const char *const *texts, size_t n)
{
    return texts[chance_below(chance, n)];
}

void
chance_join(struct chance *chance, const char *const *pieces, size_t n, char *value, size_t size)
{
    size_t len = 0;

    value[0] = '\0';
    for (size_t left = chance_below(chance, 13); left > 0; left--) {
        int put = snprintf(value + len, size - len, "%s", chance_text(chance, pieces, n));

        assert_true(put >= 0 && (size_t)put < size - len);
        len += (size_t)put;
    }
}

void
prop_folder(char *path, size_t size)
{
    const char *top = getenv("TMPDIR");

    (void)snprintf(path, size, "%s/seed-prop-XXXXXX", top ? top : "/tmp");
    assert_non_null(mkdtemp(path));
}

void
prop_folder_end(const char *path)
{
    DIR           *dir = opendir(path);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    (void)closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

void
prop_write(const char *folder, const char *name, const char *data, size_t len)
{
    char  path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
read_all(int fd, struct edit_bytes *out)
{
    char    part[4096];
    ssize_t n;

    edit_bytes_put(out, "", 0);
    while ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            edit_bytes_put(out, part, (size_t)n);
}

/* posix_spawn() takes argv without const, and does not write to it. */
union arguments {
    const char *const *given;
    char *const       *taken;
};

int
prop_run(const char *const *argv, struct edit_bytes *out)
{
    union arguments            arguments = {argv};
    posix_spawn_file_actions_t actions;
    pid_t                      pid;
    int                        ends[2];
    int                        status = 0;
    int                        r;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[1]), 0);
    r = posix_spawn(&pid, argv[0], &actions, NULL, arguments.taken, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    read_all(ends[0], out);
    (void)close(ends[0]);
    if (r != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
prop_differs_only_in(const struct edit_bytes *before, const struct edit_bytes *after, size_t from, size_t to)
{
    size_t tail = before->len - to;

    return after->len >= from + tail && memcmp(before->data, after->data, from) == 0 &&
           memcmp(before->data + to, after->data + after->len - tail, tail) == 0;
}

int
prop_only_added(const struct edit_bytes *before, const struct edit_bytes *after)
{
    size_t same = 0;

    while (same < before->len && same < after->len && before->data[same] == after->data[same])
        same++;
    return after->len > before->len && prop_differs_only_in(before, after, same, same);
}

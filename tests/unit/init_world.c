/* init_world.c: folders for the tests of `init`. */
#include "tests/unit/init_world.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

int
init_make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/test_init.XXXXXX");
    (void)setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1); /* not that of the machine we run on */
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

int
init_remove_folder(void **state)
{
    struct folder *folder = *state;
    int            r = nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(folder);
    return r;
}

const char *
environment(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value && *value ? value : fallback;
}

const char *
sample(const char *name)
{
    static char paths[2][PATH_MAX];
    static int  at;

    at = !at;
    (void)snprintf(paths[at], PATH_MAX, "%s/tests/deploy/%s", environment("srcdir", "."), name);
    return paths[at];
}

const char *
inside(const struct folder *folder, const char *name)
{
    static char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

void
put(const struct folder *folder, const char *name, const char *text)
{
    FILE *file = fopen(inside(folder, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void
make(const struct folder *folder, const char *name)
{
    assert_int_equal(mkdir(inside(folder, name), 0755), 0);
}

/*
 * init_world.h: folders for the tests of `init`: a new one for each test, and the samples in tests/deploy.
 *
 * The samples lie in tests/deploy below $srcdir.
 */
#ifndef TESTS_INIT_WORLD_H
#define TESTS_INIT_WORLD_H

struct folder {
    char path[64];
};

/* Setup and teardown of a test: *state is a struct folder. No Docker socket is seen in the test. */
int init_make_folder(void **state);
int init_remove_folder(void **state);

/* A variable of the environment, or the fallback when it is not set. */
const char *environment(const char *name, const char *fallback);

/* The path of a sample; static storage, two at once. */
const char *sample(const char *name);

/* A path in the folder; static storage. */
const char *inside(const struct folder *folder, const char *name);

/* Makes a file or a folder in the folder. */
void put(const struct folder *folder, const char *name, const char *text);
void make(const struct folder *folder, const char *name);

#endif

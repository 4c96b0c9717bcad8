/*
 * fakehost_player.h: a plugin whose tasks do what the test says, and a fakehost for it. Asserts of cmocka end the test
 * that calls.
 */
#ifndef FAKEHOST_PLAYER_H
#define FAKEHOST_PLAYER_H

#include "tests/fakehost/fakehost.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Tasks: "play", "look" (read-only), "serve" (resident), "demand" (has arguments). Topic: "disk.low". */
extern const struct ga_plugin plugin;

extern struct fakehost *fh; /* of this test */

/* Setup and teardown of cmocka: fh is made and freed. */
int make(void **state);
int clear(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

typedef int (*play_fn)(struct ga_run *run, const struct ga_host *host);

/* Runs the task with this function. Its outcome. */
int run(play_fn function, const char *task);

void assert_violation(const char *part);     /* the violation has it, and is the summary */
void assert_fine(int outcome, int expected); /* no violation */

#endif

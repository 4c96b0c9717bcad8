/* fakehost_player.c: a plugin whose tasks do what the test says, and a fakehost for it. */
#include "tests/unit/fakehost_player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ga_option options[] = {
    {.key = "text", .type = GA_T_STRING, .dflt = "\"a: text\""},
    {.key = "number", .type = GA_T_INT, .dflt = "42", .min = -10, .max = 100},
    {.key = "flag", .type = GA_T_BOOL},
    {.key = "period", .type = GA_T_DURATION, .dflt = "90s", .min = 1, .max = INT64_MAX},
    {.key = "room", .type = GA_T_SIZE, .dflt = "3GiB"},
    {.key = "vote", .type = GA_T_ENUM, .choices = "yes|no|abstain"},
    {.key = "folder", .type = GA_T_PATH, .flags = GA_READ},
    {.key = "server", .type = GA_T_URL, .choices = "nats:4222|docker"},
    {.key = "token", .type = GA_T_SECRET},
    {.key = "names", .type = GA_T_STRING | GA_T_LIST, .dflt = "[a, b]"},
    {.key = "ages", .type = GA_T_DURATION | GA_T_MAP, .dflt = "{one: 1s, two: 2s}"},
};

static const struct ga_option args[] = {
    {.key = "must", .type = GA_T_INT, .flags = GA_REQUIRED},
    {.key = "number", .type = GA_T_INT},
};

static play_fn play; /* what the task does */

static int
play_it(struct ga_run *run, const struct ga_host *host)
{
    return play(run, host);
}

static const struct ga_task tasks[] = {
    {.name = "play", .summary = "plays", .every = "5m", .on = "disk.* chain.>", .function = play_it},
    {.name = "look", .summary = "looks", .flags = GA_TASK_READ_ONLY, .function = play_it},
    {.name = "serve", .summary = "serves", .flags = GA_TASK_RESIDENT, .function = play_it},
    {.name = "demand", .summary = "has arguments", .n_args = N(args), .args = args, .function = play_it},
};

static const struct ga_topic topics[] = {{.name = "disk.low", .summary = "free: bytes"}};

const struct ga_plugin plugin = {.size = sizeof(plugin),
                                 .abi_major = GA_ABI_MAJOR,
                                 .name = "player",
                                 .version = "1",
                                 .summary = "plays",
                                 .options = options,
                                 .n_options = N(options),
                                 .option_stride = sizeof(*options),
                                 .tasks = tasks,
                                 .n_tasks = N(tasks),
                                 .task_stride = sizeof(*tasks),
                                 .topics = topics,
                                 .n_topics = N(topics),
                                 .topic_stride = sizeof(*topics)};

struct fakehost *fh;

int
make(void **state)
{
    (void)state;
    fh = fakehost_new(&plugin);
    return fh ? 0 : -1;
}

int
clear(void **state)
{
    (void)state;
    fakehost_free(fh);
    return 0;
}

int
run(play_fn function, const char *task)
{
    play = function;
    return fakehost_run(fh, task);
}

void
assert_violation(const char *part)
{
    const char *violation = fakehost_violation(fh);

    if (!violation || !strstr(violation, part))
        fail_msg("'%s' is not in: %s", part, violation ? violation : "(no violation)");
    assert_string_equal(fakehost_summary(fh), violation);
}

void
assert_fine(int outcome, int expected)
{
    if (fakehost_violation(fh))
        fail_msg("violation: %s", fakehost_violation(fh));
    assert_int_equal(outcome, expected);
}

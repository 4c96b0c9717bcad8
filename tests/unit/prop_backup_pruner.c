/*
 * prop_backup_pruner.c: random homes, pruned for real, against a small model of the rules.
 *
 * Usage: prop_backup_pruner [TREES [SEED [FIRST]]]. Each tree depends on the seed and its number only, so a fault is
 * repeated with `prop_backup_pruner 1 SEED NUMBER`. After each run what is gone must be exactly what the model names;
 * everything else, inside and outside the home, must be as it was: names, kinds, owners, sizes, times, contents, links.
 *
 * Where mounts are permitted each tree lies on a filesystem of its own in memory: then free space is known to the byte,
 * and some trees have mounts inside. Elsewhere it lies in /tmp, and free space is either far too little or plenty.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gonka-agent/plugin.h>

#include "prop_backup_pruner.h"
#include "tests/fakehost/fakehost.h"

#define DAY INT64_C(86400)
#define TREES 2000u

/* --- the model -----------------------------------------------------------------------------------------------------
 */

static int
newest_first(const void *a, const void *b)
{
    const struct thing *left = *(const struct thing *const *)a;
    const struct thing *right = *(const struct thing *const *)b;

    if (left->day != right->day)
        return left->day > right->day ? -1 : 1;
    return left->age < right->age ? -1 : 1; /* the generator gives no two the same age */
}

/* Which things go, and how the run ends. This is all that the rules are. */
static int
expect(struct tree *tree)
{
    struct thing *good[THINGS_MAX];
    size_t        n = 0;
    uint64_t      free = tree->free;
    int           any = 0;

    if (tree->upgrading)
        return GA_REFUSED;
    for (size_t i = 0; i < tree->n_things; i++)
        if (tree->things[i].sort == RECENT || tree->things[i].sort == OPEN || tree->things[i].sort == GROWING)
            return GA_REFUSED;
    for (size_t i = 0; i < tree->n_things; i++) {
        struct thing *thing = &tree->things[i];

        if (thing->sort == GOOD)
            good[n++] = thing;
        if (thing->sort == TOMB) {
            thing->goes = any = 1;
            free += thing->frees;
        }
    }
    qsort(good, n, sizeof(*good), newest_first);
    for (size_t i = n; i-- > tree->keep;) {
        int old = tree->max_age > 0 && tree->now - (good[i]->day + 1) * DAY > tree->max_age;
        int tight = tree->min_free > 0 && free < tree->min_free;

        if (old || tight || (tree->max_age == 0 && tree->min_free == 0)) {
            good[i]->goes = any = 1;
            free += good[i]->frees;
        }
    }
    if (tree->min_free > 0 && free < tree->min_free)
        return GA_REFUSED;
    return any ? GA_CHANGED : GA_OK;
}

/* --- one tree ------------------------------------------------------------------------------------------------------
 */

/* Writes into a copy until it is killed, and hides it by setting the time back. */
static pid_t
start_growing(const struct tree *tree, const char *path)
{
    int   ready[2];
    char  byte;
    pid_t pid;

    if (pipe2(ready, O_CLOEXEC) < 0)
        die(tree, "no pipe");
    pid = fork();
    if (pid == 0) {
        for (;;) {
            struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
            struct timespec nap = {.tv_nsec = 30000000}; /* mostly it looks quiet: only the second look can tell */
            int             fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

            if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, lseek(fd, 0, SEEK_CUR) % 3000) < 0)
                _exit(1);
            (void)close(fd);
            (void)utimensat(AT_FDCWD, path, times, 0);
            (void)!write(ready[1], "x", ready[1] >= 0);
            if (ready[1] >= 0)
                (void)close(ready[1]);
            ready[1] = -1;
            (void)nanosleep(&nap, NULL);
        }
    }
    (void)close(ready[1]);
    if (pid < 0 || read(ready[0], &byte, 1) != 1)
        die(tree, "nothing grows");
    (void)close(ready[0]);
    return pid;
}

static void
set(const struct tree *tree, struct fakehost *host, const char *key, const char *text)
{
    if (fakehost_set(host, key, text) < 0)
        die(tree, fakehost_violation(host));
}

static void
set_number(const struct tree *tree, struct fakehost *host, const char *key, uint64_t value, const char *unit)
{
    char text[40];

    (void)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)value, unit);
    set(tree, host, key, text);
}

static int
prune(const struct tree *tree, char *summary, size_t len)
{
    struct fakehost *host = fakehost_new(&ga_plugin_v1);
    char             homes[160];
    pid_t            growing = -1;
    int              open_fd = -1;
    int              outcome;

    if (!host)
        die(tree, "no memory");
    (void)snprintf(homes, sizeof(homes), "[%s]", tree->home);
    set(tree, host, "homes", homes);
    set(tree, host, "idle_io", "false");
    set(tree, host, "look_again", tree->growing[0] ? "300ms" : "0s");
    set_number(tree, host, "keep", tree->keep, "");
    if (tree->max_age > 0)
        set_number(tree, host, "max_age", (uint64_t)tree->max_age, "s");
    if (tree->min_free > 0)
        set_number(tree, host, "min_free", tree->min_free, "B");
    fakehost_dry_run(host, tree->dry_run);
    if (tree->growing[0])
        growing = start_growing(tree, tree->growing);
    if (tree->opened[0])
        open_fd = open(tree->opened, O_RDONLY | O_CLOEXEC);
    outcome = fakehost_run(host, "prune");
    if (fakehost_violation(host))
        die(tree, fakehost_violation(host));
    (void)snprintf(summary, len, "%s", fakehost_summary(host));
    fakehost_free(host);
    if (open_fd >= 0)
        (void)close(open_fd);
    if (growing > 0) {
        (void)kill(growing, SIGKILL);
        (void)waitpid(growing, NULL, 0);
    }
    return outcome;
}

/* 0, or 1 with the fault printed. */
static int
try_tree(struct tree *tree)
{
    struct snapshot before;
    struct snapshot after;
    char            summary[1200];
    int             expected;
    int             outcome;
    int             faults;

    grow_tree(tree);
    expected = expect(tree);
    snapshot_take(tree, &before);
    outcome = prune(tree, summary, sizeof(summary));
    snapshot_take(tree, &after);
    faults = snapshot_compare(tree, &before, &after);
    /* a growing copy is found only when something would go otherwise, or when it is caught open */
    if (outcome != expected && !tree->growing[0]) {
        (void)fprintf(stderr, "outcome %d, expected %d\n", outcome, expected);
        faults++;
    }
    if (faults) {
        (void)fprintf(stderr, "tree %llu of seed %llu: %s\n", (unsigned long long)tree->number,
                      (unsigned long long)tree->seed, summary);
        describe_tree(tree);
    }
    snapshot_done(&before);
    snapshot_done(&after);
    fell_tree(tree);
    return faults > 0;
}

/* --- all -----------------------------------------------------------------------------------------------------------
 */

static uint64_t
argument(int argc, char **argv, int i, uint64_t fallback)
{
    char              *end;
    unsigned long long value;

    if (i >= argc)
        return fallback;
    errno = 0;
    value = strtoull(argv[i], &end, 10);
    if (errno != 0 || *end != '\0' || argv[i][0] == '-') {
        (void)fprintf(stderr, "usage: prop_backup_pruner [TREES [SEED [FIRST]]], '%s' is no number\n", argv[i]);
        exit(2);
    }
    return value;
}

int
main(int argc, char **argv)
{
    char    *fewer = getenv("GA_TEST_TREES"); /* for who has done the rest elsewhere */
    uint64_t trees = argument(argc, argv, 1, fewer ? strtoull(fewer, NULL, 10) : TREES);
    uint64_t seed = argument(argc, argv, 2, (uint64_t)time(NULL));
    uint64_t first = argument(argc, argv, 3, 0);
    int      mounts = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    char     place[] = "/tmp/ga-prop-XXXXXX";
    uint64_t faults = 0;
    uint64_t deleted = 0;
    uint64_t done = 0;

    (void)printf("prop_backup_pruner: seed %llu, %llu trees%s\n", (unsigned long long)seed, (unsigned long long)trees,
                 mounts ? "" : ", no mounts permitted");
    (void)fflush(stdout);
    if (!mkdtemp(place)) {
        (void)fprintf(stderr, "prop_backup_pruner: no folder in /tmp: %m\n");
        return 2;
    }
    for (; done < trees && faults < 3; done++) {
        struct tree *tree = calloc(1, sizeof(*tree));

        if (!tree)
            break;
        tree->seed = seed;
        tree->number = first + done;
        tree->mounts = mounts;
        (void)snprintf(tree->place, sizeof(tree->place), "%s", place);
        faults += (uint64_t)try_tree(tree);
        for (size_t i = 0; i < tree->n_things; i++)
            deleted += (uint64_t)(tree->things[i].goes && !tree->dry_run);
        free(tree);
    }
    (void)rmdir(place);
    (void)printf("prop_backup_pruner: %llu trees, %llu copies deleted, %llu faults, seed %llu\n",
                 (unsigned long long)done, (unsigned long long)deleted, (unsigned long long)faults,
                 (unsigned long long)seed);
    return faults > 0 || done < trees;
}

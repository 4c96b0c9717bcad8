/*
 * bench_remove.c: removal by handle beside `rm -rf`, on equal trees in one run.
 *
 * Usage: bench_remove [FILES [ROUNDS [FOLDER]]], by default 200000 files, 3 rounds, in /tmp. Rounds alternate who is
 * first; caches are flushed before each removal (sync), so that neither pays for the other's writes. Prints each time
 * and one line with the ratio of the medians. Exit 0 when it is at most 1.1, else 1; 2 when it could not measure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit/remove.h"

#define PER_FOLDER 200u
#define ROUNDS_MAX 21u
#define LIMIT 1.1

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
put_file(int dir, unsigned i)
{
    static const char block[4096];
    char              name[24];
    int               fd;
    int               ok;

    (void)snprintf(name, sizeof(name), "%06u.ldb", i);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ok = fd >= 0 && write(fd, block, sizeof(block)) == (ssize_t)sizeof(block);
    if (fd >= 0)
        (void)close(fd);
    return ok ? 0 : -1;
}

/* A tree as a database leaves it: folders of 200 files of one block each. */
static int
put_tree(int home, const char *name, unsigned files)
{
    int root;
    int r = 0;

    if (mkdirat(home, name, 0755) < 0)
        return -1;
    root = openat(home, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < files && r == 0; i += PER_FOLDER) {
        char folder[24];
        int  dir;

        (void)snprintf(folder, sizeof(folder), "d%05u", i / PER_FOLDER);
        r = mkdirat(root, folder, 0755);
        dir = openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (unsigned k = i; k < i + PER_FOLDER && k < files && r == 0; k++)
            r = put_file(dir, k);
        if (dir >= 0)
            (void)close(dir);
    }
    if (root >= 0)
        (void)close(root);
    return r;
}

static int
remove_by_rm(const char *home, const char *name)
{
    char  path[160];
    int   status;
    pid_t pid;

    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* In a process of its own, as rm is. */
static int
remove_by_handle(int home_fd, const char *name)
{
    int   status;
    pid_t pid = fork();

    if (pid == 0) {
        struct ga_removed done;

        _exit(ga_remove_tree(home_fd, name, NULL, &done) == 0 ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Makes a tree, lets it reach the disk, and times its removal. Negative: could not. */
static double
measure(const char *home, int home_fd, unsigned files, int by_rm)
{
    double start;
    double end;

    if (put_tree(home_fd, "tree", files) < 0)
        return -1;
    sync();
    start = seconds();
    if ((by_rm ? remove_by_rm(home, "tree") : remove_by_handle(home_fd, "tree")) < 0)
        return -1;
    end = seconds();
    sync();
    return end - start;
}

static int
by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double
median(double *values, unsigned n)
{
    qsort(values, n, sizeof(*values), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static unsigned
number(const char *text, unsigned fallback, unsigned max)
{
    char         *end;
    unsigned long value;

    if (!text)
        return fallback;
    errno = 0;
    value = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && value > 0 && value <= max ? (unsigned)value : 0;
}

int
main(int argc, char **argv)
{
    unsigned files = number(argc > 1 ? argv[1] : NULL, 200000, 10000000);
    unsigned rounds = number(argc > 2 ? argv[2] : NULL, 3, ROUNDS_MAX);
    double   times[2][ROUNDS_MAX];
    double   ours;
    double   theirs;
    char     home[128];
    int      home_fd;
    int      failed = 0;

    (void)snprintf(home, sizeof(home), "%.100s/bench-remove-XXXXXX", argc > 3 ? argv[3] : "/tmp");
    if (files == 0 || rounds == 0 || !mkdtemp(home)) {
        (void)fprintf(stderr, "bench_remove: cannot start in '%s' (usage: bench_remove [FILES [ROUNDS [FOLDER]]])\n",
                      home);
        return 2;
    }
    home_fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < 2 * rounds && !failed; i++) {
        int    by_rm = (int)((i + i / 2) % 2); /* ours, rm, rm, ours, ours, rm ... */
        double took = measure(home, home_fd, files, by_rm);

        failed = took < 0;
        times[by_rm][i / 2] = took;
        (void)printf("%-6s %u files  %7.3f s\n", by_rm ? "rm -rf" : "ours", files, took);
        (void)fflush(stdout);
    }
    (void)close(home_fd);
    if (remove_by_rm(home, "") < 0 || failed) {
        (void)fprintf(stderr, "bench_remove: could not measure in '%s': is the disk full?\n", home);
        return 2;
    }
    ours = median(times[0], rounds);
    theirs = median(times[1], rounds);
    (void)printf("remove: %u files, medians of %u: ours %.3f s, rm -rf %.3f s, ratio %.2f (limit %.1f)\n", files,
                 rounds, ours, theirs, ours / theirs, LIMIT);
    return ours / theirs <= LIMIT ? 0 : 1;
}

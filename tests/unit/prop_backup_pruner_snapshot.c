/* prop_backup_pruner_snapshot.c: pictures of a tree, and what changed between two. */
#include "prop_backup_pruner.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* nftw() has no argument for callers; the test has one thread */
static const struct tree *walk_tree;
static struct snapshot   *walk_snapshot;

static uint64_t
contents(const char *path)
{
    unsigned char block[4096];
    uint64_t      hash = UINT64_C(0xcbf29ce484222325);
    int           fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t       n;

    if (fd < 0)
        die(walk_tree, path);
    while ((n = read(fd, block, sizeof(block))) > 0)
        for (ssize_t i = 0; i < n; i++)
            hash = (hash ^ block[i]) * UINT64_C(0x100000001b3);
    (void)close(fd);
    return hash;
}

static int
add_line(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct snapshot *snapshot = walk_snapshot;
    int64_t          changed = st->st_mtim.tv_sec;
    char             target[300] = "";
    char            *line;

    (void)kind;
    (void)ftw;
    if (strcmp(path, walk_tree->growing) == 0)
        return 0;
    if (strcmp(path, walk_tree->home) == 0)
        changed = 0; /* names went from it */
    if (S_ISLNK(st->st_mode) && readlink(path, target, sizeof(target) - 1) < 0)
        return -1;
    if (asprintf(&line, "%s\t%o\t%u\t%lld\t%lld\t%llx\t%s", path, st->st_mode, st->st_uid,
                 S_ISREG(st->st_mode) ? (long long)st->st_size : 0, (long long)changed,
                 S_ISREG(st->st_mode) ? (unsigned long long)contents(path) : 0, target) < 0)
        return -1;
    if (snapshot->n == snapshot->cap) {
        snapshot->cap = snapshot->cap ? snapshot->cap * 2 : 256;
        snapshot->lines = reallocarray(snapshot->lines, snapshot->cap, sizeof(*snapshot->lines));
        if (!snapshot->lines)
            die(walk_tree, "no memory");
    }
    snapshot->lines[snapshot->n++] = line;
    return 0;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void
snapshot_take(const struct tree *tree, struct snapshot *ret)
{
    *ret = (struct snapshot){.n = 0};
    walk_tree = tree;
    walk_snapshot = ret;
    if (nftw(tree->place, add_line, 32, FTW_PHYS) != 0)
        die(tree, "a picture");
    qsort(ret->lines, ret->n, sizeof(*ret->lines), by_text);
}

void
snapshot_done(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n; i++)
        free(snapshot->lines[i]);
    free(snapshot->lines);
}

/* Is the line of something that the model lets go, or that lies in it? */
static int
is_to_go(const struct tree *tree, const char *line)
{
    size_t home = strlen(tree->home);

    if (tree->dry_run || strncmp(line, tree->home, home) != 0 || line[home] != '/')
        return 0;
    for (size_t i = 0; i < tree->n_things; i++) {
        size_t len = strlen(tree->things[i].name);

        if (tree->things[i].goes && strncmp(line + home + 1, tree->things[i].name, len) == 0 &&
            (line[home + 1 + len] == '/' || line[home + 1 + len] == '\t'))
            return 1;
    }
    return 0;
}

static int
complain(const char *what, const char *line)
{
    (void)fprintf(stderr, "%s: %s\n", what, line);
    return 1;
}

int
snapshot_compare(const struct tree *tree, const struct snapshot *before, const struct snapshot *after)
{
    size_t a = 0;
    size_t b = 0;
    int    faults = 0;

    while (a < before->n || b < after->n) {
        int order = a == before->n ? 1 : b == after->n ? -1 : strcmp(before->lines[a], after->lines[b]);

        if (order == 0 && is_to_go(tree, before->lines[a]))
            faults += complain("still there", before->lines[a]);
        if (order < 0 && !is_to_go(tree, before->lines[a]))
            faults += complain("gone or different", before->lines[a]);
        if (order > 0)
            faults += complain("new or different", after->lines[b]);
        a += order <= 0;
        b += order >= 0;
    }
    return faults;
}

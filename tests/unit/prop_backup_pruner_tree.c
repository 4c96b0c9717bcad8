/* prop_backup_pruner_tree.c: random homes. */
#include "prop_backup_pruner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define DAY INT64_C(86400)
#define PARTS_MAX 4u

static const char *const part_names[PARTS_MAX] = {"application.db", "state.db", "snapshots", "wasm"};

void
die(const struct tree *tree, const char *what)
{
    (void)fprintf(stderr, "prop_backup_pruner: tree %llu of seed %llu: cannot be built: %s: %m\n",
                  (unsigned long long)tree->number, (unsigned long long)tree->seed, what);
    exit(2);
}

/* splitmix64: any seed is good, neighbours are independent. */
static uint64_t
draw(struct tree *tree, uint64_t below)
{
    uint64_t z = tree->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static int
one_in(struct tree *tree, uint64_t n)
{
    return draw(tree, n) == 0;
}

/* --- files ---------------------------------------------------------------------------------------------------------
 */

static void
put_file(const struct tree *tree, const char *path, size_t size)
{
    static const char block[8192] = "block";
    int               fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0)
        die(tree, path);
    while (size > 0) {
        size_t n = size < sizeof(block) ? size : sizeof(block);

        if (write(fd, block, n) != (ssize_t)n)
            die(tree, path);
        size -= n;
    }
    (void)close(fd);
}

static void
put_text(const struct tree *tree, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        die(tree, path);
    (void)close(fd);
}

static void
put_folder(const struct tree *tree, const char *path)
{
    if (mkdir(path, 0755) < 0)
        die(tree, path);
}

static int64_t  walk_time;
static uint64_t walk_frees;

static int
age_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct timespec times[2] = {{.tv_sec = walk_time}, {.tv_sec = walk_time}};

    (void)kind;
    (void)ftw;
    if (S_ISDIR(st->st_mode) || st->st_nlink == 1)
        walk_frees += (uint64_t)st->st_blocks * 512;
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/* Sets all times below a path; returns the bytes that removing it would free. */
static uint64_t
put_age(const struct tree *tree, const char *path, int64_t age)
{
    walk_time = tree->now - age;
    walk_frees = 0;
    if (nftw(path, age_one, 32, FTW_PHYS | FTW_DEPTH) != 0)
        die(tree, path);
    return walk_frees;
}

/* --- copies --------------------------------------------------------------------------------------------------------
 */

/* Odd things that a copy may hold, and that must neither stop its deletion nor lead out of it. */
static void
put_oddities(struct tree *tree, const char *folder)
{
    char path[400];
    char target[200];

    if (one_in(tree, 3)) {
        (void)snprintf(path, sizeof(path), "%s/link", folder);
        (void)snprintf(target, sizeof(target), "%s/outside", tree->place);
        if (symlink(one_in(tree, 2) ? target : "../../../outside", path) < 0)
            die(tree, path);
    }
    if (one_in(tree, 3)) {
        (void)snprintf(path, sizeof(path), "%s/b\xff\n\\", folder);
        put_file(tree, path, draw(tree, 100));
    }
    if (one_in(tree, 4)) {
        (void)snprintf(path, sizeof(path), "%s/hard", folder);
        (void)snprintf(target, sizeof(target), "%s/outside/shared-%u", tree->place, tree->n_shared++);
        put_file(tree, target, 5000);
        if (link(target, path) < 0)
            die(tree, path);
    }
    if (one_in(tree, 5)) {
        (void)snprintf(path, sizeof(path), "%s/fifo", folder);
        if (mkfifo(path, 0600) < 0)
            die(tree, path);
    }
    if (one_in(tree, 4)) {
        (void)snprintf(path, sizeof(path), "%s/deep", folder);
        for (uint64_t i = draw(tree, 10) + 1; i > 0; i--) {
            put_folder(tree, path);
            (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/d");
        }
        put_file(tree, path, 10);
    }
}

/* One part of data/ or of a copy. */
static void
put_part(struct tree *tree, const char *folder, unsigned i, size_t size, enum sort sort)
{
    char path[300];
    char file[400];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, part_names[i]);
    put_folder(tree, path);
    if (sort == EMPTIED && i == 0)
        return;
    (void)snprintf(file, sizeof(file), "%s/000001.ldb", path);
    put_file(tree, file, size);
    if (strstr(part_names[i], ".db")) {
        (void)snprintf(file, sizeof(file), "%s/CURRENT", path);
        put_text(tree, file, "MANIFEST-000009\n");
        (void)snprintf(file, sizeof(file), "%s/MANIFEST-000009", path);
        if (sort != NO_MANIFEST || i > 0)
            put_file(tree, file, 64);
    }
    if (sort != N_SORTS && sort != THIN)
        put_oddities(tree, path);
}

/* N_SORTS makes data/ itself. */
static void
put_data(struct tree *tree, const char *folder, enum sort sort)
{
    size_t size = tree->part_size;

    if (sort == THIN)
        size = size * 3 / 10;
    else if (sort != N_SORTS)
        size = size * (70 + draw(tree, 80)) / 100;
    put_folder(tree, folder);
    for (unsigned i = 0; i < tree->n_parts; i++)
        if (sort != LACKING || i > 0)
            put_part(tree, folder, i, size, sort);
}

static void
name_thing(struct tree *tree, struct thing *thing)
{
    static const char *const bad[] = {"",          "2025-13-45", "2025-2-30", "x",         "2025-1",
                                      "2025-1-1x", "25-1-1",     "\xff\xfe",  "2025-1\n-1"};
    static const char *const suffixes[] = {"", "", "", ".old", "-2", "_v0.2.5", "-10"};
    time_t                   day = (time_t)(thing->day * DAY);
    struct tm                tm;

    if (thing->sort == NO_DATE) {
        (void)snprintf(thing->name, sizeof(thing->name), "data-backup-%s", bad[draw(tree, sizeof(bad) / sizeof(*bad))]);
        return;
    }
    if (!gmtime_r(&day, &tm))
        die(tree, "a day");
    (void)snprintf(thing->name, sizeof(thing->name),
                   one_in(tree, 3) ? "%sdata-backup-%04d-%02d-%02d%s" : "%sdata-backup-%d-%d-%d%s",
                   thing->sort == TOMB || thing->sort == TOMB_BAD ? ".ga-tombstone-" : "", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, suffixes[draw(tree, sizeof(suffixes) / sizeof(*suffixes))]);
}

static void
bind_outside(const struct tree *tree, const char *path)
{
    char outside[128];

    (void)snprintf(outside, sizeof(outside), "%s/outside", tree->place);
    if (mount(outside, path, NULL, MS_BIND, NULL) < 0)
        die(tree, path);
}

/* What is done to a copy after its times were set. */
static void
spoil(struct tree *tree, const struct thing *thing, const char *path)
{
    char inner[512];

    (void)snprintf(inner, sizeof(inner), "%s/%s", path, part_names[0]);
    switch (thing->sort) {
    case RECENT:
        (void)put_age(tree, inner, (int64_t)draw(tree, 500));
        break;
    case OTHER_OWNER:
        if (chown(path, 4321, (gid_t)-1) < 0)
            die(tree, path);
        break;
    case OPEN:
        (void)snprintf(tree->opened, sizeof(tree->opened), "%.450s/000001.ldb", inner);
        break;
    case GROWING:
        (void)snprintf(tree->growing, sizeof(tree->growing), "%.450s/000001.ldb", inner);
        break;
    case IS_MOUNT:
        bind_outside(tree, path);
        break;
    case MOUNT_INSIDE: /* where nothing is missed when it is not entered */
        (void)snprintf(inner, sizeof(inner), "%s/%s/mounted", path, part_names[0]);
        put_folder(tree, inner);
        (void)put_age(tree, path, thing->age);
        bind_outside(tree, inner);
        break;
    default:
        break;
    }
}

static void
put_thing(struct tree *tree, struct thing *thing)
{
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/%s", tree->home, thing->name);
    if (thing->sort == IS_FILE || thing->sort == TOMB_BAD)
        put_file(tree, path, 100);
    else if (thing->sort == IS_LINK && symlink(one_in(tree, 2) ? "data" : "../outside", path) < 0)
        die(tree, path);
    else if (thing->sort != IS_LINK)
        put_data(tree, path, thing->sort);
    thing->frees = put_age(tree, path, thing->age);
    spoil(tree, thing, path);
}

static enum sort
draw_sort(struct tree *tree)
{
    enum sort sort = one_in(tree, 2) ? GOOD : (enum sort)draw(tree, TOMB_BAD + 1);

    if (one_in(tree, 60))
        sort = (enum sort)(RECENT + draw(tree, 2));
    if (one_in(tree, 400) && !tree->growing[0])
        sort = GROWING;
    if ((sort == MOUNT_INSIDE || sort == IS_MOUNT) && !tree->mounts)
        sort = LACKING;
    if (sort == OTHER_OWNER && geteuid() != 0)
        sort = IS_FILE;
    if (sort == LACKING && tree->n_parts == 1)
        sort = THIN;
    return sort;
}

static void
add_thing(struct tree *tree)
{
    struct thing *thing = &tree->things[tree->n_things];

    *thing = (struct thing){.sort = draw_sort(tree)};
    thing->day = tree->now / DAY - 1 - (int64_t)draw(tree, one_in(tree, 2) ? 5 : 400);
    if (thing->sort == FUTURE)
        thing->day = tree->now / DAY + 2 + (int64_t)draw(tree, 400);
    /* no two alike, in no order of the names */
    thing->age = 7200 + (int64_t)draw(tree, 10000) * (int64_t)THINGS_MAX + (int64_t)tree->n_things;
    name_thing(tree, thing);
    for (size_t i = 0; i < tree->n_things; i++)
        if (strcmp(tree->things[i].name, thing->name) == 0)
            return;
    put_thing(tree, thing);
    tree->n_things++;
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static void
put_host(struct tree *tree)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/outside", tree->place);
    put_folder(tree, path);
    (void)snprintf(path, sizeof(path), "%s/outside/precious", tree->place);
    put_file(tree, path, 5000);
    put_folder(tree, tree->home);
    (void)snprintf(path, sizeof(path), "%s/config", tree->home);
    put_folder(tree, path);
    (void)snprintf(path, sizeof(path), "%s/data", tree->home);
    put_data(tree, path, N_SORTS);
    if (one_in(tree, 10))
        return; /* never upgraded, or not run by cosmovisor */
    (void)snprintf(path, sizeof(path), "%s/data/upgrade-info.json", tree->home);
    put_text(tree, path, "{\"name\":\"v0.2.5\",\"height\":1501000}");
    (void)put_age(tree, path, 3600);
    (void)snprintf(path, sizeof(path), "%s/cosmovisor", tree->home);
    put_folder(tree, path);
    (void)snprintf(path, sizeof(path), "%s/cosmovisor/current", tree->home);
    if (symlink("upgrades/v0.2.5", path) < 0)
        die(tree, path);
    tree->upgrading = one_in(tree, 20);
    (void)put_age(tree, path, tree->upgrading ? 3601 : 3600);
}

static void
draw_rules(struct tree *tree)
{
    uint64_t       sum = 1;
    struct statvfs fs;

    tree->keep = 1 + draw(tree, 3);
    if (one_in(tree, 3) &&
        tree->n_things > 0) { /* half of them at the border of a copy's age, a minute to either side */
        int64_t border =
            tree->now - (tree->things[draw(tree, tree->n_things)].day + 1) * DAY + (one_in(tree, 2) ? 60 : -60);

        tree->max_age = one_in(tree, 2) && border > 0 ? border : (int64_t)(1 + draw(tree, 300)) * DAY + 1;
    }
    if (statvfs(tree->home, &fs) < 0)
        die(tree, tree->home);
    tree->free = (uint64_t)fs.f_bavail * fs.f_frsize;
    for (size_t i = 0; i < tree->n_things; i++)
        sum += tree->things[i].frees;
    if (one_in(tree, 2))
        tree->min_free = tree->mounts      ? tree->free + draw(tree, sum + sum / 4)
                         : one_in(tree, 2) ? 1
                                           : UINT64_C(1) << 60;
    tree->dry_run = one_in(tree, 10);
}

void
grow_tree(struct tree *tree)
{
    tree->random = tree->seed * UINT64_C(1000003) + tree->number;
    tree->now = time(NULL);
    if (tree->mounts && mount("tmpfs", tree->place, "tmpfs", 0, "size=64m,mode=0755") < 0)
        die(tree, "a filesystem in memory");
    (void)snprintf(tree->home, sizeof(tree->home), "%s/home", tree->place);
    tree->n_parts = 1 + (unsigned)draw(tree, PARTS_MAX);
    tree->part_size = 2000 + (unsigned)draw(tree, 30000);
    put_host(tree);
    for (uint64_t n = draw(tree, THINGS_MAX + 1); n > 0; n--)
        add_thing(tree);
    draw_rules(tree);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    return ftw->level == 0 ? 0 : remove(path);
}

void
fell_tree(const struct tree *tree)
{
    if (tree->mounts ? umount2(tree->place, MNT_DETACH) < 0
                     : nftw(tree->place, remove_one, 32, FTW_PHYS | FTW_DEPTH) != 0)
        die(tree, "and not be removed");
}

void
describe_tree(const struct tree *tree)
{
    static const char *const sorts[] = {"good",         "lacking",  "thin",   "emptied", "no manifest", "future",
                                        "mount inside", "mount",    "file",   "link",    "no date",     "other owner",
                                        "tomb",         "bad tomb", "recent", "open",    "growing"};

    (void)fprintf(stderr, "  keep %llu, max_age %lld s, min_free %llu (free %llu)%s%s\n",
                  (unsigned long long)tree->keep, (long long)tree->max_age, (unsigned long long)tree->min_free,
                  (unsigned long long)tree->free, tree->upgrading ? ", upgrading" : "",
                  tree->dry_run ? ", dry run" : "");
    for (size_t i = 0; i < tree->n_things; i++)
        (void)fprintf(stderr, "  %-12s age %7lld, frees %7llu, %s  %s\n", sorts[tree->things[i].sort],
                      (long long)tree->things[i].age, (unsigned long long)tree->things[i].frees,
                      tree->things[i].goes ? "goes" : "stays", tree->things[i].name);
}

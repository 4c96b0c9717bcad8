/* test_backup_pruner_world.c: real homes in a temporary folder, and runs of the plugin's tasks on them. */
#include "test_backup_pruner_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "kit/json.h"
#include "tests/fakehost/fakehost.h"

#define QUIET 7200 /* seconds since anything changed in what is made here */
#define DATABASE 3u

void
full_path(const struct world *world, const char *where, char *ret, size_t len)
{
    assert_true(snprintf(ret, len, "%s/%s", world->path, where) < (int)len);
}

/* --- making --------------------------------------------------------------------------------------------------------
 */

/* Makes all folders on the way to `path`, which begins with the world's own. */
static void
put_way(const struct world *world, const char *path)
{
    char way[512];

    (void)snprintf(way, sizeof(way), "%s", path);
    for (char *slash = strchr(way + strlen(world->path) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(way, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void
put_folder(const struct world *world, const char *where)
{
    char path[512];

    full_path(world, where, path, sizeof(path));
    put_way(world, path);
    assert_int_equal(mkdir(path, 0755), 0);
}

static int
open_new(const struct world *world, const char *where)
{
    char path[512];
    int  fd;

    full_path(world, where, path, sizeof(path));
    put_way(world, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

void
put_file(const struct world *world, const char *where, size_t size)
{
    static const char block[4096] = "block";
    int               fd = open_new(world, where);

    for (size_t left = size; left > 0;) {
        size_t n = left < sizeof(block) ? left : sizeof(block);

        assert_int_equal(write(fd, block, n), n);
        left -= n;
    }
    (void)close(fd);
}

void
put_text(const struct world *world, const char *where, const char *text)
{
    int fd = open_new(world, where);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

void
put_link(const struct world *world, const char *where, const char *target)
{
    char path[512];

    full_path(world, where, path, sizeof(path));
    put_way(world, path);
    assert_int_equal(symlink(target, path), 0);
}

static int64_t age_of_walk; /* nftw() has no argument for callers; tests have one thread */

static int
age_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct timespec times[2];

    (void)st;
    (void)kind;
    (void)ftw;
    (void)clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= age_of_walk;
    times[1] = times[0];
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

void
put_age(const struct world *world, const char *where, int64_t seconds)
{
    char path[512];

    full_path(world, where, path, sizeof(path));
    age_of_walk = seconds;
    assert_int_equal(nftw(path, age_one, 16, FTW_PHYS | FTW_DEPTH), 0);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void
take_away(const struct world *world, const char *where)
{
    char path[512];

    full_path(world, where, path, sizeof(path));
    assert_int_equal(nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH), 0);
}

/* What the chain's node leaves in its data folder: databases, and files. */
static void
put_data(const struct world *world, const char *where)
{
    static const char *const databases[DATABASE] = {"application.db", "blockstore.db", "state.db"};
    char                     path[400];

    for (size_t i = 0; i < DATABASE; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s/000002.ldb", where, databases[i]);
        put_file(world, path, 20000);
        (void)snprintf(path, sizeof(path), "%s/%s/CURRENT", where, databases[i]);
        put_text(world, path, "MANIFEST-000001\n");
        (void)snprintf(path, sizeof(path), "%s/%s/MANIFEST-000001", where, databases[i]);
        put_file(world, path, 50);
    }
    (void)snprintf(path, sizeof(path), "%s/priv_validator_state.json", where);
    put_text(world, path, "{\"height\": \"1501000\"}");
    (void)snprintf(path, sizeof(path), "%s/upgrade-info.json", where);
    put_text(world, path, "{\"name\":\"v0.2.5\",\"height\":1501000}");
    put_age(world, where, QUIET);
}

void
put_copy(const struct world *world, const char *home, const char *name)
{
    char where[384];

    (void)snprintf(where, sizeof(where), "%s/%s", home, name);
    put_data(world, where);
}

void
put_home(const struct world *world, const char *where)
{
    char path[384];

    (void)snprintf(path, sizeof(path), "%s/data", where);
    put_data(world, path);
    (void)snprintf(path, sizeof(path), "%s/cosmovisor/upgrades/v0.2.5/bin/inferenced", where);
    put_file(world, path, 5000);
    (void)snprintf(path, sizeof(path), "%s/cosmovisor/current", where);
    put_link(world, path, "upgrades/v0.2.5");
    put_age(world, path, QUIET - 60); /* the upgrade ended */
}

int
is_there(const struct world *world, const char *where)
{
    char        path[512];
    struct stat st;

    full_path(world, where, path, sizeof(path));
    return lstat(path, &st) == 0;
}

const char *
name_of_day(int64_t days_ago, char *ret, size_t len)
{
    time_t    day = time(NULL) - (time_t)days_ago * 86400;
    struct tm tm;

    assert_non_null(gmtime_r(&day, &tm));
    (void)snprintf(ret, len, "data-backup-%d-%d-%d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    return ret;
}

/* --- runs ----------------------------------------------------------------------------------------------------------
 */

void
set(struct world *world, const char *key, const char *value)
{
    if (fakehost_set(world->host, key, value) < 0)
        fail_msg("%s", fakehost_violation(world->host));
}

int
run_task(struct world *world, const char *task)
{
    const char *result;
    char        error[128];
    int         outcome;

    fakehost_dry_run(world->host, world->dry_run);
    fakehost_refuse(world->host, 0, world->refuse_acts);
    if (world->cancelled)
        fakehost_cancel(world->host);
    outcome = fakehost_run(world->host, task);
    if (fakehost_violation(world->host))
        fail_msg("%s", fakehost_violation(world->host));
    result = fakehost_result(world->host);
    cJSON_Delete(world->result);
    world->result = NULL;
    if (result) {
        world->result = ga_json_parse(result, strlen(result), error, sizeof(error));
        assert_non_null(world->result);
    }
    return outcome;
}

const char *
summary(const struct world *world)
{
    return fakehost_summary(world->host);
}

size_t
n_acts(const struct world *world)
{
    return fakehost_n_acts(world->host);
}

const char *
act_verb(const struct world *world, size_t i)
{
    return fakehost_act(world->host, i)->verb;
}

const char *
act_object(const struct world *world, size_t i)
{
    return fakehost_act(world->host, i)->object;
}

int
act_closed_ok(const struct world *world, size_t i)
{
    return fakehost_act(world->host, i)->ok;
}

size_t
n_events(const struct world *world)
{
    return fakehost_n_events(world->host);
}

const char *
event_topic(const struct world *world, size_t i)
{
    return fakehost_emitted(world->host, i)->topic;
}

const char *
event_payload(const struct world *world, size_t i)
{
    return fakehost_emitted(world->host, i)->payload;
}

/* The member `key` of the object in `array` whose member `by` is, or ends with, `name`. */
static const char *
find(const cJSON *array, const char *by, const char *name, const char *key)
{
    const cJSON *object;

    cJSON_ArrayForEach(object, array)
    {
        const char *value = ga_json_str(object, by);
        size_t      len = value ? strlen(value) : 0;

        if (len >= strlen(name) && strcmp(value + len - strlen(name), name) == 0 &&
            (len == strlen(name) || *name == '/'))
            return ga_json_str(object, key);
    }
    return NULL;
}

const char *
said_of_copy(const struct world *world, const char *shown, const char *key)
{
    const cJSON *home;
    const char  *said = NULL;

    cJSON_ArrayForEach(home, ga_json_get(world->result, "homes"))
    {
        if (!said)
            said = find(ga_json_get(home, "copies"), "name", shown, key);
    }
    return said ? said : "(not named)";
}

const char *
said_of_home(const struct world *world, const char *path, const char *key)
{
    const char *said = find(ga_json_get(world->result, "homes"), "home", path, key);

    return said ? said : "(not named)";
}

/* --- setup ---------------------------------------------------------------------------------------------------------
 */

int
world_make(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    char          homes[128];

    assert_non_null(world);
    (void)snprintf(world->path, sizeof(world->path), "/tmp/ga-pruner-XXXXXX");
    assert_non_null(mkdtemp(world->path));
    (void)snprintf(world->home, sizeof(world->home), "%s/home", world->path);
    put_home(world, "home");
    world->host = fakehost_new(&ga_plugin_v1);
    assert_non_null(world->host);
    (void)snprintf(homes, sizeof(homes), "[%s]", world->home);
    set(world, "homes", homes);
    set(world, "look_again", "0s");
    *state = world;
    return 0;
}

int
world_clear(void **state)
{
    struct world *world = *state;

    fakehost_free(world->host);
    cJSON_Delete(world->result);
    assert_int_equal(nftw(world->path, remove_one, 16, FTW_PHYS | FTW_DEPTH), 0);
    free(world);
    return 0;
}

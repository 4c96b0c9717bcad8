/*
 * test_backup_pruner_world.h: real homes in a temporary folder, and runs of the plugin's tasks on them.
 *
 * Asserts of cmocka end the test that calls. Names may hold any bytes. Sizes are bytes that are really written.
 */
#ifndef TEST_BACKUP_PRUNER_WORLD_H
#define TEST_BACKUP_PRUNER_WORLD_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct fakehost;

struct world {
    char             path[64]; /* the temporary folder */
    char             home[96]; /* a home in it, as deployed: data/, cosmovisor/current */
    struct fakehost *host;
    cJSON           *result; /* of the last run */
    int              dry_run;
    const char      *refuse_acts; /* why every act is refused; NULL: none is */
    int              cancelled;
};

/* Setup and teardown of cmocka. The world has one home, quiet for two hours, without copies; homes is set to it. */
int world_make(void **state);
int world_clear(void **state);

/* --- things in the world; `where` is a path below the world's folder ------------------------------------------------
 */

void put_folder(const struct world *world, const char *where);
void put_file(const struct world *world, const char *where, size_t size);
void put_text(const struct world *world, const char *where, const char *text);
void put_link(const struct world *world, const char *where, const char *target);
void take_away(const struct world *world, const char *where); /* a file, or a tree */

/* data/ and cosmovisor/ of a home, as the containers leave them. */
void put_home(const struct world *world, const char *where);

/* A whole copy of the home's data/, quiet for two hours. */
void put_copy(const struct world *world, const char *home, const char *name);

/* Sets the times of a thing, and of all below it, to so many seconds before now. */
void put_age(const struct world *world, const char *where, int64_t seconds);

int  is_there(const struct world *world, const char *where);
void full_path(const struct world *world, const char *where, char *ret, size_t len);

/* The name data-backup-Y-M-D of the day so many days ago (UTC). */
const char *name_of_day(int64_t days_ago, char *ret, size_t len);

/* --- runs --------------------------------------------------------------------------------------------------------- */

/* Sets an option, in the manifest's syntax. */
void set(struct world *world, const char *key, const char *value);

/* Runs a task; its outcome. */
int run_task(struct world *world, const char *task);

/* Of the last run. */
const char *summary(const struct world *world);
size_t      n_acts(const struct world *world);
const char *act_verb(const struct world *world, size_t i);
const char *act_object(const struct world *world, size_t i);
int         act_closed_ok(const struct world *world, size_t i); /* 1 observed, 0 not, -1 left open or not done */
size_t      n_events(const struct world *world);
const char *event_topic(const struct world *world, size_t i);
const char *event_payload(const struct world *world, size_t i);

/* What the last report says of a copy or a home: "fate", "verdict", "why", "outcome". NULL when it is not named. */
const char *said_of_copy(const struct world *world, const char *shown, const char *key);
const char *said_of_home(const struct world *world, const char *path, const char *key);

#endif

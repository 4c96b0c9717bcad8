/* test_backup_pruner_forecast.c: the task forecast on real trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "kit/json.h"
#include "test_backup_pruner_world.h"
#include "tests/fakehost/fakehost.h"

static const cJSON *
filesystem(const struct world *world)
{
    const cJSON *all = ga_json_get(world->result, "filesystems");

    assert_int_equal(cJSON_GetArraySize(all), 1);
    return cJSON_GetArrayItem(all, 0);
}

static uint64_t
number(const cJSON *object, const char *key)
{
    uint64_t value = 0;

    if (ga_json_u64(object, key, &value) < 0)
        fail_msg("no number '%s'", key);
    return value;
}

static void
the_next_upgrade_needs_a_copy_of_data_the_programs_and_the_margin(void **state)
{
    struct world *world = *state;
    char          homes[256];

    put_home(world, "second");
    (void)snprintf(homes, sizeof(homes), "[%s/home, %s/second]", world->path, world->path);
    set(world, "homes", homes);
    set(world, "margin", "1000B");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    /* per home three databases of 20000 + 16 + 50 bytes, two files of 21 and 34, a program of 5000 */
    assert_int_equal(number(filesystem(world), "needed_bytes"), 2 * (3 * 20066 + 21 + 34 + 5000) + 1000);
    assert_int_equal(ga_json_bool(filesystem(world), "fits", -1), 1);
    assert_int_equal(cJSON_GetArraySize(ga_json_get(filesystem(world), "homes")), 2);
    set(world, "margin", "8000TB");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(ga_json_bool(filesystem(world), "fits", -1), 0);
    assert_non_null(strstr(summary(world), "does not fit"));
}

static void
a_low_disk_is_told_once_and_its_recovery_once(void **state)
{
    struct world *world = *state;

    set(world, "recovered", "8000TB");
    set(world, "low", "7000TB");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 1);
    assert_string_equal(event_topic(world, 0), "disk.low");
    assert_non_null(strstr(event_payload(world, 0), "\"low_bytes\":7000000000000000"));
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 0);
    set(world, "low", "1B"); /* above low again, but not yet recovered */
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 0);
    assert_non_null(strstr(summary(world), "disk low"));
    set(world, "recovered", "2B");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 1);
    assert_string_equal(event_topic(world, 0), "disk.recovered");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 0);
}

static void
a_dry_run_remembers_nothing(void **state)
{
    struct world *world = *state;

    set(world, "low", "7000TB");
    world->dry_run = 1;
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    world->dry_run = 0;
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(n_events(world), 1); /* the low disk is news still */
}

static void
data_that_cannot_be_seen_is_unknown_and_the_rule_of_thumb_decides(void **state)
{
    struct world *world = *state;

    take_away(world, "home/data");
    set(world, "upgrade_size", "8000TB");
    assert_int_equal(run_task(world, "forecast"), GA_UNKNOWN);
    assert_non_null(strstr(said_of_home(world, "/home", "why"), "data/ cannot be opened"));
    assert_int_equal(number(filesystem(world), "needed_bytes"), UINT64_C(8000000000000000));
    assert_int_equal(ga_json_bool(filesystem(world), "fits", -1), 0);
}

static void
a_missing_home_is_unknown_and_the_others_are_measured(void **state)
{
    struct world *world = *state;
    char          homes[256];

    (void)snprintf(homes, sizeof(homes), "[%s/absent, %s/home]", world->path, world->path);
    set(world, "homes", homes);
    assert_int_equal(run_task(world, "forecast"), GA_UNKNOWN);
    assert_non_null(strstr(summary(world), "/absent: there is no such folder"));
    assert_int_equal(cJSON_GetArraySize(ga_json_get(filesystem(world), "homes")), 1);
}

static void
one_folder_named_twice_is_counted_once(void **state)
{
    struct world *world = *state;
    char          homes[256];

    (void)snprintf(homes, sizeof(homes), "[%s/home, %s/home/]", world->path, world->path);
    set(world, "homes", homes);
    set(world, "margin", "0B");
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_int_equal(number(filesystem(world), "needed_bytes"), 3 * 20066 + 21 + 34 + 5000);
}

static void
growth_is_not_claimed_from_one_look(void **state)
{
    struct world *world = *state;

    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_null(ga_json_get(filesystem(world), "growth_bytes_per_day"));
    assert_null(ga_json_get(filesystem(world), "days_until_full"));
}

/* What the plugin would have remembered after a look every hour for two days. */
static void
put_history(struct world *world, uint64_t first, uint64_t growth_per_hour, uint64_t free_bytes)
{
    cJSON   *document = cJSON_CreateObject();
    cJSON   *home = cJSON_AddObjectToObject(cJSON_AddObjectToObject(document, "homes"), world->home);
    cJSON   *samples;
    char    *text;
    uint64_t now = (uint64_t)time(NULL);

    (void)cJSON_AddFalseToObject(home, "low");
    samples = cJSON_AddArrayToObject(home, "samples");
    for (uint64_t i = 0; i < 48; i++) {
        cJSON *sample = cJSON_CreateArray();

        (void)cJSON_AddItemToArray(sample, ga_json_new_u64(now - (48 - i) * 3600));
        (void)cJSON_AddItemToArray(sample, ga_json_new_u64(first + i * growth_per_hour));
        (void)cJSON_AddItemToArray(sample, ga_json_new_u64(free_bytes));
        (void)cJSON_AddItemToArray(samples, sample);
    }
    text = ga_json_print(document);
    cJSON_Delete(document);
    assert_non_null(text);
    assert_int_equal(fakehost_state_put(world->host, "forecast.json", text, strlen(text)), 0);
    free(text);
}

static void
growth_per_day_and_days_until_full_come_from_the_history(void **state)
{
    struct world *world = *state;
    uint64_t      growth;
    double        days = 0;

    assert_int_equal(run_task(world, "forecast"), GA_OK); /* to know what is free here */
    put_history(world, 12000, 1000, number(filesystem(world), "free_bytes"));
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    growth = number(cJSON_GetArrayItem(ga_json_get(world->result, "homes"), 0), "growth_bytes_per_day");
    assert_in_range(growth, 23500, 24500);
    assert_int_equal(ga_json_double(filesystem(world), "days_until_full", &days), 0);
    assert_true(days > 0);
    assert_int_equal(number(cJSON_GetArrayItem(ga_json_get(world->result, "homes"), 0), "samples"), 49);
}

static void
a_damaged_history_is_told_and_begun_anew(void **state)
{
    static const char *const damaged[] = {"", "{", "[]{}", "{\"homes\": {}} x"};
    struct world            *world = *state;
    char                     text[256];

    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
        assert_int_equal(fakehost_state_put(world->host, "forecast.json", damaged[i], strlen(damaged[i])), 0);
        assert_int_equal(run_task(world, "forecast"), GA_OK);
        assert_true(fakehost_logged(world->host, "damaged"));
    }
    (void)snprintf(text, sizeof(text), "{\"homes\": {\"%s\": {\"samples\": [[1, 2]]}}}", world->home);
    assert_int_equal(fakehost_state_put(world->host, "forecast.json", text, strlen(text)), 0);
    assert_int_equal(run_task(world, "forecast"), GA_OK);
    assert_true(fakehost_logged(world->host, "damaged"));
    assert_int_equal(run_task(world, "forecast"), GA_OK); /* whole again */
    assert_false(fakehost_logged(world->host, "damaged"));
}

static void
a_history_that_cannot_be_read_is_not_overwritten(void **state)
{
    struct world *world = *state;
    const char   *kept;

    put_history(world, 12000, 1000, 1);
    fakehost_state_broken(world->host, 1);
    assert_int_equal(run_task(world, "forecast"), GA_UNKNOWN);
    fakehost_state_broken(world->host, 0);
    kept = fakehost_state_get(world->host, "forecast.json", NULL);
    assert_non_null(kept);
    assert_non_null(strstr(kept, "12000"));
}

static void
borders_that_contradict_each_other_are_refused(void **state)
{
    struct world *world = *state;

    set(world, "low", "2GB");
    set(world, "recovered", "1GB");
    assert_int_equal(run_task(world, "forecast"), GA_REFUSED);
    assert_non_null(strstr(summary(world), "recovered"));
}

static void
a_cancelled_forecast_knows_nothing(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 600; i++) { /* more than it looks at between two questions */
        char where[64];

        (void)snprintf(where, sizeof(where), "home/data/state.db/%06u.ldb", 100 + i);
        put_file(world, where, 1);
    }
    world->cancelled = 1;
    assert_int_equal(run_task(world, "forecast"), GA_UNKNOWN);
    assert_non_null(strstr(summary(world), "stopped"));
    assert_int_equal(n_events(world), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_upgrade_needs_a_copy_of_data_the_programs_and_the_margin),
        TEST(a_low_disk_is_told_once_and_its_recovery_once),
        TEST(a_dry_run_remembers_nothing),
        TEST(data_that_cannot_be_seen_is_unknown_and_the_rule_of_thumb_decides),
        TEST(a_missing_home_is_unknown_and_the_others_are_measured),
        TEST(one_folder_named_twice_is_counted_once),
        TEST(growth_is_not_claimed_from_one_look),
        TEST(growth_per_day_and_days_until_full_come_from_the_history),
        TEST(a_damaged_history_is_told_and_begun_anew),
        TEST(a_history_that_cannot_be_read_is_not_overwritten),
        TEST(borders_that_contradict_each_other_are_refused),
        TEST(a_cancelled_forecast_knows_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

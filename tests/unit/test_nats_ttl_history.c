/* How fast a stream grows, from samples that earlier runs have left. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1800000000) * SECOND)
#define LONG_AGO "2020-01-01T00:00:00Z"

static struct judgement
facts_of(int64_t last_seq, int64_t bytes)
{
    return (struct judgement){.last_seq = last_seq, .bytes = bytes};
}

static void
note(cJSON *history, int64_t when_ns, int64_t last_seq, int64_t bytes)
{
    struct judgement facts = facts_of(last_seq, bytes);

    history_note(history, "s", when_ns, &facts);
}

static int
growth(const cJSON *history, const char *created, int64_t last_seq, int64_t bytes, double *messages, double *more)
{
    struct judgement facts = facts_of(last_seq, bytes);

    return history_growth(history, "s", created, NOW, &facts, messages, more);
}

static void
growth_is_told_per_day_since_the_oldest_sample(void **state)
{
    cJSON *history = cJSON_CreateObject();
    double messages = 0;
    double bytes = 0;

    (void)state;
    note(history, NOW - 2 * DAY, 1000, 50000);
    note(history, NOW - DAY, 1100, 90000);
    assert_int_equal(growth(history, LONG_AGO, 1500, 40000, &messages, &bytes), 0);
    assert_true(fabs(messages - 250) < 1e-6);
    assert_true(fabs(bytes + 5000) < 1e-6);
    cJSON_Delete(history);
}

static void
too_short_a_time_tells_nothing(void **state)
{
    cJSON *history = cJSON_CreateObject();
    double messages = 0;
    double bytes = 0;

    (void)state;
    assert_int_equal(growth(history, LONG_AGO, 10, 10, &messages, &bytes), -1);
    note(history, NOW - 60 * SECOND, 5, 5);
    assert_int_equal(growth(history, LONG_AGO, 10, 10, &messages, &bytes), -1);
    cJSON_Delete(history);
}

static void
samples_of_a_stream_that_was_made_anew_do_not_count(void **state)
{
    cJSON *history = cJSON_CreateObject();
    double messages = 0;
    double bytes = 0;

    (void)state;
    note(history, NOW - 3 * DAY, 100, 1000);
    note(history, NOW - DAY, 200, 2000);
    /* NOW is 2027-01-15T08:00:00Z: it was created between the two samples. */
    assert_int_equal(growth(history, "2027-01-13T08:00:00Z", 300, 3000, &messages, &bytes), 0);
    assert_true(fabs(messages - 100) < 1e-6);
    /* Its numbers begin again: the samples are of another one, whatever it says of its creation. */
    assert_int_equal(growth(history, LONG_AGO, 50, 500, &messages, &bytes), -1);
    cJSON_Delete(history);
}

static void
samples_are_kept_every_six_hours_for_thirty_days(void **state)
{
    cJSON       *history = cJSON_CreateObject();
    const cJSON *samples;
    int64_t      first = 0;

    (void)state;
    for (int64_t hour = 0; hour < 40 * 24; hour++)
        note(history, NOW + hour * HOUR, hour, hour);
    samples = cJSON_GetObjectItemCaseSensitive(history, "s");
    assert_int_equal(cJSON_GetArraySize(samples), 120);
    assert_int_equal(ga_json_value_i64(cJSON_GetArrayItem(cJSON_GetArrayItem(samples, 0), 0), &first), 0);
    assert_true(first == NOW + 10 * DAY);
    cJSON_Delete(history);
}

static void
a_damaged_history_begins_again(void **state)
{
    char   why[128];
    cJSON *history = ga_json_parse("{\"s\": 7}", 8, why, sizeof(why));
    double messages = 0;
    double bytes = 0;

    (void)state;
    assert_int_equal(growth(history, LONG_AGO, 10, 10, &messages, &bytes), -1);
    note(history, NOW - DAY, 5, 5);
    assert_int_equal(growth(history, LONG_AGO, 10, 10, &messages, &bytes), 0);
    cJSON_Delete(history);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_told_per_day_since_the_oldest_sample),
        cmocka_unit_test(too_short_a_time_tells_nothing),
        cmocka_unit_test(samples_of_a_stream_that_was_made_anew_do_not_count),
        cmocka_unit_test(samples_are_kept_every_six_hours_for_thirty_days),
        cmocka_unit_test(a_damaged_history_begins_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

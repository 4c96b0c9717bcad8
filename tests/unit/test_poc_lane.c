/* A lane that works in plain C: two questions are open at a time, and each answer is to its own question. And the first
 * touch of the drivers, in a child. */
#include "plugins/poc-worker/lane.h"
#include "plugins/poc-worker/pool.h"

#include "tests/unit/poc_vectors.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#define TOLERANCE 2e-5

static cJSON                  *all;
static const cJSON            *vector;
static struct poc_lane_spec    spec = {.device = POC_PLAIN, .max_batch = 2};
static size_t                  pool_len;
static struct poc_lane         lane;
static struct poc_lane_message news;

static int
set_up(void **state)
{
    uint16_t *pool;
    char      why[512];

    (void)state;
    all = vectors("distances_small.json");
    vector = cJSON_GetArrayItem(all, 0);
    spec.work.params = vector_params(vector);
    spec.work.block_hash = text(vector, "block_hash");
    spec.work.public_key = text(vector, "public_key");
    pool_len = poc_pool_size(&spec.work.params) * sizeof(*pool);
    pool = mmap(NULL, pool_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(pool != MAP_FAILED);
    assert_int_equal(poc_pool_fill(spec.work.block_hash, pool, pool_len / sizeof(*pool), 0, NULL, NULL), 0);
    spec.work.pool = pool;
    assert_int_equal(poc_lane_start(&spec, &lane, why, sizeof(why)), 0);
    do
        assert_int_equal(poc_lane_read(&lane, -1, -1, &news), 1);
    while (news.news == POC_LANE_NOTE);
    assert_int_equal(news.news, POC_LANE_READY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    poc_lane_end(&lane);
    (void)munmap((void *)(uintptr_t)spec.work.pool, pool_len);
    cJSON_Delete(all);
    return 0;
}

static int64_t
nonce_of(int i)
{
    return (int64_t)cJSON_GetArrayItem(member(vector, "nonces"), i)->valuedouble;
}

/* About the vector's nonces from number `first` on. */
static void
ask(const char *public_key, int first, uint32_t n)
{
    int64_t nonces[POC_LANE_NONCES];

    for (uint32_t i = 0; i < n; i++)
        nonces[i] = nonce_of(first + (int)i);
    assert_int_equal(poc_lane_ask(&lane, public_key, nonces, n), 0);
}

static void
assert_answered(int first, uint32_t n)
{
    assert_int_equal(poc_lane_read(&lane, -1, -1, &news), 1);
    assert_int_equal(news.news, POC_LANE_DISTANCES);
    assert_int_equal(news.n, n);
    for (uint32_t i = 0; i < n; i++) {
        double expected = cJSON_GetArrayItem(member(vector, "dist"), first + (int)i)->valuedouble;

        if (fabs(news.distances[i] - expected) > TOLERANCE)
            fail_msg("nonce number %d is %.7f, not %.7f", first + (int)i, news.distances[i], expected);
    }
}

static void
answers_come_in_the_order_of_the_questions(void **state)
{
    (void)state;
    ask(NULL, 0, 3); /* two batches, the second of which is half full */
    for (int first = 3; first < 12; first += 3) {
        ask(NULL, first, 3);
        assert_answered(first - 3, 3);
    }
    assert_answered(9, 3);
    assert_int_equal(lane.n_open, 0);
}

static void
a_question_about_another_key_does_not_get_inputs_of_the_one_before(void **state)
{
    double others;

    (void)state;
    ask("another key", 0, 1);
    assert_int_equal(poc_lane_read(&lane, -1, -1, &news), 1);
    others = news.distances[0];
    assert_true(fabs(others - cJSON_GetArrayItem(member(vector, "dist"), 0)->valuedouble) > 100 * TOLERANCE);
    ask(NULL, 0, 2);
    ask("another key", 0, 1);
    assert_answered(0, 2);
    ask(NULL, 2, 2);
    assert_int_equal(poc_lane_read(&lane, -1, -1, &news), 1);
    assert_true(news.distances[0] == others);
    assert_answered(2, 2);
}

static void
a_third_question_at_a_time_is_not_taken(void **state)
{
    const int64_t nonce = 0;

    (void)state;
    ask(NULL, 0, 1);
    ask(NULL, 1, 1);
    assert_int_equal(poc_lane_ask(&lane, NULL, &nonce, 1), -1);
    assert_answered(0, 1);
    assert_answered(1, 1);
}

/* --- the first touch of the drivers --------------------------------------------------------------------------------
 */

static int
crash(void *ret, char *reterr, size_t reterr_len)
{
    const struct rlimit no_core = {0, 0};

    (void)ret;
    (void)reterr;
    (void)reterr_len;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL);
    (void)raise(SIGABRT);
    return 0;
}

static int
refuse(void *ret, char *reterr, size_t reterr_len)
{
    (void)ret;
    (void)snprintf(reterr, reterr_len, "not today");
    return -1;
}

static int
count(void *ret, char *reterr, size_t reterr_len)
{
    (void)reterr;
    (void)reterr_len;
    *(int *)ret = 3;
    return 0;
}

static int
hang(void *ret, char *reterr, size_t reterr_len)
{
    (void)ret;
    (void)reterr;
    (void)reterr_len;
    (void)poll(NULL, 0, -1);
    return 0;
}

static void
drivers_are_asked_in_a_child(void **state)
{
    int  answer = 0;
    char why[512] = "";

    (void)state;
    assert_int_equal(poc_lane_try(count, &answer, sizeof(answer), 10000, why, sizeof(why)), 0);
    assert_int_equal(answer, 3);
    assert_int_equal(poc_lane_try(refuse, &answer, sizeof(answer), 10000, why, sizeof(why)), -1);
    assert_string_equal(why, "not today");
    assert_int_equal(poc_lane_try(crash, &answer, sizeof(answer), 10000, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "SIGABRT"));
    assert_int_equal(poc_lane_try(hang, &answer, sizeof(answer), 100, why, sizeof(why)), -1);
    assert_non_null(strstr(why, "did not answer"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_the_questions),
        cmocka_unit_test(a_question_about_another_key_does_not_get_inputs_of_the_one_before),
        cmocka_unit_test(a_third_question_at_a_time_is_not_taken),
        cmocka_unit_test(drivers_are_asked_in_a_child),
    };

    return cmocka_run_group_tests_name("poc_lane", tests, set_up, tear_down);
}

/* Distances by every path of every device here, and in plain C, against the reference's. */
#include "plugins/poc-worker/pool.h"
#include "plugins/poc-worker/prover.h"

#include "kit/remove.h"

#include "tests/unit/poc_vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct poc_device device;
static char              cache[] = "/tmp/poc-prover-XXXXXX"; /* compiled once, and the cache is tried as well */

static void
assert_near(const char *what, const cJSON *vector, const double *distances, uint32_t n, double within)
{
    double worst = 0;

    for (uint32_t i = 0; i < n; i++) {
        double expected = cJSON_GetArrayItem(member(vector, "dist"), (int)i)->valuedouble;

        worst = fmax(worst, fabs(distances[i] - expected));
        if (!(fabs(distances[i] - expected) <= within))
            fail_msg("%s, %s: nonce number %u is %.9f, the reference says %.9f", text(vector, "name"), what, i,
                     distances[i], expected);
    }
    print_message("%s, %s: %u nonces, at most %.1e off\n", text(vector, "name"), what, n, worst);
}

/* The distances of the first n nonces of a vector, in batches of `batch`. Free them. */
static double *
compute(const cJSON *vector, const struct poc_device *on, const struct poc_path *path, uint32_t batch, uint32_t n)
{
    const cJSON       *nonces = member(vector, "nonces");
    struct poc_work    work = {.params = vector_params(vector),
                               .block_hash = text(vector, "block_hash"),
                               .public_key = text(vector, "public_key")};
    uint64_t           numbers = poc_pool_size(&work.params);
    uint16_t          *pool = malloc(numbers * sizeof(*pool));
    double            *distances = calloc(n, sizeof(*distances));
    struct poc_prover *prover = NULL;
    char               why[512] = "";

    assert_true(pool && distances);
    assert_int_equal(poc_pool_fill(work.block_hash, pool, numbers, 0, NULL, NULL), 0);
    work.pool = pool;
    if (poc_prover_make(&work, on, path, batch, &prover, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    for (uint32_t done = 0; done < n; done += batch) {
        uint32_t some = n - done < batch ? n - done : batch;
        int64_t  wanted[64];

        for (uint32_t i = 0; i < some; i++)
            wanted[i] = (int64_t)cJSON_GetArrayItem(nonces, (int)(done + i))->valuedouble;
        assert_int_equal(poc_prover_prepare(prover, done / batch % POC_SLOTS, wanted, some), 0);
        if (poc_prover_compute(prover, done / batch % POC_SLOTS, distances + done, NULL, NULL, why, sizeof(why)) < 0)
            fail_msg("%s", why);
    }
    poc_prover_done(prover);
    free(pool);
    return distances;
}

/* The first `most` nonces of a vector. */
static void
check(const cJSON *vector, const struct poc_device *on, const struct poc_path *path, uint32_t batch, uint32_t most,
      double within)
{
    const int has = cJSON_GetArraySize(member(vector, "nonces"));
    uint32_t  n = (uint32_t)has < most ? (uint32_t)has : most;
    double   *distances = compute(vector, on, path, batch, n);
    char      what[256];

    (void)snprintf(what, sizeof(what), "%s %s, batches of %u", path ? path->name : "plain C", path ? path->options : "",
                   batch);
    assert_near(what, vector, distances, n, within);
    free(distances);
}

static void
plain_c_agrees_with_the_reference(void **state)
{
    cJSON       *all = vectors("distances_small.json");
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, all) check(vector, NULL, NULL, 1, 4, 2e-5);
    cJSON_Delete(all);
}

/* A path for graphics cards is slow on a processor. */
static uint32_t
nonces_for(const struct poc_path *path, int is_first)
{
    if (strcmp(path->name, "cpu") != 0)
        return 2;
    return is_first ? 64 : 8;
}

static void
every_path_agrees_with_the_reference_on_every_small_model(void **state)
{
    cJSON          *all = vectors("distances_small.json");
    struct poc_path paths[16];
    unsigned        n = poc_paths(&device.info, paths, 16);
    const cJSON    *vector;

    (void)state;
    assert_true(n > 0);
    for (unsigned i = 0; i < n; i++)
        cJSON_ArrayForEach(vector, all) check(vector, &device, &paths[i], 16, nonces_for(&paths[i], i == 0), 2e-5);
    cJSON_Delete(all);
}

static void
a_batch_of_any_size_gives_the_same_distances(void **state)
{
    cJSON          *all = vectors("distances_small.json");
    struct poc_path path;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(poc_path_named(&device.info, i ? "portable" : NULL, &path), 0);
        /* the gqa model; the portable path is slow on a processor */
        for (uint32_t batch = 1; batch <= (i ? 9 : 33); batch += 8)
            check(cJSON_GetArrayItem(all, 2), &device, &path, batch, i ? 10 : 33, 2e-5);
    }
    cJSON_Delete(all);
}

static void
a_feed_forward_in_slices_of_any_size_gives_the_same_bits(void **state)
{
    static const uint32_t slices[] = {4096, 512, 100, 33};
    cJSON                *all = vectors("distances_small.json");
    struct poc_path       path;

    (void)state;
    assert_int_equal(poc_path_named(&device.info, "cpu", &path), 0);
    for (int m = 0; m < 3; m++) {
        const cJSON *vector = cJSON_GetArrayItem(all, m);
        double      *whole;

        path.slice = UINT32_MAX;
        whole = compute(vector, &device, &path, 2, 4);
        for (size_t i = 0; i < sizeof(slices) / sizeof(*slices); i++) {
            double *sliced;

            path.slice = slices[i];
            sliced = compute(vector, &device, &path, 2, 4);
            assert_memory_equal(sliced, whole, 4 * sizeof(*whole));
            free(sliced);
        }
        free(whole);
    }
    cJSON_Delete(all);
}

static void
a_pool_in_pieces_is_read_as_one(void **state)
{
    cJSON            *all = vectors("distances_small.json");
    const cJSON      *vector = cJSON_GetArrayItem(all, 5); /* a model of many layers, each small beside the pool */
    struct poc_params params = vector_params(vector);
    struct poc_device small = device;
    struct poc_path   path;

    (void)state;
    small.info.largest_buffer = poc_pool_size(&params) * 2 * 9 / 10;
    assert_int_equal(poc_path_named(&device.info, NULL, &path), 0);
    check(vector, &small, &path, 4, 8, 2e-5);
    cJSON_Delete(all);
}

static int
open_device(void **state)
{
    char why[512] = "";

    (void)state;
    if (!mkdtemp(cache))
        return -1;
    if (poc_device_open(0, cache, &device, why, sizeof(why)) == 0)
        return 0;
    print_error("%s\n", why);
    return -1;
}

static int
close_device(void **state)
{
    struct ga_removed removed;
    int               tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int               r = ga_remove_tree(tmp, cache + strlen("/tmp/"), NULL, &removed);

    (void)state;
    (void)close(tmp);
    poc_device_close(&device);
    return r;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_c_agrees_with_the_reference),
        cmocka_unit_test(every_path_agrees_with_the_reference_on_every_small_model),
        cmocka_unit_test(a_batch_of_any_size_gives_the_same_distances),
        cmocka_unit_test(a_feed_forward_in_slices_of_any_size_gives_the_same_bits),
        cmocka_unit_test(a_pool_in_pieces_is_read_as_one),
    };

    return cmocka_run_group_tests(tests, open_device, close_device);
}

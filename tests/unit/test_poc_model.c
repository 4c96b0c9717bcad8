/* The model of a proof of compute: layout, pool, inputs, target, distance, fraud test; vectors of the reference. */
#include "plugins/poc-worker/model.h"
#include "plugins/poc-worker/pool.h"

#include "tests/unit/poc_vectors.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_layout(const cJSON *vector)
{
    static const char *const names[POC_LAYER_TENSORS] = {"attention.wq",    "attention.wk",    "attention.wv",
                                                         "attention.wo",    "feed_forward.w1", "feed_forward.w2",
                                                         "feed_forward.w3", "attention_norm",  "ffn_norm"};
    struct poc_params        params = vector_params(vector);
    const cJSON             *starts = member(vector, "starts");
    struct poc_layout        layout;
    unsigned                 seen = 0;

    assert_int_equal(poc_layout_make(&params, text(vector, "block_hash"), &layout), 0);
    assert_true((double)layout.total == number(vector, "total_params"));
    assert_true((double)layout.pool == number(vector, "pool_size"));
    for (uint32_t layer = 0; layer < params.n_layers; layer++)
        for (unsigned i = 0; i < POC_LAYER_TENSORS; i++) {
            char         name[64];
            const cJSON *start;

            (void)snprintf(name, sizeof(name), "layers.%u.%s.weight", layer, names[i]);
            start = cJSON_GetObjectItemCaseSensitive(starts, name);
            if (!start)
                continue;
            seen++;
            assert_true((double)layout.layers[layer * POC_LAYER_TENSORS + i].start == start->valuedouble);
        }
    assert_true(seen >= POC_LAYER_TENSORS);
    poc_layout_done(&layout);
}

static void
tensors_lie_where_the_reference_puts_them(void **state)
{
    static const char *const files[] = {"distances_small.json", "distances_v1.json", "distances_v2.json"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cJSON       *all = vectors(files[i]);
        const cJSON *vector;

        cJSON_ArrayForEach(vector, all) assert_layout(vector);
        cJSON_Delete(all);
    }
}

static void
pools_have_the_reference_s_digests_with_any_number_of_threads(void **state)
{
    cJSON       *all = vectors("distances_small.json");
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, all)
    {
        uint64_t  n = (uint64_t)number(vector, "pool_size");
        uint16_t *pool = malloc(n * sizeof(*pool));

        for (unsigned threads = 1; threads <= 5; threads += 2) {
            memset(pool, 0xff, n * sizeof(*pool));
            assert_int_equal(poc_pool_fill(text(vector, "block_hash"), pool, n, threads, NULL, NULL), 0);
            assert_digest(pool, n * sizeof(*pool), text(vector, "pool_sha256_fp16le"));
        }
        free(pool);
    }
    cJSON_Delete(all);
}

static int
give_up(uint64_t done, void *userdata)
{
    (void)done;
    (void)userdata;
    return 1;
}

static void
a_pool_that_nobody_wants_any_more_is_given_up(void **state)
{
    uint16_t *pool = malloc(1000000 * sizeof(*pool));

    (void)state;
    assert_int_equal(poc_pool_fill("abc", pool, 1000000, 3, give_up, NULL), -ECANCELED);
    free(pool);
}

static void
a_tensor_larger_than_the_pool_is_the_pool_repeated_and_rotated(void **state)
{
    static const uint16_t   pool[5] = {0, 1, 2, 3, 4};
    const struct poc_tensor tensor = {.start = 3, .size = 12, .tiled = 1};
    static const uint16_t   expected[12] = {3, 4, 0, 1, 2, 3, 4, 0, 1, 0, 1, 2};
    uint16_t                copy[12];

    (void)state;
    poc_tensor_copy(&tensor, pool, 5, 0, 12, copy);
    assert_memory_equal(copy, expected, sizeof(expected));
    poc_tensor_copy(&tensor, pool, 5, 7, 4, copy);
    assert_memory_equal(copy, expected + 7, 4 * sizeof(*copy));
}

static void
inputs_have_the_reference_s_digests(void **state)
{
    cJSON       *all = vectors("rng.json");
    const cJSON *vector;
    const cJSON *nonce;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "inputs"))
    {
        struct poc_params params = {.seq_len = (uint32_t)number(vector, "seq_len"),
                                    .dim = (uint32_t)number(vector, "dim")};
        size_t            n = (size_t)params.seq_len * params.dim;
        uint16_t         *input = malloc(n * sizeof(*input));
        int               i = 0;

        cJSON_ArrayForEach(nonce, member(vector, "nonces"))
        {
            assert_int_equal(poc_input(&params, text(vector, "block_hash"), text(vector, "public_key"),
                                       (int64_t)nonce->valuedouble, input),
                             0);
            assert_digest(input, n * sizeof(*input),
                          cJSON_GetStringValue(cJSON_GetArrayItem(member(vector, "sha256_f16le_per_nonce"), i++)));
        }
        free(input);
    }
    cJSON_Delete(all);
}

static void
targets_agree_to_the_last_place_or_nearly(void **state)
{
    cJSON       *all = vectors("rng.json");
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "targets"))
    {
        uint32_t n = (uint32_t)number(vector, "vocab_size");
        double  *target = malloc(n * sizeof(*target));
        double   sum = 0;

        assert_int_equal(poc_target(text(vector, "block_hash"), n, target), 0);
        for (int i = 0; i < cJSON_GetArraySize(member(vector, "first")); i++)
            assert_true(fabs(target[i] - strtod(cJSON_GetArrayItem(member(vector, "first"), i)->valuestring, NULL)) <
                        1e-15);
        for (uint32_t i = 0; i < n; i++)
            sum += target[i];
        assert_true(fabs(sum - strtod(text(vector, "sum"), NULL)) < 1e-12);
        free(target);
    }
    cJSON_Delete(all);
}

static void
the_fraud_test_agrees_to_twelve_digits(void **state)
{
    cJSON       *all = vectors("misc.json");
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "fraud_test"))
    {
        double expected = number(vector, "probability_honest");
        double got = poc_fraud_probability((uint64_t)number(vector, "n"), (uint64_t)number(vector, "n_invalid"));

        /* the reference's own figure for 25 of 50000 is 2.5e-12 off the exact one */
        assert_true(fabs(got - expected) <= 3e-12 * expected);
    }
    cJSON_Delete(all);
}

static void
the_fraud_test_is_stable_for_a_million_nonces(void **state)
{
    double before = 1;

    (void)state;
    for (uint64_t k = 0; k <= 1000; k++) {
        double p = poc_fraud_probability(1000000, k);

        assert_true(p >= 0 && p <= before + 1e-12);
        before = p;
    }
    /* computed with 60 digits */
    assert_true(fabs(poc_fraud_probability(1000000, 500) - 0.505951607038202159) < 1e-12);
    assert_true(fabs(poc_fraud_probability(50000, 25) - 0.526621417916026317) < 1e-13);
    assert_true(poc_fraud_probability(1000000, 1000000) >= 0);
    assert_true(poc_fraud_probability(0, 0) == 1.0);
    assert_true(poc_fraud_probability(3, 4) == 0.0);
}

static void
nonces_of_nodes_and_groups_interleave(void **state)
{
    cJSON       *all = vectors("misc.json");
    const cJSON *sequence;

    (void)state;
    cJSON_ArrayForEach(sequence, member(all, "nonce_iterator"))
    {
        uint32_t     id;
        uint32_t     count;
        uint32_t     group;
        uint32_t     groups;
        int64_t      k = 0;
        const cJSON *nonce;

        assert_int_equal(
            sscanf(sequence->string, "node_id=%u,node_count=%u,group=%u,n_groups=%u", &id, &count, &group, &groups), 4);
        cJSON_ArrayForEach(nonce, sequence)
            assert_true((double)poc_nonce(id, count, group, groups, k++) == nonce->valuedouble);
    }
    cJSON_Delete(all);
}

static void
wrong_parameters_are_named(void **state)
{
    struct poc_params params;
    char              why[160];

    (void)state;
    assert_int_equal(poc_params_named("v1", &params), 0);
    assert_int_equal(poc_params_check(&params, why, sizeof(why)), 0);
    params.n_heads = 33;
    assert_int_equal(poc_params_check(&params, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "n_heads"));
    assert_int_equal(poc_params_named("v2", &params), 0);
    assert_int_equal(poc_ffn_dim(&params), 49152);
    params.norm_eps = NAN;
    assert_int_equal(poc_params_check(&params, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "norm_eps"));
    assert_int_equal(poc_params_named("v3", &params), -ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_lie_where_the_reference_puts_them),
        cmocka_unit_test(pools_have_the_reference_s_digests_with_any_number_of_threads),
        cmocka_unit_test(a_pool_that_nobody_wants_any_more_is_given_up),
        cmocka_unit_test(a_tensor_larger_than_the_pool_is_the_pool_repeated_and_rotated),
        cmocka_unit_test(inputs_have_the_reference_s_digests),
        cmocka_unit_test(targets_agree_to_the_last_place_or_nearly),
        cmocka_unit_test(the_fraud_test_agrees_to_twelve_digits),
        cmocka_unit_test(the_fraud_test_is_stable_for_a_million_nonces),
        cmocka_unit_test(nonces_of_nodes_and_groups_interleave),
        cmocka_unit_test(wrong_parameters_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

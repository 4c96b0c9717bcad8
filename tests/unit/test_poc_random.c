/* The network's random numbers, bit for bit, against vectors made by its reference. */
#include "plugins/poc-worker/random.h"

#include "tests/unit/poc_vectors.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
stream_of(struct poc_stream *stream, const cJSON *vector)
{
    assert_int_equal(poc_stream_init(stream, text(vector, "seed"), (unsigned)member(vector, "num_hashes")->valueint),
                     0);
}

static void
the_entropy_is_the_salted_digests(void **state)
{
    cJSON       *all = vectors("rng.json");
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "rng"))
    {
        uint32_t words[32];
        unsigned h = (unsigned)member(vector, "num_hashes")->valueint;

        assert_int_equal(poc_entropy(text(vector, "seed"), h, words), 0);
        for (unsigned i = 0; i < 8 * h; i++)
            assert_int_equal(words[i], cJSON_GetArrayItem(member(vector, "entropy_u32"), (int)i)->valuedouble);
    }
    cJSON_Delete(all);
}

static void
first_draws_are_the_reference_s(void **state)
{
    cJSON       *all = vectors("rng.json");
    const cJSON *vector;
    const cJSON *draw;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "rng"))
    {
        struct poc_stream stream;

        stream_of(&stream, vector);
        cJSON_ArrayForEach(draw, member(vector, "first_raw_u64"))
        {
            char number[24];

            (void)snprintf(number, sizeof(number), "%" PRIu64, poc_next64(&stream));
            assert_string_equal(number, cJSON_GetStringValue(draw));
        }
    }
    cJSON_Delete(all);
}

static void
two_million_normals_have_the_reference_s_digest(void **state)
{
    enum { N = 2000000 };
    cJSON       *all = vectors("rng.json");
    double      *normals = malloc(N * sizeof(*normals));
    const cJSON *vector;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "rng"))
    {
        struct poc_stream stream;

        stream_of(&stream, vector);
        poc_fill_normals(&stream, normals, N);
        assert_digest(normals, N * sizeof(*normals), text(vector, "standard_normal_2e6_sha256_f64le"));
    }
    free(normals);
    cJSON_Delete(all);
}

static void
one_by_one_and_in_bulk_are_the_same_numbers(void **state)
{
    struct poc_stream one;
    struct poc_stream bulk;
    double            numbers[1000];

    (void)state;
    assert_int_equal(poc_stream_init(&one, "abc", 4), 0);
    bulk = one;
    for (unsigned round = 1; round < 50; round++) {
        poc_fill_normals(&bulk, numbers, 7 * round);
        for (unsigned i = 0; i < 7 * round; i++)
            assert_memory_equal(&(double){poc_next_normal(&one)}, &numbers[i], sizeof(double));
        assert_int_equal(poc_stream_position(&one), poc_stream_position(&bulk));
    }
}

static void
a_jump_lands_where_reading_would(void **state)
{
    static const uint64_t jumps[] = {0, 1, 3, 511, 512, 513, 100000};
    struct poc_stream     read;
    struct poc_stream     jumped;

    (void)state;
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        assert_int_equal(poc_stream_init(&read, "jump", 1), 0);
        (void)poc_next64(&read);
        jumped = read;
        for (uint64_t k = 0; k < jumps[i]; k++)
            (void)poc_next64(&read);
        poc_stream_jump(&jumped, jumps[i]);
        assert_int_equal(poc_stream_position(&read), poc_stream_position(&jumped));
        assert_true(poc_next64(&read) == poc_next64(&jumped));
    }
}

static void
permutations_have_the_reference_s_digests(void **state)
{
    cJSON       *all = vectors("rng.json");
    const cJSON *vector;
    const cJSON *nonce;

    (void)state;
    cJSON_ArrayForEach(vector, member(all, "permutations"))
    {
        uint32_t  n = (uint32_t)member(vector, "dim")->valueint;
        uint32_t *permutation = malloc(n * sizeof(*permutation));
        int64_t  *wide = malloc(n * sizeof(*wide));
        int       i = 0;

        cJSON_ArrayForEach(nonce, member(vector, "nonces"))
        {
            struct poc_stream stream;
            char              seed[256];

            (void)snprintf(seed, sizeof(seed), "%s_%s_nonce_%.0f_permutations", text(vector, "block_hash"),
                           text(vector, "public_key"), nonce->valuedouble);
            assert_int_equal(poc_stream_init(&stream, seed, 1), 0);
            poc_permutation(&stream, permutation, n);
            for (uint32_t k = 0; k < n; k++)
                wide[k] = permutation[k];
            assert_digest(wide, n * sizeof(*wide),
                          cJSON_GetStringValue(cJSON_GetArrayItem(member(vector, "sha256_i64le_per_nonce"), i++)));
        }
        free(permutation);
        free(wide);
    }
    cJSON_Delete(all);
}

static void
halves_round_to_nearest_even_as_the_hardware_does(void **state)
{
    (void)state;
    assert_int_equal(poc_to_half(0.0), 0);
    assert_int_equal(poc_to_half(-0.0), 0x8000);
    assert_int_equal(poc_to_half(1.0), 0x3c00);
    assert_int_equal(poc_to_half(65504.0), 0x7bff);
    assert_int_equal(poc_to_half(65520.0), 0x7c00);
    assert_int_equal(poc_to_half(0x1p-24), 1);
    assert_int_equal(poc_to_half(0x1p-25), 0);
    assert_int_equal(poc_to_half(0x1.8p-25), 1);
    assert_int_equal(poc_to_half(0x1.8p-24), 2);
    assert_int_equal(poc_to_half(1.0 + 0x1p-11), 0x3c00);
    assert_int_equal(poc_to_half(1.0 + 0x3p-11), 0x3c02);
    for (uint32_t half = 0; half < 0x7c00; half++) {
        assert_int_equal(poc_to_half((double)poc_from_half((uint16_t)half)), half);
        assert_int_equal(poc_to_half((double)poc_from_half((uint16_t)(half | 0x8000u))), half | 0x8000u);
    }
}

static void
bulk_conversion_agrees_with_one_by_one(void **state)
{
    struct poc_stream stream;
    double            values[1003];
    uint16_t          halves[1003];

    (void)state;
    assert_int_equal(poc_stream_init(&stream, "halves", 1), 0);
    for (unsigned scale = 0; scale < 40; scale++) {
        for (unsigned i = 0; i < 1003; i++)
            values[i] = poc_next_normal(&stream) * (double)(1ull << scale) * 0x1p-30;
        poc_to_halves(values, halves, 1003);
        for (unsigned i = 0; i < 1003; i++)
            assert_int_equal(halves[i], poc_to_half(values[i]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_entropy_is_the_salted_digests),
        cmocka_unit_test(first_draws_are_the_reference_s),
        cmocka_unit_test(two_million_normals_have_the_reference_s_digest),
        cmocka_unit_test(one_by_one_and_in_bulk_are_the_same_numbers),
        cmocka_unit_test(a_jump_lands_where_reading_would),
        cmocka_unit_test(permutations_have_the_reference_s_digests),
        cmocka_unit_test(halves_round_to_nearest_even_as_the_hardware_does),
        cmocka_unit_test(bulk_conversion_agrees_with_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

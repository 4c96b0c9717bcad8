/* selftest.c: small models with known answers. */
#include "plugins/poc-worker/selftest.h"

#include "plugins/poc-worker/pool.h"
#include "plugins/poc-worker/prover.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCES 4 /* 0, 1, 2, 3 */
#define SLICE \
    1000 /* features: less than any of these models has, or slices would go untested where there are many cores */

/* From the network's reference, for its example block hash and key: an odd size of head, shared keys and values, the
 * scaled rotary embedding, tensors larger than the pool. */
static const struct known {
    const char       *name;
    struct poc_params params;
    double            distances[NONCES];
} known[] = {
    {"odd_head",
     {.dim = 448,
      .n_layers = 3,
      .n_heads = 16,
      .n_kv_heads = 16,
      .vocab_size = 1028,
      .multiple_of = 512,
      .seq_len = 32,
      .use_scaled_rope = 0,
      .ffn_dim_multiplier = 10.0,
      .norm_eps = 1e-05,
      .rope_theta = 10000.0},
     {1.4058093400067577, 1.4226319735468818, 1.4137545227402954, 1.4101929900833543}},
    {"gqa",
     {.dim = 256,
      .n_layers = 4,
      .n_heads = 8,
      .n_kv_heads = 2,
      .vocab_size = 512,
      .multiple_of = 256,
      .seq_len = 16,
      .use_scaled_rope = 0,
      .ffn_dim_multiplier = 1.3,
      .norm_eps = 1e-05,
      .rope_theta = 500000.0},
     {1.409731186542894, 1.4281704493733385, 1.3943748442808734, 1.4172673080421196}},
    {"scaled_rope",
     {.dim = 128,
      .n_layers = 3,
      .n_heads = 2,
      .n_kv_heads = 2,
      .vocab_size = 256,
      .multiple_of = 128,
      .seq_len = 64,
      .use_scaled_rope = 1,
      .ffn_dim_multiplier = 1.3,
      .norm_eps = 1e-05,
      .rope_theta = 500000.0},
     {1.4048017748384787, 1.4496596359178062, 1.389333076636537, 1.4399678130027107}},
    {"tiled_pool",
     {.dim = 256,
      .n_layers = 2,
      .n_heads = 4,
      .n_kv_heads = 4,
      .vocab_size = 300,
      .multiple_of = 256,
      .seq_len = 8,
      .use_scaled_rope = 0,
      .ffn_dim_multiplier = 3.0,
      .norm_eps = 1e-06,
      .rope_theta = 10000.0},
     {1.4390643881907654, 1.3961951096278697, 1.396582282217578, 1.4319022981630947}},
};

/* The distances of one model. 0, or -1 with a sentence. */
static int
compute(const struct poc_device *device, const struct poc_path *path, const struct known *model, double ret[NONCES],
        char *reterr, size_t reterr_len)
{
    static const int64_t nonces[NONCES] = {0, 1, 2, 3};
    struct poc_work      work = {
             .params = model->params, .block_hash = "EXAMPLE_BLOCK_HASH", .public_key = "EXAMPLE_PUBLIC_KEY"};
    uint64_t           numbers = poc_pool_size(&work.params);
    uint16_t          *pool = calloc(numbers, sizeof(*pool));
    struct poc_prover *prover = NULL;
    struct poc_path    sliced;
    int                r = -1;

    if (path && path->slice > SLICE) {
        sliced = *path;
        sliced.slice = SLICE;
        path = &sliced;
    }
    work.pool = pool;
    if (!pool || poc_pool_fill(work.block_hash, pool, numbers, 1, NULL, NULL) < 0)
        (void)snprintf(reterr, reterr_len, "out of memory in the self-test");
    else if (poc_prover_make(&work, device, path, NONCES, &prover, reterr, reterr_len) == 0 &&
             poc_prover_prepare(prover, 0, nonces, NONCES) == 0)
        r = poc_prover_compute(prover, 0, ret, NULL, NULL, reterr, reterr_len);
    poc_prover_done(prover);
    free(pool);
    return r < 0 ? -1 : 0;
}

int
poc_selftest(const struct poc_device *device, const struct poc_path *path, char *reterr, size_t reterr_len)
{
    for (size_t m = 0; m < sizeof(known) / sizeof(*known); m++) {
        double distances[NONCES];

        if (compute(device, path, &known[m], distances, reterr, reterr_len) < 0)
            return -1;
        for (int i = 0; i < NONCES; i++)
            if (!(fabs(distances[i] - known[m].distances[i]) <= POC_TOLERANCE)) {
                (void)snprintf(reterr, reterr_len,
                               "%s computes wrong on path %s: model %s, nonce %d: %.7f, it must be %.7f: do not use it "
                               "before its driver, clocks and memory were looked at",
                               device ? device->info.name : "this processor", path ? path->name : "plain",
                               known[m].name, i, distances[i], known[m].distances[i]);
                return -1;
            }
    }
    return 0;
}

int
poc_selftest_choose(const struct poc_device *device, const char *name, struct poc_path *ret, poc_note note,
                    void *userdata, char *reterr, size_t reterr_len)
{
    struct poc_path paths[16];
    unsigned        n = poc_paths(&device->info, paths, sizeof(paths) / sizeof(*paths));
    size_t          used = 0;
    char            text[256];

    (void)snprintf(reterr, reterr_len, "%s has no path named %s", device->info.name, name ? name : "");
    for (unsigned i = 0; i < n; i++) {
        char why[512] = "";

        if (name && strcmp(paths[i].name, name) != 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s: compiling and testing path %s", device->info.name, paths[i].name);
        note(userdata, text);
        if (poc_selftest(device, &paths[i], why, sizeof(why)) == 0) {
            *ret = paths[i];
            return 0;
        }
        note(userdata, why);
        if (used + 4 < reterr_len) {
            int more = snprintf(reterr + used, reterr_len - used, "%s%s", used ? "; " : "", why);

            used += more > 0 ? (size_t)more : 0;
        }
    }
    return -1;
}

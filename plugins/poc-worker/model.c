/* model.c: parameters, layout, inputs, target, distance and fraud test of a proof of compute. */
#include "plugins/poc-worker/model.h"

#include "plugins/poc-worker/random.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_LEAST 50000
#define POOL_SHARE 0.05

/* --- parameters ----------------------------------------------------------------------------------------------------
 */

static const struct {
    const char       *name;
    struct poc_params params;
} known[] = {
    {"v1",
     {.dim = 1024,
      .n_layers = 32,
      .n_heads = 32,
      .n_kv_heads = 32,
      .vocab_size = 8196,
      .ffn_dim_multiplier = 10.0,
      .multiple_of = 2048,
      .norm_eps = 1e-5,
      .rope_theta = 10000.0,
      .seq_len = 128}},
    {"v2",
     {.dim = 1792,
      .n_layers = 64,
      .n_heads = 64,
      .n_kv_heads = 64,
      .vocab_size = 8196,
      .ffn_dim_multiplier = 10.0,
      .multiple_of = 8192,
      .norm_eps = 1e-5,
      .rope_theta = 10000.0,
      .seq_len = 256}},
    {"default",
     {.dim = 2048,
      .n_layers = 16,
      .n_heads = 16,
      .n_kv_heads = 16,
      .vocab_size = 8192,
      .ffn_dim_multiplier = 1.3,
      .multiple_of = 1024,
      .norm_eps = 1e-5,
      .rope_theta = 500000.0,
      .seq_len = 16}},
};

int
poc_params_named(const char *name, struct poc_params *ret)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0) {
            *ret = known[i].params;
            return 0;
        }
    return -ENOENT;
}

int
poc_params_check(const struct poc_params *params, char *reterr, size_t reterr_len)
{
    const struct {
        const char *name;
        double      value;
        double      least;
        double      most;
    } ranges[] = {
        {"dim", params->dim, 2, 65536},
        {"n_layers", params->n_layers, 1, 1024},
        {"n_heads", params->n_heads, 1, 1024},
        {"n_kv_heads", params->n_kv_heads, 1, 1024},
        {"vocab_size", params->vocab_size, 1, 1 << 24},
        {"multiple_of", params->multiple_of, 1, 1 << 20},
        {"seq_len", params->seq_len, 1, 16384},
        {"ffn_dim_multiplier", params->ffn_dim_multiplier, 1e-3, 1e3},
        {"norm_eps", params->norm_eps, 0, 1},
        {"rope_theta", params->rope_theta, 1e-3, 1e12},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most)) {
            (void)snprintf(reterr, reterr_len, "params.%s is %g, it must be from %g to %g", ranges[i].name,
                           ranges[i].value, ranges[i].least, ranges[i].most);
            return -EINVAL;
        }
    if (params->dim % params->n_heads || (params->dim / params->n_heads) % 2)
        (void)snprintf(reterr, reterr_len, "params.dim (%u) must be an even multiple of params.n_heads (%u)",
                       params->dim, params->n_heads);
    else if (params->n_kv_heads > params->n_heads || params->n_heads % params->n_kv_heads)
        (void)snprintf(reterr, reterr_len, "params.n_heads (%u) must be a multiple of params.n_kv_heads (%u)",
                       params->n_heads, params->n_kv_heads);
    else if (poc_ffn_dim(params) == 0 || poc_ffn_dim(params) > 1u << 24)
        (void)snprintf(reterr, reterr_len, "params give a feed-forward width of %u, it must be from 1 to %u",
                       poc_ffn_dim(params), 1u << 24);
    else
        return 0;
    return -EINVAL;
}

uint32_t
poc_head_dim(const struct poc_params *params)
{
    return params->dim / params->n_heads;
}

uint32_t
poc_kv_dim(const struct poc_params *params)
{
    return poc_head_dim(params) * params->n_kv_heads;
}

uint32_t
poc_ffn_dim(const struct poc_params *params)
{
    double   hidden = floor(params->ffn_dim_multiplier * floor(2.0 * (4.0 * params->dim) / 3.0));
    uint64_t wide = (uint64_t)hidden;
    uint64_t step = params->multiple_of;

    wide = (wide + step - 1) / step * step;
    return wide > UINT32_MAX ? UINT32_MAX : (uint32_t)wide;
}

/* --- layout --------------------------------------------------------------------------------------------------------
 */

static const char *const layer_names[POC_LAYER_TENSORS] = {"attention.wq",    "attention.wk",    "attention.wv",
                                                           "attention.wo",    "feed_forward.w1", "feed_forward.w2",
                                                           "feed_forward.w3", "attention_norm",  "ffn_norm"};

static uint64_t
layer_tensor_size(const struct poc_params *params, enum poc_layer_tensor tensor)
{
    uint64_t dim = params->dim;

    switch (tensor) {
    case POC_WQ:
    case POC_WO:
        return dim * dim;
    case POC_WK:
    case POC_WV:
        return dim * poc_kv_dim(params);
    case POC_W1:
    case POC_W2:
    case POC_W3:
        return dim * poc_ffn_dim(params);
    default:
        return dim;
    }
}

uint64_t
poc_total(const struct poc_params *params)
{
    uint64_t layer = 0;

    for (int i = 0; i < POC_LAYER_TENSORS; i++)
        layer += layer_tensor_size(params, (enum poc_layer_tensor)i);
    return layer * params->n_layers + params->dim + 2 * (uint64_t)params->vocab_size * params->dim;
}

uint64_t
poc_pool_size(const struct poc_params *params)
{
    uint64_t share = (uint64_t)((double)poc_total(params) * POOL_SHARE);

    return share > POOL_LEAST ? share : POOL_LEAST;
}

/* The first eight hex digits of a digest, as a number. */
static int
place(const char *block_hash, const char *name, struct poc_tensor *tensor, uint64_t pool)
{
    size_t        room = strlen(block_hash) + strlen(name) + 2;
    char         *text = malloc(room);
    unsigned char digest[32];
    uint64_t      t;

    if (!text)
        return -ENOMEM;
    (void)snprintf(text, room, "%s_%s", block_hash, name);
    if (EVP_Digest(text, room - 1, digest, NULL, EVP_sha256(), NULL) != 1) {
        free(text);
        return -ENOMEM;
    }
    free(text);
    t = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 | digest[3];
    tensor->tiled = tensor->size > pool;
    tensor->start = tensor->tiled ? t % tensor->size : t % (pool - tensor->size + 1);
    return 0;
}

int
poc_layout_make(const struct poc_params *params, const char *block_hash, struct poc_layout *ret)
{
    char name[64];
    int  r = 0;

    *ret = (struct poc_layout){.total = poc_total(params), .pool = poc_pool_size(params)};
    ret->layers = calloc((size_t)params->n_layers * POC_LAYER_TENSORS, sizeof(*ret->layers));
    if (!ret->layers)
        return -ENOMEM;
    for (uint32_t layer = 0; r == 0 && layer < params->n_layers; layer++)
        for (int i = 0; r == 0 && i < POC_LAYER_TENSORS; i++) {
            struct poc_tensor *tensor = &ret->layers[layer * POC_LAYER_TENSORS + (uint32_t)i];

            tensor->size = layer_tensor_size(params, (enum poc_layer_tensor)i);
            (void)snprintf(name, sizeof(name), "layers.%" PRIu32 ".%s.weight", layer, layer_names[i]);
            r = place(block_hash, name, tensor, ret->pool);
        }
    ret->norm.size = params->dim;
    ret->output.size = (uint64_t)params->vocab_size * params->dim;
    if (r == 0)
        r = place(block_hash, "norm.weight", &ret->norm, ret->pool);
    if (r == 0)
        r = place(block_hash, "output.weight", &ret->output, ret->pool);
    if (r < 0)
        poc_layout_done(ret);
    return r;
}

void
poc_layout_done(struct poc_layout *layout)
{
    free(layout->layers);
    layout->layers = NULL;
}

void
poc_tensor_copy(const struct poc_tensor *tensor, const uint16_t *pool, uint64_t pool_size, uint64_t first, uint64_t n,
                uint16_t *ret)
{
    if (!tensor->tiled) {
        memcpy(ret, pool + tensor->start + first, n * sizeof(*ret));
        return;
    }
    while (n > 0) {
        uint64_t at = (tensor->start + first) % tensor->size; /* in the repeated pool */
        uint64_t run = pool_size - at % pool_size;

        if (run > tensor->size - at)
            run = tensor->size - at;
        if (run > n)
            run = n;
        memcpy(ret, pool + at % pool_size, run * sizeof(*ret));
        ret += run;
        first += run;
        n -= run;
    }
}

/* --- inputs, target, distance --------------------------------------------------------------------------------------
 */

/* The stream of "HASH_KEY" + before + nonce + after. */
static int
nonce_stream(struct poc_stream *stream, const char *block_hash, const char *public_key, const char *before,
             int64_t nonce, const char *after, unsigned h)
{
    size_t room = strlen(block_hash) + strlen(public_key) + 64;
    char  *text = malloc(room);
    int    r;

    if (!text)
        return -ENOMEM;
    (void)snprintf(text, room, "%s_%s%s%" PRId64 "%s", block_hash, public_key, before, nonce, after);
    r = poc_stream_init(stream, text, h);
    free(text);
    return r;
}

int
poc_input(const struct poc_params *params, const char *block_hash, const char *public_key, int64_t nonce, uint16_t *ret)
{
    struct poc_stream stream;
    double            values[256];
    size_t            left = (size_t)params->seq_len * params->dim;
    int               r = nonce_stream(&stream, block_hash, public_key, "_nonce", nonce, "", 4);

    while (r == 0 && left > 0) {
        size_t some = left < 256 ? left : 256;

        poc_fill_normals(&stream, values, some);
        poc_to_halves(values, ret, some);
        ret += some;
        left -= some;
    }
    return r;
}

/* Sums in the order of NumPy's pairwise summation would differ in the last place only; the reference's own norm is that
 * of BLAS. What is promised is 12 digits. */
static double
norm_of(const double *values, uint32_t n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += values[i] * values[i];
    return sqrt(sum);
}

int
poc_target(const char *block_hash, uint32_t vocab_size, double *ret)
{
    size_t            room = strlen(block_hash) + 8;
    char             *text = malloc(room);
    struct poc_stream stream;
    double            norm;
    int               r = text ? 0 : -ENOMEM;

    if (r == 0) {
        (void)snprintf(text, room, "%s_target", block_hash);
        r = poc_stream_init(&stream, text, 1);
    }
    free(text);
    if (r < 0)
        return r;
    poc_fill_normals(&stream, ret, vocab_size);
    norm = norm_of(ret, vocab_size);
    for (uint32_t i = 0; i < vocab_size; i++)
        ret[i] /= norm;
    return 0;
}

int
poc_nonce_permutation(const char *block_hash, const char *public_key, int64_t nonce, uint32_t vocab_size, uint32_t *ret)
{
    struct poc_stream stream;
    int               r = nonce_stream(&stream, block_hash, public_key, "_nonce_", nonce, "_permutations", 1);

    if (r == 0)
        poc_permutation(&stream, ret, vocab_size);
    return r;
}

double
poc_distance(const float *logits, const uint32_t *permutation, const double *target, uint32_t vocab_size)
{
    double norm = 0;
    double sum = 0;

    for (uint32_t i = 0; i < vocab_size; i++)
        norm += (double)logits[i] * (double)logits[i];
    norm = sqrt(norm);
    for (uint32_t i = 0; i < vocab_size; i++) {
        double apart = (double)logits[permutation[i]] / norm - target[i];

        sum += apart * apart;
    }
    return sqrt(sum);
}

/* --- fraud and nonces ----------------------------------------------------------------------------------------------
 */

/* The probability of exactly k. A product of k factors: large lgammas would cancel digits away. */
static double
exactly(uint64_t n, uint64_t k)
{
    double product = 1;
    double scale = (double)(n - k) * log1p(-POC_HONEST_MISS);

    for (uint64_t i = 1; i <= k; i++) {
        product *= (double)(n - k + i) / (double)i * POC_HONEST_MISS;
        if (product < 1e-200 || product > 1e200) {
            scale += log(product);
            product = 1;
        }
    }
    return product * exp(scale);
}

double
poc_fraud_probability(uint64_t n, uint64_t n_invalid)
{
    const double odds = POC_HONEST_MISS / (1 - POC_HONEST_MISS);
    double       term;
    double       sum;

    if (n_invalid == 0)
        return 1.0;
    if (n_invalid > n)
        return 0.0;
    if ((double)n_invalid <=
        (double)n * POC_HONEST_MISS) { /* the lower tail is the small one here: sum that, from the top */
        term = exactly(n, n_invalid - 1);
        sum = term;
        for (uint64_t k = n_invalid - 1; k > 0 && term > sum * 1e-18; k--) {
            term *= (double)k / ((double)(n - k + 1) * odds);
            sum += term;
        }
        return 1.0 - sum;
    }
    term = exactly(n, n_invalid);
    sum = term;
    for (uint64_t k = n_invalid; k < n && term > sum * 1e-18; k++) {
        term *= (double)(n - k) / (double)(k + 1) * odds;
        sum += term;
    }
    return sum;
}

int64_t
poc_nonce(uint32_t node_id, uint32_t node_count, uint32_t group, uint32_t groups, int64_t k)
{
    return (int64_t)node_id + (int64_t)group * node_count + k * ((int64_t)groups * node_count);
}

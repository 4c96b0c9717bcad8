/* forward.c: the forward pass in plain C. Rounding points as the reference has them. */
#include "plugins/poc-worker/forward.h"

#include "plugins/poc-worker/random.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARTIAL 16 /* sums kept side by side, for the compiler to make vectors of */

struct poc_forward {
    struct poc_params        params;
    const struct poc_layout *layout;
    const uint16_t          *pool;
    uint32_t                 head_dim;
    uint32_t                 kv_dim;
    uint32_t                 ffn_dim;
    uint16_t                *window; /* one row of a tensor */
    float                   *row;    /* the same as binary32 */
    float                   *cosine; /* seq_len x head_dim / 2 */
    float                   *sine;
    float                   *x;      /* seq_len x dim */
    float                   *n;      /* seq_len x dim */
    float                   *q;      /* seq_len x dim */
    float                   *k;      /* seq_len x kv_dim */
    float                   *v;      /* seq_len x kv_dim */
    float                   *att;    /* seq_len x dim */
    float                   *gate;   /* seq_len x ffn_dim */
    float                   *up;     /* seq_len x ffn_dim */
    float                   *scores; /* seq_len */
};

static float
rounded(float value)
{
    return poc_from_half(poc_to_half((double)value));
}

static uint32_t
larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* --- set up --------------------------------------------------------------------------------------------------------
 */

/* Llama 3.1's stretching: long waves are slowed by 8, short ones kept, those between mixed. */
static float
stretched(float frequency)
{
    const float context = 8192.0f;
    float       wave = 2.0f * (float)M_PI / frequency;
    float       share;

    if (wave < context / 4.0f)
        return frequency;
    if (wave > context)
        return frequency / 8.0f;
    share = (context / wave - 1.0f) / (4.0f - 1.0f);
    return (1.0f - share) * frequency / 8.0f + share * frequency;
}

void
poc_rotary_frequencies(const struct poc_params *params, float *ret)
{
    uint32_t head_dim = poc_head_dim(params);

    for (uint32_t i = 0; i < head_dim / 2; i++) {
        float exponent = (float)(2 * i) / (float)head_dim;

        ret[i] = 1.0f / powf((float)params->rope_theta, exponent);
        if (params->use_scaled_rope)
            ret[i] = stretched(ret[i]);
    }
}

static int
make_rotary(struct poc_forward *forward)
{
    uint32_t half = forward->head_dim / 2;
    float   *frequencies = calloc(half, sizeof(*frequencies));

    if (!frequencies)
        return -ENOMEM;
    poc_rotary_frequencies(&forward->params, frequencies);
    for (uint32_t position = 0; position < forward->params.seq_len; position++)
        for (uint32_t i = 0; i < half; i++) {
            float angle = (float)position * frequencies[i];

            forward->cosine[position * half + i] = rounded(cosf(angle));
            forward->sine[position * half + i] = rounded(sinf(angle));
        }
    free(frequencies);
    return 0;
}

int
poc_forward_make(const struct poc_params *params, const struct poc_layout *layout, const uint16_t *pool,
                 struct poc_forward **ret)
{
    struct poc_forward *forward = calloc(1, sizeof(*forward));
    size_t              seq = params->seq_len;
    size_t              widest;

    if (!forward)
        return -ENOMEM;
    forward->params = *params;
    forward->layout = layout;
    forward->pool = pool;
    forward->head_dim = poc_head_dim(params);
    forward->kv_dim = poc_kv_dim(params);
    forward->ffn_dim = poc_ffn_dim(params);
    widest = larger(params->dim, forward->ffn_dim);
    forward->window = calloc(widest, sizeof(*forward->window));
    forward->row = calloc(widest, sizeof(*forward->row));
    forward->cosine = calloc(seq * forward->head_dim / 2, sizeof(float));
    forward->sine = calloc(seq * forward->head_dim / 2, sizeof(float));
    forward->x = calloc(seq * params->dim, sizeof(float));
    forward->n = calloc(seq * params->dim, sizeof(float));
    forward->q = calloc(seq * params->dim, sizeof(float));
    forward->k = calloc(seq * forward->kv_dim, sizeof(float));
    forward->v = calloc(seq * forward->kv_dim, sizeof(float));
    forward->att = calloc(seq * params->dim, sizeof(float));
    forward->gate = calloc(seq * forward->ffn_dim, sizeof(float));
    forward->up = calloc(seq * forward->ffn_dim, sizeof(float));
    forward->scores = calloc(seq, sizeof(float));
    if (!forward->window || !forward->row || !forward->cosine || !forward->sine || !forward->x || !forward->n ||
        !forward->q || !forward->k || !forward->v || !forward->att || !forward->gate || !forward->up ||
        !forward->scores || make_rotary(forward) < 0) {
        poc_forward_done(forward);
        return -ENOMEM;
    }
    *ret = forward;
    return 0;
}

void
poc_forward_done(struct poc_forward *forward)
{
    if (!forward)
        return;
    free(forward->window);
    free(forward->row);
    free(forward->cosine);
    free(forward->sine);
    free(forward->x);
    free(forward->n);
    free(forward->q);
    free(forward->k);
    free(forward->v);
    free(forward->att);
    free(forward->gate);
    free(forward->up);
    free(forward->scores);
    free(forward);
}

/* --- tensor operations ---------------------------------------------------------------------------------------------
 */

static const float *
weights(struct poc_forward *forward, const struct poc_tensor *tensor, uint64_t first, uint32_t count)
{
    poc_tensor_copy(tensor, forward->pool, forward->layout->pool, first, count, forward->window);
    for (uint32_t i = 0; i < count; i++)
        forward->row[i] = poc_from_half(forward->window[i]);
    return forward->row;
}

static float
dot(const float *a, const float *b, uint32_t count)
{
    float    partial[PARTIAL] = {0};
    float    sum = 0;
    uint32_t i = 0;

    for (; i + PARTIAL <= count; i += PARTIAL)
        for (uint32_t k = 0; k < PARTIAL; k++)
            partial[k] += a[i + k] * b[i + k];
    for (; i < count; i++)
        sum += a[i] * b[i];
    for (uint32_t k = 0; k < PARTIAL; k++)
        sum += partial[k];
    return sum;
}

/* out[p][o] = in[p] . tensor[o], positions from..seq_len */
static void
project(struct poc_forward *forward, const struct poc_tensor *tensor, const float *in, uint32_t in_dim, float *out,
        uint32_t out_dim, uint32_t from)
{
    for (uint32_t o = 0; o < out_dim; o++) {
        const float *row = weights(forward, tensor, (uint64_t)o * in_dim, in_dim);

        for (uint32_t p = from; p < forward->params.seq_len; p++)
            out[(size_t)p * out_dim + o] = rounded(dot(in + (size_t)p * in_dim, row, in_dim));
    }
}

static void
normalise(struct poc_forward *forward, const struct poc_tensor *tensor, const float *in, float *out, uint32_t from)
{
    uint32_t     dim = forward->params.dim;
    const float *weight = weights(forward, tensor, 0, dim);

    for (uint32_t p = from; p < forward->params.seq_len; p++) {
        const float *x = in + (size_t)p * dim;
        float        scale = 1.0f / sqrtf(dot(x, x, dim) / (float)dim + (float)forward->params.norm_eps);

        for (uint32_t i = 0; i < dim; i++)
            out[(size_t)p * dim + i] = rounded(rounded(x[i] * scale) * weight[i]);
    }
}

static void
rotate(const struct poc_forward *forward, float *values, uint32_t width, uint32_t from)
{
    uint32_t half = forward->head_dim / 2;

    for (uint32_t p = from; p < forward->params.seq_len; p++)
        for (uint32_t i = 0; i < width / 2; i++) {
            float *pair = values + (size_t)p * width + 2 * i;
            float  c = forward->cosine[p * half + i % half];
            float  s = forward->sine[p * half + i % half];
            float  turned = rounded(pair[0] * c - pair[1] * s);

            pair[1] = rounded(pair[0] * s + pair[1] * c);
            pair[0] = turned;
        }
}

static void
softmax(float *scores, uint32_t count)
{
    float most = scores[0];
    float sum = 0;

    for (uint32_t i = 1; i < count; i++)
        most = scores[i] > most ? scores[i] : most;
    for (uint32_t i = 0; i < count; i++) {
        scores[i] = expf(scores[i] - most);
        sum += scores[i];
    }
    for (uint32_t i = 0; i < count; i++)
        scores[i] = rounded(scores[i] / sum);
}

static void
attend(struct poc_forward *forward, uint32_t from)
{
    uint32_t head_dim = forward->head_dim;
    uint32_t shared = forward->params.n_heads / forward->params.n_kv_heads;
    float    root = sqrtf((float)head_dim);

    for (uint32_t p = from; p < forward->params.seq_len; p++)
        for (uint32_t head = 0; head < forward->params.n_heads; head++) {
            const float *q = forward->q + (size_t)p * forward->params.dim + (size_t)head * head_dim;
            size_t       kv = (size_t)(head / shared) * head_dim;
            float       *out = forward->att + (size_t)p * forward->params.dim + (size_t)head * head_dim;

            for (uint32_t t = 0; t <= p; t++)
                forward->scores[t] =
                    rounded(rounded(dot(q, forward->k + (size_t)t * forward->kv_dim + kv, head_dim)) / root);
            softmax(forward->scores, p + 1);
            for (uint32_t i = 0; i < head_dim; i++) {
                float sum = 0;

                for (uint32_t t = 0; t <= p; t++)
                    sum += forward->scores[t] * forward->v[(size_t)t * forward->kv_dim + kv + i];
                out[i] = rounded(sum);
            }
        }
}

static void
add(float *x, const float *more, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        x[i] = rounded(x[i] + more[i]);
}

static void
gate_up(struct poc_forward *forward, uint32_t from)
{
    size_t first = (size_t)from * forward->ffn_dim;
    size_t end = (size_t)forward->params.seq_len * forward->ffn_dim;

    for (size_t i = first; i < end; i++) {
        float g = forward->gate[i];

        forward->gate[i] = rounded(rounded(g / (1.0f + expf(-g))) * forward->up[i]);
    }
}

/* After the last layer only the last position is looked at: `from` is where the positions that matter begin, once the
 * keys and values of all are there. */
static void
layer(struct poc_forward *forward, const struct poc_tensor *tensors, uint32_t from)
{
    uint32_t dim = forward->params.dim;
    size_t   first = (size_t)from * dim;
    size_t   end = (size_t)forward->params.seq_len * dim;

    normalise(forward, &tensors[POC_ATT_NORM], forward->x, forward->n, 0);
    project(forward, &tensors[POC_WQ], forward->n, dim, forward->q, dim, from);
    project(forward, &tensors[POC_WK], forward->n, dim, forward->k, forward->kv_dim, 0);
    project(forward, &tensors[POC_WV], forward->n, dim, forward->v, forward->kv_dim, 0);
    rotate(forward, forward->q, dim, from);
    rotate(forward, forward->k, forward->kv_dim, 0);
    attend(forward, from);
    project(forward, &tensors[POC_WO], forward->att, dim, forward->n, dim, from);
    add(forward->x, forward->n, first, end);
    normalise(forward, &tensors[POC_FFN_NORM], forward->x, forward->n, from);
    project(forward, &tensors[POC_W1], forward->n, dim, forward->gate, forward->ffn_dim, from);
    project(forward, &tensors[POC_W3], forward->n, dim, forward->up, forward->ffn_dim, from);
    gate_up(forward, from);
    project(forward, &tensors[POC_W2], forward->gate, forward->ffn_dim, forward->n, dim, from);
    add(forward->x, forward->n, first, end);
}

int
poc_forward_logits(struct poc_forward *forward, const uint16_t *input, float *ret, int (*cancelled)(void *userdata),
                   void *userdata)
{
    uint32_t dim = forward->params.dim;
    uint32_t last = forward->params.seq_len - 1;

    for (size_t i = 0; i < (size_t)forward->params.seq_len * dim; i++)
        forward->x[i] = poc_from_half(input[i]);
    for (uint32_t i = 0; i < forward->params.n_layers; i++) {
        if (cancelled && cancelled(userdata))
            return -ECANCELED;
        layer(forward, forward->layout->layers + (size_t)i * POC_LAYER_TENSORS,
              i + 1 == forward->params.n_layers ? last : 0);
    }
    normalise(forward, &forward->layout->norm, forward->x, forward->n, last);
    for (uint32_t o = 0; o < forward->params.vocab_size; o++) {
        const float *row = weights(forward, &forward->layout->output, (uint64_t)o * dim, dim);

        ret[o] = rounded(dot(forward->n + (size_t)last * dim, row, dim));
    }
    return 0;
}

/*
 * model.h: the model of a proof of compute: its parameters, where each tensor lies in the pool, the inputs of a nonce,
 * the target, the distance, and the fraud test. Everything here is exact; the forward pass is elsewhere.
 */
#ifndef POC_MODEL_H
#define POC_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* As in the network's requests (`params` of init/generate). */
struct poc_params {
    uint32_t dim;
    uint32_t n_layers;
    uint32_t n_heads;
    uint32_t n_kv_heads;
    uint32_t vocab_size;
    uint32_t multiple_of;
    uint32_t seq_len;
    uint32_t use_scaled_rope; /* 0 or 1 */
    double   ffn_dim_multiplier;
    double   norm_eps;
    double   rope_theta;
};

/* "v1", "v2", "default" (what a request gets that names none): 0, else -ENOENT. */
int poc_params_named(const char *name, struct poc_params *ret);

/* 0, or -EINVAL with a sentence about the member that is wrong. */
int poc_params_check(const struct poc_params *params, char *reterr, size_t reterr_len);

uint32_t poc_head_dim(const struct poc_params *params);
uint32_t poc_ffn_dim(const struct poc_params *params);
uint32_t poc_kv_dim(const struct poc_params *params);

/* A tensor is a window into the pool: element k is pool[start + k]; when it is larger than the pool (`tiled`) it is the
 * repeated pool rotated left by start, which poc_tensor_copy() spells out. */
struct poc_tensor {
    uint64_t start;
    uint64_t size;
    int      tiled;
};

enum poc_layer_tensor {
    POC_WQ,
    POC_WK,
    POC_WV,
    POC_WO,
    POC_W1,
    POC_W2,
    POC_W3,
    POC_ATT_NORM,
    POC_FFN_NORM,
    POC_LAYER_TENSORS
};

struct poc_layout {
    uint64_t           total;  /* numbers of all tensors, the unused token embeddings included */
    uint64_t           pool;   /* numbers in the pool */
    struct poc_tensor *layers; /* n_layers x POC_LAYER_TENSORS */
    struct poc_tensor  norm;
    struct poc_tensor  output;
};

/* Where the tensors of this block hash lie. 0, or -ENOMEM. End with poc_layout_done(). */
int  poc_layout_make(const struct poc_params *params, const char *block_hash, struct poc_layout *ret);
void poc_layout_done(struct poc_layout *layout);

/* Numbers of all tensors and of the pool, without making anything. */
uint64_t poc_total(const struct poc_params *params);
uint64_t poc_pool_size(const struct poc_params *params);

/* Copies elements first..first+n of a tensor. */
void poc_tensor_copy(const struct poc_tensor *tensor, const uint16_t *pool, uint64_t pool_size, uint64_t first,
                     uint64_t n, uint16_t *ret);

/* seq_len x dim halves: the input of a nonce, 0 <= nonce < 2^63. 0, or -ENOMEM. */
int poc_input(const struct poc_params *params, const char *block_hash, const char *public_key, int64_t nonce,
              uint16_t *ret);

/* vocab_size doubles of Euclidean norm 1. 0, or -ENOMEM. */
int poc_target(const char *block_hash, uint32_t vocab_size, double *ret);

/* vocab_size numbers: logits[ret[k]] is compared with target[k]. 0, or -ENOMEM. */
int poc_nonce_permutation(const char *block_hash, const char *public_key, int64_t nonce, uint32_t vocab_size,
                          uint32_t *ret);

/* The distance of binary32 logits to the target. */
double poc_distance(const float *logits, const uint32_t *permutation, const double *target, uint32_t vocab_size);

#define POC_HONEST_MISS \
    5e-4 /* the share of nonces of an honest worker that another one's roundings put over the target */

/* P(X >= n_invalid), X binomial of n and POC_HONEST_MISS: the exact upper tail. 1 when n_invalid is 0. */
double poc_fraud_probability(uint64_t n, uint64_t n_invalid);

/* The k-th nonce of one of `groups` device groups of worker node_id of node_count. */
int64_t poc_nonce(uint32_t node_id, uint32_t node_count, uint32_t group, uint32_t groups, int64_t k);

#endif

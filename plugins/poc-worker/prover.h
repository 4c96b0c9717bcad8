/*
 * prover.h: distances of nonces: inputs, forward pass, permutation, distance. On an OpenCL device, or in plain C.
 *
 * Inputs of one batch can be made in one thread while another batch is computed: there are two slots. A slot belongs to
 * one thread at a time.
 */
#ifndef POC_PROVER_H
#define POC_PROVER_H

#include "plugins/poc-worker/engine.h"

#define POC_SLOTS 2

/* What is proved. Texts and pool are borrowed as long as a prover uses them. */
struct poc_work {
    struct poc_params params;
    const char       *block_hash;
    const char       *public_key;
    const uint16_t   *pool; /* poc_pool_size(&params) numbers */
};

struct poc_prover;

/* `device` NULL: plain C on this thread, path and max_batch are not looked at but for the batch. 0, or -1 with a
 * sentence. */
int poc_prover_make(const struct poc_work *work, const struct poc_device *device, const struct poc_path *path,
                    uint32_t max_batch, struct poc_prover **ret, char *reterr, size_t reterr_len);

/* Whose nonces follow, instead of the work's own; borrowed. No slot is in use meanwhile. */
void poc_prover_set_key(struct poc_prover *prover, const char *public_key);

/* Makes the inputs of n <= max_batch nonces in this slot, for a card on many threads at once. 0, or -ENOMEM. */
int poc_prover_prepare(struct poc_prover *prover, unsigned slot, const int64_t *nonces, uint32_t n);

/* Computes what the slot holds: its n distances. 0, -ECANCELED, or -EIO with a sentence. */
int poc_prover_compute(struct poc_prover *prover, unsigned slot, double *ret, int (*cancelled)(void *userdata),
                       void *userdata, char *reterr, size_t reterr_len);

uint32_t poc_prover_max_batch(const struct poc_prover *prover);

/* Borrowed; NULL in plain C. */
struct poc_engine *poc_prover_engine(const struct poc_prover *prover);

void poc_prover_done(struct poc_prover *prover);

#endif

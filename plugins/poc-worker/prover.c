/* prover.c: from nonces to distances. */
#include "plugins/poc-worker/prover.h"

#include "plugins/poc-worker/forward.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANDS_MAX 16 /* threads that make inputs for a card */

struct slot {
    int64_t  *nonces;
    uint16_t *inputs; /* max_batch x seq_len x dim */
    uint32_t  n;
};

struct poc_prover {
    struct poc_work     work;
    struct poc_layout   layout;
    struct poc_engine  *engine;  /* or */
    struct poc_forward *forward; /* plain C */
    uint32_t            max_batch;
    unsigned            hands;       /* threads that make inputs */
    double             *target;      /* vocab_size */
    uint32_t           *permutation; /* vocab_size */
    float              *logits;      /* max_batch x vocab_size */
    struct slot         slots[POC_SLOTS];
};

static int
make_memory(struct poc_prover *prover)
{
    const struct poc_params *params = &prover->work.params;

    prover->target = calloc(params->vocab_size, sizeof(*prover->target));
    prover->permutation = calloc(params->vocab_size, sizeof(*prover->permutation));
    prover->logits = calloc((size_t)prover->max_batch * params->vocab_size, sizeof(*prover->logits));
    for (int i = 0; i < POC_SLOTS; i++) {
        prover->slots[i].nonces = calloc(prover->max_batch, sizeof(int64_t));
        prover->slots[i].inputs = calloc((size_t)prover->max_batch * params->seq_len * params->dim, sizeof(uint16_t));
        if (!prover->slots[i].nonces || !prover->slots[i].inputs)
            return -ENOMEM;
    }
    if (!prover->target || !prover->permutation || !prover->logits)
        return -ENOMEM;
    return poc_target(prover->work.block_hash, params->vocab_size, prover->target);
}

/* A processor computes meanwhile itself; for a card all cores are free. */
static unsigned
hands_for(const struct poc_device *device)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (!device || device->info.is_cpu || cores < 2)
        return 1;
    return cores < HANDS_MAX ? (unsigned)cores : HANDS_MAX;
}

int
poc_prover_make(const struct poc_work *work, const struct poc_device *device, const struct poc_path *path,
                uint32_t max_batch, struct poc_prover **ret, char *reterr, size_t reterr_len)
{
    struct poc_prover *prover = calloc(1, sizeof(*prover));
    int                r = prover ? 0 : -ENOMEM;

    if (r == 0) {
        prover->work = *work;
        prover->max_batch = max_batch > 0 ? max_batch : 1;
        prover->hands = hands_for(device);
        r = poc_layout_make(&work->params, work->block_hash, &prover->layout);
    }
    if (r == 0)
        r = make_memory(prover);
    if (r == 0 && !device)
        r = poc_forward_make(&work->params, &prover->layout, work->pool, &prover->forward);
    if (r < 0)
        (void)snprintf(reterr, reterr_len, "out of memory for a batch of %u", max_batch);
    else if (device)
        r = poc_engine_make(device, path, &work->params, &prover->layout, work->pool, prover->max_batch,
                            &prover->engine, reterr, reterr_len);
    if (r < 0) {
        poc_prover_done(prover);
        return -1;
    }
    *ret = prover;
    return 0;
}

void
poc_prover_set_key(struct poc_prover *prover, const char *public_key)
{
    prover->work.public_key = public_key;
}

struct share {
    struct poc_prover *prover;
    struct slot       *slot;
    _Atomic uint32_t   next; /* the nonce that the next free hand takes */
    _Atomic int        r;
};

static void *
make_inputs(void *userdata)
{
    struct share            *share = userdata;
    const struct poc_work   *work = &share->prover->work;
    const struct poc_params *params = &work->params;
    uint32_t                 i;

    while ((i = atomic_fetch_add(&share->next, 1)) < share->slot->n) {
        int r = poc_input(params, work->block_hash, work->public_key, share->slot->nonces[i],
                          share->slot->inputs + (size_t)i * params->seq_len * params->dim);

        if (r < 0)
            atomic_store(&share->r, r);
    }
    return NULL;
}

int
poc_prover_prepare(struct poc_prover *prover, unsigned slot, const int64_t *nonces, uint32_t n)
{
    struct share share = {.prover = prover, .slot = &prover->slots[slot]};
    pthread_t    others[HANDS_MAX];
    unsigned     n_others = 0;

    memcpy(share.slot->nonces, nonces, n * sizeof(*nonces));
    share.slot->n = n;
    while (n_others + 1 < prover->hands && n_others + 1 < n &&
           pthread_create(&others[n_others], NULL, make_inputs, &share) == 0)
        n_others++; /* without another thread it only takes longer */
    (void)make_inputs(&share);
    for (unsigned i = 0; i < n_others; i++)
        (void)pthread_join(others[i], NULL);
    return atomic_load(&share.r);
}

static int
plain_logits(struct poc_prover *prover, const struct slot *slot, int (*cancelled)(void *userdata), void *userdata)
{
    const struct poc_params *params = &prover->work.params;
    int                      r = 0;

    for (uint32_t i = 0; r == 0 && i < slot->n; i++)
        r = poc_forward_logits(prover->forward, slot->inputs + (size_t)i * params->seq_len * params->dim,
                               prover->logits + (size_t)i * params->vocab_size, cancelled, userdata);
    return r;
}

int
poc_prover_compute(struct poc_prover *prover, unsigned slot, double *ret, int (*cancelled)(void *userdata),
                   void *userdata, char *reterr, size_t reterr_len)
{
    const struct slot *at = &prover->slots[slot];
    const uint32_t     vocab = prover->work.params.vocab_size;
    int r = prover->engine ? poc_engine_logits(prover->engine, at->inputs, at->n, prover->logits, cancelled, userdata,
                                               reterr, reterr_len)
                           : plain_logits(prover, at, cancelled, userdata);

    for (uint32_t i = 0; r == 0 && i < at->n; i++) {
        r = poc_nonce_permutation(prover->work.block_hash, prover->work.public_key, at->nonces[i], vocab,
                                  prover->permutation);
        if (r == 0)
            ret[i] = poc_distance(prover->logits + (size_t)i * vocab, prover->permutation, prover->target, vocab);
        else
            (void)snprintf(reterr, reterr_len, "out of memory");
    }
    return r == 0 || r == -ECANCELED ? r : -EIO;
}

uint32_t
poc_prover_max_batch(const struct poc_prover *prover)
{
    return prover->max_batch;
}

struct poc_engine *
poc_prover_engine(const struct poc_prover *prover)
{
    return prover->engine;
}

void
poc_prover_done(struct poc_prover *prover)
{
    if (!prover)
        return;
    poc_engine_done(prover->engine);
    poc_forward_done(prover->forward);
    poc_layout_done(&prover->layout);
    free(prover->target);
    free(prover->permutation);
    free(prover->logits);
    for (int i = 0; i < POC_SLOTS; i++) {
        free(prover->slots[i].nonces);
        free(prover->slots[i].inputs);
    }
    free(prover);
}

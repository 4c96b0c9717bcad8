/*
 * engine.h: the forward pass on an OpenCL device. Weights stay in the pool: nothing on the device materialises the
 * model, a product reads its window.
 *
 * Not thread-safe; one engine for one device in one process.
 */
#ifndef POC_ENGINE_H
#define POC_ENGINE_H

#include "plugins/poc-worker/device.h"
#include "plugins/poc-worker/model.h"

/* How a device computes: a set of kernels and their sizes. */
struct poc_path {
    const char *name;      /* "cpu", "hopper", "nvidia", "subgroup", "portable" */
    uint32_t    lanes;     /* columns of a tile of activations */
    uint32_t    cell;      /* bytes of an activation */
    uint32_t    rows;      /* of a weight matrix for one work-group of a product */
    uint32_t    span;      /* tiles for one work-group of a product */
    uint32_t    packs;     /* 1: activations are rows, and weights are unpacked before a product (engine_rows.c) */
    uint32_t    items;     /* work-items of a work-group of a product and of `normalise` */
    uint32_t    slice;     /* features of the feed-forward at a time; 0: all, and `product` has no arguments for less */
    uint32_t    one_query; /* 1: `attend` has a work-item for each column, 0: for each tile */
    char        options[160];
};

/* The sets of kernels that may be tried on this device, the likeliest first; tuning picks among those of one name.
 * Returns how many were written to ret. */
unsigned poc_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max);

/* What a path is compiled of. */
struct poc_sources {
    const char *texts[4];
    unsigned    n;
};
const struct poc_sources *poc_path_sources(const struct poc_path *path);

/* The first of that name, or -ENOENT. NULL: the first for this device. */
int poc_path_named(const struct poc_device_info *info, const char *name, struct poc_path *ret);

struct poc_engine;

/*
 * An engine for batches of up to max_batch nonces. `layout` is borrowed until poc_engine_done(), `pool` too (a device
 * that shares the machine's memory reads it in place). 0, or -1 with a sentence: the kernels, or memory.
 */
int poc_engine_make(const struct poc_device *device, const struct poc_path *path, const struct poc_params *params,
                    const struct poc_layout *layout, const uint16_t *pool, uint32_t max_batch, struct poc_engine **ret,
                    char *reterr, size_t reterr_len);

/* What poc_engine_make() would take on the device besides the pool, bytes. */
uint64_t poc_engine_work_memory(const struct poc_path *path, const struct poc_params *params, uint32_t max_batch);

/*
 * Logits of the last position of each of n <= max_batch inputs (n x seq_len x dim halves) to ret (n x vocab_size).
 * cancelled() is asked once a layer and may be NULL. 0, -ECANCELED, or -EIO with a sentence.
 */
int poc_engine_logits(struct poc_engine *engine, const uint16_t *inputs, uint32_t n, float *ret,
                      int (*cancelled)(void *userdata), void *userdata, char *reterr, size_t reterr_len);

void poc_engine_done(struct poc_engine *engine);

/* Stages of which the time is kept. */
enum poc_stage { POC_STAGE_PRODUCT, POC_STAGE_ATTEND, POC_STAGE_OTHER, POC_STAGES };

/* From now on the device's own clock is read after every layer (a little slower). */
void poc_engine_measure(struct poc_engine *engine, int on);

/* Seconds on the device since measuring began, by stage, and the multiply-adds of the products, times two. */
void poc_engine_measured(const struct poc_engine *engine, double ret_seconds[POC_STAGES], double *ret_operations);

#endif

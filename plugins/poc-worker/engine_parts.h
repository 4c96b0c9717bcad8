/* engine_parts.h: what engine.c makes and engine_forward.c uses. */
#ifndef POC_ENGINE_PARTS_H
#define POC_ENGINE_PARTS_H

#include "plugins/poc-worker/engine.h"

/* The kernels by name, in this order. */
enum kernel_name {
    K_PLAIN,
    K_ROTARY,
    K_ADD,
    K_GATE,
    K_NORMALISE,
    K_ATTEND,
    K_ATTEND_LAST,
    K_GATHER,
    K_SPREAD,
    K_COLLECT,
    KERNELS
};

enum buffer_name {
    B_INPUT, /* halves as they came */
    B_X,     /* the residual stream */
    B_N,     /* normalised; later the attention's output */
    B_Q,
    B_K,
    B_V,
    B_GATE, /* gate, then gate times up */
    B_SCORES,
    B_ANGLES, /* of all positions */
    B_X_LAST, /* from here on: last positions alone */
    B_N_LAST,
    B_Q_LAST,
    B_GATE_LAST,
    B_OUTPUT,
    B_LOGITS,
    B_ANGLES_LAST,
    BUFFERS
};

#define SEGMENTS_MAX 64

struct poc_engine {
    const struct poc_device *device;
    struct poc_path          path;
    struct poc_params        params;
    const struct poc_layout *layout;
    uint32_t                 max_batch;
    uint32_t                 period; /* tiles of a nonce */
    cl_program               program;
    cl_kernel                kernels[KERNELS];
    cl_mem                   buffers[BUFFERS];
    cl_mem                   segments[SEGMENTS_MAX]; /* the pool, in pieces that the device can hold */
    uint64_t                 segment_step;           /* numbers from the start of one to that of the next */
    uint64_t                 segment_size;           /* numbers; the tail of one is the head of the next */
    unsigned                 n_segments;
    int                      measuring;
    double                   seconds[POC_STAGES];
    double                   operations;
};

/* Bytes of each buffer for a batch. */
void engine_sizes(const struct poc_path *path, const struct poc_params *params, uint32_t batch, size_t ret[BUFFERS]);

#endif

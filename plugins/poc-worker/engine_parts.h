/* engine_parts.h: what engine.c makes, and what engine_forward.c and engine_rows.c share. */
#ifndef POC_ENGINE_PARTS_H
#define POC_ENGINE_PARTS_H

#include "plugins/poc-worker/engine.h"

/* The kernels; a path need not have the last ones. */
enum kernel_name {
    K_PLAIN, /* the products, in the order of their names in the kernels */
    K_ROTARY,
    K_ADD,
    K_GATE,
    K_KEEP,
    K_NORMALISE,
    K_ATTEND,
    K_ATTEND_LAST,
    K_GATHER,
    K_SPREAD,
    K_COLLECT,
    K_PACK,
    K_ATTEND_32,
    K_ATTEND_64,
    KERNELS
};

enum buffer_name {
    B_INPUT, /* halves as they came */
    B_X,     /* the residual stream */
    B_N,     /* normalised; later the attention's output */
    B_Q,
    B_K,
    B_V,
    B_GATE, /* gate, then gate times up: of a slice */
    B_KEPT, /* the feed-forward's sums over the slices so far */
    B_SCORES,
    B_ANGLES, /* of all positions */
    B_X_LAST, /* from here on: last positions alone */
    B_N_LAST,
    B_Q_LAST,
    B_GATE_LAST,
    B_OUTPUT,
    B_LOGITS,
    B_ANGLES_LAST,
    B_PACKED, /* a tensor, or gate and up together */
    BUFFERS
};

#define SEGMENTS_MAX 64
#define EVENTS_MAX 32

struct pass;

/* How a path's kernels are put together. */
struct engine_way {
    const char *kernels[KERNELS]; /* names; NULL: it has none */
    void (*sizes)(const struct poc_path *path, const struct poc_params *params, uint32_t batch, size_t ret[BUFFERS]);
    void (*spread)(struct pass *pass, uint32_t n); /* the inputs to activations */
    void (*layer)(struct pass *pass, uint32_t number, uint32_t n);
    void (*output)(struct pass *pass, uint32_t n); /* from the last layer to B_LOGITS */
};

extern const struct engine_way engine_tiles; /* engine_forward.c */
extern const struct engine_way engine_rows;  /* engine_rows.c */

struct poc_engine {
    const struct poc_device *device;
    struct poc_path          path;
    const struct engine_way *way;
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

/* One forward pass under way. The first error ends it: what follows is not enqueued. */
struct pass {
    struct poc_engine *engine;
    cl_int             code;
    const char        *where; /* the step that failed */
    cl_event           events[EVENTS_MAX];
    enum poc_stage     stages[EVENTS_MAX];
    unsigned           n_events;
};

struct arg {
    size_t      size;
    const void *value;
};

#define ARG(x)          \
    {                   \
        sizeof(x), &(x) \
    }

/* `local` NULL: the driver's choice. Static text `where`. */
void pass_enqueue(struct pass *pass, enum kernel_name name, const struct arg *args, unsigned n_args,
                  const size_t global[3], const size_t *local, const char *where);

/* The piece of the pool that holds the tensor whole, and where in it the tensor begins. */
cl_mem pass_segment(const struct pass *pass, const struct poc_tensor *tensor, cl_ulong *ret_start);

#endif

/* engine_forward.c: the forward pass as a sequence of kernels. */
#include "plugins/poc-worker/engine_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One forward pass under way. The first error ends it: what follows is not enqueued. */
struct pass {
    struct poc_engine *engine;
    cl_int             code;
    const char        *where; /* the step that failed */
    cl_event           events[32];
    enum poc_stage     stages[32];
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

static void
enqueue(struct pass *pass, enum kernel_name name, const struct arg *args, unsigned n_args, const size_t global[3],
        const size_t *local, const char *where)
{
    cl_kernel   kernel = pass->engine->kernels[name];
    const int   measured = pass->engine->measuring && pass->n_events < 32;
    const char *before = pass->where;

    if (pass->code != CL_SUCCESS)
        return;
    pass->where = where;
    for (unsigned i = 0; pass->code == CL_SUCCESS && i < n_args; i++)
        pass->code = clSetKernelArg(kernel, i, args[i].size, args[i].value);
    if (pass->code == CL_SUCCESS)
        pass->code = clEnqueueNDRangeKernel(pass->engine->device->queue, kernel, 3, NULL, global, local, 0, NULL,
                                            measured ? &pass->events[pass->n_events] : NULL);
    if (pass->code != CL_SUCCESS)
        return;
    pass->where = before;
    if (measured)
        pass->stages[pass->n_events++] = name <= K_GATE                              ? POC_STAGE_PRODUCT
                                         : name == K_ATTEND || name == K_ATTEND_LAST ? POC_STAGE_ATTEND
                                                                                     : POC_STAGE_OTHER;
}

/* Waits for all that was enqueued, and reads the device's clock. */
static void
settle(struct pass *pass)
{
    cl_int code = clFinish(pass->engine->device->queue);

    if (pass->code == CL_SUCCESS && code != CL_SUCCESS) {
        pass->code = code;
        pass->where = "waiting for the device";
    }
    for (unsigned i = 0; i < pass->n_events; i++) {
        cl_ulong begin = 0;
        cl_ulong end = 0;

        if (clGetEventProfilingInfo(pass->events[i], CL_PROFILING_COMMAND_START, sizeof(begin), &begin, NULL) ==
                CL_SUCCESS &&
            clGetEventProfilingInfo(pass->events[i], CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL) == CL_SUCCESS &&
            end > begin)
            pass->engine->seconds[pass->stages[i]] += (double)(end - begin) * 1e-9;
        (void)clReleaseEvent(pass->events[i]);
    }
    pass->n_events = 0;
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

/* The piece of the pool that holds the tensor whole, and where in it the tensor begins. */
static cl_mem
segment_of(const struct poc_engine *engine, const struct poc_tensor *tensor, cl_ulong *ret_start)
{
    uint64_t i = engine->n_segments == 1 ? 0 : tensor->start / engine->segment_step;

    if (i >= engine->n_segments)
        i = engine->n_segments - 1;
    *ret_start = tensor->start - i * engine->segment_step;
    return engine->segments[i];
}

/* y = W x over `tiles`; `other` and `angles` as the kernel needs them. */
static void
product(struct pass *pass, enum kernel_name name, const struct poc_tensor *tensor, enum buffer_name x,
        enum buffer_name y, uint32_t rows, uint32_t width, uint32_t tiles, enum buffer_name angles, const char *where)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = segment_of(engine, tensor, &start);
    cl_ulong           size = tensor->tiled ? tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            head_dim = poc_head_dim(&engine->params);
    cl_uint            period = angles == B_ANGLES_LAST ? 1 : engine->period;
    cl_mem            *in = &engine->buffers[x];
    cl_mem            *out = &engine->buffers[y];
    cl_mem            *turn = &engine->buffers[angles];
    const struct arg args[] = {ARG(pool),  ARG(start), ARG(size), ARG(pool_size), ARG(*in),      ARG(*out),  ARG(rows),
                               ARG(width), ARG(tiles), ARG(*out), ARG(*turn),     ARG(head_dim), ARG(period)};
    const size_t     global[3] = {(size_t)((rows + engine->path.rows - 1) / engine->path.rows) * engine->path.items,
                                  (tiles + engine->path.span - 1) / engine->path.span, 1};
    const size_t     local[3] = {engine->path.items, 1, 1};

    enqueue(pass, name, args, sizeof(args) / sizeof(*args), global, local, where);
    if (engine->measuring)
        engine->operations += 2.0 * rows * width * tiles * engine->path.lanes;
}

static void
normalise(struct pass *pass, const struct poc_tensor *tensor, enum buffer_name x, enum buffer_name y, uint32_t tiles)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = segment_of(engine, tensor, &start);
    cl_ulong           size = tensor->tiled ? tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            width = engine->params.dim;
    cl_float           eps = (cl_float)engine->params.norm_eps;
    const struct arg   args[] = {
          ARG(pool),  ARG(start), ARG(size), ARG(pool_size), ARG(engine->buffers[x]), ARG(engine->buffers[y]),
          ARG(width), ARG(eps)};
    const size_t global[3] = {(size_t)tiles * engine->path.items, 1, 1};
    const size_t local[3] = {engine->path.items, 1, 1};

    enqueue(pass, K_NORMALISE, args, sizeof(args) / sizeof(*args), global, local, "normalising");
}

static void
attend(struct pass *pass, enum kernel_name name, enum buffer_name q, enum buffer_name out, uint32_t n)
{
    struct poc_engine *engine = pass->engine;
    cl_uint            heads = engine->params.n_heads;
    cl_uint            shared = heads / engine->params.n_kv_heads;
    cl_uint            head_dim = poc_head_dim(&engine->params);
    cl_uint            period = engine->period;
    cl_uint            length = engine->params.seq_len;
    const struct arg   args[] = {ARG(engine->buffers[q]),
                                 ARG(engine->buffers[B_K]),
                                 ARG(engine->buffers[B_V]),
                                 ARG(engine->buffers[B_SCORES]),
                                 ARG(engine->buffers[out]),
                                 ARG(heads),
                                 ARG(shared),
                                 ARG(head_dim),
                                 ARG(period),
                                 ARG(length)};
    const size_t       columns = (size_t)period * n * (engine->path.one_query ? engine->path.lanes : 1);
    const size_t       global[3] = {name == K_ATTEND ? columns : n, heads, 1};
    const size_t       alone[3] = {1, 1, 1};

    enqueue(pass, name, args, sizeof(args) / sizeof(*args), global, engine->path.one_query ? NULL : alone, "attention");
}

/* [features] of `n` nonces: K_GATHER, or K_COLLECT; of all positions: K_SPREAD. */
static void
move(struct pass *pass, enum kernel_name name, enum buffer_name from, enum buffer_name to, uint32_t width, uint32_t n)
{
    struct poc_engine *engine = pass->engine;
    cl_uint            period = engine->period;
    cl_uint            length = engine->params.seq_len;
    const struct arg   args[] = {ARG(engine->buffers[from]), ARG(engine->buffers[to]), ARG(width), ARG(period),
                                 ARG(length)};
    const size_t       positions = (size_t)period * engine->path.lanes;
    const size_t       global[3] = {width, name == K_SPREAD ? positions : n, name == K_SPREAD ? n : 1};

    enqueue(pass, name, args, name == K_COLLECT ? 3 : 5, global, NULL, "moving activations");
}

/* --- the pass ------------------------------------------------------------------------------------------------------
 */

/* From the attention's queries on, for positions in x: all of them, or the last ones side by side. */
static void
second_half(struct pass *pass, const struct poc_tensor *tensors, uint32_t n, uint32_t tiles, int last)
{
    const uint32_t         dim = pass->engine->params.dim;
    const uint32_t         ffn = poc_ffn_dim(&pass->engine->params);
    const enum buffer_name x = last ? B_X_LAST : B_X;
    const enum buffer_name normal = last ? B_N_LAST : B_N;
    const enum buffer_name q = last ? B_Q_LAST : B_Q;
    const enum buffer_name gate = last ? B_GATE_LAST : B_GATE;
    const enum buffer_name angles = last ? B_ANGLES_LAST : B_ANGLES;

    product(pass, K_ROTARY, &tensors[POC_WQ], normal, q, dim, dim, tiles, angles, "queries");
    attend(pass, last ? K_ATTEND_LAST : K_ATTEND, q, normal, n);
    product(pass, K_ADD, &tensors[POC_WO], normal, x, dim, dim, tiles, angles, "the attention's output");
    normalise(pass, &tensors[POC_FFN_NORM], x, normal, tiles);
    product(pass, K_PLAIN, &tensors[POC_W1], normal, gate, ffn, dim, tiles, angles, "the gate");
    product(pass, K_GATE, &tensors[POC_W3], normal, gate, ffn, dim, tiles, angles, "the gate's product");
    product(pass, K_ADD, &tensors[POC_W2], gate, x, dim, ffn, tiles, angles, "the feed-forward's output");
}

static void
layer(struct pass *pass, uint32_t number, uint32_t n)
{
    struct poc_engine       *engine = pass->engine;
    const struct poc_tensor *tensors = engine->layout->layers + (size_t)number * POC_LAYER_TENSORS;
    const uint32_t           dim = engine->params.dim;
    const uint32_t           kv_dim = poc_kv_dim(&engine->params);
    const uint32_t           tiles = engine->period * n;
    const int                last = number + 1 == engine->params.n_layers;

    normalise(pass, &tensors[POC_ATT_NORM], B_X, B_N, tiles);
    product(pass, K_ROTARY, &tensors[POC_WK], B_N, B_K, kv_dim, dim, tiles, B_ANGLES, "keys");
    product(pass, K_PLAIN, &tensors[POC_WV], B_N, B_V, kv_dim, dim, tiles, B_ANGLES, "values");
    if (last) {
        move(pass, K_GATHER, B_X, B_X_LAST, dim, n);
        move(pass, K_GATHER, B_N, B_N_LAST, dim, n);
    }
    second_half(pass, tensors, n, last ? (n + engine->path.lanes - 1) / engine->path.lanes : tiles, last);
}

int
poc_engine_logits(struct poc_engine *engine, const uint16_t *inputs, uint32_t n, float *ret,
                  int (*cancelled)(void *userdata), void *userdata, char *reterr, size_t reterr_len)
{
    struct pass    pass = {.engine = engine, .where = "reading the inputs"};
    const uint32_t dim = engine->params.dim;
    const uint32_t vocab = engine->params.vocab_size;
    const uint32_t last_tiles = (n + engine->path.lanes - 1) / engine->path.lanes;
    int            stopped = 0;

    pass.code = clEnqueueWriteBuffer(engine->device->queue, engine->buffers[B_INPUT], CL_TRUE, 0,
                                     (size_t)n * engine->params.seq_len * dim * sizeof(*inputs), inputs, 0, NULL, NULL);
    move(&pass, K_SPREAD, B_INPUT, B_X, dim, n);
    for (uint32_t i = 0; pass.code == CL_SUCCESS && !stopped && i < engine->params.n_layers; i++) {
        layer(&pass, i, n);
        settle(&pass);
        stopped = cancelled && cancelled(userdata);
    }
    if (stopped)
        return -ECANCELED;
    normalise(&pass, &engine->layout->norm, B_X_LAST, B_N_LAST, last_tiles);
    product(&pass, K_PLAIN, &engine->layout->output, B_N_LAST, B_OUTPUT, vocab, dim, last_tiles, B_ANGLES_LAST,
            "logits");
    move(&pass, K_COLLECT, B_OUTPUT, B_LOGITS, vocab, n);
    settle(&pass);
    if (pass.code == CL_SUCCESS) {
        pass.where = "reading the logits";
        pass.code = clEnqueueReadBuffer(engine->device->queue, engine->buffers[B_LOGITS], CL_TRUE, 0,
                                        (size_t)n * vocab * sizeof(*ret), ret, 0, NULL, NULL);
    }
    if (pass.code == CL_SUCCESS)
        return 0;
    (void)snprintf(reterr, reterr_len, "%s failed at %s: %s: is the card lost or its memory full; see the kernel's log",
                   engine->device->info.name, pass.where, poc_cl_error(pass.code));
    return -EIO;
}

void
poc_engine_measure(struct poc_engine *engine, int on)
{
    engine->measuring = on;
    memset(engine->seconds, 0, sizeof(engine->seconds));
    engine->operations = 0;
}

void
poc_engine_measured(const struct poc_engine *engine, double ret_seconds[POC_STAGES], double *ret_operations)
{
    memcpy(ret_seconds, engine->seconds, sizeof(engine->seconds));
    *ret_operations = engine->operations;
}

/* engine_forward.c: the forward pass with activations in tiles of columns: cpu.cl and portable.cl. */
#include "plugins/poc-worker/engine_parts.h"

/* Features of the feed-forward that are computed at a time, so that they are still near when they are used. */
static uint32_t
slice_of(const struct poc_path *path, const struct poc_params *params)
{
    const uint32_t ffn = poc_ffn_dim(params);

    return path->slice == 0 || path->slice > ffn ? ffn : path->slice;
}

static void
sizes(const struct poc_path *path, const struct poc_params *params, uint32_t batch, size_t ret[BUFFERS])
{
    size_t period = (params->seq_len + path->lanes - 1) / path->lanes;
    size_t columns = period * path->lanes * batch;
    size_t last = (size_t)(batch + path->lanes - 1) / path->lanes * path->lanes;
    size_t pairs = poc_head_dim(params) / 2;
    size_t slice = slice_of(path, params);

    ret[B_INPUT] = (size_t)batch * params->seq_len * params->dim * sizeof(uint16_t);
    ret[B_X] = ret[B_N] = ret[B_Q] = columns * params->dim * path->cell;
    ret[B_K] = ret[B_V] = columns * poc_kv_dim(params) * path->cell;
    ret[B_GATE] = columns * slice * path->cell;
    ret[B_KEPT] = slice < poc_ffn_dim(params) ? columns * params->dim * sizeof(float) : 0;
    ret[B_SCORES] = columns * params->n_heads * params->seq_len * sizeof(float);
    ret[B_ANGLES] = pairs * period * path->lanes * 2 * sizeof(float);
    ret[B_X_LAST] = ret[B_N_LAST] = ret[B_Q_LAST] = last * params->dim * path->cell;
    ret[B_GATE_LAST] = last * slice * path->cell;
    ret[B_OUTPUT] = last * params->vocab_size * path->cell;
    ret[B_LOGITS] = (size_t)batch * params->vocab_size * sizeof(float);
    ret[B_ANGLES_LAST] = pairs * path->lanes * 2 * sizeof(float);
    ret[B_PACKED] = 0;
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

/* y = W x over `tiles`; `then`, `angles` and the slice as the kernel needs them. */
struct product {
    enum kernel_name         then;
    const struct poc_tensor *tensor;
    enum buffer_name         x;
    enum buffer_name         y;
    enum buffer_name         angles;
    uint32_t                 rows;
    uint32_t                 width;
    uint32_t                 tiles;
    uint64_t                 origin; /* the first element of the tensor; of a slice */
    uint32_t stride;   /* of the tensor's rows; 0: the width, as it is when these are all of its columns */
    uint32_t is_later; /* than the first slice of the columns */
};

#define SLICE_ARGS 4 /* the last ones, of paths that take slices */

static void
product(struct pass *pass, const struct product *task, const char *where)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = pass_segment(pass, task->tensor, &start);
    cl_ulong           size = task->tensor->tiled ? task->tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            rows = task->rows;
    cl_uint            width = task->width;
    cl_uint            tiles = task->tiles;
    cl_uint            head_dim = poc_head_dim(&engine->params);
    cl_uint            period = task->angles == B_ANGLES_LAST ? 1 : engine->period;
    cl_mem            *in = &engine->buffers[task->x];
    cl_mem            *out = &engine->buffers[task->y];
    cl_mem            *turn = &engine->buffers[task->angles];
    cl_uint            then = task->then; /* the kernels' PLAIN, ROTARY, ADD, GATE, KEEP */
    cl_ulong           origin = task->origin;
    cl_uint            stride = task->stride ? task->stride : task->width;
    cl_uint            is_first = !task->is_later;
    const struct arg   args[] = {ARG(then),
                                 ARG(pool),
                                 ARG(start),
                                 ARG(size),
                                 ARG(pool_size),
                                 ARG(*in),
                                 ARG(*out),
                                 ARG(rows),
                                 ARG(width),
                                 ARG(tiles),
                                 ARG(*out),
                                 ARG(*turn),
                                 ARG(head_dim),
                                 ARG(period),
                                 ARG(origin),
                                 ARG(stride),
                                 ARG(engine->buffers[B_KEPT]),
                                 ARG(is_first)};
    const unsigned     n_args = sizeof(args) / sizeof(*args) - (engine->path.slice ? 0 : SLICE_ARGS);
    const size_t       global[3] = {(size_t)((rows + engine->path.rows - 1) / engine->path.rows) * engine->path.items,
                                    (tiles + engine->path.span - 1) / engine->path.span, 1};
    const size_t       local[3] = {engine->path.items, 1, 1};

    pass_enqueue(pass, task->then, args, n_args, global, local, where);
    if (engine->measuring)
        engine->operations += 2.0 * rows * width * tiles * engine->path.lanes;
}

static void
normalise(struct pass *pass, const struct poc_tensor *tensor, enum buffer_name x, enum buffer_name y, uint32_t tiles)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = pass_segment(pass, tensor, &start);
    cl_ulong           size = tensor->tiled ? tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            width = engine->params.dim;
    cl_float           eps = (cl_float)engine->params.norm_eps;
    const struct arg   args[] = {
          ARG(pool),  ARG(start), ARG(size), ARG(pool_size), ARG(engine->buffers[x]), ARG(engine->buffers[y]),
          ARG(width), ARG(eps)};
    const size_t global[3] = {(size_t)tiles * engine->path.items, 1, 1};
    const size_t local[3] = {engine->path.items, 1, 1};

    pass_enqueue(pass, K_NORMALISE, args, sizeof(args) / sizeof(*args), global, local, "normalising");
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

    pass_enqueue(pass, name, args, sizeof(args) / sizeof(*args), global, engine->path.one_query ? NULL : alone,
                 "attention");
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

    pass_enqueue(pass, name, args, name == K_COLLECT ? 3 : 5, global, NULL, "moving activations");
}

/* --- the pass ------------------------------------------------------------------------------------------------------
 */

/* Where the activations of all positions are, or those of the last ones side by side. */
struct place {
    enum buffer_name x;
    enum buffer_name normal;
    enum buffer_name q;
    enum buffer_name gate;
    enum buffer_name angles;
    uint32_t         tiles;
};

/* Slice by slice: what a slice's features add to the sums is added before those of the next are computed. */
static void
feed_forward(struct pass *pass, const struct poc_tensor *tensors, const struct place *at)
{
    const uint32_t dim = pass->engine->params.dim;
    const uint32_t ffn = poc_ffn_dim(&pass->engine->params);
    const uint32_t slice = slice_of(&pass->engine->path, &pass->engine->params);
    struct product in = {.x = at->normal, .y = at->gate, .width = dim, .tiles = at->tiles, .angles = at->angles};
    struct product out = {.x = at->gate, .rows = dim, .stride = ffn, .tiles = at->tiles, .angles = at->angles};

    out.tensor = &tensors[POC_W2];
    for (uint32_t first = 0; first < ffn; first += slice) {
        const uint32_t n = ffn - first < slice ? ffn - first : slice;
        const int      is_last = first + n == ffn;

        in.rows = n;
        in.origin = (uint64_t)first * dim;
        in.then = K_PLAIN;
        in.tensor = &tensors[POC_W1];
        product(pass, &in, "the gate");
        in.then = K_GATE;
        in.tensor = &tensors[POC_W3];
        product(pass, &in, "the gate's product");
        out.then = is_last ? K_ADD : K_KEEP;
        out.y = is_last ? at->x : B_KEPT;
        out.width = n;
        out.origin = first;
        out.is_later = first > 0;
        product(pass, &out, "the feed-forward's output");
    }
}

/* From the attention's queries on. */
static void
second_half(struct pass *pass, const struct poc_tensor *tensors, const struct place *at, uint32_t n, int last)
{
    const uint32_t dim = pass->engine->params.dim;
    struct product square = {.x = at->normal, .rows = dim, .width = dim, .tiles = at->tiles, .angles = at->angles};

    square.then = K_ROTARY;
    square.tensor = &tensors[POC_WQ];
    square.y = at->q;
    product(pass, &square, "queries");
    attend(pass, last ? K_ATTEND_LAST : K_ATTEND, at->q, at->normal, n);
    square.then = K_ADD;
    square.tensor = &tensors[POC_WO];
    square.y = at->x;
    product(pass, &square, "the attention's output");
    normalise(pass, &tensors[POC_FFN_NORM], at->x, at->normal, at->tiles);
    feed_forward(pass, tensors, at);
}

static void
layer(struct pass *pass, uint32_t number, uint32_t n)
{
    struct poc_engine       *engine = pass->engine;
    const struct poc_tensor *tensors = engine->layout->layers + (size_t)number * POC_LAYER_TENSORS;
    const uint32_t           dim = engine->params.dim;
    const uint32_t           tiles = engine->period * n;
    const uint32_t           last_tiles = (n + engine->path.lanes - 1) / engine->path.lanes;
    const struct place       all = {B_X, B_N, B_Q, B_GATE, B_ANGLES, tiles};
    const struct place       ends = {B_X_LAST, B_N_LAST, B_Q_LAST, B_GATE_LAST, B_ANGLES_LAST, last_tiles};
    struct product           task = {.x = B_N, .width = dim, .tiles = tiles, .angles = B_ANGLES};
    const int                last = number + 1 == engine->params.n_layers;

    normalise(pass, &tensors[POC_ATT_NORM], B_X, B_N, tiles);
    task.rows = poc_kv_dim(&engine->params);
    task.then = K_ROTARY;
    task.tensor = &tensors[POC_WK];
    task.y = B_K;
    product(pass, &task, "keys");
    task.then = K_PLAIN;
    task.tensor = &tensors[POC_WV];
    task.y = B_V;
    product(pass, &task, "values");
    if (last) {
        move(pass, K_GATHER, B_X, B_X_LAST, dim, n);
        move(pass, K_GATHER, B_N, B_N_LAST, dim, n);
    }
    second_half(pass, tensors, last ? &ends : &all, n, last);
}

static void
spread(struct pass *pass, uint32_t n)
{
    move(pass, K_SPREAD, B_INPUT, B_X, pass->engine->params.dim, n);
}

static void
output(struct pass *pass, uint32_t n)
{
    const struct poc_engine *engine = pass->engine;
    const uint32_t           vocab = engine->params.vocab_size;
    const uint32_t           tiles = (n + engine->path.lanes - 1) / engine->path.lanes;
    const struct product     logits = {.then = K_PLAIN,
                                       .tensor = &engine->layout->output,
                                       .x = B_N_LAST,
                                       .y = B_OUTPUT,
                                       .rows = vocab,
                                       .width = engine->params.dim,
                                       .tiles = tiles,
                                       .angles = B_ANGLES_LAST};

    normalise(pass, &engine->layout->norm, B_X_LAST, B_N_LAST, tiles);
    product(pass, &logits, "logits");
    move(pass, K_COLLECT, B_OUTPUT, B_LOGITS, vocab, n);
}

const struct engine_way engine_tiles = {
    .kernels = {[K_PLAIN] = "product",
                [K_ROTARY] = "product",
                [K_ADD] = "product",
                [K_GATE] = "product",
                [K_KEEP] = "product",
                [K_NORMALISE] = "normalise",
                [K_ATTEND] = "attend",
                [K_ATTEND_LAST] = "attend_last",
                [K_GATHER] = "gather_last",
                [K_SPREAD] = "spread",
                [K_COLLECT] = "collect"},
    .sizes = sizes,
    .spread = spread,
    .layer = layer,
    .output = output,
};

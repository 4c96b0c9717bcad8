/*
 * engine_rows.c: the forward pass with activations in rows, a row for each position: nvidia.cl. Rows and columns are
 * filled up to what its work-groups take; what is added holds zeros, or what nobody looks at.
 */
#include "plugins/poc-worker/engine_parts.h"

#define FILL 64 /* numbers that a row is a multiple of */

static size_t
filled(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* The attention in registers that takes this shape, or the one that takes all. */
static enum kernel_name
attention_of(const struct poc_params *params)
{
    const uint32_t head_dim = poc_head_dim(params);

    if (head_dim <= 32 && params->seq_len <= 256)
        return K_ATTEND_32;
    return head_dim <= 64 && params->seq_len <= 128 ? K_ATTEND_64 : K_ATTEND;
}

/* Rows of a tensor, or of two that stand together, when it is packed. */
static size_t
packed_rows(const struct poc_path *path, uint32_t rows, int two)
{
    return filled(filled(rows, 32) * (two ? 2 : 1), path->rows);
}

static size_t
largest_packed(const struct poc_path *path, const struct poc_params *params)
{
    const size_t dim = filled(params->dim, FILL);
    const size_t ffn = filled(poc_ffn_dim(params), FILL);
    const size_t numbers[] = {
        packed_rows(path, poc_ffn_dim(params), 1) * dim,
        packed_rows(path, params->dim, 0) * ffn,
        packed_rows(path, params->dim, 0) * dim,
        packed_rows(path, params->vocab_size, 0) * dim,
    };
    size_t largest = 0;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (numbers[i] > largest)
            largest = numbers[i];
    return largest;
}

static void
sizes(const struct poc_path *path, const struct poc_params *params, uint32_t batch, size_t ret[BUFFERS])
{
    const size_t columns = filled((size_t)params->seq_len * batch, path->span);
    const size_t last = filled(batch, path->span);
    const size_t dim = filled(params->dim, FILL) * path->cell;
    const size_t kv_dim = filled(poc_kv_dim(params), FILL) * path->cell;
    const size_t ffn = filled(poc_ffn_dim(params), FILL) * path->cell;
    const size_t pairs = poc_head_dim(params) / 2;
    const size_t scored = attention_of(params) == K_ATTEND ? columns : batch;

    ret[B_INPUT] = (size_t)batch * params->seq_len * params->dim * sizeof(uint16_t);
    ret[B_X] = ret[B_N] = ret[B_Q] = columns * dim;
    ret[B_K] = ret[B_V] = columns * kv_dim;
    ret[B_GATE] = columns * ffn;
    ret[B_SCORES] = scored * params->n_heads * params->seq_len * sizeof(float);
    ret[B_ANGLES] = pairs * params->seq_len * 2 * sizeof(float);
    ret[B_X_LAST] = ret[B_N_LAST] = ret[B_Q_LAST] = last * dim;
    ret[B_GATE_LAST] = last * ffn;
    ret[B_OUTPUT] = last * filled(params->vocab_size, FILL) * path->cell;
    ret[B_LOGITS] = (size_t)batch * params->vocab_size * sizeof(float);
    ret[B_ANGLES_LAST] = pairs * 2 * sizeof(float);
    ret[B_PACKED] = largest_packed(path, params) * path->cell;
    ret[B_KEPT] = 0;
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

/* `of_two` 0: the tensor alone; 1, 2: the first or second of two. */
static void
pack(struct pass *pass, const struct poc_tensor *tensor, uint32_t rows, uint32_t width, cl_uint of_two)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = pass_segment(pass, tensor, &start);
    cl_ulong           size = tensor->tiled ? tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            stride = (cl_uint)filled(width, FILL);
    const struct arg   args[] = {ARG(pool), ARG(start), ARG(size),   ARG(pool_size), ARG(engine->buffers[B_PACKED]),
                                 ARG(rows), ARG(width), ARG(stride), ARG(of_two)};
    const size_t       all[3] = {stride / 8, packed_rows(&engine->path, rows, of_two != 0) / (of_two ? 2 : 1), 1};

    pass_enqueue(pass, K_PACK, args, sizeof(args) / sizeof(*args), all, NULL, "unpacking weights");
}

/* y = W x of what is packed: `rows` numbers in a row of y, `width` in one of x. */
static void
product(struct pass *pass, enum kernel_name name, enum buffer_name x, enum buffer_name y, uint32_t rows, uint32_t width,
        uint32_t columns, int last, const char *where)
{
    struct poc_engine *engine = pass->engine;
    const size_t       across = packed_rows(&engine->path, rows, name == K_GATE) / engine->path.rows;
    const size_t       down = filled(columns, engine->path.span) / engine->path.span;
    cl_uint            blocks_across = (cl_uint)across;
    cl_uint            blocks_down = (cl_uint)down;
    cl_uint            in_row = (cl_uint)filled(width, FILL);
    cl_uint            out_row = (cl_uint)filled(rows, FILL);
    cl_uint            head_dim = poc_head_dim(&engine->params);
    cl_uint            period = last ? 1 : engine->params.seq_len;
    const struct arg   args[] = {ARG(engine->buffers[B_PACKED]),
                                 ARG(engine->buffers[x]),
                                 ARG(engine->buffers[y]),
                                 ARG(in_row),
                                 ARG(blocks_down),
                                 ARG(blocks_across),
                                 ARG(out_row),
                                 ARG(engine->buffers[y]),
                                 ARG(engine->buffers[last ? B_ANGLES_LAST : B_ANGLES]),
                                 ARG(head_dim),
                                 ARG(period)};
    const size_t       all[3] = {down * across * engine->path.items, 1, 1};
    const size_t       local[3] = {engine->path.items, 1, 1};

    pass_enqueue(pass, name, args, sizeof(args) / sizeof(*args), all, local, where);
    if (engine->measuring)
        engine->operations += 2.0 * rows * width * columns * (name == K_GATE ? 2 : 1);
}

static void
normalise(struct pass *pass, const struct poc_tensor *tensor, enum buffer_name x, enum buffer_name y, uint32_t columns)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = pass_segment(pass, tensor, &start);
    cl_ulong           size = tensor->tiled ? tensor->size : 0;
    cl_ulong           pool_size = engine->layout->pool;
    cl_uint            width = engine->params.dim;
    cl_uint            stride = (cl_uint)filled(width, FILL);
    cl_float           eps = (cl_float)engine->params.norm_eps;
    const struct arg   args[] = {
          ARG(pool),  ARG(start), ARG(size),  ARG(pool_size), ARG(engine->buffers[x]), ARG(engine->buffers[y]),
          ARG(width), ARG(eps),   ARG(stride)};
    const size_t all[3] = {(size_t)columns * 256, 1, 1};
    const size_t local[3] = {256, 1, 1};

    pass_enqueue(pass, K_NORMALISE, args, sizeof(args) / sizeof(*args), all, local, "normalising");
}

/* The last positions' attention, or that of shapes which are not computed in registers. */
static void
attend_plainly(struct pass *pass, enum kernel_name name, enum buffer_name q, enum buffer_name out, uint32_t n)
{
    struct poc_engine *engine = pass->engine;
    cl_uint            heads = engine->params.n_heads;
    cl_uint            shared = heads / engine->params.n_kv_heads;
    cl_uint            head_dim = poc_head_dim(&engine->params);
    cl_uint            length = engine->params.seq_len;
    cl_uint            stride = (cl_uint)filled(engine->params.dim, FILL);
    cl_uint            kv_stride = (cl_uint)filled(poc_kv_dim(&engine->params), FILL);
    const struct arg   args[] = {ARG(engine->buffers[q]),
                                 ARG(engine->buffers[B_K]),
                                 ARG(engine->buffers[B_V]),
                                 ARG(engine->buffers[B_SCORES]),
                                 ARG(engine->buffers[out]),
                                 ARG(heads),
                                 ARG(shared),
                                 ARG(head_dim),
                                 ARG(length),
                                 ARG(stride),
                                 ARG(kv_stride)};
    const size_t       all[3] = {name == K_ATTEND ? (size_t)n * length : n, heads, 1};

    pass_enqueue(pass, name, args, sizeof(args) / sizeof(*args), all, NULL, "attention");
}

static void
attend(struct pass *pass, enum buffer_name q, enum buffer_name out, uint32_t n)
{
    struct poc_engine     *engine = pass->engine;
    const enum kernel_name name = attention_of(&engine->params);
    cl_uint                shared = engine->params.n_heads / engine->params.n_kv_heads;
    cl_uint                head_dim = poc_head_dim(&engine->params);
    cl_uint                length = engine->params.seq_len;
    cl_uint                stride = (cl_uint)filled(engine->params.dim, FILL);
    cl_uint                kv_stride = (cl_uint)filled(poc_kv_dim(&engine->params), FILL);
    const struct arg       args[] = {ARG(engine->buffers[q]),
                                     ARG(engine->buffers[B_K]),
                                     ARG(engine->buffers[B_V]),
                                     ARG(engine->buffers[out]),
                                     ARG(shared),
                                     ARG(head_dim),
                                     ARG(length),
                                     ARG(stride),
                                     ARG(kv_stride)};
    const size_t           all[3] = {filled(length, 64) / 64 * 128, engine->params.n_heads, n};
    const size_t           local[3] = {128, 1, 1};

    if (name == K_ATTEND)
        attend_plainly(pass, name, q, out, n);
    else
        pass_enqueue(pass, name, args, sizeof(args) / sizeof(*args), all, local, "attention");
}

/* K_GATHER and K_COLLECT: for n nonces; K_SPREAD: for all their positions. */
static void
move(struct pass *pass, enum kernel_name name, enum buffer_name from, enum buffer_name to, uint32_t width, uint32_t n)
{
    struct poc_engine *engine = pass->engine;
    cl_uint            length = engine->params.seq_len;
    cl_uint            stride = (cl_uint)filled(width, FILL);
    const struct arg   args[] = {ARG(engine->buffers[from]), ARG(engine->buffers[to]), ARG(width), ARG(stride),
                                 ARG(length)};
    const size_t       all[3] = {width, name == K_SPREAD ? length : n, name == K_SPREAD ? n : 1};

    pass_enqueue(pass, name, args, name == K_COLLECT ? 4 : 5, all, NULL, "moving activations");
}

/* --- the pass ------------------------------------------------------------------------------------------------------
 */

/* From the attention's queries on, for positions in x: all of them, or the last ones one after the other. */
static void
second_half(struct pass *pass, const struct poc_tensor *tensors, uint32_t n, uint32_t columns, int last)
{
    const uint32_t         dim = pass->engine->params.dim;
    const uint32_t         ffn = poc_ffn_dim(&pass->engine->params);
    const enum buffer_name x = last ? B_X_LAST : B_X;
    const enum buffer_name normal = last ? B_N_LAST : B_N;
    const enum buffer_name q = last ? B_Q_LAST : B_Q;
    const enum buffer_name gate = last ? B_GATE_LAST : B_GATE;

    pack(pass, &tensors[POC_WQ], dim, dim, 0);
    product(pass, K_ROTARY, normal, q, dim, dim, columns, last, "queries");
    if (last)
        attend_plainly(pass, K_ATTEND_LAST, q, normal, n);
    else
        attend(pass, q, normal, n);
    pack(pass, &tensors[POC_WO], dim, dim, 0);
    product(pass, K_ADD, normal, x, dim, dim, columns, last, "the attention's output");
    normalise(pass, &tensors[POC_FFN_NORM], x, normal, columns);
    pack(pass, &tensors[POC_W1], ffn, dim, 1);
    pack(pass, &tensors[POC_W3], ffn, dim, 2);
    product(pass, K_GATE, normal, gate, ffn, dim, columns, last, "the feed-forward's gate");
    pack(pass, &tensors[POC_W2], dim, ffn, 0);
    product(pass, K_ADD, gate, x, dim, ffn, columns, last, "the feed-forward's output");
}

static void
layer(struct pass *pass, uint32_t number, uint32_t n)
{
    struct poc_engine       *engine = pass->engine;
    const struct poc_tensor *tensors = engine->layout->layers + (size_t)number * POC_LAYER_TENSORS;
    const uint32_t           dim = engine->params.dim;
    const uint32_t           kv_dim = poc_kv_dim(&engine->params);
    const uint32_t           columns = engine->params.seq_len * n;
    const int                last = number + 1 == engine->params.n_layers;

    normalise(pass, &tensors[POC_ATT_NORM], B_X, B_N, columns);
    pack(pass, &tensors[POC_WK], kv_dim, dim, 0);
    product(pass, K_ROTARY, B_N, B_K, kv_dim, dim, columns, 0, "keys");
    pack(pass, &tensors[POC_WV], kv_dim, dim, 0);
    product(pass, K_PLAIN, B_N, B_V, kv_dim, dim, columns, 0, "values");
    if (last) {
        move(pass, K_GATHER, B_X, B_X_LAST, dim, n);
        move(pass, K_GATHER, B_N, B_N_LAST, dim, n);
    }
    second_half(pass, tensors, n, last ? n : columns, last);
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

    normalise(pass, &engine->layout->norm, B_X_LAST, B_N_LAST, n);
    pack(pass, &engine->layout->output, vocab, engine->params.dim, 0);
    product(pass, K_PLAIN, B_N_LAST, B_OUTPUT, vocab, engine->params.dim, n, 1, "logits");
    move(pass, K_COLLECT, B_OUTPUT, B_LOGITS, vocab, n);
}

const struct engine_way engine_rows = {
    .kernels = {[K_PLAIN] = "product_plain",
                [K_ROTARY] = "product_rotary",
                [K_ADD] = "product_add",
                [K_GATE] = "product_gate",
                [K_NORMALISE] = "normalise",
                [K_ATTEND] = "attend",
                [K_ATTEND_LAST] = "attend_last",
                [K_GATHER] = "gather_last",
                [K_SPREAD] = "spread",
                [K_COLLECT] = "collect",
                [K_PACK] = "pack",
                [K_ATTEND_32] = "attend_32",
                [K_ATTEND_64] = "attend_64"},
    .sizes = sizes,
    .spread = spread,
    .layer = layer,
    .output = output,
};

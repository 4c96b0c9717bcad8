/* engine_forward.c: the forward pass with activations in tiles of columns: cpu.cl and portable.cl. */
#include "plugins/poc-worker/engine_parts.h"

static void
sizes(const struct poc_path *path, const struct poc_params *params, uint32_t batch, size_t ret[BUFFERS])
{
    size_t period = (params->seq_len + path->lanes - 1) / path->lanes;
    size_t columns = period * path->lanes * batch;
    size_t last = (size_t)(batch + path->lanes - 1) / path->lanes * path->lanes;
    size_t pairs = poc_head_dim(params) / 2;

    ret[B_INPUT] = (size_t)batch * params->seq_len * params->dim * sizeof(uint16_t);
    ret[B_X] = ret[B_N] = ret[B_Q] = columns * params->dim * path->cell;
    ret[B_K] = ret[B_V] = columns * poc_kv_dim(params) * path->cell;
    ret[B_GATE] = columns * poc_ffn_dim(params) * path->cell;
    ret[B_SCORES] = columns * params->n_heads * params->seq_len * sizeof(float);
    ret[B_ANGLES] = pairs * period * path->lanes * 2 * sizeof(float);
    ret[B_X_LAST] = ret[B_N_LAST] = ret[B_Q_LAST] = last * params->dim * path->cell;
    ret[B_GATE_LAST] = last * poc_ffn_dim(params) * path->cell;
    ret[B_OUTPUT] = last * params->vocab_size * path->cell;
    ret[B_LOGITS] = (size_t)batch * params->vocab_size * sizeof(float);
    ret[B_ANGLES_LAST] = pairs * path->lanes * 2 * sizeof(float);
    ret[B_PACKED] = 0;
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

/* y = W x over `tiles`; `other` and `angles` as the kernel needs them. */
static void
product(struct pass *pass, enum kernel_name name, const struct poc_tensor *tensor, enum buffer_name x,
        enum buffer_name y, uint32_t rows, uint32_t width, uint32_t tiles, enum buffer_name angles, const char *where)
{
    struct poc_engine *engine = pass->engine;
    cl_ulong           start;
    cl_mem             pool = pass_segment(pass, tensor, &start);
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

    pass_enqueue(pass, name, args, sizeof(args) / sizeof(*args), global, local, where);
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

    normalise(pass, &engine->layout->norm, B_X_LAST, B_N_LAST, tiles);
    product(pass, K_PLAIN, &engine->layout->output, B_N_LAST, B_OUTPUT, vocab, engine->params.dim, tiles, B_ANGLES_LAST,
            "logits");
    move(pass, K_COLLECT, B_OUTPUT, B_LOGITS, vocab, n);
}

const struct engine_way engine_tiles = {
    .kernels = {"product_plain", "product_rotary", "product_add", "product_gate", "normalise", "attend", "attend_last",
                "gather_last", "spread", "collect"},
    .sizes = sizes,
    .spread = spread,
    .layer = layer,
    .output = output,
};

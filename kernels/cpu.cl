/*
 * cpu.cl: the forward pass for processors with wide vectors. half.cl and weights.cl stand before it.
 *
 * Activations are binary32 numbers that are binary16 values, kept in tiles of LANES columns (a column is one position of
 * one nonce): element (feature f, column c) of a matrix of F features is at ((c / LANES) * F + f) * LANES + c % LANES.
 * So every operation is a vector operation over columns, and a product streams through memory. The columns of a nonce
 * are filled up to whole tiles; what the added ones hold is never looked at.
 *
 * Compiled with LANES (columns of a tile), ROWS (rows of a weight matrix in registers) and TILES (that are with them
 * there), BLOCKS (of ROWS, packed together), DEPTH (of a packed panel) and SPAN (tiles for one work-item).
 */
#if LANES == 16
#define LANE_NUMBERS (VF)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#elif LANES == 8
#define LANE_NUMBERS (VF)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LANE_NUMBERS (VF)(0, 1, 2, 3)
#endif
#define PANEL_STRIDE (DEPTH + 16) /* rows of a power of two apart would fall into the same lines of the cache */

/* Rows first.. of the weights, columns k..k+depth, as binary32. Rows from `rows` on are zeros. The first row's begins with
 * element `origin` of the tensor, one of the others `stride` behind the one before. */
void
pack(global const ushort *pool, ulong start, ulong size, ulong pool_size, ulong origin, uint stride, uint first,
     uint rows, uint k, uint depth, local float *panel)
{
    for (uint r = 0; r < ROWS * BLOCKS; r++) {
        local float         *out = panel + r * PANEL_STRIDE;
        const ulong          index = origin + (ulong)(first + r) * stride + k;
        const ulong          at = place(start, size, pool_size, index);
        global const ushort *in = pool + at;
        uint                 i = 0;

        if (first + r >= rows) {
            for (; i < depth; i++)
                out[i] = 0;
        } else if (size == 0 || ((start + index) % size + depth <= size && at + depth <= pool_size)) {
            for (; i + LANES <= depth; i += LANES)
                vstore_lanes(unpacked(vload_lanes(0, in + i)), 0, out + i);
            for (; i < depth; i++)
                out[i] = widen(in[i]);
        } else { /* the end of the pool or of the tensor is within */
            for (; i < depth; i++)
                out[i] = widen(pool[place(start, size, pool_size, index + i)]);
        }
    }
}

/* Of a processor's compiler only; where it has none the processor's own foresight must do. `at` need not be memory. */
#ifdef __has_builtin
#if __has_builtin(__builtin_prefetch)
#define FETCH(at) __builtin_prefetch((private const void *)(ulong)(at))
#endif
#endif
#ifndef FETCH
#define FETCH(at)
#endif
#define LINE 16 /* binary32 numbers of a line of the cache */
#define SHARE ((LANES + BLOCKS - 1) / BLOCKS) /* lines of the next columns for each line of a panel's row */

/*
 * sums[t * ROWS + r] += panel row r . x of tile t, over `depth`, for COUNT tiles that lie `stride` numbers apart.
 * Meanwhile a share of the columns that come next is fetched from `next`.
 */
#define MULTIPLY(name, COUNT)                                                                                           \
    void name(local const float *panel, global const float *x, ulong stride, uint depth, VF *sums,                      \
              global const float *next)                                                                                 \
    {                                                                                                                   \
        VF sum[COUNT * ROWS];                                                                                           \
                                                                                                                        \
        _Pragma("unroll") for (uint i = 0; i < COUNT * ROWS; i++) sum[i] = sums[i];                                     \
        for (uint begin = 0; begin < depth; begin += LINE) {                                                            \
            const uint end = min(begin + LINE, depth);                                                                  \
                                                                                                                        \
            _Pragma("unroll") for (uint i = 0; i < COUNT * SHARE; i++)                                                  \
                FETCH(next + i / SHARE * stride + begin * SHARE + i % SHARE * LINE);                                    \
            for (uint k = begin; k < end; k++) {                                                                        \
                VF column[COUNT];                                                                                       \
                                                                                                                        \
                _Pragma("unroll") for (uint t = 0; t < COUNT; t++) column[t] = vload_lanes(k, x + t * stride);          \
                _Pragma("unroll") for (uint r = 0; r < ROWS; r++)                                                       \
                {                                                                                                       \
                    VF weight = (VF)panel[r * PANEL_STRIDE + k];                                                        \
                    _Pragma("unroll") for (uint t = 0; t < COUNT; t++) sum[t * ROWS + r] =                              \
                        fma(weight, column[t], sum[t * ROWS + r]);                                                      \
                }                                                                                                       \
            }                                                                                                           \
        }                                                                                                               \
        _Pragma("unroll") for (uint i = 0; i < COUNT * ROWS; i++) sums[i] = sum[i];                                     \
    }
MULTIPLY(multiply_one, 1)
MULTIPLY(multiply_some, TILES)

enum { PLAIN, ROTARY, ADD, GATE, KEEP };

/*
 * What becomes of finished sums, rows `row`.. of tile `tile`: they are rounded, and then
 * PLAIN  nothing
 * ROTARY pairs of rows are turned by the angles of their positions; `angles` holds for each pair of a head's rows and
 *        each of `period` tiles the cosines and then the sines of a tile's columns
 * ADD    `other` is added
 * GATE   `other` is the gate: SiLU of it times the sums
 * KEEP   not even that: they go on with more columns of the weights
 */
void
finish(uint then, VF sums[ROWS], global float *y, uint row, uint rows, uint tile, global const float *other,
       global const float *angles, uint head_dim, uint period)
{
    uint end = rows - row < ROWS ? rows - row : ROWS;

    for (uint r = 0; r < end; r++) {
        ulong at = (ulong)tile * rows + row + r;
        VF    value = then == KEEP ? sums[r] : rounded(sums[r]);

        if (then == ADD) {
            value = rounded(vload_lanes(at, other) + value);
        } else if (then == GATE) {
            VF gate = vload_lanes(at, other);

            value = rounded(rounded(gate / ((VF)1 + exp(-gate))) * value);
        } else if (then == ROTARY) {
            uint pair = (row + r) % head_dim / 2;
            ulong turn = ((ulong)pair * period + tile % period) * 2;
            VF   cosine = vload_lanes(turn, angles);
            VF   sine = vload_lanes(turn + 1, angles);
            VF   partner = rounded(sums[r ^ 1]);

            value = r & 1 ? rounded(partner * sine + value * cosine) : rounded(value * cosine - partner * sine);
        }
        vstore_lanes(value, at, y);
    }
}

/*
 * Y = W X: work-item (i, j) makes rows i * ROWS * BLOCKS.. of tiles j * SPAN.. What becomes of them is an argument: a
 * kernel for each would take a compiler as many times as long. W is `rows` by `width` elements of a tensor with rows of
 * `stride`, from element `origin` on. Where it is but some columns of a matrix, its sums are kept (KEEP), and those of
 * the columns before are in `kept`, unless these are the first.
 */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
product(uint then, global const ushort *pool, ulong start, ulong size, ulong pool_size, global const float *x,
        global float *y, uint rows, uint width, uint tiles, global const float *other, global const float *angles,
        uint head_dim, uint period, ulong origin, uint stride, global const float *kept, uint is_first)
{
    local float panel[ROWS * BLOCKS * PANEL_STRIDE];
    local VF    sums[ROWS * BLOCKS * SPAN];
    uint        first = get_global_id(0) * ROWS * BLOCKS;
    uint        tile = get_global_id(1) * SPAN;
    uint        span = tiles - tile < SPAN ? tiles - tile : SPAN;

    for (uint t = 0; t < span; t++)
        for (uint r = 0; r < ROWS * BLOCKS; r++)
            sums[t * ROWS * BLOCKS + r] =
                is_first || first + r >= rows ? (VF)0 : vload_lanes((ulong)(tile + t) * rows + first + r, kept);
    for (uint k = 0; k < width; k += DEPTH) {
        uint depth = width - k < DEPTH ? width - k : DEPTH;

        pack(pool, start, size, pool_size, origin, stride, first, rows, k, depth, panel);
        for (uint t = 0; t < span;) {
            uint                count = span - t < TILES ? 1 : TILES;
            global const float *columns = x + ((ulong)(tile + t) * width + k) * LANES;
            global const float *next = t + count < span ? columns + (ulong)width * LANES * count
                                                        : x + ((ulong)tile * width + k + depth) * LANES;

            for (uint b = 0; b < BLOCKS; b++) {
                VF                  partial[ROWS * TILES];
                uint                row = first + b * ROWS;
                local const float  *part = panel + b * ROWS * PANEL_STRIDE;
                global const float *share = next + b * SHARE * DEPTH;

                for (uint c = 0; c < count; c++)
#pragma unroll
                    for (uint r = 0; r < ROWS; r++)
                        partial[c * ROWS + r] = sums[((t + c) * BLOCKS + b) * ROWS + r];
                if (count == 1)
                    multiply_one(part, columns, 0, depth, partial, share);
                else
                    multiply_some(part, columns, (ulong)width * LANES, depth, partial, share);
                if (k + depth < width) {
                    for (uint c = 0; c < count; c++)
#pragma unroll
                        for (uint r = 0; r < ROWS; r++)
                            sums[((t + c) * BLOCKS + b) * ROWS + r] = partial[c * ROWS + r];
                } else if (row < rows) {
                    for (uint c = 0; c < count; c++)
                        finish(then, partial + c * ROWS, y, row, rows, tile + t + c, other, angles, head_dim, period);
                }
            }
            t += count;
        }
    }
}

/* One work-item for each tile: x * rsqrt(mean(x^2) + eps), rounded, times the weight, rounded. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
normalise(global const ushort *pool, ulong start, ulong size, ulong pool_size, global const float *x, global float *y,
          uint width, float eps)
{
    ulong first = (ulong)get_global_id(0) * width;
    VF    sum[4] = {(VF)0, (VF)0, (VF)0, (VF)0};
    VF    scale;

    for (uint f = 0; f < width; f++) {
        VF value = vload_lanes(first + f, x);

        sum[f % 4] = fma(value, value, sum[f % 4]);
    }
    scale = (VF)1 / sqrt((sum[0] + sum[1] + (sum[2] + sum[3])) / (VF)(float)width + (VF)eps);
    for (uint f = 0; f < width; f++) {
        VF weight = (VF)widen(pool[place(start, size, pool_size, f)]);

        vstore_lanes(rounded(rounded(vload_lanes(first + f, x) * scale) * weight), first + f, y);
    }
}

/*
 * Causal attention. One work-item for each tile of queries and each head; it has `length` vectors of its own in
 * `scores`. The keys of a nonce are in `period` tiles of their own. `shared` heads use the same keys and values.
 */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
attend(global const float *q, global const float *keys, global const float *values, global float *scores,
       global float *out, uint heads, uint shared, uint head_dim, uint period, uint length)
{
    uint         tile = get_global_id(0);
    uint         head = get_global_id(1);
    uint         kv_heads = heads / shared;
    uint         last = min((tile % period + 1) * LANES, length);
    VF           position = (VF)(float)(tile % period * LANES) + LANE_NUMBERS;
    VF           root = (VF)sqrt((float)head_dim);
    VF           most = (VF)-INFINITY;
    VF           sum = (VF)0;
    global float *mine = scores + ((ulong)tile * heads + head) * length * LANES;

    q += ((ulong)tile * heads + head) * head_dim * LANES;
    out += ((ulong)tile * heads + head) * head_dim * LANES;
    for (uint k = 0; k < last; k++) {
        ulong               at = (((ulong)(tile - tile % period + k / LANES) * kv_heads + head / shared) * head_dim);
        global const float *key = keys + at * LANES + k % LANES;
        VF                  score = (VF)0;

        for (uint d = 0; d < head_dim; d++)
            score = fma((VF)key[d * LANES], vload_lanes(d, q), score);
        score = (VF)(float)k > position ? (VF)-INFINITY : rounded(rounded(score) / root);
        most = fmax(most, score);
        vstore_lanes(score, k, mine);
    }
    for (uint k = 0; k < last; k++) {
        VF weight = exp(vload_lanes(k, mine) - most);

        sum += weight;
        vstore_lanes(weight, k, mine);
    }
    for (uint k = 0; k < last; k++)
        vstore_lanes(rounded(vload_lanes(k, mine) / sum), k, mine);
    for (uint d = 0; d < head_dim; d++) {
        VF mixed = (VF)0;

        for (uint k = 0; k < last; k++) {
            ulong at = (((ulong)(tile - tile % period + k / LANES) * kv_heads + head / shared) * head_dim + d);

            mixed = fma((VF)values[at * LANES + k % LANES], vload_lanes(k, mine), mixed);
        }
        vstore_lanes(rounded(mixed), d, out);
    }
}

/*
 * The same for the last position alone: column i of q and out belongs to nonce i. One work-item for each nonce and
 * each head, with `length` numbers of its own in `scores`.
 */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
attend_last(global const float *q, global const float *keys, global const float *values, global float *scores,
            global float *out, uint heads, uint shared, uint head_dim, uint period, uint length)
{
    uint          nonce = get_global_id(0);
    uint          head = get_global_id(1);
    uint          kv_heads = heads / shared;
    float         root = sqrt((float)head_dim);
    float         most = -INFINITY;
    float         sum = 0;
    global float *mine = scores + ((ulong)nonce * heads + head) * length;
    ulong         column = ((ulong)(nonce / LANES) * heads + head) * head_dim * LANES + nonce % LANES;

    for (uint k = 0; k < length; k++) {
        ulong at = (((ulong)nonce * period + k / LANES) * kv_heads + head / shared) * head_dim * LANES + k % LANES;
        float score = 0;

        for (uint d = 0; d < head_dim; d++)
            score = fma(keys[at + d * LANES], q[column + d * LANES], score);
        mine[k] = rounded(rounded(score) / root);
        most = fmax(most, mine[k]);
    }
    for (uint k = 0; k < length; k++) {
        mine[k] = exp(mine[k] - most);
        sum += mine[k];
    }
    for (uint d = 0; d < head_dim; d++) {
        float mixed = 0;

        for (uint k = 0; k < length; k++) {
            ulong at = (((ulong)nonce * period + k / LANES) * kv_heads + head / shared) * head_dim * LANES + k % LANES;

            mixed = fma(values[at + d * LANES], rounded(mine[k] / sum), mixed);
        }
        out[column + d * LANES] = rounded(mixed);
    }
}

/* The last positions' columns side by side: work-item (f, i) takes feature f of nonce i. */
kernel void
gather_last(global const float *x, global float *y, uint width, uint period, uint length)
{
    uint  feature = get_global_id(0);
    uint  nonce = get_global_id(1);
    ulong from = ((ulong)nonce * period + (length - 1) / LANES) * width + feature;
    ulong to = (ulong)(nonce / LANES) * width + feature;

    y[to * LANES + nonce % LANES] = x[from * LANES + (length - 1) % LANES];
}

/* binary16 inputs, [nonce][position][feature], to tiles: work-item (f, p, i). Columns that fill a tile up get zeros. */
kernel void
spread(global const ushort *input, global float *x, uint width, uint period, uint length)
{
    uint  feature = get_global_id(0);
    uint  position = get_global_id(1);
    uint  nonce = get_global_id(2);
    ulong to = ((ulong)nonce * period + position / LANES) * width + feature;
    ulong from = ((ulong)nonce * length + position) * width + feature;

    x[to * LANES + position % LANES] = position < length ? widen(input[from]) : 0;
}

/* Finished logits to [nonce][number]: work-item (f, i). */
kernel void
collect(global const float *y, global float *logits, uint width)
{
    uint feature = get_global_id(0);
    uint nonce = get_global_id(1);

    logits[(ulong)nonce * width + feature] = y[((ulong)(nonce / LANES) * width + feature) * LANES + nonce % LANES];
}

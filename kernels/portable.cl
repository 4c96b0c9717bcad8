/*
 * portable.cl: the forward pass for any OpenCL 1.2 device. half.cl and weights.cl stand before it; with SUBGROUP defined its
 * products are those of subgroup.cl behind it.
 *
 * Activations are binary16, in tiles of 64 columns: element (feature f, column c) of a matrix of F features is at
 * ((c / 64) * F + f) * 64 + c % 64. A column is one position of one nonce; those of a nonce are filled up to whole
 * tiles, what the added ones hold is never looked at. The kernels have the names and arguments of those in cpu.cl.
 */
#define TILE 64
#define STEP 16

enum { PLAIN, ROTARY, ADD, GATE };

/* Rotation, addition and gating of finished sums: what becomes of row `row` (its partner is the other row of the pair) of column
 * `column` of tile `tile`. Returns what is written. */
float
finished(uint then, float sum, float partner_sum, uint row, uint column, uint tile, ulong at, global const ushort *other,
         global const float *angles, uint head_dim, uint period)
{
    float value = rounded(sum);

    if (then == ADD) {
        value = widen(other[at]) + value;
    } else if (then == GATE) {
        float gate = widen(other[at]);

        value = rounded(gate / (1 + exp(-gate))) * value;
    } else if (then == ROTARY) {
        uint  pair = row % head_dim / 2;
        ulong turn = ((ulong)pair * period + tile % period) * 2 * TILE + column;
        float partner = rounded(partner_sum);

        value = row & 1 ? partner * angles[turn + TILE] + value * angles[turn]
                        : value * angles[turn] - partner * angles[turn + TILE];
    }
    return value;
}

#ifndef SUBGROUP
/*
 * 64 rows of the weights by one tile of columns, 256 work-items, each with 4 rows and 4 columns. The weights' windows
 * begin anywhere and are read along their rows.
 */
kernel __attribute__((reqd_work_group_size(256, 1, 1))) void
product(uint then, global const ushort *pool, ulong start, ulong size, ulong pool_size, global const ushort *x,
        global ushort *y, uint rows, uint width, uint tiles, global const ushort *other, global const float *angles,
        uint head_dim, uint period)
{
    local float w[STEP][TILE + 1];
    local float in[STEP][TILE];
    uint item = get_local_id(0);
    uint first = get_group_id(0) * TILE;
    uint tile = get_group_id(1);
    uint row = item / 16 * 4;
    uint column = item % 16 * 4;
    float4 sum[4] = {(float4)0, (float4)0, (float4)0, (float4)0};

    for (uint k = 0; k < width; k += STEP) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = item; i < TILE * STEP; i += 256) {
            uint r = first + i / STEP;
            uint c = k + i % STEP;

            w[i % STEP][i / STEP] =
                r < rows && c < width ? widen(pool[place(start, size, pool_size, (ulong)r * width + c)]) : 0;
            c = k + i / TILE;
            in[i / TILE][i % TILE] = c < width ? widen(x[((ulong)tile * width + c) * TILE + i % TILE]) : 0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = 0; i < STEP; i++) {
            float4 values = vload4(0, in[i] + column);

            for (uint r = 0; r < 4; r++)
                sum[r] = fma((float4)w[i][row + r], values, sum[r]);
        }
    }
    for (uint r = 0; r < 4 && first + row + r < rows; r++) {
        for (uint c = 0; c < 4; c++) {
            ulong at = ((ulong)tile * rows + first + row + r) * TILE + column + c;

            y[at] = narrow(finished(then, ((float *)&sum[r])[c], ((float *)&sum[r ^ 1])[c], first + row + r, column + c, tile,
                                    at, other, angles, head_dim, period));
        }
    }
}
#endif

/* One work-group of 256 for each tile: four work-items share a column. */
kernel __attribute__((reqd_work_group_size(256, 1, 1))) void
normalise(global const ushort *pool, ulong start, ulong size, ulong pool_size, global const ushort *x,
          global ushort *y, uint width, float eps)
{
    local float sums[4][TILE];
    uint        column = get_local_id(0) % TILE;
    uint        part = get_local_id(0) / TILE;
    ulong       first = (ulong)get_group_id(0) * width;
    float       sum = 0;
    float       scale;

    for (uint f = part; f < width; f += 4) {
        float value = widen(x[(first + f) * TILE + column]);

        sum = fma(value, value, sum);
    }
    sums[part][column] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = (sums[0][column] + sums[1][column]) + (sums[2][column] + sums[3][column]);
    scale = 1.0f / sqrt(sum / (float)width + eps);
    for (uint f = part; f < width; f += 4) {
        float weight = widen(pool[place(start, size, pool_size, f)]);

        y[(first + f) * TILE + column] = narrow(rounded(widen(x[(first + f) * TILE + column]) * scale) * weight);
    }
}

/* Attention of one query, with `length` numbers of its own in `scores`, to the first `last` keys of the nonce whose
 * tiles begin at first_tile. */
void
attend_one(global const ushort *q, ulong column, global const ushort *keys, global const ushort *values,
           global float *mine, global ushort *out, uint head, uint kv_heads, uint shared, uint head_dim,
           ulong first_tile, uint last)
{
    float root = sqrt((float)head_dim);
    float most = -INFINITY;
    float sum = 0;

    for (uint k = 0; k < last; k++) {
        ulong at = ((first_tile + k / TILE) * kv_heads + head / shared) * head_dim * TILE + k % TILE;
        float score = 0;

        for (uint d = 0; d < head_dim; d++)
            score = fma(widen(keys[at + d * TILE]), widen(q[column + d * TILE]), score);
        mine[k] = rounded(rounded(score) / root);
        most = fmax(most, mine[k]);
    }
    for (uint k = 0; k < last; k++) {
        mine[k] = exp(mine[k] - most);
        sum += mine[k];
    }
    for (uint d = 0; d < head_dim; d++) {
        float mixed = 0;

        for (uint k = 0; k < last; k++) {
            ulong at = ((first_tile + k / TILE) * kv_heads + head / shared) * head_dim * TILE + k % TILE;

            mixed = fma(widen(values[at + d * TILE]), rounded(mine[k] / sum), mixed);
        }
        out[column + d * TILE] = narrow(mixed);
    }
}

/* Causal attention: one work-item for each column and each head. */
kernel void
attend(global const ushort *q, global const ushort *keys, global const ushort *values, global float *scores,
       global ushort *out, uint heads, uint shared, uint head_dim, uint period, uint length)
{
    uint  tile = get_global_id(0) / TILE;
    uint  head = get_global_id(1);
    uint  position = tile % period * TILE + get_global_id(0) % TILE;
    ulong column = ((ulong)tile * heads + head) * head_dim * TILE + get_global_id(0) % TILE;

    if (position < length)
        attend_one(q, column, keys, values, scores + ((ulong)get_global_id(0) * heads + head) * length, out, head,
                   heads / shared, shared, head_dim, tile - tile % period, position + 1);
}

/* The same for the last position alone: column i of q and out belongs to nonce i. */
kernel void
attend_last(global const ushort *q, global const ushort *keys, global const ushort *values, global float *scores,
            global ushort *out, uint heads, uint shared, uint head_dim, uint period, uint length)
{
    uint  nonce = get_global_id(0);
    uint  head = get_global_id(1);
    ulong column = ((ulong)(nonce / TILE) * heads + head) * head_dim * TILE + nonce % TILE;

    attend_one(q, column, keys, values, scores + ((ulong)nonce * heads + head) * length, out, head, heads / shared,
               shared, head_dim, (ulong)nonce * period, length);
}

/* The last positions' columns side by side: work-item (f, i) takes feature f of nonce i. */
kernel void
gather_last(global const ushort *x, global ushort *y, uint width, uint period, uint length)
{
    uint  feature = get_global_id(0);
    uint  nonce = get_global_id(1);
    ulong from = ((ulong)nonce * period + (length - 1) / TILE) * width + feature;
    ulong to = (ulong)(nonce / TILE) * width + feature;

    y[to * TILE + nonce % TILE] = x[from * TILE + (length - 1) % TILE];
}

/* binary16 inputs, [nonce][position][feature], to tiles: work-item (f, p, i). Columns that fill a tile up get zeros. */
kernel void
spread(global const ushort *input, global ushort *x, uint width, uint period, uint length)
{
    uint  feature = get_global_id(0);
    uint  position = get_global_id(1);
    uint  nonce = get_global_id(2);
    ulong to = ((ulong)nonce * period + position / TILE) * width + feature;
    ulong from = ((ulong)nonce * length + position) * width + feature;

    x[to * TILE + position % TILE] = position < length ? input[from] : 0;
}

/* Finished logits to [nonce][number]: work-item (f, i). */
kernel void
collect(global const ushort *y, global float *logits, uint width)
{
    uint feature = get_global_id(0);
    uint nonce = get_global_id(1);

    logits[(ulong)nonce * width + feature] =
        widen(y[((ulong)(nonce / TILE) * width + feature) * TILE + nonce % TILE]);
}

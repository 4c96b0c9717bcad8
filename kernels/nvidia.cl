/*
 * nvidia.cl: the forward pass on NVIDIA's tensor cores, compute capability 8.0 and later. weights.cl stands before it.
 *
 * The instructions (mma.sync, ldmatrix, cp.async, shfl.sync) are written in PTX, which NVIDIA's compiler takes as
 * assembly within OpenCL C; their operands are laid out as the PTX manual's chapters on these instructions say.
 * Products are of binary16 numbers, sums of binary32.
 *
 * Activations are binary16, a row for each column of the other paths: feature f of column c of a matrix of F features is
 * at c * S + f, S being F rounded up to 64. What fills a row up is zero and stays so. Columns are filled up to whole
 * blocks of DOWN; what the added ones hold is never looked at.
 *
 * Weights are unpacked before a product, one tensor at a time, since a window begins anywhere and the tensor cores' loads
 * are of 16 aligned bytes: `pack` writes rows of S numbers, filled up with zeros.
 *
 * DOWN x ACROSS    columns and rows of a work-group's product
 * TALL x WIDE      those of one of its warps
 * DEPTH            features of a step, 32 or 64
 * STAGES           steps that are in local memory or on their way to it
 */
#pragma OPENCL FP_CONTRACT OFF

#define WARPS (DOWN / TALL * (ACROSS / WIDE))
#define THREADS (WARPS * 32)
#define CHUNKS (DEPTH / 8) /* pieces of 16 bytes in a row of a step */
#define GROUP 16           /* blocks of columns that are computed side by side, so that a block of weights is read once for them */

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

float
widen(ushort bits)
{
    float value;

    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

ushort
narrow(float value)
{
    ushort bits;

    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

float
rounded(float value)
{
    return widen(narrow(value));
}

/* Two halves as one word, `low` at the lower address. */
uint
narrow2(float low, float high)
{
    uint bits;

    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

float
low_half(uint bits)
{
    return widen((ushort)bits);
}

float
high_half(uint bits)
{
    return widen((ushort)(bits >> 16));
}

/* --- the tensor cores' instructions -----------------------------------------------------------------------------------
 */

uint
local_address(local const void *at)
{
    return (uint)(ulong)at;
}

void
fetch_16(uint to, global const ushort *from)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

#define FETCHES_END() asm volatile("cp.async.commit_group;" ::: "memory")
#define FETCHES_WAIT(left) asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory")
#define ALL_HERE() asm volatile("bar.sync 0;" ::: "memory")

/* Four matrices of 8 x 8; this work-item gives the address of a row of one of them. */
#define LOAD_4(to, from)                                                                                                \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"                                     \
                 : "=r"((to)[0]), "=r"((to)[1]), "=r"((to)[2]), "=r"((to)[3])                                           \
                 : "r"(from)                                                                                            \
                 : "memory")
#define LOAD_4_TURNED(to, from)                                                                                         \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"                               \
                 : "=r"((to)[0]), "=r"((to)[1]), "=r"((to)[2]), "=r"((to)[3])                                           \
                 : "r"(from)                                                                                            \
                 : "memory")

/* sum (16 x 8) += a (16 x 16) b (16 x 8) */
#define MULTIPLY_ADD(sum, a, b0, b1)                                                                                    \
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "              \
        "{%0, %1, %2, %3};"                                                                                             \
        : "+f"((sum)[0]), "+f"((sum)[1]), "+f"((sum)[2]), "+f"((sum)[3])                                                \
        : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"(b0), "r"(b1))

/* The value of the work-item of this warp whose number differs in `bit`. */
float
from_partner(float value, uint bit)
{
    float other;

    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(other) : "f"(value), "r"(bit));
    return other;
}

/* --- products ---------------------------------------------------------------------------------------------------------
 */

enum { PLAIN, ROTARY, ADD, GATE };

/* Where piece `chunk` of row `row` of a step stands, in pieces: eight rows of one piece lie in different banks. */
#define SWIZZLED(row, chunk) ((row) * CHUNKS + ((chunk) ^ (CHUNKS == 4 ? ((row) >> 1) & 3 : (row)&7)))

/* A step's rows of one matrix, from `first` on, to local memory. */
#define FETCH_ROWS(rows, to, from, stride)                                                                              \
    _Pragma("unroll") for (uint i = 0; i < (rows) * CHUNKS / THREADS; i++) fetch_16(                                    \
        (to) + SWIZZLED(item / CHUNKS + i * (THREADS / CHUNKS), item % CHUNKS) * 16,                                    \
        (from) + (ulong)(i * (THREADS / CHUNKS)) * (stride))

/* Two neighbouring rows of the product for one column. `row` is even. */
void
finish(int then, float first, float second, uint row, ulong column, uint rows, global ushort *y, uint stride,
       global const ushort *other, global const float *angles, uint head_dim, uint period)
{
    ulong at = column * stride + row;

    if (row >= rows)
        return;
    first = rounded(first);
    second = rounded(second);
    if (then == ADD) {
        uint before = *(global const uint *)(other + at);

        first = low_half(before) + first;
        second = high_half(before) + second;
    } else if (then == ROTARY) {
        uint  turn = (row % head_dim / 2 * period + (uint)(column % period)) * 2;
        float even = first;

        first = even * angles[turn] - second * angles[turn + 1];
        second = even * angles[turn + 1] + second * angles[turn];
    }
    if (row + 1 < rows)
        *(global uint *)(y + at) = narrow2(first, second);
    else
        y[at] = narrow(first);
}

float
gated(float gate, float up)
{
    gate = rounded(gate);
    return rounded(gate / (1 + exp(-gate))) * rounded(up);
}

/*
 * y = x W for one block: work-groups are numbered so that GROUP blocks of columns go through the weights together.
 * `w` is packed, with `width` numbers in a row, a multiple of 64; x has rows of as many. `rows` counts those of y, `stride` is
 * y's. With GATE the rows of w are eight of the gate, eight of what it is for, and so on.
 */
void
product(int then, global const ushort *w, global const ushort *x, global ushort *y, uint rows, uint width, uint blocks_down,
        uint blocks_across, uint stride, global const ushort *other, global const float *angles, uint head_dim,
        uint period, local uint4 *space)
{
    const uint item = get_local_id(0);
    const uint lane = item % 32;
    const uint warp = item / 32;
    const uint per_group = GROUP * blocks_across;
    const uint first_down = get_group_id(0) / per_group * GROUP;
    const uint together = min(blocks_down - first_down, (uint)GROUP);
    const uint block_down = first_down + get_group_id(0) % per_group % together;
    const uint block_across = get_group_id(0) % per_group / together;
    const uint warp_down = warp % (DOWN / TALL) * TALL;
    const uint warp_across = warp / (DOWN / TALL) * WIDE;
    const uint steps = width / DEPTH;
    const uint step_bytes = (DOWN + ACROSS) * DEPTH * 2;
    const uint base = local_address(space);
    const uint a_row = warp_down + lane % 16;
    const uint b_row = warp_across + lane % 8 + lane / 16 * 8;
    const uint a_at = SWIZZLED(a_row, lane / 16) * 16;
    const uint b_at = (DOWN * CHUNKS + SWIZZLED(b_row, lane / 8 % 2)) * 16;
    global const ushort *a_from = x + ((ulong)block_down * DOWN + item / CHUNKS) * width + item % CHUNKS * 8;
    global const ushort *b_from = w + ((ulong)block_across * ACROSS + item / CHUNKS) * width + item % CHUNKS * 8;
    float sums[TALL / 16][WIDE / 8][4];

#pragma unroll
    for (uint i = 0; i < TALL / 16; i++)
#pragma unroll
        for (uint j = 0; j < WIDE / 8; j++)
            sums[i][j][0] = sums[i][j][1] = sums[i][j][2] = sums[i][j][3] = 0;

#pragma unroll
    for (uint s = 0; s + 1 < STAGES; s++) {
        if (s < steps) {
            FETCH_ROWS(DOWN, base + s * step_bytes, a_from + s * DEPTH, width);
            FETCH_ROWS(ACROSS, base + s * step_bytes + DOWN * DEPTH * 2, b_from + s * DEPTH, width);
        }
        FETCHES_END();
    }
    for (uint s = 0, here = 0, next = STAGES - 1; s < steps; s++) {
        const uint now = base + here * step_bytes;
        uint a[TALL / 16][4];
        uint b[WIDE / 16][4];

        FETCHES_WAIT(STAGES - 2);
        ALL_HERE();
        if (s + STAGES - 1 < steps) {
            const uint to = base + next * step_bytes;
            const uint k = (s + STAGES - 1) * DEPTH;

            FETCH_ROWS(DOWN, to, a_from + k, width);
            FETCH_ROWS(ACROSS, to + DOWN * DEPTH * 2, b_from + k, width);
        }
        FETCHES_END();
#pragma unroll
        for (uint k = 0; k < DEPTH / 16; k++) {
#pragma unroll
            for (uint i = 0; i < TALL / 16; i++)
                LOAD_4(a[i], now + (a_at ^ (k * 32)) + i * 16 * CHUNKS * 16);
#pragma unroll
            for (uint j = 0; j < WIDE / 16; j++)
                LOAD_4(b[j], now + (b_at ^ (k * 32)) + j * 16 * CHUNKS * 16);
#pragma unroll
            for (uint i = 0; i < TALL / 16; i++)
#pragma unroll
                for (uint j = 0; j < WIDE / 8; j++)
                    MULTIPLY_ADD(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
        here = here + 1 == STAGES ? 0 : here + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
#pragma unroll
    for (uint i = 0; i < TALL / 16; i++) {
        const ulong column = (ulong)block_down * DOWN + warp_down + i * 16 + lane / 4;
        const uint  row = block_across * ACROSS + warp_across + lane % 4 * 2;

        if (then == GATE) {
#pragma unroll
            for (uint j = 0; j < WIDE / 16; j++)
#pragma unroll
                for (uint h = 0; h < 2; h++) {
                    const uint to = (block_across * ACROSS + warp_across) / 2 + j * 8 + lane % 4 * 2;
                    const float first = gated(sums[i][2 * j][2 * h], sums[i][2 * j + 1][2 * h]);
                    const float second = gated(sums[i][2 * j][2 * h + 1], sums[i][2 * j + 1][2 * h + 1]);

                    if (to < rows)
                        *(global uint *)(y + (column + h * 8) * stride + to) = narrow2(first, second);
                }
        } else {
#pragma unroll
            for (uint j = 0; j < WIDE / 8; j++)
#pragma unroll
                for (uint h = 0; h < 2; h++)
                    finish(then, sums[i][j][2 * h], sums[i][j][2 * h + 1], row + j * 8, column + h * 8, rows, y, stride,
                           other, angles, head_dim, period);
        }
    }
}

#define PRODUCT(name, then)                                                                                             \
    kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void name(                                              \
        global const ushort *w, global const ushort *x, global ushort *y, uint rows, uint width, uint blocks_down,      \
        uint blocks_across, uint stride, global const ushort *other, global const float *angles, uint head_dim,         \
        uint period)                                                                                                    \
    {                                                                                                                   \
        local uint4 space[STAGES * (DOWN + ACROSS) * CHUNKS];                                                           \
                                                                                                                        \
        product(then, w, x, y, rows, width, blocks_down, blocks_across, stride, other, angles, head_dim, period,        \
                space);                                                                                                 \
    }

PRODUCT(product_plain, PLAIN)
PRODUCT(product_rotary, ROTARY)
PRODUCT(product_add, ADD)
PRODUCT(product_gate, GATE)

/*
 * A tensor of rows x width from the pool to rows of `stride`: work-item (i, r) writes 8 numbers of packed row r, which is
 * row r of the tensor, or with `of_two` 1 or 2 is one of two tensors' rows, eight and eight. What lies beyond the tensor
 * is zero.
 */
kernel void
pack(global const ushort *pool, ulong start, ulong size, ulong pool_size, global uint4 *packed, uint rows, uint width,
     uint stride, uint of_two)
{
    const uint  row = get_global_id(1);
    const uint  to = of_two == 0 ? row : row / 8 * 16 + (of_two - 1) * 8 + row % 8;
    const uint  column = get_global_id(0) * 8;
    const ulong index = (ulong)row * width + column;
    uint        words[4] = {0, 0, 0, 0};

    if (column >= stride)
        return;
    if (row < rows && column + 8 <= width && size == 0) {
        const ulong from = start + index;
        global const uint *at = (global const uint *)pool + from / 2;

        if (from % 2 == 0) {
            for (uint i = 0; i < 4; i++)
                words[i] = at[i];
        } else {
            uint before = at[0];

            for (uint i = 0; i < 4; i++) {
                /* The last number stands alone: behind it the pool may end. */
                uint next = i < 3 ? at[i + 1] : pool[from + 7];

                words[i] = before >> 16 | next << 16;
                before = next;
            }
        }
    } else if (row < rows) {
        for (uint i = 0; i < 8 && column + i < width; i++)
            words[i / 2] |= (uint)pool[place(start, size, pool_size, index + i)] << i % 2 * 16;
    }
    packed[((ulong)to * stride + column) / 8] = (uint4)(words[0], words[1], words[2], words[3]);
}

/* --- between products ---------------------------------------------------------------------------------------------------
 */

/* A work-group of 256 for each column. */
kernel __attribute__((reqd_work_group_size(256, 1, 1))) void
normalise(global const ushort *pool, ulong start, ulong size, ulong pool_size, global const ushort *x, global ushort *y,
          uint width, float eps, uint stride)
{
    local float sums[8];
    const uint  item = get_local_id(0);
    const ulong first = (ulong)get_group_id(0) * stride;
    float       sum = 0;
    float       scale;

    for (uint f = item * 2; f < width; f += 512) {
        uint two = *(global const uint *)(x + first + f);

        sum = fma(low_half(two), low_half(two), sum);
        sum = fma(high_half(two), high_half(two), sum);
    }
    for (uint bit = 16; bit > 0; bit /= 2)
        sum += from_partner(sum, bit);
    if (item % 32 == 0)
        sums[item / 32] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0;
    for (uint i = 0; i < 8; i++)
        sum += sums[i];
    scale = 1.0f / sqrt(sum / (float)width + eps);
    for (uint f = item * 2; f < width; f += 512) {
        uint two = *(global const uint *)(x + first + f);
        float low = rounded(low_half(two) * scale) * widen(pool[place(start, size, pool_size, f)]);
        float high = f + 1 < width
                         ? rounded(high_half(two) * scale) * widen(pool[place(start, size, pool_size, f + 1)])
                         : 0;

        *(global uint *)(y + first + f) = narrow2(low, high);
    }
}

/*
 * Causal attention of 64 queries of one head: a work-group of four warps, 16 queries each. A warp has the scores of all
 * keys in registers, so that they are rounded, divided, rounded and made probabilities as numerics demand. HEAD numbers of a
 * head (32 or 64, what is not there is zero), KEYS keys.
 * Work-groups: (queries / 64, head, nonce).
 */
#define HEAD_CHUNKS(HEAD) ((HEAD) / 8)
#define HEAD_AT(HEAD, row, chunk)                                                                                       \
    ((row) * HEAD_CHUNKS(HEAD) + ((chunk) ^ (HEAD_CHUNKS(HEAD) == 4 ? ((row) >> 1) & 3 : (row)&7)))

#define ATTEND(name, HEAD, KEYS)                                                                                        \
    kernel __attribute__((reqd_work_group_size(128, 1, 1))) void name(                                                  \
        global const ushort *q, global const ushort *keys, global const ushort *values, global ushort *out,             \
        uint shared, uint head_dim, uint length, uint stride, uint kv_stride)                                           \
    {                                                                                                                   \
        local uint4 key_space[(KEYS)*HEAD_CHUNKS(HEAD)];                                                                \
        local uint4 value_space[(KEYS)*HEAD_CHUNKS(HEAD)];                                                              \
        const uint  item = get_local_id(0);                                                                             \
        const uint  lane = item % 32;                                                                                   \
        const uint  first = get_group_id(0) * 64;                                                                       \
        const uint  head = get_group_id(1);                                                                             \
        const ulong nonce = (ulong)get_group_id(2) * length;                                                            \
        const uint  end = min(first + 64, length); /* keys that any of these queries sees */                            \
        const uint  filled = (end + 15) / 16 * 16;                                                                      \
        const uint  query = first + item / 32 * 16 + lane / 4; /* and query + 8 */                                      \
        const float root = sqrt((float)head_dim);                                                                       \
        float       scores[(KEYS) / 8][4];                                                                              \
        float       mixed[(HEAD) / 8][4];                                                                               \
        float       most[2] = {-INFINITY, -INFINITY};                                                                   \
        float       sum[2] = {0, 0};                                                                                    \
        uint        in[(HEAD) / 16][4];                                                                                 \
                                                                                                                        \
        for (uint i = item; i < filled * (HEAD) / 2; i += 128) {                                                        \
            const uint  key = i / ((HEAD) / 2);                                                                         \
            const uint  word = i % ((HEAD) / 2);                                                                        \
            const int   there = key < end && word * 2 < head_dim;                                                       \
            const ulong at = (nonce + key) * kv_stride + head / shared * head_dim + word * 2;                           \
            const uint  to = HEAD_AT(HEAD, key, word / 4) * 4 + word % 4;                                               \
                                                                                                                        \
            ((local uint *)key_space)[to] = there ? *(global const uint *)(keys + at) : 0;                              \
            ((local uint *)value_space)[to] = there ? *(global const uint *)(values + at) : 0;                          \
        }                                                                                                               \
        _Pragma("unroll") for (uint d = 0; d < (HEAD) / 16; d++) _Pragma("unroll") for (uint i = 0; i < 4; i++)         \
        {                                                                                                               \
            const uint of = query + i % 2 * 8;                                                                          \
            const uint feature = d * 16 + i / 2 * 8 + lane % 4 * 2;                                                     \
                                                                                                                        \
            in[d][i] = of < length && feature < head_dim                                                                \
                           ? *(global const uint *)(q + (nonce + of) * stride + head * head_dim + feature)              \
                           : 0;                                                                                         \
        }                                                                                                               \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                   \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 16; t++)                                                        \
        {                                                                                                               \
            const uint from = local_address(key_space);                                                                 \
            const uint row = t * 16 + lane % 8 + lane / 16 * 8;                                                         \
                                                                                                                        \
            scores[2 * t][0] = scores[2 * t][1] = scores[2 * t][2] = scores[2 * t][3] = 0;                              \
            scores[2 * t + 1][0] = scores[2 * t + 1][1] = scores[2 * t + 1][2] = scores[2 * t + 1][3] = 0;              \
            if (t * 16 < filled) {                                                                                      \
                _Pragma("unroll") for (uint d = 0; d < (HEAD) / 16; d++)                                                \
                {                                                                                                       \
                    uint b[4];                                                                                          \
                                                                                                                        \
                    LOAD_4(b, from + HEAD_AT(HEAD, row, d * 2 + lane / 8 % 2) * 16);                                    \
                    MULTIPLY_ADD(scores[2 * t], in[d], b[0], b[1]);                                                     \
                    MULTIPLY_ADD(scores[2 * t + 1], in[d], b[2], b[3]);                                                 \
                }                                                                                                       \
            }                                                                                                           \
            _Pragma("unroll") for (uint i = 0; i < 8; i++)                                                              \
            {                                                                                                           \
                const uint h = i / 2 % 2;                                                                               \
                const uint key = t * 16 + i / 4 * 8 + lane % 4 * 2 + i % 2;                                             \
                float     *score = &scores[2 * t + i / 4][i % 4];                                                       \
                                                                                                                        \
                *score = key <= query + h * 8 && key < length ? rounded(rounded(*score) / root) : -INFINITY;            \
                most[h] = fmax(most[h], *score);                                                                        \
            }                                                                                                           \
        }                                                                                                               \
        _Pragma("unroll") for (uint h = 0; h < 2; h++) _Pragma("unroll") for (uint bit = 1; bit < 4; bit *= 2)          \
            most[h] = fmax(most[h], from_partner(most[h], bit));                                                        \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 8; t++) _Pragma("unroll") for (uint i = 0; i < 4; i++)          \
        {                                                                                                               \
            scores[t][i] = native_exp(scores[t][i] - most[i / 2]);                                                      \
            sum[i / 2] += scores[t][i];                                                                                 \
        }                                                                                                               \
        _Pragma("unroll") for (uint h = 0; h < 2; h++)                                                                  \
        {                                                                                                               \
            sum[h] += from_partner(sum[h], 1);                                                                          \
            sum[h] += from_partner(sum[h], 2);                                                                          \
            sum[h] = 1.0f / sum[h];                                                                                     \
        }                                                                                                               \
        _Pragma("unroll") for (uint d = 0; d < (HEAD) / 8; d++) mixed[d][0] = mixed[d][1] = mixed[d][2] = mixed[d][3] = \
            0;                                                                                                          \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 16; t++) if (t * 16 < filled)                                   \
        {                                                                                                               \
            const uint row = t * 16 + lane % 16;                                                                        \
            const uint p[4] = {narrow2(scores[2 * t][0] * sum[0], scores[2 * t][1] * sum[0]),                           \
                               narrow2(scores[2 * t][2] * sum[1], scores[2 * t][3] * sum[1]),                           \
                               narrow2(scores[2 * t + 1][0] * sum[0], scores[2 * t + 1][1] * sum[0]),                   \
                               narrow2(scores[2 * t + 1][2] * sum[1], scores[2 * t + 1][3] * sum[1])};                  \
                                                                                                                        \
            _Pragma("unroll") for (uint d = 0; d < (HEAD) / 16; d++)                                                    \
            {                                                                                                           \
                uint b[4];                                                                                              \
                                                                                                                        \
                LOAD_4_TURNED(b, local_address(value_space) + HEAD_AT(HEAD, row, d * 2 + lane / 16) * 16);              \
                MULTIPLY_ADD(mixed[2 * d], p, b[0], b[1]);                                                              \
                MULTIPLY_ADD(mixed[2 * d + 1], p, b[2], b[3]);                                                          \
            }                                                                                                           \
        }                                                                                                               \
        _Pragma("unroll") for (uint d = 0; d < (HEAD) / 8; d++) _Pragma("unroll") for (uint h = 0; h < 2; h++)          \
        {                                                                                                               \
            const uint of = query + h * 8;                                                                              \
            const uint feature = d * 8 + lane % 4 * 2;                                                                  \
                                                                                                                        \
            if (of < length && feature < head_dim)                                                                      \
                *(global uint *)(out + (nonce + of) * stride + head * head_dim + feature) =                             \
                    narrow2(mixed[d][2 * h], mixed[d][2 * h + 1]);                                                      \
        }                                                                                                               \
    }

ATTEND(attend_32, 32, 256)
ATTEND(attend_64, 64, 128)

/* Attention of one query to the first `last` keys of its nonce, with `length` numbers of its own in `mine`. */
void
attend_one(global const ushort *q, global const ushort *keys, global const ushort *values, global float *mine,
           global ushort *out, uint head_dim, uint kv_stride, uint last)
{
    const float root = sqrt((float)head_dim);
    float       most = -INFINITY;
    float       sum = 0;

    for (uint k = 0; k < last; k++) {
        float score = 0;

        for (uint d = 0; d < head_dim; d++)
            score = fma(widen(keys[(ulong)k * kv_stride + d]), widen(q[d]), score);
        mine[k] = rounded(rounded(score) / root);
        most = fmax(most, mine[k]);
    }
    for (uint k = 0; k < last; k++) {
        mine[k] = exp(mine[k] - most);
        sum += mine[k];
    }
    for (uint d = 0; d < head_dim; d++) {
        float mixed = 0;

        for (uint k = 0; k < last; k++)
            mixed = fma(widen(values[(ulong)k * kv_stride + d]), rounded(mine[k] / sum), mixed);
        out[d] = narrow(mixed);
    }
}

/* For longer texts or wider heads than attend_32 and attend_64 take: one work-item for each column and each head. */
kernel void
attend(global const ushort *q, global const ushort *keys, global const ushort *values, global float *scores,
       global ushort *out, uint heads, uint shared, uint head_dim, uint length, uint stride, uint kv_stride)
{
    const ulong column = get_global_id(0);
    const uint  head = get_global_id(1);
    const ulong nonce = column - column % length;
    const ulong mine = column * stride + head * head_dim;
    const ulong theirs = nonce * kv_stride + head / shared * head_dim;

    attend_one(q + mine, keys + theirs, values + theirs, scores + (column * heads + head) * length, out + mine, head_dim,
               kv_stride, column % length + 1);
}

/* The same for the last position alone: column i of q and out belongs to nonce i. */
kernel void
attend_last(global const ushort *q, global const ushort *keys, global const ushort *values, global float *scores,
            global ushort *out, uint heads, uint shared, uint head_dim, uint length, uint stride, uint kv_stride)
{
    const ulong nonce = get_global_id(0);
    const uint  head = get_global_id(1);
    const ulong mine = nonce * stride + head * head_dim;
    const ulong theirs = nonce * length * kv_stride + head / shared * head_dim;

    attend_one(q + mine, keys + theirs, values + theirs, scores + (nonce * heads + head) * length, out + mine, head_dim,
               kv_stride, length);
}

/* The last positions' columns one after the other: work-item (f, i) takes feature f of nonce i. */
kernel void
gather_last(global const ushort *x, global ushort *y, uint width, uint stride, uint length)
{
    const uint  feature = get_global_id(0);
    const ulong nonce = get_global_id(1);

    y[nonce * stride + feature] = x[(nonce * length + length - 1) * stride + feature];
}

/* binary16 inputs, [nonce][position][feature], to rows of `stride`: work-item (f, p, i). */
kernel void
spread(global const ushort *input, global ushort *x, uint width, uint stride, uint length)
{
    const uint  feature = get_global_id(0);
    const ulong column = get_global_id(2) * length + get_global_id(1);

    x[column * stride + feature] = input[column * width + feature];
}

/* Finished logits to [nonce][number]: work-item (f, i). */
kernel void
collect(global const ushort *y, global float *logits, uint width, uint stride)
{
    const uint  feature = get_global_id(0);
    const ulong nonce = get_global_id(1);

    logits[nonce * width + feature] = widen(y[nonce * stride + feature]);
}

/*
 * nvidia.cl: the forward pass on NVIDIA's tensor cores, compute capability 8.0 and later. weights.cl stands before it,
 * nvidia_mma.cl or nvidia_wgmma.cl with the products behind it.
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
 * THREADS          work-items of a work-group
 */
#pragma OPENCL FP_CONTRACT OFF

/* wgmma may not cross a call, and registers are indexed */
#define INLINE __attribute__((always_inline))
#define CHUNKS (DEPTH / 8) /* pieces of 16 bytes in a row of a step */
#define GROUP 16           /* blocks of columns that are computed side by side, so that a block of weights is read once for them */

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

INLINE float
widen(ushort bits)
{
    float value;

    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

INLINE ushort
narrow(float value)
{
    ushort bits;

    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

INLINE float
rounded(float value)
{
    return widen(narrow(value));
}

/* Two halves as one word, `low` at the lower address. */
INLINE uint
narrow2(float low, float high)
{
    uint bits;

    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

INLINE float
low_half(uint bits)
{
    return widen((ushort)bits);
}

INLINE float
high_half(uint bits)
{
    return widen((ushort)(bits >> 16));
}

/* --- the tensor cores' instructions -----------------------------------------------------------------------------------
 */

INLINE uint
local_address(local const void *at)
{
    return (uint)(ulong)at;
}

INLINE void
fetch_4(uint to, global const ushort *from)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
}

INLINE void
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
INLINE float
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
    _Pragma("unroll") for (uint i = 0; i < ((rows)*CHUNKS + THREADS - 1) / THREADS; i++) if (                           \
        (rows)*CHUNKS % THREADS == 0 || item + i * THREADS < (rows)*CHUNKS)                                             \
        fetch_16((to) + SWIZZLED(item / CHUNKS + i * (THREADS / CHUNKS), item % CHUNKS) * 16,                           \
                 (from) + (ulong)(i * (THREADS / CHUNKS)) * (stride))

/* A product's eight neighbouring numbers of one column, from `row` on, which is a multiple of 8. What lies beyond the rows is
 * zero, and zero is written. */
INLINE void
finish(int then, const float *sums, uint row, ulong column, global ushort *y, uint stride, global const ushort *other,
       global const float *angles, uint head_dim, uint period)
{
    const ulong at = column * stride + row;
    uint4       before = (uint4)0;
    uint        words[4];

    if (row >= stride)
        return;
    if (then == ADD)
        before = *(global const uint4 *)(other + at);
#pragma unroll
    for (uint i = 0; i < 4; i++) {
        float first = rounded(sums[2 * i]);
        float second = rounded(sums[2 * i + 1]);

        if (then == ADD) {
            const uint two = i == 0 ? before.x : i == 1 ? before.y : i == 2 ? before.z : before.w;

            first = low_half(two) + first;
            second = high_half(two) + second;
        } else if (then == ROTARY) {
            const uint   pair = (row + 2 * i) % head_dim / 2;
            const float2 turn = ((global const float2 *)angles)[pair * period + (uint)(column % period)];
            const float  even = first;

            first = even * turn.x - second * turn.y;
            second = even * turn.y + second * turn.x;
        }
        words[i] = narrow2(first, second);
    }
    *(global uint4 *)(y + at) = (uint4)(words[0], words[1], words[2], words[3]);
}

INLINE float
gated(float gate, float up)
{
    gate = rounded(gate);
    return rounded(native_divide(gate, 1 + native_exp(-gate))) * rounded(up);
}

/*
 * Where row `row` of a tensor stands when it is packed. A work-item ends up with two neighbouring rows of each eight; with the
 * rows in this order those are eight neighbouring ones of the tensor, which are written as one. `of_two` 1, 2: eight rows
 * of the gate stand before eight of what it is for.
 */
INLINE uint
packed_row(uint row, uint of_two)
{
    const uint eight = row % 8 / 2;
    const uint at = row / 8 % 4 * 2 + row % 2;

    return of_two == 0 ? row / 32 * 32 + eight * 8 + at : row / 32 * 64 + eight * 16 + (of_two - 1) * 8 + at;
}

/* What a work-item has of a block's product, `numbers` for a column and as many for the eighth after it, to y. */
#define FINISH_ALL(then, sums, numbers, first_row, first_column)                                                        \
    _Pragma("unroll") for (uint h = 0; h < 2; h++)                                                                      \
    {                                                                                                                   \
        if (then == GATE) {                                                                                             \
            _Pragma("unroll") for (uint g = 0; g < (numbers) / 32; g++)                                                 \
            {                                                                                                           \
                const uint  to = (first_row) / 2 + g * 32 + lane % 4 * 8;                                               \
                uint        words[4];                                                                                   \
                                                                                                                        \
                _Pragma("unroll") for (uint i = 0; i < 4; i++)                                                          \
                {                                                                                                       \
                    const float *gate = sums + 32 * g + 8 * i + 2 * h;                                                  \
                                                                                                                        \
                    words[i] = narrow2(gated(gate[0], gate[4]), gated(gate[1], gate[5]));                               \
                }                                                                                                       \
                if (to < stride)                                                                                        \
                    *(global uint4 *)(y + ((first_column) + h * 8) * stride + to) =                                     \
                        (uint4)(words[0], words[1], words[2], words[3]);                                                \
            }                                                                                                           \
        } else {                                                                                                        \
            _Pragma("unroll") for (uint g = 0; g < (numbers) / 16; g++)                                                 \
            {                                                                                                           \
                float eight[8];                                                                                         \
                                                                                                                        \
                _Pragma("unroll") for (uint i = 0; i < 8; i++) eight[i] = sums[16 * g + i / 2 * 4 + 2 * h + i % 2];     \
                finish(then, eight, (first_row) + g * 32 + lane % 4 * 8, (first_column) + h * 8, y, stride, other,      \
                       angles, head_dim, period);                                                                       \
            }                                                                                                           \
        }                                                                                                               \
    }

/* Where this work-group's block is: work-groups are numbered so that GROUP blocks of columns go through the weights
 * together. */
INLINE void
find_block(uint blocks_down, uint blocks_across, uint *ret_down, uint *ret_across)
{
    const uint per_group = GROUP * blocks_across;
    const uint first = get_group_id(0) / per_group * GROUP;
    const uint together = min(blocks_down - first, (uint)GROUP);

    *ret_down = first + get_group_id(0) % per_group % together;
    *ret_across = get_group_id(0) % per_group / together;
}

/* The kernels of a product. y = x W: w is packed, `width` (a multiple of 64) numbers in its rows and in those of x,
 * `stride` in those of y. */
#define PRODUCT(name, then)                                                                                             \
    kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void name(                                              \
        global const ushort *w, global const ushort *x, global ushort *y, uint width, uint blocks_down,                 \
        uint blocks_across, uint stride, global const ushort *other, global const float *angles, uint head_dim,         \
        uint period)                                                                                                    \
    {                                                                                                                   \
        local uint4 space[STAGES * (DOWN + ACROSS) * CHUNKS] __attribute__((aligned(1024)));                            \
                                                                                                                        \
        product(then, w, x, y, width, blocks_down, blocks_across, stride, other, angles, head_dim, period, space);      \
    }

/*
 * A tensor of rows x width from the pool to rows of `stride`: work-item (i, r) takes eight numbers of row r to where
 * packed_row() says. What lies beyond the tensor is zero. The pool may be read as far as the 16 bytes that hold its last number.
 */
kernel void
pack(global const ushort *pool, ulong start, ulong size, ulong pool_size, global uint4 *packed, uint rows, uint width,
     uint stride, uint of_two)
{
    const uint  row = get_global_id(1);
    const uint  to = packed_row(row, of_two);
    const uint  column = get_global_id(0) * 8;
    const ulong index = (ulong)row * width + column;
    uint4       eight = (uint4)0;

    if (column >= stride)
        return;
    if (row < rows && column + 8 <= width && size == 0) {
        const ulong from = start + index;
        const uint4 first = ((global const uint4 *)pool)[from / 8];
        const uint4 second = from % 8 == 0 ? first : ((global const uint4 *)pool)[from / 8 + 1];
        uint4       a = from & 4 ? (uint4)(first.zw, second.xy) : first;
        uint4       b = from & 4 ? (uint4)(second.zw, second.zw) : second;

        if (from & 2) {
            a = (uint4)(a.yzw, b.x);
            b.x = b.y;
        }
        if (from & 1)
            a = a >> 16 | (uint4)(a.yzw, b.x) << 16;
        eight = a;
    } else if (row < rows) {
        uint words[4] = {0, 0, 0, 0};

#pragma unroll
        for (uint i = 0; i < 8; i++)
            if (column + i < width)
                words[i / 2] |= (uint)pool[place(start, size, pool_size, index + i)] << i % 2 * 16;
        eight = (uint4)(words[0], words[1], words[2], words[3]);
    }
    packed[((ulong)to * stride + column) / 8] = eight;
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
        const uint  seen = min(first + item / 32 * 16 + 16, filled); /* keys of this warp */                            \
        const float root = 1.0f / sqrt((float)head_dim);                                                                \
        float       scores[(KEYS) / 8][4];                                                                              \
        float       mixed[(HEAD) / 8][4];                                                                               \
        float       most[2] = {-INFINITY, -INFINITY};                                                                   \
        float       sum[2] = {0, 0};                                                                                    \
        uint        in[(HEAD) / 16][4];                                                                                 \
                                                                                                                        \
        for (uint i = item; i < filled * (HEAD) / 2; i += 128) {                                                        \
            const uint  key = i / ((HEAD) / 2);                                                                         \
            const uint  word = i % ((HEAD) / 2);                                                                        \
            const ulong at = (nonce + key) * kv_stride + head / shared * head_dim + word * 2;                           \
            const uint  to = HEAD_AT(HEAD, key, word / 4) * 4 + word % 4;                                               \
                                                                                                                        \
            if (key < end && word * 2 < head_dim) {                                                                     \
                fetch_4(local_address((local uint *)key_space + to), keys + at);                                        \
                fetch_4(local_address((local uint *)value_space + to), values + at);                                    \
            } else {                                                                                                    \
                ((local uint *)key_space)[to] = 0;                                                                      \
                ((local uint *)value_space)[to] = 0;                                                                    \
            }                                                                                                           \
        }                                                                                                               \
        FETCHES_END();                                                                                                  \
        _Pragma("unroll") for (uint d = 0; d < (HEAD) / 16; d++) _Pragma("unroll") for (uint i = 0; i < 4; i++)         \
        {                                                                                                               \
            const uint of = query + i % 2 * 8;                                                                          \
            const uint feature = d * 16 + i / 2 * 8 + lane % 4 * 2;                                                     \
                                                                                                                        \
            in[d][i] = of < length && feature < head_dim                                                                \
                           ? *(global const uint *)(q + (nonce + of) * stride + head * head_dim + feature)              \
                           : 0;                                                                                         \
        }                                                                                                               \
        FETCHES_WAIT(0);                                                                                                \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                   \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 16; t++) if (t * 16 < seen)                                     \
        {                                                                                                               \
            const uint row = t * 16 + lane % 8 + lane / 16 * 8;                                                         \
                                                                                                                        \
            _Pragma("unroll") for (uint i = 0; i < 4; i++) scores[2 * t][i] = scores[2 * t + 1][i] = 0;                 \
            _Pragma("unroll") for (uint d = 0; d < (HEAD) / 16; d++)                                                    \
            {                                                                                                           \
                uint b[4];                                                                                              \
                                                                                                                        \
                LOAD_4(b, local_address(key_space) + HEAD_AT(HEAD, row, d * 2 + lane / 8 % 2) * 16);                    \
                MULTIPLY_ADD(scores[2 * t], in[d], b[0], b[1]);                                                         \
                MULTIPLY_ADD(scores[2 * t + 1], in[d], b[2], b[3]);                                                     \
            }                                                                                                           \
            _Pragma("unroll") for (uint i = 0; i < 8; i++)                                                              \
            {                                                                                                           \
                const uint  h = i / 2 % 2;                                                                              \
                const uint  key = t * 16 + i / 4 * 8 + lane % 4 * 2 + i % 2;                                            \
                const float score = rounded(rounded(scores[2 * t + i / 4][i % 4]) * root);                              \
                                                                                                                        \
                scores[2 * t + i / 4][i % 4] = key <= query + h * 8 && key < length ? score : -INFINITY;                \
                most[h] = fmax(most[h], scores[2 * t + i / 4][i % 4]);                                                  \
            }                                                                                                           \
        }                                                                                                               \
        _Pragma("unroll") for (uint h = 0; h < 2; h++) _Pragma("unroll") for (uint bit = 1; bit < 4; bit *= 2)          \
            most[h] = fmax(most[h], from_partner(most[h], bit));                                                        \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 16; t++) if (t * 16 < seen)                                     \
            _Pragma("unroll") for (uint i = 0; i < 8; i++)                                                              \
        {                                                                                                               \
            float *score = &scores[2 * t + i / 4][i % 4];                                                               \
                                                                                                                        \
            *score = native_exp(*score - most[i / 2 % 2]);                                                              \
            sum[i / 2 % 2] += *score;                                                                                   \
        }                                                                                                               \
        _Pragma("unroll") for (uint h = 0; h < 2; h++)                                                                  \
        {                                                                                                               \
            sum[h] += from_partner(sum[h], 1);                                                                          \
            sum[h] += from_partner(sum[h], 2);                                                                          \
            sum[h] = 1.0f / sum[h];                                                                                     \
        }                                                                                                               \
        _Pragma("unroll") for (uint d = 0; d < (HEAD) / 8; d++) _Pragma("unroll") for (uint i = 0; i < 4; i++)          \
            mixed[d][i] = 0;                                                                                            \
        _Pragma("unroll") for (uint t = 0; t < (KEYS) / 16; t++) if (t * 16 < seen)                                     \
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
INLINE void
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

/*
 * nvidia_mma.cl: products by mma.sync, compute capability 8.0 and later. weights.cl and nvidia.cl stand before it.
 *
 * A warp computes TALL columns by WIDE rows, 16 x 8 at a time, from pieces that ldmatrix brings out of local memory.
 */
INLINE void
product(int then, global const ushort *w, global const ushort *x, global ushort *y, uint width, uint blocks_down,
        uint blocks_across, uint stride, global const ushort *other, global const float *angles, uint head_dim,
        uint period, local uint4 *space)
{
    const uint item = get_local_id(0);
    const uint lane = item % 32;
    const uint warp = item / 32;
    const uint warp_down = warp % (DOWN / TALL) * TALL;
    const uint warp_across = warp / (DOWN / TALL) * WIDE;
    const uint steps = width / DEPTH;
    const uint step_bytes = (DOWN + ACROSS) * DEPTH * 2;
    const uint base = local_address(space);
    const uint a_row = warp_down + lane % 16;
    const uint b_row = warp_across + lane % 8 + lane / 16 * 8;
    const uint a_at = SWIZZLED(a_row, lane / 16) * 16;
    const uint b_at = (DOWN * CHUNKS + SWIZZLED(b_row, lane / 8 % 2)) * 16;
    uint       block_down;
    uint       block_across;
    float      sums[TALL / 16][WIDE / 2];
    global const ushort *a_from;
    global const ushort *b_from;

    find_block(blocks_down, blocks_across, &block_down, &block_across);
    a_from = x + ((ulong)block_down * DOWN + item / CHUNKS) * width + item % CHUNKS * 8;
    b_from = w + ((ulong)block_across * ACROSS + item / CHUNKS) * width + item % CHUNKS * 8;
#pragma unroll
    for (uint i = 0; i < TALL / 16; i++)
#pragma unroll
        for (uint j = 0; j < WIDE / 2; j++)
            sums[i][j] = 0;
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
                    MULTIPLY_ADD(sums[i] + 4 * j, a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
        here = here + 1 == STAGES ? 0 : here + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
#pragma unroll
    for (uint m = 0; m < TALL / 16; m++)
        FINISH_ALL(then, sums[m], WIDE / 2, block_across * ACROSS + warp_across,
                   (ulong)block_down * DOWN + warp_down + m * 16 + lane / 4);
}

PRODUCT(product_plain, PLAIN)
PRODUCT(product_rotary, ROTARY)
PRODUCT(product_add, ADD)
PRODUCT(product_gate, GATE)

/* Products of registers, again and again, to measure what the tensor cores do at most with mma.sync: a round is eight of 16 x 8
 * x 16 multiply-adds of each warp. */
kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
peak(global float *out, uint rounds)
{
    const uint mixed = get_local_id(0) * 2654435761u;
    const uint a[4] = {mixed & 0xb3ffb3ffu, mixed * 5 & 0xb3ffb3ffu, mixed * 9 & 0xb3ffb3ffu, mixed * 13 & 0xb3ffb3ffu};
    float      sums[8][4];

#pragma unroll
    for (uint i = 0; i < 8; i++)
        sums[i][0] = sums[i][1] = sums[i][2] = sums[i][3] = 0;
    for (uint r = 0; r < rounds; r++) {
#pragma unroll
        for (uint i = 0; i < 8; i++)
            MULTIPLY_ADD(sums[i], a, a[i % 4], a[(i + 1) % 4]);
    }
#pragma unroll
    for (uint i = 1; i < 8; i++)
        sums[0][0] += sums[i][0] + sums[i][3];
    out[get_global_id(0)] = sums[0][0];
}

/*
 * nvidia_wgmma.cl: products by wgmma, which only compute capability 9.0 has. weights.cl and nvidia.cl stand before it.
 *
 * The compiler of OpenCL C aims at sm_90 and not at sm_90a, where these instructions are. So they stand behind "//@", which
 * makes them a comment when it first compiles; what comes out is PTX, in which they are uncovered (program.c).
 *
 * A warpgroup (four warps) computes 64 columns by ACROSS (256) rows from matrices in local memory, in the layout that the PTX
 * manual calls 128-byte swizzle: rows of 64 numbers, whose eight pieces of 16 bytes change places with the row, which is
 * what SWIZZLED does.
 */
#define GROUPS (DOWN / 64)
#define AHEAD (STAGES - 2) /* steps that are fetched before they are needed; one more is being multiplied, one finishes */

#define NUMBERS_256                                                                                                     \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                                            \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "                                  \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "                                  \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "                                  \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "                                  \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "                                  \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "                      \
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

#define SUMS_8(s, i)                                                                                                    \
    "+f"(s[i]), "+f"(s[i + 1]), "+f"(s[i + 2]), "+f"(s[i + 3]), "+f"(s[i + 4]), "+f"(s[i + 5]), "+f"(s[i + 6]),         \
        "+f"(s[i + 7])
#define SUMS_32(s, i) SUMS_8(s, i), SUMS_8(s, i + 8), SUMS_8(s, i + 16), SUMS_8(s, i + 24)
#define SUMS_128(s) SUMS_32(s, 0), SUMS_32(s, 32), SUMS_32(s, 64), SUMS_32(s, 96)

/* sums (64 x 256) += or = a (64 x 64) b (64 x 256), begun; a and b are descriptors of matrices in local memory */
#define BEGIN_PRODUCT(sums, a, b, add)                                                                                  \
    asm volatile("//@{\n"                                                                                               \
                 "//@.reg .pred p, q;\n"                                                                                \
                 "//@setp.ne.b32 p, %136, 0;\n"                                                                         \
                 "//@setp.eq.b32 q, %136, %136;\n"                                                                      \
                 "//@wgmma.fence.sync.aligned;\n"                                                                       \
                 "//@wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" NUMBERS_256 "}, %128, %129, p, 1, 1, 0, 0;\n"\
                 "//@wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" NUMBERS_256 "}, %130, %131, q, 1, 1, 0, 0;\n"\
                 "//@wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" NUMBERS_256 "}, %132, %133, q, 1, 1, 0, 0;\n"\
                 "//@wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" NUMBERS_256 "}, %134, %135, q, 1, 1, 0, 0;\n"\
                 "//@wgmma.commit_group.sync.aligned;\n"                                                                \
                 "//@}\n"                                                                                               \
                 : SUMS_128(sums)                                                                                       \
                 : "l"(a), "l"(b), "l"((a) + 2), "l"((b) + 2), "l"((a) + 4), "l"((b) + 4), "l"((a) + 6), "l"((b) + 6),  \
                   "r"(add)                                                                                             \
                 : "memory")
#define LAST_BUT_ONE_DONE() asm volatile("//@wgmma.wait_group.sync.aligned 1;" ::: "memory")
#define PRODUCTS_DONE(sums) asm volatile("//@wgmma.wait_group.sync.aligned 0;" : SUMS_128(sums)::"memory")
/* What the copies of this work-item have written is seen by wgmma. */
#define SHOW_COPIES() asm volatile("fence.proxy.async.shared::cta;" ::: "memory")

/* A matrix at this address of local memory: 1024 bytes from eight rows to the next, 128-byte swizzle. 16 numbers further on in
 * the rows are two more. */
INLINE ulong
described(uint address)
{
    return (ulong)((address & 0x3ffffu) >> 4) | 1ul << 16 | (ulong)(1024 >> 4) << 32 | 1ul << 62;
}

INLINE void
product(int then, global const ushort *w, global const ushort *x, global ushort *y, uint width, uint blocks_down,
        uint blocks_across, uint stride, global const ushort *other, global const float *angles, uint head_dim,
        uint period, local uint4 *space)
{
    const uint item = get_local_id(0);
    const uint lane = item % 32;
    const uint warp = item / 32;
    const uint steps = width / DEPTH;
    const uint step_bytes = (DOWN + ACROSS) * DEPTH * 2;
    const uint base = local_address(space);
    uint       block_down;
    uint       block_across;
    float      sums[128];
    global const ushort *a_from;
    global const ushort *b_from;

    find_block(blocks_down, blocks_across, &block_down, &block_across);
    a_from = x + ((ulong)block_down * DOWN + item / CHUNKS) * width + item % CHUNKS * 8;
    b_from = w + ((ulong)block_across * ACROSS + item / CHUNKS) * width + item % CHUNKS * 8;
#pragma unroll
    for (uint i = 0; i < 128; i++)
        sums[i] = 0;
#pragma unroll
    for (uint s = 0; s < AHEAD; s++) {
        if (s < steps) {
            FETCH_ROWS(DOWN, base + s * step_bytes, a_from + s * DEPTH, width);
            FETCH_ROWS(ACROSS, base + s * step_bytes + DOWN * DEPTH * 2, b_from + s * DEPTH, width);
        }
        FETCHES_END();
    }
    for (uint s = 0, here = 0, next = AHEAD; s < steps; s++) {
        const uint now = base + here * step_bytes;

        FETCHES_WAIT(AHEAD - 1);
        SHOW_COPIES();
        /* All of this step is here, and all warpgroups are done with the step before the last one: its place is free. */
        ALL_HERE();
        {
            const ulong a = described(now + warp / 4 * 64 * DEPTH * 2);
            const ulong b = described(now + DOWN * DEPTH * 2);

            BEGIN_PRODUCT(sums, a, b, s);
        }
        if (s + AHEAD < steps) {
            const uint to = base + next * step_bytes;
            const uint k = (s + AHEAD) * DEPTH;

            FETCH_ROWS(DOWN, to, a_from + k, width);
            FETCH_ROWS(ACROSS, to + DOWN * DEPTH * 2, b_from + k, width);
        }
        FETCHES_END();
        LAST_BUT_ONE_DONE();
        here = here + 1 == STAGES ? 0 : here + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
    PRODUCTS_DONE(sums);
    FINISH_ALL(then, sums, 128, block_across * ACROSS, (ulong)block_down * DOWN + warp * 16 + lane / 4);
}

PRODUCT(product_plain, PLAIN)
PRODUCT(product_rotary, ROTARY)
PRODUCT(product_add, ADD)
PRODUCT(product_gate, GATE)

/* Products of one matrix in local memory, again and again, to measure what the tensor cores do at most: a round is 64 x 256 x
 * 64 multiply-adds of each warpgroup. */
kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
peak(global float *out, uint rounds)
{
    local uint4 space[(DOWN + ACROSS) * CHUNKS] __attribute__((aligned(1024)));
    const uint  item = get_local_id(0);
    const ulong a = described(local_address(space) + item / 128 * 64 * DEPTH * 2);
    const ulong b = described(local_address(space) + DOWN * DEPTH * 2);
    float       sums[128];

    for (uint i = item; i < (DOWN + ACROSS) * CHUNKS; i += THREADS) {
        const uint mixed = i * 2654435761u;

        space[i] = (uint4)(mixed, mixed * 5, mixed * 9, mixed * 13) & 0xb3ffb3ffu; /* below a quarter */
    }
#pragma unroll
    for (uint i = 0; i < 128; i++)
        sums[i] = 0;
    SHOW_COPIES();
    ALL_HERE();
    for (uint r = 0; r < rounds; r++) {
        BEGIN_PRODUCT(sums, a, b, r);
        LAST_BUT_ONE_DONE();
    }
    PRODUCTS_DONE(sums);
    out[get_global_id(0)] = sums[0] + sums[127];
}

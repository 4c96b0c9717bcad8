/*
 * subgroup.cl: products for devices whose work-items share registers in sub-groups (Intel, AMD). portable.cl, compiled with
 * SUBGROUP, stands before it and has everything else.
 *
 * SUBGROUP   work-items of a sub-group, which must be the device's (INTEL: it is asked for)
 * ROWS       rows of the weights that a sub-group computes, even
 * GROUPS     sub-groups of a work-group
 *
 * A work-item has TILE / SUBGROUP columns. The sub-group reads SUBGROUP weights of each row side by side and hands them round; no
 * local memory, no barriers. Halves are widened by vload_half, which every device has in hardware.
 */
#ifdef INTEL
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#define HANDED(value, from) intel_sub_group_shuffle(value, from)
#define OF_SIZE __attribute__((intel_reqd_sub_group_size(SUBGROUP)))
#else
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#define HANDED(value, from) sub_group_broadcast(value, from)
#define OF_SIZE
#endif
#define MINE (TILE / SUBGROUP)

float
half_at(global const ushort *from, ulong index)
{
    return vload_half(index, (global const half *)from);
}

kernel OF_SIZE __attribute__((reqd_work_group_size(SUBGROUP * GROUPS, 1, 1))) void
product(uint then, global const ushort *pool, ulong start, ulong size, ulong pool_size, global const ushort *x,
        global ushort *y, uint rows, uint width, uint tiles, global const ushort *other, global const float *angles,
        uint head_dim, uint period)
{
    const uint lane = get_sub_group_local_id();
    const uint first = (get_group_id(0) * GROUPS + get_sub_group_id()) * ROWS;
    const uint tile = get_group_id(1);
    float      sums[ROWS][MINE];

#pragma unroll
    for (uint r = 0; r < ROWS; r++)
#pragma unroll
        for (uint c = 0; c < MINE; c++)
            sums[r][c] = 0;
    for (uint k = 0; k < width; k += SUBGROUP) {
        float weights[ROWS];

#pragma unroll
        for (uint r = 0; r < ROWS; r++)
            weights[r] = first + r < rows && k + lane < width
                             ? half_at(pool, place(start, size, pool_size, (ulong)(first + r) * width + k + lane))
                             : 0;
#pragma unroll
        for (uint i = 0; i < SUBGROUP; i++) {
            float values[MINE];

            /* the last step may be a short one; its weights are zero there, and a number that is there is taken */
#pragma unroll
            for (uint c = 0; c < MINE; c++)
                values[c] = half_at(x, ((ulong)tile * width + min(k + i, width - 1)) * TILE + c * SUBGROUP + lane);
#pragma unroll
            for (uint r = 0; r < ROWS; r++) {
                const float weight = HANDED(weights[r], i);

#pragma unroll
                for (uint c = 0; c < MINE; c++)
                    sums[r][c] = fma(weight, values[c], sums[r][c]);
            }
        }
    }
#pragma unroll
    for (uint r = 0; r < ROWS; r++)
        if (first + r < rows)
#pragma unroll
            for (uint c = 0; c < MINE; c++) {
                const uint  column = c * SUBGROUP + lane;
                const ulong at = ((ulong)tile * rows + first + r) * TILE + column;

                y[at] = narrow(finished(then, sums[r][c], sums[r ^ 1][c], first + r, column, tile, at, other, angles,
                                        head_dim, period));
            }
}

/*
 * peak.cl: multiply-adds from registers to registers, to measure what a device does at most.
 *
 * Compiled with WIDTH (elements of a vector) and CHAINS (vectors of a work-item, independent of each other, so that
 * the units never wait for a result). Each work-item makes 2 * WIDTH * CHAINS * rounds operations.
 */
#define JOIN(a, b) a##b
#define VECTOR(width) JOIN(float, width)
#if WIDTH == 1
typedef float V;
#else
typedef VECTOR(WIDTH) V;
#endif

kernel void
peak(global float *out, uint rounds, float factor, float summand)
{
    V     chains[CHAINS];
    V     sum = (V)(0.0f);
    const V f = (V)(factor);
    const V s = (V)(summand);

#pragma unroll
    for (uint i = 0; i < CHAINS; i++)
        chains[i] = (V)((float)(get_global_id(0) + i));
    for (uint r = 0; r < rounds; r++) {
#pragma unroll
        for (uint i = 0; i < CHAINS; i++)
            chains[i] = fma(chains[i], f, s);
    }
#pragma unroll
    for (uint i = 0; i < CHAINS; i++)
        sum += chains[i];
#if WIDTH == 1
    out[get_global_id(0)] = sum;
#else
    out[get_global_id(0)] = sum.s0 + sum.s1 + sum.s2 + sum.s3;
#endif
}

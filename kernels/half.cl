/*
 * half.cl: binary16 without cl_khr_fp16, as integer arithmetic that every device has and every compiler makes vectors
 * of. Exact for all inputs, with denormals flushed or not. Made for scalars and, where LANES is defined, for vectors of LANES.
 *
 * widen(h)  binary16 bits to binary32, exact
 * narrow(x) binary32 to binary16 bits, to nearest even
 * rounded(x) the same, but as the binary32 of that value
 * unpacked(h) widen for vectors of LANES, by the instruction for it where the compiler of a processor has it
 */
#pragma OPENCL FP_CONTRACT OFF

#define HALF_FUNCTIONS(F, U, H, to_u, to_h, as_f, as_u)                                                              \
    F OVERLOADED widen(H bits)                                                                                          \
    {                                                                                                                   \
        U magnitude = (to_u(bits) & (U)0x7fffu) << 13;                                                                  \
        U exponent = magnitude & (U)0x0f800000u;                                                                        \
        F normal = as_f(magnitude + (U)0x38000000u);                                                                    \
        F tiny = as_f(magnitude + (U)0x38800000u) - (F)0x1p-14f;                                                        \
        F value = exponent == (U)0 ? tiny : normal;                                                                     \
                                                                                                                        \
        value = exponent == (U)0x0f800000u ? as_f(magnitude | (U)0x7f800000u) : value;                                  \
        return as_f(as_u(value) | (to_u(bits) & (U)0x8000u) << 16);                                                     \
    }                                                                                                                   \
                                                                                                                        \
    F OVERLOADED rounded(F x)                                                                                           \
    {                                                                                                                   \
        U sign = as_u(x) & (U)0x80000000u;                                                                              \
        U magnitude = as_u(x) & (U)0x7fffffffu;                                                                         \
        U normal = (magnitude + (U)0xfffu + ((magnitude >> 13) & (U)1u)) & (U)0xffffe000u;                              \
        U tiny = as_u((as_f(magnitude) + (F)0.5f) - (F)0.5f); /* the last place of 0.5 is binary16's least step */      \
        U value = magnitude < (U)0x38800000u ? tiny : normal;                                                           \
                                                                                                                        \
        value = value >= (U)0x47800000u ? (U)0x7f800000u : value;                                                       \
        value = magnitude > (U)0x7f800000u ? magnitude : value;                                                         \
        return as_f(value | sign);                                                                                      \
    }                                                                                                                   \
                                                                                                                        \
    H OVERLOADED narrow(F x)                                                                                            \
    {                                                                                                                   \
        U value = as_u(rounded(x)) & (U)0x7fffffffu;                                                                    \
        U tiny = as_u(as_f(value) + (F)0.5f) - (U)0x3f000000u;                                                          \
        U normal = (value - (U)0x38000000u) >> 13;                                                                      \
        U bits = value < (U)0x38800000u ? tiny : normal;                                                                \
                                                                                                                        \
        bits = value >= (U)0x7f800000u ? (U)0x7c00u | ((value & (U)0x7fffffu) >> 13) : bits;                            \
        return to_h(bits | (as_u(x) & (U)0x80000000u) >> 16);                                                           \
    }

#define OVERLOADED __attribute__((overloadable))
HALF_FUNCTIONS(float, uint, ushort, (uint), (ushort), as_float, as_uint)
#ifdef LANES
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VF JOIN(float, LANES)
#define VU JOIN(uint, LANES)
#define VH JOIN(ushort, LANES)
#define vload_lanes JOIN(vload, LANES)
#define vstore_lanes JOIN(vstore, LANES)
HALF_FUNCTIONS(VF, VU, VH, JOIN(convert_uint, LANES), JOIN(convert_ushort, LANES), JOIN(as_float, LANES),
               JOIN(as_uint, LANES))

#ifdef __has_builtin
#if defined(__F16C__) && __has_builtin(__builtin_ia32_vcvtph2ps256)
#define UNPACKED_8(h) as_float8(__builtin_ia32_vcvtph2ps256(as_short8(h)))
#endif
#endif
VF
unpacked(VH bits)
{
#if defined(UNPACKED_8) && LANES == 16
    return (VF)(UNPACKED_8(bits.lo), UNPACKED_8(bits.hi));
#elif defined(UNPACKED_8) && LANES == 8
    return UNPACKED_8(bits);
#else
    return widen(bits);
#endif
}
#endif

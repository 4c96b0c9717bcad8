/* random.c: SeedSequence, PCG64 and the normals made from it. Sources: the algorithms of NumPy's Generator. */
#include "plugins/poc-worker/random.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#define LANES 4
#define HASHES_MAX 4

static const poc_u128 multiplier = ((poc_u128)0x2360ed051fc65da4u << 64) | 0x4385df649fccf645u;

/* --- entropy and seed ----------------------------------------------------------------------------------------------
 */

int
poc_entropy(const char *text, unsigned h, uint32_t *words)
{
    size_t        room = strlen(text) + 16;
    char         *salted = malloc(room);
    unsigned char digest[32];
    int           r = salted ? 0 : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < h; i++) {
        size_t len = (size_t)snprintf(salted, room, "%s_%u", text, i);

        if (EVP_Digest(salted, len, digest, NULL, EVP_sha256(), NULL) != 1)
            r = -ENOMEM;
        for (unsigned k = 0; k < 8; k++)
            words[8 * i + k] = (uint32_t)digest[4 * k] | (uint32_t)digest[4 * k + 1] << 8 |
                               (uint32_t)digest[4 * k + 2] << 16 | (uint32_t)digest[4 * k + 3] << 24;
    }
    free(salted);
    return r;
}

static uint32_t
hash_in(uint32_t value, uint32_t *key)
{
    value ^= *key;
    *key *= 0x931e8875u;
    value *= *key;
    return value ^ value >> 16;
}

static uint32_t
mix(uint32_t x, uint32_t y)
{
    uint32_t z = 0xca01f9ddu * x - 0x4973f715u * y;

    return z ^ z >> 16;
}

/* SeedSequence: entropy into a pool of four words, and four 64-bit words out of it. */
static void
seed_words(const uint32_t *entropy, unsigned n, uint64_t ret[4])
{
    uint32_t pool[4];
    uint32_t key = 0x43b0d7e5u;
    uint32_t out[8];

    for (unsigned i = 0; i < 4; i++)
        pool[i] = hash_in(i < n ? entropy[i] : 0, &key);
    for (unsigned from = 0; from < 4; from++)
        for (unsigned to = 0; to < 4; to++)
            if (from != to)
                pool[to] = mix(pool[to], hash_in(pool[from], &key));
    for (unsigned from = 4; from < n; from++)
        for (unsigned to = 0; to < 4; to++)
            pool[to] = mix(pool[to], hash_in(entropy[from], &key));
    key = 0x8b51f9ddu;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t value = pool[i % 4] ^ key;

        key *= 0x58f38dedu;
        value *= key;
        out[i] = value ^ value >> 16;
    }
    for (unsigned i = 0; i < 4; i++)
        ret[i] = out[2 * i] | (uint64_t)out[2 * i + 1] << 32;
}

int
poc_stream_init(struct poc_stream *stream, const char *text, unsigned h)
{
    uint32_t entropy[8 * HASHES_MAX];
    uint64_t words[4];
    int      r = h > HASHES_MAX ? -EINVAL : poc_entropy(text, h, entropy);

    if (r < 0)
        return r;
    seed_words(entropy, 8 * h, words);
    memset(stream, 0, sizeof(*stream));
    stream->increment = ((poc_u128)words[2] << 64 | words[3]) << 1 | 1;
    stream->state = stream->increment + ((poc_u128)words[0] << 64 | words[1]);
    stream->state = stream->state * multiplier + stream->increment;
    stream->next = POC_DRAWS;
    return 0;
}

/* --- draws ---------------------------------------------------------------------------------------------------------
 */

/* x -> a * x + c, done `times`. */
static void
power(uint64_t times, poc_u128 increment, poc_u128 *ret_a, poc_u128 *ret_c)
{
    poc_u128 a = multiplier;
    poc_u128 c = increment;

    *ret_a = 1;
    *ret_c = 0;
    for (; times; times >>= 1) {
        if (times & 1) {
            *ret_a *= a;
            *ret_c = *ret_c * a + c;
        }
        c = (a + 1) * c;
        a *= a;
    }
}

static uint64_t
output(poc_u128 state)
{
    uint64_t folded = (uint64_t)(state >> 64) ^ (uint64_t)state;
    unsigned turn = (unsigned)(state >> 122);

    return folded >> turn | folded << (-turn & 63);
}

static void
refill(struct poc_stream *stream)
{
    poc_u128 lane[LANES];
    poc_u128 a;
    poc_u128 c;

    power(LANES, stream->increment, &a, &c);
    lane[0] = stream->state * multiplier + stream->increment;
    for (unsigned i = 1; i < LANES; i++)
        lane[i] = lane[i - 1] * multiplier + stream->increment;
    for (unsigned i = 0; i < POC_DRAWS - LANES; i += LANES)
        for (unsigned k = 0; k < LANES; k++) {
            stream->draws[i + k] = output(lane[k]);
            lane[k] = lane[k] * a + c;
        }
    for (unsigned k = 0; k < LANES; k++)
        stream->draws[POC_DRAWS - LANES + k] = output(lane[k]);
    stream->state = lane[LANES - 1];
    stream->made += POC_DRAWS;
    stream->next = 0;
}

uint64_t
poc_stream_position(const struct poc_stream *stream)
{
    return stream->made - (POC_DRAWS - stream->next);
}

void
poc_stream_jump(struct poc_stream *stream, uint64_t draws)
{
    unsigned buffered = POC_DRAWS - stream->next;
    poc_u128 a;
    poc_u128 c;

    stream->has_half = 0;
    if (draws <= buffered) {
        stream->next += (unsigned)draws;
        return;
    }
    stream->next = POC_DRAWS;
    draws -= buffered;
    power(draws, stream->increment, &a, &c);
    stream->state = stream->state * a + c;
    stream->made += draws;
}

uint64_t
poc_next64(struct poc_stream *stream)
{
    if (stream->next == POC_DRAWS)
        refill(stream);
    return stream->draws[stream->next++];
}

uint32_t
poc_next32(struct poc_stream *stream)
{
    uint64_t draw;

    if (stream->has_half) {
        stream->has_half = 0;
        return stream->half;
    }
    draw = poc_next64(stream);
    stream->half = (uint32_t)(draw >> 32);
    stream->has_half = 1;
    return (uint32_t)draw;
}

double
poc_next_double(struct poc_stream *stream)
{
    return (double)(poc_next64(stream) >> 11) * 0x1p-53;
}

/* --- normals -------------------------------------------------------------------------------------------------------
 */

/* The draw as layer, sign and magnitude: 98.5 % are accepted as they are. */
static inline int
at_once(uint64_t draw, double *ret)
{
    unsigned layer = draw & 0xff;
    uint64_t magnitude = draw >> 9 & 0xfffffffffffffu;
    double   x = (double)(int64_t)magnitude * poc_normal_wi[layer];

    *ret = draw >> 8 & 1 ? -x : x;
    return magnitude < poc_normal_ki[layer];
}

static double
tail(struct poc_stream *stream, uint64_t draw)
{
    uint64_t magnitude = draw >> 9 & 0xfffffffffffffu;

    for (;;) {
        double xx = -poc_normal_inv_r * log1p(-poc_next_double(stream));
        double yy = -log1p(-poc_next_double(stream));

        if (yy + yy > xx * xx)
            return magnitude >> 8 & 1 ? -(poc_normal_r + xx) : poc_normal_r + xx;
    }
}

/* Goes on with a draw that was not accepted at once. */
static double
at_length(struct poc_stream *stream, uint64_t draw)
{
    for (;;) {
        unsigned layer = draw & 0xff;
        double   x;

        if (at_once(draw, &x))
            return x;
        if (layer == 0)
            return tail(stream, draw);
        if ((poc_normal_fi[layer - 1] - poc_normal_fi[layer]) * poc_next_double(stream) + poc_normal_fi[layer] <
            exp(-0.5 * x * x))
            return x;
        draw = poc_next64(stream);
    }
}

double
poc_next_normal(struct poc_stream *stream)
{
    return at_length(stream, poc_next64(stream));
}

void
poc_fill_normals(struct poc_stream *stream, double *ret, size_t n)
{
    while (n > 0) {
        const uint64_t *draw;
        size_t          some;
        size_t          i = 0;

        if (stream->next == POC_DRAWS)
            refill(stream);
        draw = stream->draws + stream->next;
        some = POC_DRAWS - stream->next;
        some = n < some ? n : some;
        while (i < some && at_once(draw[i], &ret[i]))
            i++;
        stream->next += (unsigned)i;
        ret += i;
        n -= i;
        if (i < some) {
            *ret++ = poc_next_normal(stream);
            n--;
        }
    }
}

void
poc_permutation(struct poc_stream *stream, uint32_t *ret, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ret[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t mask = UINT32_MAX >> __builtin_clz(i);
        uint32_t j;
        uint32_t kept;

        do
            j = poc_next32(stream) & mask;
        while (j > i);
        kept = ret[i];
        ret[i] = ret[j];
        ret[j] = kept;
    }
}

/* --- binary16 ------------------------------------------------------------------------------------------------------
 */

static uint16_t
half_of(float value)
{
    uint32_t bits;
    uint32_t sign;
    uint32_t kept;
    uint32_t rest;
    uint32_t shift = 13;

    memcpy(&bits, &value, sizeof(bits));
    sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u); /* not a number */
    if (bits >= 0x47800000u)
        return (uint16_t)(sign | 0x7c00u); /* too large, infinite */
    if (bits < 0x33000000u)
        return (uint16_t)sign; /* below half of the smallest */
    if (bits < 0x38800000u) {  /* subnormal: the leading one becomes visible */
        shift = 126 - (bits >> 23);
        kept = (bits & 0x7fffffu) | 0x800000u;
    } else {
        kept = bits - 0x38000000u;
    }
    rest = kept & ((1u << shift) - 1);
    kept >>= shift;
    if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && kept & 1))
        kept++;
    return (uint16_t)(sign | kept);
}

uint16_t
poc_to_half(double value)
{
    return half_of((float)value);
}

float
poc_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = half & 0x7fffu;
    uint32_t bits;
    float    value;

    if (rest < 0x400u) { /* zero or subnormal */
        value = (float)rest * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (rest >= 0x7c00u ? rest << 13 | 0x7f800000u : (rest << 13) + 0x38000000u);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

#ifdef __x86_64__

__attribute__((target("avx,f16c"))) static size_t
to_halves_f16c(const double *values, uint16_t *ret, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m128 low = _mm256_cvtpd_ps(_mm256_loadu_pd(values + i));
        __m128 high = _mm256_cvtpd_ps(_mm256_loadu_pd(values + i + 4));

        _mm_storeu_si128((__m128i *)(void *)(ret + i), _mm256_cvtps_ph(_mm256_set_m128(high, low), 0));
    }
    return i;
}

/* __builtin_cpu_supports("avx") also asks the system; the name f16c older compilers do not know. */
static int
has_f16c(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}
#endif

void
poc_to_halves(const double *values, uint16_t *ret, size_t n)
{
    size_t i = 0;

#ifdef __x86_64__
    if (has_f16c())
        i = to_halves_f16c(values, ret, n);
#endif
    for (; i < n; i++)
        ret[i] = poc_to_half(values[i]);
}

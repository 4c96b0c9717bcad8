/*
 * random.h: the network's random numbers, bit for bit those of its reference (NumPy's SeedSequence, PCG64 and the
 * ziggurat of Generator.standard_normal).
 *
 * A stream is a value: copy it to read the same numbers twice. Positions count 64-bit draws from the start. No locks,
 * no allocation; each thread uses streams of its own.
 */
#ifndef POC_RANDOM_H
#define POC_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 poc_u128;

#define POC_DRAWS 512 /* made at once: four interleaved readers hide the latency of the 128-bit products */

struct poc_stream {
    poc_u128 state;     /* after the last draw that is in the buffer */
    poc_u128 increment; /* odd */
    uint64_t made;      /* draws made so far, those in the buffer included */
    uint64_t draws[POC_DRAWS];
    unsigned next;     /* in draws; POC_DRAWS: empty */
    unsigned has_half; /* the high half of a draw waits for the next 32-bit draw */
    uint32_t half;
};

/* The stream of `text` with h hashes (1 or 4) as entropy. text is UTF-8 of any length. 0, or -ENOMEM. */
int poc_stream_init(struct poc_stream *stream, const char *text, unsigned h);

/* Fills `words` (8 x h of them) with the entropy that poc_stream_init() starts from. */
int poc_entropy(const char *text, unsigned h, uint32_t *words);

/* The number of draws that were taken. */
uint64_t poc_stream_position(const struct poc_stream *stream);

/* Goes on `draws` later, as if they had been taken. */
void poc_stream_jump(struct poc_stream *stream, uint64_t draws);

uint64_t poc_next64(struct poc_stream *stream);
uint32_t poc_next32(struct poc_stream *stream);

/* In [0, 1), 53 bits. */
double poc_next_double(struct poc_stream *stream);

/* Standard normals. */
double poc_next_normal(struct poc_stream *stream);
void   poc_fill_normals(struct poc_stream *stream, double *ret, size_t n);

/* A permutation of 0..n-1, n >= 1. */
void poc_permutation(struct poc_stream *stream, uint32_t *ret, uint32_t n);

/* binary64 to binary32 to binary16: two roundings, each to nearest even. */
uint16_t poc_to_half(double value);
void     poc_to_halves(const double *values, uint16_t *ret, size_t n);

/* binary16 to binary32, exact. */
float poc_from_half(uint16_t half);

extern const double   poc_normal_r;
extern const double   poc_normal_inv_r;
extern const uint64_t poc_normal_ki[256];
extern const double   poc_normal_wi[256];
extern const double   poc_normal_fi[256];

#endif

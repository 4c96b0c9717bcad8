/* transcript.c: Merlin on STROBE-128 on Keccak-f[1600], as in the papers. */
#include "plugins/seed-manager/transcript.h"

#include <string.h>

#define RATE 166 /* bytes of the state that operations use */

/* Flags of operations. */
#define FLAG_I 0x01u
#define FLAG_A 0x02u
#define FLAG_C 0x04u
#define FLAG_M 0x10u
#define AD FLAG_A
#define META_AD (FLAG_M | FLAG_A)
#define PRF (FLAG_I | FLAG_A | FLAG_C)

/* --- Keccak-f[1600] ------------------------------------------------------------------------------------------------
 */

static uint64_t
turn(uint64_t lane, unsigned by)
{
    return by == 0 ? lane : lane << by | lane >> (64 - by);
}

static void
theta(uint64_t a[25])
{
    uint64_t c[5];

    for (unsigned x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (unsigned i = 0; i < 25; i++)
        a[i] ^= c[(i + 4) % 5] ^ turn(c[(i + 1) % 5], 1);
}

static void
rho_and_pi(uint64_t a[25])
{
    static const uint8_t turns[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                      27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
    static const uint8_t lanes[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                      15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
    uint64_t             moved = a[1];

    for (unsigned i = 0; i < 24; i++) {
        uint64_t kept = a[lanes[i]];

        a[lanes[i]] = turn(moved, turns[i]);
        moved = kept;
    }
}

static void
chi(uint64_t a[25])
{
    for (unsigned y = 0; y < 25; y += 5) {
        uint64_t row[5];

        memcpy(row, a + y, sizeof(row));
        for (unsigned x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

static void
keccak(uint64_t a[25])
{
    static const uint64_t rounds[24] = {0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
                                        0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
                                        0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
                                        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
                                        0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
                                        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

    for (unsigned i = 0; i < 24; i++) {
        theta(a);
        rho_and_pi(a);
        chi(a);
        a[0] ^= rounds[i];
    }
}

static void
permute(uint8_t state[200])
{
    uint64_t lanes[25];

    for (unsigned i = 0; i < 25; i++) {
        lanes[i] = 0;
        for (unsigned k = 8; k-- > 0;)
            lanes[i] = lanes[i] << 8 | state[i * 8 + k];
    }
    keccak(lanes);
    for (unsigned i = 0; i < 25; i++)
        for (unsigned k = 0; k < 8; k++)
            state[i * 8 + k] = (uint8_t)(lanes[i] >> (8 * k));
}

/* --- STROBE-128 ----------------------------------------------------------------------------------------------------
 */

static void
run_f(struct transcript *transcript)
{
    transcript->state[transcript->at] ^= transcript->begun;
    transcript->state[transcript->at + 1] ^= 0x04;
    transcript->state[RATE + 1] ^= 0x80;
    permute(transcript->state);
    transcript->at = 0;
    transcript->begun = 0;
}

static void
absorb(struct transcript *transcript, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        transcript->state[transcript->at++] ^= data[i];
        if (transcript->at == RATE)
            run_f(transcript);
    }
}

static void
squeeze(struct transcript *transcript, uint8_t *ret, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ret[i] = transcript->state[transcript->at];
        transcript->state[transcript->at++] = 0;
        if (transcript->at == RATE)
            run_f(transcript);
    }
}

static void
begin(struct transcript *transcript, unsigned flags)
{
    const uint8_t head[2] = {transcript->begun, (uint8_t)flags};

    transcript->begun = (uint8_t)(transcript->at + 1);
    absorb(transcript, head, sizeof(head));
    if ((flags & FLAG_C) && transcript->at != 0)
        run_f(transcript);
}

/* --- Merlin --------------------------------------------------------------------------------------------------------
 */

/* A label and the length of what follows, little-endian. */
static void
put_label(struct transcript *transcript, const char *label, size_t len)
{
    const uint8_t size[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

    begin(transcript, META_AD);
    absorb(transcript, (const uint8_t *)label, strlen(label));
    absorb(transcript, size, sizeof(size));
}

void
transcript_init(struct transcript *transcript, const char *label)
{
    static const uint8_t head[6] = {1, RATE + 2, 1, 0, 1, 96};

    memset(transcript, 0, sizeof(*transcript));
    memcpy(transcript->state, head, sizeof(head));
    memcpy(transcript->state + sizeof(head), "STROBEv1.0.2", 12);
    permute(transcript->state);
    begin(transcript, META_AD);
    absorb(transcript, (const uint8_t *)"Merlin v1.0", 11);
    transcript_append(transcript, "dom-sep", label, strlen(label));
}

void
transcript_append(struct transcript *transcript, const char *label, const void *data, size_t len)
{
    put_label(transcript, label, len);
    begin(transcript, AD);
    absorb(transcript, data, len);
}

void
transcript_challenge(struct transcript *transcript, const char *label, uint8_t *ret, size_t len)
{
    put_label(transcript, label, len);
    begin(transcript, PRF);
    squeeze(transcript, ret, len);
}

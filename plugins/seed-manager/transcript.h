/*
 * transcript.h: Merlin transcripts (STROBE-128), of which CometBFT's secret connection makes the challenge that a peer
 * signs. Only what that needs: messages in, a challenge out. Thread-safe.
 */
#ifndef SEED_TRANSCRIPT_H
#define SEED_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* Plain values; holds secrets: clear it when done. */
struct transcript {
    uint8_t state[200]; /* of Keccak, lanes in little-endian order */
    uint8_t at;         /* next byte of the state */
    uint8_t begun;      /* where the current operation began, plus 1 */
};

void transcript_init(struct transcript *transcript, const char *label);

/* Adds a message; gives bytes that depend on all that was added before. */
void transcript_append(struct transcript *transcript, const char *label, const void *data, size_t len);
void transcript_challenge(struct transcript *transcript, const char *label, uint8_t *ret, size_t len);

#endif

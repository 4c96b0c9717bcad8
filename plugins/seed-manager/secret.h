/*
 * secret.h: the cryptography of CometBFT's secret connection, without its input and output: keys, the challenge, sealed
 * frames, signatures. On OpenSSL. Thread-safe; a struct belongs to one thread.
 */
#ifndef SEED_SECRET_H
#define SEED_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY 32
#define SECRET_SIGNATURE 64
#define SECRET_DATA 1024                    /* bytes of data that a frame has room for */
#define SECRET_FRAME (4 + SECRET_DATA + 16) /* length, data, tag */

/* Plain values, secrets among them: secret_clear() when done. */
struct secret {
    uint8_t  own_private[SECRET_KEY]; /* ephemeral X25519 */
    uint8_t  own_public[SECRET_KEY];
    uint8_t  send_key[SECRET_KEY];
    uint8_t  receive_key[SECRET_KEY];
    uint64_t sent; /* frames */
    uint64_t received;
    uint8_t  challenge[SECRET_KEY]; /* what both sides sign */
};

/* A fresh key for one connection. 0; -1: no memory or no random numbers. */
int  secret_init(struct secret *secret);
void secret_clear(struct secret *secret);

/* Derives keys and challenge from the other side's ephemeral key. 0; -1: that key is of no use. */
int secret_agree(struct secret *secret, const uint8_t theirs[SECRET_KEY]);

/* A frame with up to SECRET_DATA bytes. 0; -1: no memory. */
int secret_seal(struct secret *secret, const uint8_t *data, size_t len, uint8_t frame[SECRET_FRAME]);

/* The data of a frame, in ret (SECRET_DATA bytes), its length in *ret_len. 0; -1: it was not sealed by the other side.
 */
int secret_open(struct secret *secret, const uint8_t frame[SECRET_FRAME], uint8_t *ret, size_t *ret_len);

/* Signs the challenge with an Ed25519 key that is made for it. 0, -1. */
int secret_sign(const struct secret *secret, uint8_t public_key[SECRET_KEY], uint8_t signature[SECRET_SIGNATURE]);

/* 1: the owner of the Ed25519 key signed the challenge. */
int secret_verify(const struct secret *secret, const uint8_t public_key[SECRET_KEY],
                  const uint8_t signature[SECRET_SIGNATURE]);

/* The node id of an Ed25519 key, 40 hex digits and a NUL. 0, -1. */
int secret_id(const uint8_t public_key[SECRET_KEY], char id[41]);

#endif

/*
 * kit/bech32.h: addresses of the chain (BIP-173, checksum constant 1), always checked.
 *
 * An account (gonka1...) and its validator operator (gonkavaloper1...) are the same 20 bytes; a consensus address
 * (gonkavalcons1...) is made from the ed25519 key that signs blocks and has nothing to do with them. Module and group
 * accounts have 32 bytes.
 *
 * Errors: -EINVAL (with a sentence in reterr where there is one: the text, what is wrong, what is expected), or
 * -ENOSPC: the result does not fit its buffer. Thread-safe, allocates nothing. Link: libkit-chain (libcrypto for
 * SHA-256).
 */
#ifndef GA_KIT_BECH32_H
#define GA_KIT_BECH32_H

#include <stddef.h>
#include <stdint.h>

#define GA_BECH32_MAX 91        /* bytes of a text with its NUL: BIP-173 allows 90 characters */
#define GA_BECH32_PREFIX_MAX 84 /* of a prefix with its NUL */
#define GA_BECH32_DATA_MAX 50   /* bytes that fit in one */
#define GA_ADDRESS_LEN 20
#define GA_ED25519_KEY_LEN 32

#define GA_PREFIX_ACCOUNT "gonka"
#define GA_PREFIX_OPERATOR "gonkavaloper"
#define GA_PREFIX_CONSENSUS "gonkavalcons"

/* Writes prefix, "1", the bytes and the checksum. prefix: lower-case printable ASCII. 0, -EINVAL (prefix, or more than
 * 90 characters), -ENOSPC. */
int ga_bech32_encode(const char *prefix, const uint8_t *data, size_t len, char *buf, size_t buf_len);

/*
 * Reads any prefix. Text all in upper case is one too (ret_prefix is lower-case); more than `size` bytes are
 * -EINVAL too; *ret_len is what was in it.
 */
int ga_bech32_decode(const char *text, char ret_prefix[GA_BECH32_PREFIX_MAX], uint8_t *data, size_t size,
                     size_t *ret_len, char *reterr, size_t reterr_len);

/* Is it an address with this prefix, in lower case (as the chain compares) and of 20 or 32 bytes? 0 or -EINVAL. */
int ga_address_check(const char *text, const char *prefix, char *reterr, size_t reterr_len);

/*
 * Another form of the same account: gonka <-> gonkavaloper, of 20 bytes. Any other prefix on either side is -EINVAL,
 * the consensus one by name. The same prefix copies.
 */
int ga_address_convert(const char *text, const char *to_prefix, char *buf, size_t buf_len, char *reterr,
                       size_t reterr_len);

/* The consensus address: the first 20 bytes of SHA-256 of the ed25519 public key. 0, or -EIO (libcrypto refuses). */
int ga_consensus_address(const uint8_t key[GA_ED25519_KEY_LEN], uint8_t ret[GA_ADDRESS_LEN]);

/*
 * The same from the key in base64 as the chain and nodes print it, in both forms: gonkavalcons1... and 40 upper-case
 * hex digits. Either buffer may be NULL. 0, -EINVAL (not the base64 of 32 bytes), -EIO, -ENOSPC.
 */
int ga_consensus_of_base64(const char *key, char *bech32, size_t bech32_len, char *hex, size_t hex_len, char *reterr,
                           size_t reterr_len);

/* gonkavalcons1... of 40 hex digits (either case), and back (upper case). 0, -EINVAL, -ENOSPC. */
int ga_consensus_of_hex(const char *hex, char *buf, size_t buf_len, char *reterr, size_t reterr_len);
int ga_consensus_to_hex(const char *text, char *buf, size_t buf_len, char *reterr, size_t reterr_len);

#endif

/*
 * public_key.h: the public half of the key that this host signs blocks with, from the files and logs that tell it. No
 * function here ever has a private key in memory.
 */
#ifndef VALIDATOR_PUBLIC_KEY_H
#define VALIDATOR_PUBLIC_KEY_H

#include "plugins/validator/facts.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Reads priv_validator_key.json ({"address","pub_key":{"type","value"},"priv_key":...}) from a descriptor, a byte at a
 * time, and stops right behind "pub_key": what follows is never read. When "priv_key" comes first it stops there, too,
 * and there is no key. 0, or -1 with a sentence in `why` (VAL_WHY bytes).
 */
int val_key_from_fd(int fd, char ret[VAL_KEY_MAX], char *why);
int val_key_from_file(const char *path, char ret[VAL_KEY_MAX], char *why);

/* The last public key that tmkms has printed to its log: {"@type":"/cosmos.crypto.ed25519.PubKey","key":"..."}.
 * Bytes of any kind around it. 0 found, -1 not. */
int val_key_from_log(const char *log, size_t len, char ret[VAL_KEY_MAX]);

/* The height that a signer signed last, of its priv_validator_state.json ({"height":"1510000",...}); it holds no key.
 * 0, or -1 with a sentence in `why`. */
int val_state_height(const char *text, size_t len, int64_t *ret, char *why);

#endif

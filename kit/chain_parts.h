/* kit/chain_parts.h: what the files of kit/chain.h share; for them only. */
#ifndef GA_KIT_CHAIN_PARTS_H
#define GA_KIT_CHAIN_PARTS_H

#include "kit/chain.h"

/* No error. Returns GA_CHAIN_OK. */
enum ga_chain_why ga_chain_fine(struct ga_chain_error *error);

/* Fills in all but status and code, which the caller has set or left 0. Returns `why`. */
enum ga_chain_why ga_chain_fail(struct ga_chain_error *error, enum ga_chain_why why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a node or a person wrote, for a message: no control characters, cut between characters. Returns buf. */
char *ga_chain_clean(const char *words, char *buf, size_t len);

#endif

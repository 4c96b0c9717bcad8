/* version.h: which version of the proof of compute the chain asks for. This worker makes version 1. */
#ifndef POC_VERSION_H
#define POC_VERSION_H

#include <stddef.h>

/*
 * Asks a node (the URL of its proxy, with /chain-api/ below it) for the inference module's parameters and looks for
 * `poc_v2_enabled`, which came with release v0.2.8. 2: true. 1: false, or the network knows no such parameter. -1:
 * could not ask, with a sentence. `cancel_fd` readable: gives up.
 */
int poc_chain_version(const char *node, int cancel_fd, char *reterr, size_t reterr_len);

#endif

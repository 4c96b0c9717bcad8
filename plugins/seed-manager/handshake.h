/*
 * handshake.h: who answers at a port for peers: the first steps of CometBFT's peer protocol (its secret connection),
 * far enough that the node has proven its id and named its chain. The node sees a peer that goes away again.
 *
 * Nothing that comes is believed before its signature is checked. All lengths are capped.
 */
#ifndef SEED_HANDSHAKE_H
#define SEED_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

struct handshake {
    char id[41];      /* lower-case hex; proven */
    char network[64]; /* the chain id that it names; "": it went away before it said so */
    char why[160];    /* a few words; "" when it went well */
};

/* On a connected, non-blocking socket, which stays the caller's. 0: the id is proven; -1: why. */
int handshake_do(int fd, int timeout_ms, int cancel_fd, struct handshake *ret);

/* The chain id in what a peer says of itself (DefaultNodeInfo, protobuf). 0; -1: there is none, or it is no such
 * message; *ret (64 bytes) is "" then. */
int handshake_network(const uint8_t *message, size_t len, char ret[64]);

#endif

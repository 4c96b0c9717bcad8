/*
 * front.h: the process of `serve` that has threads: the REST API, and the sending of letters. What the API is asked
 * goes to the parent as a message {"op", ...}, and the answer {"r", "err", ...} comes back; one at a time.
 */
#ifndef POC_FRONT_H
#define POC_FRONT_H

#include <stdint.h>

struct front_config {
    const char *address;
    uint16_t    port;
    const char *queue;    /* file */
    int         every_ms; /* between looks for letters */
};

/* Runs in a child of its own until the parent closes `fd`. First message: {"op": "listening", "port"} or {"op":
 * "failed", "why"}; later {"op": "note", "level", "text"} and {"op": "letters", "waiting", "refused", "sent", "failed"}
 * need no answer. */
void front_child(const struct front_config *config, int fd);

#endif

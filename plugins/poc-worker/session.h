/*
 * session.h: one proof of compute, from its request on: pool, devices, nonces, other people's batches. In a process of
 * its own, so that the end of a session is the end of a process, whatever it is doing.
 *
 * Messages to it: {"op": "phase", "phase": "idle"|"generate"|"validate"}, {"op": "claims"} (there are batches to
 * validate in the queue).
 * From it: {"op": "ready"} (the model is there), {"op": "idle"} (it waits for batches to validate), {"op": "note",
 * "level", "text"}, {"op": "rate", "computed", "valid", "nonces_per_second", "valid_per_second", "lanes", "checked",
 * "waited_share" (of the devices' time, since the last one, in which they had no inputs), "heat": [{"device",
 * "celsius"}]} every few seconds while it works, {"op": "lost", "device", "name", "why"} of a device, {"op": "failed",
 * "why"} before it ends by itself.
 */
#ifndef POC_SESSION_H
#define POC_SESSION_H

#include "plugins/poc-worker/api_body.h"
#include "plugins/poc-worker/lane.h"
#include "plugins/poc-worker/spec.h"

struct session_config {
    const struct poc_init   *init;
    const struct poc_chosen *devices;
    const char              *queue;     /* file */
    const char              *cache_dir; /* NULL: none */
    const char              *path;      /* NULL: the best */
    int                      flush_ms;  /* proofs of so long go out together */
    int                      tune;
    int                      answer_ms; /* of a device */
    /* What a device's process does: as in lane.h. */
    void (*serve)(const struct poc_lane_spec *spec, int fd);
};

/* Runs in a child of its own until it is killed or the parent closes `fd`. */
void session_child(const struct session_config *config, int fd);

#endif

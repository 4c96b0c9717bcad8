/* session_parts.h: what the parts of a session share. */
#ifndef POC_SESSION_PARTS_H
#define POC_SESSION_PARTS_H

#include "plugins/poc-worker/session.h"

#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/pieces.h"
#include "plugins/poc-worker/queue.h"

#include <cjson/cJSON.h>

enum phase { IDLE, GENERATE, VALIDATE };

struct session {
    const struct session_config *config;
    const struct poc_init       *init;
    int                          fd;
    enum phase                   phase;
    struct poc_crew              crew;
    struct poc_queue            *queue;
    char                        *key;    /* of the progress */
    struct poc_pieces            pieces; /* of the nonces: which are computed */
    struct poc_pieces            kept;   /* the same, in the queue */
    double                       rate;   /* nonces per second */
    double                       waited; /* share of the devices' time in which they had no inputs */
    cJSON                       *nonces; /* proofs that are not in the queue yet */
    cJSON                       *dist;
    int64_t                      flushed_ms;
    int64_t                      told_ms; /* 0: not yet */
    uint64_t                     computed;
    uint64_t                     unkept; /* of these, nonces of the request that the queue does not know of */
    uint64_t                     told_computed;
    uint64_t                     told_checked;
    double                       told_seconds; /* of all devices */
    double                       told_waited;
    uint64_t                     valid;
    size_t                       lost;  /* devices that are told of as failed */
    uint64_t                     wrong; /* of the crew, at the last look */
    int                          told_ready;
    int                          told_idle; /* the parent wakes it when there is something to validate */
    int                          over;      /* the parent is gone, or it cannot go on */
};

/* What tells the progress of this request from that of others; free it. NULL: no memory. */
char *session_key_of(const struct poc_init *init);

/* A line for the log; userdata is the session, level one of syslog(3). */
void session_note(void *userdata, unsigned level, const char *text);

/* It ends by itself: why. */
void session_fail(struct session *session, const char *why);

/* A line as operators look for it, and figures for the parent, every 15 s. */
void session_tell_progress(struct session *session);

/* Devices that failed since the last look. */
void session_tell_lost(struct session *session);

/* Once: the model is there. */
void session_tell_ready(struct session *session);

/* Once until an order comes: it waits for batches to validate. */
void session_tell_idle(struct session *session);

#endif

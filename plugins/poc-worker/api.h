/*
 * api.h: the REST API of the network's machine-learning node, as far as proof of compute goes: a request in, a status
 * and a JSON text out. What does the work is behind struct poc_engine_ops. No sockets, no threads, no state.
 *
 * Differences from the network's node: nothing here serves inference or trains, those routes answer 501 (or 409 while a
 * proof of compute runs, as there); /health exists; what that node answers with a plain "Internal Server Error" is a
 * sentence in {"detail"} here; a batch whose nonces and distances differ in number, negative nonces, and parameters
 * that no model has are refused with 422.
 */
#ifndef POC_API_H
#define POC_API_H

#include "plugins/poc-worker/api_body.h"

/* What the machine does; only one at a time. */
enum poc_service { POC_SERVICE_STOPPED, POC_SERVICE_POW, POC_SERVICE_INFERENCE, POC_SERVICE_TRAIN };

/* What the engine does while the service is POW. LOADING: no phase was asked for and the model is being made. */
enum poc_state { POC_STATE_IDLE, POC_STATE_LOADING, POC_STATE_GENERATING, POC_STATE_VALIDATING };

struct poc_status {
    enum poc_service service;
    enum poc_state   state;                /* means something while the service is POW */
    int              is_model_initialized; /* likewise */
    int              has_request;          /* 1 from an accepted init until stop */
    int              has_node;             /* 1: that request names node_id and node_count */
};

/*
 * What can be done. Each function returns at once (the engine works in the background) with 0, or a negative errno and
 * a sentence in err. The errno gives the status: -EINVAL 400 (this request cannot be
 * served), -EBUSY 409, -EAGAIN 503 (later it can), any other 500. Called one at a time. All pointers are needed.
 */
struct poc_engine_ops {
    void *userdata;
    /* Ends what runs and starts anew, in no phase. `init` is borrowed for the call, here and below. */
    int (*init)(void *userdata, const struct poc_init *init, char *err, size_t err_len);
    /* Goes to the phase GENERATE. `init` NULL: with what runs. Otherwise starts what it asks for if nothing runs, or
     * restarts if what runs was asked for differently (poc_init_equal()); its node_id and node_count are set. */
    int (*generate)(void *userdata, const struct poc_init *init, char *err, size_t err_len);
    /* The same for the phase VALIDATE; here node_id and node_count may be unset. */
    int (*validate_phase)(void *userdata, const struct poc_init *init, char *err, size_t err_len);
    /* Queues a batch to be computed again. */
    int (*validate)(void *userdata, const struct poc_batch *batch, char *err, size_t err_len);
    /* Ends what runs and forgets the request. Called only while the service is not STOPPED. The one that need not
     * return at once: it returns when all has ended. */
    int (*stop)(void *userdata, char *err, size_t err_len);
    /* Fills *ret. -errno with a sentence: could not be found out, which is never taken for STOPPED. */
    int (*status)(void *userdata, struct poc_status *ret, char *err, size_t err_len);
};

struct poc_reply {
    int         status; /* of HTTP */
    char       *body;   /* JSON text with a NUL that len does not count; ends with poc_reply_done() */
    size_t      len;
    const char *allow; /* with 405: the method that the path knows, static; else NULL */
};

/*
 * Answers a request. `path` is decoded and has no query; it may start with a version ("/v3.0.8/api/..."). `body` may be
 * NULL when len is 0. 0 and *ret; -ENOMEM when there is no memory for an answer.
 */
int poc_api_handle(const struct poc_engine_ops *ops, const char *method, const char *path, const char *body, size_t len,
                   struct poc_reply *ret);

/* An answer {"detail": sentence}, for what goes wrong before a request is complete. 0 or -ENOMEM. */
int poc_reply_detail(struct poc_reply *ret, int status, const char *sentence);

void poc_reply_done(struct poc_reply *reply);

#endif

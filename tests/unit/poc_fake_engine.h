/* poc_fake_engine.h: an engine for tests of the worker's REST API: it does at once what it is told, or fails as it is
 * told, and keeps what it was given. And requests that it takes. */
#ifndef POC_FAKE_ENGINE_H
#define POC_FAKE_ENGINE_H

#include "plugins/poc-worker/api.h"

struct poc_fake {
    struct poc_engine_ops ops;
    struct poc_status     status;
    int                   error;        /* of what starts, changes and ends */
    int                   status_error; /* of status(), for calls after the first `status_works` */
    int                   status_works;
    char                  calls[128]; /* "init stop " */
    char                  told[512];  /* what init, generate, validate_phase or validate was given */
};

/* cmocka's setup and teardown: *state is a struct poc_fake, STOPPED. */
int poc_fake_setup(void **state);
int poc_fake_teardown(void **state);

/* Asks and compares status and body as they are. */
void poc_fake_expect(struct poc_fake *fake, const char *method, const char *path, const char *body, int status,
                     const char *answer);

extern const struct poc_status poc_fake_idle; /* proving, in no phase */

#define INIT_REST                                                                                \
    "\"block_hash\":\"8F\",\"block_height\":1503660,\"public_key\":\"02a1\",\"batch_size\":100," \
    "\"r_target\":1.4013564660458173,\"fraud_threshold\":1e-07,\"url\":\"http://api:9100/v1/poc-batches\"}"
#define INIT "{\"node_id\":1,\"node_count\":2," INIT_REST
#define BATCH                                                                                   \
    "{\"public_key\":\"02a1\",\"block_hash\":\"8F\",\"block_height\":1503660,\"nonces\":[1,5]," \
    "\"dist\":[1.3978,1.2115],\"node_id\":1}"
#define POW "/api/v1/pow"

/* Answers. */
#define DETAIL(text) "{\"detail\":\"" text "\"}"
#define NOW(state, built) \
    "{\"status\":\"OK\",\"pow_status\":{\"status\":\"" state "\",\"is_model_initialized\":" built "}}"

#endif

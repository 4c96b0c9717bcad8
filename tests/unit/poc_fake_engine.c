/* poc_fake_engine.c: see its header. */
#include "tests/unit/poc_fake_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct poc_status poc_fake_idle = {.service = POC_SERVICE_POW, .has_request = 1, .has_node = 1};

static int
called(struct poc_fake *fake, const char *name, char *err, size_t err_len)
{
    size_t n = strlen(fake->calls);

    (void)snprintf(fake->calls + n, sizeof(fake->calls) - n, "%s ", name);
    if (fake->error)
        (void)snprintf(err, err_len, "the engine says no");
    return fake->error;
}

static int
started(struct poc_fake *fake, const char *name, const struct poc_init *init, enum poc_state state, char *err,
        size_t err_len)
{
    int r = called(fake, name, err, err_len);

    if (init)
        (void)snprintf(fake->told, sizeof(fake->told), "%lld/%lld %s@%lld %s %lld %.17g %.17g %s dim %u seq %u",
                       (long long)init->node_id, (long long)init->node_count, init->block_hash,
                       (long long)init->block_height, init->public_key, (long long)init->batch_size, init->r_target,
                       init->fraud_threshold, init->url, init->params.dim, init->params.seq_len);
    if (r == 0)
        fake->status = (struct poc_status){.service = POC_SERVICE_POW, .state = state, .has_request = 1, .has_node = 1};
    return r;
}

static int
fake_init(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return started(userdata, "init", init, POC_STATE_LOADING, err, err_len);
}

static int
fake_generate(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return started(userdata, init ? "generate" : "phase-generate", init, POC_STATE_GENERATING, err, err_len);
}

static int
fake_validate_phase(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return started(userdata, init ? "validate" : "phase-validate", init, POC_STATE_VALIDATING, err, err_len);
}

static int
fake_validate(void *userdata, const struct poc_batch *batch, char *err, size_t err_len)
{
    struct poc_fake *fake = userdata;
    size_t           n;

    (void)snprintf(fake->told, sizeof(fake->told), "%s@%lld %s %lld:", batch->block_hash,
                   (long long)batch->block_height, batch->public_key, (long long)batch->node_id);
    for (size_t i = 0; i < batch->n; i++) {
        n = strlen(fake->told);
        (void)snprintf(fake->told + n, sizeof(fake->told) - n, " %lld=%g", (long long)batch->nonces[i], batch->dist[i]);
    }
    return called(fake, "batch", err, err_len);
}

static int
fake_stop(void *userdata, char *err, size_t err_len)
{
    struct poc_fake *fake = userdata;
    int              r = called(fake, "stop", err, err_len);

    if (r == 0)
        fake->status = (struct poc_status){0};
    return r;
}

static int
fake_status(void *userdata, struct poc_status *ret, char *err, size_t err_len)
{
    struct poc_fake *fake = userdata;

    if (fake->status_error && fake->status_works-- <= 0) {
        (void)snprintf(err, err_len, "the engine does not answer");
        return fake->status_error;
    }
    *ret = fake->status;
    return 0;
}

int
poc_fake_setup(void **state)
{
    struct poc_fake *fake = calloc(1, sizeof(*fake));

    if (!fake)
        return -1;
    fake->ops = (struct poc_engine_ops){fake,          fake_init, fake_generate, fake_validate_phase,
                                        fake_validate, fake_stop, fake_status};
    *state = fake;
    return 0;
}

int
poc_fake_teardown(void **state)
{
    free(*state);
    return 0;
}

void
poc_fake_expect(struct poc_fake *fake, const char *method, const char *path, const char *body, int status,
                const char *answer)
{
    struct poc_reply reply = {0};

    assert_int_equal(poc_api_handle(&fake->ops, method, path, body, body ? strlen(body) : 0, &reply), 0);
    assert_string_equal(reply.body, answer);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.len, strlen(answer));
    poc_reply_done(&reply);
}

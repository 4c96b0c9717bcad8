/* The worker's REST API without sockets: in which state which request has which answer. */
#include "tests/unit/poc_fake_engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct poc_status no_node = {.service = POC_SERVICE_POW, .has_request = 1};
static const struct poc_status fallen = {.service = POC_SERVICE_STOPPED, .has_request = 1, .has_node = 1};
static const struct poc_status inference = {.service = POC_SERVICE_INFERENCE};
static const struct poc_status training = {.service = POC_SERVICE_TRAIN};

/* --- exchanges: an engine in a state, a request, an answer, and what the engine was called for */

struct exchange {
    const char              *name;
    const struct poc_status *before; /* NULL: STOPPED, nothing initialised */
    const char              *method;
    const char              *path;
    const char              *body;
    int                      status;
    const char              *answer;
    const char              *calls;
};

#define NOT_RUNNING DETAIL("PoW is not running")
#define CONFLICT(a, b)                                                                                            \
    DETAIL("Cannot run " a " because MLNode is currently in ServiceState." b " mode. Please stop ServiceState." b \
           " first.")
#define ABSENT                                                                                                  \
    DETAIL("This worker does proof of compute only: it does not serve inference and does not train; send this " \
           "request to a node that does")

static struct exchange exchanges[] = {
    {"init begins without a phase", NULL, "POST", POW "/init", INIT, 200, NOW("LOADING", "false"), "init "},
    {"init needs no node", NULL, "POST", POW "/init", "{" INIT_REST, 200, NOW("LOADING", "false"), "init "},
    {"init while it runs begins anew", &poc_fake_idle, "POST", POW "/init", INIT, 200, NOW("LOADING", "false"),
     "init "},
    {"init/generate generates", NULL, "POST", POW "/init/generate", INIT, 200, NOW("GENERATING", "false"), "generate "},
    {"init/generate without node", NULL, "POST", POW "/init/generate", "{" INIT_REST, 400,
     DETAIL("Node ID and node count must be set"), ""},
    {"init/generate without node_id", NULL, "POST", POW "/init/generate", "{\"node_count\":2," INIT_REST, 400,
     DETAIL("Node ID and node count must be set"), ""},
    {"init/generate with node_count -1", NULL, "POST", POW "/init/generate",
     "{\"node_id\":1,\"node_count\":-1," INIT_REST, 400, DETAIL("Node ID and node count must be set"), ""},
    {"init/validate validates", NULL, "POST", POW "/init/validate", INIT, 200, NOW("VALIDATING", "false"), "validate "},
    {"init/validate needs no node", NULL, "POST", POW "/init/validate", "{" INIT_REST, 200, NOW("VALIDATING", "false"),
     "validate "},
    {"phase/generate", &poc_fake_idle, "POST", POW "/phase/generate", NULL, 200, NOW("GENERATING", "false"),
     "phase-generate "},
    {"phase/generate without node", &no_node, "POST", POW "/phase/generate", NULL, 400,
     DETAIL("Node ID and node count must be set to start generating"), ""},
    {"phase/generate when the worker fell", &fallen, "POST", POW "/phase/generate", NULL, 400, NOT_RUNNING, ""},
    {"phase/generate of nothing", NULL, "POST", POW "/phase/generate", NULL, 500,
     DETAIL("Internal Server Error: nothing was initialised; POST /api/v1/pow/init/generate"), ""},
    {"phase/validate", &no_node, "POST", POW "/phase/validate", NULL, 200, NOW("VALIDATING", "false"),
     "phase-validate "},
    {"phase/validate of nothing", NULL, "POST", POW "/phase/validate", NULL, 400, NOT_RUNNING, ""},
    {"a phase needs no body and minds none", &poc_fake_idle, "POST", POW "/phase/validate", "{no JSON", 200,
     NOW("VALIDATING", "false"), "phase-validate "},
    {"validate takes a batch", &poc_fake_idle, "POST", POW "/validate", BATCH, 200, "null", "batch "},
    {"validate of nothing", NULL, "POST", POW "/validate", BATCH, 400, NOT_RUNNING, ""},
    {"pow/status of nothing", NULL, "GET", POW "/status", NULL, 200, "{\"status\":\"NOT_LOADED\"}", ""},
    {"pow/status", &poc_fake_idle, "GET", POW "/status", NULL, 200,
     "{\"status\":\"IDLE\",\"is_model_initialized\":false}", ""},
    {"pow/stop", &poc_fake_idle, "POST", POW "/stop", NULL, 200,
     "{\"status\":\"OK\",\"pow_status\":{\"status\":\"NOT_LOADED\"}}", "stop "},
    {"pow/stop of nothing", NULL, "POST", POW "/stop", NULL, 200,
     "{\"status\":\"OK\",\"pow_status\":\"PoW is not running\"}", ""},
    {"state when stopped", NULL, "GET", "/api/v1/state", NULL, 200, "{\"state\":\"STOPPED\"}", ""},
    {"state when proving", &poc_fake_idle, "GET", "/api/v1/state", NULL, 200, "{\"state\":\"POW\"}", ""},
    {"state when serving", &inference, "GET", "/api/v1/state", NULL, 200, "{\"state\":\"INFERENCE\"}", ""},
    {"stop", &poc_fake_idle, "POST", "/api/v1/stop", NULL, 200, "{\"status\":\"OK\"}", "stop "},
    {"stop of nothing", NULL, "POST", "/api/v1/stop", NULL, 200, "{\"status\":\"OK\"}", ""},
    {"stop while another family runs", &training, "POST", "/api/v1/stop", NULL, 200, "{\"status\":\"OK\"}", "stop "},
    {"health", NULL, "GET", "/health", NULL, 200, "{\"status\":\"OK\"}", ""},
    {"conflict: init while serving", &inference, "POST", POW "/init", INIT, 409, CONFLICT("POW", "INFERENCE"), ""},
    {"conflict: status while training", &training, "GET", POW "/status", NULL, 409, CONFLICT("POW", "TRAIN"), ""},
    {"conflict comes before a bad body", &inference, "POST", POW "/init", "{}", 409, CONFLICT("POW", "INFERENCE"), ""},
    {"conflict: inference/up while proving", &poc_fake_idle, "POST", "/api/v1/inference/up", "{}", 409,
     CONFLICT("INFERENCE", "POW"), ""},
    {"conflict: train/status while proving", &poc_fake_idle, "GET", "/api/v1/train/status", NULL, 409,
     CONFLICT("TRAIN", "POW"), ""},
    {"inference/up is not served", NULL, "POST", "/api/v1/inference/up", "{}", 501, ABSENT, ""},
    {"inference/down is not served", NULL, "POST", "/api/v1/inference/down", NULL, 501, ABSENT, ""},
    {"train/start is not served", NULL, "POST", "/api/v1/train/start", "{}", 501, ABSENT, ""},
    {"train/stop is not served", NULL, "POST", "/api/v1/train/stop", NULL, 501, ABSENT, ""},
    {"train/status is not served", NULL, "GET", "/api/v1/train/status", NULL, 501, ABSENT, ""},
    {"completions are not served", NULL, "POST", "/v1/chat/completions", "{}", 501, ABSENT, ""},
    {"a version in front", &poc_fake_idle, "GET", "/v3.0.8/api/v1/state", NULL, 200, "{\"state\":\"POW\"}", ""},
    {"a version in front of health", NULL, "GET", "/v3.0.8/health", NULL, 200, "{\"status\":\"OK\"}", ""},
    {"a version in front of completions", NULL, "POST", "/v3.0.8/v1/completions", "{}", 501, ABSENT, ""},
    {"two versions are none", NULL, "GET", "/v3.0.8/v3.0.8/health", NULL, 404, DETAIL("Not Found"), ""},
    {"a version has a point", NULL, "GET", "/v30/api/v1/state", NULL, 404, DETAIL("Not Found"), ""},
    {"a version begins with a digit", NULL, "GET", "/v.30/health", NULL, 404, DETAIL("Not Found"), ""},
    {"a version alone", NULL, "GET", "/v3.0.8", NULL, 404, DETAIL("Not Found"), ""},
    {"unknown path", NULL, "GET", "/api/v1/nothing", NULL, 404, DETAIL("Not Found"), ""},
    {"a path that goes on", NULL, "GET", "/api/v1/state/", NULL, 404, DETAIL("Not Found"), ""},
    {"no path", NULL, "GET", "", NULL, 404, DETAIL("Not Found"), ""},
    {"method: GET of what starts", NULL, "GET", POW "/init", NULL, 405, DETAIL("Method Not Allowed"), ""},
    {"method: POST of a status", &poc_fake_idle, "POST", POW "/status", NULL, 405, DETAIL("Method Not Allowed"), ""},
    {"method: GET of stop stops nothing", &poc_fake_idle, "GET", "/api/v1/stop", NULL, 405,
     DETAIL("Method Not Allowed"), ""},
    {"methods are written in capitals", &poc_fake_idle, "post", "/api/v1/stop", NULL, 405, DETAIL("Method Not Allowed"),
     ""},
};

#define N_EXCHANGES (sizeof(exchanges) / sizeof(exchanges[0]))

struct exchange_state {
    struct poc_fake       *fake;
    const struct exchange *exchange;
};

static int
setup_exchange(void **state)
{
    static struct exchange_state now;
    void                        *fake = NULL;

    now.exchange = *state;
    if (poc_fake_setup(&fake) < 0)
        return -1;
    now.fake = fake;
    if (now.exchange->before)
        now.fake->status = *now.exchange->before;
    *state = &now;
    return 0;
}

static int
teardown_exchange(void **state)
{
    free(((struct exchange_state *)*state)->fake);
    return 0;
}

static void
answers_as_written(void **state)
{
    struct exchange_state *now = *state;

    poc_fake_expect(now->fake, now->exchange->method, now->exchange->path, now->exchange->body, now->exchange->status,
                    now->exchange->answer);
    assert_string_equal(now->fake->calls, now->exchange->calls);
}

/* --- an engine that refuses */

static void
refusals_have_the_status_of_their_errno(void **state)
{
    static const int cases[][2] = {{-EINVAL, 400}, {-EBUSY, 409}, {-EAGAIN, 503}, {-EIO, 500}, {-ENOMEM, 500}};
    struct poc_fake *fake = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake->error = cases[i][0];
        poc_fake_expect(fake, "POST", POW "/init", INIT, cases[i][1], DETAIL("the engine says no"));
    }
}

static void
every_refusal_comes_through(void **state)
{
    static const char *const paths[] = {POW "/init/generate",  POW "/init/validate", POW "/phase/generate",
                                        POW "/phase/validate", POW "/stop",          "/api/v1/stop"};
    struct poc_fake         *fake = *state;

    fake->status = poc_fake_idle;
    fake->error = -EIO;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        poc_fake_expect(fake, "POST", paths[i], INIT, 500, DETAIL("the engine says no"));
    poc_fake_expect(fake, "POST", POW "/validate", BATCH, 500, DETAIL("the engine says no"));
}

static void
an_engine_that_cannot_be_asked_is_not_stopped(void **state)
{
    static const char *const paths[] = {"/api/v1/state", POW "/status", "/health"};
    struct poc_fake         *fake = *state;

    fake->status_error = -EIO;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        poc_fake_expect(fake, "GET", paths[i], NULL, 500, DETAIL("the engine does not answer"));
    poc_fake_expect(fake, "POST", "/api/v1/stop", NULL, 500, DETAIL("the engine does not answer"));
    assert_string_equal(fake->calls, "");
}

static void
an_engine_that_falls_silent_after_a_start_is_told(void **state)
{
    struct poc_fake *fake = *state;

    fake->status_error = -EIO;
    fake->status_works = 1;
    poc_fake_expect(fake, "POST", POW "/init", INIT, 500, DETAIL("the engine does not answer"));
    assert_string_equal(fake->calls, "init ");
}

static void
a_wrong_method_is_told_the_right_one(void **state)
{
    struct poc_fake *fake = *state;
    struct poc_reply reply = {0};

    assert_int_equal(poc_api_handle(&fake->ops, "PUT", POW "/status", NULL, 0, &reply), 0);
    assert_string_equal(reply.allow, "GET");
    poc_reply_done(&reply);
    assert_int_equal(poc_api_handle(&fake->ops, "GET", "/api/v1/state", NULL, 0, &reply), 0);
    assert_null(reply.allow);
    poc_reply_done(&reply);
}

static void
is_model_initialized_is_the_engines(void **state)
{
    struct poc_fake *fake = *state;

    fake->status = poc_fake_idle;
    fake->status.state = POC_STATE_VALIDATING;
    fake->status.is_model_initialized = 1;
    poc_fake_expect(fake, "GET", POW "/status", NULL, 200, "{\"status\":\"VALIDATING\",\"is_model_initialized\":true}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, poc_fake_setup, poc_fake_teardown)

static const struct CMUnitTest single_tests[] = {
    TEST(refusals_have_the_status_of_their_errno),       TEST(every_refusal_comes_through),
    TEST(an_engine_that_cannot_be_asked_is_not_stopped), TEST(an_engine_that_falls_silent_after_a_start_is_told),
    TEST(a_wrong_method_is_told_the_right_one),          TEST(is_model_initialized_is_the_engines),
};

#define N_SINGLE (sizeof(single_tests) / sizeof(single_tests[0]))

int
main(void)
{
    static struct CMUnitTest tests[N_EXCHANGES + N_SINGLE];
    size_t                   n = 0;

    for (size_t i = 0; i < N_EXCHANGES; i++)
        tests[n++] = (struct CMUnitTest){exchanges[i].name, answers_as_written, setup_exchange, teardown_exchange,
                                         &exchanges[i]};
    for (size_t i = 0; i < N_SINGLE; i++)
        tests[n++] = single_tests[i];
    return cmocka_run_group_tests_name("poc_api", tests, NULL, NULL);
}

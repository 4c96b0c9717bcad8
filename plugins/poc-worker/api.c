/* api.c: routes, what is refused in which state, and answers. */
#include "plugins/poc-worker/api.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERR_MAX 512 /* bytes of an engine's sentence */

struct request {
    const struct poc_engine_ops *ops;
    const char                  *body;
    size_t                       len;
    struct poc_status            status; /* when it was asked for */
};

/* A handler returns 0 with *ret filled, or -ENOMEM. */
typedef int (*handler)(struct request *request, struct poc_reply *ret);

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* Answers with a document, which is consumed; NULL: there was no memory for it. */
static int
reply_json(struct poc_reply *ret, int status, cJSON *json)
{
    char *text = json ? ga_json_print(json) : NULL;

    cJSON_Delete(json);
    if (!text)
        return -ENOMEM;
    *ret = (struct poc_reply){.status = status, .body = text, .len = strlen(text)};
    return 0;
}

/* A document {key: item}; item is consumed. NULL without memory. */
static cJSON *
object_of(const char *key, cJSON *item)
{
    cJSON *object = item ? cJSON_CreateObject() : NULL;

    if (object && cJSON_AddItemToObject(object, key, item))
        return object;
    cJSON_Delete(item);
    cJSON_Delete(object);
    return NULL;
}

int
poc_reply_detail(struct poc_reply *ret, int status, const char *sentence)
{
    return reply_json(ret, status, object_of("detail", cJSON_CreateString(sentence)));
}

void
poc_reply_done(struct poc_reply *reply)
{
    free(reply->body);
    *reply = (struct poc_reply){0};
}

/* {"status":"OK"}, with the item (consumed) as pow_status if `has_pow_status`. */
static int
reply_ok(struct poc_reply *ret, int has_pow_status, cJSON *pow_status)
{
    cJSON *json = object_of("status", cJSON_CreateString("OK"));

    if (has_pow_status && (!json || !pow_status || !cJSON_AddItemToObject(json, "pow_status", pow_status))) {
        cJSON_Delete(pow_status);
        cJSON_Delete(json);
        return -ENOMEM;
    }
    return reply_json(ret, 200, json);
}

/* The engine's refusal. */
static int
reply_error(struct poc_reply *ret, int error, const char *sentence)
{
    switch (error) {
    case -EINVAL:
        return poc_reply_detail(ret, 400, sentence);
    case -EBUSY:
        return poc_reply_detail(ret, 409, sentence);
    case -EAGAIN:
        return poc_reply_detail(ret, 503, sentence);
    default:
        return poc_reply_detail(ret, 500, sentence);
    }
}

/* A body that poc_*_parse() refused; detail is consumed. */
static int
reply_unprocessable(struct poc_reply *ret, int error, cJSON *detail)
{
    return error == -EINVAL ? reply_json(ret, 422, object_of("detail", detail)) : error;
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static const char *const service_names[] = {"STOPPED", "POW", "INFERENCE", "TRAIN"};

/* The object pow_status. NULL without memory. */
static cJSON *
pow_status(const struct poc_status *status)
{
    static const char *const names[] = {"IDLE", "LOADING", "GENERATING", "VALIDATING"};
    cJSON                   *json;

    if (status->service != POC_SERVICE_POW)
        return object_of("status", cJSON_CreateString("NOT_LOADED"));
    json = object_of("status", cJSON_CreateString(names[status->state]));
    if (json && !cJSON_AddBoolToObject(json, "is_model_initialized", status->is_model_initialized != 0)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

static int
ask_status(const struct request *request, struct poc_status *ret, char *err, size_t err_len)
{
    *ret = (struct poc_status){0};
    *err = '\0';
    return request->ops->status(request->ops->userdata, ret, err, err_len);
}

/* {"status":"OK","pow_status":...} as it is now. */
static int
reply_now(struct request *request, struct poc_reply *ret)
{
    char err[ERR_MAX];
    int  r = ask_status(request, &request->status, err, sizeof(err));

    return r < 0 ? reply_error(ret, r, err) : reply_ok(ret, 1, pow_status(&request->status));
}

/* --- proof of compute --------------------------------------------------------------------------------------------- */

typedef int (*start_op)(void *userdata, const struct poc_init *init, char *err, size_t err_len);

/* The init family: parse, refuse without node where one is needed, start, tell how it is now. */
static int
start(struct request *request, start_op op, int needs_node, struct poc_reply *ret)
{
    struct poc_init init;
    cJSON          *detail = NULL;
    char            err[ERR_MAX] = "";
    int             r = poc_init_parse(request->body, request->len, &init, &detail);

    if (r < 0)
        return reply_unprocessable(ret, r, detail);
    if (needs_node && (init.node_id == POC_UNSET || init.node_count == POC_UNSET)) {
        poc_init_done(&init);
        return poc_reply_detail(ret, 400, "Node ID and node count must be set");
    }
    r = op(request->ops->userdata, &init, err, sizeof(err));
    poc_init_done(&init);
    return r < 0 ? reply_error(ret, r, err) : reply_now(request, ret);
}

static int
on_init(struct request *request, struct poc_reply *ret)
{
    return start(request, request->ops->init, 0, ret);
}

static int
on_init_generate(struct request *request, struct poc_reply *ret)
{
    return start(request, request->ops->generate, 1, ret);
}

static int
on_init_validate(struct request *request, struct poc_reply *ret)
{
    return start(request, request->ops->validate_phase, 0, ret);
}

static const char not_running[] = "PoW is not running";

/* Changes the phase of what runs. */
static int
change_phase(struct request *request, start_op op, struct poc_reply *ret)
{
    char err[ERR_MAX] = "";
    int  r;

    if (request->status.service != POC_SERVICE_POW)
        return poc_reply_detail(ret, 400, not_running);
    r = op(request->ops->userdata, NULL, err, sizeof(err));
    return r < 0 ? reply_error(ret, r, err) : reply_now(request, ret);
}

static int
on_phase_generate(struct request *request, struct poc_reply *ret)
{
    if (!request->status.has_request)
        return poc_reply_detail(ret, 500,
                                "Internal Server Error: nothing was initialised; POST /api/v1/pow/init/generate");
    if (!request->status.has_node)
        return poc_reply_detail(ret, 400, "Node ID and node count must be set to start generating");
    return change_phase(request, request->ops->generate, ret);
}

static int
on_phase_validate(struct request *request, struct poc_reply *ret)
{
    return change_phase(request, request->ops->validate_phase, ret);
}

static int
on_validate(struct request *request, struct poc_reply *ret)
{
    struct poc_batch batch;
    cJSON           *detail = NULL;
    char             err[ERR_MAX] = "";
    int              r = poc_batch_parse(request->body, request->len, &batch, &detail);

    if (r < 0)
        return reply_unprocessable(ret, r, detail);
    if (request->status.service != POC_SERVICE_POW) {
        poc_batch_done(&batch);
        return poc_reply_detail(ret, 400, not_running);
    }
    r = request->ops->validate(request->ops->userdata, &batch, err, sizeof(err));
    poc_batch_done(&batch);
    return r < 0 ? reply_error(ret, r, err) : reply_json(ret, 200, cJSON_CreateNull());
}

static int
on_pow_status(struct request *request, struct poc_reply *ret)
{
    return reply_json(ret, 200, pow_status(&request->status));
}

static int
on_pow_stop(struct request *request, struct poc_reply *ret)
{
    char err[ERR_MAX] = "";
    int  r;

    if (request->status.service != POC_SERVICE_POW)
        return reply_ok(ret, 1, cJSON_CreateString(not_running));
    r = request->ops->stop(request->ops->userdata, err, sizeof(err));
    return r < 0 ? reply_error(ret, r, err) : reply_now(request, ret);
}

/* --- the node ----------------------------------------------------------------------------------------------------- */

static int
on_state(struct request *request, struct poc_reply *ret)
{
    return reply_json(ret, 200, object_of("state", cJSON_CreateString(service_names[request->status.service])));
}

static int
on_stop(struct request *request, struct poc_reply *ret)
{
    char err[ERR_MAX] = "";
    int  r = 0;

    if (request->status.service != POC_SERVICE_STOPPED)
        r = request->ops->stop(request->ops->userdata, err, sizeof(err));
    return r < 0 ? reply_error(ret, r, err) : reply_ok(ret, 0, NULL);
}

static int
on_health(struct request *request, struct poc_reply *ret)
{
    (void)request; /* that the engine could be asked is the answer */
    return reply_ok(ret, 0, NULL);
}

static int
on_absent(struct request *request, struct poc_reply *ret)
{
    (void)request;
    return poc_reply_detail(ret, 501,
                            "This worker does proof of compute only: it does not serve inference and does not train; "
                            "send this request to a node that does");
}

/* --- routes ------------------------------------------------------------------------------------------------------- */

struct route {
    const char      *method;
    const char      *path;
    handler          handle;
    enum poc_service family; /* refused while another family runs; STOPPED: never */
};

static const struct route routes[] = {
    {"POST", "/api/v1/pow/init", on_init, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/init/generate", on_init_generate, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/init/validate", on_init_validate, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/phase/generate", on_phase_generate, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/phase/validate", on_phase_validate, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/validate", on_validate, POC_SERVICE_POW},
    {"GET", "/api/v1/pow/status", on_pow_status, POC_SERVICE_POW},
    {"POST", "/api/v1/pow/stop", on_pow_stop, POC_SERVICE_POW},
    {"GET", "/api/v1/state", on_state, POC_SERVICE_STOPPED},
    {"POST", "/api/v1/stop", on_stop, POC_SERVICE_STOPPED},
    {"GET", "/health", on_health, POC_SERVICE_STOPPED},
    {"POST", "/api/v1/inference/up", on_absent, POC_SERVICE_INFERENCE},
    {"POST", "/api/v1/inference/down", on_absent, POC_SERVICE_INFERENCE},
    {"POST", "/api/v1/train/start", on_absent, POC_SERVICE_TRAIN},
    {"POST", "/api/v1/train/stop", on_absent, POC_SERVICE_TRAIN},
    {"GET", "/api/v1/train/status", on_absent, POC_SERVICE_TRAIN},
};

/* The path without a version in front: "/v3.0.8/health" is "/health". "/v1/..." is none: a version has a point. */
static const char *
without_version(const char *path)
{
    size_t n = strncmp(path, "/v", 2) == 0 ? 2 + strspn(path + 2, "0123456789.") : 0;

    return n && isdigit((unsigned char)path[2]) && path[n] == '/' && memchr(path, '.', n) ? path + n : path;
}

static const struct route *
find_route(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

/* Another family than the route's is at work. */
static int
reply_conflict(enum poc_service wanted, enum poc_service current, struct poc_reply *ret)
{
    char sentence[192];

    (void)snprintf(sentence, sizeof(sentence),
                   "Cannot run %s because MLNode is currently in ServiceState.%s mode. Please stop ServiceState.%s "
                   "first.",
                   service_names[wanted], service_names[current], service_names[current]);
    return poc_reply_detail(ret, 409, sentence);
}

int
poc_api_handle(const struct poc_engine_ops *ops, const char *method, const char *path, const char *body, size_t len,
               struct poc_reply *ret)
{
    struct request      request = {.ops = ops, .body = body, .len = len};
    const struct route *route = find_route(without_version(path));
    char                err[ERR_MAX];
    int                 r;

    if (!route && strncmp(without_version(path), "/v1/", 4) == 0)
        return on_absent(&request, ret); /* where that node hands requests on to what serves inference */
    if (!route)
        return poc_reply_detail(ret, 404, "Not Found");
    if (strcmp(route->method, method) != 0) {
        r = poc_reply_detail(ret, 405, "Method Not Allowed");
        ret->allow = route->method;
        return r;
    }
    r = ask_status(&request, &request.status, err, sizeof(err));
    if (r < 0)
        return reply_error(ret, r, err);
    if (route->family != POC_SERVICE_STOPPED && request.status.service != POC_SERVICE_STOPPED &&
        request.status.service != route->family)
        return reply_conflict(route->family, request.status.service, ret);
    return route->handle(&request, ret);
}

/* rehearse_node.c: requests to the machine-learning node, as the API container makes them. */
#include "plugins/poc-worker/rehearse.h"

#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/message.h"

#include "kit/http.h"
#include "kit/json.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INIT_MS (15 * 60 * 1000)  /* as the API container: workers are started before the answer */
#define SERVE_MS (25 * 60 * 1000) /* it waits for its model for 20 minutes itself */
#define STATUS_MS 5000
#define POLL_MS 200
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* The sentence of an answer that is an error: {"detail": ...}, or its beginning. */
static void
say_status(const char *what, const struct ga_http_answer *answer, char *why)
{
    char        problem[128];
    cJSON      *json = answer->body ? ga_json_parse(answer->body, answer->len, problem, sizeof(problem)) : NULL;
    const char *detail = ga_json_str(json, "detail");
    char       *text = !detail && json ? ga_json_print(json) : NULL;

    (void)snprintf(why, REHEARSE_WHY, "%.300s was answered with status %ld: %.400s", what, answer->status,
                   detail ? detail : (text ? text : (answer->body ? answer->body : "")));
    free(text);
    cJSON_Delete(json);
}

static enum rehearse_finding
finding_of(long status)
{
    if (status >= 200 && status < 300)
        return REHEARSE_WELL;
    if (status == 409)
        return REHEARSE_CONFLICT;
    return status >= 500 ? REHEARSE_ERROR : REHEARSE_REFUSED;
}

/* One request; *ret is the caller's. */
static enum rehearse_finding
ask(const struct rehearse *self, const char *method, const char *path, const char *body, int total_ms, int steadfast,
    cJSON **ret, char *why)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char                     url[1200];
    char                     what[1300];
    char                     problem[256];
    struct ga_http_request   request = {.url = url,
                                        .method = method,
                                        .body = body,
                                        .body_len = body ? strlen(body) : 0,
                                        .headers = body ? headers : NULL,
                                        .total_ms = total_ms,
                                        .max_answer = 1u << 20,
                                        .cancel_fd = steadfast ? -1 : self->host->cancel_fd(self->run)};
    struct ga_http_answer    answer;
    enum rehearse_finding    finding;

    (void)snprintf(url, sizeof(url), "%s%s", self->url, path);
    (void)snprintf(what, sizeof(what), "%s %s", method, ga_http_show_url(url, problem, sizeof(problem)));
    switch (ga_http(&request, &answer)) {
    case GA_HTTP_OK:
        finding = finding_of(answer.status);
        break;
    case GA_HTTP_CANCELLED:
        finding = REHEARSE_CANCELLED;
        break;
    case GA_HTTP_TIMEOUT:
        finding = REHEARSE_SLOW;
        break;
    default:
        finding = REHEARSE_UNREACHABLE;
    }
    if (finding == REHEARSE_WELL) {
        *ret = ga_json_parse(answer.body ? answer.body : "", answer.len, problem, sizeof(problem));
        finding = *ret ? REHEARSE_WELL : REHEARSE_NONSENSE;
        if (!*ret)
            (void)snprintf(why, REHEARSE_WHY, "%.400s was answered with what is no JSON: %.200s", what, problem);
    } else if (answer.kind == GA_HTTP_OK) {
        say_status(what, &answer, why);
    } else {
        (void)snprintf(why, REHEARSE_WHY, "%s", answer.kind == GA_HTTP_CANCELLED ? "cancelled" : answer.error);
    }
    ga_http_done(&answer);
    return finding;
}

enum rehearse_finding
rehearse_node_state(const struct rehearse *self, int total_ms, int steadfast, char *ret, size_t len, char *why)
{
    cJSON                *answer = NULL;
    enum rehearse_finding finding = ask(self, "GET", "/api/v1/state", NULL, total_ms, steadfast, &answer, why);
    const char           *state = ga_json_str(answer, "state");

    if (finding == REHEARSE_WELL &&
        (!state || !*state || strlen(state) >= len || strspn(state, CAPITALS) != strlen(state))) {
        finding = REHEARSE_NONSENSE;
        (void)snprintf(why, REHEARSE_WHY, "GET %.500s/api/v1/state names no state", self->url);
    }
    if (finding == REHEARSE_WELL)
        (void)snprintf(ret, len, "%s", state);
    cJSON_Delete(answer);
    return finding;
}

enum rehearse_finding
rehearse_node_stop(const struct rehearse *self, int total_ms, int steadfast, char *why)
{
    int64_t               until = poc_now_ms() + total_ms;
    cJSON                *answer = NULL;
    char                  state[32] = "";
    enum rehearse_finding finding = ask(self, "POST", "/api/v1/stop", NULL, total_ms, steadfast, &answer, why);
    struct pollfd         cancel = {.fd = steadfast ? -1 : self->host->cancel_fd(self->run), .events = POLLIN};

    cJSON_Delete(answer);
    while (finding == REHEARSE_WELL) {
        finding = rehearse_node_state(self, STATUS_MS, steadfast, state, sizeof(state), why);
        if (finding != REHEARSE_WELL || strcmp(state, "STOPPED") == 0)
            break;
        if (poc_now_ms() >= until) {
            (void)snprintf(why, REHEARSE_WHY, "the node took the request to stop, and is still in state %s", state);
            return REHEARSE_NOT_STOPPED;
        }
        (void)poll(&cancel, 1, POLL_MS);
    }
    return finding;
}

enum rehearse_finding
rehearse_node_generate(const struct rehearse *self, char *why)
{
    cJSON                *json = message_of_init(&self->init);
    char                 *body = json ? ga_json_print(json) : NULL;
    cJSON                *answer = NULL;
    enum rehearse_finding finding = REHEARSE_NOT_COMPUTED;

    if (body)
        finding = ask(self, "POST", "/api/v1/pow/init/generate", body, INIT_MS, 0, &answer, why);
    else
        (void)snprintf(why, REHEARSE_WHY, "no memory for the request");
    free(body);
    cJSON_Delete(json);
    cJSON_Delete(answer);
    return finding;
}

/* What the status of a node that was asked to generate means. */
static enum rehearse_finding
judge_status(const char *status, char *why)
{
    if (strcmp(status, "NOT_LOADED") == 0 || strcmp(status, "STOPPED") == 0) {
        (void)snprintf(why, REHEARSE_WHY, "the node began, and then its status became %.40s", status);
        return REHEARSE_GAVE_UP;
    }
    if (strcmp(status, "VALIDATING") == 0 || strcmp(status, "IDLE") == 0) {
        (void)snprintf(why, REHEARSE_WHY, "the node began, and then its status became %.40s: somebody else commands it",
                       status);
        return REHEARSE_GAVE_UP;
    }
    return REHEARSE_WELL;
}

enum rehearse_finding
rehearse_node_status(const struct rehearse *self, int *ret_built, char *why)
{
    cJSON                *answer = NULL;
    enum rehearse_finding finding = ask(self, "GET", "/api/v1/pow/status", NULL, STATUS_MS, 0, &answer, why);
    const char           *status = ga_json_str(answer, "status");

    if (finding == REHEARSE_WELL && !status) {
        finding = REHEARSE_NONSENSE;
        (void)snprintf(why, REHEARSE_WHY, "GET %.500s/api/v1/pow/status names no status", self->url);
    }
    if (finding == REHEARSE_WELL)
        finding = judge_status(status, why);
    if (finding == REHEARSE_WELL)
        *ret_built = ga_json_bool(answer, "is_model_initialized", 0);
    cJSON_Delete(answer);
    return finding;
}

enum rehearse_finding
rehearse_node_serve(const struct rehearse *self, const char *body, char *why)
{
    cJSON                *answer = NULL;
    enum rehearse_finding finding = ask(self, "POST", "/api/v1/inference/up", body, SERVE_MS, 0, &answer, why);
    const char           *status = ga_json_str(answer, "status");
    const char           *message = ga_json_str(answer, "message");

    /* An error comes with status 200, too. */
    if (finding == REHEARSE_WELL && (!status || strcmp(status, "OK") != 0)) {
        (void)snprintf(why, REHEARSE_WHY, "the node did not begin to serve again: %.300s: %.400s",
                       status ? status : "no status", message ? message : "no message");
        finding = REHEARSE_NOT_RESTORED;
    }
    cJSON_Delete(answer);
    return finding == REHEARSE_WELL ? REHEARSE_WELL : REHEARSE_NOT_RESTORED;
}

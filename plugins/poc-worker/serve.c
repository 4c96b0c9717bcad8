/* serve.c: the task `serve`: between the API's process and that of the session, with one thread and no work of its own.
 */
#include "plugins/poc-worker/child.h"
#include "plugins/poc-worker/front.h"
#include "plugins/poc-worker/gauges.h"
#include "plugins/poc-worker/message.h"
#include "plugins/poc-worker/session.h"
#include "plugins/poc-worker/tasks.h"

#include "plugins/poc-worker/api.h"
#include "plugins/poc-worker/progress.h"
#include "plugins/poc-worker/queue.h"
#include "plugins/poc-worker/version.h"

#include "kit/json.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEAT_MS 5000
#define VERSION_MS (3600 * 1000) /* between questions to the chain */

struct serve {
    struct ga_run        *run;
    const struct ga_host *host;
    char                  queue[4200];
    struct poc_chosen     devices;
    pid_t                 front;
    int                   front_fd;
    pid_t                 session; /* 0: none */
    int                   session_fd;
    struct poc_init       init; /* of the session */
    enum poc_state        state;
    int                   is_ready;
    struct poc_progress   progress;
    int                   failed_lanes;
    int64_t               version_ms; /* when the chain is asked next */
    int                   chain_version;
    int                   has_claims; /* batches came that the session may not have seen */
    int                   is_idle;    /* it waits for one */
};

/* --- the session ---------------------------------------------------------------------------------------------------
 */

static void
serve_session(const void *arg, int fd)
{
    session_child(arg, fd);
}

static void
end_session(struct serve *serve)
{
    if (serve->session > 0) {
        (void)close(serve->session_fd);
        poc_child_kill(serve->session);
        (void)serve->host->emit(serve->run, "poc.stopped", NULL);
        serve->host->metric(serve->run, "nonces_per_second", 0);
        serve->host->metric(serve->run, "proofs_per_second", 0);
    }
    serve->session = 0;
    serve->session_fd = -1;
    serve->is_ready = 0;
    serve->is_idle = 0;
    serve->has_claims = 0;
    serve->state = POC_STATE_IDLE;
    poc_init_done(&serve->init);
}

/* Takes over *init. 0 or -errno with a sentence. */
static int
start_session(struct serve *serve, struct poc_init *init, char *why, size_t len)
{
    const char           *path = serve->host->str(serve->run, "path");
    struct session_config config = {.init = &serve->init,
                                    .devices = &serve->devices,
                                    .queue = serve->queue,
                                    .cache_dir = bout_cache_dir(),
                                    .path = strcmp(path, "auto") == 0 ? NULL : path,
                                    .flush_ms = (int)(serve->host->num(serve->run, "send_every") / 1000000),
                                    .tune = serve->host->num(serve->run, "tune") != 0,
                                    .answer_ms = (int)(serve->host->num(serve->run, "device_timeout") / 1000000)};

    end_session(serve);
    serve->init = *init;
    memset(init, 0, sizeof(*init));
    memset(&serve->progress, 0, sizeof(serve->progress));
    serve->failed_lanes = 0;
    serve->session = poc_child_start(SOCK_STREAM, serve_session, &config, &serve->session_fd);
    if (serve->session > 0) {
        serve->host->log(serve->run, GA_LOG_NOTICE, "proof of compute for block %lld begins on %zu device%s",
                         (long long)serve->init.block_height, serve->devices.n, serve->devices.n == 1 ? "" : "s");
        serve->host->log(serve->run, GA_LOG_INFO, "Created %zu GPU groups:", serve->devices.n);
        (void)serve->host->emit(serve->run, "poc.started", NULL);
        serve->host->metric(serve->run, "devices_failed", 0);
        for (size_t i = 0; i < serve->devices.n; i++)
            poc_gauge_of_device(serve->run, serve->host, serve->devices.devices[i], 1);
        return 0;
    }
    serve->session = 0;
    (void)snprintf(why, len, "cannot start a process: %s", strerrorname_np(errno));
    poc_init_done(&serve->init);
    return -EIO;
}

static int
send_phase(struct serve *serve, enum poc_state state)
{
    cJSON *json = cJSON_CreateObject();
    int    r;

    (void)cJSON_AddStringToObject(json, "op", "phase");
    (void)cJSON_AddStringToObject(json, "phase",
                                  state == POC_STATE_GENERATING   ? "generate"
                                  : state == POC_STATE_VALIDATING ? "validate"
                                                                  : "idle");
    r = message_send(serve->session_fd, json);
    cJSON_Delete(json);
    serve->state = state;
    serve->is_idle = 0;
    poc_progress_begin(&serve->progress, poc_now_ms());
    return r;
}

/* What a model is made of, as text. The caller's; NULL without memory. */
static char *
model_of(const struct poc_init *init)
{
    cJSON *json = message_of_init(init);
    cJSON *model = cJSON_CreateObject();
    char  *text = NULL;

    if (json && model &&
        cJSON_AddItemToObject(model, "block_hash", cJSON_DetachItemFromObjectCaseSensitive(json, "block_hash")) &&
        cJSON_AddItemToObject(model, "params", cJSON_DetachItemFromObjectCaseSensitive(json, "params")))
        text = ga_json_print(model);
    cJSON_Delete(json);
    cJSON_Delete(model);
    return text;
}

/* Proofs of earlier stages are of no use to anybody, batches to validate of another model cannot be computed. */
static void
expire(struct serve *serve, const struct poc_init *init)
{
    struct poc_queue *queue = NULL;
    char             *model = model_of(init);
    char              why[512] = "out of memory";
    int64_t           generated = 0;
    int64_t           validated = 0;
    int64_t           claims = -ENOMEM;
    int               r = poc_queue_open(serve->queue, &queue, why, sizeof(why));

    if (r != 0)
        serve->host->log(serve->run, GA_LOG_ERR, "%s", why);
    if (r >= 0) {
        generated = poc_queue_expire_below(queue, init->block_height, POC_LETTER_GENERATED, why, sizeof(why));
        if (generated >= 0)
            validated = poc_queue_expire_below(queue, init->block_height, POC_LETTER_VALIDATED, why, sizeof(why));
        if (generated >= 0 && validated >= 0 && model)
            claims = poc_queue_begin_model(queue, model, why, sizeof(why));
        if (generated < 0 || validated < 0 || claims < 0)
            serve->host->log(serve->run, GA_LOG_ERR, "batches of earlier blocks cannot be taken out: %s", why);
        if (generated + validated > 0)
            serve->host->log(serve->run, GA_LOG_WARNING,
                             "%" PRId64 " batches of earlier blocks were not taken by their receiver and have expired",
                             generated + validated);
        if (claims > 0)
            serve->host->log(serve->run, GA_LOG_WARNING,
                             "%" PRId64 " batches waited to be validated by another model and were dropped", claims);
        poc_queue_close(queue);
    }
    free(model);
}

/* --- what the API asks ---------------------------------------------------------------------------------------------
 */

/* A request's body once more; the API has checked it. 0 or -errno with a sentence. */
static int
read_init(const cJSON *question, struct poc_init *ret, char *why, size_t len)
{
    char  *text = ga_json_print(ga_json_get(question, "init"));
    cJSON *detail = NULL;
    int    r = text ? poc_init_parse(text, strlen(text), ret, &detail) : -ENOMEM;

    cJSON_Delete(detail);
    free(text);
    if (r < 0)
        (void)snprintf(why, len, "the request could not be passed on: %s", strerrorname_np(-r));
    return r < 0 ? -EIO : 0;
}

/* init, generate, validate_phase */
static int
go_to(struct serve *serve, const cJSON *question, int restart, enum poc_state state, char *why, size_t len)
{
    struct poc_init init = {0};
    int             r = 0;

    if (ga_json_get(question, "init")) {
        r = read_init(question, &init, why, len);
        if (r == 0 && (restart || serve->session == 0 || !poc_init_equal(&init, &serve->init))) {
            expire(serve, &init);
            r = start_session(serve, &init, why, len);
        }
        poc_init_done(&init);
    }
    if (r == 0 && serve->session == 0) {
        (void)snprintf(why, len, "PoW is not running");
        r = -EINVAL;
    }
    if (r == 0 && state != serve->state && send_phase(serve, state) < 0) {
        (void)snprintf(why, len, "the session has just ended");
        r = -EAGAIN;
    }
    return r;
}

/* Batches are in the queue, where the session looks for them; only one that waits is told, lest what it computes be
 * given up. */
static void
wake_session(struct serve *serve)
{
    cJSON *json;

    if (!serve->is_idle || !serve->has_claims)
        return;
    serve->is_idle = 0;
    serve->has_claims = 0;
    json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "op", "claims");
    (void)message_send(serve->session_fd, json); /* when it is gone, its descriptor says so */
    cJSON_Delete(json);
}

static int
pass_batch(struct serve *serve, char *why, size_t len)
{
    if (serve->session == 0) {
        (void)snprintf(why, len, "PoW is not running");
        return -EINVAL;
    }
    serve->has_claims = 1;
    wake_session(serve);
    return 0;
}

static void
add_status(const struct serve *serve, cJSON *answer)
{
    /* As there: LOADING is told only in no phase. */
    enum poc_state state = serve->state == POC_STATE_IDLE && !serve->is_ready ? POC_STATE_LOADING : serve->state;

    (void)cJSON_AddBoolToObject(answer, "pow", serve->session > 0);
    (void)cJSON_AddNumberToObject(answer, "state", (double)state);
    (void)cJSON_AddBoolToObject(answer, "ready", serve->is_ready);
    (void)cJSON_AddBoolToObject(answer, "request", serve->session > 0);
    (void)cJSON_AddBoolToObject(
        answer, "node", serve->session > 0 && serve->init.node_id != POC_UNSET && serve->init.node_count != POC_UNSET);
}

static int
answer_question(struct serve *serve, const char *op, const cJSON *question)
{
    cJSON *answer = cJSON_CreateObject();
    char   why[512] = "";
    int    r = 0;

    if (strcmp(op, "init") == 0)
        r = go_to(serve, question, 1, POC_STATE_IDLE, why, sizeof(why));
    else if (strcmp(op, "generate") == 0)
        r = go_to(serve, question, 0, POC_STATE_GENERATING, why, sizeof(why));
    else if (strcmp(op, "validate_phase") == 0)
        r = go_to(serve, question, 0, POC_STATE_VALIDATING, why, sizeof(why));
    else if (strcmp(op, "validate") == 0)
        r = pass_batch(serve, why, sizeof(why));
    else if (strcmp(op, "stop") == 0)
        end_session(serve);
    else
        add_status(serve, answer);
    (void)cJSON_AddNumberToObject(answer, "r", r);
    (void)cJSON_AddStringToObject(answer, "err", why);
    r = message_send(serve->front_fd, answer);
    cJSON_Delete(answer);
    return r;
}

static void
take_note(const struct serve *serve, const cJSON *message)
{
    int64_t     level = GA_LOG_INFO;
    const char *text = ga_json_str(message, "text");

    (void)ga_json_i64(message, "level", &level);
    serve->host->log(serve->run, (uint32_t)level, "%s", text ? text : "");
}

/* One message of the front. 0, or -1: it is gone. */
static int
hear_front(struct serve *serve)
{
    cJSON      *message = NULL;
    const char *op;
    int         r = message_receive(serve->front_fd, &message);

    if (r < 0)
        return -1;
    op = ga_json_str(message, "op");
    if (op && strcmp(op, "note") == 0) {
        take_note(serve, message);
    } else if (op && strcmp(op, "letters") == 0) {
        poc_gauges_of_letters(serve->run, serve->host, message);
    } else if (op) {
        r = answer_question(serve, op, message);
    }
    cJSON_Delete(message);
    return r < 0 ? -1 : 0;
}

/* --- what the session tells ----------------------------------------------------------------------------------------
 */

static void
take_rate(struct serve *serve, const cJSON *message)
{
    double computed = 0;

    (void)ga_json_double(message, "computed", &computed);
    poc_progress_take(&serve->progress, computed, poc_now_ms());
    poc_gauges_of_rate(serve->run, serve->host, message);
}

/* The session's log has named it; here it becomes an event and figures. */
static void
lose_device(struct serve *serve, const cJSON *message)
{
    cJSON  *payload = cJSON_CreateObject();
    char   *text;
    int64_t device = 0;

    (void)ga_json_i64(message, "device", &device);
    (void)cJSON_AddNumberToObject(payload, "device", (double)device);
    for (size_t i = 0; i < 2; i++) {
        const char *key = i == 0 ? "name" : "why";
        const char *value = ga_json_str(message, key);

        (void)cJSON_AddStringToObject(payload, key, value ? value : "");
    }
    text = payload ? ga_json_print(payload) : NULL;
    (void)serve->host->emit(serve->run, "poc.device.failed", text);
    free(text);
    cJSON_Delete(payload);
    serve->host->metric(serve->run, "devices_failed", ++serve->failed_lanes);
    poc_gauge_of_device(serve->run, serve->host, (int)device, 0);
}

/* The session is over without being told to. */
static void
lose_session(struct serve *serve, const char *why)
{
    cJSON *payload = cJSON_CreateObject();
    char  *text;

    serve->host->log(serve->run, GA_LOG_ERR, "the proof of compute ended by itself: %s", why);
    (void)cJSON_AddStringToObject(payload, "why", why);
    text = payload ? ga_json_print(payload) : NULL;
    (void)serve->host->emit(serve->run, "poc.failed", text);
    free(text);
    cJSON_Delete(payload);
    end_session(serve);
}

static void
hear_session(struct serve *serve)
{
    cJSON      *message = NULL;
    const char *op;

    if (message_receive(serve->session_fd, &message) < 0) {
        lose_session(serve, "its process is gone; the log has more");
        return;
    }
    op = ga_json_str(message, "op");
    if (op && strcmp(op, "note") == 0)
        take_note(serve, message);
    else if (op && strcmp(op, "ready") == 0) {
        serve->is_ready = 1;
        poc_progress_begin(&serve->progress, poc_now_ms());
    } else if (op && strcmp(op, "idle") == 0) {
        serve->is_idle = 1;
        wake_session(serve);
    } else if (op && strcmp(op, "rate") == 0)
        take_rate(serve, message);
    else if (op && strcmp(op, "lost") == 0)
        lose_device(serve, message);
    else if (op && strcmp(op, "failed") == 0)
        lose_session(serve, ga_json_str(message, "why") ? ga_json_str(message, "why") : "for no reason given");
    cJSON_Delete(message);
}

static void
watch_rate(struct serve *serve)
{
    if (serve->session == 0 || serve->state != POC_STATE_GENERATING || !serve->is_ready ||
        !poc_progress_has_stalled(&serve->progress, poc_now_ms()))
        return;
    serve->host->log(serve->run, GA_LOG_ERR, "no nonce was computed for a minute while generating");
    (void)serve->host->emit(serve->run, "poc.stalled", NULL);
}

/* Version 1 is of no use to a network that asks for version 2: say so, once for each answer, and in `status`. */
static void
ask_version(struct serve *serve)
{
    char why[800];
    int  version;

    if (!serve->host->has(serve->run, "chain") || poc_now_ms() < serve->version_ms)
        return;
    serve->version_ms = poc_now_ms() + VERSION_MS;
    version =
        poc_chain_version(serve->host->str(serve->run, "chain"), serve->host->cancel_fd(serve->run), why, sizeof(why));
    if (version < 0) {
        serve->host->log(serve->run, GA_LOG_WARNING, "whether the network takes version 1 is not known: %s", why);
        return;
    }
    serve->host->metric(serve->run, "network_asks_for_version", version);
    if (version == 2 && serve->chain_version != 2)
        serve->host->log(
            serve->run, GA_LOG_WARNING,
            "the network has poc_v2_enabled: it counts proofs of version 2 only (mainnet does since release "
            "v0.2.9); this worker's, of version 1, are for rehearsals and other networks");
    serve->chain_version = version;
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static void
serve_front(const void *arg, int fd)
{
    front_child(arg, fd);
}

/* Devices that may work: those for tests only when the manifest says so. */
static int
choose_devices(struct serve *serve)
{
    struct bout_found found = {0};
    const char       *text = serve->host->str(serve->run, "devices");
    char              why[1200];
    size_t            kept = 0;

    if (strcmp(text, "plain") != 0 && bout_find(&found, why, sizeof(why)) < 0)
        return serve->host->end(serve->run, GA_FAILED, "%s", why);
    if (poc_spec_devices(text, found.infos, found.n, &serve->devices, why, sizeof(why)) < 0)
        return serve->host->end(serve->run, GA_FAILED, "%s", why);
    for (size_t i = 0; i < serve->devices.n; i++) {
        int device = serve->devices.devices[i];

        if (device == POC_PLAIN || !found.infos[device].test_only || serve->host->num(serve->run, "test_devices"))
            serve->devices.devices[kept++] = device;
        else
            serve->host->log(serve->run, GA_LOG_WARNING, "device %d, %s, is for tests and does not work here", device,
                             found.infos[device].name);
    }
    serve->devices.n = kept;
    if (kept == 0)
        return serve->host->end(
            serve->run, GA_FAILED,
            "no device may work: all that were found are for tests; 'test_devices: true' takes them");
    return GA_OK;
}

/* Starts the front and waits until it listens. GA_OK, or an outcome with its summary said. */
static int
start_front(struct serve *serve)
{
    const char         *url = serve->host->str(serve->run, "listen");
    char                address[128];
    struct front_config config = {.address = address,
                                  .queue = serve->queue,
                                  .every_ms = (int)(serve->host->num(serve->run, "send_every") / 1000000)};
    cJSON              *first = NULL;
    const char         *why = NULL;
    int                 outcome = GA_OK;

    if (poc_spec_listen(url, address, sizeof(address), &config.port) < 0)
        return serve->host->end(serve->run, GA_FAILED, "listen: %s has no address in figures and port", url);
    serve->front = poc_child_start(SOCK_STREAM, serve_front, &config, &serve->front_fd);
    if (serve->front < 0)
        return serve->host->end(serve->run, GA_FAILED, "cannot start a process: %s", strerrorname_np(errno));
    if (message_receive(serve->front_fd, &first) < 0)
        outcome = serve->host->end(serve->run, GA_FAILED, "the process of the REST API ended at once");
    else if ((why = ga_json_str(first, "why")) != NULL)
        outcome = serve->host->end(serve->run, GA_FAILED, "%s", why);
    else
        serve->host->log(serve->run, GA_LOG_NOTICE, "listening on %s", url);
    cJSON_Delete(first);
    return outcome;
}

static int
loop(struct serve *serve)
{
    serve->host->ready(serve->run);
    serve->host->metric(serve->run, "makes_version", 1);
    ask_version(serve);
    for (;;) {
        struct pollfd pollers[3] = {{.fd = serve->host->cancel_fd(serve->run), .events = POLLIN},
                                    {.fd = serve->front_fd, .events = POLLIN},
                                    {.fd = serve->session_fd, .events = POLLIN}};

        (void)poll(pollers, 3, BEAT_MS);
        if (serve->host->cancelled(serve->run))
            return serve->host->end(serve->run, GA_OK, "ended");
        serve->host->beat(serve->run);
        if (pollers[2].revents && serve->session > 0)
            hear_session(serve);
        if (pollers[1].revents && hear_front(serve) < 0)
            return serve->host->end(serve->run, GA_FAILED, "the process of the REST API is gone; the log has more");
        watch_rate(serve);
        ask_version(serve);
    }
}

int
serve_task(struct ga_run *run, const struct ga_host *host)
{
    struct serve serve = {.run = run, .host = host, .front = 0, .front_fd = -1, .session_fd = -1};
    const char  *cache = bout_cache_dir();
    int          outcome;

    if (!cache)
        return host->end(run, GA_FAILED, "there is no folder for the queue of proofs");
    /* In the folder of the plugin, not in that of its caches, which anybody may empty. */
    (void)snprintf(serve.queue, sizeof(serve.queue), "%.4000s/../../queue.db", cache);
    outcome = choose_devices(&serve);
    if (outcome == GA_OK)
        outcome = start_front(&serve);
    if (outcome == GA_OK)
        outcome = loop(&serve);
    end_session(&serve);
    if (serve.front_fd >= 0)
        (void)close(serve.front_fd);
    if (serve.front > 0)
        (void)waitpid(serve.front, NULL, 0); /* what it is sending may end */
    return outcome;
}

/* front.c: the REST API and the sender, in a process of their own. */
#include "plugins/poc-worker/front.h"

#include "plugins/poc-worker/httpd.h"
#include "plugins/poc-worker/message.h"
#include "plugins/poc-worker/sender.h"

#include "kit/http.h"
#include "kit/json.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

struct front {
    const struct front_config *config;
    int                        fd;
    pthread_mutex_t            lock; /* of fd: messages go out whole */
    pthread_mutex_t            ask_lock;
    pthread_cond_t             answered;
    cJSON                     *answer; /* of the question that is open */
    int                        over;   /* the parent is gone */
    int                        stop_fd;
    struct poc_queue          *queue; /* of the API's thread; NULL until it is needed */
};

static int64_t
real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
tell(struct front *front, cJSON *message)
{
    int r = message ? 0 : -ENOMEM;

    if (r == 0) {
        (void)pthread_mutex_lock(&front->lock);
        r = message_send(front->fd, message);
        (void)pthread_mutex_unlock(&front->lock);
    }
    cJSON_Delete(message);
    return r;
}

static cJSON *
message(const char *op)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "op", op);
    return json;
}

static void
note(void *userdata, unsigned level, const char *text)
{
    cJSON *json = message("note");

    (void)cJSON_AddNumberToObject(json, "level", level);
    (void)cJSON_AddStringToObject(json, "text", text);
    (void)tell(userdata, json);
}

/* --- what the API asks ---------------------------------------------------------------------------------------------
 */

/* Asks the parent; *ret is its answer. The API calls one at a time. */
static int
ask(struct front *front, cJSON *question, cJSON **ret, char *err, size_t err_len)
{
    int64_t r = 0;

    if (!question || tell(front, question) < 0) {
        (void)snprintf(err, err_len, "the worker is out of memory or ending");
        return -EIO;
    }
    (void)pthread_mutex_lock(&front->ask_lock);
    while (!front->answer && !front->over)
        (void)pthread_cond_wait(&front->answered, &front->ask_lock);
    *ret = front->answer;
    front->answer = NULL;
    (void)pthread_mutex_unlock(&front->ask_lock);
    if (!*ret || ga_json_i64(*ret, "r", &r) < 0) {
        (void)snprintf(err, err_len, "the worker is ending");
        return -EAGAIN;
    }
    if (r < 0)
        (void)snprintf(err, err_len, "%s", ga_json_str(*ret, "err") ? ga_json_str(*ret, "err") : "it failed");
    return (int)r;
}

static int
ask_with(struct front *front, const char *op, const char *key, cJSON *what, int needed, char *err, size_t err_len)
{
    cJSON *question = message(op);
    cJSON *answer = NULL;
    int    r;

    if (needed && (!what || !cJSON_AddItemToObject(question, key, what))) {
        cJSON_Delete(what);
        cJSON_Delete(question);
        question = NULL;
    }
    r = ask(front, question, &answer, err, err_len);
    cJSON_Delete(answer);
    return r;
}

static int
op_init(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return ask_with(userdata, "init", "init", message_of_init(init), 1, err, err_len);
}

static int
op_generate(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return ask_with(userdata, "generate", "init", init ? message_of_init(init) : NULL, init != NULL, err, err_len);
}

static int
op_validate_phase(void *userdata, const struct poc_init *init, char *err, size_t err_len)
{
    return ask_with(userdata, "validate_phase", "init", init ? message_of_init(init) : NULL, init != NULL, err,
                    err_len);
}

/* The API's own handle of the queue. 0 or -errno with a sentence. */
static int
open_queue(struct front *front, char *err, size_t err_len)
{
    int r = front->queue ? 0 : poc_queue_open(front->config->queue, &front->queue, err, err_len);

    if (r == 1)
        note(front, LOG_ERR, err);
    return r < 0 ? r : 0;
}

/* After a failure the file is looked at anew. */
static void
leave_queue(struct front *front)
{
    poc_queue_close(front->queue);
    front->queue = NULL;
}

/* A batch that was answered with 200 is on disk until its result is. */
static int
op_validate(void *userdata, const struct poc_batch *batch, char *err, size_t err_len)
{
    struct front *front = userdata;
    cJSON        *json = message_of_batch(batch);
    char         *body = json ? ga_json_print(json) : NULL;
    char          why[512];
    int64_t       id = 0;
    int           is_new;
    int           r = body ? open_queue(front, err, err_len) : -ENOMEM;

    if (r == 0)
        r = poc_queue_put_claim(front->queue, body, real_ms(), &id, err, err_len);
    is_new = r == 1;
    if (r >= 0) {
        r = ask_with(front, "validate", NULL, NULL, 0, err, err_len);
        if (r < 0 && is_new) /* it is still there when this fails, and may be computed: nobody is harmed */
            (void)poc_queue_settle_claim(front->queue, id, NULL, why, sizeof(why));
    } else if (r == -ENOBUFS) {
        r = -EAGAIN;
    } else {
        note(front, LOG_ERR, body ? err : "out of memory for a batch to validate");
        leave_queue(front);
    }
    free(body);
    cJSON_Delete(json);
    return r < 0 ? r : 0;
}

/* Who stops it wants no results any more. */
static int
op_stop(void *userdata, char *err, size_t err_len)
{
    struct front *front = userdata;
    int64_t       dropped = 0;
    char          text[128];
    int           r = ask_with(front, "stop", NULL, NULL, 0, err, err_len);

    if (r < 0)
        return r;
    r = open_queue(front, err, err_len);
    if (r == 0)
        dropped = poc_queue_drop_claims(front->queue, err, err_len);
    if (r < 0 || dropped < 0) {
        note(front, LOG_ERR, err); /* it has stopped; what waits goes with the next model, or is computed */
        leave_queue(front);
    } else if (dropped > 0) {
        (void)snprintf(text, sizeof(text), "%" PRId64 " batches that waited to be validated went with the stop",
                       dropped);
        note(front, LOG_WARNING, text);
    }
    return 0;
}

static int
op_status(void *userdata, struct poc_status *ret, char *err, size_t err_len)
{
    cJSON  *answer = NULL;
    int64_t state = 0;
    int     r = ask(userdata, message("status"), &answer, err, err_len);

    if (r == 0) {
        (void)ga_json_i64(answer, "state", &state);
        *ret = (struct poc_status){.service = ga_json_bool(answer, "pow", 0) ? POC_SERVICE_POW : POC_SERVICE_STOPPED,
                                   .state = (enum poc_state)state,
                                   .is_model_initialized = ga_json_bool(answer, "ready", 0),
                                   .has_request = ga_json_bool(answer, "request", 0),
                                   .has_node = ga_json_bool(answer, "node", 0)};
    }
    cJSON_Delete(answer);
    return r;
}

/* --- sending -------------------------------------------------------------------------------------------------------
 */

static void
tell_letters(struct front *front, const struct poc_sender *sender)
{
    struct poc_queue_depth depth = {.batches = 0};
    cJSON                 *json = message("letters");
    char                   why[512];

    if (poc_queue_depth(sender->queue, &depth, why, sizeof(why)) < 0)
        note(front, LOG_ERR, why);
    (void)cJSON_AddNumberToObject(json, "waiting", (double)depth.batches);
    (void)cJSON_AddNumberToObject(json, "refused", (double)depth.refused);
    (void)cJSON_AddNumberToObject(json, "to_validate", (double)depth.claims);
    (void)cJSON_AddNumberToObject(json, "sent", (double)sender->sent);
    (void)cJSON_AddNumberToObject(json, "failed", (double)(sender->retries + sender->rejected));
    (void)tell(front, json);
}

static void *
send_thread(void *userdata)
{
    struct front     *front = userdata;
    struct poc_sender sender = {
        .wait_ms = front->config->every_ms, .cancel_fd = front->stop_fd, .note = note, .userdata = front};
    struct pollfd stop = {.fd = front->stop_fd, .events = POLLIN};
    char          why[512];
    int           r = poc_queue_open(front->config->queue, &sender.queue, why, sizeof(why));

    if (r != 0)
        note(front, LOG_ERR, why);
    if (r < 0)
        return NULL;
    do {
        r = poc_sender_step(&sender, real_ms());
        if (r < 0 && r != -ECANCELED)
            note(front, LOG_ERR, sender.last_error);
        tell_letters(front, &sender);
    } while (poll(&stop, 1, front->config->every_ms) == 0);
    poc_queue_close(sender.queue);
    return NULL;
}

/* --- the process ---------------------------------------------------------------------------------------------------
 */

/* Answers come in here until the parent is gone. */
static void
read_answers(struct front *front)
{
    cJSON *answer;

    while (message_receive(front->fd, &answer) == 0) {
        (void)pthread_mutex_lock(&front->ask_lock);
        cJSON_Delete(front->answer);
        front->answer = answer;
        (void)pthread_cond_signal(&front->answered);
        (void)pthread_mutex_unlock(&front->ask_lock);
    }
    (void)pthread_mutex_lock(&front->ask_lock);
    front->over = 1;
    (void)pthread_cond_broadcast(&front->answered);
    (void)pthread_mutex_unlock(&front->ask_lock);
}

void
front_child(const struct front_config *config, int fd)
{
    struct front                  front = {.config = config,
                                           .fd = fd,
                                           .lock = PTHREAD_MUTEX_INITIALIZER,
                                           .ask_lock = PTHREAD_MUTEX_INITIALIZER,
                                           .answered = PTHREAD_COND_INITIALIZER,
                                           .stop_fd = eventfd(0, EFD_CLOEXEC)};
    const struct poc_engine_ops   ops = {&front,      op_init, op_generate, op_validate_phase,
                                         op_validate, op_stop, op_status};
    const struct poc_httpd_config http = {.address = config->address, .port = config->port, .ops = &ops};
    struct poc_httpd             *httpd = NULL;
    char                          why[512];
    uint64_t                      one = 1;
    pthread_t                     sender;
    cJSON                        *json;

    ga_http_setup();
    if (poc_httpd_start(&http, &httpd, why, sizeof(why)) < 0) {
        json = message("failed");
        (void)cJSON_AddStringToObject(json, "why", why);
        (void)tell(&front, json);
        return;
    }
    json = message("listening");
    (void)cJSON_AddNumberToObject(json, "port", poc_httpd_port(httpd));
    (void)tell(&front, json);
    if (pthread_create(&sender, NULL, send_thread, &front) != 0) {
        note(&front, LOG_ERR, "no thread for sending");
        return;
    }
    read_answers(&front);
    if (write(front.stop_fd, &one, sizeof(one)) == sizeof(one))
        (void)pthread_join(sender, NULL);
    poc_httpd_stop(httpd);
    poc_queue_close(front.queue);
}

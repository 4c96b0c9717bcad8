/* nats.c: connections, requests and subscriptions. libnats' threads put into queues; the caller's thread polls. */
#include "kit/nats_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES_MAX 4096 /* unread: more are dropped, newest first: whoever reads so slowly looks anew anyway */
#define LOGIN_TRIES 6     /* each is in vain with a chance of 1 in 256, see sign() in nats_login.c */
#define PING_MS 5000

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static int             users; /* connections open: with the last one libnats goes */

int64_t
nats_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
wake(const struct ga_nats *nats)
{
    uint64_t one = 1;

    if (write(nats->wake_fd, &one, sizeof(one)) < 0)
        return; /* EAGAIN: it is full, so the reader will wake */
}

static int
queue_put(struct nats_queue *queue, natsMsg *msg)
{
    struct nats_item *item = calloc(1, sizeof(*item));

    if (!item)
        return -ENOMEM;
    item->msg = msg;
    if (queue->tail)
        queue->tail->next = item;
    else
        queue->head = item;
    queue->tail = item;
    queue->n++;
    return 0;
}

static natsMsg *
queue_take(struct nats_queue *queue)
{
    struct nats_item *item = queue->head;
    natsMsg          *msg;

    if (!item)
        return NULL;
    msg = item->msg;
    queue->head = item->next;
    if (!queue->head)
        queue->tail = NULL;
    queue->n--;
    free(item);
    return msg;
}

/* --- called by libnats' threads ------------------------------------------------------------------------------------
 */

static void
put(struct ga_nats *nats, struct nats_queue *queue, natsMsg *msg)
{
    int taken;

    (void)pthread_mutex_lock(&nats->lock);
    taken = queue->n < MESSAGES_MAX && queue_put(queue, msg) == 0;
    (void)pthread_mutex_unlock(&nats->lock);
    if (taken)
        wake(nats);
    else
        natsMsg_Destroy(msg);
}

static void
on_answer(natsConnection *connection, natsSubscription *sub, natsMsg *msg, void *userdata)
{
    struct ga_nats *nats = userdata;

    (void)connection;
    (void)sub;
    put(nats, &nats->answers, msg);
}

static void
on_message(natsConnection *connection, natsSubscription *sub, natsMsg *msg, void *userdata)
{
    struct ga_nats *nats = userdata;

    (void)connection;
    (void)sub;
    put(nats, &nats->messages, msg);
}

static void
on_closed(natsConnection *connection, void *userdata)
{
    struct ga_nats *nats = userdata;
    const char     *text = NULL;
    natsStatus      status = natsConnection_GetLastError(connection, &text);

    (void)pthread_mutex_lock(&nats->lock);
    nats->closed = 1;
    (void)snprintf(nats->closed_why, sizeof(nats->closed_why), "%s",
                   text && *text ? text : natsStatus_GetText(status == NATS_OK ? NATS_CONNECTION_CLOSED : status));
    (void)pthread_mutex_unlock(&nats->lock);
    wake(nats);
}

static void
on_error(natsConnection *connection, natsSubscription *sub, natsStatus status, void *userdata)
{
    struct ga_nats *nats = userdata;
    const char     *text = NULL;

    (void)sub;
    if (status != NATS_NOT_PERMITTED)
        return;
    (void)natsConnection_GetLastError(connection, &text);
    (void)pthread_mutex_lock(&nats->lock);
    (void)snprintf(nats->denied, sizeof(nats->denied), "%s", text && *text ? text : "permissions violation");
    (void)pthread_mutex_unlock(&nats->lock);
    wake(nats);
}

/* --- connect and close ---------------------------------------------------------------------------------------------
 */

static void
library_hold(void)
{
    (void)pthread_mutex_lock(&users_lock);
    users++;
    (void)pthread_mutex_unlock(&users_lock);
}

static void
library_release(void)
{
    (void)pthread_mutex_lock(&users_lock);
    if (--users == 0)
        (void)nats_CloseAndWait(2000);
    (void)pthread_mutex_unlock(&users_lock);
}

/* libnats tells the end of a connection from a thread of its own: that must not find freed memory. */
static void
wait_closed(struct ga_nats *nats)
{
    struct pollfd poller = {.fd = nats->wake_fd, .events = POLLIN};
    int64_t       deadline = nats_now_ms() + 2000;
    int           closed = 0;
    uint64_t      count;

    while (!closed && nats_now_ms() < deadline) {
        (void)pthread_mutex_lock(&nats->lock);
        closed = nats->closed;
        (void)pthread_mutex_unlock(&nats->lock);
        if (!closed && poll(&poller, 1, 100) == 1 && read(nats->wake_fd, &count, sizeof(count)) < 0)
            continue;
    }
}

void
ga_nats_close(struct ga_nats *nats)
{
    natsMsg *msg;

    if (!nats)
        return;
    for (size_t i = 0; i < nats->n_subs; i++)
        natsSubscription_Destroy(nats->subs[i]);
    natsSubscription_Destroy(nats->replies);
    natsConnection_Destroy(nats->connection);
    if (nats->connection)
        wait_closed(nats);
    library_release();
    while ((msg = queue_take(&nats->answers)))
        natsMsg_Destroy(msg);
    while ((msg = queue_take(&nats->messages)))
        natsMsg_Destroy(msg);
    nats_login_done(&nats->login);
    if (nats->wake_fd >= 0)
        (void)close(nats->wake_fd);
    (void)pthread_mutex_destroy(&nats->lock);
    free(nats->subs);
    free(nats);
}

static natsStatus
set_options(struct ga_nats *nats, const struct ga_nats_config *config, const char *url, natsOptions *options)
{
    natsStatus s = natsOptions_SetURL(options, url);

    if (s == NATS_OK)
        s = natsOptions_SetName(options, config->name ? config->name : "gonka-agent");
    if (s == NATS_OK)
        s = natsOptions_SetTimeout(options, config->connect_timeout_ms > 0 ? config->connect_timeout_ms : 5000);
    if (s == NATS_OK)
        s = natsOptions_SetAllowReconnect(options, false);
    if (s == NATS_OK)
        s = natsOptions_SetIgnoreDiscoveredServers(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetPingInterval(options, PING_MS);
    if (s == NATS_OK)
        s = natsOptions_SetMaxPingsOut(options, 2);
    if (s == NATS_OK)
        s = natsOptions_SetSendAsap(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetClosedCB(options, on_closed, nats);
    if (s == NATS_OK)
        s = natsOptions_SetErrorHandler(options, on_error, nats);
    return s;
}

/* Each try signs a new nonce of the server. */
static natsStatus
log_in(struct ga_nats *nats, natsOptions *options)
{
    natsStatus status = NATS_OK;

    for (int i = 0; i < LOGIN_TRIES; i++) {
        nats->login.unsent = 0;
        status = natsConnection_Connect(&nats->connection, options);
        if (status == NATS_OK || !nats->login.unsent)
            break;
    }
    return status;
}

/* One server. 0, or -1 with *err. */
static int
try_server(struct ga_nats *nats, const struct ga_nats_config *config, const char *url, struct ga_nats_error *err)
{
    natsOptions *options = NULL;
    natsStatus   status = natsOptions_Create(&options);
    int          r = -1;

    nats_redact(url, nats->url, sizeof(nats->url));
    if (status == NATS_OK)
        status = set_options(nats, config, url, options);
    if (status != NATS_OK) {
        nats_say(err, GA_NATS_CONFIG, "%s: libnats cannot use this URL: %s", nats->url, natsStatus_GetText(status));
    } else if (nats_probe(err, config, nats->url) == 0 && nats_tls_set(config, url, options, err) == 0 &&
               nats_login_set(&nats->login, config, options, err) == 0) {
        status = log_in(nats, options);
        if (status == NATS_OK)
            r = 0;
        else if (nats->login.failed)
            nats_say(err, GA_NATS_CONFIG, "%s: the seed cannot sign: it is damaged, make it anew", nats->url);
        else
            nats_why_connect(err, config, nats->url, status);
    }
    natsOptions_Destroy(options);
    if (r < 0)
        nats_login_done(&nats->login);
    return r;
}

static int
open_inbox(struct ga_nats *nats, struct ga_nats_error *err)
{
    natsInbox *inbox = NULL;
    char       subject[80];
    natsStatus status = natsInbox_Create(&inbox);

    if (status == NATS_OK) {
        (void)snprintf(nats->inbox, sizeof(nats->inbox), "%s", inbox);
        natsInbox_Destroy(inbox);
        (void)snprintf(subject, sizeof(subject), "%s.*", nats->inbox);
        status = natsConnection_Subscribe(&nats->replies, nats->connection, subject, on_answer, nats);
    }
    if (status == NATS_OK)
        return 0;
    nats_say(err, GA_NATS_OTHER, "%s: cannot listen for answers: %s", nats->url, natsStatus_GetText(status));
    return -1;
}

static struct ga_nats *
nats_new(const struct ga_nats_config *config, struct ga_nats_error *err)
{
    struct ga_nats *nats = calloc(1, sizeof(*nats));

    if (!nats) {
        nats_say(err, GA_NATS_OTHER, "out of memory");
        return NULL;
    }
    nats->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    nats->cancel_fd = config->cancel_fd > 0 ? config->cancel_fd : -1;
    nats->timeout_ms = config->request_timeout_ms > 0 ? config->request_timeout_ms : 10000;
    (void)snprintf(nats->prefix, sizeof(nats->prefix), "%s",
                   config->api_prefix && *config->api_prefix ? config->api_prefix : "$JS.API");
    (void)pthread_mutex_init(&nats->lock, NULL);
    library_hold();
    if (nats->wake_fd >= 0)
        return nats;
    nats_say(err, GA_NATS_OTHER, "cannot make an eventfd: %s", strerrorname_np(errno));
    ga_nats_close(nats);
    return NULL;
}

static int
is_cancelled(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    return fd >= 0 && poll(&poller, 1, 0) == 1;
}

struct ga_nats *
ga_nats_connect(const struct ga_nats_config *config, struct ga_nats_error *reterr)
{
    struct ga_nats_error all = {0};
    struct ga_nats      *nats = nats_new(config, reterr);

    if (!nats)
        return NULL;
    nats_say(&all, GA_NATS_CONFIG, "no server is given: name one in `servers`");
    for (size_t i = 0; i < config->n_servers; i++) {
        size_t used = i == 0 ? 0 : strlen(all.text);

        if (config->tick)
            config->tick(config->userdata);
        if (is_cancelled(nats->cancel_fd)) {
            nats_say(&all, GA_NATS_CANCELLED, "cancelled while connecting");
            break;
        }
        if (try_server(nats, config, config->servers[i], reterr) == 0) {
            if (open_inbox(nats, reterr) == 0)
                return nats;
            ga_nats_close(nats);
            return NULL;
        }
        /* The first reason decides: later servers are stand-ins. */
        if (i == 0)
            all.why = reterr->why;
        if (sizeof(all.text) - used > 3)
            (void)snprintf(all.text + used, sizeof(all.text) - used, "%s%.*s", i == 0 ? "" : "; ",
                           (int)(sizeof(all.text) - used - 3), reterr->text);
    }
    *reterr = all;
    ga_nats_close(nats);
    return NULL;
}

const char *
ga_nats_url(const struct ga_nats *nats)
{
    return nats->url;
}

int
ga_nats_alive(const struct ga_nats *nats)
{
    return natsConnection_Status(nats->connection) == NATS_CONN_STATUS_CONNECTED;
}

/* --- waiting -------------------------------------------------------------------------------------------------------
 */

/* Is it the answer? A message that JetStream hands out keeps its own subject; else the subject is that of the reply. */
static int
answers(const struct ga_nats *nats, natsMsg *msg, const char *reply)
{
    const char *subject = natsMsg_GetSubject(msg);

    return strcmp(subject, reply) == 0 || strncmp(subject, nats->inbox, strlen(nats->inbox)) != 0;
}

/* What the threads left, under the lock. 1 a message in *ret, 0 nothing, -1 the end with *err. */
static int
look_at(struct ga_nats *nats, struct nats_queue *queue, const char *reply, const char *subject, natsMsg **ret,
        struct ga_nats_error *err)
{
    natsMsg *msg;
    int      r = 0;

    (void)pthread_mutex_lock(&nats->lock);
    while (r == 0 && (msg = queue_take(queue))) {
        if (!reply || answers(nats, msg, reply)) {
            *ret = msg;
            r = 1;
        } else {
            natsMsg_Destroy(msg); /* the answer to a question that was given up */
        }
    }
    if (r == 0 && nats->denied[0] && subject) {
        nats_say(err, GA_NATS_AUTH, "%s: not authorised: the server says '%s': allow it to this user there", nats->url,
                 nats->denied);
        nats->denied[0] = 0;
        r = -1;
    } else if (r == 0 && nats->closed) {
        nats_say(err, GA_NATS_LOST, "%s: the connection was lost (%s): is the server up", nats->url, nats->closed_why);
        r = -1;
    }
    (void)pthread_mutex_unlock(&nats->lock);
    return r;
}

/* Until there is one, or the deadline. 1, 0, -1 with *err. */
static int
wait_for(struct ga_nats *nats, struct nats_queue *queue, const char *reply, const char *subject, int64_t deadline,
         natsMsg **ret, struct ga_nats_error *err)
{
    struct pollfd pollers[2] = {{.fd = nats->wake_fd, .events = POLLIN}, {.fd = nats->cancel_fd, .events = POLLIN}};

    for (;;) {
        uint64_t count;
        int64_t  left;
        int      r = look_at(nats, queue, reply, subject, ret, err);

        if (r != 0)
            return r;
        left = deadline - nats_now_ms();
        if (left <= 0)
            return 0;
        if (poll(pollers, 2, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR) {
            nats_say(err, GA_NATS_OTHER, "cannot wait: %s", strerrorname_np(errno));
            return -1;
        }
        if (pollers[1].revents) {
            nats_say(err, GA_NATS_CANCELLED, "%s: cancelled while waiting%s%s", nats->url, subject ? " for " : "",
                     subject ? subject : "");
            return -1;
        }
        if (pollers[0].revents && read(nats->wake_fd, &count, sizeof(count)) < 0)
            continue; /* another look will tell */
    }
}

/* --- requests ------------------------------------------------------------------------------------------------------
 */

/* Takes the answer's bytes. */
static int
answer_out(const struct ga_nats *nats, natsMsg *msg, const char *subject, char **ret, size_t *ret_len,
           struct ga_nats_error *err)
{
    size_t len = (size_t)natsMsg_GetDataLength(msg);
    char  *copy;

    if (natsMsg_IsNoResponders(msg)) {
        nats_say(err, GA_NATS_ABSENT,
                 "%s: nobody answers %s: JetStream is not enabled on this server, or api_prefix names another domain: "
                 "enable it there, or correct api_prefix",
                 nats->url, subject);
        return -1;
    }
    copy = malloc(len + 1);
    if (!copy) {
        nats_say(err, GA_NATS_OTHER, "out of memory for an answer of %zu bytes", len);
        return -1;
    }
    if (len > 0)
        memcpy(copy, natsMsg_GetData(msg), len);
    copy[len] = 0;
    *ret = copy;
    *ret_len = len;
    return 0;
}

int
ga_nats_request(struct ga_nats *nats, const char *subject, const char *body, int64_t timeout_ms, char **ret,
                size_t *ret_len, struct ga_nats_error *reterr)
{
    char       reply[96];
    natsMsg   *msg = NULL;
    natsStatus status;
    int        r;

    if (timeout_ms <= 0)
        timeout_ms = nats->timeout_ms;
    (void)snprintf(reply, sizeof(reply), "%s.%lu", nats->inbox, ++nats->asked);
    status = natsConnection_PublishRequestString(nats->connection, subject, reply, body ? body : "");
    /* A lost connection or a refusal has its reason in what the threads left: look there first. */
    r = wait_for(nats, &nats->answers, reply, subject, status == NATS_OK ? nats_now_ms() + timeout_ms : nats_now_ms(),
                 &msg, reterr);
    if (r == 1) {
        r = answer_out(nats, msg, subject, ret, ret_len, reterr);
        natsMsg_Destroy(msg);
        return r;
    }
    if (r == 0 && status != NATS_OK && status != NATS_TIMEOUT)
        nats_say(reterr, status == NATS_CONNECTION_CLOSED ? GA_NATS_LOST : GA_NATS_OTHER,
                 "%s: cannot send %s: %s: is the server up", nats->url, subject, natsStatus_GetText(status));
    else if (r == 0)
        nats_say(reterr, GA_NATS_TIMEOUT,
                 "%s: no answer to %s within %" PRId64 " ms: is the server overloaded or stopped; look before asking "
                 "again",
                 nats->url, subject, timeout_ms);
    return -1;
}

int
ga_nats_publish(struct ga_nats *nats, const char *subject, const void *data, size_t len, struct ga_nats_error *reterr)
{
    natsStatus status = natsConnection_Publish(nats->connection, subject, data, (int)len);

    if (status == NATS_OK)
        return 0;
    nats_say(reterr, status == NATS_CONNECTION_CLOSED ? GA_NATS_LOST : GA_NATS_OTHER, "%s: cannot publish to %s: %s",
             nats->url, subject, natsStatus_GetText(status));
    return -1;
}

/* --- subscriptions -------------------------------------------------------------------------------------------------
 */

int
ga_nats_subscribe(struct ga_nats *nats, const char *subject, struct ga_nats_error *reterr)
{
    natsSubscription **grown = reallocarray(nats->subs, nats->n_subs + 1, sizeof(*nats->subs));
    natsStatus         status = NATS_NO_MEMORY;
    const char        *words = NULL;

    if (grown) {
        nats->subs = grown;
        status = natsConnection_Subscribe(&grown[nats->n_subs], nats->connection, subject, on_message, nats);
    }
    if (status == NATS_OK) {
        nats->n_subs++;
        /* The server's answer to the flush comes after its word on the subscription. */
        status = natsConnection_FlushTimeout(nats->connection, nats->timeout_ms);
    }
    if (status == NATS_OK && natsConnection_GetLastError(nats->connection, &words) == NATS_NOT_PERMITTED) {
        nats_say(reterr, GA_NATS_AUTH, "%s: not authorised to subscribe to %s (%s): allow it to this user there",
                 nats->url, subject, words ? words : "");
        return -1;
    }
    if (status == NATS_OK)
        return 0;
    nats_say(reterr, status == NATS_CONNECTION_CLOSED ? GA_NATS_LOST : GA_NATS_OTHER, "%s: cannot subscribe to %s: %s",
             nats->url, subject, natsStatus_GetText(status));
    return -1;
}

int
ga_nats_next(struct ga_nats *nats, int64_t timeout_ms, struct ga_nats_message *ret, struct ga_nats_error *reterr)
{
    natsMsg *msg = NULL;
    int      r = wait_for(nats, &nats->messages, NULL, "a message", nats_now_ms() + timeout_ms, &msg, reterr);

    if (r != 1)
        return r;
    ret->subject = strdup(natsMsg_GetSubject(msg));
    ret->reply = natsMsg_GetReply(msg) ? strdup(natsMsg_GetReply(msg)) : NULL;
    ret->len = 0;
    ret->data = NULL;
    if (!ret->subject || (natsMsg_GetReply(msg) && !ret->reply) ||
        answer_out(nats, msg, ret->subject, &ret->data, &ret->len, reterr) < 0) {
        ga_nats_message_free(ret);
        r = -1;
    }
    natsMsg_Destroy(msg);
    return r;
}

void
ga_nats_message_free(struct ga_nats_message *message)
{
    free(message->subject);
    free(message->reply);
    free(message->data);
    message->subject = NULL;
    message->reply = NULL;
    message->data = NULL;
}

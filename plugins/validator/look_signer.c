/* look_signer.c: the key that this host really signs with, and whether its signer lives. */
#include "plugins/validator/look.h"
#include "plugins/validator/public_key.h"

#include "kit/files.h"
#include "kit/http.h"
#include "kit/when.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define DOCKER_API "v1.41"
#define START_LOG_S 300 /* tmkms prints its key when it starts */
#define BLOCK_POLL_MS 200

static int64_t
now(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

static int
signer_is(struct ga_run *run, const struct ga_host *host, const char *kind)
{
    return strcmp(host->str(run, "signer"), kind) == 0;
}

/* --- Docker --------------------------------------------------------------------------------------------------------
 */

/* The socket, and a name that can be part of a URL. 0, -1 with a sentence. */
static int
container_named(struct ga_run *run, const struct ga_host *host, const char **ret_name, const char **ret_socket,
                char *why)
{
    *ret_name = host->str(run, "signer_container");
    *ret_socket = host->has(run, "docker_socket") ? host->str(run, "docker_socket") : NULL;
    if (!**ret_name || strlen(*ret_name) > 200 || strspn(*ret_name, ALPHABET) != strlen(*ret_name)) {
        (void)snprintf(why, VAL_WHY, "option signer_container is no name of a container");
        return -1;
    }
    if (!*ret_socket) {
        (void)snprintf(why, VAL_WHY,
                       "Docker cannot be asked for the container %.200s: set docker_socket (/var/run/docker.sock)",
                       *ret_name);
        return -1;
    }
    return 0;
}

static enum val_known
ask_container(struct ga_run *run, const struct ga_host *host, struct val_container *ret, char *why)
{
    const char            *name;
    const char            *socket;
    char                   url[300];
    char                   problem[VAL_WHY];
    struct ga_http_request request = {
        .url = url, .connect_ms = 3000, .total_ms = 5000, .max_answer = 4u << 20, .cancel_fd = host->cancel_fd(run)};
    cJSON         *answer = NULL;
    long           status = 0;
    enum val_known known = VAL_UNKNOWN;

    if (container_named(run, host, &name, &socket, why) < 0)
        return VAL_UNKNOWN;
    request.unix_socket = socket;
    (void)snprintf(url, sizeof(url), "http://localhost/" DOCKER_API "/containers/%s/json", name);
    if (ga_http_json(&request, &answer, &status, problem, sizeof(problem)) < 0) {
        known = status == 404 ? VAL_ABSENT : VAL_UNKNOWN;
        (void)snprintf(why, VAL_WHY,
                       status == 404 ? "there is no container %.200s" : "Docker, container %.200s: %.300s", name,
                       problem);
    } else if (val_read_container(answer, ret, problem) < 0) {
        (void)snprintf(why, VAL_WHY, "Docker, container %.200s: %.300s", name, problem);
    } else {
        known = VAL_KNOWN;
    }
    cJSON_Delete(answer);
    return known;
}

/* What the container has written since it started. */
static void
look_at_log(struct ga_run *run, const struct ga_host *host, struct val_seen *ret)
{
    struct val_item       *item = &ret->log_item;
    const char            *name;
    const char            *socket;
    struct val_container   container;
    char                   url[400];
    struct ga_http_request request = {
        .url = url, .connect_ms = 3000, .total_ms = 5000, .max_answer = 4u << 20, .cancel_fd = host->cancel_fd(run)};
    struct ga_http_answer answer;
    long long             since;

    item->wanted = 1;
    if (ask_container(run, host, &container, item->why) != VAL_KNOWN ||
        container_named(run, host, &name, &socket, item->why) < 0)
        return;
    request.unix_socket = socket;
    since = container.started_ns > SECOND ? container.started_ns / SECOND - 1 : 0;
    (void)snprintf(url, sizeof(url),
                   "http://localhost/" DOCKER_API "/containers/%s/logs?stdout=1&stderr=1&since=%lld&until=%lld", name,
                   since, since + 1 + START_LOG_S);
    if (ga_http(&request, &answer) != GA_HTTP_OK)
        (void)snprintf(item->why, VAL_WHY, "the log of the container %.200s: %.300s", name, answer.error);
    else if (answer.status != 200)
        (void)snprintf(item->why, VAL_WHY, "the log of the container %.200s: Docker answered with status %ld", name,
                       answer.status);
    else if (val_key_from_log(answer.body ? answer.body : "", answer.len, ret->log_key) < 0)
        (void)snprintf(item->why, VAL_WHY,
                       "the log of the container %.200s has no public key: restart it (tmkms prints it at its start), "
                       "or set signer_log: false",
                       name);
    else
        item->known = VAL_KNOWN;
    ga_http_done(&answer);
}

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

void
val_look_keys(struct ga_run *run, const struct ga_host *host, struct val_seen *ret)
{
    if (host->has(run, "key_file")) {
        ret->file_item.wanted = 1;
        if (val_key_from_file(host->str(run, "key_file"), ret->file_key, ret->file_item.why) == 0)
            ret->file_item.known = VAL_KNOWN;
    }
    if (signer_is(run, host, "container") && host->num(run, "signer_log"))
        look_at_log(run, host, ret);
}

/* --- is it alive? --------------------------------------------------------------------------------------------------
 */

static void
look_at_container(struct ga_run *run, const struct ga_host *host, struct val_seen *ret)
{
    struct val_item     *item = &ret->signer_item;
    struct val_container container;
    const char          *name = host->str(run, "signer_container");
    char                 age[48];
    int64_t              up;

    item->known = ask_container(run, host, &container, item->why);
    if (item->known != VAL_KNOWN)
        return;
    up = container.started_ns > 0 ? now(CLOCK_REALTIME) - container.started_ns : 0;
    if (!container.running || container.restarting) {
        item->known = VAL_ABSENT;
        (void)snprintf(item->why, VAL_WHY, "the container %.200s is %s", name,
                       container.restarting ? "restarting over and over" : "not running");
    } else if (up < host->num(run, "signer_up")) {
        item->known = VAL_ABSENT;
        (void)snprintf(item->why, VAL_WHY, "the container %.200s runs since %s only: it may be failing and restarting",
                       name, ga_when_span(up, age, sizeof(age)));
    }
}

static void
look_at_state(struct ga_run *run, const struct ga_host *host, struct val_seen *ret)
{
    struct val_item *item = &ret->state_item;
    const char      *path = host->str(run, "signer_state");
    char             problem[VAL_WHY] = "";
    char            *text = NULL;
    size_t           len = 0;

    item->wanted = 1;
    if (ga_file_read(path, 64u << 10, &text, &len, problem, sizeof(problem)) < 0)
        (void)snprintf(item->why, VAL_WHY, "%.590s", problem);
    else if (val_state_height(text, len, &ret->state_height, problem) < 0)
        (void)snprintf(item->why, VAL_WHY, "%.300s: %.200s", path, problem);
    else
        item->known = VAL_KNOWN;
    free(text);
}

void
val_look_signer(struct ga_run *run, const struct ga_host *host, struct val_seen *ret)
{
    struct val_item *item = &ret->signer_item;

    item->wanted = 1;
    if (signer_is(run, host, "container")) {
        look_at_container(run, host, ret);
    } else if (signer_is(run, host, "node")) {
        item->known = ret->node_item.known;
        (void)snprintf(item->why, VAL_WHY, "%s", ret->node_item.why);
    } else {
        (void)snprintf(item->why, VAL_WHY,
                       "who signs on this host is not said: set signer to container (tmkms) or node");
    }
    if (host->has(run, "signer_state"))
        look_at_state(run, host, ret);
}

/* --- blocks --------------------------------------------------------------------------------------------------------
 */

void
val_look_blocks(struct ga_run *run, const struct ga_host *host, const struct val_chain *chain, struct val_seen *ret)
{
    struct val_item *item = &ret->blocks_item;
    int64_t          until = now(CLOCK_MONOTONIC) + host->num(run, "block_wait");
    struct pollfd    cancel = {.fd = host->cancel_fd(run), .events = POLLIN};

    item->wanted = 1;
    if (ret->node_item.known != VAL_KNOWN) {
        (void)snprintf(item->why, VAL_WHY, "%.590s", ret->node_item.why);
        return;
    }
    host->progress(run, "waiting for a block", 0, 0);
    for (;;) {
        struct ga_chain_status status;
        struct ga_chain_error  error;

        if (ga_chain_status(&chain->setup.sources[0], &status, &error) != GA_CHAIN_OK) {
            (void)snprintf(item->why, VAL_WHY, "%.590s", error.text);
            return;
        }
        if (status.height > ret->node_height) {
            item->known = VAL_KNOWN;
            return;
        }
        if (now(CLOCK_MONOTONIC) >= until)
            break;
        if (poll(&cancel, 1, BLOCK_POLL_MS) > 0) {
            (void)snprintf(item->why, VAL_WHY, "the run was cancelled");
            return;
        }
    }
    item->known = VAL_ABSENT;
    (void)snprintf(item->why, VAL_WHY, "this host's node stands at height %lld: no new block came",
                   (long long)ret->node_height);
}

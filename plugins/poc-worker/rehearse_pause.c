/* rehearse_pause.c: the API container is paused for a rehearsal, and unpaused whatever happens: a record is in the
 * plugin's state before it is paused, until it is seen unpaused. */
#include "plugins/poc-worker/rehearse.h"

#include "plugins/poc-worker/tasks.h"

#include "kit/http.h"
#include "kit/json.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define DOCKER_API "v1.41"
#define DOCKER_MS 3000
#define TRIES 3
#define RECORD "rehearse"

/* --- Docker --------------------------------------------------------------------------------------------------------
 */

/* Is it paused? 1 or 0; -1 with a sentence: it is not known, or not running at all. */
static int
look(const char *socket, const char *name, char *why, size_t len)
{
    char                   url[400];
    char                   problem[768];
    struct ga_http_request request = {.url = url,
                                      .unix_socket = socket,
                                      .connect_ms = DOCKER_MS,
                                      .total_ms = DOCKER_MS,
                                      .max_answer = 4u << 20,
                                      .cancel_fd = -1};
    cJSON                 *answer = NULL;
    const cJSON           *state;
    long                   status = 0;
    int                    paused = -1;

    (void)snprintf(url, sizeof(url), "http://localhost/" DOCKER_API "/containers/%.250s/json", name);
    if (ga_http_json(&request, &answer, &status, problem, sizeof(problem)) < 0) {
        (void)snprintf(why, len,
                       status == 404 ? "there is no container %.200s: docker ps -a shows the names"
                                     : "cannot ask Docker for container %.200s (%.400s): is docker_socket right, and "
                                       "may the agent's user use it (group docker)",
                       name, problem);
        return -1;
    }
    state = ga_json_get(answer, "State");
    if (ga_json_bool(state, "Running", 0))
        paused = ga_json_bool(state, "Paused", 0);
    else
        (void)snprintf(why, len,
                       "container %.200s is not running: there is nothing to pause; leave pause_container out", name);
    cJSON_Delete(answer);
    return paused;
}

/* POST .../pause or /unpause, then looks. 0, or -1 with a sentence. */
static int
turn(const char *socket, const char *name, int pause, char *why, size_t len)
{
    char                   url[400];
    struct ga_http_request request = {.url = url,
                                      .method = "POST",
                                      .unix_socket = socket,
                                      .connect_ms = DOCKER_MS,
                                      .total_ms = DOCKER_MS,
                                      .cancel_fd = -1};
    struct ga_http_answer  answer;

    (void)snprintf(url, sizeof(url), "http://localhost/" DOCKER_API "/containers/%.250s/%s", name,
                   pause ? "pause" : "unpause");
    if (ga_http(&request, &answer) != GA_HTTP_OK)
        (void)snprintf(why, len, "Docker, container %.200s: %.400s", name, answer.error);
    else if (answer.status < 200 || answer.status > 299)
        (void)snprintf(why, len, "Docker, container %.200s: status %ld: %.300s", name, answer.status,
                       answer.body ? answer.body : "");
    else
        (void)snprintf(why, len, "Docker took the request, but container %.200s is as it was", name);
    ga_http_done(&answer);
    return look(socket, name, why, len) == pause ? 0 : -1;
}

/* Several times: a container that stays paused is worse than a wait. 0, or -1 with a sentence. */
static int
unpause(const char *socket, const char *name, char *why, size_t len)
{
    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            (void)poll(NULL, 0, 300);
        if (turn(socket, name, 0, why, len) == 0)
            return 0;
    }
    return -1;
}

/* --- the record ----------------------------------------------------------------------------------------------------
 */

/* 0 or -1. */
static int
record(struct rehearse *self, const char *socket, const char *name)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;
    int    r = -1;

    if (name) {
        (void)cJSON_AddStringToObject(json, "container", name);
        (void)cJSON_AddStringToObject(json, "socket", socket);
        (void)cJSON_AddStringToObject(json, "node", self->url);
    }
    text = json ? ga_json_print(json) : NULL;
    if (text)
        r = self->host->state_put(self->run, RECORD, text, strlen(text));
    free(text);
    cJSON_Delete(json);
    return r;
}

int
rehearse_undo_act(struct rehearse *self, const char *verb, const char *object)
{
    int r = self->host->act(self->run, verb, object, "{\"why\":\"undoes what this task did\"}");

    if (r == GA_ACT_REFUSED)
        self->host->log(self->run, GA_LOG_WARNING,
                        "%s of %s is done although no further act is allowed (%s): it undoes what this task did", verb,
                        object, self->host->act_why(self->run));
    return r;
}

/* --- pausing -------------------------------------------------------------------------------------------------------
 */

/* Unpauses, as an act, and forgets the record. 0, or -1 with a sentence; 1 in a dry run. */
static int
bring_back(struct rehearse *self, const char *socket, const char *name, char *why, size_t len)
{
    char object[300];
    int  asked;
    int  r;

    (void)snprintf(object, sizeof(object), "container %.250s", name);
    asked = rehearse_undo_act(self, "unpause", object);
    if (asked == GA_ACT_DRY)
        return 1;
    r = unpause(socket, name, why, len);
    if (asked == GA_ACT_DO)
        self->host->acted(self->run, r == 0, r == 0 ? "it runs" : why);
    if (r == 0)
        (void)record(self, NULL, NULL);
    return r;
}

/* What the record says is paused, still is. */
static int
repair(struct rehearse *self, const char *socket, const char *name, char *why, size_t len)
{
    char problem[REHEARSE_WHY] = "";
    int  is_paused = look(socket, name, problem, sizeof(problem));

    if (is_paused == 0) {
        (void)record(self, NULL, NULL);
        return GA_OK;
    }
    if (is_paused < 0 || bring_back(self, socket, name, problem, sizeof(problem)) < 0) {
        (void)snprintf(
            why, len,
            "an earlier rehearsal that was killed paused container %.200s through %.200s, and whether it still "
            "is, or to unpause it, failed: %.400s; docker unpause %.200s",
            name, socket, problem, name);
        return is_paused < 0 ? GA_UNKNOWN : GA_FAILED;
    }
    (void)snprintf(self->repaired, sizeof(self->repaired),
                   "container %.150s, paused by a rehearsal that was killed, %s unpaused", name,
                   self->host->dry_run(self->run) ? "would be" : "was");
    self->host->log(self->run, GA_LOG_WARNING, "%s", self->repaired);
    return GA_CHANGED;
}

int
rehearse_repair(struct rehearse *self, char *why, size_t len)
{
    const void *bytes = NULL;
    size_t      n = 0;
    char        problem[256] = "";
    cJSON      *json;
    int         outcome = GA_OK;
    int         r = self->host->state_get(self->run, RECORD, &bytes, &n);

    if (r == 1)
        return GA_OK;
    json = r == 0 ? ga_json_parse(bytes, n, problem, sizeof(problem)) : NULL;
    if (!json) {
        (void)snprintf(why, len,
                       "the record of an earlier rehearsal cannot be read (%.200s): see whether the API container is "
                       "paused (docker ps), then remove the document '" RECORD "' of the plugin's state",
                       r == 0 ? problem : "the log has why");
        return GA_UNKNOWN;
    }
    if (ga_json_str(json, "container") && ga_json_str(json, "socket"))
        outcome = repair(self, ga_json_str(json, "socket"), ga_json_str(json, "container"), why, len);
    if (ga_json_str(json, "node"))
        (void)snprintf(self->left_node, sizeof(self->left_node), "%s", ga_json_str(json, "node"));
    cJSON_Delete(json);
    return outcome;
}

int
rehearse_pause(struct rehearse *self, char *why, size_t len)
{
    const struct ga_host *host = self->host;
    const char           *name = host->str(self->run, "pause_container");
    const char           *socket = host->str(self->run, "docker_socket");
    char                  object[300];
    int                   is_paused;
    int                   asked;

    if (!name)
        return GA_OK;
    if (!*name || strlen(name) > 250 || strspn(name, ALPHABET) != strlen(name)) {
        (void)snprintf(why, len, "pause_container '%.80s' is no name of a container", name);
        return GA_FAILED;
    }
    is_paused = look(socket, name, why, len);
    if (is_paused < 0)
        return GA_UNKNOWN;
    if (is_paused) {
        host->log(self->run, GA_LOG_NOTICE, "container %s is paused already; whoever did that unpauses it", name);
        return GA_OK;
    }
    (void)snprintf(object, sizeof(object), "container %s", name);
    asked = host->act(self->run, "pause", object, "{\"until\":\"the rehearsal ends, however it ends\"}");
    if (asked == GA_ACT_DRY)
        return GA_CHANGED;
    if (asked != GA_ACT_DO) {
        (void)snprintf(why, len, "container %.200s was not paused: %.300s", name, host->act_why(self->run));
        return GA_REFUSED;
    }
    if (record(self, socket, name) < 0) {
        host->acted(self->run, 0, "no record of it could be kept, so it was not tried");
        (void)snprintf(why, len, "container %.200s was not paused: no record of it could be kept; the log has why",
                       name);
        return GA_FAILED;
    }
    self->is_paused = 1;
    is_paused = turn(socket, name, 1, why, len);
    host->acted(self->run, is_paused == 0, is_paused == 0 ? "it is paused" : why);
    return is_paused == 0 ? GA_CHANGED : GA_FAILED;
}

void
rehearse_unpause(struct rehearse *self)
{
    char why[REHEARSE_WHY] = "";

    if (!self->is_paused)
        return;
    self->is_paused = 0;
    if (bring_back(self, self->host->str(self->run, "docker_socket"), self->host->str(self->run, "pause_container"),
                   why, sizeof(why)) < 0)
        (void)rehearse_tell(self, REHEARSE_NOT_UNPAUSED, why);
}

/* --- the task `unpause` --------------------------------------------------------------------------------------------
 */

/* Runs of this plugin that change something never overlap: what the record says is nobody's who still works. */
int
unpause_task(struct ga_run *run, const struct ga_host *host)
{
    struct rehearse *self = calloc(1, sizeof(*self));
    char             why[1200] = "";
    int              outcome;

    if (!self)
        return host->end(run, GA_FAILED, "out of memory");
    self->run = run;
    self->host = host;
    outcome = rehearse_repair(self, why, sizeof(why));
    if (outcome == GA_OK)
        outcome = host->end(run, GA_OK, "no rehearsal has left a container paused");
    else if (outcome == GA_CHANGED)
        outcome = host->end(run, GA_CHANGED,
                            "%s; node %.500s may still generate for nobody: the API container takes it over, else POST "
                            "/api/v1/stop there",
                            self->repaired, self->left_node);
    else
        outcome = host->end(run, outcome, "%s", why);
    free(self);
    return outcome;
}

/* rehearse.c: the task `rehearse`: a machine-learning node is made to generate proofs for nobody, and what it posts is
 * checked. Whatever was changed for it is changed back, however it ends. */
#include "plugins/poc-worker/rehearse.h"

#include "plugins/poc-worker/tasks.h"

#include "kit/json.h"

#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define STATE_MS 30000 /* the network's own node answers nothing while it stops a worker, 10 s and more for each */
#define STOP_MS 600000 /* workers are joined, terminated, killed: that is how long it may take */
#define HURRY_MS 1500  /* the same when the run is being ended: it is killed 5 s after it was told */
#define STATUS_MS 1000 /* between questions how it goes */
#define GONE_MS 60000  /* without an answer: the node is gone */
#define FRAUD_THRESHOLD 0.01

enum rehearse_finding
rehearse_tell(struct rehearse *self, enum rehearse_finding finding, const char *why)
{
    if (self->n_told < REHEARSE_TOLD_MAX) {
        self->told[self->n_told].finding = finding;
        (void)snprintf(self->told[self->n_told++].why, REHEARSE_WHY, "%s", why);
    }
    return finding;
}

/* --- arguments -----------------------------------------------------------------------------------------------------
 */

/* A text of n hexadecimal digits that nobody has used before. 0 or -1. */
static int
make_up(char *ret, size_t n, const char *digits)
{
    unsigned char bytes[64];

    if (n > sizeof(bytes) || getrandom(bytes, n, 0) != (ssize_t)n)
        return -1;
    for (size_t i = 0; i < n; i++)
        ret[i] = digits[bytes[i] & 15];
    ret[n] = 0;
    return 0;
}

/* An argument's text; "" when it is not given. -1: too long. */
static int
text_arg(const struct rehearse *self, const char *key, char *ret, size_t len)
{
    const char *text = self->host->str(self->run, key);
    size_t      n = text ? strlen(text) : 0;

    if (n >= len)
        return -1;
    (void)snprintf(ret, len, "%s", text ? text : "");
    return 0;
}

static void
strip_slashes(char *url)
{
    size_t n = strlen(url);

    while (n > 0 && url[n - 1] == '/')
        url[--n] = 0;
}

static int
read_names(struct rehearse *self)
{
    if (text_arg(self, "url", self->url, sizeof(self->url)) < 0 ||
        text_arg(self, "block_hash", self->block_hash, sizeof(self->block_hash)) < 0 ||
        text_arg(self, "public_key", self->public_key, sizeof(self->public_key)) < 0 ||
        text_arg(self, self->host->has(self->run, "callback") ? "callback" : "listen", self->callback,
                 sizeof(self->callback) - sizeof(self->mark)) < 0)
        return self->host->end(self->run, GA_FAILED,
                               "url, callback, block_hash or public_key is longer than 500 bytes");
    strip_slashes(self->url);
    if (make_up(self->mark, 12, "0123456789abcdef") < 0)
        return self->host->end(self->run, GA_FAILED, "no random numbers for the callback");
    strip_slashes(self->callback);
    (void)snprintf(self->callback + strlen(self->callback), sizeof(self->callback) - strlen(self->callback), "/%s",
                   self->mark); /* what a node still has of an earlier rehearsal goes elsewhere */
    if (strncmp(self->callback, "http://", 7) != 0)
        return self->host->end(self->run, GA_FAILED, "callback '%.100s' is no http:// URL of this machine",
                               self->callback);
    if (!self->block_hash[0] && make_up(self->block_hash, 64, "0123456789ABCDEF") < 0)
        return self->host->end(self->run, GA_FAILED, "no random numbers for a block hash: name one (block_hash)");
    if (!self->public_key[0]) {
        (void)snprintf(self->public_key, sizeof(self->public_key), "02");
        if (make_up(self->public_key + 2, 64, "0123456789abcdef") < 0)
            return self->host->end(self->run, GA_FAILED, "no random numbers for a public key: name one (public_key)");
    }
    return GA_OK;
}

static int
read_args(struct rehearse *self)
{
    const struct ga_host *host = self->host;
    const char           *target = host->str(self->run, "r_target");
    char                 *end = NULL;
    char                  why[256];
    double                r_target = strtod(target, &end);
    int                   outcome = read_names(self);

    if (outcome != GA_OK)
        return outcome;
    if (end == target || *end || !isfinite(r_target) || r_target <= 0)
        return host->end(self->run, GA_FAILED, "r_target '%.40s' must be a number above 0, such as 1.4", target);
    if (poc_spec_params(host->str(self->run, "params"), &self->init.params, why, sizeof(why)) < 0)
        return host->end(self->run, GA_FAILED, "%s", why);
    self->init.node_id = host->num(self->run, "node_id");
    self->init.node_count = host->num(self->run, "node_count");
    self->init.block_hash = self->block_hash;
    self->init.block_height = host->num(self->run, "block_height");
    self->init.public_key = self->public_key;
    self->init.batch_size = 1;
    self->init.r_target = r_target;
    self->init.fraud_threshold = FRAUD_THRESHOLD;
    self->init.url = self->callback;
    self->want = (struct rehearse_want){.block_hash = self->block_hash,
                                        .block_height = self->init.block_height,
                                        .public_key = self->public_key,
                                        .node_id = self->init.node_id,
                                        .node_count = self->init.node_count,
                                        .r_target = r_target};
    return host->num(self->run, "sample") > 0 ? bout_check(self->run, host) : GA_OK;
}

/* --- before --------------------------------------------------------------------------------------------------------
 */

/* 1: a rehearsal of this very node was killed. */
static int
is_left(const struct rehearse *self)
{
    return self->repaired[0] && strcmp(self->left_node, self->url) == 0;
}

/* Asks for the state and whether it may be ended. GA_OK, or an outcome with its sentence in why (findings: told). */
static int
look(struct rehearse *self, char *why, size_t len)
{
    char                  state[sizeof(self->state_before)] = "";
    char                  problem[REHEARSE_WHY] = "";
    enum rehearse_finding finding = rehearse_node_state(self, STATE_MS, 0, state, sizeof(state), problem);

    if (finding != REHEARSE_WELL) {
        (void)rehearse_tell(self, finding, problem);
        return GA_UNKNOWN;
    }
    (void)snprintf(self->state_before, sizeof(self->state_before), "%s", state);
    (void)snprintf(self->state_after, sizeof(self->state_after), "%s", state);
    if (strcmp(state, "STOPPED") == 0 || self->host->num(self->run, "stop_serving"))
        return GA_OK;
    (void)snprintf(why, len,
                   "the node is in state %s%s, which a rehearsal would end: wait until it is idle, or give "
                   "stop_serving=true%s",
                   state, is_left(self) ? ", most likely begun by the rehearsal that was killed" : "",
                   self->host->has(self->run, "pause_container")
                       ? ""
                       : " (and pause_container=api, or the API container stops the rehearsal)");
    return GA_REFUSED;
}

/* What an act on the node is about: the state that it ends, or what is to be generated. NULL without memory. */
static char *
details_of(const struct rehearse *self, const char *verb)
{
    cJSON *json = cJSON_CreateObject();
    char  *text = NULL;

    if (strcmp(verb, "stop") == 0)
        (void)cJSON_AddStringToObject(json, "state", self->state_before);
    else {
        (void)cJSON_AddStringToObject(json, "block_hash", self->block_hash);
        (void)cJSON_AddStringToObject(json, "callback", self->callback);
    }
    text = json ? ga_json_print(json) : NULL;
    cJSON_Delete(json);
    return text;
}

/* An act on the node. GA_OK: do it; GA_CHANGED: dry run; GA_REFUSED with its sentence. */
static int
allowed(struct rehearse *self, const char *verb, char *why, size_t len)
{
    char  object[1100];
    char *details = details_of(self, verb);
    int   asked;

    (void)snprintf(object, sizeof(object), "node %s", self->url);
    asked = self->host->act(self->run, verb, object, details);
    free(details);
    if (asked == GA_ACT_REFUSED)
        (void)snprintf(why, len, "%s of the node was not allowed: %.300s", verb, self->host->act_why(self->run));
    return asked == GA_ACT_DO ? GA_OK : asked == GA_ACT_DRY ? GA_CHANGED : GA_REFUSED;
}

/* Ends what the node does. Outcomes as above; findings are told, with GA_FAILED. */
static int
end_service(struct rehearse *self, char *why, size_t len)
{
    char                  problem[REHEARSE_WHY] = "";
    enum rehearse_finding finding;
    int                   outcome;

    if (strcmp(self->state_before, "STOPPED") == 0)
        return GA_OK;
    outcome = allowed(self, "stop", why, len);
    if (outcome != GA_OK)
        return outcome;
    self->host->progress(self->run, "stopping what the node does", 0, 0);
    self->is_stopped = 1;
    finding = rehearse_node_stop(self, STOP_MS, 0, problem);
    self->host->acted(self->run, finding == REHEARSE_WELL, finding == REHEARSE_WELL ? "it is STOPPED" : problem);
    if (finding == REHEARSE_WELL)
        return GA_OK;
    (void)rehearse_tell(self, finding, problem);
    return GA_FAILED;
}

static int
begin_generation(struct rehearse *self, char *why, size_t len)
{
    char                  problem[REHEARSE_WHY] = "";
    enum rehearse_finding finding;
    int                   outcome = allowed(self, "generate", why, len);

    if (outcome != GA_OK)
        return outcome;
    self->host->progress(self->run, "asking the node to generate", 0, 0);
    self->is_begun = 1;
    finding = rehearse_node_generate(self, problem);
    self->host->acted(self->run, finding == REHEARSE_WELL, finding == REHEARSE_WELL ? "it took the request" : problem);
    self->begun_ms = poc_now_ms();
    if (finding == REHEARSE_WELL)
        return GA_OK;
    (void)rehearse_tell(self, finding, problem);
    return GA_FAILED;
}

/* --- meanwhile -----------------------------------------------------------------------------------------------------
 */

static enum rehearse_finding
take_letters(struct rehearse *self, struct rehearse_inbox *inbox, char *why)
{
    struct rehearse_letter letter;
    enum rehearse_finding  finding = REHEARSE_WELL;

    while (finding == REHEARSE_WELL && rehearse_inbox_take(inbox, &letter)) {
        size_t batches = self->got.batches;

        finding = rehearse_check_body(&self->want, letter.body, letter.len, &self->got, why, REHEARSE_WHY);
        if (batches == 0 && self->got.batches == 1) {
            self->first_ms = letter.time_ms;
            self->first_highest = self->got.highest;
            self->first_n = self->got.n;
        }
        if (self->got.batches > batches)
            self->last_ms = letter.time_ms;
        free(letter.body);
    }
    return finding;
}

/* How it goes there. A finding only when the node is gone, has given up, or works for somebody else. */
static enum rehearse_finding
ask_status(struct rehearse *self, char *why)
{
    int                   built = 0;
    char                  last[REHEARSE_WHY];
    enum rehearse_finding finding = rehearse_node_status(self, &built, why);
    int64_t               now = poc_now_ms();

    if (finding == REHEARSE_CANCELLED || finding == REHEARSE_GAVE_UP)
        return finding;
    if (finding == REHEARSE_CONFLICT)
        return REHEARSE_GAVE_UP;
    if (finding == REHEARSE_WELL && !built && self->model_ms) {
        (void)snprintf(why, REHEARSE_WHY,
                       "the node had built its model and builds one again: somebody else commands it");
        return REHEARSE_GAVE_UP;
    }
    if (finding == REHEARSE_WELL) {
        self->mute_ms = 0;
        if (built && self->model_ms == 0)
            self->model_ms = now;
        return REHEARSE_WELL;
    }
    if (self->mute_ms == 0)
        self->mute_ms = now;
    if (now - self->mute_ms < GONE_MS)
        return REHEARSE_WELL;
    (void)snprintf(last, sizeof(last), "%s", why);
    (void)snprintf(why, REHEARSE_WHY, "the node took the request and does not answer any more: %.600s", last);
    return REHEARSE_GAVE_UP;
}

static enum rehearse_finding
say_late(const struct rehearse *self, size_t wanted, size_t strays, char *why)
{
    char   other[100] = "";
    double seconds = (double)self->host->num(self->run, "wait") * 1e-9;

    if (self->mute_ms) {
        (void)snprintf(why, REHEARSE_WHY, "the node took the request and has not answered in the last %.0f of %.0f s",
                       (double)(poc_now_ms() - self->mute_ms) * 1e-3, seconds);
        return REHEARSE_GAVE_UP;
    }
    if (self->got.batches == 0 && self->model_ms == 0) {
        (void)snprintf(why, REHEARSE_WHY, "the node took the request, but had not built its model after %.0f s",
                       seconds);
        return REHEARSE_NO_MODEL;
    }
    if (strays > 0)
        (void)snprintf(other, sizeof(other), "; %zu other request%s came there, not to the path of this rehearsal",
                       strays, strays == 1 ? "" : "s");
    (void)snprintf(why, REHEARSE_WHY, "the node generates, but posted %zu of %zu batches to %.400s within %.0f s%s",
                   self->got.batches, wanted, self->callback, seconds, other);
    return self->got.batches == 0 ? REHEARSE_NO_CALLBACK : REHEARSE_TOO_FEW;
}

/* Until so many batches came that were all right, or one that was not, or time is up. */
static enum rehearse_finding
wait_for_batches(struct rehearse *self, struct rehearse_inbox *inbox, char *why)
{
    size_t  wanted = (size_t)self->host->num(self->run, "batches");
    int64_t until = self->begun_ms + self->host->num(self->run, "wait") / 1000000;
    int64_t status_ms = 0;

    for (;;) {
        struct pollfd         pollers[2] = {{.fd = self->host->cancel_fd(self->run), .events = POLLIN},
                                            {.fd = rehearse_inbox_fd(inbox), .events = POLLIN}};
        enum rehearse_finding finding = take_letters(self, inbox, why);
        int64_t               now = poc_now_ms();
        int64_t               rest;

        self->host->progress(self->run, "batches from the node", self->got.batches, wanted);
        if (finding == REHEARSE_WELL && self->got.batches >= wanted)
            return rehearse_check_gaps(&self->want, &self->got, why, REHEARSE_WHY);
        if (finding == REHEARSE_WELL && (now >= status_ms || now >= until)) {
            finding = ask_status(self, why);
            now = poc_now_ms();
            status_ms = now + STATUS_MS;
        }
        if (finding == REHEARSE_WELL && now >= until)
            finding = say_late(self, wanted, rehearse_inbox_strays(inbox), why);
        if (finding != REHEARSE_WELL)
            return finding;
        rest = until < status_ms ? until - now : status_ms - now;
        (void)poll(pollers, 2, rest > 0 ? (int)rest : 0);
        if (self->host->cancelled(self->run)) {
            (void)snprintf(why, REHEARSE_WHY, "cancelled while the node generated");
            return REHEARSE_CANCELLED;
        }
    }
}

/* --- after ---------------------------------------------------------------------------------------------------------
 */

/* The stop was sent, and a run that is being ended has no time for the answer, which takes a node some seconds. */
static void
say_not_awaited(const struct rehearse *self, char *why)
{
    (void)snprintf(why, REHEARSE_WHY,
                   "it was asked to stop, and had not answered when this run had to end: see GET %.500s/api/v1/state",
                   self->url);
}

/* The node, if it still generates for us, is stopped. */
static void
stop_node(struct rehearse *self, int hurry)
{
    char                  why[REHEARSE_WHY] = "";
    char                  object[1100];
    int                   asked;
    enum rehearse_finding finding =
        rehearse_node_state(self, hurry ? HURRY_MS : STATE_MS, 1, self->state_after, sizeof(self->state_after), why);

    if (finding == REHEARSE_WELL && strcmp(self->state_after, "POW") == 0) {
        (void)snprintf(object, sizeof(object), "node %s", self->url);
        asked = rehearse_undo_act(self, "stop", object);
        finding = rehearse_node_stop(self, hurry ? HURRY_MS : STOP_MS, 1, why);
        if (finding == REHEARSE_WELL)
            (void)snprintf(self->state_after, sizeof(self->state_after), "STOPPED");
        else
            self->state_after[0] = 0;
        if (hurry && finding == REHEARSE_SLOW)
            say_not_awaited(self, why);
        if (asked == GA_ACT_DO)
            self->host->acted(self->run, finding == REHEARSE_WELL || (hurry && finding == REHEARSE_SLOW),
                              finding == REHEARSE_WELL ? "it is STOPPED" : why);
    } else if (finding != REHEARSE_WELL) {
        self->state_after[0] = 0;
    }
    if (finding != REHEARSE_WELL)
        (void)rehearse_tell(self, REHEARSE_NOT_STOPPED, why);
}

/* The container first when there is little time: it earns nothing while it is paused. */
static void
change_back(struct rehearse *self)
{
    int hurry = self->host->cancelled(self->run);

    if (hurry)
        rehearse_unpause(self);
    if (self->is_begun)
        stop_node(self, hurry);
    rehearse_unpause(self);
}

/* What the node served before, if the operator has said how that is begun; the API container knows it by itself. */
static void
serve_again(struct rehearse *self)
{
    const char           *body = self->host->str(self->run, "serve_again");
    char                  why[REHEARSE_WHY] = "";
    char                  object[1100];
    enum rehearse_finding finding;
    int                   asked;

    if (!body || !self->is_stopped || strcmp(self->state_before, "INFERENCE") != 0)
        return;
    if (self->host->cancelled(self->run)) {
        (void)rehearse_tell(self, REHEARSE_NOT_RESTORED, "the run was cancelled: the node serves nothing now");
        return;
    }
    (void)snprintf(object, sizeof(object), "node %s", self->url);
    self->host->progress(self->run, "waiting until the node serves again", 0, 0);
    asked = rehearse_undo_act(self, "serve", object);
    finding = rehearse_node_serve(self, body, why);
    if (finding == REHEARSE_WELL)
        finding = rehearse_node_state(self, STATE_MS, 1, self->state_after, sizeof(self->state_after), why);
    if (asked == GA_ACT_DO)
        self->host->acted(self->run, finding == REHEARSE_WELL, finding == REHEARSE_WELL ? "it serves" : why);
    if (finding != REHEARSE_WELL)
        (void)rehearse_tell(self, REHEARSE_NOT_RESTORED, why);
}

/* A sample of what came, computed here. GA_OK, or an outcome with its summary said. */
static int
compute(struct rehearse *self)
{
    size_t      n = (size_t)self->host->num(self->run, "sample");
    int64_t    *nonces = calloc(n + 1, sizeof(*nonces));
    double     *dist = calloc(n + 1, sizeof(*dist));
    double     *computed = calloc(n + 1, sizeof(*computed));
    struct bout bout = {0};
    uint64_t    start = 0;
    int         outcome = GA_OK;
    char        why[REHEARSE_WHY] = "";

    if (getrandom(&start, sizeof(start), 0) != sizeof(start) || !nonces || !dist || !computed)
        outcome = self->host->end(self->run, GA_FAILED, "no memory or chance for a sample of the distances");
    n = outcome == GA_OK ? rehearse_sample(&self->got, n, start, nonces, dist) : 0;
    if (n > 0) {
        int64_t begin = poc_now_ms();

        outcome = bout_begin(&bout, self->run, self->host, self->block_hash, self->public_key, 0);
        if (outcome == GA_OK)
            outcome = bout_compute(&bout, nonces, n, computed);
        (void)bout_devices(&bout, self->devices, sizeof(self->devices));
        bout_end(&bout);
        self->seconds = (double)(poc_now_ms() - begin) * 1e-3;
    }
    if (n > 0 && outcome == GA_OK) {
        enum rehearse_finding finding =
            rehearse_check_distances(nonces, dist, computed, n, &self->largest, &self->disagree, why, sizeof(why));

        self->sampled = n;
        if (finding != REHEARSE_WELL)
            (void)rehearse_tell(self, finding, why);
    } else if (outcome != GA_OK) {
        (void)rehearse_tell(self, REHEARSE_NOT_COMPUTED, "the distances were not computed here; the summary has why");
    }
    free(nonces);
    free(dist);
    free(computed);
    return outcome;
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

/* From the first look to the last batch. GA_OK; GA_CHANGED: a dry run; or an outcome, with its sentence in why unless a
 * finding was told. */
static int
rehearse(struct rehearse *self, struct rehearse_inbox *inbox, char *why, size_t len)
{
    char                  problem[REHEARSE_WHY] = "";
    enum rehearse_finding finding;
    int                   begun;
    int                   outcome = look(self, why, len);

    if (outcome == GA_OK)
        outcome = rehearse_pause(self, why, len);
    if (outcome == GA_CHANGED && self->is_paused)
        outcome = look(self, why, len); /* it may have begun something in between */
    if (outcome == GA_OK || outcome == GA_CHANGED)
        outcome = end_service(self, why, len);
    if (outcome != GA_OK && outcome != GA_CHANGED)
        return outcome;
    begun = begin_generation(self, why, len);
    if (begun != GA_OK)
        return begun;
    finding = wait_for_batches(self, inbox, problem);
    if (finding != REHEARSE_WELL)
        (void)rehearse_tell(self, finding, problem);
    return GA_OK;
}

static int
run_it(struct rehearse *self)
{
    struct rehearse_inbox *inbox = NULL;
    char                   why[1200] = "";
    int                    outcome = rehearse_repair(self, why, sizeof(why));
    int                    computed = GA_OK;

    if (outcome != GA_OK && outcome != GA_CHANGED)
        return self->host->end(self->run, outcome, "%s", why);
    outcome = read_args(self);
    if (outcome != GA_OK)
        return outcome;
    if (rehearse_inbox_open(self->host->str(self->run, "listen"), self->mark, &inbox, why, sizeof(why)) < 0)
        return self->host->end(self->run, GA_FAILED, "%s", why);
    outcome = rehearse(self, inbox, why, sizeof(why));
    change_back(self);
    serve_again(self);
    self->strays = rehearse_inbox_strays(inbox);
    rehearse_inbox_close(inbox); /* its threads end before the computation forks */
    if (outcome == GA_OK && self->n_told == 0 && self->host->num(self->run, "sample") > 0)
        computed = compute(self);
    outcome = outcome == GA_REFUSED || self->n_told == 0 ? outcome : GA_OK;
    if (outcome == GA_OK || outcome == GA_CHANGED)
        return rehearse_report(self, computed);
    (void)self->host->end(self->run, outcome, "%s%s%s", self->repaired, self->repaired[0] ? "; " : "", why);
    return rehearse_report(self, outcome);
}

int
rehearse_task(struct ga_run *run, const struct ga_host *host)
{
    struct rehearse *self = calloc(1, sizeof(*self));
    int              outcome;

    if (!self)
        return host->end(run, GA_FAILED, "out of memory");
    self->run = run;
    self->host = host;
    outcome = run_it(self);
    rehearse_got_done(&self->got);
    free(self);
    return outcome;
}

/* rehearse.h: what the parts of the task `rehearse` share: the run, the node, the container that is paused meanwhile.
 */
#ifndef POC_REHEARSE_H
#define POC_REHEARSE_H

#include "plugins/poc-worker/api_body.h"
#include "plugins/poc-worker/rehearse_check.h"
#include "plugins/poc-worker/rehearse_inbox.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

#define REHEARSE_TOLD_MAX 4

struct rehearse {
    struct ga_run        *run;
    const struct ga_host *host;
    char                  url[1024]; /* of the node, no '/' at its end */
    char                  block_hash[512];
    char                  public_key[512];
    char                  callback[1024];
    char                  mark[16]; /* the end of the callback's path: nobody else posts there */
    struct poc_init       init;     /* its texts are borrowed */
    struct rehearse_want  want;
    struct rehearse_got   got;

    char state_before[32]; /* of the node: "STOPPED", "INFERENCE"; empty: not known */
    char state_after[32];
    int  is_stopped; /* by us: it did something else before */
    int  is_begun;   /* init/generate was sent */
    int  is_paused;  /* the container, by us */
    char repaired[256];
    char left_node[1024]; /* URL of the rehearsal that was killed */

    int64_t begun_ms; /* when the node took the request */
    int64_t model_ms; /* when its model was seen to be built; 0: not seen */
    int64_t mute_ms;  /* since when it has not answered; 0: it has */
    int64_t first_ms; /* first and last batch */
    int64_t last_ms;
    size_t  strays;
    int64_t first_highest;
    size_t  first_n;

    size_t sampled;
    size_t disagree;
    double largest;
    double seconds; /* of our own computation */
    char   devices[512];

    struct {
        enum rehearse_finding finding;
        char                  why[REHEARSE_WHY];
    } told[REHEARSE_TOLD_MAX];
    size_t n_told;
};

/* Notes a finding; the first is the run's. Returns it. */
enum rehearse_finding rehearse_tell(struct rehearse *self, enum rehearse_finding finding, const char *why);

/* --- the node: each REHEARSE_WELL or a finding with a sentence -----------------------------------------------------
 */

/* GET /api/v1/state: "STOPPED", "POW", "INFERENCE", "TRAIN". total_ms as in kit/http.h; with `steadfast` a cancelled
 * run does not end it. */
enum rehearse_finding rehearse_node_state(const struct rehearse *self, int total_ms, int steadfast, char *ret,
                                          size_t len, char *why);

/* POST /api/v1/stop and wait until it is. */
enum rehearse_finding rehearse_node_stop(const struct rehearse *self, int total_ms, int steadfast, char *why);

/* POST /api/v1/pow/init/generate. */
enum rehearse_finding rehearse_node_generate(const struct rehearse *self, char *why);

/* GET /api/v1/pow/status: is the model built? REHEARSE_GAVE_UP when it does not generate any more. */
enum rehearse_finding rehearse_node_status(const struct rehearse *self, int *ret_built, char *why);

/* POST /api/v1/inference/up, which answers once the model serves. */
enum rehearse_finding rehearse_node_serve(const struct rehearse *self, const char *body, char *why);

/* --- the container -------------------------------------------------------------------------------------------------
 */

/* Unpauses what a run that was killed left paused. GA_OK, GA_CHANGED, or an outcome with its sentence in why. */
int rehearse_repair(struct rehearse *self, char *why, size_t len);

/* Pauses pause_container, if one is named and not paused already. Outcomes as above. */
int rehearse_pause(struct rehearse *self, char *why, size_t len);

/* Unpauses what rehearse_pause() paused, whatever else has happened. */
void rehearse_unpause(struct rehearse *self);

/* Asks for an act that undoes an earlier one of this run. It is done although no further act is allowed: the earlier
 * one was announced with it. GA_ACT_DO, and acted() is due; GA_ACT_REFUSED: do it all the same, without acted(). */
int rehearse_undo_act(struct rehearse *self, const char *verb, const char *object);

/* --- report --------------------------------------------------------------------------------------------------------
 */

/* Result and text; with GA_OK the summary, too. Returns the outcome: that of the findings with GA_OK, else `said`,
 * whose summary was said. */
int rehearse_report(struct rehearse *self, int said);

#endif

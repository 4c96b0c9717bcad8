/* apply_task.h: one run of `apply`, as its parts share it. */
#ifndef SEED_APPLY_TASK_H
#define SEED_APPLY_TASK_H

#include "plugins/seed-manager/apply_choose.h"
#include "plugins/seed-manager/apply_files.h"
#include "plugins/seed-manager/apply_state.h"
#include "plugins/seed-manager/watch.h"

struct apply {
    struct ga_run        *run;
    const struct ga_host *host;
    int64_t               now_ns;
    struct place          place;
    struct apply_state    state;
    struct apply_job      job;
    struct choose_survey  survey;
    struct apply_files    files;
    struct watch_look     look;
    struct choose_judged  judged;
    struct choose_choice  choice;
    const char           *phase;                 /* for --json: what this run was about */
    char                  restart[EDIT_WHY_MAX]; /* what is to be done about the node's restart; "": nothing */
    char                  why[EDIT_WHY_MAX];
};

/* Loads the survey's document. GA_OK; GA_UNKNOWN: there is none, it is too old, from the future, or was taken without a
 * quorum: why. */
int apply_survey_load(struct ga_run *run, const struct ga_host *host, int64_t now_ns, struct choose_survey *ret,
                      char *why);

/* Decides whether the seeds are bad, and changes them. An outcome; apply->why tells it. */
int apply_consider(struct apply *apply);

/* Judges the change that is being watched. */
int apply_watch(struct apply *apply);

/* After the files changed: runs restart_command, or fills apply->restart with what the operator is to type. */
int apply_restart(struct apply *apply, int outcome);

/* --json and the text for people. */
void apply_report(const struct apply *apply);

/* ns since 1970 UTC. */
int64_t apply_now(void);

/* GA_OK, or GA_REFUSED when `reseed` has something under way. */
int reseed_check_idle(struct ga_run *run, const struct ga_host *host, char *why);

#endif

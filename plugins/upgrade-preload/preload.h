/* preload.h: the programs of an upgrade, each in its home, and what becomes of them. */
#ifndef UPGRADE_PRELOAD_PRELOAD_H
#define UPGRADE_PRELOAD_PRELOAD_H

#include "plugins/upgrade-preload/home.h"
#include "plugins/upgrade-preload/source.h"
#include "plugins/upgrade-preload/stage.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

#define UP_PROGRAMS 2

/* One of the two programs that an upgrade brings. */
struct up_kind {
    const char *title;    /* "node", "api" */
    const char *daemon;   /* "inferenced" */
    const char *home_key; /* the option that names its home */
    const char *sum_key;  /* the argument with the sha256 of the program itself */
    const char *argument; /* that it is tried with */
    int         may_fail;
};

extern const struct up_kind up_kinds[UP_PROGRAMS];

/* One folder of a program. */
struct up_target {
    char           folder[UP_NAME_MAX];
    struct up_look look; /* the newest */
    enum up_step   step;
    int            outcome;
    char           why[UP_WHY];
};

/* What is known of a program, and what was done. */
struct up_program {
    const struct up_kind           *kind;
    const char                     *home;     /* NULL: not configured */
    const struct ga_upgrade_binary *entry;    /* of the plan, for this platform; NULL: none */
    int                             left_out; /* the upgrade brings only the other program: nothing to do here */
    char                            wanted[UP_SHA256]; /* of the program itself; "" while it is not known */
    struct up_target                targets[2];
    size_t                          n_targets;
    struct up_staged                staged; /* its fd is closed */
    int                             outcome;
    char                            why[UP_WHY];
};

/* The run. About 200 KiB: static. */
struct up_work {
    struct ga_run         *run;
    const struct ga_host  *host;
    const char            *platform;
    int                    replace;
    int                    allow_unverified;
    int                    by_hand; /* the plan was given as arguments */
    struct up_plan         plan;
    struct ga_upgrade_info info;
    struct up_program      programs[UP_PROGRAMS];
};

/* Reads the options that both tasks need: platform, homes, allow_unverified. 0, or -EINVAL with a sentence. */
int  up_work_start(struct ga_run *run, const struct ga_host *host, struct up_work *work, char *why, size_t len);
void up_work_done(struct up_work *work);

/* Decodes the plan's info and looks at each program's folders. GA_OK, or another outcome with a sentence. */
int up_work_look(struct up_work *work, char *why, size_t len);

/* What is wanted of a program, from the options. */
struct up_wish up_work_wish(const struct up_work *work, const struct up_program *program);

/* Which of two outcomes says more about a run that has both. */
int up_worse(int a, int b);

/* Brings one program into its home, as far as that is needed and allowed (bring.c). Fills outcome and why. */
void up_bring(struct up_work *work, struct up_program *program);

/*
 * What the program in an entry's archive was when it was unpacked (known.c), so that it need not be fetched again to
 * compare. An archive is known by its checksum; one without, by its URL as long as allow_unverified is set. `wanted` is
 * left alone when nothing is known.
 */
void up_known_get(struct up_work *work, struct up_program *program);
void up_known_put(struct up_work *work, const struct up_program *program);

/* Gives the run's result and text (report.c). */
void up_report(struct up_work *work, int outcome, const char *summary);

/* The programs for an event or a result: [{"program","outcome",...}]. The caller's. NULL without memory. */
cJSON *up_report_programs(const struct up_work *work);

const char *up_outcome_name(int outcome);

int up_preload(struct ga_run *run, const struct ga_host *host);
int up_flight_check(struct ga_run *run, const struct ga_host *host);

#endif

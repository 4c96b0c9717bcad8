/* tasks.h: the tasks of the plugin, and what they share. */
#ifndef VALIDATOR_TASKS_H
#define VALIDATOR_TASKS_H

#include "plugins/validator/alerts.h"
#include "plugins/validator/attempts.h"
#include "plugins/validator/judge.h"
#include "plugins/validator/look.h"
#include "plugins/validator/yes.h"

#include <gonka-agent/plugin.h>

int val_watch(struct ga_run *run, const struct ga_host *host);
int val_unjail(struct ga_run *run, const struct ga_host *host);
int val_auto_unjail(struct ga_run *run, const struct ga_host *host);
int val_recover_key(struct ga_run *run, const struct ga_host *host);

/* What was seen, as numbers and words for scripts: members of `json` (report.c). */
void val_report_seen(cJSON *json, const struct val_seen *seen);

/* Gives a document as the result and frees it. */
void val_report_give(struct ga_run *run, const struct ga_host *host, cJSON *json);

/* Now, ns since 1970 by this host's clock. */
int64_t val_clock(void);

/* One transaction, from the evidence to the proof (unjail.c and attempt.c). */
struct val_try {
    struct ga_run        *run;
    const struct ga_host *host;
    struct val_chain     *chain;
    struct val_seen       seen;
    struct val_five       five;
    struct val_attempts   attempts;
    int                   noted;                      /* the newest of them is this one */
    char                  node[GA_CHAIN_URL_MAX + 2]; /* --node */
    char                  command[1600];
    char                 *unsigned_text; /* sign: offline */
    char                  hash[72];
};

/* Signs, sends, looks. Ends the run. The guards are behind us, but for act(). */
int val_attempt(struct val_try *attempt);

/* 0; -1 with a sentence: it cannot be kept, so nothing may be sent. */
int val_attempts_keep(struct val_try *attempt);

#endif

/* tasks.h: the task functions of the plugin's descriptor. */
#ifndef SEED_TASKS_H
#define SEED_TASKS_H

#include <gonka-agent/plugin.h>

/* Probes candidates, ranks them, and leaves the state document "survey" (survey.h). */
int survey_task(struct ga_run *run, const struct ga_host *host);

/* Replaces bad seeds (apply.h). */
int apply_task(struct ga_run *run, const struct ga_host *host);

/* Fetches the node's data anew (apply.h). */
int reseed_task(struct ga_run *run, const struct ga_host *host);

#endif

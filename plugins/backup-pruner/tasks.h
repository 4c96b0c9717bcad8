/* tasks.h: the tasks of the plugin. */
#ifndef BACKUP_PRUNER_TASKS_H
#define BACKUP_PRUNER_TASKS_H

#include <gonka-agent/plugin.h>

int bp_prune(struct ga_run *run, const struct ga_host *host);
int bp_forecast(struct ga_run *run, const struct ga_host *host);

#endif

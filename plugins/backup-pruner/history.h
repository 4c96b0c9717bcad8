/*
 * history.h: what forecast remembers of each home between runs: samples, and whether disk.low was told.
 */
#ifndef BACKUP_PRUNER_HISTORY_H
#define BACKUP_PRUNER_HISTORY_H

#include <gonka-agent/plugin.h>

#include "trend.h"

struct bp_memory {
    const char       *path; /* of the home; borrowed */
    int               low;
    struct bp_history history;
};

/*
 * Fills in what is remembered of the homes; nothing when there is no memory yet or it is damaged (logged). 0, or -1
 * when it could not be read: then it must not be written either.
 */
int bp_recall(struct ga_run *run, const struct ga_host *host, struct bp_memory *memories, size_t n);

/* Replaces what is remembered. 0, or -1 (logged). */
int bp_remember(struct ga_run *run, const struct ga_host *host, const struct bp_memory *memories, size_t n);

#endif

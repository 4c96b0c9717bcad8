/*
 * act.h: carrying out the plan of one home, each deletion as an act of its own.
 *
 * A copy that goes is first renamed to a tombstone, so that half a copy never looks like a whole one; what a crash
 * leaves is found by its name and removed on the next run.
 */
#ifndef BACKUP_PRUNER_ACT_H
#define BACKUP_PRUNER_ACT_H

#include <gonka-agent/plugin.h>

#include "model.h"

struct bp_acting {
    struct ga_run         *run;
    const struct ga_host  *host;
    const struct bp_rules *rules;
    uint64_t               files_per_s; /* 0: no limit */
    uint64_t               bytes_per_s;
    uint64_t               freed; /* bytes on disk that went, or in a dry run would go, all homes together */
    unsigned               deleted;
    int                    stopped; /* the run was cancelled */
};

/*
 * Removes tombstones, then the copies whose fate is BP_GOES, oldest first. Before each it looks again: is an upgrade
 * running, are the kept copies there, is this one the one that was judged, is the space needed still? Sets the copies'
 * fates and reasons and the home's outcome.
 */
void bp_act_home(struct bp_home *home, struct bp_acting *acting);

#endif

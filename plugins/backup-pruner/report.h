/*
 * report.h: what a run of prune found and did, for scripts and for people.
 */
#ifndef BACKUP_PRUNER_REPORT_H
#define BACKUP_PRUNER_REPORT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "model.h"

/* Appends a home to the array of homes. Without memory the report gets shorter, nothing else. */
void bp_report_json(cJSON *homes, const struct bp_home *home, int dry_run);

/* Writes a home as a table. */
void bp_report_text(FILE *out, const struct bp_home *home, int dry_run);

const char *bp_outcome_name(int outcome);

#endif

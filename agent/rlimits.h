/*
 * rlimits.h: what the process of a run may use up.
 *
 * One thread, before the plugin is loaded. Lowering only: a limit that holds already and is tighter stays.
 */
#ifndef AGENT_RLIMITS_H
#define AGENT_RLIMITS_H

#include <cjson/cJSON.h>
#include <stddef.h>

/*
 * Sets the limits of the job: `memory` (bytes of private memory on top of what the process has now; threads count with
 * their stacks; 0 or absent: none), `open_files` (256 when absent), and no core files. limits may be NULL.
 * 0, or -errno with a sentence in reterr.
 */
int rlimits_set(const cJSON *limits, char *reterr, size_t len);

#endif

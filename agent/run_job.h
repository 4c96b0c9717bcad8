/* run_job.h: the job that a runner is given: one JSON document in memory. */
#ifndef AGENT_RUN_JOB_H
#define AGENT_RUN_JOB_H

#include "agent/run.h"

#define JOB_ENV_MAX 32

/* Writes the job into a memory file. ret_env gets the names of environment variables that its secrets refer to
 * (borrowed from the request, NULL at the end). 0, or -errno. */
int job_make(const struct run_request *request, int *ret_fd, const char *ret_env[JOB_ENV_MAX + 1]);

/* Adds topic, origin, payload, time_ns and sequence. 0, or -ENOMEM. */
int job_add_event(cJSON *object, const struct event *event);

/* Bytes, 0 when there is none. */
uint64_t job_memory_limit(const cJSON *plugin);

#endif

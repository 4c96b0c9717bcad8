/*
 * runner.h: the process of one run: `gonka-agent --runner`, started by the supervisor and by nobody else.
 *
 * Descriptors: 3 the wire, 4 the job, 5 the result (or the descriptor, in mode "describe"), 6 the text for people. It
 * sandboxes itself, loads one plugin, calls one task, says how it ended, and exits with status 0. Any other status
 * means that the task ended the process itself.
 */
#ifndef AGENT_RUNNER_H
#define AGENT_RUNNER_H

/* Returns only when this is no runner's process at all: the exit status for that, 2. */
int runner_main(void);

#endif

/* ttl_drive.h: runs of the real nats-ttl plugin in real runners, against a world. */
#ifndef TESTS_TTL_DRIVE_H
#define TESTS_TTL_DRIVE_H

#include "tests/unit/nats_world.h"
#include "tests/unit/runner_drive.h"

/*
 * One run of a task. `options`: members to add to or replace in the defaults, as JSON text in the job's form (numbers
 * are strings, durations in ns: "\"exact\":\"1\""); NULL: none. `args` likewise, an object or NULL. What else is set in
 * *run is kept (answer, cancel_at, ...); a state folder that is named is used again. drive_done() frees it.
 */
void ttl_drive(struct world *world, struct drive *run, const char *task, const char *options, const char *args);

/* enforce with acts allowed. */
void ttl_enforce(struct world *world, struct drive *run, const char *options, const char *args);

/* Fails unless the outcome is this one, and shows the summary and what was written. */
void ttl_expect(const struct drive *run, int outcome);

/* Fails unless `part` is in the text. */
void ttl_contains(const char *text, const char *part);

/* The row of a stream in the run's report: a member as text. Static storage. "" when it is not there. */
const char *ttl_row(const struct drive *run, const char *stream, const char *member);

#endif

/*
 * journal.h: the append-only record of runs, acts and events: JSON lines below STATE_DIR/journal.
 *
 * journal.jsonl is the newest file, journal.1.jsonl the one before, and so on. A line is written whole or is the torn
 * last one of a crash, which readers skip. One thread, one writer: the folder is locked.
 */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/* Opens for appending; makes the folder. 0, or -errno with the reason in reterr. */
int journal_open(const char *state_dir, uint64_t max_size, unsigned files, struct journal **ret, char *reterr,
                 size_t reterr_len);

/* Appends one record with time and sequence added; `record` is taken. 0, or -errno: then nothing was recorded. */
int journal_append(struct journal *journal, cJSON *record);

/* A read-only descriptor of the file that the last record went to; fdatasync(2) of it makes the record durable.
 * Borrowed: valid until the next append. */
int journal_sync_fd(const struct journal *journal);

/* Records that could not be written since the journal was opened. */
uint64_t journal_lost(const struct journal *journal);

/* Runs near the end of the journal that have a start and no end: calls found() with the run's last record. */
void journal_unfinished(const struct journal *journal, void (*found)(const cJSON *start, void *userdata),
                        void                 *userdata);

void journal_close(struct journal *journal);

#endif

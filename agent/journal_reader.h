/*
 * journal_reader.h: reads the journal's files from the oldest record to the newest, and waits for more.
 *
 * Needs nobody's help: it works beside a daemon that writes and rotates, and without one. What is no whole JSON object
 * (the torn line of a crash) is skipped and counted.
 */
#ifndef AGENT_JOURNAL_READER_H
#define AGENT_JOURNAL_READER_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct journal_reader;

/*
 * Opens the files below STATE_DIR/journal; those last written before since_ns (0: none) are left out. 0, or -errno with
 * reterr. A journal that does not exist yet is an error (-ENOENT).
 */
int journal_reader_open(const char *state_dir, int64_t since_ns, struct journal_reader **ret, char *reterr,
                        size_t reterr_len);

/* The next record, to be freed by the caller. 0; -ENODATA when there is none now; or -errno of a read. */
int journal_reader_next(struct journal_reader *reader, cJSON **ret);

/* Waits until there may be more, at most timeout_ms (-1: for ever). 0 look again, -ETIMEDOUT, -EINTR, or -errno. */
int journal_reader_wait(struct journal_reader *reader, int timeout_ms);

/* Lines that were skipped so far. */
uint64_t journal_reader_skipped(const struct journal_reader *reader);

void journal_reader_close(struct journal_reader *reader); /* accepts NULL */

#endif

/*
 * ttl.h: what the files of nats-ttl share: which age a stream should have, what is to be done about it, how much that
 * would cost, and the connection.
 */
#ifndef NATS_TTL_TTL_H
#define NATS_TTL_TTL_H

#include "kit/nats.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>
#include <stddef.h>
#include <stdint.h>

/* --- wanted.c: the map of names and patterns to ages ------------------------------------------------------------- */

struct wanted_entry {
    const char *pattern; /* borrowed: a stream's name, or with '*' (any characters) and '>' at the end (the rest) */
    int64_t     age_ns;
};

struct wanted {
    const struct wanted_entry *entries;
    size_t                     n;
};

/* 1 when the text holds a wildcard. */
int wanted_is_pattern(const char *text);

/*
 * The entry for a stream: its own name first, else the pattern with most plain characters (the first of equals). A
 * pattern takes the streams behind key-value buckets and object stores ("KV_", "OBJ_") only when it names that prefix
 * itself: `*` must not make a bucket forget. NULL: none.
 */
const struct wanted_entry *wanted_for(const struct wanted *wanted, const char *stream);

/* --- judge.c: from what a stream says of itself to a decision; asks nobody ---------------------------------------- */

enum verdict {
    V_FINE,          /* the wanted age is in force */
    V_SET,           /* max_age is to be changed: `config` is what to send */
    V_SHORTER,       /* someone set a shorter age: left alone */
    V_SEALED,        /* sealed: the server accepts a new age and does nothing */
    V_MIRROR,        /* a copy of another stream: its age belongs to the origin */
    V_NOT_EFFECTIVE, /* the age is in force and messages are older all the same */
    V_UNREADABLE,    /* the answer lacks what a decision needs */
};

const char *verdict_name(enum verdict verdict);

/* Where an age counts from, and how far behind expiry may be. */
struct judge_rules {
    int     exact;    /* a shorter age is corrected too */
    int64_t slack_ns; /* a message may be this much older than the age */
    int64_t now_ns;   /* since the epoch, by our clock */
};

struct judgement {
    enum verdict verdict;
    int64_t      have_ns;    /* max_age in force; 0: for ever */
    int64_t      want_ns;    /* after the change */
    int64_t      window_ns;  /* duplicate_window in force */
    int64_t      window_new; /* the same after the change */
    int64_t      messages;
    int64_t      bytes;
    int64_t      first_seq;
    int64_t      last_seq;
    int64_t      oldest_ns; /* age of the first message; -1: no messages, or no time */
    cJSON       *config;    /* V_SET: the configuration as it came, with the change; judgement_done() frees it */
    char         why[200];  /* the verdict in words */
};

/* Judges the element of STREAM.LIST or the answer of STREAM.INFO. */
void judge(const cJSON *info, int64_t want_ns, const struct judge_rules *rules, struct judgement *ret);
void judgement_done(struct judgement *judgement);

/*
 * What a server made of the configuration: names the members that differ between what was sent and what is in force,
 * blank-separated; "" when none do. Members that only newer servers add, and metadata that servers make themselves
 * ("_nats."), do not count. Returns the number of differences.
 */
int config_differs(const cJSON *sent, const cJSON *in_force, char *ret, size_t len);

/* Nanoseconds since the epoch of "2025-06-01T12:00:00.123456789Z" or with an offset. 0, or -1: no such time, or one
 * before 1971 (servers write the years 1 and 1970 for "never"). */
int parse_time(const char *text, int64_t *ret_ns);

/* --- backlog.c: what a shorter life would drop ---------------------------------------------------------------------
 */

struct backlog {
    int64_t messages;    /* older than the age: would go (an upper bound where the stream has gaps) */
    int64_t bytes;       /* of them, in proportion to the stream's */
    int64_t unprocessed; /* of them, not yet processed: pending and unacknowledged of all consumers */
    cJSON  *consumers;   /* [{name, pending, unacknowledged}], those that would lose something */
};

/* Asks the server. 0, or -1 with *err: then nobody knows, and nothing may be dropped. backlog_done() frees it. */
int  backlog_find(struct ga_nats *nats, const char *stream, const char *retention, const struct judgement *judgement,
                  int64_t now_ns, struct backlog *ret, struct ga_nats_error *err);
void backlog_done(struct backlog *backlog);

/* The share of one consumer, from its info: of the messages from first_seq up to (without) keep_seq. */
void backlog_share(const cJSON *consumer, int64_t first_seq, int64_t keep_seq, int64_t *ret_pending,
                   int64_t *ret_unacknowledged);

/* --- history.c: {"stream": [[time_ns, last_seq, bytes], ...]}, oldest first ------------------------------------------
 */

/* The document, empty when there is none yet. NULL without memory; the caller frees it. */
cJSON *history_load(struct ga_run *run, const struct ga_host *host);
void   history_save(struct ga_run *run, const struct ga_host *host, const cJSON *history);

/* Adds a sample, unless the last one is recent. */
void history_note(cJSON *history, const char *stream, int64_t now_ns, const struct judgement *facts);

/* Messages that came in and bytes more, per day, since the oldest sample. 0, or -1: too early to tell. `created` is the
 * stream's own time of creation: samples before it are another stream's. */
int history_growth(const cJSON *history, const char *stream, const char *created, int64_t now_ns,
                   const struct judgement *facts, double *ret_messages, double *ret_bytes);

/* --- connect.c ------------------------------------------------------------------------------------------------------
 */

/* Connects as the options say. NULL with *err. */
struct ga_nats *connect_server(struct ga_run *run, const struct ga_host *host, struct ga_nats_error *err);

int64_t real_now_ns(void);

/* --- the tasks ------------------------------------------------------------------------------------------------------
 */

int enforce_task(struct ga_run *run, const struct ga_host *host);
int report_task(struct ga_run *run, const struct ga_host *host);
int watch_task(struct ga_run *run, const struct ga_host *host);

/* The map of option `streams`. The caller frees entries (free()). 0, or -1 without memory. */
int wanted_load(struct ga_run *run, const struct ga_host *host, struct wanted *ret);

#endif

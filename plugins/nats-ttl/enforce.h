/* enforce.h: what the two halves of `enforce` share: looking (enforce.c) and changing (change.c). */
#ifndef NATS_TTL_ENFORCE_H
#define NATS_TTL_ENFORCE_H

#include "plugins/nats-ttl/ttl.h"

struct work {
    struct ga_run        *run;
    const struct ga_host *host;
    struct ga_nats       *nats;
    struct wanted         wanted;
    char                 *seen; /* for each entry: 1 when a stream of that name was there */
    struct judge_rules    rules;
    int64_t               max_drop;
    int                   allow_drop;
    cJSON                *rows;    /* one object for each stream, in the report */
    cJSON                *history; /* samples for the growth that `report` tells */
    struct todo          *todo;    /* what is to be changed */
    size_t                n_todo;
    int                   n_streams;
    int                   n_by_outcome[5]; /* GA_OK ... GA_FAILED */
    int                   n_dry;           /* of GA_CHANGED: in a dry run */
    char                  first[5][480];   /* the first sentence for each outcome */
    int                   no_memory;
};

struct todo {
    char                      *stream;
    const struct wanted_entry *entry;
};

/*
 * One stream's outcome: a row of the report and, for what is not GA_OK, a line in the log. judgement and backlog may be
 * NULL. verdict is the word in the report.
 */
void conclude(struct work *work, const char *stream, int outcome, const char *verdict,
              const struct judgement *judgement, const struct backlog *backlog, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* Concludes all verdicts but V_SET. */
void conclude_verdict(struct work *work, const char *stream, const struct wanted_entry *entry,
                      const struct judgement *judgement);

/* Judges anew, asks, changes, proves, concludes. */
void change_stream(struct work *work, const struct todo *todo);

/* The stream's info. NULL with *err. The caller frees it. */
cJSON *stream_info(struct ga_nats *nats, const char *stream, struct ga_nats_error *err);

#endif

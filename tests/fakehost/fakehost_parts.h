/* fakehost_parts.h: what the files of the fakehost share. Not for tests. */
#ifndef GA_FAKEHOST_PARTS_H
#define GA_FAKEHOST_PARTS_H

#include "tests/fakehost/fakehost.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#define FH_FAULT_MAX 512

/* --- values: fakehost_values.c -------------------------------------------------------------------------------------
 */

/* A value as a task gets it. */
struct fh_value {
    char            *key;    /* in a map */
    char            *text;   /* string, enum, path, URL, secret */
    int64_t          number; /* int, bool, duration, size */
    struct fh_value *items;  /* of a list or map */
    size_t           n;
};

/* One option or argument. */
struct fh_slot {
    const struct ga_option *option;
    struct fh_value        *value; /* NULL: absent */
    char                   *fault; /* what is wrong with what was set; NULL: nothing */
};

struct fh_table {
    struct fh_slot *slots;
    size_t          n;
};

/* Checks and turns the manifest's text into a value, the caller's. 0, or -1 with a sentence in reterr (no secrets). */
int  fh_value_parse(const struct ga_option *option, const char *text, struct fh_value **ret, char *reterr,
                    size_t reterr_len);
void fh_value_free(struct fh_value *value); /* accepts NULL */

/* One scalar's text by its type; `value` is empty. 0, or -1 with a sentence that follows the key. */
int fh_scalar_parse(const struct ga_option *option, const char *text, struct fh_value *value, char *reterr,
                    size_t reterr_len);
/* A secret's reference. 0 with the secret (the caller's), or -1. */
int fh_secret_read(const char *kind, const char *name, char **ret, char *reterr, size_t reterr_len);

const char *fh_type_name(uint32_t type, char *buf, size_t len); /* "list of duration"; returns buf */
int         fh_is_number(uint32_t type);                        /* int, bool, duration, size */

struct fh_slot *fh_slot(const struct fh_table *table, const char *key); /* NULL: not listed */

/* --- the descriptor: fakehost_check.c ------------------------------------------------------------------------------
 */

/* 0, or -1 with a sentence in reterr. */
int fh_check_plugin(const struct ga_plugin *plugin, char *reterr, size_t reterr_len);

const struct ga_option *fh_option_at(const struct ga_plugin *plugin, const struct ga_option *table, uint32_t i);
const struct ga_task   *fh_task_at(const struct ga_plugin *plugin, uint32_t i);
const struct ga_topic  *fh_topic_at(const struct ga_plugin *plugin, uint32_t i);

/* --- the host ------------------------------------------------------------------------------------------------------
 */

/* An event in the queue, or a silence (no topic). */
struct fh_event {
    struct fh_event *next;
    char            *topic;
    char            *payload;
    char            *origin;
    int64_t          time_ns;
    uint64_t         sequence;
};

struct fh_document {
    struct fh_document *next;
    char               *name;
    char               *data;
    size_t              len;
};

struct fh_metric {
    const char *name;
    double      value;
};

/* What the run owns: its strings and structs, freed with the next run. */
struct fh_piece {
    struct fh_piece *next;
    char             data[] __attribute__((aligned(16)));
};

struct fh_list {
    void **items;
    size_t n;
};

struct ga_run {
    struct fakehost *fh;
};

struct fakehost {
    const struct ga_plugin *plugin;
    struct fh_table         options;
    struct fh_table        *args; /* one for each task */
    uint32_t                n_args;
    char                   *mistake; /* of the descriptor or the test; stays */

    int                dry_run;
    int                waits;
    int                state_broken;
    int                refuses;
    size_t             refuse_after;
    char              *refuse_why;
    fakehost_answer_fn answer;
    void              *answer_user;

    struct fh_document *documents;

    pthread_mutex_t  lock; /* recursive; guards the queue, the pieces, the lists and the breach */
    pthread_cond_t   changed;
    struct fh_event *queue;
    struct fh_event *delivered; /* what the last next_event() lent */
    uint64_t         sequence;
    atomic_int       cancelled;
    int              cancel_fd;

    struct ga_run          run;  /* what the task gets */
    const struct ga_task  *task; /* that runs or ran last */
    const struct fh_table *task_args;
    pthread_t              thread;
    atomic_int             running;
    jmp_buf                leave;
    int                    event_fetched; /* of a run that is not resident */

    struct fh_piece *pieces;
    struct fh_list   acts;
    struct fh_list   emitted;
    struct fh_list   lines;
    struct fh_list   metrics;
    const char      *breach; /* the first; NULL: none */
    const char      *summary;
    const char      *result;
    const char      *text;
    const char      *progress;
    uint64_t         done;
    uint64_t         total;
    size_t           n_ready;
    size_t           n_beats;
};

extern const struct ga_host fh_host_table;

/* The host functions that answer for values. */
int         fh_has(struct ga_run *run, const char *key);
const char *fh_str(struct ga_run *run, const char *key);
int64_t     fh_num(struct ga_run *run, const char *key);
size_t      fh_count(struct ga_run *run, const char *key);
const char *fh_map_key(struct ga_run *run, const char *key, size_t i);
const char *fh_str_at(struct ga_run *run, const char *key, size_t i);
int64_t     fh_num_at(struct ga_run *run, const char *key, size_t i);

/* Those for events and documents. */
int fh_emit(struct ga_run *run, const char *topic, const char *payload);
int fh_next_event(struct ga_run *run, int32_t timeout_ms, struct ga_event *ret);
int fh_state_get(struct ga_run *run, const char *name, const void **ret, size_t *ret_len);
int fh_state_put(struct ga_run *run, const char *name, const void *data, size_t len);

void fh_event_free(struct fh_event *event); /* accepts NULL */

/* Notes a breach of contract; the run goes on. [any] */
void fh_breach(struct fakehost *fh, const char *format, ...) GA_PRINTF(2, 3);
/* The same, and the task function is left, when this is its thread. */
void fh_leave(struct fakehost *fh, const char *format, ...) GA_PRINTF(2, 3);
/* Notes a mistake of the test. Returns -1. */
int fh_mistake(struct fakehost *fh, const char *format, ...) GA_PRINTF(2, 3);

/* 1 on the task's thread, else 0 and a breach. `what` is the host function. */
int fh_own_thread(struct fakehost *fh, const char *what);

/* A breach when there is a secret in it. `what` names the text: "the summary". [any] */
void fh_check_leak(struct fakehost *fh, const char *what, const char *text);
void fh_check_leak_json(struct fakehost *fh, const char *what, const cJSON *doc);

/* Memory of the run. NULL without memory (a breach, then). [any] */
void       *fh_piece(struct fakehost *fh, size_t len);
const char *fh_keep(struct fakehost *fh, const char *text); /* "" without memory */
int         fh_push(struct fakehost *fh, struct fh_list *list, void *item);

/* A line of the log, by the host itself. [any] */
void fh_note(struct fakehost *fh, uint32_t level, const char *text);

#endif

/*
 * queue_db.h: statements on the file of a queue, for queue.c, queue_claims.c and queue_open.c only. What fails returns
 * the negative errno of queue.h, with a sentence in reterr that says what could not be done: `what` is an infinitive.
 */
#ifndef POC_QUEUE_DB_H
#define POC_QUEUE_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct poc_queue {
    sqlite3 *db;
    char    *path;
};

/* The sentence for what SQLite answered; the negative errno. Call it before anything else touches the handle. */
int poc_db_fail(const struct poc_queue *queue, int r, const char *what, char *reterr, size_t reterr_len);

/* -ENOMEM with its sentence. */
int poc_db_no_memory(const struct poc_queue *queue, char *reterr, size_t reterr_len);

/* Prepares and binds: types has an 'i' for each int64_t and a 't' for each text (NULL: null), which must outlive the
 * statement. The caller's to finalize. NULL when it could not: give that to poc_db_step() or poc_db_run(). */
sqlite3_stmt *poc_db_prepare(const struct poc_queue *queue, const char *sql, const char *types, ...);

/* Steps what was prepared just before: 1 there is a row, 0 it is done. */
int poc_db_step(const struct poc_queue *queue, sqlite3_stmt *statement, const char *what, char *reterr,
                size_t reterr_len);

/* A text of the row, the caller's. NULL: there is not enough memory. */
char *poc_db_text(sqlite3_stmt *statement, int column);

/* Runs a statement that gives no rows, and finalizes it. 0. */
int poc_db_run(const struct poc_queue *queue, sqlite3_stmt *statement, const char *what, char *reterr,
               size_t reterr_len);

/* The same for text without values, which may hold several statements. */
int poc_db_run_sql(const struct poc_queue *queue, const char *sql, const char *what, char *reterr, size_t reterr_len);

/* A transaction that writes: poc_db_end() keeps it when r is 0 so far, else nothing of it, and returns what became of
 * it all. */
int poc_db_begin(const struct poc_queue *queue, const char *what, char *reterr, size_t reterr_len);
int poc_db_end(const struct poc_queue *queue, int r, const char *what, char *reterr, size_t reterr_len);

#endif

/* queue_db.c: statements on the file of a queue, and what their errors mean. */
#include "plugins/poc-worker/queue_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A full disk as seen by the last write to the main file (SQLITE_FCNTL_FILE_POINTER) or WAL (.._JOURNAL_POINTER). */
static int
is_file_full(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int           os = 0;

    if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || !file || !file->pMethods ||
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &os) != SQLITE_OK)
        return 0;
    return os == ENOSPC || os == EDQUOT || os == EFBIG;
}

/* SQLite knows of ENOSPC only; a quota and a limit on file size end in a mere "I/O error". */
static int
is_disk_full(sqlite3 *db)
{
    switch (sqlite3_extended_errcode(db)) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
        return is_file_full(db, SQLITE_FCNTL_JOURNAL_POINTER) || is_file_full(db, SQLITE_FCNTL_FILE_POINTER);
    case SQLITE_IOERR_SHMSIZE: /* the index of the WAL could not grow */
        return 1;
    default:
        return 0;
    }
}

static int
errno_of(sqlite3 *db, int r)
{
    switch (r & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
        return is_disk_full(db) ? -ENOSPC : -EIO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

static const char *
next_step(int error)
{
    switch (error) {
    case -ENOSPC:
        return "the disk, the quota or the limit on file size is full: free some space";
    case -EBUSY:
        return "another process holds it: look who has it open";
    case -EUCLEAN:
        return "the file is damaged: start again, it is moved aside then";
    case -ENOMEM:
        return "there is not enough memory";
    default:
        return "look at the disk and at the rights of the file and its folder";
    }
}

int
poc_db_fail(const struct poc_queue *queue, int r, const char *what, char *reterr, size_t reterr_len)
{
    int error = errno_of(queue->db, r);

    (void)snprintf(reterr, reterr_len, "%s: cannot %s: %s (%s)", queue->path, what, next_step(error),
                   queue->db ? sqlite3_errmsg(queue->db) : sqlite3_errstr(r));
    return error;
}

sqlite3_stmt *
poc_db_prepare(const struct poc_queue *queue, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list       values;
    int           r = sqlite3_prepare_v2(queue->db, sql, -1, &statement, NULL);

    va_start(values, types);
    for (int at = 1; r == SQLITE_OK && types[at - 1]; at++)
        r = types[at - 1] == 'i' ? sqlite3_bind_int64(statement, at, va_arg(values, int64_t))
                                 : sqlite3_bind_text(statement, at, va_arg(values, const char *), -1, SQLITE_STATIC);
    va_end(values);
    if (r != SQLITE_OK) {
        (void)sqlite3_finalize(statement);
        return NULL;
    }
    return statement;
}

int
poc_db_step(const struct poc_queue *queue, sqlite3_stmt *statement, const char *what, char *reterr, size_t reterr_len)
{
    int r = statement ? sqlite3_step(statement) : sqlite3_extended_errcode(queue->db);

    if (r == SQLITE_ROW)
        return 1;
    return r == SQLITE_DONE ? 0 : poc_db_fail(queue, r, what, reterr, reterr_len);
}

char *
poc_db_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text ? strdup(text) : NULL;
}

int
poc_db_run(const struct poc_queue *queue, sqlite3_stmt *statement, const char *what, char *reterr, size_t reterr_len)
{
    int r = poc_db_step(queue, statement, what, reterr, reterr_len);

    (void)sqlite3_finalize(statement);
    return r < 0 ? r : 0;
}

int
poc_db_run_sql(const struct poc_queue *queue, const char *sql, const char *what, char *reterr, size_t reterr_len)
{
    int r = sqlite3_exec(queue->db, sql, NULL, NULL, NULL);

    return r == SQLITE_OK ? 0 : poc_db_fail(queue, r, what, reterr, reterr_len);
}

int
poc_db_begin(const struct poc_queue *queue, const char *what, char *reterr, size_t reterr_len)
{
    return poc_db_run_sql(queue, "BEGIN IMMEDIATE", what, reterr, reterr_len);
}

int
poc_db_end(const struct poc_queue *queue, int r, const char *what, char *reterr, size_t reterr_len)
{
    if (r == 0)
        r = poc_db_run_sql(queue, "COMMIT", what, reterr, reterr_len);
    /* some errors have rolled it back already */
    if (r < 0 && !sqlite3_get_autocommit(queue->db))
        (void)sqlite3_exec(queue->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int
poc_db_no_memory(const struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    (void)snprintf(reterr, reterr_len, "%s: there is not enough memory to read it", queue->path);
    return -ENOMEM;
}

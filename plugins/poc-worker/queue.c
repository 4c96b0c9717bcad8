/* queue.c: batches on their way to their receivers, in SQLite. */
#include "plugins/poc-worker/queue.h"
#include "plugins/poc-worker/queue_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- batches ---------------------------------------------------------------------------------------------------------
 */

int
poc_queue_put(struct poc_queue *queue, const struct poc_letter *batch, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(
        queue,
        "INSERT INTO batches (kind, url, block_hash, block_height, public_key, node_id, created_ms, bytes, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "ittitiiit", (int64_t)batch->kind, batch->url, batch->block_hash, batch->block_height, batch->public_key,
        batch->node_id, batch->created_ms, (int64_t)strlen(batch->body), batch->body);

    return poc_db_run(queue, statement, "keep a batch", reterr, reterr_len);
}

int
poc_queue_put_progress(struct poc_queue *queue, const char *key, const char *value, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement =
        poc_db_prepare(queue, "INSERT OR REPLACE INTO progress (key, value) VALUES (?, ?)", "tt", key, value);

    return poc_db_run(queue, statement, "keep the progress", reterr, reterr_len);
}

int
poc_queue_put_with_progress(struct poc_queue *queue, const struct poc_letter *batch, const char *key, const char *value,
                            char *reterr, size_t reterr_len)
{
    int r = poc_db_begin(queue, "keep a batch", reterr, reterr_len);

    if (r < 0)
        return r;
    r = poc_queue_put(queue, batch, reterr, reterr_len);
    if (r == 0)
        r = poc_queue_put_progress(queue, key, value, reterr, reterr_len);
    return poc_db_end(queue, r, "keep a batch", reterr, reterr_len);
}

int
poc_queue_get_progress(struct poc_queue *queue, const char *key, char **ret, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "SELECT value FROM progress WHERE key = ?", "t", key);
    int           r = poc_db_step(queue, statement, "read the progress", reterr, reterr_len);

    *ret = r == 1 ? poc_db_text(statement, 0) : NULL;
    if (r == 1 && !*ret)
        r = poc_db_no_memory(queue, reterr, reterr_len);
    (void)sqlite3_finalize(statement);
    return r;
}

/* Reads the row that poc_queue_peek_next() asks for. */
static int
read_batch(sqlite3_stmt *statement, struct poc_letter *ret)
{
    *ret = (struct poc_letter){
        .id = sqlite3_column_int64(statement, 0),
        .kind =
            sqlite3_column_int64(statement, 1) == POC_LETTER_VALIDATED ? POC_LETTER_VALIDATED : POC_LETTER_GENERATED,
        .url = poc_db_text(statement, 2),
        .block_hash = poc_db_text(statement, 3),
        .block_height = sqlite3_column_int64(statement, 4),
        .public_key = poc_db_text(statement, 5),
        .node_id = sqlite3_column_int64(statement, 6),
        .created_ms = sqlite3_column_int64(statement, 7),
        .attempts = sqlite3_column_int64(statement, 8),
        .body = poc_db_text(statement, 9),
        .receiver_failures = sqlite3_column_int64(statement, 10),
    };
    return ret->url && ret->block_hash && ret->public_key && ret->body ? 0 : -ENOMEM;
}

int
poc_queue_peek_next(struct poc_queue *queue, int64_t now_ms, struct poc_letter *ret, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(
        queue,
        "SELECT id, kind, b.url, block_hash, block_height, public_key, node_id, created_ms, attempts, body,"
        " coalesce(failures, 0) FROM batches AS b LEFT JOIN receivers AS r ON r.url = b.url WHERE id ="
        " (SELECT id FROM batches AS b LEFT JOIN receivers AS r ON r.url = b.url"
        "  WHERE b.not_before_ms <= ? AND coalesce(r.not_before_ms, 0) <= ?"
        "  ORDER BY coalesce(failures, 0) > 0, attempts, id LIMIT 1)",
        "ii", now_ms, now_ms);
    int r = poc_db_step(queue, statement, "look for a batch", reterr, reterr_len);

    *ret = (struct poc_letter){0};
    if (r == 1 && read_batch(statement, ret) < 0) {
        poc_letter_done(ret);
        r = poc_db_no_memory(queue, reterr, reterr_len);
    }
    (void)sqlite3_finalize(statement);
    return r;
}

/* The strings behind a peek are ours, whatever the type says to those who put. */
static void
free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void
poc_letter_done(struct poc_letter *batch)
{
    free_text(batch->url);
    free_text(batch->block_hash);
    free_text(batch->public_key);
    free_text(batch->body);
    *batch = (struct poc_letter){0};
}

/* --- what became of them ---------------------------------------------------------------------------------------------
 */

/* The receiver of this batch answers: what waits because it did not is due now. */
static int
set_receiver_well(const struct poc_queue *queue, int64_t id, const char *what, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement =
        poc_db_prepare(queue,
                       "UPDATE batches SET not_before_ms = 0 WHERE refused = 0 AND not_before_ms > 0"
                       " AND url = (SELECT url FROM batches WHERE id = ?) AND url IN (SELECT url FROM receivers)",
                       "i", id);
    int r = poc_db_run(queue, statement, what, reterr, reterr_len);

    if (r < 0)
        return r;
    statement =
        poc_db_prepare(queue, "DELETE FROM receivers WHERE url = (SELECT url FROM batches WHERE id = ?)", "i", id);
    return poc_db_run(queue, statement, what, reterr, reterr_len);
}

static int
set_receiver_held(const struct poc_queue *queue, int64_t id, int64_t until_ms, const char *what, char *reterr,
                  size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(
        queue,
        "INSERT INTO receivers (url, failures, not_before_ms) SELECT url, 1, ? FROM batches WHERE id = ?"
        " ON CONFLICT (url) DO UPDATE SET failures = failures + 1, not_before_ms = excluded.not_before_ms",
        "ii", until_ms, id);

    return poc_db_run(queue, statement, what, reterr, reterr_len);
}

int
poc_queue_sent(struct poc_queue *queue, int64_t id, char *reterr, size_t reterr_len)
{
    static const char *const what = "take an acknowledged batch out";
    int                      r = poc_db_begin(queue, what, reterr, reterr_len);

    if (r < 0)
        return r;
    r = set_receiver_well(queue, id, what, reterr, reterr_len);
    if (r == 0)
        r = poc_db_run(queue, poc_db_prepare(queue, "DELETE FROM batches WHERE id = ?", "i", id), what, reterr,
                       reterr_len);
    return poc_db_end(queue, r, what, reterr, reterr_len);
}

int
poc_queue_failed(struct poc_queue *queue, int64_t id, const struct poc_failure *failure, char *reterr,
                 size_t reterr_len)
{
    static const char *const what = "keep what became of an attempt";
    int64_t                  hold_ms = failure->hold_receiver_ms;
    int                      r = poc_db_begin(queue, what, reterr, reterr_len);

    if (r < 0)
        return r;
    r = poc_db_run(
        queue,
        poc_db_prepare(
            queue, "UPDATE batches SET attempts = attempts + 1, not_before_ms = ?, refused = ?, why = ? WHERE id = ?",
            "iiti", failure->not_before_ms, (int64_t)(hold_ms == 0), failure->why, id),
        what, reterr, reterr_len);
    if (r == 0)
        r = hold_ms > 0 ? set_receiver_held(queue, id, hold_ms, what, reterr, reterr_len)
                        : set_receiver_well(queue, id, what, reterr, reterr_len);
    return poc_db_end(queue, r, what, reterr, reterr_len);
}

int64_t
poc_queue_expire_below(struct poc_queue *queue, int64_t block_height, enum poc_letter_kind kind, char *reterr,
                       size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "DELETE FROM batches WHERE block_height < ? AND kind = ?", "ii",
                                             block_height, (int64_t)kind);
    int           r = poc_db_run(queue, statement, "take expired batches out", reterr, reterr_len);

    return r < 0 ? r : sqlite3_changes(queue->db);
}

int
poc_queue_depth(struct poc_queue *queue, struct poc_queue_depth *ret, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue,
                                             "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(refused), 0),"
                                             " (SELECT count(*) FROM claims) FROM batches",
                                             "");
    int           r = poc_db_step(queue, statement, "count its batches", reterr, reterr_len);

    *ret = (struct poc_queue_depth){0};
    if (r == 1)
        *ret = (struct poc_queue_depth){.batches = sqlite3_column_int64(statement, 0),
                                        .bytes = sqlite3_column_int64(statement, 1),
                                        .refused = sqlite3_column_int64(statement, 2),
                                        .claims = sqlite3_column_int64(statement, 3)};
    (void)sqlite3_finalize(statement);
    return r < 0 ? r : 0;
}

/* queue_claims.c: batches of others that wait to be validated. */
#include "plugins/poc-worker/queue.h"
#include "plugins/poc-worker/queue_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL "model" /* key of the progress */

/* Rows that the last statement changed, or what went wrong. */
static int64_t
changed(const struct poc_queue *queue, int r)
{
    return r < 0 ? r : sqlite3_changes(queue->db);
}

int64_t
poc_queue_drop_claims(struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "DELETE FROM claims", "");

    return changed(queue, poc_db_run(queue, statement, "take batches to validate out", reterr, reterr_len));
}

int64_t
poc_queue_begin_model(struct poc_queue *queue, const char *model, char *reterr, size_t reterr_len)
{
    static const char *const what = "take batches of another model out";
    char                    *kept = NULL;
    int64_t                  dropped = 0;
    int                      r = poc_db_begin(queue, what, reterr, reterr_len);

    if (r < 0)
        return r;
    r = poc_queue_get_progress(queue, MODEL, &kept, reterr, reterr_len);
    if (r == 0 || (r == 1 && strcmp(kept, model) != 0)) {
        dropped = poc_queue_drop_claims(queue, reterr, reterr_len);
        r = dropped < 0 ? (int)dropped : poc_queue_put_progress(queue, MODEL, model, reterr, reterr_len);
    }
    free(kept);
    r = poc_db_end(queue, r < 0 ? r : 0, what, reterr, reterr_len);
    return r < 0 ? r : dropped;
}

/* --- one of them ---------------------------------------------------------------------------------------------------
 */

/* FNV-1a. Texts of the same digest are compared. */
static int64_t
digest_of(const char *text)
{
    uint64_t digest = 14695981039346656037u;

    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * 1099511628211u;
    return (int64_t)digest;
}

/* 1 and the id of the claim with this text; 0: there is none. And how many wait. */
static int
find_same(const struct poc_queue *queue, const char *body, int64_t *ret_id, int64_t *ret_n, char *reterr,
          size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(
        queue, "SELECT coalesce((SELECT id FROM claims WHERE digest = ? AND body = ?), 0), count(*) FROM claims", "it",
        digest_of(body), body);
    int r = poc_db_step(queue, statement, "look for a batch to validate", reterr, reterr_len);

    if (r == 1) {
        *ret_id = sqlite3_column_int64(statement, 0);
        *ret_n = sqlite3_column_int64(statement, 1);
        r = *ret_id > 0;
    }
    (void)sqlite3_finalize(statement);
    return r;
}

int
poc_queue_put_claim(struct poc_queue *queue, const char *body, int64_t created_ms, int64_t *ret_id, char *reterr,
                    size_t reterr_len)
{
    static const char *const what = "keep a batch to validate";
    int64_t                  waiting = 0;
    int                      was_there;
    int                      r = poc_db_begin(queue, what, reterr, reterr_len);

    if (r < 0)
        return r;
    r = find_same(queue, body, ret_id, &waiting, reterr, reterr_len);
    was_there = r == 1;
    if (r == 0 && waiting >= POC_CLAIMS_MAX) {
        (void)snprintf(reterr, reterr_len, "%d batches wait to be validated: no more are taken", POC_CLAIMS_MAX);
        r = -ENOBUFS;
    } else if (r == 0) {
        r = poc_db_run(queue,
                       poc_db_prepare(queue, "INSERT INTO claims (created_ms, digest, body) VALUES (?, ?, ?)", "iit",
                                      created_ms, digest_of(body), body),
                       what, reterr, reterr_len);
        *ret_id = sqlite3_last_insert_rowid(queue->db);
    }
    r = poc_db_end(queue, r < 0 ? r : 0, what, reterr, reterr_len);
    return r < 0 ? r : !was_there;
}

int
poc_queue_next_claim(struct poc_queue *queue, int64_t *ret_id, char **ret, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "SELECT id, body FROM claims ORDER BY id LIMIT 1", "");
    int           r = poc_db_step(queue, statement, "look for a batch to validate", reterr, reterr_len);

    *ret = NULL;
    if (r == 1) {
        *ret_id = sqlite3_column_int64(statement, 0);
        *ret = poc_db_text(statement, 1);
        if (!*ret)
            r = poc_db_no_memory(queue, reterr, reterr_len);
    }
    (void)sqlite3_finalize(statement);
    return r;
}

int
poc_queue_settle_claim(struct poc_queue *queue, int64_t id, const struct poc_letter *result, char *reterr,
                       size_t reterr_len)
{
    static const char *const what = "take a validated batch out";
    int64_t                  gone;
    int                      r = poc_db_begin(queue, what, reterr, reterr_len);

    if (r < 0)
        return r;
    gone = changed(queue, poc_db_run(queue, poc_db_prepare(queue, "DELETE FROM claims WHERE id = ?", "i", id), what,
                                     reterr, reterr_len));
    r = gone < 0 ? (int)gone : 0;
    if (gone > 0 && result)
        r = poc_queue_put(queue, result, reterr, reterr_len);
    return poc_db_end(queue, r, what, reterr, reterr_len);
}

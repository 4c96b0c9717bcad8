/* outbox.c: letters in SQLite. */
#include "plugins/poc-worker/outbox.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 10000

struct poc_outbox {
    sqlite3 *db;
};

static int
say(struct poc_outbox *outbox, const char *what, char *reterr, size_t reterr_len)
{
    int code = outbox->db ? sqlite3_extended_errcode(outbox->db) : SQLITE_NOMEM;

    (void)snprintf(reterr, reterr_len, "the queue of proofs cannot be %s: %s%s", what,
                   outbox->db ? sqlite3_errmsg(outbox->db) : "out of memory",
                   (code & 0xff) == SQLITE_FULL ? ": free some disk space, nothing is generated until then" : "");
    return -1;
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static int
prepare_tables(struct poc_outbox *outbox)
{
    static const char *const steps =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE IF NOT EXISTS letter (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
        " height INTEGER NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
        " not_before INTEGER NOT NULL DEFAULT 0);"
        "CREATE TABLE IF NOT EXISTS progress (key TEXT PRIMARY KEY, value TEXT NOT NULL);";

    return sqlite3_exec(outbox->db, steps, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

/* 1 sound, 0 damaged. */
static int
is_sound(struct poc_outbox *outbox)
{
    sqlite3_stmt *check = NULL;
    int           sound = sqlite3_prepare_v2(outbox->db, "PRAGMA quick_check", -1, &check, NULL) == SQLITE_OK &&
                sqlite3_step(check) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;

    (void)sqlite3_finalize(check);
    return sound;
}

static int
open_file(struct poc_outbox *outbox, const char *path)
{
    if (sqlite3_open_v2(path, &outbox->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        return -1;
    (void)sqlite3_busy_timeout(outbox->db, BUSY_MS);
    return 0;
}

/* The damaged file and what belongs to it, aside. */
static int
move_aside(const char *path, char *ret, size_t len)
{
    static const char *const ends[] = {"-wal", "-shm"};
    char                     part[4200];

    (void)snprintf(ret, len, "%.4000s.damaged", path);
    if (rename(path, ret) < 0)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(part, sizeof(part), "%.4000s%s", path, ends[i]);
        (void)remove(part);
    }
    return 0;
}

int
poc_outbox_open(const char *path, struct poc_outbox **ret, char *reterr, size_t reterr_len)
{
    struct poc_outbox *outbox = calloc(1, sizeof(*outbox));
    char               aside[4200];
    int                r = 0;

    if (!outbox) {
        (void)snprintf(reterr, reterr_len, "out of memory");
        return -1;
    }
    if (open_file(outbox, path) == 0 && !is_sound(outbox) && sqlite3_errcode(outbox->db) != SQLITE_BUSY) {
        (void)sqlite3_close(outbox->db);
        outbox->db = NULL;
        if (move_aside(path, aside, sizeof(aside)) == 0 && open_file(outbox, path) == 0) {
            (void)snprintf(reterr, reterr_len, "the queue of proofs was damaged and begins anew; the old one is %s",
                           aside);
            r = 1;
        }
    }
    if (outbox->db && prepare_tables(outbox) == 0) {
        *ret = outbox;
        return r;
    }
    (void)say(outbox, "opened", reterr, reterr_len);
    poc_outbox_close(outbox);
    return -1;
}

void
poc_outbox_close(struct poc_outbox *outbox)
{
    if (!outbox)
        return;
    (void)sqlite3_close(outbox->db);
    free(outbox);
}

/* --- letters -------------------------------------------------------------------------------------------------------
 */

/* One statement with texts and numbers in their order: 's' const char *, 'i' int64_t. NULL: cannot. */
static sqlite3_stmt *
statement(struct poc_outbox *outbox, const char *sql, const char *kinds, const void *const *values)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(outbox->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return NULL;
    for (int i = 0; kinds[i]; i++) {
        int r = kinds[i] == 's' ? sqlite3_bind_text(stmt, i + 1, values[i], -1, SQLITE_STATIC)
                                : sqlite3_bind_int64(stmt, i + 1, *(const int64_t *)values[i]);

        if (r != SQLITE_OK) {
            (void)sqlite3_finalize(stmt);
            return NULL;
        }
    }
    return stmt;
}

static int
change(struct poc_outbox *outbox, const char *sql, const char *kinds, const void *const *values)
{
    sqlite3_stmt *stmt = statement(outbox, sql, kinds, values);
    int           r = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;

    (void)sqlite3_finalize(stmt);
    return r == SQLITE_DONE ? 0 : -1;
}

static int
put_parts(struct poc_outbox *outbox, const struct poc_letter *letter, const char *key, const char *value)
{
    if (letter) {
        int64_t           kind = letter->kind;
        const void *const values[] = {&kind, &letter->height, letter->url, letter->body};

        if (change(outbox, "INSERT INTO letter (kind, height, url, body) VALUES (?, ?, ?, ?)", "iiss", values) < 0)
            return -1;
    }
    if (key) {
        const void *const values[] = {key, value};

        if (change(outbox, "INSERT OR REPLACE INTO progress (key, value) VALUES (?, ?)", "ss", values) < 0)
            return -1;
    }
    return 0;
}

int
poc_outbox_put(struct poc_outbox *outbox, const struct poc_letter *letter, const char *key, const char *value,
               char *reterr, size_t reterr_len)
{
    if (sqlite3_exec(outbox->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return say(outbox, "written", reterr, reterr_len);
    if (put_parts(outbox, letter, key, value) == 0 && sqlite3_exec(outbox->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    (void)say(outbox, "written", reterr, reterr_len);
    (void)sqlite3_exec(outbox->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static char *
column_copy(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);

    return text ? strdup((const char *)text) : NULL;
}

char *
poc_outbox_get(struct poc_outbox *outbox, const char *key)
{
    const void *const values[] = {key};
    sqlite3_stmt     *stmt = statement(outbox, "SELECT value FROM progress WHERE key = ?", "s", values);
    char             *value = stmt && sqlite3_step(stmt) == SQLITE_ROW ? column_copy(stmt, 0) : NULL;

    (void)sqlite3_finalize(stmt);
    return value;
}

int
poc_outbox_next(struct poc_outbox *outbox, int64_t now_ms, struct poc_letter *ret, char *reterr, size_t reterr_len)
{
    const void *const values[] = {&now_ms};
    sqlite3_stmt     *stmt = statement(outbox,
                                       "SELECT id, kind, height, url, body, attempts FROM letter WHERE not_before <= ?"
                                           " ORDER BY attempts, id LIMIT 1",
                                       "i", values);
    int               step = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;
    int               r = step == SQLITE_DONE ? 0 : -1;

    if (step == SQLITE_ROW) {
        *ret = (struct poc_letter){.id = sqlite3_column_int64(stmt, 0),
                                   .kind = sqlite3_column_int(stmt, 1) ? POC_VALIDATED : POC_GENERATED,
                                   .height = sqlite3_column_int64(stmt, 2),
                                   .url = column_copy(stmt, 3),
                                   .body = column_copy(stmt, 4),
                                   .attempts = sqlite3_column_int64(stmt, 5)};
        r = ret->url && ret->body ? 1 : -1;
        if (r < 0)
            poc_letter_done(ret);
    }
    if (r < 0)
        (void)say(outbox, "read", reterr, reterr_len);
    (void)sqlite3_finalize(stmt);
    return r;
}

void
poc_letter_done(struct poc_letter *letter)
{
    free(letter->url);
    free(letter->body);
    letter->url = NULL;
    letter->body = NULL;
}

int
poc_outbox_sent(struct poc_outbox *outbox, int64_t id, char *reterr, size_t reterr_len)
{
    const void *const values[] = {&id};

    return change(outbox, "DELETE FROM letter WHERE id = ?", "i", values) < 0
               ? say(outbox, "written", reterr, reterr_len)
               : 0;
}

int
poc_outbox_failed(struct poc_outbox *outbox, const struct poc_letter *letter, int64_t not_before_ms, char *reterr,
                  size_t reterr_len)
{
    const void *const counted[] = {&letter->id};
    const void *const waiting[] = {&not_before_ms, letter->url};

    if (change(outbox, "UPDATE letter SET attempts = attempts + 1 WHERE id = ?", "i", counted) < 0 ||
        change(outbox, "UPDATE letter SET not_before = ? WHERE url = ?", "is", waiting) < 0)
        return say(outbox, "written", reterr, reterr_len);
    return 0;
}

int64_t
poc_outbox_expire(struct poc_outbox *outbox, int64_t height)
{
    const void *const values[] = {&height};

    return change(outbox, "DELETE FROM letter WHERE height < ?", "i", values) < 0 ? -1 : sqlite3_changes(outbox->db);
}

int64_t
poc_outbox_depth(struct poc_outbox *outbox)
{
    sqlite3_stmt *stmt = statement(outbox, "SELECT count(*) FROM letter", "", NULL);
    int64_t       n = stmt && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;

    (void)sqlite3_finalize(stmt);
    return n;
}

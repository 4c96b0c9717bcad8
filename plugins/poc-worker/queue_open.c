/* queue_open.c: opens the file of a queue, checks it, and moves it aside when it is damaged. */
#include "plugins/poc-worker/queue.h"
#include "plugins/poc-worker/queue_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SCHEMA_VERSION 2
#define BUSY_MS 10000
#define DAMAGED_MAX 1000 /* moved aside so often, somebody should have looked */

/* refused is 1 when the batch itself is at fault, not its receiver. The body is last: what is asked often is read
 * without it. */
#define SCHEMA                                                                                                      \
    "CREATE TABLE batches (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, url TEXT NOT NULL,"         \
    " block_hash TEXT NOT NULL, block_height INTEGER NOT NULL, public_key TEXT NOT NULL, node_id INTEGER NOT NULL," \
    " created_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before_ms INTEGER NOT NULL DEFAULT 0,"  \
    " refused INTEGER NOT NULL DEFAULT 0, why TEXT, bytes INTEGER NOT NULL, body TEXT NOT NULL);"                   \
    "CREATE TABLE receivers (url TEXT PRIMARY KEY, failures INTEGER NOT NULL, not_before_ms INTEGER NOT NULL);"     \
    "CREATE TABLE progress (key TEXT PRIMARY KEY, value TEXT NOT NULL);"

/* What came with version 2. The digest finds a text that is there already. */
#define SCHEMA_2                                                                              \
    "CREATE TABLE claims (id INTEGER PRIMARY KEY AUTOINCREMENT, created_ms INTEGER NOT NULL," \
    " digest INTEGER NOT NULL, body TEXT NOT NULL);"                                          \
    "CREATE INDEX claims_by_digest ON claims (digest);"                                       \
    "PRAGMA user_version = 2;"

/* Reads what a file says of itself, end to end: 0 it is sound, -EUCLEAN, or another error that says nothing of it. */
static int
check_soundness(const struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "PRAGMA integrity_check(1)", "");
    int           r = poc_db_step(queue, statement, "check it", reterr, reterr_len);
    const char   *verdict = r == 1 ? (const char *)sqlite3_column_text(statement, 0) : NULL;

    if (r == 1 && !verdict) {
        (void)snprintf(reterr, reterr_len, "%s: cannot check it: there is not enough memory", queue->path);
        r = -ENOMEM;
    } else if (r == 1 && strcmp(verdict, "ok") != 0) {
        (void)snprintf(reterr, reterr_len, "%s: %s", queue->path, verdict);
        r = -EUCLEAN;
    }
    (void)sqlite3_finalize(statement);
    return r < 0 ? r : 0;
}

/* The number that a statement answers with. */
static int
ask_number(const struct poc_queue *queue, const char *sql, int64_t *ret, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, sql, "");
    int           r = poc_db_step(queue, statement, "read", reterr, reterr_len);

    if (r == 1)
        *ret = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return r < 0 ? r : 0;
}

/* Makes the tables in an empty file; -EPROTO when it holds something that is not ours. */
static int
check_schema(const struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    int64_t version = 0;
    int64_t tables = 0;
    int     r = poc_db_begin(queue, "write it", reterr, reterr_len);

    if (r < 0)
        return r;
    r = ask_number(queue, "PRAGMA user_version", &version, reterr, reterr_len);
    if (r == 0)
        r = ask_number(queue, "SELECT count(*) FROM sqlite_master", &tables, reterr, reterr_len);
    if (r == 0 && version == 0 && tables == 0) {
        r = poc_db_run_sql(queue, SCHEMA SCHEMA_2, "make its tables", reterr, reterr_len);
    } else if (r == 0 && version == 1) {
        r = poc_db_run_sql(queue, SCHEMA_2, "make its tables", reterr, reterr_len);
    } else if (r == 0 && version != SCHEMA_VERSION) {
        (void)snprintf(reterr, reterr_len, "%s: %s (its version is %lld, this program's %d): give another file",
                       queue->path, version > 0 ? "was made by another version" : "is another program's database",
                       (long long)version, SCHEMA_VERSION);
        r = -EPROTO;
    }
    return poc_db_end(queue, r, "make its tables", reterr, reterr_len);
}

/* WAL is a property of the file and may be refused in silence (no shared memory on a network file system). */
static int
set_durable(const struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    sqlite3_stmt *statement = poc_db_prepare(queue, "PRAGMA journal_mode = WAL", "");
    int           r = poc_db_step(queue, statement, "turn its WAL on", reterr, reterr_len);
    const char   *mode = r == 1 ? (const char *)sqlite3_column_text(statement, 0) : NULL;

    if (r >= 0 && (!mode || strcmp(mode, "wal") != 0)) {
        (void)snprintf(reterr, reterr_len, "%s: cannot have a WAL there: put it on a local file system", queue->path);
        r = -EIO;
    }
    (void)sqlite3_finalize(statement);
    return r < 0 ? r : poc_db_run_sql(queue, "PRAGMA synchronous = FULL", "make it durable", reterr, reterr_len);
}

static int
open_file(struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    int r = sqlite3_open_v2(queue->path, &queue->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    if (r != SQLITE_OK)
        return poc_db_fail(queue, r, "open it", reterr, reterr_len);
    (void)sqlite3_busy_timeout(queue->db, BUSY_MS);
    r = check_soundness(queue, reterr, reterr_len);
    if (r == 0)
        r = check_schema(queue, reterr, reterr_len);
    return r < 0 ? r : set_durable(queue, reterr, reterr_len);
}

static void
close_file(struct poc_queue *queue, int keep_wal)
{
    if (keep_wal)
        (void)sqlite3_db_config(queue->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(queue->db);
    queue->db = NULL;
}

/* Renames PATH<suffix> to AWAY<suffix>; that there is none is no error. With RENAME_NOREPLACE -EEXIST when there is one
 * of that name. */
static int
move_one(const char *path, const char *away, const char *suffix, unsigned flags)
{
    char *from = NULL;
    char *to = NULL;
    int   r = -ENOMEM;

    if (asprintf(&from, "%s%s", path, suffix) >= 0 && asprintf(&to, "%s%s", away, suffix) >= 0)
        r = renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) < 0 && errno != ENOENT ? -errno : 0;
    free(from);
    free(to);
    return r;
}

/* The WAL goes first: should we die in between, it is not taken for the new file's. */
static int
move_to(const char *path, const char *away)
{
    int r = access(away, F_OK) == 0 ? -EEXIST : move_one(path, away, "-wal", RENAME_NOREPLACE);

    if (r == 0)
        r = move_one(path, away, "-shm", 0); /* holds nothing, but the new file must not share it */
    return r == 0 ? move_one(path, away, "", RENAME_NOREPLACE) : r;
}

/* Moves a damaged file out of the way. 1 with a sentence that names it, or a negative errno. */
static int
move_aside(const struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    char *damage = strndup(reterr, reterr_len);
    char *away = NULL;
    int   r = -EEXIST;

    for (int n = 1; r == -EEXIST && n <= DAMAGED_MAX; n++) {
        free(away);
        away = NULL;
        r = asprintf(&away, "%s.damaged-%d", queue->path, n) < 0 ? -ENOMEM : move_to(queue->path, away);
    }
    if (r < 0)
        (void)snprintf(reterr, reterr_len, "%s: is damaged and cannot be moved aside (error %d): move it away yourself",
                       queue->path, -r);
    else
        (void)snprintf(reterr, reterr_len, "it was damaged and is kept as %s: batches in it were not sent (%s)", away,
                       damage ? damage : "");
    free(damage);
    free(away);
    return r < 0 ? r : 1;
}

/* One at a time opens: nobody moves aside what another has just made anew. The descriptor to close, or -errno. */
static int
lock_opening(const char *path, char *reterr, size_t reterr_len)
{
    char *name = NULL;
    int   fd = asprintf(&name, "%s.lock", path) < 0 ? -1 : open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int   r = fd < 0 ? -errno : 0;

    while (r == 0 && flock(fd, LOCK_EX) < 0)
        r = errno == EINTR ? 0 : -errno;
    if (r < 0) {
        (void)snprintf(reterr, reterr_len, "%s.lock: cannot be made (error %d): look at the folder and its rights",
                       path, -r);
        if (fd >= 0)
            (void)close(fd);
    }
    free(name);
    return r < 0 ? r : fd;
}

static int
open_or_renew(struct poc_queue *queue, char *reterr, size_t reterr_len)
{
    char again[512];
    int  r = open_file(queue, reterr, reterr_len);
    int  moved;

    if (r != -EUCLEAN)
        return r;
    close_file(queue, 1);
    moved = move_aside(queue, reterr, reterr_len);
    if (moved < 0)
        return moved;
    r = open_file(queue, again, sizeof(again));
    if (r < 0)
        (void)snprintf(reterr, reterr_len, "%s", again);
    return r < 0 ? r : moved;
}

int
poc_queue_open(const char *path, struct poc_queue **ret, char *reterr, size_t reterr_len)
{
    struct poc_queue *queue = calloc(1, sizeof(*queue));
    int               lock;
    int               r;

    *ret = NULL;
    if (!queue || !(queue->path = strdup(path))) {
        free(queue);
        (void)snprintf(reterr, reterr_len, "%s: there is not enough memory", path);
        return -ENOMEM;
    }
    lock = lock_opening(path, reterr, reterr_len);
    r = lock < 0 ? lock : open_or_renew(queue, reterr, reterr_len);
    if (lock >= 0)
        (void)close(lock);
    if (r < 0) {
        poc_queue_close(queue);
        return r;
    }
    *ret = queue;
    return r;
}

void
poc_queue_close(struct poc_queue *queue)
{
    if (!queue)
        return;
    close_file(queue, 0);
    free(queue->path);
    free(queue);
}

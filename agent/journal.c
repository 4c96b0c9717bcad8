/* journal.c: the append-only record of runs, acts and events. */
#include "agent/journal.h"
#include "kit/json.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEWEST "journal.jsonl"
#define TAIL_MAX (1 << 20) /* how far back unfinished runs and the last sequence are looked for */

struct journal {
    int      dir_fd;
    int      write_fd;
    int      sync_fd;
    uint64_t size;
    uint64_t max_size;
    unsigned files;
    uint64_t seq;
    uint64_t lost;
};

static char *
read_tail(const struct journal *journal, size_t *ret_len)
{
    uint64_t from = journal->size > TAIL_MAX ? journal->size - TAIL_MAX : 0;
    size_t   len = (size_t)(journal->size - from);
    char    *text = malloc(len + 1);
    ssize_t  n;

    if (!text)
        return NULL;
    n = pread(journal->sync_fd, text, len, (off_t)from);
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *ret_len = (size_t)n;
    return text;
}

/* Calls each complete line of the tail that is a JSON object. */
static void
each_tail_record(const struct journal *journal, void (*visit)(cJSON *record, void *userdata), void *userdata)
{
    size_t len = 0;
    char  *text = read_tail(journal, &len);
    char  *line = text;

    while (line && line < text + len) {
        char  *end = memchr(line, '\n', (size_t)(text + len - line));
        cJSON *record;

        if (!end)
            break;
        record = cJSON_ParseWithLength(line, (size_t)(end - line));
        if (record)
            visit(record, userdata);
        cJSON_Delete(record);
        line = end + 1;
    }
    free(text);
}

static void
note_seq(cJSON *record, void *userdata)
{
    struct journal *journal = userdata;
    const char     *seq = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "seq"));
    uint64_t        value = seq ? strtoull(seq, NULL, 10) : 0;

    if (value > journal->seq)
        journal->seq = value;
}

static int
open_newest(struct journal *journal)
{
    struct stat st;
    char        last = '\n';

    journal->write_fd = openat(journal->dir_fd, NEWEST, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (journal->write_fd < 0)
        return -errno;
    journal->sync_fd = openat(journal->dir_fd, NEWEST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (journal->sync_fd < 0 || fstat(journal->sync_fd, &st) < 0)
        return -errno;
    if (st.st_size == 0)
        (void)fsync(journal->dir_fd); /* perhaps just made: its name must last as well as what is written to it */
    journal->size = (uint64_t)st.st_size;
    if (journal->size > 0 && pread(journal->sync_fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
        if (write(journal->write_fd, "\n", 1) == 1) /* closes the torn line of a crash */
            journal->size++;
    return 0;
}

static void
close_files(struct journal *journal)
{
    if (journal->write_fd >= 0)
        (void)close(journal->write_fd);
    if (journal->sync_fd >= 0)
        (void)close(journal->sync_fd);
    journal->write_fd = journal->sync_fd = -1;
}

int
journal_open(const char *state_dir, uint64_t max_size, unsigned files, struct journal **ret, char *reterr,
             size_t reterr_len)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    char            path[4096];
    const char     *step = "make";
    int             r;

    if (!journal)
        return -ENOMEM;
    *journal = (struct journal){.dir_fd = -1, .write_fd = -1, .sync_fd = -1, .max_size = max_size, .files = files};
    (void)snprintf(path, sizeof(path), "%s/journal", state_dir);
    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        goto fail;
    step = "open";
    journal->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (journal->dir_fd < 0)
        goto fail;
    step = "lock";
    if (flock(journal->dir_fd, LOCK_EX | LOCK_NB) < 0)
        goto fail;
    step = "open " NEWEST " in";
    r = open_newest(journal);
    if (r < 0) {
        errno = -r;
        goto fail;
    }
    each_tail_record(journal, note_seq, journal);
    *ret = journal;
    return 0;
fail:
    r = -errno;
    (void)snprintf(reterr, reterr_len, "cannot %s the journal folder '%s': %m%s", step, path,
                   r == -EWOULDBLOCK ? ": another gonka-agent uses this state_dir" : "");
    journal_close(journal);
    return r;
}

/* journal.jsonl becomes journal.1.jsonl and so on; the oldest goes. On a failure the newest file just grows on. */
static void
rotate(struct journal *journal)
{
    char from[64];
    char to[64];

    for (unsigned i = journal->files > 1 ? journal->files - 1 : 1; i >= 1; i--) {
        if (i == 1)
            (void)snprintf(from, sizeof(from), NEWEST);
        else
            (void)snprintf(from, sizeof(from), "journal.%u.jsonl", i - 1);
        (void)snprintf(to, sizeof(to), "journal.%u.jsonl", i);
        if (renameat(journal->dir_fd, from, journal->dir_fd, to) < 0 && errno != ENOENT) {
            log_warning("cannot rotate the journal ('%s' to '%s'): %m, going on in the old file", from, to);
            journal->max_size += journal->max_size / 2 + 1;
            return;
        }
    }
    close_files(journal);
    if (open_newest(journal) < 0)
        log_err("cannot open a new journal file: %m, acts will be refused until this works");
}

int
journal_append(struct journal *journal, cJSON *record)
{
    char    when[CLOCK_ISO_LEN];
    char    seq[24];
    char   *line = NULL;
    size_t  len;
    ssize_t n;
    int     r = 0;

    if (journal->write_fd >= 0 && journal->size >= journal->max_size)
        rotate(journal);
    else if (journal->write_fd < 0)
        (void)open_newest(journal);
    (void)snprintf(seq, sizeof(seq), "%" PRIu64, journal->seq + 1);
    if (!cJSON_AddStringToObject(record, "time", clock_iso(clock_real_ns(), when)) ||
        !cJSON_AddStringToObject(record, "seq", seq) || !(line = ga_json_print(record))) {
        r = -ENOMEM;
        goto out;
    }
    len = strlen(line);
    line[len] = '\n'; /* the NUL's place: one write, so that lines stay whole */
    n = write(journal->write_fd, line, len + 1);
    if (n != (ssize_t)len + 1) {
        r = n < 0 ? -errno : -ENOSPC;
        if (n > 0 && write(journal->write_fd, "\n", 1) == 1) /* part of it got in: close the torn line */
            journal->size += (uint64_t)n + 1;
        goto out;
    }
    journal->size += (uint64_t)n;
    journal->seq++;
out:
    if (r < 0)
        journal->lost++;
    free(line);
    cJSON_Delete(record);
    return r;
}

int
journal_sync_fd(const struct journal *journal)
{
    return journal->sync_fd;
}

uint64_t
journal_lost(const struct journal *journal)
{
    return journal->lost;
}

static void
track_run(cJSON *record, void *userdata)
{
    cJSON      *open_runs = userdata;
    const char *rec = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "rec"));
    const char *run = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "run"));

    if (!rec || !run)
        return;
    if (strcmp(rec, "run.start") == 0)
        cJSON_AddItemToObject(open_runs, run, cJSON_Duplicate(record, 1));
    else if (strcmp(rec, "run.end") == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(open_runs, run);
}

void
journal_unfinished(const struct journal *journal, void (*found)(const cJSON *start, void *userdata), void *userdata)
{
    cJSON *open_runs = cJSON_CreateObject();
    cJSON *start;

    if (!open_runs)
        return;
    each_tail_record(journal, track_run, open_runs);
    cJSON_ArrayForEach(start, open_runs) found(start, userdata);
    cJSON_Delete(open_runs);
}

void
journal_close(struct journal *journal)
{
    if (!journal)
        return;
    close_files(journal);
    if (journal->dir_fd >= 0)
        (void)close(journal->dir_fd);
    free(journal);
}

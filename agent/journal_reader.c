/* journal_reader.c: reads the journal's files, oldest record first, and follows their rotation. */
#include "agent/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clock.h"
#include "kit/json.h"

#define FILES_MAX 256           /* files open at once */
#define GAP_MAX 3               /* missing numbers before we believe that there are no older files */
#define LINE_MAX_LEN (8u << 20) /* no record is longer: what is longer is rubbish */

struct file {
    int   fd;
    dev_t dev;
    ino_t ino;
};

struct journal_reader {
    int         dir_fd;
    int         watch_fd;
    int64_t     since_ns;
    struct file files[FILES_MAX]; /* oldest first */
    size_t      n_files;
    size_t      current;
    char       *buf;
    size_t      len;
    size_t      start; /* of what was not yet taken */
    size_t      room;
    uint64_t    skipped;
};

/* Opens one file of the journal. 0, or -errno. */
static int
open_file(const struct journal_reader *reader, unsigned number, struct file *ret, int64_t *ret_written_ns)
{
    struct stat st;
    char        name[40] = "journal.jsonl";

    if (number > 0) {
        (void)snprintf(name, sizeof(name), "journal.%u.jsonl", number);
    }
    int fd = openat(reader->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return -EINVAL;
    }
    *ret = (struct file){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
    *ret_written_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    return 0;
}

/*
 * Adds the files that are newer than `last` (NULL: all). Newest first, so that a rotation in between shows us a file
 * twice but never hides one.
 */
static int
add_files(struct journal_reader *reader, const struct file *last)
{
    struct file found[FILES_MAX];
    size_t      n = 0;
    unsigned    gap = 0;

    for (unsigned number = 0; gap < GAP_MAX && n < FILES_MAX - reader->n_files; number++) {
        struct file file;
        int64_t     written_ns = 0;
        int         r = open_file(reader, number, &file, &written_ns);
        if (r == -ENOENT) {
            gap++;
            continue;
        }
        if (r < 0) {
            while (n > 0) {
                (void)close(found[--n].fd);
            }
            return r;
        }
        gap = 0;
        bool known = last && last->dev == file.dev && last->ino == file.ino;
        bool twice = n > 0 && found[n - 1].ino == file.ino && found[n - 1].dev == file.dev;
        if (known || written_ns < reader->since_ns) {
            (void)close(file.fd);
            break; /* all further ones are older still */
        }
        if (twice) {
            (void)close(file.fd);
            continue;
        }
        found[n++] = file;
    }
    while (n > 0) {
        reader->files[reader->n_files++] = found[--n];
    }
    return 0;
}

int
journal_reader_open(const char *state_dir, int64_t since_ns, struct journal_reader **ret, char *reterr,
                    size_t reterr_len)
{
    struct journal_reader *reader = calloc(1, sizeof(*reader));
    char                   path[4096];
    int                    r;

    if (!reader) {
        return -ENOMEM;
    }
    (void)snprintf(path, sizeof(path), "%s/journal", state_dir);
    *reader = (struct journal_reader){.watch_fd = -1, .since_ns = since_ns};
    reader->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader->dir_fd < 0) {
        r = -errno;
        goto fail;
    }
    reader->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (reader->watch_fd < 0 || inotify_add_watch(reader->watch_fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        r = -errno;
        goto fail;
    }
    r = add_files(reader, NULL);
    if (r < 0) {
        goto fail;
    }
    *ret = reader;
    return 0;
fail:
    journal_reader_close(reader);
    errno = -r;
    (void)snprintf(reterr, reterr_len, "cannot read the journal below '%s': %m%s", path,
                   r == -ENOENT   ? ": nothing was run with this state_dir yet"
                   : r == -EACCES ? ": be root, or join the group that owns this folder"
                                  : "");
    return r;
}

/* Takes the next whole line of the buffer. false: there is none. */
static bool
take_line(struct journal_reader *reader, cJSON **ret)
{
    char  *from = reader->buf ? reader->buf + reader->start : NULL;
    char  *end = from ? memchr(from, '\n', reader->len - reader->start) : NULL;
    char   error[160];
    cJSON *record;

    if (!end) {
        return false;
    }
    size_t len = (size_t)(end - from);
    reader->start += len + 1;
    record = ga_json_parse(from, len, error, sizeof(error));
    if (!cJSON_IsObject(record)) {
        reader->skipped += len > 0;
        cJSON_Delete(record);
        record = NULL;
    }
    *ret = record;
    return true;
}

/* Reads on in the current file. Bytes read, 0 at its end, or -errno. */
static ssize_t
fill(struct journal_reader *reader)
{
    if (reader->start > 0) {
        reader->len -= reader->start;
        memmove(reader->buf, reader->buf + reader->start, reader->len);
        reader->start = 0;
    }
    if (reader->len > LINE_MAX_LEN) {
        reader->skipped++;
        reader->len = 0;
    }
    if (reader->room - reader->len < 65536) {
        size_t room = reader->room ? reader->room * 2 : 131072;
        char  *buf = realloc(reader->buf, room);
        if (!buf) {
            return -ENOMEM;
        }
        reader->buf = buf;
        reader->room = room;
    }
    ssize_t n;
    do {
        n = read(reader->files[reader->current].fd, reader->buf + reader->len, reader->room - reader->len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    reader->len += (size_t)n;
    return n;
}

int
journal_reader_next(struct journal_reader *reader, cJSON **ret)
{
    cJSON *record;

    while (reader->current < reader->n_files) {
        while (take_line(reader, &record)) {
            if (record) {
                *ret = record;
                return 0;
            }
        }
        ssize_t n = fill(reader);
        if (n < 0) {
            return (int)n;
        }
        if (n > 0) {
            continue;
        }
        if (reader->current + 1 >= reader->n_files) {
            break;
        }
        reader->skipped += reader->len > 0; /* the torn end of a file that is no longer written to */
        reader->len = 0;
        (void)close(reader->files[reader->current].fd);
        reader->files[reader->current++].fd = -1;
    }
    return -ENODATA;
}

/* Forgets files that were read to the end, so that following for months needs no more room. */
static void
drop_read_files(struct journal_reader *reader)
{
    size_t n = reader->current;

    if (n > 0 && n < reader->n_files) {
        memmove(reader->files, reader->files + n, (reader->n_files - n) * sizeof(reader->files[0]));
        reader->n_files -= n;
        reader->current = 0;
    }
}

int
journal_reader_wait(struct journal_reader *reader, int timeout_ms)
{
    struct pollfd p = {.fd = reader->watch_fd, .events = POLLIN};
    char          events[4096];
    int           n = poll(&p, 1, timeout_ms);

    if (n < 0) {
        return -errno;
    }
    if (n == 0) {
        return -ETIMEDOUT;
    }
    while (read(reader->watch_fd, events, sizeof(events)) > 0) {
    }
    drop_read_files(reader);
    return add_files(reader, reader->n_files > 0 ? &reader->files[reader->n_files - 1] : NULL);
}

uint64_t
journal_reader_skipped(const struct journal_reader *reader)
{
    return reader->skipped;
}

void
journal_reader_close(struct journal_reader *reader)
{
    if (!reader) {
        return;
    }
    for (size_t i = reader->current; i < reader->n_files; i++) {
        (void)close(reader->files[i].fd);
    }
    if (reader->dir_fd >= 0) {
        (void)close(reader->dir_fd);
    }
    if (reader->watch_fd >= 0) {
        (void)close(reader->watch_fd);
    }
    free(reader->buf);
    free(reader);
}

/* unpack.c: one file out of an archive that a stranger made. */
#include "kit/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 16)
#define SHOWN 80 /* characters of an entry's name in a sentence */

struct work {
    const struct ga_unpack *unpack;
    struct archive         *archive;
    char                   *chunk;
    uint64_t                total;   /* unpacked so far, of all entries */
    uint64_t                written; /* of the wanted one */
    int                     found;
    char                   *reterr;
    size_t                  len;
};

static int
say(const struct work *work, int r, const char *name, const char *what)
{
    char   shown[SHOWN + 1];
    size_t n = 0;

    for (; name && name[n] && n < SHOWN; n++)
        shown[n] = name[n] > ' ' && name[n] < 0x7f ? name[n] : '?';
    shown[n] = '\0';
    (void)snprintf(work->reterr, work->len, "the archive%s%s %s", n ? ": its entry " : "", shown, what);
    return r;
}

static int
is_cancelled(const struct ga_unpack *unpack)
{
    struct pollfd ready = {.fd = unpack->cancel_fd, .events = POLLIN};

    return unpack->cancel_fd > 0 && poll(&ready, 1, 0) > 0;
}

static int
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* 1 when a name stays within the folder that it is unpacked into. */
static int
stays_inside(const char *name)
{
    if (name[0] == '/' || strchr(name, '\\'))
        return 0;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return 0;
    }
    return 1;
}

static const char *
last_part(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

/* What is wrong with the entry itself; 0 when nothing is. */
static int
judge_entry(const struct work *work, struct archive_entry *entry, const char *name)
{
    unsigned int type = archive_entry_filetype(entry);

    if (!name || !*name)
        return say(work, -EPERM, "", "has an entry whose name cannot be read: do not use it");
    if (!stays_inside(name))
        return say(work, -EPERM, name, "leads out of the folder it is unpacked into: do not use it");
    if (type == AE_IFLNK || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
        return say(work, -EPERM, name, "is a link: do not use it");
    if (type != AE_IFREG && type != AE_IFDIR)
        return say(work, -EPERM, name, "is neither file nor folder: do not use it");
    if (archive_entry_is_encrypted(entry))
        return say(work, -EBADMSG, name, "is encrypted");
    return 0;
}

/* Reads an entry to its end, which counts even where it is not wanted: skipping it costs the same time. */
static int
read_entry(struct work *work, const char *name, int wanted)
{
    for (;;) {
        la_ssize_t n = archive_read_data(work->archive, work->chunk, CHUNK);
        int        r;

        if (n < 0)
            return say(work, -EBADMSG, name, "is damaged: fetch it again");
        if (n == 0)
            return 0;
        work->total += (uint64_t)n;
        if (work->total > work->unpack->max_bytes)
            return say(work, -EFBIG, name, "makes it larger than is allowed when it is unpacked (max_extracted)");
        if (is_cancelled(work->unpack))
            return say(work, -ECANCELED, "", "was not unpacked to its end: the run was cancelled");
        r = wanted ? write_all(work->unpack->out_fd, work->chunk, (size_t)n) : 0;
        if (r < 0)
            return say(work, r, name, "cannot be written: is there room on the disk?");
        work->written += wanted ? (uint64_t)n : 0;
    }
}

static int
take_entry(struct work *work, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    int         r = judge_entry(work, entry, name);
    int         wanted;

    if (r < 0 || archive_entry_filetype(entry) == AE_IFDIR)
        return r;
    wanted = strcmp(last_part(name), work->unpack->name) == 0;
    if (wanted && work->found++)
        return say(work, -EEXIST, name, "is there more than once: which one is meant?");
    return read_entry(work, name, wanted);
}

static int
take_all(struct work *work)
{
    struct archive_entry *entry;
    int                   n = 0;

    for (;;) {
        int r = archive_read_next_header(work->archive, &entry);

        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return say(work, -EBADMSG, "", "is no zip, tar or tar.gz, or damaged");
        if (++n > GA_UNPACK_ENTRIES_MAX)
            return say(work, -EFBIG, "", "has too many entries");
        r = take_entry(work, entry);
        if (r < 0)
            return r;
    }
    if (!work->found) {
        (void)snprintf(work->reterr, work->len, "the archive has no file %s in it", work->unpack->name);
        return -ENOENT;
    }
    return 0;
}

/* No archive, but the program itself. */
static int
copy_bare(struct work *work)
{
    for (off_t at = 0;;) {
        ssize_t n = pread(work->unpack->fd, work->chunk, CHUNK, at);
        int     r;

        if (n < 0)
            return say(work, -errno, "", "cannot be read");
        if (n == 0)
            return 0;
        at += n;
        if ((uint64_t)at > work->unpack->max_bytes)
            return say(work, -EFBIG, "", "is larger than is allowed (max_extracted)");
        r = write_all(work->unpack->out_fd, work->chunk, (size_t)n);
        if (r < 0)
            return say(work, r, "", "cannot be copied: is there room on the disk?");
        work->written = (uint64_t)at;
    }
}

static int
is_bare(int fd)
{
    char magic[4];

    return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && memcmp(magic, "\177ELF", 4) == 0;
}

int
ga_unpack_one(const struct ga_unpack *unpack, uint64_t *ret_bytes, char *reterr, size_t reterr_len)
{
    struct work work = {.unpack = unpack, .reterr = reterr, .len = reterr_len, .chunk = malloc(CHUNK)};
    int         r = 0;

    work.archive = archive_read_new();
    if (!work.archive || !work.chunk || archive_read_support_format_zip(work.archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(work.archive) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(work.archive) != ARCHIVE_OK)
        r = say(&work, -ENOMEM, "", "cannot be unpacked: there is not enough memory");
    else if (is_bare(unpack->fd))
        r = copy_bare(&work);
    else if (lseek(unpack->fd, 0, SEEK_SET) < 0 || archive_read_open_fd(work.archive, unpack->fd, CHUNK) != ARCHIVE_OK)
        r = say(&work, -EBADMSG, "", "is no zip, tar or tar.gz, or damaged");
    else
        r = take_all(&work);
    (void)archive_read_free(work.archive);
    free(work.chunk);
    if (r == 0)
        *ret_bytes = work.written;
    return r;
}

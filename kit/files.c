/* files.c: files read whole and replaced in one step. */
#include "kit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int
failed(int error, const char *what, const char *path, char *reterr, size_t reterr_len)
{
    (void)snprintf(reterr, reterr_len, "%s cannot be %s: %s", path, what, strerrordesc_np(-error));
    return error;
}

static int
read_fd(int fd, size_t cap, char **ret, size_t *ret_len)
{
    struct stat st;
    size_t      len = 0;
    char       *text;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((size_t)st.st_size > cap)
        return -EFBIG;
    text = malloc((size_t)st.st_size + 2); /* one more than it should have: then we see that it has grown */
    if (!text)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, text + len, (size_t)st.st_size + 1 - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || len + (size_t)n > (size_t)st.st_size) {
            n = n < 0 ? -errno : -EAGAIN; /* it changes while we read */
            free(text);
            return (int)n;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    *ret = text;
    *ret_len = len;
    return 0;
}

int
ga_file_read(const char *path, size_t cap, char **ret, size_t *ret_len, char *reterr, size_t reterr_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int r = fd < 0 ? -errno : read_fd(fd, cap, ret, ret_len);

    if (fd >= 0)
        (void)close(fd);
    return r < 0 ? failed(r, "read", path, reterr, reterr_len) : 0;
}

static int
write_whole(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Gives the new file what the old one had. */
static int
inherit(int fd, int dir_fd, const char *name, mode_t mode)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return fchmod(fd, mode) < 0 ? -errno : 0;
    if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(fd, st.st_uid, st.st_gid) < 0)
        return -errno;
    return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

static int
write_aside(int dir_fd, const char *name, const void *data, size_t len, mode_t mode)
{
    char     aside[300];
    unsigned number = 0;
    int      fd;
    int      r;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        number = (unsigned)getpid();
    if ((size_t)snprintf(aside, sizeof(aside), ".%s.%08x", name, number) >= 256)
        return -ENAMETOOLONG;
    fd = openat(dir_fd, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = inherit(fd, dir_fd, name, mode);
    if (r == 0)
        r = write_whole(fd, data, len);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(dir_fd, aside, dir_fd, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(dir_fd, aside, 0);
    else if (fsync(dir_fd) < 0)
        r = -errno;
    return r;
}

/* The folder of a path as a descriptor, and the name within it. */
static int
open_folder(const char *path, char **ret_copy, const char **ret_name)
{
    char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    int   fd;

    if (!copy)
        return -ENOMEM;
    *ret_copy = copy;
    *ret_name = slash ? slash + 1 : copy;
    if (!**ret_name)
        return -EISDIR;
    if (slash)
        *slash = '\0';
    fd = open(!slash ? "." : slash == copy ? "/" : copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int
ga_file_write(const char *path, const void *data, size_t len, mode_t mode, char *reterr, size_t reterr_len)
{
    char       *copy = NULL;
    const char *name;
    int         dir_fd = open_folder(path, &copy, &name);
    int         r = dir_fd < 0 ? dir_fd : write_aside(dir_fd, name, data, len, mode);

    if (dir_fd >= 0)
        (void)close(dir_fd);
    free(copy);
    return r < 0 ? failed(r, "written", path, reterr, reterr_len) : 0;
}

int
ga_file_replace(const char *path, const void *was, size_t was_len, const void *data, size_t len, char *reterr,
                size_t reterr_len)
{
    char  *now = NULL;
    size_t now_len = 0;
    int    r = ga_file_read(path, was_len, &now, &now_len, reterr, reterr_len);
    int    same = r == 0 && now_len == was_len && memcmp(now, was, was_len) == 0;

    free(now);
    if (r < 0 && r != -EFBIG && r != -EAGAIN)
        return r;
    if (!same) {
        (void)snprintf(reterr, reterr_len, "%s was changed by somebody else meanwhile: look at it and try again", path);
        return -ESTALE;
    }
    return ga_file_write(path, data, len, 0644, reterr, reterr_len);
}

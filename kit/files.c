/* files.c: files read whole and replaced in one step. */
#include "kit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
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

/* Reads to the end. What says that it has no size (/proc) is read, too; what grows is read as far as the cap. */
static int
read_fd(int fd, size_t cap, char **ret, size_t *ret_len)
{
    struct stat st;
    size_t      room = 0;
    size_t      len = 0;
    char       *text = NULL;
    ssize_t     n = 1;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if ((size_t)st.st_size > cap || cap > SIZE_MAX / 2)
        return -EFBIG;
    while (n > 0 && len <= cap) {
        if (len == room) {
            size_t want = room ? room * 2 : (size_t)st.st_size + 1; /* one more: then the end is seen at once */
            char  *longer = realloc(text, want + 1);

            if (!longer) {
                free(text);
                return -ENOMEM;
            }
            text = longer;
            room = want;
        }
        n = read(fd, text + len, room - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (size_t)n;
    }
    if (n < 0 || len > cap) {
        int r = n < 0 ? -errno : -EFBIG;

        free(text);
        return r;
    }
    text[len] = '\0';
    *ret = text;
    *ret_len = len;
    return 0;
}

static int
open_and_read(int dir_fd, const char *path, size_t cap, char **ret, size_t *ret_len)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r = fd < 0 ? -errno : read_fd(fd, cap, ret, ret_len);

    if (fd >= 0)
        (void)close(fd);
    return r;
}

int
ga_file_read(const char *path, size_t cap, char **ret, size_t *ret_len, char *reterr, size_t reterr_len)
{
    int r = open_and_read(AT_FDCWD, path, cap, ret, ret_len);

    if (r == -EFBIG)
        (void)snprintf(reterr, reterr_len, "%s cannot be read: it has more than %zu bytes", path, cap);
    else if (r == -EINVAL)
        (void)snprintf(reterr, reterr_len, "%s cannot be read: it is no regular file", path);
    else if (r < 0)
        (void)failed(r, "read", path, reterr, reterr_len);
    return r;
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

/* What a file must still hold when it is replaced. */
struct content {
    const void *data;
    size_t      len;
};

/* 0, -ESTALE when the file holds something else, or -errno. */
static int
check_content(int dir_fd, const char *name, const struct content *was)
{
    char  *now = NULL;
    size_t len = 0;
    int    r = open_and_read(dir_fd, name, was->len, &now, &len);

    if (r == -EFBIG || (r == 0 && (len != was->len || memcmp(now, was->data, len) != 0)))
        r = -ESTALE;
    free(now);
    return r;
}

/* The new content, synced, under a name of its own; stored in aside. 0, or -errno: then it is not there. */
static int
write_aside(int dir_fd, const char *name, const struct content *content, mode_t mode, char *aside, size_t aside_len)
{
    unsigned number = 0;
    int      fd;
    int      r;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        number = (unsigned)getpid();
    if ((size_t)snprintf(aside, aside_len, ".%s.%08x", name, number) > NAME_MAX)
        return -ENAMETOOLONG;
    fd = openat(dir_fd, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = inherit(fd, dir_fd, name, mode);
    if (r == 0)
        r = write_whole(fd, content->data, content->len);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(dir_fd, aside, 0);
    return r;
}

/* `was` is looked at when all that takes time is done; NULL: whatever is there is replaced. */
static int
replace(int dir_fd, const char *name, const struct content *was, const struct content *content, mode_t mode)
{
    char aside[NAME_MAX + 32];
    int  r = write_aside(dir_fd, name, content, mode, aside, sizeof(aside));

    if (r < 0)
        return r;
    if (was)
        r = check_content(dir_fd, name, was);
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

static int
write_path(const char *path, const struct content *was, const struct content *content, mode_t mode, char *reterr,
           size_t reterr_len)
{
    char       *copy = NULL;
    const char *name;
    int         dir_fd = open_folder(path, &copy, &name);
    int         r = dir_fd;

    if (dir_fd >= 0 && was)
        r = check_content(dir_fd, name, was); /* at once, so that nothing is written in vain */
    if (dir_fd >= 0 && r >= 0)
        r = replace(dir_fd, name, was, content, mode);
    if (dir_fd >= 0)
        (void)close(dir_fd);
    free(copy);
    if (r == -ESTALE && was)
        (void)snprintf(reterr, reterr_len, "%s was changed by somebody else meanwhile: look at it and try again", path);
    else if (r < 0)
        (void)failed(r, "written", path, reterr, reterr_len);
    return r < 0 ? r : 0;
}

int
ga_file_write(const char *path, const void *data, size_t len, mode_t mode, char *reterr, size_t reterr_len)
{
    const struct content content = {.data = data, .len = len};

    return write_path(path, NULL, &content, mode, reterr, reterr_len);
}

int
ga_file_replace(const char *path, const void *was, size_t was_len, const void *data, size_t len, char *reterr,
                size_t reterr_len)
{
    const struct content old = {.data = was, .len = was_len};
    const struct content content = {.data = data, .len = len};

    return write_path(path, &old, &content, 0600, reterr, reterr_len); /* the old file's mode counts */
}

/* --- folders ------------------------------------------------------------------------------------------------------ */

/* Syncs the folder that dir_fd (O_PATH) stands for. A folder that may not be read cannot be synced: no error. */
static int
sync_folder(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) == 0 ? 0 : -errno;

    if (fd >= 0)
        (void)close(fd);
    return r;
}

/* Makes the folder `name` in dir_fd, unless somebody is faster. 0 or -errno. */
static int
make_folder(int dir_fd, const char *name, mode_t mode)
{
    int fd;
    int r;

    if (mkdirat(dir_fd, name, 0700) < 0) /* opened to others only when all of its mode is set */
        return errno == EEXIST ? 0 : -errno;
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    r = fchmod(fd, mode) < 0 ? -errno : sync_folder(dir_fd);
    (void)close(fd);
    return r;
}

/* Opens the folder `name` in dir_fd; makes it when it is not there. Its descriptor (O_PATH: a sandbox may let us pass
 * where we may not read), or -errno. */
static int
enter(int dir_fd, const char *name, mode_t mode)
{
    int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd >= 0 || errno != ENOENT)
        return fd >= 0 ? fd : -errno;
    r = make_folder(dir_fd, name, mode);
    if (r < 0)
        return r;
    fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int
ga_folder_make(const char *path, mode_t mode, char *reterr, size_t reterr_len)
{
    char *copy = strdup(path);
    char *rest = copy;
    char *name;
    int   fd = !copy ? -ENOMEM : open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (copy && fd < 0)
        fd = -errno;
    if (copy && !*path)
        rest = NULL;
    while (fd >= 0 && (name = strsep(&rest, "/")) != NULL) {
        int next = *name ? enter(fd, name, mode) : fd;

        if (next == fd)
            continue;
        (void)close(fd);
        fd = next;
        if (fd < 0)
            (void)snprintf(reterr, reterr_len, "%s cannot be made: '%s': %s", path, name, strerrordesc_np(-fd));
    }
    free(copy);
    if (fd >= 0)
        (void)close(fd);
    return fd < 0 ? fd : 0;
}

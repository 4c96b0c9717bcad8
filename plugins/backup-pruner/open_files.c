/* open_files.c: has anybody a file open? */
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kit/remove_walk.h"

/* Servers decide about leases there, or nobody does: an answer says nothing about other clients. */
static int
is_remote(int fd)
{
    static const unsigned long types[] = {0x6969,     /* NFS */
                                          0xff534d42, /* CIFS */
                                          0xfe534d42, /* SMB2 */
                                          0x65735546, /* FUSE */
                                          0x01021997, /* 9P */
                                          0x00c36400 /* Ceph */};
    struct statfs              fs;

    if (fstatfs(fd, &fs) < 0)
        return 1;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (((unsigned long)fs.f_type & 0xffffffffUL) == types[i])
            return 1;
    return 0;
}

static int
note_unasked(struct bp_holders *holders, ino_t ino, int error)
{
    if (holders->n == holders->cap) {
        size_t cap = holders->cap ? holders->cap * 2 : 64;
        ino_t *inos = reallocarray(holders->inos, cap, sizeof(*inos));

        if (!inos)
            return -ENOMEM;
        holders->inos = inos;
        holders->cap = cap;
    }
    holders->inos[holders->n++] = ino;
    if (holders->nothing_seen == 0)
        holders->nothing_seen = error;
    return error;
}

int
bp_ask_lease(struct bp_holders *holders, int dir_fd, const char *name, ino_t ino)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int error;

    if (fd < 0 && errno == EWOULDBLOCK)
        return 1; /* somebody holds a lease on it, so somebody has it open */
    if (fd < 0 && errno == ENOENT)
        return 0; /* gone meanwhile: the second look will differ */
    if (fd < 0)
        return note_unasked(holders, ino, -errno);
    if (!holders->fs_known) {
        holders->fs_known = 1; /* one answer serves for the whole tree: it crosses no mounts */
        holders->fs_remote = is_remote(fd);
    }
    if (holders->fs_remote)
        error = EOPNOTSUPP;
    else
        error = fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ? 0 : errno;
    if (error == 0)
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    (void)close(fd);
    if (error == EAGAIN)
        return 1;
    return error ? note_unasked(holders, ino, -error) : 0;
}

/* --- /proc ---------------------------------------------------------------------------------------------------------
 */

static int
by_number(const void *a, const void *b)
{
    ino_t left = *(const ino_t *)a;
    ino_t right = *(const ino_t *)b;

    return (left > right) - (left < right);
}

static void
name_process(int proc, const char *pid, char *who, size_t len)
{
    char    path[300];
    char    name[64] = "";
    char    shown[128];
    int     fd;
    ssize_t n = -1;

    (void)snprintf(path, sizeof(path), "%s/comm", pid);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, name, sizeof(name) - 1);
        (void)close(fd);
    }
    name[n > 0 ? strcspn(name, "\n") : 0] = '\0';
    (void)snprintf(who, len, "process %s (%s) has a file of it open", pid, ga_show_name(name, shown, sizeof(shown)));
}

/* One process: 1 it has one of the files open, 0 it has not, -errno. */
static int
ask_process(int proc, const char *pid, const struct bp_holders *holders)
{
    char                 path[300];
    const struct dirent *entry;
    DIR                 *folder;
    int                  fd;
    int                  found = 0;

    (void)snprintf(path, sizeof(path), "%s/fd", pid);
    fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH ? 0 : -errno;
    folder = fdopendir(fd);
    if (!folder) {
        (void)close(fd);
        return -ENOMEM;
    }
    while (found == 0 && (entry = readdir(folder)) != NULL) {
        struct stat st;

        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(fd, entry->d_name, &st, 0) < 0)
            found = errno == EACCES || errno == EPERM ? -errno : 0;
        else if (st.st_dev == holders->dev)
            found = bsearch(&st.st_ino, holders->inos, holders->n, sizeof(*holders->inos), by_number) != NULL;
    }
    (void)closedir(folder);
    return found;
}

int
bp_ask_proc(struct bp_holders *holders, char *who, size_t len)
{
    const struct dirent *entry;
    DIR                 *proc = opendir("/proc");
    unsigned             hidden = 0;
    int                  found = 0;
    int                  error = 0;

    if (!proc) {
        error = -errno;
        (void)snprintf(who, len, "/proc: %s", strerrordesc_np(-error));
        return error;
    }
    qsort(holders->inos, holders->n, sizeof(*holders->inos), by_number);
    while (found != 1 && (entry = readdir(proc)) != NULL) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        found = ask_process(dirfd(proc), entry->d_name, holders);
        if (found < 0) {
            hidden++;
            error = found;
        }
        if (found == 1)
            name_process(dirfd(proc), entry->d_name, who, len);
    }
    (void)closedir(proc);
    if (found == 1)
        return 1;
    if (hidden > 0)
        (void)snprintf(who, len, "/proc shows no open files of %u process%s: %s", hidden, hidden == 1 ? "" : "es",
                       strerrordesc_np(-error));
    return hidden > 0 ? error : 0;
}

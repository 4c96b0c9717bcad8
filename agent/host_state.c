/* host_state.c: the plugin's own small documents, kept between runs. */
#include "agent/host.h"
#include "agent/host_values.h"
#include "agent/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LEN_MAX 100

/* Ends the run when it is no name. A leading dot is the agent's: it marks what is being written. */
static void
check_name(struct ga_run *run, const char *what, const char *name)
{
    size_t len;

    host_own_thread(run, what);
    len = name ? strnlen(name, NAME_LEN_MAX + 1) : 0;
    if (len == 0 || len > NAME_LEN_MAX || name[0] == '.' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
        host_fail(run, "contract",
                  "task '%s' called %s(\"%.100s\"), a name is made of [a-z0-9._-] and does not begin with '.'",
                  run->task->name, what, name ? name : "");
}

static int
unreadable(struct ga_run *run, const char *name, const char *why)
{
    host_log(run, GA_LOG_ERR, "cannot read the state '%s': %s", name, why);
    return -1;
}

/* The bytes go behind a link in the run's list. 0, or -errno. */
static int
keep_document(struct ga_run *run, const char *data, size_t len, const void **ret)
{
    struct host_document *document = malloc(sizeof(*document) + len + 1);

    if (!document)
        return -ENOMEM;
    memcpy(document->data, data, len);
    document->data[len] = '\0';
    document->next = run->documents;
    run->documents = document;
    *ret = document->data;
    return 0;
}

int
host_state_get(struct ga_run *run, const char *name, const void **ret, size_t *ret_len)
{
    struct stat st;
    char       *data = NULL;
    size_t      len = 0;
    int         fd;
    int         r;

    check_name(run, "state_get", name);
    if (run->never_ran)
        return 1;
    if (run->state_fd < 0)
        return unreadable(run, name, "there is no folder for the plugin's state");
    fd = openat(run->state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0)
        return unreadable(run, name, strerrordesc_np(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return unreadable(run, name, "it is no regular file");
    }
    r = fd_read_all(fd, HOST_STATE_MAX, &data, &len);
    (void)close(fd);
    if (r == 0)
        r = keep_document(run, data, len, ret);
    free(data);
    if (r < 0)
        return unreadable(run, name, strerrordesc_np(-r));
    *ret_len = len;
    return 0;
}

static int
write_synced(int fd, const char *data, size_t len)
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

/* Aside, synced, renamed, and the rename synced. The name aside is unique: two threads cannot be here, but two runs of
 * a plugin can (resident and read-only tasks). */
static int
replace(int folder, const char *name, const void *data, size_t len)
{
    char aside[NAME_LEN_MAX + 32];
    int  fd;
    int  r;

    (void)snprintf(aside, sizeof(aside), ".%s.%d", name, (int)getpid());
    (void)unlinkat(folder, aside, 0); /* of a run with our number that died here */
    fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = write_synced(fd, data, len);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(folder, aside, folder, name) < 0)
        r = -errno;
    if (r == 0 && fsync(folder) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(folder, aside, 0);
    return r;
}

int
host_state_put(struct ga_run *run, const char *name, const void *data, size_t len)
{
    int r;

    check_name(run, "state_put", name);
    if (!data && len > 0)
        host_fail(run, "contract", "task '%s' called state_put(\"%s\") with no data", run->task->name, name);
    if (run->dry_run)
        return 0;
    if (run->state_fd < 0)
        r = -ENOENT;
    else
        r = len > HOST_STATE_MAX ? -EFBIG : replace(run->state_fd, name, data, len);
    if (r == 0)
        return 0;
    host_log(run, GA_LOG_ERR, "cannot write the state '%s': %s", name, strerrordesc_np(-r));
    return -1;
}

/* The number of the process that writes it aside, 0 when it is no such name. */
static pid_t
writer_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    int64_t     pid = 0;

    if (name[0] != '.' || dot == name || host_parse_number(dot + 1, &pid) < 0 || pid <= 0 || pid > INT32_MAX)
        return 0;
    return (pid_t)pid;
}

void
host_state_tidy(int state_fd)
{
    int                  fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR                 *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!folder) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        pid_t pid = writer_of(entry->d_name);

        if (pid && kill(pid, 0) < 0 && errno == ESRCH)
            (void)unlinkat(state_fd, entry->d_name, 0);
    }
    (void)closedir(folder);
}

/* look.c: what lies where a program of an upgrade belongs. */
#include "plugins/upgrade-preload/home.h"
#include "plugins/upgrade-preload/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
up_place_path(const struct up_place *place, char *buf, size_t len)
{
    (void)snprintf(buf, len, "%s/cosmovisor/upgrades/%s/bin/%s", place->home, place->folder, place->daemon);
    return buf;
}

/* A folder below another, a link not followed. -1 with errno. */
static int
open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Notes why something could not be opened: not there, in the way, or could not look. */
static void
note_error(const char *what, enum up_there missing, struct up_look *ret)
{
    if (errno == ENOENT) {
        ret->there = missing;
    } else if (errno == ENOTDIR || errno == ELOOP) {
        ret->there = UP_THERE_ODD;
        (void)snprintf(ret->odd, sizeof(ret->odd), "%s is a link or a file where a folder belongs", what);
    } else {
        ret->there = UP_THERE_UNKNOWN;
        (void)snprintf(ret->odd, sizeof(ret->odd), "%s cannot be opened: %s", what, strerrordesc_np(errno));
    }
}

/* Is cosmovisor's `current` this folder? */
static int
is_current(int cosmovisor, const char *folder)
{
    char        target[PATH_MAX];
    ssize_t     n = readlinkat(cosmovisor, "current", target, sizeof(target) - 1);
    const char *last;

    if (n <= 0)
        return 0;
    while (n > 1 && target[n - 1] == '/')
        n--;
    target[n] = '\0';
    last = strrchr(target, '/');
    return strcmp(last ? last + 1 : target, folder) == 0 && strstr(target, "upgrades");
}

static int
look_at_file(int bin, const struct up_place *place, int cancel_fd, struct up_look *ret)
{
    int         fd = openat(bin, place->daemon, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    int         r = 0;

    if (fd < 0) {
        note_error("the program", UP_THERE_FOLDER, ret);
        if (ret->there == UP_THERE_ODD)
            (void)snprintf(ret->odd, sizeof(ret->odd), "a link lies where the program belongs");
        return 0;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        ret->there = UP_THERE_ODD;
        (void)snprintf(ret->odd, sizeof(ret->odd), "no regular file lies where the program belongs");
    } else {
        r = up_hash(fd, cancel_fd, ret->sha256);
        ret->there = r == 0 ? UP_THERE_FILE : UP_THERE_UNKNOWN;
        ret->runnable = (st.st_mode & 0111) == 0111;
        if (r < 0)
            (void)snprintf(ret->odd, sizeof(ret->odd), "the program there cannot be read: %s", strerrordesc_np(-r));
    }
    (void)close(fd);
    return r == -ECANCELED ? r : 0;
}

int
up_look(const struct up_place *place, int cancel_fd, struct up_look *ret)
{
    char path[PATH_MAX];
    int  cosmovisor;
    int  upgrades = -1;
    int  folder = -1;
    int  bin = -1;
    int  r = 0;

    *ret = (struct up_look){.there = UP_THERE_UNKNOWN};
    (void)snprintf(path, sizeof(path), "%s/cosmovisor", place->home);
    cosmovisor = open_folder(AT_FDCWD, path);
    if (cosmovisor < 0) {
        (void)snprintf(ret->odd, sizeof(ret->odd), "%.120s: %s; is this a home of cosmovisor?", path,
                       strerrordesc_np(errno));
        return 0;
    }
    ret->is_current = is_current(cosmovisor, place->folder);
    if ((upgrades = open_folder(cosmovisor, "upgrades")) < 0)
        note_error("upgrades/", UP_THERE_NOTHING, ret);
    else if ((folder = open_folder(upgrades, place->folder)) < 0)
        note_error("the upgrade's folder", UP_THERE_NOTHING, ret);
    else if ((bin = open_folder(folder, "bin")) < 0)
        note_error("its folder bin", UP_THERE_FOLDER, ret);
    else
        r = look_at_file(bin, place, cancel_fd, ret);
    for (int *fd = (int[]){bin, folder, upgrades, cosmovisor, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    return r;
}

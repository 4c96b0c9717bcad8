/* place.c: the files of a deploy folder, by handle. */
#include "plugins/seed-manager/place.h"

#include <errno.h>
#include <fcntl.h>
#include <gonka-agent/plugin.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int answer(int outcome, char *why, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int
answer(int outcome, char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, EDIT_WHY_MAX, format, args);
    va_end(args);
    return outcome;
}

const char *
place_name(enum place_which which)
{
    return which == PLACE_ENV ? "config.env" : ".inference/config/config.toml";
}

void
place_digest(const char *data, size_t len, char digest[PLACE_DIGEST_MAX])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned      n = 0;

    digest[0] = '\0';
    if (EVP_Digest(data, len, raw, &n, EVP_sha256(), NULL) != 1)
        return;
    for (unsigned i = 0; i < n && i * 2 + 2 < PLACE_DIGEST_MAX; i++)
        (void)snprintf(digest + i * 2, 3, "%02x", raw[i]);
}

/* --- folders -------------------------------------------------------------------------------------------------------
 */

/* A folder below another: *ret is -1 when it is not there. */
static int
open_below(const struct place *place, int parent_fd, const char *shown, const char *name, int *ret, char *why)
{
    *ret = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret >= 0 || errno == ENOENT)
        return GA_OK;
    if (errno == ELOOP || errno == ENOTDIR)
        return answer(GA_REFUSED, why,
                      "%.300s/%s is a symlink or no folder, and links are not followed: name the folder that really "
                      "holds config.env and .inference as deploy_dir",
                      place->deploy_dir, shown);
    return answer(GA_UNKNOWN, why, "%.300s/%s cannot be opened: %s", place->deploy_dir, shown, strerrordesc_np(errno));
}

static int
has_entry(int dir_fd, const char *name)
{
    struct stat st;

    return dir_fd >= 0 && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
place_open(struct place *place, const char *deploy_dir, char *why)
{
    int r;

    memset(place, 0, sizeof(*place));
    place->deploy_fd = place->home_fd = place->config_fd = -1;
    (void)snprintf(place->deploy_dir, sizeof(place->deploy_dir), "%s", deploy_dir);
    place->deploy_fd = open(deploy_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->deploy_fd < 0)
        return answer(GA_UNKNOWN, why, "deploy_dir %.300s cannot be opened: %s", deploy_dir, strerrordesc_np(errno));
    r = open_below(place, place->deploy_fd, ".inference", ".inference", &place->home_fd, why);
    if (r == GA_OK && place->home_fd >= 0)
        r = open_below(place, place->home_fd, ".inference/config", "config", &place->config_fd, why);
    place->initialized = has_entry(place->home_fd, ".node_initialized");
    place->signs_itself = has_entry(place->config_fd, "priv_validator_key.json");
    return r;
}

void
place_close(struct place *place)
{
    if (place->config_fd >= 0)
        (void)close(place->config_fd);
    if (place->home_fd >= 0)
        (void)close(place->home_fd);
    if (place->deploy_fd >= 0)
        (void)close(place->deploy_fd);
    place->deploy_fd = place->home_fd = place->config_fd = -1;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

/* Reads what fd stands for, at most PLACE_FILE_CAP bytes. 0 or -errno. */
static int
read_whole(int fd, struct place_file *file)
{
    file->data = malloc(PLACE_FILE_CAP + 2);
    if (!file->data)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, file->data + file->len, PLACE_FILE_CAP + 1 - file->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        file->len += (size_t)n;
        if (file->len > PLACE_FILE_CAP)
            return -EFBIG;
        if (n == 0)
            break;
    }
    file->data[file->len] = '\0';
    place_digest(file->data, file->len, file->digest);
    return file->digest[0] ? 0 : -ENOMEM;
}

/* Opens and reads `name` into file->st, data, len, digest. 0, -errno; -ELOOP: a symlink, -EINVAL: no regular file. */
static int
read_name(int dir_fd, const char *name, struct place_file *file)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r = fd < 0 ? -errno : 0;

    if (r == 0 && fstat(fd, &file->st) < 0)
        r = -errno;
    if (r == 0 && !S_ISREG(file->st.st_mode))
        r = -EINVAL;
    if (r == 0)
        r = read_whole(fd, file);
    if (fd >= 0)
        (void)close(fd);
    return r;
}

int
place_read(const struct place *place, enum place_which which, struct place_file *ret, char *why)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    (void)snprintf(ret->path, sizeof(ret->path), "%s/%s", place->deploy_dir, place_name(which));
    (void)snprintf(ret->name, sizeof(ret->name), "%s", which == PLACE_ENV ? "config.env" : "config.toml");
    ret->dir_fd = which == PLACE_ENV ? place->deploy_fd : place->config_fd;
    if (ret->dir_fd < 0)
        return answer(GA_UNKNOWN, why, "%.300s is not there: its folder is made by the node's first start", ret->path);
    r = read_name(ret->dir_fd, ret->name, ret);
    if (r == -ELOOP)
        return answer(GA_REFUSED, why, "%.300s is a symlink: replacing it would cut the link; make it a regular file",
                      ret->path);
    if (r == -EINVAL)
        return answer(GA_REFUSED, why, "%.300s is no regular file", ret->path);
    if (r == -EFBIG)
        return answer(GA_REFUSED, why, "%.300s has more than %u bytes: that is no such file", ret->path,
                      PLACE_FILE_CAP);
    if (r < 0)
        return answer(GA_UNKNOWN, why, "%.300s cannot be read: %s", ret->path, strerrordesc_np(-r));
    if (ret->st.st_nlink > 1)
        return answer(GA_REFUSED, why, "%.300s has %lu hard links: replacing it would part them; remove the others",
                      ret->path, (unsigned long)ret->st.st_nlink);
    return GA_OK;
}

void
place_file_done(struct place_file *file)
{
    free(file->data);
    file->data = NULL;
}

void
place_digest_beside(const struct place_file *file, const char *name, char digest[PLACE_DIGEST_MAX])
{
    struct place_file other = {.len = 0};

    digest[0] = '\0';
    if (read_name(file->dir_fd, name, &other) == 0)
        memcpy(digest, other.digest, PLACE_DIGEST_MAX);
    place_file_done(&other);
}

/* --- writing -------------------------------------------------------------------------------------------------------
 */

int
place_writable(const struct place_file *file, char *why)
{
    uid_t me = geteuid();

    if (faccessat(file->dir_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return answer(GA_REFUSED, why, "the folder of %.300s cannot be written by user %u: %s; run the agent as root",
                      file->path, (unsigned)me, strerrordesc_np(errno));
    if (me != 0 && file->st.st_uid != me)
        return answer(GA_REFUSED, why,
                      "%.300s belongs to user %u, and user %u, who runs the agent, cannot keep that: run the agent as "
                      "root or as that user",
                      file->path, (unsigned)file->st.st_uid, (unsigned)me);
    return GA_OK;
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

int
place_put_beside(const struct place_file *file, const char *name, const char *data, size_t len, char *why)
{
    /* Secrets: nobody but the owner may read it until it has the mode it is to have. */
    int fd = openat(file->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;

    if (r == 0 && (file->st.st_uid != geteuid() || file->st.st_gid != getegid()) &&
        fchown(fd, file->st.st_uid, file->st.st_gid) < 0)
        r = -errno;
    if (r == 0 && fchmod(fd, file->st.st_mode & 07777) < 0)
        r = -errno;
    if (r == 0)
        r = write_synced(fd, data, len);
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && fsync(file->dir_fd) < 0)
        r = -errno;
    if (r == 0)
        return GA_OK;
    if (fd >= 0)
        (void)unlinkat(file->dir_fd, name, 0);
    return answer(GA_FAILED, why, "%s, to lie beside %.300s, cannot be written: %s", name, file->path,
                  strerrordesc_np(-r));
}

int
place_unchanged(const struct place_file *file, char *why)
{
    struct place_file now = {.len = 0};
    int               r = read_name(file->dir_fd, file->name, &now);
    int               same = r == 0 && now.st.st_dev == file->st.st_dev && now.st.st_ino == file->st.st_ino &&
               now.st.st_size == file->st.st_size && now.st.st_mtim.tv_sec == file->st.st_mtim.tv_sec &&
               now.st.st_mtim.tv_nsec == file->st.st_mtim.tv_nsec && strcmp(now.digest, file->digest) == 0;

    place_file_done(&now);
    if (same)
        return GA_OK;
    return answer(GA_REFUSED, why, "%.300s was changed by somebody else since it was read: nothing was written to it",
                  file->path);
}

int
place_rename(const struct place_file *file, const char *name, char *why)
{
    int r = place_unchanged(file, why);

    if (r != GA_OK)
        return r;
    if (renameat(file->dir_fd, name, file->dir_fd, file->name) < 0)
        return answer(GA_FAILED, why, "%.300s cannot be replaced: %s", file->path, strerrordesc_np(errno));
    if (fsync(file->dir_fd) < 0)
        return answer(GA_FAILED, why, "the folder of %.300s cannot be synced: %s", file->path, strerrordesc_np(errno));
    return GA_OK;
}

void
place_remove_beside(const struct place_file *file, const char *name)
{
    if (unlinkat(file->dir_fd, name, 0) == 0)
        (void)fsync(file->dir_fd);
}

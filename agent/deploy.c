/* deploy.c: looks at a host's deploy directory. */
#include "agent/deploy.h"

#include "kit/files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ENV_MAX ((size_t)1 << 20)
#define DOCKER_SOCKET "/var/run/docker.sock"

/* Where the network's own documents put it. */
static const char *const usual[] = {".", "/opt/gonka/deploy/join", "/root/gonka/deploy/join", "/srv/gonka/deploy/join"};

static bool
is_type(const char *dir, const char *name, mode_t type)
{
    char        path[4096];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* One line, `export NAME=VALUE`; the value without its quotes and without a comment, or NULL. */
static char *
value_in(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    char   quote = '\0';
    char  *value;
    size_t used = 0;

    while (len > 0 && isblank((unsigned char)*line))
        line++, len--;
    if (len > 7 && strncmp(line, "export", 6) == 0 && isblank((unsigned char)line[6]))
        for (line += 7, len -= 7; len > 0 && isblank((unsigned char)*line); line++)
            len--;
    if (len <= n || strncmp(line, name, n) != 0 || line[n] != '=')
        return NULL;
    value = malloc(len + 1);
    for (size_t i = n + 1; value && i < len; i++) {
        char c = line[i];

        if (quote && c == quote)
            quote = '\0';
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (!quote && (c == '#' || c == ';' || isspace((unsigned char)c)))
            break;
        else
            value[used++] = c;
    }
    if (value)
        value[used] = '\0';
    return value;
}

char *
deploy_env(const char *text, const char *name)
{
    char *found = NULL;

    while (*text) {
        size_t len = strcspn(text, "\n");
        char  *value = value_in(text, len, name);

        if (value) {
            free(found);
            found = value;
        }
        text += len + (text[len] == '\n');
    }
    return found;
}

static void
read_env(struct deploy *deploy)
{
    char   path[4096];
    char  *text = NULL;
    size_t len = 0;
    char   why[256];
    char  *port = NULL;

    (void)snprintf(deploy->api_port, sizeof(deploy->api_port), "8000");
    (void)snprintf(path, sizeof(path), "%s/config.env", deploy->dir);
    if (ga_file_read(path, ENV_MAX, &text, &len, why, sizeof(why)) < 0)
        return;
    port = deploy_env(text, "API_PORT");
    if (port && strspn(port, "0123456789") == strlen(port) && *port && strlen(port) <= 5)
        (void)snprintf(deploy->api_port, sizeof(deploy->api_port), "%s", port);
    deploy->key_name = deploy_env(text, "KEY_NAME");
    explicit_bzero(text, len); /* it holds the keyring's password */
    free(text);
    free(port);
}

static unsigned
count_backups(const char *dir, const char *home)
{
    char           path[4096];
    DIR           *folder;
    struct dirent *entry;
    unsigned       n = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, home);
    folder = opendir(path);
    while (folder && (entry = readdir(folder)) != NULL)
        n += strncmp(entry->d_name, "data-backup-", 12) == 0;
    if (folder)
        (void)closedir(folder);
    return n;
}

static void
look(struct deploy *deploy)
{
    struct statvfs disk;
    struct stat    st;

    deploy->compose =
        is_type(deploy->dir, "docker-compose.yml", S_IFREG) || is_type(deploy->dir, "compose.yml", S_IFREG);
    deploy->config_env = is_type(deploy->dir, "config.env", S_IFREG);
    deploy->inference = is_type(deploy->dir, ".inference", S_IFDIR);
    deploy->dapi = is_type(deploy->dir, ".dapi", S_IFDIR);
    deploy->tmkms = is_type(deploy->dir, ".tmkms", S_IFDIR);
    deploy->docker_socket = stat(DOCKER_SOCKET, &st) == 0 && S_ISSOCK(st.st_mode);
    if (deploy->inference)
        deploy->backups += count_backups(deploy->dir, ".inference");
    if (deploy->dapi)
        deploy->backups += count_backups(deploy->dir, ".dapi");
    if (statvfs(deploy->dir, &disk) == 0) {
        deploy->disk_size = (uint64_t)disk.f_blocks * disk.f_frsize;
        deploy->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
}

static bool
looks_like_one(const char *dir)
{
    return is_type(dir, ".inference", S_IFDIR) || is_type(dir, ".dapi", S_IFDIR) ||
           (is_type(dir, "config.env", S_IFREG) &&
            (is_type(dir, "docker-compose.yml", S_IFREG) || is_type(dir, "compose.yml", S_IFREG)));
}

static int
find_usual(struct deploy *ret, char *reterr, size_t reterr_len)
{
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (looks_like_one(usual[i])) {
            ret->dir = realpath(usual[i], NULL);
            return ret->dir ? 0 : -1;
        }
    (void)snprintf(
        reterr, reterr_len,
        "no deploy directory here nor in the usual places (it holds docker-compose.yml, config.env, .inference or "
        ".dapi): name it, gonka-agent init DEPLOY_DIR");
    return -1;
}

int
deploy_look(const char *dir, struct deploy *ret, char *reterr, size_t reterr_len)
{
    struct stat st;

    *ret = (struct deploy){.dir = NULL};
    if (!dir) {
        if (find_usual(ret, reterr, reterr_len) < 0)
            return -1;
    } else {
        ret->dir = realpath(dir, NULL);
        if (!ret->dir || stat(ret->dir, &st) < 0) {
            (void)snprintf(reterr, reterr_len, "%s: %s", dir, strerrordesc_np(errno));
            return -1;
        }
        if (!S_ISDIR(st.st_mode)) {
            (void)snprintf(reterr, reterr_len,
                           "%s is no folder: name the deploy directory, the one with docker-compose.yml", dir);
            return -1;
        }
        if (!looks_like_one(ret->dir)) {
            (void)snprintf(
                reterr, reterr_len,
                "%s does not look like a deploy directory: it has none of .inference, .dapi, or config.env with "
                "docker-compose.yml",
                dir);
            return -1;
        }
    }
    read_env(ret);
    look(ret);
    return 0;
}

void
deploy_done(struct deploy *deploy)
{
    free(deploy->dir);
    free(deploy->key_name);
    *deploy = (struct deploy){.dir = NULL};
}

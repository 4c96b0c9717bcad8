/* deploy.c: looks at a host's deploy directory. */
#include "agent/deploy.h"

#include "agent/deploy_compose.h"
#include "kit/files.h"
#include "kit/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define DOCKER_SOCKET "/var/run/docker.sock"
#define NATS_PORT "4222"

/* Where the network's own documents put it. */
static const char *const usual[] = {".", "/opt/gonka/deploy/join", "/root/gonka/deploy/join", "/srv/gonka/deploy/join"};

/* Compose looks for them in this order. */
static const char *const compose_files[] = {"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"};
static const char *const override_files[] = {"compose.override.yaml", "compose.override.yml",
                                             "docker-compose.override.yml", "docker-compose.override.yaml"};

static const char *const home_names[DEPLOY_HOMES] = {".inference", ".dapi"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

__attribute__((format(printf, 2, 3))) static void
note(struct deploy *deploy, const char *format, ...)
{
    va_list args;
    char   *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    if (text)
        (void)cJSON_AddItemToArray(deploy->notes, cJSON_CreateString(text));
    free(text);
}

bool
deploy_path_writable(const char *path)
{
    for (size_t left = strlen(path), n; left > 0; path += n, left -= n) {
        n = ga_utf8_len(path, left);
        if (n == 0 || (unsigned char)*path < 0x20 || *path == 0x7f)
            return false;
        if (n == 2 && (unsigned char)*path == 0xc2 && (unsigned char)path[1] < 0xa0)
            return false;
    }
    return true;
}

/* --- files ---------------------------------------------------------------------------------------------------------
 */

/* Is there something of this type, links followed? */
static bool
is_type(const char *dir, const char *name, mode_t type)
{
    char        path[PATH_MAX];
    struct stat st;

    return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && stat(path, &st) == 0 &&
           (st.st_mode & S_IFMT) == type;
}

static bool
is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *
first_file(const char *dir, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_type(dir, names[i], S_IFREG))
            return names[i];
    return NULL;
}

/* The text of a file in the deploy directory; "" with a note when it cannot be read. The caller frees it. */
static char *
text_of(struct deploy *deploy, const char *dir, const char *name, size_t *ret_len)
{
    char   path[PATH_MAX];
    char  *text = NULL;
    char   why[512] = "its name is too long";
    size_t len = 0;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
        ga_file_read(path, FILE_MAX, &text, &len, why, sizeof(why)) < 0) {
        note(deploy, "%s was not looked at: %s", name, why);
        text = strdup("");
        len = 0;
    }
    *ret_len = len;
    return text;
}

/* --- homes ---------------------------------------------------------------------------------------------------------
 */

static void
count_backups(struct deploy *deploy, struct deploy_home *home)
{
    DIR           *folder = opendir(home->path);
    struct dirent *entry;

    if (!folder) {
        note(deploy, "%s cannot be read (%m), so its backups were not counted: run init as root", home->path);
        return;
    }
    while ((entry = readdir(folder)) != NULL)
        home->backups += strncmp(entry->d_name, "data-backup-", 12) == 0 && entry->d_type != DT_REG;
    (void)closedir(folder);
}

static void
measure(struct deploy *deploy, struct deploy_home *home)
{
    struct statvfs disk;
    struct stat    st;

    if (statvfs(home->path, &disk) == 0) {
        home->disk_size = (uint64_t)disk.f_blocks * disk.f_frsize;
        home->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    if (stat(home->path, &st) == 0 && st.st_mode & S_IWOTH)
        note(deploy, "everybody may write to %s, so backup-pruner will refuse it: chmod o-w it", home->path);
    count_backups(deploy, home);
}

/* `mounted` is what the compose file says, or NULL. */
static void
find_home(struct deploy *deploy, struct deploy_home *home, const char *mounted)
{
    char  plain[PATH_MAX];
    char  named[PATH_MAX];
    char *real;

    while (mounted && strncmp(mounted, "./", 2) == 0)
        mounted += 2;
    (void)snprintf(plain, sizeof(plain), "%s/%s", deploy->dir, home->name);
    if (!mounted || !*mounted)
        (void)snprintf(named, sizeof(named), "%s", plain);
    else
        (void)snprintf(named, sizeof(named), "%s%s%s", *mounted == '/' ? "" : deploy->dir, *mounted == '/' ? "" : "/",
                       mounted);
    real = is_folder(named) ? realpath(named, NULL) : NULL;
    if (!real && strcmp(named, plain) != 0 && is_folder(plain)) {
        note(deploy, "the compose file mounts %s, which is not there; %s is", named, plain);
        real = realpath(plain, NULL);
    }
    if (!real) {
        if (access(named, F_OK) == 0)
            note(deploy, "%s is no folder that could be looked into", named);
        else if (deploy->compose)
            note(deploy, "%s is not there yet: it is made at the first start of the containers", named);
        return;
    }
    if (!deploy_path_writable(real)) {
        note(deploy, "%s leads to a folder whose name a manifest cannot hold: rename it", home->name);
        free(real);
        return;
    }
    home->path = real;
    home->below = strcmp(real, plain) == 0;
    if (!home->below)
        note(deploy, "%s lies in %s", home->name, real);
    measure(deploy, home);
}

/* --- what the files say --------------------------------------------------------------------------------------------
 */

/* A port in a file: digits, and a number that a port can be. */
static bool
is_port(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len <= 5 && strspn(text, "0123456789") == len && strtoul(text, NULL, 10) > 0 &&
           strtoul(text, NULL, 10) <= 65535;
}

static void
take_port(struct deploy *deploy, const char *port, const char *from)
{
    (void)snprintf(deploy->api_port, sizeof(deploy->api_port), "%s", port);
    deploy->api_port_from = from;
}

static void
take_env(struct deploy *deploy, const char *env)
{
    char *port = deploy_env(env, "API_PORT");

    take_port(deploy, "8000", "the network's default");
    if (is_port(port))
        take_port(deploy, port, "API_PORT of config.env");
    else if (port)
        note(deploy, "API_PORT of config.env is no port, so 8000 is assumed");
    deploy->key_name = deploy_env(env, "KEY_NAME");
    free(port);
}

static void
read_one_compose(struct deploy *deploy, const char *name, const struct compose_place *place, struct compose *ret)
{
    char   why[200];
    size_t len;
    char  *text = text_of(deploy, deploy->dir, name, &len);

    if (text && len > 0 && compose_read(text, len, place, ret, why, sizeof(why)) < 0)
        note(deploy, "%s was not understood (%s), so the usual names are assumed", name, why);
    free(text);
}

static void
take_compose(struct deploy *deploy, const char *env, const char *nats_port, struct compose *ret)
{
    const struct compose_place place = {.env = env, .project = strrchr(deploy->dir, '/') + 1, .nats_port = nats_port};
    const char                *over = first_file(deploy->dir, override_files, COUNT(override_files));

    if (!deploy->compose)
        return;
    read_one_compose(deploy, deploy->compose, &place, ret);
    if (over)
        read_one_compose(deploy, over, &place, ret);
    if (is_port(ret->proxy_port) && strcmp(ret->proxy_port, deploy->api_port) != 0)
        take_port(deploy, ret->proxy_port, deploy->compose);
}

/* The port of NATS in the API container, which its own configuration may change. */
static void
nats_port_of(struct deploy *deploy, char ret[8])
{
    size_t len = 0;
    char  *text = NULL;
    char  *port = NULL;

    (void)snprintf(ret, 8, NATS_PORT);
    if (!is_type(deploy->dir, ".dapi/api-config.yaml", S_IFREG))
        return;
    text = text_of(deploy, deploy->dir, ".dapi/api-config.yaml", &len);
    port = text ? yaml_value(text, len, "nats", "port") : NULL;
    if (port && is_port(port))
        (void)snprintf(ret, 8, "%s", port);
    if (text)
        explicit_bzero(text, len); /* it holds the worker's private key */
    free(port);
    free(text);
}

static char *
find_docker(void)
{
    const char *named = getenv("DOCKER_HOST");
    const char *path = named && strncmp(named, "unix://", 7) == 0 ? named + 7 : DOCKER_SOCKET;
    struct stat st;

    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && deploy_path_writable(path) ? realpath(path, NULL) : NULL;
}

static void
set_nats(struct deploy *deploy, const char *why, const char *scheme, const char *host, const char *port)
{
    free(deploy->nats_server);
    if (asprintf(&deploy->nats_server, "%s://%s:%s", scheme, host, port) < 0)
        deploy->nats_server = NULL;
    deploy->nats_why = why;
}

/* Names of containers are plain; what is none does not get into a URL. */
static bool
is_container(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return name && *name && strspn(name, plain) == strlen(name);
}

static void
find_nats(struct deploy *deploy, const struct compose *compose, const char *port)
{
    const char *container = is_container(compose->api_container) ? compose->api_container : "api";

    deploy->api = compose->api_container || deploy->homes[1].path;
    deploy->docker_socket = find_docker();
    if (compose->nats_port[0])
        set_nats(deploy, "published by the compose file", "nats", compose->nats_host, compose->nats_port);
    else if (compose->api_on_host)
        set_nats(deploy, "the API container uses the host's network", "nats", "127.0.0.1", port);
    else if (deploy->docker_socket)
        set_nats(deploy, "the container's address is asked of Docker each time", "docker", container, port);
    else
        set_nats(deploy,
                 "a guess: the compose file publishes no port for NATS and there is no Docker socket to ask; add "
                 "\"127.0.0.1:4222:4222\" to the ports of the service api",
                 "nats", "127.0.0.1", port);
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static void
look(struct deploy *deploy)
{
    struct compose compose = {.api_container = NULL};
    size_t         len = 0;
    char           nats_port[8];
    char          *env;

    deploy->compose = first_file(deploy->dir, compose_files, COUNT(compose_files));
    deploy->config_env = is_type(deploy->dir, "config.env", S_IFREG);
    deploy->tmkms = is_type(deploy->dir, ".tmkms", S_IFDIR);
    env = deploy->config_env ? text_of(deploy, deploy->dir, "config.env", &len) : strdup("");
    nats_port_of(deploy, nats_port);
    if (env) {
        take_env(deploy, env);
        take_compose(deploy, env, nats_port, &compose);
        explicit_bzero(env, len); /* it holds the keyring's password */
    }
    free(env);
    find_home(deploy, &deploy->homes[0], compose.inference);
    find_home(deploy, &deploy->homes[1], compose.dapi);
    find_nats(deploy, &compose, nats_port);
    compose_done(&compose);
    if (!deploy->config_env)
        note(deploy, "there is no config.env, so the proxy's port is that of the compose file or %s",
             "the network's default, 8000");
}

static bool
looks_like_one(const char *dir)
{
    return is_type(dir, ".inference", S_IFDIR) || is_type(dir, ".dapi", S_IFDIR) || is_type(dir, ".tmkms", S_IFDIR) ||
           (is_type(dir, "config.env", S_IFREG) && first_file(dir, compose_files, COUNT(compose_files)));
}

static int
find_usual(struct deploy *ret, char *reterr, size_t reterr_len)
{
    for (size_t i = 0; i < COUNT(usual); i++)
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

/* Why `dir`, which is a folder, is none, and which one may be meant. */
static void
say_no_sign(const char *dir, const char *real, char *reterr, size_t reterr_len)
{
    static const char *const near[] = {"join", "deploy/join", ".."};
    char                     path[PATH_MAX];

    for (size_t i = 0; i < COUNT(near); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", real, near[i]);
        if (looks_like_one(path)) {
            (void)snprintf(reterr, reterr_len, "%s does not look like a deploy directory, %s/%s does: name that one",
                           dir, dir, near[i]);
            return;
        }
    }
    (void)snprintf(reterr, reterr_len,
                   is_type(real, "docker-compose.mlnode.yml", S_IFREG)
                       ? "%s does not look like a deploy directory but like a machine-learning host's: it has no chain "
                         "node and no API container, and there is no chore for it yet"
                       : "%s does not look like a deploy directory: it has none of .inference, .dapi, .tmkms, or "
                         "config.env with docker-compose.yml",
                   dir);
}

static void
say_no_path(const char *dir, char *reterr, size_t reterr_len)
{
    int         error = errno;
    struct stat st;

    if (error == ENOENT && lstat(dir, &st) == 0 && S_ISLNK(st.st_mode))
        (void)snprintf(reterr, reterr_len,
                       "%s is a symbolic link to what is not there: name the deploy directory itself", dir);
    else
        (void)snprintf(reterr, reterr_len, "%s: %s%s", dir, strerrordesc_np(error),
                       error == EACCES    ? ": run init as a user who may read it, as root for example"
                       : error == ENOENT  ? ": name the deploy directory, the one with docker-compose.yml"
                       : error == ENOTDIR ? ": a part of this name is a file, not a folder"
                                          : "");
}

static int
find_named(const char *dir, struct deploy *ret, char *reterr, size_t reterr_len)
{
    struct stat st;
    DIR        *folder;

    ret->dir = realpath(dir, NULL);
    if (!ret->dir || stat(ret->dir, &st) < 0) {
        say_no_path(dir, reterr, reterr_len);
        return -1;
    }
    if (!S_ISDIR(st.st_mode)) {
        (void)snprintf(reterr, reterr_len,
                       "%s is no folder: name the deploy directory, the one with docker-compose.yml", dir);
        return -1;
    }
    folder = opendir(ret->dir);
    if (!folder) {
        say_no_path(dir, reterr, reterr_len);
        return -1;
    }
    (void)closedir(folder);
    if (!looks_like_one(ret->dir)) {
        say_no_sign(dir, ret->dir, reterr, reterr_len);
        return -1;
    }
    if (lstat(dir, &st) == 0 && S_ISLNK(st.st_mode))
        note(ret, "%s is a symbolic link; the folder it leads to is written here", dir);
    return 0;
}

int
deploy_look(const char *dir, struct deploy *ret, char *reterr, size_t reterr_len)
{
    int r;

    *ret = (struct deploy){.notes = cJSON_CreateArray()};
    for (size_t i = 0; i < DEPLOY_HOMES; i++)
        ret->homes[i].name = home_names[i];
    r = dir ? find_named(dir, ret, reterr, reterr_len) : find_usual(ret, reterr, reterr_len);
    if (r == 0 && !deploy_path_writable(ret->dir)) {
        (void)snprintf(reterr, reterr_len,
                       "the deploy directory's name has control characters or is no UTF-8, which a manifest cannot "
                       "hold: rename it");
        r = -1;
    }
    if (r == 0)
        look(ret);
    return r;
}

void
deploy_done(struct deploy *deploy)
{
    for (size_t i = 0; i < DEPLOY_HOMES; i++)
        free(deploy->homes[i].path);
    free(deploy->dir);
    free(deploy->docker_socket);
    free(deploy->nats_server);
    free(deploy->key_name);
    cJSON_Delete(deploy->notes);
    *deploy = (struct deploy){.dir = NULL};
}

/* secrets.c: turns the references of a job into values. */
#include "agent/secrets.h"

#include "agent/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stores the reason. 0, or -ENOMEM. */
static int fail(struct secret *secret, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int
fail(struct secret *secret, const char *format, ...)
{
    va_list args;
    int     n;

    va_start(args, format);
    n = vasprintf(&secret->error, format, args);
    va_end(args);
    if (n < 0)
        secret->error = NULL;
    return n < 0 ? -ENOMEM : 0;
}

/* What was read becomes the value, unless it is no text that a C string can hold. Takes `value`. */
static int
keep(struct secret *secret, const char *kind, const char *name, char *value, size_t len)
{
    int r;

    if (len > 0 && value[len - 1] == '\n')
        value[--len] = '\0';
    if (len > 0 && value[len - 1] == '\r')
        value[--len] = '\0';
    if (len > 0 && !memchr(value, '\0', len)) {
        secret->value = value;
        return 0;
    }
    r = fail(secret, "the secret %s '%s' %s", kind, name,
             len ? "holds a zero byte, it must be text" : "is empty, write the secret into it");
    explicit_bzero(value, len);
    free(value);
    return r;
}

/* Why it cannot be a secret file, or NULL. */
static const char *
file_fault(const struct stat *st)
{
    if (S_ISDIR(st->st_mode))
        return "is a directory, it must be a regular file";
    if (!S_ISREG(st->st_mode))
        return "is a device, a pipe or a socket, it must be a regular file";
    return NULL;
}

static int
from_file(struct secret *secret, const char *kind, const char *name, const char *path)
{
    struct stat st;
    const char *fault;
    char       *value = NULL;
    size_t      len = 0;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int         r;

    if (fd < 0)
        return fail(secret, "the secret %s '%s' cannot be opened: %m", kind, name);
    if (fstat(fd, &st) < 0)
        r = fail(secret, "the secret %s '%s' cannot be looked at: %m", kind, name);
    else if ((fault = file_fault(&st)) != NULL)
        r = fail(secret, "the secret %s '%s' %s", kind, name, fault);
    else if (st.st_mode & S_IRWXO)
        r = fail(secret, "the secret %s '%s' has mode %04o, others may use it: chmod o-rwx %s", kind, name,
                 (unsigned)(st.st_mode & 07777), path);
    else if ((r = fd_read_all(fd, SECRETS_MAX, &value, &len)) == 0)
        r = keep(secret, kind, name, value, len);
    else if (r == -EFBIG)
        r = fail(secret, "the secret %s '%s' has more than %u KiB: is it the right file?", kind, name,
                 SECRETS_MAX >> 10);
    else
        r = fail(secret, "the secret %s '%s' cannot be read: %s", kind, name, strerrordesc_np(-r));
    (void)close(fd);
    return r;
}

static int
from_credential(struct secret *secret, const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char        path[4096];
    int         n;

    if (!folder || folder[0] != '/')
        return fail(secret,
                    "the secret credential '%s' cannot be found, there is no $CREDENTIALS_DIRECTORY: add "
                    "LoadCredential=%s:/path/of/the/file to the unit",
                    name, name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return fail(secret, "the secret credential '%s' has no name of a credential, it is a name without '/'", name);
    n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return fail(secret, "the secret credential '%s' has too long a name", name);
    return from_file(secret, "credential", name, path);
}

static int
from_env(struct secret *secret, const char *name)
{
    char *value = getenv(name);
    char *copy;

    if (!value)
        return fail(secret, "the secret variable '%s' is not set in the agent's environment", name);
    if (strlen(value) > SECRETS_MAX)
        return fail(secret, "the secret variable '%s' has more than %u KiB", name, SECRETS_MAX >> 10);
    copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    return keep(secret, "variable", name, copy, strlen(copy));
}

/* The only member of a reference. */
static int
resolve_one(struct secret *secret)
{
    const cJSON *member = secret->ref->child;

    if (strcmp(member->string, "env") == 0)
        return from_env(secret, member->valuestring);
    if (strcmp(member->string, "credential") == 0)
        return from_credential(secret, member->valuestring);
    if (member->valuestring[0] != '/')
        return fail(secret, "the secret file '%s' must be an absolute path", member->valuestring);
    return from_file(secret, "file", member->valuestring, member->valuestring);
}

static int
is_reference(const cJSON *value)
{
    const cJSON *member = value->child;

    return cJSON_IsObject(value) && member && !member->next && cJSON_IsString(member) &&
           (strcmp(member->string, "file") == 0 || strcmp(member->string, "credential") == 0 ||
            strcmp(member->string, "env") == 0);
}

static int
add(struct secrets *secrets, const cJSON *ref)
{
    struct secret *more = realloc(secrets->items, (secrets->n + 1) * sizeof(*more));

    if (!more)
        return -ENOMEM;
    secrets->items = more;
    more[secrets->n] = (struct secret){.ref = ref};
    return resolve_one(&more[secrets->n++]);
}

/* Options hold references, lists of them and maps to them; nothing is deeper. */
static int
resolve_below(struct secrets *secrets, const cJSON *value, unsigned depth)
{
    int r = 0;

    if (is_reference(value))
        return add(secrets, value);
    if (depth == 0 || !(cJSON_IsObject(value) || cJSON_IsArray(value)))
        return 0;
    for (const cJSON *child = value->child; child && r == 0; child = child->next)
        r = resolve_below(secrets, child, depth - 1);
    return r;
}

void
secrets_forget_variable(const struct secret *secret)
{
    const cJSON *member = secret->ref->child;
    char        *value = strcmp(member->string, "env") == 0 ? getenv(member->valuestring) : NULL;

    if (!value)
        return;
    explicit_bzero(value, strlen(value)); /* the block that /proc/self/environ shows */
    (void)unsetenv(member->valuestring);
}

int
secrets_resolve(struct secrets *secrets, const cJSON *values)
{
    const cJSON *option;
    int          r = 0;

    cJSON_ArrayForEach(option, values)
    {
        r = resolve_below(secrets, option, 1);
        if (r < 0)
            return r;
    }
    return 0;
}

const struct secret *
secrets_find(const struct secrets *secrets, const cJSON *ref)
{
    for (size_t i = 0; i < secrets->n; i++)
        if (secrets->items[i].ref == ref)
            return &secrets->items[i];
    return NULL;
}

void
secrets_done(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++) {
        if (secrets->items[i].value)
            explicit_bzero(secrets->items[i].value, strlen(secrets->items[i].value));
        free(secrets->items[i].value);
        free(secrets->items[i].error);
    }
    free(secrets->items);
    *secrets = (struct secrets){.items = NULL};
}

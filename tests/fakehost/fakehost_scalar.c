/* fakehost_scalar.c: one value's text, checked and turned by its type. */
#include "tests/fakehost/fakehost_parts.h"

#include "kit/files.h"
#include "kit/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 65536

/* Where sentences go. */
struct fault {
    char  *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static int
wrong(const struct fault *fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault->text, fault->len, format, args);
    va_end(args);
    return -1;
}

int
fh_is_number(uint32_t type)
{
    uint32_t base = GA_T_BASE(type);

    return base == GA_T_INT || base == GA_T_BOOL || base == GA_T_DURATION || base == GA_T_SIZE;
}

const char *
fh_type_name(uint32_t type, char *buf, size_t len)
{
    static const char *const names[] = {"?",    "string", "int",  "bool", "duration",
                                        "size", "enum",   "path", "URL",  "secret"};
    uint32_t                 base = GA_T_BASE(type) <= GA_T_SECRET ? GA_T_BASE(type) : 0;

    (void)snprintf(buf, len, "%s%s", type & GA_T_LIST ? "list of " : type & GA_T_MAP ? "map of " : "", names[base]);
    return buf;
}

/* --- numbers -------------------------------------------------------------------------------------------------------
 */

/* How a bound is written for people. */
static const char *
bound(const struct ga_option *option, int64_t value, char *buf, size_t len)
{
    if (GA_T_BASE(option->type) == GA_T_DURATION)
        (void)ga_format_duration(value, buf, len);
    else if (GA_T_BASE(option->type) == GA_T_SIZE && value >= 0)
        (void)ga_format_size((uint64_t)value, buf, len);
    else
        (void)snprintf(buf, len, "%" PRId64, value);
    return buf;
}

static int
parse_int(const char *text, int64_t *ret)
{
    char *end;

    if (!isdigit((unsigned char)text[*text == '-']))
        return -EINVAL;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return *end ? -EINVAL : -errno;
}

static int
parse_number(const struct ga_option *option, const char *text, int64_t *ret, const struct fault *fault)
{
    uint64_t bytes = 0;

    switch (GA_T_BASE(option->type)) {
    case GA_T_INT:
        return parse_int(text, ret) == 0 ? 0 : wrong(fault, "must be a whole number, not '%s'", text);
    case GA_T_BOOL:
        *ret = strcmp(text, "true") == 0;
        return *ret || strcmp(text, "false") == 0 ? 0 : wrong(fault, "must be true or false, not '%s'", text);
    case GA_T_DURATION:
        return ga_parse_duration(text, ret) == 0
                   ? 0
                   : wrong(fault, "must be a duration such as 30s, 5m or 24h, not '%s'", text);
    default:
        if (ga_parse_size(text, &bytes) < 0 || bytes > INT64_MAX)
            return wrong(fault, "must be a size such as 512MiB or 250GB, not '%s'", text);
        *ret = (int64_t)bytes;
        return 0;
    }
}

static int
number(const struct ga_option *option, const char *text, struct fh_value *value, const struct fault *fault)
{
    char least[64];
    char most[64];

    if (parse_number(option, text, &value->number, fault) < 0)
        return -1;
    if (GA_T_BASE(option->type) == GA_T_BOOL || option->min == option->max ||
        (value->number >= option->min && value->number <= option->max))
        return 0;
    return wrong(fault, "must be from %s to %s, not '%s'", bound(option, option->min, least, sizeof(least)),
                 bound(option, option->max, most, sizeof(most)), text);
}

/* --- texts ---------------------------------------------------------------------------------------------------------
 */

/* The choice that is `name`, or "name:..."; NULL: there is none. */
static const char *
choice(const char *choices, const char *name, size_t len)
{
    while (*choices) {
        size_t n = strcspn(choices, "|");

        if (n >= len && strncmp(choices, name, len) == 0 && (n == len || choices[len] == ':'))
            return choices;
        choices += n + (choices[n] == '|');
    }
    return NULL;
}

static int
check_path(const char *text, const struct fault *fault)
{
    int good = *text == '/' && !strchr(text, '\n');

    for (const char *at = text; good && (at = strstr(at, "/..")) != NULL; at += 3)
        good = at[3] != '/' && at[3] != '\0';
    return good ? 0 : wrong(fault, "must be an absolute path without '..', not '%s'", text);
}

/* 1 when the text from `port` to `end` is a port. */
static int
good_port(const char *port, const char *end)
{
    size_t len = (size_t)(end - port);

    if (len == 0 || len > 5 || strspn(port, "0123456789") < len)
        return 0;
    len = strtoul(port, NULL, 10);
    return len >= 1 && len <= 65535;
}

static int
check_url(const struct ga_option *option, const char *text, const struct fault *fault)
{
    const char *host = strstr(text, "://");
    const char *known = host ? choice(option->choices, text, (size_t)(host - text)) : NULL;
    const char *end;
    const char *colon;

    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return wrong(fault, "is a URL with a blank or control character in it");
    if (!known)
        return wrong(fault, "must be a URL of %s, not '%s'", option->choices, text);
    host += 3;
    end = host + strcspn(host, "/?#");
    if (memchr(host, '@', (size_t)(end - host)))
        return wrong(fault, "is a URL with a user or password in it, which logs would show");
    colon = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : host;
    if (colon)
        colon = memchr(colon, ':', (size_t)(end - colon));
    if (end == host || colon == host || (*host == '[' && !memchr(host, ']', (size_t)(end - host))))
        return wrong(fault, "is a URL without a host: '%s'", text);
    if (colon && !good_port(colon + 1, end))
        return wrong(fault, "is a URL whose port is none: '%s'", text);
    if (!colon && known[strcspn(known, ":|")] != ':')
        return wrong(fault, "needs a port: %s:PORT", text);
    return 0;
}

int
fh_scalar_parse(const struct ga_option *option, const char *text, struct fh_value *value, char *reterr,
                size_t reterr_len)
{
    const struct fault fault = {.text = reterr, .len = reterr_len};
    uint32_t           base = GA_T_BASE(option->type);
    size_t             len = strlen(text);
    int                r = 0;

    if (fh_is_number(option->type))
        return number(option, text, value, &fault);
    if (base == GA_T_ENUM) {
        const char *found = choice(option->choices, text, len);

        if (!found || len == 0 || (found[len] != '|' && found[len] != '\0'))
            return wrong(&fault, "cannot be '%s', it is one of %s", text, option->choices);
    } else if (base == GA_T_PATH) {
        r = check_path(text, &fault);
    } else if (base == GA_T_URL) {
        r = check_url(option, text, &fault);
    }
    if (r < 0)
        return -1;
    while (base == GA_T_PATH && len > 1 && text[len - 1] == '/')
        len--;
    value->text = strndup(text, len);
    return value->text ? 0 : wrong(&fault, "no memory");
}

/* --- secrets -------------------------------------------------------------------------------------------------------
 */

int
fh_secret_read(const char *kind, const char *name, char **ret, char *reterr, size_t reterr_len)
{
    const struct fault fault = {.text = reterr, .len = reterr_len};
    const char        *folder = getenv("CREDENTIALS_DIRECTORY");
    char               path[4096];
    char               why[256];
    const char        *text;
    size_t             len;

    if (strcmp(kind, "env") == 0) {
        text = getenv(name);
        *ret = text && *text ? strdup(text) : NULL;
        return *ret ? 0 : wrong(&fault, "is a secret in the variable '%s', which is not set", name);
    }
    if (strcmp(kind, "credential") == 0 && !folder)
        return wrong(&fault, "is the credential '%s', and $CREDENTIALS_DIRECTORY is not set", name);
    if (strcmp(kind, "file") != 0 && strcmp(kind, "credential") != 0)
        return wrong(&fault, "is a secret: {file: /path}, {credential: name} or {env: NAME}, not {%s: ...}", kind);
    (void)snprintf(path, sizeof(path), "%s%s%s", *kind == 'c' ? folder : "", *kind == 'c' ? "/" : "", name);
    if (ga_file_read(path, SECRET_MAX, ret, &len, why, sizeof(why)) < 0)
        return wrong(&fault, "is a secret that cannot be had: %s", why);
    if (len > 0 && (*ret)[len - 1] == '\n')
        (*ret)[--len] = '\0';
    if (len > 0 && (*ret)[len - 1] == '\r')
        (*ret)[--len] = '\0';
    if (len > 0 && strlen(*ret) == len)
        return 0;
    free(*ret);
    *ret = NULL;
    return wrong(&fault, "is a secret in '%s', which is empty or no text", path);
}

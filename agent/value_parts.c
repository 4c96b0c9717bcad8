/* value_parts.c: paths, URLs and secrets, and the rules of the sandbox that they make. */
#include "agent/value_parts.h"

#include <gonka-agent/plugin.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/json.h"

/* --- rules ---------------------------------------------------------------------------------------------------------
 */

cJSON *
rules_new(void)
{
    cJSON *rules = cJSON_CreateObject();

    (void)cJSON_AddArrayToObject(rules, "paths");
    (void)cJSON_AddArrayToObject(rules, "connect");
    (void)cJSON_AddArrayToObject(rules, "bind");
    (void)cJSON_AddBoolToObject(rules, "gpu", 0);
    (void)cJSON_AddBoolToObject(rules, "network", 0);
    return rules;
}

/* "r" and "rw" make "rw". */
static void
join_access(const char *a, const char *b, char ret[8])
{
    size_t n = 0;

    for (const char *letter = "rwxs"; *letter; letter++)
        if (strchr(a, *letter) || strchr(b, *letter))
            ret[n++] = *letter;
    ret[n] = '\0';
}

static void
add_path(cJSON *rules, const char *path, const char *access)
{
    cJSON *paths = cJSON_GetObjectItemCaseSensitive(rules, "paths");
    cJSON *rule;
    char   joined[8];

    cJSON_ArrayForEach(rule, paths)
    {
        if (strcmp(ga_json_str(rule, "path"), path) != 0)
            continue;
        join_access(ga_json_str(rule, "access"), access, joined);
        (void)cJSON_ReplaceItemInObjectCaseSensitive(rule, "access", cJSON_CreateString(joined));
        return;
    }
    rule = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(rule, "path", path);
    (void)cJSON_AddStringToObject(rule, "access", access);
    (void)cJSON_AddItemToArray(paths, rule);
}

static void
add_port(cJSON *rules, const char *kind, const char *port)
{
    cJSON       *ports = cJSON_GetObjectItemCaseSensitive(rules, kind);
    const cJSON *known;

    cJSON_ArrayForEach(known, ports) if (strcmp(known->valuestring, port) == 0) return;
    (void)cJSON_AddItemToArray(ports, cJSON_CreateString(port));
}

void
rules_add(cJSON *rules, const cJSON *more)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, ga_json_get(more, "paths"))
        add_path(rules, ga_json_str(item, "path"), ga_json_str(item, "access"));
    cJSON_ArrayForEach(item, ga_json_get(more, "connect")) add_port(rules, "connect", item->valuestring);
    cJSON_ArrayForEach(item, ga_json_get(more, "bind")) add_port(rules, "bind", item->valuestring);
    if (ga_json_bool(more, "gpu", 0))
        (void)cJSON_ReplaceItemInObjectCaseSensitive(rules, "gpu", cJSON_CreateBool(1));
    if (ga_json_bool(more, "network", 0))
        (void)cJSON_ReplaceItemInObjectCaseSensitive(rules, "network", cJSON_CreateBool(1));
}

/* --- paths ---------------------------------------------------------------------------------------------------------
 */

static bool
has_dots(const char *path)
{
    for (const char *at = path; (at = strstr(at, "/..")) != NULL; at += 3)
        if (at[3] == '/' || at[3] == '\0')
            return true;
    return false;
}

/* A path that cannot be looked at may be there: a check without the agent's rights is no evidence. */
static void
look_for(const struct value_context *context, const struct option_desc *option, const struct node *node,
         const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return;
    if (errno == ENOENT || errno == ENOTDIR)
        diagnose(context->diagnostics, node->place, "'%s' %s: %s does not exist: %m", option->key, context->owner,
                 path);
    else
        diagnose_warning(context->diagnostics, node->place, "'%s' %s: cannot see whether %s exists: %m", option->key,
                         context->owner, path);
}

cJSON *
value_path(const struct value_context *context, const struct option_desc *option, const struct node *node,
           const char *text)
{
    char   access[8] = "";
    size_t len = strlen(text);
    char  *path;
    cJSON *value;

    if (*text != '/' || has_dots(text) || len >= PATH_MAX || strchr(text, '\n')) {
        diagnose(context->diagnostics, node->place, "'%s' %s must be an absolute path without '..', not '%s'",
                 option->key, context->owner, text);
        return NULL;
    }
    while (len > 1 && text[len - 1] == '/')
        len--;
    path = strndup(text, len);
    if (!path)
        return NULL;
    if (context->look && option->flags & GA_MUST_EXIST)
        look_for(context, option, node, path);
    (void)snprintf(access, sizeof(access), "%s%s%s%s", option->flags & GA_READ ? "r" : "",
                   option->flags & GA_WRITE ? "w" : "", option->flags & GA_EXEC ? "x" : "",
                   option->flags & GA_SOCKET ? "s" : "");
    if (context->rules && *access)
        add_path(context->rules, path, access);
    value = cJSON_CreateString(path);
    free(path);
    return value;
}

/* --- URLs ----------------------------------------------------------------------------------------------------------
 */

struct url {
    char        scheme[32];
    const char *host;
    size_t      host_len;
    char        port[8]; /* "" when not given */
    bool        userinfo;
};

static bool
good_port(const char *port)
{
    unsigned long number = strtoul(port, NULL, 10);

    return number >= 1 && number <= 65535;
}

/* Splits scheme://[userinfo@]host[:port][/...]. 0 or -1. */
static int
split(const char *text, struct url *ret)
{
    const char *at = strstr(text, "://");
    size_t      n = at ? (size_t)(at - text) : 0;
    const char *authority;
    const char *end;
    const char *colon;

    *ret = (struct url){.host = NULL};
    if (n == 0 || n >= sizeof(ret->scheme))
        return -1;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return -1;
    memcpy(ret->scheme, text, n);
    authority = at + 3;
    end = authority + strcspn(authority, "/?#");
    at = memchr(authority, '@', (size_t)(end - authority));
    ret->userinfo = at != NULL;
    ret->host = at ? at + 1 : authority;
    colon = *ret->host == '[' ? memchr(ret->host, ']', (size_t)(end - ret->host)) : ret->host;
    if (!colon)
        return -1;
    colon = memchr(colon, ':', (size_t)(end - colon));
    ret->host_len = (size_t)((colon ? colon : end) - ret->host);
    if (ret->host_len == 0)
        return -1;
    if (!colon)
        return 0;
    n = (size_t)(end - colon - 1);
    if (n == 0 || n > 5 || strspn(colon + 1, "0123456789") < n)
        return -1;
    memcpy(ret->port, colon + 1, n);
    return good_port(ret->port) ? 0 : -1;
}

/* The choice "scheme" or "scheme:port" of this scheme; NULL when the option takes no such URL. */
static const char *
choice_of(const struct option_desc *option, const char *scheme)
{
    size_t n = strlen(scheme);

    for (size_t i = 0; i < option->n_choices; i++)
        if (strncmp(option->choices[i], scheme, n) == 0 &&
            (option->choices[i][n] == ':' || option->choices[i][n] == '\0'))
            return option->choices[i];
    return NULL;
}

static void
wrong_scheme(const struct value_context *context, const struct option_desc *option, const struct node *node,
             const char *scheme)
{
    char all[256] = "";

    for (size_t i = 0; i < option->n_choices; i++) {
        size_t used = strlen(all);

        (void)snprintf(all + used, sizeof(all) - used, "%s%.*s://", i ? ", " : "",
                       (int)strcspn(option->choices[i], ":"), option->choices[i]);
    }
    diagnose(context->diagnostics, node->place, "'%s' %s cannot be a %s:// URL, it begins with one of: %s", option->key,
             context->owner, scheme, all);
}

cJSON *
value_url(const struct value_context *context, const struct option_desc *option, const struct node *node,
          const char *text)
{
    struct url  url;
    const char *choice;

    if (split(text, &url) < 0 && strchr(text, '@')) { /* not shown: a password may stand before the @ */
        diagnose(context->diagnostics, node->place, "'%s' %s is no URL such as %.*s://host:port", option->key,
                 context->owner, (int)strcspn(option->choices[0], ":"), option->choices[0]);
        return NULL;
    }
    if (split(text, &url) < 0) {
        diagnose(context->diagnostics, node->place, "'%s' %s must be a URL such as %.*s://host:port, not '%s'",
                 option->key, context->owner, (int)strcspn(option->choices[0], ":"), option->choices[0], text);
        return NULL;
    }
    choice = choice_of(option, url.scheme);
    if (!choice) {
        wrong_scheme(context, option, node, url.scheme);
        return NULL;
    }
    if (url.userinfo) { /* not shown: it may hold a password */
        diagnose(
            context->diagnostics, node->place,
            "'%s' %s has a user or password within the URL: logs and lists would show it, use the plugin's options for "
            "them",
            option->key, context->owner);
        return NULL;
    }
    if (!*url.port && strchr(choice, ':'))
        (void)snprintf(url.port, sizeof(url.port), "%s", strchr(choice, ':') + 1);
    if (!*url.port) {
        diagnose(context->diagnostics, node->place, "'%s' %s needs a port: %s:PORT", option->key, context->owner, text);
        return NULL;
    }
    if (context->rules)
        add_port(context->rules, option->flags & GA_LISTEN ? "bind" : "connect", url.port);
    return cJSON_CreateString(text);
}

/* --- secrets -------------------------------------------------------------------------------------------------------
 */

static bool
good_reference(const char *kind, const char *text)
{
    if (strcmp(kind, "file") == 0)
        return *text == '/' && !has_dots(text);
    if (!*text || strlen(text) > 255)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_' && (strcmp(kind, "env") == 0 || !strchr(".-", *text)))
            return false;
    return true;
}

cJSON *
value_secret(const struct value_context *context, const struct option_desc *option, const struct node *node)
{
    static const char *const kinds[] = {"file", "credential", "env"};
    const char              *kind = NULL;
    char                    *text;
    cJSON                   *value = NULL;

    if (node->type == NODE_MAP && node->count == 1 && node->items[0]->type == NODE_SCALAR)
        for (size_t i = 0; i < 3; i++)
            if (strcmp(node->keys[0]->text, kinds[i]) == 0)
                kind = kinds[i];
    if (!kind) { /* never shows what was written: it may be the secret itself */
        diagnose(context->diagnostics, node->place,
                 "'%s' %s is a secret: do not write it here, say where it is: {file: /path}, {credential: name} or "
                 "{env: NAME}",
                 option->key, context->owner);
        return NULL;
    }
    text = value_expand(context, node->items[0]);
    if (text && good_reference(kind, text)) {
        if (context->look && strcmp(kind, "file") == 0)
            look_for(context, option, node->items[0], text);
        value = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(value, kind, text);
    } else if (text) { /* not shown: the secret itself is put there by mistake */
        diagnose(context->diagnostics, node->items[0]->place, "'%s' %s: what stands after '%s' is no %s", option->key,
                 context->owner, kind, strcmp(kind, "file") == 0 ? "absolute path" : "name");
    }
    free(text);
    return value;
}

/* --- ${node.x} -----------------------------------------------------------------------------------------------------
 */

/* The value of "node.a.b"; diagnosed when there is none. */
static const char *
variable(const struct value_context *context, const struct node *scalar, const char *name)
{
    const struct node *at = context->vars;
    char               copy[128];
    char              *rest = copy;
    char              *word;

    (void)snprintf(copy, sizeof(copy), "%s", name);
    word = strsep(&rest, ".");
    if (strcmp(word, "node") != 0) {
        diagnose(context->diagnostics, scalar->place,
                 "${%s}: only ${node.NAME} can be used (write $$ for a dollar sign)", name);
        return NULL;
    }
    while ((word = strsep(&rest, ".")) != NULL) {
        const struct node *next = node_get(at, word);
        char               hint[128] = "";
        const char        *words[64];
        size_t             n = 0;

        for (; at && at->type == NODE_MAP && n < at->count && n < 64; n++)
            words[n] = at->keys[n]->text;
        if (!next) {
            diagnose(context->diagnostics, scalar->place, "${%s}: the manifest's 'node' has no '%s'%s", name, word,
                     suggestion(word, words, n, hint, sizeof(hint)));
            return NULL;
        }
        at = next;
    }
    if (at && at->type == NODE_SCALAR && !node_is_null(at))
        return at->text;
    diagnose(context->diagnostics, scalar->place, "${%s} is %s", name,
             at && at->type == NODE_SCALAR ? "without a value in the manifest's 'node'" : "no single value");
    return NULL;
}

static bool
append(char **text, size_t *len, const char *more, size_t n)
{
    char *longer = realloc(*text, *len + n + 1);

    if (!longer)
        return false;
    memcpy(longer + *len, more, n);
    *len += n;
    longer[*len] = '\0';
    *text = longer;
    return true;
}

char *
value_expand(const struct value_context *context, const struct node *scalar)
{
    char       *text = NULL;
    size_t      len = 0;
    const char *at = scalar->text;
    char        name[128];

    if (!append(&text, &len, "", 0))
        return NULL;
    while (*at) {
        size_t      plain = strcspn(at, "$");
        const char *end;
        const char *value;

        if (!append(&text, &len, at, plain))
            goto fail;
        at += plain;
        if (!*at)
            break;
        if (at[1] == '$' || at[1] != '{' || !context->vars) { /* without variables a dollar is a dollar */
            if (!append(&text, &len, "$", 1))
                goto fail;
            at += at[1] == '$' && context->vars ? 2 : 1;
            continue;
        }
        end = strchr(at, '}');
        if (!end || (size_t)(end - at) >= sizeof(name)) {
            diagnose(context->diagnostics, scalar->place, "'${' without its '}' (write $$ for a dollar sign)");
            goto fail;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)(end - at - 2), at + 2);
        value = variable(context, scalar, name);
        if (!value || !append(&text, &len, value, strlen(value)))
            goto fail;
        at = end + 1;
    }
    return text;
fail:
    free(text);
    return NULL;
}

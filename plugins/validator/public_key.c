/* public_key.c: reads no further than the public half. */
#include "plugins/validator/public_key.h"

#include "kit/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX 1024 /* bytes before the end of pub_key */
#define MARK "ed25519.PubKey\",\"key\":\""

/* --- priv_validator_key.json ---------------------------------------------------------------------------------------
 */

/* Where in the document the last byte stands. */
struct scan {
    char   head[HEAD_MAX + 2]; /* room for a brace and a NUL */
    size_t n;
    int    depth;
    int    in_string;
    int    escaped;
    size_t string_at; /* of the string that is open, or was last */
    int    in_public; /* the value of pub_key has begun */
};

enum step { STEP_ON, STEP_DONE, STEP_PRIVATE, STEP_BAD };

static int
last_string_is(const struct scan *scan, const char *text)
{
    size_t len = strlen(text);

    return scan->n - scan->string_at == len + 2 && memcmp(scan->head + scan->string_at + 1, text, len) == 0;
}

/* A byte within a string. */
static enum step
step_string(struct scan *scan, char c)
{
    if (scan->escaped) {
        scan->escaped = 0;
        return STEP_ON;
    }
    scan->escaped = c == '\\';
    if (c == '\\' && !scan->in_public)
        return STEP_BAD; /* a name that is written otherwise could hide what it is */
    if (c != '"')
        return STEP_ON;
    scan->in_string = 0;
    if (last_string_is(scan, "priv_key"))
        return STEP_PRIVATE;
    if (scan->depth == 1 && last_string_is(scan, "pub_key"))
        scan->in_public = 1;
    return STEP_ON;
}

static enum step
step(struct scan *scan, char c)
{
    if (scan->n == HEAD_MAX)
        return STEP_BAD;
    scan->head[scan->n++] = c;
    if (scan->in_string)
        return step_string(scan, c);
    if (c == '"') {
        scan->in_string = 1;
        scan->string_at = scan->n - 1;
    }
    if (c == '{' || c == '[')
        scan->depth++;
    if (c == '}' || c == ']')
        scan->depth--;
    if (c == '}' && scan->depth == 1 && scan->in_public)
        return STEP_DONE;
    return scan->depth < 0 || (scan->depth == 0 && c == '}') ? STEP_BAD : STEP_ON;
}

/* What was read, closed by a brace, is a document of its own. */
static int
take_public(struct scan *scan, char ret[VAL_KEY_MAX], char *why)
{
    char        problem[160];
    cJSON      *json;
    const char *value = NULL;
    int         r = -1;

    scan->head[scan->n++] = '}';
    json = ga_json_parse(scan->head, scan->n, problem, sizeof(problem));
    value = ga_json_str(ga_json_get(json, "pub_key"), "value");
    if (value)
        r = val_take_key(value, ret);
    if (r < 0)
        (void)snprintf(why, VAL_WHY, "it has no pub_key that is an ed25519 key");
    cJSON_Delete(json);
    return r;
}

int
val_key_from_fd(int fd, char ret[VAL_KEY_MAX], char *why)
{
    struct scan scan = {.n = 0};
    enum step   at = STEP_ON;

    ret[0] = '\0';
    while (at == STEP_ON) {
        char    c;
        ssize_t n = read(fd, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)snprintf(why, VAL_WHY, n < 0 ? "it cannot be read: %s" : "it ends before its pub_key",
                           n < 0 ? strerrordesc_np(errno) : "");
            return -1;
        }
        at = step(&scan, c);
    }
    if (at == STEP_DONE)
        return take_public(&scan, ret, why);
    (void)snprintf(why, VAL_WHY, "%s",
                   at == STEP_PRIVATE ? "its private key comes before its public one: it is not read further"
                                      : "it is no priv_validator_key.json");
    return -1;
}

int
val_key_from_file(const char *path, char ret[VAL_KEY_MAX], char *why)
{
    char problem[VAL_WHY] = "";
    int  fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int  r = -1;

    ret[0] = '\0';
    if (fd < 0) {
        (void)snprintf(why, VAL_WHY, "%.300s cannot be opened: %s", path, strerrordesc_np(errno));
        return -1;
    }
    r = val_key_from_fd(fd, ret, problem);
    if (r < 0)
        (void)snprintf(why, VAL_WHY, "%.300s: %.200s", path, problem);
    (void)close(fd);
    return r;
}

/* --- logs and states -----------------------------------------------------------------------------------------------
 */

int
val_key_from_log(const char *log, size_t len, char ret[VAL_KEY_MAX])
{
    const char *at = log;
    const char *end = log + len;
    int         found = -1;

    ret[0] = '\0';
    while (at < end && (at = memmem(at, (size_t)(end - at), MARK, strlen(MARK)))) {
        char        key[VAL_KEY_MAX];
        char        taken[VAL_KEY_MAX];
        const char *quote;

        at += strlen(MARK);
        quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            break;
        if (quote - at >= VAL_KEY_MAX || memchr(at, '\0', (size_t)(quote - at)))
            continue;
        (void)snprintf(key, sizeof(key), "%.*s", (int)(quote - at), at);
        if (val_take_key(key, taken) == 0) {
            memcpy(ret, taken, sizeof(taken));
            found = 0;
        }
    }
    return found;
}

int
val_state_height(const char *text, size_t len, int64_t *ret, char *why)
{
    char   problem[160];
    cJSON *json = ga_json_parse(text, len, problem, sizeof(problem));
    int    r = json ? ga_json_i64(json, "height", ret) : -1;

    if (!json)
        (void)snprintf(why, VAL_WHY, "it is no JSON: %s", problem);
    else if (r < 0 || *ret < 0)
        (void)snprintf(why, VAL_WHY, "it has no height");
    cJSON_Delete(json);
    return r == 0 && *ret >= 0 ? 0 : -1;
}

/* json.c: JSON on top of cJSON without its losses. */
#include "kit/json.h"

#include "kit/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_DIGITS 15 /* integers up to here fit a double, and cJSON prints them without exponent */
#define EXACT_MOST 9007199254740992.0

/* How long integers pass through cJSON: as strings that begin with a byte that is no UTF-8, so no document has it. */
#define MARK '\xff'

struct scan {
    const char *text;
    size_t      len;
    size_t      at;
    char       *out;
    size_t      out_len;
    int         depth;
    char       *reterr;
    size_t      reterr_len;
};

__attribute__((format(printf, 2, 3))) static int
wrong(struct scan *scan, const char *format, ...)
{
    char    what[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(scan->reterr, scan->reterr_len, "byte %zu: %s", scan->at, what);
    return -EBADMSG;
}

static void
put(struct scan *scan, const char *bytes, size_t n)
{
    memcpy(scan->out + scan->out_len, bytes, n);
    scan->out_len += n;
}

static void
put_mark(struct scan *scan)
{
    scan->out[scan->out_len++] = MARK;
}

static int
scan_escape(struct scan *scan)
{
    const char *s = scan->text + scan->at;
    size_t      left = scan->len - scan->at;
    size_t      n = left > 1 && s[1] == 'u' ? 6 : 2;

    if (left < n)
        return wrong(scan, "the document ends within a string");
    if (n == 6 && memcmp(s + 2, "0000", 4) == 0)
        return wrong(scan, "a NUL character within a string");
    put(scan, s, n);
    scan->at += n;
    return 0;
}

static int
scan_string(struct scan *scan)
{
    put(scan, "\"", 1);
    scan->at++;
    while (scan->at < scan->len && scan->text[scan->at] != '"') {
        unsigned char c = (unsigned char)scan->text[scan->at];
        size_t        n;
        int           r;

        if (c < 0x20)
            return wrong(scan, "a control character (0x%02x) within a string", c);
        if (c == '\\') {
            r = scan_escape(scan);
            if (r < 0)
                return r;
            continue;
        }
        n = ga_utf8_len(scan->text + scan->at, scan->len - scan->at);
        if (n == 0)
            return wrong(scan, "not UTF-8");
        put(scan, scan->text + scan->at, n);
        scan->at += n;
    }
    if (scan->at == scan->len)
        return wrong(scan, "the document ends within a string");
    put(scan, "\"", 1);
    scan->at++;
    return 0;
}

static size_t
digits(const char *s, size_t left)
{
    size_t n = 0;

    while (n < left && isdigit((unsigned char)s[n]))
        n++;
    return n;
}

/* The length of a number in JSON's grammar, 0 when it is none. */
static size_t
number_len(const char *s, size_t left, size_t *ret_integer_digits, int *ret_is_integer)
{
    size_t n = left > 0 && s[0] == '-';
    size_t whole = digits(s + n, left - n);
    size_t more;

    *ret_integer_digits = whole;
    *ret_is_integer = 1;
    if (whole == 0 || (whole > 1 && s[n] == '0'))
        return 0;
    n += whole;
    if (n < left && s[n] == '.') {
        more = digits(s + n + 1, left - n - 1);
        if (more == 0)
            return 0;
        *ret_is_integer = 0;
        n += 1 + more;
    }
    if (n < left && (s[n] == 'e' || s[n] == 'E')) {
        size_t sign = n + 1 < left && (s[n + 1] == '+' || s[n + 1] == '-');

        more = digits(s + n + 1 + sign, left - n - 1 - sign);
        if (more == 0)
            return 0;
        *ret_is_integer = 0;
        n += 1 + sign + more;
    }
    return n;
}

static int
scan_number(struct scan *scan)
{
    const char *s = scan->text + scan->at;
    size_t      whole;
    int         is_integer;
    size_t      n = number_len(s, scan->len - scan->at, &whole, &is_integer);
    char        copy[400];

    if (n == 0 || (scan->at + n < scan->len && (isalnum((unsigned char)s[n]) || s[n] == '.')))
        return wrong(scan, "not a number");
    if (is_integer && whole > EXACT_DIGITS) {
        put(scan, "\"", 1);
        put_mark(scan);
        put(scan, s, n);
        put(scan, "\"", 1);
        scan->at += n;
        return 0;
    }
    if (n >= sizeof(copy))
        return wrong(scan, "a number with too many digits");
    memcpy(copy, s, n);
    copy[n] = '\0';
    if (!isfinite(strtod(copy, NULL)))
        return wrong(scan, "a number beyond what a double can hold");
    put(scan, s, n);
    scan->at += n;
    return 0;
}

static int
scan_other(struct scan *scan)
{
    char c = scan->text[scan->at];

    if (c == '{' || c == '[') {
        if (++scan->depth > GA_JSON_DEPTH_MAX)
            return wrong(scan, "nested more than %d deep", GA_JSON_DEPTH_MAX);
    } else if (c == '}' || c == ']') {
        scan->depth--;
    } else if ((unsigned char)c >= 0x80 || ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
        return wrong(scan, "an unexpected byte (0x%02x)", (unsigned)(unsigned char)c);
    }
    put(scan, &c, 1);
    scan->at++;
    return 0;
}

static int
scan_all(struct scan *scan)
{
    int r = 0;

    while (r == 0 && scan->at < scan->len) {
        char c = scan->text[scan->at];

        if (c == '"')
            r = scan_string(scan);
        else if (c == '-' || isdigit((unsigned char)c))
            r = scan_number(scan);
        else
            r = scan_other(scan);
    }
    return r;
}

/* Marked strings become raw nodes. A marked key was an integer in a key's place: -EBADMSG. */
static int
unmark(cJSON *item)
{
    if (item->string && item->string[0] == MARK)
        return -EBADMSG;
    if (cJSON_IsString(item) && item->valuestring[0] == MARK) {
        item->type = (item->type & ~0xff) | cJSON_Raw;
        memmove(item->valuestring, item->valuestring + 1, strlen(item->valuestring));
    }
    for (cJSON *child = item->child; child; child = child->next)
        if (unmark(child) < 0)
            return -EBADMSG;
    return 0;
}

/* Where in the source the parser stopped. */
static size_t
source_offset(const struct scan *scan, size_t out_offset)
{
    size_t marks = 0;

    for (size_t i = 0; i < out_offset; i++)
        marks += scan->out[i] == MARK;
    return out_offset > 3 * marks ? out_offset - 3 * marks : 0;
}

cJSON *
ga_json_parse(const char *text, size_t len, char *reterr, size_t reterr_len)
{
    struct scan scan = {.text = text, .len = len, .reterr = reterr, .reterr_len = reterr_len};
    const char *end = NULL;
    cJSON      *json = NULL;
    int         r;

    scan.out = malloc(len + len / 4 + 8); /* three bytes more for at least sixteen digits */
    if (!scan.out) {
        (void)snprintf(reterr, reterr_len, "no memory for a document of %zu bytes", len);
        errno = ENOMEM;
        return NULL;
    }
    r = scan_all(&scan);
    if (r == 0) {
        json = cJSON_ParseWithLengthOpts(scan.out, scan.out_len, &end, 0);
        while (json && end < scan.out + scan.out_len && strchr(" \t\r\n", *end))
            end++;
        if (json && end < scan.out + scan.out_len) {
            scan.at = source_offset(&scan, (size_t)(end - scan.out));
            (void)wrong(&scan, "something follows the document");
            cJSON_Delete(json);
            json = NULL;
        } else if (!json) {
            scan.at = end ? source_offset(&scan, (size_t)(end - scan.out)) : 0;
            (void)wrong(&scan, len == 0 ? "the document is empty" : "not JSON");
        }
    }
    free(scan.out);
    if (json && unmark(json) < 0) {
        (void)snprintf(reterr, reterr_len, "a number in the place of a key");
        cJSON_Delete(json);
        json = NULL;
    }
    if (!json)
        errno = EBADMSG;
    return json;
}

/* --- getters -------------------------------------------------------------------------------------------------------
 */

static int
digits_i64(const char *s, int64_t *ret)
{
    char *end;

    if (!isdigit((unsigned char)s[*s == '-']))
        return -EINVAL;
    errno = 0;
    *ret = strtoll(s, &end, 10);
    return *end ? -EINVAL : errno ? -ERANGE : 0;
}

static int
digits_u64(const char *s, uint64_t *ret)
{
    char *end;

    if (*s == '-') {
        int64_t negative;
        int     r = digits_i64(s, &negative);

        if (r == 0 && negative != 0)
            r = -ERANGE;
        *ret = 0;
        return r;
    }
    if (!isdigit((unsigned char)*s))
        return -EINVAL;
    errno = 0;
    *ret = strtoull(s, &end, 10);
    return *end ? -EINVAL : errno ? -ERANGE : 0;
}

int
ga_json_value_i64(const cJSON *value, int64_t *ret)
{
    int64_t number;
    int     r;

    if (!value || cJSON_IsNull(value))
        return -ENOENT;
    if (cJSON_IsNumber(value)) {
        if (trunc(value->valuedouble) != value->valuedouble)
            return -EINVAL;
        if (fabs(value->valuedouble) > EXACT_MOST)
            return -ERANGE; /* with an exponent in the source: its digits are not known */
        *ret = (int64_t)value->valuedouble;
        return 0;
    }
    if (!cJSON_IsString(value) && !cJSON_IsRaw(value))
        return -EINVAL;
    r = digits_i64(value->valuestring, &number);
    if (r == 0)
        *ret = number;
    return r;
}

int
ga_json_value_u64(const cJSON *value, uint64_t *ret)
{
    uint64_t number;
    int      r;

    if (!value || cJSON_IsNull(value))
        return -ENOENT;
    if (cJSON_IsNumber(value)) {
        if (trunc(value->valuedouble) != value->valuedouble)
            return -EINVAL;
        if (value->valuedouble < 0 || value->valuedouble > EXACT_MOST)
            return -ERANGE;
        *ret = (uint64_t)value->valuedouble;
        return 0;
    }
    if (!cJSON_IsString(value) && !cJSON_IsRaw(value))
        return -EINVAL;
    r = digits_u64(value->valuestring, &number);
    if (r == 0)
        *ret = number;
    return r;
}

int
ga_json_i64(const cJSON *object, const char *key, int64_t *ret)
{
    return ga_json_value_i64(ga_json_get(object, key), ret);
}

int
ga_json_u64(const cJSON *object, const char *key, uint64_t *ret)
{
    return ga_json_value_u64(ga_json_get(object, key), ret);
}

int
ga_json_double(const cJSON *object, const char *key, double *ret)
{
    const cJSON *value = ga_json_get(object, key);
    char        *end;
    double       number;

    if (!value || cJSON_IsNull(value))
        return -ENOENT;
    if (cJSON_IsNumber(value)) {
        *ret = value->valuedouble;
        return 0;
    }
    if ((!cJSON_IsString(value) && !cJSON_IsRaw(value)) || !*value->valuestring)
        return -EINVAL;
    number = strtod(value->valuestring, &end);
    if (*end || isspace((unsigned char)*value->valuestring))
        return -EINVAL;
    if (!isfinite(number))
        return -ERANGE;
    *ret = number;
    return 0;
}

const cJSON *
ga_json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *
ga_json_str(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(ga_json_get(object, key));
}

int
ga_json_bool(const cJSON *object, const char *key, int fallback)
{
    const cJSON *item = ga_json_get(object, key);

    return cJSON_IsTrue(item) ? 1 : cJSON_IsFalse(item) ? 0 : fallback;
}

const cJSON *
ga_json_path(const cJSON *object, const char *path)
{
    char key[256];

    while (object && *path) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(key))
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        if (cJSON_IsArray(object))
            object = isdigit((unsigned char)*key) ? cJSON_GetArrayItem(object, (int)strtol(key, NULL, 10)) : NULL;
        else
            object = ga_json_get(object, key);
        path += n + (path[n] == '.');
    }
    return object;
}

char *
ga_json_print(const cJSON *json)
{
    return cJSON_PrintUnformatted(json);
}

cJSON *
ga_json_new_i64(int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return cJSON_CreateRaw(text);
}

cJSON *
ga_json_new_u64(uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    return cJSON_CreateRaw(text);
}

/* Takes the node. */
static int
set(cJSON *object, const char *key, cJSON *node)
{
    cJSON_bool done;

    if (!node)
        return -ENOMEM;
    if (cJSON_GetObjectItemCaseSensitive(object, key))
        done = cJSON_ReplaceItemInObjectCaseSensitive(object, key, node);
    else
        done = cJSON_AddItemToObject(object, key, node);
    if (!done)
        cJSON_Delete(node);
    return done ? 0 : -ENOMEM;
}

int
ga_json_add_i64(cJSON *object, const char *key, int64_t value)
{
    return set(object, key, ga_json_new_i64(value));
}

int
ga_json_add_u64(cJSON *object, const char *key, uint64_t value)
{
    return set(object, key, ga_json_new_u64(value));
}

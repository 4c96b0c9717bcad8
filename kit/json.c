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

#define EXACT_DIGITS 15               /* integers up to here fit a double, and cJSON prints them without exponent */
#define EXACT_MOST 9007199254740991.0 /* beyond, a double may stand for several integers */

/* How numbers that cJSON would spoil pass through it: as strings that begin with a byte that is no UTF-8, so no
 * document has it. */
#define MARK_INTEGER '\xff'
#define MARK_FRACTION '\xfe'
#define MARK_MORE 3 /* bytes that a marked number is longer: two quotes and the mark */

struct scan {
    const char *text;
    size_t      len;
    size_t      at;
    char       *out;
    size_t      out_len;
    int         depth;
    char        is_object[GA_JSON_DEPTH_MAX + 1]; /* what was opened at that depth */
    char        last;                             /* the last byte outside strings and numbers that is no blank */
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
put_marked(struct scan *scan, char mark, const char *digits, size_t n)
{
    put(scan, "\"", 1);
    put(scan, &mark, 1);
    put(scan, digits, n);
    put(scan, "\"", 1);
}

/* The four hex digits of a \u escape as a number; -1: they are none, -2: the document ends. */
static int
hex4(const struct scan *scan, size_t at)
{
    int number = 0;

    for (size_t i = at + 2; i < at + 6; i++) {
        unsigned char c = (unsigned char)(i < scan->len ? scan->text[i] : '\0');

        if (i >= scan->len)
            return -2;
        if (!isxdigit(c))
            return -1;
        number = number * 16 + (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return number;
}

/* Bytes of the escape here; 0: it is wrong, and said. */
static size_t
escape_len(struct scan *scan)
{
    const char *s = scan->text + scan->at;
    size_t      left = scan->len - scan->at;
    int         code = left > 1 && s[1] == 'u' ? hex4(scan, scan->at) : 0;

    if (left < 2 || code == -2)
        (void)wrong(scan, "the document ends within a string");
    else if (s[1] != 'u' && strchr("\"\\/bfnrt", s[1]) && s[1])
        return 2;
    else if (s[1] != 'u' || code == -1)
        (void)wrong(scan, "an escape that is none");
    else if (code == 0)
        (void)wrong(scan, "a NUL character within a string");
    else if (code < 0xd800 || code > 0xdfff)
        return 6;
    else if (code <= 0xdbff && left >= 12 && s[6] == '\\' && s[7] == 'u' && hex4(scan, scan->at + 6) >= 0xdc00 &&
             hex4(scan, scan->at + 6) <= 0xdfff)
        return 12;
    else
        (void)wrong(scan, "half of a surrogate pair");
    return 0;
}

static int
scan_string(struct scan *scan)
{
    put(scan, "\"", 1);
    scan->at++;
    while (scan->at < scan->len && scan->text[scan->at] != '"') {
        const char *s = scan->text + scan->at;
        size_t      n = *s == '\\' ? escape_len(scan) : ga_utf8_len(s, scan->len - scan->at);

        if (n == 0)
            return *s == '\\' ? -EBADMSG : wrong(scan, "not UTF-8");
        if ((unsigned char)*s < 0x20)
            return wrong(scan, "a control character (0x%02x) within a string", (unsigned)*s);
        put(scan, s, n);
        scan->at += n;
    }
    if (scan->at == scan->len)
        return wrong(scan, "the document ends within a string");
    put(scan, "\"", 1);
    scan->at++;
    return 0;
}

static size_t
digits_len(const char *s, size_t left)
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
    size_t whole = digits_len(s + n, left - n);
    size_t more;

    *ret_integer_digits = whole;
    *ret_is_integer = 1;
    if (whole == 0 || (whole > 1 && s[n] == '0'))
        return 0;
    n += whole;
    if (n < left && s[n] == '.') {
        more = digits_len(s + n + 1, left - n - 1);
        if (more == 0)
            return 0;
        *ret_is_integer = 0;
        n += 1 + more;
    }
    if (n < left && (s[n] == 'e' || s[n] == 'E')) {
        size_t sign = n + 1 < left && (s[n + 1] == '+' || s[n + 1] == '-');

        more = digits_len(s + n + 1 + sign, left - n - 1 - sign);
        if (more == 0)
            return 0;
        *ret_is_integer = 0;
        n += 1 + sign + more;
    }
    return n;
}

/* 1 when cJSON, which prints 15 digits where that is near enough, prints another value. */
static int
would_be_spoilt(double number)
{
    char   text[32];
    double again;

    (void)snprintf(text, sizeof(text), "%.15g", number);
    again = strtod(text, NULL);
    return number == 0 ? signbit(number) != 0 : again > number || again < number;
}

static int
scan_number(struct scan *scan)
{
    const char *s = scan->text + scan->at;
    size_t      whole;
    int         is_integer;
    size_t      n = number_len(s, scan->len - scan->at, &whole, &is_integer);
    char        copy[400];
    double      number;

    if (scan->last == '{' || (scan->last == ',' && scan->is_object[scan->depth]))
        return wrong(scan, "a number in the place of a key");
    if (n == 0 || (scan->at + n < scan->len && (isalnum((unsigned char)s[n]) || s[n] == '.')))
        return wrong(scan, "not a number");
    if (is_integer && whole > EXACT_DIGITS) {
        put_marked(scan, MARK_INTEGER, s, n);
        scan->at += n;
        return 0;
    }
    if (n >= sizeof(copy))
        return wrong(scan, "a number with too many digits");
    memcpy(copy, s, n);
    copy[n] = '\0';
    number = strtod(copy, NULL);
    if (!isfinite(number))
        return wrong(scan, "a number beyond what a double can hold");
    if (would_be_spoilt(number))
        put_marked(scan, MARK_FRACTION, s, n);
    else
        put(scan, s, n);
    scan->at += n;
    return 0;
}

static int
scan_other(struct scan *scan)
{
    unsigned char c = (unsigned char)scan->text[scan->at];

    if (c == '{' || c == '[') {
        if (scan->depth == GA_JSON_DEPTH_MAX)
            return wrong(scan, "nested more than %d deep", GA_JSON_DEPTH_MAX);
        scan->is_object[++scan->depth] = c == '{';
    } else if (c == '}' || c == ']') {
        if (--scan->depth < 0)
            return wrong(scan, "'%c' closes nothing", c);
    } else if (c >= 0x7f || (c < 0x20 && !strchr("\t\n\r", c)) || c == '\0') {
        return wrong(scan, "an unexpected byte (0x%02x)", c);
    }
    if (!isspace(c))
        scan->last = (char)c;
    put(scan, scan->text + scan->at, 1);
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

static int
is_mark(char c)
{
    return c == MARK_INTEGER || c == MARK_FRACTION;
}

/* Marked strings become raw nodes, or numbers that remember their digits. */
static void
unmark(cJSON *item)
{
    if (cJSON_IsString(item) && is_mark(item->valuestring[0])) {
        int type = item->valuestring[0] == MARK_INTEGER ? cJSON_Raw : cJSON_Number;

        memmove(item->valuestring, item->valuestring + 1, strlen(item->valuestring));
        item->type = (item->type & ~0xff) | type;
        if (type == cJSON_Number)
            (void)cJSON_SetNumberValue(item, strtod(item->valuestring, NULL));
    }
    for (cJSON *child = item->child; child; child = child->next)
        unmark(child);
}

/* Where in the source the parser stopped. */
static size_t
source_offset(const struct scan *scan, size_t out_offset)
{
    size_t more = 0;

    for (size_t i = 0; i < out_offset; i++)
        more += is_mark(scan->out[i]) ? MARK_MORE : 0;
    return out_offset > more ? out_offset - more : 0;
}

/* The document that the scan has put out. NULL with the reason and its place. */
static cJSON *
parse_scanned(struct scan *scan)
{
    const char *end = NULL;
    const char *stop = scan->out + scan->out_len;
    cJSON      *json = cJSON_ParseWithLengthOpts(scan->out, scan->out_len, &end, 0);

    while (json && end < stop && strchr(" \t\r\n", *end))
        end++;
    if (json && end == stop) {
        unmark(json);
        return json;
    }
    scan->at = end ? source_offset(scan, (size_t)(end - scan->out)) : 0;
    (void)wrong(scan, json ? "something follows the document" : scan->len == 0 ? "the document is empty" : "not JSON");
    cJSON_Delete(json);
    return NULL;
}

cJSON *
ga_json_parse(const char *text, size_t len, char *reterr, size_t reterr_len)
{
    struct scan scan = {.text = text, .len = len, .reterr = reterr, .reterr_len = reterr_len};
    cJSON      *json = NULL;

    /* twice: "-0" may be marked, and what follows it begins with a comma */
    if (len <= (SIZE_MAX - 8) / 2)
        scan.out = malloc(2 * len + 8);
    if (!scan.out) {
        (void)snprintf(reterr, reterr_len, "no memory for a document of %zu bytes", len);
        errno = ENOMEM;
        return NULL;
    }
    if (scan_all(&scan) == 0)
        json = parse_scanned(&scan);
    free(scan.out);
    if (!json)
        errno = EBADMSG;
    return json;
}

/* --- getters ---------------------------------------------------------------------------------------------------- */

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

/* The digits of an integer: those of the node, or those of its value in buf. 0, or an error as the getters have it. */
static int
integer_digits(const cJSON *value, char *buf, size_t len, const char **ret)
{
    if (!value || cJSON_IsNull(value))
        return -ENOENT;
    *ret = cJSON_IsString(value) || cJSON_IsRaw(value) ? value->valuestring : buf;
    if (*ret != buf)
        return 0;
    if (!cJSON_IsNumber(value) || trunc(value->valuedouble) != value->valuedouble)
        return -EINVAL;
    if (fabs(value->valuedouble) > EXACT_MOST)
        return -ERANGE; /* with an exponent in the source: its digits are not known */
    (void)snprintf(buf, len, "%.0f", value->valuedouble);
    return 0;
}

int
ga_json_value_i64(const cJSON *value, int64_t *ret)
{
    char        buf[32];
    const char *digits;
    int64_t     number;
    int         r = integer_digits(value, buf, sizeof(buf), &digits);

    if (r == 0)
        r = digits_i64(digits, &number);
    if (r == 0)
        *ret = number;
    return r;
}

int
ga_json_value_u64(const cJSON *value, uint64_t *ret)
{
    char        buf[32];
    const char *digits;
    uint64_t    number;
    int         r = integer_digits(value, buf, sizeof(buf), &digits);

    if (r == 0)
        r = digits_u64(digits, &number);
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
    if (*end || strspn(value->valuestring, "0123456789+-.eE") != strlen(value->valuestring))
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

/* Element number `key` of an array; NULL when there is none, or the key is no number. */
static const cJSON *
element(const cJSON *array, const char *key)
{
    size_t n = strlen(key);

    if (n == 0 || n > 9 || strspn(key, "0123456789") < n)
        return NULL;
    return cJSON_GetArrayItem(array, (int)strtol(key, NULL, 10));
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
            object = element(object, key);
        else
            object = ga_json_get(object, key);
        path += n + (path[n] == '.');
    }
    return object;
}

/* Does the number remember digits that are still its value? */
static int
has_digits(const cJSON *item)
{
    double digits;

    if (!cJSON_IsNumber(item) || !item->valuestring)
        return 0;
    digits = strtod(item->valuestring, NULL);
    return !(digits < item->valuedouble) && !(digits > item->valuedouble);
}

static int
any_has_digits(const cJSON *item)
{
    if (has_digits(item))
        return 1;
    for (const cJSON *child = item->child; child; child = child->next)
        if (any_has_digits(child))
            return 1;
    return 0;
}

static void
digits_to_raw(cJSON *item)
{
    if (has_digits(item))
        item->type = (item->type & ~0xff) | cJSON_Raw;
    for (cJSON *child = item->child; child; child = child->next)
        digits_to_raw(child);
}

char *
ga_json_print(const cJSON *json)
{
    cJSON *copy;
    char  *text;

    if (!json || !any_has_digits(json))
        return cJSON_PrintUnformatted(json);
    copy = cJSON_Duplicate(json, 1);
    if (!copy)
        return NULL;
    digits_to_raw(copy);
    text = cJSON_PrintUnformatted(copy);
    cJSON_Delete(copy);
    return text;
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

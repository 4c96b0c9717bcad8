/* changes.c: what a parameter change changes. */
#include "plugins/governance/changes.h"

#include "kit/clean.h"
#include "plugins/governance/exact.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two values at one place of two trees. */
struct pair {
    const char  *path;
    const cJSON *before; /* NULL: not there */
    const cJSON *after;
    int          in_list; /* what is missing in a list is missing, and not zero */
};

static int find(const struct pair *pair, struct gov_changes *ret);

/* A number or string as text; NULL for anything else. buf takes what is no text yet. */
static const char *
scalar(const cJSON *value, char *buf, size_t len)
{
    if (cJSON_IsString(value) || cJSON_IsRaw(value))
        return value->valuestring;
    if (!cJSON_IsNumber(value))
        return NULL;
    if (value->valuestring)
        return value->valuestring;
    (void)snprintf(buf, len, "%.15g", value->valuedouble);
    return buf;
}

/* The number that is meant: 5, "5", "0.50", {"value":"2","exponent":-1}. 0, or -EINVAL for what is none, such as "007",
 * which may be a name. */
static int
number_of(const cJSON *value, struct gov_decimal *ret)
{
    char         buf[32];
    const cJSON *number = gov_is_scaled(value) ? ga_json_get(value, "value") : value;
    const char  *text = scalar(number, buf, sizeof(buf));
    const char  *digits = text && *text == '-' ? text + 1 : text;
    int64_t      exponent = 0;

    if (!text || (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'))
        return -EINVAL;
    if (number != value && ga_json_i64(value, "exponent", &exponent) < 0)
        return -EINVAL;
    return gov_decimal_scale(text, exponent, ret) < 0 ? -EINVAL : 0;
}

int
gov_is_scaled(const cJSON *value)
{
    const cJSON *number = ga_json_get(value, "value");
    const cJSON *exponent = ga_json_get(value, "exponent");
    int64_t      ignored;

    return cJSON_IsObject(value) && cJSON_GetArraySize(value) == 2 && ga_json_value_i64(number, &ignored) == 0 &&
           ga_json_value_i64(exponent, &ignored) == 0;
}

char *
gov_value_text(const cJSON *value)
{
    struct gov_decimal number;
    char               buf[64];
    const char        *text;

    if (gov_is_scaled(value) && number_of(value, &number) == 0)
        return strdup(gov_decimal_format(&number, buf, sizeof(buf)));
    text = scalar(value, buf, sizeof(buf));
    return text ? strdup(text) : ga_json_print(value);
}

/* --- the same or not --------------------------------------------------------------------------------------------- */

static int
is_tree(const cJSON *value)
{
    return (cJSON_IsObject(value) || cJSON_IsArray(value)) && !gov_is_scaled(value);
}

static int
is_nothing(const cJSON *value)
{
    return !value || cJSON_IsNull(value);
}

/* What a message means that lacks the member. */
static int
is_default(const cJSON *value)
{
    struct gov_decimal number;

    if (is_nothing(value) || cJSON_IsFalse(value))
        return 1;
    if (cJSON_IsArray(value))
        return !value->child;
    if (cJSON_IsString(value) && !*value->valuestring)
        return 1;
    return number_of(value, &number) == 0 && number.units == 0;
}

static int
is_scalar(const cJSON *value)
{
    return cJSON_IsString(value) || cJSON_IsRaw(value) || cJSON_IsNumber(value);
}

static int
same_leaf(const cJSON *a, const cJSON *b)
{
    struct gov_decimal left;
    struct gov_decimal right;
    char               buf[2][32];

    if (number_of(a, &left) == 0 && number_of(b, &right) == 0)
        return gov_decimal_compare(&left, &right) == 0 && left.seconds == right.seconds;
    if (is_scalar(a) && is_scalar(b))
        return strcmp(scalar(a, buf[0], sizeof(buf[0])), scalar(b, buf[1], sizeof(buf[1]))) == 0;
    return cJSON_Compare(a, b, 1);
}

/* --- walking ------------------------------------------------------------------------------------------------------ */

static int
add(const struct pair *pair, struct gov_changes *ret)
{
    struct gov_change change = {0};

    if (ret->n == ret->cap) {
        size_t             cap = ret->cap ? ret->cap * 2 : 8;
        struct gov_change *list = realloc(ret->list, cap * sizeof(*list));

        if (!list)
            return -ENOMEM;
        ret->list = list;
        ret->cap = cap;
    }
    change.path = strdup(pair->path);
    change.before = pair->before ? gov_value_text(pair->before) : NULL;
    change.after = pair->after ? gov_value_text(pair->after) : NULL;
    ret->list[ret->n++] = change;
    return change.path && (!pair->before || change.before) && (!pair->after || change.after) ? 0 : -ENOMEM;
}

/* "path.key", dots within the key escaped. The caller frees it. */
static char *
path_below(const char *path, const char *key)
{
    size_t n = strlen(path);
    char  *below = malloc(n + 2 * strlen(key) + 2);
    char  *at = below;

    if (!below)
        return NULL;
    memcpy(at, path, n);
    at += n;
    if (n > 0)
        *at++ = '.';
    for (; *key; key++) {
        if (*key == '.')
            *at++ = '\\';
        *at++ = *key;
    }
    *at = '\0';
    return below;
}

static int
find_below(const struct pair *pair, const char *key, const cJSON *before, const cJSON *after, struct gov_changes *ret)
{
    char       *path = path_below(pair->path, key);
    struct pair below = {path, before, after, cJSON_IsArray(pair->before) || cJSON_IsArray(pair->after)};
    int         r = path ? find(&below, ret) : -ENOMEM;

    free(path);
    return r;
}

static int
find_in_objects(const struct pair *pair, struct gov_changes *ret)
{
    const cJSON *before = pair->before ? pair->before->child : NULL;
    int          r = 0;

    for (const cJSON *a = pair->after ? pair->after->child : NULL; a && r == 0; a = a->next)
        r = find_below(pair, a->string, ga_json_get(pair->before, a->string), a, ret);
    for (; before && r == 0; before = before->next)
        if (!ga_json_get(pair->after, before->string))
            r = find_below(pair, before->string, before, NULL, ret);
    return r;
}

static int
find_in_lists(const struct pair *pair, struct gov_changes *ret)
{
    const cJSON *before = pair->before ? pair->before->child : NULL;
    const cJSON *after = pair->after ? pair->after->child : NULL;
    int          r = 0;

    for (size_t i = 0; r == 0 && (before || after); i++) {
        char key[24];

        (void)snprintf(key, sizeof(key), "%zu", i);
        r = find_below(pair, key, before, after, ret);
        before = before ? before->next : NULL;
        after = after ? after->next : NULL;
    }
    return r;
}

/* A tree against a tree of its kind, or against nothing. */
static int
find_in_trees(const struct pair *pair, struct gov_changes *ret)
{
    size_t n = ret->n;
    int    r;

    if (cJSON_IsObject(pair->before ? pair->before : pair->after))
        r = find_in_objects(pair, ret);
    else
        r = find_in_lists(pair, ret);
    /* an object whose members are all zero is another thing than none */
    if (r == 0 && ret->n == n && (!pair->before || !pair->after))
        r = add(pair, ret);
    return r;
}

static int
find(const struct pair *pair, struct gov_changes *ret)
{
    struct pair exact = *pair;
    int         trees = is_tree(pair->before) && is_tree(pair->after);

    exact.before = is_nothing(pair->before) ? NULL : pair->before;
    exact.after = is_nothing(pair->after) ? NULL : pair->after;
    if (!exact.before && !exact.after)
        return 0;
    if (!exact.before || !exact.after) {
        if (!pair->in_list && is_default(exact.before) && is_default(exact.after))
            return 0;
        return is_tree(exact.before ? exact.before : exact.after) ? find_in_trees(&exact, ret) : add(&exact, ret);
    }
    if (trees && cJSON_IsObject(exact.before) == cJSON_IsObject(exact.after))
        return find_in_trees(&exact, ret);
    return !trees && same_leaf(exact.before, exact.after) ? 0 : add(&exact, ret);
}

int
gov_changes_find(const cJSON *before, const cJSON *after, struct gov_changes *ret)
{
    struct pair pair = {"", before, after, 0};

    return find(&pair, ret);
}

/* Writes the text fit to be shown, or "(none)". 0 or -ENOMEM. */
static int
put(FILE *out, const char *text, const char *after)
{
    char *copy = strdup(text ? text : "(none)");

    if (!copy)
        return -ENOMEM;
    (void)fprintf(out, "%s%s", ga_clean(copy), after);
    free(copy);
    return 0;
}

char *
gov_changes_text(const struct gov_changes *changes)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);
    int    r = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < changes->n && r == 0; i++) {
        const struct gov_change *c = &changes->list[i];

        r = put(out, c->path, ": ");
        r = r < 0 ? r : put(out, c->before, " -> ");
        r = r < 0 ? r : put(out, c->after, "\n");
    }
    if (fclose(out) != 0 || r < 0) {
        free(text);
        return NULL;
    }
    return text;
}

void
gov_changes_free(struct gov_changes *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        free(changes->list[i].path);
        free(changes->list[i].before);
        free(changes->list[i].after);
    }
    free(changes->list);
    *changes = (struct gov_changes){0};
}

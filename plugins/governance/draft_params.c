/* draft_params.c: a proposal that changes a module's parameters. */
#include "plugins/governance/draft_parts.h"
#include "plugins/governance/exact.h"

#include "kit/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPDATE_PARAMS ".MsgUpdateParams"
#define KEY_MAX 128

/* A place in the parameters: a value and what it is in. */
struct spot {
    cJSON *parent;
    cJSON *value;
};

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* Copies the next key of the path, which moves on; "\." is a dot within it. 0 or -EINVAL: empty or too long. */
static int
next_key(const char **path, char key[KEY_MAX])
{
    size_t n = 0;

    for (; **path && **path != '.'; (*path)++) {
        if (**path == '\\' && (*path)[1] == '.')
            (*path)++;
        if (n + 1 >= KEY_MAX)
            return -EINVAL;
        key[n++] = **path;
    }
    if (**path == '.')
        (*path)++;
    key[n] = '\0';
    return n > 0 ? 0 : -EINVAL;
}

static cJSON *
below(cJSON *parent, const char *key)
{
    if (cJSON_IsObject(parent))
        return cJSON_GetObjectItemCaseSensitive(parent, key);
    if (!cJSON_IsArray(parent) || strlen(key) > 9 || strspn(key, "0123456789") != strlen(key))
        return NULL;
    return cJSON_GetArrayItem(parent, (int)strtol(key, NULL, 10));
}

static int
find(cJSON *params, const char *path, struct spot *ret, char *why, size_t len)
{
    const char *rest = path;
    char        key[KEY_MAX];

    *ret = (struct spot){.value = params};
    do {
        ret->parent = ret->value;
        ret->value = next_key(&rest, key) == 0 ? below(ret->parent, key) : NULL;
    } while (ret->value && *rest);
    if (ret->value)
        return 0;
    (void)snprintf(why, len, "%.100s: the module has no such parameter: take a path from its present parameters", path);
    return -EINVAL;
}

/* --- new values --------------------------------------------------------------------------------------------------- */

/* The digits of a decimal without its point; returns the exponent that makes up for it. */
static int64_t
split_scaled(const struct gov_decimal *decimal, char *digits, size_t len)
{
    char   *point = strchr(gov_decimal_format(decimal, digits, len), '.');
    int64_t places = 0;

    if (point) {
        places = (int64_t)strlen(point + 1);
        memmove(point, point + 1, strlen(point));
    }
    return -places;
}

/* Adds an integer as a text or a number, as the old object has it. 0 or -ENOMEM. */
static int
add_integer(cJSON *object, const char *key, const cJSON *old, int64_t value)
{
    char text[24];

    if (!cJSON_IsString(ga_json_get(old, key)))
        return ga_json_add_i64(object, key, value);
    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    return cJSON_AddStringToObject(object, key, text) ? 0 : -ENOMEM;
}

/* {"value":"25","exponent":-2} for "0.25". NULL: errno is EINVAL or ENOMEM. */
static cJSON *
new_scaled(const cJSON *old, const char *text)
{
    struct gov_decimal d;
    char               digits[64];
    char              *end;
    int64_t            exponent;
    int64_t            value;
    cJSON             *scaled;

    errno = EINVAL;
    if (gov_decimal_parse(text, &d) < 0 || d.seconds)
        return NULL;
    exponent = split_scaled(&d, digits, sizeof(digits));
    errno = 0;
    value = strtoll(digits, &end, 10);
    if (errno != 0 || *end) {
        errno = EINVAL;
        return NULL;
    }
    errno = ENOMEM;
    scaled = cJSON_CreateObject();
    if (add_integer(scaled, "value", old, value) < 0 || add_integer(scaled, "exponent", old, exponent) < 0) {
        cJSON_Delete(scaled);
        return NULL;
    }
    return scaled;
}

/* A text for a text; digits stay digits and seconds seconds. */
static cJSON *
new_text(const cJSON *old, const char *text)
{
    struct gov_decimal before;
    struct gov_decimal after;

    errno = EINVAL;
    if (gov_decimal_parse(old->valuestring, &before) == 0 &&
        (gov_decimal_parse(text, &after) < 0 || before.seconds != after.seconds))
        return NULL;
    errno = ENOMEM;
    return cJSON_CreateString(text);
}

/*
 * 1 when a value of the one kind may stand in the place of one of the other. Objects are not replaced as a whole: a
 * member that is forgotten would become zero.
 */
static int
same_kind(const cJSON *old, const cJSON *value)
{
    if (cJSON_IsNull(old))
        return 1;
    if (cJSON_IsNumber(old) || cJSON_IsRaw(old))
        return cJSON_IsNumber(value) || cJSON_IsRaw(value);
    if (cJSON_IsBool(old))
        return cJSON_IsBool(value);
    return cJSON_IsArray(old) && cJSON_IsArray(value);
}

static cJSON *
new_json(const cJSON *old, const char *text)
{
    char   ignored[160];
    cJSON *value = ga_json_parse(text, strlen(text), ignored, sizeof(ignored));

    if (value && same_kind(old, value))
        return value;
    if (value || errno != ENOMEM)
        errno = EINVAL;
    cJSON_Delete(value);
    return NULL;
}

static cJSON *
new_value(const cJSON *old, const char *text)
{
    if (gov_is_scaled(old))
        return new_scaled(old, text);
    return cJSON_IsString(old) ? new_text(old, text) : new_json(old, text);
}

/* Puts the value in the place, which it takes. It takes the key over, too: a copy could fail, and cJSON would not say.
 */
static void
replace(const struct spot *spot, cJSON *value)
{
    value->string = spot->value->string;
    value->type |= spot->value->type & cJSON_StringIsConst;
    spot->value->string = NULL;
    (void)cJSON_ReplaceItemViaPointer(spot->parent, spot->value, value);
}

static int
apply(cJSON *params, const struct gov_setting *setting, char *why, size_t len)
{
    struct spot spot;
    cJSON      *value;
    int         r = find(params, setting->path, &spot, why, len);

    if (r < 0)
        return r;
    value = new_value(spot.value, setting->value);
    if (!value && errno == ENOMEM)
        return -ENOMEM;
    if (!value) {
        (void)snprintf(why, len, "%.100s: \"%.60s\" cannot stand in the place of its present value: see its kind",
                       setting->path, setting->value);
        return -EINVAL;
    }
    replace(&spot, value);
    return 0;
}

/* --- the draft ---------------------------------------------------------------------------------------------------- */

static int
check_type(const char *type_url, char *why, size_t len)
{
    size_t n = strlen(type_url);
    size_t end = strlen(UPDATE_PARAMS);

    if (type_url[0] == '/' && n > end + 1 && strcmp(type_url + n - end, UPDATE_PARAMS) == 0)
        return 0;
    (void)snprintf(why, len, "%.100s is no type such as /inference.inference.MsgUpdateParams", type_url);
    return -EINVAL;
}

/* A copy of the parameters with the settings put in; NULL: errno is set and, but for ENOMEM, `why`. */
static cJSON *
with_settings(const cJSON *current, const struct gov_setting *settings, size_t n, char *why, size_t len)
{
    cJSON *params = cJSON_Duplicate(current, 1);
    int    r = params ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && r == 0; i++)
        r = apply(params, &settings[i], why, len);
    if (r == 0)
        return params;
    cJSON_Delete(params);
    errno = -r;
    return NULL;
}

int
gov_draft_params(const struct gov_draft *draft, const char *type_url, const cJSON *current,
                 const struct gov_setting *settings, size_t n, cJSON **ret, struct gov_changes *ret_changes, char *why,
                 size_t len)
{
    const cJSON *inner = ga_json_get(current, "params");
    cJSON       *params;
    int          r = check_type(type_url, why, len);

    if (r < 0)
        return r;
    if (inner)
        current = inner;
    if (!cJSON_IsObject(current)) {
        (void)snprintf(why, len,
                       "present parameters: an object was expected, as .../params gives it: ask another node");
        return -EBADMSG;
    }
    params = with_settings(current, settings, n, why, len);
    if (!params)
        return -errno;
    r = gov_changes_find(current, params, ret_changes);
    if (r == 0 && ret_changes->n == 0) {
        (void)snprintf(why, len, "all values are as they are now: a proposal would change nothing");
        r = -EINVAL;
    }
    if (r == 0)
        return gov_draft_file(draft, type_url, "params", params, ret);
    gov_changes_free(ret_changes);
    cJSON_Delete(params);
    return r;
}

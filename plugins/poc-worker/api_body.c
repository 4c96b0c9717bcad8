/* api_body.c: bodies by tables of fields; the conversions and the words of errors are those of the network's node. */
#include "plugins/poc-worker/api_body.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct complaint {
    const char *type;
    const char *msg;
};

/* --- conversions: NULL and *ret, or what is wrong ---------------------------------------------------------------- */

static const struct complaint missing = {"missing", "Field required"};
static const struct complaint no_object = {"model_attributes_type",
                                           "Input should be a valid dictionary or object to extract fields from"};
static const struct complaint no_list = {"list_type", "Input should be a valid list"};
static const struct complaint no_text = {"string_type", "Input should be a valid string"};
static const struct complaint no_int = {"int_type", "Input should be a valid integer"};
static const struct complaint no_int_text = {"int_parsing",
                                             "Input should be a valid integer, unable to parse string as an integer"};
static const struct complaint fraction = {"int_from_float",
                                          "Input should be a valid integer, got a number with a fractional part"};
static const struct complaint too_long = {"int_parsing_size",
                                          "Unable to parse input string as an integer, exceeded maximum size"};
static const struct complaint no_number = {"float_type", "Input should be a valid number"};
static const struct complaint no_number_text = {"float_parsing",
                                                "Input should be a valid number, unable to parse string as a number"};
static const struct complaint not_finite = {"finite_number", "Input should be a finite number"};
static const struct complaint no_bool = {"bool_type", "Input should be a valid boolean"};
static const struct complaint no_bool_text = {"bool_parsing",
                                              "Input should be a valid boolean, unable to interpret input"};

#define NUMBER_MAX 128 /* bytes of a number that comes as a string */

/* The string without white space around it, and without underscores between digits. 0, or -EINVAL. */
static int
bare_number(const char *text, char ret[NUMBER_MAX])
{
    size_t len = strlen(text);
    size_t n = 0;

    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    for (; len && isspace((unsigned char)*text); len--)
        text++;
    if (len == 0 || len >= NUMBER_MAX)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '_')
            ret[n++] = text[i];
        else if (i == 0 || i + 1 == len || !isdigit((unsigned char)text[i - 1]) || !isdigit((unsigned char)text[i + 1]))
            return -EINVAL;
    ret[n] = '\0';
    return strspn(ret, "0123456789+-.eE") == n ? 0 : -EINVAL;
}

static const struct complaint *
int_of_text(const char *text, int64_t *ret)
{
    char  bare[NUMBER_MAX];
    char *point;
    char *end;

    if (bare_number(text, bare) < 0)
        return &no_int_text;
    point = strchr(bare, '.');
    if (point && point > bare && point[1] && strspn(point + 1, "0") == strlen(point + 1))
        *point = '\0'; /* "7.00" */
    errno = 0;
    *ret = strtoll(bare, &end, 10);
    if (*end || end == bare)
        return &no_int_text;
    return errno == ERANGE ? &too_long : NULL;
}

static const struct complaint *
to_int(const cJSON *value, int64_t *ret)
{
    if (cJSON_IsBool(value)) {
        *ret = cJSON_IsTrue(value);
        return NULL;
    }
    if (cJSON_IsString(value))
        return int_of_text(value->valuestring, ret);
    if (!cJSON_IsNumber(value) && !cJSON_IsRaw(value))
        return &no_int;
    switch (ga_json_value_i64(value, ret)) {
    case 0:
        return NULL;
    case -ERANGE:
        return &too_long;
    default:
        return &fraction;
    }
}

static const struct complaint *
number_of_text(const char *text, double *ret)
{
    char  bare[NUMBER_MAX];
    char *end;

    if (bare_number(text, bare) < 0)
        return &no_number_text;
    *ret = strtod(bare, &end);
    if (*end || end == bare)
        return &no_number_text;
    return isfinite(*ret) ? NULL : &not_finite;
}

static const struct complaint *
to_number(const cJSON *value, double *ret)
{
    if (cJSON_IsString(value))
        return number_of_text(value->valuestring, ret);
    if (cJSON_IsBool(value))
        *ret = cJSON_IsTrue(value);
    else if (cJSON_IsNumber(value))
        *ret = value->valuedouble;
    else if (cJSON_IsRaw(value))
        *ret = strtod(value->valuestring, NULL); /* an integer of many digits */
    else
        return &no_number;
    return isfinite(*ret) ? NULL : &not_finite;
}

static const struct complaint *
bool_of_text(const char *text, uint32_t *ret)
{
    static const char *const words[2][6] = {{"0", "off", "f", "false", "n", "no"},
                                            {"1", "on", "t", "true", "y", "yes"}};

    for (uint32_t i = 0; i < 12; i++)
        if (strcasecmp(text, words[i / 6][i % 6]) == 0) {
            *ret = i / 6;
            return NULL;
        }
    return &no_bool_text;
}

static const struct complaint *
to_bool(const cJSON *value, uint32_t *ret)
{
    int64_t number;

    if (cJSON_IsString(value))
        return bool_of_text(value->valuestring, ret);
    if (!cJSON_IsBool(value) && !cJSON_IsNumber(value))
        return &no_bool;
    if (to_int(value, &number) || number < 0 || number > 1)
        return &no_bool_text;
    *ret = (uint32_t)number;
    return NULL;
}

/* --- what is wrong ------------------------------------------------------------------------------------------------ */

struct details {
    cJSON *list; /* NULL: none so far */
    int    echo; /* 1: "input" is told */
    int    no_memory;
};

/* A member of the body, a member of its member `outer`, or element `index` of `outer`. */
struct place {
    const char *outer; /* NULL: of the body itself */
    const char *name;  /* NULL: the element */
    size_t      index;
};

/* Adds `item` (consumed) to an array. */
static void
append(struct details *details, cJSON *array, cJSON *item)
{
    if (!item || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        details->no_memory = 1;
    }
}

static void
add_member(struct details *details, cJSON *object, const char *key, cJSON *item)
{
    if (!item || !cJSON_AddItemToObject(object, key, item)) {
        cJSON_Delete(item);
        details->no_memory = 1;
    }
}

/* A new detail in the list, for the caller to write to; NULL: enough was said, or no memory. */
static cJSON *
new_detail(struct details *details)
{
    cJSON *detail;

    if (!details->list)
        details->list = cJSON_CreateArray();
    if (details->list && cJSON_GetArraySize(details->list) >= POC_DETAILS_MAX)
        return NULL;
    detail = details->list ? cJSON_CreateObject() : NULL;
    if (!detail || !cJSON_AddItemToArray(details->list, detail)) {
        cJSON_Delete(detail);
        details->no_memory = 1;
        return NULL;
    }
    return detail;
}

static void
complain_in_words(struct details *details, const struct place *place, const char *type, const char *msg,
                  const cJSON *input)
{
    cJSON *detail = new_detail(details);
    cJSON *loc = cJSON_CreateArray();

    if (!detail || !loc) {
        cJSON_Delete(loc);
        details->no_memory |= !loc;
        return;
    }
    append(details, loc, cJSON_CreateString("body"));
    if (place && place->outer)
        append(details, loc, cJSON_CreateString(place->outer));
    if (place)
        append(details, loc, place->name ? cJSON_CreateString(place->name) : ga_json_new_u64(place->index));
    add_member(details, detail, "type", cJSON_CreateString(type));
    add_member(details, detail, "loc", loc);
    add_member(details, detail, "msg", cJSON_CreateString(msg));
    if (details->echo)
        add_member(details, detail, "input", input ? cJSON_Duplicate(input, 1) : cJSON_CreateNull());
}

static void
complain(struct details *details, const struct place *place, const struct complaint *what, const cJSON *input)
{
    complain_in_words(details, place, what->type, what->msg, input);
}

/* 0, -EINVAL with *ret, or -ENOMEM. */
static int
verdict(struct details *details, cJSON **ret)
{
    if (details->no_memory) {
        cJSON_Delete(details->list);
        return -ENOMEM;
    }
    *ret = details->list;
    return details->list ? -EINVAL : 0;
}

/* The document of a body, an object; NULL when there is none, which `details` tells. The place is the parser's byte. */
static cJSON *
parse_object(const char *body, size_t len, struct details *details)
{
    char         why[192] = "";
    struct place place = {0};
    cJSON       *json = NULL;
    char        *rest = NULL;

    details->echo = len <= POC_ECHO_MAX;
    if (len == 0) {
        complain(details, NULL, &missing, NULL);
        return NULL;
    }
    json = ga_json_parse(body, len, why, sizeof(why));
    if (!json && errno == ENOMEM) {
        details->no_memory = 1;
    } else if (!json) {
        char msg[224];

        place.index = strncmp(why, "byte ", 5) == 0 ? strtoul(why + 5, &rest, 10) : 0;
        (void)snprintf(msg, sizeof(msg), "JSON decode error: %s", rest && strncmp(rest, ": ", 2) == 0 ? rest + 2 : why);
        details->echo = 0;
        complain_in_words(details, &place, "json_invalid", msg, NULL);
    } else if (!cJSON_IsObject(json)) {
        complain(details, NULL, &no_object, json);
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

enum kind { TEXT, INT, UINT32, NUMBER, BOOL };

struct field {
    const char *name;
    enum kind   kind;
    int         required;
    size_t      offset; /* of char *, int64_t, uint32_t, double, uint32_t */
    int64_t     least;  /* of INT and UINT32 */
    int64_t     most;
};

#define ANY INT64_MIN, INT64_MAX
#define OF_INIT(member) offsetof(struct poc_init, member)
#define OF_BATCH(member) offsetof(struct poc_batch, member)
#define OF_PARAMS(member) offsetof(struct poc_params, member)
#define N_FIELDS(table) (sizeof(table) / sizeof((table)[0]))

static const struct field init_fields[] = {
    {"node_id", INT, 0, OF_INIT(node_id), POC_UNSET, UINT32_MAX},
    {"node_count", INT, 0, OF_INIT(node_count), POC_UNSET, UINT32_MAX},
    {"block_hash", TEXT, 1, OF_INIT(block_hash), ANY},
    {"block_height", INT, 1, OF_INIT(block_height), ANY},
    {"public_key", TEXT, 1, OF_INIT(public_key), ANY},
    {"batch_size", INT, 1, OF_INIT(batch_size), ANY},
    {"r_target", NUMBER, 1, OF_INIT(r_target), ANY},
    {"fraud_threshold", NUMBER, 1, OF_INIT(fraud_threshold), ANY},
    {"url", TEXT, 1, OF_INIT(url), ANY},
};

static const struct field params_fields[] = {
    {"dim", UINT32, 0, OF_PARAMS(dim), 0, UINT32_MAX},
    {"n_layers", UINT32, 0, OF_PARAMS(n_layers), 0, UINT32_MAX},
    {"n_heads", UINT32, 0, OF_PARAMS(n_heads), 0, UINT32_MAX},
    {"n_kv_heads", UINT32, 0, OF_PARAMS(n_kv_heads), 0, UINT32_MAX},
    {"vocab_size", UINT32, 0, OF_PARAMS(vocab_size), 0, UINT32_MAX},
    {"ffn_dim_multiplier", NUMBER, 0, OF_PARAMS(ffn_dim_multiplier), ANY},
    {"multiple_of", UINT32, 0, OF_PARAMS(multiple_of), 0, UINT32_MAX},
    {"norm_eps", NUMBER, 0, OF_PARAMS(norm_eps), ANY},
    {"rope_theta", NUMBER, 0, OF_PARAMS(rope_theta), ANY},
    {"use_scaled_rope", BOOL, 0, OF_PARAMS(use_scaled_rope), ANY},
    {"seq_len", UINT32, 0, OF_PARAMS(seq_len), 0, UINT32_MAX},
};

static const struct field batch_fields[] = {
    {"public_key", TEXT, 1, OF_BATCH(public_key), ANY},
    {"block_hash", TEXT, 1, OF_BATCH(block_hash), ANY},
    {"block_height", INT, 1, OF_BATCH(block_height), ANY},
    {"node_id", INT, 1, OF_BATCH(node_id), ANY},
};

static int
in_range(const struct field *field, int64_t number, struct details *details, const struct place *place,
         const cJSON *value)
{
    char msg[96];

    if (number >= field->least && number <= field->most)
        return 1;
    (void)snprintf(msg, sizeof(msg), "Input should be %s than or equal to %lld",
                   number < field->least ? "greater" : "less",
                   (long long)(number < field->least ? field->least : field->most));
    complain_in_words(details, place, number < field->least ? "greater_than_equal" : "less_than_equal", msg, value);
    return 0;
}

/* Sets a member of the struct at `base`, or complains. */
static void
set_field(const struct field *field, const cJSON *value, char *base, struct details *details, const struct place *place)
{
    char                   *member = base + field->offset;
    const struct complaint *wrong = NULL;
    int64_t                 number = 0;

    switch (field->kind) {
    case TEXT:
        if (!cJSON_IsString(value))
            wrong = &no_text;
        else if (!(*(char **)(void *)member = strdup(value->valuestring)))
            details->no_memory = 1;
        break;
    case INT:
    case UINT32:
        wrong = to_int(value, &number);
        if (wrong || !in_range(field, number, details, place, value))
            break;
        if (field->kind == INT)
            *(int64_t *)(void *)member = number;
        else
            *(uint32_t *)(void *)member = (uint32_t)number;
        break;
    case NUMBER:
        wrong = to_number(value, (double *)(void *)member);
        break;
    case BOOL:
        wrong = to_bool(value, (uint32_t *)(void *)member);
        break;
    }
    if (wrong)
        complain(details, place, wrong, value);
}

/* The member of that name, the last one of several; NULL: none. */
static const cJSON *
member_of(const cJSON *object, const char *name)
{
    const cJSON *ret = NULL;
    const cJSON *member;

    cJSON_ArrayForEach(member, object)
    {
        if (member->string && strcmp(member->string, name) == 0)
            ret = member;
    }
    return ret;
}

/* The members of `object` (the body's, or its member `outer`'s) to the struct at `base`, by the table. */
static void
set_fields(const struct field *fields, size_t n, const cJSON *object, const char *outer, void *base,
           struct details *details)
{
    for (size_t i = 0; i < n; i++) {
        struct place place = {.outer = outer, .name = fields[i].name};
        const cJSON *value = member_of(object, fields[i].name);

        if (value)
            set_field(&fields[i], value, base, details, &place);
        else if (fields[i].required)
            complain(details, &place, &missing, object);
    }
}

/* Frees the texts of a struct. */
static void
free_texts(const struct field *fields, size_t n, void *base)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].kind == TEXT)
            free(*(char **)(void *)((char *)base + fields[i].offset));
}

/* --- bodies ------------------------------------------------------------------------------------------------------- */

/* Changes params only as a whole. */
static void
set_params(const cJSON *body, struct poc_params *params, struct details *details)
{
    static const struct place place = {.name = "params"};
    const cJSON              *value = member_of(body, "params");
    int                       n = cJSON_GetArraySize(details->list);
    char                      why[256] = "";
    char                      msg[288];

    if (!value)
        return;
    if (!cJSON_IsObject(value)) {
        complain(details, &place, &no_object, value);
        return;
    }
    set_fields(params_fields, N_FIELDS(params_fields), value, "params", params, details);
    if (cJSON_GetArraySize(details->list) != n || poc_params_check(params, why, sizeof(why)) == 0)
        return; /* what is wrong was said, or nothing is */
    (void)snprintf(msg, sizeof(msg), "Value error, %s", why);
    complain_in_words(details, &place, "value_error", msg, value);
}

int
poc_init_parse(const char *body, size_t len, struct poc_init *ret, cJSON **ret_detail)
{
    static const struct place node_count = {.name = "node_count"};
    struct poc_init           init = {.node_id = POC_UNSET, .node_count = POC_UNSET};
    struct details            details = {0};
    cJSON                    *json = parse_object(body, len, &details);
    int                       r;

    (void)poc_params_named("default", &init.params);
    if (json) {
        set_fields(init_fields, N_FIELDS(init_fields), json, NULL, &init, &details);
        set_params(json, &init.params, &details);
        if (init.node_count == 0)
            complain_in_words(&details, &node_count, "value_error",
                              "Value error, node_count is 0, it must be at least 1, or -1 for none",
                              member_of(json, "node_count"));
    }
    cJSON_Delete(json);
    r = verdict(&details, ret_detail);
    if (r == 0)
        *ret = init;
    else
        poc_init_done(&init);
    return r;
}

/* The array member `name`, with its number of elements; NULL when there is none, which `details` tells. */
static const cJSON *
get_list(const cJSON *body, const char *name, size_t *ret_n, struct details *details)
{
    struct place place = {.name = name};
    const cJSON *list = member_of(body, name);

    if (cJSON_IsArray(list)) {
        *ret_n = (size_t)cJSON_GetArraySize(list);
        return list;
    }
    complain(details, &place, list ? &no_list : &missing, list ? list : body);
    return NULL;
}

/* Elements of a list by the field that describes one. `size` bytes each, allocated; NULL for none. */
static void *
list_values(const cJSON *list, const struct field *field, size_t n, size_t size, struct details *details)
{
    struct place place = {.outer = field->name};
    const cJSON *value = list ? list->child : NULL;
    char        *values = value ? calloc(n, size) : NULL;

    details->no_memory |= value && !values;
    for (; value && values; value = value->next, place.index++)
        set_field(field, value, values + place.index * size, details, &place);
    return values;
}

static void
set_proofs(const cJSON *body, struct poc_batch *batch, struct details *details)
{
    static const struct field nonce = {"nonces", INT, 1, 0, 0, INT64_MAX};
    static const struct field distance = {"dist", NUMBER, 1, 0, ANY};
    static const struct place place = {.name = "dist"};
    size_t                    n_nonces = 0;
    size_t                    n_dist = 0;
    const cJSON              *nonces = get_list(body, "nonces", &n_nonces, details);
    const cJSON              *dist = get_list(body, "dist", &n_dist, details);
    char                      msg[128];

    batch->nonces = list_values(nonces, &nonce, n_nonces, sizeof(*batch->nonces), details);
    batch->dist = list_values(dist, &distance, n_dist, sizeof(*batch->dist), details);
    batch->n = n_nonces;
    if (!nonces || !dist || n_nonces == n_dist)
        return;
    (void)snprintf(msg, sizeof(msg), "Value error, there are %zu distances for %zu nonces", n_dist, n_nonces);
    complain_in_words(details, &place, "value_error", msg, dist);
}

int
poc_batch_parse(const char *body, size_t len, struct poc_batch *ret, cJSON **ret_detail)
{
    struct poc_batch batch = {0};
    struct details   details = {0};
    cJSON           *json = parse_object(body, len, &details);
    int              r;

    if (json) {
        set_fields(batch_fields, N_FIELDS(batch_fields), json, NULL, &batch, &details);
        set_proofs(json, &batch, &details);
    }
    cJSON_Delete(json);
    r = verdict(&details, ret_detail);
    if (r == 0)
        *ret = batch;
    else
        poc_batch_done(&batch);
    return r;
}

static int
equal_fields(const struct field *fields, size_t n, const void *a, const void *b)
{
    for (size_t i = 0; i < n; i++) {
        const char *left = (const char *)a + fields[i].offset;
        const char *right = (const char *)b + fields[i].offset;
        int         same = 0;

        switch (fields[i].kind) {
        case TEXT:
            same = strcmp(*(char *const *)(const void *)left, *(char *const *)(const void *)right) == 0;
            break;
        case INT:
            same = *(const int64_t *)(const void *)left == *(const int64_t *)(const void *)right;
            break;
        case NUMBER:
            same = *(const double *)(const void *)left == *(const double *)(const void *)right;
            break;
        case UINT32:
        case BOOL:
            same = *(const uint32_t *)(const void *)left == *(const uint32_t *)(const void *)right;
            break;
        }
        if (!same)
            return 0;
    }
    return 1;
}

int
poc_init_equal(const struct poc_init *a, const struct poc_init *b)
{
    return equal_fields(init_fields, N_FIELDS(init_fields), a, b) &&
           equal_fields(params_fields, N_FIELDS(params_fields), &a->params, &b->params);
}

void
poc_init_done(struct poc_init *init)
{
    free_texts(init_fields, N_FIELDS(init_fields), init);
    *init = (struct poc_init){0};
}

void
poc_batch_done(struct poc_batch *batch)
{
    free_texts(batch_fields, N_FIELDS(batch_fields), batch);
    free(batch->nonces);
    free(batch->dist);
    *batch = (struct poc_batch){0};
}

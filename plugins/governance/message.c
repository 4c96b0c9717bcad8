/* message.c: one message of a proposal. */
#include "plugins/governance/message.h"

#include "kit/clean.h"
#include "plugins/governance/exact.h"

#include "kit/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COINS_MAX 1024
#define UPDATE_PARAMS ".MsgUpdateParams"

/* A member of a message that is being decoded, and where to say what is wrong. */
struct place {
    const cJSON *object;
    const char  *name; /* "messages.0.plan" */
    char        *why;
    size_t       len;
};

__attribute__((format(printf, 3, 4))) static int
wrong(const struct place *place, const char *key, const char *format, ...)
{
    char    what[120];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(place->why, place->len, "%s.%s %s", place->name, key, what);
    return -EBADMSG;
}

__attribute__((format(printf, 2, 3))) static void
mark_undecoded(struct gov_message *message, const char *format, ...)
{
    va_list args;

    if (message->undecoded)
        return; /* the first reason stands */
    message->undecoded = 1;
    va_start(args, format);
    (void)vsnprintf(message->why, sizeof(message->why), format, args);
    va_end(args);
    (void)ga_clean(message->why);
}

/* A text; a missing one is "". */
static int
read_text(const struct place *place, const char *key, const char **ret)
{
    const cJSON *value = ga_json_get(place->object, key);

    *ret = "";
    if (!value || cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsString(value))
        return wrong(place, key, "is no text");
    *ret = value->valuestring;
    return 0;
}

/* A whole number that is not negative; a missing one is 0. */
static int
read_count(const struct place *place, const char *key, uint64_t *ret)
{
    int r = ga_json_u64(place->object, key, ret);

    if (r == 0)
        return 0;
    *ret = 0;
    return r == -ENOENT ? 0 : wrong(place, key, "is no whole number from 0 to 2^64-1");
}

/* Members that are not in the list, which ends with NULL, make the message undecoded: they may mean anything. */
static void
look_for_others(struct gov_message *message, const cJSON *object, const char *const *known)
{
    for (const cJSON *member = object->child; member; member = member->next) {
        size_t i = 0;

        while (known[i] && strcmp(known[i], member->string) != 0)
            i++;
        if (!known[i])
            mark_undecoded(message, "its member %.80s is not known here", member->string);
    }
}

/* --- coins -------------------------------------------------------------------------------------------------------- */

static int
read_coin(const struct place *place, struct gov_coin *ret)
{
    const cJSON *value = ga_json_get(place->object, "amount");
    gov_u128     amount;
    char        *text;
    int          is_one;
    int          r = read_text(place, "denom", &ret->denom);

    if (r == 0 && !*ret->denom)
        return wrong(place, "denom", "is missing");
    if (r < 0)
        return r;
    text = cJSON_IsString(value) ? strdup(value->valuestring) : value ? ga_json_print(value) : strdup("");
    if (!text)
        return -ENOMEM;
    is_one = gov_integer_parse(text, &amount) == 0;
    if (is_one)
        (void)gov_integer_format(amount, ret->amount);
    free(text);
    return is_one ? 0 : wrong(place, "amount", "is no whole number of at most 38 digits");
}

int
gov_coins_read(const cJSON *list, const char *place, struct gov_coins *ret, char *why, size_t len)
{
    char         name[120];
    struct place at = {.name = name, .why = why, .len = len};
    int          r = 0;

    *ret = (struct gov_coins){0};
    if (!list || cJSON_IsNull(list) || (cJSON_IsArray(list) && !list->child))
        return 0;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > COINS_MAX) {
        (void)snprintf(why, len, "%s is no list of at most %d coins", place, COINS_MAX);
        return -EBADMSG;
    }
    ret->list = calloc((size_t)cJSON_GetArraySize(list), sizeof(*ret->list));
    if (!ret->list)
        return -ENOMEM;
    for (const cJSON *coin = list->child; coin && r == 0; coin = coin->next) {
        at.object = coin;
        (void)snprintf(name, sizeof(name), "%.90s.%zu", place, ret->n);
        r = read_coin(&at, &ret->list[ret->n++]);
    }
    if (r < 0) {
        free(ret->list);
        *ret = (struct gov_coins){0};
    }
    return r;
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static int
decode_params(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type", "authority", "params", NULL};
    struct gov_params       *params = &ret->u.params;
    const cJSON             *wanted = ga_json_get(place->object, "params");

    (void)snprintf(params->module, sizeof(params->module), "%.*s",
                   (int)(strlen(ret->type_url) - strlen(UPDATE_PARAMS)) - 1, ret->type_url + 1);
    look_for_others(ret, place->object, known);
    if (!wanted)
        mark_undecoded(ret, "it has no member params");
    else if (!cJSON_IsObject(wanted))
        return wrong(place, "params", "is no object");
    params->wanted = wanted;
    return 0;
}

static int
read_plan(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"name", "time", "height", "info", "upgraded_client_state", NULL};
    struct gov_upgrade      *upgrade = &ret->u.upgrade;
    const cJSON             *state = ga_json_get(place->object, "upgraded_client_state");
    char                     why[GOV_WHY];
    uint64_t                 height = 0;
    int                      r = read_text(place, "name", &upgrade->name);

    if (r == 0)
        r = read_count(place, "height", &height);
    if (r == 0)
        r = read_text(place, "info", &upgrade->info);
    if (r < 0)
        return r;
    if (!*upgrade->name)
        return wrong(place, "name", "is missing");
    if (height == 0 || height > INT64_MAX)
        return wrong(place, "height", "is no height from 1 on");
    upgrade->height = (int64_t)height;
    look_for_others(ret, place->object, known);
    if (state && !cJSON_IsNull(state))
        mark_undecoded(ret, "plan.upgraded_client_state is set");
    r = gov_info_decode(upgrade->info, upgrade, why, sizeof(why));
    if (r == -EBADMSG)
        mark_undecoded(ret, "%s", why);
    return r == -ENOMEM ? r : 0;
}

static int
decode_upgrade(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type", "authority", "plan", NULL};
    char                     name[64];
    struct place             plan = *place;

    (void)snprintf(name, sizeof(name), "%.50s.plan", place->name);
    plan.name = name;
    plan.object = ga_json_get(place->object, "plan");
    look_for_others(ret, place->object, known);
    if (!cJSON_IsObject(plan.object))
        return wrong(place, "plan", "is no object");
    return read_plan(&plan, ret);
}

static int
decode_cancel(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type", "authority", NULL};

    look_for_others(ret, place->object, known);
    return 0;
}

static int
decode_partial(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type", "authority", "height", "nodeVersion", "apiBinariesJson", NULL};
    struct gov_upgrade      *upgrade = &ret->u.upgrade;
    const char              *binaries = "";
    uint64_t                 height = 0;
    int                      r = read_count(place, "height", &height);

    if (r == 0)
        r = read_text(place, "nodeVersion", &upgrade->node_version);
    if (r == 0)
        r = read_text(place, "apiBinariesJson", &binaries);
    if (r < 0)
        return r;
    if (height == 0 || height > INT64_MAX)
        return wrong(place, "height", "is no height from 1 on");
    upgrade->height = (int64_t)height;
    upgrade->info = binaries;
    look_for_others(ret, place->object, known);
    if (*binaries)
        mark_undecoded(ret, "apiBinariesJson is set, whose form is not known here");
    return 0;
}

static int
decode_spend(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type", "authority", "recipient", "amount", NULL};
    char                     name[64];
    int                      r = read_text(place, "recipient", &ret->u.spend.recipient);

    (void)snprintf(name, sizeof(name), "%.50s.amount", place->name);
    look_for_others(ret, place->object, known);
    if (r == 0 && !*ret->u.spend.recipient)
        return wrong(place, "recipient", "is missing");
    if (r == 0)
        r = gov_coins_read(ga_json_get(place->object, "amount"), name, &ret->u.spend.amount, place->why, place->len);
    return r;
}

static int
read_validation_threshold(const struct place *place, struct gov_model *ret)
{
    const cJSON *value = ga_json_get(place->object, "validation_threshold");
    char        *text;

    if (!value || cJSON_IsNull(value))
        return 0;
    if (!gov_is_scaled(value))
        return wrong(place, "validation_threshold", "is no decimal of value and exponent");
    text = gov_value_text(value);
    if (!text)
        return -ENOMEM;
    (void)snprintf(ret->validation_threshold, sizeof(ret->validation_threshold), "%s", text);
    free(text);
    return 0;
}

static int
decode_model(const struct place *place, struct gov_message *ret)
{
    static const char *const known[] = {"@type",
                                        "authority",
                                        "proposed_by",
                                        "id",
                                        "hf_repo",
                                        "units_of_compute_per_token",
                                        "hf_commit",
                                        "model_args",
                                        "v_ram",
                                        "throughput_per_nonce",
                                        "validation_threshold",
                                        NULL};
    struct gov_model        *model = &ret->u.model;
    int                      r = read_text(place, "id", &model->id);

    if (r == 0)
        r = read_text(place, "proposed_by", &model->proposed_by);
    if (r == 0)
        r = read_text(place, "hf_repo", &model->hf_repo);
    if (r == 0)
        r = read_text(place, "hf_commit", &model->hf_commit);
    if (r == 0)
        r = read_count(place, "units_of_compute_per_token", &model->units_of_compute_per_token);
    if (r == 0)
        r = read_count(place, "v_ram", &model->v_ram);
    if (r == 0)
        r = read_count(place, "throughput_per_nonce", &model->throughput_per_nonce);
    if (r == 0)
        r = read_validation_threshold(place, model);
    look_for_others(ret, place->object, known);
    return r == 0 && !*model->id ? wrong(place, "id", "is missing") : r;
}

static int
decode_other(const struct place *place, struct gov_message *ret)
{
    (void)place;
    mark_undecoded(ret, "its type is not known here");
    return 0;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

struct type {
    const char   *url;
    enum gov_kind kind;
    int (*decode)(const struct place *place, struct gov_message *ret);
};

static const struct type TYPES[] = {
    {"/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade", GOV_KIND_UPGRADE, decode_upgrade},
    {"/cosmos.upgrade.v1beta1.MsgCancelUpgrade", GOV_KIND_CANCEL_UPGRADE, decode_cancel},
    {"/inference.inference.MsgCreatePartialUpgrade", GOV_KIND_PARTIAL_UPGRADE, decode_partial},
    {"/inference.inference.MsgRegisterModel", GOV_KIND_MODEL, decode_model},
    {"/cosmos.distribution.v1beta1.MsgCommunityPoolSpend", GOV_KIND_POOL_SPEND, decode_spend},
};
static const struct type PARAMS = {NULL, GOV_KIND_PARAMS, decode_params};
static const struct type OTHER = {NULL, GOV_KIND_OTHER, decode_other};

static const struct type *
type_of(const char *url)
{
    size_t n = strlen(url);
    size_t end = strlen(UPDATE_PARAMS);

    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (strcmp(TYPES[i].url, url) == 0)
            return &TYPES[i];
    if (url[0] == '/' && n > end + 1 && n - end < sizeof(((struct gov_params *)0)->module) &&
        strcmp(url + n - end, UPDATE_PARAMS) == 0)
        return &PARAMS;
    return &OTHER;
}

/* Members that a kind does not set are texts too. */
static void
set_empty_texts(struct gov_message *message)
{
    if (message->kind == GOV_KIND_UPGRADE || message->kind == GOV_KIND_PARTIAL_UPGRADE)
        message->u.upgrade = (struct gov_upgrade){.name = "", .info = "", .node_version = ""};
}

int
gov_message_decode(const cJSON *json, size_t n, struct gov_message *ret, char *why, size_t len)
{
    char               name[40];
    struct place       place = {json, name, why, len};
    const struct type *type;
    const char        *url = "";
    int                r = 0;

    *ret = (struct gov_message){.json = json, .type_url = "", .authority = ""};
    (void)snprintf(name, sizeof(name), "messages.%zu", n);
    if (!cJSON_IsObject(json)) {
        (void)snprintf(why, len, "%s is no object", name);
        return -EBADMSG;
    }
    r = read_text(&place, "@type", &url);
    if (r == 0 && !*url) /* commands of older releases print {"type":..., "value":...} */
        r = read_text(&place, "type", &url);
    if (r == 0 && !*url)
        return wrong(&place, "@type", "is missing");
    if (r == 0)
        r = read_text(&place, "authority", &ret->authority);
    if (r < 0)
        return r;
    type = type_of(url);
    ret->type_url = url;
    ret->kind = type->kind;
    set_empty_texts(ret);
    return type->decode(&place, ret);
}

void
gov_message_free(struct gov_message *message)
{
    switch (message->kind) {
    case GOV_KIND_PARAMS:
        gov_changes_free(&message->u.params.changes);
        break;
    case GOV_KIND_UPGRADE:
    case GOV_KIND_PARTIAL_UPGRADE:
        free(message->u.upgrade.node.list);
        free(message->u.upgrade.api.list);
        cJSON_Delete(message->u.upgrade.info_json);
        break;
    case GOV_KIND_POOL_SPEND:
        free(message->u.spend.amount.list);
        break;
    case GOV_KIND_OTHER:
    case GOV_KIND_CANCEL_UPGRADE:
    case GOV_KIND_MODEL:
        break;
    }
    message->kind = GOV_KIND_OTHER;
}

/* proposal.c: one governance proposal, decoded from the chain's answer. */
#include "plugins/governance/proposal.h"

#include "kit/clean.h"
#include "plugins/governance/message.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 1024
#define MEMBERS_MAX 1024 /* of one object */
#define SECOND_NS INT64_C(1000000000)
#define YEAR_FIRST 1970 /* what int64 nanoseconds since the epoch hold */
#define YEAR_LAST 2261

static const char *const STATUS_NAMES[] = {"UNSPECIFIED", "DEPOSIT_PERIOD", "VOTING_PERIOD",
                                           "PASSED",      "REJECTED",       "FAILED"};
static const char *const STATUS_TEXTS[] = {"unspecified", "deposit period", "voting period",
                                           "passed",      "rejected",       "failed"};

#define STATUS_N (sizeof(STATUS_NAMES) / sizeof(STATUS_NAMES[0]))
#define STATUS_PREFIX "PROPOSAL_STATUS_"

/* --- times -------------------------------------------------------------------------------------------------------- */

/* n digits as a number, or -1. */
static int
digits(const char **text, int n)
{
    int value = 0;

    for (; n > 0; n--, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

static int
skip(const char **text, char c)
{
    if (**text != c)
        return 0;
    (*text)++;
    return 1;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int              leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static int64_t
days_since_epoch(int year, int month, int day)
{
    int64_t days = (int64_t)(year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;

    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    return days + day - 1;
}

/* ".123456789" of a second; 0 without, -1 when it is malformed. Digits beyond nanoseconds are dropped. */
static int64_t
fraction(const char **text)
{
    int64_t ns = 0;
    int64_t unit = SECOND_NS / 10;

    if (!skip(text, '.'))
        return 0;
    if (!isdigit((unsigned char)**text))
        return -1;
    for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
        ns += (**text - '0') * unit;
    return ns;
}

/* RFC 3339 in UTC, as the gateway prints it. 0 for Go's zero time, which means "not set". 0 or -EINVAL. */
static int
parse_time(const char *text, int64_t *ret)
{
    int     year = digits(&text, 4);
    int     month = skip(&text, '-') ? digits(&text, 2) : -1;
    int     day = skip(&text, '-') ? digits(&text, 2) : -1;
    int     hour = skip(&text, 'T') ? digits(&text, 2) : -1;
    int     minute = skip(&text, ':') ? digits(&text, 2) : -1;
    int     second = skip(&text, ':') ? digits(&text, 2) : -1;
    int64_t ns = second >= 0 ? fraction(&text) : -1;

    if (strcmp(text, "Z") != 0 && strcmp(text, "+00:00") != 0)
        return -EINVAL;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59 || ns < 0)
        return -EINVAL;
    if (year == 1 && month == 1 && day == 1) {
        *ret = 0;
        return 0;
    }
    if (year < YEAR_FIRST || year > YEAR_LAST)
        return -EINVAL;
    *ret = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    *ret = *ret * SECOND_NS + ns;
    return 0;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

/* Where decoding is, and where to say what is wrong. */
struct place {
    const cJSON *object;
    uint64_t     id;
    char        *why;
    size_t       len;
};

static int
wrong(const struct place *place, const char *key, const char *what)
{
    (void)snprintf(place->why, place->len, "proposal %llu: %s %s", (unsigned long long)place->id, key, what);
    return -EBADMSG;
}

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

static int
read_time(const struct place *place, const char *key, int64_t *ret)
{
    const char *text;
    int         r = read_text(place, key, &text);

    *ret = 0;
    if (r < 0 || !*text)
        return r;
    return parse_time(text, ret) < 0 ? wrong(place, key, "is no time in UTC such as 2025-11-20T10:00:00Z") : 0;
}

static int
read_status(const struct place *place, enum gov_status *ret)
{
    const cJSON *value = ga_json_get(place->object, "status");
    const char  *name = cJSON_GetStringValue(value);
    uint64_t     number = 0;
    int          r = ga_json_value_u64(value, &number);

    if (r == -ENOENT || (r == 0 && number < STATUS_N)) {
        *ret = (enum gov_status)number;
        return 0;
    }
    if (name && strncmp(name, STATUS_PREFIX, strlen(STATUS_PREFIX)) == 0) {
        for (size_t i = 0; i < STATUS_N; i++) {
            if (strcmp(name + strlen(STATUS_PREFIX), STATUS_NAMES[i]) == 0) {
                *ret = (enum gov_status)i;
                return 0;
            }
        }
    }
    return wrong(place, "status", "is none that is known here");
}

static int
read_flag(const struct place *place, const char *key, int *ret)
{
    const cJSON *value = ga_json_get(place->object, key);

    *ret = cJSON_IsTrue(value);
    return !value || cJSON_IsNull(value) || cJSON_IsBool(value) ? 0 : wrong(place, key, "is neither true nor false");
}

static int
read_times(const struct place *place, struct gov_proposal *ret)
{
    int r = read_time(place, "submit_time", &ret->submit_ns);

    if (r == 0)
        r = read_time(place, "deposit_end_time", &ret->deposit_end_ns);
    if (r == 0)
        r = read_time(place, "voting_start_time", &ret->voting_start_ns);
    if (r == 0)
        r = read_time(place, "voting_end_time", &ret->voting_end_ns);
    if (r == 0 && ret->status == GOV_STATUS_VOTING_PERIOD && ret->voting_end_ns == 0)
        return wrong(place, "voting_end_time", "is missing, though the vote is on");
    return r;
}

static int
read_texts(const struct place *place, struct gov_proposal *ret)
{
    int r = read_text(place, "title", &ret->title);

    if (r == 0)
        r = read_text(place, "summary", &ret->summary);
    if (r == 0)
        r = read_text(place, "proposer", &ret->proposer);
    if (r == 0)
        r = read_text(place, "metadata", &ret->metadata);
    if (r == 0)
        r = read_text(place, "failed_reason", &ret->failed_reason);
    return r;
}

static int
read_messages(const struct place *place, struct gov_proposal *ret)
{
    const cJSON *list = ga_json_get(place->object, "messages");
    char         why[GOV_WHY + 100];
    int          r = 0;

    if (!list || cJSON_IsNull(list))
        return 0;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > MESSAGES_MAX)
        return wrong(place, "messages", "is no list of at most 1024 messages");
    if (!list->child)
        return 0;
    ret->messages = calloc((size_t)cJSON_GetArraySize(list), sizeof(*ret->messages));
    if (!ret->messages)
        return -ENOMEM;
    for (const cJSON *message = list->child; message && r == 0; message = message->next) {
        r = gov_message_decode(message, ret->n_messages, &ret->messages[ret->n_messages], why, sizeof(why));
        ret->n_messages++;
    }
    if (r == -EBADMSG)
        (void)snprintf(place->why, place->len, "proposal %llu: %s", (unsigned long long)place->id, why);
    return r;
}

static int
read_deposit(const struct place *place, struct gov_proposal *ret)
{
    char why[GOV_WHY];
    int  r =
        gov_coins_read(ga_json_get(place->object, "total_deposit"), "total_deposit", &ret->deposit, why, sizeof(why));

    if (r == -EBADMSG)
        (void)snprintf(place->why, place->len, "proposal %llu: %s", (unsigned long long)place->id, why);
    return r;
}

static int
read_all(struct place *place, struct gov_proposal *ret)
{
    int r = ga_json_u64(place->object, "id", &ret->id);

    if (r < 0 || ret->id == 0) {
        (void)snprintf(place->why, place->len, "a proposal whose id is %s",
                       r == -ENOENT ? "missing" : "no number from 1 on");
        return -EBADMSG;
    }
    place->id = ret->id;
    r = read_status(place, &ret->status);
    if (r == 0)
        r = read_texts(place, ret);
    if (r == 0)
        r = read_flag(place, "expedited", &ret->expedited);
    if (r == 0)
        r = read_times(place, ret);
    if (r == 0)
        r = read_deposit(place, ret);
    if (r == 0)
        r = read_messages(place, ret);
    return r;
}

/* Looks for an object that has a member twice: which of them counts is anybody's guess. 0 or -EBADMSG. */
static int
check_members(const cJSON *value, char *why, size_t len)
{
    int r = 0;

    if (cJSON_IsObject(value) && cJSON_GetArraySize(value) > MEMBERS_MAX) {
        (void)snprintf(why, len, "a proposal in which an object has more than %d members: ask another node",
                       MEMBERS_MAX);
        return -EBADMSG;
    }
    for (const cJSON *member = value->child; member && r == 0; member = member->next) {
        if (member->string && ga_json_get(value, member->string) != member) {
            (void)snprintf(why, len, "a proposal in which the member %.60s is there twice: ask another node",
                           member->string);
            return -EBADMSG;
        }
        r = check_members(member, why, len);
    }
    return r;
}

int
gov_proposal_decode(const cJSON *answer, struct gov_proposal *ret, char *why, size_t len)
{
    const cJSON *inner = ga_json_get(answer, "proposal");
    struct place place = {.why = why, .len = len};
    int          r;

    *ret = (struct gov_proposal){0};
    if (inner)
        answer = inner;
    if (!cJSON_IsObject(answer)) {
        (void)snprintf(why, len, "no proposal: an object was expected, as /cosmos/gov/v1/proposals/{id} gives it");
        return -EBADMSG;
    }
    r = check_members(answer, why, len);
    if (r < 0) {
        (void)ga_clean(why);
        return r;
    }
    ret->json = cJSON_Duplicate(answer, 1);
    if (!ret->json)
        return -ENOMEM;
    place.object = ret->json;
    r = read_all(&place, ret);
    if (r < 0)
        gov_proposal_free(ret);
    return r;
}

void
gov_proposal_free(struct gov_proposal *proposal)
{
    for (size_t i = 0; i < proposal->n_messages; i++)
        gov_message_free(&proposal->messages[i]);
    free(proposal->messages);
    free(proposal->deposit.list);
    cJSON_Delete(proposal->json);
    *proposal = (struct gov_proposal){0};
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

int
gov_params_compare(struct gov_message *message, const cJSON *current)
{
    const cJSON       *inner = ga_json_get(current, "params");
    struct gov_changes changes = {0};
    int                r;

    if (message->kind != GOV_KIND_PARAMS || !message->u.params.wanted)
        return -EINVAL;
    if (inner)
        current = inner;
    if (!cJSON_IsObject(current))
        return -EBADMSG;
    r = gov_changes_find(current, message->u.params.wanted, &changes);
    if (r < 0) {
        gov_changes_free(&changes);
        return r;
    }
    gov_changes_free(&message->u.params.changes);
    message->u.params.changes = changes;
    message->u.params.compared = 1;
    return 0;
}

char *
gov_message_raw(const struct gov_message *message)
{
    return ga_json_print(message->json);
}

const char *
gov_kind_text(enum gov_kind kind)
{
    switch (kind) {
    case GOV_KIND_PARAMS:
        return "parameters";
    case GOV_KIND_UPGRADE:
        return "software upgrade";
    case GOV_KIND_CANCEL_UPGRADE:
        return "cancel the software upgrade";
    case GOV_KIND_PARTIAL_UPGRADE:
        return "partial upgrade";
    case GOV_KIND_POOL_SPEND:
        return "spend from the community pool";
    case GOV_KIND_MODEL:
        return "model";
    case GOV_KIND_OTHER:
        break;
    }
    return "unknown";
}

const char *
gov_status_text(enum gov_status status)
{
    return STATUS_TEXTS[status];
}

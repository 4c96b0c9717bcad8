/* judge.c: from what a stream says of itself to a decision. Asks nobody and changes nothing. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"
#include "kit/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define YEAR_1971 (INT64_C(365) * 86400)

const char *
verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"fine",   "set",           "shorter-kept", "sealed",
                                        "mirror", "not-effective", "unreadable"};

    return names[verdict];
}

/* --- times ---------------------------------------------------------------------------------------------------------
 */

/* Days from 1970-01-01 in the Gregorian calendar. */
static int64_t
days_of(int64_t year, int month, int day)
{
    int64_t era;
    int64_t year_of_era;
    int64_t day_of_year;

    if (month <= 2)
        year--;
    era = (year >= 0 ? year : year - 399) / 400;
    year_of_era = year - era * 400;
    day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* "Z", "+02:00" or "-02:00" up to the end, in seconds. 0, or -1. */
static int
parse_offset(const char *text, int64_t *ret)
{
    int hours;
    int minutes;
    int used = 0;

    if (strcmp(text, "Z") == 0) {
        *ret = 0;
        return 0;
    }
    if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 ||
        text[6] != 0)
        return -1;
    *ret = (hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
    return 0;
}

int
parse_time(const char *text, int64_t *ret_ns)
{
    int     year;
    int     month;
    int     day;
    int     hour;
    int     minute;
    int     second;
    int     used = 0;
    int64_t fraction = 0;
    int64_t scale = SECOND / 10;
    int64_t offset;
    int64_t seconds;

    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6 ||
        used != 19 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return -1;
    text += used;
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10)
            fraction += scale * (*text - '0');
    }
    if (parse_offset(text, &offset) < 0)
        return -1;
    seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (seconds < YEAR_1971 || seconds > INT64_MAX / SECOND - 1)
        return -1;
    *ret_ns = seconds * SECOND + fraction;
    return 0;
}

/* --- the decision --------------------------------------------------------------------------------------------------
 */

static void decide(struct judgement *ret, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
decide(struct judgement *ret, enum verdict verdict, const char *format, ...)
{
    va_list args;

    ret->verdict = verdict;
    va_start(args, format);
    (void)vsnprintf(ret->why, sizeof(ret->why), format, args);
    va_end(args);
}

/* An integer member that may be missing: then it is 0, as servers leave out what is 0. 0, or -1. */
static int
number(const cJSON *object, const char *key, int64_t *ret)
{
    int r = ga_json_i64(object, key, ret);

    if (r == -ENOENT)
        *ret = 0;
    return r == 0 || r == -ENOENT ? 0 : -1;
}

/* Reads the facts. 0, or -1 when one of them is unusable. */
static int
read_facts(const cJSON *info, int64_t now_ns, struct judgement *ret)
{
    const cJSON *config = ga_json_get(info, "config");
    const cJSON *state = ga_json_get(info, "state");
    int64_t      first_ns;

    ret->oldest_ns = -1;
    if (!cJSON_IsObject(config) || !cJSON_IsObject(state) || !ga_json_str(config, "name")) {
        decide(ret, V_UNREADABLE, "the server's answer holds no configuration and state");
        return -1;
    }
    if (number(config, "max_age", &ret->have_ns) < 0 || number(config, "duplicate_window", &ret->window_ns) < 0 ||
        ret->have_ns < 0 || number(state, "messages", &ret->messages) < 0 || number(state, "bytes", &ret->bytes) < 0 ||
        number(state, "first_seq", &ret->first_seq) < 0 || number(state, "last_seq", &ret->last_seq) < 0) {
        decide(ret, V_UNREADABLE,
               "a number in the server's answer is none (max_age, duplicate_window, state): something else may answer "
               "this subject: check api_prefix");
        return -1;
    }
    ret->window_new = ret->window_ns;
    (void)parse_time(ga_json_str(info, "ts"), &now_ns); /* newer servers tell their own clock, by which they expire */
    if (ret->messages > 0 && parse_time(ga_json_str(state, "first_ts"), &first_ns) == 0)
        ret->oldest_ns = now_ns > first_ns ? now_ns - first_ns : 0;
    return 0;
}

/* 1 and a verdict when messages are older than the age in force allows. */
static int
is_overdue(const struct judge_rules *rules, struct judgement *ret)
{
    char age[64];
    char limit[64];

    if (ret->have_ns <= 0 || ret->oldest_ns < 0 || ret->oldest_ns - ret->have_ns <= rules->slack_ns)
        return 0;
    decide(ret, V_NOT_EFFECTIVE,
           "accepted but not effective: max_age is %s, the first message is %s old: look at the server's log and clock",
           ga_format_duration(ret->have_ns, limit, sizeof(limit)),
           ga_format_duration(ret->oldest_ns - ret->oldest_ns % SECOND, age, sizeof(age)));
    return 1;
}

/* The configuration as it came, with the new age. */
static void
prepare(const cJSON *config, int64_t want_ns, struct judgement *ret)
{
    char old[64];
    char new[64];
    int r;

    ret->want_ns = want_ns;
    ret->config = cJSON_Duplicate(config, 1);
    r = ret->config ? ga_json_add_i64(ret->config, "max_age", want_ns) : -ENOMEM;
    if (r == 0 && ret->window_ns > want_ns) {
        /* The server denies an age below this window, in which it forgets message ids. */
        ret->window_new = want_ns;
        r = ga_json_add_i64(ret->config, "duplicate_window", want_ns);
    }
    if (r < 0) {
        cJSON_Delete(ret->config);
        ret->config = NULL;
        decide(ret, V_UNREADABLE, "out of memory");
        return;
    }
    decide(ret, V_SET, "max_age is %s, wanted is %s",
           ret->have_ns ? ga_format_duration(ret->have_ns, old, sizeof(old)) : "unlimited",
           ga_format_duration(want_ns, new, sizeof(new)));
}

void
judge(const cJSON *info, int64_t want_ns, const struct judge_rules *rules, struct judgement *ret)
{
    const cJSON *config = ga_json_get(info, "config");
    const cJSON *mirror = ga_json_get(config, "mirror");
    char         age[64];

    memset(ret, 0, sizeof(*ret));
    if (read_facts(info, rules->now_ns, ret) < 0)
        return;
    ret->want_ns = ret->have_ns;
    if (ret->have_ns == want_ns) {
        if (!is_overdue(rules, ret))
            decide(ret, V_FINE, "max_age is %s", ga_format_duration(want_ns, age, sizeof(age)));
    } else if (ga_json_bool(config, "sealed", 0)) {
        decide(ret, V_SEALED, "the stream is sealed: its age cannot change; remove it with its owner's consent only");
    } else if (mirror && !cJSON_IsNull(mirror)) {
        decide(ret, V_MIRROR, "the stream mirrors '%s': set the age there",
               ga_json_str(mirror, "name") ? ga_json_str(mirror, "name") : "another");
    } else if (ret->have_ns > 0 && ret->have_ns < want_ns && !rules->exact) {
        if (!is_overdue(rules, ret))
            decide(ret, V_SHORTER, "max_age is %s, shorter than wanted: left alone (exact: true would lengthen it)",
                   ga_format_duration(ret->have_ns, age, sizeof(age)));
    } else {
        prepare(config, want_ns, ret);
    }
}

void
judgement_done(struct judgement *judgement)
{
    cJSON_Delete(judgement->config);
    judgement->config = NULL;
}

/* --- comparing -----------------------------------------------------------------------------------------------------
 */

/* Nothing, false, 0, "", {} or []: what servers leave out of an answer. */
static int
is_nothing(const cJSON *value)
{
    int64_t n;

    if (!value || cJSON_IsNull(value) || cJSON_IsFalse(value))
        return 1;
    if (cJSON_IsString(value))
        return !*value->valuestring;
    if (cJSON_IsObject(value) || cJSON_IsArray(value))
        return !value->child;
    return ga_json_value_i64(value, &n) == 0 && n == 0;
}

static int
equal_text(const cJSON *a, const cJSON *b)
{
    char *left = ga_json_print(a);
    char *right = ga_json_print(b);
    int   same = left && right && strcmp(left, right) == 0;

    free(left);
    free(right);
    return same;
}

/* Every member of `a` is in `b`, those that servers make themselves aside. */
static int
metadata_kept(const cJSON *a, const cJSON *b)
{
    const cJSON *at;

    cJSON_ArrayForEach(at, a)
    {
        const cJSON *other = ga_json_get(b, at->string);

        if (strncmp(at->string, "_nats.", 6) != 0 && (!other || !equal_text(at, other)))
            return 0;
    }
    return 1;
}

int
config_differs(const cJSON *sent, const cJSON *in_force, char *ret, size_t len)
{
    const cJSON *at;
    size_t       used = 0;
    int          n = 0;

    *ret = 0;
    cJSON_ArrayForEach(at, sent)
    {
        const cJSON *other = ga_json_get(in_force, at->string);
        int          r;

        if ((is_nothing(at) && is_nothing(other)) || (other && equal_text(at, other)) ||
            (strcmp(at->string, "metadata") == 0 && metadata_kept(at, other)))
            continue;
        n++;
        r = snprintf(ret + used, len - used, "%s%s", used ? " " : "", at->string);
        if (r > 0 && (size_t)r < len - used)
            used += (size_t)r;
    }
    return n;
}

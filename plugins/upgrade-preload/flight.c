/* flight.c: the task that says GO or NO-GO. */
#include "plugins/upgrade-preload/flight.h"

#include "kit/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOCUMENT "flight.json"
#define NS_PER_S INT64_C(1000000000)

static int64_t
now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* --- the change of the verdict -------------------------------------------------------------------------------------
 */

/* The verdict that was told last for this upgrade; "" when none was. */
static void
last_verdict(struct up_work *work, char *ret, size_t len)
{
    const void *data;
    size_t      size;
    char        why[120];
    cJSON      *json = NULL;
    const char *name;
    const char *verdict;

    ret[0] = '\0';
    if (work->host->state_get(work->run, DOCUMENT, &data, &size) != 0)
        return;
    json = ga_json_parse(data, size, why, sizeof(why));
    name = ga_json_str(json, "name");
    verdict = ga_json_str(json, "verdict");
    if (name && verdict && strcmp(name, work->plan.name) == 0)
        (void)snprintf(ret, len, "%s", verdict);
    cJSON_Delete(json);
}

static void
keep_verdict(struct up_work *work, const char *verdict)
{
    cJSON *json = cJSON_CreateObject();
    char  *text;

    (void)cJSON_AddStringToObject(json, "name", work->plan.name);
    (void)cJSON_AddStringToObject(json, "verdict", verdict);
    text = ga_json_print(json);
    if (text)
        (void)work->host->state_put(work->run, DOCUMENT, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
}

/* --- the report ----------------------------------------------------------------------------------------------------
 */

static cJSON *
flight_json(const struct up_work *work, const struct up_flight *flight, const char *verdict, const char *was)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *lines;

    (void)cJSON_AddStringToObject(json, "verdict", verdict);
    (void)cJSON_AddStringToObject(json, "was", was);
    (void)cJSON_AddStringToObject(json, "name", work->plan.name);
    (void)ga_json_add_i64(json, "height", work->plan.height);
    lines = cJSON_AddArrayToObject(json, "lines");
    for (size_t i = 0; i < flight->n; i++) {
        cJSON *line = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(line, "what", flight->lines[i].what);
        (void)cJSON_AddStringToObject(line, "light", up_light_name(flight->lines[i].light));
        (void)cJSON_AddStringToObject(line, "text", flight->lines[i].text);
        (void)cJSON_AddItemToArray(lines, line);
    }
    return json;
}

static void
give_text(struct up_work *work, const struct up_flight *flight, const char *verdict)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);

    if (!out)
        return;
    for (const char *c = verdict; *c; c++)
        (void)fputc(toupper((unsigned char)*c), out);
    (void)fprintf(out, " for upgrade %s at height %lld (%s)\n", work->plan.name, (long long)work->plan.height,
                  work->plan.from);
    for (size_t i = 0; i < flight->n; i++)
        (void)fprintf(out, "  %-8s %-18s %s\n", up_light_name(flight->lines[i].light), flight->lines[i].what,
                      flight->lines[i].text);
    if (fclose(out) == 0)
        work->host->text(work->run, text);
    free(text);
}

/* The first line that decided, for the summary. */
static const char *
decisive(const struct up_flight *flight, enum up_light verdict, char *buf, size_t len)
{
    (void)snprintf(buf, len, "all is ready");
    for (size_t i = 0; i < flight->n && verdict != UP_LIGHT_GO; i++)
        if (flight->lines[i].light == verdict) {
            (void)snprintf(buf, len, "%s: %s", flight->lines[i].what, flight->lines[i].text);
            break;
        }
    return buf;
}

static int
conclude(struct up_work *work, const struct up_flight *flight)
{
    enum up_light verdict = up_flight_verdict(flight);
    const char   *name = up_light_name(verdict);
    char          was[16];
    char          why[480];
    cJSON        *json;
    char         *text;
    int           outcome = verdict == UP_LIGHT_GO ? GA_OK : verdict == UP_LIGHT_NO_GO ? GA_REFUSED : GA_UNKNOWN;

    last_verdict(work, was, sizeof(was));
    json = flight_json(work, flight, name, was);
    text = ga_json_print(json);
    if (text) {
        (void)work->host->result(work->run, text);
        if (strcmp(was, name) != 0 && !work->host->dry_run(work->run) &&
            work->host->emit(work->run, "upgrade.flight", text) == 0)
            keep_verdict(work, name); /* not kept before it was told */
    }
    cJSON_free(text);
    cJSON_Delete(json);
    give_text(work, flight, name);
    return work->host->end(work->run, outcome, "%s for upgrade %s: %s", name, work->plan.name,
                           decisive(flight, verdict, why, sizeof(why)));
}

static int
give_none(struct up_work *work)
{
    (void)work->host->result(work->run, "{\"verdict\":\"none\"}");
    work->host->text(work->run, "no upgrade is scheduled\n");
    return work->host->end(work->run, GA_OK, "no upgrade is scheduled");
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

static int
check(struct up_work *work, const struct up_chain *chain)
{
    struct up_flight flight = {0};
    char             why[UP_WHY] = "";
    int              outcome = up_work_look(work, why, sizeof(why));
    int64_t          now_ns = now();

    if (outcome == GA_REFUSED)
        up_line_add(&flight, "plan", UP_LIGHT_NO_GO, "%.390s", why);
    else if (outcome != GA_OK)
        return work->host->end(work->run, outcome, "%s", why);
    up_see_host(work, &flight, now_ns);
    up_see_chain(work, chain, &flight, now_ns);
    return work->host->cancelled(work->run) ? work->host->end(work->run, GA_UNKNOWN, "the run was cancelled")
                                            : conclude(work, &flight);
}

int
up_flight_check(struct ga_run *run, const struct ga_host *host)
{
    static struct up_work  work;
    static struct up_chain chain;
    char                   why[UP_WHY] = "";
    enum up_found          found;
    int                    outcome;
    int                    r;

    if (up_work_start(run, host, &work, why, sizeof(why)) < 0)
        return host->end(run, GA_REFUSED, "%s", why);
    r = up_chain_look(run, host, &chain, why, sizeof(why));
    if (r < 0)
        return host->end(run, r == -EINVAL ? GA_REFUSED : GA_UNKNOWN, "%s", why);
    found = up_find_plan(&chain, &work.plan, why, sizeof(why));
    if (found == UP_FOUND_PLAN)
        outcome = check(&work, &chain);
    else if (found == UP_FOUND_NONE)
        outcome = give_none(&work);
    else
        outcome = host->end(run, found == UP_FOUND_BAD ? GA_REFUSED : GA_UNKNOWN, "%s", why);
    up_work_done(&work);
    return outcome;
}

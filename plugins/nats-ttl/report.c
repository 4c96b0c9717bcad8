/* report.c: the table of streams, for people and for scripts. Reads only. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/json.h"
#include "kit/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

struct report {
    struct ga_run        *run;
    const struct ga_host *host;
    struct wanted         wanted;
    struct judge_rules    rules;
    cJSON                *history;
    cJSON                *rows;
    FILE                 *text;
    int                   n;
    int                   no_memory;
};

/* --- rows ----------------------------------------------------------------------------------------------------------
 */

/* "3d4h" of an age in nanoseconds, at most two units; "-" for none. */
static const char *
short_age(int64_t ns, char *buf, size_t len)
{
    int64_t step = ns >= DAY ? 3600 * SECOND : ns >= 3600 * SECOND ? 60 * SECOND : SECOND;

    if (ns < 0)
        (void)snprintf(buf, len, "-");
    else if (ns < SECOND)
        (void)snprintf(buf, len, "<1s");
    else
        (void)ga_format_duration(ns - ns % step, buf, len);
    return buf;
}

/* Names come from the server: nothing in them may steer a terminal. */
static void
put_name(FILE *out, const char *name)
{
    int n = 0;

    for (; *name; name++, n++)
        (void)fputc((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name, out);
    for (; n < 28; n++)
        (void)fputc(' ', out);
}

struct line {
    const char      *stream;
    struct judgement facts;
    const char      *wanted; /* NULL: none */
    int64_t          newest_ns;
    int64_t          consumers;
    int              has_growth;
    double           messages_per_day;
    double           bytes_per_day;
};

static void
put_line(FILE *out, const struct line *line)
{
    char oldest[64];
    char newest[64];
    char age[64];
    char size[32];
    char grown[32];

    put_name(out, line->stream);
    (void)fprintf(
        out, " %12" PRId64 " %10s %9s %9s %10s %9" PRId64, line->facts.messages,
        ga_format_size((uint64_t)line->facts.bytes, size, sizeof(size)),
        short_age(line->facts.oldest_ns, oldest, sizeof(oldest)), short_age(line->newest_ns, newest, sizeof(newest)),
        line->facts.have_ns ? ga_format_duration(line->facts.have_ns, age, sizeof(age)) : "unlimited", line->consumers);
    if (!line->has_growth)
        (void)fprintf(out, " %20s", "not known yet");
    else
        (void)fprintf(out, " %9.0f msg %s%s", line->messages_per_day, line->bytes_per_day < 0 ? "-" : "+",
                      ga_format_size((uint64_t)(line->bytes_per_day < 0 ? -line->bytes_per_day : line->bytes_per_day),
                                     grown, sizeof(grown)));
    (void)fprintf(out, "  %s\n", line->wanted ? line->facts.why : "");
}

static cJSON *
row_of(const struct line *line)
{
    cJSON *row = cJSON_CreateObject();
    int    ok = row && cJSON_AddStringToObject(row, "stream", line->stream) &&
             ga_json_add_i64(row, "messages", line->facts.messages) == 0 &&
             ga_json_add_i64(row, "bytes", line->facts.bytes) == 0 &&
             ga_json_add_i64(row, "max_age_ns", line->facts.have_ns) == 0 &&
             ga_json_add_i64(row, "consumers", line->consumers) == 0;

    if (ok && line->facts.oldest_ns >= 0)
        ok = ga_json_add_i64(row, "first_age_ns", line->facts.oldest_ns) == 0;
    if (ok && line->newest_ns >= 0)
        ok = ga_json_add_i64(row, "last_age_ns", line->newest_ns) == 0;
    if (ok && line->has_growth)
        ok = cJSON_AddNumberToObject(row, "messages_per_day", line->messages_per_day) &&
             cJSON_AddNumberToObject(row, "bytes_per_day", line->bytes_per_day);
    if (ok && line->wanted)
        ok = cJSON_AddStringToObject(row, "rule", line->wanted) &&
             cJSON_AddStringToObject(row, "verdict", verdict_name(line->facts.verdict)) &&
             cJSON_AddStringToObject(row, "why", line->facts.why);
    if (ok)
        return row;
    cJSON_Delete(row);
    return NULL;
}

static int
each_stream(cJSON *info, void *userdata)
{
    struct report             *report = userdata;
    const cJSON               *state = ga_json_get(info, "state");
    struct line                line = {.newest_ns = -1};
    const struct wanted_entry *entry;
    int64_t                    last_ns;
    cJSON                     *row;

    line.stream = ga_json_str(ga_json_get(info, "config"), "name");
    if (!line.stream)
        return 0;
    entry = wanted_for(&report->wanted, line.stream);
    line.wanted = entry ? entry->pattern : NULL;
    judge(info, entry ? entry->age_ns : INT64_MAX, &report->rules, &line.facts);
    (void)ga_json_i64(state, "consumer_count", &line.consumers);
    if (line.facts.messages > 0 && parse_time(ga_json_str(state, "last_ts"), &last_ns) == 0)
        line.newest_ns = report->rules.now_ns > last_ns ? report->rules.now_ns - last_ns : 0;
    line.has_growth = history_growth(report->history, line.stream, ga_json_str(info, "created"), report->rules.now_ns,
                                     &line.facts, &line.messages_per_day, &line.bytes_per_day) == 0;
    history_note(report->history, line.stream, report->rules.now_ns, &line.facts);
    put_line(report->text, &line);
    row = row_of(&line);
    if (!row || !cJSON_AddItemToArray(report->rows, row))
        report->no_memory = 1;
    report->n++;
    judgement_done(&line.facts);
    return report->host->cancelled(report->run) ? 1 : 0;
}

static void
hand_over(struct report *report, const char *server, const char *text)
{
    cJSON *result = cJSON_CreateObject();
    char  *json = NULL;

    if (result && cJSON_AddStringToObject(result, "server", server) &&
        cJSON_AddItemToObject(result, "streams", report->rows)) {
        report->rows = NULL;
        json = ga_json_print(result);
    }
    if (json)
        (void)report->host->result(report->run, json);
    report->host->text(report->run, text);
    free(json);
    cJSON_Delete(result);
}

static int
make_report(struct report *report, struct ga_nats *nats)
{
    struct ga_nats_error err = {0};
    char                *text = NULL;
    size_t               len = 0;
    int                  r;

    report->text = open_memstream(&text, &len);
    report->rows = cJSON_CreateArray();
    report->history = history_load(report->run, report->host);
    if (!report->text || !report->rows || !report->history) {
        if (report->text)
            (void)fclose(report->text);
        free(text);
        return report->host->end(report->run, GA_FAILED, "out of memory");
    }
    (void)fprintf(report->text, "%-28s %12s %10s %9s %9s %10s %9s %20s\n", "STREAM", "MESSAGES", "BYTES", "FIRST",
                  "LAST", "MAX AGE", "CONSUMERS", "GROWTH PER DAY");
    r = ga_nats_js_list(nats, "STREAM.LIST", "streams", each_stream, report, &err);
    if (fclose(report->text) != 0)
        report->no_memory = 1;
    if (r == 0 && !report->no_memory) {
        hand_over(report, ga_nats_url(nats), text);
        history_save(report->run, report->host, report->history);
    }
    free(text);
    if (report->no_memory)
        return report->host->end(report->run, GA_FAILED, "out of memory after %d streams", report->n);
    if (r != 0)
        return report->host->end(report->run, GA_UNKNOWN, "%s", r < 0 ? err.text : "cancelled");
    return report->host->end(report->run, GA_OK, "%d streams on %s", report->n, ga_nats_url(nats));
}

int
report_task(struct ga_run *run, const struct ga_host *host)
{
    struct report        report = {.run = run, .host = host};
    struct ga_nats_error err = {0};
    struct ga_nats      *nats;
    int                  outcome;

    if (wanted_load(run, host, &report.wanted) < 0)
        return host->end(run, GA_FAILED, "out of memory");
    report.rules.exact = host->num(run, "exact") != 0;
    report.rules.slack_ns = host->num(run, "slack");
    report.rules.now_ns = real_now_ns();
    nats = connect_server(run, host, &err);
    if (nats)
        outcome = make_report(&report, nats);
    else
        outcome = host->end(run, err.why == GA_NATS_CONFIG ? GA_FAILED : GA_UNKNOWN, "%s", err.text);
    ga_nats_close(nats);
    free((void *)(uintptr_t)report.wanted.entries);
    cJSON_Delete(report.history);
    cJSON_Delete(report.rows);
    return outcome;
}

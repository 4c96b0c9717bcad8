/* cli_journal.c: `journal` and `events`. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "agent/bus.h"
#include "kit/json.h"
#include "agent/cli.h"
#include "agent/cli_common.h"
#include "agent/clock.h"
#include "agent/commands.h"
#include "agent/control_client.h"
#include "agent/journal_reader.h"
#include "agent/print.h"
#include "kit/units.h"

struct filter {
    int64_t      since_ns;
    const char  *plugin;
    const char  *outcome;
    const char  *run;
    bool         acts;
    bool         events;
    char *const *patterns; /* of topics */
    int          n_patterns;
};

int
cli_since(const char *text, int64_t now_ns, int64_t *ret_ns)
{
    int64_t back;

    if (ga_parse_duration(text, &back) == 0) {
        *ret_ns = now_ns > back ? now_ns - back : 0;
        return 0;
    }
    return print_parse_iso(text, ret_ns);
}

static bool
one_of_the_outcomes(const char *outcome)
{
    static const char *const outcomes[] = {"ok", "changed", "refused", "unknown", "failed"};

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (strcmp(outcomes[i], outcome) == 0) {
            return true;
        }
    }
    return false;
}

/* Fills the filter from the command line. 0 or EXIT_USAGE. */
static int
filter_from(const char *command, const struct command_words *words, struct filter *ret)
{
    const char *since = command_option(command, words, "since");

    *ret = (struct filter){.since_ns = 0};
    if (since && cli_since(since, clock_real_ns(), &ret->since_ns) != 0) {
        (void)fprintf(stderr,
                      "gonka-agent %s: '%s' is no time: write a duration back from now (30m, 2d) or a UTC time "
                      "(2026-11-23, 2026-11-23T12:00)\n",
                      command, since);
        return EXIT_USAGE;
    }
    return 0;
}

static bool
topic_wanted(const struct filter *filter, const char *topic)
{
    for (int i = 0; i < filter->n_patterns; i++) {
        if (topic_matches(filter->patterns[i], topic)) {
            return true;
        }
    }
    return filter->n_patterns == 0;
}

static bool
wanted(const struct filter *filter, const cJSON *record)
{
    const char *rec = print_str(record, "rec");
    int64_t     at;

    if (filter->since_ns > 0 && print_parse_iso(print_str(record, "time"), &at) == 0 && at < filter->since_ns) {
        return false;
    }
    if (filter->plugin && strcmp(print_str(record, "plugin"), filter->plugin) != 0) {
        return false;
    }
    if (filter->run && strcmp(print_str(record, "run"), filter->run) != 0) {
        return false;
    }
    if (filter->outcome &&
        (strcmp(rec, "run.end") != 0 || strcmp(print_str(record, "outcome"), filter->outcome) != 0)) {
        return false;
    }
    if (filter->acts && strcmp(rec, "act") != 0 && strcmp(rec, "acted") != 0) {
        return false;
    }
    return !filter->events || (strcmp(rec, "event") == 0 && topic_wanted(filter, print_str(record, "topic")));
}

/* An event, from the journal or from the daemon: topic, origin, payload. */
static void
print_event(const cJSON *event)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(event, "payload");
    char        *text = cJSON_IsString(payload) ? strdup(payload->valuestring) : ga_json_print(payload);

    print_colored(stdout, PRINT_BLUE, print_str(event, "topic"));
    (void)fputs("  ", stdout);
    print_safe(stdout, text ? text : "", false);
    free(text);
}

static void
print_run_end(const cJSON *record)
{
    const char  *outcome = print_str(record, "outcome");
    const cJSON *ms = cJSON_GetObjectItemCaseSensitive(record, "ms");

    print_colored(stdout, print_outcome_color(outcome), outcome);
    (void)fputs(": ", stdout);
    print_safe(stdout, print_str(record, "summary"), false);
    if (cJSON_IsNumber(ms)) {
        (void)printf("  [%.0f ms]", ms->valuedouble);
    } else if (*print_str(record, "ms")) {
        (void)fputs("  [", stdout);
        print_safe(stdout, print_str(record, "ms"), false);
        (void)fputs(" ms]", stdout);
    }
}

static void
print_acted(const cJSON *record)
{
    bool ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(record, "ok"));

    print_colored(stdout, ok ? PRINT_GREEN : PRINT_RED, ok ? "done" : "not done");
    (void)fputs("  ", stdout);
    print_safe(stdout, print_str(record, "verb"), false);
    (void)fputs(*print_str(record, "verb") ? " " : "", stdout);
    print_safe(stdout, print_str(record, "object"), false);
    if (*print_str(record, "note")) {
        (void)fputs(*print_str(record, "object") ? ": " : "", stdout);
        print_safe(stdout, print_str(record, "note"), false);
    }
}

static void
print_act_record(const cJSON *record, bool dry)
{
    const char *refused = print_str(record, "refused");

    if (dry)
        (void)fputs("would ", stdout);
    print_colored(stdout, PRINT_BOLD, print_str(record, "verb"));
    (void)fputs("  ", stdout);
    print_safe(stdout, print_str(record, "object"), false);
    if (*refused) {
        (void)fputs("  ", stdout);
        print_colored(stdout, PRINT_YELLOW, "refused");
        (void)fputs(": ", stdout);
        print_safe(stdout, refused, false);
    }
}

/* "2026-11-23 12:00:00  nats-ttl enforce  " */
static void
print_head(const cJSON *record)
{
    const char *plugin = print_str(record, "plugin");
    const char *task = print_str(record, "task");
    char        when[CLOCK_ISO_LEN];
    char        who[160];

    (void)snprintf(when, sizeof(when), "%.19s", print_str(record, "time"));
    if (when[0] && when[10] == 'T') {
        when[10] = ' ';
    }
    if (*plugin) {
        (void)snprintf(who, sizeof(who), "%s %s", plugin, task);
    } else {
        (void)snprintf(who, sizeof(who), "%s", *print_str(record, "origin") ? print_str(record, "origin") : "agent");
    }
    print_colored(stdout, PRINT_DIM, when);
    (void)fputs("  ", stdout);
    print_safe(stdout, who, false);
    (void)fputs("  ", stdout);
}

/* Records without a form of their own: what they hold, as key=value. */
static void
print_other(const cJSON *record)
{
    static const char *const shown[] = {"time", "seq", "rec", "plugin", "task", NULL};
    const cJSON             *item;

    print_safe(stdout, print_str(record, "rec"), false);
    cJSON_ArrayForEach(item, record)
    {
        size_t i = 0;
        while (shown[i] && strcmp(shown[i], item->string) != 0) {
            i++;
        }
        if (shown[i]) {
            continue;
        }
        char *text = cJSON_IsString(item) ? strdup(item->valuestring) : ga_json_print(item);
        (void)fputs("  ", stdout);
        print_safe(stdout, item->string, false);
        (void)fputc('=', stdout);
        print_safe(stdout, text ? text : "?", false);
        free(text);
    }
}

static void
print_record(const cJSON *record)
{
    const char *rec = print_str(record, "rec");
    bool        dry = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(record, "dry_run"));

    print_head(record);
    if (strcmp(rec, "run.start") == 0) {
        (void)fputs("started (", stdout);
        print_safe(stdout, print_str(record, "trigger"), false);
        (void)fputs(dry ? ", dry run)" : ")", stdout);
    } else if (strcmp(rec, "run.end") == 0) {
        print_run_end(record);
    } else if (strcmp(rec, "act") == 0) {
        print_act_record(record, dry);
    } else if (strcmp(rec, "acted") == 0) {
        print_acted(record);
    } else if (strcmp(rec, "event") == 0) {
        print_event(record);
    } else {
        print_other(record);
    }
    (void)fputc('\n', stdout);
}

/* Prints what the journal holds now. 0, or -errno. */
static int
print_history(struct journal_reader *reader, const struct filter *filter, bool json)
{
    cJSON *record;
    int    r;

    while ((r = journal_reader_next(reader, &record)) == 0) {
        if (wanted(filter, record)) {
            if (json) {
                print_json(stdout, record);
            } else {
                print_record(record);
            }
        }
        cJSON_Delete(record);
        if (ferror(stdout)) {
            break;
        }
    }
    return r == -ENODATA ? 0 : r;
}

static int
show_journal(const char *state_dir, const struct filter *filter, bool follow, bool json)
{
    struct journal_reader *reader = NULL;
    char                   error[4300];
    int                    r = journal_reader_open(state_dir, filter->since_ns, &reader, error, sizeof(error));

    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: %s\n", error);
        return EXIT_UNKNOWN;
    }
    r = print_history(reader, filter, json);
    while (r == 0 && follow) {
        if (fflush(stdout) != 0) {
            break;
        }
        r = journal_reader_wait(reader, -1);
        if (r == 0) {
            r = print_history(reader, filter, json);
        }
    }
    uint64_t skipped = journal_reader_skipped(reader);
    if (skipped > 0) {
        (void)fprintf(stderr, "gonka-agent: %" PRIu64 " broken line%s of the journal skipped (a crash leaves one)\n",
                      skipped, skipped == 1 ? "" : "s");
    }
    journal_reader_close(reader);
    if (r < 0 && r != -EINTR) {
        errno = -r;
        (void)fprintf(stderr, "gonka-agent: reading the journal: %m\n");
        return EXIT_FAILED;
    }
    return 0;
}

int
cli_journal(struct cli *cli)
{
    struct command_words words;
    struct cli_places    places = {.socket = NULL};
    struct filter        filter;
    int                  r = command_parse("journal", cli->argc, cli->argv, &words);

    if (r == 0) {
        r = filter_from("journal", &words, &filter);
    }
    if (r != 0) {
        return r;
    }
    filter.plugin = command_option("journal", &words, "plugin");
    filter.outcome = command_option("journal", &words, "outcome");
    filter.run = command_option("journal", &words, "run");
    filter.acts = command_option("journal", &words, "acts") != NULL;
    if (filter.outcome && !one_of_the_outcomes(filter.outcome)) {
        (void)fprintf(stderr, "gonka-agent journal: '%s' is no outcome: ok, changed, refused, unknown or failed\n",
                      filter.outcome);
        return EXIT_USAGE;
    }
    r = cli_places(cli, &places);
    if (r == 0) {
        r = show_journal(places.state_dir, &filter, command_option("journal", &words, "follow") != NULL, cli->json);
    }
    cli_places_done(&places);
    return r;
}

/* Prints events of the daemon until it ends or we are told to. */
static int
follow_events(const char *socket, const struct filter *filter, bool json)
{
    struct client *client = NULL;
    cJSON         *request = cJSON_CreateObject();
    char           error[512];
    int            r = client_connect(socket, &client, error, sizeof(error));

    if (r < 0) {
        (void)fprintf(stderr, "gonka-agent: %s\n", error);
        cJSON_Delete(request);
        return EXIT_UNKNOWN;
    }
    (void)cJSON_AddStringToObject(request, "cmd", "events");
    r = client_send(client, request);
    cJSON_Delete(request);
    while (r == 0) {
        cJSON *event = NULL;
        r = client_next(client, -1, &event);
        if (r == 0 && strcmp(print_str(event, "t"), "event") == 0 && topic_wanted(filter, print_str(event, "topic"))) {
            if (json) {
                print_json(stdout, event);
            } else {
                cli_event_time(event);
                print_head(event);
                print_event(event);
                (void)fputc('\n', stdout);
            }
            r = fflush(stdout) == 0 ? 0 : -EPIPE;
        } else if (r == 0 && *print_str(event, "error")) {
            (void)fprintf(stderr, "gonka-agent: the daemon refused: %s\n", print_str(event, "error"));
            r = -ECONNABORTED;
        }
        cJSON_Delete(event);
    }
    client_close(client);
    if (r == -ENODATA) {
        (void)fprintf(stderr, "gonka-agent: the daemon closed the connection: it has ended, or we read too slowly\n");
    }
    return r == -EPIPE ? 0 : r == -ECONNABORTED ? EXIT_FAILED : EXIT_UNKNOWN;
}

/* Checks the patterns, for a wrong one matches nothing and looks like silence. 0 or EXIT_USAGE. */
static int
check_patterns(const struct command_words *words)
{
    for (int i = 0; i < words->n_words; i++) {
        if (!topic_pattern_valid(words->word[i])) {
            (void)fprintf(stderr,
                          "gonka-agent events: '%s' is no pattern: lower-case words parted by dots, * for one word, a "
                          "final > for the rest\n",
                          words->word[i]);
            return EXIT_USAGE;
        }
    }
    return 0;
}

int
cli_events(struct cli *cli)
{
    struct command_words words;
    struct cli_places    places = {.socket = NULL};
    struct filter        filter;
    int                  r = command_parse("events", cli->argc, cli->argv, &words);

    if (r == 0) {
        r = filter_from("events", &words, &filter);
    }
    if (r == 0) {
        r = check_patterns(&words);
    }
    if (r != 0) {
        return r;
    }
    filter.patterns = words.word;
    filter.n_patterns = words.n_words;
    filter.events = true;
    r = cli_places(cli, &places);
    if (r == 0 && command_option("events", &words, "follow")) {
        r = follow_events(places.socket, &filter, cli->json);
    } else if (r == 0) {
        r = show_journal(places.state_dir, &filter, false, cli->json);
    }
    cli_places_done(&places);
    return r;
}

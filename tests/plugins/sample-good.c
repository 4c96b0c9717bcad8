/* sample-good.c: an honest plugin with an option of every type; its task says what it was given. */
#include <gonka-agent/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {
    {.key = "text", .type = GA_T_STRING, .dflt = "\"a \\\"quoted\\\" text\"", .help = "any text"},
    {.key = "number", .type = GA_T_INT, .dflt = "42", .help = "a number", .min = -10, .max = INT64_MAX},
    {.key = "flag", .type = GA_T_BOOL, .dflt = "true", .help = "a switch"},
    {.key = "period", .type = GA_T_DURATION, .dflt = "90s", .help = "a duration"},
    {.key = "room", .type = GA_T_SIZE, .dflt = "3GiB", .help = "a size", .min = 0, .max = INT64_MAX},
    {.key = "vote", .type = GA_T_ENUM, .dflt = "abstain", .help = "a choice", .choices = "yes|no|abstain"},
    {.key = "folder", .type = GA_T_PATH, .flags = GA_READ, .help = "a folder"},
    {.key = "server", .type = GA_T_URL, .help = "a server", .choices = "nats:4222|http:80"},
    {.key = "token", .type = GA_T_SECRET, .help = "a secret"},
    {.key = "names", .type = GA_T_STRING | GA_T_LIST, .dflt = "[a, b]", .help = "texts"},
    {.key = "periods", .type = GA_T_DURATION | GA_T_LIST, .help = "durations"},
    {.key = "ages", .type = GA_T_DURATION | GA_T_MAP, .dflt = "{one: 1s, two: 2s}", .help = "durations by name"},
    {.key = "labels", .type = GA_T_STRING | GA_T_MAP, .help = "texts by name"},
    {.key = "nothing", .type = GA_T_STRING, .help = "a text that nobody gives"},
};

static const struct ga_option echo_args[] = {
    {.key = "times", .type = GA_T_INT, .dflt = "1", .help = "how often", .min = 1, .max = 10},
    {.key = "number", .type = GA_T_INT, .help = "hides the option of the same name", .min = -10, .max = INT64_MAX},
};

static void
put_string(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; text && *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void
put_scalar(FILE *out, struct ga_run *run, const struct ga_host *host, const struct ga_option *option)
{
    switch (option->type) {
    case GA_T_INT:
    case GA_T_BOOL:
    case GA_T_DURATION:
    case GA_T_SIZE:
        (void)fprintf(out, "\"%" PRId64 "\"", host->num(run, option->key));
        break;
    default:
        put_string(out, host->str(run, option->key));
    }
}

static void
put_many(FILE *out, struct ga_run *run, const struct ga_host *host, const struct ga_option *option)
{
    int map = (option->type & GA_T_MAP) != 0;

    (void)fputc(map ? '{' : '[', out);
    for (size_t i = 0; i < host->count(run, option->key); i++) {
        (void)fputs(i ? "," : "", out);
        if (map) {
            put_string(out, host->map_key(run, option->key, i));
            (void)fputc(':', out);
        }
        if (GA_T_BASE(option->type) == GA_T_DURATION)
            (void)fprintf(out, "\"%" PRId64 "\"", host->num_at(run, option->key, i));
        else
            put_string(out, host->str_at(run, option->key, i));
    }
    (void)fputc(map ? '}' : ']', out);
}

static int
echo(struct ga_run *run, const struct ga_host *host)
{
    char  *text = NULL;
    size_t len = 0;
    FILE  *out = open_memstream(&text, &len);
    int    n = 0;

    (void)fprintf(out, "{\"times\":\"%" PRId64 "\"", host->num(run, "times"));
    for (size_t i = 0; i < N(options); i++) {
        if (!host->has(run, options[i].key))
            continue;
        (void)fprintf(out, ",\"%s\":", options[i].key);
        if (options[i].type & (GA_T_LIST | GA_T_MAP))
            put_many(out, run, host, &options[i]);
        else
            put_scalar(out, run, host, &options[i]);
        n++;
    }
    (void)fputc('}', out);
    (void)fclose(out);
    host->log(run, GA_LOG_INFO, "has %d options", n);
    host->metric(run, "options_given", n);
    host->progress(run, "echoing", 1, 1);
    host->text(run, "the options were echoed\n");
    if (host->result(run, text) < 0)
        return host->end(run, GA_FAILED, "the result was not taken");
    free(text);
    return host->end(run, GA_OK, "%d options given, times %" PRId64, n, host->num(run, "times"));
}

/* Counts its runs in the plugin's state. */
static int
count_runs(struct ga_run *run, const struct ga_host *host)
{
    const void *data = NULL;
    size_t      len = 0;
    long        n = 0;
    char        text[24];
    int         r = host->state_get(run, "runs.txt", &data, &len);

    if (r < 0)
        return host->end(run, GA_FAILED, "the state cannot be read");
    if (r == 0)
        n = strtol(data, NULL, 10);
    (void)snprintf(text, sizeof(text), "%ld", n + 1);
    if (host->state_put(run, "runs.txt", text, strlen(text)) < 0)
        return host->end(run, GA_FAILED, "the state cannot be written");
    return host->end(run, GA_OK, "run %s", text);
}

/* Ends when it is told to, and only then. */
static int
wait_for_cancel(struct ga_run *run, const struct ga_host *host)
{
    struct ga_event event;

    host->ready(run);
    while (!host->cancelled(run)) {
        if (host->next_event(run, 1000, &event) < 0)
            break;
        host->beat(run);
    }
    return host->end(run, GA_OK, "told to end");
}

static const struct ga_task tasks[] = {
    {.name = "echo",
     .summary = "says what it was given",
     .every = "1h",
     .flags = GA_TASK_READ_ONLY,
     .n_args = N(echo_args),
     .args = echo_args,
     .function = echo},
    {.name = "count", .summary = "counts its runs", .flags = GA_TASK_BY_HAND, .function = count_runs},
    {.name = "wait",
     .summary = "waits to be cancelled",
     .flags = GA_TASK_RESIDENT | GA_TASK_BY_HAND,
     .function = wait_for_cancel},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-good",
                                       .version = "1.2.3",
                                       .summary = "says what it was given",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

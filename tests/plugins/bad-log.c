/* bad-log.c: says what would forge or colour lines of a log, and more than an event can carry. */
#include <gonka-agent/plugin.h>

#include <stdio.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static int
forge(struct ga_run *run, const struct ga_host *host)
{
    host->log(run, GA_LOG_WARNING, "a \"quoted\" word and a back\\slash");
    host->log(run, GA_LOG_WARNING, "one\n time=1970-01-01T00:00:00Z level=err msg=\"forged\"");
    host->log(run, GA_LOG_WARNING, "bell \a escape \x1b[31m delete \x7f tab\t end");
    return host->end(run, GA_OK, "said");
}

/* The same past the agent's functions, as a library does that prints. */
static int
print(struct ga_run *run, const struct ga_host *host)
{
    (void)printf("a \"quoted\" word and a back\\slash\n");
    (void)printf("one\r time=1970-01-01T00:00:00Z level=err msg=\"forged\"\n");
    (void)printf("bell \a escape \x1b[31m delete \x7f tab\t end\n");
    (void)printf("half a character \xc3\n");
    return host->end(run, GA_OK, "printed");
}

static int
log_long_line(struct ga_run *run, const struct ga_host *host)
{
    char text[3001] = "";

    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    host->log(run, GA_LOG_WARNING, "%s", text);
    return host->end(run, GA_OK, "logged");
}

/* The longest texts there can be, of characters that JSON doubles, and one of three bytes where an event is cut. */
static int
say_much(struct ga_run *run, const struct ga_host *host)
{
    char note[5000];
    char object[5000];

    memset(note, '"', sizeof(note) - 1);
    note[sizeof(note) - 1] = '\0';
    memcpy(object, note, sizeof(note));
    memcpy(object + 1023, "\xe2\x82\xac", 3);
    if (host->act(run, "name", object, NULL) == GA_ACT_DO)
        host->acted(run, 1, note);
    return host->end(run, GA_FAILED, "%s", note);
}

static const struct ga_task tasks[] = {
    {.name = "print", .summary = "prints the same", .flags = GA_TASK_BY_HAND | GA_TASK_READ_ONLY, .function = print},
    {.name = "long-line",
     .summary = "logs a long line",
     .flags = GA_TASK_BY_HAND | GA_TASK_READ_ONLY,
     .function = log_long_line},
    {.name = "long", .summary = "says very much", .flags = GA_TASK_BY_HAND, .function = say_much},
    {.name = "forge",
     .summary = "logs quotes, line breaks and control characters",
     .flags = GA_TASK_BY_HAND | GA_TASK_READ_ONLY,
     .function = forge},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-log",
                                       .version = "0.1.0",
                                       .summary = "says what would forge lines of a log",
                                       .option_stride = sizeof(struct ga_option),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

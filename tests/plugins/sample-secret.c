/* sample-secret.c: has a secret and says it wherever it can, on purpose: none of it may leave the run. */
#include <gonka-agent/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {
    {.key = "password", .type = GA_T_SECRET, .flags = GA_REQUIRED, .help = "what must not be seen"},
    {.key = "more", .type = GA_T_SECRET | GA_T_LIST, .help = "more of them"},
};

static int
leak(struct ga_run *run, const struct ga_host *host)
{
    const char *secret = host->str(run, "password");
    char        text[1024];

    host->log(run, GA_LOG_WARNING, "the password is %s, really %s", secret, secret);
    host->log(run, GA_LOG_WARNING, "%4092s%s", "", secret); /* where the line is cut */
    for (size_t i = 0; i < host->count(run, "more"); i++)
        host->log(run, GA_LOG_WARNING, "another one is %s", host->str_at(run, "more", i));
    (void)snprintf(text, sizeof(text), "{\"password\":\"%s\",\"%s\":[1,{\"deep\":\"<%s>\"}]}", secret, secret, secret);
    if (host->emit(run, "secret.told", text) < 0 || host->result(run, text) < 0)
        return host->end(run, GA_FAILED, "could not tell %s", secret);
    host->text(run, text);
    host->progress(run, secret, 1, 2);
    if (host->act(run, "tell", secret, text) == GA_ACT_DO)
        host->acted(run, 1, secret);
    (void)snprintf(text, sizeof(text), "/%s", secret);
    return host->end(run, GA_CHANGED, "told '%s' and %zu bytes", secret, strlen(secret));
}

/* Does the environment still hold it? */
static int
look(struct ga_run *run, const struct ga_host *host)
{
    extern char **environ;
    const char   *secret = host->str(run, "password");
    unsigned      n = 0;

    for (char **var = environ; *var; var++)
        n += strstr(*var, secret) != NULL;
    return host->end(run, n ? GA_FAILED : GA_OK, "%u variables hold the secret of %zu bytes", n, strlen(secret));
}

static const struct ga_task tasks[] = {
    {.name = "leak", .summary = "says the secret everywhere", .every = "1h", .function = leak},
    {.name = "look", .summary = "looks for the secret in the environment", .flags = GA_TASK_BY_HAND, .function = look},
};

static const struct ga_topic topics[] = {{.name = "secret.told", .summary = "password: the secret"}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-secret",
                                       .version = "0.1.0",
                                       .summary = "says its secret everywhere, on purpose",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks),
                                       .topics = topics,
                                       .n_topics = N(topics),
                                       .topic_stride = sizeof(*topics)};

/* sample.c: a whole plugin, log-trim: empties a log file that has grown too large. */
#include <gonka-agent/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* What the manifest may say. From this table come checks, help, and the sandbox: `file` may be read and written,
 * nothing else on the machine. */
static const struct ga_option options[] = {
    {.key = "file", .type = GA_T_PATH, .flags = GA_REQUIRED | GA_READ | GA_WRITE, .help = "the log file"},
    {.key = "max_size",
     .type = GA_T_SIZE,
     .dflt = "100MB",
     .help = "it is emptied when it is larger",
     .min = 1,
     .max = INT64_MAX},
};

/* The change itself: asked for, made, observed. Returns an outcome. */
static int
empty_it(struct ga_run *run, const struct ga_host *host, int fd, int64_t size)
{
    const char *file = host->str(run, "file");
    struct stat st;
    char        details[64];
    int         answer;

    (void)snprintf(details, sizeof(details), "{\"size_bytes\":%" PRId64 "}", size);
    answer = host->act(run, "empty", file, details);
    if (answer == GA_ACT_REFUSED)
        return host->end(run, GA_REFUSED, "%s", host->act_why(run));
    if (answer == GA_ACT_DRY)
        return host->end(run, GA_CHANGED, "%" PRId64 " bytes would go", size);
    if (ftruncate(fd, 0) < 0) {
        host->acted(run, 0, "it could not be emptied");
        return host->end(run, GA_FAILED, "cannot empty '%s': %s", file, strerrordesc_np(errno));
    }
    if (fstat(fd, &st) < 0 || st.st_size >= size) {
        host->acted(run, 0, "it is as large as before");
        return host->end(run, GA_FAILED, "'%s' was emptied and is as large as before", file);
    }
    host->acted(run, 1, "it is empty");
    (void)host->emit(run, "log.trimmed", details);
    return host->end(run, GA_CHANGED, "%" PRId64 " bytes went", size);
}

static int
trim(struct ga_run *run, const struct ga_host *host)
{
    const char *file = host->str(run, "file");
    int64_t     max_size = host->num(run, "max_size");
    int         fd = open(file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    int         outcome;

    /* Not seen is not the same as not there: never GA_OK. */
    if (fd < 0 && errno == ELOOP)
        return host->end(run, GA_REFUSED, "'%s' is a symlink: name the file itself", file);
    if (fd < 0)
        return host->end(run, GA_UNKNOWN, "cannot open '%s': %s", file, strerrordesc_np(errno));
    if (fstat(fd, &st) < 0) {
        outcome = host->end(run, GA_UNKNOWN, "cannot look at '%s': %s", file, strerrordesc_np(errno));
    } else if (!S_ISREG(st.st_mode)) {
        outcome = host->end(run, GA_REFUSED, "'%s' is no regular file: name a log file", file);
    } else {
        host->metric(run, "size_bytes", (double)st.st_size);
        outcome = st.st_size > max_size ? empty_it(run, host, fd, st.st_size)
                                        : host->end(run, GA_OK, "%" PRId64 " of at most %" PRId64 " bytes",
                                                    (int64_t)st.st_size, max_size);
    }
    (void)close(fd);
    return outcome;
}

static const struct ga_task tasks[] = {
    {.name = "trim", .summary = "empties the log file when it is too large", .every = "1h", .function = trim},
};

static const struct ga_topic topics[] = {
    {.name = "log.trimmed", .summary = "the file was emptied: size_bytes before"},
};

const struct ga_plugin ga_plugin_v1 = {
    .size = sizeof(ga_plugin_v1),
    .abi_major = GA_ABI_MAJOR,
    .abi_minor = 0,
    .name = "log-trim",
    .version = "1.0",
    .summary = "keeps a log file from filling the disk",
    .options = options,
    .n_options = COUNT(options),
    .option_stride = sizeof(options[0]),
    .tasks = tasks,
    .n_tasks = COUNT(tasks),
    .task_stride = sizeof(tasks[0]),
    .topics = topics,
    .n_topics = COUNT(topics),
    .topic_stride = sizeof(topics[0]),
};

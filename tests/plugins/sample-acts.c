/* sample-acts.c: makes files in a folder, one act each. */
#include <gonka-agent/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {
    {.key = "folder", .type = GA_T_PATH, .flags = GA_REQUIRED | GA_READ | GA_WRITE, .help = "where the files go"},
};

static const struct ga_option touch_args[] = {
    {.key = "count", .type = GA_T_INT, .dflt = "3", .help = "files to make", .min = 0, .max = 100000},
    {.key = "padding", .type = GA_T_SIZE, .dflt = "0", .help = "bytes of useless details", .min = 0, .max = 1000000},
};

/* Details of an act, with as much padding as was asked for. NULL: none was. */
static const char *
details_of(char *buf, size_t size, int64_t padding)
{
    int n;

    if (padding <= 0 || (size_t)padding + 32 > size)
        return "{\"old\":null,\"new\":\"empty file\"}";
    n = snprintf(buf, size, "{\"padding\":\"");
    memset(buf + n, 'x', (size_t)padding);
    (void)snprintf(buf + n + padding, size - (size_t)n - (size_t)padding, "\"}");
    return buf;
}

static int
touch(struct ga_run *run, const struct ga_host *host)
{
    static char buf[1000100];
    int64_t     n = host->num(run, "count");
    int64_t     made = 0;

    for (int64_t i = 0; i < n; i++) {
        char path[512];
        int  answer;
        int  fd;

        (void)snprintf(path, sizeof(path), "%s/file-%" PRId64, host->str(run, "folder"), i);
        if (access(path, F_OK) == 0)
            continue;
        answer = host->act(run, "create-file", path, details_of(buf, sizeof(buf), host->num(run, "padding")));
        if (answer == GA_ACT_REFUSED)
            return host->end(run, GA_REFUSED, "%" PRId64 " made, then refused: %s", made, host->act_why(run));
        made++;
        if (answer == GA_ACT_DRY)
            continue;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            host->acted(run, 0, strerrorname_np(errno));
            return host->end(run, GA_FAILED, "cannot make %s: %s", path, strerrorname_np(errno));
        }
        (void)close(fd);
        host->acted(run, access(path, F_OK) == 0, "it is there");
    }
    return host->end(run, made ? GA_CHANGED : GA_OK, "%" PRId64 " of %" PRId64 " files made", made, n);
}

static const struct ga_task tasks[] = {
    {.name = "touch",
     .summary = "makes files that are not there",
     .every = "1h",
     .n_args = N(touch_args),
     .args = touch_args,
     .function = touch},
};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "sample-acts",
                                       .version = "0.1.0",
                                       .summary = "makes files, one act each",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks)};

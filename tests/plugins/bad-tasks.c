/* bad-tasks.c: a task for each way of being a bad guest. */
#include <gonka-agent/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct ga_option options[] = {
    {.key = "command", .type = GA_T_PATH, .flags = GA_EXEC, .help = "what fork-command leaves behind"},
    {.key = "number", .type = GA_T_INT, .dflt = "1", .help = "a number"},
    {.key = "names", .type = GA_T_STRING | GA_T_LIST, .dflt = "[a, b]", .help = "texts"},
};

static _Noreturn void
wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

/* Deaf to being cancelled, but ends by the signal's default action if nobody catches it. */
static int
hang(struct ga_run *run, const struct ga_host *host)
{
    (void)run;
    (void)host;
    wait_for_ever();
}

static int
spin(struct ga_run *run, const struct ga_host *host)
{
    volatile unsigned long n = 1;

    (void)run;
    (void)host;
    while (n)
        n += 2; /* odd for ever */
    return GA_OK;
}

static int
ignore_term(struct ga_run *run, const struct ga_host *host)
{
    (void)signal(SIGTERM, SIG_IGN);
    host->log(run, GA_LOG_INFO, "ignores SIGTERM");
    wait_for_ever();
}

/* Children that outlive the task, in its process group. */
static int
fork_children(struct ga_run *run, const struct ga_host *host)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0)
            wait_for_ever();
    }
    return host->end(run, GA_OK, "3 children left behind");
}

/* Children that left its process group, session and parent. */
static int
fork_away(struct ga_run *run, const struct ga_host *host)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            (void)setsid();
            if (fork() != 0)
                _exit(0);
            wait_for_ever();
        }
    }
    return host->end(run, GA_OK, "3 children left behind in sessions of their own");
}

/* A grandchild that outlives its parent and dies while the run goes on. */
static int
fork_dead(struct ga_run *run, const struct ga_host *host)
{
    int   ends[2];
    char  byte;
    pid_t child;

    if (pipe(ends) < 0)
        return host->end(run, GA_FAILED, "no pipe");
    child = fork();
    if (child == 0) {
        if (fork() == 0)
            (void)usleep(50000);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
    (void)close(ends[1]);
    if (read(ends[0], &byte, 1) != 0) /* ends with the grandchild */
        return host->end(run, GA_FAILED, "somebody wrote");
    (void)close(ends[0]);
    return host->end(run, GA_OK, "left a dead process behind");
}

/* A command in a group of its own with an environment of its own, as any library may start one. */
static int
fork_command(struct ga_run *run, const struct ga_host *host)
{
    static char *const argv[] = {(char *)(uintptr_t) "sleep", (char *)(uintptr_t) "1000", NULL};
    static char *const env[] = {NULL};

    if (fork() == 0) {
        (void)setpgid(0, 0);
        (void)execve("/bin/sleep", argv, env);
        (void)execve("/usr/bin/sleep", argv, env);
        _exit(1);
    }
    (void)usleep(100000); /* it has become the command */
    return host->end(run, GA_OK, "a command left behind");
}

/* A child that returns from the task as if it were the task. */
static int
fork_return(struct ga_run *run, const struct ga_host *host)
{
    pid_t child = fork();

    if (child == 0)
        return host->end(run, GA_FAILED, "this is the child speaking");
    return host->end(run, GA_OK, "this is the parent speaking");
}

static int
crash(struct ga_run *run, const struct ga_host *host)
{
    (void)run;
    (void)host;
    (void)raise(SIGSEGV); /* what a wild pointer does, without asking a sanitizer */
    return GA_OK;
}

static int
leave(struct ga_run *run, const struct ga_host *host)
{
    (void)run;
    (void)host;
    exit(3);
}

static int
leave_politely(struct ga_run *run, const struct ga_host *host)
{
    (void)host->end(run, GA_OK, "all is well");
    exit(0);
}

/* Memory without end; the limit of the job must be hit long before the machine's. */
static int
allocate(struct ga_run *run, const struct ga_host *host)
{
    size_t chunk = 1u << 20;

    for (size_t n = 0;; n++) {
        char *memory = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return host->end(run, GA_FAILED, "no memory after %zu MiB: %s", n, strerrorname_np(errno));
        memset(memory, 0x5a, chunk);
    }
}

/* As most programs do: nobody asks whether there was memory. */
static _Noreturn void
fill_memory(void)
{
    const size_t chunk = (size_t)1 << 20;

    for (;;) {
        volatile char *memory = malloc(chunk);

        for (size_t i = 0; i < chunk; i += 4096)
            memory[i] = 1;
    }
}

static int
allocate_blindly(struct ga_run *run, const struct ga_host *host)
{
    (void)run;
    (void)host;
    fill_memory();
}

static int
find_wire(void)
{
    for (int fd = 3; fd < 64; fd++) {
        int       type = 0;
        socklen_t len = sizeof(type);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET)
            return fd;
    }
    return -1;
}

static int
garbage(struct ga_run *run, const struct ga_host *host)
{
    static const char rubbish[] = "{\"t\":\"log\",\"level\":";
    int               fd = find_wire();

    if (fd < 0 || send(fd, rubbish, sizeof(rubbish) - 1, MSG_NOSIGNAL) < 0)
        return host->end(run, GA_FAILED, "the wire was not found");
    wait_for_ever();
}

/* Well-formed, and nothing that a runner says. */
static int
strange_packet(struct ga_run *run, const struct ga_host *host)
{
    static const char strange[] = "{\"t\":\"shutdown\"}";
    int               fd = find_wire();

    if (fd < 0 || send(fd, strange, sizeof(strange) - 1, MSG_NOSIGNAL) < 0)
        return host->end(run, GA_FAILED, "the wire was not found");
    wait_for_ever();
}

static int
flood_events(struct ga_run *run, const struct ga_host *host)
{
    for (unsigned i = 0; !host->cancelled(run); i++) {
        char payload[32];

        (void)snprintf(payload, sizeof(payload), "{\"n\":%u}", i);
        (void)host->emit(run, "bad.flood", payload);
    }
    return host->end(run, GA_OK, "cancelled");
}

static int
flood_logs(struct ga_run *run, const struct ga_host *host)
{
    for (unsigned i = 0; i < 20000 && !host->cancelled(run); i++)
        host->log(run, GA_LOG_WARNING, "line %u of far too many", i);
    return host->end(run, GA_OK, "all logged");
}

static int
leak_fds(struct ga_run *run, const struct ga_host *host)
{
    unsigned n = 0;

    while (open("/dev/null", O_RDONLY) >= 0)
        n++;
    return host->end(run, GA_OK, "%u descriptors left open, then %s", n, strerrorname_np(errno));
}

static int
never_acted(struct ga_run *run, const struct ga_host *host)
{
    (void)host->act(run, "begin", "something", NULL);
    return host->end(run, GA_CHANGED, "begun and never confirmed");
}

static int
act_in_act(struct ga_run *run, const struct ga_host *host)
{
    (void)host->act(run, "begin", "something", NULL);
    (void)host->act(run, "begin", "another thing", NULL);
    return host->end(run, GA_CHANGED, "two at once");
}

static int
read_only_act(struct ga_run *run, const struct ga_host *host)
{
    (void)host->act(run, "begin", "something", NULL);
    return host->end(run, GA_CHANGED, "not so read-only");
}

static int
bad_details(struct ga_run *run, const struct ga_host *host)
{
    (void)host->act(run, "begin", "something", "old: 1, new: 2");
    return host->end(run, GA_CHANGED, "details of a kind");
}

struct border {
    struct ga_run        *run;
    const struct ga_host *host;
};

static void *
act_there(void *arg)
{
    const struct border *border = arg;

    (void)border->host->act(border->run, "begin", "something", NULL);
    return NULL;
}

static int
act_in_thread(struct ga_run *run, const struct ga_host *host)
{
    struct border border = {run, host};
    pthread_t     thread;

    if (pthread_create(&thread, NULL, act_there, &border) != 0)
        return host->end(run, GA_UNKNOWN, "no thread");
    (void)pthread_join(thread, NULL);
    return host->end(run, GA_CHANGED, "acted elsewhere");
}

static int
unlisted_topic(struct ga_run *run, const struct ga_host *host)
{
    int r = host->emit(run, "bad.unlisted", "{}");

    return host->end(run, r < 0 ? GA_REFUSED : GA_OK, "emit() said %d", r);
}

static int
bad_payloads(struct ga_run *run, const struct ga_host *host)
{
    static char big[20000];
    int         n = 0;

    (void)snprintf(big, sizeof(big), "{\"x\":\"%*s\"}", 17000, "y");
    n += host->emit(run, "bad.flood", "[1]") < 0;
    n += host->emit(run, "bad.flood", "{\"x\":") < 0;
    n += host->emit(run, "bad.flood", "{} {}") < 0;
    n += host->emit(run, "bad.flood", big) < 0;
    n += host->emit(run, "bad.flood", NULL) == 0;
    return host->end(run, n == 5 ? GA_REFUSED : GA_FAILED, "%d of 5 as they should be", n);
}

static int
wrong_type(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "%s", host->str(run, "number"));
}

static int
unknown_key(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "%s", host->str(run, "nmae"));
}

static int
beyond_end(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "%s", host->str_at(run, "names", host->count(run, "names")));
}

static int
bad_state_name(struct ga_run *run, const struct ga_host *host)
{
    return host->end(run, GA_OK, "%d", host->state_put(run, "../out", "x", 1));
}

static int
print(struct ga_run *run, const struct ga_host *host)
{
    (void)printf("printed to standard output\n");
    (void)fprintf(stderr, "printed to standard error\n");
    (void)printf("no newline at the end");
    return host->end(run, GA_OK, "printed");
}

static int
no_outcome(struct ga_run *run, const struct ga_host *host)
{
    (void)host->end(run, GA_OK, "all is well");
    return 17;
}

static int
bad_utf8(struct ga_run *run, const struct ga_host *host)
{
    host->log(run, GA_LOG_INFO, "half a character: \xc3, overlong: \xc0\xaf, a line\nbreak");
    host->text(run, "text \xff\n");
    return host->end(run, GA_OK, "summary \xed\xa0\x80");
}

static int
bad_result(struct ga_run *run, const struct ga_host *host)
{
    int r = host->result(run, "{\"a\":1,}");

    return host->end(run, r < 0 ? GA_REFUSED : GA_OK, "result() said %d", r);
}

#define TASK(task_name, task_function)                                                            \
    {                                                                                             \
        .name = (task_name), .summary = "a bad guest", .timeout = "2s", .flags = GA_TASK_BY_HAND, \
        .function = (task_function)                                                               \
    }

static const struct ga_task tasks[] = {
    TASK("hang", hang),
    TASK("spin", spin),
    TASK("ignore-term", ignore_term),
    TASK("fork-children", fork_children),
    TASK("fork-away", fork_away),
    TASK("fork-dead", fork_dead),
    TASK("fork-command", fork_command),
    TASK("fork-return", fork_return),
    TASK("crash", crash),
    TASK("exit", leave),
    TASK("exit-politely", leave_politely),
    TASK("allocate", allocate),
    TASK("allocate-blindly", allocate_blindly),
    TASK("garbage", garbage),
    TASK("strange-packet", strange_packet),
    TASK("flood-events", flood_events),
    TASK("flood-logs", flood_logs),
    TASK("leak-fds", leak_fds),
    TASK("never-acted", never_acted),
    TASK("act-in-act", act_in_act),
    TASK("act-in-thread", act_in_thread),
    TASK("bad-details", bad_details),
    TASK("unlisted-topic", unlisted_topic),
    TASK("bad-payloads", bad_payloads),
    TASK("wrong-type", wrong_type),
    TASK("unknown-key", unknown_key),
    TASK("beyond-end", beyond_end),
    TASK("bad-state-name", bad_state_name),
    TASK("print", print),
    TASK("no-outcome", no_outcome),
    TASK("bad-utf8", bad_utf8),
    TASK("bad-result", bad_result),
    {.name = "read-only-act",
     .summary = "says it is read-only and acts",
     .timeout = "2s",
     .flags = GA_TASK_BY_HAND | GA_TASK_READ_ONLY,
     .function = read_only_act},
};

static const struct ga_topic topics[] = {{.name = "bad.flood", .summary = "n: which one"}};

const struct ga_plugin ga_plugin_v1 = {.size = sizeof(ga_plugin_v1),
                                       .abi_major = GA_ABI_MAJOR,
                                       .abi_minor = 0,
                                       .name = "bad-tasks",
                                       .version = "0.1.0",
                                       .summary = "a task for each way of being a bad guest",
                                       .options = options,
                                       .n_options = N(options),
                                       .option_stride = sizeof(*options),
                                       .tasks = tasks,
                                       .n_tasks = N(tasks),
                                       .task_stride = sizeof(*tasks),
                                       .topics = topics,
                                       .n_topics = N(topics),
                                       .topic_stride = sizeof(*topics)};

/* nats_world.c: a real nats-server for tests. */
#include "tests/unit/nats_world.h"

#include "kit/json.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS 20000

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *
world_program(void)
{
    static const char *const places[] = {"/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"};
    const char              *named = getenv("GA_NATS_SERVER");

    if (named && *named)
        return named;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* --- the server ----------------------------------------------------------------------------------------------------
 */

static void
write_config(const struct world *world, const char *config)
{
    char  path[96];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/server.conf", world->dir);
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fprintf(file, "ports_file_dir: \"%s/ports\"\n", world->dir);
    if (!config)
        (void)fprintf(file, "jetstream { store_dir: \"%s/store\" }\n", world->dir);
    while (config && *config) {
        const char *mark = strstr(config, "@DIR@");

        (void)fprintf(file, "%.*s%s", mark ? (int)(mark - config) : (int)strlen(config), config,
                      mark ? world->dir : "");
        config = mark ? mark + 5 : NULL;
    }
    assert_int_equal(fclose(file), 0);
}

static void
spawn_server(struct world *world)
{
    char  conf[96];
    char  log[96];
    pid_t parent = getpid();

    (void)snprintf(conf, sizeof(conf), "%s/server.conf", world->dir);
    (void)snprintf(log, sizeof(log), "%s/server.log", world->dir);
    if (!world_program())
        fail_msg("no nats-server on this machine: install the package nats-server, or name one in GA_NATS_SERVER");
    world->pid = fork();
    assert_true(world->pid >= 0);
    if (world->pid == 0) {
        /* A test that crashes must not leave a server behind. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(126);
        (void)execl(world_program(), "nats-server", "-c", conf, "-a", "127.0.0.1", "-p",
                    *world->port ? world->port : "-1", "-l", log, (char *)NULL);
        _exit(127);
    }
}

/* Reads the port out of the file that the server writes when it serves. 1, or 0: not there yet. */
static int
read_port(struct world *world, const char *path)
{
    char        text[512];
    const char *at;
    ssize_t     n;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = 0;
    at = strstr(text, "127.0.0.1:");
    if (!at || !strchr(text, '}'))
        return 0;
    (void)snprintf(world->port, sizeof(world->port), "%.*s", (int)strspn(at + 10, "0123456789"), at + 10);
    return 1;
}

static void
await_port(struct world *world, int watch_fd)
{
    char          path[128];
    char          events[1024];
    int64_t       deadline = now_ms() + START_MS;
    struct pollfd poller = {.fd = watch_fd, .events = POLLIN};

    (void)snprintf(path, sizeof(path), "%s/ports/nats-server_%d.ports", world->dir, (int)world->pid);
    while (!read_port(world, path)) {
        if (waitpid(world->pid, NULL, WNOHANG) == world->pid)
            fail_msg("nats-server ended at once: see %s/server.log", world->dir);
        if (now_ms() > deadline)
            fail_msg("nats-server did not serve within %d ms: see %s/server.log", START_MS, world->dir);
        if (poll(&poller, 1, 1000) > 0 && read(watch_fd, events, sizeof(events)) < 0)
            fail_msg("cannot watch %s/ports", world->dir);
    }
    (void)snprintf(world->url, sizeof(world->url), "nats://127.0.0.1:%s", world->port);
    (void)snprintf(world->rules, sizeof(world->rules), "{\"connect\":[\"%s\"]}", world->port);
}

static void
serve(struct world *world)
{
    char ports[96];
    int  fd = inotify_init1(IN_CLOEXEC);

    (void)snprintf(ports, sizeof(ports), "%s/ports", world->dir);
    assert_true(fd >= 0 && inotify_add_watch(fd, ports, IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO) >= 0);
    spawn_server(world);
    await_port(world, fd);
    (void)close(fd);
}

struct ga_nats *
world_join(struct world *world)
{
    const char           *servers[] = {world->url};
    struct ga_nats_config config = world->login ? *world->login : (struct ga_nats_config){0};
    struct ga_nats_error  err;

    if (world->nats)
        return world->nats;
    config.servers = servers;
    config.n_servers = 1;
    config.request_timeout_ms = 20000;
    world->nats = ga_nats_connect(&config, &err);
    if (!world->nats)
        fail_msg("%s", err.text);
    return world->nats;
}

void
world_leave(struct world *world)
{
    ga_nats_close(world->nats);
    world->nats = NULL;
}

/* JetStream serves a moment after the port does. */
static void
await_jetstream(struct world *world)
{
    struct ga_nats_error err = {0};
    cJSON               *answer = NULL;
    int64_t              deadline = now_ms() + START_MS;

    while (!answer && now_ms() < deadline)
        answer = ga_nats_js(world_join(world), "INFO", NULL, 2000, &err);
    if (!answer)
        fail_msg("%s", err.text);
    cJSON_Delete(answer);
    world_leave(world);
}

void
world_await_listener(struct world *world, const char *subject)
{
    struct ga_nats_error err = {0};
    char                *answer = NULL;
    size_t               len = 0;
    int64_t              deadline = now_ms() + START_MS;

    /* With nobody there the server says so at once; with somebody who does not answer it is silent. */
    while (err.why != GA_NATS_TIMEOUT) {
        if (now_ms() > deadline)
            fail_msg("nobody subscribes to %s: %s", subject, err.text);
        if (ga_nats_request(world_join(world), subject, NULL, 50, &answer, &len, &err) == 0)
            fail_msg("somebody answers %s", subject);
    }
}

void
world_start(struct world *world, const char *config, const struct ga_nats_config *login)
{
    char ports[96];

    memset(world, 0, sizeof(*world));
    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/nats-world.XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(ports, sizeof(ports), "%s/ports", world->dir);
    assert_int_equal(mkdir(ports, 0700), 0);
    write_config(world, config);
    serve(world);
    world->login = login;
    if (!config || strstr(config, "jetstream"))
        await_jetstream(world);
}

void
world_stop(struct world *world)
{
    world_leave(world);
    if (world->pid <= 0)
        return;
    (void)kill(world->pid, SIGCONT);
    (void)kill(world->pid, SIGTERM);
    assert_int_equal(waitpid(world->pid, NULL, 0), world->pid);
    world->pid = 0;
}

void
world_start_again(struct world *world)
{
    serve(world);
    await_jetstream(world);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void
world_end(struct world *world)
{
    world_stop(world);
    (void)nftw(world->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- streams -------------------------------------------------------------------------------------------------------
 */

cJSON *
world_ask(struct world *world, const char *call, const char *body)
{
    struct ga_nats_error err;
    char                 why[128];
    cJSON               *json = body ? ga_json_parse(body, strlen(body), why, sizeof(why)) : NULL;
    cJSON               *answer;

    if (body && !json)
        fail_msg("%s: %s", body, why);
    answer = ga_nats_js(world_join(world), call, json, 20000, &err);
    if (!answer)
        fail_msg("%s", err.text);
    cJSON_Delete(json);
    return answer;
}

void
world_stream(struct world *world, const char *name, const char *more)
{
    char   body[1024];
    char   call[300];
    char   why[128];
    cJSON *config;
    cJSON *extra = NULL;
    char  *text;

    (void)snprintf(body, sizeof(body),
                   "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"retention\":\"limits\",\"storage\":\"file\","
                   "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,\"discard\":\"old\","
                   "\"num_replicas\":1,\"duplicate_window\":120000000000}",
                   name, name);
    config = ga_json_parse(body, strlen(body), why, sizeof(why));
    assert_non_null(config);
    if (more) {
        (void)snprintf(body, sizeof(body), "{%s}", more);
        extra = ga_json_parse(body, strlen(body), why, sizeof(why));
        if (!extra)
            fail_msg("%s: %s", body, why);
    }
    while (extra && extra->child) {
        cJSON *member = cJSON_DetachItemViaPointer(extra, extra->child);

        cJSON_DeleteItemFromObjectCaseSensitive(config, member->string);
        if (!cJSON_IsNull(member))
            (void)cJSON_AddItemToObject(config, member->string, member);
        else
            cJSON_Delete(member);
    }
    (void)snprintf(call, sizeof(call), "STREAM.CREATE.%s", name);
    text = ga_json_print(config);
    cJSON_Delete(world_ask(world, call, text));
    free(text);
    cJSON_Delete(extra);
    cJSON_Delete(config);
}

int64_t
world_number(struct world *world, const char *stream, const char *path)
{
    char         call[300];
    int64_t      n = -1;
    cJSON       *info;
    const cJSON *value;

    (void)snprintf(call, sizeof(call), "STREAM.INFO.%s", stream);
    info = world_ask(world, call, NULL);
    value = ga_json_path(info, path);
    if (!value || ga_json_value_i64(value, &n) < 0)
        fail_msg("%s of %s is no number", path, stream);
    cJSON_Delete(info);
    return n;
}

cJSON *
world_config(struct world *world, const char *stream)
{
    char   call[300];
    cJSON *info;
    cJSON *config;

    (void)snprintf(call, sizeof(call), "STREAM.INFO.%s", stream);
    info = world_ask(world, call, NULL);
    config = cJSON_DetachItemFromObjectCaseSensitive(info, "config");
    assert_non_null(config);
    cJSON_Delete(info);
    return config;
}

void
world_publish(struct world *world, const char *subject, unsigned n)
{
    static const char    body[64] = "{\"TxInfo\":{\"Id\":\"00000000\",\"RawTx\":\"AAAA\"},\"Sent\":false}";
    struct ga_nats_error err;
    char                *answer = NULL;
    size_t               len = 0;

    for (unsigned i = 0; i + 1 < n; i++)
        if (ga_nats_publish(world_join(world), subject, body, sizeof(body), &err) < 0)
            fail_msg("%s", err.text);
    /* The server confirms the last one after it has stored all before it. */
    if (n > 0 && ga_nats_request(world_join(world), subject, body, 60000, &answer, &len, &err) < 0)
        fail_msg("%s", err.text);
    free(answer);
}

void
world_consumer(struct world *world, const char *stream, const char *name)
{
    char call[300];
    char body[512];

    (void)snprintf(call, sizeof(call), "CONSUMER.DURABLE.CREATE.%s.%s", stream, name);
    (void)snprintf(body, sizeof(body),
                   "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\",\"ack_policy\":\"explicit\","
                   "\"deliver_policy\":\"all\",\"ack_wait\":600000000000,\"replay_policy\":\"instant\"}}",
                   stream, name);
    cJSON_Delete(world_ask(world, call, body));
}

void
world_fetch(struct world *world, const char *stream, const char *consumer, unsigned n)
{
    struct ga_nats_error err;
    char                 subject[300];

    (void)snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer);
    for (unsigned i = 0; i < n; i++) {
        char  *message = NULL;
        size_t len = 0;

        if (ga_nats_request(world_join(world), subject, NULL, 10000, &message, &len, &err) < 0)
            fail_msg("%s", err.text);
        free(message);
    }
}

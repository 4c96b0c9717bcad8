/*
 * control.c: the control socket: one JSON request on a line, one or more JSON lines back.
 *
 * Whoever may open the socket may have tasks run with any arguments: its group has the powers of the agent's user.
 */
#include "agent/supervisor.h"
#include "kit/json.h"

#include "agent/clock.h"
#include "agent/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define REQUEST_MAX (1u << 20)
#define UNREAD_MAX (4u << 20) /* of a client that watches and does not read: it is cut off */

enum listening { LISTENS_TO_NOTHING, LISTENS_TO_EVENTS, LISTENS_TO_RUN, LISTENS_TO_RELOAD };

struct control {
    struct supervisor     *supervisor;
    struct control_client *clients;
    unsigned               n_clients;
    int                    fd;
    sd_event_source       *source;
    char                  *path;
};

struct control_client {
    struct control_client *next;
    struct control        *control;
    int                    fd;
    sd_event_source       *source;
    enum listening         listening;
    int                    leaving; /* asks no more: goes once it was answered and all was written */
    int                    broken;  /* goes at the next turn of the loop */
    char                  *in;
    size_t                 in_len;
    char                  *out;
    size_t                 out_len;
    size_t                 out_room;
};

/* Runs that report to this client report to nobody from now on; they go on. */
static void
forget_in(struct start *start, const struct control_client *client)
{
    for (; start; start = start->next)
        if (start->client == client)
            start->client = NULL;
}

static void
client_free(struct control_client *client)
{
    struct control         *control = client->control;
    struct control_client **at = &control->clients;
    struct plugin          *lists[] = {control->supervisor->plugins, control->supervisor->retired};

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    control->n_clients--;
    for (size_t i = 0; i < 2; i++)
        for (struct plugin *plugin = lists[i]; plugin; plugin = plugin->next) {
            forget_in(plugin->queue, client);
            forget_in(plugin->running, client);
        }
    client->source = sd_event_source_disable_unref(client->source);
    (void)close(client->fd);
    free(client->in);
    free(client->out);
    free(client);
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

static void
watch(struct control_client *client)
{
    uint32_t events = client->leaving ? 0 : EPOLLIN;

    if (client->out_len > 0 || client->broken || (client->leaving && client->listening == LISTENS_TO_NOTHING))
        events |= EPOLLOUT;
    (void)sd_event_source_set_io_events(client->source, events);
}

static void
write_out(struct control_client *client)
{
    size_t sent = 0;

    while (sent < client->out_len) {
        ssize_t n = send(client->fd, client->out + sent, client->out_len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                client->broken = 1;
            break;
        }
        sent += (size_t)n;
    }
    if (sent > 0)
        memmove(client->out, client->out + sent, client->out_len - sent);
    client->out_len -= sent;
    if (client->out_len == 0) {
        free(client->out);
        client->out = NULL;
        client->out_room = 0;
    }
    watch(client);
}

static void
queue_text(struct control_client *client, const char *text)
{
    size_t len = strlen(text);
    size_t room = client->out_len + len + 1;

    if (client->broken)
        return;
    if (client->listening != LISTENS_TO_NOTHING && client->out_len > UNREAD_MAX) {
        client->broken = 1; /* does not read: better cut off than let it eat our memory */
        watch(client);
        return;
    }
    if (room > client->out_room) {
        size_t want = room < 512 ? 512 : room + room / 2;
        char  *out = realloc(client->out, want);

        if (!out) {
            client->broken = 1;
            watch(client);
            return;
        }
        client->out = out;
        client->out_room = want;
    }
    memcpy(client->out + client->out_len, text, len);
    client->out[client->out_len + len] = '\n';
    client->out_len += len + 1;
}

/* Taken. */
static void
queue_line(struct control_client *client, cJSON *line)
{
    char *text = line ? ga_json_print(line) : NULL;

    cJSON_Delete(line);
    if (text)
        queue_text(client, text);
    else
        client->broken = 1;
    free(text);
    write_out(client);
}

static void
answer(struct control_client *client, const char *error)
{
    cJSON *line = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(line, "ok", error == NULL);
    if (error)
        (void)cJSON_AddStringToObject(line, "error", error);
    queue_line(client, line);
}

void
control_run_line(struct control_client *client, cJSON *line)
{
    queue_line(client, line);
}

void
control_run_end(struct control_client *client, cJSON *line)
{
    client->listening = LISTENS_TO_NOTHING;
    queue_line(client, line);
}

void
control_event(struct control *control, const struct event *event)
{
    char   number[24];
    cJSON *line = NULL;
    char  *text = NULL;

    for (struct control_client *client = control->clients; client; client = client->next) {
        if (client->listening != LISTENS_TO_EVENTS)
            continue;
        if (!text) {
            line = cJSON_CreateObject();
            (void)cJSON_AddStringToObject(line, "t", "event");
            (void)cJSON_AddStringToObject(line, "topic", event->topic);
            (void)cJSON_AddStringToObject(line, "origin", event->origin);
            (void)cJSON_AddRawToObject(line, "payload", event->payload);
            (void)snprintf(number, sizeof(number), "%" PRId64, event->time_ns);
            (void)cJSON_AddStringToObject(line, "time_ns", number);
            (void)snprintf(number, sizeof(number), "%" PRIu64, event->sequence);
            (void)cJSON_AddStringToObject(line, "sequence", number);
            text = ga_json_print(line);
            cJSON_Delete(line);
            if (!text)
                return;
        }
        queue_text(client, text);
        write_out(client);
    }
    free(text);
}

/* "a\nb\n" to ["a","b"] */
static cJSON *
lines_of(const char *text)
{
    cJSON *lines = cJSON_CreateArray();

    while (*text) {
        size_t len = strcspn(text, "\n");
        char  *line = strndup(text, len);

        if (line && *line)
            (void)cJSON_AddItemToArray(lines, cJSON_CreateString(line));
        free(line);
        text += len + (text[len] == '\n');
    }
    return lines;
}

void
control_reload_end(struct control *control, int ok, const char *error, const cJSON *details)
{
    if (!control)
        return;
    for (struct control_client *client = control->clients; client; client = client->next) {
        cJSON *line;

        if (client->listening != LISTENS_TO_RELOAD)
            continue;
        client->listening = LISTENS_TO_NOTHING;
        line = cJSON_CreateObject();
        (void)cJSON_AddBoolToObject(line, "ok", ok);
        if (!ok) {
            (void)cJSON_AddStringToObject(line, "error", "the manifest has errors, the old one stays in force");
            (void)cJSON_AddItemToObject(line, "diagnostics", lines_of(error));
        } else {
            (void)cJSON_AddItemToObject(line, "changed", cJSON_Duplicate(details, 1));
        }
        queue_line(client, line);
    }
}

/* --- requests ------------------------------------------------------------------------------------------------------
 */

static const char *
request_str(const cJSON *request, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, key));

    return text ? text : "";
}

static struct plugin *
named_plugin(struct control_client *client, const cJSON *request)
{
    struct plugin *plugin = house_find(client->control->supervisor, request_str(request, "plugin"));
    char           error[256];

    if (plugin)
        return plugin;
    (void)snprintf(error, sizeof(error), "the manifest in force has no plugin '%.128s'",
                   request_str(request, "plugin"));
    answer(client, error);
    return NULL;
}

/* The member as an object of its own, or NULL. */
static cJSON *
detach_object(cJSON *request, const char *key)
{
    cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(request, key);

    if (cJSON_IsObject(item))
        return item;
    cJSON_Delete(item);
    return NULL;
}

static void
request_run(struct control_client *client, cJSON *request)
{
    struct plugin *plugin = named_plugin(client, request);
    struct task   *task;
    cJSON         *args;
    cJSON         *rules;
    char           error[384];

    if (!plugin)
        return;
    task = house_find_task(plugin, request_str(request, "task"));
    if (!task || task->resident) {
        (void)snprintf(error, sizeof(error),
                       task ? "%s %.128s is resident: it runs all the time" : "%s has no task '%.128s'", plugin->name,
                       request_str(request, "task"));
        answer(client, error);
        return;
    }
    args = detach_object(request, "args");
    rules = detach_object(request, "rules");
    if (schedule_hand(task, args, rules, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "dry_run")), client)) {
        client->listening = LISTENS_TO_RUN;
        schedule_turn(plugin);
        return;
    }
    cJSON_Delete(args);
    cJSON_Delete(rules);
    (void)snprintf(error, sizeof(error), "too many runs by hand wait for %s already", plugin->name);
    answer(client, error);
}

static void
request_pause(struct control_client *client, const cJSON *request, int resume)
{
    struct plugin *plugin = named_plugin(client, request);
    cJSON         *payload;

    if (!plugin)
        return;
    if (resume)
        schedule_resume(plugin);
    else
        schedule_pause(plugin, strtoll(request_str(request, "for_ns"), NULL, 10));
    payload = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(payload, "plugin", plugin->name);
    publish_json(client->control->supervisor, resume ? "agent.resumed" : "agent.paused", "agent", payload);
    answer(client, NULL);
}

static void
handle(struct control_client *client, cJSON *request)
{
    const char *command = request_str(request, "cmd");
    char        error[128];

    if (client->listening != LISTENS_TO_NOTHING) {
        answer(client, "the request before has not been answered yet");
    } else if (strcmp(command, "status") == 0) {
        queue_line(client, status_report(client->control->supervisor));
    } else if (strcmp(command, "run") == 0) {
        request_run(client, request);
    } else if (strcmp(command, "events") == 0) {
        answer(client, NULL);
        client->listening = LISTENS_TO_EVENTS;
    } else if (strcmp(command, "pause") == 0 || strcmp(command, "resume") == 0) {
        request_pause(client, request, strcmp(command, "resume") == 0);
    } else if (strcmp(command, "reload") == 0) {
        client->listening = LISTENS_TO_RELOAD;
        supervisor_reload(client->control->supervisor);
    } else {
        (void)snprintf(error, sizeof(error), "unknown command '%.64s'", command);
        answer(client, error);
    }
}

static void
handle_line(struct control_client *client, const char *line, size_t len)
{
    const char *end = NULL;
    cJSON      *request = cJSON_ParseWithLengthOpts(line, len, &end, 0);

    if (cJSON_IsObject(request) && end == line + len) {
        handle(client, request);
    } else {
        answer(client, "the request is no JSON object on one line");
        client->leaving = 1;
    }
    cJSON_Delete(request);
}

static void
handle_lines(struct control_client *client)
{
    size_t done = 0;
    char  *newline;

    while (!client->leaving && (newline = memchr(client->in + done, '\n', client->in_len - done)) != NULL) {
        size_t len = (size_t)(newline - (client->in + done));

        handle_line(client, client->in + done, len);
        done += len + 1;
    }
    memmove(client->in, client->in + done, client->in_len - done);
    client->in_len -= done;
    if (client->in_len == 0) {
        free(client->in);
        client->in = NULL;
    } else if (client->in_len > REQUEST_MAX) {
        answer(client, "the request is longer than 1 MiB");
        client->leaving = 1;
    }
}

static void
read_in(struct control_client *client)
{
    char    buf[4096];
    ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);
    char   *in;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        client->broken = 1;
        return;
    }
    if (n == 0) {
        client->leaving = 1; /* perhaps only its half: an answer may still be wanted; a hang-up tells */
        return;
    }
    in = realloc(client->in, client->in_len + (size_t)n);
    if (!in) {
        client->broken = 1;
        return;
    }
    client->in = in;
    memcpy(in + client->in_len, buf, (size_t)n);
    client->in_len += (size_t)n;
    handle_lines(client);
}

static int
on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct control_client *client = userdata;

    (void)source;
    (void)fd;
    if (revents & EPOLLIN && !client->leaving)
        read_in(client);
    if (!client->broken)
        write_out(client);
    if (client->broken || revents & (EPOLLERR | EPOLLHUP) ||
        (client->leaving && client->listening == LISTENS_TO_NOTHING && client->out_len == 0))
        client_free(client);
    return 0;
}

static int
on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct control        *control = userdata;
    struct control_client *client;
    int                    client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)source;
    (void)revents;
    if (client_fd < 0)
        return 0;
    client = control->n_clients < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
    if (!client) {
        log_warning("control socket: more than %d clients at once, turning one away", CLIENTS_MAX);
        (void)close(client_fd);
        return 0;
    }
    client->control = control;
    client->fd = client_fd;
    if (sd_event_add_io(control->supervisor->loop, &client->source, client_fd, EPOLLIN, on_client, client) < 0) {
        (void)close(client_fd);
        free(client);
        return 0;
    }
    client->next = control->clients;
    control->clients = client;
    control->n_clients++;
    return 0;
}

/* --- the socket ----------------------------------------------------------------------------------------------------
 */

/* A socket file that nobody listens at is what a killed daemon leaves behind; one that answers is another daemon. The
 * journal's lock, taken before, makes sure that no other daemon of this state folder comes in between. */
static int
clear_place(const struct sockaddr_un *address)
{
    struct stat st;
    int         fd;
    int         r;

    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN ? -EADDRINUSE : 0;
    (void)close(fd);
    if (r == 0 && unlink(address->sun_path) < 0)
        r = -errno;
    return r;
}

static int
listen_at(struct control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t             mask;
    int                r;

    if (strlen(control->path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", control->path);
    r = clear_place(&address);
    if (r < 0)
        return r;
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0)
        return -errno;
    mask = umask(0117); /* 0660 from the first moment on */
    r = bind(control->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    (void)umask(mask);
    if (r == 0 && listen(control->fd, 16) < 0)
        r = -errno;
    return r;
}

/* /run/gonka-agent is made by the service manager; elsewhere the last folder of the name is made here. */
static void
make_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char       *folder = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;

    if (folder)
        (void)mkdir(folder, 0755); /* bind() tells when it is missing */
    free(folder);
}

int
control_open(struct supervisor *supervisor, const char *path, struct control **ret, char *reterr, size_t len)
{
    struct control *control = calloc(1, sizeof(*control));
    int             r;

    if (!control)
        return -ENOMEM;
    control->supervisor = supervisor;
    control->fd = -1;
    control->path = strdup(path);
    make_folder(path);
    r = control->path ? listen_at(control) : -ENOMEM;
    if (r == 0)
        r = sd_event_add_io(supervisor->loop, &control->source, control->fd, EPOLLIN, on_connection, control);
    if (r >= 0) {
        *ret = control;
        return 0;
    }
    errno = -r;
    if (r == -EADDRINUSE)
        (void)snprintf(reterr, len,
                       "another daemon answers at the control socket %s: end it, or name another agent.socket", path);
    else
        (void)snprintf(reterr, len, "cannot listen at the control socket %s: %m; see agent.socket in the manifest",
                       path);
    if (control->fd >= 0)
        (void)close(control->fd);
    free(control->path);
    free(control);
    return r;
}

void
control_close(struct control *control)
{
    if (!control)
        return;
    while (control->clients)
        client_free(control->clients);
    control->source = sd_event_source_disable_unref(control->source);
    (void)close(control->fd);
    (void)unlink(control->path);
    free(control->path);
    free(control);
}

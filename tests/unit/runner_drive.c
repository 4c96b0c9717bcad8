/* runner_drive.c: a supervisor for tests. */
#include "tests/unit/runner_drive.h"

#include "agent/runner.h"
#include "agent/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 20000
#define OUTPUT_MAX (1u << 20)

const char *
drive_plugin(const char *name)
{
    static char path[4096];
    const char *folder = getenv("GA_TEST_PLUGINS");
    char       *full = realpath(folder ? folder : "tests/plugins", NULL);

    if (!full)
        fail_msg("GA_TEST_PLUGINS does not name the folder of the test plugins: %s", folder ? folder : "tests/plugins");
    (void)snprintf(path, sizeof(path), "%s/%s.so", full, name);
    free(full);
    return path;
}

void
drive_folder(char ret[64])
{
    (void)snprintf(ret, 64, "/tmp/gonka-agent-test-XXXXXX");
    if (!mkdtemp(ret))
        fail_msg("cannot make a folder: %s", strerrorname_np(errno));
}

static int
make_job(const struct drive *drive)
{
    char *text = NULL;
    int   fd;

    if (asprintf(&text,
                 "{\"mode\":\"%s\",\"plugin\":\"%s\",\"file\":\"%s\",\"task\":\"%s\",\"state_dir\":\"%s\","
                 "\"sandbox\":\"%s\",\"options\":%s,\"args\":%s,\"rules\":%s%s%s}",
                 drive->task ? "run" : "describe", drive->plugin, drive_plugin(drive->plugin),
                 drive->task ? drive->task : "", drive->state_dir, drive->sandbox ? drive->sandbox : "best-effort",
                 drive->options ? drive->options : "{}", drive->args ? drive->args : "{}",
                 drive->rules ? drive->rules : "{}", drive->job ? "," : "", drive->job ? drive->job : "") < 0)
        fail_msg("no memory");
    fd = memfd_from("job", text, strlen(text));
    free(text);
    assert_true(fd >= 0);
    return fd;
}

/* The child becomes what the supervisor's spawn would make of it. */
static _Noreturn void
be_runner(const struct drive *drive, const int fds[4], int output)
{
    int copies[4];

    (void)setpgid(0, 0);
    for (int i = 0; i < 4; i++)
        copies[i] = fcntl(fds[i], F_DUPFD, 20);
    (void)dup2(output, 1);
    (void)dup2(output, 2);
    for (int i = 0; i < 4; i++)
        (void)dup2(copies[i], 3 + i);
    (void)close_range(7, ~0U, 0);
    if (drive->env)
        (void)putenv(strdup(drive->env));
    _exit(runner_main());
}

static void
answer(struct drive *drive, int wire, const cJSON *packet)
{
    cJSON *reply = cJSON_CreateObject();
    int    memory = drive->sync_fd < 0 ? memfd_from("journal", NULL, 0) : drive->sync_fd;

    (void)cJSON_AddStringToObject(reply, "t", "act");
    (void)cJSON_AddItemToObject(reply, "id", cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(packet, "id"), 1));
    (void)cJSON_AddNumberToObject(reply, "answer", drive->answer);
    (void)cJSON_AddStringToObject(reply, "why", drive->answer < 0 ? "no more than 0 acts" : "");
    assert_int_equal(wire_send(wire, reply, drive->answer == 1 ? memory : -1), 0);
    cJSON_Delete(reply);
    if (memory != drive->sync_fd)
        (void)close(memory);
}

/* 1 when the packet's text holds `text`, which may be NULL. */
static int
holds(const cJSON *packet, const char *text)
{
    char *printed = text ? cJSON_PrintUnformatted(packet) : NULL;
    int   found = !text || (printed && strstr(printed, text));

    free(printed);
    return found;
}

/* Does what the test wants done at this packet. 1 the wire was hung up. */
static int
react(struct drive *drive, int wire, pid_t pid, const cJSON *packet)
{
    const char *type = drive_str(packet, "t");

    if (drive->cancel_at && strcmp(type, drive->cancel_at) == 0 && holds(packet, drive->cancel_text))
        (void)kill(pid, SIGTERM);
    if (drive->hang_up_at && strcmp(type, drive->hang_up_at) == 0)
        return 1;
    if (strcmp(type, "act") == 0)
        answer(drive, wire, packet);
    if (strcmp(type, "next") == 0 && drive->n_events > 0) {
        drive->n_events--;
        assert_int_equal(send(wire, drive->event, strlen(drive->event), MSG_NOSIGNAL), (ssize_t)strlen(drive->event));
    }
    return 0;
}

/* Ends the runner when it says nothing for too long. 1 something is there. */
static int
await(int fd, pid_t pid)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    int           n;

    do
        n = poll(&look, 1, LIMIT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        (void)kill(-pid, SIGKILL);
    return n == 1;
}

static void
listen_to(struct drive *drive, int wire, pid_t pid)
{
    int r = 0;

    while (r == 0) {
        cJSON *packet = NULL;

        if (!await(wire, pid))
            fail_msg("the runner of %s %s says nothing", drive->plugin, drive->task ? drive->task : "");
        r = wire_recv(wire, &packet, NULL);
        if (r == 0 && !cJSON_AddItemToArray(drive->packets, packet))
            fail_msg("no memory");
        if (r == 0)
            r = react(drive, wire, pid, packet);
    }
    (void)close(wire);
    if (drive->cancel_after)
        (void)kill(pid, SIGTERM);
    if (r < 0 && r != -ECONNRESET)
        fail_msg("the runner sent what is no packet (%d)", r);
}

static void
await_exit(struct drive *drive, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int ended;

    assert_true(pidfd >= 0);
    ended = await(pidfd, pid);
    (void)close(pidfd);
    assert_int_equal(waitpid(pid, &drive->status, 0), pid);
    if (!ended)
        fail_msg("the runner of %s %s does not end", drive->plugin, drive->task ? drive->task : "");
}

static char *
take_text(int fd)
{
    char  *text = NULL;
    size_t len = 0;

    assert_int_equal(fd_read_all(fd, OUTPUT_MAX, &text, &len), 0);
    (void)close(fd);
    return text;
}

void
drive(struct drive *drive)
{
    int   wire[2];
    int   output[2];
    int   fds[4];
    pid_t pid;

    if (!drive->state_dir[0])
        drive_folder(drive->state_dir);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wire), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    fds[0] = wire[1];
    fds[1] = make_job(drive);
    fds[2] = memfd_from("result", NULL, 0);
    fds[3] = memfd_from("text", NULL, 0);
    drive->packets = cJSON_CreateArray();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_runner(drive, fds, output[1]);
    (void)setpgid(pid, pid);
    (void)close(wire[1]);
    (void)close(output[1]);
    (void)close(fds[1]);
    listen_to(drive, wire[0], pid);
    await_exit(drive, pid);
    (void)kill(-pid, SIGKILL); /* children that it left */
    drive->output = take_text(output[0]);
    drive->result = take_text(fds[2]);
    drive->text = take_text(fds[3]);
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
drive_done(struct drive *drive)
{
    cJSON_Delete(drive->packets);
    free(drive->result);
    free(drive->text);
    free(drive->output);
    (void)nftw(drive->state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const cJSON *
drive_packet(const struct drive *drive, const char *type, unsigned n)
{
    const cJSON *packet;

    cJSON_ArrayForEach(packet, drive->packets)
    {
        if (strcmp(drive_str(packet, "t"), type) == 0 && n-- == 0)
            return packet;
    }
    return NULL;
}

unsigned
drive_count(const struct drive *drive, const char *type)
{
    unsigned n = 0;

    while (drive_packet(drive, type, n))
        n++;
    return n;
}

const char *
drive_str(const cJSON *packet, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(packet, key));

    return text ? text : "";
}

int
drive_outcome(const struct drive *drive)
{
    const cJSON *outcome = cJSON_GetObjectItemCaseSensitive(drive_packet(drive, "end", 0), "outcome");

    return outcome ? outcome->valueint : -1;
}

const char *
drive_summary(const struct drive *drive)
{
    return drive_str(drive_packet(drive, "end", 0), "summary");
}

const char *
drive_kind(const struct drive *drive)
{
    return drive_str(drive_packet(drive, "end", 0), "kind");
}

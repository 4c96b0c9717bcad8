/*
 * reload.c: has the manifest compiled in a child process.
 *
 * The child (`gonka-agent --compile`) writes the compiled manifest to descriptor 3, or diagnostics to descriptor 4, and
 * exits with 0 or 78. So the supervisor holds no YAML parser, opens no plugin, and a plugin that hangs in its
 * constructor delays nothing but the reload.
 */
#include "agent/supervisor.h"

#include "agent/clock.h"
#include "agent/spawn.h"
#include "agent/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPILE_TIMEOUT_NS (30 * NS_PER_S)
#define COMPILED_MAX (16 << 20)

struct reload {
    pid_t            pid;
    int              pidfd;
    int              compiled_fd;
    int              diagnostics_fd;
    int              over_deadline;
    sd_event_source *pidfd_source;
    sd_event_source *deadline;
    void (*done)(cJSON *compiled, const char *diagnostics, void *userdata);
    void *userdata;
};

static void
reload_free(struct reload *reload)
{
    sd_event_source_disable_unref(reload->pidfd_source);
    sd_event_source_disable_unref(reload->deadline);
    if (reload->pidfd >= 0)
        (void)close(reload->pidfd);
    if (reload->compiled_fd >= 0)
        (void)close(reload->compiled_fd);
    if (reload->diagnostics_fd >= 0)
        (void)close(reload->diagnostics_fd);
    free(reload);
}

static int
on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct reload *reload = userdata;

    (void)source;
    (void)usec;
    reload->over_deadline = 1;
    (void)kill(-reload->pid, SIGKILL);
    return 0;
}

static int
on_death(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct reload *reload = userdata;
    siginfo_t      info = {.si_pid = 0};
    char          *compiled_text = NULL;
    char          *diagnostics = NULL;
    size_t         len = 0;
    cJSON         *compiled = NULL;
    char           why[128] = "";

    (void)source;
    (void)fd;
    (void)revents;
    (void)kill(-reload->pid, SIGKILL);
    while (waitid(P_PIDFD, (id_t)reload->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    if (info.si_code == CLD_EXITED && info.si_status == 0 &&
        fd_read_all(reload->compiled_fd, COMPILED_MAX, &compiled_text, &len) == 0)
        compiled = cJSON_ParseWithLength(compiled_text, len);
    else if (reload->over_deadline)
        (void)snprintf(why, sizeof(why), "checking the manifest took more than 30 s and was given up");
    else if (info.si_code != CLD_EXITED || info.si_status != 78)
        (void)snprintf(why, sizeof(why), "the process that checks the manifest ended with %s %d",
                       info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
    (void)fd_read_all(reload->diagnostics_fd, COMPILED_MAX, &diagnostics, &len);
    reload->done(compiled, *why ? why : diagnostics ? diagnostics : "", reload->userdata);
    free(compiled_text);
    free(diagnostics);
    reload_free(reload);
    return 0;
}

int
reload_begin(sd_event *loop, const char *manifest, const char *plugin_dir,
             void (*done)(cJSON *compiled, const char *diagnostics, void *userdata), void *userdata,
             struct reload **ret)
{
    const char    *argv[] = {"gonka-agent", "--compile", "-c", manifest, plugin_dir ? "--plugin-dir" : NULL,
                             plugin_dir,    NULL};
    struct reload *reload = calloc(1, sizeof(*reload));
    int            r;

    if (!reload)
        return -ENOMEM;
    *reload = (struct reload){.pidfd = -1, .done = done, .userdata = userdata};
    reload->compiled_fd = memfd_from("compiled", NULL, 0);
    reload->diagnostics_fd = memfd_from("diagnostics", NULL, 0);
    if (reload->compiled_fd < 0 || reload->diagnostics_fd < 0) {
        r = -EMFILE;
        goto fail;
    }
    r = spawn_self(
        &(struct spawn){
            .argv = argv, .output_fd = -1, .fds = {reload->compiled_fd, reload->diagnostics_fd}, .n_fds = 2},
        &reload->pid, &reload->pidfd);
    if (r < 0)
        goto fail;
    r = sd_event_add_io(loop, &reload->pidfd_source, reload->pidfd, EPOLLIN, on_death, reload);
    if (r >= 0)
        r = sd_event_add_time(loop, &reload->deadline, CLOCK_BOOTTIME,
                              (uint64_t)((clock_boot_ns() + COMPILE_TIMEOUT_NS) / NS_PER_US), 0, on_deadline, reload);
    if (r < 0) {
        reload_abort(reload);
        return r;
    }
    *ret = reload;
    return 0;
fail:
    reload_free(reload);
    return r;
}

void
reload_abort(struct reload *reload)
{
    if (!reload)
        return;
    (void)kill(-reload->pid, SIGKILL);
    (void)waitpid(reload->pid, NULL, 0);
    reload_free(reload);
}

/* apply_command.c: the operator's programs. */
#include "plugins/seed-manager/apply_command.h"

#include "kit/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
    const char *option;
    const char *args;
    const char *verb;
};

static const struct words words[] = {
    [APPLY_RESTART] = {"restart_command", "restart_args", "restart-node"},
    [APPLY_STOP] = {"stop_command", "stop_args", "stop-node"},
    [APPLY_START] = {"start_command", "start_args", "start-node"},
};

int
apply_command_given(struct ga_run *run, const struct ga_host *host, enum apply_command command)
{
    return host->has(run, words[command].option);
}

/* Runs it to its end. GA_CHANGED or GA_FAILED. Its output is not shown: it may hold what config.env holds. */
static int
execute(struct ga_run *run, const struct ga_host *host, enum apply_command command, const char *deploy_dir, char *why)
{
    size_t                n = host->count(run, words[command].args);
    const char          **argv = calloc(n + 2, sizeof(*argv));
    struct ga_exec_result result;
    struct ga_exec        exec = {.argv = argv,
                                  .cwd = deploy_dir,
                                  .timeout_ns = host->num(run, "command_timeout"),
                                  .max_output = 4096,
                                  .cancel_fd = host->cancel_fd(run)};
    int                   r;

    if (!argv) {
        (void)snprintf(why, EDIT_WHY_MAX, "no memory for %s", words[command].option);
        return GA_FAILED;
    }
    argv[0] = host->str(run, words[command].option);
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = host->str_at(run, words[command].args, i);
    r = ga_exec_run(&exec, &result);
    if (r == 0)
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s ended well", argv[0]);
    else if (result.end == GA_EXEC_EXITED)
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s exited with status %d: run it by hand to see why", argv[0],
                       result.code);
    else if (result.end == GA_EXEC_TIMEOUT)
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s did not end within command_timeout", argv[0]);
    else if (result.end == GA_EXEC_NOT_STARTED)
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s cannot be started: %s", argv[0], strerrordesc_np(-result.code));
    else
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s was ended before it was done", argv[0]);
    ga_exec_done(&result);
    free(argv);
    return r == 0 ? GA_CHANGED : GA_FAILED;
}

int
apply_command_run(struct ga_run *run, const struct ga_host *host, enum apply_command command, const char *deploy_dir,
                  char *why)
{
    int r;

    switch (host->act(run, words[command].verb, host->str(run, words[command].option), NULL)) {
    case GA_ACT_DRY:
        (void)snprintf(why, EDIT_WHY_MAX, "%.200s would be run", host->str(run, words[command].option));
        return GA_CHANGED;
    case GA_ACT_DO:
        r = execute(run, host, command, deploy_dir, why);
        host->acted(run, r == GA_CHANGED, why);
        return r;
    default:
        (void)snprintf(why, EDIT_WHY_MAX, "%.400s", host->act_why(run));
        return GA_REFUSED;
    }
}

char *
apply_command_by_hand(enum apply_command command, const struct place *place, char *ret, size_t len)
{
    switch (command) {
    case APPLY_RESTART:
        if (place->initialized)
            (void)snprintf(ret, len, "cd %.300s && docker compose restart node", place->deploy_dir);
        else
            (void)snprintf(ret, len, "cd %.300s && . ./config.env && docker compose up -d --force-recreate node",
                           place->deploy_dir);
        break;
    case APPLY_STOP:
        (void)snprintf(ret, len, "cd %.300s && . ./config.env && docker compose down node", place->deploy_dir);
        break;
    case APPLY_START:
        (void)snprintf(ret, len, "cd %.300s && . ./config.env && docker compose up -d", place->deploy_dir);
        break;
    }
    return ret;
}

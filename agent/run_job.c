/* run_job.c: the job that a runner is given. */
#include "agent/run_job.h"
#include "kit/json.h"

#include "agent/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *
text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

uint64_t
job_memory_limit(const cJSON *plugin)
{
    const char *text = text_of(cJSON_GetObjectItemCaseSensitive(plugin, "limits"), "memory");

    return text ? strtoull(text, NULL, 10) : 0;
}

int
job_add_event(cJSON *object, const struct event *event)
{
    char number[24];

    (void)snprintf(number, sizeof(number), "%" PRId64, event->time_ns);
    if (!cJSON_AddStringToObject(object, "topic", event->topic) ||
        !cJSON_AddStringToObject(object, "origin", event->origin) ||
        !cJSON_AddRawToObject(object, "payload", event->payload) || !cJSON_AddStringToObject(object, "time_ns", number))
        return -ENOMEM;
    (void)snprintf(number, sizeof(number), "%" PRIu64, event->sequence);
    return cJSON_AddStringToObject(object, "sequence", number) ? 0 : -ENOMEM;
}

/* Secrets that refer to the environment are objects {"env": NAME} somewhere in the options. */
static void
collect_env(const cJSON *value, const char *ret_env[], size_t *n)
{
    const char  *name = text_of(value, "env");
    const cJSON *child;

    if (cJSON_IsObject(value) && name && cJSON_GetArraySize(value) == 1 && *n < JOB_ENV_MAX)
        ret_env[(*n)++] = name;
    if (cJSON_IsObject(value) || cJSON_IsArray(value))
        cJSON_ArrayForEach(child, value) collect_env(child, ret_env, n);
}

/* Borrowed parts are hung in by reference: the job never outlives the request. */
static void
hang_in(cJSON *job, const char *key, const cJSON *part)
{
    if (part)
        (void)cJSON_AddItemReferenceToObject(job, key, (cJSON *)(uintptr_t)part);
    else
        (void)cJSON_AddObjectToObject(job, key);
}

static cJSON *
job_build(const struct run_request *request, const cJSON *args, const cJSON *rules)
{
    cJSON *job = cJSON_CreateObject();
    char   state_dir[4096];

    if (!job)
        return NULL;
    (void)snprintf(state_dir, sizeof(state_dir), "%s/plugins/%s", request->state_dir, text_of(request->plugin, "name"));
    (void)cJSON_AddStringToObject(job, "mode", "run");
    (void)cJSON_AddStringToObject(job, "plugin", text_of(request->plugin, "name"));
    (void)cJSON_AddStringToObject(job, "file", text_of(request->plugin, "file"));
    (void)cJSON_AddStringToObject(job, "task", text_of(request->task, "name"));
    (void)cJSON_AddBoolToObject(job, "dry_run", request->dry_run);
    (void)cJSON_AddBoolToObject(job, "resident", request->resident);
    (void)cJSON_AddStringToObject(job, "sandbox", request->sandbox);
    (void)cJSON_AddStringToObject(job, "state_dir", state_dir);
    hang_in(job, "options", cJSON_GetObjectItemCaseSensitive(request->plugin, "options"));
    hang_in(job, "args", args);
    hang_in(job, "rules", rules);
    hang_in(job, "limits", cJSON_GetObjectItemCaseSensitive(request->plugin, "limits"));
    if (request->event)
        (void)job_add_event(cJSON_AddObjectToObject(job, "event"), request->event);
    else
        (void)cJSON_AddNullToObject(job, "event");
    return job;
}

static int
make_state_dir(const struct run_request *request)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/plugins", request->state_dir);
    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        return -errno;
    (void)snprintf(path, sizeof(path), "%s/plugins/%s", request->state_dir, text_of(request->plugin, "name"));
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int
job_make(const struct run_request *request, int *ret_fd, const char *ret_env[JOB_ENV_MAX + 1])
{
    const cJSON *args = request->args ? request->args : cJSON_GetObjectItemCaseSensitive(request->task, "args");
    const cJSON *rules = request->rules ? request->rules : cJSON_GetObjectItemCaseSensitive(request->task, "rules");
    size_t       n_env = 0;
    cJSON       *job;
    char        *text;
    int          r = make_state_dir(request);

    if (r < 0 && !request->dry_run) /* a dry run leaves nothing behind, nor does it need the folder */
        return r;
    job = job_build(request, args, rules);
    text = job ? ga_json_print(job) : NULL;
    cJSON_Delete(job);
    if (!text)
        return -ENOMEM;
    r = memfd_from("job", text, strlen(text));
    free(text);
    if (r < 0)
        return r;
    *ret_fd = r;
    collect_env(cJSON_GetObjectItemCaseSensitive(request->plugin, "options"), ret_env, &n_env);
    collect_env(args, ret_env, &n_env);
    ret_env[n_env] = NULL;
    return 0;
}

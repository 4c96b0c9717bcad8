/* bout.c: a computation by hand: arguments, pool, devices, crew. */
#include "plugins/poc-worker/tasks.h"

#include "plugins/poc-worker/pool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVERS_MS 60000

static int
find_devices(void *ret, char *reterr, size_t reterr_len)
{
    struct bout_found *found = ret;

    found->n = poc_devices(found->infos, reterr, reterr_len);
    return found->n < 0 ? -1 : 0;
}

int
bout_find(struct bout_found *ret, char *reterr, size_t reterr_len)
{
    return poc_lane_try(find_devices, ret, sizeof(*ret), DRIVERS_MS, reterr, reterr_len);
}

static int
choose_devices(struct bout *bout)
{
    const char       *text = bout->host->str(bout->run, "device");
    struct bout_found found = {0};
    char              why[1200];

    if (strcmp(text, "plain") != 0 && bout_find(&found, why, sizeof(why)) < 0)
        return bout->host->end(bout->run, GA_FAILED, "%s; device=plain computes without OpenCL, slowly", why);
    if (poc_spec_devices(text, found.infos, found.n, &bout->chosen, why, sizeof(why)) < 0)
        return bout->host->end(bout->run, GA_FAILED, "%s", why);
    return GA_OK;
}

int
bout_check(struct ga_run *run, const struct ga_host *host)
{
    struct bout bout = {.run = run, .host = host};

    return choose_devices(&bout);
}

static int
pool_progress(uint64_t done, void *userdata)
{
    struct bout *bout = userdata;

    bout->host->progress(bout->run, "numbers of the pool", done, bout->pool_numbers);
    return bout->host->cancelled(bout->run);
}

/* The pool in memory that lanes inherit. */
static int
make_pool(struct bout *bout)
{
    int64_t begin = poc_now_ms();
    clock_t processor = clock();
    int     r;

    bout->pool_numbers = poc_pool_size(&bout->params);
    bout->pool =
        mmap(NULL, bout->pool_numbers * sizeof(*bout->pool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bout->pool == MAP_FAILED) {
        bout->pool = NULL;
        return bout->host->end(bout->run, GA_FAILED, "no memory for the model: its pool takes %llu MiB",
                               (unsigned long long)(bout->pool_numbers >> 19));
    }
    r = poc_pool_fill(bout->block_hash, bout->pool, bout->pool_numbers, 0, pool_progress, bout);
    bout->pool_seconds = (double)(poc_now_ms() - begin) * 1e-3;
    bout->pool_processor = (double)(clock() - processor) / CLOCKS_PER_SEC;
    if (r == -ECANCELED)
        return bout->host->end(bout->run, GA_UNKNOWN, "cancelled while the pool of weights was made");
    if (r < 0)
        return bout->host->end(bout->run, GA_FAILED, "cannot make the pool of weights: %s", strerrorname_np(-r));
    return GA_OK;
}

static void
on_note(void *userdata, unsigned level, const char *text)
{
    struct bout *bout = userdata;

    bout->host->log(bout->run, level, "%s", text);
}

static void
on_progress(void *userdata, size_t done, size_t total)
{
    struct bout *bout = userdata;

    bout->host->progress(bout->run, "nonces", done, total);
}

const char *
bout_cache_dir(void)
{
    static char path[4096];
    const char *base = getenv("XDG_CACHE_HOME"); /* the runner gives the plugin a folder of its own for this */

    if (!base || !*base)
        return NULL;
    (void)snprintf(path, sizeof(path), "%.4000s/kernels", base);
    return mkdir(path, 0700) == 0 || errno == EEXIST ? path : NULL;
}

static int
start_crew(struct bout *bout, int measure)
{
    char                 why[1200] = "";
    const char          *path = bout->host->str(bout->run, "path");
    struct poc_lane_spec spec = {.work = {.params = bout->params,
                                          .block_hash = bout->block_hash,
                                          .public_key = bout->public_key,
                                          .pool = bout->pool},
                                 .path = strcmp(path, "auto") == 0 ? NULL : path,
                                 .max_batch = (uint32_t)bout->host->num(bout->run, "at_once"),
                                 .cache_dir = bout_cache_dir(),
                                 .tune = bout->host->num(bout->run, "tune") != 0,
                                 .measure = measure};

    bout->crew.answer_ms = (int)(bout->host->num(bout->run, "device_timeout") / 1000000);
    bout->crew.cancel_fd = bout->host->cancel_fd(bout->run);
    bout->crew.note = on_note;
    bout->crew.progress = on_progress;
    bout->crew.userdata = bout;
    if (poc_crew_start(&bout->crew, &spec, bout->chosen.devices, bout->chosen.n, why, sizeof(why)) < 0)
        return bout->host->end(bout->run, GA_FAILED, "%s", why);
    return GA_OK;
}

int
bout_begin(struct bout *bout, struct ga_run *run, const struct ga_host *host, const char *block_hash,
           const char *public_key, int measure)
{
    char why[256];
    int  outcome;

    memset(bout, 0, sizeof(*bout));
    bout->run = run;
    bout->host = host;
    bout->block_hash = block_hash;
    bout->public_key = public_key;
    if (poc_spec_params(host->str(run, "params"), &bout->params, why, sizeof(why)) < 0)
        return host->end(run, GA_FAILED, "%s", why);
    outcome = choose_devices(bout);
    if (outcome == GA_OK)
        outcome = make_pool(bout);
    if (outcome == GA_OK)
        outcome = start_crew(bout, measure);
    return outcome;
}

int
bout_compute(struct bout *bout, const int64_t *nonces, size_t n, double *ret)
{
    char why[2048];
    int  r = poc_crew_compute(&bout->crew, NULL, nonces, n, ret, 0, NULL, why, sizeof(why));

    if (r == -ECANCELED)
        return bout->host->end(bout->run, GA_UNKNOWN, "cancelled before all nonces were computed");
    return r < 0 ? bout->host->end(bout->run, GA_FAILED, "%s", why) : GA_OK;
}

char *
bout_devices(const struct bout *bout, char *buf, size_t len)
{
    size_t used = 0;

    buf[0] = 0;
    for (size_t i = 0; i < bout->crew.n && used < len; i++)
        if (bout->crew.lanes[i].ready)
            used += (size_t)snprintf(buf + used, len - used, "%s%s (%s)", used ? ", " : "",
                                     bout->crew.lanes[i].info.name, bout->crew.lanes[i].path);
    return buf;
}

void
bout_end(struct bout *bout)
{
    poc_crew_end(&bout->crew);
    if (bout->pool)
        (void)munmap(bout->pool, bout->pool_numbers * sizeof(*bout->pool));
    bout->pool = NULL;
}

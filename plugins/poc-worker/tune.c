/* tune.c: trying sizes. */
#include "plugins/poc-worker/tune.h"

#include "plugins/poc-worker/kernels.h"

#include "kit/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORTH_TUNING 1e10   /* multiply-adds of a nonce: below, it is faster than finding out how */
#define FFN_TRIED 4096      /* of the feed-forward's width: enough to see a card's speed */
#define FFN_TRIED_CPU 16384 /* and a processor's: its activations no longer fit its caches */
#define CARD_BATCH 16       /* nonces that fill a card's units */
#define PATHS_MAX 16
#define WORTH_ANOTHER_LOOK 1.3 /* times the fastest */

/* The file with the choice, for these kernels and this shape of model. 0, or -1: none is kept. */
static int
choice_path(const struct poc_device *device, const struct poc_path *path, const struct poc_params *params, char *ret,
            size_t len)
{
    char              shape[128];
    const char *const parts[] = {path->name,
                                 poc_kernels_half,
                                 poc_kernels_weights,
                                 poc_kernels_cpu,
                                 poc_kernels_nvidia,
                                 poc_kernels_nvidia_mma,
                                 poc_kernels_nvidia_wgmma,
                                 poc_kernels_subgroup,
                                 shape};

    (void)snprintf(shape, sizeof(shape), "%" PRIu32 "|%" PRIu32 "|%" PRIu32 "|%" PRIu32 "|%" PRIu32, params->dim,
                   params->seq_len, params->n_heads, params->n_kv_heads, poc_ffn_dim(params));
    return poc_cache_path(device, parts, sizeof(parts) / sizeof(*parts), "tuned", ret, len);
}

/* The path whose options the file holds. 0, or -1. */
static int
read_choice(const char *file, const struct poc_path *paths, unsigned n, struct poc_path *path)
{
    char  *text = NULL;
    size_t len = 0;
    char   why[256];
    int    r = -1;

    if (ga_file_read(file, 4096, &text, &len, why, sizeof(why)) < 0)
        return -1;
    for (unsigned i = 0; i < n; i++)
        if (strcmp(paths[i].name, path->name) == 0 && strcmp(paths[i].options, text) == 0) {
            *path = paths[i];
            r = 0;
        }
    free(text);
    return r;
}

/* Seconds for one whole layer of this shape (and the last one, which is short). Negative: it cannot. */
static double
time_one(const struct poc_device *device, const struct poc_path *path, const struct poc_params *params,
         const struct poc_layout *layout, const uint16_t *pool)
{
    struct poc_engine *engine = NULL;
    char               why[512];
    struct timespec    begin;
    struct timespec    end;
    double             best = -1;
    const uint32_t     batch = !device->info.is_cpu ? CARD_BATCH : params->seq_len < 256 ? 256 / params->seq_len : 1;
    uint16_t          *input = calloc((size_t)batch * params->seq_len * params->dim, sizeof(*input));
    float             *logits = calloc((size_t)batch * params->vocab_size, sizeof(*logits));

    if (input && logits && poc_engine_make(device, path, params, layout, pool, batch, &engine, why, sizeof(why)) == 0)
        for (int i = 0; i < 4; i++) {
            double seconds;

            (void)clock_gettime(CLOCK_MONOTONIC, &begin);
            if (poc_engine_logits(engine, input, batch, logits, NULL, NULL, why, sizeof(why)) < 0)
                break;
            (void)clock_gettime(CLOCK_MONOTONIC, &end);
            seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
            if (i > 0 && (best < 0 || seconds < best)) /* the first one also compiles and touches memory */
                best = seconds;
        }
    poc_engine_done(engine);
    free(input);
    free(logits);
    return best;
}

/* The model that sizes are tried on: a layer of those widths, and little else. 0, or -1: out of memory. */
static int
small_model(const struct poc_device *device, const struct poc_params *like, struct poc_params *ret,
            struct poc_layout *ret_layout, uint16_t **ret_pool)
{
    const uint32_t tried = device->info.is_cpu ? FFN_TRIED_CPU : FFN_TRIED;

    *ret = *like;
    ret->n_layers = 2;
    ret->vocab_size = 64;
    if (poc_ffn_dim(ret) > tried) {
        ret->ffn_dim_multiplier = 1e-3; /* rounded up to one multiple */
        ret->multiple_of = tried;
    }
    if (poc_layout_make(ret, "", ret_layout) < 0)
        return -1;
    *ret_pool = calloc(ret_layout->pool, sizeof(**ret_pool));
    for (uint64_t i = 0; *ret_pool && i < ret_layout->pool; i++)
        (*ret_pool)[i] = (uint16_t)(0x2000u + (i * 2654435761u >> 16 & 0x8fffu)); /* any numbers of the usual size */
    return *ret_pool ? 0 : -1;
}

/* The time of each path of that name, negative for what is not tried or does not work. The fastest ones are tried once
 * more when all have been: others' work on the machine comes and goes. */
static void
time_all(const struct poc_device *device, const struct poc_params *like, const struct poc_path *paths, unsigned n,
         const char *name, double *ret, poc_note note, void *userdata)
{
    struct poc_params params;
    struct poc_layout layout = {0};
    uint16_t         *pool = NULL;
    double            best = -1;
    const int         r = small_model(device, like, &params, &layout, &pool);

    for (unsigned i = 0; i < n; i++) {
        char text[512];

        ret[i] = r == 0 && strcmp(paths[i].name, name) == 0 ? time_one(device, &paths[i], &params, &layout, pool) : -1;
        if (ret[i] < 0)
            continue;
        if (best < 0 || ret[i] < best)
            best = ret[i];
        (void)snprintf(text, sizeof(text), "tuning: path %s %s: %.1f ms", paths[i].name, paths[i].options,
                       ret[i] * 1e3);
        note(userdata, text);
    }
    for (unsigned i = 0; i < n; i++)
        if (ret[i] >= 0 && ret[i] < best * WORTH_ANOTHER_LOOK) {
            const double again = time_one(device, &paths[i], &params, &layout, pool);

            if (again >= 0 && again < ret[i])
                ret[i] = again;
        }
    free(pool);
    poc_layout_done(&layout);
}

/* The fastest of the paths of that name that computes right. */
static void
try_all(const struct poc_device *device, const struct poc_params *like, const struct poc_path *paths, unsigned n,
        struct poc_path *path, poc_note note, void *userdata)
{
    double seconds[PATHS_MAX];

    time_all(device, like, paths, n, path->name, seconds, note, userdata);
    for (;;) {
        unsigned best = n;
        char     why[512];

        for (unsigned i = 0; i < n; i++)
            if (seconds[i] >= 0 && (best == n || seconds[i] < seconds[best]))
                best = i;
        if (best == n)
            return;
        if (poc_selftest(device, &paths[best], why, sizeof(why)) == 0) {
            *path = paths[best];
            return;
        }
        note(userdata, why);
        seconds[best] = -1;
    }
}

void
poc_tune(const struct poc_device *device, const struct poc_params *params, struct poc_path *path, poc_note note,
         void *userdata)
{
    struct poc_path paths[PATHS_MAX];
    unsigned        n = poc_paths(&device->info, paths, PATHS_MAX);
    unsigned        n_named = 0;
    char            file[4200];
    char            why[256];
    const int       kept = choice_path(device, path, params, file, sizeof(file)) == 0;

    for (unsigned i = 0; i < n; i++)
        n_named += strcmp(paths[i].name, path->name) == 0;
    if (n_named < 2 || (double)poc_total(params) * params->seq_len < WORTH_TUNING ||
        (kept && read_choice(file, paths, n, path) == 0))
        return;
    note(userdata, "tuning for this model, once: it takes a minute or two");
    try_all(device, params, paths, n, path, note, userdata);
    if (kept)
        (void)ga_file_write(file, path->options, strlen(path->options), 0600, why, sizeof(why));
}

/* engine.c: kernels and buffers of an engine. */
#include "plugins/poc-worker/engine_parts.h"

#include "plugins/poc-worker/forward.h"
#include "plugins/poc-worker/random.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct engine_way *
way_of(const struct poc_path *path)
{
    return path->packs ? &engine_rows : &engine_tiles;
}

uint64_t
poc_engine_work_memory(const struct poc_path *path, const struct poc_params *params, uint32_t max_batch)
{
    size_t   sizes[BUFFERS];
    uint64_t sum = 0;

    way_of(path)->sizes(path, params, max_batch, sizes);
    for (int i = 0; i < BUFFERS; i++)
        sum += sizes[i];
    return sum;
}

static int
make_kernels(struct poc_engine *engine, char *reterr, size_t reterr_len)
{
    const struct poc_sources *sources = poc_path_sources(&engine->path);
    cl_int                    code = CL_SUCCESS;

    engine->program =
        poc_program(engine->device, sources->texts, sources->n, engine->path.options, NULL, reterr, reterr_len);
    if (!engine->program)
        return -1;
    for (int i = 0; i < KERNELS; i++) {
        const char *name = engine->way->kernels[i];

        if (!name)
            continue;
        engine->kernels[i] = clCreateKernel(engine->program, name, &code);
        if (code != CL_SUCCESS) {
            (void)snprintf(reterr, reterr_len, "kernel %s: %s", name, poc_cl_error(code));
            return -1;
        }
    }
    return 0;
}

/* --- the pool ------------------------------------------------------------------------------------------------------
 */

static uint64_t
largest_tensor(const struct poc_engine *engine)
{
    uint64_t largest = engine->layout->output.size;

    for (size_t i = 0; i < (size_t)engine->params.n_layers * POC_LAYER_TENSORS; i++)
        if (engine->layout->layers[i].size > largest)
            largest = engine->layout->layers[i].size;
    return largest;
}

/* Pieces that the device can hold in one buffer, overlapping so that every tensor lies whole in one of them. */
static int
plan_segments(struct poc_engine *engine, char *reterr, size_t reterr_len)
{
    uint64_t pool = engine->layout->pool;
    uint64_t most = engine->device->info.largest_buffer / sizeof(uint16_t);
    uint64_t overlap = largest_tensor(engine);

    engine->segment_size = engine->segment_step = pool;
    engine->n_segments = 1;
    if (pool <= most)
        return 0;
    if (overlap > most / 2 || (pool - overlap) / (most - overlap) + 1 > SEGMENTS_MAX) {
        (void)snprintf(reterr, reterr_len,
                       "%s gives buffers of %" PRIu64 " MiB at most, too little for this model's tensors of %" PRIu64
                       " MiB: take another device",
                       engine->device->info.name, most >> 19, overlap >> 19);
        return -1;
    }
    engine->segment_size = most;
    engine->segment_step = most - overlap;
    engine->n_segments = (unsigned)((pool - overlap + engine->segment_step - 1) / engine->segment_step);
    return 0;
}

#define PIECE 16 /* bytes that a kernel may read at once, so that the last of them lie behind the pool */

static int
load_pool(struct poc_engine *engine, const uint16_t *pool, char *reterr, size_t reterr_len)
{
    int in_place = (int)engine->device->info.is_cpu;

    if (plan_segments(engine, reterr, reterr_len) < 0)
        return -1;
    for (unsigned i = 0; i < engine->n_segments; i++) {
        uint64_t first = i * engine->segment_step;
        uint64_t left = engine->layout->pool - first;
        size_t   bytes = (size_t)(left < engine->segment_size ? left : engine->segment_size) * sizeof(uint16_t);
        cl_int   code = CL_SUCCESS;
        /* Read-only for the device; the signature lacks a const. */
        void *host = (void *)(uintptr_t)(pool + first);

        engine->segments[i] =
            clCreateBuffer(engine->device->context, CL_MEM_READ_ONLY | (in_place ? CL_MEM_USE_HOST_PTR : 0u),
                           in_place ? bytes : bytes / PIECE * PIECE + PIECE, in_place ? host : NULL, &code);
        if (code == CL_SUCCESS && !in_place)
            code = clEnqueueWriteBuffer(engine->device->queue, engine->segments[i], CL_TRUE, 0, bytes, host, 0, NULL,
                                        NULL);
        if (code != CL_SUCCESS) {
            (void)snprintf(reterr, reterr_len, "%s has no room for the pool of weights (%" PRIu64 " MiB): %s",
                           engine->device->info.name, engine->layout->pool >> 19, poc_cl_error(code));
            return -1;
        }
    }
    return 0;
}

/* --- the work space ------------------------------------------------------------------------------------------------
 */

/* Cosines and sines of each pair and tile; of all positions, or (`last`) of the last one in every column. */
static float *
make_angles(const struct poc_engine *engine, int last)
{
    uint32_t pairs = poc_head_dim(&engine->params) / 2;
    uint32_t lanes = engine->path.lanes;
    uint32_t period = last ? 1 : engine->period;
    float   *ret = calloc((size_t)pairs * period * lanes * 2, sizeof(*ret));
    float   *frequencies = calloc(pairs, sizeof(*frequencies));

    if (!ret || !frequencies) {
        free(ret);
        free(frequencies);
        return NULL;
    }
    poc_rotary_frequencies(&engine->params, frequencies);
    for (uint32_t pair = 0; pair < pairs; pair++)
        for (uint32_t column = 0; column < period * lanes; column++) {
            float  angle = (float)(last ? engine->params.seq_len - 1 : column) * frequencies[pair];
            float *at = ret + ((size_t)pair * period + column / lanes) * 2 * lanes + column % lanes;

            at[0] = poc_from_half(poc_to_half((double)cosf(angle)));
            at[lanes] = poc_from_half(poc_to_half((double)sinf(angle)));
        }
    free(frequencies);
    return ret;
}

static cl_int
write_angles(const struct poc_engine *engine, enum buffer_name name, size_t size, int last)
{
    float *angles = make_angles(engine, last);
    cl_int code = angles ? clEnqueueWriteBuffer(engine->device->queue, engine->buffers[name], CL_TRUE, 0, size, angles,
                                                0, NULL, NULL)
                         : CL_OUT_OF_HOST_MEMORY;

    free(angles);
    return code;
}

static int
make_buffers(struct poc_engine *engine, char *reterr, size_t reterr_len)
{
    size_t sizes[BUFFERS];
    cl_int code = CL_SUCCESS;

    engine->way->sizes(&engine->path, &engine->params, engine->max_batch, sizes);
    for (int i = 0; code == CL_SUCCESS && i < BUFFERS; i++) {
        /* Columns that only fill a tile up are computed and thrown away: they must hold numbers that cost nothing. */
        const cl_uchar zero = 0;

        if (sizes[i] == 0)
            continue;
        engine->buffers[i] = clCreateBuffer(engine->device->context, CL_MEM_READ_WRITE, sizes[i], NULL, &code);
        if (code == CL_SUCCESS)
            code = clEnqueueFillBuffer(engine->device->queue, engine->buffers[i], &zero, 1, 0, sizes[i], 0, NULL, NULL);
    }
    if (code == CL_SUCCESS)
        code = write_angles(engine, B_ANGLES, sizes[B_ANGLES], 0);
    if (code == CL_SUCCESS)
        code = write_angles(engine, B_ANGLES_LAST, sizes[B_ANGLES_LAST], 1);
    if (code == CL_SUCCESS)
        code = clFinish(engine->device->queue);
    if (code == CL_SUCCESS)
        return 0;
    (void)snprintf(reterr, reterr_len,
                   "%s has no room for a batch of %" PRIu32 " (%" PRIu64 " MiB of work space): %s: use a smaller one",
                   engine->device->info.name, engine->max_batch,
                   poc_engine_work_memory(&engine->path, &engine->params, engine->max_batch) >> 20, poc_cl_error(code));
    return -1;
}

int
poc_engine_make(const struct poc_device *device, const struct poc_path *path, const struct poc_params *params,
                const struct poc_layout *layout, const uint16_t *pool, uint32_t max_batch, struct poc_engine **ret,
                char *reterr, size_t reterr_len)
{
    struct poc_engine *engine = calloc(1, sizeof(*engine));

    if (!engine) {
        (void)snprintf(reterr, reterr_len, "out of memory");
        return -1;
    }
    engine->device = device;
    engine->path = *path;
    engine->way = way_of(path);
    engine->params = *params;
    engine->layout = layout;
    engine->max_batch = max_batch;
    engine->period = (params->seq_len + path->lanes - 1) / path->lanes;
    if (make_kernels(engine, reterr, reterr_len) < 0 || load_pool(engine, pool, reterr, reterr_len) < 0 ||
        make_buffers(engine, reterr, reterr_len) < 0) {
        poc_engine_done(engine);
        return -1;
    }
    *ret = engine;
    return 0;
}

void
poc_engine_done(struct poc_engine *engine)
{
    if (!engine)
        return;
    for (unsigned i = 0; i < SEGMENTS_MAX; i++)
        if (engine->segments[i])
            (void)clReleaseMemObject(engine->segments[i]);
    for (int i = 0; i < BUFFERS; i++)
        if (engine->buffers[i])
            (void)clReleaseMemObject(engine->buffers[i]);
    for (int i = 0; i < KERNELS; i++)
        if (engine->kernels[i])
            (void)clReleaseKernel(engine->kernels[i]);
    if (engine->program)
        (void)clReleaseProgram(engine->program);
    free(engine);
}

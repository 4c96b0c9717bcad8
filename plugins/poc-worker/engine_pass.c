/* engine_pass.c: the steps of a forward pass on the device's queue, and their times. */
#include "plugins/poc-worker/engine_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
is_attention(enum kernel_name name)
{
    return name == K_ATTEND || name == K_ATTEND_LAST || name == K_ATTEND_32 || name == K_ATTEND_64;
}

/* Waits for all that was enqueued, and reads the device's clock. */
static void
settle(struct pass *pass)
{
    cl_int code = clFinish(pass->engine->device->queue);

    if (pass->code == CL_SUCCESS && code != CL_SUCCESS) {
        pass->code = code;
        pass->where = "waiting for the device";
    }
    for (unsigned i = 0; i < pass->n_events; i++) {
        cl_ulong begin = 0;
        cl_ulong end = 0;

        if (clGetEventProfilingInfo(pass->events[i], CL_PROFILING_COMMAND_START, sizeof(begin), &begin, NULL) ==
                CL_SUCCESS &&
            clGetEventProfilingInfo(pass->events[i], CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL) == CL_SUCCESS &&
            end > begin)
            pass->engine->seconds[pass->stages[i]] += (double)(end - begin) * 1e-9;
        (void)clReleaseEvent(pass->events[i]);
    }
    pass->n_events = 0;
}

void
pass_enqueue(struct pass *pass, enum kernel_name name, const struct arg *args, unsigned n_args, const size_t global[3],
             const size_t *local, const char *where)
{
    cl_kernel   kernel = pass->engine->kernels[name];
    const int   measured = pass->engine->measuring;
    const char *before = pass->where;

    if (pass->n_events == EVENTS_MAX)
        settle(pass);
    if (pass->code != CL_SUCCESS)
        return;
    pass->where = where;
    for (unsigned i = 0; pass->code == CL_SUCCESS && i < n_args; i++)
        pass->code = clSetKernelArg(kernel, i, args[i].size, args[i].value);
    if (pass->code == CL_SUCCESS)
        pass->code = clEnqueueNDRangeKernel(pass->engine->device->queue, kernel, 3, NULL, global, local, 0, NULL,
                                            measured ? &pass->events[pass->n_events] : NULL);
    if (pass->code != CL_SUCCESS)
        return;
    pass->where = before;
    if (measured)
        pass->stages[pass->n_events++] = name <= K_KEEP       ? POC_STAGE_PRODUCT
                                         : is_attention(name) ? POC_STAGE_ATTEND
                                                              : POC_STAGE_OTHER;
}

cl_mem
pass_segment(const struct pass *pass, const struct poc_tensor *tensor, cl_ulong *ret_start)
{
    const struct poc_engine *engine = pass->engine;
    uint64_t                 i = engine->n_segments == 1 ? 0 : tensor->start / engine->segment_step;

    if (i >= engine->n_segments)
        i = engine->n_segments - 1;
    *ret_start = tensor->start - i * engine->segment_step;
    return engine->segments[i];
}

int
poc_engine_logits(struct poc_engine *engine, const uint16_t *inputs, uint32_t n, float *ret,
                  int (*cancelled)(void *userdata), void *userdata, char *reterr, size_t reterr_len)
{
    struct pass    pass = {.engine = engine, .where = "reading the inputs"};
    const uint32_t dim = engine->params.dim;
    const uint32_t vocab = engine->params.vocab_size;
    int            stopped = 0;

    pass.code = clEnqueueWriteBuffer(engine->device->queue, engine->buffers[B_INPUT], CL_TRUE, 0,
                                     (size_t)n * engine->params.seq_len * dim * sizeof(*inputs), inputs, 0, NULL, NULL);
    engine->way->spread(&pass, n);
    for (uint32_t i = 0; pass.code == CL_SUCCESS && !stopped && i < engine->params.n_layers; i++) {
        engine->way->layer(&pass, i, n);
        settle(&pass);
        stopped = cancelled && cancelled(userdata);
    }
    if (stopped)
        return -ECANCELED;
    engine->way->output(&pass, n);
    settle(&pass);
    if (pass.code == CL_SUCCESS) {
        pass.where = "reading the logits";
        pass.code = clEnqueueReadBuffer(engine->device->queue, engine->buffers[B_LOGITS], CL_TRUE, 0,
                                        (size_t)n * vocab * sizeof(*ret), ret, 0, NULL, NULL);
    }
    if (pass.code == CL_SUCCESS)
        return 0;
    (void)snprintf(reterr, reterr_len, "%s failed at %s: %s: is the card lost or its memory full; see the kernel's log",
                   engine->device->info.name, pass.where, poc_cl_error(pass.code));
    return -EIO;
}

void
poc_engine_measure(struct poc_engine *engine, int on)
{
    engine->measuring = on;
    memset(engine->seconds, 0, sizeof(engine->seconds));
    engine->operations = 0;
}

void
poc_engine_measured(const struct poc_engine *engine, double ret_seconds[POC_STAGES], double *ret_operations)
{
    memcpy(ret_seconds, engine->seconds, sizeof(engine->seconds));
    *ret_operations = engine->operations;
}

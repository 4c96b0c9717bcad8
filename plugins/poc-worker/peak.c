/* peak.c: kernels/peak.cl, longer and longer until its time can be told. */
#include "plugins/poc-worker/peak.h"

#include "plugins/poc-worker/kernels.h"

#include <stdio.h>
#include <time.h>

#define LONG_ENOUGH 0.2 /* seconds */
#define BEST_OF 4
#define ROUNDS_MAX (1u << 28)

struct peak {
    const struct poc_device *device;
    cl_program               program;
    cl_kernel                kernel;
    cl_mem                   out;
    size_t                   items;
    double                   operations; /* of a work-item in a round */
};

static double
seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static cl_int
prepare(struct peak *peak, char *reterr, size_t reterr_len)
{
    const struct poc_device_info *info = &peak->device->info;
    const char *const             sources[] = {poc_kernels_peak};
    cl_int                        code = CL_SUCCESS;

    /* a processor has few wide cores, a card many narrow lanes */
    peak->items = info->is_cpu ? info->units : (size_t)info->units * 4096;
    peak->operations = info->is_cpu ? 2.0 * 16 * 16 : 2.0 * 16;
    peak->program =
        poc_program(peak->device, sources, 1, info->is_cpu ? "-DWIDTH=16 -DCHAINS=16" : "-DWIDTH=1 -DCHAINS=16", NULL,
                    reterr, reterr_len);
    if (!peak->program)
        return CL_BUILD_PROGRAM_FAILURE;
    peak->kernel = clCreateKernel(peak->program, "peak", &code);
    if (code == CL_SUCCESS)
        peak->out = clCreateBuffer(peak->device->context, CL_MEM_WRITE_ONLY, peak->items * sizeof(float), NULL, &code);
    return code;
}

static cl_int
run(const struct peak *peak, cl_uint rounds, double *ret_seconds)
{
    const float  factor = 0.999f; /* the numbers settle near 1: neither large nor denormal */
    const float  summand = 0.001f;
    const size_t one = 1;
    double       begun;
    cl_int       code = clSetKernelArg(peak->kernel, 0, sizeof(peak->out), (const void *)&peak->out);

    if (code == CL_SUCCESS)
        code = clSetKernelArg(peak->kernel, 1, sizeof(rounds), &rounds);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(peak->kernel, 2, sizeof(factor), &factor);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(peak->kernel, 3, sizeof(summand), &summand);
    begun = seconds_now();
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(peak->device->queue, peak->kernel, 1, NULL, &peak->items,
                                      peak->device->info.is_cpu ? &one : NULL, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFinish(peak->device->queue);
    *ret_seconds = seconds_now() - begun;
    return code;
}

static cl_int
measure(const struct peak *peak, double *ret)
{
    cl_uint rounds = 1024;
    double  seconds = 0;
    cl_int  code = run(peak, rounds, &seconds); /* the first run also loads */

    while (code == CL_SUCCESS && (code = run(peak, rounds, &seconds)) == CL_SUCCESS && seconds < LONG_ENOUGH &&
           rounds < ROUNDS_MAX)
        rounds *= 2;
    for (int i = 0; code == CL_SUCCESS && i < BEST_OF; i++) {
        double rate;

        code = run(peak, rounds, &seconds);
        rate = seconds > 0 ? (double)peak->items * peak->operations * rounds / seconds : 0;
        if (rate > *ret)
            *ret = rate;
    }
    return code;
}

double
poc_peak(const struct poc_device *device, char *reterr, size_t reterr_len)
{
    struct peak peak = {.device = device};
    double      rate = 0;
    cl_int      code;

    reterr[0] = '\0';
    code = prepare(&peak, reterr, reterr_len);
    if (code == CL_SUCCESS)
        code = measure(&peak, &rate);
    if (peak.out)
        (void)clReleaseMemObject(peak.out);
    if (peak.kernel)
        (void)clReleaseKernel(peak.kernel);
    if (peak.program)
        (void)clReleaseProgram(peak.program);
    if (code == CL_SUCCESS)
        return rate;
    if (!reterr[0])
        (void)snprintf(reterr, reterr_len, "the peak of %s cannot be measured: %s", device->info.name,
                       poc_cl_error(code));
    return -1;
}

/* peak.c: kernels/peak.cl or the tensor cores, longer and longer until its time can be told. */
#include "plugins/poc-worker/peak.h"

#include "plugins/poc-worker/kernels.h"

#include <stdio.h>
#include <string.h>
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
    size_t                   local; /* of a work-group; 0: the driver's choice */
    int                      tensor;
    double                   operations; /* of a work-item in a round */
};

static double
seconds_of(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A round of a work-item's tensor core instructions: the path's kernel `peak` says what it is. */
static void
prepare_tensor(struct peak *peak, const struct poc_path *path)
{
    const int warpgroups = strcmp(path->name, "hopper") == 0;

    peak->tensor = 1;
    peak->local = path->items;
    peak->items = (size_t)peak->device->info.units * path->items * (warpgroups ? 1 : 8);
    peak->operations = warpgroups ? 2.0 * 64 * 256 * 64 / 128 : 2.0 * 8 * 16 * 8 * 16 / 32;
}

/* kernels/peak.cl with `chains` vectors of `width` numbers for each work-item. */
static cl_program
prepare_vectors(struct peak *peak, unsigned width, unsigned chains, char *reterr, size_t reterr_len)
{
    const struct poc_device_info *info = &peak->device->info;
    const char *const             source[] = {poc_kernels_peak};
    char                          options[64];

    /* a processor has few wide cores, a card many narrow lanes */
    peak->local = info->is_cpu ? 1 : 0;
    peak->items = info->is_cpu ? info->units : (size_t)info->units * 4096;
    peak->operations = 2.0 * width * chains;
    (void)snprintf(options, sizeof(options), "-DWIDTH=%u -DCHAINS=%u", width, chains);
    return poc_program(peak->device, source, 1, options, NULL, reterr, reterr_len);
}

static cl_int
prepare(struct peak *peak, const struct poc_path *path, unsigned width, unsigned chains, char *reterr,
        size_t reterr_len)
{
    cl_int code = CL_SUCCESS;

    if (path->packs) {
        prepare_tensor(peak, path);
        peak->program = poc_program(peak->device, poc_path_sources(path)->texts, poc_path_sources(path)->n,
                                    path->options, NULL, reterr, reterr_len);
    } else {
        peak->program = prepare_vectors(peak, width, chains, reterr, reterr_len);
    }
    if (!peak->program)
        return CL_BUILD_PROGRAM_FAILURE;
    peak->kernel = clCreateKernel(peak->program, "peak", &code);
    if (code == CL_SUCCESS)
        peak->out = clCreateBuffer(peak->device->context, CL_MEM_WRITE_ONLY, peak->items * sizeof(float), NULL, &code);
    return code;
}

static cl_int
run(const struct peak *peak, cl_uint rounds, double *ret_seconds, double *ret_processor)
{
    const float factor = 0.999f; /* the numbers settle near 1: neither large nor denormal */
    const float summand = 0.001f;
    double      begun;
    double      processor;
    cl_int      code = clSetKernelArg(peak->kernel, 0, sizeof(peak->out), (const void *)&peak->out);

    if (code == CL_SUCCESS)
        code = clSetKernelArg(peak->kernel, 1, sizeof(rounds), &rounds);
    if (code == CL_SUCCESS && !peak->tensor)
        code = clSetKernelArg(peak->kernel, 2, sizeof(factor), &factor);
    if (code == CL_SUCCESS && !peak->tensor)
        code = clSetKernelArg(peak->kernel, 3, sizeof(summand), &summand);
    begun = seconds_of(CLOCK_MONOTONIC);
    processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(peak->device->queue, peak->kernel, 1, NULL, &peak->items,
                                      peak->local ? &peak->local : NULL, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFinish(peak->device->queue);
    *ret_seconds = seconds_of(CLOCK_MONOTONIC) - begun;
    *ret_processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    return code;
}

static void
keep_best(double operations, double seconds, double *best)
{
    if (seconds > 0 && operations / seconds > *best)
        *best = operations / seconds;
}

static cl_int
measure(const struct peak *peak, double *ret, double *ret_core)
{
    cl_uint rounds = 1024;
    double  seconds = 0;
    double  processor = 0;
    cl_int  code = run(peak, rounds, &seconds, &processor); /* the first run also loads */

    while (code == CL_SUCCESS && (code = run(peak, rounds, &seconds, &processor)) == CL_SUCCESS &&
           seconds < LONG_ENOUGH && rounds < ROUNDS_MAX)
        rounds *= 2;
    for (int i = 0; code == CL_SUCCESS && i < BEST_OF; i++) {
        const double operations = (double)peak->items * peak->operations * rounds;

        code = run(peak, rounds, &seconds, &processor);
        keep_best(operations, seconds, ret);
        keep_best(operations, processor, ret_core);
    }
    return code;
}

static cl_int
try(const struct poc_device *device, const struct poc_path *path, unsigned width, unsigned chains, double *best,
    double *best_core, char *reterr, size_t reterr_len)
{
    struct peak peak = {.device = device};
    cl_int      code = prepare(&peak, path, width, chains, reterr, reterr_len);

    if (code == CL_SUCCESS)
        code = measure(&peak, best, best_core);
    if (peak.out)
        (void)clReleaseMemObject(peak.out);
    if (peak.kernel)
        (void)clReleaseKernel(peak.kernel);
    if (peak.program)
        (void)clReleaseProgram(peak.program);
    return code;
}

double
poc_peak(const struct poc_device *device, const struct poc_path *path, double *ret_core, char *reterr,
         size_t reterr_len)
{
    /* What fits in the registers of a processor: 32 of 16 numbers, 16 of 8, 16 of 4. Too many spill, and measure
     * memory. */
    static const unsigned vectors[][2] = {{16, 16}, {8, 12}, {4, 12}};
    double                rate = 0;
    cl_int                code = CL_SUCCESS;

    reterr[0] = '\0';
    *ret_core = 0;
    if (path->packs || !device->info.is_cpu)
        code = try(device, path, 1, 16, &rate, ret_core, reterr, reterr_len);
    else
        for (size_t i = 0; code == CL_SUCCESS && i < sizeof(vectors) / sizeof(*vectors); i++)
            code = try(device, path, vectors[i][0], vectors[i][1], &rate, ret_core, reterr, reterr_len);
    if (code == CL_SUCCESS)
        return rate;
    if (!reterr[0])
        (void)snprintf(reterr, reterr_len, "the peak of %s cannot be measured: %s", device->info.name,
                       poc_cl_error(code));
    return -1;
}

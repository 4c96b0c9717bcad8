/* path.c: the sets of kernels and for which devices they are. */
#include "plugins/poc-worker/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of a processor's registers: ROWS sums and a column. What is best differs from one to the next: tuning finds it. */
static const struct {
    uint32_t lanes;
    uint32_t rows;
    uint32_t blocks;
    uint32_t depth;
} cpu_sizes[] = {
    {16, 6, 8, 256}, {16, 12, 4, 256}, {8, 6, 8, 256}, {16, 24, 2, 256}, {8, 12, 4, 256}, {8, 4, 8, 256},
};

#define CPU_COLUMNS 256 /* for one work-item: what a processor's second cache holds */

static unsigned
cpu_paths(struct poc_path *ret, unsigned max)
{
    unsigned n = 0;

    for (; n < sizeof(cpu_sizes) / sizeof(*cpu_sizes) && n < max; n++) {
        struct poc_path *path = &ret[n];

        *path = (struct poc_path){.name = "cpu",
                                  .lanes = cpu_sizes[n].lanes,
                                  .cell = 4,
                                  .rows = cpu_sizes[n].rows * cpu_sizes[n].blocks,
                                  .span = CPU_COLUMNS / cpu_sizes[n].lanes,
                                  .items = 1};
        (void)snprintf(path->options, sizeof(path->options), "-DLANES=%u -DROWS=%u -DBLOCKS=%u -DDEPTH=%u -DSPAN=%u",
                       cpu_sizes[n].lanes, cpu_sizes[n].rows, cpu_sizes[n].blocks, cpu_sizes[n].depth, path->span);
    }
    return n;
}

/* A work-group's and a warp's share of a product, features of a step, steps under way. */
static const struct {
    uint32_t down;
    uint32_t across;
    uint32_t tall;
    uint32_t wide;
    uint32_t depth;
    uint32_t stages;
} nvidia_sizes[] = {
    {128, 128, 64, 64, 32, 3}, {128, 256, 64, 64, 32, 2}, {256, 128, 64, 64, 32, 2},
    {128, 128, 64, 32, 32, 3}, {128, 64, 64, 32, 32, 4},
};

#define ASYNCHRONOUS_COPIES 80 /* the capability from which on there are cp.async and the mma that nvidia.cl uses */

static unsigned
nvidia_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    unsigned n = 0;

    if (info->capability < ASYNCHRONOUS_COPIES)
        return 0;
    for (size_t i = 0; i < sizeof(nvidia_sizes) / sizeof(*nvidia_sizes) && n < max; i++) {
        const uint32_t   down = nvidia_sizes[i].down;
        const uint32_t   across = nvidia_sizes[i].across;
        struct poc_path *path = &ret[n];

        if ((down + across) * nvidia_sizes[i].depth * sizeof(uint16_t) * nvidia_sizes[i].stages > info->local_memory)
            continue;
        *path = (struct poc_path){
            .name = "nvidia",
            .lanes = 1,
            .cell = 2,
            .rows = across,
            .span = down,
            .packs = 1,
            .items = down / nvidia_sizes[i].tall * (across / nvidia_sizes[i].wide) * 32,
            .one_query = 1,
        };
        (void)snprintf(path->options, sizeof(path->options),
                       "-DDOWN=%u -DACROSS=%u -DTALL=%u -DWIDE=%u -DDEPTH=%u -DSTAGES=%u", down, across,
                       nvidia_sizes[i].tall, nvidia_sizes[i].wide, nvidia_sizes[i].depth, nvidia_sizes[i].stages);
        n++;
    }
    return n;
}

static unsigned
portable_paths(struct poc_path *ret, unsigned max)
{
    if (max == 0)
        return 0;
    *ret = (struct poc_path){
        .name = "portable", .lanes = 64, .cell = 2, .rows = 64, .span = 1, .items = 256, .one_query = 1};
    return 1;
}

unsigned
poc_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    unsigned n = info->is_cpu ? cpu_paths(ret, max) : nvidia_paths(info, ret, max);

    return n + portable_paths(ret + n, max - n);
}

int
poc_path_named(const struct poc_device_info *info, const char *name, struct poc_path *ret)
{
    struct poc_path paths[16];
    unsigned        n = poc_paths(info, paths, sizeof(paths) / sizeof(*paths));

    for (unsigned i = 0; i < n; i++)
        if (!name || strcmp(paths[i].name, name) == 0) {
            *ret = paths[i];
            return 0;
        }
    return -ENOENT;
}

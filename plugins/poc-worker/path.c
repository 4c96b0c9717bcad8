/* path.c: the sets of kernels and for which devices they are. */
#include "plugins/poc-worker/engine.h"

#include "plugins/poc-worker/kernels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Of a processor: ROWS sums for each of TILES columns are in registers. The more BLOCKS of rows are packed together,
 * the less often the activations come from memory, and the fewer work-items there are. What is best differs from one
 * processor and shape of model to the next: tuning finds it. The last is for drivers that give little local memory.
 */
static const struct {
    uint32_t lanes;
    uint32_t rows;
    uint32_t tiles;
    uint32_t blocks;
    uint32_t depth;
} cpu_sizes[] = {
    {16, 12, 1, 4, 256}, {16, 6, 1, 8, 256},   {16, 6, 1, 16, 256}, {16, 8, 2, 16, 256}, {16, 14, 2, 16, 256},
    {16, 14, 2, 8, 384}, {16, 12, 2, 16, 256}, {8, 6, 2, 16, 256},  {16, 6, 1, 2, 256},
};

#define CPU_COLUMNS 256 /* for one work-item: what a processor's second cache holds */
#define CPU_SLICE 4096  /* of so many columns: 4 MiB, what its last cache holds for sure */
#define CPU_WAVES 4     /* work-items for each core, or more: the last ones leave some cores without any */

/* What cpu.cl holds in local memory: a packed panel with its padding, and sums. */
static uint64_t
cpu_local_memory(size_t i, uint32_t span)
{
    uint64_t rows = (uint64_t)cpu_sizes[i].rows * cpu_sizes[i].blocks;

    return rows * (cpu_sizes[i].depth + 16 + (uint64_t)span * cpu_sizes[i].lanes) * sizeof(float);
}

static unsigned
cpu_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(cpu_sizes) / sizeof(*cpu_sizes) && n < max; i++) {
        const uint32_t   span = CPU_COLUMNS / cpu_sizes[i].lanes;
        const uint32_t   rows = cpu_sizes[i].rows * cpu_sizes[i].blocks;
        const uint32_t   busy = rows * info->units * CPU_WAVES;
        struct poc_path *path = &ret[n];

        if (cpu_local_memory(i, span) > info->local_memory)
            continue;
        *path = (struct poc_path){.name = "cpu",
                                  .lanes = cpu_sizes[i].lanes,
                                  .cell = 4,
                                  .rows = rows,
                                  .span = span,
                                  .items = 1,
                                  .slice = busy > CPU_SLICE ? busy : CPU_SLICE};
        (void)snprintf(path->options, sizeof(path->options),
                       "-DLANES=%u -DROWS=%u -DTILES=%u -DBLOCKS=%u -DDEPTH=%u -DSPAN=%u", cpu_sizes[i].lanes,
                       cpu_sizes[i].rows, cpu_sizes[i].tiles, cpu_sizes[i].blocks, cpu_sizes[i].depth, span);
        n++;
    }
    return n;
}

/* A work-group's and a warp's share of a product, features of a step, steps under way. The first must be good anywhere:
 * NVIDIA's driver tells of 48 KiB of local memory, and takes kernels with more where the card has it. */
struct nvidia_size {
    uint32_t down;
    uint32_t across;
    uint32_t tall;
    uint32_t wide; /* a multiple of 64 */
    uint32_t depth;
    uint32_t stages;
};

static const struct nvidia_size mma_sizes[] = {
    {128, 128, 64, 64, 32, 3}, {128, 256, 64, 64, 32, 4}, {256, 128, 64, 64, 32, 4},
    {128, 128, 64, 64, 64, 3}, {128, 256, 64, 64, 64, 3},
};

static const struct nvidia_size wgmma_sizes[] = {
    {128, 256, 16, 256, 64, 4},
    {192, 256, 16, 256, 64, 4},
};

#define ASYNCHRONOUS_COPIES 80 /* the capability from which on there are cp.async and the mma that nvidia.cl uses */
#define WARPGROUPS 90          /* the only one with wgmma */

static void
nvidia_path(const char *name, const struct nvidia_size *size, struct poc_path *ret)
{
    const uint32_t items = size->down / size->tall * (size->across / size->wide) * 32;

    *ret = (struct poc_path){
        .name = name,
        .lanes = 1,
        .cell = 2,
        .rows = size->across,
        .span = size->down,
        .packs = 1,
        .items = items,
        .one_query = 1,
    };
    (void)snprintf(ret->options, sizeof(ret->options),
                   "-DDOWN=%u -DACROSS=%u -DTALL=%u -DWIDE=%u -DDEPTH=%u -DSTAGES=%u -DTHREADS=%u", size->down,
                   size->across, size->tall, size->wide, size->depth, size->stages, items);
}

static unsigned
nvidia_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    unsigned n = 0;

    for (size_t i = 0; info->capability == WARPGROUPS && i < sizeof(wgmma_sizes) / sizeof(*wgmma_sizes) && n < max; i++)
        nvidia_path("hopper", &wgmma_sizes[i], &ret[n++]);
    for (size_t i = 0; info->capability >= ASYNCHRONOUS_COPIES && i < sizeof(mma_sizes) / sizeof(*mma_sizes) && n < max;
         i++)
        nvidia_path("nvidia", &mma_sizes[i], &ret[n++]);
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

/* Intel's compiler makes sub-groups of the size that is asked for; elsewhere it is the hardware's: 64 or 32 on AMD's.
 * Where it is another one the self-test says so, and the next is tried. */
static unsigned
subgroup_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    static const struct {
        uint32_t    kind;
        uint32_t    items;
        uint32_t    rows;
        uint32_t    groups;
        const char *more;
    } sizes[] = {
        {POC_SUBGROUPS_INTEL, 16, 16, 16, " -DINTEL"},
        {POC_SUBGROUPS_INTEL, 16, 8, 16, " -DINTEL"},
        {POC_SUBGROUPS_KHRONOS, 64, 32, 4, " -cl-std=CL2.0"},
        {POC_SUBGROUPS_KHRONOS, 32, 16, 8, " -cl-std=CL2.0"},
    };
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && n < max; i++) {
        if (info->subgroups != sizes[i].kind)
            continue;
        ret[n] = (struct poc_path){.name = "subgroup",
                                   .lanes = 64,
                                   .cell = 2,
                                   .rows = sizes[i].rows * sizes[i].groups,
                                   .span = 1,
                                   .items = sizes[i].items * sizes[i].groups,
                                   .one_query = 1};
        (void)snprintf(ret[n].options, sizeof(ret[n].options), "-DSUBGROUP=%u -DROWS=%u -DGROUPS=%u%s", sizes[i].items,
                       sizes[i].rows, sizes[i].groups, sizes[i].more);
        n++;
    }
    return n;
}

unsigned
poc_paths(const struct poc_device_info *info, struct poc_path *ret, unsigned max)
{
    unsigned n = info->is_cpu ? cpu_paths(info, ret, max) : nvidia_paths(info, ret, max);

    n += subgroup_paths(info, ret + n, max - n);
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

const struct poc_sources *
poc_path_sources(const struct poc_path *path)
{
    static const struct {
        const char        *name;
        struct poc_sources sources;
    } all[] = {
        {"cpu", {{poc_kernels_half, poc_kernels_weights, poc_kernels_cpu}, 3}},
        {"hopper", {{poc_kernels_weights, poc_kernels_nvidia, poc_kernels_nvidia_wgmma}, 3}},
        {"nvidia", {{poc_kernels_weights, poc_kernels_nvidia, poc_kernels_nvidia_mma}, 3}},
        {"subgroup", {{poc_kernels_half, poc_kernels_weights, poc_kernels_portable, poc_kernels_subgroup}, 4}},
        {"portable", {{poc_kernels_half, poc_kernels_weights, poc_kernels_portable}, 3}},
    };
    size_t i = 0;

    while (i + 1 < sizeof(all) / sizeof(*all) && strcmp(all[i].name, path->name) != 0)
        i++;
    return &all[i].sources;
}

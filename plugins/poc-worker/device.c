/* device.c: which OpenCL devices there are, and opening one. */
#include "plugins/poc-worker/device.h"

#include <stdio.h>
#include <string.h>

#define PLATFORMS_MAX 16

/* cl_nv_device_attribute_query; its text leaves out those of PCI, but hwloc and clinfo read them in this way, too */
#define COMPUTE_CAPABILITY_MAJOR 0x4000
#define COMPUTE_CAPABILITY_MINOR 0x4001
#define NVIDIA_PCI_BUS 0x4008
#define NVIDIA_PCI_SLOT 0x4009
#define NVIDIA_PCI_DOMAIN 0x400a

/* cl_amd_device_attribute_query */
#define AMD_TOPOLOGY 0x4037
#define AMD_TOPOLOGY_PCIE 1

/* cl_khr_pci_bus_info: headers of OpenCL 2 have no name for it */
#define KHRONOS_PCI 0x410f

const char *
poc_cl_error(cl_int code)
{
    static const struct {
        cl_int      code;
        const char *name;
    } names[] = {
        {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
        {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
        {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
        {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
        {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
        {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
        {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
        {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
        {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
        {CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME"},
        {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
        {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
        {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
    };
    static char number[32];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].code == code)
            return names[i].name;
    (void)snprintf(number, sizeof(number), "OpenCL error %d", code);
    return number;
}

/* --- what there is -------------------------------------------------------------------------------------------------
 */

static void
device_text(cl_device_id id, cl_device_info what, char *ret, size_t len)
{
    size_t got = 0;

    ret[0] = 0;
    if (clGetDeviceInfo(id, what, len, ret, &got) != CL_SUCCESS || got == 0)
        (void)snprintf(ret, len, "?");
    ret[len - 1] = 0;
    while (*ret == ' ')
        memmove(ret, ret + 1, strlen(ret));
}

static void
device_number(cl_device_id id, cl_device_info what, void *ret, size_t len)
{
    memset(ret, 0, len);
    if (clGetDeviceInfo(id, what, len, ret, NULL) != CL_SUCCESS)
        memset(ret, 0, len);
}

static int
is_test_driver(const char *platform)
{
    return strncmp(platform, "Portable Computing Language", 27) == 0 || strncmp(platform, "Clover", 6) == 0 ||
           strncmp(platform, "rusticl", 7) == 0;
}

static uint32_t
capability_of(cl_device_id id)
{
    cl_uint major;
    cl_uint minor;

    device_number(id, COMPUTE_CAPABILITY_MAJOR, &major, sizeof(major));
    device_number(id, COMPUTE_CAPABILITY_MINOR, &minor, sizeof(minor));
    return major * 10 + minor;
}

/* --- where it is ---------------------------------------------------------------------------------------------------
 */

static struct poc_pci
pci_at(uint32_t domain, uint32_t bus, uint32_t device, uint32_t function)
{
    /* drivers that do not know fill it with ones */
    if (bus > 255 || device > 31 || function > 7)
        return (struct poc_pci){0};
    return (struct poc_pci){1, domain, bus, device, function};
}

struct poc_pci
poc_pci_of(const struct poc_pci_answers *answers)
{
    struct poc_pci       ret = {0};
    const uint32_t      *khronos = answers->khronos;
    const uint32_t      *nvidia = answers->nvidia;
    const unsigned char *amd = answers->amd;
    uint32_t             type;

    memcpy(&type, amd, sizeof(type));
    if (answers->has_khronos)
        ret = pci_at(khronos[0], khronos[1], khronos[2], khronos[3]);
    if (!ret.known && answers->has_nvidia)
        ret = pci_at(nvidia[0], nvidia[1], nvidia[2] >> 3, nvidia[2] & 7);
    if (!ret.known && answers->has_amd && type == AMD_TOPOLOGY_PCIE)
        ret = pci_at(0, amd[21], amd[22], amd[23]);
    return ret;
}

/* 1: the device answered, with as much as was asked. */
static int
device_answers(cl_device_id id, cl_device_info what, void *ret, size_t len)
{
    size_t got = 0;

    return clGetDeviceInfo(id, what, len, ret, &got) == CL_SUCCESS && got == len;
}

static struct poc_pci
pci_of(cl_device_id id, const char *extensions, int is_nvidia)
{
    struct poc_pci_answers answers = {0};

    if (strstr(extensions, "cl_khr_pci_bus_info"))
        answers.has_khronos = device_answers(id, KHRONOS_PCI, answers.khronos, sizeof(answers.khronos));
    if (is_nvidia)
        answers.has_nvidia = device_answers(id, NVIDIA_PCI_DOMAIN, &answers.nvidia[0], sizeof(answers.nvidia[0])) &&
                             device_answers(id, NVIDIA_PCI_BUS, &answers.nvidia[1], sizeof(answers.nvidia[1])) &&
                             device_answers(id, NVIDIA_PCI_SLOT, &answers.nvidia[2], sizeof(answers.nvidia[2]));
    if (strstr(extensions, "cl_amd_device_attribute_query"))
        answers.has_amd = device_answers(id, AMD_TOPOLOGY, answers.amd, sizeof(answers.amd));
    return poc_pci_of(&answers);
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

static void
describe(cl_platform_id platform, cl_device_id id, struct poc_device_info *ret)
{
    char           extensions[16384] = "";
    char           version[64] = "";
    char           name[96] = "";
    cl_ulong       memory;
    cl_ulong       largest;
    cl_ulong       local;
    cl_uint        units;
    cl_uint        megahertz;
    cl_device_type type;
    int            is_nvidia;

    memset(ret, 0, sizeof(*ret));
    device_text(id, CL_DEVICE_NAME, ret->name, sizeof(ret->name));
    device_text(id, CL_DEVICE_VENDOR, ret->vendor, sizeof(ret->vendor));
    device_text(id, CL_DRIVER_VERSION, ret->driver, sizeof(ret->driver));
    device_text(id, CL_DEVICE_EXTENSIONS, extensions, sizeof(extensions));
    device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, &memory, sizeof(memory));
    device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &largest, sizeof(largest));
    device_number(id, CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof(local));
    device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, &units, sizeof(units));
    device_number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, &megahertz, sizeof(megahertz));
    device_number(id, CL_DEVICE_TYPE, &type, sizeof(type));
    (void)clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, NULL);
    (void)clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof(version) - 1, version, NULL);
    (void)snprintf(ret->platform, sizeof(ret->platform), "%s, %s", name, version);
    ret->memory = memory;
    ret->largest_buffer = largest;
    ret->local_memory = local;
    ret->units = units;
    ret->megahertz = megahertz;
    ret->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    ret->has_fp16 = strstr(extensions, "cl_khr_fp16") != NULL;
    if (strstr(extensions, "cl_intel_subgroups") && strstr(extensions, "cl_intel_required_subgroup_size"))
        ret->subgroups = POC_SUBGROUPS_INTEL;
    else if (strstr(extensions, "cl_khr_subgroups"))
        ret->subgroups = POC_SUBGROUPS_KHRONOS;
    /* PoCL on such a card has the attributes too, but another compiler, and its slot is the device alone. */
    is_nvidia = strcmp(name, "NVIDIA CUDA") == 0 && strstr(extensions, "cl_nv_device_attribute_query");
    if (is_nvidia)
        ret->capability = capability_of(id);
    ret->pci = pci_of(id, extensions, is_nvidia);
    ret->test_only = (uint32_t)is_test_driver(ret->platform);
}

/* All devices in their order: handles and platforms. The count, or -1. */
static int
all_devices(cl_device_id ids[POC_DEVICES_MAX], cl_platform_id of[POC_DEVICES_MAX], char *reterr, size_t reterr_len)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint        n_platforms = 0;
    cl_int         code = clGetPlatformIDs(PLATFORMS_MAX, platforms, &n_platforms);
    int            n = 0;

    if (code != CL_SUCCESS || n_platforms == 0) {
        (void)snprintf(
            reterr, reterr_len,
            "no OpenCL driver is installed (%s): install the one of the card's vendor, or pocl-opencl-icd to "
            "compute on the processor; 'clinfo -l' shows what is there",
            code == CL_SUCCESS ? "no platform" : poc_cl_error(code));
        return -1;
    }
    if (n_platforms > PLATFORMS_MAX)
        n_platforms = PLATFORMS_MAX;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_uint found = 0;

        code = clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, (cl_uint)(POC_DEVICES_MAX - n), ids + n, &found);
        if (code != CL_SUCCESS)
            continue; /* a platform without devices says so with an error */
        if (found > (cl_uint)(POC_DEVICES_MAX - n))
            found = (cl_uint)(POC_DEVICES_MAX - n);
        for (cl_uint i = 0; i < found; i++)
            of[n++] = platforms[p];
        if (n == POC_DEVICES_MAX)
            break;
    }
    if (n == 0) {
        (void)snprintf(reterr, reterr_len,
                       "OpenCL has %u platform%s but no device: are the device files there and allowed to this user "
                       "(/dev/dri, /dev/nvidia*), and is 'allow: [gpu]' set",
                       n_platforms, n_platforms == 1 ? "" : "s");
        return -1;
    }
    return n;
}

int
poc_devices(struct poc_device_info ret[POC_DEVICES_MAX], char *reterr, size_t reterr_len)
{
    cl_device_id   ids[POC_DEVICES_MAX];
    cl_platform_id of[POC_DEVICES_MAX];
    int            n = all_devices(ids, of, reterr, reterr_len);

    for (int i = 0; i < n; i++)
        describe(of[i], ids[i], &ret[i]);
    return n;
}

/* --- opening one ---------------------------------------------------------------------------------------------------
 */

int
poc_device_open(unsigned index, const char *cache_dir, struct poc_device *ret, char *reterr, size_t reterr_len)
{
    cl_device_id   ids[POC_DEVICES_MAX];
    cl_platform_id of[POC_DEVICES_MAX];
    cl_int         code = CL_SUCCESS;
    int            n = all_devices(ids, of, reterr, reterr_len);

    memset(ret, 0, sizeof(*ret));
    if (n < 0)
        return -1;
    if (index >= (unsigned)n) {
        (void)snprintf(reterr, reterr_len, "there is no device %u: 'gonka-agent run poc-worker devices' shows all %d",
                       index, n);
        return -1;
    }
    describe(of[index], ids[index], &ret->info);
    ret->id = ids[index];
    if (cache_dir)
        (void)snprintf(ret->cache, sizeof(ret->cache), "%s", cache_dir);
    ret->context = clCreateContext(NULL, 1, &ret->id, NULL, NULL, &code);
    if (code == CL_SUCCESS)
        ret->queue = clCreateCommandQueue(ret->context, ret->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code == CL_SUCCESS)
        return 0;
    (void)snprintf(reterr, reterr_len, "%s (device %u) cannot be opened: %s: is it in use by another program, or lost",
                   ret->info.name, index, poc_cl_error(code));
    poc_device_close(ret);
    return -1;
}

void
poc_device_close(struct poc_device *device)
{
    if (device->queue)
        (void)clReleaseCommandQueue(device->queue);
    if (device->context)
        (void)clReleaseContext(device->context);
    device->queue = NULL;
    device->context = NULL;
}

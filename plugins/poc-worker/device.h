/*
 * device.h: OpenCL devices, and programs on them that are compiled once.
 *
 * The first call loads the drivers of this machine into the process; a driver may crash, hang, start threads or never
 * let go of its memory. So only processes that may be lost call these functions (lane.h).
 */
#ifndef POC_DEVICE_H
#define POC_DEVICE_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stddef.h>
#include <stdint.h>

#define POC_DEVICES_MAX 64

enum { POC_SUBGROUPS_NONE, POC_SUBGROUPS_KHRONOS, POC_SUBGROUPS_INTEL };

/* Where a card sits on the PCI bus: its name outside of OpenCL. */
struct poc_pci {
    uint32_t known; /* 0 or 1; 0: its driver does not say, and the rest is 0 */
    uint32_t domain;
    uint32_t bus;      /* to 255 */
    uint32_t device;   /* to 31 */
    uint32_t function; /* to 7 */
};

struct poc_device_info {
    char     name[128];
    char     vendor[128];
    char     driver[128];
    char     platform[192];  /* name and version */
    uint64_t memory;         /* bytes */
    uint64_t largest_buffer; /* bytes */
    uint64_t local_memory;   /* bytes, of a compute unit */
    uint32_t units;
    uint32_t megahertz;
    uint32_t is_cpu;     /* 0 or 1 */
    uint32_t has_fp16;   /* 0 or 1: cl_khr_fp16, for information: no path needs it */
    uint32_t subgroups;  /* POC_SUBGROUPS_...: registers shared by work-items, and by which extension */
    uint32_t capability; /* of NVIDIA's driver for its own cards: 90 for 9.0; 0: another driver */
    uint32_t test_only;  /* 0 or 1: a driver that is made for conformance rather than for work (PoCL, Mesa) */

    struct poc_pci pci;
};

struct poc_device {
    struct poc_device_info info;
    cl_device_id           id;
    cl_context             context;
    cl_command_queue       queue;
    char                   cache[4096]; /* folder of compiled programs; "": none is kept */
};

/* All devices of all platforms, in the order that the ICD loader gives; their place in it is their index. Returns how
 * many, or -1 with a sentence: no driver is installed, or one of them failed. */
int poc_devices(struct poc_device_info ret[POC_DEVICES_MAX], char *reterr, size_t reterr_len);

/* Opens device `index`. cache_dir may be NULL. 0, or -1 with a sentence. End with poc_device_close(). */
int  poc_device_open(unsigned index, const char *cache_dir, struct poc_device *ret, char *reterr, size_t reterr_len);
void poc_device_close(struct poc_device *device);

/*
 * The program of these sources (n texts, compiled as one) with these compiler options. What was compiled before for
 * the same sources, options, device and driver is taken from the cache; a file there that the driver does not take is
 * made anew. Assembly behind "//@" in the sources is for NVIDIA's sm_90a: see nvidia_wgmma.cl. *ret_compiled (may be
 * NULL): 1 when it had to be compiled. NULL with a sentence and the compiler's words.
 */
cl_program poc_program(const struct poc_device *device, const char *const *sources, unsigned n, const char *options,
                       int *ret_compiled, char *reterr, size_t reterr_len);

/* The PTX that a compiler made for sm_90, for sm_90a and with the assembly behind "//@" laid open; *ret_len: its
 * length. Free it. NULL: it is not such PTX, or no memory. */
char *poc_uncovered(const char *ptx, size_t len, size_t *ret_len);

/* A file of the device's cache whose name is a digest of the device, its driver and these n texts, with this ending. 0,
 * or -1: there is no cache. */
int poc_cache_path(const struct poc_device *device, const char *const *parts, unsigned n, const char *ending, char *ret,
                   size_t len);

/* What a driver answers when it is asked where its card sits, word for word. */
struct poc_pci_answers {
    int           has_khronos; /* 1: it answered, for each of the three */
    int           has_nvidia;
    int           has_amd;
    uint32_t      khronos[4]; /* CL_DEVICE_PCI_BUS_INFO_KHR: domain, bus, device, function */
    uint32_t      nvidia[3];  /* CL_DEVICE_PCI_DOMAIN_ID_NV, _BUS_ID_NV, _SLOT_ID_NV: device << 3 | function */
    unsigned char amd[24];    /* CL_DEVICE_TOPOLOGY_AMD: type (4 bytes, 1: PCIe), 17 unused, bus, device, function */
};

/* What these answers mean; the first one that names a place counts. AMD's names no domain: it is 0. */
struct poc_pci poc_pci_of(const struct poc_pci_answers *answers);

/* "CL_OUT_OF_RESOURCES", or the number of one without a name here. Static text. */
const char *poc_cl_error(cl_int code);

#endif

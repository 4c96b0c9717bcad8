/* heat.c: how hot a card is, from NVML or from the kernel. */
#include "plugins/poc-worker/heat.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the kernel's hwmon --------------------------------------------------------------------------------------------
 */

/* Degrees; NAN: the driver does not say now. */
static double
read_sensor(const char *path)
{
    char   line[32];
    char  *end = line;
    long   thousandths = 0;
    double ret = NAN;
    FILE  *file = fopen(path, "re");

    if (!file)
        return NAN;
    if (fgets(line, sizeof(line), file)) {
        errno = 0;
        thousandths = strtol(line, &end, 10);
        if (end > line && (*end == '\n' || *end == 0) && errno == 0)
            ret = (double)thousandths / 1000;
    }
    (void)fclose(file);
    return ret;
}

/* The folder's number is another one after a driver was loaded anew, so it is looked for each time. */
static double
read_hwmon(const char *card)
{
    /* The second one where the first is missing: AMD's MI300 has its junction there, Intel's xe its package. The third
     * is memory's. */
    static const char *const sensors[] = {"temp1_input", "temp2_input"};
    double                   ret = NAN;

    for (size_t s = 0; s < sizeof(sensors) / sizeof(*sensors) && isnan(ret); s++) {
        char   pattern[640];
        glob_t found = {0};

        (void)snprintf(pattern, sizeof(pattern), "%s/hwmon/hwmon*/%s", card, sensors[s]);
        if (glob(pattern, 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc && isnan(ret); i++)
                ret = read_sensor(found.gl_pathv[i]);
        globfree(&found);
    }
    return ret;
}

/* --- NVML ----------------------------------------------------------------------------------------------------------
 */

#define NVML_SUCCESS 0         /* of nvmlReturn_t */
#define NVML_TEMPERATURE_GPU 0 /* of nvmlTemperatureSensors_t: the die's */

/* nvmlDevice_t is a pointer to what only the library knows. */
typedef int (*nvml_function)(void);
typedef int (*nvml_by_bus_id)(const char *bus_id, void **ret);
typedef int (*nvml_temperature)(void *device, unsigned sensor, unsigned *ret);

static void
open_nvml(const struct poc_pci *pci, const char *library, struct poc_heat *ret)
{
    char             bus_id[48];
    void            *device = NULL;
    void            *so = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    nvml_function    init;
    nvml_function    shutdown;
    nvml_by_bus_id   by_bus_id;
    nvml_temperature temperature;

    if (!so)
        return;
    init = (nvml_function)dlsym(so, "nvmlInit_v2");
    shutdown = (nvml_function)dlsym(so, "nvmlShutdown");
    by_bus_id = (nvml_by_bus_id)dlsym(so, "nvmlDeviceGetHandleByPciBusId_v2");
    temperature = (nvml_temperature)dlsym(so, "nvmlDeviceGetTemperature");
    if (!init || !shutdown || !by_bus_id || !temperature || init() != NVML_SUCCESS)
        goto fail;
    /* as nvmlPciInfo_t has it */
    (void)snprintf(bus_id, sizeof(bus_id), "%08X:%02X:%02X.%X", pci->domain, pci->bus, pci->device, pci->function);
    if (by_bus_id(bus_id, &device) == NVML_SUCCESS) {
        *ret = (struct poc_heat){.library = so, .device = device, .temperature = temperature, .shutdown = shutdown};
        return;
    }
    (void)shutdown();
fail:
    (void)dlclose(so);
}

/* --- either --------------------------------------------------------------------------------------------------------
 */

void
poc_heat_open(const struct poc_device_info *info, const char *root, const char *library, struct poc_heat *ret)
{
    const struct poc_pci *pci = &info->pci;

    memset(ret, 0, sizeof(*ret));
    if (!pci->known)
        return;
    /* another driver than NVIDIA's own may be at work on such a card: its capability is 0 */
    if (info->capability != 0 || strncmp(info->vendor, "NVIDIA", 6) == 0)
        open_nvml(pci, library, ret);
    else
        (void)snprintf(ret->card, sizeof(ret->card), "%.400s/%04x:%02x:%02x.%x", root, pci->domain, pci->bus,
                       pci->device, pci->function);
}

double
poc_heat_read(const struct poc_heat *heat)
{
    unsigned degrees = 0;

    if (heat->card[0])
        return read_hwmon(heat->card);
    if (heat->library && heat->temperature(heat->device, NVML_TEMPERATURE_GPU, &degrees) == NVML_SUCCESS)
        return degrees;
    return NAN;
}

void
poc_heat_close(struct poc_heat *heat)
{
    if (heat->library) {
        (void)heat->shutdown();
        (void)dlclose(heat->library);
    }
    memset(heat, 0, sizeof(*heat));
}

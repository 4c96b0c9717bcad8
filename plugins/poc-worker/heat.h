/*
 * heat.h: how hot the card of an OpenCL device is, by where it sits on the PCI bus.
 *
 * Cards of NVIDIA tell it through NVML, the library of their driver's management (its "NVML API Reference Guide" names
 * the functions): the driver itself shows nothing to the kernel's hwmon. The others tell it through hwmon
 * (Documentation/hwmon/sysfs-interface.rst of Linux).
 *
 * NVML is the vendor's code like the driver: it may crash or hang, so only processes that may be lost call these
 * functions (lane.h), from one thread.
 */
#ifndef POC_HEAT_H
#define POC_HEAT_H

#include "plugins/poc-worker/device.h"

#define POC_HEAT_ROOT "/sys/bus/pci/devices"
#define POC_HEAT_NVML "libnvidia-ml.so.1" /* the name without .1 comes with packages for developers only */

/* Owned by who opened it. */
struct poc_heat {
    char  card[512]; /* the card's folder below the root; "": none is asked */
    void *library;   /* NVML, ready; NULL: none is asked */
    void *device;    /* the card's handle in it */
    int (*temperature)(void *device, unsigned sensor, unsigned *ret);
    int (*shutdown)(void);
};

/*
 * Finds who can say how hot the card of `info` is: for one of NVIDIA the library of this name (POC_HEAT_NVML), for the
 * others the card's folder below `root` (POC_HEAT_ROOT). It cannot fail: a card whose place is not known, a library
 * that is not there, is another one or does not know the card, is one that never says it, and is not tried again.
 * Nothing is kept of the arguments. End with poc_heat_close().
 */
void poc_heat_open(const struct poc_device_info *info, const char *root, const char *library, struct poc_heat *ret);

/* Degrees Celsius, now; NAN: nobody says it, now or ever. May take as long as a driver's call. */
double poc_heat_read(const struct poc_heat *heat);

/* A closed one says NAN, and may be closed again. */
void poc_heat_close(struct poc_heat *heat);

#endif

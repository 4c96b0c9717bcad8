/* peak.h: what a device does at most. */
#ifndef POC_PEAK_H
#define POC_PEAK_H

#include "plugins/poc-worker/device.h"

/*
 * Multiply-adds of binary32 from registers to registers, times two, per second: the best of a few runs of
 * kernels/peak.cl of about a fifth of a second. A negative number with a sentence when the device does not take the
 * kernel.
 */
double poc_peak(const struct poc_device *device, char *reterr, size_t reterr_len);

#endif

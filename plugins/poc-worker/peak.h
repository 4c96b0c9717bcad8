/* peak.h: what a device does at most. */
#ifndef POC_PEAK_H
#define POC_PEAK_H

#include "plugins/poc-worker/engine.h"

/*
 * Multiply-adds, times two, per second, of the kind that the path's products are made of and without their loads:
 * binary32 from registers to registers (kernels/peak.cl), or the tensor cores' instructions. The best of a few runs of
 * about a fifth of a second. A negative number with a sentence when the device does not take the kernel. *ret_core: the
 * same per second of processor time that it took: of a processor, what one core does, whoever else is at work.
 */
double poc_peak(const struct poc_device *device, const struct poc_path *path, double *ret_core, char *reterr,
                size_t reterr_len);

#endif

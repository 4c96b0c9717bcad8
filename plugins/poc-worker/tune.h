/*
 * tune.h: which of a path's sizes are the fastest here, found by trying them once on products of the model's shape.
 */
#ifndef POC_TUNE_H
#define POC_TUNE_H

#include "plugins/poc-worker/selftest.h"

/*
 * Replaces *path by the fastest path of the same name that passes the self-test. What was found is kept in the device's
 * cache folder, for this device, driver, kernels and model's widths; a file that is no such choice is found anew. On
 * any trouble *path stays as it is.
 */
void poc_tune(const struct poc_device *device, const struct poc_params *params, struct poc_path *path, poc_note note,
              void *userdata);

#endif

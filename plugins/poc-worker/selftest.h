/*
 * selftest.h: known answers. Before it works a device computes distances of small models that the network's reference
 * has computed; a path that is off by more than its tolerance is not used.
 */
#ifndef POC_SELFTEST_H
#define POC_SELFTEST_H

#include "plugins/poc-worker/engine.h"

#define POC_TOLERANCE 2e-5 /* of a distance; another order of summation moves it by 7e-6 at most */

/* Told what is being done. */
typedef void (*poc_note)(void *userdata, const char *text);

/* One path on one device. 0, or -1 with a sentence: which model, how far off, or the driver's failure. */
int poc_selftest(const struct poc_device *device, const struct poc_path *path, char *reterr, size_t reterr_len);

/* The path of this name, or (NULL) the first that passes. 0, or -1 with why each of them failed. */
int poc_selftest_choose(const struct poc_device *device, const char *name, struct poc_path *ret, poc_note note,
                        void *userdata, char *reterr, size_t reterr_len);

#endif

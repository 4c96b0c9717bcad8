/* spec.h: arguments of the tasks: which model, which nonces, which devices. No OpenCL here, no host. */
#ifndef POC_SPEC_H
#define POC_SPEC_H

#include "plugins/poc-worker/model.h"

#include <cjson/cJSON.h>

#define POC_NONCES_MAX ((size_t)1 << 20)
#define POC_CHOSEN_MAX 64

/* "v1", "v2", "default", or a JSON object with the members of a request's `params`: members that are missing have the
 * default's values, others are refused. 0, or -1 with a sentence. */
int poc_spec_params(const char *text, struct poc_params *ret, char *reterr, size_t reterr_len);
int poc_spec_params_json(const cJSON *json, struct poc_params *ret, char *reterr, size_t reterr_len);

/* "0,1,5-9": at most POC_NONCES_MAX numbers from 0 to 2^63-1. *ret is the caller's. 0, or -1 with a sentence. */
int poc_spec_nonces(const char *text, int64_t **ret, size_t *ret_n, char *reterr, size_t reterr_len);

/* Devices to work on. */
struct poc_chosen {
    int    devices[POC_CHOSEN_MAX]; /* index, or POC_PLAIN */
    size_t n;
};

struct poc_device_info;

/* "auto": every device that is not for tests only; without one, the first. "0,2": these; "plain" among them: plain C.
 * `n` devices were found. 0, or -1 with a sentence. */
int poc_spec_devices(const char *text, const struct poc_device_info *infos, int n, struct poc_chosen *ret, char *reterr,
                     size_t reterr_len);

/* "http://127.0.0.1:8080", what to listen on: the address, without the brackets of IPv6, and the port. 0, or -1. */
int poc_spec_listen(const char *url, char *address, size_t len, uint16_t *port);

#endif

/* poc_vectors.h: vectors of the network's reference, for the tests of poc-worker. A missing member fails the test. */
#ifndef TESTS_POC_VECTORS_H
#define TESTS_POC_VECTORS_H

#include "plugins/poc-worker/model.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* A file of tests/vectors/poc; the caller frees it. */
cJSON *vectors(const char *name);

const cJSON *member(const cJSON *object, const char *key);
const char  *text(const cJSON *object, const char *key);
double       number(const cJSON *object, const char *key);

/* The parameters of a vector's model. */
struct poc_params vector_params(const cJSON *vector);

/* SHA-256 of the bytes, in hex. */
void assert_digest(const void *data, size_t len, const char *expected);

#endif

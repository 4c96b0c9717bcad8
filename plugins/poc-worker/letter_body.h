/* letter_body.h: what is posted to receivers, as text. Each is the caller's to free; NULL without memory. */
#ifndef POC_LETTER_BODY_H
#define POC_LETTER_BODY_H

#include "plugins/poc-worker/api_body.h"

/* The network's ProofBatch. The arrays are borrowed. */
char *poc_body_generated(const struct poc_init *init, cJSON *nonces, cJSON *dist);

/* The network's ValidatedBatch: batch->n distances beside the claimed ones, and the fraud test. */
char *poc_body_validated(const struct poc_init *init, const struct poc_batch *batch, const double *distances);

#endif

/*
 * forward.h: the forward pass in plain C: the yardstick that every device path is held against, and the path of last
 * resort. binary16 storage, binary32 arithmetic, every tensor operation rounded to binary16 once.
 *
 * Weights are read from their windows in the pool as they are needed: nothing materialises the model.
 */
#ifndef POC_FORWARD_H
#define POC_FORWARD_H

#include "plugins/poc-worker/model.h"

struct poc_forward;

/* `layout` and `pool` are borrowed until poc_forward_done(). 0 or -ENOMEM. */
int poc_forward_make(const struct poc_params *params, const struct poc_layout *layout, const uint16_t *pool,
                     struct poc_forward **ret);

/* Logits of the last position: vocab_size numbers, each one that binary16 can hold. `input` as poc_input() makes it.
 * One call at a time for each poc_forward. cancelled() is asked once a layer and may be NULL; -ECANCELED when it
 * says 1. */
int poc_forward_logits(struct poc_forward *forward, const uint16_t *input, float *ret, int (*cancelled)(void *userdata),
                       void *userdata);

void poc_forward_done(struct poc_forward *forward);

/* head_dim / 2 frequencies of the rotary embedding, radians per position. */
void poc_rotary_frequencies(const struct poc_params *params, float *ret);

#endif

/*
 * pool.h: the pool of weights: n numbers binary16(binary32(0.02 * z_k)), z from the stream of the block hash.
 *
 * A normal takes one draw or, seldom, more; so nobody knows where number k starts. But a reader that starts anywhere
 * falls into step with the true one within a few numbers. So the stream is cut into blocks of draws which threads read
 * on their own; at each seam the reader before goes on until both stand at the same draw. The result is bit for bit
 * that of one reader, whatever the number of threads.
 */
#ifndef POC_POOL_H
#define POC_POOL_H

#include <stdint.h>

/* Told now and then, from any thread, one at a time: numbers done. Returns 1 to give up. */
typedef int (*poc_pool_progress)(uint64_t done, void *userdata);

/* Fills ret[0..n). threads 0: as many as there are processors. 0, -ECANCELED, -ENOMEM, or -EAGAIN (no thread). */
int poc_pool_fill(const char *block_hash, uint16_t *ret, uint64_t n, unsigned threads, poc_pool_progress progress,
                  void *userdata);

#endif

/* poc_queue_world.h: a queue in a folder of its own, and what its tests ask of it. Each of them fails the test when it
 * is not as asked. */
#ifndef POC_QUEUE_WORLD_H
#define POC_QUEUE_WORLD_H

#include "plugins/poc-worker/queue.h"

extern char queue_folder[64]; /* of this test */
extern char queue_path[96];   /* of the queue in it */
extern char queue_err[1024];  /* the sentence of the last error */

int queue_setup(void **state);
int queue_teardown(void **state);

struct poc_queue *open_queue(void);
struct poc_letter batch_of(const char *url, int64_t height, const char *body);
void              put(struct poc_queue *queue, const char *url, int64_t height, const char *body);
void              take_out(struct poc_queue *queue, int64_t id);
int64_t           depth(struct poc_queue *queue);

/* What is due at now_ms is the batch of this body; its id. */
int64_t expect_next(struct poc_queue *queue, int64_t now_ms, const char *body);

/* What is kept under the key; NULL: nothing. */
void expect_progress(struct poc_queue *queue, const char *key, const char *value);

#endif

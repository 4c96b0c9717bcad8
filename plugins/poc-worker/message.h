/* message.h: JSON objects between the processes of `serve`, and requests as JSON. */
#ifndef POC_MESSAGE_H
#define POC_MESSAGE_H

#include "plugins/poc-worker/api_body.h"

#include <cjson/cJSON.h>

/* A pair of stream sockets for messages. 0 or -errno. */
int message_pair(int ret[2]);

/* Sends it whole. 0 or -errno (-EPIPE: the other side is gone). */
int message_send(int fd, const cJSON *message);

/* Reads one whole message: *ret is the caller's. 0, -EPIPE at the end, -EBADMSG for what is none. Blocks until it is
 * there; poll(2) for readable first where that matters. */
int message_receive(int fd, cJSON **ret);

/* As in a request's body: poc_init_parse() and poc_batch_parse() read it. NULL without memory. */
cJSON *message_of_init(const struct poc_init *init);
cJSON *message_of_batch(const struct poc_batch *batch);

#endif

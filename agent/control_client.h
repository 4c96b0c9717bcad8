/*
 * control_client.h: the client side of the control socket: one request, JSON lines back. Blocking, one thread.
 */
#ifndef AGENT_CONTROL_CLIENT_H
#define AGENT_CONTROL_CLIENT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define CLIENT_LINE_MAX (64u << 20) /* a report of 16 MiB, escaped, and room */

struct client;

/*
 * Connects to the daemon's socket. 0, or -errno with reterr saying where, why and the next step: -ENOENT and
 * -ECONNREFUSED mean that no daemon runs, anything else that it could not be asked.
 */
int client_connect(const char *path, struct client **ret, char *reterr, size_t reterr_len);

/* Is this error of client_connect() proof that no daemon is there? */
int client_absent(int error);

/* Sends one request; borrowed. 0 or -errno. */
int client_send(struct client *client, const cJSON *request);

/*
 * Waits at most timeout_ms (-1: for ever) for the next line. 0 and *ret, to be freed by the caller; -ENODATA the daemon
 * closed, -ETIMEDOUT, -EBADMSG a line that is no JSON object or too long, or another -errno.
 */
int client_next(struct client *client, int timeout_ms, cJSON **ret);

/* The descriptor, for poll(2). Borrowed. */
int client_fd(const struct client *client);

void client_close(struct client *client); /* accepts NULL */

/* Connects, sends, takes the one answer. 0 and *ret, or -errno with reterr as above. */
int client_ask(const char *path, const cJSON *request, int timeout_ms, cJSON **ret, char *reterr, size_t reterr_len);

#endif

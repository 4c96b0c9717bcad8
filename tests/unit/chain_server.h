/* chain_server.h: a node that answers as it is told, in a process of its own. For the tests of kit/chain.h. */
#ifndef GA_TESTS_CHAIN_SERVER_H
#define GA_TESTS_CHAIN_SERVER_H

#include <stddef.h>
#include <sys/types.h>

enum chain_server_manner {
    CHAIN_SERVER_WHOLE,   /* the answer, with its length */
    CHAIN_SERVER_HALF,    /* half the body that the length says, then the end */
    CHAIN_SERVER_SILENT,  /* the connection stays open, nothing comes */
    CHAIN_SERVER_ENDLESS, /* the body again and again, until the other side has enough */
};

struct chain_server_reply {
    const char              *target; /* "/status": path and query, as asked; NULL ends the list */
    int                      status; /* 0: 200 */
    const char              *body;
    enum chain_server_manner manner;
};

struct chain_server {
    pid_t pid;
    int   life; /* closing it ends the server */
    int   port;
    char  url[64]; /* http://127.0.0.1:port */
};

/* Starts it on a free port; what is not in the list is answered with a web page and status 404. The list and its texts
 * are copied with the process. Fails the test when it cannot. */
void chain_server_start(struct chain_server *server, const struct chain_server_reply *replies);

/* Ends it and waits for that. */
void chain_server_stop(struct chain_server *server);

/* A port of 127.0.0.1 that nobody listens on, as a URL. */
void chain_server_nobody(char *url, size_t len);

/* An answer to /status, static: eight of them are kept. height is JSON: a number or a string in quotes. */
const char *chain_server_status(const char *chain_id, const char *node_id, const char *height, const char *time,
                                const char *catching_up);

#endif

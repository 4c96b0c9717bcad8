/* scripted_http.h: an HTTP server in a process of its own on a free port of 127.0.0.1 that gives prepared answers, one
 * connection each, and hands on what it was asked. Fails the test when something is not as asked. */
#ifndef SCRIPTED_HTTP_H
#define SCRIPTED_HTTP_H

#include <stddef.h>
#include <sys/types.h>

#define SCRIPTED_HANG "" /* takes the request and never answers */
#define SCRIPTED_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

struct scripted_http {
    pid_t pid;
    int   port;
    int   told; /* readable when there is a request; it is told before it is answered */
    char  url[64];
};

/* Answers whole, as they go over the wire; NULL at the end: after that each request is answered with the last one. */
void scripted_http_start(struct scripted_http *server, const char *const *answers);

/* Ends it; nothing when it was not started or is ended already. */
void scripted_http_stop(struct scripted_http *server);

/* The next request whole, the caller's to free; waits for it. */
char *scripted_http_request(struct scripted_http *server);

/* There was no request but those that were read. */
void scripted_http_expect_no_request(struct scripted_http *server);

/* The URL of a port of 127.0.0.1 that is taken and at which nobody listens, until the descriptor is closed that is
 * returned. */
int refused_url(char *ret, size_t len);

#endif

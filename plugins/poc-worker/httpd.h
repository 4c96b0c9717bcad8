/*
 * httpd.h: the worker's REST API on a TCP port, on libmicrohttpd with threads of its own.
 *
 * Requests are read side by side; the engine is called for one at a time, so a request waits while another one stops
 * what runs. No Content-Type is asked for, and there is no login: whoever reaches the port commands the worker, as with
 * the network's own node.
 */
#ifndef POC_HTTPD_H
#define POC_HTTPD_H

#include "plugins/poc-worker/api.h"

#define POC_HTTPD_BODY_MAX (16u << 20) /* bytes of a request's body unless something else is asked for */
#define POC_HTTPD_CONNECTIONS 64       /* at a time; further ones wait */
#define POC_HTTPD_IDLE_S 30            /* a connection on which nothing moves is closed then */

struct poc_httpd;

struct poc_httpd_config {
    const char                  *address; /* IPv4 or IPv6 in figures: "0.0.0.0", "::1" */
    uint16_t                     port;    /* 0: one that is free */
    const struct poc_engine_ops *ops;     /* borrowed until poc_httpd_stop(); called from threads of the server */
    /* Instead of the API and `ops`: answers every request, as poc_api_handle() does; one at a time. */
    int (*handle)(void *userdata, const char *method, const char *path, const char *body, size_t len,
                  struct poc_reply *ret);
    void  *userdata;
    size_t max_body; /* bytes; 0: POC_HTTPD_BODY_MAX. A longer body is answered with 413 */
};

/* 0 and *ret, which listens; or a negative errno and a sentence in reterr. End with poc_httpd_stop(). */
int poc_httpd_start(const struct poc_httpd_config *config, struct poc_httpd **ret, char *reterr, size_t reterr_len);

/* The port it listens on. */
uint16_t poc_httpd_port(const struct poc_httpd *httpd);

/* Lets a call of the engine that is under way end, closes all connections, ends all threads, frees `httpd` (NULL: does
 * nothing). After it the engine is called no more. */
void poc_httpd_stop(struct poc_httpd *httpd);

#endif

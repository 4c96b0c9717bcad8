/* kit/docker.h: asks the Docker Engine for the address of a container. On kit/http.h. */
#ifndef GA_KIT_DOCKER_H
#define GA_KIT_DOCKER_H

#include <stddef.h>

/*
 * The IP address of a running container, as text in ret (at least 46 bytes), from GET /API/containers/NAME/json over
 * the Unix socket. Of several networks the first with an address counts. api is a version ("v1.41"); cancel_fd as in
 * kit/http.h. 0, or a negative errno with one sentence in reterr: -ENOENT no such container, -EHOSTDOWN not running,
 * -EADDRNOTAVAIL no address (host or no network), -EINVAL no name of a container, others as ga_http_json().
 */
int ga_docker_address(const char *socket_path, const char *api, const char *name, int cancel_fd, char *ret, size_t len,
                      char *reterr, size_t reterr_len);

#endif

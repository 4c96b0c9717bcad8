/* docker.c: the address of a container. */
#include "kit/docker.h"

#include "kit/http.h"
#include "kit/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* 1 when the text is an IPv4 or IPv6 address: what Docker says becomes part of a URL. */
static int
is_address(const char *text)
{
    unsigned char binary[16];

    return text && (inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1);
}

static const char *
first_address(const cJSON *settings)
{
    const cJSON *at;

    if (is_address(ga_json_str(settings, "IPAddress")))
        return ga_json_str(settings, "IPAddress");
    cJSON_ArrayForEach(at, ga_json_get(settings, "Networks"))
    {
        if (is_address(ga_json_str(at, "IPAddress")))
            return ga_json_str(at, "IPAddress");
        if (is_address(ga_json_str(at, "GlobalIPv6Address")))
            return ga_json_str(at, "GlobalIPv6Address");
    }
    return NULL;
}

static int
take_address(const cJSON *container, const char *name, char *ret, size_t len, char *reterr, size_t reterr_len)
{
    const char *address = first_address(ga_json_get(container, "NetworkSettings"));

    if (!ga_json_bool(ga_json_get(container, "State"), "Running", 0)) {
        (void)snprintf(reterr, reterr_len, "container %s is not running: start it, docker ps -a shows it", name);
        return -EHOSTDOWN;
    }
    if (!address) {
        (void)snprintf(reterr, reterr_len,
                       "container %s has no address of its own: with network_mode host write nats://127.0.0.1:PORT",
                       name);
        return -EADDRNOTAVAIL;
    }
    (void)snprintf(ret, len, "%s", address);
    return 0;
}

int
ga_docker_address(const char *socket_path, const char *api, const char *name, int cancel_fd, char *ret, size_t len,
                  char *reterr, size_t reterr_len)
{
    char                   url[400];
    struct ga_http_request request = {.url = url,
                                      .unix_socket = socket_path,
                                      .connect_ms = 3000,
                                      .total_ms = 5000,
                                      .max_answer = 4u << 20,
                                      .cancel_fd = cancel_fd};
    cJSON                 *container = NULL;
    char                   why[768];
    long                   status = 0;
    int                    r;

    if (!*name || strlen(name) > 255 || strspn(name, ALPHABET "_.-") != strlen(name) ||
        strspn(api, ALPHABET ".") != strlen(api)) {
        (void)snprintf(reterr, reterr_len, "'%.80s' is no name of a container: write docker://CONTAINER:PORT", name);
        return -EINVAL;
    }
    (void)snprintf(url, sizeof(url), "http://localhost/%.20s/containers/%s/json", api, name);
    r = ga_http_json(&request, &container, &status, why, sizeof(why));
    if (r == 0)
        r = take_address(container, name, ret, len, reterr, reterr_len);
    else if (status == 404) {
        (void)snprintf(reterr, reterr_len, "there is no container %s: docker ps -a shows the names", name);
        r = -ENOENT;
    } else {
        (void)snprintf(reterr, reterr_len,
                       "cannot ask Docker at %s for container %s (%.400s): is docker_socket right, and may the agent's "
                       "user use it (group docker)",
                       socket_path, name, why);
    }
    cJSON_Delete(container);
    return r;
}

/* connect.c: the connection as the options say. */
#include "plugins/nats-ttl/ttl.h"

#include "kit/docker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVERS_MAX 32
#define URL_MAX 320

int64_t
real_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The address of docker://CONTAINER[:PORT] as nats://ADDRESS:PORT. 0, or -1 with *err. */
static int
resolve(struct ga_run *run, const struct ga_host *host, const char *url, char ret[URL_MAX], struct ga_nats_error *err)
{
    const char *name = url + strlen("docker://");
    size_t      len = strcspn(name, ":/");
    const char *port = name[len] == ':' ? name + len + 1 : "4222";
    char        container[256];
    char        address[64];
    char        why[700];
    const char *socket_path = host->str(run, "docker_socket");

    (void)snprintf(container, sizeof(container), "%.*s", (int)len, name);
    if (!socket_path) {
        err->why = GA_NATS_CONFIG;
        (void)snprintf(err->text, sizeof(err->text), "%.255s needs Docker's socket: set docker_socket in the manifest",
                       url);
        return -1;
    }
    if (ga_docker_address(socket_path, host->str(run, "docker_api"), container, host->cancel_fd(run), address,
                          sizeof(address), why, sizeof(why)) < 0) {
        err->why = GA_NATS_RESOLVE;
        (void)snprintf(err->text, sizeof(err->text), "%.60s: %s", url, why);
        return -1;
    }
    (void)snprintf(ret, URL_MAX, strchr(address, ':') ? "nats://[%s]:%.*s" : "nats://%s:%.*s", address,
                   (int)strspn(port, "0123456789"), port);
    return 0;
}

/*
 * The servers in the order of the manifest, containers by their address at this moment. The number of them; those whose
 * address cannot be found are left out, *err says why.
 */
static size_t
collect(struct ga_run *run, const struct ga_host *host, const char *ret[SERVERS_MAX],
        char resolved[SERVERS_MAX][URL_MAX], struct ga_nats_error *err)
{
    size_t n = host->count(run, "servers");
    size_t used = 0;

    if (n > SERVERS_MAX) {
        host->log(run, GA_LOG_WARNING, "only the first %d of %zu servers are tried", SERVERS_MAX, n);
        n = SERVERS_MAX;
    }
    for (size_t i = 0; i < n; i++) {
        const char *url = host->str_at(run, "servers", i);

        if (strncmp(url, "docker://", 9) != 0)
            ret[used++] = url;
        else if (resolve(run, host, url, resolved[used], err) == 0) {
            ret[used] = resolved[used];
            used++;
        } else if (n > 1) {
            host->log(run, GA_LOG_WARNING, "%s", err->text);
        }
    }
    return used;
}

struct whose {
    struct ga_run        *run;
    const struct ga_host *host;
};

static void
beat(void *userdata)
{
    const struct whose *whose = userdata;

    whose->host->beat(whose->run);
}

struct ga_nats *
connect_server(struct ga_run *run, const struct ga_host *host, struct ga_nats_error *err)
{
    const char           *servers[SERVERS_MAX];
    char                  resolved[SERVERS_MAX][URL_MAX];
    struct whose          whose = {run, host};
    struct ga_nats_config config = {
        .servers = servers,
        .name = "gonka-agent nats-ttl",
        .user = host->str(run, "user"),
        .password = host->str(run, "password"),
        .token = host->str(run, "token"),
        .nkey = host->str(run, "nkey"),
        .creds = host->str(run, "creds"),
        .ca_file = host->str(run, "ca"),
        .cert_file = host->str(run, "cert"),
        .key_file = host->str(run, "key"),
        .connect_timeout_ms = host->num(run, "connect_timeout") / 1000000,
        .request_timeout_ms = host->num(run, "request_timeout") / 1000000,
        .api_prefix = host->str(run, "api_prefix"),
        .cancel_fd = host->cancel_fd(run),
        .tick = beat,
        .userdata = &whose,
    };

    config.n_servers = collect(run, host, servers, resolved, err);
    if (config.n_servers == 0 && host->count(run, "servers") > 0)
        return NULL; /* the reason is there */
    return ga_nats_connect(&config, err);
}

/* chain_options.c: the common options of plugins of the chain. */
#include "kit/chain_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)

struct reader {
    struct ga_run         *run;
    const struct ga_host  *host;
    struct ga_chain_setup *setup;
    char                  *why;
    size_t                 len;
};

static const char *
text_of(const struct reader *reader, const char *key)
{
    return reader->host->has(reader->run, key) ? reader->host->str(reader->run, key) : NULL;
}

static void
set_limits(const struct reader *reader, struct ga_chain_source *source)
{
    source->total_ms = (int)(reader->host->num(reader->run, "ask_timeout") / NS_PER_MS);
    source->cancel_fd = reader->host->cancel_fd(reader->run);
}

/* Where a port of its own is named it is used; the other of the two is the proxy's, when there is a proxy. */
static int
read_own(const struct reader *reader)
{
    struct ga_chain_source *own = reader->setup->sources;
    struct ga_chain_error   error = {.why = GA_CHAIN_OK};
    const char             *proxy = text_of(reader, "node");
    const char             *rpc = text_of(reader, "node_rpc");
    const char             *rest = text_of(reader, "node_rest");
    struct ga_chain_source  below;

    if (!proxy && !rpc && !rest)
        return 0;
    if (proxy && ga_chain_source_below(&below, "node", proxy, &error) != GA_CHAIN_OK)
        goto bad;
    if (!rpc)
        rpc = proxy ? below.rpc : NULL;
    if (!rest)
        rest = proxy ? below.api : NULL;
    if (!rpc) {
        (void)snprintf(reader->why, reader->len,
                       "node_rest is given without node_rpc or node: a node's state is asked over its RPC; name one");
        return -EINVAL;
    }
    if (ga_chain_source_direct(own, "node", rpc, rest, &error) != GA_CHAIN_OK)
        goto bad;
    set_limits(reader, own);
    reader->setup->has_own = 1;
    reader->setup->n = 1;
    return 0;

bad:
    (void)snprintf(reader->why, reader->len, "this host's node: %s", error.text);
    return -EINVAL;
}

static int
read_others(const struct reader *reader)
{
    struct ga_chain_setup *setup = reader->setup;
    struct ga_chain_error  error = {.why = GA_CHAIN_OK};

    for (size_t i = 0; i < reader->host->count(reader->run, "sources"); i++) {
        const char *url = reader->host->str_at(reader->run, "sources", i);

        if (setup->n == GA_CHAIN_SOURCES_MAX) {
            (void)snprintf(reader->why, reader->len,
                           "sources has %zu entries, %d nodes can be asked at most: name fewer",
                           reader->host->count(reader->run, "sources"), GA_CHAIN_SOURCES_MAX);
            return -EINVAL;
        }
        if (ga_chain_source_below(&setup->sources[setup->n], NULL, url, &error) != GA_CHAIN_OK) {
            (void)snprintf(reader->why, reader->len, "sources[%zu]: %s", i, error.text);
            return -EINVAL;
        }
        set_limits(reader, &setup->sources[setup->n++]);
    }
    return 0;
}

int
ga_chain_setup(struct ga_run *run, const struct ga_host *host, struct ga_chain_setup *ret, char *why, size_t len)
{
    const struct reader reader = {.run = run, .host = host, .setup = ret, .why = why, .len = len};
    int                 r;

    memset(ret, 0, sizeof(*ret));
    r = read_own(&reader);
    if (r == 0)
        r = read_others(&reader);
    if (r < 0)
        return r;
    if (ret->n == 0) {
        (void)snprintf(why, len, "no node to ask: set the option node (http://127.0.0.1:8000) or sources");
        return -EINVAL;
    }
    ret->rules.chain_id = host->str(run, "chain_id");
    ret->rules.agree = (int)host->num(run, "agree");
    if (ret->rules.agree == 0)
        ret->rules.agree = ret->n == 1 ? 1 : 2;
    if ((size_t)ret->rules.agree > ret->n) {
        (void)snprintf(why, len, "agree is %d, but only %zu node%s named: it could never be reached", ret->rules.agree,
                       ret->n, ret->n == 1 ? " is" : "s are");
        return -EINVAL;
    }
    ret->rules.max_lag = host->num(run, "max_lag");
    ret->rules.max_age_ns = host->num(run, "max_age");
    return 0;
}

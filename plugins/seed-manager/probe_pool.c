/* probe_pool.c: many candidates at once, in a bounded number of threads with small stacks. */
#include "plugins/seed-manager/probe.h"

#include "kit/http.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define STACK_BYTES ((size_t)512 * 1024)
#define ARENAS 4 /* of malloc: one for each thread would hold on to what it once needed */

struct pool {
    struct ga_run            *run;
    const struct ga_host     *host;
    const struct probe_rules *rules;
    const struct candidate   *candidates;
    struct probe             *probes;
    size_t                    n;
    int                       cancel_fd;
    atomic_size_t             next;
    atomic_size_t             done;
};

static void *
work(void *userdata)
{
    struct pool *pool = userdata;
    size_t       i;

    while (!pool->host->cancelled(pool->run) && probe_now() < pool->rules->deadline_ns &&
           (i = atomic_fetch_add(&pool->next, 1)) < pool->n) {
        probe_one(pool->rules, pool->cancel_fd, &pool->candidates[i], &pool->probes[i]);
        pool->host->progress(pool->run, "asking candidates", atomic_fetch_add(&pool->done, 1) + 1, pool->n);
    }
    return NULL;
}

int
probe_threads(void *(*work_of_one)(void *), void *userdata, size_t n)
{
    pthread_t     *threads = calloc(n + 1, sizeof(*threads));
    pthread_attr_t attr;
    sigset_t       all;
    sigset_t       before;
    size_t         started = 0;

    if (!threads || pthread_attr_init(&attr) != 0) {
        free(threads);
        return -ENOMEM;
    }
    ga_http_setup();
    (void)mallopt(M_ARENA_MAX, ARENAS);
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < n && pthread_create(&threads[started], &attr, work_of_one, userdata) == 0)
        started++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
    return started > 0 || n == 0 ? 0 : -EAGAIN;
}

int
probe_all(struct ga_run *run, const struct ga_host *host, const struct probe_rules *rules,
          const struct candidate *candidates, struct probe *probes, size_t n)
{
    struct pool pool = {.run = run,
                        .host = host,
                        .rules = rules,
                        .candidates = candidates,
                        .probes = probes,
                        .n = n,
                        .cancel_fd = host->cancel_fd(run)};

    return probe_threads(work, &pool, n < (size_t)rules->parallel ? n : (size_t)rules->parallel);
}

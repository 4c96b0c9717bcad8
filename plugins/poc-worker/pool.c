/* pool.c: the pool of weights, made by many threads and still bit for bit that of one. */
#include "plugins/poc-worker/pool.h"

#include "plugins/poc-worker/random.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_DRAWS 65536 /* 128 KiB of numbers: stays in the second-level cache */
#define CHUNK 512
#define THREADS_MAX 256
#define TOLD_EVERY 256 /* blocks */

struct pool_work {
    struct poc_stream first; /* position 0 */
    uint16_t         *ret;
    uint64_t          n;
    poc_pool_progress progress;
    void             *userdata;
    pthread_mutex_t   lock;
    pthread_cond_t    turn;
    uint64_t          next_block; /* to be taken */
    uint64_t          seam;       /* the block whose offset is known next */
    uint64_t          offset;     /* where the numbers of block `seam` go */
    uint64_t          skip;       /* numbers at its start that the reader before has made already */
    int               error;
};

/* One block's numbers, and a little of the next's. */
struct pool_block {
    uint16_t *numbers; /* room for BLOCK_DRAWS + the numbers of a seam */
    size_t    count;
    size_t    skip_next; /* numbers at the start of the next block that belong to this one or to nobody */
};

#define SEAM_ROOM 65536

static void
scale(double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = 0.0 + 0.02 * values[i];
}

static void
append(struct pool_block *block, double *values, size_t n)
{
    scale(values, n);
    poc_to_halves(values, block->numbers + block->count, n);
    block->count += n;
}

/* Reads from draw `from` until the draw `to` is passed or met, then on into step with a reader that starts at `to`. */
static int
read_block(const struct poc_stream *first, uint64_t from, struct pool_block *block)
{
    struct poc_stream stream = *first;
    struct poc_stream other;
    uint64_t          to = from + BLOCK_DRAWS;
    double            values[CHUNK];

    poc_stream_jump(&stream, from);
    block->count = 0;
    block->skip_next = 0;
    /* a chunk of numbers takes at least as many draws: far from the end there is no need to look */
    while (poc_stream_position(&stream) + 4 * CHUNK < to) {
        poc_fill_normals(&stream, values, CHUNK);
        append(block, values, CHUNK);
    }
    while (poc_stream_position(&stream) < to) {
        values[0] = poc_next_normal(&stream);
        append(block, values, 1);
    }
    other = *first;
    poc_stream_jump(&other, to);
    while (poc_stream_position(&stream) != poc_stream_position(&other)) {
        if (poc_stream_position(&stream) > poc_stream_position(&other)) {
            (void)poc_next_normal(&other);
            block->skip_next++;
        } else {
            values[0] = poc_next_normal(&stream);
            append(block, values, 1);
        }
        if (block->skip_next > SEAM_ROOM || block->count > BLOCK_DRAWS + SEAM_ROOM - CHUNK)
            return -ERANGE; /* two readers that never meet: cannot be with this generator */
    }
    return 0;
}

/* Waits until the place of block `number` is known, makes known that of the next, and copies. 1 when the pool is full.
 */
static int
put_block(struct pool_work *work, uint64_t number, const struct pool_block *block)
{
    uint64_t offset;
    uint64_t skip;
    uint64_t count;

    (void)pthread_mutex_lock(&work->lock);
    while (work->seam != number && !work->error)
        (void)pthread_cond_wait(&work->turn, &work->lock);
    offset = work->offset;
    skip = work->skip;
    count = block->count > skip ? block->count - skip : 0;
    if (!work->error) {
        work->seam = number + 1;
        work->offset = offset + count;
        work->skip = block->skip_next;
        if (work->progress && number % TOLD_EVERY == 0 &&
            work->progress(offset < work->n ? offset : work->n, work->userdata))
            work->error = -ECANCELED;
    }
    (void)pthread_cond_broadcast(&work->turn);
    if (work->error) {
        (void)pthread_mutex_unlock(&work->lock);
        return 1;
    }
    (void)pthread_mutex_unlock(&work->lock);
    if (offset >= work->n)
        return 1;
    if (count > work->n - offset)
        count = work->n - offset;
    memcpy(work->ret + offset, block->numbers + skip, count * sizeof(*work->ret));
    return 0;
}

static void
fail(struct pool_work *work, int error)
{
    (void)pthread_mutex_lock(&work->lock);
    if (!work->error)
        work->error = error;
    (void)pthread_cond_broadcast(&work->turn);
    (void)pthread_mutex_unlock(&work->lock);
}

static void *
pool_thread(void *userdata)
{
    struct pool_work *work = userdata;
    struct pool_block block = {.numbers = malloc((BLOCK_DRAWS + SEAM_ROOM) * sizeof(uint16_t))};
    int               done = block.numbers == NULL;

    if (done)
        fail(work, -ENOMEM);
    while (!done) {
        uint64_t number = __atomic_fetch_add(&work->next_block, 1, __ATOMIC_RELAXED);
        int      r = read_block(&work->first, number * BLOCK_DRAWS, &block);

        if (r < 0) {
            fail(work, r);
            break;
        }
        done = put_block(work, number, &block);
    }
    free(block.numbers);
    return NULL;
}

static unsigned
processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int
poc_pool_fill(const char *block_hash, uint16_t *ret, uint64_t n, unsigned threads, poc_pool_progress progress,
              void *userdata)
{
    struct pool_work work = {.ret = ret, .n = n, .progress = progress, .userdata = userdata};
    pthread_t        ids[THREADS_MAX];
    unsigned         started = 0;
    int              r = poc_stream_init(&work.first, block_hash, 4);

    if (r < 0)
        return r;
    if (threads == 0)
        threads = processors();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    (void)pthread_mutex_init(&work.lock, NULL);
    (void)pthread_cond_init(&work.turn, NULL);
    while (started + 1 < threads && pthread_create(&ids[started], NULL, pool_thread, &work) == 0)
        started++;
    (void)pool_thread(&work); /* this one too: where no thread can be had it is slow, not wrong */
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(ids[i], NULL);
    (void)pthread_cond_destroy(&work.turn);
    (void)pthread_mutex_destroy(&work.lock);
    return work.error;
}

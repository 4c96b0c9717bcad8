/* poc_queue_world.c: a queue in a folder of its own. */
#include "tests/unit/poc_queue_world.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char queue_folder[64];
char queue_path[96];
char queue_err[1024];

static int
remove_one(const char *name, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(name);
}

int
queue_setup(void **state)
{
    (void)state;
    (void)snprintf(queue_folder, sizeof(queue_folder), "/tmp/poc-queue-XXXXXX");
    if (!mkdtemp(queue_folder))
        return -1;
    (void)snprintf(queue_path, sizeof(queue_path), "%s/queue.db", queue_folder);
    *queue_err = '\0';
    return 0;
}

int
queue_teardown(void **state)
{
    (void)state;
    return nftw(queue_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- helpers ---------------------------------------------------------------------------------------------------------
 */

struct poc_queue *
open_queue(void)
{
    struct poc_queue *queue = NULL;

    if (poc_queue_open(queue_path, &queue, queue_err, sizeof(queue_err)) != 0)
        fail_msg("%s", queue_err);
    return queue;
}

struct poc_letter
batch_of(const char *url, int64_t height, const char *body)
{
    return (struct poc_letter){.kind = POC_LETTER_GENERATED,
                               .url = url,
                               .block_hash = "8F2DB4C5",
                               .block_height = height,
                               .public_key = "02a1b290",
                               .node_id = 3,
                               .body = body,
                               .created_ms = 1700000000123};
}

void
put(struct poc_queue *queue, const char *url, int64_t height, const char *body)
{
    struct poc_letter batch = batch_of(url, height, body);

    if (poc_queue_put(queue, &batch, queue_err, sizeof(queue_err)) != 0)
        fail_msg("%s", queue_err);
}

/* What is due now is this one; its id. */
int64_t
expect_next(struct poc_queue *queue, int64_t now_ms, const char *body)
{
    struct poc_letter batch;
    int64_t           id;

    assert_int_equal(poc_queue_peek_next(queue, now_ms, &batch, queue_err, sizeof(queue_err)), 1);
    assert_string_equal(batch.body, body);
    id = batch.id;
    poc_letter_done(&batch);
    return id;
}

void
take_out(struct poc_queue *queue, int64_t id)
{
    assert_int_equal(poc_queue_sent(queue, id, queue_err, sizeof(queue_err)), 0);
}

int64_t
depth(struct poc_queue *queue)
{
    struct poc_queue_depth ret;

    assert_int_equal(poc_queue_depth(queue, &ret, queue_err, sizeof(queue_err)), 0);
    return ret.batches;
}

void
expect_progress(struct poc_queue *queue, const char *key, const char *value)
{
    char *text = NULL;

    assert_int_equal(poc_queue_get_progress(queue, key, &text, queue_err, sizeof(queue_err)), value ? 1 : 0);
    if (value)
        assert_string_equal(text, value);
    else
        assert_null(text);
    free(text);
}

/* A session whose devices lie or that is killed: each nonce is proved once, and by a distance that is right. Devices
 * are processes of this test's own. */
#include "plugins/poc-worker/child.h"
#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/message.h"
#include "plugins/poc-worker/session_parts.h"

#include "kit/json.h"

#include "tests/unit/poc_queue_world.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 60000
#define NODE 1 /* of */
#define NODES 3
#define BATCH 4
#define NEVER_MS 3600000

enum { HONEST, LIES };

/* Answers so far, seen by all processes. */
static struct {
    _Atomic uint64_t of[2];
} * answers;

static double
distance_of(int64_t nonce)
{
    return (double)(nonce % 97) / 97;
}

static void
device(const struct poc_lane_spec *spec, int fd)
{
    struct poc_lane_message  message = {.news = POC_LANE_READY, .max_batch = BATCH};
    struct poc_lane_question question;

    (void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
    message.news = POC_LANE_DISTANCES;
    message.celsius = spec->device == HONEST ? 61.5 : NAN;
    while (recv(fd, &question, sizeof(question), 0) > 0) {
        /* The one that looks again takes its time: what the other found must be a good deal then. */
        for (int64_t until = poc_now_ms() + DEADLINE_MS;
             spec->gentle && answers->of[LIES] < 20 && poc_now_ms() < until;)
            (void)poll(NULL, 0, 1);
        message.n = question.n;
        for (uint32_t i = 0; i < question.n; i++)
            message.distances[i] = distance_of(question.nonces[i]) + (spec->device == LIES && !spec->gentle ? 0.01 : 0);
        if (send(fd, &message, sizeof(message), MSG_NOSIGNAL) < 0)
            return;
        if (!spec->gentle)
            answers->of[spec->device]++;
    }
}

/* --- a session -----------------------------------------------------------------------------------------------------
 */

static struct poc_chosen     chosen;
static char                  block_hash[] = "hash";
static char                  public_key[] = "key";
static char                  url[] = "http://127.0.0.1:1";
static struct poc_init       init = {.node_id = NODE,
                                     .node_count = NODES,
                                     .block_hash = block_hash,
                                     .block_height = 7,
                                     .public_key = public_key,
                                     .r_target = 2, /* every nonce is a proof */
                                     .url = url};
static struct session_config config = {
    .init = &init, .devices = &chosen, .queue = queue_path, .answer_ms = DEADLINE_MS, .serve = device};
static pid_t session;
static int   session_fd;

static void
work(const void *arg, int fd)
{
    session_child(arg, fd);
}

/* With these devices; proofs go to the queue every flush_ms. */
static void
begin(int first, int second, int flush_ms)
{
    chosen = (struct poc_chosen){.devices = {first, second}, .n = first == second ? 1 : 2};
    config.flush_ms = flush_ms;
    session = poc_child_start(SOCK_STREAM, work, &config, &session_fd);
    assert_true(session > 0);
}

static void
order(const char *phase)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "op", "phase");
    (void)cJSON_AddStringToObject(json, "phase", phase);
    assert_int_equal(message_send(session_fd, json), 0);
    cJSON_Delete(json);
}

/* The next message of this kind; the caller's. */
static cJSON *
wait_for(const char *op)
{
    for (;;) {
        struct pollfd poller = {.fd = session_fd, .events = POLLIN};
        cJSON        *json = NULL;

        assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
        assert_int_equal(message_receive(session_fd, &json), 0);
        if (strcmp(ga_json_str(json, "op"), op) == 0)
            return json;
        assert_string_not_equal(ga_json_str(json, "op"), "failed");
        cJSON_Delete(json);
    }
}

static void
wait_for_answers(uint64_t n)
{
    uint64_t begun = answers->of[HONEST];

    for (int64_t until = poc_now_ms() + DEADLINE_MS; answers->of[HONEST] < begun + n; (void)poll(NULL, 0, 1))
        assert_true(poc_now_ms() < until);
}

static void
kill_it(void)
{
    (void)close(session_fd);
    poc_child_kill(session);
}

/* What was computed is in the queue when it waits for others' batches. */
static void
end(void)
{
    order("validate");
    cJSON_Delete(wait_for("idle"));
    kill_it();
}

/* --- what is in the queue ------------------------------------------------------------------------------------------
 */

/* Marks the nonces of a letter by their place in this node's list; each is its own and right, and none is there twice.
 */
static size_t
mark(const char *body, unsigned char *seen, size_t len)
{
    cJSON *json = cJSON_Parse(body);
    cJSON *nonces = cJSON_GetObjectItem(json, "nonces");
    cJSON *dist = cJSON_GetObjectItem(json, "dist");
    size_t n = 0;

    for (cJSON *nonce = nonces->child, *one = dist->child; nonce; nonce = nonce->next, one = one->next, n++) {
        int64_t value = (int64_t)nonce->valuedouble;

        assert_int_equal(value % NODES, NODE);
        assert_true((size_t)(value / NODES) < len);
        if (seen[value / NODES]++)
            fail_msg("nonce %lld is proved twice", (long long)value);
        assert_true(fabs(one->valuedouble - distance_of(value)) < 1e-12);
    }
    cJSON_Delete(json);
    return n;
}

/* Takes all letters out; how many of the nonces before the last one are not there. */
static size_t
count_missing(void)
{
    const size_t      len = 1u << 24;
    unsigned char    *seen = calloc(len, 1);
    struct poc_queue *queue = open_queue();
    struct poc_letter letter;
    size_t            found = 0;
    size_t            last = len;

    assert_non_null(seen);
    while (poc_queue_peek_next(queue, INT64_MAX, &letter, queue_err, sizeof(queue_err)) == 1) {
        int64_t id = letter.id;

        found += mark(letter.body, seen, len);
        poc_letter_done(&letter);
        take_out(queue, id);
    }
    poc_queue_close(queue);
    assert_true(found > 0);
    while (!seen[last - 1])
        last--;
    free(seen);
    return last - found;
}

static void
what_a_device_that_computes_wrong_has_found_is_computed_again(void **state)
{
    cJSON *lost;

    (void)state;
    begin(HONEST, LIES, NEVER_MS); /* nothing is in the queue when it is found out */
    order("generate");
    lost = wait_for("lost");
    assert_non_null(strstr(ga_json_str(lost, "why"), "computes wrong"));
    assert_true(answers->of[LIES] >= 20);
    cJSON_Delete(lost);
    wait_for_answers(20);
    end();
    assert_true(count_missing() <= BATCH * 2); /* what was under way when it ended */
}

static void
the_temperature_of_a_card_is_told_when_it_is_known(void **state)
{
    (void)state;
    for (int of = HONEST; of <= LIES; of++) { /* the second does not know it */
        cJSON       *rate;
        const cJSON *heat;
        double       celsius = 0;

        begin(of, of, NEVER_MS);
        order("generate");
        rate = wait_for("rate");
        heat = ga_json_get(rate, "heat");
        assert_int_equal(cJSON_GetArraySize(heat), of == HONEST);
        if (of == HONEST) {
            assert_int_equal(ga_json_double(heat->child, "celsius", &celsius), 0);
            assert_true(celsius == 61.5);
        }
        cJSON_Delete(rate);
        kill_it();
    }
}

static void
how_far_it_has_come_that_cannot_be_read_is_told_and_it_begins_anew(void **state)
{
    struct poc_queue *queue = open_queue();
    char             *key = session_key_of(&init);
    cJSON            *said;

    (void)state;
    assert_int_equal(poc_queue_put_progress(queue, key, "far", queue_err, sizeof(queue_err)), 0);
    free(key);
    poc_queue_close(queue);
    begin(HONEST, HONEST, 1);
    said = wait_for("note");
    assert_non_null(strstr(ga_json_str(said, "text"), "begins anew"));
    cJSON_Delete(said);
    order("generate");
    wait_for_answers(10);
    end();
    assert_true(count_missing() <= BATCH * 2);
}

static void
a_request_is_another_when_its_proofs_would_be_others(void **state)
{
    struct poc_init others[] = {init, init, init, init};
    char           *key = session_key_of(&init);

    (void)state;
    others[0].r_target = 1.5;
    others[1].params.n_layers++;
    others[2].url = (char *)(uintptr_t) "http://127.0.0.1:2";
    others[3].batch_size++; /* a hint, and no more */
    for (int i = 0; i < 4; i++) {
        char *other = session_key_of(&others[i]);

        assert_int_equal(strcmp(other, key) == 0, i == 3);
        free(other);
    }
    free(key);
}

static void
killed_at_any_moment_it_loses_and_doubles_no_nonce(void **state)
{
    unsigned seed = 5;

    (void)state;
    for (int i = 0; i < 20; i++) {
        begin(HONEST, HONEST, 1);
        order("generate");
        wait_for_answers(1 + (uint64_t)rand_r(&seed) % 500);
        kill_it();
    }
    begin(HONEST, HONEST, 1);
    order("generate");
    wait_for_answers(100);
    end();
    assert_true(count_missing() <= BATCH * 2);
}

static int
setup(void **state)
{
    assert_int_equal(queue_setup(state), 0);
    answers = mmap(NULL, sizeof(*answers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return answers == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **state)
{
    (void)munmap(answers, sizeof(*answers));
    return queue_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_device_that_computes_wrong_has_found_is_computed_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_temperature_of_a_card_is_told_when_it_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(how_far_it_has_come_that_cannot_be_read_is_told_and_it_begins_anew, setup,
                                        teardown),
        cmocka_unit_test(a_request_is_another_when_its_proofs_would_be_others),
        cmocka_unit_test_setup_teardown(killed_at_any_moment_it_loses_and_doubles_no_nonce, setup, teardown),
    };
    char why[256];

    if (poc_spec_params("{\"dim\":64,\"n_layers\":1,\"n_heads\":4,\"n_kv_heads\":4,\"vocab_size\":128,\"seq_len\":8}",
                        &init.params, why, sizeof(why)) < 0) {
        print_error("%s\n", why);
        return 1;
    }
    return cmocka_run_group_tests_name("poc_session", tests, NULL, NULL);
}

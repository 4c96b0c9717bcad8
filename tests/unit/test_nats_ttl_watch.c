/* test_nats_ttl_watch.c: watch turns what happens on a server into events. A real nats-server, real runners. */
#include "tests/unit/ttl_drive.h"

#include <gonka-agent/plugin.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LISTENS "$JS.EVENT.ADVISORY.STREAM.DELETED.probe" /* the last of watch's subscriptions */

static struct world world;

static int
begin(void **state)
{
    (void)state;
    world_start(&world, NULL, NULL);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

/* Does something to the server as soon as watch listens, in a process of its own. */
static pid_t
meanwhile(void (*what)(void))
{
    pid_t pid;

    world_leave(&world);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_await_listener(&world, LISTENS);
        what();
        _exit(0);
    }
    return pid;
}

/* Runs watch until it has emitted a packet with this text, while `what` happens. */
static void
watch(struct drive *run, const char *until, void (*what)(void))
{
    pid_t pid = what ? meanwhile(what) : 0;

    run->cancel_at = "emit";
    run->cancel_text = until;
    ttl_drive(&world, run, "watch", NULL, NULL);
    if (pid > 0)
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The nth emit packet's topic. */
static const char *
topic(const struct drive *run, unsigned n)
{
    return drive_str(drive_packet(run, "emit", n), "topic");
}

static void
create(void)
{
    world_stream(&world, "not_ours", NULL);
    world_stream(&world, "txs_to_send", NULL);
}

static void
a_created_stream_is_told(void **state)
{
    struct drive run = {0};

    (void)state;
    watch(&run, "nats.stream.created", create);
    ttl_expect(&run, GA_OK);
    assert_int_equal(drive_count(&run, "emit"), 2); /* not for the stream that has no age in the manifest */
    assert_string_equal(topic(&run, 0), "nats.connected");
    assert_string_equal(topic(&run, 1), "nats.stream.created");
    drive_done(&run);
}

static void
edit(void)
{
    cJSON_Delete(world_ask(&world, "STREAM.UPDATE.txs_to_send",
                           "{\"name\":\"txs_to_send\",\"subjects\":[\"txs_to_send\"],\"storage\":\"file\","
                           "\"retention\":\"limits\",\"num_replicas\":1,\"max_age\":0,\"max_msgs\":5}"));
}

static void
an_edited_stream_is_told(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    watch(&run, "nats.stream.updated", edit);
    ttl_expect(&run, GA_OK);
    assert_string_equal(topic(&run, 1), "nats.stream.updated");
    drive_done(&run);
}

/* The parent of the server is the test: the child only ends it. */
static void
kill_server(void)
{
    world_leave(&world);
    (void)kill(world.pid, SIGTERM);
}

static void
a_lost_server_is_told_once(void **state)
{
    struct drive run = {0};

    (void)state;
    watch(&run, "nats.disconnected", kill_server);
    ttl_expect(&run, GA_OK);
    assert_string_equal(topic(&run, 0), "nats.connected");
    assert_string_equal(topic(&run, 1), "nats.disconnected");
    assert_int_equal(drive_count(&run, "emit"), 2);
    drive_done(&run);
}

/* The server comes up when watch has already failed to find it. */
static void
start_later(void)
{
    world.pid = 0;
    world_start_again(&world);
    (void)pause(); /* the server lives as long as its parent */
}

static void
a_server_that_comes_back_is_told(void **state)
{
    struct drive run = {.cancel_at = "emit", .cancel_text = "nats.connected"};
    pid_t        pid;

    (void)state;
    world_stop(&world);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        start_later();
        _exit(0);
    }
    ttl_drive(&world, &run, "watch", NULL, NULL);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ttl_expect(&run, GA_OK);
    assert_int_equal(drive_count(&run, "ready"), 1);
    drive_done(&run);
}

static void
it_is_ready_without_a_server(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stop(&world);
    watch(&run, "nats.disconnected", NULL);
    ttl_expect(&run, GA_OK);
    assert_int_equal(drive_count(&run, "ready"), 1);
    assert_string_equal(topic(&run, 0), "nats.disconnected");
    drive_done(&run);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_created_stream_is_told),         EACH(an_edited_stream_is_told),     EACH(a_lost_server_is_told_once),
        EACH(a_server_that_comes_back_is_told), EACH(it_is_ready_without_a_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

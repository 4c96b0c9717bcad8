/* test_nats_ttl_server.c: every way in which a server can fail enforce has its own words. Real servers and runners. */
#include "tests/unit/ttl_drive.h"

#include <gonka-agent/plugin.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SEND "\"streams\":{\"txs_to_send\":\"86400000000000\"}"

static struct world world;

static int
end(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

/* A listening socket on a free loopback port, and its port. */
static int
listen_free(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* A world without a server: what listens at the port is the test's. */
static void
pretend(unsigned port)
{
    memset(&world, 0, sizeof(world));
    (void)snprintf(world.url, sizeof(world.url), "nats://127.0.0.1:%u", port);
    (void)snprintf(world.rules, sizeof(world.rules), "{\"connect\":[\"%u\"]}", port);
}

/* The outcome is unknown, and its sentence has these words and tells what to do. */
static void
expect_unknown(const char *options, const char *words, const char *step)
{
    struct drive run = {0};

    ttl_enforce(&world, &run, options, NULL);
    ttl_expect(&run, GA_UNKNOWN);
    ttl_contains(drive_summary(&run), words);
    ttl_contains(drive_summary(&run), step);
    drive_done(&run);
}

static void
a_closed_port_is_refused(void **state)
{
    unsigned port;
    int      fd = listen_free(&port);

    (void)state;
    (void)close(fd);
    pretend(port);
    expect_unknown(SEND, "connection refused: nothing listens there",
                   "is the server up and the port right and published");
}

static void
a_name_without_address_is_named(void **state)
{
    (void)state;
    pretend(4222);
    expect_unknown(SEND ",\"servers\":[\"nats://no-such-host.invalid:4222\"]", "cannot resolve no-such-host.invalid",
                   "check the name, or give an address");
}

/* A stand-in that says one line to each who connects. Its process id; the caller ends it. */
static pid_t
stand_in(int fd, const char *line)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0) {
        int client = accept(fd, NULL, NULL);

        if (client < 0)
            _exit(1);
        if (send(client, line, strlen(line), MSG_NOSIGNAL) < 0)
            _exit(1);
        (void)shutdown(client, SHUT_WR);
    }
    (void)close(fd);
    return pid;
}

static void
another_protocol_is_no_nats_server(void **state)
{
    unsigned port;
    int      fd = listen_free(&port);
    pid_t    pid = stand_in(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");

    (void)state;
    pretend(port);
    expect_unknown(SEND, "does not greet as a NATS server does", "is this the port of NATS");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* The kernel takes the connection, nobody ever says a word. */
static void
a_silent_server_is_given_up(void **state)
{
    unsigned port;
    int      fd = listen_free(&port);

    (void)state;
    pretend(port);
    expect_unknown(SEND ",\"connect_timeout\":\"300000000\"", "does not greet as a NATS server does",
                   "is this the port of NATS");
    (void)close(fd);
}

static void
a_server_without_jetstream_is_told(void **state)
{
    (void)state;
    world_start(&world, "max_payload: 1048576\n", NULL);
    expect_unknown(SEND, "JetStream is not enabled on this server", "enable it there");
}

static void
a_wrong_prefix_is_told(void **state)
{
    (void)state;
    world_start(&world, NULL, NULL);
    expect_unknown(SEND ",\"api_prefix\":\"$JS.hub.API\"", "api_prefix names another domain", "correct api_prefix");
}

static void
an_account_without_jetstream_is_told(void **state)
{
    (void)state;
    world_start(&world,
                "jetstream { store_dir: \"@DIR@/store\" }\n"
                "accounts { A { jetstream: enabled, users: [ {user: a, password: a} ] }\n"
                "           B { users: [ {user: b, password: b} ] } }\n"
                "no_auth_user: b\n",
                &(struct ga_nats_config){.user = "a", .password = "a"});
    expect_unknown(SEND, "JetStream not enabled for account",
                   "enable JetStream for this account, or log in with another");
}

static void
a_login_that_is_missing_is_told(void **state)
{
    (void)state;
    world_start(&world, "authorization { user: u, password: p }\n", NULL);
    expect_unknown(SEND, "this server wants a login", "give user and password, token, nkey or creds");
}

static void
a_request_that_is_forbidden_is_told_at_once(void **state)
{
    (void)state;
    world_start(&world,
                "jetstream { store_dir: \"@DIR@/store\" }\n"
                "authorization { users: [ {user: a, password: a},\n"
                "  {user: b, password: b, permissions: {publish: [\"nothing\"]}} ] }\n"
                "no_auth_user: b\n",
                &(struct ga_nats_config){.user = "a", .password = "a"});
    expect_unknown(SEND, "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.txs_to_send\"",
                   "allow it to this user there");
}

static void
a_change_that_is_forbidden_has_failed(void **state)
{
    struct drive run = {0};

    (void)state;
    world_start(&world,
                "jetstream { store_dir: \"@DIR@/store\" }\n"
                "authorization { users: [ {user: a, password: a},\n"
                "  {user: b, password: b, permissions: {publish: [\"$JS.API.STREAM.INFO.>\"]}} ] }\n"
                "no_auth_user: b\n",
                &(struct ga_nats_config){.user = "a", .password = "a"});
    world_stream(&world, "txs_to_send", NULL);
    ttl_enforce(&world, &run, SEND, NULL);
    ttl_expect(&run, GA_FAILED);
    ttl_contains(drive_summary(&run), "Permissions Violation for Publish to \"$JS.API.STREAM.UPDATE.txs_to_send\"");
    assert_int_equal(world_number(&world, "txs_to_send", "config.max_age"), 0);
    drive_done(&run);
}

/* Somebody who answers $JS.API in the server's place. Its process id; the caller ends it. */
static pid_t
answerer(const char *answer)
{
    int   ready[2];
    char  byte;
    pid_t pid;

    world_leave(&world);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct ga_nats_error   err;
        struct ga_nats_message message;
        int                    r = ga_nats_subscribe(world_join(&world), "$JS.fake.API.>", &err);

        if (r < 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        while ((r = ga_nats_next(world.nats, 1000, &message, &err)) >= 0)
            if (r == 1 && answer && ga_nats_publish(world.nats, message.reply, answer, strlen(answer), &err) < 0)
                break;
        _exit(1);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static void
expect_of_answer(const char *answer, const char *words, const char *step)
{
    pid_t pid;

    world_start(&world, NULL, NULL);
    pid = answerer(answer);
    expect_unknown(SEND ",\"api_prefix\":\"$JS.fake.API\",\"request_timeout\":\"500000000\"", words, step);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void
an_answer_that_is_no_json_is_told(void **state)
{
    (void)state;
    expect_of_answer("hello", "is no JSON object", "check api_prefix, and who may subscribe to it");
}

static void
an_error_code_is_told_with_its_words(void **state)
{
    (void)state;
    expect_of_answer("{\"error\":{\"code\":500,\"err_code\":10999,\"description\":\"disk on fire\"}}",
                     "JetStream answers 'disk on fire' (code 500, 10999)", "look at the server's log");
}

static void
an_answer_without_a_configuration_is_told(void **state)
{
    (void)state;
    expect_of_answer("{\"config\":{\"name\":\"txs_to_send\",\"max_age\":\"soon\"},\"state\":{}}",
                     "a number in the server's answer is none",
                     "something else may answer this subject: check api_prefix");
}

/* NULL: listens and never answers. */
static void
a_server_that_does_not_answer_times_out(void **state)
{
    (void)state;
    expect_of_answer(NULL, "no answer to $JS.fake.API.STREAM.INFO.txs_to_send within 500 ms",
                     "is the server overloaded or stopped; look before asking again");
}

static void
the_second_server_is_used_when_the_first_is_down(void **state)
{
    struct drive run = {0};
    unsigned     port;
    char         options[200];

    (void)state;
    (void)close(listen_free(&port));
    world_start(&world, NULL, NULL);
    world_stream(&world, "txs_to_send", NULL);
    (void)snprintf(options, sizeof(options), SEND ",\"servers\":[\"nats://127.0.0.1:%u\",\"%s\"]", port, world.url);
    (void)snprintf(world.rules, sizeof(world.rules), "{\"connect\":[\"%u\",\"%s\"]}", port, world.port);
    ttl_enforce(&world, &run, options, NULL);
    ttl_expect(&run, GA_CHANGED);
    drive_done(&run);
}

static void
a_domain_works(void **state)
{
    struct drive run = {0};

    (void)state;
    world_start(&world, "jetstream { store_dir: \"@DIR@/store\", domain: hub }\n", NULL);
    world_stream(&world, "txs_to_send", NULL);
    ttl_enforce(&world, &run, SEND ",\"api_prefix\":\"$JS.hub.API\"", NULL);
    ttl_expect(&run, GA_CHANGED);
    drive_done(&run);
}

#define PLAIN(test) cmocka_unit_test(test)
#define SERVED(test) cmocka_unit_test_teardown(test, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_closed_port_is_refused),
        PLAIN(a_name_without_address_is_named),
        PLAIN(another_protocol_is_no_nats_server),
        PLAIN(a_silent_server_is_given_up),
        SERVED(a_server_without_jetstream_is_told),
        SERVED(a_wrong_prefix_is_told),
        SERVED(an_account_without_jetstream_is_told),
        SERVED(a_login_that_is_missing_is_told),
        SERVED(a_request_that_is_forbidden_is_told_at_once),
        SERVED(a_change_that_is_forbidden_has_failed),
        SERVED(an_answer_that_is_no_json_is_told),
        SERVED(an_error_code_is_told_with_its_words),
        SERVED(an_answer_without_a_configuration_is_told),
        SERVED(a_server_that_does_not_answer_times_out),
        SERVED(the_second_server_is_used_when_the_first_is_down),
        SERVED(a_domain_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_nats_ttl_report.c: the report, and servers that are found through Docker's socket. Real nats-server and runners;
 * a stand-in answers for Docker. */
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
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct world world;
static char         socket_path[96];

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

static void
the_report_shows_streams_for_people_and_scripts(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    world_publish(&world, "txs_to_send", 7);
    world_consumer(&world, "txs_to_send", "tx-sender");
    ttl_drive(&world, &run, "report", NULL, NULL);
    ttl_expect(&run, GA_OK);
    ttl_contains(run.text, "txs_to_send");
    ttl_contains(run.text, "unlimited");
    assert_string_equal(ttl_row(&run, "txs_to_send", "messages"), "7");
    assert_string_equal(ttl_row(&run, "txs_to_send", "max_age_ns"), "0");
    assert_string_equal(ttl_row(&run, "txs_to_send", "consumers"), "1");
    drive_done(&run);
}

/* A Docker that gives every request this answer. Its process id; the caller ends it. */
static pid_t
docker(const char *status, const char *body)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t              pid;

    (void)snprintf(socket_path, sizeof(socket_path), "%s/docker.sock", world.dir);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0) {
        char request[2048];
        char answer[1024];
        int  client = accept(fd, NULL, NULL);
        int  n = client < 0 ? -1 : (int)recv(client, request, sizeof(request) - 1, 0);

        if (n <= 0)
            _exit(1);
        request[n] = 0;
        if (strncmp(request, "GET /v1.41/containers/api/json ", 31) != 0)
            _exit(2);
        n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                     strlen(body), body);
        if (send(client, answer, (size_t)n, MSG_NOSIGNAL) != n)
            _exit(3);
        (void)close(client);
    }
    (void)close(fd);
    return pid;
}

/* One enforce through that Docker. */
static void
enforce_by_docker(struct drive *run, const char *status, const char *body)
{
    static char rules[300];
    char        options[400];
    pid_t       pid = docker(status, body);

    (void)snprintf(options, sizeof(options),
                   "\"streams\":{\"txs_to_send\":\"86400000000000\"},\"servers\":[\"docker://api:%s\"],"
                   "\"docker_socket\":\"%s\"",
                   world.port, socket_path);
    (void)snprintf(rules, sizeof(rules), "{\"connect\":[\"%s\"],\"paths\":[{\"path\":\"%s\",\"access\":\"rw\"}]}",
                   world.port, socket_path);
    run->rules = rules;
    ttl_enforce(&world, run, options, NULL);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_container_is_found_by_its_name(void **state)
{
    struct drive run = {0};

    (void)state;
    world_stream(&world, "txs_to_send", NULL);
    world_leave(&world);
    enforce_by_docker(&run, "200 OK",
                      "{\"State\":{\"Running\":true},\"NetworkSettings\":{\"IPAddress\":\"\",\"Networks\":{\"chain\":"
                      "{\"IPAddress\":\"127.0.0.1\"}}}}");
    ttl_expect(&run, GA_CHANGED);
    drive_done(&run);
}

static void
a_container_that_is_not_there_is_told(void **state)
{
    struct drive run = {0};

    (void)state;
    enforce_by_docker(&run, "404 Not Found", "{\"message\":\"No such container: api\"}");
    ttl_expect(&run, GA_UNKNOWN);
    ttl_contains(drive_summary(&run), "there is no container api");
    drive_done(&run);
}

static void
a_container_that_is_stopped_is_told(void **state)
{
    struct drive run = {0};

    (void)state;
    enforce_by_docker(&run, "200 OK", "{\"State\":{\"Running\":false},\"NetworkSettings\":{}}");
    ttl_expect(&run, GA_UNKNOWN);
    ttl_contains(drive_summary(&run), "container api is not running");
    drive_done(&run);
}

static void
a_docker_that_is_not_there_is_told(void **state)
{
    struct drive run = {0};

    (void)state;
    ttl_enforce(&world, &run, "\"servers\":[\"docker://api:4222\"]", NULL);
    ttl_expect(&run, GA_UNKNOWN);
    ttl_contains(drive_summary(&run), "cannot ask Docker at /nowhere.sock");
    drive_done(&run);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_report_shows_streams_for_people_and_scripts),
        EACH(a_container_is_found_by_its_name),
        EACH(a_container_that_is_not_there_is_told),
        EACH(a_container_that_is_stopped_is_told),
        EACH(a_docker_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Connections and requests against a real nats-server that wants logins, speaks TLS, or does neither. */
#include "kit/exec.h"
#include "kit/nats.h"
#include "tests/unit/nats_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A pair that NATS' own documents use as their example. */
#define NKEY_PUBLIC "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
#define NKEY_SEED "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"

static struct world         world;
static struct ga_nats_error error;
static const char          *servers[1];

static int
end_world(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

/* Connects with these settings to the world's server; its address is filled in. */
static struct ga_nats *
connect_with(struct ga_nats_config config)
{
    servers[0] = world.url;
    config.servers = servers;
    config.n_servers = 1;
    config.connect_timeout_ms = 5000;
    memset(&error, 0, sizeof(error));
    return ga_nats_connect(&config, &error);
}

static void
assert_let_in(struct ga_nats_config config)
{
    struct ga_nats *nats = connect_with(config);

    if (!nats)
        fail_msg("not let in: %s", error.text);
    assert_int_equal(ga_nats_alive(nats), 1);
    ga_nats_close(nats);
}

static void
assert_kept_out(struct ga_nats_config config, enum ga_nats_why why, const char *words)
{
    assert_null(connect_with(config));
    if (error.why != why || !strstr(error.text, words))
        fail_msg("kind %d, expected %d: %s", (int)error.why, (int)why, error.text);
}

static void
user_and_password_are_checked_and_the_password_is_not_shown(void **state)
{
    (void)state;
    world_start(&world, "authorization { user: host, password: right-one }\n", NULL);
    assert_let_in((struct ga_nats_config){.user = "host", .password = "right-one"});
    assert_kept_out((struct ga_nats_config){.user = "host", .password = "wrong-one"}, GA_NATS_AUTH, "check the user");
    assert_null(strstr(error.text, "wrong-one"));
    assert_kept_out((struct ga_nats_config){.name = NULL}, GA_NATS_AUTH, "this server wants a login");
}

static void
a_token_is_checked(void **state)
{
    (void)state;
    world_start(&world, "authorization { token: right-token }\n", NULL);
    assert_let_in((struct ga_nats_config){.token = "right-token"});
    assert_kept_out((struct ga_nats_config){.token = "wrong-token"}, GA_NATS_AUTH, "check the user, password, token");
}

static void
an_nkey_signs_the_login(void **state)
{
    char damaged[] = NKEY_SEED;

    (void)state;
    world_start(&world, "authorization { users: [ { nkey: " NKEY_PUBLIC " } ] }\n", NULL);
    assert_let_in((struct ga_nats_config){.nkey = NKEY_SEED});
    damaged[20] = damaged[20] == 'A' ? 'B' : 'A';
    assert_kept_out((struct ga_nats_config){.nkey = damaged}, GA_NATS_CONFIG, "nkey");
    assert_null(strstr(error.text, damaged));
}

static void
credentials_that_are_none_are_named(void **state)
{
    (void)state;
    world_start(&world, NULL, NULL);
    assert_kept_out((struct ga_nats_config){.creds = "this is no credentials file\n"}, GA_NATS_CONFIG, "creds");
}

static void
what_the_user_may_not_publish_is_refused_in_words(void **state)
{
    struct ga_nats *nats;
    char           *answer = NULL;
    size_t          len = 0;

    (void)state;
    world_start(
        &world,
        "authorization { users: [ { user: u, password: p, permissions: { publish: { deny: \"secret.>\" } } } ] }\n",
        NULL);
    nats = connect_with((struct ga_nats_config){.user = "u", .password = "p"});
    assert_non_null(nats);
    assert_int_equal(ga_nats_request(nats, "secret.x", NULL, 2000, &answer, &len, &error), -1);
    assert_int_equal(error.why, GA_NATS_AUTH);
    ga_nats_close(nats);
}

/* --- TLS -----------------------------------------------------------------------------------------------------------
 */

static void
openssl(const char *cwd, const char *const *argv)
{
    struct ga_exec_result result;
    const struct ga_exec  exec = {.argv = argv, .cwd = cwd};
    char                  why[300];

    if (ga_exec_run(&exec, &result) < 0)
        fail_msg("%s", ga_exec_explain(&exec, &result, why, sizeof(why)));
    ga_exec_done(&result);
}

/* A certificate that is its own issuer, for 127.0.0.1: NAME.pem and NAME.key. */
static void
make_certificate(const char *where, const char *name)
{
    char key[32];
    char pem[32];

    (void)snprintf(key, sizeof(key), "%s.key", name);
    (void)snprintf(pem, sizeof(pem), "%s.pem", name);
    openssl(where, (const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                                         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem, NULL});
}

static char folder[64];

static void
make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/test_kit_nats.XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_certificate(folder, "right");
    make_certificate(folder, "wrong");
}

static void
remove_folder(void)
{
    for (const char *const *name = (const char *const[]){"right.pem", "right.key", "wrong.pem", "wrong.key", NULL};
         *name; name++) {
        char path[96];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, *name);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static const char *
in_folder(const char *name, char path[96])
{
    (void)snprintf(path, 96, "%s/%s", folder, name);
    return path;
}

static void
start_with_tls(const char *more)
{
    char config[400];

    (void)snprintf(config, sizeof(config), "tls { cert_file: \"%s/right.pem\", key_file: \"%s/right.key\"%s }\n",
                   folder, folder, more);
    world_start(&world, config, NULL);
    (void)snprintf(world.url, sizeof(world.url), "tls://127.0.0.1:%s", world.port);
}

static void
tls_is_verified_against_the_given_issuer(void **state)
{
    char right[96];
    char wrong[96];

    (void)state;
    make_folder();
    start_with_tls("");
    assert_let_in((struct ga_nats_config){.ca_file = in_folder("right.pem", right)});
    assert_kept_out((struct ga_nats_config){.ca_file = in_folder("wrong.pem", wrong)}, GA_NATS_TLS, "TLS failed");
    assert_kept_out((struct ga_nats_config){.name = NULL}, GA_NATS_TLS, "TLS failed");
    (void)snprintf(world.url, sizeof(world.url), "nats://127.0.0.1:%s", world.port);
    remove_folder();
}

static void
a_server_that_asks_for_a_certificate_gets_the_given_one(void **state)
{
    char more[200];
    char ca[96];
    char cert[96];
    char key[96];

    (void)state;
    make_folder();
    (void)snprintf(more, sizeof(more), ", verify: true, ca_file: \"%s/right.pem\"", folder);
    start_with_tls(more);
    (void)in_folder("right.pem", ca);
    assert_let_in((struct ga_nats_config){
        .ca_file = ca, .cert_file = in_folder("right.pem", cert), .key_file = in_folder("right.key", key)});
    assert_kept_out((struct ga_nats_config){.ca_file = ca}, GA_NATS_TLS, "then give `cert` and `key`");
    assert_kept_out((struct ga_nats_config){.ca_file = ca,
                                            .cert_file = in_folder("wrong.pem", cert),
                                            .key_file = in_folder("wrong.key", key)},
                    GA_NATS_TLS, "accept the certificate of `cert`");
    assert_kept_out((struct ga_nats_config){.ca_file = ca, .cert_file = cert}, GA_NATS_CONFIG,
                    "needs both its file and its key's");
    assert_kept_out((struct ga_nats_config){.ca_file = ca, .cert_file = cert, .key_file = "/nowhere.key"},
                    GA_NATS_CONFIG, "/nowhere.key");
    (void)snprintf(world.url, sizeof(world.url), "nats://127.0.0.1:%s", world.port);
    remove_folder();
}

static void
a_server_without_tls_is_not_spoken_to_in_the_clear(void **state)
{
    (void)state;
    world_start(&world, NULL, NULL);
    (void)snprintf(world.url, sizeof(world.url), "tls://127.0.0.1:%s", world.port);
    assert_kept_out((struct ga_nats_config){.name = NULL}, GA_NATS_TLS, "speaks no TLS");
}

/* --- what else can be wrong ----------------------------------------------------------------------------------------
 */

static void
a_closed_port_and_a_name_without_address_are_told_apart(void **state)
{
    static const char *const closed[] = {"nats://127.0.0.1:1"};
    static const char *const nameless[] = {"nats://no-such-host.invalid:4222"};

    (void)state;
    world_start(&world, NULL, NULL);
    assert_null(ga_nats_connect(&(struct ga_nats_config){.servers = closed, .n_servers = 1}, &error));
    assert_int_equal(error.why, GA_NATS_REFUSED);
    assert_null(ga_nats_connect(&(struct ga_nats_config){.servers = nameless, .n_servers = 1}, &error));
    assert_int_equal(error.why, GA_NATS_RESOLVE);
    assert_non_null(strstr(error.text, "no-such-host.invalid"));
}

static void
the_second_server_is_taken_when_the_first_is_down(void **state)
{
    struct ga_nats *nats;
    const char     *both[] = {"nats://127.0.0.1:1", NULL};

    (void)state;
    world_start(&world, NULL, NULL);
    both[1] = world.url;
    nats = ga_nats_connect(&(struct ga_nats_config){.servers = both, .n_servers = 2}, &error);
    assert_non_null(nats);
    assert_string_equal(ga_nats_url(nats), world.url);
    ga_nats_close(nats);
}

static void
what_is_no_nats_server_is_named_so(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(address);
    int                listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char               url[64];
    const char *const  silent[] = {url};

    (void)state;
    world_start(&world, NULL, NULL);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0); /* takes connections and never says a word */
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, sizeof(url), "nats://127.0.0.1:%d", ntohs(address.sin_port));
    assert_null(ga_nats_connect(&(struct ga_nats_config){.servers = silent, .n_servers = 1, .connect_timeout_ms = 300},
                                &error));
    assert_int_equal(error.why, GA_NATS_NOT_SERVER);
    (void)close(listener);
}

static void
without_jetstream_nobody_answers_and_the_message_says_so(void **state)
{
    struct ga_nats *nats;

    (void)state;
    world_start(&world, "max_payload: 65536\n", NULL);
    nats = connect_with((struct ga_nats_config){.name = NULL});
    assert_non_null(nats);
    assert_null(ga_nats_js(nats, "STREAM.NAMES", NULL, 0, &error));
    assert_int_equal(error.why, GA_NATS_ABSENT);
    assert_non_null(strstr(error.text, "JetStream"));
    ga_nats_close(nats);
}

static void
an_error_of_jetstream_has_its_number(void **state)
{
    struct ga_nats *nats;

    (void)state;
    world_start(&world, NULL, NULL);
    nats = connect_with((struct ga_nats_config){.name = NULL});
    assert_null(ga_nats_js(nats, "STREAM.INFO.nothing", NULL, 0, &error));
    assert_int_equal(error.why, GA_NATS_API);
    assert_int_equal(error.err_code, GA_NATS_STREAM_NOT_FOUND);
    ga_nats_close(nats);
}

static void
a_request_that_nobody_answers_in_time_is_unknown(void **state)
{
    struct ga_nats *nats;
    struct ga_nats *listener;
    char           *answer = NULL;
    size_t          len = 0;

    (void)state;
    world_start(&world, NULL, NULL);
    nats = connect_with((struct ga_nats_config){.name = NULL});
    listener = connect_with((struct ga_nats_config){.name = NULL});
    assert_int_equal(ga_nats_subscribe(listener, "deaf", &error), 0);
    world_await_listener(&world, "deaf");
    assert_int_equal(ga_nats_request(nats, "deaf", NULL, 200, &answer, &len, &error), -1);
    assert_int_equal(error.why, GA_NATS_TIMEOUT);
    ga_nats_close(listener);
    ga_nats_close(nats);
}

#define WORLD(test) cmocka_unit_test_teardown(test, end_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(user_and_password_are_checked_and_the_password_is_not_shown),
        WORLD(a_token_is_checked),
        WORLD(an_nkey_signs_the_login),
        WORLD(credentials_that_are_none_are_named),
        WORLD(what_the_user_may_not_publish_is_refused_in_words),
        WORLD(tls_is_verified_against_the_given_issuer),
        WORLD(a_server_that_asks_for_a_certificate_gets_the_given_one),
        WORLD(a_server_without_tls_is_not_spoken_to_in_the_clear),
        WORLD(a_closed_port_and_a_name_without_address_are_told_apart),
        WORLD(the_second_server_is_taken_when_the_first_is_down),
        WORLD(what_is_no_nats_server_is_named_so),
        WORLD(without_jetstream_nobody_answers_and_the_message_says_so),
        WORLD(an_error_of_jetstream_has_its_number),
        WORLD(a_request_that_nobody_answers_in_time_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

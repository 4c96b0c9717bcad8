/* Logins with a credentials file (JWT and seed) at a real nats-server that trusts an operator. */
#include "kit/json.h"
#include "kit/nats.h"
#include "tests/unit/nats_world.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOGINS 1200

static char                  folder[64] = "/tmp/test_kit_nats_creds.XXXXXX";
static struct world          world;
static struct ga_nats_config host_login;
static struct ga_nats_error  error;
static const char           *servers[1];

/* The whole text of a file of the folder; the caller frees it. */
static char *
text_of(const char *name)
{
    char   path[128];
    char  *text = calloc(1, 16384);
    FILE  *file;
    size_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(text);
    n = fread(text, 1, 16383, file);
    (void)fclose(file);
    assert_true(n > 0 && n < 16383);
    return text;
}

static int
make_credentials(void)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char        path[512];
    int         status = -1;
    pid_t       pid;

    (void)snprintf(path, sizeof(path), "%s/tests/unit/nats_creds.py", srcdir);
    pid = fork();
    if (pid == 0) {
        (void)execl("/usr/bin/python3", "python3", path, folder, NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int
begin(void **state)
{
    char *auth;
    char *config = NULL;

    (void)state;
    if (!mkdtemp(folder) || make_credentials() < 0)
        return -1;
    auth = text_of("auth.conf");
    if (asprintf(&config, "%sjetstream { store_dir: \"@DIR@/store\" }\n", auth) < 0)
        return -1;
    host_login.creds = text_of("host.creds");
    world_start(&world, config, &host_login);
    world_stream(&world, "txs_to_send", NULL);
    world_leave(&world);
    free(config);
    free(auth);
    return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int
end(void **state)
{
    (void)state;
    world_end(&world);
    free((void *)(uintptr_t)host_login.creds);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct ga_nats *
connect_with(const char *creds)
{
    const struct ga_nats_config config = {
        .servers = servers, .n_servers = 1, .creds = creds, .connect_timeout_ms = 5000};

    servers[0] = world.url;
    memset(&error, 0, sizeof(error));
    return ga_nats_connect(&config, &error);
}

/* No word of the credentials may be in what people read. */
static void
assert_keeps_secrets(const char *creds)
{
    const char *seed = creds ? strstr(creds, "\nSU") : NULL;
    const char *jwt = creds ? strstr(creds, "\neyJ") : NULL;

    if (seed) {
        char shown[24];

        (void)snprintf(shown, sizeof(shown), "%.20s", seed + 1);
        assert_null(strstr(error.text, shown));
    }
    if (jwt) {
        char shown[64];

        (void)snprintf(shown, sizeof(shown), "%.60s", jwt + 1);
        assert_null(strstr(error.text, shown));
    }
}

static void
assert_kept_out(const char *creds, enum ga_nats_why why, const char *words)
{
    assert_null(connect_with(creds));
    if (error.why != why || !strstr(error.text, words))
        fail_msg("kind %d, expected %d: %s", (int)error.why, (int)why, error.text);
    assert_keeps_secrets(creds);
}

static void
assert_refuses_file(const char *name)
{
    char *creds = text_of(name);

    assert_kept_out(creds, GA_NATS_AUTH, world.url);
    assert_non_null(strstr(error.text, "check the user, password, token, nkey or credentials"));
    free(creds);
}

static void
the_right_credentials_log_in_and_ask_jetstream(void **state)
{
    struct ga_nats *nats = connect_with(host_login.creds);
    cJSON          *info;

    (void)state;
    if (!nats)
        fail_msg("not let in: %s", error.text);
    info = ga_nats_js(nats, "STREAM.INFO.txs_to_send", NULL, 0, &error);
    if (!info)
        fail_msg("%s", error.text);
    assert_string_equal(cJSON_GetStringValue(ga_json_path(info, "config.name")), "txs_to_send");
    cJSON_Delete(info);
    ga_nats_close(nats);
}

/* One login in 256 gets a signature that libnats leaves out: so many that some of them do. */
static void
no_login_with_the_right_credentials_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < LOGINS; i++) {
        struct ga_nats *nats = connect_with(host_login.creds);

        if (!nats)
            fail_msg("login %d: %s", i, error.text);
        ga_nats_close(nats);
    }
}

static void
without_credentials_the_server_says_what_it_wants(void **state)
{
    (void)state;
    assert_kept_out(NULL, GA_NATS_AUTH, "this server wants a login");
}

static void
credentials_of_an_account_the_server_was_not_told_of_are_refused(void **state)
{
    (void)state;
    assert_refuses_file("stranger.creds");
}

static void
a_jwt_that_another_account_signed_is_refused(void **state)
{
    (void)state;
    assert_refuses_file("forged.creds");
}

static void
a_seed_that_is_not_the_users_is_refused(void **state)
{
    (void)state;
    assert_refuses_file("wrong-seed.creds");
}

static void
credentials_whose_time_is_over_are_refused(void **state)
{
    (void)state;
    assert_refuses_file("expired.creds");
}

/* Let in, and yet of no use: the account is what is wrong, not the login. */
static void
an_account_without_jetstream_is_named_so(void **state)
{
    char           *creds = text_of("bare.creds");
    struct ga_nats *nats = connect_with(creds);

    (void)state;
    if (!nats)
        fail_msg("not let in: %s", error.text);
    assert_null(ga_nats_js(nats, "STREAM.INFO.txs_to_send", NULL, 0, &error));
    assert_int_equal(error.why, GA_NATS_API);
    assert_int_equal(error.err_code, GA_NATS_NO_JETSTREAM);
    assert_non_null(strstr(error.text, "enable JetStream for this account"));
    assert_keeps_secrets(creds);
    ga_nats_close(nats);
    free(creds);
}

static void
a_file_without_its_jwt_or_seed_is_no_credentials_file(void **state)
{
    char *creds = text_of("host.creds");

    (void)state;
    assert_kept_out("", GA_NATS_CONFIG, "give the whole .creds file");
    assert_kept_out("eyJ0eXAiOiJKV1QifQ.eyJ9.AAAA\n", GA_NATS_CONFIG, "give the whole .creds file");
    *strstr(creds, "-----BEGIN USER NKEY SEED") = '\0';
    assert_kept_out(creds, GA_NATS_CONFIG, "give the whole .creds file");
    free(creds);
}

static void
a_damaged_seed_is_found_before_the_server_is_asked(void **state)
{
    char *creds = text_of("host.creds");
    char *in_seed = strstr(creds, "\nSU") + 20;

    (void)state;
    *in_seed = *in_seed == 'A' ? 'B' : 'A';
    assert_kept_out(creds, GA_NATS_CONFIG, "the seed in the credentials is damaged");
    free(creds);
}

/* The server judges the JWT; what it is given must not break this side. */
static void
a_damaged_jwt_is_refused_by_the_server(void **state)
{
    char *creds = text_of("host.creds");
    char *in_jwt = strstr(creds, "\neyJ") + 120;

    (void)state;
    *in_jwt = *in_jwt == 'A' ? 'B' : 'A';
    assert_kept_out(creds, GA_NATS_AUTH, "check the user, password, token, nkey or credentials");
    free(creds);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_credentials_log_in_and_ask_jetstream),
        cmocka_unit_test(no_login_with_the_right_credentials_is_refused),
        cmocka_unit_test(without_credentials_the_server_says_what_it_wants),
        cmocka_unit_test(credentials_of_an_account_the_server_was_not_told_of_are_refused),
        cmocka_unit_test(a_jwt_that_another_account_signed_is_refused),
        cmocka_unit_test(a_seed_that_is_not_the_users_is_refused),
        cmocka_unit_test(credentials_whose_time_is_over_are_refused),
        cmocka_unit_test(an_account_without_jetstream_is_named_so),
        cmocka_unit_test(a_file_without_its_jwt_or_seed_is_no_credentials_file),
        cmocka_unit_test(a_damaged_seed_is_found_before_the_server_is_asked),
        cmocka_unit_test(a_damaged_jwt_is_refused_by_the_server),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

/* test_seed_candidate.c: entries of lists: what is read, what is refused, what counts as the same. */
#include "plugins/seed-manager/candidate.h"
#include "plugins/seed-manager/seeds.h"

#include "kit/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define ID "6140f7090137d93c272ff5ccd863484d1592949d"

struct reading {
    const char *text;
    const char *host;
    const char *api;
    const char *rpc;
    const char *id;
    int         p2p_port;
};

static void
entries_are_read(void **state)
{
    static const struct reading readings[] = {
        {"http://node1.gonka.ai:8000", "node1.gonka.ai", "http://node1.gonka.ai:8000", "", "", 0},
        {"HTTP://Node1.Gonka.AI:8000/", "node1.gonka.ai", "http://node1.gonka.ai:8000", "", "", 0},
        {"https://node4.gonka.ai", "node4.gonka.ai", "https://node4.gonka.ai", "", "", 0},
        {"https://node4.gonka.ai:443", "node4.gonka.ai", "https://node4.gonka.ai", "", "", 0},
        {"http://h:80", "h", "http://h", "", "", 0},
        {"http://h:8000/chain-rpc/", "h", "http://h:8000", "", "", 0},
        {"http://h:8000/chain-rpc/status", "h", "http://h:8000", "", "", 0},
        {"http://h:26657", "h", "", "http://h:26657", "", 0},
        {"http://h:26657/status", "h", "", "http://h:26657", "", 0},
        {"http://[2001:DB8::1]:8000", "[2001:db8::1]", "http://[2001:db8::1]:8000", "", "", 0},
        {ID "@h:5000", "h", "", "", ID, 5000},
        {"6140F7090137D93C272FF5CCD863484D1592949D@h:5000", "h", "", "", ID, 5000},
        {"tcp://" ID "@h:5000", "h", "", "", ID, 5000},
        {"tcp://h:15000", "h", "", "", "", 15000},
        {ID "@[::1]:5000", "[::1]", "", "", ID, 5000},
    };
    struct candidate candidate;
    char             why[CANDIDATE_WHY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
        const struct reading *want = &readings[i];

        assert_int_equal(candidate_parse(want->text, CANDIDATE_OPERATOR, &candidate, why), 0);
        assert_string_equal(candidate.host, want->host);
        assert_string_equal(candidate.api, want->api);
        assert_string_equal(candidate.rpc, want->rpc);
        assert_string_equal(candidate.id, want->id);
        assert_int_equal(candidate.p2p_port, want->p2p_port);
        assert_int_equal(candidate.origin, CANDIDATE_OPERATOR);
    }
}

static void
other_entries_are_refused_with_a_reason(void **state)
{
    static const char *const refused[][2] = {
        {"", "empty"},
        {"node1.gonka.ai:8000", "neither http"},
        {"ftp://h", "scheme"},
        {"http://", "host"},
        {"http://:8000", "host"},
        {"http://-h", "host"},
        {"http://h:0", "port"},
        {"http://h:65536", "port"},
        {"http://h:8a", "port"},
        {"http://h:", "port"},
        {"http://user:pw@h", "passwords"},
        {"http://h/v1/models", "path"},
        {"http://h?x", "path"},
        {"http://a b", "blanks"},
        {"http://h\033[31m", "control"},
        {"http://h\xc3\xa9", "letters"},
        {"http://[::1", "host"},
        {"http://[zz]", "host"},
        {"6140@h:5000", "40 hexadecimal"},
        {"zz40f7090137d93c272ff5ccd863484d1592949d@h:5000", "40 hexadecimal"},
        {ID "@h", "host:port"},
        {ID "@h:5000/x", "host:port"},
        {"tcp://h", "host:port"},
        {"@h:5000", "40 hexadecimal"},
    };
    struct candidate candidate;
    char             why[CANDIDATE_WHY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        assert_int_equal(candidate_parse(refused[i][0], 0, &candidate, why), -1);
        if (!strstr(why, refused[i][1]))
            fail_msg("\"%s\": %s", refused[i][0], why);
    }
}

static void
a_host_that_is_too_long_is_refused(void **state)
{
    char             text[600];
    char             why[CANDIDATE_WHY_MAX];
    struct candidate candidate;

    (void)state;
    (void)snprintf(text, sizeof(text), "http://%0*d", CANDIDATE_HOST_MAX, 1);
    assert_int_equal(candidate_parse(text, 0, &candidate, why), -1);
    (void)snprintf(text, sizeof(text), "http://%0*d:65535", CANDIDATE_HOST_MAX - 1, 1);
    assert_int_equal(candidate_parse(text, 0, &candidate, why), 0);
    assert_string_equal(candidate.api, text);
}

static void
the_shipped_list_has_no_bad_entry_and_no_duplicate(void **state)
{
    struct candidates list;
    size_t            n = 0;

    (void)state;
    assert_int_equal(candidates_init(&list, CANDIDATES_MAX), 0);
    for (; seeds_public[n]; n++)
        candidates_add_text(&list, seeds_public[n], CANDIDATE_PUBLIC);
    assert_true(n >= 20);
    assert_int_equal(list.n, n);
    assert_int_equal(list.n_bad, 0);
    candidates_done(&list);
}

static void
a_duplicate_only_adds_where_it_is_from(void **state)
{
    struct candidates list;

    (void)state;
    assert_int_equal(candidates_init(&list, 10), 0);
    candidates_add_text(&list, "http://h:8000", CANDIDATE_PUBLIC);
    candidates_add_text(&list, "HTTP://H:8000/chain-rpc", CANDIDATE_OPERATOR);
    candidates_add_text(&list, ID "@h:5000", CANDIDATE_OPERATOR);
    candidates_add_text(&list, "tcp://" ID "@H:5000", CANDIDATE_CONFIGURED);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.duplicates, 2);
    assert_int_equal(list.at[0].origin, CANDIDATE_PUBLIC | CANDIDATE_OPERATOR);
    assert_int_equal(list.at[1].origin, CANDIDATE_OPERATOR | CANDIDATE_CONFIGURED);
    candidates_done(&list);
}

static void
two_ids_at_one_address_are_two_claims(void **state)
{
    struct candidates list;

    (void)state;
    assert_int_equal(candidates_init(&list, 10), 0);
    candidates_add_list(&list, ID "@h:5000, 780e60b5defca577a160590e0bf51c6bb916d2c6@h:5000,", CANDIDATE_CONFIGURED);
    assert_int_equal(list.n, 2);
    candidates_done(&list);
}

static void
what_goes_beyond_the_limit_is_counted(void **state)
{
    struct candidates list;
    char              entry[64];

    (void)state;
    assert_int_equal(candidates_init(&list, 3), 0);
    for (int i = 1; i <= 10; i++) {
        (void)snprintf(entry, sizeof(entry), "http://h:%d", i);
        candidates_add_text(&list, entry, CANDIDATE_OPERATOR);
    }
    assert_int_equal(list.n, 3);
    assert_int_equal(list.left_out, 7);
    candidates_done(&list);
}

static void
bad_entries_are_kept_clean_and_few(void **state)
{
    struct candidates list;

    (void)state;
    assert_int_equal(candidates_init(&list, 3), 0);
    for (int i = 0; i < 100; i++)
        candidates_add_text(&list, "\033[2Jx", CANDIDATE_OPERATOR);
    assert_int_equal(list.n_bad, 100);
    assert_string_equal(list.bad[CANDIDATE_BAD_MAX - 1].text, "?[2Jx");
    candidates_done(&list);
}

static void
lines_of_a_file_may_have_blanks_and_comments(void **state)
{
    static const char text[] = "# seeds\r\n  http://a:8000 # good\r\n\n\t\n" ID "@b:5000\nhttp://c:8000";
    struct candidates list;

    (void)state;
    assert_int_equal(candidates_init(&list, 10), 0);
    candidates_add_lines(&list, text, sizeof(text) - 1, CANDIDATE_OPERATOR);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.n_bad, 0);
    assert_string_equal(list.at[2].api, "http://c:8000");
    candidates_done(&list);
}

static void
a_nul_within_a_line_is_no_end_of_it(void **state)
{
    static const char text[] = "http://a:8000\0.evil\n";
    struct candidates list;

    (void)state;
    assert_int_equal(candidates_init(&list, 10), 0);
    candidates_add_lines(&list, text, sizeof(text) - 1, CANDIDATE_OPERATOR);
    assert_int_equal(list.n, 0);
    assert_int_equal(list.n_bad, 1);
    candidates_done(&list);
}

static void
addresses_that_are_not_the_internets_are_told_apart(void **state)
{
    static const char *const others[] = {"127.0.0.1",       "10.1.2.3",        "172.16.0.1", "172.31.255.255",
                                         "192.168.1.1",     "169.254.169.254", "100.64.0.1", "0.0.0.0",
                                         "224.0.0.1",       "255.255.255.255", "192.0.2.1",  "198.18.0.1",
                                         "[::1]",           "[fe80::1]",       "[fd00::1]",  "[::ffff:127.0.0.1]",
                                         "[2002:7f00:1::]", "[2001:db8::1]",   "[nonsense]"};
    static const char *const internet[] = {"8.8.8.8",       "172.32.0.1",    "100.128.0.1",      "192.0.3.1",
                                           "47.236.26.199", "[2a01:4f8::1]", "[::ffff:8.8.8.8]", "node1.gonka.ai"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (candidate_is_public(others[i]))
            fail_msg("%s", others[i]);
    for (size_t i = 0; i < sizeof(internet) / sizeof(*internet); i++)
        if (!candidate_is_public(internet[i]))
            fail_msg("%s", internet[i]);
}

static void
peers_of_net_info_are_read(void **state)
{
    static const char text[] =
        "{\"peers\":[{\"node_info\":{\"id\":\"" ID "\",\"listen_addr\":\"tcp://0.0.0.0:15000\",\"network\":\"c\"},"
        "\"remote_ip\":\"8.8.8.8\"},"
        "{\"node_info\":{\"id\":\"" ID "\",\"listen_addr\":\"tcp://0.0.0.0:15000\",\"network\":\"other\"},"
        "\"remote_ip\":\"8.8.4.4\"},"
        "{\"node_info\":{\"id\":\"" ID "\",\"listen_addr\":\"[::]:5000\",\"network\":\"c\"},"
        "\"remote_ip\":\"2a01:4f8::1\"}, 7, {}, null]}";
    const struct candidate_learn rules = {.chain_id = "c", .most = 100};
    char                         why[160];
    cJSON                       *json = ga_json_parse(text, sizeof(text) - 1, why, sizeof(why));
    struct candidates            list;

    (void)state;
    assert_non_null(json);
    assert_int_equal(candidates_init(&list, 10), 0);
    assert_int_equal(candidates_add_net_info(&list, json, &rules), 2);
    assert_string_equal(list.at[0].host, "8.8.8.8");
    assert_int_equal(list.at[0].p2p_port, 15000);
    assert_string_equal(list.at[1].host, "[2a01:4f8::1]");
    assert_int_equal(list.at[1].origin, CANDIDATE_LEARNED);
    candidates_done(&list);
    cJSON_Delete(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(other_entries_are_refused_with_a_reason),
        cmocka_unit_test(a_host_that_is_too_long_is_refused),
        cmocka_unit_test(the_shipped_list_has_no_bad_entry_and_no_duplicate),
        cmocka_unit_test(a_duplicate_only_adds_where_it_is_from),
        cmocka_unit_test(two_ids_at_one_address_are_two_claims),
        cmocka_unit_test(what_goes_beyond_the_limit_is_counted),
        cmocka_unit_test(bad_entries_are_kept_clean_and_few),
        cmocka_unit_test(lines_of_a_file_may_have_blanks_and_comments),
        cmocka_unit_test(a_nul_within_a_line_is_no_end_of_it),
        cmocka_unit_test(addresses_that_are_not_the_internets_are_told_apart),
        cmocka_unit_test(peers_of_net_info_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_validator_facts.c: answers of nodes become facts, or are refused; keys are read no further than their public
 * half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/bech32.h"
#include "kit/json.h"
#include "plugins/validator/facts.h"
#include "plugins/validator/public_key.h"

#define KEY "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps="
#define OTHER_KEY "YHtcky8VaH0qQNhYJkN61RPf83oKWsCPXdaewvDEYLo="
#define VALCONS "gonkavalcons1zw0vk557mv9umazutq75mshae90kdv0g0q0s9t"
#define HEX "139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8"
#define ACCOUNT "gonka1y2a9p56kv044327uycmqdexl7zs82fs5ryv5le"
#define OPERATOR "gonkavaloper1y2a9p56kv044327uycmqdexl7zs82fs5lyang5"
#define SECOND INT64_C(1000000000)

static char why[VAL_WHY];

static cJSON *
json(const char *text)
{
    char   problem[160];
    cJSON *parsed = ga_json_parse(text, strlen(text), problem, sizeof(problem));

    if (!parsed)
        fail_msg("%s: %s", problem, text);
    return parsed;
}

/* --- slashing ------------------------------------------------------------------------------------------------------
 */

static int
params(const char *window, const char *part, struct val_params *ret)
{
    char   text[300];
    cJSON *answer;
    int    r;

    (void)snprintf(text, sizeof(text),
                   "{\"params\":{\"signed_blocks_window\":%s,\"min_signed_per_window\":\"%s\","
                   "\"downtime_jail_duration\":\"600s\"}}",
                   window, part);
    answer = json(text);
    r = val_read_params(answer, ret, why);
    cJSON_Delete(answer);
    return r;
}

static void
the_misses_that_are_allowed_are_rounded_as_the_chain_rounds(void **state)
{
    static const struct {
        const char *window;
        const char *part;
        int64_t     most;
    } cases[] = {
        {"\"100\"", "0.500000000000000000", 50},
        {"100", "0.5", 50},
        {"\"100\"", "0", 100},
        {"\"100\"", "1.000000000000000000", 0},
        {"\"5\"", "0.5", 3}, /* 2.5 to even: 2 must be signed */
        {"\"7\"", "0.5", 3}, /* 3.5 to even: 4 */
        {"\"10000\"", "0.050000000000000000", 9500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct val_params ret;

        assert_int_equal(params(cases[i].window, cases[i].part, &ret), 0);
        assert_int_equal(ret.most_missed, cases[i].most);
        assert_int_equal(ret.jail_ns, 600 * SECOND);
    }
}

static void
parameters_that_are_none_are_refused(void **state)
{
    static const char *const parts[] = {
        "", "2", "-0.5", "0,5", "1.1", "0.5000000000000000001", "x", "1.000000000000000001"};
    struct val_params ret;

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        assert_int_equal(params("\"100\"", parts[i], &ret), -1);
    assert_int_equal(params("\"0\"", "0.5", &ret), -1);
    assert_int_equal(params("\"-1\"", "0.5", &ret), -1);
    assert_int_equal(params("\"9223372036854775807\"", "0.5", &ret), -1);
}

static int
signing(const char *text, struct val_signing *ret)
{
    cJSON *answer = json(text);
    int    r = val_read_signing(answer, VALCONS, ret, why);

    cJSON_Delete(answer);
    return r;
}

static void
a_signing_info_is_read_in_both_styles_of_numbers(void **state)
{
    struct val_signing ret;

    (void)state;
    assert_int_equal(signing("{\"val_signing_info\":{\"address\":\"" VALCONS
                             "\",\"jailed_until\":\"2025-11-20T10:00:00Z\","
                             "\"tombstoned\":false,\"missed_blocks_counter\":\"3\",\"start_height\":\"7\"}}",
                             &ret),
                     0);
    assert_int_equal(ret.missed, 3);
    assert_int_equal(ret.until_ns, INT64_C(1763632800) * SECOND);
    assert_int_equal(signing("{\"val_signing_info\":{\"address\":\"" VALCONS
                             "\",\"jailed_until\":\"9999-12-31T23:59:59Z\","
                             "\"tombstoned\":true,\"missed_blocks_counter\":4}}",
                             &ret),
                     0);
    assert_true(ret.tombstoned && ret.until_ns == INT64_MAX && ret.missed == 4);
}

static void
what_a_signing_info_does_not_say_is_not_taken_for_no(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"val_signing_info\":null}",
        /* of another validator */
        "{\"val_signing_info\":{\"address\":\"gonkavalcons1m3w9luwclmeqjagvscrexyn65u9z6gf33npngf\",\"jailed_until\":"
        "\"2025-11-20T10:00:00Z\",\"tombstoned\":false,\"missed_blocks_counter\":\"3\"}}",
        /* without tombstoned, with one that is no bool */
        "{\"val_signing_info\":{\"address\":\"" VALCONS "\",\"jailed_until\":\"2025-11-20T10:00:00Z\","
        "\"missed_blocks_counter\":\"3\"}}",
        "{\"val_signing_info\":{\"address\":\"" VALCONS "\",\"jailed_until\":\"2025-11-20T10:00:00Z\","
        "\"tombstoned\":\"false\",\"missed_blocks_counter\":\"3\"}}",
        /* without a time, with one that is none */
        "{\"val_signing_info\":{\"address\":\"" VALCONS "\",\"tombstoned\":false,\"missed_blocks_counter\":\"3\"}}",
        "{\"val_signing_info\":{\"address\":\"" VALCONS "\",\"jailed_until\":\"soon\",\"tombstoned\":false,"
        "\"missed_blocks_counter\":\"3\"}}",
        "{\"val_signing_info\":{\"address\":\"" VALCONS "\",\"jailed_until\":\"2025-11-20T10:00:00Z\","
        "\"tombstoned\":false,\"missed_blocks_counter\":\"-3\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct val_signing ret;

        why[0] = '\0';
        if (signing(texts[i], &ret) == 0 || !*why)
            fail_msg("taken: %s", texts[i]);
    }
}

/* --- staking and the inference module ------------------------------------------------------------------------------
 */

static int
validator(const char *members, struct val_validator *ret)
{
    char   text[600];
    cJSON *answer;
    int    r;

    (void)snprintf(text, sizeof(text), "{\"validator\":{%s}}", members);
    answer = json(text);
    r = val_read_validator(answer, OPERATOR, ret, why);
    cJSON_Delete(answer);
    return r;
}

#define ITS_OPERATOR "\"operator_address\":\"" OPERATOR "\","
#define ITS_KEY "\"consensus_pubkey\":{\"key\":\"" KEY "\"},"

static void
a_validator_is_read_with_its_status_as_name_or_number(void **state)
{
    struct val_validator ret;

    (void)state;
    assert_int_equal(validator(ITS_OPERATOR ITS_KEY "\"jailed\":true,\"status\":\"BOND_STATUS_UNBONDING\","
                                                    "\"tokens\":\"0099\"",
                               &ret),
                     0);
    assert_true(ret.jailed && ret.bond == VAL_BOND_UNBONDING);
    assert_string_equal(ret.key, KEY);
    assert_string_equal(ret.tokens, "99");
    assert_int_equal(validator(ITS_OPERATOR ITS_KEY "\"jailed\":false,\"status\":3,\"tokens\":7", &ret), 0);
    assert_true(!ret.jailed && ret.bond == VAL_BOND_BONDED);
    assert_string_equal(ret.tokens, "7");
}

static void
a_validator_that_does_not_say_whether_it_is_jailed_is_refused(void **state)
{
    static const char *const members[] = {
        ITS_OPERATOR ITS_KEY "\"status\":3",
        ITS_OPERATOR ITS_KEY "\"jailed\":0,\"status\":3",
        ITS_OPERATOR ITS_KEY "\"jailed\":false",
        ITS_OPERATOR ITS_KEY "\"jailed\":false,\"status\":4",
        ITS_OPERATOR "\"jailed\":false,\"status\":3",
        ITS_OPERATOR "\"consensus_pubkey\":{\"key\":\"c2hvcnQ=\"},\"jailed\":false,\"status\":3",
        ITS_KEY "\"jailed\":false,\"status\":3",
        "\"operator_address\":\"gonkavaloper1other\"," ITS_KEY "\"jailed\":false,\"status\":3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct val_validator ret;

        if (validator(members[i], &ret) == 0)
            fail_msg("taken: %s", members[i]);
    }
}

static void
a_participant_may_have_no_key_but_no_wrong_one(void **state)
{
    struct val_participant ret;
    cJSON *none = json("{\"participant\":{\"address\":\"" ACCOUNT "\",\"validator_key\":\"\",\"status\":\"ACTIVE\","
                       "\"inference_url\":\"http://h:8000\\u001b[2J\"}}");
    cJSON *bad = json("{\"participant\":{\"address\":\"" ACCOUNT "\",\"validator_key\":\"AAAA\"}}");
    cJSON *other = json("{\"participant\":{\"address\":\"gonka1other\",\"validator_key\":\"\"}}");

    (void)state;
    assert_int_equal(val_read_participant(none, ACCOUNT, &ret, why), 0);
    assert_string_equal(ret.key, "");
    assert_null(strchr(ret.url, 0x1b)); /* a terminal would obey it */
    assert_int_equal(val_read_participant(bad, ACCOUNT, &ret, why), -1);
    assert_int_equal(val_read_participant(other, ACCOUNT, &ret, why), -1);
    cJSON_Delete(none);
    cJSON_Delete(bad);
    cJSON_Delete(other);
}

/* --- grants --------------------------------------------------------------------------------------------------------
 */

static void
of_many_grants_the_first_to_end_counts(void **state)
{
    struct val_grants ret;
    cJSON            *some = json("{\"grants\":[{\"authorization\":{\"msg\":\"/a\"},\"expiration\":null},"
                                             "{\"authorization\":{\"msg\":\"/b\"},\"expiration\":\"2026-01-02T00:00:00Z\"},"
                                             "{\"authorization\":{\"@type\":\"/c\"},\"expiration\":\"2026-01-01T00:00:00Z\"}]}");
    cJSON            *none = json("{\"grants\":[],\"pagination\":null}");
    cJSON            *nothing = json("{}");
    cJSON            *bad = json("{\"grants\":[{\"expiration\":7}]}");

    (void)state;
    assert_int_equal(val_read_grants(some, &ret, why), 0);
    assert_int_equal(ret.n, 3);
    assert_string_equal(ret.first_msg, "/c");
    assert_int_equal(ret.first_ns, INT64_C(1767225600) * SECOND);
    assert_int_equal(val_read_grants(none, &ret, why), 0);
    assert_int_equal(ret.n, 0);
    assert_int_equal(val_read_grants(nothing, &ret, why), -1); /* could not ask is not "none" */
    assert_int_equal(val_read_grants(bad, &ret, why), -1);
    cJSON_Delete(some);
    cJSON_Delete(none);
    cJSON_Delete(nothing);
    cJSON_Delete(bad);
}

static void
a_fee_allowance_is_found_in_its_wrappings(void **state)
{
    static const char *const inner[] = {
        "{\"expiration\":\"2026-01-01T00:00:00Z\"}",
        "{\"allowance\":{\"expiration\":\"2026-01-01T00:00:00Z\"}}",
        "{\"allowance\":{\"basic\":{\"expiration\":\"2026-01-01T00:00:00Z\"}}}",
    };
    struct val_allowance ret;

    (void)state;
    for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++) {
        char   text[400];
        cJSON *answer;

        (void)snprintf(text, sizeof(text),
                       "{\"allowances\":[{\"granter\":\"gonka1other\",\"allowance\":{}},{\"granter\":\"" ACCOUNT
                       "\",\"allowance\":%s}]}",
                       inner[i]);
        answer = json(text);
        assert_int_equal(val_read_allowance(answer, ACCOUNT, &ret, why), 0);
        assert_int_equal(ret.n, 1);
        assert_int_equal(ret.ends_ns, INT64_C(1767225600) * SECOND);
        assert_int_equal(val_read_allowance(answer, "gonka1third", &ret, why), 0);
        assert_int_equal(ret.n, 0);
        cJSON_Delete(answer);
    }
}

/* --- commits -------------------------------------------------------------------------------------------------------
 */

static void
a_vote_for_nil_counts_as_signed_and_an_empty_place_as_missed(void **state)
{
    struct val_commit ret;
    cJSON *answer = json("{\"block\":{\"last_commit\":{\"height\":\"9\",\"signatures\":[{\"block_id_flag\":1,"
                         "\"validator_address\":\"\"},{\"block_id_flag\":3,\"validator_address\":"
                         "\"139ecb529edb0bcdf45c583d4dc2fdc95f66b1e8\"},{\"block_id_flag\":\"BLOCK_ID_FLAG_ABSENT\"},"
                         "{\"block_id_flag\":2,\"validator_address\":\"AA\"}]}}}");
    cJSON *bad = json("{\"block\":{\"last_commit\":{\"height\":\"9\",\"signatures\":[{\"block_id_flag\":0}]}}}");

    (void)state;
    assert_int_equal(val_read_commit(answer, HEX, &ret, why), 0);
    assert_true(ret.height == 9 && ret.n == 4 && ret.absent == 2 && ret.own == 1);
    assert_int_equal(val_read_commit(answer, "BB", &ret, why), 0);
    assert_int_equal(ret.own, 0);
    assert_int_equal(val_read_commit(bad, HEX, &ret, why), -1);
    cJSON_Delete(answer);
    cJSON_Delete(bad);
}

/* --- the signer's container ----------------------------------------------------------------------------------------
 */

static void
a_container_says_whether_and_since_when_it_runs(void **state)
{
    static const char *const refused[] = {
        "{}",
        "{\"State\":{\"StartedAt\":\"2025-11-20T10:00:00Z\"}}",
        "{\"State\":{\"Running\":1,\"StartedAt\":\"2025-11-20T10:00:00Z\"}}",
        "{\"State\":{\"Running\":true}}",
        "{\"State\":{\"Running\":true,\"StartedAt\":\"just now\"}}",
    };
    struct val_container ret;
    cJSON *up = json("{\"State\":{\"Running\":true,\"Restarting\":true,\"StartedAt\":\"2025-11-20T10:00:00.5Z\"}}");
    cJSON *never = json("{\"State\":{\"Running\":false,\"StartedAt\":\"0001-01-01T00:00:00Z\"}}");

    (void)state;
    assert_int_equal(val_read_container(up, &ret, why), 0);
    assert_true(ret.running && ret.restarting && ret.started_ns == INT64_C(1763632800) * SECOND + SECOND / 2);
    assert_int_equal(val_read_container(never, &ret, why), 0);
    assert_true(!ret.running && ret.started_ns == INT64_MIN);
    cJSON_Delete(up);
    cJSON_Delete(never);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        cJSON *answer = json(refused[i]);

        if (val_read_container(answer, &ret, why) == 0)
            fail_msg("taken: %s", refused[i]);
        cJSON_Delete(answer);
    }
}

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

/* Reads a key file through a pipe. *ret_left: bytes that were not read. */
static int
through_a_pipe(const char *text, char key[VAL_KEY_MAX], size_t *ret_left)
{
    static char rest[4096];
    int         ends[2];
    ssize_t     n;
    int         r;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    (void)close(ends[1]);
    r = val_key_from_fd(ends[0], key, why);
    n = read(ends[0], rest, sizeof(rest));
    assert_true(n >= 0);
    *ret_left = (size_t)n;
    (void)close(ends[0]);
    return r;
}

static void
a_key_file_is_read_up_to_its_public_half_and_no_further(void **state)
{
    static const char head[] = "{\n  \"address\": \"" HEX "\",\n  \"pub_key\": {\n    \"type\": "
                               "\"tendermint/PubKeyEd25519\",\n    \"value\": \"" KEY "\"\n  }";
    static const char tail[] = ",\n  \"priv_key\": {\n    \"type\": \"tendermint/PrivKeyEd25519\",\n    \"value\": "
                               "\"c2VjcmV0\"\n  }\n}\n";
    char              text[600];
    char              key[VAL_KEY_MAX];
    size_t            left;

    (void)state;
    (void)snprintf(text, sizeof(text), "%s%s", head, tail);
    assert_int_equal(through_a_pipe(text, key, &left), 0);
    assert_string_equal(key, KEY);
    assert_int_equal(left, strlen(tail));
}

static void
a_key_file_with_its_private_half_first_is_not_read_further(void **state)
{
    static const char tail[] = ":{\"type\":\"t\",\"value\":\"c2VjcmV0\"},\"pub_key\":{\"value\":\"" KEY "\"}}";
    char              text[400];
    char              key[VAL_KEY_MAX];
    size_t            left;

    (void)state;
    (void)snprintf(text, sizeof(text), "{\"priv_key\"%s", tail);
    assert_int_equal(through_a_pipe(text, key, &left), -1);
    assert_int_equal(left, strlen(tail));
    assert_non_null(strstr(why, "private key comes before"));
    (void)snprintf(text, sizeof(text), "{\"\\u0070riv_key\"%s", tail); /* the same name, written otherwise */
    assert_int_equal(through_a_pipe(text, key, &left), -1);
    assert_true(left >= strlen(tail));
}

static void
files_that_hold_no_key_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "{}",
                                        "[1]",
                                        "{\"pub_key\":null}",
                                        "{\"pub_key\":{\"value\":7}}",
                                        "{\"pub_key\":{\"value\":\"c2hvcnQ=\"}}",
                                        "{\"a\":{\"pub_key\":{\"value\":\"" KEY "\"}}}",
                                        "}{\"pub_key\":{\"value\":\"" KEY "\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char   key[VAL_KEY_MAX];
        size_t left;

        why[0] = '\0';
        if (through_a_pipe(texts[i], key, &left) == 0 || !*why)
            fail_msg("taken: %s", texts[i]);
    }
    {
        char key[VAL_KEY_MAX];

        assert_int_equal(val_key_from_file("/no/such/file", key, why), -1);
        assert_non_null(strstr(why, "/no/such/file cannot be opened"));
    }
}

static void
the_last_key_in_a_signers_log_counts(void **state)
{
    static const char log[] = "\1\0\0\0\0\0\0\x50{\"@type\":\"/cosmos.crypto.ed25519.PubKey\",\"key\":\"" OTHER_KEY
                              "\"}\n\1\0\0\0{\"@type\":\"/cosmos.crypto.ed25519.PubKey\",\"key\":\"" KEY
                              "\"}\nconnected\n{\"@type\":\"/cosmos.crypto.ed25519.PubKey\",\"key\":\"no key\"}\n"
                              "{\"@type\":\"/cosmos.crypto.ed25519.PubKey\",\"key\":\"cut";
    char key[VAL_KEY_MAX];

    (void)state;
    assert_int_equal(val_key_from_log(log, sizeof(log) - 1, key), 0);
    assert_string_equal(key, KEY);
    assert_int_equal(val_key_from_log("", 0, key), -1);
    assert_int_equal(val_key_from_log("PubKey", 6, key), -1);
}

static int
height_of(const char *text, int64_t *ret)
{
    return val_state_height(text, strlen(text), ret, why);
}

static void
the_height_that_was_signed_last_is_a_number_or_a_string(void **state)
{
    int64_t height = 0;

    (void)state;
    assert_int_equal(height_of("{\"height\":\"1510000\",\"round\":\"0\",\"step\":3}", &height), 0);
    assert_int_equal(height, 1510000);
    assert_int_equal(height_of("{\"height\":7}", &height), 0);
    assert_int_equal(height, 7);
    assert_int_equal(height_of("{\"height\":-7}", &height), -1);
    assert_int_equal(height_of("{}", &height), -1);
    assert_int_equal(height_of("", &height), -1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_misses_that_are_allowed_are_rounded_as_the_chain_rounds),
        cmocka_unit_test(parameters_that_are_none_are_refused),
        cmocka_unit_test(a_signing_info_is_read_in_both_styles_of_numbers),
        cmocka_unit_test(what_a_signing_info_does_not_say_is_not_taken_for_no),
        cmocka_unit_test(a_validator_is_read_with_its_status_as_name_or_number),
        cmocka_unit_test(a_validator_that_does_not_say_whether_it_is_jailed_is_refused),
        cmocka_unit_test(a_participant_may_have_no_key_but_no_wrong_one),
        cmocka_unit_test(of_many_grants_the_first_to_end_counts),
        cmocka_unit_test(a_fee_allowance_is_found_in_its_wrappings),
        cmocka_unit_test(a_vote_for_nil_counts_as_signed_and_an_empty_place_as_missed),
        cmocka_unit_test(a_container_says_whether_and_since_when_it_runs),
        cmocka_unit_test(a_key_file_is_read_up_to_its_public_half_and_no_further),
        cmocka_unit_test(a_key_file_with_its_private_half_first_is_not_read_further),
        cmocka_unit_test(files_that_hold_no_key_are_refused),
        cmocka_unit_test(the_last_key_in_a_signers_log_counts),
        cmocka_unit_test(the_height_that_was_signed_last_is_a_number_or_a_string),
    };

    return cmocka_run_group_tests_name("validator facts", tests, NULL, NULL);
}

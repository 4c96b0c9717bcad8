/* The bodies of the worker's REST API: what is taken, what is refused and in which words. */
#include "kit/json.h"
#include "tests/unit/poc_fake_engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- bodies: a member in front of the good ones of its name, and what is said of it */

struct member {
    const char *name;
    const char *member;
    const char *detail; /* NULL: it is taken, and the engine is told `told` */
    const char *told;
};

#define WRONG(type, loc, msg, input) \
    "{\"type\":\"" type "\",\"loc\":[\"body\"," loc "],\"msg\":\"" msg "\",\"input\":" input "}"
#define VALUE(loc, msg, input) WRONG("value_error", loc, "Value error, " msg, input)
#define INT_TEXT "Input should be a valid integer, unable to parse string as an integer"
#define NO_OBJECT "Input should be a valid dictionary or object to extract fields from"
#define TOLD_URL "http://api:9100/v1/poc-batches"
#define TOLD_HEAD "1/2 8F@1503660 02a1 100 "
#define TOLD_NUMBERS "1.4013564660458173 9.9999999999999995e-08 "
#define TOLD_BODY TOLD_HEAD TOLD_NUMBERS TOLD_URL

static struct member members[] = {
    {"all as it came", "\"unknown\":{}", NULL, TOLD_BODY " dim 2048 seq 16"},
    {"the last of a name counts", "\"block_hash\":\"last\"", NULL,
     "1/2 last@1503660 02a1 100 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"params over the default set", "\"params\":{\"dim\":1792,\"n_heads\":64,\"n_kv_heads\":64,\"x\":1}", NULL,
     TOLD_BODY " dim 1792 seq 16"},
    {"integers to the last digit", "\"block_height\":9223372036854775807", NULL,
     "1/2 8F@9223372036854775807 02a1 100 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"integer as 7.0", "\"batch_size\":7.0", NULL, "1/2 8F@1503660 02a1 7 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"integer as a string", "\"batch_size\":\" 1_000.0 \"", NULL,
     "1/2 8F@1503660 02a1 1000 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"integer as a long string", "\"block_height\":\"-9223372036854775808\"", NULL,
     "1/2 8F@-9223372036854775808 02a1 100 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"integer as true", "\"batch_size\":true", NULL, "1/2 8F@1503660 02a1 1 " TOLD_NUMBERS TOLD_URL " dim 2048 seq 16"},
    {"number as an integer", "\"r_target\":10", NULL,
     TOLD_HEAD "10 9.9999999999999995e-08 " TOLD_URL " dim 2048 seq 16"},
    {"number as a long integer", "\"r_target\":12345678901234567890", NULL,
     TOLD_HEAD "1.2345678901234567e+19 9.9999999999999995e-08 " TOLD_URL " dim 2048 seq 16"},
    {"number as a string", "\"r_target\":\"+2.5e-1\"", NULL,
     TOLD_HEAD "0.25 9.9999999999999995e-08 " TOLD_URL " dim 2048 seq 16"},
    {"number as true", "\"r_target\":true", NULL, TOLD_HEAD "1 9.9999999999999995e-08 " TOLD_URL " dim 2048 seq 16"},
    {"boolean as a word", "\"params\":{\"use_scaled_rope\":\"Off\"}", NULL, TOLD_BODY " dim 2048 seq 16"},
    {"boolean as 1", "\"params\":{\"use_scaled_rope\":1}", NULL, TOLD_BODY " dim 2048 seq 16"},
    {"null is no value", "\"node_id\":null",
     WRONG("int_type", "\"node_id\"", "Input should be a valid integer", "null"), NULL},
    {"no text", "\"block_hash\":7", WRONG("string_type", "\"block_hash\"", "Input should be a valid string", "7"),
     NULL},
    {"integer with a fraction", "\"block_height\":7.5",
     WRONG("int_from_float", "\"block_height\"", "Input should be a valid integer, got a number with a fractional part",
           "7.5"),
     NULL},
    {"integer as words", "\"block_height\":\"7 or 8\"",
     WRONG("int_parsing", "\"block_height\"", INT_TEXT, "\"7 or 8\""), NULL},
    {"integer as a blank", "\"block_height\":\" \"", WRONG("int_parsing", "\"block_height\"", INT_TEXT, "\" \""), NULL},
    {"integer with a fraction in a string", "\"batch_size\":\"7.5\"",
     WRONG("int_parsing", "\"batch_size\"", INT_TEXT, "\"7.5\""), NULL},
    {"integer as a sign", "\"batch_size\":\"-.0\"", WRONG("int_parsing", "\"batch_size\"", INT_TEXT, "\"-.0\""), NULL},
    {"integer with an underscore in front", "\"batch_size\":\"_7\"",
     WRONG("int_parsing", "\"batch_size\"", INT_TEXT, "\"_7\""), NULL},
    {"integer of too many digits", "\"block_height\":9223372036854775808",
     WRONG("int_parsing_size", "\"block_height\"", "Unable to parse input string as an integer, exceeded maximum size",
           "9223372036854775808"),
     NULL},
    {"integer of too many digits in a string", "\"block_height\":\"9223372036854775808\"",
     WRONG("int_parsing_size", "\"block_height\"", "Unable to parse input string as an integer, exceeded maximum size",
           "\"9223372036854775808\""),
     NULL},
    {"integer as a list", "\"block_height\":[]",
     WRONG("int_type", "\"block_height\"", "Input should be a valid integer", "[]"), NULL},
    {"number as null", "\"r_target\":null",
     WRONG("float_type", "\"r_target\"", "Input should be a valid number", "null"), NULL},
    {"number as words", "\"r_target\":\"much\"",
     WRONG("float_parsing", "\"r_target\"", "Input should be a valid number, unable to parse string as a number",
           "\"much\""),
     NULL},
    {"number with a tail", "\"r_target\":\"1-2\"",
     WRONG("float_parsing", "\"r_target\"", "Input should be a valid number, unable to parse string as a number",
           "\"1-2\""),
     NULL},
    {"number without end", "\"r_target\":\"1e999\"",
     WRONG("finite_number", "\"r_target\"", "Input should be a finite number", "\"1e999\""), NULL},
    {"node below -1", "\"node_id\":-2",
     WRONG("greater_than_equal", "\"node_id\"", "Input should be greater than or equal to -1", "-2"), NULL},
    {"node beyond 32 bits", "\"node_id\":4294967296",
     WRONG("less_than_equal", "\"node_id\"", "Input should be less than or equal to 4294967295", "4294967296"), NULL},
    {"no nodes at all", "\"node_count\":0",
     VALUE("\"node_count\"", "node_count is 0, it must be at least 1, or -1 for none", "0"), NULL},
    {"params as a list", "\"params\":[]", WRONG("model_attributes_type", "\"params\"", NO_OBJECT, "[]"), NULL},
    {"a parameter of the wrong type", "\"params\":{\"dim\":{}}",
     WRONG("int_type", "\"params\",\"dim\"", "Input should be a valid integer", "{}"), NULL},
    {"a parameter below 0", "\"params\":{\"dim\":-1}",
     WRONG("greater_than_equal", "\"params\",\"dim\"", "Input should be greater than or equal to 0", "-1"), NULL},
    {"a boolean as 2", "\"params\":{\"use_scaled_rope\":2}",
     WRONG("bool_parsing", "\"params\",\"use_scaled_rope\"",
           "Input should be a valid boolean, unable to interpret input", "2"),
     NULL},
    {"a boolean as another word", "\"params\":{\"use_scaled_rope\":\"maybe\"}",
     WRONG("bool_parsing", "\"params\",\"use_scaled_rope\"",
           "Input should be a valid boolean, unable to interpret input", "\"maybe\""),
     NULL},
    {"a boolean as a list", "\"params\":{\"use_scaled_rope\":[]}",
     WRONG("bool_type", "\"params\",\"use_scaled_rope\"", "Input should be a valid boolean", "[]"), NULL},
    {"parameters that no model has", "\"params\":{\"n_heads\":3}",
     VALUE("\"params\"", "params.dim (2048) must be an even multiple of params.n_heads (3)", "{\"n_heads\":3}"), NULL},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void
member_is_judged(void **state)
{
    const struct member *row = *state;
    void                *fresh = NULL;
    struct poc_fake     *fake;
    char                 body[1024];
    char                 answer[1024];

    assert_int_equal(poc_fake_setup(&fresh), 0);
    fake = fresh;
    (void)snprintf(body, sizeof(body), "%.*s,%s}", (int)strlen(INIT) - 1, INIT, row->member);
    (void)snprintf(answer, sizeof(answer), "{\"detail\":[%s]}", row->detail ? row->detail : "");
    if (row->detail)
        poc_fake_expect(fake, "POST", POW "/init/generate", body, 422, answer);
    else
        poc_fake_expect(fake, "POST", POW "/init/generate", body, 200, NOW("GENERATING", "false"));
    assert_string_equal(fake->told, row->told ? row->told : "");
    assert_string_equal(fake->calls, row->told ? "generate " : "");
    free(fake);
}

static void
a_missing_field_is_named_with_what_came(void **state)
{
    static const char body[] = "{\"block_hash\":\"8F\",\"block_height\":1,\"public_key\":\"02\",\"batch_size\":1,"
                               "\"r_target\":1,\"fraud_threshold\":1}";
    char              answer[512];

    (void)snprintf(answer, sizeof(answer), "{\"detail\":[" WRONG("missing", "\"url\"", "Field required", "%s") "]}",
                   body);
    poc_fake_expect(*state, "POST", POW "/init", body, 422, answer);
}

static void
all_that_is_wrong_is_told(void **state)
{
    poc_fake_expect(
        *state, "POST", POW "/validate", "{\"block_hash\":1,\"nonces\":2,\"dist\":[]}", 422,
        "{\"detail\":["
        "{\"type\":\"missing\",\"loc\":[\"body\",\"public_key\"],\"msg\":\"Field required\","
        "\"input\":{\"block_hash\":1,\"nonces\":2,\"dist\":[]}},"
        "{\"type\":\"string_type\",\"loc\":[\"body\",\"block_hash\"],\"msg\":\"Input should be a valid string\","
        "\"input\":1},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"block_height\"],\"msg\":\"Field required\","
        "\"input\":{\"block_hash\":1,\"nonces\":2,\"dist\":[]}},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"node_id\"],\"msg\":\"Field required\","
        "\"input\":{\"block_hash\":1,\"nonces\":2,\"dist\":[]}},"
        "{\"type\":\"list_type\",\"loc\":[\"body\",\"nonces\"],\"msg\":\"Input should be a valid list\","
        "\"input\":2}]}");
}

static void
no_body_is_a_missing_body(void **state)
{
    poc_fake_expect(
        *state, "POST", POW "/init", NULL, 422,
        "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\",\"input\":null}]}");
}

static void
what_is_no_json_is_told_with_its_byte(void **state)
{
    struct poc_fake *fake = *state;
    struct poc_reply reply = {0};
    cJSON           *json;

    assert_int_equal(poc_api_handle(&fake->ops, "POST", POW "/init", "{\"node_id\":x}", 13, &reply), 0);
    json = ga_json_parse(reply.body, reply.len, NULL, 0);
    assert_int_equal(reply.status, 422);
    assert_string_equal(ga_json_path(json, "detail.0.type")->valuestring, "json_invalid");
    assert_string_equal(ga_json_path(json, "detail.0.loc.0")->valuestring, "body");
    assert_int_equal(ga_json_path(json, "detail.0.loc.1")->valueint, 11);
    assert_memory_equal(ga_json_path(json, "detail.0.msg")->valuestring, "JSON decode error: ", 19);
    assert_string_equal(fake->calls, "");
    cJSON_Delete(json);
    poc_reply_done(&reply);
}

static void
a_body_that_is_no_object_is_refused(void **state)
{
    poc_fake_expect(*state, "POST", POW "/init", "[1]", 422,
                    "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"" NO_OBJECT
                    "\",\"input\":[1]}]}");
}

/* --- batches */

#define BATCH_HEAD "{\"public_key\":\"02a1\",\"block_hash\":\"8F\",\"block_height\":5,\"node_id\":-1,"

static void
batch(struct poc_fake *fake, const char *lists, int status, const char *answer)
{
    char body[256];

    fake->status = poc_fake_idle;
    (void)snprintf(body, sizeof(body), BATCH_HEAD "%s}", lists);
    poc_fake_expect(fake, "POST", POW "/validate", body, status, answer);
}

static void
a_batch_comes_with_its_proofs(void **state)
{
    struct poc_fake *fake = *state;

    batch(fake, "\"nonces\":[9223372036854775807,0,\"7\"],\"dist\":[1.5,\"0.25\",2]", 200, "null");
    assert_string_equal(fake->told, "8F@5 02a1 -1: 9223372036854775807=1.5 0=0.25 7=2");
}

static void
an_empty_batch_is_a_batch(void **state)
{
    struct poc_fake *fake = *state;

    batch(fake, "\"nonces\":[],\"dist\":[]", 200, "null");
    assert_string_equal(fake->told, "8F@5 02a1 -1:");
}

static void
a_bad_element_is_told_by_its_index(void **state)
{
    batch(*state, "\"nonces\":[1,true,[]],\"dist\":[1,2,3]", 422,
          "{\"detail\":[" WRONG("int_type", "\"nonces\",2", "Input should be a valid integer", "[]") "]}");
}

static void
negative_nonces_are_refused(void **state)
{
    batch(*state, "\"nonces\":[1,-1],\"dist\":[1,2]", 422,
          "{\"detail\":[" WRONG("greater_than_equal", "\"nonces\",1", "Input should be greater than or equal to 0",
                                "-1") "]}");
}

static void
as_many_distances_as_nonces(void **state)
{
    batch(*state, "\"nonces\":[1,2],\"dist\":[1]", 422,
          "{\"detail\":[" VALUE("\"dist\"", "there are 1 distances for 2 nonces", "[1]") "]}");
}

static void
a_bad_batch_is_refused_before_the_state_is_looked_at(void **state)
{
    poc_fake_expect(*state, "POST", POW "/validate", "7", 422,
                    "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"" NO_OBJECT
                    "\",\"input\":7}]}");
}

/* A batch with n nonces that are texts; the reply's detail, the caller's. */
static cJSON *
refuse_many(struct poc_fake *fake, size_t n)
{
    struct poc_reply reply = {0};
    char            *body = malloc(n * 4 + 256);
    size_t           len;
    cJSON           *json;

    assert_non_null(body);
    len = (size_t)snprintf(body, 256, BATCH_HEAD "\"dist\":[],\"nonces\":[\"a\"");
    for (size_t i = 1; i < n; i++)
        len += (size_t)snprintf(body + len, 5, ",\"a\"");
    len += (size_t)snprintf(body + len, 3, "]}");
    assert_int_equal(poc_api_handle(&fake->ops, "POST", POW "/validate", body, len, &reply), 0);
    assert_int_equal(reply.status, 422);
    json = ga_json_parse(reply.body, reply.len, NULL, 0);
    poc_reply_done(&reply);
    free(body);
    return json;
}

static void
of_many_errors_the_first_are_told(void **state)
{
    cJSON *json = refuse_many(*state, 500);

    assert_int_equal(cJSON_GetArraySize(ga_json_get(json, "detail")), POC_DETAILS_MAX);
    assert_non_null(ga_json_path(json, "detail.31.input"));
    cJSON_Delete(json);
}

static void
a_large_body_is_not_sent_back(void **state)
{
    cJSON *json = refuse_many(*state, 2000);

    assert_non_null(ga_json_path(json, "detail.0.msg"));
    assert_null(ga_json_path(json, "detail.0.input"));
    cJSON_Delete(json);
}

/* --- equal requests */

/* 1 when a request with this member behind the others asks for what INIT asks for. */
static int
same_as_init(const char *member)
{
    struct poc_init a = {0};
    struct poc_init b = {0};
    cJSON          *detail = NULL;
    char            body[1024];
    int             same;

    (void)snprintf(body, sizeof(body), "%.*s,%s}", (int)strlen(INIT) - 1, INIT, member);
    assert_int_equal(poc_init_parse(INIT, strlen(INIT), &a, &detail), 0);
    assert_int_equal(poc_init_parse(body, strlen(body), &b, &detail), 0);
    assert_null(detail);
    same = poc_init_equal(&a, &b);
    poc_init_done(&a);
    poc_init_done(&b);
    assert_null(b.url);
    poc_init_done(&b); /* a second time does no harm */
    return same;
}

static void
requests_are_equal_by_what_they_ask_for(void **state)
{
    (void)state;
    assert_int_equal(same_as_init("\"other\":1"), 1);
    assert_int_equal(same_as_init("\"node_id\":\"1\""), 1);
    assert_int_equal(same_as_init("\"params\":{\"dim\":2048}"), 1);
}

static void
any_field_makes_a_difference(void **state)
{
    static const char *const differences[] = {
        "\"node_id\":2",
        "\"node_count\":3",
        "\"block_hash\":\"8f\"",
        "\"block_height\":1503661",
        "\"public_key\":\"02a2\"",
        "\"batch_size\":101",
        "\"r_target\":1.4013564660458171",
        "\"fraud_threshold\":1e-08",
        "\"url\":\"http://api:9100/v1/poc-batches/\"",
        "\"params\":{\"seq_len\":17}",
        "\"params\":{\"norm_eps\":2e-5}",
        "\"params\":{\"use_scaled_rope\":\"Yes\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        if (same_as_init(differences[i]))
            fail_msg("%s makes no difference", differences[i]);
}

static void
a_refused_body_leaves_what_was_there(void **state)
{
    struct poc_init  init = {.node_id = 77};
    struct poc_batch proofs = {.n = 77};
    cJSON           *detail = NULL;

    (void)state;
    assert_int_equal(poc_init_parse("{}", 2, &init, &detail), -EINVAL);
    assert_int_equal(init.node_id, 77);
    cJSON_Delete(detail);
    assert_int_equal(poc_batch_parse("{}", 2, &proofs, &detail), -EINVAL);
    assert_int_equal(proofs.n, 77);
    cJSON_Delete(detail);
}

/* --- no memory */

static int allocations_left;

static void *
scarce(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Answers with as many allocations for JSON as given; 1 when that was enough. */
static int
answers_with(struct poc_fake *fake, int allocations, const char *path, const char *body, int status)
{
    static cJSON_Hooks hooks = {scarce, free};
    struct poc_reply   reply = {0};
    int                r;

    allocations_left = allocations;
    cJSON_InitHooks(&hooks);
    r = poc_api_handle(&fake->ops, "POST", path, body, strlen(body), &reply);
    cJSON_InitHooks(NULL);
    if (r == 0) {
        assert_int_equal(reply.status, status);
        assert_int_equal(reply.len, strlen(reply.body));
    } else {
        assert_int_equal(r, -ENOMEM);
        assert_null(reply.body);
    }
    poc_reply_done(&reply);
    return r == 0;
}

static void
without_memory_there_is_no_answer(void **state)
{
    static const struct {
        const char *path;
        const char *body;
        int         status;
    } cases[] = {
        {POW "/init", INIT, 200},      {POW "/init", "{\"params\":{\"dim\":[]}}", 422}, {POW "/init", "{", 422},
        {POW "/validate", BATCH, 200}, {POW "/validate", "{\"nonces\":[\"a\"]}", 422},  {POW "/stop", "", 200},
        {"/nowhere", "", 404},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct poc_fake *fake = *state;
        int              enough = 0;

        fake->status = poc_fake_idle;
        assert_int_equal(answers_with(fake, 0, cases[i].path, cases[i].body, cases[i].status), 0);
        for (int n = 1; n < 1000 && !enough; n++) {
            fake->calls[0] = '\0';
            fake->status = poc_fake_idle;
            enough = answers_with(fake, n, cases[i].path, cases[i].body, cases[i].status);
        }
        assert_int_equal(enough, 1);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, poc_fake_setup, poc_fake_teardown)

static const struct CMUnitTest single_tests[] = {
    TEST(a_missing_field_is_named_with_what_came),
    TEST(all_that_is_wrong_is_told),
    TEST(no_body_is_a_missing_body),
    TEST(what_is_no_json_is_told_with_its_byte),
    TEST(a_body_that_is_no_object_is_refused),
    TEST(a_batch_comes_with_its_proofs),
    TEST(an_empty_batch_is_a_batch),
    TEST(a_bad_element_is_told_by_its_index),
    TEST(negative_nonces_are_refused),
    TEST(as_many_distances_as_nonces),
    TEST(a_bad_batch_is_refused_before_the_state_is_looked_at),
    TEST(of_many_errors_the_first_are_told),
    TEST(a_large_body_is_not_sent_back),
    TEST(requests_are_equal_by_what_they_ask_for),
    TEST(any_field_makes_a_difference),
    TEST(a_refused_body_leaves_what_was_there),
    TEST(without_memory_there_is_no_answer),
};

#define N_SINGLE (sizeof(single_tests) / sizeof(single_tests[0]))

int
main(void)
{
    static struct CMUnitTest tests[N_MEMBERS + N_SINGLE];
    size_t                   n = 0;

    for (size_t i = 0; i < N_MEMBERS; i++)
        tests[n++] = (struct CMUnitTest){members[i].name, member_is_judged, NULL, NULL, &members[i]};
    for (size_t i = 0; i < N_SINGLE; i++)
        tests[n++] = single_tests[i];
    return cmocka_run_group_tests_name("poc_api_body", tests, NULL, NULL);
}

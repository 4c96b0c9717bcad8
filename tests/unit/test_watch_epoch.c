/* Epochs and phases from the chain's parameters. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The example in the description of /v1/epochs/latest, as the gateway says it: numbers are strings. */
#define PARAMS                                                                                                       \
    "\"epoch_length\":\"17280\",\"epoch_multiplier\":\"1\",\"epoch_shift\":\"16980\",\"poc_stage_duration\":\"60\"," \
    "\"poc_exchange_duration\":\"5\",\"poc_validation_delay\":\"5\",\"poc_validation_duration\":\"20\","             \
    "\"set_new_validators_delay\":\"120\",\"inference_validation_cutoff\":\"80\""
#define EXAMPLE                                                           \
    "{\"block_height\":\"1510000\",\"params\":{\"epoch_params\":{" PARAMS \
    "}},\"latest_epoch\":{\"index\":\"88\",\"poc_start_block_height\":\"1503660\"}}"

static char why[256];

static int
read_epoch(const char *text, struct cw_epoch *ret)
{
    char   error[128];
    cJSON *json = ga_json_parse(text, strlen(text), error, sizeof(error));
    int    r;

    assert_non_null(json);
    why[0] = 0;
    r = cw_epoch_read(json, ret, why, sizeof(why));
    cJSON_Delete(json);
    return r;
}

static void
boundaries_are_those_of_the_networks_own_example(void **state)
{
    struct cw_epoch epoch;

    (void)state;
    assert_int_equal(read_epoch(EXAMPLE, &epoch), 0);
    assert_int_equal(epoch.index, 88);
    assert_int_equal(epoch.start, 1503660);
    assert_int_equal(epoch.generation_wind_down, 1503708);
    assert_int_equal(epoch.generation_end, 1503720);
    assert_int_equal(epoch.validation_start, 1503725);
    assert_int_equal(epoch.validation_wind_down, 1503741);
    assert_int_equal(epoch.validation_end, 1503745);
    assert_int_equal(epoch.set_new_validators, 1503865);
    assert_int_equal(epoch.claim_money, 1503866);
    assert_int_equal(epoch.cutoff, 1520860);
    assert_int_equal(epoch.next_start, 1520940);
}

static void
each_height_has_its_phase(void **state)
{
    static const struct {
        int64_t     height;
        const char *phase;
    } cases[] = {
        {1503659, "Inference"},           {1503660, "PoCGenerate"},         {1503707, "PoCGenerate"},
        {1503708, "PoCGenerateWindDown"}, {1503724, "PoCGenerateWindDown"}, {1503725, "PoCValidate"},
        {1503741, "PoCValidateWindDown"}, {1503744, "PoCValidateWindDown"}, {1503745, "Inference"},
        {1520939, "Inference"},
    };
    struct cw_epoch epoch;

    (void)state;
    assert_int_equal(read_epoch(EXAMPLE, &epoch), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(cw_phase(&epoch, cases[i].height), cases[i].phase);
}

static void
parameters_may_lie_a_level_deeper_be_numbers_or_absent_when_zero(void **state)
{
    struct cw_epoch epoch;

    (void)state;
    assert_int_equal(
        read_epoch("{\"params\":{\"epoch_params\":{\"epoch_params\":{\"epoch_length\":100,"
                   "\"poc_stage_duration\":10,\"poc_validation_duration\":5}}},\"latest_epoch\":{\"index\":3,"
                   "\"poc_start_block_height\":1000}}",
                   &epoch),
        0);
    assert_int_equal(epoch.next_start, 1100);
    assert_int_equal(epoch.validation_end, 1015);
    assert_int_equal(epoch.cutoff, 1100);
}

static void
the_first_epoch_has_no_proof_of_compute(void **state)
{
    struct cw_epoch    epoch;
    struct cw_boundary boundaries[CW_BOUNDARIES];
    struct cw_boundary next;

    (void)state;
    assert_int_equal(read_epoch("{\"params\":{\"epoch_params\":{" PARAMS "}},\"latest_epoch\":{}}", &epoch), 0);
    assert_string_equal(cw_phase(&epoch, 5), "Inference");
    assert_int_equal(cw_boundaries(&epoch, boundaries), 0);
    assert_int_equal(cw_next_boundary(&epoch, 5, &next), 0);
    assert_int_equal(next.height, 300);
    assert_int_equal(cw_next_boundary(&epoch, 300, &next), -1);
}

static void
boundaries_come_in_the_order_of_their_heights(void **state)
{
    struct cw_epoch    epoch;
    struct cw_boundary all[CW_BOUNDARIES];

    (void)state;
    assert_int_equal(read_epoch("{\"params\":{\"epoch_params\":{\"epoch_length\":50,\"poc_stage_duration\":10,"
                                "\"poc_validation_duration\":10,\"set_new_validators_delay\":5,"
                                "\"inference_validation_cutoff\":45}},\"latest_epoch\":{\"index\":3,"
                                "\"poc_start_block_height\":1000}}",
                                &epoch),
                     0);
    assert_int_equal(cw_boundaries(&epoch, all), CW_BOUNDARIES);
    for (size_t i = 1; i < CW_BOUNDARIES; i++)
        assert_true(all[i - 1].height <= all[i].height);
    assert_string_equal(all[0].topic, "poc.generate.started");
    assert_string_equal(all[1].topic, "epoch.cutoff");
}

static void
what_is_no_epoch_is_named_and_nothing_is_known_then(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"{}", "latest_epoch"},
        {"{\"latest_epoch\":{\"index\":\"88\",\"poc_start_block_height\":\"5\"}}", "params.epoch_params"},
        {"{\"params\":{\"epoch_params\":{" PARAMS "}},\"latest_epoch\":{\"index\":\"x\"}}", "latest_epoch.index"},
        {"{\"params\":{\"epoch_params\":{" PARAMS "}},\"latest_epoch\":{\"index\":\"88\"}}", "poc_start_block_height"},
        {"{\"params\":{\"epoch_params\":{" PARAMS
         "}},\"latest_epoch\":{\"index\":\"88\",\"poc_start_block_height\":\"9223372036854775807\"}}",
         "poc_start_block_height"},
        {"{\"params\":{\"epoch_params\":{\"epoch_length\":\"-1\"}},\"latest_epoch\":{\"index\":1,"
         "\"poc_start_block_height\":5}}",
         "epoch_length"},
        {"{\"params\":{\"epoch_params\":{\"epoch_length\":100}},\"latest_epoch\":{\"index\":1,"
         "\"poc_start_block_height\":5}}",
         "poc_stage_duration is missing"},
        {"{\"params\":{\"epoch_params\":{\"epoch_length\":0,\"poc_stage_duration\":1,\"poc_validation_duration\":1}},"
         "\"latest_epoch\":{\"index\":1,\"poc_start_block_height\":5}}",
         "epoch_length is 0"},
    };
    struct cw_epoch epoch;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(read_epoch(cases[i].text, &epoch), -1);
        assert_non_null(strstr(why, cases[i].words));
        assert_int_equal(epoch.index, -1);
        assert_string_equal(cw_phase(&epoch, 5), "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_those_of_the_networks_own_example),
        cmocka_unit_test(each_height_has_its_phase),
        cmocka_unit_test(parameters_may_lie_a_level_deeper_be_numbers_or_absent_when_zero),
        cmocka_unit_test(the_first_epoch_has_no_proof_of_compute),
        cmocka_unit_test(boundaries_come_in_the_order_of_their_heights),
        cmocka_unit_test(what_is_no_epoch_is_named_and_nothing_is_known_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

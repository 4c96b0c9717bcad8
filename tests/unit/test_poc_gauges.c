/* Figures of `serve`: what is shown, and what is left out because nobody says it. */
#include "plugins/poc-worker/gauges.h"
#include "plugins/poc-worker/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char shown[1024]; /* "name=value " for each */

static void
on_metric(struct ga_run *run, const char *name, double value)
{
    size_t n = strlen(shown);

    (void)run;
    (void)snprintf(shown + n, sizeof(shown) - n, "%s=%g ", name, value);
}

static const struct ga_host host = {.metric = on_metric};

static int
setup(void **state)
{
    (void)state;
    shown[0] = 0;
    return 0;
}

static void
a_card_shows_how_hot_it_is_when_it_is_known(void **state)
{
    cJSON *rate =
        cJSON_Parse("{\"heat\":[{\"device\":1,\"celsius\":61.5},{\"device\":12},{\"device\":3,\"celsius\":-4}]}");

    (void)state;
    poc_gauges_of_rate(NULL, &host, rate);
    assert_string_equal(shown, "device_1_celsius=61.5 device_3_celsius=-4 ");
    cJSON_Delete(rate);
}

static void
a_message_shows_the_figures_that_it_has_and_no_others(void **state)
{
    cJSON *rate = cJSON_Parse("{\"nonces_per_second\":2.5,\"valid\":7,\"lanes\":1}");
    cJSON *letters = cJSON_Parse("{\"waiting\":1,\"to_validate\":3}");

    (void)state;
    poc_gauges_of_rate(NULL, &host, rate);
    poc_gauges_of_letters(NULL, &host, letters);
    assert_string_equal(shown, "nonces_per_second=2.5 proofs=7 batches_waiting=1 batches_to_validate=3 ");
    cJSON_Delete(rate);
    cJSON_Delete(letters);
}

static void
a_device_shows_whether_it_works(void **state)
{
    (void)state;
    poc_gauge_of_device(NULL, &host, 3, 1);
    poc_gauge_of_device(NULL, &host, POC_PLAIN, 0);
    assert_string_equal(shown, "device_3_works=1 plain_works=0 ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_card_shows_how_hot_it_is_when_it_is_known, setup),
        cmocka_unit_test_setup(a_message_shows_the_figures_that_it_has_and_no_others, setup),
        cmocka_unit_test_setup(a_device_shows_whether_it_works, setup),
    };

    return cmocka_run_group_tests_name("poc_gauges", tests, NULL, NULL);
}

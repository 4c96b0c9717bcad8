/* Figures of `serve`: what is shown, and what is left out because nobody says it. */
#include "plugins/poc-worker/gauges.h"
#include "plugins/poc-worker/lane.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char shown[1024]; /* "name=value " for each */
static char root[64];

static void
on_metric(struct ga_run *run, const char *name, double value)
{
    size_t n = strlen(shown);

    (void)run;
    (void)snprintf(shown + n, sizeof(shown) - n, "%s=%g ", name, value);
}

static const struct ga_host host = {.metric = on_metric};

static int
remove_one(const char *name, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static int
setup(void **state)
{
    (void)state;
    shown[0] = 0;
    (void)snprintf(root, sizeof(root), "/tmp/poc-gauges-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A card as the kernel shows it; `heat` NULL: its driver says none. */
static void
make_card(const char *name, const char *heat)
{
    static const char *const parts[] = {"", "/device", "/device/hwmon", "/device/hwmon/hwmon3"};
    char                     path[256];
    FILE                    *file;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s%s", root, name, parts[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    if (!heat)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s/device/hwmon/hwmon3/temp1_input", root, name);
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(heat, file);
    assert_int_equal(fclose(file), 0);
}

static void
a_card_shows_the_temperature_that_its_driver_says(void **state)
{
    (void)state;
    make_card("card1", "61500\n");
    make_card("card12", "-4000\n");
    assert_int_equal(poc_gauges_of_heat(NULL, &host, root), 2);
    assert_non_null(strstr(shown, "gpu_1_celsius=61.5 "));
    assert_non_null(strstr(shown, "gpu_12_celsius=-4 "));
}

static void
a_temperature_that_nobody_says_is_not_shown(void **state)
{
    (void)state;
    assert_int_equal(poc_gauges_of_heat(NULL, &host, root), 0);
    make_card("card0", NULL);
    make_card("card1", "");
    make_card("card2", "warm\n");
    make_card("card3-HDMI-A-1", "61500\n"); /* a plug of it */
    assert_int_equal(poc_gauges_of_heat(NULL, &host, root), 0);
    assert_string_equal(shown, "");
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
        cmocka_unit_test_setup_teardown(a_card_shows_the_temperature_that_its_driver_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_temperature_that_nobody_says_is_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_shows_the_figures_that_it_has_and_no_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_shows_whether_it_works, setup, teardown),
    };

    return cmocka_run_group_tests_name("poc_gauges", tests, NULL, NULL);
}

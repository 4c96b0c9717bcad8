/* How hot a card is: where it sits, and who says it there. */
#include "plugins/poc-worker/heat.h"

#include "kit/remove.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* FAKE_NVML: the path of fake_nvml.c, built. Functions that it notes in its log. */
#define INIT "nvmlInit_v2\n"
#define HANDLE "nvmlDeviceGetHandleByPciBusId_v2\n"
#define TEMPERATURE "nvmlDeviceGetTemperature\n"
#define SHUTDOWN "nvmlShutdown\n"

static char root[64];
static char calls[128];

static int
setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/poc-heat-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    (void)snprintf(calls, sizeof(calls), "%s/calls", root);
    return setenv("FAKE_NVML_LOG", calls, 1) + unsetenv("FAKE_NVML_CARDS") + unsetenv("FAKE_NVML_FAILS");
}

static int
teardown(void **state)
{
    struct ga_removed removed;
    int               tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int               r = ga_remove_tree(tmp, root + strlen("/tmp/"), NULL, &removed);

    (void)state;
    (void)close(tmp);
    return r;
}

/* --- help ----------------------------------------------------------------------------------------------------------
 */

/* A file of a card as the kernel shows it; `text` NULL: a folder, which opens but cannot be read. */
static void
make_sensor(const char *card, const char *sensor, const char *text)
{
    const char *const parts[] = {"", "/hwmon", "/hwmon/hwmon3"};
    char              path[256];
    FILE             *file;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s%s", root, card, parts[i]);
        (void)mkdir(path, 0700);
    }
    (void)snprintf(path, sizeof(path), "%s/%s/hwmon/hwmon3/%s", root, card, sensor);
    if (!text) {
        assert_int_equal(mkdir(path, 0700), 0);
        return;
    }
    file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const struct poc_pci of_65 = {.known = 1, .bus = 0x65};

static struct poc_device_info
amd(struct poc_pci pci)
{
    return (struct poc_device_info){.vendor = "Advanced Micro Devices, Inc.", .pci = pci};
}

static struct poc_device_info
nvidia(struct poc_pci pci)
{
    return (struct poc_device_info){.vendor = "NVIDIA Corporation", .capability = 90, .pci = pci};
}

/* Opened, read once and closed. */
static double
heat_of(struct poc_device_info info, const char *library)
{
    struct poc_heat heat;
    double          ret;

    poc_heat_open(&info, root, library, &heat);
    ret = poc_heat_read(&heat);
    poc_heat_close(&heat);
    return ret;
}

static void
assert_degrees(double heat, double wanted)
{
    if (!(fabs(heat - wanted) < 1e-9))
        fail_msg("%g degrees instead of %g", heat, wanted);
}

static void
assert_unknown(double heat)
{
    if (!isnan(heat))
        fail_msg("%g degrees that nobody said", heat);
}

/* What was asked of the stand-in since the test began. */
static void
assert_calls(const char *wanted)
{
    char   text[1024];
    FILE  *file = fopen(calls, "re");
    size_t got = 0;

    if (file) {
        got = fread(text, 1, sizeof(text) - 1, file);
        (void)fclose(file);
    }
    text[got] = 0;
    assert_string_equal(text, wanted);
}

static void
assert_place(struct poc_pci pci, uint32_t domain, uint32_t bus, uint32_t device, uint32_t function)
{
    assert_int_equal(pci.known, 1);
    assert_int_equal(pci.domain, domain);
    assert_int_equal(pci.bus, bus);
    assert_int_equal(pci.device, device);
    assert_int_equal(pci.function, function);
}

/* --- where it sits -------------------------------------------------------------------------------------------------
 */

static void
a_place_is_what_the_common_extension_says_before_the_vendors_own(void **state)
{
    struct poc_pci_answers answers = {
        .has_khronos = 1, .khronos = {2, 0xca, 3, 1}, .has_nvidia = 1, .nvidia = {0, 0x65, 0}};

    (void)state;
    assert_place(poc_pci_of(&answers), 2, 0xca, 3, 1);
}

static void
the_slot_of_nvidia_is_device_and_function(void **state)
{
    struct poc_pci_answers answers = {.has_nvidia = 1, .nvidia = {0x10001, 0x65, 0x1f << 3 | 5}};

    (void)state;
    assert_place(poc_pci_of(&answers), 0x10001, 0x65, 0x1f, 5);
}

static void
the_topology_of_amd_is_a_place_with_buses_above_127(void **state)
{
    struct poc_pci_answers answers = {.has_amd = 1, .amd = {[0] = 1, [21] = 0xc3, [22] = 4, [23] = 1}};

    (void)state;
    assert_place(poc_pci_of(&answers), 0, 0xc3, 4, 1);
}

static void
a_topology_of_amd_that_is_not_pcie_is_no_place(void **state)
{
    struct poc_pci_answers answers = {.has_amd = 1, .amd = {[0] = 2, [21] = 0xc3}};

    (void)state;
    assert_int_equal(poc_pci_of(&answers).known, 0);
}

static void
an_answer_that_is_no_place_gives_way_to_the_next(void **state)
{
    struct poc_pci_answers answers = {
        .has_khronos = 1, .khronos = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, .has_nvidia = 1};

    (void)state;
    answers.nvidia[1] = 256;
    assert_int_equal(poc_pci_of(&answers).known, 0);
    assert_int_equal(poc_pci_of(&answers).domain, 0);
    answers.nvidia[1] = 0x65;
    assert_place(poc_pci_of(&answers), 0, 0x65, 0, 0);
}

static void
what_a_driver_did_not_answer_is_no_place(void **state)
{
    struct poc_pci_answers answers = {.khronos = {0, 1, 0, 0}, .nvidia = {0, 1, 0}, .amd = {[0] = 1, [21] = 1}};

    (void)state;
    assert_int_equal(poc_pci_of(&answers).known, 0);
}

/* --- hwmon ---------------------------------------------------------------------------------------------------------
 */

static void
a_card_says_the_temperature_of_its_own_place(void **state)
{
    (void)state;
    make_sensor("0000:65:00.0", "temp1_input", "61500\n");
    make_sensor("0000:65:00.1", "temp1_input", "1000\n");
    make_sensor("0000:ca:1f.0", "temp1_input", "47000\n");
    make_sensor("10001:65:00.0", "temp1_input", "52250\n");
    assert_degrees(heat_of(amd(of_65), FAKE_NVML), 61.5);
    assert_degrees(heat_of(amd((struct poc_pci){.known = 1, .bus = 0xca, .device = 0x1f}), FAKE_NVML), 47);
    assert_degrees(heat_of(amd((struct poc_pci){.known = 1, .domain = 0x10001, .bus = 0x65}), FAKE_NVML), 52.25);
    assert_calls(""); /* NVIDIA's library is nothing to them */
}

static void
temperatures_may_be_zero_or_below(void **state)
{
    (void)state;
    make_sensor("0000:65:00.0", "temp1_input", "-4500\n");
    make_sensor("0000:66:00.0", "temp1_input", "0\n");
    assert_degrees(heat_of(amd(of_65), FAKE_NVML), -4.5);
    assert_degrees(heat_of(amd((struct poc_pci){.known = 1, .bus = 0x66}), FAKE_NVML), 0);
}

static void
the_second_sensor_counts_where_the_first_says_nothing(void **state)
{
    (void)state;
    make_sensor("0000:65:00.0", "temp2_input", "70000\n");
    assert_degrees(heat_of(amd(of_65), FAKE_NVML), 70);
    make_sensor("0000:65:00.0", "temp1_input", "60000\n");
    assert_degrees(heat_of(amd(of_65), FAKE_NVML), 60);
}

static void
a_sensor_without_a_number_says_nothing(void **state)
{
    static const char *const texts[] = {NULL, "", "\n", "warm\n", "61500 or so\n", "99999999999999999999\n"};

    (void)state;
    for (uint32_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char card[32];

        (void)snprintf(card, sizeof(card), "0000:65:%02x.0", i);
        make_sensor(card, "temp1_input", texts[i]);
        assert_unknown(heat_of(amd((struct poc_pci){.known = 1, .bus = 0x65, .device = i}), FAKE_NVML));
    }
}

static void
a_card_without_sensors_says_nothing(void **state)
{
    (void)state;
    make_sensor("0000:66:00.0", "power1_input", "300000000\n");
    assert_unknown(heat_of(amd(of_65), FAKE_NVML));
    assert_unknown(heat_of(amd((struct poc_pci){.known = 1, .bus = 0x66}), FAKE_NVML));
}

static void
each_reading_is_a_new_one_also_after_the_driver_came_back(void **state)
{
    const struct poc_device_info info = amd(of_65);
    struct poc_heat              heat;
    char                         before[128];
    char                         after[128];

    (void)state;
    (void)snprintf(before, sizeof(before), "%s/0000:65:00.0/hwmon/hwmon3", root);
    (void)snprintf(after, sizeof(after), "%s/0000:65:00.0/hwmon/hwmon17", root);
    poc_heat_open(&info, root, FAKE_NVML, &heat);
    assert_unknown(poc_heat_read(&heat));
    make_sensor("0000:65:00.0", "temp1_input", "61500\n");
    assert_degrees(poc_heat_read(&heat), 61.5);
    make_sensor("0000:65:00.0", "temp1_input", "62000\n");
    assert_int_equal(rename(before, after), 0);
    assert_degrees(poc_heat_read(&heat), 62);
    poc_heat_close(&heat);
    assert_unknown(poc_heat_read(&heat));
}

/* --- NVML ----------------------------------------------------------------------------------------------------------
 */

static void
a_card_of_nvidia_says_what_nvml_says_of_its_place(void **state)
{
    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=61 00000000:CA:1F.1=47 00010001:65:00.0=52", 1);
    assert_degrees(heat_of(nvidia(of_65), FAKE_NVML), 61);
    assert_degrees(heat_of(nvidia((struct poc_pci){1, 0, 0xca, 0x1f, 1}), FAKE_NVML), 47);
    assert_degrees(heat_of(nvidia((struct poc_pci){1, 0x10001, 0x65, 0, 0}), FAKE_NVML), 52);
}

static void
a_card_of_nvidia_under_another_driver_is_one_of_nvidia(void **state)
{
    struct poc_device_info info = nvidia(of_65);

    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=61", 1);
    info.capability = 0;
    assert_degrees(heat_of(info, FAKE_NVML), 61);
}

static void
nvml_is_asked_anew_for_each_reading_and_shut_down_once(void **state)
{
    const struct poc_device_info info = nvidia(of_65);
    struct poc_heat              heat;

    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=61", 1);
    poc_heat_open(&info, root, FAKE_NVML, &heat);
    assert_degrees(poc_heat_read(&heat), 61);
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=62", 1);
    assert_degrees(poc_heat_read(&heat), 62);
    poc_heat_close(&heat);
    poc_heat_close(&heat);
    assert_unknown(poc_heat_read(&heat));
    assert_calls(INIT HANDLE TEMPERATURE TEMPERATURE SHUTDOWN);
}

static void
a_reading_that_fails_is_unknown_and_the_next_one_is_not(void **state)
{
    const struct poc_device_info info = nvidia(of_65);
    struct poc_heat              heat;

    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=61", 1);
    (void)setenv("FAKE_NVML_FAILS", "nvmlDeviceGetTemperature", 1);
    poc_heat_open(&info, root, FAKE_NVML, &heat);
    assert_unknown(poc_heat_read(&heat));
    (void)unsetenv("FAKE_NVML_FAILS");
    assert_degrees(poc_heat_read(&heat), 61);
    poc_heat_close(&heat);
}

/* Reads twice what cannot be read, and gives these calls. */
static void
assert_never_said(const char *library, const char *wanted)
{
    const struct poc_device_info info = nvidia(of_65);
    struct poc_heat              heat;

    poc_heat_open(&info, root, library, &heat);
    assert_unknown(poc_heat_read(&heat));
    assert_unknown(poc_heat_read(&heat));
    poc_heat_close(&heat);
    assert_calls(wanted);
}

static void
a_card_that_nvml_does_not_know_is_not_asked_for_again(void **state)
{
    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:66:00.0=61", 1);
    assert_never_said(FAKE_NVML, INIT HANDLE SHUTDOWN);
}

static void
nvml_that_does_not_start_is_not_tried_again(void **state)
{
    (void)state;
    (void)setenv("FAKE_NVML_CARDS", "00000000:65:00.0=61", 1);
    (void)setenv("FAKE_NVML_FAILS", "nvmlInit_v2", 1);
    assert_never_said(FAKE_NVML, INIT);
}

static void
without_nvml_or_with_another_library_nothing_is_said(void **state)
{
    (void)state;
    assert_never_said("libno-such-library.so.1", "");
    assert_never_said("libm.so.6", "");
}

/* --- either --------------------------------------------------------------------------------------------------------
 */

static void
a_card_whose_place_is_not_known_says_nothing(void **state)
{
    (void)state;
    make_sensor("0000:00:00.0", "temp1_input", "61500\n");
    (void)setenv("FAKE_NVML_CARDS", "00000000:00:00.0=61", 1);
    assert_unknown(heat_of(amd((struct poc_pci){0}), FAKE_NVML));
    assert_unknown(heat_of(nvidia((struct poc_pci){0}), FAKE_NVML));
    assert_calls("");
}

#define HEAT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_what_the_common_extension_says_before_the_vendors_own),
        cmocka_unit_test(the_slot_of_nvidia_is_device_and_function),
        cmocka_unit_test(the_topology_of_amd_is_a_place_with_buses_above_127),
        cmocka_unit_test(a_topology_of_amd_that_is_not_pcie_is_no_place),
        cmocka_unit_test(an_answer_that_is_no_place_gives_way_to_the_next),
        cmocka_unit_test(what_a_driver_did_not_answer_is_no_place),
        HEAT_TEST(a_card_says_the_temperature_of_its_own_place),
        HEAT_TEST(temperatures_may_be_zero_or_below),
        HEAT_TEST(the_second_sensor_counts_where_the_first_says_nothing),
        HEAT_TEST(a_sensor_without_a_number_says_nothing),
        HEAT_TEST(a_card_without_sensors_says_nothing),
        HEAT_TEST(each_reading_is_a_new_one_also_after_the_driver_came_back),
        HEAT_TEST(a_card_of_nvidia_says_what_nvml_says_of_its_place),
        HEAT_TEST(a_card_of_nvidia_under_another_driver_is_one_of_nvidia),
        HEAT_TEST(nvml_is_asked_anew_for_each_reading_and_shut_down_once),
        HEAT_TEST(a_reading_that_fails_is_unknown_and_the_next_one_is_not),
        HEAT_TEST(a_card_that_nvml_does_not_know_is_not_asked_for_again),
        HEAT_TEST(nvml_that_does_not_start_is_not_tried_again),
        HEAT_TEST(without_nvml_or_with_another_library_nothing_is_said),
        HEAT_TEST(a_card_whose_place_is_not_known_says_nothing),
    };

    return cmocka_run_group_tests_name("poc_heat", tests, NULL, NULL);
}

/* Which kernels are for which device, and what becomes of those that it does not take. */
#include "plugins/poc-worker/selftest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The names of a device's paths, each once, in their order. */
static const char *
names_for(uint32_t capability, uint32_t subgroups, uint32_t is_cpu)
{
    static char            names[128];
    struct poc_device_info info = {
        .subgroups = subgroups, .capability = capability, .is_cpu = is_cpu, .local_memory = 49152};
    struct poc_path paths[16];
    unsigned        n = poc_paths(&info, paths, 16);

    names[0] = 0;
    for (unsigned i = 0; i < n; i++)
        if (i == 0 || strcmp(paths[i].name, paths[i - 1].name) != 0) {
            strncat(names, paths[i].name, sizeof(names) - strlen(names) - 2);
            strncat(names, " ", 2);
        }
    return names;
}

static void
a_card_gets_the_kernels_that_its_instructions_allow_and_the_portable_ones_last(void **state)
{
    (void)state;
    assert_string_equal(names_for(0, POC_SUBGROUPS_NONE, 1), "cpu portable ");
    assert_string_equal(names_for(0, POC_SUBGROUPS_NONE, 0), "portable ");
    assert_string_equal(names_for(75, POC_SUBGROUPS_NONE, 0), "portable ");
    assert_string_equal(names_for(80, POC_SUBGROUPS_NONE, 0), "nvidia portable ");
    assert_string_equal(names_for(89, POC_SUBGROUPS_NONE, 0), "nvidia portable ");
    assert_string_equal(names_for(90, POC_SUBGROUPS_NONE, 0), "hopper nvidia portable ");
    assert_string_equal(names_for(0, POC_SUBGROUPS_INTEL, 0), "subgroup portable ");
    assert_string_equal(names_for(0, POC_SUBGROUPS_KHRONOS, 0), "subgroup portable ");
    assert_string_equal(names_for(0, POC_SUBGROUPS_INTEL, 1), "cpu subgroup portable ");
    assert_string_equal(names_for(120, POC_SUBGROUPS_NONE, 0), "nvidia portable "); /* wgmma is sm_90a's alone */
}

static void
a_processor_gets_the_sizes_that_its_local_memory_holds(void **state)
{
    const uint64_t memories[] = {32768, 49152, 262144, 1048576};
    unsigned       before = 0;

    (void)state;
    for (size_t m = 0; m < sizeof(memories) / sizeof(*memories); m++) {
        struct poc_device_info info = {.is_cpu = 1, .local_memory = memories[m]};
        struct poc_path        paths[16];
        unsigned               n = poc_paths(&info, paths, 16);

        assert_true(n > before || memories[m] == 49152);
        before = n;
        for (unsigned i = 0; i < n; i++) {
            unsigned lanes, rows, tiles, blocks, depth, span;

            if (strcmp(paths[i].name, "cpu") != 0)
                continue;
            assert_int_equal(sscanf(paths[i].options,
                                    "-DLANES=%u -DROWS=%u -DTILES=%u -DBLOCKS=%u -DDEPTH=%u -DSPAN=%u", &lanes, &rows,
                                    &tiles, &blocks, &depth, &span),
                             6);
            assert_int_equal(rows * blocks, paths[i].rows);
            assert_int_equal(rows % 2, 0); /* the rotary embedding turns pairs of rows */
            assert_true((uint64_t)paths[i].rows * (depth + 16 + span * lanes) * sizeof(float) <= memories[m]);
        }
    }
}

static void
every_size_of_a_work_group_fits_its_kernels(void **state)
{
    struct poc_device_info info = {.capability = 90, .local_memory = 49152};
    struct poc_path        paths[16];
    unsigned               n = poc_paths(&info, paths, 16);

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        unsigned down, across, tall, wide, depth, stages, threads;

        if (!paths[i].packs)
            continue;
        assert_int_equal(sscanf(paths[i].options,
                                "-DDOWN=%u -DACROSS=%u -DTALL=%u -DWIDE=%u -DDEPTH=%u -DSTAGES=%u -DTHREADS=%u", &down,
                                &across, &tall, &wide, &depth, &stages, &threads),
                         7);
        assert_int_equal(threads, down / tall * (across / wide) * 32);
        assert_int_equal(threads, paths[i].items);
        assert_int_equal(wide % 64, 0);                                   /* gate and up of 32 rows */
        assert_int_equal(64 % depth, 0);                                  /* rows are filled up to 64 */
        assert_true((down + across) * depth * 2 * stages <= 227u * 1024); /* of local memory, the most any card has */
        assert_int_equal(threads % (depth / 8), 0);
        assert_int_equal(threads / (depth / 8) % 8, 0); /* a thread's rows have one swizzle */
    }
}

static void
remember(void *userdata, const char *text)
{
    char *all = userdata;

    strncat(all, text, 8000 - strlen(all));
    strncat(all, "\n", 8000 - strlen(all));
}

static void
kernels_that_a_compiler_does_not_take_are_passed_over(void **state)
{
    struct poc_device device;
    struct poc_path   path;
    char              why[1024];
    char              notes[8001] = "";

    (void)state;
    if (poc_device_open(0, NULL, &device, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    device.info.capability = 90; /* it says so, but knows no PTX */
    device.info.is_cpu = 0;
    assert_int_equal(poc_selftest_choose(&device, NULL, &path, remember, notes, why, sizeof(why)), 0);
    assert_string_equal(path.name, "portable");
    assert_non_null(strstr(notes, "compiling and testing path hopper"));
    assert_non_null(strstr(notes, "does not take the kernels"));
    poc_device_close(&device);
}

static void
what_is_behind_the_mark_is_laid_open_for_the_architecture_that_has_it(void **state)
{
    static const char ptx[] = ".version 9.0\n.target sm_90, texmode_independent\n\t//@wgmma.fence;\n\t// a remark\n";
    size_t            len = 0;
    char             *got = poc_uncovered(ptx, sizeof(ptx) - 1, &len);

    (void)state;
    assert_string_equal(got, ".version 9.0\n.target sm_90a, texmode_independent\n\t   wgmma.fence;\n\t// a remark\n");
    assert_int_equal(len, strlen(got));
    free(got);
}

static void
code_for_another_architecture_stays_closed(void **state)
{
    static const char *const others[] = {"", "\177ELF", ".target sm_89, texmode_independent\n//@x;\n",
                                         ".target sm_90a\n//@x;\n", ".target sm_9"};
    size_t                   len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_null(poc_uncovered(others[i], strlen(others[i]), &len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_gets_the_kernels_that_its_instructions_allow_and_the_portable_ones_last),
        cmocka_unit_test(a_processor_gets_the_sizes_that_its_local_memory_holds),
        cmocka_unit_test(every_size_of_a_work_group_fits_its_kernels),
        cmocka_unit_test(kernels_that_a_compiler_does_not_take_are_passed_over),
        cmocka_unit_test(what_is_behind_the_mark_is_laid_open_for_the_architecture_that_has_it),
        cmocka_unit_test(code_for_another_architecture_stays_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

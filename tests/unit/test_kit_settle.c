/* Memory of read-only pages is let go of, and comes back when it is needed. */
#include "kit/settle.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 256
#define PAGE 4096

static const unsigned char constants[PAGES * PAGE] = {[0] = 1, [100 * PAGE] = 2, [PAGES * PAGE - 1] = 3};
static unsigned char       variable[PAGES * PAGE] = {1};
static void *const         pointers[512] = {[0] = (void *)(uintptr_t)constants, [511] = (void *)variable};

static long
file_pages(void)
{
    FILE *in = fopen("/proc/self/statm", "re");
    long  size, resident, shared;

    assert_non_null(in);
    assert_int_equal(fscanf(in, "%ld %ld %ld", &size, &resident, &shared), 3);
    (void)fclose(in);
    return shared;
}

static unsigned
sum(const volatile unsigned char *bytes, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i += PAGE)
        sum += bytes[i];
    return sum + bytes[n - 1];
}

static void
constants_are_let_go_of_and_come_back_as_they_were(void **state)
{
    long before, after;

    (void)state;
    assert_int_equal(sum(constants, sizeof(constants)), 6);
    before = file_pages();
    ga_settle();
    after = file_pages();
    assert_true(before - after >= PAGES / 2);
    assert_int_equal(sum(constants, sizeof(constants)), 6);
}

static void
variables_and_relocated_pointers_stay(void **state)
{
    void *const volatile *all = pointers;

    (void)state;
    memset(variable, 7, sizeof(variable));
    ga_settle();
    assert_int_equal(sum(variable, sizeof(variable)), 7 * (PAGES + 1));
    assert_ptr_equal(all[0], constants);
    assert_ptr_equal(all[511], variable);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_let_go_of_and_come_back_as_they_were),
        cmocka_unit_test(variables_and_relocated_pointers_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

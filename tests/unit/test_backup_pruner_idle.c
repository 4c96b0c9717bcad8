/* test_backup_pruner_idle.c: deletions leave the disk to the node, as the kernel sees it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <gonka-agent/plugin.h>

#include "kit/remove.h"
#include "test_backup_pruner_world.h"
#include "tests/fakehost/fakehost.h"

/* linux/ioprio.h is not in the headers of Debian 12 */
#define WHO_PROCESS 1
#define CLASS_OF(priority) ((priority) >> 13)
#define CLASS_IDLE 3

/* The class of the calling thread's disk priority, or -errno. */
static int
class_now(void)
{
    long priority = syscall(SYS_ioprio_get, WHO_PROCESS, 0);

    return priority < 0 ? -errno : (int)CLASS_OF(priority);
}

struct seen {
    int result;
    int before;
    int after;
};

static void *
go_idle(void *data)
{
    struct seen *seen = data;

    seen->before = class_now();
    seen->result = ga_disk_idle();
    seen->after = class_now();
    return NULL;
}

static void
the_kernel_has_the_calling_thread_as_idle_and_no_other(void **state)
{
    struct seen seen = {.result = -1};
    pthread_t   thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, go_idle, &seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(seen.result, 0);
    assert_int_not_equal(seen.before, CLASS_IDLE);
    assert_int_equal(seen.after, CLASS_IDLE);
    assert_int_not_equal(class_now(), CLASS_IDLE);
}

/* --- the task ------------------------------------------------------------------------------------------------------
 */

/* The host runs a task on the test's own thread: each test begins with the priority of any other program. */
static int
begin(void **state)
{
    if (syscall(SYS_ioprio_set, WHO_PROCESS, 0, 0) < 0)
        return -1;
    return world_make(state);
}

/* Called just before the copy goes. */
static int
look_at_class(void *user, size_t i, const char *verb, const char *object, const char *details, const char **ret_why)
{
    int *class_at_act = user;

    (void)i;
    (void)verb;
    (void)object;
    (void)details;
    (void)ret_why;
    *class_at_act = class_now();
    return GA_ACT_DO;
}

/* The class in which the one copy that is too many was deleted. */
static int
class_of_deletion(struct world *world)
{
    int class_at_act = -1;

    put_copy(world, "home", "data-backup-2025-9-5");
    put_copy(world, "home", "data-backup-2025-10-2");
    fakehost_answer(world->host, look_at_class, &class_at_act);
    assert_int_equal(run_task(world, "prune"), GA_CHANGED);
    assert_false(is_there(world, "home/data-backup-2025-9-5"));
    assert_int_equal(class_now(), class_at_act); /* and it stayed so to the end of the run */
    return class_at_act;
}

static void
a_copy_is_deleted_with_idle_disk_priority(void **state)
{
    assert_int_equal(class_of_deletion(*state), CLASS_IDLE);
}

static void
without_idle_io_a_copy_is_deleted_with_the_usual_priority(void **state)
{
    struct world *world = *state;

    set(world, "idle_io", "false");
    assert_int_equal(class_of_deletion(world), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_has_the_calling_thread_as_idle_and_no_other),
        cmocka_unit_test_setup_teardown(a_copy_is_deleted_with_idle_disk_priority, begin, world_clear),
        cmocka_unit_test_setup_teardown(without_idle_io_a_copy_is_deleted_with_the_usual_priority, begin, world_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

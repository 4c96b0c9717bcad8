/* Lanes and crews whose devices crash, hang, lie or end: each is a child whose work is this test's own. */
#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/lane_child.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What "device" n does, instead of lane_child(). */
enum {
    HONEST,
    CRASHES_AT_ONCE,
    CRASHES_AT_WORK,
    HANGS,
    EXITS,
    SPEAKS_RUBBISH,
    SAYS_WHY,
    COMPUTES_WRONG,
    WAITS_FOR_ITS_LIKE
};

/* The process of the device with a fault, seen by all; 0: it has not begun. NULL: there is none. */
static volatile pid_t *faulty;

/* How many that wait for their like were asked something, seen by all. */
static _Atomic int *asked;

/* How another's results are looked at again: not at all, on the path that is tried first, only in plain C, or both ways
 * fail. */
static enum { NO_CHECKER, CHECKS, CHECKS_IN_PLAIN_C, CHECKS_NOT } checker;

/* A process that is over, waited for or not. */
static int
is_over(pid_t pid)
{
    char  path[64];
    char  state = 'Z';
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return 1;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'Z';
    (void)fclose(file);
    return state == 'Z' || state == 'X';
}

/* What is honest answers when the other is over, lest all work is done before the other has begun; it says meanwhile
 * that it lives. A minute at most: then the test fails, and does not hang. */
static void
wait_for_the_faulty(int fd)
{
    struct poc_lane_message alive = {.news = POC_LANE_NOTE, .text = "waiting"};

    for (int64_t until = poc_now_ms() + 60000; faulty && (*faulty == 0 || !is_over(*faulty)) && poc_now_ms() < until;) {
        (void)send(fd, &alive, sizeof(alive), MSG_NOSIGNAL);
        (void)poll(NULL, 0, 20);
    }
}

/* Until two of them were asked something; it says meanwhile that it lives. */
static void
wait_for_its_like(int fd)
{
    struct poc_lane_message alive = {.news = POC_LANE_NOTE, .text = "waiting"};

    (*asked)++;
    for (int64_t until = poc_now_ms() + 20000; *asked < 2 && poc_now_ms() < until;) {
        (void)send(fd, &alive, sizeof(alive), MSG_NOSIGNAL);
        (void)poll(NULL, 0, 20);
    }
}

/* Computes right, or fails. */
static void
check(const struct poc_lane_spec *spec, int fd)
{
    struct poc_lane_message  message = {.news = POC_LANE_READY, .max_batch = 1};
    struct poc_lane_question question;

    if (checker == CHECKS_NOT || (checker == CHECKS_IN_PLAIN_C && spec->device != POC_PLAIN)) {
        message.news = POC_LANE_FAILED;
        (void)snprintf(message.text, sizeof(message.text), "no room beside the other");
    }
    (void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
    if (recv(fd, &question, sizeof(question), 0) <= 0)
        return;
    message.news = POC_LANE_DISTANCES;
    message.n = 1;
    message.distances[0] = (double)question.nonces[0] / 2 + (question.has_key ? strtod(question.key, NULL) : 0);
    (void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
    (void)recv(fd, &question, sizeof(question), 0); /* until it is ended */
}

static void
stand_in(const struct poc_lane_spec *spec, int fd)
{
    struct poc_lane_message  message = {.news = POC_LANE_READY, .max_batch = 4};
    struct poc_lane_question question;
    const struct rlimit      no_core = {0, 0};

    if (spec->gentle) {
        check(spec, fd);
        return;
    }
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGSEGV, SIG_DFL);
    if (spec->device != HONEST && faulty)
        *faulty = getpid();
    if (spec->device == CRASHES_AT_ONCE)
        (void)raise(SIGSEGV);
    if (spec->device == SAYS_WHY) {
        message.news = POC_LANE_FAILED;
        (void)snprintf(message.text, sizeof(message.text), "no kernels today");
    }
    (void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
    for (int answers = 0; recv(fd, &question, sizeof(question), 0) > 0; answers++) {
        if (spec->device == CRASHES_AT_WORK)
            (void)raise(SIGSEGV);
        if (spec->device == HANGS)
            (void)poll(NULL, 0, -1);
        if (spec->device == EXITS)
            _exit(7);
        if (spec->device == SPEAKS_RUBBISH) {
            (void)send(fd, "rubbish", 7, MSG_NOSIGNAL);
            (void)poll(NULL, 0, -1);
        }
        if (spec->device == WAITS_FOR_ITS_LIKE && answers == 0)
            wait_for_its_like(fd);
        if (spec->device != COMPUTES_WRONG || answers > 0) /* one answer must be enough to find it out */
            wait_for_the_faulty(fd);
        message.news = POC_LANE_DISTANCES;
        message.n = question.n;
        for (uint32_t i = 0; i < message.n; i++)
            message.distances[i] = (double)question.nonces[i] / 2 +
                                   (question.has_key ? strtod(question.key, NULL) : 0) +
                                   (spec->device == COMPUTES_WRONG ? 2e-4 : 0);
        (void)send(fd, &message, sizeof(message), MSG_NOSIGNAL);
    }
}

static char notes[4096];

static void
on_note(void *userdata, unsigned level, const char *text)
{
    (void)userdata;
    (void)level;
    (void)snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s\n", text);
}

/* Computes nonces 0..n on these devices. poc_crew_compute()'s answer. */
static int
compute(struct poc_crew *crew, const int *devices, size_t n_devices, double *ret, size_t n, char *why, size_t len)
{
    struct poc_lane_spec spec = {.serve = stand_in};
    int64_t              nonces[256];

    for (size_t i = 0; i < n; i++)
        nonces[i] = (int64_t)i;
    memset(crew, 0, sizeof(*crew));
    notes[0] = 0;
    crew->answer_ms = 500;
    crew->checks = checker != NO_CHECKER;
    crew->check_wait_ms = 1;
    crew->cancel_fd = -1;
    crew->note = on_note;
    assert_int_equal(poc_crew_start(crew, &spec, devices, n_devices, why, len), 0);
    return poc_crew_compute(crew, NULL, nonces, n, ret, 0, NULL, why, len);
}

static void
assert_all_there(const double *distances, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(distances[i] == (double)i / 2);
}

static size_t
open_files(void)
{
    DIR   *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

/* With an honest device beside it, what is wrong with the other one costs nothing but that one. */
static void
assert_survived(int device, const char *words)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {device, HONEST};
    double           distances[64];
    char             why[2048] = "";
    size_t           files = open_files();

    assert_non_null(crew);
    faulty = mmap(NULL, sizeof(*faulty), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(faulty != MAP_FAILED);
    assert_int_equal(compute(crew, devices, 2, distances, 64, why, sizeof(why)), 0);
    assert_all_there(distances, 64);
    if (!strstr(crew->lanes[0].failure, words))
        fail_msg("'%s' lacks '%s'", crew->lanes[0].failure, words);
    assert_non_null(strstr(notes, words));
    poc_crew_end(crew);
    free(crew);
    (void)munmap((void *)(uintptr_t)faulty, sizeof(*faulty));
    faulty = NULL;
    assert_int_equal(open_files(), files);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
    assert_int_equal(errno, ECHILD);
}

static int
count_of(const char *text, const char *words)
{
    int n = 0;

    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        n++;
    return n;
}

static void
honest_devices_share_the_work(void **state)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {HONEST, HONEST, HONEST};
    double           distances[256];
    char             why[2048];
    uint64_t         sum = 0;

    (void)state;
    assert_non_null(crew);
    assert_int_equal(compute(crew, devices, 3, distances, 256, why, sizeof(why)), 0);
    assert_all_there(distances, 256);
    for (size_t i = 0; i < 3; i++)
        sum += crew->lanes[i].done;
    assert_int_equal(sum, 256);
    /* each says what it is, and nothing else */
    assert_int_equal(count_of(notes, "GpuGroup(devices=["), 3);
    assert_int_equal(count_of(notes, "Using batch size: 4 for GPU group ["), 3);
    assert_int_equal(count_of(notes, "\n"), 6);
    poc_crew_end(crew);
    free(crew);
}

static void
of_a_short_list_no_device_takes_what_the_other_could_do(void **state)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {WAITS_FOR_ITS_LIKE, WAITS_FOR_ITS_LIKE};
    double           distances[8];
    char             why[2048] = "";

    (void)state;
    assert_non_null(crew);
    asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(asked != MAP_FAILED);
    assert_int_equal(compute(crew, devices, 2, distances, 8, why, sizeof(why)), 0);
    assert_all_there(distances, 8);
    assert_int_equal(crew->lanes[0].done, 4);
    assert_int_equal(crew->lanes[1].done, 4);
    poc_crew_end(crew);
    free(crew);
    (void)munmap((void *)(uintptr_t)asked, sizeof(*asked));
}

static void
a_crash_at_the_start_is_named(void **state)
{
    (void)state;
    assert_survived(CRASHES_AT_ONCE, "SIGSEGV");
}

static void
a_crash_at_work_gives_its_nonces_to_the_others(void **state)
{
    (void)state;
    assert_survived(CRASHES_AT_WORK, "SIGSEGV");
}

static void
a_hanging_device_is_ended_after_its_time(void **state)
{
    (void)state;
    assert_survived(HANGS, "has not answered within");
}

static void
a_driver_that_calls_exit_is_named(void **state)
{
    (void)state;
    assert_survived(EXITS, "ended by itself with status 7");
}

static void
rubbish_does_not_count(void **state)
{
    (void)state;
    assert_survived(SPEAKS_RUBBISH, "SIGKILL");
}

static void
what_a_device_says_of_itself_is_passed_on(void **state)
{
    (void)state;
    assert_survived(SAYS_WHY, "no kernels today");
}

/* Cancelled in the middle, a crew can be asked anew: no answer to the old question is taken for one to the new. */
static void
a_crew_goes_on_after_a_question_was_given_up(void **state)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {HONEST, HONEST};
    const int64_t    nonces[] = {6, 7, 8};
    double           distances[64];
    char             why[2048];
    int              ends[2];

    (void)state;
    assert_non_null(crew);
    assert_int_equal(compute(crew, devices, 2, distances, 64, why, sizeof(why)), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    crew->cancel_fd = ends[0];
    assert_int_equal(
        poc_crew_compute(crew, NULL, (const int64_t[]){1, 2, 3, 4}, 4, distances, 0, NULL, why, sizeof(why)),
        -ECANCELED);
    crew->cancel_fd = -1;
    assert_int_equal(poc_crew_compute(crew, "100", nonces, 3, distances, 0, NULL, why, sizeof(why)), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(distances[i] == (double)nonces[i] / 2 + 100);
    poc_crew_end(crew);
    free(crew);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
without_any_device_left_the_reasons_are_told(void **state)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {SAYS_WHY, CRASHES_AT_WORK};
    double           distances[8];
    char             why[2048] = "";

    (void)state;
    assert_non_null(crew);
    assert_int_equal(compute(crew, devices, 2, distances, 8, why, sizeof(why)), -EIO);
    assert_non_null(strstr(why, "no device is left"));
    assert_non_null(strstr(why, "no kernels today"));
    assert_non_null(strstr(why, "SIGSEGV"));
    poc_crew_end(crew);
    free(crew);
}

/* --- results that are looked at again ------------------------------------------------------------------------------
 */

static void
a_device_that_computes_wrong_is_found_on_another_path_and_left_out(void **state)
{
    (void)state;
    checker = CHECKS;
    assert_survived(COMPUTES_WRONG, "computes wrong");
    assert_non_null(strstr(notes, "on path portable: it is taken out"));
    checker = NO_CHECKER;
}

static void
a_device_that_computes_wrong_is_found_in_plain_c(void **state)
{
    (void)state;
    checker = CHECKS_IN_PLAIN_C;
    assert_survived(COMPUTES_WRONG, "computes wrong");
    assert_non_null(strstr(notes, "cannot be checked on path portable, plain C does it: no room beside the other"));
    assert_non_null(strstr(notes, "on plain C: it is taken out"));
    checker = NO_CHECKER;
}

/* A crew of one honest device that computes until this is true of it. */
static void
compute_until(int (*is_enough)(const struct poc_crew *crew), const char *public_key)
{
    struct poc_crew *crew = calloc(1, sizeof(*crew));
    const int        devices[] = {HONEST};
    const int64_t    nonces[] = {6, 7, 8};
    double           distances[8];
    char             why[2048] = "";

    assert_non_null(crew);
    assert_int_equal(compute(crew, devices, 1, distances, 8, why, sizeof(why)), 0);
    for (int64_t begun = poc_now_ms(); !is_enough(crew);) {
        assert_true(poc_now_ms() - begun < 60000);
        assert_int_equal(poc_crew_compute(crew, public_key, nonces, 3, distances, 0, NULL, why, sizeof(why)), 0);
        for (size_t i = 0; i < 3; i++)
            assert_true(distances[i] == (double)nonces[i] / 2 + (public_key ? strtod(public_key, NULL) : 0));
    }
    assert_string_equal(crew->lanes[0].failure, "");
    assert_int_equal(crew->wrong, 0);
    poc_crew_end(crew);
    free(crew);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* who checks is ended, too */
}

static int
was_checked_often(const struct poc_crew *crew)
{
    return crew->checked >= 3;
}

static int
cannot_be_checked(const struct poc_crew *crew)
{
    return crew->lanes[0].unchecked;
}

static void
an_honest_device_is_looked_at_again_and_again_and_stays(void **state)
{
    (void)state;
    checker = CHECKS;
    compute_until(was_checked_often, NULL);
    compute_until(was_checked_often, "100"); /* others' nonces, too */
    assert_non_null(strstr(notes, "agrees"));
    checker = NO_CHECKER;
}

static void
a_device_that_cannot_be_checked_goes_on(void **state)
{
    (void)state;
    checker = CHECKS_NOT;
    compute_until(cannot_be_checked, NULL);
    assert_non_null(strstr(notes, "cannot be checked on plain C: no room"));
    checker = NO_CHECKER;
}

/* --- a list without an end -----------------------------------------------------------------------------------------
 */

struct endless {
    struct poc_crew     *crew;
    struct poc_pieces    pieces;
    struct poc_crew_work work;
    uint64_t             taken;
    int (*is_enough)(const struct endless *endless);
};

static int64_t
nonce_itself(void *userdata, int64_t place)
{
    (void)userdata;
    return place;
}

static void
take_endless(void *userdata, int64_t first, const double *distances, uint32_t n)
{
    struct endless *endless = userdata;

    for (uint32_t i = 0; i < n; i++)
        if (endless->crew->lanes[0].lane.device != COMPUTES_WRONG)
            assert_true(distances[i] == (double)(first + i) / 2);
    endless->taken += n;
}

static int
turn_endless(void *userdata)
{
    const struct endless *endless = userdata;

    return endless->is_enough(endless);
}

/* Works with these two devices until it is enough, or something happens. poc_crew_work()'s answer. */
static int
work_without_end(struct endless *endless, int device, int (*is_enough)(const struct endless *endless))
{
    static struct poc_crew crew;
    struct poc_lane_spec   spec = {.serve = stand_in};
    const int              devices[] = {device, HONEST};
    char                   why[2048];

    memset(&crew, 0, sizeof(crew));
    notes[0] = 0;
    crew.answer_ms = 60000;
    crew.checks = checker != NO_CHECKER;
    crew.check_wait_ms = 1;
    crew.cancel_fd = -1;
    crew.note = on_note;
    *endless = (struct endless){.crew = &crew, .pieces = {.end = INT64_MAX}, .is_enough = is_enough};
    endless->work = (struct poc_crew_work){.pieces = &endless->pieces,
                                           .nonce = nonce_itself,
                                           .take = take_endless,
                                           .turn = turn_endless,
                                           .userdata = endless};
    assert_int_equal(poc_crew_start(&crew, &spec, devices, 2, why, sizeof(why)), 0);
    return poc_crew_work(&crew, &endless->work, why, sizeof(why));
}

static int
hangs_with_two_pieces_and_the_other_has_done_much(const struct endless *endless)
{
    return endless->crew->lanes[0].lane.n_open == 2 && endless->taken >= 200;
}

static void
a_device_that_hangs_does_not_keep_the_other_from_going_on(void **state)
{
    struct endless endless;
    int64_t        open = 0;

    (void)state;
    assert_int_equal(work_without_end(&endless, HANGS, hangs_with_two_pieces_and_the_other_has_done_much), -ECANCELED);
    assert_string_equal(endless.crew->lanes[0].failure, ""); /* its time is not over yet */
    for (size_t i = 0; i < endless.pieces.n_open; i++) {
        assert_false(endless.pieces.open[i].is_out);
        open += endless.pieces.open[i].n;
    }
    assert_int_equal(endless.pieces.next - open,
                     endless.taken); /* what it has is given out again, and nothing is lost */
    poc_crew_end(endless.crew);
}

static int
never(const struct endless *endless)
{
    (void)endless;
    return 0;
}

static void
of_a_list_without_an_end_it_is_said_when_what_was_taken_is_not_to_be_trusted(void **state)
{
    struct endless endless;

    (void)state;
    checker = CHECKS;
    assert_int_equal(work_without_end(&endless, COMPUTES_WRONG, never), 1);
    assert_non_null(strstr(endless.crew->lanes[0].failure, "computes wrong"));
    poc_crew_end(endless.crew);
    checker = NO_CHECKER;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_devices_share_the_work),
        cmocka_unit_test(of_a_short_list_no_device_takes_what_the_other_could_do),
        cmocka_unit_test(a_crash_at_the_start_is_named),
        cmocka_unit_test(a_crash_at_work_gives_its_nonces_to_the_others),
        cmocka_unit_test(a_hanging_device_is_ended_after_its_time),
        cmocka_unit_test(a_driver_that_calls_exit_is_named),
        cmocka_unit_test(rubbish_does_not_count),
        cmocka_unit_test(what_a_device_says_of_itself_is_passed_on),
        cmocka_unit_test(a_crew_goes_on_after_a_question_was_given_up),
        cmocka_unit_test(without_any_device_left_the_reasons_are_told),
        cmocka_unit_test(a_device_that_computes_wrong_is_found_on_another_path_and_left_out),
        cmocka_unit_test(a_device_that_computes_wrong_is_found_in_plain_c),
        cmocka_unit_test(an_honest_device_is_looked_at_again_and_again_and_stays),
        cmocka_unit_test(a_device_that_cannot_be_checked_goes_on),
        cmocka_unit_test(a_device_that_hangs_does_not_keep_the_other_from_going_on),
        cmocka_unit_test(of_a_list_without_an_end_it_is_said_when_what_was_taken_is_not_to_be_trusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the command line prints: harmless text, tables, times, acts, and no colour where it does not belong. */
#include "agent/clock.h"
#include "agent/print.h"
#include "kit/json.h"

#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct sheet {
    FILE  *out;
    char  *text;
    size_t len;
};

static FILE *
sheet_open(struct sheet *sheet)
{
    *sheet = (struct sheet){.out = NULL};
    sheet->out = open_memstream(&sheet->text, &sheet->len);
    assert_non_null(sheet->out);
    return sheet->out;
}

static void
assert_sheet(struct sheet *sheet, const char *wanted)
{
    assert_int_equal(fclose(sheet->out), 0);
    assert_string_equal(sheet->text, wanted);
    free(sheet->text);
}

static void
assert_safe(const char *text, bool lines, const char *wanted)
{
    struct sheet sheet;

    print_safe(sheet_open(&sheet), text, lines);
    assert_sheet(&sheet, wanted);
}

static void
escape_sequences_are_shown_and_not_sent(void **state)
{
    (void)state;
    assert_safe("a\033[2Jb\007\177", false, "a\\x1b[2Jb\\x07\\x7f");
    assert_safe("\xc2\x9b"
                "31m",
                false, "\\xc2\\x9b31m");
}

static void
marks_that_turn_the_direction_of_writing_are_shown(void **state)
{
    (void)state;
    assert_safe("a\xe2\x80\xae"
                "b\xe2\x81\xa6",
                false, "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6");
}

static void
letters_of_all_scripts_pass(void **state)
{
    (void)state;
    assert_safe("Grüße, 世界 \xf0\x9f\x9a\x80", false, "Grüße, 世界 \xf0\x9f\x9a\x80");
}

static void
bytes_that_are_no_text_are_shown_as_numbers(void **state)
{
    (void)state;
    assert_safe("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe4\xb8", false,
                "\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe4\\xb8");
}

static void
line_breaks_pass_only_where_lines_are_wanted(void **state)
{
    (void)state;
    assert_safe("one\ntwo\r\tx", false, "one\\ntwo\\x0d\\x09x");
    assert_safe("one\ntwo\r\tx", true, "one\ntwo\\x0d\tx");
}

static void
columns_of_a_table_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const titles[] = {"A", "LONG TITLE", "C", NULL};
    struct table            *table = table_new(titles);
    struct sheet             sheet;

    (void)state;
    table_row(table, PRINT_RED, 0, (const char *[]){"long cell", "x", "last"});
    table_row(table, PRINT_PLAIN, 0, (const char *[]){"ü", NULL, "line\nbreak"});
    table_print(table, sheet_open(&sheet));
    table_free(table);
    assert_sheet(&sheet, "A          LONG TITLE  C\n"
                         "long cell  x           last\n"
                         "ü                      line\\nbreak\n");
}

static void
a_table_grows_with_its_rows(void **state)
{
    static const char *const titles[] = {"N", NULL};
    struct table            *table = table_new(titles);
    struct sheet             sheet;
    char                     number[16];
    unsigned                 lines = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(number, sizeof(number), "%d", i);
        table_row(table, PRINT_PLAIN, 0, (const char *[]){number});
    }
    table_print(table, sheet_open(&sheet));
    table_free(table);
    assert_int_equal(fclose(sheet.out), 0);
    for (const char *at = sheet.text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 1001);
    assert_non_null(strstr(sheet.text, "\n999\n"));
    free(sheet.text);
}

static void
assert_iso(const char *text, int64_t wanted_ns)
{
    int64_t ns = -1;

    assert_int_equal(print_parse_iso(text, &ns), 0);
    assert_int_equal(ns, wanted_ns);
}

static void
times_are_read_in_the_forms_that_people_write(void **state)
{
    (void)state;
    assert_iso("1970-01-02", 86400 * NS_PER_S);
    assert_iso("2026-11-23T12:00", 1795435200 * NS_PER_S);
    assert_iso("2026-11-23 12:00:01", 1795435201 * NS_PER_S);
    assert_iso("2026-11-23T12:00:01Z", 1795435201 * NS_PER_S);
    assert_iso("2026-11-23T12:00:01.25Z", 1795435201 * NS_PER_S + 250000000);
    assert_iso("2024-02-29", 1709164800 * NS_PER_S);
}

static void
what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",       "today",         "2026-13-01",        "2026-02-30",
                                      "2026-1", "2026-11-23T25", "2026-11-23 12:00x", "2026-11-23T12:00:01+02:00"};
    int64_t                  ns = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(print_parse_iso(bad[i], &ns), -EINVAL);
        assert_int_equal(ns, 7);
    }
}

static void
assert_ago(int64_t seconds, const char *wanted)
{
    char iso[CLOCK_ISO_LEN];
    char buf[32];

    (void)clock_iso((1795435200 + seconds) * NS_PER_S, iso);
    assert_string_equal(print_ago(iso, 1795435200 * NS_PER_S, buf, sizeof(buf)), wanted);
}

static void
distances_in_time_are_told_in_one_unit(void **state)
{
    char buf[32];

    (void)state;
    assert_ago(0, "now");
    assert_ago(-5, "5 s ago");
    assert_ago(-150, "2 min ago");
    assert_ago(3 * 3600, "in 3 h");
    assert_ago(-10 * 86400, "10 d ago");
    assert_string_equal(print_ago("", 0, buf, sizeof(buf)), "-");
    assert_string_equal(print_ago("never", 0, buf, sizeof(buf)), "-");
}

static cJSON *
json(const char *text)
{
    char   why[160];
    cJSON *parsed = ga_json_parse(text, strlen(text), why, sizeof(why));

    assert_non_null(parsed);
    return parsed;
}

static void
an_act_is_shown_with_its_diff(void **state)
{
    struct sheet sheet;
    cJSON       *act = json("{\"verb\":\"set-age\",\"object\":\"txs_to_send\",\"note\":\"proved\","
                                  "\"details\":{\"diff\":\"-max_age 0\\n+max_age 24h\",\"was\":0}}");

    (void)state;
    print_act(sheet_open(&sheet), act);
    cJSON_Delete(act);
    assert_sheet(&sheet, "  set-age  txs_to_send  (proved)\n      -max_age 0\n      +max_age 24h\n");
}

static void
an_act_without_a_diff_is_shown_with_its_details(void **state)
{
    struct sheet sheet;
    cJSON *act = json("{\"verb\":\"delete\",\"object\":\"/x\\u001b[0m\",\"details\":{\"bytes\":12,\"why\":\"old\"}}");

    (void)state;
    print_act(sheet_open(&sheet), act);
    cJSON_Delete(act);
    assert_sheet(&sheet, "  delete  /x\\x1b[0m\n      bytes: 12\n      why: old\n");
}

static void
integers_beyond_53_bits_keep_their_digits(void **state)
{
    struct sheet sheet;
    cJSON       *object = json("{\"n\":9007199254740993}");

    (void)state;
    print_json(sheet_open(&sheet), object);
    cJSON_Delete(object);
    assert_sheet(&sheet, "{\"n\":9007199254740993}\n");
}

/* What a child prints in red to its standard output, which is `fd`. */
static void
print_red(int fd, const char *no_color)
{
    pid_t pid = fork();
    int   status;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(fd, STDOUT_FILENO);
        (void)setenv("TERM", "xterm", 1);
        (void)setenv("NO_COLOR", no_color, 1);
        print_colored(stdout, PRINT_RED, "red");
        (void)fflush(stdout);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
assert_read(int fd, const char *wanted)
{
    char    buf[64];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    assert_true(n >= 0);
    buf[n] = '\0';
    assert_string_equal(buf, wanted);
}

static void
colour_is_for_terminals_and_for_who_wants_it(void **state)
{
    int master;
    int terminal;
    int pipe_fds[2];

    (void)state;
    assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    print_red(terminal, "");
    assert_read(master, "\033[31mred\033[0m");
    print_red(terminal, "1");
    assert_read(master, "red");
    print_red(pipe_fds[1], "");
    assert_read(pipe_fds[0], "red");
    (void)close(master);
    (void)close(terminal);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_sequences_are_shown_and_not_sent),
        cmocka_unit_test(marks_that_turn_the_direction_of_writing_are_shown),
        cmocka_unit_test(letters_of_all_scripts_pass),
        cmocka_unit_test(bytes_that_are_no_text_are_shown_as_numbers),
        cmocka_unit_test(line_breaks_pass_only_where_lines_are_wanted),
        cmocka_unit_test(columns_of_a_table_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_table_grows_with_its_rows),
        cmocka_unit_test(times_are_read_in_the_forms_that_people_write),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(distances_in_time_are_told_in_one_unit),
        cmocka_unit_test(an_act_is_shown_with_its_diff),
        cmocka_unit_test(an_act_without_a_diff_is_shown_with_its_details),
        cmocka_unit_test(integers_beyond_53_bits_keep_their_digits),
        cmocka_unit_test(colour_is_for_terminals_and_for_who_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

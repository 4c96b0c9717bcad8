/*
 * test_seed_diff.c: the difference that an operator is shown before a file is changed. What must hold for any two texts
 * is tried with texts made by chance; patch(1), where it is installed, makes the new text from the old one.
 */
#include "plugins/seed-manager/diff.h"
#include "tests/unit/seed_prop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PATCH "/usr/bin/patch"

static const struct diff_options whole = {.context = 3};

static struct edit_text
text_of(const char *name, const char *text)
{
    return (struct edit_text){name, text, strlen(text)};
}

/* The difference of two strings; freed by the caller. */
static struct edit_bytes
differ(const char *before, const char *after, const struct diff_options *options, int expected)
{
    struct edit_text  a = text_of("a", before);
    struct edit_text  b = text_of("b", after);
    struct edit_bytes out = {0};
    char              why[EDIT_WHY_MAX] = "";

    assert_int_equal(diff_unified(&a, &b, options, &out, why), expected);
    return out;
}

struct diff_case {
    const char *before;
    const char *after;
    size_t      context;
    const char *diff;
};

#define NAMES "--- a\n+++ b\n"

static const struct diff_case cases[] = {
    {"", "", 3, ""},
    {"a\nb", "a\nb", 3, ""},
    {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", 3,
     NAMES "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
    {"1\n2\n3\n", "1\nx\n3\n", 1, NAMES "@@ -1,3 +1,3 @@\n 1\n-2\n+x\n 3\n"},
    {"1\n2\n3\n", "1\nx\n3\n", 0, NAMES "@@ -2,1 +2,1 @@\n-2\n+x\n"},
    {"1\n2\n3\n", "1\n3\n", 0, NAMES "@@ -2,1 +1,0 @@\n-2\n"},
    {"1\n3\n", "1\n2\n3\n", 0, NAMES "@@ -1,0 +2,1 @@\n+2\n"},
    {"1\n2\n3\n4\n", "x\n1\n2\n3\n4\n", 99, NAMES "@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n"},
    {"", "a\n", 3, NAMES "@@ -0,0 +1,1 @@\n+a\n"},
    {"a\n", "", 3, NAMES "@@ -1,1 +0,0 @@\n-a\n"},
    {"a\nb", "a\nb\n", 3, NAMES "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
    {"a\nb\n", "a\nb", 3, NAMES "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n"},
    {"a\nb", "x\nb", 3, NAMES "@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n"},
    {"a\r\nb\r\n", "a\r\nb\n", 3, NAMES "@@ -1,2 +1,2 @@\n a\r\n-b\r\n+b\n"},
    {"a\n\nb\n", "a\nb\n", 3, NAMES "@@ -1,3 +1,2 @@\n a\n-\n b\n"},
    /* two changes with six lines between them are shown as one, with seven as two */
    {"x\n1\n2\n3\n4\n5\n6\nx\n", "y\n1\n2\n3\n4\n5\n6\ny\n", 3,
     NAMES "@@ -1,8 +1,8 @@\n-x\n+y\n 1\n 2\n 3\n 4\n 5\n 6\n-x\n+y\n"},
    {"x\n1\n2\n3\n4\n5\n6\n7\nx\n", "y\n1\n2\n3\n4\n5\n6\n7\ny\n", 3,
     NAMES "@@ -1,4 +1,4 @@\n-x\n+y\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-x\n+y\n"},
};

static void
shows_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct diff_options options = {.context = cases[i].context};
        struct edit_bytes   out = differ(cases[i].before, cases[i].after, &options, 0);

        assert_string_equal(out.data, cases[i].diff);
        edit_bytes_free(&out);
    }
}

static void
is_cut_after_a_whole_line(void **state)
{
    static const char full[] = NAMES "@@ -1,2 +1,2 @@\n-a\n-b\n+c\n+d\n";
    static const char note[] = "... the difference goes on; it was cut here\n";

    (void)state;
    for (size_t max = 1; max <= sizeof(full); max++) {
        struct diff_options options = {.context = 3, .max = max};
        struct edit_bytes   out = differ("a\nb\n", "c\nd\n", &options, max < sizeof(full) - 1);
        size_t              kept = max < sizeof(full) - 1 ? out.len - strlen(note) : out.len;

        assert_true(kept <= max);
        assert_memory_equal(out.data, full, kept);
        assert_true(kept == 0 || out.data[kept - 1] == '\n');
        assert_string_equal(out.data + kept, max < sizeof(full) - 1 ? note : "");
        edit_bytes_free(&out);
    }
}

/* n lines of `line` and a number. */
static struct edit_bytes
many_lines(const char *line, size_t n)
{
    struct edit_bytes text = {0};

    for (size_t i = 0; i < n; i++) {
        char number[32];

        (void)snprintf(number, sizeof(number), "%s%zu\n", line, i);
        edit_bytes_text(&text, number);
    }
    return text;
}

static void
refuses_texts_of_too_many_lines(void **state)
{
    struct edit_bytes most = many_lines("", DIFF_LINES_MAX);
    struct edit_bytes more = many_lines("", DIFF_LINES_MAX + 1);
    struct edit_text  a = text_of("a", most.data);
    struct edit_text  b = text_of("b", more.data);
    struct edit_bytes out = {0};
    char              why[EDIT_WHY_MAX] = "";

    (void)state;
    assert_int_equal(diff_unified(&a, &a, &whole, &out, why), 0);
    edit_bytes_free(&out);
    assert_int_equal(diff_unified(&a, &b, &whole, &out, why), -1);
    assert_string_equal(why, "b: more than 10000 lines, too long to be shown as a difference");
    edit_bytes_free(&out);
    assert_int_equal(diff_unified(&b, &a, &whole, &out, why), -1);
    edit_bytes_free(&out);
    edit_bytes_free(&most);
    edit_bytes_free(&more);
}

static void
texts_without_a_common_line_are_shown_as_one_change(void **state)
{
    static const char start[] = NAMES "@@ -1,10000 +1,10000 @@\n-a0\n-a1\n";
    struct edit_bytes before = many_lines("a", DIFF_LINES_MAX);
    struct edit_bytes after = many_lines("b", DIFF_LINES_MAX);
    struct edit_bytes out = differ(before.data, after.data, &whole, 0);

    (void)state;
    assert_memory_equal(out.data, start, strlen(start));
    assert_non_null(strstr(out.data, "\n-a9999\n+b0\n"));
    edit_bytes_free(&out);
    edit_bytes_free(&before);
    edit_bytes_free(&after);
}

/* A text of few different lines, so that many are equal; then a copy with some of them changed. */
static void
make_two(struct chance *chance, struct edit_bytes *before, struct edit_bytes *after)
{
    static const char *const lines[] = {"a\n", "b\n", "\n", "-- c\n", "++ d\n", "e\r\n", "\\ No newline\n", " f\n"};

    edit_bytes_put(before, "", 0);
    edit_bytes_put(after, "", 0);
    for (size_t n = chance_below(chance, 40); n > 0; n--) {
        const char *line = chance_text(chance, lines, COUNT(lines));
        size_t      way = chance_below(chance, 12);

        if (way != 0)
            edit_bytes_text(before, line);
        if (way == 1)
            edit_bytes_text(after, chance_text(chance, lines, COUNT(lines)));
        else if (way != 2)
            edit_bytes_text(after, line);
    }
    if (before->len > 0 && chance_below(chance, 4) == 0)
        before->data[--before->len] = '\0';
    if (after->len > 0 && chance_below(chance, 4) == 0)
        after->data[--after->len] = '\0';
}

/* The length of the longest common subsequence of two texts' lines, slowly: what an edit script cannot beat. */
static size_t
common_lines(const struct edit_bytes *a, const struct edit_bytes *b)
{
    size_t      best[64] = {0};
    const char *line_b;
    size_t      len_a;
    size_t      len_b;

    for (const char *line_a = a->data; *line_a; line_a += len_a) {
        size_t diagonal = 0;
        size_t j = 1;

        len_a = strcspn(line_a, "\n");
        len_a += line_a[len_a] == '\n';
        for (line_b = b->data; *line_b; line_b += len_b, j++) {
            size_t above = best[j];

            len_b = strcspn(line_b, "\n");
            len_b += line_b[len_b] == '\n';
            if (len_a == len_b && memcmp(line_a, line_b, len_a) == 0)
                best[j] = diagonal + 1;
            else if (best[j - 1] > above)
                best[j] = best[j - 1];
            diagonal = above;
            assert_true(j + 1 < COUNT(best));
        }
    }
    for (size_t j = 1; j < COUNT(best); j++)
        best[0] = best[j] > best[0] ? best[j] : best[0];
    return best[0];
}

static size_t
count_lines(const struct edit_bytes *text)
{
    size_t n = text->len > 0 && text->data[text->len - 1] != '\n';

    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n;
}

/* Lines of the difference that begin with `mark`, without the two of the names. */
static size_t
count_marks(const struct edit_bytes *out, char mark)
{
    size_t n = 0;

    for (const char *line = strstr(out->data, "\n@@"); line; line = strchr(line + 1, '\n'))
        n += line[1] == mark;
    return n;
}

static void
no_shorter_difference_would_do(void **state)
{
    struct chance chance = {4711};

    (void)state;
    for (size_t i = 0; i < 3000; i++) {
        struct edit_bytes before = {0};
        struct edit_bytes after = {0};
        struct edit_bytes out;
        size_t            common;

        make_two(&chance, &before, &after);
        common = common_lines(&before, &after);
        out = differ(before.data, after.data, &whole, 0);
        assert_int_equal(count_marks(&out, '-'), count_lines(&before) - common);
        assert_int_equal(count_marks(&out, '+'), count_lines(&after) - common);
        edit_bytes_free(&before);
        edit_bytes_free(&after);
        edit_bytes_free(&out);
    }
}

/* Has patch(1) make the new text from the old one, and compares. */
static void
patch_and_compare(const char *folder, const struct edit_bytes *before, const struct edit_bytes *after, size_t context)
{
    static const char   script[] = "cd \"$1\" && " PATCH " --binary -s -f -F 0 -o made old diff && cmp made new";
    const char *const   argv[] = {"/bin/sh", "-c", script, "sh", folder, NULL};
    struct diff_options options = {.context = context};
    struct edit_bytes   diff = differ(before->data, after->data, &options, 0);
    struct edit_bytes   said = {0};

    prop_write(folder, "old", before->data, before->len);
    prop_write(folder, "new", after->data, after->len);
    prop_write(folder, "diff", diff.data, diff.len);
    if (diff.len > 0 && prop_run(argv, &said) != 0)
        fail_msg("%s\n%s", said.data, diff.data);
    edit_bytes_free(&diff);
    edit_bytes_free(&said);
}

static void
patch_makes_the_new_text_from_the_old_one(void **state)
{
    struct chance chance = {42};
    char          folder[256];

    (void)state;
    if (access(PATCH, X_OK) != 0) {
        print_message("no %s\n", PATCH);
        skip();
    }
    prop_folder(folder, sizeof(folder));
    for (size_t i = 0; i < 300; i++) {
        struct edit_bytes before = {0};
        struct edit_bytes after = {0};

        make_two(&chance, &before, &after);
        patch_and_compare(folder, &before, &after, i % 4);
        edit_bytes_free(&before);
        edit_bytes_free(&after);
    }
    prop_folder_end(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_differs),
        cmocka_unit_test(is_cut_after_a_whole_line),
        cmocka_unit_test(refuses_texts_of_too_many_lines),
        cmocka_unit_test(texts_without_a_common_line_are_shown_as_one_change),
        cmocka_unit_test(no_shorter_difference_would_do),
        cmocka_unit_test(patch_makes_the_new_text_from_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

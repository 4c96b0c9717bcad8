/*
 * test_seed_prop_env.c: what holds for the editor of config.env whatever the file: files made by chance of all that
 * could fool it, with KEY somewhere in them or missing. /bin/sh, which knows nothing of the editor, says what a sample
 * of them means before and after.
 */
#include "plugins/seed-manager/edit_env.h"
#include "tests/unit/seed_prop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FILES 4000
#define SAMPLE 300
#define VALUE 128 /* bytes of a value */

/* A file in the making. */
struct made {
    struct chance     chance;
    struct edit_bytes text;
    size_t            names; /* variables that were given a name so far: no name is given twice */
    int               has;   /* KEY is in it */
    size_t            from;  /* first byte of its value */
    size_t            to;    /* behind it */
    char              value[VALUE];
};

/* What a file may hold, and what the editor may be asked to write. */
static const char *const pieces[] = {"a",  "Z", "\"", "'", "\\", "\n", "\t", "#",    " #",       "$X", "`",  ";",
                                     "\n", "*", "~",  "=", "|",  "&",  "(",  "KEY=", "\xc3\xa9", "{",  "}b", "\\n"};
static const char *const new_pieces[] = {"a", "Z",        "#", " #", "$X", "`",   ";",
                                         "*", "\xc3\xa9", "~", "{",  "\"", "\\n", " "};

static const char *const noise[] = {
    "", "  ", "\t", "# KEY=no", "#KEY='no", "  # export KEY=\"no \\", "export OTHER", "export KEY # ' \""};

/* Assignments that are not asked for, behind a name. */
static const char *const others[] = {"=",
                                     "=1",
                                     "='\nKEY=no\n'",
                                     "=\"\nexport KEY=no\n\\\"\n\" # \"",
                                     "=a\\\nKEY=no",
                                     "=$HOME:${NONE:-KEY=no}",
                                     "=\"$(echo 'KEY=no' \"a b\")\"",
                                     "=`echo KEY=no`",
                                     "=a#b # c",
                                     "=\\ \\'\\#",
                                     "=$((1 + (2)))"};

static void
put(struct made *made, const char *text)
{
    edit_bytes_text(&made->text, text);
}

static void
put_noise(struct made *made)
{
    while (chance_below(&made->chance, 3) == 0) {
        put(made, chance_text(&made->chance, noise, COUNT(noise)));
        put(made, "\n");
    }
}

static void
put_start(struct made *made)
{
    static const char *const starts[] = {"export ", "export ", "", "  export\t", "\t", "export \\\n"};

    put(made, chance_text(&made->chance, starts, COUNT(starts)));
}

static void
put_others(struct made *made)
{
    static const char *const names[] = {"V", "KEY_", "_KEY", "key"};

    for (size_t n = chance_below(&made->chance, 4); n > 0; n--) {
        char name[32];

        put_start(made);
        (void)snprintf(name, sizeof(name), "%s%zu", chance_text(&made->chance, names, COUNT(names)), made->names++);
        put(made, name);
        put(made, chance_text(&made->chance, others, COUNT(others)));
        put(made, "\n");
        put_noise(made);
    }
}

/* One byte of the value, in one of the ways that mean it to a shell. */
static void
put_byte(struct made *made, char c)
{
    const char text[] = {c, '\0'};
    size_t     way = chance_below(&made->chance, 3);
    int        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

    if (c == '\n')
        way = 1 + way % 2; /* a backslash takes a line end away */
    if (plain && chance_below(&made->chance, 2)) {
        put(made, text);
    } else if (way == 0) {
        put(made, "\\");
        put(made, text);
    } else if (way == 1 && c != '\'') {
        put(made, "'");
        put(made, text);
        put(made, "'");
    } else {
        put(made, strchr("$`\"\\", c) ? "\"\\" : "\"");
        put(made, text);
        put(made, chance_below(&made->chance, 5) ? "\"" : "\\\n\"");
    }
}

/* The value within one pair of quotes. */
static void
put_quoted(struct made *made)
{
    if (!strchr(made->value, '\'') && chance_below(&made->chance, 2)) {
        put(made, "'");
        put(made, made->value);
        put(made, "'");
        return;
    }
    put(made, "\"");
    for (const char *c = made->value; *c; c++) {
        put(made, strchr("$`\"\\", *c) ? "\\" : "");
        edit_bytes_put(&made->text, c, 1);
    }
    put(made, "\"");
}

static void
put_key(struct made *made)
{
    made->has = 1;
    put_start(made);
    put(made, "KEY=");
    made->from = made->text.len;
    if (chance_below(&made->chance, 2))
        put_quoted(made);
    else
        for (const char *c = made->value; *c; c++)
            put_byte(made, *c);
    made->to = made->text.len;
    put(made, chance_below(&made->chance, 3) ? "\n" : "  # KEY=no '\n");
}

static void
make(struct made *made, uint64_t seed)
{
    *made = (struct made){.chance = {seed * 0x9e3779b97f4a7c15u + 1}};
    chance_join(&made->chance, pieces, COUNT(pieces), made->value, sizeof(made->value));
    put(made, "");
    put_noise(made);
    put_others(made);
    if (chance_below(&made->chance, 4))
        put_key(made);
    put_others(made);
    if (made->text.len > 0 && chance_below(&made->chance, 4) == 0)
        made->text.len--; /* every line that is put ends in a line end */
}

/* A value that can be written: not every value can. */
static void
make_value(struct chance *chance, char *value, size_t size)
{
    chance_join(chance, new_pieces, COUNT(new_pieces), value, size);
    if (chance_below(chance, 4) == 0)
        (void)snprintf(value, size, "http://it's-%zu.example:8000/?a=b#c", chance_below(chance, 100));
}
static struct edit_text
text_of(const struct edit_bytes *bytes)
{
    return (struct edit_text){"config.env", bytes->data, bytes->len};
}

static void
set(const struct edit_bytes *before, const char *value, struct edit_bytes *after)
{
    struct edit_text  in = text_of(before);
    struct env_change change = {"KEY", value};
    char              why[EDIT_WHY_MAX] = "";

    if (edit_env_set(&in, &change, 1, after, why) != 0)
        fail_msg("%s\n%.*s", why, (int)before->len, before->data);
}

/* The value of KEY, freed by the caller; NULL: it is not there. */
static char *
get(const struct edit_bytes *bytes)
{
    static const char *const keys[] = {"KEY"};
    struct edit_text         in = text_of(bytes);
    char                     why[EDIT_WHY_MAX] = "";
    char                    *value = NULL;

    if (edit_env_get(&in, keys, 1, &value, why) < 0)
        fail_msg("%s\n%.*s", why, (int)bytes->len, bytes->data);
    return value;
}

static int
same(const struct edit_bytes *a, const struct edit_bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
check_value(const struct edit_bytes *bytes, const char *value)
{
    char *got = get(bytes);

    if ((got == NULL) != (value == NULL) || (got && strcmp(got, value) != 0))
        fail_msg("\"%s\" instead of \"%s\" in\n%.*s", got ? got : "-", value ? value : "-", (int)bytes->len,
                 bytes->data);
    free(got);
}

/* Makes a file by chance and another value; what the tests look at. */
struct trial {
    struct made       made;
    char              value[VALUE];
    struct edit_bytes after;
};

static void
start(struct trial *trial, uint64_t seed)
{
    *trial = (struct trial){0};
    make(&trial->made, seed);
    make_value(&trial->made.chance, trial->value, sizeof(trial->value));
    set(&trial->made.text, trial->value, &trial->after);
}

static void
end(struct trial *trial)
{
    edit_bytes_free(&trial->made.text);
    edit_bytes_free(&trial->after);
}

static void
a_value_that_is_there_is_read(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        struct made made;

        make(&made, seed);
        check_value(&made.text, made.has ? made.value : NULL);
        edit_bytes_free(&made.text);
    }
}

static void
a_value_that_was_set_is_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        struct trial trial;

        start(&trial, seed);
        check_value(&trial.after, trial.value);
        end(&trial);
    }
}

static void
only_the_bytes_of_the_value_differ(void **state)
{
    size_t added = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        struct trial trial;
        int          ok;

        start(&trial, seed);
        added += trial.made.has ? 0 : 1;
        if (trial.made.has)
            ok = prop_differs_only_in(&trial.made.text, &trial.after, trial.made.from, trial.made.to);
        else
            ok = prop_only_added(&trial.made.text, &trial.after);
        if (!ok)
            fail_msg("seed %u:\n%.*s\nbecame\n%s", (unsigned)seed, (int)trial.made.text.len, trial.made.text.data,
                     trial.after.data);
        end(&trial);
    }
    assert_in_range(added, FILES / 10, FILES / 2); /* both kinds were tried */
}

static void
setting_the_same_value_changes_no_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        struct trial      trial;
        struct edit_bytes again = {0};

        start(&trial, seed);
        set(&trial.after, trial.value, &again);
        assert_true(same(&again, &trial.after));
        edit_bytes_free(&again);
        if (trial.made.has) {
            set(&trial.made.text, trial.made.value, &again);
            assert_true(same(&again, &trial.made.text));
            edit_bytes_free(&again);
        }
        end(&trial);
    }
}

/* Quotes that cannot hold a value are changed, and stay changed: so it is the value that must be the last one. */
static void
setting_twice_is_setting_the_last(void **state)
{
    size_t equal = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        struct trial      trial;
        struct edit_bytes twice = {0};
        struct edit_bytes once = {0};

        start(&trial, seed);
        set(&trial.after, "last", &twice);
        set(&trial.made.text, "last", &once);
        check_value(&twice, "last");
        if (trial.made.has && trial.after.data[trial.made.from] == once.data[trial.made.from]) {
            assert_true(same(&once, &twice));
            equal++;
        }
        edit_bytes_free(&once);
        edit_bytes_free(&twice);
        end(&trial);
    }
    assert_in_range(equal, FILES / 8, FILES);
}

/* What /bin/sh has in its variables after it read the file: KEY first, all others behind it. */
static void
ask_shell(const char *folder, const struct edit_bytes *text, struct edit_bytes *key, struct edit_bytes *rest)
{
    static const char ask_key[] = "unset KEY; . \"$1/config.env\" && printf %s \"${KEY-(unset)}\"";
    static const char ask_rest[] = ". \"$1/config.env\" && unset KEY && set";
    const char *const argv_key[] = {"/bin/sh", "-c", ask_key, "sh", folder, NULL};
    const char *const argv_rest[] = {"/bin/sh", "-c", ask_rest, "sh", folder, NULL};

    prop_write(folder, "config.env", text->data, text->len);
    assert_int_equal(prop_run(argv_key, key), 0);
    assert_int_equal(prop_run(argv_rest, rest), 0);
}

static void
the_shell_reads_the_new_value_and_all_others_as_before(void **state)
{
    char folder[256];

    (void)state;
    prop_folder(folder, sizeof(folder));
    for (uint64_t seed = 1; seed <= SAMPLE; seed++) {
        struct trial      trial;
        struct edit_bytes key[2] = {{0}};
        struct edit_bytes rest[2] = {{0}};

        start(&trial, seed);
        ask_shell(folder, &trial.made.text, &key[0], &rest[0]);
        ask_shell(folder, &trial.after, &key[1], &rest[1]);
        if (strcmp(key[0].data, trial.made.has ? trial.made.value : "(unset)") != 0)
            fail_msg("seed %u: not %s but %s", (unsigned)seed, trial.made.value, key[0].data);
        if (strcmp(key[1].data, trial.value) != 0)
            fail_msg("seed %u: not %s but %s", (unsigned)seed, trial.value, key[1].data);
        assert_string_equal(rest[0].data, rest[1].data);
        for (size_t i = 0; i < 2; i++) {
            edit_bytes_free(&key[i]);
            edit_bytes_free(&rest[i]);
        }
        end(&trial);
    }
    prop_folder_end(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_is_there_is_read),
        cmocka_unit_test(a_value_that_was_set_is_read_back),
        cmocka_unit_test(only_the_bytes_of_the_value_differ),
        cmocka_unit_test(setting_the_same_value_changes_no_byte),
        cmocka_unit_test(setting_twice_is_setting_the_last),
        cmocka_unit_test(the_shell_reads_the_new_value_and_all_others_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

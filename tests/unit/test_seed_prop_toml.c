/*
 * test_seed_prop_toml.c: what holds for the editor of config.toml whatever the file: files made by chance of all that
 * could fool it, with [p2p] seeds somewhere in them or missing. Python's tomllib, which knows nothing of the editor,
 * says what a sample of them means before and after.
 */
#include "plugins/seed-manager/edit_toml.h"
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
#define SAMPLE 400
#define VALUE 128 /* bytes of a value */

/* A file in the making. */
struct made {
    struct chance     chance;
    struct edit_bytes text;
    const char       *line_end;
    size_t            names; /* keys and tables that were given a name so far: no name is given twice */
    int               has;   /* seeds is in it */
    size_t            from;  /* first byte of its value */
    size_t            to;    /* behind it */
    char              value[VALUE];
};

static const char *const pieces[] = {
    "a",    "Z",    "\"", "'", "\\",   "\n",      "\t",     "#",  "[p2p]", "=", "]", "\xc3\xa9", "\xf0\x9f\x98\x80",
    "\x01", "\x7f", " ",  ",", "@b:1", "seeds =", "\"\"\"", "'''"};

static const char *const noise[] = {"", "  ", "\t", "# [p2p]", "#seeds = \"no\"", "  # \"\"\" ''' [", "# }]"};

/* Values of other keys; \n stands for the file's line end. */
static const char *const others[] = {
    "1",
    "-1.5e+3",
    "true",
    "1979-05-27 07:32:00Z",
    "07:32:00",
    "\"[p2p]\"",
    "'seeds = \"'",
    "\"\\\" # \\\\\"",
    "\"\"\"\n[p2p]\nseeds = \"no\"\n\\\"\"\"\\\\\"\"\"",
    "'''\n[p2p]\nseeds = 'no'\n''' # x",
    "\"\"\"a\"\"\"\"\"",
    "\"\"\"a \\\n   \n  b\"\"\"",
    "[]",
    "[\n  \"[p2p]\", # ]\n  'seeds = 1',\n\n  [1, [2]],\n]",
    "{}",
    "{ p2p = { seeds = \"no\" }, \"a b\".c = [ '}' ] } # {",
};

static void
put(struct made *made, const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            edit_bytes_text(&made->text, made->line_end);
        else
            edit_bytes_put(&made->text, text, 1);
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
put_equals(struct made *made)
{
    static const char *const equals[] = {" = ", "=", "\t=  ", " ="};

    put(made, chance_text(&made->chance, equals, COUNT(equals)));
}

/* A key or a table's name that is not asked for, with a number that makes it the only one. */
static void
put_name(struct made *made)
{
    static const char *const names[][2] = {{"k", ""},           {"seeds", ""},       {"\"p2p.", "\""}, {"'seeds", "'"},
                                           {"k", ".p2p.seeds"}, {"k", " . 'seeds'"}, {"p2p", ""}};
    size_t                   i = chance_below(&made->chance, COUNT(names));
    char                     name[64];

    (void)snprintf(name, sizeof(name), "%s%zu%s", names[i][0], made->names++, names[i][1]);
    put(made, name);
}

static void
put_other_pair(struct made *made, const char *prefix)
{
    put(made, chance_below(&made->chance, 3) ? "" : "  ");
    put(made, prefix);
    put_name(made);
    put_equals(made);
    put(made, chance_text(&made->chance, others, COUNT(others)));
    put(made, "\n");
    put_noise(made);
}

static void
put_other_pairs(struct made *made, const char *prefix)
{
    for (size_t n = chance_below(&made->chance, 4); n > 0; n--)
        put_other_pair(made, prefix);
}

static void
put_other_tables(struct made *made)
{
    static const char *const heads[][2] = {{"[", "]"}, {"[[", "]]"}, {" [ p2p . ", " ]"}, {"[[p2p.", "]] # ["}};

    for (size_t n = chance_below(&made->chance, 3); n > 0; n--) {
        size_t i = chance_below(&made->chance, COUNT(heads));

        put(made, heads[i][0]);
        put_name(made);
        put(made, heads[i][1]);
        put(made, "\n");
        put_noise(made);
        if (chance_below(&made->chance, 2))
            put(made, "seeds = \"not this\"\n");
        put_other_pairs(made, "");
    }
}

static int
fits_literal(const char *value, int multi)
{
    for (const char *c = value; *c; c++)
        if (*c == 0x7f || (*c > 0 && *c < 0x20 && *c != '\t' && !(multi && *c == '\n')))
            return 0;
    return !strchr(value, '\'');
}

/* The first byte of `text` in a basic string, escaped in one of its ways. A backslash at a line's end may follow, but
 * not in front of blanks of the text, which it would take. */
static void
put_basic(struct made *made, const char *text, int multi)
{
    char c = *text;
    char escape[16];

    if (multi && c == '\n' && chance_below(&made->chance, 2))
        put(made, "\n");
    else if (c == '"' || c == '\\' || (c >= 0 && (c < 0x20 || c == 0x7f)) ||
             (c > 0 && !chance_below(&made->chance, 9))) {
        (void)snprintf(escape, sizeof(escape), chance_below(&made->chance, 2) ? "\\u%04X" : "\\U%08x",
                       (unsigned)(unsigned char)c);
        put(made, escape);
    } else {
        edit_bytes_put(&made->text, &c, 1);
    }
    if (multi && c > 0 && (text[1] < 0 || text[1] > ' ') && !chance_below(&made->chance, 9))
        put(made, "\\ \n\n\t");
}

static void
put_value(struct made *made)
{
    int         multi = chance_below(&made->chance, 2) != 0;
    int         literal = chance_below(&made->chance, 2) && fits_literal(made->value, multi);
    const char *quotes = literal ? multi ? "'''" : "'" : multi ? "\"\"\"" : "\"";

    made->from = made->text.len;
    put(made, quotes);
    if (multi)
        put(made, "\n");
    if (literal)
        put(made, made->value);
    else
        for (const char *c = made->value; *c; c++)
            put_basic(made, c, multi);
    put(made, quotes);
    made->to = made->text.len;
}

static void
put_seeds(struct made *made, const char *prefix)
{
    static const char *const keys[] = {"seeds", "\"seeds\"", "'seeds'", "\"s\\u0065eds\""};

    made->has = 1;
    put(made, chance_below(&made->chance, 3) ? "" : "\t");
    put(made, prefix);
    put(made, chance_text(&made->chance, keys, COUNT(keys)));
    put_equals(made);
    put_value(made);
    put(made, chance_below(&made->chance, 3) ? "\n" : " # \"seeds\" = 'x'\n");
}

/* The table itself, under its header or, at the top, by keys that name it. */
static void
put_p2p(struct made *made, int dotted)
{
    static const char *const heads[] = {"[p2p]", " [ p2p ]", "['p2p'] # [rpc]", "[\"p\\u0032p\"]"};
    const char              *prefix = dotted ? "p2p." : "";

    if (!dotted) {
        put(made, chance_text(&made->chance, heads, COUNT(heads)));
        put(made, "\n");
    }
    put_noise(made);
    if (dotted)
        put_other_pair(made, prefix);
    put_other_pairs(made, prefix);
    if (chance_below(&made->chance, 4))
        put_seeds(made, prefix);
    put_other_pairs(made, prefix);
}

static void
make(struct made *made, uint64_t seed)
{
    int dotted;

    *made = (struct made){.chance = {seed * 0x9e3779b97f4a7c15u + 1}};
    made->line_end = chance_below(&made->chance, 3) ? "\n" : "\r\n";
    dotted = chance_below(&made->chance, 5) == 0;
    chance_join(&made->chance, pieces, COUNT(pieces), made->value, sizeof(made->value));
    put_noise(made);
    put_other_pairs(made, "");
    if (!dotted)
        put_other_tables(made);
    put_p2p(made, dotted);
    if (!dotted || chance_below(&made->chance, 2))
        put_other_tables(made);
    if (chance_below(&made->chance, 4) == 0)
        made->text.len -= strlen(made->line_end); /* every line that is put ends in one */
}

static struct edit_text
text_of(const struct edit_bytes *bytes)
{
    return (struct edit_text){"config.toml", bytes->data, bytes->len};
}

static void
set(const struct edit_bytes *before, const char *value, struct edit_bytes *after)
{
    struct edit_text   in = text_of(before);
    struct toml_change change = {"seeds", value};
    char               why[EDIT_WHY_MAX] = "";

    if (edit_toml_set(&in, "p2p", &change, 1, after, why) != 0)
        fail_msg("%s\n%.*s", why, (int)before->len, before->data);
}

/* The value of seeds, freed by the caller; NULL: it is not there. */
static char *
get(const struct edit_bytes *bytes)
{
    struct edit_text in = text_of(bytes);
    char             why[EDIT_WHY_MAX] = "";
    char            *value = NULL;

    if (edit_toml_get(&in, "p2p", "seeds", &value, why) < 0)
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
    chance_join(&trial->made.chance, pieces, COUNT(pieces), trial->value, sizeof(trial->value));
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

/* A value that did not fit into '...' had to change the quotes, and they stay changed; otherwise the bytes are equal.
 */
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
        if (fits_literal(trial.value, 0) || (trial.made.has && trial.made.text.data[trial.made.from] == '"')) {
            assert_true(same(&once, &twice));
            equal++;
        }
        edit_bytes_free(&once);
        edit_bytes_free(&twice);
        end(&trial);
    }
    assert_in_range(equal, FILES / 4, FILES);
}

/* Reads the files N.before, N.after and N.value of a folder; says which do not mean what they should. */
static const char oracle[] =
    "import pathlib, sys\n"
    "try:\n"
    "    import tomllib\n"
    "except ImportError:\n"
    "    sys.exit(77)\n"
    "bad = 0\n"
    "for path in pathlib.Path(sys.argv[1]).glob('*.before'):\n"
    "    want = tomllib.loads(path.read_bytes().decode())\n"
    "    want['p2p']['seeds'] = path.with_suffix('.value').read_bytes().decode()\n"
    "    if tomllib.loads(path.with_suffix('.after').read_bytes().decode()) != want:\n"
    "        print(path.name, repr(path.read_bytes()), repr(path.with_suffix('.after').read_bytes()))\n"
    "        bad += 1\n"
    "sys.exit(bad != 0)\n";

static void
write_sample(const char *folder, uint64_t seed)
{
    struct trial trial;
    char         name[32];

    start(&trial, seed);
    (void)snprintf(name, sizeof(name), "%u.before", (unsigned)seed);
    prop_write(folder, name, trial.made.text.data, trial.made.text.len);
    (void)snprintf(name, sizeof(name), "%u.after", (unsigned)seed);
    prop_write(folder, name, trial.after.data, trial.after.len);
    (void)snprintf(name, sizeof(name), "%u.value", (unsigned)seed);
    prop_write(folder, name, trial.value, strlen(trial.value));
    end(&trial);
}

static void
python_reads_the_new_value_and_all_others_as_before(void **state)
{
    char              folder[256];
    const char *const argv[] = {"/usr/bin/python3", "-c", oracle, folder, NULL};
    struct edit_bytes out = {0};
    int               status;

    (void)state;
    prop_folder(folder, sizeof(folder));
    for (uint64_t seed = 1; seed <= SAMPLE; seed++)
        write_sample(folder, seed);
    status = prop_run(argv, &out);
    prop_folder_end(folder);
    if (status == 77 || status == -1) {
        print_message("no python3 with tomllib in /usr/bin\n");
        edit_bytes_free(&out);
        skip();
    }
    if (status != 0)
        fail_msg("%s", out.data);
    edit_bytes_free(&out);
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
        cmocka_unit_test(python_reads_the_new_value_and_all_others_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

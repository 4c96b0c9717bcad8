/* print.c: what the command line prints. */
#include "agent/print.h"
#include "kit/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "kit/text.h"

#define COLUMNS_MAX 12

struct table {
    const char *const *titles;
    size_t             n_columns;
    size_t             n_rows;
    size_t             room;
    struct row {
        char            *cell[COLUMNS_MAX];
        enum print_color color;
        size_t           colored;
    } * rows;
};

bool
print_has_color(FILE *out)
{
    static int known[2] = {-1, -1}; /* stdout, stderr */
    int       *k = out == stderr ? &known[1] : &known[0];

    if (out != stdout && out != stderr) {
        return false;
    }
    if (*k < 0) {
        const char *no = getenv("NO_COLOR");
        const char *term = getenv("TERM");
        *k = isatty(fileno(out)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
    }
    return *k == 1;
}

const char *
print_color(FILE *out, enum print_color color)
{
    static const char *const escapes[] = {
        [PRINT_PLAIN] = "\033[0m",  [PRINT_BOLD] = "\033[1m",    [PRINT_DIM] = "\033[2m",   [PRINT_RED] = "\033[31m",
        [PRINT_GREEN] = "\033[32m", [PRINT_YELLOW] = "\033[33m", [PRINT_BLUE] = "\033[34m", [PRINT_CYAN] = "\033[36m",
    };

    return print_has_color(out) ? escapes[color] : "";
}

enum print_color
print_outcome_color(const char *outcome)
{
    static const struct {
        const char      *outcome;
        enum print_color color;
    } colors[] = {{"ok", PRINT_GREEN},
                  {"changed", PRINT_CYAN},
                  {"refused", PRINT_YELLOW},
                  {"unknown", PRINT_YELLOW},
                  {"failed", PRINT_RED}};

    for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++) {
        if (strcmp(colors[i].outcome, outcome) == 0) {
            return colors[i].color;
        }
    }
    return PRINT_PLAIN;
}

/* Bytes of the UTF-8 character at s, 0 when it is none or a control character (C1 controls and bidi marks too). */
static size_t
character(const unsigned char *s)
{
    const char *text = (const char *)s;
    size_t      n = ga_utf8_len(text, strnlen(text, 4));
    uint32_t    code;

    if (n <= 1) {
        return n == 1 && s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
    }
    code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < 0xa0 || (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069)) {
        return 0;
    }
    return n;
}

/* Text made harmless, at most `columns` wide (0: any). Returns the width; NULL out only measures. */
static size_t
put_safe(FILE *out, const char *text, bool lines, size_t columns)
{
    size_t width = 0;

    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = character(s);
        bool   plain = n > 0 || (lines && (*s == '\n' || *s == '\t'));
        size_t w = plain ? 1 : *s == '\n' ? 2 : 4;
        if (columns && width + w > columns) {
            break;
        }
        width += w;
        if (out && plain) {
            (void)fwrite(s, 1, n ? n : 1, out);
        } else if (out && *s == '\n') {
            (void)fputs("\\n", out);
        } else if (out) {
            (void)fprintf(out, "\\x%02x", *s);
        }
        s += n ? n : 1;
    }
    return width;
}

void
print_safe(FILE *out, const char *text, bool lines)
{
    (void)put_safe(out, text, lines, 0);
}

void
print_colored(FILE *out, enum print_color color, const char *text)
{
    (void)fputs(print_color(out, color), out);
    print_safe(out, text, false);
    (void)fputs(print_color(out, PRINT_PLAIN), out);
}

unsigned
print_width(FILE *out)
{
    struct winsize size;

    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

struct table *
table_new(const char *const *titles)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table) {
        table->titles = titles;
        while (table->n_columns < COLUMNS_MAX && titles[table->n_columns]) {
            table->n_columns++;
        }
    }
    return table;
}

void
table_row(struct table *table, enum print_color color, size_t colored, const char *const *cells)
{
    if (table->n_rows == table->room) {
        size_t      room = table->room ? table->room * 2 : 16;
        struct row *rows = reallocarray(table->rows, room, sizeof(*rows));
        if (!rows) {
            return; /* a row less on the screen */
        }
        table->rows = rows;
        table->room = room;
    }
    struct row *row = &table->rows[table->n_rows++];
    *row = (struct row){.color = color, .colored = colored};
    for (size_t i = 0; i < table->n_columns; i++) {
        row->cell[i] = strdup(cells[i] ? cells[i] : "");
    }
}

static void
print_cells(const struct table *table, FILE *out, const struct row *row, const size_t *widths, size_t last_width)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        bool             last = i + 1 == table->n_columns;
        enum print_color color = !row ? PRINT_BOLD : row->colored == i ? row->color : PRINT_PLAIN;
        const char      *text = row ? row->cell[i] : table->titles[i];
        if (color != PRINT_PLAIN) {
            (void)fputs(print_color(out, color), out);
        }
        size_t w = put_safe(out, text ? text : "", false, last ? last_width : 0);
        if (color != PRINT_PLAIN) {
            (void)fputs(print_color(out, PRINT_PLAIN), out);
        }
        if (!last) {
            (void)fprintf(out, "%*s", (int)(widths[i] - w + 2), "");
        }
    }
    (void)fputc('\n', out);
}

void
table_print(const struct table *table, FILE *out)
{
    size_t   widths[COLUMNS_MAX] = {0};
    size_t   before = 0;
    unsigned screen = print_width(out);

    for (size_t i = 0; i < table->n_columns; i++) {
        widths[i] = strlen(table->titles[i]);
        for (size_t r = 0; r < table->n_rows; r++) {
            size_t w = table->rows[r].cell[i] ? put_safe(NULL, table->rows[r].cell[i], false, 0) : 0;
            widths[i] = w > widths[i] ? w : widths[i];
        }
        before += i + 1 < table->n_columns ? widths[i] + 2 : 0;
    }
    size_t last = screen > before + 20 ? screen - before : 0;
    print_cells(table, out, NULL, widths, last);
    for (size_t r = 0; r < table->n_rows; r++) {
        print_cells(table, out, &table->rows[r], widths, last);
    }
}

void
table_free(struct table *table)
{
    if (!table) {
        return;
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            free(table->rows[r].cell[i]);
        }
    }
    free(table->rows);
    free(table);
}

const char *
print_str(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

/* A diff, line by line: what goes in red, what comes in green. */
static void
print_diff(FILE *out, const char *diff)
{
    while (*diff) {
        const char *end = strchrnul(diff, '\n');
        char       *line = strndup(diff, (size_t)(end - diff));
        if (!line) {
            return;
        }
        (void)fputs("      ", out);
        print_colored(out, *line == '+' ? PRINT_GREEN : *line == '-' ? PRINT_RED : PRINT_PLAIN, line);
        (void)fputc('\n', out);
        free(line);
        diff = *end ? end + 1 : end;
    }
}

static void
print_details(FILE *out, const cJSON *details)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, details)
    {
        if (strcmp(item->string, "diff") == 0) {
            continue;
        }
        char *text = cJSON_IsString(item) ? strdup(item->valuestring) : ga_json_print(item);
        (void)fputs("      ", out);
        print_safe(out, item->string, false);
        (void)fputs(": ", out);
        print_safe(out, text ? text : "?", false);
        (void)fputc('\n', out);
        free(text);
    }
}

void
print_act(FILE *out, const cJSON *act)
{
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(act, "details");
    const char  *diff = print_str(details, "diff");
    const char  *note = print_str(act, "note");

    (void)fputs("  ", out);
    print_colored(out, PRINT_BOLD, print_str(act, "verb"));
    (void)fputs("  ", out);
    print_safe(out, print_str(act, "object"), false);
    if (*note) {
        (void)fputs("  (", out);
        print_safe(out, note, false);
        (void)fputc(')', out);
    }
    (void)fputc('\n', out);
    if (*diff) {
        print_diff(out, diff);
    } else if (cJSON_IsObject(details)) {
        print_details(out, details);
    }
}

int
print_parse_iso(const char *text, int64_t *ret_ns)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm   tm = {0};
        const char *rest = strptime(text, forms[i], &tm);
        int64_t     fraction = 0;
        if (!rest) {
            continue;
        }
        if (i < 2 && *rest == '.') {
            int64_t unit = NS_PER_S / 10;
            for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) {
                fraction += (*rest - '0') * unit;
            }
        }
        if (*rest == 'Z' && i < 4) {
            rest++;
        }
        int    day = tm.tm_mday;
        time_t seconds = *rest ? -1 : timegm(&tm);
        if (seconds < 0 || tm.tm_mday != day || tm.tm_year > 400) {
            continue; /* February 30th, or a rest that means nothing */
        }
        *ret_ns = (int64_t)seconds * NS_PER_S + fraction;
        return 0;
    }
    return -EINVAL;
}

char *
print_ago(const char *iso, int64_t now_ns, char *buf, size_t len)
{
    int64_t at;

    if (!iso || !*iso || print_parse_iso(iso, &at) != 0) {
        (void)snprintf(buf, len, "-");
        return buf;
    }
    int64_t s = (at - now_ns) / NS_PER_S;
    int64_t distance = s < 0 ? -s : s;
    char    text[32];
    if (distance < 100) {
        (void)snprintf(text, sizeof(text), "%d s", (int)distance);
    } else if (distance < 6000) {
        (void)snprintf(text, sizeof(text), "%d min", (int)(distance / 60));
    } else if (distance < 48 * 3600) {
        (void)snprintf(text, sizeof(text), "%d h", (int)(distance / 3600));
    } else {
        (void)snprintf(text, sizeof(text), "%lld d", (long long)(distance / 86400));
    }
    (void)snprintf(buf, len, distance == 0 ? "now" : s < 0 ? "%s ago" : "in %s", text);
    return buf;
}

void
print_json(FILE *out, const cJSON *json)
{
    char *text = ga_json_print(json);

    (void)fprintf(out, "%s\n", text ? text : "null");
    free(text);
}

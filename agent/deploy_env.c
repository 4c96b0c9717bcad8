/* deploy_env.c: values of a config.env. It is read, never executed: nothing in it is expanded or run. */
#include "agent/deploy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Passes what stands before NAME in "  export NAME=VALUE". */
static const char *
skip_export(const char *line)
{
    while (*line == ' ' || *line == '\t')
        line++;
    if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
        for (line += 6; *line == ' ' || *line == '\t'; line++)
            ;
    return line;
}

/* What a shell would make of the word at `at`, up to a blank, `;` or the line's end. NULL: it would need more lines. */
static char *
word_at(const char *at)
{
    char  *value = malloc(strcspn(at, "\n") + 1);
    size_t used = 0;
    char   quote = '\0';

    for (; value && *at && *at != '\n'; at++) {
        if (quote == '\0' && (isspace((unsigned char)*at) || *at == ';'))
            break;
        if (*at == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (*at == '\\' && quote != '\'' && (quote == '\0' || strchr("\"\\$`", at[1]))) {
            if (at[1] == '\0' || at[1] == '\n' || at[1] == '\r')
                quote = '"'; /* goes on in the next line */
            else
                value[used++] = *++at;
        } else {
            value[used++] = *at;
        }
    }
    if (value && quote != '\0') {
        free(value);
        return NULL;
    }
    if (value)
        value[used] = '\0';
    return value;
}

char *
deploy_env(const char *text, const char *name)
{
    char  *found = NULL;
    size_t len = strlen(name);

    while (*text) {
        const char *line = skip_export(text);

        if (strncmp(line, name, len) == 0 && line[len] == '=') {
            free(found);
            found = word_at(line + len + 1);
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return found;
}

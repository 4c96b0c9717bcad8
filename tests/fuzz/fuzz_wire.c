/*
 * fuzz_wire.c: bytes from a runner that is not to be trusted. What is taken for a document must come through printing
 * and parsing unchanged; text that was repaired must be valid.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "agent/wire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *
through(const char *text, size_t len)
{
    cJSON *doc = wire_parse(text, len);
    char  *printed = doc ? cJSON_PrintUnformatted(doc) : NULL;

    if (doc && !printed)
        abort();
    cJSON_Delete(doc);
    return printed;
}

static void
check_parse(const char *text, size_t len)
{
    char *once = through(text, len);
    char *twice;

    if (!once)
        return;
    if (!wire_text_valid(once, strlen(once)))
        abort();
    twice = through(once, strlen(once));
    if (!twice || strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
}

static void
check_repair(const char *text, size_t len)
{
    char *copy = strndup(text, len);
    int   valid = copy ? wire_text_valid(copy, strlen(copy)) : 0;

    if (!copy)
        return;
    wire_text_repair(copy);
    if (!wire_text_valid(copy, strlen(copy)) || (valid && strncmp(copy, text, strlen(copy)) != 0))
        abort();
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_parse((const char *)data, len);
    check_repair((const char *)data, len);
    return 0;
}

#include "tests/fuzz/replay.h"

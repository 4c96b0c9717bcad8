/*
 * fuzz_gov_state.c: any text as one of the documents of the plugin governance: what was told, and whose votes were
 * whose. What is read is written and read again as the same; what is of no use remembers nothing.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "plugins/governance/memory.h"
#include "plugins/governance/news.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_told(const char *text, size_t len)
{
    static struct gov_tolds first;
    static struct gov_tolds again;
    char                   *written;

    gov_tolds_read(text, len, &first);
    if (!first.any && first.n > 0)
        abort();
    for (size_t i = 0; i < first.n; i++)
        if (first.list[i].reminded < 0 || first.list[i].reminded > GOV_STEPS_MAX ||
            gov_told_of(&first, first.list[i].id) != &first.list[i])
            abort();
    written = gov_tolds_write(&first);
    if (!written)
        abort();
    gov_tolds_read(written, strlen(written), &again);
    if (again.n != first.n || memcmp(again.list, first.list, first.n * sizeof(*first.list)) != 0)
        abort();
    free(written);
}

static void
check_memory(const char *text, size_t len)
{
    static struct gov_memory first;
    static struct gov_memory again;
    char                    *written;

    if (gov_memory_read(text, len, &first) < 0) {
        if (first.n > 0)
            abort(); /* half of it would be worse than nothing */
        return;
    }
    written = gov_memory_write(&first);
    if (!written || gov_memory_read(written, strlen(written), &again) < 0 || again.n != first.n)
        abort();
    for (size_t i = 0; i < first.n; i++)
        if (again.list[i].id != first.list[i].id || again.list[i].by_policy != first.list[i].by_policy ||
            strcmp(again.list[i].vote, first.list[i].vote) != 0)
            abort();
    free(written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > INPUT_MAX)
        return 0;
    check_told((const char *)data, len);
    check_memory((const char *)data, len);
    return 0;
}

#include "tests/fuzz/replay.h"

/*
 * fuzz_watch.c: any text as the chain's answer about its epoch and its upgrade, and as the document of what was told.
 * An epoch is known whole or not at all; its boundaries are in order; what was told is of use or nothing.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_epoch(const struct cw_epoch *epoch)
{
    struct cw_boundary all[CW_BOUNDARIES];
    struct cw_boundary next;
    const size_t       n = cw_boundaries(epoch, all);

    for (size_t i = 1; i < n; i++)
        if (all[i - 1].height > all[i].height)
            abort();
    for (size_t i = 0; i < n; i++)
        if (!cw_phase(epoch, all[i].height)[0])
            abort();
    if (cw_next_boundary(epoch, epoch->start, &next) == 0 && next.height <= epoch->start)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char            why[256] = "";
    cJSON          *json = ga_json_parse((const char *)data, len, why, sizeof(why));
    struct cw_epoch epoch;
    struct cw_plan  plan;
    struct cw_told  told;
    char           *text;

    why[0] = 0;
    if (json && cw_epoch_read(json, &epoch, why, sizeof(why)) < 0) {
        if (!why[0] || epoch.index != -1)
            abort();
    } else if (json) {
        if (epoch.index < 0 || epoch.length <= 0)
            abort();
        check_epoch(&epoch);
    }
    why[0] = 0;
    if (json && (cw_plan_read(json, &plan, why, sizeof(why)) < 0) != (why[0] != 0))
        abort();
    if (json && (plan.known ? (plan.height > 0) != (plan.name[0] != 0) || plan.height < 0 : plan.height != 0))
        abort();
    cJSON_Delete(json);
    cw_told_read((const char *)data, len, &told);
    text = cw_told_write(&told);
    if (!text || (told.any && told.state == CW_UNKNOWN))
        abort();
    free(text);
    return 0;
}

#include "tests/fuzz/replay.h"

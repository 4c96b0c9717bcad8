/* progress.c: whether nonces go on being computed. */
#include "plugins/poc-worker/progress.h"

void
poc_progress_begin(struct poc_progress *progress, int64_t now_ms)
{
    progress->moved_ms = now_ms;
    progress->was_told = 0;
}

void
poc_progress_take(struct poc_progress *progress, double computed, int64_t now_ms)
{
    if (computed > progress->computed)
        poc_progress_begin(progress, now_ms);
    progress->computed = computed;
}

int
poc_progress_has_stalled(struct poc_progress *progress, int64_t now_ms)
{
    if (progress->was_told || now_ms - progress->moved_ms < POC_STALL_MS)
        return 0;
    progress->was_told = 1;
    return 1;
}

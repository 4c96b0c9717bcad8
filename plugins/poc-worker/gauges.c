/* gauges.c: figures of `serve`. */
#include "plugins/poc-worker/gauges.h"

#include "plugins/poc-worker/lane.h"

#include "kit/json.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A figure of a message, and its name in `status`. */
struct figure {
    const char *key;
    const char *metric;
};

static void
show(struct ga_run *run, const struct ga_host *host, const cJSON *message, const struct figure *figures, size_t n)
{
    double value;

    for (size_t i = 0; i < n; i++)
        if (ga_json_double(message, figures[i].key, &value) == 0)
            host->metric(run, figures[i].metric, value);
}

void
poc_gauges_of_rate(struct ga_run *run, const struct ga_host *host, const cJSON *message)
{
    static const struct figure figures[] = {{"nonces_per_second", "nonces_per_second"},
                                            {"valid_per_second", "proofs_per_second"},
                                            {"valid", "proofs"},
                                            {"waited_share", "waited_share"},
                                            {"checked", "results_checked"}};

    show(run, host, message, figures, sizeof(figures) / sizeof(*figures));
}

void
poc_gauges_of_letters(struct ga_run *run, const struct ga_host *host, const cJSON *message)
{
    static const struct figure figures[] = {{"waiting", "batches_waiting"},
                                            {"refused", "batches_refused"},
                                            {"to_validate", "batches_to_validate"},
                                            {"sent", "batches_sent"}};

    show(run, host, message, figures, sizeof(figures) / sizeof(*figures));
}

void
poc_gauge_of_device(struct ga_run *run, const struct ga_host *host, int device, int works)
{
    char name[64];

    if (device == POC_PLAIN)
        (void)snprintf(name, sizeof(name), "plain_works");
    else
        (void)snprintf(name, sizeof(name), "device_%d_works", device);
    host->metric(run, name, works);
}

/* --- temperature ---------------------------------------------------------------------------------------------------
 */

/* Thousandths of a degree. 0, or -1: the driver does not say now. */
static int
read_heat(const char *path, long *ret)
{
    char  line[32];
    char *end = line;
    FILE *file = fopen(path, "re");

    if (!file)
        return -1;
    if (fgets(line, sizeof(line), file)) {
        errno = 0;
        *ret = strtol(line, &end, 10);
    }
    (void)fclose(file);
    return end > line && (*end == '\n' || *end == 0) && errno == 0 ? 0 : -1;
}

unsigned
poc_gauges_of_heat(struct ga_run *run, const struct ga_host *host, const char *root)
{
    char     pattern[512];
    glob_t   found = {0};
    unsigned shown = 0;

    (void)snprintf(pattern, sizeof(pattern), "%.400s/card[0-9]*/device/hwmon/hwmon*/temp1_input", root);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *number = found.gl_pathv[i] + strlen(root) + strlen("/card");
            size_t      digits = strspn(number, "0123456789");
            long        heat = 0;
            char        name[64];

            if (number[digits] != '/' || read_heat(found.gl_pathv[i], &heat) < 0)
                continue; /* card0-HDMI-A-1 is a plug */
            (void)snprintf(name, sizeof(name), "gpu_%.*s_celsius", (int)digits, number);
            host->metric(run, name, (double)heat / 1000);
            shown++;
        }
    globfree(&found);
    return shown;
}

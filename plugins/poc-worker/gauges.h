/* gauges.h: figures of `serve` for `gonka-agent status`. What could not be found out is left out, never 0. */
#ifndef POC_GAUGES_H
#define POC_GAUGES_H

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

/* What a "rate" of the session (device_N_celsius included) and "letters" of the front say. */
void poc_gauges_of_rate(struct ga_run *run, const struct ga_host *host, const cJSON *message);
void poc_gauges_of_letters(struct ga_run *run, const struct ga_host *host, const cJSON *message);

/* device_N_works: 1 it is at work or ready for it, 0 it was taken out. */
void poc_gauge_of_device(struct ga_run *run, const struct ga_host *host, int device, int works);

#endif

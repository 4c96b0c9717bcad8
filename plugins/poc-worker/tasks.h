/* tasks.h: the tasks, and what they share. */
#ifndef POC_TASKS_H
#define POC_TASKS_H

#include "plugins/poc-worker/crew.h"
#include "plugins/poc-worker/spec.h"

#include <cjson/cJSON.h>
#include <gonka-agent/plugin.h>

int devices_task(struct ga_run *run, const struct ga_host *host);
int distances_task(struct ga_run *run, const struct ga_host *host);
int verify_task(struct ga_run *run, const struct ga_host *host);
int bench_task(struct ga_run *run, const struct ga_host *host);
int serve_task(struct ga_run *run, const struct ga_host *host);
int rehearse_task(struct ga_run *run, const struct ga_host *host);
int unpause_task(struct ga_run *run, const struct ga_host *host);

/* What a computation by hand needs: devices, model, pool, crew. */
struct bout {
    struct ga_run        *run;
    const struct ga_host *host;
    struct poc_params     params;
    const char           *block_hash;
    const char           *public_key;
    uint16_t             *pool;
    uint64_t              pool_numbers;
    double                pool_seconds;
    double                pool_processor; /* seconds of processors' time in it, of all threads */
    struct poc_chosen     chosen;
    struct poc_crew       crew;
};

/* Reads the arguments params, device, path, at_once and tune, makes the pool and starts the crew. Texts are borrowed.
 * GA_OK, or an outcome with its summary said. */
int  bout_begin(struct bout *bout, struct ga_run *run, const struct ga_host *host, const char *block_hash,
                const char *public_key, int measure);
void bout_end(struct bout *bout);

/* Are there the devices that the argument device names? GA_OK, or an outcome with its summary said. */
int bout_check(struct ga_run *run, const struct ga_host *host);

/* Computes the distances of n nonces to ret. GA_OK, or an outcome with its summary said. */
int bout_compute(struct bout *bout, const int64_t *nonces, size_t n, double *ret);

/* What the drivers report, asked in a process of its own. 0, or -1 with a sentence. */
struct bout_found {
    int                    n;
    struct poc_device_info infos[POC_DEVICES_MAX];
};
int bout_find(struct bout_found *ret, char *reterr, size_t reterr_len);

/* Folder of compiled programs and tuning; NULL where the plugin has none. Static text. */
const char *bout_cache_dir(void);

/* "NVIDIA H200 (cpu)", the devices at work, for reports. Returns buf. */
char *bout_devices(const struct bout *bout, char *buf, size_t len);

#endif

/*
 * fake_nvml.c: a stand-in of NVIDIA's library of management, for test_poc_heat. The environment says what it knows:
 *
 *   FAKE_NVML_CARDS   "00000000:65:00.0=61 ...": its cards, and how hot they are
 *   FAKE_NVML_FAILS   the function that fails
 *   FAKE_NVML_LOG     a file that gets a line for each call
 */
#include <gonka-agent/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* nvmlReturn_t */
#define SUCCESS 0
#define UNINITIALIZED 1
#define INVALID_ARGUMENT 2
#define NOT_FOUND 6
#define UNKNOWN 999

GA_EXPORT int nvmlInit_v2(void);
GA_EXPORT int nvmlShutdown(void);
GA_EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, void **ret);
GA_EXPORT int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *ret);

static int  users;
static char asked[64]; /* the card that its handle stands for */

/* Notes the call. What it must answer. */
static int
called(const char *function)
{
    const char *log = getenv("FAKE_NVML_LOG");
    const char *fails = getenv("FAKE_NVML_FAILS");
    FILE       *file = log ? fopen(log, "ae") : NULL;

    if (file) {
        (void)fprintf(file, "%s\n", function);
        (void)fclose(file);
    }
    return fails && strcmp(fails, function) == 0 ? UNKNOWN : SUCCESS;
}

/* What follows "=" of this card; NULL: it is not there. */
static const char *
heat_of(const char *bus_id)
{
    const char *cards = getenv("FAKE_NVML_CARDS");
    const char *found = cards ? strstr(cards, bus_id) : NULL;

    return found && found[strlen(bus_id)] == '=' ? found + strlen(bus_id) + 1 : NULL;
}

int
nvmlInit_v2(void)
{
    int r = called(__func__);

    users += r == SUCCESS;
    return r;
}

int
nvmlShutdown(void)
{
    int r = called(__func__);

    if (users == 0)
        return UNINITIALIZED;
    users--;
    return r;
}

int
nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, void **ret)
{
    int r = called(__func__);

    if (users == 0)
        return UNINITIALIZED;
    if (!heat_of(bus_id))
        return NOT_FOUND;
    (void)snprintf(asked, sizeof(asked), "%s", bus_id);
    *ret = asked;
    return r;
}

int
nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *ret)
{
    int         r = called(__func__);
    const char *heat = heat_of(asked);

    if (users == 0)
        return UNINITIALIZED;
    if (device != asked || sensor != 0)
        return INVALID_ARGUMENT;
    if (!heat)
        return NOT_FOUND;
    if (r == SUCCESS)
        *ret = (unsigned)strtoul(heat, NULL, 10);
    return r;
}

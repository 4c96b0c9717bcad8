/* watching.c: capabilities of the calling thread, by the kernel's own interface. */
#include "agent/watching.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif

static const unsigned watching[] = {CAP_SYS_ADMIN, CAP_PERFMON, CAP_SYS_PTRACE};

int
watching_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct   data[_LINUX_CAPABILITY_U32S_3];

    for (size_t i = 0; i < sizeof(watching) / sizeof(*watching); i++)
        if (prctl(PR_CAPBSET_READ, watching[i], 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, watching[i], 0, 0, 0) < 0 &&
            errno != EPERM) /* who may not drop it cannot gain it: no_new_privs */
            return -errno;
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(watching) / sizeof(*watching); i++) {
        const uint32_t bit = UINT32_C(1) << watching[i] % 32;

        data[watching[i] / 32].effective &= ~bit;
        data[watching[i] / 32].permitted &= ~bit;
        data[watching[i] / 32].inheritable &= ~bit;
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

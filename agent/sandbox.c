/* sandbox.c: what the process of a run may touch. */
#include "agent/sandbox.h"

#include "agent/watching.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMES_PORT 53 /* answers that do not fit into UDP come over TCP */
#define SCRIPT_DEPTH 3

/* The kernel's interface, as of ABI 7: the headers of Debian 12 end at ABI 2. There is no wrapper in any libc. */
#define LL_VERSION 1u
#define LL_PATH_BENEATH 1
#define LL_NET_PORT 2
#define LL_EXECUTE (1ULL << 0)
#define LL_WRITE_FILE (1ULL << 1)
#define LL_READ_FILE (1ULL << 2)
#define LL_READ_DIR (1ULL << 3)
#define LL_REMOVE_DIR (1ULL << 4)
#define LL_REMOVE_FILE (1ULL << 5)
#define LL_MAKE_DIR (1ULL << 7)
#define LL_MAKE_REG (1ULL << 8)
#define LL_MAKE_SOCK (1ULL << 9)
#define LL_MAKE_FIFO (1ULL << 10)
#define LL_MAKE_SYM (1ULL << 12)
#define LL_REFER (1ULL << 13)
#define LL_TRUNCATE (1ULL << 14)
#define LL_IOCTL_DEV (1ULL << 15)
#define LL_FS_ABI_1 ((1ULL << 13) - 1)
#define LL_BIND_TCP (1ULL << 0)
#define LL_CONNECT_TCP (1ULL << 1)
#define LL_SCOPES 3ULL /* abstract sockets and signals stay inside */
#define LL_FOR_FILES (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV)

struct ruleset_attr {
    uint64_t fs;
    uint64_t net;    /* ABI 4 */
    uint64_t scoped; /* ABI 6 */
};

struct path_attr {
    uint64_t access;
    int32_t  fd;
} __attribute__((packed));

struct port_attr {
    uint64_t access;
    uint64_t port;
};

#define READ (LL_READ_FILE | LL_READ_DIR)
#define WRITE                                                                                                  \
    (LL_WRITE_FILE | LL_TRUNCATE | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG | LL_MAKE_SOCK | \
     LL_MAKE_FIFO | LL_MAKE_SYM | LL_REFER)
#define DEVICE (READ | LL_WRITE_FILE | LL_IOCTL_DEV)

struct system_path {
    const char *path; /* a glob pattern where it has a '*' */
    uint64_t    access;
    const char *why;
};

/* What every process needs. Nothing here is secret on an ordinary system, and nothing can be changed. */
static const struct system_path system_paths[] = {
    {"/usr/lib", READ, "libraries"},
    {"/usr/lib32", READ, "libraries"},
    {"/usr/lib64", READ, "libraries"},
    {"/usr/local/lib", READ, "libraries"},
    {"/lib", READ, "libraries"},
    {"/lib64", READ, "libraries, the loader"},
    {"/usr/share", READ, "time zones, locales, certificates, data of libraries"},
    {"/usr/local/share/ca-certificates", READ, "certificates of the site"},
    {"/etc/ld.so.cache", READ, "where libraries are"},
    {"/etc/ssl", READ, "certificates, OpenSSL's settings"},
    {"/etc/ca-certificates", READ, "certificates"},
    {"/etc/pki", READ, "certificates where the system is not Debian's"},
    {"/etc/resolv.conf", READ, "names of hosts"},
    {"/run/systemd/resolve", READ, "names of hosts: resolv.conf leads here"},
    {"/etc/hosts", READ, "names of hosts"},
    {"/etc/host.conf", READ, "names of hosts"},
    {"/etc/nsswitch.conf", READ, "names of hosts and users"},
    {"/etc/gai.conf", READ, "order of addresses"},
    {"/etc/services", READ, "names of ports"},
    {"/etc/protocols", READ, "names of protocols"},
    {"/etc/passwd", READ, "names of users"},
    {"/etc/group", READ, "names of groups"},
    {"/etc/localtime", READ, "time zone"},
    {"/etc/timezone", READ, "time zone"},
    {"/proc/self", READ, "the process itself"},
    {"/proc/meminfo", READ, "sizing of libraries"},
    {"/proc/cpuinfo", READ, "sizing of libraries"},
    {"/proc/stat", READ, "sizing of libraries"},
    {"/proc/loadavg", READ, "sizing of libraries"},
    {"/proc/uptime", READ, "time since boot"},
    {"/proc/version", READ, "the kernel's version"},
    {"/proc/filesystems", READ, "kinds of file systems"},
    {"/proc/sys/kernel", READ, "limits of the kernel"},
    {"/proc/sys/vm", READ, "limits of the kernel"},
    {"/proc/sys/net/core", READ, "limits of the kernel"},
    {"/sys/devices/system/cpu", READ, "how many processors"},
    {"/sys/fs/cgroup", READ, "limits of the container"},
    {"/dev/null", LL_READ_FILE | LL_WRITE_FILE | LL_TRUNCATE, "nothing"},
    {"/dev/zero", LL_READ_FILE, "memory"},
    {"/dev/random", LL_READ_FILE, "random numbers"},
    {"/dev/urandom", LL_READ_FILE, "random numbers"},
};

/* execve() opens the program and its loader for execution. */
static const struct system_path loaders[] = {
    {"/lib64/ld-linux-x86-64.so.2", LL_EXECUTE | LL_READ_FILE, "loader of programs"},
    {"/lib/ld-linux-aarch64.so.1", LL_EXECUTE | LL_READ_FILE, "loader of programs"},
    {"/lib/ld-musl-*", LL_EXECUTE | LL_READ_FILE, "loader of programs"},
};

/* `allow: [gpu]`. Caches of compiled kernels go to the plugin's own folder: see gpu_caches(). */
static const struct system_path gpu_paths[] = {
    {"/dev/dri", DEVICE, "graphics devices"},
    {"/dev/nvidia*", DEVICE, "NVIDIA devices"},
    {"/dev/kfd", DEVICE, "AMD compute"},
    {"/dev/shm", READ | WRITE, "memory shared between a driver's processes"},
    /* of whatever process of the run the driver is in; memory and environment of others stay closed: Landlock also
     * forbids to trace them, and see watching_drop() */
    {"/proc", READ, "what drivers ask about their process, their device files and modules"},
    {"/sys", READ, "what devices there are"},
    {"/etc/OpenCL", READ, "installable drivers"},
    {"/opt/rocm*", READ, "AMD's libraries"},
    {"/usr/local/cuda*", READ, "NVIDIA's libraries"},
    {"/usr/local/nvidia*", READ, "NVIDIA's libraries"},
    {"/usr/bin/ld", LL_EXECUTE | LL_READ_FILE, "the linker, which compilers of kernels for processors run"},
};

/* One sandbox under construction. */
struct sandbox {
    int      fd; /* the ruleset */
    int      abi;
    uint64_t fs; /* what is handled */
    uint64_t net;
    unsigned n_paths; /* rules of the job in force */
    unsigned n_skipped;
    char     skipped[160]; /* the first of them, with the reason */
    char     ports[128];
};

int
sandbox_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LL_VERSION);

    if (abi >= 0)
        return (int)abi;
    return errno == EOPNOTSUPP ? -EOPNOTSUPP : 0;
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
append(char *text, size_t size, const char *format, ...)
{
    size_t  len = strlen(text);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

/* --- files ---------------------------------------------------------------------------------------------------------
 */

static int
allow_fd(const struct sandbox *sandbox, int fd, uint64_t access)
{
    struct path_attr attr = {.fd = fd};
    struct stat      st;

    if (fstat(fd, &st) < 0)
        return -errno;
    attr.access = access & sandbox->fs & (S_ISDIR(st.st_mode) ? ~0ULL : LL_FOR_FILES);
    if (attr.access == 0 || syscall(SYS_landlock_add_rule, sandbox->fd, LL_PATH_BENEATH, &attr, 0u) == 0)
        return 0;
    return -errno;
}

static int
allow_path(const struct sandbox *sandbox, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = allow_fd(sandbox, fd, access);
    (void)close(fd);
    return r;
}

/* What is not there needs no rule. */
static void
allow_table(const struct sandbox *sandbox, const struct system_path *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        glob_t found;

        if (!strchr(table[i].path, '*')) {
            (void)allow_path(sandbox, table[i].path, table[i].access);
            continue;
        }
        if (glob(table[i].path, GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t k = 0; k < found.gl_pathc; k++)
            (void)allow_path(sandbox, found.gl_pathv[k], table[i].access);
        globfree(&found);
    }
}

/* The word at *at, cut off; NULL when there is none. */
static char *
next_word(char **at)
{
    char *word = *at + strspn(*at, " \t");
    char *end = word + strcspn(word, " \t\n");

    if (end == word)
        return NULL;
    *at = *end && *end != '\n' ? end + 1 : end;
    *end = '\0';
    return word;
}

/* A script needs the program that reads it; `#!/usr/bin/env name` needs two. */
static void
allow_interpreter(const struct sandbox *sandbox, const char *path, unsigned depth)
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
    char                     line[256] = "";
    char                    *at = line + 2;
    char                    *program;
    const char              *name;
    struct stat              st;
    int                      fd = depth ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ssize_t                  n = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, line, 255) : -1;

    if (fd >= 0)
        (void)close(fd);
    if (n < 4 || line[0] != '#' || line[1] != '!' || !(program = next_word(&at)))
        return;
    (void)allow_path(sandbox, program, LL_EXECUTE | LL_READ_FILE);
    allow_interpreter(sandbox, program, depth - 1);
    name = strrchr(program, '/');
    if (!name || strcmp(name, "/env") != 0 || !(name = next_word(&at)) || strchr(name, '/'))
        return;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        char found[512];

        (void)snprintf(found, sizeof(found), "%s/%s", folders[i], name);
        if (allow_path(sandbox, found, LL_EXECUTE | LL_READ_FILE) == 0) {
            allow_interpreter(sandbox, found, depth - 1);
            return;
        }
    }
}

/* Access of the letters, 0 when one is unknown. */
static uint64_t
access_of(const char *letters)
{
    uint64_t access = 0;

    for (; *letters; letters++) {
        switch (*letters) {
        case 'r':
            access |= READ;
            break;
        case 'w':
            access |= WRITE;
            break;
        case 'x':
            access |= LL_EXECUTE | READ;
            break;
        case 's': /* connecting is not confined; some kernels may look at the file's own rights */
            access |= LL_READ_FILE | LL_WRITE_FILE;
            break;
        default:
            return 0;
        }
    }
    return access;
}

static const char *
text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void
skip(struct sandbox *sandbox, const char *path, int error)
{
    if (sandbox->n_skipped++ == 0)
        (void)snprintf(sandbox->skipped, sizeof(sandbox->skipped), "'%.100s' (%s)", path, strerrordesc_np(error));
}

static int
allow_job_paths(struct sandbox *sandbox, const cJSON *rules, char *reterr, size_t len)
{
    const cJSON *rule;
    int          executes = 0;

    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(rules, "paths"))
    {
        const char *path = text_of(rule, "path");
        const char *letters = text_of(rule, "access");
        uint64_t    access = letters ? access_of(letters) : 0;
        int         r;

        if (!path || path[0] != '/' || access == 0) {
            (void)snprintf(reterr, len, "'%.200s' with access '%.10s' is no rule for a path", path ? path : "",
                           letters ? letters : "");
            return -EINVAL;
        }
        r = allow_path(sandbox, path, access);
        if (r < 0) {
            skip(sandbox, path, -r);
            continue;
        }
        sandbox->n_paths++;
        if (access & LL_EXECUTE) {
            executes = 1;
            allow_interpreter(sandbox, path, SCRIPT_DEPTH);
        }
    }
    if (executes)
        allow_table(sandbox, loaders, sizeof(loaders) / sizeof(*loaders));
    return 0;
}

/* Drivers write what they compiled to the home folder, which is closed. */
static void
gpu_caches(const char *state_dir)
{
    static const char *const variables[] = {"XDG_CACHE_HOME", "CUDA_CACHE_PATH", "POCL_CACHE_DIR",
                                            "MESA_SHADER_CACHE_DIR", "TMPDIR"};
    char                     path[4096];

    if (!state_dir)
        return;
    (void)snprintf(path, sizeof(path), "%s/cache", state_dir);
    (void)mkdir(path, 0700); /* without it drivers go without a cache */
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
        (void)setenv(variables[i], path, 1);
}

/* --- ports ---------------------------------------------------------------------------------------------------------
 */

static int
parse_port(const char *text, uint64_t *ret)
{
    char         *end;
    unsigned long port;

    if (!text || !isdigit((unsigned char)text[0]))
        return -EINVAL;
    port = strtoul(text, &end, 10);
    if (*end || port == 0 || port > 65535)
        return -EINVAL;
    *ret = port;
    return 0;
}

static int
allow_port(const struct sandbox *sandbox, uint64_t port, uint64_t access)
{
    struct port_attr attr = {.access = access & sandbox->net, .port = port};

    if (attr.access == 0 || syscall(SYS_landlock_add_rule, sandbox->fd, LL_NET_PORT, &attr, 0u) == 0)
        return 0;
    return -errno;
}

static int
allow_ports(struct sandbox *sandbox, const cJSON *rules, const char *key, uint64_t access, char *reterr, size_t len)
{
    const cJSON *ports = cJSON_GetObjectItemCaseSensitive(rules, key);
    const cJSON *item;
    const char  *separator = access == LL_BIND_TCP ? " listening on " : " ";

    cJSON_ArrayForEach(item, ports)
    {
        const char *text = cJSON_GetStringValue(item);
        uint64_t    port = 0;
        int         r = parse_port(text, &port);

        if (r == 0)
            r = allow_port(sandbox, port, access);
        if (r < 0) {
            (void)snprintf(reterr, len, "'%.20s' is no rule for a port (%s)", text ? text : "", strerrordesc_np(-r));
            return r;
        }
        append(sandbox->ports, sizeof(sandbox->ports), "%s%s", separator, text);
        separator = " ";
    }
    if (access == LL_CONNECT_TCP && cJSON_GetArraySize(ports) > 0)
        return allow_port(sandbox, NAMES_PORT, access);
    return 0;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

static int
grants(const struct sandbox_request *request, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->rules, name));
}

static int
build(struct sandbox *sandbox, const struct sandbox_request *request, char *reterr, size_t len)
{
    int gpu = grants(request, "gpu");
    int r;

    allow_table(sandbox, system_paths, sizeof(system_paths) / sizeof(*system_paths));
    if (gpu) {
        allow_table(sandbox, gpu_paths, sizeof(gpu_paths) / sizeof(*gpu_paths));
        allow_table(sandbox, loaders, sizeof(loaders) / sizeof(*loaders));
    }
    if (request->plugin_fd >= 0) {
        r = allow_fd(sandbox, request->plugin_fd, LL_READ_FILE);
        if (r < 0) {
            (void)snprintf(reterr, len, "no rule can be made for the plugin's file: %s", strerrordesc_np(-r));
            return r;
        }
    }
    if (request->state_dir && (r = allow_path(sandbox, request->state_dir, READ | WRITE)) < 0)
        skip(sandbox, request->state_dir, -r);
    r = allow_job_paths(sandbox, request->rules, reterr, len);
    if (r == 0 && (sandbox->net & LL_CONNECT_TCP))
        r = allow_ports(sandbox, request->rules, "connect", LL_CONNECT_TCP, reterr, len);
    if (r == 0)
        r = allow_ports(sandbox, request->rules, "bind", LL_BIND_TCP, reterr, len);
    return r;
}

static void
say(const struct sandbox *sandbox, char *text, size_t len)
{
    (void)snprintf(text, len, "landlock abi %d: files%s%s, %u path%s", sandbox->abi,
                   sandbox->abi < 3 ? " (but truncation)" : "", sandbox->net ? " and tcp ports" : ", no tcp ports",
                   sandbox->n_paths, sandbox->n_paths == 1 ? "" : "s");
    if (sandbox->net && !(sandbox->net & LL_CONNECT_TCP))
        append(text, len, ", any port%s", sandbox->ports);
    else if (sandbox->net)
        append(text, len, "%s%s", sandbox->ports[0] ? ", ports" : ", no ports", sandbox->ports);
    if (sandbox->n_skipped)
        append(text, len, "; not there: %s", sandbox->skipped);
    if (sandbox->n_skipped > 1)
        append(text, len, " and %u more", sandbox->n_skipped - 1);
}

static int
enforce(const struct sandbox_request *request, int abi, char *text, size_t len)
{
    struct sandbox      sandbox = {.abi = abi, .fs = LL_FS_ABI_1};
    struct ruleset_attr attr = {.fs = 0};
    size_t              attr_size = abi >= 6 ? sizeof(attr) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    int                 r;

    sandbox.fs |= (abi >= 2 ? LL_REFER : 0) | (abi >= 3 ? LL_TRUNCATE : 0) | (abi >= 5 ? LL_IOCTL_DEV : 0);
    sandbox.net = abi >= 4 ? LL_BIND_TCP | (grants(request, "network") ? 0 : LL_CONNECT_TCP) : 0;
    attr.fs = sandbox.fs;
    attr.net = sandbox.net;
    attr.scoped = abi >= 6 ? LL_SCOPES : 0;
    sandbox.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size, 0u);
    if (sandbox.fd < 0) {
        r = -errno;
        (void)snprintf(text, len, "landlock abi %d: no rules can be made: %s", abi, strerrordesc_np(-r));
        return r;
    }
    (void)fcntl(sandbox.fd, F_SETFD, FD_CLOEXEC);
    r = build(&sandbox, request, text, len);
    if (r == 0 && syscall(SYS_landlock_restrict_self, sandbox.fd, 0u) < 0) {
        r = -errno;
        (void)snprintf(text, len, "landlock abi %d: the rules cannot be put in force: %s", abi, strerrordesc_np(-r));
    }
    (void)close(sandbox.fd);
    if (r == 0)
        say(&sandbox, text, len);
    return r;
}

int
sandbox_enter(const struct sandbox_request *request, int abi, char *rettext, size_t len)
{
    const char *mode = request->mode;
    int         required = strcmp(mode, "required") == 0;

    if (!required && strcmp(mode, "best-effort") != 0 && strcmp(mode, "off") != 0) {
        (void)snprintf(rettext, len, "'%.40s' is no mode of the sandbox", mode);
        return -EINVAL;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        int r = -errno;

        (void)snprintf(rettext, len, "privileges cannot be fixed (no_new_privs): %s", strerrordesc_np(-r));
        return r;
    }
    if (grants(request, "gpu")) {
        int r = watching_drop(); /* /proc is granted with it */

        if (r < 0) {
            (void)snprintf(rettext, len, "capabilities cannot be given up: %s", strerrordesc_np(-r));
            return r;
        }
        gpu_caches(request->state_dir);
    }
    if (strcmp(mode, "off") == 0) {
        (void)snprintf(rettext, len, "off: switched off in the manifest");
        return 0;
    }
    if (required && abi < SANDBOX_ABI_REQUIRED) {
        (void)snprintf(rettext, len,
                       "'sandbox: required' wants landlock abi %d (Linux 6.7: files and tcp ports), this kernel offers "
                       "%s: use a newer kernel, or 'sandbox: best-effort'",
                       SANDBOX_ABI_REQUIRED, abi <= 0 ? "none" : (const char[2]){(char)('0' + abi), '\0'});
        return -EOPNOTSUPP;
    }
    if (abi <= 0) {
        (void)snprintf(rettext, len, "none: %s",
                       abi < 0 ? "landlock is not switched on, add it to lsm= on the kernel's command line"
                               : "this kernel has no landlock");
        return 0;
    }
    return enforce(request, abi, rettext, len);
}

/* --- for people ----------------------------------------------------------------------------------------------------
 */

static void
describe_path(FILE *out, const char *path, const char *letters)
{
    char words[48] = "";

    append(words, sizeof(words), "%s%s%s%s", strchr(letters, 'r') ? "read " : "", strchr(letters, 'w') ? "write " : "",
           strchr(letters, 'x') ? "execute " : "", strchr(letters, 's') ? "connect " : "");
    (void)fprintf(out, "%-18s %s%s\n", words, path, access(path, F_OK) < 0 ? " (not there)" : "");
}

static void
describe_ports(FILE *out, const cJSON *rules, const char *key, const char *word)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(rules, key))
    {
        if (cJSON_IsString(item))
            (void)fprintf(out, "%-18s tcp port %s\n", word, item->valuestring);
    }
}

static void
describe_table(FILE *out, const char *title, const struct system_path *table, size_t n)
{
    (void)fprintf(out, "%-18s", title);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, " %s", table[i].path);
    (void)fputc('\n', out);
}

char *
sandbox_describe(const cJSON *rules, const char *state_dir)
{
    const cJSON *rule;
    char        *text = NULL;
    size_t       len = 0;
    FILE        *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    if (state_dir)
        describe_path(out, state_dir, "rw");
    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(rules, "paths"))
    {
        if (text_of(rule, "path") && text_of(rule, "access"))
            describe_path(out, text_of(rule, "path"), text_of(rule, "access"));
    }
    describe_ports(out, rules, "connect", "connect");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rules, "network")))
        (void)fputs("connect            any tcp port\n", out);
    describe_ports(out, rules, "bind", "listen");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rules, "gpu")))
        describe_table(out, "gpu", gpu_paths, sizeof(gpu_paths) / sizeof(*gpu_paths));
    describe_table(out, "system, read", system_paths, sizeof(system_paths) / sizeof(*system_paths));
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

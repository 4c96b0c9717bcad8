/* program.c: programs, compiled once for each device and driver. */
#include "plugins/poc-worker/device.h"

#include "kit/files.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BINARY_MAX ((size_t)64 << 20)
#define LOG_MAX 4096

int
poc_cache_path(const struct poc_device *device, const char *const *parts, unsigned n, const char *ending, char *ret,
               size_t len)
{
    const char *const of_device[] = {device->info.name, device->info.driver, device->info.platform};
    unsigned char     digest[EVP_MAX_MD_SIZE];
    char              hex[65];
    EVP_MD_CTX       *context = device->cache[0] ? EVP_MD_CTX_new() : NULL;
    int               ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < sizeof(of_device) / sizeof(*of_device); i++)
        ok = EVP_DigestUpdate(context, of_device[i], strlen(of_device[i]) + 1) == 1;
    for (unsigned i = 0; ok && i < n; i++)
        ok = EVP_DigestUpdate(context, parts[i], strlen(parts[i]) + 1) == 1;
    ok = ok && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!ok)
        return -1;
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    (void)snprintf(ret, len, "%s/%.40s.%s", device->cache, hex, ending);
    return 0;
}

/* The file of this program. 0, or -1: none is kept. */
static int
program_path(const struct poc_device *device, const char *const *sources, unsigned n, const char *options, char *ret,
             size_t len)
{
    const char *parts[8];

    if (n >= sizeof(parts) / sizeof(*parts))
        return -1;
    for (unsigned i = 0; i < n; i++)
        parts[i] = sources[i];
    parts[n] = options;
    return poc_cache_path(device, parts, n + 1, "program", ret, len);
}

static cl_program
from_cache(const struct poc_device *device, const char *path, const char *options)
{
    unsigned char       *binary = NULL;
    const unsigned char *bytes;
    size_t               len = 0;
    char                 why[256];
    cl_int               code = CL_SUCCESS;
    cl_int               status = CL_SUCCESS;
    cl_program           program;

    if (ga_file_read(path, BINARY_MAX, (char **)&binary, &len, why, sizeof(why)) < 0)
        return NULL;
    bytes = binary;
    program = clCreateProgramWithBinary(device->context, 1, &device->id, &len, &bytes, &status, &code);
    free(binary);
    if (code == CL_SUCCESS && status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device->id, options, NULL, NULL) == CL_SUCCESS)
        return program;
    if (program && code == CL_SUCCESS)
        (void)clReleaseProgram(program);
    (void)unlink(path);
    return NULL;
}

/* Free it; NULL: the driver gives none. */
static char *
binary_of(cl_program program, size_t *ret_len)
{
    char  *ret = NULL;
    size_t len = 0;

    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(len), &len, NULL) == CL_SUCCESS && len > 0 &&
        len <= BINARY_MAX)
        ret = calloc(1, len + 1);
    if (ret && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(ret), &ret, NULL) != CL_SUCCESS) {
        free(ret);
        ret = NULL;
    }
    *ret_len = ret ? len : 0;
    return ret;
}

/* What cannot be kept is compiled again next time: no reason to fail. */
static void
to_cache(cl_program program, const char *path)
{
    char   why[256];
    size_t len;
    char  *binary = binary_of(program, &len);

    if (binary)
        (void)ga_file_write(path, binary, len, 0600, why, sizeof(why));
    free(binary);
}

static void
explain(const struct poc_device *device, cl_program program, cl_int code, char *reterr, size_t reterr_len)
{
    char  *log = calloc(1, LOG_MAX + 1);
    size_t got = 0;

    if (log && program)
        (void)clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, LOG_MAX, log, &got);
    for (char *at = log; at && *at; at++)
        if (*at == '\n')
            *at = ' ';
    (void)snprintf(reterr, reterr_len, "the compiler of %s (%s) does not take the kernels: %s: %s", device->info.name,
                   device->info.driver, poc_cl_error(code), log && *log ? log : "it says no more");
    free(log);
}

/* --- instructions of sm_90a ------------------------------------------------------------------------------------------
 */

char *
poc_uncovered(const char *ptx, size_t len, size_t *ret_len)
{
    static const char target[] = ".target sm_90";
    char             *ret = calloc(1, len + 2);
    char             *at;
    size_t            head;

    if (!ret)
        return NULL;
    memcpy(ret, ptx, len);
    at = strstr(ret, target);
    if (!at || at[sizeof(target) - 1] == 'a') {
        free(ret);
        return NULL;
    }
    at += sizeof(target) - 1;
    head = (size_t)(at - ret);
    memmove(at + 1, at, strlen(at) + 1);
    *at = 'a';
    for (at = ret + head; (at = strstr(at, "//@")) != NULL;)
        memset(at, ' ', 3);
    *ret_len = strlen(ret);
    return ret;
}

/* The program again, from its own PTX, which ends. *retcode says whether it is whole; it may be NULL when not. */
static cl_program
uncover(const struct poc_device *device, cl_program program, const char *options, cl_int *retcode)
{
    size_t               len = 0;
    char                *ptx = binary_of(program, &len);
    char                *text = ptx ? poc_uncovered(ptx, len, &len) : NULL;
    const unsigned char *bytes = (const unsigned char *)text;
    cl_int               status = CL_SUCCESS;
    cl_program           ret = NULL;

    *retcode = CL_INVALID_BINARY;
    if (text) {
        ret = clCreateProgramWithBinary(device->context, 1, &device->id, &len, &bytes, &status, retcode);
        if (*retcode == CL_SUCCESS)
            *retcode = status != CL_SUCCESS ? status : clBuildProgram(ret, 1, &device->id, options, NULL, NULL);
    }
    (void)clReleaseProgram(program);
    free(text);
    free(ptx);
    return ret;
}

static int
is_covered(const char *const *sources, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strstr(sources[i], "//@{"))
            return 1;
    return 0;
}

cl_program
poc_program(const struct poc_device *device, const char *const *sources, unsigned n, const char *options,
            int *ret_compiled, char *reterr, size_t reterr_len)
{
    char       path[4200];
    const int  kept = program_path(device, sources, n, options, path, sizeof(path)) == 0;
    cl_program program = kept ? from_cache(device, path, options) : NULL;
    cl_int     code = CL_SUCCESS;
    /* The loader's signature lacks a const. */
    const char **texts = (const char **)(uintptr_t)sources;
    char quiet[512]; /* a compiler's warnings would go to the log of the operator, who can do nothing about them */

    (void)snprintf(quiet, sizeof(quiet), "%s -w", options);
    if (ret_compiled)
        *ret_compiled = program == NULL;
    if (program)
        return program;
    program = clCreateProgramWithSource(device->context, n, texts, NULL, &code);
    if (code == CL_SUCCESS)
        code = clBuildProgram(program, 1, &device->id, quiet, NULL, NULL);
    if (code == CL_SUCCESS && is_covered(sources, n))
        program = uncover(device, program, options, &code);
    if (code == CL_SUCCESS) {
        if (kept)
            to_cache(program, path);
        return program;
    }
    explain(device, program, code, reterr, reterr_len);
    if (program)
        (void)clReleaseProgram(program);
    return NULL;
}

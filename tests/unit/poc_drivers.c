/* poc_drivers.c: for tests that load OpenCL's drivers into their own process. PoCL now and then leaves behind what its
 * compiler made; that is C++, as nothing of ours is. */

const char *__lsan_default_suppressions(void); /* asked by LeakSanitizer */

const char *
__lsan_default_suppressions(void)
{
    return "leak:operator new\n";
}

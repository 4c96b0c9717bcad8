/* replay.h: the main program of a fuzzer that replays: reads each file it is given, once. Included last, by the fuzzer.
 */
#ifdef FUZZ_REPLAY
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLAY_MAX 65536 /* bytes of one input */

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE  *file = fopen(argv[i], "rb");
        char  *data = malloc(REPLAY_MAX);
        size_t len = file && data ? fread(data, 1, REPLAY_MAX, file) : 0;

        if (!file || !data) {
            (void)fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput((const uint8_t *)data, len);
        free(data);
    }
    (void)printf("%d inputs replayed\n", argc - 1);
    return argc > 1 ? 0 : 1;
}
#endif

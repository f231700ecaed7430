/*
 * replay - the fuzzers' corpora without libFuzzer: every file named on the command line
 * goes through the fuzz target once.  A finding shows as a crash or a failed assert.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
    static uint8_t data[4 << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    (void)fprintf(stderr, "%s\n", path);
    return LLVMFuzzerTestOneInput(data, size);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

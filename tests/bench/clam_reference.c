/*
 * clam_reference - libclamav in one process, nothing around it: the measure for
 * postshift-scan.
 *
 * clam_reference FOLDER COUNT FILE [PAUSE_US]: loads the signatures, scans FILE's octets
 * COUNT times from a memfd with the options postshift-scan uses, prints the CPU time of
 * the scans and the resident memory as JSON.
 */
#include <clamav.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 100 };

static double
cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int
memfd_of(const char *path)
{
    static char octets[64 << 20];
    FILE *file = fopen(path, "rb");
    int fd = memfd_create("reference", 0);
    size_t length;

    if (file == NULL || fd < 0)
        exit(EXIT_FAILURE);
    length = fread(octets, 1, sizeof(octets), file);
    fclose(file);
    if (write(fd, octets, length) != (ssize_t)length)
        exit(EXIT_FAILURE);
    return fd;
}

int
main(int argc, char **argv)
{
    struct cl_scan_options options = {
        .general = CL_SCAN_GENERAL_HEURISTICS | CL_SCAN_GENERAL_ALLMATCHES,
        .parse = ~0U,
        .heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
                     CL_SCAN_HEURISTIC_ENCRYPTED_DOC};
    struct cl_engine *engine;
    unsigned signatures = 0;
    const char *name;
    unsigned long scanned;
    double began = 0;
    int count;
    int fd;

    if (argc < 4 || cl_init(CL_INIT_DEFAULT) != CL_SUCCESS)
        return EXIT_FAILURE;
    count = atoi(argv[2]);
    engine = cl_engine_new();
    if (cl_load(argv[1], engine, &signatures, CL_DB_STDOPT) != CL_SUCCESS)
        return EXIT_FAILURE;
    cl_engine_set_num(engine, CL_ENGINE_DISABLE_CACHE, 1);
    if (cl_engine_compile(engine) != CL_SUCCESS)
        return EXIT_FAILURE;
    fd = memfd_of(argv[3]);
    for (int i = 0; i < WARM_UP + count; i++) {
        if (i == WARM_UP)
            began = cpu_seconds();
        if (argc > 4) /* as mail comes: whoever sleeps wakes to cold caches */
            usleep((useconds_t)atoi(argv[4]));
        if (cl_scandesc_callback(fd, NULL, &name, &scanned, engine, &options, NULL) !=
            CL_CLEAN)
            return EXIT_FAILURE;
    }
    printf("{\"cpu_us\": %.1f}\n", (cpu_seconds() - began) / count * 1e6);
    return EXIT_SUCCESS;
}

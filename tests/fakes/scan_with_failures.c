/*
 * scan_with_failures - scans messages with each single call of the scan failing in turn.
 *
 *     scan_with_failures DATABASES STEP MESSAGE...
 *
 * All files are infected mails.  Each is scanned once undisturbed, to find it and to
 * count its calls, then again for every STEP-th call, which fails, each in a process of
 * its own; every write once more cut short.  One line for each message:
 *
 *     FILE calls=N tried=N found=N failed=N died=N clean=N unnoticed=N
 *
 * `unnoticed` are those found all the same, after which the scanner thought itself sound.
 * Exit status 1 where one was called clean; its call is named.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milters/scan/scan_parts.h"
#include "shared/service/log.h"
#include "tests/fakes/failing_calls.h"

enum { FOUND = 10, FOUND_UNNOTICED, FAILED, DOUBTED, CLEAN, NOT_REACHED };

static const struct config_list nothing = {NULL, 0};

/* In a process of its own: how it ended. */
static int
scan_once(const struct clam_engine *engine, struct span message, unsigned long number,
    int cut, const char *folder)
{
    struct scan_result result;
    const char *failed;
    bool sound;

    char own[128];

    /* One that dies leaves its files behind: to each a folder. */
    (void)snprintf(own, sizeof(own), "%s/%lu.%d", folder, number, cut);
    if (mkdir(own, 0700) < 0 || chdir(own) < 0 ||
        freopen("/dev/null", "w", stderr) == NULL)
        _exit(1);
    failing_calls_start(number, cut);
    sound = scan_parts_run(engine, message, &nothing, &result);
    (void)failing_calls_end(&failed);
    if (result.status == SCAN_STATUS_INFECTED)
        return sound ? FOUND_UNNOTICED : FOUND;
    if (result.status >= SCAN_STATUS_FAILED)
        return FAILED;
    for (int i = 0; i < SCAN_DOUBTS; i++) {
        if (result.doubted[i])
            return DOUBTED;
    }
    (void)printf("CLEAN: call %lu%s: %s\n", number, cut ? " cut" : "",
        failed == NULL ? "none failed" : failed);
    (void)fflush(stdout);
    return CLEAN;
}

static int
try_one(const struct clam_engine *engine, struct span message, unsigned long number,
    int cut, const char *folder)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(scan_once(engine, message, number, cut, folder));
    if (child < 0 || waitpid(child, &status, 0) < 0)
        exit(1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static unsigned long
count_calls(const struct clam_engine *engine, struct span message, const char *file)
{
    struct scan_result result;
    const char *failed;
    unsigned long calls;

    failing_calls_start(0, 0);
    if (!scan_parts_run(engine, message, &nothing, &result) ||
        result.status != SCAN_STATUS_INFECTED) {
        (void)printf("%s: not found as it is: %s\n", file, result.problem);
        exit(1);
    }
    calls = failing_calls_end(&failed);
    return calls;
}

static bool
try_all(const struct clam_engine *engine, struct span message, const char *file,
    unsigned long step, const char *folder)
{
    unsigned long ends[NOT_REACHED + 1] = {0};
    unsigned long calls = count_calls(engine, message, file);
    unsigned long tried = 0;

    for (unsigned long number = 1 + calls % step; number <= calls; number += step) {
        for (int cut = 0; cut < 2; cut++, tried++) {
            int end = try_one(engine, message, number, cut, folder);

            ends[end >= FOUND && end < NOT_REACHED ? end : 0]++;
        }
    }
    (void)printf("%s calls=%lu tried=%lu found=%lu failed=%lu died=%lu clean=%lu "
                 "unnoticed=%lu doubted=%lu\n",
        file, calls, tried, ends[FOUND] + ends[FOUND_UNNOTICED], ends[FAILED], ends[0],
        ends[CLEAN], ends[FOUND_UNNOTICED], ends[DOUBTED]);
    (void)fflush(stdout);
    return ends[CLEAN] == 0 && ends[DOUBTED] == 0;
}

static int
remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static void
empty(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct span
map_file(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *memory;

    if (fd < 0 || fstat(fd, &status) < 0)
        exit(1);
    memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    return span_make(memory, (size_t)status.st_size);
}

int
main(int argc, char **argv)
{
    static const struct clam_limits limits = {
        200 << 20, 64 << 20, 5000, 12, 600 << 20, 60000};
    static const struct rlimit no_core = {0, 0};
    char folder[] = "/tmp/scan_with_failures.XXXXXX";
    struct clam_engine *engine;
    struct error error;
    bool good = true;

    if (argc < 4 || mkdtemp(folder) == NULL || chdir(folder) < 0)
        return 2;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    log_open("scan_with_failures", false, LOG_LEVEL_ERROR);
    engine = clam_engine_load(argv[1], &limits, &error);
    if (engine == NULL ||
        (clam_engine_preload(), !clam_engine_self_test(engine, &error))) {
        (void)printf("%s\n", error.text);
        return 1;
    }
    for (int i = 3; i < argc; i++) {
        char own[64];

        (void)snprintf(own, sizeof(own), "%s/%d", folder, i);
        if (mkdir(own, 0700) < 0)
            return 2;
        good &=
            try_all(engine, map_file(argv[i]), argv[i], strtoul(argv[2], NULL, 10), own);
        empty(own);
    }
    empty(folder);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

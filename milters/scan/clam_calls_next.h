/*
 * clam_calls_next - how a function under the name of one of libc's is written.  For the
 * files of clam_calls alone, which have taken out what headers put in front of it.
 */
#ifndef MILTERS_SCAN_CLAM_CALLS_NEXT_H
#define MILTERS_SCAN_CLAM_CALLS_NEXT_H

#include <dlfcn.h>
#include <string.h>

#include "milters/scan/clam_calls.h"

/* A call that has ended, errno as it left it. */
void clam_calls_note(const char *name, bool failed);

/* Whether there is room for so many octets more; else errno says so. */
bool clam_calls_may_write(size_t size);

bool clam_calls_are_watched(void);

/*
 * NEXT finds the function that would have been called without us.  The lookup itself
 * takes no memory; done once each.
 */
#define NEXT(result, name, ...)                                                          \
    static result (*next)(__VA_ARGS__);                                                  \
    if (next == NULL) {                                                                  \
        void *found = dlsym(RTLD_NEXT, #name);                                           \
        memcpy(&next, &found, sizeof(next));                                             \
    }

/* A function that says by `failed`, of what it gave (`got`), that it failed. */
#define WATCH(result, name, parameters, arguments, failed)                               \
    result name parameters                                                               \
    {                                                                                    \
        result got;                                                                      \
        NEXT(result, name, TYPES parameters)                                             \
        got = next arguments;                                                            \
        clam_calls_note(#name, failed);                                                  \
        return got;                                                                      \
    }
#define TYPES(...) __VA_ARGS__

/* One whose failure depends on what is at a path. */
#define WATCH_PATH(result, name, parameters, arguments, path, failed)                    \
    result name parameters                                                               \
    {                                                                                    \
        result got;                                                                      \
        NEXT(result, name, TYPES parameters)                                             \
        got = next arguments;                                                            \
        note_path(#name, path, failed);                                                  \
        return got;                                                                      \
    }

#endif

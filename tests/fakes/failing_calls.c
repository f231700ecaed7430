#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include "tests/fakes/failing_calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    int on;
    int cut;
    unsigned long count;
    unsigned long number;
    const char *failed;
} plan;

void
failing_calls_start(unsigned long number, int cut)
{
    plan.count = 0;
    plan.number = number;
    plan.cut = cut;
    plan.failed = NULL;
    plan.on = 1;
}

unsigned long
failing_calls_end(const char **failed)
{
    plan.on = 0;
    *failed = plan.failed;
    return plan.count;
}

/* Whether this one is to fail, and of what. */
static int
strikes(const char *name, int problem)
{
    if (!plan.on || ++plan.count != plan.number)
        return 0;
    plan.failed = name;
    errno = problem;
    return 1;
}

#define NEXT(result, name, ...)                                                          \
    static result (*next)(__VA_ARGS__);                                                  \
    if (next == NULL) {                                                                  \
        void *found = dlsym(RTLD_NEXT, #name);                                           \
        memcpy(&next, &found, sizeof(next));                                             \
    }

#define FAIL(result, name, parameters, arguments, bad, problem)                          \
    result name parameters                                                               \
    {                                                                                    \
        NEXT(result, name, TYPES parameters)                                             \
        return strikes(#name, problem) ? (result)(bad) : next arguments;                 \
    }
#define TYPES(...) __VA_ARGS__

FAIL(void *, malloc, (size_t size), (size), NULL, ENOMEM)
FAIL(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
FAIL(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)
FAIL(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL,
    ENOMEM)
FAIL(int, posix_memalign, (void **out, size_t alignment, size_t size),
    (out, alignment, size), ENOMEM, ENOMEM)
FAIL(void *, mmap,
    (void *at, size_t length, int protection, int flags, int fd, off_t offset),
    (at, length, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FAIL(void *, mmap64,
    (void *at, size_t length, int protection, int flags, int fd, off64_t offset),
    (at, length, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FAIL(int, munmap, (void *at, size_t length), (at, length), -1, ENOMEM)
FAIL(int, mprotect, (void *at, size_t length, int protection), (at, length, protection),
    -1, ENOMEM)

#define FAIL_OPEN(name, ...)                                                             \
    int name(__VA_ARGS__, int flags, ...)                                                \
    {                                                                                    \
        va_list more;                                                                    \
        mode_t mode = 0;                                                                 \
        NEXT(int, name, __VA_ARGS__, int, ...)                                           \
        va_start(more, flags);                                                           \
        if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                        \
            mode = va_arg(more, mode_t);                                                 \
        va_end(more);                                                                    \
        return strikes(#name, EMFILE) ? -1 : PASS(flags, mode);                          \
    }

#define PASS(flags, mode) next(path, flags, mode)
FAIL_OPEN(open, const char *path)
FAIL_OPEN(open64, const char *path)
#undef PASS
#define PASS(flags, mode) next(folder, path, flags, mode)
FAIL_OPEN(openat, int folder, const char *path)
FAIL_OPEN(openat64, int folder, const char *path)

FAIL(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
FAIL(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
FAIL(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, ENOMEM)
FAIL(DIR *, opendir, (const char *path), (path), NULL, EMFILE)
FAIL(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
FAIL(struct dirent *, readdir, (DIR * folder), (folder), NULL, EIO)
FAIL(struct dirent64 *, readdir64, (DIR * folder), (folder), NULL, EIO)
FAIL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
FAIL(int, chmod, (const char *path, mode_t mode), (path, mode), -1, EROFS)
FAIL(int, unlink, (const char *path), (path), -1, EIO)
FAIL(int, rmdir, (const char *path), (path), -1, EIO)
FAIL(int, rename, (const char *from, const char *to), (from, to), -1, ENOSPC)
FAIL(int, access, (const char *path, int how), (path, how), -1, EIO)
/* As if the file were gone: what looks harmless is the worst. */
FAIL(int, stat64, (const char *path, struct stat64 *about), (path, about), -1, ENOENT)
FAIL(int, lstat64, (const char *path, struct stat64 *about), (path, about), -1, ENOENT)
FAIL(int, fstat64, (int fd, struct stat64 *about), (fd, about), -1, EIO)
FAIL(int, close, (int fd), (fd), (next(fd), errno = EIO, -1), EIO)
FAIL(int, dup, (int fd), (fd), -1, EMFILE)
FAIL(int, ftruncate64, (int fd, off64_t size), (fd, size), -1, EIO)
FAIL(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), -1, EIO)
FAIL(ssize_t, pread64, (int fd, void *data, size_t size, off64_t at),
    (fd, data, size, at), -1, EIO)
FAIL(off64_t, lseek64, (int fd, off64_t offset, int whence), (fd, offset, whence), -1,
    EINVAL)
FAIL(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size),
    plan.cut ? next(fd, data, size / 2) : -1, ENOSPC)
FAIL(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream),
    (data, size, count, stream), plan.cut ? next(data, size, count / 2, stream) : 0,
    ENOSPC)
FAIL(size_t, fread, (void *data, size_t size, size_t count, FILE *stream),
    (data, size, count, stream), 0, EIO)
FAIL(char *, fgets, (char *line, int size, FILE *stream), (line, size, stream), NULL, EIO)
FAIL(int, fputs, (const char *text, FILE *stream), (text, stream), EOF, ENOSPC)
FAIL(int, fflush, (FILE * stream), (stream), EOF, ENOSPC)
FAIL(int, fclose, (FILE * stream), (stream), (next(stream), errno = ENOSPC, EOF), ENOSPC)
FAIL(int, fseek, (FILE * stream, long offset, int whence), (stream, offset, whence), -1,
    EIO)
FAIL(long, ftell, (FILE * stream), (stream), -1, EIO)
FAIL(iconv_t, iconv_open, (const char *to, const char *from), (to, from), -1, EINVAL)

/* Headers must not put functions of their own in front of ours, nor other names. */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include "milters/scan/clam_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "milters/scan/clam_calls_next.h"
#include "shared/service/clock.h"

enum { LOOK_EACH = 512 };

static struct {
    bool on;
    bool short_of_room;
    uint64_t room; /* that files take, in octets */
    uint64_t share;
    uint64_t most;
    uint64_t until_ms;
    void (*late)(void);
    unsigned asked;   /* how often for memory */
    const char *name; /* of the first call that failed; NULL: none */
    int problem;
    char text[128];
    atomic_bool *tell;
} watched;

void
clam_calls_tell(atomic_bool *failed)
{
    watched.tell = failed;
}

void
clam_calls_start(uint64_t share, uint64_t most, uint64_t until_ms)
{
    watched.until_ms = until_ms;

    watched.short_of_room = false;
    watched.name = NULL;
    watched.room = 0;
    watched.share = share;
    watched.most = most;
    watched.on = true;
}

void
clam_calls_on_late(void (*late)(void))
{
    watched.late = late;
}

void
clam_calls_end(void)
{
    watched.on = false;
}

bool
clam_calls_room_was_short(void)
{
    return watched.short_of_room;
}

const char *
clam_calls_failed(void)
{
    if (watched.name == NULL)
        return NULL;
    (void)snprintf(watched.text, sizeof(watched.text), "%s: %s", watched.name,
        strerror(watched.problem));
    return watched.text;
}

#ifdef POSTSHIFT_SANITIZED

bool
clam_calls_are_seen(void)
{
    return false;
}

#else

bool
clam_calls_are_seen(void)
{
    return true;
}

void
clam_calls_note(const char *name, bool failed)
{
    if (!watched.on || !failed || watched.name != NULL)
        return;
    watched.name = name;
    watched.problem = errno;
    if (watched.tell != NULL)
        atomic_store(watched.tell, true);
}

/* Asked of the kernel, past whoever stands in front of it. */
static bool
is_there(const char *path)
{
    int before = errno;
    bool there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;

    errno = before;
    return there;
}

/* What is looked for and not there is no failure; what was to be made is. */
static void
note_path(const char *name, const char *path, bool failed)
{
    if (!watched.on || !failed)
        return;
    clam_calls_note(name, errno != ENOENT || is_there(path));
}

bool
clam_calls_are_watched(void)
{
    return watched.on;
}

bool
clam_calls_may_write(size_t size)
{
    if (!watched.on)
        return true;
    watched.room += size;
    if (watched.room <= watched.share && watched.room <= watched.most)
        return true;
    errno = ENOSPC;
    if (watched.room > watched.most)
        watched.short_of_room = true;
    else
        clam_calls_note("write", true);
    return false;
}

/* Memory. */

/* A look at the clock costs something: once in so many. */
static void
look_at_time(void)
{
    if (!watched.on || watched.late == NULL || ++watched.asked % LOOK_EACH != 0 ||
        clock_now_ms() < watched.until_ms)
        return;
    watched.on = false;
    watched.late();
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a definition's parts have none */
#define WATCH_MEMORY(name, parameters, arguments, size)                                  \
    void *(name)parameters                                                               \
    {                                                                                    \
        void *got;                                                                       \
        NEXT(void *, name, TYPES parameters)                                             \
        look_at_time();                                                                  \
        got = next arguments;                                                            \
        clam_calls_note(#name, got == NULL && (size) > 0);                               \
        return got;                                                                      \
    }

/* NOLINTEND(bugprone-macro-parentheses) */
WATCH_MEMORY(malloc, (size_t size), (size), size)
WATCH_MEMORY(calloc, (size_t count, size_t size), (count, size), size)
WATCH_MEMORY(realloc, (void *old, size_t size), (old, size), size)
WATCH(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size),
    got == NULL)
WATCH(void *, mmap,
    (void *at, size_t length, int protection, int flags, int fd, off_t offset),
    (at, length, protection, flags, fd, offset), got == MAP_FAILED && length > 0)
WATCH(void *, mmap64,
    (void *at, size_t length, int protection, int flags, int fd, off64_t offset),
    (at, length, protection, flags, fd, offset), got == MAP_FAILED && length > 0)
WATCH(int, munmap, (void *at, size_t length), (at, length), got < 0)
WATCH(int, mprotect, (void *at, size_t length, int protection), (at, length, protection),
    got < 0)

int
posix_memalign(void **out, size_t alignment, size_t size)
{
    int got;

    NEXT(int, posix_memalign, void **, size_t, size_t)
    got = next(out, alignment, size);
    if (got != 0)
        errno = got;
    clam_calls_note("posix_memalign", got != 0);
    return got;
}

/* Files by path.  A mode that was not given is not looked at by who is called. */

#define OPEN(name)                                                                       \
    int name(const char *path, int flags, ...)                                           \
    {                                                                                    \
        va_list more;                                                                    \
        mode_t mode = 0;                                                                 \
        int got;                                                                         \
        NEXT(int, name, const char *, int, ...)                                          \
        va_start(more, flags);                                                           \
        if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                        \
            mode = va_arg(more, mode_t);                                                 \
        va_end(more);                                                                    \
        got = next(path, flags, mode);                                                   \
        if ((flags & O_CREAT) != 0)                                                      \
            clam_calls_note(#name, got < 0);                                             \
        else                                                                             \
            note_path(#name, path, got < 0);                                             \
        return got;                                                                      \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                     \
    int name(int folder, const char *path, int flags, ...)                               \
    {                                                                                    \
        va_list more;                                                                    \
        mode_t mode = 0;                                                                 \
        int got;                                                                         \
        NEXT(int, name, int, const char *, int, ...)                                     \
        va_start(more, flags);                                                           \
        if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                        \
            mode = va_arg(more, mode_t);                                                 \
        va_end(more);                                                                    \
        got = next(folder, path, flags, mode);                                           \
        clam_calls_note(#name, got < 0);                                                 \
        return got;                                                                      \
    }

OPENAT(openat)
OPENAT(openat64)

WATCH(FILE *, fopen, (const char *path, const char *mode), (path, mode), got == NULL)
WATCH(FILE *, fopen64, (const char *path, const char *mode), (path, mode), got == NULL)
WATCH_PATH(DIR *, opendir, (const char *path), (path), path, got == NULL)
WATCH(int, mkdir, (const char *path, mode_t mode), (path, mode), got < 0)
WATCH(int, chmod, (const char *path, mode_t mode), (path, mode), got < 0)
WATCH_PATH(int, rmdir, (const char *path), (path), path, got < 0 && errno != ENOTEMPTY)
WATCH(int, rename, (const char *from, const char *to), (from, to), got < 0)
WATCH_PATH(int, access, (const char *path, int how), (path, how), path, got < 0)
WATCH_PATH(
    int, stat, (const char *path, struct stat *about), (path, about), path, got < 0)
WATCH_PATH(
    int, stat64, (const char *path, struct stat64 *about), (path, about), path, got < 0)
WATCH_PATH(
    int, lstat, (const char *path, struct stat *about), (path, about), path, got < 0)
WATCH_PATH(
    int, lstat64, (const char *path, struct stat64 *about), (path, about), path, got < 0)

/* What a file took is free again; asked of the kernel itself, as above. */
static uint64_t
room_of(const char *path)
{
    struct stat about = {.st_size = 0};
    int before = errno;

    if (watched.on &&
        syscall(SYS_newfstatat, AT_FDCWD, path, &about, AT_SYMLINK_NOFOLLOW) < 0)
        about.st_size = 0;
    errno = before;
    return (uint64_t)about.st_size;
}

int
unlink(const char *path)
{
    uint64_t room = room_of(path);
    int got;

    NEXT(int, unlink, const char *)
    got = next(path);
    note_path("unlink", path, got < 0);
    if (got == 0)
        watched.room -= room < watched.room ? room : watched.room;
    return got;
}

/* Descriptors. */

WATCH(int, close, (int fd), (fd), got < 0)
WATCH(int, dup, (int fd), (fd), got < 0)
WATCH(int, fstat, (int fd, struct stat *about), (fd, about), got < 0)
WATCH(int, fstat64, (int fd, struct stat64 *about), (fd, about), got < 0)
WATCH(int, ftruncate64, (int fd, off64_t size), (fd, size), got < 0)
WATCH(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), got < 0)
WATCH(ssize_t, pread64, (int fd, void *data, size_t size, off64_t at),
    (fd, data, size, at), got < 0)
WATCH(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence),
    got < 0 && offset >= 0)
WATCH(off64_t, lseek64, (int fd, off64_t offset, int whence), (fd, offset, whence),
    got < 0 && offset >= 0)
WATCH(DIR *, fdopendir, (int fd), (fd), got == NULL)
WATCH(FILE *, fdopen, (int fd, const char *mode), (fd, mode), got == NULL)

int
fcntl64(int fd, int what, ...)
{
    va_list more;
    void *value;
    int got;

    NEXT(int, fcntl64, int, int, ...)
    va_start(more, what);
    value = va_arg(more, void *);
    va_end(more);
    got = next(fd, what, value);
    clam_calls_note("fcntl", got < 0);
    return got;
}

#define READDIR(name, entry)                                                             \
    struct entry *name(DIR *folder)                                                      \
    {                                                                                    \
        struct entry *got;                                                               \
        int before = errno;                                                              \
        NEXT(struct entry *, name, DIR *)                                                \
        errno = 0;                                                                       \
        got = next(folder);                                                              \
        clam_calls_note(#name, got == NULL && errno != 0);                               \
        if (errno == 0)                                                                  \
            errno = before;                                                              \
        return got;                                                                      \
    }

READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

/* Writing: less than asked for is as bad as nothing. */

ssize_t
write(int fd, const void *data, size_t size)
{
    ssize_t got;

    NEXT(ssize_t, write, int, const void *, size_t)
    if (!clam_calls_may_write(size))
        return -1;
    got = next(fd, data, size);
    clam_calls_note("write", got < 0 || (size_t)got < size);
    return got;
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    ssize_t got;

    NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t)
    if (!clam_calls_may_write(size))
        return -1;
    got = next(fd, data, size, at);
    clam_calls_note("pwrite", got < 0 || (size_t)got < size);
    return got;
}

#endif

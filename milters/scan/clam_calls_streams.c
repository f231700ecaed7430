/* clam_calls: streams and character sets. */

/* Headers must not put functions of their own in front of ours, nor other names. */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include "milters/scan/clam_calls_next.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>

#include "milters/scan/clam_charsets.h"

#ifndef POSTSHIFT_SANITIZED

/* Streams: an error stays with them until they are closed. */

size_t
fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
    size_t got;

    NEXT(size_t, fwrite, const void *, size_t, size_t, FILE *)
    if (!clam_calls_may_write(size * count))
        return 0;
    got = next(data, size, count, stream);
    clam_calls_note("fwrite", got < count && size > 0);
    return got;
}

size_t
fread(void *data, size_t size, size_t count, FILE *stream)
{
    size_t got;

    NEXT(size_t, fread, void *, size_t, size_t, FILE *)
    got = next(data, size, count, stream);
    clam_calls_note("fread", got < count && size > 0 && feof(stream) == 0);
    return got;
}

char *
fgets(char *line, int size, FILE *stream)
{
    char *got;

    NEXT(char *, fgets, char *, int, FILE *)
    got = next(line, size, stream);
    clam_calls_note("fgets", got == NULL && feof(stream) == 0);
    return got;
}

WATCH(int, fputs, (const char *text, FILE *stream), (text, stream), got < 0)
WATCH(int, fflush, (FILE * stream), (stream), got != 0)
WATCH(int, fseek, (FILE * stream, long offset, int whence), (stream, offset, whence),
    got < 0 && offset >= 0)
WATCH(long, ftell, (FILE * stream), (stream), got < 0)

int
fclose(FILE *stream)
{
    bool bad = clam_calls_are_watched() && ferror(stream) != 0;
    int got;

    NEXT(int, fclose, FILE *)
    got = next(stream);
    clam_calls_note("fclose", bad || got != 0);
    return got;
}

/* A charset that the system does not have is not missing. */
iconv_t
iconv_open(const char *to, const char *from)
{
    iconv_t got;
    int problem;

    NEXT(iconv_t, iconv_open, const char *, const char *)
    got = next(to, from);
    problem = errno;
    clam_calls_note("iconv_open",
        (intptr_t)got == -1 &&
            (problem != EINVAL || (clam_charsets_has(to) && clam_charsets_has(from))));
    errno = problem;
    return got;
}

#endif

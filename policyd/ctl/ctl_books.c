#include "policyd/ctl/ctl_books.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

struct books *
ctl_books_open(struct ctl *ctl)
{
    struct error error;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, &error);

    if (books == NULL)
        (void)ctl_output_fail(CTL_NO,
            "%s (postshift-cutover keeps the books; only its group may read them)",
            error.text);
    return books;
}

/* "2026-11-29", "2026-11-29 08:00", "2026-11-29T08:00:30" by the local clock, in which
 * the 30th of February is no day. */
static bool
read_local(struct span text, int64_t *milliseconds)
{
    static const char *const forms[] = {
        "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};
    char copy[40];

    if (!span_copy(text, copy, sizeof(copy)))
        return false;
    if (text.length > 10 && copy[10] == 'T')
        copy[10] = ' ';
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct tm parts = {.tm_isdst = -1};
        const char *end = strptime(copy, forms[i], &parts);
        int day = parts.tm_mday;
        time_t seconds;

        if (end == NULL || *end != '\0')
            continue;
        parts.tm_isdst = -1;
        seconds = mktime(&parts);
        *milliseconds = (int64_t)seconds * 1000;
        return seconds != (time_t)-1 && parts.tm_mday == day;
    }
    return false;
}

/* "2026-11-29 08:00:30 +0100" as our own tables have it, with or without seconds. */
static bool
read_zoned(struct span text, int64_t *milliseconds)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M %z", "%Y-%m-%d %H:%M:%S %z"};
    char copy[40];

    if (!span_copy(text, copy, sizeof(copy)))
        return false;
    if (text.length > 10 && copy[10] == 'T')
        copy[10] = ' ';
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct tm parts = {.tm_mday = 1};
        const char *end = strptime(copy, forms[i], &parts);
        long offset = parts.tm_gmtoff;
        int day = parts.tm_mday;

        if (end == NULL || *end != '\0')
            continue;
        *milliseconds = ((int64_t)timegm(&parts) - offset) * 1000;
        return parts.tm_mday == day;
    }
    return false;
}

/* A time of the command line: a duration ago (2h), RFC 3339, or a date with or without a
 * time of day in the local zone (2026-11-29, "2026-11-29 08:00").  False: said so. */
static bool
read_time(const char *text, const char *option, int64_t *milliseconds)
{
    struct span given = span_of(text);
    uint64_t ago;
    int64_t seconds;

    if (number_duration(given, &ago)) {
        *milliseconds = ((int64_t)time(NULL) * 1000) - (int64_t)ago;
        return true;
    }
    if (number_rfc3339(given, &seconds)) {
        *milliseconds = seconds * 1000;
        return true;
    }
    if (read_local(given, milliseconds) || read_zoned(given, milliseconds))
        return true;
    (void)ctl_output_fail(CTL_USAGE,
        "--%s takes a time: 2h (ago), 2026-11-29, \"2026-11-29 08:00\" or "
        "2026-11-29T08:00:00Z",
        option);
    return false;
}

bool
ctl_books_window(struct ctl *ctl, int64_t *since_ms, int64_t *until_ms)
{
    const char *since = ctl->arguments.values[CTL_SINCE];
    const char *until = ctl->arguments.values[CTL_UNTIL];

    if ((since != NULL && !read_time(since, "since", since_ms)) ||
        (until != NULL && !read_time(until, "until", until_ms)))
        return false;
    if (since == NULL || until == NULL || *since_ms < *until_ms)
        return true;
    (void)ctl_output_fail(
        CTL_USAGE, "--until is not after --since: nothing is between them");
    return false;
}

/* In the local zone; what can't be told is 1900. */
static struct tm
local(int64_t milliseconds)
{
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm parts = {.tm_mday = 1};

    (void)localtime_r(&seconds, &parts);
    return parts;
}

const char *
ctl_books_stamp(struct arena *arena, int64_t milliseconds)
{
    struct tm parts = local(milliseconds);
    char text[64] = "";

    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &parts);
    return arena_text(arena, span_of(text));
}

const char *
ctl_books_clock(struct arena *arena, int64_t milliseconds, int64_t day_of)
{
    struct tm parts = local(milliseconds);
    struct tm other = local(day_of);
    char text[64] = "";

    if (parts.tm_yday == other.tm_yday && parts.tm_year == other.tm_year)
        (void)strftime(text, sizeof(text), "%H:%M:%S", &parts);
    else
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    return arena_text(arena, span_of(text));
}

const char *
ctl_books_age(struct arena *arena, int64_t milliseconds)
{
    static const struct {
        int64_t size;
        const char *unit;
    } units[] = {
        {86400000, "d"  },
        {3600000,  "h"  },
        {60000,    "min"},
        {1000,     "s"  }
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        /* Two of it, so that not too much is rounded away. */
        if (milliseconds >= 2 * units[i].size)
            return arena_printf(arena, "%lld %s",
                (long long)(milliseconds / units[i].size), units[i].unit);
    }
    return "1 s";
}

const char *
ctl_books_end(enum books_end end)
{
    static const char *const names[END_COUNT] = {"waiting", "delivered", "bounced",
        "expired", "discarded", "deleted", "replaced", "lost"};

    return end < END_COUNT ? names[end] : "unknown";
}

const char *
ctl_books_backend(enum books_backend backend)
{
    static const char *const names[BACKEND_COUNT] = {"other", "old", "new", "standby"};

    return backend < BACKEND_COUNT ? names[backend] : "unknown";
}

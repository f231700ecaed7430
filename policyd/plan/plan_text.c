#include "policyd/plan/plan_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/number.h"

enum { UNITS = 4 };

static const struct {
    int64_t milliseconds;
    const char *name;
} units[UNITS] = {
    {86400000, "d"  },
    {3600000,  "h"  },
    {60000,    "min"},
    {1000,     "s"  },
};

void
plan_text_age(int64_t milliseconds, char out[PLAN_TIME_MAX])
{
    int64_t left = milliseconds < 0 ? 0 : milliseconds;
    /* Days from two on, as the status page: a stay of "24 h" is not one of "1 d". */
    size_t i = left < 2 * units[0].milliseconds ? 1 : 0;
    int64_t smaller;

    while (i < UNITS - 1 && left < units[i].milliseconds)
        i++;
    smaller = i < 2 ? left % units[i].milliseconds / units[i + 1].milliseconds : 0;
    if (smaller > 0)
        plan_text_print(out, PLAN_TIME_MAX, "%" PRId64 " %s %" PRId64 " %s",
            left / units[i].milliseconds, units[i].name, smaller, units[i + 1].name);
    else
        plan_text_print(out, PLAN_TIME_MAX, "%" PRId64 " %s",
            left / units[i].milliseconds, units[i].name);
}

void
plan_text_about(int64_t milliseconds, char out[PLAN_TIME_MAX])
{
    int64_t minutes = milliseconds < 60000 ? 1 : milliseconds / 60000;

    /* From two of a unit on: "90 min" says more than "2 h". */
    if (minutes < 120)
        plan_text_print(out, PLAN_TIME_MAX, "%" PRId64 " min", minutes);
    else if (minutes < 2 * MINUTES_OF_DAY)
        plan_text_print(out, PLAN_TIME_MAX, "%" PRId64 " h", (minutes + 30) / 60);
    else
        plan_text_print(out, PLAN_TIME_MAX, "%" PRId64 " d",
            (minutes + MINUTES_OF_DAY / 2) / MINUTES_OF_DAY);
}

static int64_t
minute_of(int64_t time_ms)
{
    return time_ms / 60000 - (time_ms % 60000 < 0 ? 1 : 0);
}

void
plan_text_time(
    struct plan_local now, int64_t now_ms, int64_t time_ms, char out[PLAN_TIME_MAX])
{
    int64_t minutes = minute_of(time_ms) - minute_of(now_ms);
    struct plan_local then = plan_local_after(now, minutes);

    if (minutes <= -6 * MINUTES_OF_DAY || minutes >= 6 * MINUTES_OF_DAY)
        number_rfc3339_write(time_ms / 1000, out);
    else if (then.weekday == now.weekday)
        plan_text_print(
            out, PLAN_TIME_MAX, "%02u:%02u", then.minute / 60, then.minute % 60);
    else
        plan_local_write(then, out);
}

unsigned
plan_hundredths(double part)
{
    /* 0.57 * 10000 is a little below 5700. */
    return part > 0 ? (unsigned)floor(fmin(part, 1) * 10000 + 1e-6) : 0;
}

void
plan_text_percent(double part, char out[PLAN_TIME_MAX])
{
    unsigned hundredths = plan_hundredths(part);

    plan_text_print(out, PLAN_TIME_MAX, "%u.%02u", hundredths / 100, hundredths % 100);
}

void
plan_text_seconds(uint64_t thousandths, char out[PLAN_TIME_MAX])
{
    size_t length;

    plan_text_print(out, PLAN_TIME_MAX, "%" PRIu64 ".%03u", thousandths / 1000,
        (unsigned)(thousandths % 1000));
    length = strlen(out);
    while (out[length - 1] == '0')
        out[--length] = '\0';
    if (out[length - 1] == '.')
        out[length - 1] = '\0';
}

void
plan_text_print(char *out, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(out, size, format, arguments);
    va_end(arguments);
}

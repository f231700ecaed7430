#include "policyd/plan/plan_window.h"

#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"

#include <stdio.h>

enum { DAYS = 7, MINUTES_OF_WEEK = DAYS * MINUTES_OF_DAY };

static const char *const day_names[DAYS] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

const char *
plan_day_name(unsigned weekday)
{
    return day_names[weekday % DAYS];
}

static bool
find_day(struct span text, unsigned *day)
{
    for (unsigned i = 0; i < DAYS; i++) {
        if (span_is_nocase(text, day_names[i])) {
            *day = i;
            return true;
        }
    }
    return false;
}

/* "Mon" or "Mon-Fri", which may go over the weekend. */
static bool
read_days(struct span text, unsigned *days)
{
    size_t hyphen = span_find(text, '-');
    unsigned first;
    unsigned last;

    if (!find_day(span_first(text, hyphen), &first))
        return false;
    last = first;
    if (hyphen != SPAN_NONE && !find_day(span_from(text, hyphen + 1), &last))
        return false;
    *days = 1U << first;
    for (unsigned day = first; day != last; day = (day + 1) % DAYS)
        *days |= 1U << ((day + 1) % DAYS);
    return true;
}

/* Two digits, up to `most`. */
static bool
read_two(struct span text, unsigned most, unsigned *number)
{
    if (text.length != 2 || !octet_is_digit(text.data[0]) ||
        !octet_is_digit(text.data[1]))
        return false;
    *number = (unsigned)(text.data[0] - '0') * 10 + (unsigned)(text.data[1] - '0');
    return *number <= most;
}

/* "08:00", up to 24:00. */
static bool
read_time(struct span text, unsigned *minute)
{
    size_t colon = span_find(text, ':');
    unsigned hours;
    unsigned minutes;

    if (colon == SPAN_NONE || !read_two(span_first(text, colon), 24, &hours) ||
        !read_two(span_from(text, colon + 1), 59, &minutes))
        return false;
    *minute = hours * 60 + minutes;
    return *minute <= MINUTES_OF_DAY;
}

static bool
read_hours(struct span text, struct plan_window_range *range)
{
    size_t hyphen = span_find(text, '-');

    return hyphen != SPAN_NONE && read_time(span_first(text, hyphen), &range->from) &&
           read_time(span_from(text, hyphen + 1), &range->to) &&
           range->from < MINUTES_OF_DAY && range->from != range->to;
}

static bool
read_range(struct span text, struct plan_window_range *range)
{
    struct span rest = text;
    struct span first;
    struct span second;

    if (!span_word(&rest, &first))
        return false;
    if (!span_word(&rest, &second)) {
        range->days = (1U << DAYS) - 1;
        return read_hours(first, range);
    }
    return read_days(first, &range->days) && read_hours(second, range) &&
           !span_word(&rest, &first);
}

bool
plan_window_parse(struct span text, struct plan_window *window, struct error *error)
{
    struct plan_window read = {0};
    struct span part;

    while (span_split(&text, ',', &part)) {
        if (read.count == PLAN_WINDOW_RANGES_MAX)
            return error_permanent(error, "at most %d ranges", PLAN_WINDOW_RANGES_MAX);
        if (!read_range(part, &read.ranges[read.count++]))
            return error_permanent(error,
                "a window is days and hours such as \"Mon-Fri 08:00-16:00\", several by "
                "commas");
    }
    if (read.count == 0)
        return error_permanent(error, "a window has days and hours");
    *window = read;
    return true;
}

static bool
has_day(const struct plan_window_range *range, unsigned weekday)
{
    return (range->days >> (weekday % DAYS) & 1) != 0;
}

static bool
range_is_open(const struct plan_window_range *range, struct plan_local local)
{
    if (range->from < range->to)
        return has_day(range, local.weekday) && local.minute >= range->from &&
               local.minute < range->to;
    return (has_day(range, local.weekday) && local.minute >= range->from) ||
           (has_day(range, local.weekday + DAYS - 1) && local.minute < range->to);
}

bool
plan_window_is_open(const struct plan_window *window, struct plan_local local)
{
    for (size_t i = 0; i < window->count; i++) {
        if (range_is_open(&window->ranges[i], local))
            return true;
    }
    return window->count == 0;
}

struct plan_local
plan_local_after(struct plan_local local, int64_t minutes)
{
    int64_t minute = ((int64_t)local.weekday * MINUTES_OF_DAY + local.minute + minutes) %
                     MINUTES_OF_WEEK;

    if (minute < 0)
        minute += MINUTES_OF_WEEK;
    return (struct plan_local){
        .weekday = (unsigned)(minute / MINUTES_OF_DAY),
        .minute = (unsigned)(minute % MINUTES_OF_DAY),
    };
}

void
plan_local_write(struct plan_local local, char out[PLAN_LOCAL_MAX])
{
    (void)snprintf(out, PLAN_LOCAL_MAX, "%s %02u:%02u", plan_day_name(local.weekday),
        local.minute / 60 % 24, local.minute % 60);
}

/* Minutes until the next time that a range begins or ends, at least 1. */
static unsigned
next_edge(const struct plan_window *window, struct plan_local local)
{
    unsigned next = MINUTES_OF_DAY;

    for (size_t i = 0; i < window->count; i++) {
        const struct plan_window_range *range = &window->ranges[i];
        unsigned edges[] = {range->from, range->to};

        for (size_t n = 0; n < ARRAY_LENGTH(edges); n++) {
            unsigned wait = (edges[n] + MINUTES_OF_DAY - local.minute) % MINUTES_OF_DAY;

            if (wait > 0 && wait < next)
                next = wait;
        }
    }
    return next;
}

/* Minutes until it is open, or isn't; a week where that never comes. */
static unsigned
find_minute(const struct plan_window *window, struct plan_local local, bool open)
{
    unsigned minutes = 0;

    while (minutes < MINUTES_OF_WEEK) {
        struct plan_local then = plan_local_after(local, minutes);

        if (plan_window_is_open(window, then) == open)
            return minutes;
        minutes += next_edge(window, then);
    }
    return MINUTES_OF_WEEK;
}

unsigned
plan_window_opens(
    const struct plan_window *window, struct plan_local local, char out[PLAN_LOCAL_MAX])
{
    unsigned minutes = find_minute(window, local, true);

    plan_local_write(plan_local_after(local, minutes), out);
    return minutes;
}

unsigned
plan_window_closes(
    const struct plan_window *window, struct plan_local local, char out[PLAN_LOCAL_MAX])
{
    unsigned minutes = find_minute(window, local, false);

    plan_local_write(plan_local_after(local, minutes), out);
    return minutes;
}

#include "policyd/maillog/maillog_stamp.h"

#include "shared/base/attributes.h"
#include "shared/base/octet.h"

enum { MS_PER_SECOND = 1000, SECONDS_PER_DAY = 86400, MINUTES_MAX = 59 };

/* `count` digits at `at`; -1: others stand there. */
static int
digits(struct span text, size_t at, size_t count)
{
    int number = 0;

    if (at + count > text.length)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        if (!octet_is_digit(text.data[i]))
            return -1;
        number = 10 * number + (text.data[i] - '0');
    }
    return number;
}

static bool
has(struct span text, size_t at, char octet)
{
    return at < text.length && text.data[at] == octet;
}

/* "hh:mm:ss" at `at`. */
static bool
read_clock(struct span text, size_t at, int *second)
{
    int hour = digits(text, at, 2);
    int minute = digits(text, at + 3, 2);
    int seconds = digits(text, at + 6, 2);

    if (!has(text, at + 2, ':') || !has(text, at + 5, ':') || hour < 0 || hour > 23 ||
        minute < 0 || minute > MINUTES_MAX || seconds < 0 || seconds > MINUTES_MAX + 1)
        return false;
    *second = 3600 * hour + 60 * minute + seconds;
    return true;
}

static int
find_month(struct span text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12 && text.length >= 3; i++) {
        if (span_equal(span_first(text, 3), span_make(names + 3 * (size_t)i, 3)))
            return i + 1;
    }
    return 0;
}

/* How many octets it has; 0: it is none. */
static size_t
read_plain(struct span line, struct maillog_stamp *stamp)
{
    size_t at = 4;

    stamp->month = find_month(line);
    if (stamp->month == 0 || !has(line, 3, ' '))
        return 0;
    if (has(line, at, ' '))
        at++;
    stamp->day = digits(line, at, 2);
    if (stamp->day >= 0) {
        at += 2;
    } else {
        stamp->day = digits(line, at, 1);
        at += 1;
    }
    if (stamp->day < 1 || stamp->day > 31 || !has(line, at, ' ') ||
        !read_clock(line, at + 1, &stamp->second))
        return 0;
    return at + 1 + 8;
}

/* "Z", "+01:00", "+0100" at `at`; where there is none, nothing is read. */
static size_t
read_offset(struct span line, size_t at, struct maillog_stamp *stamp)
{
    bool is_west = has(line, at, '-');
    bool has_colon = has(line, at + 3, ':');
    int hours = digits(line, at + 1, 2);
    int minutes = digits(line, at + 3 + has_colon, 2);

    if (has(line, at, 'Z')) {
        stamp->has_offset = true;
        return at + 1;
    }
    if ((!is_west && !has(line, at, '+')) || hours < 0 || hours > 23 || minutes < 0 ||
        minutes > MINUTES_MAX)
        return at;
    stamp->has_offset = true;
    stamp->offset = (is_west ? -1 : 1) * (3600 * hours + 60 * minutes);
    return at + 5 + has_colon;
}

static size_t
read_rfc3339(struct span line, struct maillog_stamp *stamp)
{
    size_t at = 19;
    int scale = 100;

    stamp->year = digits(line, 0, 4);
    stamp->month = digits(line, 5, 2);
    stamp->day = digits(line, 8, 2);
    if (stamp->year < 1970 || !has(line, 4, '-') || !has(line, 7, '-') ||
        (!has(line, 10, 'T') && !has(line, 10, ' ')) || stamp->month < 1 ||
        stamp->month > 12 || stamp->day < 1 || stamp->day > 31 ||
        !read_clock(line, 11, &stamp->second))
        return 0;
    if (has(line, at, '.') || has(line, at, ',')) {
        for (at++; at < line.length && octet_is_digit(line.data[at]); at++) {
            stamp->millisecond += scale * (line.data[at] - '0');
            scale /= 10;
        }
    }
    return read_offset(line, at, stamp);
}

bool
maillog_stamp_take(struct span *line, struct maillog_stamp *stamp)
{
    size_t length;

    *stamp = (struct maillog_stamp){.year = 0};
    length = line->length > 0 && octet_is_digit(line->data[0])
                 ? read_rfc3339(*line, stamp)
                 : read_plain(*line, stamp);
    if (length == 0 || (length < line->length && line->data[length] != ' '))
        return false;
    while (length < line->length && line->data[length] == ' ')
        length++;
    *line = span_from(*line, length);
    return true;
}

/* Days since 1970-01-01 (the proleptic Gregorian calendar). */
static int64_t
days_of(int year, int month, int day)
{
    int64_t years = year - (month <= 2);
    int64_t era = years / 400;
    int64_t of_era = years - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The year that a time lies in, near enough to try its neighbours. */
static int
year_near(int64_t milliseconds)
{
    return 1970 + (int)(milliseconds / MS_PER_SECOND /
                        (SECONDS_PER_DAY * INT64_C(146097) / 400));
}

static int64_t
time_in(const struct maillog_stamp *stamp, int year, int offset)
{
    int64_t seconds =
        days_of(year, stamp->month, stamp->day) * SECONDS_PER_DAY + stamp->second;

    return (seconds - (stamp->has_offset ? stamp->offset : offset)) * MS_PER_SECOND +
           stamp->millisecond;
}

int64_t
maillog_stamp_time(const struct maillog_stamp *stamp, int64_t near, int offset)
{
    int year = year_near(near);
    int64_t best;

    if (stamp->year != 0)
        return time_in(stamp, stamp->year, offset);
    best = time_in(stamp, year, offset);
    for (int i = -1; i <= 1; i += 2) {
        int64_t other = time_in(stamp, year + i, offset);

        if ((other > near ? other - near : near - other) <
            (best > near ? best - near : near - best))
            best = other;
    }
    return best;
}

int64_t
maillog_stamp_first_time(const struct maillog_stamp *stamp, int64_t now, int offset)
{
    const int64_t latest = now + INT64_C(1000) * SECONDS_PER_DAY;
    int year = year_near(now) + 1;

    if (stamp->year != 0)
        return time_in(stamp, stamp->year, offset);
    while (time_in(stamp, year, offset) > latest)
        year--;
    return time_in(stamp, year, offset);
}

#include "shared/base/number.h"

#include "shared/base/octet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t longest_duration_ms = UINT64_C(366) * 24 * 3600 * 1000;
static const uint64_t largest_size = UINT64_C(1) << 40;

static size_t
count_digits(struct span text)
{
    size_t count = 0;

    while (count < text.length && octet_is_digit(text.data[count]))
        count++;
    return count;
}

/* Digits with leading zeros allowed, such as those behind a decimal point. */
static bool
read_digits(struct span text, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit;

        if (!octet_is_digit(text.data[i]))
            return false;
        digit = (unsigned)(text.data[i] - '0');
        if (value > (most - digit) / 10 || most < digit)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

/* "30", "0.5": whole part up to `whole` digits, up to `decimals` behind the point, as one
 * scaled integer. */
static bool
read_decimal(struct span text, size_t whole, size_t decimals, uint64_t *scaled)
{
    size_t point = span_find(text, '.');
    struct span before = span_first(text, point);
    struct span behind =
        point == SPAN_NONE ? (struct span){NULL, 0} : span_from(text, point + 1);
    uint64_t number;
    uint64_t fraction = 0;

    if (before.length > whole || !read_digits(before, UINT32_MAX, &number))
        return false;
    if (point != SPAN_NONE &&
        (behind.length > decimals || !read_digits(behind, UINT32_MAX, &fraction)))
        return false;
    for (size_t i = 0; i < decimals; i++) {
        number *= 10;
        if (i >= behind.length)
            fraction *= 10;
    }
    *scaled = number + fraction;
    return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (years counted from March).
 */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y < 0 ? y - 399 : y) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* Reads a fixed-width number and the octet that must follow it, one of `followers` (NULL:
 * nothing is asked). */
static bool
take_field(struct span *text, size_t width, const char *followers, uint64_t most,
    uint64_t *number)
{
    if (text->length < width || !read_digits(span_first(*text, width), most, number))
        return false;
    *text = span_from(*text, width);
    if (followers == NULL)
        return true;
    if (text->length == 0 || span_find(span_of(followers), text->data[0]) == SPAN_NONE)
        return false;
    *text = span_from(*text, 1);
    return true;
}

static bool
read_zone(struct span text, int64_t *seconds)
{
    uint64_t hours;
    uint64_t minutes;
    bool negative;

    if (span_is_nocase(text, "z")) {
        *seconds = 0;
        return true;
    }
    if (text.length != 6 || (text.data[0] != '+' && text.data[0] != '-'))
        return false;
    negative = text.data[0] == '-';
    text = span_from(text, 1);
    if (!take_field(&text, 2, ":", 23, &hours) ||
        !take_field(&text, 2, NULL, 59, &minutes))
        return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

static int
days_in_month(int64_t year, uint64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool
number_unsigned(struct span text, uint64_t most, uint64_t *number)
{
    if (text.length > 1 && text.data[0] == '0')
        return false;
    return read_digits(text, most, number);
}

bool
number_signed(struct span text, int64_t least, int64_t most, int64_t *number)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    uint64_t largest = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t magnitude;
    int64_t value;

    if (!number_unsigned(span_from(text, negative ? 1 : 0), largest, &magnitude))
        return false;
    /* Two steps, as the smallest number has no positive twin. */
    value =
        negative && magnitude > 0 ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    if (value < least || value > most)
        return false;
    *number = value;
    return true;
}

bool
number_duration(struct span text, uint64_t *milliseconds)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"ms", 1       },
        {"s",  1000    },
        {"m",  60000   },
        {"h",  3600000 },
        {"d",  86400000}
    };
    size_t digits = count_digits(text);
    struct span unit = span_from(text, digits);
    uint64_t number;

    if (!number_unsigned(span_first(text, digits), longest_duration_ms, &number))
        return false;
    if (unit.length == 0 && number == 0) {
        *milliseconds = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!span_is(unit, units[i].name))
            continue;
        if (number > longest_duration_ms / units[i].factor)
            return false;
        *milliseconds = number * units[i].factor;
        return true;
    }
    return false;
}

bool
number_size(struct span text, uint64_t *octets)
{
    size_t digits = count_digits(text);
    struct span unit = span_from(text, digits);
    unsigned shift;
    uint64_t number;

    if (unit.length == 0)
        shift = 0;
    else if (span_is_nocase(unit, "k"))
        shift = 10;
    else if (span_is_nocase(unit, "m"))
        shift = 20;
    else if (span_is_nocase(unit, "g"))
        shift = 30;
    else
        return false;
    if (!number_unsigned(span_first(text, digits), largest_size >> shift, &number))
        return false;
    *octets = number << shift;
    return true;
}

bool
number_yes_no(struct span text, bool *yes)
{
    if (!span_is(text, "yes") && !span_is(text, "no"))
        return false;
    *yes = span_is(text, "yes");
    return true;
}

bool
number_percent(struct span text, unsigned *hundredths)
{
    uint64_t scaled;

    if (!read_decimal(text, 3, 2, &scaled) || scaled > 10000)
        return false;
    /* Three digits before the point are "100" alone: "005" is no weight. */
    if (span_first(text, span_find(text, '.')).length == 3 && scaled != 10000)
        return false;
    *hundredths = (unsigned)scaled;
    return true;
}

bool
number_thousandths(struct span text, int64_t *thousandths)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    uint64_t scaled;

    if (!read_decimal(span_from(text, negative ? 1 : 0), 6, 3, &scaled))
        return false;
    *thousandths = negative ? -(int64_t)scaled : (int64_t)scaled;
    return true;
}

bool
number_rfc3339(struct span text, int64_t *unix_time)
{
    uint64_t year;
    uint64_t month;
    uint64_t day;
    uint64_t hour;
    uint64_t minute;
    uint64_t second;
    int64_t offset;

    if (!take_field(&text, 4, "-", 9999, &year) ||
        !take_field(&text, 2, "-", 12, &month) || !take_field(&text, 2, "Tt", 31, &day) ||
        !take_field(&text, 2, ":", 23, &hour) ||
        !take_field(&text, 2, ":", 59, &minute) ||
        !take_field(&text, 2, NULL, 60, &second))
        return false;
    if (month == 0 || day == 0 || day > (uint64_t)days_in_month((int64_t)year, month))
        return false;
    if (text.length > 1 && text.data[0] == '.') {
        size_t digits = count_digits(span_from(text, 1));

        if (digits == 0)
            return false;
        text = span_from(text, 1 + digits);
    }
    if (!read_zone(text, &offset))
        return false;
    *unix_time = days_of((int64_t)year, (int64_t)month, (int64_t)day) * 86400 +
                 (int64_t)(hour * 3600 + minute * 60 + second) - offset;
    return true;
}

void
number_rfc3339_write(int64_t unix_time, char out[21])
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    int64_t time = unix_time < 0 ? 0 : unix_time > last ? last : unix_time;
    int64_t seconds = time % 86400;
    /* Days since 0000-03-01: then the leap day is the last of its year (as in days_of).
     */
    int64_t days = time / 86400 + 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153; /* 0 is March */
    int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    (void)snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000,
        (unsigned)month % 100, (unsigned)day % 100, (unsigned)(seconds / 3600) % 100,
        (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

bool
number_real(struct span text, double *number)
{
    struct span digits = span_from(text, text.length > 0 && text.data[0] == '-' ? 1 : 0);
    char copy[32];
    char *end;
    double value;

    /* strtod knows blanks, signs, names and other bases besides. */
    if (digits.length == 0 || !octet_is_digit(digits.data[0]) ||
        !span_copy(text, copy, sizeof(copy)) ||
        copy[strspn(copy, "-+.eE0123456789")] != '\0')
        return false;
    value = strtod(copy, &end);
    if (*end != '\0' || !isfinite(value))
        return false;
    *number = value;
    return true;
}

const char *
number_write(double number, char out[32])
{
    if (number == trunc(number) && fabs(number) < 1e15) {
        (void)snprintf(out, 32, "%.0f", number == 0 ? 0 : number);
        return out;
    }
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(out, 32, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            break;
    }
    return out;
}

/*
 * number - strict text to numbers, and back.
 *
 * The whole span must match: no sign, no blanks, no leading zero (but "0" itself), no
 * silent cut.  On false the output is untouched.
 */
#ifndef SHARED_BASE_NUMBER_H
#define SHARED_BASE_NUMBER_H

#include "shared/base/span.h"

/* Decimal digits, at most `most`. */
bool number_unsigned(struct span text, uint64_t most, uint64_t *number);

/* The same with an optional leading '-'. */
bool number_signed(struct span text, int64_t least, int64_t most, int64_t *number);

/*
 * A duration in milliseconds: digits and a unit, "250ms", "5s", "2m", "3h", "7d"; "0"
 * needs none. At most 366 days.
 */
bool number_duration(struct span text, uint64_t *milliseconds);

/* A size in octets: digits and an optional k, M or G (powers of 1024, either case).  At
 * most 1 TiB. */
bool number_size(struct span text, uint64_t *octets);

/* "yes" or "no", lower case. */
bool number_yes_no(struct span text, bool *yes);

/* A percentage 0 to 100 with up to two decimals ("30", "0.5", "99.95", also "05"), as
 * hundredths of a percent. */
bool number_percent(struct span text, unsigned *hundredths);

/* A decimal number such as "-1.5" or "5.0", up to six digits before and three behind the
 * point, times 1000; leading zeros are allowed. */
bool number_thousandths(struct span text, int64_t *thousandths);

/* RFC 3339 date-time ("2026-11-24T12:00:00Z", with offset, fraction ignored) to unix time
 * in seconds. */
bool number_rfc3339(struct span text, int64_t *unix_time);

/* The other way, in UTC; years 1970 to 9999, other times are brought to the nearer end.
 */
void number_rfc3339_write(int64_t unix_time, char out[21]);

/* What number_write writes, and other decimal numbers with or without an exponent;
 * finite, at most 31 octets; leading zeros are allowed. */
bool number_real(struct span text, double *number);

/* The shortest decimal text that reads back as the same number (which is finite). */
const char *number_write(double number, char out[32]);

#endif

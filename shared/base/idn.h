/*
 * idn - a domain as people write it to the A-label form that DNS and all our tables use
 * (libidn2, IDNA 2008, non-transitional, NFC input).
 */
#ifndef SHARED_BASE_IDN_H
#define SHARED_BASE_IDN_H

#include "shared/base/domain.h"

/*
 * Writes the lower-case A-label form of `name` (UTF-8; one final dot is dropped) to
 * `out`.  False when libidn2 refuses it or the result is no valid domain
 * (domain_is_valid); `out` is then "".
 */
bool idn_to_ascii(struct span name, char out[DOMAIN_MAX + 1]);

#endif

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

/* As people write it: "bücher.example" of xn--bcher-kva.example, and of BÜCHER.example.
 * False as above. */
enum { IDN_TEXT_MAX = 1024 };
bool idn_to_text(struct span name, char out[IDN_TEXT_MAX]);

#endif

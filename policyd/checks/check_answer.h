/*
 * check_answer - what the checks of DNS share: an answer that is none, addresses as text.
 * Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_ANSWER_H
#define POLICYD_CHECKS_CHECK_ANSWER_H

#include "policyd/checks/check.h"
#include "shared/dns/dns_lookup.h"

/* Adds a line for an answer that is none: `unknown` where it may be otherwise later. */
void check_answer_missing(struct check *check, const char *what, struct span name,
    const struct dns_answer *answer);

/* MX of the domain; NULL: a line says why there is nothing to look at. */
const struct dns_answer *check_answer_mx(
    const struct dns_lookup *lookup, struct span domain, struct check *check);

/* A numeric address to its 4 or 16 octets; 0: it is none. */
size_t check_address_read(const char *text, unsigned char address[16]);
const char *check_address_write(
    const unsigned char *address, size_t length, struct arena *arena);

#endif

/*
 * dkim_message - a whole DKIM check, as the milter makes it, with keys from a table.
 */
#ifndef TESTS_FAKES_DKIM_MESSAGE_H
#define TESTS_FAKES_DKIM_MESSAGE_H

#include "milters/dkim/dkim_check.h"
#include "tests/fakes/dns_table.h"

/* The body goes in chunks of so many octets, 0 being all.  The caller frees the check. */
struct dkim_check *dkim_message_check(struct dkim_library *library,
    const struct header_field *fields, size_t count, struct span body,
    const struct dns_table_row *rows, size_t row_count,
    const struct dkim_check_options *options, size_t chunk, struct arena *arena);

#endif

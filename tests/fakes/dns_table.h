/*
 * dns_table - a look-up that answers from rows, for tests of what asks DNS.
 *
 * A name without a row is NXDOMAIN (NODATA where it, or a name below it, has rows of
 * other types); case does not matter.  CNAMEs are followed within the table.  What could
 * not be asked for is DNS_BADNAME, as with the real one.
 */
#ifndef TESTS_FAKES_DNS_TABLE_H
#define TESTS_FAKES_DNS_TABLE_H

#include "shared/base/arena.h"
#include "shared/dns/dns_lookup.h"

enum { DNS_TABLE_CNAME = 5 }; /* a row's type; a question never has it */

struct dns_table_row {
    const char *name;
    int type;         /* enum dns_type or DNS_TABLE_CNAME; 0: every question about it */
    const char *text; /* TXT text; address; NS, PTR, MX, CNAME name ("10 mx.example.com");
                         SOA "ns.example.com 7"; TLSA octets */
    size_t length;    /* of a text with NULs in it; 0: strlen */
    enum dns_status status; /* instead of a record, unless DNS_OK */
    bool secure;
};

struct dns_table {
    const struct dns_table_row *rows;
    size_t count;
    struct arena *arena; /* of the answers; the caller's */
    unsigned asked;      /* counts the questions, repeated ones too */
    void (*saw)(void *context, struct span name, enum dns_type type); /* or NULL */
    void *context;
};

struct dns_lookup dns_table_lookup(struct dns_table *table);

#endif

/*
 * setup_domains_inside - what the files of setup_domains share: one reading of a site.
 */
#ifndef POLICYD_SETUP_SETUP_DOMAINS_INSIDE_H
#define POLICYD_SETUP_SETUP_DOMAINS_INSIDE_H

#include "policyd/setup/setup_domains.h"
#include "policyd/setup/setup_tables.h"

enum { SETUP_MAPS_MAX = 64, SETUP_TEXT_MAX = 4 << 20 };

/* What is asked of postconf, with $names expanded and as the rewrite service has it. */
enum value {
    MYDESTINATION,
    VIRTUAL_ALIAS_DOMAINS,
    VIRTUAL_MAILBOX_DOMAINS,
    RELAY_DOMAINS,
    LOCAL_TRANSPORT,
    VIRTUAL_TRANSPORT,
    RELAY_TRANSPORT,
    DEFAULT_TRANSPORT,
    RELAYHOST,
    PARENTS,
    DELIMITERS,
    DELAYS,
    VALUES
};

/* One of transport_maps as it is written, and what its $names stand for. */
struct map {
    struct span text;
    struct span tables;
};

struct reader {
    const struct setup_domains *domains;
    struct setup_site *site;
    struct arena *arena;
    struct postfix_service rewrite;
    struct span values[VALUES];
    struct map maps[SETUP_MAPS_MAX];
    size_t map_count;
    struct setup_tables *tables;
};

/* In setup_domains_ask.  A note that is printed with the plan. */
void setup_domains_note(struct reader *reader, const char *text);

/* postconf -xh with settings that go before those of main.cf. */
bool setup_domains_ask(struct reader *reader, const char *const *settings,
    size_t setting_count, const char *const *names, size_t count, struct span *answer,
    struct error *error);

/* An address of the domain that nobody has. */
struct span setup_domains_invent(struct reader *reader, const char *domain);

/* In setup_maps: transport_maps are read; what they say to a key, `whole`: a full
 * address; and which of them go before ours. */
bool setup_maps_read(struct reader *reader, struct error *error);
bool setup_maps_find(
    struct reader *reader, struct span key, bool whole, struct span *value);
void setup_maps_order(struct reader *reader);

#endif

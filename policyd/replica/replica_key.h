/*
 * replica_key - the name of a Redis key to what it is about, in canonical form.
 *
 * `domain:`, `pin:`, `unit:` and `list:` keys decide routes, `accept` is the operators'
 * word that what Redis says now is meant, `text:hold` the reply for held mail; all others
 * are none of ours.  Names that are addresses are made canonical, so several keys can
 * mean the same thing: `as_written` tells the one that is written canonically.
 */
#ifndef POLICYD_REPLICA_REPLICA_KEY_H
#define POLICYD_REPLICA_REPLICA_KEY_H

#include "policyd/replica/replica.h"
#include "policyd/state/recipient.h"
#include "shared/base/buffer.h"

enum replica_key_kind {
    REPLICA_KEY_OTHER, /* none of ours */
    REPLICA_KEY_BAD,   /* ours by its prefix, but it names nothing */
    REPLICA_KEY_DOMAIN,
    REPLICA_KEY_PIN,
    REPLICA_KEY_UNIT,
    REPLICA_KEY_LIST,
    REPLICA_KEY_ACCEPT,
    REPLICA_KEY_HOLD_TEXT,
};

enum { REPLICA_LIST_NAME_MAX = 64 };

struct replica_name {
    size_t length;
    char text[REPLICA_NAME_MAX + 1];
};

struct replica_key {
    enum replica_key_kind kind;
    bool as_written;
    struct replica_name name; /* domain, recipient or unit; of a list its domain */
    struct span list;         /* borrowed from the key */
};

/* `prefix` is that of all our keys, "cutover:". */
void replica_key_parse(struct span key, struct span prefix,
    const struct recipient_rules *rules, struct replica_key *parsed);

/* The canonically written key, appended. */
void replica_key_write(
    const struct replica_key *key, struct span prefix, struct buffer *out);

/*
 * A recipient or unit: an address becomes canonical, anything else stays as it is. False:
 * empty, too long, with control characters, or a pattern.
 */
bool replica_name_read(
    struct span text, const struct recipient_rules *rules, struct replica_name *name);
/* The same without making anything canonical. */
bool replica_name_set(struct replica_name *name, struct span text);
struct span replica_name_span(const struct replica_name *name);

/* `@example.com` or `*@example.com`: a map of Postfix has such patterns, a pin, a unit or
 * a list means one address; all of a domain goes by its mode. */
bool replica_name_is_pattern(struct span text);

/* The domain of a name that is an address; empty for others. */
struct span replica_name_domain(struct span name);

#endif

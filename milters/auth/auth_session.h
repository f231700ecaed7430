/*
 * auth_session - what a connection and a message carry.
 *
 * Header fields are kept whole until the end of the message (DKIM and DMARC need them),
 * the body is not: it streams through the DKIM check.  A header beyond the ceilings is
 * not kept any further, but for its From fields: no signature of it can be checked, its
 * authors are judged all the same.  Forged results are found in any number of fields.
 */
#ifndef MILTERS_AUTH_AUTH_SESSION_H
#define MILTERS_AUTH_AUTH_SESSION_H

#include "milters/dkim/dkim_check.h"
#include "milters/protocol/milter_client.h"
#include "shared/base/arena.h"
#include "shared/dns/dns.h"
#include "shared/records/header_field.h"

enum {
    AUTH_FIELDS_MAX = 1000,
    AUTH_HEADER_MAX = 1 << 20, /* octets of all fields */
    AUTH_ADDRESS_MAX = 1024,
    AUTH_LATE_FROM_MAX = 1 << 20, /* octets of From fields beyond the ceilings */
};

/* A field to be deleted: its name as we write it, its number among those of that name. */
struct auth_forged {
    struct auth_forged *next;
    const char *name;
    unsigned number;
};

struct auth_message;

struct auth_session {
    struct dns_context *dns;
    struct dns_context *policy_dns; /* for DMARC's questions alone: see auth_checks */
    /* Of the connection; borrowed. */
    const struct milter_client *client;
    bool authenticated;
    /* Of the message. */
    struct arena *arena;
    bool trusted; /* local, or in trusted_networks: left alone altogether */
    bool skipped; /* trusted or authenticated: not checked */
    uint64_t began_ms;
    struct span sender_argument; /* of MAIL FROM, raw */
    struct span sender;          /* the macro {mail_addr}: what Postfix uses */
    struct header_field *fields;
    size_t field_count;
    size_t field_room;
    size_t header_size;
    bool header_too_large;
    bool is_signed;       /* a DKIM-Signature stands in the header, perhaps not kept */
    bool authors_missing; /* not even all From fields are kept */
    size_t late_from_size;
    unsigned results_seen;  /* Authentication-Results fields so far */
    unsigned received_seen; /* Received-SPF fields so far */
    struct auth_forged *forged;
    unsigned forged_count;
    unsigned scans_seen; /* fields that the other milter may take out */
    struct dkim_check *dkim;
    struct auth_message *message; /* the milter's: what was found */
};

struct auth_session *auth_session_new(const struct milter_client *client);
void auth_session_free(struct auth_session *session);

/* Forgets the message, keeps the connection. */
void auth_session_reset(struct auth_session *session);

/* More than both milters may take out: see edited_field. */
bool auth_session_has_too_many_forged(const struct auth_session *session);

/* Keeps a field, unless a ceiling is reached. */
void auth_session_field(
    struct auth_session *session, struct span name, struct span value);

void auth_session_forged(struct auth_session *session, const char *name, unsigned number);

#endif

/*
 * route_decide - recipient, replica and time to destination and reason: the normative
 * decision.
 *
 * Canonical recipient; same_as once; is the domain ours; unit; then, first match wins:
 * pin hold (recipient, then unit); mode other than split; pin (recipient, then unit; an
 * expired one doesn't count); postmaster@, abuse@ and SRS0=, SRS1= addresses on old below
 * 100 (unless system_recipients = bucket); list `exclude` on old below 100; a unit that
 * is not on the list `known`, where that has members, on old below 100; the lists named
 * in `lists` on new; the bucket.  Pure.
 *
 * Where the text leaves room: same_as is followed once, whatever the target's hash says
 * of a further one; with `domains` set, both the name asked for and its target must be
 * listed (else not ours, unknown).  An override of the name asked for goes before one of
 * its target, field by field.  A pin that never was good may be a hold, so it makes the
 * recipient unknown before the mode is looked at, unless another pin says hold.
 * postmaster, abuse and SRS are compared without case.
 */
#ifndef POLICYD_ROUTING_ROUTE_DECIDE_H
#define POLICYD_ROUTING_ROUTE_DECIDE_H

#include "policyd/replica/replica.h"
#include "policyd/state/recipient.h"

enum route_place {
    ROUTE_OLD,
    ROUTE_NEW,
    ROUTE_STANDBY,
    ROUTE_HOLD,     /* socketmap: retry:4.2.1 <text> */
    ROUTE_NOT_OURS, /* NOTFOUND, DUNNO, N */
    ROUTE_UNKNOWN,  /* TEMP: ours, but no good state, or a pin that never was good */
};

enum route_reason {
    ROUTE_REASON_NO_ADDRESS, /* not ours: no usable address */
    ROUTE_REASON_NOT_OURS,   /* not ours: another's domain */
    ROUTE_REASON_FORGOTTEN,  /* not ours: mode=forgotten */
    ROUTE_REASON_NOT_LOADED, /* unknown: nothing has been read yet */
    ROUTE_REASON_NO_STATE,   /* unknown: ours without a good state */
    ROUTE_REASON_OVERRIDE,   /* unknown: what the override file says can't be read */
    ROUTE_REASON_BAD_PIN,    /* unknown: a pin that never was good */
    ROUTE_REASON_NO_STANDBY, /* unknown: sent to standby, but the domain has none */
    ROUTE_REASON_PIN_HOLD,
    ROUTE_REASON_MODE,
    ROUTE_REASON_PIN,
    ROUTE_REASON_SYSTEM,
    ROUTE_REASON_EXCLUDE,
    ROUTE_REASON_UNLISTED, /* not on the list known: a catch-all, a list, VERP */
    ROUTE_REASON_LIST,
    ROUTE_REASON_BUCKET,
    ROUTE_REASON_UNMOVED, /* mailbox alone: no pin, so old at any weight */
};

struct route_rules {
    struct recipient_rules recipient;
    bool system_recipients_on_old;
    /* Of [policyd] domains, a closed domain_list; count 0: those that ever had a good
     * state. */
    const char *const *domains;
    size_t domain_count;
    const char *site; /* that this gateway is at; NULL or "": none */
};

/* Whether the name stands among the domains of the file. */
bool route_rules_list(const struct route_rules *rules, struct span name);

/* Spans and pointers are borrowed from the replica (until its next change) or point into
 * this struct, so it isn't copied. */
struct route {
    enum route_place place;
    enum route_reason reason;
    struct recipient recipient; /* canonical; length 0 when there is none */
    struct recipient key;       /* the same under the domain looked up */
    struct span domain;         /* the one looked up under, after same_as */
    struct span unit;           /* the recipient itself where no unit is named */
    struct span pin_name;       /* what the pin stands on, for the pin reasons */
    struct span list;           /* for ROUTE_REASON_LIST */
    struct pin pin;             /* the pin that decided, or PIN_NONE */
    unsigned bucket;            /* 0..9999 */
    unsigned weight;            /* in force, overrides counted, hundredths */
    enum domain_mode mode;      /* in force */
    bool overridden;            /* the override file decided weight or mode */
    bool suspect;
    const struct domain_state *state; /* NULL for NOT_OURS and UNKNOWN */
    /* "transport:nexthop" of old, new, standby, or DOMAIN_OLD_SITE; else "" */
    const char *nexthop;
    const char *site; /* of the rules; "": none */
    bool at_site;     /* on old=site: nothing is answered, the site's own maps decide */
};

void route_decide(const struct route_rules *rules, const struct replica *replica,
    struct span address, int64_t now, struct route *route);

/*
 * The moved mailbox for `imap_follows = pin`: hold, mode, pin, else old at any weight;
 * the same fields.
 */
void route_decide_mailbox(const struct route_rules *rules, const struct replica *replica,
    struct span address, int64_t now, struct route *route);

const char *route_place_name(
    enum route_place place); /* old new standby hold not-ours unknown */
const char *route_reason_name(
    enum route_reason reason); /* no-address ... pin-hold mode pin ... bucket */

#endif

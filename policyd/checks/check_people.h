/*
 * check_people - what the site knows of its people before they move: addresses of one
 * person, room, what was exported; and whether new gives their mail back.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_PEOPLE_H
#define POLICYD_CHECKS_CHECK_PEOPLE_H

#include "policyd/checks/check.h"
#include "policyd/routing/route_decide.h"

/* A line of an alias file: `ADDRESS WHOSE` or `ADDRESS: WHOSE`; false: it is none, or
 * leads to more than one. */
bool check_people_read_alias(struct span line, struct span *address, struct span *owner);

/* An address and whose it is, and where each goes with the next stage. */
struct check_belongs {
    const char *address;
    const char *owner;
    enum route_place place;
    enum route_place owner_place;
};
void check_people_units(
    const struct check_belongs *rows, size_t count, struct check *check);

/* A line `ADDRESS SIZE` of the site's figures; false: it is none. */
struct check_room {
    struct span address;
    uint64_t octets;
};
bool check_people_read_room(struct span line, struct check_room *room);

struct check_quota {
    const char *address;
    uint64_t used; /* on old */
    uint64_t room; /* on new; 0: no limit */
    bool has_room; /* new's figures have it */
};
void check_people_quota(
    const struct check_quota *rows, size_t count, struct check *check);

/* The text of [ctl] exported: lines `WHAT DATE ...`, WHAT of forwards, filters, aliases;
 * # begins a comment.  `trouble`: why it can't be read. */
void check_people_forwards(struct span text, const char *trouble, struct check *check);

/* A mail that new took and gave back. */
struct check_returned {
    const char *address;
    const char *message_id;
    const char *client; /* from where it came back */
};
/* `delivered` to new in `days`, of which these came back; `trouble`: why the books can't
 * be asked. */
void check_people_loop(const char *trouble, uint64_t delivered, unsigned days,
    const struct check_returned *rows, size_t count, struct check *check);

/* What became of a test mail. */
struct check_arrival {
    const char *trouble; /* why nothing can be said; NULL: it was sent and looked for */
    bool has_come;
    int64_t after_ms; /* or so long looked for */
};
void check_people_arrival(const struct check_arrival *arrival, struct check *check);

#endif

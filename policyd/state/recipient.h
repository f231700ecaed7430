/*
 * recipient - an address to its canonical form, the key of every table.
 *
 * In this order: split at the last '@'; domain to lower case and A-label; local part
 * unquoted; folded in ASCII (unless told not to); BATV `prvs=tag=alice` counts as alice
 * (tag: 1 to 16 letters or digits, the rest not empty); an address extension cut at the
 * first delimiter character, as Postfix's split_addr does: never at position 0 (then no
 * cut at all), never of postmaster, mailer-daemon, double-bounce, and with '-' among the
 * delimiters neither owner-x nor x-request.
 */
#ifndef POLICYD_STATE_RECIPIENT_H
#define POLICYD_STATE_RECIPIENT_H

#include "shared/base/span.h"

/* Octets of a canonical address; longer ones are none of ours. */
enum { RECIPIENT_MAX = 1024 };

struct recipient_rules {
    const char *delimiters; /* "" or NULL: no extensions */
    bool fold_local_part;
};

struct recipient {
    char text[RECIPIENT_MAX + 1];
    size_t length;
    size_t local_length; /* text[local_length] is the '@' */
};

/* False: no '@', nothing on one side of it, an address literal, a domain libidn2 refuses,
 * too long, a NUL. */
bool recipient_parse(struct span address, const struct recipient_rules *rules,
    struct recipient *recipient);

struct span recipient_address(const struct recipient *recipient);
struct span recipient_local(const struct recipient *recipient);
struct span recipient_domain(const struct recipient *recipient);

#endif

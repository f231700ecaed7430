/*
 * dns_channels - c-ares channels to the configured servers, lent to one caller at a time.
 *
 * The inner part of dns: nothing else includes this.  A channel that has met trouble is
 * destroyed, never lent again: one with a question that ended without an answer (what
 * c-ares keeps of it is not to be trusted, its sockets stay open where all servers are on
 * loopback), one that has met a server without EDNS (c-ares leaves EDNS off for good
 * then).
 */
#ifndef SHARED_DNS_DNS_CHANNELS_H
#define SHARED_DNS_DNS_CHANNELS_H

#include "shared/dns/dns.h"

/* Octets go out and come in as they are: what c-ares would rather have us use reads and
 * writes them for us, and Debian 12 has it not. */
#define CARES_NO_DEPRECATED
#include <ares.h>

struct dns_channels;

struct dns_channel {
    struct dns_channel *next;
    ares_channel ares;
    bool trusted; /* its servers' AD bit */
    bool spoilt;  /* set by the caller: not to be lent again */
};

/* Makes a first channel, so that what can't work fails here. */
struct dns_channels *dns_channels_new(
    const struct dns_config *config, struct error *error);
void dns_channels_free(struct dns_channels *channels);

struct dns_channel *dns_channels_borrow(struct dns_channels *channels); /* or NULL */
void dns_channels_return(struct dns_channels *channels, struct dns_channel *channel);

/* For one with questions left, which end (their callbacks run), or that is spoilt. */
void dns_channel_destroy(struct dns_channel *channel);

/* Waits for the channel's sockets, at most so long, and lets c-ares work. */
void dns_channel_turn(struct dns_channel *channel, uint64_t most_us);

#endif

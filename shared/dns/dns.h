/*
 * dns - questions to the resolver, for blocking callers in any thread (c-ares).
 *
 * A struct dns is the service: servers, times, a free-list of channels.  A message has a
 * struct dns_context with its budget of time; one thread at a time uses it, and it holds
 * a channel only while questions are open.  There is no cache but the message's own: a
 * validating resolver on loopback is the cache.  `secure` is its AD bit, believed where
 * all servers are loopback (or trust_ad says so).
 *
 * Time is counted while dns_wait blocks, so that a slow client costs the message nothing:
 * `timeout` a question, `message_timeout` in all, after which each wait gives DNS_TIMEOUT
 * at once.
 *
 * Limits: at most 8 servers are asked; a context's answers take at most 4 MiB (then
 * DNS_LOCAL).  SIGPIPE must be ignored by the program (a TCP server may go).  Make the
 * service after the last fork.
 */
#ifndef SHARED_DNS_DNS_H
#define SHARED_DNS_DNS_H

#include "shared/base/error.h"
#include "shared/dns/dns_lookup.h"
#include "shared/service/config.h"

struct dns;
struct dns_context;

enum dns_trust_ad { DNS_TRUST_LOOPBACK, DNS_TRUST_YES, DNS_TRUST_NO };

/* Section [dns]; a program's config struct embeds it. */
struct dns_config {
    struct config_list
        servers;      /* "127.0.0.1@5353", "::1@53", "192.0.2.1"; none: resolv.conf */
    uint64_t timeout; /* ms, a question */
    uint64_t message_timeout; /* ms, all of a message's */
    int trust_ad;             /* enum dns_trust_ad */
};
/* NOLINTBEGIN(bugprone-macro-parentheses): a member has none */
#define DNS_CONFIG_OPTIONS(type_of_struct, field)                                        \
    {"dns", "servers", CONFIG_LIST, offsetof(type_of_struct, field.servers), "", NULL,   \
        0, 0, true},                                                                     \
        {"dns", "timeout", CONFIG_DURATION, offsetof(type_of_struct, field.timeout),     \
            "5s", NULL, 100, 60000},                                                     \
        {"dns", "message_timeout", CONFIG_DURATION,                                      \
            offsetof(type_of_struct, field.message_timeout), "20s", NULL, 100, 300000},  \
    {                                                                                    \
        "dns", "trust_ad", CONFIG_CHOICE, offsetof(type_of_struct, field.trust_ad),      \
            "loopback", "loopback|yes|no"                                                \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* Told of each question's end; called in the asking thread. */
struct dns_observer {
    void (*done)(void *context, enum dns_status status, uint64_t microseconds);
    void *context;
};

/* Whether each word of `servers` is an address, with or without a port; for -t. */
bool dns_servers_check(const struct config_list *servers, struct error *error);

/*
 * `config` is copied; `observer` (or NULL) too.  False to start (NULL) when a server is
 * no address or a channel can't be made.
 */
struct dns *dns_new(const struct dns_config *config, const struct dns_observer *observer,
    struct error *error);
void dns_free(struct dns *dns); /* after the last context */

struct dns_context *dns_context_new(struct dns *dns);
void dns_context_free(struct dns_context *context); /* open questions end; NULL is fine */

/*
 * A second context of the same message, with time and memory of its own and the first
 * one's way to the servers (which it costs nothing more).  The same thread uses both;
 * free it before the first.  To reset, free or cancel one ends the open questions of
 * both.
 */
struct dns_context *dns_context_new_twin(struct dns_context *context);

/* For the next message of a session: forgets all answers, gives the whole budget again.
 */
void dns_context_reset(struct dns_context *context);

/*
 * Narrows the time of the questions still to be waited for (so that one method can't use
 * up another's), or opens it again up to what is left of the message's.
 */
void dns_context_limit(struct dns_context *context, uint64_t milliseconds);

/* Milliseconds of its budget that a message has waited for answers. */
uint64_t dns_context_used(const struct dns_context *context);

/* Never NULL; what can't be asked is answered at once, as its wait will tell. */
struct dns_question *dns_ask(
    struct dns_context *context, struct span name, enum dns_type type);
const struct dns_answer *dns_wait(
    struct dns_context *context, struct dns_question *question);

/* Ends all open questions (DNS_TIMEOUT); the budget stays. */
void dns_cancel(struct dns_context *context);

/* The context as checks see it; valid as long as the context. */
struct dns_lookup dns_context_lookup(struct dns_context *context);

#endif

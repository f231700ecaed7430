/*
 * check_postfix - what Postfix's configuration must say before a domain is moved.
 *
 * The wiring is judged by wiring_check and setup_plan; here are a check each, and what
 * these leave to others.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_POSTFIX_H
#define POLICYD_CHECKS_CHECK_POSTFIX_H

#include "policyd/checks/check.h"
#include "policyd/wiring/wiring_check.h"

struct check_postfix {
    const char *obstacle; /* why nothing is known; NULL: all of the below */
    const struct wiring *wiring;
    bool maps_changed;    /* transport_maps of main.cf aren't what stands behind ours */
    bool by_filter;       /* routing = filter: smtpd asks, the queue manager doesn't */
    const char *route;    /* policyd's socket as Postfix writes it */
    struct span services; /* of master.cf, its lines joined */
    const char *const *lacking; /* what our services lack of the site's own */
    size_t lacking_count;
    const char *refusal;  /* why our domains can't be routed; NULL: they can */
    bool refusal_is_sure; /* all tables could be read */
    bool verifies;        /* recipients are verified at backends */
    /* Of main.cf, expanded. */
    struct span transport_maps;
    struct span verify_code; /* unverified_recipient_reject_code */
    uint64_t queue_lifetime; /* seconds */
    uint64_t bounce_lifetime;
    const char *long_ids; /* enable_long_queue_ids */
    int64_t log_time;     /* of the last line that our controller read; 0: not known */
    int64_t now;
    /* Addresses of the domain, and which of them no map of recipients has. */
    size_t address_count; /* 0: not said */
    const char *const *unknown;
    size_t unknown_count;
    bool has_maps;          /* some are set */
    const char *maps_fault; /* why they can't be asked; NULL: they can */
    /* The longest stay of the plan in seconds; 0: there is no plan. */
    uint64_t longest_stay;
};

/* Where `name` is one of CHECK_POSTFIX, but not CHECK_SIZE. */
void check_postfix_look(
    const struct check_postfix *postfix, enum check_name name, struct check *check);

#endif

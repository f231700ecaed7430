/*
 * check_intake - what Postfix does with mail before it is routed: milters, a content
 * filter, aliases, and addresses that the site routes by hand.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_INTAKE_H
#define POLICYD_CHECKS_CHECK_INTAKE_H

#include "policyd/checks/check.h"

/* An address of the site and what a table makes of it. */
struct check_alias {
    const char *address; /* "@example.com": all that have no entry of their own */
    const char *targets; /* as the table has them */
};

/* An address that the site's transport_maps route by themselves. */
struct check_by_hand {
    const char *address;
    const char *table;
    bool is_first;  /* that table is asked before policyd */
    bool is_moving; /* it goes to new with the next stage */
};

struct check_intake {
    const char *obstacle; /* why nothing is known; NULL: all of the below */
    struct span domain;
    struct span services; /* of master.cf, its lines joined */
    bool by_filter;       /* routing = filter */
    /* Of main.cf, expanded. */
    struct span milters; /* smtpd_milters */
    struct span milter_action;
    uint64_t milter_timeout; /* milter_content_timeout, seconds */
    struct span content_filter;
    const char *own[2]; /* our milters as Postfix writes them, in their order; "": none */
    uint64_t scan_deadline; /* [scan] deadline, seconds */

    const char *alias_fault; /* why virtual_alias_maps can't be asked; NULL: they can */
    bool has_addresses;      /* [ctl] addresses are given */
    const struct check_alias *aliases;
    size_t alias_count;

    const char *by_hand_fault; /* why a table can't be listed; NULL: all were */
    const struct check_by_hand *by_hand;
    size_t by_hand_count;
};

/* For CHECK_MILTERS, CHECK_CONTENT_FILTER, CHECK_ALIASES, CHECK_THIRD_SYSTEMS. */
void check_intake_look(
    const struct check_intake *intake, enum check_name name, struct check *check);

#endif

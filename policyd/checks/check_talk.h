/*
 * check_talk - what dialogs with the backends say: TLS, the probe address, extensions,
 * the null sender, sessions at once, sizes.
 *
 * A 421, a time-out, a 4xx is `unknown`: it says nothing of what was asked.  An address
 * of a family that this host has no way to is passed over: Postfix does the same.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_TALK_H
#define POLICYD_CHECKS_CHECK_TALK_H

#include "policyd/checks/check.h"
#include "policyd/wire/smtp_reply.h"

enum { CHECK_PLACES_MAX = 16 };

/* One dialog: with one address of one side. */
struct check_talk {
    const char *place;     /* "mx.example[192.0.2.1]:25" */
    const char *family;    /* "IPv4", "IPv6", "unix" */
    const char *trouble;   /* why it came to nothing; NULL: all was said and answered */
    const char *untrusted; /* why the certificate isn't good */
    int64_t not_after;     /* of the certificate; 0: not known */
    struct smtp_extensions extensions;
    struct smtp_reply mail; /* to MAIL FROM:<>; code 0, here and below: not answered */
    struct smtp_reply probe;
    struct smtp_reply invented;
    struct smtp_reply foreign_mail; /* to MAIL FROM of a sender elsewhere */
    struct smtp_reply foreign;      /* to RCPT of the probe address from that one */
    const char *source;       /* the address that Postfix is told to send from; "": any */
    const char *source_fault; /* why it can't be sent from; NULL: it can */
    bool is_refused;          /* 5xx before anything was said to it */
    bool is_out_of_reach;     /* this host has no way to addresses of that family */
    bool is_new;              /* of new; else of old */
    bool has_greeted;         /* it answered EHLO: the next ones are known */
    bool is_encrypted;
    bool is_trusted;
};

struct check_talks {
    const struct check_talk *items;
    size_t count;
    const char *missing[2];    /* why old, new were not asked; NULL: they were */
    const char *probe_address; /* NULL: not said */
    const char *foreign;       /* [ctl] foreign_sender; NULL: not said */
    int64_t now;
};

/* For CHECK_TLS, CHECK_PROBE, CHECK_EXTENSIONS, CHECK_CALLOUT, CHECK_JUDGES_US,
 * CHECK_SOURCE_ADDRESS. */
void check_talk_look(
    const struct check_talks *talks, enum check_name name, struct check *check);

/* `limit` is message_size_limit; 0: none. */
void check_talk_size(
    const struct check_talks *talks, uint64_t limit, struct check *check);

/* One who moves with the next stage. */
struct check_mover {
    const char *address;
    struct smtp_reply reply; /* to RCPT; code 0: not asked, or no answer */
};
/* `trouble`: what ended it before all were asked; NULL: nothing. */
void check_talk_movers(const struct check_mover *movers, size_t count,
    const char *trouble, struct check *check);

/* Sessions that were opened at once: so many of so many answered EHLO. */
struct check_sessions {
    unsigned wanted;
    unsigned greeted;
    unsigned turned_away; /* by 421 */
    const char *trouble;  /* of one of the others */
};
void check_talk_sessions(const struct check_sessions *sessions, struct check *check);

#endif

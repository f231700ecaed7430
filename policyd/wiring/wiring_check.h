/*
 * wiring_check - whether Postfix is wired as it should be, and what is wrong where it is
 * not: from what was found to sentences, each with the command that helps.  Pure.
 *
 * Not to be wired is no fault while nobody has been moved; to be wired in part is one,
 * and so is a wiring that asks a socket which is not there, or that others can replace.
 */
#ifndef POLICYD_WIRING_WIRING_CHECK_H
#define POLICYD_WIRING_WIRING_CHECK_H

#include "policyd/wiring/setup_plan.h"

enum wiring_state {
    WIRING_UNKNOWN, /* could not be looked at */
    WIRING_NONE,    /* nothing of ours is there */
    WIRING_OFF,     /* all is there but what makes the queue manager ask */
    WIRING_PART,    /* something is missing */
    WIRING_WHOLE,
};

const char *wiring_state_name(enum wiring_state state);

/* A socket that Postfix is told to ask. */
struct wiring_socket {
    const char *name; /* "route" */
    const char *path; /* NULL: no unix socket, there is nothing to look at */
    const char
        *trouble; /* why Postfix can't reach it; NULL: it can, or that isn't known */
    const char *threat; /* who else may put a socket of his own there; NULL: nobody */
};

enum { WIRING_SOCKETS_MAX = 2, WIRING_FINDINGS_MAX = 16 };

struct wiring_facts {
    const char *obstacle;          /* why nothing more is known; NULL: all of the below */
    bool was_named;                /* the directory was: it should be a Postfix's */
    const struct setup_plan *plan; /* of SETUP_APPLY, where it isn't refused */
    bool plan_is_sure;             /* all that it depends on could be read */
    bool by_filter;
    bool has_services; /* entries of ours are in master.cf */
    bool was_wired;    /* postfix-setup has written here, and not taken it out */
    const char *moved; /* a domain that has people on new; NULL: none */
    size_t moved_count;
    bool is_stopped;     /* no master runs, as far as that can be told */
    const char *newer;   /* the file that is newer than what runs; NULL: none */
    const char *refusal; /* why this Postfix can't be wired; NULL: it can */
    struct wiring_socket sockets[WIRING_SOCKETS_MAX];
    size_t socket_count;
    const char *apply; /* commands to type */
    const char *reload;
};

struct wiring_finding {
    bool is_bad;
    const char *text;
};

struct wiring {
    enum wiring_state state;
    struct wiring_finding findings[WIRING_FINDINGS_MAX];
    size_t count;
};

void wiring_check(
    struct wiring *wiring, const struct wiring_facts *facts, struct arena *arena);

#endif

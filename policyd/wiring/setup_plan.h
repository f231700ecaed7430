/*
 * setup_plan - from a Postfix configuration as it is to the commands that wire the suite
 * into it, or out of it.
 *
 * Routing and delivery stand in entries of our own in master.cf, whole: none of them uses
 * a parameter of ours, so a template that rewrites main.cf takes nothing away from them.
 * Milters and the policy service stand in parameters named postshift_*, and the site's
 * lists get one word of ours each.  What is already as it should be yields no command, so
 * a second plan is empty; taking everything out restores what was there.  What goes on
 * first is defined first, and what takes mail our way goes in last and out first.  Pure.
 */
#ifndef POLICYD_WIRING_SETUP_PLAN_H
#define POLICYD_WIRING_SETUP_PLAN_H

#include "policyd/wiring/postfix_text.h"
#include "shared/base/arena.h"
#include "shared/base/error.h"

enum setup_want {
    SETUP_APPLY,
    SETUP_OFF, /* mail goes the site's own way, all else of ours stays */
    SETUP_REMOVE,
};

/* Mail waits for a mailbox to be ready; main.cf's own may be longer. */
#define SETUP_LIFETIME "20d"
#define SETUP_LIFETIME_S (UINT64_C(20) * 86400)

enum {
    SETUP_STEPS_MAX = 192,
    SETUP_NOTES_MAX = 32,
    SETUP_MILTERS_MAX = 4,
    SETUP_LACKING_MAX = 8
};

/* Which of policyd's maps is asked, for mail and for probes. */
#define SETUP_MAP_NAME "transport"
#define SETUP_PROBE_NAME "verify"

/* A milter of the suite, in the order in which they are to be asked. */
struct setup_milter {
    const char *name;     /* "postshift-auth" */
    const char *settings; /* what stands beside its address: "default_action=tempfail" */
    const char *address;  /* as Postfix writes it; "" where there is none */
    bool present;         /* its socket is there */
};

/* An address that transport_maps route by itself. */
struct setup_by_hand {
    const char *address;
    const char *table;
    bool is_first; /* that table goes before ours */
};

enum { SETUP_BY_HAND_MAX = 1000 };

struct setup_facts {
    struct span main_cf;      /* the text of main.cf */
    struct span services;     /* of master.cf, its lines joined */
    bool chroot_preset;       /* what "-" means there */
    uint64_t queue_lifetime;  /* maximal_queue_lifetime of main.cf in seconds */
    uint64_t bounce_lifetime; /* bounce_queue_lifetime, for null senders */
    const char *like;         /* the service that ours begin as copies of; NULL: none */
    bool like_is_told;        /* by --like: those there are become copies as well */
    size_t maps_first;        /* so many of the site's maps are asked before ours */
    const char *refusal; /* why one of our domains can't be routed here; NULL: all can */
    const char *notes[SETUP_NOTES_MAX]; /* what whoever gathered them found */
    size_t note_count;
    struct setup_by_hand *by_hand;
    size_t by_hand_count;      /* at most SETUP_BY_HAND_MAX */
    const char *by_hand_fault; /* a table that can't be listed or asked; NULL: none */
    const char *route;         /* the sockets of policyd as Postfix writes them */
    const char *policy;        /* "" where there is none */
    bool by_filter;            /* routing = filter: the queue manager doesn't ask */
    const char *undo;          /* the listener for copies; "" or NULL where undo is off */
    const char *const *domains; /* ours, canonical, as far as they are known */
    size_t domain_count;
    const char *open_folder; /* who else may put a socket where policyd's lies; "" */
    struct setup_milter milters[SETUP_MILTERS_MAX];
    size_t milter_count;
};

struct setup_step {
    const char *flag; /* of postconf: "-e", "-M", ...; NULL: reload Postfix now */
    const char *argument;
};

struct setup_plan {
    struct setup_step steps[SETUP_STEPS_MAX];
    size_t count;
    const char *notes[SETUP_NOTES_MAX]; /* what the administrator should know */
    size_t note_count;
    /* Of these notes, those of services of ours that lack settings of the site's. */
    const char *lacking[SETUP_LACKING_MAX];
    size_t lacking_count;
    bool wired;            /* the queue manager (or smtpd, by filter) asks policyd now */
    bool maps_changed;     /* the copy of transport_maps is not what main.cf has */
    const char *maps_copy; /* of the copy, ours left out; "" where there is none */
    const char *maps_now;
    bool verifies;      /* this Postfix asks backends whether they know a recipient */
    const char *copied; /* what our delivery services take from another; "": nothing */
};

/* The site's own rewrite service, and transport_maps as that has them. */
bool setup_plan_find_rewrite(const struct setup_facts *facts, struct arena *arena,
    struct postfix_service *rewrite, struct error *error);
struct span setup_plan_site_maps(const struct setup_facts *facts,
    const struct postfix_service *rewrite, struct arena *arena);

/* Texts live in the arena.  False: this configuration can't be wired, the error says why.
 */
bool setup_plan_make(struct setup_plan *plan, enum setup_want want,
    const struct setup_facts *facts, struct arena *arena, struct error *error);

#endif

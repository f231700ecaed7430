/*
 * rehearse_domains_inside - what the files of rehearse_domains share.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_DOMAINS_INSIDE_H
#define POLICYD_REHEARSE_REHEARSE_DOMAINS_INSIDE_H

#include "policyd/cutover/plan_entry.h"
#include "policyd/plan/plan_mover.h"
#include "policyd/rehearse/rehearse_domains.h"

struct rehearse_row {
    char domain[256];
    struct rehearse_domains *domains;
    struct rehearsal_course *course;
    struct plan_entry *entry; /* its plan */
    bool is_read;             /* the plan was */
    bool is_ours;             /* and has a state that is whole */
    unsigned weight;          /* in force, hundredths */
    char *route;              /* of new */
    bool has_stage;
    struct plan_stage stage;
    bool is_begun; /* the books are read for this stage */
    bool is_found; /* they were: all who move with it are known */
    char invented[400];
};

struct rehearse_domains {
    struct rehearse_domains_options options;
    const struct replica *replica;
    struct rehearse_row **rows;
    size_t count;
    size_t room;
    size_t turn;       /* whose question is next */
    bool is_changed;   /* the replica is, since the last tick */
    bool is_anew;      /* Redis came back: all is told */
    bool is_unread;    /* by now other people move than were looked for */
    uint64_t asked_ms; /* plans */
    uint64_t looked_ms;
    uint64_t summed_ms;
    uint64_t read_ms; /* the books; 0: never */
    uint64_t told_ms; /* trouble of the memory */
};

/* In rehearse_tell.c: what has changed of each domain, and its sum, to Redis. */
void rehearse_tell_redis(
    struct rehearse_domains *domains, struct rehearse_share *share, const char *trouble);

/* An answer, as a line of the log. */
void rehearse_tell_answer(const struct rehearsal_kept *kept, const char *sender,
    const struct rehearsal_reply *reply);

/* The memory can't be read or written: a line an hour. */
void rehearse_tell_memory(struct rehearse_domains *domains, const struct error *error);

#endif

/*
 * movers - whose route a stage will change, for before_advance: the members of the list
 * `known` where the domain has one (of a member that is no address, a department, its
 * people: who has it as `unit:`), else the recipients that the books have seen in 30
 * days.  Gathered in slices of at most 20 ms, so that nothing waits for it.
 *
 * Limits: at most a million are named.
 */
#ifndef POLICYD_CUTOVER_MOVERS_H
#define POLICYD_CUTOVER_MOVERS_H

#include "policyd/books/books.h"
#include "policyd/plan/plan_record.h"
#include "policyd/routing/route_decide.h"
#include "shared/base/buffer.h"

struct event_base;
struct movers;

enum { MOVERS_DAYS = 30, MOVERS_MAX = 1000000, MOVERS_OCTETS = 64 << 20 };

struct movers_options {
    const char *domain;
    const struct plan_stage *stage; /* copied */
    const struct route_rules *(*rules)(void *argument);
    const struct replica *(*replica)(void *argument);
    struct books *(*books)(void *argument); /* NULL while they can't be used */
    /* The addresses, a line each, sorted; the movers are gone by then.  `problem`: NULL,
     * or why they could not be found. */
    void (*done)(void *argument, struct span lines, const char *problem);
    void *argument;
};

struct movers *movers_start(
    struct event_base *base, const struct movers_options *options);
void movers_free(struct movers *movers); /* `done` is not called */

#endif

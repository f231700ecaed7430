/*
 * pinnings - the guard's pins on their way to Redis: one that Redis can't take now (away,
 * full, read-only) is kept, and written when it can.
 *
 * At most PINNINGS_MAX wait; what is more comes again with an attempt an hour later, and
 * one line says so.  One whose time is over meanwhile is given up.
 */
#ifndef POLICYD_CUTOVER_PINNINGS_H
#define POLICYD_CUTOVER_PINNINGS_H

#include "policyd/cutover/plan_context.h"
#include "policyd/plan/plan_guard.h"

struct pinnings;

enum { PINNINGS_MAX = 2000, PINNINGS_AGAIN_MS = 5000 };

struct pinnings *pinnings_new(
    const struct plan_context *context, const struct plan_owner *owner);
void pinnings_free(struct pinnings *pinnings); /* after the store */

/* GUARD_PIN_UNKNOWN for an hour, else for a week, from `now` on (unix time); its line is
 * logged now. */
void pinnings_add(struct pinnings *pinnings, const char *domain,
    const struct guard_finding *finding, int64_t now);

/* Once a second: those that wait are tried again. */
void pinnings_look(struct pinnings *pinnings, int64_t now);

#endif

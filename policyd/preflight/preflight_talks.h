/*
 * preflight_talks - dialogs with both backends, for the checks: at most one connection at
 * a time to a side, and one new one a second.  Nothing is sent.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_TALKS_H
#define POLICYD_PREFLIGHT_PREFLIGHT_TALKS_H

#include "policyd/preflight/preflight_places.h"

enum { PREFLIGHT_OLD, PREFLIGHT_NEW, PREFLIGHT_SIDES };

struct preflight_talks {
    const struct preflight_places *sides[PREFLIGHT_SIDES]; /* NULL: not asked */
    const char *hello;                                     /* our name */
    const char *probe;                                     /* address; NULL: none */
    const char *invented;                                  /* one that nobody has */
    const char *foreign; /* a sender elsewhere, for new; NULL: none */
    /* What Postfix sends from, each side's by family; "": any. */
    const char *source4[PREFLIGHT_SIDES];
    const char *source6[PREFLIGHT_SIDES];
    uint64_t budget_ms;
};

/* Room for both sides' places; texts live in the arena.  Places that no time was left for
 * have a trouble that says so. */
size_t preflight_talks_run(const struct preflight_talks *talks,
    struct check_talk out[PREFLIGHT_SIDES * CHECK_PLACES_MAX], struct arena *arena);

/*
 * RCPT of each of them at one place: five a second, over one connection at a time.  Gives
 * what ended it before all were asked, NULL where nothing did.  `asked` is told how far
 * it is after each five.
 */
const char *preflight_movers_run(const struct preflight_place *place, const char *hello,
    struct check_mover *movers, size_t count,
    void (*asked)(void *argument, size_t so_far), void *argument, struct arena *arena);

/* So many sessions with one place at once. */
void preflight_sessions_run(const struct preflight_place *place, const char *hello,
    unsigned wanted, struct check_sessions *sessions, struct arena *arena);

#endif

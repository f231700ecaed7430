/*
 * scan_decide - findings and configuration to a verdict.  Pure.
 *
 * Infected goes before all else; what could not be scanned is never called clean; spam
 * counts last.  What may be better next time is on_fail's; what lies in the message has
 * an option for each doubt and is never deferred: later it would be the same.
 */
#ifndef MILTERS_SCAN_SCAN_DECIDE_H
#define MILTERS_SCAN_SCAN_DECIDE_H

#include "milters/protocol/verdict.h"
#include "milters/scan/scan_wire.h"
#include "milters/scan/spamd_wire.h"
#include "shared/base/arena.h"

enum scan_on_infected {
    ON_INFECTED_REJECT,
    ON_INFECTED_HOLD,
    ON_INFECTED_TAG,
    ON_INFECTED_DISCARD
};
enum scan_on_fail { ON_FAIL_TEMPFAIL, ON_FAIL_ACCEPT };
enum scan_on_part { ON_PART_TAG, ON_PART_FAIL, ON_PART_INFECTED };
enum scan_on_spam { ON_SPAM_TAG, ON_SPAM_HOLD, ON_SPAM_REJECT };
enum scan_on_spamd_fail { ON_SPAMD_FAIL_ACCEPT, ON_SPAMD_FAIL_TEMPFAIL };

/* The choices of [scan], in the order of their names in the configuration. */
struct scan_rules {
    int on_infected;
    int on_fail;
    int on_part[SCAN_DOUBTS]; /* what not the whole truth is known of */
    int on_spam;
    int on_spamd_fail;
    int64_t spam_hold; /* thousandths; INT64_MAX: spamd's own threshold */
    int64_t spam_reject;
};

enum { SCAN_EDITS_MAX = 8 };

/* Why a message has no result of a worker. */
enum scan_missing {
    SCAN_DONE,      /* it has */
    SCAN_TOO_BIG,   /* above max_message */
    SCAN_NOT_READY, /* no worker has signatures yet */
    SCAN_BUSY,      /* none was free in time */
    SCAN_TIMEOUT,   /* not done in time */
    SCAN_DIED,      /* the worker died at it */
    SCAN_KILLER,    /* two workers ended at it before: not tried again */
    SCAN_CRASHER,   /* two workers crashed at it: so would others */
    SCAN_TROUBLE,   /* no memory, no descriptor: ours */
    SCAN_FORGED,    /* more fields that look like ours than can be removed: refused */
};

enum spamd_state { SPAMD_OFF, SPAMD_DONE, SPAMD_UNKNOWN };

struct scan_findings {
    enum scan_missing missing;
    struct scan_result result; /* of SCAN_DONE */
    enum spamd_state spamd;
    struct spamd_reply spam;   /* of SPAMD_DONE */
    const char *spamd_problem; /* of SPAMD_UNKNOWN */
    bool too_large_for_spamd;  /* SPAMD_UNKNOWN, and always will be */
};

/* The words of log line and metrics. */
struct scan_words {
    const char *clamav;    /* clean infected unscanned failed */
    const char *spamd;     /* ham spam unknown, or NULL where off */
    const char *virus;     /* of what is infected, or goes for it; else NULL */
    const char *ambiguous; /* why MIME has two readings; NULL: it has one */
};

/*
 * Texts live in `arena`.  `scanned_by` is the value of X-Virus-Scanned.  Adds our own
 * fields to `verdict`, whose edits already delete what came in under their names.
 */
void scan_decide(const struct scan_rules *rules, const struct scan_findings *findings,
    const char *scanned_by, struct arena *arena, struct verdict *verdict,
    struct scan_words *words);

/* Whether a field that came with the mail would be taken for ours. */
bool scan_is_ours(struct span name, bool spamd);

#endif

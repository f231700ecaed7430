/*
 * plan_entry - what was read of one domain's plan: both hashes as they stand in Redis,
 * the plan that they mean, the outcomes by slot, the judge's sums.
 *
 * Answers of Redis are handed in; what can't be read as what it should be is told in
 * `problem` or passed over.
 */
#ifndef POLICYD_CUTOVER_PLAN_ENTRY_H
#define POLICYD_CUTOVER_PLAN_ENTRY_H

#include "policyd/plan/plan_judge.h"
#include "policyd/plan/plan_preflight.h"
#include "policyd/plan/plan_record.h"
#include "policyd/plan/plan_series.h"
#include "policyd/redis/redis_reply.h"
#include "policyd/rehearsal/rehearsal_gate.h"
#include "shared/base/arena.h"

enum { PLAN_FINGERPRINT_MAX = 64 };

struct plan_hash {
    struct domain_field fields[DOMAIN_STATE_FIELDS_MAX];
    size_t count;
};

struct plan_entry {
    char domain[256];
    struct arena *arena; /* what the hashes point to; of the last read */
    struct plan_hash plan;
    struct plan_hash state;
    bool is_there; /* Redis has a plan */
    bool is_bad;   /* `problem` says why; `record` is then what it was before */
    char problem[400];
    struct plan_record record;
    uint64_t top_rev;                /* the highest that was seen here */
    struct plan_preflight preflight; /* as it was kept last */
    struct rehearsal_view rehearsal; /* what the gateways say of those who move next */

    struct plan_series series;
    int64_t read_from_ms; /* slots from there on are asked for */
    int64_t read_to_ms;   /* up to where the reading of all of them has come */
    int64_t read_next_ms; /* when all of it is read again */
    bool was_asked_whole; /* in this round, its last part */
    bool is_whole;        /* all since the stage began was read */
    int64_t unread_ms;    /* a slot whose counts can't be read; 0: none */
    enum domain_side unread_side;

    struct judge judge;
    struct judge slow_judge;
    bool has_own; /* our own part of it, of this stage */
    struct judge own_judge;
    struct judge own_slow;

    char expected[DOMAIN_SIDES][PLAN_FINGERPRINT_MAX + 1]; /* certificates */

    bool is_writing; /* a commit is on its way */
    void *owner;     /* who decides keeps his own here */
};

struct plan_entry *plan_entry_new(struct span domain, int64_t slot_ms);
void plan_entry_free(struct plan_entry *entry);

/* HGETALL of both.  The plan's comes first, and its end is plan_entry_read. */
void plan_entry_take_plan(struct plan_entry *entry, const struct redis_reply *reply);
void plan_entry_take_state(struct plan_entry *entry, const struct redis_reply *reply);

/* Of one slot of one side; false: what is there are no counts. */
bool plan_entry_take_counts(struct plan_entry *entry, enum domain_side side,
    int64_t slot_ms, const struct redis_reply *reply);

/* HGETALL of judge:<domain>: the sums of those gateways that judge the same stage, and
 * what this gateway has there. */
void plan_entry_take_judges(
    struct plan_entry *entry, const char *gateway, const struct redis_reply *reply);

/* HGETALL of probe:<domain>: the certificates that are expected. */
void plan_entry_take_probes(struct plan_entry *entry, const struct redis_reply *reply);

/* HGETALL of preflight:<domain>. */
void plan_entry_take_preflight(struct plan_entry *entry, const struct redis_reply *reply);

/* HGETALL of rehearsal:<domain>. */
void plan_entry_take_rehearsal(
    struct plan_entry *entry, int64_t now, const struct redis_reply *reply);

/* `SINCE failures|slow`, the value of one gateway. */
enum { PLAN_JUDGES_MAX = 2 * JUDGE_TEXT_MAX + 32 };
void plan_entry_judges_write(int64_t since, const struct judge *judge,
    const struct judge *slow, char out[PLAN_JUDGES_MAX]);

#endif

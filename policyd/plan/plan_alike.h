/*
 * plan_alike - refusals in the same words: is it the mailboxes, or are we refused?  Pure.
 *
 * Words are the same whatever addresses, the recipient's name, host names and numbers
 * stand in them.
 */
#ifndef POLICYD_PLAN_PLAN_ALIKE_H
#define POLICYD_PLAN_PLAN_ALIKE_H

#include "shared/base/hash.h"
#include "shared/base/span.h"

enum {
    PLAN_ALIKE = 20, /* more recipients than that ... */
    PLAN_ALIKE_MS = 60000,
    PLAN_ALIKE_ASKED = 10,
};

/* One kind of reply; zeroed but for the hash: never heard. */
struct plan_alike {
    uint64_t hash;
    int64_t heard_ms;
    int64_t refused_ms[PLAN_ALIKE + 1]; /* the latest, a ring */
    size_t refused;                     /* in all */
    struct {
        int64_t refused_ms;
        bool accepted;
    } answers[PLAN_ALIKE_ASKED]; /* of old, the latest, a ring */
    size_t answered;
    size_t open; /* recipients that are asked about or held back */
    size_t held; /* of those, held back */
    size_t rows; /* of all that wait */
    size_t pinned;
    char last_pin[200]; /* cut: "" */
};

uint64_t plan_alike_hash(struct span reply, struct span recipient, struct hash_key key);

void plan_alike_refused(struct plan_alike *alike, int64_t now_ms);
void plan_alike_answered(struct plan_alike *alike, int64_t refused_ms, bool accepted);

enum plan_alike_word {
    PLAN_ALIKE_FEW,     /* mailboxes */
    PLAN_ALIKE_NOT_YET, /* many; too few answers */
    PLAN_ALIKE_SPAM,    /* many, whom old refuses as well */
    PLAN_ALIKE_US,      /* many, whom old takes: we are refused */
};

enum plan_alike_word plan_alike_judge(const struct plan_alike *alike);

#endif

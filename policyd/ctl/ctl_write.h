/*
 * ctl_write - what postshiftctl writes to Redis: each change is one script, which writes
 * the values and their events, or nothing.
 */
#ifndef POLICYD_CTL_CTL_WRITE_H
#define POLICYD_CTL_CTL_WRITE_H

#include "policyd/ctl/ctl_store.h"

/* One entry of the stream of events; who, host and time are added.  NULL is "". */
struct ctl_event {
    const char *domain;
    const char *what; /* "weight", "pin", ... */
    const char *key;  /* the address, unit or list it is about; NULL: none, left out */
    const char *from; /* NULL: what the first key had before */
    const char *to;
    const char *why;
    uint64_t rev; /* 0: none */
};

/* A change of a domain's hash, and of its plan's where that is named. */
struct ctl_change {
    const struct domain_field *set;
    size_t set_count;
    const struct span *drop; /* names of fields */
    size_t drop_count;
    const struct ctl_event *events;
    size_t event_count;
    const struct ctl_hash *plan;         /* as it was read; NULL: it is left alone */
    const struct domain_field *plan_set; /* an empty value takes the field out */
    size_t plan_set_count;
};

/*
 * Writes where the hash (and the plan's) is still as it was read, field by field, so that
 * plain redis-cli edits count too; else *written is false and nothing was changed.
 */
bool ctl_write_domain(struct ctl *ctl, const struct ctl_domain *domain,
    const struct ctl_change *change, bool *written, struct error *error);

/* The `rev` that a change of ours gives: the larger of rev + 1 and unix time. */
uint64_t ctl_write_next_rev(const struct ctl_domain *domain);

/* A string that goes by itself after so many seconds, and its event. */
bool ctl_write_for_a_time(struct ctl *ctl, struct span key, struct span value,
    unsigned seconds, const struct ctl_event *event, struct error *error);

/* Sets one field of a hash, and writes the event. */
bool ctl_write_field(struct ctl *ctl, struct span key, const struct domain_field *field,
    const struct ctl_event *event, struct error *error);

/*
 * Writes one string (an empty value removes the key) and an event.  *before is what was
 * there, in the arena, data NULL where nothing was.  Removing what isn't there writes no
 * event.
 */
bool ctl_write_value(struct ctl *ctl, struct span key, struct span value,
    const struct ctl_event *event, struct span *before, struct error *error);

/*
 * Adds a member to a set or takes it out, and writes the event where that changed
 * something.
 */
bool ctl_write_member(struct ctl *ctl, struct span key, struct span member, bool removes,
    const struct ctl_event *event, bool *changed, struct error *error);

/* An event alone: what was done is not in Redis. */
bool ctl_write_event(struct ctl *ctl, const struct ctl_event *event, struct error *error);

/* An address and the name that takes its place: of its pin and its unit, in the ledger of
 * its domain, in lists, and where others have it as their unit (keys of both). */
struct ctl_erasure {
    struct span address;
    struct span name;
    struct span domain;
    const struct span *lists;
    size_t list_count;
    const struct span *units;
    size_t unit_count;
};

struct ctl_erased {
    uint64_t pins;
    uint64_t units;
    uint64_t ledger;
    uint64_t lists;
};

/* All in one step, with its event. */
bool ctl_write_erase(struct ctl *ctl, const struct ctl_erasure *erasure,
    const struct ctl_event *event, struct ctl_erased *erased, struct error *error);

/*
 * Many strings, in bunches, then one event.  `seconds` 0: for ever; else they go by
 * themselves then.
 */
struct ctl_values {
    const struct span *keys;
    const struct span *values;
    size_t count;
    unsigned seconds;
};
bool ctl_write_values(struct ctl *ctl, const struct ctl_values *values,
    const struct ctl_event *event, struct error *error);

#endif

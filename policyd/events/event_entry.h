/*
 * event_entry - an entry of the stream `events` and its place in the chain.  Pure.
 *
 * Of a chained entry, `seq` counts from 1, `prev` is the hash of the one before it (64
 * zeros for the first) and `hash` is
 *
 *     SHA-256(prev, in 64 hex digits, then the canonical line)
 *
 * in 64 hex digits.  The canonical line is each pair but `prev` and `hash`, in the order
 * in which they stand in the entry, as `LENGTH:NAME,LENGTH:VALUE,` with decimal lengths
 * in octets: `4:time,10:1764000000,3:who,4:anna,`.  So no two entries have one line,
 * whatever stands in them.  The head of the chain is the last entry's `SEQ:HASH`, kept
 * in the key `events:head`.
 */
#ifndef POLICYD_EVENTS_EVENT_ENTRY_H
#define POLICYD_EVENTS_EVENT_ENTRY_H

#include "shared/base/buffer.h"

enum {
    EVENT_PAIRS_MAX = 32,
    EVENT_HASH_SIZE = 65, /* 64 hex digits */
    EVENT_HEAD_SIZE = 88,
    EVENT_ID_SIZE = 48,
    EVENT_LINE_MAX = 256 << 10,
};

/* What a JSON number holds exactly. */
#define EVENT_SEQ_MAX (UINT64_C(1) << 53)

struct event_pair {
    struct span name;
    struct span value;
};

/* Borrowed. */
struct event_entry {
    struct span id; /* of the stream */
    struct event_pair pairs[EVENT_PAIRS_MAX];
    size_t count;
    bool is_odd; /* it has more pairs, or longer ones, than any of ours */
};

/* seq 0 and zeros: nothing is chained yet. */
struct event_head {
    uint64_t seq;
    char hash[EVENT_HASH_SIZE];
};

/* "" where there is none. */
struct span event_entry_value(const struct event_entry *entry, const char *name);

enum event_link {
    EVENT_PLAIN,   /* neither seq, prev nor hash: it is not chained */
    EVENT_CHAINED, /* well formed; whether the hash is right is another question */
    EVENT_DAMAGED, /* some of them, or what is no number and no hash */
};
/* What is damaged leaves its part of `own` (a seq of 0, zeros) and of `prev` (""). */
enum event_link event_entry_link(
    const struct event_entry *entry, struct event_head *own, char prev[EVENT_HASH_SIZE]);

/* The canonical line; the buffer overflows above EVENT_LINE_MAX. */
void event_line_write(const struct event_pair *pairs, size_t count, struct buffer *out);

/* What event_line_write wrote, and nothing else; the spans are parts of `line`. */
bool event_line_parse(struct span line, struct event_entry *entry);

void event_hash(
    const char prev[EVENT_HASH_SIZE], struct span line, char out[EVENT_HASH_SIZE]);

/* The hash that an entry should have behind `prev`. */
void event_entry_hash(const struct event_entry *entry, const char prev[EVENT_HASH_SIZE],
    char out[EVENT_HASH_SIZE]);

void event_head_init(struct event_head *head);
bool event_head_parse(struct span text, struct event_head *head); /* "12:9f86d0..." */
void event_head_write(const struct event_head *head, char out[EVENT_HEAD_SIZE]);

#endif

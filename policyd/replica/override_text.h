/*
 * override_text - the override file's text to what wins over Redis, and back.
 *
 * Lines `DOMAIN weight=0`, `DOMAIN mode=old`, or both words on one line; `#` starts a
 * comment line; blank lines count for nothing.  A mode is any but forgotten.  A domain
 * may stand on several lines, but each word once.  A bad line is reported with its number
 * and changes nothing; the others count.
 */
#ifndef POLICYD_REPLICA_OVERRIDE_TEXT_H
#define POLICYD_REPLICA_OVERRIDE_TEXT_H

#include "policyd/replica/replica.h"
#include "shared/base/buffer.h"
#include "shared/base/domain.h"

enum {
    OVERRIDE_TEXT_MAX =
        4 << 20, /* octets of a file; what lies behind counts as a bad line */
    OVERRIDE_PROBLEMS_MAX = 100, /* more are counted, not kept */
};

struct override_entry {
    char domain[DOMAIN_MAX + 1]; /* canonical */
    struct replica_override override;
};

struct override_problem {
    size_t line;
    char domain[DOMAIN_MAX + 1]; /* that the line is about; "": it names none */
    struct error error;
};

struct override_text {
    struct override_entry *entries; /* one a domain */
    size_t count;
    struct override_problem *problems;
    size_t problem_count; /* kept ones */
    size_t bad_lines;
    bool unclear; /* a bad line, of which nothing is known, may be about any domain */
};

/* Fills `out`; true when no line is bad. */
bool override_text_parse(struct span text, struct override_text *out);

/*
 * A typing error ends no override: a domain of which `now` has nothing but bad lines
 * keeps what `before` said of it, and with more problems than are kept, or a line whose
 * domain can't be told, so does each that is missing.
 */
void override_text_keep(struct override_text *now, const struct override_text *before);

/*
 * The same where nothing is known of what was said before, as at start: what is said now
 * of such a domain is unclear.
 */
void override_text_doubt(struct override_text *now);
void override_text_clear(struct override_text *text);

/*
 * Appends `text` to `out` with what it says of `domain` (canonical) replaced by
 * `override` (nothing in it: just taken out).  Comments and the lines of other domains
 * stay as they are, bad ones too.  False: `out` is full.
 */
bool override_text_replace(struct span text, struct span domain,
    const struct replica_override *override, struct buffer *out);

#endif
